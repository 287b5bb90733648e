/* rows.h - The row tree of a chain: fed with what blocks changed, asked for roots and paths.
 *
 * Every block's write set goes in, in order of height, from the genesis on. At each checkpoint
 * (ledger/checkpoint.h), and at multiples of CHECKPOINT_BLOCKS, the tree over all rows is brought
 * up to date; checkpoints that are not certified yet, and the newest certified ones, stay readable.
 *
 * One thread feeds and asks for checkpoints, one saves, any number read. With a thread of its own
 * (is_threaded), rows_feed only copies, and rows_checkpoint waits; without, rows_feed does it all.
 * A failure is final: every later call of the first two returns it. */
#ifndef TRUSTSQL_ROWS_ROWS_H
#define TRUSTSQL_ROWS_ROWS_H

#include "base/arena.h"
#include "ledger/checkpoint.h"
#include "ledger/row_path.h"
#include "os/os.h"

#define ROWS_DIR       "rows" /* In the node's directory. */
#define ROWS_QUEUE_MAX 64u    /* Blocks that wait for the thread; then rows_feed waits. */
#define ROWS_KEPT      2u     /* Certified checkpoints that stay readable. */

/* Of bulk loads: 50 MB of changes, 32 MB of a run. */
#define ROWS_CHANGES_MAX   ((size_t)1 << 18)
#define ROWS_RUN_BYTES_MAX ((size_t)32 << 20)

struct rows;

struct rows_config {
    struct os *os;
    struct mem *mem;
    const char *dir; /* Made if absent; null: all stays in memory. */
    bool is_threaded;
    size_t changes_max;   /* Held in memory between updates of the tree; 0: ROWS_CHANGES_MAX. */
    size_t run_bytes_max; /* A run in memory; larger ones are files. 0: ROWS_RUN_BYTES_MAX. */
    bool is_read_only;    /* Nothing is made or removed; rows_save does nothing. ST_NOT_FOUND: no
                             directory. */
};

/* ST_CORRUPT: rows_remove, and feed it again from the genesis. Reads all there is and checks it
 * against the saved root. */
NODISCARD enum status rows_open(struct rows **out, const struct rows_config *config);
void rows_close(struct rows *r); /* Null allowed. Does not save. */

/* Forget the files of a directory: the next rows_open is empty. */
NODISCARD enum status rows_remove(struct os *os, const char *dir);

struct rows_block {
    uint64_t height;          /* rows_next. */
    struct span write_set;    /* docs/format/writeset.md */
    const struct hash *txids; /* Of its transactions, in any order. */
    uint32_t tx_count;
    bool is_checkpoint;
    uint64_t before; /* is_checkpoint: struct checkpoint. */
};

uint64_t rows_next(const struct rows *r); /* Height of the block to be fed next; 0: empty. */
NODISCARD enum status rows_feed(struct rows *r, const struct rows_block *b);

/* A checkpoint at most CHECKPOINT_LAG below the newest block fed. ST_NOT_FOUND: none there. */
NODISCARD enum status rows_checkpoint(struct rows *r, uint64_t height, struct checkpoint *out);

/* Make what stands up to height durable; heights above it may be fed again after a crash. Merges
 * runs now and then, which takes as long as copying them. Any one thread. */
NODISCARD enum status rows_save(struct rows *r, uint64_t height);
uint64_t rows_saved(struct rows *r); /* Height of what is on disk. */

/* --- reading, any thread ------------------------------------------------------------------------
 */

/* The rows of one height, as they were: holds files and memory until it is closed. */
struct rows_view;

/* The newest height at or below height that is kept, checkpoint or not. ST_NOT_FOUND. */
NODISCARD enum status rows_view_open(struct rows_view **out, struct rows *r, uint64_t height);
void rows_view_close(struct rows_view *v); /* Null allowed. */
/* txid_root and before mean something when rows_view_is_checkpoint. */
const struct checkpoint *rows_view_checkpoint(const struct rows_view *v);
bool rows_view_is_checkpoint(const struct rows_view *v);

/* The path to a position; arrays in a. ST_CORRUPT: the files do not give the root. */
NODISCARD enum status rows_view_path(struct rows_view *v,
                                     const struct row_position *position,
                                     struct arena *a,
                                     struct row_path *out);

struct rows_row {
    struct row_place place;
    struct span key; /* Of its write-set entry. */
};
/* The rows from position from on, ascending, below position below; stops at visit's first failure,
 * which it returns. */
struct rows_walk {
    struct row_position from;
    struct row_position below;
    enum status (*visit)(void *context, const struct rows_row *row);
    void *context;
};
NODISCARD enum status rows_view_walk(struct rows_view *v, const struct rows_walk *walk);
/* The same, each bucket held against the tree, each key against its position. ST_CORRUPT: the files
 * do not give the root. */
NODISCARD enum status rows_view_walk_checked(struct rows_view *v, const struct rows_walk *walk);
/* How many rows a table has. */
NODISCARD enum status rows_view_count(struct rows_view *v, uint64_t table, uint64_t *count);

/* --- what it costs ------------------------------------------------------------------------------
 */

struct rows_cost {
    uint64_t row_count;
    uint64_t disk_bytes;
    uint64_t memory_bytes; /* Of runs in memory, not of the tree. */
    uint32_t run_count;
    uint64_t cpu_ns; /* Of the own thread. */
};
void rows_cost(struct rows *r, struct rows_cost *out);

#endif
