/* loop.c - The event loop, timers, wake-ups and signals of loop.h, over libuv.
 *
 * One turn of libuv: timers, finished writes, prepare, poll (reads, wake-ups, new connections),
 * check, closed handles. Streams gather what is written to them and are flushed twice a turn, in
 * prepare and in check, so a thousand small answers to one read are one system call.
 *
 * An object given back by its _free lives on until libuv has closed its handle (L2), which happens
 * at the end of the turn, or in loop_free. */
#include "loop_int.h"

#include <signal.h>
#include <string.h>

#include "base/must.h"

struct loop_timer {
    struct loop_item item;
    uv_timer_t uv;
    struct mem *mem;
    loop_callback *fire;
    void *context;
};

struct loop_wake {
    struct loop_item item;
    uv_async_t uv;
    struct mem *mem;
    loop_callback *fire;
    void *context;
};

struct loop_signal {
    struct loop_item item;
    uv_signal_t uv;
    struct mem *mem;
    loop_callback *fire;
    void *context;
};

struct loop_turn {
    struct loop_item item;
    struct loop *loop;
    struct loop_turn *next;
    loop_callback *fire;
    void *context;
    bool is_wanted;
};

static void ignore_broken_pipes(void);
static void turns_fire(struct loop *l);
static void turn_release(struct loop_item *item);
static void before_poll(uv_prepare_t *handle);
static void after_poll(uv_check_t *handle);
static void no_wait(uv_idle_t *handle);
static void timer_fired(uv_timer_t *handle);
static void timer_release(struct loop_item *item);
static void timer_closed(uv_handle_t *handle);
static void wake_fired(uv_async_t *handle);
static void wake_release(struct loop_item *item);
static void wake_closed(uv_handle_t *handle);
static void signal_fired(uv_signal_t *handle, int number);
static void signal_release(struct loop_item *item);
static void signal_closed(uv_handle_t *handle);

enum status loop_new(struct loop **out, struct mem *mem)
{
    ignore_broken_pipes();
    struct loop *l = mem_alloc_zero(mem, 1, sizeof(*l));
    if (l == NULL) return ST_NO_MEMORY;
    l->mem = mem;
    l->items.previous = &l->items;
    l->items.next = &l->items;
    int result = uv_loop_init(&l->uv);
    if (result < 0) {
        mem_free(mem, l);
        return loop_status(result);
    }
    must(uv_prepare_init(&l->uv, &l->before_poll) == 0);
    must(uv_check_init(&l->uv, &l->after_poll) == 0);
    must(uv_idle_init(&l->uv, &l->no_wait) == 0);
    l->before_poll.data = l;
    l->after_poll.data = l;
    must(uv_prepare_start(&l->before_poll, before_poll) == 0);
    must(uv_check_start(&l->after_poll, after_poll) == 0);
    *out = l;
    return ST_OK;
}

void loop_free(struct loop *l)
{
    if (l == NULL) return;
    while (l->items.next != &l->items)
        l->items.next->release(l->items.next);
    uv_close((uv_handle_t *)&l->before_poll, NULL);
    uv_close((uv_handle_t *)&l->after_poll, NULL);
    uv_close((uv_handle_t *)&l->no_wait, NULL);
    while (uv_run(&l->uv, UV_RUN_DEFAULT) != 0)
        continue;
    must(l->dirty_count == 0);
    must(uv_loop_close(&l->uv) == 0); /* Busy would mean a handle that is not in items. L1. */
    mem_free(l->mem, l);
}

void loop_run(struct loop *l)
{
    while (!l->is_stopped)
        (void)uv_run(&l->uv, UV_RUN_DEFAULT);
    l->is_stopped = false;
}

void loop_stop(struct loop *l)
{
    l->is_stopped = true;
    uv_stop(&l->uv);
}

uint64_t loop_now_ms(struct loop *l)
{
    return uv_now(&l->uv);
}

/* --- timers -------------------------------------------------------------------------------- */

