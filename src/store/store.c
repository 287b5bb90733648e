/* store.c - Blocks, results and journal of one directory, together.
 *
 * Invariants are numbered in README.md. Every failure of a write or sync is kept: from then on the
 * store refuses to write (S8), because after a failed sync nobody knows what the disk holds. */
#include "store/store.h"

#include "base/must.h"
#include "store/index.h"
#include "store/journal.h"
#include "store/log.h"
#include "store/txmap.h"

#define LOCK_NAME      "lock"
#define INDEX_WRITTEN  "blocks/index.tmp"
#define INDEX_REPAIRED "blocks/repair.tmp"
#define RESULTS_SHARE  4u /* Files of results are smaller: sealing one waits for its sync. */

struct store {
    struct env env;
    struct os_file *lock_file;
    struct log blocks;
    struct log results;
    struct journal journal;
    struct txmap txids;         /* Of segments that have no index yet; guarded by blocks.lock. */
    uint32_t indexed_count;     /* Segments 1…indexed_count have one; guarded by blocks.lock. */
    struct mutex *repair_lock;  /* One reader at a time rebuilds an index. */
    enum status failed;         /* Of the storage thread: kept for ever. */
    enum status results_failed; /* Of results; guarded by results.lock. */
};

static enum status open_files(struct store *s,
                              const struct store_config *config,
                              struct damage *damage);
static enum status open_logs(struct store *s, uint64_t segment_size, struct damage *damage);
static enum status make_ready(struct store *s);
static enum status prepare_dir(struct store *s);
static enum status open_journal(struct store *s, uint32_t area_size, struct damage *damage);
static enum status open_blocks(struct store *s, struct damage *damage);
static enum status check_votes(struct store *s, struct damage *damage);
static enum status open_indexes(struct store *s);
static enum status seal_segment(struct store *s);
static enum status keep(enum status *failed, enum status st);
static enum status keep_result(struct store *s, enum status st);
static enum status append_result(struct store *s, uint64_t height, struct span result);
static enum status place_of(struct store *s, uint64_t height, struct place *out);
static bool get_index_id(struct store *s, uint32_t number, struct index_id *out);
static enum status find_sealed(struct store *s,
                               const struct index_id *id,
                               const struct hash *txid,
                               uint64_t *height,
                               uint32_t *index);

