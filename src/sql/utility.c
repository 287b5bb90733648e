/* CALL, SET, SHOW; GRANT and REVOKE below exec_version 4 (rights.c has those of today). */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/ddl_int.h"

/* --- GRANT and REVOKE ---------------------------------------------------------------------- */

struct grant {
    const PgQuery__GrantStmt *stmt;
    uint32_t rights;
};

static enum status bind_rights(struct binder *b, struct grant *g)
{
    static const struct {
        const char *name;
        uint32_t right;
    } names[] = {{"select", SQL_RIGHT_SELECT},
                 {"insert", SQL_RIGHT_INSERT},
                 {"update", SQL_RIGHT_UPDATE},
                 {"delete", SQL_RIGHT_DELETE}};
    const uint32_t all = SQL_RIGHT_SELECT | SQL_RIGHT_INSERT | SQL_RIGHT_UPDATE | SQL_RIGHT_DELETE;
    g->rights = g->stmt->n_privileges == 0 ? all : 0;
    for (size_t i = 0; i < g->stmt->n_privileges; i++) {
        const PgQuery__AccessPriv *p = g->stmt->privileges[i]->access_priv;
        if (p->n_cols > 0)
            return bind_unsupported(b, -1, "rights on columns are not supported",
                                    "Grant on the table.");
        uint32_t right = 0;
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            if (p->priv_name != NULL && strcmp(names[k].name, p->priv_name) == 0)
                right = names[k].right;
        if (right == 0)
            return bind_unsupported(b, -1, "this right is not supported",
                                    "Rights are SELECT, INSERT, UPDATE, DELETE and ALL.");
        g->rights |= right;
    }
    return ST_OK;
}

/* SQLite's text of the grantee's row id, and the name for the caller to check. */
static enum status emit_grantee(struct binder *b,
                                struct sql_statement *out,
                                const PgQuery__RoleSpec *role,
                                struct buf *text)
{
    switch (role->roletype) {
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC: buf_put_u8(text, '0'); return ST_OK;
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_ROLE:
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_USER:
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_SESSION_USER:
        buf_put_text(text, "?1"); /* The account that runs the step. */
        return ST_OK;
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING:
    case PG_QUERY__ROLE_SPEC_TYPE__ROLE_SPEC_TYPE_UNDEFINED:
    case _PG_QUERY__ROLE_SPEC_TYPE_IS_INT_SIZE: break;
    }
    struct span name = bind_cstring(role->rolename);
    buf_put_text(text, "(SELECT id FROM \"trustsql.accounts\" WHERE name = ");
    sql_put_text(text, name);
    buf_put_u8(text, ')');
    for (uint32_t i = 0; i < out->argument_count; i++)
        if (span_equal(out->arguments[i].value.bytes, name)) return ST_OK;
    out->arguments = bind_grow(b, out->arguments, out->argument_count, sizeof *out->arguments);
    if (out->arguments == NULL) return bind_no_memory(b);
    out->arguments[out->argument_count++] =
        (struct sql_argument){.value = {.type = SQL_TEXT, .bytes = name}};
    return ST_OK;
}

static enum status grant_step(struct binder *b,
                              struct sql_statement *out,
                              const struct grant *g,
                              uint64_t table_id,
                              const PgQuery__RoleSpec *role)
{
    struct buf text;
    ddl_step(b, &text);
    if (g->stmt->is_grant)
        buf_printf(&text,
                   "INSERT INTO \"trustsql.rights\"(rights, table_id, grantee) VALUES (%u, %" PRIu64
                   ", ",
                   g->rights, table_id);
    else
        buf_printf(&text,
                   "UPDATE \"trustsql.rights\" SET rights = rights & ~%u WHERE table_id = %" PRIu64
                   " AND grantee = ",
                   g->rights, table_id);
    enum status st = emit_grantee(b, out, role, &text);
    if (st != ST_OK) {
        buf_fini(&text);
        return st;
    }
    if (g->stmt->is_grant)
        buf_printf(&text, ") ON CONFLICT(table_id, grantee) DO UPDATE SET rights = rights | %u",
                   g->rights);
    return ddl_step_end(b, out, &text);
}

static enum status clean_step(struct binder *b, struct sql_statement *out)
{
    struct buf text;
    ddl_step(b, &text);
    buf_put_text(&text, "DELETE FROM \"trustsql.rights\" WHERE rights = 0");
    return ddl_step_end(b, out, &text);
}

