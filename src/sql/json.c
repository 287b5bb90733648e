/* json.c - Reading, printing and comparing JSON. */
#include "sql/json.h"

#include "base/must.h"
#include "sql/numeric.h"
#include "sql/value_int.h"

struct reader {
    struct span text;
    size_t at;
    uint32_t depth;
    struct arena *arena;
    struct diag *diag;
};

static enum status read_value(struct reader *r, struct json **out);
static enum status read_string(struct reader *r, struct span *out);

static enum status malformed(const struct reader *r)
{
    diag_set(r->diag, "22P02", "invalid input syntax for type json");
    if (r->at >= r->text.size)
        diag_detail(r->diag, "The input string ended unexpectedly.");
    else
        diag_detail(r->diag, "Token \"%.*s\" is invalid.", (int)sql_char_size(r->text.data[r->at]),
                    (const char *)r->text.data + r->at);
    return ST_INVALID;
}

static void skip(struct reader *r)
{
    while (r->at < r->text.size && (r->text.data[r->at] == ' ' || r->text.data[r->at] == '\t' ||
                                    r->text.data[r->at] == '\n' || r->text.data[r->at] == '\r'))
        r->at++;
}

static bool is_at(const struct reader *r, char c)
{
    return r->at < r->text.size && r->text.data[r->at] == (uint8_t)c;
}

static bool is_digit(const struct reader *r)
{
    return r->at < r->text.size && r->text.data[r->at] >= '0' && r->text.data[r->at] <= '9';
}

enum status json_parse(struct json **out, struct arena *a, struct span text, struct diag *d)
{
    struct reader r = {.text = text, .arena = a, .diag = d};
    TRY(read_value(&r, out));
    skip(&r);
    return r.at == text.size ? ST_OK : malformed(&r);
}

struct json *json_read(struct arena *a, struct span text)
{
    struct json *out = NULL;
    struct diag unused;
    return json_parse(&out, a, text, &unused) == ST_OK ? out : NULL;
}

static enum status read_number(struct reader *r, struct json *j)
{
    const size_t start = r->at;
    if (is_at(r, '-')) r->at++;
    if (!is_digit(r)) return malformed(r);
    if (is_at(r, '0'))
        r->at++;
    else
        while (is_digit(r))
            r->at++;
    if (is_at(r, '.')) {
        r->at++;
        if (!is_digit(r)) return malformed(r);
        while (is_digit(r))
            r->at++;
    }
    if (is_at(r, 'e') || is_at(r, 'E')) {
        r->at++;
        if (is_at(r, '+') || is_at(r, '-')) r->at++;
        if (!is_digit(r)) return malformed(r);
        while (is_digit(r))
            r->at++;
    }
    const uint8_t next = r->at < r->text.size ? r->text.data[r->at] : ' ';
    if ((next | 0x20) >= 'a' && (next | 0x20) <= 'z') return malformed(r);
    if (is_digit(r)) return malformed(r);
    j->kind = JSON_NUMBER;
    j->string = span_of(r->text.data + start, r->at - start);
    return ST_OK;
}

static bool hex4(const struct reader *r, size_t at, uint32_t *out)
{
    *out = 0;
    if (r->text.size - at < 4) return false;
    for (size_t i = 0; i < 4; i++) {
        const int digit = sql_hex_digit(r->text.data[at + i]);
        if (digit < 0) return false;
        *out = *out * 16 + (uint32_t)digit;
    }
    return true;
}

static size_t put_utf8(uint8_t *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (uint8_t)(0xC0 | code >> 6);
        to[1] = (uint8_t)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (uint8_t)(0xE0 | code >> 12);
        to[1] = (uint8_t)(0x80 | (code >> 6 & 63));
        to[2] = (uint8_t)(0x80 | (code & 63));
        return 3;
    }
    to[0] = (uint8_t)(0xF0 | code >> 18);
    to[1] = (uint8_t)(0x80 | (code >> 12 & 63));
    to[2] = (uint8_t)(0x80 | (code >> 6 & 63));
    to[3] = (uint8_t)(0x80 | (code & 63));
    return 4;
}

