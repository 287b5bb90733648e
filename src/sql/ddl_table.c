/* CREATE TABLE. The table becomes a STRICT table of SQLite: integer types, bool and timestamptz are
 * INTEGER, text is TEXT, numeric and bytea are BLOB. A primary key of one integer column is
 * SQLite's rowid; any other key is an index. DEFAULTs stay out of SQLite's schema: INSERT spells
 * them out. */
#include <inttypes.h>

#include "base/must.h"
#include "sql/ddl_int.h"

struct key { /* PRIMARY KEY, UNIQUE. */
    enum catalog_index_kind kind;
    struct span name;
    uint32_t columns[CATALOG_KEY_COLUMNS_MAX];
    uint32_t column_count;
};

struct check {
    struct span name;
    struct span sqlite_name; /* "table.name": other tables may use the same name. */
    struct span definition;
    struct expr *expr;
};

struct table {
    struct catalog_table catalog; /* As the binder will see it. */
    struct catalog_column *columns;
    struct key *keys;
    struct check *checks;
    uint32_t key_count;
    uint32_t check_count;
    struct ddl_names names;
};

/* --- columns ------------------------------------------------------------------------------- */

static enum status find(struct binder *b,
                        const struct table *t,
                        const PgQuery__Node *name,
                        uint32_t *column)
{
    struct span text = bind_string(name);
    for (uint32_t i = 0; i < t->catalog.column_count; i++) {
        if (!span_equal(t->columns[i].name, text)) continue;
        *column = i;
        return ST_OK;
    }
    return bind_fail(b, -1, "42703", "column \"%.*s\" named in key does not exist", (int)text.size,
                     (const char *)text.data);
}

static bool is_same_but_case(struct span a, struct span b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++) {
        bool is_letter = (a.data[i] | 0x20u) >= 'a' && (a.data[i] | 0x20u) <= 'z';
        if (a.data[i] != b.data[i] && !(is_letter && (a.data[i] ^ b.data[i]) == 0x20u))
            return false;
    }
    return true;
}

static enum status check_column_name(struct binder *b,
                                     const struct table *t,
                                     struct span name,
                                     int32_t position)
{
    if (bind_is_system_column(name))
        return bind_fail(b, -1, "42701", "column name \"%.*s\" conflicts with a system column name",
                         (int)name.size, (const char *)name.data);
    for (uint32_t i = 0; i < t->catalog.column_count; i++) {
        if (span_equal(t->columns[i].name, name))
            return bind_fail(b, -1, "42701", "column \"%.*s\" specified more than once",
                             (int)name.size, (const char *)name.data);
        if (is_same_but_case(t->columns[i].name, name))
            return bind_unsupported(
                b, position, "names that differ only in upper and lower case are not supported",
                "Choose another name.");
    }
    return ST_OK;
}

static enum status add_column(struct binder *b, struct table *t, const PgQuery__ColumnDef *d)
{
    struct span name = bind_cstring(d->colname);
    TRY(check_column_name(b, t, name, d->location));
    if (t->catalog.column_count >= SQL_COLUMNS_MAX)
        return bind_fail(b, d->location, "54011", "tables can have at most %u columns",
                         SQL_COLUMNS_MAX);
    struct catalog_column c = {.name = name, .is_not_null = d->is_not_null != 0};
    TRY(bind_type(b, d->type_name, &c.type, &c.typmod));
    if (d->coll_clause != NULL) {
        struct span collation = {0};
        if (d->coll_clause->n_collname > 0)
            collation = bind_string(d->coll_clause->collname[d->coll_clause->n_collname - 1]);
        if (!span_equal(collation, span_text("C")) && !span_equal(collation, span_text("default")))
            return bind_unsupported(b, d->coll_clause->location, "the only collation is \"C\"",
                                    "Text is ordered by its bytes on every node.");
    }
    t->columns = bind_grow(b, t->columns, t->catalog.column_count, sizeof *t->columns);
    if (t->columns == NULL) return bind_no_memory(b);
    t->columns[t->catalog.column_count++] = c;
    t->catalog.columns = t->columns;
    return ST_OK;
}

