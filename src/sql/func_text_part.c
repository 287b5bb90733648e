/* func_text_part.c - Text functions that cut out or add a part: substr, left, trim, pad. */
#include "base/must.h"
#include "sql/function_int.h"
#include "sql/value_int.h"

#define TYPMOD_OFFSET 4

enum trim_side { TRIM_LEFT = 1, TRIM_RIGHT = 2, TRIM_BOTH = 3 };

struct range { /* Of units (characters or bytes), from 0. */
    size_t from;
    size_t count;
};

static bool substring_range(sqlite3_context *c, int count, sqlite3_value **args, struct range *out);
static void trim(sqlite3_context *c, int count, sqlite3_value **args, enum trim_side side);
static bool set_has(struct span set, struct span character);
static void pad(sqlite3_context *c, int count, sqlite3_value **args, bool is_left);
static size_t fill(uint8_t *to, struct span with, size_t characters);

static void text_substr(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct range r;
    if (!function_begin(c, count, args) || !substring_range(c, count, args, &r)) return;
    const struct span text = function_bytes(args[0]);
    const size_t from = sql_text_prefix(text, r.from);
    const struct span rest = span_of(text.data + from, text.size - from);
    function_return_text(c, span_of(rest.data, sql_text_prefix(rest, r.count)));
}

static void bytea_substr(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct range r;
    if (!function_begin(c, count, args) || !substring_range(c, count, args, &r)) return;
    const struct span bytes = function_bytes(args[0]);
    const size_t from = r.from < bytes.size ? r.from : bytes.size;
    const size_t size = r.count < bytes.size - from ? r.count : bytes.size - from;
    function_return_bytea(c, span_of(bytes.data + from, size));
}

static void text_left(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    int64_t keep = function_int4(args[1]);
    if (keep < 0) keep += (int64_t)sql_text_length(text);
    function_return_text(c, span_of(text.data, sql_text_prefix(text, keep < 0 ? 0 : (size_t)keep)));
}

static void text_right(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    int64_t drop = -(int64_t)function_int4(args[1]);
    if (drop <= 0) drop += (int64_t)sql_text_length(text);
    if (drop < 0) drop = 0;
    if (function_int4(args[1]) == 0) drop = (int64_t)text.size;
    const size_t from = sql_text_prefix(text, (size_t)drop);
    function_return_text(c, span_of(text.data + from, text.size - from));
}

static void text_btrim(sqlite3_context *c, int count, sqlite3_value **args)
{
    trim(c, count, args, TRIM_BOTH);
}

static void text_ltrim(sqlite3_context *c, int count, sqlite3_value **args)
{
    trim(c, count, args, TRIM_LEFT);
}

static void text_rtrim(sqlite3_context *c, int count, sqlite3_value **args)
{
    trim(c, count, args, TRIM_RIGHT);
}

static void text_lpad(sqlite3_context *c, int count, sqlite3_value **args)
{
    pad(c, count, args, true);
}

static void text_rpad(sqlite3_context *c, int count, sqlite3_value **args)
{
    pad(c, count, args, false);
}

/* varchar(n) on assignment. */
static void text_fit(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct diag d;
    if (!function_begin(c, count, args)) return;
    struct span text = function_bytes(args[0]);
    if (sql_text_fit(&text, function_int4(args[1]), &d) == ST_OK)
        function_return_text(c, text);
    else
        function_fail_with(c, &d);
}

/* varchar(n) in an explicit cast. */
static void text_cut(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    struct span text = function_bytes(args[0]);
    const int32_t typmod = function_int4(args[1]);
    if (typmod >= TYPMOD_OFFSET)
        text.size = sql_text_prefix(text, (size_t)(typmod - TYPMOD_OFFSET));
    function_return_text(c, text);
}

