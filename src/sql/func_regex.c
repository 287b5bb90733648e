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

struct replacement {
    struct span by;
    size_t from;   /* Where looking begins. */
    int64_t which; /* 0: all matches. */
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

/* --- groups -------------------------------------------------------------------------------- */

struct found { /* A match and its groups. */
    struct span text;
    size_t start;
    size_t end;
    struct regex_group *groups; /* In the memory of the pattern's call; null: not asked for. */
    uint32_t count;
};

static bool open_found(struct call *k, struct found *f, struct span text)
{
    *f = (struct found){.text = text, .count = regex_group_count(k->pattern->regex)};
    f->groups = sqlite3_malloc64((f->count + 1u) * sizeof *f->groups);
    if (f->groups == NULL) function_no_memory(k->context);
    return f->groups != NULL;
}

/* The next match from there; *is_right false: the error is set. */
static bool next_found(struct call *k, struct found *f, size_t from, bool *is_right)
{
    struct regex *r = k->pattern->regex;
    if (from > f->text.size || !regex_find(r, f->text, from, &f->start, &f->end)) return false;
    if (regex_groups(r, f->text, f->start, f->end, f->groups)) return true;
    if (regex_left(r) > 0) function_no_memory(k->context);
    *is_right = false;
    return false;
}

/* Where the next match may begin. */
static size_t behind(const struct found *f)
{
    if (f->start < f->end || f->end >= f->text.size) return f->end + (f->start == f->end);
    return f->end + sql_char_size(f->text.data[f->end]);
}

/* Group 0 is the whole match. */
static bool group_of(const struct found *f, uint32_t group, struct sql_value *out)
{
    *out = (struct sql_value){.type = SQL_TEXT, .is_null = true};
    if (group == 0) {
        *out = (struct sql_value){.type = SQL_TEXT,
                                  .bytes = span_of(f->text.data + f->start, f->end - f->start)};
        return true;
    }
    if (group > f->count || f->groups[group - 1].start == REGEX_NO_MATCH) return false;
    const struct regex_group *g = &f->groups[group - 1];
    *out = (struct sql_value){.type = SQL_TEXT,
                              .bytes = span_of(f->text.data + g->start, g->end - g->start)};
    return true;
}

/* The replacement: \& is the match, \1 … what a group matched, \\ a backslash. */
static void put_replacement(struct buf *out, struct span by, const struct found *f)
{
    struct sql_value v;
    for (size_t i = 0; i < by.size; i++) {
        const bool is_escape = by.data[i] == '\\' && i + 1 < by.size;
        if (!is_escape) {
            buf_put_u8(out, by.data[i]);
            continue;
        }
        const uint8_t next = by.data[++i];
        const bool is_group = next >= '1' && next <= '9';
        if (is_group || next == '&') {
            if (group_of(f, is_group ? (uint32_t)(next - '0') : 0, &v)) buf_put(out, v.bytes);
        } else {
            buf_put_u8(out, '\\');
            if (next != '\\') buf_put_u8(out, next);
        }
    }
}

/* which: only the match of that number; 0: all. */
static bool replace(struct call *k, struct buf *out, struct found *f, const struct replacement *how)
{
    size_t from = how->from;
    size_t copied = 0;
    bool is_right = true;
    for (int64_t number = 1; next_found(k, f, from, &is_right); number++) {
        from = behind(f);
        if (how->which > 0 && number < how->which) continue;
        buf_put(out, span_of(f->text.data + copied, f->start - copied));
        put_replacement(out, how->by, f);
        copied = f->end;
        if (how->which > 0) break;
    }
    if (copied < f->text.size) buf_put(out, span_of(f->text.data + copied, f->text.size - copied));
    return is_right;
}

/* The byte at which the character of this number, from 1, begins; past the end: size + 1. */
static size_t byte_of(struct span text, int64_t number)
{
    size_t at = 0;
    for (int64_t i = 1; i < number; i++) {
        if (at >= text.size) return text.size + 1;
        at += sql_char_size(text.data[at]);
    }
    return at;
}

/* regexp_replace(text, pattern, replacement [, flags]), or (…, flags, start, number): number −1:
 * the first, or all with g. */
static void text_regex_replace(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct buf out;
    struct found f;
    if (!function_begin(c, count, args)) return;
    const bool is_cached = sqlite3_get_auxdata(c, 1) != NULL;
    if (!begin(&k, c, args, count > 3 ? 3 : -1, "")) return;
    struct replacement how = {.by = function_bytes(args[2]), .which = k.pattern->is_global ? 0 : 1};
    if (count == 6) {
        how.from = byte_of(function_bytes(args[0]), sqlite3_value_int64(args[4]));
        if (sqlite3_value_int64(args[5]) >= 0) how.which = sqlite3_value_int64(args[5]);
    }
    buf_init(&out, mem_system(), SQL_VALUE_MAX);
    const bool is_open = open_found(&k, &f, function_bytes(args[0]));
    const bool is_right = is_open && replace(&k, &out, &f, &how);
    if (end(&k, is_cached) && is_right)
        function_return_buf(c, &out);
    else
        buf_fini(&out);
    sqlite3_free(f.groups);
    finish(&k);
}

/* What substring() and regexp_match() give: the groups, or the match where there are none. */
static void put_groups(struct buf *out, const struct found *f)
{
    struct sql_value v;
    for (uint32_t i = f->count > 0 ? 1 : 0; i <= f->count; i++) {
        (void)group_of(f, i, &v);
        array_put(out, &v);
    }
    array_end(out);
}

static void return_array(sqlite3_context *c, struct buf *out)
{
    if (buf_status(out) == ST_OK)
        function_return_bytea(c, buf_span(out));
    else
        function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
}

static void first_match(sqlite3_context *c, int count, sqlite3_value **args, bool is_array)
{
    struct call k;
    struct buf out;
    struct found f;
    struct sql_value v;
    bool is_right = true;
    if (!function_begin(c, count, args)) return;
    const bool is_cached = sqlite3_get_auxdata(c, 1) != NULL;
    if (!begin(&k, c, args, count > 2 ? 2 : -1, "")) return;
    const bool is_open = open_found(&k, &f, function_bytes(args[0]));
    const bool is_found = is_open && next_found(&k, &f, 0, &is_right);
    buf_init(&out, mem_system(), SQL_VALUE_MAX);
    if (end(&k, is_cached) && is_found && is_array) {
        put_groups(&out, &f);
        return_array(c, &out);
    } else if (is_found && !is_array && group_of(&f, f.count > 0 ? 1 : 0, &v)) {
        function_return_text(c, v.bytes);
    }
    buf_fini(&out);
    sqlite3_free(f.groups);
    finish(&k);
}

/* substring(text from pattern): the first group, or the match where there is none. */
static void text_regex_first(sqlite3_context *c, int count, sqlite3_value **args)
{
    first_match(c, count, args, false);
}

static void text_regex_match(sqlite3_context *c, int count, sqlite3_value **args)
{
    first_match(c, count, args, true);
}

/* regexp_matches(text, pattern [, flags]): a list of arrays (func_rows.c). */
static void text_regex_matches(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct buf list;
    struct found f;
    bool is_right = true;
    if (!function_begin(c, count, args)) return;
    const bool is_cached = sqlite3_get_auxdata(c, 1) != NULL;
    if (!begin(&k, c, args, count > 2 ? 2 : -1, "")) return;
    const bool is_open = open_found(&k, &f, function_bytes(args[0]));
    size_t from = 0;
    buf_init(&list, mem_system(), 4 * (size_t)SQL_VALUE_MAX);
    buf_put_u8(&list, '[');
    while (is_open && next_found(&k, &f, from, &is_right)) {
        struct buf out;
        buf_init(&out, mem_system(), SQL_VALUE_MAX);
        put_groups(&out, &f);
        if (list.size > 1) buf_put_u8(&list, ',');
        function_put_hex(&list, buf_span(&out));
        is_right = is_right && buf_status(&out) == ST_OK;
        buf_fini(&out);
        from = behind(&f);
        if (!k.pattern->is_global) break;
    }
    buf_put_u8(&list, ']');
    if (end(&k, is_cached) && is_right && is_open) {
        if (buf_status(&list) == ST_OK)
            sqlite3_result_text64(c, (const char *)list.data, list.size, SQLITE_TRANSIENT,
                                  SQLITE_UTF8);
        else
            function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    }
    buf_fini(&list);
    sqlite3_free(f.groups);
    finish(&k);
}

/* regex_nth(text, pattern, flags, start, number, group, what): the match of a number: its text
 * (what 0), where it begins (1) or what stands behind it begins (2), in characters. */
static void text_regex_nth(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct found f;
    struct sql_value v;
    bool is_right = true;
    must(count == 7);
    if (!function_begin(c, count, args)) return;
    const bool is_cached = sqlite3_get_auxdata(c, 1) != NULL;
    if (!begin(&k, c, args, 2, "")) return;
    const struct span text = function_bytes(args[0]);
    const int64_t number = sqlite3_value_int64(args[4]);
    const int what = sqlite3_value_int(args[6]);
    size_t from = byte_of(text, sqlite3_value_int64(args[3]));
    bool is_found = open_found(&k, &f, text);
    for (int64_t i = 0; i < number && is_found; i++) {
        is_found = next_found(&k, &f, from, &is_right);
        if (is_found) from = behind(&f);
    }
    const int64_t group = sqlite3_value_int64(args[5]);
    is_found =
        is_found && group >= 0 && group_of(&f, group > f.count ? f.count + 1 : (uint32_t)group, &v);
    if (end(&k, is_cached) && is_right && what == 0 && is_found) function_return_text(c, v.bytes);
    if (is_right && what > 0) {
        int64_t place = 0;
        const uint8_t *stop = is_found ? v.bytes.data + (what == 2 ? v.bytes.size : 0) : text.data;
        for (const uint8_t *at = text.data; is_found && at < stop; at += sql_char_size(*at))
            place++;
        sqlite3_result_int64(c, is_found ? place + 1 : 0);
    }
    sqlite3_free(f.groups);
    finish(&k);
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
    {.name = "text_regex_replace", .args = 6, .call = text_regex_replace},
    {.name = "text_regex_matches", .args = 2, .call = text_regex_matches},
    {.name = "text_regex_matches", .args = 3, .call = text_regex_matches},
    {.name = "text_regex_nth", .args = 7, .call = text_regex_nth},
    {.name = "text_regex_match", .args = 2, .call = text_regex_match},
    {.name = "text_regex_match", .args = 3, .call = text_regex_match},
    {.name = "text_regex_split", .args = 2, .call = text_regex_split},
    {.name = "text_regex_split", .args = 3, .call = text_regex_split},
    {.name = "text_regex_count", .args = 2, .call = text_regex_count},
    {.name = NULL},
};
