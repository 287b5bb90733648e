/* catalog_int.h - The chain's own tables and what is known of rights, for catalog.c and
 * catalog_rights.c. For files of this folder. */
#ifndef TRUSTSQL_SQL_CATALOG_INT_H
#define TRUSTSQL_SQL_CATALOG_INT_H

#include "sql/catalog.h"

#define CATALOG_CHAIN_MAX 64u

struct catalog_rights {
    struct catalog_grant *grants;   /* C3 */
    struct catalog_member *members; /* C3 */
    struct catalog_ledger *ledgers; /* In order of id. */
    uint32_t grant_count;
    uint32_t member_count;
    uint32_t ledger_count;
};

const struct catalog_rights *catalog_rights_of(const struct sql_catalog *c);

extern const struct catalog_table catalog_chain_tables[]; /* In order of id. */
extern const uint32_t catalog_chain_count;

#endif
