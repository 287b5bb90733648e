/* array.c - Stored form, text and binary form of arrays. */
#include "sql/array.h"

#include "base/endian.h"
#include "base/must.h"
#include "sql/interval.h"
#include "sql/json.h"
#include "sql/numeric.h"
#include "sql/value_int.h"

#define MARK_END   0u
#define MARK_VALUE 1u
#define MARK_NULL  2u
#define ESCAPED    255u
#define STOP       1u
#define SIGN       (UINT64_C(1) << 63)

struct array_reader array_read(struct span array, enum sql_type element, struct arena *a)
{
    return (struct array_reader){.rest = array, .element = element, .arena = a};
}

static struct span after(struct span s, size_t count)
{
    return span_of(s.data + count, s.size - count);
}

static bool damaged(struct array_reader *r)
{
    r->is_damaged = true;
    return false;
}

static bool next_bytes(struct array_reader *r, struct span *out)
{
    size_t end = 0;
    size_t zeros = 0;
    for (;; end++) {
        if (end + 1 >= r->rest.size) return damaged(r);
        if (r->rest.data[end] != 0) continue;
        if (r->rest.data[end + 1] == STOP) break;
        if (r->rest.data[end + 1] != ESCAPED) return damaged(r);
        zeros++;
        end++;
    }
    *out = span_of(r->rest.data, end);
    if (zeros > 0) {
        uint8_t *copy = arena_alloc(r->arena, end);
        if (copy == NULL) return damaged(r);
        size_t size = 0;
        for (size_t i = 0; i < end; i++) {
            copy[size++] = r->rest.data[i];
            if (r->rest.data[i] == 0) i++;
        }
        *out = span_of(copy, size);
    }
    r->rest = after(r->rest, end + 2);
    return true;
}

bool array_next(struct array_reader *r, struct sql_value *out)
{
    *out = (struct sql_value){.type = r->element};
    if (r->is_damaged || r->rest.size == 0) return damaged(r);
    const uint8_t mark = r->rest.data[0];
    if (mark == MARK_END) return r->rest.size == 1 ? false : damaged(r);
    if (mark != MARK_VALUE && mark != MARK_NULL) return damaged(r);
    r->rest = after(r->rest, 1);
    out->is_null = mark == MARK_NULL;
    if (out->is_null) return true;
    if (sql_type_storage(r->element) != SQL_STORE_INTEGER) return next_bytes(r, &out->bytes);
    if (r->rest.size < 8) return damaged(r);
    out->integer = (int64_t)(get_u64_be(r->rest.data) ^ SIGN);
    r->rest = after(r->rest, 8);
    return true;
}

void array_put(struct buf *out, const struct sql_value *v)
{
    buf_put_u8(out, v->is_null ? MARK_NULL : MARK_VALUE);
    if (v->is_null) return;
    if (sql_type_storage(v->type) == SQL_STORE_INTEGER) {
        const bool is_float = v->type == SQL_FLOAT4 || v->type == SQL_FLOAT8;
        const int64_t value = is_float && v->integer == -1 ? 0 : v->integer; /* −0 */
        buf_put_u64_be(out, (uint64_t)value ^ SIGN);
        return;
    }
    size_t start = 0;
    for (size_t i = 0; i < v->bytes.size; i++) {
        if (v->bytes.data[i] != 0) continue;
        buf_put(out, span_of(v->bytes.data + start, i + 1 - start));
        buf_put_u8(out, ESCAPED);
        start = i + 1;
    }
    if (start < v->bytes.size) buf_put(out, span_of(v->bytes.data + start, v->bytes.size - start));
    buf_put_u8(out, 0);
    buf_put_u8(out, STOP);
}

void array_end(struct buf *out)
{
    buf_put_u8(out, MARK_END);
}

int64_t array_count(struct span array, enum sql_type element)
{
    struct arena a;
    struct sql_value v;
    int64_t count = 0;
    arena_init(&a, mem_system(), 0);
    struct array_reader r = array_read(array, element, &a);
    while (array_next(&r, &v))
        count++;
    arena_fini(&a);
    return r.is_damaged ? -1 : count;
}

static int compare_bytes(struct span a, struct span b)
{
    const int order = span_compare(a, b);
    return (order > 0) - (order < 0);
}

static int compare_jsonb(struct span a, struct span b)
{
    struct arena arena;
    arena_init(&arena, mem_system(), 0);
    const struct json *x = json_read(&arena, a);
    const struct json *y = json_read(&arena, b);
    const int order = x != NULL && y != NULL ? json_compare(x, y) : compare_bytes(a, b);
    arena_fini(&arena);
    return order;
}

