/* Life of a block in memory:
 *
 *   assembled or proposed ─▶ FLYING ─FINAL─▶ FINAL ─executed, certified─▶ answered, gone
 *                              │ ▲                (nobody waits: gone when executed)
 *                         DROP ▼ │ BODY_OK again
 *                            DROPPED ─a block of its height is final─▶ gone
 *
 * "Gone" waits for the jobs of storage that still read it (I3): DEAD until then. */
#include "node/core_int.h"

static void certify_up_to(struct core *c, uint64_t height, const struct certificate *cert);
static void sweep_forks(struct core *c);
static void note_digest(struct core *c, const struct flow_block *flow);
static bool has_ticket(const struct flow_block *flow);

/* --- the table -------------------------------------------------------------------------------- */

struct core_block *core_block_find(const struct core *c, const struct hash *hash)
{
    for (uint32_t i = 0; i < c->block_count; i++) {
        struct core_block *b = c->blocks[i];
        if (b->state == BLOCK_DEAD || b->state == BLOCK_CAUGHT) continue;
        if (hash_equal(&b->flow->hash, hash)) return b;
    }
    return NULL;
}

struct core_block *core_block_of(const struct core *c, const struct flow_block *flow)
{
    for (uint32_t i = 0; i < c->block_count; i++)
        if (c->blocks[i]->flow == flow) return c->blocks[i];
    return NULL;
}

/* Dropped blocks make room, the lowest first. */
static void make_room(struct core *c)
{
    if (c->block_count < CORE_BLOCKS_MAX) return;
    struct core_block *lowest = NULL;
    for (uint32_t i = 0; i < c->block_count; i++) {
        struct core_block *b = c->blocks[i];
        if (b->state != BLOCK_DROPPED || b->jobs > 0) continue;
        if (lowest == NULL || b->flow->header.height < lowest->flow->header.height) lowest = b;
    }
    if (lowest != NULL) core_block_free(c, lowest);
}

struct core_block *core_block_add(struct core *c, struct flow_block *flow)
{
    make_room(c);
    struct core_block *b = NULL;
    if (c->block_count < CORE_BLOCKS_MAX) b = mem_alloc_zero(c->mem, 1, sizeof *b);
    if (b == NULL) {
        flow_block_free(flow);
        return NULL;
    }
    b->state = BLOCK_FLYING;
    b->flow = flow;
    c->blocks[c->block_count++] = b;
    return b;
}

void core_block_free(struct core *c, struct core_block *b)
{
    uint32_t at = 0;
    while (at < c->block_count && c->blocks[at] != b)
        at++;
    must(at < c->block_count);
    c->blocks[at] = c->blocks[--c->block_count];
    idtable_fini(&b->ids);
    flow_block_free(b->flow);
    mem_free(c->mem, b->notes);
    mem_free(c->mem, b);
}

void core_block_leave(struct core *c, struct core_block *b)
{
    if (b->jobs > 0 || b->is_executing) return; /* I3 */
    if (b->state == BLOCK_DEAD) {
        core_block_free(c, b);
        return;
    }
    if (b->state != BLOCK_FINAL || !b->is_executed) return;
    uint64_t height = b->flow->header.height;
    if (c->has_failed) return; /* I6: core_refuse_rest answers. */
    bool is_answered = height <= c->answered_height;
    if (!is_answered && has_ticket(b->flow)) return;
    struct core_block **place = &c->chain[height % CORE_CHAIN_MAX];
    if (*place == b) *place = NULL;
    if (is_answered && has_ticket(b->flow)) {
        struct flow_block *flow = b->flow; /* The doors own it from now on. */
        b->flow = NULL;
        core_block_free(c, b);
        c->ports->answer(c->ports->context, &flow->flow);
        return;
    }
    core_block_free(c, b);
}

void core_block_drop(struct core *c, struct core_block *b)
{
    if (b->state != BLOCK_FLYING) return;
    pool_unmark(c->pool, b->flow);
    b->state = BLOCK_DROPPED;
}

/* What can never be final any more: other blocks of final heights. */
static void sweep_forks(struct core *c)
{
    for (uint32_t i = c->block_count; i > 0; i--) {
        struct core_block *b = c->blocks[i - 1];
        if (b->state != BLOCK_FLYING && b->state != BLOCK_DROPPED) continue;
        if (b->flow->header.height > c->final_height) continue;
        core_block_drop(c, b);
        b->state = BLOCK_DEAD;
        core_block_leave(c, b);
    }
}

