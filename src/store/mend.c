/* mend.c - Writing a damaged file of a log anew. Invariants: mend.h. */
#include "store/mend.h"

#include <stdio.h>

#include "base/must.h"

#define TRIES_MAX     4u
#define ITEMS_MIN     64u
#define RECORD_RETAIN (1u << 20)

struct copy { /* A file that is being written. */
    struct mend *m;
    char temporary[OS_NAME_MAX + 1];
    struct os_file *file;
    uint64_t number;
    uint64_t first;
    uint64_t size;
    uint32_t salt;
    struct hash previous;
    struct hash digest;
    uint32_t *offsets;
    uint32_t count;
    uint32_t capacity;
    struct buf record;
    struct place last;
};

static void temporary_name(char out[OS_NAME_MAX + 1], const struct log *l, const char *name);
static void forget(struct mend *m);
static enum status begin(struct mend *m, struct log *l, uint64_t number);
static enum status find_wanted(struct mend *m, struct mend_gap *out);
static bool is_whole(struct mend *m, uint64_t height);
static const struct mend_item *find_item(const struct mend *m, uint64_t height);
static enum status stage(struct mend *m, const struct log_record *r);
static enum status read_given(const struct mend *m,
                              const struct mend_item *item,
                              struct buf *out,
                              struct record *record);
static enum status read_own(const struct mend *m,
                            uint64_t height,
                            struct buf *out,
                            struct record *record);
static enum status rebuild(struct mend *m);
static enum status copy_start(struct copy *c, uint64_t number, uint64_t first);
static enum status copy_add(struct copy *c, uint64_t height);
static enum status copy_seal(struct copy *c, uint64_t *seal_offset);
static enum status copy_place(struct copy *c);
static void copy_end(struct copy *c);
static enum status finish_sealed(struct copy *c);
static enum status remove_cold(struct copy *c);
static enum status finish_current(struct copy *c);
static enum status exchange(struct copy *c);
static enum status finish_broken(struct copy *c);

enum status mend_init(struct mend *m, const struct env *env)
{
    *m = (struct mend){.env = env};
    return mutex_new(&m->lock, env->mem);
}

void mend_fini(struct mend *m)
{
    if (m->env == NULL) return;
    forget(m);
    m->env->os->file_close(m->env->os, m->given);
    mem_free(m->env->mem, m->items);
    mutex_free(m->lock);
    *m = (struct mend){0};
}

static enum status next_of(struct mend *m, struct log *l, struct mend_gap *out)
{
    struct gap gap;
    for (uint32_t tries = 0; tries < TRIES_MAX;) {
        if (!gaps_highest(l->gaps, &gap)) {
            forget(m);
            return ST_NOT_FOUND;
        }
        if (m->log != l || m->of.number != gap.number) TRY(begin(m, l, gap.number));
        if (m->log == NULL) continue; /* No such file any more: the gap is gone. */
        enum status st = find_wanted(m, out);
        if (st != ST_NOT_FOUND) return st;
        st = rebuild(m);
        if (st == ST_OK) {
            gaps_clear(l->gaps, gap.number);
            forget(m);
            continue;
        }
        if (st != ST_BUSY) return st;
        tries++;
        m->log = NULL; /* It is looked at again; what was given stays. */
    }
    return ST_BUSY;
}

enum status mend_next(struct mend *m, struct log *l, struct mend_gap *out)
{
    mutex_lock(m->lock);
    enum status st = next_of(m, l, out);
    mutex_unlock(m->lock);
    return st;
}

enum status mend_give(struct mend *m, struct log *l, const struct log_record *r)
{
    struct mend_gap gap;
    mutex_lock(m->lock);
    enum status st = m->log == l ? find_wanted(m, &gap) : ST_INVALID;
    if (st == ST_NOT_FOUND || (st == ST_OK && gap.first != r->height)) st = ST_INVALID;
    if (st == ST_OK) st = stage(m, r);
    mutex_unlock(m->lock);
    return st;
}

void mend_forget(struct mend *m)
{
    mutex_lock(m->lock);
    forget(m);
    mutex_unlock(m->lock);
}

/* --- the file at hand ------------------------------------------------------------------------- */

static void temporary_name(char out[OS_NAME_MAX + 1], const struct log *l, const char *name)
{
    int size = snprintf(out, OS_NAME_MAX + 1, "%s/%s.tmp", l->kind->dir, name);
    must(size > 0);
    must((uint32_t)size <= OS_NAME_MAX);
}

