/* proof.h - Self-contained evidence that a transaction was executed with a result.
 *
 * Format: docs/format/proof.md. Contains the receipt, its Merkle path, the block result, header,
 * commit certificate and execution certificate. Either certificate may be of a later block: votes
 * are pipelined, so validators need not ever have signed exactly this one. The proof then shows
 * what lies between. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_PROOF_H
#define TRUSTSQL_LEDGER_PROOF_H

#include "crypto/merkle.h"
#include "ledger/block.h"
#include "ledger/epochs.h"
#include "ledger/genesis.h"
#include "ledger/quorum.h"
#include "ledger/receipt.h"

#define PROOF_LATER_MAX      256u /* Heights between the block and the execution certificate. */
#define PROOF_SUCCESSORS_MAX 16u  /* Heights between the block and the commit certificate. */

struct receipt_proof {
    struct span receipt; /* Encoded. */
    uint32_t receipt_index;
    uint32_t receipt_count;
    struct merkle_path path;
    struct block_result result;
    struct hash digest_before; /* D_{h-1}. */
    struct span header;        /* Encoded. */
    uint32_t successor_count;
    struct span successors[PROOF_SUCCESSORS_MAX]; /* Encoded headers h+1…, each the child of the
                                                     one before; none: final_cert is of h. */
    struct certificate final_cert;                /* P2 on the last of them. */
    struct certificate res_cert;                  /* P3 on D_H, H >= h. */
    struct span later;  /* d_{h+1} … d_H, 32 bytes each, so that D_h folds to D_H. */
    struct span epochs; /* Encoded epoch_chain up to the block's epoch; empty: it is epoch 0. */
};

void receipt_proof_encode(struct buf *out, const struct receipt_proof *p);
/* The same in two parts: what all proofs of a block have in common, encoded once, and the whole of
 * one of them, which uses of p only receipt, index, count and path. */
void receipt_proof_encode_shared(struct buf *out, const struct receipt_proof *p);
void receipt_proof_encode_with(struct buf *out, const struct receipt_proof *p, struct span shared);
NODISCARD enum status receipt_proof_decode(struct receipt_proof *p, struct span bytes);

/* What the verifier starts from: the validators of epoch 0 and the chain id, both from the genesis
 * it holds; or the validators of a later epoch, which it knows otherwise. */
struct proof_trust {
    const struct validators *validators;
    const struct hash *chain_id;
    const struct signer *signer;
    uint64_t epoch; /* Of validators. */
};

/* Check everything. Decodes the receipt into out (arena a). ST_OK, or ST_REJECTED, ST_SIGNATURE,
 * ST_INVALID with *what naming the first failure (static text). */
NODISCARD enum status receipt_proof_verify(const struct receipt_proof *p,
                                           const struct proof_trust *trust,
                                           struct receipt *out,
                                           struct arena *a,
                                           const char **what);

#endif