/* --- the line ------------------------------------------------------------------------------- */

uint32_t core_block_line(const struct core *c,
                         const struct hash *tip,
                         struct core_block *out[CONSENSUS_LAG_MAX])
{
    uint32_t count = 0;
    struct core_block *b = core_block_find(c, tip);
    while (b != NULL && b->state != BLOCK_FINAL && count < CONSENSUS_LAG_MAX) {
        out[count++] = b;
        b = core_block_find(c, &b->flow->header.parent);
    }
    return count;
}

enum status core_block_recall(struct core *c, struct core_block *b)
{
    if (b->state != BLOCK_DROPPED) return ST_OK;
    b->state = BLOCK_FLYING;
    return pool_mark(c->pool, b->flow, c->mono_ms);
}

enum status core_block_recall_line(struct core *c, const struct hash *tip)
{
    struct core_block *line[CONSENSUS_LAG_MAX];
    uint32_t count = core_block_line(c, tip, line);
    for (uint32_t i = 0; i < count; i++)
        TRY(core_block_recall(c, line[i]));
    return ST_OK;
}

enum status core_block_follow_line(struct core *c)
{
    struct core_block *line[CONSENSUS_LAG_MAX];
    const struct hash tip = consensus_tip_hash(c->engine);
    uint32_t count = core_block_line(c, &tip, line);
    for (uint32_t i = 0; i < c->block_count; i++) {
        struct core_block *b = c->blocks[i];
        bool is_on_line = false;
        for (uint32_t k = 0; k < count && b->state == BLOCK_FLYING; k++)
            is_on_line = is_on_line || line[k] == b;
        if (!is_on_line) core_block_drop(c, b);
    }
    for (uint32_t i = 0; i < count; i++)
        TRY(core_block_recall(c, line[i]));
    return ST_OK;
}

static bool has_ticket(const struct flow_block *flow)
{
    for (uint32_t i = 0; i < flow->tx_count; i++)
        if (flow->txs[i]->ticket != NULL) return true;
    return false;
}

static const uint8_t *id_of(const void *context, uint32_t number)
{
    const struct flow_block *flow = context;
    return flow->txids[number].bytes;
}

bool core_block_has_id(struct core *c, struct core_block *b, const struct hash *txid)
{
    if (b->ids.slot_count == 0) {
        idtable_init(&b->ids, c->mem, id_of, b->flow, c->config.key);
        if (idtable_reserve(&b->ids, b->flow->tx_count + 1) != ST_OK) return true;
        for (uint32_t i = 0; i < b->flow->tx_count; i++)
            if (idtable_find(&b->ids, b->flow->txids[i].bytes) == IDTABLE_NONE)
                idtable_add(&b->ids, i);
    }
    return idtable_find(&b->ids, txid->bytes) != IDTABLE_NONE;
}

/* --- our own blocks --------------------------------------------------------------------------- */

static enum status encode_body(struct core *c, struct flow_block *flow)
{
    struct span *txs = arena_alloc(&flow->outcome.arena, (flow->tx_count + 1u) * sizeof *txs);
    struct body *body = arena_alloc_zero(&flow->outcome.arena, 1, sizeof *body);
    if (txs == NULL || body == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < flow->tx_count; i++)
        txs[i] = span_of(flow->txs[i]->bytes, flow->txs[i]->size);
    body->txs = txs;
    body->tx_count = flow->tx_count;
    body->has_final_cert = c->proposed_has_final_cert;
    body->has_res_cert = c->proposed_has_res_cert;
    if (body->has_final_cert) body->final_cert = c->proposed_final_cert;
    if (body->has_res_cert) body->res_cert = c->proposed_res_cert;
    if (c->proposed_notes != NULL) body->notes = *c->proposed_notes;
    body_encode(&flow->body_bytes, body);
    return buf_status(&flow->body_bytes);
}

static struct hash root_of(const struct flow_block *flow)
{
    struct merkle_tree tree;
    tree.count = 0;
    for (uint32_t i = 0; i < flow->tx_count; i++)
        merkle_tree_add(&tree, &flow->views[i].leaf);
    return merkle_tree_root(&tree);
}

