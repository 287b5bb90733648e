/* journal.c - What this node has promised: writing.
 *
 * Record                           Payload of a generation, 48 bytes
 *    0  4 bytes of the payload        0  8 magic
 *    4  2 kind                        8  8 generation
 *    6  1 slot, else 0               16 32 chain id
 *    7  1 flags: 1 first of a sync
 *    8  8 sequence number            Payload of a slot: place, the record's bytes
 *   16  4 checksum of the one before Payload of an end: place
 *   20  … payload
 *    …  4 CRC-32C of all before      Payload of held: first file 8, last 8, bytes of the last 8
 *                                    Place, 60 bytes: segment 8, offset 8, length 4, height 8,
 *                                    hash 32; all zero: none
 *
 * An area starts with generation, the slots in use, held, end: the snapshot. Sequence numbers go on
 * over generations; the first record of an area has 0 for the checksum before it. */
#include "store/journal.h"

#include "base/endian.h"
#include "base/must.h"

#define HEAD_SIZE  20u
#define FLAG_FIRST 1u
#define TEMPORARY  "journal.tmp"

static const uint8_t magic_bytes[8] = {'T', 'S', 'Q', 'L', 'J', 'R', 'N', '1'};

_Static_assert(JOURNAL_OVERHEAD == HEAD_SIZE + 4, "overhead");
_Static_assert(JOURNAL_PLACE_SIZE == 8 + 8 + 4 + 8 + HASH_SIZE, "place");
_Static_assert(JOURNAL_GENERATION_SIZE == 8 + 8 + HASH_SIZE, "generation");
/* The snapshot of eight full slots and one more record fit the standard area. */
_Static_assert((JOURNAL_SLOTS + 1) * (JOURNAL_RECORD_MAX + JOURNAL_OVERHEAD) +
                       JOURNAL_GENERATION_SIZE + JOURNAL_OVERHEAD +
                       2 * (JOURNAL_PLACE_SIZE + JOURNAL_OVERHEAD) +
                       2 * (JOURNAL_HELD_SIZE + JOURNAL_OVERHEAD) <=
                   JOURNAL_AREA_SIZE,
               "area");

/* Of both records that a sync may add. */
#define END_SIZE      (JOURNAL_PLACE_SIZE + JOURNAL_OVERHEAD + JOURNAL_HELD_SIZE + JOURNAL_OVERHEAD)
#define SNAPSHOT_SIZE (JOURNAL_GENERATION_SIZE + JOURNAL_OVERHEAD + END_SIZE)

struct draft {
    enum journal_kind kind;
    uint32_t slot;
    struct span payload;
};

static void add(struct journal *j, const struct draft *d);
static void add_end(struct journal *j);
static void add_held(struct journal *j);
static void wrap(struct journal *j);
static void put_place(uint8_t *to, const struct place *p);
static bool range_equal(const struct pending_range *a, const struct pending_range *b);
static enum status write_copies(struct journal *j, uint32_t from, uint32_t to);
static enum status zero_copies(struct journal *j, uint32_t area, uint32_t size);
static enum status write_new(struct journal *j);
static enum status renew_file(struct journal *j, uint32_t old);

enum status journal_create(const struct env *env,
                           uint32_t area_size,
                           const struct journal_ends *ends)
{
    struct journal j = {.env = env,
                        .area_size = area_size == 0 ? JOURNAL_AREA_SIZE : area_size,
                        .end = ends->newest,
                        .held = ends->held};
    must(j.area_size >= JOURNAL_AREA_MIN);
    must(j.area_size <= JOURNAL_AREA_MAX);
    must(j.area_size % JOURNAL_SECTOR == 0);
    enum status st = ST_NO_MEMORY;
    j.image = mem_alloc_zero(env->mem, j.area_size, 1);
    j.spare = mem_alloc_zero(env->mem, j.area_size, 1);
    if (j.image == NULL || j.spare == NULL) goto out;
    wrap(&j);
    st = env_remove(env, TEMPORARY);
    if (st != ST_OK) goto out;
    st = env_open(env, &j.file, TEMPORARY, OS_WRITE | OS_CREATE | OS_EXCLUSIVE);
    if (st != ST_OK) goto out;
    st = write_new(&j);
    if (st == ST_OK) st = env_rename(env, TEMPORARY, JOURNAL_NAME);
    if (st == ST_OK) st = env_sync_dir(env, "");
out:
    journal_close(&j);
    return st;
}

