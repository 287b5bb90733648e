/* work.c - One block after the other: its changes wait until the tree is due, then one run and one
 * update of the tree take them all. */
#include "base/must.h"
#include "rows/rows_int.h"

static enum status bring_up(struct rows *r, const struct rows_block *b);
static enum status relieve(struct rows *r);
static enum status take_changes(struct rows *r, struct run_set **set);
static enum status make_run(struct rows *r, struct run **out);
static enum status absorb(struct rows *r, struct run **run, struct run_set *absorbed);
static enum status exchange_set(struct rows *r,
                                struct run *run,
                                const struct run_set *absorbed,
                                struct run_set **out);
static enum status write_merged(struct run_writer *w, struct merge *m, const struct tree *tree);
static void trim_views(struct rows *r, uint64_t height);
static bool set_has(const struct run_set *s, const struct run *run);

enum status rows_work(struct rows *r, const struct rows_block *b)
{
    must(b->height == r->done);
    TRY(delta_add(&r->delta, b->write_set));
    TRY(delta_add_txids(&r->delta, b->height, b->txids, b->tx_count));
    if (b->is_checkpoint || b->height % CHECKPOINT_BLOCKS == 0)
        TRY(bring_up(r, b));
    else if (delta_count(&r->delta) >= r->changes_max)
        TRY(relieve(r));
    mutex_lock(r->lock);
    r->done = b->height + 1;
    cond_broadcast(r->changed);
    mutex_unlock(r->lock);
    return ST_OK;
}

struct rows_view *rows_view_new(struct rows *r)
{
    struct rows_view *v = mem_alloc_zero(r->env.mem, 1, sizeof *v);
    if (v == NULL) return NULL;
    v->rows = r;
    atomic_init(&v->references, 1u);
    return v;
}

void recent_add(struct recent *recent, const struct checkpoint *c)
{
    if (recent->count == RECENT_MAX) {
        memmove(recent->items, recent->items + 1, (RECENT_MAX - 1) * sizeof *recent->items);
        recent->count--;
    }
    if (recent->count > 0) must(recent->items[recent->count - 1].height < c->height);
    recent->items[recent->count++] = *c;
}

static enum status bring_up(struct rows *r, const struct rows_block *b)
{
    struct rows_view *v = rows_view_new(r);
    if (v == NULL) return ST_NO_MEMORY;
    v->is_checkpoint = b->is_checkpoint;
    v->checkpoint.height = b->height;
    enum status st = take_changes(r, &v->set);
    if (st == ST_OK) v->tree = tree_ref(r->tree);
    if (st == ST_OK && b->is_checkpoint) {
        v->checkpoint.before = b->before;
        st = delta_txid_root(&r->delta, b->before, &v->checkpoint.txid_root);
    }
    if (st != ST_OK) {
        rows_view_close(v);
        return st;
    }
    v->checkpoint.row_root = tree_root(v->tree);
    v->checkpoint.row_count = tree_count(v->tree);
    delta_clear(&r->delta);
    delta_clear_txids(&r->delta);
    return rows_publish(r, v);
}

/* Too many changes to be held until the next view. */
static enum status relieve(struct rows *r)
{
    struct run_set *set = NULL;
    enum status st = take_changes(r, &set);
    run_set_free(r->env.mem, set);
    if (st == ST_OK) delta_clear(&r->delta);
    return st;
}

