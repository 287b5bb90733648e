/* overlay.c - See overlay.h. Page number 0 marks an empty place: SQLite counts pages from 1. */
#include "state/overlay.h"

#include <string.h>

#include "base/must.h"
#include "state/diff.h"

#define SLOTS_FIRST 64u

struct overlay_slot {
    uint32_t number;
    uint8_t *image;
};

static struct overlay_slot *slot_of(const struct overlay *o, uint32_t number);
static uint32_t home_of(const struct overlay *o, uint32_t number);
static void take_out(struct overlay *o, uint32_t at);
static enum status grow(struct overlay *o);
static bool take_page(struct overlay *o);
static void drop(struct overlay *o, uint8_t *image);

void overlay_init(struct overlay *o, struct mem *mem, _Atomic uint32_t *budget, uint32_t page_max)
{
    *o = (struct overlay){.mem = mem, .budget = budget, .page_max = page_max};
}

void overlay_clear(struct overlay *o)
{
    for (uint32_t i = 0; i < o->slot_count; i++)
        if (o->slots[i].number != 0) drop(o, o->slots[i].image);
    must(o->count == 0);
    mem_free(o->mem, o->slots);
    o->slots = NULL;
    o->slot_count = 0;
}

const uint8_t *overlay_find(const struct overlay *o, uint32_t number)
{
    must(number > 0);
    if (o->count == 0) return NULL;
    const struct overlay_slot *slot = slot_of(o, number);
    return slot->number == 0 ? NULL : slot->image;
}

enum status overlay_put(struct overlay *o, uint32_t number, const uint8_t *image)
{
    must(number > 0);
    TRY(grow(o));
    struct overlay_slot *slot = slot_of(o, number);
    if (slot->number == 0) {
        if (!take_page(o)) return ST_LIMIT;
        slot->image = mem_alloc(o->mem, PAGE_BYTES);
        if (slot->image == NULL) {
            atomic_fetch_add(o->budget, 1);
            return ST_NO_MEMORY;
        }
        slot->number = number;
        o->count++;
    }
    memcpy(slot->image, image, PAGE_BYTES);
    return ST_OK;
}

void overlay_truncate(struct overlay *o, uint32_t count)
{
    uint32_t i = 0;
    while (i < o->slot_count) {
        if (o->slots[i].number <= count)
            i++;
        else
            take_out(o, i); /* Another one may have come to this place. */
    }
}

static uint32_t home_of(const struct overlay *o, uint32_t number)
{
    return (number * 2654435761u) & (o->slot_count - 1);
}

/* Later ones of the same run move up, so that every search still ends where it must. */
static void take_out(struct overlay *o, uint32_t at)
{
    const uint32_t mask = o->slot_count - 1;
    drop(o, o->slots[at].image);
    for (uint32_t i = (at + 1) & mask; o->slots[i].number != 0; i = (i + 1) & mask) {
        const uint32_t home = home_of(o, o->slots[i].number);
        if (((i - home) & mask) < ((i - at) & mask)) continue; /* It stands behind the gap. */
        o->slots[at] = o->slots[i];
        at = i;
    }
    o->slots[at] = (struct overlay_slot){0};
}

static struct overlay_slot *slot_of(const struct overlay *o, uint32_t number)
{
    for (uint32_t at = home_of(o, number);; at++) {
        struct overlay_slot *slot = &o->slots[at & (o->slot_count - 1)];
        if (slot->number == number || slot->number == 0) return slot;
    }
}

static enum status grow(struct overlay *o)
{
    if (o->slots != NULL && 2 * (o->count + 1) <= o->slot_count) return ST_OK;
    struct overlay bigger = *o;
    must(o->slots != NULL || o->slot_count == 0);
    bigger.slot_count = o->slots == NULL ? SLOTS_FIRST : 2 * o->slot_count;
    bigger.slots = mem_alloc_zero(o->mem, bigger.slot_count, sizeof *bigger.slots);
    if (bigger.slots == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < o->slot_count; i++)
        if (o->slots[i].number != 0) *slot_of(&bigger, o->slots[i].number) = o->slots[i];
    mem_free(o->mem, o->slots);
    *o = bigger;
    return ST_OK;
}

static bool take_page(struct overlay *o)
{
    if (o->count >= o->page_max) return false;
    uint32_t left = atomic_load(o->budget);
    while (left > 0)
        if (atomic_compare_exchange_weak(o->budget, &left, left - 1)) return true;
    return false;
}

static void drop(struct overlay *o, uint8_t *image)
{
    must(o->count > 0);
    mem_free(o->mem, image);
    o->count--;
    atomic_fetch_add(o->budget, 1);
}
