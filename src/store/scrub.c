/* scrub.c - Looking at everything on disk while the store is in use, a bounded step at a time.
 *
 * Files are read by their names, as the next start would read them, and compared with what memory
 * holds: heads and payloads by their checksums, whole files by the digest, an index by the txids of
 * its segment, the journal byte by byte. Where a file cannot be read in a row its blocks are read
 * one by one, so that no more is called damaged than is. */
#include "base/must.h"
#include "store/store_int.h"

enum phase { PHASE_BLOCKS, PHASE_RESULTS, PHASE_HELD, PHASE_JOURNAL, PHASE_DONE };

struct store_scrub {
    struct store *s;
    struct store_scrub_visitor visitor;
    enum phase phase;
    uint64_t number; /* Of the file at hand, or the next one. */
    struct log_file of;
    struct segment_reader reader;
    bool is_open;
    bool is_apart;      /* Read one by one: */
    uint64_t height;    /* the next one. */
    bool is_damaged;    /* The file at hand. */
    uint64_t told;      /* Newest height that was told as damaged one by one. */
    struct txmap txids; /* Of the segment at hand. */
    struct buf bytes;
    uint32_t held;
    uint64_t done; /* Heights. */
    uint64_t read;
};

static enum status step_file(struct store_scrub *c, struct log *l);
static enum status open_file(struct store_scrub *c, struct log *l);
static enum status next_record(struct store_scrub *c, struct log *l);
static enum status next_apart(struct store_scrub *c, struct log *l);
static enum status take_record(struct store_scrub *c, const struct log *l);
static enum status end_file(struct store_scrub *c, struct log *l);
static void go_apart(struct store_scrub *c, const struct log *l, const struct damage *damage);
static enum status check_index(struct store_scrub *c);
static enum status step_held(struct store_scrub *c);
static enum status check_journal(struct store_scrub *c);
static void tell(struct store_scrub *c, const struct damage *damage);

