/* Goal: the text of a key becomes the bytes that stand in a write set, for each type and for
 * several columns, and what is no key is refused. */
#include "node/row_key.h"

#include "support/cmocka_all.h"
#include "support/sql_rig.h"

static enum status encode(
    struct sql_rig *r, const char *table, const char *text, struct buf *out, struct diag *d)
{
    struct arena a;
    const struct catalog_table *t =
        sql_catalog_find(sql_rig_catalog(r), (struct span){0}, span_text(table));
    assert_non_null(t);
    arena_init(&a, mem_system(), 0);
    buf_reset(out);
    *d = (struct diag){0};
    enum status st = row_key_encode(out, t, span_text(text), &a, d);
    arena_fini(&a);
    return st;
}

static struct sql_rig *rig_new(void)
{
    struct sql_rig *r = sql_rig_new();
    sql_rig_ok(r, "CREATE TABLE i(id int PRIMARY KEY)");
    sql_rig_ok(r, "CREATE TABLE s(id text PRIMARY KEY)");
    sql_rig_ok(r, "CREATE TABLE n(id numeric(10,2) PRIMARY KEY)");
    sql_rig_ok(r, "CREATE TABLE b(id boolean PRIMARY KEY)");
    sql_rig_ok(r, "CREATE TABLE p(x text, a int, b text, PRIMARY KEY (a, b))");
    sql_rig_ok(r, "CREATE TABLE none(a int)");
    return r;
}

static void keys_are_those_of_write_sets(void **state)
{
    (void)state;
    static const struct {
        const char *table;
        const char *text;
        const char *bytes;
        size_t size;
    } cases[] = {
        {"i", "7", "\x81\x07", 2},
        {"i", "-2", "\x81\x21", 2},
        {"s", "(1,a)", "\x81\x65(1,a)", 7},
        {"s", "", "\x81\x60", 2},
        {"n", "1.5", "\x81\x46\xc0\x01\x03\x64\x00\x02", 8},
        {"b", "true", "\x81\x01", 2},
        {"p", "(7,abc)",
         "\x82\x07\x63"
         "abc",
         6},
        {"p", "(7,\"x, \"\"y\")", "\x82\x07\x65x, \"y", 8},
        {"p", "(7,a\\,b)",
         "\x82\x07\x63"
         "a,b",
         6},
        {"p", "(7,)", "\x82\x07\x60", 3},
    };
    struct sql_rig *r = rig_new();
    struct buf out;
    struct diag d;
    buf_init(&out, mem_system(), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(encode(r, cases[i].table, cases[i].text, &out, &d), ST_OK);
        assert_int_equal(out.size, cases[i].size);
        assert_memory_equal(out.data, cases[i].bytes, cases[i].size);
    }
    buf_fini(&out);
    sql_rig_free(r);
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *table;
        const char *text;
        const char *sqlstate;
    } cases[] = {
        {"i", "x", "22P02"},       {"i", "99999999999", "22003"}, {"p", "7", "22P02"},
        {"p", "(7", "22P02"},      {"p", "(7)", "22P02"},         {"p", "(7,a", "22P02"},
        {"p", "(7,a,b)", "22P02"}, {"p", "(7,a)b", "22P02"},      {"p", "(7,\"a)", "22P02"},
        {"p", "", "22P02"},        {"none", "1", "0A000"},
    };
    struct sql_rig *r = rig_new();
    struct buf out;
    struct diag d;
    buf_init(&out, mem_system(), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_not_equal(encode(r, cases[i].table, cases[i].text, &out, &d), ST_OK);
        assert_string_equal(d.sqlstate, cases[i].sqlstate);
    }
    buf_fini(&out);
    sql_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_those_of_write_sets),
        cmocka_unit_test(what_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
