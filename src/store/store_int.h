/* store_int.h - State of one store, for the files that implement store.h. */
#ifndef TRUSTSQL_STORE_STORE_INT_H
#define TRUSTSQL_STORE_STORE_INT_H

#include "store/index.h"
#include "store/journal.h"
#include "store/log.h"
#include "store/mend.h"
#include "store/pending.h"
#include "store/tidy.h"
#include "store/txmap.h"

#define INDEX_WRITTEN  "blocks/index.tmp"
#define INDEX_REPAIRED "blocks/repair.tmp"

struct store {
    struct env env;
    struct os_file *lock_file;
    struct log blocks;
    struct log results;
    struct mend mend;
    struct tidy tidy;
    struct pending pending;
    struct journal journal;
    struct mutex *journal_lock; /* Held by whoever writes to it, or compares it with its file. */
    struct txmap txids;         /* Of segments that have no index yet; guarded by blocks.lock. */
    uint32_t indexed_count;     /* Segments 1…indexed_count have one; guarded by blocks.lock. */
    struct mutex *repair_lock;  /* One reader at a time rebuilds an index. */
    uint64_t held_max;
    uint64_t unsettled_count;   /* Blocks appended since the newest settling, */
    uint64_t unsettled;         /* and their bytes. */
    bool results_are_lost;      /* They cannot be read; see store.h. */
    bool is_lost;               /* The journal's promises are: it refuses new ones (S11). */
    enum status failed;         /* Of blocks and journal, for ever; guarded by blocks.lock. */
    enum status results_failed; /* Of results; guarded by results.lock. */
};

/* The first failure of a write stays (S8). */
enum status store_keep(struct store *s, enum status st);
/* False: segment number has no index. */
bool store_index_id(struct store *s, uint32_t number, struct index_id *out);
NODISCARD enum status store_place(struct store *s, uint64_t height, struct place *out);

#endif
