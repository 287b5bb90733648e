/* solo.h - The engine of a chain with one validator: n = 1, f = 0, mode bft.
 *
 * Its own vote is the quorum, so a block is final as soon as the vote is durable. Same statements,
 * journal and certificates as with many nodes. Caller's memory; one thread. */
#ifndef TRUSTSQL_NODE_SOLO_H
#define TRUSTSQL_NODE_SOLO_H

#include "crypto/merkle.h"
#include "node/engine.h"

#define SOLO_AHEAD_MS_MAX 500u   /* Block time may run before the clock by this (prec, 1.16). */
#define SOLO_CERTIFY_MS   50u    /* A result waits at most this long for a block to carry it. */
#define SOLO_QUIET_TXS    8u     /* A block with more transactions than this means load. */
#define SOLO_HEARTBEAT_MS 60000u /* An idle chain proposes an empty block this often. */

struct solo_config {
    struct hash chain_id;
    const struct signer *signer; /* Outlives the engine. */
    struct secret_key node_key;  /* Ed25519. */
    uint32_t exec_version;
    uint32_t block_txs_max;
    uint32_t batch_age_ms;
};

struct solo_tip {     /* Where a restart continues: the newest block of the store, executed. */
    uint64_t height;  /* 0: nothing but the genesis. */
    struct hash hash; /* Chain id at height 0. */
    uint64_t time_ms;
    struct hash digest;         /* D_height. */
    struct merkle_tree history; /* Over the hashes of blocks 1…height. */
    uint64_t res_height;        /* Newest result that a header carries. */
    bool has_txs;               /* Some block above res_height has transactions. */
};

struct solo {
    struct solo_config config;
    struct solo_tip tip;
    uint64_t final_height;
    uint64_t executed_height;
    struct hash executed_digest;
    struct certificate final_cert; /* Of final_height; entry_count 0: none. */
    struct certificate res_cert;   /* Of executed_height. */
    uint64_t last_txs_height;      /* Newest block with transactions. */
    uint64_t next_lsn;
    uint64_t durable_lsn;
    uint64_t proposed_mono_ms; /* When the newest block was proposed. */
    uint32_t last_tx_count;    /* Of that block. */
    uint64_t waiting_since_ms; /* 0: nothing waits. */
    uint64_t batch_time_ms;    /* Of the batch asked for. */
    bool is_batch_asked;
    struct { /* Blocks whose vote is not durable yet, by height mod W. */
        uint64_t lsn;
        struct certificate cert; /* Valid once lsn is durable. */
    } in_flight[ENGINE_WINDOW];
};

/* Also signs the statements about the tip again: a restart needs no certificate from disk. */
NODISCARD enum status solo_init(struct solo *s,
                                const struct solo_config *config,
                                const struct solo_tip *tip);
void solo_fini(struct solo *s); /* Wipes the key. */

/* ST_INVALID: an event that cannot come now (a bug of the runtime shows here, not later). */
NODISCARD enum status solo_step(struct solo *s,
                                const struct engine_event *event,
                                struct engine_effects *out);

#endif
