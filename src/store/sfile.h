/* sfile.h - One segment file as its reader sees it: a row of bytes, wherever and however it lies.
 *
 * Internal to src/store. A file is hot (blocks/00000001.seg) or cold (blocks/cold/00000001.seg, or
 * in a directory of the operator's choice), plain or packed; offsets are always those of the plain
 * file. Where both exist the hot one counts. An open one belongs to one thread. */
#ifndef TRUSTSQL_STORE_SFILE_H
#define TRUSTSQL_STORE_SFILE_H

#include "store/env.h"
#include "store/pack.h"

struct segment_kind {
    const char *dir;
    const char *suffix;
    uint8_t magic[8];
};

extern const struct segment_kind segment_blocks;
extern const struct segment_kind segment_results;

struct sfile {
    const struct env *env;
    const struct segment_kind *kind;
    struct os_file *file;
    uint64_t number;
    uint64_t size; /* Of the plain bytes. */
    bool is_packed;
    bool is_cold;
    bool is_shared; /* Frames of others will do: else each byte is read from the disk. */
    struct pack_index index;
    uint32_t frame; /* In plain; index.count: none. */
    uint8_t *plain; /* Bytes of a frame, then those of a compressed one. */
    char name[OS_NAME_MAX + 1];
};

/* "blocks/00000001.seg" */
void segment_name(char out[OS_NAME_MAX + 1], const struct segment_kind *kind, uint64_t number);
/* "blocks/cold/00000001.seg", "/mnt/cold/blocks/00000001.seg"; number 0: its directory. */
void segment_cold_name(char out[OS_NAME_MAX + 1],
                       const struct env *env,
                       const struct segment_kind *kind,
                       uint64_t number);

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
