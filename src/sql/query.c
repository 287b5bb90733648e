/* SELECT, VALUES, set operations. */
#include "base/must.h"
#include "sql/bind_int.h"

/* --- ORDER BY and GROUP BY items ----------------------------------------------------------- */

bool bind_same_text(struct binder *b,
                    const struct expr *left,
                    const struct expr *right,
                    bool *is_same)
{
    if (left == right) {
        *is_same = true;
        return true;
    }
    struct buf texts[2];
    for (int i = 0; i < 2; i++) {
        buf_init(&texts[i], b->arena->mem, 0);
        emit_expr(&texts[i], i == 0 ? left : right);
    }
    bool is_ok = buf_status(&texts[0]) == ST_OK && buf_status(&texts[1]) == ST_OK;
    *is_same = is_ok && span_equal(buf_span(&texts[0]), buf_span(&texts[1]));
    buf_fini(&texts[0]);
    buf_fini(&texts[1]);
    return is_ok;
}

/* A plain name that is an output column: its 1-based position; 0: none. */
static enum status output_name(struct binder *b,
                               const struct query *q,
                               const PgQuery__Node *n,
                               uint32_t *ordinal)
{
    *ordinal = 0;
    if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || n->column_ref->n_fields != 1)
        return ST_OK;
    struct span name = bind_string(n->column_ref->fields[0]);
    if (name.size == 0) return ST_OK;
    for (uint32_t i = 0; i < q->target_count; i++) {
        if (!span_equal(q->targets[i].name, name)) continue;
        bool is_same = true;
        if (*ordinal > 0 &&
            !bind_same_text(b, q->targets[*ordinal - 1].expr, q->targets[i].expr, &is_same))
            return bind_no_memory(b);
        if (!is_same)
            return bind_fail(b, n->column_ref->location, "42702", "%s \"%.*s\" is ambiguous",
                             b->clause == CLAUSE_ORDER ? "ORDER BY" : "GROUP BY", (int)name.size,
                             (const char *)name.data);
        if (*ordinal == 0) *ordinal = i + 1;
    }
    return ST_OK;
}

static enum status output_number(struct binder *b,
                                 const struct query *q,
                                 const PgQuery__Node *n,
                                 uint32_t *ordinal)
{
    const char *clause = b->clause == CLAUSE_ORDER ? "ORDER BY" : "GROUP BY";
    *ordinal = 0;
    if (n->node_case != PG_QUERY__NODE__NODE_A_CONST) return ST_OK;
    const PgQuery__AConst *c = n->a_const;
    if (c->isnull || c->val_case != PG_QUERY__A__CONST__VAL_IVAL)
        return bind_fail(b, c->location, "42601", "non-integer constant in %s", clause);
    if (c->ival->ival < 1 || (uint32_t)c->ival->ival > q->target_count)
        return bind_fail(b, c->location, "42P10", "%s position %d is not in select list", clause,
                         c->ival->ival);
    *ordinal = (uint32_t)c->ival->ival;
    return ST_OK;
}

static enum status find_ordinal(struct binder *b,
                                const struct query *q,
                                const struct expr *e,
                                uint32_t *ordinal)
{
    *ordinal = 0;
    for (uint32_t i = 0; i < q->target_count && *ordinal == 0; i++) {
        bool is_same = false;
        if (!bind_same_text(b, q->targets[i].expr, e, &is_same)) return bind_no_memory(b);
        if (is_same) *ordinal = i + 1;
    }
    return ST_OK;
}

enum status bind_sort_direction(struct binder *b, struct sort *out, const PgQuery__SortBy *s)
{
    if (s->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING)
        return bind_unsupported(b, s->location, "ORDER BY USING is not supported",
                                "Use ASC or DESC.");
    out->is_desc = s->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    out->is_nulls_first = out->is_desc;
    if (s->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST) out->is_nulls_first = true;
    if (s->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST) out->is_nulls_first = false;
    return ST_OK;
}

