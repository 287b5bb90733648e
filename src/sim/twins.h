/* twins.h - A sweep over schedules with duplicated nodes (the Twins method).
 *
 * f nodes have a second copy with the same key and honest code, so they equivocate in every way
 * that honest code can. A schedule says for each of a few rounds who can talk to whom: the hosts
 * are divided in two, and each round long enough for a change of view. The number of a schedule
 * decides its partitions; all numbers together are all schedules, so a range of them is a share of
 * the sweep. Safety only: the network may stay divided until the end. */
#ifndef TRUSTSQL_SIM_TWINS_H
#define TRUSTSQL_SIM_TWINS_H

#include "sim/world.h"

#define TWINS_ROUNDS 4u

struct twins_options {
    uint64_t number;
    uint32_t nodes; /* 4 or more. */
    enum consensus_fault fault;
    void (*say)(void *context, const char *line);
    void *context;
};

struct twins_result {
    struct violation violation;
    uint64_t trace;
    uint64_t events;
    uint64_t blocks;
    uint64_t virtual_us;
};

void twins_run(const struct twins_options *options, struct twins_result *out);

/* How many schedules there are. */
uint64_t twins_schedules(uint32_t nodes);

#endif
