/* A body is assembled in one of two ways:
 *
 *   leaves (with the proposal) ─▶ each from the pool, else asked for ─▶ all good ─▶ built, checked
 *   whole block (from a peer)  ─▶ each through verification ─▶ leaves give tx_root ┘
 *
 * Nothing is taken on a peer's word: a transaction counts when it was verified here and has the
 * leaf that the header commits to. What contradicts the header is the sender's lie, another peer is
 * asked; what is wrong in itself and committed to is the leader's fault (E6). */
#include "node/core_int.h"

#define UNWANTED_MAX 32u /* Leaves kept for proposals that the engine holds back. */

static void progress(struct core *c, struct core_body *b);
static void judge(struct core *c, struct core_body *b);

/* --- the table -------------------------------------------------------------------------------- */

struct core_body *core_body_new(struct core *c, const struct hash *hash, uint64_t height)
{
    uint32_t slot = 0;
    while (slot < CORE_BODIES_MAX && c->bodies[slot] != NULL)
        slot++;
    if (slot == CORE_BODIES_MAX) return NULL;
    struct core_body *b = mem_alloc_zero(c->mem, 1, sizeof *b);
    if (b == NULL) return NULL;
    b->id = ++c->body_serial * CORE_BODIES_MAX + slot;
    b->hash = *hash;
    b->height = height;
    b->from = CORE_NOBODY;
    b->giver = CORE_NOBODY;
    b->since_ms = c->mono_ms;
    b->gossip_mark = c->gossip_in;
    buf_init(&b->block, c->mem, 0);
    c->bodies[slot] = b;
    if (slot >= c->body_end) c->body_end = slot + 1;
    return b;
}

struct core_body *core_body_by_id(const struct core *c, uint64_t id)
{
    struct core_body *b = c->bodies[id % CORE_BODIES_MAX];
    return b != NULL && b->id == id ? b : NULL;
}

/* Of the engine; catch-up knows its own. */
struct core_body *core_body_find(const struct core *c, const struct hash *hash)
{
    for (uint32_t i = 0; i < c->body_end; i++) {
        struct core_body *b = c->bodies[i];
        if (b != NULL && !b->is_sync && hash_equal(&b->hash, hash)) return b;
    }
    return NULL;
}

void core_body_forget_items(struct core *c, struct core_body *b)
{
    for (uint32_t i = 0; b->txs != NULL && i < b->count; i++)
        flow_tx_free(b->txs[i]);
    mem_free(c->mem, b->txs);
    mem_free(c->mem, b->states);
    mem_free(c->mem, b->leaves);
    mem_free(c->mem, b->asked);
    mem_free(c->mem, b->notes);
    b->notes = NULL;
    b->asked = NULL;
    b->asked_count = 0;
    b->txs = NULL;
    b->states = NULL;
    b->leaves = NULL;
    b->has_items = b->has_leaves = false;
    b->count = b->good = b->bad = b->raw = b->raw_next = b->cursor = b->verifying = 0;
    buf_fini(&b->block);
    buf_init(&b->block, c->mem, 0);
    b->block_size = 0;
    /* What is in verification comes back to nobody. */
    uint64_t slot = b->id % CORE_BODIES_MAX;
    b->id = ++c->body_serial * CORE_BODIES_MAX + slot;
}

void core_body_free(struct core *c, struct core_body *b)
{
    must(c->bodies[b->id % CORE_BODIES_MAX] == b);
    core_body_forget_items(c, b);
    c->bodies[b->id % CORE_BODIES_MAX] = NULL;
    while (c->body_end > 0 && c->bodies[c->body_end - 1] == NULL)
        c->body_end--;
    mem_free(c->mem, b);
}

static enum status make_items(struct core *c, struct core_body *b, uint32_t count)
{
    must(!b->has_items);
    b->leaves = mem_alloc_zero(c->mem, count + 1u, sizeof *b->leaves);
    b->txs = mem_alloc_zero(c->mem, count + 1u, sizeof(struct flow_tx *));
    b->states = mem_alloc_zero(c->mem, count + 1u, 1);
    b->has_items = b->leaves != NULL && b->txs != NULL && b->states != NULL;
    if (!b->has_items) {
        core_body_forget_items(c, b);
        return ST_NO_MEMORY;
    }
    b->count = count;
    return ST_OK;
}

