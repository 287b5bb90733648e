/* A table of DDL: names, ids, and the steps that make it. The table becomes a STRICT table of
 * SQLite: integer types, bool and timestamptz are INTEGER, text is TEXT, numeric and bytea are
 * BLOB. A primary key of one integer column is SQLite's rowid; any other key is an index. DEFAULTs
 * stay out of SQLite's schema: INSERT spells them out. */
#include "sql/ddl_model.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"

static enum status printed(struct binder *b, const char *prefix, uint64_t number, struct span *out)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%s%" PRIu64, prefix, number);
    *out = arena_copy(b->arena, span_text(text));
    return out->data == NULL ? bind_no_memory(b) : ST_OK;
}

enum status ddl_model_begin(struct binder *b, struct ddl_table *t, uint64_t id, struct span name)
{
    t->catalog.id = id;
    t->catalog.name = t->catalog.sqlite_name = name;
    t->catalog.has_own_names = b->exec_version >= DDL_OWN_NAMES_SINCE;
    if (!t->catalog.has_own_names) return ST_OK;
    return ddl_sqlite_name(b, &t->catalog, &t->catalog.sqlite_name);
}

enum status ddl_own_name(struct binder *b, uint64_t id, struct span *out)
{
    return printed(b, "t.", id, out);
}

/* Schemas whose names would look like those of ids. */
static bool is_like_own(struct span schema)
{
    const uint8_t first = schema.size == 1 ? schema.data[0] : 0;
    return first == 't' || first == 'i' || first == 'k';
}

enum status ddl_sqlite_name(struct binder *b, const struct catalog_table *t, struct span *out)
{
    const bool is_public = span_equal(t->schema, span_text("public"));
    const bool has_dot = memchr(t->name.data, '.', t->name.size) != NULL ||
                         memchr(t->schema.data, '.', t->schema.size) != NULL;
    struct buf text;
    const char *copy = NULL;
    buf_init(&text, b->arena->mem, 0);
    if (!is_public) {
        buf_put(&text, t->schema);
        buf_put_u8(&text, '.');
    }
    buf_put(&text, t->name);
    TRY(emit_finish(b, &text, &copy));
    *out = span_text(copy);
    if (!has_dot && !is_like_own(t->schema) && ddl_is_sqlite_free(b, *out, t->id)) return ST_OK;
    return ddl_own_name(b, t->id, out);
}

