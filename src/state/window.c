/* window.c - The ring of heights: see window.h. */
#include "state/window.h"

#include "base/must.h"

static struct window_slot *slot_of(struct window *w, uint64_t version);
static bool retire_is_due(struct window *w, uint64_t oldest, uint64_t newest);

enum status window_init(struct window *w,
                        struct mem *mem,
                        const struct window_limits *limits,
                        const struct window_view *first)
{
    must(limits->view_heights >= 1);
    must(limits->view_heights <= WINDOW_HEIGHTS_MAX);
    *w = (struct window){.mem = mem, .held = WINDOW_NEWEST};
    w->view_heights = limits->view_heights;
    w->view_bytes = limits->view_bytes;
    w->slot_count = 64;
    /* Twice the heights: room for a pinned view to outlive them. */
    while (w->slot_count < 2 * w->view_heights + 2)
        w->slot_count *= 2;
    atomic_init(&w->oldest, first->version);
    atomic_init(&w->newest, first->version);
    w->slots = mem_alloc_zero(mem, (size_t)w->slot_count, sizeof *w->slots);
    if (w->slots == NULL) return ST_NO_MEMORY;
    slot_of(w, first->version)->page_count = first->page_count;
    return mutex_new(&w->mutex, mem);
}

void window_fini(struct window *w)
{
    if (w->slots != NULL) {
        for (uint64_t i = 0; i < w->slot_count; i++) {
            must(w->slots[i].pins == 0);
            mem_free(w->mem, w->slots[i].block);
        }
        mem_free(w->mem, w->slots);
    }
    mutex_free(w->mutex);
    w->slots = NULL;
    w->mutex = NULL;
}

uint64_t window_oldest(const struct window *w)
{
    return atomic_load_explicit(&w->oldest, memory_order_acquire);
}

uint64_t window_newest(const struct window *w)
{
    return atomic_load_explicit(&w->newest, memory_order_acquire);
}

enum status window_pin(struct window *w, uint64_t version, struct window_view *out)
{
    mutex_lock(w->mutex);
    uint64_t newest = window_newest(w);
    if (version == WINDOW_NEWEST) version = newest;
    bool is_retained = version >= window_oldest(w) && version <= newest;
    if (is_retained) {
        struct window_slot *slot = slot_of(w, version);
        must(slot->pins < UINT32_MAX);
        slot->pins++;
        *out = (struct window_view){.version = version, .page_count = slot->page_count};
    }
    mutex_unlock(w->mutex);
    return is_retained ? ST_OK : ST_NOT_FOUND;
}

void window_unpin(struct window *w, const struct window_view *view)
{
    mutex_lock(w->mutex);
    /* A killed view has no slot any more: another version may live there. */
    if (view->version >= window_oldest(w)) {
        struct window_slot *slot = slot_of(w, view->version);
        must(slot->pins > 0);
        slot->pins--;
    }
    mutex_unlock(w->mutex);
}

enum status window_hold(struct window *w, uint64_t version, struct window_view *out)
{
    mutex_lock(w->mutex);
    must(w->held == WINDOW_NEWEST);
    uint64_t newest = window_newest(w);
    if (version > newest) version = newest;
    bool is_retained = version >= window_oldest(w);
    if (is_retained) {
        struct window_slot *slot = slot_of(w, version);
        slot->pins++;
        w->held = version;
        *out = (struct window_view){.version = version, .page_count = slot->page_count};
    }
    mutex_unlock(w->mutex);
    return is_retained ? ST_OK : ST_NOT_FOUND;
}

void window_release(struct window *w, const struct window_view *view)
{
    mutex_lock(w->mutex);
    must(w->held == view->version);
    w->held = WINDOW_NEWEST;
    mutex_unlock(w->mutex);
    window_unpin(w, view);
}

void window_publish(struct window *w, uint32_t page_count, void *take_block, size_t block_bytes)
{
    mutex_lock(w->mutex);
    uint64_t version = window_newest(w) + 1;
    must(version - window_oldest(w) < w->slot_count);
    *slot_of(w, version) = (struct window_slot){
        .block = take_block, .block_bytes = block_bytes, .page_count = page_count};
    w->bytes += block_bytes;
    atomic_store_explicit(&w->newest, version, memory_order_release);
    mutex_unlock(w->mutex);
}

bool window_retire_one(struct window *w, struct window_retired *out)
{
    mutex_lock(w->mutex);
    uint64_t oldest = window_oldest(w);
    bool is_due = retire_is_due(w, oldest, window_newest(w));
    if (is_due) {
        struct window_slot *slot = slot_of(w, oldest);
        struct window_slot *next = slot_of(w, oldest + 1);
        *out = (struct window_retired){.block = next->block, .was_pinned = slot->pins > 0};
        must(w->bytes >= next->block_bytes);
        w->bytes -= next->block_bytes;
        next->block = NULL; /* I3: its differences serve views below oldest + 1 alone. */
        next->block_bytes = 0;
        *slot = (struct window_slot){0};
        atomic_store_explicit(&w->oldest, oldest + 1, memory_order_release);
    }
    mutex_unlock(w->mutex);
    return is_due;
}

static struct window_slot *slot_of(struct window *w, uint64_t version)
{
    return &w->slots[version & (w->slot_count - 1)];
}

static bool retire_is_due(struct window *w, uint64_t oldest, uint64_t newest)
{
    must(oldest <= newest);
    if (oldest == newest) return false;
    if (newest - oldest + 1 >= w->slot_count)
        return true; /* Room for the next one, at any price. */
    size_t bytes_max = oldest == w->held ? 2 * w->view_bytes : w->view_bytes;
    if (w->bytes > bytes_max) return true;
    return newest - oldest > w->view_heights && slot_of(w, oldest)->pins == 0;
}
