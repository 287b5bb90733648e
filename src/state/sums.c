/* sums.c - Two slots of page hashes beside the state file: see sums.h. */
#include "state/sums.h"

#include "base/endian.h"
#include "base/must.h"
#include "crypto/hash.h"
#include "os/thread.h"

#define CHUNK_SUMS   (PAGE_BYTES / SUM_BYTES) /* On disk they lie in pieces of a page. */
#define HEAD_BYTES   64u
#define HEAD_DIGEST  56u
#define MARK_OFFSET  (2ull * PAGE_BYTES)
#define MARK_BYTES   16u
#define DATA_OFFSET  (3ull * PAGE_BYTES)
#define SLOT_COUNT   2u
#define DIGEST_BYTES 8u

struct staged {
    uint32_t number;
    struct sum sum;
};

/* Pages 256 i + 1 … 256 i + 256. */
struct chunk {
    struct sum sums[CHUNK_SUMS];
    bool is_stale[SLOT_COUNT]; /* On disk that slot has other bytes, or may have. */
};

struct head {
    uint64_t version; /* 0: the slot holds nothing. */
    uint32_t page_count;
    struct hash digest;
};

struct sums {
    struct os *os;
    struct mem *mem;
    struct os_file *file;
    struct mutex *mutex; /* Of chunks and what is in them; the checkpoint's thread alone writes. */
    struct chunk **chunks;
    uint32_t chunk_count;
    uint32_t current; /* Slot of the file's version (S1). */
    struct head current_head;
    struct head written; /* Of the other slot, by the checkpoint under way. */
    struct staged *staged;
    uint32_t staged_count;
    uint32_t staged_capacity;
};

static const uint8_t magic[8] = {'T', 'S', 'Q', 'L', 'S', 'U', 'M', 'S'};

static void short_digest(uint8_t out[DIGEST_BYTES], const char *tag, struct span bytes);
static enum status read_head(struct sums *s, uint32_t slot, struct head *out);
static enum status read_mark(struct sums *s, uint64_t *version);
static enum status read_slot(struct sums *s, uint32_t slot, const struct head *head);
static enum status grow(struct sums *s, uint32_t page_count);
static void begin_digest(struct hasher *h, uint64_t version, uint32_t page_count);
static uint64_t chunk_offset(uint32_t slot, uint32_t index);
static enum status write_chunks(struct sums *s, uint32_t slot, uint32_t count, struct hasher *h);
static enum status write_head(struct sums *s, uint32_t slot, const struct head *head);
static void write_mark(struct sums *s);
static enum status is_whole(struct sums *s, bool *is_whole);
static enum status reopen(struct sums *s, const char *path);

struct sum sum_of_page(uint32_t number, const uint8_t *page)
{
    static const uint8_t zeros[PAGE_BYTES] = {0};
    struct sum sum = {{0}};
    struct hasher h;
    if (page[0] == 0 && memcmp(page, zeros, PAGE_BYTES) == 0) return sum;
    hash_init(&h, "page");
    hash_add_u64(&h, number);
    hash_add(&h, span_of(page, PAGE_BYTES));
    const struct hash full = hash_final(&h);
    memcpy(sum.bytes, full.bytes, SUM_BYTES);
    return sum;
}