static void forget(struct mend *m)
{
    if (m->given != NULL) m->env->os->file_close(m->env->os, m->given);
    m->given = NULL;
    m->given_size = 0;
    m->count = 0;
    m->done = 0;
    m->log = NULL;
    m->of = (struct log_file){0};
}

static enum status begin(struct mend *m, struct log *l, uint64_t number)
{
    struct log_file of;
    char name[OS_NAME_MAX + 1];
    bool is_same = m->given != NULL && m->of.number == number; /* Tried again. */
    if (!is_same) forget(m);
    if (!log_file_at(l, number, &of)) {
        gaps_clear(l->gaps, number);
        return ST_OK;
    }
    m->of = of;
    m->done = of.first - 1;
    if (!is_same) {
        temporary_name(name, l, "given");
        TRY(env_remove(m->env, name));
        TRY(env_open(m->env, &m->given, name, OS_WRITE | OS_CREATE | OS_EXCLUSIVE));
        TRY(env_remove(m->env, name)); /* It lives as long as it is open. */
    }
    m->log = l;
    return ST_OK;
}

/* ST_NOT_FOUND: all heights are given or can be read. */
static enum status find_wanted(struct mend *m, struct mend_gap *out)
{
    struct gap gap;
    while (gaps_next(m->log->gaps, m->of.number, m->done + 1, &gap)) {
        uint64_t height = m->done + 1 > gap.first ? m->done + 1 : gap.first;
        while (height <= gap.last &&
               (find_item(m, height) != NULL || (!gap.is_false && is_whole(m, height))))
            m->done = height++;
        if (height > gap.last) continue;
        *out = (struct mend_gap){.first = height, .last = gap.last, .place = gap.place};
        return ST_OK;
    }
    return ST_NOT_FOUND;
}

static bool is_whole(struct mend *m, uint64_t height)
{
    struct buf bytes;
    struct record record;
    if (m->of.is_lost) return false;
    buf_init(&bytes, m->env->mem, 0);
    enum status st = read_own(m, height, &bytes, &record);
    buf_fini(&bytes);
    return st == ST_OK;
}

static const struct mend_item *find_item(const struct mend *m, uint64_t height)
{
    uint32_t low = 0;
    uint32_t high = m->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (m->items[middle].height < height)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->count && m->items[low].height == height ? &m->items[low] : NULL;
}

static enum status reserve_item(struct mend *m)
{
    if (m->count < m->capacity) return ST_OK;
    uint32_t capacity = m->capacity == 0 ? ITEMS_MIN : m->capacity * 2;
    must(capacity <= SEGMENT_RECORDS_MAX * 2);
    struct mend_item *items = mem_resize(m->env->mem, m->items, capacity * sizeof *items);
    if (items == NULL) return ST_NO_MEMORY;
    m->items = items;
    m->capacity = capacity;
    return ST_OK;
}

static enum status stage(struct mend *m, const struct log_record *r)
{
    struct buf bytes;
    if (r->count > RECORD_TXIDS_MAX || r->body.size > RECORD_BODY_MAX) return ST_LIMIT;
    TRY(reserve_item(m));
    buf_init(&bytes, m->env->mem, 0);
    log_record_encode(&bytes, m->env, m->of.salt, r);
    enum status st = buf_status(&bytes);
    if (st == ST_OK)
        st = m->env->os->file_write(m->env->os, m->given, buf_span(&bytes), m->given_size);
    if (st == ST_OK) {
        uint32_t at = m->count++;
        for (; at > 0 && m->items[at - 1].height > r->height; at--)
            m->items[at] = m->items[at - 1];
        m->items[at] = (struct mend_item){
            .height = r->height, .offset = m->given_size, .length = (uint32_t)bytes.size};
        m->given_size += bytes.size;
        m->done = r->height;
    }
    buf_fini(&bytes);
    return st;
}

/* --- records ---------------------------------------------------------------------------------- */

static enum status read_given(const struct mend *m,
                              const struct mend_item *item,
                              struct buf *out,
                              struct record *record)
{
    uint8_t *room = buf_extend(out, item->length);
    TRY(buf_status(out));
    must(item->length >= RECORD_HEAD_SIZE);
    TRY(env_read(m->env, m->given, room, item->length, item->offset));
    if (!record_decode(record, m->env, m->of.salt, room)) return ST_IO; /* It was right before. */
    size_t size = (size_t)record_payload_size(record);
    if (size != item->length - RECORD_HEAD_SIZE) return ST_IO;
    struct span payload = span_of(room + RECORD_HEAD_SIZE, size);
    return crc32c_add(&m->env->crc, 0, payload) == record->payload_crc ? ST_OK : ST_IO;
}