enum status loop_timer_new(struct loop_timer **out,
                           struct loop *l,
                           loop_callback *fire,
                           void *context)
{
    struct loop_timer *t = mem_alloc_zero(l->mem, 1, sizeof(*t));
    if (t == NULL) return ST_NO_MEMORY;
    must(uv_timer_init(&l->uv, &t->uv) == 0);
    t->uv.data = t;
    t->mem = l->mem;
    t->fire = fire;
    t->context = context;
    loop_item_add(l, &t->item, timer_release);
    *out = t;
    return ST_OK;
}

void loop_timer_start(struct loop_timer *t, uint64_t delay_ms, uint64_t repeat_ms)
{
    must(uv_timer_start(&t->uv, timer_fired, delay_ms, repeat_ms) == 0);
}

void loop_timer_stop(struct loop_timer *t)
{
    must(uv_timer_stop(&t->uv) == 0);
}

void loop_timer_free(struct loop_timer *t)
{
    if (t != NULL) timer_release(&t->item);
}

static void timer_fired(uv_timer_t *handle)
{
    struct loop_timer *t = handle->data;
    t->fire(t->context);
}

static void timer_release(struct loop_item *item)
{
    struct loop_timer *t = (struct loop_timer *)item;
    loop_item_remove(item);
    uv_close((uv_handle_t *)&t->uv, timer_closed);
}

static void timer_closed(uv_handle_t *handle)
{
    struct loop_timer *t = handle->data;
    mem_free(t->mem, t);
}

/* --- wake-ups ------------------------------------------------------------------------------ */

enum status loop_wake_new(struct loop_wake **out,
                          struct loop *l,
                          loop_callback *fire,
                          void *context)
{
    struct loop_wake *w = mem_alloc_zero(l->mem, 1, sizeof(*w));
    if (w == NULL) return ST_NO_MEMORY;
    int result = uv_async_init(&l->uv, &w->uv, wake_fired);
    if (result < 0) {
        mem_free(l->mem, w);
        return loop_status(result);
    }
    w->uv.data = w;
    w->mem = l->mem;
    w->fire = fire;
    w->context = context;
    loop_item_add(l, &w->item, wake_release);
    *out = w;
    return ST_OK;
}

void loop_wake_send(struct loop_wake *w)
{
    must(uv_async_send(&w->uv) == 0);
}

void loop_wake_free(struct loop_wake *w)
{
    if (w != NULL) wake_release(&w->item);
}

static void wake_fired(uv_async_t *handle)
{
    struct loop_wake *w = handle->data;
    w->fire(w->context);
}

static void wake_release(struct loop_item *item)
{
    struct loop_wake *w = (struct loop_wake *)item;
    loop_item_remove(item);
    uv_close((uv_handle_t *)&w->uv, wake_closed);
}

static void wake_closed(uv_handle_t *handle)
{
    struct loop_wake *w = handle->data;
    mem_free(w->mem, w);
}

/* --- signals ------------------------------------------------------------------------------- */

enum status loop_signal_new(
    struct loop_signal **out, struct loop *l, int number, loop_callback *fire, void *context)
{
    struct loop_signal *s = mem_alloc_zero(l->mem, 1, sizeof(*s));
    if (s == NULL) return ST_NO_MEMORY;
    int result = uv_signal_init(&l->uv, &s->uv);
    if (result < 0) {
        mem_free(l->mem, s);
        return loop_status(result);
    }
    s->uv.data = s;
    s->mem = l->mem;
    s->fire = fire;
    s->context = context;
    loop_item_add(l, &s->item, signal_release);
    result = uv_signal_start(&s->uv, signal_fired, number);
    if (result < 0) {
        signal_release(&s->item);
        return loop_status(result);
    }
    *out = s;
    return ST_OK;
}

void loop_signal_free(struct loop_signal *s)
{
    if (s != NULL) signal_release(&s->item);
}

static void signal_fired(uv_signal_t *handle, int number)
{
    struct loop_signal *s = handle->data;
    must(number == handle->signum);
    s->fire(s->context);
}

static void signal_release(struct loop_item *item)
{
    struct loop_signal *s = (struct loop_signal *)item;
    loop_item_remove(item);
    uv_close((uv_handle_t *)&s->uv, signal_closed);
}

