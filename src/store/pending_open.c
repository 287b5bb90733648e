/* pending_open.c - Bodies that were voted for and are not final yet: reading them again.
 *
 * Before the place the journal names every byte must be right. A record with a wrong body is read
 * past, by its head; a wrong head ends the reading of its file. What is lost so is told (the owner
 * decides: peers may have it) and stays where it is; the next record starts a new file. Behind the
 * place what is whole stays: a torn write of the journal may have kept a vote and lost the place
 * that covers its body, which was durable before. The rest is cut. */
#include <stdio.h>

#include "base/endian.h"
#include "base/must.h"
#include "store/pending.h"

#define UNCOVERED "bytes that the journal does not cover; a start of the node cuts them"

struct reader { /* One file, from its first byte to limit. */
    const struct env *env;
    struct os_file *file;
    char name[OS_NAME_MAX + 1];
    uint64_t number;
    uint64_t size_before; /* Of the file before, by the header. */
    uint64_t size;        /* Of the file; limit is at most that. */
    uint64_t limit;
    uint32_t salt;
    uint64_t start;  /* Of the newest record; */
    uint64_t offset; /* behind it. */
    struct record record;
    struct buf payload;
};

struct listing { /* The last numbers without a gap. */
    const struct env *env;
    const struct pending_range *durable; /* Null: not known. */
    bool removes; /* Files before durable, and those that do not follow it. */
    uint64_t first;
    uint64_t last;
};

static enum status reader_open(struct reader *r,
                               const struct env *env,
                               uint64_t number,
                               struct damage *damage);
static void reader_close(struct reader *r);
static enum status reader_next(struct reader *r, struct damage *damage);
static enum status visit_name(void *context, const char *name);
static enum status list(struct listing *l);
static enum status load_file(struct pending *p, uint64_t number, const struct pending_range *d);
static enum status drop_last(struct pending *p);
static enum status load_records(struct pending *p, struct reader *r, bool is_open_end);
static enum status take_last(struct pending *p, const struct reader *r);
static enum status note(struct pending *p, const struct damage *d, bool is_one);
static enum status scan_file(struct reader *r,
                             const struct pending_range *d,
                             const struct pending_finder *finder);

enum status pending_open(struct pending *p, const struct pending_range *durable)
{
    must(p->file_count == 0);
    struct listing l = {
        .env = p->env, .durable = durable, .removes = durable != NULL && !p->env->is_read_only};
    TRY(list(&l));
    uint64_t first = durable != NULL ? durable->first : l.first;
    uint64_t last = durable != NULL && durable->last > l.last ? durable->last : l.last;
    p->last = last;
    p->is_dir_dirty = !p->env->is_read_only;
    for (uint64_t number = first; number <= last && number > 0; number++)
        TRY(load_file(p, number, durable));
    return ST_OK;
}

enum status pending_is_there(const struct env *env, bool *is_there)
{
    struct listing l = {.env = env};
    TRY(list(&l));
    *is_there = l.last > 0;
    return ST_OK;
}

enum status pending_scan(const struct env *env,
                         const struct pending_range *durable,
                         const struct pending_finder *finder)
{
    struct listing l = {.env = env};
    must(env->is_read_only); /* S9. */
    TRY(list(&l));
    uint64_t first = durable != NULL && durable->size > 0 ? durable->first : l.first;
    uint64_t last = l.last;
    if (durable != NULL && durable->size > 0 && durable->last > last) last = durable->last;
    if (l.first > 0 && l.first < first) first = l.first; /* A start removes them. */
    uint64_t size_before = 0;                            /* 0: not known. */
    for (uint64_t number = first; number <= last && number > 0; number++) {
        struct reader r;
        struct damage d = {0};
        enum status st = reader_open(&r, env, number, &d);
        bool is_needed = durable == NULL || (number >= durable->first && number <= durable->last);
        if (st == ST_CORRUPT || st == ST_TRUNCATED) {
            bool is_torn = !is_needed && st == ST_TRUNCATED;
            if (!is_torn) finder->found(finder->context, &d);
            st = ST_OK;
            size_before = 0;
        } else if (st == ST_OK) {
            if (size_before > 0 && size_before != r.size_before) {
                pending_name(d.file, number - 1);
                d.offset = size_before;
                (void)snprintf(d.what, sizeof d.what, "the file is not as long as it was");
                finder->found(finder->context, &d);
            }
            size_before = r.size;
            st = scan_file(&r, durable, finder);
            reader_close(&r);
        } else if (st == ST_NOT_FOUND) {
            st = ST_OK;
            if (is_needed) finder->found(finder->context, &d);
        }
        TRY(st);
    }
    return ST_OK;
}

