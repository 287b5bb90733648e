/* Blocks that are voted for and not final: what is held and synced is there after any restart, of
 * any fork, until its height is final and settled; then its files go. */
#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/store_rig.h"

#define SEEN_MAX 64u

struct seen { /* What store_held_each showed. */
    struct hash hashes[SEEN_MAX];
    uint64_t heights[SEEN_MAX];
    uint32_t count;
    uint32_t found;
    struct damage first;
    enum status answer; /* Of found. */
};

static enum status on_held(void *context,
                           uint64_t height,
                           const struct hash *hash,
                           struct span bytes)
{
    struct seen *seen = context;
    assert_true(seen->count < SEEN_MAX);
    (void)bytes;
    seen->hashes[seen->count] = *hash;
    seen->heights[seen->count++] = height;
    return ST_OK;
}

static enum status on_found(void *context, const struct damage *damage)
{
    struct seen *seen = context;
    if (seen->found++ == 0) seen->first = *damage;
    return seen->answer;
}

static enum status see(struct store_rig *r, struct seen *seen)
{
    struct store_held_visitor v = {.visit = on_held, .found = on_found, .context = seen};
    *seen = (struct seen){.answer = ST_OK};
    return store_held_each(r->store, &v);
}

static void reopen(struct store_rig *r)
{
    store_rig_close(r);
    assert_int_equal(store_rig_open(r), ST_OK);
}

static uint32_t file_count(struct store_rig *r)
{
    uint32_t count = 0;
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    for (uint32_t n = 1; n < 100; n++) {
        char path[64];
        (void)snprintf(path, sizeof path, "node/pending/%08u.blk", n);
        buf_reset(&bytes);
        if (os_read_file(r->config.os, path, 1u << 20, &bytes) == ST_OK) count++;
    }
    buf_fini(&bytes);
    return count;
}

static void expect_clean(struct store_rig *r)
{
    struct store_rig_scan scan;
    if (store_rig_scan(r, &scan) != ST_OK)
        fail_msg("%s at %llu: %s", scan.first.file, (unsigned long long)scan.first.offset,
                 scan.first.what);
}

/* Forks of several heights come back in the order of writing, over files and restarts. */
static void keeps_forks(void **state)
{
    (void)state;
    struct store_rig r;
    struct seen seen;
    store_rig_init(&r, 1);
    assert_int_equal(store_rig_open(&r), ST_OK);
    uint32_t count = 0;
    for (uint64_t height = 1; height <= 12; height++)
        for (uint64_t fork = 5; fork < 5 + height % 3 + 1; fork++, count++) {
            assert_int_equal(store_rig_hold(&r, height, fork), ST_OK);
            assert_true(store_rig_holds(&r, height, fork));
        }
    assert_int_equal(store_sync(r.store), ST_OK);
    assert_true(file_count(&r) > 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(see(&r, &seen), ST_OK);
        assert_int_equal(seen.count, count);
        assert_int_equal(seen.found, 0);
        uint32_t at = 0;
        for (uint64_t height = 1; height <= 12; height++)
            for (uint64_t fork = 5; fork < 5 + height % 3 + 1; fork++, at++) {
                struct hash want = store_rig_hash(height, fork);
                assert_int_equal(seen.heights[at], height);
                assert_true(hash_equal(&seen.hashes[at], &want));
                assert_true(store_rig_holds(&r, height, fork));
            }
        assert_int_equal(store_height(r.store), 0);
        expect_clean(&r);
        reopen(&r);
    }
    store_rig_fini(&r);
}

/* Holding again writes nothing; a height that is final is refused; an unknown hash is not found. */
static void holds_once(void **state)
{
    (void)state;
    struct store_rig r;
    struct seen seen;
    store_rig_init(&r, 2);
    assert_int_equal(store_rig_open(&r), ST_OK);
    assert_int_equal(store_rig_hold(&r, 3, 9), ST_OK);
    assert_int_equal(store_sync(r.store), ST_OK);
    for (int i = 0; i < 2; i++) {
        uint64_t before = fake_os_calls(r.fake, FAKE_OS_CHANGES);
        assert_int_equal(store_rig_hold(&r, 3, 9), ST_OK);
        assert_int_equal(fake_os_calls(r.fake, FAKE_OS_CHANGES), before);
        reopen(&r);
    }
    assert_int_equal(see(&r, &seen), ST_OK);
    assert_int_equal(seen.count, 1);
    assert_false(store_rig_holds(&r, 3, 10));
    assert_int_equal(store_rig_append(&r), ST_OK);
    assert_int_equal(store_rig_hold(&r, 1, 10), ST_INVALID);
    assert_int_equal(store_rig_hold(&r, 2, 10), ST_OK);
    store_rig_fini(&r);
}