void journal_close(struct journal *j)
{
    if (j->env == NULL) return;
    j->env->os->file_close(j->env->os, j->file);
    mem_free(j->env->mem, j->image);
    mem_free(j->env->mem, j->spare);
    *j = (struct journal){0};
}

enum status journal_renew(struct journal *j)
{
    must(!j->env->is_read_only); /* S9. */
    must(!j->is_wrapping);
    must(!j->is_ready);
    uint32_t old = j->area;
    wrap(j);
    TRY(renew_file(j, old));
    j->written = j->used;
    j->is_wrapping = false;
    j->is_ready = true;
    return env_sync_dir(j->env, ""); /* Its name may be as new as its bytes. */
}

enum status journal_put(struct journal *j, uint32_t slot, struct span record)
{
    must(slot < JOURNAL_SLOTS);
    must(j->is_ready);
    if (record.size == 0 || record.size > JOURNAL_RECORD_MAX) return ST_LIMIT;
    uint32_t size = JOURNAL_OVERHEAD + (uint32_t)record.size;
    uint64_t snapshot = SNAPSHOT_SIZE;
    for (uint32_t i = 0; i < JOURNAL_SLOTS; i++)
        if (j->slots[i].at != 0) snapshot += JOURNAL_OVERHEAD + j->slots[i].size;
    if (snapshot + size + END_SIZE > j->area_size) return ST_LIMIT;
    if (j->used + size + END_SIZE > j->area_size) wrap(j);
    struct draft d = {.kind = JOURNAL_SLOT, .slot = slot, .payload = record};
    add(j, &d);
    struct journal_slot *s = &j->slots[slot];
    s->size = (uint32_t)record.size;
    s->at = j->used - 4 - s->size;
    return ST_OK;
}

void journal_name_held(struct journal *j, const struct pending_range *held)
{
    must(j->is_ready);
    must(held->last >= j->held.last); /* S10. */
    if (range_equal(held, &j->held)) return;
    j->held = *held;
    if (j->used + END_SIZE > j->area_size)
        wrap(j);
    else
        add_held(j);
}

struct span journal_get(const struct journal *j, uint32_t slot)
{
    must(slot < JOURNAL_SLOTS);
    const struct journal_slot *s = &j->slots[slot];
    if (s->at == 0) return span_of(NULL, 0);
    must(s->at + s->size + 4 <= j->used);
    return span_of(j->image + s->at, s->size);
}

enum status journal_sync(struct journal *j, const struct journal_ends *ends)
{
    must(ends->newest.height >= j->end.height); /* S5: nothing is named that is not durable. */
    must(ends->held.last >= j->held.last);      /* S10. */
    bool is_end_new = ends->newest.height > j->end.height;
    bool is_held_new = !range_equal(&ends->held, &j->held);
    j->end = ends->newest;
    j->held = ends->held;
    if ((is_end_new || is_held_new) && j->used + END_SIZE > j->area_size) {
        wrap(j);
    } else {
        /* In this order: a torn write may lose the second, and files leave pending for the first
         * (S10). */
        if (is_end_new) add_end(j);
        if (is_held_new) add_held(j);
    }
    if (j->written == j->used) return ST_OK;
    TRY(write_copies(j, j->written, j->used));
    TRY(j->env->os->file_sync(j->env->os, j->file));
    if (j->is_wrapping) {
        TRY(zero_copies(j, 1 - j->area, j->old_used)); /* S6: only after the sync above. */
        TRY(j->env->os->file_sync(j->env->os, j->file));
    }
    j->written = j->used;
    j->is_wrapping = false;
    return ST_OK;
}

