/* epochs.h - Who is who in which epoch: keys by number, places in configurations, leaders.
 *
 * A host owns one key or more, each known by its number; a configuration names nodes by key, so one
 * host may have another index in the next epoch, or none. What an epoch's configuration is the
 * world learns from the first honest host that executed the block before it; others are compared
 * with it (I12). One thread. */
#ifndef TRUSTSQL_SIM_EPOCHS_H
#define TRUSTSQL_SIM_EPOCHS_H

#include "ledger/config.h"
#include "sim/world.h"

struct known_epoch {
    uint64_t base; /* Height of the last block before it. */
    struct buf bytes;
    struct arena arena;
    struct chain_config config;
    struct validators validators;
    uint32_t keys[CONFIG_NODES_MAX]; /* Number of the key of each place. */
};

/* Epoch count of those known is next. Bytes must be a configuration. */
void epochs_learn(struct world *w, struct span bytes, uint64_t base);
void epochs_free(struct world *w);

const struct known_epoch *epochs_at(const struct world *w, uint64_t epoch); /* Null: unknown. */
const struct known_epoch *epochs_newest(const struct world *w);

/* WORLD_KEYS_MAX: nobody's. */
uint32_t epochs_key_number(const struct world *w, const struct public_key *key);
bool host_owns(const struct host *h, uint32_t key_number);

/* Index of host among the validators of epoch; NODES_MAX: it is none. */
uint32_t epochs_index_of(const struct host *h, uint64_t epoch);
/* First host that has the key of that place; null: nobody. */
struct host *epochs_host_at(struct world *w, uint64_t epoch, uint32_t index);
/* Index of the leader: the validators that are not barred take turns, or all if all are barred. */
uint32_t epochs_leader(const struct world *w, uint64_t epoch, uint64_t view);

#endif