/* --- constraints --------------------------------------------------------------------------- */

static enum status check_key_options(struct binder *b, const PgQuery__Constraint *c)
{
    if (c->deferrable || c->initdeferred)
        return bind_unsupported(b, c->location, "DEFERRABLE constraints are not supported", NULL);
    if (c->nulls_not_distinct)
        return bind_unsupported(b, c->location, "NULLS NOT DISTINCT is not supported", NULL);
    if (c->n_including > 0 || c->n_options > 0 || (c->indexname != NULL && c->indexname[0] != 0) ||
        (c->indexspace != NULL && c->indexspace[0] != 0))
        return bind_unsupported(b, c->location, "options of a key are not supported", NULL);
    return ST_OK;
}

static enum status add_key_column(struct binder *b, struct table *t, struct key *k, uint32_t column)
{
    must(t->columns != NULL);
    const struct catalog_column *c = &t->columns[column];
    for (uint32_t i = 0; i < k->column_count; i++)
        if (k->columns[i] == column)
            return bind_fail(b, -1, "42701", "column \"%.*s\" appears twice in %s constraint",
                             (int)c->name.size, (const char *)c->name.data,
                             k->kind == CATALOG_PRIMARY ? "primary key" : "unique");
    if (k->column_count == CATALOG_KEY_COLUMNS_MAX)
        return bind_fail(b, -1, "54011", "cannot use more than %u columns in an index",
                         CATALOG_KEY_COLUMNS_MAX);
    if (c->type == SQL_NUMERIC && c->typmod < 0)
        return bind_unsupported(b, -1, "a key over numeric without precision is not supported",
                                "Use numeric(p,s): then equal values are equal bytes.");
    k->columns[k->column_count++] = column;
    if (k->kind == CATALOG_PRIMARY) t->columns[column].is_not_null = true;
    return ST_OK;
}

static bool has_primary(const struct table *t)
{
    for (uint32_t i = 0; i < t->key_count; i++)
        if (t->keys[i].kind == CATALOG_PRIMARY) return true;
    return false;
}

/* column: of a column constraint; UINT32_MAX: of the table. */
static enum status add_key(struct binder *b,
                           struct table *t,
                           const PgQuery__Constraint *c,
                           uint32_t column)
{
    bool is_primary = c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;
    TRY(check_key_options(b, c));
    if (is_primary && has_primary(t))
        return bind_fail(b, c->location, "42P16",
                         "multiple primary keys for table \"%.*s\" are not allowed",
                         (int)t->catalog.name.size, (const char *)t->catalog.name.data);
    t->keys = bind_grow(b, t->keys, t->key_count, sizeof *t->keys);
    if (t->keys == NULL) return bind_no_memory(b);
    struct key *k = &t->keys[t->key_count++];
    *k = (struct key){.kind = is_primary ? CATALOG_PRIMARY : CATALOG_UNIQUE,
                      .name = bind_cstring(c->conname)};
    if (column != UINT32_MAX) return add_key_column(b, t, k, column);
    for (size_t i = 0; i < c->n_keys; i++) {
        uint32_t found = 0;
        TRY(find(b, t, c->keys[i], &found));
        TRY(add_key_column(b, t, k, found));
    }
    return ST_OK;
}