/* What was not synced is gone after a crash or is there whole: a vote for it may have survived in
 * the journal without the place that covers it. The rest is there. */
static void keeps_what_is_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct store_rig r;
        struct seen seen;
        store_rig_init(&r, seed);
        assert_int_equal(store_rig_open(&r), ST_OK);
        for (uint64_t height = 1; height <= 5; height++)
            assert_int_equal(store_rig_hold(&r, height, 7), ST_OK);
        assert_int_equal(store_sync(r.store), ST_OK);
        uint32_t more = 1 + (uint32_t)(seed % 7);
        for (uint64_t height = 6; height < 6 + more; height++)
            assert_int_equal(store_rig_hold(&r, height, 7), ST_OK);
        store_rig_close(&r);
        fake_os_crash(r.fake, seed % 2 == 0 ? FAKE_OS_KEEP_ALL : FAKE_OS_LOSE_SOME);
        assert_int_equal(store_rig_open(&r), ST_OK);
        assert_int_equal(see(&r, &seen), ST_OK);
        assert_int_equal(seen.found, 0);
        assert_in_range(seen.count, seed % 2 == 0 ? 5 + more : 5, 5 + more);
        expect_clean(&r);
        assert_int_equal(store_rig_hold(&r, 6, 8), ST_OK);
        assert_int_equal(store_sync(r.store), ST_OK);
        reopen(&r);
        assert_true(store_rig_holds(&r, 6, 8));
        store_rig_fini(&r);
    }
}

/* Appended blocks are settled with the files of their heights; higher ones and lost forks above
 * stay. */
static void settles(void **state)
{
    (void)state;
    struct store_rig r;
    struct seen seen;
    store_rig_init(&r, 4);
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint64_t height = 1; height <= 20; height++) {
        assert_int_equal(store_rig_hold(&r, height, r.salt), ST_OK);
        assert_int_equal(store_rig_hold(&r, height, 50), ST_OK);
        assert_int_equal(store_sync(r.store), ST_OK);
        if (height > 3) assert_int_equal(store_rig_append(&r), ST_OK);
    }
    uint32_t files = file_count(&r);
    assert_int_equal(store_height(r.store), 17);
    assert_int_equal(store_settle(r.store), ST_OK);
    assert_true(file_count(&r) < files);
    assert_int_equal(see(&r, &seen), ST_OK);
    assert_int_equal(seen.count, 6);
    assert_false(store_rig_holds(&r, 1, 50));
    expect_clean(&r);
    reopen(&r);
    assert_int_equal(store_height(r.store), 17);
    assert_true(store_rig_is_whole(&r));
    for (uint64_t height = 18; height <= 20; height++) {
        assert_true(store_rig_holds(&r, height, r.salt));
        assert_true(store_rig_holds(&r, height, 50));
        assert_int_equal(store_rig_append(&r), ST_OK);
    }
    assert_int_equal(store_settle(r.store), ST_OK);
    assert_int_equal(file_count(&r), 0);
    assert_int_equal(store_rig_hold(&r, 21, r.salt), ST_OK); /* A number that was never used. */
    assert_int_equal(store_sync(r.store), ST_OK);
    reopen(&r);
    assert_true(store_rig_holds(&r, 21, r.salt));
    assert_int_equal(file_count(&r), 1);
    expect_clean(&r);
    store_rig_fini(&r);
}

/* Settling is asked for after so many blocks, after so many bytes, and by a start that found some.
 */
