/* Arrays: the constructor, subscripts and slices, ANY and ALL, and the types that functions of
 * arrays take. */
#include <stdio.h>

#include "base/must.h"
#include "sql/bind_int.h"

#define CALL_ARGS_MAX 100u /* SQLite allows 127. */
#define NO_BOUND      INT32_MAX

/* --- polymorphic functions ----------------------------------------------------------------- */

static bool is_polymorphic(enum sql_type type)
{
    return type == SQL_ANYARRAY || type == SQL_ANYELEMENT;
}

bool polymorph_is(const struct sql_function *f)
{
    for (uint32_t i = 0; i < f->arg_count; i++)
        if (is_polymorphic(f->args[i])) return true;
    return false;
}

enum sql_type polymorph_element(const struct sql_function *f,
                                struct expr *const *args,
                                uint32_t count)
{
    enum sql_type common = SQL_UNKNOWN;
    for (uint32_t i = 0; i < count && i < f->arg_count; i++) {
        if (!is_polymorphic(f->args[i]) || args[i]->type == SQL_UNKNOWN) continue;
        const bool is_array = sql_type_is_array(args[i]->type);
        if (is_array != (f->args[i] == SQL_ANYARRAY)) return SQL_VOID;
        const enum sql_type next = is_array ? sql_type_info(args[i]->type)->element : args[i]->type;
        if (common == SQL_UNKNOWN) common = next;
        if (next == common) continue;
        if (sql_type_info(next)->category != sql_type_info(common)->category) return SQL_VOID;
        if (type_can_coerce(common, next, SQL_CAST_IMPLICIT))
            common = next;
        else if (!type_can_coerce(next, common, SQL_CAST_IMPLICIT))
            return SQL_VOID;
    }
    const bool is_element = common == SQL_UNKNOWN || sql_type_info(common)->array != 0;
    return is_element ? common : SQL_VOID;
}

enum sql_type polymorph_type(enum sql_type declared, enum sql_type element)
{
    if (declared == SQL_ANYELEMENT) return element;
    return declared == SQL_ANYARRAY ? sql_type_info(element)->array : declared;
}

/* --- ARRAY[…] ------------------------------------------------------------------------------ */

static enum status call_of(struct binder *b,
                           struct expr **out,
                           enum sql_type type,
                           struct expr *const *items,
                           uint32_t count)
{
    struct expr *e = bind_new_expr(b, EXPR_CALL, type, count > 0 ? items[0]->position : -1);
    if (e == NULL) return bind_no_memory(b);
    e->template = count == 0 ? "x'00'" : "array_of(%t0, %*)";
    e->args = arena_alloc_zero(b->arena, count + 1u, sizeof(struct expr *));
    if (e->args == NULL) return bind_no_memory(b);
    e->arg_count = count;
    for (uint32_t i = 0; i < count; i++) {
        e->args[i] = items[i];
        e->is_stable = e->is_stable || items[i]->is_stable;
    }
    *out = e;
    return ST_OK;
}

/* More elements than one call may have: halves, put together. */
static enum status build(struct binder *b,
                         struct expr **out,
                         enum sql_type type,
                         struct expr *const *items,
                         uint32_t count)
{
    if (count <= CALL_ARGS_MAX) return call_of(b, out, type, items, count);
    struct expr *left = NULL;
    struct expr *right = NULL;
    TRY(build(b, &left, type, items, count / 2));
    TRY(build(b, &right, type, items + count / 2, count - count / 2));
    *out = bind_call(b, type, "array_cat(%t1, %1, %2)", (struct expr *[3]){left, right});
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}

