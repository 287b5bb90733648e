/* pending.c - Bodies that were voted for and are not final yet: writing, finding, reading.
 *
 * Header, 60 bytes                   Record: a head as in a segment (segment.c), without txids, and
 *    0  8 magic                      the body. Heads start their checksum from the header's, so a
 *    8  8 number                     record of another file never passes.
 *   16  8 bytes of the file before
 *   24 32 chain id
 *   56  4 CRC-32C of 0…55 (the salt)
 *
 * A new file is made when the one before is whole and synced, and its header says how long that is:
 * a cut between two records is found, too. */
#include "store/pending.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/endian.h"
#include "base/must.h"

#define GROWTH_MIN        64u
#define BUFFER_RETAIN_MAX (8u << 20)

static const uint8_t magic_bytes[8] = {'T', 'S', 'Q', 'L', 'P', 'N', 'D', '1'};

_Static_assert(PENDING_HEADER_SIZE == 8 + 8 + 8 + HASH_SIZE + 4, "header");
_Static_assert(PENDING_FILE_MAX < UINT32_MAX, "offsets");

static enum status create_file(struct pending *p);
static bool find(const struct pending *p, const struct hash *hash, struct pending_entry *out);
static void insert(struct pending *p, uint32_t ordinal);
static uint32_t slot_of(const struct pending *p, const struct hash *hash);
static bool find_salt(const struct pending *p, uint64_t number, uint32_t *salt);
static enum status read_record(const struct pending *p,
                               struct os_file *file,
                               const struct pending_entry *entry,
                               struct buf *out);

enum status pending_init(struct pending *p, const struct env *env, uint32_t file_size)
{
    *p = (struct pending){.env = env, .file_size = file_size == 0 ? PENDING_FILE_SIZE : file_size};
    must(p->file_size <= SEGMENT_SIZE_MAX);
    env->os->entropy(env->os, &p->seed, sizeof p->seed);
    buf_init(&p->buffer, env->mem, 0);
    return mutex_new(&p->lock, env->mem);
}

void pending_fini(struct pending *p)
{
    if (p->env == NULL) return;
    struct mem *mem = p->env->mem;
    p->env->os->file_close(p->env->os, p->file);
    mutex_free(p->lock);
    mem_free(mem, p->files);
    mem_free(mem, p->entries);
    mem_free(mem, p->slots);
    mem_free(mem, p->damages);
    buf_fini(&p->buffer);
    *p = (struct pending){0};
}

enum status pending_reserve(struct pending *p, const struct store_block *block)
{
    must(block->bytes.size <= RECORD_BODY_MAX);
    buf_reset(&p->buffer);
    if (p->buffer.capacity > BUFFER_RETAIN_MAX) buf_fini(&p->buffer);
    (void)buf_extend(&p->buffer, RECORD_HEAD_SIZE + block->bytes.size);
    TRY(buf_status(&p->buffer));
    TRY(pending_reserve_file(p));
    return pending_reserve_entry(p);
}

enum status pending_hold(struct pending *p, const struct store_block *block)
{
    const struct env *env = p->env;
    must(!env->is_read_only);                                                /* S9. */
    must(p->buffer.size == RECORD_HEAD_SIZE + block->bytes.size);            /* Reserved. */
    if (p->file != NULL && p->files[p->file_count - 1].size >= p->file_size) /* S10. */
        TRY(pending_start_file(p));
    if (p->file == NULL) TRY(create_file(p));
    struct pending_file *f = &p->files[p->file_count - 1];
    uint8_t *to = p->buffer.data;
    if (block->bytes.size > 0) memcpy(to + RECORD_HEAD_SIZE, block->bytes.data, block->bytes.size);
    struct record record = {.kind = RECORD_BLOCK,
                            .height = block->height,
                            .size = (uint32_t)block->bytes.size,
                            .payload_crc = crc32c_add(&env->crc, 0, block->bytes),
                            .hash = block->hash};
    record_encode(to, env, f->salt, &record);
    p->is_dirty = true;
    TRY(env->os->file_write(env->os, p->file, buf_span(&p->buffer), f->size));
    struct pending_entry entry = {.hash = block->hash,
                                  .number = f->number,
                                  .height = block->height,
                                  .offset = (uint32_t)f->size,
                                  .size = record.size};
    mutex_lock(p->lock);
    pending_add(p, &entry);
    f->size += p->buffer.size;
    mutex_unlock(p->lock);
    p->bytes += p->buffer.size;
    must(f->size <= PENDING_FILE_MAX);
    return ST_OK;
}

