/* tree.h - The row tree in memory: branches and buckets with their hashes, not the rows.
 *
 * Nodes never change; an update makes new ones along its paths and shares the rest, so that trees
 * of several heights stand beside each other. What a bucket holds is read from the runs. */
#ifndef TRUSTSQL_ROWS_TREE_H
#define TRUSTSQL_ROWS_TREE_H

#include "rows/merge.h"
#include "rows/slots.h"

struct tree;                           /* A node; null is the empty tree. Counted references. */
struct tree *tree_ref(struct tree *t); /* Null allowed, here and below. */
void tree_unref(struct slots *nodes, struct tree *t);
struct hash tree_root(const struct tree *t);
uint64_t tree_count(const struct tree *t); /* Rows. */

/* Positions that share their first bits with at. */
struct prefix {
    struct row_position at; /* Zero behind bits. */
    uint32_t bits;
};
struct prefix prefix_of(const struct row_position *p, uint32_t bits);
bool prefix_has(const struct prefix *prefix, const struct row_position *p);

/* Where nodes of trees come from; all functions of one tree are given the same. */
NODISCARD enum status tree_slots(struct slots **out, struct mem *mem);

/* The tree over the rows of m inside prefix. */
NODISCARD enum status tree_build(struct tree **out,
                                 struct slots *nodes,
                                 struct merge *m,
                                 const struct prefix *prefix);

/* What changed between two sets of runs. */
struct tree_changes {
    const struct row_position *positions; /* Ascending; rows put or gone. */
    size_t count;
    const uint64_t *dropped; /* Tables that went. */
    size_t dropped_count;
};
/* before, with changes; m reads the rows as they are after them. *out: a new reference. */
NODISCARD enum status tree_update(struct tree **out,
                                  struct slots *nodes,
                                  struct tree *before,
                                  struct merge *m,
                                  const struct tree_changes *changes);

/* The way to the bucket where position belongs: its branches, and where its rows begin. */
struct tree_way {
    uint32_t step_count;
    struct row_step steps[ROW_POSITION_BITS];
    uint32_t place_count; /* Rows of the bucket; 0: the tree is empty. */
    struct row_position first;
    struct hash bucket;
};
void tree_find(const struct tree *t, const struct row_position *position, struct tree_way *out);

/* The buckets of a tree in order: where each begins. */
struct tree_buckets {
    uint32_t depth;
    const struct tree *above[ROW_POSITION_BITS + 1]; /* What is still to come, the next on top. */
};
void tree_buckets_begin(struct tree_buckets *b, const struct tree *t); /* Null allowed. */
/* From the bucket on that has the first row at position or behind it, or one just before it. */
void tree_buckets_seek(struct tree_buckets *b,
                       const struct tree *t,
                       const struct row_position *position);
struct tree_bucket {
    const struct row_position *first;
    const struct hash *hash;
    uint32_t count;
};
bool tree_buckets_next(struct tree_buckets *b, struct tree_bucket *out); /* False: no more. */

/* Rows with this prefix. mixed->count > 0: they are among the rows of that bucket, which has
 * others, too, perhaps. */
uint64_t tree_count_in(const struct tree *t,
                       const struct prefix *prefix,
                       struct tree_bucket *mixed);

/* One node as it is. */
struct tree_look {
    bool is_bucket;
    uint16_t bit; /* Of a branch. */
    const struct tree *sides[2];
    uint64_t count;
    struct hash hash;
    struct row_position first; /* Of its rows. */
};
void tree_look(const struct tree *t, struct tree_look *out); /* Not null. */

#endif
