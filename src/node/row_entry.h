/* row_entry.h - Rows as their write-set entries, read from the tables of the state.
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

/* The same of many rows of one table after the other. */
struct row_reader {
    sqlite3 *connection;
    sqlite3_stmt *statement; /* Of table; null: of none yet. */
    const struct catalog_table *table;
    bool has_rowid; /* Its rows have a row id that no column tells. */
};
void row_reader_init(struct row_reader *r, sqlite3 *connection);
void row_reader_fini(struct row_reader *r);
/* As row_entry_read (and ST_CORRUPT: SQLite cannot read it); also of tables without a key, whose
 * key is the row id. *rowid means something when r->has_rowid. table lives as long as r. */
NODISCARD enum status row_reader_read(struct row_reader *r,
                                      struct buf *out,
                                      const struct catalog_table *table,
                                      struct span key,
                                      int64_t *rowid);

/* The keys of all rows of a table, in any order. sqlite3_finalize ends it. */
NODISCARD enum status row_keys_begin(sqlite3_stmt **out,
                                     struct mem *mem,
                                     sqlite3 *connection,
                                     const struct catalog_table *table);
/* Append the next one. ST_NOT_FOUND: that was all. */
NODISCARD enum status row_keys_next(struct buf *out,
                                    sqlite3_stmt *keys,
                                    const struct catalog_table *table);

#endif
