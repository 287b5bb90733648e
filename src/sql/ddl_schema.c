/* CREATE SCHEMA and DROP SCHEMA. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/ddl_drop.h"
#include "sql/role_int.h"

/* AUTHORIZATION of a role that the account is a member of; 0: the account. */
static enum status find_owner(struct binder *b,
                              const PgQuery__CreateSchemaStmt *s,
                              struct role *owner)
{
    if (s->authrole == NULL || b->state == NULL) return ST_OK;
    TRY(role_of_spec(b, s->authrole, owner));
    return role_check_owner(b, owner);
}

static enum status check_ledger(struct binder *b)
{
    const struct catalog_ledger *l = sql_catalog_ledger(b->catalog, span_text("main"));
    must(l != NULL);
    if (b->account == 0) return ST_OK;
    const uint32_t has = sql_catalog_object_rights(b->catalog, l->id, l->owner, b->account);
    if ((has & SQL_RIGHT_CREATE) != 0) return ST_OK;
    return bind_fail(b, -1, "42501", "permission denied for database main");
}

enum status compile_create_schema(struct binder *b,
                                  struct sql_statement *out,
                                  const PgQuery__Node *n)
{
    const PgQuery__CreateSchemaStmt *s = n->create_schema_stmt;
    struct span name = bind_cstring(s->schemaname);
    struct role owner = {.id = 0};
    out->kind = SQL_KIND_DDL;
    out->tag = "CREATE SCHEMA";
    TRY(check_ledger(b));
    TRY(find_owner(b, s, &owner));
    if (name.size == 0 && s->authrole != NULL) name = owner.name; /* AUTHORIZATION alone. */
    if (b->state == NULL && s->authrole != NULL) return ST_OK;
    if (name.size == 0 || s->n_schema_elts > 0)
        return bind_unsupported(b, 0, "CREATE SCHEMA with elements is not supported",
                                "Create them in statements of their own.");
    if (name.size > 3 && memcmp(name.data, "pg_", 3) == 0) {
        (void)bind_fail(b, -1, "42939", "unacceptable schema name \"%.*s\"", (int)name.size,
                        (const char *)name.data);
        diag_detail(b->diag, "The prefix \"pg_\" is reserved for system schemas.");
        return ST_INVALID;
    }
    if (sql_catalog_schema(b->catalog, name) != NULL || ddl_is_reserved_schema(name)) {
        if (!s->if_not_exists)
            return bind_fail(b, -1, "42P06", "schema \"%.*s\" already exists", (int)name.size,
                             (const char *)name.data);
        ddl_notice(b, out, "schema \"%.*s\" already exists, skipping", (int)name.size,
                   (const char *)name.data);
        out->is_no_op = true;
        return ST_OK;
    }
    const uint64_t id = sql_catalog_next_id(b->catalog);
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text, "INSERT INTO \"trustsql.schemas\"(id, name, owner) VALUES (%" PRIu64 ", ",
               id);
    sql_put_text(&text, name);
    if (owner.id > 0)
        buf_printf(&text, ", %" PRIu64 ")", owner.id);
    else
        buf_put_text(&text, ", ?1)");
    TRY(ddl_step_end(b, out, &text));
    return ddl_finish(b, out, id + 1);
}

static enum status add_contents(struct binder *b, struct ddl_drops *d, struct span schema)
{
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        if (span_equal(t->schema, schema))
            TRY(ddl_drops_add(b, d, (struct ddl_object){.table = t}));
    }
    return ST_OK;
}

/* Sequences of columns go with their tables without being told. */
static bool is_told(struct binder *b, const struct ddl_object *o)
{
    return o->index != NULL || sql_catalog_property(b->catalog, o->table->id, 0, "owned").size == 0;
}

static enum status not_empty(struct binder *b, const struct ddl_drops *d, struct span schema)
{
    struct buf details;
    uint32_t told = 0;
    (void)bind_fail(b, -1, "2BP01", "cannot drop schema %.*s because other objects depend on it",
                    (int)schema.size, (const char *)schema.data);
    buf_init(&details, b->arena->mem, 0);
    for (uint32_t i = 0; i < d->count; i++) {
        if (!is_told(b, &d->items[i])) continue;
        buf_printf(&details, "%s%s depends on schema %.*s", told++ > 0 ? "\n" : "",
                   ddl_object_text(b, d->items[i]), (int)schema.size, (const char *)schema.data);
    }
    diag_detail(b->diag, "%.*s", (int)details.size, (const char *)details.data);
    diag_hint(b->diag, "Use DROP ... CASCADE to drop the dependent objects too.");
    buf_fini(&details);
    return ST_INVALID;
}

static enum status drop_one(struct binder *b,
                            struct sql_statement *out,
                            const PgQuery__DropStmt *d,
                            const struct catalog_schema *s)
{
    struct ddl_drops drops = {0};
    const bool is_cascade = d->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
    TRY(ddl_check_schema_owner(b, s));
    TRY(add_contents(b, &drops, s->name));
    if (drops.count > 0 && !is_cascade) return not_empty(b, &drops, s->name);
    uint32_t told = 0;
    for (uint32_t i = 0; i < drops.count; i++)
        told += is_told(b, &drops.items[i]);
    TRY(ddl_drops_close(b, out, &drops, (struct ddl_drop_mode){.is_cascade = true}));
    for (uint32_t i = drops.named; i < drops.count; i++)
        told += is_told(b, &drops.items[i]);
    if (told == 1) ddl_notice(b, out, "drop cascades to %s", ddl_object_text(b, drops.items[0]));
    if (told > 1) ddl_notice(b, out, "drop cascades to %u other objects", told);
    TRY(ddl_drops_steps(b, out, &drops));
    TRY(ddl_number_step(
        b, out,
        (struct ddl_numbered){"DELETE FROM \"trustsql.grants\" WHERE object = ", s->id, ""}));
    TRY(ddl_number_step(
        b, out, (struct ddl_numbered){"DELETE FROM \"trustsql.schemas\" WHERE id = ", s->id, ""}));
    return ddl_drops_triggers(b, out, &drops);
}

enum status ddl_drop_schema(struct binder *b, struct sql_statement *out, const PgQuery__DropStmt *d)
{
    out->kind = SQL_KIND_DDL;
    out->tag = "DROP SCHEMA";
    for (size_t i = 0; i < d->n_objects; i++) {
        const struct span name = bind_string(d->objects[i]);
        const struct catalog_schema *s = sql_catalog_schema(b->catalog, name);
        if (ddl_is_reserved_schema(name))
            return bind_fail(b, -1, "42501", "must be owner of schema %.*s", (int)name.size,
                             (const char *)name.data);
        if (s == NULL && !d->missing_ok)
            return bind_fail(b, -1, "3F000", "schema \"%.*s\" does not exist", (int)name.size,
                             (const char *)name.data);
        if (s == NULL)
            ddl_skip(b, out, "schema", name);
        else
            TRY(drop_one(b, out, d, s));
    }
    out->is_no_op = out->step_count == 0;
    return out->is_no_op ? ST_OK : ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}