/* --- what is given ---------------------------------------------------------------------------- */

static void give_header(struct core_body *b, const struct proposal *p)
{
    b->has_header = true;
    b->header = p->header;
    b->has_sig = true;
    b->sig = p->sig;
}

static void give_certificates(struct core_body *b,
                              const struct certificate *final_cert,
                              const struct certificate *res_cert)
{
    b->has_final_cert = final_cert != NULL;
    b->has_res_cert = res_cert != NULL;
    if (final_cert != NULL) b->final_cert = *final_cert;
    if (res_cert != NULL) b->res_cert = *res_cert;
}

static struct hash root_of(const struct hash *leaves, uint32_t count)
{
    struct merkle_tree tree;
    tree.count = 0;
    for (uint32_t i = 0; i < count; i++)
        merkle_tree_add(&tree, &leaves[i]);
    return merkle_tree_root(&tree);
}

enum status core_body_give_leaves(struct core *c,
                                  struct core_body *b,
                                  const struct wire_proposal *p)
{
    uint32_t count = p->proposal.header.tx_count;
    must(p->leaves.size == (size_t)count * HASH_SIZE);
    if (b->has_items) return ST_OK;
    give_header(b, &p->proposal);
    TRY(make_items(c, b, count));
    if (count > 0) memcpy(b->leaves, p->leaves.data, p->leaves.size);
    struct hash root = root_of(b->leaves, count);
    if (!hash_equal(&root, &b->header.tx_root)) {
        core_body_forget_items(c, b);
        return ST_INVALID;
    }
    give_certificates(b, p->has_final_cert ? &p->final_cert : NULL,
                      p->has_res_cert ? &p->res_cert : NULL);
    if (notes_copy(&b->notes, c->mem, &p->notes) != ST_OK) {
        core_body_forget_items(c, b);
        return ST_NO_MEMORY;
    }
    b->has_leaves = true;
    return ST_OK;
}

enum status core_body_give_tx(struct core *c,
                              struct core_body *b,
                              uint32_t position,
                              struct span tx)
{
    must(b->has_items);
    if (position >= b->count || b->states[position] != TX_MISSING) return ST_OK;
    if (tx.size == 0 || tx.size > TX_BYTES_MAX) return ST_INVALID;
    struct flow_tx *t = flow_tx_new(c->mem, tx);
    if (t == NULL) return ST_NO_MEMORY;
    t->source = FLOW_BODY;
    t->job = b->id;
    t->position = position;
    t->peer = core_peer_tag(c, b->giver);
    b->txs[position] = t;
    b->states[position] = TX_RAW;
    b->raw++;
    if (position < b->raw_next) b->raw_next = position;
    return ST_OK;
}

static enum status give_body(struct core *c, struct core_body *b, const struct body *body)
{
    /* Catch-up brings blocks of epochs with other limits; a quorum has taken them. */
    uint32_t most = b->is_sync ? BLOCK_TXS_MAX : c->config.engine.block_txs_max;
    if (body->tx_count > most) return ST_INVALID;
    TRY(make_items(c, b, body->tx_count));
    give_certificates(b, body->has_final_cert ? &body->final_cert : NULL,
                      body->has_res_cert ? &body->res_cert : NULL);
    TRY(notes_copy(&b->notes, c->mem, &body->notes));
    for (uint32_t i = 0; i < body->tx_count; i++)
        TRY(core_body_give_tx(c, b, i, body->txs[i]));
    return ST_OK;
}

