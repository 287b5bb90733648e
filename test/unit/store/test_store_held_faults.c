/* Holding, appending and settling with forks at several heights: every call to the disk fails in
 * turn, and the power goes at every change of the disk. Whatever a finished store_sync held is in
 * the segment or among the held blocks, what the journal votes for is, too, and no damage is ever
 * told. */
#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/store_rig.h"

#define STEPS 14u
#define LAG   3u /* Heights voted for above the newest final one. */
#define SEEDS 6u

struct history {
    uint64_t held;     /* Height of the newest finished store_sync. */
    uint64_t settled;  /* Of the newest finished store_settle. */
    uint64_t appended; /* Handed over. */
};

static uint64_t fork_count(uint64_t height)
{
    return 1 + height % 3;
}

static enum status do_step(struct store_rig *r, struct history *h, uint64_t height)
{
    for (uint64_t fork = 1; fork <= fork_count(height); fork++)
        TRY(store_rig_hold(r, height, fork));
    struct hash vote = store_rig_hash(height, 99);
    TRY(store_journal(r->store, 0, hash_span(&vote)));
    TRY(store_sync(r->store));
    if (height > h->held) h->held = height;
    if (store_height(r->store) + LAG < height) {
        h->appended = store_height(r->store) + 1;
        TRY(store_rig_append(r));
    }
    if (height % 5 != 0) return ST_OK;
    TRY(store_settle(r->store));
    h->settled = store_height(r->store);
    return ST_OK;
}

static enum status work(struct store_rig *r, struct history *h)
{
    uint64_t first = h->held + 1;
    h->appended = store_height(r->store);
    for (uint64_t height = first; height < first + STEPS; height++)
        TRY(do_step(r, h, height));
    return ST_OK;
}

struct seen {
    uint64_t bad;
};

static enum status on_held(void *context,
                           uint64_t height,
                           const struct hash *hash,
                           struct span bytes)
{
    struct seen *seen = context;
    uint64_t matching = 0;
    for (uint64_t fork = 1; fork <= 3; fork++) {
        struct hash want = store_rig_hash(height, fork);
        struct buf body;
        if (!hash_equal(hash, &want)) continue;
        buf_init(&body, mem_system(), 0);
        store_rig_block(&body, height, fork);
        if (span_equal(buf_span(&body), bytes)) matching++;
        buf_fini(&body);
    }
    if (matching != 1) seen->bad++;
    return ST_OK;
}

static enum status on_found(void *context, const struct damage *damage)
{
    (void)context;
    fail_msg("%s at %llu: %s", damage->file, (unsigned long long)damage->offset, damage->what);
    return ST_CORRUPT;
}

static void check(struct store_rig *r, const struct history *h, uint64_t seed, uint64_t n)
{
    struct seen seen = {0};
    struct store_held_visitor v = {.visit = on_held, .found = on_found, .context = &seen};
    uint64_t height = store_height(r->store);
    assert_int_equal(store_held_each(r->store, &v), ST_OK);
    bool is_right = height >= h->settled && height <= h->appended && store_rig_is_whole(r);
    for (uint64_t held = height + 1; held <= h->held; held++)
        for (uint64_t fork = 1; fork <= fork_count(held); fork++)
            is_right = is_right && store_rig_holds(r, held, fork);
    if (!is_right || seen.bad > 0)
        fail_msg("seed %llu call %llu: height %llu settled %llu held %llu bad %llu",
                 (unsigned long long)seed, (unsigned long long)n, (unsigned long long)height,
                 (unsigned long long)h->settled, (unsigned long long)h->held,
                 (unsigned long long)seen.bad);
    struct buf vote;
    buf_init(&vote, mem_system(), 0);
    bool is_known = h->held == 0;
    if (store_journal_read(r->store, 0, &vote) == ST_OK)
        for (uint64_t v2 = h->held; v2 <= h->held + 1; v2++) {
            struct hash want = store_rig_hash(v2, 99);
            if (!span_equal(buf_span(&vote), hash_span(&want))) continue;
            is_known = true;
            /* Also a vote that nobody was told of has its bodies. */
            for (uint64_t fork = 1; fork <= fork_count(v2) && v2 > height; fork++)
                if (!store_rig_holds(r, v2, fork))
                    fail_msg("seed %llu call %llu: voted for %llu without its body",
                             (unsigned long long)seed, (unsigned long long)n,
                             (unsigned long long)v2);
        }
    buf_fini(&vote);
    assert_true(is_known);
}

static void expect_open(struct store_rig *r, uint64_t seed, uint64_t n)
{
    enum status st = store_rig_open(r);
    if (st != ST_OK)
        fail_msg("seed %llu call %llu: %s in %s at %llu: %s", (unsigned long long)seed,
                 (unsigned long long)n, status_name(st), r->damage.file,
                 (unsigned long long)r->damage.offset, r->damage.what);
    if (!store_journal_is_lost(r->store)) assert_string_equal(r->damage.file, "");
}

/* Twice: the second finds what the first left. Then it goes on from the held blocks. */
static void recover(struct store_rig *r, struct history *h, uint64_t seed, uint64_t n)
{
    for (int i = 0; i < 2; i++) {
        expect_open(r, seed, n);
        check(r, h, seed, n);
        store_rig_close(r);
        struct store_rig_scan scan;
        if (store_rig_scan(r, &scan) != ST_OK)
            fail_msg("seed %llu call %llu: scan: %s at %llu: %s", (unsigned long long)seed,
                     (unsigned long long)n, scan.first.file, (unsigned long long)scan.first.offset,
                     scan.first.what);
    }
    expect_open(r, seed, n);
    while (store_height(r->store) < h->held)
        assert_int_equal(store_rig_append(r), ST_OK);
    assert_int_equal(work(r, h), ST_OK);
    check(r, h, seed, n);
    store_rig_close(r);
}

