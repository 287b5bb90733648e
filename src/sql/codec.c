/* codec.c - Text and binary forms of the scalar types, one codec each. */
#include "base/endian.h"
#include "base/must.h"
#include "sql/datetime.h"
#include "sql/float.h"
#include "sql/interval.h"
#include "sql/json.h"
#include "sql/numeric.h"
#include "sql/value_int.h"

#define UUID_SIZE   16u
#define UUID_DIGITS 32u
#define TYPMOD_BASE 4 /* char(n) has typmod n + 4. */

static enum status bad_binary(struct diag *d)
{
    diag_set(d, "22P03", "incorrect binary data format");
    return ST_INVALID;
}

/* --- boolean and integers ------------------------------------------------------------------ */

static enum status bool_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    (void)a;
    (void)typmod;
    return sql_bool_parse(&v->integer, text, d);
}

static void bool_print(struct buf *out, const struct sql_value *v)
{
    buf_put_text(out, v->integer != 0 ? "t" : "f");
}

static enum status bool_receive(struct sql_value *v,
                                struct arena *a,
                                struct span bytes,
                                struct diag *d)
{
    (void)a;
    if (bytes.size != 1) return bad_binary(d);
    v->integer = bytes.data[0] != 0 ? 1 : 0;
    return ST_OK;
}

static void bool_send(struct buf *out, const struct sql_value *v)
{
    buf_put_u8(out, v->integer != 0 ? 1 : 0);
}

static bool bool_is_valid(const struct sql_value *v)
{
    return v->integer == 0 || v->integer == 1;
}

const struct sql_codec codec_bool = {bool_parse, bool_print, bool_receive, bool_send,
                                     bool_is_valid};

static enum status int_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    (void)a;
    (void)typmod;
    return sql_int_parse(&v->integer, v->type, text, d);
}

static void int_print(struct buf *out, const struct sql_value *v)
{
    sql_int_print(out, v->integer);
}

/* An integer of the type's size, big-endian. */
static enum status receive_integer(struct sql_value *v, struct span bytes, struct diag *d)
{
    if (bytes.size != (size_t)sql_type_size(v->type)) return bad_binary(d);
    if (bytes.size == 2) v->integer = (int16_t)get_u16_be(bytes.data);
    if (bytes.size == 4) v->integer = (int32_t)get_u32_be(bytes.data);
    if (bytes.size == 8) v->integer = (int64_t)get_u64_be(bytes.data);
    return ST_OK;
}

static enum status int_receive(struct sql_value *v,
                               struct arena *a,
                               struct span bytes,
                               struct diag *d)
{
    (void)a;
    return receive_integer(v, bytes, d);
}

static void int_send(struct buf *out, const struct sql_value *v)
{
    const int16_t size = sql_type_size(v->type);
    if (size == 2) buf_put_u16_be(out, (uint16_t)v->integer);
    if (size == 4) buf_put_u32_be(out, (uint32_t)v->integer);
    if (size == 8) buf_put_u64_be(out, (uint64_t)v->integer);
}

static bool int_is_valid(const struct sql_value *v)
{
    if (v->type == SQL_INT2) return v->integer >= INT16_MIN && v->integer <= INT16_MAX;
    if (v->type == SQL_INT4) return v->integer >= INT32_MIN && v->integer <= INT32_MAX;
    return true;
}

const struct sql_codec codec_int = {int_parse, int_print, int_receive, int_send, int_is_valid};

/* --- floating point ------------------------------------------------------------------------ */

static enum status float_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    (void)a;
    (void)typmod;
    return float_from_text(&v->integer, v->type, text, d);
}

static void float_print(struct buf *out, const struct sql_value *v)
{
    float_to_text(out, v->type, v->integer);
}

static enum status float_receive(struct sql_value *v,
                                 struct arena *a,
                                 struct span bytes,
                                 struct diag *d)
{
    (void)a;
    if (bytes.size != (size_t)sql_type_size(v->type)) return bad_binary(d);
    const uint64_t bits = bytes.size == 8 ? get_u64_be(bytes.data) : get_u32_be(bytes.data);
    v->integer = float_from_bits(v->type, bits);
    return ST_OK;
}

static void float_send(struct buf *out, const struct sql_value *v)
{
    const uint64_t bits = float_to_bits(v->type, v->integer);
    if (v->type == SQL_FLOAT8)
        buf_put_u64_be(out, bits);
    else
        buf_put_u32_be(out, (uint32_t)bits);
}

