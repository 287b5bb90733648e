/* func_words.c - format: text with arguments in it, as they are, as names or as literals. */
#include <stdio.h>

#include "base/must.h"
#include "sql/function_int.h"
#include "sql/postgres.h"
#include "sql/value_int.h"

#define WIDTH_MAX 1000000

struct directive {    /* %[n$][-][width]letter */
    int64_t argument; /* 1-based; 0: the next. */
    int64_t width;
    int64_t width_argument; /* 0: the next; −1: none. */
    bool is_left;
    uint8_t letter;
};

struct formatter {
    sqlite3_context *context;
    struct buf out;
    struct span format;
    size_t at;
    sqlite3_value **args; /* Behind the format. */
    int64_t count;
    int64_t next; /* The argument that the next directive takes. */
};

static void put_name(struct buf *out, struct span name)
{
    bool is_plain = name.size > 0 && !(name.data[0] >= '0' && name.data[0] <= '9');
    for (size_t i = 0; i < name.size; i++) {
        const uint8_t b = name.data[i];
        is_plain = is_plain && ((b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '_');
    }
    if (is_plain && !postgres_is_keyword(name)) {
        buf_put(out, name);
        return;
    }
    buf_put_u8(out, '"');
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"') buf_put_u8(out, '"');
        buf_put_u8(out, name.data[i]);
    }
    buf_put_u8(out, '"');
}

static void put_literal(struct buf *out, struct span text)
{
    if (memchr(text.data, '\\', text.size) != NULL) buf_put_u8(out, 'E');
    buf_put_u8(out, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\'' || text.data[i] == '\\') buf_put_u8(out, text.data[i]);
        buf_put_u8(out, text.data[i]);
    }
    buf_put_u8(out, '\'');
}

/* --- format -------------------------------------------------------------------------------- */

static bool fail(struct formatter *f, const char *what, bool has_hint)
{
    struct diag d;
    diag_set(&d, "22023", "%s", what);
    if (has_hint) diag_hint(&d, "For a single \"%%\" use \"%%%%\".");
    function_fail_with(f->context, &d);
    return false;
}

static bool is_more(struct formatter *f)
{
    return f->at < f->format.size || fail(f, "unterminated format() type specifier", true);
}

/* Digits; *is_there false: there are none. */
static bool take_digits(struct formatter *f, int64_t *out, bool *is_there)
{
    *is_there = false;
    *out = 0;
    while (f->at < f->format.size && f->format.data[f->at] >= '0' && f->format.data[f->at] <= '9') {
        *out = *out * 10 + (f->format.data[f->at++] - '0');
        *is_there = true;
        if (*out > INT32_MAX) {
            function_fail(f->context, "22003", "number is out of range");
            return false;
        }
    }
    return !*is_there || is_more(f);
}

/* "*" or "*n$" */
static bool take_star(struct formatter *f, struct directive *d)
{
    bool is_there = false;
    f->at++;
    d->width_argument = 0;
    if (!is_more(f) || !take_digits(f, &d->width_argument, &is_there)) return false;
    if (!is_there) return true;
    if (f->format.data[f->at] != '$')
        return fail(f, "width argument position must be ended by \"$\"", false);
    if (d->width_argument == 0)
        return fail(f, "format specifies argument 0, but arguments are numbered from 1", false);
    f->at++;
    return is_more(f);
}

static bool take_directive(struct formatter *f, struct directive *d)
{
    bool is_there = false;
    int64_t number = 0;
    *d = (struct directive){.width_argument = -1};
    if (!take_digits(f, &number, &is_there)) return false;
    if (is_there && f->format.data[f->at] != '$') {
        d->width = number;
        d->letter = f->format.data[f->at];
        return true;
    }
    if (is_there) {
        if (number == 0)
            return fail(f, "format specifies argument 0, but arguments are numbered from 1", false);
        d->argument = number;
        f->at++;
        if (!is_more(f)) return false;
    }
    while (f->format.data[f->at] == '-') {
        d->is_left = true;
        f->at++;
        if (!is_more(f)) return false;
    }
    if (f->format.data[f->at] == '*') {
        if (!take_star(f, d)) return false;
    } else if (!take_digits(f, &d->width, &is_there)) {
        return false;
    }
    d->letter = f->format.data[f->at];
    return true;
}

