/* func_text.c - Text functions that look at or rebuild whole texts: length, case, concatenation,
 * translation. Characters are UTF-8; case is that of collation "C": ASCII letters only. */
#include "base/must.h"
#include "sql/function_int.h"
#include "sql/value_int.h"

#define CODE_POINT_MAX 0x10FFFFu

enum letter_case { CASE_LOWER, CASE_UPPER, CASE_INITIAL };

static void change_case(sqlite3_context *c, int count, sqlite3_value **args, enum letter_case to);
static void join(sqlite3_context *c, int count, sqlite3_value **args, struct span separator);
static void extreme(sqlite3_context *c, int count, sqlite3_value **args, bool is_greatest);
static uint32_t decode_char(const uint8_t *at);
static size_t encode_char(uint8_t *to, uint32_t code);
static const uint8_t *find_char(struct span text, const uint8_t *wanted, size_t *index);

static void text_length(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args))
        sqlite3_result_int64(c, (int64_t)sql_text_length(function_bytes(args[0])));
}

static void text_octets(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (sqlite3_value_type(args[0]) == SQLITE_NULL) return;
    must(count == 1);
    sqlite3_result_int64(c, sqlite3_value_bytes(args[0]));
}

static void text_lower(sqlite3_context *c, int count, sqlite3_value **args)
{
    change_case(c, count, args, CASE_LOWER);
}

static void text_upper(sqlite3_context *c, int count, sqlite3_value **args)
{
    change_case(c, count, args, CASE_UPPER);
}

static void text_initcap(sqlite3_context *c, int count, sqlite3_value **args)
{
    change_case(c, count, args, CASE_INITIAL);
}

static void text_cat(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args)) join(c, count, args, span_of("", 0));
}

static void text_concat(sqlite3_context *c, int count, sqlite3_value **args)
{
    join(c, count, args, span_of("", 0));
}

static void text_concat_ws(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count >= 1);
    if (function_begin(c, 1, args)) join(c, count - 1, args + 1, function_bytes(args[0]));
}

static void text_reverse(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    uint8_t *out = function_alloc(c, text.size);
    if (out == NULL) return;
    for (size_t at = 0; at < text.size;) {
        const size_t size = sql_char_size(text.data[at]);
        must(at + size <= text.size);
        memcpy(out + text.size - at - size, text.data + at, size);
        at += size;
    }
    function_take_text(c, out, text.size);
}

static bool is_doubled(uint8_t c)
{
    return c == '\'' || c == '\\';
}

/* As a constant in a statement: quotes and backslashes stand twice, and E in front tells that
 * there are backslashes. */
static void text_quote_literal(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    size_t doubled = 0;
    bool is_escaped = false;
    for (size_t i = 0; i < text.size; i++) {
        if (is_doubled(text.data[i])) doubled++;
        if (text.data[i] == '\\') is_escaped = true;
    }
    const size_t size = text.size + doubled + (is_escaped ? 3 : 2);
    uint8_t *out = function_alloc(c, size);
    if (out == NULL) return;
    size_t at = 0;
    if (is_escaped) out[at++] = 'E';
    out[at++] = '\'';
    for (size_t i = 0; i < text.size; i++) {
        if (is_doubled(text.data[i])) out[at++] = text.data[i];
        out[at++] = text.data[i];
    }
    out[at++] = '\'';
    must(at == size);
    function_take_text(c, out, size);
}

static void text_repeat(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    const int32_t times = function_int4(args[1]) > 0 ? function_int4(args[1]) : 0;
    const size_t size = text.size * (size_t)times; /* Both below 2^31. */
    uint8_t *out = function_alloc(c, size);
    if (out == NULL) return;
    for (size_t at = 0; at < size; at += text.size)
        memcpy(out + at, text.data, text.size);
    function_take_text(c, out, size);
}

/* Each character of the second argument becomes the one at its place in the third, or vanishes. */
static void text_translate(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    const struct span from = function_bytes(args[1]);
    const struct span to = function_bytes(args[2]);
    if (!function_charge(c, text.size * (from.size + 1))) return;
    uint8_t *out = function_alloc(c, text.size > SQL_VALUE_MAX / 4 ? SQL_VALUE_MAX : 4 * text.size);
    if (out == NULL) return;
    size_t size = 0;
    for (size_t at = 0; at < text.size; at += sql_char_size(text.data[at])) {
        size_t index = 0;
        const uint8_t *put = text.data + at;
        if (find_char(from, put, &index) != NULL) {
            const size_t place = sql_text_prefix(to, index);
            put = place < to.size ? to.data + place : NULL;
        }
        if (put == NULL) continue;
        const size_t width = sql_char_size(*put);
        if (size + width > SQL_VALUE_MAX) {
            sqlite3_free(out);
            function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
            return;
        }
        memcpy(out + size, put, width);
        size += width;
    }
    function_take_text(c, out, size);
}

static void text_ascii(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    sqlite3_result_int64(c, text.size == 0 ? 0 : decode_char(text.data));
}

static void text_chr(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const int32_t code = function_int4(args[0]);
    uint8_t out[4];
    if (code < 0)
        function_fail(c, "22023", "character number must be positive");
    else if (code == 0)
        function_fail(c, "54000", "null character not permitted");
    else if ((uint32_t)code > CODE_POINT_MAX)
        function_fail(c, "54000", "requested character too large for encoding: %u", (unsigned)code);
    else if (code >= 0xD800 && code <= 0xDFFF)
        function_fail(c, "54000", "requested character not valid for encoding: %u", (unsigned)code);
    else
        function_return_text(c, span_of(out, encode_char(out, (uint32_t)code)));
}

