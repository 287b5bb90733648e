/* repeat.h - A transaction under an idempotency key that was used before changed nothing: what the
 * first one under that key did is its answer.
 *
 * Reads the store; any thread. */
#ifndef TRUSTSQL_NODE_REPEAT_H
#define TRUSTSQL_NODE_REPEAT_H

#include "base/arena.h"
#include "ledger/receipt.h"
#include "store/store.h"

/* The receipt of a transaction: its encoding in *bytes, decoded in *out, all in a. ST_NOT_FOUND: no
 * block whose result is here has it. */
NODISCARD enum status receipt_find(struct store *store,
                                   struct arena *a,
                                   const struct hash *txid,
                                   struct receipt *out,
                                   struct span *bytes);

/* The receipt of the transaction that this one, whose receipt is given, repeats. ST_NOT_FOUND: it
 * repeats none. */
NODISCARD enum status repeat_first(struct store *store,
                                   struct arena *a,
                                   struct span receipt,
                                   struct receipt *out);

#endif
