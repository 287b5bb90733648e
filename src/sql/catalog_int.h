/* catalog_int.h - The chain's own tables, for catalog.c. For files of this folder. */
#ifndef TRUSTSQL_SQL_CATALOG_INT_H
#define TRUSTSQL_SQL_CATALOG_INT_H

#include "sql/catalog.h"

#define CATALOG_CHAIN_MAX 64u

extern const struct catalog_table catalog_chain_tables[]; /* In order of id. */
extern const uint32_t catalog_chain_count;

#endif