enum status store_scrub_new(struct store_scrub **out,
                            struct store *s,
                            const struct store_scrub_visitor *visitor)
{
    must(!s->env.is_read_only); /* S9: it repairs. */
    struct store_scrub *c = mem_alloc_zero(s->env.mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->s = s;
    c->visitor = *visitor;
    c->number = 1;
    buf_init(&c->bytes, s->env.mem, 0);
    txmap_init(&c->txids, s->env.mem, 0);
    *out = c;
    return ST_OK;
}

void store_scrub_free(struct store_scrub *c)
{
    if (c == NULL) return;
    if (c->is_open) segment_reader_close(&c->reader);
    txmap_fini(&c->txids);
    buf_fini(&c->bytes);
    mem_free(c->s->env.mem, c);
}

enum status store_scrub_step(struct store_scrub *c, uint64_t bytes, uint64_t *read)
{
    enum status st = ST_OK;
    c->read = 0;
    while (st == ST_OK && c->read <= bytes) {
        switch (c->phase) {
        case PHASE_BLOCKS: st = step_file(c, &c->s->blocks); break;
        case PHASE_RESULTS: st = step_file(c, &c->s->results); break;
        case PHASE_HELD: st = step_held(c); break;
        case PHASE_JOURNAL: st = check_journal(c); break;
        case PHASE_DONE: st = ST_NOT_FOUND; break;
        }
    }
    *read = c->read;
    return st;
}

void store_scrub_progress(const struct store_scrub *c, uint64_t *done, uint64_t *total)
{
    *total = log_height(&c->s->blocks) + log_height(&c->s->results);
    *done = c->done < *total ? c->done : *total;
}

/* --- segments --------------------------------------------------------------------------------- */

static enum status step_file(struct store_scrub *c, struct log *l)
{
    if (c->is_apart) return next_apart(c, l);
    if (c->is_open) return next_record(c, l);
    if (log_file_at(l, c->number, &c->of)) return open_file(c, l);
    c->phase = c->phase == PHASE_BLOCKS ? PHASE_RESULTS : PHASE_HELD;
    c->number = 1;
    return ST_OK;
}

static enum status open_file(struct store_scrub *c, struct log *l)
{
    struct damage d = {0};
    c->is_damaged = false;
    txmap_reset(&c->txids);
    c->height = c->of.first;
    enum status st = segment_reader_open(&c->reader, &c->s->env, l->kind, c->number, &d);
    c->is_open = st == ST_OK;
    if (st == ST_NOT_FOUND) {
        if (c->of.is_cold)
            segment_cold_name(d.file, &c->s->env, l->kind, c->number);
        else
            segment_name(d.file, l->kind, c->number);
        st = damaged(&d, d.file, 0, c->of.first, "the file is missing");
    }
    if (st == ST_OK && c->reader.salt != c->of.salt)
        st = damaged(&d, c->reader.file.name, 0, c->of.first, "the file is another one");
    if (st != ST_CORRUPT && st != ST_TRUNCATED) return st;
    go_apart(c, l, &d);
    return ST_OK;
}

/* What surrounds the blocks from here on is wrong: the file is written anew in any case. */
static void go_apart(struct store_scrub *c, const struct log *l, const struct damage *damage)
{
    struct gap gap = {
        .number = c->of.number, .first = c->of.first, .last = c->of.first - 1, .place = *damage};
    gaps_add(l->gaps, &gap);
    tell(c, damage);
    if (c->is_open) segment_reader_close(&c->reader);
    c->is_open = false;
    c->is_apart = true;
    c->told = 0;
}

static enum status next_record(struct store_scrub *c, struct log *l)
{
    struct segment_reader *r = &c->reader;
    struct damage d = {0};
    if (!c->of.is_sealed && r->height == c->of.last) return end_file(c, l);
    uint64_t before = r->offset;
    enum status st = segment_reader_next(r, &d);
    c->read += r->offset - before;
    c->height = r->height + 1;
    if (st == ST_OK && r->record.kind == RECORD_BLOCK && r->height <= c->of.last)
        return take_record(c, l);
    if (st == ST_OK && r->record.kind == RECORD_SEAL && c->of.is_sealed &&
        r->offset == r->file.size)
        return end_file(c, l);
    bool is_one = st == ST_CORRUPT && r->offset > before && r->height <= c->of.last;
    if (is_one) {
        log_note(l, r->height, r->height, &d);
        tell(c, &d);
        c->done++;
        return ST_OK;
    }
    if (st == ST_OK || st == ST_NOT_FOUND)
        st = damaged(&d, r->file.name, before, c->height, "the file does not end where it should");
    if (st != ST_CORRUPT && st != ST_TRUNCATED) return st;
    if (c->height > c->of.last) c->height = c->of.last + 1;
    go_apart(c, l, &d);
    return ST_OK;
}

static enum status take_record(struct store_scrub *c, const struct log *l)
{
    const struct segment_reader *r = &c->reader;
    c->done++;
    if (l->kind != &segment_blocks) return ST_OK;
    if (c->of.is_sealed && !c->is_damaged) {
        TRY(txmap_reserve(&c->txids, r->record.count));
        txmap_add(&c->txids, r->height, segment_reader_txids(r));
    }
    if (c->visitor.visit == NULL) return ST_OK;
    struct damage place;
    damage_set(&place, r->file.name, r->start, r->height, "");
    return c->visitor.visit(c->visitor.context, r->height, &r->record.hash, segment_reader_body(r),
                            &place);
}

/* All checksums are right: is it the file that memory knows? */
static enum status end_file(struct store_scrub *c, struct log *l)
{
    bool is_same = hash_equal(&c->reader.digest, &c->of.digest);
    if (!is_same && !c->is_damaged) {
        struct gap gap = {
            .number = c->of.number, .first = c->of.first, .last = c->of.last, .is_false = true};
        damage_set(&gap.place, c->reader.file.name, 0, c->of.first,
                   "the file was replaced by another one, whose checksums are right");
        gaps_add(l->gaps, &gap);
        tell(c, &gap.place);
    }
    segment_reader_close(&c->reader);
    c->is_open = false;
    c->number++;
    bool has_index = l->kind == &segment_blocks && c->of.is_sealed && !c->is_damaged;
    return has_index ? check_index(c) : ST_OK;
}

static enum status next_apart(struct store_scrub *c, struct log *l)
{
    struct log_source source = {.height = c->height};
    struct record record;
    struct damage d = {0};
    if (c->height > c->of.last) {
        c->is_apart = false;
        c->number++;
        return ST_OK;
    }
    c->height++;
    c->done++;
    if (c->of.is_lost) return ST_OK; /* All of it is a gap. */
    buf_reset(&c->bytes);
    enum status st = log_read_record(l, &source, &c->bytes, &record, &d);
    c->read += c->bytes.size;
    if (st == ST_OK || st == ST_NOT_FOUND) return ST_OK;
    if (st != ST_CORRUPT) return st;
    bool is_next = c->told == source.height - 1; /* Of a row, the first is told. */
    c->told = source.height;
    if (!is_next) tell(c, &d);
    return ST_OK;
}

/* --- indexes ---------------------------------------------------------------------------------- */

static enum status check_index(struct store_scrub *c)
{
    struct store *s = c->s;
    struct index_id id;
    struct damage d = {0};
    if (!store_index_id(s, (uint32_t)c->of.number, &id)) return ST_OK; /* It is being made. */
    enum status st = index_compare(&s->env, &id, &c->txids, &d);
    c->read += (uint64_t)c->txids.count * 40;
    if (st != ST_CORRUPT && st != ST_NOT_FOUND) return st;
    mutex_lock(s->repair_lock);
    st = index_write(&s->env, &id, &c->txids, INDEX_REPAIRED);
    mutex_unlock(s->repair_lock);
    d.is_mended = st == ST_OK;
    tell(c, &d);
    return st;
}

/* --- held bodies and the journal -------------------------------------------------------------- */

static enum status step_held(struct store_scrub *c)
{
    struct pending_entry entry;
    struct damage d = {0};
    if (!pending_entry_at(&c->s->pending, c->held, &entry)) {
        c->phase = PHASE_JOURNAL;
        return ST_OK;
    }
    c->held++;
    buf_reset(&c->bytes);
    enum status st = pending_read_entry(&c->s->pending, &entry, &c->bytes, &d);
    c->read += c->bytes.size;
    if (st == ST_OK) return ST_OK;
    uint64_t height = 0;
    bool is_held = pending_find(&c->s->pending, &entry.hash, &height);
    if (!is_held || st == ST_NOT_FOUND) return ST_OK; /* Settled meanwhile. */
    if (st == ST_CORRUPT) tell(c, &d);
    return st == ST_CORRUPT ? ST_OK : st;
}

static enum status check_journal(struct store_scrub *c)
{
    struct store *s = c->s;
    struct damage d = {0};
    mutex_lock(s->journal_lock);
    enum status st = journal_compare(&s->journal, &d);
    c->read += (uint64_t)s->journal.area_size * 4;
    bool is_wrong = st == ST_CORRUPT;
    if (is_wrong) st = journal_restore(&s->journal);
    if (is_wrong && st != ST_NO_MEMORY) st = store_keep(s, st);
    mutex_unlock(s->journal_lock);
    d.is_mended = st == ST_OK;
    if (is_wrong) tell(c, &d);
    c->phase = PHASE_DONE;
    return st;
}

static void tell(struct store_scrub *c, const struct damage *damage)
{
    c->is_damaged = true;
    must(damage->file[0] != '\0');
    if (c->visitor.found != NULL) c->visitor.found(c->visitor.context, damage);
}
