/* Generated columns: GENERATED ALWAYS AS (expression) STORED.
 *
 * SQLite sees a plain column. A statement that writes the table computes it from the new values of
 * the columns that the expression names, so the value is part of the row that is written, and
 * nobody who copies rows computes it again. */
#include <stdio.h>

#include "base/must.h"
#include "sql/ddl_model.h"
#include "sql/dml_int.h"

/* --- values -------------------------------------------------------------------------------- */

static bool draws(const struct expr *e)
{
    if (e->template != NULL &&
        (strstr(e->template, "sql_nextval") != NULL || strstr(e->template, "sql_setval") != NULL))
        return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (draws(e->args[i])) return true;
    return false;
}

/* The columns of the expression become the values; null: the row's own column. */
static enum status substitute(struct binder *b,
                              struct expr **e,
                              struct source *row,
                              struct expr *const *values)
{
    for (uint32_t i = 0; i < (*e)->arg_count; i++)
        TRY(substitute(b, &(*e)->args[i], row, values));
    if ((*e)->kind != EXPR_COLUMN) return ST_OK;
    struct expr *value = values[(*e)->column];
    if (value != NULL && draws(value))
        return bind_unsupported(b, -1,
                                "a generated column of a column that takes its value from a "
                                "sequence is not supported here",
                                "Use INSERT … VALUES.");
    if (value == NULL) value = bind_field(b, row, (*e)->column);
    if (value == NULL) return bind_no_memory(b);
    *e = value;
    return ST_OK;
}

static bool names_any(const struct expr *e, struct expr *const *values)
{
    if (e->kind == EXPR_COLUMN && values[e->column] != NULL) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (names_any(e->args[i], values)) return true;
    return false;
}

enum status generated_bind(struct binder *b,
                           struct expr **out,
                           const struct catalog_table *t,
                           uint32_t column)
{
    const PgQuery__Node *n = NULL;
    const struct catalog_column *c = &t->columns[column];
    const struct span before = b->text;
    const enum clause clause = b->clause;
    const struct coercion to = {
        .type = c->type, .typmod = c->typmod, .context = SQL_CAST_ASSIGNMENT, .column = c->name};
    TRY(ddl_parse_expr(b, c->generated, &n));
    b->clause = CLAUSE_GENERATED;
    TRY(ddl_bind_expr(b, out, t, n, false));
    b->keep_literals++;
    TRY(bind_coerce(b, out, &to));
    b->keep_literals--;
    b->clause = clause;
    b->text = before;
    return ST_OK;
}

enum status generated_value(struct binder *b,
                            struct expr **out,
                            const struct catalog_table *t,
                            uint32_t column,
                            struct expr *const *values)
{
    TRY(generated_bind(b, out, t, column));
    return substitute(b, out, NULL, values);
}

enum status generated_set(struct binder *b, struct write *w)
{
    for (uint32_t i = 0; i < w->table->column_count; i++) {
        struct expr *e = NULL;
        if (w->table->columns[i].generated.size == 0) continue;
        TRY(generated_bind(b, &e, w->table, i));
        if (!names_any(e, w->values)) continue;
        TRY(substitute(b, &e, w->target, w->values));
        w->values[i] = e;
        TRY(write_assign(b, &w->values[i], w->table, i));
    }
    return ST_OK;
}

/* "c3": a column of the rows that INSERT proposes. */
static struct expr *proposed(struct binder *b, const struct catalog_table *t, uint32_t column)
{
    char name[16];
    struct expr *const none[3] = {NULL, NULL, NULL};
    (void)snprintf(name, sizeof name, "c%u", column + 1);
    const char *copy = arena_text(b->arena, name);
    struct source *source = NULL;
    if (copy == NULL || bind_table_source(b, &source, t, (struct span){0}) != ST_OK) return NULL;
    struct expr *e = bind_call(b, t->columns[column].type, copy, none);
    if (e == NULL) return NULL;
    e->typmod = t->columns[column].typmod;
    e->scale = source->fields[column].scale;
    return e;
}

enum status generated_proposed(struct binder *b, struct expr ***out, const struct catalog_table *t)
{
    struct expr **columns = arena_alloc_zero(b->arena, t->column_count, sizeof(struct expr *));
    struct expr **values = arena_alloc_zero(b->arena, t->column_count, sizeof(struct expr *));
    if (columns == NULL || values == NULL) return bind_no_memory(b);
    for (uint32_t i = 0; i < t->column_count; i++) {
        columns[i] = values[i] = proposed(b, t, i);
        if (columns[i] == NULL) return bind_no_memory(b);
    }
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (t->columns[i].generated.size == 0) continue;
        TRY(generated_value(b, &values[i], t, i, columns));
        TRY(write_assign(b, &values[i], t, i));
    }
    *out = values;
    return ST_OK;
}

