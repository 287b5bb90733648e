/* tidy.c - Compressing sealed segments and moving old ones. Invariants: tidy.h. */
#include "store/tidy.h"

#include <stdio.h>

#include "base/must.h"

struct job {
    uint64_t number; /* 0: none. */
    uint32_t version;
    bool is_packing;
};

static void end(struct tidy *t);
static void choose(const struct tidy *t, struct log *l, struct job *out);
static enum status begin(struct tidy *t, struct log *l, const struct job *job);
static enum status begin_packing(struct tidy *t);
static enum status begin_moving(struct tidy *t);
static enum status step(struct tidy *t);
static void note_damage(const struct tidy *t);
static enum status finish(struct tidy *t, struct mend *m);
static enum status finish_packed(struct tidy *t);
static enum status finish_moved(struct tidy *t);

void tidy_init(struct tidy *t, const struct env *env, uint32_t hot_segments)
{
    *t = (struct tidy){.env = env,
                       .hot_segments = hot_segments == 0 ? STORE_HOT_SEGMENTS : hot_segments};
}

void tidy_fini(struct tidy *t)
{
    if (t->env != NULL) end(t);
}

enum status tidy_step(struct tidy *t, struct log *l, struct mend *m, uint64_t bytes)
{
    enum status st = ST_OK;
    if (t->log == NULL) {
        struct job job;
        choose(t, l, &job);
        if (job.number == 0) return ST_NOT_FOUND;
        st = begin(t, l, &job);
    }
    if (t->log != l && st == ST_OK) return ST_OK; /* The other log's is at hand. */
    const uint64_t until = t->done + bytes;
    while (st == ST_OK && t->done < t->size && t->done < until)
        st = step(t);
    if (st == ST_OK && t->done < t->size) return ST_OK;
    if (st == ST_OK) st = finish(t, m);
    bool is_damaged = st == ST_CORRUPT || st == ST_TRUNCATED;
    if (is_damaged) note_damage(t);
    end(t);
    return is_damaged || st == ST_BUSY ? ST_OK : st;
}

bool tidy_is_due(const struct tidy *t, struct log *l)
{
    struct job job;
    choose(t, l, &job);
    return job.number != 0;
}

/* It is missing, or too short: whoever mends finds out which blocks it lacks (T1). */
static void note_damage(const struct tidy *t)
{
    struct log_file of;
    if (!log_file_at(t->log, t->number, &of)) return;
    struct gap gap = {.number = of.number, .first = of.first, .last = of.first - 1};
    segment_name(gap.place.file, t->log->kind, of.number);
    damage_set(&gap.place, gap.place.file, 0, of.first, "the file is missing or cannot be read");
    gaps_add(t->log->gaps, &gap);
}

/* What was begun goes; a new file that is not in its place yet is removed by the next one. */
static void end(struct tidy *t)
{
    sfile_close(&t->from);
    t->env->os->file_close(t->env->os, t->source);
    t->env->os->file_close(t->env->os, t->to);
    packer_fini(&t->packer);
    mem_free(t->env->mem, t->chunk);
    t->source = NULL;
    t->to = NULL;
    t->chunk = NULL;
    t->log = NULL;
    t->done = 0;
    t->size = 0;
}

/* First all are compressed, then those beyond the hot ones are moved. */
static void choose(const struct tidy *t, struct log *l, struct job *out)
{
    struct gap gap;
    *out = (struct job){.number = 0};
    mutex_lock(l->lock);
    for (uint32_t i = 0; i < l->sealed_count && out->number == 0; i++) {
        const struct log_sealed *s = &l->sealed[i];
        bool is_old = l->sealed_count - i > t->hot_segments;
        if (s->is_lost || (s->is_packed && (s->is_cold || !is_old))) continue;
        if (gaps_of_file(l->gaps, i + 1, &gap)) continue; /* T1. */
        *out = (struct job){.number = i + 1, .version = s->version, .is_packing = !s->is_packed};
    }
    mutex_unlock(l->lock);
}

static enum status begin(struct tidy *t, struct log *l, const struct job *job)
{
    t->log = l;
    t->number = job->number;
    t->version = job->version;
    t->is_packing = job->is_packing;
    t->done = 0;
    t->size = 0;
    t->chunk = mem_alloc(t->env->mem, PACK_FRAME_SIZE);
    if (t->chunk == NULL) return ST_NO_MEMORY;
    TRY(t->is_packing ? begin_packing(t) : begin_moving(t));
    TRY(env_remove(t->env, t->temporary));
    TRY(env_open(t->env, &t->to, t->temporary, OS_WRITE | OS_CREATE | OS_EXCLUSIVE));
    t->packer.file = t->to;
    return ST_OK;
}

