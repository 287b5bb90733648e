/* retention.h - From which height on the versions of a table's rows are answered (docs/history.md).
 *
 * The present decides, also for who reads the past: what may not be asked for any more shall not be
 * had by going back. */
#ifndef TRUSTSQL_NODE_RETENTION_H
#define TRUSTSQL_NODE_RETENTION_H

#include "sql/sql.h"

#define RETENTION_TABLES_MAX 64u /* Of one statement, with a limit. */

struct retention { /* Of the tables of one statement. */
    struct {
        uint64_t table;
        uint64_t first; /* Height. */
    } tables[RETENTION_TABLES_MAX];
    uint32_t count;
};

/* The first height of one table, as a connection at height newest sees it: 1 without a limit. */
NODISCARD enum status retention_first(sqlite3 *connection,
                                      uint64_t newest,
                                      uint64_t table,
                                      uint64_t *first);

/* Those of all tables that a statement reads. ST_LIMIT: too many. */
NODISCARD enum status retention_read(struct retention *out,
                                     sqlite3 *connection,
                                     uint64_t newest,
                                     const struct sql_statement *statement);
uint64_t retention_of(const struct retention *r, uint64_t table); /* 1: no limit. */

#endif