enum status core_body_give_block(struct core *c, struct core_body *b, struct span bytes)
{
    struct span header_bytes;
    struct span body_bytes;
    struct header header;
    must(!b->has_items);
    if (block_split(bytes, &header_bytes, &body_bytes) != ST_OK) return ST_INVALID;
    struct cbor in = cbor_of(header_bytes);
    header_decode(&header, &in);
    if (cbor_end(&in) != ST_OK || header.height != b->height) return ST_INVALID;
    struct hash hash = hash_of("hdr", header_bytes);
    if (!hash_is_zero(&b->hash) && !hash_equal(&hash, &b->hash)) return ST_INVALID;
    struct arena arena;
    arena_init(&arena, c->mem, 0);
    struct body *body = arena_alloc(&arena, sizeof *body);
    enum status st = body == NULL ? ST_NO_MEMORY : body_decode(body, &arena, body_bytes);
    if (st == ST_OK) st = give_body(c, b, body);
    arena_fini(&arena);
    if (st == ST_OK) {
        b->hash = hash;
        b->has_header = true;
        b->header = header;
        return ST_OK;
    }
    core_body_forget_items(c, b);
    return st == ST_NO_MEMORY ? st : ST_INVALID;
}

/* --- verification ----------------------------------------------------------------------------- */

void core_body_submit(struct core *c, struct core_body *b)
{
    for (; b->raw > 0 && b->raw_next < b->count; b->raw_next++) {
        uint32_t i = b->raw_next;
        if (b->states[i] != TX_RAW) continue;
        struct flow_tx *t = b->txs[i];
        enum status st = c->ports->verify(c->ports->context, t);
        if (st != ST_OK) return; /* Full; with the next tick. */
        b->txs[i] = NULL;
        b->states[i] = TX_VERIFYING;
        b->raw--;
        b->verifying++;
        c->verify_out++;
    }
}

/* A refused transaction is evidence only if it is one: what cannot be decoded has no leaf. */
static bool is_formed(struct core *c, const struct flow_tx *t, struct hash *leaf)
{
    struct arena arena;
    struct tx tx;
    arena_init(&arena, c->mem, 0);
    bool is_ok = tx_decode(&tx, &arena, span_of(t->bytes, t->size)) == ST_OK;
    if (is_ok) *leaf = tx.leaf;
    arena_fini(&arena);
    return is_ok;
}

static void lie_of_tx(struct core *c, struct core_body *b, struct flow_tx *t)
{
    uint32_t i = t->position;
    uint32_t peer = core_peer_of_tag(c, t->peer);
    if (peer < CORE_NOBODY) core_lie(c, peer);
    b->states[i] = TX_MISSING;
    if (i < b->cursor) b->cursor = i;
    flow_tx_free(t);
    if (!b->has_leaves) core_body_forget_items(c, b); /* The whole block is worth nothing. */
}

void core_body_on_tx(struct core *c, struct flow_tx *t)
{
    struct core_body *b = core_body_by_id(c, t->job);
    if (b == NULL || c->has_failed) {
        flow_tx_free(t);
        return;
    }
    uint32_t i = t->position;
    must(i < b->count);
    must(b->states[i] == TX_VERIFYING);
    must(b->verifying > 0);
    b->verifying--;
    bool is_good = t->flow.kind == FLOW_TX;
    if (!is_good && t->status == ST_NO_MEMORY) {
        t->flow.kind = FLOW_TX;
        b->txs[i] = t;
        b->states[i] = TX_RAW;
        b->raw++;
        if (i < b->raw_next) b->raw_next = i;
        return;
    }
    struct hash leaf = t->tx.leaf;
    bool has_leaf = is_good || is_formed(c, t, &leaf);
    if (!has_leaf || (b->has_leaves && !hash_equal(&leaf, &b->leaves[i]))) {
        lie_of_tx(c, b, t);
        return;
    }
    b->leaves[i] = leaf;
    b->txs[i] = t;
    b->states[i] = (uint8_t)(is_good ? TX_GOOD : TX_BAD);
    *(is_good ? &b->good : &b->bad) += 1;
}

bool core_body_is_complete(const struct core_body *b)
{
    return b->has_items && b->good + b->bad == b->count;
}

/* From the pool, in order: what gossip brought is there. */
static void fill(struct core *c, struct core_body *b)
{
    for (; b->cursor < b->count; b->cursor++) {
        uint32_t i = b->cursor;
        if (b->states[i] != TX_MISSING) continue;
        struct flow_tx *t = pool_find_leaf(c->pool, &b->leaves[i]);
        if (t == NULL) return;
        b->txs[i] = flow_tx_ref(t);
        b->states[i] = TX_GOOD;
        b->good++;
    }
}

/* --- the check -------------------------------------------------------------------------------- */

