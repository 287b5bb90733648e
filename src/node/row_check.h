/* row_check.h - The rows in the state against the tree of rows, which later results certify.
 *
 * Page sums tell whether the state file is what this program wrote. Who replaces file and sums by
 * others that agree is found here: each row, as SQLite gives it, must have its leaf in the tree,
 * and no table may have more. The tree is taken as of the newest checkpoint whose hash the result
 * of the eighth block after it carries; where that height of the state is not kept (after a start),
 * the newest one is read, and what blocks changed in between is known from their results.
 *
 * A few rows at a time; one thread. */
#ifndef TRUSTSQL_NODE_ROW_CHECK_H
#define TRUSTSQL_NODE_ROW_CHECK_H

#include "exec/exec.h"
#include "ledger/incident.h"
#include "store/store.h"

struct row_check;

struct row_check_config {
    struct mem *mem;
    struct exec *exec;
    struct store *store;
};

struct row_find {
    char place[INCIDENT_PLACE_MAX + 1];
    uint64_t height;      /* As of which the row is wrong. */
    struct hash expected; /* Leaf; zero: no row. */
    struct hash found;
};

NODISCARD enum status row_check_new(struct row_check **out, const struct row_check_config *config);
void row_check_free(struct row_check *c); /* Null allowed. */

/* The next rows, about as many. ST_NOT_FOUND: that was all. ST_CORRUPT: *find is wrong. ST_BUSY:
 * not now; the check begins anew. ST_UNSUPPORTED: the files of the tree are damaged. */
NODISCARD enum status row_check_step(struct row_check *c, uint32_t rows, struct row_find *find);

/* The first rows, about as many, or all when they are less, before anybody reads them. ST_OK,
 * ST_NO_MEMORY; or ST_CORRUPT: *find is wrong. */
NODISCARD enum status row_check_start(const struct row_check_config *config,
                                      uint64_t rows,
                                      struct row_find *find);

/* Rows that were compared. 0 at the end: there was no checkpoint to compare with. */
uint64_t row_check_count(const struct row_check *c);

#endif
