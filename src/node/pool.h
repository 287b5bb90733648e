/* pool.h - Verified transactions that are in no final block yet, in order of arrival, each id once.
 *
 * One that stands in a block on its way through agreement is marked, not taken out: should the
 * block lose its view, the transaction waits again, in its old place. It leaves when its block is
 * final, or when no block can take it any more. The pool also knows the ids of the live span
 * (txset), so admission, proposing and the check of bodies ask one place whether a transaction was
 * seen.
 *
 * Bounded in count and bytes, and for each peer to a share. One thread (the replica's). */
#ifndef TRUSTSQL_NODE_POOL_H
#define TRUSTSQL_NODE_POOL_H

#include "node/flow.h"
#include "node/txset.h"

#define POOL_TXS_MAX   32768u
#define POOL_BYTES_MAX (256u << 20)
#define POOL_SHARE     4u /* One peer may fill a part in POOL_SHARE; all of them all but one. */

struct pool;

struct pool_tip {     /* What the next block will be measured against. */
    uint64_t height;  /* Of the next block. */
    uint64_t time_ms; /* At least. */
    uint64_t mono_ms; /* Now; for the age of what waits. */
};

/* key: of base/idtable.h. */
NODISCARD enum status pool_new(struct pool **out,
                               struct mem *mem,
                               const struct hash *chain_id,
                               uint64_t key);
void pool_free(struct pool *p); /* With the transactions in it. Null allowed. */

/* Planted fault: ids may come twice (consensus/fault.h). */
void pool_forget_ids(struct pool *p);

/* Takes t when ST_OK. ST_EXISTS: it is here already and nobody waits for it; t's ticket has moved
 * to the one that is here, t stays with the caller. Refusals leave t with the caller and d filled:
 * ST_WRONG_CHAIN, ST_EXPIRED, ST_DUPLICATE, ST_BUSY (full). */
NODISCARD enum status pool_add(struct pool *p,
                               struct flow_tx *t,
                               const struct pool_tip *tip,
                               struct diag *d);

uint32_t pool_waiting(const struct pool *p);   /* In no block. */
uint64_t pool_oldest_ms(const struct pool *p); /* When the oldest of them came; 0: none. */
struct flow_tx *pool_find_leaf(const struct pool *p, const struct hash *leaf); /* Or null. */
uint64_t pool_final_height_of(const struct pool *p,
                              const struct hash *txid); /* 0: not in the span. */
bool pool_is_marked(const struct pool *p, const struct hash *txid);

/* References to the oldest that are in no block and valid in one at tip, at most count_max and
 * bytes_max together. They stay here: mark the block that takes them. */
struct pool_take {
    struct pool_tip tip;
    uint32_t count_max;
    size_t bytes_max;
};
uint32_t pool_take(struct pool *p, struct flow_tx **out, const struct pool_take *take);

/* b is on its way; unmark: it left the chain. What came with the block alone goes with it. */
NODISCARD enum status pool_mark(struct pool *p, const struct flow_block *b, uint64_t mono_ms);
void pool_unmark(struct pool *p, const struct flow_block *b);

/* b is final: its ids belong to the span, its transactions leave; who waited for one under other
 * signatures waits for b's. */
NODISCARD enum status pool_settle(struct pool *p, struct flow_block *b);

/* A block of these ids is final (replay at start). */
NODISCARD enum status pool_note_block(
    struct pool *p, uint64_t height, uint64_t time_ms, const struct hash *txids, uint32_t count);

/* Look at some of what waits (all within a hundred calls or so): what no block at or above tip can
 * take is handed to expired, with its reference. */
void pool_sweep(struct pool *p,
                const struct pool_tip *tip,
                void (*expired)(void *context, struct flow_tx *t),
                void *context);

/* Visit what waits, the oldest first, until visit returns false. is_late: those that came at or
 * before late_ms and were not visited so since pool_visit_again. */
struct pool_visit {
    bool is_late;
    uint64_t late_ms;
    bool (*visit)(void *context, struct flow_tx *t);
    void *context;
};
void pool_visit(struct pool *p, const struct pool_visit *v);
void pool_visit_again(struct pool *p);

/* Everything, one at a time, when the node stops; the caller has its reference. Null: empty. */
struct flow_tx *pool_drain(struct pool *p);
struct flow_tx *pool_drain_waiting(struct pool *p); /* Of those in no block. */

#endif
