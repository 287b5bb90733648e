/* accounts.h - Rows of trustsql.accounts, and a bounded cache of them by address.
 *
 * The cache belongs to the execution thread; whoever may have changed or rolled back a row calls
 * accounts_forget. Names are what clients log in with, unique for ever: a closed account keeps its
 * row, so its name, address and id are never given to somebody else. */
#ifndef TRUSTSQL_EXEC_MODULES_SYSTEM_ACCOUNTS_H
#define TRUSTSQL_EXEC_MODULES_SYSTEM_ACCOUNTS_H

#include <sqlite3.h>

#include "base/mem.h"
#include "crypto/account_id.h"
#include "ledger/genesis.h"

#define ACCOUNT_NAME_MAX GENESIS_NAME_MAX

struct accounts;

struct account {
    uint64_t id; /* Row id; from 1. */
    struct account_id address;
    struct public_key key;
    bool is_admin;
    bool is_closed;
    char name[ACCOUNT_NAME_MAX + 1];
    char custodian[ACCOUNT_NAME_MAX + 1]; /* "": the owner holds the key. */
    char organisation[ACCOUNT_NAME_MAX + 1];
};

NODISCARD enum status accounts_new(struct accounts **out, struct mem *mem, sqlite3 *writer);
void accounts_free(struct accounts *a); /* Null allowed. Before the connection closes. */

/* Borrowed until the next call. ST_NOT_FOUND; ST_CORRUPT: the row is none of ours. */
NODISCARD enum status accounts_find(struct accounts *a,
                                    const struct account_id *address,
                                    const struct account **out);
void accounts_forget(struct accounts *a);
/* Grows with accounts_forget and with every change of a row. */
uint64_t accounts_version(const struct accounts *a);

/* A new row; id and address are set here. ST_EXISTS: name or address is taken. */
NODISCARD enum status accounts_add(struct accounts *a, struct account *account, uint64_t height);

/* ST_NOT_FOUND: no open account has this name. ST_DENIED: it is the last administrator; the caller
 * rolls back. */
NODISCARD enum status accounts_close(struct accounts *a, struct span name);

/* Any connection. ST_NOT_FOUND. */
NODISCARD enum status account_by_name(sqlite3 *connection, struct span name, struct account *out);
NODISCARD enum status account_by_address(sqlite3 *connection,
                                         const struct account_id *address,
                                         struct account *out);

/* Is the role of this account LOGIN? */
NODISCARD enum status account_may_login(sqlite3 *connection, uint64_t id, bool *may);

/* 1…ACCOUNT_NAME_MAX bytes of UTF-8 without control characters. */
bool account_name_is_valid(struct span name);

#endif
