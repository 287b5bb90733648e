/* func_value.c - Values of any type to text and back by the OID of the type, fitting to type
 * modifiers, and the collations of types whose equal values may look different. */
#include "base/must.h"
#include "sql/datetime.h"
#include "sql/function_int.h"
#include "sql/interval.h"
#include "sql/value_int.h"

static bool type_of(sqlite3_context *c, sqlite3_value *oid, enum sql_type *type);

bool function_value(sqlite3_context *c,
                    sqlite3_value *value,
                    enum sql_type type,
                    struct sql_value *out)
{
    *out = (struct sql_value){.type = type, .is_null = sqlite3_value_type(value) == SQLITE_NULL};
    if (out->is_null) return true;
    if (sql_type_storage(type) == SQL_STORE_INTEGER)
        out->integer = sqlite3_value_int64(value);
    else
        out->bytes = function_bytes(value);
    const struct sql_codec *codec = sql_type_info(type)->codec;
    if (codec != NULL && codec->is_valid(out)) return true;
    function_fail(c, "XX001", "a stored value of type %s is damaged", sql_type_info(type)->title);
    return false;
}

void function_return_value(sqlite3_context *c, const struct sql_value *v)
{
    if (v->is_null) return;
    switch (sql_type_storage(v->type)) {
    case SQL_STORE_INTEGER: sqlite3_result_int64(c, v->integer); return;
    case SQL_STORE_TEXT: function_return_text(c, v->bytes); return;
    case SQL_STORE_BLOB: function_return_bytea(c, v->bytes); return;
    case SQL_STORE_NONE: return;
    }
}

void function_return_buf(sqlite3_context *c, struct buf *text)
{
    const enum status st = buf_status(text);
    if (st == ST_OK)
        function_return_text(c, buf_span(text));
    else if (st == ST_NO_MEMORY)
        function_no_memory(c);
    else
        function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    buf_fini(text);
}

/* value_out(type, x): as the output function of the type shows it. */
static void value_out(sqlite3_context *c, int count, sqlite3_value **args)
{
    enum sql_type type = SQL_VOID;
    struct sql_value v;
    struct buf out;
    if (!function_begin(c, count, args) || !type_of(c, args[0], &type)) return;
    if (!function_value(c, args[1], type, &v)) return;
    buf_init(&out, mem_system(), SQL_VALUE_MAX);
    sql_value_print(&out, &v, -1);
    function_return_buf(c, &out);
}

/* value_in(type, text [, typmod]) */
static void value_in(sqlite3_context *c, int count, sqlite3_value **args)
{
    enum sql_type type = SQL_VOID;
    struct sql_value v;
    struct arena arena;
    struct diag d;
    if (!function_begin(c, count, args) || !type_of(c, args[0], &type)) return;
    const int32_t typmod = count > 2 ? function_int4(args[2]) : -1;
    arena_init(&arena, mem_system(), 0);
    const enum status st = sql_value_parse(&v, &arena, type, typmod, function_bytes(args[1]), &d);
    if (st == ST_OK)
        function_return_value(c, &v);
    else if (st == ST_NO_MEMORY)
        function_no_memory(c);
    else
        function_fail_with(c, &d);
    arena_fini(&arena);
}

/* bpchar_fit(x, typmod, is explicit) */
static void bpchar_fit(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct arena arena;
    struct diag d;
    if (!function_begin(c, count, args)) return;
    struct span text = function_bytes(args[0]);
    const bool is_explicit = sqlite3_value_int(args[2]) != 0;
    arena_init(&arena, mem_system(), 0);
    const enum status st = sql_bpchar_fit(&text, &arena, function_int4(args[1]), is_explicit, &d);
    if (st == ST_OK)
        function_return_text(c, text);
    else if (st == ST_NO_MEMORY)
        function_no_memory(c);
    else
        function_fail_with(c, &d);
    arena_fini(&arena);
}

/* As text it has no blanks at its end. */
static void bpchar_to_text(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    struct span text = function_bytes(args[0]);
    while (text.size > 0 && text.data[text.size - 1] == ' ')
        text.size--;
    function_return_text(c, text);
}

static void time_of_day_fit(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const int32_t digits = function_int4(args[1]);
    const int64_t us = sqlite3_value_int64(args[0]);
    sqlite3_result_int64(c, digits < 0 || digits > 6 ? us : time_round(us, digits));
}

static void timestamp_fit(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const int32_t digits = function_int4(args[1]);
    const int64_t us = sqlite3_value_int64(args[0]);
    const bool is_kept =
        digits < 0 || digits > 6 || us == TIME_INFINITY || us == TIME_MINUS_INFINITY;
    sqlite3_result_int64(c, is_kept ? us : time_round(us, digits));
}

static void call_interval_fit(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    interval_fit(&v, function_int4(args[1]));
    function_return_interval(c, &v);
}

bool function_interval(sqlite3_context *c, sqlite3_value *value, struct interval *out)
{
    if (interval_unpack(out, function_bytes(value))) return true;
    function_fail(c, "XX001", "a stored interval is damaged");
    return false;
}

void function_return_interval(sqlite3_context *c, const struct interval *v)
{
    uint8_t stored[INTERVAL_SIZE];
    interval_pack(stored, v);
    function_return_text(c, span_of(stored, sizeof stored));
}

const struct native function_values[] = {
    {.name = "value_out", .args = 2, .call = value_out},
    {.name = "value_in", .args = 2, .call = value_in},
    {.name = "value_in", .args = 3, .call = value_in},
    {.name = "bpchar_fit", .args = 3, .call = bpchar_fit},
    {.name = "bpchar_to_text", .args = 1, .call = bpchar_to_text},
    {.name = "time_of_day_fit", .args = 2, .call = time_of_day_fit},
    {.name = "timestamp_fit", .args = 2, .call = timestamp_fit},
    {.name = "interval_fit", .args = 2, .call = call_interval_fit},
    {.name = NULL},
};

static int collate_interval(
    void *unused, int left_size, const void *left, int right_size, const void *right)
{
    (void)unused;
    const size_t a = (size_t)left_size < INTERVAL_KEY_SIZE ? (size_t)left_size : INTERVAL_KEY_SIZE;
    const size_t b =
        (size_t)right_size < INTERVAL_KEY_SIZE ? (size_t)right_size : INTERVAL_KEY_SIZE;
    return span_compare(span_of(left, a), span_of(right, b));
}

int function_collations(sqlite3 *connection)
{
    return sqlite3_create_collation_v2(connection, "TRUSTSQL_INTERVAL", SQLITE_UTF8, NULL,
                                       collate_interval, NULL);
}

static bool type_of(sqlite3_context *c, sqlite3_value *oid, enum sql_type *type)
{
    const int64_t number = sqlite3_value_int64(oid);
    const struct sql_type_info *info =
        number > 0 && number <= UINT32_MAX ? sql_type_find((uint32_t)number) : NULL;
    if (info == NULL) {
        function_fail(c, "XX000", "no type has the number of an argument");
        return false;
    }
    *type = info->type;
    return true;
}
