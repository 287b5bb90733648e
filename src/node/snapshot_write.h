/* snapshot_write.h - The state at a checkpoint into files, for nodes that join.
 *
 * docs/format/snapshot.md. Reads one height that stays readable meanwhile; when what that holds
 * back reaches a limit of the page store, the height is retired and this ends with ST_BUSY: begin
 * again with a newer checkpoint. Every chunk is compared with the row tree before it is written, so
 * what is damaged here is never handed on. */
#ifndef TRUSTSQL_NODE_SNAPSHOT_WRITE_H
#define TRUSTSQL_NODE_SNAPSHOT_WRITE_H

#include <stdatomic.h>

#include "exec/exec.h"
#include "ledger/snapshot.h"

struct snapshot_write {
    struct os *os;
    struct mem *mem;
    struct exec *exec; /* With its tree of rows. */
    struct hash chain_id;
    const char *chunks;   /* Path of the file of all chunks, one behind the other. */
    const char *manifest; /* And of their manifest, written last. */
    uint64_t height;      /* Of the newest checkpoint up to here. */
    const atomic_bool *is_cancelled;
};

struct snapshot_written {
    uint64_t height;
    struct hash hash; /* Of the manifest. */
    uint64_t manifest_size;
    uint64_t size; /* Of all chunks. */
    uint32_t chunk_count;
};

/* ST_NOT_FOUND: no checkpoint is readable; ST_BUSY: not any more; ST_CLOSED: cancelled;
 * ST_UNSUPPORTED, ST_LIMIT: this state cannot be handed on; ST_CORRUPT: rows and tree differ. */
NODISCARD enum status snapshot_write(const struct snapshot_write *w, struct snapshot_written *out);

#endif
