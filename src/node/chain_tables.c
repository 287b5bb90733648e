/* One SQLite module serves the three tables; a table is its declaration and the functions that step
 * to the next row and give a column. Plans are bit sets: which of the conditions LOW, HIGH, TXID
 * the arguments of xFilter carry, in this order.
 *
 * I1 a cursor never passes the height whose block was executed, and stood in the store with its
 *    result, when it was opened. */
#include "node/chain_tables.h"

#include "base/must.h"
#include "ledger/block.h"
#include "node/consensus_tables.h"

enum plan { PLAN_LOW = 1, PLAN_HIGH = 2, PLAN_TXID = 4 };

struct row_source;

struct table {
    sqlite3_vtab base;
    const struct chain_tables_source *source;
    const struct row_source *rows;
};

struct cursor {
    sqlite3_vtab_cursor base;
    const struct chain_tables_source *source;
    const struct row_source *rows;
    uint64_t height; /* Of the current block, or index of the current status line. */
    uint64_t last;
    uint32_t index; /* Of the current transaction. */
    uint32_t index_first;
    uint32_t index_last;
    bool is_at_end;
    struct arena arena;
    struct buf block;
    struct buf record;
    struct header header;
    struct hash hash;
    struct body body;
    struct exec_record result;
    const char *name; /* Status line. */
    struct buf value;
};

/* What differs between the tables. */
struct row_source {
    const char *declaration;
    int height_column; /* -1: none. */
    int txid_column;
    enum status (*next)(struct cursor *c, bool is_first); /* Sets is_at_end. */
    enum status (*column)(struct cursor *c, sqlite3_context *to, int column);
};

static enum status next_block(struct cursor *c, bool is_first);
static enum status next_transaction(struct cursor *c, bool is_first);
static enum status next_status(struct cursor *c, bool is_first);
static enum status block_column(struct cursor *c, sqlite3_context *to, int column);
static enum status transaction_column(struct cursor *c, sqlite3_context *to, int column);
static enum status status_column(struct cursor *c, sqlite3_context *to, int column);

static const struct row_source blocks_rows = {
    "CREATE TABLE x(height INTEGER, hash BLOB, parent BLOB, time INTEGER, tx_count INTEGER,"
    " proposer INTEGER, view INTEGER, digest BLOB)",
    0, -1, next_block, block_column};
static const struct row_source transactions_rows = {
    "CREATE TABLE x(txid BLOB, height INTEGER, \"index\" INTEGER, account TEXT, status TEXT,"
    " sqlstate TEXT, message TEXT, time INTEGER)",
    1, 0, next_transaction, transaction_column};
static const struct row_source status_rows = {"CREATE TABLE x(name TEXT, value TEXT)", -1, -1,
                                              next_status, status_column};

/* --- rows ------------------------------------------------------------------------------------ */

static enum status load_block(struct cursor *c)
{
    struct span header;
    struct span body;
    buf_reset(&c->block);
    buf_reset(&c->record);
    arena_reset(&c->arena);
    TRY(store_read_block(c->source->store, c->height, &c->block, NULL));
    TRY(store_read_result(c->source->store, c->height, &c->record, NULL));
    TRY(block_split(buf_span(&c->block), &header, &body));
    struct cbor in = cbor_of(header);
    header_decode(&c->header, &in);
    TRY(cbor_end(&in));
    c->hash = header_hash(&c->header);
    TRY(body_decode(&c->body, &c->arena, body));
    TRY(exec_record_decode(&c->result, &c->arena, buf_span(&c->record)));
    return c->result.receipt_count == c->body.tx_count ? ST_OK : ST_CORRUPT;
}

static enum status next_block(struct cursor *c, bool is_first)
{
    if (!is_first) c->height++;
    c->is_at_end = c->height > c->last;
    return c->is_at_end ? ST_OK : load_block(c);
}

static enum status next_transaction(struct cursor *c, bool is_first)
{
    if (is_first) {
        c->is_at_end = c->height > c->last;
        if (c->is_at_end) return ST_OK;
        TRY(load_block(c));
        c->index = c->index_first;
    } else {
        c->index++;
    }
    while (c->index >= c->body.tx_count || c->index > c->index_last) {
        c->height++;
        c->index = 0;
        c->is_at_end = c->height > c->last || c->index_last != UINT32_MAX;
        if (c->is_at_end) return ST_OK;
        TRY(load_block(c));
    }
    return ST_OK;
}

