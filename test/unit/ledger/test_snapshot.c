/* Goal: a manifest has one encoding and is a whole tree under its root, a chunk has exactly the
 * rows of its part, and every cut or flipped bit of either is refused or is another value. */
#include "ledger/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/cbor.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"
#include "support/slow_rows.h"

struct sample {
    struct snapshot snapshot;
    struct buf chunks[2];
    struct buf manifest;
    struct span schema[2];
    struct snapshot_table tables[2];
};

static void put_entry(struct buf *out, uint64_t table, uint32_t key)
{
    cbor_put_array(out, 3);
    cbor_put_uint(out, table);
    cbor_put_array(out, 1);
    cbor_put_uint(out, key);
    cbor_put_array(out, 2);
    cbor_put_uint(out, key);
    cbor_put_text(out, span_text("text"));
}

/* Rows first … first + count - 1 of a table as a chunk; they are added to tree. */
static void make_chunk(struct buf *out, struct slow_rows *tree, uint64_t table, uint32_t count)
{
    struct buf items;
    struct buf entry;
    buf_init(&items, mem_system(), 0);
    buf_init(&entry, mem_system(), 0);
    for (uint32_t i = 0; i < count; i++) {
        struct row_change change;
        buf_reset(&entry);
        put_entry(&entry, table, i);
        const struct snapshot_row row = {
            .has_rowid = i % 2 == 0, .rowid = (int64_t)i - 5, .entry = buf_span(&entry)};
        snapshot_put_row(&items, &row);
        assert_int_equal(row_change_of(&change, row.entry), ST_OK);
        slow_rows_put(tree, &change.place);
    }
    buf_init(out, mem_system(), 0);
    snapshot_put_chunk(out, buf_span(&items), count);
    assert_int_equal(buf_status(out), ST_OK);
    buf_fini(&entry);
    buf_fini(&items);
}

static struct snapshot_part part_of(struct span chunk, const struct slow_rows *tree, uint32_t count)
{
    return (struct snapshot_part){.row_count = count,
                                  .size = chunk.size,
                                  .subtree = slow_rows_root(tree),
                                  .chunk = snapshot_chunk_hash(chunk)};
}

/* Two tables, 100 and 30 rows: a branch where their ids differ, a part on each side. */
static void sample_init(struct sample *s)
{
    struct slow_rows left = {0};
    struct slow_rows right = {0};
    struct buf nodes;
    struct snapshot_part parts[2];
    *s = (struct sample){
        .schema = {span_text("CREATE TABLE a(x)"), span_text("CREATE TABLE b(x)")},
        .tables = {{.id = 1000, .name = span_text("a")}, {.id = 2001, .name = span_text("b")}}};
    make_chunk(&s->chunks[0], &left, 1000, 100);
    make_chunk(&s->chunks[1], &right, 2001, 30);
    parts[0] = part_of(buf_span(&s->chunks[0]), &left, 100);
    parts[1] = part_of(buf_span(&s->chunks[1]), &right, 30);
    const struct row_position first = row_position_first(1000);
    const struct row_position second = row_position_first(2001);
    const uint32_t bit = row_position_differ(&first, &second);
    buf_init(&nodes, mem_system(), 0);
    snapshot_put_branch(&nodes, (uint16_t)bit);
    snapshot_put_part(&nodes, &parts[0]);
    snapshot_put_part(&nodes, &parts[1]);
    s->snapshot = (struct snapshot){.chain_id = hash_of("test", span_text("chain")),
                                    .checkpoints = {{.height = 250, .before = 128, .row_count = 7},
                                                    {.height = 256, .before = 250}},
                                    .checkpoint_count = 2,
                                    .note = span_text("a note"),
                                    .schema = s->schema,
                                    .schema_count = 2,
                                    .tables = s->tables,
                                    .table_count = 2};
    s->snapshot.checkpoints[1].row_count = 130;
    s->snapshot.checkpoints[1].row_root =
        row_branch_hash(bit, &parts[0].subtree, &parts[1].subtree);
    buf_init(&s->manifest, mem_system(), 0);
    snapshot_encode(&s->manifest, &s->snapshot, buf_span(&nodes), 3);
    assert_int_equal(buf_status(&s->manifest), ST_OK);
    buf_fini(&nodes);
    slow_rows_fini(&left);
    slow_rows_fini(&right);
}

static void sample_fini(struct sample *s)
{
    buf_fini(&s->chunks[0]);
    buf_fini(&s->chunks[1]);
    buf_fini(&s->manifest);
}

/* The nodes are given back as they came: two parts need one branch, whose bit is what is left. */
static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct snapshot s;
    struct buf nodes;
    TRY(snapshot_decode(&s, a, bytes));
    buf_init(&nodes, mem_system(), 0);
    if (s.part_count == 2) snapshot_put_branch(&nodes, 53);
    for (uint32_t i = 0; i < s.part_count; i++)
        snapshot_put_part(&nodes, &s.parts[i]);
    snapshot_encode(out, &s, buf_span(&nodes), s.part_count * 2 - 1);
    buf_fini(&nodes);
    return buf_status(out);
}

