/* pages.c - The multi-version page store: see pages.h and README.md for I1 to I7.
 *
 * Locks: one mutex per shard guards its table and what readers see of its entries; the window has
 * its own. They are never held together. The execution thread is the only one that changes an
 * image, a difference or a version, so it reads them without a lock. */
#include "state/pages.h"

#include <stdlib.h>

#include "base/must.h"

#define SHARD_COUNT   256u
#define SHARD_BUCKETS 16u   /* At first; doubled when there are more entries. */
#define KEY_EVERY     64u   /* Differences of a page between two whole ones. */
#define SWEEP_BATCH   8u    /* Entries of a shard looked at in one go. */
#define SWEEP_LEAST   16u   /* Entries looked at after a block, and … */
#define SWEEP_EACH    8u    /* … for each page that it changed. */
#define SWEEP_EXCESS  4u    /* … and a part of the images above the limit. */
#define READS_KEPT    1024u /* Of the file, by the writer: most are changed soon. A power of two. */
#define SCRATCH_KEEP  (1u << 20)

/* A difference in a block's allocation. */
struct diff {
    const struct diff *older; /* Made by block `version`; followed only for views below it. */
    uint64_t version;         /* What the page is at once this is applied. */
    uint16_t size;
    uint8_t runs[];
};

/* A whole page among the differences: the start of a shorter way to an old version. */
struct key {
    const struct diff *diff;
    const struct key *before; /* Made by block `before_block`; followed only for views below it. */
    uint64_t before_block;
};

struct page {
    struct page *next;   /* In its bucket. */
    struct page *before; /* In its shard's list: of those with an image, or of those without. */
    struct page *behind;
    uint8_t *image;          /* The newest; null: it is in the file. */
    const struct diff *diff; /* Made by block `version`. */
    const struct key *key;   /* Made by block `key_block`. */
    uint64_t key_block;
    uint64_t version;     /* Of the last change; 0: older than the window. */
    uint64_t dirty_since; /* First version that is not in the file; 0: clean. */
    uint32_t number;
    uint32_t staged; /* Index in the staged list plus one; 0: not staged. */
    uint32_t diffs_since_key;
    bool is_recent; /* Read or written since the last sweep. */
};

struct bucket {
    struct page *first;
};

/* Entries in the order in which the sweep looks at them. */
struct ring {
    struct page *first;
    struct page *last;
};

struct shard {
    struct mutex *mutex;
    struct bucket *buckets;
    struct ring imaged;    /* Entries with an image … */
    struct ring bare;      /* … and without, which keep differences alone. */
    uint32_t bucket_count; /* A power of two. */
    uint32_t entry_count;
};

/* A page that the writer read, still as it is in the file. */
struct read_page {
    uint32_t number; /* 0: none. */
    uint8_t bytes[PAGE_BYTES];
};

struct staged {
    struct page *page;
    uint8_t *image;
    size_t diff_at; /* Place in the block's allocation; NO_PLACE: a new page. */
    size_t key_at;
    bool is_equal; /* Written with what was there: nothing to publish. */
};

#define NO_PLACE SIZE_MAX

/* What a look has besides the images in memory. */
enum have { HAVE_NOTHING, HAVE_FILE, HAVE_DAMAGE };

struct dirty_list {
    uint32_t *numbers;
    uint32_t count;
    uint32_t capacity;
};

struct pages {
    struct os *os;
    struct mem *mem;
    struct os_file *_Atomic file;
    struct sums *sums; /* Null: nothing is checked. */
    struct window window;
    struct shard shards[SHARD_COUNT];
    uint64_t image_max; /* Images in memory beyond which clean ones are dropped. */
    _Atomic uint64_t image_count;
    _Atomic uint64_t dirty_count;
    _Atomic uint64_t entry_count;
    _Atomic uint32_t
        file_pages;          /* Pages in the file; a page behind them that has no image is zero. */
    _Atomic uint64_t saves;  /* Checkpoints that have ended. */
    _Atomic uint32_t damage; /* First page that was not what was written; 0: none. */

