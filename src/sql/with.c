/* WITH and WITH RECURSIVE.
 *
 * SQLite evaluates a recursive query as PostgreSQL does: the non-recursive term first, then the
 * recursive term over the rows found last, until there are none. It takes less, though: the
 * recursive term names the query once, in its own FROM, and has no GROUP BY, DISTINCT or LIMIT. */
#include "base/must.h"
#include "sql/bind_int.h"

#define RECURSION_SINCE 4u /* exec_version */

static enum status bind_cte(struct binder *b, struct query *q, struct cte *cte);
static enum status set_fields(struct binder *b, struct cte *cte, const struct query *q);
static enum status check_term(struct binder *b, const struct cte *cte, const struct query *term);

/* --- WITH ---------------------------------------------------------------------------------- */

static enum status new_cte(struct binder *b,
                           const struct query *q,
                           const PgQuery__CommonTableExpr *c,
                           struct cte **out)
{
    struct cte *cte = arena_alloc_zero(b->arena, 1, sizeof *cte);
    if (cte == NULL) return bind_no_memory(b);
    cte->name = bind_cstring(c->ctename);
    cte->node = c;
    for (uint32_t i = 0; i < q->cte_count; i++)
        if (span_equal(q->ctes[i]->name, cte->name))
            return bind_fail(b, c->location, "42712",
                             "WITH query name \"%s\" specified more than once", c->ctename);
    if (c->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return bind_unsupported(b, c->location, "a write in WITH is not supported",
                                "Send it as its own statement.");
    if (c->search_clause != NULL || c->cycle_clause != NULL)
        return bind_unsupported(b, c->location, "SEARCH and CYCLE are not supported",
                                "Keep the path in a column of the query.");
    *out = cte;
    return ST_OK;
}

static void show(struct binder *b, struct cte *cte)
{
    cte->next = b->ctes;
    b->ctes = cte;
}

enum status bind_with(struct binder *b, struct query *q, const PgQuery__WithClause *w)
{
    if (w == NULL) return ST_OK;
    if (w->recursive)
        TRY(bind_needs_or(b, RECURSION_SINCE, w->location, "WITH RECURSIVE is not supported",
                          NULL));
    if (w->n_ctes > BIND_CTES_MAX) return bind_too_many(b, "queries in WITH", BIND_CTES_MAX);
    q->ctes = arena_alloc_zero(b->arena, w->n_ctes, sizeof(struct cte *));
    if (q->ctes == NULL) return bind_no_memory(b);
    if (w->recursive) { /* Each is visible in all of them. */
        for (size_t i = 0; i < w->n_ctes; i++) {
            TRY(new_cte(b, q, w->ctes[i]->common_table_expr, &q->ctes[i]));
            q->ctes[i]->state = CTE_LATER;
            q->cte_count++;
            show(b, q->ctes[i]);
        }
    }
    for (size_t i = 0; i < w->n_ctes; i++) {
        if (w->recursive) {
            TRY(bind_cte(b, q, q->ctes[i]));
            continue;
        }
        TRY(new_cte(b, q, w->ctes[i]->common_table_expr, &q->ctes[i]));
        TRY(bind_cte(b, q, q->ctes[i]));
        q->cte_count++;
        show(b, q->ctes[i]);
    }
    return ST_OK;
}

static enum status bind_cte(struct binder *b, struct query *q, struct cte *cte)
{
    must(q->ctes != NULL);
    bool is_recursive = cte->state == CTE_LATER;
    const PgQuery__SelectStmt *s = cte->node->ctequery->select_stmt;
    cte->id = ++b->next_id;
    if (is_recursive) cte->state = CTE_FIRST;
    b->defining = is_recursive && s->op == PG_QUERY__SET_OPERATION__SETOP_UNION ? cte : NULL;
    TRY(bind_query(b, &cte->query, s));
    cte->state = CTE_BOUND;
    return set_fields(b, cte, cte->query);
}

/* A column that is open yet is text. */
static enum status set_fields(struct binder *b, struct cte *cte, const struct query *q)
{
    const PgQuery__CommonTableExpr *c = cte->node;
    if (c->n_aliascolnames > q->target_count)
        return bind_fail(b, c->location, "42P10",
                         "WITH query \"%s\" has %u columns available but %zu columns specified",
                         c->ctename, q->target_count, c->n_aliascolnames);
    cte->field_count = q->target_count;
    cte->fields = arena_alloc_zero(b->arena, cte->field_count, sizeof *cte->fields);
    if (cte->fields == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < cte->field_count; i++) {
        const struct target *t = &q->targets[i];
        bool is_renamed = i < c->n_aliascolnames;
        cte->fields[i] = (struct field){
            .name = is_renamed ? bind_string(c->aliascolnames[i]) : t->name,
            .type = t->expr->type == SQL_UNKNOWN ? SQL_TEXT : t->expr->type,
            .typmod = t->expr->typmod,
            .scale = cte->state == CTE_BOUND ? t->expr->scale : -1}; /* The next term may differ. */
    }
    return ST_OK;
}

/* --- recursion ----------------------------------------------------------------------------- */

static enum status bad_reference(struct binder *b,
                                 const struct cte *cte,
                                 int32_t position,
                                 const char *where)
{
    return bind_fail(b, position, "42P19",
                     "recursive reference to query \"%.*s\" must not appear %s",
                     (int)cte->name.size, (const char *)cte->name.data, where);
}

enum status bind_cte_use(struct binder *b, struct cte *cte, int32_t position)
{
    if (cte->state == CTE_BOUND) return ST_OK;
    if (cte->state == CTE_LATER)
        return bind_unsupported(b, position, "WITH RECURSIVE that names a later query of it",
                                "Write the queries in the order in which they use each other.");
    const bool is_union =
        cte->node->ctequery->select_stmt->op == PG_QUERY__SET_OPERATION__SETOP_UNION;
    if (cte->state == CTE_FIRST && !is_union)
        return bind_fail(b, cte->node->location, "42P19",
                         "recursive query \"%.*s\" does not have the form non-recursive-term "
                         "UNION [ALL] recursive-term",
                         (int)cte->name.size, (const char *)cte->name.data);
    if (cte->state == CTE_FIRST)
        return bad_reference(b, cte, position, "within its non-recursive term");
    if (b->query == NULL || b->query->recursion != cte)
        return bind_unsupported(b, position,
                                "a recursive reference inside a subquery of the recursive term",
                                "Name the query in the FROM of the recursive term itself.");
    if (++cte->ref_count > 1) return bad_reference(b, cte, position, "more than once");
    return ST_OK;
}

enum status bind_recursion_begin(struct binder *b, struct query *q)
{
    struct cte *cte = q->defines;
    must(cte->state == CTE_FIRST);
    TRY(set_fields(b, cte, q->left));
    cte->state = CTE_AGAIN;
    return ST_OK;
}

/* Columns have the types of the non-recursive term, and the recursive term must agree. */
enum status bind_recursion_types(struct binder *b, const struct query *q)
{
    const struct cte *cte = q->defines;
    if (cte->ref_count == 0 || q->left->target_count != q->right->target_count) return ST_OK;
    TRY(bind_settle_targets(b, q->left));
    for (uint32_t i = 0; i < q->left->target_count; i++) {
        const struct expr *left = q->left->targets[i].expr;
        struct expr *pair[2] = {q->left->targets[i].expr, q->right->targets[i].expr};
        enum sql_type type = SQL_UNKNOWN;
        TRY(bind_common_type(b, pair, 2, "UNION", &type));
        const int32_t typmod = pair[1]->type == type ? bind_common_typmod(pair, 2) : -1;
        if (type == left->type && typmod == left->typmod) continue;
        char names[2][64];
        sql_type_name(names[0], left->type, left->typmod);
        sql_type_name(names[1], type, typmod);
        (void)bind_fail(b, left->position, "42804",
                        "recursive query \"%.*s\" column %u has type %s in non-recursive term but "
                        "type %s overall",
                        (int)cte->name.size, (const char *)cte->name.data, i + 1, names[0],
                        names[1]);
        diag_hint(b->diag, "Cast the output of the non-recursive term to the correct type.");
        return ST_INVALID;
    }
    return ST_OK;
}

enum status bind_recursion_end(struct binder *b,
                               const struct query *q,
                               const PgQuery__SelectStmt *s)
{
    const struct cte *cte = q->defines;
    must(cte->state == CTE_AGAIN);
    if (cte->ref_count == 0) return ST_OK; /* A plain union. */
    if (s->n_sort_clause > 0)
        return bind_fail(b, -1, "0A000", "ORDER BY in a recursive query is not implemented");
    if (s->limit_offset != NULL)
        return bind_fail(b, -1, "0A000", "OFFSET in a recursive query is not implemented");
    if (s->limit_count != NULL)
        return bind_fail(b, -1, "0A000", "LIMIT in a recursive query is not implemented");
    if (q->cte_count > 0 || q->right->cte_count > 0)
        return bind_unsupported(b, cte->node->location, "WITH inside a recursive query",
                                "Put it beside the recursive query.");
    return check_term(b, cte, q->right);
}

static bool is_maybe_missing(const struct from *f, const struct cte *cte)
{
    if (f->join == JOIN_NONE) return f->source->cte == cte && f->source->is_nullable;
    return is_maybe_missing(f->left, cte) || is_maybe_missing(f->right, cte);
}

static enum status check_term(struct binder *b, const struct cte *cte, const struct query *term)
{
    const int32_t position = cte->node->location;
    if (term->has_aggregates)
        return bind_fail(b, position, "42P19",
                         "aggregate functions are not allowed in a recursive query's recursive "
                         "term");
    const bool is_plain = term->group_count == 0 && term->having == NULL && !term->is_distinct &&
                          term->sort_count == 0 && term->limit == NULL && term->offset == NULL;
    if (!is_plain)
        return bind_unsupported(b, position,
                                "GROUP BY, DISTINCT, ORDER BY and LIMIT in a recursive term are "
                                "not supported",
                                "Use them in the query that reads the recursive one.");
    for (uint32_t i = 0; i < term->from_count; i++)
        if (is_maybe_missing(term->from[i], cte))
            return bad_reference(b, cte, position, "within an outer join");
    return ST_OK;
}
