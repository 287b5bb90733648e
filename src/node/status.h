/* status.h - The lines of trustsql.status: what a running node says of itself.
 *
 * A line is a name and a value as text. Names are stable; new ones are added at the end of their
 * group (docs/sql/system-tables.md). */
#ifndef TRUSTSQL_NODE_STATUS_H
#define TRUSTSQL_NODE_STATUS_H

#include "exec/exec.h"
#include "ledger/genesis.h"
#include "node/consensus_view.h"
#include "node/historian.h"
#include "node/readers.h"
#include "node/replica.h"

struct node_status { /* Borrowed; outlives its readers. */
    struct os *os;
    struct hash chain_id;
    struct exec *exec;
    struct replica *replica;
    struct readers *readers;
    struct historian *historian;
    /* A copy of what the replica knows now. Any thread. */
    void (*consensus)(void *context, struct consensus_view *out);
    void *context;
};

/* The index-th line; false after the last. Any thread. */
bool node_status_line(const struct node_status *s,
                      uint32_t index,
                      const char **name,
                      struct buf *value);

/* Blocks that are ordered, as far as this node knows, and that a node at that height has not
 * executed. */
uint64_t consensus_view_lag(const struct consensus_view *v, uint64_t executed_height);

#endif
