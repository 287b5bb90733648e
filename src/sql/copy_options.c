/* The options of COPY, in PostgreSQL's order of checks and in its words. */
#include <strings.h>

#include "base/must.h"
#include "sql/copy_int.h"

enum option {
    OPTION_FORMAT,
    OPTION_FREEZE,
    OPTION_DELIMITER,
    OPTION_NULL,
    OPTION_HEADER,
    OPTION_QUOTE,
    OPTION_ESCAPE,
    OPTION_FORCE_QUOTE,
    OPTION_FORCE_NOT_NULL,
    OPTION_FORCE_NULL,
    OPTION_ENCODING,
    OPTION_COUNT
};

static const char *const option_names[OPTION_COUNT] = {
    "format", "freeze",      "delimiter",      "null",       "header",  "quote",
    "escape", "force_quote", "force_not_null", "force_null", "encoding"};

struct options {
    const PgQuery__DefElem *given[OPTION_COUNT]; /* Null: not given. */
    struct span text[OPTION_COUNT];              /* Of those with one string. */
};

static enum status collect(struct binder *b, struct options *o, const PgQuery__CopyStmt *s);
static enum status read_format(struct binder *b, struct sql_copy *copy, const struct options *o);
static enum status read_bool(struct binder *b, const PgQuery__DefElem *e, bool *value);
static enum status read_header(struct binder *b, struct sql_copy *copy, const struct options *o);
static enum status read_encoding(struct binder *b, const struct options *o);
static enum status check_binary(struct binder *b, const struct options *o);
static enum status check_characters(struct binder *b,
                                    const struct sql_copy *copy,
                                    const struct options *o);
static enum status check_csv(struct binder *b,
                             const struct sql_copy *copy,
                             const struct options *o);
static enum status check_overlap(struct binder *b, const struct sql_copy *copy);
static enum status read_columns(struct binder *b,
                                const struct sql_copy *copy,
                                const PgQuery__DefElem *e,
                                const bool **out);

enum status copy_options(struct binder *b, struct sql_copy *copy, const PgQuery__CopyStmt *s)
{
    struct options o = {0};
    bool is_frozen = false;
    TRY(collect(b, &o, s));
    TRY(read_format(b, copy, &o));
    TRY(read_bool(b, o.given[OPTION_FREEZE], &is_frozen)); /* Nothing is visible before it ends. */
    TRY(read_header(b, copy, &o));
    TRY(read_encoding(b, &o));
    TRY(check_binary(b, &o));
    const bool is_csv = copy->format == SQL_COPY_CSV;
    copy->null =
        o.given[OPTION_NULL] != NULL ? o.text[OPTION_NULL] : span_text(is_csv ? "" : "\\N");
    TRY(check_characters(b, copy, &o));
    copy->delimiter = (uint8_t)(is_csv ? ',' : '\t');
    if (o.given[OPTION_DELIMITER] != NULL) copy->delimiter = o.text[OPTION_DELIMITER].data[0];
    TRY(check_csv(b, copy, &o));
    copy->quote = o.given[OPTION_QUOTE] != NULL ? o.text[OPTION_QUOTE].data[0] : '"';
    copy->escape = o.given[OPTION_ESCAPE] != NULL ? o.text[OPTION_ESCAPE].data[0] : copy->quote;
    TRY(check_overlap(b, copy));
    TRY(read_columns(b, copy, o.given[OPTION_FORCE_QUOTE], &copy->force_quote));
    TRY(read_columns(b, copy, o.given[OPTION_FORCE_NOT_NULL], &copy->force_not_null));
    return read_columns(b, copy, o.given[OPTION_FORCE_NULL], &copy->force_null);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_word(struct span text, const char *word)
{
    return text.size == strlen(word) &&
           (text.size == 0 || strncasecmp((const char *)text.data, word, text.size) == 0);
}

/* The string of an option, numbers as they were written; size 0 may be none. */
static struct span option_text(struct binder *b, const PgQuery__DefElem *e)
{
    const PgQuery__Node *n = e->arg;
    struct buf text;
    const char *copy = NULL;
    if (n == NULL) return span_of(NULL, 0);
    if (n->node_case == PG_QUERY__NODE__NODE_FLOAT) return bind_cstring(n->float_->fval);
    if (n->node_case == PG_QUERY__NODE__NODE_BOOLEAN)
        return span_text(n->boolean->boolval ? "true" : "false");
    if (n->node_case != PG_QUERY__NODE__NODE_INTEGER) return bind_string(n);
    buf_init(&text, b->arena->mem, 0);
    buf_printf(&text, "%d", n->integer->ival);
    return emit_finish(b, &text, &copy) == ST_OK ? span_text(copy) : span_of(NULL, 0);
}

static enum status collect(struct binder *b, struct options *o, const PgQuery__CopyStmt *s)
{
    for (size_t i = 0; i < s->n_options; i++) {
        const PgQuery__DefElem *e = s->options[i]->def_elem;
        size_t k = 0;
        while (k < OPTION_COUNT && strcmp(e->defname, option_names[k]) != 0)
            k++;
        if (k == OPTION_COUNT)
            return bind_fail(b, e->location, "42601", "option \"%s\" not recognized", e->defname);
        if (o->given[k] != NULL)
            return bind_fail(b, e->location, "42601", "conflicting or redundant options");
        o->given[k] = e;
        o->text[k] = option_text(b, e);
    }
    return ST_OK;
}

static enum status read_format(struct binder *b, struct sql_copy *copy, const struct options *o)
{
    const PgQuery__DefElem *e = o->given[OPTION_FORMAT];
    struct span name = o->text[OPTION_FORMAT];
    copy->format = SQL_COPY_TEXT;
    if (e == NULL || is_word(name, "text")) return ST_OK;
    copy->format = SQL_COPY_CSV;
    if (is_word(name, "csv")) return ST_OK;
    copy->format = SQL_COPY_BINARY;
    if (is_word(name, "binary")) return ST_OK;
    return bind_fail(b, e->location, "22023", "COPY format \"%.*s\" not recognized", (int)name.size,
                     (const char *)name.data);
}

/* As PostgreSQL's defGetBoolean: nothing at all is true. */
static enum status read_bool(struct binder *b, const PgQuery__DefElem *e, bool *value)
{
    static const char *const yes[] = {"true", "on", "1"};
    static const char *const no[] = {"false", "off", "0"};
    if (e == NULL) return ST_OK;
    *value = true;
    if (e->arg == NULL) return ST_OK;
    struct span text = option_text(b, e);
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (is_word(text, yes[i])) return ST_OK;
        if (!is_word(text, no[i])) continue;
        *value = false;
        return ST_OK;
    }
    return bind_fail(b, -1, "42601", "%s requires a Boolean value", e->defname);
}

