/* GRANT role TO role, REVOKE role FROM role. */
#include <inttypes.h>

#include "base/must.h"
#include "sql/role_int.h"

static const struct catalog_member *find_member(const struct binder *b,
                                                const struct role_membership *m)
{
    uint32_t count = 0;
    const struct catalog_member *members = sql_catalog_members(b->catalog, &count);
    for (uint32_t i = 0; i < count; i++)
        if (members[i].member == m->member->id && members[i].role == m->role->id)
            return &members[i];
    return NULL;
}

/* Whose membership, direct or not, has the ADMIN OPTION. */
static bool is_admin_of(const struct binder *b, uint64_t account, uint64_t role)
{
    uint32_t count = 0;
    const struct catalog_member *members = sql_catalog_members(b->catalog, &count);
    if (account == role) return true; /* As in PostgreSQL 15, for its own session. */
    for (uint32_t i = 0; i < count; i++)
        if (members[i].role == role && members[i].is_admin &&
            sql_catalog_is_member(b->catalog, account, members[i].member))
            return true;
    return false;
}

static enum status check_right(struct binder *b, const struct role_membership *m)
{
    struct role self;
    TRY(role_self(b, &self));
    if (m->role->is_admin && !self.is_admin)
        return bind_fail(b, -1, "42501", "must be superuser to alter superusers");
    if (role_manages(&self, m->role) || is_admin_of(b, self.id, m->role->id)) return ST_OK;
    return bind_fail(b, -1, "42501", "must have admin option on role \"%.*s\"",
                     (int)m->role->name.size, (const char *)m->role->name.data);
}

enum status role_join(struct binder *b, struct sql_statement *out, const struct role_membership *m)
{
    struct buf text;
    TRY(check_right(b, m));
    if (sql_catalog_is_member(b->catalog, m->role->id, m->member->id))
        return bind_fail(b, -1, "0LP01", "role \"%.*s\" is a member of role \"%.*s\"",
                         (int)m->role->name.size, (const char *)m->role->name.data,
                         (int)m->member->name.size, (const char *)m->member->name.data);
    const struct catalog_member *old = find_member(b, m);
    if (old != NULL && (old->is_admin || !m->is_admin)) {
        ddl_notice(b, out, "role \"%.*s\" is already a member of role \"%.*s\"",
                   (int)m->member->name.size, (const char *)m->member->name.data,
                   (int)m->role->name.size, (const char *)m->role->name.data);
        return ST_OK;
    }
    ddl_step(b, &text);
    buf_printf(&text,
               "INSERT INTO \"trustsql.role_members\"(role, member, grantor, is_admin) "
               "VALUES(%" PRIu64 ", %" PRIu64 ", %" PRIu64
               ", %d) ON CONFLICT(role, member) DO UPDATE SET is_admin = excluded.is_admin",
               m->role->id, m->member->id, b->account, m->is_admin);
    return ddl_step_end(b, out, &text);
}

enum status role_leave(struct binder *b, struct sql_statement *out, const struct role_membership *m)
{
    struct buf text;
    TRY(check_right(b, m));
    if (find_member(b, m) == NULL) {
        ddl_notice(b, out, "role \"%.*s\" is not a member of role \"%.*s\"",
                   (int)m->member->name.size, (const char *)m->member->name.data,
                   (int)m->role->name.size, (const char *)m->role->name.data);
        return ST_OK;
    }
    ddl_step(b, &text);
    buf_put_text(&text, m->is_admin ? "UPDATE \"trustsql.role_members\" SET is_admin = 0"
                                    : "DELETE FROM \"trustsql.role_members\"");
    buf_printf(&text, " WHERE role = %" PRIu64 " AND member = %" PRIu64, m->role->id,
               m->member->id);
    return ddl_step_end(b, out, &text);
}

static enum status check_grantor(struct binder *b, const PgQuery__RoleSpec *grantor)
{
    struct role role;
    if (grantor == NULL) return ST_OK;
    TRY(role_of_spec(b, grantor, &role));
    if (role.id == b->account) return ST_OK;
    return bind_fail(b, -1, "42501", "must be superuser to set grantor");
}

enum status compile_grant_role(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__GrantRoleStmt *s = n->grant_role_stmt;
    out->kind = SQL_KIND_DDL;
    out->tag = s->is_grant ? "GRANT ROLE" : "REVOKE ROLE";
    for (size_t i = 0; i < s->n_granted_roles; i++)
        if (s->granted_roles[i]->access_priv->n_cols > 0)
            return bind_fail(b, -1, "0LP01",
                             "column names cannot be included in GRANT/REVOKE ROLE");
    if (b->state == NULL) return ST_OK;
    TRY(check_grantor(b, s->grantor));
    for (size_t i = 0; i < s->n_granted_roles; i++) {
        struct role role;
        TRY(role_by_name(b, bind_cstring(s->granted_roles[i]->access_priv->priv_name), &role));
        for (size_t k = 0; k < s->n_grantee_roles; k++) {
            struct role member;
            TRY(role_of_spec(b, s->grantee_roles[k]->role_spec, &member));
            const struct role_membership m = {
                .role = &role, .member = &member, .is_admin = s->admin_opt != 0};
            TRY(s->is_grant ? role_join(b, out, &m) : role_leave(b, out, &m));
        }
    }
    out->is_no_op = out->step_count == 0;
    return out->is_no_op ? ST_OK : ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}
