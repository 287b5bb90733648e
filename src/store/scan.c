/* scan.c - Read every byte of a store and name what is wrong, without opening or changing it.
 *
 * What lies behind the durable place of the journal need not be whole: blocks there are visited as
 * any, one that the end of the file cuts off is passed over in silence; anything else is told. A
 * crash leaves whole sectors of a write, a kill whole pages: an end elsewhere inside a record was
 * cut, as was an end below what the owner knew as final. */
#include "base/must.h"
#include "store/index.h"
#include "store/journal.h"
#include "store/log.h"

#define UNCOVERED   "bytes that the journal does not cover; a start of the node cuts them"

#define SCAN_SECTOR 512u

struct walk {
    const struct env *env;
    const struct segment_kind *kind;
    const struct store_scan *scan;
    struct place end;     /* Durable place of the blocks. */
    bool has_end;         /* The journal could be read. */
    uint64_t newest;      /* Number of the last file. */
    bool has_previous;    /* The file before was read to its seal: */
    uint64_t next_height; /* what follows it */
    struct hash previous; /* and its digest. */
    uint64_t offset;      /* Where it ends. */
    bool is_damaged;
    bool is_file_damaged; /* Something was found in the file at hand. */
};

static enum status walk_kind(struct walk *w);
static enum status walk_file(struct walk *w, uint64_t number);
static enum status walk_records(struct walk *w, struct segment_reader *r);
static enum status walk_block(struct walk *w, const struct segment_reader *r);
static void check_end(struct walk *w, struct segment_reader *r);
static void check_final(struct walk *w);
static void find(struct walk *w, const struct damage *d);
static void find_in_other(void *context, const struct damage *damage);

enum status store_scan(const struct store_config *config, const struct store_scan *scan)
{
    struct env *env = mem_alloc_zero(config->mem, 1, sizeof *env);
    if (env == NULL) return ST_NO_MEMORY;
    struct walk blocks = {.env = env, .kind = &segment_blocks, .scan = scan};
    struct walk results = {.env = env, .kind = &segment_results, .scan = scan};
    enum status st = env_init(env, config);
    env->is_read_only = true;
    if (st != ST_OK) goto out;
    struct journal_finder finder = {.found = find_in_other, .context = &blocks};
    struct pending_finder held = {.found = find_in_other, .context = &blocks};
    struct journal_ends ends = {.held = {.first = 1}};
    st = journal_scan(env, &finder, &ends);
    blocks.has_end = st == ST_OK;
    blocks.end = ends.newest;
    if (st == ST_OK || st == ST_CORRUPT) st = walk_kind(&blocks);
    if (st == ST_OK) check_final(&blocks);
    if (st == ST_OK) st = pending_scan(env, blocks.has_end ? &ends.held : NULL, &held);
    if (st == ST_OK) st = walk_kind(&results);
    if (st == ST_OK && (blocks.is_damaged || results.is_damaged)) st = ST_CORRUPT;
out:
    env_fini(env);
    mem_free(config->mem, env);
    return st;
}

static enum status walk_kind(struct walk *w)
{
    TRY(log_newest(w->env, w->kind, &w->newest));
    must(w->env->is_read_only); /* S9. */
    w->has_previous = true;
    w->next_height = 1;
    for (uint64_t number = 1; number <= w->newest; number++)
        TRY(walk_file(w, number));
    return w->has_end && w->end.number > w->newest ? walk_file(w, w->end.number) : ST_OK;
}

static bool is_uncovered(const struct walk *w, const struct segment_reader *r, uint64_t number)
{
    if (!w->has_end) return false;
    if (number != w->end.number) return number > w->end.number;
    return r != NULL && r->offset >= w->end.offset + w->end.length;
}

static void find_at(struct walk *w, uint64_t number, const struct damage *d)
{
    struct damage told = *d;
    must(number > 0);
    if (is_uncovered(w, NULL, number)) damage_set(&told, d->file, d->offset, d->height, UNCOVERED);
    find(w, &told);
}

