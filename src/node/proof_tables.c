/* I1 a row of receipts is of a height that was executed, and stood in the store with its result,
 * when the cursor began to read. */
#include "node/proof_tables.h"

#include "base/must.h"
#include "ledger/reply.h"
#include "node/proof_maker.h"
#include "node/vtable.h"

struct cursor {
    struct vtable_cursor base;
    struct arena arena;
    struct buf bytes;
    struct certificate certificate; /* certified. */
    uint64_t executed;
    bool is_found; /* receipts: the next step gives the row. */
    struct hash txid;
    uint64_t height;
    uint32_t index;
    struct exec_record record;
    struct header header;
};

static const struct chain_tables_source *source_of(const struct cursor *c)
{
    return c->base.source;
}

static void open_cursor(struct vtable_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    arena_init(&c->arena, base->mem, 0);
    buf_init(&c->bytes, base->mem, 0);
}

static void close_cursor(struct vtable_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    arena_fini(&c->arena);
    buf_fini(&c->bytes);
}

static void put_blob(sqlite3_context *to, struct span bytes)
{
    sqlite3_result_blob64(to, bytes.data, bytes.size, SQLITE_TRANSIENT);
}

/* --- trustsql.certified ----------------------------------------------------------------------- */

static void certified_range(struct vtable_cursor *base, int plan, sqlite3_value **argv)
{
    (void)base;
    (void)plan;
    (void)argv;
}

/* After a start there is none until the next block; the newest in a stored body serves then. */
static bool find_certificate(struct cursor *c)
{
    const struct chain_tables_source *source = source_of(c);
    if (source->certified(source->context, &c->certificate, &c->executed)) return true;
    uint64_t height = store_height(source->store);
    for (uint32_t tries = 0; height > 0 && tries < PROOF_SUCCESSORS_MAX; tries++, height--) {
        struct span header;
        struct span rest;
        struct body body;
        buf_reset(&c->bytes);
        arena_reset(&c->arena);
        if (store_read_block(source->store, height, &c->bytes, NULL) != ST_OK) return false;
        if (block_split(buf_span(&c->bytes), &header, &rest) != ST_OK) return false;
        if (body_decode(&body, &c->arena, rest) != ST_OK) return false;
        if (!body.has_res_cert) continue;
        c->certificate = body.res_cert;
        return true;
    }
    return false;
}

static enum status certified_step(struct vtable_cursor *base, bool is_first)
{
    struct cursor *c = (struct cursor *)base;
    c->base.is_at_end = !is_first || !find_certificate(c);
    c->base.rowid = 1;
    return ST_OK;
}

/* Null: of epoch 0, or a block of the chain is not here yet. */
static enum status put_epochs(struct cursor *c, sqlite3_context *to)
{
    const struct chain_tables_source *source = source_of(c);
    buf_reset(&c->bytes);
    enum status st = source->epochs(source->context, c->certificate.statement.epoch, &c->bytes);
    if (st == ST_NOT_FOUND || (st == ST_OK && c->bytes.size == 0)) return ST_OK;
    if (st == ST_OK) put_blob(to, buf_span(&c->bytes));
    return st;
}

static enum status certified_column(struct vtable_cursor *base, sqlite3_context *to, int column)
{
    struct cursor *c = (struct cursor *)base;
    switch (column) {
    case 0: vtable_put_u64(to, c->certificate.statement.height); break;
    case 1: vtable_put_hash(to, &c->certificate.statement.hash); break;
    case 2: vtable_put_u64(to, c->executed); break;
    case 4: return put_epochs(c, to);
    default:
        buf_reset(&c->bytes);
        certificate_encode(&c->bytes, &c->certificate);
        TRY(buf_status(&c->bytes));
        put_blob(to, buf_span(&c->bytes));
        break;
    }
    return ST_OK;
}

/* --- trustsql.receipts ------------------------------------------------------------------------ */

/* Rows are found by their txid alone: nobody needs a signature for each of a million. */
static void receipts_plan(sqlite3_index_info *info)
{
    info->estimatedCost = 1e9;
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *condition = &info->aConstraint[i];
        if (!condition->usable || condition->iColumn != 0 ||
            condition->op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        info->aConstraintUsage[i].argvIndex = 1;
        info->idxNum = 1;
        info->estimatedCost = 10;
        info->estimatedRows = 1;
        return;
    }
}