enum status sums_open(struct sums **out, struct os *os, struct mem *mem, const char *path)
{
    struct sums *s = mem_alloc_zero(mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->os = os;
    s->mem = mem;
    enum status st = mutex_new(&s->mutex, mem);
    if (st == ST_OK) st = os->file_open(os, &s->file, path, OS_WRITE);
    if (st == ST_NOT_FOUND) st = os->file_open(os, &s->file, path, OS_WRITE | OS_CREATE);
    if (st != ST_OK) {
        sums_free(s);
        return st;
    }
    *out = s;
    return ST_OK;
}

void sums_free(struct sums *s)
{
    if (s == NULL) return;
    for (uint32_t i = 0; i < s->chunk_count; i++)
        mem_free(s->mem, s->chunks[i]);
    mem_free(s->mem, s->chunks);
    mem_free(s->mem, s->staged);
    mutex_free(s->mutex);
    s->os->file_close(s->os, s->file);
    mem_free(s->mem, s);
}

/* The first page of a database changes with every commit: it tells which slot is of this file. */
enum status sums_load(struct sums *s,
                      uint64_t *version,
                      uint32_t page_count,
                      const uint8_t *first_page)
{
    const struct sum first = sum_of_page(1, first_page);
    struct head heads[SLOT_COUNT];
    uint64_t ended = 0;
    must(page_count > 0);
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++)
        TRY(read_head(s, slot, &heads[slot]));
    TRY(read_mark(s, &ended));
    const uint32_t newer = heads[1].version > heads[0].version ? 1 : 0;
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        const uint32_t slot = i == 0 ? newer : 1 - newer;
        if (heads[slot].version == 0 || heads[slot].page_count != page_count) continue;
        enum status st = read_slot(s, slot, &heads[slot]);
        if (st == ST_CORRUPT) continue;
        TRY(st);
        const struct sum found = s->chunks[0]->sums[0];
        if (memcmp(&found, &first, sizeof first) != 0) continue;
        if (ended > heads[slot].version) return ST_EXPIRED;
        s->current = slot;
        s->current_head = heads[slot];
        for (uint32_t k = 0; k < s->chunk_count; k++)
            s->chunks[k]->is_stale[slot] = false;
        *version = heads[slot].version;
        return ST_OK;
    }
    return ST_CORRUPT;
}

struct sum sums_get(struct sums *s, uint32_t number)
{
    struct sum sum = {{0}};
    must(number >= 1);
    const uint32_t at = number - 1;
    mutex_lock(s->mutex);
    if (at / CHUNK_SUMS < s->chunk_count) sum = s->chunks[at / CHUNK_SUMS]->sums[at % CHUNK_SUMS];
    mutex_unlock(s->mutex);
    return sum;
}

enum status sums_stage(struct sums *s, uint32_t number, struct sum sum)
{
    must(number >= 1);
    if (s->staged_count == s->staged_capacity) {
        const uint32_t capacity = 2 * s->staged_capacity + 256;
        struct staged *grown = mem_resize(s->mem, s->staged, capacity * sizeof *grown);
        if (grown == NULL) return ST_NO_MEMORY;
        s->staged = grown;
        s->staged_capacity = capacity;
    }
    s->staged[s->staged_count++] = (struct staged){.number = number, .sum = sum};
    return ST_OK;
}

/* What a chunk on disk will be: as in memory, with what is staged. */
enum status sums_write(struct sums *s, uint64_t version, uint32_t page_count, struct os_file **file)
{
    const uint32_t slot = 1 - s->current; /* S1 */
    struct hasher h;
    must(version > 0);
    TRY(grow(s, page_count));
    for (uint32_t i = 0; i < s->staged_count; i++) {
        must(s->staged[i].number <= page_count);
        struct chunk *chunk = s->chunks[(s->staged[i].number - 1) / CHUNK_SUMS];
        for (uint32_t k = 0; k < SLOT_COUNT; k++)
            chunk->is_stale[k] = true;
    }
    struct head head = {.version = version, .page_count = page_count};
    begin_digest(&h, version, page_count);
    TRY(write_chunks(s, slot, (page_count + CHUNK_SUMS - 1) / CHUNK_SUMS, &h));
    head.digest = hash_final(&h);
    TRY(write_head(s, slot, &head));
    s->written = head;
    *file = s->file;
    return ST_OK;
}

void sums_adopt(struct sums *s)
{
    must(s->written.version > 0);
    s->current = 1 - s->current;
    s->current_head = s->written;
    mutex_lock(s->mutex);
    for (uint32_t i = 0; i < s->staged_count; i++) {
        const uint32_t at = s->staged[i].number - 1;
        s->chunks[at / CHUNK_SUMS]->sums[at % CHUNK_SUMS] = s->staged[i].sum;
    }
    mutex_unlock(s->mutex);
    for (uint32_t i = 0; i < s->chunk_count; i++)
        s->chunks[i]->is_stale[s->current] = false;
    write_mark(s);
    sums_drop(s);
}

void sums_drop(struct sums *s)
{
    s->written.version = 0;
    s->staged_count = 0;
}

