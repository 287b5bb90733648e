/* function.c - Registration of the function library, and what its files share. */
#include <stdarg.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/function_int.h"

#define RESULT_FUEL_STATE "54000"
#define RESULT_FUEL_TEXT  "the statement reached its limit of work"

static int install(sqlite3 *connection,
                   struct sql_context *ctx,
                   const struct native *table,
                   int flags);
static struct sql_context *context_of(sqlite3_context *c);

enum status sql_functions_register(sqlite3 *connection, struct sql_context *ctx)
{
    static const struct native *const tables[] = {
        function_integers, function_numerics,   function_texts,     function_text_parts,
        function_searches, function_matches,    function_byteas,    function_times,
        function_casts,    function_aggregates, function_ordered,   function_compilers,
        function_values,   function_floats,     function_datetimes, function_arrays,
        function_jsons,    function_regexes,    function_rows,      function_zones,
        function_similars, function_words,      function_to_chars,  function_number_to_chars};
    const int always = SQLITE_UTF8 | SQLITE_INNOCUOUS;
    int code = install(connection, ctx, function_contexts, always);
    if (code == SQLITE_OK) code = install(connection, ctx, function_keys, always);
    if (code == SQLITE_OK) code = install(connection, ctx, function_sequences, SQLITE_UTF8);
    if (code == SQLITE_OK) code = function_collations(connection);
    if (code == SQLITE_OK) code = function_collation_jsonb(connection);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && code == SQLITE_OK; i++)
        code = install(connection, ctx, tables[i], always | SQLITE_DETERMINISTIC);
    if (code == SQLITE_OK) return ST_OK;
    return code == SQLITE_NOMEM ? ST_NO_MEMORY : ST_BUSY;
}

bool function_begin(sqlite3_context *c, int count, sqlite3_value **args)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        const int kind = sqlite3_value_type(args[i]);
        if (kind == SQLITE_NULL) return false;
        if (kind == SQLITE_TEXT || kind == SQLITE_BLOB)
            bytes += (size_t)sqlite3_value_bytes(args[i]);
    }
    return function_charge(c, bytes);
}

bool function_charge(sqlite3_context *c, size_t bytes)
{
    struct sql_context *ctx = context_of(c);
    const uint64_t cost = (uint64_t)bytes * SQL_FUEL_PER_BYTE;
    if (cost <= ctx->fuel) {
        ctx->fuel -= cost;
        return true;
    }
    ctx->fuel = 0;
    function_fail(c, RESULT_FUEL_STATE, RESULT_FUEL_TEXT);
    return false;
}

void function_fail(sqlite3_context *c, const char *sqlstate, const char *format, ...)
{
    char text[DIAG_TEXT_MAX];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    struct diag d;
    diag_set(&d, sqlstate, "%s", text);
    function_fail_with(c, &d);
}

void function_fail_with(sqlite3_context *c, const struct diag *d)
{
    struct diag *to = context_of(c)->diag;
    must(d->sqlstate[0] != 0);
    if (to->sqlstate[0] == 0) *to = *d;
    sqlite3_result_error(c, d->message, -1);
}

void function_no_memory(sqlite3_context *c)
{
    sqlite3_result_error_nomem(c);
}

struct span function_bytes(sqlite3_value *value)
{
    const void *data = sqlite3_value_blob(value); /* First: it may change the encoding. */
    const int size = sqlite3_value_bytes(value);
    return data == NULL ? span_of("", 0) : span_of(data, (size_t)size);
}

int32_t function_int4(sqlite3_value *value)
{
    const int64_t wide = sqlite3_value_int64(value);
    if (wide > INT32_MAX) return INT32_MAX;
    return wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

bool function_numeric(sqlite3_context *c, sqlite3_value *value, struct span *out)
{
    *out = function_bytes(value);
    if (numeric_is_valid(*out)) return true;
    function_fail(c, "XX001", "a stored numeric is damaged");
    return false;
}

bool function_has_name(struct span name, const char *wanted)
{
    if (name.size != strlen(wanted)) return false;
    for (size_t i = 0; i < name.size; i++) {
        const uint8_t byte = name.data[i];
        const uint8_t lower = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
        if (lower != (uint8_t)wanted[i]) return false;
    }
    return true;
}

uint8_t *function_alloc(sqlite3_context *c, size_t size)
{
    if (size > SQL_VALUE_MAX) {
        function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
        return NULL;
    }
    if (!function_charge(c, size)) return NULL;
    uint8_t *data = sqlite3_malloc64(size + 1);
    if (data == NULL) function_no_memory(c);
    return data;
}

void function_take_text(sqlite3_context *c, uint8_t *data, size_t size)
{
    must(size <= SQL_VALUE_MAX);
    sqlite3_result_text64(c, (const char *)data, size, sqlite3_free, SQLITE_UTF8);
}

void function_take_bytea(sqlite3_context *c, uint8_t *data, size_t size)
{
    must(size <= SQL_VALUE_MAX);
    sqlite3_result_blob64(c, data, size, sqlite3_free);
}

void function_return_text(sqlite3_context *c, struct span text)
{
    uint8_t *data = function_alloc(c, text.size);
    if (data == NULL) return;
    if (text.size > 0) memcpy(data, text.data, text.size);
    function_take_text(c, data, text.size);
}

void function_return_bytea(sqlite3_context *c, struct span bytes)
{
    uint8_t *data = function_alloc(c, bytes.size);
    if (data == NULL) return;
    if (bytes.size > 0) memcpy(data, bytes.data, bytes.size);
    function_take_bytea(c, data, bytes.size);
}

void function_return_numeric(sqlite3_context *c, const struct numeric *n)
{
    function_return_bytea(c, numeric_span(n));
}

void function_return_bool(sqlite3_context *c, bool value)
{
    sqlite3_result_int(c, value ? 1 : 0);
}

static int install(sqlite3 *connection,
                   struct sql_context *ctx,
                   const struct native *table,
                   int flags)
{
    int code = SQLITE_OK;
    for (; table->name != NULL && code == SQLITE_OK; table++) {
        must((table->call == NULL) == (table->step != NULL));
        if (table->value != NULL)
            code = sqlite3_create_window_function(connection, table->name, table->args, flags, ctx,
                                                  table->step, table->finish, table->value,
                                                  table->inverse, NULL);
        else
            code = sqlite3_create_function_v2(connection, table->name, table->args, flags, ctx,
                                              table->call, table->step, table->finish, NULL);
    }
    return code;
}

static struct sql_context *context_of(sqlite3_context *c)
{
    struct sql_context *ctx = sqlite3_user_data(c);
    must(ctx != NULL);
    must(ctx->diag != NULL);
    return ctx;
}