    /* Of the execution thread alone. */
    struct staged *staged;
    uint32_t staged_count;
    uint32_t staged_capacity;
    uint32_t page_count;      /* Of the database being written. */
    uint32_t page_count_base; /* Of the newest version. */
    uint32_t sweep_imaged;    /* Next shard to look for images, and … */
    uint32_t sweep_bare;      /* … for entries without. */
    struct read_page *reads;  /* READS_KEPT, by number; null: not yet. */
    bool is_prepared;
    uint8_t *scratch; /* Differences of the block being prepared. */
    size_t scratch_size;
    size_t scratch_capacity;
    uint8_t *block; /* The same, in their final place. */
    size_t block_size;
};

static bool list_shard(struct pages *p,
                       struct shard *s,
                       const struct window_view *view,
                       struct dirty_list *list);
static void list_page(struct dirty_list *list, const struct page *page);
static enum status shards_init(struct pages *p);
static void shards_fini(struct pages *p);
static struct shard *shard_of(struct pages *p, uint32_t number);
static struct page **find_link(struct shard *s, uint32_t number);
static enum status entry_add(struct pages *p, uint32_t number, struct page **out);
static void shard_grow(struct pages *p, struct shard *s);
static enum status look(
    struct pages *p, const struct window_view *view, uint32_t number, uint8_t *to, enum have have);
static enum status read_file(struct pages *p, uint32_t number, uint8_t *to);
static bool is_right(struct pages *p, uint32_t number, const uint8_t *page);
static enum status found_damage(struct pages *p, uint32_t number);
static enum status read_old(struct pages *p, uint32_t number, uint8_t *to);
static void forget_read(struct pages *p, uint32_t number);
static void rewind_page(const struct page *page, uint64_t version, uint8_t *to);
static enum status prepare_page(struct pages *p, struct staged *s);
static enum status prepare_diff(struct pages *p, struct staged *s, const uint8_t *older);
static void *scratch_add(struct pages *p, size_t size, size_t *at);
static void settle(struct pages *p);
static void unprepare(struct pages *p);
static void publish_page(struct pages *p, const struct staged *s, uint64_t version);
static void stage_reset(struct pages *p);
static void retire(struct pages *p);
static void sweep(struct pages *p, uint64_t published);
static uint32_t sweep_images(struct pages *p, struct shard *s);
static uint32_t sweep_bare(struct pages *p, struct shard *s);
static void entry_free(struct pages *p, struct shard *s, struct page *page);
static void ring_push(struct ring *r, struct page *page);
static void ring_take(struct ring *r, struct page *page);
static int compare_numbers(const void *a, const void *b);

enum status pages_new(struct pages **out, const struct pages_config *config)
{
    must(config->mem != NULL);
    must(config->file != NULL);
    struct pages *p = mem_alloc_zero(config->mem, 1, sizeof *p);
    if (p == NULL) return ST_NO_MEMORY;
    p->os = config->os;
    p->mem = config->mem;
    atomic_init(&p->file, config->file);
    p->sums = config->sums;
    p->image_max = config->clean_bytes / PAGE_BYTES;
    p->page_count = config->base.page_count;
    p->page_count_base = config->base.page_count;
    atomic_init(&p->file_pages, config->base.page_count);
    enum status st = window_init(&p->window, p->mem, &config->limits, &config->base);
    if (st == ST_OK) st = shards_init(p);
    if (st != ST_OK) {
        pages_free(p);
        return st;
    }
    *out = p;
    return ST_OK;
}

void pages_free(struct pages *p)
{
    if (p == NULL) return;
    pages_discard(p);
    shards_fini(p);
    window_fini(&p->window);
    mem_free(p->mem, p->staged);
    mem_free(p->mem, p->scratch);
    mem_free(p->mem, p->reads);
    mem_free(p->mem, p);
}

enum status pages_pin(struct pages *p, uint64_t version, struct window_view *out)
{
    return window_pin(&p->window, version, out);
}

void pages_unpin(struct pages *p, const struct window_view *view)
{
    window_unpin(&p->window, view);
}

enum status pages_read(struct pages *p,
                       const struct window_view *view,
                       uint32_t number,
                       uint8_t *to)
{
    must(number >= 1);
    must(number <= view->page_count);
    for (;;) {
        enum status st = look(p, view, number, to, HAVE_NOTHING);
        if (st != ST_NOT_FOUND) return st;
        const uint64_t saves = atomic_load(&p->saves);
        TRY(read_file(p, number, to));
        const enum have have = is_right(p, number, to) ? HAVE_FILE : HAVE_DAMAGE;
        /* I4: what changed since the look, even under the read, differences turn back. */
        st = look(p, view, number, to, have);
        if (st != ST_CORRUPT) return st;
        /* I8: without a checkpoint in between nobody of us has written this page. */
        if (atomic_load(&p->saves) == saves) return found_damage(p, number);
    }
}