static bool is_certificate(bool has, const struct certificate *cert, const struct hash *want)
{
    if (!has) return hash_is_zero(want);
    struct hash hash = certificate_hash(cert);
    return hash_equal(&hash, want);
}

static bool are_notes(const struct body_notes *notes, const struct hash *want)
{
    struct hash hash = notes_hash(notes);
    return hash_equal(&hash, want);
}

static enum status encode(struct core *c,
                          struct core_body *b,
                          struct flow_block *flow,
                          struct body *body)
{
    struct span *txs = arena_alloc(&flow->outcome.arena, (b->count + 1u) * sizeof *txs);
    if (txs == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < b->count; i++)
        txs[i] = span_of(b->txs[i]->bytes, b->txs[i]->size);
    body->txs = txs;
    body->tx_count = b->count;
    body->has_final_cert = b->has_final_cert;
    body->has_res_cert = b->has_res_cert;
    if (b->has_final_cert) body->final_cert = b->final_cert;
    if (b->has_res_cert) body->res_cert = b->res_cert;
    if (b->notes != NULL) body->notes = *b->notes;
    buf_reset(&c->items);
    body_encode(&c->items, body);
    TRY(buf_status(&c->items));
    body->size = (uint32_t)c->items.size;
    header_encode(&flow->header_bytes, &b->header);
    TRY(buf_status(&flow->header_bytes));
    (void)buf_extend(&flow->bytes, c->items.size + flow->header_bytes.size + 32);
    flow->bytes.size = 0;
    block_encode(&flow->bytes, buf_span(&flow->header_bytes), buf_span(&c->items));
    return buf_status(&flow->bytes);
}

static enum status make_flow(struct core *c, struct core_body *b, struct flow_block **out)
{
    struct flow_block *flow = NULL;
    TRY(flow_block_new(&flow, c->mem, b->txs, b->count));
    for (uint32_t i = 0; i < b->count; i++)
        (void)flow_tx_ref(b->txs[i]); /* Until the body is let go. */
    flow->header = b->header;
    flow->hash = b->hash;
    *out = flow;
    return ST_OK;
}

/* No txid of the live span, and none of the ancestors that are not final. The marks of the pool
 * tell of all ancestors in flight; one that was dropped and is built on again has none yet. */
static bool are_ids_new(struct core *c, const struct flow_block *flow)
{
    struct core_block *ancestors[CONSENSUS_LAG_MAX];
    if (c->fault == FAULT_DEDUPE_OFF) return true;
    uint32_t count = core_block_line(c, &flow->header.parent, ancestors);
    bool is_marked = true;
    for (uint32_t i = 0; i < count; i++)
        is_marked = is_marked && ancestors[i]->state == BLOCK_FLYING;
    for (uint32_t i = 0; i < flow->tx_count; i++) {
        const struct hash *txid = &flow->txids[i];
        if (pool_final_height_of(c->pool, txid) > 0) return false;
        if (is_marked && !pool_is_marked(c->pool, txid)) continue;
        for (uint32_t k = 0; k < count; k++)
            if (core_block_has_id(c, ancestors[k], txid)) return false;
    }
    return true;
}

static enum core_verdict check(struct core *c,
                               struct core_body *b,
                               const struct core_parent *parent,
                               struct flow_block *flow)
{
    struct body *body = arena_alloc_zero(&flow->outcome.arena, 1, sizeof *body);
    if (body == NULL || encode(c, b, flow, body) != ST_OK) return VERDICT_WAIT;
    struct block_parts parts = {.header = &b->header, .body = body, .txs = flow->views};
    const char *what = NULL;
    enum status st =
        block_check(&parts, parent->header, &parent->hash, &flow->outcome.arena, &what);
    if (st == ST_NO_MEMORY) return VERDICT_WAIT;
    if (st == ST_OK) st = core_evidence_check(c, &b->header, b->notes);
    if (st == ST_OK) st = core_incidents_check(c, &b->header, b->notes);
    if (st == ST_NO_MEMORY) return VERDICT_WAIT;
    if (st != ST_OK) return VERDICT_BAD;
    return are_ids_new(c, flow) ? VERDICT_READY : VERDICT_BAD;
}

