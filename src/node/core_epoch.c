/* core_epoch.c - Epochs: which configuration holds, how one ends, how the next begins.
 *
 *   blocks executed ─next config─▶ (the engine closes the epoch) ─EPOCH_END─▶ over ─▶ switch
 *   catch-up: the last block executed here, its certificates in an answer ──▶ over ─┘
 *
 * An engine serves one epoch with fixed keys. When the last block of an epoch is final, executed
 * here and certified, the engine is freed and one of the next epoch is made, which starts at that
 * block with nothing said yet. What belongs to the chain - transactions that wait, answers that are
 * due, blocks, results - stays; what belongs to the epoch - blocks that were not final, questions
 * of the old engine, places of peers, the log sequence - ends.
 *
 * E1 The configuration of an epoch is what this node's own execution says, and its hash is what the
 *    header of the last block says: a quorum agreed on it.
 * E2 Nothing of the old engine reaches the new one: jobs that it gave out come back unheard.
 * E3 The record of the old epoch stays in the journal until the new engine promises something. Who
 *    restarts in between finds the old epoch again, ends it again, and says the same.
 *
 * Former nodes keep a place behind the present ones: they may ask for blocks up to the last one of
 * their last epoch, which tells them that they are out, or under which key they are in. */
#include "node/core_int.h"

#define FORMER_EPOCHS 16u /* Looked back at a start, for former nodes. */

static uint32_t own_place(struct core *c,
                          const struct chain_config *config,
                          struct secret_key *key);
static enum status begin(struct core *c);

/* --- configurations --------------------------------------------------------------------------- */

/* Encoded, and the height of the block before its first. */
static enum status read_config(struct core *c, uint64_t epoch, struct buf *out, uint64_t *base)
{
    buf_reset(out);
    *base = 0;
    if (c->ports->read_config != NULL)
        return c->ports->read_config(c->ports->context, epoch, out, base);
    if (epoch > 0) return ST_NOT_FOUND;
    struct chain_config *config = mem_alloc(c->mem, sizeof *config);
    if (config == NULL) return ST_NO_MEMORY;
    chain_config_of_genesis(config, c->config.genesis);
    chain_config_encode(out, config);
    mem_free(c->mem, config);
    return buf_status(out);
}

static enum status decode_config(struct core *c,
                                 struct span bytes,
                                 struct arena *arena,
                                 struct chain_config *out)
{
    arena_init(arena, c->mem, 0);
    enum status st = chain_config_decode(out, arena, bytes);
    if (st != ST_OK) arena_fini(arena);
    return st == ST_OK || st == ST_NO_MEMORY ? st : ST_CORRUPT;
}

enum status core_epoch_validators(struct core *c, uint64_t epoch, struct validators *out)
{
    const struct consensus_config *e = &c->config.engine;
    if (epoch == e->epoch) {
        *out = e->validators;
        return ST_OK;
    }
    if (epoch + 1 == e->epoch && e->previous.count > 0) {
        *out = e->previous;
        return ST_OK;
    }
    if (epoch > e->epoch) return ST_NOT_FOUND;
    struct arena arena;
    struct buf bytes;
    uint64_t base = 0;
    buf_init(&bytes, c->mem, CONFIG_BYTES_MAX);
    struct chain_config *config = mem_alloc(c->mem, sizeof *config);
    enum status st = config == NULL ? ST_NO_MEMORY : read_config(c, epoch, &bytes, &base);
    if (st == ST_OK) st = decode_config(c, buf_span(&bytes), &arena, config);
    if (st == ST_OK) {
        *out = chain_config_validators(config);
        arena_fini(&arena);
    }
    mem_free(c->mem, config);
    buf_fini(&bytes);
    return st;
}

/* The engine's part of the configuration that holds. */
static void describe(struct core *c)
{
    struct consensus_config *e = &c->config.engine;
    const struct chain_config *config = &c->epoch.config;
    struct secret_key key;
    e->epoch = config->epoch;
    e->validators = chain_config_validators(config);
    e->exec_version = config->exec_version;
    e->block_txs_max = config->block_txs_max;
    e->batch_age_ms = config->batch_age_ms;
    e->evidence_halts = config->params.evidence_halts;
    e->view_ms = c->config.view_ms != 0 ? c->config.view_ms : config->params.view_ms;
    e->has_observers = config->node_count > config->validator_count;
    c->n = config->validator_count;
    c->node_count = config->node_count;
    c->self = own_place(c, config, &key);
    if (c->self != CORE_NOBODY) e->node_key = key;
    e->self = c->self < c->n ? c->self : NODES_MAX;
    mem_wipe(&key, sizeof key);
    must(c->n <= NODES_MAX);
    must(c->node_count <= CORE_PEERS_MAX);
}

