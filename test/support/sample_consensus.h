/* sample_consensus.h - Blocks, votes, certificates, view changes and new views of the sample chain,
 * signed by the keys of sample_ledger; the same on every run.
 *
 * Four validators in bft, f = 1; validator i leads the views i, i + 4, … */
#ifndef TRUSTSQL_TEST_SAMPLE_CONSENSUS_H
#define TRUSTSQL_TEST_SAMPLE_CONSENSUS_H

#include "consensus/check.h"
#include "support/sample_ledger.h"

struct validators sample_validators(void);
struct check_context sample_check_context(void);

/* A block of view on parent (null: the genesis); variant tells forks apart. No transactions. */
struct header sample_child(const struct header *parent, uint64_t view, uint8_t variant);

struct proposal sample_proposal(const struct header *h); /* Signed by its proposer. */

/* Votes that say just this. */
struct vote sample_p1(uint32_t voter, uint64_t view, const struct header *h);
struct vote sample_p2(uint32_t voter, uint64_t view, const struct header *h);

/* Of validators first … first + count - 1, each saying just this. part: P1 or P2. */
struct certificate sample_quorum(
    enum vote_part part, uint64_t view, const struct header *h, uint32_t first, uint32_t count);

/* signer's word that s is the anchor of its view. */
struct signature sample_anchor_word(const struct statement *s, uint32_t signer);

/* Sign again after a change; the sender's key. */
void sample_sign_proposal(struct proposal *p, uint32_t signer);
void sample_sign_vote(struct vote *v);
void sample_sign_view_change(struct view_change *vc);
void sample_sign_new_view(struct new_view *nv);
void sample_sign_status(struct status_report *s);

/* A small history: blocks 1, 2, 3 of view 0, 1 final there by locks, 2 locked, 3 voted for by some.
 */
#define SAMPLE_CHAIN 3u
struct sample_history {
    struct header blocks[SAMPLE_CHAIN]; /* Heights 1, 2, 3. */
    struct certificate final_cert;      /* P2 of block 1 in view 0. */
    struct certificate hq;              /* P1 of block 2 in view 0. */
};
struct sample_history sample_history(void);

/* What sender says to open view 1: voted for blocks 2 and 3, knows hq. */
void sample_view_change(struct view_change *vc, const struct sample_history *h, uint32_t sender);

/* Validator 1 opens view 1 with those of 0, 1, 2: X is block 2. */
void sample_new_view(struct new_view *nv, const struct sample_history *h);

struct status_report sample_status(void);

#endif
