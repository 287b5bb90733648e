/* Goal: SET takes what this server can keep, RESET goes back to the node's defaults, SHOW tells. */
#include "node/settings.h"

#include <strings.h>

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

/* What is kept is shown as PostgreSQL shows it. */
static void test_kept(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *shown;
    } cases[] = {{"statement_timeout", "1500", "1500ms"},
                 {"statement_timeout", "90s", "90s"},
                 {"statement_timeout", " 1.5 min ", "90s"},
                 {"statement_timeout", "2h", "2h"},
                 {"statement_timeout", "1499us", "1ms"},
                 {"statement_timeout", "0", "0"},
                 {"work_mem", "65536", "64MB"},
                 {"work_mem", "100kB", "100kB"},
                 {"Row_Security", "FALSE", "off"},
                 {"jit", "y", "on"},
                 {"client_min_messages", "Warning", "warning"},
                 {"extra_float_digits", "3", "3"},
                 {"search_path", "a, \"B\"", "a, \"B\""},
                 {"search_path", "", ""},
                 {"datestyle", "iso", "ISO, MDY"}};
    struct settings s;
    settings_init(&s, &defaults);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_set(&s, cases[i].name, cases[i].value, "");
        check_shown(&s, cases[i].name, cases[i].shown);
    }
    check_set(&s, "all", "", "");
    check_shown(&s, "work_mem", "4MB");
    check_shown(&s, "search_path", "\"$user\", public");
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *sqlstate;
    } cases[] = {{"statement_timeout", "-1", "22023"},
                 {"statement_timeout", "x", "22023"},
                 {"statement_timeout", "1 week", "22023"},
                 {"statement_timeout", "", "22023"},
                 {"statement_timeout", "30000d", "22023"},
                 {"work_mem", "9999999999TB", "22023"},
                 {"statement_timeout", "99999999999999999999", "22023"},
                 {"extra_float_digits", "0", "22023"},
                 {"jit", "o", "22023"},
                 {"client_min_messages", "loud", "22023"},
                 {"DateStyle", "German", "22023"},
                 {"server_version", "16", "55P02"},
                 {"standard_conforming_strings", "off", "22023"},
                 {"bytea_output", "escape", "22023"},
                 {"IntervalStyle", "iso_8601", "22023"}};
    struct settings s;
    settings_init(&s, &defaults);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_set(&s, cases[i].name, cases[i].value, cases[i].sqlstate);
    assert_int_equal(s.kept_count, 0);
}

static void test_effects(void **state)
{
    (void)state;
    struct settings s;
    const char *name = NULL;
    const char *what = NULL;
    const char *last = "";
    settings_init(&s, &defaults);
    check_set(&s, "statement_timeout", "2s", "");
    check_set(&s, "idle_session_timeout", "1min", "");
    assert_int_equal(s.timeout_ms[SETTINGS_STATEMENT_TIMEOUT], 2000);
    assert_int_equal(s.timeout_ms[SETTINGS_IDLE_TIMEOUT], 60000);
    assert_true(settings_says(&s, "00000"));
    check_set(&s, "client_min_messages", "warning", "");
    assert_false(settings_says(&s, "00000"));
    assert_true(settings_says(&s, "25P01"));
    check_set(&s, "client_min_messages", "error", "");
    assert_false(settings_says(&s, "25P01"));
    for (uint32_t i = 0; settings_at(i, &name, &what); i++) {
        struct diag d = {0};
        struct buf out;
        assert_true(strcasecmp(last, name) < 0); /* In order, each once. */
        assert_true(strlen(what) > 0);
        buf_init(&out, mem_system(), 0);
        assert_int_equal(settings_show(&s, span_text(name), &out, &d), ST_OK);
        buf_fini(&out);
        last = name;
    }
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
        cmocka_unit_test(test_own),     cmocka_unit_test(test_key),
        cmocka_unit_test(test_height),  cmocka_unit_test(test_those_of_postgresql),
        cmocka_unit_test(test_custom),  cmocka_unit_test(test_kept),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
