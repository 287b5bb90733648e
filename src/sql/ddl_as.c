/* CREATE TABLE AS and SELECT INTO: the table that a query has, and its rows in the order that
 * INSERT … SELECT gives them, so that each gets the same place everywhere. */
#include "base/must.h"
#include "sql/ddl_model.h"

struct as {
    const PgQuery__IntoClause *into;
    const PgQuery__Node *select;
    bool if_not_exists;
    struct ddl_table table;
    struct query *query;
};

static enum status check_form(struct binder *b, const struct as *a)
{
    const char *persistence = a->into->rel->relpersistence;
    if (persistence != NULL && persistence[0] != 0 && persistence[0] != 'p')
        return bind_unsupported(b, a->into->rel->location,
                                "temporary and unlogged tables are not supported",
                                "Every table is part of the chain's state.");
    if (a->select->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return bind_unsupported(b, 0, "CREATE TABLE AS EXECUTE is not supported",
                                "Write the query.");
    return ST_OK;
}

static enum status add_columns(struct binder *b, struct as *a)
{
    struct ddl_table *t = &a->table;
    const struct query *q = a->query;
    if (a->into->n_col_names > q->target_count)
        return bind_fail(b, -1, "42601", "too many column names were specified");
    if (q->target_count == 0)
        return bind_unsupported(b, 0, "a table without columns is not supported", NULL);
    for (uint32_t i = 0; i < q->target_count; i++) {
        TRY(bind_settle(b, &q->targets[i].expr));
        struct catalog_column c = {.name = q->targets[i].name,
                                   .type = q->targets[i].expr->type,
                                   .typmod = q->targets[i].expr->typmod};
        if (i < a->into->n_col_names) c.name = bind_string(a->into->col_names[i]);
        if (bind_is_system_column(c.name))
            return bind_fail(b, -1, "42701",
                             "column name \"%.*s\" conflicts with a system column name",
                             (int)c.name.size, (const char *)c.name.data);
        for (uint32_t k = 0; k < i; k++)
            if (span_equal(t->columns[k].name, c.name))
                return bind_fail(b, -1, "42701", "column \"%.*s\" specified more than once",
                                 (int)c.name.size, (const char *)c.name.data);
        if (c.type == SQL_VOID)
            return bind_fail(b, -1, "42P16", "column \"%.*s\" has pseudo-type void",
                             (int)c.name.size, (const char *)c.name.data);
        if (!sql_type_is_known((uint32_t)c.type, b->exec_version))
            return bind_unsupported(b, 0, "a column of this type is not supported",
                                    "Cast it to another type.");
        t->columns = bind_grow(b, t->columns, i, sizeof *t->columns);
        if (t->columns == NULL) return bind_no_memory(b);
        t->columns[i] = c;
    }
    t->catalog.columns = t->columns;
    t->catalog.column_count = q->target_count;
    return ddl_model_name_columns(b, t);
}

/* Its count is that of the statement: SQL_STEP_ROWS. */
static enum status insert_rows(struct binder *b, struct sql_statement *out, const struct as *a)
{
    const struct ddl_table *t = &a->table;
    const uint32_t source = ++b->next_id;
    struct buf text;
    ddl_step(b, &text);
    buf_put_text(&text, SQL_STEP_ROWS "INSERT INTO ");
    sql_put_name(&text, t->catalog.sqlite_name);
    for (uint32_t i = 0; i < t->catalog.column_count; i++) {
        buf_put_text(&text, i == 0 ? "(" : ", ");
        sql_put_name(&text, catalog_column_name(&t->catalog, i));
    }
    buf_put_u8(&text, ')');
    for (uint32_t i = 0; i < t->catalog.column_count; i++)
        buf_printf(&text, "%sr%u.c%u", i == 0 ? " SELECT " : ", ", source, i + 1);
    buf_put_text(&text, " FROM (");
    emit_query(&text, a->query);
    buf_printf(&text, ") AS r%u", source);
    for (uint32_t i = 0; i < t->catalog.column_count; i++)
        buf_printf(&text, "%sc%u", i == 0 ? " ORDER BY " : ", ", i + 1);
    return ddl_step_end(b, out, &text);
}

static enum status bind_it(struct binder *b, struct as *a)
{
    const uint32_t params = b->param_count;
    b->keep_literals++;
    TRY(bind_query_node(b, &a->query, a->select));
    b->keep_literals--;
    if (b->param_count == params) return ST_OK;
    return bind_unsupported(b, 0, "parameters in CREATE TABLE AS are not supported",
                            "Use CREATE TABLE and INSERT ... SELECT.");
}

static enum status compile(struct binder *b, struct sql_statement *out, struct as *a)
{
    struct ddl_table *t = &a->table;
    const struct span name = bind_cstring(a->into->rel->relname);
    out->kind = SQL_KIND_CREATE_TABLE;
    out->tag = a->into->skip_data ? "CREATE TABLE AS" : "SELECT";
    out->tag_has_count = !a->into->skip_data;
    b->is_write = out->is_write = true;
    TRY(check_form(b, a));
    TRY(bind_it(b, a));
    TRY(ddl_target_schema(b, a->into->rel, &t->catalog.schema));
    TRY(ddl_model_begin(b, t, sql_catalog_next_id(b->catalog), name));
    t->names.schema = t->catalog.schema;
    if (ddl_is_taken(b, &t->names, name)) {
        if (!a->if_not_exists)
            return bind_fail(b, -1, "42P07", "relation \"%s\" already exists",
                             a->into->rel->relname);
        out->tag = "CREATE TABLE AS";
        out->tag_has_count = false;
        ddl_skip(b, out, "relation", name);
        return ST_OK;
    }
    TRY(add_columns(b, a));
    TRY(ddl_model_name_all(b, t));
    uint64_t next_id = t->catalog.id + 1;
    TRY(ddl_model_number(b, t, &next_id));
    TRY(ddl_model_create(b, out, t));
    TRY(ddl_model_rows(b, out, t));
    if (!a->into->skip_data) {
        TRY(ddl_reload(b, out));
        TRY(insert_rows(b, out, a));
    }
    return ddl_finish(b, out, next_id);
}

enum status compile_create_table_as(struct binder *b,
                                    struct sql_statement *out,
                                    const PgQuery__Node *n)
{
    const PgQuery__CreateTableAsStmt *s = n->create_table_as_stmt;
    struct as a = {.into = s->into, .select = s->query, .if_not_exists = s->if_not_exists};
    if (s->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE)
        return bind_unsupported(b, 0, "materialized views are not supported", "Use a view.");
    return compile(b, out, &a);
}

enum status compile_select_into(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    PgQuery__SelectStmt select = *n->select_stmt;
    PgQuery__Node node = *n;
    struct as a = {.into = select.into_clause, .select = &node};
    select.into_clause = NULL;
    node.select_stmt = &select;
    return compile(b, out, &a);
}
