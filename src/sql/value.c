/* value.c - Input, output, wire, CBOR and rowset forms of SQL values, as PostgreSQL has them.
 *
 * Rowset encoding (docs/format/row.md):
 *   u8 0                          null
 *   u8 1, i64 little-endian       bool, int2, int4, int8, timestamptz
 *   u8 2, u32 little-endian, n    text, bytea, numeric */
#include "sql/value.h"

#include <stdio.h>

#include "base/endian.h"
#include "base/must.h"
#include "codec/cbor.h"
#include "sql/numeric.h"
#include "sql/time.h"
#include "sql/value_int.h"

#define ROWSET_NULL    0u
#define ROWSET_INTEGER 1u
#define ROWSET_BYTES   2u
#define TYPMOD_OFFSET  4 /* varchar(n) has typmod n + 4. */

static bool is_integer_type(enum sql_type type);
static bool integer_in_range(enum sql_type type, int64_t value);
static enum status parse_numeric(
    struct sql_value *v, struct arena *a, struct span text, int32_t typmod, struct diag *d);
static enum status receive_integer(struct sql_value *v, struct span bytes, struct diag *d);
static enum status take_bytes(struct sql_value *v,
                              struct arena *a,
                              struct span bytes,
                              struct diag *d);
static enum status too_long(struct diag *d);
static bool bytes_are_valid(enum sql_type type, struct span bytes);

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
    switch (type) {
    case SQL_BOOL: return sql_bool_parse(&v->integer, text, d);
    case SQL_INT2:
    case SQL_INT4:
    case SQL_INT8: return sql_int_parse(&v->integer, type, text, d);
    case SQL_TIMESTAMPTZ: return time_from_text(&v->integer, text, d);
    case SQL_NUMERIC: return parse_numeric(v, a, text, typmod, d);
    case SQL_TEXT: TRY(sql_text_fit(&text, typmod, d)); return take_bytes(v, a, text, d);
    case SQL_UNKNOWN: return take_bytes(v, a, text, d);
    case SQL_BYTEA: {
        uint8_t *to = arena_alloc(a, text.size);
        if (to == NULL) return ST_NO_MEMORY;
        v->bytes.data = to;
        TRY(sql_bytea_parse(to, &v->bytes.size, text, d));
        return v->bytes.size <= SQL_VALUE_MAX ? ST_OK : too_long(d);
    }
    case SQL_VOID: break;
    }
    diag_set(d, "0A000", "type %u has no input", (unsigned)type);
    return ST_UNSUPPORTED;
}

void sql_value_print(struct buf *out, const struct sql_value *v, int32_t typmod)
{
    (void)typmod; /* Every value carries what its text needs. */
    must(!v->is_null);
    switch (v->type) {
    case SQL_BOOL: buf_put_text(out, v->integer != 0 ? "t" : "f"); return;
    case SQL_INT2:
    case SQL_INT4:
    case SQL_INT8: sql_int_print(out, v->integer); return;
    case SQL_TIMESTAMPTZ: time_to_text(out, v->integer); return;
    case SQL_NUMERIC: numeric_to_text(out, v->bytes); return;
    case SQL_BYTEA: sql_bytea_print(out, v->bytes); return;
    case SQL_TEXT:
    case SQL_UNKNOWN: buf_put(out, v->bytes); return;
    case SQL_VOID: return;
    }
}

enum status sql_value_receive(
    struct sql_value *v, struct arena *a, enum sql_type type, struct span bytes, struct diag *d)
{
    *v = (struct sql_value){.type = type};
    if (bytes.size > SQL_VALUE_MAX) return too_long(d);
    switch (type) {
    case SQL_BOOL:
    case SQL_INT2:
    case SQL_INT4:
    case SQL_INT8:
    case SQL_TIMESTAMPTZ: return receive_integer(v, bytes, d);
    case SQL_TEXT:
    case SQL_UNKNOWN: TRY(sql_text_check(bytes, d)); return take_bytes(v, a, bytes, d);
    case SQL_BYTEA: return take_bytes(v, a, bytes, d);
    case SQL_NUMERIC: {
        struct numeric n;
        TRY(numeric_from_wire(&n, bytes, d));
        return take_bytes(v, a, numeric_span(&n), d);
    }
    case SQL_VOID: break;
    }
    diag_set(d, "0A000", "type %u has no binary input", (unsigned)type);
    return ST_UNSUPPORTED;
}