/* \uXXXX, with a second one for the upper planes. */
static enum status read_unicode(struct reader *r, uint8_t *to, size_t *size)
{
    uint32_t code = 0;
    uint32_t low = 0;
    if (!hex4(r, r->at, &code)) return malformed(r);
    r->at += 4;
    if (code == 0) {
        diag_set(r->diag, "22P05", "unsupported Unicode escape sequence");
        diag_detail(r->diag, "\\u0000 cannot be converted to text.");
        return ST_INVALID;
    }
    if (code >= 0xDC00 && code <= 0xDFFF) return malformed(r);
    if (code >= 0xD800 && code <= 0xDBFF) {
        if (!is_at(r, '\\') || r->at + 1 >= r->text.size || r->text.data[r->at + 1] != 'u')
            return malformed(r);
        r->at += 2;
        if (!hex4(r, r->at, &low) || low < 0xDC00 || low > 0xDFFF) return malformed(r);
        r->at += 4;
        code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
    }
    *size += put_utf8(to + *size, code);
    return ST_OK;
}

static enum status read_string(struct reader *r, struct span *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    r->at++;
    size_t end = r->at;
    while (end < r->text.size && r->text.data[end] != '"')
        end += r->text.data[end] == '\\' ? 2 : 1;
    if (end >= r->text.size) {
        r->at = r->text.size;
        return malformed(r);
    }
    uint8_t *copy = arena_alloc(r->arena, end - r->at + 1);
    if (copy == NULL) return ST_NO_MEMORY;
    size_t size = 0;
    while (r->text.data[r->at] != '"') {
        const uint8_t c = r->text.data[r->at++];
        if (c < 0x20) {
            r->at--;
            return malformed(r);
        }
        if (c != '\\') {
            copy[size++] = c;
            continue;
        }
        const uint8_t escape = r->text.data[r->at++];
        if (escape == 'u') {
            TRY(read_unicode(r, copy, &size));
            continue;
        }
        const char *found = escape == 0 ? NULL : strchr(from, escape);
        if (found == NULL) return malformed(r);
        copy[size++] = (uint8_t)to[found - from];
    }
    r->at++;
    *out = span_of(copy, size);
    return ST_OK;
}

static enum status read_items(struct reader *r, struct json *j, char close)
{
    struct json **last = &j->first;
    r->at++;
    skip(r);
    if (is_at(r, close)) {
        r->at++;
        return ST_OK;
    }
    for (;;) {
        struct span key = span_of("", 0);
        skip(r);
        if (close == '}') {
            if (!is_at(r, '"')) return malformed(r);
            TRY(read_string(r, &key));
            skip(r);
            if (!is_at(r, ':')) return malformed(r);
            r->at++;
        }
        TRY(read_value(r, last));
        (*last)->key = key;
        last = &(*last)->next;
        j->count++;
        skip(r);
        if (is_at(r, close)) break;
        if (!is_at(r, ',')) return malformed(r);
        r->at++;
    }
    r->at++;
    return ST_OK;
}

static bool take_word(struct reader *r, const char *word)
{
    const size_t size = strlen(word);
    if (r->text.size - r->at < size || memcmp(r->text.data + r->at, word, size) != 0) return false;
    const uint8_t next = r->at + size < r->text.size ? r->text.data[r->at + size] : ' ';
    if ((next | 0x20) >= 'a' && (next | 0x20) <= 'z') return false;
    r->at += size;
    return true;
}

