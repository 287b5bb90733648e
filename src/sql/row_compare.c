/* Comparisons of rows, (a, b) < (c, d), and with all rows of a subquery, a > ANY (SELECT …).
 *
 * SQLite's own row values compare by its operators, which are not ours: a comparison of rows is
 * written out in those of the columns, as the manual of PostgreSQL defines it (9.24.5). Each value
 * may be written twice; it is a pure expression. */
#include "base/must.h"
#include "sql/bind_int.h"

#define ROWS_SINCE 4u /* exec_version */

struct rows { /* Two rows of the same width. */
    struct expr **left;
    struct expr **right;
    uint32_t width;
    int32_t position;
};

static enum status all_pairs(struct binder *b,
                             struct expr **out,
                             const struct rows *r,
                             const char *symbol);
static enum status ordered(
    struct binder *b, struct expr **out, const struct rows *r, uint32_t from, struct span symbol);

static enum status compare(
    struct binder *b, struct expr **out, const struct rows *r, uint32_t column, struct span symbol)
{
    must(column < r->width);
    /* The operator converts its arguments: each comparison has its own. */
    struct expr *pair[2];
    for (int i = 0; i < 2; i++) {
        pair[i] = arena_alloc(b->arena, sizeof *pair[i]);
        if (pair[i] == NULL) return bind_no_memory(b);
        *pair[i] = i == 0 ? *r->left[column] : *r->right[column];
    }
    return bind_operator(b, out, symbol, pair, r->position);
}

/* --- (a, b) = (c, d) ----------------------------------------------------------------------- */

static enum status compare_rows(struct binder *b,
                                struct expr **out,
                                const struct rows *r,
                                struct span symbol)
{
    static const char *const orders[] = {"<", "<=", ">", ">="};
    if (span_equal(symbol, span_text("="))) return all_pairs(b, out, r, "=");
    if (span_equal(symbol, span_text("<>"))) return all_pairs(b, out, r, "<>");
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (span_equal(symbol, span_text(orders[i]))) return ordered(b, out, r, 0, symbol);
    return bind_unsupported(b, r->position, "this operator between rows is not supported",
                            "Compare column by column.");
}

/* All equal, or any different. */
static enum status all_pairs(struct binder *b,
                             struct expr **out,
                             const struct rows *r,
                             const char *symbol)
{
    struct expr *e = bind_new_expr(b, EXPR_JOINED, SQL_BOOL, r->position);
    if (e == NULL) return bind_no_memory(b);
    e->template = symbol[0] == '=' ? " AND " : " OR ";
    e->args = arena_alloc_zero(b->arena, r->width, sizeof(struct expr *));
    if (e->args == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < r->width; i++) {
        TRY(compare(b, &e->args[e->arg_count++], r, i, span_text(symbol)));
        e->is_stable = e->is_stable || e->args[i]->is_stable;
    }
    *out = e;
    return ST_OK;
}

/* The first pair that is not equal decides; with a NULL in it, nothing does. */
static enum status ordered(
    struct binder *b, struct expr **out, const struct rows *r, uint32_t from, struct span symbol)
{
    if (from + 1 == r->width) return compare(b, out, r, from, symbol);
    struct expr *e = bind_new_expr(b, EXPR_CASE, SQL_BOOL, r->position);
    if (e == NULL) return bind_no_memory(b);
    e->args = arena_alloc_zero(b->arena, 3, sizeof(struct expr *));
    if (e->args == NULL) return bind_no_memory(b);
    e->arg_count = 3;
    TRY(compare(b, &e->args[0], r, from, span_text("=")));
    TRY(ordered(b, &e->args[1], r, from + 1, symbol));
    TRY(compare(b, &e->args[2], r, from, span_of(symbol.data, 1)));
    for (uint32_t i = 0; i < 3; i++)
        e->is_stable = e->is_stable || e->args[i]->is_stable;
    *out = e;
    return ST_OK;
}

bool bind_is_row(const PgQuery__Node *n)
{
    return n != NULL && n->node_case == PG_QUERY__NODE__NODE_ROW_EXPR;
}

static enum status bind_row(struct binder *b, struct expr ***out, const PgQuery__Node *n)
{
    const PgQuery__RowExpr *r = n->row_expr;
    TRY(bind_needs_or(b, ROWS_SINCE, r->location, "row values are not supported",
                      "Compare column by column."));
    if (r->n_args == 0 || r->n_args > BIND_TERMS_MAX)
        return bind_too_many(b, "columns in a row", BIND_TERMS_MAX);
    return bind_expr_list(b, out, r->args, r->n_args);
}

static enum status bind_right(struct binder *b, struct rows *r, const PgQuery__Node *n)
{
    if (!bind_is_row(n))
        return bind_unsupported(b, r->position, "a row beside what is none is not supported",
                                "Compare column by column.");
    if (n->row_expr->n_args != r->width)
        return bind_fail(b, r->position, "42601", "unequal number of entries in row expressions");
    return bind_row(b, &r->right, n);
}

