/* rows_int.h - What the files of this folder share.
 *
 * Invariants
 * W1  set and tree are what stands after block done - 1 without the changes that are pending in
 *     delta: since the last view, or since they became too many to be held. Tree and set of a view
 *     say the same rows, and so do these two.
 * W2  What is saved is a view's height: blocks above it can be fed again.
 * W3  next_id, views, set, recent, done, saved and failure are touched under lock; delta by the
 * thread that works alone; saving is one thread's. */
#ifndef TRUSTSQL_ROWS_ROWS_INT_H
#define TRUSTSQL_ROWS_ROWS_INT_H

#include <stdatomic.h>

#include "os/thread.h"
#include "rows/delta.h"
#include "rows/rows.h"
#include "rows/tree.h"

#define VIEWS_MAX  (CHECKPOINT_LAG + ROWS_KEPT + 4u)
#define RECENT_MAX 32u

_Static_assert(RECENT_MAX >= VIEWS_MAX + 2 * CHECKPOINT_LAG,
               "what is open as of the oldest view is known, too");

struct rows_view {
    struct rows *rows;
    atomic_uint references;
    struct checkpoint checkpoint;
    bool is_checkpoint;
    struct tree *tree;
    struct run_set *set;
};

/* Checkpoints of the newest heights, ascending. */
struct recent {
    struct checkpoint items[RECENT_MAX];
    uint32_t count;
};

struct saved {                    /* What the manifest says. */
    struct checkpoint checkpoint; /* height, rows, root; the rest when is_checkpoint. */
    bool is_checkpoint;
    uint64_t next_id;
    uint64_t *run_ids; /* Newest first. */
    uint64_t *run_sizes;
    uint32_t run_count;
    uint64_t *dropped;
    uint32_t dropped_count;
    struct recent recent;
};

struct queue_item;

struct rows {
    struct run_env env;
    char dir[OS_PATH_MAX];
    struct mutex *lock;
    struct cond *changed;
    struct slots *nodes;

    struct rows_view *views[VIEWS_MAX]; /* Ascending by height; W3. */
    uint32_t view_count;
    struct run_set *set; /* W1 */
    struct tree *tree;   /* W1; of the thread that works. */
    size_t changes_max;
    size_t run_bytes_max;
    struct recent recent;
    uint64_t done; /* Height of the block to be worked on next. */
    bool is_read_only;
    bool has_saved;
    uint64_t saved; /* has_saved: a height. */
    uint64_t next_id;
    enum status failure;

    struct delta delta;

    struct thread *thread; /* Null: the caller works. */
    struct queue_item *first;
    struct queue_item *last;
    uint32_t queued;
    uint64_t fed; /* The feeding thread's. */
    bool is_closing;
};

/* work.c: one block; and what a view is made of. */
NODISCARD enum status rows_work(struct rows *r, const struct rows_block *b);
NODISCARD enum status rows_publish(struct rows *r, struct rows_view *v); /* Takes v. */
struct rows_view *rows_view_new(struct rows *r);
void recent_add(struct recent *recent, const struct checkpoint *c);

/* The first count runs of a set as one, in memory (id 0) or a file. */
struct merging {
    const struct run_set *set;
    uint32_t count;
    bool keeps_gone; /* Runs below may have what a mark says is gone. */
    uint64_t id;
    const struct tree *tree; /* Where to cut blocks: whoever reads a bucket reads one. Null: no. */
};
NODISCARD enum status rows_merge_runs(const struct run_env *env,
                                      const struct merging *merging,
                                      struct run **out);

uint64_t rows_take_id(struct rows *r); /* Of a new file. */

/* save.c: what the manifest of the directory says; nothing: an empty directory. */
NODISCARD enum status rows_load(struct rows *r);

/* manifest.c: docs/format/rows.md. */
void manifest_encode(struct buf *out, const struct saved *s);
NODISCARD enum status manifest_decode(struct saved *out, struct arena *a, struct span bytes);

#endif
