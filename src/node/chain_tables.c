/* trustsql.blocks and trustsql.transactions. Plans are bit sets: which of the conditions LOW, HIGH,
 * TXID the arguments of a range carry, in this order.
 *
 * I1 a cursor never passes the height whose block was executed, and stood in the store with its
 *    result, when it was opened. */
#include "node/chain_tables.h"

#include <stdio.h>

#include "base/must.h"
#include "ledger/block.h"
#include "node/consensus_tables.h"
#include "node/explain_table.h"
#include "node/history_table.h"
#include "node/proof_tables.h"
#include "node/status.h"
#include "node/tx_status.h"
#include "node/vtable.h"

enum plan { PLAN_LOW = 1, PLAN_HIGH = 2, PLAN_TXID = 4, PLAN_POINT = 8 };

struct cursor {
    struct vtable_cursor base;
    uint64_t height; /* Of the current block. */
    uint64_t last;
    uint32_t index; /* Of the current transaction. */
    uint32_t index_first;
    uint32_t index_last;
    struct arena arena;
    struct buf block;
    struct buf record;
    struct header header;
    struct hash hash;
    struct body body;
    struct exec_record result;
};

static const struct chain_tables_source *source_of(const struct cursor *c)
{
    return c->base.source;
}

/* --- rows ------------------------------------------------------------------------------------ */

static enum status load_block(struct cursor *c)
{
    struct span header;
    struct span body;
    buf_reset(&c->block);
    buf_reset(&c->record);
    arena_reset(&c->arena);
    TRY(store_read_block(source_of(c)->store, c->height, &c->block, NULL));
    TRY(store_read_result(source_of(c)->store, c->height, &c->record, NULL));
    TRY(block_split(buf_span(&c->block), &header, &body));
    struct cbor in = cbor_of(header);
    header_decode(&c->header, &in);
    TRY(cbor_end(&in));
    c->hash = header_hash(&c->header);
    TRY(body_decode(&c->body, &c->arena, body));
    TRY(exec_record_decode(&c->result, &c->arena, buf_span(&c->record)));
    return c->result.receipt_count == c->body.tx_count ? ST_OK : ST_CORRUPT;
}

static void note_row(struct cursor *c)
{
    c->base.rowid = (int64_t)(c->height << 20 | c->index);
}

static enum status to_block(struct vtable_cursor *base, bool is_first)
{
    struct cursor *c = (struct cursor *)base;
    if (!is_first) c->height++;
    c->base.is_at_end = c->height > c->last;
    note_row(c);
    return c->base.is_at_end ? ST_OK : load_block(c);
}

static enum status to_transaction(struct vtable_cursor *base, bool is_first)
{
    struct cursor *c = (struct cursor *)base;
    if (is_first) {
        c->base.is_at_end = c->height > c->last;
        if (c->base.is_at_end) return ST_OK;
        TRY(load_block(c));
        c->index = c->index_first;
    } else {
        c->index++;
    }
    while (c->index >= c->body.tx_count || c->index > c->index_last) {
        c->height++;
        c->index = 0;
        c->base.is_at_end = c->height > c->last || c->index_last != UINT32_MAX;
        if (c->base.is_at_end) return ST_OK;
        TRY(load_block(c));
    }
    note_row(c);
    return ST_OK;
}

/* --- columns --------------------------------------------------------------------------------- */

static enum status block_column(struct vtable_cursor *base, sqlite3_context *to, int column)
{
    const struct cursor *c = (const struct cursor *)base;
    switch (column) {
    case 0: sqlite3_result_int64(to, (sqlite3_int64)c->height); break;
    case 1: vtable_put_hash(to, &c->hash); break;
    case 2: vtable_put_hash(to, &c->header.parent); break;
    case 3: vtable_put_time(to, c->header.time_ms); break;
    case 4: sqlite3_result_int64(to, c->header.tx_count); break;
    case 5: sqlite3_result_int64(to, c->header.proposer); break;
    case 6: sqlite3_result_int64(to, (sqlite3_int64)c->header.view); break;
    case 7: vtable_put_hash(to, &c->result.digest); break;
    case 8: vtable_put_u64(to, c->header.epoch); break;
    case 9: vtable_put_text(to, span_text(block_mode_text(c->header.mode))); break;
    case 10: vtable_put_u64(to, c->header.exec_version); break;
    default: sqlite3_result_null(to); break;
    }
    return ST_OK;
}