static uint32_t own_place(struct core *c, const struct chain_config *config, struct secret_key *key)
{
    *key = c->config.engine.node_key;
    for (uint32_t i = 0; i < config->node_count; i++) {
        const struct public_key *public = &config->nodes[i].node_key;
        if (c->ports->own_key != NULL) {
            if (c->ports->own_key(c->ports->context, public, key)) return i;
            continue;
        }
        struct public_key own;
        enum status st = sign_public(c->config.engine.signer, &own, &c->config.engine.node_key);
        if (st == ST_OK && public_key_equal(&own, public)) return i;
    }
    return CORE_NOBODY;
}

static enum status take_config(struct core *c, struct span bytes, uint64_t base)
{
    struct core_epoch *e = &c->epoch;
    struct arena arena;
    struct chain_config *config = mem_alloc(c->mem, sizeof *config);
    if (config == NULL) return ST_NO_MEMORY;
    enum status st = decode_config(c, bytes, &arena, config);
    if (st == ST_OK) {
        arena_fini(&e->arena);
        e->arena = arena;
        e->config = *config;
        e->base = base;
        describe(c);
    }
    mem_free(c->mem, config);
    return st;
}

/* --- places of peers -------------------------------------------------------------------------- */

static void name_places(struct core *c)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        c->peers[i].has_key = true;
        c->peers[i].key = c->epoch.config.nodes[i].node_key;
        c->peers[i].serve_max = UINT64_MAX;
    }
}

static bool has_place(const struct core *c, const struct public_key *key)
{
    for (uint32_t i = 0; i < CORE_PEERS_MAX; i++)
        if (c->peers[i].has_key && public_key_equal(&c->peers[i].key, key)) return true;
    return false;
}

static void add_former(struct core *c, const struct public_key *key, uint64_t serve_max)
{
    uint32_t place = c->node_count;
    while (place < CORE_PEERS_MAX && c->peers[place].has_key)
        place++;
    if (place == CORE_PEERS_MAX || has_place(c, key)) return;
    c->peers[place].has_key = true;
    c->peers[place].key = *key;
    c->peers[place].serve_max = serve_max;
}

/* At a start: nodes of the epochs before, the newest first. */
static enum status add_former_of(struct core *c, uint64_t epoch, uint64_t serve_max, uint64_t *base)
{
    struct arena arena;
    struct buf bytes;
    buf_init(&bytes, c->mem, CONFIG_BYTES_MAX);
    struct chain_config *config = mem_alloc(c->mem, sizeof *config);
    enum status st = config == NULL ? ST_NO_MEMORY : read_config(c, epoch, &bytes, base);
    if (st == ST_OK) st = decode_config(c, buf_span(&bytes), &arena, config);
    if (st == ST_OK) {
        if (epoch + 1 == c->epoch.config.epoch)
            c->config.engine.previous = chain_config_validators(config);
        for (uint32_t i = 0; i < config->node_count; i++)
            add_former(c, &config->nodes[i].node_key, serve_max);
        arena_fini(&arena);
    }
    mem_free(c->mem, config);
    buf_fini(&bytes);
    return st;
}

static void tell_places(struct core *c)
{
    struct public_key former[CORE_PEERS_MAX];
    uint32_t count = 0;
    if (c->ports->nodes == NULL) return;
    for (uint32_t i = c->node_count; i < CORE_PEERS_MAX && c->peers[i].has_key; i++)
        former[count++] = c->peers[i].key;
    c->ports->nodes(c->ports->context, &c->epoch.config, former, count);
}

static uint32_t place_in(const struct chain_config *config, const struct public_key *key)
{
    uint32_t place = chain_config_find_key(config, key);
    return place == CONFIG_NO_NODE ? CORE_NOBODY : place;
}

static void forget_backlog(struct core *c, struct core_peer *p)
{
    for (uint32_t k = 0; k < p->backlog_count; k++)
        flow_tx_free(p->backlog[(p->backlog_first + k) % CORE_BACKLOG_MAX]);
    mem_free(c->mem, p->backlog);
    p->backlog = NULL;
    p->backlog_count = p->backlog_first = 0;
}