enum status bind_array(struct binder *b,
                       struct expr **out,
                       const PgQuery__Node *n,
                       enum sql_type wanted)
{
    const PgQuery__AArrayExpr *a = n->a_array_expr;
    struct expr **items = NULL;
    enum sql_type element = SQL_UNKNOWN;
    TRY(bind_needs_or(b, TYPES_SINCE, a->location, "arrays are not supported",
                      "Use a table, or IN (...) for a list."));
    for (size_t i = 0; i < a->n_elements; i++)
        if (a->elements[i]->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR)
            return bind_unsupported(
                b, a->location, "arrays of several dimensions are not supported", "Use a table.");
    TRY(bind_expr_list(b, &items, a->elements, a->n_elements));
    if (wanted != SQL_VOID) {
        element = sql_type_info(wanted)->element;
        const struct coercion to = {.type = element, .typmod = -1, .context = SQL_CAST_EXPLICIT};
        for (size_t i = 0; i < a->n_elements; i++)
            TRY(bind_coerce(b, &items[i], &to));
    } else if (a->n_elements == 0) {
        (void)bind_fail(b, a->location, "42P18", "cannot determine type of empty array");
        diag_hint(b->diag, "Explicitly cast to the desired type, for example ARRAY[]::integer[].");
        return ST_INVALID;
    } else {
        TRY(bind_coerce_all(b, items, (uint32_t)a->n_elements, "ARRAY", &element));
    }
    const enum sql_type type = sql_type_info(element)->array;
    if (type == 0)
        return bind_unsupported(b, a->location, "an array of this type is not supported", NULL);
    TRY(build(b, out, type, items, (uint32_t)a->n_elements));
    (*out)->position = a->location;
    return ST_OK;
}

/* --- a[1], a[2:3] -------------------------------------------------------------------------- */

static enum status bind_bound(struct binder *b,
                              struct expr **out,
                              const PgQuery__Node *n,
                              int32_t otherwise)
{
    if (n != NULL) {
        TRY(bind_expr(b, out, n));
        const struct coercion to = {.type = SQL_INT4, .typmod = -1, .context = SQL_CAST_ASSIGNMENT};
        if (!type_can_coerce((*out)->type, SQL_INT4, SQL_CAST_ASSIGNMENT))
            return bind_fail(b, (*out)->position, "42804",
                             "array subscript must have type integer");
        return bind_coerce(b, out, &to);
    }
    *out = bind_new_expr(b, EXPR_CONST, SQL_INT4, -1);
    if (*out == NULL) return bind_no_memory(b);
    (*out)->value = (struct sql_value){.type = SQL_INT4, .integer = otherwise};
    return ST_OK;
}

static enum status subscript(struct binder *b, struct expr **e, const PgQuery__AIndices *at)
{
    struct expr *from = NULL;
    struct expr *to = NULL;
    const int32_t position = (*e)->position;
    const bool is_vector = (*e)->type == SQL_INT2VECTOR || (*e)->type == SQL_OIDVECTOR;
    if ((*e)->type == SQL_NAME && !at->is_slice) { /* Its bytes, from 0 on. */
        TRY(bind_bound(b, &to, at->uidx, 0));
        *e = bind_call(b, SQL_CHAR, "substr(%1, %2 + 1, 1)", (struct expr *[3]){*e, to});
        return *e == NULL ? bind_no_memory(b) : ST_OK;
    }
    if (!sql_type_is_array((*e)->type))
        return bind_fail(b, position, "42804",
                         "cannot subscript type %s because it does not support subscripting",
                         bind_type_name(b, (*e)->type));
    if (!at->is_slice) {
        TRY(bind_bound(b, &to, at->uidx, 0));
        *e = bind_call(b, sql_type_info((*e)->type)->element,
                       is_vector ? "array_get(%t1, %1, %2 + 1)" : "array_get(%t1, %1, %2)",
                       (struct expr *[3]){*e, to});
    } else {
        TRY(bind_bound(b, &from, at->lidx, 1));
        TRY(bind_bound(b, &to, at->uidx, NO_BOUND));
        *e = bind_call(b, (*e)->type, "array_slice(%t1, %1, %2, %3)",
                       (struct expr *[3]){*e, from, to});
    }
    if (*e == NULL) return bind_no_memory(b);
    (*e)->position = position;
    return ST_OK;
}

/* (record).x, (record).n */
static enum status field_of_record(struct binder *b, struct expr **e, const PgQuery__Node *n)
{
    const struct span name = bind_string(n);
    const bool is_n = span_equal(name, span_text("n"));
    if (!is_n && !span_equal(name, span_text("x")))
        return bind_fail(b, (*e)->position, "42703",
                         "could not identify column \"%.*s\" in record data type", (int)name.size,
                         (const char *)name.data);
    *e = bind_call(b, SQL_INT4, is_n ? "(%1 >> 32)" : "(%1 & 4294967295)", (struct expr *[3]){*e});
    return *e == NULL ? bind_no_memory(b) : ST_OK;
}

