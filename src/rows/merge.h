/* merge.h - Several runs read as one: of each position the newest record. */
#ifndef TRUSTSQL_ROWS_MERGE_H
#define TRUSTSQL_ROWS_MERGE_H

#include "rows/run.h"

#define RUN_SET_MAX 64u /* Runs double in size, so there are never so many. */

struct run_set {                   /* Immutable, counted references. */
    struct run *runs[RUN_SET_MAX]; /* Newest first; owned references. */
    uint32_t count;
    uint64_t *dropped; /* Tables whose rows are gone, whatever the runs say; ascending. */
    uint32_t dropped_count;
};

struct run_set *run_set_new(struct mem *mem); /* Empty; null: no memory. */
struct run_set *run_set_copy(struct mem *mem, const struct run_set *from);
void run_set_free(struct mem *mem, struct run_set *s); /* Null allowed. */
/* Put a run on top; takes the reference. */
void run_set_push(struct run_set *s, struct run *r);
NODISCARD enum status run_set_drop(struct run_set *s, struct mem *mem, uint64_t table);
bool run_set_is_dropped(const struct run_set *s, uint64_t table);

struct merge {
    struct mem *mem;
    const struct run_set *set;
    struct run_cursor cursors[RUN_SET_MAX]; /* Of runs first … first + count - 1. */
    uint32_t count;
    bool keeps_gone; /* Marks of gone rows are records, too. */
    struct row_position last;
    struct run_cursor *at;     /* The one with the smallest position; null: all are at their end. */
    struct run_cursor *behind; /* Of the others the one with the smallest; null: none. */
    bool has;
    const struct row_record *record; /* Borrowed until the next call. */
};
/* All runs of the set, or count of them from first on. */
void merge_begin(struct merge *m, struct mem *mem, const struct run_set *set);
void merge_begin_part(
    struct merge *m, struct mem *mem, const struct run_set *set, uint32_t first, uint32_t count);
void merge_end(struct merge *m);
/* The records of positions from first to last (null: to the end), both included: the first. */
NODISCARD enum status merge_seek(struct merge *m,
                                 const struct row_position *first,
                                 const struct row_position *last);
NODISCARD enum status merge_next(struct merge *m);
/* The places of the next records, at most so many: *count of them. Only while marks are no records.
 */
NODISCARD enum status merge_take(struct merge *m,
                                 struct row_place *to,
                                 uint32_t most,
                                 uint32_t *count);

#endif
