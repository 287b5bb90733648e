/* The steps of ALTER TABLE.
 *
 * What SQLite's table says changes only by making it anew, under a new id: the rows of the old
 * table end, those of the new one begin, and each version of a row is of the form its table id
 * says. Columns, keys and checks that stay keep their ids. All else changes the catalog's rows
 * alone: they are taken away and written again, which leaves no trace of those that are the same.
 *
 * Before anything is made it is found out whether the rows that are there keep to new constraints,
 * with PostgreSQL's errors: over the rows as they will be. */
#include <inttypes.h>

#include "base/must.h"
#include "sql/ddl_model.h"

/* --- rows as they will be ------------------------------------------------------------------ */

static void emit_fill(struct buf *out, const struct ddl_change *c, uint32_t column)
{
    const struct ddl_table *t = &c->now;
    if (t->fills[column] != NULL) {
        emit_expr(out, t->fills[column]);
        return;
    }
    if (t->sources[column] == DDL_NEW_COLUMN)
        buf_put_text(out, "NULL");
    else
        sql_put_name(out, catalog_column_name(c->old, t->sources[column]));
}

static void emit_rows(struct buf *out, const struct ddl_change *c)
{
    for (uint32_t i = 0; i < c->now.catalog.column_count; i++) {
        if (i > 0) buf_put_text(out, ", ");
        emit_fill(out, c, i);
        buf_put_text(out, " AS ");
        sql_put_name(out, catalog_column_name(&c->now.catalog, i));
    }
    buf_put_text(out, " FROM ");
    sql_put_name(out, c->old->sqlite_name);
}

static void emit_source(struct buf *out, const struct ddl_change *c)
{
    buf_put_text(out, " FROM (SELECT ");
    emit_rows(out, c);
    buf_put_text(out, ") AS ");
    sql_put_name(out, c->now.catalog.sqlite_name);
}

static void begin_raise(struct binder *b, struct buf *out, const char *state)
{
    ddl_step(b, out);
    buf_printf(out, "SELECT sql_raise('%s', ", state);
}

/* On failure out is given back, too. */
static enum status put_message(struct binder *b, struct buf *out, struct buf *message)
{
    const char *text = NULL;
    enum status st = emit_finish(b, message, &text);
    if (st == ST_OK)
        sql_put_text(out, span_text(text));
    else
        buf_fini(out);
    return st;
}

static enum status check_not_null(struct binder *b,
                                  struct sql_statement *out,
                                  const struct ddl_change *c,
                                  uint32_t column)
{
    struct buf text;
    struct buf message;
    const struct ddl_table *t = &c->now;
    const struct span name = t->columns[column].name;
    begin_raise(b, &text, "23502");
    buf_init(&message, b->arena->mem, 0);
    buf_printf(&message, "column \"%.*s\" of relation \"%.*s\" contains null values",
               (int)name.size, (const char *)name.data, (int)t->catalog.name.size,
               (const char *)t->catalog.name.data);
    TRY(put_message(b, &text, &message));
    buf_put_text(&text, ", '')");
    emit_source(&text, c);
    buf_put_text(&text, " WHERE ");
    sql_put_name(&text, catalog_column_name(&t->catalog, column));
    buf_put_text(&text, " IS NULL LIMIT 1");
    return ddl_step_end(b, out, &text);
}

static enum status check_check(struct binder *b,
                               struct sql_statement *out,
                               const struct ddl_change *c,
                               const struct ddl_check *check)
{
    struct buf text;
    struct buf message;
    begin_raise(b, &text, "23514");
    buf_init(&message, b->arena->mem, 0);
    buf_printf(&message, "check constraint \"%.*s\" of relation \"%.*s\" is violated by some row",
               (int)check->name.size, (const char *)check->name.data, (int)c->now.catalog.name.size,
               (const char *)c->now.catalog.name.data);
    TRY(put_message(b, &text, &message));
    buf_put_text(&text, ", '')");
    emit_source(&text, c);
    buf_put_text(&text, " WHERE NOT (");
    emit_expr(&text, check->expr);
    buf_put_text(&text, ") LIMIT 1");
    return ddl_step_end(b, out, &text);
}

static void emit_part(struct buf *out,
                      const struct ddl_table *t,
                      const struct ddl_key *k,
                      uint32_t i)
{
    if (k->columns[i] == CATALOG_EXPRESSION)
        emit_expr(out, k->exprs[i]);
    else
        sql_put_name(out, catalog_column_name(&t->catalog, k->columns[i]));
}