static enum status read_word(struct reader *r, struct json *j)
{
    if (take_word(r, "null")) {
        j->kind = JSON_NULL;
        return ST_OK;
    }
    j->kind = JSON_BOOL;
    j->is_true = take_word(r, "true");
    return j->is_true || take_word(r, "false") ? ST_OK : malformed(r);
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static enum status read_value(struct reader *r, struct json **out)
{
    skip(r);
    if (r->at == r->text.size) return malformed(r);
    if (++r->depth > JSON_DEPTH_MAX) {
        diag_set(r->diag, "54001", "a JSON value is nested more than %u levels", JSON_DEPTH_MAX);
        return ST_LIMIT;
    }
    struct json *j = arena_alloc_zero(r->arena, 1, sizeof *j);
    if (j == NULL) return ST_NO_MEMORY;
    const size_t start = r->at;
    const uint8_t c = r->text.data[r->at];
    enum status st = ST_OK;
    if (c == '{') {
        j->kind = JSON_OBJECT;
        st = read_items(r, j, '}');
    } else if (c == '[') {
        j->kind = JSON_ARRAY;
        st = read_items(r, j, ']');
    } else if (c == '"') {
        j->kind = JSON_STRING;
        st = read_string(r, &j->string);
    } else if (c == '-' || is_digit(r)) {
        st = read_number(r, j);
    } else {
        st = read_word(r, j);
    }
    j->raw = span_of(r->text.data + start, r->at - start);
    r->depth--;
    *out = j;
    return st;
}

/* --- jsonb --------------------------------------------------------------------------------- */

static int compare_keys(struct span a, struct span b)
{
    if (a.size != b.size) return a.size < b.size ? -1 : 1;
    return a.size == 0 ? 0 : memcmp(a.data, b.data, a.size);
}

/* Merge sort of the members, stable, so that of equal keys the last stays last. */
static struct json *sorted(struct json *list, uint32_t count)
{
    if (count < 2) {
        if (list != NULL) list->next = NULL;
        return list;
    }
    struct json *tail_of_a = list;
    must(list != NULL);
    for (uint32_t i = 1; i < count / 2; i++) {
        tail_of_a = tail_of_a->next;
        must(tail_of_a != NULL);
    }
    struct json *b = tail_of_a->next;
    tail_of_a->next = NULL;
    struct json *a = sorted(list, count / 2);
    b = sorted(b, count - count / 2);
    struct json *out = NULL;
    struct json **last = &out;
    while (a != NULL || b != NULL) {
        const bool takes_a = b == NULL || (a != NULL && compare_keys(a->key, b->key) <= 0);
        struct json **from = takes_a ? &a : &b;
        *last = *from;
        *from = (*from)->next;
        last = &(*last)->next;
    }
    *last = NULL;
    return out;
}

enum status json_normalize(struct json *j, struct arena *a, struct diag *d)
{
    if (j->kind == JSON_NUMBER) {
        struct numeric n;
        struct buf text;
        TRY(numeric_from_text(&n, j->string, d));
        buf_init(&text, a->mem, 0);
        numeric_to_text(&text, numeric_span(&n));
        enum status st = buf_status(&text);
        if (st == ST_OK) {
            j->string = arena_copy(a, buf_span(&text));
            if (j->string.data == NULL) st = ST_NO_MEMORY;
        }
        buf_fini(&text);
        return st;
    }
    for (struct json *i = j->first; i != NULL; i = i->next)
        TRY(json_normalize(i, a, d));
    if (j->kind != JSON_OBJECT) return ST_OK;
    j->first = sorted(j->first, j->count);
    for (struct json **i = &j->first; *i != NULL;) {
        const bool is_again = (*i)->next != NULL && span_equal((*i)->key, (*i)->next->key);
        if (is_again) {
            *i = (*i)->next;
            j->count--;
        } else {
            i = &(*i)->next;
        }
    }
    return ST_OK;
}

void json_put_string(struct buf *out, struct span text)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    buf_put_u8(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        const char *found = c == 0 ? NULL : strchr(from, c);
        if (found != NULL) {
            buf_put_u8(out, '\\');
            buf_put_u8(out, (uint8_t)to[found - from]);
        } else if (c < 0x20) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_put_u8(out, c);
        }
    }
    buf_put_u8(out, '"');
}

static void put_scalar(struct buf *out, const struct json *j)
{
    if (j->kind == JSON_NULL) buf_put_text(out, "null");
    if (j->kind == JSON_BOOL) buf_put_text(out, j->is_true ? "true" : "false");
    if (j->kind == JSON_NUMBER) buf_put(out, j->string);
    if (j->kind == JSON_STRING) json_put_string(out, j->string);
}

static void put_value(struct buf *out, const struct json *j, bool is_pretty, uint32_t depth);

static void put_break(struct buf *out, uint32_t depth)
{
    buf_put_u8(out, '\n');
    for (uint32_t i = 0; i < depth; i++)
        buf_put_text(out, "    ");
}

static void put_items(struct buf *out, const struct json *j, bool is_pretty, uint32_t depth)
{
    buf_put_u8(out, j->kind == JSON_ARRAY ? '[' : '{');
    for (const struct json *i = j->first; i != NULL; i = i->next) {
        if (i != j->first) buf_put_text(out, is_pretty ? "," : ", ");
        if (is_pretty) put_break(out, depth + 1);
        if (j->kind == JSON_OBJECT) {
            json_put_string(out, i->key);
            buf_put_text(out, ": ");
        }
        put_value(out, i, is_pretty, depth + 1);
    }
    if (is_pretty) put_break(out, depth);
    buf_put_u8(out, j->kind == JSON_ARRAY ? ']' : '}');
}