static bool float_valid(const struct sql_value *v)
{
    return float_is_valid(v->type, v->integer);
}

const struct sql_codec codec_float = {float_parse, float_print, float_receive, float_send,
                                      float_valid};

/* --- text and bytea ------------------------------------------------------------------------ */

static enum status text_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    if (v->type == SQL_TEXT) TRY(sql_text_fit(&text, typmod, d));
    return sql_value_take(v, a, text, d);
}

static void bytes_print(struct buf *out, const struct sql_value *v)
{
    buf_put(out, v->bytes);
}

static enum status text_receive(struct sql_value *v,
                                struct arena *a,
                                struct span bytes,
                                struct diag *d)
{
    TRY(sql_text_check(bytes, d));
    return sql_value_take(v, a, bytes, d);
}

/* UTF-8 itself is checked by the CBOR reader, or was before the value was stored. */
static bool text_is_valid(const struct sql_value *v)
{
    return v->bytes.size == 0 || memchr(v->bytes.data, 0, v->bytes.size) == NULL;
}

const struct sql_codec codec_text = {text_parse, bytes_print, text_receive, bytes_print,
                                     text_is_valid};

static enum status bpchar_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    TRY(sql_bpchar_fit(&text, a, typmod, false, d));
    return sql_value_take(v, a, text, d);
}

const struct sql_codec codec_bpchar = {bpchar_parse, bytes_print, text_receive, bytes_print,
                                       text_is_valid};

static enum status bytea_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    (void)typmod;
    uint8_t *to = arena_alloc(a, text.size);
    if (to == NULL) return ST_NO_MEMORY;
    v->bytes.data = to;
    TRY(sql_bytea_parse(to, &v->bytes.size, text, d));
    if (v->bytes.size <= SQL_VALUE_MAX) return ST_OK;
    diag_set(d, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    return ST_LIMIT;
}

static void bytea_print(struct buf *out, const struct sql_value *v)
{
    sql_bytea_print(out, v->bytes);
}

static bool bytea_is_valid(const struct sql_value *v)
{
    (void)v;
    return true;
}

const struct sql_codec codec_bytea = {bytea_parse, bytea_print, sql_value_take, bytes_print,
                                      bytea_is_valid};

/* --- numeric ------------------------------------------------------------------------------- */

static enum status number_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    struct numeric given;
    struct numeric fitted;
    TRY(numeric_from_text(&given, text, d));
    TRY(numeric_fit(&fitted, numeric_span(&given), typmod, d));
    return sql_value_take(v, a, numeric_span(&fitted), d);
}

static void number_print(struct buf *out, const struct sql_value *v)
{
    numeric_to_text(out, v->bytes);
}

static enum status number_receive(struct sql_value *v,
                                  struct arena *a,
                                  struct span bytes,
                                  struct diag *d)
{
    struct numeric n;
    TRY(numeric_from_wire(&n, bytes, d));
    return sql_value_take(v, a, numeric_span(&n), d);
}

static void number_send(struct buf *out, const struct sql_value *v)
{
    numeric_to_wire(out, v->bytes);
}

static bool number_is_valid(const struct sql_value *v)
{
    return numeric_is_valid(v->bytes);
}

const struct sql_codec codec_numeric = {number_parse, number_print, number_receive, number_send,
                                        number_is_valid};

/* --- dates and times ----------------------------------------------------------------------- */

static bool datetime_is_valid(const struct sql_value *v)
{
    if (v->type == SQL_DATE) return date_is_valid(v->integer);
    return v->type == SQL_TIME ? time_of_day_is_valid(v->integer) : time_is_valid(v->integer);
}

static void fit_time(struct sql_value *v, int32_t typmod)
{
    const bool is_infinite =
        v->type != SQL_TIME && (v->integer == TIME_INFINITY || v->integer == TIME_MINUS_INFINITY);
    if (v->type == SQL_DATE || typmod < 0 || typmod > 6 || is_infinite) return;
    v->integer = time_round(v->integer, typmod);
}

static enum status datetime_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    (void)a;
    TRY(datetime_from_text(&v->integer, v->type, text, d));
    fit_time(v, typmod);
    return ST_OK;
}

static void datetime_print(struct buf *out, const struct sql_value *v)
{
    if (v->type == SQL_DATE)
        date_to_text(out, v->integer);
    else if (v->type == SQL_TIME)
        time_of_day_to_text(out, v->integer);
    else
        timestamp_to_text(out, v->integer);
}

