/* row_entry.c - One row by its primary key, from SQLite to CBOR. */
#include "node/row_entry.h"

#include "base/must.h"
#include "codec/cbor.h"
#include "sql/quote.h"

static bool has_column(const struct catalog_table *t, const char *name)
{
    for (uint32_t i = 0; i < t->column_count; i++)
        if (t->columns[i].name.size == strlen(name) &&
            sqlite3_strnicmp((const char *)t->columns[i].name.data, name, (int)strlen(name)) == 0)
            return true;
    return false;
}

/* A name of SQLite's row id that is no column of the table; null: all are. */
static const char *rowid_name(const struct catalog_table *t)
{
    static const char *const names[] = {"rowid", "_rowid_", "oid"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!has_column(t, names[i])) return names[i];
    return NULL;
}

/* A key of one column that is declared INTEGER is the row id itself. */
static bool is_rowid(sqlite3 *connection, const struct catalog_table *t, const char *name)
{
    const char *type = NULL;
    if (t->key_count != 1) return false;
    const char *column = (const char *)t->columns[t->key_columns[0]].name.data;
    int code = sqlite3_table_column_metadata(connection, "main", name, column, &type, NULL, NULL,
                                             NULL, NULL);
    return code == SQLITE_OK && type != NULL && sqlite3_stricmp(type, "INTEGER") == 0;
}

/* Null: there is none, or a column of the table is the same. */
static enum status find_rowid(sqlite3 *connection,
                              const struct catalog_table *t,
                              struct buf *text,
                              const char **out)
{
    sqlite3_stmt *s = NULL;
    const char *name = rowid_name(t);
    *out = NULL;
    if (name == NULL || is_rowid(connection, t, (const char *)t->sqlite_name.data)) return ST_OK;
    buf_reset(text);
    buf_printf(text, "SELECT %s FROM ", name);
    sql_put_name(text, t->sqlite_name);
    TRY(buf_status(text));
    int code = sqlite3_prepare_v2(connection, (const char *)text->data, (int)text->size, &s, NULL);
    if (code == SQLITE_OK) *out = name; /* Else it is WITHOUT ROWID. */
    (void)sqlite3_finalize(s);
    return code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_OK;
}

static enum status put_query(struct buf *out, const struct catalog_table *table, const char *rowid)
{
    buf_reset(out);
    buf_put_text(out, "SELECT ");
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (i > 0) buf_put_u8(out, ',');
        sql_put_name(out, catalog_column_name(table, i));
    }
    if (rowid != NULL) buf_printf(out, ", %s", rowid);
    buf_put_text(out, " FROM ");
    sql_put_name(out, table->sqlite_name);
    if (table->key_count == 0) buf_printf(out, " WHERE %s = ?1", rowid);
    for (uint32_t i = 0; i < table->key_count; i++) {
        buf_put_text(out, i == 0 ? " WHERE " : " AND ");
        sql_put_name(out, catalog_column_name(table, table->key_columns[i]));
        buf_printf(out, " = ?%u", i + 1);
    }
    return buf_status(out);
}

/* The key's values, all of classes that a key can have. */
static enum status bind_key(sqlite3_stmt *s, const struct catalog_table *table, struct span key)
{
    struct cbor in = cbor_of(key);
    const uint32_t count = table->key_count == 0 ? 1 : table->key_count; /* The row id. */
    cbor_expect_array(&in, count);
    for (uint32_t i = 0; i < count && in.status == ST_OK; i++) {
        enum cbor_kind kind = CBOR_NULL;
        struct span bytes;
        int code = SQLITE_OK;
        const int at = (int)i + 1;
        if (!cbor_peek(&in, &kind)) break;
        if (kind == CBOR_TEXT) {
            bytes = cbor_get_text(&in);
            code = sqlite3_bind_text64(s, at, (const char *)bytes.data, bytes.size, SQLITE_STATIC,
                                       SQLITE_UTF8);
        } else if (kind == CBOR_BYTES) {
            bytes = cbor_get_bytes(&in);
            code = sqlite3_bind_blob64(s, at, bytes.data, bytes.size, SQLITE_STATIC);
        } else {
            code = sqlite3_bind_int64(s, at, cbor_get_int(&in));
        }
        if (code != SQLITE_OK) return ST_NO_MEMORY;
    }
    return cbor_end(&in);
}

static void put_column(struct buf *out, sqlite3_stmt *s, int column)
{
    const int kind = sqlite3_column_type(s, column);
    const void *data = NULL;
    switch (kind) {
    case SQLITE_INTEGER: cbor_put_int(out, sqlite3_column_int64(s, column)); return;
    case SQLITE_FLOAT: cbor_put_float(out, sqlite3_column_double(s, column)); return;
    case SQLITE_NULL: cbor_put_null(out); return;
    default: data = sqlite3_column_blob(s, column); break;
    }
    const size_t size = (size_t)sqlite3_column_bytes(s, column);
    const struct span bytes = size == 0 ? span_of("", 0) : span_of(data, size);
    if (kind == SQLITE_TEXT && utf8_valid(bytes))
        cbor_put_text(out, bytes);
    else
        cbor_put_bytes(out, bytes);
}

