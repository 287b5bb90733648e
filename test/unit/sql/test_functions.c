/* Goal: every template of the tables runs on a connection with the library, also inside constraints
 * of an untrusted schema; fuel, length limits, NULL and failures of memory are kept to; SQLite's
 * failures become PostgreSQL's. (What the functions compute is compared in
 * test/model/test_sql_functions.c.) */
#include "sql/functions.h"

#include <stdio.h>
#include <stdlib.h>

#include "sql/sql.h"
#include "support/cmocka_all.h"

#define FUEL 10000000u

struct world {
    sqlite3 *db;
    struct sql_context ctx;
    struct diag diag;
};

static struct world world;

static void run(const char *sql)
{
    char *error = NULL;
    if (sqlite3_exec(world.db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
}

/* Run one statement, give its first value as text ("NULL" for null) or the failure's SQLSTATE. */
static const char *answer(const char *sql)
{
    static char text[300];
    sqlite3_stmt *stmt = NULL;
    memset(&world.diag, 0, sizeof world.diag);
    if (sqlite3_prepare_v2(world.db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(world.db));
    const int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(stmt, 0);
        (void)snprintf(text, sizeof text, "%.200s", value == NULL ? "NULL" : value);
    } else {
        sql_error(&world.diag, world.db, code, NULL, &world.ctx);
        (void)snprintf(text, sizeof text, "%s", world.diag.sqlstate);
    }
    (void)sqlite3_finalize(stmt);
    return text;
}

static void put_template(
    char *out, size_t size, const char *template, const char *const *args, uint32_t count)
{
    size_t used = (size_t)snprintf(out, size, "SELECT ");
    for (const char *c = template; *c != 0; c++) {
        const char *piece = NULL;
        if (c[0] == '%' && c[1] >= '1' && c[1] <= '7') piece = args[c[1] - '1'];
        if (c[0] == '%' && c[1] == 't') { /* "%t1": a type. */
            piece = "1009";
            c++;
        }
        if (c[0] == '%' && c[1] == 'p') piece = "25, NULL";
        if (c[0] == '%' && c[1] == '*') {
            for (uint32_t i = 0; i < count; i++)
                used +=
                    (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", args[i]);
            piece = "";
        }
        if (piece == NULL) {
            used += (size_t)snprintf(out + used, size - used, "%c", *c);
            continue;
        }
        used += (size_t)snprintf(out + used, size - used, "%s", piece);
        c++;
    }
    assert_true(used < size);
}

static void every_template_runs(void **state)
{
    (void)state;
    static const char *const nulls[] = {"NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"};
    char sql[512];
    uint32_t count = 0;
    for (uint32_t i = 0; sql_function_at(i) != NULL; i++, count++) {
        const struct sql_function *f = sql_function_at(i);
        if (f->sqlite == NULL) continue;   /* Known, and refused. */
        if (f->kind == SQL_ROWS) continue; /* No expression. */
        if (f->volatility == SQL_SYSTEM || f->volatility == SQL_SYSTEM_PATH) continue;
        const bool is_open =
            f->args[0] == SQL_ANYARRAY || f->args[0] == SQL_ANYELEMENT || f->args[0] == SQL_UNKNOWN;
        put_template(sql, sizeof sql, f->sqlite, nulls, f->arg_count);
        const char *got = answer(sql);
        /* Everything is strict but these. */
        const bool is_other = is_open || f->arg_count == 0 || strcmp(f->name, "concat") == 0 ||
                              strcmp(f->name, "regr_count") == 0;
        if (!is_other && strcmp(f->name, "count") != 0) assert_string_equal(got, "NULL");
        if (f->sqlite_same_scale == NULL) continue;
        put_template(sql, sizeof sql, f->sqlite_same_scale, nulls, f->arg_count);
        assert_string_equal(answer(sql), "NULL");
    }
    assert_true(count > 150);
    for (uint32_t i = 0; sql_cast_at(i) != NULL; i++) {
        if (strstr(sql_cast_at(i)->sqlite, "system_") != NULL) continue; /* test_system.c */
        put_template(sql, sizeof sql, sql_cast_at(i)->sqlite, nulls, 1);
        assert_string_equal(answer(sql), "NULL");
    }
    static const enum sql_type types[] = {SQL_BOOL,   SQL_BYTEA,   SQL_INT2,        SQL_INT4,
                                          SQL_INT8,   SQL_NUMERIC, SQL_TIMESTAMPTZ, SQL_TEXT,
                                          SQL_FLOAT4, SQL_FLOAT8,  SQL_TIMESTAMP,   SQL_DATE,
                                          SQL_TIME,   SQL_UUID,    SQL_BPCHAR,      SQL_INTERVAL};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        put_template(sql, sizeof sql, sql_output_template(types[i]), nulls, 1);
        assert_string_equal(answer(sql), "NULL");
        for (int assignment = 0; assignment < 2; assignment++) {
            const char *fit = sql_fit_template(types[i], assignment == 1);
            if (fit == NULL) continue;
            put_template(sql, sizeof sql, fit, nulls, 2);
            assert_string_equal(answer(sql), "NULL");
        }
    }
}

static bool is_first_of_name(uint32_t index)
{
    const struct sql_function *f = sql_function_at(index);
    for (uint32_t i = 0; i < index; i++) {
        const struct sql_function *other = sql_function_at(i);
        const bool is_operator = other->kind == SQL_OPERATOR || other->kind == SQL_PREFIX;
        if (other->since == SQL_SINCE_READS) continue;
        if (!is_operator && strcmp(other->name, f->name) == 0) return false;
    }
    return true;
}

/* docs/sql/function-list.md has each name in backquotes, and says how many there are. */
static void the_list_of_functions_is_true(void **state)
{
    (void)state;
    static char text[65536];
    FILE *file = fopen("docs/sql/function-list.md", "r");
    assert_non_null(file);
    const size_t size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = 0;
    int count = 0;
    for (uint32_t i = 0; sql_function_at(i) != NULL; i++) {
        const struct sql_function *f = sql_function_at(i);
        if (f->kind == SQL_OPERATOR || f->kind == SQL_PREFIX || !is_first_of_name(i)) continue;
        if (f->since == SQL_SINCE_READS) continue; /* docs/sql/catalog.md */
        char quoted[96];
        (void)snprintf(quoted, sizeof quoted, "`%s`", f->name);
        if (strstr(text, quoted) == NULL) fail_msg("not in docs/sql/function-list.md: %s", f->name);
        count++;
    }
    assert_int_equal(strtol(strstr(text, "\n\n") + 2, NULL, 10), count);
    assert_true(count >= 200);
}

static void look_up(void **state)
{
    (void)state;
    const struct span plus = span_text("+");
    uint32_t count = 0;
    for (; sql_function_find(plus, SQL_OPERATOR, count) != NULL; count++)
        assert_string_equal(sql_function_find(plus, SQL_OPERATOR, count)->name, "+");
    assert_true(count > 4);
    assert_non_null(sql_function_find(span_text("lower"), SQL_FUNCTION, 0));
    assert_null(sql_function_find(span_text("lower"), SQL_FUNCTION, 1));
    assert_null(sql_function_find(span_text("lower"), SQL_AGGREGATE, 0));
    assert_null(sql_function_find(span_text("random"), SQL_FUNCTION, 0));
    assert_int_equal(sql_cast_find(SQL_INT4, SQL_INT8)->context, SQL_CAST_IMPLICIT);
    assert_int_equal(sql_cast_find(SQL_INT8, SQL_INT4)->context, SQL_CAST_ASSIGNMENT);
    assert_int_equal(sql_cast_find(SQL_TEXT, SQL_INT4)->context, SQL_CAST_EXPLICIT);
    assert_null(sql_cast_find(SQL_BYTEA, SQL_INT4));
}

static void functions_in_an_untrusted_schema(void **state)
{
    (void)state;
    run("PRAGMA trusted_schema = OFF");
    run("CREATE TABLE checked(a INTEGER CHECK (int4_add(a, 1) > 0), b TEXT)");
    run("CREATE UNIQUE INDEX lowered ON checked(text_lower(b))");
    run("INSERT INTO checked VALUES (1, 'A')");
    memset(&world.diag, 0, sizeof world.diag);
    assert_string_equal(answer("INSERT INTO checked VALUES (-2, 'B')"), "23514");
    assert_string_equal(answer("INSERT INTO checked VALUES (2147483647, 'B')"), "22003");
    assert_string_equal(answer("INSERT INTO checked VALUES (2, 'a')"), "23505");
    run("DROP TABLE checked");
    run("PRAGMA trusted_schema = ON");
}

static void errors_of_functions(void **state)
{
    (void)state;
    assert_string_equal(answer("SELECT int4_add(2147483647, 1)"), "22003");
    assert_string_equal(world.diag.message, "integer out of range");
    assert_string_equal(answer("SELECT int8_mul(9223372036854775807, 2)"), "22003");
    assert_string_equal(world.diag.message, "bigint out of range");
    assert_string_equal(answer("SELECT int8_div(1, 0)"), "22012");
    assert_string_equal(answer("SELECT int4_in('x')"), "22P02");
    assert_string_equal(answer("SELECT numeric_add(x'00', x'00')"), "XX001");
    assert_string_equal(answer("SELECT time_out(9223372036854775806)"), "XX001");
    /* A hint passes too. */
    assert_string_equal(answer("SELECT text_like_escape('a', 'bc')"), "22025");
    assert_string_equal(world.diag.hint, "Escape string must be empty or one character.");
}

static void fuel_and_lengths(void **state)
{
    (void)state;
    world.ctx.fuel = 10;
    assert_string_equal(answer("SELECT text_cat('abc', 'de')"), "abcde");
    assert_int_equal(world.ctx.fuel, 0);
    assert_string_equal(answer("SELECT text_length('')"), "0");
    assert_string_equal(answer("SELECT text_length('a')"), "54000");
    assert_string_equal(world.diag.message, "the statement reached its limit of work");
    world.ctx.fuel = 2400;
    assert_string_equal(answer("SELECT text_like(text_repeat('a', 900), '%a%a%a%a%b')"), "54000");
    assert_int_equal(world.ctx.fuel, 0);
    world.ctx.fuel = FUEL;
    assert_string_equal(answer("SELECT text_octets(text_repeat('ab', 524288))"), "1048576");
    assert_string_equal(answer("SELECT text_repeat('ab', 524289)"), "54000");
    assert_string_equal(answer("SELECT text_repeat('ab', 2147483647)"), "54000");
    assert_string_equal(answer("SELECT text_lpad('a', 2147483647, 'ab')"), "54000");
    assert_string_equal(answer("SELECT text_octets(text_translate(text_repeat('a', 500000), 'a', "
                               "'\xf0\x9f\x98\x80'))"),
                        "54000");
    assert_string_equal(answer("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                               "WHERE i < 3000) SELECT text_string_agg(text_repeat('a', 400), ',') "
                               "FROM n"),
                        "54000");
    world.ctx.fuel = FUEL;
}

static void context_functions(void **state)
{
    (void)state;
    world.ctx.now_us = 1000000;
    world.ctx.user = span_text("alice");
    world.ctx.ledger = span_text("main");
    assert_string_equal(answer("SELECT time_out(ctx_now())"), "2000-01-01 00:00:01+00");
    assert_string_equal(answer("SELECT ctx_user() || '@' || ctx_database()"), "alice@main");
    assert_string_equal(answer("SELECT ctx_version()"), "PostgreSQL 15.8 (TrustSQL)");
}

static void sums_are_exact(void **state)
{
    (void)state;
    assert_string_equal(answer("SELECT numeric_out(int8_sum(v)) FROM (SELECT "
                               "9223372036854775807 AS v UNION ALL SELECT 9223372036854775807 "
                               "UNION ALL SELECT 9223372036854775807)"),
                        "27670116110564327421");
    assert_string_equal(answer("SELECT numeric_out(int8_sum(v)) FROM (SELECT "
                               "-9223372036854775808 AS v UNION ALL SELECT -9223372036854775808)"),
                        "-18446744073709551616");
    assert_string_equal(answer("SELECT numeric_out(int_avg(v)) FROM (SELECT 1 AS v UNION ALL "
                               "SELECT 2)"),
                        "1.5000000000000000");
    assert_string_equal(answer("SELECT int_sum(v) FROM (SELECT 9223372036854775807 AS v UNION ALL "
                               "SELECT 1)"),
                        "22003");
    assert_string_equal(answer("SELECT numeric_sum(v) FROM (SELECT NULL AS v)"), "NULL");
}

/* With less memory than a statement needs it fails cleanly, and works with enough. */
/* The bytes of a key are in the order of ORDER BY, of each kind of value and direction. */
static void sort_keys_are_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *orders;
        const char *values[6]; /* In that order. */
    } lists[] = {
        {"a", {"-9223372036854775807", "-1", "0", "1", "9223372036854775807", "NULL"}},
        {"d", {"NULL", "9223372036854775807", "1", "0", "-1", "-9223372036854775807"}},
        {"A", {"NULL", "-1.5", "-0.25", "0.0", "0.5", "9e300"}},
        {"D", {"'b'", "'ab'", "'aa'", "'a'", "''", "NULL"}},
        {"a", {"x''", "x'00'", "x'0000'", "x'0001'", "x'01'", "x'ff'"}},
        {"d", {"x'ff'", "x'01'", "x'0001'", "x'0000'", "x'00'", "x''"}},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t k = 0; k + 1 < 6; k++) {
            char text[256];
            (void)snprintf(
                text, sizeof text, "SELECT sql_sort_key('%s', %s) < sql_sort_key('%s', %s)",
                lists[i].orders, lists[i].values[k], lists[i].orders, lists[i].values[k + 1]);
            sqlite3_stmt *stmt = NULL;
            assert_int_equal(sqlite3_prepare_v2(world.db, text, -1, &stmt, NULL), SQLITE_OK);
            assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
            if (sqlite3_column_int(stmt, 0) != 1) print_error("%s\n", text);
            assert_int_equal(sqlite3_column_int(stmt, 0), 1);
            (void)sqlite3_finalize(stmt);
        }
    }
}