static enum status check_grant(struct binder *b, const PgQuery__GrantStmt *s)
{
    bool is_table = s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE &&
                    s->targtype == PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_OBJECT;
    if (!is_table)
        return bind_unsupported(b, 0, "rights are supported on tables",
                                "Write GRANT ... ON TABLE name TO account.");
    if (s->grant_option)
        return bind_unsupported(b, 0, "GRANT OPTION is not supported",
                                "Only the owner of a table grants rights on it.");
    return ST_OK;
}

enum status compile_old_grant(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__GrantStmt *s = n->grant_stmt;
    struct grant g = {.stmt = s};
    out->kind = s->is_grant ? SQL_KIND_GRANT : SQL_KIND_REVOKE;
    out->tag = s->is_grant ? "GRANT" : "REVOKE";
    TRY(check_grant(b, s));
    TRY(bind_rights(b, &g));
    for (size_t i = 0; i < s->n_objects; i++) {
        const struct catalog_table *t = NULL;
        const PgQuery__RangeVar *name = s->objects[i]->range_var;
        TRY(bind_table(b, name, &t));
        if (t->id < CATALOG_FIRST_ID)
            return bind_fail(b, name->location, "42501", "must be owner of table %s",
                             name->relname);
        TRY(bind_access(b, t, SQL_RIGHT_OWNER));
        for (size_t k = 0; k < s->n_grantees; k++)
            TRY(grant_step(b, out, &g, t->id, s->grantees[k]->role_spec));
    }
    if (!s->is_grant) TRY(clean_step(b, out));
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}

/* --- CALL ---------------------------------------------------------------------------------- */

/* The name of "name => value"; a name stands once, and positions end where names begin. */
static enum status bind_argument_name(struct binder *b,
                                      const struct sql_statement *s,
                                      const PgQuery__NamedArgExpr *named,
                                      struct span *name)
{
    *name = bind_cstring(named->name);
    for (uint32_t i = 0; i < s->argument_count; i++)
        if (span_equal(s->arguments[i].name, *name))
            return bind_fail(b, named->location, "42601",
                             "argument name \"%.*s\" used more than once", (int)name->size,
                             (const char *)name->data);
    return ST_OK;
}

static enum status bind_argument(struct binder *b,
                                 struct sql_statement *out,
                                 const PgQuery__Node *n)
{
    struct sql_argument argument = {0};
    struct expr *e = NULL;
    if (n->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR) {
        TRY(bind_argument_name(b, out, n->named_arg_expr, &argument.name));
        n = n->named_arg_expr->arg;
    }
    TRY(bind_expr(b, &e, n));
    TRY(bind_settle(b, &e));
    const bool was_named =
        out->argument_count > 0 && out->arguments[out->argument_count - 1].name.size > 0;
    if (argument.name.size == 0 && was_named)
        return bind_fail(b, e->position, "42601",
                         "positional argument cannot follow named argument");
    if (e->kind != EXPR_CONST && e->kind != EXPR_PARAM)
        return bind_unsupported(b, e->position, "arguments must be constants or parameters",
                                "Compute the value in the client.");
    argument.is_param = e->kind == EXPR_PARAM;
    argument.param = e->param;
    argument.value = e->value;
    out->arguments[out->argument_count++] = argument;
    return ST_OK;
}

enum status compile_call(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__FuncCall *c = n->call_stmt->funccall;
    struct span name = bind_string(c->funcname[c->n_funcname - 1]);
    bool is_ours =
        c->n_funcname == 2 && span_equal(bind_string(c->funcname[0]), span_text("trustsql"));
    if (!is_ours)
        return bind_fail(b, c->location, "42883", "procedure %.*s does not exist", (int)name.size,
                         (const char *)name.data);
    out->kind = SQL_KIND_CALL;
    out->tag = "CALL";
    out->name = name;
    out->arguments = arena_alloc_zero(b->arena, c->n_args + 1, sizeof *out->arguments);
    if (out->arguments == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < c->n_args; i++)
        TRY(bind_argument(b, out, c->args[i]));
    return ST_OK;
}

/* --- SET and SHOW -------------------------------------------------------------------------- */