int value_compare(const struct sql_value *a, const struct sql_value *b)
{
    if (a->is_null || b->is_null) return (int)a->is_null - (int)b->is_null;
    if (sql_type_storage(a->type) == SQL_STORE_INTEGER)
        return (a->integer > b->integer) - (a->integer < b->integer);
    if (a->type == SQL_NUMERIC) return numeric_compare(a->bytes, b->bytes);
    struct span left = a->bytes;
    struct span right = b->bytes;
    if (a->type == SQL_INTERVAL) {
        left.size = INTERVAL_KEY_SIZE;
        right.size = INTERVAL_KEY_SIZE;
    }
    if (a->type == SQL_BPCHAR) {
        while (left.size > 0 && left.data[left.size - 1] == ' ')
            left.size--;
        while (right.size > 0 && right.data[right.size - 1] == ' ')
            right.size--;
    }
    if (a->type == SQL_JSONB) return compare_jsonb(left, right);
    return compare_bytes(left, right);
}

int array_compare(struct span a, struct span b, enum sql_type element, struct arena *arena)
{
    if (sql_type_is_canonical(element)) return compare_bytes(a, b);
    struct array_reader left = array_read(a, element, arena);
    struct array_reader right = array_read(b, element, arena);
    for (;;) {
        struct sql_value x;
        struct sql_value y;
        const bool has_left = array_next(&left, &x);
        const bool has_right = array_next(&right, &y);
        if (!has_left || !has_right) return (int)has_left - (int)has_right;
        const int order = value_compare(&x, &y);
        if (order != 0) return order;
    }
}

/* --- text ---------------------------------------------------------------------------------- */

struct reader {
    struct span text;
    size_t at;
    struct diag *diag;
};

static enum status malformed(const struct reader *r, const char *detail)
{
    diag_set(r->diag, "22P02", "malformed array literal: \"%.*s\"",
             (int)(r->text.size < DIAG_TEXT_MAX ? r->text.size : DIAG_TEXT_MAX),
             (const char *)r->text.data);
    if (detail != NULL) diag_detail(r->diag, "%s", detail);
    return ST_INVALID;
}