static void survives_power_cuts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        for (uint64_t n = 1;; n += seed <= 4 ? 1 : 2) {
            struct store_rig r;
            struct history h = {0};
            store_rig_init(&r, seed * 1000 + n);
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
            assert_true(again == ST_OK || fake_os_has_failed(r.fake));
            store_rig_close(&r);
            fake_os_crash(r.fake, FAKE_OS_LOSE_SOME);
            recover(&r, &h, seed, n);
            store_rig_fini(&r);
            if (is_done) break;
        }
}

static void survives_failing_calls(void **state)
{
    (void)state;
    static const uint32_t kinds[] = {
        FAKE_OS_OPEN,     FAKE_OS_CREATE,   FAKE_OS_READ,    FAKE_OS_WRITE,    FAKE_OS_SYNC,
        FAKE_OS_SIZE,     FAKE_OS_RENAME,   FAKE_OS_REMOVE,  FAKE_OS_MAKE_DIR, FAKE_OS_SYNC_DIR,
        FAKE_OS_LIST_DIR, FAKE_OS_ALLOCATE, FAKE_OS_TRUNCATE};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (uint64_t n = 1;; n++) {
            struct store_rig r;
            struct history h = {0};
            store_rig_init(&r, n);
            fake_os_fail(r.fake, kinds[k], n, ST_IO);
            enum status st = store_rig_open(&r);
            if (st == ST_OK) st = work(&r, &h);
            bool is_done = !fake_os_has_failed(r.fake);
            if (!is_done) assert_int_equal(st, ST_IO);
            if (!is_done && r.store != NULL) { /* For ever, whatever the disk says now. */
                fake_os_heal(r.fake);
                assert_int_equal(store_rig_hold(&r, h.held + 9, 1), ST_IO);
                assert_int_equal(store_settle(r.store), ST_IO);
                assert_int_equal(store_sync(r.store), ST_IO);
            }
            fake_os_heal(r.fake);
            store_rig_close(&r);
            if (n % 2 == 0) fake_os_crash(r.fake, FAKE_OS_LOSE_ALL);
            recover(&r, &h, k, n);
            store_rig_fini(&r);
            if (is_done) break;
        }
}

/* A full disk stops the store; with space again it is whole and goes on. */
static void survives_full_disk(void **state)
{
    (void)state;
    for (uint64_t pages = 6; pages < 40; pages++) {
        struct store_rig r;
        struct history h = {0};
        store_rig_init(&r, pages);
        fake_os_set_capacity(r.fake, pages * 4096);
        enum status st = store_rig_open(&r);
        if (st == ST_OK) st = work(&r, &h);
        if (st != ST_OK) assert_int_equal(st, ST_NO_SPACE);
        store_rig_close(&r);
        fake_os_set_capacity(r.fake, 1u << 30);
        recover(&r, &h, 0, pages);
        store_rig_fini(&r);
    }
}

/* No allocation that fails loses or leaks anything. */
static void survives_no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct store_rig r;
        struct fail_mem mem;
        struct history h = {0};
        store_rig_init(&r, 12);
        fail_mem_init(&mem, n);
        r.config.mem = &mem.mem;
        enum status st = store_rig_open(&r);
        if (st == ST_OK) st = work(&r, &h);
        store_rig_close(&r);
        assert_int_equal(mem.live, 0);
        fail_mem_init(&mem, 0);
        recover(&r, &h, 0, n);
        store_rig_fini(&r);
        assert_int_equal(mem.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
}

/* The journal is lost; then the power goes at every step of the start that finds out. */
static void loses_journal_at_every_step(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (uint64_t n = 1;; n++) {
            struct store_rig r;
            struct history h = {0};
            store_rig_init(&r, seed * 100 + n);
            r.config.has_peers = true;
            assert_int_equal(store_rig_open(&r), ST_OK);
            assert_int_equal(work(&r, &h), ST_OK);
            assert_int_equal(store_settle(r.store), ST_OK);
            h.settled = store_height(r.store);
            store_rig_close(&r);
            store_rig_set_file(&r, "journal", span_text("gone"));
            fake_os_cut_power(r.fake, n);
            enum status st = store_rig_open(&r);
            bool is_done = !fake_os_has_failed(r.fake);
            assert_true(st == ST_OK || !is_done);
            store_rig_close(&r);
            fake_os_crash(r.fake, seed == 1 ? FAKE_OS_KEEP_ALL : FAKE_OS_LOSE_SOME);
            for (int i = 0; i < 2; i++) {
                expect_open(&r, seed, n);
                assert_true(store_journal_is_lost(r.store));
                assert_int_equal(store_journal(r.store, 0, span_text("vote")), ST_DENIED);
                assert_int_equal(store_height(r.store), h.settled);
                for (uint64_t height = h.settled + 1; height <= h.held; height++)
                    assert_true(store_rig_holds(&r, height, 1));
                store_rig_close(&r);
                struct store_rig_scan scan;
                assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
            }
            store_rig_fini(&r);
            if (is_done) break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_power_cuts),         cmocka_unit_test(survives_failing_calls),
        cmocka_unit_test(survives_full_disk),          cmocka_unit_test(survives_no_memory),
        cmocka_unit_test(loses_journal_at_every_step),
    };
    return cmocka_run_group_tests_name("store held faults", tests, NULL, NULL);
}
