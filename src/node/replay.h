/* replay.h - From the store to a running replica: apply what the state lacks, remember the live
 * span.
 *
 * The blocks are our own, checked when they were voted for; still each is decoded strictly, and its
 * hash is compared with its child's parent: damage is ST_CORRUPT, never a crash. */
#ifndef TRUSTSQL_NODE_REPLAY_H
#define TRUSTSQL_NODE_REPLAY_H

#include "node/pool.h"
#include "store/store.h"

struct replay_machine { /* What executes: SQL in a node, something simpler in the simulator. */
    uint64_t (*height)(void *context);
    /* Execute the block after height and store its result. */
    enum status (*apply)(void *context, struct flow_block *b);
    /* D of a height up to the present one; ST_NOT_FOUND: not known any more. */
    enum status (*digest)(void *context, uint64_t height, struct hash *out);
    void (*history)(void *context, struct merkle_tree *out);
    /* Of the chain as of height, stepped with each block's facts. Null: the mode never changes. */
    const struct mode_state *(*mode)(void *context);
    /* Up to which height the chain wants blocks of its own. May be null. */
    uint64_t (*wanted)(void *context);
    /* The configuration that follows on that of epoch as of height, and since when; empty: none is
     * decided. Borrowed until the next apply. Null: there never is one. */
    struct span (*next_config)(void *context, uint64_t epoch, uint64_t *from);
    void *context;
};

struct replay_exec { /* The machine of a node. */
    struct mem *mem;
    struct exec *exec;
    struct store *store;
};
struct replay_machine replay_machine_of(struct replay_exec *exec); /* Outlives the machine. */

struct replay {
    struct mem *mem;
    struct replay_machine machine;
    struct store *store;
    struct pool *pool;
    struct hash chain_id;
    void (*progress)(uint64_t height, uint64_t target); /* May be null. */
};

struct replay_tip {  /* The newest block of the store, executed. */
    uint64_t height; /* 0: nothing but the genesis. */
    struct hash hash;
    uint64_t time_ms;
    uint64_t res_height;
    uint64_t epoch;
    bool is_close;            /* It is the last of its epoch. */
    uint64_t last_txs_height; /* Newest block with transactions, as far as it was looked for: above
                                 res_height at least; 0: none. */
};

/* Fills tip with the newest block. ST_CORRUPT: a block is damaged or gives another result. */
NODISCARD enum status replay_run(const struct replay *r, struct replay_tip *tip);

/* Execute b with exec; its outcome is in it. */
NODISCARD enum status replay_apply(struct exec *exec, struct flow_block *b);

/* Decode a stored block into one ready for the executor; signatures are not checked here. */
NODISCARD enum status replay_decode(struct flow_block **out, struct mem *mem, struct span bytes);

#endif
