/* CREATE, ALTER and DROP ROLE (USER, GROUP), and ALTER ROLE … RENAME.
 *
 * What PostgreSQL lets everybody with CREATEROLE do to any role, here only those of the same
 * organisation may: members of a chain do not trust one another, and whoever sets the password of
 * an account signs for it from then on.
 *
 * A password does not reach this far but at a door, which keeps a new key under it and sends
 * PASSWORD 'TRUSTSQL$custodian$public key' instead (sql_password). */
#include <inttypes.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/must.h"
#include "crypto/account_id.h"
#include "sql/lex.h"
#include "sql/role_int.h"

#define NAME_MAX_BYTES 63u
#define LISTS          3u
#define DETAILS_MAX    100u /* Lines, as PostgreSQL tells. */

enum flag { FLAG_LOGIN, FLAG_INHERIT, FLAG_CREATEROLE, FLAG_CREATEDB, FLAGS };

struct options {
    signed char flags[FLAGS]; /* −1: not said. */
    const PgQuery__DefElem *password;
    const PgQuery__DefElem *lists[LISTS]; /* IN ROLE, ROLE, ADMIN. */
    struct span custodian;
    struct public_key *key; /* Of the password, when it is one; null: none. */
};

enum list { LIST_IN, LIST_MEMBERS, LIST_ADMINS };

/* --- options ------------------------------------------------------------------------------- */

static enum status once(struct binder *b, bool is_there, const PgQuery__DefElem *e)
{
    if (!is_there) return ST_OK;
    return bind_fail(b, e->location, "42601", "conflicting or redundant options");
}

static bool is_true(const PgQuery__DefElem *e)
{
    if (e->arg == NULL) return true;
    if (e->arg->node_case == PG_QUERY__NODE__NODE_BOOLEAN) return e->arg->boolean->boolval != 0;
    return e->arg->node_case == PG_QUERY__NODE__NODE_INTEGER && e->arg->integer->ival != 0;
}

/* Nobody is above the rights here, so nobody can be put there. */
static enum status no_superuser(struct binder *b, const PgQuery__DefElem *e, const char *what)
{
    if (!is_true(e)) return ST_OK;
    (void)bind_fail(b, -1, "42501", "must be superuser to create %s", what);
    diag_hint(b->diag, "A chain has no superusers.");
    return ST_INVALID;
}

static enum status take_flag(struct binder *b,
                             struct options *o,
                             enum flag flag,
                             const PgQuery__DefElem *e)
{
    TRY(once(b, o->flags[flag] >= 0, e));
    o->flags[flag] = is_true(e) ? 1 : 0;
    return ST_OK;
}

static enum status take_limit(struct binder *b, const PgQuery__DefElem *e)
{
    const bool is_none = e->arg != NULL && e->arg->node_case == PG_QUERY__NODE__NODE_INTEGER &&
                         e->arg->integer->ival == -1;
    if (is_none) return ST_OK;
    return bind_unsupported(b, e->location, "CONNECTION LIMIT of a role is not supported",
                            "Each node limits its own connections.");
}

static enum status take_until(struct binder *b, const PgQuery__DefElem *e)
{
    const bool is_ever = e->arg != NULL && span_equal(bind_string(e->arg), span_text("infinity"));
    if (is_ever) return ST_OK;
    return bind_unsupported(b, e->location, "VALID UNTIL is not supported",
                            "ALTER ROLE ... NOLOGIN ends it when its time has come.");
}