/* The text of a value, as PostgreSQL prints it. */
static void emit_output(struct buf *out,
                        const struct ddl_table *t,
                        const struct ddl_key *k,
                        uint32_t i)
{
    enum sql_type type =
        k->columns[i] == CATALOG_EXPRESSION ? k->exprs[i]->type : t->columns[k->columns[i]].type;
    for (const char *at = sql_output_template(type); *at != 0; at++) {
        if (at[0] == '%' && at[1] == '1') {
            emit_part(out, t, k, i);
            at++;
        } else {
            buf_put_u8(out, (uint8_t)*at);
        }
    }
}

/* 'Key (a, b)=(' || … || ') is duplicated.' */
static void emit_duplicate(struct buf *out, const struct ddl_table *t, const struct ddl_key *k)
{
    buf_put_text(out, "'Key ('");
    for (uint32_t i = 0; i < k->column_count; i++) {
        buf_put_text(out, i > 0 ? " || ', ' || " : " || ");
        sql_put_text(out, k->columns[i] == CATALOG_EXPRESSION ? k->texts[i]
                                                              : t->columns[k->columns[i]].name);
    }
    buf_put_text(out, " || ')=('");
    for (uint32_t i = 0; i < k->column_count; i++) {
        buf_put_text(out, i > 0 ? " || ', ' || " : " || ");
        emit_output(out, t, k, i);
    }
    buf_put_text(out, " || ') is duplicated.'");
}

static enum status check_unique(struct binder *b,
                                struct sql_statement *out,
                                const struct ddl_change *c,
                                const struct ddl_key *k)
{
    struct buf text;
    struct buf message;
    if (k->kind == CATALOG_INDEX) return ST_OK;
    begin_raise(b, &text, "23505");
    buf_init(&message, b->arena->mem, 0);
    buf_printf(&message, "could not create unique index \"%.*s\"", (int)k->name.size,
               (const char *)k->name.data);
    TRY(put_message(b, &text, &message));
    buf_put_text(&text, ", ");
    emit_duplicate(&text, &c->now, k);
    buf_put_u8(&text, ')');
    emit_source(&text, c);
    buf_put_text(&text, " WHERE 1");
    for (uint32_t i = 0; i < k->column_count; i++) {
        buf_put_text(&text, " AND ");
        emit_part(&text, &c->now, k, i);
        buf_put_text(&text, " IS NOT NULL");
    }
    if (k->where != NULL) {
        buf_put_text(&text, " AND ");
        emit_expr(&text, k->where);
    }
    for (uint32_t i = 0; i < k->column_count; i++) {
        buf_put_text(&text, i == 0 ? " GROUP BY " : ", ");
        emit_part(&text, &c->now, k, i);
    }
    buf_put_text(&text, " HAVING count(*) > 1 LIMIT 1");
    return ddl_step_end(b, out, &text);
}

static enum status check_rows(struct binder *b,
                              struct sql_statement *out,
                              const struct ddl_change *c)
{
    for (uint32_t i = c->key_count; i < c->now.key_count; i++)
        TRY(check_unique(b, out, c, &c->now.keys[i]));
    for (uint32_t i = 0; i < c->now.catalog.column_count; i++)
        if (c->must_not_be_null[i]) TRY(check_not_null(b, out, c, i));
    for (uint32_t i = c->check_count; i < c->now.check_count; i++)
        TRY(check_check(b, out, c, &c->now.checks[i]));
    return ST_OK;
}

/* --- rows of the catalog ------------------------------------------------------------------- */

static enum status of_table(struct binder *b,
                            struct sql_statement *out,
                            const char *before,
                            uint64_t id)
{
    return ddl_number_step(b, out, (struct ddl_numbered){before, id, ""});
}

static enum status forget(struct binder *b, struct sql_statement *out, const struct ddl_change *c)
{
    const uint64_t id = c->old->id;
    TRY(of_table(b, out, "DELETE FROM \"trustsql.columns\" WHERE table_id = ", id));
    TRY(of_table(b, out,
                 "DELETE FROM \"trustsql.properties\" WHERE kind IN ('identity', 'generated', "
                 "'sqlite_name', 'form') AND object = ",
                 id));
    return of_table(b, out, "DELETE FROM \"trustsql.indexes\" WHERE table_id = ", id);
}