bool generated_has_any(const struct catalog_table *t)
{
    for (uint32_t i = 0; i < t->column_count; i++)
        if (t->columns[i].generated.size > 0) return true;
    return false;
}

enum status generated_refuse(struct binder *b,
                             const char *before,
                             struct span name,
                             const char *after)
{
    (void)bind_fail(b, -1, "428C9", "%s \"%.*s\"%s", before, (int)name.size,
                    (const char *)name.data, after);
    diag_detail(b->diag, "Column \"%.*s\" is a generated column.", (int)name.size,
                (const char *)name.data);
    return ST_INVALID;
}

/* --- DDL ----------------------------------------------------------------------------------- */

enum status ddl_generated_add(struct binder *b,
                              struct ddl_table *t,
                              const PgQuery__Constraint *c,
                              uint32_t column)
{
    struct catalog_column *target = &t->columns[column];
    const bool is_identity = target->identity != 0;
    TRY(bind_needs_or(b, DDL_OWN_NAMES_SINCE, c->location, "generated columns are not supported",
                      "Give the values in INSERT."));
    if (target->generated.size > 0)
        return bind_fail(b, c->location, "42601",
                         "multiple generation clauses specified for column \"%.*s\" of table "
                         "\"%.*s\"",
                         (int)target->name.size, (const char *)target->name.data,
                         (int)t->catalog.name.size, (const char *)t->catalog.name.data);
    if (is_identity || target->default_sql.size > 0)
        return bind_fail(b, c->location, "42601",
                         "both %s and generation expression specified for column \"%.*s\" of "
                         "table \"%.*s\"",
                         is_identity ? "identity" : "default", (int)target->name.size,
                         (const char *)target->name.data, (int)t->catalog.name.size,
                         (const char *)t->catalog.name.data);
    return ddl_deparse(b, c->raw_expr, &target->generated);
}

static enum status check_no_generated(struct binder *b,
                                      const struct ddl_table *t,
                                      const struct expr *e)
{
    for (uint32_t i = 0; i < e->arg_count; i++)
        TRY(check_no_generated(b, t, e->args[i]));
    if (e->kind != EXPR_COLUMN || t->columns[e->column].generated.size == 0) return ST_OK;
    const struct span name = t->columns[e->column].name;
    (void)bind_fail(b, e->position, "42P17",
                    "cannot use generated column \"%.*s\" in column generation expression",
                    (int)name.size, (const char *)name.data);
    diag_detail(b->diag, "A generated column cannot reference another generated column.");
    return ST_INVALID;
}

enum status ddl_generated_check(struct binder *b,
                                const struct ddl_table *t,
                                const PgQuery__ColumnDef *d,
                                uint32_t column)
{
    const struct catalog_column *c = &t->columns[column];
    const struct coercion to = {
        .type = c->type, .typmod = c->typmod, .context = SQL_CAST_ASSIGNMENT, .column = c->name};
    for (size_t i = 0; i < d->n_constraints; i++) {
        struct expr *e = NULL;
        const PgQuery__Constraint *n = d->constraints[i]->constraint;
        if (n->contype != PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED) continue;
        b->clause = CLAUSE_GENERATED;
        TRY(ddl_bind_expr(b, &e, &t->catalog, n->raw_expr, false));
        TRY(check_no_generated(b, t, e));
        if (!type_can_coerce(e->type, c->type, SQL_CAST_ASSIGNMENT)) {
            (void)bind_fail(b, -1, "42804",
                            "column \"%.*s\" is of type %s but default expression is of type %s",
                            (int)c->name.size, (const char *)c->name.data,
                            bind_type_name(b, c->type), bind_type_name(b, e->type));
            diag_hint(b->diag, "You will need to rewrite or cast the expression.");
            return ST_INVALID;
        }
        TRY(bind_coerce(b, &e, &to));
        if (e->is_stable)
            return bind_fail(b, -1, "42P17", "generation expression is not immutable");
    }
    return ST_OK;
}

static bool names_column(const struct expr *e, uint32_t column)
{
    if (e->kind == EXPR_COLUMN && e->column == column) return true;
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (names_column(e->args[i], column)) return true;
    return false;
}

enum status ddl_generated_user(struct binder *b,
                               const struct ddl_table *t,
                               uint32_t column,
                               uint32_t *user)
{
    const uint32_t from = *user;
    *user = UINT32_MAX;
    for (uint32_t i = from; i < t->catalog.column_count && *user == UINT32_MAX; i++) {
        struct expr *e = NULL;
        if (t->columns[i].generated.size == 0) continue;
        TRY(generated_bind(b, &e, &t->catalog, i));
        if (names_column(e, column)) *user = i;
    }
    return ST_OK;
}
