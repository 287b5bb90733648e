/* config.h - The configuration of an epoch: who takes part, in which mode, with which numbers.
 *
 * consensus.md 1.12; format: docs/format/config.md. hash = H("config" ‖ encoding), which
 * header.next_config_hash names. The configuration of epoch 0 follows from the genesis. A decoded
 * one borrows memory of the arena alone. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_CONFIG_H
#define TRUSTSQL_LEDGER_CONFIG_H

#include "base/arena.h"
#include "ledger/genesis.h"
#include "ledger/params.h"
#include "ledger/quorum.h"

#define CONFIG_NODES_MAX 62u /* At most NODES_MAX validators, then observers. */
#define CONFIG_BYTES_MAX (32u << 10)
#define CONFIG_WHY_MAX   160u
#define CONFIG_NO_NODE   UINT32_MAX

struct chain_node {
    struct span organisation;
    struct span node_name;
    struct public_key node_key; /* Ed25519. */
    struct span address;        /* "": it dials, nobody else can. */
    bool is_barred;             /* A convicted validator: it never leads. */
};

struct chain_config {
    uint64_t epoch;
    enum block_mode mode; /* FAST (adaptive), BFT or RAFT. */
    uint32_t f;
    uint32_t p;
    uint32_t exec_version;
    uint32_t block_txs_max;
    uint32_t batch_age_ms;
    uint64_t fuel_tx;
    struct consensus_params params;
    uint32_t validator_count; /* The first of nodes, by voter index. */
    uint32_t node_count;
    struct chain_node nodes[CONFIG_NODES_MAX];
};

/* Epoch 0. Borrows the spans of the genesis. */
void chain_config_of_genesis(struct chain_config *out, const struct genesis *g);

/* Only what chain_config_check takes. */
void chain_config_encode(struct buf *out, const struct chain_config *c);

/* ST_OK, ST_INVALID, ST_LIMIT, ST_NO_MEMORY. */
NODISCARD enum status chain_config_decode(struct chain_config *out,
                                          struct arena *a,
                                          struct span bytes);

/* H("config" ‖ bytes). */
struct hash chain_config_hash(struct span bytes);

struct validators chain_config_validators(const struct chain_config *c);

/* Every bound: n, f and p, numbers, names and addresses, no name or key twice. ST_INVALID with
 * why[CONFIG_WHY_MAX]; empty when ST_OK. */
NODISCARD enum status chain_config_check(const struct chain_config *c, char *why);

/* Index in nodes; CONFIG_NO_NODE: there is none. */
uint32_t chain_config_find(const struct chain_config *c, struct span node_name);
uint32_t chain_config_find_key(const struct chain_config *c, const struct public_key *key);

#endif
