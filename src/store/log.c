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
    bool is_lost;
};

static enum status create_file(struct log *l, uint64_t first_height);
static bool find_spot(const struct log *l, uint64_t height, struct spot *out);
static enum status open_spot(const struct log *l,
                             const struct log_source *source,
                             struct spot *spot,
                             struct sfile *file,
                             struct damage *damage);
static void close_spot(const struct log_source *source, struct sfile *file);
static enum status read_head(const struct log *l,
                             struct sfile *file,
                             const struct spot *spot,
                             struct place *place,
                             struct record *record);
static enum status read_payload(
    const struct log *l, struct sfile *file, const struct record *record, uint64_t at, uint8_t *to);
static enum status seal(struct log *l);
static enum status append(struct log *l, const struct log_record *r);
static enum status sync_current(struct log *l);

enum status log_init(struct log *l,
                     const struct env *env,
                     const struct segment_kind *kind,
                     uint64_t segment_size)
{
    must(segment_size > 0);
    must(segment_size <= SEGMENT_SIZE_MAX);
    *l = (struct log){.env = env, .kind = kind, .segment_size = segment_size};
    buf_init(&l->buffer, env->mem, 0);
    TRY(gaps_new(&l->gaps, env->mem));
    TRY(mutex_new(&l->writing, env->mem));
    return mutex_new(&l->lock, env->mem);
}

void log_fini(struct log *l)
{
    if (l->env == NULL) return;
    l->env->os->file_close(l->env->os, l->file);
    mutex_free(l->lock);
    mutex_free(l->writing);
    gaps_free(l->gaps);
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

enum status log_seal(struct log *l)
{
    mutex_lock(l->writing);
    enum status st = seal(l);
    mutex_unlock(l->writing);
    return st;
}

/* Written at once: head, offsets, head. Then synced and closed. */
static enum status seal(struct log *l)
{
    const struct env *env = l->env;
    must(l->count > 0);
    must(l->height == l->first_height + l->count - 1); /* S1. */
    buf_reset(&l->buffer);
    struct record record = {.count = l->count, .height = l->height, .hash = l->digest};
    segment_seal_encode(&l->buffer, env, l->salt, &record, l->offsets);
    TRY(buf_status(&l->buffer));
    TRY(env->os->file_write(env->os, l->file, buf_span(&l->buffer), l->size));
    l->is_dirty = true;
    TRY(sync_current(l)); /* S3. */

    mutex_lock(l->lock);
    must(l->sealed_count < l->sealed_capacity); /* Reserved when the file was created. */
    l->sealed[l->sealed_count++] = (struct log_sealed){.first_height = l->first_height,
                                                       .last_height = l->height,
                                                       .seal_offset = l->size,
                                                       .salt = l->salt,
                                                       .digest = l->digest,
                                                       .previous = l->previous};
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
    mutex_lock(l->writing);
    enum status st = append(l, r);
    mutex_unlock(l->writing);
    return st;
}

static enum status append(struct log *l, const struct log_record *r)
{
    const struct env *env = l->env;
    must(!l->is_broken);
    must(l->height == 0 || r->height == l->height + 1); /* S1. */
    must(!log_is_full(l));
    if (l->file == NULL) TRY(create_file(l, r->height));
    must(l->count < l->capacity);
    buf_reset(&l->buffer);
    log_record_encode(&l->buffer, env, l->salt, r);
    must(buf_status(&l->buffer) == ST_OK); /* Reserved. */
    l->is_dirty = true;
    TRY(env->os->file_write(env->os, l->file, buf_span(&l->buffer), l->size));

    must(l->size <= UINT32_MAX);
    l->last = (struct place){.number = (uint64_t)l->sealed_count + 1,
                             .offset = l->size,
                             .length = (uint32_t)l->buffer.size,
                             .height = r->height,
                             .hash = *r->hash};
    struct hash digest = segment_digest_next(&l->digest, l->buffer.data);
    mutex_lock(l->lock);
    l->digest = digest;
    l->offsets[l->count++] = (uint32_t)l->size;
    l->height = r->height;
    mutex_unlock(l->lock);
    l->size += l->buffer.size;
    must(l->count > 0);
    must(l->height == l->first_height + l->count - 1); /* S1. */
    return ST_OK;
}

void log_record_encode(struct buf *out,
                       const struct env *env,
                       uint32_t salt,
                       const struct log_record *r)
{
    size_t txids = (size_t)r->count * HASH_SIZE;
    uint8_t *to = buf_extend(out, RECORD_HEAD_SIZE + txids + r->body.size);
    if (buf_status(out) != ST_OK) return;
    if (txids > 0) memcpy(to + RECORD_HEAD_SIZE, r->txids, txids);
    if (r->body.size > 0) memcpy(to + RECORD_HEAD_SIZE + txids, r->body.data, r->body.size);
    struct span payload = span_of(to + RECORD_HEAD_SIZE, txids + r->body.size);
    struct record record = {.kind = RECORD_BLOCK,
                            .count = r->count,
                            .height = r->height,
                            .size = (uint32_t)r->body.size,
                            .payload_crc = crc32c_add(&env->crc, 0, payload),
                            .hash = *r->hash};
    record_encode(to, env, salt, &record);
}

enum status log_sync(struct log *l)
{
    mutex_lock(l->writing);
    enum status st = sync_current(l);
    mutex_unlock(l->writing);
    return st;
}

static enum status sync_current(struct log *l)
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
    struct log_source source = {.height = height};
    struct record record = {.kind = RECORD_BLOCK};
    size_t before = out->size;
    TRY(log_read_record(l, &source, out, &record, damage));
    size_t around = RECORD_HEAD_SIZE + (size_t)record.count * HASH_SIZE;
    uint8_t *bytes = out->data + before;
    must(out->size == before + around + record.size);
    memmove(bytes, bytes + around, record.size);
    out->size -= around;
    return ST_OK;
}

