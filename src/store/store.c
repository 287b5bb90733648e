/* store.c - Blocks, held blocks, results and journal of one directory, together.
 *
 * Invariants are numbered in README.md. Every failure of a write or sync is kept: from then on the
 * store refuses to write (S8), because after a failed sync nobody knows what the disk holds. */
#include "store/store.h"

#include "base/must.h"
#include "store/journal_mark.h"
#include "store/store_int.h"

static enum status seal_segment(struct store *s);
static enum status sync_journal(struct store *s, const struct journal_ends *ends);
static enum status restore_name(struct store *s);
static enum status check_name(struct store *s);
static enum status keep_result(struct store *s, enum status st);
static enum status append_result(struct store *s, uint64_t height, struct span result);
static enum status find_sealed(struct store *s,
                               const struct index_id *id,
                               const struct hash *txid,
                               uint64_t *height,
                               uint32_t *index);

uint64_t store_height(const struct store *s)
{
    return log_height(&s->blocks);
}

enum status store_append(struct store *s, const struct store_block *block)
{
    must(!s->env.is_read_only);                  /* S9. */
    must(block->height == s->blocks.height + 1); /* S1. */
    TRY(store_keep(s, ST_OK));
    if (s->blocks.is_broken) return ST_CORRUPT;
    if (block->bytes.size > RECORD_BODY_MAX || block->tx_count > RECORD_TXIDS_MAX) return ST_LIMIT;
    if (log_is_full(&s->blocks)) TRY(store_keep(s, seal_segment(s)));
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
    TRY(store_keep(s, log_append(&s->blocks, &r)));
    struct span txids = span_of(block->txids, (size_t)block->tx_count * HASH_SIZE);
    mutex_lock(s->blocks.lock);
    txmap_add(&s->txids, block->height, txids);
    mutex_unlock(s->blocks.lock);
    must(s->blocks.height == block->height);
    s->unsettled += s->blocks.last.length;
    s->unsettled_count++;
    return ST_OK;
}

enum status store_hold(struct store *s, const struct store_block *block)
{
    must(!s->env.is_read_only); /* S9. */
    TRY(store_keep(s, ST_OK));
    uint64_t height = 0;
    if (pending_find(&s->pending, &block->hash, &height)) return ST_OK;
    if (block->height <= s->blocks.height) return ST_INVALID;
    if (block->bytes.size > RECORD_BODY_MAX || s->pending.bytes >= s->held_max) return ST_LIMIT;
    TRY(pending_reserve(&s->pending, block));
    return store_keep(s, pending_hold(&s->pending, block));
}

enum status store_release(struct store *s, const struct hash *keep_hashes, uint32_t count)
{
    TRY(store_settle(s));
    struct pending *p = &s->pending;
    struct buf bytes;
    enum status st = store_keep(s, pending_start_file(p)); /* What is kept goes to new files. */
    uint64_t first = p->last + 1;
    buf_init(&bytes, s->env.mem, 0);
    for (uint32_t i = 0; i < count && st == ST_OK; i++) {
        struct store_block block = {.hash = keep_hashes[i]};
        buf_reset(&bytes);
        st = pending_find(p, &block.hash, &block.height) ? ST_OK : ST_NOT_FOUND;
        if (st == ST_OK) st = pending_read(p, &block.hash, &bytes, NULL);
        block.bytes = buf_span(&bytes);
        if (st == ST_OK) st = pending_reserve(p, &block);
        if (st == ST_OK) st = store_keep(s, pending_hold(p, &block));
        if (st == ST_NOT_FOUND || st == ST_CORRUPT) st = ST_OK; /* Peers may have it. */
    }
    buf_fini(&bytes);
    TRY(st);
    TRY(store_keep(s, pending_sync(p)));
    struct journal_ends ends = {.newest = s->journal.end, .held = pending_range(p, 0)};
    if (ends.held.first < first) ends.held.first = first;
    if (ends.held.first > ends.held.last) ends.held.size = 0;
    TRY(store_keep(s, sync_journal(s, &ends))); /* S10. */
    return store_keep(s, pending_drop(p, &ends.held));
}

bool store_is_crowded(const struct store *s)
{
    return s->pending.bytes >= s->held_max / 2;
}

enum status store_held_each(struct store *s, const struct store_held_visitor *v)
{
    const struct pending *p = &s->pending;
    uint64_t height = s->blocks.height;
    for (uint32_t i = 0; i < p->damage_count; i++) {
        const struct pending_damage *d = &p->damages[i];
        if (!d->is_one || d->damage.height > height) TRY(v->found(v->context, &d->damage));
    }
    struct buf bytes;
    enum status st = ST_OK;
    buf_init(&bytes, s->env.mem, 0);
    for (uint32_t i = 0; i < p->entry_count && st == ST_OK; i++) {
        const struct pending_entry entry = p->entries[i]; /* A visit may hold more. */
        struct damage damage;
        if (entry.height <= height) continue;
        buf_reset(&bytes);
        st = pending_read_entry(p, &entry, &bytes, &damage);
        if (st == ST_OK)
            st = v->visit(v->context, entry.height, &entry.hash, buf_span(&bytes));
        else if (st == ST_CORRUPT)
            st = v->found(v->context, &damage);
    }
    buf_fini(&bytes);
    return st;
}

enum status store_read_held(struct store *s, const struct hash *hash, struct buf *out)
{
    return pending_read(&s->pending, hash, out, NULL);
}