static enum status add_check(struct binder *b, struct table *t, const PgQuery__Constraint *c)
{
    struct source *source = NULL;
    struct scope scope = {0};
    TRY(bind_table_source(b, &source, &t->catalog, (struct span){0}));
    struct buf name;
    buf_init(&name, b->arena->mem, 0);
    emit_name(&name, t->catalog.sqlite_name);
    TRY(emit_finish(b, &name, &source->reference));
    TRY(bind_scope_add(b, &scope, source));
    t->checks = bind_grow(b, t->checks, t->check_count, sizeof *t->checks);
    if (t->checks == NULL) return bind_no_memory(b);
    struct check *check = &t->checks[t->check_count++];
    *check = (struct check){.name = bind_cstring(c->conname)};
    /* cppcheck-suppress autoVariables; put back below, and a binder that failed is not used again
     */
    b->scope = &scope;
    b->clause = CLAUSE_CHECK;
    TRY(bind_expr(b, &check->expr, c->raw_expr));
    b->clause = CLAUSE_NONE;
    b->scope = NULL;
    TRY(bind_condition(b, &check->expr, "CHECK"));
    if (check->expr->is_stable)
        return bind_unsupported(b, c->location,
                                "functions that depend on time or user are not supported in CHECK",
                                NULL);
    return ddl_deparse(b, c->raw_expr, &check->definition);
}

static enum status add_default(struct binder *b,
                               struct table *t,
                               const PgQuery__Constraint *c,
                               uint32_t column)
{
    must(t->columns != NULL);
    struct catalog_column *target = &t->columns[column];
    if (target->default_sql.size > 0)
        return bind_fail(b, c->location, "42601",
                         "multiple default values specified for column \"%.*s\" of table \"%.*s\"",
                         (int)target->name.size, (const char *)target->name.data,
                         (int)t->catalog.name.size, (const char *)t->catalog.name.data);
    struct expr *e = NULL;
    b->clause = CLAUSE_DEFAULT;
    TRY(bind_expr(b, &e, c->raw_expr));
    b->clause = CLAUSE_NONE;
    if (!type_can_coerce(e->type, target->type, SQL_CAST_ASSIGNMENT)) {
        (void)bind_fail(b, e->position, "42804",
                        "column \"%.*s\" is of type %s but default expression is of type %s",
                        (int)target->name.size, (const char *)target->name.data,
                        bind_type_name(b, target->type), bind_type_name(b, e->type));
        diag_hint(b->diag, "You will need to rewrite or cast the expression.");
        return ST_INVALID;
    }
    struct coercion to = {.type = target->type,
                          .typmod = target->typmod,
                          .context = SQL_CAST_ASSIGNMENT,
                          .column = target->name};
    TRY(bind_coerce(b, &e, &to));
    return ddl_deparse(b, c->raw_expr, &target->default_sql);
}

static enum status unsupported_constraint(struct binder *b, const PgQuery__Constraint *c)
{
    bool is_foreign = c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN;
    bool is_identity = c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY ||
                       c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED;
    return bind_unsupported(b, c->location,
                            is_foreign    ? "foreign keys are not supported"
                            : is_identity ? "generated columns are not supported"
                                          : "this kind of constraint is not supported",
                            is_foreign    ? "Check with EXISTS in the statement that writes."
                            : is_identity ? "Give the values in INSERT."
                                          : NULL);
}

static enum status column_constraint(struct binder *b,
                                     struct table *t,
                                     const PgQuery__Constraint *c,
                                     uint32_t column)
{
    must(t->columns != NULL);
    switch ((int)c->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_NULL: return ST_OK;
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL: t->columns[column].is_not_null = true; return ST_OK;
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT: return add_default(b, t, c, column);
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE: return add_key(b, t, c, column);
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK: return ST_OK; /* When all columns are known. */
    default: return unsupported_constraint(b, c);
    }
}

static enum status table_constraint(struct binder *b, struct table *t, const PgQuery__Constraint *c)
{
    switch ((int)c->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE: return add_key(b, t, c, UINT32_MAX);
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK: return ST_OK;
    default: return unsupported_constraint(b, c);
    }
}

static enum status check_null(struct binder *b,
                              const PgQuery__CreateStmt *s,
                              const PgQuery__ColumnDef *column)
{
    bool is_null = false;
    bool is_not_null = false;
    for (size_t i = 0; i < column->n_constraints; i++) {
        const PgQuery__Constraint *c = column->constraints[i]->constraint;
        is_null = is_null || c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NULL;
        is_not_null = is_not_null || c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL;
        if (is_null && is_not_null)
            return bind_fail(b, c->location, "42601",
                             "conflicting NULL/NOT NULL declarations for column \"%s\" of table "
                             "\"%s\"",
                             column->colname, s->relation->relname);
    }
    return ST_OK;
}