/* Tree and set with what is pending; *set: a copy of the latter. */
static enum status take_changes(struct rows *r, struct run_set **set)
{
    struct run *run = NULL;
    struct run_set *absorbed = run_set_new(r->env.mem);
    struct merge *m = mem_alloc(r->env.mem, sizeof *m);
    enum status st = absorbed == NULL || m == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK && delta_count(&r->delta) > 0) st = make_run(r, &run);
    if (st == ST_OK && run != NULL) st = absorb(r, &run, absorbed);
    if (st != ST_OK) goto out;
    st = exchange_set(r, run, absorbed, set);
    run = NULL;
    if (st != ST_OK) goto out;
    struct tree_changes changes;
    changes.positions = delta_positions(&r->delta, &changes.count);
    changes.dropped = delta_dropped(&r->delta, &changes.dropped_count);
    struct tree *after = NULL;
    merge_begin(m, r->env.mem, *set);
    st = tree_update(&after, r->nodes, r->tree, m, &changes);
    merge_end(m);
    if (st != ST_OK) goto out;
    tree_unref(r->nodes, r->tree);
    r->tree = after; /* W1 */
out:
    row_run_unref(run);
    mem_free(r->env.mem, m);
    run_set_free(r->env.mem, absorbed);
    return st;
}

static enum status make_run(struct rows *r, struct run **out)
{
    struct run_writer w;
    TRY(delta_sort(&r->delta));
    TRY(row_run_writer_begin(&w, &r->env, 0));
    enum status st = delta_write(&r->delta, &w);
    if (st == ST_OK) return row_run_writer_end(&w, out);
    row_run_writer_abort(&w);
    return st;
}

/* Runs in memory that are not twice as large as what stands above them go into one with it, so
 * that sizes double from run to run and runs stay few. */
static enum status absorb(struct rows *r, struct run **run, struct run_set *absorbed)
{
    uint64_t size = row_run_size(*run);
    run_set_push(absorbed, *run);
    struct run *parts[RUN_SET_MAX];
    uint32_t count = 0;
    mutex_lock(r->lock); /* What saving exchanges meanwhile stays readable by our references. */
    for (uint32_t i = 0; i < r->set->count; i++) {
        struct run *next = r->set->runs[i];
        if (row_run_id(next) != 0 || row_run_size(next) > 2 * size) break;
        size += row_run_size(next);
        parts[count++] = row_run_ref(next);
    }
    /* Rows of tables that went end here: once what is below is saved without them, nobody knows
     * any more that these tables are gone. */
    enum status st = ST_OK;
    for (uint32_t i = 0; st == ST_OK && i < r->set->dropped_count; i++)
        st = run_set_drop(absorbed, r->env.mem, r->set->dropped[i]);
    mutex_unlock(r->lock);
    for (uint32_t i = 0; i < count; i++)
        absorbed->runs[absorbed->count++] = parts[i];
    *run = NULL;
    TRY(st);
    const bool is_file = size > r->run_bytes_max && r->env.dir != NULL && !r->is_read_only;
    if (count == 0 && !is_file) {
        *run = row_run_ref(absorbed->runs[0]);
        return ST_OK;
    }
    const struct merging merging = {.set = absorbed,
                                    .count = absorbed->count,
                                    .keeps_gone = true,
                                    .id = is_file ? rows_take_id(r) : 0};
    TRY(rows_merge_runs(&r->env, &merging, run));
    return is_file ? r->env.os->sync_dir(r->env.os, r->env.dir) : ST_OK;
}

/* What is below stays as it is now, saved or not, without what run holds already. Takes run. */
static enum status exchange_set(struct rows *r,
                                struct run *run,
                                const struct run_set *absorbed,
                                struct run_set **out)
{
    struct mem *mem = r->env.mem;
    struct run_set *next = run_set_new(mem);
    size_t dropped_count = 0;
    const uint64_t *dropped = delta_dropped(&r->delta, &dropped_count);
    enum status st = next == NULL ? ST_NO_MEMORY : ST_OK;
    mutex_lock(r->lock);
    for (uint32_t i = 0; st == ST_OK && i < r->set->count; i++)
        if (!set_has(absorbed, r->set->runs[i]))
            next->runs[next->count++] = row_run_ref(r->set->runs[i]);
    for (uint32_t i = 0; st == ST_OK && i < r->set->dropped_count; i++)
        st = run_set_drop(next, mem, r->set->dropped[i]);
    for (size_t i = 0; st == ST_OK && i < dropped_count; i++)
        st = run_set_drop(next, mem, dropped[i]);
    if (st == ST_OK && run != NULL && next->count == RUN_SET_MAX) st = ST_LIMIT;
    if (st == ST_OK && run != NULL) {
        run_set_push(next, run);
        run = NULL;
    }
    *out = st == ST_OK ? run_set_copy(mem, next) : NULL;
    if (st == ST_OK && *out == NULL) st = ST_NO_MEMORY;
    struct run_set *before = next;
    if (st == ST_OK) {
        before = r->set;
        r->set = next; /* W1 */
    }
    mutex_unlock(r->lock);
    run_set_free(mem, before);
    row_run_unref(run);
    return st;
}