/* Of a step that gave no row. */
static enum status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_DONE: return ST_NOT_FOUND;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ST_CORRUPT;
    case SQLITE_NOMEM: return ST_NO_MEMORY;
    default: return ST_BUSY;
    }
}

void row_reader_init(struct row_reader *r, sqlite3 *connection)
{
    *r = (struct row_reader){.connection = connection};
}

void row_reader_fini(struct row_reader *r)
{
    sqlite3_finalize(r->statement);
    *r = (struct row_reader){.connection = NULL};
}

static enum status prepare(struct row_reader *r, struct mem *mem, const struct catalog_table *table)
{
    struct buf text;
    const char *rowid = NULL;
    sqlite3_finalize(r->statement);
    r->statement = NULL;
    r->table = table;
    buf_init(&text, mem, 0);
    enum status st = find_rowid(r->connection, table, &text, &rowid);
    if (st == ST_OK && rowid == NULL && table->key_count == 0) st = ST_UNSUPPORTED;
    if (st == ST_OK) st = put_query(&text, table, rowid);
    r->has_rowid = rowid != NULL;
    if (st == ST_OK && sqlite3_prepare_v2(r->connection, (const char *)text.data, (int)text.size,
                                          &r->statement, NULL) != SQLITE_OK)
        st = ST_NOT_FOUND; /* At this height the table is not there. */
    buf_fini(&text);
    return st;
}

enum status row_reader_read(struct row_reader *r,
                            struct buf *out,
                            const struct catalog_table *table,
                            struct span key,
                            int64_t *rowid)
{
    if (r->statement == NULL || r->table != table) TRY(prepare(r, out->mem, table));
    sqlite3_stmt *s = r->statement;
    enum status st = bind_key(s, table, key);
    const int code = st == ST_OK ? sqlite3_step(s) : SQLITE_DONE;
    if (st == ST_OK && code != SQLITE_ROW) st = status_of(code);
    if (st == ST_OK) {
        cbor_put_array(out, 3);
        cbor_put_uint(out, table->id);
        buf_put(out, key);
        cbor_put_array(out, table->column_count);
        for (uint32_t i = 0; i < table->column_count; i++)
            put_column(out, s, (int)i);
        if (r->has_rowid) *rowid = sqlite3_column_int64(s, (int)table->column_count);
        st = buf_status(out);
    }
    (void)sqlite3_reset(s); /* Repeats the code of the step. */
    return st;
}

enum status row_entry_read(struct buf *out,
                           sqlite3 *connection,
                           const struct catalog_table *table,
                           struct span key)
{
    struct row_reader r;
    int64_t rowid = 0;
    must(table->key_count > 0);
    row_reader_init(&r, connection);
    enum status st = row_reader_read(&r, out, table, key, &rowid);
    row_reader_fini(&r);
    return st;
}

enum status row_keys_begin(sqlite3_stmt **out,
                           struct mem *mem,
                           sqlite3 *connection,
                           const struct catalog_table *table)
{
    struct buf text;
    const char *rowid = rowid_name(table);
    *out = NULL;
    if (table->key_count == 0 && rowid == NULL) return ST_UNSUPPORTED;
    buf_init(&text, mem, 0);
    buf_put_text(&text, "SELECT ");
    for (uint32_t i = 0; i < table->key_count; i++) {
        if (i > 0) buf_put_u8(&text, ',');
        sql_put_name(&text, catalog_column_name(table, table->key_columns[i]));
    }
    if (table->key_count == 0) buf_put_text(&text, rowid);
    buf_put_text(&text, " FROM ");
    sql_put_name(&text, table->sqlite_name);
    enum status st = buf_status(&text);
    int code = SQLITE_OK;
    if (st == ST_OK)
        code = sqlite3_prepare_v2(connection, (const char *)text.data, (int)text.size, out, NULL);
    buf_fini(&text);
    TRY(st);
    return code == SQLITE_OK ? ST_OK : code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_NOT_FOUND;
}

enum status row_keys_next(struct buf *out, sqlite3_stmt *keys, const struct catalog_table *table)
{
    const uint32_t count = table->key_count == 0 ? 1 : table->key_count;
    const int code = sqlite3_step(keys);
    if (code != SQLITE_ROW) return status_of(code);
    cbor_put_array(out, count);
    for (uint32_t i = 0; i < count; i++)
        put_column(out, keys, (int)i);
    return buf_status(out);
}
