/* chaos.h - One run from one seed: a random cluster, random faults, then healing and judgement.
 *
 * The seed decides the size (unless given), who is Byzantine and how (at most f), and a few phases
 * of faults. Then everything is repaired but the Byzantine, and what honest clients want must
 * become final within the bound of consensus.md 2.3. */
#ifndef TRUSTSQL_SIM_CHAOS_H
#define TRUSTSQL_SIM_CHAOS_H

#include "sim/world.h"

#define CHAOS_PHASES_MAX 4u
#define CHAOS_ALL_PHASES ((1u << CHAOS_PHASES_MAX) - 1u)

struct chaos_options {
    uint64_t seed;
    uint32_t nodes;  /* 0: by the seed. */
    uint32_t f;      /* UINT32_MAX: by the seed, most often the most that nodes allow. */
    uint32_t p;      /* As f. */
    uint32_t modes;  /* Of these one, by the seed: bits 1 << enum block_mode; 0: bft. */
    uint32_t phases; /* Of its phases those that take place, as bits. */
    enum consensus_fault fault;
    bool has_step_digests;
    void (*say)(void *context, const char *line);
    void *context;
};

struct chaos_result {
    struct violation violation;
    uint64_t trace;
    uint64_t events;
    uint64_t blocks;  /* Committed. */
    uint64_t commits; /* Blocks executed by hosts, each counted. */
    uint64_t virtual_us;
    uint32_t nodes;
    uint32_t f;
    uint32_t p;
    enum block_mode mode;
    bool has_anarchy; /* raft with a liar: a fork that it cannot prevent. */
    uint32_t phases;  /* How many the seed has. */
};

/* Is there a cluster with these nodes, f, p and modes (0 and UINT32_MAX as above)? */
bool chaos_is_possible(const struct chaos_options *options);

void chaos_run(const struct chaos_options *options, struct chaos_result *out);

/* Fewer phases of the same seed that still break the same rule. */
uint32_t chaos_shrink(const struct chaos_options *options, const struct violation *violation);

#endif