void sql_value_send(struct buf *out, const struct sql_value *v, int32_t typmod)
{
    (void)typmod;
    must(!v->is_null);
    switch (v->type) {
    case SQL_BOOL: buf_put_u8(out, v->integer != 0 ? 1 : 0); return;
    case SQL_INT2: buf_put_u16_be(out, (uint16_t)v->integer); return;
    case SQL_INT4: buf_put_u32_be(out, (uint32_t)v->integer); return;
    case SQL_INT8:
    case SQL_TIMESTAMPTZ: buf_put_u64_be(out, (uint64_t)v->integer); return;
    case SQL_NUMERIC: numeric_to_wire(out, v->bytes); return;
    case SQL_TEXT:
    case SQL_UNKNOWN:
    case SQL_BYTEA: buf_put(out, v->bytes); return;
    case SQL_VOID: return;
    }
}

void sql_value_to_cbor(struct buf *out, const struct sql_value *v)
{
    if (v->is_null) {
        cbor_put_null(out);
        return;
    }
    switch (v->type) {
    case SQL_BOOL: cbor_put_bool(out, v->integer != 0); return;
    case SQL_INT2:
    case SQL_INT4:
    case SQL_INT8:
    case SQL_TIMESTAMPTZ: cbor_put_int(out, v->integer); return;
    case SQL_TEXT:
    case SQL_UNKNOWN: cbor_put_text(out, v->bytes); return;
    case SQL_BYTEA:
    case SQL_NUMERIC: cbor_put_bytes(out, v->bytes); return;
    case SQL_VOID: cbor_put_null(out); return;
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
        if (!integer_in_range(type, value.integer)) cbor_fail(&c);
    } else if (!value.is_null) {
        const bool is_text = type == SQL_TEXT || type == SQL_UNKNOWN;
        value.bytes = is_text ? cbor_get_text(&c) : cbor_get_bytes(&c);
        if (c.status == ST_OK && !bytes_are_valid(type, value.bytes)) cbor_fail(&c);
    }
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
    else if (is_integer_type(v->type) || v->type == SQL_BOOL)
        code = sqlite3_bind_int64(stmt, index, v->integer);
    else if (v->type == SQL_TEXT || v->type == SQL_UNKNOWN)
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
    const bool has_integer = is_integer_type(type) || type == SQL_BOOL;
    if (tag == ROWSET_NULL) {
        v.is_null = true;
    } else if (tag == ROWSET_INTEGER && has_integer) {
        if (at->size < 9) return false;
        v.integer = (int64_t)get_u64_le(at->data + 1);
        if (!integer_in_range(type, v.integer)) return false;
        size = 9;
    } else if (tag == ROWSET_BYTES && !has_integer) {
        if (at->size < 5) return false;
        v.bytes = span_of(at->data + 5, get_u32_le(at->data + 1));
        if (v.bytes.size > at->size - 5) return false;
        if (!bytes_are_valid(type, v.bytes)) return false;
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
    const char *name = "unknown";
    switch (type) {
    case SQL_BOOL: name = "boolean"; break;
    case SQL_BYTEA: name = "bytea"; break;
    case SQL_INT8: name = "bigint"; break;
    case SQL_INT2: name = "smallint"; break;
    case SQL_INT4: name = "integer"; break;
    case SQL_TEXT: name = typmod < TYPMOD_OFFSET ? "text" : "character varying"; break;
    case SQL_TIMESTAMPTZ: name = "timestamp with time zone"; break;
    case SQL_NUMERIC: name = "numeric"; break;
    case SQL_UNKNOWN: break;
    case SQL_VOID: name = "void"; break;
    }
    if (typmod >= TYPMOD_OFFSET && type == SQL_NUMERIC)
        (void)snprintf(out, 64, "%s(%u,%d)", name, (unsigned)numeric_typmod_precision(typmod),
                       (int)numeric_typmod_scale(typmod));
    else if (typmod >= TYPMOD_OFFSET && type == SQL_TEXT)
        (void)snprintf(out, 64, "%s(%d)", name, (int)(typmod - TYPMOD_OFFSET));
    else
        (void)snprintf(out, 64, "%s", name);
}

int16_t sql_type_size(enum sql_type type)
{
    switch (type) {
    case SQL_BOOL: return 1;
    case SQL_INT2: return 2;
    case SQL_INT4:
    case SQL_VOID: return 4;
    case SQL_INT8:
    case SQL_TIMESTAMPTZ: return 8;
    case SQL_BYTEA:
    case SQL_TEXT:
    case SQL_NUMERIC: return -1;
    case SQL_UNKNOWN: return -2; /* A C string. */
    }
    return -1;
}

static bool is_integer_type(enum sql_type type)
{
    return type == SQL_INT2 || type == SQL_INT4 || type == SQL_INT8 || type == SQL_TIMESTAMPTZ;
}

static bool integer_in_range(enum sql_type type, int64_t value)
{
    if (type == SQL_BOOL) return value == 0 || value == 1;
    if (type == SQL_INT2) return value >= INT16_MIN && value <= INT16_MAX;
    if (type == SQL_INT4) return value >= INT32_MIN && value <= INT32_MAX;
    if (type == SQL_TIMESTAMPTZ) return time_is_valid(value);
    return true;
}

static enum status parse_numeric(
    struct sql_value *v, struct arena *a, struct span text, int32_t typmod, struct diag *d)
{
    struct numeric given;
    struct numeric fitted;
    TRY(numeric_from_text(&given, text, d));
    TRY(numeric_fit(&fitted, numeric_span(&given), typmod, d));
    return take_bytes(v, a, numeric_span(&fitted), d);
}

static enum status receive_integer(struct sql_value *v, struct span bytes, struct diag *d)
{
    if (bytes.size != (size_t)sql_type_size(v->type)) {
        diag_set(d, "22P03", "incorrect binary data format");
        return ST_INVALID;
    }
    if (v->type == SQL_BOOL) v->integer = bytes.data[0] != 0 ? 1 : 0;
    if (v->type == SQL_INT2) v->integer = (int16_t)get_u16_be(bytes.data);
    if (v->type == SQL_INT4) v->integer = (int32_t)get_u32_be(bytes.data);
    if (bytes.size == 8) v->integer = (int64_t)get_u64_be(bytes.data);
    if (integer_in_range(v->type, v->integer)) return ST_OK;
    diag_set(d, "22008", "timestamp out of range");
    return ST_INVALID;
}

static enum status take_bytes(struct sql_value *v,
                              struct arena *a,
                              struct span bytes,
                              struct diag *d)
{
    if (bytes.size > SQL_VALUE_MAX) return too_long(d);
    v->bytes = arena_copy(a, bytes);
    return v->bytes.data != NULL ? ST_OK : ST_NO_MEMORY;
}

static enum status too_long(struct diag *d)
{
    diag_set(d, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    return ST_LIMIT;
}

/* UTF-8 itself is checked by the CBOR reader, or was before the value was stored. */
static bool bytes_are_valid(enum sql_type type, struct span bytes)
{
    if (bytes.size > SQL_VALUE_MAX) return false;
    if (type == SQL_NUMERIC) return numeric_is_valid(bytes);
    if (type == SQL_TEXT || type == SQL_UNKNOWN)
        return bytes.size == 0 || memchr(bytes.data, 0, bytes.size) == NULL;
    return type == SQL_BYTEA;
}
