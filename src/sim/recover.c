/* recover.c - From the disk of a host to what its core starts with: final blocks are executed
 * again, held bodies and the journal are read. As node/replay.c does it over SQL. */
#include "base/must.h"
#include "node/replay.h"
#include "sim/host.h"

#define HELD_ROOM (4u * CONSENSUS_WINDOW)

struct held {
    struct host *host;
    struct header headers[HELD_ROOM * 2];
    struct span bytes[HELD_ROOM * 2];
    uint32_t count;
};

static enum status replay_blocks(struct host *h, struct recovery *r);
static enum status read_held(struct host *h, struct recovery *r);
static enum status read_journal(struct host *h, struct recovery *r);

enum status host_recover(struct host *h, struct recovery *out)
{
    struct world *w = h->world;
    out->start.engine.hash = w->chain_id;
    out->start.engine.time_ms = w->genesis.time_ms;
    TRY(pool_new(&out->start.pool, &h->memory.mem, &w->chain_id, 0x9e3779b97f4a7c15u));
    TRY(replay_blocks(h, out));
    TRY(read_journal(h, out));
    return read_held(h, out);
}

/* --- final blocks ----------------------------------------------------------------------------- */

static enum status replay_one(struct host *h,
                              struct recovery *r,
                              uint64_t height,
                              struct buf *bytes)
{
    struct flow_block *b = NULL;
    struct consensus_start *e = &r->start.engine;
    buf_reset(bytes);
    TRY(store_read_block(h->store, height, bytes, NULL));
    TRY(replay_decode(&b, &h->memory.mem, buf_span(bytes)));
    bool is_linked = b->header.height == height && hash_equal(&b->header.parent, &e->hash);
    enum status st = is_linked ? machine_apply(&h->machine, b) : ST_CORRUPT;
    if (st == ST_OK) st = store_append_result(h->store, height, b->outcome.record);
    if (st == ST_OK)
        st = pool_note_block(r->start.pool, height, b->header.time_ms, b->txids, b->tx_count);
    e->height = height;
    e->hash = b->hash;
    e->time_ms = b->header.time_ms;
    e->res_height = b->header.res_height;
    flow_block_free(b);
    return st;
}

static enum status replay_blocks(struct host *h, struct recovery *r)
{
    struct consensus_start *e = &r->start.engine;
    struct buf bytes;
    buf_init(&bytes, &h->memory.mem, 0);
    enum status st = ST_OK;
    for (uint64_t height = 1; height <= store_height(h->store) && st == ST_OK; height++)
        st = replay_one(h, r, height, &bytes);
    buf_fini(&bytes);
    e->history = h->machine.history;
    e->last_txs_height = h->machine.last_txs_height;
    e->executed_height = h->machine.height;
    e->digest_count = 0;
    for (uint64_t i = 0; i <= h->machine.height && i < CONSENSUS_LAG_MAX; i++)
        e->digests[e->digest_count++] =
            h->machine.digests[(h->machine.height - i) % CONSENSUS_LAG_MAX];
    return st;
}

/* --- promises --------------------------------------------------------------------------------- */

static enum status read_journal(struct host *h, struct recovery *r)
{
    struct buf bytes;
    buf_init(&bytes, &h->memory.mem, 0);
    r->is_voter = !store_journal_is_lost(h->store);
    enum status st = store_journal_read(h->store, CONSENSUS_SLOT_PROMISE, &bytes);
    if (st == ST_OK) {
        st = consensus_record_decode(&r->record, buf_span(&bytes));
        r->has_record = st == ST_OK;
        r->start.engine.record = &r->record;
        if (r->has_record && r->record.has_final_cert)
            r->start.engine.final_cert = r->record.final_cert;
    }
    buf_reset(&bytes);
    if (st == ST_OK) st = store_journal_read(h->store, CONSENSUS_SLOT_VIEW_CHANGE, &bytes);
    if (st == ST_OK && bytes.size > 0) {
        struct cbor in = cbor_of(buf_span(&bytes));
        view_change_decode(&r->view_change, &in);
        st = cbor_end(&in);
        r->has_view_change = st == ST_OK && r->view_change.to_view == r->record.cur_view;
        if (r->has_view_change) r->start.engine.view_change = &r->view_change;
    }
    buf_fini(&bytes);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* --- held bodies ------------------------------------------------------------------------------ */

static enum status visit_held(void *context,
                              uint64_t height,
                              const struct hash *hash,
                              struct span bytes)
{
    struct held *held = context;
    struct span header;
    struct span body;
    (void)height;
    (void)hash;
    if (held->count == sizeof held->bytes / sizeof held->bytes[0]) return ST_OK;
    TRY(block_split(bytes, &header, &body));
    struct cbor in = cbor_of(header);
    header_decode(&held->headers[held->count], &in);
    TRY(cbor_end(&in));
    uint8_t *copy = mem_alloc(&held->host->memory.mem, bytes.size);
    if (copy == NULL) return ST_NO_MEMORY;
    memcpy(copy, bytes.data, bytes.size);
    held->bytes[held->count++] = span_of(copy, bytes.size);
    return ST_OK;
}

static enum status found_damage(void *context, const struct damage *damage)
{
    struct held *held = context;
    world_say(held->host->world, "n%u lost a held body: %s", held->host->id, damage->what);
    return ST_OK;
}

static enum status read_held(struct host *h, struct recovery *r)
{
    struct held *held = mem_alloc_zero(&h->memory.mem, 1, sizeof *held);
    if (held == NULL) return ST_NO_MEMORY;
    held->host = h;
    struct store_held_visitor visitor = {
        .visit = visit_held, .found = found_damage, .context = held};
    enum status st = store_held_each(h->store, &visitor);
    r->start.held = held->bytes;
    r->start.held_count = held->count;
    r->start.engine.held = held->headers;
    r->start.engine.held_count = held->count;
    return st; /* The memory is the process's: it lives as long as the core may look. */
}
