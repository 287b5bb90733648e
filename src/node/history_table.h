/* history_table.h - trustsql.history(table id): every version of each row of a table, as a SQLite
 * table-valued function on reader connections.
 *
 * Columns c1 height, c2 time, c3 txid, c4 op, then the table's (src/sql/table_function.c). Earlier
 * tables of the same name and owner are part of it, their columns matched by name and type. A
 * condition on height, or on all columns of the primary key, is used to find the rows. */
#ifndef TRUSTSQL_NODE_HISTORY_TABLE_H
#define TRUSTSQL_NODE_HISTORY_TABLE_H

#include "node/chain_tables.h"

NODISCARD enum status history_table_register(sqlite3 *connection,
                                             const struct chain_tables_source *source);

#endif