uint32_t pages_damage(const struct pages *p)
{
    return atomic_load(&p->damage);
}

void pages_forget_damage(struct pages *p)
{
    atomic_store(&p->damage, 0);
}

uint64_t pages_oldest(const struct pages *p)
{
    return window_oldest(&p->window);
}

uint64_t pages_newest(const struct pages *p)
{
    return window_newest(&p->window);
}

enum status pages_stage(struct pages *p, uint32_t number, const uint8_t *image)
{
    must(number >= 1);
    unprepare(p); /* SQLite gave the commit up after all and writes the old pages back. */
    struct page *page = *find_link(shard_of(p, number), number);
    if (page == NULL) TRY(entry_add(p, number, &page));
    if (page->staged == 0) {
        if (p->staged_count == p->staged_capacity) {
            uint32_t capacity = p->staged_capacity == 0 ? 64 : 2 * p->staged_capacity;
            struct staged *grown = mem_resize(p->mem, p->staged, capacity * sizeof *grown);
            if (grown == NULL) return ST_NO_MEMORY;
            p->staged = grown;
            p->staged_capacity = capacity;
        }
        uint8_t *copy = mem_alloc(p->mem, PAGE_BYTES);
        if (copy == NULL) return ST_NO_MEMORY;
        p->staged[p->staged_count++] = (struct staged){.page = page, .image = copy};
        page->staged = p->staged_count;
    }
    must(p->staged[page->staged - 1].page == page);
    memcpy(p->staged[page->staged - 1].image, image, PAGE_BYTES);
    if (number > p->page_count) p->page_count = number;
    return ST_OK;
}

uint32_t pages_staged_count(const struct pages *p)
{
    return p->page_count;
}

void pages_stage_truncate(struct pages *p, uint32_t page_count)
{
    must(page_count <= p->page_count); /* A database grows by its last page alone. */
    unprepare(p);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->staged_count; i++) {
        struct staged s = p->staged[i];
        if (s.page->number <= page_count) {
            p->staged[kept++] = s;
            s.page->staged = kept;
        } else {
            s.page->staged = 0;
            mem_free(p->mem, s.image);
        }
    }
    p->staged_count = kept;
    p->page_count = page_count;
}

enum status pages_read_staged(struct pages *p, uint32_t number, uint8_t *to)
{
    must(number >= 1);
    must(number <= p->page_count);
    const struct page *page = *find_link(shard_of(p, number), number);
    if (page != NULL && page->staged != 0) {
        memcpy(to, p->staged[page->staged - 1].image, PAGE_BYTES);
        return ST_OK;
    }
    if (page != NULL && page->image != NULL) {
        memcpy(to, page->image, PAGE_BYTES);
        return ST_OK;
    }
    TRY(read_old(p, number, to));
    if (p->reads == NULL) p->reads = mem_alloc_zero(p->mem, READS_KEPT, sizeof *p->reads);
    if (p->reads == NULL) return ST_OK;
    struct read_page *kept = &p->reads[number % READS_KEPT];
    kept->number = number;
    memcpy(kept->bytes, to, PAGE_BYTES);
    return ST_OK;
}

bool pages_has_staged(const struct pages *p)
{
    return p->staged_count > 0;
}

enum status pages_prepare(struct pages *p, uint64_t version)
{
    must(!p->is_prepared);
    if (version != pages_newest(p) + 1) return ST_INVALID; /* I7 */
    if (p->page_count < p->page_count_base) return ST_INVALID;
    p->scratch_size = 0;
    for (uint32_t i = 0; i < p->staged_count; i++) {
        struct staged *s = &p->staged[i];
        s->diff_at = NO_PLACE;
        s->key_at = NO_PLACE;
        s->is_equal = false;
        if (s->page->number <= p->page_count_base) TRY(prepare_page(p, s));
    }
    if (p->scratch_size > 0) {
        p->block = mem_alloc(p->mem, p->scratch_size);
        if (p->block == NULL) return ST_NO_MEMORY;
        p->block_size = p->scratch_size;
        settle(p);
    }
    p->is_prepared = true;
    return ST_OK;
}

