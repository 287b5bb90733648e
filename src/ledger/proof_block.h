/* proof_block.h - The part of a proof that shows a block, its result, and the quorums behind both.
 *
 * Format: docs/format/proof.md. Either certificate may be of a later block: votes are pipelined, so
 * validators need not ever have signed exactly this one. The proof then shows what lies between.
 * Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_PROOF_BLOCK_H
#define TRUSTSQL_LEDGER_PROOF_BLOCK_H

#include "ledger/block.h"
#include "ledger/epochs.h"
#include "ledger/quorum.h"
#include "ledger/receipt.h"

#define PROOF_LATER_MAX      256u /* Heights between the block and the execution certificate. */
#define PROOF_SUCCESSORS_MAX 16u  /* Heights between the block and the commit certificate. */

struct proof_block {
    struct block_result result;
    struct hash digest_before; /* D_{h-1}. */
    struct span header;        /* Encoded. */
    uint32_t successor_count;
    struct span successors[PROOF_SUCCESSORS_MAX]; /* Encoded headers h+1…, each the child of the
                                                     one before; none: final_cert is of h. */
    struct certificate final_cert;                /* P1 or P2 on the last of them. */
    struct certificate res_cert;                  /* P3 on D_H, H >= h. */
    struct span later;  /* d_{h+1} … d_H, 32 bytes each, so that D_h folds to D_H. */
    struct span epochs; /* Encoded epoch_chain up to the block's epoch; empty: it is epoch 0. */
};

void proof_block_write(struct buf *out, const struct proof_block *p);
void proof_block_read(struct proof_block *p, struct cbor *in);

/* What the verifier starts from: the validators of epoch 0 and the chain id, both from the genesis;
 * or the validators of a later epoch, which it knows otherwise. */
struct proof_trust {
    const struct validators *validators;
    const struct hash *chain_id;
    const struct signer *signer;
    uint64_t epoch; /* Of validators. */
};

/* First what costs little: all that follows from hashes. *header is the block's. Null, or the first
 * failure (static text). */
const char *proof_block_check(const struct proof_block *p,
                              const struct hash *chain_id,
                              struct header *header);

/* Then who signed it, of a block that was checked. ST_OK, or ST_REJECTED, ST_SIGNATURE, ST_INVALID
 * with *what naming the first failure. */
NODISCARD enum status proof_block_verify(const struct proof_block *p,
                                         const struct header *header,
                                         const struct proof_trust *trust,
                                         struct arena *a,
                                         const char **what);

/* D_h. */
struct hash proof_block_digest(const struct proof_block *p);

#endif
