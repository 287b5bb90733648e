/* desk.h - Where an interactive transaction works: statements over a private copy of one height.
 *
 * A desk runs statements by the very code that executes blocks, on a session connection
 * (state/db.h), so that they give here what they will give when the chain executes them, unless
 * somebody changes what they depend on in between. Nothing that is written at a desk is ever seen
 * by others. One thread at a time, handed over by its owner; desks of one exec are independent of
 * each other and of the thread that applies blocks.
 *
 * After any failure desk_is_lost tells whether SQLite has rolled back everything that was done here
 * (no memory, too many pages, interrupted, the height retired): then only desk_end is left. */
#ifndef TRUSTSQL_EXEC_DESK_H
#define TRUSTSQL_EXEC_DESK_H

#include "exec/exec.h"
#include "ledger/tx.h"

#define DESK_SAVEPOINTS_MAX 256u

struct desk;

/* Asked now and then while a statement runs; true: stop it. */
typedef bool desk_stop(void *context);

NODISCARD enum status desk_open(struct desk **out, struct mem *mem, struct exec *exec);
void desk_close(struct desk *d); /* Null allowed. */

/* For who registers functions and tables of its own, before the first transaction. */
sqlite3 *desk_connection(struct desk *d);
struct sql_context *desk_context(struct desk *d);
void desk_watch(struct desk *d, desk_stop *stop, void *context);

struct desk_begin {
    const struct exec_account *account; /* Copied. */
    uint64_t now_ms;
};
/* At the newest height. */
NODISCARD enum status desk_begin(struct desk *d, const struct desk_begin *begin);
void desk_end(struct desk *d);           /* Forget everything; nothing when nothing was begun. */
bool desk_is_open(const struct desk *d); /* Between begin and end, and not lost. */
bool desk_is_lost(const struct desk *d);

uint64_t desk_height(struct desk *d);
uint32_t desk_exec_version(const struct desk *d);
struct sql_catalog *desk_catalog(struct desk *d); /* As changed here; a reference. */

/* Run an operation; its rows and result in a. ST_REJECTED: d says why. */
struct desk_result {
    struct exec_rows rows;
    struct op_result result;
};
NODISCARD enum status desk_run(struct desk *d,
                               const struct tx_op *op,
                               struct arena *a,
                               struct desk_result *out,
                               struct diag *diag);

/* A SELECT whose rows the caller steps himself: bound, to be given back with desk_read_end. Its
 * result is H("rows" ‖ all rows in rowset encoding), as of an operation. It may cost more than a
 * transaction can pay: desk_read_end then says false, and it cannot be part of one. */
NODISCARD enum status desk_read_begin(struct desk *d,
                                      const struct tx_op *op,
                                      sqlite3_stmt **out,
                                      struct diag *diag);
bool desk_read_end(struct desk *d, sqlite3_stmt *statement);
/* Functions of a statement that is no operation cost nothing between these two. */
void desk_free_begin(struct desk *d);
void desk_free_end(struct desk *d);
/* Why stepping it, or any statement of the connection, has failed with this code. */
void desk_explain(struct desk *d, int code, struct diag *diag);

/* Savepoints are numbered by their place among those that are open, from 0. */
NODISCARD enum status desk_savepoint(struct desk *d, uint32_t number, struct diag *diag);
NODISCARD enum status desk_release(struct desk *d, uint32_t number, struct diag *diag);
NODISCARD enum status desk_rollback_to(struct desk *d, uint32_t number, struct diag *diag);

#endif
