/* history.h - Where each version of each row stands: an index, by table and height, of the write
 * sets that the store keeps in the results of blocks.
 *
 * Derived: it may be removed at any time and is made again from the results. New heights stand in
 * memory and are written as immutable runs (run.h), which are merged as they grow old, so that
 * there are few. One thread at a time adds; cursors work from any thread, beside it. */
#ifndef TRUSTSQL_HISTORY_HISTORY_H
#define TRUSTSQL_HISTORY_HISTORY_H

#include "base/mem.h"
#include "crypto/hash.h"
#include "os/os.h"

#define HISTORY_TAIL_ENTRIES (1u << 16) /* In memory; then a run is written. */
#define HISTORY_TAIL_HEIGHTS (1u << 14) /* As many are read again at a start. */
#define HISTORY_RUNS_MAX     64u

struct history;
struct history_cursor;

/* dir: the node's directory; history/ in it is made. What is damaged there is removed. */
NODISCARD enum status history_open(struct history **out,
                                   struct os *os,
                                   struct mem *mem,
                                   const char *dir);
void history_close(struct history *h); /* Null allowed. What is in memory only is lost. */

/* All blocks up to this one are indexed. Any thread. */
uint64_t history_height(struct history *h);

/* The newest height that is on disk, and the digest D of its result when it was indexed; 0: none.
 * What the store has now may be otherwise, if it was made again. */
uint64_t history_saved(struct history *h, struct hash *digest);
/* Forget everything; open cursors go on with what was. Of the thread that adds. */
NODISCARD enum status history_clear(struct history *h);

struct history_block { /* What a result says (exec.h): borrowed. */
    uint64_t height;   /* history_height + 1. */
    struct hash digest;
    struct span write_set;
    bool has_gone;    /* Rows that end stand in gone; else in the write set alone. */
    struct span gone; /* May be empty. */
};
/* ST_INVALID: no write sets. A failure to write a run leaves what is in memory. */
NODISCARD enum status history_add(struct history *h, const struct history_block *block);
/* Write what is in memory as a run. */
NODISCARD enum status history_flush(struct history *h);

struct history_entry {
    uint64_t height;
    uint64_t key;    /* history_key_hash of the row's key. */
    uint32_t index;  /* Among the entries of write set and gone: the place of its origin. */
    uint32_t offset; /* Of the entry, in bytes, in the write set or in gone. */
    bool is_gone;    /* It stands in gone. */
};

/* Of a key as it is encoded in write sets. */
uint64_t history_key_hash(struct span key);

struct history_range {
    uint64_t table;
    uint64_t first; /* Heights, both included. */
    uint64_t last;
    bool has_key;
    uint64_t key; /* A hash: others may share it. */
};
/* Entries of the range that are indexed now, in order of height and index. Any thread. */
NODISCARD enum status history_cursor_open(struct history_cursor **out,
                                          struct history *h,
                                          const struct history_range *range);
/* ST_NOT_FOUND: no more. */
NODISCARD enum status history_cursor_next(struct history_cursor *c, struct history_entry *out);
void history_cursor_close(struct history_cursor *c); /* Null allowed. */

#endif
