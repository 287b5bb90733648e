/* Goal: each function of schema trustsql that the compiler lets through has an implementation with
 * as many arguments, and NULL for all of them is answered without a failure. */
#include "node/functions.h"

#include <stdio.h>

#include "node/chain_tables.h"
#include "sql/functions.h"
#include "support/cmocka_all.h"

/* "node_f(%1, %2)" with NULL for each. */
static void with_nulls(char *out, size_t size, const char *template)
{
    size_t used = (size_t)snprintf(out, size, "SELECT ");
    for (const char *at = template; *at != 0; at++) {
        if (*at == '%') {
            used += (size_t)snprintf(out + used, size - used, "NULL");
            at++;
            continue;
        }
        out[used++] = *at;
        out[used] = 0;
    }
    assert_true(used < size);
}

static void each_has_an_implementation(void **state)
{
    (void)state;
    sqlite3 *connection = NULL;
    struct diag diag = {0};
    struct sql_context sql = {.diag = &diag};
    struct chain_tables_source source = {.mem = mem_system()};
    struct node_functions functions = {.source = &source, .sql = &sql};
    assert_int_equal(sqlite3_open(":memory:", &connection), SQLITE_OK);
    functions.connection = connection;
    assert_int_equal(node_functions_register(connection, &functions), ST_OK);
    const struct sql_function *f = NULL;
    for (uint32_t i = 0; (f = sql_node_function_at(i)) != NULL; i++) {
        char text[256];
        sqlite3_stmt *statement = NULL;
        with_nulls(text, sizeof text, f->sqlite);
        assert_int_equal(sqlite3_prepare_v2(connection, text, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(f->kind, SQL_NODE);
        if (f->arg_count > 0) assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        sqlite3_finalize(statement);
        assert_string_equal(diag.sqlstate, "");
    }
    sqlite3_close(connection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_an_implementation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
