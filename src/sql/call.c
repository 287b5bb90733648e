/* Function calls, aggregates, subqueries in expressions, and the names of unnamed columns. */
#include <stdio.h>

#include "base/must.h"
#include "sql/bind_int.h"

#define NODE_CALLS_SINCE 3u /* exec_version; below it their names are not known. */

/* --- functions ----------------------------------------------------------------------------- */

/* In a transaction every call of this schema is one: what a newer program answers must be refused
 * by an older one with the same text. */
static bool is_node_call(const struct binder *b, const PgQuery__FuncCall *c)
{
    if (c->n_funcname != 2) return false;
    if (!span_equal(bind_string(c->funcname[0]), span_text("trustsql"))) return false;
    if (b->exec_version < NODE_CALLS_SINCE) return false;
    return b->exec_version != BIND_VERSION_NEWEST ||
           sql_function_find(bind_string(c->funcname[1]), SQL_NODE, 0) != NULL;
}

static enum status check_node_call(struct binder *b, const PgQuery__FuncCall *c)
{
    if (!b->is_write && b->exec_version == BIND_VERSION_NEWEST) {
        b->calls_node = true;
        return ST_OK;
    }
    return bind_unsupported(b, c->location,
                            "functions of schema trustsql cannot be called in a transaction of "
                            "the chain: each node answers for itself",
                            "Call it in a statement of its own, and give the value.");
}

static enum status check_call(struct binder *b, const PgQuery__FuncCall *c)
{
    if (c->over != NULL)
        TRY(bind_needs_or(b, 4, c->location, "window functions are not supported",
                          "Use GROUP BY, or compute in the client."));
    if (c->n_agg_order > 0 && c->over == NULL)
        TRY(bind_needs_or(b, 4, c->location, "ORDER BY in an aggregate is not supported",
                          "Order the rows in a subquery."));
    if (c->agg_within_group || c->func_variadic)
        return bind_unsupported(b, c->location, "WITHIN GROUP and VARIADIC are not supported",
                                NULL);
    if (c->n_funcname == 1) return ST_OK;
    struct span schema = bind_string(c->funcname[0]);
    if (span_equal(schema, span_text("pg_catalog"))) return ST_OK;
    if (span_equal(schema, span_text("information_schema")) && !b->is_write &&
        span_equal(bind_string(c->funcname[1]), span_text("_pg_expandarray")))
        return ST_OK;
    struct span name = bind_string(c->funcname[c->n_funcname - 1]);
    if (is_node_call(b, c)) {
        TRY(check_node_call(b, c));
        return span_equal(name, span_text("tx_status")) ? bind_key_access(b) : ST_OK;
    }
    if (!span_equal(schema, span_text("public")) && !span_equal(schema, span_text("trustsql")))
        return bind_fail(b, c->location, "3F000", "schema \"%.*s\" does not exist",
                         (int)schema.size, (const char *)schema.data);
    return bind_fail(b, c->location, "42883", "function %.*s.%.*s does not exist", (int)schema.size,
                     (const char *)schema.data, (int)name.size, (const char *)name.data);
}

const char *bind_clause_name(enum clause clause)
{
    switch (clause) {
    case CLAUSE_WHERE: return "WHERE";
    case CLAUSE_ON: return "JOIN conditions";
    case CLAUSE_GROUP: return "GROUP BY";
    case CLAUSE_LIMIT: return "LIMIT";
    case CLAUSE_VALUES: return "VALUES";
    case CLAUSE_SET: return "UPDATE";
    case CLAUSE_RETURNING: return "RETURNING";
    case CLAUSE_CHECK: return "check constraints";
    case CLAUSE_GENERATED: return "column generation expressions";
    case CLAUSE_DEFAULT: return "DEFAULT expressions";
    case CLAUSE_FILTER: return "FILTER";
    case CLAUSE_NONE:
    case CLAUSE_TARGET:
    case CLAUSE_HAVING:
    case CLAUSE_ORDER:
    case CLAUSE_WINDOW:
    case CLAUSE_AGGREGATE: break;
    }
    return NULL;
}

