/* Goal: the manifest has one encoding, and whatever else stands in its file is refused. */
#include "rows/rows_int.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"

static struct checkpoint checkpoint_of(uint64_t height, uint64_t before, uint8_t fill)
{
    struct checkpoint c = {.height = height, .before = before, .row_count = 3 * height};
    memset(c.row_root.bytes, fill, HASH_SIZE);
    memset(c.txid_root.bytes, fill + 1, HASH_SIZE);
    return c;
}

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct saved s;
    TRY(manifest_decode(&s, a, bytes));
    manifest_encode(out, &s);
    return buf_status(out);
}

static void encoding(void **state)
{
    (void)state;
    uint64_t ids[] = {9, 7, 2};
    uint64_t sizes[] = {4096, 70000, 5000000000};
    uint64_t dropped[] = {1001, 1010};
    struct saved s = {.checkpoint = checkpoint_of(300, 296, 5),
                      .is_checkpoint = true,
                      .next_id = 10,
                      .run_ids = ids,
                      .run_sizes = sizes,
                      .run_count = 3,
                      .dropped = dropped,
                      .dropped_count = 2};
    s.recent.items[0] = checkpoint_of(296, 256, 3);
    s.recent.items[1] = s.checkpoint;
    s.recent.count = 2;
    struct buf out;
    buf_init(&out, mem_system(), 0);
    manifest_encode(&out, &s);
    assert_int_equal(buf_status(&out), ST_OK);
    golden_check("manifest", buf_span(&out));
    codec_sweep(buf_span(&out), again);
    buf_fini(&out);
}

/* Sound bytes that say what cannot be. */
static void nonsense(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct saved got;
    uint64_t ids[] = {9};
    uint64_t sizes[] = {4096};
    uint64_t dropped[] = {5, 5};
    struct saved s = {.checkpoint = checkpoint_of(300, 296, 5), .run_ids = ids, .run_sizes = sizes};
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    for (int i = 0; i < 4; i++) {
        struct saved wrong = s;
        wrong.next_id = i == 0 ? 9 : 10;
        wrong.run_count = i < 2 ? 1 : 0;
        if (i == 1) ids[0] = 0;
        wrong.dropped = dropped;
        if (i == 2) wrong.dropped_count = 2;
        if (i == 3) wrong.recent.items[wrong.recent.count++] = checkpoint_of(7, 7, 1);
        buf_reset(&out);
        manifest_encode(&out, &wrong);
        assert_int_equal(manifest_decode(&got, &a, buf_span(&out)), ST_INVALID);
    }
    buf_fini(&out);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(encoding), cmocka_unit_test(nonsense)};
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
