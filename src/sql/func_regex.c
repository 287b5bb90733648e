/* func_regex.c - Operators and functions of regular expressions. A pattern that is the same for all
 * rows is compiled once (SQLite keeps it beside the argument). */
#include "base/must.h"
#include "sql/array.h"
#include "sql/function_int.h"
#include "sql/regex.h"
#include "sql/value_int.h"

#define FLAGS_MAX 64u

struct pattern { /* What SQLite keeps. */
    struct arena arena;
    struct regex *regex;
    bool is_global;
};

struct call {
    sqlite3_context *context;
    struct pattern *pattern;
    bool is_own; /* SQLite did not take it. */
    uint64_t given;
};

static void pattern_free(void *p)
{
    struct pattern *pattern = p;
    arena_fini(&pattern->arena);
    sqlite3_free(pattern);
}

/* i, c, n and g; others of PostgreSQL's are refused. */
static enum status read_flags(struct span text,
                              struct regex_flags *flags,
                              bool *is_global,
                              struct diag *d)
{
    for (size_t i = 0; i < text.size; i++) {
        const char f = (char)text.data[i];
        if (f == 'i')
            flags->ignores_case = true;
        else if (f == 'c')
            flags->ignores_case = false;
        else if (f == 'n' || f == 'm')
            flags->is_newline = true;
        else if (f == 's')
            flags->is_newline = false;
        else if (f == 'g')
            *is_global = true;
        else if (strchr("bepqtwx", f) != NULL) {
            diag_set(d, "0A000", "the regular expression option \"%c\" is not supported", f);
            diag_hint(d, "There are i, c, n, m, s and g.");
            return ST_UNSUPPORTED;
        } else {
            const size_t left = text.size - i;
            const size_t size = sql_char_size(text.data[i]);
            diag_set(d, "22023", "invalid regular expression option: \"%.*s\"",
                     (int)(size < left ? size : left), (const char *)text.data + i);
            return ST_INVALID;
        }
    }
    return ST_OK;
}

static struct pattern *make(sqlite3_context *c, struct span text, struct span flags_text)
{
    struct regex_flags flags = {false, false};
    struct diag d;
    struct pattern *p = sqlite3_malloc64(sizeof *p);
    if (p == NULL) {
        function_no_memory(c);
        return NULL;
    }
    *p = (struct pattern){.is_global = false};
    arena_init(&p->arena, mem_system(), 0);
    enum status st = read_flags(flags_text, &flags, &p->is_global, &d);
    if (st == ST_OK) st = regex_compile(&p->regex, &p->arena, text, flags, &d);
    if (st == ST_OK) return p;
    if (st == ST_NO_MEMORY)
        function_no_memory(c);
    else
        function_fail_with(c, &d);
    pattern_free(p);
    return NULL;
}

/* Adds as much of it as there is room for; the new size. */
static size_t add_flags(char text[static FLAGS_MAX], size_t size, struct span more)
{
    must(size <= FLAGS_MAX);
    for (size_t i = 0; i < more.size && size < FLAGS_MAX; i++)
        text[size++] = (char)more.data[i];
    return size;
}

/* flags: the argument with them, or −1; always: added to those. */
static bool begin(
    struct call *k, sqlite3_context *c, sqlite3_value **args, int flags, const char *always)
{
    *k = (struct call){.context = c, .pattern = sqlite3_get_auxdata(c, 1)};
    if (k->pattern == NULL) {
        char text[FLAGS_MAX];
        size_t size = add_flags(text, 0, span_text(always));
        if (flags >= 0) size = add_flags(text, size, function_bytes(args[flags]));
        k->pattern = make(c, function_bytes(args[1]), span_of(text, size));
        if (k->pattern == NULL) return false;
        k->is_own = flags >= 0; /* Flags may change from row to row. */
    }
    const struct sql_context *ctx = sqlite3_user_data(c);
    k->given = ctx->fuel;
    regex_set_left(k->pattern->regex, ctx->fuel);
    return true;
}