static enum status compare_area(
    const struct journal *j, struct os_file *file, uint8_t *bytes, uint64_t offset, uint32_t used)
{
    TRY(env_read(j->env, file, bytes, j->area_size, offset));
    if (memcmp(bytes, j->image, used) != 0) return ST_CORRUPT;
    for (uint32_t i = used; i < j->area_size; i++)
        if (bytes[i] != 0) return ST_CORRUPT; /* S7. */
    return ST_OK;
}

enum status journal_compare(const struct journal *j, struct damage *damage)
{
    struct os_file *file = NULL;
    uint64_t size = 0;
    uint64_t offset = 0;
    must(j->is_ready);
    if (j->is_wrapping) return ST_OK; /* Not for long: the next sync ends it. */
    enum status st = env_open(j->env, &file, JOURNAL_NAME, OS_READ);
    if (st == ST_NOT_FOUND) return damaged(damage, JOURNAL_NAME, 0, 0, "the journal is missing");
    TRY(st);
    uint8_t *bytes = mem_alloc(j->env->mem, j->area_size);
    st = bytes == NULL ? ST_NO_MEMORY : j->env->os->file_size(j->env->os, file, &size);
    if (st == ST_OK && size != (uint64_t)j->area_size * 4) st = ST_CORRUPT;
    for (uint32_t copy = 0; copy < 2 && st == ST_OK; copy++) {
        for (uint32_t area = 0; area < 2 && st == ST_OK; area++) {
            offset = journal_offset(j->area_size, copy, area);
            st = compare_area(j, file, bytes, offset, area == j->area ? j->written : 0);
        }
    }
    mem_free(j->env->mem, bytes);
    j->env->os->file_close(j->env->os, file);
    if (st != ST_CORRUPT && st != ST_TRUNCATED) return st;
    return damaged(damage, JOURNAL_NAME, offset, 0,
                   "a copy of the journal is not what this node has written");
}

enum status journal_restore(struct journal *j)
{
    const struct env *env = j->env;
    struct journal fresh = *j;
    must(!j->is_wrapping);
    must(j->is_ready);
    fresh.image = mem_alloc_zero(env->mem, j->area_size, 1);
    if (fresh.image == NULL) return ST_NO_MEMORY;
    memcpy(fresh.image, j->image, j->written); /* The rest is durable with the next sync. */
    fresh.file = NULL;
    fresh.written = 0;
    enum status st = env_remove(env, TEMPORARY);
    if (st == ST_OK)
        st = env_open(env, &fresh.file, TEMPORARY, OS_WRITE | OS_CREATE | OS_EXCLUSIVE);
    if (st == ST_OK) st = write_new(&fresh);
    if (st == ST_OK) st = env_rename(env, TEMPORARY, JOURNAL_NAME);
    if (st == ST_OK) st = env_sync_dir(env, "");
    if (st == ST_OK) {
        env->os->file_close(env->os, j->file);
        j->file = fresh.file;
        fresh.file = NULL;
    }
    env->os->file_close(env->os, fresh.file);
    mem_free(env->mem, fresh.image);
    return st;
}

bool journal_decode(struct journal_record *r, const struct env *env, struct span in)
{
    if (in.size < JOURNAL_OVERHEAD) return false;
    uint32_t size = get_u32_le(in.data);
    uint32_t kind = (uint32_t)in.data[4] | (uint32_t)in.data[5] << 8;
    if (kind < JOURNAL_GENERATION || kind > JOURNAL_HELD) return false;
    if (size > in.size - JOURNAL_OVERHEAD || in.data[7] > FLAG_FIRST) return false;
    if (in.data[6] >= JOURNAL_SLOTS) return false;
    uint32_t crc = crc32c_add(&env->crc, 0, span_of(in.data, HEAD_SIZE + size));
    if (get_u32_le(in.data + HEAD_SIZE + size) != crc) return false;
    *r = (struct journal_record){.kind = (enum journal_kind)kind,
                                 .is_first = in.data[7] == FLAG_FIRST,
                                 .slot = in.data[6],
                                 .seq = get_u64_le(in.data + 8),
                                 .prev = get_u32_le(in.data + 16),
                                 .crc = crc,
                                 .payload = span_of(in.data + HEAD_SIZE, size),
                                 .size = size + JOURNAL_OVERHEAD};
    struct place place;
    struct pending_range held;
    switch (r->kind) {
    case JOURNAL_GENERATION:
        return size == JOURNAL_GENERATION_SIZE && memcmp(r->payload.data, magic_bytes, 8) == 0;
    case JOURNAL_SLOT: return size > 0 && size <= JOURNAL_RECORD_MAX;
    case JOURNAL_END: return size == JOURNAL_PLACE_SIZE && journal_place_decode(&place, r->payload);
    case JOURNAL_HELD: return size == JOURNAL_HELD_SIZE && journal_held_decode(&held, r->payload);
    }
    return false;
}

