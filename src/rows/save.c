/* save.c - Runs to files, the manifest, and the way back at a start.
 *
 * A save writes the runs in memory of one view as one file, together with the files above twice
 * which it grows, so that files double in size and are few; then the manifest names them. A crash
 * before that leaves a file nobody names: the next start removes it. */
#include "base/must.h"
#include "rows/rows_int.h"

#define MANIFEST_SIZE_MAX ((size_t)64 << 20)

/* One save: which runs of the view become one file, and what stands on disk after it. */
struct save {
    struct rows *rows;
    struct rows_view *view;
    uint32_t merged;  /* Runs of the view's set, from the newest, that become one. */
    uint64_t records; /* Of these runs. */
    uint64_t id;      /* Of their file. */
    struct run_set *set;
};

static struct rows_view *newest_view(struct rows *r, uint64_t height);
static void choose(struct save *s);
static enum status write_runs(struct save *s);
static enum status write_manifest(const struct save *s);
static enum status adopt(struct save *s);
static enum status manifest_path(char *out, const struct rows *r);
static enum status load_view(struct rows *r, const struct saved *s);
static enum status open_runs(struct rows *r, const struct saved *s, struct run_set **out);
static enum status remove_rest(struct rows *r, const struct saved *s);

/* --- saving ---------------------------------------------------------------------------------- */

enum status rows_save(struct rows *r, uint64_t height)
{
    if (r->env.dir == NULL || r->is_read_only) return ST_OK;
    struct save s = {.rows = r, .view = newest_view(r, height), .id = rows_take_id(r)};
    if (s.view == NULL) return ST_OK;
    s.set = run_set_copy(r->env.mem, s.view->set);
    enum status st = s.set == NULL ? ST_NO_MEMORY : ST_OK;
    if (st == ST_OK) choose(&s);
    if (st == ST_OK && s.merged > 0) st = write_runs(&s);
    if (st == ST_OK) st = write_manifest(&s);
    if (st == ST_OK) st = adopt(&s);
    run_set_free(r->env.mem, s.set);
    rows_view_close(s.view);
    return st;
}

uint64_t rows_take_id(struct rows *r)
{
    mutex_lock(r->lock);
    const uint64_t id = r->next_id++;
    mutex_unlock(r->lock);
    return id;
}

/* The newest at or below height that is newer than what is saved; null: none. */
static struct rows_view *newest_view(struct rows *r, uint64_t height)
{
    struct rows_view *found = NULL;
    mutex_lock(r->lock);
    for (uint32_t i = 0; i < r->view_count; i++)
        if (r->views[i]->checkpoint.height <= height) found = r->views[i];
    if (found != NULL && r->has_saved && found->checkpoint.height <= r->saved) found = NULL;
    if (found != NULL) (void)atomic_fetch_add(&found->references, 1u);
    mutex_unlock(r->lock);
    return found;
}

static void choose(struct save *s)
{
    uint64_t size = 0;
    uint32_t i = 0;
    for (; i < s->set->count && row_run_id(s->set->runs[i]) == 0; i++)
        size += row_run_size(s->set->runs[i]);
    if (i == 0) return;
    for (; i < s->set->count && row_run_size(s->set->runs[i]) <= 2 * size; i++)
        size += row_run_size(s->set->runs[i]);
    s->merged = i;
    for (i = 0; i < s->merged; i++)
        s->records += row_run_count(s->set->runs[i]);
}

static enum status write_runs(struct save *s)
{
    struct rows *r = s->rows;
    struct run *run = NULL;
    const bool is_all = s->merged == s->set->count;
    const struct merging merging = {
        .set = s->set,
        .count = s->merged,
        .keeps_gone = !is_all,
        .id = s->id,
        .tree = 2 * s->records >= tree_count(s->view->tree) ? s->view->tree : NULL};
    TRY(rows_merge_runs(&r->env, &merging, &run));
    for (uint32_t i = 0; i < s->merged; i++)
        row_run_unref(s->set->runs[i]);
    s->set->count -= s->merged;
    memmove(s->set->runs, s->set->runs + s->merged, s->set->count * sizeof(struct run *));
    run_set_push(s->set, run);
    if (is_all) s->set->dropped_count = 0; /* Their rows are in no run any more. */
    return r->env.os->sync_dir(r->env.os, r->env.dir);
}