bool ddl_is_row_name(struct span name)
{
    static const char *const names[] = {"rowid", "_rowid_", "oid"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (ddl_is_same_folded(name, span_text(names[i]))) return true;
    return false;
}

enum status ddl_model_name_columns(struct binder *b, struct ddl_table *t)
{
    for (uint32_t i = 0; t->catalog.has_own_names && i < t->catalog.column_count; i++) {
        bool is_alone = !ddl_is_row_name(t->columns[i].name);
        for (uint32_t k = 0; k < t->catalog.column_count; k++)
            is_alone =
                is_alone && (k == i || !ddl_is_same_folded(t->columns[k].name, t->columns[i].name));
        t->columns[i].sqlite_name = (struct span){0};
        if (!is_alone) TRY(printed(b, "c.", i, &t->columns[i].sqlite_name));
    }
    return ST_OK;
}

/* --- names --------------------------------------------------------------------------------- */

static enum status join_names(struct binder *b,
                              const struct ddl_table *t,
                              const struct ddl_key *k,
                              struct span *out)
{
    struct buf text;
    const char *copy = NULL;
    buf_init(&text, b->arena->mem, 0);
    for (uint32_t i = 0; i < k->column_count; i++) {
        if (i > 0) buf_put_u8(&text, '_');
        buf_put(&text, t->columns[k->columns[i]].name);
    }
    TRY(emit_finish(b, &text, &copy));
    *out = span_text(copy);
    return ST_OK;
}

enum status ddl_model_name_key(struct binder *b, struct ddl_table *t, struct ddl_key *k)
{
    const bool is_index = k->kind == CATALOG_INDEX || k->kind == CATALOG_UNIQUE_INDEX;
    struct ddl_name_parts parts = {.table = t->catalog.name,
                                   .label = k->kind == CATALOG_PRIMARY ? "pkey"
                                            : is_index                 ? "idx"
                                                                       : "key"};
    if (k->name.size > 0) {
        if (ddl_is_taken(b, &t->names, k->name))
            return bind_fail(b, -1, "42P07", "relation \"%.*s\" already exists", (int)k->name.size,
                             (const char *)k->name.data);
        return ddl_take(b, &t->names, k->name);
    }
    if (k->kind != CATALOG_PRIMARY) TRY(join_names(b, t, k, &parts.columns));
    return ddl_choose_name(b, &t->names, &parts, &k->name);
}

/* The only column an expression uses; UINT32_MAX: none or several. */
static void only_column(const struct expr *e, uint32_t *column, uint32_t *count)
{
    if (e->kind == EXPR_COLUMN && (*count == 0 || *column != e->column)) {
        *column = e->column;
        ++*count;
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        only_column(e->args[i], column, count);
}

enum status ddl_model_name_check(struct binder *b, struct ddl_table *t, struct ddl_check *c)
{
    struct ddl_names *names = &t->constraints;
    if (c->name.size > 0) {
        for (uint32_t i = 0; i < names->count; i++)
            if (span_equal(names->taken[i], c->name))
                return bind_fail(b, -1, "42710", "check constraint \"%.*s\" already exists",
                                 (int)c->name.size, (const char *)c->name.data);
        return ddl_take(b, names, c->name);
    }
    uint32_t column = UINT32_MAX;
    uint32_t count = 0;
    only_column(c->expr, &column, &count);
    struct ddl_name_parts parts = {.table = t->catalog.name, .label = "check"};
    if (count == 1) parts.columns = t->columns[column].name;
    return ddl_choose_name(b, names, &parts, &c->name);
}

static enum status qualify_check(struct binder *b, const struct ddl_table *t, struct ddl_check *c)
{
    struct buf text;
    const char *copy = NULL;
    buf_init(&text, b->arena->mem, 0);
    if (t->catalog.has_own_names) {
        buf_printf(&text, "k.%" PRIu64, c->id);
    } else {
        buf_put(&text, t->catalog.sqlite_name);
        buf_put_u8(&text, '.');
        buf_put(&text, c->name);
    }
    TRY(emit_finish(b, &text, &copy));
    c->sqlite_name = span_text(copy);
    return ST_OK;
}

/* PostgreSQL checks constraints in the order of their names. */
static void sort_checks(struct ddl_table *t)
{
    for (uint32_t i = 1; i < t->check_count; i++) {
        struct ddl_check c = t->checks[i];
        uint32_t k = i;
        for (; k > 0 && span_compare(t->checks[k - 1].name, c.name) > 0; k--)
            t->checks[k] = t->checks[k - 1];
        t->checks[k] = c;
    }
}

enum status ddl_model_name_all(struct binder *b, struct ddl_table *t)
{
    TRY(ddl_take(b, &t->names, t->catalog.name));
    for (uint32_t i = 0; i < t->key_count; i++) /* PostgreSQL names the primary key first. */
        if (t->keys[i].kind == CATALOG_PRIMARY) TRY(ddl_model_name_key(b, t, &t->keys[i]));
    for (uint32_t i = 0; i < t->key_count; i++)
        if (t->keys[i].kind != CATALOG_PRIMARY) TRY(ddl_model_name_key(b, t, &t->keys[i]));
    for (uint32_t i = 0; i < t->check_count; i++)
        TRY(ddl_model_name_check(b, t, &t->checks[i]));
    return ST_OK;
}

enum status ddl_model_sort_checks(struct binder *b, struct ddl_table *t)
{
    sort_checks(t);
    for (uint32_t i = 0; i < t->check_count; i++)
        TRY(qualify_check(b, t, &t->checks[i]));
    return ST_OK;
}

enum status ddl_model_number(struct binder *b, struct ddl_table *t, uint64_t *next_id)
{
    sort_checks(t);
    for (uint32_t i = 0; i < t->key_count; i++)
        t->keys[i].id = (*next_id)++;
    for (uint32_t i = 0; i < t->key_count; i++)
        TRY(ddl_model_name_index(b, t, &t->keys[i]));
    for (uint32_t i = 0; i < t->check_count; i++)
        t->checks[i].id = (*next_id)++;
    for (uint32_t i = 0; i < t->foreign_count; i++)
        t->foreigns[i].id = (*next_id)++;
    return ddl_model_sort_checks(b, t);
}

/* --- steps --------------------------------------------------------------------------------- */

bool ddl_model_is_rowid(const struct ddl_table *t, const struct ddl_key *k)
{
    if (k->kind != CATALOG_PRIMARY || k->column_count != 1) return false;
    enum sql_type type = t->columns[k->columns[0]].type;
    return type == SQL_INT2 || type == SQL_INT4 || type == SQL_INT8;
}

static void emit_column(struct buf *text, const struct ddl_table *t, uint32_t column)
{
    const struct catalog_column *c = &t->columns[column];
    sql_put_name(text, c->sqlite_name.size > 0 ? c->sqlite_name : c->name);
}

static void emit_key(struct buf *text, const struct ddl_table *t, const struct ddl_key *k)
{
    buf_put_text(text, ", ");
    if (!t->catalog.has_own_names) {
        buf_put_text(text, "CONSTRAINT ");
        sql_put_name(text, k->name);
    }
    buf_put_text(text, k->kind == CATALOG_PRIMARY ? " PRIMARY KEY(" : " UNIQUE(");
    for (uint32_t i = 0; i < k->column_count; i++) {
        if (i > 0) buf_put_text(text, ", ");
        emit_column(text, t, k->columns[i]);
    }
    buf_put_u8(text, ')');
}

static bool is_inside(const struct ddl_table *t, const struct ddl_key *k)
{
    return t->catalog.has_own_names ? ddl_model_is_rowid(t, k)
                                    : k->kind == CATALOG_PRIMARY || k->kind == CATALOG_UNIQUE;
}

enum status ddl_model_create(struct binder *b, struct sql_statement *out, const struct ddl_table *t)
{
    struct buf text;
    ddl_step(b, &text);
    buf_put_text(&text, "CREATE TABLE ");
    sql_put_name(&text, t->catalog.sqlite_name);
    for (uint32_t i = 0; i < t->catalog.column_count; i++) {
        buf_put_text(&text, i == 0 ? "(" : ", ");
        emit_column(&text, t, i);
        buf_printf(&text, " %s%s", sql_type_column(t->columns[i].type),
                   t->columns[i].is_not_null ? " NOT NULL" : "");
    }
    for (uint32_t i = t->key_count; i > 0; i--) /* SQLite checks the last one first. */
        if (is_inside(t, &t->keys[i - 1])) emit_key(&text, t, &t->keys[i - 1]);
    for (uint32_t i = 0; i < t->check_count; i++) {
        buf_put_text(&text, ", CONSTRAINT ");
        sql_put_name(&text, t->checks[i].sqlite_name);
        buf_put_text(&text, " CHECK(");
        emit_expr(&text, t->checks[i].expr);
        buf_put_u8(&text, ')');
    }
    buf_put_text(&text, ") STRICT");
    return ddl_step_end(b, out, &text);
}

enum status ddl_model_name_index(struct binder *b, const struct ddl_table *t, struct ddl_key *k)
{
    bool is_free = span_equal(t->catalog.schema, span_text("public")) &&
                   memchr(k->name.data, '.', k->name.size) == NULL &&
                   ddl_is_sqlite_free(b, k->name, k->id) &&
                   !ddl_is_same_folded(k->name, t->catalog.sqlite_name);
    for (uint32_t i = 0; i < t->key_count; i++)
        is_free =
            is_free && (t->keys[i].id == k->id || !ddl_is_same_folded(t->keys[i].name, k->name));
    k->sqlite_name = k->name;
    return !t->catalog.has_own_names || is_free ? ST_OK : printed(b, "i.", k->id, &k->sqlite_name);
}

enum status ddl_model_index(struct binder *b,
                            struct sql_statement *out,
                            const struct ddl_table *t,
                            const struct ddl_key *k)
{
    const struct span name = k->sqlite_name.size > 0 ? k->sqlite_name : k->name;
    struct buf text;
    ddl_step(b, &text);
    buf_put_text(&text, k->kind == CATALOG_INDEX ? "CREATE INDEX " : "CREATE UNIQUE INDEX ");
    sql_put_name(&text, name);
    buf_put_text(&text, " ON ");
    sql_put_name(&text, t->catalog.sqlite_name);
    for (uint32_t i = 0; i < k->column_count; i++) {
        buf_put_text(&text, i == 0 ? "(" : ", ");
        if (k->columns[i] == CATALOG_EXPRESSION)
            emit_expr(&text, k->exprs[i]);
        else
            emit_column(&text, t, k->columns[i]);
        if ((k->options[i] & CATALOG_DESC) != 0) buf_put_text(&text, " DESC");
    }
    buf_put_u8(&text, ')');
    if (k->where != NULL) {
        buf_put_text(&text, " WHERE ");
        emit_expr(&text, k->where);
    }
    return ddl_step_end(b, out, &text);
}

enum status ddl_model_indexes(struct binder *b,
                              struct sql_statement *out,
                              const struct ddl_table *t)
{
    for (uint32_t i = t->key_count; i > 0; i--) /* SQLite checks the newest one first. */
        if (!is_inside(t, &t->keys[i - 1])) TRY(ddl_model_index(b, out, t, &t->keys[i - 1]));
    return ST_OK;
}

static enum status step_table_row(struct binder *b,
                                  struct sql_statement *out,
                                  const struct ddl_table *t)
{
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text,
               "INSERT INTO \"trustsql.tables\"(id, schema, name, sqlite_name, owner) VALUES "
               "(%" PRIu64 ", ",
               t->catalog.id);
    sql_put_text(&text, t->catalog.schema);
    buf_put_text(&text, ", ");
    sql_put_text(&text, t->catalog.name);
    buf_put_text(&text, ", ");
    sql_put_text(&text, t->catalog.sqlite_name);
    if (t->catalog.owner == 0)
        buf_put_text(&text, ", ?1)"); /* The account that runs the step. */
    else
        buf_printf(&text, ", %" PRIu64 ")", t->catalog.owner);
    return ddl_step_end(b, out, &text);
}

static enum status step_column_row(struct binder *b,
                                   struct sql_statement *out,
                                   const struct ddl_table *t,
                                   uint32_t column)
{
    const struct catalog_column *c = &t->columns[column];
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text,
               "INSERT INTO \"trustsql.columns\"(table_id, position, name, type, typmod, "
               "is_not_null, default_sql) VALUES (%" PRIu64 ", %u, ",
               t->catalog.id, column);
    sql_put_text(&text, c->name);
    buf_printf(&text, ", %d, %d, %d, ", (int)c->type, c->typmod, c->is_not_null ? 1 : 0);
    sql_put_text(&text, c->default_sql);
    buf_put_u8(&text, ')');
    return ddl_step_end(b, out, &text);
}

