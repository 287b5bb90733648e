/* ORDER BY and DISTINCT of aggregates whose result depends on the order of rows: string_agg(x, ','
 * ORDER BY y). The others - count, sum, min … - check what is written and go their way. */
#include "base/must.h"
#include "sql/bind_int.h"

static enum status bind_terms(struct binder *b, struct expr *e, const PgQuery__FuncCall *c);
static enum status check_distinct(struct binder *b, const struct expr *e);
static enum status order_by_arguments(struct binder *b, struct expr *e);

enum status bind_aggregate_order(struct binder *b, struct expr *e, const PgQuery__FuncCall *c)
{
    const struct sql_function *f = e->function;
    must(f != NULL);
    TRY(bind_terms(b, e, c));
    if (e->is_distinct) TRY(check_distinct(b, e));
    const bool is_open = e->is_distinct && e->arg_count > 0 && e->args[0]->type == SQL_NUMERIC;
    if (f->volatility != SQL_ORDERED && e->arg_count <= 1 && !is_open) return ST_OK;
    if (f->sqlite_ordered == NULL || is_open)
        return bind_unsupported(b, c->location,
                                "ORDER BY or DISTINCT in this aggregate is not supported",
                                "Order the rows in a subquery.");
    e->template = f->sqlite_ordered;
    e->is_once = e->is_distinct;
    e->is_distinct = false;
    if (e->is_once) TRY(order_by_arguments(b, e));
    return ST_OK;
}

static enum status bind_terms(struct binder *b, struct expr *e, const PgQuery__FuncCall *c)
{
    if (c->n_agg_order > BIND_TERMS_MAX)
        return bind_too_many(b, "terms in ORDER BY", BIND_TERMS_MAX);
    if (c->n_agg_order == 0) return ST_OK;
    e->order = arena_alloc_zero(b->arena, c->n_agg_order + e->arg_count, sizeof *e->order);
    if (e->order == NULL) return bind_no_memory(b);
    const enum clause before = b->clause;
    b->clause = CLAUSE_AGGREGATE;
    b->keep_literals++;
    for (size_t i = 0; i < c->n_agg_order; i++) {
        struct sort *s = &e->order[e->order_count++];
        TRY(bind_expr(b, &s->expr, c->agg_order[i]->sort_by->node));
        TRY(bind_settle(b, &s->expr));
        TRY(bind_canonical(b, &s->expr));
        TRY(bind_sort_direction(b, s, c->agg_order[i]->sort_by));
    }
    b->keep_literals--;
    b->clause = before;
    return ST_OK;
}

static bool is_argument(struct binder *b, const struct expr *e, const struct expr *term)
{
    for (uint32_t i = 0; i < e->arg_count; i++) {
        bool is_same = false;
        if (bind_same_text(b, e->args[i], term, &is_same) && is_same) return true;
    }
    return false;
}

static enum status check_distinct(struct binder *b, const struct expr *e)
{
    for (uint32_t i = 0; i < e->order_count; i++)
        if (!is_argument(b, e, e->order[i].expr))
            return bind_fail(b, e->order[i].expr->position, "42P10",
                             "in an aggregate with DISTINCT, ORDER BY expressions must appear in "
                             "argument list");
    return ST_OK;
}

/* Rows that are equal must come one after the other: what ORDER BY leaves open, the arguments
 * decide, as in PostgreSQL. */
static enum status order_by_arguments(struct binder *b, struct expr *e)
{
    if (e->order == NULL) e->order = arena_alloc_zero(b->arena, e->arg_count, sizeof *e->order);
    if (e->order == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < e->arg_count; i++)
        e->order[e->order_count++] = (struct sort){.expr = e->args[i]};
    return ST_OK;
}
