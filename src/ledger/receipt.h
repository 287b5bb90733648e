/* receipt.h - What became of a transaction, and the digest chain that certifies it.
 *
 * Format: docs/format/receipt.md. Receipts are the same bytes on every node: no counts of fuel, no
 * times, no texts that depend on the machine. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_RECEIPT_H
#define TRUSTSQL_LEDGER_RECEIPT_H

#include "base/arena.h"
#include "base/diag.h"
#include "ledger/vote.h"

enum receipt_status { RECEIPT_OK = 0, RECEIPT_FAILED = 1 };

struct op_result {
    uint64_t row_count; /* Rows changed or returned. */
    struct hash
        result_hash; /* H("rows" ‖ encoded result rows); zero when the operation has none. */
};

/* H("results" ‖ for each: u64 row count ‖ result hash): what a client saw of them all. */
struct hash op_results_hash(const struct op_result *ops, uint32_t count);

struct receipt {
    struct hash txid;
    uint64_t height;
    uint32_t index; /* In the block. */
    enum receipt_status status;
    struct diag diag;      /* RECEIPT_FAILED: sqlstate, message, position, detail, hint. */
    uint32_t failed_op;    /* RECEIPT_FAILED: index of the operation. */
    struct op_result *ops; /* RECEIPT_OK: one for each operation. */
    uint32_t op_count;
    struct hash write_root;  /* Merkle root of this transaction's own net writes; zero: none. */
    uint8_t holder;          /* Who holds the signing key: 0 self, 1 custodian. */
    struct span holder_name; /* Custodian organisation, "" for self. */
    struct span events;      /* CBOR array; empty array when none. */
};

void receipt_encode(struct buf *out, const struct receipt *r);
NODISCARD enum status receipt_decode(struct receipt *r, struct arena *a, struct span bytes);
struct hash receipt_leaf(struct span encoded); /* RFC 9162 leaf over the encoding. */

/* d_h = H("exec" ‖ height ‖ block hash ‖ writeset_root ‖ receipts_root ‖ checkpoint). */
struct block_result {
    uint64_t height;
    struct hash block_hash;
    struct hash writeset_root;
    struct hash receipts_root;
    struct hash checkpoint; /* Zero where none falls due. */
};
struct hash block_result_digest(const struct block_result *r);

/* D_h = H("chain" ‖ D_{h-1} ‖ d_h). */
struct hash digest_fold(const struct hash *before, const struct hash *block_digest);

#endif
