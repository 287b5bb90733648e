#include "node/core_start.h"

#include "base/must.h"

#define HELD_SEEN_MAX                                                                              \
    4096u /* Held blocks looked at: more forks than any peer can make us vote for. */

struct held_item {
    uint64_t height;
    struct hash hash;
    struct hash parent;
};

struct core_start_parts {
    struct mem *mem;
    const struct core_start_config *config;
    struct consensus_record record;
    struct mode_state mode;
    struct view_change view_change;
    struct held_item *seen;
    uint32_t seen_count;
    bool has_damage;
    struct header headers[CORE_START_HELD_MAX + CONSENSUS_WINDOW]; /* Held, then stored ones. */
    struct span bytes[CORE_START_HELD_MAX];
    uint8_t *owned[CORE_START_HELD_MAX];
    uint32_t count;
};

static enum status read_journal(struct core_start_data *d);
static enum status read_promises(struct core_start_data *d, struct buf *bytes);
static enum status list_held(struct core_start_parts *p);
static enum status append_final(struct core_start_data *d);
static enum status replay(struct core_start_data *d);
static enum status take_held(struct core_start_data *d);

static enum status read_all(struct core_start_data *d)
{
    struct core_start_parts *p = d->parts;
    TRY(pool_new(&d->start.pool, p->mem, &p->config->chain_id, p->config->key));
    TRY(read_journal(d));
    TRY(list_held(p));
    TRY(append_final(d));
    TRY(replay(d));
    return take_held(d);
}

enum status core_start_read(struct core_start_data *out, const struct core_start_config *config)
{
    *out = (struct core_start_data){.is_voter = true};
    out->parts = mem_alloc_zero(config->mem, 1, sizeof *out->parts);
    if (out->parts == NULL) return ST_NO_MEMORY;
    out->parts->mem = config->mem;
    out->parts->config = config;
    enum status st = read_all(out);
    if (st != ST_OK) core_start_fini(out);
    return st;
}

void core_start_fini(struct core_start_data *d)
{
    struct core_start_parts *p = d->parts;
    pool_free(d->start.pool);
    if (p != NULL) {
        for (uint32_t i = 0; i < p->count; i++)
            mem_free(p->mem, p->owned[i]);
        mem_free(p->mem, p->seen);
        mem_free(p->mem, p);
    }
    *d = (struct core_start_data){.is_voter = false};
}

/* What was promised cannot be kept. */
static enum status end_votes(struct core_start_data *d, const char *why)
{
    if (d->parts->config->validator_count == 1) return ST_CORRUPT;
    if (d->is_voter) d->why = why;
    d->is_voter = false;
    return ST_OK;
}

/* --- the journal ------------------------------------------------------------------------------ */

static enum status read_journal(struct core_start_data *d)
{
    struct core_start_parts *p = d->parts;
    struct buf bytes;
    if (store_journal_is_lost(p->config->store)) return end_votes(d, "its journal is lost");
    buf_init(&bytes, p->mem, 0);
    enum status st = read_promises(d, &bytes);
    buf_fini(&bytes);
    return st;
}

static enum status read_promises(struct core_start_data *d, struct buf *bytes)
{
    struct core_start_parts *p = d->parts;
    enum status st = store_journal_read(p->config->store, CONSENSUS_SLOT_PROMISE, bytes);
    if (st == ST_NOT_FOUND) return ST_OK; /* Nothing was ever said. */
    TRY(st);
    /* The bytes are whole (checksums): what cannot be read is of another program. */
    if (consensus_record_decode(&p->record, buf_span(bytes)) != ST_OK) return ST_CORRUPT;
    d->start.engine.record = &p->record;
    buf_reset(bytes);
    st = store_journal_read(p->config->store, CONSENSUS_SLOT_VIEW_CHANGE, bytes);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    struct cbor in = cbor_of(buf_span(bytes));
    if (cbor_get_null(&in)) return cbor_end(&in) == ST_OK ? ST_OK : ST_CORRUPT;
    view_change_decode(&p->view_change, &in);
    if (cbor_end(&in) != ST_OK) return ST_CORRUPT;
    /* Of a later view: the power went between it and its record. It stands in the place of one that
     * was said, and the engine leaves the view with it (recover.c). */
    bool is_of_record =
        p->view_change.epoch == p->record.epoch && p->view_change.to_view >= p->record.cur_view;
    if (is_of_record) d->start.engine.view_change = &p->view_change;
    return ST_OK;
}

