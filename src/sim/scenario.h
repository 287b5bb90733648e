/* scenario.h - A scenario file: one cluster, what happens to it, what is expected.
 *
 * The language is docs/simulator.md. A file is read wholly and checked before anything runs, so a
 * mistake in its last line is told at once: file, line, what is expected there. Statements happen
 * in order; `run` and `within` let virtual time pass. The oracle judges all the while. */
#ifndef TRUSTSQL_SIM_SCENARIO_H
#define TRUSTSQL_SIM_SCENARIO_H

#include "sim/world.h"

#define SCENARIO_SIZE_MAX  (1u << 20)
#define SCENARIO_ERROR_MAX 512u

struct scenario_options {
    const char *name; /* Of the file, for messages. */
    struct span text;
    bool has_seed; /* Else the file's. */
    uint64_t seed;
    enum consensus_fault fault; /* FAULT_NONE: the file's. */
    void (*say)(void *context, const char *line);
    void *context;
};

enum scenario_outcome {
    SCENARIO_HOLDS,
    SCENARIO_FAILS,   /* An expectation, or the oracle. */
    SCENARIO_UNUSABLE /* The file is wrong. */
};

struct scenario_result {
    enum scenario_outcome outcome;
    char error[SCENARIO_ERROR_MAX]; /* "file:line: …". */
    uint32_t expectations;          /* That held. */
    uint32_t runs;                  /* More than one: a sweep. */
    uint64_t seed;
    uint64_t trace;
    uint64_t events;
    uint64_t virtual_us;
};

void scenario_run(const struct scenario_options *options, struct scenario_result *out);

#endif