enum status pending_sync(struct pending *p)
{
    const struct env *env = p->env;
    must(p->file != NULL || !p->is_dirty);
    must(!env->is_read_only); /* S9. */
    if (p->is_dirty) TRY(env->os->file_sync(env->os, p->file));
    if (p->is_dir_dirty) TRY(env_sync_dir(env, PENDING_DIR));
    p->is_dirty = false;
    p->is_dir_dirty = false;
    return ST_OK;
}

bool pending_find(const struct pending *p, const struct hash *hash, uint64_t *height)
{
    struct pending_entry entry;
    if (!find(p, hash, &entry)) return false;
    *height = entry.height;
    return true;
}

bool pending_entry_at(const struct pending *p, uint32_t index, struct pending_entry *out)
{
    mutex_lock(p->lock);
    bool is_there = index < p->entry_count;
    if (is_there) *out = p->entries[index];
    mutex_unlock(p->lock);
    return is_there;
}

/* This one is whole and durable before (S10). */
enum status pending_start_file(struct pending *p)
{
    TRY(pending_sync(p));
    must(!p->is_dirty);
    p->env->os->file_close(p->env->os, p->file);
    p->file = NULL;
    return ST_OK;
}

struct pending_range pending_range(const struct pending *p, uint64_t height)
{
    struct pending_range r = {.first = p->last + 1, .last = p->last};
    must(p->file_count == 0 || p->files[p->file_count - 1].number == p->last);
    for (uint32_t i = p->file_count; i > 0; i--)
        if (height == 0 || p->files[i - 1].height_max > height) r.first = p->files[i - 1].number;
    if (r.first <= r.last) r.size = p->files[p->file_count - 1].size;
    return r;
}

enum status pending_drop(struct pending *p, const struct pending_range *range)
{
    const struct env *env = p->env;
    uint32_t count = 0;
    uint32_t entries = 0;
    must(!env->is_read_only); /* S9. */
    while (count < p->file_count && p->files[count].number < range->first)
        p->bytes -= p->files[count++].size;
    if (count == 0) return ST_OK;
    uint64_t number = p->files[0].number;
    if (count == p->file_count) {
        env->os->file_close(env->os, p->file);
        p->file = NULL;
        p->is_dirty = false;
    }
    mutex_lock(p->lock);
    while (entries < p->entry_count && p->entries[entries].number < range->first)
        entries++;
    p->file_count -= count;
    p->entry_count -= entries;
    memmove(p->files, p->files + count, p->file_count * sizeof *p->files);
    if (entries > 0) memmove(p->entries, p->entries + entries, p->entry_count * sizeof *p->entries);
    if (p->slot_count > 0) memset(p->slots, 0, p->slot_count * sizeof *p->slots);
    for (uint32_t i = 0; i < p->entry_count; i++)
        insert(p, i);
    mutex_unlock(p->lock);
    /* Not synced: a start removes what comes back. */
    for (; count > 0; count--, number++) {
        char name[OS_NAME_MAX + 1];
        pending_name(name, number);
        TRY(env_remove(env, name));
    }
    return ST_OK;
}

enum status pending_read(const struct pending *p,
                         const struct hash *hash,
                         struct buf *out,
                         struct damage *damage)
{
    struct pending_entry entry;
    if (!find(p, hash, &entry)) return ST_NOT_FOUND;
    return pending_read_entry(p, &entry, out, damage);
}

