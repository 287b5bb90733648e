/* chain_tables.h - trustsql.blocks, transactions, status, nodes, consensus, evidence as SQL tables.
 *
 * SQLite virtual tables over the block store and the running node, on reader connections only.
 * blocks and transactions show heights up to the newest that is executed and stored; a condition on
 * height or txid is used to find the rows; anything else scans. The others show the moment at which
 * they are opened. Columns as the catalog lists them (docs/sql/system-tables.md). */
#ifndef TRUSTSQL_NODE_CHAIN_TABLES_H
#define TRUSTSQL_NODE_CHAIN_TABLES_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "exec/exec.h"
#include "ledger/reply.h"
#include "node/consensus_view.h"
#include "store/store.h"

struct custody;
struct historian;
struct keyed;
struct node_functions;

struct chain_tables_source { /* Outlives the connections. */
    struct mem *mem;
    struct store *store;
    struct exec *exec;
    struct span genesis; /* Its file, for proofs. */
    /* Next name and value of trustsql.status; false after the last. Any thread. */
    bool (*status)(void *context, uint32_t index, const char **name, struct buf *value);
    /* What the replica knows of the agreement now. Any thread. */
    void (*consensus)(void *context, struct consensus_view *out);
    /* The index-th proof of misbehaviour that is kept, its bytes appended; false after the last.
     * Any thread. */
    bool (*evidence)(void *context, uint32_t index, struct evidence_view *out, struct buf *bytes);
    /* The newest certificate of a result that this node found too; false: none since the start.
     * *executed: what it has executed. Any thread. */
    bool (*certified)(void *context, struct certificate *out, uint64_t *executed);
    /* A certificate that commits the newest certified block or one a little above; false: none is
     * known. Any thread. Null: never. */
    bool (*committed)(void *context, struct certificate *out);
    /* As replica_sign_reply. */
    enum status (*sign_reply)(void *context, struct reply *reply);
    /* The chain of epochs (ledger/epochs.h) up to epoch, appended. ST_NOT_FOUND. Any thread. */
    enum status (*epochs)(void *context, uint64_t epoch, struct buf *out);
    /* As replica_flush and replica_scrub. */
    enum status (*flush)(void *context, uint64_t *height);
    enum status (*scrub)(void *context, struct buf *report, const atomic_bool *is_cancelled);
    /* Where this connection reads; null or 0: at the newest height. Set between readings. */
    const uint64_t *height;
    struct keyed *keyed;                 /* Transactions under keys; null: none. */
    struct custody *custody;             /* Whose keys are kept here; null: nobody's. */
    const char *dir;                     /* The node's. */
    struct historian *historian;         /* Where row versions stand; null: nowhere. */
    const struct node_functions *reader; /* Who asks, on this connection. */
    void *context;
};

/* The newest height whose block and result are there for this connection. */
uint64_t chain_tables_height(const struct chain_tables_source *source);

NODISCARD enum status chain_tables_register(sqlite3 *connection,
                                            const struct chain_tables_source *source);

#endif
