/* txset.h - The exact set of transaction ids of the live span.
 *
 * A transaction may be included within 10 minutes and 65,536 blocks (consensus.md 1.15), so its id
 * must be known for that long. Rebuilt from the blocks at start, never written. One thread. */
#ifndef TRUSTSQL_NODE_TXSET_H
#define TRUSTSQL_NODE_TXSET_H

#include "base/mem.h"
#include "base/status.h"
#include "crypto/hash.h"

struct txset;

/* key: of base/idtable.h. */
NODISCARD enum status txset_new(struct txset **out, struct mem *mem, uint64_t key);
void txset_free(struct txset *s); /* Null allowed. */

/* Block height of a known id; 0: not in the set. */
uint64_t txset_find(const struct txset *s, const struct hash *txid);

/* All ids of one block, in order of height. Ids in the set already are a bug. */
NODISCARD enum status txset_add_block(
    struct txset *s, uint64_t height, uint64_t time_ms, const struct hash *txids, uint32_t count);

/* Drop blocks that no transaction valid at (height, time_ms) can repeat: called with those of the
 * next block before it is added. */
void txset_expire(struct txset *s, uint64_t height, uint64_t time_ms);

uint64_t txset_count(const struct txset *s);

#endif
