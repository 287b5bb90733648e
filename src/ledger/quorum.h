/* quorum.h - The validators of an epoch, and how many of them make a certificate.
 *
 * consensus.md 1.1. Every quorum size of the product is computed here. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_QUORUM_H
#define TRUSTSQL_LEDGER_QUORUM_H

#include "ledger/block.h"

struct validators {
    enum block_mode mode; /* MODE_FAST: adaptive. MODE_STRICT is a state of adaptive, not a mode. */
    uint32_t f;           /* Byzantine voters tolerated. */
    uint32_t p;           /* Slack of the fast path. */
    uint32_t count;
    uint32_t barred; /* Bit set of voter indexes that never lead; all: nobody is barred. */
    struct public_key keys[NODES_MAX]; /* By voter index. */
};

/* n, f and p inside the bounds of the mode, 1 <= n <= NODES_MAX. One validator is bft with f = 0;
 * two can never outvote one; three are raft. */
bool quorum_bounds_hold(enum block_mode mode, uint32_t n, uint32_t f, uint32_t p);

/* Null when they hold, else the bound that is broken and what to do (static text). */
const char *quorum_why(enum block_mode mode, uint32_t n, uint32_t f, uint32_t p);

/* Null, or what is allowed but not wise about n, f and p that hold (static text). */
const char *quorum_warning(enum block_mode mode, uint32_t n, uint32_t f);

/* Validators that may stop for ever while the others go on committing. */
uint32_t quorum_stopped_max(const struct validators *v);

/* Who leads a view: the validators that are not barred take turns. */
uint32_t quorum_leader(const struct validators *v, uint64_t view);

/* Equal P2 or P3 statements that make a certificate; in raft also P1. */
uint32_t quorum_size(const struct validators *v);

/* Equal P1 statements that commit at once in adaptive: n - p. */
uint32_t quorum_fast_size(const struct validators *v);

/* Equal P1 statements that commit: the fast quorum in adaptive, a majority in raft; 0 in bft, where
 * only P2 do. */
uint32_t quorum_commit_p1(const struct validators *v);

/* View changes that open a view: n - f; in raft a majority. */
uint32_t quorum_view_change(const struct validators *v);

/* T (1.6): claims in one set of view changes that a block committed by the fast quorum has at
 * least, and no other block can have: n - p - 2f. Adaptive only. */
uint32_t quorum_fast_support(const struct validators *v);

/* ST_OK when c commits its block: P2 of quorum_size, or P1 of the fast quorum (adaptive) or of a
 * majority (raft). ST_INVALID, ST_SIGNATURE. */
NODISCARD enum status quorum_check_commit(const struct validators *v,
                                          const struct certificate *c,
                                          const struct signer *signer,
                                          const struct hash *chain_id);

/* ST_OK when c certifies an execution digest: P3 of quorum_size. */
NODISCARD enum status quorum_check_result(const struct validators *v,
                                          const struct certificate *c,
                                          const struct signer *signer,
                                          const struct hash *chain_id);

#endif