static void put_setting(struct buf *text, const PgQuery__Node *n)
{
    if (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) n = n->type_cast->arg;
    if (n->node_case != PG_QUERY__NODE__NODE_A_CONST || n->a_const->isnull) return;
    const PgQuery__AConst *c = n->a_const;
    switch (c->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL: buf_printf(text, "%d", c->ival->ival); break;
    case PG_QUERY__A__CONST__VAL_FVAL: buf_put(text, bind_cstring(c->fval->fval)); break;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        buf_put_text(text, c->boolval->boolval ? "on" : "off");
        break;
    case PG_QUERY__A__CONST__VAL_SVAL: buf_put(text, bind_cstring(c->sval->sval)); break;
    case PG_QUERY__A__CONST__VAL_BSVAL:
    case PG_QUERY__A__CONST__VAL__NOT_SET:
    case _PG_QUERY__A__CONST__VAL__CASE_IS_INT_SIZE: break;
    }
}

/* SET search_path = a, "B c": each is quoted when it has to be. */
static void put_name(struct buf *text, const PgQuery__Node *n)
{
    if (n->node_case != PG_QUERY__NODE__NODE_A_CONST ||
        n->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL) {
        put_setting(text, n);
        return;
    }
    const struct span name = bind_cstring(n->a_const->sval->sval);
    bool is_plain = name.size > 0 && !(name.data[0] >= '0' && name.data[0] <= '9');
    for (size_t i = 0; i < name.size && is_plain; i++)
        is_plain = (name.data[i] >= 'a' && name.data[i] <= 'z') || name.data[i] == '_' ||
                   (name.data[i] >= '0' && name.data[i] <= '9');
    if (is_plain)
        buf_put(text, name);
    else
        sql_put_name(text, name);
}

static enum status set_value(struct binder *b,
                             struct sql_statement *out,
                             const PgQuery__VariableSetStmt *s)
{
    struct buf text;
    const char *value = NULL;
    buf_init(&text, b->arena->mem, 0);
    const bool is_names = span_equal(out->name, span_text("search_path"));
    for (size_t i = 0; i < s->n_args; i++) {
        if (i > 0) buf_put_text(&text, ", ");
        if (is_names)
            put_name(&text, s->args[i]);
        else
            put_setting(&text, s->args[i]);
    }
    TRY(emit_finish(b, &text, &value));
    out->arguments = arena_alloc_zero(b->arena, 1, sizeof *out->arguments);
    if (out->arguments == NULL) return bind_no_memory(b);
    out->arguments[0].value = (struct sql_value){.type = SQL_TEXT, .bytes = span_text(value)};
    out->argument_count = 1;
    return ST_OK;
}

enum status compile_set(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__VariableSetStmt *s = n->variable_set_stmt;
    if (s->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI)
        return compile_set_transaction(b, out, s);
    out->is_local = s->is_local != 0;
    bool is_reset = s->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET ||
                    s->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL;
    out->kind = SQL_KIND_SET;
    out->tag = is_reset ? "RESET" : "SET";
    out->name = bind_cstring(s->name);
    if (s->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL) out->name = span_text("all");
    if (s->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE) return set_value(b, out, s);
    return ST_OK;
}

/* The few that PostgreSQL does not write in small letters. */
static struct span shown_name(struct span name)
{
    static const char *const names[] = {"DateStyle", "IntervalStyle", "TimeZone"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct span shown = span_text(names[i]);
        bool is_same = shown.size == name.size;
        for (size_t k = 0; k < name.size && is_same; k++)
            is_same = (shown.data[k] | 0x20u) == (name.data[k] | 0x20u);
        if (is_same) return shown;
    }
    return name;
}

enum status compile_show(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    out->kind = SQL_KIND_SHOW;
    out->tag = "SHOW";
    out->name = bind_cstring(n->variable_show_stmt->name);
    const bool is_all = span_equal(out->name, span_text("all"));
    const struct span names[] = {is_all ? span_text("name") : shown_name(out->name),
                                 span_text("setting"), span_text("description")};
    out->column_count = is_all ? 3 : 1;
    out->columns = arena_alloc_zero(b->arena, out->column_count, sizeof *out->columns);
    if (out->columns == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < out->column_count; i++)
        out->columns[i] = (struct sql_column){.name = names[i], .type = SQL_TEXT, .typmod = -1};
    return ST_OK;
}