static enum status take_option(struct binder *b, struct options *o, const PgQuery__DefElem *e)
{
    static const struct {
        const char *name;
        enum flag flag;
    } flags[] = {{"canlogin", FLAG_LOGIN},
                 {"inherit", FLAG_INHERIT},
                 {"createrole", FLAG_CREATEROLE},
                 {"createdb", FLAG_CREATEDB}};
    static const char *const lists[LISTS] = {"addroleto", "rolemembers", "adminmembers"};
    for (size_t i = 0; i < FLAGS; i++)
        if (strcmp(e->defname, flags[i].name) == 0) return take_flag(b, o, flags[i].flag, e);
    for (size_t i = 0; i < LISTS; i++) {
        if (strcmp(e->defname, lists[i]) != 0) continue;
        TRY(once(b, o->lists[i] != NULL, e));
        o->lists[i] = e;
        return ST_OK;
    }
    if (strcmp(e->defname, "password") == 0) {
        TRY(once(b, o->password != NULL, e));
        o->password = e;
        return ST_OK;
    }
    if (strcmp(e->defname, "superuser") == 0) return no_superuser(b, e, "superusers");
    if (strcmp(e->defname, "isreplication") == 0) return no_superuser(b, e, "replication users");
    if (strcmp(e->defname, "bypassrls") == 0) return no_superuser(b, e, "bypassrls users");
    if (strcmp(e->defname, "connectionlimit") == 0) return take_limit(b, e);
    if (strcmp(e->defname, "validUntil") == 0) return take_until(b, e);
    if (strcmp(e->defname, "sysid") == 0) return ST_OK; /* PostgreSQL ignores it, too. */
    return bind_unsupported(b, e->location, "this option of a role is not supported", NULL);
}

/* --- passwords ----------------------------------------------------------------------------- */

static bool begins(struct span text, const char *with)
{
    const size_t size = strlen(with);
    return text.size >= size && memcmp(text.data, with, size) == 0;
}

/* Where the literal behind PASSWORD stands in the text. */
static enum status find_literal(struct binder *b, int32_t from, size_t *start, size_t *end)
{
    struct lex_token t = lex_next(b->text, from < 0 ? 0 : (size_t)from);
    while (t.kind == LEX_WORD || t.kind == LEX_OTHER)
        t = lex_next(b->text, t.start + t.size);
    if (t.kind != LEX_STRING)
        return bind_unsupported(b, from, "this form of a password is not supported", NULL);
    *start = t.start;
    for (; t.kind == LEX_STRING; t = lex_next(b->text, t.start + t.size))
        *end = t.start + t.size; /* 'a' and 'b' in two lines are one. */
    return ST_OK;
}

static enum status note_password(struct binder *b,
                                 const PgQuery__DefElem *e,
                                 struct span role,
                                 bool is_new)
{
    size_t start = 0;
    size_t end = 0;
    struct sql_password *p = arena_alloc_zero(b->arena, 1, sizeof *p);
    if (p == NULL) return bind_no_memory(b);
    TRY(find_literal(b, e->location, &start, &end));
    p->role = role;
    p->value = bind_string(e->arg);
    p->before = span_of(b->text.data, start);
    p->after = span_of(b->text.data + end, b->text.size - end);
    p->is_new = is_new;
    b->password = p;
    return ST_OK;
}

/* TRUSTSQL$custodian$public key */
static enum status take_key(struct binder *b, struct options *o, struct span text)
{
    struct public_key key = {0};
    size_t at = text.size;
    const size_t first = sizeof SQL_KEY_PREFIX - 1;
    while (at > first && text.data[at - 1] != '$')
        at--;
    const struct span hex = span_of(text.data + at, text.size - at);
    key.size = (uint8_t)(hex.size / 2 <= SIGN_PUBLIC_MAX ? hex.size / 2 : 0);
    key.scheme = key.size == 33 ? SIGN_SECP256K1 : SIGN_ED25519;
    const bool is_key = at > first && hex.size % 2 == 0 && (key.size == 32 || key.size == 33) &&
                        hex_decode(key.bytes, key.size, hex) == ST_OK &&
                        public_key_is_formed(&key) && at - 1 - first <= NAME_MAX_BYTES;
    if (!is_key) {
        (void)bind_fail(b, -1, "22023", "this is not a public key");
        diag_hint(b->diag, "Write PASSWORD '" SQL_KEY_PREFIX "custodian$public key'.");
        return ST_INVALID;
    }
    o->custodian = span_of(text.data + first, at - 1 - first);
    o->key = arena_alloc_zero(b->arena, 1, sizeof *o->key);
    if (o->key == NULL) return bind_no_memory(b);
    *o->key = key;
    return ST_OK;
}

