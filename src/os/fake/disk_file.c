/* disk_file.c - Bytes of the model disk: live and durable pages, dirty sectors, space. */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "os/fake/disk_int.h"

static struct disk_node *file_of(const struct disk *d, uint32_t node);
static enum status reserve(struct disk *d, struct disk_node *n, size_t first, size_t count);
static void slots_grow(struct disk_node *n, size_t count);
static void put(struct disk_node *n, const uint8_t *bytes, size_t size, uint64_t offset);
static void page_settle(struct disk_page *p, unsigned sector, bool is_kept);
static void zero_beyond(struct disk_node *n, uint64_t size);
static size_t pages_of(uint64_t size);

bool disk_is_dir(const struct disk *d, uint32_t node)
{
    must(node < d->node_count && d->nodes[node] != NULL);
    return d->nodes[node]->is_dir;
}

uint64_t disk_size(const struct disk *d, uint32_t node)
{
    return file_of(d, node)->size;
}

size_t disk_read(const struct disk *d, uint32_t node, void *to, size_t size, uint64_t offset)
{
    const struct disk_node *n = file_of(d, node);
    if (offset >= n->size) return 0;
    size_t want = size < n->size - offset ? size : (size_t)(n->size - offset);
    uint8_t *at = to;
    for (size_t done = 0; done < want;) {
        size_t index = (size_t)((offset + done) / DISK_PAGE);
        size_t inside = (size_t)((offset + done) % DISK_PAGE);
        size_t step = DISK_PAGE - inside < want - done ? DISK_PAGE - inside : want - done;
        const struct disk_page *p = index < n->slot_count ? n->slots[index].page : NULL;
        if (p == NULL) {
            memset(at + done, 0, step);
        } else {
            memcpy(at + done, p->live + inside, step);
        }
        done += step;
    }
    return want;
}

enum status disk_write(struct disk *d, uint32_t node, struct span bytes, uint64_t offset)
{
    struct disk_node *n = file_of(d, node);
    for (size_t done = 0; done < bytes.size;) {
        uint64_t at = offset + done;
        size_t inside = (size_t)(at % DISK_PAGE);
        size_t left = bytes.size - done;
        size_t step = DISK_PAGE - inside < left ? DISK_PAGE - inside : left;
        TRY(reserve(d, n, (size_t)(at / DISK_PAGE), 1));
        put(n, bytes.data + done, step, at);
        done += step;
        if (n->size < at + step) n->size = at + step;
    }
    return ST_OK;
}

enum status disk_truncate(struct disk *d, uint32_t node, uint64_t size)
{
    struct disk_node *n = file_of(d, node);
    if (size < n->size) {
        zero_beyond(n, size);
        for (size_t i = pages_of(size); i < n->slot_count; i++) {
            if (n->slots[i].is_reserved) d->used -= DISK_PAGE;
            n->slots[i].is_reserved = false;
        }
    }
    n->size = size;
    return ST_OK;
}

enum status disk_allocate(struct disk *d, uint32_t node, uint64_t size)
{
    struct disk_node *n = file_of(d, node);
    TRY(reserve(d, n, 0, pages_of(size)));
    if (n->size < size) n->size = size;
    return ST_OK;
}

void disk_sync(struct disk *d, uint32_t node)
{
    struct disk_node *n = file_of(d, node);
    for (size_t i = n->dirty_first; i < n->dirty_end; i++) { /* D4 */
        struct disk_page *p = n->slots[i].page;
        if (p == NULL || p->dirty == 0) continue;
        for (unsigned sector = 0; sector < DISK_PAGE_SECTORS; sector++) {
            if (p->dirty & (1u << sector)) page_settle(p, sector, true);
        }
    }
    n->dirty_first = n->dirty_end = 0;
    n->durable_size = n->size;
}

bool disk_file_is_durable(const struct disk_node *n)
{
    for (size_t i = n->dirty_first; i < n->dirty_end; i++) { /* D4 */
        if (n->slots[i].page != NULL && n->slots[i].page->dirty != 0) return false;
    }
    return n->size == n->durable_size;
}

void disk_sync_failed(struct disk *d, uint32_t node, struct rng *rng)
{
    struct disk_node *n = file_of(d, node);
    for (size_t i = n->dirty_first; i < n->dirty_end; i++) { /* D4 */
        struct disk_page *p = n->slots[i].page;
        if (p == NULL || p->dirty == 0) continue;
        for (unsigned sector = 0; sector < DISK_PAGE_SECTORS; sector++) {
            if (p->dirty & (1u << sector)) page_settle(p, sector, rng_coin(rng));
        }
        p->is_lost = true;
    }
    n->dirty_first = n->dirty_end = 0;
    if (rng_coin(rng)) n->durable_size = n->size;
}

static uint64_t size_after_crash(const struct disk_node *n, enum disk_crash mode, struct rng *rng)
{
    uint64_t low = n->size < n->durable_size ? n->size : n->durable_size;
    uint64_t high = n->size < n->durable_size ? n->durable_size : n->size;
    if (mode == DISK_KEEP_ALL) return n->size;
    if (mode != DISK_LOSE_SOME || low == high) return n->durable_size;
    /* Either size, or, where the file grew in steps, one in between. */
    uint64_t some = low + rng_below(rng, high - low) / DISK_SECTOR * DISK_SECTOR;
    uint64_t choice = rng_below(rng, 3);
    return choice == 0 ? low : choice == 1 ? high : some;
}