static enum status bind_sort(struct binder *b,
                             struct query *q,
                             const PgQuery__SortBy *s,
                             struct sort *out)
{
    TRY(output_name(b, q, s->node, &out->ordinal));
    if (out->ordinal == 0) TRY(output_number(b, q, s->node, &out->ordinal));
    if (out->ordinal > 0) {
        out->expr = q->targets[out->ordinal - 1].expr;
    } else if (q->op != SET_NONE || q->row_count > 0) {
        (void)bind_fail(b, -1, "0A000", "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
        diag_detail(b->diag, "Only result column names can be used, not expressions or functions.");
        diag_hint(b->diag, "Add the expression/function to every SELECT, or move the UNION into a "
                           "FROM clause.");
        return ST_UNSUPPORTED;
    } else {
        TRY(bind_expr(b, &out->expr, s->node));
        TRY(bind_settle(b, &out->expr));
        if (q->is_distinct) {
            TRY(find_ordinal(b, q, out->expr, &out->ordinal));
            if (out->ordinal == 0)
                return bind_fail(b, out->expr->position, "42P10",
                                 "for SELECT DISTINCT, ORDER BY expressions must appear in select "
                                 "list");
        }
    }
    TRY(bind_sort_direction(b, out, s));
    bool is_output = out->ordinal > 0 && (q->op != SET_NONE || q->row_count > 0);
    if (!is_output && out->expr->type == SQL_NUMERIC && out->expr->scale < 0) {
        TRY(bind_canonical(b, &out->expr));
        if (!q->is_distinct) out->ordinal = 0;
    }
    return ST_OK;
}

static enum status bind_sorts(struct binder *b, struct query *q, const PgQuery__SelectStmt *s)
{
    if (s->n_sort_clause == 0) return ST_OK;
    if (s->n_sort_clause > BIND_TERMS_MAX)
        return bind_too_many(b, "terms in ORDER BY", BIND_TERMS_MAX);
    b->clause = CLAUSE_ORDER;
    q->sorts = arena_alloc_zero(b->arena, s->n_sort_clause, sizeof *q->sorts);
    if (q->sorts == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < s->n_sort_clause; i++)
        TRY(bind_sort(b, q, s->sort_clause[i]->sort_by, &q->sorts[q->sort_count++]));
    return ST_OK;
}

static bool is_input_column(const struct binder *b, const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF) return false;
    if (n->column_ref->n_fields != 1) return true;
    struct span name = bind_string(n->column_ref->fields[0]);
    for (uint32_t i = 0; i < b->scope->entry_count; i++)
        if (span_equal(b->scope->entries[i].name, name)) return true;
    return false;
}

enum status bind_output_term(struct binder *b,
                             const struct query *q,
                             const PgQuery__Node *n,
                             struct expr **out)
{
    uint32_t ordinal = 0;
    const bool is_group = b->clause == CLAUSE_GROUP; /* Columns of FROM come first there. */
    if (!is_group || !is_input_column(b, n)) TRY(output_name(b, q, n, &ordinal));
    if (ordinal == 0) TRY(output_number(b, q, n, &ordinal));
    if (ordinal > 0)
        *out = q->targets[ordinal - 1].expr;
    else
        TRY(bind_expr(b, out, n));
    return bind_settle(b, out);
}

enum status bind_plain_groups(struct binder *b, struct query *q, const PgQuery__SelectStmt *s)
{
    if (s->n_group_clause == 0) return ST_OK;
    if (s->n_group_clause > BIND_TERMS_MAX)
        return bind_too_many(b, "terms in GROUP BY", BIND_TERMS_MAX);
    q->groups = arena_alloc_zero(b->arena, s->n_group_clause, sizeof(struct expr *));
    if (q->groups == NULL) return bind_no_memory(b);
    b->clause = CLAUSE_GROUP;
    for (size_t i = 0; i < s->n_group_clause; i++)
        TRY(bind_output_term(b, q, s->group_clause[i], &q->groups[q->group_count++]));
    return ST_OK;
}