/* Charges the work. False: the limit was reached, the error is set. */
static bool end(struct call *k, bool is_cached)
{
    const bool is_right =
        function_charge(k->context, (size_t)(k->given - regex_left(k->pattern->regex)));
    if (is_cached || k->is_own) return is_right;
    sqlite3_set_auxdata(k->context, 1, k->pattern, pattern_free);
    return is_right;
}

static void finish(struct call *k)
{
    if (k->is_own) pattern_free(k->pattern);
}

static void test(sqlite3_context *c, int count, sqlite3_value **args, const char *flags)
{
    struct call k;
    if (!function_begin(c, count, args)) return;
    const bool is_cached = sqlite3_get_auxdata(c, 1) != NULL;
    if (!begin(&k, c, args, count > 2 ? 2 : -1, flags)) return;
    const bool result = regex_test(k.pattern->regex, function_bytes(args[0]));
    if (end(&k, is_cached)) function_return_bool(c, result);
    finish(&k);
}

static void text_regex(sqlite3_context *c, int count, sqlite3_value **args)
{
    test(c, count, args, "");
}

static void text_iregex(sqlite3_context *c, int count, sqlite3_value **args)
{
    test(c, count, args, "i");
}

static bool refuse_groups(struct call *k)
{
    if (!regex_has_groups(k->pattern->regex)) return false;
    struct diag d;
    diag_set(&d, "0A000", "what a group of a regular expression matched is not supported");
    diag_hint(&d, "Write (?:...) where the whole match is meant.");
    function_fail_with(k->context, &d);
    return true;
}

/* The replacement: \& is the match, \\ a backslash; \1 would be a group's. */
static bool put_replacement(struct call *k, struct buf *out, struct span by, struct span match)
{
    for (size_t i = 0; i < by.size; i++) {
        const bool is_escape = by.data[i] == '\\' && i + 1 < by.size;
        if (!is_escape) {
            buf_put_u8(out, by.data[i]);
            continue;
        }
        const uint8_t next = by.data[++i];
        if (next >= '1' && next <= '9') {
            struct diag d;
            diag_set(&d, "0A000",
                     "\\%c in the replacement of a regular expression is not supported", next);
            diag_hint(&d, "\\& stands for the whole match.");
            function_fail_with(k->context, &d);
            return false;
        }
        if (next == '&')
            buf_put(out, match);
        else if (next == '\\')
            buf_put_u8(out, '\\');
        else {
            buf_put_u8(out, '\\');
            buf_put_u8(out, next);
        }
    }
    return true;
}

static bool replace_all(struct call *k, struct buf *out, struct span text, struct span by)
{
    size_t from = 0;
    size_t copied = 0;
    size_t start = 0;
    size_t stop = 0;
    while (from <= text.size && regex_find(k->pattern->regex, text, from, &start, &stop)) {
        buf_put(out, span_of(text.data + copied, start - copied));
        if (!put_replacement(k, out, by, span_of(text.data + start, stop - start))) return false;
        copied = stop;
        if (!k->pattern->is_global) break;
        from = stop;
        if (start == stop) from += stop < text.size ? sql_char_size(text.data[stop]) : 1;
    }
    if (copied < text.size) buf_put(out, span_of(text.data + copied, text.size - copied));
    return true;
}

/* regexp_replace(text, pattern, replacement [, flags]) */
static void text_regex_replace(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct buf out;
    if (!function_begin(c, count, args)) return;
    const bool is_cached = sqlite3_get_auxdata(c, 1) != NULL;
    if (!begin(&k, c, args, count > 3 ? 3 : -1, "")) return;
    buf_init(&out, mem_system(), SQL_VALUE_MAX);
    const bool is_right = replace_all(&k, &out, function_bytes(args[0]), function_bytes(args[2]));
    if (end(&k, is_cached) && is_right)
        function_return_buf(c, &out);
    else
        buf_fini(&out);
    finish(&k);
}

