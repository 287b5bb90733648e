/* The A_Expr node: operators and what the grammar writes as one: IN, BETWEEN, LIKE, NULLIF, IS
 * DISTINCT FROM. */
#include "base/must.h"
#include "sql/bind_int.h"

static struct span last_name(PgQuery__Node *const *names, size_t count)
{
    if (count == 0) return (struct span){0};
    return bind_string(names[count - 1]);
}

static enum status bind_both(struct binder *b, struct expr *out[static 2], const PgQuery__AExpr *e)
{
    TRY(bind_expr(b, &out[0], e->lexpr));
    return bind_expr(b, &out[1], e->rexpr);
}

static enum status bind_plain(struct binder *b, struct expr **out, const PgQuery__AExpr *e)
{
    struct span symbol = last_name(e->name, e->n_name);
    struct expr *args[2] = {NULL, NULL};
    if (bind_is_row(e->lexpr) || bind_is_row(e->rexpr)) return bind_rows(b, out, e);
    if (e->lexpr == NULL) {
        TRY(bind_expr(b, &args[1], e->rexpr));
        return bind_prefix(b, out, symbol, args[1], e->location);
    }
    TRY(bind_both(b, args, e));
    return bind_operator(b, out, symbol, args, e->location);
}

static enum status bind_distinct_from(struct binder *b, struct expr **out, const PgQuery__AExpr *e)
{
    struct expr *args[2] = {NULL, NULL};
    struct expr *equal = NULL;
    TRY(bind_both(b, args, e));
    TRY(bind_operator(b, &equal, span_text("="), args, e->location)); /* Types both. */
    TRY(bind_canonical(b, &equal->args[0]));
    TRY(bind_canonical(b, &equal->args[1]));
    bool is_distinct = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT;
    struct expr *left = equal->args[0];
    struct expr *right = equal->args[1];
    if (left->type == SQL_NUMERIC && left->scale != right->scale) {
        left->scale = right->scale = -1; /* 1.0 and 1.00 are the same value. */
        TRY(bind_canonical(b, &left));
        TRY(bind_canonical(b, &right));
    }
    *out = bind_call(b, SQL_BOOL, is_distinct ? "(%1 IS NOT %2)" : "(%1 IS %2)",
                     (struct expr *[3]){left, right});
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}

static enum status bind_nullif(struct binder *b, struct expr **out, const PgQuery__AExpr *e)
{
    struct expr *args[2] = {NULL, NULL};
    struct expr *equal = NULL;
    TRY(bind_both(b, args, e));
    TRY(bind_operator(b, &equal, span_text("="), args, e->location));
    TRY(bind_settle(b, &args[0]));
    /* The first argument as "=" takes it: NULLIF(1, 1.0) is numeric. */
    if (equal->args[0]->type == SQL_NUMERIC) TRY(bind_coerce_implicit(b, &args[0], SQL_NUMERIC));
    struct expr *result = bind_call(b, args[0]->type, "(CASE WHEN %1 THEN NULL ELSE %2 END)",
                                    (struct expr *[3]){equal, args[0]});
    if (result == NULL) return bind_no_memory(b);
    result->scale = args[0]->scale;
    result->typmod = args[0]->typmod;
    *out = result;
    return ST_OK;
}

/* --- IN (list) ----------------------------------------------------------------------------- */

/* left = a OR left = b …, or <> and AND. */
static enum status in_by_operators(struct binder *b,
                                   struct expr **out,
                                   struct expr *const *items,
                                   const PgQuery__AExpr *e)
{
    size_t count = e->rexpr->list->n_items;
    bool is_not = span_equal(last_name(e->name, e->n_name), span_text("<>"));
    struct expr *result = bind_new_expr(b, EXPR_JOINED, SQL_BOOL, e->location);
    if (result == NULL) return bind_no_memory(b);
    result->args = arena_alloc_zero(b->arena, count, sizeof(struct expr *));
    if (result->args == NULL) return bind_no_memory(b);
    result->template = is_not ? " AND " : " OR ";
    for (size_t i = 0; i < count; i++)
        TRY(bind_operator(b, &result->args[result->arg_count++], span_text(is_not ? "<>" : "="),
                          (struct expr *[2]){items[0], items[i + 1]}, e->location));
    *out = result;
    return ST_OK;
}

static bool is_one_family(struct expr *const *items, size_t count)
{
    enum sql_type known = SQL_UNKNOWN;
    for (size_t i = 0; i < count; i++) {
        enum sql_type type = items[i]->type;
        if (type == SQL_UNKNOWN) continue;
        if (known == SQL_UNKNOWN) known = type;
        if (!type_can_coerce(type, known, SQL_CAST_IMPLICIT) &&
            !type_can_coerce(known, type, SQL_CAST_IMPLICIT))
            return false;
    }
    return true;
}