/* --- LIMIT --------------------------------------------------------------------------------- */

static enum status bind_limit(struct binder *b,
                              struct expr **out,
                              const PgQuery__Node *n,
                              bool is_offset)
{
    if (n == NULL) return ST_OK;
    const char *name = is_offset ? "OFFSET" : "LIMIT";
    b->clause = CLAUSE_LIMIT;
    struct expr *e = NULL;
    TRY(bind_expr(b, &e, n));
    if (!type_can_coerce(e->type, SQL_INT8, SQL_CAST_ASSIGNMENT))
        return bind_fail(b, e->position, "42804", "argument of %s must be type bigint, not type %s",
                         name, bind_type_name(b, e->type));
    struct coercion to = {.type = SQL_INT8, .typmod = -1, .context = SQL_CAST_ASSIGNMENT};
    TRY(bind_coerce(b, &e, &to));
    if (e->kind == EXPR_CONST && e->value.is_null) return ST_OK; /* As if absent. */
    if (e->kind == EXPR_CONST && e->value.integer < 0)
        return bind_fail(b, -1, is_offset ? "2201X" : "2201W", "%s must not be negative", name);
    if (e->kind != EXPR_CONST) {
        e = bind_call(b, SQL_INT8, is_offset ? "sql_offset(%1)" : "sql_limit(%1)",
                      (struct expr *[3]){e});
        if (e == NULL) return bind_no_memory(b);
    }
    *out = e;
    return ST_OK;
}

bool bind_is_total_order(const struct query *q)
{
    if (q->from_count != 1 || q->from[0]->join != JOIN_NONE) return false;
    const struct catalog_table *t = q->from[0]->source->table;
    if (t == NULL || t->key_count == 0) return false;
    for (uint32_t k = 0; k < t->key_count; k++) {
        bool is_found = false;
        for (uint32_t i = 0; i < q->sort_count; i++) {
            const struct expr *e = q->sorts[i].expr;
            is_found = is_found || (e->kind == EXPR_COLUMN && e->column == t->key_columns[k] &&
                                    e->source == q->from[0]->source);
        }
        if (!is_found) return false;
    }
    return true;
}

static enum status bind_ties(struct binder *b, struct query *q)
{
    TRY(bind_needs_or(b, 4, -1, "FETCH ... WITH TIES is not supported", NULL));
    if (q->sort_count == 0)
        return bind_fail(b, -1, "42601", "WITH TIES cannot be specified without ORDER BY clause");
    if (q->op != SET_NONE || q->row_count > 0 || q->is_distinct || q->distinct_on_count > 0)
        return bind_unsupported(b, -1,
                                "WITH TIES beside DISTINCT, VALUES and set operations is not "
                                "supported",
                                "Put them into a subquery in FROM.");
    q->with_ties = true;
    return ST_OK;
}

static enum status bind_limits(struct binder *b, struct query *q, const PgQuery__SelectStmt *s)
{
    if (s->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES) TRY(bind_ties(b, q));
    TRY(bind_limit(b, &q->limit, s->limit_count, false));
    TRY(bind_limit(b, &q->offset, s->limit_offset, true));
    if (!b->is_write || (q->limit == NULL && q->offset == NULL)) return ST_OK;
    if (bind_is_total_order(q) || (q->has_aggregates && q->group_count == 0)) return ST_OK;
    if (q->with_ties && q->offset == NULL) return ST_OK;
    return bind_unsupported(b, -1,
                            "LIMIT and OFFSET in a write need an ORDER BY that leaves no ties",
                            "Select from one table and order by its primary key.");
}

/* --- SELECT -------------------------------------------------------------------------------- */