static enum status walk_file(struct walk *w, uint64_t number)
{
    struct segment_reader r;
    struct damage d = {0};
    must(number > 0);
    w->is_file_damaged = false;
    enum status st = segment_reader_open(&r, w->env, w->kind, number, &d);
    if (st == ST_NOT_FOUND) {
        char name[OS_NAME_MAX + 1];
        segment_name(name, w->kind, number);
        st = damaged(&d, name, 0, w->has_previous ? w->next_height : 0, "the file is missing");
    }
    if (st == ST_CORRUPT || st == ST_TRUNCATED) {
        find_at(w, number, &d);
        w->has_previous = false;
        return ST_OK;
    }
    TRY(st);
    bool is_any = number == 1 && w->kind == &segment_results;
    if (w->has_previous && (!hash_equal(&w->previous, &r.header.previous) ||
                            (!is_any && r.header.first_height != w->next_height))) {
        damage_set(&d, r.file.name, 56, w->next_height,
                   "the file does not continue the one before");
        find_at(w, number, &d);
    }
    st = walk_records(w, &r);
    if (st == ST_OK) check_end(w, &r);
    if (st == ST_OK && r.is_sealed && w->kind == &segment_blocks) {
        struct index_id id = {
            .number = number, .first_height = r.header.first_height, .digest = r.digest};
        enum status index_st = index_scan(w->env, &id, &d);
        if (index_st == ST_CORRUPT) find(w, &d);
        if (index_st != ST_CORRUPT && index_st != ST_NOT_FOUND) st = index_st;
    }
    w->has_previous = r.is_sealed && !w->is_file_damaged;
    w->previous = r.digest;
    w->next_height = r.height + 1;
    w->offset = r.offset;
    must(!w->has_previous || r.offset == r.file.size);
    segment_reader_close(&r);
    return st;
}

/* To the end of the file, or to where it cannot be read on. */
static enum status walk_records(struct walk *w, struct segment_reader *r)
{
    bool is_last = r->header.number >= w->newest;
    for (;;) {
        struct damage d = {0};
        uint64_t before = r->offset;
        bool is_open = !w->has_end || is_uncovered(w, r, r->header.number);
        enum status st = segment_reader_next(r, &d);
        must(r->offset >= before);
        if (st == ST_OK) {
            must(r->offset > before);
            TRY(walk_block(w, r));
            continue;
        }
        if (st == ST_NOT_FOUND) return ST_OK;
        bool is_tail = st == ST_TRUNCATED && is_last && is_open;
        if (is_tail && r->file.size % SCAN_SECTOR == 0) return ST_OK; /* A torn append. */
        if (st != ST_CORRUPT && st != ST_TRUNCATED) return st;
        if (is_tail)
            damage_set(&d, r->file.name, before, r->height + 1, "the file ends inside a block");
        else if (is_open && w->has_end)
            damage_set(&d, r->file.name, before, d.height, UNCOVERED);
        find(w, &d);
        if (r->offset == before) return ST_OK;
    }
}

static enum status walk_block(struct walk *w, const struct segment_reader *r)
{
    const struct place *end = &w->end;
    must(r->offset > r->start);
    must(w->has_end || end->height == 0);
    if (r->record.kind != RECORD_BLOCK || w->kind != &segment_blocks) return ST_OK;
    struct damage d = {.offset = r->start, .height = r->height};
    memcpy(d.file, r->file.name, sizeof d.file);
    if (w->has_end && r->height == end->height &&
        (r->header.number != end->number || r->start != end->offset ||
         !hash_equal(&r->record.hash, &end->hash))) {
        damage_set(&d, r->file.name, r->start, r->height,
                   "the block is not the one the journal names");
        find(w, &d);
        return ST_OK;
    }
    if (w->scan->visit == NULL) return ST_OK;
    return w->scan->visit(w->scan->context, r->height, segment_reader_body(r), &d);
}

/* A whole file may still be too short. */
static void check_end(struct walk *w, struct segment_reader *r)
{
    struct damage d;
    if (w->is_file_damaged) return;
    bool is_before_last =
        r->header.number < w->newest || (w->has_end && r->header.number < w->end.number);
    if (w->has_end && r->header.number == w->end.number && r->height < w->end.height) {
        damage_set(&d, r->file.name, r->offset, r->height + 1,
                   "the file ends before what the journal calls durable");
        find(w, &d);
    } else if (!r->is_sealed && is_before_last) {
        damage_set(&d, r->file.name, r->offset, r->height + 1,
                   "the seal of the segment is missing");
        find(w, &d);
    }
}

/* In order of writing a block stands in its segment before the journal can call it final. */
static void check_final(struct walk *w)
{
    const uint64_t height = w->scan->final_height;
    if (w->is_file_damaged || w->next_height > height) return;
    bool is_new = w->newest == 0 || w->has_previous;
    struct damage d;
    char name[OS_NAME_MAX + 1];
    segment_name(name, w->kind, w->newest + (is_new ? 1 : 0));
    damage_set(&d, name, is_new ? 0 : w->offset, w->next_height,
               "the file ends before what this node knew as final; if that is still among the held "
               "blocks, the next start puts it back");
    find(w, &d);
}

static void find(struct walk *w, const struct damage *d)
{
    w->is_damaged = true;
    w->is_file_damaged = true;
    must(d->file[0] != '\0');
    if (w->scan->found != NULL) w->scan->found(w->scan->context, d);
}

static void find_in_other(void *context, const struct damage *damage)
{
    struct walk *w = context;
    find(w, damage);
    w->is_file_damaged = false;
}
