/* shape.c - The way down is a stack: right sides wait while the left ones are visited. Bits grow on
 * every way down (T2), so no more of them wait than a position has bits. */
#include "rows/shape.h"

#include "base/must.h"
#include "rows/rows_int.h"

static enum status visit_one(const struct rows_shape *shape,
                             const struct tree_look *look,
                             bool *is_whole)
{
    const struct rows_part part = {.row_count = look->count,
                                   .hash = look->hash,
                                   .first = look->first,
                                   .is_bucket = look->is_bucket,
                                   .bit = look->bit};
    TRY(shape->visit(shape->context, &part, is_whole));
    if (look->is_bucket) must(*is_whole);
    return ST_OK;
}

enum status rows_view_shape(struct rows_view *v, const struct rows_shape *shape)
{
    const struct tree *waiting[ROW_POSITION_BITS + 1];
    uint32_t count = 0;
    if (v->tree != NULL) waiting[count++] = v->tree;
    while (count > 0) {
        struct tree_look look;
        bool is_whole = false;
        tree_look(waiting[--count], &look);
        TRY(visit_one(shape, &look, &is_whole));
        if (is_whole) continue;
        must(count + 2 <= ROW_POSITION_BITS + 1); /* T2 */
        waiting[count++] = look.sides[1];
        waiting[count++] = look.sides[0];
    }
    return ST_OK;
}
