/* Goal: EXPLAIN tells SQLite's plan in the names of the statement, a node of it a line, and with
 * ANALYZE what the statement took. */
#include "node/explain_table.h"

#include "node/functions.h"
#include "support/cmocka_all.h"
#include "support/sql_rig.h"

struct explain_rig {
    struct sql_rig *rig;
    struct diag diag;
    struct sql_context sql;
    struct node_functions functions;
    struct chain_tables_source source;
};

static int set_up(void **state)
{
    static struct explain_rig r; /* One test at a time. */
    r = (struct explain_rig){.rig = sql_rig_new()};
    r.sql.diag = &r.diag;
    r.functions.sql = &r.sql;
    r.source.mem = mem_system();
    r.source.reader = &r.functions;
    assert_int_equal(explain_table_register(sql_rig_connection(r.rig), &r.source), ST_OK);
    sql_rig_ok(r.rig, "CREATE TABLE bills(id int PRIMARY KEY, owner text, amount numeric(9,2))");
    sql_rig_ok(r.rig, "CREATE INDEX by_owner ON bills(owner)");
    sql_rig_ok(r.rig, "INSERT INTO bills VALUES (1, 'a', 5), (2, 'b', 6), (3, 'a', 7)");
    r.functions.catalog = sql_rig_catalog(r.rig);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    struct explain_rig *r = *state;
    sql_rig_free(r->rig);
    return 0;
}

static void plans_speak_of_the_statement_s_names(void **state)
{
    struct explain_rig *r = *state;
    const char *plan = sql_rig_run(r->rig, "EXPLAIN SELECT * FROM bills b WHERE owner = 'a'");
    assert_non_null(strstr(plan, "QUERY PLAN\nSEARCH b USING INDEX by_owner ("));
    plan = sql_rig_run(r->rig, "EXPLAIN UPDATE bills SET amount = 1 WHERE id = 2");
    assert_string_equal(plan, "QUERY PLAN\nSEARCH bills USING INTEGER PRIMARY KEY (rowid=?)\n");
    plan =
        sql_rig_run(r->rig, "EXPLAIN SELECT 1 FROM bills r8, (SELECT DISTINCT amount FROM bills) "
                            "AS r9 WHERE r9.amount = r8.amount");
    assert_non_null(strstr(plan, "->  SCAN bills\n"));
    assert_non_null(strstr(plan, " r8"));
}

static void analyze_runs_the_statement(void **state)
{
    struct explain_rig *r = *state;
    const char *few = sql_rig_run(r->rig, "EXPLAIN ANALYZE SELECT 1 FROM bills");
    assert_string_equal(strstr(few, "Rows"), strstr(few, "Rows: 3\nFuel: "));
    const char *many =
        sql_rig_run(r->rig, "EXPLAIN (ANALYZE, COSTS OFF) SELECT 1 FROM bills a, bills b, bills c");
    assert_non_null(strstr(many, "Rows: 27\nFuel: "));
    assert_null(strstr(sql_rig_run(r->rig, "EXPLAIN (ANALYZE OFF) SELECT 1"), "Rows"));
}

/* Nobody writes these; the table must bear them all the same. */
static void strange_arguments_are_failures(void **state)
{
    struct explain_rig *r = *state;
    static const char *const texts[] = {
        "SELECT * FROM \"trustsql.explain\"",
        "SELECT * FROM \"trustsql.explain\"('SELECT')",
        "SELECT * FROM \"trustsql.explain\"('SELECT nothing', '', 0)",
        "SELECT * FROM \"trustsql.explain\"(NULL, NULL, NULL)",
        "SELECT * FROM \"trustsql.explain\"('SELECT nothing', '=\n==7\n9', 1)",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_not_equal(sqlite3_exec(sql_rig_connection(r->rig), texts[i], NULL, NULL, NULL),
                             SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql_rig_connection(r->rig),
                                  "SELECT * FROM \"trustsql.explain\"('SELECT 1', '=\n==7\n9', 1)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plans_speak_of_the_statement_s_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(analyze_runs_the_statement, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strange_arguments_are_failures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
