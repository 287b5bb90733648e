/* Functions in FROM: generate_series, unnest and the like, and any that gives one value.
 *
 * A series is a recursive query of SQLite. What is taken apart - an array, a JSON value - becomes a
 * JSON array that SQLite's json_each makes rows of. An argument of json_each may name tables before
 * it in FROM, which a query there may not: so every list of rows can also be had as such an array
 * (struct row_list), and is where its rows depend on other items of FROM, are numbered, or stand
 * beside another list (ROWS FROM, functions in the list of columns). */
#include <stdio.h>

#include "base/must.h"
#include "sql/bind_int.h"

#define EACH "json_each("

struct columns { /* What a function gives, where its columns have names. */
    const char *name;
    const char *names[2];
    enum sql_type types[2];
};

static const struct columns several[] = {
    {"json_array_elements", {"value", NULL}, {SQL_JSON, SQL_VOID}},
    {"jsonb_array_elements", {"value", NULL}, {SQL_JSONB, SQL_VOID}},
    {"json_array_elements_text", {"value", NULL}, {SQL_TEXT, SQL_VOID}},
    {"jsonb_array_elements_text", {"value", NULL}, {SQL_TEXT, SQL_VOID}},
    {"pg_options_to_table", {"option_name", "option_value"}, {SQL_TEXT, SQL_TEXT}},
    {"json_each", {"key", "value"}, {SQL_TEXT, SQL_JSON}},
    {"jsonb_each", {"key", "value"}, {SQL_TEXT, SQL_JSONB}},
    {"json_each_text", {"key", "value"}, {SQL_TEXT, SQL_TEXT}},
    {"jsonb_each_text", {"key", "value"}, {SQL_TEXT, SQL_TEXT}}};

static const struct columns *columns_of(struct span name)
{
    for (size_t i = 0; i < sizeof several / sizeof several[0]; i++)
        if (span_equal(name, span_text(several[i].name))) return &several[i];
    return NULL;
}

/* --- lists of rows ------------------------------------------------------------------------- */

static bool is_each(const struct expr *rows)
{
    return strncmp(rows->template, EACH, strlen(EACH)) == 0;
}

/* The same call with another text around what it emits. */
static struct expr *with_template(struct binder *b,
                                  const struct expr *e,
                                  const char *before,
                                  const char *after)
{
    struct buf text;
    const char *copy = NULL;
    struct expr *out = arena_alloc(b->arena, sizeof *out);
    if (out == NULL) return NULL;
    buf_init(&text, b->arena->mem, 0);
    buf_put_text(&text, before);
    buf_put_text(&text, e->template);
    buf_put_text(&text, after);
    if (emit_finish(b, &text, &copy) != ST_OK) return NULL;
    *out = *e;
    out->template = copy;
    return out;
}

static enum status list_of(struct binder *b, const struct expr **out, const struct expr *rows)
{
    struct expr *list = NULL;
    if (is_each(rows)) {
        list = with_template(b, rows, "", "");
        if (list == NULL) return bind_no_memory(b);
        const char *inner = list->template + strlen(EACH);
        const struct span cut = arena_copy(b->arena, span_of(inner, strlen(inner) - 1));
        if (cut.data == NULL) return bind_no_memory(b);
        list->template = (const char *)cut.data;
    } else {
        list = with_template(b, rows, "(SELECT sql_rows(c1) FROM ", ")");
        if (list == NULL) return bind_no_memory(b);
    }
    *out = list;
    return ST_OK;
}

enum status bind_each(struct binder *b, const struct expr **out, const struct expr *list)
{
    *out = with_template(b, list, EACH, ")");
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}

/* The place of a value in a list's row: nothing, "[1]" or "[1][0]". */
static enum status value_at(struct binder *b, struct field *f, const char *path)
{
    struct buf text;
    const bool is_blob = sql_type_storage(f->type) == SQL_STORE_BLOB;
    buf_init(&text, b->arena->mem, 0);
    if (is_blob) buf_put_text(&text, "row_bytes(");
    if (path[0] == 0)
        buf_put_text(&text, "%s.value");
    else
        buf_printf(&text, "json_extract(%%s.value, '$%s')", path);
    if (is_blob) buf_put_u8(&text, ')');
    return emit_finish(b, &text, &f->sqlite);
}

enum status bind_list_column(struct binder *b, struct field *f, uint32_t i, uint32_t n)
{
    char path[32] = "";
    must(i < n);
    if (n > 1) (void)snprintf(path, sizeof path, "[%u]", i);
    return value_at(b, f, path);
}