enum status log_read_record(const struct log *l,
                            const struct log_source *source,
                            struct buf *out,
                            struct record *record,
                            struct damage *damage)
{
    struct spot spot = {.number = 0};
    struct sfile file;
    struct damage found;
    if (damage == NULL) damage = &found;
    TRY(open_spot(l, source, &spot, &file, damage));
    struct place place = {.number = spot.number, .offset = spot.offset, .height = source->height};
    size_t before = out->size;
    enum status st = read_head(l, &file, &spot, &place, record);
    if (st == ST_OK && place.length > file.size - place.offset) st = ST_TRUNCATED;
    if (st == ST_OK) {
        uint8_t *room = buf_extend(out, place.length);
        st = buf_status(out);
        if (st == ST_OK) record_encode(room, l->env, spot.salt, record);
        if (st == ST_OK) st = read_payload(l, &file, record, place.offset, room + RECORD_HEAD_SIZE);
    }
    close_spot(source, &file);
    if (st == ST_OK) return ST_OK;
    out->size = before;
    if (st != ST_CORRUPT && st != ST_TRUNCATED) return st;
    damage_set(damage, file.name, place.offset, source->height, "the record has a wrong checksum");
    if (!source->is_own) log_note(l, source->height, source->height, damage);
    return ST_CORRUPT;
}

enum status log_place(const struct log *l,
                      uint64_t height,
                      struct place *out,
                      struct damage *damage)
{
    struct log_source source = {.height = height};
    struct spot spot = {.number = 0};
    struct sfile file;
    struct damage found;
    if (damage == NULL) damage = &found;
    TRY(open_spot(l, &source, &spot, &file, damage));
    struct place place = {.number = spot.number, .offset = spot.offset, .height = height};
    struct record record;
    enum status st = read_head(l, &file, &spot, &place, &record);
    close_spot(&source, &file);
    if (st == ST_CORRUPT || st == ST_TRUNCATED) {
        damage_set(damage, file.name, place.offset, height, "the head of a record is damaged");
        log_note(l, height, height, damage);
        return ST_CORRUPT;
    }
    TRY(st);
    must(place.length >= RECORD_HEAD_SIZE);
    *out = place;
    return ST_OK;
}

void log_note(const struct log *l, uint64_t first, uint64_t last, const struct damage *damage)
{
    struct log_file file;
    for (uint64_t height = first; height <= last && log_file_of(l, height, &file);
         height = file.last + 1) {
        struct gap gap = {.number = file.number,
                          .first = height,
                          .last = last < file.last ? last : file.last,
                          .place = *damage};
        gaps_add(l->gaps, &gap);
    }
}

static struct log_file sealed_file(const struct log_sealed *s, uint64_t number)
{
    return (struct log_file){.number = number,
                             .first = s->first_height,
                             .last = s->last_height,
                             .salt = s->salt,
                             .previous = s->previous,
                             .digest = s->digest,
                             .is_sealed = true,
                             .is_cold = s->is_cold,
                             .is_lost = s->is_lost};
}

