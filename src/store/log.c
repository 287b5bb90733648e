/* log.c - Segment files in a row: appending and reading.
 *
 * A file is created by the first append that needs it, so a log without blocks has no files. Before
 * a new file is made, the old one is sealed and synced: whoever sees file n + 1 knows that file n
 * is whole (S3). An append is one write; readers learn of it after the write. */
#include "store/log.h"

#include "base/endian.h"
#include "base/must.h"

#define GROWTH_MIN        256u
#define BUFFER_RETAIN_MAX (8u << 20)

struct spot { /* What a reader needs to find a record, copied under the lock. */
    uint64_t number;
    uint64_t offset; /* Of the record; of the seal when is_sealed. */
    uint32_t index;  /* Of the block in its segment. */
    uint32_t salt;
    bool is_sealed;
};

static enum status create_file(struct log *l, uint64_t first_height);
static bool find_spot(const struct log *l, uint64_t height, struct spot *out);
static enum status read_head(const struct log *l,
                             struct os_file *file,
                             uint64_t height,
                             struct place *place,
                             struct record *record);
static enum status read_payload(const struct log *l,
                                struct os_file *file,
                                const struct place *at,
                                const struct record *record,
                                struct buf *out);

enum status log_init(struct log *l,
                     const struct env *env,
                     const struct segment_kind *kind,
                     uint64_t segment_size)
{
    must(segment_size > 0);
    must(segment_size <= SEGMENT_SIZE_MAX);
    *l = (struct log){.env = env, .kind = kind, .segment_size = segment_size};
    buf_init(&l->buffer, env->mem, 0);
    return mutex_new(&l->lock, env->mem);
}

void log_fini(struct log *l)
{
    if (l->env == NULL) return;
    l->env->os->file_close(l->env->os, l->file);
    mutex_free(l->lock);
    mem_free(l->env->mem, l->sealed);
    mem_free(l->env->mem, l->offsets);
    buf_fini(&l->buffer);
    *l = (struct log){0};
}

uint64_t log_height(const struct log *l)
{
    mutex_lock(l->lock);
    uint64_t height = l->height;
    mutex_unlock(l->lock);
    return height;
}

bool log_is_full(const struct log *l)
{
    must(l->file != NULL || l->count == 0);
    return l->file != NULL && l->count > 0 && l->size >= l->segment_size;
}

/* Written at once: head, offsets, head. Then synced and closed. */
enum status log_seal(struct log *l)
{
    const struct env *env = l->env;
    must(l->count > 0);
    must(l->height == l->first_height + l->count - 1); /* S1. */
    size_t size = (size_t)RECORD_HEAD_SIZE * 2 + (size_t)l->count * 4;
    buf_reset(&l->buffer);
    uint8_t *to = buf_extend(&l->buffer, size);
    TRY(buf_status(&l->buffer));
    for (uint32_t i = 0; i < l->count; i++)
        put_u32_le(to + RECORD_HEAD_SIZE + (size_t)i * 4, l->offsets[i]);
    struct span offsets = span_of(to + RECORD_HEAD_SIZE, (size_t)l->count * 4);
    struct record seal = {.kind = RECORD_SEAL,
                          .count = l->count,
                          .height = l->height,
                          .payload_crc = crc32c_add(&env->crc, 0, offsets),
                          .hash = l->digest};
    record_encode(to, env, l->salt, &seal);
    memcpy(to + size - RECORD_HEAD_SIZE, to, RECORD_HEAD_SIZE);
    TRY(env->os->file_write(env->os, l->file, buf_span(&l->buffer), l->size));
    l->is_dirty = true;
    TRY(log_sync(l)); /* S3. */

