/* proof_subjects.c - What proofs are about, taken from blocks, results and their write sets. */
#include "base/must.h"
#include "node/historian.h"
#include "node/proof_maker.h"

#define SCAN_MAX       65536u /* Blocks that are read when no index tells where a row changed. */
#define CANDIDATES_MAX 16u

struct write_set { /* Of one block. */
    struct hash *leaves;
    uint32_t count;
    uint32_t found; /* Place of the row's entry; count: none. */
    struct span entry;
};

struct candidates {
    uint32_t count; /* Of all; the newest are kept. */
    uint64_t heights[CANDIDATES_MAX];
};

static enum status add_receipt(struct proof_maker *m, uint32_t index);
static enum status add_shown(struct proof_maker *m, const struct proof_tx_request *r);
static enum status find_candidates(const struct chain_tables_source *source,
                                   const struct proof_row_request *request,
                                   struct candidates *out);
static enum status try_height(const struct chain_tables_source *source,
                              const struct proof_row_request *request,
                              uint64_t height,
                              struct proof_maker **out,
                              struct write_set *set);
static enum status find_change(struct proof_maker *m,
                               const struct proof_row_request *r,
                               uint64_t height,
                               struct write_set *out);

static enum status finish(struct proof_maker *m, struct buf *out)
{
    proof_encode(out, &m->proof);
    return buf_status(out);
}

/* --- transactions ----------------------------------------------------------------------------- */

enum status proof_make_tx(const struct chain_tables_source *source,
                          const struct proof_tx_request *request,
                          struct buf *out)
{
    struct proof_maker *m = proof_maker_new(source);
    if (m == NULL) return ST_NO_MEMORY;
    m->proof.kind = PROOF_TX;
    if (!request->has_genesis) m->proof.genesis = (struct span){0};
    enum status st = proof_maker_block(m, request->height, &m->proof.block);
    if (st == ST_OK) st = add_receipt(m, request->index);
    if (st == ST_OK && request->shows) st = add_shown(m, request);
    if (st == ST_OK) st = finish(m, out);
    proof_maker_free(m);
    return st;
}

