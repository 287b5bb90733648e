/* sfile.c - One segment file as its reader sees it. */
#include "store/sfile.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"

const struct segment_kind segment_blocks = {
    .dir = "blocks", .suffix = "seg", .magic = {'T', 'S', 'Q', 'L', 'S', 'E', 'G', '1'}};
const struct segment_kind segment_results = {
    .dir = "results", .suffix = "res", .magic = {'T', 'S', 'Q', 'L', 'R', 'E', 'S', '1'}};

static enum status open_any(struct sfile *f);
static struct frame_id id_of(const struct sfile *f, uint32_t frame);
static enum status look_inside(struct sfile *f, struct damage *damage);
static enum status read_index(struct sfile *f, const uint8_t *head, uint64_t file_size);
static enum status read_frame(struct sfile *f, uint32_t frame);

void segment_name(char out[OS_NAME_MAX + 1], const struct segment_kind *kind, uint64_t number)
{
    must(number > 0);
    int size =
        snprintf(out, OS_NAME_MAX + 1, "%s/%08" PRIu64 ".%s", kind->dir, number, kind->suffix);
    must(size > 0);
    must((uint32_t)size <= OS_NAME_MAX);
}

void segment_cold_name(char out[OS_NAME_MAX + 1],
                       const struct env *env,
                       const struct segment_kind *kind,
                       uint64_t number)
{
    char dir[OS_NAME_MAX + 1];
    bool is_own = env->cold[0] == '\0';
    int size = is_own ? snprintf(dir, sizeof dir, "%s/cold", kind->dir)
                      : snprintf(dir, sizeof dir, "%s/%s", env->cold, kind->dir);
    must(size > 0);
    size = number == 0 ? snprintf(out, OS_NAME_MAX + 1, "%s", dir)
                       : snprintf(out, OS_NAME_MAX + 1, "%.*s/%08" PRIu64 ".%s", ENV_COLD_MAX + 16,
                                  dir, number, kind->suffix);
    must(size > 0);
    must((uint32_t)size <= OS_NAME_MAX);
}

enum status sfile_open(struct sfile *f,
                       const struct env *env,
                       const struct segment_kind *kind,
                       uint64_t number,
                       struct damage *damage)
{
    *f = (struct sfile){.env = env, .kind = kind, .number = number};
    TRY(open_any(f));
    enum status st = look_inside(f, damage);
    if (st != ST_OK) sfile_close(f);
    return st;
}

void sfile_close(struct sfile *f)
{
    if (f->file == NULL) return;
    f->env->os->file_close(f->env->os, f->file);
    mem_free(f->env->mem, f->index.entries);
    mem_free(f->env->mem, f->plain);
    f->index.entries = NULL;
    f->plain = NULL;
    f->file = NULL;
}

enum status sfile_read(struct sfile *f, void *to, size_t size, uint64_t offset)
{
    uint8_t *at = to;
    must(f->file != NULL);
    if (!f->is_packed) return env_read(f->env, f->file, to, size, offset);
    if (offset > f->size || size > f->size - offset) return ST_TRUNCATED;
    while (size > 0) {
        uint32_t frame = (uint32_t)(offset / PACK_FRAME_SIZE);
        uint32_t from = (uint32_t)(offset % PACK_FRAME_SIZE);
        uint32_t part = pack_frame_size(&f->index, frame) - from;
        if (part > size) part = (uint32_t)size;
        struct frame_id id = id_of(f, frame);
        bool is_there =
            f->is_shared && frame != f->frame && frames_copy(f->env->frames, &id, from, at, part);
        if (!is_there) {
            TRY(read_frame(f, frame));
            memcpy(at, f->plain + from, part);
        }
        at += part;
        offset += part;
        size -= part;
    }
    return ST_OK;
}

/* One that is just moved may be missing in both places for a moment. */
static enum status open_any(struct sfile *f)
{
    const struct env *env = f->env;
    char cold[OS_NAME_MAX + 1];
    segment_name(f->name, f->kind, f->number);
    enum status st = env_open(env, &f->file, f->name, OS_READ);
    if (st != ST_NOT_FOUND) return st;
    segment_cold_name(cold, env, f->kind, f->number);
    st = env_open(env, &f->file, cold, OS_READ);
    if (st == ST_OK) memcpy(f->name, cold, sizeof cold);
    f->is_cold = st == ST_OK;
    if (st != ST_NOT_FOUND) return st;
    return env_open(env, &f->file, f->name, OS_READ);
}

static enum status look_inside(struct sfile *f, struct damage *damage)
{
    const struct env *env = f->env;
    uint8_t head[PACK_HEADER_SIZE];
    TRY(env->os->file_size(env->os, f->file, &f->size));
    if (f->size < sizeof head) return ST_OK; /* Plain, and too short: its reader says so. */
    TRY(env_read(env, f->file, head, sizeof head, 0));
    f->is_packed = pack_is_packed(head, sizeof head);
    if (!f->is_packed) return ST_OK;
    enum status st = read_index(f, head, f->size);
    if (st == ST_CORRUPT || st == ST_TRUNCATED)
        return damaged(damage, f->name, 0, 0, "the table of the compressed segment is damaged");
    TRY(st);
    f->size = f->index.size;
    f->frame = f->index.count;
    f->plain = mem_alloc(env->mem, PACK_FRAME_SIZE + PACK_FRAME_MAX);
    return f->plain == NULL ? ST_NO_MEMORY : ST_OK;
}

static enum status read_index(struct sfile *f, const uint8_t *head, uint64_t file_size)
{
    const struct env *env = f->env;
    uint32_t table_crc = 0;
    TRY(pack_header_decode(&f->index, &env->crc, head, file_size, &table_crc));
    size_t size = (size_t)f->index.count * PACK_ENTRY_SIZE;
    uint8_t *table = mem_alloc(env->mem, size);
    f->index.entries = mem_alloc(env->mem, f->index.count * sizeof *f->index.entries);
    enum status st = table == NULL || f->index.entries == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK) st = env_read(env, f->file, table, size, PACK_HEADER_SIZE);
    if (st == ST_OK)
        st = pack_table_decode(&f->index, &env->crc, span_of(table, size), table_crc, file_size);
    mem_free(env->mem, table);
    return st;
}

static enum status read_frame(struct sfile *f, uint32_t frame)
{
    const struct env *env = f->env;
    const struct pack_entry *entry = &f->index.entries[frame];
    if (f->frame == frame) return ST_OK;
    f->frame = f->index.count;
    uint8_t *packed = f->plain + PACK_FRAME_SIZE;
    must(entry->size <= PACK_FRAME_MAX);
    TRY(env_read(env, f->file, packed, entry->size, entry->offset));
    struct span bytes = span_of(packed, entry->size);
    if (crc32c_add(&env->crc, 0, bytes) != entry->crc) return ST_CORRUPT;
    struct frame_id id = id_of(f, frame);
    const struct frame_id *kept = f->is_shared ? &id : NULL;
    TRY(frames_unpack(env->frames, kept, bytes, f->plain, pack_frame_size(&f->index, frame)));
    f->frame = frame;
    return ST_OK;
}

static struct frame_id id_of(const struct sfile *f, uint32_t frame)
{
    uint64_t kind = f->kind == &segment_blocks ? 0 : 1;
    return (struct frame_id){.number = f->number << 1 | kind, .crc = f->index.crc, .frame = frame};
}
