/* history.c - The newest heights in memory, older ones in runs.
 *
 * Invariants
 * H1 runs cover heights 1…saved without a gap or overlap, in order; the tail those above.
 * H2 a run that a cursor reads stays open until the cursor is closed, though a merge replaced it.
 * H3 a merge that is cut short leaves runs that cover the same heights twice: the larger wins at
 * the next open, the others are removed. H4 of neighbours the older run is more than twice as
 * large, so there are at most about log2(n). */
#include "history/history.h"

#include <stdlib.h>

#include "base/must.h"
#include "codec/cbor.h"
#include "history/run.h"
#include "os/thread.h"

struct tail_entry {
    uint64_t table;
    struct history_entry entry;
};

struct part { /* Of a block: write set, or gone. */
    uint64_t height;
    struct span set;
    uint32_t index; /* Of the next entry. */
    bool skips_ends;
    bool is_gone;
};

struct history {
    struct run_env env;
    struct mutex *mutex;
    struct run *runs[HISTORY_RUNS_MAX]; /* H1, ascending. */
    uint32_t run_count;
    struct tail_entry *tail; /* By height and index. */
    uint32_t tail_count;
    uint32_t tail_capacity;
    uint64_t height;
    struct hash digest; /* Of height. */
};

struct history_cursor {
    struct history *history;
    struct history_range range;
    struct run *runs[HISTORY_RUNS_MAX];
    uint32_t run_count;
    uint32_t run; /* Being read. */
    uint64_t place;
    uint64_t end;
    struct run_page page;
    struct history_entry *tail; /* Those of the range. */
    uint32_t tail_count;
    uint32_t tail_at;
};

static enum status open_runs(struct history *h);
static enum status index_block(struct history *h, const struct history_block *block);
static enum status reserve(struct history *h, uint64_t count);
static enum status merge_newest(struct history *h);
static enum status merge_runs(struct history *h, const struct run *a, const struct run *b);
static enum status begin_run(struct history_cursor *c);

static struct os *os_of(const struct history *h)
{
    return h->env.os;
}

static void unref(struct run *r) /* Under the mutex. */
{
    must(r->refs > 0);
    if (--r->refs == 0) run_free(r);
}

static uint64_t saved_height(const struct history *h)
{
    return h->run_count == 0 ? 0 : h->runs[h->run_count - 1]->id.last;
}

enum status history_open(struct history **out, struct os *os, struct mem *mem, const char *dir)
{
    struct history *h = mem_alloc_zero(mem, 1, sizeof *h);
    if (h == NULL) return ST_NO_MEMORY;
    h->env.os = os;
    h->env.mem = mem;
    crc32c_init(&h->env.crc);
    enum status st = os_path_join(h->env.dir, dir, "history");
    if (st == ST_OK) st = mutex_new(&h->mutex, mem);
    if (st == ST_OK) st = os->make_dir(os, h->env.dir);
    if (st == ST_EXISTS) st = ST_OK;
    if (st == ST_OK) st = open_runs(h);
    if (st != ST_OK) {
        history_close(h);
        return st;
    }
    h->height = saved_height(h);
    if (h->run_count > 0) h->digest = h->runs[h->run_count - 1]->id.digest;
    *out = h;
    return ST_OK;
}

void history_close(struct history *h)
{
    if (h == NULL) return;
    for (uint32_t i = 0; i < h->run_count; i++) {
        must(h->runs[i]->refs == 1); /* H2 */
        run_free(h->runs[i]);
    }
    mutex_free(h->mutex);
    mem_free(h->env.mem, h->tail);
    mem_free(h->env.mem, h);
}

/* --- which runs there are --------------------------------------------------------------------- */

struct listing {
    struct history *history;
    struct run_id *ids;
    uint32_t count;
    uint32_t capacity;
};