/* --- one file -------------------------------------------------------------------------------- */

static enum status read_header(struct reader *r, struct damage *damage)
{
    uint8_t in[PENDING_HEADER_SIZE];
    uint8_t want[PENDING_HEADER_SIZE];
    if (r->size < sizeof in) {
        damage_set(damage, r->name, r->size, 0, "the file ends inside its header");
        return ST_TRUNCATED;
    }
    TRY(env_read(r->env, r->file, in, sizeof in, 0));
    r->size_before = get_u64_le(in + 16);
    r->salt = pending_header_encode(want, r->env, r->number, r->size_before);
    if (memcmp(in, want, sizeof in) != 0)
        return damaged(damage, r->name, 0, 0,
                       "the header is damaged, or the file is another one or of another chain");
    r->offset = sizeof in;
    r->limit = r->size;
    return ST_OK;
}

static enum status reader_open(struct reader *r,
                               const struct env *env,
                               uint64_t number,
                               struct damage *damage)
{
    *r = (struct reader){.env = env, .number = number};
    pending_name(r->name, number);
    buf_init(&r->payload, env->mem, 0);
    damage_set(damage, r->name, 0, 0, "the file is missing");
    TRY(env_open(env, &r->file, r->name, OS_READ));
    enum status st = env->os->file_size(env->os, r->file, &r->size);
    if (st == ST_OK && r->size > PENDING_FILE_MAX)
        st = damaged(damage, r->name, PENDING_FILE_MAX, 0, "the file is larger than it may be");
    if (st == ST_OK) st = read_header(r, damage);
    if (st != ST_OK) reader_close(r);
    return st;
}

static void reader_close(struct reader *r)
{
    r->env->os->file_close(r->env->os, r->file);
    buf_fini(&r->payload);
    r->file = NULL;
}

/* ST_NOT_FOUND: the end. ST_TRUNCATED: the limit is inside a record. ST_CORRUPT: offset > start
 * when reading can go on. */
static enum status reader_next(struct reader *r, struct damage *damage)
{
    uint8_t head[RECORD_HEAD_SIZE];
    must(r->offset <= r->limit);
    if (r->offset == r->limit) return ST_NOT_FOUND;
    r->start = r->offset;
    damage_set(damage, r->name, r->start, 0, "the file ends inside a record");
    if (r->limit - r->offset < RECORD_HEAD_SIZE) return ST_TRUNCATED;
    TRY(env_read(r->env, r->file, head, sizeof head, r->offset));
    if (!record_decode(&r->record, r->env, r->salt, head) || r->record.kind != RECORD_BLOCK ||
        r->record.count != 0)
        return damaged(damage, r->name, r->start, 0, "the head of a held block is damaged");
    uint32_t size = r->record.size;
    if (size > r->limit - r->offset - RECORD_HEAD_SIZE) {
        damage->height = r->record.height;
        return ST_TRUNCATED;
    }
    buf_reset(&r->payload);
    if (size > 0) {
        uint8_t *room = buf_extend(&r->payload, size);
        TRY(buf_status(&r->payload));
        TRY(env_read(r->env, r->file, room, size, r->offset + RECORD_HEAD_SIZE));
    }
    r->offset += RECORD_HEAD_SIZE + size;
    if (crc32c_add(&r->env->crc, 0, buf_span(&r->payload)) == r->record.payload_crc) return ST_OK;
    return damaged(damage, r->name, r->start, r->record.height, "the held block is damaged");
}

