/* log_open.c - Segment files in a row: recovery and cutting.
 *
 * With a durable place (blocks): the segments before it must be sealed and linked, its own segment
 * is read wholly, and what lies behind the place need not be whole: whole blocks are kept, the rest
 * is cut; all of them are among the held blocks until the journal names a later place. Without
 * (results, which are derived): all files but the last must be sealed and linked; the last is cut
 * behind its last whole record.
 *
 * With can_mend damage becomes gaps. What a file that cannot be read holds is told by those around
 * it: the header of the next one names where it ends and its digest, that of the one before where
 * it begins; between two of them the indexes tell (log_lost.c). Of the current file the journal
 * tells where it ends; then nothing is cut and nothing appended before the store is opened anew. */
#include "store/log.h"

#include <stdio.h>

#include "base/must.h"

#define MISSING_MAX 16u /* Bounds the walk to a stray file with a large number. */

struct adoption {    /* How far the current file is read. */
    uint64_t number; /* Of the file to adopt; 0 afterwards, or the next one. */
    uint64_t newest;
    uint64_t height_max;               /* Stop behind this block; 0: at the first wrong record. */
    const struct place *durable;       /* Null: none. At most height_max. */
    const struct log_visitor *visitor; /* Null: none. */
    bool is_damaged;                   /* A gap was noted: its txids are not known. */
};

struct listing {
    const struct segment_kind *kind;
    uint64_t newest;
    uint64_t count;
};

static enum status unpack(struct log *l, uint64_t number);
static enum status copy_plain(const struct log *l, struct sfile *from);
static enum status visit_name(void *context, const char *name);
static enum status load_sealed(struct log *l, uint64_t number, struct damage *damage);
static enum status load_or_lose(struct log *l, uint64_t number, struct damage *damage);
static enum status check_link(const struct log *l,
                              const struct segment_reader *r,
                              struct damage *damage);
static enum status adopt_durable(struct log *l, struct adoption *a, struct damage *damage);
static enum status adopt(struct log *l, struct adoption *a, struct damage *damage);
static enum status adopt_tail(struct log *l, struct adoption *a);
static bool is_one_damaged(const struct log *l,
                           const struct adoption *a,
                           const struct segment_reader *r,
                           enum status st);
static void note_current(const struct log *l,
                         uint64_t first,
                         uint64_t last,
                         const struct damage *d);
static void take_sealed(struct log *l, const struct segment_reader *r);
static bool ends_with_seal(const struct segment_reader *r);
static enum status take_file(struct log *l, uint64_t number, uint64_t end, uint64_t size);
static enum status read_current(struct log *l,
                                struct adoption *a,
                                struct segment_reader *r,
                                struct damage *damage);
static enum status remove_files(struct log *l, uint64_t from, uint64_t to);

enum status log_open(struct log *l,
                     const struct place *durable,
                     const struct log_visitor *visitor,
                     struct damage *damage)
{
    uint64_t newest = 0;
    must(l->sealed_count == 0);
    must(l->height == 0);
    must(l->file == NULL);
    TRY(log_newest(l->env, l->kind, &newest));
    uint64_t last = durable != NULL ? durable->number : newest;
    if (last > newest && !l->can_mend) {
        char name[OS_NAME_MAX + 1];
        segment_name(name, l->kind, last);
        return damaged(damage, name, 0, durable == NULL ? 0 : durable->height,
                       "the file is missing");
    }
    for (uint64_t number = 1; number < last; number++)
        TRY(load_or_lose(l, number, damage));
    if (l->can_mend) TRY(log_find_lost(l, last, durable, damage));
    struct adoption a = {.number = last, .newest = newest, .durable = durable, .visitor = visitor};
    if (last > 0 && !l->is_broken) TRY(adopt_durable(l, &a, damage));
    if (l->is_broken) return ST_OK;
    if (last == 0 && newest > 0) a.number = 1;
    TRY(adopt_tail(l, &a));
    uint64_t used = (uint64_t)l->sealed_count + (l->file != NULL ? 1 : 0);
    return remove_files(l, used + 1, newest);
}

