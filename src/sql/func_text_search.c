/* func_text_search.c - position, replace and split_part.
 *
 * Knuth, Morris and Pratt: a table says how much of the wanted part is still matched after a
 * mismatch, so the time is linear whatever the texts are. Bytes may be compared because no UTF-8
 * character is a part of another. */
#include "base/must.h"
#include "sql/function_int.h"
#include "sql/value_int.h"

#define TABLE_SMALL 128u

struct search {
    struct span part; /* Not empty. */
    uint32_t *back;   /* back[i]: longest border of the first i + 1 bytes. */
    uint32_t small[TABLE_SMALL];
};

static bool search_begin(sqlite3_context *c, struct search *s, struct span part);
static void search_end(struct search *s);
static size_t search_next(const struct search *s, struct span text, size_t from);
static uint64_t search_count(const struct search *s, struct span text);
static void replace(sqlite3_context *c, struct search *s, struct span text, struct span to);
static struct span field_at(const struct search *s, struct span text, uint64_t field);

/* Character position, from 1; 0: not found. */
static void text_position(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct search s;
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    const struct span part = function_bytes(args[1]);
    if (part.size == 0) {
        sqlite3_result_int(c, 1);
        return;
    }
    if (!search_begin(c, &s, part)) return;
    const size_t at = search_next(&s, text, 0);
    search_end(&s);
    const size_t before = at == SIZE_MAX ? 0 : 1 + sql_text_length(span_of(text.data, at));
    sqlite3_result_int64(c, (int64_t)before);
}

static void text_replace(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct search s;
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    const struct span from = function_bytes(args[1]);
    if (from.size == 0) {
        function_return_text(c, text);
        return;
    }
    if (!search_begin(c, &s, from)) return;
    replace(c, &s, text, function_bytes(args[2]));
    search_end(&s);
}

static void text_split_part(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct search s;
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    const struct span by = function_bytes(args[1]);
    int64_t field = function_int4(args[2]);
    if (field == 0) {
        function_fail(c, "22023", "field position must not be zero");
        return;
    }
    if (by.size == 0 || text.size == 0) {
        const bool is_all = field == 1 || field == -1;
        function_return_text(c, is_all ? text : span_of("", 0));
        return;
    }
    if (!search_begin(c, &s, by)) return;
    if (field < 0) field += (int64_t)search_count(&s, text) + 2; /* Counted from the end. */
    function_return_text(c, field > 0 ? field_at(&s, text, (uint64_t)field) : span_of("", 0));
    search_end(&s);
}

const struct native function_searches[] = {
    {.name = "text_position", .args = 2, .call = text_position},
    {.name = "text_replace", .args = 3, .call = text_replace},
    {.name = "text_split_part", .args = 3, .call = text_split_part},
    {.name = NULL},
};

static bool search_begin(sqlite3_context *c, struct search *s, struct span part)
{
    must(part.size > 0);
    must(part.size <= UINT32_MAX);
    s->part = part;
    s->back = s->small;
    if (part.size > TABLE_SMALL) s->back = sqlite3_malloc64(part.size * sizeof *s->back);
    if (s->back == NULL) {
        function_no_memory(c);
        return false;
    }
    s->back[0] = 0;
    uint32_t matched = 0;
    for (size_t i = 1; i < part.size; i++) {
        while (matched > 0 && part.data[i] != part.data[matched])
            matched = s->back[matched - 1];
        if (part.data[i] == part.data[matched]) matched++;
        s->back[i] = matched;
    }
    return true;
}

static void search_end(struct search *s)
{
    if (s->back != s->small) sqlite3_free(s->back);
}

/* Where the part begins, at from or later; SIZE_MAX: nowhere. */
static size_t search_next(const struct search *s, struct span text, size_t from)
{
    uint32_t matched = 0;
    for (size_t i = from; i < text.size; i++) {
        while (matched > 0 && text.data[i] != s->part.data[matched])
            matched = s->back[matched - 1];
        if (text.data[i] == s->part.data[matched]) matched++;
        if (matched == s->part.size) return i + 1 - matched;
    }
    return SIZE_MAX;
}

/* Places that do not overlap. */
static uint64_t search_count(const struct search *s, struct span text)
{
    uint64_t count = 0;
    for (size_t at = search_next(s, text, 0); at != SIZE_MAX;
         at = search_next(s, text, at + s->part.size))
        count++;
    return count;
}

static void replace(sqlite3_context *c, struct search *s, struct span text, struct span to)
{
    const uint64_t found = search_count(s, text);
    const size_t expected = text.size - found * s->part.size + found * to.size;
    uint8_t *out = function_alloc(c, expected);
    if (out == NULL) return;
    size_t size = 0;
    for (size_t from = 0; from < text.size;) {
        const size_t at = search_next(s, text, from);
        const size_t keep = (at == SIZE_MAX ? text.size : at) - from;
        memcpy(out + size, text.data + from, keep);
        size += keep;
        from += keep;
        if (at == SIZE_MAX) break;
        memcpy(out + size, to.data, to.size);
        size += to.size;
        from += s->part.size;
    }
    must(size == expected);
    function_take_text(c, out, size);
}

static struct span field_at(const struct search *s, struct span text, uint64_t field)
{
    size_t from = 0;
    for (; field > 1; field--) {
        const size_t at = search_next(s, text, from);
        if (at == SIZE_MAX) return span_of("", 0);
        from = at + s->part.size;
    }
    const size_t at = search_next(s, text, from);
    return span_of(text.data + from, (at == SIZE_MAX ? text.size : at) - from);
}
