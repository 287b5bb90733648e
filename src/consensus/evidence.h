/* evidence.h - Transferable proof that a validator broke the protocol (consensus.md 1.10).
 *
 * Anyone with the epoch's keys can check it; nobody can make it against an honest validator.
 * Format: docs/format/evidence.md. Timeouts and silence are suspicion, never evidence. Pure;
 * thread-safe. */
#ifndef TRUSTSQL_CONSENSUS_EVIDENCE_H
#define TRUSTSQL_CONSENSUS_EVIDENCE_H

#include "consensus/message.h"
#include "crypto/merkle.h"
#include "ledger/reply.h"

enum evidence_kind {
    EVIDENCE_E1 = 1, /* Two headers signed by one leader for one (epoch, view, height). */
    EVIDENCE_E2 = 2, /* Two P1 of one voter: same (view, height), other hash; or one view, forks. */
    EVIDENCE_E3 = 3, /* A VC that contradicts a P1 or P2 of its sender. */
    EVIDENCE_E4 = 4, /* Two VCs for one view. */
    EVIDENCE_E5 = 5, /* A NEWVIEW with a wrong X, or an invalid VC inside. */
    EVIDENCE_E6 = 6, /* A signed header whose content is provably invalid. */
    EVIDENCE_E7 = 7, /* Two P3 of one voter: same height, other digest. Divergence. */
    EVIDENCE_E8 = 8, /* A P3 against the certified result of its height. Divergence. */
    EVIDENCE_E9 = 9, /* Two commit certificates of one view on forks: who signed both. */
    EVIDENCE_E10 =
        10 /* A signed reply to a client that another reply of it, or a proof, refutes. */
};

#define EVIDENCE_KIND_MAX    EVIDENCE_E10
#define EVIDENCE_HEADERS_MAX 32u /* Twice the window. */
#define EVIDENCE_SIZE_MAX    (40u << 20)

struct evidence { /* kind, offender, epoch, view and height are its identity: one of each is kept.
                   */
    enum evidence_kind kind;
    uint64_t epoch;
    uint32_t offender;
    uint64_t view;   /* E1, E2, E6: of the statements; E3, E4, E5: the view to be opened; E10: 0. */
    uint64_t height; /* E1, E6: of the headers; E2: the lower; E3: of the vote; E4, E5: 0;
                        E10: of the reply, the lower. */
    struct span bytes; /* The items that prove it, encoded (borrowed). */
};

void evidence_encode(struct buf *out, const struct evidence *e);

/* ST_INVALID, ST_TRUNCATED, ST_LIMIT. e borrows bytes; nothing about the items is checked. */
NODISCARD enum status evidence_decode(struct evidence *e, struct span bytes);

/* Corruption or a bug, not proof of malice: it convicts nobody. */
bool evidence_is_divergence(enum evidence_kind kind);

/* Same kind, offender, epoch, view and height. */
bool evidence_is_same(const struct evidence *a, const struct evidence *b);

/* Builders append the encoding of the items to out and describe them in *e, all but its bytes. When
 * out holds nothing else and buf_status(out) is ST_OK, evidence_attach lets e borrow them. Who
 * builds has checked the signatures; a pair may stand in any order. */
static inline void evidence_attach(struct evidence *e, const struct buf *out)
{
    e->bytes = buf_span(out);
}

void evidence_of_proposals(struct evidence *e,
                           struct buf *out,
                           const struct proposal *a,
                           const struct proposal *b);

/* Headers above the lower P1's height up to that of the higher one, ascending: the parent of the
 * first is not the lower's block. */
struct evidence_fork {
    const struct header *headers;
    uint32_t count; /* At most EVIDENCE_HEADERS_MAX. */
};
void evidence_of_votes(struct evidence *e,
                       struct buf *out,
                       const struct vote *a,
                       const struct vote *b,
                       const struct evidence_fork *fork); /* Null: P1 of equal heights. */

/* True: the vote and the view change of one sender contradict each other, and *height is that of
 * the statement. What an honest validator does is never a contradiction:
 *   - P1 of a view u below to_view: u is not above voted_view, for that only grows; and when it is
 *     voted_view, the block stands among the headers, unless it is final, or the final certificate
 *     is of a view after u (only then may the final block be on another branch);
 *   - P2 below to_view, above final: hq is at least its (view, height), for a lock needs the
 *     certificate, and hq only grows. */
bool evidence_is_contradiction(const struct vote *vote,
                               const struct view_change *vc,
                               uint64_t *height);
void evidence_of_false_view_change(struct evidence *e, /* After evidence_is_contradiction. */
                                   struct buf *out,
                                   const struct vote *vote,
                                   const struct view_change *vc);
void evidence_of_view_changes(struct evidence *e,
                              struct buf *out,
                              const struct view_change *a,
                              const struct view_change *b);
void evidence_of_new_view(struct evidence *e, struct buf *out, const struct new_view *nv);

/* E7: P3 of one voter and height that differ. E8: P3 that differs from the certified one. */
void evidence_of_results(struct evidence *e,
                         struct buf *out,
                         const struct vote *a,
                         const struct vote *b);
void evidence_of_false_result(struct evidence *e,
                              struct buf *out,
                              const struct vote *vote,
                              const struct certificate *result);

/* E9: fork null when the heights are equal, else as in evidence_of_votes. One evidence for each of
 * evidence_commit_signers: voters in both certificates, as bits; none when epoch or view differ. */
struct evidence_commits {
    const struct certificate *a;
    const struct certificate *b;
    const struct evidence_fork *fork;
};
uint32_t evidence_commit_signers(const struct certificate *a, const struct certificate *b);
void evidence_of_commits(struct evidence *e,
                         struct buf *out,
                         const struct evidence_commits *commits,
                         uint32_t offender);

/* What is wrong in the block of a signed header (E6), and its items. */
enum evidence_content {
    CONTENT_SIGNATURE = 1, /* A transaction: a client signature does not verify. */
    CONTENT_MALFORMED = 2, /* A transaction: made for another chain. */
    CONTENT_SPAN = 3,      /* A transaction: outside its span at the header's time and height. */
    CONTENT_DUPLICATE = 4, /* Two transactions with one txid, at ascending indexes. */
    CONTENT_TIME = 5,      /* tx: the parent's encoded header, whose time is not before. */
    CONTENT_MODE = 6       /* None: the header's mode cannot be in this epoch. */
};
struct content_item {
    uint32_t index; /* Place in the block; 0 for CONTENT_TIME. */
    struct span tx; /* Encoded, whole form. */
    struct merkle_path path;
};
struct content_proof {
    enum evidence_content fault;
    const struct content_item *items;
    uint32_t item_count;
};
void evidence_of_content(struct evidence *e,
                         struct buf *out,
                         const struct proposal *p,
                         const struct content_proof *proof);

/* Two replies of one validator that contradict each other; a reply and the encoded receipt proof
 * that refutes it. */
void evidence_of_replies(struct evidence *e,
                         struct buf *out,
                         const struct reply *a,
                         const struct reply *b);
void evidence_of_refuted_reply(struct evidence *e,
                               struct buf *out,
                               const struct reply *r,
                               struct span proof);

/* ST_OK: it proves the fault. ST_INVALID: it proves nothing. ST_SIGNATURE: something in it is not
 * signed as it says. ST_NO_MEMORY. v: the validators of e->epoch. */
NODISCARD enum status evidence_verify(const struct evidence *e,
                                      const struct validators *v,
                                      const struct signer *signer,
                                      const struct hash *chain_id,
                                      struct mem *mem);

const char *evidence_name(enum evidence_kind kind); /* "E1". */

#endif
