/* DROP TABLE, VIEW, SEQUENCE and INDEX, and what depends on them.
 *
 * What depends on a relation: foreign keys of other tables that refer to it, views that read it,
 * and sequences that belong to one of its columns (these go without a word). */
#include "sql/ddl_model.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"

#define CASCADE_SINCE 4u /* exec_version */

struct dropped {
    struct span schema;
    struct span name;
};

struct kind {
    PgQuery__ObjectType type;
    enum catalog_relation relation;
    enum sql_kind statement;
    const char *name;
    const char *article;
    const char *tag;
    const char *missing; /* SQLSTATE. */
};

static const struct kind kinds[] = {
    {PG_QUERY__OBJECT_TYPE__OBJECT_TABLE, CATALOG_TABLE, SQL_KIND_DROP_TABLE, "table", "a",
     "DROP TABLE", "42P01"},
    {PG_QUERY__OBJECT_TYPE__OBJECT_VIEW, CATALOG_VIEW, SQL_KIND_DDL, "view", "a", "DROP VIEW",
     "42P01"},
    {PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE, CATALOG_SEQUENCE, SQL_KIND_DDL, "sequence", "a",
     "DROP SEQUENCE", "42P01"},
    {PG_QUERY__OBJECT_TYPE__OBJECT_INDEX, CATALOG_TABLE, SQL_KIND_DROP_INDEX, "index", "an",
     "DROP INDEX", "42704"},
};
#define KIND_INDEX (&kinds[3])

/* --- dependencies -------------------------------------------------------------------------- */

static const struct kind *kind_of(const struct ddl_object *o)
{
    if (o->index != NULL) return KIND_INDEX;
    for (size_t i = 0; i + 1 < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].relation == o->table->relation) return &kinds[i];
    return &kinds[0];
}

static bool is_in_path(const struct binder *b, struct span schema)
{
    for (uint32_t i = 0; i < b->path_count; i++)
        if (span_equal(b->path[i], schema)) return true;
    return false;
}

/* As PostgreSQL writes a name: quoted where it must be. */
static void put_name(struct buf *out, struct span name)
{
    bool is_plain = name.size > 0 && !(name.data[0] >= '0' && name.data[0] <= '9');
    for (size_t i = 0; i < name.size && is_plain; i++) {
        const uint8_t c = name.data[i];
        is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (is_plain)
        buf_put(out, name);
    else
        sql_put_name(out, name);
}

const char *ddl_object_text(struct binder *b, struct ddl_object o)
{
    const struct catalog_table *t = o.table;
    const char *copy = NULL;
    struct buf text;
    buf_init(&text, b->arena->mem, 0);
    if (o.index != NULL && o.index->kind == CATALOG_FOREIGN) {
        buf_put_text(&text, "constraint ");
        put_name(&text, o.index->name);
        buf_put_text(&text, " on ");
    } else if (o.index != NULL) {
        buf_put_text(&text, "index ");
        put_name(&text, o.index->name);
        return emit_finish(b, &text, &copy) == ST_OK ? copy : "?";
    }
    buf_put_text(&text, kind_of(&(struct ddl_object){.table = t})->name);
    buf_put_u8(&text, ' ');
    if (!is_in_path(b, t->schema)) {
        put_name(&text, t->schema);
        buf_put_u8(&text, '.');
    }
    put_name(&text, t->name);
    return emit_finish(b, &text, &copy) == ST_OK ? copy : "?";
}

static bool is_among(const struct ddl_drops *d, struct ddl_object o)
{
    for (uint32_t i = 0; i < d->count; i++)
        if (d->items[i].table == o.table &&
            (d->items[i].index == NULL || d->items[i].index == o.index))
            return true;
    return false;
}

enum status ddl_drops_add(struct binder *b, struct ddl_drops *d, struct ddl_object o)
{
    if (is_among(d, o)) return ST_OK;
    d->items = bind_grow(b, d->items, d->count, sizeof *d->items);
    if (d->items == NULL) return bind_no_memory(b);
    d->items[d->count++] = o;
    return ST_OK;
}

/* "1000 1005": is id among them? */
static bool has_id(struct span list, uint64_t id)
{
    for (size_t at = 0; at < list.size; at++) {
        uint64_t value = 0;
        for (; at < list.size && list.data[at] != ' '; at++)
            value = value * 10 + (uint64_t)(list.data[at] - '0');
        if (value == id) return true;
    }
    return false;
}

bool ddl_has_views(const struct binder *b, uint64_t id)
{
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        if (has_id(sql_catalog_property(b->catalog, t->id, 0, "uses"), id)) return true;
    }
    return false;
}