void disk_file_crash(struct disk_node *n, enum disk_crash mode, struct rng *rng)
{
    const uint64_t size = size_after_crash(n, mode, rng);
    for (size_t i = 0; i < n->slot_count; i++) {
        struct disk_page *p = n->slots[i].page;
        if (p == NULL || (p->dirty == 0 && !p->is_lost)) continue; /* D2 */
        for (unsigned sector = 0; sector < DISK_PAGE_SECTORS; sector++) {
            if (!(p->dirty & (1u << sector))) continue;
            bool is_kept = mode == DISK_KEEP_ALL || (mode == DISK_LOSE_SOME && rng_coin(rng));
            page_settle(p, sector, is_kept);
        }
        memcpy(p->live, p->durable, DISK_PAGE);
        p->is_lost = false;
    }
    zero_beyond(n, size);
    for (size_t i = 0; i < n->slot_count; i++) {
        struct disk_page *p = n->slots[i].page;
        bool is_inside = (uint64_t)i * DISK_PAGE < size;
        n->slots[i].is_reserved = is_inside && (n->slots[i].is_reserved || p != NULL);
        if (p == NULL || p->dirty == 0) continue;
        memcpy(p->durable, p->live, DISK_PAGE);
        p->dirty = 0;
    }
    n->size = size;
    n->durable_size = size;
    n->dirty_first = n->dirty_end = 0;
}

void disk_file_copy(struct disk_node *to, const struct disk_node *from)
{
    to->size = from->size;
    to->durable_size = from->durable_size;
    to->dirty_first = from->dirty_first;
    to->dirty_end = from->dirty_end;
    slots_grow(to, from->slot_count);
    for (size_t i = 0; i < from->slot_count; i++) {
        to->slots[i].is_reserved = from->slots[i].is_reserved;
        if (from->slots[i].page == NULL) continue;
        to->slots[i].page = disk_memory(1, sizeof(struct disk_page));
        *to->slots[i].page = *from->slots[i].page;
    }
}

void disk_file_free(struct disk_node *n)
{
    for (size_t i = 0; i < n->slot_count; i++)
        mem_free(mem_system(), n->slots[i].page);
    mem_free(mem_system(), n->slots);
}

uint64_t disk_file_reserved(const struct disk_node *n)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < n->slot_count; i++)
        bytes += n->slots[i].is_reserved ? DISK_PAGE : 0;
    return bytes;
}

void *disk_memory(size_t count, size_t size)
{
    void *block = mem_alloc_zero(mem_system(), count, size);
    must(block != NULL);
    return block;
}

static struct disk_node *file_of(const struct disk *d, uint32_t node)
{
    must(node < d->node_count && d->nodes[node] != NULL);
    must(!d->nodes[node]->is_dir);
    return d->nodes[node];
}

/* All pages or none. */
static enum status reserve(struct disk *d, struct disk_node *n, size_t first, size_t count)
{
    if (count == 0) return ST_OK;
    slots_grow(n, first + count);
    uint64_t missing = 0;
    for (size_t i = first; i < first + count; i++)
        missing += n->slots[i].is_reserved ? 0 : DISK_PAGE;
    if (missing > disk_free_bytes(d)) return ST_NO_SPACE;
    for (size_t i = first; i < first + count; i++)
        n->slots[i].is_reserved = true;
    d->used += missing;
    return ST_OK;
}

static void slots_grow(struct disk_node *n, size_t count)
{
    if (count <= n->slot_count) return;
    size_t room = count > 2 * n->slot_count ? count : 2 * n->slot_count;
    struct disk_slot *slots = disk_memory(room, sizeof(*slots));
    if (n->slot_count > 0) memcpy(slots, n->slots, n->slot_count * sizeof(*slots));
    mem_free(mem_system(), n->slots);
    n->slots = slots;
    n->slot_count = room;
}

/* Within one page. */
static void put(struct disk_node *n, const uint8_t *bytes, size_t size, uint64_t offset)
{
    size_t page = (size_t)(offset / DISK_PAGE);
    struct disk_slot *slot = &n->slots[page];
    bool is_clean = n->dirty_first == n->dirty_end;
    if (is_clean || page < n->dirty_first) n->dirty_first = page;
    if (is_clean || page >= n->dirty_end) n->dirty_end = page + 1;
    size_t inside = (size_t)(offset % DISK_PAGE);
    must(size > 0 && inside + size <= DISK_PAGE);
    if (slot->page == NULL) slot->page = disk_memory(1, sizeof(*slot->page));
    memcpy(slot->page->live + inside, bytes, size);
    for (size_t s = inside / DISK_SECTOR; s <= (inside + size - 1) / DISK_SECTOR; s++)
        slot->page->dirty |= (uint8_t)(1u << s);
}

static void page_settle(struct disk_page *p, unsigned sector, bool is_kept)
{
    must(p->dirty & (1u << sector));
    size_t at = (size_t)sector * DISK_SECTOR;
    if (is_kept) memcpy(p->durable + at, p->live + at, DISK_SECTOR);
    p->dirty &= (uint8_t) ~(1u << sector);
}

/* D1, by writing zeroes that are dirty like any others. */
static void zero_beyond(struct disk_node *n, uint64_t size)
{
    static const uint8_t zeroes[DISK_PAGE];
    for (size_t i = (size_t)(size / DISK_PAGE); i < n->slot_count; i++) {
        if (n->slots[i].page == NULL) continue;
        uint64_t start = (uint64_t)i * DISK_PAGE;
        uint64_t from = start < size ? size : start;
        put(n, zeroes, (size_t)(start + DISK_PAGE - from), from);
    }
}

static size_t pages_of(uint64_t size)
{
    return (size_t)((size + DISK_PAGE - 1) / DISK_PAGE);
}