enum status ddl_put_property(struct binder *b,
                             struct sql_statement *out,
                             const struct ddl_property *p)
{
    struct buf text;
    ddl_step(b, &text);
    if (p->value.size == 0) {
        buf_printf(&text,
                   "DELETE FROM \"trustsql.properties\" WHERE object = %" PRIu64
                   " AND part = %u AND kind = '%s'",
                   p->object, p->part, p->kind);
        return ddl_step_end(b, out, &text);
    }
    buf_printf(&text,
               "INSERT OR REPLACE INTO \"trustsql.properties\"(object, part, kind, value) "
               "VALUES (%" PRIu64 ", %u, '%s', ",
               p->object, p->part, p->kind);
    sql_put_text(&text, p->value);
    buf_put_u8(&text, ')');
    return ddl_step_end(b, out, &text);
}

enum status ddl_model_key_row(struct binder *b,
                              struct sql_statement *out,
                              const struct ddl_table *t,
                              const struct ddl_key *k)
{
    struct ddl_index_row row = {.id = k->id,
                                .table_id = t->catalog.id,
                                .kind = k->kind,
                                .name = k->name,
                                .columns = k->columns,
                                .options =
                                    b->exec_version < DDL_OWN_NAMES_SINCE ? NULL : k->options,
                                .column_count = k->column_count};
    TRY(ddl_index_row(b, out, &row));
    struct ddl_property p = {.object = k->id, .kind = "sqlite_name"};
    if (k->sqlite_name.size > 0 && !span_equal(k->sqlite_name, k->name)) p.value = k->sqlite_name;
    if (p.value.size > 0 || sql_catalog_property(b->catalog, k->id, 0, p.kind).size > 0)
        TRY(ddl_put_property(b, out, &p));
    p = (struct ddl_property){.object = k->id, .kind = "predicate", .value = k->predicate};
    if (k->where != NULL) TRY(ddl_put_property(b, out, &p));
    for (uint32_t i = 0; i < k->column_count; i++) {
        if (k->columns[i] != CATALOG_EXPRESSION) continue;
        p = (struct ddl_property){
            .object = k->id, .part = i + 1, .kind = "expression", .value = k->texts[i]};
        TRY(ddl_put_property(b, out, &p));
    }
    return ST_OK;
}

