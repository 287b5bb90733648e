/* proof_functions.h - trustsql.proof_tx, proof_row: proofs in SQL.
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

#endif
