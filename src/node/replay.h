/* replay.h - From the store to a running replica: apply what the state lacks, remember the live
 * span.
 *
 * The blocks are our own, checked when they were voted for; still each is decoded strictly, and its
 * hash is compared with its child's parent: damage is ST_CORRUPT, never a crash. */
#ifndef TRUSTSQL_NODE_REPLAY_H
#define TRUSTSQL_NODE_REPLAY_H

#include "node/pool.h"
#include "node/solo.h"
#include "store/store.h"

struct replay {
    struct mem *mem;
    struct exec *exec;
    struct store *store;
    struct pool *pool;
    struct hash chain_id;
    void (*progress)(uint64_t height, uint64_t target); /* May be null. */
};

/* Fills tip with the newest block. ST_CORRUPT: a block is damaged or gives another result. */
NODISCARD enum status replay_run(const struct replay *r, struct solo_tip *tip);

/* Decode a stored block into one ready for the executor; signatures are not checked here. */
NODISCARD enum status replay_decode(struct flow_block **out, struct mem *mem, struct span bytes);

#endif
