/* index.c - The sorted txids of one sealed segment.
 *
 * Pages of 4,096 bytes. Page 0:              Page 1…n: up to 102 entries
 *    0  8 magic                                 0 40 entry: txid 32, block 4, index 4
 *    8  8 segment number                       … … entries ascending by txid, rest zero
 *   16  8 first height                       4080  4 entries in this page
 *   24 32 digest of the segment              4084  4 page number
 *   56  4 entries in all                     4088  4 salt: the checksum of page 0
 *   60 … zero                                4092  4 CRC-32C of 0…4091
 * 4092  4 CRC-32C of 0…4091
 *
 * block counts from the segment's first height. All pages but the last are full. */
#include "store/index.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/endian.h"
#include "base/must.h"
#include "store/segment.h"

#define PAGE_SIZE   4096u
#define ENTRY_SIZE  40u
#define ENTRIES_MAX 102u
#define CHUNK_PAGES 16u
#define TAIL_OFFSET ((size_t)ENTRIES_MAX * ENTRY_SIZE)

static const uint8_t magic_bytes[8] = {'T', 'S', 'Q', 'L', 'I', 'D', 'X', '1'};

_Static_assert(ENTRY_SIZE == HASH_SIZE + 4 + 4, "entry");
_Static_assert(ENTRIES_MAX *ENTRY_SIZE + 16 == PAGE_SIZE, "page");

struct index_file {
    const struct env *env;
    struct os_file *file;
    char name[OS_NAME_MAX + 1];
    uint32_t count;
    uint32_t page_count; /* Without page 0. */
    uint32_t salt;
    uint64_t first_height;
    uint8_t page[PAGE_SIZE];
    uint32_t entries; /* In page. */
};

static enum status open_index(struct index_file *f,
                              const struct env *env,
                              const struct index_id *id,
                              struct damage *damage);
static enum status check_first(struct index_file *f,
                               const struct index_id *id,
                               struct damage *damage);
static enum status read_page(struct index_file *f, uint32_t number, struct damage *damage);
static enum status write_pages(const struct env *env,
                               struct os_file *file,
                               const struct index_id *id,
                               const struct txmap *txids);
static enum status scan_pages(const struct env *env,
                              const struct index_id *id,
                              const struct txmap *txids,
                              struct damage *damage);
static uint32_t close_page(const struct env *env, uint8_t *page);
static enum status find_in_page(const struct index_file *f,
                                const struct hash *txid,
                                uint64_t *height,
                                uint32_t *index);

void index_name(char out[OS_NAME_MAX + 1], uint64_t number)
{
    must(number > 0);
    int size = snprintf(out, OS_NAME_MAX + 1, "blocks/%08" PRIu64 ".idx", number);
    must(size > 0);
}

enum status index_write(const struct env *env,
                        const struct index_id *id,
                        const struct txmap *txids,
                        const char *temporary)
{
    char name[OS_NAME_MAX + 1];
    struct os_file *file = NULL;
    must(txids->first_height == id->first_height);
    index_name(name, id->number);
    TRY(env_remove(env, temporary));
    TRY(env_open(env, &file, temporary, OS_WRITE | OS_CREATE | OS_EXCLUSIVE));
    enum status st = write_pages(env, file, id, txids);
    if (st == ST_OK) st = env->os->file_sync(env->os, file);
    env->os->file_close(env->os, file);
    TRY(st);
    TRY(env_rename(env, temporary, name));
    return env_sync_dir(env, "blocks");
}

enum status index_rebuild(const struct env *env, const struct index_id *id, const char *temporary)
{
    struct txmap txids;
    must(!env->is_read_only); /* S9. */
    txmap_init(&txids, env->mem, 0);
    enum status st = index_collect(env, id, &txids);
    if (st == ST_OK) st = index_write(env, id, &txids, temporary);
    txmap_fini(&txids);
    return st;
}

