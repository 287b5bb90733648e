/* Functions that give rows in the list of columns: SELECT a, unnest(b) FROM t.
 *
 * They are a join: what FROM gives with the rows of the function, of several functions side by side
 * (rows_function.c). PostgreSQL computes them after WHERE and before DISTINCT, ORDER BY and LIMIT,
 * as a join does. Refused beside grouping, aggregates and windows, which come before them. */
#include "base/must.h"
#include "sql/bind_int.h"

#define CALLS_MAX 64u

struct set_calls {
    struct source *source; /* Its columns are those of the lists. */
    struct row_list *lists;
    uint32_t count;
    bool is_inside; /* The arguments of one are being bound. */
};

bool bind_is_set_call(const struct binder *b, const PgQuery__FuncCall *c)
{
    const struct span name = bind_string(c->funcname[c->n_funcname - 1]);
    return b->exec_version >= TYPES_SINCE && sql_function_find(name, SQL_ROWS, 0) != NULL &&
           sql_function_find(name, SQL_FUNCTION, 0) == NULL;
}

static enum status check_place(struct binder *b, const PgQuery__FuncCall *c)
{
    const bool is_ours = b->clause == CLAUSE_TARGET || b->clause == CLAUSE_ORDER;
    const char *name = bind_clause_name(b->clause);
    if (b->clause == CLAUSE_AGGREGATE)
        return bind_fail(b, c->location, "0A000",
                         "aggregate function calls cannot contain set-returning function calls");
    if (!is_ours || b->query == NULL)
        return bind_fail(b, c->location, "0A000", "set-returning functions are not allowed in %s",
                         name == NULL ? "this place" : name);
    if (b->query->set_calls != NULL && b->query->set_calls->is_inside)
        return bind_unsupported(b, c->location,
                                "functions that give rows inside each other are not supported",
                                "Use one of them in FROM.");
    return ST_OK;
}

static enum status open_calls(struct binder *b, struct set_calls **out)
{
    *out = b->query->set_calls;
    if (*out != NULL) return ST_OK;
    struct set_calls *calls = arena_alloc_zero(b->arena, 1, sizeof *calls);
    if (calls == NULL) return bind_no_memory(b);
    calls->source = arena_alloc_zero(b->arena, 1, sizeof *calls->source);
    calls->lists = arena_alloc_zero(b->arena, CALLS_MAX, sizeof *calls->lists);
    if (calls->source == NULL || calls->lists == NULL) return bind_no_memory(b);
    calls->source->id = ++b->next_id;
    calls->source->fields = arena_alloc_zero(b->arena, CALLS_MAX, sizeof(struct field));
    if (calls->source->fields == NULL) return bind_no_memory(b);
    *out = b->query->set_calls = calls;
    return ST_OK;
}

/* Equal calls go in step: they are one. */
static enum status add_list(struct binder *b,
                            struct set_calls *calls,
                            const struct row_list *list,
                            uint32_t *place)
{
    for (*place = 0; *place < calls->count; ++*place) {
        bool is_same = false;
        if (!bind_same_text(b, calls->lists[*place].list, list->list, &is_same))
            return bind_no_memory(b);
        if (is_same) return ST_OK;
    }
    if (calls->count == CALLS_MAX)
        return bind_too_many(b, "functions that give rows in the list of columns", CALLS_MAX);
    struct source *s = calls->source;
    s->fields[s->field_count++] = list->fields[0];
    calls->lists[calls->count++] = *list;
    return ST_OK;
}

enum status bind_set_call(struct binder *b, struct expr **out, const PgQuery__FuncCall *c)
{
    struct set_calls *calls = NULL;
    struct row_list list = {0};
    uint32_t place = 0;
    PgQuery__Node node;
    pg_query__node__init(&node); /* The macro casts const away. */
    node.node_case = PG_QUERY__NODE__NODE_FUNC_CALL;
    PgQuery__FuncCall call = *c;
    node.func_call = &call;
    TRY(check_place(b, c));
    TRY(open_calls(b, &calls));
    must(calls != NULL);
    calls->is_inside = true;
    b->keep_literals++; /* Equal calls are one. */
    TRY(bind_row_list(b, &list, &node));
    b->keep_literals--;
    calls->is_inside = false;
    if (list.field_count != 1)
        return bind_unsupported(b, c->location, "row values are not supported",
                                "Call the function in FROM.");
    TRY(add_list(b, calls, &list, &place));
    *out = bind_field(b, calls->source, place);
    if (*out == NULL) return bind_no_memory(b);
    (*out)->position = c->location;
    return ST_OK;
}

