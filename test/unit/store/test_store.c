/* What goes into a store comes out of it: blocks, txids, results and journal, over sealing, closing
 * and opening again, read-only too. */
#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/store_rig.h"

#define BLOCKS 40u

static void add_blocks(struct store_rig *r, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(store_rig_add(r), ST_OK);
}

/* A new directory is an empty store, and stays one. */
static void opens_empty(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_rig_open(&r), ST_OK);
        assert_int_equal(store_height(r.store), 0);
        assert_int_equal(store_result_height(r.store), 0);
        assert_true(store_rig_is_whole(&r));
        store_rig_close(&r);
    }
    struct store_rig_scan scan;
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    store_rig_fini(&r);
}

/* Blocks and txids are found in open and sealed segments, before and after opening again. */
static void keeps_blocks(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 2);
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint32_t i = 1; i <= BLOCKS; i++) {
        assert_int_equal(store_rig_add(&r), ST_OK);
        assert_true(store_rig_is_whole(&r));
        store_rig_close(&r);
        assert_int_equal(store_rig_open(&r), ST_OK);
        assert_int_equal(store_height(r.store), i);
        assert_true(store_rig_is_whole(&r));
    }
    struct store_rig_scan scan;
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    assert_int_equal(scan.blocks, BLOCKS);
    store_rig_fini(&r);
}

/* Appended blocks are final: what a crash did not take of those that were not synced stays, over
 * seals, too. */
static void check_tail(uint64_t segment_size, uint64_t blocks)
{
    struct store_rig r;
    struct store_rig_scan scan;
    store_rig_init(&r, blocks);
    r.config.segment_size = segment_size;
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(store_rig_add(&r), ST_OK);
    assert_int_equal(store_settle(r.store), ST_OK);
    for (uint64_t i = 0; i < blocks; i++)
        assert_int_equal(store_rig_append(&r), ST_OK);
    store_rig_close(&r);
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    assert_int_equal(scan.blocks, 10 + blocks);
    for (int i = 0; i < 2; i++) {
        r.config.is_read_only = i == 0;
        assert_int_equal(store_rig_open(&r), ST_OK);
        assert_int_equal(store_height(r.store), 10 + blocks);
        assert_true(store_rig_is_whole(&r));
        store_rig_close(&r);
        fake_os_crash(r.fake, FAKE_OS_KEEP_ALL);
    }
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint64_t i = 0; i < blocks; i++)
        assert_int_equal(store_rig_append(&r), ST_OK);
    uint64_t synced = 10 + blocks;
    if (blocks % 2 == 0) {
        assert_int_equal(store_blocks_sync(r.store), ST_OK);
        synced += blocks;
    }
    assert_int_equal(store_rig_append(&r), ST_OK);
    store_rig_close(&r);
    fake_os_crash(r.fake, FAKE_OS_LOSE_ALL);
    assert_int_equal(store_rig_open(&r), ST_OK);
    assert_true(store_height(r.store) >= synced);
    add_blocks(&r, 10);
    assert_true(store_rig_is_whole(&r));
    store_rig_close(&r);
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    store_rig_fini(&r);
}

static void keeps_whole_tail(void **state)
{
    (void)state;
    for (uint64_t blocks = 0; blocks < 20; blocks++) {
        check_tail(1500, blocks);
        check_tail(1u << 20, blocks);
    }
}

/* Results are kept in files of their own; appending a height again drops what was above. */
static void overwrites_results(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 4);
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint64_t cut = 25; cut > 0; cut--) {
        for (uint64_t h = cut; h <= 25; h++)
            assert_int_equal(store_rig_result(&r, h), ST_OK);
        assert_int_equal(store_results_sync(r.store), ST_OK);
        assert_int_equal(store_result_height(r.store), 25);
        assert_int_equal(store_append_result(r.store, 27, span_text("gap")), ST_INVALID);
        if (cut % 3 == 0) {
            store_rig_close(&r);
            assert_int_equal(store_rig_open(&r), ST_OK);
            assert_int_equal(store_result_height(r.store), 25);
        }
        for (uint64_t h = cut; h <= 25; h++) {
            struct buf want;
            struct buf got;
            buf_init(&want, mem_system(), 0);
            buf_init(&got, mem_system(), 0);
            store_rig_block(&want, h, r.salt + 7);
            assert_int_equal(store_read_result(r.store, h, &got, NULL), ST_OK);
            assert_true(span_equal(buf_span(&want), buf_span(&got)));
            buf_fini(&want);
            buf_fini(&got);
        }
    }
    store_rig_fini(&r);
}

