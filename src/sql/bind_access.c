/* What a statement needs of rights, noted while it is bound.
 *
 * Rights on a table may be had on single columns: those that a statement names are noted one by
 * one, whatever stands for the whole row (history, COPY, the proof functions) asks for the whole.
 * Below exec_version 4 there are rights on whole tables alone. */
#include "base/must.h"
#include "sql/bind_int.h"

#define COLUMNS_SINCE 4u /* exec_version of rights on columns and schemas. */

static struct sql_access *access_of(struct binder *b, const struct catalog_table *t)
{
    for (uint32_t i = 0; i < b->access_count; i++)
        if (b->access[i].table_id == t->id) return &b->access[i];
    b->access = bind_grow(b, b->access, b->access_count, sizeof *b->access);
    if (b->access == NULL) return NULL;
    b->access[b->access_count] = (struct sql_access){.table_id = t->id};
    return &b->access[b->access_count++];
}

enum status bind_access(struct binder *b, const struct catalog_table *t, uint32_t rights)
{
    struct sql_access *a = access_of(b, t);
    if (a == NULL) return bind_no_memory(b);
    a->rights |= rights;
    a->whole |= rights;
    return ST_OK;
}

static enum status room_for_columns(struct binder *b,
                                    struct sql_access *a,
                                    const struct catalog_table *t)
{
    if (a->columns != NULL) return ST_OK;
    a->column_count = t->column_count;
    a->columns = arena_alloc_zero(b->arena, t->column_count + 1u, 1);
    return a->columns == NULL ? bind_no_memory(b) : ST_OK;
}

enum status bind_access_any(struct binder *b, const struct catalog_table *t, uint32_t rights)
{
    if (b->exec_version < COLUMNS_SINCE || t->id < CATALOG_FIRST_ID)
        return bind_access(b, t, rights);
    struct sql_access *a = access_of(b, t);
    if (a == NULL) return bind_no_memory(b);
    a->rights |= rights;
    return room_for_columns(b, a, t);
}

enum status bind_access_column(struct binder *b,
                               const struct catalog_table *t,
                               uint32_t column,
                               uint32_t rights)
{
    if (b->exec_version < COLUMNS_SINCE || t->id < CATALOG_FIRST_ID) return ST_OK;
    struct sql_access *a = access_of(b, t);
    if (a == NULL) return bind_no_memory(b);
    TRY(room_for_columns(b, a, t));
    must(column < a->column_count);
    must(rights <= SQL_RIGHT_UPDATE);
    a->rights |= rights;
    a->columns[column] = (uint8_t)(a->columns[column] | rights);
    return ST_OK;
}

enum status bind_access_field(struct binder *b, const struct expr *e)
{
    if (e == NULL || e->kind != EXPR_COLUMN) return ST_OK;
    /* The table computes these for itself, whoever writes. */
    if (b->clause == CLAUSE_CHECK || b->clause == CLAUSE_GENERATED) return ST_OK;
    const struct source *s = e->source;
    const struct catalog_table *t = s->table != NULL ? s->table : s->view;
    if (t == NULL || sql_catalog_by_id(b->catalog, t->id) != t) return ST_OK; /* In the making. */
    /* The row that was proposed is the statement's own. */
    if (s->reference != NULL && strcmp(s->reference, "excluded") == 0) return ST_OK;
    return bind_access_column(b, t, e->column, SQL_RIGHT_SELECT);
}

enum status bind_access_schema(struct binder *b, struct span name, uint32_t rights)
{
    const struct catalog_schema *s = sql_catalog_schema(b->catalog, name);
    if (s == NULL || b->exec_version < COLUMNS_SINCE) return ST_OK; /* Or one of the chain. */
    const uint32_t all = sql_catalog_granted(b->catalog, s->id, CATALOG_GRANTEE_ALL);
    if ((rights & ~all) == 0) return ST_OK; /* As long as this catalog is the newest. */
    for (uint32_t i = 0; i < b->schema_count; i++) {
        if (b->schemas[i].id != s->id) continue;
        b->schemas[i].rights |= rights;
        return ST_OK;
    }
    b->schemas = bind_grow(b, b->schemas, b->schema_count, sizeof *b->schemas);
    if (b->schemas == NULL) return bind_no_memory(b);
    b->schemas[b->schema_count++] = (struct sql_schema_access){.id = s->id, .rights = rights};
    return ST_OK;
}
