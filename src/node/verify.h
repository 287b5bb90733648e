/* verify.h - Verification threads: decode once, check signatures once, find the account, off every
 * loop.
 *
 * Transactions come in from any thread and leave, in no particular order, on the sink: verified, or
 * as FLOW_REFUSED with their status and the ticket's status and diag set (dropped when they are
 * local and nobody waits; without a ticket they leave where the verified ones do). */
#ifndef TRUSTSQL_NODE_VERIFY_H
#define TRUSTSQL_NODE_VERIFY_H

#include "node/flow.h"
#include "node/queue.h"

#define VERIFY_THREADS_MAX 16u
#define VERIFY_QUEUE_MAX   32768u
#define VERIFY_CHUNK       64u

struct verify;

struct verify_config {
    struct mem *mem;
    const struct signer *signer;
    struct exec *exec; /* For its accounts. */
    struct hash chain_id;
    uint32_t thread_count;
    struct keyed *keyed;    /* Told of those that bear an idempotency key. Null: nobody is. */
    struct queue *verified; /* Sink for good ones. */
    struct queue *refused;  /* Sink for the others that somebody waits for. */
};

NODISCARD enum status verify_new(struct verify **out, const struct verify_config *config);
void verify_free(struct verify *v); /* Stops the threads first. Null allowed. */

/* Takes t (not decoded). ST_BUSY: full, t stays with the caller. */
NODISCARD enum status verify_submit(struct verify *v, struct flow_tx *t);

/* CPU time of all its threads so far. */
uint64_t verify_cpu_ns(const struct verify *v);

/* Signatures found good so far. */
uint64_t verify_signatures(const struct verify *v);

#endif
