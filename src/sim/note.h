/* note.h - What a message on the way is, in one glance: for rules, the trace and Byzantine hosts.
 *
 * A view or height that a kind does not have is 0. Pure. */
#ifndef TRUSTSQL_SIM_NOTE_H
#define TRUSTSQL_SIM_NOTE_H

#include "node/wire.h"

#define NOTE_LIST(X)                                                                               \
    X(NOTE_PROPOSE, "propose")                                                                     \
    X(NOTE_VOTE, "vote")                                                                           \
    X(NOTE_VC, "vc")                                                                               \
    X(NOTE_NEWVIEW, "newview")                                                                     \
    X(NOTE_STATUS, "status")                                                                       \
    X(NOTE_TXS, "txs")                                                                             \
    X(NOTE_GET_TXS, "get-txs")                                                                     \
    X(NOTE_TXS_FOUND, "txs-found")                                                                 \
    X(NOTE_GET_BLOCK, "get-block")                                                                 \
    X(NOTE_BLOCK_PART, "block-part")                                                               \
    X(NOTE_GET_CHAIN, "get-chain")                                                                 \
    X(NOTE_CHAIN, "chain")                                                                         \
    X(NOTE_EVIDENCE, "evidence")                                                                   \
    X(NOTE_GARBAGE, "garbage")

enum note_kind {
#define NOTE_ENUM(name, text) name,
    NOTE_LIST(NOTE_ENUM)
#undef NOTE_ENUM
        NOTE_KINDS
};

struct note {
    enum note_kind kind;
    uint32_t author; /* Who signed it; NODES_MAX: unsigned. */
    uint64_t view;
    uint64_t height;
    struct hash hash;                   /* Of the block that it is about; or zero. */
    struct statement parts[VOTE_PARTS]; /* NOTE_VOTE. */
};

const char *note_kind_name(enum note_kind kind);

/* Decodes into wire and, when it is one of the engine's, into message. What cannot be decoded is
 * NOTE_GARBAGE. */
void note_read(struct note *out,
               struct wire_message *wire,
               struct consensus_message *message,
               struct span bytes);

/* "vote P1 0/3 ab12cd P3 2 …" into text[size]. */
void note_text(char *text, size_t size, const struct note *n);

#endif
