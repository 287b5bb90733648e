/* Expressions: libpg_query's nodes to typed struct expr. */
#include <stdio.h>

#include "base/must.h"
#include "sql/bind_int.h"
#include "sql/lex.h"

typedef enum status bind_node_fn(struct binder *b, struct expr **out, const PgQuery__Node *n);

/* --- constants and parameters -------------------------------------------------------------- */

/* Where the constant stands in the text; size 0: not as one simple token, so it stays. */
static size_t literal_size(const struct binder *b, size_t start)
{
    struct lex_token token = lex_next(b->text, start);
    if (token.start != start) return 0;
    if (token.kind == LEX_NUMBER) return token.size;
    if (token.kind == LEX_OPERATOR && token.size == 1 && b->text.data[start] == '-') {
        token = lex_next(b->text, start + 1);
        return token.kind == LEX_NUMBER ? token.start + token.size - start : 0;
    }
    uint8_t first = b->text.data[start];
    if (token.kind != LEX_STRING || !(first == '\'' || (first | 0x20u) == 'e')) return 0;
    struct lex_token next = lex_next(b->text, start + token.size);
    return next.kind == LEX_STRING ? 0 : token.size;
}

static enum status remember_literal(struct binder *b, struct expr *e)
{
    if (b->keep_literals > 0 || e->position < 0 || (size_t)e->position >= b->text.size)
        return ST_OK;
    size_t size = literal_size(b, (size_t)e->position);
    if (size == 0) return ST_OK;
    b->literals = bind_grow(b, b->literals, b->literal_count, sizeof *b->literals);
    if (b->literals == NULL) return bind_no_memory(b);
    b->literals[b->literal_count++] =
        (struct literal){.start = (size_t)e->position, .size = size, .expr = e};
    return ST_OK;
}

/* A number that the scanner took for too large: int4 (-2147483648), int8 if it fits, else numeric.
 */
static enum status float_const(struct binder *b, struct expr *e, const char *text)
{
    struct diag ignored;
    struct span bytes = span_text(text);
    bool is_whole = strspn(text, "-0123456789") == bytes.size;
    enum status st = ST_INVALID;
    if (is_whole) st = sql_value_parse(&e->value, b->arena, SQL_INT8, -1, bytes, &ignored);
    if (st == ST_OK) {
        e->type = e->value.integer == INT32_MIN ? SQL_INT4 : SQL_INT8;
        e->value.type = e->type;
        return ST_OK;
    }
    e->value = (struct sql_value){.type = SQL_UNKNOWN, .bytes = bytes};
    return bind_coerce_implicit(b, &e, SQL_NUMERIC);
}

static enum status bind_const(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__AConst *c = n->a_const;
    struct expr *e = bind_new_expr(b, EXPR_CONST, SQL_UNKNOWN, c->location);
    if (e == NULL) return bind_no_memory(b);
    e->value = (struct sql_value){.type = SQL_UNKNOWN, .is_null = c->isnull != 0};
    *out = e;
    if (c->isnull) return ST_OK;
    switch (c->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        e->type = SQL_INT4;
        e->value = (struct sql_value){.type = SQL_INT4, .integer = c->ival->ival};
        break;
    case PG_QUERY__A__CONST__VAL_FVAL: TRY(float_const(b, e, c->fval->fval)); break;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        e->type = SQL_BOOL;
        e->value = (struct sql_value){.type = SQL_BOOL, .integer = c->boolval->boolval != 0};
        return ST_OK;
    case PG_QUERY__A__CONST__VAL_SVAL: e->value.bytes = bind_cstring(c->sval->sval); break;
    case PG_QUERY__A__CONST__VAL_BSVAL:
    case PG_QUERY__A__CONST__VAL__NOT_SET:
    case _PG_QUERY__A__CONST__VAL__CASE_IS_INT_SIZE:
        return bind_unsupported(b, c->location, "bit string constants are not supported",
                                "Use bytea: '\\x...'::bytea.");
    }
    return remember_literal(b, e);
}

