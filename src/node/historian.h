/* historian.h - Keeps the index of row versions (src/history) up with the results, on a thread of
 * its own, and tells where versions stand.
 *
 * The index is derived: one that is damaged, or was made of other results, is made again. */
#ifndef TRUSTSQL_NODE_HISTORIAN_H
#define TRUSTSQL_NODE_HISTORIAN_H

#include "exec/exec.h"
#include "history/history.h"
#include "store/store.h"

struct historian;

struct historian_config {
    struct os *os;
    struct mem *mem;
    struct store *store;
    const char *dir;                /* The node's. */
    void (*warn)(const char *text); /* May be null. Any thread. */
};

NODISCARD enum status historian_new(struct historian **out, const struct historian_config *config);
void historian_stop(struct historian *h); /* Before the store is closed. */
void historian_free(struct historian *h); /* Stops first. Null allowed. No cursor is open. */

/* Results were stored. Any thread; cheap. */
void historian_wake(struct historian *h);

/* The versions of a range, which are indexed first if they are not: height is that of a stored
 * result. Any thread that may wait. */
NODISCARD enum status historian_read(struct historian *h,
                                     struct history_cursor **out,
                                     const struct history_range *range);
/* An entry or its page was not what the results say: make the index again. Any thread. */
void historian_doubt(struct historian *h);

uint64_t historian_cpu_ns(const struct historian *h);
/* All results up to this height are indexed. Any thread. */
uint64_t historian_height(const struct historian *h);

#endif
