/* evidence_int.h - What the two halves of the verifier share. */
#ifndef TRUSTSQL_CONSENSUS_EVIDENCE_INT_H
#define TRUSTSQL_CONSENSUS_EVIDENCE_INT_H

#include "codec/cbor.h"
#include "consensus/check.h"
#include "consensus/evidence.h"

/* Fixed numbers of the formats. */
#define CONTENT_ITEMS_MAX 2u

/* ST_OK: the offender's proposal of this evidence's epoch, view and height, on this chain. */
NODISCARD enum status evidence_check_proposal(const struct evidence *e,
                                              const struct proposal *p,
                                              const struct check_context *context);

/* The offender's vote. */
NODISCARD enum status evidence_check_vote(const struct evidence *e,
                                          const struct vote *v,
                                          const struct check_context *context);

/* The headers that follow show that high does not descend from low; of equal heights, the hashes
 * alone do. Failure sticks. */
void evidence_check_fork(struct cbor *in,
                         const struct statement *low,
                         const struct statement *high);

/* E7, E8, E9. */
NODISCARD enum status evidence_verify_results(const struct evidence *e,
                                              const struct check_context *context);
NODISCARD enum status evidence_verify_false_result(const struct evidence *e,
                                                   const struct check_context *context);
NODISCARD enum status evidence_verify_commits(const struct evidence *e,
                                              const struct check_context *context);

/* E6. */
NODISCARD enum status evidence_verify_content(const struct evidence *e,
                                              const struct check_context *context,
                                              struct mem *mem);

/* E10. */
NODISCARD enum status evidence_verify_reply(const struct evidence *e,
                                            const struct check_context *context,
                                            struct mem *mem);

#endif