bool pages_is_prepared(const struct pages *p)
{
    return p->is_prepared;
}

void pages_publish(struct pages *p)
{
    must(p->is_prepared); /* I2 */
    uint64_t version = pages_newest(p) + 1;
    const uint32_t published = p->staged_count;
    for (uint32_t i = 0; i < published; i++)
        publish_page(p, &p->staged[i], version);
    window_publish(&p->window, p->page_count, p->block, p->block_size);
    p->page_count_base = p->page_count;
    p->block = NULL;
    p->block_size = 0;
    p->is_prepared = false;
    p->staged_count = 0;
    stage_reset(p);
    retire(p);
    sweep(p, published);
}

void pages_discard(struct pages *p)
{
    for (uint32_t i = 0; i < p->staged_count; i++) {
        p->staged[i].page->staged = 0;
        mem_free(p->mem, p->staged[i].image);
    }
    unprepare(p);
    p->staged_count = 0;
    p->page_count = p->page_count_base;
    stage_reset(p);
}

enum status pages_hold(struct pages *p, uint64_t version, struct window_view *out)
{
    return window_hold(&p->window, version, out);
}

void pages_release(struct pages *p, const struct window_view *view)
{
    window_release(&p->window, view);
}

enum status pages_list_dirty(struct pages *p,
                             const struct window_view *view,
                             uint32_t **numbers,
                             uint32_t *count)
{
    struct dirty_list list = {0};
    for (uint32_t i = 0; i < SHARD_COUNT; i++) {
        if (!list_shard(p, &p->shards[i], view, &list)) {
            mem_free(p->mem, list.numbers);
            return ST_NO_MEMORY;
        }
    }
    if (list.count > 0) qsort(list.numbers, list.count, sizeof *list.numbers, compare_numbers);
    *numbers = list.numbers;
    *count = list.count;
    return ST_OK;
}

void pages_mark_clean(struct pages *p,
                      const struct window_view *view,
                      const uint32_t *numbers,
                      uint32_t count)
{
    atomic_store(&p->file_pages, view->page_count);
    if (p->sums != NULL && count > 0) sums_adopt(p->sums);
    atomic_fetch_add(&p->saves, 1);
    for (uint32_t i = 0; i < count; i++) {
        struct shard *s = shard_of(p, numbers[i]);
        mutex_lock(s->mutex);
        struct page *page = *find_link(s, numbers[i]);
        must(page != NULL);
        must(page->image != NULL); /* I4 */
        must(page->dirty_since != 0);
        if (page->version <= view->version) {
            page->dirty_since = 0;
            atomic_fetch_sub(&p->dirty_count, 1);
        } else {
            page->dirty_since = view->version + 1;
        }
        mutex_unlock(s->mutex);
    }
}

/* No checkpoint runs, so the file is at rest. What it must hold is in memory, maybe, as the newest
 * image turned back. */
enum status pages_check(struct pages *p, uint32_t number, struct pages_check *out)
{
    uint8_t page[PAGE_BYTES];
    must(p->sums != NULL);
    *out = (struct pages_check){.expected = sums_get(p->sums, number)};
    TRY(read_file(p, number, page));
    out->found = sum_of_page(number, page);
    if (memcmp(&out->found, &out->expected, sizeof out->found) == 0) return ST_OK;
    struct shard *s = shard_of(p, number);
    mutex_lock(s->mutex);
    const struct page *entry = *find_link(s, number);
    const bool has_image = entry != NULL && entry->image != NULL && entry->dirty_since == 0;
    if (has_image) memcpy(page, entry->image, PAGE_BYTES);
    mutex_unlock(s->mutex);
    enum status st = has_image ? pages_mend(p, number, page) : ST_INVALID;
    if (st != ST_INVALID) TRY(st);
    out->is_mended = st == ST_OK;
    return ST_CORRUPT;
}

enum status pages_mend(struct pages *p, uint32_t number, const uint8_t *page)
{
    const struct sum expected = sums_get(p->sums, number);
    const struct sum sum = sum_of_page(number, page);
    if (memcmp(&sum, &expected, sizeof sum) != 0) return ST_INVALID;
    const uint64_t offset = (uint64_t)(number - 1) * PAGE_BYTES;
    return p->os->file_write(p->os, atomic_load(&p->file), span_of(page, PAGE_BYTES), offset);
}

