/* proof.h - Self-contained evidence of what a chain says, for somebody who holds only its genesis.
 *
 * Format: docs/format/proof.md. A proof shows a subject, how it hangs under the result of a block,
 * and the quorums behind that result: a transaction with its receipt (and values of it), the
 * version of a row that a block left, a row or its absence at a checkpoint, the absence of a
 * transaction from an interval of blocks. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_PROOF_H
#define TRUSTSQL_LEDGER_PROOF_H

#include "ledger/checkpoint.h"
#include "ledger/genesis.h"
#include "ledger/proof_block.h"
#include "ledger/row_path.h"
#include "ledger/side_path.h"
#include "ledger/tx.h"

#define PROOF_VERSION       3u
#define PROOF_INTERVALS_MAX 1024u       /* Between checkpoints, in one proof of absence. */
#define PROOF_BYTES_MAX     (48u << 20) /* A shown transaction, a chain of epochs, and the rest. */

enum proof_kind {
    PROOF_TX = 1,          /* A transaction, what became of it, and values of it. */
    PROOF_ROW_VERSION = 2, /* What the block made of one row. */
    PROOF_ROW = 3,         /* A row as it stands at a checkpoint. */
    PROOF_NO_ROW = 4,      /* There is no such row at a checkpoint. */
    PROOF_NO_TX = 5,       /* No block of an interval holds the transaction. */
};

/* "tx", "row version", "row", "no row", "no tx". */
const char *proof_kind_text(enum proof_kind kind);

struct proof_tx {
    struct span receipt;     /* Encoded. */
    struct merkle_path path; /* Its place and the count stand in receipt and header. */
    bool has_shown;
    struct span shown;             /* The transaction, encoded: whole or redacted. */
    struct merkle_path shown_path; /* Under the header's tx_root. */
};

struct proof_version {
    struct span entry; /* Of the write set: [table id, key, row / null]. */
    struct side_path path;
};

struct proof_row { /* PROOF_ROW and PROOF_NO_ROW. The block is the one that certifies. */
    struct checkpoint checkpoint;
    struct span entry; /* PROOF_ROW: [table id, key, row]. */
    uint64_t table_id; /* PROOF_NO_ROW. */
    struct span key;   /* PROOF_NO_ROW: as in the write set. */
    struct row_path path;
};

struct proof_neighbour { /* An id of the interval, beside the one that is missing. */
    bool is_there;
    struct hash txid;
    struct side_path path;
};

struct proof_interval { /* The blocks above checkpoint.before up to checkpoint.height. */
    struct checkpoint checkpoint;
    struct proof_neighbour left;
    struct proof_neighbour right;
};

struct proof_older {
    struct proof_interval interval;
    struct proof_block block;
};

struct proof_no_tx {
    struct hash txid;
    struct proof_interval interval; /* Of the proof's own block. */
    struct proof_older *older;      /* Each ends where the one before it begins. */
    uint32_t older_count;
};

struct proof {
    struct span genesis; /* Its file; empty: the verifier has it. */
    enum proof_kind kind;
    union { /* By kind. */
        struct proof_tx tx;
        struct proof_version version;
        struct proof_row row;
        struct proof_no_tx no_tx;
    } of;
    struct proof_block block;
};

void proof_encode(struct buf *out, const struct proof *p);
/* The same of a transaction, without genesis, with what the proofs of a block have in common
 * encoded once (proof_block_write). */
void proof_encode_tx(struct buf *out, const struct proof_tx *tx, struct span block);
/* p borrows bytes; arrays come from a. */
NODISCARD enum status proof_decode(struct proof *p, struct arena *a, struct span bytes);

/* Append the same proof with the genesis in it, for somebody who has only its hash. */
NODISCARD enum status proof_add_genesis(struct buf *out,
                                        struct arena *a,
                                        struct span bytes,
                                        struct span genesis);

struct proof_facts { /* What a proof proves. */
    enum proof_kind kind;
    struct header header; /* Of the block. */
    /* PROOF_TX. */
    struct receipt receipt;
    struct tx *shown; /* Null: none. */
    /* PROOF_ROW_VERSION, PROOF_ROW, PROOF_NO_ROW. */
    uint64_t table_id;
    struct span key; /* CBOR array. */
    struct span row; /* CBOR array; size 0: there is no such row. */
    /* Of rows: the height at which it is so: of the block, or of the checkpoint. PROOF_NO_TX: of
     * the last block of the interval. */
    uint64_t height;
    /* PROOF_NO_TX. */
    struct hash txid;
    uint64_t after;     /* Height of the last block below the interval. */
    uint64_t passed_ms; /* The interval ends with a block of this time or a later one. */
};

/* PROOF_NO_TX: the interval holds every block in which a transaction that is valid until then could
 * ever stand (consensus.md 1.15). */
bool proof_covers_life(const struct proof_facts *f,
                       uint64_t valid_until_ms,
                       uint64_t valid_until_height);

/* Check everything. What out points to is p's or lives in a. ST_OK, or ST_REJECTED, ST_SIGNATURE,
 * ST_INVALID with *what naming the first failure (static text). */
NODISCARD enum status proof_verify(const struct proof *p,
                                   const struct proof_trust *trust,
                                   struct proof_facts *out,
                                   struct arena *a,
                                   const char **what);

struct proof_anchor { /* All that a verifier of a file holds. */
    const struct hash *chain_id;
    struct span genesis; /* Empty: the proof brings it. */
    const struct signer *signer;
};

/* Decode and check, trusting the hash of the genesis alone. */
NODISCARD enum status proof_verify_bytes(struct span bytes,
                                         const struct proof_anchor *anchor,
                                         struct proof_facts *out,
                                         struct arena *a,
                                         const char **what);

#endif
