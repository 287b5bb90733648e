/* INSERT, with ON CONFLICT.
 *
 * DO UPDATE of several rows finds keys that come twice before the first row is written: SQLite
 * would update such a row again, PostgreSQL refuses it. */
#include "base/must.h"
#include "sql/dml_int.h"

/* --- INSERT -------------------------------------------------------------------------------- */

struct insert {
    struct write write;
    PgQuery__OverridingKind override;
    uint32_t *columns; /* Where the given values go. */
    uint32_t column_count;
    struct row *rows; /* VALUES: one value per table column. */
    uint32_t row_count;
    struct query *select;
    uint32_t source_id; /* Of select. */
    struct span *conflict_columns;
    uint32_t conflict_count;
    bool has_conflict;
    bool is_update;
    bool is_several; /* Rows that DO UPDATE must not meet twice. */
    struct expr *conflict_where;
    struct expr **proposed; /* What VALUES become, where a column is generated; null: themselves. */
};

static enum status insert_columns(struct binder *b, struct insert *in, const PgQuery__InsertStmt *s)
{
    const struct catalog_table *t = in->write.table;
    size_t count = s->n_cols > 0 ? s->n_cols : t->column_count;
    in->columns = arena_alloc_zero(b->arena, count, sizeof *in->columns);
    if (in->columns == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < count; i++) {
        uint32_t column = (uint32_t)i;
        if (s->n_cols > 0) TRY(write_find_column(b, t, s->cols[i]->res_target, &column));
        for (uint32_t k = 0; k < in->column_count; k++)
            if (in->columns[k] == column)
                return bind_fail(b, s->cols[i]->res_target->location, "42701",
                                 "column \"%s\" specified more than once",
                                 s->cols[i]->res_target->name);
        in->columns[in->column_count++] = column;
        if (s->n_cols > 0) TRY(bind_access_column(b, t, column, SQL_RIGHT_INSERT));
    }
    return ST_OK;
}

static enum status check_width(struct binder *b,
                               const struct insert *in,
                               size_t width,
                               const PgQuery__InsertStmt *s)
{
    if (width > in->column_count)
        return bind_fail(b, -1, "42601", "INSERT has more expressions than target columns");
    if (s->n_cols > 0 && width < in->column_count)
        return bind_fail(b, s->cols[width]->res_target->location, "42601",
                         "INSERT has more target columns than expressions");
    for (uint32_t i = 0; i < width; i++) /* Without a list, those that get a value. */
        TRY(bind_access_column(b, in->write.table, in->columns[i], SQL_RIGHT_INSERT));
    return ST_OK;
}

/* One row of VALUES, spread over the table's columns. */
/* A value for an identity column: OVERRIDING says whether it counts. */
static enum status override(struct binder *b,
                            const struct insert *in,
                            struct expr **value,
                            const struct catalog_column *c)
{
    if (c->generated.size > 0 && *value != NULL && (*value)->kind == EXPR_DEFAULT) *value = NULL;
    if (c->generated.size > 0 && *value != NULL)
        return generated_refuse(b, "cannot insert a non-DEFAULT value into column", c->name, "");
    if (*value == NULL || c->identity == 0 || (*value)->kind == EXPR_DEFAULT) return ST_OK;
    if (in->override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_USER_VALUE) {
        *value = NULL;
        return ST_OK;
    }
    if (c->identity != 'a' || in->override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE)
        return ST_OK;
    (void)write_not_of_user(b, c->name, "cannot insert a non-DEFAULT value into column");
    diag_hint(b->diag, "Use OVERRIDING SYSTEM VALUE to override.");
    return ST_INVALID;
}

static enum status insert_row(struct binder *b, struct insert *in, const PgQuery__List *list)
{
    const struct catalog_table *t = in->write.table;
    struct expr **values = arena_alloc_zero(b->arena, t->column_count, sizeof(struct expr *));
    if (values == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < list->n_items; i++)
        TRY(bind_expr(b, &values[in->columns[i]], list->items[i]));
    for (uint32_t i = 0; i < t->column_count; i++) {
        TRY(override(b, in, &values[i], &t->columns[i]));
        if (values[i] == NULL) TRY(write_default(b, &values[i], &t->columns[i]));
        if (t->columns[i].generated.size == 0) TRY(write_assign(b, &values[i], t, i));
    }
    in->rows[in->row_count++] = (struct row){.values = values, .count = t->column_count};
    return ST_OK;
}

