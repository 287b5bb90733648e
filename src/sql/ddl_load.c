/* A table of the catalog as a model of DDL (ddl_model.h): its texts are bound again. */
#include "base/must.h"
#include "sql/ddl_model.h"

static enum status load_columns(struct binder *b, struct ddl_table *t)
{
    const uint32_t count = t->catalog.column_count;
    t->columns = NULL;
    for (uint32_t i = 0; i < count; i++) {
        t->columns = bind_grow(b, t->columns, i, sizeof *t->columns);
        if (t->columns == NULL) return bind_no_memory(b);
        t->columns[i] = t->catalog.columns[i];
    }
    t->catalog.columns = t->columns;
    return ST_OK;
}

static enum status load_text(
    struct binder *b, struct expr **out, const struct ddl_table *t, struct span text, bool is_alone)
{
    const PgQuery__Node *n = NULL;
    struct span before = b->text;
    TRY(ddl_parse_expr(b, text, &n));
    TRY(ddl_bind_expr(b, out, &t->catalog, n, is_alone));
    b->text = before;
    return ST_OK;
}

static enum status load_key(struct binder *b,
                            struct ddl_table *t,
                            const struct catalog_index *index)
{
    t->keys = bind_grow(b, t->keys, t->key_count, sizeof *t->keys);
    if (t->keys == NULL) return bind_no_memory(b);
    struct ddl_key *k = &t->keys[t->key_count++];
    *k = (struct ddl_key){.kind = index->kind,
                          .name = index->name,
                          .id = index->id,
                          .sqlite_name = index->sqlite_name,
                          .column_count = index->column_count,
                          .predicate = index->predicate};
    must(index->column_count <= CATALOG_KEY_COLUMNS_MAX);
    for (uint32_t i = 0; i < index->column_count; i++) {
        k->columns[i] = index->columns[i];
        k->options[i] = index->options[i];
    }
    if (index->expressions == NULL) return ST_OK;
    k->exprs = arena_alloc_zero(b->arena, index->column_count, sizeof(struct expr *));
    k->texts = arena_alloc_zero(b->arena, index->column_count, sizeof *k->texts);
    if (k->exprs == NULL || k->texts == NULL) return bind_no_memory(b);
    memcpy(k->texts, index->expressions, index->column_count * sizeof *k->texts);
    return ST_OK;
}

static enum status load_check(struct binder *b,
                              struct ddl_table *t,
                              const struct catalog_index *index)
{
    t->checks = bind_grow(b, t->checks, t->check_count, sizeof *t->checks);
    if (t->checks == NULL) return bind_no_memory(b);
    t->checks[t->check_count++] =
        (struct ddl_check){.name = index->name, .definition = index->definition, .id = index->id};
    return ST_OK;
}

static enum status bind_key(struct binder *b, const struct ddl_table *t, struct ddl_key *k)
{
    for (uint32_t i = 0; i < k->column_count; i++)
        if (k->columns[i] == CATALOG_EXPRESSION)
            TRY(load_text(b, &k->exprs[i], t, k->texts[i], true));
    return k->predicate.size == 0 ? ST_OK : load_text(b, &k->where, t, k->predicate, true);
}

enum status ddl_model_bind(struct binder *b, struct ddl_table *t)
{
    for (uint32_t i = 0; i < t->key_count; i++)
        TRY(bind_key(b, t, &t->keys[i]));
    for (uint32_t i = 0; i < t->check_count; i++)
        TRY(load_text(b, &t->checks[i].expr, t, t->checks[i].definition, false));
    return ST_OK;
}

enum status ddl_model_load(struct binder *b, struct ddl_table *t, const struct catalog_table *from)
{
    *t = (struct ddl_table){.catalog = *from};
    t->names.schema = from->schema;
    TRY(load_columns(b, t));
    for (uint32_t i = 0; i < from->index_count; i++) {
        const struct catalog_index *index = &from->indexes[i];
        if (index->kind == CATALOG_CHECK)
            TRY(load_check(b, t, index));
        else if (index->kind == CATALOG_FOREIGN)
            TRY(ddl_foreign_load(b, t, index));
        else
            TRY(load_key(b, t, index));
        TRY(ddl_take(b, &t->constraints, index->name));
    }
    return ddl_model_bind(b, t);
}