static enum status read_header(struct binder *b, struct sql_copy *copy, const struct options *o)
{
    const PgQuery__DefElem *e = o->given[OPTION_HEADER];
    bool is_on = false;
    if (e == NULL) return ST_OK;
    if (is_word(o->text[OPTION_HEADER], "match")) {
        if (!copy->is_from)
            return bind_fail(b, -1, "0A000", "cannot use \"match\" with HEADER in COPY TO");
        copy->header = SQL_COPY_HEADER_MATCH;
        return ST_OK;
    }
    if (read_bool(b, e, &is_on) != ST_OK)
        return bind_fail(b, -1, "42601", "header requires a Boolean value or \"match\"");
    if (is_on) copy->header = SQL_COPY_HEADER;
    return ST_OK;
}

static enum status read_encoding(struct binder *b, const struct options *o)
{
    const PgQuery__DefElem *e = o->given[OPTION_ENCODING];
    struct span name = o->text[OPTION_ENCODING];
    if (e == NULL || is_word(name, "utf8") || is_word(name, "utf-8") || is_word(name, "unicode"))
        return ST_OK;
    return bind_unsupported(b, e->location, "encodings other than UTF8 are not supported",
                            "Convert the data to UTF8.");
}

/* --- checks ----------------------------------------------------------------------------------- */

static enum status check_binary(struct binder *b, const struct options *o)
{
    if (!is_word(o->text[OPTION_FORMAT], "binary")) return ST_OK;
    if (o->given[OPTION_DELIMITER] != NULL)
        return bind_fail(b, -1, "42601", "cannot specify DELIMITER in BINARY mode");
    if (o->given[OPTION_NULL] != NULL)
        return bind_fail(b, -1, "42601", "cannot specify NULL in BINARY mode");
    return ST_OK;
}

static bool has_end_of_line(struct span text)
{
    return text.size > 0 && (memchr(text.data, '\n', text.size) != NULL ||
                             memchr(text.data, '\r', text.size) != NULL);
}

static bool has_byte(struct span text, uint8_t byte)
{
    return text.size > 0 && memchr(text.data, byte, text.size) != NULL;
}

static enum status check_characters(struct binder *b,
                                    const struct sql_copy *copy,
                                    const struct options *o)
{
    static const char taken[] = "\\.abcdefghijklmnopqrstuvwxyz0123456789";
    struct span delimiter = o->text[OPTION_DELIMITER];
    if (o->given[OPTION_DELIMITER] != NULL && delimiter.size != 1)
        return bind_fail(b, -1, "0A000", "COPY delimiter must be a single one-byte character");
    if (has_end_of_line(delimiter))
        return bind_fail(b, -1, "22023", "COPY delimiter cannot be newline or carriage return");
    if (has_end_of_line(copy->null))
        return bind_fail(b, -1, "22023",
                         "COPY null representation cannot use newline or carriage return");
    if (copy->format == SQL_COPY_TEXT && delimiter.size == 1 &&
        has_byte(span_text(taken), delimiter.data[0]))
        return bind_fail(b, -1, "22023", "COPY delimiter cannot be \"%c\"", delimiter.data[0]);
    if (copy->format == SQL_COPY_BINARY && copy->header != SQL_COPY_NO_HEADER)
        return bind_fail(b, -1, "0A000", "cannot specify HEADER in BINARY mode");
    return ST_OK;
}

