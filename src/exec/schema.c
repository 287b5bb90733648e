/* schema.c - The catalog of the writer, what capture knows of it, and the copy readers take. */
#include "exec/exec_int.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "exec/sqlite.h"

static enum status watch(struct exec *e, const struct catalog_table *t);

/* Not a name of any table. */
static void name_between(char out[32], const struct catalog_table *t)
{
    (void)snprintf(out, 32, "\x01%" PRIu64, t->id);
}

/* Tables that are there under another name than before: by way of a name that no table has, for
 * several may have changed places. */
static enum status rename_tables(struct exec *e, const struct sql_catalog *before)
{
    for (int step = 0; step < 2; step++) {
        for (uint32_t i = 0; i < sql_catalog_table_count(before); i++) {
            const struct catalog_table *t = sql_catalog_table_at(before, i);
            const struct catalog_table *now = sql_catalog_by_id(e->catalog, t->id);
            char between[32];
            if (now == NULL || span_equal(now->sqlite_name, t->sqlite_name)) continue;
            name_between(between, t);
            const char *from = (const char *)t->sqlite_name.data;
            const char *to = (const char *)now->sqlite_name.data;
            TRY(capture_table_rename(e->capture, step == 0 ? from : between,
                                     step == 0 ? between : to));
        }
    }
    return ST_OK;
}

/* before may be null. */
static enum status forget_tables(struct exec *e, const struct sql_catalog *before)
{
    if (before == NULL || e->capture == NULL) return ST_OK;
    for (uint32_t i = 0; i < sql_catalog_table_count(before); i++) {
        const struct catalog_table *t = sql_catalog_table_at(before, i);
        const struct catalog_table *now = sql_catalog_by_id(e->catalog, t->id);
        if (now == NULL) capture_table_remove(e->capture, (const char *)t->sqlite_name.data);
    }
    return rename_tables(e, before);
}

static enum status take(struct exec *e, struct sql_catalog *catalog)
{
    struct sql_catalog *before = e->catalog;
    e->catalog = catalog;
    enum status st = forget_tables(e, before);
    for (uint32_t i = 0; st == ST_OK && i < sql_catalog_table_count(catalog); i++)
        st = watch(e, sql_catalog_table_at(catalog, i)); /* E3 */
    sql_catalog_unref(before);
    return st;
}

enum status schema_take(struct exec *e, struct sql_catalog *catalog)
{
    statements_clear(e->statements); /* E4 */
    return take(e, catalog);
}

enum status schema_renew(struct exec *e)
{
    struct sql_catalog *catalog = NULL;
    TRY(sql_catalog_load(&catalog, e->mem, e->writer));
    return take(e, catalog);
}

enum status schema_reload(struct exec *e)
{
    struct sql_catalog *catalog = NULL;
    TRY(sql_catalog_load(&catalog, e->mem, e->writer));
    return schema_take(e, catalog);
}

enum status schema_make(struct exec *e, uint32_t from, uint32_t to, enum schema_part part)
{
    static const char create[] = "CREATE ";
    for (uint32_t version = from; version <= to; version++)
        for (const char *const *ddl = sql_catalog_ddl(version); *ddl != NULL; ddl++)
            if ((strncmp(*ddl, create, sizeof create - 1) == 0) == (part == SCHEMA_TABLES))
                TRY(sqlite_status(sqlite3_exec(e->writer, *ddl, NULL, NULL, NULL)));
    return ST_OK;
}

void schema_publish(struct exec *e)
{
    struct sql_catalog *catalog = sql_catalog_ref(e->catalog);
    mutex_lock(e->lock);
    struct sql_catalog *before = e->published;
    e->published = catalog;
    e->terms = (struct exec_terms){.exec_version = e->epoch->config.exec_version,
                                   .fuel_tx = e->epoch->config.fuel_tx};
    mutex_unlock(e->lock);
    sql_catalog_unref(before);
}

static enum status watch(struct exec *e, const struct catalog_table *t)
{
    if (t->is_virtual) return ST_OK;
    must(t->sqlite_name.data[t->sqlite_name.size] == 0); /* Catalog texts end with a zero. */
    const struct capture_table table = {.name = (const char *)t->sqlite_name.data,
                                        .id = t->id,
                                        .column_count = t->column_count,
                                        .key_count = t->key_count,
                                        .key_columns = t->key_columns};
    return capture_table_add(e->capture, &table);
}