static enum status datetime_receive(struct sql_value *v,
                                    struct arena *a,
                                    struct span bytes,
                                    struct diag *d)
{
    (void)a;
    TRY(receive_integer(v, bytes, d));
    if (datetime_is_valid(v)) return ST_OK;
    diag_set(d, "22008", "%s out of range",
             v->type == SQL_DATE   ? "date"
             : v->type == SQL_TIME ? "time"
                                   : "timestamp");
    return ST_INVALID;
}

const struct sql_codec codec_datetime = {datetime_parse, datetime_print, datetime_receive, int_send,
                                         datetime_is_valid};

static enum status timestamptz_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    (void)a;
    TRY(time_from_text(&v->integer, text, d));
    fit_time(v, typmod);
    return ST_OK;
}

static void timestamptz_print(struct buf *out, const struct sql_value *v)
{
    time_to_text(out, v->integer);
}

const struct sql_codec codec_timestamptz = {timestamptz_parse, timestamptz_print, datetime_receive,
                                            int_send, datetime_is_valid};

/* --- interval ------------------------------------------------------------------------------ */

static enum status take_interval(struct sql_value *v,
                                 struct arena *a,
                                 const struct interval *i,
                                 struct diag *d)
{
    uint8_t stored[INTERVAL_SIZE];
    interval_pack(stored, i);
    return sql_value_take(v, a, span_of(stored, sizeof stored), d);
}

static enum status interval_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    struct interval i;
    TRY(interval_from_text(&i, text, typmod, d));
    return take_interval(v, a, &i, d);
}

static void interval_print(struct buf *out, const struct sql_value *v)
{
    struct interval i;
    if (interval_unpack(&i, v->bytes)) interval_to_text(out, &i);
}

static enum status interval_receive(struct sql_value *v,
                                    struct arena *a,
                                    struct span bytes,
                                    struct diag *d)
{
    if (bytes.size != 16) return bad_binary(d);
    const struct interval i = {.us = (int64_t)get_u64_be(bytes.data),
                               .days = (int32_t)get_u32_be(bytes.data + 8),
                               .months = (int32_t)get_u32_be(bytes.data + 12)};
    return take_interval(v, a, &i, d);
}

static void interval_send(struct buf *out, const struct sql_value *v)
{
    struct interval i = {0, 0, 0};
    const bool is_one = interval_unpack(&i, v->bytes);
    must(is_one);
    buf_put_u64_be(out, (uint64_t)i.us);
    buf_put_u32_be(out, (uint32_t)i.days);
    buf_put_u32_be(out, (uint32_t)i.months);
}

static bool interval_is_valid(const struct sql_value *v)
{
    struct interval i;
    return interval_unpack(&i, v->bytes);
}

const struct sql_codec codec_interval = {interval_parse, interval_print, interval_receive,
                                         interval_send, interval_is_valid};

/* --- uuid ---------------------------------------------------------------------------------- */

/* Digits in groups of four or more, with hyphens after any group of four, braces around. */
static enum status uuid_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    (void)typmod;
    uint8_t bytes[UUID_SIZE];
    size_t digits = 0;
    struct span t = text;
    bool is_right = true;
    if (t.size > 1 && t.data[0] == '{') {
        is_right = t.data[t.size - 1] == '}';
        t = span_of(t.data + 1, t.size - 2);
    }
    for (size_t i = 0; is_right && i < t.size; i++) {
        if (t.data[i] == '-' && digits % 4 == 0 && digits > 0 && digits < UUID_DIGITS &&
            t.data[i - 1] != '-')
            continue;
        const int digit = sql_hex_digit(t.data[i]);
        is_right = digit >= 0 && digits < UUID_DIGITS;
        if (!is_right) break;
        if (digits % 2 == 0)
            bytes[digits / 2] = (uint8_t)(digit << 4);
        else
            bytes[digits / 2] = (uint8_t)(bytes[digits / 2] | digit);
        digits++;
    }
    if (is_right && digits == UUID_DIGITS)
        return sql_value_take(v, a, span_of(bytes, sizeof bytes), d);
    diag_set(d, "22P02", "invalid input syntax for type uuid: \"%.*s\"",
             (int)(text.size < DIAG_TEXT_MAX ? text.size : DIAG_TEXT_MAX), (const char *)text.data);
    return ST_INVALID;
}

