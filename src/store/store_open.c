/* store_open.c - Opening a directory: what the journal calls durable is there, the rest is cut.
 *
 * A journal that cannot be read, or is gone from a directory that held promises, is lost. With
 * peers the node goes on without it, and without ever promising anything here again (S11): its
 * remains are renamed to journal.lost, which is what tells later starts; the files are read as far
 * as they are whole and made durable; only then a new journal names them. A start between two of
 * these steps finds journal.lost without a journal and does the rest. */
#include <stdio.h>

#include "base/must.h"
#include "store/journal_mark.h"
#include "store/store_int.h"

#define LOCK_NAME     "lock"
#define LOST_NAME     "journal.lost"
#define RESULTS_SHARE 4u /* Files of results are smaller: sealing one waits for its sync. */

struct opening {
    struct store *s;
    const struct store_config *config;
    struct damage *damage; /* Never null. */
    bool has_journal;      /* Else it was just lost, or is to be made. */
};

static enum status open_files(struct opening *o);
static enum status open_logs(struct opening *o);
static enum status open_results(struct opening *o, uint64_t size);
static enum status make_ready(struct opening *o);
static enum status prepare_dir(struct store *s);
static enum status prepare_cold(struct opening *o);
static enum status has_file(const struct store *s, const char *name, bool *is_there);
static enum status visit_none(void *context, const char *name);
static enum status open_journal(struct opening *o);
static enum status lose_journal(struct opening *o);
static enum status make_journal(struct opening *o);
static enum status open_blocks(struct opening *o);
static enum status open_indexes(struct opening *o);

