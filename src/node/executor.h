/* executor.h - The one thread that applies ordered blocks, and the thread that checkpoints the
 * state.
 *
 * Blocks run in order of height; each comes back executed, its result stored (not yet synced:
 * results are derived). Checkpoints first make blocks and results durable, then the state
 * (store.h). */
#ifndef TRUSTSQL_NODE_EXECUTOR_H
#define TRUSTSQL_NODE_EXECUTOR_H

#include "node/flow.h"
#include "node/queue.h"
#include "store/store.h"

#define EXECUTOR_QUEUE_MAX     CONSENSUS_LAG_MAX
#define EXECUTOR_CHECKPOINT_MS 30000u

struct executor;

struct executor_config {
    struct os *os;
    struct mem *mem;
    struct exec *exec;
    struct store *store;
    struct queue *done; /* Sink: blocks come back as FLOW_BLOCK. */
    /* A block met a damaged page of the state: ST_OK when it is put right and the block may be
     * applied again. Waits; on the executor's thread. Null: nobody puts it right. */
    enum status (*mend)(void *context);
    /* A failure that must stop the node; any thread. */
    void (*failed)(void *context, enum status status, const char *what);
    /* A block is executed, its result in the store; may be null. The execution thread: be quick. */
    void (*executed)(void *context);
    void *context;
};

NODISCARD enum status executor_new(struct executor **out, const struct executor_config *config);

/* Finishes its blocks; nothing comes back any more. */
void executor_stop(struct executor *e);
void executor_free(struct executor *e); /* Stops first. Null allowed. */

/* Borrows b until it comes back. */
NODISCARD enum status executor_submit(struct executor *e, struct flow_block *b);

/* Save the state as of height, whose result stands in the store, or of the newest block there when
 * that is older, after making both durable: the state file is never ahead of them. ST_BUSY: later.
 * One thread at a time. */
NODISCARD enum status executor_save(struct exec *exec, struct store *store, uint64_t height);

/* The state file is touched under one lock: by checkpoints and by these. Any thread. *height: what
 * the file holds then. */
NODISCARD enum status executor_flush(struct executor *e, uint64_t *height);
/* As db_check_files, db_check, db_mend. */
NODISCARD enum status executor_check_files(struct executor *e, struct db_damage *out);
NODISCARD enum status executor_check_pages(struct executor *e,
                                           uint32_t *page,
                                           uint32_t count,
                                           struct db_damage *out);
NODISCARD enum status executor_mend_page(struct executor *e, uint32_t page, const uint8_t *bytes);

/* Called now and then by the replica: start a checkpoint when one is due. */
void executor_tick(struct executor *e, uint64_t mono_ms);

uint64_t executor_cpu_ns(const struct executor *e);
uint64_t executor_checkpoint_cpu_ns(const struct executor *e);

#endif
