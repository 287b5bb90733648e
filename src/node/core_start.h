/* core_start.h - What a core starts with, from the disk: blocks, promises, held bodies.
 *
 *   1. the journal: the promise record and the frozen VC
 *   2. held blocks that the record calls final go into the store (a crash took them off its end)
 *   3. replay: what the state lacks is executed; the ids of the live span are remembered
 *   4. bodies held above that: those the record voted for, then as many forks as there is room for
 *
 * A promise that cannot be known or kept any more ends this node's votes: with one validator that
 * is ST_CORRUPT, since nobody else has what is lost; with more it starts as one that follows only,
 * and why says so. Once the others have carried it past its old promise - its blocks are final here
 * - the next start votes again, unless the journal itself is lost. */
#ifndef TRUSTSQL_NODE_CORE_START_H
#define TRUSTSQL_NODE_CORE_START_H

#include "node/core.h"
#include "node/replay.h"

#define CORE_START_HELD_MAX 64u

struct core_start_config {
    struct mem *mem;
    struct store *store;
    struct replay_machine machine;
    struct hash chain_id;
    uint64_t genesis_time_ms;
    uint32_t validator_count;
    uint64_t key;                                       /* Of hash tables. */
    uint64_t nonce;                                     /* Random. */
    void (*progress)(uint64_t height, uint64_t target); /* May be null. */
};

struct core_start_data {
    struct core_start start; /* For core_new; start.pool is whose it becomes. */
    bool is_voter;           /* For consensus_config. */
    const char *why;         /* Not a voter: static text. */
    struct core_start_parts *parts;
};

/* ST_CORRUPT: blocks or promises are damaged beyond what peers can mend. */
NODISCARD enum status core_start_read(struct core_start_data *out,
                                      const struct core_start_config *config);
/* After core_new (which took the pool when it said ST_OK: then set it to null). */
void core_start_fini(struct core_start_data *d); /* Accepts a zeroed one. */

#endif
