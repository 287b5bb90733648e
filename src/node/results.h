/* results.h - What a transaction returned, as bytes for a client that does not trust the node.
 *
 * Format: docs/format/results.md. Only the rows are proved: the receipt holds their hash. Tags,
 * names and types of columns and notices are the node's word. Pure; thread-safe. */
#ifndef TRUSTSQL_NODE_RESULTS_H
#define TRUSTSQL_NODE_RESULTS_H

#include "base/arena.h"
#include "exec/exec.h"

void results_encode(struct buf *out, const struct exec_rows *ops, uint32_t count);

/* Spans are borrowed from bytes, the rest is in a. returned_count is counted in the rows, row_count
 * is 0: the receipt tells it. ST_INVALID, ST_TRUNCATED, ST_LIMIT, ST_NO_MEMORY. */
NODISCARD enum status results_decode(struct exec_rows **ops,
                                     uint32_t *count,
                                     struct arena *a,
                                     struct span bytes);

#endif