enum status index_collect(const struct env *env, const struct index_id *id, struct txmap *out)
{
    struct segment_reader r;
    must(out->count == 0);
    must(out->block_count == 0);
    enum status st = segment_reader_open(&r, env, &segment_blocks, id->number, NULL);
    if (st != ST_OK) return st == ST_NOT_FOUND || st == ST_TRUNCATED ? ST_CORRUPT : st;
    while (st == ST_OK && !r.is_sealed) {
        st = segment_reader_next(&r, NULL);
        if (st != ST_OK || r.record.kind != RECORD_BLOCK) continue;
        st = txmap_reserve(out, r.record.count);
        if (st == ST_OK) txmap_add(out, r.height, segment_reader_txids(&r));
    }
    if (st == ST_NOT_FOUND || st == ST_TRUNCATED) st = ST_CORRUPT;
    if (st == ST_OK && !hash_equal(&r.digest, &id->digest)) st = ST_CORRUPT;
    segment_reader_close(&r);
    return st;
}

enum status index_check(const struct env *env, const struct index_id *id, struct damage *damage)
{
    struct index_file f;
    TRY(open_index(&f, env, id, damage));
    env->os->file_close(env->os, f.file);
    return ST_OK;
}

enum status index_identify(const struct env *env, uint64_t number, struct index_id *out)
{
    struct index_file f = {.env = env};
    uint64_t size = 0;
    index_name(f.name, number);
    TRY(env_open(env, &f.file, f.name, OS_READ));
    enum status st = env->os->file_size(env->os, f.file, &size);
    if (st == ST_OK && size < PAGE_SIZE) st = ST_CORRUPT;
    if (st == ST_OK) st = env_read(env, f.file, f.page, PAGE_SIZE, 0);
    env->os->file_close(env->os, f.file);
    TRY(st);
    uint32_t crc = crc32c_add(&env->crc, 0, span_of(f.page, PAGE_SIZE - 4));
    if (crc != get_u32_le(f.page + PAGE_SIZE - 4) || memcmp(f.page, magic_bytes, 8) != 0 ||
        get_u64_le(f.page + 8) != number)
        return ST_CORRUPT;
    *out = (struct index_id){.number = number, .first_height = get_u64_le(f.page + 16)};
    memcpy(out->digest.bytes, f.page + 24, HASH_SIZE);
    return ST_OK;
}

enum status index_scan(const struct env *env, const struct index_id *id, struct damage *damage)
{
    return scan_pages(env, id, NULL, damage);
}

enum status index_compare(const struct env *env,
                          const struct index_id *id,
                          const struct txmap *txids,
                          struct damage *damage)
{
    must(txids->block_count == 0 || txids->first_height == id->first_height);
    return scan_pages(env, id, txids, damage);
}

/* Does the segment have this txid there? txids null: nobody knows. */
static bool is_true_entry(const struct index_file *f,
                          const struct txmap *txids,
                          const uint8_t *entry)
{
    struct hash txid;
    uint64_t height = 0;
    uint32_t index = 0;
    if (txids == NULL) return true;
    memcpy(txid.bytes, entry, HASH_SIZE);
    return txmap_find(txids, &txid, &height, &index) &&
           height == f->first_height + get_u32_le(entry + 32) && index == get_u32_le(entry + 36);
}

static enum status scan_pages(const struct env *env,
                              const struct index_id *id,
                              const struct txmap *txids,
                              struct damage *damage)
{
    struct index_file f;
    enum status st = open_index(&f, env, id, damage);
    if (st == ST_NOT_FOUND) damage_set(damage, f.name, 0, 0, "the index is missing");
    TRY(st);
    struct hash before = {{0}};
    if (txids != NULL && txids->count != f.count)
        st = damaged(damage, f.name, 56, 0, "the index has not the entries of its segment");
    for (uint32_t p = 1; p <= f.page_count && st == ST_OK; p++) {
        st = read_page(&f, p, damage);
        for (uint32_t i = 0; i < f.entries && st == ST_OK; i++) {
            const uint8_t *entry = f.page + (size_t)i * ENTRY_SIZE;
            uint64_t at = (uint64_t)p * PAGE_SIZE + (uint64_t)i * ENTRY_SIZE;
            if ((p > 1 || i > 0) && memcmp(before.bytes, entry, HASH_SIZE) > 0)
                st = damaged(damage, f.name, at, 0, "the entries of the index are not in order");
            else if (!is_true_entry(&f, txids, entry))
                st = damaged(damage, f.name, at, 0, "the index names what is not in its segment");
            memcpy(before.bytes, entry, HASH_SIZE);
        }
    }
    env->os->file_close(env->os, f.file);
    return st;
}