static enum status check_aggregate(struct binder *b, int32_t position)
{
    if (b->clause == CLAUSE_AGGREGATE)
        return bind_fail(b, position, "42803", "aggregate function calls cannot be nested");
    const char *name = bind_clause_name(b->clause);
    if (name == NULL && b->query != NULL) {
        b->query->has_aggregates = true;
        return ST_OK;
    }
    return bind_fail(b, position, "42803", "aggregate functions are not allowed in %s",
                     name == NULL ? "this place" : name);
}

bool bind_is_aggregate_name(struct span name)
{
    return sql_function_find(name, SQL_AGGREGATE, 0) != NULL &&
           sql_function_find(name, SQL_FUNCTION, 0) == NULL;
}

/* Equal numerics of other scales count once, but the scale shows in a sum, a minimum, a maximum. */
static enum status bind_distinct_aggregate(struct binder *b,
                                           struct expr *e,
                                           const PgQuery__FuncCall *c)
{
    struct span name = bind_string(c->funcname[c->n_funcname - 1]);
    if (span_equal(name, span_text("min")) || span_equal(name, span_text("max"))) {
        e->is_distinct = false;
        return ST_OK;
    }
    bool is_open = e->args[0]->type == SQL_NUMERIC && e->args[0]->scale < 0;
    if (is_open && !span_equal(name, span_text("count")))
        return bind_unsupported(b, c->location,
                                "DISTINCT over numeric values of unknown scale is not supported",
                                "Cast them to numeric(p,s).");
    return bind_canonical(b, &e->args[0]);
}

enum status bind_finish_aggregate(struct binder *b, struct expr *e, const PgQuery__FuncCall *c)
{
    if (e->kind != EXPR_AGGREGATE) {
        if (!c->agg_distinct && c->agg_filter == NULL && !c->agg_star) return ST_OK;
        return bind_fail(b, c->location, "42809",
                         "DISTINCT, FILTER and * belong to aggregate functions");
    }
    e->is_distinct = c->agg_distinct != 0;
    const bool is_listed =
        e->is_distinct && (e->arg_count != 1 || e->function->volatility == SQL_ORDERED);
    if (is_listed)
        TRY(bind_needs_or(b, 4, c->location, "DISTINCT over several arguments is not supported",
                          NULL));
    if (is_listed || c->n_agg_order > 0)
        TRY(bind_aggregate_order(b, e, c));
    else if (e->is_distinct)
        TRY(bind_distinct_aggregate(b, e, c));
    if (c->agg_filter == NULL) return ST_OK;
    enum clause before = b->clause;
    b->clause = CLAUSE_FILTER;
    TRY(bind_expr(b, &e->filter, c->agg_filter));
    b->clause = before;
    return bind_condition(b, &e->filter, "FILTER");
}

/* current_schema: the first of the search path that there is; else null. */
static enum status first_schema(struct binder *b, struct expr **out, int32_t position)
{
    *out = bind_new_expr(b, EXPR_CONST, SQL_TEXT, position);
    if (*out == NULL) return bind_no_memory(b);
    struct sql_value *value = &(*out)->value;
    *value = (struct sql_value){.type = SQL_TEXT, .is_null = true};
    for (uint32_t i = 0; value->is_null && i < b->path_count; i++) {
        value->bytes = b->path[i];
        value->is_null = sql_catalog_schema(b->catalog, b->path[i]) == NULL &&
                         !span_equal(b->path[i], span_text("public"));
    }
    return ST_OK;
}

/* make_interval(days => 1): what is not named is 0. Other functions take arguments by position. */
static enum status bind_named(struct binder *b, struct call_site *site, const PgQuery__FuncCall *c)
{
    static const char *const names[] = {"years", "months", "weeks", "days",
                                        "hours", "mins",   "secs"};
    const uint32_t count = sizeof names / sizeof names[0];
    if (!span_equal(site->name, span_text("make_interval")))
        return bind_unsupported(b, c->location, "arguments by name are not supported",
                                "Give them by their places.");
    site->args = arena_alloc_zero(b->arena, count, sizeof(struct expr *));
    if (site->args == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < c->n_args; i++) {
        const bool is_named = c->args[i]->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR;
        const PgQuery__NamedArgExpr *named = is_named ? c->args[i]->named_arg_expr : NULL;
        size_t place = is_named ? 0 : i;
        while (is_named && place < count && strcmp(named->name, names[place]) != 0)
            place++;
        if (place >= count || site->args[place] != NULL)
            return bind_fail(b, c->location, "42883",
                             "function make_interval has no such argument");
        TRY(bind_expr(b, &site->args[place], is_named ? named->arg : c->args[i]));
    }
    for (uint32_t i = 0; i < count; i++) {
        if (site->args[i] != NULL) continue;
        site->args[i] = bind_new_expr(b, EXPR_CONST, SQL_INT4, -1);
        if (site->args[i] == NULL) return bind_no_memory(b);
        site->args[i]->value = (struct sql_value){.type = SQL_INT4};
    }
    site->arg_count = count;
    return ST_OK;
}