bool log_file_at(const struct log *l, uint64_t number, struct log_file *out)
{
    must(number > 0);
    mutex_lock(l->lock);
    bool is_current = number == (uint64_t)l->sealed_count + 1 && (l->count > 0 || l->is_broken);
    bool is_there = number <= l->sealed_count || is_current;
    if (number <= l->sealed_count)
        *out = sealed_file(&l->sealed[number - 1], number);
    else if (is_current)
        *out = (struct log_file){.number = number,
                                 .first = l->first_height,
                                 .last = l->height,
                                 .salt = l->salt,
                                 .previous = l->previous,
                                 .digest = l->digest};
    mutex_unlock(l->lock);
    return is_there;
}

bool log_file_of(const struct log *l, uint64_t height, struct log_file *out)
{
    uint64_t low = 1;
    mutex_lock(l->lock);
    uint64_t high = (uint64_t)l->sealed_count + 1; /* The first that does not end below height. */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (l->sealed[middle - 1].last_height < height)
            low = middle + 1;
        else
            high = middle;
    }
    mutex_unlock(l->lock);
    return log_file_at(l, low, out) && out->first <= height && height <= out->last;
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
    l->size = sizeof bytes;
    must(l->sealed_count < l->sealed_capacity);
    mutex_lock(l->lock);
    l->salt = salt;
    l->digest = segment_digest_start(bytes);
    l->previous = header.previous;
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
                                 .is_lost = s->is_lost,
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

/* Find height and open its file; of a sealed one the table in its seal tells the offset. */
static enum status open_spot(const struct log *l,
                             const struct log_source *source,
                             struct spot *spot,
                             struct sfile *file,
                             struct damage *damage)
{
    const uint64_t height = source->height;
    if (!find_spot(l, height, spot)) {
        struct log_file of;
        if (!l->is_broken || !log_file_of(l, height, &of)) return ST_NOT_FOUND;
        segment_name(file->name, l->kind, of.number); /* Behind what could be read of it. */
        return damaged(damage, file->name, 0, height, "the record cannot be found");
    }
    must(!source->is_own || !spot->is_sealed);
    if (source->is_own) {
        *file = (struct sfile){.env = l->env, .file = l->file};
        segment_name(file->name, l->kind, spot->number);
        return l->env->os->file_size(l->env->os, l->file, &file->size);
    }
    enum status st = sfile_open(file, l->env, l->kind, spot->number, damage);
    file->is_shared = st == ST_OK;
    if (st == ST_NOT_FOUND) st = damaged(damage, file->name, 0, height, "the file is missing");
    if (st == ST_OK && spot->is_lost)
        st = damaged(damage, file->name, 0, height, "the seal of the segment is damaged");
    if (st == ST_OK && spot->is_sealed) {
        uint8_t entry[4];
        uint64_t at = spot->offset + RECORD_HEAD_SIZE + (uint64_t)spot->index * 4;
        st = sfile_read(file, entry, sizeof entry, at);
        spot->offset = get_u32_le(entry);
        if (st == ST_TRUNCATED || st == ST_CORRUPT)
            st = damaged(damage, file->name, at, height, "the seal of the segment is damaged");
    }
    if (st != ST_OK) sfile_close(file);
    if (st == ST_CORRUPT) log_note(l, height, height, damage);
    return st;
}

static void close_spot(const struct log_source *source, struct sfile *file)
{
    if (!source->is_own) sfile_close(file);
}

/* Verifies the head at place->offset against height and completes *place. */
static enum status read_head(const struct log *l,
                             struct sfile *file,
                             const struct spot *spot,
                             struct place *place,
                             struct record *record)
{
    uint8_t head[RECORD_HEAD_SIZE];
    must(place->number == spot->number);
    TRY(sfile_read(file, head, sizeof head, place->offset));
    if (!record_decode(record, l->env, spot->salt, head)) return ST_CORRUPT;
    if (record->kind != RECORD_BLOCK || record->height != place->height) return ST_CORRUPT;
    place->length = RECORD_HEAD_SIZE + (uint32_t)record_payload_size(record);
    place->hash = record->hash;
    return ST_OK;
}

static enum status read_payload(
    const struct log *l, struct sfile *file, const struct record *record, uint64_t at, uint8_t *to)
{
    size_t size = (size_t)record_payload_size(record);
    if (size > 0) TRY(sfile_read(file, to, size, at + RECORD_HEAD_SIZE));
    uint32_t crc = crc32c_add(&l->env->crc, 0, span_of(size == 0 ? NULL : to, size));
    return crc == record->payload_crc ? ST_OK : ST_CORRUPT;
}