/* False: neither none nor a possible place. */
bool journal_place_decode(struct place *p, struct span in)
{
    must(in.size >= JOURNAL_PLACE_SIZE);
    *p = (struct place){.number = get_u64_le(in.data),
                        .offset = get_u64_le(in.data + 8),
                        .length = get_u32_le(in.data + 16),
                        .height = get_u64_le(in.data + 20)};
    memcpy(p->hash.bytes, in.data + 28, HASH_SIZE);
    if (p->height == 0)
        return p->number == 0 && p->offset == 0 && p->length == 0 && hash_is_zero(&p->hash);
    return p->number > 0 && p->number < UINT32_MAX && p->offset >= SEGMENT_HEADER_SIZE &&
           p->offset <= UINT32_MAX && p->length >= RECORD_HEAD_SIZE;
}

bool journal_held_decode(struct pending_range *r, struct span in)
{
    must(in.size >= JOURNAL_HELD_SIZE);
    *r = (struct pending_range){.first = get_u64_le(in.data),
                                .last = get_u64_le(in.data + 8),
                                .size = get_u64_le(in.data + 16)};
    if (r->first == 0 || r->last >= UINT32_MAX || r->size > PENDING_FILE_MAX) return false;
    if (r->first > r->last) return r->first == r->last + 1 && r->size == 0;
    return r->size >= PENDING_HEADER_SIZE;
}

uint64_t journal_offset(uint32_t area_size, uint32_t copy, uint32_t area)
{
    must(copy < 2);
    must(area < 2);
    return ((uint64_t)copy * 2 + area) * area_size;
}

static void put_place(uint8_t *to, const struct place *p)
{
    put_u64_le(to, p->number);
    put_u64_le(to + 8, p->offset);
    put_u32_le(to + 16, p->length);
    put_u64_le(to + 20, p->height);
    memcpy(to + 28, p->hash.bytes, HASH_SIZE);
}

/* Append to the image; there is room. */
static void add(struct journal *j, const struct draft *d)
{
    uint32_t size = (uint32_t)d->payload.size;
    must(size > 0);
    must(j->used + size + JOURNAL_OVERHEAD <= j->area_size);
    uint8_t *to = j->image + j->used;
    bool is_first = j->used == j->written;
    put_u32_le(to, size);
    to[4] = (uint8_t)d->kind;
    to[5] = 0;
    to[6] = (uint8_t)d->slot;
    to[7] = is_first ? FLAG_FIRST : 0;
    put_u64_le(to + 8, ++j->seq);
    put_u32_le(to + 16, j->used == 0 ? 0 : j->prev);
    memcpy(to + HEAD_SIZE, d->payload.data, size);
    j->prev = crc32c_add(&j->env->crc, 0, span_of(to, HEAD_SIZE + size));
    put_u32_le(to + HEAD_SIZE + size, j->prev);
    j->used += size + JOURNAL_OVERHEAD;
    struct journal_record again;
    must(journal_decode(&again, j->env, span_of(to, size + JOURNAL_OVERHEAD)));
}