    mutex_lock(l->lock);
    must(l->sealed_count < l->sealed_capacity); /* Reserved when the file was created. */
    l->sealed[l->sealed_count++] = (struct log_sealed){.first_height = l->first_height,
                                                       .last_height = l->height,
                                                       .seal_offset = l->size,
                                                       .salt = l->salt,
                                                       .digest = l->digest};
    l->count = 0;
    mutex_unlock(l->lock);
    env->os->file_close(env->os, l->file);
    l->file = NULL;
    return ST_OK;
}

enum status log_reserve(struct log *l, const struct log_record *r)
{
    size_t size = RECORD_HEAD_SIZE + (size_t)r->count * HASH_SIZE + r->body.size;
    buf_reset(&l->buffer);
    if (l->buffer.capacity > BUFFER_RETAIN_MAX) buf_fini(&l->buffer);
    (void)buf_extend(&l->buffer, size);
    TRY(buf_status(&l->buffer));
    if (l->count < l->capacity) return ST_OK;
    uint32_t capacity = l->capacity < GROWTH_MIN ? GROWTH_MIN : l->capacity * 2;
    must(capacity <= SEGMENT_RECORDS_MAX * 2);
    mutex_lock(l->lock);
    uint32_t *offsets = mem_resize(l->env->mem, l->offsets, capacity * sizeof *offsets);
    if (offsets != NULL) {
        l->offsets = offsets;
        l->capacity = capacity;
    }
    mutex_unlock(l->lock);
    return offsets == NULL ? ST_NO_MEMORY : ST_OK;
}

enum status log_append(struct log *l, const struct log_record *r)
{
    const struct env *env = l->env;
    must(l->height == 0 || r->height == l->height + 1); /* S1. */
    must(!log_is_full(l));
    if (l->file == NULL) TRY(create_file(l, r->height));
    must(l->count < l->capacity);
    uint8_t *to = l->buffer.data;
    size_t txids = (size_t)r->count * HASH_SIZE;
    must(l->buffer.size == RECORD_HEAD_SIZE + txids + r->body.size);
    if (txids > 0) memcpy(to + RECORD_HEAD_SIZE, r->txids, txids);
    if (r->body.size > 0) memcpy(to + RECORD_HEAD_SIZE + txids, r->body.data, r->body.size);
    struct span payload = span_of(to + RECORD_HEAD_SIZE, txids + r->body.size);
    struct record record = {.kind = RECORD_BLOCK,
                            .count = r->count,
                            .height = r->height,
                            .size = (uint32_t)r->body.size,
                            .payload_crc = crc32c_add(&env->crc, 0, payload),
                            .hash = *r->hash};
    record_encode(to, env, l->salt, &record);
    l->is_dirty = true;
    TRY(env->os->file_write(env->os, l->file, buf_span(&l->buffer), l->size));

    must(l->size <= UINT32_MAX);
    l->last = (struct place){.number = (uint64_t)l->sealed_count + 1,
                             .offset = l->size,
                             .length = (uint32_t)l->buffer.size,
                             .height = r->height,
                             .hash = *r->hash};
    l->digest = segment_digest_next(&l->digest, to);
    mutex_lock(l->lock);
    l->offsets[l->count++] = (uint32_t)l->size;
    l->height = r->height;
    mutex_unlock(l->lock);
    l->size += l->buffer.size;
    must(l->count > 0);
    must(l->height == l->first_height + l->count - 1); /* S1. */
    return ST_OK;
}

enum status log_sync(struct log *l)
{
    const struct env *env = l->env;
    must(l->file != NULL || !l->is_dirty);
    if (l->is_dirty) TRY(env->os->file_sync(env->os, l->file));
    if (l->is_dir_dirty) TRY(env_sync_dir(env, l->kind->dir));
    must(!env->is_read_only); /* S9. */
    l->is_dirty = false;
    l->is_dir_dirty = false;
    return ST_OK;
}

