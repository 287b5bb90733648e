#include "node/queue.h"

#include "base/must.h"
#include "os/thread.h"

struct queue {
    struct mem *mem;
    struct mutex *mutex;
    struct cond *filled;
    void (*notify)(void *context);
    void *context;
    void **items; /* Ring of count_max. */
    uint32_t count_max;
    uint32_t first;
    uint32_t count;
    bool is_closed;
};

enum status queue_new(struct queue **out,
                      struct mem *mem,
                      uint32_t count_max,
                      void (*notify)(void *context),
                      void *context)
{
    must(count_max > 0);
    enum status st = ST_NO_MEMORY;
    struct queue *q = mem_alloc_zero(mem, 1, sizeof *q);
    if (q == NULL) return ST_NO_MEMORY;
    q->mem = mem;
    q->count_max = count_max;
    q->notify = notify;
    q->context = context;
    q->items = mem_alloc_zero(mem, count_max, sizeof *q->items);
    if (q->items == NULL) goto out;
    st = mutex_new(&q->mutex, mem);
    if (st != ST_OK) goto out;
    st = cond_new(&q->filled, mem);
    if (st != ST_OK) goto out;
    *out = q;
    return ST_OK;
out:
    queue_free(q);
    return st;
}

void queue_free(struct queue *q)
{
    if (q == NULL) return;
    cond_free(q->filled);
    mutex_free(q->mutex);
    mem_free(q->mem, q->items);
    mem_free(q->mem, q);
}

enum status queue_push(struct queue *q, void *item)
{
    must(item != NULL);
    mutex_lock(q->mutex);
    enum status st = q->is_closed ? ST_CLOSED : q->count == q->count_max ? ST_BUSY : ST_OK;
    bool was_empty = q->count == 0;
    if (st == ST_OK) {
        q->items[(q->first + q->count) % q->count_max] = item;
        q->count++;
        must(q->count <= q->count_max);
        if (was_empty) cond_signal(q->filled);
    }
    mutex_unlock(q->mutex);
    if (st == ST_OK && was_empty && q->notify != NULL) q->notify(q->context);
    return st;
}

static uint32_t take_locked(struct queue *q, void **items, uint32_t max)
{
    uint32_t count = q->count < max ? q->count : max;
    for (uint32_t i = 0; i < count; i++)
        items[i] = q->items[(q->first + i) % q->count_max];
    q->first = (q->first + count) % q->count_max;
    q->count -= count;
    return count;
}

uint32_t queue_take(struct queue *q, void **items, uint32_t max)
{
    mutex_lock(q->mutex);
    uint32_t count = take_locked(q, items, max);
    bool is_left = q->count > 0;
    mutex_unlock(q->mutex);
    /* A push notifies only an empty queue: what is left must be asked for again. */
    if (is_left && q->notify != NULL) q->notify(q->context);
    return count;
}

uint32_t queue_wait(struct queue *q, void **items, uint32_t max)
{
    must(max > 0);
    mutex_lock(q->mutex);
    while (q->count == 0 && !q->is_closed)
        cond_wait(q->filled, q->mutex);
    uint32_t count = take_locked(q, items, max);
    if (q->count > 0) cond_signal(q->filled); /* Several threads may share the work. */
    mutex_unlock(q->mutex);
    return count;
}

void queue_close(struct queue *q)
{
    mutex_lock(q->mutex);
    q->is_closed = true;
    cond_broadcast(q->filled);
    mutex_unlock(q->mutex);
}
