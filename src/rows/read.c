/* read.c - Paths, walks and counts over one view: its tree says which rows there are, the runs
 * which they are. */
#include "base/must.h"
#include "rows/rows_int.h"

struct bucket_keys { /* Of hashed positions. */
    struct buf bytes;
    size_t ends[ROW_BUCKET_MAX];
};

struct reading { /* A checked walk: one bucket at a time. */
    struct rows_view *view;
    struct merge *merge;
    struct row_place places[ROW_BUCKET_MAX];
    struct bucket_keys keys;
};

static enum status read_bucket(struct rows_view *v,
                               const struct tree_bucket *bucket,
                               struct row_place *places,
                               struct bucket_keys *keys);
static enum status read_places(struct merge *m,
                               const struct tree_bucket *bucket,
                               struct row_place *places,
                               struct bucket_keys *keys);
static enum status visit_bucket(struct reading *r, const struct rows_walk *walk, uint32_t count);

enum status rows_view_path(struct rows_view *v,
                           const struct row_position *position,
                           struct arena *a,
                           struct row_path *out)
{
    struct tree_way *way = arena_alloc(a, sizeof *way);
    if (way == NULL) return ST_NO_MEMORY;
    tree_find(v->tree, position, way);
    struct row_place *places = arena_alloc(a, way->place_count * sizeof *places);
    if (places == NULL) return ST_NO_MEMORY;
    const struct tree_bucket bucket = {
        .first = &way->first, .hash = &way->bucket, .count = way->place_count};
    TRY(read_bucket(v, &bucket, places, NULL));
    *out = (struct row_path){.steps = way->steps,
                             .step_count = way->step_count,
                             .places = places,
                             .place_count = way->place_count};
    return ST_OK;
}

/* keys: null: not wanted. */
static enum status read_bucket(struct rows_view *v,
                               const struct tree_bucket *bucket,
                               struct row_place *places,
                               struct bucket_keys *keys)
{
    if (bucket->count == 0) return ST_OK;
    struct merge *m = mem_alloc(v->rows->env.mem, sizeof *m);
    if (m == NULL) return ST_NO_MEMORY;
    merge_begin(m, v->rows->env.mem, v->set);
    enum status st = read_places(m, bucket, places, keys);
    merge_end(m);
    mem_free(v->rows->env.mem, m);
    return st;
}

static enum status read_places(struct merge *m,
                               const struct tree_bucket *bucket,
                               struct row_place *places,
                               struct bucket_keys *keys)
{
    must(bucket->count <= ROW_BUCKET_MAX);
    TRY(merge_seek(m, bucket->first, NULL));
    for (uint32_t i = 0; i < bucket->count; i++) {
        if (!m->has) return ST_CORRUPT;
        places[i] = m->record->place;
        if (i > 0 && row_position_compare(&places[i - 1].position, &places[i].position) >= 0)
            return ST_CORRUPT;
        if (keys != NULL) {
            buf_put(&keys->bytes, m->record->key);
            TRY(buf_status(&keys->bytes));
            keys->ends[i] = keys->bytes.size;
        }
        TRY(merge_next(m));
    }
    const struct hash found = row_bucket_hash(places, bucket->count);
    return hash_equal(&found, bucket->hash) ? ST_OK : ST_CORRUPT;
}

/* The key of an integer position is in the position. */
static struct span key_of(const struct row_record *record, struct buf *scratch)
{
    if (!row_position_has_key(&record->place.position)) return record->key;
    buf_reset(scratch);
    row_position_key(&record->place.position, scratch);
    return buf_span(scratch);
}

enum status rows_view_walk(struct rows_view *v, const struct rows_walk *walk)
{
    uint8_t bytes[16];
    struct buf scratch;
    struct merge *m = mem_alloc(v->rows->env.mem, sizeof *m);
    if (m == NULL) return ST_NO_MEMORY;
    buf_init_fixed(&scratch, bytes, sizeof bytes);
    merge_begin(m, v->rows->env.mem, v->set);
    enum status st = merge_seek(m, &walk->from, NULL);
    while (st == ST_OK && m->has &&
           row_position_compare(&m->record->place.position, &walk->below) < 0) {
        const struct rows_row row = {.place = m->record->place, .key = key_of(m->record, &scratch)};
        st = walk->visit(walk->context, &row);
        if (st == ST_OK) st = merge_next(m);
    }
    merge_end(m);
    mem_free(v->rows->env.mem, m);
    return st;
}

enum status rows_view_walk_checked(struct rows_view *v, const struct rows_walk *walk)
{
    struct mem *mem = v->rows->env.mem;
    struct tree_buckets buckets;
    struct tree_bucket bucket;
    struct reading *r = mem_alloc(mem, sizeof *r);
    struct merge *m = mem_alloc(mem, sizeof *m);
    if (r == NULL || m == NULL) {
        mem_free(mem, r);
        mem_free(mem, m);
        return ST_NO_MEMORY;
    }
    r->view = v;
    buf_init(&r->keys.bytes, mem, 0);
    merge_begin(m, mem, v->set);
    enum status st = ST_OK;
    tree_buckets_seek(&buckets, v->tree, &walk->from);
    while (st == ST_OK && tree_buckets_next(&buckets, &bucket) &&
           row_position_compare(bucket.first, &walk->below) < 0) {
        buf_reset(&r->keys.bytes);
        st = read_places(m, &bucket, r->places, &r->keys);
        if (st == ST_OK) st = visit_bucket(r, walk, bucket.count);
    }
    merge_end(m);
    buf_fini(&r->keys.bytes);
    mem_free(mem, m);
    mem_free(mem, r);
    return st;
}

static enum status visit_bucket(struct reading *r, const struct rows_walk *walk, uint32_t count)
{
    uint8_t bytes[16];
    struct buf scratch;
    buf_init_fixed(&scratch, bytes, sizeof bytes);
    for (uint32_t i = 0; i < count; i++) {
        const struct row_position *p = &r->places[i].position;
        const size_t begin = i == 0 ? 0 : r->keys.ends[i - 1];
        struct rows_row row = {.place = r->places[i],
                               .key = span_of(r->keys.bytes.data + begin, r->keys.ends[i] - begin)};
        if (row_position_compare(p, &walk->from) < 0) continue;
        if (row_position_compare(p, &walk->below) >= 0) return ST_OK;
        if (row_position_has_key(p)) {
            buf_reset(&scratch);
            row_position_key(p, &scratch);
            row.key = buf_span(&scratch);
        } else {
            struct row_position said;
            if (row_position_of(&said, row_position_table(p), row.key) != ST_OK ||
                row_position_compare(&said, p) != 0)
                return ST_CORRUPT;
        }
        TRY(walk->visit(walk->context, &row));
    }
    return ST_OK;
}

enum status rows_view_count(struct rows_view *v, uint64_t table, uint64_t *count)
{
    struct row_place places[ROW_BUCKET_MAX];
    struct tree_bucket mixed;
    const struct row_position first = row_position_first(table);
    const struct prefix prefix = prefix_of(&first, 64);
    *count = tree_count_in(v->tree, &prefix, &mixed);
    TRY(read_bucket(v, &mixed, places, NULL));
    for (uint32_t i = 0; i < mixed.count; i++)
        if (row_position_table(&places[i].position) == table) *count += 1;
    return ST_OK;
}