/* Sealed files are durable already (S3), whichever is current a moment later. */
enum status log_sync_beside(const struct log *l)
{
    const struct env *env = l->env;
    must(!env->is_read_only); /* S9. */
    mutex_lock(l->lock);
    uint64_t number = l->count > 0 ? (uint64_t)l->sealed_count + 1 : 0;
    mutex_unlock(l->lock);
    if (number == 0) return ST_OK;
    char name[OS_NAME_MAX + 1];
    segment_name(name, l->kind, number);
    struct os_file *file = NULL;
    TRY(env_open(env, &file, name, OS_WRITE));
    enum status st = env->os->file_sync(env->os, file);
    env->os->file_close(env->os, file);
    TRY(st);
    return env_sync_dir(env, l->kind->dir);
}

enum status log_read(const struct log *l, uint64_t height, struct buf *out, struct damage *damage)
{
    struct place place = {0};
    TRY(log_place(l, height, &place, damage));
    char name[OS_NAME_MAX + 1];
    segment_name(name, l->kind, place.number);
    struct os_file *file = NULL;
    TRY(env_open(l->env, &file, name, OS_READ));
    struct record record;
    size_t before = out->size;
    enum status st = read_head(l, file, height, &place, &record);
    if (st == ST_OK) st = read_payload(l, file, &place, &record, out);
    l->env->os->file_close(l->env->os, file);
    if (st == ST_OK) return ST_OK;
    out->size = before;
    if (st != ST_CORRUPT && st != ST_TRUNCATED) return st;
    return damaged(damage, name, place.offset, height, "the record has a wrong checksum");
}

enum status log_place(const struct log *l,
                      uint64_t height,
                      struct place *out,
                      struct damage *damage)
{
    struct spot spot;
    if (!find_spot(l, height, &spot)) return ST_NOT_FOUND;
    char name[OS_NAME_MAX + 1];
    segment_name(name, l->kind, spot.number);
    struct os_file *file = NULL;
    enum status st = env_open(l->env, &file, name, OS_READ);
    if (st == ST_NOT_FOUND) return damaged(damage, name, 0, height, "the file is missing");
    if (st != ST_OK) return st;
    struct place place = {.number = spot.number, .offset = spot.offset, .height = height};
    if (spot.is_sealed) {
        uint8_t entry[4];
        uint64_t at = spot.offset + RECORD_HEAD_SIZE + (uint64_t)spot.index * 4;
        st = env_read(l->env, file, entry, sizeof entry, at);
        place.offset = get_u32_le(entry);
    }
    struct record record;
    if (st == ST_OK) st = read_head(l, file, height, &place, &record);
    l->env->os->file_close(l->env->os, file);
    if (st == ST_CORRUPT || st == ST_TRUNCATED)
        return damaged(damage, name, place.offset, height, "the head of a record is damaged");
    TRY(st);
    must(place.length >= RECORD_HEAD_SIZE);
    *out = place;
    return ST_OK;
}

/* The header is checked by its reader; here it is made. Not synced yet: is_dir_dirty. */
static enum status create_file(struct log *l, uint64_t first_height)
{
    const struct env *env = l->env;
    must(l->file == NULL);
    must(!env->is_read_only); /* S9. */
    if (l->sealed_count == l->sealed_capacity) {
        uint32_t capacity = l->sealed_capacity < GROWTH_MIN ? GROWTH_MIN : l->sealed_capacity * 2;
        mutex_lock(l->lock);
        struct log_sealed *sealed = mem_resize(env->mem, l->sealed, capacity * sizeof *sealed);
        if (sealed != NULL) {
            l->sealed = sealed;
            l->sealed_capacity = capacity;
        }
        mutex_unlock(l->lock);
        if (sealed == NULL) return ST_NO_MEMORY;
    }
    struct segment_header header = {.number = (uint64_t)l->sealed_count + 1,
                                    .first_height = first_height,
                                    .chain_id = env->chain_id};
    if (l->sealed_count > 0) header.previous = l->sealed[l->sealed_count - 1].digest; /* S2. */
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    uint32_t salt = segment_header_encode(bytes, env, l->kind, &header);
    char name[OS_NAME_MAX + 1];
    segment_name(name, l->kind, header.number);
    TRY(env_open(env, &l->file, name, OS_WRITE | OS_CREATE | OS_EXCLUSIVE));
    l->is_dir_dirty = true;
    l->is_dirty = true;
    TRY(env->os->file_write(env->os, l->file, span_of(bytes, sizeof bytes), 0));
    l->salt = salt;
    l->digest = segment_digest_start(bytes);
    l->size = sizeof bytes;
    must(l->sealed_count < l->sealed_capacity);
    mutex_lock(l->lock);
    l->first_height = first_height;
    l->count = 0;
    mutex_unlock(l->lock);
    return ST_OK;
}

