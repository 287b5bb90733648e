/* message.h - What validators say to each other, as plain values, and its wire form.
 *
 * consensus.md 1.2; format: docs/format/consensus.md. Every message names chain and epoch inside
 * what is signed. A decoded message is well formed and inside its bounds; nothing about it is
 * believed yet. Pure; thread-safe. */
#ifndef TRUSTSQL_CONSENSUS_MESSAGE_H
#define TRUSTSQL_CONSENSUS_MESSAGE_H

#include "ledger/block.h"
#include "ledger/quorum.h"

#define CONSENSUS_WINDOW           16u /* W: heights above the final one that may be voted for. */
#define CONSENSUS_LAG_MAX          64u /* 4 W: blocks proposed above the newest certified result. */

#define VIEW_CHANGE_SIZE_MAX       (24u << 10)  /* Of any encoding. */
#define CONSENSUS_MESSAGE_SIZE_MAX (768u << 10) /* Longer: refused before it is read. */

enum consensus_message_kind {
    CONSENSUS_PROPOSAL = 1,
    CONSENSUS_VOTE = 2,
    CONSENSUS_VIEW_CHANGE = 3,
    CONSENSUS_NEW_VIEW = 4,
    CONSENSUS_STATUS = 5
};

struct proposal { /* A header and its leader's word for it. Not a vote (1.14). */
    struct header header;
    struct signature sig; /* Over proposal_hash. */
};

struct view_change { /* VC: frozen once sent; rebroadcasts are byte-identical (1.14). */
    uint64_t epoch;
    uint64_t to_view;
    uint32_t sender;
    uint64_t final_height; /* 0: the genesis, final_hash is the chain id, no certificate. */
    struct hash final_hash;
    bool has_final_cert;
    struct certificate final_cert; /* Commits final_height, by P1 or P2. */
    uint64_t voted_view;           /* Of all headers. */
    uint32_t header_count;
    struct header headers[CONSENSUS_WINDOW]; /* final_height + 1 … tip, linked. */
    bool has_hq;
    struct certificate hq; /* P1 quorum certificate, the highest by (view, height) of a block that
                              its sender voted for. Never in raft. */
    uint32_t branch_count;
    struct header branch[CONSENSUS_WINDOW]; /* What leads to hq's block when it stands on no header:
                                               the first on the final block or on a header, linked.
                                               */
    bool has_tip_sig;                       /* raft, when there are headers. */
    struct signature tip_sig; /* The word of voted_view's leader for the last: proposal_hash when it
                                 is of that view, else anchor_hash of it. */
    struct signature sig;
};

struct new_view {
    uint64_t epoch;
    uint64_t view;
    uint32_t sender;
    uint32_t vc_count; /* Exactly n - f; in raft a majority or more; ascending by sender. */
    struct view_change vcs[NODES_MAX]; /* Undefined beyond vc_count. */
    uint64_t height;                   /* X = select(vcs). */
    struct hash hash;
    bool has_word;         /* raft. */
    struct signature word; /* Over anchor_hash: what a later VC shows of this view. */
    struct signature sig;
};

/* Gossip, 200 ms, and at once when asked: where its sender stands. No decision of safety rests on
 * it. */
struct status_report {
    uint64_t epoch;
    uint32_t sender;
    uint64_t view;
    bool is_open; /* The anchor of view is known. */
    uint64_t tip_height;
    uint64_t final_height;
    uint64_t executed_height;
    struct hash executed_digest;
    uint64_t result_height; /* Newest certified result it knows. */
    uint32_t suspects;      /* Bit i: it has not heard from validator i lately. */
    bool is_fresh;          /* Just started: asks for answers and for its own newest vote. */
    bool is_answer;         /* Answers is_fresh of the receiver. */
    uint64_t nonce;         /* is_fresh: any; is_answer: that of the question. */
    struct signature sig;
};

struct consensus_message { /* About a megabyte: allocate once, never on a stack. */
    enum consensus_message_kind kind;
    union {
        struct proposal proposal;
        struct vote vote;
        struct view_change view_change;
        struct new_view new_view;
        struct status_report status;
    };
};

void consensus_message_encode(struct buf *out, const struct consensus_message *m);

/* ST_INVALID, ST_TRUNCATED, ST_LIMIT; then *m is undefined. Trailing bytes are an error. */
NODISCARD enum status consensus_message_decode(struct consensus_message *m, struct span bytes);

void view_change_encode(struct buf *out, const struct view_change *vc);
void view_change_decode(struct view_change *vc, struct cbor *in); /* Failure sticks. */

/* What the sender's signature covers. */
struct hash proposal_hash(const struct hash *header_hash); /* The header names chain and epoch. */
struct hash view_change_hash(const struct view_change *vc, const struct hash *chain_id);
/* s: view, and X as height and hash. */
struct hash anchor_hash(const struct statement *s, const struct hash *chain_id);
struct hash new_view_hash(const struct new_view *nv, const struct hash *chain_id);
struct hash status_report_hash(const struct status_report *s, const struct hash *chain_id);

#endif
