/* value.c - Input, output, wire, CBOR and rowset forms of SQL values, as PostgreSQL has them.
 *
 * Rowset encoding (docs/format/row.md):
 *   u8 0                          null
 *   u8 1, i64 little-endian       types stored as integers
 *   u8 2, u32 little-endian, n    types stored as text or bytes
 *
 * How a type is read and shown is its codec's business (codec.c). */
#include "sql/value.h"

#include <stdio.h>

#include "base/endian.h"
#include "base/must.h"
#include "codec/cbor.h"
#include "sql/numeric.h"
#include "sql/value_int.h"

#define ROWSET_NULL    0u
#define ROWSET_INTEGER 1u
#define ROWSET_BYTES   2u
#define TYPMOD_OFFSET  4 /* varchar(n) has typmod n + 4. */

static bool is_integer_type(enum sql_type type);
static bool is_valid(const struct sql_value *v);
static enum status too_long(struct diag *d);

/* Six parameters, as type and typmod come apart in every caller.
 * NOLINTNEXTLINE(readability-function-size) */
enum status sql_value_parse(struct sql_value *v,
                            struct arena *a,
                            enum sql_type type,
                            int32_t typmod,
                            struct span text,
                            struct diag *d)
{
    *v = (struct sql_value){.type = type};
    if (text.size > 2 * (size_t)SQL_VALUE_MAX + 2) return too_long(d);
    TRY(sql_text_check(text, d));
    const struct sql_codec *codec = sql_type_info(type)->codec;
    if (codec != NULL) return codec->parse(v, a, typmod, text, d);
    diag_set(d, "0A000", "type %u has no input", (unsigned)type);
    return ST_UNSUPPORTED;
}

void sql_value_print(struct buf *out, const struct sql_value *v, int32_t typmod)
{
    (void)typmod; /* Every value carries what its text needs. */
    must(!v->is_null);
    const struct sql_codec *codec = sql_type_info(v->type)->codec;
    if (codec != NULL) codec->print(out, v);
}

enum status sql_value_receive(
    struct sql_value *v, struct arena *a, enum sql_type type, struct span bytes, struct diag *d)
{
    *v = (struct sql_value){.type = type};
    if (bytes.size > SQL_VALUE_MAX) return too_long(d);
    const struct sql_codec *codec = sql_type_info(type)->codec;
    if (codec != NULL) return codec->receive(v, a, bytes, d);
    diag_set(d, "0A000", "type %u has no binary input", (unsigned)type);
    return ST_UNSUPPORTED;
}

void sql_value_send(struct buf *out, const struct sql_value *v, int32_t typmod)
{
    (void)typmod;
    must(!v->is_null);
    const struct sql_codec *codec = sql_type_info(v->type)->codec;
    if (codec != NULL) codec->send(out, v);
}

void sql_value_to_cbor(struct buf *out, const struct sql_value *v)
{
    if (v->is_null) {
        cbor_put_null(out);
        return;
    }
    if (v->type == SQL_BOOL) {
        cbor_put_bool(out, v->integer != 0);
        return;
    }
    switch (sql_type_storage(v->type)) {
    case SQL_STORE_INTEGER: cbor_put_int(out, v->integer); return;
    case SQL_STORE_TEXT: cbor_put_text(out, v->bytes); return;
    case SQL_STORE_BLOB: cbor_put_bytes(out, v->bytes); return;
    case SQL_STORE_NONE: cbor_put_null(out); return;
    }
}

enum status sql_value_from_cbor(struct sql_value *v, enum sql_type type, struct span item)
{
    struct cbor c = cbor_of(item);
    struct sql_value value = {.type = type};
    value.is_null = cbor_get_null(&c);
    if (!value.is_null && type == SQL_BOOL) {
        value.integer = cbor_get_bool(&c) ? 1 : 0;
    } else if (!value.is_null && is_integer_type(type)) {
        value.integer = cbor_get_int(&c);
    } else if (!value.is_null) {
        const bool is_text = sql_type_storage(type) == SQL_STORE_TEXT;
        value.bytes = is_text ? cbor_get_text(&c) : cbor_get_bytes(&c);
    }
    if (!value.is_null && c.status == ST_OK && !is_valid(&value)) cbor_fail(&c);
    TRY(cbor_end(&c));
    *v = value;
    return ST_OK;
}