static enum status note_name(void *context, const char *name)
{
    struct listing *l = context;
    struct run_id id = {0};
    if (!run_name_parse(&id, name)) return ST_OK;
    if (l->count == l->capacity) {
        const uint32_t capacity = l->capacity == 0 ? 64 : 2 * l->capacity;
        struct run_id *ids = mem_resize(l->history->env.mem, l->ids, capacity * sizeof *ids);
        if (ids == NULL) return ST_NO_MEMORY;
        l->ids = ids;
        l->capacity = capacity;
    }
    l->ids[l->count++] = id;
    return ST_OK;
}

static void remove_run(const struct history *h, const struct run_id *id)
{
    char path[OS_PATH_MAX];
    char name[RUN_NAME_MAX];
    run_name(name, id);
    if (run_path(&h->env, path, name) != ST_OK) return;
    (void)os_of(h)->remove(os_of(h), path); /* It is looked at again at the next start. */
}

/* Of those that begin at first, the one that reaches furthest and is whole. */
static enum status take_run(struct history *h, struct listing *l, uint64_t first)
{
    for (;;) {
        struct run_id *best = NULL;
        for (uint32_t i = 0; i < l->count; i++)
            if (l->ids[i].first == first && (best == NULL || l->ids[i].last > best->last))
                best = &l->ids[i];
        if (best == NULL) return ST_NOT_FOUND;
        enum status st = h->run_count == HISTORY_RUNS_MAX
                             ? ST_CORRUPT
                             : run_open(&h->runs[h->run_count], &h->env, best);
        if (st == ST_CORRUPT) remove_run(h, best);
        const bool is_taken = st == ST_OK;
        if (is_taken) h->run_count++;
        best->first = 0; /* Neither again, nor removed below. */
        if (is_taken || st != ST_CORRUPT) return st;
    }
}

static enum status open_runs(struct history *h)
{
    struct listing l = {.history = h};
    enum status st = os_of(h)->list_dir(os_of(h), h->env.dir, note_name, &l);
    while (st == ST_OK)
        st = take_run(h, &l, saved_height(h) + 1);
    for (uint32_t i = 0; i < l.count && st == ST_NOT_FOUND; i++)
        if (l.ids[i].first > 0) remove_run(h, &l.ids[i]); /* H3, or behind a damaged one. */
    mem_free(h->env.mem, l.ids);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

uint64_t history_height(struct history *h)
{
    mutex_lock(h->mutex);
    const uint64_t height = h->height;
    mutex_unlock(h->mutex);
    return height;
}

uint64_t history_saved(struct history *h, struct hash *digest)
{
    mutex_lock(h->mutex);
    const uint64_t height = saved_height(h);
    if (height > 0) *digest = h->runs[h->run_count - 1]->id.digest;
    mutex_unlock(h->mutex);
    return height;
}

enum status history_clear(struct history *h)
{
    mutex_lock(h->mutex);
    for (uint32_t i = h->run_count; i > 0; i--) {
        struct run *r = h->runs[i - 1];
        remove_run(h, &r->id);
        unref(r); /* H2 */
    }
    h->run_count = 0;
    h->tail_count = 0;
    h->height = 0;
    mutex_unlock(h->mutex);
    return os_of(h)->sync_dir(os_of(h), h->env.dir);
}

/* --- adding ----------------------------------------------------------------------------------- */

uint64_t history_key_hash(struct span key)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a: it only saves reading. */
    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ key.data[i]) * UINT64_C(1099511628211);
    return hash;
}

enum status history_add(struct history *h, const struct history_block *block)
{
    must(block->height == h->height + 1);
    mutex_lock(h->mutex);
    const uint32_t count = h->tail_count;
    enum status st = index_block(h, block);
    if (st == ST_OK) {
        h->height = block->height;
        h->digest = block->digest;
    } else {
        h->tail_count = count;
    }
    const uint64_t heights = h->height - saved_height(h);
    mutex_unlock(h->mutex);
    TRY(st);
    if (h->tail_count < HISTORY_TAIL_ENTRIES && heights < HISTORY_TAIL_HEIGHTS) return ST_OK;
    return history_flush(h);
}

