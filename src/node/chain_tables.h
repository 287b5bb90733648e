/* chain_tables.h - trustsql.blocks, trustsql.transactions and trustsql.status as SQL tables.
 *
 * SQLite virtual tables over the block store and the running node, on reader connections only; they
 * show heights up to the newest executed one. A condition on height or txid is used to find the
 * rows; anything else scans. Columns as the catalog lists them (docs/sql/system-tables.md). */
#ifndef TRUSTSQL_NODE_CHAIN_TABLES_H
#define TRUSTSQL_NODE_CHAIN_TABLES_H

#include <sqlite3.h>

#include "base/buf.h"
#include "exec/exec.h"
#include "store/store.h"

struct chain_tables_source { /* Outlives the connections. */
    struct mem *mem;
    struct store *store;
    struct exec *exec;
    /* Next name and value of trustsql.status; false after the last. Any thread. */
    bool (*status)(void *context, uint32_t index, const char **name, struct buf *value);
    void *context;
};

NODISCARD enum status chain_tables_register(sqlite3 *connection,
                                            const struct chain_tables_source *source);

#endif