enum status ddl_model_check_row(struct binder *b,
                                struct sql_statement *out,
                                const struct ddl_table *t,
                                const struct ddl_check *c)
{
    struct ddl_index_row row = {.id = c->id,
                                .table_id = t->catalog.id,
                                .kind = CATALOG_CHECK,
                                .name = c->name,
                                .definition = c->definition};
    return ddl_index_row(b, out, &row);
}

static enum status column_properties(struct binder *b,
                                     struct sql_statement *out,
                                     const struct ddl_table *t,
                                     uint32_t column)
{
    const struct catalog_column *c = &t->columns[column];
    struct ddl_property p = {.object = t->catalog.id, .part = column + 1};
    if (c->sqlite_name.size > 0 && !span_equal(c->sqlite_name, c->name)) {
        p.kind = "sqlite_name";
        p.value = c->sqlite_name;
        TRY(ddl_put_property(b, out, &p));
    }
    if (c->identity != 0) {
        p.kind = "identity";
        p.value = span_of(&c->identity, 1);
        TRY(ddl_put_property(b, out, &p));
    }
    if (c->generated.size == 0) return ST_OK;
    p.kind = "generated";
    p.value = c->generated;
    return ddl_put_property(b, out, &p);
}

enum status ddl_model_rows(struct binder *b, struct sql_statement *out, const struct ddl_table *t)
{
    const struct ddl_property form = {
        .object = t->catalog.id, .kind = "form", .value = span_text("4")};
    TRY(step_table_row(b, out, t));
    if (t->catalog.has_own_names) TRY(ddl_put_property(b, out, &form));
    for (uint32_t i = 0; i < t->catalog.column_count; i++) {
        TRY(step_column_row(b, out, t, i));
        TRY(column_properties(b, out, t, i));
    }
    for (uint32_t i = 0; i < t->key_count; i++)
        TRY(ddl_model_key_row(b, out, t, &t->keys[i]));
    for (uint32_t i = 0; i < t->check_count; i++)
        TRY(ddl_model_check_row(b, out, t, &t->checks[i]));
    for (uint32_t i = 0; i < t->foreign_count; i++)
        TRY(ddl_foreign_row(b, out, t, &t->foreigns[i]));
    return ST_OK;
}