static enum status bind_arguments(struct binder *b,
                                  struct call_site *site,
                                  const PgQuery__FuncCall *c)
{
    if (bind_is_row_json(b, c)) {
        site->args = arena_alloc_zero(b->arena, 1, sizeof(struct expr *));
        if (site->args == NULL) return bind_no_memory(b);
        return bind_row_json(b, &site->args[0], c);
    }
    for (size_t i = 0; b->exec_version >= TYPES_SINCE && i < c->n_args; i++)
        if (c->args[i]->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR)
            return bind_named(b, site, c);
    return bind_expr_list(b, &site->args, c->args, c->n_args);
}

enum status bind_func_call(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__FuncCall *c = n->func_call;
    TRY(check_call(b, c));
    struct call_site site = {.name = bind_string(c->funcname[c->n_funcname - 1]),
                             .arg_count = (uint32_t)c->n_args,
                             .position = c->location,
                             .is_node = is_node_call(b, c)};
    if (c->n_args == 0 && span_equal(site.name, span_text("current_schema")))
        return first_schema(b, out, c->location);
    if (bind_is_sequence_call(b, site.name)) return bind_sequence_call(b, out, c);
    if (span_equal(site.name, span_text("row_to_json")) && bind_is_row_json(b, c))
        return bind_row_json(b, out, c);
    if (c->over != NULL && !site.is_node) return bind_window_call(b, out, c);
    if (!site.is_node) TRY(bind_needs_window(b, c));
    if (!site.is_node && bind_is_set_call(b, c)) return bind_set_call(b, out, c);
    bool is_aggregate = !site.is_node && bind_is_aggregate_name(site.name);
    enum clause before = b->clause;
    uint32_t outer_refs = b->scope == NULL ? 0 : b->scope->outer_ref_count;
    if (is_aggregate) {
        TRY(check_aggregate(b, c->location));
        b->clause = CLAUSE_AGGREGATE;
        if (c->n_args == 0 && !c->agg_star && span_equal(site.name, span_text("count"))) {
            (void)bind_fail(b, c->location, "42809",
                            "count(*) must be used to call a parameterless aggregate function");
            return ST_INVALID;
        }
    }
    const struct sql_function *first = sql_function_find(site.name, SQL_AGGREGATE, 0);
    const bool is_list = first != NULL && first->volatility == SQL_ORDERED;
    site.is_ordered = c->n_agg_order > 0 || (c->agg_distinct && (c->n_args > 1 || is_list));
    b->keep_literals += site.is_ordered;
    TRY(bind_arguments(b, &site, c));
    b->keep_literals -= site.is_ordered;
    b->clause = before;
    TRY(bind_function(b, out, &site));
    TRY(bind_finish_aggregate(b, *out, c));
    /* PostgreSQL puts each row on a line of its own. */
    if (is_aggregate && span_equal(site.name, span_text("json_agg")) && bind_is_row_json(b, c))
        (*out)->template = "json_list_agg_by(json_part(0, %t1, %1), ', \n ', %k, %d)";
    /* What subqueries inside an aggregate use of this query need not be grouped by. */
    if (is_aggregate && b->scope != NULL) b->scope->outer_ref_count = outer_refs;
    return ST_OK;
}

/* What came with exec_version 4. */
static bool is_late_value(PgQuery__SQLValueFunctionOp op)
{
    return op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N ||
           op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE ||
           op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME ||
           op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME_N ||
           op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP ||
           op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N;
}