static enum status other_shape(struct diag *d)
{
    diag_set(d, "0A000", "arrays of several dimensions or with other bounds are not supported");
    diag_hint(d, "Arrays have one dimension and begin at 1.");
    return ST_UNSUPPORTED;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip(struct reader *r)
{
    while (r->at < r->text.size && is_blank(r->text.data[r->at]))
        r->at++;
}

static bool is_null_word(struct span s)
{
    static const char word[] = "null";
    if (s.size != 4) return false;
    for (size_t i = 0; i < 4; i++)
        if ((s.data[i] | 0x20) != (uint8_t)word[i]) return false;
    return true;
}

struct piece { /* What is read of one element. */
    uint8_t *copy;
    size_t size;
    size_t kept; /* Up to here blanks belong to it. */
    bool is_quoted;
    bool has_quotes;
    bool has_escape;
};

static void take_byte(struct piece *p, uint8_t c)
{
    p->copy[p->size++] = c;
    p->kept = p->size;
}

/* Quotes stand around a whole element. */
static bool take_quote(struct piece *p)
{
    const bool is_right = p->has_quotes ? p->is_quoted : p->size == 0;
    if (!is_right) return false;
    p->is_quoted = !p->is_quoted;
    p->has_quotes = true;
    p->kept = p->size;
    return true;
}

/* A byte outside of quotes; after them only blanks may come. */
static bool take_bare(struct piece *p, uint8_t c)
{
    if (is_blank(c)) {
        p->copy[p->size++] = c;
        return true;
    }
    if (p->has_quotes) return false;
    take_byte(p, c);
    return true;
}

/* Up to the comma or the brace. */
static enum status read_piece(struct reader *r, struct piece *p)
{
    for (; r->at < r->text.size; r->at++) {
        const uint8_t c = r->text.data[r->at];
        bool is_right = true;
        if (c == '\\') {
            if (++r->at == r->text.size) break;
            take_byte(p, r->text.data[r->at]);
            p->has_escape = true;
        } else if (c == '"') {
            is_right = take_quote(p);
        } else if (p->is_quoted) {
            take_byte(p, c);
        } else if (c == ',' || c == '}') {
            return ST_OK;
        } else if (c == '{') {
            return malformed(r, "Unexpected \"{\" character.");
        } else {
            is_right = take_bare(p, c);
        }
        if (!is_right) return malformed(r, "Incorrectly quoted array element.");
    }
    return malformed(r, "Unexpected end of input.");
}

/* One element into *token; ends before a comma or the brace. */
static enum status read_token(struct reader *r, struct arena *a, struct span *token, bool *is_null)
{
    struct piece p = {.copy = arena_alloc(a, r->text.size + 1)};
    if (p.copy == NULL) return ST_NO_MEMORY;
    TRY(read_piece(r, &p));
    must(r->at < r->text.size);
    must(p.kept <= p.size);
    *token = span_of(p.copy, p.kept);
    *is_null = !p.has_quotes && !p.has_escape && is_null_word(*token);
    if (p.kept == 0 && !p.has_quotes)
        return malformed(r, r->text.data[r->at] == ',' ? "Unexpected \",\" character."
                                                       : "Unexpected \"}\" character.");
    return ST_OK;
}

static enum status read_elements(
    struct reader *r, struct buf *out, struct arena *a, enum sql_type element, int32_t typmod)
{
    for (uint32_t count = 0;; count++) {
        struct sql_value v = {.type = element};
        struct span token;
        struct arena scratch;
        if (count == ARRAY_ELEMENTS_MAX) {
            diag_set(r->diag, "54000", "an array can have at most %u elements", ARRAY_ELEMENTS_MAX);
            return ST_LIMIT;
        }
        skip(r);
        if (r->at < r->text.size && r->text.data[r->at] == '{') return other_shape(r->diag);
        arena_init(&scratch, a->mem, 0);
        enum status st = read_token(r, &scratch, &token, &v.is_null);
        if (st == ST_OK && !v.is_null)
            st = sql_value_parse(&v, &scratch, element, typmod, token, r->diag);
        if (st == ST_OK) array_put(out, &v);
        arena_fini(&scratch);
        TRY(st);
        const uint8_t c = r->text.data[r->at++];
        if (c == '}') return ST_OK;
        must(c == ',');
    }
}

static enum status parse_into(
    struct reader *r, struct buf *out, struct arena *a, enum sql_type element, int32_t typmod)
{
    skip(r);
    if (r->at < r->text.size && r->text.data[r->at] == '[') return other_shape(r->diag);
    if (r->at == r->text.size || r->text.data[r->at] != '{')
        return malformed(r, "Array value must start with \"{\" or dimension information.");
    r->at++;
    skip(r);
    if (r->at < r->text.size && r->text.data[r->at] == '}')
        r->at++;
    else
        TRY(read_elements(r, out, a, element, typmod));
    array_end(out);
    skip(r);
    return r->at == r->text.size ? ST_OK : malformed(r, "Junk after closing right brace.");
}

/* The buffer's bytes as the value, or why not. */
static enum status keep(struct sql_value *v, struct arena *a, struct buf *out, struct diag *d)
{
    enum status st = buf_status(out);
    if (st == ST_OK)
        st = sql_value_take(v, a, buf_span(out), d);
    else if (st == ST_LIMIT)
        diag_set(d, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    return st;
}

static enum status array_parse(
    struct sql_value *v, struct arena *a, int32_t typmod, struct span text, struct diag *d)
{
    struct reader r = {.text = text, .diag = d};
    struct buf out;
    buf_init(&out, a->mem, SQL_VALUE_MAX);
    enum status st = parse_into(&r, &out, a, sql_type_info(v->type)->element, typmod);
    if (st == ST_OK) st = keep(v, a, &out, d);
    buf_fini(&out);
    return st;
}

static bool needs_quotes(struct span s)
{
    if (s.size == 0 || is_null_word(s)) return true;
    for (size_t i = 0; i < s.size; i++) {
        const uint8_t c = s.data[i];
        if (c == '{' || c == '}' || c == ',' || c == '"' || c == '\\' || is_blank(c)) return true;
    }
    return false;
}

static void put_token(struct buf *out, struct span s)
{
    if (!needs_quotes(s)) {
        buf_put(out, s);
        return;
    }
    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.size; i++) {
        if (s.data[i] == '"' || s.data[i] == '\\') buf_put_u8(out, '\\');
        buf_put_u8(out, s.data[i]);
    }
    buf_put_u8(out, '"');
}

static void array_print(struct buf *out, const struct sql_value *v)
{
    struct arena a;
    struct sql_value e;
    struct buf text;
    arena_init(&a, mem_system(), 0);
    buf_init(&text, mem_system(), 0);
    struct array_reader r = array_read(v->bytes, sql_type_info(v->type)->element, &a);
    buf_put_u8(out, '{');
    for (bool is_first = true; array_next(&r, &e); is_first = false) {
        if (!is_first) buf_put_u8(out, ',');
        if (e.is_null) {
            buf_put_text(out, "NULL");
            continue;
        }
        buf_reset(&text);
        sql_value_print(&text, &e, -1);
        put_token(out, buf_span(&text));
    }
    buf_put_u8(out, '}');
    buf_fini(&text);
    arena_fini(&a);
}

/* --- binary -------------------------------------------------------------------------------- */

static enum status bad_binary(struct diag *d)
{
    diag_set(d, "22P03", "incorrect binary data format");
    return ST_INVALID;
}

static enum status receive_into(
    struct buf *out, struct span bytes, enum sql_type element, struct arena *a, struct diag *d)
{
    if (bytes.size < 12) return bad_binary(d);
    const uint32_t dimensions = get_u32_be(bytes.data);
    if (get_u32_be(bytes.data + 8) != (uint32_t)element) {
        diag_set(d, "42804", "binary data has array element type %u instead of expected %u",
                 get_u32_be(bytes.data + 8), (unsigned)element);
        return ST_INVALID;
    }
    if (dimensions > 1) return other_shape(d);
    if (dimensions == 0) {
        array_end(out);
        return bytes.size == 12 ? ST_OK : bad_binary(d);
    }
    if (bytes.size < 20) return bad_binary(d);
    const uint32_t count = get_u32_be(bytes.data + 12);
    if (get_u32_be(bytes.data + 16) != 1) return other_shape(d);
    struct span rest = after(bytes, 20);
    for (uint32_t i = 0; i < count; i++) {
        struct sql_value v = {.type = element};
        if (rest.size < 4) return bad_binary(d);
        const int32_t size = (int32_t)get_u32_be(rest.data);
        rest = after(rest, 4);
        v.is_null = size < 0;
        if (!v.is_null && (size_t)size > rest.size) return bad_binary(d);
        if (!v.is_null) {
            TRY(sql_value_receive(&v, a, element, span_of(rest.data, (size_t)size), d));
            rest = after(rest, (size_t)size);
        }
        array_put(out, &v);
    }
    array_end(out);
    return rest.size == 0 ? ST_OK : bad_binary(d);
}

static enum status array_receive(struct sql_value *v,
                                 struct arena *a,
                                 struct span bytes,
                                 struct diag *d)
{
    struct buf out;
    buf_init(&out, a->mem, SQL_VALUE_MAX);
    enum status st = receive_into(&out, bytes, sql_type_info(v->type)->element, a, d);
    if (st == ST_OK) st = keep(v, a, &out, d);
    buf_fini(&out);
    return st;
}

static void array_send(struct buf *out, const struct sql_value *v)
{
    const enum sql_type element = sql_type_info(v->type)->element;
    const int64_t count = array_count(v->bytes, element);
    struct arena a;
    struct sql_value e;
    struct buf bytes;
    must(count >= 0);
    arena_init(&a, mem_system(), 0);
    buf_init(&bytes, mem_system(), 0);
    uint32_t nulls = 0;
    struct array_reader r = array_read(v->bytes, element, &a);
    while (array_next(&r, &e))
        nulls = nulls != 0 || e.is_null ? 1 : 0;
    buf_put_u32_be(out, count > 0 ? 1 : 0);
    buf_put_u32_be(out, nulls);
    buf_put_u32_be(out, (uint32_t)element);
    if (count > 0) {
        buf_put_u32_be(out, (uint32_t)count);
        buf_put_u32_be(out, 1);
    }
    r = array_read(v->bytes, element, &a);
    while (array_next(&r, &e)) {
        if (e.is_null) {
            buf_put_u32_be(out, UINT32_MAX);
            continue;
        }
        buf_reset(&bytes);
        sql_value_send(&bytes, &e, -1);
        buf_put_u32_be(out, (uint32_t)bytes.size);
        buf_put(out, buf_span(&bytes));
    }
    buf_fini(&bytes);
    arena_fini(&a);
}

/* Kept as 0, so that equal arrays are equal bytes. */
static bool is_minus_zero(const struct sql_value *v)
{
    return (v->type == SQL_FLOAT4 || v->type == SQL_FLOAT8) && v->integer == -1;
}

static bool array_is_valid(const struct sql_value *v)
{
    const struct sql_type_info *element = sql_type_info(sql_type_info(v->type)->element);
    struct arena a;
    struct sql_value e;
    bool is_valid = true;
    arena_init(&a, mem_system(), 0);
    struct array_reader r = array_read(v->bytes, element->type, &a);
    while (is_valid && array_next(&r, &e))
        is_valid = e.is_null || (element->codec->is_valid(&e) && !is_minus_zero(&e));
    arena_fini(&a);
    return is_valid && !r.is_damaged;
}

const struct sql_codec codec_array = {array_parse, array_print, array_receive, array_send,
                                      array_is_valid};
