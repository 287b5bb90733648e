/* proof_functions.h - trustsql.proof_tx, proof_row, proof_absent: proofs in SQL.
 *
 * docs/sql/functions.md says what they give. On reader threads, through functions.c. */
#ifndef TRUSTSQL_NODE_PROOF_FUNCTIONS_H
#define TRUSTSQL_NODE_PROOF_FUNCTIONS_H

#include "node/functions.h"

/* proof_tx(txid) and proof_tx(txid, 'OP.PARAM,…'). NULL: there is no such transaction, or later
 * blocks do not show the certificates yet. */
NODISCARD enum status proof_function_tx(const struct node_functions *f,
                                        sqlite3_context *to,
                                        int count,
                                        sqlite3_value **args);

/* proof_row(table, key as text [, height]). NULL: no proof of it can be made (yet). */
NODISCARD enum status proof_function_row(const struct node_functions *f,
                                         sqlite3_context *to,
                                         int count,
                                         sqlite3_value **args);

/* proof_absent(txid [, from, to]): no block of these heights holds the transaction; without them,
 * of the newest 65,536 up to the newest checkpoint that can be proved. NULL: it cannot be proved
 * (yet).
 */
NODISCARD enum status proof_function_absent(const struct node_functions *f,
                                            sqlite3_context *to,
                                            int count,
                                            sqlite3_value **args);

#endif
