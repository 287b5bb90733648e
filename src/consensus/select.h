/* select.h - Which block a new view builds on: the heart of the protocol (consensus.md 1.6, 1.18).
 *
 * A pure function of the view changes in a new view, computed by the leader and again by every
 * follower. Explored by exhaustive and random search; every simplification tried so far was unsafe.
 * Compared with a slow reference in test/model/select_reference.py. Thread-safe. */
#ifndef TRUSTSQL_CONSENSUS_SELECT_H
#define TRUSTSQL_CONSENSUS_SELECT_H

#include "consensus/fault.h"
#include "consensus/message.h"

/* What select looks at in one VC; its parts were validated (1.5). */
struct select_claim {
    uint64_t final_height;
    struct hash final_hash;
    uint64_t voted_view;
    uint32_t block_count; /* Blocks final_height + 1 … tip. */
    struct hash blocks[CONSENSUS_WINDOW];
    bool has_hq;
    uint64_t hq_view;
    uint64_t hq_height;
    struct hash hq_hash;
    uint32_t branch_count; /* Blocks hq_height - branch_count + 1 … hq_height, where they are not of
                              blocks. */
    struct hash branch[CONSENSUS_WINDOW];
};

struct select_result {
    uint64_t base_height;
    struct hash base_hash;
    uint64_t height; /* X. */
    struct hash hash;
};

/* count == quorum_view_change, in raft also more. MODE_BFT ignores first votes (F is empty);
 * MODE_FAST (adaptive) counts them with T = quorum_fast_support; MODE_RAFT takes the longest chain
 * of the latest voted view above the base: its leader signed for the last block, so that nobody
 * claims more than a leader gave out.
 *
 * A block is identified by (height, hash); of two bases, certificates or chains that differ in
 * nothing but the hash, which more than f liars alone can make, the greater hash is taken. The
 * chain to each certificate above the base is known, so that it is compared with every claim. */
void select_anchor(struct select_result *out,
                   const struct validators *v,
                   const struct select_claim *claims,
                   uint32_t count);

/* With a planted fault: the simulator's. */
void select_anchor_faulty(struct select_result *out,
                          const struct validators *v,
                          const struct select_claim *claims,
                          uint32_t count,
                          enum consensus_fault fault);

/* The claim inside a view change; hashes its headers. */
void select_claim_of(struct select_claim *out, const struct view_change *vc);

/* Its final block is certified in a later view than hq, which says nothing any more: what was
 * committed up to hq's view stands at or below that final block, for the anchor of its view did.
 * So the chain to hq is not asked for, though it may be a fork. */
bool select_is_superseded(const struct view_change *vc);

#endif