enum status sql_value_bind(sqlite3_stmt *stmt, int index, const struct sql_value *v)
{
    /* A null pointer would bind NULL, so an empty value points at something. */
    const void *data = v->bytes.size > 0 ? (const void *)v->bytes.data : "";
    int code = SQLITE_OK;
    if (v->is_null || v->type == SQL_VOID)
        code = sqlite3_bind_null(stmt, index);
    else if (is_integer_type(v->type))
        code = sqlite3_bind_int64(stmt, index, v->integer);
    else if (sql_type_storage(v->type) == SQL_STORE_TEXT)
        code = sqlite3_bind_text64(stmt, index, data, v->bytes.size, SQLITE_STATIC, SQLITE_UTF8);
    else
        code = sqlite3_bind_blob64(stmt, index, data, v->bytes.size, SQLITE_STATIC);
    if (code == SQLITE_OK) return ST_OK;
    if (code == SQLITE_NOMEM) return ST_NO_MEMORY;
    return code == SQLITE_TOOBIG ? ST_LIMIT : ST_INVALID;
}

void sql_rowset_put_column(struct buf *out, sqlite3_stmt *stmt, int column)
{
    const int kind = sqlite3_column_type(stmt, column);
    if (kind == SQLITE_NULL) {
        buf_put_u8(out, ROWSET_NULL);
        return;
    }
    if (kind == SQLITE_INTEGER) {
        sql_rowset_put_integer(out, sqlite3_column_int64(stmt, column));
        return;
    }
    const void *data = sqlite3_column_blob(stmt, column);
    const uint32_t size = (uint32_t)sqlite3_column_bytes(stmt, column);
    if (data == NULL && size > 0) {
        out->status = ST_NO_MEMORY;
        return;
    }
    sql_rowset_put_bytes(out, span_of(data, size));
}

void sql_rowset_put_null(struct buf *out)
{
    buf_put_u8(out, ROWSET_NULL);
}

void sql_rowset_put_integer(struct buf *out, int64_t value)
{
    buf_put_u8(out, ROWSET_INTEGER);
    buf_put_u64_le(out, (uint64_t)value);
}

void sql_rowset_put_bytes(struct buf *out, struct span bytes)
{
    must(bytes.size <= UINT32_MAX);
    buf_put_u8(out, ROWSET_BYTES);
    buf_put_u32_le(out, (uint32_t)bytes.size);
    buf_put(out, bytes);
}

bool sql_rowset_next(struct span *at, enum sql_type type, struct sql_value *out)
{
    struct sql_value v = {.type = type};
    if (at->size < 1) return false;
    const uint8_t tag = at->data[0];
    size_t size = 1;
    const bool has_integer = is_integer_type(type);
    if (tag == ROWSET_NULL) {
        v.is_null = true;
    } else if (tag == ROWSET_INTEGER && has_integer) {
        if (at->size < 9) return false;
        v.integer = (int64_t)get_u64_le(at->data + 1);
        if (!is_valid(&v)) return false;
        size = 9;
    } else if (tag == ROWSET_BYTES && !has_integer) {
        if (at->size < 5) return false;
        v.bytes = span_of(at->data + 5, get_u32_le(at->data + 1));
        if (v.bytes.size > at->size - 5) return false;
        if (!is_valid(&v)) return false;
        size = 5 + v.bytes.size;
    } else {
        return false;
    }
    *at = span_of(at->data + size, at->size - size);
    *out = v;
    return true;
}

void sql_type_name(char out[64], enum sql_type type, int32_t typmod)
{
    const char *name = sql_type_info(type)->title;
    const bool has_length = typmod >= TYPMOD_OFFSET && (type == SQL_TEXT || type == SQL_BPCHAR);
    if (typmod >= TYPMOD_OFFSET && type == SQL_NUMERIC)
        (void)snprintf(out, 64, "%s(%u,%d)", name, (unsigned)numeric_typmod_precision(typmod),
                       (int)numeric_typmod_scale(typmod));
    else if (has_length)
        (void)snprintf(out, 64, "%s(%d)", type == SQL_TEXT ? "character varying" : name,
                       (int)(typmod - TYPMOD_OFFSET));
    else
        (void)snprintf(out, 64, "%s", name);
}

int16_t sql_type_size(enum sql_type type)
{
    return sql_type_info(type)->size;
}

enum status sql_value_take(struct sql_value *v, struct arena *a, struct span bytes, struct diag *d)
{
    if (bytes.size > SQL_VALUE_MAX) return too_long(d);
    v->bytes = arena_copy(a, bytes);
    return v->bytes.data != NULL ? ST_OK : ST_NO_MEMORY;
}

static bool is_integer_type(enum sql_type type)
{
    return sql_type_storage(type) == SQL_STORE_INTEGER;
}

static bool is_valid(const struct sql_value *v)
{
    if (v->bytes.size > SQL_VALUE_MAX) return false;
    const struct sql_codec *codec = sql_type_info(v->type)->codec;
    return codec != NULL && codec->is_valid(v);
}

static enum status too_long(struct diag *d)
{
    diag_set(d, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    return ST_LIMIT;
}
