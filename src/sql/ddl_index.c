/* CREATE INDEX. */
#include "base/must.h"
#include "sql/ddl_int.h"

struct index {
    const struct catalog_table *table;
    struct span name;
    uint32_t columns[CATALOG_KEY_COLUMNS_MAX];
    bool is_desc[CATALOG_KEY_COLUMNS_MAX];
    uint32_t column_count;
    bool is_unique;
};

static enum status check_options(struct binder *b, const PgQuery__IndexStmt *s)
{
    int32_t position = s->relation->location;
    if (s->access_method != NULL && s->access_method[0] != 0 &&
        strcmp(s->access_method, "btree") != 0)
        return bind_unsupported(b, position, "the only access method is btree", NULL);
    if (s->where_clause != NULL)
        return bind_unsupported(b, position, "partial indexes are not supported", NULL);
    if (s->n_index_including_params > 0)
        return bind_unsupported(b, position, "INCLUDE is not supported",
                                "Add the columns to the index.");
    if (s->nulls_not_distinct)
        return bind_unsupported(b, position, "NULLS NOT DISTINCT is not supported", NULL);
    if (s->concurrent)
        return bind_unsupported(b, position, "CONCURRENTLY is not supported", "Leave it out.");
    if (s->n_options > 0 || (s->table_space != NULL && s->table_space[0] != 0))
        return bind_unsupported(b, position, "storage options are not supported",
                                "Leave them out.");
    return ddl_check_schema(b, s->relation);
}

static enum status add_column(struct binder *b, struct index *x, const PgQuery__IndexElem *e)
{
    const struct catalog_table *t = x->table;
    if (e->expr != NULL)
        return bind_unsupported(b, -1, "indexes over expressions are not supported",
                                "Keep the value in a column of its own.");
    if (e->n_opclass > 0 || e->n_collation > 0)
        return bind_unsupported(b, -1, "operator classes and collations are not supported", NULL);
    if (x->column_count == CATALOG_KEY_COLUMNS_MAX)
        return bind_fail(b, -1, "54011", "cannot use more than %u columns in an index",
                         CATALOG_KEY_COLUMNS_MAX);
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (!span_equal(t->columns[i].name, bind_cstring(e->name))) continue;
        bool is_open = t->columns[i].type == SQL_NUMERIC && t->columns[i].typmod < 0;
        if (is_open && x->is_unique)
            return bind_unsupported(b, -1, "a key over numeric without precision is not supported",
                                    "Use numeric(p,s): then equal values are equal bytes.");
        x->is_desc[x->column_count] = e->ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
        x->columns[x->column_count++] = i;
        return ST_OK;
    }
    return bind_fail(b, -1, "42703", "column \"%s\" does not exist", e->name);
}

static enum status choose_name(struct binder *b, struct index *x)
{
    struct ddl_names none = {0};
    struct buf text;
    const char *columns = NULL;
    buf_init(&text, b->arena->mem, 0);
    for (uint32_t i = 0; i < x->column_count; i++) {
        if (i > 0) buf_put_u8(&text, '_');
        buf_put(&text, x->table->columns[x->columns[i]].name);
    }
    TRY(emit_finish(b, &text, &columns));
    struct ddl_name_parts parts = {
        .table = x->table->name, .columns = span_text(columns), .label = "idx"};
    return ddl_choose_name(b, &none, &parts, &x->name);
}

static enum status add_steps(struct binder *b, struct sql_statement *out, const struct index *x)
{
    struct buf text;
    ddl_step(b, &text);
    buf_put_text(&text, x->is_unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
    emit_name(&text, x->name);
    buf_put_text(&text, " ON ");
    emit_name(&text, x->table->sqlite_name);
    for (uint32_t i = 0; i < x->column_count; i++) {
        buf_put_text(&text, i == 0 ? "(" : ", ");
        emit_name(&text, x->table->columns[x->columns[i]].name);
        if (x->is_desc[i]) buf_put_text(&text, " DESC");
    }
    buf_put_u8(&text, ')');
    TRY(ddl_step_end(b, out, &text));
    uint64_t id = sql_catalog_next_id(b->catalog);
    struct ddl_index_row row = {.id = id,
                                .table_id = x->table->id,
                                .kind = x->is_unique ? CATALOG_UNIQUE_INDEX : CATALOG_INDEX,
                                .name = x->name,
                                .columns = x->columns,
                                .column_count = x->column_count};
    TRY(ddl_index_row(b, out, &row));
    return ddl_finish(b, out, id + 1);
}

enum status compile_create_index(struct binder *b,
                                 struct sql_statement *out,
                                 const PgQuery__Node *n)
{
    const PgQuery__IndexStmt *s = n->index_stmt;
    struct index x = {.name = bind_cstring(s->idxname), .is_unique = s->unique != 0};
    struct ddl_names none = {0};
    out->kind = SQL_KIND_CREATE_INDEX;
    out->tag = "CREATE INDEX";
    TRY(check_options(b, s));
    TRY(bind_table(b, s->relation, &x.table));
    must(x.table->id >= CATALOG_FIRST_ID); /* Schema public only. */
    TRY(bind_access(b, x.table, SQL_RIGHT_OWNER));
    if (x.name.size > 0 && ddl_is_taken(b, &none, x.name)) {
        if (!s->if_not_exists)
            return bind_fail(b, -1, "42P07", "relation \"%s\" already exists", s->idxname);
        ddl_skip(b, out, "relation", x.name);
        return ST_OK;
    }
    for (size_t i = 0; i < s->n_index_params; i++)
        TRY(add_column(b, &x, s->index_params[i]->index_elem));
    if (x.name.size == 0) TRY(choose_name(b, &x));
    TRY(ddl_check_name(b, x.name, s->relation->location));
    return add_steps(b, out, &x);
}
