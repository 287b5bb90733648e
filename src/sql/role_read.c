/* Roles, looked up on the state. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/role_int.h"

#define SELECT_ROLE                                                                                \
    "SELECT r.id, r.name, r.organisation, r.can_login, r.inherits, r.creates_roles, "              \
    "r.creates_ledgers, a.id IS NOT NULL, coalesce(a.is_admin, 0), coalesce(a.custodian, '') "     \
    "FROM \"trustsql.roles\" r LEFT JOIN \"trustsql.accounts\" a ON a.id = r.id "

static enum status status_of(int code)
{
    if (code == SQLITE_NOMEM) return ST_NO_MEMORY;
    return code == SQLITE_CORRUPT ? ST_CORRUPT : ST_IO;
}

static enum status copy_text(struct binder *b, sqlite3_stmt *s, int column, struct span *out)
{
    const unsigned char *text = sqlite3_column_text(s, column);
    if (text == NULL) return bind_no_memory(b); /* The columns are NOT NULL. */
    *out = arena_copy(b->arena, span_of(text, (size_t)sqlite3_column_bytes(s, column)));
    return out->data == NULL ? bind_no_memory(b) : ST_OK;
}

static enum status read_row(struct binder *b, sqlite3_stmt *s, struct role *out)
{
    struct role r = {.id = (uint64_t)sqlite3_column_int64(s, 0),
                     .can_login = sqlite3_column_int(s, 3) != 0,
                     .inherits = sqlite3_column_int(s, 4) != 0,
                     .creates_roles = sqlite3_column_int(s, 5) != 0,
                     .creates_ledgers = sqlite3_column_int(s, 6) != 0,
                     .has_key = sqlite3_column_int(s, 7) != 0,
                     .is_admin = sqlite3_column_int(s, 8) != 0};
    TRY(copy_text(b, s, 1, &r.name));
    TRY(copy_text(b, s, 2, &r.organisation));
    TRY(copy_text(b, s, 9, &r.custodian));
    *out = r;
    return ST_OK;
}

/* ST_NOT_FOUND: no row. name size 0: by id. */
static enum status find(struct binder *b, struct span name, uint64_t id, struct role *out)
{
    sqlite3_stmt *s = NULL;
    must(b->state != NULL);
    const char *text =
        name.size > 0 ? SELECT_ROLE "WHERE r.name = ?1" : SELECT_ROLE "WHERE r.id = ?1";
    int code = sqlite3_prepare_v2(b->state, text, -1, &s, NULL);
    if (code == SQLITE_OK)
        code = name.size > 0
                   ? sqlite3_bind_text(s, 1, (const char *)name.data, (int)name.size, SQLITE_STATIC)
                   : sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    enum status st = ST_NOT_FOUND;
    if (code == SQLITE_ROW)
        st = read_row(b, s, out);
    else if (code != SQLITE_DONE)
        st = status_of(code);
    (void)sqlite3_finalize(s); /* Repeats the code of the step. */
    return st;
}

static enum status no_role(struct binder *b, struct span name)
{
    return bind_fail(b, -1, "42704", "role \"%.*s\" does not exist", (int)name.size,
                     (const char *)name.data);
}

enum status role_by_name(struct binder *b, struct span name, struct role *out)
{
    if (name.size == 0) return no_role(b, name);
    enum status st = find(b, name, 0, out);
    return st == ST_NOT_FOUND ? no_role(b, name) : st;
}

enum status role_by_id(struct binder *b, uint64_t id, struct role *out)
{
    char text[32];
    enum status st = find(b, (struct span){0}, id, out);
    if (st != ST_NOT_FOUND) return st;
    (void)snprintf(text, sizeof text, "%" PRIu64, id);
    return no_role(b, span_text(text));
}

enum status role_exists(struct binder *b, struct span name, bool *exists)
{
    struct role role;
    enum status st = name.size == 0 ? ST_NOT_FOUND : find(b, name, 0, &role);
    *exists = st == ST_OK;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

enum status role_self(struct binder *b, struct role *out)
{
    return role_by_id(b, b->account, out);
}

enum status role_of_spec(struct binder *b, const PgQuery__RoleSpec *spec, struct role *out)
{
    switch (spec->roletype) {
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_ROLE:
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_USER:
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_SESSION_USER: return role_self(b, out);
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC: return no_role(b, span_text("public"));
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING:
    case PG_QUERY__ROLE_SPEC_TYPE__ROLE_SPEC_TYPE_UNDEFINED:
    case _PG_QUERY__ROLE_SPEC_TYPE_IS_INT_SIZE: break;
    }
    return role_by_name(b, bind_cstring(spec->rolename), out);
}

enum status role_next_id(struct binder *b, uint64_t *id)
{
    sqlite3_stmt *s = NULL;
    static const char text[] = "SELECT next FROM \"trustsql.sequences\" WHERE name = 'role'";
    int code = sqlite3_prepare_v2(b->state, text, -1, &s, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    if (code == SQLITE_ROW) *id = (uint64_t)sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s); /* Repeats the code of the step. */
    if (code == SQLITE_DONE) return ST_CORRUPT;
    return code == SQLITE_ROW ? ST_OK : status_of(code);
}

bool role_manages(const struct role *self, const struct role *role)
{
    return self->creates_roles && span_equal(self->organisation, role->organisation) &&
           (!role->is_admin || self->is_admin);
}

enum status role_check_owner(struct binder *b, const struct role *role)
{
    if (sql_catalog_is_member(b->catalog, b->account, role->id)) return ST_OK;
    return bind_fail(b, -1, "42501", "must be member of role \"%.*s\"", (int)role->name.size,
                     (const char *)role->name.data);
}
