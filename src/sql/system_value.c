/* system_value.c - Text and binary forms of the types that only the system catalogs have: oid, the
 * reg types, int2vector and oidvector.
 *
 * A value of a reg type is text: the oid in ten digits, so that values are ordered by it, and
 * behind it how the object is shown. What turns a name into one knows the catalog (func_system.c);
 * a codec does not, so nothing is parsed here. A vector is stored as the array of its elements. */
#include "base/endian.h"
#include "base/must.h"
#include "sql/array.h"
#include "sql/value_int.h"

#define OID_DIGITS 10u

/* --- oid, xid ------------------------------------------------------------------------------ */

static enum status bad_oid(const struct sql_value *v, struct span text, struct diag *d)
{
    diag_set(d, "22P02", "invalid input syntax for type %s: \"%.*s\"", sql_type_info(v->type)->name,
             (int)text.size, (const char *)text.data);
    return ST_INVALID;
}

static enum status oid_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    struct diag ignored;
    (void)a;
    (void)typmod;
    if (sql_int_parse(&v->integer, SQL_INT8, text, &ignored) != ST_OK) return bad_oid(v, text, d);
    if (v->integer < INT32_MIN || v->integer > UINT32_MAX) {
        diag_set(d, "22003", "value \"%.*s\" is out of range for type oid", (int)text.size,
                 (const char *)text.data);
        return ST_INVALID;
    }
    v->integer = (int64_t)(uint32_t)v->integer; /* '-1' is the greatest. */
    return ST_OK;
}

static void oid_print(struct buf *out, const struct sql_value *v)
{
    sql_int_print(out, v->integer);
}

static enum status oid_receive(struct sql_value *v,
                               struct arena *a,
                               struct span bytes,
                               struct diag *d)
{
    (void)a;
    if (bytes.size != 4) {
        diag_set(d, "22P03", "incorrect binary data format");
        return ST_INVALID;
    }
    v->integer = (int64_t)get_u32_be(bytes.data);
    return ST_OK;
}

static void oid_send(struct buf *out, const struct sql_value *v)
{
    buf_put_u32_be(out, (uint32_t)v->integer);
}

static bool oid_is_valid(const struct sql_value *v)
{
    return v->integer >= 0 && v->integer <= UINT32_MAX;
}

const struct sql_codec codec_oid = {oid_parse, oid_print, oid_receive, oid_send, oid_is_valid};

/* --- regclass and the like ----------------------------------------------------------------- */

/* The compiler makes a text of it, and has that looked up. */
static enum status reg_refuse(struct diag *d)
{
    diag_set(d, "0A000", "a value of this type cannot be given here");
    diag_hint(d, "Give it as text, and cast it.");
    return ST_UNSUPPORTED;
}

static enum status reg_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    (void)v;
    (void)a;
    (void)typmod;
    (void)text;
    return reg_refuse(d);
}

static enum status reg_receive(struct sql_value *v,
                               struct arena *a,
                               struct span bytes,
                               struct diag *d)
{
    (void)v;
    (void)a;
    (void)bytes;
    return reg_refuse(d);
}

static void reg_print(struct buf *out, const struct sql_value *v)
{
    must(v->bytes.size >= OID_DIGITS); /* reg_is_valid */
    buf_put(out, span_of(v->bytes.data + OID_DIGITS, v->bytes.size - OID_DIGITS));
}

static void reg_send(struct buf *out, const struct sql_value *v)
{
    uint64_t oid = 0;
    must(v->bytes.size >= OID_DIGITS);
    for (size_t i = 0; i < OID_DIGITS; i++)
        oid = oid * 10 + (uint64_t)(v->bytes.data[i] - '0');
    buf_put_u32_be(out, (uint32_t)oid);
}

static bool reg_is_valid(const struct sql_value *v)
{
    if (v->bytes.size < OID_DIGITS) return false;
    for (size_t i = 0; i < OID_DIGITS; i++)
        if (v->bytes.data[i] < '0' || v->bytes.data[i] > '9') return false;
    return true;
}

const struct sql_codec codec_reg = {reg_parse, reg_print, reg_receive, reg_send, reg_is_valid};

/* --- int2vector, oidvector ----------------------------------------------------------------- */

static enum sql_type array_of(const struct sql_value *v)
{
    return v->type == SQL_INT2VECTOR ? SQL_INT2_ARRAY : SQL_OID_ARRAY;
}

/* '1 2 3' as '{1,2,3}' */
static enum status vector_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    struct buf list;
    const enum sql_type type = v->type;
    buf_init(&list, a->mem, SQL_VALUE_MAX);
    buf_put_u8(&list, '{');
    bool is_inside = false;
    for (size_t i = 0; i < text.size; i++) {
        const bool is_blank = text.data[i] == ' ';
        if (!is_blank && !is_inside && list.size > 1) buf_put_u8(&list, ',');
        if (!is_blank) buf_put_u8(&list, text.data[i]);
        is_inside = !is_blank;
    }
    buf_put_u8(&list, '}');
    enum status st = buf_status(&list);
    if (st == ST_OK) {
        v->type = array_of(v);
        st = codec_array.parse(v, a, typmod, buf_span(&list), d);
        v->type = type;
    }
    buf_fini(&list);
    return st;
}

static void vector_print(struct buf *out, const struct sql_value *v)
{
    struct arena a;
    struct sql_value e;
    arena_init(&a, mem_system(), 0);
    struct array_reader r = array_read(v->bytes, sql_type_info(v->type)->element, &a);
    for (bool is_first = true; array_next(&r, &e); is_first = false) {
        if (!is_first) buf_put_u8(out, ' ');
        sql_int_print(out, e.integer);
    }
    arena_fini(&a);
}

static enum status vector_receive(struct sql_value *v,
                                  struct arena *a,
                                  struct span bytes,
                                  struct diag *d)
{
    const enum sql_type type = v->type;
    v->type = array_of(v);
    const enum status st = codec_array.receive(v, a, bytes, d);
    v->type = type;
    return st;
}

/* As an array, whose first element has number 0. */
static void vector_send(struct buf *out, const struct sql_value *v)
{
    struct sql_value array = *v;
    array.type = array_of(v);
    codec_array.send(out, &array);
}

static bool vector_is_valid(const struct sql_value *v)
{
    struct sql_value array = *v;
    array.type = array_of(v);
    return codec_array.is_valid(&array);
}

const struct sql_codec codec_vector = {vector_parse, vector_print, vector_receive, vector_send,
                                       vector_is_valid};

/* --- record -------------------------------------------------------------------------------- */

/* Records are made by functions alone. */
static void record_print(struct buf *out, const struct sql_value *v)
{
    buf_put_u8(out, '(');
    sql_int_print(out, (int32_t)(uint32_t)v->integer);
    buf_put_u8(out, ',');
    sql_int_print(out, v->integer >> 32);
    buf_put_u8(out, ')');
}

/* Two columns: type, size and value of each. */
static void record_send(struct buf *out, const struct sql_value *v)
{
    const uint32_t fields[2] = {(uint32_t)v->integer, (uint32_t)(v->integer >> 32)};
    buf_put_u32_be(out, 2);
    for (size_t i = 0; i < 2; i++) {
        buf_put_u32_be(out, SQL_INT4);
        buf_put_u32_be(out, 4);
        buf_put_u32_be(out, fields[i]);
    }
}

static bool record_is_valid(const struct sql_value *v)
{
    return v->integer >= 0;
}

const struct sql_codec codec_record = {reg_parse, record_print, reg_receive, record_send,
                                       record_is_valid};
