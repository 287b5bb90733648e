/* slow_rows.h - The row tree by its definition: an array of rows, hashed from nothing each time.
 *
 * Slow and short: what the real tree is compared with. */
#ifndef TRUSTSQL_TEST_SLOW_ROWS_H
#define TRUSTSQL_TEST_SLOW_ROWS_H

#include "ledger/row_path.h"

struct slow_rows { /* Ascending by position. Zeroed: empty. */
    struct row_place *places;
    size_t count;
    size_t capacity;
};

void slow_rows_fini(struct slow_rows *t);
void slow_rows_copy(struct slow_rows *to, const struct slow_rows *from);
void slow_rows_put(struct slow_rows *t, const struct row_place *place);
void slow_rows_remove(struct slow_rows *t, const struct row_position *position);
struct hash slow_rows_root(const struct slow_rows *t);

struct slow_path {
    struct row_path path;
    struct row_step steps[ROW_POSITION_BITS];
    struct row_place places[ROW_BUCKET_MAX];
};
void slow_rows_path(struct slow_path *out,
                    const struct slow_rows *t,
                    const struct row_position *position);

#endif