enum status pending_read_entry(const struct pending *p,
                               const struct pending_entry *entry,
                               struct buf *out,
                               struct damage *damage)
{
    const struct env *env = p->env;
    char name[OS_NAME_MAX + 1];
    uint32_t salt = 0;
    struct os_file *file = NULL;
    size_t before = out->size;
    pending_name(name, entry->number);
    enum status st = env_open(env, &file, name, OS_READ);
    if (st == ST_OK) st = read_record(p, file, entry, out);
    env->os->file_close(env->os, file);
    if (st == ST_OK) return ST_OK;
    out->size = before;
    if (!find_salt(p, entry->number, &salt)) return ST_NOT_FOUND; /* Dropped meanwhile. */
    if (st == ST_NOT_FOUND) return damaged(damage, name, 0, entry->height, "the file is missing");
    if (st != ST_CORRUPT && st != ST_TRUNCATED) return st;
    return damaged(damage, name, entry->offset, entry->height, "the held block is damaged");
}

void pending_name(char out[OS_NAME_MAX + 1], uint64_t number)
{
    must(number > 0);
    int size = snprintf(out, OS_NAME_MAX + 1, PENDING_DIR "/%08" PRIu64 ".blk", number);
    must(size > 0);
    must((uint32_t)size <= OS_NAME_MAX);
}

uint32_t pending_header_encode(uint8_t out[PENDING_HEADER_SIZE],
                               const struct env *env,
                               uint64_t number,
                               uint64_t size_before)
{
    must(number > 0);
    memcpy(out, magic_bytes, 8);
    put_u64_le(out + 8, number);
    put_u64_le(out + 16, size_before);
    memcpy(out + 24, env->chain_id.bytes, HASH_SIZE);
    uint32_t salt = crc32c_add(&env->crc, 0, span_of(out, 56));
    put_u32_le(out + 56, salt);
    return salt;
}

enum status pending_reserve_file(struct pending *p)
{
    if (p->file_count < p->file_capacity) return ST_OK;
    uint32_t capacity = p->file_capacity == 0 ? GROWTH_MIN : p->file_capacity * 2;
    mutex_lock(p->lock);
    struct pending_file *files = mem_resize(p->env->mem, p->files, capacity * sizeof *files);
    if (files != NULL) {
        p->files = files;
        p->file_capacity = capacity;
    }
    mutex_unlock(p->lock);
    must(files == NULL || p->file_count < p->file_capacity);
    return files == NULL ? ST_NO_MEMORY : ST_OK;
}

/* The table is at least as long as twice the entries there is room for. */
enum status pending_reserve_entry(struct pending *p)
{
    struct mem *mem = p->env->mem;
    if (p->entry_count < p->entry_capacity) return ST_OK;
    uint32_t capacity = p->entry_capacity == 0 ? GROWTH_MIN : p->entry_capacity * 2;
    uint32_t *slots = mem_alloc_zero(mem, (size_t)capacity * 2, sizeof *slots);
    if (slots == NULL) return ST_NO_MEMORY;
    mutex_lock(p->lock);
    struct pending_entry *entries = mem_resize(mem, p->entries, capacity * sizeof *entries);
    if (entries != NULL) {
        mem_free(mem, p->slots);
        p->slots = slots;
        p->slot_count = capacity * 2;
        p->entries = entries;
        p->entry_capacity = capacity;
        for (uint32_t i = 0; i < p->entry_count; i++)
            insert(p, i);
    }
    mutex_unlock(p->lock);
    if (entries != NULL) return ST_OK;
    mem_free(mem, slots);
    return ST_NO_MEMORY;
}

/* The caller holds the lock, or is alone. */
void pending_add(struct pending *p, const struct pending_entry *entry)
{
    must(p->entry_count < p->entry_capacity);
    must(p->file_count > 0);
    struct pending_file *f = &p->files[p->file_count - 1];
    must(entry->number == f->number);
    if (entry->height > f->height_max) f->height_max = entry->height;
    p->entries[p->entry_count] = *entry;
    insert(p, p->entry_count++);
}