static void asks_to_settle(void **state)
{
    (void)state;
    struct store_rig r;
    static uint8_t large[STORE_UNSETTLED_MAX];
    store_rig_init(&r, 5);
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint32_t i = 0; i < STORE_UNSETTLED_BLOCKS_MAX; i++) {
        assert_false(store_wants_settle(r.store));
        assert_int_equal(store_rig_add(&r), ST_OK);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(store_wants_settle(r.store));
        if (i == 1) reopen(&r);
        assert_true(store_wants_settle(r.store));
        assert_int_equal(store_settle(r.store), ST_OK);
        assert_false(store_wants_settle(r.store));
        reopen(&r);
        assert_false(store_wants_settle(r.store));
        uint64_t height = store_height(r.store) + 1;
        struct store_block block = {.height = height,
                                    .hash = store_rig_hash(height, 3),
                                    .bytes = span_of(large, sizeof large)};
        assert_int_equal(store_append(r.store, &block), ST_OK);
    }
    store_rig_fini(&r);
}

/* Blocks appended and not settled are lost in a crash; the held ones bring them back. */
static void appends_again_from_held(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct store_rig r;
        struct seen seen;
        store_rig_init(&r, seed);
        assert_int_equal(store_rig_open(&r), ST_OK);
        for (uint64_t height = 1; height <= 20; height++) {
            assert_int_equal(store_rig_hold(&r, height, r.salt), ST_OK);
            assert_int_equal(store_sync(r.store), ST_OK);
            assert_int_equal(store_rig_append(&r), ST_OK);
            if (height == seed % 10) assert_int_equal(store_settle(r.store), ST_OK);
        }
        store_rig_close(&r);
        fake_os_crash(r.fake, FAKE_OS_LOSE_SOME);
        assert_int_equal(store_rig_open(&r), ST_OK);
        assert_true(store_height(r.store) >= seed % 10);
        assert_true(store_rig_is_whole(&r));
        assert_int_equal(see(&r, &seen), ST_OK);
        assert_int_equal(seen.found, 0);
        for (uint64_t height = store_height(r.store) + 1; height <= 20; height++) {
            assert_true(store_rig_holds(&r, height, r.salt));
            assert_int_equal(store_rig_append(&r), ST_OK);
        }
        assert_int_equal(store_settle(r.store), ST_OK);
        reopen(&r);
        assert_int_equal(store_height(r.store), 20);
        assert_true(store_rig_is_whole(&r));
        expect_clean(&r);
        store_rig_fini(&r);
    }
}

/* Forks fill the room; what is still promised stays when it is released, over crashes and restarts.
 */
static void releases_forks(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 60; n++) { /* 0: the power stays. */
        struct store_rig r;
        struct seen seen;
        store_rig_init(&r, 9 + n);
        r.config.held_max = 12000;
        assert_int_equal(store_rig_open(&r), ST_OK);
        assert_int_equal(store_rig_add(&r), ST_OK);
        struct hash promised[3] = {store_rig_hash(2, 1), store_rig_hash(3, 4), {{7}}};
        assert_int_equal(store_rig_hold(&r, 2, 1), ST_OK);
        assert_int_equal(store_rig_hold(&r, 3, 4), ST_OK);
        enum status st = ST_OK;
        for (uint64_t fork = 5; st == ST_OK; fork++)
            st = store_rig_hold(&r, 4, fork);
        assert_int_equal(st, ST_LIMIT);
        assert_int_equal(store_sync(r.store), ST_OK);
        if (n > 0) fake_os_cut_power(r.fake, n);
        st = store_release(r.store, promised, 3);
        bool is_done = !fake_os_has_failed(r.fake);
        assert_true(st == ST_OK || !is_done);
        if (st == ST_OK) {
            assert_true(store_rig_holds(&r, 2, 1));
            assert_true(store_rig_holds(&r, 3, 4));
            assert_false(store_rig_holds(&r, 4, 5));
            assert_true(file_count(&r) <= 2);
        }
        store_rig_close(&r);
        fake_os_crash(r.fake, n % 3 == 0 ? FAKE_OS_LOSE_ALL : FAKE_OS_LOSE_SOME);
        assert_int_equal(store_rig_open(&r), ST_OK);
        assert_true(store_height(r.store) == 1 || store_rig_holds(&r, 1, r.salt));
        assert_true(store_rig_holds(&r, 2, 1));
        assert_true(store_rig_holds(&r, 3, 4));
        assert_int_equal(see(&r, &seen), ST_OK);
        assert_int_equal(seen.found, 0);
        expect_clean(&r);
        if (st == ST_OK) assert_int_equal(store_rig_hold(&r, 4, 500), ST_OK);
        assert_int_equal(store_rig_append(&r), ST_OK);
        store_rig_fini(&r);
        if (n > 0 && is_done) break;
    }
}