/* The current file is read as this process has it open: its name may be gone. */
static enum status read_own(const struct mend *m,
                            uint64_t height,
                            struct buf *out,
                            struct record *record)
{
    struct log *l = m->log;
    struct log_source source = {.height = height};
    if (m->of.is_sealed || l->is_broken) return log_read_record(l, &source, out, record, NULL);
    source.is_own = true;
    if (!m->is_writing) mutex_lock(l->writing);
    bool is_current = l->file != NULL && m->of.number == (uint64_t)l->sealed_count + 1;
    enum status st = is_current ? log_read_record(l, &source, out, record, NULL) : ST_BUSY;
    if (!m->is_writing) mutex_unlock(l->writing);
    return st;
}

/* --- the new file ------------------------------------------------------------------------------
 */

static enum status rebuild(struct mend *m)
{
    const struct log *l = m->log;
    struct copy c = {.m = m, .previous = m->of.previous};
    const bool is_broken = !m->of.is_sealed && l->is_broken;
    temporary_name(c.temporary, l, "mend");
    buf_init(&c.record, m->env->mem, 0);
    enum status st = copy_start(&c, m->of.number, m->of.first);
    for (uint64_t height = m->of.first; height <= m->of.last && st == ST_OK; height++) {
        if (is_broken && c.count > 0 && c.size >= l->segment_size) {
            uint64_t unused = 0;
            st = copy_seal(&c, &unused);
            if (st == ST_OK) st = copy_place(&c);
            if (st == ST_OK) st = copy_start(&c, c.number + 1, height);
        }
        if (st == ST_OK) st = copy_add(&c, height);
    }
    if (st == ST_OK && m->of.is_sealed)
        st = finish_sealed(&c);
    else if (st == ST_OK)
        st = is_broken ? finish_broken(&c) : finish_current(&c);
    copy_end(&c);
    return st;
}

/* The next of a row of files, or the only one. */
static enum status copy_start(struct copy *c, uint64_t number, uint64_t first)
{
    const struct env *env = c->m->env;
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    if (c->file != NULL) c->previous = c->digest;
    env->os->file_close(env->os, c->file);
    c->file = NULL;
    c->number = number;
    c->first = first;
    c->count = 0;
    struct segment_header header = {.number = number,
                                    .first_height = first,
                                    .chain_id = env->chain_id,
                                    .previous = c->previous};
    c->salt = segment_header_encode(bytes, env, c->m->log->kind, &header);
    c->digest = segment_digest_start(bytes);
    c->size = sizeof bytes;
    TRY(env_remove(env, c->temporary));
    TRY(env_open(env, &c->file, c->temporary, OS_WRITE | OS_CREATE | OS_EXCLUSIVE));
    return env->os->file_write(env->os, c->file, span_of(bytes, sizeof bytes), 0);
}

static enum status reserve_offset(struct copy *c)
{
    if (c->count < c->capacity) return ST_OK;
    uint32_t capacity = c->capacity == 0 ? ITEMS_MIN : c->capacity * 2;
    uint32_t *offsets = mem_resize(c->m->env->mem, c->offsets, capacity * sizeof *offsets);
    if (offsets == NULL) return ST_NO_MEMORY;
    c->offsets = offsets;
    c->capacity = capacity;
    return ST_OK;
}

/* ST_BUSY: it is missing after all, and noted. */
static enum status copy_add(struct copy *c, uint64_t height)
{
    struct mend *m = c->m;
    struct record record;
    const struct mend_item *item = find_item(m, height);
    buf_reset(&c->record);
    if (c->record.capacity > RECORD_RETAIN) buf_fini(&c->record);
    TRY(reserve_offset(c));
    enum status st = item != NULL ? read_given(m, item, &c->record, &record)
                                  : read_own(m, height, &c->record, &record);
    if (st == ST_CORRUPT) {
        struct damage damage;
        char name[OS_NAME_MAX + 1];
        segment_name(name, m->log->kind, m->of.number);
        damage_set(&damage, name, 0, height, "the record is damaged");
        log_note(m->log, height, height, &damage);
        return ST_BUSY;
    }
    TRY(st);
    if (c->size > UINT32_MAX - c->record.size) return ST_CORRUPT;
    record_encode(c->record.data, m->env, c->salt, &record);
    TRY(m->env->os->file_write(m->env->os, c->file, buf_span(&c->record), c->size));
    c->digest = segment_digest_next(&c->digest, c->record.data);
    c->last = (struct place){.number = c->number,
                             .offset = c->size,
                             .length = (uint32_t)c->record.size,
                             .height = height,
                             .hash = record.hash};
    c->offsets[c->count++] = (uint32_t)c->size;
    c->size += c->record.size;
    must(height == c->first + c->count - 1); /* S1. */
    return ST_OK;
}