static enum status add_receipt(struct proof_maker *m, uint32_t index)
{
    const struct exec_record *record = &m->record;
    struct proof_tx *tx = &m->proof.of.tx;
    if (index >= record->receipt_count) return ST_CORRUPT;
    const uint32_t count = record->receipt_count;
    struct hash *leaves = arena_alloc_zero(&m->arena, count, sizeof *leaves);
    if (leaves == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        leaves[i] = receipt_leaf(record->receipts[i]);
    const struct hash *levels = proof_maker_levels(m, leaves, count);
    if (levels == NULL) return ST_NO_MEMORY;
    merkle_levels_path(&tx->path, levels, count, index);
    tx->receipt = record->receipts[index];
    tx->has_shown = false;
    return ST_OK;
}

/* Purge all that is not to be shown. */
static enum status redact(struct tx *t, const struct proof_tx_request *r)
{
    t->is_redacted = true;
    for (uint32_t i = 0; i < t->op_count; i++) {
        for (uint32_t k = 0; k < t->ops[i].param_count; k++)
            t->ops[i].params[k].is_purged = true;
        for (uint32_t k = 0; k < t->ops[i].auth_count; k++)
            t->ops[i].auths[k].is_purged = true;
    }
    for (uint32_t i = 0; i < r->shown_count; i++) {
        const struct proof_shown *shown = &r->shown[i];
        if (shown->op >= t->op_count) return ST_INVALID;
        if (shown->param >= t->ops[shown->op].param_count) return ST_INVALID;
        t->ops[shown->op].params[shown->param].is_purged = false;
    }
    return ST_OK;
}

static enum status add_shown(struct proof_maker *m, const struct proof_tx_request *r)
{
    struct body *body = arena_alloc_zero(&m->arena, 1, sizeof *body);
    if (body == NULL) return ST_NO_MEMORY;
    TRY(proof_maker_body(m, r->height, body));
    if (r->index >= body->tx_count) return ST_CORRUPT;
    struct hash *leaves = arena_alloc_zero(&m->arena, body->tx_count, sizeof *leaves);
    if (leaves == NULL) return ST_NO_MEMORY;
    struct tx chosen = {.op_count = 0};
    for (uint32_t i = 0; i < body->tx_count; i++) {
        struct tx t;
        TRY(tx_decode(&t, &m->arena, body->txs[i]));
        leaves[i] = t.leaf;
        if (i == r->index) chosen = t;
    }
    TRY(redact(&chosen, r));
    struct proof_tx *tx = &m->proof.of.tx;
    struct buf bytes;
    buf_init(&bytes, m->source->mem, 0);
    tx_encode(&chosen, &bytes);
    enum status st = buf_status(&bytes);
    if (st == ST_OK) {
        tx->shown = arena_copy(&m->arena, buf_span(&bytes));
        if (tx->shown.data == NULL) st = ST_NO_MEMORY;
    }
    buf_fini(&bytes);
    TRY(st);
    const struct hash *levels = proof_maker_levels(m, leaves, body->tx_count);
    if (levels == NULL) return ST_NO_MEMORY;
    merkle_levels_path(&tx->shown_path, levels, body->tx_count, r->index);
    tx->has_shown = true;
    return ST_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* The maker that stands at the newest block that changed the row, of those that may have. */
static enum status search(const struct chain_tables_source *source,
                          const struct proof_row_request *request,
                          struct proof_maker **out,
                          struct write_set *set)
{
    struct candidates found;
    if (source->historian != NULL && find_candidates(source, request, &found) == ST_OK) {
        const uint32_t kept = found.count < CANDIDATES_MAX ? found.count : CANDIDATES_MAX;
        for (uint32_t i = 1; i <= kept; i++) { /* Nearly always the first of them. */
            const uint64_t height = found.heights[(found.count - i) % CANDIDATES_MAX];
            enum status st = try_height(source, request, height, out, set);
            if (st != ST_NOT_FOUND) return st;
        }
        if (found.count <= CANDIDATES_MAX) return ST_NOT_FOUND;
    }
    for (uint32_t i = 0; i < request->look_at && i < SCAN_MAX && i < request->height; i++) {
        if (request->is_cancelled != NULL && atomic_load(request->is_cancelled)) break;
        enum status st = try_height(source, request, request->height - i, out, set);
        if (st != ST_NOT_FOUND) return st;
    }
    return ST_NOT_FOUND;
}

/* What the index of row versions names: heights with a key of this hash. */
static enum status find_candidates(const struct chain_tables_source *source,
                                   const struct proof_row_request *request,
                                   struct candidates *out)
{
    struct history_cursor *cursor = NULL;
    struct history_entry entry;
    const uint64_t last = request->height;
    const struct history_range range = {
        .table = request->table->id,
        .first = last > request->look_at ? last - request->look_at + 1 : 1,
        .last = last,
        .has_key = true,
        .key = history_key_hash(request->key)};
    out->count = 0;
    TRY(historian_read(source->historian, &cursor, &range));
    enum status st = history_cursor_next(cursor, &entry);
    for (; st == ST_OK; st = history_cursor_next(cursor, &entry)) {
        const uint64_t newest =
            out->count == 0 ? 0 : out->heights[(out->count - 1) % CANDIDATES_MAX];
        if (entry.height != newest) out->heights[out->count++ % CANDIDATES_MAX] = entry.height;
    }
    history_cursor_close(cursor);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status try_height(const struct chain_tables_source *source,
                              const struct proof_row_request *request,
                              uint64_t height,
                              struct proof_maker **out,
                              struct write_set *set)
{
    struct proof_maker *m = proof_maker_new(source);
    if (m == NULL) return ST_NO_MEMORY;
    enum status st = find_change(m, request, height, set);
    if (st == ST_OK)
        *out = m;
    else
        proof_maker_free(m);
    return st;
}

enum status proof_find_row(const struct chain_tables_source *source,
                           const struct proof_row_request *request)
{
    struct write_set set;
    struct proof_maker *m = NULL;
    TRY(search(source, request, &m, &set));
    proof_maker_free(m);
    return ST_OK;
}

enum status proof_find_entry(const struct chain_tables_source *source,
                             const struct proof_row_request *request,
                             struct buf *out)
{
    struct write_set set;
    struct proof_maker *m = NULL;
    TRY(search(source, request, &m, &set));
    buf_put(out, set.entry);
    proof_maker_free(m);
    return buf_status(out);
}

enum status proof_make_row_version(const struct chain_tables_source *source,
                                   const struct proof_row_request *request,
                                   struct buf *out)
{
    struct write_set set;
    struct proof_maker *m = NULL;
    TRY(search(source, request, &m, &set));
    must(set.found < set.count);
    const uint64_t height = m->record.result.height;
    struct proof_version *version = &m->proof.of.version;
    m->proof.kind = PROOF_ROW_VERSION;
    version->entry = set.entry;
    const struct hash *levels = proof_maker_levels(m, set.leaves, set.count);
    enum status st = levels == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK) {
        side_path_make(&version->path, levels, set.count, set.found);
        st = proof_maker_block(m, height, &m->proof.block);
    }
    if (st == ST_OK) st = finish(m, out);
    proof_maker_free(m);
    return st;
}

static bool is_of_row(struct span entry, const struct proof_row_request *r)
{
    struct cbor in = cbor_of(entry);
    cbor_expect_array(&in, 3);
    const uint64_t table_id = cbor_get_uint(&in);
    return table_id == r->table->id && span_equal(cbor_get_item(&in, 2), r->key);
}

/* ST_NOT_FOUND: the block did not change the row. */
static enum status find_change(struct proof_maker *m,
                               const struct proof_row_request *r,
                               uint64_t height,
                               struct write_set *out)
{
    TRY(proof_maker_read(m, height));
    struct cbor in = cbor_of(m->record.rows.write_set);
    const uint64_t count = cbor_get_array(&in);
    struct cbor entries = in;
    *out = (struct write_set){.count = (uint32_t)count, .found = (uint32_t)count};
    for (uint32_t i = 0; i < out->count && in.status == ST_OK; i++) {
        struct span entry = cbor_get_item(&in, 3);
        if (!is_of_row(entry, r)) continue;
        out->found = i;
        out->entry = entry;
    }
    if (cbor_end(&in) != ST_OK) return ST_CORRUPT;
    if (out->found == out->count) return ST_NOT_FOUND;
    out->leaves = arena_alloc_zero(&m->arena, out->count, sizeof *out->leaves);
    if (out->leaves == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < out->count; i++)
        out->leaves[i] = merkle_leaf(cbor_get_item(&entries, 3));
    return ST_OK;
}