enum status bind_indirection(struct binder *b, struct expr **out, const PgQuery__Node *n)
{
    const PgQuery__AIndirection *i = n->a_indirection;
    TRY(bind_needs_or(b, TYPES_SINCE, -1, "subscripts and composite fields are not supported",
                      NULL));
    TRY(bind_expr(b, out, i->arg));
    TRY(bind_settle(b, out));
    for (size_t k = 0; k < i->n_indirection; k++) {
        must(*out != NULL);
        if ((*out)->type == SQL_RECORD && k + 1 == i->n_indirection) {
            TRY(field_of_record(b, out, i->indirection[k]));
            continue;
        }
        if (i->indirection[k]->node_case != PG_QUERY__NODE__NODE_A_INDICES)
            return bind_unsupported(b, -1, "subscripts and composite fields are not supported",
                                    NULL);
        if (k > 0)
            return bind_unsupported(b, -1, "arrays of several dimensions are not supported", NULL);
        TRY(subscript(b, out, i->indirection[k]->a_indices));
    }
    return ST_OK;
}

/* --- ANY, ALL ------------------------------------------------------------------------------ */

/* A query over the rows of an array: what x IN (…) looks through. A NULL array is one NULL. */
static const char *rows_template(enum sql_type element, bool is_not)
{
    switch (sql_type_storage(element)) {
    case SQL_STORE_INTEGER:
    case SQL_STORE_TEXT:
        return is_not ? "(%1 NOT IN (SELECT value FROM json_each(array_rows(%t2, %2, 1))))"
                      : "(%1 IN (SELECT value FROM json_each(array_rows(%t2, %2, 1))))";
    case SQL_STORE_BLOB:
        if (element == SQL_NUMERIC)
            return is_not ? "(%1 NOT IN (SELECT numeric_trim_scale(row_bytes(value)) FROM "
                            "json_each(array_rows(%t2, %2, 1))))"
                          : "(%1 IN (SELECT numeric_trim_scale(row_bytes(value)) FROM "
                            "json_each(array_rows(%t2, %2, 1))))";
        return is_not
                   ? "(%1 NOT IN (SELECT row_bytes(value) FROM json_each(array_rows(%t2, %2, 1))))"
                   : "(%1 IN (SELECT row_bytes(value) FROM json_each(array_rows(%t2, %2, 1))))";
    case SQL_STORE_NONE: break;
    }
    return NULL;
}

/* The array beside a value of this type: untyped, it is an array of that. */
static enum status settle_array(struct binder *b, struct expr **array, struct expr **left)
{
    if ((*left)->type == SQL_UNKNOWN && (*array)->type != SQL_UNKNOWN &&
        sql_type_is_array((*array)->type))
        TRY(bind_coerce_implicit(b, left, sql_type_info((*array)->type)->element));
    TRY(bind_settle(b, left));
    if ((*array)->type != SQL_UNKNOWN) return ST_OK;
    const enum sql_type type = sql_type_info((*left)->type)->array;
    if (type == 0)
        return bind_unsupported(b, (*array)->position, "an array of this type is not supported",
                                NULL);
    return bind_coerce_implicit(b, array, type);
}

/* The elements as rows. */
static enum status elements_of(struct binder *b, struct source **out, struct expr *array)
{
    struct source *s = arena_alloc_zero(b->arena, 1, sizeof *s);
    if (s == NULL) return bind_no_memory(b);
    s->id = ++b->next_id;
    s->rows =
        bind_call(b, array->type, "json_each(array_rows(%t1, %1, 0))", (struct expr *[3]){array});
    s->fields = arena_alloc_zero(b->arena, 1, sizeof *s->fields);
    if (s->rows == NULL || s->fields == NULL) return bind_no_memory(b);
    s->fields[0] =
        (struct field){.type = sql_type_info(array->type)->element, .typmod = -1, .scale = -1};
    s->field_count = 1;
    *out = s;
    return bind_list_column(b, &s->fields[0], 0, 1);
}