static enum status list_fields(struct binder *b, struct row_list *out, struct span name)
{
    const struct columns *c = columns_of(name);
    out->field_count = c != NULL && c->names[1] != NULL ? 2 : 1;
    out->fields = arena_alloc_zero(b->arena, out->field_count, sizeof *out->fields);
    if (out->fields == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < out->field_count; i++) {
        out->fields[i] = (struct field){.name = c != NULL ? span_text(c->names[i]) : name,
                                        .type = c != NULL ? c->types[i] : out->rows->type,
                                        .typmod = c != NULL ? -1 : out->rows->typmod,
                                        .scale = -1};
        TRY(bind_list_column(b, &out->fields[i], i, out->field_count));
    }
    return ST_OK;
}

static bool is_rows_call(const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_FUNC_CALL) return false;
    const PgQuery__FuncCall *c = n->func_call;
    const bool is_ours =
        c->n_funcname == 1 || span_equal(bind_string(c->funcname[0]), span_text("pg_catalog")) ||
        span_equal(bind_string(c->funcname[c->n_funcname - 1]), span_text("_pg_expandarray"));
    return is_ours &&
           sql_function_find(bind_string(c->funcname[c->n_funcname - 1]), SQL_ROWS, 0) != NULL;
}

/* A function that gives one value is one row. */
static enum status bind_one_row(struct binder *b, struct row_list *out, const PgQuery__Node *call)
{
    struct expr *e = NULL;
    TRY(bind_expr(b, &e, call));
    TRY(bind_settle(b, &e));
    struct expr *rows = bind_call(b, e->type, "(SELECT %1 AS c1)", (struct expr *[3]){e});
    if (rows == NULL) return bind_no_memory(b);
    rows->typmod = e->typmod;
    out->rows = rows;
    TRY(list_of(b, &out->list, out->rows));
    return list_fields(b, out, bind_column_name(call));
}

enum status bind_row_list(struct binder *b, struct row_list *out, const PgQuery__Node *call)
{
    struct expr *rows = NULL;
    if (!is_rows_call(call)) return bind_one_row(b, out, call);
    const PgQuery__FuncCall *c = call->func_call;
    struct call_site site = {.name = bind_string(c->funcname[c->n_funcname - 1]),
                             .arg_count = (uint32_t)c->n_args,
                             .position = c->location,
                             .is_rows = true};
    TRY(bind_expr_list(b, &site.args, c->args, c->n_args));
    TRY(bind_function(b, &rows, &site));
    out->rows = rows;
    TRY(list_of(b, &out->list, rows));
    return list_fields(b, out, site.name);
}

/* --- several lists ------------------------------------------------------------------------- */

static enum status zipped_fields(struct binder *b,
                                 struct source *s,
                                 const struct row_list *list,
                                 uint32_t place)
{
    for (uint32_t i = 0; i < list->field_count; i++) {
        struct field *f = &s->fields[s->field_count++];
        char path[48];
        *f = list->fields[i];
        if (list->field_count == 1)
            (void)snprintf(path, sizeof path, "[%u]", place);
        else
            (void)snprintf(path, sizeof path, "[%u][%u]", place, i);
        TRY(value_at(b, f, path));
    }
    return ST_OK;
}

enum status bind_row_lists(struct binder *b,
                           struct source **out,
                           struct row_list *lists,
                           uint32_t count)
{
    uint32_t fields = 0;
    struct source *s = arena_alloc_zero(b->arena, 1, sizeof *s);
    struct expr *zip = bind_new_expr(b, EXPR_CALL, SQL_TEXT, -1);
    must(count > 0);
    for (uint32_t i = 0; i < count; i++)
        fields += lists[i].field_count;
    if (s == NULL || zip == NULL) return bind_no_memory(b);
    s->id = ++b->next_id;
    s->fields = arena_alloc_zero(b->arena, fields + 1u, sizeof *s->fields);
    zip->args = arena_alloc_zero(b->arena, count, sizeof(struct expr *));
    if (s->fields == NULL || zip->args == NULL) return bind_no_memory(b);
    zip->template = EACH "sql_zip(%*))";
    for (uint32_t i = 0; i < count; i++) {
        struct expr *list = arena_alloc(b->arena, sizeof *list);
        if (list == NULL) return bind_no_memory(b);
        *list = *lists[i].list;
        zip->args[zip->arg_count++] = list;
        TRY(zipped_fields(b, s, &lists[i], i));
    }
    s->rows = zip;
    *out = s;
    return ST_OK;
}