enum status log_newest(const struct env *env, const struct segment_kind *kind, uint64_t *newest)
{
    char path[OS_PATH_MAX];
    struct listing list = {.kind = kind};
    char cold[OS_NAME_MAX + 1];
    TRY(os_path_join(path, env->dir, kind->dir));
    enum status st = env->os->list_dir(env->os, path, visit_name, &list);
    if (st != ST_OK && st != ST_NOT_FOUND) return st;
    segment_cold_name(cold, env, kind, 0);
    TRY(env_path(env, cold, path));
    st = env->os->list_dir(env->os, path, visit_name, &list);
    if (st != ST_OK && st != ST_NOT_FOUND) return st;
    bool is_far = list.newest > list.count + MISSING_MAX;
    *newest = is_far ? list.count + MISSING_MAX : list.newest;
    return ST_OK;
}

enum status log_cut(struct log *l, uint64_t height, struct damage *damage)
{
    must(!l->env->is_read_only); /* S9. */
    if (height >= l->height) return ST_OK;
    uint64_t newest = (uint64_t)l->sealed_count + (l->file != NULL ? 1 : 0);
    l->env->os->file_close(l->env->os, l->file);
    l->file = NULL;
    mutex_lock(l->lock);
    l->count = 0;
    uint64_t first_height = l->first_height; /* Of the file that is cut. */
    while (l->sealed_count > 0 && l->sealed[l->sealed_count - 1].last_height > height)
        first_height = l->sealed[--l->sealed_count].first_height;
    l->height = l->sealed_count == 0 ? 0 : l->sealed[l->sealed_count - 1].last_height;
    mutex_unlock(l->lock);
    uint64_t number = (uint64_t)l->sealed_count + 1;
    TRY(remove_files(l, number + 1, newest));
    if (first_height > height) return remove_files(l, number, number);
    TRY(unpack(l, number));
    struct adoption a = {.number = number, .height_max = height};
    TRY(adopt(l, &a, damage));
    if (l->height == height) return ST_OK;
    char name[OS_NAME_MAX + 1];
    segment_name(name, l->kind, number);
    return damaged(damage, name, l->size, l->height + 1, "the file ends before this height");
}

/* A file that is appended to is plain and hot. */
static enum status unpack(struct log *l, uint64_t number)
{
    const struct env *env = l->env;
    struct sfile from;
    char name[OS_NAME_MAX + 1];
    TRY(sfile_open(&from, env, l->kind, number, NULL));
    enum status st = from.is_packed ? copy_plain(l, &from) : ST_OK;
    bool is_cold = from.is_cold;
    sfile_close(&from);
    if (st != ST_OK || !is_cold) return st;
    segment_cold_name(name, env, l->kind, number);
    return env_remove(env, name);
}

static enum status copy_plain(const struct log *l, struct sfile *from)
{
    const struct env *env = l->env;
    struct os_file *to = NULL;
    char name[OS_NAME_MAX + 1];
    char temporary[OS_NAME_MAX + 1];
    int size = snprintf(temporary, sizeof temporary, "%s/plain.tmp", l->kind->dir);
    must(size > 0);
    segment_name(name, l->kind, from->number);
    TRY(env_remove(env, temporary));
    TRY(env_open(env, &to, temporary, OS_WRITE | OS_CREATE | OS_EXCLUSIVE));
    uint8_t *bytes = mem_alloc(env->mem, PACK_FRAME_SIZE);
    enum status st = bytes == NULL ? ST_NO_MEMORY : ST_OK;
    for (uint64_t done = 0; done < from->size && st == ST_OK; done += PACK_FRAME_SIZE) {
        uint64_t left = from->size - done;
        size_t part = left < PACK_FRAME_SIZE ? (size_t)left : PACK_FRAME_SIZE;
        st = sfile_read(from, bytes, part, done);
        if (st == ST_OK) st = env->os->file_write(env->os, to, span_of(bytes, part), done);
    }
    if (st == ST_OK) st = env->os->file_sync(env->os, to);
    mem_free(env->mem, bytes);
    env->os->file_close(env->os, to);
    TRY(st);
    TRY(env_rename(env, temporary, name));
    return env_sync_dir(env, l->kind->dir);
}

static enum status visit_name(void *context, const char *name)
{
    struct listing *list = context;
    uint64_t number = 0;
    size_t digits = 0;
    for (; name[digits] >= '0' && name[digits] <= '9' && digits < 12; digits++)
        number = number * 10 + (uint64_t)(name[digits] - '0');
    if (digits < 8 || number == 0 || name[digits] != '.') return ST_OK;
    if (strcmp(name + digits + 1, list->kind->suffix) != 0) return ST_OK;
    list->count++;
    if (number > list->newest) list->newest = number;
    return ST_OK;
}

