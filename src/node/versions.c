#include "node/versions.h"

#include "base/endian.h"
#include "base/must.h"
#include "codec/cbor.h"

static enum status load(struct versions *v, uint64_t height);
static enum status locate(struct versions *v, const struct history_entry *e);

void versions_init(struct versions *v,
                   struct historian *historian,
                   struct store *store,
                   struct mem *mem)
{
    *v = (struct versions){.historian = historian, .store = store};
    buf_init(&v->bytes, mem, 0);
    arena_init(&v->arena, mem, 0);
}

void versions_fini(struct versions *v)
{
    history_cursor_close(v->cursor);
    v->cursor = NULL;
    buf_fini(&v->bytes);
    arena_fini(&v->arena);
}

enum status versions_seek(struct versions *v, const struct history_range *range)
{
    history_cursor_close(v->cursor);
    v->cursor = NULL;
    v->table = range->table;
    if (range->first > range->last) return ST_OK;
    return historian_read(v->historian, &v->cursor, range);
}

enum status versions_next(struct versions *v)
{
    struct history_entry e;
    if (v->cursor == NULL) return ST_NOT_FOUND;
    enum status st = history_cursor_next(v->cursor, &e);
    if (st == ST_OK) {
        st = load(v, e.height);
        if (st == ST_NOT_FOUND) st = ST_CORRUPT; /* It was there when it was indexed. */
    }
    if (st == ST_OK) st = locate(v, &e);
    if (st == ST_CORRUPT) historian_doubt(v->historian);
    return st;
}

static enum status load(struct versions *v, uint64_t height)
{
    if (v->height == height) return ST_OK;
    v->height = 0;
    buf_reset(&v->bytes);
    arena_reset(&v->arena);
    TRY(store_read_result(v->store, height, &v->bytes, NULL));
    TRY(exec_record_decode(&v->record, &v->arena, buf_span(&v->bytes)));
    v->height = height;
    return ST_OK;
}

static void tell_origin(struct versions *v, const struct history_entry *e)
{
    const struct span origins = v->record.rows.origins;
    v->origin = EXEC_ORIGIN_NOBODY;
    v->op = v->row.size == 0 ? VERSION_DELETE : VERSION_UNKNOWN;
    if (e->index >= origins.size / EXEC_ORIGIN_SIZE) return;
    const uint32_t origin = get_u32_le(origins.data + (size_t)e->index * EXEC_ORIGIN_SIZE);
    v->op = e->is_gone ? VERSION_DELETE : (origin & 1u) != 0 ? VERSION_UPDATE : VERSION_INSERT;
    v->origin = origin >> 1;
}

/* ST_CORRUPT: the index does not belong to these results. */
static enum status locate(struct versions *v, const struct history_entry *e)
{
    const struct span set = e->is_gone ? v->record.rows.gone : v->record.rows.write_set;
    if (e->offset >= set.size) return ST_CORRUPT;
    struct cbor in = cbor_of(span_of(set.data + e->offset, set.size - e->offset));
    cbor_expect_array(&in, 3);
    if (cbor_get_uint(&in) != v->table) return ST_CORRUPT;
    v->key = cbor_get_item(&in, 1);
    v->row = (struct span){0};
    if (!cbor_get_null(&in)) v->row = cbor_get_item(&in, 1);
    if (in.status != ST_OK) return ST_CORRUPT;
    tell_origin(v, e);
    return ST_OK;
}

enum status versions_split(struct span row, struct span *values, uint32_t max, uint32_t *count)
{
    struct cbor in = cbor_of(row);
    const uint64_t all = cbor_get_array(&in);
    for (uint64_t i = 0; i < all && in.status == ST_OK; i++) {
        const struct span value = cbor_get_item(&in, 0);
        if (i < max) values[i] = value;
    }
    *count = (uint32_t)(all < max ? all : max);
    return cbor_end(&in);
}

void versions_put(sqlite3_context *to, struct span value)
{
    struct cbor in = cbor_of(value);
    enum cbor_kind kind = CBOR_NULL;
    struct span bytes;
    if (!cbor_peek(&in, &kind)) kind = CBOR_NULL;
    switch (kind) {
    case CBOR_UINT:
    case CBOR_NEGATIVE: sqlite3_result_int64(to, cbor_get_int(&in)); return;
    case CBOR_TEXT:
        bytes = cbor_get_text(&in);
        sqlite3_result_text64(to, bytes.size == 0 ? "" : (const char *)bytes.data, bytes.size,
                              SQLITE_TRANSIENT, SQLITE_UTF8);
        return;
    case CBOR_BYTES:
        bytes = cbor_get_bytes(&in);
        sqlite3_result_blob64(to, bytes.size == 0 ? "" : (const char *)bytes.data, bytes.size,
                              SQLITE_TRANSIENT);
        return;
    case CBOR_FLOAT: sqlite3_result_double(to, cbor_get_float(&in)); return;
    case CBOR_ARRAY:
    case CBOR_FALSE:
    case CBOR_TRUE:
    case CBOR_NULL: break; /* No other storage class is written (writeset.md). */
    }
    sqlite3_result_null(to);
}

enum status versions_bind(sqlite3_stmt *stmt, int index, struct span value)
{
    struct cbor in = cbor_of(value);
    enum cbor_kind kind = CBOR_NULL;
    struct span bytes;
    int code = SQLITE_OK;
    if (!cbor_peek(&in, &kind)) kind = CBOR_NULL;
    switch (kind) {
    case CBOR_UINT:
    case CBOR_NEGATIVE: code = sqlite3_bind_int64(stmt, index, cbor_get_int(&in)); break;
    case CBOR_TEXT:
        bytes = cbor_get_text(&in);
        code = sqlite3_bind_text64(stmt, index, bytes.size == 0 ? "" : (const char *)bytes.data,
                                   bytes.size, SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
    case CBOR_BYTES:
        bytes = cbor_get_bytes(&in);
        code = sqlite3_bind_blob64(stmt, index, bytes.size == 0 ? "" : (const char *)bytes.data,
                                   bytes.size, SQLITE_TRANSIENT);
        break;
    case CBOR_FLOAT: code = sqlite3_bind_double(stmt, index, cbor_get_float(&in)); break;
    case CBOR_ARRAY:
    case CBOR_FALSE:
    case CBOR_TRUE:
    case CBOR_NULL: code = sqlite3_bind_null(stmt, index); break;
    }
    return code == SQLITE_OK ? ST_OK : ST_NO_MEMORY;
}