/* Late votes are the engine's choice, evidence is the core's. */
static enum status make_notes(struct core *c, const struct consensus_effect *need)
{
    struct body_notes *notes = mem_alloc_zero(c->mem, 1, sizeof *notes);
    if (notes == NULL) return ST_NO_MEMORY;
    if (need->notes != NULL) *notes = *need->notes;
    core_evidence_choose(c, notes);
    core_incidents_choose(c, notes);
    enum status st = notes_copy(&c->proposed_notes, c->mem, notes);
    mem_free(c->mem, notes);
    return st;
}

enum status core_block_batch(struct core *c, const struct consensus_effect *need)
{
    struct pool_take take = {.tip = {.height = need->height, .time_ms = need->time_ms},
                             .count_max = c->config.engine.block_txs_max,
                             .bytes_max = CORE_BATCH_BYTES};
    if (c->is_stopping) take.count_max = 0;
    /* What lost a view may be built on again: its transactions are not to be had twice. */
    TRY(core_block_recall_line(c, &need->hash));
    uint32_t count = pool_take(c->pool, c->batch, &take);
    flow_block_free(c->proposed); /* Of a view that is no more. */
    c->proposed = NULL;
    enum status st = flow_block_new(&c->proposed, c->mem, c->batch, count);
    if (st != ST_OK) {
        for (uint32_t i = 0; i < count; i++)
            flow_tx_free(c->batch[i]);
        return st;
    }
    c->proposed_has_final_cert = need->final_cert != NULL;
    c->proposed_has_res_cert = need->res_cert != NULL;
    if (need->final_cert != NULL) c->proposed_final_cert = *need->final_cert;
    if (need->res_cert != NULL) c->proposed_res_cert = *need->res_cert;
    mem_free(c->mem, c->proposed_notes);
    c->proposed_notes = NULL;
    TRY(make_notes(c, need));
    TRY(encode_body(c, c->proposed));
    core_push(c, CONSENSUS_ON_BATCH, NULL);
    uint32_t last = (c->queue_first + c->queue_count - 1) % CORE_QUEUE_MAX;
    c->queue[last].batch =
        (struct consensus_batch){.tx_root = root_of(c->proposed),
                                 .tx_count = count,
                                 .body_size = (uint32_t)c->proposed->body_bytes.size,
                                 .notes_hash = notes_hash(c->proposed_notes)};
    return ST_OK;
}

static enum status finish_flow(struct flow_block *flow, const struct header *header)
{
    flow->header = *header;
    flow->hash = header_hash(header);
    header_encode(&flow->header_bytes, header);
    TRY(buf_status(&flow->header_bytes));
    (void)buf_extend(&flow->bytes, flow->header_bytes.size + flow->body_bytes.size + 32);
    flow->bytes.size = 0;
    block_encode(&flow->bytes, buf_span(&flow->header_bytes), buf_span(&flow->body_bytes));
    buf_fini(&flow->body_bytes);
    return buf_status(&flow->bytes);
}

enum status core_block_propose(struct core *c, const struct consensus_effect *effect)
{
    struct flow_block *flow = c->proposed;
    const struct header *header = &effect->proposal->header;
    must(flow != NULL);
    must(header->tx_count == flow->tx_count);
    TRY(finish_flow(flow, header));
    must(hash_equal(&flow->hash, &effect->hash));
    c->proposed = NULL;
    struct core_block *b = core_block_add(c, flow);
    if (b == NULL) return ST_NO_MEMORY;
    b->has_sig = true;
    b->sig = effect->proposal->sig;
    b->has_final_cert = c->proposed_has_final_cert;
    b->has_res_cert = c->proposed_has_res_cert;
    b->final_cert = c->proposed_final_cert;
    b->res_cert = c->proposed_res_cert;
    b->notes = c->proposed_notes;
    c->proposed_notes = NULL;
    TRY(pool_mark(c->pool, flow, c->mono_ms));
    core_seen_note(c, header, &flow->hash);
    core_gossip_flush(c); /* Transactions before the block that names them. */
    core_block_send(c, b, CORE_NOBODY);
    return ST_OK;
}

