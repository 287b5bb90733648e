/* gist.h - What a message on the way is, in one glance: for rules, the trace and Byzantine hosts.
 *
 * A view or height that a kind does not have is 0. Pure. */
#ifndef TRUSTSQL_SIM_GIST_H
#define TRUSTSQL_SIM_GIST_H

#include "node/wire.h"

#define GIST_LIST(X)                                                                               \
    X(GIST_PROPOSE, "propose")                                                                     \
    X(GIST_VOTE, "vote")                                                                           \
    X(GIST_VC, "vc")                                                                               \
    X(GIST_NEWVIEW, "newview")                                                                     \
    X(GIST_STATUS, "status")                                                                       \
    X(GIST_TXS, "txs")                                                                             \
    X(GIST_GET_TXS, "get-txs")                                                                     \
    X(GIST_TXS_FOUND, "txs-found")                                                                 \
    X(GIST_GET_BLOCK, "get-block")                                                                 \
    X(GIST_BLOCK_PART, "block-part")                                                               \
    X(GIST_GET_CHAIN, "get-chain")                                                                 \
    X(GIST_CHAIN, "chain")                                                                         \
    X(GIST_EVIDENCE, "evidence")                                                                   \
    X(GIST_GET_HEIGHT, "get-height")                                                               \
    X(GIST_HEIGHT, "height")                                                                       \
    X(GIST_REPORT, "report")                                                                       \
    X(GIST_INCIDENT, "incident")                                                                   \
    X(GIST_LINKS, "links")                                                                         \
    X(GIST_GARBAGE, "garbage")

enum gist_kind {
#define GIST_ENUM(name, text) name,
    GIST_LIST(GIST_ENUM)
#undef GIST_ENUM
        GIST_KINDS
};

struct gist {
    enum gist_kind kind;
    uint32_t author; /* Who signed it; NODES_MAX: unsigned. */
    uint64_t view;
    uint64_t height;
    struct hash hash;                   /* Of the block that it is about; or zero. */
    struct statement parts[VOTE_PARTS]; /* GIST_VOTE. */
};

const char *gist_kind_name(enum gist_kind kind);

/* Decodes into wire and, when it is one of the engine's, into message. What cannot be decoded is
 * GIST_GARBAGE. */
void gist_read(struct gist *out,
               struct wire_message *wire,
               struct consensus_message *message,
               struct span bytes);

/* "vote P1 0/3 ab12cd P3 2 …" into text[size]. */
void gist_text(char *text, size_t size, const struct gist *n);

#endif