static void signal_closed(uv_handle_t *handle)
{
    struct loop_signal *s = handle->data;
    mem_free(s->mem, s);
}

/* --- work once per turn -------------------------------------------------------------------- */

enum status loop_turn_new(struct loop_turn **out,
                          struct loop *l,
                          loop_callback *fire,
                          void *context)
{
    struct loop_turn *t = mem_alloc_zero(l->mem, 1, sizeof(*t));
    if (t == NULL) return ST_NO_MEMORY;
    t->loop = l;
    t->fire = fire;
    t->context = context;
    t->next = l->turns;
    l->turns = t;
    loop_item_add(l, &t->item, turn_release);
    *out = t;
    return ST_OK;
}

void loop_turn_want(struct loop_turn *t)
{
    if (t->is_wanted) return;
    t->is_wanted = true;
    t->loop->turns_wanted++;
}

void loop_turn_free(struct loop_turn *t)
{
    if (t != NULL) turn_release(&t->item);
}

/* Each at most once: one that wants again while it runs waits for the next time. A callback must
 * not free another's turn; it may free its own. */
static void turns_fire(struct loop *l)
{
    if (l->turns_wanted == 0) return;
    struct loop_turn *next = NULL;
    for (struct loop_turn *t = l->turns; t != NULL; t = next) {
        next = t->next;
        if (!t->is_wanted) continue;
        t->is_wanted = false;
        must(l->turns_wanted > 0);
        l->turns_wanted--;
        t->fire(t->context);
    }
}

static void turn_release(struct loop_item *item)
{
    struct loop_turn *t = (struct loop_turn *)item;
    struct loop *l = t->loop;
    loop_item_remove(item);
    if (t->is_wanted) l->turns_wanted--;
    struct loop_turn **at = &l->turns;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    mem_free(l->mem, t);
}

/* --- inside -------------------------------------------------------------------------------- */

void loop_item_add(struct loop *l, struct loop_item *item, void (*release)(struct loop_item *item))
{
    must(item->next == NULL && item->previous == NULL);
    item->release = release;
    item->previous = l->items.previous;
    item->next = &l->items;
    item->previous->next = item;
    item->next->previous = item;
}

void loop_item_remove(struct loop_item *item)
{
    must(item->next != NULL && item->previous != NULL); /* L1: released once. */
    item->previous->next = item->next;
    item->next->previous = item->previous;
    item->previous = NULL;
    item->next = NULL;
}

enum status loop_status(int result)
{
    must(result < 0);
    switch (result) {
    case UV_EADDRINUSE: return ST_EXISTS;
    case UV_EACCES:
    case UV_EPERM: return ST_DENIED;
    case UV_ENOMEM:
    case UV_ENOBUFS: return ST_NO_MEMORY;
    case UV_EMFILE:
    case UV_ENFILE: return ST_LIMIT;
    case UV_EADDRNOTAVAIL: return ST_NOT_FOUND;
    case UV_EINVAL: return ST_INVALID;
    default: return ST_IO;
    }
}

/* Writing to a connection the other side has closed must be an error, not the end of the process.
 */
static void ignore_broken_pipes(void)
{
    struct sigaction ignore;
    memset(&ignore, 0, sizeof(ignore));
    ignore.sa_handler = SIG_IGN;
    must(sigemptyset(&ignore.sa_mask) == 0);
    must(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

static void before_poll(uv_prepare_t *handle)
{
    struct loop *l = handle->data;
    turns_fire(l);
    tcp_flush_dirty(l);
    /* Callbacks of the flush may have written again. That waits for the next turn, so that nobody
     * can hold the loop here, but the turn must not sleep first. */
    bool has_more = l->dirty_count > 0 || l->turns_wanted > 0;
    if (has_more == l->has_no_wait) return;
    l->has_no_wait = has_more;
    must((has_more ? uv_idle_start(&l->no_wait, no_wait) : uv_idle_stop(&l->no_wait)) == 0);
}

static void after_poll(uv_check_t *handle)
{
    turns_fire(handle->data);
    tcp_flush_dirty(handle->data);
}

static void no_wait(uv_idle_t *handle)
{
    must(uv_is_active((const uv_handle_t *)handle));
}