void pages_move(struct pages *p, struct os_file *file)
{
    atomic_store(&p->file, file);
}

void pages_usage(struct pages *p, struct pages_usage *out)
{
    mutex_lock(p->window.mutex);
    out->diff_bytes = p->window.bytes;
    mutex_unlock(p->window.mutex);
    out->image_count = atomic_load(&p->image_count);
    out->dirty_count = atomic_load(&p->dirty_count);
    out->entry_count = atomic_load(&p->entry_count);
}

uint64_t pages_dirty_bytes(const struct pages *p)
{
    return atomic_load(&p->dirty_count) * PAGE_BYTES;
}

/* Append the shard's pages that are not in the file as of view. False: no memory. */
static bool list_shard(struct pages *p,
                       struct shard *s,
                       const struct window_view *view,
                       struct dirty_list *list)
{
    mutex_lock(s->mutex);
    uint32_t entries = s->entry_count;
    mutex_unlock(s->mutex);
    /* Pages added from here on are newer than the view: those that are due were there before. */
    if (list->capacity - list->count < entries) {
        uint32_t capacity = 2 * list->capacity + entries;
        uint32_t *grown = mem_resize(p->mem, list->numbers, capacity * sizeof *grown);
        if (grown == NULL) return false;
        list->numbers = grown;
        list->capacity = capacity;
    }
    mutex_lock(s->mutex);
    for (uint32_t b = 0; b < s->bucket_count; b++)
        for (const struct page *page = s->buckets[b].first; page != NULL; page = page->next)
            if (page->dirty_since != 0 && page->dirty_since <= view->version) list_page(list, page);
    mutex_unlock(s->mutex);
    return true;
}

static void list_page(struct dirty_list *list, const struct page *page)
{
    must(list->count < list->capacity);
    must(page->image != NULL); /* I4 */
    list->numbers[list->count++] = page->number;
}

static enum status shards_init(struct pages *p)
{
    for (uint32_t i = 0; i < SHARD_COUNT; i++) {
        struct shard *s = &p->shards[i];
        s->bucket_count = SHARD_BUCKETS;
        s->buckets = mem_alloc_zero(p->mem, SHARD_BUCKETS, sizeof *s->buckets);
        if (s->buckets == NULL) return ST_NO_MEMORY;
        TRY(mutex_new(&s->mutex, p->mem));
    }
    return ST_OK;
}

static void shards_fini(struct pages *p)
{
    for (uint32_t i = 0; i < SHARD_COUNT; i++) {
        struct shard *s = &p->shards[i];
        for (uint32_t b = 0; s->buckets != NULL && b < s->bucket_count; b++) {
            while (s->buckets[b].first != NULL) {
                struct page *page = s->buckets[b].first;
                s->buckets[b].first = page->next;
                mem_free(p->mem, page->image);
                mem_free(p->mem, page);
            }
        }
        mem_free(p->mem, s->buckets);
        mutex_free(s->mutex);
    }
}

static struct shard *shard_of(struct pages *p, uint32_t number)
{
    return &p->shards[number % SHARD_COUNT];
}

/* The link that points to the entry, or the null at the end of its bucket. */
static struct page **find_link(struct shard *s, uint32_t number)
{
    struct page **link = &s->buckets[(number / SHARD_COUNT) & (s->bucket_count - 1)].first;
    while (*link != NULL && (*link)->number != number)
        link = &(*link)->next;
    return link;
}

static enum status entry_add(struct pages *p, uint32_t number, struct page **out)
{
    struct page *page = mem_alloc_zero(p->mem, 1, sizeof *page);
    if (page == NULL) return ST_NO_MEMORY;
    page->number = number;
    struct shard *s = shard_of(p, number);
    mutex_lock(s->mutex);
    if (s->entry_count >= s->bucket_count) shard_grow(p, s);
    struct page **link = find_link(s, number);
    must(*link == NULL);
    *link = page;
    ring_push(&s->bare, page);
    s->entry_count++;
    mutex_unlock(s->mutex);
    atomic_fetch_add(&p->entry_count, 1);
    *out = page;
    return ST_OK;
}