enum status bind_value_function(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    static const char *const names[] = {
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP] = "now",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N] = "now",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE] = "current_date",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME] = "localtime",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME_N] = "localtime",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP] = "localtimestamp",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N] = "localtimestamp",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE] = "current_user",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER] = "current_user",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER] = "current_user",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER] = "session_user",
        [PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG] = "current_database",
    };
    const PgQuery__SQLValueFunction *f = n->sqlvalue_function;
    size_t which = (size_t)f->op;
    if (f->op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA)
        return first_schema(b, out, f->location);
    const bool is_there = which < sizeof names / sizeof names[0] && names[which] != NULL &&
                          (b->exec_version >= TYPES_SINCE || !is_late_value(f->op));
    if (!is_there)
        return bind_unsupported(b, f->location, "dates and local times are not supported",
                                "Use now(): the time of the block, with time zone.");
    struct call_site site = {.name = span_text(names[which]), .position = f->location};
    TRY(bind_function(b, out, &site));
    if (f->typmod < 0) return ST_OK;
    struct coercion to = {.type = (*out)->type,
                          .typmod = f->typmod > 6 ? 6 : f->typmod,
                          .context = SQL_CAST_EXPLICIT};
    return bind_coerce(b, out, &to);
}

/* --- subqueries ---------------------------------------------------------------------------- */

/* Change the type of an output column wherever it is made. */
static enum status coerce_column(struct binder *b,
                                 struct query *q,
                                 uint32_t column,
                                 enum sql_type type)
{
    if (q->op != SET_NONE) {
        TRY(coerce_column(b, q->left, column, type));
        TRY(coerce_column(b, q->right, column, type));
    }
    for (uint32_t i = 0; i < q->row_count; i++)
        TRY(bind_coerce_implicit(b, &q->rows[i].values[column], type));
    return bind_coerce_implicit(b, &q->targets[column].expr, type);
}

static enum status one_column(struct binder *b, const struct query *q, int32_t position)
{
    if (q->target_count == 1) return ST_OK;
    return bind_fail(b, position, "42601", "subquery must return only one column");
}

static struct expr *query_expr(struct binder *b,
                               struct query *q,
                               enum sql_type type,
                               const char *template)
{
    struct expr *e = bind_new_expr(b, EXPR_QUERY, type, -1);
    if (e == NULL) return NULL;
    e->query = q;
    e->template = template;
    return e;
}

static bool is_single_row(const struct query *q)
{
    if (q->op != SET_NONE || q->row_count > 1 || q->with_ties) return false;
    if (q->row_count == 1 || q->from_count == 0) return true;
    if (q->has_aggregates && q->group_count == 0) return true;
    const struct expr *limit = q->limit;
    return limit != NULL && limit->kind == EXPR_CONST && limit->value.integer <= 1 &&
           !limit->value.is_null;
}

static enum status bind_scalar(struct binder *b,
                               struct expr **out,
                               struct query *q,
                               int32_t position)
{
    TRY(one_column(b, q, position));
    q->is_scalar = !is_single_row(q);
    *out = query_expr(b, q, q->targets[0].expr->type, "(%q)");
    if (*out == NULL) return bind_no_memory(b);
    (*out)->typmod = q->targets[0].expr->typmod;
    (*out)->scale = q->targets[0].expr->scale;
    (*out)->position = position;
    return ST_OK;
}

