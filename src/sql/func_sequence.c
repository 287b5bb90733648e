/* Sequences at work: their row is read and written by statements of their own on the connection
 * that runs the function, so that it is captured, undone and hashed like any row. What a session
 * has drawn is known in its context, for currval and lastval. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "sql/function_int.h"

#define ROW_FUEL 64u

struct sequence { /* Arguments 0 … 5 of each function. */
    uint64_t id;
    struct span name;
    int64_t increment;
    int64_t min;
    int64_t max;
    bool is_cycle;
};

static struct sequence sequence_of(sqlite3_value **args)
{
    return (struct sequence){.id = (uint64_t)sqlite3_value_int64(args[0]),
                             .name = function_bytes(args[1]),
                             .increment = sqlite3_value_int64(args[2]),
                             .min = sqlite3_value_int64(args[3]),
                             .max = sqlite3_value_int64(args[4]),
                             .is_cycle = sqlite3_value_int64(args[5]) != 0};
}

/* False: the error is set. */
static bool run(sqlite3_context *c, const char *text, int64_t *last, bool *is_called)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(sqlite3_context_db_handle(c), text, -1, &s, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(s);
    if (code == SQLITE_ROW && last != NULL) {
        *last = sqlite3_column_int64(s, 0);
        *is_called = sqlite3_column_int64(s, 1) != 0;
    }
    (void)sqlite3_finalize(s); /* Repeats the code of the step. */
    if (code == (last != NULL ? SQLITE_ROW : SQLITE_DONE)) return true;
    sqlite3_result_error_code(c, code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_CORRUPT : code);
    return false;
}

static bool read_row(sqlite3_context *c, const struct sequence *s, int64_t *last, bool *is_called)
{
    char text[64];
    (void)snprintf(text, sizeof text, "SELECT last_value, is_called FROM \"t.%" PRIu64 "\"", s->id);
    return run(c, text, last, is_called);
}

static bool write_row(sqlite3_context *c, const struct sequence *s, int64_t last, bool is_called)
{
    char text[128];
    (void)snprintf(text, sizeof text,
                   "UPDATE \"t.%" PRIu64 "\" SET last_value = %" PRId64 ", is_called = %d", s->id,
                   last, is_called ? 1 : 0);
    return run(c, text, NULL, NULL);
}

/* The next value; false: there is none, the error is set. */
static bool advance(sqlite3_context *c, const struct sequence *s, int64_t *value)
{
    const bool is_up = s->increment > 0;
    int64_t next = 0;
    const bool is_over = __builtin_add_overflow(*value, s->increment, &next) ||
                         (is_up ? next > s->max : next < s->min);
    if (is_over && !s->is_cycle) {
        function_fail(c, "2200H", "nextval: reached %s value of sequence \"%.*s\" (%" PRId64 ")",
                      is_up ? "maximum" : "minimum", (int)s->name.size, (const char *)s->name.data,
                      is_up ? s->max : s->min);
        return false;
    }
    if (is_over) next = is_up ? s->min : s->max;
    *value = next;
    return true;
}

static void remember(struct sql_context *ctx, uint64_t id, int64_t value)
{
    uint32_t at = 0;
    while (at < ctx->drawn_count && ctx->drawn[at].id != id)
        at++;
    if (at == SQL_DRAWN_MAX) { /* The oldest is forgotten. */
        memmove(&ctx->drawn[0], &ctx->drawn[1], (SQL_DRAWN_MAX - 1) * sizeof ctx->drawn[0]);
        at = SQL_DRAWN_MAX - 1;
    } else if (at == ctx->drawn_count) {
        ctx->drawn_count++;
    }
    ctx->drawn[at] = (struct sql_drawn){.id = id, .value = value};
    ctx->drawn_last = id;
}

static void nextval_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sequence s = sequence_of(args);
    int64_t value = 0;
    bool is_called = false;
    must(count == 6);
    if (!function_charge(c, ROW_FUEL) || !read_row(c, &s, &value, &is_called)) return;
    if (is_called && !advance(c, &s, &value)) return;
    if (!write_row(c, &s, value, true)) return;
    remember(sqlite3_user_data(c), s.id, value);
    sqlite3_result_int64(c, value);
}

static void setval_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sequence s = sequence_of(args);
    must(count == 8);
    if (sqlite3_value_type(args[6]) == SQLITE_NULL || sqlite3_value_type(args[7]) == SQLITE_NULL)
        return;
    const int64_t value = sqlite3_value_int64(args[6]);
    if (value < s.min || value > s.max) {
        function_fail(c, "22003",
                      "setval: value %" PRId64 " is out of bounds for sequence \"%.*s\" "
                      "(%" PRId64 "..%" PRId64 ")",
                      value, (int)s.name.size, (const char *)s.name.data, s.min, s.max);
        return;
    }
    const bool is_called = sqlite3_value_int64(args[7]) != 0;
    if (!function_charge(c, ROW_FUEL) || !write_row(c, &s, value, is_called)) return;
    if (is_called) remember(sqlite3_user_data(c), s.id, value);
    sqlite3_result_int64(c, value);
}

static void put_drawn(sqlite3_context *c, uint64_t id, struct span name)
{
    const struct sql_context *ctx = sqlite3_user_data(c);
    for (uint32_t i = 0; i < ctx->drawn_count; i++) {
        if (ctx->drawn[i].id != id) continue;
        sqlite3_result_int64(c, ctx->drawn[i].value);
        return;
    }
    struct diag d = {0};
    if (name.size == 0)
        diag_set(&d, "0A000", "lastval is known only in the transaction that drew a value");
    else
        diag_set(&d, "0A000",
                 "currval of sequence \"%.*s\" is known only in the transaction that drew a value",
                 (int)name.size, (const char *)name.data);
    diag_hint(&d, "Use RETURNING, or SELECT nextval first.");
    function_fail_with(c, &d);
}

static void currval_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sequence s = sequence_of(args);
    must(count == 6);
    put_drawn(c, s.id, s.name);
}

static void lastval_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    const struct sql_context *ctx = sqlite3_user_data(c);
    (void)args;
    must(count == 0);
    put_drawn(c, ctx->drawn_count == 0 ? 0 : ctx->drawn_last, (struct span){0});
}

const struct native function_sequences[] = {
    {.name = "sql_nextval", .args = 6, .call = nextval_call},
    {.name = "sql_currval", .args = 6, .call = currval_call},
    {.name = "sql_lastval", .args = 0, .call = lastval_call},
    {.name = "sql_setval", .args = 8, .call = setval_call},
    {.name = NULL},
};