static enum status bind_param(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    int32_t number = n->param_ref->number;
    int32_t position = n->param_ref->location;
    if (number < 1 || number > (int32_t)BIND_PARAMS_MAX)
        return bind_fail(b, position, "42P02", "there is no parameter $%d", number);
    if (b->clause == CLAUSE_CHECK || b->clause == CLAUSE_GENERATED || b->clause == CLAUSE_DEFAULT)
        return bind_fail(b, position, "42P02", "there is no parameter $%d", number);
    while (b->param_count < (uint32_t)number) {
        b->param_types = bind_grow(b, b->param_types, b->param_count, sizeof *b->param_types);
        if (b->param_types == NULL) return bind_no_memory(b);
        b->param_types[b->param_count++] = SQL_UNKNOWN;
    }
    enum sql_type type = b->param_types[number - 1];
    struct expr *e = bind_new_expr(b, EXPR_PARAM, type, position);
    if (e == NULL) return bind_no_memory(b);
    e->param = (uint32_t)number;
    *out = e;
    return ST_OK;
}

/* --- logic --------------------------------------------------------------------------------- */

static enum status bind_bool(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__BoolExpr *e = n->bool_expr;
    bool is_and = e->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
    bool is_not = e->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR;
    struct expr *result = bind_new_expr(b, is_not ? EXPR_CALL : EXPR_JOINED, SQL_BOOL, e->location);
    if (result == NULL) return bind_no_memory(b);
    TRY(bind_expr_list(b, &result->args, e->args, e->n_args));
    result->arg_count = (uint32_t)e->n_args;
    result->template = is_not ? "(NOT %1)" : is_and ? " AND " : " OR ";
    for (uint32_t i = 0; i < result->arg_count; i++) {
        TRY(bind_condition(b, &result->args[i], is_not ? "NOT" : is_and ? "AND" : "OR"));
        result->is_stable = result->is_stable || result->args[i]->is_stable;
    }
    *out = result;
    return ST_OK;
}

static enum status bind_null_test(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    struct expr *arg = NULL;
    TRY(bind_expr(b, &arg, n->null_test->arg));
    TRY(bind_settle(b, &arg));
    bool is_null = n->null_test->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL;
    *out = bind_call(b, SQL_BOOL, is_null ? "(%1 IS NULL)" : "(%1 IS NOT NULL)",
                     (struct expr *[3]){arg});
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}

static enum status bind_bool_test(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    static const struct {
        const char *name;
        const char *template;
    } tests[] = {
        [PG_QUERY__BOOL_TEST_TYPE__IS_TRUE] = {"IS TRUE", "(%1 IS TRUE)"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE] = {"IS NOT TRUE", "(%1 IS NOT TRUE)"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_FALSE] = {"IS FALSE", "(%1 IS FALSE)"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE] = {"IS NOT FALSE", "(%1 IS NOT FALSE)"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN] = {"IS UNKNOWN", "(%1 IS NULL)"},
        [PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN] = {"IS NOT UNKNOWN", "(%1 IS NOT NULL)"},
    };
    size_t which = (size_t)n->boolean_test->booltesttype;
    must(which < sizeof tests / sizeof tests[0]);
    struct expr *arg = NULL;
    TRY(bind_expr(b, &arg, n->boolean_test->arg));
    TRY(bind_condition(b, &arg, tests[which].name));
    *out = bind_call(b, SQL_BOOL, tests[which].template, (struct expr *[3]){arg});
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}

/* --- conditional --------------------------------------------------------------------------- */

static enum status case_condition(struct binder *b,
                                  struct expr **out,
                                  struct expr *arg,
                                  const PgQuery__CaseWhen *when)
{
    TRY(bind_expr(b, out, when->expr));
    if (arg == NULL) return bind_condition(b, out, "CASE/WHEN");
    return bind_operator(b, out, span_text("="), (struct expr *[2]){arg, *out}, when->location);
}

static enum status case_types(struct binder *b, struct expr *e)
{
    uint32_t count = e->arg_count / 2 + 1;
    struct expr **results = arena_alloc_zero(b->arena, count, sizeof(struct expr *));
    if (results == NULL) return bind_no_memory(b);
    /* PostgreSQL looks at ELSE first. */
    results[0] = e->args[e->arg_count - 1];
    for (uint32_t i = 1; i < count; i++)
        results[i] = e->args[2 * i - 1];
    TRY(bind_coerce_all(b, results, count, "CASE", &e->type));
    e->args[e->arg_count - 1] = results[0];
    e->scale = results[0]->scale;
    e->typmod = bind_common_typmod(results, count);
    for (uint32_t i = 1; i < count; i++) {
        e->args[2 * i - 1] = results[i];
        if (results[i]->scale != e->scale) e->scale = -1;
    }
    return ST_OK;
}

