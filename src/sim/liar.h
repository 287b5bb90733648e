/* liar.h - A Byzantine host that runs the honest core and turns what it says into lies.
 *
 * Every lie is correctly signed with its own key. Which lies it tells is chosen per host; when, by
 * the seed. */
#ifndef TRUSTSQL_SIM_LIAR_H
#define TRUSTSQL_SIM_LIAR_H

#include "sim/network.h"

#define LIE_LIST(X)                                                                                \
    X(LIE_SILENT, "silent")           /* Says nothing to some. */                                  \
    X(LIE_EQUIVOCATE, "equivocate")   /* Two proposals, two first votes. */                        \
    X(LIE_VIEW_CHANGE, "lying-vc")    /* View changes that hide or invent. */                      \
    X(LIE_NEW_VIEW, "wrong-newview")  /* Another X, or other view changes. */                      \
    X(LIE_DIGEST, "wrong-digest")     /* Results that nobody has. */                               \
    X(LIE_REPLAY, "replay")           /* What was said before, once more. */                       \
    X(LIE_LOCK, "false-lock")         /* Locks without a certificate. */                           \
    X(LIE_MUTATE, "mutate")           /* A field changed, signed again. */                         \
    X(LIE_GARBAGE, "garbage")         /* Bytes flipped. */                                         \
    X(LIE_DENY, "deny")               /* View changes without its first votes. */                  \
    X(LIE_OLD_HQ, "old-hq")           /* View changes with the certificate of an older view. */    \
    X(LIE_NOTES, "forged-notes")      /* Proposals with late votes and evidence that are none. */  \
    X(LIE_MODE, "false-mode")         /* Proposals in the other mode. */                           \
    X(LIE_CHAIN, "bad-chain")         /* Catch-up that lacks a vote, or with a flipped bit. */     \
    X(LIE_STALE, "stale-reads")       /* Heights as of when it began to lie. */                    \
    X(LIE_ROWS, "false-rows")         /* Rows that nobody has. */                                  \
    X(LIE_CERTIFICATE, "false-cert")  /* Proposals that call their parent final. */                \
    X(LIE_EVIDENCE, "false-evidence") /* Evidence that proves nothing. */

enum lie {
#define LIE_ENUM(name, text) name,
    LIE_LIST(LIE_ENUM)
#undef LIE_ENUM
        LIE_COUNT
};

const char *lie_name(enum lie lie);

/* lies: bits of enum lie. chance_ppm: of each message to become one. */
struct liar *liar_new(uint32_t lies, uint32_t chance_ppm);
void liar_free(struct liar *l); /* Null allowed. */

/* In place of network_send. */
enum status liar_send(struct host *h, uint32_t peer, enum core_channel channel, struct span bytes);

/* --- what clients who read are told: by its lies, if it has any --------------------------------
 */

void liar_twist_height(struct host *h, struct certificate *certified, uint64_t *executed);
void liar_twist_rows(struct host *h, struct hash *rows);

/* --- for scenarios: sign with the host's own key ------------------------------------------------
 */

void liar_sign_proposal(const struct host *h, struct proposal *p);
void liar_sign_vote(const struct host *h, struct vote *v);
void liar_sign_view_change(const struct host *h, struct view_change *vc);
void liar_sign_new_view(const struct host *h, struct new_view *nv);
void liar_sign_anchor(const struct host *h, const struct statement *anchor, struct signature *out);
void liar_sign_status(const struct host *h, struct status_report *s);

#endif
