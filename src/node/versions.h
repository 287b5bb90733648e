/* versions.h - The versions of a table's rows, one after the other: the index says where they
 * stand, the results what they are.
 *
 * Reads the store and the index; any thread that may wait. */
#ifndef TRUSTSQL_NODE_VERSIONS_H
#define TRUSTSQL_NODE_VERSIONS_H

#include "node/historian.h"

enum version_op {
    VERSION_UNKNOWN, /* A result of an older program does not tell: inserted or updated. */
    VERSION_INSERT,
    VERSION_UPDATE,
    VERSION_DELETE
};

struct versions {
    struct historian *historian;
    struct store *store;
    struct history_cursor *cursor;
    struct buf bytes; /* The result of the height. */
    struct arena arena;
    uint64_t height; /* Of the version, and of what is loaded; 0: nothing. */
    uint64_t table;
    struct exec_record record;
    enum version_op op;
    uint32_t origin; /* Index of the transaction; EXEC_ORIGIN_NOBODY: not one, or not told. */
    struct span key; /* As in the write set. */
    struct span row; /* Encoded array; of a row that ended: as it was. Empty: not told. */
};

void versions_init(struct versions *v,
                   struct historian *historian,
                   struct store *store,
                   struct mem *mem);
void versions_fini(struct versions *v);

/* Begins a range; ends the one before. */
NODISCARD enum status versions_seek(struct versions *v, const struct history_range *range);
/* ST_NOT_FOUND: no more. */
NODISCARD enum status versions_next(struct versions *v);

/* The values of a row, into at most max spans; *count: how many there are. Each is one CBOR item.
 */
NODISCARD enum status versions_split(struct span row,
                                     struct span *values,
                                     uint32_t max,
                                     uint32_t *count);

/* A value as a result or argument of SQLite. */
void versions_put(sqlite3_context *to, struct span value);
NODISCARD enum status versions_bind(sqlite3_stmt *stmt, int index, struct span value);

#endif
