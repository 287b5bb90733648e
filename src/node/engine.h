/* engine.h - Agreement as a pure state machine: step(event) → effects.
 *
 * The interface of consensus.md 2.1. No IO, clock, randomness, threads or allocation after init: time
 * and completions arrive as events, everything to do leaves as effects, in order. Messages and finality
 * leave only after what must be durable is (1.14): the runtime reports ENGINE_PERSISTED. This folder
 * holds the engine of a chain with one validator (solo.c). One thread. */
#ifndef TRUSTSQL_NODE_ENGINE_H
#define TRUSTSQL_NODE_ENGINE_H

#include "ledger/block.h"

#define ENGINE_EFFECTS_MAX 64u

enum engine_event_kind {
    ENGINE_TICK,      /* wall_ms, mono_ms. */
    ENGINE_BATCH,     /* A batch the runtime built on request: tx_root, tx_count, waiting. */
    ENGINE_PERSISTED, /* All effects up to lsn are durable. */
    ENGINE_EXECUTED   /* height, digest D. */
};

struct engine_batch {
    struct hash tx_root;
    uint32_t tx_count;
    uint32_t txs_size; /* Encoded size of the transactions' list. */
};

struct engine_event {
    enum engine_event_kind kind;
    uint64_t wall_ms;
    uint64_t mono_ms;
    struct engine_batch batch; /* ENGINE_BATCH. */
    uint32_t waiting;          /* ENGINE_BATCH, ENGINE_TICK: transactions waiting in the pool. */
    uint64_t lsn;              /* ENGINE_PERSISTED. */
    uint64_t height;           /* ENGINE_EXECUTED. */
    struct hash digest;
};

enum engine_effect_kind {
    ENGINE_NEED_BATCH, /* Build a batch on top of the newest block and report it. */
    ENGINE_PROPOSE,    /* header, certificates: the runtime encodes the block and keeps it. */
    ENGINE_WRITE,      /* Journal slot record, with the block of vote_height; durable at lsn. */
    ENGINE_SYNC,       /* Make everything written durable, then report lsn. */
    ENGINE_FINAL,      /* Block height is ordered irrevocably: execute it. cert: its certificate. */
    ENGINE_RESULT      /* Result of height is certified: cert. Replies may say final. */
};

struct engine_effect {
    enum engine_effect_kind kind;
    uint64_t lsn;
    uint64_t height;
    uint32_t slot;
    struct header header; /* ENGINE_PROPOSE. */
    bool has_final_cert;
    bool has_res_cert;
    struct certificate final_cert; /* ENGINE_PROPOSE (for the body), ENGINE_FINAL. */
    struct certificate res_cert;   /* ENGINE_PROPOSE (for the body), ENGINE_RESULT. */
    struct vote vote;              /* ENGINE_WRITE: the record is its encoding. */
};

struct engine_effects {
    uint32_t count;
    struct engine_effect items[ENGINE_EFFECTS_MAX];
};

#endif