enum status bind_rows(struct binder *b, struct expr **out, const PgQuery__AExpr *e)
{
    struct rows r = {.position = e->location};
    TRY(bind_needs_or(b, ROWS_SINCE,
                      bind_is_row(e->lexpr) ? e->lexpr->row_expr->location : e->location,
                      "row values are not supported", "Compare column by column."));
    if (!bind_is_row(e->lexpr))
        return bind_unsupported(b, e->location, "a row beside what is none is not supported",
                                "Compare column by column.");
    b->keep_literals++;
    TRY(bind_row(b, &r.left, e->lexpr));
    r.width = (uint32_t)e->lexpr->row_expr->n_args;
    TRY(bind_right(b, &r, e->rexpr));
    b->keep_literals--;
    return compare_rows(b, out, &r, bind_string(e->name[e->n_name - 1]));
}

/* (a, b) IN ((1, 2), (3, 4)) */
enum status bind_rows_in(struct binder *b, struct expr **out, const PgQuery__AExpr *e)
{
    struct rows r = {.position = e->location};
    const PgQuery__List *list = e->rexpr->list;
    const bool is_not = span_equal(bind_string(e->name[e->n_name - 1]), span_text("<>"));
    struct expr *result = bind_new_expr(b, EXPR_JOINED, SQL_BOOL, e->location);
    if (result == NULL) return bind_no_memory(b);
    result->template = is_not ? " AND " : " OR ";
    result->args = arena_alloc_zero(b->arena, list->n_items, sizeof(struct expr *));
    if (result->args == NULL) return bind_no_memory(b);
    b->keep_literals++;
    TRY(bind_row(b, &r.left, e->lexpr));
    r.width = (uint32_t)e->lexpr->row_expr->n_args;
    for (size_t i = 0; i < list->n_items; i++) {
        TRY(bind_right(b, &r, list->items[i]));
        TRY(compare_rows(b, &result->args[result->arg_count++], &r,
                         span_text(is_not ? "<>" : "=")));
        result->is_stable = result->is_stable || result->args[i]->is_stable;
    }
    b->keep_literals--;
    *out = result;
    return ST_OK;
}

/* --- a > ANY (SELECT …) -------------------------------------------------------------------- */

/* The rows of a query as a source. */
enum status bind_query_source(struct binder *b, struct source **out, struct query *q)
{
    struct source *s = arena_alloc_zero(b->arena, 1, sizeof *s);
    if (s == NULL) return bind_no_memory(b);
    s->id = ++b->next_id;
    s->query = q;
    s->field_count = q->target_count;
    s->fields = arena_alloc_zero(b->arena, q->target_count + 1u, sizeof *s->fields);
    if (s->fields == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < q->target_count; i++) {
        const struct expr *e = q->targets[i].expr;
        s->fields[i] = (struct field){.type = e->type, .typmod = e->typmod, .scale = e->scale};
    }
    *out = s;
    return ST_OK;
}

enum status bind_rows_of_query(struct binder *b,
                               struct expr **out,
                               struct query *q,
                               const PgQuery__SubLink *s)
{
    struct rows r = {.position = s->location, .width = q->target_count};
    const bool is_all = s->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK;
    const struct span symbol =
        s->n_oper_name == 0 ? span_text("=") : bind_string(s->oper_name[s->n_oper_name - 1]);
    struct source *source = NULL;
    const bool is_row = bind_is_row(s->testexpr);
    const uint32_t width = is_row ? (uint32_t)s->testexpr->row_expr->n_args : 1;
    if (q->target_count != width)
        return bind_fail(b, s->location, "42601", "subquery has too %s columns",
                         q->target_count > width ? "many" : "few");
    r.left = arena_alloc_zero(b->arena, 1, sizeof(struct expr *));
    r.right = arena_alloc_zero(b->arena, r.width, sizeof(struct expr *));
    if (r.left == NULL || r.right == NULL) return bind_no_memory(b);
    b->keep_literals++;
    if (is_row)
        TRY(bind_row(b, &r.left, s->testexpr));
    else
        TRY(bind_expr(b, &r.left[0], s->testexpr));
    b->keep_literals--;
    TRY(bind_settle_targets(b, q));
    TRY(bind_query_source(b, &source, q));
    for (uint32_t i = 0; i < r.width; i++) {
        r.right[i] = bind_field(b, source, i);
        if (r.right[i] == NULL) return bind_no_memory(b);
    }
    struct expr *test = NULL;
    TRY(compare_rows(b, &test, &r, symbol));
    struct expr *e = bind_new_expr(b, EXPR_QUERY, SQL_BOOL, s->location);
    struct expr **args = arena_alloc_zero(b->arena, 1, sizeof(struct expr *));
    if (e == NULL || args == NULL) return bind_no_memory(b);
    args[0] = test;
    e->args = args;
    e->arg_count = 1;
    e->source = source;
    e->template = is_all ? "(CASE WHEN EXISTS (SELECT 1 FROM %s WHERE NOT %1) THEN 0 "
                           "WHEN EXISTS (SELECT 1 FROM %s WHERE %1 IS NULL) THEN NULL ELSE 1 END)"
                         : "(CASE WHEN EXISTS (SELECT 1 FROM %s WHERE %1) THEN 1 "
                           "WHEN EXISTS (SELECT 1 FROM %s WHERE %1 IS NULL) THEN NULL ELSE 0 END)";
    *out = e;
    return ST_OK;
}
