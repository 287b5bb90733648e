/* check.h - Is a view change, is a new view valid? One answer for the engine, its leader and anyone
 * who reads evidence.
 *
 * consensus.md 1.5. A leader signs a NEWVIEW only after these very checks, so whoever signed one
 * that fails them has broken the protocol (E5): a check that others make and the leader does not
 * would convict the honest. Nothing here depends on what a node has seen; who leads a view, and
 * which views are of interest, is for the caller. Pure; thread-safe. */
#ifndef TRUSTSQL_CONSENSUS_CHECK_H
#define TRUSTSQL_CONSENSUS_CHECK_H

#include "consensus/message.h"
#include "consensus/reject.h"
#include "consensus/select.h"

struct check_context {
    const struct validators *validators; /* Of epoch. */
    const struct validators *previous;   /* Of the epoch before, for the certificate of its last
                                            block. Null: unknown, and nobody is blamed for what
                                            they signed. Count 0: there was none. */
    const struct signer *signer;
    const struct hash *chain_id;
    uint64_t epoch;
    enum consensus_fault fault; /* FAULT_NONE but inside an engine of the simulator. */
};

/* REJECT_NONE: valid. EPOCH, SENDER, VC_VOTED_VIEW, VC_CHAIN, VC_FINAL, VC_HQ, VC_TIP, SIGNATURE
 * (its own).
 * Cheap checks come first; certificates last. */
enum consensus_reject view_change_check(const struct view_change *vc,
                                        const struct check_context *context);

/* REJECT_NONE: valid, and *selected (null allowed) is what select gives. EPOCH, SENDER, SIGNATURE:
 * nobody said it. NV_COUNT, NV_SENDERS, NV_VIEW, NV_VC, NV_WORD, NV_ANCHOR: its sender did, and it
 * proves that the sender lies (evidence_of_new_view). */
enum consensus_reject new_view_check(const struct new_view *nv,
                                     const struct check_context *context,
                                     struct select_result *selected);

#endif
