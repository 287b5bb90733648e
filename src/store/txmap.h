/* txmap.h - The txids of the segment that is still growing, in memory.
 *
 * Internal to src/store. About 40 bytes a transaction: the txids in the order of the blocks, and an
 * open-addressed table of ordinals. The place in the table depends on a secret seed, so nobody can
 * choose txids that collide. Not thread-safe: the store's lock guards it. */
#ifndef TRUSTSQL_STORE_TXMAP_H
#define TRUSTSQL_STORE_TXMAP_H

#include "base/mem.h"
#include "crypto/hash.h"
#include "os/os.h"

struct txmap {
    struct mem *mem;
    uint64_t seed;
    uint64_t first_height; /* Of block 0; 0: no block yet. */
    struct hash *txids;
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots;     /* Ordinal + 1 of a txid; 0: free. */
    uint32_t slot_count; /* A power of two, or 0. */
    uint32_t *firsts;    /* Ordinal of the first txid of each block. */
    uint32_t block_count;
    uint32_t block_capacity;
};

#define TXMAP_COUNT_MAX (1u << 26)

void txmap_init(struct txmap *m, struct mem *mem, uint64_t seed);
void txmap_fini(struct txmap *m);  /* Accepts a zeroed map. */
void txmap_reset(struct txmap *m); /* Forget all txids, keep the memory. */

/* Room for one more block of count txids. ST_LIMIT, ST_NO_MEMORY. */
NODISCARD enum status txmap_reserve(struct txmap *m, uint32_t count);
/* Add the block; txmap_reserve was called. txids: count × 32 bytes. */
void txmap_add(struct txmap *m, uint64_t height, struct span txids);

NODISCARD bool txmap_find(const struct txmap *m,
                          const struct hash *txid,
                          uint64_t *height,
                          uint32_t *index);

/* The ordinals of all txids, ascending by txid, in order[count]; spare[count] is scratch. */
void txmap_sort(const struct txmap *m, uint32_t *order, uint32_t *spare);
/* Block (from 0) and index of an ordinal. */
void txmap_locate(const struct txmap *m, uint32_t ordinal, uint32_t *block, uint32_t *index);

#endif
