/* test_rng.h - Numbers from a seed, the same on every machine (splitmix64). For tests only. */
#ifndef TRUSTSQL_TEST_SUPPORT_TEST_RNG_H
#define TRUSTSQL_TEST_SUPPORT_TEST_RNG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/must.h"

struct test_rng {
    uint64_t state; /* The seed at first. */
};

static inline uint64_t test_rng_u64(struct test_rng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 ≤ result < bound; bound > 0. */
static inline uint64_t test_rng_below(struct test_rng *r, uint64_t bound)
{
    must(bound > 0);
    return test_rng_u64(r) % bound;
}

static inline bool test_rng_coin(struct test_rng *r)
{
    return (test_rng_u64(r) & 1u) != 0;
}

#endif