static enum status write_manifest(const struct save *s)
{
    struct rows *r = s->rows;
    char path[OS_PATH_MAX];
    uint64_t ids[RUN_SET_MAX];
    uint64_t sizes[RUN_SET_MAX];
    struct saved out = {.checkpoint = s->view->checkpoint,
                        .is_checkpoint = s->view->is_checkpoint,
                        .run_ids = ids,
                        .run_sizes = sizes,
                        .run_count = s->set->count,
                        .dropped = s->set->dropped,
                        .dropped_count = s->set->dropped_count};
    for (uint32_t i = 0; i < s->set->count; i++) {
        ids[i] = row_run_id(s->set->runs[i]);
        sizes[i] = row_run_size(s->set->runs[i]);
    }
    mutex_lock(r->lock);
    out.next_id = r->next_id;
    for (uint32_t i = 0; i < r->recent.count; i++)
        if (r->recent.items[i].height <= out.checkpoint.height)
            recent_add(&out.recent, &r->recent.items[i]);
    mutex_unlock(r->lock);
    struct buf bytes;
    buf_init(&bytes, r->env.mem, 0);
    manifest_encode(&bytes, &out);
    enum status st = buf_status(&bytes);
    if (st == ST_OK) st = manifest_path(path, r);
    if (st == ST_OK) st = os_replace_file(r->env.os, path, buf_span(&bytes));
    buf_fini(&bytes);
    return st;
}

static bool has_run(const struct run_set *s, const struct run *run)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->runs[i] == run) return true;
    return false;
}

/* What a set has above the saved view, then what was saved. */
static enum status rebase(const struct save *s, const struct run_set *from, struct run_set **out)
{
    struct mem *mem = s->rows->env.mem;
    const struct run_set *old = s->view->set;
    const bool is_clean = s->set->dropped_count == 0;
    struct run_set *next = run_set_new(mem);
    if (next == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < from->count; i++)
        if (!has_run(old, from->runs[i])) next->runs[next->count++] = row_run_ref(from->runs[i]);
    enum status st = next->count + s->set->count > RUN_SET_MAX ? ST_LIMIT : ST_OK;
    for (uint32_t i = 0; st == ST_OK && i < s->set->count; i++)
        next->runs[next->count++] = row_run_ref(s->set->runs[i]);
    for (uint32_t i = 0; st == ST_OK && i < from->dropped_count; i++)
        if (!is_clean || !run_set_is_dropped(old, from->dropped[i]))
            st = run_set_drop(next, mem, from->dropped[i]);
    if (st != ST_OK) {
        run_set_free(mem, next);
        return st;
    }
    *out = next;
    return ST_OK;
}

/* A view that stands on the files; who reads the one before goes on with it. */
static enum status exchange_view(const struct save *s, struct rows_view **slot)
{
    struct rows_view *before = *slot;
    struct rows_view *v = rows_view_new(s->rows);
    if (v == NULL) return ST_NO_MEMORY;
    enum status st = rebase(s, before->set, &v->set);
    if (st != ST_OK) {
        rows_view_close(v);
        return st;
    }
    v->checkpoint = before->checkpoint;
    v->is_checkpoint = before->is_checkpoint;
    v->tree = tree_ref(before->tree);
    *slot = v;
    rows_view_close(before);
    return ST_OK;
}

/* The newest set and the views from the saved one on stand on the files from now on: what they save
 * later must name no file that this save replaced. */
static enum status adopt(struct save *s)
{
    struct rows *r = s->rows;
    const struct run_set *old = s->view->set;
    struct run_set *next = NULL;
    mutex_lock(r->lock);
    enum status st = rebase(s, r->set, &next);
    for (uint32_t i = 0; st == ST_OK && i < r->view_count; i++)
        if (r->views[i]->checkpoint.height >= s->view->checkpoint.height)
            st = exchange_view(s, &r->views[i]);
    if (st == ST_OK) {
        struct run_set *before = r->set;
        r->set = next; /* W1 */
        next = before;
        r->saved = s->view->checkpoint.height;
        r->has_saved = true;
    }
    mutex_unlock(r->lock);
    run_set_free(r->env.mem, next);
    TRY(st);
    for (uint32_t i = 0; i < old->count; i++)
        if (row_run_id(old->runs[i]) != 0 && !has_run(s->set, old->runs[i]))
            row_run_doom(old->runs[i]);
    return ST_OK;
}

static enum status manifest_path(char *out, const struct rows *r)
{
    return os_path_join(out, r->env.dir, "manifest");
}

/* --- loading --------------------------------------------------------------------------------- */