static void add_end(struct journal *j)
{
    uint8_t bytes[JOURNAL_PLACE_SIZE];
    put_place(bytes, &j->end);
    struct draft d = {.kind = JOURNAL_END, .payload = span_of(bytes, sizeof bytes)};
    add(j, &d);
}

static void add_held(struct journal *j)
{
    uint8_t bytes[JOURNAL_HELD_SIZE];
    put_u64_le(bytes, j->held.first);
    put_u64_le(bytes + 8, j->held.last);
    put_u64_le(bytes + 16, j->held.size);
    struct draft d = {.kind = JOURNAL_HELD, .payload = span_of(bytes, sizeof bytes)};
    add(j, &d);
}

static bool range_equal(const struct pending_range *a, const struct pending_range *b)
{
    return a->first == b->first && a->last == b->last && a->size == b->size;
}

/* Start the snapshot in the other area. What was collected and not written lives on in it. */
static void wrap(struct journal *j)
{
    uint8_t *old = j->image;
    if (!j->is_wrapping) {
        j->old_used = j->written;
        j->area = 1 - j->area;
        j->generation++;
        j->is_wrapping = true;
    }
    j->image = j->spare;
    j->spare = old;
    memset(j->image, 0, j->area_size);
    j->used = 0;
    j->written = 0;
    uint8_t generation[JOURNAL_GENERATION_SIZE];
    memcpy(generation, magic_bytes, 8);
    put_u64_le(generation + 8, j->generation);
    memcpy(generation + 16, j->env->chain_id.bytes, HASH_SIZE);
    struct draft d = {.kind = JOURNAL_GENERATION,
                      .payload = span_of(generation, sizeof generation)};
    add(j, &d);
    for (uint32_t i = 0; i < JOURNAL_SLOTS; i++) {
        struct journal_slot *s = &j->slots[i];
        if (s->at == 0) continue;
        d = (struct draft){
            .kind = JOURNAL_SLOT, .slot = i, .payload = span_of(old + s->at, s->size)};
        add(j, &d);
        s->at = j->used - 4 - s->size;
    }
    add_held(j);
    add_end(j);
    must(j->used > j->written);
}

static enum status write_copies(struct journal *j, uint32_t from, uint32_t to)
{
    must(from < to);
    must(to <= j->area_size);
    for (uint32_t copy = 0; copy < 2; copy++) {
        uint64_t offset = journal_offset(j->area_size, copy, j->area) + from;
        struct span bytes = span_of(j->image + from, to - from);
        TRY(j->env->os->file_write(j->env->os, j->file, bytes, offset));
    }
    return ST_OK;
}

/* The spare is of no use until the next wrap, which overwrites it. */
static enum status zero_copies(struct journal *j, uint32_t area, uint32_t size)
{
    must(area != j->area || j->written == 0);
    must(size <= j->area_size);
    memset(j->spare, 0, j->area_size);
    if (size == 0) return ST_OK;
    for (uint32_t copy = 0; copy < 2; copy++) {
        uint64_t offset = journal_offset(j->area_size, copy, area);
        TRY(j->env->os->file_write(j->env->os, j->file, span_of(j->spare, size), offset));
    }
    return ST_OK;
}

/* All four areas are written, also the zeros: later writes then change no metadata. */
static enum status write_new(struct journal *j)
{
    struct os *os = j->env->os;
    TRY(os->file_allocate(os, j->file, (uint64_t)j->area_size * 4));
    TRY(write_copies(j, 0, j->area_size));
    TRY(zero_copies(j, 1 - j->area, j->area_size));
    return os->file_sync(os, j->file);
}

static enum status renew_file(struct journal *j, uint32_t old)
{
    struct os *os = j->env->os;
    /* The rest goes first, durably: a crash must not mix two attempts at the same generation. */
    if (j->has_rest) {
        TRY(zero_copies(j, j->area, j->area_size));
        TRY(os->file_sync(os, j->file));
    }
    TRY(write_copies(j, 0, j->used));
    TRY(os->file_sync(os, j->file));
    TRY(zero_copies(j, old, j->area_size)); /* S6. */
    return os->file_sync(os, j->file);
}
