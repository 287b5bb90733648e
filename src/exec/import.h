/* import.h - A state from the rows of a snapshot, without the blocks behind it.
 *
 * The caller has checked the rows (ledger/snapshot.h). The new file then holds the height of the
 * snapshot, with SQLite's objects made in their old order and every row under its old row id:
 * whatever a statement could see is as on the nodes that executed the blocks. One thread. */
#ifndef TRUSTSQL_EXEC_IMPORT_H
#define TRUSTSQL_EXEC_IMPORT_H

#include "ledger/snapshot.h"
#include "os/os.h"
#include "sql/sql.h"

struct exec_import;

struct exec_import_config {
    struct os *os;
    struct mem *mem;
    const char *path;                /* Of the new file: there is none. */
    const struct snapshot *snapshot; /* Outlives the import. */
};

/* The objects are made. ST_INVALID: its statements are none that a chain makes. */
NODISCARD enum status exec_import_new(struct exec_import **out,
                                      const struct exec_import_config *config);
/* The chunks of the snapshot, in order. ST_INVALID: a row is of no table, or no row of it. */
NODISCARD enum status exec_import_chunk(struct exec_import *i, struct span chunk);
/* All chunks were given; durable when this returns. Close it all the same. */
NODISCARD enum status exec_import_end(struct exec_import *i);
void exec_import_free(struct exec_import *i); /* Null allowed. */

#endif
