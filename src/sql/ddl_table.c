/* CREATE TABLE: columns and constraints from the tree into the model (ddl_model.h). */
#include "base/must.h"
#include "sql/ddl_model.h"

/* --- columns ------------------------------------------------------------------------------- */

static enum status find(struct binder *b,
                        const struct ddl_table *t,
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
                                     const struct ddl_table *t,
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
        if (!t->catalog.has_own_names && is_same_but_case(t->columns[i].name, name))
            return bind_unsupported(
                b, position, "names that differ only in upper and lower case are not supported",
                "Choose another name.");
    }
    return ST_OK;
}

static bool serial_type(const PgQuery__TypeName *n, enum sql_type *type)
{
    static const struct {
        const char *names[2];
        enum sql_type type;
    } kinds[] = {{{"smallserial", "serial2"}, SQL_INT2},
                 {{"serial", "serial4"}, SQL_INT4},
                 {{"bigserial", "serial8"}, SQL_INT8}};
    if (n->n_names != 1 || n->n_array_bounds > 0 || n->n_typmods > 0) return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (size_t k = 0; k < 2; k++) {
            if (!span_equal(bind_string(n->names[0]), span_text(kinds[i].names[k]))) continue;
            *type = kinds[i].type;
            return true;
        }
    return false;
}

enum status ddl_model_add_column(struct binder *b, struct ddl_table *t, const PgQuery__ColumnDef *d)
{
    struct span name = bind_cstring(d->colname);
    TRY(check_column_name(b, t, name, d->location));
    if (t->catalog.column_count >= SQL_COLUMNS_MAX)
        return bind_fail(b, d->location, "54011", "tables can have at most %u columns",
                         SQL_COLUMNS_MAX);
    struct catalog_column c = {.name = name, .is_not_null = d->is_not_null != 0, .typmod = -1};
    const bool is_serial =
        b->exec_version >= DDL_OWN_NAMES_SINCE && serial_type(d->type_name, &c.type);
    if (!is_serial) TRY(bind_type(b, d->type_name, &c.type, &c.typmod));
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
    if (!is_serial) return ST_OK;
    return ddl_model_add_serial(b, t, t->catalog.column_count - 1, NULL);
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

static enum status add_key_column(struct binder *b,
                                  struct ddl_table *t,
                                  struct ddl_key *k,
                                  uint32_t column)
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
    const bool has_forms = c->type == SQL_INTERVAL || c->type == SQL_JSONB;
    if (has_forms && k->kind == CATALOG_PRIMARY)
        return bind_unsupported(b, -1, "a primary key over interval or jsonb is not supported",
                                "Use UNIQUE: '1 day' and '24 hours' are one key in two forms.");
    if (sql_type_is_array(c->type) && !sql_type_is_canonical(c->type))
        return bind_unsupported(b, -1, "a key over an array of this type is not supported",
                                "Equal elements may be different bytes.");
    if (c->type == SQL_JSON) {
        (void)bind_fail(b, -1, "42704",
                        "data type json has no default operator class for access method \"btree\"");
        return ST_INVALID;
    }
    k->columns[k->column_count++] = column;
    if (k->kind == CATALOG_PRIMARY) t->columns[column].is_not_null = true;
    return ST_OK;
}

static bool has_primary(const struct ddl_table *t)
{
    for (uint32_t i = 0; i < t->key_count; i++)
        if (t->keys[i].kind == CATALOG_PRIMARY) return true;
    return false;
}

/* column: of a column constraint; UINT32_MAX: of the table. */
static enum status add_key(struct binder *b,
                           struct ddl_table *t,
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
    struct ddl_key *k = &t->keys[t->key_count++];
    *k = (struct ddl_key){.kind = is_primary ? CATALOG_PRIMARY : CATALOG_UNIQUE,
                          .name = bind_cstring(c->conname)};
    if (column != UINT32_MAX) return add_key_column(b, t, k, column);
    for (size_t i = 0; i < c->n_keys; i++) {
        uint32_t found = 0;
        TRY(find(b, t, c->keys[i], &found));
        TRY(add_key_column(b, t, k, found));
    }
    return ST_OK;
}