static enum status bind_columns(struct binder *b, struct table *t, const PgQuery__CreateStmt *s)
{
    for (size_t i = 0; i < s->n_table_elts; i++) {
        const PgQuery__Node *n = s->table_elts[i];
        if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
            TRY(add_column(b, t, n->column_def));
        else if (n->node_case != PG_QUERY__NODE__NODE_CONSTRAINT)
            return bind_unsupported(b, -1, "LIKE in CREATE TABLE is not supported",
                                    "Write the columns out.");
    }
    uint32_t column = 0;
    for (size_t i = 0; i < s->n_table_elts; i++) {
        const PgQuery__Node *n = s->table_elts[i];
        if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_DEF) continue;
        TRY(check_null(b, s, n->column_def));
        for (size_t k = 0; k < n->column_def->n_constraints; k++)
            TRY(column_constraint(b, t, n->column_def->constraints[k]->constraint, column));
        column++;
    }
    for (size_t i = 0; i < s->n_table_elts; i++)
        if (s->table_elts[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
            TRY(table_constraint(b, t, s->table_elts[i]->constraint));
    return ST_OK;
}

static bool is_check(const PgQuery__Constraint *c)
{
    return c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_CHECK;
}

static enum status bind_checks(struct binder *b, struct table *t, const PgQuery__CreateStmt *s)
{
    for (size_t i = 0; i < s->n_table_elts; i++) {
        const PgQuery__Node *n = s->table_elts[i];
        if (n->node_case == PG_QUERY__NODE__NODE_CONSTRAINT) {
            if (is_check(n->constraint)) TRY(add_check(b, t, n->constraint));
            continue;
        }
        for (size_t k = 0; k < n->column_def->n_constraints; k++)
            if (is_check(n->column_def->constraints[k]->constraint))
                TRY(add_check(b, t, n->column_def->constraints[k]->constraint));
    }
    return ST_OK;
}

/* --- names --------------------------------------------------------------------------------- */

static enum status join_names(struct binder *b,
                              const struct table *t,
                              const struct key *k,
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

static enum status name_key(struct binder *b, struct table *t, struct key *k)
{
    struct ddl_name_parts parts = {.table = t->catalog.name,
                                   .label = k->kind == CATALOG_PRIMARY ? "pkey" : "key"};
    if (k->name.size > 0) {
        if (ddl_is_taken(b, &t->names, k->name))
            return bind_fail(b, -1, "42P07", "relation \"%.*s\" already exists", (int)k->name.size,
                             (const char *)k->name.data);
        return ddl_take(b, &t->names, k->name);
    }
    if (k->kind == CATALOG_UNIQUE) TRY(join_names(b, t, k, &parts.columns));
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

static enum status name_check(struct binder *b,
                              struct table *t,
                              struct ddl_names *names,
                              struct check *c)
{
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

static enum status qualify_check(struct binder *b, const struct table *t, struct check *c)
{
    struct buf text;
    const char *copy = NULL;
    buf_init(&text, b->arena->mem, 0);
    buf_put(&text, t->catalog.sqlite_name);
    buf_put_u8(&text, '.');
    buf_put(&text, c->name);
    TRY(emit_finish(b, &text, &copy));
    c->sqlite_name = span_text(copy);
    return ST_OK;
}

/* PostgreSQL checks constraints in the order of their names. */
static void sort_checks(struct table *t)
{
    for (uint32_t i = 1; i < t->check_count; i++) {
        struct check c = t->checks[i];
        uint32_t k = i;
        for (; k > 0 && span_compare(t->checks[k - 1].name, c.name) > 0; k--)
            t->checks[k] = t->checks[k - 1];
        t->checks[k] = c;
    }
}

static enum status name_all(struct binder *b, struct table *t)
{
    struct ddl_names constraints = {0};
    TRY(ddl_take(b, &t->names, t->catalog.name));
    for (uint32_t i = 0; i < t->key_count; i++) /* PostgreSQL names the primary key first. */
        if (t->keys[i].kind == CATALOG_PRIMARY) TRY(name_key(b, t, &t->keys[i]));
    for (uint32_t i = 0; i < t->key_count; i++)
        if (t->keys[i].kind != CATALOG_PRIMARY) TRY(name_key(b, t, &t->keys[i]));
    for (uint32_t i = 0; i < t->check_count; i++)
        TRY(name_check(b, t, &constraints, &t->checks[i]));
    for (uint32_t i = 0; i < t->check_count; i++)
        TRY(qualify_check(b, t, &t->checks[i]));
    sort_checks(t);
    return ST_OK;
}

/* --- steps --------------------------------------------------------------------------------- */

static const char *sqlite_type(enum sql_type type)
{
    switch (type) {
    case SQL_BOOL:
    case SQL_INT2:
    case SQL_INT4:
    case SQL_INT8:
    case SQL_TIMESTAMPTZ: return "INTEGER";
    case SQL_TEXT: return "TEXT";
    case SQL_BYTEA:
    case SQL_NUMERIC: return "BLOB";
    case SQL_UNKNOWN:
    case SQL_VOID: break;
    }
    must(false); /* No column has this type. */
    return "";
}

static void emit_key(struct buf *text, const struct table *t, const struct key *k)
{
    buf_put_text(text, ", CONSTRAINT ");
    emit_name(text, k->name);
    buf_put_text(text, k->kind == CATALOG_PRIMARY ? " PRIMARY KEY(" : " UNIQUE(");
    for (uint32_t i = 0; i < k->column_count; i++) {
        if (i > 0) buf_put_text(text, ", ");
        emit_name(text, t->columns[k->columns[i]].name);
    }
    buf_put_u8(text, ')');
}

static enum status step_create(struct binder *b, struct sql_statement *out, const struct table *t)
{
    struct buf text;
    ddl_step(b, &text);
    buf_put_text(&text, "CREATE TABLE ");
    emit_name(&text, t->catalog.sqlite_name);
    for (uint32_t i = 0; i < t->catalog.column_count; i++) {
        buf_put_text(&text, i == 0 ? "(" : ", ");
        emit_name(&text, t->columns[i].name);
        buf_printf(&text, " %s%s", sqlite_type(t->columns[i].type),
                   t->columns[i].is_not_null ? " NOT NULL" : "");
    }
    for (uint32_t i = t->key_count; i > 0; i--) /* SQLite checks the last one first. */
        emit_key(&text, t, &t->keys[i - 1]);
    for (uint32_t i = 0; i < t->check_count; i++) {
        buf_put_text(&text, ", CONSTRAINT ");
        emit_name(&text, t->checks[i].sqlite_name);
        buf_put_text(&text, " CHECK(");
        emit_expr(&text, t->checks[i].expr);
        buf_put_u8(&text, ')');
    }
    buf_put_text(&text, ") STRICT");
    return ddl_step_end(b, out, &text);
}

static enum status step_table_row(struct binder *b,
                                  struct sql_statement *out,
                                  const struct table *t)
{
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text,
               "INSERT INTO \"trustsql.tables\"(id, schema, name, sqlite_name, owner) VALUES "
               "(%" PRIu64 ", 'public', ",
               t->catalog.id);
    emit_text(&text, t->catalog.name);
    buf_put_text(&text, ", ");
    emit_text(&text, t->catalog.sqlite_name);
    buf_put_text(&text, ", ?1)"); /* The account that runs the step. */
    return ddl_step_end(b, out, &text);
}

static enum status step_column_row(struct binder *b,
                                   struct sql_statement *out,
                                   const struct table *t,
                                   uint32_t column)
{
    const struct catalog_column *c = &t->columns[column];
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text,
               "INSERT INTO \"trustsql.columns\"(table_id, position, name, type, typmod, "
               "is_not_null, default_sql) VALUES (%" PRIu64 ", %u, ",
               t->catalog.id, column);
    emit_text(&text, c->name);
    buf_printf(&text, ", %d, %d, %d, ", (int)c->type, c->typmod, c->is_not_null ? 1 : 0);
    emit_text(&text, c->default_sql);
    buf_put_u8(&text, ')');
    return ddl_step_end(b, out, &text);
}

static enum status add_steps(struct binder *b, struct sql_statement *out, const struct table *t)
{
    uint64_t next_id = t->catalog.id + 1;
    TRY(step_create(b, out, t));
    TRY(step_table_row(b, out, t));
    for (uint32_t i = 0; i < t->catalog.column_count; i++)
        TRY(step_column_row(b, out, t, i));
    for (uint32_t i = 0; i < t->key_count; i++) {
        const struct key *k = &t->keys[i];
        struct ddl_index_row row = {.id = next_id++,
                                    .table_id = t->catalog.id,
                                    .kind = k->kind,
                                    .name = k->name,
                                    .columns = k->columns,
                                    .column_count = k->column_count};
        TRY(ddl_index_row(b, out, &row));
    }
    for (uint32_t i = 0; i < t->check_count; i++) {
        struct ddl_index_row row = {.id = next_id++,
                                    .table_id = t->catalog.id,
                                    .kind = CATALOG_CHECK,
                                    .name = t->checks[i].name,
                                    .definition = t->checks[i].definition};
        TRY(ddl_index_row(b, out, &row));
    }
    return ddl_finish(b, out, next_id);
}

/* --- entry --------------------------------------------------------------------------------- */

static enum status check_create(struct binder *b, const PgQuery__CreateStmt *s)
{
    const char *persistence = s->relation->relpersistence;
    if (persistence != NULL && persistence[0] != 0 && persistence[0] != 'p')
        return bind_unsupported(b, s->relation->location,
                                "temporary and unlogged tables are not supported",
                                "Every table is part of the chain's state.");
    if (s->n_inh_relations > 0 || s->partbound != NULL || s->partspec != NULL ||
        s->of_typename != NULL)
        return bind_unsupported(b, s->relation->location,
                                "inheritance, partitions and typed tables are not supported", NULL);
    if (s->n_options > 0 || (s->tablespacename != NULL && s->tablespacename[0] != 0) ||
        (s->access_method != NULL && s->access_method[0] != 0))
        return bind_unsupported(b, s->relation->location, "storage options are not supported",
                                "Leave them out.");
    return ddl_check_schema(b, s->relation);
}

enum status compile_create_table(struct binder *b,
                                 struct sql_statement *out,
                                 const PgQuery__Node *n)
{
    const PgQuery__CreateStmt *s = n->create_stmt;
    struct table t = {0};
    out->kind = SQL_KIND_CREATE_TABLE;
    out->tag = "CREATE TABLE";
    TRY(check_create(b, s));
    t.catalog.name = t.catalog.sqlite_name = bind_cstring(s->relation->relname);
    t.catalog.id = sql_catalog_next_id(b->catalog);
    t.catalog.schema = span_text("public");
    bool is_taken = ddl_is_taken(b, &t.names, t.catalog.name);
    if (is_taken && s->if_not_exists) {
        ddl_skip(b, out, "relation", t.catalog.name);
        return ST_OK;
    }
    if (!is_taken) TRY(ddl_check_name(b, t.catalog.name, s->relation->location));
    TRY(bind_columns(b, &t, s));
    if (is_taken)
        return bind_fail(b, -1, "42P07", "relation \"%s\" already exists", s->relation->relname);
    if (t.catalog.column_count == 0)
        return bind_unsupported(b, s->relation->location,
                                "a table without columns is not supported", NULL);
    TRY(bind_checks(b, &t, s));
    TRY(name_all(b, &t));
    return add_steps(b, out, &t);
}
