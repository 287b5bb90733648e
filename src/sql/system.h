/* system.h - The system catalogs of PostgreSQL, pg_catalog and information_schema, for reads.
 *
 * They are no tables of the state: their rows are made from the catalog at the height that is read,
 * when they are read (docs/sql/catalog.md). A relation is either filled by a function
 * (system_rows.c), and then a virtual table of SQLite (system.c), or a query over others, and then
 * expanded like a view (system_bind.c). Each node shows the same at one height; yet nothing of it
 * may stand in what the chain executes, so that a newer program can show more. */
#ifndef TRUSTSQL_SQL_SYSTEM_H
#define TRUSTSQL_SQL_SYSTEM_H

#include "sql/sql.h"

/* Register the relations and their functions on a connection that reads; ctx outlives it, and says
 * before each statement which catalog is meant (sql_context.catalog). */
NODISCARD enum status sql_system_register(sqlite3 *connection,
                                          struct sql_context *ctx,
                                          struct mem *mem);

#endif
