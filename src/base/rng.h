/* rng.h - Numbers from a seed, the same on every machine (splitmix64).
 *
 * For simulations and tests: whoever knows the seed knows every number. Never for keys or nonces of
 * a node; those come from os->entropy. Pure. */
#ifndef TRUSTSQL_BASE_RNG_H
#define TRUSTSQL_BASE_RNG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/must.h"

struct rng {
    uint64_t state; /* The seed at first. */
};

static inline uint64_t rng_u64(struct rng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 <= result < bound; bound > 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t bound)
{
    must(bound > 0);
    return rng_u64(r) % bound;
}

/* low <= result <= high. */
static inline uint64_t rng_between(struct rng *r, uint64_t low, uint64_t high)
{
    must(low <= high);
    return low + rng_below(r, high - low + 1);
}

static inline bool rng_coin(struct rng *r)
{
    return (rng_u64(r) & 1u) != 0;
}

#endif
