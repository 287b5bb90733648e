/* archive.h - The file of a backup: items, one after the other, sealed under a passphrase.
 *
 * Format: docs/format/backup.md. Whoever reads it to the end without a failure has exactly what was
 * written. One thread. */
#ifndef TRUSTSQL_NODE_ARCHIVE_H
#define TRUSTSQL_NODE_ARCHIVE_H

#include "base/buf.h"
#include "crypto/hash.h"
#include "crypto/sealed_stream.h"
#include "os/os.h"

#define ARCHIVE_PIECE    (256u << 10)
#define ARCHIVE_NAME_MAX 64u
#define ARCHIVE_ITEM_MAX (256u << 20) /* Bytes of one item: more than any block. */

enum archive_kind {
    ARCHIVE_ABOUT = 1, /* First: chain id 32, Unix time in ms 8. */
    ARCHIVE_FILE = 2,  /* Its name, its bytes. */
    ARCHIVE_BLOCK = 3, /* As in the store, ascending from height 1. */
    ARCHIVE_END = 4    /* Last: newest height 8, its block hash 32. */
};

struct archive_item {
    enum archive_kind kind;
    char name[ARCHIVE_NAME_MAX + 1]; /* Of a file. */
    struct span bytes;               /* Of a reader: until the next. */
};

struct archive_writer {
    struct os *os;
    struct os_file *file;
    uint64_t offset;
    struct sealed_stream stream;
    struct buf plain;  /* Not sealed yet. */
    struct buf sealed; /* Scratch. */
    struct hasher hasher;
};

/* path must not exist. */
NODISCARD enum status archive_create(struct archive_writer *w,
                                     struct os *os,
                                     struct mem *mem,
                                     const char *path,
                                     struct span passphrase);
NODISCARD enum status archive_put(struct archive_writer *w, const struct archive_item *item);
/* All is there: durable. *digest: of the whole file (H("backup" …)); *size in bytes. */
NODISCARD enum status archive_finish(struct archive_writer *w, struct hash *digest, uint64_t *size);
void archive_abandon(struct archive_writer *w); /* Close and wipe; also a finished or zeroed one. */

struct archive_reader {
    struct os *os;
    struct os_file *file;
    uint64_t offset;
    struct sealed_stream stream;
    struct buf plain;
    size_t at; /* What of plain was taken. */
    struct buf sealed;
    bool is_last; /* The last piece was read. */
};

/* ST_INVALID: no archive. */
NODISCARD enum status archive_open(struct archive_reader *r,
                                   struct os *os,
                                   struct mem *mem,
                                   const char *path,
                                   struct span passphrase);
/* ST_NOT_FOUND: it is at its end, whole. ST_DENIED: another passphrase, or changed bytes.
 * ST_TRUNCATED: it ends too early. */
NODISCARD enum status archive_next(struct archive_reader *r, struct archive_item *out);
void archive_close(struct archive_reader *r); /* Accepts a zeroed one. */

/* The digest of a file as it lies there, without its passphrase. */
NODISCARD enum status archive_digest(struct os *os,
                                     const char *path,
                                     struct hash *digest,
                                     uint64_t *size);

#endif
