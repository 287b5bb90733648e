/* The rule of GROUP BY. SQLite lets any column stand beside an aggregate and takes it from some
 * row; PostgreSQL demands that it is grouped by, or that the primary key of its table is. */
#include "base/must.h"
#include "sql/bind_int.h"

struct check {
    struct binder *binder;
    const struct query *query;
    struct span *groups; /* The text of each group expression. */
};

static enum status check_expr(struct check *c, const struct expr *e);
static enum status check_window(struct check *c, const struct expr *e);

static bool is_part(const struct from *f, const struct source *s)
{
    if (f->join == JOIN_NONE) return f->source == s;
    return is_part(f->left, s) || is_part(f->right, s);
}

static bool is_own(const struct query *q, const struct source *s)
{
    for (uint32_t i = 0; i < q->from_count; i++)
        if (is_part(q->from[i], s)) return true;
    return false;
}

static bool is_grouped_column(const struct query *q, const struct source *s, uint32_t column)
{
    for (uint32_t i = 0; i < q->group_count; i++) {
        const struct expr *g = q->groups[i];
        if (g->kind == EXPR_COLUMN && g->source == s && g->column == column) return true;
    }
    return false;
}

/* All columns of the table's primary key are grouped by. */
static bool is_determined(const struct query *q, const struct source *s)
{
    if (s->table == NULL || s->table->key_count == 0) return false;
    for (uint32_t i = 0; i < s->table->key_count; i++)
        if (!is_grouped_column(q, s, s->table->key_columns[i])) return false;
    return true;
}

static enum status check_column(struct check *c, const struct expr *e, bool is_outer)
{
    const struct query *q = c->query;
    if (!is_own(q, e->source)) return ST_OK;
    if (is_grouped_column(q, e->source, e->column) ||
        (q->set_count == 0 && is_determined(q, e->source)))
        return ST_OK;
    const struct span *table = &e->source->alias;
    const struct span *column = &e->source->fields[e->column].name;
    if (is_outer)
        return bind_fail(c->binder, e->position, "42803",
                         "subquery uses ungrouped column \"%.*s.%.*s\" from outer query",
                         (int)table->size, (const char *)table->data, (int)column->size,
                         (const char *)column->data);
    return bind_fail(c->binder, e->position, "42803",
                     "column \"%.*s.%.*s\" must appear in the GROUP BY clause or be used in an "
                     "aggregate function",
                     (int)table->size, (const char *)table->data, (int)column->size,
                     (const char *)column->data);
}

static enum status text_of(struct binder *b, const struct expr *e, struct span *out)
{
    struct buf text;
    buf_init(&text, b->arena->mem, 0);
    emit_expr(&text, e);
    enum status st = buf_status(&text);
    if (st == ST_OK) {
        *out = arena_copy(b->arena, buf_span(&text));
        if (out->data == NULL) st = ST_NO_MEMORY;
    }
    buf_fini(&text);
    return st == ST_OK ? ST_OK : bind_no_memory(b);
}

static enum status is_group(struct check *c, const struct expr *e, bool *is_found)
{
    struct span text = {0};
    *is_found = false;
    if (c->query->group_count == 0 || e->kind == EXPR_CONST || e->kind == EXPR_PARAM) return ST_OK;
    if (e->kind != EXPR_COLUMN) TRY(text_of(c->binder, e, &text));
    for (uint32_t i = 0; i < c->query->group_count && text.size > 0; i++)
        *is_found = *is_found || span_equal(text, c->groups[i]);
    return ST_OK;
}

static enum status check_expr(struct check *c, const struct expr *e)
{
    bool is_found = false;
    if (e->kind == EXPR_AGGREGATE || e->kind == EXPR_GROUPING) return ST_OK;
    if (e->kind == EXPR_COLUMN) return check_column(c, e, false);
    TRY(is_group(c, e, &is_found));
    if (is_found) return ST_OK;
    for (uint32_t i = 0; i < e->arg_count; i++)
        TRY(check_expr(c, e->args[i]));
    return e->kind == EXPR_WINDOW ? check_window(c, e) : ST_OK;
}

/* A window is over the groups. */
static enum status check_window(struct check *c, const struct expr *e)
{
    const struct window *w = e->window;
    must(w != NULL);
    if (e->filter != NULL) TRY(check_expr(c, e->filter));
    for (uint32_t i = 0; i < w->partition_count; i++)
        TRY(check_expr(c, w->partitions[i]));
    for (uint32_t i = 0; i < w->sort_count; i++)
        TRY(check_expr(c, w->sorts[i].expr));
    return ST_OK;
}

static bool has_aggregate(const struct expr *e)
{
    if (e->kind == EXPR_AGGREGATE) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (has_aggregate(e->args[i])) return true;
    return false;
}

/* SQLite takes HAVING without GROUP BY only beside an aggregate in the list of columns. */
static enum status check_having(struct binder *b, struct query *q)
{
    if (q->having == NULL || q->group_count > 0 || q->set_count > 0) return ST_OK;
    for (uint32_t i = 0; i < q->target_count; i++)
        if (has_aggregate(q->targets[i].expr)) return ST_OK;
    q->has_grouping = true; /* As with GROUP BY (): grouping.c gives it the aggregate. */
    return bind_needs_or(b, 4, q->having->position,
                         "HAVING without GROUP BY needs an aggregate in the SELECT list",
                         "Add GROUP BY, or count(*) to the columns.");
}

enum status bind_check_groups(struct binder *b, struct query *q)
{
    const bool is_grouped = q->group_count > 0 || q->set_count > 0;
    if (!is_grouped && q->having == NULL && !q->has_aggregates) return ST_OK;
    struct check c = {.binder = b, .query = q};
    c.groups = arena_alloc_zero(b->arena, q->group_count + 1u, sizeof *c.groups);
    if (c.groups == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < q->group_count; i++)
        TRY(text_of(b, q->groups[i], &c.groups[i]));
    for (uint32_t i = 0; i < q->target_count; i++)
        TRY(check_expr(&c, q->targets[i].expr));
    for (uint32_t i = 0; i < q->distinct_on_count; i++)
        TRY(check_expr(&c, q->distinct_on[i]));
    if (q->having != NULL) TRY(check_expr(&c, q->having));
    TRY(check_having(b, q));
    for (uint32_t i = 0; i < q->sort_count; i++)
        TRY(check_expr(&c, q->sorts[i].expr));
    for (uint32_t i = 0; i < q->grouped_ref_count; i++)
        TRY(check_column(&c, q->scope.outer_refs[q->first_grouped_ref + i], true));
    for (uint32_t i = 0; q->set_count == 0 && i < q->group_count;
         i++) /* 1.0 and 1.00 are one group. */
        TRY(bind_canonical(b, &q->groups[i]));
    return ST_OK;
}
