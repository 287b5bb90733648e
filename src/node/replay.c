#include "node/replay.h"

#include "base/must.h"
#include "consensus/message.h"

static enum status decode_txs(struct flow_tx ***out, struct mem *mem, const struct body *body);
static void free_txs(struct mem *mem, struct flow_tx **txs, uint32_t count);
static enum status read_block(const struct replay *r,
                              uint64_t height,
                              struct buf *bytes,
                              struct flow_block **out);

enum status replay_decode(struct flow_block **out, struct mem *mem, struct span bytes)
{
    struct span header_bytes;
    struct span body_bytes;
    struct header header;
    struct body body;
    struct arena arena;
    struct flow_tx **txs = NULL;
    TRY(block_split(bytes, &header_bytes, &body_bytes));
    struct cbor in = cbor_of(header_bytes);
    header_decode(&header, &in);
    TRY(cbor_end(&in));
    arena_init(&arena, mem, 0);
    enum status st = body_decode(&body, &arena, body_bytes);
    if (st == ST_OK && body.tx_count != header.tx_count) st = ST_INVALID;
    if (st == ST_OK) st = decode_txs(&txs, mem, &body);
    if (st != ST_OK) goto out;
    st = flow_block_new(out, mem, txs, body.tx_count);
    if (st != ST_OK) {
        free_txs(mem, txs, body.tx_count);
        goto out;
    }
    mem_free(mem, txs);
    (*out)->header = header;
    (*out)->hash = header_hash(&header);
    struct block_content content = {.final_cert = body.has_final_cert ? &body.final_cert : NULL,
                                    .res_cert = body.has_res_cert ? &body.res_cert : NULL,
                                    .notes = &body.notes};
    facts_of_block(&(*out)->facts, &header, &content);
    st = flow_block_note_incidents(*out, &body.notes);
    if (st != ST_OK) flow_block_free(*out);
out:
    arena_fini(&arena);
    return st;
}

static void free_txs(struct mem *mem, struct flow_tx **txs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        flow_tx_free(txs[i]);
    mem_free(mem, txs);
}

static enum status decode_txs(struct flow_tx ***out, struct mem *mem, const struct body *body)
{
    size_t room = body->tx_count == 0 ? 1 : body->tx_count;
    struct flow_tx **txs = mem_alloc_zero(mem, room, sizeof(struct flow_tx *));
    if (txs == NULL) return ST_NO_MEMORY;
    enum status st = ST_OK;
    for (uint32_t i = 0; i < body->tx_count && st == ST_OK; i++) {
        struct span bytes = body->txs[i];
        txs[i] = bytes.size > TX_BYTES_MAX ? NULL : flow_tx_new(mem, bytes);
        st = txs[i] == NULL
                 ? ST_NO_MEMORY
                 : tx_decode(&txs[i]->tx, &txs[i]->arena, span_of(txs[i]->bytes, txs[i]->size));
    }
    if (st != ST_OK) {
        free_txs(mem, txs, body->tx_count);
        return st;
    }
    *out = txs;
    return ST_OK;
}

static enum status read_block(const struct replay *r,
                              uint64_t height,
                              struct buf *bytes,
                              struct flow_block **out)
{
    buf_reset(bytes);
    TRY(store_read_block(r->store, height, bytes, NULL));
    enum status st = replay_decode(out, r->mem, buf_span(bytes));
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_CORRUPT;
    if ((*out)->header.height == height) return ST_OK;
    flow_block_free(*out);
    return ST_CORRUPT;
}

static enum status block_time(const struct replay *r,
                              uint64_t height,
                              struct buf *bytes,
                              uint64_t *time_ms)
{
    struct span header_bytes;
    struct span body_bytes;
    struct header header;
    buf_reset(bytes);
    TRY(store_read_block(r->store, height, bytes, NULL));
    if (block_split(buf_span(bytes), &header_bytes, &body_bytes) != ST_OK) return ST_CORRUPT;
    struct cbor in = cbor_of(header_bytes);
    header_decode(&header, &in);
    *time_ms = header.time_ms;
    return cbor_end(&in) == ST_OK ? ST_OK : ST_CORRUPT;
}

/* First height whose ids may still matter, or that the state lacks. Block times ascend, so the end
 * of the span is found by halving. */
static enum status first_height(const struct replay *r,
                                uint64_t target,
                                struct buf *bytes,
                                uint64_t *first)
{
    uint64_t newest_ms = 0;
    uint64_t low = target > TX_SPAN_BLOCKS_MAX ? target - TX_SPAN_BLOCKS_MAX : 1;
    uint64_t high = target;
    if (target > 0) TRY(block_time(r, target, bytes, &newest_ms));
    while (low < high) {
        uint64_t time_ms = 0;
        uint64_t middle = low + (high - low) / 2;
        TRY(block_time(r, middle, bytes, &time_ms));
        if (time_ms + TX_SPAN_MS_MAX >= newest_ms)
            high = middle;
        else
            low = middle + 1;
    }
    uint64_t lacking = r->machine.height(r->machine.context) + 1;
    *first = lacking < low ? lacking : low;
    if (target > CONSENSUS_LAG_MAX && *first > target - CONSENSUS_LAG_MAX)
        *first = target - CONSENSUS_LAG_MAX; /* Whether a result is open. */
    else if (target <= CONSENSUS_LAG_MAX)
        *first = 1;
    return ST_OK;
}

