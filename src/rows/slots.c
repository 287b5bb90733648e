/* slots.c - Slabs of slots, and a list of the free ones that is kept in themselves.
 *
 * L1  taken is the number of slots in use; all others of all slabs are in the list. */
#include "rows/slots.h"

#include <stdint.h>

#include "base/must.h"
#include "os/thread.h"

#define SLAB_SLOTS 512u

struct free_slot {
    struct free_slot *next;
};

struct slab {
    struct slab *next;
    _Alignas(max_align_t) uint8_t slots[];
};

struct slots {
    struct mem *mem;
    struct mutex *lock;
    size_t size;
    struct slab *slabs;
    struct free_slot *free;
    uint64_t taken;
};

static enum status add_slab(struct slots *s);

enum status slots_new(struct slots **out, struct mem *mem, size_t size)
{
    must(size >= sizeof(struct free_slot));
    struct slots *s = mem_alloc_zero(mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->mem = mem;
    s->size = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
    enum status st = mutex_new(&s->lock, mem);
    if (st != ST_OK) {
        slots_free(s);
        return st;
    }
    *out = s;
    return ST_OK;
}

void slots_free(struct slots *s)
{
    if (s == NULL) return;
    must(s->taken == 0);
    while (s->slabs != NULL) {
        struct slab *next = s->slabs->next;
        mem_free(s->mem, s->slabs);
        s->slabs = next;
    }
    mutex_free(s->lock);
    mem_free(s->mem, s);
}

struct mem *slots_mem(const struct slots *s)
{
    return s->mem;
}

void *slots_take(struct slots *s)
{
    mutex_lock(s->lock);
    struct free_slot *slot = NULL;
    if (s->free != NULL || add_slab(s) == ST_OK) {
        slot = s->free;
        s->free = slot->next;
        s->taken++;
    }
    mutex_unlock(s->lock);
    return slot;
}

void slots_give(struct slots *s, void *slot)
{
    struct free_slot *given = slot;
    mutex_lock(s->lock);
    must(s->taken > 0); /* L1 */
    given->next = s->free;
    s->free = given;
    s->taken--;
    mutex_unlock(s->lock);
}

static enum status add_slab(struct slots *s)
{
    struct slab *slab = mem_alloc(s->mem, sizeof *slab + SLAB_SLOTS * s->size);
    if (slab == NULL) return ST_NO_MEMORY;
    slab->next = s->slabs;
    s->slabs = slab;
    for (uint32_t i = SLAB_SLOTS; i-- > 0;) { /* The first in memory is the first in the list. */
        struct free_slot *slot = (void *)(slab->slots + i * s->size);
        slot->next = s->free;
        s->free = slot;
    }
    return ST_OK;
}
