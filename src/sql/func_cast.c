/* func_cast.c - Text to value and back inside statements, and what the statement's context knows.
 */
#include "base/must.h"
#include "sql/function_int.h"
#include "sql/time.h"
#include "sql/value_int.h"

#define VERSION_TEXT "PostgreSQL 15.8 (TrustSQL)"

static void int_in(sqlite3_context *c, int count, sqlite3_value **args, enum sql_type type);
static void print(sqlite3_context *c, const struct sql_value *v);

static void bool_in(sqlite3_context *c, int count, sqlite3_value **args)
{
    int64_t value = 0;
    struct diag d;
    if (!function_begin(c, count, args)) return;
    if (sql_bool_parse(&value, function_bytes(args[0]), &d) == ST_OK)
        sqlite3_result_int64(c, value);
    else
        function_fail_with(c, &d);
}

static void int2_in(sqlite3_context *c, int count, sqlite3_value **args)
{
    int_in(c, count, args, SQL_INT2);
}

static void int4_in(sqlite3_context *c, int count, sqlite3_value **args)
{
    int_in(c, count, args, SQL_INT4);
}

static void int8_in(sqlite3_context *c, int count, sqlite3_value **args)
{
    int_in(c, count, args, SQL_INT8);
}

static void numeric_in(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct numeric out;
    struct diag d;
    if (!function_begin(c, count, args)) return;
    if (numeric_from_text(&out, function_bytes(args[0]), &d) == ST_OK)
        function_return_numeric(c, &out);
    else
        function_fail_with(c, &d);
}

static void bytea_in(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct diag d;
    size_t size = 0;
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    uint8_t *out = function_alloc(c, text.size);
    if (out == NULL) return;
    if (sql_bytea_parse(out, &size, text, &d) == ST_OK) {
        function_take_bytea(c, out, size);
        return;
    }
    sqlite3_free(out);
    function_fail_with(c, &d);
}

static void time_in(sqlite3_context *c, int count, sqlite3_value **args)
{
    int64_t value = 0;
    struct diag d;
    if (!function_begin(c, count, args)) return;
    if (time_from_text(&value, function_bytes(args[0]), &d) == ST_OK)
        sqlite3_result_int64(c, value);
    else
        function_fail_with(c, &d);
}

static void bool_out(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    function_return_text(c, span_text(sqlite3_value_int64(args[0]) != 0 ? "t" : "f"));
}

static void bool_to_text(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    function_return_text(c, span_text(sqlite3_value_int64(args[0]) != 0 ? "true" : "false"));
}

static void int_out(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct sql_value v = {.type = SQL_INT8, .integer = sqlite3_value_int64(args[0])};
    print(c, &v);
}

static void time_out(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct sql_value v = {.type = SQL_TIMESTAMPTZ, .integer = sqlite3_value_int64(args[0])};
    if (time_is_valid(v.integer))
        print(c, &v);
    else
        function_fail(c, "XX001", "a stored timestamp is damaged");
}

static void numeric_out(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct sql_value v = {.type = SQL_NUMERIC};
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &v.bytes)) return;
    print(c, &v);
}

static void bytea_out(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct sql_value v = {.type = SQL_BYTEA, .bytes = function_bytes(args[0])};
    print(c, &v);
}

const struct native function_casts[] = {
    {.name = "bool_in", .args = 1, .call = bool_in},
    {.name = "int2_in", .args = 1, .call = int2_in},
    {.name = "int4_in", .args = 1, .call = int4_in},
    {.name = "int8_in", .args = 1, .call = int8_in},
    {.name = "numeric_in", .args = 1, .call = numeric_in},
    {.name = "bytea_in", .args = 1, .call = bytea_in},
    {.name = "time_in", .args = 1, .call = time_in},
    {.name = "bool_out", .args = 1, .call = bool_out},
    {.name = "bool_to_text", .args = 1, .call = bool_to_text},
    {.name = "int_out", .args = 1, .call = int_out},
    {.name = "time_out", .args = 1, .call = time_out},
    {.name = "numeric_out", .args = 1, .call = numeric_out},
    {.name = "bytea_out", .args = 1, .call = bytea_out},
    {.name = NULL},
};

static void ctx_now(sqlite3_context *c, int count, sqlite3_value **args)
{
    (void)args;
    must(count == 0);
    const struct sql_context *ctx = sqlite3_user_data(c);
    sqlite3_result_int64(c, ctx->now_us);
}

static void ctx_user(sqlite3_context *c, int count, sqlite3_value **args)
{
    (void)args;
    must(count == 0);
    const struct sql_context *ctx = sqlite3_user_data(c);
    function_return_text(c, ctx->user);
}

static void ctx_database(sqlite3_context *c, int count, sqlite3_value **args)
{
    (void)args;
    must(count == 0);
    const struct sql_context *ctx = sqlite3_user_data(c);
    function_return_text(c, ctx->ledger);
}

static void ctx_version(sqlite3_context *c, int count, sqlite3_value **args)
{
    (void)args;
    must(count == 0);
    function_return_text(c, span_text(VERSION_TEXT));
}

const struct native function_contexts[] = {
    {.name = "ctx_now", .args = 0, .call = ctx_now},
    {.name = "ctx_user", .args = 0, .call = ctx_user},
    {.name = "ctx_database", .args = 0, .call = ctx_database},
    {.name = "ctx_version", .args = 0, .call = ctx_version},
    {.name = NULL},
};

static void int_in(sqlite3_context *c, int count, sqlite3_value **args, enum sql_type type)
{
    int64_t value = 0;
    struct diag d;
    if (!function_begin(c, count, args)) return;
    if (sql_int_parse(&value, type, function_bytes(args[0]), &d) == ST_OK)
        sqlite3_result_int64(c, value);
    else
        function_fail_with(c, &d);
}

static void print(sqlite3_context *c, const struct sql_value *v)
{
    struct buf out;
    buf_init(&out, mem_system(), SQL_VALUE_MAX);
    sql_value_print(&out, v, -1);
    const enum status st = buf_status(&out);
    if (st == ST_OK)
        function_return_text(c, buf_span(&out));
    else if (st == ST_NO_MEMORY)
        function_no_memory(c);
    else
        function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    buf_fini(&out);
}
