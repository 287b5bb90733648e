/* The tree of the replay is fed with the write sets that the replay gives, so it owes the node's
 * files nothing. They are opened where they lie, for reading only, which checks every block of
 * theirs; when the replay stands at their height, both roots must be one. */
#include "base/must.h"
#include "node/audit_int.h"
#include "rows/rows.h"

#define SAVE_BLOCKS 4096u /* So often the tree of the replay goes to the scratch directory. */

struct audit_rows {
    struct audit *audit;
    struct rows *stored; /* Null: there are none, or they are damaged. */
    uint64_t height;
};

static const struct damage rows_place = {.file = ROWS_DIR "/manifest"};

static enum status compare(struct audit_rows *s, uint64_t height);

enum status audit_rows_new(struct audit_rows **out, struct audit *a)
{
    char dir[OS_PATH_MAX];
    struct audit_rows *s = mem_alloc_zero(a->config->mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->audit = a;
    *out = s;
    TRY(os_path_join(dir, a->config->dir, ROWS_DIR));
    const struct rows_config config = {
        .os = a->config->os, .mem = a->config->mem, .dir = dir, .is_read_only = true};
    enum status st = rows_open(&s->stored, &config);
    if (st == ST_CORRUPT) {
        audit_found(a, &rows_place, 0, "the files of the row tree are damaged");
        return ST_OK;
    }
    if (st == ST_NOT_FOUND) return ST_OK; /* A start makes them again from the results. */
    TRY(st);
    if (rows_next(s->stored) > 0) {
        s->height = rows_next(s->stored) - 1;
        return ST_OK;
    }
    rows_close(s->stored);
    s->stored = NULL;
    return ST_OK;
}

void audit_rows_free(struct audit_rows *s)
{
    if (s == NULL) return;
    rows_close(s->stored);
    mem_free(s->audit->config->mem, s);
}

enum status audit_rows_compare(struct audit_rows *s, uint64_t height)
{
    if (height % SAVE_BLOCKS == 0) TRY(rows_save(s->audit->rows, height));
    if (s->stored == NULL || height != s->height) return ST_OK;
    return compare(s, height);
}

/* Files are saved at heights that every tree keeps. */
static enum status compare(struct audit_rows *s, uint64_t height)
{
    struct rows_view *ours = NULL;
    struct rows_view *theirs = NULL;
    enum status st = rows_view_open(&ours, s->audit->rows, height);
    if (st == ST_OK) st = rows_view_open(&theirs, s->stored, height);
    if (st == ST_OK || st == ST_NOT_FOUND) {
        const struct checkpoint *a = st == ST_OK ? rows_view_checkpoint(ours) : NULL;
        const struct checkpoint *b = st == ST_OK ? rows_view_checkpoint(theirs) : NULL;
        const bool is_same =
            a != NULL && a->height == b->height && hash_equal(&a->row_root, &b->row_root);
        if (!is_same)
            audit_found(s->audit, &rows_place, height,
                        "the root over all rows is not what the replay gives");
        st = ST_OK;
    }
    rows_view_close(theirs);
    rows_view_close(ours);
    return st;
}