static enum status check_quotes(struct binder *b,
                                const struct sql_copy *copy,
                                const struct options *o)
{
    const bool is_csv = copy->format == SQL_COPY_CSV;
    struct span quote = o->text[OPTION_QUOTE];
    if (!is_csv && o->given[OPTION_QUOTE] != NULL)
        return bind_fail(b, -1, "0A000", "COPY quote available only in CSV mode");
    if (o->given[OPTION_QUOTE] != NULL && quote.size != 1)
        return bind_fail(b, -1, "0A000", "COPY quote must be a single one-byte character");
    const uint8_t used = quote.size == 1 ? quote.data[0] : '"';
    if (is_csv && copy->delimiter == used)
        return bind_fail(b, -1, "22023", "COPY delimiter and quote must be different");
    if (!is_csv && o->given[OPTION_ESCAPE] != NULL)
        return bind_fail(b, -1, "0A000", "COPY escape available only in CSV mode");
    if (o->given[OPTION_ESCAPE] != NULL && o->text[OPTION_ESCAPE].size != 1)
        return bind_fail(b, -1, "0A000", "COPY escape must be a single one-byte character");
    return ST_OK;
}

static enum status check_csv(struct binder *b, const struct sql_copy *copy, const struct options *o)
{
    static const struct {
        enum option option;
        bool is_of_from;
        const char *what;
    } forced[] = {{OPTION_FORCE_QUOTE, false, "force quote"},
                  {OPTION_FORCE_NOT_NULL, true, "force not null"},
                  {OPTION_FORCE_NULL, true, "force null"}};
    TRY(check_quotes(b, copy, o));
    for (size_t i = 0; i < sizeof forced / sizeof *forced; i++) {
        if (o->given[forced[i].option] == NULL) continue;
        if (copy->format != SQL_COPY_CSV)
            return bind_fail(b, -1, "0A000", "COPY %s available only in CSV mode", forced[i].what);
        if (copy->is_from != forced[i].is_of_from)
            return bind_fail(b, -1, "0A000", "COPY %s only available using COPY %s", forced[i].what,
                             forced[i].is_of_from ? "FROM" : "TO");
    }
    return ST_OK;
}

static enum status check_overlap(struct binder *b, const struct sql_copy *copy)
{
    if (copy->format == SQL_COPY_BINARY) return ST_OK;
    if (has_byte(copy->null, copy->delimiter))
        return bind_fail(b, -1, "0A000",
                         "COPY delimiter must not appear in the NULL specification");
    if (copy->format == SQL_COPY_CSV && has_byte(copy->null, copy->quote))
        return bind_fail(b, -1, "0A000",
                         "CSV quote character must not appear in the NULL specification");
    return ST_OK;
}

/* --- FORCE_… ---------------------------------------------------------------------------------- */

static enum status mark_column(struct binder *b,
                               const struct sql_copy *copy,
                               const PgQuery__DefElem *e,
                               struct span name,
                               bool *marks)
{
    const char *option = strcmp(e->defname, "force_quote") == 0      ? "FORCE_QUOTE"
                         : strcmp(e->defname, "force_not_null") == 0 ? "FORCE_NOT_NULL"
                                                                     : "FORCE_NULL";
    for (uint32_t i = 0; i < copy->column_count; i++) {
        if (!span_equal(copy->columns[i].name, name)) continue;
        marks[i] = true;
        return ST_OK;
    }
    return bind_fail(b, -1, "42P10", "%s column \"%.*s\" not referenced by COPY", option,
                     (int)name.size, (const char *)name.data);
}

static enum status read_columns(struct binder *b,
                                const struct sql_copy *copy,
                                const PgQuery__DefElem *e,
                                const bool **out)
{
    if (e == NULL) return ST_OK;
    bool *marks = arena_alloc_zero(b->arena, copy->column_count + 1u, sizeof *marks);
    if (marks == NULL) return bind_no_memory(b);
    *out = marks;
    const PgQuery__Node *arg = e->arg;
    if (arg != NULL && arg->node_case == PG_QUERY__NODE__NODE_A_STAR) {
        memset(marks, 1, copy->column_count * sizeof *marks);
        return ST_OK;
    }
    if (arg == NULL || arg->node_case != PG_QUERY__NODE__NODE_LIST)
        return bind_fail(b, e->location, "22023",
                         "argument to option \"%s\" must be a list of column names", e->defname);
    for (size_t i = 0; i < arg->list->n_items; i++)
        TRY(mark_column(b, copy, e, bind_string(arg->list->items[i]), marks));
    return ST_OK;
}
