/* Functions of PostgreSQL that give rows, in FROM: generate_series, unnest and the like.
 *
 * A series is a recursive query of SQLite. What is taken apart - an array, a JSON value - becomes a
 * JSON array that SQLite's json_each makes rows of, so that it may name tables before it in FROM,
 * as PostgreSQL allows without LATERAL. */
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

static bool uses_own_columns(const struct binder *b, const struct expr *e)
{
    if (e->kind == EXPR_COLUMN)
        for (uint32_t i = 0; b->scope != NULL && i < b->scope->source_count; i++)
            if (b->scope->sources[i] == e->source) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (uses_own_columns(b, e->args[i])) return true;
    return false;
}

static const PgQuery__FuncCall *call_of(const PgQuery__RangeFunction *r)
{
    if (r->n_functions != 1 || r->functions[0]->node_case != PG_QUERY__NODE__NODE_LIST) return NULL;
    const PgQuery__List *list = r->functions[0]->list;
    if (list->n_items == 0 || list->items[0]->node_case != PG_QUERY__NODE__NODE_FUNC_CALL)
        return NULL;
    return list->items[0]->func_call;
}

static const char *column_text(enum sql_type type, bool is_each, uint32_t column, uint32_t count)
{
    static const char *const parts[] = {"json_extract(%s.value, '$[0]')",
                                        "json_extract(%s.value, '$[1]')"};
    if (!is_each) return NULL;
    if (count > 1) return parts[column];
    return sql_type_storage(type) == SQL_STORE_BLOB ? "row_bytes(%s.value)" : "%s.value";
}

static const struct columns *columns_of(struct span name)
{
    for (size_t i = 0; i < sizeof several / sizeof several[0]; i++)
        if (span_equal(name, span_text(several[i].name))) return &several[i];
    return NULL;
}

static enum status fill_fields(struct binder *b,
                               struct source *s,
                               const struct expr *rows,
                               struct span name,
                               bool has_ordinality)
{
    const struct columns *c = columns_of(name);
    const uint32_t count = c != NULL && c->names[1] != NULL ? 2 : 1;
    const bool is_each = strncmp(rows->template, EACH, strlen(EACH)) == 0;
    s->fields = arena_alloc_zero(b->arena, count + 1u, sizeof *s->fields);
    if (s->fields == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < count; i++) {
        const enum sql_type type = c != NULL ? c->types[i] : rows->type;
        s->fields[i] = (struct field){.name = c != NULL ? span_text(c->names[i]) : name,
                                      .type = type,
                                      .typmod = -1,
                                      .scale = -1,
                                      .sqlite = column_text(type, is_each, i, count)};
    }
    s->field_count = count;
    if (!has_ordinality) return ST_OK;
    if (!is_each)
        return bind_unsupported(b, -1, "WITH ORDINALITY is not supported for this function",
                                "Use row_number() OVER ().");
    s->fields[s->field_count++] = (struct field){.name = span_text("ordinality"),
                                                 .type = SQL_INT8,
                                                 .typmod = -1,
                                                 .scale = -1,
                                                 .sqlite = "(%s.key + 1)"};
    return ST_OK;
}

enum status bind_rows_function(struct binder *b,
                               struct source **out,
                               const PgQuery__RangeFunction *r,
                               bool *is_ready)
{
    const PgQuery__FuncCall *c = call_of(r);
    *is_ready = false;
    if (c == NULL || b->exec_version < TYPES_SINCE || r->is_rowsfrom || r->n_coldeflist > 0)
        return ST_OK;
    const struct span name = bind_string(c->funcname[c->n_funcname - 1]);
    const bool is_ours =
        c->n_funcname == 1 || span_equal(bind_string(c->funcname[0]), span_text("pg_catalog"));
    if (!is_ours || sql_function_find(name, SQL_ROWS, 0) == NULL) return ST_OK;
    struct source *s = arena_alloc_zero(b->arena, 1, sizeof *s);
    struct call_site site = {
        .name = name, .arg_count = (uint32_t)c->n_args, .position = c->location, .is_rows = true};
    struct expr *rows = NULL;
    if (s == NULL) return bind_no_memory(b);
    const enum clause before = b->clause;
    b->clause = CLAUSE_ON;
    TRY(bind_expr_list(b, &site.args, c->args, c->n_args));
    TRY(bind_function(b, &rows, &site));
    b->clause = before;
    s->id = ++b->next_id;
    s->rows = rows;
    s->alias = name;
    const bool is_each = strncmp(rows->template, EACH, strlen(EACH)) == 0;
    if (!is_each && uses_own_columns(b, rows))
        return bind_unsupported(b, c->location,
                                "a series over columns of the same FROM is not supported",
                                "Use generate_series in a subquery of its own.");
    TRY(fill_fields(b, s, rows, name, r->ordinality != 0));
    *out = s;
    *is_ready = true;
    if (r->alias == NULL) return ST_OK;
    s->alias = bind_cstring(r->alias->aliasname);
    if (columns_of(name) == NULL) s->fields[0].name = s->alias;
    return bind_rename_fields(b, s, r->alias);
}