static enum status insert_values(struct binder *b,
                                 struct insert *in,
                                 const PgQuery__InsertStmt *s,
                                 const PgQuery__SelectStmt *v)
{
    size_t count = v == NULL ? 1 : v->n_values_lists;
    PgQuery__List none = PG_QUERY__LIST__INIT;
    in->rows = arena_alloc_zero(b->arena, count, sizeof *in->rows);
    if (in->rows == NULL) return bind_no_memory(b);
    b->clause = CLAUSE_VALUES;
    for (size_t i = 0; i < count; i++) {
        const PgQuery__List *list = v == NULL ? &none : v->values_lists[i]->list;
        if (v != NULL && list->n_items != v->values_lists[0]->list->n_items)
            return bind_fail(b, -1, "42601", "VALUES lists must all be the same length");
        if (v != NULL) TRY(check_width(b, in, list->n_items, s));
        TRY(insert_row(b, in, list));
    }
    if (generated_has_any(in->write.table))
        TRY(generated_proposed(b, &in->proposed, in->write.table));
    return ST_OK;
}

/* The outer SELECT gives every column of the table from c1 … cn of the inner one, in a total order
 * over its values, so that rows get their places in the same order everywhere. */
static enum status insert_select(struct binder *b, struct insert *in, const PgQuery__InsertStmt *s)
{
    const struct catalog_table *t = in->write.table;
    b->keeps_unknown = true; /* Constants take the column's type. */
    TRY(bind_query_node(b, &in->select, s->select_stmt));
    TRY(check_width(b, in, in->select->target_count, s));
    struct source *source = arena_alloc_zero(b->arena, 1, sizeof *source);
    struct row *row = arena_alloc_zero(b->arena, 1, sizeof *row);
    if (source == NULL || row == NULL) return bind_no_memory(b);
    source->id = in->source_id = ++b->next_id;
    source->query = in->select;
    source->field_count = in->select->target_count;
    source->fields = arena_alloc_zero(b->arena, source->field_count + 1u, sizeof *source->fields);
    row->values = arena_alloc_zero(b->arena, t->column_count, sizeof(struct expr *));
    if (source->fields == NULL || row->values == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < source->field_count; i++) {
        struct expr *e = in->select->targets[i].expr;
        if (e->type == SQL_UNKNOWN)
            TRY(bind_coerce_implicit(b, &e, t->columns[in->columns[i]].type));
        source->fields[i] = (struct field){.type = e->type, .typmod = e->typmod, .scale = e->scale};
        row->values[in->columns[i]] = bind_field(b, source, i);
        if (row->values[in->columns[i]] == NULL) return bind_no_memory(b);
    }
    for (uint32_t i = 0; i < t->column_count; i++) {
        TRY(override(b, in, &row->values[i], &t->columns[i]));
        if (row->values[i] == NULL) TRY(write_default(b, &row->values[i], &t->columns[i]));
        if (t->columns[i].generated.size == 0) TRY(write_assign(b, &row->values[i], t, i));
    }
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].generated.size == 0) continue;
        TRY(generated_value(b, &row->values[i], t, i, row->values));
        TRY(write_assign(b, &row->values[i], t, i));
    }
    in->rows = row;
    in->row_count = 1;
    return ST_OK;
}

static bool is_values(const PgQuery__SelectStmt *s)
{
    return s->n_values_lists > 0 && s->with_clause == NULL && s->n_sort_clause == 0 &&
           s->limit_count == NULL && s->limit_offset == NULL;
}

/* --- ON CONFLICT --------------------------------------------------------------------------- */

static bool is_same_set(const struct catalog_index *index,
                        const struct catalog_table *t,
                        const struct insert *in)
{
    if (index->column_count != in->conflict_count || index->predicate.size > 0) return false;
    for (uint32_t i = 0; i < index->column_count; i++) {
        bool is_found = false;
        if (index->columns[i] == CATALOG_EXPRESSION) return false;
        const struct span name = catalog_column_name(t, index->columns[i]);
        for (uint32_t k = 0; k < in->conflict_count; k++)
            is_found = is_found || span_equal(name, in->conflict_columns[k]);
        if (!is_found) return false;
    }
    return true;
}