static void text_greatest(sqlite3_context *c, int count, sqlite3_value **args)
{
    extreme(c, count, args, true);
}

static void text_least(sqlite3_context *c, int count, sqlite3_value **args)
{
    extreme(c, count, args, false);
}

const struct native function_texts[] = {
    {.name = "text_length", .args = 1, .call = text_length},
    {.name = "text_octets", .args = 1, .call = text_octets},
    {.name = "text_lower", .args = 1, .call = text_lower},
    {.name = "text_upper", .args = 1, .call = text_upper},
    {.name = "text_initcap", .args = 1, .call = text_initcap},
    {.name = "text_cat", .args = -1, .call = text_cat},
    {.name = "text_concat", .args = -1, .call = text_concat},
    {.name = "text_concat_ws", .args = -1, .call = text_concat_ws},
    {.name = "text_reverse", .args = 1, .call = text_reverse},
    {.name = "text_quote_literal", .args = 1, .call = text_quote_literal},
    {.name = "text_repeat", .args = 2, .call = text_repeat},
    {.name = "text_translate", .args = 3, .call = text_translate},
    {.name = "text_ascii", .args = 1, .call = text_ascii},
    {.name = "text_chr", .args = 1, .call = text_chr},
    {.name = "text_greatest", .args = -1, .call = text_greatest},
    {.name = "text_least", .args = -1, .call = text_least},
    {.name = "bytea_greatest", .args = -1, .call = text_greatest},
    {.name = "bytea_least", .args = -1, .call = text_least},
    {.name = NULL},
};

static void change_case(sqlite3_context *c, int count, sqlite3_value **args, enum letter_case to)
{
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    uint8_t *out = function_alloc(c, text.size);
    if (out == NULL) return;
    bool is_in_word = false;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t b = text.data[i];
        const bool is_upper = b >= 'A' && b <= 'Z';
        const bool is_lower = b >= 'a' && b <= 'z';
        const bool wants_upper = to == CASE_UPPER || (to == CASE_INITIAL && !is_in_word);
        out[i] = b;
        if (is_upper && !wants_upper) out[i] = (uint8_t)(b + 32);
        if (is_lower && wants_upper) out[i] = (uint8_t)(b - 32);
        is_in_word = is_upper || is_lower || (b >= '0' && b <= '9');
    }
    function_take_text(c, out, text.size);
}

/* The arguments that are not NULL, one after another. */
static void join(sqlite3_context *c, int count, sqlite3_value **args, struct span separator)
{
    size_t size = 0;
    bool is_first = true;
    for (int i = 0; i < count; i++) {
        if (sqlite3_value_type(args[i]) == SQLITE_NULL) continue;
        size += (size_t)sqlite3_value_bytes(args[i]) + (is_first ? 0 : separator.size);
        is_first = false;
    }
    uint8_t *out = function_alloc(c, size);
    if (out == NULL) return;
    size_t at = 0;
    is_first = true;
    for (int i = 0; i < count; i++) {
        if (sqlite3_value_type(args[i]) == SQLITE_NULL) continue;
        const struct span before = is_first ? span_of("", 0) : separator;
        const struct span text = function_bytes(args[i]);
        memcpy(out + at, before.data, before.size);
        at += before.size;
        memcpy(out + at, text.data, text.size);
        at += text.size;
        is_first = false;
    }
    must(at == size);
    function_take_text(c, out, size);
}

static void extreme(sqlite3_context *c, int count, sqlite3_value **args, bool is_greatest)
{
    int best = -1;
    for (int i = 0; i < count; i++) {
        if (sqlite3_value_type(args[i]) == SQLITE_NULL) continue;
        const struct span text = function_bytes(args[i]);
        if (!function_charge(c, text.size)) return;
        if (best >= 0) {
            const int order = span_compare(text, function_bytes(args[best]));
            if (is_greatest ? order <= 0 : order >= 0) continue;
        }
        best = i;
    }
    if (best >= 0) sqlite3_result_value(c, args[best]);
}

static uint32_t decode_char(const uint8_t *at)
{
    const size_t size = sql_char_size(at[0]);
    if (size == 1) return at[0];
    uint32_t code = at[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (at[i] & 0x3Fu);
    return code;
}

static size_t encode_char(uint8_t *to, uint32_t code)
{
    must(code <= CODE_POINT_MAX);
    if (code < 0x80) {
        to[0] = (uint8_t)code;
        return 1;
    }
    const size_t size = code < 0x800 ? 2 : (code < 0x10000 ? 3 : 4);
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        to[i] = (uint8_t)(0x80u | (code & 0x3Fu));
    to[0] = (uint8_t)((0xF00u >> size & 0xF0u) | code);
    return size;
}

/* Where the character at wanted stands first in text; null: nowhere. */
static const uint8_t *find_char(struct span text, const uint8_t *wanted, size_t *index)
{
    const size_t size = sql_char_size(*wanted);
    *index = 0;
    for (size_t at = 0; at < text.size; at += sql_char_size(text.data[at]), ++*index) {
        if (text.size - at >= size && memcmp(text.data + at, wanted, size) == 0)
            return text.data + at;
    }
    return NULL;
}