enum status ddl_check_views(struct binder *b, const struct catalog_table *t)
{
    if (!ddl_has_views(b, t->id)) return ST_OK;
    return bind_unsupported(b, 0, "a relation that views read cannot change its name or form",
                            "Drop the views, and create them again.");
}

struct dependent {
    struct ddl_drops *drops;
    struct buf *details;
    uint32_t count;
    bool is_cascade;
};

static enum status add_dependent(struct binder *b,
                                 struct dependent *d,
                                 struct ddl_object o,
                                 struct ddl_object on)
{
    if (is_among(d->drops, o)) return ST_OK;
    if (d->count++ > 0) buf_put_u8(d->details, '\n');
    if (d->is_cascade)
        buf_printf(d->details, "drop cascades to %s", ddl_object_text(b, o));
    else
        buf_printf(d->details, "%s depends on %s", ddl_object_text(b, o), ddl_object_text(b, on));
    return ddl_drops_add(b, d->drops, o);
}

/* Foreign keys that need a unique index. */
static enum status find_users_of_key(struct binder *b, struct dependent *d, struct ddl_object on)
{
    if (on.index->kind == CATALOG_FOREIGN) return ST_OK;
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        for (uint32_t k = 0; k < t->index_count; k++)
            if (ddl_foreign_needs(&t->indexes[k], on.table, on.index->id))
                TRY(add_dependent(b, d, (struct ddl_object){.table = t, .index = &t->indexes[k]},
                                  on));
    }
    return ST_OK;
}

static enum status find_dependents(struct binder *b, struct dependent *d, struct ddl_object on)
{
    if (on.index != NULL) return find_users_of_key(b, d, on);
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        if (has_id(sql_catalog_property(b->catalog, t->id, 0, "uses"), on.table->id))
            TRY(add_dependent(b, d, (struct ddl_object){.table = t}, on));
        if (has_id(sql_catalog_property(b->catalog, t->id, 0, "owned"), on.table->id))
            TRY(ddl_drops_add(b, d->drops, (struct ddl_object){.table = t}));
        for (uint32_t k = 0; k < t->index_count; k++) {
            const struct catalog_index *x = &t->indexes[k];
            if (x->foreign == NULL || x->foreign->table_id != on.table->id) continue;
            TRY(add_dependent(b, d, (struct ddl_object){.table = t, .index = x}, on));
        }
    }
    return ST_OK;
}

/* A DEFAULT that draws from the sequence is not taken away. */
static enum status check_defaults(struct binder *b, const struct ddl_drops *d)
{
    for (uint32_t i = 0; i < d->named; i++) {
        const struct catalog_table *s = d->items[i].table;
        if (d->items[i].index != NULL || s->relation != CATALOG_SEQUENCE) continue;
        struct ddl_sequence sequence;
        struct span text = {0};
        ddl_sequence_load(&sequence, b->catalog, s);
        TRY(ddl_sequence_default(b, &sequence, &text));
        for (uint32_t k = 0; k < sql_catalog_table_count(b->catalog); k++) {
            const struct catalog_table *t = sql_catalog_table_at(b->catalog, k);
            if (is_among(d, (struct ddl_object){.table = t})) continue;
            for (uint32_t c = 0; c < t->column_count; c++) {
                if (!span_equal(t->columns[c].default_sql, text)) continue;
                (void)bind_fail(b, -1, "2BP01", "cannot drop %s because other objects depend on it",
                                ddl_object_text(b, d->items[i]));
                diag_detail(b->diag, "default value for column %.*s of %s depends on %s",
                            (int)t->columns[c].name.size, (const char *)t->columns[c].name.data,
                            ddl_object_text(b, (struct ddl_object){.table = t}),
                            ddl_object_text(b, d->items[i]));
                diag_hint(b->diag, "Use DROP ... CASCADE to drop the dependent objects too.");
                return ST_INVALID;
            }
        }
    }
    return ST_OK;
}