static enum status conflict_constraint(struct binder *b,
                                       struct insert *in,
                                       const PgQuery__InferClause *c)
{
    const struct catalog_table *t = in->write.table;
    for (uint32_t i = 0; i < t->index_count; i++) {
        const struct catalog_index *index = &t->indexes[i];
        if (!span_equal(index->name, span_text(c->conname))) continue;
        if (index->kind != CATALOG_PRIMARY && index->kind != CATALOG_UNIQUE) continue;
        in->conflict_columns =
            arena_alloc_zero(b->arena, index->column_count, sizeof *in->conflict_columns);
        if (in->conflict_columns == NULL) return bind_no_memory(b);
        for (uint32_t k = 0; k < index->column_count; k++)
            in->conflict_columns[in->conflict_count++] = catalog_column_name(t, index->columns[k]);
        return ST_OK;
    }
    return bind_fail(b, c->location, "42704", "constraint \"%s\" for table \"%.*s\" does not exist",
                     c->conname, (int)t->name.size, (const char *)t->name.data);
}

static enum status conflict_target(struct binder *b,
                                   struct insert *in,
                                   const PgQuery__InferClause *c)
{
    const struct catalog_table *t = in->write.table;
    if (c->conname != NULL && c->conname[0] != 0) return conflict_constraint(b, in, c);
    if (c->where_clause != NULL)
        return bind_unsupported(b, c->location, "partial indexes are not supported", NULL);
    in->conflict_columns =
        arena_alloc_zero(b->arena, c->n_index_elems, sizeof *in->conflict_columns);
    if (in->conflict_columns == NULL) return bind_no_memory(b);
    for (size_t i = 0; i < c->n_index_elems; i++) {
        const PgQuery__IndexElem *e = c->index_elems[i]->index_elem;
        if (e->expr != NULL)
            return bind_unsupported(b, c->location, "expressions in ON CONFLICT are not supported",
                                    NULL);
        PgQuery__ResTarget named;
        pg_query__res_target__init(&named); /* The macro casts const away. */
        named.name = e->name;
        named.location = c->location;
        uint32_t column = 0;
        TRY(write_find_column(b, t, &named, &column));
        in->conflict_columns[in->conflict_count++] = catalog_column_name(t, column);
    }
    for (uint32_t i = 0; i < t->index_count; i++) {
        enum catalog_index_kind kind = t->indexes[i].kind;
        bool is_unique =
            kind == CATALOG_PRIMARY || kind == CATALOG_UNIQUE || kind == CATALOG_UNIQUE_INDEX;
        if (is_unique && is_same_set(&t->indexes[i], t, in)) return ST_OK;
    }
    return bind_fail(b, c->location, "42P10",
                     "there is no unique or exclusion constraint matching the ON CONFLICT "
                     "specification");
}

static bool is_conflict_column(const struct insert *in, uint32_t column)
{
    for (uint32_t i = 0; i < in->conflict_count; i++)
        if (span_equal(in->conflict_columns[i], catalog_column_name(in->write.table, column)))
            return true;
    return false;
}

/* A row that is met twice is found by its key before anything is written (21000): so the key must
 * be that of the proposed row, and every conflict must be an update. */
static enum status check_several(struct binder *b, const struct insert *in, int32_t position)
{
    bool is_moved = in->conflict_where != NULL || generated_has_any(in->write.table);
    for (uint32_t i = 0; i < in->write.table->column_count; i++)
        is_moved = is_moved || (in->write.values[i] != NULL && is_conflict_column(in, i));
    if (!is_moved) return ST_OK;
    return bind_unsupported(b, position,
                            "ON CONFLICT DO UPDATE of several rows with WHERE, or of the columns "
                            "in conflict, is not supported",
                            "Send one INSERT for each row.");
}

