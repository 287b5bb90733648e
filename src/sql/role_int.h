/* role_int.h - Roles as the compiler of DDL sees them. For files of this folder.
 *
 * A role is a row of trustsql.roles; one that has a key is an account, too, of the same id. They
 * are too many to be in a catalog, so they are looked up on the state that the statement will run
 * on. A door has none (b->state is null): there a statement about roles is checked as far as its
 * text goes, and the nodes that execute it do the rest. */
#ifndef TRUSTSQL_SQL_ROLE_INT_H
#define TRUSTSQL_SQL_ROLE_INT_H

#include "crypto/sign.h"
#include "sql/ddl_int.h"

struct role {
    uint64_t id;
    struct span name;
    struct span organisation; /* Of whoever made it: others do not change it. */
    bool can_login;
    bool inherits;
    bool creates_roles;
    bool creates_ledgers;
    bool has_key;          /* It is an account. */
    bool is_admin;         /* Of the chain. */
    struct span custodian; /* Of its key; size 0: its owner. */
};

/* Strings in b's arena. 42704 when there is none. */
NODISCARD enum status role_by_name(struct binder *b, struct span name, struct role *out);
NODISCARD enum status role_by_id(struct binder *b, uint64_t id, struct role *out);
/* Is there one of this name? */
NODISCARD enum status role_exists(struct binder *b, struct span name, bool *exists);
/* A name, CURRENT_ROLE, SESSION_USER …; PUBLIC is none. */
NODISCARD enum status role_of_spec(struct binder *b,
                                   const PgQuery__RoleSpec *spec,
                                   struct role *out);
/* The one that runs the statement. */
NODISCARD enum status role_self(struct binder *b, struct role *out);
/* The id that a new role gets. */
NODISCARD enum status role_next_id(struct binder *b, uint64_t *id);

/* A rule for who may manage a role: it creates roles, in the organisation that made it. */
bool role_manages(const struct role *self, const struct role *role);

/* role_member.c */
struct role_membership {
    const struct role *role;
    const struct role *member;
    bool is_admin; /* WITH ADMIN OPTION; of REVOKE: that alone. */
};
NODISCARD enum status role_join(struct binder *b,
                                struct sql_statement *out,
                                const struct role_membership *m);
NODISCARD enum status role_leave(struct binder *b,
                                 struct sql_statement *out,
                                 const struct role_membership *m);

NODISCARD enum status role_rename(struct binder *b,
                                  struct sql_statement *out,
                                  const PgQuery__RenameStmt *s);

/* May the account own what it gives to role: is it a member (42501)? */
NODISCARD enum status role_check_owner(struct binder *b, const struct role *role);

#endif
