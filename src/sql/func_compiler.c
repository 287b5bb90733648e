/* func_compiler.c - Functions without a name in PostgreSQL: checks the compiler puts into its text
 * where SQLite would go on silently. */
#include "base/must.h"
#include "sql/function_int.h"

struct single {
    sqlite3_value *value; /* Of the first row. */
    uint64_t rows;
};

/* sql_limit(n): NULL is no limit. */
static void limit_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    if (sqlite3_value_type(args[0]) == SQLITE_NULL)
        sqlite3_result_int64(c, -1);
    else if (sqlite3_value_int64(args[0]) < 0)
        function_fail(c, "2201W", "LIMIT must not be negative");
    else
        sqlite3_result_value(c, args[0]);
}

/* sql_offset(n): NULL is none. */
static void offset_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    if (sqlite3_value_type(args[0]) == SQLITE_NULL)
        sqlite3_result_int64(c, 0);
    else if (sqlite3_value_int64(args[0]) < 0)
        function_fail(c, "2201X", "OFFSET must not be negative");
    else
        sqlite3_result_value(c, args[0]);
}

/* sql_not_null(value, column, table): SQLite would number the row for a NULL. */
static void not_null_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 3);
    if (sqlite3_value_type(args[0]) != SQLITE_NULL) {
        sqlite3_result_value(c, args[0]);
        return;
    }
    const struct span column = function_bytes(args[1]);
    const struct span table = function_bytes(args[2]);
    function_fail(c, "23502",
                  "null value in column \"%.*s\" of relation \"%.*s\" violates not-null constraint",
                  (int)column.size, (const char *)column.data, (int)table.size,
                  (const char *)table.data);
}

static void at_most_once(sqlite3_context *c, sqlite3_value *count, const char *message)
{
    if (sqlite3_value_int64(count) > 1)
        function_fail(c, "21000", "%s", message);
    else
        function_return_bool(c, true);
}

/* sql_once(n): n rows of one INSERT have this key. */
static void once_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    at_most_once(c, args[0], "ON CONFLICT DO UPDATE command cannot affect row a second time");
}

/* sql_one_match(n): n different rows of FROM would change this row. */
static void one_match_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    at_most_once(c, args[0],
                 "more than one row of FROM gives new values to a row of the updated table");
}

/* sql_raise(state, message, detail): what a step of DDL found. An empty detail is none. */
static void raise_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct diag d = {0};
    must(count == 3);
    const struct span state = function_bytes(args[0]);
    const struct span message = function_bytes(args[1]);
    const struct span detail = function_bytes(args[2]);
    must(state.size == 5); /* The compiler wrote it. */
    char sqlstate[6] = {0};
    memcpy(sqlstate, state.data, 5);
    diag_set(&d, sqlstate, "%.*s", (int)message.size, (const char *)message.data);
    if (detail.size > 0) diag_detail(&d, "%.*s", (int)detail.size, (const char *)detail.data);
    function_fail_with(c, &d);
}

/* sql_single(value): the value of the only row, NULL without rows. */
static void single_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    struct single *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return;
    }
    if (++s->rows > 1) {
        function_fail(c, "21000", "more than one row returned by a subquery used as an expression");
        return;
    }
    s->value = sqlite3_value_dup(args[0]);
    if (s->value == NULL) function_no_memory(c);
}

static void single_finish(sqlite3_context *c)
{
    struct single *s = sqlite3_aggregate_context(c, 0);
    if (s == NULL) return;
    if (s->value != NULL && s->rows == 1) sqlite3_result_value(c, s->value);
    sqlite3_value_free(s->value);
    s->value = NULL;
}

const struct native function_compilers[] = {
    {.name = "sql_limit", .args = 1, .call = limit_call},
    {.name = "sql_offset", .args = 1, .call = offset_call},
    {.name = "sql_not_null", .args = 3, .call = not_null_call},
    {.name = "sql_once", .args = 1, .call = once_call},
    {.name = "sql_one_match", .args = 1, .call = one_match_call},
    {.name = "sql_raise", .args = 3, .call = raise_call},
    {.name = "sql_single", .args = 1, .step = single_step, .finish = single_finish},
    {.name = NULL},
};