static enum status conflict_update(struct binder *b,
                                   struct insert *in,
                                   const PgQuery__OnConflictClause *c)
{
    struct source *excluded = NULL;
    if (in->conflict_count == 0)
        return bind_fail(b, c->location, "42601",
                         "ON CONFLICT DO UPDATE requires inference specification or constraint "
                         "name");
    in->is_several = in->row_count != 1 || in->select != NULL;
    if (in->is_several)
        TRY(bind_needs_or(b, 4, c->location,
                          "ON CONFLICT DO UPDATE is supported for one row of VALUES",
                          "Send one INSERT for each row."));
    TRY(bind_table_source(b, &excluded, in->write.table, span_text("excluded")));
    excluded->reference = "excluded";
    struct scope *scope = &in->write.query->scope;
    uint32_t entry_count = scope->entry_count;
    uint32_t source_count = scope->source_count;
    TRY(bind_scope_add(b, scope, excluded)); /* A bare column name is ambiguous now: 42702. */
    TRY(bind_access_any(b, in->write.table, SQL_RIGHT_UPDATE | SQL_RIGHT_SELECT));
    for (uint32_t i = 0; i < in->write.table->column_count; i++)
        if (is_conflict_column(in, i))
            TRY(bind_access_column(b, in->write.table, i, SQL_RIGHT_SELECT));
    TRY(write_set_list(b, &in->write, c->target_list, c->n_target_list));
    if (c->where_clause != NULL) {
        b->clause = CLAUSE_WHERE;
        TRY(bind_expr(b, &in->conflict_where, c->where_clause));
        TRY(bind_condition(b, &in->conflict_where, "WHERE"));
    }
    scope->source_count = source_count;
    scope->entry_count = entry_count;
    in->is_update = true;
    return in->is_several ? check_several(b, in, c->location) : ST_OK;
}

static enum status bind_conflict(struct binder *b,
                                 struct insert *in,
                                 const PgQuery__OnConflictClause *c)
{
    if (c == NULL) return ST_OK;
    in->has_conflict = true;
    if (c->infer != NULL) TRY(conflict_target(b, in, c->infer));
    if (c->action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE)
        return conflict_update(b, in, c);
    return ST_OK;
}

static void emit_conflict(struct buf *out, const struct insert *in)
{
    if (!in->has_conflict) return;
    buf_put_text(out, " ON CONFLICT");
    for (uint32_t i = 0; i < in->conflict_count; i++) {
        buf_put_text(out, i == 0 ? "(" : ", ");
        sql_put_name(out, in->conflict_columns[i]);
    }
    if (in->conflict_count > 0) buf_put_u8(out, ')');
    buf_put_text(out, in->is_update ? " DO UPDATE" : " DO NOTHING");
    if (!in->is_update) return;
    write_emit_set_list(out, &in->write);
    if (in->conflict_where == NULL) return;
    buf_put_text(out, " WHERE ");
    emit_expr(out, in->conflict_where);
}

static void emit_row(struct buf *out, const struct row *row)
{
    for (uint32_t i = 0; i < row->count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        emit_expr(out, row->values[i]);
    }
}

/* The proposed rows as a query with columns o (their order) and c1 … */
static void emit_proposed(struct buf *out, const struct insert *in)
{
    const uint32_t count = in->write.table->column_count;
    if (in->select != NULL) {
        buf_put_text(out, "SELECT 0 AS o");
        for (uint32_t i = 0; i < count; i++) {
            buf_put_text(out, ", ");
            emit_expr(out, in->rows[0].values[i]);
            buf_printf(out, " AS c%u", i + 1);
        }
        buf_put_text(out, " FROM (");
        emit_query(out, in->select);
        buf_printf(out, ") AS r%u", in->source_id);
        return;
    }
    buf_put_text(out, "SELECT column1 AS o");
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, ", column%u AS c%u", i + 2, i + 1);
    buf_put_text(out, " FROM (VALUES ");
    for (uint32_t i = 0; i < in->row_count; i++) {
        buf_printf(out, "%s(%u, ", i > 0 ? ", " : "", i);
        emit_row(out, &in->rows[i]);
        buf_put_u8(out, ')');
    }
    buf_put_u8(out, ')');
}

/* Rows whose key comes once; NULL conflicts with nothing. */
static void emit_several(struct buf *out, const struct insert *in)
{
    const uint32_t count = in->write.table->column_count;
    buf_put_text(out, " SELECT ");
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%sc%u", i > 0 ? ", " : "", i + 1);
    buf_put_text(out, " FROM (SELECT *, CASE WHEN 0");
    for (uint32_t i = 0; i < count; i++)
        if (is_conflict_column(in, i)) buf_printf(out, " OR c%u IS NULL", i + 1);
    buf_put_text(out, " THEN 1 ELSE count(*) OVER (PARTITION BY 0");
    for (uint32_t i = 0; i < count; i++)
        if (is_conflict_column(in, i)) buf_printf(out, ", c%u", i + 1);
    buf_put_text(out, ") END AS n FROM (");
    emit_proposed(out, in);
    buf_put_text(out, ")) WHERE sql_once(n) ORDER BY o");
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, ", c%u", i + 1);
}

