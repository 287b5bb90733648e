/* value_text.c - Text forms of bool, integers, bytea and text, with PostgreSQL's messages. */
#include "base/must.h"
#include "codec/cbor.h"
#include "sql/value_int.h"

#define TYPMOD_OFFSET 4

static bool is_blank(uint8_t c);
static struct span trim_blanks(struct span text);
static int shown(struct span text);
static bool word_matches(struct span text, const char *word, size_t size_min);
static enum status bad_int(enum sql_type type, struct span text, bool is_range, struct diag *d);
static bool is_octal(struct span text, size_t at);

enum status sql_bool_parse(int64_t *out, struct span text, struct diag *d)
{
    static const struct {
        const char *word;
        size_t size_min; /* Shorter would be ambiguous. */
        int64_t value;
    } words[] = {{"true", 1, 1}, {"false", 1, 0}, {"yes", 1, 1}, {"no", 1, 0},
                 {"on", 2, 1},   {"off", 2, 0},   {"1", 1, 1},   {"0", 1, 0}};
    const struct span word = trim_blanks(text);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!word_matches(word, words[i].word, words[i].size_min)) continue;
        *out = words[i].value;
        return ST_OK;
    }
    diag_set(d, "22P02", "invalid input syntax for type boolean: \"%.*s\"", shown(text),
             (const char *)text.data);
    return ST_INVALID;
}

enum status sql_int_parse(int64_t *out, enum sql_type type, struct span text, struct diag *d)
{
    const struct span number = trim_blanks(text);
    size_t at = 0;
    const bool is_negative = number.size > 0 && number.data[0] == '-';
    if (number.size > 0 && (number.data[0] == '-' || number.data[0] == '+')) at++;
    if (at == number.size) return bad_int(type, text, false, d);
    const int64_t min = type == SQL_INT2 ? INT16_MIN : (type == SQL_INT4 ? INT32_MIN : INT64_MIN);
    int64_t value = 0; /* Negative, as its range is the larger. */
    for (; at < number.size; at++) {
        const uint8_t c = number.data[at];
        if (c < '0' || c > '9') return bad_int(type, text, false, d);
        const bool is_over = __builtin_mul_overflow(value, 10, &value) ||
                             __builtin_sub_overflow(value, c - '0', &value);
        if (is_over || value < min) return bad_int(type, text, true, d);
    }
    if (!is_negative && value == min) return bad_int(type, text, true, d);
    if (!is_negative) value = -value;
    *out = value;
    return ST_OK;
}

void sql_int_print(struct buf *out, int64_t value)
{
    uint8_t text[20];
    size_t at = sizeof text;
    uint64_t size = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
    do {
        text[--at] = (uint8_t)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    if (value < 0) text[--at] = '-';
    buf_put(out, span_of(text + at, sizeof text - at));
}

enum status sql_bytea_parse(uint8_t *to, size_t *size, struct span text, struct diag *d)
{
    *size = 0;
    if (text.size >= 2 && text.data[0] == '\\' && text.data[1] == 'x')
        return sql_hex_parse(to, size, span_of(text.data + 2, text.size - 2), d);
    return sql_escape_parse(to, size, text, d);
}

void sql_bytea_print(struct buf *out, struct span bytes)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *to = buf_extend(out, 2 + 2 * bytes.size);
    if (to == NULL) return;
    to[0] = '\\';
    to[1] = 'x';
    for (size_t i = 0; i < bytes.size; i++) {
        to[2 + 2 * i] = (uint8_t)hex[bytes.data[i] >> 4];
        to[3 + 2 * i] = (uint8_t)hex[bytes.data[i] & 15];
    }
}

enum status sql_text_check(struct span text, struct diag *d)
{
    if (utf8_valid(text) && (text.size == 0 || memchr(text.data, 0, text.size) == NULL))
        return ST_OK;
    size_t at = 0; /* The first character that is wrong. */
    size_t size = 1;
    for (; at < text.size; at += size) {
        size = sql_char_size(text.data[at]);
        if (text.data[at] == 0 || size > text.size - at) break;
        if (!utf8_valid(span_of(text.data + at, size))) break;
    }
    must(at < text.size);
    if (text.data[at] >= 0xF8 || (text.data[at] & 0xC0) == 0x80) size = 1;
    if (size > text.size - at) size = text.size - at;
    char bytes[4 * 5 + 1] = "";
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        static const char hex[] = "0123456789abcdef";
        if (i > 0) bytes[used++] = ' ';
        bytes[used++] = '0';
        bytes[used++] = 'x';
        bytes[used++] = hex[text.data[at + i] >> 4];
        bytes[used++] = hex[text.data[at + i] & 15];
    }
    bytes[used] = 0;
    diag_set(d, "22021", "invalid byte sequence for encoding \"UTF8\": %s", bytes);
    return ST_INVALID;
}