static enum status refuse(struct binder *b, const struct buf *details, const char *subject)
{
    (void)bind_fail(b, -1, "2BP01", "cannot drop %s because other objects depend on %s",
                    subject == NULL ? "desired object(s)" : subject,
                    subject == NULL ? "them" : "it");
    diag_detail(b->diag, "%.*s", (int)details->size, (const char *)details->data);
    diag_hint(b->diag, "Use DROP ... CASCADE to drop the dependent objects too.");
    return ST_INVALID;
}

static enum status tell(struct binder *b, struct sql_statement *out, const struct dependent *d)
{
    if (d->count == 1)
        ddl_notice(b, out, "%.*s", (int)d->details->size, (const char *)d->details->data);
    if (d->count > 1) ddl_notice(b, out, "drop cascades to %u other objects", d->count);
    return d->count > 0 && out->notice == NULL ? bind_no_memory(b) : ST_OK;
}

enum status ddl_drops_close(struct binder *b,
                            struct sql_statement *out,
                            struct ddl_drops *d,
                            struct ddl_drop_mode mode)
{
    struct buf details;
    struct dependent found = {.drops = d, .details = &details, .is_cascade = mode.is_cascade};
    enum status st = ST_OK;
    d->named = d->count;
    buf_init(&details, b->arena->mem, 0);
    for (uint32_t i = 0; st == ST_OK && i < d->count; i++)
        st = find_dependents(b, &found, d->items[i]);
    if (st == ST_OK) st = buf_status(&details);
    if (st == ST_OK && found.count > 0)
        st = mode.is_cascade ? tell(b, out, &found) : refuse(b, &details, mode.subject);
    buf_fini(&details);
    return st == ST_OK ? check_defaults(b, d) : st;
}

/* --- steps --------------------------------------------------------------------------------- */

static enum status drop_properties(struct binder *b, struct sql_statement *out, uint64_t object)
{
    if (b->exec_version < CASCADE_SINCE) return ST_OK;
    static const char text[] = "DELETE FROM \"trustsql.properties\" WHERE object = ";
    return ddl_number_step(b, out, (struct ddl_numbered){text, object, ""});
}