/* Double the table; without memory the chains become longer instead. */
static void shard_grow(struct pages *p, struct shard *s)
{
    uint32_t old_count = s->bucket_count;
    struct bucket *old = s->buckets;
    struct bucket *grown = mem_alloc_zero(p->mem, 2 * (size_t)old_count, sizeof *grown);
    if (grown == NULL) return;
    s->buckets = grown;
    s->bucket_count = 2 * old_count;
    for (uint32_t b = 0; b < old_count; b++) {
        while (old[b].first != NULL) {
            struct page *page = old[b].first;
            old[b].first = page->next;
            struct page **link = find_link(s, page->number);
            must(*link == NULL);
            page->next = NULL;
            *link = page;
        }
    }
    mem_free(p->mem, old);
}

/* The page of the view from its image in memory, else from the bytes of the file that are in to.
 * ST_NOT_FOUND: there are none; ST_CORRUPT: they are damaged. */
static enum status look(
    struct pages *p, const struct window_view *view, uint32_t number, uint8_t *to, enum have have)
{
    struct shard *s = shard_of(p, number);
    mutex_lock(s->mutex);
    struct page *page = *find_link(s, number);
    bool is_dead = view->version < window_oldest(&p->window);
    bool has_image = page != NULL && page->image != NULL;
    if (!is_dead && has_image) memcpy(to, page->image, PAGE_BYTES);
    const bool has_bytes = have == HAVE_FILE || has_image;
    if (!is_dead && page != NULL && has_bytes) {
        page->is_recent = true;
        rewind_page(page, view->version, to);
    }
    mutex_unlock(s->mutex);
    if (is_dead) return ST_EXPIRED;
    if (has_bytes) return ST_OK;
    return have == HAVE_DAMAGE ? ST_CORRUPT : ST_NOT_FOUND;
}

static enum status read_file(struct pages *p, uint32_t number, uint8_t *to)
{
    size_t got = 0;
    /* SQLite may skip pages that were free all the time: behind the file they are zero. */
    bool is_in_file = number <= atomic_load(&p->file_pages);
    if (is_in_file) {
        uint64_t offset = (uint64_t)(number - 1) * PAGE_BYTES;
        TRY(p->os->file_read(p->os, atomic_load(&p->file), to, PAGE_BYTES, offset, &got));
        /* Somebody cut the file under us. */
        if (got < PAGE_BYTES && p->sums == NULL) return ST_IO;
    }
    memset(to + got, 0, PAGE_BYTES - got);
    return ST_OK;
}

/* Against the sums; behind the file there is nothing to check. */
static bool is_right(struct pages *p, uint32_t number, const uint8_t *page)
{
    if (p->sums == NULL || number > atomic_load(&p->file_pages)) return true;
    const struct sum found = sum_of_page(number, page);
    const struct sum expected = sums_get(p->sums, number);
    return memcmp(&found, &expected, sizeof found) == 0;
}

static enum status found_damage(struct pages *p, uint32_t number)
{
    uint32_t none = 0;
    (void)atomic_compare_exchange_strong(&p->damage, &none, number);
    return ST_CORRUPT;
}

/* A page that has no image, checked, by the execution thread. I4: nobody writes it but by
 * publishing, so what was read of it before is still true. */
static enum status read_old(struct pages *p, uint32_t number, uint8_t *to)
{
    const struct read_page *kept = p->reads == NULL ? NULL : &p->reads[number % READS_KEPT];
    if (kept != NULL && kept->number == number) {
        memcpy(to, kept->bytes, PAGE_BYTES);
        return ST_OK;
    }
    TRY(read_file(p, number, to));
    return is_right(p, number, to) ? ST_OK : found_damage(p, number);
}

static void forget_read(struct pages *p, uint32_t number)
{
    if (p->reads == NULL || p->reads[number % READS_KEPT].number != number) return;
    p->reads[number % READS_KEPT].number = 0;
}

/* Turn the newest image in to into that of version: from the nearest key at or above it. */
static void rewind_page(const struct page *page, uint64_t version, uint8_t *to)
{
    const struct diff *diff = page->diff;
    uint64_t at = page->version;
    const struct key *key = page->key;
    uint64_t block = page->key_block;
    while (key != NULL && block > version) { /* I3: a block at or below version may be gone. */
        diff = key->diff;
        at = block;
        if (key->diff->version <= version) break;
        block = key->before_block;
        key = key->before;
    }
    while (at > version) {
        must(diff != NULL);
        diff_apply(to, diff->runs, diff->size);
        at = diff->version;
        diff = diff->older;
    }
}

