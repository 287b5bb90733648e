/* rows.c - Opening, the feeding thread's side, the own thread, and what readers get. */
#include "rows/rows.h"

#include "base/must.h"
#include "rows/rows_int.h"

struct queue_item { /* A block for the thread, with copies of what it points to. */
    struct queue_item *next;
    struct rows_block block;
    uint8_t bytes[];
};

static enum status open_all(struct rows *r, const struct rows_config *config);
static enum status enqueue(struct rows *r, const struct rows_block *b);
static struct queue_item *item_new(struct rows *r, const struct rows_block *b);
static void run_thread(void *context);
static struct queue_item *take_item(struct rows *r);
static void fail(struct rows *r, enum status st);

/* --- opening --------------------------------------------------------------------------------- */

enum status rows_open(struct rows **out, const struct rows_config *config)
{
    struct rows *r = mem_alloc_zero(config->mem, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    r->env = (struct run_env){.os = config->os, .mem = config->mem};
    enum status st = open_all(r, config);
    if (st != ST_OK) {
        rows_close(r);
        return st;
    }
    *out = r;
    return ST_OK;
}

/* Durable in the directory above, or a saved tree could vanish as a whole. */
static enum status make_dir(struct os *os, const char *dir)
{
    char parent[OS_PATH_MAX];
    enum status st = os->make_dir(os, dir);
    if (st != ST_OK && st != ST_EXISTS) return st;
    size_t size = strlen(dir);
    must(size < sizeof parent);
    memcpy(parent, dir, size);
    while (size > 1 && parent[size - 1] == '/')
        size--;
    while (size > 0 && parent[size - 1] != '/')
        size--;
    parent[size] = 0;
    return os->sync_dir(os, size == 0 ? "." : parent);
}

static enum status open_all(struct rows *r, const struct rows_config *config)
{
    struct os *os = config->os;
    crc32c_init(&r->env.crc);
    delta_init(&r->delta, config->mem);
    r->next_id = 1;
    r->changes_max = config->changes_max == 0 ? ROWS_CHANGES_MAX : config->changes_max;
    r->run_bytes_max = config->run_bytes_max == 0 ? ROWS_RUN_BYTES_MAX : config->run_bytes_max;
    TRY(mutex_new(&r->lock, config->mem));
    TRY(cond_new(&r->changed, config->mem));
    TRY(tree_slots(&r->nodes, config->mem));
    r->set = run_set_new(config->mem);
    if (r->set == NULL) return ST_NO_MEMORY;
    if (config->dir != NULL) {
        TRY(os_path_join(r->dir, "", config->dir));
        r->env.dir = r->dir;
        r->is_read_only = config->is_read_only;
        if (!r->is_read_only) TRY(make_dir(os, r->dir));
        TRY(rows_load(r));
    }
    r->fed = r->done;
    return config->is_threaded ? thread_start(&r->thread, config->mem, "rows", run_thread, r)
                               : ST_OK;
}

void rows_close(struct rows *r)
{
    if (r == NULL) return;
    struct mem *mem = r->env.mem;
    if (r->thread != NULL) {
        mutex_lock(r->lock);
        r->is_closing = true;
        cond_broadcast(r->changed);
        mutex_unlock(r->lock);
        thread_join(r->thread);
    }
    for (struct queue_item *i = r->first; i != NULL;) {
        struct queue_item *next = i->next;
        mem_free(mem, i);
        i = next;
    }
    for (uint32_t i = 0; i < r->view_count; i++)
        rows_view_close(r->views[i]);
    run_set_free(mem, r->set);
    if (r->tree != NULL) tree_unref(r->nodes, r->tree);
    delta_fini(&r->delta);
    slots_free(r->nodes);
    cond_free(r->changed);
    mutex_free(r->lock);
    mem_free(mem, r);
}

/* --- feeding --------------------------------------------------------------------------------- */

uint64_t rows_next(const struct rows *r)
{
    return r->fed;
}

enum status rows_feed(struct rows *r, const struct rows_block *b)
{
    if (b->height != r->fed) return ST_INVALID;
    if (b->is_checkpoint && b->before >= b->height) return ST_INVALID;
    if (r->failure != ST_OK && r->thread == NULL) return r->failure;
    enum status st = ST_OK;
    if (r->thread != NULL) {
        st = enqueue(r, b);
    } else {
        st = rows_work(r, b);
        if (st != ST_OK) fail(r, st);
    }
    if (st == ST_OK) r->fed++;
    return st;
}

static enum status enqueue(struct rows *r, const struct rows_block *b)
{
    struct queue_item *item = item_new(r, b);
    if (item == NULL) return ST_NO_MEMORY;
    mutex_lock(r->lock);
    while (r->queued >= ROWS_QUEUE_MAX && r->failure == ST_OK)
        cond_wait(r->changed, r->lock);
    enum status st = r->failure;
    if (st == ST_OK) {
        if (r->last == NULL)
            r->first = item;
        else
            r->last->next = item;
        r->last = item;
        r->queued++;
        cond_broadcast(r->changed);
    }
    mutex_unlock(r->lock);
    if (st != ST_OK) mem_free(r->env.mem, item);
    return st;
}

static struct queue_item *item_new(struct rows *r, const struct rows_block *b)
{
    const size_t ids_size = b->tx_count * sizeof *b->txids;
    struct queue_item *item = mem_alloc(r->env.mem, sizeof *item + ids_size + b->write_set.size);
    if (item == NULL) return NULL;
    item->next = NULL;
    item->block = *b;
    if (ids_size > 0) memcpy(item->bytes, b->txids, ids_size);
    if (b->write_set.size > 0) memcpy(item->bytes + ids_size, b->write_set.data, b->write_set.size);
    item->block.txids = (const void *)item->bytes;
    item->block.write_set = span_of(item->bytes + ids_size, b->write_set.size);
    return item;
}

static void run_thread(void *context)
{
    struct rows *r = context;
    for (;;) {
        struct queue_item *item = take_item(r);
        if (item == NULL) return;
        enum status st = rows_work(r, &item->block);
        mem_free(r->env.mem, item);
        if (st != ST_OK) {
            fail(r, st);
            return;
        }
    }
}

/* Null: it is time to end. */
static struct queue_item *take_item(struct rows *r)
{
    mutex_lock(r->lock);
    while (r->first == NULL && !r->is_closing)
        cond_wait(r->changed, r->lock);
    struct queue_item *item = r->is_closing ? NULL : r->first;
    if (item != NULL) {
        r->first = item->next;
        if (r->first == NULL) r->last = NULL;
        r->queued--;
        cond_broadcast(r->changed);
    }
    mutex_unlock(r->lock);
    return item;
}

static void fail(struct rows *r, enum status st)
{
    mutex_lock(r->lock);
    r->failure = st;
    cond_broadcast(r->changed);
    mutex_unlock(r->lock);
}

enum status rows_checkpoint(struct rows *r, uint64_t height, struct checkpoint *out)
{
    if (height >= r->fed) return ST_INVALID;
    mutex_lock(r->lock);
    while (r->done <= height && r->failure == ST_OK)
        cond_wait(r->changed, r->lock);
    enum status st = r->done > height ? ST_NOT_FOUND : r->failure;
    for (uint32_t i = 0; st == ST_NOT_FOUND && i < r->recent.count; i++) {
        if (r->recent.items[i].height != height) continue;
        *out = r->recent.items[i];
        st = ST_OK;
    }
    mutex_unlock(r->lock);
    return st;
}

uint64_t rows_saved(struct rows *r)
{
    mutex_lock(r->lock);
    uint64_t height = r->saved;
    mutex_unlock(r->lock);
    return height;
}

/* --- reading --------------------------------------------------------------------------------- */

enum status rows_view_open(struct rows_view **out, struct rows *r, uint64_t height)
{
    struct rows_view *found = NULL;
    mutex_lock(r->lock);
    for (uint32_t i = 0; i < r->view_count; i++)
        if (r->views[i]->checkpoint.height <= height) found = r->views[i];
    if (found != NULL) (void)atomic_fetch_add(&found->references, 1u);
    mutex_unlock(r->lock);
    if (found == NULL) return ST_NOT_FOUND;
    *out = found;
    return ST_OK;
}

void rows_view_close(struct rows_view *v)
{
    if (v == NULL) return;
    unsigned before = atomic_fetch_sub(&v->references, 1u);
    must(before > 0);
    if (before > 1) return;
    struct mem *mem = v->rows->env.mem;
    tree_unref(v->rows->nodes, v->tree);
    run_set_free(mem, v->set);
    mem_free(mem, v);
}

const struct checkpoint *rows_view_checkpoint(const struct rows_view *v)
{
    return &v->checkpoint;
}

bool rows_view_is_checkpoint(const struct rows_view *v)
{
    return v->is_checkpoint;
}

/* --- what it costs --------------------------------------------------------------------------- */

void rows_cost(struct rows *r, struct rows_cost *out)
{
    *out = (struct rows_cost){.cpu_ns = r->thread == NULL ? 0 : thread_cpu_ns(r->thread)};
    mutex_lock(r->lock);
    if (r->view_count > 0) out->row_count = r->views[r->view_count - 1]->checkpoint.row_count;
    out->run_count = r->set->count;
    for (uint32_t i = 0; i < r->set->count; i++) {
        const struct run *run = r->set->runs[i];
        if (row_run_id(run) == 0)
            out->memory_bytes += row_run_size(run);
        else
            out->disk_bytes += row_run_size(run);
    }
    mutex_unlock(r->lock);
}