enum status index_find(const struct env *env,
                       const struct index_id *id,
                       const struct hash *txid,
                       uint64_t *height,
                       uint32_t *index)
{
    struct index_file f;
    enum status st = open_index(&f, env, id, NULL);
    if (st == ST_NOT_FOUND) return ST_CORRUPT;
    TRY(st);
    uint32_t low = 1; /* The last page whose first txid is not above. */
    uint32_t high = f.page_count + 1;
    while (st == ST_OK && high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        st = read_page(&f, middle, NULL);
        if (st != ST_OK) break;
        if (memcmp(f.page, txid->bytes, HASH_SIZE) <= 0)
            low = middle;
        else
            high = middle;
    }
    must(low <= f.page_count || f.page_count == 0);
    if (st == ST_OK && f.page_count > 0) st = read_page(&f, low, NULL);
    env->os->file_close(env->os, f.file);
    TRY(st);
    return find_in_page(&f, txid, height, index);
}

static enum status find_in_page(const struct index_file *f,
                                const struct hash *txid,
                                uint64_t *height,
                                uint32_t *index)
{
    must(f->entries <= ENTRIES_MAX);
    for (uint32_t i = 0; i < f->entries; i++) {
        const uint8_t *entry = f->page + (size_t)i * ENTRY_SIZE;
        if (memcmp(entry, txid->bytes, HASH_SIZE) != 0) continue;
        *height = f->first_height + get_u32_le(entry + 32);
        *index = get_u32_le(entry + 36);
        return ST_OK;
    }
    return ST_NOT_FOUND;
}

static enum status open_index(struct index_file *f,
                              const struct env *env,
                              const struct index_id *id,
                              struct damage *damage)
{
    f->env = env;
    f->file = NULL;
    f->entries = 0;
    index_name(f->name, id->number);
    TRY(env_open(env, &f->file, f->name, OS_READ));
    enum status st = check_first(f, id, damage);
    if (st != ST_OK) env->os->file_close(env->os, f->file);
    return st;
}

static enum status check_first(struct index_file *f,
                               const struct index_id *id,
                               struct damage *damage)
{
    uint64_t size = 0;
    TRY(f->env->os->file_size(f->env->os, f->file, &size));
    if (size < PAGE_SIZE) return damaged(damage, f->name, size, 0, "the index ends too early");
    TRY(env_read(f->env, f->file, f->page, PAGE_SIZE, 0));
    f->salt = get_u32_le(f->page + PAGE_SIZE - 4);
    if (f->salt != crc32c_add(&f->env->crc, 0, span_of(f->page, PAGE_SIZE - 4)))
        return damaged(damage, f->name, 0, 0, "the first page of the index has a wrong checksum");
    f->count = get_u32_le(f->page + 56);
    f->page_count = f->count / ENTRIES_MAX + (f->count % ENTRIES_MAX > 0 ? 1 : 0);
    f->first_height = get_u64_le(f->page + 16);
    if (memcmp(f->page, magic_bytes, 8) != 0 || get_u64_le(f->page + 8) != id->number ||
        f->first_height != id->first_height ||
        memcmp(f->page + 24, id->digest.bytes, HASH_SIZE) != 0)
        return damaged(damage, f->name, 0, 0, "the index is not of this segment");
    if (size != ((uint64_t)f->page_count + 1) * PAGE_SIZE)
        return damaged(damage, f->name, size, 0, "the index has a wrong size");
    return ST_OK;
}

