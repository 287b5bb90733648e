/* UPDATE … FROM and DELETE … USING.
 *
 * Both find their rows with a query over the target and the other tables. Where several rows of
 * FROM match one row of the target, PostgreSQL takes the new values from whichever its plan meets
 * first. Here they must agree, or the statement fails (21000): no plan may decide what is stored.
 */
#include <strings.h>

#include "base/must.h"
#include "sql/dml_int.h"

static const char *row_name(const struct catalog_table *t)
{
    static const char *const names[] = {"rowid", "_rowid_", "oid"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool is_taken = false;
        for (uint32_t k = 0; k < t->column_count && !is_taken; k++) {
            const struct span c = catalog_column_name(t, k);
            is_taken = c.size == strlen(names[i]) &&
                       strncasecmp((const char *)c.data, names[i], c.size) == 0;
        }
        if (!is_taken) return names[i];
    }
    return NULL;
}

/* The tables of FROM come beside the target, which is emitted as one of them. */
static enum status bind_others(struct binder *b,
                               struct write *w,
                               PgQuery__Node *const *items,
                               size_t count)
{
    if (row_name(w->table) == NULL)
        return bind_unsupported(b, -1,
                                "FROM and USING for a table with columns rowid, _rowid_ and oid "
                                "are not supported",
                                "Use a subquery.");
    if (b->exec_version < 4) TRY(bind_access(b, w->table, SQL_RIGHT_SELECT));
    return bind_from(b, w->query, items, count);
}

/* RETURNING is of the changed row alone. */
static enum status bind_result(struct binder *b,
                               struct sql_statement *out,
                               struct write *w,
                               PgQuery__Node *const *items,
                               size_t count)
{
    static const char what[] = "columns of other tables in RETURNING are not supported";
    static const char hint[] = "Name the columns of the changed table: t.* or t.a.";
    if (count == 0) return ST_OK;
    for (size_t i = 0; i < count; i++) {
        const PgQuery__Node *n = items[i]->res_target->val;
        if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || n->column_ref->n_fields != 1)
            continue;
        if (n->column_ref->fields[0]->node_case == PG_QUERY__NODE__NODE_A_STAR)
            return bind_unsupported(b, n->column_ref->location, what, hint);
    }
    struct scope all = w->query->scope;
    struct source *row = NULL;
    TRY(bind_table_source(b, &row, w->table, w->target->alias));
    row->schema = w->target->schema;
    row->reference = w->target->reference;
    w->query->scope = (struct scope){.parent = all.parent};
    TRY(bind_scope_add(b, &w->query->scope, row));
    enum status st = write_returning(b, out, w, items, count);
    const bool is_unknown =
        strcmp(b->diag->sqlstate, "42P01") == 0 || strcmp(b->diag->sqlstate, "42703") == 0;
    if (st == ST_INVALID && is_unknown) return bind_unsupported(b, -1, what, hint);
    w->query->scope.outer_refs = all.outer_refs;
    return st;
}

static void emit_tables(struct buf *out, const struct write *w)
{
    buf_put_text(out, " FROM ");
    sql_put_name(out, w->table->sqlite_name);
    buf_printf(out, " AS r%u", w->target->id);
    emit_from_items(out, w->query, true);
    if (w->query->where == NULL) return;
    buf_put_text(out, " WHERE ");
    emit_expr(out, w->query->where);
}

/* UPDATE t SET a = u.c1 FROM (each target row once, with its new values) AS u */
enum status compile_update_from(struct binder *b,
                                struct sql_statement *out,
                                struct write *w,
                                const PgQuery__UpdateStmt *u)
{
    const char *row = row_name(w->table);
    const char *reference = w->target->reference;
    TRY(bind_needs_or(b, 4, -1, "UPDATE ... FROM is not supported",
                      "Use a subquery in SET and WHERE."));
    TRY(bind_others(b, w, u->from_clause, u->n_from_clause));
    TRY(write_set_list(b, w, u->target_list, u->n_target_list));
    TRY(write_where(b, w, u->where_clause));
    TRY(bind_result(b, out, w, u->returning_list, u->n_returning_list));
    w->target->reference = NULL;
    must(row != NULL);
    struct buf text;
    buf_init(&text, b->arena->mem, STATEMENT_TEXT_MAX);
    emit_ctes(&text, w->query);
    buf_put_text(&text, "UPDATE ");
    sql_put_name(&text, w->table->sqlite_name);
    const char *separator = " SET ";
    for (uint32_t i = 0; i < w->table->column_count; i++) {
        if (w->values[i] == NULL) continue;
        buf_put_text(&text, separator);
        sql_put_name(&text, catalog_column_name(w->table, i));
        buf_printf(&text, " = \"u.0\".c%u", i + 1);
        separator = ", ";
    }
    buf_put_text(&text, " FROM (SELECT *, count(*) OVER (PARTITION BY k) AS n FROM ");
    buf_printf(&text, "(SELECT DISTINCT r%u.%s AS k", w->target->id, row);
    for (uint32_t i = 0; i < w->table->column_count; i++) {
        if (w->values[i] == NULL) continue;
        buf_put_text(&text, ", ");
        emit_expr(&text, w->values[i]);
        buf_printf(&text, " AS c%u", i + 1);
    }
    emit_tables(&text, w);
    buf_printf(&text, ")) AS \"u.0\" WHERE %s.%s = \"u.0\".k AND sql_one_match(\"u.0\".n)",
               reference, row);
    write_emit_returning(&text, w);
    return emit_finish(b, &text, &out->sqlite);
}

enum status compile_delete_using(struct binder *b,
                                 struct sql_statement *out,
                                 struct write *w,
                                 const PgQuery__DeleteStmt *s)
{
    const char *row = row_name(w->table);
    const char *reference = w->target->reference;
    TRY(bind_needs_or(b, 4, -1, "DELETE ... USING is not supported", "Use a subquery in WHERE."));
    TRY(bind_others(b, w, s->using_clause, s->n_using_clause));
    TRY(write_where(b, w, s->where_clause));
    TRY(bind_result(b, out, w, s->returning_list, s->n_returning_list));
    must(row != NULL);
    struct buf text;
    buf_init(&text, b->arena->mem, STATEMENT_TEXT_MAX);
    emit_ctes(&text, w->query);
    buf_put_text(&text, "DELETE FROM ");
    sql_put_name(&text, w->table->sqlite_name);
    buf_printf(&text, " WHERE %s.%s IN (SELECT r%u.%s", reference, row, w->target->id, row);
    w->target->reference = NULL;
    emit_tables(&text, w);
    buf_put_u8(&text, ')');
    w->target->reference = reference;
    write_emit_find_first(&text, w);
    write_emit_returning(&text, w);
    return emit_finish(b, &text, &out->sqlite);
}