static enum status reserve(struct history *h, uint64_t count)
{
    if (count > UINT32_MAX / 2) return ST_LIMIT;
    if (count <= h->tail_capacity) return ST_OK;
    uint32_t capacity = h->tail_capacity == 0 ? 1024 : h->tail_capacity;
    while (capacity < count)
        capacity *= 2;
    struct tail_entry *tail = mem_resize(h->env.mem, h->tail, capacity * sizeof *tail);
    if (tail == NULL) return ST_NO_MEMORY;
    h->tail = tail;
    h->tail_capacity = capacity;
    return ST_OK;
}

/* One entry. A row that ends is not taken when gone has it, too. */
static enum status index_entry(struct history *h, struct cbor *in, const struct part *part)
{
    const uint64_t offset = (uint64_t)(in->at - part->set.data);
    cbor_expect_array(in, 3);
    const uint64_t table = cbor_get_uint(in);
    const struct span key = cbor_get_item(in, 1);
    const bool is_end = cbor_get_null(in);
    if (!is_end) (void)cbor_get_item(in, 1);
    if (offset > INT32_MAX) cbor_fail_with(in, ST_LIMIT);
    TRY(in->status);
    if (is_end && part->skips_ends) return ST_OK;
    TRY(reserve(h, (uint64_t)h->tail_count + 1));
    h->tail[h->tail_count++] = (struct tail_entry){.table = table,
                                                   .entry = {.height = part->height,
                                                             .key = history_key_hash(key),
                                                             .index = part->index,
                                                             .offset = (uint32_t)offset,
                                                             .is_gone = part->is_gone}};
    return ST_OK;
}

static enum status index_part(struct history *h, struct part *part)
{
    struct cbor in = cbor_of(part->set);
    const uint64_t count = cbor_get_array(&in);
    for (uint64_t i = 0; i < count && in.status == ST_OK; i++) {
        TRY(index_entry(h, &in, part));
        part->index++;
    }
    return cbor_end(&in);
}

static enum status index_block(struct history *h, const struct history_block *block)
{
    struct part part = {
        .height = block->height, .set = block->write_set, .skips_ends = block->has_gone};
    TRY(index_part(h, &part));
    if (!block->has_gone || block->gone.size == 0) return ST_OK;
    part.set = block->gone;
    part.is_gone = true;
    return index_part(h, &part);
}

/* --- writing runs ------------------------------------------------------------------------------
 */

static int compare_tail(const void *a, const void *b)
{
    const struct tail_entry *x = a;
    const struct tail_entry *y = b;
    if (x->table != y->table) return x->table < y->table ? -1 : 1;
    if (x->entry.height != y->entry.height) return x->entry.height < y->entry.height ? -1 : 1;
    return x->entry.index < y->entry.index ? -1 : x->entry.index > y->entry.index;
}

/* The directory of sorted entries; room for one table per entry. */
static uint32_t list_tables(struct run_table *tables,
                            const struct tail_entry *sorted,
                            uint32_t count)
{
    uint32_t table_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (table_count == 0 || tables[table_count - 1].table != sorted[i].table)
            tables[table_count++] = (struct run_table){.table = sorted[i].table, .first = i};
        tables[table_count - 1].count++;
    }
    return table_count;
}

static enum status write_tail(struct history *h, const struct run_id *id, struct tail_entry *sorted)
{
    const uint32_t count = h->tail_count;
    struct run_writer w = {0};
    struct run_table *tables = mem_alloc(h->env.mem, ((size_t)count + 1) * sizeof *tables);
    if (tables == NULL) return ST_NO_MEMORY;
    if (count > 0) {
        memcpy(sorted, h->tail, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, compare_tail); /* No ties. */
    }
    const uint32_t table_count = list_tables(tables, sorted, count);
    enum status st = run_writer_open(&w, &h->env, id, tables, table_count);
    for (uint32_t i = 0; i < count && st == ST_OK; i++)
        st = run_writer_add(&w, &sorted[i].entry);
    if (st == ST_OK) st = run_writer_finish(&w, id);
    run_writer_close(&w);
    mem_free(h->env.mem, tables);
    return st;
}

