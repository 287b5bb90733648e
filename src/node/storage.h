/* storage.h - The storage thread: append, journal, one sync for all that waits, report.
 *
 * Jobs run in order. A failure of the disk is final: it is reported once, nothing more is written
 * and the node stops (consensus.md 1.14). */
#ifndef TRUSTSQL_NODE_STORAGE_H
#define TRUSTSQL_NODE_STORAGE_H

#include "node/flow.h"
#include "node/queue.h"
#include "store/store.h"

#define STORAGE_QUEUE_MAX 256u

struct storage_job {          /* Made by the replica, freed by it after it came back. */
    struct flow flow;         /* FLOW_PERSISTED when done. */
    struct flow_block *block; /* Append it; null: none. Stays the replica's. */
    enum engine_journal_slot slot;
    struct vote vote;
    bool needs_sync;
    uint64_t lsn; /* needs_sync: reported when durable. */
    enum status status;
};

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
