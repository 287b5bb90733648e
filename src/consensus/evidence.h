/* evidence.h - Transferable proof that a validator broke the protocol (consensus.md 1.10).
 *
 * Anyone with the epoch's keys can check it; nobody can make it against an honest validator.
 * Format: docs/format/evidence.md. Timeouts and silence are suspicion, never evidence. Pure;
 * thread-safe. */
#ifndef TRUSTSQL_CONSENSUS_EVIDENCE_H
#define TRUSTSQL_CONSENSUS_EVIDENCE_H

#include "consensus/message.h"
#include "crypto/merkle.h"

enum evidence_kind {
    EVIDENCE_E1 = 1, /* Two headers signed by one leader for one (epoch, view, height). */
    EVIDENCE_E2 = 2, /* Two P1 of one voter: same (view, height), other hash; or one view, forks. */
    EVIDENCE_E3 = 3, /* A VC that contradicts a P1 or P2 of its sender. */
    EVIDENCE_E4 = 4, /* Two VCs for one view. */
    EVIDENCE_E5 = 5, /* A NEWVIEW with a wrong X, or an invalid VC inside. */
    EVIDENCE_E6 = 6  /* A signed header whose content is provably invalid. */
};

#define EVIDENCE_HEADERS_MAX (2u * CONSENSUS_WINDOW)
#define EVIDENCE_SIZE_MAX    (40u << 20)

struct evidence {
    enum evidence_kind kind;
    uint64_t epoch;
    uint32_t offender;
    uint64_t view;     /* Where it happened; with kind, offender, epoch and height: its identity. */
    uint64_t height;   /* 0 for E4, E5. */
    struct span bytes; /* The items that prove it, encoded (borrowed). */
};

void evidence_encode(struct buf *out, const struct evidence *e);
NODISCARD enum status evidence_decode(struct evidence *e, struct span bytes);

/* Builders append the items' encoding to out and describe them in *e (which borrows out's bytes
 * only after out is complete: set by the caller with evidence_attach). */
void evidence_of_proposals(struct evidence *e,
                           struct buf *out,
                           const struct proposal *a,
                           const struct proposal *b);
/* headers: the chains that show the fork when the heights differ; may be none. */
void evidence_of_votes(struct evidence *e,
                       struct buf *out,
                       const struct vote *a,
                       const struct vote *b,
                       const struct header *headers,
                       uint32_t header_count);
void evidence_of_false_view_change(struct evidence *e,
                                   struct buf *out,
                                   const struct vote *vote,
                                   const struct view_change *vc);
void evidence_of_view_changes(struct evidence *e,
                              struct buf *out,
                              const struct view_change *a,
                              const struct view_change *b);
void evidence_of_new_view(struct evidence *e, struct buf *out, const struct new_view *nv);

/* E6. items by fault: the transaction and its Merkle path (bad signature, outside its span,
 * malformed), two paths (duplicate), parent's proposal (time), … */
enum evidence_content {
    CONTENT_SIGNATURE = 1,
    CONTENT_MALFORMED = 2,
    CONTENT_SPAN = 3,
    CONTENT_DUPLICATE = 4,
    CONTENT_TIME = 5,
    CONTENT_MODE = 6
};
struct content_item {
    uint32_t index;
    struct span tx; /* Encoded. */
    struct merkle_path path;
};
void evidence_of_content(struct evidence *e,
                         struct buf *out,
                         const struct proposal *p,
                         enum evidence_content fault,
                         const struct content_item *items,
                         uint32_t item_count);

/* ST_OK: it proves the fault. ST_INVALID: it proves nothing. ST_SIGNATURE: something in it is not
 * signed as it says. ST_NO_MEMORY. */
NODISCARD enum status evidence_verify(const struct evidence *e,
                                      const struct validators *v,
                                      const struct signer *signer,
                                      const struct hash *chain_id,
                                      struct mem *mem);

const char *evidence_name(enum evidence_kind kind); /* "E1". */

#endif
