/* system_walk.c - What the rows of the system catalogs are about: everything of a kind that the
 * catalog knows, one place after the other. */
#include <stdlib.h>

#include "base/must.h"
#include "sql/ddl_sequence.h"
#include "sql/system_int.h"

#define PLACES_STEP 64u

static void put(struct system *s, struct system_places *out, struct system_place place)
{
    if (out->has_failed) return;
    if (out->count == out->capacity) {
        const uint32_t capacity = out->capacity == 0 ? PLACES_STEP : out->capacity * 2;
        struct system_place *items = mem_alloc(system_mem(s), capacity * sizeof *items);
        if (items == NULL) {
            out->has_failed = true;
            return;
        }
        if (out->count > 0) memcpy(items, out->items, out->count * sizeof *items);
        mem_free(system_mem(s), out->items);
        out->items = items;
        out->capacity = capacity;
    }
    out->items[out->count++] = place;
}

static bool is_relation(const struct catalog_index *i)
{
    return i->kind != CATALOG_CHECK && i->kind != CATALOG_FOREIGN;
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Foreign keys are triggers of both tables: ids of these in order, ids null: only their number. */
static size_t list_foreign(const struct sql_catalog *c, uint64_t *ids)
{
    size_t count = 0;
    for (uint32_t i = 0; i < sql_catalog_table_count(c); i++) {
        const struct catalog_table *t = sql_catalog_table_at(c, i);
        for (uint32_t k = 0; k < t->index_count; k++) {
            if (t->indexes[k].kind != CATALOG_FOREIGN) continue;
            if (ids != NULL) ids[count] = t->id;
            if (ids != NULL) ids[count + 1] = t->indexes[k].foreign->table_id;
            count += 2;
        }
    }
    if (ids != NULL && count > 0) qsort(ids, count, sizeof *ids, compare_ids);
    return count;
}

static void mark_triggers(struct system *s, struct system_places *out)
{
    const struct sql_catalog *c = system_catalog(s);
    const size_t count = list_foreign(c, NULL);
    uint64_t *ids = mem_alloc(system_mem(s), (count + 1) * sizeof *ids);
    if (ids == NULL) {
        out->has_failed = true;
        return;
    }
    (void)list_foreign(c, ids);
    for (uint32_t i = 0; i < out->count; i++) {
        struct system_place *p = &out->items[i];
        if (p->table == NULL || p->index != NULL) continue;
        if (count > 0 && bsearch(&p->table->id, ids, count, sizeof *ids, compare_ids) != NULL)
            p->kind = SYSTEM_HAS_TRIGGERS;
    }
    mem_free(system_mem(s), ids);
}

static void walk_relations(struct system *s, struct system_places *out)
{
    const struct system_relation *r = NULL;
    const struct sql_catalog *c = system_catalog(s);
    for (uint32_t i = 0; (r = system_at(i)) != NULL; i++)
        put(s, out, (struct system_place){.relation = r});
    for (uint32_t i = 0; i < sql_catalog_table_count(c); i++) {
        const struct catalog_table *t = sql_catalog_table_at(c, i);
        put(s, out, (struct system_place){.table = t});
        for (uint32_t k = 0; k < t->index_count; k++)
            if (is_relation(&t->indexes[k]))
                put(s, out, (struct system_place){.table = t, .index = &t->indexes[k]});
    }
    if (!out->has_failed) mark_triggers(s, out);
}

static void walk_columns(struct system *s, struct system_places *out)
{
    const struct system_relation *r = NULL;
    const struct sql_catalog *c = system_catalog(s);
    for (uint32_t i = 0; (r = system_at(i)) != NULL; i++)
        for (uint32_t k = 0; k < system_column_count(r); k++)
            put(s, out, (struct system_place){.relation = r, .part = k});
    for (uint32_t i = 0; i < sql_catalog_table_count(c); i++) {
        const struct catalog_table *t = sql_catalog_table_at(c, i);
        for (uint32_t k = 0; k < t->column_count; k++)
            put(s, out, (struct system_place){.table = t, .part = k});
        for (uint32_t k = 0; k < t->index_count; k++)
            for (uint32_t n = 0; is_relation(&t->indexes[k]) && n < t->indexes[k].column_count; n++)
                put(s, out, (struct system_place){.table = t, .index = &t->indexes[k], .part = n});
    }
}

static void walk_defaults(struct system *s, struct system_places *out)
{
    const struct sql_catalog *c = system_catalog(s);
    for (uint32_t i = 0; i < sql_catalog_table_count(c); i++) {
        const struct catalog_table *t = sql_catalog_table_at(c, i);
        for (uint32_t k = 0; k < t->column_count; k++)
            if (system_has_default(&t->columns[k]))
                put(s, out, (struct system_place){.table = t, .part = k});
    }
}

static void walk_of_tables(struct system *s, enum system_walk walk, struct system_places *out)
{
    const struct sql_catalog *c = system_catalog(s);
    const bool is_sequence = walk == SYSTEM_SEQUENCES;
    for (uint32_t i = 0; i < sql_catalog_table_count(c); i++) {
        const struct catalog_table *t = sql_catalog_table_at(c, i);
        if (t->relation == (is_sequence ? CATALOG_SEQUENCE : CATALOG_VIEW))
            put(s, out, (struct system_place){.table = t});
    }
}

static void walk_indexes(struct system *s, enum system_walk walk, struct system_places *out)
{
    const struct sql_catalog *c = system_catalog(s);
    for (uint32_t i = 0; i < sql_catalog_table_count(c); i++) {
        const struct catalog_table *t = sql_catalog_table_at(c, i);
        for (uint32_t k = 0; k < t->index_count; k++) {
            const struct catalog_index *index = &t->indexes[k];
            const bool is_plain =
                index->kind == CATALOG_UNIQUE_INDEX || index->kind == CATALOG_INDEX;
            if (walk == SYSTEM_INDEXES ? is_relation(index) : !is_plain)
                put(s, out, (struct system_place){.table = t, .index = index});
        }
    }
}

static void walk_schemas(struct system *s, struct system_places *out)
{
    const struct sql_catalog *c = system_catalog(s);
    put(s, out, (struct system_place){.number = SYSTEM_CATALOG_OID});
    put(s, out, (struct system_place){.number = SYSTEM_INFORMATION_OID});
    put(s, out, (struct system_place){.number = SYSTEM_CHAIN_OID});
    for (uint32_t i = 0; i < sql_catalog_schema_count(c); i++)
        put(s, out,
            (struct system_place){.number =
                                      system_schema_oid(c, sql_catalog_schema_at(c, i)->name)});
}

static void walk_types(struct system *s, struct system_places *out)
{
    for (uint32_t oid = 1; oid < SYSTEM_OIDS_OF_TYPES; oid++)
        if (sql_type_find(oid) != NULL || oid == SYSTEM_VARCHAR || oid == SYSTEM_VARCHAR_ARRAY)
            put(s, out, (struct system_place){.number = oid});
}

/* Everybody has a row in trustsql.accounts; what belongs to the chain has an owner, too. */
static void walk_roles(struct system *s, struct system_places *out)
{
    sqlite3_stmt *stmt = NULL;
    put(s, out, (struct system_place){.number = 0});
    put(s, out, (struct system_place){.kind = SYSTEM_IS_PUBLIC});
    int code = sqlite3_prepare_v2(system_connection(s), "SELECT id FROM \"trustsql.accounts\"", -1,
                                  &stmt, NULL);
    while (code == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        put(s, out, (struct system_place){.number = (uint64_t)sqlite3_column_int64(stmt, 0)});
    (void)sqlite3_finalize(stmt); /* Repeats the code of the step. */
}

static bool has_comment(const struct sql_catalog *c, uint64_t object, uint32_t part)
{
    return sql_catalog_property(c, object, part, "comment").size > 0;
}

static void walk_comments(struct system *s, struct system_places *out)
{
    const struct sql_catalog *c = system_catalog(s);
    for (uint32_t i = 0; i < sql_catalog_schema_count(c); i++) {
        const struct catalog_schema *schema = sql_catalog_schema_at(c, i);
        if (has_comment(c, schema->id, 0) || schema->id == CATALOG_PUBLIC_ID)
            put(s, out, (struct system_place){.number = schema->id, .kind = 's'});
    }
    for (uint32_t i = 0; i < sql_catalog_table_count(c); i++) {
        const struct catalog_table *t = sql_catalog_table_at(c, i);
        if (t->id < CATALOG_FIRST_ID) continue;
        for (uint32_t k = 0; k <= t->column_count; k++)
            if (has_comment(c, t->id, k))
                put(s, out, (struct system_place){.table = t, .part = k, .kind = 't'});
        for (uint32_t k = 0; k < t->index_count; k++)
            if (has_comment(c, t->indexes[k].id, 0))
                put(s, out,
                    (struct system_place){.table = t, .index = &t->indexes[k], .kind = 'i'});
    }
}

/* "12 15": ids. */
static bool next_number(struct span *text, uint64_t *out)
{
    size_t at = 0;
    while (at < text->size && text->data[at] == ' ')
        at++;
    if (at == text->size) return false;
    *out = 0;
    for (; at < text->size && text->data[at] >= '0' && text->data[at] <= '9'; at++)
        *out = *out * 10 + (uint64_t)(text->data[at] - '0');
    *text = span_of(text->data + at, text->size - at);
    return true;
}

static void depend_of_view(struct system *s,
                           struct system_places *out,
                           const struct catalog_table *t)
{
    struct span uses = sql_catalog_property(system_catalog(s), t->id, 0, "uses");
    uint64_t id = 0;
    put(s, out, (struct system_place){.table = t, .kind = 'r'});
    while (next_number(&uses, &id))
        put(s, out, (struct system_place){.table = t, .number = id, .kind = 'v'});
}

/* On its column, and on the sequence that it draws from. */
static void depend_of_default(struct system *s,
                              struct system_places *out,
                              const struct catalog_table *t,
                              uint32_t column)
{
    const struct catalog_table *sequence =
        system_sequence_of(system_catalog(s), t->columns[column].default_sql);
    put(s, out, (struct system_place){.table = t, .part = column, .kind = 'd'});
    if (sequence == NULL) return;
    put(s, out,
        (struct system_place){.table = t, .part = column, .number = sequence->id, .kind = 'q'});
}

static void depend_of_table(struct system *s,
                            struct system_places *out,
                            const struct catalog_table *t)
{
    for (uint32_t k = 0; k < t->column_count; k++)
        if (system_has_default(&t->columns[k])) depend_of_default(s, out, t, k);
    for (uint32_t k = 0; k < t->index_count; k++) {
        const struct catalog_index *i = &t->indexes[k];
        const bool is_key = i->kind == CATALOG_PRIMARY || i->kind == CATALOG_UNIQUE;
        put(s, out, (struct system_place){.table = t, .index = i, .kind = is_key ? 'k' : 'i'});
        for (uint32_t n = 0; n < i->column_count; n++)
            if (i->columns[n] != CATALOG_EXPRESSION)
                put(s, out,
                    (struct system_place){
                        .table = t, .index = i, .part = i->columns[n], .kind = 'c'});
    }
}

static void depend_of_sequence(struct system *s,
                               struct system_places *out,
                               const struct catalog_table *t)
{
    struct ddl_sequence q;
    ddl_sequence_load(&q, system_catalog(s), t);
    if (q.table_id == 0) return;
    put(s, out,
        (struct system_place){.table = t, .number = q.table_id, .part = q.column, .kind = 'o'});
}

static void walk_dependencies(struct system *s, struct system_places *out)
{
    const struct sql_catalog *c = system_catalog(s);
    put(s, out, (struct system_place){.kind = 'x'});
    for (uint32_t i = 0; i < sql_catalog_table_count(c); i++) {
        const struct catalog_table *t = sql_catalog_table_at(c, i);
        if (t->id < CATALOG_FIRST_ID) {
            put(s, out, (struct system_place){.table = t, .kind = 'e'});
            continue;
        }
        if (t->relation == CATALOG_VIEW) depend_of_view(s, out, t);
        if (t->relation == CATALOG_TABLE) depend_of_table(s, out, t);
        if (t->relation == CATALOG_SEQUENCE) depend_of_sequence(s, out, t);
    }
}

void system_walk(struct system *s, enum system_walk walk, struct system_places *out)
{
    switch (walk) {
    case SYSTEM_RELATIONS: walk_relations(s, out); break;
    case SYSTEM_COLUMNS: walk_columns(s, out); break;
    case SYSTEM_DEFAULTS: walk_defaults(s, out); break;
    case SYSTEM_INDEXES:
    case SYSTEM_CONSTRAINTS: walk_indexes(s, walk, out); break;
    case SYSTEM_SEQUENCES:
    case SYSTEM_VIEWS: walk_of_tables(s, walk, out); break;
    case SYSTEM_SCHEMAS: walk_schemas(s, out); break;
    case SYSTEM_TYPES: walk_types(s, out); break;
    case SYSTEM_ROLES: walk_roles(s, out); break;
    case SYSTEM_COMMENTS: walk_comments(s, out); break;
    case SYSTEM_DEPENDENCIES: walk_dependencies(s, out); break;
    case SYSTEM_NOTHING:
    case SYSTEM_WALKS: break;
    }
}
