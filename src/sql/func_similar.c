/* func_similar.c - The patterns of SIMILAR TO as regular expressions, as PostgreSQL rewrites them.
 *
 * % is .*, _ is ., a group takes no memory, and the whole text must match. Two escaped quotes part
 * the pattern of SUBSTRING (x SIMILAR y ESCAPE z) into what stands before, in and behind what is
 * wanted. */
#include "base/must.h"
#include "sql/function_int.h"
#include "sql/value_int.h"

struct similar {
    struct buf out;
    struct span pattern;
    struct span escape; /* Size 0: none. */
    uint32_t quote_count;
    bool is_in_set;
};

static bool is_escape(const struct similar *s, size_t at)
{
    return s->escape.size > 0 && s->pattern.size - at >= s->escape.size &&
           memcmp(s->pattern.data + at, s->escape.data, s->escape.size) == 0;
}

static void put_char(struct similar *s, uint8_t byte)
{
    if (s->is_in_set) {
        if (byte == '\\') buf_put_u8(&s->out, '\\');
        buf_put_u8(&s->out, byte);
        if (byte == ']') s->is_in_set = false;
        return;
    }
    switch (byte) {
    case '[':
        s->is_in_set = true;
        buf_put_u8(&s->out, byte);
        break;
    case '%': buf_put_text(&s->out, ".*"); break;
    case '_': buf_put_u8(&s->out, '.'); break;
    case '(': buf_put_text(&s->out, "(?:"); break;
    case '\\':
    case '.':
    case '^':
    case '$':
        buf_put_u8(&s->out, '\\');
        buf_put_u8(&s->out, byte);
        break;
    default: buf_put_u8(&s->out, byte); break;
    }
}

/* False: a third quote. */
static bool put_escaped(struct similar *s, size_t at)
{
    if (s->pattern.data[at] != '"' || s->is_in_set) {
        buf_put_u8(&s->out, '\\');
        buf_put(&s->out, span_of(s->pattern.data + at, sql_char_size(s->pattern.data[at])));
        return true;
    }
    if (s->quote_count == 0) buf_put_text(&s->out, "){1,1}?(");
    if (s->quote_count == 1) buf_put_text(&s->out, "){1,1}(?:");
    return ++s->quote_count <= 2;
}

static bool rewrite(struct similar *s)
{
    buf_put_text(&s->out, "^(?:");
    for (size_t at = 0; at < s->pattern.size;) {
        const size_t size = sql_char_size(s->pattern.data[at]);
        if (is_escape(s, at)) {
            at += s->escape.size;
            if (at == s->pattern.size) break;
            if (!put_escaped(s, at)) return false;
            at += sql_char_size(s->pattern.data[at]);
            continue;
        }
        if (size == 1)
            put_char(s, s->pattern.data[at]);
        else
            buf_put(&s->out, span_of(s->pattern.data + at, size));
        at += size;
    }
    buf_put_text(&s->out, ")$");
    return true;
}

/* similar_to_escape(pattern [, escape]) */
static void similar_to_escape(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct diag d;
    if (!function_begin(c, count, args)) return;
    struct similar s = {.pattern = function_bytes(args[0]), .escape = span_text("\\")};
    if (count == 2) s.escape = function_bytes(args[1]);
    if (s.escape.size > 0 && sql_char_size(s.escape.data[0]) != s.escape.size) {
        diag_set(&d, "22025", "invalid escape string");
        diag_hint(&d, "Escape string must be empty or one character.");
        function_fail_with(c, &d);
        return;
    }
    buf_init(&s.out, mem_system(), SQL_VALUE_MAX);
    if (rewrite(&s)) {
        function_return_buf(c, &s.out);
        return;
    }
    buf_fini(&s.out);
    function_fail(c, "2200C",
                  "SQL regular expression may not contain more than two escape-double-quote "
                  "separators");
}

const struct native function_similars[] = {
    {.name = "similar_to_escape", .args = 1, .call = similar_to_escape},
    {.name = "similar_to_escape", .args = 2, .call = similar_to_escape},
    {.name = NULL},
};