static enum status reserve_sealed(struct log *l)
{
    if (l->sealed_count < l->sealed_capacity) return ST_OK;
    uint32_t capacity = l->sealed_capacity == 0 ? 64 : l->sealed_capacity * 2;
    struct log_sealed *sealed = mem_resize(l->env->mem, l->sealed, capacity * sizeof *sealed);
    if (sealed == NULL) return ST_NO_MEMORY;
    l->sealed = sealed;
    l->sealed_capacity = capacity;
    must(l->sealed_count < l->sealed_capacity);
    return ST_OK;
}

/* A file that cannot be read keeps its place in the row. */
static enum status load_or_lose(struct log *l, uint64_t number, struct damage *damage)
{
    struct damage found = {0};
    enum status st = load_sealed(l, number, &found);
    if (st != ST_CORRUPT) return st;
    *damage = found;
    if (!l->can_mend) return st;
    must(l->sealed_count < l->sealed_capacity); /* Reserved. */
    l->sealed[l->sealed_count++] = (struct log_sealed){.is_lost = true};
    struct gap gap = {.number = number, .first = 1, .place = found}; /* Until log_find_lost. */
    gaps_add(l->gaps, &gap);
    return ST_OK;
}

static enum status load_sealed(struct log *l, uint64_t number, struct damage *damage)
{
    struct segment_reader r;
    must(number == (uint64_t)l->sealed_count + 1);
    TRY(reserve_sealed(l));
    enum status st = segment_reader_open(&r, l->env, l->kind, number, damage);
    if (st == ST_NOT_FOUND) {
        char name[OS_NAME_MAX + 1];
        segment_name(name, l->kind, number);
        return damaged(damage, name, 0, l->height + 1, "the file is missing");
    }
    if (st == ST_TRUNCATED) return ST_CORRUPT;
    TRY(st);
    struct record seal;
    uint64_t offset = 0;
    st = l->can_mend ? ST_OK : check_link(l, &r, damage); /* Else log_find_lost looks at it. */
    if (st == ST_OK) st = segment_reader_seal(&r, &seal, &offset, damage);
    if (st == ST_OK) {
        l->sealed[l->sealed_count++] = (struct log_sealed){.first_height = r.header.first_height,
                                                           .last_height = seal.height,
                                                           .seal_offset = offset,
                                                           .salt = r.salt,
                                                           .digest = seal.hash,
                                                           .previous = r.header.previous,
                                                           .is_packed = r.file.is_packed,
                                                           .is_cold = r.file.is_cold};
        must(seal.height >= r.header.first_height); /* S1. */
        l->height = seal.height;
    }
    segment_reader_close(&r);
    return st;
}

static enum status check_link(const struct log *l,
                              const struct segment_reader *r,
                              struct damage *damage)
{
    struct hash before = {{0}};
    uint64_t height = 0;
    if (l->sealed_count > 0) {
        before = l->sealed[l->sealed_count - 1].digest;
        height = l->sealed[l->sealed_count - 1].last_height;
    }
    /* Results may begin at any height: where they are lost, only later ones are made again. */
    bool is_first = l->sealed_count == 0 && l->kind == &segment_results;
    if ((is_first || r->header.first_height == height + 1) &&
        hash_equal(&before, &r->header.previous))
        return ST_OK;
    return damaged(damage, r->file.name, 56, height + 1,
                   "the file does not continue the one before");
}

/* Make file a->number the current one, or a sealed one when it is and others follow. */
static enum status adopt(struct log *l, struct adoption *a, struct damage *damage)
{
    struct segment_reader r;
    const struct env *env = l->env;
    const uint64_t number = a->number;
    must(l->file == NULL);
    must(l->count == 0);
    must(number == (uint64_t)l->sealed_count + 1);
    a->number = 0;
    TRY(reserve_sealed(l)); /* For its own sealing. */
    enum status st = segment_reader_open(&r, env, l->kind, number, damage);
    if (st == ST_TRUNCATED && a->durable != NULL) return ST_CORRUPT;
    /* The header of the last file never became durable: start it anew. */
    if (st == ST_TRUNCATED) return remove_files(l, number, number);
    TRY(st);
    st = check_link(l, &r, damage);
    if (st == ST_OK) st = read_current(l, a, &r, damage);
    bool is_last = number >= a->newest;
    /* A compressed one is sealed and durable, though the next one may never have come to be. */
    bool is_sealed = st == ST_OK && ends_with_seal(&r) && (!is_last || r.file.is_packed);
    if (st == ST_OK && r.file.is_packed && !is_sealed)
        st = damaged(damage, r.file.name, r.offset, r.height + 1,
                     "the seal of the segment is missing");
    if (is_sealed) take_sealed(l, &r);
    if (is_sealed && !is_last) a->number = number + 1;
    uint64_t end = r.offset;
    uint64_t size = r.file.size;
    segment_reader_close(&r);
    TRY(st);
    return is_sealed ? ST_OK : take_file(l, number, end, size);
}