static enum status take_password(struct binder *b, struct options *o, struct span role, bool is_new)
{
    const PgQuery__DefElem *e = o->password;
    if (e == NULL || e->arg == NULL) return ST_OK; /* None, or PASSWORD NULL. */
    const struct span text = bind_string(e->arg);
    if (begins(text, SQL_KEY_PREFIX)) return take_key(b, o, text);
    if (begins(text, "SCRAM-SHA-256$") || (begins(text, "md5") && text.size == 35))
        return bind_unsupported(b, e->location, "a hashed password is not supported",
                                "The account needs a key under its password: write it in clear.");
    if (text.size == 0) /* PostgreSQL takes it as none, with a notice. */
        return bind_unsupported(b, e->location, "an empty password is not supported", NULL);
    if (b->state == NULL) return note_password(b, e, role, is_new);
    return bind_unsupported(b, e->location, "a password cannot be part of a transaction",
                            "Send the statement to the node that shall keep the account's key.");
}

static enum status read_options(struct binder *b,
                                struct options *o,
                                PgQuery__Node *const *items,
                                size_t count)
{
    memset(o->flags, -1, sizeof o->flags);
    for (size_t i = 0; i < count; i++)
        TRY(take_option(b, o, items[i]->def_elem));
    return ST_OK;
}

/* --- steps --------------------------------------------------------------------------------- */

static enum status text_step(struct binder *b,
                             struct sql_statement *out,
                             const char *format,
                             uint64_t number)
{
    const char *at = strchr(format, '#');
    must(at != NULL);
    struct buf text;
    ddl_step(b, &text);
    buf_put(&text, span_of(format, (size_t)(at - format)));
    buf_printf(&text, "%" PRIu64 "%s", number, at + 1);
    return ddl_step_end(b, out, &text);
}

static enum status check_address(struct binder *b, const char *address)
{
    sqlite3_stmt *s = NULL;
    static const char query[] = "SELECT 1 FROM \"trustsql.accounts\" WHERE address = ?1";
    int code = sqlite3_prepare_v2(b->state, query, -1, &s, NULL);
    if (code == SQLITE_OK) code = sqlite3_bind_text(s, 1, address, -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    (void)sqlite3_finalize(s); /* Repeats the code of the step. */
    if (code == SQLITE_ROW)
        return bind_fail(b, -1, "42710", "the key belongs to another account already");
    if (code == SQLITE_NOMEM) return ST_NO_MEMORY;
    return code == SQLITE_DONE ? ST_OK : ST_IO;
}

static void put_key(struct buf *text, const struct public_key *key)
{
    char hex[2 * SIGN_PUBLIC_MAX + 1];
    hex_encode(hex, span_of(key->bytes, key->size));
    buf_printf(text, "%u, x'%s'", key->scheme, hex);
}

/* The role becomes an account: its address is that of its first key. */
static enum status add_account(struct binder *b,
                               struct sql_statement *out,
                               const struct options *o,
                               const struct role *role)
{
    char address[ACCOUNT_TEXT_MAX];
    struct buf text;
    const struct account_id id = account_id_of(o->key);
    account_id_text(address, &id);
    TRY(check_address(b, address));
    ddl_step(b, &text);
    buf_printf(&text,
               "INSERT INTO \"trustsql.accounts\"(id, name, address, scheme, public_key, "
               "custodian, organisation, is_admin, created_height, is_closed) VALUES(%" PRIu64 ", ",
               role->id);
    sql_put_text(&text, role->name);
    buf_printf(&text, ", '%s', ", address);
    put_key(&text, o->key);
    buf_put_text(&text, ", ");
    sql_put_text(&text, o->custodian);
    buf_put_text(&text, ", ");
    sql_put_text(&text, role->organisation);
    buf_printf(&text, ", 0, %" PRIu64 ", 0)", b->height);
    out->key = o->key;
    out->changes_accounts = true;
    return ddl_step_end(b, out, &text);
}

static enum status replace_key(struct binder *b,
                               struct sql_statement *out,
                               const struct options *o,
                               const struct role *role)
{
    struct buf text;
    ddl_step(b, &text);
    buf_put_text(&text, "UPDATE \"trustsql.accounts\" SET (scheme, public_key) = (");
    put_key(&text, o->key);
    buf_put_text(&text, "), custodian = ");
    sql_put_text(&text, o->custodian);
    buf_printf(&text, " WHERE id = %" PRIu64, role->id);
    out->key = o->key;
    out->changes_accounts = true;
    return ddl_step_end(b, out, &text);
}

static enum status put_members(struct binder *b,
                               struct sql_statement *out,
                               const struct options *o,
                               const struct role *role)
{
    for (int list = LIST_IN; list <= LIST_ADMINS; list++) {
        const PgQuery__DefElem *e = o->lists[list];
        for (size_t i = 0; e != NULL && e->arg != NULL && i < e->arg->list->n_items; i++) {
            struct role other;
            TRY(role_of_spec(b, e->arg->list->items[i]->role_spec, &other));
            const struct role_membership m = {.role = list == LIST_IN ? &other : role,
                                              .member = list == LIST_IN ? role : &other,
                                              .is_admin = list == LIST_ADMINS};
            TRY(role_join(b, out, &m));
        }
    }
    return ST_OK;
}

/* --- CREATE -------------------------------------------------------------------------------- */

static enum status check_name(struct binder *b, struct span name)
{
    const bool is_word =
        span_equal(name, span_text("public")) || span_equal(name, span_text("none"));
    if (is_word || begins(name, "pg_")) {
        (void)bind_fail(b, -1, "42939", "role name \"%.*s\" is reserved", (int)name.size,
                        (const char *)name.data);
        if (!is_word) diag_detail(b->diag, "Role names starting with \"pg_\" are reserved.");
        return ST_INVALID;
    }
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f)
            return bind_fail(b, -1, "22023", "the name of a role has no control characters");
    return ST_OK;
}