static enum core_verdict take(struct core *c,
                              struct core_body *b,
                              struct flow_block *flow,
                              struct core_block **out)
{
    struct core_block *block = core_block_add(c, flow);
    if (block == NULL) return VERDICT_WAIT;
    block->has_sig = b->has_sig;
    block->sig = b->sig;
    block->has_final_cert = b->has_final_cert;
    block->has_res_cert = b->has_res_cert;
    block->final_cert = b->final_cert;
    block->res_cert = b->res_cert;
    block->notes = b->notes;
    b->notes = NULL;
    *out = block;
    return VERDICT_READY;
}

enum core_verdict core_body_build(struct core *c,
                                  struct core_body *b,
                                  const struct core_parent *parent,
                                  struct core_block **out)
{
    must(core_body_is_complete(b));
    must(b->has_header);
    if (!b->has_leaves) {
        struct hash root = root_of(b->leaves, b->count);
        if (!hash_equal(&root, &b->header.tx_root)) return VERDICT_LIE;
        b->has_leaves = true;
    }
    if (!is_certificate(b->has_final_cert, &b->final_cert, &b->header.final_cert_hash) ||
        !is_certificate(b->has_res_cert, &b->res_cert, &b->header.res_cert_hash) ||
        !are_notes(b->notes, &b->header.notes_hash))
        return VERDICT_LIE;
    if (b->bad > 0) return VERDICT_BAD;
    struct flow_block *flow = NULL;
    if (make_flow(c, b, &flow) != ST_OK) return VERDICT_WAIT;
    enum core_verdict verdict = check(c, b, parent, flow);
    if (verdict == VERDICT_READY) return take(c, b, flow, out);
    flow_block_free(flow);
    return verdict;
}

/* --- for the engine --------------------------------------------------------------------------- */

/* False: the parent is not here yet. */
static bool find_parent(const struct core *c, const struct header *h, struct core_parent *out)
{
    *out = (struct core_parent){.hash = h->parent};
    if (h->height == c->final_height + 1) {
        out->hash = c->final_hash;
        out->header = c->final_height == 0 ? NULL : &c->final_header;
        return true;
    }
    const struct core_block *parent = core_block_find(c, &h->parent);
    if (parent == NULL) return false;
    out->header = &parent->flow->header;
    return true;
}

static void start_again(struct core *c, struct core_body *b)
{
    core_body_forget_items(c, b);
    b->ask.id = 0;
    b->ask.until_ms = 0;
    b->ask.tries++;
}

static void accept(struct core *c, struct core_body *b, struct core_block *block)
{
    struct hash hash = b->hash;
    if (pool_mark(c->pool, block->flow, c->mono_ms) != ST_OK) {
        core_fail(c, ST_NO_MEMORY, "no memory for a block's transactions");
        return;
    }
    core_seen_note(c, &block->flow->header, &hash);
    core_body_free(c, b);
    core_relay_block(c, block);
    core_push(c, CONSENSUS_ON_BODY_OK, &hash);
}

/* The engine knows the hash of the highest missing block alone: the one below it is named by its
 * header, and wanted just as much. */
static void want_parent(struct core *c, const struct core_body *b)
{
    if (b->header.height <= c->final_height + 1) return;
    struct core_body *parent = core_body_find(c, &b->header.parent);
    if (parent == NULL) parent = core_body_new(c, &b->header.parent, b->header.height - 1);
    if (parent != NULL) parent->is_wanted = true;
}

static void judge(struct core *c, struct core_body *b)
{
    struct core_parent parent;
    struct core_block *block = NULL;
    if (!find_parent(c, &b->header, &parent)) {
        want_parent(c, b);
        return;
    }
    switch (core_body_build(c, b, &parent, &block)) {
    case VERDICT_READY: accept(c, b, block); return;
    case VERDICT_WAIT: return;
    case VERDICT_LIE:
        if (b->giver < CORE_NOBODY && b->giver != c->self) core_lie(c, b->giver);
        start_again(c, b);
        return;
    case VERDICT_BAD: break;
    }
    struct hash hash = b->hash;
    if (b->has_sig) core_evidence_of_body(c, b);
    core_body_free(c, b);
    core_push(c, CONSENSUS_ON_BODY_BAD, &hash);
}