/* --- the query ----------------------------------------------------------------------------- */

static bool uses(const struct expr *e, const struct source *s)
{
    if (e->kind == EXPR_COLUMN) return e->source == s;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (uses(e->args[i], s)) return true;
    return false;
}

/* Where not every row computes them, PostgreSQL refuses them; after windows they are not here. */
static enum status check_expr(struct binder *b, const struct expr *e, const struct source *s)
{
    const bool is_coalesce = e->kind == EXPR_CALL && strncmp(e->template, "coalesce(", 9) == 0;
    if ((e->kind == EXPR_CASE || is_coalesce) && uses(e, s)) {
        (void)bind_fail(b, e->position, "0A000", "set-returning functions are not allowed in %s",
                        is_coalesce ? "COALESCE" : "CASE");
        diag_hint(b->diag, "You might be able to move the set-returning function into a LATERAL "
                           "FROM item.");
        return ST_UNSUPPORTED;
    }
    if (e->kind == EXPR_WINDOW)
        return bind_unsupported(b, e->position,
                                "window functions beside functions that give rows are not "
                                "supported",
                                "Put one of them into a subquery.");
    for (uint32_t i = 0; i < e->arg_count; i++)
        TRY(check_expr(b, e->args[i], s));
    return ST_OK;
}

static enum status check_query(struct binder *b, const struct query *q, const struct source *s)
{
    const bool is_grouped =
        q->has_aggregates || q->group_count > 0 || q->set_count > 0 || q->having != NULL;
    if (is_grouped)
        return bind_unsupported(b, -1,
                                "aggregates beside functions that give rows are not supported",
                                "Put one of them into a subquery.");
    for (uint32_t i = 0; i < q->target_count; i++)
        TRY(check_expr(b, q->targets[i].expr, s));
    for (uint32_t i = 0; i < q->sort_count; i++)
        TRY(check_expr(b, q->sorts[i].expr, s));
    return ST_OK;
}

/* Rows that ORDER BY leaves equal stay in the order of the function's. */
static enum status add_last_sort(struct binder *b, struct query *q, struct source *s)
{
    if (q->sort_count == 0 || q->is_distinct || s->fields[0].sqlite == NULL) return ST_OK;
    struct field *more = arena_alloc_zero(b->arena, s->field_count + 1u, sizeof *more);
    struct sort *sorts = arena_alloc_zero(b->arena, q->sort_count + 1u, sizeof *sorts);
    if (more == NULL || sorts == NULL) return bind_no_memory(b);
    memcpy(more, s->fields, s->field_count * sizeof *more);
    memcpy(sorts, q->sorts, q->sort_count * sizeof *sorts);
    more[s->field_count] =
        (struct field){.type = SQL_INT8, .typmod = -1, .scale = -1, .sqlite = "%s.key"};
    s->fields = more;
    sorts[q->sort_count].expr = bind_field(b, s, s->field_count++);
    if (sorts[q->sort_count].expr == NULL) return bind_no_memory(b);
    q->sorts = sorts;
    q->sort_count++;
    return ST_OK;
}

enum status bind_set_calls(struct binder *b, struct query *q)
{
    struct set_calls *calls = q->set_calls;
    struct from *f = arena_alloc_zero(b->arena, 1, sizeof *f);
    struct source *joined = NULL;
    if (calls == NULL) return ST_OK;
    if (f == NULL) return bind_no_memory(b);
    must(calls->count > 0);
    struct source *s = calls->source;
    TRY(check_query(b, q, s));
    if (calls->count > 1) {
        TRY(bind_row_lists(b, &joined, calls->lists, calls->count));
        s->rows = joined->rows;
        s->fields = joined->fields;
    } else if (q->from_count > 0) { /* Its arguments may name what stands before. */
        TRY(bind_each(b, &s->rows, calls->lists[0].list));
    } else {
        s->rows = calls->lists[0].rows;
        if (strncmp(s->rows->template, "json_each(", 10) != 0) s->fields[0].sqlite = NULL;
    }
    TRY(add_last_sort(b, q, s));
    f->source = s;
    q->from[q->from_count++] = f; /* bind_from() left room for one. */
    return ST_OK;
}
