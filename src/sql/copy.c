/* COPY as a statement: which table, which columns, which rights, and what runs for it. The rows of
 * COPY FROM go through an INSERT with one parameter for each column, so that defaults, casts and
 * constraints are those of INSERT; COPY TO is the SELECT that it stands for. */
#include "base/must.h"
#include "sql/copy_int.h"

static enum status check_target(struct binder *b, const PgQuery__CopyStmt *s);
static enum status check_query(struct binder *b, const struct sql_statement *query);
static enum status choose_columns(struct binder *b,
                                  struct sql_copy *copy,
                                  const struct catalog_table *t,
                                  const PgQuery__CopyStmt *s);
static bool has_identity(const struct catalog_table *t)
{
    for (uint32_t i = 0; i < t->column_count; i++)
        if (t->columns[i].identity != 0) return true;
    return false;
}

static enum status compile_from(struct binder *b,
                                struct sql_statement *out,
                                struct sql_copy *copy,
                                const struct catalog_table *t);
static enum status compile_to(struct binder *b,
                              struct sql_statement *out,
                              const struct sql_copy *copy,
                              const struct catalog_table *t);

enum status compile_copy(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__CopyStmt *s = n->copy_stmt;
    struct sql_copy *copy = arena_alloc_zero(b->arena, 1, sizeof *copy);
    if (copy == NULL) return bind_no_memory(b);
    copy->is_from = s->is_from;
    b->is_write = s->is_from;
    TRY(check_target(b, s));
    const struct catalog_table *t = NULL;
    if (s->relation != NULL) {
        TRY(bind_table(b, s->relation, &t));
        copy->table = t->name;
        TRY(choose_columns(b, copy, t, s));
    } else {
        TRY(compile_select(b, out, s->query));
        TRY(check_query(b, out));
        copy->columns = out->columns;
        copy->column_count = out->column_count;
    }
    must(t != NULL || !s->is_from); /* Only a table can be copied into. */
    TRY(copy_options(b, copy, s));
    if (s->is_from)
        TRY(compile_from(b, out, copy, t));
    else if (t != NULL)
        TRY(compile_to(b, out, copy, t));
    out->kind = s->is_from ? SQL_KIND_COPY_IN : SQL_KIND_COPY_OUT;
    out->is_write = s->is_from;
    out->tag = "COPY";
    out->tag_has_count = true;
    out->copy = copy;
    return ST_OK;
}

static enum status check_target(struct binder *b, const PgQuery__CopyStmt *s)
{
    if (s->is_program || s->filename[0] != 0) {
        const char *what = s->is_program ? "to or from an external program"
                           : s->is_from  ? "from a file"
                                         : "to a file";
        const char *role = s->is_program ? "pg_execute_server_program"
                           : s->is_from  ? "pg_read_server_files"
                                         : "pg_write_server_files";
        (void)bind_fail(b, -1, "42501",
                        "must be superuser or have privileges of the %s role to COPY %s", role,
                        what);
        diag_hint(b->diag, "Anyone can COPY to stdout or from stdin. psql's \\copy command also "
                           "works for anyone.");
        return ST_INVALID;
    }
    if (s->where_clause != NULL)
        return bind_unsupported(b, 0, "WHERE is not supported in COPY FROM",
                                "COPY into a table of its own, then INSERT … SELECT … WHERE.");
    if (s->relation == NULL &&
        (s->query == NULL || s->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT))
        return bind_unsupported(b, 0, "COPY of a statement that writes is not supported",
                                "Run it with RETURNING.");
    return ST_OK;
}

static enum status check_query(struct binder *b, const struct sql_statement *query)
{
    if (query->kind != SQL_KIND_SELECT)
        return bind_unsupported(b, 0, "this query stands alone", "Run it without COPY.");
    if (b->param_count > 0) return bind_fail(b, -1, "42P02", "there is no parameter $1");
    return ST_OK;
}

/* --- columns ---------------------------------------------------------------------------------- */

static enum status find_column(struct binder *b,
                               const struct catalog_table *t,
                               struct span name,
                               uint32_t *column)
{
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (!span_equal(t->columns[i].name, name)) continue;
        *column = i;
        return ST_OK;
    }
    return bind_fail(b, -1, "42703", "column \"%.*s\" of relation \"%.*s\" does not exist",
                     (int)name.size, (const char *)name.data, (int)t->name.size,
                     (const char *)t->name.data);
}