static enum status check_free(struct binder *b, struct span name)
{
    bool exists = false;
    TRY(role_exists(b, name, &exists));
    if (!exists) return ST_OK;
    return bind_fail(b, -1, "42710", "role \"%.*s\" already exists", (int)name.size,
                     (const char *)name.data);
}

static bool flag(const struct options *o, enum flag which, bool otherwise)
{
    return o->flags[which] < 0 ? otherwise : o->flags[which] != 0;
}

static enum status insert_role(struct binder *b, struct sql_statement *out, const struct role *role)
{
    struct buf text;
    ddl_step(b, &text);
    buf_printf(&text,
               "INSERT INTO \"trustsql.roles\"(id, can_login, inherits, creates_roles, "
               "creates_ledgers, name, organisation) VALUES(%" PRIu64 ", %d, %d, %d, %d, ",
               role->id, role->can_login, role->inherits, role->creates_roles,
               role->creates_ledgers);
    sql_put_text(&text, role->name);
    buf_put_text(&text, ", ");
    sql_put_text(&text, role->organisation);
    buf_put_u8(&text, ')');
    TRY(ddl_step_end(b, out, &text));
    return text_step(b, out, "UPDATE \"trustsql.sequences\" SET next = # WHERE name = 'role'",
                     role->id + 1);
}

static enum status create_role(struct binder *b,
                               struct sql_statement *out,
                               const struct options *o,
                               struct role *role)
{
    struct role self;
    TRY(role_self(b, &self));
    if (!self.creates_roles) return bind_fail(b, -1, "42501", "permission denied to create role");
    if (role->creates_ledgers && !self.creates_ledgers)
        return bind_fail(b, -1, "42501", "must have createdb privilege to change createdb");
    TRY(check_free(b, role->name));
    role->organisation = self.organisation;
    TRY(role_next_id(b, &role->id));
    TRY(insert_role(b, out, role));
    if (o->key != NULL) TRY(add_account(b, out, o, role));
    TRY(put_members(b, out, o, role));
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}

