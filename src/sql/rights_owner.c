/* Owners: ALTER … OWNER TO, REASSIGN OWNED BY, and who owns a schema.
 *
 * Whoever gives a thing away acts as its owner and is a member of the new one, which may make such
 * things there. What the old owner has granted stays, as the new owner's grant. */
#include <inttypes.h>

#include "base/must.h"
#include "sql/ddl_sequence.h"
#include "sql/role_int.h"

static bool owns_schema(const struct binder *b, const struct catalog_schema *s, bool is_admin)
{
    if (b->account == 0) return true;
    if (s->owner == 0) return is_admin;
    return sql_catalog_acts_as(b->catalog, b->account, s->owner);
}

enum status ddl_check_schema_owner(struct binder *b, const struct catalog_schema *s)
{
    struct role self = {.is_admin = true}; /* A door does not know. */
    if (b->state != NULL && s->owner == 0 && b->account != 0) TRY(role_self(b, &self));
    if (owns_schema(b, s, self.is_admin)) return ST_OK;
    return bind_fail(b, -1, "42501", "must be owner of schema %.*s", (int)s->name.size,
                     (const char *)s->name.data);
}

static enum status move_grants(
    struct binder *b, struct sql_statement *out, uint64_t object, uint64_t from, uint64_t to)
{
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text,
               "INSERT INTO \"trustsql.grants\"(object, part, grantee, grantor, rights, options) "
               "SELECT object, part, grantee, %" PRIu64
               ", rights, options FROM \"trustsql.grants\" WHERE object = %" PRIu64
               " AND grantor = %" PRIu64
               " ON CONFLICT(object, part, grantee, grantor) DO UPDATE SET "
               "rights = rights | excluded.rights, options = options | excluded.options",
               to, object, from);
    TRY(ddl_step_end(b, out, &text));
    ddl_step(b, &text);
    buf_printf(&text,
               "DELETE FROM \"trustsql.grants\" WHERE object = %" PRIu64 " AND (grantor = %" PRIu64
               " OR grantee = %" PRIu64 ")",
               object, from, to);
    return ddl_step_end(b, out, &text);
}

struct owned {
    const char *table; /* "trustsql.tables" … */
    uint64_t id;
    uint64_t owner;
};

static enum status set_owner(struct binder *b,
                             struct sql_statement *out,
                             const struct owned *o,
                             uint64_t to)
{
    struct buf text;
    if (o->owner == to) return ST_OK;
    ddl_step(b, &text);
    buf_printf(&text, "UPDATE \"%s\" SET owner = %" PRIu64 " WHERE id = %" PRIu64, o->table, to,
               o->id);
    TRY(ddl_step_end(b, out, &text));
    return move_grants(b, out, o->id, o->owner, to);
}

/* A table, and the sequences of its columns. */
static enum status set_table_owner(struct binder *b,
                                   struct sql_statement *out,
                                   const struct catalog_table *t,
                                   const struct role *to)
{
    const struct owned table = {"trustsql.tables", t->id, t->owner};
    TRY(set_owner(b, out, &table, to->id));
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *s = sql_catalog_table_at(b->catalog, i);
        struct ddl_sequence sequence;
        if (s->relation != CATALOG_SEQUENCE) continue;
        ddl_sequence_load(&sequence, b->catalog, s);
        if (sequence.table_id != t->id) continue;
        const struct owned owned = {"trustsql.tables", s->id, s->owner};
        TRY(set_owner(b, out, &owned, to->id));
    }
    return ST_OK;
}

static enum status check_place(struct binder *b,
                               const struct catalog_table *t,
                               const struct role *to)
{
    const struct catalog_schema *s = sql_catalog_schema(b->catalog, t->schema);
    must(s != NULL);
    const uint32_t has = sql_catalog_object_rights(b->catalog, s->id, s->owner, to->id);
    if ((has & SQL_RIGHT_CREATE) != 0) return ST_OK;
    return bind_fail(b, -1, "42501", "permission denied for schema %.*s", (int)s->name.size,
                     (const char *)s->name.data);
}

enum status ddl_set_owner(struct binder *b,
                          struct sql_statement *out,
                          const struct catalog_table *t,
                          const PgQuery__RoleSpec *role)
{
    struct role to;
    if (b->state == NULL) return ST_OK;
    TRY(role_of_spec(b, role, &to));
    if (to.id != t->owner) {
        TRY(role_check_owner(b, &to));
        TRY(check_place(b, t, &to));
        TRY(set_table_owner(b, out, t, &to));
    }
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}

/* --- ALTER SCHEMA, ALTER DATABASE … OWNER TO ---------------------------------------------------
 */

static enum status own_schema(struct binder *b,
                              struct sql_statement *out,
                              const PgQuery__AlterOwnerStmt *s)
{
    const struct span name = bind_string(s->object);
    const struct catalog_schema *schema = sql_catalog_schema(b->catalog, name);
    struct role to;
    out->tag = "ALTER SCHEMA";
    if (schema == NULL)
        return bind_fail(b, -1, "3F000", "schema \"%.*s\" does not exist", (int)name.size,
                         (const char *)name.data);
    TRY(ddl_check_schema_owner(b, schema));
    if (b->state == NULL) return ST_OK;
    TRY(role_of_spec(b, s->newowner, &to));
    TRY(role_check_owner(b, &to));
    const struct owned owned = {"trustsql.schemas", schema->id, schema->owner};
    TRY(set_owner(b, out, &owned, to.id));
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}

enum status compile_owner(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__AlterOwnerStmt *s = n->alter_owner_stmt;
    out->kind = SQL_KIND_DDL;
    if (s->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA) return own_schema(b, out, s);
    return bind_unsupported(b, 0, "OWNER TO is supported for relations and schemas", NULL);
}

/* --- REASSIGN OWNED ----------------------------------------------------------------------------
 */

static enum status reassign(struct binder *b,
                            struct sql_statement *out,
                            const struct role *from,
                            const struct role *to)
{
    if (!sql_catalog_acts_as(b->catalog, b->account, from->id) ||
        !sql_catalog_acts_as(b->catalog, b->account, to->id))
        return bind_fail(b, -1, "42501", "permission denied to reassign objects");
    for (uint32_t i = 0; i < sql_catalog_schema_count(b->catalog); i++) {
        const struct catalog_schema *s = sql_catalog_schema_at(b->catalog, i);
        const struct owned owned = {"trustsql.schemas", s->id, s->owner};
        if (s->owner == from->id) TRY(set_owner(b, out, &owned, to->id));
    }
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        const struct owned owned = {"trustsql.tables", t->id, t->owner};
        if (t->id < CATALOG_FIRST_ID || t->owner != from->id) continue;
        TRY(bind_access(b, t, SQL_RIGHT_RULE));
        TRY(set_owner(b, out, &owned, to->id));
    }
    return ST_OK;
}

enum status compile_reassign(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__ReassignOwnedStmt *s = n->reassign_owned_stmt;
    struct role to;
    out->kind = SQL_KIND_DDL;
    out->tag = "REASSIGN OWNED";
    if (b->state == NULL) return ST_OK;
    TRY(role_of_spec(b, s->newrole, &to));
    for (size_t i = 0; i < s->n_roles; i++) {
        struct role from;
        TRY(role_of_spec(b, s->roles[i]->role_spec, &from));
        TRY(reassign(b, out, &from, &to));
    }
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}