/* The body may be gone after this. */
static void progress(struct core *c, struct core_body *b)
{
    if (b->has_leaves) fill(c, b);
    core_body_submit(c, b);
    if (core_body_is_complete(b)) judge(c, b);
}

static void recall(struct core *c, struct core_block *block)
{
    if (core_block_recall(c, block) != ST_OK) {
        core_fail(c, ST_NO_MEMORY, "no memory for a block's transactions");
        return;
    }
    if (block->told_ms == c->mono_ms) return; /* Once at a moment: the engine asks again. */
    block->told_ms = c->mono_ms;
    core_push(c, CONSENSUS_ON_BODY_OK, &block->flow->hash);
}

/* A block that was held before it was dropped from memory. */
static void read_held(struct core *c, struct core_body *b)
{
    buf_reset(&c->record);
    struct buf bytes;
    buf_init(&bytes, c->mem, 0);
    if (c->ports->read_held(c->ports->context, &b->hash, &bytes) == ST_OK) {
        b->giver = c->self;
        enum status st = core_body_give_block(c, b, buf_span(&bytes));
        must(st == ST_OK || st == ST_INVALID || st == ST_NO_MEMORY); /* Else peers have it. */
    }
    buf_fini(&bytes);
}

static void use_compact(struct core *c, struct core_body *b, uint32_t peer)
{
    if (b->has_items) return;
    if (core_body_give_leaves(c, b, c->compact) == ST_INVALID)
        core_lie(c, peer);
    else
        b->giver = peer;
}

void core_body_want(struct core *c, const struct consensus_effect *effect)
{
    struct core_block *block = core_block_find(c, &effect->hash);
    if (block != NULL) {
        recall(c, block);
        return;
    }
    bool has_proposal = effect->kind == CONSENSUS_GET_BODY;
    uint64_t height = has_proposal ? effect->proposal->header.height : effect->height;
    struct core_body *b = core_body_find(c, &effect->hash);
    if (b == NULL) b = core_body_new(c, &effect->hash, height);
    if (b == NULL) return; /* The engine asks again. */
    b->is_wanted = true;
    if (has_proposal) {
        give_header(b, effect->proposal);
        b->from = effect->peer == NODES_MAX ? CORE_NOBODY : effect->peer;
        if (c->compact != NULL && hash_equal(&c->compact_hash, &effect->hash))
            use_compact(c, b, c->compact_from);
    }
    if (!b->has_items) read_held(c, b);
}

static uint32_t unwanted(const struct core *c, struct core_body **oldest)
{
    uint32_t count = 0;
    *oldest = NULL;
    for (uint32_t i = 0; i < c->body_end; i++) {
        struct core_body *b = c->bodies[i];
        if (b == NULL || b->is_wanted || b->is_sync) continue;
        count++;
        if (*oldest == NULL || b->id / CORE_BODIES_MAX < (*oldest)->id / CORE_BODIES_MAX)
            *oldest = b;
    }
    return count;
}

void core_body_keep_compact(struct core *c, uint32_t peer, bool was_accepted)
{
    must(c->compact != NULL);
    struct core_body *b = core_body_find(c, &c->compact_hash);
    uint64_t height = c->compact->proposal.header.height;
    if (b == NULL && was_accepted && height > c->final_height &&
        core_block_find(c, &c->compact_hash) == NULL) {
        struct core_body *oldest = NULL;
        if (unwanted(c, &oldest) >= UNWANTED_MAX) core_body_free(c, oldest);
        b = core_body_new(c, &c->compact_hash, height);
        if (b != NULL) b->from = peer;
    }
    if (b == NULL) return;
    use_compact(c, b, peer);
    if (b->is_wanted) progress(c, b);
}

void core_body_tick(struct core *c)
{
    for (uint32_t i = 0; i < c->body_end && !c->has_failed; i++) {
        struct core_body *b = c->bodies[i];
        if (b == NULL || b->is_sync) continue;
        if (b->height <= c->final_height) {
            core_body_free(c, b);
            continue;
        }
        if (!b->is_wanted) continue;
        progress(c, b);
        if (c->bodies[i] == b) core_fetch(c, b);
    }
}
