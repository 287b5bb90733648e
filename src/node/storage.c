#include "node/storage.h"

#include "base/must.h"
#include "os/thread.h"

struct storage {
    struct storage_config config;
    struct queue *inbox;
    struct thread *thread;
    enum status status; /* First failure; nothing is written after it. */
};

static void run(void *context);

enum status storage_new(struct storage **out, const struct storage_config *config)
{
    struct storage *s = mem_alloc_zero(config->mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->config = *config;
    enum status st = queue_new(&s->inbox, config->mem, STORAGE_QUEUE_MAX, NULL, NULL);
    if (st == ST_OK) st = thread_start(&s->thread, config->mem, "storage", run, s);
    if (st != ST_OK) {
        storage_free(s);
        return st;
    }
    *out = s;
    return ST_OK;
}

void storage_free(struct storage *s)
{
    if (s == NULL) return;
    if (s->inbox != NULL) queue_close(s->inbox);
    thread_join(s->thread);
    queue_free(s->inbox);
    mem_free(s->config.mem, s);
}

enum status storage_submit(struct storage *s, struct storage_job *job)
{
    return queue_push(s->inbox, job);
}

uint64_t storage_cpu_ns(const struct storage *s)
{
    return thread_cpu_ns(s->thread);
}

struct storage_job *storage_job_new(struct mem *mem, uint32_t slot, struct span record)
{
    must(slot < JOURNAL_SLOTS);
    must(record.size <= JOURNAL_RECORD_MAX);
    struct storage_job *job = mem_alloc(mem, sizeof *job + record.size);
    if (job == NULL) return NULL;
    *job = (struct storage_job){
        .flow = {FLOW_PERSISTED}, .slot = slot, .record_size = (uint32_t)record.size};
    if (record.size > 0) memcpy(job->record, record.data, record.size);
    return job;
}

void storage_job_free(struct mem *mem, struct storage_job *job)
{
    mem_free(mem, job);
}

static struct store_block as_stored(const struct flow_block *b)
{
    return (struct store_block){.height = b->header.height,
                                .hash = b->hash,
                                .bytes = buf_span(&b->bytes),
                                .txids = b->txids,
                                .tx_count = b->tx_count};
}

/* What is final already needs no holding. When forks fill all the room before a release comes,
 * settling makes some. */
static enum status hold(struct store *store, const struct flow_block *b)
{
    if (b->header.height <= store_height(store)) return ST_OK;
    struct store_block block = as_stored(b);
    enum status st = store_hold(store, &block);
    if (st != ST_LIMIT) return st;
    TRY(store_settle(store));
    return store_hold(store, &block);
}

static enum status release(struct store *store, const struct storage_job *job)
{
    struct hash kept[JOURNAL_RECORD_MAX / HASH_SIZE];
    must(job->record_size % HASH_SIZE == 0);
    memcpy(kept, job->record, job->record_size);
    return store_release(store, kept, job->record_size / HASH_SIZE);
}

static enum status perform(struct store *store, const struct storage_job *job)
{
    if (job->needs_release) return release(store, job);
    if (job->hold != NULL) TRY(hold(store, job->hold));
    if (job->append != NULL) {
        struct store_block block = as_stored(job->append);
        TRY(store_append(store, &block));
    }
    /* Before any record behind it: that may name blocks as final that catch-up appended. */
    if (job->needs_settle) TRY(store_settle(store));
    if (job->record_size == 0) return ST_OK;
    if (store_journal_is_lost(store)) return ST_OK; /* It does not vote: it promises nothing. */
    return store_journal(store, job->slot, span_of(job->record, job->record_size));
}

/* All that waits shares one sync; only then is any of it reported: votes wait for it. */
enum status storage_perform(struct store *store, struct storage_job *const *jobs, uint32_t count)
{
    bool needs_sync = false;
    enum status st = ST_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (st == ST_OK) st = perform(store, jobs[i]);
        needs_sync = needs_sync || jobs[i]->needs_sync;
    }
    if (needs_sync && st == ST_OK) st = store_sync(store);
    const bool is_crowded = st == ST_OK && store_is_crowded(store);
    for (uint32_t i = 0; i < count; i++) {
        jobs[i]->status = st;
        jobs[i]->is_crowded = is_crowded;
    }
    return st;
}

enum status storage_tidy(struct store *store)
{
    return store_wants_settle(store) ? store_settle(store) : ST_OK;
}

static void write_all(struct storage *s, struct storage_job **jobs, uint32_t count)
{
    if (s->status == ST_OK) s->status = storage_perform(s->config.store, jobs, count);
    for (uint32_t i = 0; i < count; i++) {
        jobs[i]->status = s->status;
        enum status st = queue_push(s->config.done, jobs[i]);
        must(st == ST_OK); /* The replica's inbox has room for every job there can be. */
    }
    if (s->status == ST_OK) s->status = storage_tidy(s->config.store); /* The next job tells. */
}

static void run(void *context)
{
    struct storage *s = context;
    void *items[STORAGE_QUEUE_MAX];
    struct storage_job *jobs[STORAGE_QUEUE_MAX];
    for (;;) {
        uint32_t count = queue_wait(s->inbox, items, STORAGE_QUEUE_MAX);
        if (count == 0) return;
        for (uint32_t i = 0; i < count; i++)
            jobs[i] = items[i];
        write_all(s, jobs, count);
    }
}
