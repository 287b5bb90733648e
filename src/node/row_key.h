/* row_key.h - A row's key from text, as people write it, to the bytes of a write set.
 *
 * One column: the text of its value. Several: a record as PostgreSQL prints it, (1,abc,"a, b").
 * Format of the bytes: docs/format/writeset.md. Pure. */
#ifndef TRUSTSQL_NODE_ROW_KEY_H
#define TRUSTSQL_NODE_ROW_KEY_H

#include "base/buf.h"
#include "sql/catalog.h"

/* Append the key's CBOR array. ST_INVALID, ST_UNSUPPORTED with d set; ST_NO_MEMORY. */
NODISCARD enum status row_key_encode(struct buf *out,
                                     const struct catalog_table *table,
                                     struct span text,
                                     struct arena *a,
                                     struct diag *d);

#endif
