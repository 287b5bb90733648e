/* A ring of ids in order of inclusion, and an index of positions in it. Expiry takes from the
 * front, so a position never moves while it is in the set.
 *
 * I1 every live id is in the index under its position, and nothing else is.
 * I2 blocks are in ascending height and their counts add up to the ids in the ring. */
#include "node/txset.h"

#include "base/idtable.h"
#include "base/must.h"
#include "ledger/tx.h"

#define TXSET_CAPACITY_MIN 1024u
#define TXSET_CAPACITY_MAX (1u << 28)
#define TXSET_BLOCKS       (TX_SPAN_BLOCKS_MAX + 1u)

struct txset_block {
    uint64_t height;
    uint64_t time_ms;
    uint64_t first; /* Sequence number of its first id. */
    uint32_t count;
};

struct txset {
    struct mem *mem;
    struct idtable index;
    struct hash *ids; /* Ring of capacity (a power of two). */
    uint32_t capacity;
    uint64_t first; /* Sequence number of the oldest id; its position is first mod capacity. */
    uint64_t count;
    struct txset_block *blocks; /* Ring of TXSET_BLOCKS. */
    uint32_t block_first;
    uint32_t block_count;
};

static const struct txset_block *block_of(const struct txset *s, uint64_t sequence);

static const uint8_t *id_of(const void *context, uint32_t number)
{
    const struct txset *s = context;
    return s->ids[number].bytes;
}

enum status txset_new(struct txset **out, struct mem *mem, uint64_t key)
{
    struct txset *s = mem_alloc_zero(mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->mem = mem;
    s->capacity = TXSET_CAPACITY_MIN;
    idtable_init(&s->index, mem, id_of, s, key);
    s->ids = mem_alloc(mem, TXSET_CAPACITY_MIN * sizeof *s->ids);
    s->blocks = mem_alloc(mem, TXSET_BLOCKS * sizeof *s->blocks);
    if (s->ids == NULL || s->blocks == NULL) {
        txset_free(s);
        return ST_NO_MEMORY;
    }
    *out = s;
    return ST_OK;
}

void txset_free(struct txset *s)
{
    if (s == NULL) return;
    idtable_fini(&s->index);
    mem_free(s->mem, s->ids);
    mem_free(s->mem, s->blocks);
    mem_free(s->mem, s);
}

uint64_t txset_count(const struct txset *s)
{
    return s->count;
}

uint64_t txset_find(const struct txset *s, const struct hash *txid)
{
    uint32_t position = idtable_find(&s->index, txid->bytes);
    if (position == IDTABLE_NONE) return 0;
    uint64_t offset = (position - (uint32_t)s->first) & (s->capacity - 1);
    must(offset < s->count); /* I1 */
    return block_of(s, s->first + offset)->height;
}

/* The newest block that begins at or before the id with this sequence number; empty ones begin
 * where the next does. */
static const struct txset_block *block_of(const struct txset *s, uint64_t sequence)
{
    uint32_t low = 0;
    uint32_t high = s->block_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (s->blocks[(s->block_first + middle) % TXSET_BLOCKS].first <= sequence)
            low = middle;
        else
            high = middle;
    }
    const struct txset_block *found = &s->blocks[(s->block_first + low) % TXSET_BLOCKS];
    must(found->first <= sequence);
    must(sequence - found->first < found->count); /* I2 */
    return found;
}

static enum status grow(struct txset *s, uint64_t need)
{
    uint32_t capacity = s->capacity;
    while (capacity < need) {
        if (capacity >= TXSET_CAPACITY_MAX) return ST_LIMIT;
        capacity *= 2;
    }
    TRY(idtable_reserve(&s->index, capacity));
    if (capacity == s->capacity) return ST_OK;
    struct hash *ids = mem_alloc(s->mem, (size_t)capacity * sizeof *ids);
    if (ids == NULL) return ST_NO_MEMORY;
    while (s->index.count > 0) /* Positions change: index them anew. */
        idtable_remove(&s->index,
                       s->ids[(s->first + s->index.count - 1) & (s->capacity - 1)].bytes);
    for (uint64_t i = 0; i < s->count; i++)
        ids[i] = s->ids[(s->first + i) & (s->capacity - 1)];
    mem_free(s->mem, s->ids);
    s->ids = ids;
    s->capacity = capacity;
    for (uint32_t i = 0; i < s->block_count; i++)
        s->blocks[(s->block_first + i) % TXSET_BLOCKS].first -= s->first;
    s->first = 0;
    for (uint64_t i = 0; i < s->count; i++)
        idtable_add(&s->index, (uint32_t)i);
    return ST_OK;
}

enum status txset_add_block(
    struct txset *s, uint64_t height, uint64_t time_ms, const struct hash *txids, uint32_t count)
{
    must(s->block_count < TXSET_BLOCKS);
    TRY(grow(s, s->count + count));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t position = (uint32_t)(s->first + s->count) & (s->capacity - 1);
        s->ids[position] = txids[i];
        idtable_add(&s->index, position);
        s->count++;
    }
    s->blocks[(s->block_first + s->block_count) % TXSET_BLOCKS] = (struct txset_block){
        .height = height, .time_ms = time_ms, .first = s->first + s->count - count, .count = count};
    s->block_count++;
    must(s->count == s->index.count); /* I1 */
    return ST_OK;
}

void txset_expire(struct txset *s, uint64_t height, uint64_t time_ms)
{
    while (s->block_count > 0) {
        const struct txset_block *oldest = &s->blocks[s->block_first];
        bool is_live = oldest->height + TX_SPAN_BLOCKS_MAX >= height &&
                       oldest->time_ms + TX_SPAN_MS_MAX >= time_ms;
        if (is_live) return;
        must(oldest->count <= s->count); /* I2 */
        for (uint32_t i = 0; i < oldest->count; i++) {
            idtable_remove(&s->index, s->ids[s->first & (s->capacity - 1)].bytes);
            s->first++;
            s->count--;
        }
        s->block_first = (s->block_first + 1) % TXSET_BLOCKS;
        s->block_count--;
    }
}