enum status compile_create_role(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__CreateRoleStmt *s = n->create_role_stmt;
    struct options o = {0};
    struct role role = {.name = bind_cstring(s->role)};
    out->kind = SQL_KIND_DDL;
    out->tag = "CREATE ROLE";
    TRY(check_name(b, role.name));
    TRY(read_options(b, &o, s->options, s->n_options));
    TRY(take_password(b, &o, role.name, true));
    if (b->state == NULL) return ST_OK;
    const bool is_user = s->stmt_type == PG_QUERY__ROLE_STMT_TYPE__ROLESTMT_USER;
    role.can_login = flag(&o, FLAG_LOGIN, is_user);
    role.inherits = flag(&o, FLAG_INHERIT, true);
    role.creates_roles = flag(&o, FLAG_CREATEROLE, false);
    role.creates_ledgers = flag(&o, FLAG_CREATEDB, false);
    return create_role(b, out, &o, &role);
}

/* --- ALTER --------------------------------------------------------------------------------- */

static bool says_password_alone(const struct options *o)
{
    for (int i = 0; i < FLAGS; i++)
        if (o->flags[i] >= 0) return false;
    return o->password != NULL && o->lists[LIST_MEMBERS] == NULL;
}

static enum status check_alter(struct binder *b,
                               const struct options *o,
                               const struct role *self,
                               const struct role *role)
{
    if (self->id == role->id && says_password_alone(o)) return ST_OK;
    if (role->is_admin && !self->is_admin)
        return bind_fail(b, -1, "42501",
                         "must be superuser to alter superuser roles or change superuser "
                         "attribute");
    if (!role_manages(self, role)) return bind_fail(b, -1, "42501", "permission denied");
    if (o->flags[FLAG_CREATEDB] > 0 && !self->creates_ledgers)
        return bind_fail(b, -1, "42501", "must have createdb privilege to change createdb");
    return ST_OK;
}

static enum status alter_password(struct binder *b,
                                  struct sql_statement *out,
                                  const struct options *o,
                                  const struct role *self,
                                  const struct role *role)
{
    if (o->key == NULL && !role->has_key) return ST_OK; /* PASSWORD NULL. */
    if (o->key == NULL)
        return bind_unsupported(b, o->password->location,
                                "an account keeps its password until it gets another one",
                                "ALTER ROLE ... NOLOGIN keeps it out.");
    if (!role->has_key) return add_account(b, out, o, role);
    if (role->custodian.size == 0 && self->id != role->id)
        return bind_fail(b, -1, "42501", "the owner of account \"%.*s\" keeps its key",
                         (int)role->name.size, (const char *)role->name.data);
    return replace_key(b, out, o, role);
}

static enum status alter_flags(struct binder *b,
                               struct sql_statement *out,
                               const struct options *o,
                               const struct role *role)
{
    static const char *const names[FLAGS] = {"can_login", "inherits", "creates_roles",
                                             "creates_ledgers"};
    for (int i = 0; i < FLAGS; i++) {
        struct buf text;
        if (o->flags[i] < 0) continue;
        ddl_step(b, &text);
        buf_printf(&text, "UPDATE \"trustsql.roles\" SET %s = %d WHERE id = %" PRIu64, names[i],
                   o->flags[i], role->id);
        TRY(ddl_step_end(b, out, &text));
    }
    return ST_OK;
}

/* ALTER GROUP g ADD USER u, DROP USER u. */
static enum status alter_members(struct binder *b,
                                 struct sql_statement *out,
                                 const struct options *o,
                                 const struct role *role,
                                 bool is_drop)
{
    const PgQuery__DefElem *e = o->lists[LIST_MEMBERS];
    for (size_t i = 0; e != NULL && e->arg != NULL && i < e->arg->list->n_items; i++) {
        struct role member;
        TRY(role_of_spec(b, e->arg->list->items[i]->role_spec, &member));
        const struct role_membership m = {.role = role, .member = &member};
        TRY(is_drop ? role_leave(b, out, &m) : role_join(b, out, &m));
    }
    return ST_OK;
}

