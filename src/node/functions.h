/* functions.h - SQL functions of schema trustsql that this node answers for itself.
 *
 * "Node functions" exist on reader connections only: what they give is not part of the state, so
 * the compiler refuses them with 0A000 in whatever writes and in transactions of the chain. Their
 * types are in src/sql/node_functions.c, their implementations in functions.c. They run on a reader
 * thread, at the height of the reading, and may block it; never the loops. */
#ifndef TRUSTSQL_NODE_FUNCTIONS_H
#define TRUSTSQL_NODE_FUNCTIONS_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "exec/exec.h"

struct chain_tables_source;
struct retention;

/* Where a connection's functions look: lives as long as the connection, and is set between its
 * statements. */
struct node_functions {
    const struct chain_tables_source *source; /* At the connection's height. */
    sqlite3 *connection;
    struct sql_context *sql;            /* Whose diag says why a call failed. */
    const struct exec_account *account; /* Who asks. */
    const struct sql_catalog *catalog;  /* That the statement was compiled against. */
    /* Of a reading of the past: what the present says of retention. Null: the connection tells. */
    const struct retention *retention;
    const atomic_bool *is_cancelled; /* What lasts looks here now and then. */
    /* The call will last: others may read meanwhile. Null: nobody waits. */
    void (*lasts)(void *context);
    void *context;
};

/* f outlives the connection. */
NODISCARD enum status node_functions_register(sqlite3 *connection, const struct node_functions *f);

#endif
