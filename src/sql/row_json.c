/* A whole row as JSON: row_to_json(t), to_jsonb(t), json_agg(t), and the same of ROW(…).
 *
 * Rows are no values here; as the argument of these functions one is written out: an object with a
 * member for each column. SQLite calls a function with at most 127 arguments, so a wide row is made
 * in parts. */
#include <stdio.h>

#include "base/must.h"
#include "sql/bind_int.h"

#define PART_COLUMNS 30u /* Four arguments each. */

static const struct {
    const char *name;
    enum sql_type type;
} functions[] = {{"row_to_json", SQL_JSON},
                 {"to_json", SQL_JSON},
                 {"to_jsonb", SQL_JSONB},
                 {"json_agg", SQL_JSON},
                 {"jsonb_agg", SQL_JSONB}};

static enum sql_type type_of(const PgQuery__FuncCall *c)
{
    const struct span name = bind_string(c->funcname[c->n_funcname - 1]);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (span_equal(name, span_text(functions[i].name))) return functions[i].type;
    return SQL_VOID;
}

bool bind_is_row_json(const struct binder *b, const PgQuery__FuncCall *c)
{
    if (b->exec_version < TYPES_SINCE || c->n_args != 1 || type_of(c) == SQL_VOID) return false;
    const PgQuery__Node *n = c->args[0];
    if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF) return bind_is_whole_row(b, n->column_ref);
    return n->node_case == PG_QUERY__NODE__NODE_ROW_EXPR;
}

/* --- columns ------------------------------------------------------------------------------- */

/* ROW(a, b): f1, f2 */
static enum status row_targets(struct binder *b, struct query *row, const PgQuery__RowExpr *r)
{
    struct expr **values = NULL;
    if (r->n_args > SQL_COLUMNS_MAX) return bind_too_many(b, "columns in a row", SQL_COLUMNS_MAX);
    TRY(bind_expr_list(b, &values, r->args, r->n_args));
    row->targets = arena_alloc_zero(b->arena, r->n_args + 1, sizeof *row->targets);
    if (row->targets == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < r->n_args; i++) {
        char name[24];
        const int size = snprintf(name, sizeof name, "f%zu", i + 1);
        struct target *t = &row->targets[row->target_count++];
        t->expr = values[i];
        t->name = arena_copy(b->arena, span_of(name, (size_t)size));
        if (t->name.data == NULL) return bind_no_memory(b);
        TRY(bind_settle(b, &t->expr));
    }
    return ST_OK;
}

static enum status row_part(struct binder *b,
                            struct expr **out,
                            const struct query *row,
                            uint32_t first)
{
    const uint32_t rest = row->target_count - first;
    const uint32_t count = rest < PART_COLUMNS ? rest : PART_COLUMNS;
    struct expr *e = bind_new_expr(b, EXPR_CALL, SQL_TEXT, -1);
    if (e == NULL) return bind_no_memory(b);
    e->args = arena_alloc_zero(b->arena, 2 * (size_t)count + 1, sizeof(struct expr *));
    if (e->args == NULL) return bind_no_memory(b);
    for (uint32_t i = first; i < first + count; i++) {
        struct expr *name = bind_new_expr(b, EXPR_CONST, SQL_TEXT, -1);
        if (name == NULL) return bind_no_memory(b);
        name->value = (struct sql_value){.type = SQL_TEXT, .bytes = row->targets[i].name};
        e->args[e->arg_count++] = name;
        e->args[e->arg_count++] = row->targets[i].expr;
        e->is_stable = e->is_stable || row->targets[i].expr->is_stable;
    }
    *out = e;
    return ST_OK;
}

static enum status row_object(struct binder *b,
                              struct expr **out,
                              const struct query *row,
                              enum sql_type type)
{
    const uint32_t parts = (row->target_count + PART_COLUMNS - 1) / PART_COLUMNS;
    const bool is_jsonb = type == SQL_JSONB;
    struct expr *e = bind_new_expr(b, EXPR_CALL, type, -1);
    if (e == NULL) return bind_no_memory(b);
    e->args = arena_alloc_zero(b->arena, parts + 1u, sizeof(struct expr *));
    if (e->args == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < parts; i++) {
        struct expr **part = &e->args[e->arg_count++];
        TRY(row_part(b, part, row, i * PART_COLUMNS));
        (*part)->template = is_jsonb ? "json_row_part(1, %p)" : "json_row_part(0, %p)";
        e->is_stable = e->is_stable || (*part)->is_stable;
    }
    e->template = is_jsonb ? "json_row(1, %*)" : "json_row(0, %*)";
    if (parts == 0) e->template = "'{}'";
    *out = e;
    return ST_OK;
}

enum status bind_row_json(struct binder *b, struct expr **out, const PgQuery__FuncCall *c)
{
    const PgQuery__Node *n = c->args[0];
    const enum sql_type type = type_of(c);
    struct query row = {0};
    struct expr *mark = NULL;
    must(type != SQL_VOID);
    if (n->node_case == PG_QUERY__NODE__NODE_ROW_EXPR)
        TRY(row_targets(b, &row, n->row_expr));
    else
        TRY(bind_whole_row(b, &row, n->column_ref, &mark));
    TRY(row_object(b, out, &row, type));
    if (mark == NULL) return ST_OK;
    if (type == SQL_JSON && b->clause == CLAUSE_AGGREGATE)
        return bind_unsupported(b, c->location, "json_agg of rows that an outer join may miss",
                                "Use jsonb_agg.");
    *out = bind_call(b, type, "(CASE WHEN %1 IS NOT NULL THEN %2 END)",
                     (struct expr *[3]){mark, *out});
    return *out == NULL ? bind_no_memory(b) : ST_OK;
}
