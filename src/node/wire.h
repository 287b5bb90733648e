/* wire.h - What replicas send each other, around and beside the engine's own messages.
 *
 * One message = one byte of kind and, by kind, CBOR or the engine's encoding; byte table in wire.c,
 * format: docs/format/peer.md. A decoded message is well formed and inside its bounds, nothing
 * about it is believed. It borrows the bytes. Pure; thread-safe. */
#ifndef TRUSTSQL_NODE_WIRE_H
#define TRUSTSQL_NODE_WIRE_H

#include "consensus/message.h"

#define WIRE_CHUNK_BYTES  (1u << 20) /* Answers hold about this much, and at least one item. */
#define WIRE_CHAIN_BLOCKS 256u       /* Blocks in one answer. */
#define WIRE_TXS_MAX      BLOCK_TXS_MAX
#define WIRE_PIECE_MAX    ((uint64_t)256 << 20) /* Bytes of anything that is asked for in pieces. */

enum wire_kind {
    WIRE_CONSENSUS = 1, /* A message of the engine. */
    WIRE_PROPOSAL = 2,  /* A proposal with all but the transactions. */
    WIRE_TXS = 3,       /* Transactions of clients of the sender. */
    WIRE_GET_TXS = 4,   /* Asks for transactions by their leaves… */
    WIRE_TXS_FOUND = 5, /* … those that are here. */
    WIRE_GET_BLOCK = 6, /* Asks for a block, final or held, from an offset… */
    WIRE_BLOCK_PART = 7,
    WIRE_GET_CHAIN = 8, /* Asks for final blocks in a row… */
    WIRE_CHAIN = 9,
    WIRE_EVIDENCE = 10,
    WIRE_GET_HEIGHT = 11, /* Asks what the receiver has executed, for a linearizable read… */
    WIRE_HEIGHT = 12,
    WIRE_REPORT = 13,      /* Which program its sender runs. */
    WIRE_JOIN = 14,        /* Of a guest: the card of a node that wants to come… */
    WIRE_WELCOME = 15,     /* … and what became of it. */
    WIRE_INCIDENT = 16,    /* Damage that a node found in its own files. */
    WIRE_GET_HISTORY = 17, /* Of a node that joins: blocks in a row with their results… */
    WIRE_HISTORY = 18,
    WIRE_GET_SNAPSHOT = 19, /* Which snapshot the receiver has; it makes one if it has none… */
    WIRE_SNAPSHOT = 20,
    WIRE_GET_PIECE = 21, /* Asks for a part of something large… */
    WIRE_PIECE = 22,
    WIRE_LINKS = 23 /* Of a validator: with whom it has a connection. */
};
#define WIRE_KIND_LAST   WIRE_LINKS
#define WIRE_SAID_MAX    1024u /* Bytes of the text of a welcome. */
#define WIRE_VERSION_MAX 63u   /* Bytes of a program's version. */

struct wire_items { /* Encoded items of a list; wire_next_* walk over them. */
    struct span bytes;
    uint32_t count;
};

struct wire_proposal {
    struct proposal proposal;
    bool has_final_cert;
    bool has_res_cert;
    struct certificate final_cert;
    struct certificate res_cert;
    struct body_notes notes;
    struct span leaves; /* HASH_SIZE × header.tx_count. */
};

struct wire_get_txs {
    uint64_t id;        /* Of the question; the answer repeats it. */
    struct span leaves; /* At least one. */
};

struct wire_txs_found {
    uint64_t id;
    struct wire_items txs; /* Position in the question, transaction. */
};

struct wire_get_block {
    uint64_t id;
    uint64_t height;
    struct hash hash; /* Zero: the final block of height. */
    uint64_t offset;
};

struct wire_block_part {
    uint64_t id;
    uint64_t size; /* Of the whole encoded block; 0: it is not here. */
    uint64_t offset;
    struct span bytes;
};

struct wire_get_chain {
    uint64_t id;
    uint64_t height; /* The first one wanted. */
};

struct wire_chain {
    uint64_t id;
    uint64_t final_height; /* Of the sender. */
    bool has_cert;         /* Its newest commit certificate. */
    struct certificate cert;
    bool has_res_cert; /* Its newest result certificate. */
    struct certificate res_cert;
    struct wire_items blocks; /* From the height asked for; none when the first is larger than
                                 WIRE_CHUNK_BYTES: ask for that one in parts. */
};