/* What is in verification comes back under the old tag; what waits gets the new one. */
static void retag(struct core *c)
{
    for (uint32_t i = 0; i < CORE_PEERS_MAX; i++) {
        struct core_peer *p = &c->peers[i];
        p->verifying = 0;
        for (uint32_t k = 0; k < p->backlog_count; k++)
            p->backlog[(p->backlog_first + k) % CORE_BACKLOG_MAX]->peer = core_peer_tag(c, i);
    }
}

/* From the places of the old configuration to those of the new one. map: old to new. */
static enum status move_places(struct core *c, uint32_t map[CORE_PEERS_MAX])
{
    struct core_peer *old = mem_alloc(c->mem, CORE_PEERS_MAX * sizeof *old);
    if (old == NULL) return ST_NO_MEMORY;
    memcpy(old, c->peers, sizeof c->peers);
    memset(c->peers, 0, sizeof c->peers);
    c->asked_us = UINT64_MAX;
    name_places(c);
    uint32_t next = c->node_count;
    for (uint32_t i = 0; i < CORE_PEERS_MAX; i++) {
        uint32_t to = CORE_NOBODY;
        if (old[i].has_key) to = place_in(&c->epoch.config, &old[i].key);
        bool is_former = to == CORE_NOBODY && old[i].has_key;
        if (is_former && next < CORE_PEERS_MAX) to = next++;
        map[i] = to;
        if (is_former || to == CORE_NOBODY) forget_backlog(c, &old[i]);
        if (to == CORE_NOBODY) continue;
        c->peers[to] = old[i];
        if (!is_former) c->peers[to].serve_max = UINT64_MAX;
        if (is_former && old[i].serve_max > c->epoch.base) c->peers[to].serve_max = c->epoch.base;
    }
    mem_free(c->mem, old);
    c->peer_generation++;
    retag(c);
    return ST_OK;
}

/* --- a start ---------------------------------------------------------------------------------- */

enum status core_epoch_open(struct core *c, const struct core_start *start)
{
    struct core_epoch *e = &c->epoch;
    struct buf bytes;
    uint64_t base = 0;
    buf_init(&bytes, c->mem, CONFIG_BYTES_MAX);
    enum status st = read_config(c, start->epoch, &bytes, &base);
    if (st == ST_OK) st = take_config(c, buf_span(&bytes), base);
    buf_fini(&bytes);
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_CORRUPT;
    name_places(c);
    uint64_t epoch = start->epoch;
    for (uint32_t i = 0; i < FORMER_EPOCHS && epoch > 0 && st == ST_OK; i++) {
        uint64_t serve_max = base;
        st = add_former_of(c, --epoch, serve_max, &base);
    }
    if (st != ST_OK) return st;
    buf_put(&e->next, start->next_config);
    e->next_from = start->next_from;
    if (e->next.size > 0) e->next_hash = chain_config_hash(buf_span(&e->next));
    tell_places(c);
    return buf_status(&e->next);
}

/* --- the chain of epochs ---------------------------------------------------------------------- */

static enum status source_config(void *context, uint64_t epoch, struct buf *out, uint64_t *base)
{
    return read_config(context, epoch, out, base);
}

static enum status source_block(void *context, uint64_t height, struct buf *out)
{
    const struct core *c = context;
    return c->ports->read_block(c->ports->context, height, out);
}

/* Links that are not there yet; the newest may have to wait for the block above. */
static void follow_links(struct core *c)
{
    struct core_epoch *e = &c->epoch;
    struct epoch_source source = {
        .mem = c->mem, .read_block = source_block, .read_config = source_config, .context = c};
    while (e->linked < e->config.epoch && e->linked < EPOCH_LINKS_MAX) {
        bool is_newest = e->linked + 1 == e->config.epoch;
        const struct certificate *cert = NULL;
        if (is_newest && e->has_base_certs) cert = &e->base_final;
        if (is_newest && cert == NULL && c->final_cert.statement.height == e->base)
            cert = &c->final_cert;
        size_t before = e->links.size;
        enum status st = epoch_link_read(&source, e->linked + 1, cert, &e->links);
        uint64_t end = e->links.size;
        if (st == ST_OK) buf_put(&e->ends, span_of(&end, sizeof end));
        if (st != ST_OK || buf_status(&e->ends) != ST_OK) {
            if (buf_status(&e->links) == ST_OK) e->links.size = before;
            return;
        }
        e->linked++;
    }
}