/* The file that the journal names. Damage in it breaks the log's end, unless it is sealed. */
static enum status adopt_durable(struct log *l, struct adoption *a, struct damage *damage)
{
    const struct place *durable = a->durable;
    const uint64_t number = a->number;
    enum status st = adopt(l, a, damage);
    if (!l->can_mend || durable == NULL) return st;
    bool is_current = l->sealed_count < number;
    if (st == ST_OK && (!a->is_damaged || !is_current)) return ST_OK;
    if (st != ST_OK && st != ST_CORRUPT) return st;
    must(is_current);
    bool is_other = l->height >= durable->height && st == ST_CORRUPT; /* Not the journal's block. */
    uint64_t first = l->height + 1;
    if (l->count == 0 || is_other) return log_break(l, durable, damage);
    if (st == ST_CORRUPT) note_current(l, first, durable->height, damage);
    l->env->os->file_close(l->env->os, l->file);
    l->file = NULL;
    l->is_broken = true;
    l->height = durable->height;
    l->last = *durable;
    return ST_OK;
}

/* Files behind the durable one: as far as they are whole and linked. */
static enum status adopt_tail(struct log *l, struct adoption *a)
{
    while (a->number > 0) {
        struct damage ignored;
        a->durable = NULL;
        enum status st = adopt(l, a, &ignored);
        if (st != ST_CORRUPT) TRY(st);
    }
    return ST_OK;
}

static bool ends_with_seal(const struct segment_reader *r)
{
    return r->is_sealed &&
           r->start + RECORD_HEAD_SIZE + record_payload_size(&r->record) == r->file.size;
}

/* Whoever sees the file behind it knows that it is durable (S3). */
static void take_sealed(struct log *l, const struct segment_reader *r)
{
    must(r->is_sealed);
    must(l->count > 0);
    must(l->sealed_count < l->sealed_capacity); /* Reserved. */
    mutex_lock(l->lock);
    l->sealed[l->sealed_count++] = (struct log_sealed){.first_height = l->first_height,
                                                       .last_height = l->height,
                                                       .seal_offset = r->start,
                                                       .salt = r->salt,
                                                       .digest = r->digest,
                                                       .previous = r->header.previous,
                                                       .is_packed = r->file.is_packed,
                                                       .is_cold = r->file.is_cold};
    l->count = 0;
    mutex_unlock(l->lock);
}

/* Open the current file to go on behind end. */
static enum status take_file(struct log *l, uint64_t number, uint64_t end, uint64_t size)
{
    const struct env *env = l->env;
    char name[OS_NAME_MAX + 1];
    must(end <= size);
    must(end >= SEGMENT_HEADER_SIZE);
    must(l->file == NULL);
    segment_name(name, l->kind, number);
    TRY(env_open(env, &l->file, name, env->is_read_only ? OS_READ : OS_WRITE));
    l->size = end;
    if (env->is_read_only) return ST_OK;
    l->is_dirty = true; /* Whether the process before synced them is not known. */
    l->is_dir_dirty = true;
    if (end == size) return ST_OK;
    TRY(env->os->file_truncate(env->os, l->file, end));
    return env->os->file_sync(env->os, l->file);
}

/* Take block by block. A durable place makes every wrong byte before it damage. */
static enum status take_block(struct log *l, const struct adoption *a, struct segment_reader *r)
{
    struct log_record room = {.height = r->height};
    TRY(log_reserve(l, &room));
    must(l->count < l->capacity);
    must(r->height == l->first_height + l->count); /* S1. */
    if (a->visitor != NULL && !a->is_damaged) TRY(a->visitor->visit(a->visitor->context, r));
    l->last = (struct place){.number = (uint64_t)l->sealed_count + 1,
                             .offset = r->start,
                             .length = (uint32_t)(r->offset - r->start),
                             .height = r->height,
                             .hash = r->record.hash};
    must(r->start <= UINT32_MAX);
    mutex_lock(l->lock);
    l->offsets[l->count++] = (uint32_t)r->start;
    l->height = r->height;
    l->digest = r->digest;
    mutex_unlock(l->lock);
    return ST_OK;
}