enum status ddl_model_add_check(struct binder *b, struct ddl_table *t, const PgQuery__Constraint *c)
{
    t->checks = bind_grow(b, t->checks, t->check_count, sizeof *t->checks);
    if (t->checks == NULL) return bind_no_memory(b);
    struct ddl_check *check = &t->checks[t->check_count++];
    *check = (struct ddl_check){.name = bind_cstring(c->conname)};
    TRY(ddl_bind_expr(b, &check->expr, &t->catalog, c->raw_expr, false));
    TRY(bind_condition(b, &check->expr, "CHECK"));
    if (check->expr->is_stable)
        return bind_unsupported(b, c->location,
                                "functions that depend on time or user are not supported in CHECK",
                                NULL);
    return ddl_deparse(b, c->raw_expr, &check->definition);
}

static enum status add_default(struct binder *b,
                               struct ddl_table *t,
                               const PgQuery__Constraint *c,
                               uint32_t column)
{
    must(t->columns != NULL);
    struct catalog_column *target = &t->columns[column];
    if (target->generated.size > 0)
        return bind_fail(b, c->location, "42601",
                         "both default and generation expression specified for column \"%.*s\" "
                         "of table \"%.*s\"",
                         (int)target->name.size, (const char *)target->name.data,
                         (int)t->catalog.name.size, (const char *)t->catalog.name.data);
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
    TRY(ddl_deparse(b, c->raw_expr, &target->default_sql));
    return bind_sequence_default(b, c->raw_expr, &target->default_sql);
}

static enum status unsupported_constraint(struct binder *b, const PgQuery__Constraint *c)
{
    bool is_foreign = c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN;
    if (is_foreign && b->exec_version >= DDL_OWN_NAMES_SINCE) return ST_OK; /* When all is known. */
    bool is_identity = c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY;
    return bind_unsupported(b, c->location,
                            is_foreign    ? "foreign keys are not supported"
                            : is_identity ? "generated columns are not supported"
                                          : "this kind of constraint is not supported",
                            is_foreign    ? "Check with EXISTS in the statement that writes."
                            : is_identity ? "Give the values in INSERT."
                                          : NULL);
}

static enum status add_identity(struct binder *b,
                                struct ddl_table *t,
                                const PgQuery__Constraint *c,
                                uint32_t column)
{
    struct catalog_column *target = &t->columns[column];
    if (b->exec_version < DDL_OWN_NAMES_SINCE) return unsupported_constraint(b, c);
    if (target->identity != 0 || target->default_sql.size > 0)
        return bind_fail(b, c->location, "42601",
                         "both default and identity specified for column \"%.*s\" of table "
                         "\"%.*s\"",
                         (int)target->name.size, (const char *)target->name.data,
                         (int)t->catalog.name.size, (const char *)t->catalog.name.data);
    if (target->type != SQL_INT2 && target->type != SQL_INT4 && target->type != SQL_INT8)
        return bind_fail(b, -1, "22023",
                         "identity column type must be smallint, integer, or bigint");
    TRY(ddl_model_add_serial(b, t, column, c));
    target->identity = c->generated_when[0];
    return ST_OK;
}

enum status ddl_model_column_constraint(struct binder *b,
                                        struct ddl_table *t,
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
    case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY: return add_identity(b, t, c, column);
    case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED: return ddl_generated_add(b, t, c, column);
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE:
        if (b->exec_version >= DDL_OWN_NAMES_SINCE) return ST_OK; /* Of the constraint before. */
        return unsupported_constraint(b, c);
    default: return unsupported_constraint(b, c);
    }
}

enum status ddl_model_table_constraint(struct binder *b,
                                       struct ddl_table *t,
                                       const PgQuery__Constraint *c)
{
    switch ((int)c->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE: return add_key(b, t, c, UINT32_MAX);
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK: return ST_OK;
    default: return unsupported_constraint(b, c);
    }
}