struct wire_get_height {
    uint64_t id;
    uint64_t epoch;        /* Of the sender: who is in another one does not answer. */
    uint64_t final_height; /* Of the sender: up to it a height needs no proof. */
};

struct wire_height {
    uint64_t id;
    uint64_t height; /* Executed, and no result above it was ever signed. */
    bool has_cert;   /* A commit certificate of that height or above. */
    struct certificate cert;
};

struct wire_report {
    struct hash program;       /* Of its file. */
    uint32_t exec_version_min; /* What it can execute. */
    uint32_t exec_version_max;
    struct span version; /* Printable ASCII, "0.4.0". */
};

struct wire_welcome {
    struct span genesis;
    bool is_accepted; /* The card is proposed to the chain, or the node belongs to it already. */
    struct span said; /* UTF-8, for people. */
};

struct wire_history {
    uint64_t id;
    uint64_t final_height; /* Up to which the sender has both. */
    bool has_cert;         /* Its newest commit certificate. */
    struct certificate cert;
    bool has_res_cert; /* Its newest result certificate. */
    struct certificate res_cert;
    struct wire_items items; /* Block, result, block, … from the height asked for; none when the
                                first two are larger than WIRE_CHUNK_BYTES: ask for pieces. */
};

struct wire_get_snapshot {
    uint64_t id;
    uint64_t height; /* 0: any. */
};

struct wire_snapshot {
    uint64_t id;
    uint64_t height; /* 0: none, and none can be made. */
    bool is_ready;   /* Else it is being made. The rest of it: */
    struct hash hash;
    uint64_t manifest_size;
    uint64_t size;
    uint32_t chunk_count;
};

enum wire_piece_kind { PIECE_BLOCK = 1, PIECE_RESULT = 2, PIECE_MANIFEST = 3, PIECE_CHUNK = 4 };

struct wire_get_piece {
    uint64_t id;
    enum wire_piece_kind kind;
    uint64_t height; /* Of the block, the result, the snapshot. */
    uint64_t at;     /* PIECE_CHUNK: where it begins in the file of chunks; else 0. */
    uint64_t size;   /* PIECE_CHUNK: its size; else 0. */
    uint64_t offset; /* In it. */
};

struct wire_piece {
    uint64_t id;
    uint64_t size; /* Of the whole; 0: it is not here. */
    uint64_t offset;
    struct span bytes;
};

struct wire_links {
    uint64_t epoch;
    uint32_t links; /* Bit i: validator i of that epoch, or the sender itself. */
};

struct wire_message { /* Some 24 KiB. */
    enum wire_kind kind;
    union {
        struct span bytes; /* WIRE_CONSENSUS, WIRE_EVIDENCE, WIRE_INCIDENT: not decoded. */
        struct wire_proposal proposal;
        struct wire_items txs;
        struct wire_get_txs get_txs;
        struct wire_txs_found txs_found;
        struct wire_get_block get_block;
        struct wire_block_part block_part;
        struct wire_get_chain get_chain;
        struct wire_chain chain;
        struct wire_get_height get_height;
        struct wire_height height;
        struct wire_report report;
        struct span card; /* WIRE_JOIN: text. */
        struct wire_welcome welcome;
        struct wire_get_chain get_history; /* As of the chain. */
        struct wire_history history;
        struct wire_get_snapshot get_snapshot;
        struct wire_snapshot snapshot;
        struct wire_get_piece get_piece;
        struct wire_piece piece;
        struct wire_links links;
    };
};

void wire_encode(struct buf *out, const struct wire_message *m);
/* The kind alone, before the engine's encoding of a message or of evidence. */
void wire_begin(struct buf *out, enum wire_kind kind);

/* ST_INVALID, ST_TRUNCATED, ST_LIMIT. Trailing bytes are an error. */
NODISCARD enum status wire_decode(struct wire_message *m, struct span bytes);

/* Take the first item off. False: none left. */
bool wire_next(struct wire_items *items, struct span *item);
bool wire_next_found(struct wire_items *items, uint32_t *position, struct span *tx);
/* Append one; the caller counts. */
void wire_put(struct buf *items, struct span item);
void wire_put_found(struct buf *items, uint32_t position, struct span tx);

#endif
