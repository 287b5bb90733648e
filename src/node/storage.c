#include "node/storage.h"

#include "base/must.h"
#include "os/thread.h"

struct storage {
    struct storage_config config;
    struct queue *inbox;
    struct thread *thread;
    struct buf record;
    enum status status; /* First failure; nothing is written after it. */
};

static void run(void *context);

enum status storage_new(struct storage **out, const struct storage_config *config)
{
    struct storage *s = mem_alloc_zero(config->mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->config = *config;
    buf_init(&s->record, config->mem, JOURNAL_RECORD_MAX);
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
    buf_fini(&s->record);
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

static enum status write_job(struct storage *s, const struct storage_job *job)
{
    const struct flow_block *b = job->block;
    uint64_t height = 0;
    if (b != NULL) {
        height = b->header.height;
        struct store_block block = {.height = height,
                                    .hash = b->hash,
                                    .bytes = buf_span(&b->bytes),
                                    .txids = b->txids,
                                    .tx_count = b->tx_count};
        TRY(store_append(s->config.store, &block));
    }
    buf_reset(&s->record);
    vote_encode(&s->record, &job->vote);
    TRY(buf_status(&s->record));
    return store_journal(s->config.store, (uint32_t)job->slot, height, buf_span(&s->record));
}

/* All that waits shares one sync; only then is any of it reported. */
static void write_all(struct storage *s, struct storage_job **jobs, uint32_t count)
{
    bool needs_sync = false;
    for (uint32_t i = 0; i < count; i++) {
        if (s->status == ST_OK) s->status = write_job(s, jobs[i]);
        needs_sync = needs_sync || jobs[i]->needs_sync;
    }
    if (needs_sync && s->status == ST_OK) s->status = store_sync(s->config.store);
    for (uint32_t i = 0; i < count; i++) {
        jobs[i]->flow.kind = FLOW_PERSISTED;
        jobs[i]->status = s->status;
        enum status st = queue_push(s->config.done, jobs[i]);
        must(st == ST_OK); /* The replica's inbox has room for every job there can be. */
    }
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