enum status store_journal(struct store *s, uint32_t slot, struct span record)
{
    must(!s->env.is_read_only); /* S9. */
    TRY(store_keep(s, ST_OK));
    if (s->is_lost) return ST_DENIED; /* S11. */
    if (slot >= JOURNAL_SLOTS) return ST_INVALID;
    struct pending_range held = pending_range(&s->pending, 0); /* As store_sync will make it. */
    mutex_lock(s->journal_lock);
    journal_name_held(&s->journal, &held);
    enum status st = journal_put(&s->journal, slot, record);
    mutex_unlock(s->journal_lock);
    return st;
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
    TRY(store_keep(s, ST_OK));
    struct journal_ends ends = {.newest = s->journal.end};
    TRY(store_keep(s, pending_sync(&s->pending))); /* S5: bodies before what names them. */
    ends.held = pending_range(&s->pending, 0);
    return store_keep(s, sync_journal(s, &ends));
}

enum status store_settle(struct store *s)
{
    must(!s->env.is_read_only); /* S9. */
    TRY(store_keep(s, ST_OK));
    TRY(store_keep(s, pending_sync(&s->pending)));
    TRY(store_keep(s, log_sync(&s->blocks))); /* S5. */
    must(!s->blocks.is_dirty);
    TRY(store_keep(s, check_name(s)));
    struct journal_ends ends = {.newest = s->blocks.last,
                                .held = pending_range(&s->pending, s->blocks.height)};
    TRY(store_keep(s, sync_journal(s, &ends)));
    TRY(store_keep(s, journal_mark_write(&s->env, s->journal.seq)));
    s->unsettled = 0;
    s->unsettled_count = 0;
    return store_keep(s, pending_drop(&s->pending, &ends.held)); /* S10. */
}

enum status store_blocks_sync(struct store *s)
{
    must(!s->env.is_read_only); /* S9. */
    TRY(store_keep(s, ST_OK));
    enum status st = log_sync_beside(&s->blocks);
    if (st == ST_NOT_FOUND) st = restore_name(s);
    return store_keep(s, st);
}

/* Does a start find the newest block where the journal will name it? If not, a gap was noted. */
static enum status check_name(struct store *s)
{
    struct place place;
    struct store_gap unused;
    if (s->unsettled_count == 0 || s->blocks.is_broken) return ST_OK;
    enum status st = log_place(&s->blocks, s->blocks.height, &place, NULL);
    if (st != ST_CORRUPT) return st;
    st = store_gap(s, STORE_BLOCKS, &unused);
    (void)st; /* What only others have comes later. */
    return ST_OK;
}

/* The name of the current file is gone, and with it what a crash would leave of it: written anew
 * from the file that is still open. */
static enum status restore_name(struct store *s)
{
    struct store_gap unused;
    struct log_file of;
    uint64_t height = log_height(&s->blocks);
    if (log_file_of(&s->blocks, height, &of)) {
        struct gap gap = {.number = of.number, .first = of.first, .last = of.first - 1};
        segment_name(gap.place.file, &segment_blocks, of.number);
        damage_set(&gap.place, gap.place.file, 0, of.first, "the file is missing");
        gaps_add(s->blocks.gaps, &gap);
    }
    enum status st = store_gap(s, STORE_BLOCKS, &unused);
    if (st != ST_OK && st != ST_NOT_FOUND) return st;
    return log_sync_beside(&s->blocks);
}

bool store_wants_settle(const struct store *s)
{
    return s->unsettled >= STORE_UNSETTLED_MAX || s->unsettled_count >= STORE_UNSETTLED_BLOCKS_MAX;
}

bool store_journal_is_lost(const struct store *s)
{
    return s->is_lost;
}

enum status store_append_result(struct store *s, uint64_t height, struct span result)
{
    must(!s->env.is_read_only); /* S9. */
    must(height > 0);
    TRY(keep_result(s, ST_OK));
    if (s->results_are_lost) return ST_CORRUPT;
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
        if (!store_index_id(s, number, &id)) continue;
        enum status st = find_sealed(s, &id, txid, height, index);
        if (st != ST_NOT_FOUND) return st;
    }
    return ST_NOT_FOUND;
}

static enum status sync_journal(struct store *s, const struct journal_ends *ends)
{
    mutex_lock(s->journal_lock);
    enum status st = journal_sync(&s->journal, ends);
    mutex_unlock(s->journal_lock);
    return st;
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

/* The first failure stays (S8). */
static enum status keep_first(struct mutex *lock, enum status *failed, enum status st)
{
    mutex_lock(lock);
    if (*failed == ST_OK) *failed = st;
    enum status kept = *failed;
    mutex_unlock(lock);
    must(st == ST_OK || kept != ST_OK);
    return kept;
}

/* Two threads sync blocks, and two results: the first failure of either stays. */
enum status store_keep(struct store *s, enum status st)
{
    return keep_first(s->blocks.lock, &s->failed, st);
}

static enum status keep_result(struct store *s, enum status st)
{
    return keep_first(s->results.lock, &s->results_failed, st);
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

enum status store_place(struct store *s, uint64_t height, struct place *out)
{
    must(height > 0);
    if (height != s->blocks.last.height) return log_place(&s->blocks, height, out, NULL);
    *out = s->blocks.last;
    must(out->height == height);
    return ST_OK;
}

bool store_index_id(struct store *s, uint32_t number, struct index_id *out)
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