static enum status named_step(struct binder *b,
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

static enum status drop_relation(struct binder *b,
                                 struct sql_statement *out,
                                 const struct catalog_table *t)
{
    static const char *const rows[] = {
        "DELETE FROM \"trustsql.rights\" WHERE table_id = ",
        "DELETE FROM \"trustsql.indexes\" WHERE table_id = ",
        "DELETE FROM \"trustsql.columns\" WHERE table_id = ",
        "DELETE FROM \"trustsql.tables\" WHERE id = ",
    };
    TRY(bind_access(b, t, SQL_RIGHT_OWNER));
    TRY(named_step(b, out, "DELETE FROM ", t->sqlite_name)); /* Part of the write set. */
    TRY(named_step(b, out, "DROP TABLE ", t->sqlite_name));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        TRY(ddl_number_step(b, out, (struct ddl_numbered){rows[i], t->id, ""}));
    if (b->exec_version >= CASCADE_SINCE)
        TRY(ddl_number_step(
            b, out,
            (struct ddl_numbered){"DELETE FROM \"trustsql.grants\" WHERE object = ", t->id, ""}));
    for (uint32_t i = 0; i < t->index_count; i++)
        TRY(drop_properties(b, out, t->indexes[i].id));
    return drop_properties(b, out, t->id);
}

static enum status drop_index(struct binder *b,
                              struct sql_statement *out,
                              const struct ddl_object *o)
{
    struct buf text;
    TRY(bind_access(b, o->table, SQL_RIGHT_OWNER));
    if (o->index->kind != CATALOG_FOREIGN)
        TRY(named_step(b, out, "DROP INDEX ", o->index->sqlite_name));
    ddl_step(b, &text);
    buf_printf(&text,
               "DELETE FROM \"trustsql.indexes\" WHERE table_id = %" PRIu64 " AND id = %" PRIu64,
               o->table->id, o->index->id);
    TRY(ddl_step_end(b, out, &text));
    return drop_properties(b, out, o->index->id);
}

enum status ddl_drops_steps(struct binder *b, struct sql_statement *out, const struct ddl_drops *d)
{
    for (uint32_t i = 0; i < d->count; i++)
        if (d->items[i].index != NULL) TRY(drop_index(b, out, &d->items[i]));
    for (uint32_t i = 0; i < d->count; i++)
        if (d->items[i].index == NULL) TRY(drop_relation(b, out, d->items[i].table));
    return ST_OK;
}

static bool is_dropped(const struct ddl_drops *d, uint64_t table)
{
    for (uint32_t i = 0; i < d->count; i++)
        if (d->items[i].index == NULL && d->items[i].table->id == table) return true;
    return false;
}

/* Triggers of tables that had part in a foreign key that is gone. */
static enum status remake(struct binder *b,
                          struct sql_statement *out,
                          const struct ddl_drops *d,
                          bool *is_reloaded,
                          uint64_t table)
{
    if (is_dropped(d, table)) return ST_OK;
    if (!*is_reloaded) TRY(ddl_reload(b, out));
    *is_reloaded = true;
    return ddl_foreign_triggers(b, out, table);
}

enum status ddl_drops_triggers(struct binder *b,
                               struct sql_statement *out,
                               const struct ddl_drops *d)
{
    bool is_reloaded = false;
    for (uint32_t i = 0; i < d->count; i++) {
        const struct ddl_object *o = &d->items[i];
        for (uint32_t k = 0; k < o->table->index_count; k++) {
            const struct catalog_index *x = &o->table->indexes[k];
            if (x->foreign == NULL || (o->index != NULL && o->index != x)) continue;
            TRY(remake(b, out, d, &is_reloaded, o->table->id));
            TRY(remake(b, out, d, &is_reloaded, x->foreign->table_id));
        }
    }
    return ST_OK;
}

/* --- DROP ---------------------------------------------------------------------------------- */

static enum status object_name(struct binder *b, const PgQuery__Node *n, struct dropped *out)
{
    if (n->node_case != PG_QUERY__NODE__NODE_LIST || n->list->n_items > 2)
        return bind_unsupported(b, -1, "cross-database references are not supported", NULL);
    *out = (struct dropped){.name = bind_string(n->list->items[n->list->n_items - 1])};
    if (n->list->n_items == 2) out->schema = bind_string(n->list->items[0]);
    return ST_OK;
}

static bool is_schema(const struct binder *b, struct span name)
{
    return name.size == 0 || ddl_is_reserved_schema(name) ||
           sql_catalog_schema(b->catalog, name) != NULL;
}

static const struct catalog_index *find_index(const struct binder *b,
                                              const struct dropped *d,
                                              const struct catalog_table **table)
{
    if (d->schema.size > 0) return sql_catalog_find_index(b->catalog, d->schema, d->name, table);
    for (uint32_t i = 0; i < b->path_count; i++) {
        const struct catalog_index *x =
            sql_catalog_find_index(b->catalog, b->path[i], d->name, table);
        if (x != NULL) return x;
    }
    return NULL;
}

struct drop {
    const PgQuery__DropStmt *stmt;
    const struct kind *kind;
    struct ddl_drops drops;
};

static enum status missing(struct binder *b,
                           struct sql_statement *out,
                           const struct dropped *dropped,
                           const struct drop *d)
{
    struct span name = dropped->name;
    if (!is_schema(b, dropped->schema)) {
        name = dropped->schema;
        if (!d->stmt->missing_ok)
            return bind_fail(b, -1, "3F000", "schema \"%.*s\" does not exist", (int)name.size,
                             (const char *)name.data);
        ddl_skip(b, out, "schema", name);
        return ST_OK;
    }
    if (d->stmt->missing_ok) {
        ddl_skip(b, out, d->kind->name, name);
        return ST_OK;
    }
    return bind_fail(b, -1, d->kind->missing, "%s \"%.*s\" does not exist", d->kind->name,
                     (int)name.size, (const char *)name.data);
}

static enum status wrong_kind(struct binder *b,
                              struct span name,
                              const struct kind *wanted,
                              const struct kind *found)
{
    (void)bind_fail(b, -1, "42809", "\"%.*s\" is not %s %s", (int)name.size,
                    (const char *)name.data, wanted->article, wanted->name);
    diag_hint(b->diag, "Use %s to remove %s %s.", found->tag, found->article, found->name);
    return ST_INVALID;
}

static enum status check_index(struct binder *b, const struct ddl_object *o)
{
    const struct catalog_index *x = o->index;
    const struct catalog_table *t = o->table;
    if (x->kind != CATALOG_PRIMARY && x->kind != CATALOG_UNIQUE) return ST_OK;
    (void)bind_fail(b, -1, "2BP01",
                    "cannot drop index %.*s because constraint %.*s on table %.*s requires it",
                    (int)x->name.size, (const char *)x->name.data, (int)x->name.size,
                    (const char *)x->name.data, (int)t->name.size, (const char *)t->name.data);
    if (b->exec_version >= CASCADE_SINCE)
        diag_hint(b->diag, "You can drop constraint %.*s on table %.*s instead.", (int)x->name.size,
                  (const char *)x->name.data, (int)t->name.size, (const char *)t->name.data);
    return ST_INVALID;
}

static enum status find_object(struct binder *b,
                               struct sql_statement *out,
                               struct drop *d,
                               const struct dropped *name)
{
    struct ddl_object o = {.table = bind_find_table(b, name->schema, name->name)};
    if (o.table == NULL) o.index = find_index(b, name, &o.table);
    if (o.table == NULL) return missing(b, out, name, d);
    if (kind_of(&o) != d->kind) return wrong_kind(b, name->name, d->kind, kind_of(&o));
    if (o.table->id < CATALOG_FIRST_ID)
        return bind_fail(b, -1, "42501", "must be owner of table %.*s", (int)name->name.size,
                         (const char *)name->name.data);
    if (o.index != NULL) TRY(check_index(b, &o));
    return ddl_drops_add(b, &d->drops, o);
}

static enum status find_kind(struct binder *b, struct drop *d, const PgQuery__Node *n)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].type == d->stmt->remove_type) d->kind = &kinds[i];
    const bool is_new =
        d->kind == NULL || (d->kind->statement == SQL_KIND_DDL && b->exec_version < CASCADE_SINCE);
    (void)n;
    if (is_new) return bind_unsupported(b, 0, "DROP is supported for tables and indexes", NULL);
    if (d->stmt->concurrent)
        return bind_needs_or(b, CASCADE_SINCE, 0, "CONCURRENTLY is not supported", "Leave it out.");
    return ST_OK;
}

enum status compile_drop(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    struct drop d = {.stmt = n->drop_stmt};
    if (d.stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA &&
        b->exec_version >= CASCADE_SINCE)
        return ddl_drop_schema(b, out, d.stmt);
    TRY(find_kind(b, &d, n));
    must(d.kind != NULL);
    out->kind = d.kind->statement;
    out->tag = d.kind->tag;
    for (size_t i = 0; i < d.stmt->n_objects; i++) {
        struct dropped name = {0};
        TRY(object_name(b, d.stmt->objects[i], &name));
        TRY(find_object(b, out, &d, &name));
    }
    struct ddl_drop_mode mode = {.is_cascade =
                                     d.stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE};
    if (d.drops.count == 1) mode.subject = ddl_object_text(b, d.drops.items[0]);
    TRY(ddl_drops_close(b, out, &d.drops, mode));
    TRY(ddl_drops_steps(b, out, &d.drops));
    TRY(ddl_drops_triggers(b, out, &d.drops));
    out->is_no_op = out->step_count == 0;
    return out->is_no_op ? ST_OK : ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}