/* Any other operator: one test for each element. */
static enum status any_element(struct binder *b,
                               struct expr **out,
                               struct expr *const pair[static 2],
                               const PgQuery__AExpr *e)
{
    const bool is_all = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL;
    struct source *elements = NULL;
    struct expr *test = NULL;
    TRY(elements_of(b, &elements, pair[1]));
    struct expr *element = bind_field(b, elements, 0);
    if (element == NULL) return bind_no_memory(b);
    TRY(bind_operator(b, &test, bind_string(e->name[e->n_name - 1]),
                      (struct expr *[2]){pair[0], element}, e->location));
    if (test->type != SQL_BOOL)
        return bind_fail(b, e->location, "42809",
                         "op ANY/ALL (array) requires operator to yield boolean");
    struct expr *result = bind_new_expr(b, EXPR_QUERY, SQL_BOOL, e->location);
    struct expr **args = arena_alloc_zero(b->arena, 2, sizeof(struct expr *));
    if (result == NULL || args == NULL) return bind_no_memory(b);
    args[0] = test;
    args[1] = pair[1];
    result->args = args;
    result->arg_count = 2;
    result->source = elements;
    result->is_stable = test->is_stable || pair[1]->is_stable;
    result->template =
        is_all ? "(CASE WHEN %2 IS NULL THEN NULL "
                 "WHEN EXISTS (SELECT 1 FROM %s WHERE NOT %1) THEN 0 "
                 "WHEN EXISTS (SELECT 1 FROM %s WHERE %1 IS NULL) THEN NULL ELSE 1 END)"
               : "(CASE WHEN %2 IS NULL THEN NULL "
                 "WHEN EXISTS (SELECT 1 FROM %s WHERE %1) THEN 1 "
                 "WHEN EXISTS (SELECT 1 FROM %s WHERE %1 IS NULL) THEN NULL ELSE 0 END)";
    *out = result;
    return ST_OK;
}

enum status bind_any_array(struct binder *b, struct expr **out, const PgQuery__AExpr *e)
{
    const bool is_all = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL;
    const struct span symbol = bind_string(e->name[e->n_name - 1]);
    TRY(bind_needs_or(b, TYPES_SINCE, e->location, "ANY and ALL over arrays are not supported",
                      "Use IN (...)."));
    struct expr *pair[2] = {NULL, NULL};
    TRY(bind_expr(b, &pair[0], e->lexpr));
    TRY(bind_expr(b, &pair[1], e->rexpr));
    TRY(settle_array(b, &pair[1], &pair[0]));
    if (!sql_type_is_array(pair[1]->type))
        return bind_fail(b, e->location, "42809",
                         "op ANY/ALL (array) requires array on right side");
    const bool is_not = span_equal(symbol, span_text("<>")) || span_equal(symbol, span_text("!="));
    const bool is_in = !is_all && span_equal(symbol, span_text("="));
    if (!is_in && !(is_all && is_not)) return any_element(b, out, pair, e);
    struct expr *sample = bind_new_expr(b, EXPR_CONST, sql_type_info(pair[1]->type)->element, -1);
    if (sample == NULL) return bind_no_memory(b);
    sample->value = (struct sql_value){.type = sample->type, .is_null = true};
    struct expr *equal = NULL; /* Types both, as the operator takes them. */
    TRY(bind_operator(b, &equal, span_text("="), (struct expr *[2]){pair[0], sample}, e->location));
    const enum sql_type type = equal->args[1]->type;
    const enum sql_type array = sql_type_info(type)->array;
    if (array == 0)
        return bind_unsupported(b, e->location, "an array of this type is not supported", NULL);
    pair[0] = equal->args[0];
    TRY(bind_coerce_implicit(b, &pair[1], array));
    if (type == SQL_NUMERIC)
        pair[0] = bind_call(b, type, "numeric_trim_scale(%1)", (struct expr *[3]){pair[0]});
    if (pair[0] == NULL) return bind_no_memory(b);
    TRY(bind_canonical(b, &pair[0]));
    *out =
        bind_call(b, SQL_BOOL, rows_template(type, is_not), (struct expr *[3]){pair[0], pair[1]});
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}
