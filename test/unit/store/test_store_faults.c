/* Every call of the store to the disk fails in turn, and the power goes at every change of the
 * disk: nothing that was acknowledged is lost, what is there is a prefix, and recovering again
 * changes nothing. */
#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/share.h"
#include "support/store_rig.h"

#define STEPS 30u
#define SEEDS 6u

struct history {       /* What the store acknowledged. */
    uint64_t height;   /* Newest block of a finished store_sync. */
    uint64_t vote;     /* Newest vote of a finished store_sync. */
    uint64_t appended; /* Newest block handed over. */
    uint64_t result;   /* Newest result of a finished store_results_sync. */
};

/* Every second one compresses and moves what it has sealed. */
static void init_rig(struct store_rig *r, uint64_t seed)
{
    store_rig_init(r, seed);
    r->config.hot_segments = seed % 2 == 0 ? 1 : 0;
}

static enum status tidy(struct store_rig *r)
{
    enum status st = r->config.hot_segments == 0 ? ST_NOT_FOUND : ST_OK;
    while (st == ST_OK)
        st = store_tidy(r->store, 1000);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static enum status do_step(struct store_rig *r, struct history *h, uint32_t step)
{
    uint64_t height = store_height(r->store) + 1;
    h->appended = height;
    TRY(store_rig_append(r));
    if (height <= store_result_height(r->store) + 1) TRY(store_rig_result(r, height));
    if (step % 2 == 0) {
        struct hash vote = store_rig_hash(height, r->salt + 1);
        TRY(store_journal(r->store, step % JOURNAL_SLOTS, hash_span(&vote)));
    }
    if (step % 5 == 0) TRY(tidy(r));
    if (step % 3 != 0) return ST_OK;
    TRY(store_sync(r->store));
    TRY(store_settle(r->store));
    h->height = height;
    if (step % 2 == 0) h->vote = height;
    if (step % 9 != 0) return ST_OK;
    TRY(store_results_sync(r->store));
    h->result = store_result_height(r->store);
    return ST_OK;
}

/* Blocks, votes every second time, results; several blocks a sync. Stops at the first failure. */
static enum status work(struct store_rig *r, struct history *h)
{
    h->appended = store_height(r->store);
    for (uint32_t step = 1; step <= STEPS; step++)
        TRY(do_step(r, h, step));
    return ST_OK;
}

/* What a recovered store must be, for what it acknowledged. */
static void check(struct store_rig *r, const struct history *h, uint64_t seed, uint64_t n)
{
    uint64_t height = store_height(r->store);
    if (height < h->height || height > h->appended || !store_rig_is_whole(r))
        fail_msg("seed %llu call %llu: height %llu of %llu…%llu", (unsigned long long)seed,
                 (unsigned long long)n, (unsigned long long)height, (unsigned long long)h->height,
                 (unsigned long long)h->appended);
    if (store_result_height(r->store) < h->result)
        fail_msg("seed %llu call %llu: results are lost", (unsigned long long)seed,
                 (unsigned long long)n);
    if (h->vote == 0) return;
    bool is_found = false;
    for (uint32_t slot = 0; slot < JOURNAL_SLOTS; slot++) {
        struct buf got;
        buf_init(&got, mem_system(), 0);
        for (uint64_t v = h->vote; v <= h->appended; v++) {
            struct hash vote = store_rig_hash(v, r->salt + 1);
            buf_reset(&got);
            if (store_journal_read(r->store, slot, &got) == ST_OK &&
                span_equal(buf_span(&got), hash_span(&vote)))
                is_found = true;
        }
        buf_fini(&got);
    }
    if (!is_found)
        fail_msg("seed %llu call %llu: a vote is lost", (unsigned long long)seed,
                 (unsigned long long)n);
}

/* Open twice: the second finds what the first left. */
static void recover(struct store_rig *r, const struct history *h, uint64_t seed, uint64_t n)
{
    uint64_t heights[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        enum status st = store_rig_open(r);
        if (st != ST_OK)
            fail_msg("seed %llu call %llu: %s in %s at %llu: %s", (unsigned long long)seed,
                     (unsigned long long)n, status_name(st), r->damage.file,
                     (unsigned long long)r->damage.offset, r->damage.what);
        assert_string_equal(r->damage.file, ""); /* What a crash leaves is no damage. */
        check(r, h, seed, n);
        heights[i] = store_height(r->store);
        store_rig_close(r);
    }
    assert_int_equal(heights[0], heights[1]);
    struct store_rig_scan scan;
    assert_int_equal(store_rig_scan(r, &scan), ST_OK);
    assert_int_equal(scan.blocks, heights[0]);
}

/* The power goes during call n, also while the store recovers from that. */
static void survives_power_cuts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        for (uint64_t n = 1 + seed % 3;; n += share_step(seed <= 2 ? 3 : 7)) { /* Its own places. */
            struct store_rig r;
            struct history h = {0};
            init_rig(&r, seed * 1000 + n);
            fake_os_cut_power(r.fake, n);
            enum status st = store_rig_open(&r);
            if (st == ST_OK) st = work(&r, &h);
            assert_true(st == ST_OK || fake_os_has_failed(r.fake));
            bool is_done = !fake_os_has_failed(r.fake);
            store_rig_close(&r);
            fake_os_crash(r.fake, seed == 1   ? FAKE_OS_LOSE_ALL
                                  : seed == 2 ? FAKE_OS_KEEP_ALL
                                              : FAKE_OS_LOSE_SOME);
            fake_os_cut_power(r.fake, 1 + (n * 7 + seed) % 12); /* Again, while recovering. */
            enum status again = store_rig_open(&r);
            if (again != ST_OK && !fake_os_has_failed(r.fake))
                fail_msg("seed %llu call %llu: %s in %s at %llu: %s", (unsigned long long)seed,
                         (unsigned long long)n, status_name(again), r.damage.file,
                         (unsigned long long)r.damage.offset, r.damage.what);
            store_rig_close(&r);
            fake_os_crash(r.fake, FAKE_OS_LOSE_SOME);
            recover(&r, &h, seed, n);
            assert_int_equal(store_rig_open(&r), ST_OK); /* And it goes on. */
            struct history more = {0};
            assert_int_equal(work(&r, &more), ST_OK);
            store_rig_fini(&r);
            if (is_done) break;
        }
}