static void note_tip(struct replay_tip *tip, const struct flow_block *b)
{
    tip->height = b->header.height;
    tip->hash = b->hash;
    tip->time_ms = b->header.time_ms;
    tip->res_height = b->header.res_height;
    tip->epoch = b->header.epoch;
    tip->is_close = (b->header.flags & BLOCK_EPOCH_CLOSE) != 0;
    if (b->tx_count > 0) tip->last_txs_height = b->header.height;
}

static enum status replay_one(const struct replay *r,
                              uint64_t height,
                              struct buf *bytes,
                              struct replay_tip *tip)
{
    struct flow_block *b = NULL;
    TRY(read_block(r, height, bytes, &b));
    const struct replay_machine *m = &r->machine;
    bool is_first = tip->height == 0 && height > 1;
    bool is_linked = is_first || hash_equal(&b->header.parent, &tip->hash);
    enum status st = is_linked ? ST_OK : ST_CORRUPT;
    if (st == ST_OK && height > m->height(m->context)) st = m->apply(m->context, b);
    if (st == ST_OK)
        st = pool_note_block(r->pool, height, b->header.time_ms, b->txids, b->tx_count);
    note_tip(tip, b);
    flow_block_free(b);
    return st;
}

enum status replay_run(const struct replay *r, struct replay_tip *tip)
{
    uint64_t target = store_height(r->store);
    /* The state must not be ahead of its blocks. */
    if (r->machine.height(r->machine.context) > target) return ST_CORRUPT;
    *tip = (struct replay_tip){.hash = r->chain_id};
    struct buf bytes;
    buf_init(&bytes, r->mem, 0);
    uint64_t first = 0;
    enum status st = first_height(r, target, &bytes, &first);
    for (uint64_t height = first; height <= target && st == ST_OK; height++) {
        st = replay_one(r, height, &bytes, tip);
        if (r->progress != NULL) r->progress(height, target);
    }
    buf_fini(&bytes);
    return st;
}

/* --- the machine of a node ------------------------------------------------------------------- */

static uint64_t machine_height(void *context)
{
    const struct replay_exec *e = context;
    return exec_height(e->exec);
}

enum status replay_apply(struct exec *exec, struct flow_block *b)
{
    struct exec_block in = {.header = &b->header,
                            .hash = b->hash,
                            .facts = &b->facts,
                            .incidents = b->incidents,
                            .incident_count = b->incident_count,
                            .txs = b->views,
                            .tx_count = b->tx_count};
    return exec_apply(exec, &in, &b->outcome);
}

static enum status machine_apply(void *context, struct flow_block *b)
{
    const struct replay_exec *e = context;
    TRY(replay_apply(e->exec, b));
    return store_append_result(e->store, b->header.height, b->outcome.record);
}

static enum status machine_digest(void *context, uint64_t height, struct hash *out)
{
    const struct replay_exec *e = context;
    if (height == exec_height(e->exec)) {
        *out = exec_digest(e->exec);
        return ST_OK;
    }
    struct buf bytes;
    struct arena arena;
    struct exec_record record;
    buf_init(&bytes, e->mem, 0);
    arena_init(&arena, e->mem, 0);
    enum status st = store_read_result(e->store, height, &bytes, NULL);
    if (st == ST_OK) st = exec_record_decode(&record, &arena, buf_span(&bytes));
    if (st == ST_OK) *out = record.digest;
    arena_fini(&arena);
    buf_fini(&bytes);
    return st;
}

static void machine_history(void *context, struct merkle_tree *out)
{
    const struct replay_exec *e = context;
    exec_history(e->exec, out);
}

static const struct mode_state *machine_mode(void *context)
{
    const struct replay_exec *e = context;
    return exec_mode(e->exec);
}

static uint64_t machine_wanted(void *context)
{
    const struct replay_exec *e = context;
    return exec_wanted_height(e->exec);
}

/* The block that closes an epoch may be the newest one: then the next epoch is the present one. */
static struct span machine_next_config(void *context, uint64_t epoch, uint64_t *from)
{
    const struct replay_exec *e = context;
    struct exec_epoch now;
    exec_epoch(e->exec, &now);
    bool is_closed = now.epoch == epoch + 1;
    *from = is_closed ? now.first_height - 1 : now.next_from;
    if (is_closed) return now.config;
    return now.epoch == epoch ? now.next_config : span_of(NULL, 0);
}

struct replay_machine replay_machine_of(struct replay_exec *exec)
{
    return (struct replay_machine){.height = machine_height,
                                   .apply = machine_apply,
                                   .digest = machine_digest,
                                   .history = machine_history,
                                   .mode = machine_mode,
                                   .wanted = machine_wanted,
                                   .next_config = machine_next_config,
                                   .context = exec};
}