/* Results may begin at any height. */
static void begins_results_anywhere(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 5);
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint64_t h = 500; h < 520; h++)
        assert_int_equal(store_rig_result(&r, h), ST_OK);
    store_rig_close(&r);
    assert_int_equal(store_rig_open(&r), ST_OK);
    assert_int_equal(store_result_height(r.store), 519);
    struct buf got;
    buf_init(&got, mem_system(), 0);
    assert_int_equal(store_read_result(r.store, 500, &got, NULL), ST_OK);
    assert_int_equal(store_read_result(r.store, 499, &got, NULL), ST_NOT_FOUND);
    buf_fini(&got);
    struct store_rig_scan scan;
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    store_rig_fini(&r);
}

static void expect_slot(struct store_rig *r, uint32_t slot, struct span want)
{
    struct buf got;
    buf_init(&got, mem_system(), 0);
    assert_int_equal(store_journal_read(r->store, slot, &got), ST_OK);
    assert_true(span_equal(buf_span(&got), want));
    buf_fini(&got);
}

/* The newest record of each slot survives any number of turns of the small journal. */
static void keeps_slots_over_wraps(void **state)
{
    (void)state;
    struct store_rig r;
    struct hash newest[JOURNAL_SLOTS] = {{{0}}};
    store_rig_init(&r, 6);
    assert_int_equal(store_rig_open(&r), ST_OK);
    struct buf none;
    buf_init(&none, mem_system(), 0);
    assert_int_equal(store_journal_read(r.store, 3, &none), ST_NOT_FOUND);
    assert_int_equal(store_journal_read(r.store, JOURNAL_SLOTS, &none), ST_INVALID);
    buf_fini(&none);
    assert_int_equal(store_rig_add(&r), ST_OK);
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t slot = (i * 7 + i / 5) % JOURNAL_SLOTS;
        newest[slot] = store_rig_hash(i, 99);
        assert_int_equal(store_journal(r.store, slot, hash_span(&newest[slot])), ST_OK);
        if (i % 3 == 0) assert_int_equal(store_sync(r.store), ST_OK);
        if (i % 50 != 0) continue;
        assert_int_equal(store_sync(r.store), ST_OK);
        store_rig_close(&r);
        struct store_rig_scan scan;
        assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
        assert_int_equal(store_rig_open(&r), ST_OK);
        for (uint32_t s = 0; s < JOURNAL_SLOTS; s++)
            if (!hash_is_zero(&newest[s])) expect_slot(&r, s, hash_span(&newest[s]));
    }
    store_rig_fini(&r);
}

/* Records have limits, and eight of the largest fit the standard journal, over wraps too. */
static void limits_records(void **state)
{
    (void)state;
    struct store_rig r;
    static uint8_t bytes[JOURNAL_RECORD_MAX + 1];
    store_rig_init(&r, 7);
    assert_int_equal(store_rig_open(&r), ST_OK);
    assert_int_equal(store_journal(r.store, 0, span_of(bytes, sizeof bytes)), ST_LIMIT);
    assert_int_equal(store_journal(r.store, 0, span_of(bytes, 4000)), ST_LIMIT);
    assert_int_equal(store_journal(r.store, JOURNAL_SLOTS, span_of(bytes, 1)), ST_INVALID);
    store_rig_fini(&r);
    store_rig_init(&r, 8);
    r.config.journal_area_size = 0;
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint32_t i = 0; i < 40; i++) {
        memset(bytes, (int)i + 1, sizeof bytes);
        struct span record = span_of(bytes, JOURNAL_RECORD_MAX);
        assert_int_equal(store_journal(r.store, i % JOURNAL_SLOTS, record), ST_OK);
        if (i % 3 == 0) assert_int_equal(store_sync(r.store), ST_OK);
    }
    assert_int_equal(store_sync(r.store), ST_OK);
    store_rig_close(&r);
    assert_int_equal(store_rig_open(&r), ST_OK);
    expect_slot(&r, 39 % JOURNAL_SLOTS, span_of(bytes, JOURNAL_RECORD_MAX));
    store_rig_fini(&r);
}