/* Call n fails; the store stays failed, the process ends without a crash, then one follows. */
static void survives_failing_calls(void **state)
{
    (void)state;
    static const uint32_t kinds[] = {
        FAKE_OS_OPEN,     FAKE_OS_CREATE,   FAKE_OS_READ,     FAKE_OS_WRITE,    FAKE_OS_SYNC,
        FAKE_OS_SIZE,     FAKE_OS_RENAME,   FAKE_OS_REMOVE,   FAKE_OS_MAKE_DIR, FAKE_OS_SYNC_DIR,
        FAKE_OS_LIST_DIR, FAKE_OS_ALLOCATE, FAKE_OS_TRUNCATE, FAKE_OS_LOCK};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (uint64_t n = 1;; n += 1 + n / 24) {
            struct store_rig r;
            struct history h = {0};
            init_rig(&r, n);
            fake_os_fail(r.fake, kinds[k], n, ST_IO);
            enum status st = store_rig_open(&r);
            if (st == ST_OK) st = work(&r, &h);
            bool is_done = !fake_os_has_failed(r.fake);
            if (!is_done) assert_int_equal(st, ST_IO);
            fake_os_heal(r.fake);
            store_rig_close(&r);
            recover(&r, &h, k, n);
            fake_os_crash(r.fake, FAKE_OS_LOSE_ALL);
            recover(&r, &h, k, n);
            store_rig_fini(&r);
            if (is_done) break;
        }
}

/* After a failed write or sync every later call that writes fails, although the disk works again.
 */
static void stays_failed(void **state)
{
    (void)state;
    static const uint32_t kinds[] = {FAKE_OS_WRITE, FAKE_OS_SYNC};
    for (size_t k = 0; k < 2; k++)
        for (uint64_t n = 1; n < 20; n++) {
            struct store_rig r;
            store_rig_init(&r, n);
            assert_int_equal(store_rig_open(&r), ST_OK);
            fake_os_fail(r.fake, kinds[k], n, ST_NO_SPACE);
            struct history h = {0};
            assert_int_equal(work(&r, &h), ST_NO_SPACE);
            bool is_result = store_sync(r.store) == ST_OK;
            uint64_t height = store_height(r.store);
            if (!is_result) {
                assert_int_equal(store_rig_append(&r), ST_NO_SPACE);
                assert_int_equal(store_journal(r.store, 0, span_text("v")), ST_NO_SPACE);
                assert_int_equal(store_sync(r.store), ST_NO_SPACE);
                assert_int_equal(store_height(r.store), height);
            } else {
                assert_int_equal(store_results_sync(r.store), ST_NO_SPACE);
                assert_int_equal(store_rig_result(&r, 1), ST_NO_SPACE);
            }
            store_rig_fini(&r);
        }
}

/* A full disk stops the store with ST_NO_SPACE; after space returns it is whole and goes on. */
static void survives_full_disk(void **state)
{
    (void)state;
    for (uint64_t pages = 6; pages < 40; pages++) {
        struct store_rig r;
        struct history h = {0};
        init_rig(&r, pages);
        fake_os_set_capacity(r.fake, pages * 4096);
        enum status st = store_rig_open(&r);
        if (st == ST_OK) st = work(&r, &h);
        if (st != ST_OK) assert_int_equal(st, ST_NO_SPACE);
        store_rig_close(&r);
        fake_os_set_capacity(r.fake, 1u << 30);
        recover(&r, &h, 0, pages);
        assert_int_equal(store_rig_open(&r), ST_OK);
        assert_int_equal(work(&r, &h), ST_OK);
        assert_true(store_rig_is_whole(&r));
        store_rig_fini(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_power_cuts),
        cmocka_unit_test(survives_failing_calls),
        cmocka_unit_test(stays_failed),
        cmocka_unit_test(survives_full_disk),
    };
    return cmocka_run_group_tests_name("store faults", tests, NULL, NULL);
}
