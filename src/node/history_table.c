/* A plan is a text, one word for each argument handed over: "t" the table, "l" "h" "e" a lower,
 * upper or both bounds of height, "k<column>" what a column of the table equals. SQLite checks each
 * row again, so a plan only narrows what is read.
 *
 * I1 a cursor never passes the height at which its connection reads.
 * I2 tables of one name follow one another: the rows of each come in order of height, and those of
 *    all of them, too. */
#include "node/history_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "ledger/block.h"
#include "node/functions.h"
#include "node/retention.h"
#include "node/versions.h"
#include "node/vtable.h"

#define HEAD_COLUMNS 4 /* height, time, txid, op. */
#define ID_COLUMN    (HEAD_COLUMNS + (int)SQL_COLUMNS_MAX)
#define PLAN_MAX     256u
#define KEYS_MAX     CATALOG_KEY_COLUMNS_MAX
#define TABLES_ID    1u /* docs/format/catalog.md */
#define COLUMNS_ID   2u
#define NAMES_MAX    4096u /* Tables that ever had one name: those that count. */
#define NONE         UINT32_MAX

struct incarnation { /* A table that had the name. */
    uint64_t id;
    uint64_t created; /* Height; 0: the present table. */
    uint32_t *map;    /* For each column of the present one, its column here, or NONE. */
    uint32_t column_count;
};

struct cursor {
    struct vtable_cursor base;
    struct arena arena;
    struct versions versions;
    struct history_range range;
    const struct catalog_table *table;
    struct incarnation *list;
    uint32_t count;
    uint32_t at;
    struct span *values; /* Of the row. */
    uint32_t value_count;
    uint64_t time_height; /* Whose time is known. */
    uint64_t time_ms;
    enum status status; /* Of beginning. */
};

static const struct chain_tables_source *source_of(const struct cursor *c)
{
    return c->base.source;
}

/* --- which tables had the name ------------------------------------------------------------------
 */

static bool is_text(struct span item, struct span text)
{
    struct cbor in = cbor_of(item);
    return span_equal(cbor_get_text(&in), text) && cbor_end(&in) == ST_OK;
}

static uint64_t number_of(struct span item)
{
    struct cbor in = cbor_of(item);
    return cbor_get_uint(&in);
}

/* trustsql.tables: id, schema, name, sqlite_name, owner. */
static enum status note_table(struct cursor *c, const struct versions *v)
{
    struct span row[5];
    uint32_t count = 0;
    if (v->op == VERSION_DELETE || v->row.size == 0) return ST_OK;
    TRY(versions_split(v->row, row, 5, &count));
    if (count < 5) return ST_CORRUPT;
    const uint64_t id = number_of(row[0]);
    const bool is_one = is_text(row[1], c->table->schema) && is_text(row[2], c->table->name) &&
                        number_of(row[4]) == c->table->owner && id < c->table->id;
    if (!is_one) return ST_OK;
    for (uint32_t i = 0; i < c->count; i++)
        if (c->list[i].id == id) return ST_OK;
    if (c->count == NAMES_MAX) return ST_LIMIT;
    c->list[c->count++] = (struct incarnation){.id = id, .created = v->height};
    return ST_OK;
}

