/* engine.h - Agreement as a state machine: step(event) → effects.
 *
 * The interface of consensus.md 2.1. No IO, clock, randomness, threads or allocation: time and
 * completions arrive as events, everything to do leaves as effects, in order. Finality leaves only
 * after what must be durable is (1.14): the runtime reports ENGINE_PERSISTED. One thread. */
#ifndef TRUSTSQL_NODE_ENGINE_H
#define TRUSTSQL_NODE_ENGINE_H

#include "ledger/block.h"

#define ENGINE_WINDOW      16u /* W: blocks proposed above the final one. */
#define ENGINE_LAG_MAX     64u /* 4 W: blocks proposed above the newest certified result. */
#define ENGINE_EFFECTS_MAX (ENGINE_WINDOW + 4u)

enum engine_journal_slot { ENGINE_SLOT_VOTE = 0, ENGINE_SLOT_RESULT = 1 };

enum engine_event_kind {
    ENGINE_TICK,      /* Time passed, or transactions arrived. */
    ENGINE_BATCH,     /* The batch asked for by ENGINE_NEED_BATCH. */
    ENGINE_PERSISTED, /* Everything up to lsn is durable. */
    ENGINE_EXECUTED   /* Block height was executed here; its chained digest is digest. */
};

struct engine_batch {
    struct hash tx_root;
    uint32_t tx_count;
    uint32_t body_size; /* With the certificates that ENGINE_NEED_BATCH named. */
};

struct engine_event {
    enum engine_event_kind kind;
    uint64_t wall_ms; /* ENGINE_TICK, ENGINE_BATCH. */
    uint64_t mono_ms;
    uint32_t waiting; /* ENGINE_TICK: transactions in the pool and in no block. */
    struct engine_batch batch;
    uint64_t lsn;
    uint64_t height;
    struct hash digest;
};

enum engine_effect_kind {
    ENGINE_NEED_BATCH, /* Choose transactions for height and time_ms, encode the body with certs. */
    ENGINE_PROPOSE,    /* header of that body, and its hash: keep the block, append it. */
    ENGINE_WRITE,      /* Journal vote in slot; height > 0: it votes for that block. */
    ENGINE_SYNC,       /* Make everything so far durable, then report lsn. */
    ENGINE_FINAL,      /* Block height is ordered irrevocably: execute it. */
    ENGINE_RESULT      /* The result of height is certified: cert. Replies may say final. */
};

struct engine_effect {
    enum engine_effect_kind kind;
    enum engine_journal_slot slot;
    uint64_t lsn;
    uint64_t height;
    uint64_t time_ms;                     /* NEED_BATCH. */
    struct header header;                 /* PROPOSE. */
    struct hash hash;                     /* PROPOSE: of header. */
    const struct certificate *final_cert; /* NEED_BATCH: for the body, or null; FINAL: of height. */
    const struct certificate *res_cert; /* NEED_BATCH: for the body, or null; RESULT: of height. */
    struct vote vote;                   /* WRITE: the record is its encoding. */
};

/* Pointers inside are valid until the next step. */
struct engine_effects {
    uint32_t count;
    struct engine_effect items[ENGINE_EFFECTS_MAX];
};

#endif