static enum status bind_in_query(struct binder *b,
                                 struct expr **out,
                                 struct query *q,
                                 const PgQuery__SubLink *s)
{
    bool is_all = s->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK;
    struct span symbol =
        s->n_oper_name == 0 ? span_text("=") : bind_string(s->oper_name[s->n_oper_name - 1]);
    bool is_in = !is_all && span_equal(symbol, span_text("="));
    bool is_not_in = is_all && span_equal(symbol, span_text("<>"));
    if (bind_is_row(s->testexpr) || (!is_in && !is_not_in)) {
        TRY(bind_needs_or(b, 4, s->location, "ANY and ALL work with = ANY and <> ALL only",
                          "Compare with a subquery that returns min() or max()."));
        return bind_rows_of_query(b, out, q, s);
    }
    struct expr *test = NULL;
    TRY(bind_expr(b, &test, s->testexpr));
    if (q->target_count != 1)
        return bind_fail(b, s->location, "42601", "subquery has too many columns");
    struct expr *column = q->targets[0].expr;
    struct expr *equal = NULL;
    TRY(bind_operator(b, &equal, span_text("="), (struct expr *[2]){test, column}, s->location));
    must(equal->arg_count == 2);
    enum sql_type type = equal->args[1]->type;
    TRY(bind_coerce_implicit(b, &test, type));
    TRY(coerce_column(b, q, 0, type));
    bool is_mixed =
        type == SQL_NUMERIC && (test->scale < 0 || test->scale != q->targets[0].expr->scale);
    if (is_mixed && (q->op != SET_NONE || q->row_count > 0))
        return bind_unsupported(b, s->location,
                                "IN over numeric values of different scales is not supported here",
                                "Cast both sides to one numeric(p,s).");
    if (is_mixed) {
        test->scale = q->targets[0].expr->scale = -1;
        TRY(bind_canonical(b, &test));
        TRY(bind_canonical(b, &q->targets[0].expr));
    }
    struct expr *e = query_expr(b, q, SQL_BOOL, is_in ? "(%1 IN (%q))" : "(%1 NOT IN (%q))");
    struct expr **args = arena_alloc_zero(b->arena, 1, sizeof(struct expr *));
    if (e == NULL || args == NULL) return bind_no_memory(b);
    args[0] = test;
    e->args = args;
    e->arg_count = 1;
    *out = e;
    return ST_OK;
}

/* ARRAY(SELECT …): in the order of the rows. */
static enum status bind_array_query(struct binder *b,
                                    struct expr **out,
                                    struct query *q,
                                    int32_t position)
{
    TRY(bind_needs_or(b, TYPES_SINCE, position, "this kind of subquery is not supported",
                      "Use a subquery with one column."));
    TRY(one_column(b, q, position));
    if (b->is_write && q->sort_count == 0)
        return bind_unsupported(b, position, "ARRAY(SELECT ...) in a write needs an ORDER BY",
                                "Its elements stand in the order of the rows.");
    const enum sql_type array = sql_type_info(q->targets[0].expr->type)->array;
    if (array == 0)
        return bind_unsupported(b, position, "an array of this type is not supported", NULL);
    *out = query_expr(b, q, array, "coalesce((SELECT array_agg(%t0, c1) FROM (%q)), x'00')");
    if (*out == NULL) return bind_no_memory(b);
    (*out)->position = position;
    return ST_OK;
}

enum status bind_sublink(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__SubLink *s = n->sub_link;
    if (b->clause == CLAUSE_CHECK)
        return bind_fail(b, s->location, "0A000", "cannot use subquery in check constraint");
    if (b->clause == CLAUSE_GENERATED)
        return bind_fail(b, s->location, "0A000",
                         "cannot use subquery in column generation expression");
    if (b->clause == CLAUSE_DEFAULT)
        return bind_fail(b, s->location, "0A000", "cannot use subquery in DEFAULT expression");
    if (b->clause == CLAUSE_RETURNING)
        return bind_unsupported(b, s->location, "a subquery in RETURNING is not supported",
                                "Run a SELECT after the write.");
    struct query *q = NULL;
    TRY(bind_query_node(b, &q, s->subselect));
    switch (s->sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK:
        *out = query_expr(b, q, SQL_BOOL, "EXISTS (%q)");
        return *out == NULL ? bind_no_memory(b) : ST_OK;
    case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK: return bind_array_query(b, out, q, s->location);
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK: return bind_scalar(b, out, q, s->location);
    case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK:
    case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK: return bind_in_query(b, out, q, s);
    case PG_QUERY__SUB_LINK_TYPE__ROWCOMPARE_SUBLINK:
    case PG_QUERY__SUB_LINK_TYPE__MULTIEXPR_SUBLINK:
    case PG_QUERY__SUB_LINK_TYPE__CTE_SUBLINK:
    case PG_QUERY__SUB_LINK_TYPE__SUB_LINK_TYPE_UNDEFINED:
    case _PG_QUERY__SUB_LINK_TYPE_IS_INT_SIZE: break;
    }
    return bind_unsupported(b, s->location, "this kind of subquery is not supported",
                            "Use a subquery with one column.");
}