static enum status find_tables(struct cursor *c, struct versions *v)
{
    const struct history_range range = {.table = TABLES_ID, .last = c->range.last};
    c->list = arena_alloc_zero(&c->arena, NAMES_MAX + 1, sizeof *c->list);
    if (c->list == NULL) return ST_NO_MEMORY;
    if (c->table->id < CATALOG_FIRST_ID) return ST_OK; /* The chain's own are there for ever. */
    TRY(versions_seek(v, &range));
    enum status st = versions_next(v);
    while (st == ST_OK) {
        st = note_table(c, v);
        if (st == ST_OK) st = versions_next(v);
    }
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* trustsql.columns: table_id, position, name, type, typmod, … */
static enum status note_column(struct cursor *c, struct incarnation *t, const struct versions *v)
{
    struct span row[5];
    uint32_t count = 0;
    if (v->op == VERSION_DELETE || v->row.size == 0) return ST_OK;
    TRY(versions_split(v->row, row, 5, &count));
    if (count < 5) return ST_CORRUPT;
    if (number_of(row[0]) != t->id) return ST_OK;
    const uint64_t position = number_of(row[1]);
    if (position >= SQL_COLUMNS_MAX) return ST_CORRUPT;
    if (position >= t->column_count) t->column_count = (uint32_t)position + 1;
    for (uint32_t i = 0; i < c->table->column_count; i++) {
        const struct catalog_column *now = &c->table->columns[i];
        if (is_text(row[2], now->name) && number_of(row[3]) == (uint64_t)now->type)
            t->map[i] = (uint32_t)position;
    }
    return ST_OK;
}

static enum status find_columns(struct cursor *c, struct versions *v, struct incarnation *t)
{
    const struct history_range range = {
        .table = COLUMNS_ID, .first = t->created, .last = t->created};
    t->map = arena_alloc(&c->arena, ((size_t)c->table->column_count + 1) * sizeof *t->map);
    if (t->map == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < c->table->column_count; i++)
        t->map[i] = t->created == 0 ? i : NONE;
    t->column_count = c->table->column_count;
    if (t->created == 0) return ST_OK;
    t->column_count = 0;
    TRY(versions_seek(v, &range));
    enum status st = versions_next(v);
    while (st == ST_OK) {
        st = note_column(c, t, v);
        if (st == ST_OK) st = versions_next(v);
    }
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status find_incarnations(struct cursor *c)
{
    const struct chain_tables_source *source = source_of(c);
    struct versions v;
    versions_init(&v, source->historian, source->store, source->mem);
    enum status st = find_tables(c, &v);
    if (st == ST_OK) c->list[c->count++] = (struct incarnation){.id = c->table->id};
    for (uint32_t i = 0; i < c->count && st == ST_OK; i++)
        st = find_columns(c, &v, &c->list[i]);
    versions_fini(&v);
    return st;
}

/* --- plans --------------------------------------------------------------------------------------
 */

static char bound_of(unsigned char op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: return 'e';
    case SQLITE_INDEX_CONSTRAINT_GT:
    case SQLITE_INDEX_CONSTRAINT_GE: return 'l';
    case SQLITE_INDEX_CONSTRAINT_LT:
    case SQLITE_INDEX_CONSTRAINT_LE: return 'h';
    default: return 0;
    }
}

/* The word of a condition; empty: it does not help. */
static void word_of(char out[16], const struct sqlite3_index_constraint *condition)
{
    const char bound = bound_of(condition->op);
    out[0] = 0;
    if (!condition->usable || bound == 0) return;
    if (condition->iColumn == ID_COLUMN && bound == 'e')
        (void)snprintf(out, 16, "t ");
    else if (condition->iColumn == 0)
        (void)snprintf(out, 16, "%c ", bound);
    else if (condition->iColumn >= HEAD_COLUMNS && bound == 'e')
        (void)snprintf(out, 16, "k%d ", condition->iColumn - HEAD_COLUMNS);
}

static void plan(sqlite3_index_info *info)
{
    char text[PLAN_MAX] = "";
    size_t size = 0;
    int argument = 0;
    bool has_key = false;
    for (int i = 0; i < info->nConstraint; i++) {
        char word[16];
        word_of(word, &info->aConstraint[i]);
        const size_t word_size = strlen(word);
        if (word_size == 0 || size + word_size >= sizeof text) continue;
        memcpy(text + size, word, word_size + 1);
        size += word_size;
        has_key = has_key || word[0] == 'k';
        info->aConstraintUsage[i].argvIndex = ++argument;
        info->aConstraintUsage[i].omit = word[0] == 't';
    }
    info->idxStr = sqlite3_mprintf("%s", text);
    info->needToFreeIdxStr = 1;
    info->estimatedCost = has_key ? 1e4 : (argument > 1 ? 1e5 : 1e6);
    info->estimatedRows = has_key ? 10 : 100000;
    if (info->nOrderBy == 1 && info->aOrderBy[0].iColumn == 0 && info->aOrderBy[0].desc == 0)
        info->orderByConsumed = 1; /* I2 */
}

struct keys { /* What columns of the table equal. */
    sqlite3_value *values[KEYS_MAX];
    uint32_t columns[KEYS_MAX];
    uint32_t count;
};

static void bound_height(struct cursor *c, char word, sqlite3_value *value)
{
    if (sqlite3_value_type(value) != SQLITE_INTEGER) { /* Null: no row. Other: checked by SQLite. */
        if (sqlite3_value_type(value) == SQLITE_NULL) c->range.last = 0;
        return;
    }
    const int64_t height = sqlite3_value_int64(value);
    const uint64_t at = height < 0 ? 0 : (uint64_t)height;
    if (word != 'h' && at > c->range.first) c->range.first = at;
    if (word != 'l' && at < c->range.last) c->range.last = at;
}

/* As capture writes it. False: no row has such a value, or none that can be told so. */
static bool put_value(struct buf *out, sqlite3_value *value, enum sql_type type)
{
    const int kind = sqlite3_value_type(value);
    const bool is_text = type == SQL_TEXT;
    const bool is_integer = sql_type_storage(type) == SQL_STORE_INTEGER;
    const bool is_float = type == SQL_FLOAT4 || type == SQL_FLOAT8; /* Two zeros. */
    if (kind == SQLITE_INTEGER && is_integer && !is_float) {
        cbor_put_int(out, sqlite3_value_int64(value));
        return true;
    }
    const struct span bytes =
        span_of(sqlite3_value_blob(value), (size_t)sqlite3_value_bytes(value));
    if (kind == SQLITE_TEXT && is_text) {
        cbor_put_text(out, bytes);
        return true;
    }
    if (kind != SQLITE_BLOB || (type != SQL_BYTEA && type != SQL_UUID)) return false;
    cbor_put_bytes(out, bytes);
    return true;
}

/* All columns of the key are given: look for its versions only. Not for earlier tables of the name,
 * whose key may be another. */
static void narrow(struct cursor *c, const struct keys *keys)
{
    struct buf key;
    bool is_whole = c->table->key_count > 0 && c->count == 1;
    buf_init(&key, source_of(c)->mem, 0);
    cbor_put_array(&key, c->table->key_count);
    for (uint32_t i = 0; i < c->table->key_count && is_whole; i++) {
        const uint32_t column = c->table->key_columns[i];
        uint32_t found = 0;
        while (found < keys->count && keys->columns[found] != column)
            found++;
        is_whole = found < keys->count &&
                   put_value(&key, keys->values[found], c->table->columns[column].type);
    }
    c->range.has_key = is_whole && buf_status(&key) == ST_OK;
    if (c->range.has_key) c->range.key = history_key_hash(buf_span(&key));
    buf_fini(&key);
}

static void read_plan(struct cursor *c, const char *text, sqlite3_value **argv, struct keys *keys)
{
    for (int i = 0; *text != 0; i++) {
        const char word = *text++;
        if (word == 't') {
            const int64_t id = sqlite3_value_int64(argv[i]);
            c->table = sql_catalog_by_id(source_of(c)->reader->catalog, (uint64_t)id);
        } else if (word == 'k') {
            if (keys->count < KEYS_MAX) {
                keys->values[keys->count] = argv[i];
                keys->columns[keys->count++] = (uint32_t)strtoul(text, NULL, 10);
            }
        } else {
            bound_height(c, word, argv[i]);
        }
        text += strcspn(text, " ");
        if (*text == ' ') text++;
    }
}

static void reset(struct cursor *c)
{
    versions_fini(&c->versions);
    versions_init(&c->versions, source_of(c)->historian, source_of(c)->store, c->base.mem);
    arena_reset(&c->arena);
    c->range = (struct history_range){.last = chain_tables_height(source_of(c))}; /* I1 */
    c->table = NULL;
    c->list = NULL;
    c->count = 0;
    c->at = 0;
}

static enum status keep_retention(struct cursor *c)
{
    const struct node_functions *reader = source_of(c)->reader;
    uint64_t first = 1;
    if (reader->retention != NULL)
        first = retention_of(reader->retention, c->table->id);
    else
        TRY(retention_first(reader->connection, chain_tables_height(source_of(c)), c->table->id,
                            &first));
    if (first > c->range.first) c->range.first = first;
    return ST_OK;
}

static void range(struct vtable_cursor *base, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;
    struct keys keys = {.count = 0};
    (void)argc;
    reset(c);
    read_plan(c, text, argv, &keys);
    c->status =
        c->table == NULL || source_of(c)->historian == NULL ? ST_UNSUPPORTED : find_incarnations(c);
    if (c->status != ST_OK) return;
    c->status = keep_retention(c);
    if (c->status != ST_OK) return;
    narrow(c, &keys);
    c->values = arena_alloc_zero(&c->arena, SQL_COLUMNS_MAX, sizeof *c->values);
    if (c->values == NULL) c->status = ST_NO_MEMORY;
    c->range.table = c->list[0].id;
    if (c->status == ST_OK) c->status = versions_seek(&c->versions, &c->range);
}

/* --- rows ---------------------------------------------------------------------------------------
 */

static enum status step(struct vtable_cursor *base, bool is_first)
{
    struct cursor *c = (struct cursor *)base;
    struct diag *d = source_of(c)->reader->sql->diag;
    (void)is_first;
    if (c->status == ST_NOT_FOUND)
        diag_set(d, "TQ010", "this node does not keep all versions of the table's rows");
    TRY(c->status);
    enum status st = versions_next(&c->versions);
    while (st == ST_NOT_FOUND && c->at + 1 < c->count) {
        c->range.table = c->list[++c->at].id;
        TRY(versions_seek(&c->versions, &c->range));
        st = versions_next(&c->versions);
    }
    c->base.is_at_end = st == ST_NOT_FOUND;
    if (c->base.is_at_end) return ST_OK;
    TRY(st);
    c->base.rowid++;
    c->value_count = 0;
    if (c->versions.row.size == 0) return ST_OK;
    return versions_split(c->versions.row, c->values, SQL_COLUMNS_MAX, &c->value_count);
}

static enum status put_time(struct cursor *c, sqlite3_context *to)
{
    if (c->time_height != c->versions.height) {
        struct buf block;
        struct span head = {0};
        struct span rest;
        struct header header;
        buf_init(&block, c->base.mem, 0);
        enum status st = store_read_block(source_of(c)->store, c->versions.height, &block, NULL);
        if (st == ST_OK) st = block_split(buf_span(&block), &head, &rest);
        struct cbor in = cbor_of(head);
        if (st == ST_OK) header_decode(&header, &in);
        if (st == ST_OK) st = cbor_end(&in);
        buf_fini(&block);
        TRY(st);
        c->time_height = c->versions.height;
        c->time_ms = header.time_ms;
    }
    vtable_put_time(to, c->time_ms);
    return ST_OK;
}

static enum status put_txid(struct cursor *c, sqlite3_context *to)
{
    struct versions *v = &c->versions;
    struct receipt receipt;
    sqlite3_result_null(to);
    if (v->origin >= v->record.receipt_count) return ST_OK; /* The chain itself. */
    TRY(receipt_decode(&receipt, &v->arena, v->record.receipts[v->origin]));
    vtable_put_hash(to, &receipt.txid);
    return ST_OK;
}

static const char *op_text(enum version_op op)
{
    switch (op) {
    case VERSION_INSERT: return "insert";
    case VERSION_UPDATE: return "update";
    case VERSION_DELETE: return "delete";
    case VERSION_UNKNOWN: break;
    }
    return "";
}

static enum status column(struct vtable_cursor *base, sqlite3_context *to, int number)
{
    struct cursor *c = (struct cursor *)base;
    const struct incarnation *t = &c->list[c->at];
    if (number == 0) vtable_put_u64(to, c->versions.height);
    if (number == 1) return put_time(c, to);
    if (number == 2) return put_txid(c, to);
    if (number == 3) vtable_put_text_or_null(to, op_text(c->versions.op));
    if (number < HEAD_COLUMNS) return ST_OK;
    const uint32_t own = (uint32_t)(number - HEAD_COLUMNS);
    const uint32_t at = own < c->table->column_count ? t->map[own] : NONE;
    if (at < c->value_count)
        versions_put(to, c->values[at]);
    else
        sqlite3_result_null(to);
    return ST_OK;
}

/* --- the table ----------------------------------------------------------------------------------
 */

static void declare(struct buf *out)
{
    buf_put_text(out, "CREATE TABLE x(");
    for (int i = 1; i <= ID_COLUMN; i++)
        buf_printf(out, "c%d,", i);
    buf_put_text(out, "id HIDDEN)");
}

static void open_cursor(struct vtable_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    arena_init(&c->arena, base->mem, 0);
    versions_init(&c->versions, source_of(c)->historian, source_of(c)->store, base->mem);
}

static void close_cursor(struct vtable_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    versions_fini(&c->versions);
    arena_fini(&c->arena);
}

static void subject(const struct vtable_cursor *base, char out[VTABLE_SUBJECT_MAX])
{
    const struct cursor *c = (const struct cursor *)base;
    (void)snprintf(out, VTABLE_SUBJECT_MAX, "history at height %" PRIu64, c->versions.height);
}

static const struct vtable table = {.name = "trustsql.history",
                                    .declare = declare,
                                    .cursor_size = sizeof(struct cursor),
                                    .open = open_cursor,
                                    .close = close_cursor,
                                    .plan = plan,
                                    .range_by = range,
                                    .step = step,
                                    .column = column,
                                    .subject = subject};

enum status history_table_register(sqlite3 *connection, const struct chain_tables_source *source)
{
    return vtable_register(connection, &table, source, source->mem);
}
