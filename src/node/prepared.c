#include "node/prepared.h"

#include "base/must.h"
#include "sql/lex.h"
#include "sql/type.h"

#define ARGUMENTS_MAX 256u

struct prepared_statement {
    struct prepared_statement *next;
    struct arena arena; /* Everything below. */
    struct span name;
    struct span text;
    enum sql_type *types;
    uint32_t type_count;
};

struct parts { /* Of a list in brackets, by commas: places in the text. */
    struct span items[ARGUMENTS_MAX];
    uint32_t count;
    size_t end; /* Behind the bracket. */
};

static struct lex_token after(struct span text, struct lex_token t)
{
    return lex_next(text, t.start + t.size);
}

static struct span token_span(struct span text, struct lex_token t)
{
    return span_of(text.data + t.start, t.size);
}

static enum status syntax_error(struct span text, struct lex_token t, struct diag *d)
{
    if (t.kind == LEX_END)
        diag_set(d, "42601", "syntax error at end of input");
    else
        diag_set(d, "42601", "syntax error at or near \"%.*s\"", (int)(t.size < 64 ? t.size : 64),
                 (const char *)text.data + t.start);
    d->position = lex_char_count(span_of(text.data, t.start)) + 1;
    return ST_INVALID;
}

bool prepared_is_prepare(struct span text)
{
    const struct lex_token t = lex_next(text, 0);
    return lex_is(text, t, "prepare") && !lex_is(text, after(text, t), "transaction");
}

bool prepared_is_execute(struct span text)
{
    return lex_is(text, lex_next(text, 0), "execute");
}

/* --- taking apart ----------------------------------------------------------------------------- */

/* In small letters, or as it stands in its quotes. */
static enum status take_name(struct arena *a,
                             struct span text,
                             struct lex_token t,
                             struct span *out)
{
    if (t.kind != LEX_WORD) return ST_INVALID;
    uint8_t *name = arena_alloc(a, t.size + 1);
    if (name == NULL) return ST_NO_MEMORY;
    const struct span from = token_span(text, t);
    const bool is_quoted = from.data[0] == '"';
    size_t size = 0;
    for (size_t i = is_quoted ? 1 : 0; i + (is_quoted ? 1 : 0) < from.size; i++) {
        const uint8_t c = from.data[i];
        const bool is_large = !is_quoted && c >= 'A' && c <= 'Z';
        if (is_quoted && c == '"') i++; /* The second of two. */
        name[size++] = is_large ? (uint8_t)(c + ('a' - 'A')) : c;
    }
    *out = span_of(name, size);
    return ST_OK;
}

/* "(a, b)" from an open bracket on. False: no end, or too many. */
static bool take_parts(struct span text, struct lex_token open, struct parts *p)
{
    uint32_t depth = 1;
    struct lex_token t = after(text, open);
    size_t start = t.start;
    p->count = 0;
    for (; t.kind != LEX_END; t = after(text, t)) {
        depth += t.kind == LEX_OPEN;
        depth -= t.kind == LEX_CLOSE;
        const bool is_end = depth == 0;
        if (!is_end && !(depth == 1 && t.kind == LEX_COMMA)) continue;
        if (p->count == ARGUMENTS_MAX) return false;
        p->items[p->count++] = span_of(text.data + start, t.start - start);
        start = t.start + t.size;
        p->end = start;
        if (is_end) return true;
    }
    return false;
}

/* The number behind the dollar; 0: out of range. */
static uint32_t param_number(struct span token)
{
    uint32_t number = 0;
    for (size_t i = 1; i < token.size && number <= ARGUMENTS_MAX; i++)
        number = number * 10 + (uint32_t)(token.data[i] - '0');
    return number <= ARGUMENTS_MAX ? number : 0;
}

static void put_cast(struct buf *out, struct span value, struct span type)
{
    buf_put_text(out, "CAST((");
    buf_put(out, value);
    buf_put_text(out, ") AS ");
    buf_put(out, type);
    buf_put_text(out, ")");
}

/* Parameters with a declared type say it. */
static void put_typed(struct buf *out, struct span text, const struct parts *types)
{
    size_t from = 0;
    for (struct lex_token t = lex_next(text, 0); t.kind != LEX_END; t = after(text, t)) {
        const uint32_t number = t.kind == LEX_PARAM ? param_number(token_span(text, t)) : 0;
        if (number == 0 || number > types->count) continue;
        buf_put(out, span_of(text.data + from, t.start - from));
        put_cast(out, token_span(text, t), types->items[number - 1]);
        from = t.start + t.size;
    }
    buf_put(out, span_of(text.data + from, text.size - from));
}