static enum status read_page(struct index_file *f, uint32_t number, struct damage *damage)
{
    must(number > 0);
    must(number <= f->page_count);
    uint64_t offset = (uint64_t)number * PAGE_SIZE;
    enum status st = env_read(f->env, f->file, f->page, PAGE_SIZE, offset);
    if (st != ST_OK && st != ST_TRUNCATED) return st;
    uint32_t full = number < f->page_count ? ENTRIES_MAX : f->count - (number - 1) * ENTRIES_MAX;
    const uint8_t *tail = f->page + TAIL_OFFSET;
    if (st == ST_TRUNCATED || get_u32_le(tail) != full || get_u32_le(tail + 4) != number ||
        get_u32_le(tail + 8) != f->salt ||
        get_u32_le(tail + 12) != crc32c_add(&f->env->crc, 0, span_of(f->page, PAGE_SIZE - 4))) {
        f->entries = 0;
        return damaged(damage, f->name, offset, 0, "a page of the index has a wrong checksum");
    }
    must(full > 0);
    must(full <= ENTRIES_MAX);
    f->entries = full;
    return ST_OK;
}

static uint32_t close_page(const struct env *env, uint8_t *page)
{
    uint32_t crc = crc32c_add(&env->crc, 0, span_of(page, PAGE_SIZE - 4));
    put_u32_le(page + PAGE_SIZE - 4, crc);
    return crc;
}

static void fill_page(uint8_t *page,
                      const struct txmap *txids,
                      const uint32_t *order,
                      uint32_t entries)
{
    must(entries > 0);
    must(entries <= ENTRIES_MAX);
    for (uint32_t i = 0; i < entries; i++) {
        uint8_t *entry = page + (size_t)i * ENTRY_SIZE;
        uint32_t block = 0;
        uint32_t index = 0;
        txmap_locate(txids, order[i], &block, &index);
        memcpy(entry, txids->txids[order[i]].bytes, HASH_SIZE);
        put_u32_le(entry + 32, block);
        put_u32_le(entry + 36, index);
    }
    put_u32_le(page + TAIL_OFFSET, entries);
}

static enum status write_entries(const struct env *env,
                                 struct os_file *file,
                                 const struct txmap *txids,
                                 const uint32_t *order,
                                 uint32_t salt)
{
    uint8_t *pages = mem_alloc(env->mem, (size_t)CHUNK_PAGES * PAGE_SIZE);
    if (pages == NULL) return ST_NO_MEMORY;
    enum status st = ST_OK;
    uint32_t number = 1;
    must(txids->count > 0);
    for (uint32_t done = 0; done < txids->count && st == ST_OK;) {
        uint32_t first = number;
        memset(pages, 0, (size_t)CHUNK_PAGES * PAGE_SIZE);
        for (; number - first < CHUNK_PAGES && done < txids->count; number++) {
            uint8_t *page = pages + (size_t)(number - first) * PAGE_SIZE;
            uint32_t left = txids->count - done;
            uint32_t entries = left < ENTRIES_MAX ? left : ENTRIES_MAX;
            fill_page(page, txids, order + done, entries);
            put_u32_le(page + PAGE_SIZE - 12, number);
            put_u32_le(page + PAGE_SIZE - 8, salt);
            (void)close_page(env, page);
            done += entries;
            must(done <= txids->count);
        }
        struct span bytes = span_of(pages, (size_t)(number - first) * PAGE_SIZE);
        st = env->os->file_write(env->os, file, bytes, (uint64_t)first * PAGE_SIZE);
    }
    mem_free(env->mem, pages);
    return st;
}

static enum status write_pages(const struct env *env,
                               struct os_file *file,
                               const struct index_id *id,
                               const struct txmap *txids)
{
    uint8_t page[PAGE_SIZE] = {0};
    memcpy(page, magic_bytes, 8);
    put_u64_le(page + 8, id->number);
    put_u64_le(page + 16, id->first_height);
    memcpy(page + 24, id->digest.bytes, HASH_SIZE);
    put_u32_le(page + 56, txids->count);
    must(txids->count <= TXMAP_COUNT_MAX);
    uint32_t salt = close_page(env, page);
    TRY(env->os->file_write(env->os, file, span_of(page, PAGE_SIZE), 0));
    if (txids->count == 0) return ST_OK;
    uint32_t *order = mem_alloc_zero(env->mem, (size_t)txids->count * 2, sizeof *order);
    if (order == NULL) return ST_NO_MEMORY;
    txmap_sort(txids, order, order + txids->count);
    enum status st = write_entries(env, file, txids, order, salt);
    mem_free(env->mem, order);
    return st;
}
