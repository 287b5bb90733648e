#include "node/executor.h"

#include <stdatomic.h>

#include "base/must.h"
#include "os/thread.h"
#include "rows/rows.h"

struct executor {
    struct executor_config config;
    struct queue *inbox;
    struct queue *checkpoints; /* One token: a checkpoint is wanted. */
    struct thread *thread;
    struct thread *checkpointer;
    struct mutex *file_mutex; /* Of the state file. */
    uint64_t checkpoint_mono_ms;
    _Atomic uint64_t height; /* The newest executed, its result in the store. */
    bool has_failed;
};

static void run(void *context);
static void run_checkpoints(void *context);

enum status executor_new(struct executor **out, const struct executor_config *config)
{
    struct executor *e = mem_alloc_zero(config->mem, 1, sizeof *e);
    if (e == NULL) return ST_NO_MEMORY;
    e->config = *config;
    atomic_init(&e->height, exec_height(config->exec));
    enum status st = mutex_new(&e->file_mutex, config->mem);
    if (st == ST_OK) st = queue_new(&e->inbox, config->mem, EXECUTOR_QUEUE_MAX, NULL, NULL);
    if (st == ST_OK) st = queue_new(&e->checkpoints, config->mem, 1, NULL, NULL);
    if (st == ST_OK) st = thread_start(&e->thread, config->mem, "exec", run, e);
    if (st == ST_OK)
        st = thread_start(&e->checkpointer, config->mem, "checkpoint", run_checkpoints, e);
    if (st != ST_OK) {
        executor_free(e);
        return st;
    }
    *out = e;
    return ST_OK;
}

void executor_stop(struct executor *e)
{
    if (e->inbox != NULL) queue_close(e->inbox);
    if (e->checkpoints != NULL) queue_close(e->checkpoints);
    thread_join(e->thread);
    thread_join(e->checkpointer);
    e->thread = NULL;
    e->checkpointer = NULL;
}

void executor_free(struct executor *e)
{
    if (e == NULL) return;
    executor_stop(e);
    queue_free(e->inbox);
    queue_free(e->checkpoints);
    mutex_free(e->file_mutex);
    mem_free(e->config.mem, e);
}

enum status executor_submit(struct executor *e, struct flow_block *b)
{
    return queue_push(e->inbox, b);
}

uint64_t executor_cpu_ns(const struct executor *e)
{
    return e->thread == NULL ? 0 : thread_cpu_ns(e->thread);
}

uint64_t executor_checkpoint_cpu_ns(const struct executor *e)
{
    return e->checkpointer == NULL ? 0 : thread_cpu_ns(e->checkpointer);
}

static enum status execute(struct executor *e, struct flow_block *b)
{
    struct exec_block in = {.header = &b->header,
                            .hash = b->hash,
                            .facts = &b->facts,
                            .incidents = b->incidents,
                            .incident_count = b->incident_count,
                            .txs = b->views,
                            .wants_rows = b->wants_rows,
                            .tx_count = b->tx_count};
    enum status st = exec_apply(e->config.exec, &in, &b->outcome);
    /* Nothing was published: once the page is right, the block is as new. */
    while (st == ST_CORRUPT && e->config.mend != NULL &&
           db_damaged_page(exec_db(e->config.exec)) != 0 &&
           e->config.mend(e->config.context) == ST_OK)
        st = exec_apply(e->config.exec, &in, &b->outcome);
    TRY(st);
    TRY(store_append_result(e->config.store, b->header.height, b->outcome.record));
    atomic_store(&e->height, b->header.height);
    if (e->config.executed != NULL) e->config.executed(e->config.context);
    return ST_OK;
}

static void run(void *context)
{
    struct executor *e = context;
    for (;;) {
        void *item;
        if (queue_wait(e->inbox, &item, 1) == 0) return;
        struct flow_block *b = item;
        if (!e->has_failed) {
            enum status st = execute(e, b);
            if (st != ST_OK) {
                e->has_failed = true;
                e->config.failed(e->config.context, st, "a block could not be executed");
            }
        }
        /* The block stays the replica's: after a failure it just does not come back. */
        if (!e->has_failed && queue_push(e->config.done, b) != ST_OK) e->has_failed = true;
    }
}

void executor_tick(struct executor *e, uint64_t mono_ms)
{
    if (e->checkpoint_mono_ms == 0) e->checkpoint_mono_ms = mono_ms;
    struct db *db = exec_db(e->config.exec);
    bool is_behind = db_file_height(db) < db_height(db);
    bool is_time = mono_ms - e->checkpoint_mono_ms >= EXECUTOR_CHECKPOINT_MS;
    if (!db_checkpoint_due(db) && !(is_behind && is_time)) return;
    e->checkpoint_mono_ms = mono_ms;
    /* ST_BUSY: one is asked for already. */
    enum status st = queue_push(e->checkpoints, e);
    must(st == ST_OK || st == ST_BUSY || st == ST_CLOSED);
}

/* The tree of rows comes last: what it lacks is fed from the results, what it had too much could
 * not be taken back. Execution may be ahead of the store, where the block is appended beside it.
 * What stands there before the syncs is durable after them. */
enum status executor_save(struct exec *exec, struct store *store, uint64_t height)
{
    if (height > store_height(store)) height = store_height(store);
    TRY(store_blocks_sync(store));
    TRY(store_results_sync(store));
    TRY(db_checkpoint_to(exec_db(exec), height, &height));
    struct rows *rows = exec_row_tree(exec);
    return rows == NULL ? ST_OK : rows_save(rows, height);
}

enum status executor_flush(struct executor *e, uint64_t *height)
{
    mutex_lock(e->file_mutex);
    enum status st = executor_save(e->config.exec, e->config.store, atomic_load(&e->height));
    *height = db_file_height(exec_db(e->config.exec));
    mutex_unlock(e->file_mutex);
    return st;
}

enum status executor_check_files(struct executor *e, struct db_damage *out)
{
    mutex_lock(e->file_mutex);
    enum status st = db_check_files(exec_db(e->config.exec), out);
    mutex_unlock(e->file_mutex);
    return st;
}

enum status executor_check_pages(struct executor *e,
                                 uint32_t *page,
                                 uint32_t count,
                                 struct db_damage *out)
{
    mutex_lock(e->file_mutex);
    enum status st = db_check(exec_db(e->config.exec), page, count, out);
    mutex_unlock(e->file_mutex);
    return st;
}

enum status executor_mend_page(struct executor *e, uint32_t page, const uint8_t *bytes)
{
    mutex_lock(e->file_mutex);
    enum status st = db_mend(exec_db(e->config.exec), page, bytes);
    mutex_unlock(e->file_mutex);
    return st;
}

static void run_checkpoints(void *context)
{
    struct executor *e = context;
    for (;;) {
        void *token;
        if (queue_wait(e->checkpoints, &token, 1) == 0) return;
        uint64_t height = 0;
        enum status st = executor_flush(e, &height);
        /* ST_BUSY: another process is reading the file; a later one succeeds. */
        if (st != ST_OK && st != ST_BUSY)
            e->config.failed(e->config.context, st, "the state could not be saved");
    }
}