const struct native function_text_parts[] = {
    {.name = "text_substr", .args = 2, .call = text_substr},
    {.name = "text_substr", .args = 3, .call = text_substr},
    {.name = "bytea_substr", .args = 2, .call = bytea_substr},
    {.name = "bytea_substr", .args = 3, .call = bytea_substr},
    {.name = "text_left", .args = 2, .call = text_left},
    {.name = "text_right", .args = 2, .call = text_right},
    {.name = "text_btrim", .args = 2, .call = text_btrim},
    {.name = "text_ltrim", .args = 2, .call = text_ltrim},
    {.name = "text_rtrim", .args = 2, .call = text_rtrim},
    {.name = "text_lpad", .args = 3, .call = text_lpad},
    {.name = "text_rpad", .args = 3, .call = text_rpad},
    {.name = "text_fit", .args = 2, .call = text_fit},
    {.name = "text_cut", .args = 2, .call = text_cut},
    {.name = NULL},
};

/* Positions count from 1; a range may begin before the text. */
static bool substring_range(sqlite3_context *c, int count, sqlite3_value **args, struct range *out)
{
    const int64_t start = function_int4(args[1]);
    const int64_t length = count > 2 ? function_int4(args[2]) : 0;
    if (length < 0) {
        function_fail(c, "22011", "negative substring length not allowed");
        return false;
    }
    int64_t end = count > 2 ? start + length : INT64_MAX;
    if (end > INT32_MAX) end = INT64_MAX; /* PostgreSQL: beyond int4 means to the end. */
    const int64_t first = start < 1 ? 1 : start;
    out->from = (size_t)(first - 1);
    out->count = end > first ? (size_t)(end - first) : 0;
    return true;
}

static void trim(sqlite3_context *c, int count, sqlite3_value **args, enum trim_side side)
{
    if (!function_begin(c, count, args)) return;
    struct span text = function_bytes(args[0]);
    const struct span set = function_bytes(args[1]);
    if (!function_charge(c, text.size * (set.size > 8 ? set.size / 8 : 1))) return;
    while ((side & TRIM_LEFT) != 0 && text.size > 0) {
        const size_t size = sql_char_size(text.data[0]);
        if (!set_has(set, span_of(text.data, size))) break;
        text = span_of(text.data + size, text.size - size);
    }
    while ((side & TRIM_RIGHT) != 0 && text.size > 0) {
        size_t at = text.size - 1;
        while (at > 0 && (text.data[at] & 0xC0) == 0x80)
            at--;
        if (!set_has(set, span_of(text.data + at, text.size - at))) break;
        text.size = at;
    }
    function_return_text(c, text);
}

static bool set_has(struct span set, struct span character)
{
    for (size_t at = 0; at < set.size;) {
        const size_t size = sql_char_size(set.data[at]);
        if (span_equal(span_of(set.data + at, size), character)) return true;
        at += size;
    }
    return false;
}

static void pad(sqlite3_context *c, int count, sqlite3_value **args, bool is_left)
{
    if (!function_begin(c, count, args)) return;
    struct span text = function_bytes(args[0]);
    const struct span with = function_bytes(args[2]);
    const size_t length = function_int4(args[1]) > 0 ? (size_t)function_int4(args[1]) : 0;
    text.size = sql_text_prefix(text, length);
    const size_t have = sql_text_length(text);
    const size_t missing = with.size > 0 ? length - have : 0;
    const size_t cycle = sql_text_length(with);
    size_t size = text.size;
    if (missing > 0) {
        const struct span rest = span_of(with.data, sql_text_prefix(with, missing % cycle));
        size += missing / cycle * with.size + rest.size;
    }
    uint8_t *out = function_alloc(c, size);
    if (out == NULL) return;
    const size_t filled = fill(is_left ? out : out + text.size, with, missing);
    memcpy(is_left ? out + filled : out, text.data, text.size);
    must(filled + text.size == size);
    function_take_text(c, out, size);
}

static size_t fill(uint8_t *to, struct span with, size_t characters)
{
    size_t size = 0;
    size_t at = 0;
    for (; characters > 0; characters--) {
        const size_t width = sql_char_size(with.data[at]);
        memcpy(to + size, with.data + at, width);
        size += width;
        at = at + width < with.size ? at + width : 0;
    }
    return size;
}