enum status compile_alter_role(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__AlterRoleStmt *s = n->alter_role_stmt;
    struct options o = {0};
    struct role self;
    struct role role;
    out->kind = SQL_KIND_DDL;
    out->tag = "ALTER ROLE";
    const bool is_named = s->role->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING;
    const struct span name = is_named ? bind_cstring(s->role->rolename) : (struct span){0};
    TRY(read_options(b, &o, s->options, s->n_options));
    TRY(take_password(b, &o, name, false));
    if (b->state == NULL) return ST_OK;
    TRY(role_self(b, &self));
    TRY(role_of_spec(b, s->role, &role));
    TRY(check_alter(b, &o, &self, &role));
    if (o.password != NULL) TRY(alter_password(b, out, &o, &self, &role));
    TRY(alter_flags(b, out, &o, &role));
    TRY(alter_members(b, out, &o, &role, s->action < 0));
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}

enum status role_rename(struct binder *b, struct sql_statement *out, const PgQuery__RenameStmt *s)
{
    struct role self;
    struct role role;
    const struct span name = bind_cstring(s->newname);
    out->tag = "ALTER ROLE";
    TRY(check_name(b, name));
    if (b->state == NULL) return ST_OK;
    TRY(role_self(b, &self));
    TRY(role_by_name(b, bind_cstring(s->subname), &role));
    if (role.id == self.id) return bind_fail(b, -1, "0A000", "session user cannot be renamed");
    TRY(check_free(b, name));
    if (!role_manages(&self, &role))
        return bind_fail(b, -1, "42501", "permission denied to rename role");
    for (int i = 0; i < 2; i++) {
        struct buf text;
        ddl_step(b, &text);
        buf_printf(&text, "UPDATE \"trustsql.%s\" SET name = ", i == 0 ? "roles" : "accounts");
        sql_put_text(&text, name);
        buf_printf(&text, " WHERE id = %" PRIu64, role.id);
        TRY(ddl_step_end(b, out, &text));
    }
    out->changes_accounts = true;
    return ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}

/* --- DROP ---------------------------------------------------------------------------------- */

struct details { /* What a role cannot be dropped for. */
    struct buf text;
    uint32_t count;
};

static void tell(struct details *d, const char *what, const char *kind, struct span name)
{
    if (d->count++ < DETAILS_MAX)
        buf_printf(&d->text, "%s%s %s %.*s", d->text.size > 0 ? "\n" : "", what, kind,
                   (int)name.size, (const char *)name.data);
}

static void tell_table(struct details *d, const char *what, const struct catalog_table *t)
{
    char name[2 * NAME_MAX_BYTES + 2];
    const bool is_near = span_equal(t->schema, span_text("public"));
    (void)snprintf(name, sizeof name, "%.*s%s%.*s", is_near ? 0 : (int)t->schema.size,
                   (const char *)t->schema.data, is_near ? "" : ".", (int)t->name.size,
                   (const char *)t->name.data);
    tell(d, what, sql_relation_kind(t), span_text(name));
}

static void tell_grant(struct binder *b, struct details *d, const struct catalog_grant *g)
{
    const struct catalog_table *t = sql_catalog_by_id(b->catalog, g->object);
    const struct catalog_schema *s = sql_catalog_schema_by_id(b->catalog, g->object);
    if (g->object == CATALOG_LEDGER_ID)
        tell(d, "privileges for", "database", span_text("main"));
    else if (s != NULL)
        tell(d, "privileges for", "schema", s->name);
    else if (t != NULL && g->part == 0)
        tell_table(d, "privileges for", t);
    else if (t != NULL && g->part <= t->column_count)
        tell_table(d, "privileges for column of", t);
}

/* What it owns is told once, with all that it has granted there. */
static bool owns(const struct binder *b, uint64_t object, uint64_t id)
{
    const struct catalog_table *t = sql_catalog_by_id(b->catalog, object);
    const struct catalog_schema *s = sql_catalog_schema_by_id(b->catalog, object);
    return s != NULL ? s->owner == id : t != NULL && t->owner == id;
}