enum status store_open(struct store **out, const struct store_config *config, struct damage *damage)
{
    uint32_t area_size = config->journal_area_size;
    struct damage unwanted;
    if (config->segment_size > SEGMENT_SIZE_MAX || config->pending_size > SEGMENT_SIZE_MAX)
        return ST_LIMIT;
    if (area_size != 0 && (area_size < JOURNAL_AREA_MIN || area_size > JOURNAL_AREA_MAX ||
                           area_size % JOURNAL_SECTOR != 0))
        return ST_LIMIT;
    struct store *s = mem_alloc_zero(config->mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->env.mem = config->mem;
    struct opening o = {.s = s, .config = config, .damage = damage != NULL ? damage : &unwanted};
    *o.damage = (struct damage){0};
    enum status st = env_init(&s->env, config);
    if (st == ST_OK) st = open_files(&o);
    if (st != ST_OK) {
        store_close(s);
        return st;
    }
    must(s->failed == ST_OK);
    must(s->env.is_read_only == config->is_read_only);
    *out = s;
    return ST_OK;
}

void store_close(struct store *s)
{
    if (s == NULL) return;
    struct mem *mem = s->env.mem;
    journal_close(&s->journal);
    mend_fini(&s->mend);
    pending_fini(&s->pending);
    log_fini(&s->results);
    log_fini(&s->blocks);
    txmap_fini(&s->txids);
    mutex_free(s->repair_lock);
    mutex_free(s->journal_lock);
    tidy_fini(&s->tidy);
    env_fini(&s->env);
    if (s->lock_file != NULL) s->env.os->file_close(s->env.os, s->lock_file);
    mem_free(mem, s);
}

static enum status open_files(struct opening *o)
{
    struct store *s = o->s;
    uint64_t seed = 0;
    s->held_max = o->config->held_max == 0 ? STORE_HELD_MAX : o->config->held_max;
    s->env.os->entropy(s->env.os, &seed, sizeof seed);
    txmap_init(&s->txids, s->env.mem, seed);
    TRY(mutex_new(&s->repair_lock, s->env.mem));
    TRY(mutex_new(&s->journal_lock, s->env.mem));
    TRY(mend_init(&s->mend, &s->env));
    tidy_init(&s->tidy, &s->env, o->config->hot_segments);
    if (!s->env.is_read_only) TRY(prepare_dir(s));
    if (!s->env.is_read_only) TRY(prepare_cold(o));
    TRY(open_journal(o));
    TRY(open_logs(o));
    if (!s->env.is_read_only) return make_ready(o);
    s->indexed_count = s->blocks.sealed_count;
    return ST_OK;
}

static enum status open_logs(struct opening *o)
{
    struct store *s = o->s;
    uint64_t size = o->config->segment_size == 0 ? STORE_SEGMENT_SIZE : o->config->segment_size;
    uint64_t results_size = size / RESULTS_SHARE == 0 ? 1 : size / RESULTS_SHARE;
    TRY(log_init(&s->blocks, &s->env, &segment_blocks, size));
    s->blocks.can_mend = o->config->can_mend && o->has_journal && !s->env.is_read_only;
    TRY(open_blocks(o));
    TRY(pending_init(&s->pending, &s->env, (uint32_t)o->config->pending_size));
    TRY(pending_open(&s->pending, o->has_journal ? &s->journal.held : NULL));
    return open_results(o, results_size);
}

/* They are derived: an owner that mends makes them again from the blocks. */
static enum status open_results(struct opening *o, uint64_t size)
{
    struct store *s = o->s;
    struct damage damage = {0}; /* Of a torn end, which is none. */
    TRY(log_init(&s->results, &s->env, &segment_results, size));
    enum status st = log_open(&s->results, NULL, NULL, &damage);
    if (st != ST_CORRUPT) return st;
    *o->damage = damage;
    if (!o->config->can_mend || s->env.is_read_only) return st;
    s->results_are_lost = true;
    log_fini(&s->results);
    return log_init(&s->results, &s->env, &segment_results, size);
}

static enum status make_ready(struct opening *o)
{
    must(!o->s->env.is_read_only); /* S9. */
    TRY(open_indexes(o));
    if (!o->has_journal) TRY(make_journal(o));
    return journal_renew(&o->s->journal);
}

/* The lock is held until store_close; the file stays. */
static enum status prepare_dir(struct store *s)
{
    struct os *os = s->env.os;
    enum status st = os->make_dir(os, s->env.dir);
    if (st != ST_OK && st != ST_EXISTS) return st;
    TRY(env_open(&s->env, &s->lock_file, LOCK_NAME, OS_WRITE | OS_CREATE));
    TRY(os->file_lock(os, s->lock_file, OS_LOCK_EXCLUSIVE, 0, 1));
    TRY(env_make_dir(&s->env, "blocks"));
    TRY(env_make_dir(&s->env, PENDING_DIR));
    return env_make_dir(&s->env, "results");
}

/* One that is the operator's must be there: on a disk that is not, everything would seem lost. */
static enum status prepare_cold_of(struct store *s, const struct segment_kind *kind)
{
    char name[OS_NAME_MAX + 1];
    char path[OS_PATH_MAX];
    uint64_t newest = 0;
    bool has_first = false;
    segment_cold_name(name, &s->env, kind, 0);
    TRY(env_path(&s->env, name, path));
    enum status st = s->env.os->list_dir(s->env.os, path, visit_none, NULL);
    if (st != ST_NOT_FOUND) return st;
    TRY(log_newest(&s->env, kind, &newest));
    segment_name(name, kind, 1);
    TRY(has_file(s, name, &has_first));
    if (newest > 0 && !has_first) return ST_NOT_FOUND;
    segment_cold_name(name, &s->env, kind, 0);
    return env_make_dir(&s->env, name);
}

static enum status prepare_cold(struct opening *o)
{
    struct store *s = o->s;
    if (s->env.cold[0] == '\0') return ST_OK; /* Made with the first segment. */
    enum status st = prepare_cold_of(s, &segment_blocks);
    if (st == ST_OK) st = prepare_cold_of(s, &segment_results);
    if (st == ST_NOT_FOUND)
        return damaged(o->damage, s->env.cold, 0, 0, "the directory of cold segments is not there");
    return st;
}

static enum status visit_none(void *context, const char *name)
{
    (void)context;
    (void)name;
    return ST_OK;
}

static enum status has_file(const struct store *s, const char *name, bool *is_there)
{
    struct os_file *file = NULL;
    enum status st = env_open(&s->env, &file, name, OS_READ);
    s->env.os->file_close(s->env.os, file);
    *is_there = st == ST_OK;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

/* A directory with blocks and without journal is not new: its promises are lost. */
static enum status open_journal(struct opening *o)
{
    struct store *s = o->s;
    TRY(has_file(s, LOST_NAME, &s->is_lost));
    enum status st = journal_open(&s->journal, &s->env, o->damage);
    must(s->blocks.env == NULL); /* The journal comes first: it says what is durable. */
    uint64_t mark = 0;
    if (st == ST_OK) TRY(journal_mark_read(&s->env, &mark));
    if (st == ST_OK && !s->is_lost && mark > s->journal.seq) {
        journal_close(&s->journal);
        st = damaged(o->damage, JOURNAL_NAME, 0, 0,
                     "the journal is older than what this node has said; rejoin with a new key");
    }
    o->has_journal = st == ST_OK;
    if (st == ST_OK && s->is_lost)
        damage_set(o->damage, LOST_NAME, 0, 0,
                   "the journal was lost before; this node votes again with a new key");
    if (st == ST_INVALID) return ST_CORRUPT;
    if (st != ST_NOT_FOUND && st != ST_CORRUPT) return st;
    uint64_t newest = 0;
    bool is_held = false;
    TRY(log_newest(&s->env, &segment_blocks, &newest));
    TRY(pending_is_there(&s->env, &is_held));
    if (st == ST_NOT_FOUND && newest == 0 && !is_held && !s->is_lost)
        return s->env.is_read_only ? ST_NOT_FOUND : ST_OK; /* A new directory. */
    if (st == ST_NOT_FOUND)
        damage_set(o->damage, JOURNAL_NAME, 0, 0, "the journal is missing; rejoin with a new key");
    if (s->env.is_read_only || !o->config->has_peers) return ST_CORRUPT;
    return lose_journal(o);
}

/* Its remains tell every later start. */
static enum status lose_journal(struct opening *o)
{
    struct store *s = o->s;
    enum status st = ST_OK;
    bool is_there = false;
    must(!s->env.is_read_only); /* S9. */
    TRY(has_file(s, JOURNAL_NAME, &is_there));
    if (is_there) {
        st = env_rename(&s->env, JOURNAL_NAME, LOST_NAME);
    } else if (!s->is_lost) {
        struct os_file *file = NULL;
        st = env_open(&s->env, &file, LOST_NAME, OS_WRITE | OS_CREATE);
        if (st == ST_OK) st = s->env.os->file_sync(s->env.os, file);
        s->env.os->file_close(s->env.os, file);
    }
    s->is_lost = true; /* S11. */
    return st == ST_OK ? env_sync_dir(&s->env, "") : st;
}

/* Of a new directory, or of what a lost one left: its name is written last. */
static enum status make_journal(struct opening *o)
{
    struct store *s = o->s;
    struct damage ignored;
    struct journal_ends ends = {0};
    if (s->blocks.height > 0) TRY(store_place(s, s->blocks.height, &s->blocks.last));
    TRY(log_sync(&s->blocks)); /* S5. */
    TRY(pending_sync(&s->pending));
    ends.newest = s->blocks.last;
    ends.held = pending_range(&s->pending, 0);
    must(ends.newest.height == s->blocks.height);
    TRY(env_sync_parent(&s->env));
    TRY(journal_mark_remove(&s->env));
    TRY(journal_create(&s->env, o->config->journal_area_size, &ends));
    return journal_open(&s->journal, &s->env, &ignored);
}

static enum status add_txids(void *context, const struct segment_reader *reader)
{
    struct store *s = context;
    must(reader->record.kind == RECORD_BLOCK);
    must(s->failed == ST_OK);
    if (reader->height == reader->header.first_height) txmap_reset(&s->txids);
    TRY(txmap_reserve(&s->txids, reader->record.count));
    txmap_add(&s->txids, reader->height, segment_reader_txids(reader));
    return ST_OK;
}

/* Damage behind the end of what counts is none. */
static enum status open_blocks(struct opening *o)
{
    struct store *s = o->s;
    struct damage damage = {0};
    struct log_visitor visitor = {.visit = add_txids, .context = s};
    const struct place *durable = o->has_journal ? &s->journal.end : NULL;
    enum status st = log_open(&s->blocks, durable, &visitor, &damage);
    if (st == ST_CORRUPT) *o->damage = damage;
    TRY(st);
    if (s->blocks.count == 0) txmap_reset(&s->txids); /* All are in sealed ones. */
    must(s->blocks.height >= s->journal.end.height);  /* S4. */
    if (s->blocks.height > s->journal.end.height) s->unsettled = STORE_UNSETTLED_MAX;
    return ST_OK;
}

static enum status open_indexes(struct opening *o)
{
    struct store *s = o->s;
    for (uint32_t number = 1; number <= s->blocks.sealed_count; number++) {
        struct index_id id;
        struct damage damage = {0};
        s->indexed_count = number;
        must(store_index_id(s, number, &id));
        enum status st = index_check(&s->env, &id, &damage);
        /* That of the newest one may be what a crash left. */
        if (st == ST_CORRUPT && number < s->blocks.sealed_count && o->damage->file[0] == 0) {
            *o->damage = damage;
            o->damage->is_mended = true;
        }
        if (st == ST_CORRUPT || st == ST_NOT_FOUND) {
            st = index_rebuild(&s->env, &id, INDEX_WRITTEN);
            /* A damaged old segment is found by reads and scans, not at every start. */
            if (st == ST_CORRUPT) st = ST_OK;
        }
        TRY(st);
    }
    return ST_OK;
}