enum status history_flush(struct history *h)
{
    /* Only this thread changes tail and runs; others look at them under the mutex. */
    const struct run_id id = {.first = saved_height(h) + 1, .last = h->height, .digest = h->digest};
    struct run *run = NULL;
    if (id.last < id.first) return ST_OK;
    while (h->run_count == HISTORY_RUNS_MAX)
        TRY(merge_newest(h));
    struct tail_entry *sorted = mem_alloc(h->env.mem, ((size_t)h->tail_count + 1) * sizeof *sorted);
    if (sorted == NULL) return ST_NO_MEMORY;
    enum status st = write_tail(h, &id, sorted);
    if (st == ST_OK) st = run_open(&run, &h->env, &id);
    mem_free(h->env.mem, sorted);
    TRY(st);
    mutex_lock(h->mutex);
    h->runs[h->run_count++] = run;
    h->tail_count = 0;
    mutex_unlock(h->mutex);
    while (h->run_count > 1 && h->runs[h->run_count - 2]->entry_count <=
                                   2 * h->runs[h->run_count - 1]->entry_count) /* H4 */
        TRY(merge_newest(h));
    return ST_OK;
}

/* The two newest runs become one. */
static enum status merge_newest(struct history *h)
{
    must(h->run_count > 1);
    struct run *a = h->runs[h->run_count - 2];
    struct run *b = h->runs[h->run_count - 1];
    const struct run_id id = {.first = a->id.first, .last = b->id.last, .digest = b->id.digest};
    struct run *both = NULL;
    must(a->id.last + 1 == b->id.first); /* H1 */
    TRY(merge_runs(h, a, b));
    TRY(run_open(&both, &h->env, &id));
    remove_run(h, &a->id); /* What reads them has them open (H2). */
    remove_run(h, &b->id);
    mutex_lock(h->mutex);
    h->run_count--;
    h->runs[h->run_count - 1] = both;
    unref(a);
    unref(b);
    mutex_unlock(h->mutex);
    return ST_OK;
}

static enum status copy_table(struct run_writer *w,
                              const struct run *r,
                              struct run_page *page,
                              uint64_t table)
{
    const struct run_table *t = run_find(r, table);
    for (uint64_t i = 0; t != NULL && i < t->count; i++) {
        struct history_entry entry;
        TRY(run_entry(r, page, t->first + i, &entry));
        TRY(run_writer_add(w, &entry));
    }
    return ST_OK;
}

