/* apply.h - One block: its transactions in order, their receipts, the commit. */
#ifndef TRUSTSQL_EXEC_APPLY_H
#define TRUSTSQL_EXEC_APPLY_H

#include "exec/exec_int.h"

struct apply {
    struct exec *exec;
    const struct exec_block *in;
    struct exec_outcome *out;
    struct merkle_tree history;     /* With this block. */
    struct epoch *epoch;            /* After this block; the present one's, or one of its own. */
    struct mode_state mode;         /* After this block. */
    struct checkpoints checkpoints; /* After this block. */
    bool is_called;                 /* A transaction asked for a checkpoint. */
    bool is_checkpoint;

    uint64_t fuel_left;         /* Of the block. */
    struct sql_catalog *before; /* Catalog at the begin of the block. */
    uint32_t *doomed; /* Null, or per transaction: 0, or 1 + operation that lost the block. */
};

/* Everything up to and with the commit. On failure nothing has happened. */
NODISCARD enum status apply_block(struct apply *a);

#endif