/* --- serial -------------------------------------------------------------------------------- */

enum status ddl_model_add_serial(struct binder *b,
                                 struct ddl_table *t,
                                 uint32_t column,
                                 const PgQuery__Constraint *identity)
{
    struct catalog_column *c = &t->columns[column];
    struct ddl_sequence s = {.schema = t->catalog.schema, .type = c->type, .column = column};
    struct ddl_name_parts parts = {.table = t->catalog.name, .columns = c->name, .label = "seq"};
    TRY(ddl_sequence_options(b, &s, identity == NULL ? NULL : identity->options,
                             identity == NULL ? 0 : identity->n_options));
    if (s.name.size == 0)
        TRY(ddl_choose_name(b, &t->names, &parts, &s.name));
    else if (ddl_is_taken(b, &t->names, s.name))
        return bind_fail(b, -1, "42P07", "relation \"%.*s\" already exists", (int)s.name.size,
                         (const char *)s.name.data);
    TRY(ddl_sequence_default(b, &s, &c->default_sql));
    c->is_not_null = true;
    t->serials = bind_grow(b, t->serials, t->serial_count, sizeof *t->serials);
    if (t->serials == NULL) return bind_no_memory(b);
    t->serials[t->serial_count++] = s;
    return ST_OK;
}

enum status ddl_model_serials(struct binder *b,
                              struct sql_statement *out,
                              struct ddl_table *t,
                              uint64_t *next_id)
{
    for (uint32_t i = 0; i < t->serial_count; i++) {
        t->serials[i].id = (*next_id)++;
        t->serials[i].table_id = t->catalog.id;
        TRY(ddl_sequence_steps(b, out, &t->serials[i]));
    }
    return ST_OK;
}

