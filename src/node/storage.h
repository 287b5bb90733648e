/* storage.h - Jobs for the disk, and the thread that does them: hold, append, journal, one sync for
 * all that waits, report, tidy up.
 *
 * Jobs run in order. A failure of the disk is final: it is reported, nothing more is written and
 * the node stops (consensus.md 1.14). storage_perform and storage_tidy are all there is to a job:
 * the thread and the simulator call the same functions. */
#ifndef TRUSTSQL_NODE_STORAGE_H
#define TRUSTSQL_NODE_STORAGE_H

#include "node/flow.h"
#include "node/queue.h"
#include "store/store.h"

#define STORAGE_QUEUE_MAX 256u

struct storage_job {         /* Whoever makes it frees it after it came back. Done in this order: */
    struct flow flow;        /* FLOW_PERSISTED when done. */
    struct flow_block *hold; /* Voted for: keep its body; null: none. Stays the maker's. */
    struct flow_block *append; /* Final: the next of the chain; null: none. Stays the maker's. */
    bool needs_settle;         /* Appended blocks durable as such; else when the store wants it. */
    uint32_t slot;
    uint32_t record_size; /* 0: no record for slot. */
    bool needs_release;   /* record: hashes of the held blocks that stay (store_release). */
    bool is_crowded;      /* Out: ask for a release. */
    bool needs_sync;
    uint64_t lsn; /* needs_sync: reported when all up to here is durable. */
    enum status status;
    uint8_t record[];
};

/* Copies record (at most JOURNAL_RECORD_MAX bytes; size 0: none). Null: no memory. */
struct storage_job *storage_job_new(struct mem *mem, uint32_t slot, struct span record);
void storage_job_free(struct mem *mem, struct storage_job *job); /* Null allowed. */

/* Does the jobs, settling where one says so, then one sync if any of them needs one; sets the
 * status of each. After a failure nothing may be done on this store any more. */
NODISCARD enum status storage_perform(struct store *store,
                                      struct storage_job *const *jobs,
                                      uint32_t count);
/* Settles when the store wants it, once jobs were reported: no vote waits for that. The store keeps
 * a failure, which is the next job's status. */
NODISCARD enum status storage_tidy(struct store *store);

struct storage;

struct storage_config {
    struct mem *mem;
    struct store *store;
    struct queue *done; /* Sink: every job comes back. */
};

NODISCARD enum status storage_new(struct storage **out, const struct storage_config *config);
void storage_free(struct storage *s); /* Finishes its jobs first. Null allowed. */

/* Takes the job. */
NODISCARD enum status storage_submit(struct storage *s, struct storage_job *job);

uint64_t storage_cpu_ns(const struct storage *s);

#endif