static enum status put_account(struct cursor *c, sqlite3_context *to)
{
    struct tx tx;
    struct arena arena;
    char text[ACCOUNT_TEXT_MAX];
    arena_init(&arena, source_of(c)->mem, 0);
    enum status st = tx_decode(&tx, &arena, c->body.txs[c->index]);
    if (st == ST_OK) {
        account_id_text(text, &tx.account);
        vtable_put_text(to, span_text(text));
    }
    arena_fini(&arena);
    return st;
}

static enum status transaction_column(struct vtable_cursor *base, sqlite3_context *to, int column)
{
    struct cursor *c = (struct cursor *)base;
    if (column == 3) return put_account(c, to);
    struct receipt receipt;
    TRY(receipt_decode(&receipt, &c->arena, c->result.receipts[c->index]));
    bool has_failed = receipt.status == RECEIPT_FAILED;
    switch (column) {
    case 0: vtable_put_hash(to, &receipt.txid); break;
    case 1: sqlite3_result_int64(to, (sqlite3_int64)c->height); break;
    case 2: sqlite3_result_int64(to, c->index); break;
    case 4: vtable_put_text(to, span_text(has_failed ? "failed" : "ok")); break;
    case 5:
        if (has_failed) vtable_put_text(to, span_text(receipt.diag.sqlstate));
        break;
    case 6:
        if (has_failed) vtable_put_text(to, span_text(receipt.diag.message));
        break;
    case 7: vtable_put_time(to, c->header.time_ms); break;
    default: sqlite3_result_null(to); break;
    }
    return ST_OK;
}

/* --- plans ----------------------------------------------------------------------------------- */

struct columns { /* Whose conditions narrow a reading; -1: none. */
    int height;
    int txid;
};

/* Which bit a condition could serve; 0: none. */
static int plan_bit(const struct columns *of, const struct sqlite3_index_constraint *condition)
{
    if (!condition->usable) return 0;
    bool is_equal = condition->op == SQLITE_INDEX_CONSTRAINT_EQ;
    if (condition->iColumn == of->txid && is_equal) return PLAN_TXID;
    if (condition->iColumn != of->height || of->height < 0) return 0;
    if (is_equal) return PLAN_LOW | PLAN_HIGH;
    bool is_low =
        condition->op == SQLITE_INDEX_CONSTRAINT_GE || condition->op == SQLITE_INDEX_CONSTRAINT_GT;
    bool is_high =
        condition->op == SQLITE_INDEX_CONSTRAINT_LE || condition->op == SQLITE_INDEX_CONSTRAINT_LT;
    return is_low ? PLAN_LOW : is_high ? PLAN_HIGH : 0;
}

/* Conditions are only used to narrow the range: SQLite checks each row again (omit = 0). */
static void make_plan(const struct columns *of, sqlite3_index_info *info)
{
    int chosen[3] = {-1, -1, -1}; /* Condition for LOW, HIGH, TXID. */
    static const int bits[3] = {PLAN_LOW, PLAN_HIGH, PLAN_TXID};
    for (int i = 0; i < info->nConstraint; i++)
        for (int k = 0; k < 3; k++)
            if ((plan_bit(of, &info->aConstraint[i]) & bits[k]) != 0) chosen[k] = i;

    /* One condition (height = x) may serve as both bounds; it is handed over once. */
    int argument = 0;
    info->idxNum = 0;
    for (int k = 0; k < 3; k++) {
        if (chosen[k] < 0) continue;
        if (k == 1 && chosen[1] == chosen[0]) {
            info->idxNum |= PLAN_POINT; /* HIGH is LOW's argument. */
            continue;
        }
        info->idxNum |= bits[k];
        info->aConstraintUsage[chosen[k]].argvIndex = ++argument;
    }
    bool is_point = (info->idxNum & (PLAN_TXID | PLAN_POINT)) != 0;
    info->estimatedCost = is_point ? 10 : (info->idxNum != 0 ? 1e4 : 1e6);
    info->estimatedRows = is_point ? 10 : 100000;
    if (info->nOrderBy == 1 && info->aOrderBy[0].iColumn == of->height &&
        info->aOrderBy[0].desc == 0)
        info->orderByConsumed = 1;
}

static void plan_blocks(sqlite3_index_info *info)
{
    make_plan(&(struct columns){.height = 0, .txid = -1}, info);
}

static void plan_transactions(sqlite3_index_info *info)
{
    make_plan(&(struct columns){.height = 1, .txid = 0}, info);
}

