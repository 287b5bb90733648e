/* sfile.h - One segment file as its reader sees it: a row of bytes, wherever and however it lies.
 *
 * Internal to src/store. A file is hot (blocks/00000001.seg) or cold, plain or packed; offsets are
 * always those of the plain file. An open one belongs to one thread. */
#ifndef TRUSTSQL_STORE_SFILE_H
#define TRUSTSQL_STORE_SFILE_H

#include "store/env.h"

struct segment_kind {
    const char *dir;
    const char *suffix;
    uint8_t magic[8];
};

extern const struct segment_kind segment_blocks;
extern const struct segment_kind segment_results;

struct sfile {
    const struct env *env;
    struct os_file *file;
    uint64_t size; /* Of the plain bytes. */
    char name[OS_NAME_MAX + 1];
};

/* "blocks/00000001.seg" */
void segment_name(char out[OS_NAME_MAX + 1], const struct segment_kind *kind, uint64_t number);

/* ST_NOT_FOUND: no such file (name is set); ST_CORRUPT (damage is set). A failed one needs no
 * close. */
NODISCARD enum status sfile_open(struct sfile *f,
                                 const struct env *env,
                                 const struct segment_kind *kind,
                                 uint64_t number,
                                 struct damage *damage);
void sfile_close(struct sfile *f); /* Accepts a zeroed one, and a closed one. */

/* Exactly size bytes at offset. ST_TRUNCATED: the file ends before; ST_CORRUPT: wrong bytes. */
NODISCARD enum status sfile_read(struct sfile *f, void *to, size_t size, uint64_t offset);

#endif