/* unnest(a, b) is ROWS FROM (unnest(a), unnest(b)). */
static enum status add_lists(struct binder *b,
                             struct row_list **lists,
                             uint32_t *count,
                             const PgQuery__Node *call)
{
    PgQuery__FuncCall one;
    PgQuery__Node node = *call;
    size_t parts = 1;
    if (is_rows_call(call)) {
        one = *call->func_call;
        node.func_call = &one;
        const struct span name = bind_string(one.funcname[one.n_funcname - 1]);
        if (span_equal(name, span_text("unnest")) && one.n_args > 1) parts = one.n_args;
    }
    for (size_t i = 0; i < parts; i++) {
        if (*count == BIND_SOURCES_MAX)
            return bind_too_many(b, "functions in ROWS FROM", BIND_SOURCES_MAX);
        *lists = bind_grow(b, *lists, *count, sizeof **lists);
        if (*lists == NULL) return bind_no_memory(b);
        if (parts > 1) {
            one.n_args = 1;
            one.args = call->func_call->args + i;
        }
        TRY(bind_row_list(b, &(*lists)[(*count)++], &node));
    }
    return ST_OK;
}

/* --- FROM ---------------------------------------------------------------------------------- */

static enum status add_ordinality(struct binder *b, struct source *s)
{
    struct field *more = arena_alloc_zero(b->arena, s->field_count + 1u, sizeof *more);
    if (more == NULL) return bind_no_memory(b);
    memcpy(more, s->fields, s->field_count * sizeof *more);
    more[s->field_count++] = (struct field){.name = span_text("ordinality"),
                                            .type = SQL_INT8,
                                            .typmod = -1,
                                            .scale = -1,
                                            .sqlite = "(%s.key + 1)"};
    s->fields = more;
    return ST_OK;
}

/* One list: as a query where nothing needs it as JSON. */
static enum status single_source(struct binder *b,
                                 struct source **out,
                                 struct row_list *list,
                                 bool is_listed)
{
    struct source *s = arena_alloc_zero(b->arena, 1, sizeof *s);
    if (s == NULL) return bind_no_memory(b);
    s->id = ++b->next_id;
    s->fields = list->fields;
    s->field_count = list->field_count;
    s->rows = list->rows;
    *out = s;
    if (is_listed) return bind_each(b, &s->rows, list->list);
    if (!is_each(list->rows)) s->fields[0].sqlite = NULL;
    return ST_OK;
}

static bool is_foreign_call(const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_FUNC_CALL) return false;
    const PgQuery__FuncCall *c = n->func_call;
    return c->n_funcname > 1 && !span_equal(bind_string(c->funcname[0]), span_text("pg_catalog"));
}

static bool is_ready_for(const struct binder *b, const PgQuery__RangeFunction *r)
{
    if (b->exec_version < TYPES_SINCE) return false;
    for (size_t i = 0; i < r->n_functions; i++) {
        if (r->functions[i]->node_case != PG_QUERY__NODE__NODE_LIST) return false;
        const PgQuery__List *list = r->functions[i]->list;
        if (list->n_items == 0 || is_foreign_call(list->items[0])) return false;
        if (list->n_items > 1 && list->items[1]->node_case == PG_QUERY__NODE__NODE_LIST)
            return false; /* ROWS FROM (f() AS (columns)) */
    }
    return r->n_functions > 0;
}

static enum status name_source(struct binder *b, struct source *s, const PgQuery__RangeFunction *r)
{
    const PgQuery__Node *call = r->functions[0]->list->items[0];
    const struct span name = bind_column_name(call);
    s->alias = name;
    if (r->alias == NULL) return ST_OK;
    s->alias = bind_cstring(r->alias->aliasname);
    const bool is_one = s->field_count == 1u + (r->ordinality != 0) && r->n_functions == 1;
    if (is_one && columns_of(name) == NULL) s->fields[0].name = s->alias;
    return bind_rename_fields(b, s, r->alias);
}

enum status bind_rows_function(struct binder *b,
                               struct source **out,
                               const PgQuery__RangeFunction *r,
                               bool *is_ready)
{
    *is_ready = is_ready_for(b, r);
    if (!*is_ready) return ST_OK;
    if (r->n_coldeflist > 0) return bind_record_function(b, out, r);
    struct row_list *lists = NULL;
    uint32_t count = 0;
    must(b->scope != NULL);
    struct scope *beside = b->scope->parent; /* Of the arguments' own, from.c. */
    const uint32_t refs = beside == NULL ? 0 : beside->outer_ref_count;
    const enum clause before = b->clause;
    b->clause = CLAUSE_ON;
    for (size_t i = 0; i < r->n_functions; i++)
        TRY(add_lists(b, &lists, &count, r->functions[i]->list->items[0]));
    b->clause = before;
    const bool is_lateral = beside != NULL && beside->outer_ref_count > refs;
    must(count > 0);
    if (count == 1)
        TRY(single_source(b, out, &lists[0], is_lateral || r->ordinality != 0));
    else
        TRY(bind_row_lists(b, out, lists, count));
    if (r->ordinality != 0) TRY(add_ordinality(b, *out));
    return name_source(b, *out, r);
}