static enum status check_select(struct binder *b, const PgQuery__SelectStmt *s)
{
    if (s->into_clause != NULL)
        return bind_unsupported(b, -1, "SELECT INTO is not supported",
                                "Use CREATE TABLE and INSERT ... SELECT.");
    TRY(bind_locking(b, s));
    if (s->n_window_clause > 0)
        TRY(bind_needs_or(b, 4, -1, "window functions are not supported", NULL));
    if (bind_is_distinct_on(s))
        TRY(bind_needs_or(b, 4, -1, "SELECT DISTINCT ON is not supported",
                          "Use GROUP BY with min() or max()."));
    return ST_OK;
}

enum status bind_settle_targets(struct binder *b, struct query *q)
{
    for (uint32_t i = 0; i < q->target_count; i++)
        TRY(bind_settle(b, &q->targets[i].expr));
    return ST_OK;
}

static enum status bind_simple(struct binder *b, struct query *q, const PgQuery__SelectStmt *s)
{
    TRY(check_select(b, s));
    q->is_distinct = s->n_distinct_clause > 0 && !bind_is_distinct_on(s);
    TRY(bind_from(b, q, s->from_clause, s->n_from_clause));
    if (s->where_clause != NULL) {
        b->clause = CLAUSE_WHERE;
        TRY(bind_expr(b, &q->where, s->where_clause));
        TRY(bind_condition(b, &q->where, "WHERE"));
    }
    TRY(bind_windows(b, q, s));
    /* Constants that must equal others (GROUP BY a + 1) cannot become parameters. */
    bool is_matched = s->n_group_clause > 0 || s->n_distinct_clause > 0;
    b->keep_literals += is_matched;
    b->clause = CLAUSE_TARGET;
    q->first_grouped_ref = q->scope.outer_ref_count;
    TRY(bind_targets(b, q, s->target_list, s->n_target_list));
    if (!q->keeps_unknown) TRY(bind_settle_targets(b, q));
    TRY(bind_sorts(b, q, s));
    TRY(bind_distinct_on(b, q, s));
    TRY(bind_grouping(b, q, s));
    if (s->having_clause != NULL) {
        b->clause = CLAUSE_HAVING;
        TRY(bind_expr(b, &q->having, s->having_clause));
        TRY(bind_condition(b, &q->having, "HAVING"));
    }
    b->keep_literals -= is_matched;
    q->grouped_ref_count = q->scope.outer_ref_count - q->first_grouped_ref;
    TRY(bind_distinct(b, q));
    TRY(bind_check_groups(b, q));
    TRY(bind_branches(b, q));
    TRY(bind_set_calls(b, q));
    TRY(bind_locked(b, q, s));
    return bind_limits(b, q, s);
}

/* --- VALUES -------------------------------------------------------------------------------- */

static const char *const value_names[] = {
    "column1", "column2", "column3", "column4",  "column5",  "column6",
    "column7", "column8", "column9", "column10", "column11", "column12",
};

static struct span value_name(struct binder *b, uint32_t index)
{
    if (index < sizeof value_names / sizeof value_names[0]) return span_text(value_names[index]);
    char digits[24] = "column";
    size_t used = strlen(digits);
    uint32_t number = index + 1;
    uint32_t unit = 10;
    while (unit <= number / 10)
        unit *= 10;
    for (; unit > 0; unit /= 10)
        digits[used++] = (char)('0' + number / unit % 10);
    return arena_copy(b->arena, span_of(digits, used));
}

