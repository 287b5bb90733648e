/* statements.h - Compiled and prepared statements, by text and parameter types, in a bounded cache.
 *
 * All were made against one catalog version: statements_clear when it changes. DDL is compiled for
 * one account and changes the catalog anyway, so it is not kept. Whether a statement came from the
 * cache shows nowhere but in time. One thread. */
#ifndef TRUSTSQL_EXEC_STATEMENTS_H
#define TRUSTSQL_EXEC_STATEMENTS_H

#include "ledger/tx.h"
#include "sql/sql.h"

#define STATEMENTS_MAX 512u

struct statements;

struct prepared {
    struct sql_statement compiled;
    sqlite3_stmt *stmt; /* Null when the kind has no single SQLite text. */
};

NODISCARD enum status statements_new(struct statements **out, struct mem *mem, sqlite3 *writer);
void statements_free(struct statements *c); /* Null allowed. Before the connection closes. */

struct statements_want {
    const struct sql_catalog *catalog;
    const struct tx_op *op;
    uint64_t account;      /* Row id. */
    uint64_t height;       /* Of the block. */
    uint32_t exec_version; /* Of the block; a change of it empties the cache. */
};

/* The statement of an operation, borrowed until the next get or clear. ST_REJECTED: it is wrong, d
 * says why. */
NODISCARD enum status statements_get(struct statements *c,
                                     struct prepared **out,
                                     const struct statements_want *want,
                                     struct diag *d);

void statements_clear(struct statements *c);

#endif
