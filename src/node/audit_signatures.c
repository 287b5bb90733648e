/* A block goes to whichever thread is free; counts are added up at the end. */
#include "base/must.h"
#include "node/audit_int.h"
#include "node/queue.h"
#include "os/thread.h"

#define AUDIT_QUEUE_MAX 64u

struct work {
    struct flow_block *block;
    struct damage place;
};

struct audit_signatures {
    struct audit *audit;
    struct queue *queue;
    struct thread *threads[AUDIT_THREADS_MAX];
    uint32_t thread_count;
    atomic_uint_fast64_t valid;
    atomic_uint_fast64_t valid_setup;
};

static void run(void *context);

enum status audit_signatures_new(struct audit_signatures **out, struct audit *a)
{
    struct mem *mem = a->config->mem;
    struct audit_signatures *s = mem_alloc_zero(mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->audit = a;
    *out = s; /* audit_signatures_finish frees it in any state. */
    TRY(queue_new(&s->queue, mem, AUDIT_QUEUE_MAX, NULL, NULL));
    must(a->config->thread_count <= AUDIT_THREADS_MAX);
    while (s->thread_count < a->config->thread_count) {
        TRY(thread_start(&s->threads[s->thread_count], mem, "signatures", run, s));
        s->thread_count++;
    }
    return ST_OK;
}

static void check_block(struct audit_signatures *s, struct work *w)
{
    const struct flow_block *b = w->block;
    uint64_t valid = 0;
    for (uint32_t i = 0; i < b->tx_count; i++) {
        if (tx_verify(&b->views[i], s->audit->signer) == ST_OK) {
            valid += b->views[i].signer_count;
            continue;
        }
        audit_found(s->audit, &w->place, b->header.height,
                    "a client signature of transaction %u does not verify", i);
    }
    bool is_setup = b->header.height <= s->audit->setup_height;
    atomic_fetch_add(is_setup ? &s->valid_setup : &s->valid, valid);
    flow_block_free(w->block);
    mem_free(s->audit->config->mem, w);
}

void audit_signatures_add(struct audit_signatures *s,
                          struct flow_block *b,
                          const struct damage *place)
{
    struct work *w = mem_alloc_zero(s->audit->config->mem, 1, sizeof *w);
    must(w != NULL);
    w->block = b;
    w->place = *place;
    /* When the threads are behind, this one helps. */
    if (queue_push(s->queue, w) != ST_OK) check_block(s, w);
}

static void run(void *context)
{
    struct audit_signatures *s = context;
    for (;;) {
        void *item;
        if (queue_wait(s->queue, &item, 1) == 0) return;
        check_block(s, item);
    }
}

void audit_signatures_finish(struct audit_signatures *s)
{
    if (s == NULL) return;
    if (s->queue != NULL) queue_close(s->queue);
    for (uint32_t i = 0; i < s->thread_count; i++)
        thread_join(s->threads[i]);
    s->audit->report->signatures = atomic_load(&s->valid);
    s->audit->report->setup_signatures = atomic_load(&s->valid_setup);
    queue_free(s->queue);
    mem_free(s->audit->config->mem, s);
}