static enum status next_status(struct cursor *c, bool is_first)
{
    c->height = is_first ? 0 : c->height + 1;
    buf_reset(&c->value);
    c->is_at_end = !c->source->status(c->source->context, (uint32_t)c->height, &c->name, &c->value);
    return buf_status(&c->value);
}

/* --- columns --------------------------------------------------------------------------------- */

static void put_hash(sqlite3_context *to, const struct hash *hash)
{
    sqlite3_result_blob(to, hash->bytes, HASH_SIZE, SQLITE_TRANSIENT);
}

static void put_text(sqlite3_context *to, struct span text)
{
    must(text.size <= INT32_MAX);
    sqlite3_result_text(to, (const char *)text.data, (int)text.size, SQLITE_TRANSIENT);
}

static void put_time(sqlite3_context *to, uint64_t time_ms)
{
    /* timestamptz counts microseconds from 2000-01-01. */
    sqlite3_result_int64(to, ((int64_t)time_ms - 946684800000) * 1000);
}

static enum status block_column(struct cursor *c, sqlite3_context *to, int column)
{
    switch (column) {
    case 0: sqlite3_result_int64(to, (sqlite3_int64)c->height); break;
    case 1: put_hash(to, &c->hash); break;
    case 2: put_hash(to, &c->header.parent); break;
    case 3: put_time(to, c->header.time_ms); break;
    case 4: sqlite3_result_int64(to, c->header.tx_count); break;
    case 5: sqlite3_result_int64(to, c->header.proposer); break;
    case 6: sqlite3_result_int64(to, (sqlite3_int64)c->header.view); break;
    case 7: put_hash(to, &c->result.digest); break;
    default: sqlite3_result_null(to); break;
    }
    return ST_OK;
}

static enum status put_account(struct cursor *c, sqlite3_context *to)
{
    struct tx tx;
    struct arena arena;
    char text[ACCOUNT_TEXT_MAX];
    arena_init(&arena, c->source->mem, 0);
    enum status st = tx_decode(&tx, &arena, c->body.txs[c->index]);
    if (st == ST_OK) {
        account_id_text(text, &tx.account);
        put_text(to, span_text(text));
    }
    arena_fini(&arena);
    return st;
}

static enum status transaction_column(struct cursor *c, sqlite3_context *to, int column)
{
    if (column == 3) return put_account(c, to);
    struct receipt receipt;
    TRY(receipt_decode(&receipt, &c->arena, c->result.receipts[c->index]));
    bool has_failed = receipt.status == RECEIPT_FAILED;
    switch (column) {
    case 0: put_hash(to, &receipt.txid); break;
    case 1: sqlite3_result_int64(to, (sqlite3_int64)c->height); break;
    case 2: sqlite3_result_int64(to, c->index); break;
    case 4: put_text(to, span_text(has_failed ? "failed" : "ok")); break;
    case 5:
        if (has_failed) put_text(to, span_text(receipt.diag.sqlstate));
        break;
    case 6:
        if (has_failed) put_text(to, span_text(receipt.diag.message));
        break;
    case 7: put_time(to, c->header.time_ms); break;
    default: sqlite3_result_null(to); break;
    }
    return ST_OK;
}

static enum status status_column(struct cursor *c, sqlite3_context *to, int column)
{
    put_text(to, column == 0 ? span_text(c->name) : buf_span(&c->value));
    return ST_OK;
}

/* --- SQLite's module ------------------------------------------------------------------------- */

static int connect_table(sqlite3 *connection,
                         void *aux,
                         const struct row_source *rows,
                         sqlite3_vtab **out)
{
    const struct chain_tables_source *source = aux;
    int code = sqlite3_declare_vtab(connection, rows->declaration);
    if (code != SQLITE_OK) return code;
    struct table *t = mem_alloc_zero(source->mem, 1, sizeof *t);
    if (t == NULL) return SQLITE_NOMEM;
    t->source = source;
    t->rows = rows;
    *out = &t->base;
    return SQLITE_OK;
}