/* Heights of b are above those of a: of each table, those of a, then those of b. */
static enum status merge_runs(struct history *h, const struct run *a, const struct run *b)
{
    const struct run_id id = {.first = a->id.first, .last = b->id.last, .digest = b->id.digest};
    struct run_writer w = {0};
    struct run_page page_a = {.number = 0};
    struct run_page page_b = {.number = 0};
    const size_t room = (size_t)a->table_count + b->table_count + 1;
    struct run_table *tables = mem_alloc_zero(h->env.mem, room, sizeof *tables);
    uint32_t count = 0;
    uint64_t next = 0;
    if (tables == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0, k = 0; i < a->table_count || k < b->table_count;) {
        const uint64_t x = i < a->table_count ? a->tables[i].table : UINT64_MAX;
        const uint64_t y = k < b->table_count ? b->tables[k].table : UINT64_MAX;
        struct run_table *t = &tables[count++];
        *t = (struct run_table){.table = x < y ? x : y, .first = next};
        if (x <= y) t->count += a->tables[i++].count;
        if (y <= x) t->count += b->tables[k++].count;
        next += t->count;
    }
    enum status st = run_writer_open(&w, &h->env, &id, tables, count);
    for (uint32_t i = 0; i < count && st == ST_OK; i++) {
        st = copy_table(&w, a, &page_a, tables[i].table);
        if (st == ST_OK) st = copy_table(&w, b, &page_b, tables[i].table);
    }
    if (st == ST_OK) st = run_writer_finish(&w, &id);
    run_writer_close(&w);
    mem_free(h->env.mem, tables);
    return st;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static bool is_in(const struct history_range *range, const struct history_entry *e)
{
    if (e->height < range->first || e->height > range->last) return false;
    return !range->has_key || e->key == range->key;
}

static enum status copy_tail(struct history_cursor *c)
{
    const struct history *h = c->history;
    uint32_t count = 0;
    for (uint32_t i = 0; i < h->tail_count; i++)
        count += h->tail[i].table == c->range.table && is_in(&c->range, &h->tail[i].entry);
    c->tail = mem_alloc(h->env.mem, ((size_t)count + 1) * sizeof *c->tail);
    if (c->tail == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < h->tail_count; i++)
        if (h->tail[i].table == c->range.table && is_in(&c->range, &h->tail[i].entry))
            c->tail[c->tail_count++] = h->tail[i].entry;
    must(c->tail_count == count);
    return ST_OK;
}

enum status history_cursor_open(struct history_cursor **out,
                                struct history *h,
                                const struct history_range *range)
{
    struct history_cursor *c = mem_alloc_zero(h->env.mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->history = h;
    c->range = *range;
    mutex_lock(h->mutex);
    enum status st = copy_tail(c);
    for (uint32_t i = 0; i < h->run_count && st == ST_OK; i++) {
        struct run *r = h->runs[i];
        if (r->id.last < range->first || r->id.first > range->last) continue;
        if (run_find(r, range->table) == NULL) continue;
        r->refs++;
        c->runs[c->run_count++] = r;
    }
    mutex_unlock(h->mutex);
    if (st == ST_OK) st = begin_run(c);
    if (st != ST_OK) {
        history_cursor_close(c);
        return st;
    }
    *out = c;
    return ST_OK;
}

void history_cursor_close(struct history_cursor *c)
{
    if (c == NULL) return;
    struct history *h = c->history;
    mutex_lock(h->mutex);
    for (uint32_t i = 0; i < c->run_count; i++)
        unref(c->runs[i]);
    mutex_unlock(h->mutex);
    mem_free(h->env.mem, c->tail);
    mem_free(h->env.mem, c);
}

/* To the first entry of the run whose height is not below the range. */
static enum status begin_run(struct history_cursor *c)
{
    if (c->run >= c->run_count) return ST_OK;
    const struct run *r = c->runs[c->run];
    const struct run_table *t = run_find(r, c->range.table);
    must(t != NULL);
    uint64_t low = t->first;
    c->end = t->first + t->count;
    uint64_t high = c->end;
    c->page.number = 0;
    while (low < high && c->range.first > r->id.first) {
        const uint64_t middle = low + (high - low) / 2;
        struct history_entry e;
        TRY(run_entry(r, &c->page, middle, &e));
        if (e.height < c->range.first)
            low = middle + 1;
        else
            high = middle;
    }
    c->place = low;
    return ST_OK;
}

enum status history_cursor_next(struct history_cursor *c, struct history_entry *out)
{
    while (c->run < c->run_count) {
        if (c->place == c->end) {
            c->run++;
            TRY(begin_run(c));
            continue;
        }
        TRY(run_entry(c->runs[c->run], &c->page, c->place++, out));
        if (out->height > c->range.last) c->place = c->end;
        if (is_in(&c->range, out)) return ST_OK;
    }
    if (c->tail_at == c->tail_count) return ST_NOT_FOUND;
    *out = c->tail[c->tail_at++];
    return ST_OK;
}