/* A second process is refused, but may read. */
static void refuses_second_process(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 9);
    assert_int_equal(store_rig_open(&r), ST_OK);
    add_blocks(&r, 3);
    struct store_rig other = r;
    other.store = NULL;
    other.config.os = fake_os_other_process(r.fake);
    assert_int_equal(store_rig_open(&other), ST_LOCKED);
    other.config.is_read_only = true;
    assert_int_equal(store_rig_open(&other), ST_OK);
    assert_true(store_rig_is_whole(&other));
    store_rig_close(&other);
    store_rig_close(&r);
    other.config.is_read_only = false;
    assert_int_equal(store_rig_open(&other), ST_OK);
    store_rig_close(&other);
    store_rig_fini(&r);
}

/* Reading only changes nothing, and needs a store to be there. */
static void reads_only(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 10);
    r.config.is_read_only = true;
    assert_int_equal(store_rig_open(&r), ST_NOT_FOUND);
    r.config.is_read_only = false;
    assert_int_equal(store_rig_open(&r), ST_OK);
    add_blocks(&r, 20);
    store_rig_close(&r);
    store_rig_remove(&r, "blocks/00000002.idx"); /* Then the segment itself answers. */
    r.config.is_read_only = true;
    uint64_t before = fake_os_calls(r.fake, FAKE_OS_CHANGES);
    assert_int_equal(store_rig_open(&r), ST_OK);
    assert_true(store_rig_is_whole(&r));
    store_rig_close(&r);
    struct store_rig_scan scan;
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    assert_int_equal(fake_os_calls(r.fake, FAKE_OS_CHANGES), before);
    store_rig_fini(&r);
}

/* Another chain's directory is refused. */
static void refuses_other_chain(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 11);
    assert_int_equal(store_rig_open(&r), ST_OK);
    add_blocks(&r, 2);
    store_rig_close(&r);
    r.config.chain_id = hash_of("test", span_text("other"));
    assert_int_equal(store_rig_open(&r), ST_CORRUPT);
    assert_string_equal(r.damage.file, "journal");
    store_rig_fini(&r);
}

/* Every allocation fails in turn: nothing leaks, nothing is lost, and trying again goes on. */
static void survives_no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct store_rig r;
        struct fail_mem mem;
        store_rig_init(&r, 12);
        fail_mem_init(&mem, n);
        r.config.mem = &mem.mem;
        uint64_t height = 0;
        enum status st = store_rig_open(&r);
        for (int i = 0; i < 12 && st == ST_OK; i++) {
            st = store_rig_add(&r);
            if (st == ST_OK) height = store_height(r.store);
            if (st == ST_OK) st = store_rig_result(&r, height);
        }
        store_rig_close(&r);
        assert_int_equal(mem.live, 0);
        fail_mem_init(&mem, 0);
        assert_int_equal(store_rig_open(&r), ST_OK);
        assert_true(store_height(r.store) >= height);
        assert_true(store_rig_is_whole(&r));
        store_rig_fini(&r);
        assert_int_equal(mem.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_empty),
        cmocka_unit_test(keeps_blocks),
        cmocka_unit_test(keeps_whole_tail),
        cmocka_unit_test(overwrites_results),
        cmocka_unit_test(begins_results_anywhere),
        cmocka_unit_test(keeps_slots_over_wraps),
        cmocka_unit_test(limits_records),
        cmocka_unit_test(refuses_second_process),
        cmocka_unit_test(reads_only),
        cmocka_unit_test(refuses_other_chain),
        cmocka_unit_test(survives_no_memory),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