static bool set_has(const struct run_set *s, const struct run *run)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->runs[i] == run) return true;
    return false;
}

enum status rows_merge_runs(const struct run_env *env,
                            const struct merging *merging,
                            struct run **out)
{
    struct run_writer w;
    struct merge *m = mem_alloc(env->mem, sizeof *m);
    if (m == NULL) return ST_NO_MEMORY;
    enum status st = row_run_writer_begin(&w, env, merging->id);
    if (st != ST_OK) {
        mem_free(env->mem, m);
        return st;
    }
    merge_begin_part(m, env->mem, merging->set, 0, merging->count);
    m->keeps_gone = merging->keeps_gone;
    st = write_merged(&w, m, merging->tree);
    merge_end(m);
    mem_free(env->mem, m);
    if (st == ST_OK) return row_run_writer_end(&w, out);
    row_run_writer_abort(&w);
    return st;
}

static enum status write_merged(struct run_writer *w, struct merge *m, const struct tree *tree)
{
    static const struct row_position least = {{0}};
    struct tree_buckets buckets;
    struct tree_bucket next;
    tree_buckets_begin(&buckets, tree);
    bool has_next = tree_buckets_next(&buckets, &next);
    TRY(merge_seek(m, &least, NULL));
    while (m->has) {
        const struct row_position *position = &m->record->place.position;
        const bool is_new = has_next && row_position_compare(next.first, position) <= 0;
        if (is_new) TRY(row_run_writer_cut(w));
        while (has_next && row_position_compare(next.first, position) <= 0)
            has_next = tree_buckets_next(&buckets, &next);
        TRY(row_run_writer_put(w, m->record));
        TRY(merge_next(m));
    }
    return ST_OK;
}

/* A save may have exchanged runs since the view's set was made: it gets the newest, which says the
 * same rows, and names no file that is gone. */
enum status rows_publish(struct rows *r, struct rows_view *v)
{
    mutex_lock(r->lock);
    struct run_set *set = run_set_copy(r->env.mem, r->set);
    if (set == NULL) {
        mutex_unlock(r->lock);
        rows_view_close(v);
        return ST_NO_MEMORY;
    }
    run_set_free(r->env.mem, v->set);
    v->set = set;
    if (v->is_checkpoint) recent_add(&r->recent, &v->checkpoint);
    trim_views(r, v->checkpoint.height);
    must(r->view_count < VIEWS_MAX);
    r->views[r->view_count++] = v;
    mutex_unlock(r->lock);
    return ST_OK;
}

/* Room for one more: of those that are certified long since, the newest ROWS_KEPT stay. */
static void trim_views(struct rows *r, uint64_t height)
{
    uint32_t settled = 0;
    while (settled < r->view_count &&
           r->views[settled]->checkpoint.height + CHECKPOINT_LAG <= height)
        settled++;
    if (settled <= ROWS_KEPT) return;
    const uint32_t gone = settled - ROWS_KEPT;
    for (uint32_t i = 0; i < gone; i++)
        rows_view_close(r->views[i]);
    r->view_count -= gone;
    memmove(r->views, r->views + gone, r->view_count * sizeof(struct rows_view *));
}
