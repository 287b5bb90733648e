/* snapshot_install.h - From the chunks of a snapshot to a state and a tree of rows on disk.
 *
 * Reads the file of chunks as snapshot_write leaves it, or as the joining node collected it; every
 * chunk is checked again on its way. */
#ifndef TRUSTSQL_NODE_SNAPSHOT_INSTALL_H
#define TRUSTSQL_NODE_SNAPSHOT_INSTALL_H

#include "ledger/snapshot.h"
#include "os/os.h"

struct snapshot_install {
    struct os *os;
    struct mem *mem;
    const struct snapshot *snapshot;
    const char *chunks; /* Path. */
    const char *state;  /* Path of the new database; removed first with what belongs to it. */
    const char *rows;   /* Directory of the new tree; emptied first. */
    void (*progress)(void *context, uint32_t chunk); /* May be null. */
    void *context;
};

/* Durable when ST_OK; else what is there is to be removed. ST_CORRUPT: the file's bytes are not
 * those of the manifest; ST_INVALID: they are, and make no state. */
NODISCARD enum status snapshot_install(const struct snapshot_install *i);

/* One chunk of the file into out, checked. ST_CORRUPT: it is not there, or not that one. */
NODISCARD enum status snapshot_read_chunk(struct os *os,
                                          struct os_file *file,
                                          uint64_t offset,
                                          const struct snapshot_part *part,
                                          struct buf *out);

#endif