enum status store_open(struct store **out, const struct store_config *config, struct damage *damage)
{
    uint32_t area_size = config->journal_area_size;
    if (config->segment_size > SEGMENT_SIZE_MAX) return ST_LIMIT;
    if (area_size != 0 && (area_size < JOURNAL_AREA_MIN || area_size > JOURNAL_AREA_MAX ||
                           area_size % JOURNAL_SECTOR != 0))
        return ST_LIMIT;
    struct store *s = mem_alloc_zero(config->mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->env.mem = config->mem;
    enum status st = env_init(&s->env, config);
    if (st == ST_OK) st = open_files(s, config, damage);
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
    log_fini(&s->results);
    log_fini(&s->blocks);
    txmap_fini(&s->txids);
    mutex_free(s->repair_lock);
    if (s->lock_file != NULL) s->env.os->file_close(s->env.os, s->lock_file);
    mem_free(mem, s);
}

uint64_t store_height(const struct store *s)
{
    return log_height(&s->blocks);
}

enum status store_append(struct store *s, const struct store_block *block)
{
    must(!s->env.is_read_only);                  /* S9. */
    must(block->height == s->blocks.height + 1); /* S1. */
    if (s->failed != ST_OK) return s->failed;
    if (block->bytes.size > RECORD_BODY_MAX || block->tx_count > RECORD_TXIDS_MAX) return ST_LIMIT;
    if (log_is_full(&s->blocks)) TRY(keep(&s->failed, seal_segment(s)));
    struct log_record r = {.height = block->height,
                           .hash = &block->hash,
                           .txids = block->txids,
                           .count = block->tx_count,
                           .body = block->bytes};
    mutex_lock(s->blocks.lock);
    enum status st = txmap_reserve(&s->txids, block->tx_count);
    mutex_unlock(s->blocks.lock);
    TRY(st);
    TRY(log_reserve(&s->blocks, &r));
    TRY(keep(&s->failed, log_append(&s->blocks, &r)));
    struct span txids = span_of(block->txids, (size_t)block->tx_count * HASH_SIZE);
    mutex_lock(s->blocks.lock);
    txmap_add(&s->txids, block->height, txids);
    mutex_unlock(s->blocks.lock);
    must(s->blocks.height == block->height);
    return ST_OK;
}

enum status store_journal(struct store *s, uint32_t slot, uint64_t vote_height, struct span record)
{
    must(!s->env.is_read_only); /* S9. */
    must(vote_height <= s->blocks.height);
    if (s->failed != ST_OK) return s->failed;
    if (slot >= JOURNAL_SLOTS) return ST_INVALID;
    if (vote_height == 0) return journal_put(&s->journal, slot, NULL, record);
    struct place place;
    TRY(place_of(s, vote_height, &place));
    return journal_put(&s->journal, slot, &place, record);
}

enum status store_journal_read(struct store *s, uint32_t slot, struct buf *out)
{
    if (slot >= JOURNAL_SLOTS) return ST_INVALID;
    struct span record = journal_get(&s->journal, slot);
    if (record.size == 0) return ST_NOT_FOUND;
    must(record.data != NULL);
    must(record.size <= JOURNAL_RECORD_MAX);
    buf_put(out, record);
    return buf_status(out);
}

enum status store_sync(struct store *s)
{
    must(!s->env.is_read_only); /* S9. */
    if (s->failed != ST_OK) return s->failed;
    TRY(keep(&s->failed, log_sync(&s->blocks))); /* S5: bodies before what names them. */
    must(!s->blocks.is_dirty);                   /* S5. */
    must(!s->blocks.is_dir_dirty);
    return keep(&s->failed, journal_sync(&s->journal, &s->blocks.last));
}

enum status store_append_result(struct store *s, uint64_t height, struct span result)
{
    must(!s->env.is_read_only); /* S9. */
    must(height > 0);
    TRY(keep_result(s, ST_OK));
    if (result.size > RECORD_BODY_MAX) return ST_LIMIT;
    uint64_t before = s->results.height;
    if (before > 0 && height > before + 1) return ST_INVALID;
    if (height <= before) TRY(keep_result(s, log_cut(&s->results, height - 1, NULL)));
    return append_result(s, height, result);
}

enum status store_results_sync(struct store *s)
{
    must(!s->env.is_read_only); /* S9. */
    TRY(keep_result(s, ST_OK));
    return keep_result(s, log_sync_beside(&s->results));
}

uint64_t store_result_height(const struct store *s)
{
    return log_height(&s->results);
}

enum status store_read_block(struct store *s,
                             uint64_t height,
                             struct buf *out,
                             struct damage *damage)
{
    return log_read(&s->blocks, height, out, damage);
}

enum status store_read_result(struct store *s,
                              uint64_t height,
                              struct buf *out,
                              struct damage *damage)
{
    return log_read(&s->results, height, out, damage);
}

/* Newest first: what people ask for is recent. */
enum status store_find_tx(struct store *s,
                          const struct hash *txid,
                          uint64_t *height,
                          uint32_t *index)
{
    mutex_lock(s->blocks.lock);
    bool is_found = txmap_find(&s->txids, txid, height, index);
    uint32_t number = s->indexed_count;
    mutex_unlock(s->blocks.lock);
    if (is_found) return ST_OK;
    for (; number > 0; number--) {
        struct index_id id;
        if (!get_index_id(s, number, &id)) continue;
        enum status st = find_sealed(s, &id, txid, height, index);
        if (st != ST_NOT_FOUND) return st;
    }
    return ST_NOT_FOUND;
}

static enum status open_files(struct store *s,
                              const struct store_config *config,
                              struct damage *damage)
{
    uint64_t seed = 0;
    s->env.os->entropy(s->env.os, &seed, sizeof seed);
    txmap_init(&s->txids, s->env.mem, seed);
    TRY(mutex_new(&s->repair_lock, s->env.mem));
    if (!s->env.is_read_only) TRY(prepare_dir(s));
    TRY(open_journal(s, config->journal_area_size, damage));
    TRY(open_logs(s, config->segment_size, damage));
    if (!s->env.is_read_only) return make_ready(s);
    s->indexed_count = s->blocks.sealed_count;
    return ST_OK;
}

static enum status open_logs(struct store *s, uint64_t segment_size, struct damage *damage)
{
    uint64_t size = segment_size == 0 ? STORE_SEGMENT_SIZE : segment_size;
    uint64_t results_size = size / RESULTS_SHARE == 0 ? 1 : size / RESULTS_SHARE;
    TRY(log_init(&s->blocks, &s->env, &segment_blocks, size));
    TRY(open_blocks(s, damage));
    TRY(check_votes(s, damage));
    TRY(log_init(&s->results, &s->env, &segment_results, results_size));
    return log_open(&s->results, NULL, NULL, damage);
}

static enum status make_ready(struct store *s)
{
    must(!s->env.is_read_only); /* S9. */
    TRY(open_indexes(s));
    return journal_renew(&s->journal);
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
    return env_make_dir(&s->env, "results");
}

/* A directory with blocks and without journal is not new: its promises are lost. */
static enum status open_journal(struct store *s, uint32_t area_size, struct damage *damage)
{
    enum status st = journal_open(&s->journal, &s->env, damage);
    must(s->blocks.env == NULL); /* The journal comes first: it says what is durable. */
    if (st != ST_NOT_FOUND) return st;
    uint64_t newest = 0;
    TRY(log_newest(&s->env, &segment_blocks, &newest));
    if (newest > 0)
        return damaged(damage, JOURNAL_NAME, 0, 0, "the journal is missing; rejoin with a new key");
    if (s->env.is_read_only) return ST_NOT_FOUND;
    TRY(env_sync_parent(&s->env)); /* The journal is what says that a store is here: last. */
    TRY(journal_create(&s->env, area_size));
    return journal_open(&s->journal, &s->env, damage);
}

static enum status add_txids(void *context, const struct segment_reader *reader)
{
    struct store *s = context;
    must(reader->record.kind == RECORD_BLOCK);
    must(s->failed == ST_OK);
    TRY(txmap_reserve(&s->txids, reader->record.count));
    txmap_add(&s->txids, reader->height, segment_reader_txids(reader));
    return ST_OK;
}

static enum status open_blocks(struct store *s, struct damage *damage)
{
    struct log_visitor visitor = {.visit = add_txids, .context = s};
    TRY(log_open(&s->blocks, &s->journal.end, &visitor, damage));
    must(s->blocks.height == s->journal.end.height); /* S4. */
    return ST_OK;
}

/* Every vote in the journal has its body where it says. */
static enum status check_votes(struct store *s, struct damage *damage)
{
    for (uint32_t i = 0; i < JOURNAL_SLOTS; i++) {
        const struct place *vote = &s->journal.slots[i].place;
        if (vote->height == 0) continue;
        struct buf body;
        buf_init(&body, s->env.mem, 0);
        enum status st = log_read(&s->blocks, vote->height, &body, damage);
        buf_fini(&body);
        if (st == ST_NOT_FOUND) st = ST_CORRUPT;
        TRY(st);
        struct place found;
        TRY(log_place(&s->blocks, vote->height, &found, damage));
        if (found.number == vote->number && found.offset == vote->offset &&
            found.length == vote->length && hash_equal(&found.hash, &vote->hash))
            continue;
        return damaged(damage, JOURNAL_NAME, 0, vote->height,
                       "a vote names another block than the one that is stored");
    }
    return ST_OK;
}

static enum status open_indexes(struct store *s)
{
    for (uint32_t number = 1; number <= s->blocks.sealed_count; number++) {
        struct index_id id;
        s->indexed_count = number;
        must(get_index_id(s, number, &id));
        enum status st = index_check(&s->env, &id, NULL);
        if (st == ST_CORRUPT || st == ST_NOT_FOUND) {
            st = index_rebuild(&s->env, &id, INDEX_WRITTEN);
            /* A damaged old segment is found by reads and scans, not at every start. */
            if (st == ST_CORRUPT) st = ST_OK;
        }
        TRY(st);
    }
    return ST_OK;
}

static enum status seal_segment(struct store *s)
{
    TRY(log_seal(&s->blocks));
    uint32_t number = s->blocks.sealed_count;
    const struct log_sealed *sealed = &s->blocks.sealed[number - 1];
    struct index_id id = {
        .number = number, .first_height = sealed->first_height, .digest = sealed->digest};
    must(number > 0);
    must(s->indexed_count == number - 1);
    must(s->txids.first_height == id.first_height);
    TRY(index_write(&s->env, &id, &s->txids, INDEX_WRITTEN));
    mutex_lock(s->blocks.lock);
    txmap_reset(&s->txids);
    s->indexed_count = number;
    mutex_unlock(s->blocks.lock);
    return ST_OK;
}

/* The first failure stays. */
static enum status keep(enum status *failed, enum status st)
{
    must(failed != NULL);
    must(*failed == ST_OK); /* S8. */
    *failed = st;
    return st;
}

/* Two threads write results and sync them: the first failure of either stays. */
static enum status keep_result(struct store *s, enum status st)
{
    mutex_lock(s->results.lock);
    if (s->results_failed == ST_OK) s->results_failed = st; /* S8. */
    enum status kept = s->results_failed;
    mutex_unlock(s->results.lock);
    must(st == ST_OK || kept != ST_OK);
    return kept;
}

static enum status append_result(struct store *s, uint64_t height, struct span result)
{
    static const struct hash none = {{0}};
    struct log *l = &s->results;
    must(l->height == 0 || l->height == height - 1); /* S1. */
    if (log_is_full(l)) TRY(keep_result(s, log_seal(l)));
    struct log_record r = {.height = height, .hash = &none, .body = result};
    TRY(log_reserve(l, &r));
    return keep_result(s, log_append(l, &r));
}

static enum status place_of(struct store *s, uint64_t height, struct place *out)
{
    must(height > 0);
    if (height < s->blocks.last.height) return log_place(&s->blocks, height, out, NULL);
    *out = s->blocks.last;
    must(out->height == height);
    return ST_OK;
}

static bool get_index_id(struct store *s, uint32_t number, struct index_id *out)
{
    must(number > 0);
    mutex_lock(s->blocks.lock);
    bool is_there = number <= s->indexed_count;
    if (is_there) {
        const struct log_sealed *sealed = &s->blocks.sealed[number - 1];
        *out = (struct index_id){
            .number = number, .first_height = sealed->first_height, .digest = sealed->digest};
    }
    mutex_unlock(s->blocks.lock);
    return is_there;
}

/* A damaged index is made again from its segment; read-only, the segment itself answers. */
static enum status find_sealed(struct store *s,
                               const struct index_id *id,
                               const struct hash *txid,
                               uint64_t *height,
                               uint32_t *index)
{
    must(id->number > 0);
    enum status st = index_find(&s->env, id, txid, height, index);
    if (st != ST_CORRUPT) return st;
    if (s->env.is_read_only) {
        struct txmap txids;
        txmap_init(&txids, s->env.mem, 0);
        st = index_collect(&s->env, id, &txids);
        if (st == ST_OK) st = txmap_find(&txids, txid, height, index) ? ST_OK : ST_NOT_FOUND;
        txmap_fini(&txids);
        return st;
    }
    mutex_lock(s->repair_lock);
    st = index_find(&s->env, id, txid, height, index);
    if (st == ST_CORRUPT) {
        st = index_rebuild(&s->env, id, INDEX_REPAIRED);
        if (st == ST_OK) st = index_find(&s->env, id, txid, height, index);
    }
    mutex_unlock(s->repair_lock);
    return st;
}