static void collect(struct binder *b, struct details *d, uint64_t id)
{
    uint32_t count = 0;
    const struct catalog_grant *grants = sql_catalog_all_grants(b->catalog, &count);
    for (uint32_t i = 0; i < sql_catalog_schema_count(b->catalog); i++) {
        const struct catalog_schema *s = sql_catalog_schema_at(b->catalog, i);
        if (s->owner == id) tell(d, "owner of", "schema", s->name);
    }
    for (uint32_t i = 0; i < sql_catalog_table_count(b->catalog); i++) {
        const struct catalog_table *t = sql_catalog_table_at(b->catalog, i);
        if (t->owner == id && t->id >= CATALOG_FIRST_ID) tell_table(d, "owner of", t);
    }
    for (uint32_t i = 0; i < count; i++) {
        const bool is_twice = i > 0 && grants[i - 1].object == grants[i].object &&
                              grants[i - 1].part == grants[i].part &&
                              (grants[i - 1].grantee == id || grants[i - 1].grantor == id);
        if (is_twice || owns(b, grants[i].object, id)) continue;
        if (grants[i].grantee == id || grants[i].grantor == id) tell_grant(b, d, &grants[i]);
    }
}

static enum status check_unused(struct binder *b, const struct role *role)
{
    struct details d = {.count = 0};
    buf_init(&d.text, b->arena->mem, 0);
    collect(b, &d, role->id);
    enum status st = ST_OK;
    if (d.count > 0) {
        st = bind_fail(b, -1, "2BP01",
                       "role \"%.*s\" cannot be dropped because some objects depend on it",
                       (int)role->name.size, (const char *)role->name.data);
        diag_detail(b->diag, "%.*s", (int)d.text.size, (const char *)d.text.data);
    }
    buf_fini(&d.text);
    return st;
}

/* A name is free again; the account keeps its row, closed: its address is of one holder for ever.
 */
static enum status drop_steps(struct binder *b, struct sql_statement *out, const struct role *role)
{
    static const char *const texts[] = {
        "DELETE FROM \"trustsql.role_members\" WHERE role = #",
        "DELETE FROM \"trustsql.role_members\" WHERE member = #",
        "DELETE FROM \"trustsql.roles\" WHERE id = #",
        "UPDATE \"trustsql.accounts\" SET is_closed = 1, name = 'pg_dropped_' || id WHERE id = #",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        TRY(text_step(b, out, texts[i], role->id));
    out->changes_accounts = true;
    return ST_OK;
}

static enum status drop_one(struct binder *b,
                            struct sql_statement *out,
                            const PgQuery__RoleSpec *spec,
                            bool missing_ok)
{
    struct role self;
    struct role role;
    bool exists = true;
    TRY(role_self(b, &self));
    if (!self.creates_roles) return bind_fail(b, -1, "42501", "permission denied to drop role");
    if (spec->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING)
        TRY(role_exists(b, bind_cstring(spec->rolename), &exists));
    if (!exists && missing_ok) {
        ddl_notice(b, out, "role \"%s\" does not exist, skipping", spec->rolename);
        return ST_OK;
    }
    TRY(role_of_spec(b, spec, &role));
    if (role.id == self.id) return bind_fail(b, -1, "55006", "current user cannot be dropped");
    if (role.is_admin && !self.is_admin)
        return bind_fail(b, -1, "42501", "must be superuser to drop superusers");
    if (!role_manages(&self, &role))
        return bind_fail(b, -1, "42501", "permission denied to drop role");
    TRY(check_unused(b, &role));
    return drop_steps(b, out, &role);
}

enum status compile_drop_role(struct binder *b, struct sql_statement *out, const PgQuery__Node *n)
{
    const PgQuery__DropRoleStmt *s = n->drop_role_stmt;
    out->kind = SQL_KIND_DDL;
    out->tag = "DROP ROLE";
    if (b->state == NULL) return ST_OK;
    for (size_t i = 0; i < s->n_roles; i++)
        TRY(drop_one(b, out, s->roles[i]->role_spec, s->missing_ok));
    out->is_no_op = out->step_count == 0;
    return out->is_no_op ? ST_OK : ddl_finish(b, out, sql_catalog_next_id(b->catalog));
}