/* --- column names -------------------------------------------------------------------------- */

struct named {
    struct span name;
    int strength; /* 0: none, 1: weak, 2: strong; as in PostgreSQL's FigureColname. */
};

static struct named name_of(const PgQuery__Node *n);

static struct span last_string(PgQuery__Node *const *names, size_t count)
{
    for (size_t i = count; i > 0; i--)
        if (names[i - 1]->node_case == PG_QUERY__NODE__NODE_STRING)
            return bind_string(names[i - 1]);
    return (struct span){0};
}

static struct named name_of_sublink(const PgQuery__SubLink *s)
{
    if (s->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK)
        return (struct named){span_text("exists"), 2};
    if (s->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK)
        return (struct named){span_text("array"), 2};
    if (s->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK) return (struct named){{0}, 0};
    const PgQuery__SelectStmt *q = s->subselect->node_case == PG_QUERY__NODE__NODE_SELECT_STMT
                                       ? s->subselect->select_stmt
                                       : NULL;
    while (q != NULL && q->larg != NULL)
        q = q->larg;
    if (q == NULL || q->n_target_list != 1) return (struct named){{0}, 0};
    const PgQuery__ResTarget *t = q->target_list[0]->res_target;
    if (t->name != NULL && t->name[0] != 0) return (struct named){span_text(t->name), 2};
    return (struct named){bind_column_name(t->val), 2};
}

static struct named name_of_value_function(const PgQuery__SQLValueFunction *f)
{
    static const char *const names[] = {
        "",
        "current_date",
        "current_time",
        "current_time",
        "current_timestamp",
        "current_timestamp",
        "localtime",
        "localtime",
        "localtimestamp",
        "localtimestamp",
        "current_role",
        "current_user",
        "user",
        "session_user",
        "current_catalog",
        "current_schema",
    };
    size_t which = (size_t)f->op;
    return which < sizeof names / sizeof names[0] ? (struct named){span_text(names[which]), 2}
                                                  : (struct named){{0}, 0};
}

static struct named name_of_case(const PgQuery__CaseExpr *c)
{
    struct named inner = {{0}, 0};
    if (c->defresult != NULL) inner = name_of(c->defresult);
    return inner.strength == 2 ? inner : (struct named){span_text("case"), 1};
}

static struct named name_of(const PgQuery__Node *n)
{
    switch ((int)n->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return (struct named){last_string(n->column_ref->fields, n->column_ref->n_fields), 2};
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return (struct named){last_string(n->func_call->funcname, n->func_call->n_funcname), 2};
    case PG_QUERY__NODE__NODE_A_EXPR:
        if (n->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF)
            return (struct named){span_text("nullif"), 2};
        break;
    case PG_QUERY__NODE__NODE_TYPE_CAST: {
        struct named inner = name_of(n->type_cast->arg);
        if (inner.strength == 2) return inner;
        const PgQuery__TypeName *t = n->type_cast->type_name;
        return (struct named){last_string(t->names, t->n_names), 1};
    }
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return name_of(n->collate_clause->arg);
    case PG_QUERY__NODE__NODE_CASE_EXPR: return name_of_case(n->case_expr);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR: return (struct named){span_text("coalesce"), 2};
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return n->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST
                   ? (struct named){span_text("greatest"), 2}
                   : (struct named){span_text("least"), 2};
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return name_of_value_function(n->sqlvalue_function);
    case PG_QUERY__NODE__NODE_GROUPING_FUNC: return (struct named){span_text("grouping"), 2};
    case PG_QUERY__NODE__NODE_SUB_LINK: return name_of_sublink(n->sub_link);
    case PG_QUERY__NODE__NODE_A_INDIRECTION: return name_of(n->a_indirection->arg);
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: return (struct named){span_text("array"), 2};
    default: break;
    }
    return (struct named){{0}, 0};
}

struct span bind_column_name(const PgQuery__Node *n)
{
    struct named found = name_of(n);
    return found.name.size == 0 ? span_text("?column?") : found.name;
}