static void memory_may_run_out(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "SELECT text_octets(text_replace(text_repeat('ab', 5000), 'a', 'xyz'))",
        "SELECT text_position(text_repeat('ab', 300), text_repeat('ba', 200))",
        "SELECT text_octets(text_string_agg(text_repeat('a', 5000), ',')) FROM (VALUES (1), (2))",
        "SELECT text_string_agg_by(text_repeat('a', 900), ',', sql_sort_key('d', 7), 0)",
        "SELECT numeric_out(numeric_sum(numeric_in('1.5')))",
        "SELECT bytea_encode(bytea_decode(text_repeat('QUJD', 900), 'base64'), 'escape')",
    };
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        int failures = 0;
        for (int64_t room = 256;; room += 256) {
            (void)sqlite3_hard_heap_limit64(sqlite3_memory_used() + room);
            memset(&world.diag, 0, sizeof world.diag);
            sqlite3_stmt *stmt = NULL;
            int code = sqlite3_prepare_v2(world.db, statements[i], -1, &stmt, NULL);
            if (code == SQLITE_OK) code = sqlite3_step(stmt);
            if (code != SQLITE_ROW) sql_error(&world.diag, world.db, code, NULL, &world.ctx);
            (void)sqlite3_finalize(stmt);
            (void)sqlite3_hard_heap_limit64(0);
            if (code == SQLITE_ROW) break;
            assert_string_equal(world.diag.sqlstate, "53200");
            failures++;
        }
        assert_true(failures > 0);
    }
}