#define CONNECT(name, rows)                                                                        \
    static int name(sqlite3 *connection, void *aux, int argc, const char *const *argv,             \
                    sqlite3_vtab **out, char **error)                                              \
    {                                                                                              \
        (void)argc;                                                                                \
        (void)argv;                                                                                \
        (void)error;                                                                               \
        return connect_table(connection, aux, &(rows), out);                                       \
    }
/* NOLINTBEGIN(readability-function-size): the signature is SQLite's. */
CONNECT(connect_blocks, blocks_rows)
CONNECT(connect_transactions, transactions_rows)
CONNECT(connect_status, status_rows)
/* NOLINTEND(readability-function-size) */
#undef CONNECT

static int disconnect(sqlite3_vtab *base)
{
    struct table *t = (struct table *)base;
    mem_free(t->source->mem, t);
    return SQLITE_OK;
}

/* Which bit a condition could serve; 0: none. */
static int plan_bit(const struct row_source *rows, const struct sqlite3_index_constraint *condition)
{
    if (!condition->usable) return 0;
    bool is_equal = condition->op == SQLITE_INDEX_CONSTRAINT_EQ;
    if (condition->iColumn == rows->txid_column && is_equal) return PLAN_TXID;
    if (condition->iColumn != rows->height_column || rows->height_column < 0) return 0;
    if (is_equal) return PLAN_LOW | PLAN_HIGH;
    bool is_low =
        condition->op == SQLITE_INDEX_CONSTRAINT_GE || condition->op == SQLITE_INDEX_CONSTRAINT_GT;
    bool is_high =
        condition->op == SQLITE_INDEX_CONSTRAINT_LE || condition->op == SQLITE_INDEX_CONSTRAINT_LT;
    return is_low ? PLAN_LOW : is_high ? PLAN_HIGH : 0;
}

/* Conditions are only used to narrow the range: SQLite checks each row again (omit = 0). */
static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct row_source *rows = ((struct table *)base)->rows;
    int chosen[3] = {-1, -1, -1}; /* Condition for LOW, HIGH, TXID. */
    static const int bits[3] = {PLAN_LOW, PLAN_HIGH, PLAN_TXID};
    for (int i = 0; i < info->nConstraint; i++)
        for (int k = 0; k < 3; k++)
            if ((plan_bit(rows, &info->aConstraint[i]) & bits[k]) != 0) chosen[k] = i;

    /* One condition (height = x) may serve as both bounds; it is handed over once. */
    int argument = 0;
    info->idxNum = 0;
    for (int k = 0; k < 3; k++) {
        if (chosen[k] < 0) continue;
        if (k == 1 && chosen[1] == chosen[0]) {
            info->idxNum |= 8; /* HIGH is LOW's argument. */
            continue;
        }
        info->idxNum |= bits[k];
        info->aConstraintUsage[chosen[k]].argvIndex = ++argument;
    }
    bool is_point = (info->idxNum & (PLAN_TXID | 8)) != 0;
    info->estimatedCost = is_point ? 10 : (info->idxNum != 0 ? 1e4 : 1e6);
    info->estimatedRows = is_point ? 10 : 100000;
    if (info->nOrderBy == 1 && info->aOrderBy[0].iColumn == rows->height_column &&
        info->aOrderBy[0].desc == 0)
        info->orderByConsumed = 1;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    struct table *t = (struct table *)base;
    struct cursor *c = mem_alloc_zero(t->source->mem, 1, sizeof *c);
    if (c == NULL) return SQLITE_NOMEM;
    c->source = t->source;
    c->rows = t->rows;
    arena_init(&c->arena, t->source->mem, 0);
    buf_init(&c->block, t->source->mem, 0);
    buf_init(&c->record, t->source->mem, 0);
    buf_init(&c->value, t->source->mem, 0);
    *out = &c->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    arena_fini(&c->arena);
    buf_fini(&c->block);
    buf_fini(&c->record);
    buf_fini(&c->value);
    mem_free(c->source->mem, c);
    return SQLITE_OK;
}