static sqlite3_value *take_argument(struct formatter *f, int64_t number)
{
    if (number == 0) number = f->next;
    if (number > f->count) {
        (void)fail(f, "too few arguments for format()", false);
        return NULL;
    }
    f->next = number + 1;
    return f->args[number - 1];
}

static bool take_width(struct formatter *f, struct directive *d)
{
    struct sql_value v;
    struct diag problem;
    struct arena arena;
    if (d->width_argument < 0) return true;
    sqlite3_value *given = take_argument(f, d->width_argument);
    if (given == NULL) return false;
    if (sqlite3_value_type(given) == SQLITE_NULL) return true;
    arena_init(&arena, mem_system(), 0);
    const enum status st =
        sql_value_parse(&v, &arena, SQL_INT4, -1, function_bytes(given), &problem);
    arena_fini(&arena);
    if (st != ST_OK) {
        function_fail_with(f->context, &problem);
        return false;
    }
    d->is_left = d->is_left || v.integer < 0;
    d->width = v.integer < 0 ? -v.integer : v.integer;
    return true;
}

static int64_t characters(struct span text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xC0) != 0x80;
    return count;
}

static bool put_argument(struct formatter *f, const struct directive *d, sqlite3_value *given)
{
    struct buf text;
    const bool is_null = sqlite3_value_type(given) == SQLITE_NULL;
    if (is_null && d->letter == 'I') {
        function_fail(f->context, "22004", "null values cannot be formatted as an SQL identifier");
        return false;
    }
    if (d->width > WIDTH_MAX) {
        function_fail(f->context, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
        return false;
    }
    buf_init(&text, mem_system(), SQL_VALUE_MAX);
    if (is_null && d->letter == 'L') buf_put_text(&text, "NULL");
    if (!is_null && d->letter == 's') buf_put(&text, function_bytes(given));
    if (!is_null && d->letter == 'I') put_name(&text, function_bytes(given));
    if (!is_null && d->letter == 'L') put_literal(&text, function_bytes(given));
    const int64_t size = characters(buf_span(&text));
    for (int64_t i = size; i < d->width && !d->is_left; i++)
        buf_put_u8(&f->out, ' ');
    buf_put(&f->out, buf_span(&text));
    for (int64_t i = size; i < d->width && d->is_left; i++)
        buf_put_u8(&f->out, ' ');
    const bool is_right = buf_status(&text) == ST_OK;
    buf_fini(&text);
    if (!is_right)
        function_fail(f->context, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    return is_right;
}

/* Behind a "%". */
static bool put_directive(struct formatter *f)
{
    struct directive d;
    char what[64];
    if (!is_more(f)) return false;
    if (f->format.data[f->at] == '%') {
        buf_put_u8(&f->out, '%');
        f->at++;
        return true;
    }
    if (!take_directive(f, &d)) return false;
    if (d.letter != 's' && d.letter != 'I' && d.letter != 'L') {
        (void)snprintf(what, sizeof what, "unrecognized format() type specifier \"%.*s\"",
                       (int)sql_char_size(d.letter), (const char *)f->format.data + f->at);
        return fail(f, what, true);
    }
    f->at++;
    if (!take_width(f, &d)) return false;
    sqlite3_value *given = take_argument(f, d.argument);
    return given != NULL && put_argument(f, &d, given);
}

/* format(pattern, text of an argument …) */
static void format(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct formatter f = {.context = c, .args = args + 1, .count = count - 1, .next = 1};
    must(count > 0);
    if (!function_begin(c, 1, args)) return;
    f.format = function_bytes(args[0]);
    buf_init(&f.out, mem_system(), SQL_VALUE_MAX);
    bool is_right = true;
    while (is_right && f.at < f.format.size) {
        const uint8_t b = f.format.data[f.at++];
        if (b == '%')
            is_right = put_directive(&f);
        else
            buf_put_u8(&f.out, b);
    }
    if (is_right)
        function_return_buf(c, &f.out);
    else
        buf_fini(&f.out);
}

const struct native function_words[] = {
    {.name = "sql_format", .args = -1, .call = format},
    {.name = NULL},
};