static void uuid_print(struct buf *out, const struct sql_value *v)
{
    static const char hex[] = "0123456789abcdef";
    char text[UUID_DIGITS + 5];
    size_t size = 0;
    for (size_t i = 0; i < v->bytes.size && i < UUID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text[size++] = '-';
        text[size++] = hex[v->bytes.data[i] >> 4];
        text[size++] = hex[v->bytes.data[i] & 15];
    }
    buf_put(out, span_of(text, size));
}

static enum status uuid_receive(struct sql_value *v,
                                struct arena *a,
                                struct span bytes,
                                struct diag *d)
{
    if (bytes.size != UUID_SIZE) return bad_binary(d);
    return sql_value_take(v, a, bytes, d);
}

static bool uuid_is_valid(const struct sql_value *v)
{
    return v->bytes.size == UUID_SIZE;
}

const struct sql_codec codec_uuid = {uuid_parse, uuid_print, uuid_receive, bytes_print,
                                     uuid_is_valid};

/* --- json and jsonb ------------------------------------------------------------------------ */

static enum status json_read_into(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    struct json *j = NULL;
    struct buf out;
    (void)typmod;
    TRY(json_parse(&j, a, text, d));
    if (v->type == SQL_JSON) return sql_value_take(v, a, text, d);
    TRY(json_normalize(j, a, d));
    buf_init(&out, a->mem, SQL_VALUE_MAX);
    json_print(&out, j);
    enum status st = buf_status(&out);
    if (st == ST_OK) st = sql_value_take(v, a, buf_span(&out), d);
    if (st == ST_LIMIT) diag_set(d, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    buf_fini(&out);
    return st;
}

static enum status json_receive(struct sql_value *v,
                                struct arena *a,
                                struct span bytes,
                                struct diag *d)
{
    TRY(sql_text_check(bytes, d));
    return json_read_into(v, a, -1, bytes, d);
}

/* jsonb begins with the number of its form. */
static enum status jsonb_receive(struct sql_value *v,
                                 struct arena *a,
                                 struct span bytes,
                                 struct diag *d)
{
    if (bytes.size == 0 || bytes.data[0] != 1) {
        diag_set(d, "XX000", "unsupported jsonb version number %d",
                 bytes.size == 0 ? 0 : bytes.data[0]);
        return ST_INVALID;
    }
    return json_receive(v, a, span_of(bytes.data + 1, bytes.size - 1), d);
}

static void jsonb_send(struct buf *out, const struct sql_value *v)
{
    buf_put_u8(out, 1);
    buf_put(out, v->bytes);
}

static bool json_is_valid(const struct sql_value *v)
{
    struct arena a;
    struct sql_value again = {.type = v->type};
    struct diag unused;
    arena_init(&a, mem_system(), 0);
    const bool is_right = json_read_into(&again, &a, -1, v->bytes, &unused) == ST_OK &&
                          span_equal(again.bytes, v->bytes);
    arena_fini(&a);
    return is_right;
}

const struct sql_codec codec_json = {json_read_into, bytes_print, json_receive, bytes_print,
                                     json_is_valid};
const struct sql_codec codec_jsonb = {json_read_into, bytes_print, jsonb_receive, jsonb_send,
                                      json_is_valid};

/* --- char(n) ------------------------------------------------------------------------------- */

enum status sql_bpchar_fit(
    struct span *text, struct arena *a, int32_t typmod, bool is_explicit, struct diag *d)
{
    if (typmod < TYPMOD_BASE) return ST_OK;
    const size_t wanted = (size_t)(typmod - TYPMOD_BASE);
    const size_t keep = sql_text_prefix(*text, wanted);
    for (size_t i = keep; !is_explicit && i < text->size; i++) {
        if (text->data[i] == ' ') continue;
        diag_set(d, "22001", "value too long for type character(%zu)", wanted);
        return ST_INVALID;
    }
    text->size = keep;
    const size_t pad = wanted - sql_text_length(*text);
    if (pad == 0) return ST_OK;
    if (keep + pad > SQL_VALUE_MAX) {
        diag_set(d, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
        return ST_LIMIT;
    }
    uint8_t *to = arena_alloc(a, keep + pad);
    if (to == NULL) return ST_NO_MEMORY;
    if (keep > 0) memcpy(to, text->data, keep);
    memset(to + keep, ' ', pad);
    *text = span_of(to, keep + pad);
    return ST_OK;
}