static enum status drop_indexes(struct binder *b,
                                struct sql_statement *out,
                                const struct ddl_change *c)
{
    for (uint32_t i = 0; i < c->dropped_count; i++) {
        const struct catalog_index *x = c->dropped[i];
        TRY(of_table(b, out, "DELETE FROM \"trustsql.properties\" WHERE object = ", x->id));
        if (c->is_reshaped || x->kind == CATALOG_CHECK) continue; /* It goes with the table. */
        if (x->kind == CATALOG_FOREIGN) continue;
        struct buf text;
        ddl_step(b, &text);
        buf_put_text(&text, "DROP INDEX ");
        sql_put_name(&text, x->sqlite_name);
        TRY(ddl_step_end(b, out, &text));
    }
    return ST_OK;
}

/* --- foreign keys -------------------------------------------------------------------------- */

static bool is_referred(const struct binder *b, const struct catalog_table *to)
{
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        for (uint32_t k = 0; k < t->index_count; k++)
            if (t->indexes[k].foreign != NULL && t->indexes[k].foreign->table_id == to->id)
                return true;
    }
    return false;
}

/* Behind all else: triggers of what is there now, and whether the rows keep to new keys. */
static enum status foreign_steps(struct binder *b,
                                 struct sql_statement *out,
                                 const struct ddl_change *c)
{
    const struct ddl_table *t = &c->now;
    bool is_needed = t->foreign_count > 0 || c->left_count > 0 || is_referred(b, c->old);
    TRY(ddl_drops_steps(b, out, &c->gone));
    if (!is_needed) return ST_OK;
    TRY(ddl_reload(b, out));
    for (uint32_t i = 0; i < c->left_count; i++)
        TRY(ddl_foreign_triggers(b, out, c->left[i]));
    for (uint32_t i = 0; i < c->gone.count; i++)
        if (c->gone.items[i].index != NULL)
            TRY(ddl_foreign_triggers(b, out, c->gone.items[i].table->id));
    TRY(ddl_foreign_steps(b, out, t, c->foreign_count));
    for (uint32_t i = 0; i < c->to_check_count; i++)
        TRY(ddl_foreign_check(b, out, t->catalog.id, c->to_check[i]));
    return ST_OK;
}

static enum status in_place(struct binder *b, struct sql_statement *out, struct ddl_change *c)
{
    uint64_t next_id = sql_catalog_next_id(b->catalog);
    for (uint32_t i = c->key_count; i < c->now.key_count; i++)
        c->now.keys[i].id = next_id++;
    for (uint32_t i = c->foreign_count; i < c->now.foreign_count; i++)
        c->now.foreigns[i].id = next_id++;
    for (uint32_t i = c->key_count; i < c->now.key_count; i++)
        TRY(ddl_model_name_index(b, &c->now, &c->now.keys[i]));
    TRY(check_rows(b, out, c));
    TRY(drop_indexes(b, out, c));
    TRY(forget(b, out, c));
    TRY(of_table(b, out, "DELETE FROM \"trustsql.tables\" WHERE id = ", c->old->id));
    TRY(ddl_model_rows(b, out, &c->now));
    for (uint32_t i = c->key_count; i < c->now.key_count; i++)
        TRY(ddl_model_index(b, out, &c->now, &c->now.keys[i]));
    TRY(ddl_model_serials(b, out, &c->now, &next_id));
    TRY(foreign_steps(b, out, c));
    return ddl_finish(b, out, next_id);
}

/* --- a new form ---------------------------------------------------------------------------- */

static bool has_rowid_key(const struct ddl_table *t)
{
    for (uint32_t i = 0; i < t->key_count; i++)
        if (ddl_model_is_rowid(t, &t->keys[i])) return true;
    return false;
}

static enum status copy_rows(struct binder *b,
                             struct sql_statement *out,
                             const struct ddl_change *c)
{
    const bool has_key = has_rowid_key(&c->now);
    struct buf text;
    ddl_step(b, &text);
    buf_put_text(&text, "INSERT INTO ");
    sql_put_name(&text, c->now.catalog.sqlite_name);
    buf_put_u8(&text, '(');
    for (uint32_t i = 0; i < c->now.catalog.column_count; i++) {
        if (i > 0) buf_put_text(&text, ", ");
        sql_put_name(&text, catalog_column_name(&c->now.catalog, i));
    }
    buf_put_text(&text, has_key ? ") SELECT " : ", rowid) SELECT ");
    for (uint32_t i = 0; i < c->now.catalog.column_count; i++) {
        if (i > 0) buf_put_text(&text, ", ");
        emit_fill(&text, c, i);
    }
    if (!has_key) buf_put_text(&text, ", rowid");
    buf_put_text(&text, " FROM ");
    sql_put_name(&text, c->old->sqlite_name);
    buf_put_text(&text, " ORDER BY rowid");
    return ddl_step_end(b, out, &text);
}