static enum status unify_values(struct binder *b, struct query *q)
{
    struct expr **column = arena_alloc_zero(b->arena, q->row_count, sizeof(struct expr *));
    if (column == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < q->target_count; i++) {
        enum sql_type type = SQL_UNKNOWN;
        for (uint32_t r = 0; r < q->row_count; r++)
            column[r] = q->rows[r].values[i];
        TRY(bind_coerce_all(b, column, q->row_count, "VALUES", &type));
        int32_t scale = column[0]->scale;
        for (uint32_t r = 0; r < q->row_count; r++) {
            q->rows[r].values[i] = column[r];
            if (column[r]->scale != scale) scale = -1;
        }
        struct expr *e = bind_new_expr(b, EXPR_CONST, type, -1); /* Stands for the column. */
        if (e == NULL) return bind_no_memory(b);
        e->value.is_null = true;
        e->scale = scale;
        q->targets[i] = (struct target){.expr = e, .name = value_name(b, i)};
    }
    return ST_OK;
}

static enum status bind_values(struct binder *b, struct query *q, const PgQuery__SelectStmt *s)
{
    TRY(check_select(b, s));
    q->rows = arena_alloc_zero(b->arena, s->n_values_lists, sizeof *q->rows);
    if (q->rows == NULL) return bind_no_memory(b);
    b->clause = CLAUSE_VALUES;
    for (size_t i = 0; i < s->n_values_lists; i++) {
        const PgQuery__List *list = s->values_lists[i]->list;
        struct row *row = &q->rows[q->row_count++];
        TRY(bind_expr_list(b, &row->values, list->items, list->n_items));
        row->count = (uint32_t)list->n_items;
        if (row->count != q->rows[0].count)
            return bind_fail(b, -1, "42601", "VALUES lists must all be the same length");
        for (uint32_t k = 0; k < row->count; k++)
            if (row->values[k]->kind == EXPR_DEFAULT)
                return bind_fail(b, row->values[k]->position, "42601",
                                 "DEFAULT is not allowed in this context");
    }
    if (q->rows[0].count > SQL_COLUMNS_MAX)
        return bind_fail(b, -1, "54011", "VALUES lists can have at most %u entries",
                         SQL_COLUMNS_MAX);
    q->target_count = q->rows[0].count;
    q->targets = arena_alloc_zero(b->arena, q->target_count, sizeof *q->targets);
    if (q->targets == NULL) return bind_no_memory(b);
    TRY(unify_values(b, q));
    TRY(bind_sorts(b, q, s));
    return bind_limits(b, q, s);
}

/* --- set operations ------------------------------------------------------------------------ */

static enum status set_op_of(struct binder *b, const PgQuery__SelectStmt *s, struct query *q)
{
    enum set_op *op = &q->op;
    switch (s->op) {
    case PG_QUERY__SET_OPERATION__SETOP_UNION: *op = s->all ? SET_UNION_ALL : SET_UNION; break;
    case PG_QUERY__SET_OPERATION__SETOP_INTERSECT: *op = SET_INTERSECT; break;
    case PG_QUERY__SET_OPERATION__SETOP_EXCEPT: *op = SET_EXCEPT; break;
    case PG_QUERY__SET_OPERATION__SETOP_NONE:
    case PG_QUERY__SET_OPERATION__SET_OPERATION_UNDEFINED:
    case _PG_QUERY__SET_OPERATION_IS_INT_SIZE: *op = SET_NONE; break;
    }
    q->is_all = s->all && (*op == SET_INTERSECT || *op == SET_EXCEPT);
    if (!q->is_all) return ST_OK;
    return bind_needs_or(b, 4, -1, "INTERSECT ALL and EXCEPT ALL are not supported",
                         "Without ALL, each row comes once.");
}

static const char *set_op_name(enum set_op op)
{
    switch (op) {
    case SET_UNION:
    case SET_UNION_ALL: return "UNION";
    case SET_INTERSECT: return "INTERSECT";
    case SET_EXCEPT: return "EXCEPT";
    case SET_NONE: break;
    }
    return "";
}

static enum status push_type(struct binder *b, struct query *q, uint32_t column, enum sql_type type)
{
    if (q->op != SET_NONE) {
        TRY(push_type(b, q->left, column, type));
        TRY(push_type(b, q->right, column, type));
    }
    for (uint32_t i = 0; i < q->row_count; i++)
        TRY(bind_coerce_implicit(b, &q->rows[i].values[column], type));
    return bind_coerce_implicit(b, &q->targets[column].expr, type);
}