static enum status finish(struct arena *a, struct buf *text, struct span *out)
{
    enum status st = buf_status(text);
    if (st == ST_OK) *out = arena_copy(a, buf_span(text));
    if (st == ST_OK && out->data == NULL) st = ST_NO_MEMORY;
    buf_fini(text);
    return st;
}

enum status prepared_parse(struct prepared_text *out,
                           struct arena *a,
                           struct span text,
                           struct diag *d)
{
    struct parts types = {.count = 0};
    const struct lex_token name = after(text, lex_next(text, 0));
    struct lex_token t = after(text, name);
    if (name.kind != LEX_WORD) return syntax_error(text, name, d);
    if (t.kind == LEX_OPEN) {
        if (!take_parts(text, t, &types)) return syntax_error(text, t, d);
        t = lex_next(text, types.end);
    }
    if (!lex_is(text, t, "as")) return syntax_error(text, t, d);
    const size_t from = t.start + t.size;
    const struct lex_token first = lex_next(text, from);
    if (first.kind == LEX_END) return syntax_error(text, first, d);
    TRY(take_name(a, text, name, &out->name));
    out->text = span_of(text.data + from, text.size - from);
    struct buf typed;
    buf_init(&typed, a->mem, 0);
    put_typed(&typed, out->text, &types);
    return finish(a, &typed, &out->typed);
}

/* --- the list --------------------------------------------------------------------------------- */

static struct prepared_statement *find(const struct prepared_list *l, struct span name)
{
    struct prepared_statement *p = l->first;
    while (p != NULL && !span_equal(p->name, name))
        p = p->next;
    return p;
}

static bool can_be_prepared(const struct sql_statement *s)
{
    return s->kind == SQL_KIND_SELECT || s->kind == SQL_KIND_INSERT || s->kind == SQL_KIND_UPDATE ||
           s->kind == SQL_KIND_DELETE;
}

static enum status fill(struct prepared_statement *to,
                        const struct prepared_text *p,
                        const struct sql_statement *s)
{
    to->name = arena_copy(&to->arena, p->name);
    to->text = arena_copy(&to->arena, p->text);
    to->type_count = s->param_count;
    to->types = arena_alloc(&to->arena, (s->param_count + 1u) * sizeof *to->types);
    if (to->name.data == NULL || to->text.data == NULL || to->types == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < s->param_count; i++)
        to->types[i] = s->param_types[i];
    return ST_OK;
}

enum status prepared_add(struct prepared_list *l,
                         const struct prepared_text *p,
                         const struct sql_statement *s,
                         struct diag *d)
{
    if (!can_be_prepared(s)) {
        diag_set(d, "42601", "only SELECT, INSERT, UPDATE and DELETE can be prepared");
        return ST_INVALID;
    }
    if (find(l, p->name) != NULL) {
        diag_set(d, "42P05", "prepared statement \"%.*s\" already exists",
                 (int)(p->name.size < 63 ? p->name.size : 63), (const char *)p->name.data);
        return ST_EXISTS;
    }
    if (l->count == PREPARED_MAX || p->text.size > PREPARED_BYTES_MAX - l->bytes ||
        s->param_count > ARGUMENTS_MAX) {
        diag_set(d, "54000", "this session keeps %u prepared statements of %u bytes together",
                 PREPARED_MAX, PREPARED_BYTES_MAX);
        return ST_LIMIT;
    }
    struct prepared_statement *made = mem_alloc_zero(l->mem, 1, sizeof *made);
    if (made == NULL) return ST_NO_MEMORY;
    arena_init(&made->arena, l->mem, 0);
    enum status st = fill(made, p, s);
    if (st != ST_OK) {
        arena_fini(&made->arena);
        mem_free(l->mem, made);
        return st;
    }
    made->next = l->first;
    l->first = made;
    l->count++;
    l->bytes += made->text.size;
    return ST_OK;
}