static enum status prepare_page(struct pages *p, struct staged *s)
{
    uint8_t from_file[PAGE_BYTES];
    const uint8_t *older = s->page->image;
    if (older == NULL) {
        TRY(read_old(p, s->page->number, from_file));
        older = from_file;
    }
    s->is_equal = memcmp(older, s->image, PAGE_BYTES) == 0;
    return s->is_equal ? ST_OK : prepare_diff(p, s, older);
}

static enum status prepare_diff(struct pages *p, struct staged *s, const uint8_t *older)
{
    const struct page *page = s->page;
    bool is_key = page->diffs_since_key + 1 >= KEY_EVERY;
    size_t start = p->scratch_size;
    struct diff *diff = scratch_add(p, sizeof *diff + DIFF_SIZE_MAX, &s->diff_at);
    if (diff == NULL) return ST_NO_MEMORY;
    size_t size =
        is_key ? diff_encode_whole(diff->runs, older) : diff_encode(diff->runs, older, s->image);
    must(size > 0);
    diff->older = page->diff;
    diff->version = page->version;
    diff->size = (uint16_t)size;
    p->scratch_size = start + ((offsetof(struct diff, runs) + size + 7) & ~(size_t)7);
    if (!is_key) return ST_OK;
    struct key *key = scratch_add(p, sizeof *key, &s->key_at);
    if (key == NULL) return ST_NO_MEMORY;
    *key = (struct key){.before = page->key, .before_block = page->key_block};
    return ST_OK;
}

/* Room at the end of the scratch, at a multiple of 8; null: no memory. */
static void *scratch_add(struct pages *p, size_t size, size_t *at)
{
    must(p->scratch_size % 8 == 0);
    size_t rounded = (size + 7) & ~(size_t)7;
    if (p->scratch_capacity - p->scratch_size < rounded) {
        size_t capacity = 2 * p->scratch_capacity + rounded;
        uint8_t *grown = mem_resize(p->mem, p->scratch, capacity);
        if (grown == NULL) return NULL;
        p->scratch = grown;
        p->scratch_capacity = capacity;
    }
    *at = p->scratch_size;
    p->scratch_size += rounded;
    return p->scratch + *at;
}

/* Move the scratch to the block's own allocation and point its keys to their differences. */
static void settle(struct pages *p)
{
    must(p->block_size == p->scratch_size);
    memcpy(p->block, p->scratch, p->scratch_size);
    for (uint32_t i = 0; i < p->staged_count; i++) {
        const struct staged *s = &p->staged[i];
        if (s->key_at == NO_PLACE) continue;
        struct key *key = (void *)(p->block + s->key_at);
        key->diff = (const void *)(p->block + s->diff_at);
    }
}

static void unprepare(struct pages *p)
{
    must(p->is_prepared || p->block == NULL);
    mem_free(p->mem, p->block);
    p->block = NULL;
    p->block_size = 0;
    p->is_prepared = false;
}

static void publish_page(struct pages *p, const struct staged *s, uint64_t version)
{
    struct page *page = s->page;
    page->staged = 0;
    if (s->is_equal) {
        mem_free(p->mem, s->image);
        return;
    }
    struct shard *shard = shard_of(p, page->number);
    uint8_t *old = page->image;
    forget_read(p, page->number);
    mutex_lock(shard->mutex);
    if (old == NULL) {
        ring_take(&shard->bare, page);
        ring_push(&shard->imaged, page);
    }
    page->image = s->image;
    page->diff = s->diff_at == NO_PLACE ? NULL : (const void *)(p->block + s->diff_at);
    if (s->key_at != NO_PLACE) {
        page->key = (const void *)(p->block + s->key_at);
        page->key_block = version;
        page->diffs_since_key = 0;
    } else {
        page->diffs_since_key++;
    }
    page->version = version;
    page->is_recent = true;
    bool was_clean = page->dirty_since == 0;
    if (was_clean) page->dirty_since = version;
    mutex_unlock(shard->mutex);
    if (was_clean) atomic_fetch_add(&p->dirty_count, 1);
    if (old == NULL) atomic_fetch_add(&p->image_count, 1);
    mem_free(p->mem, old);
}

/* A big block's working memory does not stay. */
static void stage_reset(struct pages *p)
{
    must(p->staged_count == 0);
    p->scratch_size = 0;
    if (p->scratch_capacity > SCRATCH_KEEP) {
        mem_free(p->mem, p->scratch);
        p->scratch = NULL;
        p->scratch_capacity = 0;
    }
}