void core_block_send(struct core *c, const struct core_block *b, uint32_t peer)
{
    if (c->node_count == 1) return;
    must(b->has_sig);
    const struct flow_block *flow = b->flow;
    buf_reset(&c->items);
    for (uint32_t i = 0; i < flow->tx_count; i++)
        buf_put(&c->items, hash_span(&flow->txs[i]->tx.leaf));
    if (buf_status(&c->items) != ST_OK) return;
    struct wire_message *m = c->answer;
    m->kind = WIRE_PROPOSAL;
    m->proposal.proposal = (struct proposal){.header = flow->header, .sig = b->sig};
    m->proposal.has_final_cert = b->has_final_cert;
    m->proposal.has_res_cert = b->has_res_cert;
    if (b->has_final_cert) m->proposal.final_cert = b->final_cert;
    if (b->has_res_cert) m->proposal.res_cert = b->res_cert;
    m->proposal.notes = b->notes != NULL ? *b->notes : (struct body_notes){0};
    m->proposal.leaves = buf_span(&c->items);
    buf_reset(&c->out);
    wire_encode(&c->out, m);
    if (peer == CORE_NOBODY)
        core_send_all(c, CORE_URGENT);
    else
        core_send(c, peer, CORE_URGENT);
}

/* --- blocks from our own disk ----------------------------------------------------------------- */

static enum status decode_parts(struct core *c, struct span bytes, struct core_block *b)
{
    struct span header_bytes;
    struct span body_bytes;
    struct arena arena;
    TRY(block_split(bytes, &header_bytes, &body_bytes));
    arena_init(&arena, c->mem, 0);
    struct body *body = arena_alloc_zero(&arena, 1, sizeof *body);
    enum status st = body == NULL ? ST_NO_MEMORY : body_decode(body, &arena, body_bytes);
    if (st == ST_OK) {
        b->has_final_cert = body->has_final_cert;
        b->has_res_cert = body->has_res_cert;
        if (body->has_final_cert) b->final_cert = body->final_cert;
        if (body->has_res_cert) b->res_cert = body->res_cert;
        st = notes_copy(&b->notes, c->mem, &body->notes);
        if (st != ST_OK) goto out;
        buf_put(&b->flow->bytes, bytes);
        buf_put(&b->flow->header_bytes, header_bytes);
        st = buf_status(&b->flow->bytes);
        if (st == ST_OK) st = buf_status(&b->flow->header_bytes);
    }
out:
    arena_fini(&arena);
    return st;
}

/* Its signatures were verified before it was written. */
enum status core_block_decode(struct core *c, struct span bytes, struct core_block **out)
{
    struct flow_block *flow = NULL;
    enum status st = replay_decode(&flow, c->mem, bytes);
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_CORRUPT;
    struct core_block *b = core_block_add(c, flow);
    if (b == NULL) return ST_NO_MEMORY;
    st = decode_parts(c, bytes, b);
    if (st == ST_OK)
        *out = b;
    else
        core_block_free(c, b);
    return st;
}

/* --- final, executed, answered ---------------------------------------------------------------- */

/* Who catches up has no votes on what others ordered: it cannot say who is missing. */
static void note_unseen(struct core *c, uint64_t height)
{
    uint32_t signers[VOTE_PARTS];
    (void)consensus_signers(c->engine, height, signers);
    uint32_t own = c->self < c->n ? 1u << c->self : 0;
    uint32_t others = (signers[VOTE_P1] | signers[VOTE_P2]) & ~own;
    if (others == 0) c->unseen_height = height;
}

static void note_final(struct core *c,
                       const struct flow_block *flow,
                       const struct certificate *cert)
{
    c->final_height = flow->header.height;
    c->final_hash = flow->hash;
    c->final_header = flow->header;
    if (cert->entry_count > 0) c->final_cert = *cert;
    struct hash leaf = merkle_leaf(hash_span(&flow->hash));
    merkle_tree_add(&c->history, &leaf);
    must(c->history.count == c->final_height); /* I2 */
    if (flow->tx_count > 0) c->last_txs_height = c->final_height;
    note_unseen(c, c->final_height);
}

static void refuse_unknown(struct core *c, struct core_block *b)
{
    struct diag d = {0};
    diag_set(&d, "40003", "the transaction is ordered; its result is not certified here");
    diag_hint(&d, "Its result is in trustsql.transactions once the nodes agree on it.");
    for (uint32_t i = 0; i < b->flow->tx_count; i++)
        if (b->flow->txs[i]->ticket != NULL)
            core_refuse(c, flow_tx_ref(b->flow->txs[i]), ST_TIMEOUT, &d);
}

/* Its place in the row of final blocks; who still waits for the one that stood there waits no
 * longer. */
static void place(struct core *c, struct core_block *b)
{
    struct core_block **at = &c->chain[b->flow->header.height % CORE_CHAIN_MAX];
    struct core_block *old = *at;
    *at = b;
    if (old == NULL) return;
    refuse_unknown(c, old);
    old->state = BLOCK_DEAD;
    core_block_leave(c, old);
}