static int report(struct cursor *c, enum status st)
{
    if (st == ST_OK) return SQLITE_OK;
    sqlite3_free(c->base.pVtab->zErrMsg);
    c->base.pVtab->zErrMsg =
        sqlite3_mprintf("block %lld cannot be read: %s", (long long)c->height, status_text(st));
    return SQLITE_ERROR;
}

static void seek_txid(struct cursor *c, sqlite3_value *value)
{
    struct hash txid;
    uint64_t height = 0;
    uint32_t index = 0;
    bool is_hash =
        sqlite3_value_type(value) == SQLITE_BLOB && sqlite3_value_bytes(value) == (int)HASH_SIZE;
    if (is_hash) memcpy(txid.bytes, sqlite3_value_blob(value), HASH_SIZE);
    if (!is_hash || store_find_tx(c->source->store, &txid, &height, &index) != ST_OK ||
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
static uint64_t newest_complete(const struct chain_tables_source *source)
{
    uint64_t height = db_height(exec_db(source->exec));
    const uint64_t blocks = store_height(source->store);
    const uint64_t results = store_result_height(source->store);
    if (blocks < height) height = blocks;
    return results < height ? results : height;
}

static uint64_t height_of(sqlite3_value *value)
{
    if (sqlite3_value_type(value) == SQLITE_NULL) return 0;
    int64_t height = sqlite3_value_int64(value);
    return height < 0 ? 0 : (uint64_t)height;
}

static int filter(
    sqlite3_vtab_cursor *base, int plan, const char *text, int argc, sqlite3_value **argv)
{
    (void)text;
    (void)argc;
    struct cursor *c = (struct cursor *)base;
    int argument = 0;
    c->height = 1;
    c->last = newest_complete(c->source); /* I1 */
    c->index_first = 0;
    c->index_last = UINT32_MAX;
    if ((plan & PLAN_LOW) != 0) {
        uint64_t low = height_of(argv[argument++]);
        if (low > c->height) c->height = low;
        if ((plan & 8) != 0 && low < c->last) c->last = low;
    }
    if ((plan & PLAN_HIGH) != 0) {
        uint64_t high = height_of(argv[argument++]);
        if (high < c->last) c->last = high;
    }
    if ((plan & PLAN_TXID) != 0) seek_txid(c, argv[argument]);
    return report(c, c->rows->next(c, true));
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    return report(c, c->rows->next(c, false));
}

static int at_end(sqlite3_vtab_cursor *base)
{
    return ((struct cursor *)base)->is_at_end;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *to, int index)
{
    struct cursor *c = (struct cursor *)base;
    return report(c, c->rows->column(c, to, index));
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    const struct cursor *c = (const struct cursor *)base;
    *out = (sqlite3_int64)(c->height << 20 | c->index);
    return SQLITE_OK;
}

#define MODULE(connect)                                                                            \
    {                                                                                              \
        .iVersion = 1, .xConnect = (connect), .xBestIndex = best_index, .xDisconnect = disconnect, \
        .xOpen = open_cursor, .xClose = close_cursor, .xFilter = filter, .xNext = next,            \
        .xEof = at_end, .xColumn = column, .xRowid = rowid,                                        \
    }
static const sqlite3_module blocks_module = MODULE(connect_blocks);
static const sqlite3_module transactions_module = MODULE(connect_transactions);
static const sqlite3_module status_module = MODULE(connect_status);
#undef MODULE

enum status chain_tables_register(sqlite3 *connection, const struct chain_tables_source *source)
{
    static const struct {
        const char *name;
        const sqlite3_module *module;
    } tables[] = {{"trustsql.blocks", &blocks_module},
                  {"trustsql.transactions", &transactions_module},
                  {"trustsql.status", &status_module}};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        /* SQLite hands the source back unchanged, as const. */
        union {
            const struct chain_tables_source *in;
            void *out;
        } aux = {.in = source};
        int code =
            sqlite3_create_module_v2(connection, tables[i].name, tables[i].module, aux.out, NULL);
        if (code != SQLITE_OK) return ST_NO_MEMORY;
    }
    return consensus_tables_register(connection, source);
}
