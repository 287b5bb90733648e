/* A store that mends is hit at every call and every change of the disk: nothing is made worse, and
 * the next attempt, in the same process or after a crash, makes the files what they were. */
#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/store_rig.h"

#define BLOCKS 13u

static const char cold_name[] = "blocks/cold/00000001.seg";

/* A chain with a cold segment that is gone, a hot one with a wrong byte, and a cut end. */
static void make_damaged(struct store_rig *r, struct buf *cold)
{
    store_rig_init(r, 1);
    r->config.can_mend = true;
    r->config.has_peers = true;
    r->config.hot_segments = 1;
    assert_int_equal(store_rig_open(r), ST_OK);
    for (uint32_t i = 1; i <= BLOCKS; i++) {
        assert_int_equal(store_rig_add(r), ST_OK);
        assert_int_equal(store_rig_result(r, i), ST_OK);
    }
    assert_int_equal(store_results_sync(r->store), ST_OK);
    assert_int_equal(store_settle(r->store), ST_OK);
    store_rig_tidy(r);
    store_rig_close(r);
    store_rig_file(r, cold_name, cold);
    store_rig_remove(r, cold_name);
    for (uint32_t number = 2;; number++) {
        char name[OS_NAME_MAX + 1];
        char path[OS_PATH_MAX];
        struct os_file *file = NULL;
        uint64_t size = 0;
        (void)snprintf(name, sizeof name, "blocks/%08u.seg", number);
        assert_int_equal(os_path_join(path, r->config.dir, name), ST_OK);
        if (r->config.os->file_open(r->config.os, &file, path, OS_WRITE) != ST_OK && number > 5)
            return;
        if (file == NULL) continue; /* Cold. */
        assert_int_equal(r->config.os->file_size(r->config.os, file, &size), ST_OK);
        assert_int_equal(r->config.os->file_truncate(r->config.os, file, size - 9), ST_OK);
        assert_int_equal(r->config.os->file_sync(r->config.os, file), ST_OK);
        r->config.os->file_close(r->config.os, file);
    }
}

static struct store_rig copy_of(const struct store_rig *r, uint64_t seed)
{
    struct store_rig copy = *r;
    copy.fake = fake_os_copy(r->fake, seed);
    copy.config.os = fake_os_table(copy.fake);
    copy.store = NULL;
    return copy;
}

/* Everything an owner does: open, mend, compress, move, go on. */
static enum status mend_and_work(struct store_rig *r)
{
    struct store_rig_mending mending;
    if (r->store == NULL) TRY(store_rig_open(r));
    enum status st = store_rig_mend(r, &mending);
    if (st != ST_NOT_FOUND) return st;
    for (st = ST_OK; st == ST_OK;)
        st = store_tidy(r->store, 700);
    if (st != ST_NOT_FOUND) return st;
    TRY(store_rig_add(r));
    return store_settle(r->store);
}

static void expect_healed(struct store_rig *r, const struct buf *cold, uint64_t n)
{
    struct buf now;
    fake_os_heal(r->fake);
    enum status st = mend_and_work(r);
    if (st != ST_OK) fail_msg("call %llu: %s", (unsigned long long)n, status_name(st));
    assert_true(store_height(r->store) > BLOCKS);
    assert_true(store_rig_is_whole(r));
    buf_init(&now, mem_system(), 0);
    store_rig_file(r, cold_name, &now);
    assert_true(span_equal(buf_span(&now), buf_span(cold)));
    buf_fini(&now);
    store_rig_close(r);
    struct store_rig_scan scan;
    assert_int_equal(store_rig_scan(r, &scan), ST_OK);
}

static void power_goes_at_every_change(void **state)
{
    (void)state;
    static const enum fake_os_crash modes[] = {FAKE_OS_LOSE_ALL, FAKE_OS_KEEP_ALL,
                                               FAKE_OS_LOSE_SOME};
    struct store_rig r;
    struct buf cold;
    buf_init(&cold, mem_system(), 0);
    make_damaged(&r, &cold);
    for (uint64_t mode = 0; mode < 3; mode++) {
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            struct store_rig copy = copy_of(&r, n * 3 + mode);
            fake_os_cut_power(copy.fake, n);
            enum status st = mend_and_work(&copy);
            is_done = !fake_os_has_failed(copy.fake);
            assert_true(st == ST_OK || !is_done);
            store_rig_close(&copy);
            fake_os_crash(copy.fake, modes[mode]);
            expect_healed(&copy, &cold, n);
            store_rig_fini(&copy);
        }
    }
    buf_fini(&cold);
    store_rig_fini(&r);
}

/* EIO and a full disk, once and for good; the process then starts anew. */
static void every_call_fails(void **state)
{
    (void)state;
    struct store_rig r;
    struct buf cold;
    buf_init(&cold, mem_system(), 0);
    make_damaged(&r, &cold);
    for (uint32_t kind = 0; kind < 2; kind++) {
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            struct store_rig copy = copy_of(&r, n);
            if (kind == 0)
                fake_os_fail(copy.fake, FAKE_OS_ALL, n, ST_IO);
            else
                fake_os_fail_from(copy.fake, FAKE_OS_WRITE, n, ST_NO_SPACE);
            (void)(mend_and_work(&copy) == ST_OK);
            is_done = !fake_os_has_failed(copy.fake);
            store_rig_close(&copy);
            expect_healed(&copy, &cold, n);
            store_rig_fini(&copy);
        }
    }
    buf_fini(&cold);
    store_rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_goes_at_every_change),
        cmocka_unit_test(every_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
