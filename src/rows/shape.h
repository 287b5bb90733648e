/* shape.h - The tree of a view from its root down, cut where the visitor says.
 *
 * For who hands the rows on in pieces, each with a hash of its own: every part taken, and the
 * branches above them, give the root. Any thread, as all reading of a view. */
#ifndef TRUSTSQL_ROWS_SHAPE_H
#define TRUSTSQL_ROWS_SHAPE_H

#include "rows/rows.h"

struct rows_part { /* A node with all rows below it. */
    uint64_t row_count;
    struct hash hash;
    struct row_position first; /* Of its rows; the others follow it without a gap. */
    bool is_bucket;            /* It cannot be divided. */
    uint16_t bit;              /* Else the branch's: its left side comes next, then its right. */
};

struct rows_shape {
    /* *is_whole: the part is taken; else it is divided. A failure ends the walk. */
    enum status (*visit)(void *context, const struct rows_part *part, bool *is_whole);
    void *context;
};

/* A parent before its sides, left before right. No rows: no call. */
NODISCARD enum status rows_view_shape(struct rows_view *v, const struct rows_shape *shape);

#endif
