/* Goal: a refuted state is removed by the next start, twice at most, and the height up to which
 * results may have been voted for wrongly is never forgotten. */
#include "node/quarantine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "support/cmocka_all.h"

static char dir[OS_PATH_MAX];

static void put(const char *name, const char *text)
{
    char path[OS_PATH_MAX];
    assert_int_equal(os_path_join(path, dir, name), ST_OK);
    assert_int_equal(os_replace_file(os_posix(), path, span_text(text)), ST_OK);
}

static bool is_there(const char *name)
{
    char path[OS_PATH_MAX];
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    assert_int_equal(os_path_join(path, dir, name), ST_OK);
    enum status st = os_read_file(os_posix(), path, 1000, &bytes);
    buf_fini(&bytes);
    return st == ST_OK;
}

static void make_folder(const char *name)
{
    char path[OS_PATH_MAX];
    assert_int_equal(os_path_join(path, dir, name), ST_OK);
    assert_int_equal(os_posix()->make_dir(os_posix(), path), ST_OK);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/trustsql-quarantine-XXXXXX");
    assert_non_null(mkdtemp(dir));
    make_folder("state");
    make_folder("results");
    put("state/main.db", "rows");
    put("results/00000001.res", "results");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"quarantine", "state/main.db", "results/00000001.res",
                                        "state", "results"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[OS_PATH_MAX];
        assert_int_equal(os_path_join(path, dir, names[i]), ST_OK);
        enum status st = os_posix()->remove(os_posix(), path);
        assert_true(st == ST_OK || st == ST_NOT_FOUND);
    }
    assert_int_equal(os_posix()->remove(os_posix(), dir), ST_OK);
    return 0;
}

static struct quarantine now(void)
{
    struct quarantine q;
    assert_int_equal(quarantine_read(&q, os_posix(), dir), ST_OK);
    return q;
}

static void test_nothing_happens_without(void **state)
{
    (void)state;
    bool was_due = true;
    struct quarantine q;
    assert_int_equal(quarantine_settle(os_posix(), dir, &was_due), ST_OK);
    assert_false(was_due);
    assert_true(is_there("state/main.db"));
    assert_int_equal(quarantine_read(&q, os_posix(), dir), ST_NOT_FOUND);
}

static void test_two_rebuilds(void **state)
{
    (void)state;
    bool is_due = false;
    for (uint32_t i = 1; i <= QUARANTINE_REBUILDS_MAX; i++) {
        put("state/main.db", "rows");
        assert_int_equal(quarantine_note(os_posix(), dir, UINT64_C(100) * i, &is_due), ST_OK);
        assert_true(is_due);
        assert_int_equal(quarantine_settle(os_posix(), dir, &is_due), ST_OK);
        assert_true(is_due);
        assert_false(is_there("state/main.db"));
        assert_false(is_there("results/00000001.res"));
        assert_int_equal(now().rebuilds, i);
        assert_int_equal(now().height, 100 * i);
        assert_int_equal(quarantine_settle(os_posix(), dir, &is_due), ST_OK);
        assert_false(is_due); /* Once for each. */
    }
    put("state/main.db", "rows");
    assert_int_equal(quarantine_note(os_posix(), dir, 50, &is_due), ST_OK);
    assert_false(is_due);
    assert_int_equal(quarantine_settle(os_posix(), dir, &is_due), ST_OK);
    assert_true(is_there("state/main.db"));
    assert_int_equal(now().height, 200);
}

/* A file that is not ours is no licence to remove anything. */
static void test_other_words_remove_nothing(void **state)
{
    (void)state;
    static const char too_long[] = "height 1\nrebuilds 0\nis_due 1\n"
                                   "and then more than any file of ours holds, which is what a "
                                   "start finds when something else has been written there";
    static const char *const bad[] = {"",
                                      "height 1\n",
                                      "height 1\nrebuilds 0\nis_due 2\n",
                                      "height x\nrebuilds 0\nis_due 1\n",
                                      "height 1\nrebuilds 9\nis_due 1\n",
                                      "height 1\nrebuilds 2\nis_due 1\n", /* Never written. */
                                      too_long,
                                      "height 1\nrebuilds 0\nis_due 1\nmore\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bool is_due = true;
        put("quarantine", bad[i]);
        assert_int_equal(quarantine_settle(os_posix(), dir, &is_due), ST_CORRUPT);
        assert_true(is_there("state/main.db"));
        assert_int_equal(quarantine_note(os_posix(), dir, 7, &is_due), ST_OK);
        assert_false(is_due);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_happens_without, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_rebuilds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_words_remove_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
