/* record.h - What a validator must remember across any crash: its promises, as one atomic record.
 *
 * consensus.md 1.3, 1.14. Written to journal slot CONSENSUS_SLOT_PROMISE before anything that it
 * promises is said; the frozen VC of cur_view stands in CONSENSUS_SLOT_VIEW_CHANGE, encoded as a
 * view_change. Format: docs/format/consensus.md. Pure. */
#ifndef TRUSTSQL_CONSENSUS_RECORD_H
#define TRUSTSQL_CONSENSUS_RECORD_H

#include "consensus/message.h"

enum consensus_slot { CONSENSUS_SLOT_PROMISE = 0, CONSENSUS_SLOT_VIEW_CHANGE = 1 };

struct consensus_record {
    uint64_t epoch;
    uint64_t cur_view;   /* No P1 and no P2 below it, ever again. */
    uint64_t voted_view; /* Of all of chain. */
    bool has_proposed;
    uint64_t proposer_view; /* Highest view in which it may have proposed. */
    bool is_open;           /* Anchored in cur_view. */
    uint64_t anchor_height;
    struct hash anchor_hash;
    bool has_lock; /* Highest P2 sent, of lock_view. */
    uint64_t lock_view;
    uint64_t lock_height;
    struct hash lock_hash;
    uint64_t final_height;
    struct hash final_hash;
    bool has_final_cert;
    struct certificate final_cert;
    bool has_res_cert; /* Of the newest certified result: no promise, but proof for an audit. */
    struct certificate res_cert;
    uint32_t chain_count; /* Voted for, above final, final_height + 1 … */
    struct hash chain[CONSENSUS_WINDOW];
    bool has_hq;
    struct certificate hq;
    bool has_tip_sig; /* raft: the leader's word for the last of chain, which a VC must show. */
    struct signature tip_sig;
};

void consensus_record_encode(struct buf *out, const struct consensus_record *r);
NODISCARD enum status consensus_record_decode(struct consensus_record *r, struct span bytes);

#endif