enum status rows_load(struct rows *r)
{
    char path[OS_PATH_MAX];
    struct saved s = {0};
    struct buf bytes;
    struct arena arena;
    TRY(manifest_path(path, r));
    buf_init(&bytes, r->env.mem, 0);
    arena_init(&arena, r->env.mem, 0);
    enum status st = os_read_file(r->env.os, path, MANIFEST_SIZE_MAX, &bytes);
    const bool is_new = st == ST_NOT_FOUND;
    if (st == ST_LIMIT) st = ST_CORRUPT;
    if (st == ST_OK) {
        st = manifest_decode(&s, &arena, buf_span(&bytes));
        if (st != ST_OK && st != ST_NO_MEMORY) st = ST_CORRUPT;
    }
    if (st == ST_OK) st = load_view(r, &s);
    if ((st == ST_OK || is_new) && !r->is_read_only) st = remove_rest(r, &s);
    arena_fini(&arena);
    buf_fini(&bytes);
    return st;
}

/* The runs are read whole, and their tree must have the root that was saved. */
static enum status load_view(struct rows *r, const struct saved *s)
{
    const struct prefix all = {.bits = 0};
    struct rows_view *v = rows_view_new(r);
    struct merge *m = mem_alloc(r->env.mem, sizeof *m);
    enum status st = v == NULL || m == NULL ? ST_NO_MEMORY : open_runs(r, s, &v->set);
    if (st == ST_OK) {
        merge_begin(m, r->env.mem, v->set);
        st = tree_build(&v->tree, r->nodes, m, &all);
        merge_end(m);
    }
    mem_free(r->env.mem, m);
    const struct hash root = tree_root(st == ST_OK ? v->tree : NULL);
    if (st == ST_OK && (!hash_equal(&root, &s->checkpoint.row_root) ||
                        tree_count(v->tree) != s->checkpoint.row_count))
        st = ST_CORRUPT;
    struct run_set *set = st == ST_OK ? run_set_copy(r->env.mem, v->set) : NULL;
    if (st == ST_OK && set == NULL) st = ST_NO_MEMORY;
    if (st != ST_OK) {
        rows_view_close(v);
        return st;
    }
    v->checkpoint = s->checkpoint;
    v->is_checkpoint = s->is_checkpoint;
    run_set_free(r->env.mem, r->set);
    r->set = set;
    r->views[r->view_count++] = v;
    r->recent = s->recent;
    r->tree = tree_ref(v->tree);
    r->next_id = s->next_id;
    r->saved = s->checkpoint.height;
    r->has_saved = true;
    r->done = s->checkpoint.height + 1;
    return ST_OK;
}

static enum status open_runs(struct rows *r, const struct saved *s, struct run_set **out)
{
    struct run_set *set = run_set_new(r->env.mem);
    if (set == NULL) return ST_NO_MEMORY;
    *out = set;
    for (uint32_t i = 0; i < s->run_count; i++) {
        TRY(row_run_open(&set->runs[i], &r->env, s->run_ids[i], s->run_sizes[i]));
        set->count++;
    }
    for (uint32_t i = 0; i < s->dropped_count; i++)
        TRY(run_set_drop(set, r->env.mem, s->dropped[i]));
    return ST_OK;
}

/* What a crash left: files that the manifest does not name. */
struct rest {
    struct rows *rows;
    const struct saved *saved;
};

static enum status remove_one(void *context, const char *name)
{
    const struct rest *rest = context;
    const struct run_env *env = &rest->rows->env;
    char named[OS_PATH_MAX];
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, env->dir, name));
    for (uint32_t i = 0; i < rest->saved->run_count; i++) {
        TRY(row_run_path(named, env, rest->saved->run_ids[i]));
        if (strcmp(named, path) == 0) return ST_OK;
    }
    if (strncmp(name, "run-", 4) != 0 && strcmp(name, "manifest.tmp") != 0) return ST_OK;
    return env->os->remove(env->os, path);
}

static enum status remove_rest(struct rows *r, const struct saved *s)
{
    struct rest rest = {.rows = r, .saved = s};
    return r->env.os->list_dir(r->env.os, r->env.dir, remove_one, &rest);
}

static enum status remove_any(void *context, const char *name)
{
    const struct run_env *env = context;
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, env->dir, name));
    return env->os->remove(env->os, path);
}

/* The manifest first: without it, the rest counts for nothing. */
enum status rows_remove(struct os *os, const char *dir)
{
    char path[OS_PATH_MAX];
    struct run_env env = {.os = os, .dir = dir};
    TRY(os_path_join(path, dir, "manifest"));
    enum status st = os->remove(os, path);
    if (st == ST_OK) st = os->sync_dir(os, dir);
    if (st != ST_OK && st != ST_NOT_FOUND) return st;
    st = os->list_dir(os, dir, remove_any, &env);
    return st == ST_NOT_FOUND ? ST_OK : st;
}