static enum status choose_columns(struct binder *b,
                                  struct sql_copy *copy,
                                  const struct catalog_table *t,
                                  const PgQuery__CopyStmt *s)
{
    const size_t count = s->n_attlist > 0 ? s->n_attlist : t->column_count;
    if (count > SQL_COLUMNS_MAX) return bind_too_many(b, "columns", SQL_COLUMNS_MAX);
    struct sql_column *columns = arena_alloc_zero(b->arena, count + 1, sizeof *columns);
    if (columns == NULL) return bind_no_memory(b);
    copy->columns = columns;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = (uint32_t)i;
        if (s->n_attlist > 0) TRY(find_column(b, t, bind_string(s->attlist[i]), &at));
        const struct catalog_column *c = &t->columns[at];
        if (c->generated.size > 0 && s->n_attlist == 0) continue;
        if (c->generated.size > 0) {
            (void)bind_fail(b, -1, "42P10", "column \"%.*s\" is a generated column",
                            (int)c->name.size, (const char *)c->name.data);
            diag_detail(b->diag, "Generated columns cannot be used in COPY.");
            return ST_INVALID;
        }
        for (size_t k = 0; k < copy->column_count; k++)
            if (span_equal(columns[k].name, c->name))
                return bind_fail(b, -1, "42701", "column \"%.*s\" specified more than once",
                                 (int)c->name.size, (const char *)c->name.data);
        columns[copy->column_count++] =
            (struct sql_column){.name = c->name, .type = c->type, .typmod = c->typmod};
    }
    return ST_OK;
}

/* --- what runs -------------------------------------------------------------------------------- */

static void put_table(struct buf *text, const struct catalog_table *t)
{
    sql_put_name(text, t->schema);
    buf_put_u8(text, '.');
    sql_put_name(text, t->name);
}

static void put_columns(struct buf *text, const struct sql_copy *copy)
{
    for (uint32_t i = 0; i < copy->column_count; i++) {
        if (i > 0) buf_put_text(text, ", ");
        sql_put_name(text, copy->columns[i].name);
    }
}

/* A statement that stands behind this one. Its parameters are its own. */
static enum status compile_behind(struct binder *b,
                                  struct sql_statement *out,
                                  struct buf *text,
                                  bind_statement_fn *compile)
{
    const char *copy = NULL;
    TRY(emit_finish(b, text, &copy));
    PgQuery__ParseResult *tree = NULL;
    struct binder before = *b;
    b->text = span_text(copy);
    b->param_types = NULL;
    b->param_count = 0;
    TRY(parse_tree(&tree, b->arena, b->text, b->diag));
    must(tree->n_stmts == 1);
    TRY(compile(b, out, tree->stmts[0]->stmt));
    b->text = before.text;
    b->param_types = before.param_types;
    b->param_count = before.param_count;
    return ST_OK;
}

static enum status operation_text(struct binder *b,
                                  struct sql_copy *copy,
                                  const struct catalog_table *t)
{
    struct buf text;
    const char *made = NULL;
    buf_init(&text, b->arena->mem, 0);
    buf_put_text(&text, "COPY ");
    put_table(&text, t);
    buf_put_text(&text, " (");
    put_columns(&text, copy);
    buf_put_text(&text, ") FROM STDIN");
    TRY(emit_finish(b, &text, &made));
    copy->text = span_text(made);
    return ST_OK;
}

static enum status compile_from(struct binder *b,
                                struct sql_statement *out,
                                struct sql_copy *copy,
                                const struct catalog_table *t)
{
    struct buf text;
    buf_init(&text, b->arena->mem, 0);
    buf_put_text(&text, "INSERT INTO ");
    put_table(&text, t);
    buf_put_text(&text, " (");
    put_columns(&text, copy);
    /* COPY gives the values of identity columns, whatever they say of INSERT. */
    buf_put_text(&text, has_identity(t) ? ") OVERRIDING SYSTEM VALUE VALUES (" : ") VALUES (");
    for (uint32_t i = 0; i < copy->column_count; i++)
        buf_printf(&text, "%s$%u", i > 0 ? ", " : "", i + 1);
    buf_put_u8(&text, ')');
    TRY(compile_behind(b, out, &text, compile_insert));
    must(out->column_count == 0);
    return operation_text(b, copy, t);
}

static enum status compile_to(struct binder *b,
                              struct sql_statement *out,
                              const struct sql_copy *copy,
                              const struct catalog_table *t)
{
    struct buf text;
    buf_init(&text, b->arena->mem, 0);
    buf_put_text(&text, "SELECT ");
    put_columns(&text, copy);
    buf_put_text(&text, " FROM ");
    put_table(&text, t);
    return compile_behind(b, out, &text, compile_select);
}