enum status sums_mend(struct sums *s, const char *path, bool *is_mended)
{
    bool is_at = false;
    bool is_right = false;
    *is_mended = false;
    must(s->written.version == 0);
    TRY(s->os->file_is_at(s->os, s->file, path, &is_at));
    if (!is_at) TRY(reopen(s, path));
    if (s->current_head.version == 0) return ST_OK; /* The database is empty. */
    TRY(is_whole(s, &is_right));
    if (is_right) return ST_OK;
    *is_mended = true;
    for (uint32_t i = 0; i < s->chunk_count; i++)
        s->chunks[i]->is_stale[0] = s->chunks[i]->is_stale[1] = true;
    struct hasher h;
    const struct head *head = &s->current_head;
    begin_digest(&h, head->version, head->page_count);
    const uint32_t count = (head->page_count + CHUNK_SUMS - 1) / CHUNK_SUMS;
    TRY(write_chunks(s, s->current, count, &h));
    const struct hash digest = hash_final(&h);
    must(hash_equal(&digest, &head->digest)); /* S2 */
    TRY(write_head(s, s->current, head));
    write_mark(s);
    return s->os->file_sync(s->os, s->file);
}

static void short_digest(uint8_t out[DIGEST_BYTES], const char *tag, struct span bytes)
{
    const struct hash full = hash_of(tag, bytes);
    memcpy(out, full.bytes, DIGEST_BYTES);
}

/* Version 0: there is none, or it is torn. */
static enum status read_head(struct sums *s, uint32_t slot, struct head *out)
{
    uint8_t bytes[HEAD_BYTES];
    uint8_t digest[DIGEST_BYTES];
    size_t got = 0;
    *out = (struct head){.version = 0};
    const uint64_t offset = (uint64_t)slot * PAGE_BYTES;
    TRY(s->os->file_read(s->os, s->file, bytes, sizeof bytes, offset, &got));
    if (got < sizeof bytes || memcmp(bytes, magic, sizeof magic) != 0) return ST_OK;
    short_digest(digest, "sumshead", span_of(bytes, HEAD_DIGEST));
    if (memcmp(digest, bytes + HEAD_DIGEST, DIGEST_BYTES) != 0) return ST_OK;
    out->version = get_u64_le(bytes + 8);
    out->page_count = get_u32_le(bytes + 16);
    memcpy(out->digest.bytes, bytes + 24, HASH_SIZE);
    return ST_OK;
}

static enum status read_mark(struct sums *s, uint64_t *version)
{
    uint8_t bytes[MARK_BYTES];
    uint8_t digest[DIGEST_BYTES];
    size_t got = 0;
    TRY(s->os->file_read(s->os, s->file, bytes, sizeof bytes, MARK_OFFSET, &got));
    if (got < sizeof bytes) return ST_OK;
    short_digest(digest, "sumsmark", span_of(bytes, 8));
    if (memcmp(digest, bytes + 8, DIGEST_BYTES) == 0) *version = get_u64_le(bytes);
    return ST_OK;
}

/* Only helps to tell an older copy: nothing depends on its being there. */
static void write_mark(struct sums *s)
{
    uint8_t mark[MARK_BYTES];
    put_u64_le(mark, s->current_head.version);
    short_digest(mark + 8, "sumsmark", span_of(mark, 8));
    (void)s->os->file_write(s->os, s->file, span_of(mark, sizeof mark), MARK_OFFSET);
}

/* The slot of this version on disk, against memory. */
static enum status is_whole(struct sums *s, bool *is_whole)
{
    struct head head;
    uint8_t bytes[PAGE_BYTES];
    *is_whole = false;
    TRY(read_head(s, s->current, &head));
    const struct head *own = &s->current_head;
    if (head.version != own->version || head.page_count != own->page_count ||
        !hash_equal(&head.digest, &own->digest))
        return ST_OK;
    const uint32_t count = (own->page_count + CHUNK_SUMS - 1) / CHUNK_SUMS;
    for (uint32_t i = 0; i < count; i++) {
        size_t got = 0;
        const uint64_t offset = chunk_offset(s->current, i);
        TRY(s->os->file_read(s->os, s->file, bytes, sizeof bytes, offset, &got));
        if (got < sizeof bytes || memcmp(bytes, s->chunks[i]->sums, sizeof bytes) != 0)
            return ST_OK;
    }
    *is_whole = true;
    return ST_OK;
}

/* What is at path now, or a new file. */
static enum status reopen(struct sums *s, const char *path)
{
    struct os_file *file = NULL;
    enum status st = s->os->file_open(s->os, &file, path, OS_WRITE);
    if (st == ST_NOT_FOUND) st = s->os->file_open(s->os, &file, path, OS_WRITE | OS_CREATE);
    TRY(st);
    s->os->file_close(s->os, s->file);
    s->file = file;
    return ST_OK;
}