bool prepared_remove(struct prepared_list *l, struct span name)
{
    bool is_there = false;
    for (struct prepared_statement **at = &l->first; *at != NULL;) {
        struct prepared_statement *p = *at;
        if (name.size > 0 && !span_equal(p->name, name)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        must(l->count > 0);
        l->count--;
        l->bytes -= p->text.size;
        arena_fini(&p->arena);
        mem_free(l->mem, p);
        is_there = true;
    }
    return is_there;
}

/* --- EXECUTE ---------------------------------------------------------------------------------- */

/* CAST(… AS character) would be one character long. */
static struct span type_name(enum sql_type type)
{
    const struct sql_type_info *info = sql_type_info(type);
    return span_text(strcmp(info->title, "character") == 0 ? info->name : info->title);
}

/* A constant whose cast to the type is what PostgreSQL's assignment gives. */
static bool is_constant(struct span text, enum sql_type type)
{
    struct lex_token t = lex_next(text, 0);
    const char category = sql_type_info(type)->category;
    const bool is_signed = t.kind == LEX_OPERATOR && t.size == 1 &&
                           (text.data[t.start] == '-' || text.data[t.start] == '+');
    if (is_signed) t = after(text, t);
    const bool is_null = lex_is(text, t, "null");
    const bool is_bool = lex_is(text, t, "true") || lex_is(text, t, "false");
    if (after(text, t).kind != LEX_END) return false;
    if (t.kind == LEX_NUMBER) return category == 'N' || category == 'S';
    if (is_signed) return false;
    return t.kind == LEX_STRING || is_null || (is_bool && (category == 'B' || category == 'S'));
}

static enum status check_arguments(const struct prepared_statement *p,
                                   const struct parts *given,
                                   struct diag *d)
{
    if (given->count != p->type_count) {
        diag_set(d, "42601", "wrong number of parameters for prepared statement \"%.*s\"",
                 (int)(p->name.size < 63 ? p->name.size : 63), (const char *)p->name.data);
        diag_detail(d, "Expected %u parameters but got %u.", p->type_count, given->count);
        return ST_INVALID;
    }
    for (uint32_t i = 0; i < given->count; i++) {
        if (is_constant(given->items[i], p->types[i])) continue;
        diag_set(d, "0A000", "argument %u of EXECUTE is no constant for type %s", i + 1,
                 sql_type_info(p->types[i])->title);
        diag_hint(d, "Write a constant, or use the extended protocol of your driver.");
        return ST_UNSUPPORTED;
    }
    return ST_OK;
}

static void put_executed(struct buf *out,
                         const struct prepared_statement *p,
                         const struct parts *given)
{
    size_t from = 0;
    for (struct lex_token t = lex_next(p->text, 0); t.kind != LEX_END; t = after(p->text, t)) {
        const uint32_t number = t.kind == LEX_PARAM ? param_number(token_span(p->text, t)) : 0;
        if (number == 0 || number > given->count) continue;
        buf_put(out, span_of(p->text.data + from, t.start - from));
        put_cast(out, given->items[number - 1], type_name(p->types[number - 1]));
        from = t.start + t.size;
    }
    buf_put(out, span_of(p->text.data + from, p->text.size - from));
}

enum status prepared_expand(const struct prepared_list *l,
                            struct arena *a,
                            struct span text,
                            struct span *out,
                            struct diag *d)
{
    struct span name;
    struct parts given = {.count = 0};
    const struct lex_token word = after(text, lex_next(text, 0));
    struct lex_token t = after(text, word);
    if (word.kind != LEX_WORD) return syntax_error(text, word, d);
    if (t.kind == LEX_OPEN) {
        if (!take_parts(text, t, &given)) return syntax_error(text, t, d);
        t = lex_next(text, given.end);
    }
    if (t.kind != LEX_END) return syntax_error(text, t, d);
    TRY(take_name(a, text, word, &name));
    const struct prepared_statement *p = find(l, name);
    if (p == NULL) {
        diag_set(d, "26000", "prepared statement \"%.*s\" does not exist",
                 (int)(name.size < 63 ? name.size : 63), (const char *)name.data);
        return ST_NOT_FOUND;
    }
    TRY(check_arguments(p, &given, d));
    struct buf made;
    buf_init(&made, a->mem, SQL_TEXT_MAX);
    put_executed(&made, p, &given);
    enum status st = finish(a, &made, out);
    if (st == ST_LIMIT) diag_set(d, "54000", "the statement is longer than %u bytes", SQL_TEXT_MAX);
    return st;
}
