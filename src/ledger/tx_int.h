/* tx_int.h - What decoding, encoding and hashing of a transaction share. */
#ifndef TRUSTSQL_LEDGER_TX_INT_H
#define TRUSTSQL_LEDGER_TX_INT_H

#include "crypto/merkle.h"
#include "ledger/tx.h"

#define TX_ACCOUNT_SIZE (1u + ACCOUNT_ID_SIZE) /* Version byte, id. */

/* Salt of item (parameter or auth) of op. */
struct hash tx_param_salt(const struct tx *t, uint32_t op, uint32_t item);
struct hash tx_auth_salt(const struct tx *t, uint32_t op, uint32_t item);

/* Commitments, from the salts already in p or auth. */
struct hash tx_param_commitment(const struct tx_param *p);
struct hash tx_auth_commitment(const struct tx_auth *auth);

/* Leaf of the operation tree; commitments are set. */
struct hash tx_op_leaf(const struct tx_op *op);

/* txid from the encoded envelope and the root over the leaves of the operations. */
struct hash tx_id_of(struct span envelope, const struct merkle_tree *ops);

/* Leaf of tx_root: txid and signatures are set. */
struct hash tx_leaf_of(const struct tx *t);

void tx_encode_envelope(const struct tx *t, struct buf *out);

bool tx_secret_is_zero(const struct tx *t);

/* No signer twice. */
bool tx_signers_are_distinct(const struct tx *t);

#endif
