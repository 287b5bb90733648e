#include "support/slow_rows.h"

#include <stdlib.h>

#include "base/must.h"

static size_t lower_bound(const struct slow_rows *t, const struct row_position *position)
{
    size_t i = 0;
    while (i < t->count && row_position_compare(&t->places[i].position, position) < 0)
        i++;
    return i;
}

static bool is_at(const struct slow_rows *t, size_t i, const struct row_position *position)
{
    return i < t->count && row_position_compare(&t->places[i].position, position) == 0;
}

void slow_rows_fini(struct slow_rows *t)
{
    free(t->places);
    *t = (struct slow_rows){0};
}

void slow_rows_copy(struct slow_rows *to, const struct slow_rows *from)
{
    *to = *from;
    to->places = malloc((from->capacity + 1) * sizeof *to->places);
    must(to->places != NULL);
    if (from->count > 0) memcpy(to->places, from->places, from->count * sizeof *to->places);
}

void slow_rows_put(struct slow_rows *t, const struct row_place *place)
{
    size_t i = lower_bound(t, &place->position);
    if (is_at(t, i, &place->position)) {
        t->places[i] = *place;
        return;
    }
    if (t->count == t->capacity) {
        t->capacity = 2 * t->capacity + 16;
        t->places = realloc(t->places, t->capacity * sizeof *t->places);
        must(t->places != NULL);
    }
    memmove(t->places + i + 1, t->places + i, (t->count - i) * sizeof *t->places);
    t->places[i] = *place;
    t->count++;
}

void slow_rows_remove(struct slow_rows *t, const struct row_position *position)
{
    size_t i = lower_bound(t, position);
    if (!is_at(t, i, position)) return;
    memmove(t->places + i, t->places + i + 1, (t->count - i - 1) * sizeof *t->places);
    t->count--;
}

/* Rows [from, from + count), ascending: the first bit that differs anywhere differs between the
 * ends. */
static size_t split(const struct row_place *rows, size_t count, uint32_t *bit)
{
    *bit = row_position_differ(&rows[0].position, &rows[count - 1].position);
    size_t i = 0;
    while (!row_position_bit(&rows[i].position, *bit))
        i++;
    return i;
}

static struct hash root_of(const struct row_place *rows, size_t count)
{
    if (count == 0) return (struct hash){{0}};
    if (count <= ROW_BUCKET_MAX) return row_bucket_hash(rows, (uint32_t)count);
    uint32_t bit;
    size_t left = split(rows, count, &bit);
    struct hash l = root_of(rows, left);
    struct hash r = root_of(rows + left, count - left);
    return row_branch_hash(bit, &l, &r);
}

struct hash slow_rows_root(const struct slow_rows *t)
{
    return root_of(t->places, t->count);
}

void slow_rows_path(struct slow_path *out,
                    const struct slow_rows *t,
                    const struct row_position *position)
{
    const struct row_place *rows = t->places;
    size_t count = t->count;
    uint32_t depth = 0;
    for (; count > ROW_BUCKET_MAX; depth++) {
        uint32_t bit;
        size_t left = split(rows, count, &bit);
        const bool is_right = row_position_bit(position, bit);
        out->steps[depth].bit = (uint16_t)bit;
        out->steps[depth].sibling =
            is_right ? root_of(rows, left) : root_of(rows + left, count - left);
        rows = is_right ? rows + left : rows;
        count = is_right ? count - left : left;
    }
    if (count > 0) memcpy(out->places, rows, count * sizeof *rows);
    out->path = (struct row_path){.steps = out->steps,
                                  .step_count = depth,
                                  .places = out->places,
                                  .place_count = (uint32_t)count};
}