/* With peers a store without journal opens, holds and appends, and never promises again. */
static void goes_on_without_journal(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct store_rig r;
        struct buf bytes;
        struct seen seen;
        store_rig_init(&r, 6);
        assert_int_equal(store_rig_open(&r), ST_OK);
        for (int i = 0; i < 10; i++)
            assert_int_equal(store_rig_add(&r), ST_OK);
        assert_int_equal(store_rig_hold(&r, 11, 3), ST_OK);
        assert_int_equal(store_sync(r.store), ST_OK);
        store_rig_close(&r);
        buf_init(&bytes, mem_system(), 0);
        store_rig_file(&r, "journal", &bytes);
        bytes.data[100] ^= 1;
        bytes.data[100 + 4096] ^= 1;
        bytes.data[100 + 8192] ^= 2;
        bytes.data[100 + 12288] ^= 2;
        if (kind == 0) store_rig_set_file(&r, "journal", buf_span(&bytes));
        if (kind == 1) store_rig_remove(&r, "journal");
        assert_int_equal(store_rig_open(&r), ST_CORRUPT); /* Alone it is the end. */
        assert_string_equal(r.damage.file, "journal");
        r.config.has_peers = true;
        for (uint64_t i = 0; i < 3; i++) {
            assert_int_equal(store_rig_open(&r), ST_OK);
            assert_true(store_journal_is_lost(r.store));
            assert_string_equal(r.damage.file, i == 0 ? "journal" : "journal.lost");
            assert_int_equal(store_height(r.store), 10 + i);
            assert_true(store_rig_is_whole(&r));
            assert_int_equal(see(&r, &seen), ST_OK);
            assert_int_equal(seen.found, 0);
            assert_int_equal(store_journal(r.store, 0, span_text("vote")), ST_DENIED);
            buf_reset(&bytes);
            assert_int_equal(store_journal_read(r.store, 0, &bytes), ST_NOT_FOUND);
            assert_int_equal(store_rig_hold(&r, 11 + i, r.salt), ST_OK);
            assert_int_equal(store_sync(r.store), ST_OK);
            assert_int_equal(store_rig_append(&r), ST_OK);
            assert_int_equal(store_settle(r.store), ST_OK);
            store_rig_close(&r);
            expect_clean(&r);
        }
        buf_fini(&bytes);
        store_rig_fini(&r);
    }
}

/* A file that the journal names and the disk has lost takes its room with it, once. */
static void lost_file_takes_its_room_with_it(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 7);
    assert_int_equal(store_rig_open(&r), ST_OK);
    assert_int_equal(store_rig_hold(&r, 1, r.salt), ST_OK);
    assert_int_equal(store_sync(r.store), ST_OK);
    store_rig_close(&r);
    store_rig_remove(&r, "pending/00000001.blk");
    assert_int_equal(store_rig_open(&r), ST_OK);
    assert_int_equal(store_rig_append(&r), ST_OK);
    assert_int_equal(store_settle(r.store), ST_OK);
    assert_int_equal(store_rig_hold(&r, 2, r.salt), ST_OK);
    assert_int_equal(store_sync(r.store), ST_OK);
    store_rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_forks),
        cmocka_unit_test(holds_once),
        cmocka_unit_test(keeps_what_is_whole),
        cmocka_unit_test(settles),
        cmocka_unit_test(asks_to_settle),
        cmocka_unit_test(appends_again_from_held),
        cmocka_unit_test(releases_forks),
        cmocka_unit_test(goes_on_without_journal),
        cmocka_unit_test(lost_file_takes_its_room_with_it),
    };
    return cmocka_run_group_tests_name("store held", tests, NULL, NULL);
}