static enum status begin_packing(struct tidy *t)
{
    struct damage ignored;
    const char *dir = t->log->kind->dir;
    int size = snprintf(t->temporary, sizeof t->temporary, "%s/pack.tmp", dir);
    must(size > 0);
    enum status st = sfile_open(&t->from, t->env, t->log->kind, t->number, &ignored);
    if (st == ST_NOT_FOUND) return ST_CORRUPT;
    TRY(st);
    t->size = t->from.size;
    if (t->size == 0 || t->size > UINT32_MAX) return ST_CORRUPT;
    return packer_init(&t->packer, t->env->os, t->env->mem, &t->env->crc, t->size);
}

static enum status begin_moving(struct tidy *t)
{
    char name[OS_NAME_MAX + 1];
    char dir[OS_NAME_MAX + 1];
    segment_cold_name(dir, t->env, t->log->kind, 0);
    TRY(env_make_dir(t->env, dir));
    int size = snprintf(t->temporary, sizeof t->temporary, "%.*s/move.tmp", ENV_COLD_MAX + 16, dir);
    must(size > 0);
    segment_name(name, t->log->kind, t->number);
    enum status st = env_open(t->env, &t->source, name, OS_READ);
    if (st == ST_NOT_FOUND) return ST_CORRUPT;
    TRY(st);
    return t->env->os->file_size(t->env->os, t->source, &t->size);
}

static enum status step(struct tidy *t)
{
    uint64_t left = t->size - t->done;
    size_t size = left < PACK_FRAME_SIZE ? (size_t)left : PACK_FRAME_SIZE;
    must(left > 0);
    struct span bytes = span_of(t->chunk, size);
    if (t->is_packing) {
        TRY(sfile_read(&t->from, t->chunk, size, t->done));
        TRY(packer_add(&t->packer, bytes));
    } else {
        TRY(env_read(t->env, t->source, t->chunk, size, t->done));
        TRY(t->env->os->file_write(t->env->os, t->to, bytes, t->done));
    }
    t->done += size;
    return ST_OK;
}

/* T1: whoever mends may have put another file there. */
static bool is_same(const struct tidy *t)
{
    struct gap gap;
    struct log *l = t->log;
    if (gaps_of_file(l->gaps, t->number, &gap)) return false;
    mutex_lock(l->lock);
    bool is_there = t->number <= l->sealed_count;
    is_there = is_there && l->sealed[t->number - 1].version == t->version;
    mutex_unlock(l->lock);
    return is_there;
}

static enum status finish(struct tidy *t, struct mend *m)
{
    if (t->is_packing) TRY(packer_end(&t->packer));
    TRY(t->env->os->file_sync(t->env->os, t->to));
    mutex_lock(m->lock);
    enum status st = ST_BUSY;
    if (is_same(t)) st = t->is_packing ? finish_packed(t) : finish_moved(t);
    mutex_unlock(m->lock);
    return st;
}

static void note(const struct tidy *t)
{
    struct log *l = t->log;
    mutex_lock(l->lock);
    struct log_sealed *s = &l->sealed[t->number - 1];
    s->is_packed = true;
    s->is_cold = !t->is_packing;
    mutex_unlock(l->lock);
}

static enum status finish_packed(struct tidy *t)
{
    char name[OS_NAME_MAX + 1];
    segment_name(name, t->log->kind, t->number);
    TRY(env_rename(t->env, t->temporary, name));
    TRY(env_sync_dir(t->env, t->log->kind->dir));
    note(t);
    return ST_OK;
}

static enum status finish_moved(struct tidy *t)
{
    char name[OS_NAME_MAX + 1];
    char dir[OS_NAME_MAX + 1];
    segment_cold_name(name, t->env, t->log->kind, t->number);
    segment_cold_name(dir, t->env, t->log->kind, 0);
    TRY(env_rename(t->env, t->temporary, name));
    TRY(env_sync_dir(t->env, dir));
    segment_name(name, t->log->kind, t->number);
    TRY(env_remove(t->env, name)); /* T2. */
    TRY(env_sync_dir(t->env, t->log->kind->dir));
    note(t);
    return ST_OK;
}
