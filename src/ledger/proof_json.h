/* proof_json.h - Proofs as JSON: the same fields with their names, bytes in hexadecimal.
 *
 * Format: docs/format/proof.md. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_PROOF_JSON_H
#define TRUSTSQL_LEDGER_PROOF_JSON_H

#include "base/buf.h"
#include "base/status.h"

/* Append bytes as JSON. ST_INVALID, ST_TRUNCATED: they are no proof; out holds part of it then. */
NODISCARD enum status proof_to_json(struct buf *out, struct span bytes);

/* Append the bytes of a JSON text: names in order, digits of bytes in lower case, white space
 * anywhere between. ST_INVALID, ST_TRUNCATED; what it gives is not yet known to be a proof. */
NODISCARD enum status proof_from_json(struct buf *out, struct span text);

#endif