static enum status bind_case(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__CaseExpr *c = n->case_expr;
    struct expr *e = bind_new_expr(b, EXPR_CASE, SQL_UNKNOWN, c->location);
    struct expr *arg = NULL;
    if (e == NULL) return bind_no_memory(b);
    e->args = arena_alloc_zero(b->arena, 2 * c->n_args + 1, sizeof(struct expr *));
    if (e->args == NULL) return bind_no_memory(b);
    if (c->arg != NULL) {
        TRY(bind_expr(b, &arg, c->arg));
        TRY(bind_settle(b, &arg));
    }
    for (size_t i = 0; i < c->n_args; i++) {
        const PgQuery__CaseWhen *when = c->args[i]->case_when;
        TRY(case_condition(b, &e->args[e->arg_count++], arg, when));
        TRY(bind_expr(b, &e->args[e->arg_count++], when->result));
    }
    struct expr **otherwise = &e->args[e->arg_count++];
    if (c->defresult != NULL) {
        TRY(bind_expr(b, otherwise, c->defresult));
    } else {
        *otherwise = bind_new_expr(b, EXPR_CONST, SQL_UNKNOWN, -1);
        if (*otherwise == NULL) return bind_no_memory(b);
        (*otherwise)->value.is_null = true;
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        e->is_stable = e->is_stable || e->args[i]->is_stable;
    *out = e;
    return case_types(b, e);
}

static enum status bind_coalesce(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__CoalesceExpr *c = n->coalesce_expr;
    struct expr *e = bind_new_expr(b, EXPR_CALL, SQL_UNKNOWN, c->location);
    if (e == NULL) return bind_no_memory(b);
    TRY(bind_expr_list(b, &e->args, c->args, c->n_args));
    e->arg_count = (uint32_t)c->n_args;
    e->template = e->arg_count == 1 ? "%1" : "coalesce(%*)";
    TRY(bind_coerce_all(b, e->args, e->arg_count, "COALESCE", &e->type));
    e->scale = e->args[0]->scale;
    e->typmod = bind_common_typmod(e->args, e->arg_count);
    for (uint32_t i = 0; i < e->arg_count; i++) {
        e->is_stable = e->is_stable || e->args[i]->is_stable;
        if (e->args[i]->scale != e->scale) e->scale = -1;
    }
    *out = e;
    return ST_OK;
}

static enum status bind_min_max(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__MinMaxExpr *m = n->min_max_expr;
    bool is_greatest = m->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST;
    struct expr **args = NULL;
    enum sql_type type = SQL_UNKNOWN;
    TRY(bind_expr_list(b, &args, m->args, m->n_args));
    TRY(bind_coerce_all(b, args, (uint32_t)m->n_args, is_greatest ? "GREATEST" : "LEAST", &type));
    struct call_site site = {.name = span_text(is_greatest ? "greatest" : "least"),
                             .args = args,
                             .arg_count = (uint32_t)m->n_args,
                             .position = m->location};
    int32_t typmod = bind_common_typmod(args, (uint32_t)m->n_args);
    TRY(bind_function(b, out, &site));
    (*out)->typmod = typmod;
    return ST_OK;
}

/* --- casts --------------------------------------------------------------------------------- */

static enum status bind_plain_array(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    return bind_array(b, out, n, SQL_VOID);
}

static enum status bind_cast(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__TypeCast *c = n->type_cast;
    struct coercion to = {.context = SQL_CAST_EXPLICIT};
    TRY(bind_type(b, c->type_name, &to.type, &to.typmod));
    /* integer '5': a parameter cannot stand there. */
    bool is_prefix = c->arg->node_case == PG_QUERY__NODE__NODE_A_CONST &&
                     c->location < c->arg->a_const->location &&
                     c->type_name->location < c->arg->a_const->location;
    b->keep_literals += is_prefix;
    const bool is_array =
        c->arg->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR && sql_type_is_array(to.type);
    enum status st = is_array ? bind_array(b, out, c->arg, to.type) : bind_expr(b, out, c->arg);
    b->keep_literals -= is_prefix;
    if (st != ST_OK) return st;
    st = bind_coerce(b, out, &to);
    if (st != ST_OK && strcmp(b->diag->sqlstate, "42846") == 0)
        parse_position(b->diag, b->text, c->location);
    return st;
}

static enum status bind_collate(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__CollateClause *c = n->collate_clause;
    struct span name = {0};
    if (c->n_collname > 0) name = bind_string(c->collname[c->n_collname - 1]);
    bool is_c = span_equal(name, span_text("C")) || span_equal(name, span_text("POSIX")) ||
                span_equal(name, span_text("default"));
    if (!is_c)
        return bind_unsupported(b, c->location, "the only collation is \"C\"",
                                "Text is ordered by its bytes on every node.");
    TRY(bind_expr(b, out, c->arg));
    TRY(bind_settle(b, out));
    if ((*out)->type == SQL_TEXT || (*out)->type == SQL_NAME) return ST_OK;
    return bind_fail(b, c->location, "42804", "collations are not supported by type %s",
                     bind_type_name(b, (*out)->type));
}

static enum status bind_default(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    int32_t position = n->set_to_default->location;
    if (b->clause != CLAUSE_VALUES && b->clause != CLAUSE_SET)
        return bind_fail(b, position, "42601", "DEFAULT is not allowed in this context");
    *out = bind_new_expr(b, EXPR_DEFAULT, SQL_VOID, position);
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}

/* --- dispatch ------------------------------------------------------------------------------ */

static enum status unsupported_node(struct binder *b, const PgQuery__Node *n)
{
    switch ((int)n->node_case) {
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        return bind_unsupported(b, n->row_expr->location, "row values are not supported",
                                "Compare column by column.");
    case PG_QUERY__NODE__NODE_XML_EXPR:
        return bind_unsupported(b, n->xml_expr->location, "XML is not supported", NULL);
    default: return bind_unsupported(b, -1, "this kind of expression is not supported", NULL);
    }
}

enum status bind_expr(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    static const struct {
        PgQuery__Node__NodeCase kind;
        bind_node_fn *bind;
    } nodes[] = {
        {PG_QUERY__NODE__NODE_A_CONST, bind_const},
        {PG_QUERY__NODE__NODE_COLUMN_REF, bind_column_ref},
        {PG_QUERY__NODE__NODE_PARAM_REF, bind_param},
        {PG_QUERY__NODE__NODE_A_EXPR, bind_a_expr},
        {PG_QUERY__NODE__NODE_BOOL_EXPR, bind_bool},
        {PG_QUERY__NODE__NODE_FUNC_CALL, bind_func_call},
        {PG_QUERY__NODE__NODE_TYPE_CAST, bind_cast},
        {PG_QUERY__NODE__NODE_NULL_TEST, bind_null_test},
        {PG_QUERY__NODE__NODE_BOOLEAN_TEST, bind_bool_test},
        {PG_QUERY__NODE__NODE_CASE_EXPR, bind_case},
        {PG_QUERY__NODE__NODE_COALESCE_EXPR, bind_coalesce},
        {PG_QUERY__NODE__NODE_MIN_MAX_EXPR, bind_min_max},
        {PG_QUERY__NODE__NODE_SUB_LINK, bind_sublink},
        {PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION, bind_value_function},
        {PG_QUERY__NODE__NODE_COLLATE_CLAUSE, bind_collate},
        {PG_QUERY__NODE__NODE_SET_TO_DEFAULT, bind_default},
        {PG_QUERY__NODE__NODE_A_ARRAY_EXPR, bind_plain_array},
        {PG_QUERY__NODE__NODE_A_INDIRECTION, bind_indirection},
        {PG_QUERY__NODE__NODE_GROUPING_FUNC, bind_grouping_call},
    };
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
        if (nodes[i].kind == n->node_case) return nodes[i].bind(b, out, n);
    return unsupported_node(b, n);
}

enum status bind_expr_list(struct binder *b,
                           struct expr ***out,
                           PgQuery__Node *const *items,
                           size_t count)
{
    struct expr **list = arena_alloc_zero(b->arena, count + 1, sizeof(struct expr *));
    if (list == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < count; i++)
        TRY(bind_expr(b, &list[i], items[i]));
    *out = list;
    return ST_OK;
}
