/* reject.h - Why the engine refuses a message: every reason, named and counted.
 *
 * Names are stable: scenarios and metrics use them. */
#ifndef TRUSTSQL_CONSENSUS_REJECT_H
#define TRUSTSQL_CONSENSUS_REJECT_H

#define REJECT_LIST(X)                                                                             \
    X(REJECT_NONE, "none")                                                                         \
    X(REJECT_EPOCH, "epoch")   /* Of another epoch. */                                             \
    X(REJECT_CHAIN, "chain")   /* A header of another chain. */                                    \
    X(REJECT_SENDER, "sender") /* No validator. */                                                 \
    X(REJECT_SIGNATURE, "signature")                                                               \
    X(REJECT_OLD_VIEW, "old-view")                                                                 \
    X(REJECT_FAR_VIEW, "far-view") /* Further ahead than tables reach. */                          \
    X(REJECT_NOT_LEADER, "not-leader")                                                             \
    X(REJECT_HEIGHT, "height") /* Outside (final, final + W]. */                                   \
    X(REJECT_PARENT, "parent") /* Does not extend the chain of this view. */                       \
    X(REJECT_TIME, "time")     /* Outside the bounds of 1.16. */                                   \
    X(REJECT_MODE, "mode")                                                                         \
    X(REJECT_VERSION, "exec-version")                                                              \
    X(REJECT_HISTORY, "history-root")                                                              \
    X(REJECT_FLAGS, "flags")                                                                       \
    X(REJECT_COUNTS, "counts")             /* Too many transactions or bytes. */                   \
    X(REJECT_EQUIVOCATION, "equivocation") /* Contradicts what its sender signed before. */        \
    X(REJECT_DUPLICATE, "duplicate")       /* Known already. */                                    \
    X(REJECT_BODY, "body")                 /* Its body is invalid. */                              \
    X(REJECT_FINAL_CERT, "final-cert")                                                             \
    X(REJECT_RESULT_CERT, "result-cert")                                                           \
    X(REJECT_RESULT, "result") /* Certifies another result than ours. */                           \
    X(REJECT_NOTES, "notes")   /* Not the header's, or not what they claim to be. */               \
    X(REJECT_LAG, "lag")       /* Proposed too far above the certified result. */                  \
    X(REJECT_VOTE_EMPTY, "vote-empty")                                                             \
    X(REJECT_VC_FINAL, "vc-final") /* Its final height is not certified. */                        \
    X(REJECT_VC_CHAIN, "vc-chain") /* Its headers are not a chain. */                              \
    X(REJECT_VC_VOTED_VIEW, "vc-voted-view")                                                       \
    X(REJECT_VC_HQ, "vc-hq")                                                                       \
    X(REJECT_VC_TIP, "vc-tip")         /* raft: no word of its leader for the last header. */      \
    X(REJECT_NV_COUNT, "nv-count")     /* Not exactly n - f VCs; raft: no majority. */             \
    X(REJECT_NV_SENDERS, "nv-senders") /* Not distinct, ascending validators. */                   \
    X(REJECT_NV_VIEW, "nv-view")       /* A VC of another view. */                                 \
    X(REJECT_NV_VC, "nv-vc")           /* A VC inside is invalid. */                               \
    X(REJECT_NV_WORD, "nv-word")       /* raft: its word for X is not signed. */                   \
    X(REJECT_NV_ANCHOR, "nv-anchor")   /* X is not what select gives. */                           \
    X(REJECT_STALE, "stale")           /* Nothing to do any more. */                               \
    X(REJECT_HALTED, "halted")

enum consensus_reject {
#define REJECT_ENUM(name, text) name,
    REJECT_LIST(REJECT_ENUM)
#undef REJECT_ENUM
        REJECT_COUNT
};

const char *consensus_reject_name(enum consensus_reject reject);

#endif