static enum status copy_seal(struct copy *c, uint64_t *seal_offset)
{
    const struct env *env = c->m->env;
    must(c->count > 0);
    struct record seal = {.count = c->count, .height = c->first + c->count - 1, .hash = c->digest};
    buf_reset(&c->record);
    segment_seal_encode(&c->record, env, c->salt, &seal, c->offsets);
    TRY(buf_status(&c->record));
    *seal_offset = c->size;
    return env->os->file_write(env->os, c->file, buf_span(&c->record), c->size);
}

/* M1. */
static enum status copy_place(struct copy *c)
{
    const struct env *env = c->m->env;
    const struct segment_kind *kind = c->m->log->kind;
    char name[OS_NAME_MAX + 1];
    must(c->file != NULL);
    segment_name(name, kind, c->number);
    TRY(env->os->file_sync(env->os, c->file));
    TRY(env_rename(env, c->temporary, name));
    return env_sync_dir(env, kind->dir);
}

static void copy_end(struct copy *c)
{
    const struct env *env = c->m->env;
    env->os->file_close(env->os, c->file);
    mem_free(env->mem, c->offsets);
    buf_fini(&c->record);
}

/* M2: the records make another file. If some were its own, others must take their place. */
static enum status refuse(struct copy *c)
{
    struct mend *m = c->m;
    struct gap gap = {
        .number = m->of.number, .first = m->of.first, .last = m->of.last, .is_false = true};
    char name[OS_NAME_MAX + 1];
    if (m->count == m->of.last - m->of.first + 1) return ST_CORRUPT;
    segment_name(name, m->log->kind, m->of.number);
    damage_set(&gap.place, name, 0, m->of.first, "blocks of the file are not those of the chain");
    gaps_add(m->log->gaps, &gap);
    return ST_BUSY;
}

static enum status finish_sealed(struct copy *c)
{
    struct log *l = c->m->log;
    uint64_t seal_offset = 0;
    if (!hash_equal(&c->digest, &c->m->of.digest)) return refuse(c);
    TRY(copy_seal(c, &seal_offset));
    TRY(copy_place(c));
    mutex_lock(l->lock);
    struct log_sealed *s = &l->sealed[c->number - 1];
    must(c->number <= l->sealed_count);
    s->seal_offset = seal_offset;
    s->is_lost = false;
    s->is_packed = false;
    s->is_cold = false;
    s->version++;
    mutex_unlock(l->lock);
    return remove_cold(c);
}

/* What is hot counts, where there are both. */
static enum status remove_cold(struct copy *c)
{
    char name[OS_NAME_MAX + 1];
    segment_cold_name(name, c->m->env, c->m->log->kind, c->number);
    return env_remove(c->m->env, name);
}

/* What was appended meanwhile is few, and is added while nobody appends (M3). */
static enum status finish_current(struct copy *c)
{
    struct mend *m = c->m;
    struct log *l = m->log;
    TRY(m->env->os->file_sync(m->env->os, c->file)); /* Most of it, before the lock. */
    mutex_lock(l->writing);
    m->is_writing = true;
    bool is_current = l->file != NULL && c->number == (uint64_t)l->sealed_count + 1;
    enum status st = is_current ? exchange(c) : ST_BUSY;
    m->is_writing = false;
    mutex_unlock(l->writing);
    return st;
}

static enum status exchange(struct copy *c)
{
    struct log *l = c->m->log;
    const struct env *env = c->m->env;
    enum status st = ST_OK;
    for (uint64_t height = c->first + c->count; height <= l->height && st == ST_OK; height++)
        st = copy_add(c, height);
    TRY(st);
    if (c->count != l->count || c->size != l->size || !hash_equal(&c->digest, &l->digest))
        return refuse(c);
    st = copy_place(c);
    if (st != ST_OK) return st;
    env->os->file_close(env->os, l->file);
    l->file = c->file;
    c->file = NULL;
    l->is_dirty = false;
    l->is_dir_dirty = false;
    return ST_OK;
}

/* The journal names its last block; nothing else in memory is right: the store is opened anew. */
static enum status finish_broken(struct copy *c)
{
    const struct place *durable = &c->m->log->last;
    const struct place *last = &c->last;
    if (last->number != durable->number || last->offset != durable->offset ||
        last->length != durable->length || !hash_equal(&last->hash, &durable->hash))
        return refuse(c);
    return copy_place(c);
}
