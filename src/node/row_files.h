/* row_files.h - The tree of rows of a node: opened from rows/, or made again from stored results.
 */
#ifndef TRUSTSQL_NODE_ROW_FILES_H
#define TRUSTSQL_NODE_ROW_FILES_H

#include "exec/exec.h"
#include "rows/rows.h"
#include "store/store.h"

struct row_files_config {
    struct os *os;
    struct mem *mem;
    const char *dir; /* The node's. */
    struct exec *exec;
    struct store *store;
    struct span genesis;            /* Encoded. */
    void (*warn)(const char *text); /* May be null. */
    bool *was_ahead;                /* The state is older than the tree: it was put back. */
};

/* Attached to exec, with a thread of its own; close it after exec. ST_CORRUPT, ST_NOT_FOUND: the
 * stored results cannot make it either. */
NODISCARD enum status row_files_open(struct rows **out, const struct row_files_config *config);

#endif