/* Of a durable block alone the payload is wrong: those behind it can be read. */
static bool is_one_damaged(const struct log *l,
                           const struct adoption *a,
                           const struct segment_reader *r,
                           enum status st)
{
    if (st != ST_CORRUPT || !l->can_mend || a->durable == NULL) return false;
    return r->offset > r->start && r->height <= a->durable->height;
}

static void note_current(const struct log *l, uint64_t first, uint64_t last, const struct damage *d)
{
    struct gap gap = {
        .number = (uint64_t)l->sealed_count + 1, .first = first, .last = last, .place = *d};
    gaps_add(l->gaps, &gap);
}

/* Nothing of the files behind the sealed ones can be used. */
enum status log_break(struct log *l, const struct place *durable, const struct damage *damage)
{
    const struct log_sealed *before = l->sealed_count == 0 ? NULL : &l->sealed[l->sealed_count - 1];
    struct segment_header header = {.number = (uint64_t)l->sealed_count + 1,
                                    .first_height = before == NULL ? 1 : before->last_height + 1,
                                    .chain_id = l->env->chain_id};
    if (before != NULL) header.previous = before->digest;
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    must(l->can_mend);
    must(l->file == NULL);
    if (durable->height < header.first_height) return ST_CORRUPT; /* The journal says otherwise. */
    l->salt = segment_header_encode(bytes, l->env, l->kind, &header);
    l->first_height = header.first_height;
    l->previous = header.previous;
    l->count = 0;
    l->is_broken = true;
    l->height = durable->height;
    l->last = *durable;
    note_current(l, l->first_height, durable->height, damage);
    return ST_OK;
}

static bool place_equal(const struct place *a, const struct place *b)
{
    return a->number == b->number && a->offset == b->offset && a->length == b->length &&
           a->height == b->height && hash_equal(&a->hash, &b->hash);
}

static enum status read_current(struct log *l,
                                struct adoption *a,
                                struct segment_reader *r,
                                struct damage *damage)
{
    uint64_t good = r->offset; /* Behind the last whole block. */
    struct place met = {0};    /* The block at the durable height. */
    enum status st = ST_OK;
    mutex_lock(l->lock);
    l->first_height = r->header.first_height;
    l->salt = r->salt;
    l->digest = r->digest;
    l->previous = r->header.previous;
    l->count = 0;
    mutex_unlock(l->lock);
    while (a->height_max == 0 || r->height < a->height_max) {
        st = segment_reader_next(r, damage);
        if (is_one_damaged(l, a, r, st)) {
            note_current(l, r->height, r->height, damage);
            a->is_damaged = true;
            st = ST_OK;
        }
        if (st != ST_OK || r->record.kind == RECORD_SEAL) break;
        TRY(take_block(l, a, r));
        if (a->durable != NULL && r->height == a->durable->height) met = l->last;
        good = r->offset;
    }
    r->offset = good;
    if (st != ST_OK && st != ST_NOT_FOUND && st != ST_TRUNCATED && st != ST_CORRUPT) return st;
    must(good <= r->file.size);
    if (a->durable == NULL) return ST_OK;
    if (l->height < a->durable->height) { /* S4. */
        if (st == ST_OK || st == ST_NOT_FOUND)
            return damaged(damage, r->file.name, good, l->height + 1,
                           "the file ends before what the journal calls durable");
        return ST_CORRUPT; /* damage was set by the reader. */
    }
    if (place_equal(&met, a->durable)) return ST_OK;
    return damaged(damage, r->file.name, met.offset, a->durable->height,
                   "the block is not the one the journal names");
}

static enum status remove_files(struct log *l, uint64_t from, uint64_t to)
{
    if (l->env->is_read_only || from > to) return ST_OK;
    for (uint64_t number = to; number >= from; number--) {
        char name[OS_NAME_MAX + 1];
        segment_name(name, l->kind, number);
        TRY(env_remove(l->env, name));
        segment_cold_name(name, l->env, l->kind, number);
        TRY(env_remove(l->env, name));
    }
    return env_sync_dir(l->env, l->kind->dir);
}
