#include "base/idtable.h"

#include <string.h>

#include "base/endian.h"
#include "base/must.h"

#define IDTABLE_SLOTS_MIN 64u
#define IDTABLE_COUNT_MAX (1u << 29)

void idtable_init(struct idtable *t,
                  struct mem *mem,
                  const uint8_t *(*id_of)(const void *context, uint32_t number),
                  const void *context,
                  uint64_t key)
{
    *t = (struct idtable){.mem = mem, .id_of = id_of, .context = context, .key = key | 1u};
}

void idtable_fini(struct idtable *t)
{
    if (t->slots != NULL) mem_free(t->mem, t->slots);
    t->slots = NULL;
    t->slot_count = 0;
    t->count = 0;
}

/* The highest bits of the product with a random odd number (Dietzfelbinger and others, A reliable
 * randomized algorithm for the closest-pair problem, 1997): two ids meet by chance only. */
static uint32_t home_slot(const struct idtable *t, const uint8_t *id)
{
    must((t->key & 1u) != 0);
    uint64_t product = get_u64_le(id) * t->key;
    return (uint32_t)((product >> 32) * t->slot_count >> 32);
}

/* The slot that holds id, or the empty one where it belongs. */
static uint32_t find_slot(const struct idtable *t, const uint8_t *id)
{
    uint32_t slot = home_slot(t, id);
    while (t->slots[slot] != 0 &&
           memcmp(t->id_of(t->context, t->slots[slot] - 1), id, IDTABLE_ID_SIZE) != 0)
        slot = (slot + 1) & (t->slot_count - 1);
    return slot;
}

enum status idtable_reserve(struct idtable *t, uint32_t count)
{
    if (count > IDTABLE_COUNT_MAX) return ST_LIMIT;
    uint32_t slot_count = t->slot_count == 0 ? IDTABLE_SLOTS_MIN : t->slot_count;
    while (slot_count / 2 < count)
        slot_count *= 2;
    if (slot_count == t->slot_count) return ST_OK;
    uint32_t *slots = mem_alloc_zero(t->mem, slot_count, sizeof *slots);
    if (slots == NULL) return ST_NO_MEMORY;
    uint32_t *old = t->slots;
    uint32_t old_count = t->slot_count;
    t->slots = slots;
    t->slot_count = slot_count;
    for (uint32_t i = 0; i < old_count; i++)
        if (old[i] != 0) slots[find_slot(t, t->id_of(t->context, old[i] - 1))] = old[i];
    if (old != NULL) mem_free(t->mem, old);
    return ST_OK;
}

uint32_t idtable_find(const struct idtable *t, const uint8_t *id)
{
    if (t->count == 0) return IDTABLE_NONE;
    uint32_t held = t->slots[find_slot(t, id)];
    return held == 0 ? IDTABLE_NONE : held - 1;
}

void idtable_add(struct idtable *t, uint32_t number)
{
    must(number < IDTABLE_NONE - 1);
    must(t->count < t->slot_count / 2);
    uint32_t slot = find_slot(t, t->id_of(t->context, number));
    must(t->slots[slot] == 0);
    t->slots[slot] = number + 1;
    t->count++;
}

void idtable_remove(struct idtable *t, const uint8_t *id)
{
    must(t->count > 0);
    uint32_t gap = find_slot(t, id);
    must(t->slots[gap] != 0);
    /* Close the gap (Knuth, The Art of Computer Programming, 6.4, algorithm R). */
    uint32_t mask = t->slot_count - 1;
    for (uint32_t slot = (gap + 1) & mask; t->slots[slot] != 0; slot = (slot + 1) & mask) {
        uint32_t home = home_slot(t, t->id_of(t->context, t->slots[slot] - 1));
        if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
        t->slots[gap] = t->slots[slot];
        gap = slot;
    }
    t->slots[gap] = 0;
    t->count--;
}
