/* Goal: evidence is kept once for each identity, survives restarts and crashes, never grows without
 * end, and every failing call leaves the store usable. */
#include <stdio.h>

#include "node/evidence_store.h"
#include "os/fake/fake_os.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

static struct evidence make(enum evidence_kind kind, uint32_t offender, uint64_t view)
{
    return (struct evidence){.kind = kind,
                             .offender = offender,
                             .view = view,
                             .height = kind == EVIDENCE_E1 ? view + 1 : 0,
                             .bytes = span_text("items")};
}

static struct evidence_store *open_store(struct fake_os *f)
{
    struct evidence_store *s = NULL;
    assert_int_equal(evidence_store_new(&s, fake_os_table(f), mem_system(), "node"), ST_OK);
    return s;
}

static struct fake_os *new_disk(void)
{
    struct fake_os *f = fake_os_new(1);
    struct os *os = fake_os_table(f);
    assert_int_equal(os->make_dir(os, "node"), ST_OK);
    assert_int_equal(os->sync_dir(os, "."), ST_OK);
    return f;
}

static void keeps_each_once(void **state)
{
    (void)state;
    struct fake_os *f = new_disk();
    struct evidence_store *s = open_store(f);
    struct evidence a = make(EVIDENCE_E1, 2, 7);
    struct evidence b = make(EVIDENCE_E5, 2, 7);
    assert_int_equal(evidence_store_keep(s, &a), ST_OK);
    assert_int_equal(evidence_store_keep(s, &a), ST_OK);
    assert_int_equal(evidence_store_keep(s, &b), ST_OK);
    assert_int_equal(evidence_store_count(s), 2);
    evidence_store_free(s);

    fake_os_crash(f, FAKE_OS_LOSE_ALL);
    s = open_store(f);
    assert_int_equal(evidence_store_count(s), 2);
    struct evidence_view view;
    struct evidence back;
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    assert_int_equal(evidence_store_get(s, 0, &view, &bytes), ST_OK);
    assert_string_equal(view.kind, "E1");
    assert_int_equal(view.offender, 2);
    assert_int_equal(view.view, 7);
    assert_int_equal(view.height, 8);
    assert_int_equal(evidence_decode(&back, buf_span(&bytes)), ST_OK);
    assert_true(span_equal(back.bytes, a.bytes));
    assert_int_equal(evidence_store_get(s, 2, &view, NULL), ST_NOT_FOUND);
    assert_int_equal(evidence_store_keep(s, &a), ST_OK);
    assert_int_equal(evidence_store_count(s), 2);
    buf_fini(&bytes);
    evidence_store_free(s);
    fake_os_free(f);
}

static void is_bounded(void **state)
{
    (void)state;
    struct fake_os *f = new_disk();
    struct evidence_store *s = open_store(f);
    for (uint64_t view = 0; view < EVIDENCE_STORE_MAX + 10; view++) {
        struct evidence e = make(EVIDENCE_E4, 1, view);
        assert_int_equal(evidence_store_keep(s, &e), ST_OK);
    }
    assert_int_equal(evidence_store_count(s), EVIDENCE_STORE_MAX);
    evidence_store_free(s);
    fake_os_free(f);
}

static void leaves_strange_files_alone(void **state)
{
    (void)state;
    struct fake_os *f = new_disk();
    struct os *os = fake_os_table(f);
    evidence_store_free(open_store(f));
    assert_int_equal(os_replace_file(os, "node/evidence/notes.txt", span_text("x")), ST_OK);
    assert_int_equal(os_replace_file(os, "node/evidence/E1-0-0-0-1.ev", span_text("x")), ST_OK);
    struct evidence_store *s = open_store(f);
    assert_int_equal(evidence_store_count(s), 0);
    evidence_store_free(s);
    fake_os_free(f);
}

static void survives_every_failing_call(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fake_os *f = new_disk();
        struct evidence_store *s = open_store(f);
        struct evidence e = make(EVIDENCE_E2, 3, n);
        fake_os_fail(f, FAKE_OS_ALL, n, ST_IO);
        enum status st = evidence_store_keep(s, &e);
        bool has_failed = fake_os_has_failed(f);
        fake_os_heal(f);
        if (st != ST_OK) assert_int_equal(evidence_store_count(s), 0);
        assert_int_equal(evidence_store_keep(s, &e), ST_OK);
        assert_int_equal(evidence_store_count(s), 1);
        evidence_store_free(s);
        fake_os_free(f);
        if (!has_failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_each_once),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(leaves_strange_files_alone),
        cmocka_unit_test(survives_every_failing_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
