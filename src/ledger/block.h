/* block.h - Block header and body.
 *
 * consensus.md 1.2; format: docs/format/block.md. hash = H("hdr" ‖ canonical header). A decoded
 * body borrows the encoded bytes. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_BLOCK_H
#define TRUSTSQL_LEDGER_BLOCK_H

#include "base/arena.h"
#include "ledger/notes.h"
#include "ledger/tx.h"

#define BLOCK_TXS_MAX   65536u
#define BLOCK_BYTES_MAX (64u << 20)

enum block_mode { MODE_FAST = 1, MODE_STRICT = 2, MODE_BFT = 3, MODE_RAFT = 4 };
const char *block_mode_text(enum block_mode mode); /* "FAST" … */

enum block_flag { BLOCK_HANDOVER = 1u, BLOCK_EPOCH_CLOSE = 2u, BLOCK_CHECKPOINT = 4u };

struct header {
    struct hash chain_id;
    uint64_t epoch;  /* The first is 0. */
    uint64_t height; /* The first block is 1; its parent is the chain id. */
    uint64_t view;
    struct hash parent;
    uint32_t exec_version;
    struct hash history_root; /* Merkle tree (RFC 9162) over the hashes of blocks 1…height-1. */
    uint64_t time_ms;
    struct hash tx_root;
    uint32_t tx_count;
    uint32_t body_size;
    uint32_t proposer;
    uint64_t final_height; /* Newest commit certificate in the body; 0 and zero hash: none. */
    struct hash final_cert_hash;
    uint64_t res_height; /* Newest certified execution result in the body; 0: none. */
    struct hash res_digest;
    struct hash res_cert_hash;
    struct hash notes_hash; /* Of the body's notes; zero: it has none. */
    enum block_mode mode;
    uint32_t flags;
    struct hash next_config_hash; /* Zero unless EPOCH_CLOSE. */
};

struct body {
    bool has_final_cert;
    bool has_res_cert;
    struct certificate final_cert;
    struct certificate res_cert;
    struct body_notes notes;
    struct span *txs; /* Encoded transactions, in order. */
    uint32_t tx_count;
    uint32_t size; /* Bytes of the encoding; set by body_decode, ignored by body_encode. */
};

void header_encode(struct buf *out, const struct header *h);
void header_decode(struct header *h, struct cbor *in);
struct hash header_hash(const struct header *h);

void body_encode(struct buf *out, const struct body *b);
NODISCARD enum status body_decode(struct body *b, struct arena *a, struct span bytes);

/* A stored or sent block is the CBOR array [header, body] with both as byte strings. */
void block_encode(struct buf *out, struct span header, struct span body);
NODISCARD enum status block_split(struct span block, struct span *header, struct span *body);

struct block_parts {
    const struct header *header;
    const struct body *body;
    const struct tx *txs; /* The body's, decoded, body->tx_count of them. */
};

/* Everything that needs only the block and its parent: chain id, height, parent hash, time after
 * the parent's, body size, tx_root, counts, span and chain of each transaction, no txid twice in
 * the block, certificates and notes as the header says. Not: signatures, history_root, proposer,
 * mode, txids of earlier blocks. parent null: the first block, whose parent hash is the chain id.
 * scratch is used for the count of transactions × 16 bytes. ST_OK, ST_NO_MEMORY, or ST_REJECTED
 * with *what naming the field (static text). */
NODISCARD enum status block_check(const struct block_parts *block,
                                  const struct header *parent,
                                  const struct hash *parent_hash,
                                  struct arena *scratch,
                                  const char **what);

#endif