static enum status named(struct binder *b,
                         struct sql_statement *out,
                         const char *verb,
                         struct span name)
{
    struct buf text;
    ddl_step(b, &text);
    buf_put_text(&text, verb);
    sql_put_name(&text, name);
    return ddl_step_end(b, out, &text);
}

static enum status move_one(struct binder *b,
                            struct sql_statement *out,
                            const struct ddl_change *c,
                            const char *table)
{
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text, "UPDATE \"trustsql.%s\" SET table_id = %" PRIu64 " WHERE table_id = %" PRIu64,
               table, c->now.catalog.id, c->old->id);
    return ddl_step_end(b, out, &text);
}

/* Views that read the table read it under its new id. */
static enum status move_uses(struct binder *b,
                             struct sql_statement *out,
                             const struct ddl_change *c)
{
    struct buf text;
    if (!ddl_has_views(b, c->old->id)) return ST_OK;
    ddl_step(b, &text);
    buf_printf(
        &text,
        "UPDATE \"trustsql.properties\" SET value = trim(replace(' ' || value || ' ', ' %" PRIu64
        " ', ' %" PRIu64 " ')) WHERE kind = 'uses' AND instr(' ' || value || ' ', ' %" PRIu64
        " ') > 0",
        c->old->id, c->now.catalog.id, c->old->id);
    return ddl_step_end(b, out, &text);
}

/* What is said of the table and its columns; what is said of dropped columns goes. */
static enum status move_parts(struct binder *b,
                              struct sql_statement *out,
                              const struct ddl_change *c,
                              const char *table)
{
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text,
               "UPDATE \"trustsql.%s\" SET object = %" PRIu64 ", part = CASE part WHEN 0 THEN 0",
               table, c->now.catalog.id);
    for (uint32_t i = 0; i < c->now.catalog.column_count; i++)
        if (c->now.sources[i] != DDL_NEW_COLUMN)
            buf_printf(&text, " WHEN %u THEN %u", c->now.sources[i] + 1, i + 1);
    buf_printf(&text, " END WHERE object = %" PRIu64 " AND part IN (0", c->old->id);
    for (uint32_t i = 0; i < c->now.catalog.column_count; i++)
        if (c->now.sources[i] != DDL_NEW_COLUMN) buf_printf(&text, ", %u", c->now.sources[i] + 1);
    buf_put_u8(&text, ')');
    TRY(ddl_step_end(b, out, &text));
    ddl_step(b, &text);
    buf_printf(&text, "DELETE FROM \"trustsql.%s\" WHERE object = %" PRIu64, table, c->old->id);
    return ddl_step_end(b, out, &text);
}

static enum status move_properties(struct binder *b,
                                   struct sql_statement *out,
                                   const struct ddl_change *c)
{
    struct buf text;
    TRY(move_parts(b, out, c, "properties"));
    for (uint32_t i = 0; i < c->now.catalog.column_count; i++) {
        if (c->now.sources[i] == DDL_NEW_COLUMN) continue;
        ddl_step(b, &text); /* Sequences that belong to the column. */
        buf_printf(&text,
                   "UPDATE \"trustsql.properties\" SET value = '%" PRIu64 " %u' "
                   "WHERE kind = 'owned' AND value = '%" PRIu64 " %u'",
                   c->now.catalog.id, i + 1, c->old->id, c->now.sources[i] + 1);
        TRY(ddl_step_end(b, out, &text));
    }
    return ST_OK;
}

/* The old table is gone: its name is free. */
static enum status take_name(struct binder *b,
                             struct sql_statement *out,
                             const struct ddl_change *c)
{
    struct catalog_table now = c->now.catalog;
    const struct span own = now.sqlite_name;
    struct span name = {0};
    struct buf text;
    now.id = c->old->id; /* Whose name counts as free. */
    now.schema = c->old->schema;
    TRY(ddl_sqlite_name(b, &now, &name));
    if (memcmp(name.data, "t.", name.size < 2 ? name.size : 2) == 0) name = own;
    if (!span_equal(name, own)) {
        ddl_step(b, &text);
        buf_put_text(&text, "ALTER TABLE ");
        sql_put_name(&text, own);
        buf_put_text(&text, " RENAME TO ");
        sql_put_name(&text, name);
        TRY(ddl_step_end(b, out, &text));
    }
    ddl_step(b, &text);
    buf_put_text(&text, "UPDATE \"trustsql.tables\" SET schema = ");
    sql_put_text(&text, c->old->schema);
    buf_put_text(&text, ", sqlite_name = ");
    sql_put_text(&text, name);
    buf_printf(&text, " WHERE id = %" PRIu64, c->now.catalog.id);
    return ddl_step_end(b, out, &text);
}

