/* tx_status.h - trustsql.tx_status(key [, account]): what became of the transactions under an
 * idempotency key (docs/exactly-once.md); as a table with one row, and in an expression.
 *
 * committed: the row of the key is in the state. never: it is not, and the time of the newest block
 * has passed what every transaction known under the key is valid for. pending: else. */
#ifndef TRUSTSQL_NODE_TX_STATUS_H
#define TRUSTSQL_NODE_TX_STATUS_H

#include "node/chain_tables.h"

NODISCARD enum status tx_status_register(sqlite3 *connection,
                                         const struct chain_tables_source *source);

struct node_functions;

/* The word alone, for node functions. account null: who asks. */
NODISCARD enum status tx_status_word(const struct node_functions *f,
                                     sqlite3_value *key,
                                     sqlite3_value *account,
                                     const char **out);

#endif