/* --- held blocks ------------------------------------------------------------------------------ */

static enum status decode_header(struct header *h, struct span bytes)
{
    struct span header;
    struct span body;
    if (block_split(bytes, &header, &body) != ST_OK) return ST_CORRUPT;
    struct cbor in = cbor_of(header);
    header_decode(h, &in);
    return cbor_end(&in) == ST_OK ? ST_OK : ST_CORRUPT;
}

static enum status note_held(void *context,
                             uint64_t height,
                             const struct hash *hash,
                             struct span bytes)
{
    struct core_start_parts *p = context;
    struct header h;
    if (p->seen_count == HELD_SEEN_MAX) return ST_OK;
    bool is_whole = decode_header(&h, bytes) == ST_OK && h.height == height;
    if (!is_whole) {
        p->has_damage = true;
        return ST_OK;
    }
    p->seen[p->seen_count++] =
        (struct held_item){.height = height, .hash = *hash, .parent = h.parent};
    return ST_OK;
}

static enum status note_damage(void *context, const struct damage *damage)
{
    struct core_start_parts *p = context;
    (void)damage; /* Whether it matters shows when a block is missing. */
    p->has_damage = true;
    return ST_OK;
}

static enum status list_held(struct core_start_parts *p)
{
    p->seen = mem_alloc_zero(p->mem, HELD_SEEN_MAX, sizeof *p->seen);
    if (p->seen == NULL) return ST_NO_MEMORY;
    struct store_held_visitor visitor = {.visit = note_held, .found = note_damage, .context = p};
    return store_held_each(p->config->store, &visitor);
}

static const struct held_item *find_held(const struct core_start_parts *p, const struct hash *hash)
{
    for (uint32_t i = 0; i < p->seen_count; i++)
        if (hash_equal(&p->seen[i].hash, hash)) return &p->seen[i];
    return NULL;
}

/* --- what the record calls final -------------------------------------------------------------- */

static enum status append_one(struct core_start_data *d, const struct hash *hash)
{
    struct core_start_parts *p = d->parts;
    struct buf bytes;
    struct flow_block *b = NULL;
    buf_init(&bytes, p->mem, 0);
    enum status st = store_read_held(p->config->store, hash, &bytes);
    if (st == ST_OK) st = replay_decode(&b, p->mem, buf_span(&bytes));
    if (st == ST_OK) {
        struct store_block block = {.height = b->header.height,
                                    .hash = b->hash,
                                    .bytes = buf_span(&bytes),
                                    .txids = b->txids,
                                    .tx_count = b->tx_count};
        st = store_append(p->config->store, &block);
    }
    flow_block_free(b);
    buf_fini(&bytes);
    return st;
}

/* The hash of the newest block of the store. */
static enum status stored_tip(const struct core_start_parts *p, struct hash *out)
{
    uint64_t height = store_height(p->config->store);
    *out = p->config->chain_id;
    if (height == 0) return ST_OK;
    struct buf bytes;
    struct span header = {0};
    struct span body;
    buf_init(&bytes, p->mem, 0);
    enum status st = store_read_block(p->config->store, height, &bytes, NULL);
    if (st == ST_OK && block_split(buf_span(&bytes), &header, &body) != ST_OK) st = ST_CORRUPT;
    if (st == ST_OK) *out = hash_of("hdr", header);
    buf_fini(&bytes);
    return st;
}

