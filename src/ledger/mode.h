/* mode.h - The mode of the chain: FAST or STRICT, a pure function of the final blocks.
 *
 * consensus.md 1.8; format and rules: docs/format/mode.md. Each final block is one step; what it
 * causes takes effect MODE_DELAY blocks later, so that every node knows the mode of each block it
 * may vote on. STRICT is a policy of a chain whose configured mode is adaptive; bft and raft chains
 * keep their mode. Pure; thread-safe; bounded. */
#ifndef TRUSTSQL_LEDGER_MODE_H
#define TRUSTSQL_LEDGER_MODE_H

#include "ledger/block.h"
#include "ledger/params.h"
#include "ledger/quorum.h"

#define MODE_DELAY        32u /* 2 W: blocks between a cause and its effect. */
#define MODE_GRACE        16u /* W: heights that late votes may lag before a validator is missed. */
#define MODE_BACKOFF_MAX  8u  /* Returns take at most 2^8 times as long. */
#define MODE_PENDING_MAX  2u
#define MODE_SLOTS_MAX    (PARAMS_WINDOW_MAX + MODE_DELAY)
#define MODE_CAUSE_SIZE   128u
#define MODE_ENCODED_SIZE 8192u /* At most. */

struct mode_rules {       /* Of an epoch. */
    enum block_mode mode; /* MODE_FAST: adaptive; MODE_BFT, MODE_RAFT: constant. */
    uint32_t count;       /* Validators. */
    uint32_t p;
    uint32_t barred;           /* Bits: convicted and not reinstated, which keeps STRICT. */
    uint32_t window;           /* M */
    uint32_t slow_max;         /* So many slow certificates in the window make STRICT… */
    uint32_t view_changes_max; /* … or so many changes of view… */
    uint32_t low_percent;      /* … or too many validators present in fewer of its heights. */
    uint32_t high_percent;     /* All validators present in so many are needed for FAST… */
    uint32_t
        return_blocks; /* … and this many blocks in a row: D. At least window and MODE_DELAY. */
};

enum mode_cause {
    MODE_GENESIS,
    MODE_SLOW,         /* Certificates of the slow path. */
    MODE_ABSENT,       /* nodes are not there. */
    MODE_VIEW_CHANGES, /* Leaders fail. */
    MODE_EVIDENCE,     /* nodes are convicted. */
    MODE_DIVERGENCE,   /* nodes computed other results. */
    MODE_REPAIRED      /* All is well for long enough. */
};

struct mode_switch {
    uint64_t height; /* First block of the mode. */
    enum block_mode mode;
    enum mode_cause cause;
    uint32_t nodes; /* Bits: whom the cause names. */
};

struct mode_late {
    enum vote_part part;
    uint32_t voter;
    uint64_t height;
};

struct mode_facts { /* What one final block says. */
    uint64_t height;
    uint64_t view;
    uint64_t final_height; /* Of the commit certificate in its body; 0: none of this epoch. */
    bool is_fast;
    uint32_t final_signers;
    uint64_t res_height; /* Of the result certificate; 0: none of this epoch. */
    uint32_t res_signers;
    uint32_t late_count;
    struct mode_late late[LATE_VOTES_MAX];
    uint32_t convicted; /* Bits: by the evidence of malice in the body. */
    uint32_t diverged;  /* By E7, E8, which are no proof of malice. */
};

struct mode_slot { /* One height. */
    uint64_t view;
    uint32_t present; /* Bits: who is known to have voted on it. */
    bool is_slow;     /* Committed by the slow path. */
};

struct mode_state {
    struct mode_rules rules;
    uint64_t first;  /* The epoch's first height. */
    uint64_t height; /* Newest step; first - 1: none. */
    enum block_mode mode;
    uint32_t pending_count; /* Above height, ascending. */
    struct mode_switch pending[MODE_PENDING_MAX];
    uint64_t fast_height; /* Slow certificates count from here on. */
    uint64_t known;       /* Newest height whose commit certificate is shown; below first: none. */
    uint64_t res_known;
    uint64_t results[NODES_MAX]; /* Newest height whose result each confirmed, or first - 1. */
    uint32_t convicted;
    uint32_t diverged;
    uint64_t diverged_height;               /* Of the newest proof of it. */
    uint32_t run;                           /* Blocks in a row on which all is well. */
    uint32_t backoff;                       /* k */
    uint64_t return_height;                 /* Newest step that decided a return; 0: none. */
    uint64_t calm_height;                   /* Since when nothing fell or decayed. */
    struct mode_slot slots[MODE_SLOTS_MAX]; /* By height mod (window + MODE_DELAY). */
};

struct mode_rules mode_rules_of(const struct validators *v, const struct consensus_params *p);
bool mode_rules_hold(const struct mode_rules *r);

/* An epoch begins with first. s is zeroed - the genesis - or of the epoch before: it keeps mode and
 * what is decided, and forgets its windows, whose validators were others. */
void mode_begin(struct mode_state *s, const struct mode_rules *rules, uint64_t first);

struct mode_source { /* A final block. */
    const struct header *header;
    const struct certificate *final_cert; /* In its body; null: none. */
    const struct certificate *res_cert;   /* The same. */
    const struct body_notes *notes;       /* The same. */
    uint32_t convicted;                   /* Bits: by its evidence of malice, */
    uint32_t diverged;                    /* and by E7 and E8. */
};
void mode_facts_of(struct mode_facts *f, const struct mode_source *from);

/* f.height follows the height of s. True: *decided is the switch it causes. decided may be null. */
bool mode_step(struct mode_state *s, const struct mode_facts *f, struct mode_switch *decided);

/* Of a block at height, from that of s to MODE_DELAY above it. */
enum block_mode mode_at(const struct mode_state *s, uint64_t height);

/* What the newest decision brings. */
enum block_mode mode_decided(const struct mode_state *s);

/* Nothing but time stands against the return to FAST, as far as convictions tell. */
bool mode_may_return(const struct mode_state *s);

/* Who is missing too often for the return to FAST: bits. Empty in bft and raft. */
uint32_t mode_absent(const struct mode_state *s);

/* Blocks in a row on which all was well, and how many of them decide the return. */
void mode_progress(const struct mode_state *s, uint64_t *well, uint64_t *needed);

/* A vote of voter on height, as a late vote in a block, would show what s does not know. */
bool mode_lacks(const struct mode_state *s, enum vote_part part, uint32_t voter, uint64_t height);

/* As trustsql.mode_history shows it: "absent 2,3". The length. */
size_t mode_cause_text(char out[MODE_CAUSE_SIZE], const struct mode_switch *decided);

void mode_encode(struct buf *out, const struct mode_state *s);
/* ST_INVALID, ST_TRUNCATED. What is decoded is inside all bounds. */
NODISCARD enum status mode_decode(struct mode_state *s, struct span bytes);

#endif