static bool find_spot(const struct log *l, uint64_t height, struct spot *out)
{
    bool is_found = false;
    mutex_lock(l->lock);
    if (l->count > 0 && height >= l->first_height && height - l->first_height < l->count) {
        uint32_t index = (uint32_t)(height - l->first_height);
        *out = (struct spot){.number = (uint64_t)l->sealed_count + 1,
                             .offset = l->offsets[index],
                             .index = index,
                             .salt = l->salt};
        is_found = true;
    }
    uint32_t low = 0;
    uint32_t high = l->sealed_count;
    while (!is_found && low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct log_sealed *s = &l->sealed[middle];
        if (height > s->last_height) {
            low = middle + 1;
        } else if (height < s->first_height) {
            high = middle;
        } else {
            *out = (struct spot){.number = (uint64_t)middle + 1,
                                 .offset = s->seal_offset,
                                 .index = (uint32_t)(height - s->first_height),
                                 .salt = s->salt,
                                 .is_sealed = true};
            is_found = true;
        }
    }
    mutex_unlock(l->lock);
    return is_found;
}

/* Verifies the head at place->offset against height and completes *place. */
static enum status read_head(const struct log *l,
                             struct os_file *file,
                             uint64_t height,
                             struct place *place,
                             struct record *record)
{
    uint8_t head[RECORD_HEAD_SIZE];
    struct spot spot;
    must(place->height == height);
    must(place->number > 0);
    if (!find_spot(l, height, &spot)) return ST_NOT_FOUND; /* Cut meanwhile. */
    TRY(env_read(l->env, file, head, sizeof head, place->offset));
    if (!record_decode(record, l->env, spot.salt, head)) return ST_CORRUPT;
    if (record->kind != RECORD_BLOCK || record->height != height) return ST_CORRUPT;
    place->length = RECORD_HEAD_SIZE + (uint32_t)record_payload_size(record);
    place->hash = record->hash;
    return ST_OK;
}

static enum status read_payload(const struct log *l,
                                struct os_file *file,
                                const struct place *at,
                                const struct record *record,
                                struct buf *out)
{
    size_t size = (size_t)record_payload_size(record);
    size_t txids = (size_t)record->count * HASH_SIZE;
    size_t before = out->size;
    must(size + RECORD_HEAD_SIZE == at->length);
    if (size == 0)
        return crc32c_add(&l->env->crc, 0, span_of(NULL, 0)) == record->payload_crc ? ST_OK
                                                                                    : ST_CORRUPT;
    uint64_t file_size = 0;
    TRY(l->env->os->file_size(l->env->os, file, &file_size));
    if (file_size < at->offset + at->length) return ST_TRUNCATED;
    uint8_t *room = buf_extend(out, size);
    TRY(buf_status(out));
    TRY(env_read(l->env, file, room, size, at->offset + RECORD_HEAD_SIZE));
    if (crc32c_add(&l->env->crc, 0, span_of(room, size)) != record->payload_crc) return ST_CORRUPT;
    memmove(room, room + txids, record->size);
    must(out->size == before + size);
    out->size -= txids;
    return ST_OK;
}