bool core_epoch_prove(struct core *c, struct flow_block *flow)
{
    struct core_epoch *e = &c->epoch;
    uint64_t epoch = flow->header.epoch;
    uint64_t end = 0;
    buf_reset(&flow->epochs);
    if (epoch == 0) return true;
    if (e->linked < epoch) follow_links(c);
    if (e->linked < epoch) return false;
    memcpy(&end, e->ends.data + (epoch - 1) * sizeof end, sizeof end);
    epoch_chain_encode(&flow->epochs, (uint32_t)epoch, span_of(e->links.data, end));
    return buf_status(&flow->epochs) == ST_OK;
}

void core_epoch_free(struct core *c)
{
    buf_fini(&c->epoch.links);
    buf_fini(&c->epoch.ends);
    arena_fini(&c->epoch.arena);
    buf_fini(&c->epoch.next);
}

/* --- the end of one --------------------------------------------------------------------------- */

enum status core_epoch_executed(struct core *c, const struct flow_block *flow)
{
    struct core_epoch *e = &c->epoch;
    struct span next = flow->outcome.next_config;
    bool is_close = (flow->header.flags & BLOCK_EPOCH_CLOSE) != 0;
    if (next.size > 0 && flow->header.epoch == e->config.epoch) {
        if (e->next.size == 0) e->next_from = flow->header.height;
        buf_reset(&e->next);
        buf_put(&e->next, next);
        TRY(buf_status(&e->next));
        e->next_hash = chain_config_hash(next);
    }
    /* E1 */
    if (is_close && !hash_equal(&e->next_hash, &flow->header.next_config_hash)) return ST_CORRUPT;
    return ST_OK;
}

void core_epoch_end(struct core *c,
                    const struct certificate *final_cert,
                    const struct certificate *res_cert)
{
    struct core_epoch *e = &c->epoch;
    if (e->is_over) return;
    e->is_over = true;
    e->final_cert = *final_cert;
    e->res_cert = *res_cert;
}

bool core_epoch_is_closed(const struct core *c)
{
    return c->final_height > c->epoch.base && (c->final_header.flags & BLOCK_EPOCH_CLOSE) != 0 &&
           c->final_header.epoch == c->epoch.config.epoch;
}

/* What a peer shows of the last block: both certificates are checked here. */
void core_epoch_use(struct core *c,
                    const struct certificate *final_cert,
                    const struct certificate *res_cert)
{
    const struct consensus_config *e = &c->config.engine;
    const struct statement *f = &final_cert->statement;
    const struct statement *r = &res_cert->statement;
    if (!core_epoch_is_closed(c) || c->epoch.is_over) return;
    if (f->epoch != e->epoch || f->height != c->final_height) return;
    if (!hash_equal(&f->hash, &c->final_hash)) return;
    const struct core_digest *d = core_digest_at(c, c->final_height);
    if (d == NULL || r->epoch != e->epoch || r->height != d->height) return;
    if (!hash_equal(&r->hash, &d->chained)) return;
    if (quorum_check_commit(&e->validators, final_cert, e->signer, &e->chain_id) != ST_OK) return;
    if (quorum_check_result(&e->validators, res_cert, e->signer, &e->chain_id) != ST_OK) return;
    core_result(c, r->height, res_cert);
    core_epoch_end(c, final_cert, res_cert);
}

static bool is_due(const struct core *c)
{
    if (!c->epoch.is_over || c->has_failed || c->is_stepping || c->is_stopping) return false;
    if (!core_epoch_is_closed(c)) return false;
    return c->executed_height == c->final_height && c->epoch.next.size > 0;
}

void core_epoch_settle(struct core *c)
{
    if (!is_due(c)) return;
    enum status st = begin(c);
    if (st != ST_OK) core_fail(c, st, "the next epoch could not begin");
}

/* --- the beginning of the next ---------------------------------------------------------------- */

/* Nobody will build on what was not final. */
static void drop_unfinal(struct core *c)
{
    for (uint32_t i = c->block_count; i > 0; i--) {
        if (i > c->block_count) continue;
        struct core_block *b = c->blocks[i - 1];
        if (b->state != BLOCK_FLYING && b->state != BLOCK_DROPPED) continue;
        core_block_drop(c, b);
        b->state = BLOCK_DEAD;
        core_block_leave(c, b);
    }
    for (uint32_t i = 0; i < CORE_BODIES_MAX; i++)
        if (c->bodies[i] != NULL && !c->bodies[i]->is_sync) core_body_free(c, c->bodies[i]);
    flow_block_free(c->proposed);
    c->proposed = NULL;
}

