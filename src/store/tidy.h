/* tidy.h - Compressing sealed segments, and moving the oldest ones to the cold directory.
 *
 * Internal to src/store. One file at a time, a bounded step at a time, beside everything else: the
 * new file is written, synced and renamed before the old one goes, so a reader and a crash find one
 * of them whole.
 *
 * T1 A file with a gap is left alone, and one that was repaired meanwhile is begun anew: under the
 *    lock of mend.
 * T2 Hot and cold may both exist after a crash; then the hot one counts, and is moved again. */
#ifndef TRUSTSQL_STORE_TIDY_H
#define TRUSTSQL_STORE_TIDY_H

#include "store/mend.h"

struct tidy {
    const struct env *env;
    uint32_t hot_segments;
    /* The file at hand: */
    struct log *log; /* Null: none. */
    uint64_t number;
    uint32_t version;
    bool is_packing; /* Else moving. */
    struct sfile from;
    struct os_file *source; /* Moving: the packed bytes as they are. */
    struct os_file *to;
    char temporary[OS_NAME_MAX + 1];
    struct packer packer;
    uint8_t *chunk;
    uint64_t size; /* Of the source; */
    uint64_t done; /* so much of it. */
};

void tidy_init(struct tidy *t, const struct env *env, uint32_t hot_segments);
void tidy_fini(struct tidy *t); /* Accepts a zeroed one. */

/* ST_NOT_FOUND: nothing is to do in this log. The lock of m is taken for a moment at the end. */
NODISCARD enum status tidy_step(struct tidy *t, struct log *l, struct mend *m, uint64_t bytes);
/* A file of this log waits, or is at hand. Any thread. */
bool tidy_is_due(const struct tidy *t, struct log *l);

#endif
