/* pool.h - Verified transactions that wait for a block, in order of arrival, each id once.
 *
 * Also knows the ids of the live span (txset), so admission and proposing ask one place whether a
 * transaction was seen. Bounded in count and bytes. One thread (the replica's). */
#ifndef TRUSTSQL_NODE_POOL_H
#define TRUSTSQL_NODE_POOL_H

#include "node/flow.h"
#include "node/txset.h"

#define POOL_TXS_MAX   32768u
#define POOL_BYTES_MAX (256u << 20)

struct pool;

struct pool_tip {     /* What the next block will be measured against. */
    uint64_t height;  /* Of the next block. */
    uint64_t time_ms; /* At least. */
};

/* key: of base/idtable.h. */
NODISCARD enum status pool_new(struct pool **out,
                               struct mem *mem,
                               const struct hash *chain_id,
                               uint64_t key);
void pool_free(struct pool *p); /* With the transactions in it. Null allowed. */

/* Takes t when ST_OK. Refusals leave it with the caller and d filled: ST_WRONG_CHAIN, ST_EXPIRED,
 * ST_DUPLICATE, ST_BUSY (full). */
NODISCARD enum status pool_add(struct pool *p,
                               struct flow_tx *t,
                               const struct pool_tip *tip,
                               struct diag *d);

uint32_t pool_waiting(const struct pool *p);

/* Take the oldest transactions that are valid in a block at tip, at most count_max and bytes_max
 * together. Those expired meanwhile go to expired(context, t), which owns them. */
struct pool_take {
    struct pool_tip tip;
    uint32_t count_max;
    size_t bytes_max;
    void (*expired)(void *context, struct flow_tx *t);
    void *context;
};
uint32_t pool_take(struct pool *p, struct flow_tx **out, const struct pool_take *take);

/* A block was proposed (or replayed at start): its ids belong to the span from now on. */
NODISCARD enum status pool_note_block(
    struct pool *p, uint64_t height, uint64_t time_ms, const struct hash *txids, uint32_t count);

/* Everything that waits, one at a time, when the node stops. Null: empty. */
struct flow_tx *pool_drain(struct pool *p);

#endif
