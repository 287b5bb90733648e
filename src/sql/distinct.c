/* DISTINCT, DISTINCT ON, and set operations that keep one of equal rows.
 *
 * SQLite keeps one of rows whose stored bytes are equal. Equal numerics of other scales, 1.0 and
 * 1.00, are other bytes; PostgreSQL keeps either. Where the scale of a column is not known, a read
 * keeps the first row of each group of equal values, as DISTINCT ON does; a write is refused, since
 * no plan may decide what is stored. */
#include "base/must.h"
#include "sql/bind_int.h"

static enum status check_distinct_order(struct binder *b, const struct query *q);
static enum status check_window(struct binder *b, const struct expr *e);
static enum status first_of_equal(struct binder *b, struct query *q);

static bool is_open(const struct query *q)
{
    for (uint32_t i = 0; i < q->target_count; i++)
        if (q->targets[i].expr->type == SQL_NUMERIC && q->targets[i].expr->scale < 0) return true;
    return false;
}

static enum status refuse(struct binder *b, const struct query *q)
{
    for (uint32_t i = 0; i < q->target_count; i++) {
        const struct expr *e = q->targets[i].expr;
        if (e->type == SQL_NUMERIC && e->scale < 0)
            return bind_unsupported(b, e->position,
                                    "DISTINCT and set operations over numeric values of unknown "
                                    "scale are not supported",
                                    "Cast them to numeric(p,s).");
    }
    return ST_OK;
}

static bool has_window(const struct expr *e)
{
    if (e->kind == EXPR_WINDOW) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (has_window(e->args[i])) return true;
    return false;
}

static enum status check_window(struct binder *b, const struct expr *e)
{
    if (!has_window(e)) return ST_OK;
    return bind_unsupported(b, e->position, "DISTINCT over a window function is not supported here",
                            "Call the window function in a subquery in FROM.");
}

enum status bind_distinct(struct binder *b, struct query *q)
{
    if (!q->is_distinct || !is_open(q)) return ST_OK;
    if (b->is_write) return refuse(b, q);
    TRY(first_of_equal(b, q));
    q->is_distinct = false;
    return ST_OK;
}

enum status bind_distinct_set(struct binder *b, struct query *q)
{
    if (q->op == SET_UNION_ALL || !is_open(q)) return ST_OK;
    const bool is_plain = q->op == SET_UNION && q->defines == NULL;
    if (b->is_write || !is_plain) return refuse(b, q);
    struct query *all = arena_alloc(b->arena, sizeof *all);
    struct from *from = arena_alloc_zero(b->arena, 1, sizeof *from);
    if (all == NULL || from == NULL) return bind_no_memory(b);
    *all = *q;
    all->op = SET_UNION_ALL;
    all->cte_count = all->sort_count = 0;
    TRY(bind_query_source(b, &from->source, all));
    q->op = SET_NONE;
    q->targets = arena_alloc_zero(b->arena, q->target_count, sizeof *q->targets);
    q->from = arena_alloc_zero(b->arena, 1, sizeof(struct from *));
    if (q->targets == NULL || q->from == NULL) return bind_no_memory(b);
    q->from[0] = from;
    q->from_count = 1;
    for (uint32_t i = 0; i < q->target_count; i++) {
        q->targets[i].name = all->targets[i].name;
        q->targets[i].expr = bind_field(b, from->source, i);
        if (q->targets[i].expr == NULL) return bind_no_memory(b);
    }
    for (uint32_t i = 0; i < q->sort_count; i++) {
        q->sorts[i].expr = q->targets[q->sorts[i].ordinal - 1].expr;
        TRY(bind_canonical(b, &q->sorts[i].expr));
    }
    return first_of_equal(b, q);
}

static enum status first_of_equal(struct binder *b, struct query *q)
{
    q->distinct_on = arena_alloc_zero(b->arena, q->target_count, sizeof(struct expr *));
    if (q->distinct_on == NULL) return bind_no_memory(b);
    q->keeps_any = true;
    for (uint32_t i = 0; i < q->target_count; i++) {
        struct expr **e = &q->distinct_on[q->distinct_on_count++];
        *e = q->targets[i].expr;
        TRY(check_window(b, *e));
        TRY(bind_canonical(b, e));
    }
    return ST_OK;
}

/* --- DISTINCT ON --------------------------------------------------------------------------- */

bool bind_is_distinct_on(const PgQuery__SelectStmt *s)
{
    return s->n_distinct_clause > 0 &&
           s->distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET;
}

/* ORDER BY begins with the expressions of DISTINCT ON, in any order among themselves. */
static enum status check_distinct_order(struct binder *b, const struct query *q)
{
    uint32_t found = 0;
    bool is_past = false;
    for (uint32_t i = 0; i < q->sort_count; i++) {
        bool is_same = false;
        for (uint32_t k = 0; k < q->distinct_on_count && !is_same; k++)
            if (!bind_same_text(b, q->sorts[i].expr, q->distinct_on[k], &is_same))
                return bind_no_memory(b);
        found += is_same;
        if (is_past && is_same) break;
        is_past = is_past || !is_same;
        if (!is_same && found < q->distinct_on_count)
            return bind_fail(b, -1, "42P10",
                             "SELECT DISTINCT ON expressions must match initial ORDER BY "
                             "expressions");
    }
    return ST_OK;
}

/* The first row of each group of equal values, in the order of ORDER BY. */
enum status bind_distinct_on(struct binder *b, struct query *q, const PgQuery__SelectStmt *s)
{
    if (!bind_is_distinct_on(s)) return ST_OK;
    if (s->n_distinct_clause > BIND_TERMS_MAX)
        return bind_too_many(b, "terms in DISTINCT ON", BIND_TERMS_MAX);
    q->distinct_on = arena_alloc_zero(b->arena, s->n_distinct_clause, sizeof(struct expr *));
    if (q->distinct_on == NULL) return bind_no_memory(b);
    b->clause = CLAUSE_ORDER;
    for (size_t i = 0; i < s->n_distinct_clause; i++) {
        struct expr **e = &q->distinct_on[q->distinct_on_count++];
        TRY(bind_output_term(b, q, s->distinct_clause[i], e));
        TRY(bind_canonical(b, e));
        TRY(check_window(b, *e));
    }
    TRY(check_distinct_order(b, q));
    if (!b->is_write || bind_is_total_order(q)) return ST_OK;
    return bind_unsupported(b, -1, "DISTINCT ON in a write needs an ORDER BY that leaves no ties",
                            "Select from one table and order by its primary key.");
}
