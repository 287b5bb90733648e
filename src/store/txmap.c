/* txmap.c - The txids of the segment that is still growing, in memory. */
#include "store/txmap.h"

#include "base/endian.h"
#include "base/must.h"

#define GROWTH_MIN 1024u

static bool grow(struct mem *mem, void **block, uint32_t *capacity, uint32_t need, size_t size);
static enum status grow_slots(struct txmap *m, uint32_t need);
static void insert(struct txmap *m, uint32_t ordinal);
static uint32_t slot_of(const struct txmap *m, const struct hash *txid);

void txmap_init(struct txmap *m, struct mem *mem, uint64_t seed)
{
    *m = (struct txmap){.mem = mem, .seed = seed | 1};
}

void txmap_fini(struct txmap *m)
{
    if (m->mem == NULL) return;
    mem_free(m->mem, m->txids);
    mem_free(m->mem, m->slots);
    mem_free(m->mem, m->firsts);
    *m = (struct txmap){0};
}

void txmap_reset(struct txmap *m)
{
    m->first_height = 0;
    m->count = 0;
    m->block_count = 0;
    if (m->slot_count > 0) memset(m->slots, 0, m->slot_count * sizeof *m->slots);
}

enum status txmap_reserve(struct txmap *m, uint32_t count)
{
    must(m->count <= TXMAP_COUNT_MAX);
    if (count > TXMAP_COUNT_MAX - m->count || m->block_count >= TXMAP_COUNT_MAX) return ST_LIMIT;
    void *txids = m->txids;
    bool is_done = grow(m->mem, &txids, &m->capacity, m->count + count, sizeof *m->txids);
    m->txids = txids;
    if (!is_done) return ST_NO_MEMORY;
    void *firsts = m->firsts;
    is_done = grow(m->mem, &firsts, &m->block_capacity, m->block_count + 1, sizeof *m->firsts);
    m->firsts = firsts;
    return is_done ? grow_slots(m, m->count + count) : ST_NO_MEMORY;
}

void txmap_add(struct txmap *m, uint64_t height, struct span txids)
{
    uint32_t count = (uint32_t)(txids.size / HASH_SIZE);
    must(txids.size % HASH_SIZE == 0);
    must(m->block_count < m->block_capacity);
    must(count <= m->capacity - m->count);
    if (m->block_count == 0) m->first_height = height;
    must(height == m->first_height + m->block_count);
    m->firsts[m->block_count++] = m->count;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(m->txids[m->count].bytes, txids.data + (size_t)i * HASH_SIZE, HASH_SIZE);
        insert(m, m->count++);
    }
}

bool txmap_find(const struct txmap *m, const struct hash *txid, uint64_t *height, uint32_t *index)
{
    if (m->count == 0) return false;
    must(m->count < m->slot_count);
    for (uint32_t at = slot_of(m, txid); m->slots[at] != 0; at = (at + 1) & (m->slot_count - 1)) {
        uint32_t ordinal = m->slots[at] - 1;
        must(ordinal < m->count);
        if (!hash_equal(&m->txids[ordinal], txid)) continue;
        uint32_t block = 0;
        txmap_locate(m, ordinal, &block, index);
        *height = m->first_height + block;
        return true;
    }
    return false;
}

static bool is_before(const struct txmap *m, uint32_t a, uint32_t b)
{
    int order = memcmp(m->txids[a].bytes, m->txids[b].bytes, HASH_SIZE);
    return order < 0 || (order == 0 && a < b); /* A total order, whatever the input. */
}

/* Bottom-up merge sort: n log n for every input, no recursion. */
void txmap_sort(const struct txmap *m, uint32_t *order, uint32_t *spare)
{
    for (uint32_t i = 0; i < m->count; i++)
        order[i] = i;
    for (uint64_t width = 1; width < m->count; width *= 2) {
        for (uint64_t start = 0; start < m->count; start += 2 * width) {
            uint64_t left = start;
            uint64_t middle = start + width < m->count ? start + width : m->count;
            uint64_t end = start + 2 * width < m->count ? start + 2 * width : m->count;
            uint64_t right = middle;
            for (uint64_t to = start; to < end; to++) {
                bool is_left =
                    right >= end || (left < middle && is_before(m, order[left], order[right]));
                spare[to] = order[is_left ? left++ : right++];
            }
        }
        memcpy(order, spare, m->count * sizeof *order);
    }
    for (uint32_t i = 1; i < m->count; i++)
        must(is_before(m, order[i - 1], order[i]));
}

void txmap_locate(const struct txmap *m, uint32_t ordinal, uint32_t *block, uint32_t *index)
{
    uint32_t low = 0; /* The last block whose first ordinal is not above. */
    uint32_t high = m->block_count;
    must(ordinal < m->count);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (m->firsts[middle] <= ordinal)
            low = middle;
        else
            high = middle;
    }
    must(m->firsts[low] <= ordinal);
    *block = low;
    *index = ordinal - m->firsts[low];
}

static bool grow(struct mem *mem, void **block, uint32_t *capacity, uint32_t need, size_t size)
{
    if (need <= *capacity) return true;
    uint32_t more = *capacity < GROWTH_MIN ? GROWTH_MIN : *capacity;
    while (more < need)
        more *= 2;
    void *grown = mem_resize(mem, *block, more * size);
    if (grown == NULL) return false;
    *block = grown;
    *capacity = more;
    return true;
}

static enum status grow_slots(struct txmap *m, uint32_t need)
{
    if ((uint64_t)need * 3 < (uint64_t)m->slot_count * 2) return ST_OK; /* At most 2/3 full. */
    uint32_t more = m->slot_count < GROWTH_MIN ? GROWTH_MIN : m->slot_count;
    while ((uint64_t)need * 3 >= (uint64_t)more * 2)
        more *= 2;
    uint32_t *slots = mem_alloc_zero(m->mem, more, sizeof *slots);
    if (slots == NULL) return ST_NO_MEMORY;
    mem_free(m->mem, m->slots);
    m->slots = slots;
    m->slot_count = more;
    for (uint32_t i = 0; i < m->count; i++)
        insert(m, i);
    return ST_OK;
}

/* Of two equal txids (which a valid chain cannot have within a segment's span) the older is found.
 */
static void insert(struct txmap *m, uint32_t ordinal)
{
    uint32_t at = slot_of(m, &m->txids[ordinal]);
    must(ordinal < m->slot_count);
    while (m->slots[at] != 0)
        at = (at + 1) & (m->slot_count - 1);
    m->slots[at] = ordinal + 1;
}

static uint32_t slot_of(const struct txmap *m, const struct hash *txid)
{
    uint64_t mixed = (get_u64_le(txid->bytes) ^ m->seed) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 29) ^ get_u64_le(txid->bytes + 8)) * (m->seed | 1);
    return (uint32_t)(mixed >> 32) & (m->slot_count - 1);
}