/* The quorum of this block has checked the certificate in it. The engine hears of catch-up at its
 * end; clients whose blocks are far below that need not wait for it, and their proofs stay short.
 */
static void use_result(struct core *c, const struct core_block *b)
{
    uint64_t height = b->res_cert.statement.height;
    if (b->has_res_cert && height > c->answered_height) core_result(c, height, &b->res_cert);
}

/* The mode follows the final blocks; execution steps its own copy with the same facts. */
static void note_facts(struct core *c, struct core_block *b)
{
    struct flow_block *flow = b->flow;
    struct block_content content = {.final_cert = b->has_final_cert ? &b->final_cert : NULL,
                                    .res_cert = b->has_res_cert ? &b->res_cert : NULL,
                                    .notes = b->notes};
    facts_of_block(&flow->facts, &flow->header, &content);
    if (!c->has_mode) return;
    (void)mode_step(&c->mode, &flow->facts, NULL);
    must(c->mode.height == flow->header.height);
}

enum status core_block_final(struct core *c, struct core_block *b, const struct certificate *cert)
{
    struct flow_block *flow = b->flow;
    if (flow->header.height != c->final_height + 1 ||
        !hash_equal(&flow->header.parent, &c->final_hash)) /* I2 */
        return ST_CORRUPT;
    b->state = BLOCK_FINAL;
    note_facts(c, b);
    TRY(flow_block_note_incidents(flow, b->notes));
    TRY(pool_settle(c->pool, flow));
    note_final(c, flow, cert);
    core_commit_note(c, b, cert);
    core_evidence_final(c, b);
    core_incidents_final(c, b);
    core_seen_final(c, &flow->header, &flow->hash);
    use_result(c, b);
    bool is_far = c->final_height - c->executed_height > CORE_CHAIN_KEPT;
    if (is_far && !has_ticket(flow)) {
        b->state = BLOCK_DEAD; /* Read again when its turn comes. */
        core_block_leave(c, b);
    } else {
        place(c, b);
    }
    sweep_forks(c);
    return ST_OK;
}

/* The block at execute_next, from memory or from the store; null: not now. */
static struct core_block *next_to_execute(struct core *c)
{
    uint64_t height = c->execute_next;
    struct core_block *b = c->chain[height % CORE_CHAIN_MAX];
    if (b != NULL && b->flow->header.height == height) return b;
    if (height > c->stored_height) return NULL;
    struct buf bytes;
    buf_init(&bytes, c->mem, 0);
    enum status st = c->ports->read_block(c->ports->context, height, &bytes);
    b = NULL;
    if (st == ST_OK) st = core_block_decode(c, buf_span(&bytes), &b);
    buf_fini(&bytes);
    if (st == ST_NO_MEMORY) return NULL;
    if (st != ST_OK) {
        core_fail(c, st, "a final block cannot be read again");
        return NULL;
    }
    b->state = BLOCK_FINAL;
    core_commit_note(c, b, &c->final_cert);
    place(c, b);
    return b;
}

void core_execute(struct core *c)
{
    while (!c->has_failed && c->executing < CONSENSUS_LAG_MAX) {
        if (c->execute_next > c->final_height || c->execute_next > c->execute_gate) return; /* I4 */
        struct core_block *b = next_to_execute(c);
        if (b == NULL) return;
        flow_block_note_wishes(b->flow);
        b->is_executing = true;
        enum status st = c->ports->execute(c->ports->context, b->flow);
        if (st != ST_OK) {
            b->is_executing = false;
            return; /* Its queue is full, or the node is ending. */
        }
        c->executing++;
        c->execute_next++;
    }
}

static struct hash next_config_of(const struct flow_block *flow)
{
    struct span next = flow->outcome.next_config;
    return next.size > 0 ? chain_config_hash(next) : (struct hash){{0}};
}

static void note_digest(struct core *c, const struct flow_block *flow)
{
    uint64_t height = flow->header.height;
    c->wanted_height = flow->outcome.wanted_height;
    c->digests[height % CORE_DIGESTS] =
        (struct core_digest){.height = height,
                             .next_config = next_config_of(flow),
                             .own = block_result_digest(&flow->outcome.result),
                             .chained = flow->outcome.digest};
}

const struct core_digest *core_digest_at(const struct core *c, uint64_t height)
{
    const struct core_digest *d = &c->digests[height % CORE_DIGESTS];
    return d->height == height && height <= c->executed_height ? d : NULL;
}

