/* row_entry.c - One row by its primary key, from SQLite to CBOR. */
#include "node/row_entry.h"

#include "base/must.h"
#include "codec/cbor.h"

static void put_name(struct buf *out, struct span name)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"') buf_put_u8(out, '"');
        buf_put_u8(out, name.data[i]);
    }
    buf_put_u8(out, '"');
}

static enum status put_query(struct buf *out, const struct catalog_table *table)
{
    buf_put_text(out, "SELECT ");
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (i > 0) buf_put_u8(out, ',');
        put_name(out, table->columns[i].name);
    }
    buf_put_text(out, " FROM ");
    put_name(out, table->sqlite_name);
    for (uint32_t i = 0; i < table->key_count; i++) {
        buf_put_text(out, i == 0 ? " WHERE " : " AND ");
        put_name(out, table->columns[table->key_columns[i]].name);
        buf_printf(out, " = ?%u", i + 1);
    }
    buf_put_u8(out, 0);
    return buf_status(out);
}

/* The key's values, all of classes that a key can have. */
static enum status bind_key(sqlite3_stmt *s, const struct catalog_table *table, struct span key)
{
    struct cbor in = cbor_of(key);
    cbor_expect_array(&in, table->key_count);
    for (uint32_t i = 0; i < table->key_count && in.status == ST_OK; i++) {
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

enum status row_entry_read(struct buf *out,
                           sqlite3 *connection,
                           const struct catalog_table *table,
                           struct span key)
{
    struct buf text;
    sqlite3_stmt *s = NULL;
    must(table->key_count > 0);
    buf_init(&text, out->mem, 0);
    enum status st = put_query(&text, table);
    if (st == ST_OK &&
        sqlite3_prepare_v2(connection, (const char *)text.data, -1, &s, NULL) != SQLITE_OK)
        st = ST_NOT_FOUND; /* At this height the table is not there. */
    if (st == ST_OK) st = bind_key(s, table, key);
    const int code = st == ST_OK ? sqlite3_step(s) : SQLITE_DONE;
    if (st == ST_OK && code != SQLITE_ROW) st = code == SQLITE_DONE ? ST_NOT_FOUND : ST_BUSY;
    if (st == ST_OK) {
        cbor_put_array(out, 3);
        cbor_put_uint(out, table->id);
        buf_put(out, key);
        cbor_put_array(out, table->column_count);
        for (uint32_t i = 0; i < table->column_count; i++)
            put_column(out, s, (int)i);
        st = buf_status(out);
    }
    sqlite3_finalize(s);
    buf_fini(&text);
    return st;
}