static void fails_with(const struct sql_catalog *c,
                       const char *sql,
                       const char *sqlstate,
                       const char *message)
{
    struct diag d = {.sqlstate = ""};
    memset(&world.diag, 0, sizeof world.diag);
    const int code = sqlite3_exec(world.db, sql, NULL, NULL, NULL);
    assert_int_not_equal(code, SQLITE_OK);
    sql_error(&d, world.db, code, c, &world.ctx);
    assert_string_equal(d.sqlstate, sqlstate);
    assert_string_equal(d.message, message);
}

static void constraints_by_name(void **state)
{
    (void)state;
    struct sql_catalog *c = NULL;
    for (const char *const *ddl = sql_catalog_ddl(1); *ddl != NULL; ddl++)
        run(*ddl);
    run("CREATE TABLE \"t.x\"(a INTEGER NOT NULL, \"b, c\" TEXT, n INTEGER, "
        "CONSTRAINT \"t.x.t.x_n_check\" CHECK (n > 0), PRIMARY KEY(a, \"b, c\"))");
    run("CREATE UNIQUE INDEX other ON \"t.x\"(n)");
    run("INSERT INTO \"trustsql.tables\" VALUES (1000, 'public', 't.x', 't.x', 0)");
    run("INSERT INTO \"trustsql.columns\" VALUES (1000, 0, 'a', 23, -1, 1, ''), "
        "(1000, 1, 'b, c', 25, -1, 1, ''), (1000, 2, 'n', 23, -1, 0, '')");
    run("INSERT INTO \"trustsql.indexes\" VALUES (1000, 1001, 'p', 't.x_pkey', '0,1', ''), "
        "(1000, 1002, 'x', 'other', '2', ''), (1000, 1003, 'c', 't.x_n_check', '', '')");
    assert_int_equal(sql_catalog_load(&c, mem_system(), world.db), ST_OK);
    run("INSERT INTO \"t.x\" VALUES (1, 'x', 5)");
    fails_with(c, "INSERT INTO \"t.x\" VALUES (1, 'x', 6)", "23505",
               "duplicate key value violates unique constraint \"t.x_pkey\"");
    fails_with(c, "INSERT INTO \"t.x\" VALUES (2, 'x', 5)", "23505",
               "duplicate key value violates unique constraint \"other\"");
    fails_with(c, "INSERT INTO \"t.x\" VALUES (NULL, 'x', 7)", "23502",
               "null value in column \"a\" of relation \"t.x\" violates not-null constraint");
    fails_with(c, "INSERT INTO \"t.x\" VALUES (3, 'x', 0)", "23514",
               "new row for relation \"t.x\" violates check constraint \"t.x_n_check\"");
    fails_with(c, "INSERT INTO \"t.x\" VALUES (int8_div(1, 0), 'x', 0)", "22012",
               "division by zero");
    sqlite3_interrupt(world.db);
    struct diag d;
    sql_error(&d, world.db, SQLITE_INTERRUPT, c, &world.ctx);
    assert_string_equal(d.sqlstate, "54000");
    sql_catalog_unref(c);
}

static int set_up(void **state)
{
    (void)state;
    world.ctx = (struct sql_context){.fuel = FUEL, .diag = &world.diag};
    if (sqlite3_open(":memory:", &world.db) != SQLITE_OK) return -1;
    return sql_functions_register(world.db, &world.ctx) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return sqlite3_close(world.db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_template_runs, set_up, tear_down),
        cmocka_unit_test(look_up),
        cmocka_unit_test(the_list_of_functions_is_true),
        cmocka_unit_test_setup_teardown(functions_in_an_untrusted_schema, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_of_functions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fuel_and_lengths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(context_functions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_are_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sort_keys_are_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_may_run_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(constraints_by_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
