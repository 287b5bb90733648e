/* checkpoint.h - Which blocks are checkpoints, and the hash that certifies one.
 *
 * Format: docs/format/rows.md. The execution result of block h + 8 carries the hash of checkpoint
 * h: the root over all rows after block h, and the root over the ids of the transactions since the
 * checkpoint before. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_CHECKPOINT_H
#define TRUSTSQL_LEDGER_CHECKPOINT_H

#include "base/status.h"
#include "crypto/hash.h"

#define CHECKPOINT_BLOCKS       128u
#define CHECKPOINT_LAG          8u      /* Its hash is in the result of block h + 8. */
#define CHECKPOINT_IDLE_MS      600000u /* Rows that changed wait no longer than this. */
#define CHECKPOINT_EXEC_VERSION 3u      /* From which blocks make checkpoints. */

struct checkpoint {
    uint64_t height;
    uint64_t before;       /* txid_root covers the blocks above it, up to height. */
    uint64_t row_count;    /* Not hashed: the root says it. */
    struct hash row_root;  /* Zero: the chain has no rows. */
    struct hash txid_root; /* Of no transactions: H(""). */
};

/* H("checkpoint" ‖ u64 height ‖ u64 before ‖ row_root ‖ txid_root). */
struct hash checkpoint_hash(const struct checkpoint *c);

/* What decides whether a block is a checkpoint. */
struct checkpoint_cause {
    uint64_t height;
    uint64_t time_ms;
    uint64_t last_ms; /* Time of the checkpoint before, else of the first block that could be one.
                       */
    bool is_called;   /* A successful CALL trustsql.checkpoint() stands in it. */
    bool has_changed; /* Transactions changed rows since the checkpoint before, in this block, too.
                       */
};
bool checkpoint_is_due(const struct checkpoint_cause *c);

/* RFC 9162 root over txids[count], ascending and distinct; overwrites them. */
struct hash checkpoint_txid_root(struct hash *txids, size_t count);

#endif
