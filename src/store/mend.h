/* mend.h - Writing a damaged file of a log anew, from what can be read of it and what was given.
 *
 * Internal to src/store. One file at a time, the newest that has a gap: its records are given in
 * ascending order and kept in a file of their own (blocks/given.tmp) until none is missing; then
 * the whole is written beside (blocks/mend.tmp), compared with what is known of the old one, made
 * durable and renamed over it.
 *
 * M1 Nothing of the damaged file is changed before the new one is durable.
 * M2 The new file has the digest that the next file names or memory holds; without either (the
 *    newest file, at opening) its last block has the place and hash that the journal names.
 * M3 While the current file is exchanged nobody appends to it.
 *
 * Safe from any thread: one lock is held throughout. */
#ifndef TRUSTSQL_STORE_MEND_H
#define TRUSTSQL_STORE_MEND_H

#include "store/log.h"

struct mend_item { /* A record that was given. */
    uint64_t height;
    uint64_t offset; /* In the file of given ones. */
    uint32_t length;
};

struct mend {
    const struct env *env;
    struct mutex *lock;
    struct log *log;    /* Null: no file is at hand. */
    struct log_file of; /* The file at hand. */
    bool is_writing;    /* The log's writing is held. */
    uint64_t done;      /* Up to here all heights are given or can be read. */
    struct os_file *given;
    uint64_t given_size;
    struct mend_item *items; /* Ascending. */
    uint32_t count;
    uint32_t capacity;
};

struct mend_gap {
    uint64_t first;
    uint64_t last;
    struct damage place;
};

NODISCARD enum status mend_init(struct mend *m, const struct env *env);
void mend_fini(struct mend *m); /* Accepts a zeroed one. */

/* As store_gap, without the end's hash. */
NODISCARD enum status mend_next(struct mend *m, struct log *l, struct mend_gap *out);
/* As store_repair. */
NODISCARD enum status mend_give(struct mend *m, struct log *l, const struct log_record *r);
void mend_forget(struct mend *m);

#endif