static enum status create_file(struct pending *p)
{
    const struct env *env = p->env;
    uint8_t bytes[PENDING_HEADER_SIZE];
    char name[OS_NAME_MAX + 1];
    must(p->file == NULL);
    TRY(pending_reserve_file(p));
    uint64_t before = p->file_count > 0 ? p->files[p->file_count - 1].size : 0;
    struct pending_file f = {.number = p->last + 1, .size = sizeof bytes};
    f.salt = pending_header_encode(bytes, env, f.number, before);
    pending_name(name, f.number);
    TRY(env_open(env, &p->file, name, OS_WRITE | OS_CREATE | OS_EXCLUSIVE));
    p->is_dir_dirty = true;
    p->is_dirty = true;
    p->last = f.number;
    TRY(env->os->file_write(env->os, p->file, span_of(bytes, sizeof bytes), 0));
    mutex_lock(p->lock);
    p->files[p->file_count++] = f;
    mutex_unlock(p->lock);
    p->bytes += f.size;
    return ST_OK;
}

/* Of several with one hash, which pending_hold allows, any. */
static bool find(const struct pending *p, const struct hash *hash, struct pending_entry *out)
{
    bool is_found = false;
    mutex_lock(p->lock);
    uint32_t at = p->slot_count > 0 ? slot_of(p, hash) : 0;
    while (p->slot_count > 0 && p->slots[at] != 0 && !is_found) {
        const struct pending_entry *e = &p->entries[p->slots[at] - 1];
        is_found = hash_equal(&e->hash, hash);
        if (is_found) *out = *e;
        at = (at + 1) & (p->slot_count - 1);
    }
    mutex_unlock(p->lock);
    return is_found;
}

static void insert(struct pending *p, uint32_t ordinal)
{
    must(p->slot_count >= 2 * p->entry_count);
    must(ordinal < p->entry_capacity);
    uint32_t at = slot_of(p, &p->entries[ordinal].hash);
    while (p->slots[at] != 0)
        at = (at + 1) & (p->slot_count - 1);
    p->slots[at] = ordinal + 1;
}

/* Depends on a secret, so nobody can choose blocks that collide. */
static uint32_t slot_of(const struct pending *p, const struct hash *hash)
{
    uint64_t mixed = (get_u64_le(hash->bytes) ^ p->seed) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 29) ^ get_u64_le(hash->bytes + 8)) * (p->seed | 1);
    return (uint32_t)(mixed >> 32) & (p->slot_count - 1);
}

static bool find_salt(const struct pending *p, uint64_t number, uint32_t *salt)
{
    bool is_found = false;
    mutex_lock(p->lock);
    for (uint32_t i = 0; i < p->file_count && !is_found; i++) {
        is_found = p->files[i].number == number;
        if (is_found) *salt = p->files[i].salt;
    }
    mutex_unlock(p->lock);
    return is_found;
}

static enum status read_record(const struct pending *p,
                               struct os_file *file,
                               const struct pending_entry *entry,
                               struct buf *out)
{
    uint8_t head[RECORD_HEAD_SIZE];
    uint32_t salt = 0;
    struct record r;
    if (!find_salt(p, entry->number, &salt)) return ST_NOT_FOUND;
    TRY(env_read(p->env, file, head, sizeof head, entry->offset));
    if (!record_decode(&r, p->env, salt, head)) return ST_CORRUPT;
    if (r.height != entry->height || r.size != entry->size || !hash_equal(&r.hash, &entry->hash))
        return ST_CORRUPT;
    uint8_t *room = NULL;
    if (r.size > 0) {
        room = buf_extend(out, r.size);
        TRY(buf_status(out));
        TRY(env_read(p->env, file, room, r.size, (uint64_t)entry->offset + RECORD_HEAD_SIZE));
    }
    uint32_t crc = crc32c_add(&p->env->crc, 0, span_of(room, r.size));
    return crc == r.payload_crc ? ST_OK : ST_CORRUPT;
}