/* Among the held blocks the ancestor of the record's final block at height; null: it is missing. */
static const struct held_item *ancestor(const struct core_start_parts *p, uint64_t height)
{
    const struct held_item *item = find_held(p, &p->record.final_hash);
    while (item != NULL && item->height > height)
        item = find_held(p, &item->parent);
    return item != NULL && item->height == height ? item : NULL;
}

static enum status append_final(struct core_start_data *d)
{
    struct core_start_parts *p = d->parts;
    if (d->start.engine.record == NULL) return ST_OK;
    uint64_t target = p->record.final_height;
    for (uint64_t height = store_height(p->config->store) + 1; height <= target; height++) {
        struct hash tip;
        TRY(stored_tip(p, &tip));
        const struct held_item *item = ancestor(p, height);
        if (item == NULL || !hash_equal(&item->parent, &tip))
            return end_votes(d, "blocks that it knew as final are lost");
        TRY(append_one(d, &item->hash));
    }
    return ST_OK;
}

/* --- replay ----------------------------------------------------------------------------------- */

static enum status read_digests(const struct replay_machine *m, struct consensus_start *e)
{
    uint64_t height = m->height(m->context);
    e->digest_count = 0;
    while (e->digest_count < CONSENSUS_LAG_MAX) {
        struct hash digest;
        enum status st = m->digest(m->context, height - e->digest_count, &digest);
        if (st != ST_OK && e->digest_count == 0) return st; /* Of the newest: needed. */
        if (st == ST_NO_MEMORY) return st;
        if (st != ST_OK) break; /* Results are derived: fewer are known. */
        e->digests[e->digest_count++] = digest;
        if (height == e->digest_count - 1) break; /* D of the genesis. */
    }
    return ST_OK;
}

/* The epoch of the newest block, or the next one if this node has said something in it already. A
 * node that closed its epoch and said nothing yet goes through the end of the old one again. */
static enum status choose_epoch(struct core_start_data *d, const struct replay_tip *tip)
{
    const struct core_start_parts *p = d->parts;
    d->start.epoch = tip->epoch;
    if (d->start.engine.record == NULL) return ST_OK;
    bool is_next = p->record.epoch == tip->epoch + 1 && tip->is_close;
    if (is_next) d->start.epoch = p->record.epoch;
    if (p->record.epoch == d->start.epoch) return ST_OK;
    d->start.engine.record = NULL; /* Older: nothing was said in this epoch. */
    d->start.engine.view_change = NULL;
    if (p->record.epoch < tip->epoch) return ST_OK;
    return end_votes(d, "blocks that it knew as final are lost");
}

static void take_mode(struct core_start_data *d)
{
    struct core_start_parts *p = d->parts;
    const struct replay_machine *m = &p->config->machine;
    if (m->mode == NULL) return;
    p->mode = *m->mode(m->context);
    d->start.engine.mode = &p->mode;
}

static void take_next_config(struct core_start_data *d)
{
    const struct replay_machine *m = &d->parts->config->machine;
    if (m->next_config == NULL) return;
    d->start.next_config = m->next_config(m->context, d->start.epoch, &d->start.next_from);
}

static enum status replay(struct core_start_data *d)
{
    struct core_start_parts *p = d->parts;
    struct replay_tip tip;
    struct consensus_start *e = &d->start.engine;
    struct replay replay = {.mem = p->mem,
                            .machine = p->config->machine,
                            .store = p->config->store,
                            .pool = d->start.pool,
                            .chain_id = p->config->chain_id,
                            .progress = p->config->progress};
    TRY(replay_run(&replay, &tip));
    TRY(choose_epoch(d, &tip));
    e->height = tip.height;
    e->hash = tip.hash;
    e->time_ms = tip.height == 0 ? p->config->genesis_time_ms : tip.time_ms;
    e->res_height = tip.res_height;
    e->flags = tip.is_close ? BLOCK_EPOCH_CLOSE : 0;
    e->last_txs_height = tip.last_txs_height;
    e->executed_height = tip.height;
    if (p->config->machine.wanted != NULL)
        e->wanted_height = p->config->machine.wanted(p->config->machine.context);
    e->nonce = p->config->nonce;
    p->config->machine.history(p->config->machine.context, &e->history);
    take_mode(d);
    take_next_config(d);
    if (e->record != NULL && p->record.has_final_cert) e->final_cert = p->record.final_cert;
    if (e->history.count != tip.height) return ST_CORRUPT;
    return read_digests(&p->config->machine, e);
}