/* Words that follow a constraint of a column: they change what came before. */
static bool is_attribute(const PgQuery__Constraint *c)
{
    return c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE ||
           c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE ||
           c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED ||
           c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE;
}

static void set_attribute(PgQuery__Constraint *of, const PgQuery__Constraint *attribute)
{
    const bool is_deferred = attribute->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED;
    if (attribute->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE || is_deferred)
        of->deferrable = 1;
    if (is_deferred) of->initdeferred = 1;
}

enum status ddl_model_column_foreigns(struct binder *b,
                                      struct ddl_table *t,
                                      const PgQuery__ColumnDef *d,
                                      uint32_t column)
{
    for (size_t i = 0; i < d->n_constraints; i++) {
        PgQuery__Constraint c = *d->constraints[i]->constraint;
        if (is_attribute(&c)) continue;
        for (size_t k = i + 1; k < d->n_constraints && is_attribute(d->constraints[k]->constraint);
             k++)
            set_attribute(&c, d->constraints[k]->constraint);
        if (c.contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
            TRY(ddl_foreign_add(b, t, &c, column));
        else if (c.deferrable)
            return bind_unsupported(b, c.location, "DEFERRABLE constraints are not supported",
                                    "Foreign keys may be DEFERRABLE.");
    }
    return ST_OK;
}

/* The columns of a LIKE are counted among the table's. */
static enum status skip_like(struct binder *b, const PgQuery__TableLikeClause *c, uint32_t *column)
{
    const struct catalog_table *from = NULL;
    TRY(ddl_like_table(b, c, &from));
    *column += from->column_count;
    return ST_OK;
}

static enum status bind_foreigns(struct binder *b,
                                 struct ddl_table *t,
                                 const PgQuery__CreateStmt *s)
{
    uint32_t column = 0;
    for (size_t i = 0; i < s->n_table_elts; i++) {
        const PgQuery__Node *n = s->table_elts[i];
        if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
            TRY(ddl_model_column_foreigns(b, t, n->column_def, column++));
        else if (n->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
            TRY(skip_like(b, n->table_like_clause, &column));
        else if (n->node_case == PG_QUERY__NODE__NODE_CONSTRAINT &&
                 n->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
            TRY(ddl_foreign_add(b, t, n->constraint, UINT32_MAX));
    }
    return ST_OK;
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

/* Behind the table's own, as PostgreSQL has it. */
static enum status like_keys(struct binder *b, struct ddl_table *t, const PgQuery__CreateStmt *s)
{
    uint32_t column = 0;
    for (size_t i = 0; i < s->n_table_elts; i++) {
        const PgQuery__Node *n = s->table_elts[i];
        column += n->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF;
        if (n->node_case != PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE) continue;
        TRY(ddl_like_keys(b, t, n->table_like_clause, column));
        TRY(skip_like(b, n->table_like_clause, &column));
    }
    return ST_OK;
}

static enum status bind_columns(struct binder *b, struct ddl_table *t, const PgQuery__CreateStmt *s)
{
    for (size_t i = 0; i < s->n_table_elts; i++) {
        const PgQuery__Node *n = s->table_elts[i];
        if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
            TRY(ddl_model_add_column(b, t, n->column_def));
        else if (n->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
            TRY(ddl_like_columns(b, t, n->table_like_clause));
        else if (n->node_case != PG_QUERY__NODE__NODE_CONSTRAINT)
            return bind_unsupported(b, -1, "this is not supported in CREATE TABLE", NULL);
    }
    uint32_t column = 0;
    for (size_t i = 0; i < s->n_table_elts; i++) {
        const PgQuery__Node *n = s->table_elts[i];
        if (n->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
            TRY(skip_like(b, n->table_like_clause, &column));
        if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_DEF) continue;
        TRY(check_null(b, s, n->column_def));
        for (size_t k = 0; k < n->column_def->n_constraints; k++)
            TRY(ddl_model_column_constraint(b, t, n->column_def->constraints[k]->constraint,
                                            column));
        column++;
    }
    for (size_t i = 0; i < s->n_table_elts; i++)
        if (s->table_elts[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
            TRY(ddl_model_table_constraint(b, t, s->table_elts[i]->constraint));
    return like_keys(b, t, s);
}

static bool is_check(const PgQuery__Constraint *c)
{
    return c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_CHECK;
}

static enum status bind_checks(struct binder *b, struct ddl_table *t, const PgQuery__CreateStmt *s)
{
    uint32_t column = 0;
    for (size_t i = 0; i < s->n_table_elts; i++) {
        if (s->table_elts[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
            TRY(ddl_generated_check(b, t, s->table_elts[i]->column_def, column++));
        else if (s->table_elts[i]->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
            TRY(skip_like(b, s->table_elts[i]->table_like_clause, &column));
    }
    for (size_t i = 0; i < s->n_table_elts; i++) {
        const PgQuery__Node *n = s->table_elts[i];
        if (n->node_case == PG_QUERY__NODE__NODE_CONSTRAINT) {
            if (is_check(n->constraint)) TRY(ddl_model_add_check(b, t, n->constraint));
            continue;
        }
        if (n->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE) {
            TRY(ddl_like_checks(b, t, n->table_like_clause));
            continue;
        }
        for (size_t k = 0; k < n->column_def->n_constraints; k++)
            if (is_check(n->column_def->constraints[k]->constraint))
                TRY(ddl_model_add_check(b, t, n->column_def->constraints[k]->constraint));
    }
    return ST_OK;
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
        TRY(bind_needs_or(b, DDL_OWN_NAMES_SINCE, s->relation->location,
                          "storage options are not supported", "Leave them out."));
    return ST_OK;
}

enum status compile_create_table(struct binder *b,
                                 struct sql_statement *out,
                                 const PgQuery__Node *n)
{
    const PgQuery__CreateStmt *s = n->create_stmt;
    struct ddl_table t = {0};
    out->kind = SQL_KIND_CREATE_TABLE;
    out->tag = "CREATE TABLE";
    TRY(check_create(b, s));
    TRY(ddl_target_schema(b, s->relation, &t.catalog.schema));
    TRY(ddl_model_begin(b, &t, sql_catalog_next_id(b->catalog),
                        bind_cstring(s->relation->relname)));
    t.names.schema = t.catalog.schema;
    bool is_taken = ddl_is_taken(b, &t.names, t.catalog.name);
    if (is_taken && s->if_not_exists) {
        ddl_skip(b, out, "relation", t.catalog.name);
        return ST_OK;
    }
    if (!is_taken && !t.catalog.has_own_names)
        TRY(ddl_check_name(b, t.catalog.name, s->relation->location));
    TRY(bind_columns(b, &t, s));
    if (is_taken)
        return bind_fail(b, -1, "42P07", "relation \"%s\" already exists", s->relation->relname);
    if (t.catalog.column_count == 0)
        return bind_unsupported(b, s->relation->location,
                                "a table without columns is not supported", NULL);
    TRY(ddl_model_name_columns(b, &t));
    TRY(bind_checks(b, &t, s));
    TRY(ddl_model_name_all(b, &t));
    uint64_t next_id = t.catalog.id + 1;
    TRY(bind_foreigns(b, &t, s));
    TRY(ddl_model_number(b, &t, &next_id));
    TRY(ddl_model_create(b, out, &t));
    TRY(ddl_model_indexes(b, out, &t));
    TRY(ddl_model_rows(b, out, &t));
    TRY(ddl_model_serials(b, out, &t, &next_id));
    if (t.foreign_count > 0) {
        TRY(ddl_reload(b, out));
        TRY(ddl_foreign_steps(b, out, &t, t.foreign_count)); /* There are no rows yet. */
    }
    return ddl_finish(b, out, next_id);
}