static void the_manifest(void **state)
{
    (void)state;
    struct sample s;
    struct arena a;
    struct snapshot got;
    sample_init(&s);
    arena_init(&a, mem_system(), 0);
    assert_int_equal(snapshot_decode(&got, &a, buf_span(&s.manifest)), ST_OK);
    assert_int_equal(got.part_count, 2);
    assert_int_equal(got.parts[1].row_count, 30);
    assert_int_equal(got.tables[1].id, 2001);
    assert_int_equal(snapshot_checkpoint(&got)->height, 256);
    golden_check("snapshot-manifest", buf_span(&s.manifest));
    codec_sweep(buf_span(&s.manifest), again);
    arena_fini(&a);
    sample_fini(&s);
}

static void the_chunks(void **state)
{
    (void)state;
    struct sample s;
    struct arena a;
    struct snapshot got;
    struct snapshot_rows rows;
    struct snapshot_row row;
    sample_init(&s);
    arena_init(&a, mem_system(), 0);
    golden_check("snapshot-chunk", buf_span(&s.chunks[1]));
    assert_int_equal(snapshot_decode(&got, &a, buf_span(&s.manifest)), ST_OK);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(snapshot_chunk_check(buf_span(&s.chunks[i]), &got.parts[i], &a), ST_OK);
    assert_int_equal(snapshot_chunk_check(buf_span(&s.chunks[0]), &got.parts[1], &a), ST_INVALID);
    uint32_t count = 0;
    snapshot_rows_begin(&rows, buf_span(&s.chunks[0]));
    for (; snapshot_rows_next(&rows, &row); count++) {
        assert_int_equal(row.has_rowid, count % 2 == 0);
        if (row.has_rowid) assert_int_equal(row.rowid, (int64_t)count - 5);
    }
    assert_int_equal(count, 100);
    arena_fini(&a);
    sample_fini(&s);
}

/* Row ids alone may change unseen by the tree; the chunk's own hash sees all. */
static void cut_and_flipped_chunks(void **state)
{
    (void)state;
    struct sample s;
    struct arena a;
    struct snapshot got;
    uint32_t passed = 0;
    sample_init(&s);
    arena_init(&a, mem_system(), 0);
    assert_int_equal(snapshot_decode(&got, &a, buf_span(&s.manifest)), ST_OK);
    struct span chunk = buf_span(&s.chunks[1]);
    struct arena scratch;
    arena_init(&scratch, mem_system(), 0);
    for (size_t size = 0; size < chunk.size; size++) {
        arena_reset(&scratch);
        const struct span cut = span_of(chunk.data, size);
        assert_int_not_equal(snapshot_chunk_check(cut, &got.parts[1], &scratch), ST_OK);
    }
    for (size_t bit = 0; bit < chunk.size * 8; bit++) {
        arena_reset(&scratch);
        s.chunks[1].data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        passed += snapshot_chunk_check(chunk, &got.parts[1], &scratch) == ST_OK;
        const struct hash hash = snapshot_chunk_hash(chunk);
        assert_false(hash_equal(&hash, &got.parts[1].chunk));
        s.chunks[1].data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(passed > 0 && passed < 15 * 8);
    arena_fini(&scratch);
    arena_fini(&a);
    sample_fini(&s);
}

/* Any set of rows has the hash of its definition. */
static void the_tree(void **state)
{
    (void)state;
    for (uint32_t count = 0; count < 400; count += count < 70 ? 1 : 37) {
        struct slow_rows slow = {0};
        struct row_place *places = calloc(count + 1, sizeof *places);
        assert_non_null(places);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t number[4] = {0, 0, (uint8_t)(i / 256), (uint8_t)i};
            places[i].position = row_position_first(1000 + i / 90);
            memcpy(places[i].position.bytes + 20 + i % 3, number, sizeof number);
            places[i].leaf = hash_of("leaf", span_of(number, sizeof number));
        }
        for (uint32_t i = 1; i < count; i++) /* Few: by insertion. */
            for (uint32_t k = i; k > 0; k--) {
                if (row_position_compare(&places[k - 1].position, &places[k].position) < 0) break;
                struct row_place swapped = places[k];
                places[k] = places[k - 1];
                places[k - 1] = swapped;
            }
        for (uint32_t i = 0; i < count; i++)
            slow_rows_put(&slow, &places[i]);
        const struct hash expected = slow_rows_root(&slow);
        const struct hash got = snapshot_tree_hash(places, count);
        assert_true(hash_equal(&got, &expected));
        slow_rows_fini(&slow);
        free(places);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manifest),
        cmocka_unit_test(the_chunks),
        cmocka_unit_test(cut_and_flipped_chunks),
        cmocka_unit_test(the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