enum status sql_text_fit(struct span *text, int32_t typmod, struct diag *d)
{
    if (typmod < TYPMOD_OFFSET) return ST_OK;
    const size_t keep = sql_text_prefix(*text, (size_t)(typmod - TYPMOD_OFFSET));
    for (size_t i = keep; i < text->size; i++) {
        if (text->data[i] == ' ') continue;
        diag_set(d, "22001", "value too long for type character varying(%d)",
                 (int)(typmod - TYPMOD_OFFSET));
        return ST_INVALID;
    }
    text->size = keep;
    return ST_OK;
}

size_t sql_text_prefix(struct span text, size_t count)
{
    size_t at = 0;
    for (; at < text.size && count > 0; count--)
        at += sql_char_size(text.data[at]);
    return at < text.size ? at : text.size;
}

size_t sql_text_length(struct span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xC0) != 0x80 ? 1 : 0;
    return count;
}

int sql_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trim_blanks(struct span text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        text = span_of(text.data + 1, text.size - 1);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

static int shown(struct span text)
{
    return (int)(text.size < DIAG_TEXT_MAX ? text.size : DIAG_TEXT_MAX);
}

/* A prefix of word, of at least size_min letters, in any case. */
static bool word_matches(struct span text, const char *word, size_t size_min)
{
    if (text.size < size_min || text.size > strlen(word)) return false;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        const uint8_t lower = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
        if (lower != (uint8_t)word[i]) return false;
    }
    return true;
}

static enum status bad_int(enum sql_type type, struct span text, bool is_range, struct diag *d)
{
    char name[64];
    sql_type_name(name, type, -1);
    if (is_range)
        diag_set(d, "22003", "value \"%.*s\" is out of range for type %s", shown(text),
                 (const char *)text.data, name);
    else
        diag_set(d, "22P02", "invalid input syntax for type %s: \"%.*s\"", name, shown(text),
                 (const char *)text.data);
    return ST_INVALID;
}

enum status sql_hex_parse(uint8_t *to, size_t *size, struct span text, struct diag *d)
{
    for (size_t at = 0; at < text.size;) {
        const uint8_t c = text.data[at];
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            at++;
            continue;
        }
        if (sql_hex_digit(c) >= 0 && at + 1 == text.size) {
            diag_set(d, "22023", "invalid hexadecimal data: odd number of digits");
            return ST_INVALID;
        }
        const size_t wrong = sql_hex_digit(c) < 0 ? at : at + 1;
        if (sql_hex_digit(text.data[wrong]) < 0) {
            diag_set(d, "22023", "invalid hexadecimal digit: \"%.*s\"",
                     (int)sql_char_size(text.data[wrong]), (const char *)text.data + wrong);
            return ST_INVALID;
        }
        to[(*size)++] = (uint8_t)(sql_hex_digit(c) << 4 | sql_hex_digit(text.data[at + 1]));
        at += 2;
    }
    return ST_OK;
}

enum status sql_escape_parse(uint8_t *to, size_t *size, struct span text, struct diag *d)
{
    for (size_t at = 0; at < text.size;) {
        if (text.data[at] != '\\') {
            to[(*size)++] = text.data[at++];
        } else if (is_octal(text, at)) {
            to[(*size)++] = (uint8_t)((text.data[at + 1] - '0') << 6 |
                                      (text.data[at + 2] - '0') << 3 | (text.data[at + 3] - '0'));
            at += 4;
        } else if (at + 1 < text.size && text.data[at + 1] == '\\') {
            to[(*size)++] = '\\';
            at += 2;
        } else {
            diag_set(d, "22P02", "invalid input syntax for type bytea");
            return ST_INVALID;
        }
    }
    return ST_OK;
}

/* \000 … \377 */
static bool is_octal(struct span text, size_t at)
{
    if (text.size - at < 4) return false;
    const uint8_t *c = text.data + at;
    return c[1] >= '0' && c[1] <= '3' && c[2] >= '0' && c[2] <= '7' && c[3] >= '0' && c[3] <= '7';
}