/* --- all files ------------------------------------------------------------------------------- */

/* Of those that the journal does not know only what follows the others: S10. */
static bool is_listed(const struct listing *l, uint64_t number)
{
    if (l->durable == NULL) return true;
    uint64_t newest = l->last > l->durable->last ? l->last : l->durable->last;
    return number >= l->durable->first && number <= newest + 1;
}

static enum status visit_name(void *context, const char *name)
{
    struct listing *l = context;
    uint64_t number = 0;
    size_t digits = 0;
    for (; name[digits] >= '0' && name[digits] <= '9' && digits < 12; digits++)
        number = number * 10 + (uint64_t)(name[digits] - '0');
    if (digits < 8 || number == 0 || strcmp(name + digits, ".blk") != 0) return ST_OK;
    if (is_listed(l, number)) {
        if (number != l->last + 1) l->first = number;
        l->last = number;
        return ST_OK;
    }
    if (!l->removes) return ST_OK;
    char path[OS_NAME_MAX + 1];
    pending_name(path, number);
    return env_remove(l->env, path);
}

static enum status list(struct listing *l)
{
    char path[OS_PATH_MAX];
    must(l->first == 0);
    TRY(os_path_join(path, l->env->dir, PENDING_DIR));
    enum status st = l->env->os->list_dir(l->env->os, path, visit_name, l);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static bool is_damage(enum status st)
{
    return st == ST_CORRUPT || st == ST_TRUNCATED || st == ST_NOT_FOUND;
}

/* What the next file's header says of this one. */
static enum status check_size_before(struct pending *p, const struct reader *r)
{
    struct damage d;
    if (p->file_count < 2) return ST_OK;
    struct pending_file *before = &p->files[p->file_count - 2];
    if (before->is_damaged || before->size == r->size_before) return ST_OK;
    char name[OS_NAME_MAX + 1];
    pending_name(name, before->number);
    damage_set(&d, name, before->size, 0, "the file is not as long as it was");
    before->is_damaged = true;
    return note(p, &d, false);
}

/* What the journal calls durable of a file must be right; what is whole behind that stays. Without
 * a journal the last file ends with its last whole record. */
static enum status load_file(struct pending *p, uint64_t number, const struct pending_range *d)
{
    struct reader r;
    struct damage damage = {0};
    TRY(pending_reserve_file(p));
    bool is_last = number == p->last;
    uint64_t promised = d != NULL && number == d->last ? d->size : 0;
    bool is_behind = d != NULL && number > d->last;
    struct pending_file *f = &p->files[p->file_count++];
    *f = (struct pending_file){.number = number, .size = promised, .is_damaged = true};
    enum status st = reader_open(&r, p->env, number, &damage);
    if (is_damage(st) && is_behind && is_last) return drop_last(p);
    if (st != ST_OK) {
        p->bytes += f->size; /* They leave with it. */
        return is_damage(st) ? note(p, &damage, false) : st;
    }
    f->salt = r.salt;
    f->is_damaged = false;
    st = check_size_before(p, &r);
    if (st == ST_OK && promised > r.size) {
        f->is_damaged = true;
        damage_set(&damage, r.name, r.size, 0,
                   "the file ends before what the journal calls durable");
        st = note(p, &damage, false);
    } else if (promised > 0) {
        r.limit = promised;
    }
    bool is_open_end = is_behind || (is_last && d == NULL);
    if (st == ST_OK) st = load_records(p, &r, is_open_end);
    if (st == ST_OK && promised > 0 && !f->is_damaged) {
        r.limit = r.size;
        st = load_records(p, &r, true);
    }
    bool has_size = f->is_damaged && promised > 0;
    if (!has_size) f->size = !f->is_damaged && (is_open_end || promised > 0) ? r.offset : r.size;
    p->bytes += f->size;
    if (st == ST_OK && is_last && !f->is_damaged) st = take_last(p, &r);
    reader_close(&r);
    return st;
}

/* The last file was being made: nothing in it was promised. */
static enum status drop_last(struct pending *p)
{
    char name[OS_NAME_MAX + 1];
    must(p->file_count > 0);
    must(p->files[p->file_count - 1].number == p->last);
    pending_name(name, p->last);
    p->file_count--;
    p->last--;
    return p->env->is_read_only ? ST_OK : env_remove(p->env, name);
}

static enum status load_records(struct pending *p, struct reader *r, bool is_open_end)
{
    struct pending_file *f = &p->files[p->file_count - 1];
    for (;;) {
        struct damage d = {0};
        enum status st = reader_next(r, &d);
        if (st == ST_NOT_FOUND) return ST_OK;
        if (st == ST_OK) {
            TRY(pending_reserve_entry(p));
            struct pending_entry e = {.hash = r->record.hash,
                                      .number = r->number,
                                      .height = r->record.height,
                                      .offset = (uint32_t)r->start,
                                      .size = r->record.size};
            pending_add(p, &e);
            continue;
        }
        if (!is_damage(st)) return st;
        if (is_open_end) {
            r->offset = r->start;
            return ST_OK;
        }
        bool is_end = r->offset == r->start;
        f->is_damaged = true;
        TRY(note(p, &d, !is_end));
        if (is_end) return ST_OK;
    }
}

/* Go on behind its last record. */
static enum status take_last(struct pending *p, const struct reader *r)
{
    const struct env *env = p->env;
    uint64_t size = p->files[p->file_count - 1].size;
    must(p->file == NULL);
    must(size >= PENDING_HEADER_SIZE);
    if (env->is_read_only) return ST_OK;
    TRY(env_open(env, &p->file, r->name, OS_WRITE));
    p->is_dirty = true; /* Whether the process before synced it is not known. */
    if (r->size == size) return ST_OK;
    TRY(env->os->file_truncate(env->os, p->file, size));
    return env->os->file_sync(env->os, p->file);
}

static enum status note(struct pending *p, const struct damage *d, bool is_one)
{
    if (p->damages == NULL)
        p->damages = mem_alloc_zero(p->env->mem, PENDING_DAMAGE_MAX, sizeof *p->damages);
    if (p->damages == NULL) return ST_NO_MEMORY;
    must(d->file[0] != '\0');
    if (p->damage_count == PENDING_DAMAGE_MAX) return ST_OK;
    p->damages[p->damage_count++] = (struct pending_damage){.damage = *d, .is_one = is_one};
    return ST_OK;
}

/* --- scan ------------------------------------------------------------------------------------ */

static enum status scan_file(struct reader *r,
                             const struct pending_range *d,
                             const struct pending_finder *finder)
{
    for (;;) {
        struct damage damage = {0};
        uint64_t before = r->offset;
        bool is_open = d != NULL && (r->number > d->last ||
                                     (r->number == d->last && before >= d->size && d->size > 0));
        enum status st = reader_next(r, &damage);
        if (st == ST_OK) continue;
        if (st == ST_NOT_FOUND) break;
        if (!is_damage(st)) return st;
        if (is_open && st == ST_TRUNCATED) return ST_OK; /* A torn write. */
        if (is_open) damage_set(&damage, r->name, before, damage.height, UNCOVERED);
        finder->found(finder->context, &damage);
        if (r->offset == before) return ST_OK;
    }
    struct damage short_file;
    if (d == NULL || r->number != d->last || d->size <= r->size) return ST_OK;
    damage_set(&short_file, r->name, r->size, 0,
               "the file ends before what the journal calls durable");
    finder->found(finder->context, &short_file);
    return ST_OK;
}