static void receipts_range(struct vtable_cursor *base, int plan, sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;
    const struct chain_tables_source *source = source_of(c);
    c->is_found = false;
    if (plan == 0 || sqlite3_value_type(argv[0]) != SQLITE_BLOB ||
        sqlite3_value_bytes(argv[0]) != (int)HASH_SIZE)
        return;
    memcpy(c->txid.bytes, sqlite3_value_blob(argv[0]), HASH_SIZE);
    if (store_find_tx(source->store, &c->txid, &c->height, &c->index) != ST_OK) return;
    c->is_found = c->height <= chain_tables_height(source); /* I1 */
}

static enum status load_receipt(struct cursor *c)
{
    const struct chain_tables_source *source = source_of(c);
    struct span header;
    struct span rest;
    buf_reset(&c->bytes);
    arena_reset(&c->arena);
    TRY(store_read_block(source->store, c->height, &c->bytes, NULL));
    TRY(block_split(buf_span(&c->bytes), &header, &rest));
    struct cbor in = cbor_of(header);
    header_decode(&c->header, &in);
    TRY(cbor_end(&in));
    buf_reset(&c->bytes);
    TRY(store_read_result(source->store, c->height, &c->bytes, NULL));
    struct span kept = arena_copy(&c->arena, buf_span(&c->bytes));
    if (kept.data == NULL) return ST_NO_MEMORY;
    TRY(exec_record_decode(&c->record, &c->arena, kept));
    return c->index < c->record.receipt_count ? ST_OK : ST_CORRUPT;
}

static enum status receipts_step(struct vtable_cursor *base, bool is_first)
{
    struct cursor *c = (struct cursor *)base;
    c->base.is_at_end = !is_first || !c->is_found;
    c->base.rowid = 1;
    return c->base.is_at_end ? ST_OK : load_receipt(c);
}

static enum status put_proof(struct cursor *c, sqlite3_context *to)
{
    const struct chain_tables_source *source = source_of(c);
    buf_reset(&c->bytes);
    const struct proof_tx_request request = {.height = c->height, .index = c->index};
    enum status st = proof_make_tx(source, &request, &c->bytes);
    if (st == ST_NOT_FOUND) return ST_OK;
    if (st == ST_OK) put_blob(to, buf_span(&c->bytes));
    return st;
}

static enum status put_reply(struct cursor *c, sqlite3_context *to)
{
    const struct chain_tables_source *source = source_of(c);
    uint8_t bytes[REPLY_SIZE_MAX];
    struct buf out;
    struct reply r = {.epoch = c->header.epoch,
                      .txid = c->txid,
                      .height = c->height,
                      .index = c->index,
                      .receipt = receipt_leaf(c->record.receipts[c->index]),
                      .digest = c->record.digest};
    enum status st = source->sign_reply(source->context, &r);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    buf_init_fixed(&out, bytes, sizeof bytes);
    reply_encode(&out, &r);
    TRY(buf_status(&out));
    put_blob(to, buf_span(&out));
    return ST_OK;
}

static enum status receipts_column(struct vtable_cursor *base, sqlite3_context *to, int column)
{
    struct cursor *c = (struct cursor *)base;
    switch (column) {
    case 0: vtable_put_hash(to, &c->txid); break;
    case 1: vtable_put_u64(to, c->height); break;
    case 2: vtable_put_u64(to, c->index); break;
    case 3: put_blob(to, c->record.receipts[c->index]); break;
    case 4: return put_proof(c, to);
    case 5: return put_reply(c, to);
    default: sqlite3_result_null(to); break;
    }
    return ST_OK;
}

/* --- the tables ------------------------------------------------------------------------------- */

static const struct vtable certified_table = {
    .name = "trustsql.certified",
    .declaration = "CREATE TABLE x(height INTEGER, digest BLOB, executed INTEGER, certificate BLOB,"
                   " epochs BLOB)",
    .cursor_size = sizeof(struct cursor),
    .open = open_cursor,
    .close = close_cursor,
    .range = certified_range,
    .step = certified_step,
    .column = certified_column,
};

static const struct vtable receipts_table = {
    .name = "trustsql.receipts",
    .declaration = "CREATE TABLE x(txid BLOB, height INTEGER, \"index\" INTEGER, receipt BLOB,"
                   " proof BLOB, reply BLOB)",
    .cursor_size = sizeof(struct cursor),
    .open = open_cursor,
    .close = close_cursor,
    .plan = receipts_plan,
    .range = receipts_range,
    .step = receipts_step,
    .column = receipts_column,
};

enum status proof_tables_register(sqlite3 *connection, const struct chain_tables_source *source)
{
    TRY(vtable_register(connection, &certified_table, source, source->mem));
    return vtable_register(connection, &receipts_table, source, source->mem);
}
