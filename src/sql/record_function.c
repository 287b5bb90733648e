/* json_to_record and json_to_recordset in FROM, with the columns that AS names: a query over the
 * elements that casts what each has under a column's name. */
#include "base/must.h"
#include "sql/bind_int.h"

struct record {
    struct source *elements;
    struct query *query;
    bool is_jsonb;
};

static const PgQuery__FuncCall *call_of(const PgQuery__RangeFunction *r)
{
    const PgQuery__Node *n = r->functions[0]->list->items[0];
    return r->n_functions == 1 && n->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? n->func_call
                                                                                 : NULL;
}

static enum status bind_elements(struct binder *b,
                                 struct record *out,
                                 const PgQuery__FuncCall *c,
                                 bool is_set)
{
    struct expr *value = NULL;
    const enum sql_type type = out->is_jsonb ? SQL_JSONB : SQL_JSON;
    TRY(bind_expr(b, &value, c->args[0]));
    TRY(bind_coerce_implicit(b, &value, type));
    struct source *s = arena_alloc_zero(b->arena, 1, sizeof *s);
    if (s == NULL) return bind_no_memory(b);
    s->id = ++b->next_id;
    s->rows =
        bind_call(b, type, is_set ? "json_each(json_rows(%1, 'e'))" : "json_each(sql_row(%1))",
                  (struct expr *[3]){value});
    s->fields = arena_alloc_zero(b->arena, 1, sizeof *s->fields);
    if (s->rows == NULL || s->fields == NULL) return bind_no_memory(b);
    s->fields[0] = (struct field){.type = type, .typmod = -1, .scale = -1, .sqlite = "%s.value"};
    s->field_count = 1;
    out->elements = s;
    return ST_OK;
}

/* What an element has under the name, as a value of the type. */
static enum status bind_column(struct binder *b,
                               const struct record *r,
                               struct target *out,
                               const PgQuery__ColumnDef *d)
{
    struct coercion to = {.context = SQL_CAST_EXPLICIT};
    TRY(bind_type(b, d->type_name, &to.type, &to.typmod));
    if (sql_type_is_array(to.type))
        return bind_unsupported(b, d->location, "an array from JSON is not supported",
                                "Take it as jsonb.");
    struct expr *name = bind_new_expr(b, EXPR_CONST, SQL_TEXT, -1);
    struct expr *value = bind_field(b, r->elements, 0);
    if (name == NULL || value == NULL) return bind_no_memory(b);
    name->value = (struct sql_value){.type = SQL_TEXT, .bytes = bind_cstring(d->colname)};
    const bool is_json = to.type == SQL_JSON || to.type == SQL_JSONB;
    out->name = name->value.bytes;
    out->expr = bind_call(b, is_json ? value->type : SQL_TEXT,
                          is_json ? "(CASE WHEN json_get_text(%1, %2) IS NOT NULL THEN "
                                    "json_get(%1, %2) END)"
                                  : "json_get_text(%1, %2)",
                          (struct expr *[3]){value, name});
    if (out->expr == NULL) return bind_no_memory(b);
    if (to.type != SQL_TEXT || to.typmod < 0) return bind_coerce(b, &out->expr, &to);
    to.context = SQL_CAST_ASSIGNMENT; /* Too long is an error, as where a value is read. */
    return bind_coerce(b, &out->expr, &to);
}

static enum status bind_columns(struct binder *b, struct record *r, const PgQuery__RangeFunction *f)
{
    struct query *q = arena_alloc_zero(b->arena, 1, sizeof *q);
    struct from *item = arena_alloc_zero(b->arena, 1, sizeof *item);
    if (q == NULL || item == NULL) return bind_no_memory(b);
    q->from = arena_alloc_zero(b->arena, 2, sizeof(struct from *));
    q->targets = arena_alloc_zero(b->arena, f->n_coldeflist, sizeof *q->targets);
    if (q->from == NULL || q->targets == NULL) return bind_no_memory(b);
    item->source = r->elements;
    q->from[q->from_count++] = item;
    for (size_t i = 0; i < f->n_coldeflist; i++)
        TRY(bind_column(b, r, &q->targets[q->target_count++], f->coldeflist[i]->column_def));
    r->query = q;
    return ST_OK;
}

enum status bind_record_function(struct binder *b,
                                 struct source **out,
                                 const PgQuery__RangeFunction *f)
{
    const PgQuery__FuncCall *c = call_of(f);
    struct span name = {0};
    if (c != NULL) name = bind_string(c->funcname[c->n_funcname - 1]);
    struct record r = {.is_jsonb = name.size > 4 && name.data[4] == 'b'};
    const bool is_set = span_equal(name, span_text("json_to_recordset")) ||
                        span_equal(name, span_text("jsonb_to_recordset"));
    const bool is_one = span_equal(name, span_text("json_to_record")) ||
                        span_equal(name, span_text("jsonb_to_record"));
    if ((!is_set && !is_one) || c->n_args != 1 || f->ordinality != 0)
        return bind_unsupported(b, c == NULL ? -1 : c->location,
                                "a function with a list of columns is not supported",
                                "But json_to_record and json_to_recordset are.");
    struct scope *beside = b->scope->parent;
    const uint32_t refs = beside == NULL ? 0 : beside->outer_ref_count;
    const enum clause before = b->clause;
    b->clause = CLAUSE_ON;
    TRY(bind_elements(b, &r, c, is_set));
    b->clause = before;
    TRY(bind_columns(b, &r, f));
    TRY(bind_query_source(b, out, r.query));
    struct source *s = *out;
    s->alias = f->alias == NULL ? name : bind_cstring(f->alias->aliasname);
    s->is_lateral = beside != NULL && beside->outer_ref_count > refs;
    for (uint32_t i = 0; i < s->field_count; i++) {
        s->fields[i].name = r.query->targets[i].name;
        if (s->is_lateral) TRY(bind_list_column(b, &s->fields[i], i, s->field_count));
    }
    return bind_rename_fields(b, s, f->alias);
}