static void retire(struct pages *p)
{
    struct window_retired retired;
    while (window_retire_one(&p->window, &retired)) {
        /* A reader of a killed view that passed the check before is gone after this. */
        for (uint32_t i = 0; retired.was_pinned && i < SHARD_COUNT; i++) {
            mutex_lock(p->shards[i].mutex);
            mutex_unlock(p->shards[i].mutex);
        }
        mem_free(p->mem, retired.block);
    }
}

static uint64_t images_above(const struct pages *p)
{
    const uint64_t images = atomic_load(&p->image_count);
    const uint64_t most = p->image_max + atomic_load(&p->dirty_count);
    return images > most ? images - most : 0;
}

/* Drop clean images that were not used lately while there are too many, and entries without use.
 * Looking costs what the block cost, not what the store holds: each page that was published brings
 * at most one image, and the looks that find the place of one (a second chance in a ring). */
static void sweep(struct pages *p, uint64_t published)
{
    uint64_t above = images_above(p);
    uint64_t looks = SWEEP_LEAST + SWEEP_EACH * published + above / SWEEP_EXCESS;
    for (uint64_t i = 0; above > 0 && i < looks; above = images_above(p)) {
        i += 1 + sweep_images(p, &p->shards[p->sweep_imaged]);
        p->sweep_imaged = (p->sweep_imaged + 1) % SHARD_COUNT;
    }
    looks = SWEEP_LEAST + SWEEP_EACH * published;
    for (uint64_t i = 0; i < looks;) {
        if (atomic_load(&p->entry_count) <= atomic_load(&p->image_count)) return;
        i += 1 + sweep_bare(p, &p->shards[p->sweep_bare]);
        p->sweep_bare = (p->sweep_bare + 1) % SHARD_COUNT;
    }
}

/* Looks at a few entries; returns at how many. */
static uint32_t sweep_images(struct pages *p, struct shard *s)
{
    const uint64_t oldest = window_oldest(&p->window);
    uint32_t looks = 0;
    mutex_lock(s->mutex);
    for (; looks < SWEEP_BATCH && s->imaged.first != NULL; looks++) {
        struct page *page = s->imaged.first;
        const bool stays = page->dirty_since != 0 || page->is_recent;
        must(page->staged == 0);
        ring_take(&s->imaged, page);
        page->is_recent = false;
        if (stays) {
            ring_push(&s->imaged, page);
            continue;
        }
        mem_free(p->mem, page->image);
        page->image = NULL;
        atomic_fetch_sub(&p->image_count, 1);
        ring_push(&s->bare, page);
        if (page->version <= oldest) entry_free(p, s, page);
    }
    mutex_unlock(s->mutex);
    return looks;
}

static uint32_t sweep_bare(struct pages *p, struct shard *s)
{
    const uint64_t oldest = window_oldest(&p->window);
    uint32_t looks = 0;
    mutex_lock(s->mutex);
    for (; looks < SWEEP_BATCH && s->bare.first != NULL; looks++) {
        struct page *page = s->bare.first;
        must(page->staged == 0);
        if (page->version <= oldest) {
            entry_free(p, s, page);
        } else {
            ring_take(&s->bare, page);
            ring_push(&s->bare, page);
        }
    }
    mutex_unlock(s->mutex);
    return looks;
}

/* An entry that has no image, and no difference that anybody follows. With the lock. */
static void entry_free(struct pages *p, struct shard *s, struct page *page)
{
    struct page **link = find_link(s, page->number);
    must(*link == page);
    must(page->image == NULL);
    *link = page->next;
    ring_take(&s->bare, page);
    s->entry_count--;
    atomic_fetch_sub(&p->entry_count, 1);
    mem_free(p->mem, page);
}

static void ring_push(struct ring *r, struct page *page)
{
    page->before = r->last;
    page->behind = NULL;
    if (r->last == NULL)
        r->first = page;
    else
        r->last->behind = page;
    r->last = page;
}

static void ring_take(struct ring *r, struct page *page)
{
    if (page->before == NULL)
        r->first = page->behind;
    else
        page->before->behind = page->behind;
    if (page->behind == NULL)
        r->last = page->before;
    else
        page->behind->before = page->before;
    page->before = NULL;
    page->behind = NULL;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x;
    uint32_t y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}