/* The rows that were there took the first values of new sequences. */
static enum status advance_serials(struct binder *b,
                                   struct sql_statement *out,
                                   const struct ddl_change *c)
{
    for (uint32_t i = 0; i < c->now.serial_count; i++) {
        const struct ddl_sequence *s = &c->now.serials[i];
        struct buf text;
        if (c->now.sources[s->column] != DDL_NEW_COLUMN) continue;
        ddl_step(b, &text);
        buf_printf(&text,
                   "UPDATE \"t.%" PRIu64 "\" SET is_called = 1, last_value = last_value + %" PRId64
                   " * ((",
                   s->id, s->increment);
        buf_put_text(&text, "SELECT count(*) FROM ");
        sql_put_name(&text, c->old->sqlite_name);
        buf_put_text(&text, ") - 1) WHERE EXISTS (SELECT 1 FROM ");
        sql_put_name(&text, c->old->sqlite_name);
        buf_put_u8(&text, ')');
        TRY(ddl_step_end(b, out, &text));
    }
    return ST_OK;
}

/* The new table is in the catalog under no schema until the old one is gone: so the writer knows
 * both while rows move. */
static enum status reshape(struct binder *b, struct sql_statement *out, struct ddl_change *c)
{
    uint64_t next_id = sql_catalog_next_id(b->catalog);
    struct ddl_table *t = &c->now;
    for (uint32_t i = 0; !c->old->has_own_names && i < c->old->column_count; i++)
        if (ddl_is_row_name(c->old->columns[i].name))
            return bind_unsupported(b, 0,
                                    "a table with a column called rowid that was made below "
                                    "exec_version 4 cannot be altered",
                                    "Create a new table and copy the rows.");
    TRY(ddl_model_begin(b, t, next_id, t->catalog.name));
    TRY(ddl_own_name(b, next_id++, &t->catalog.sqlite_name)); /* While the old one is there. */
    t->catalog.owner = c->old->owner;
    TRY(ddl_model_name_columns(b, t));
    for (uint32_t i = c->key_count; i < t->key_count; i++)
        t->keys[i].id = next_id++;
    for (uint32_t i = 0; i < t->key_count; i++)
        TRY(ddl_model_name_index(b, t, &t->keys[i]));
    for (uint32_t i = c->check_count; i < t->check_count; i++)
        t->checks[i].id = next_id++;
    for (uint32_t i = c->foreign_count; i < t->foreign_count; i++)
        t->foreigns[i].id = next_id++;
    TRY(ddl_model_bind(b, t));
    TRY(check_rows(b, out, c));
    TRY(ddl_model_sort_checks(b, t));
    TRY(ddl_model_create(b, out, t));
    t->catalog.schema = (struct span){0};
    TRY(ddl_model_rows(b, out, t));
    TRY(ddl_reload(b, out));
    TRY(ddl_model_serials(b, out, t, &next_id));
    TRY(copy_rows(b, out, c));
    TRY(advance_serials(b, out, c));
    TRY(named(b, out, "DELETE FROM ", c->old->sqlite_name));
    TRY(named(b, out, "DROP TABLE ", c->old->sqlite_name));
    TRY(drop_indexes(b, out, c));
    TRY(forget(b, out, c));
    TRY(ddl_model_indexes(b, out, t));
    TRY(move_one(b, out, c, "rights"));
    TRY(move_parts(b, out, c, "grants"));
    TRY(move_one(b, out, c, "retention"));
    TRY(move_properties(b, out, c));
    TRY(move_uses(b, out, c));
    TRY(ddl_foreign_move(b, out, c));
    TRY(of_table(b, out, "DELETE FROM \"trustsql.tables\" WHERE id = ", c->old->id));
    TRY(take_name(b, out, c));
    TRY(foreign_steps(b, out, c));
    return ddl_finish(b, out, next_id);
}

enum status ddl_change_steps(struct binder *b, struct sql_statement *out, struct ddl_change *c)
{
    must(c->key_count <= c->now.key_count);
    must(c->check_count <= c->now.check_count);
    return c->is_reshaped ? reshape(b, out, c) : in_place(b, out, c);
}
