/* explain_table.h - trustsql.explain(text, names, analyze): how SQLite would run a compiled
 * statement, a line a row; for EXPLAIN (src/sql/explain.c), on reader connections.
 *
 * names says what the sources r<n> of the text are called: "n=name" and a line feed, each. With
 * analyze the statement, a read, is run to its end, and its rows and fuel are told. */
#ifndef TRUSTSQL_NODE_EXPLAIN_TABLE_H
#define TRUSTSQL_NODE_EXPLAIN_TABLE_H

#include "node/chain_tables.h"

NODISCARD enum status explain_table_register(sqlite3 *connection,
                                             const struct chain_tables_source *source);

#endif