/* --- bodies above ----------------------------------------------------------------------------- */

static bool is_taken(const struct core_start_parts *p, const struct hash *hash)
{
    for (uint32_t i = 0; i < p->count; i++) {
        struct hash own = header_hash(&p->headers[i]);
        if (hash_equal(&own, hash)) return true;
    }
    return false;
}

static enum status take_one(struct core_start_parts *p, const struct hash *hash)
{
    struct buf bytes;
    buf_init(&bytes, p->mem, 0);
    enum status st = store_read_held(p->config->store, hash, &bytes);
    if (st == ST_OK) st = decode_header(&p->headers[p->count], buf_span(&bytes));
    if (st != ST_OK) {
        buf_fini(&bytes);
        return st;
    }
    p->owned[p->count] = bytes.data; /* The buffer's memory is ours now. */
    p->bytes[p->count++] = buf_span(&bytes);
    return ST_OK;
}

static enum status take_voted(struct core_start_data *d)
{
    struct core_start_parts *p = d->parts;
    for (uint32_t i = 0; i < p->record.chain_count; i++) {
        uint64_t height = p->record.final_height + i + 1;
        if (height <= d->start.engine.height) continue;
        enum status st = ST_NOT_FOUND;
        if (find_held(p, &p->record.chain[i]) != NULL) st = take_one(p, &p->record.chain[i]);
        if (st == ST_NO_MEMORY) return st;
        if (st != ST_OK) TRY(end_votes(d, "a block that it voted for is lost"));
    }
    return ST_OK;
}

/* The record may be older than the newest block: what it voted for is in the store by now. */
static enum status take_stored(struct core_start_data *d)
{
    struct core_start_parts *p = d->parts;
    struct consensus_start *e = &d->start.engine;
    struct buf bytes;
    buf_init(&bytes, p->mem, 0);
    enum status st = ST_OK;
    for (uint32_t i = 0; i < p->record.chain_count && st == ST_OK; i++) {
        uint64_t height = p->record.final_height + i + 1;
        if (height > e->height) break;
        buf_reset(&bytes);
        st = store_read_block(p->config->store, height, &bytes, NULL);
        if (st == ST_OK) st = decode_header(&p->headers[e->held_count], buf_span(&bytes));
        if (st == ST_OK) e->held_count++;
    }
    buf_fini(&bytes);
    return st == ST_OK || st == ST_NO_MEMORY ? st : ST_CORRUPT;
}

static enum status take_held(struct core_start_data *d)
{
    struct core_start_parts *p = d->parts;
    if (d->start.engine.record != NULL) TRY(take_voted(d));
    for (uint32_t i = p->seen_count; i > 0 && p->count < CORE_START_HELD_MAX; i--) {
        const struct held_item *item = &p->seen[i - 1]; /* The newest first. */
        if (item->height <= d->start.engine.height || is_taken(p, &item->hash)) continue;
        if (item->height > d->start.engine.height + CONSENSUS_WINDOW) continue;
        if (take_one(p, &item->hash) == ST_NO_MEMORY) return ST_NO_MEMORY;
    }
    d->start.held = p->bytes;
    d->start.held_count = p->count;
    d->start.engine.held = p->headers;
    d->start.engine.held_count = p->count;
    must(p->count <= CORE_START_HELD_MAX);
    return d->start.engine.record == NULL ? ST_OK : take_stored(d);
}
