/* select.h - Which block a new view builds on: the heart of the protocol (consensus.md 1.6).
 *
 * A pure function of n - f view changes, computed by the leader and again by every follower.
 * Explored by exhaustive and random search; every simplification tried so far was unsafe. Compared
 * with a slow reference in test/model/select_reference.py. Thread-safe. */
#ifndef TRUSTSQL_CONSENSUS_SELECT_H
#define TRUSTSQL_CONSENSUS_SELECT_H

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
};

struct select_result {
    uint64_t base_height;
    struct hash base_hash;
    uint64_t height; /* X. */
    struct hash hash;
};

/* count == quorum_view_change. MODE_BFT ignores claims (F is empty); MODE_FAST (adaptive) counts
 * them with T = quorum_fast_support. A block is identified by (height, hash); descent is judged by
 * the chains inside the claims; of two bases or certificates that differ in nothing but the hash,
 * which more than f liars alone can make, the greater hash is taken.
 *
 * The block of a certificate may stand in no chain: its sender may have left it for the anchor of a
 * later view, or never had its body. Above the base it is taken for a descendant of the base, and
 * in bft this is so: the base is locked by a quorum, of which one honest member is among the
 * senders, so the highest certificate is on a descendant of the base. To drop it would lose what
 * its signers hold committed below it. Its relation to a claimed block is unknown and taken for a
 * conflict: before the fast path is used, view changes must carry the chain to their
 * certificate. */
void select_anchor(struct select_result *out,
                   const struct validators *v,
                   const struct select_claim *claims,
                   uint32_t count);

/* The claim inside a view change; hashes its headers. */
void select_claim_of(struct select_claim *out, const struct view_change *vc);

#endif