/* --- expressions over a table -------------------------------------------------------------- */

enum status ddl_bind_expr(struct binder *b,
                          struct expr **out,
                          const struct catalog_table *t,
                          const PgQuery__Node *n,
                          bool is_alone)
{
    struct source *source = NULL;
    struct scope scope = {0};
    struct buf name;
    TRY(bind_table_source(b, &source, t, (struct span){0}));
    buf_init(&name, b->arena->mem, 0);
    if (!is_alone) sql_put_name(&name, t->sqlite_name);
    TRY(emit_finish(b, &name, &source->reference));
    TRY(bind_scope_add(b, &scope, source));
    struct scope *before = b->scope;
    /* cppcheck-suppress autoVariables; put back below, and a binder that failed is not used again
     */
    b->scope = &scope;
    if (b->clause != CLAUSE_GENERATED) b->clause = CLAUSE_CHECK;
    b->keep_literals++;
    TRY(bind_expr(b, out, n));
    b->keep_literals--;
    b->clause = CLAUSE_NONE;
    b->scope = before;
    return ST_OK;
}

enum status ddl_parse_expr(struct binder *b, struct span text, const PgQuery__Node **out)
{
    struct buf select;
    const char *copy = NULL;
    PgQuery__ParseResult *tree = NULL;
    buf_init(&select, b->arena->mem, 0);
    buf_put_text(&select, "SELECT ");
    buf_put(&select, text);
    TRY(emit_finish(b, &select, &copy));
    TRY(parse_tree(&tree, b->arena, span_text(copy), b->diag));
    must(tree->n_stmts == 1);
    const PgQuery__SelectStmt *s = tree->stmts[0]->stmt->select_stmt;
    must(s->n_target_list == 1);
    *out = s->target_list[0]->res_target->val;
    return ST_OK;
}