/* Each row is computed from its values, which are there once. */
static void emit_generated(struct buf *out, const struct insert *in)
{
    const uint32_t count = in->write.table->column_count;
    buf_put_text(out, " SELECT ");
    emit_row(out, &(struct row){.values = in->proposed, .count = count});
    buf_put_text(out, " FROM (SELECT ");
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%scolumn%u AS c%u", i > 0 ? ", " : "", i + 1, i + 1);
    buf_put_text(out, " FROM (VALUES ");
    for (uint32_t i = 0; i < in->row_count; i++) {
        buf_put_text(out, i > 0 ? ", (" : "(");
        emit_row(out, &in->rows[i]);
        buf_put_u8(out, ')');
    }
    buf_put_text(out, ")) WHERE 1"); /* Else ON CONFLICT would be taken for a join's ON. */
}

static void emit_insert_rows(struct buf *out, const struct insert *in)
{
    if (in->is_several && in->is_update) {
        emit_several(out, in);
        return;
    }
    if (in->proposed != NULL) {
        emit_generated(out, in);
        return;
    }
    if (in->select == NULL) {
        buf_put_text(out, " VALUES ");
        for (uint32_t i = 0; i < in->row_count; i++) {
            buf_put_text(out, i > 0 ? ", (" : "(");
            emit_row(out, &in->rows[i]);
            buf_put_u8(out, ')');
        }
        return;
    }
    const struct catalog_table *t = in->write.table;
    buf_put_text(out, " SELECT ");
    emit_row(out, &(struct row){.values = in->rows[0].values, .count = t->column_count});
    buf_put_text(out, " FROM (");
    emit_query(out, in->select);
    buf_printf(out, ") AS r%u ORDER BY ", in->source_id);
    for (uint32_t i = 0; i < in->select->target_count; i++)
        buf_printf(out, "%sc%u", i > 0 ? ", " : "", i + 1);
}

static enum status emit_insert(struct binder *b, struct sql_statement *out, const struct insert *in)
{
    const struct catalog_table *t = in->write.table;
    struct buf text;
    buf_init(&text, b->arena->mem, STATEMENT_TEXT_MAX);
    emit_ctes(&text, in->write.query);
    buf_put_text(&text, "INSERT INTO ");
    sql_put_name(&text, t->sqlite_name);
    for (uint32_t i = 0; i < t->column_count; i++) {
        buf_put_text(&text, i == 0 ? "(" : ", ");
        sql_put_name(&text, catalog_column_name(t, i));
    }
    buf_put_u8(&text, ')');
    emit_insert_rows(&text, in);
    emit_conflict(&text, in);
    write_emit_returning(&text, &in->write);
    return emit_finish(b, &text, &out->sqlite);
}

enum status compile_insert(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__InsertStmt *s = n->insert_stmt;
    struct insert in = {.override = s->override};
    out->kind = SQL_KIND_INSERT;
    out->tag = "INSERT 0";
    out->tag_has_count = true;
    TRY(write_open(b, &in.write, s->relation));
    if (in.write.table->column_count == 0)
        return bind_unsupported(b, -1, "a table without columns takes no rows", NULL);
    TRY(bind_access_any(b, in.write.table, SQL_RIGHT_INSERT));
    TRY(bind_with(b, in.write.query, s->with_clause));
    TRY(insert_columns(b, &in, s));
    const PgQuery__SelectStmt *v = s->select_stmt == NULL ? NULL : s->select_stmt->select_stmt;
    if (v == NULL || is_values(v))
        TRY(insert_values(b, &in, s, v));
    else
        TRY(insert_select(b, &in, s));
    TRY(bind_scope_add(b, &in.write.query->scope, in.write.target));
    b->scope = &in.write.query->scope;
    TRY(bind_conflict(b, &in, s->on_conflict_clause));
    TRY(write_returning(b, out, &in.write, s->returning_list, s->n_returning_list));
    return emit_insert(b, out, &in);
}
