/* store_gap.c - Damage of an open store: naming it, closing it. */
#include "base/must.h"
#include "store/store_int.h"

static struct log *log_of(struct store *s, enum store_part part)
{
    switch (part) {
    case STORE_BLOCKS: return &s->blocks;
    case STORE_RESULTS: return &s->results;
    }
    must(false);
    return NULL;
}

enum status store_gap(struct store *s, enum store_part part, struct store_gap *out)
{
    struct log *l = log_of(s, part);
    struct mend_gap gap;
    must(!s->env.is_read_only); /* S9. */
    TRY(mend_next(&s->mend, l, &gap));
    *out = (struct store_gap){.first = gap.first, .last = gap.last, .place = gap.place};
    mutex_lock(l->lock);
    out->is_end = gap.last == l->height;
    if (out->is_end && part == STORE_BLOCKS) out->end_hash = l->last.hash;
    mutex_unlock(l->lock);
    must(out->first <= out->last);
    return ST_OK;
}

enum status store_repair(struct store *s, enum store_part part, const struct store_block *block)
{
    struct log_record r = {.height = block->height,
                           .hash = &block->hash,
                           .txids = block->txids,
                           .count = block->tx_count,
                           .body = block->bytes};
    must(!s->env.is_read_only); /* S9. */
    return mend_give(&s->mend, log_of(s, part), &r);
}

void store_repair_cancel(struct store *s)
{
    mend_forget(&s->mend);
}

bool store_has_gap(struct store *s, enum store_part part)
{
    struct gap gap;
    return gaps_highest(log_of(s, part)->gaps, &gap);
}

bool store_is_broken(const struct store *s)
{
    return s->blocks.is_broken;
}

bool store_results_are_lost(const struct store *s)
{
    return s->results_are_lost;
}

void store_note_false(struct store *s,
                      enum store_part part,
                      uint64_t first,
                      uint64_t last,
                      const struct damage *place)
{
    struct log *l = log_of(s, part);
    struct log_file file;
    for (uint64_t height = first; height <= last && log_file_of(l, height, &file);
         height = file.last + 1) {
        struct gap gap = {.number = file.number,
                          .first = height,
                          .last = last < file.last ? last : file.last,
                          .is_false = true,
                          .place = *place};
        gaps_add(l->gaps, &gap);
    }
}

enum status store_rebuild_indexes(struct store *s, uint64_t *made)
{
    enum status first = ST_OK;
    struct index_id id;
    *made = 0;
    must(!s->env.is_read_only); /* S9. */
    for (uint32_t number = 1; store_index_id(s, number, &id); number++) {
        mutex_lock(s->repair_lock);
        enum status st = index_rebuild(&s->env, &id, INDEX_REPAIRED);
        mutex_unlock(s->repair_lock);
        if (st != ST_OK && st != ST_CORRUPT) return st;
        if (st == ST_OK) ++*made;
        if (first == ST_OK) first = st;
    }
    return first;
}

bool store_is_tidy(struct store *s)
{
    return !tidy_is_due(&s->tidy, &s->blocks) && !tidy_is_due(&s->tidy, &s->results);
}

enum status store_tidy(struct store *s, uint64_t bytes)
{
    must(!s->env.is_read_only); /* S9. */
    if (s->blocks.is_broken || s->results_are_lost) return ST_NOT_FOUND;
    enum status st = tidy_step(&s->tidy, &s->blocks, &s->mend, bytes);
    if (st == ST_NOT_FOUND || s->tidy.log == &s->results)
        st = tidy_step(&s->tidy, &s->results, &s->mend, bytes);
    return st;
}
