/* Statements about the session alone: DEALLOCATE, DISCARD, UNLISTEN, and the functions that set and
 * show settings, where they stand alone in a SELECT. */
#include "base/must.h"
#include "sql/bind_int.h"

#define SET_ARGUMENTS 3u

static enum status forget(struct sql_statement *out, const char *tag, bool is_no_op)
{
    out->kind = SQL_KIND_FORGET;
    out->tag = tag;
    out->is_no_op = is_no_op;
    return ST_OK;
}

enum status compile_deallocate(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    (void)b;
    out->name = bind_cstring(n->deallocate_stmt->name);
    return forget(out, out->name.size == 0 ? "DEALLOCATE ALL" : "DEALLOCATE", false);
}

enum status compile_discard(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    (void)b;
    switch (n->discard_stmt->target) {
    case PG_QUERY__DISCARD_MODE__DISCARD_ALL: return forget(out, "DISCARD ALL", false);
    case PG_QUERY__DISCARD_MODE__DISCARD_PLANS: return forget(out, "DISCARD PLANS", true);
    case PG_QUERY__DISCARD_MODE__DISCARD_SEQUENCES: return forget(out, "DISCARD SEQUENCES", true);
    case PG_QUERY__DISCARD_MODE__DISCARD_TEMP:
    case PG_QUERY__DISCARD_MODE__DISCARD_MODE_UNDEFINED:
    case _PG_QUERY__DISCARD_MODE_IS_INT_SIZE: break;
    }
    return forget(out, "DISCARD TEMP", true);
}

/* Nobody listens. */
enum status compile_unlisten(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    (void)b;
    (void)n;
    return forget(out, "UNLISTEN", true);
}

/* --- set_config, current_setting --------------------------------------------------------------
 */

static bool is_name(const PgQuery__FuncCall *c, const char *name)
{
    if (c->n_funcname == 2 && !span_equal(bind_string(c->funcname[0]), span_text("pg_catalog")))
        return false;
    return c->n_funcname <= 2 &&
           span_equal(bind_string(c->funcname[c->n_funcname - 1]), span_text(name));
}

static const PgQuery__FuncCall *only_call(const PgQuery__SelectStmt *s)
{
    const bool is_plain = s->n_target_list == 1 && s->n_from_clause == 0 &&
                          s->where_clause == NULL && s->n_values_lists == 0 && s->larg == NULL &&
                          s->with_clause == NULL && s->limit_count == NULL;
    if (!is_plain || s->target_list[0]->node_case != PG_QUERY__NODE__NODE_RES_TARGET) return NULL;
    const PgQuery__Node *value = s->target_list[0]->res_target->val;
    const bool is_call = value != NULL && value->node_case == PG_QUERY__NODE__NODE_FUNC_CALL;
    return is_call ? value->func_call : NULL;
}

static bool is_setting_call(const PgQuery__FuncCall *c)
{
    const bool is_set = is_name(c, "set_config") && c->n_args == SET_ARGUMENTS;
    if (!is_set && !(is_name(c, "current_setting") && c->n_args == 1)) return false;
    for (size_t i = 0; i < c->n_args; i++) {
        const PgQuery__Node *arg = c->args[i];
        if (arg->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) arg = arg->type_cast->arg;
        if (arg->node_case != PG_QUERY__NODE__NODE_A_CONST || arg->a_const->isnull) return false;
        const bool is_flag = arg->a_const->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL;
        if (!is_flag && arg->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL) return false;
        if (is_flag != (i == SET_ARGUMENTS - 1)) return false;
    }
    return true;
}

bool bind_setting_call(const PgQuery__SelectStmt *s)
{
    const PgQuery__FuncCall *c = only_call(s);
    return c != NULL && is_setting_call(c);
}

static const PgQuery__AConst *constant(const PgQuery__Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST ? n->type_cast->arg->a_const : n->a_const;
}

enum status compile_setting_call(struct binder *b,
                                 struct sql_statement *out,
                                 const PgQuery__Node *n)
{
    const PgQuery__SelectStmt *s = n->select_stmt;
    const PgQuery__FuncCall *c = only_call(s);
    must(c != NULL);
    const bool is_set = c->n_args == SET_ARGUMENTS;
    const char *alias = s->target_list[0]->res_target->name;
    struct span name = span_text(is_set ? "set_config" : "current_setting");
    if (alias != NULL && alias[0] != 0) name = bind_cstring(alias);
    out->kind = is_set ? SQL_KIND_SET : SQL_KIND_SHOW;
    out->tag = "SELECT";
    out->tag_has_count = true;
    out->name = bind_cstring(constant(c->args[0])->sval->sval);
    out->columns = arena_alloc_zero(b->arena, 1, sizeof *out->columns);
    out->arguments = arena_alloc_zero(b->arena, 1, sizeof *out->arguments);
    if (out->columns == NULL || out->arguments == NULL) return bind_no_memory(b);
    out->columns[0] = (struct sql_column){.name = name, .type = SQL_TEXT, .typmod = -1};
    out->column_count = 1;
    if (!is_set) return ST_OK;
    out->arguments[0].value = (struct sql_value){
        .type = SQL_TEXT, .bytes = bind_cstring(constant(c->args[1])->sval->sval)};
    out->argument_count = 1;
    out->is_local = constant(c->args[2])->boolval->boolval != 0;
    return ST_OK;
}
