/* I1 one thread at a time adds to the index: whoever holds `adding`.
 * I2 before anything is added or read, the index was compared with the results it was made of. */
#include "node/historian.h"

#include <stdatomic.h>

#include "base/must.h"
#include "os/thread.h"

#define STEP_HEIGHTS 256u /* Others may want to read between. */

struct historian {
    struct historian_config config;
    struct history *history;
    struct thread *thread;
    struct mutex *adding; /* I1. */
    struct mutex *mutex;  /* Of is_woken. */
    struct cond *woken;
    bool is_woken;
    bool is_checked; /* I2. Under adding. */
    bool has_failed; /* Under adding: said once. */
    atomic_bool is_stopping;
    atomic_bool is_doubted;
    struct buf record; /* Scratch, under adding. */
    struct arena arena;
};

static void run(void *context);
static enum status catch_up(struct historian *h, uint64_t height);

enum status historian_new(struct historian **out, const struct historian_config *config)
{
    struct historian *h = mem_alloc_zero(config->mem, 1, sizeof *h);
    if (h == NULL) return ST_NO_MEMORY;
    h->config = *config;
    buf_init(&h->record, config->mem, 0);
    arena_init(&h->arena, config->mem, 0);
    enum status st = mutex_new(&h->adding, config->mem);
    if (st == ST_OK) st = mutex_new(&h->mutex, config->mem);
    if (st == ST_OK) st = cond_new(&h->woken, config->mem);
    if (st == ST_OK) st = history_open(&h->history, config->os, config->mem, config->dir);
    if (st == ST_OK) st = thread_start(&h->thread, config->mem, "history", run, h);
    if (st != ST_OK) {
        historian_free(h);
        return st;
    }
    *out = h;
    return ST_OK;
}

void historian_stop(struct historian *h)
{
    if (h->thread == NULL) return;
    atomic_store(&h->is_stopping, true);
    historian_wake(h);
    thread_join(h->thread);
    h->thread = NULL;
}

void historian_free(struct historian *h)
{
    if (h == NULL) return;
    historian_stop(h);
    history_close(h->history);
    cond_free(h->woken);
    mutex_free(h->mutex);
    mutex_free(h->adding);
    buf_fini(&h->record);
    arena_fini(&h->arena);
    mem_free(h->config.mem, h);
}

void historian_wake(struct historian *h)
{
    mutex_lock(h->mutex);
    h->is_woken = true;
    cond_signal(h->woken);
    mutex_unlock(h->mutex);
}

void historian_doubt(struct historian *h)
{
    atomic_store(&h->is_doubted, true);
    historian_wake(h);
}

uint64_t historian_cpu_ns(const struct historian *h)
{
    return h->thread == NULL ? 0 : thread_cpu_ns(h->thread);
}

uint64_t historian_height(const struct historian *h)
{
    return history_height(h->history);
}

/* --- adding: under `adding` --------------------------------------------------------------------
 */

static enum status read_record(struct historian *h, uint64_t height, struct exec_record *out)
{
    buf_reset(&h->record);
    arena_reset(&h->arena);
    TRY(store_read_result(h->config.store, height, &h->record, NULL));
    return exec_record_decode(out, &h->arena, buf_span(&h->record));
}

/* I2. ST_BUSY: the results do not reach so far yet. */
static enum status check(struct historian *h)
{
    struct hash digest;
    struct exec_record record;
    if (atomic_exchange(&h->is_doubted, false)) {
        if (h->config.warn != NULL)
            h->config.warn("the index of row versions in history/ is damaged: it is made again");
        TRY(history_clear(h->history));
    }
    if (h->is_checked) return ST_OK;
    const uint64_t saved = history_saved(h->history, &digest);
    if (saved > store_result_height(h->config.store)) return ST_BUSY;
    if (saved > 0) TRY(read_record(h, saved, &record));
    if (saved > 0 && !hash_equal(&record.digest, &digest)) TRY(history_clear(h->history));
    h->is_checked = true;
    return ST_OK;
}

static enum status add(struct historian *h, uint64_t height)
{
    struct exec_record record;
    TRY(read_record(h, height, &record));
    const struct history_block block = {.height = height,
                                        .digest = record.digest,
                                        .write_set = record.rows.write_set,
                                        .has_gone = record.rows.origins.size > 0,
                                        .gone = record.rows.gone};
    const enum status st = history_add(h->history, &block);
    if (st == ST_CORRUPT) atomic_store(&h->is_doubted, true); /* A run that was to be merged. */
    return st;
}

static enum status catch_up(struct historian *h, uint64_t height)
{
    mutex_lock(h->adding);
    enum status st = check(h);
    while (st == ST_OK && history_height(h->history) < height && !atomic_load(&h->is_stopping))
        st = add(h, history_height(h->history) + 1);
    mutex_unlock(h->adding);
    return st;
}

enum status historian_read(struct historian *h,
                           struct history_cursor **out,
                           const struct history_range *range)
{
    enum status st = catch_up(h, range->last);
    if (st == ST_CORRUPT) st = catch_up(h, range->last); /* Made again. */
    TRY(st);
    return history_cursor_open(out, h->history, range);
}

/* --- the thread --------------------------------------------------------------------------------
 */

static bool wait_for_work(struct historian *h)
{
    mutex_lock(h->mutex);
    while (!h->is_woken)
        cond_wait(h->woken, h->mutex);
    h->is_woken = false;
    mutex_unlock(h->mutex);
    return !atomic_load(&h->is_stopping);
}

static void keep_up(struct historian *h)
{
    const uint64_t goal = store_result_height(h->config.store);
    while (history_height(h->history) < goal || atomic_load(&h->is_doubted)) {
        const uint64_t height = history_height(h->history);
        const uint64_t step = goal - height < STEP_HEIGHTS ? goal : height + STEP_HEIGHTS;
        const enum status st = catch_up(h, step);
        if (atomic_load(&h->is_stopping) || st == ST_BUSY) return;
        if (st == ST_OK || (st == ST_CORRUPT && atomic_load(&h->is_doubted))) continue;
        if (!h->has_failed && h->config.warn != NULL)
            h->config.warn("the index of row versions cannot be written: trustsql.history answers "
                           "from memory or not at all until it can");
        h->has_failed = true;
        return;
    }
    h->has_failed = false;
}

static void run(void *context)
{
    struct historian *h = context;
    while (wait_for_work(h))
        keep_up(h);
}
