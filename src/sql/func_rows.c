/* func_rows.c - Rows as JSON that SQLite's json_each makes rows of again: for what stands in FROM
 * and depends on other items there (rows_function.c, emit.c).
 *
 * A list is [v, …] of one column, [[v, w], …] of several. A value is a number, a string, null;
 * bytes are a string of hexadecimal digits, which the compiler knows by the type. */
#include "base/must.h"
#include "sql/float.h"
#include "sql/function_int.h"
#include "sql/value_int.h"

#define LIST_MAX  (4 * (size_t)SQL_VALUE_MAX)
#define LISTS_MAX 64

struct rows {
    struct buf out;
    bool is_open;
    bool has_failed;
};

static void put_value(struct buf *out, sqlite3_value *v)
{
    switch (sqlite3_value_type(v)) {
    case SQLITE_NULL: buf_put_text(out, "null"); break;
    case SQLITE_INTEGER: sql_int_print(out, sqlite3_value_int64(v)); break;
    case SQLITE_TEXT: function_put_string(out, function_bytes(v)); break;
    default: function_put_hex(out, function_bytes(v)); break;
    }
}

static void fail_long(sqlite3_context *c)
{
    function_fail(c, "54000", "rows that depend on others are too long: at most %u bytes",
                  (unsigned)LIST_MAX);
}

/* sql_rows(value …) */
static void rows_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct rows *r = sqlite3_aggregate_context(c, sizeof *r);
    if (r == NULL) {
        function_no_memory(c);
        return;
    }
    if (r->has_failed) return;
    if (!r->is_open) buf_init(&r->out, mem_system(), LIST_MAX);
    const size_t before = r->out.size;
    buf_put_u8(&r->out, r->is_open ? ',' : '[');
    r->is_open = true;
    if (count > 1) buf_put_u8(&r->out, '[');
    for (int i = 0; i < count; i++) {
        if (i > 0) buf_put_u8(&r->out, ',');
        put_value(&r->out, args[i]);
    }
    if (count > 1) buf_put_u8(&r->out, ']');
    if (buf_status(&r->out) != ST_OK) {
        r->has_failed = true;
        fail_long(c);
        return;
    }
    r->has_failed = !function_charge(c, r->out.size - before);
}

static void rows_finish(sqlite3_context *c)
{
    struct rows *r = sqlite3_aggregate_context(c, 0);
    if (r == NULL || !r->is_open) {
        sqlite3_result_text(c, "[]", 2, SQLITE_STATIC);
        return;
    }
    buf_put_u8(&r->out, ']');
    if (!r->has_failed && buf_status(&r->out) == ST_OK)
        sqlite3_result_text64(c, (const char *)r->out.data, r->out.size, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
    else if (!r->has_failed)
        fail_long(c);
    buf_fini(&r->out);
}

/* sql_row(value): a list of one row. */
static void one_row(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct buf out;
    must(count == 1);
    buf_init(&out, mem_system(), LIST_MAX);
    buf_put_u8(&out, '[');
    put_value(&out, args[0]);
    buf_put_u8(&out, ']');
    if (buf_status(&out) != ST_OK)
        fail_long(c);
    else if (function_charge(c, out.size))
        sqlite3_result_text64(c, (const char *)out.data, out.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    buf_fini(&out);
}

/* The end of the element that begins at `at`: where the next comma or bracket of the list is. */
static size_t element_end(struct span list, size_t at)
{
    uint32_t depth = 0;
    bool is_string = false;
    for (; at < list.size; at++) {
        const uint8_t byte = list.data[at];
        if (is_string) {
            if (byte == '\\') at++;
            is_string = byte != '"';
        } else if (byte == '"') {
            is_string = true;
        } else if (byte == '[') {
            depth++;
        } else if ((byte == ',' || byte == ']') && depth == 0) {
            return at;
        } else if (byte == ']') {
            depth--;
        }
    }
    return list.size;
}

static bool has_next(struct span list, size_t at)
{
    return at < list.size && list.data[at] != ']';
}

struct zip {
    struct span lists[LISTS_MAX];
    size_t at[LISTS_MAX];
    int count;
    struct buf out;
};

/* One element of each list; false: all have ended. */
static bool put_row(struct zip *z, bool is_first)
{
    bool is_more = false;
    for (int i = 0; i < z->count; i++)
        is_more = is_more || has_next(z->lists[i], z->at[i]);
    if (!is_more) return false;
    buf_put_text(&z->out, is_first ? "[" : ",[");
    for (int i = 0; i < z->count; i++) {
        const struct span list = z->lists[i];
        const size_t at = z->at[i];
        const size_t end = has_next(list, at) ? element_end(list, at) : at;
        if (i > 0) buf_put_u8(&z->out, ',');
        if (end == at)
            buf_put_text(&z->out, "null");
        else
            buf_put(&z->out, span_of(list.data + at, end - at));
        z->at[i] = end < list.size && list.data[end] == ',' ? end + 1 : end;
    }
    buf_put_u8(&z->out, ']');
    return true;
}

/* sql_zip(list …): row n has the nth row of each; null where a list has ended. */
static void zip(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct zip z = {.count = count};
    must(count <= LISTS_MAX);
    for (int i = 0; i < count; i++) {
        z.lists[i] = function_bytes(args[i]);
        z.at[i] = z.lists[i].size > 0 ? 1 : 0; /* Behind the bracket. */
    }
    buf_init(&z.out, mem_system(), LIST_MAX);
    buf_put_u8(&z.out, '[');
    for (bool is_first = true; buf_status(&z.out) == ST_OK && put_row(&z, is_first);)
        is_first = false;
    buf_put_u8(&z.out, ']');
    if (buf_status(&z.out) != ST_OK)
        fail_long(c);
    else if (function_charge(c, z.out.size))
        sqlite3_result_text64(c, (const char *)z.out.data, z.out.size, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
    buf_fini(&z.out);
}

/* sql_real(a fraction that SQLite computed) */
static void real(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    if (sqlite3_value_type(args[0]) != SQLITE_NULL)
        sqlite3_result_int64(c, float8_pack(sqlite3_value_double(args[0])));
}

const struct native function_rows[] = {
    {.name = "sql_real", .args = 1, .call = real},
    {.name = "sql_rows", .args = -1, .step = rows_step, .finish = rows_finish},
    {.name = "sql_row", .args = 1, .call = one_row},
    {.name = "sql_zip", .args = -1, .call = zip},
    {.name = NULL},
};