/* Into memory. ST_CORRUPT: they are not what the head says. */
static enum status read_slot(struct sums *s, uint32_t slot, const struct head *head)
{
    struct hasher h;
    TRY(grow(s, head->page_count));
    begin_digest(&h, head->version, head->page_count);
    const uint32_t count = (head->page_count + CHUNK_SUMS - 1) / CHUNK_SUMS;
    for (uint32_t i = 0; i < count; i++) {
        size_t got = 0;
        struct chunk *chunk = s->chunks[i];
        TRY(s->os->file_read(s->os, s->file, chunk->sums, PAGE_BYTES, chunk_offset(slot, i), &got));
        if (got < PAGE_BYTES) return ST_CORRUPT;
        hash_add(&h, span_of(chunk->sums, PAGE_BYTES));
    }
    const struct hash digest = hash_final(&h);
    return hash_equal(&digest, &head->digest) ? ST_OK : ST_CORRUPT;
}

/* New chunks are zero: their pages are until they are staged. */
static enum status grow(struct sums *s, uint32_t page_count)
{
    const uint32_t count = (page_count + CHUNK_SUMS - 1) / CHUNK_SUMS;
    if (count <= s->chunk_count) return ST_OK;
    struct chunk **grown = mem_alloc_zero(s->mem, count, sizeof(struct chunk *));
    if (grown == NULL) return ST_NO_MEMORY;
    for (uint32_t i = s->chunk_count; i < count; i++) {
        grown[i] = mem_alloc_zero(s->mem, 1, sizeof **grown);
        if (grown[i] == NULL) {
            for (uint32_t k = s->chunk_count; k < i; k++)
                mem_free(s->mem, grown[k]);
            mem_free(s->mem, grown);
            return ST_NO_MEMORY;
        }
        grown[i]->is_stale[0] = grown[i]->is_stale[1] = true;
    }
    mutex_lock(s->mutex);
    struct chunk **old = s->chunks;
    if (old != NULL) memcpy(grown, old, s->chunk_count * sizeof(struct chunk *));
    s->chunks = grown;
    s->chunk_count = count;
    mutex_unlock(s->mutex);
    mem_free(s->mem, old);
    return ST_OK;
}

static void begin_digest(struct hasher *h, uint64_t version, uint32_t page_count)
{
    hash_init(h, "sums");
    hash_add_u64(h, version);
    hash_add_u64(h, page_count);
}

static uint64_t chunk_offset(uint32_t slot, uint32_t index)
{
    return DATA_OFFSET + ((uint64_t)index * SLOT_COUNT + slot) * PAGE_BYTES;
}

/* Those that differ from what the slot has; all of them count in the digest. */
static enum status write_chunks(struct sums *s, uint32_t slot, uint32_t count, struct hasher *h)
{
    struct sum sums[CHUNK_SUMS];
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct chunk *chunk = s->chunks[i];
        memcpy(sums, chunk->sums, sizeof sums);
        /* Sorted: the pages of a checkpoint are. */
        for (; next < s->staged_count && (s->staged[next].number - 1) / CHUNK_SUMS == i; next++)
            sums[(s->staged[next].number - 1) % CHUNK_SUMS] = s->staged[next].sum;
        const struct span bytes = span_of(sums, sizeof sums);
        hash_add(h, bytes);
        if (!chunk->is_stale[slot]) continue;
        TRY(s->os->file_write(s->os, s->file, bytes, chunk_offset(slot, i)));
    }
    must(next == s->staged_count);
    return ST_OK;
}

static enum status write_head(struct sums *s, uint32_t slot, const struct head *head)
{
    uint8_t bytes[HEAD_BYTES] = {0};
    memcpy(bytes, magic, sizeof magic);
    put_u64_le(bytes + 8, head->version);
    put_u32_le(bytes + 16, head->page_count);
    memcpy(bytes + 24, head->digest.bytes, HASH_SIZE);
    short_digest(bytes + HEAD_DIGEST, "sumshead", span_of(bytes, HEAD_DIGEST));
    return s->os->file_write(s->os, s->file, span_of(bytes, sizeof bytes),
                             (uint64_t)slot * PAGE_BYTES);
}