static void forget_engine(struct core *c)
{
    consensus_free(c->engine);
    c->engine = NULL;
    c->queue_count = 0;
    c->jobs_stale = c->jobs_out; /* E2 */
    c->durable_lsn = 0;
    c->has_tip = false;
    c->open_view = 0;
    buf_reset(&c->new_view);
    memset(c->seen, 0, sizeof c->seen); /* Signers were others. */
}

static void note_base(struct core *c)
{
    struct core_epoch *e = &c->epoch;
    e->has_base_certs = true;
    e->base_final = e->final_cert;
    e->base_res = e->res_cert;
    e->is_over = false;
    e->next_hash = (struct hash){{0}};
    e->next_from = 0;
    buf_reset(&e->next);
}

static void fill_start(const struct core *c, struct consensus_start *s)
{
    *s = (struct consensus_start){.height = c->final_height,
                                  .hash = c->final_hash,
                                  .time_ms = c->final_header.time_ms,
                                  .final_cert = c->epoch.base_final,
                                  .res_cert = c->epoch.base_res,
                                  .flags = c->final_header.flags,
                                  .history = c->history,
                                  .res_height = c->final_header.res_height,
                                  .last_txs_height = c->last_txs_height,
                                  .wanted_height = c->wanted_height,
                                  .executed_height = c->executed_height};
    s->nonce = c->config.key * UINT64_C(0x9e3779b97f4a7c15) + c->epoch.config.epoch;
    for (uint64_t h = c->executed_height; s->digest_count < CONSENSUS_LAG_MAX; h--) {
        const struct core_digest *d = core_digest_at(c, h);
        if (d == NULL) break;
        s->digests[s->digest_count++] = d->chained;
        if (h == 0) break;
    }
}

/* With what start does not tell of its epoch. */
static enum status new_engine(struct core *c, struct consensus_start *start)
{
    start->base_height = c->epoch.base;
    start->next_config = c->epoch.next_hash;
    start->next_from = c->epoch.next_from;
    return consensus_new(&c->engine, c->mem, &c->config.engine, start);
}

enum status core_epoch_engine(struct core *c, const struct consensus_start *start)
{
    struct consensus_start *copy = mem_alloc(c->mem, sizeof *copy);
    if (copy == NULL) return ST_NO_MEMORY;
    *copy = *start;
    enum status st = new_engine(c, copy);
    mem_free(c->mem, copy);
    return st;
}

static enum status start_engine(struct core *c)
{
    struct consensus_start *start = mem_alloc(c->mem, sizeof *start);
    if (start == NULL) return ST_NO_MEMORY;
    fill_start(c, start);
    must(start->digest_count > 0);
    start->mode = c->has_mode ? &c->mode : NULL;
    c->engine_final = c->final_height;
    c->engine_executed = c->executed_height;
    enum status st = new_engine(c, start);
    mem_free(c->mem, start);
    for (uint32_t i = 0; i < c->n && st == ST_OK; i++) {
        if (!c->peers[i].is_up || i == c->self) continue;
        struct consensus_event event = {.kind = CONSENSUS_ON_PEER, .from = i, .is_up = true};
        (void)core_step(c, &event);
    }
    return st;
}

static enum status make_batch(struct core *c)
{
    mem_free(c->mem, c->batch);
    c->batch =
        mem_alloc_zero(c->mem, c->config.engine.block_txs_max + 1u, sizeof(struct flow_tx *));
    return c->batch == NULL ? ST_NO_MEMORY : ST_OK;
}

static void begin_mode(struct core *c)
{
    const struct mode_rules rules =
        mode_rules_of(&c->config.engine.validators, &c->epoch.config.params);
    if (c->has_mode) mode_begin(&c->mode, &rules, c->final_height + 1);
}

/* The last block of the epoch is final, executed and certified. */
static enum status begin(struct core *c)
{
    uint32_t map[CORE_PEERS_MAX];
    must(c->executing == 0);
    must(c->job == NULL);
    drop_unfinal(c);
    forget_engine(c);
    c->config.engine.previous = c->config.engine.validators;
    TRY(take_config(c, buf_span(&c->epoch.next), c->final_height));
    must(c->config.engine.epoch == c->final_header.epoch + 1);
    note_base(c);
    c->convicted = c->diverged = 0;
    memset(c->accuse_again_ms, 0, sizeof c->accuse_again_ms);
    begin_mode(c);
    TRY(make_batch(c));
    TRY(move_places(c, map));
    core_sync_move(c, map);
    core_reads_restart(c);
    core_relay_restart(c);
    tell_places(c);
    return start_engine(c);
}