static void put_value(struct buf *out, const struct json *j, bool is_pretty, uint32_t depth)
{
    if (j->kind == JSON_ARRAY || j->kind == JSON_OBJECT)
        put_items(out, j, is_pretty, depth);
    else
        put_scalar(out, j);
}

void json_print(struct buf *out, const struct json *j)
{
    put_value(out, j, false, 0);
}

void json_pretty(struct buf *out, const struct json *j)
{
    put_value(out, j, true, 0);
}

struct json *json_member(const struct json *j, struct span key)
{
    struct json *found = NULL;
    if (j == NULL || j->kind != JSON_OBJECT) return NULL;
    for (struct json *i = j->first; i != NULL; i = i->next)
        if (span_equal(i->key, key)) found = i;
    return found;
}

struct json *json_element(const struct json *j, int64_t index)
{
    if (j == NULL || j->kind != JSON_ARRAY) return NULL;
    if (index < 0) index += j->count;
    if (index < 0 || index >= j->count) return NULL;
    struct json *i = j->first;
    for (; index > 0; index--)
        i = i->next;
    return i;
}

/* --- order --------------------------------------------------------------------------------- */

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

static int compare_numbers(const struct json *a, const struct json *b)
{
    struct numeric x;
    struct numeric y;
    struct diag unused;
    const bool is_right = numeric_from_text(&x, a->string, &unused) == ST_OK &&
                          numeric_from_text(&y, b->string, &unused) == ST_OK;
    return is_right ? numeric_compare(numeric_span(&x), numeric_span(&y)) : 0;
}

static int compare_inner(const struct json *a, const struct json *b)
{
    if (a->kind != b->kind) return a->kind > b->kind ? 1 : -1;
    switch (a->kind) {
    case JSON_NULL: return 0;
    case JSON_STRING: return sign_of(span_compare(a->string, b->string));
    case JSON_NUMBER: return compare_numbers(a, b);
    case JSON_BOOL: return (int)a->is_true - (int)b->is_true;
    case JSON_ARRAY:
    case JSON_OBJECT: break;
    }
    if (a->count != b->count) return a->count > b->count ? 1 : -1;
    const struct json *y = b->first;
    for (const struct json *x = a->first; x != NULL && y != NULL; x = x->next, y = y->next) {
        int order = a->kind == JSON_OBJECT ? sign_of(span_compare(x->key, y->key)) : 0;
        if (order == 0) order = compare_inner(x, y);
        if (order != 0) return order;
    }
    return 0;
}

/* A scalar by itself stands as an array of one, below arrays of one. */
int json_compare(const struct json *a, const struct json *b)
{
    const bool is_a = a->kind < JSON_ARRAY;
    const bool is_b = b->kind < JSON_ARRAY;
    if (is_a == is_b) return compare_inner(a, b);
    const struct json *other = is_a ? b : a;
    const int order = other->kind == JSON_OBJECT || other->count > 0 ? -1 : 1;
    return is_a ? order : -order;
}

static bool has_equal_scalar(const struct json *array, const struct json *what)
{
    for (const struct json *i = array->first; i != NULL; i = i->next)
        if (i->kind == what->kind && i->kind < JSON_ARRAY && compare_inner(i, what) == 0)
            return true;
    return false;
}

static bool contains_inner(const struct json *a, const struct json *b)
{
    if (a->kind != b->kind) return false;
    if (a->kind < JSON_ARRAY) return compare_inner(a, b) == 0;
    for (const struct json *i = b->first; i != NULL; i = i->next) {
        if (a->kind == JSON_OBJECT) {
            const struct json *own = json_member(a, i->key);
            if (own == NULL || !contains_inner(own, i)) return false;
        } else if (i->kind < JSON_ARRAY) {
            if (!has_equal_scalar(a, i)) return false;
        } else {
            bool is_in = false;
            for (const struct json *k = a->first; k != NULL && !is_in; k = k->next)
                is_in = contains_inner(k, i);
            if (!is_in) return false;
        }
    }
    return true;
}

bool json_contains(const struct json *a, const struct json *b)
{
    if (a->kind == JSON_ARRAY && b->kind < JSON_ARRAY) return has_equal_scalar(a, b);
    return contains_inner(a, b);
}