/* The first match, as text, or as an array of one. */
static void first_match(sqlite3_context *c, int count, sqlite3_value **args, bool is_array)
{
    struct call k;
    struct buf out;
    size_t start = 0;
    size_t stop = 0;
    if (!function_begin(c, count, args)) return;
    const bool is_cached = sqlite3_get_auxdata(c, 1) != NULL;
    if (!begin(&k, c, args, count > 2 ? 2 : -1, "")) return;
    const struct span text = function_bytes(args[0]);
    const bool is_found =
        !refuse_groups(&k) && regex_find(k.pattern->regex, text, 0, &start, &stop);
    const struct sql_value v = {.type = SQL_TEXT,
                                .bytes = span_of(text.data + start, stop - start)};
    if (end(&k, is_cached) && is_found && !is_array) function_return_text(c, v.bytes);
    if (is_found && is_array) {
        buf_init(&out, mem_system(), SQL_VALUE_MAX);
        array_put(&out, &v);
        array_end(&out);
        if (buf_status(&out) == ST_OK) function_return_bytea(c, buf_span(&out));
        buf_fini(&out);
    }
    finish(&k);
}

static void text_regex_first(sqlite3_context *c, int count, sqlite3_value **args)
{
    first_match(c, count, args, false);
}

static void text_regex_match(sqlite3_context *c, int count, sqlite3_value **args)
{
    first_match(c, count, args, true);
}

/* Matches of no length at an end, or behind another, part nothing. */
static void split(struct call *k, struct buf *out, struct span text)
{
    size_t from = 0;
    size_t copied = 0;
    size_t before = 0;
    size_t start = 0;
    size_t stop = 0;
    struct sql_value v = {.type = SQL_TEXT};
    while (from <= text.size && regex_find(k->pattern->regex, text, from, &start, &stop)) {
        if (start < text.size && stop > before) {
            v.bytes = span_of(text.data + copied, start - copied);
            array_put(out, &v);
            copied = stop;
        }
        before = stop;
        from = stop;
        if (start == stop) from += stop < text.size ? sql_char_size(text.data[stop]) : 1;
    }
    v.bytes = span_of(text.data + copied, text.size - copied);
    array_put(out, &v);
    array_end(out);
}

static void text_regex_split(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct buf out;
    if (!function_begin(c, count, args)) return;
    const bool is_cached = sqlite3_get_auxdata(c, 1) != NULL;
    if (!begin(&k, c, args, count > 2 ? 2 : -1, "")) return;
    buf_init(&out, mem_system(), SQL_VALUE_MAX);
    split(&k, &out, function_bytes(args[0]));
    if (end(&k, is_cached)) {
        if (buf_status(&out) == ST_OK)
            function_return_bytea(c, buf_span(&out));
        else
            function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    }
    buf_fini(&out);
    finish(&k);
}

static void text_regex_count(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    size_t from = 0;
    size_t start = 0;
    size_t stop = 0;
    int64_t found = 0;
    if (!function_begin(c, count, args)) return;
    const bool is_cached = sqlite3_get_auxdata(c, 1) != NULL;
    if (!begin(&k, c, args, -1, "")) return;
    const struct span text = function_bytes(args[0]);
    while (from <= text.size && regex_find(k.pattern->regex, text, from, &start, &stop)) {
        found++;
        from = stop;
        if (start == stop) from += stop < text.size ? sql_char_size(text.data[stop]) : 1;
    }
    if (end(&k, is_cached)) sqlite3_result_int64(c, found);
    finish(&k);
}

const struct native function_regexes[] = {
    {.name = "text_regex", .args = 2, .call = text_regex},
    {.name = "text_regex", .args = 3, .call = text_regex},
    {.name = "text_iregex", .args = 2, .call = text_iregex},
    {.name = "text_regex_replace", .args = 3, .call = text_regex_replace},
    {.name = "text_regex_replace", .args = 4, .call = text_regex_replace},
    {.name = "text_regex_first", .args = 2, .call = text_regex_first},
    {.name = "text_regex_match", .args = 2, .call = text_regex_match},
    {.name = "text_regex_match", .args = 3, .call = text_regex_match},
    {.name = "text_regex_split", .args = 2, .call = text_regex_split},
    {.name = "text_regex_split", .args = 3, .call = text_regex_split},
    {.name = "text_regex_count", .args = 2, .call = text_regex_count},
    {.name = NULL},
};
