/* proof.h - Self-contained evidence of what a chain says, for somebody who holds only its genesis.
 *
 * Format: docs/format/proof.md. A proof shows a subject, how it hangs under the result of a block,
 * and the quorums behind that result. Kinds: a transaction with its receipt (and values of it), and
 * the version of a row that a block left. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_PROOF_H
#define TRUSTSQL_LEDGER_PROOF_H

#include "ledger/genesis.h"
#include "ledger/proof_block.h"
#include "ledger/side_path.h"
#include "ledger/tx.h"

#define PROOF_VERSION   3u
#define PROOF_BYTES_MAX (48u << 20) /* A shown transaction, a chain of epochs, and the rest. */

enum proof_kind {
    PROOF_TX = 1,          /* A transaction, what became of it, and values of it. */
    PROOF_ROW_VERSION = 2, /* What the block made of one row. */
};

/* "tx", "row version". */
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

struct proof {
    struct span genesis; /* Its file; empty: the verifier has it. */
    enum proof_kind kind;
    union { /* By kind. */
        struct proof_tx tx;
        struct proof_version version;
    } of;
    struct proof_block block;
};

void proof_encode(struct buf *out, const struct proof *p);
/* The same of a transaction, without genesis, with what the proofs of a block have in common
 * encoded once (proof_block_write). */
void proof_encode_tx(struct buf *out, const struct proof_tx *tx, struct span block);
NODISCARD enum status proof_decode(struct proof *p, struct span bytes);

struct proof_facts { /* What a proof proves. */
    enum proof_kind kind;
    struct header header; /* Of the block. */
    /* PROOF_TX. */
    struct receipt receipt;
    struct tx *shown; /* Null: none. */
    /* PROOF_ROW_VERSION. */
    uint64_t table_id;
    struct span key; /* CBOR array. */
    struct span row; /* CBOR array; size 0: after this block there is no such row. */
};

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
