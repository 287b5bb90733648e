/* run.h - A run: rows and the marks of gone rows, sorted by position, immutable once written.
 *
 * In memory or in a file of rows/ (docs/format/rows.md): blocks of some four KiB with a checksum
 * each, and in memory the first position of each block. One thread writes a run; then any number
 * read it through cursors of their own. */
#ifndef TRUSTSQL_ROWS_RUN_H
#define TRUSTSQL_ROWS_RUN_H

#include "base/buf.h"
#include "ledger/row_path.h"
#include "os/os.h"
#include "store/crc32c.h"

#define RUN_BLOCK_SIZE 4096u             /* Payload after which a block ends. */
#define RUN_BLOCK_CUT  1536u             /* Payload before which row_run_writer_cut does nothing. */
#define RUN_BLOCK_MAX  ((size_t)8 << 20) /* One record is never larger. */

struct run_env { /* What every part of the folder needs; immutable. */
    struct os *os;
    struct mem *mem;
    const char *dir; /* Null: runs stay in memory. */
    struct crc32c crc;
};

struct row_record {
    struct row_place place;
    bool is_gone;    /* The row went: leaf and key mean nothing. */
    struct span key; /* Of a hashed position; empty where the position says it. */
};

struct run; /* Counted references; whoever holds one may read. */
struct run *row_run_ref(struct run *r);
void row_run_unref(struct run *r); /* Null allowed. The last one closes, and removes when told. */
uint64_t row_run_id(const struct run *r); /* 0: in memory. */
uint64_t row_run_size(const struct run *r);
uint64_t row_run_count(const struct run *r);
void row_run_doom(
    struct run *r); /* Nothing names its file any more: the last reference removes it. */

/* Open the file of a run, whose size is known; reads and checks all of it. */
NODISCARD enum status row_run_open(struct run **out,
                                   const struct run_env *env,
                                   uint64_t id,
                                   uint64_t size);

/* rows/run-ID. */
NODISCARD enum status row_run_path(char *out, const struct run_env *env, uint64_t id);

struct run_writer {
    struct run *run;
    struct buf block;
    uint32_t block_count; /* Records in block. */
    struct row_position last;
};
/* id 0: in memory. row_run_writer_end or row_run_writer_abort must follow. */
NODISCARD enum status row_run_writer_begin(struct run_writer *w,
                                           const struct run_env *env,
                                           uint64_t id);
/* A good place to end a block: who reads what follows need not read what came before. */
NODISCARD enum status row_run_writer_cut(struct run_writer *w);
/* Positions ascend. */
NODISCARD enum status row_run_writer_put(struct run_writer *w, const struct row_record *r);
/* The run, synced when it is a file; on failure the writer is as after abort. */
NODISCARD enum status row_run_writer_end(struct run_writer *w, struct run **out);
void row_run_writer_abort(struct run_writer *w);

struct run_cursor {
    const struct run *run;
    struct buf bytes; /* The block of a file. */
    struct span rest; /* Of the block, behind record. */
    size_t block;     /* Index of the block that record is in. */
    bool has;         /* record is one. */
    bool is_pending; /* It is the first of a block that was not read: only its position is known. */
    bool has_after;
    struct row_position after; /* has_after: no record lies between it and record, or the end. */
    struct row_record record;
};
void row_run_cursor_init(struct run_cursor *c, const struct run *run);
void row_run_cursor_fini(struct run_cursor *c);
/* The first record at position or behind it; has tells whether there is one. Cheap when positions
 * ascend. */
NODISCARD enum status row_run_cursor_seek(struct run_cursor *c,
                                          const struct row_position *position);
NODISCARD enum status row_run_cursor_next(struct run_cursor *c);
/* The places of rows from the record on, as far as its block goes and up to last (below it, unless
 * is_inclusive): *count of them, at least one and at most so many. The newest of them is the record
 * then. Nothing is pending, and the record is a row within last. */
struct run_take {
    const struct row_position *last;
    bool is_inclusive;
    struct row_place *to;
    uint32_t most;
};
NODISCARD enum status row_run_cursor_take(struct run_cursor *c,
                                          const struct run_take *take,
                                          uint32_t *count);
/* The rest of a pending record: who is content with a position does not read the block. */
NODISCARD enum status row_run_cursor_load(struct run_cursor *c);

#endif
