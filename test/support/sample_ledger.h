/* sample_ledger.h - One of each ledger value, fully populated, the same on every run.
 *
 * Tests, golden files and fuzzing start from these. What they point to is static; a test may change
 * its copy of the outer struct, not what is pointed to. */
#ifndef TRUSTSQL_TEST_SAMPLE_LEDGER_H
#define TRUSTSQL_TEST_SAMPLE_LEDGER_H

#include "ledger/block.h"
#include "ledger/genesis.h"
#include "ledger/proof.h"
#include "ledger/receipt.h"
#include "ledger/tx.h"

#define SAMPLE_NODES   4u
#define SAMPLE_TIME_MS 1700000000000u
#define SAMPLE_HEIGHT  7u
#define SAMPLE_TXS_MAX 5u

struct signer *sample_signer(void); /* One for the process. */

/* Account key number i (secp256k1), node key number i (Ed25519). */
struct secret_key sample_account_secret(uint32_t i);
struct secret_key sample_node_secret(uint32_t i);
struct public_key sample_public(const struct secret_key *secret);

/* Four validators, adaptive, f = 1, p = 0. */
struct genesis sample_genesis(void);
struct hash sample_chain_id(void);

/* Two operations, every kind of value, an auth, reserved sequences, two signers; hashed, signed. */
struct tx sample_tx(void);
/* One operation and one signer; number tells one from another. */
struct tx sample_small_tx(uint64_t number);

/* A vote of node voter with all parts: P1 and P2 on block, P3 on digest, both at height. */
struct vote sample_vote(uint32_t voter,
                        uint64_t height,
                        const struct hash *block,
                        const struct hash *digest);
/* Of the first count validators. */
struct certificate sample_certificate(enum vote_part part,
                                      uint64_t height,
                                      const struct hash *statement,
                                      uint32_t count);

struct receipt sample_receipt_ok(void);
struct receipt sample_receipt_failed(void);

/* A block at SAMPLE_HEIGHT with tx_count small transactions and both certificates, and its parent.
 */
struct sample_block {
    struct header parent;
    struct hash parent_hash;
    struct header header;
    struct body body;
    struct tx txs[SAMPLE_TXS_MAX];
    struct span encoded[SAMPLE_TXS_MAX];
};
void sample_block(struct sample_block *b, struct arena *a, uint32_t tx_count);

/* A proof that verifies against sample_genesis, for receipt 2 of 5, with later_count heights
 * between block and execution certificate (at most 8). */
void sample_proof(struct proof *p, struct arena *a, uint32_t later_count);

/* The same block, committed by a certificate of its successor number count (at most
 * PROOF_SUCCESSORS_MAX), whose headers are shown. */
void sample_successors(struct proof *p, struct arena *a, uint32_t count);

#endif