static enum status unify_sides(struct binder *b, struct query *q)
{
    const char *name = set_op_name(q->op);
    if (q->left->target_count != q->right->target_count)
        return bind_fail(b, -1, "42601", "each %s query must have the same number of columns",
                         name);
    q->target_count = q->left->target_count;
    q->targets = arena_alloc_zero(b->arena, q->target_count, sizeof *q->targets);
    if (q->targets == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < q->target_count; i++) {
        struct expr *pair[2] = {q->left->targets[i].expr, q->right->targets[i].expr};
        enum sql_type type = SQL_UNKNOWN;
        TRY(bind_common_type(b, pair, 2, name, &type));
        TRY(push_type(b, q->left, i, type));
        TRY(push_type(b, q->right, i, type));
        struct expr *e = bind_new_expr(b, EXPR_CONST, type, -1); /* Stands for the column. */
        if (e == NULL) return bind_no_memory(b);
        e->value.is_null = true;
        int32_t left = q->left->targets[i].expr->scale;
        e->scale = left == q->right->targets[i].expr->scale ? left : -1;
        q->targets[i] = (struct target){.expr = e, .name = q->left->targets[i].name};
    }
    return ST_OK;
}

static enum status bind_set(struct binder *b, struct query *q, const PgQuery__SelectStmt *s)
{
    TRY(check_select(b, s));
    TRY(set_op_of(b, s, q));
    struct scope *scope = b->scope;
    b->scope = scope->parent;
    b->keeps_unknown = true;
    TRY(bind_query(b, &q->left, s->larg));
    if (q->defines != NULL) TRY(bind_recursion_begin(b, q));
    b->keeps_unknown = true;
    b->recursion = q->defines;
    TRY(bind_query(b, &q->right, s->rarg));
    b->scope = scope;
    if (q->defines != NULL) TRY(bind_recursion_types(b, q));
    TRY(unify_sides(b, q));
    if (q->defines != NULL) TRY(bind_recursion_end(b, q, s));
    TRY(bind_sorts(b, q, s));
    TRY(bind_distinct_set(b, q));
    return bind_limits(b, q, s);
}

/* --- entry --------------------------------------------------------------------------------- */

enum status bind_query(struct binder *b, struct query **out, const PgQuery__SelectStmt *s)
{
    struct query *q = arena_alloc_zero(b->arena, 1, sizeof *q);
    if (q == NULL) return bind_no_memory(b);
    struct scope *scope = b->scope;
    struct query *query = b->query;
    enum clause clause = b->clause;
    struct cte *ctes = b->ctes;
    q->scope.parent = scope;
    q->keeps_unknown = b->keeps_unknown;
    q->defines = b->defining;
    q->recursion = b->recursion;
    b->keeps_unknown = false;
    b->defining = b->recursion = NULL;
    TRY(bind_with(b, q, s->with_clause)); /* Sees the enclosing query, not this one. */
    b->scope = &q->scope;
    b->query = q;
    b->clause = CLAUSE_NONE;
    if (s->n_values_lists > 0)
        TRY(bind_values(b, q, s));
    else if (s->larg != NULL)
        TRY(bind_set(b, q, s));
    else
        TRY(bind_simple(b, q, s));
    must(q->target_count == 0 || q->targets != NULL);
    b->scope = scope;
    b->query = query;
    b->clause = clause;
    b->ctes = ctes;
    *out = q;
    return ST_OK;
}

enum status bind_query_node(struct binder *b, struct query **out, const PgQuery__Node *n)
{
    if (n == NULL || n->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return bind_unsupported(b, -1, "only SELECT and VALUES are supported here", NULL);
    return bind_query(b, out, n->select_stmt);
}