void core_on_executed(struct core *c, struct flow_block *flow)
{
    struct core_block *b = core_block_of(c, flow);
    must(b != NULL);
    must(b->is_executing);
    must(flow->header.height == c->executed_height + 1);
    must(c->executing > 0);
    c->executing--;
    b->is_executing = false;
    b->is_executed = true;
    c->executed_height = flow->header.height;
    note_digest(c, flow);
    struct flow_executed *early = flow_executed_new(flow);
    if (early != NULL) c->ports->answer(c->ports->context, &early->flow);
    if (c->has_failed) return;
    core_look_at_clocks(c);
    if (core_epoch_executed(c, flow) != ST_OK) {
        core_fail(c, ST_CORRUPT, "the epoch ends for another configuration than was decided here");
        return;
    }
    core_push(c, CONSENSUS_ON_EXECUTED, NULL);
    core_step_queued(c);
    const struct certificate *cert = &c->res_certs[c->executed_height % CONSENSUS_LAG_MAX];
    bool is_certified = cert->entry_count > 0 && cert->statement.height == c->executed_height;
    if (is_certified) certify_up_to(c, c->executed_height, cert);
    b = core_block_of(c, flow);
    if (b != NULL) core_block_leave(c, b);
    core_execute(c);
    core_epoch_settle(c);
}

/* d of the heights after the block's up to the certificate's. */
static bool fill_later(struct core *c, struct flow_block *flow, uint64_t height)
{
    uint64_t first = flow->header.height + 1;
    buf_reset(&flow->later);
    if (height - flow->header.height > PROOF_LATER_MAX) return false;
    for (uint64_t h = first; h <= height; h++) {
        const struct core_digest *d = core_digest_at(c, h);
        if (d == NULL) return false;
        buf_put(&flow->later, hash_span(&d->own));
    }
    return buf_status(&flow->later) == ST_OK;
}

/* A certificate of a height certifies all before it: D is a chain. */
static void certify_up_to(struct core *c, uint64_t height, const struct certificate *cert)
{
    const struct core_digest *d = core_digest_at(c, height);
    if (d == NULL || !hash_equal(&d->chained, &cert->statement.hash)) return; /* We differ. */
    c->certified = *cert;
    core_reads_certified(c, height);
    uint64_t h = c->answered_height + 1;
    if (height >= CORE_CHAIN_MAX && h <= height - CORE_CHAIN_MAX) h = height - CORE_CHAIN_MAX + 1;
    if (c->answered_height < height) c->answered_height = height;
    for (; h <= height; h++) {
        struct core_block *b = c->chain[h % CORE_CHAIN_MAX];
        if (b == NULL || b->flow->header.height != h) continue;
        b->flow->res_cert = *cert;
        b->flow->has_proof = has_ticket(b->flow) && fill_later(c, b->flow, height) &&
                             core_commit_prove(c, b->flow) && core_epoch_prove(c, b->flow);
        core_block_leave(c, b);
    }
    core_seen_certified(c, height);
}

void core_result(struct core *c, uint64_t height, const struct certificate *cert)
{
    must(cert != NULL);
    must(cert->statement.height == height);
    /* Proven cheating in raft: bodies show certificates still, and nobody is told final (1.18). */
    if (c->engine != NULL && consensus_is_final_halted(c->engine)) return;
    if (height > c->result_height) c->result_height = height;
    c->res_certs[height % CONSENSUS_LAG_MAX] = *cert;
    if (height <= c->executed_height) certify_up_to(c, height, cert);
}

void core_refuse(struct core *c, struct flow_tx *t, enum status st, const struct diag *d)
{
    struct ticket *ticket = t->ticket;
    if (ticket == NULL) {
        flow_tx_free(t);
        return;
    }
    ticket->status = st;
    ticket->diag = *d;
    /* A block that lost its view may share it: the refusal leaves on its own. */
    struct flow_tx *carrier = t;
    if (atomic_load(&t->refs) > 1) carrier = flow_tx_new(c->mem, span_of(NULL, 0));
    if (carrier == NULL) carrier = t;
    if (carrier != t) {
        carrier->ticket = ticket;
        t->ticket = NULL;
        flow_tx_free(t);
    }
    carrier->flow.kind = FLOW_REFUSED;
    c->ports->answer(c->ports->context, &carrier->flow);
}
