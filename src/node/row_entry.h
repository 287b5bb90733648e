/* row_entry.h - A row as its write-set entry, read from the tables of the state.
 *
 * Format: docs/format/writeset.md. */
#ifndef TRUSTSQL_NODE_ROW_ENTRY_H
#define TRUSTSQL_NODE_ROW_ENTRY_H

#include <sqlite3.h>

#include "base/buf.h"
#include "sql/catalog.h"

/* Append [table id, key, row] of the row with this key (CBOR, as row_key_encode gives it), as it
 * stands at the connection's height. ST_NOT_FOUND: there is none. */
NODISCARD enum status row_entry_read(struct buf *out,
                                     sqlite3 *connection,
                                     const struct catalog_table *table,
                                     struct span key);

#endif