static enum status bind_in(struct binder *b, struct expr **out, const PgQuery__AExpr *e)
{
    const PgQuery__List *list = e->rexpr->list;
    if (bind_is_row(e->lexpr)) return bind_rows_in(b, out, e);
    size_t count = list->n_items + 1;
    struct expr **items = arena_alloc_zero(b->arena, count, sizeof(struct expr *));
    if (items == NULL) return bind_no_memory(b);
    TRY(bind_expr(b, &items[0], e->lexpr));
    for (size_t i = 1; i < count; i++)
        TRY(bind_expr(b, &items[i], list->items[i - 1]));
    if (!is_one_family(items, count)) return in_by_operators(b, out, items, e);
    enum sql_type type = SQL_UNKNOWN;
    TRY(bind_coerce_all(b, items, (uint32_t)count, "IN", &type));
    if (type == SQL_NUMERIC) return in_by_operators(b, out, items, e);
    struct expr *result = bind_new_expr(b, EXPR_CALL, SQL_BOOL, e->location);
    if (result == NULL) return bind_no_memory(b);
    result->args = items;
    result->arg_count = (uint32_t)count;
    bool is_not = span_equal(last_name(e->name, e->n_name), span_text("<>"));
    result->template = is_not ? "(%1 NOT IN (%+))" : "(%1 IN (%+))";
    for (size_t i = 0; i < count; i++)
        result->is_stable = result->is_stable || items[i]->is_stable;
    *out = result;
    return ST_OK;
}

/* --- BETWEEN ------------------------------------------------------------------------------- */

static enum status between(struct binder *b,
                           struct expr **out,
                           struct expr *const items[static 3],
                           const PgQuery__AExpr *e)
{
    bool is_not = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN ||
                  e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
    struct expr *low = NULL;
    struct expr *high = NULL;
    struct expr *again = arena_alloc(b->arena, sizeof *again);
    if (again == NULL) return bind_no_memory(b);
    *again = *items[0];
    TRY(bind_operator(b, &low, span_text(is_not ? "<" : ">="), (struct expr *[2]){again, items[1]},
                      e->location));
    TRY(bind_operator(b, &high, span_text(is_not ? ">" : "<="),
                      (struct expr *[2]){items[0], items[2]}, e->location));
    *out = bind_call(b, SQL_BOOL, is_not ? "(%1 OR %2)" : "(%1 AND %2)",
                     (struct expr *[3]){low, high});
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}

static enum status bind_between(struct binder *b, struct expr **out, const PgQuery__AExpr *e)
{
    must(e->rexpr->list->n_items == 2);
    struct expr *items[3] = {NULL, NULL, NULL};
    /* An untyped constant takes a type of its own in each comparison, so it cannot be lifted. */
    bool is_symmetric = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM ||
                        e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
    bool is_const = e->lexpr->node_case == PG_QUERY__NODE__NODE_A_CONST;
    b->keep_literals += is_const || is_symmetric;
    TRY(bind_expr(b, &items[0], e->lexpr));
    b->keep_literals -= is_const && !is_symmetric;
    TRY(bind_expr(b, &items[1], e->rexpr->list->items[0]));
    TRY(bind_expr(b, &items[2], e->rexpr->list->items[1]));
    b->keep_literals -= is_symmetric;
    struct expr *again[3];
    for (size_t i = 0; i < 3; i++) {
        again[i] = arena_alloc(b->arena, sizeof *again[i]);
        if (again[i] == NULL) return bind_no_memory(b);
        *again[i] = *items[i];
    }
    TRY(between(b, out, items, e));
    if (!is_symmetric) return ST_OK;
    struct expr *swapped = NULL;
    TRY(between(b, &swapped, (struct expr *[3]){again[0], again[2], again[1]}, e));
    bool is_not = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
    *out = bind_call(b, SQL_BOOL, is_not ? "(%1 AND %2)" : "(%1 OR %2)",
                     (struct expr *[3]){*out, swapped});
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}

enum status bind_a_expr(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__AExpr *e = n->a_expr;
    switch (e->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE: return bind_plain(b, out, e);
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT: return bind_distinct_from(b, out, e);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF: return bind_nullif(b, out, e);
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN: return bind_in(b, out, e);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM: return bind_between(b, out, e);
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL: return bind_any_array(b, out, e);
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
        TRY(bind_needs_or(b, 4, e->location, "SIMILAR TO is not supported", "Use LIKE."));
        return bind_plain(b, out, e);
    case PG_QUERY__A__EXPR__KIND__A_EXPR_KIND_UNDEFINED:
    case _PG_QUERY__A__EXPR__KIND_IS_INT_SIZE: break;
    }
    return bind_unsupported(b, e->location, "this kind of expression is not supported", NULL);
}