static void seek_txid(struct cursor *c, sqlite3_value *value)
{
    struct hash txid;
    uint64_t height = 0;
    uint32_t index = 0;
    bool is_hash =
        sqlite3_value_type(value) == SQLITE_BLOB && sqlite3_value_bytes(value) == (int)HASH_SIZE;
    if (is_hash) memcpy(txid.bytes, sqlite3_value_blob(value), HASH_SIZE);
    if (!is_hash || store_find_tx(source_of(c)->store, &txid, &height, &index) != ST_OK ||
        height < c->height || height > c->last) {
        c->last = 0;
        return;
    }
    c->height = height;
    c->last = height;
    c->index_first = index;
    c->index_last = index;
}

/* A block is executed beside its append, and published before its result is written. Who was told
 * of a transaction finds it: answers wait for both. */
uint64_t chain_tables_height(const struct chain_tables_source *source)
{
    uint64_t height = db_height(exec_db(source->exec));
    const uint64_t blocks = store_height(source->store);
    const uint64_t results = store_result_height(source->store);
    if (blocks < height) height = blocks;
    if (results < height) height = results;
    const uint64_t read_at = source->height != NULL ? *source->height : 0;
    return read_at > 0 && read_at < height ? read_at : height;
}

static uint64_t height_of(sqlite3_value *value)
{
    if (sqlite3_value_type(value) == SQLITE_NULL) return 0;
    int64_t height = sqlite3_value_int64(value);
    return height < 0 ? 0 : (uint64_t)height;
}

static void range(struct vtable_cursor *base, int plan, sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;
    int argument = 0;
    c->height = 1;
    c->last = chain_tables_height(source_of(c)); /* I1 */
    c->index = 0;
    c->index_first = 0;
    c->index_last = UINT32_MAX;
    if ((plan & PLAN_LOW) != 0) {
        uint64_t low = height_of(argv[argument++]);
        if (low > c->height) c->height = low;
        if ((plan & PLAN_POINT) != 0 && low < c->last) c->last = low;
    }
    if ((plan & PLAN_HIGH) != 0) {
        uint64_t high = height_of(argv[argument++]);
        if (high < c->last) c->last = high;
    }
    if ((plan & PLAN_TXID) != 0) seek_txid(c, argv[argument]);
}

/* --- the tables ------------------------------------------------------------------------------ */

static void open_cursor(struct vtable_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    arena_init(&c->arena, base->mem, 0);
    buf_init(&c->block, base->mem, 0);
    buf_init(&c->record, base->mem, 0);
}

static void close_cursor(struct vtable_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    arena_fini(&c->arena);
    buf_fini(&c->block);
    buf_fini(&c->record);
}

static void subject(const struct vtable_cursor *base, char out[VTABLE_SUBJECT_MAX])
{
    const struct cursor *c = (const struct cursor *)base;
    (void)snprintf(out, VTABLE_SUBJECT_MAX, "block %llu", (unsigned long long)c->height);
}

static const struct vtable blocks_table = {
    .name = "trustsql.blocks",
    .declaration = "CREATE TABLE x(height INTEGER, hash BLOB, parent BLOB, time INTEGER,"
                   " tx_count INTEGER, proposer INTEGER, view INTEGER, digest BLOB,"
                   " epoch INTEGER, mode TEXT, exec_version INTEGER)",
    .cursor_size = sizeof(struct cursor),
    .open = open_cursor,
    .close = close_cursor,
    .plan = plan_blocks,
    .range = range,
    .step = to_block,
    .column = block_column,
    .subject = subject,
};

static const struct vtable transactions_table = {
    .name = "trustsql.transactions",
    .declaration = "CREATE TABLE x(txid BLOB, height INTEGER, \"index\" INTEGER, account TEXT,"
                   " status TEXT, sqlstate TEXT, message TEXT, time INTEGER)",
    .cursor_size = sizeof(struct cursor),
    .open = open_cursor,
    .close = close_cursor,
    .plan = plan_transactions,
    .range = range,
    .step = to_transaction,
    .column = transaction_column,
    .subject = subject,
};

enum status chain_tables_register(sqlite3 *connection, const struct chain_tables_source *source)
{
    TRY(vtable_register(connection, &blocks_table, source, source->mem));
    TRY(vtable_register(connection, &transactions_table, source, source->mem));
    TRY(proof_tables_register(connection, source));
    TRY(history_table_register(connection, source));
    TRY(tx_status_register(connection, source));
    TRY(explain_table_register(connection, source));
    return consensus_tables_register(connection, source);
}
