/* Goal: SET takes what this server can keep, RESET goes back to the node's defaults, SHOW tells. */
#include "node/settings.h"
#include "support/cmocka_all.h"

static const struct settings_choice defaults = {.read = SETTINGS_READ_LINEARIZABLE,
                                                .wait = SETTINGS_WAIT_EXECUTED};

static void check_set(struct settings *s, const char *name, const char *value, const char *sqlstate)
{
    struct diag d = {0};
    enum status st = settings_set(s, span_text(name), span_text(value), &d);
    assert_string_equal(d.sqlstate, sqlstate);
    assert_int_equal(st == ST_OK, sqlstate[0] == 0);
}

static void check_shown(const struct settings *s, const char *name, const char *value)
{
    struct diag d = {0};
    struct buf out;
    buf_init(&out, mem_system(), 0);
    assert_int_equal(settings_show(s, span_text(name), &out, &d), ST_OK);
    assert_true(span_equal(buf_span(&out), span_text(value)));
    buf_fini(&out);
}

static void test_own(void **state)
{
    (void)state;
    struct settings s;
    settings_init(&s, &defaults);
    check_shown(&s, "trustsql.read", "linearizable");
    check_shown(&s, "TrustSQL.wait", "executed");
    check_set(&s, "trustsql.read", "Local", "");
    check_set(&s, "trustsql.wait", "final", "");
    check_shown(&s, "trustsql.read", "local");
    check_shown(&s, "trustsql.wait", "final");
    check_set(&s, "trustsql.read", "newest", "22023");
    check_set(&s, "trustsql.wait", "accepted", "22023");
    check_set(&s, "trustsql.other", "x", "42704");
    check_shown(&s, "trustsql.read", "local");
    check_set(&s, "trustsql.read", "", ""); /* RESET */
    check_shown(&s, "trustsql.read", "linearizable");
    check_shown(&s, "trustsql.wait", "final");
    check_set(&s, "all", "", "");
    check_shown(&s, "trustsql.wait", "executed");
}

static void test_key(void **state)
{
    (void)state;
    struct settings s;
    char long_key[SETTINGS_KEY_MAX + 2];
    settings_init(&s, &defaults);
    assert_int_equal(settings_key(&s).size, 0);
    check_set(&s, "trustsql.idempotency_key", "order 17", "");
    assert_true(span_equal(settings_key(&s), span_text("order 17")));
    memset(long_key, 'k', sizeof long_key);
    long_key[SETTINGS_KEY_MAX + 1] = 0;
    check_set(&s, "trustsql.idempotency_key", long_key, "22023");
    check_shown(&s, "trustsql.idempotency_key", "order 17");
    long_key[SETTINGS_KEY_MAX] = 0;
    check_set(&s, "trustsql.idempotency_key", long_key, "");
    check_shown(&s, "trustsql.idempotency_key", long_key);
    check_set(&s, "all", "", "");
    check_shown(&s, "trustsql.idempotency_key", "");
}

static void test_height(void **state)
{
    (void)state;
    struct settings s;
    settings_init(&s, &defaults);
    check_shown(&s, "trustsql.height", "0");
    check_set(&s, "trustsql.height", "12", "");
    assert_int_equal(s.height, 12);
    check_set(&s, "trustsql.height", "-1", "22023");
    check_set(&s, "trustsql.height", "now", "22023");
    check_shown(&s, "trustsql.height", "12");
    check_set(&s, "trustsql.height", "", "");
    assert_int_equal(s.height, 0);
    check_set(&s, "trustsql.height", "7", "");
    check_set(&s, "all", "", "");
    assert_int_equal(s.height, 0);
    assert_true(settings_is_height(span_text("TrustSQL.height")));
    assert_true(settings_is_height(span_text("all")));
    assert_false(settings_is_height(span_text("trustsql.read_height")));
}

static void test_those_of_postgresql(void **state)
{
    (void)state;
    struct settings s;
    struct diag d = {0};
    struct buf out;
    settings_init(&s, &defaults);
    check_set(&s, "application_name", "psql", "");
    check_shown(&s, "application_name", "psql");
    check_set(&s, "TimeZone", "Etc/UTC", "");
    check_set(&s, "TimeZone", "Asia/Shanghai", "22023");
    check_set(&s, "statement_timeout", "100", "");
    check_set(&s, "no_such", "1", "42704");
    check_set(&s, "all", "", "");
    check_shown(&s, "application_name", "");
    buf_init(&out, mem_system(), 0);
    assert_int_equal(settings_show(&s, span_text("no_such"), &out, &d), ST_NOT_FOUND);
    assert_string_equal(d.sqlstate, "42704");
    buf_fini(&out);
}

static void test_custom(void **state)
{
    (void)state;
    struct settings s;
    char name[] = "p.0";
    settings_init(&s, &defaults);
    check_set(&s, "my.Name", "one", "");
    check_set(&s, "My.name", "two", "");
    check_shown(&s, "my.name", "two");
    check_set(&s, "trustsql.nothing", "1", "42704");
    for (uint32_t i = 1; i < SETTINGS_CUSTOM_MAX; i++) {
        name[2] = (char)('0' + i);
        check_set(&s, name, "x", "");
    }
    check_set(&s, "p.x", "x", "54000");
    check_shown(&s, "p.7", "x");
    check_set(&s, "all", "", "");
    assert_int_equal(s.custom_count, 0);
    check_set(&s, "trustsql.copy_split", "on", "");
    check_shown(&s, "trustsql.copy_split", "on");
    check_set(&s, "trustsql.copy_split", "maybe", "22023");
    check_set(&s, "trustsql.copy_split", "", "");
    check_shown(&s, "trustsql.copy_split", "off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own),    cmocka_unit_test(test_key),
        cmocka_unit_test(test_height), cmocka_unit_test(test_those_of_postgresql),
        cmocka_unit_test(test_custom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
