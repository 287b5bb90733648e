/* func_array.c - Functions and operators of arrays. The first argument is the OID of the array's
 * type, which the compiler puts there. */
#include "base/must.h"
#include "sql/array.h"
#include "sql/function_int.h"
#include "sql/value_int.h"

struct call { /* What every function here begins with. */
    sqlite3_context *context;
    enum sql_type type; /* Of the array. */
    enum sql_type element;
    struct arena arena;
    struct buf out;
};

/* Fuel for the arguments' bytes, and the type; strict: false when an argument is NULL. */
static bool begin(
    struct call *k, sqlite3_context *c, int count, sqlite3_value **args, bool is_strict)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        const int kind = sqlite3_value_type(args[i]);
        if (kind == SQLITE_NULL && is_strict) return false;
        if (kind == SQLITE_TEXT || kind == SQLITE_BLOB)
            bytes += (size_t)sqlite3_value_bytes(args[i]);
    }
    if (!function_charge(c, bytes)) return false;
    const struct sql_type_info *info = sql_type_find((uint32_t)sqlite3_value_int64(args[0]));
    const bool is_array = info != NULL && info->category == 'A';
    if (!is_array) {
        function_fail(c, "XX000", "an array function without an array's type");
        return false;
    }
    *k = (struct call){.context = c, .type = info->type, .element = info->element};
    arena_init(&k->arena, mem_system(), 0);
    buf_init(&k->out, mem_system(), SQL_VALUE_MAX);
    return true;
}

static void end(struct call *k)
{
    buf_fini(&k->out);
    arena_fini(&k->arena);
}

static struct array_reader read_arg(struct call *k, sqlite3_value *value)
{
    return array_read(function_bytes(value), k->element, &k->arena);
}

static struct sql_value element_arg(const struct call *k, sqlite3_value *value)
{
    struct sql_value v = {.type = k->element, .is_null = sqlite3_value_type(value) == SQLITE_NULL};
    if (v.is_null) return v;
    if (sql_type_storage(k->element) == SQL_STORE_INTEGER)
        v.integer = sqlite3_value_int64(value);
    else
        v.bytes = function_bytes(value);
    return v;
}

/* The array in the buffer as the result. */
static void return_array(struct call *k)
{
    array_end(&k->out);
    const enum status st = buf_status(&k->out);
    if (st == ST_OK)
        function_return_bytea(k->context, buf_span(&k->out));
    else if (st == ST_NO_MEMORY)
        function_no_memory(k->context);
    else
        function_fail(k->context, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
}

static void copy_elements(struct call *k, sqlite3_value *value)
{
    if (sqlite3_value_type(value) == SQLITE_NULL) return;
    const struct span bytes = function_bytes(value);
    if (bytes.size > 1) buf_put(&k->out, span_of(bytes.data, bytes.size - 1));
}

static bool is_null(sqlite3_value *value)
{
    return sqlite3_value_type(value) == SQLITE_NULL;
}

/* array_of(type, element, …) */
static void array_of(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, false)) return;
    for (int i = 1; i < count; i++) {
        const struct sql_value v = element_arg(&k, args[i]);
        array_put(&k.out, &v);
    }
    return_array(&k);
    end(&k);
}

/* array_part(type, element): as it stands in an array, without the array's end. */
static void array_part(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, false)) return;
    const struct sql_value v = element_arg(&k, args[1]);
    array_put(&k.out, &v);
    if (buf_status(&k.out) == ST_OK)
        function_return_bytea(c, buf_span(&k.out));
    else
        function_no_memory(c);
    end(&k);
}

static void call_cmp(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, true)) return;
    sqlite3_result_int(
        c, array_compare(function_bytes(args[1]), function_bytes(args[2]), k.element, &k.arena));
    end(&k);
}

/* array_get(type, array, index) */
static void array_get(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!begin(&k, c, count, args, true)) return;
    const int64_t index = sqlite3_value_int64(args[2]);
    struct array_reader r = read_arg(&k, args[1]);
    for (int64_t i = 1; i <= index && array_next(&r, &v); i++)
        if (i == index) function_return_value(c, &v);
    end(&k);
}

/* array_slice(type, array, from, to) */
static void array_slice(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!begin(&k, c, count, args, true)) return;
    const int64_t from = sqlite3_value_int64(args[2]);
    const int64_t to = sqlite3_value_int64(args[3]);
    struct array_reader r = read_arg(&k, args[1]);
    for (int64_t i = 1; i <= to && array_next(&r, &v); i++)
        if (i >= from) array_put(&k.out, &v);
    return_array(&k);
    end(&k);
}

static void array_cat(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, false)) return;
    copy_elements(&k, args[1]);
    copy_elements(&k, args[2]);
    if (!is_null(args[1]) || !is_null(args[2])) return_array(&k);
    end(&k);
}

static void array_append(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, false)) return;
    const struct sql_value v = element_arg(&k, args[2]);
    copy_elements(&k, args[1]);
    array_put(&k.out, &v);
    return_array(&k);
    end(&k);
}

/* array_prepend(type, element, array) */
static void array_prepend(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, false)) return;
    const struct sql_value v = element_arg(&k, args[1]);
    array_put(&k.out, &v);
    copy_elements(&k, args[2]);
    return_array(&k);
    end(&k);
}

/* array_replace(type, array, what, by); array_remove(type, array, what) */
static void array_replace(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!begin(&k, c, count, args, false)) return;
    const struct sql_value what = element_arg(&k, args[2]);
    struct array_reader r = read_arg(&k, args[1]);
    while (!is_null(args[1]) && array_next(&r, &v)) {
        const bool is_it = value_compare(&v, &what) == 0;
        if (is_it && count == 3) continue;
        if (is_it) v = element_arg(&k, args[3]);
        array_put(&k.out, &v);
    }
    if (!is_null(args[1])) return_array(&k);
    end(&k);
}

/* array_position(type, array, what [, start]) */
static void array_position(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!begin(&k, c, count, args, false)) return;
    const struct sql_value what = element_arg(&k, args[2]);
    const int64_t start = count > 3 ? sqlite3_value_int64(args[3]) : 1;
    struct array_reader r = read_arg(&k, args[1]);
    if (count > 3 && is_null(args[3])) {
        function_fail(c, "22004", "initial position must not be null");
    } else {
        for (int64_t i = 1; !is_null(args[1]) && array_next(&r, &v); i++) {
            if (i < start || value_compare(&v, &what) != 0) continue;
            sqlite3_result_int64(c, i);
            break;
        }
    }
    end(&k);
}

static void array_positions(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!begin(&k, c, count, args, false)) return;
    const struct sql_value what = element_arg(&k, args[2]);
    struct array_reader r = read_arg(&k, args[1]);
    for (int64_t i = 1; !is_null(args[1]) && array_next(&r, &v); i++) {
        const struct sql_value place = {.type = SQL_INT4, .integer = i};
        if (value_compare(&v, &what) == 0) array_put(&k.out, &place);
    }
    if (!is_null(args[1])) return_array(&k);
    end(&k);
}

/* array_length(type, array, dimension): NULL of an empty one, and of other dimensions. */
static void array_length(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, true)) return;
    const int64_t n = array_count(function_bytes(args[1]), k.element);
    if (n > 0 && sqlite3_value_int64(args[2]) == 1) sqlite3_result_int64(c, n);
    end(&k);
}

static void array_lower(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, true)) return;
    const int64_t n = array_count(function_bytes(args[1]), k.element);
    if (n > 0 && sqlite3_value_int64(args[2]) == 1) sqlite3_result_int64(c, 1);
    end(&k);
}

static void array_ndims(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, true)) return;
    if (array_count(function_bytes(args[1]), k.element) > 0) sqlite3_result_int64(c, 1);
    end(&k);
}

static void array_dims(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, true)) return;
    const int64_t n = array_count(function_bytes(args[1]), k.element);
    if (n > 0) {
        buf_printf(&k.out, "[1:%lld]", (long long)n);
        function_return_text(c, buf_span(&k.out));
    }
    end(&k);
}

static void cardinality(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, true)) return;
    sqlite3_result_int64(c, array_count(function_bytes(args[1]), k.element));
    end(&k);
}

static bool has_element(struct call *k, sqlite3_value *array, const struct sql_value *what)
{
    struct sql_value v;
    struct array_reader r = read_arg(k, array);
    while (array_next(&r, &v))
        if (!v.is_null && value_compare(&v, what) == 0) return true;
    return false;
}

/* Every element (overlap: any) of the second is in the first; NULL is in none. */
static void contains(sqlite3_context *c, int count, sqlite3_value **args, bool is_overlap)
{
    struct call k;
    struct sql_value v;
    if (!begin(&k, c, count, args, true)) return;
    const struct span a = function_bytes(args[1]);
    const struct span b = function_bytes(args[2]);
    if (!function_charge(c, a.size * b.size / 16)) {
        end(&k);
        return;
    }
    bool result = !is_overlap;
    struct array_reader r = read_arg(&k, args[2]);
    while (result != is_overlap && array_next(&r, &v)) {
        const bool is_in = !v.is_null && has_element(&k, args[1], &v);
        if (is_in == is_overlap) result = is_overlap;
    }
    function_return_bool(c, result);
    end(&k);
}

static void array_contains(sqlite3_context *c, int count, sqlite3_value **args)
{
    contains(c, count, args, false);
}

static void array_overlaps(sqlite3_context *c, int count, sqlite3_value **args)
{
    contains(c, count, args, true);
}

/* array_to_string(type, array, separator [, null]) */
static void array_to_string(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!begin(&k, c, count, args, false)) return;
    const bool has_null = count > 3 && !is_null(args[3]);
    if (is_null(args[1]) || is_null(args[2])) {
        end(&k);
        return;
    }
    const struct span separator = function_bytes(args[2]);
    struct array_reader r = read_arg(&k, args[1]);
    for (bool is_first = true; array_next(&r, &v);) {
        if (v.is_null && !has_null) continue;
        if (!is_first) buf_put(&k.out, separator);
        if (v.is_null)
            buf_put(&k.out, function_bytes(args[3]));
        else
            sql_value_print(&k.out, &v, -1);
        is_first = false;
    }
    struct buf text = k.out;
    k.out = (struct buf){0};
    function_return_buf(c, &text);
    end(&k);
}

static void put_part(struct call *k, struct span part, sqlite3_value *null)
{
    struct sql_value v = {.type = SQL_TEXT, .bytes = part};
    v.is_null = null != NULL && !is_null(null) && span_equal(part, function_bytes(null));
    array_put(&k->out, &v);
}

/* string_to_array(type, text, separator [, null]): no separator: character by character. */
static void string_to_array(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    if (!begin(&k, c, count, args, false)) return;
    struct span rest = function_bytes(args[1]);
    sqlite3_value *null = count > 3 ? args[3] : NULL;
    if (!is_null(args[1]) && is_null(args[2])) {
        while (rest.size > 0) {
            const size_t size = sql_char_size(rest.data[0]);
            put_part(&k, span_of(rest.data, size), null);
            rest = span_of(rest.data + size, rest.size - size);
        }
    } else if (!is_null(args[1]) && rest.size > 0) {
        const struct span separator = function_bytes(args[2]);
        size_t start = 0;
        for (size_t i = 0; separator.size > 0 && i + separator.size <= rest.size;) {
            if (memcmp(rest.data + i, separator.data, separator.size) != 0) {
                i++;
                continue;
            }
            put_part(&k, span_of(rest.data + start, i - start), null);
            i += separator.size;
            start = i;
        }
        put_part(&k, span_of(rest.data + start, rest.size - start), null);
    }
    if (!is_null(args[1])) return_array(&k);
    end(&k);
}

static void trim_array(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!begin(&k, c, count, args, true)) return;
    const int64_t n = array_count(function_bytes(args[1]), k.element);
    const int64_t less = sqlite3_value_int64(args[2]);
    if (less < 0 || less > n) {
        function_fail(c, "2202E", "number of elements to trim must be between 0 and %lld",
                      (long long)n);
    } else {
        struct array_reader r = read_arg(&k, args[1]);
        for (int64_t i = 0; i < n - less && array_next(&r, &v); i++)
            array_put(&k.out, &v);
        return_array(&k);
    }
    end(&k);
}

/* array_cast(type, array, type of the result): element by element, by way of text. */
static void array_cast(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    struct buf text;
    struct diag d;
    if (!begin(&k, c, count, args, true)) return;
    const struct sql_type_info *to = sql_type_find((uint32_t)sqlite3_value_int64(args[2]));
    must(to != NULL);
    must(to->category == 'A');
    struct array_reader r = read_arg(&k, args[1]);
    enum status st = ST_OK;
    buf_init(&text, mem_system(), SQL_VALUE_MAX);
    while (st == ST_OK && array_next(&r, &v)) {
        struct sql_value out = {.type = to->element, .is_null = v.is_null};
        buf_reset(&text);
        if (!v.is_null && v.type == SQL_BOOL && to->element == SQL_TEXT)
            buf_put_text(&text, v.integer != 0 ? "true" : "false");
        else if (!v.is_null)
            sql_value_print(&text, &v, -1);
        if (!v.is_null) st = sql_value_parse(&out, &k.arena, to->element, -1, buf_span(&text), &d);
        array_put(&k.out, &out);
    }
    if (st == ST_OK)
        return_array(&k);
    else if (st == ST_NO_MEMORY)
        function_no_memory(c);
    else
        function_fail_with(c, &d);
    buf_fini(&text);
    end(&k);
}

void function_put_string(struct buf *out, struct span s)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.size; i++) {
        const uint8_t b = s.data[i];
        if (b == '"' || b == '\\')
            buf_printf(out, "\\%c", b);
        else if (b < 0x20)
            buf_printf(out, "\\u%04x", b);
        else
            buf_put_u8(out, b);
    }
    buf_put_u8(out, '"');
}

void function_put_hex(struct buf *out, struct span s)
{
    static const char hex[] = "0123456789abcdef";
    buf_put_u8(out, '"');
    for (size_t i = 0; i < s.size; i++) {
        buf_put_u8(out, (uint8_t)hex[s.data[i] >> 4]);
        buf_put_u8(out, (uint8_t)hex[s.data[i] & 15]);
    }
    buf_put_u8(out, '"');
}

/* array_rows(type, array, of NULL): what SQLite's json_each makes rows of; bytes as hexadecimal
 * text, numerics in their canonical form. */
static void array_rows(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    struct sql_value v;
    if (!begin(&k, c, count, args, false)) return;
    struct buf text;
    const enum sql_storage storage = sql_type_storage(k.element);
    const bool is_given = !is_null(args[1]);
    buf_init(&text, mem_system(), 4 * (size_t)SQL_VALUE_MAX);
    struct array_reader r = read_arg(&k, args[1]);
    buf_put_u8(&text, '[');
    if (!is_given && sqlite3_value_int(args[2]) != 0) buf_put_text(&text, "null");
    for (bool is_first = true; is_given && array_next(&r, &v); is_first = false) {
        if (!is_first) buf_put_u8(&text, ',');
        if (v.is_null)
            buf_put_text(&text, "null");
        else if (storage == SQL_STORE_INTEGER)
            sql_int_print(&text, v.integer);
        else if (storage == SQL_STORE_TEXT)
            function_put_string(&text, v.bytes);
        else
            function_put_hex(&text, v.bytes);
    }
    buf_put_u8(&text, ']');
    if (buf_status(&text) != ST_OK || !function_charge(c, text.size))
        function_fail(c, "54000", "an array is too long to make rows of");
    else
        sqlite3_result_text64(c, (const char *)text.data, text.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    buf_fini(&text);
    end(&k);
}

/* row_bytes(hexadecimal): the bytes that array_rows wrote. */
static void row_bytes(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct diag d;
    size_t size = 0;
    if (!function_begin(c, count, args)) return;
    const struct span text = function_bytes(args[0]);
    uint8_t *out = function_alloc(c, text.size);
    if (out == NULL) return;
    if (sql_hex_parse(out, &size, text, &d) == ST_OK) {
        function_take_bytea(c, out, size);
        return;
    }
    sqlite3_free(out);
    function_fail_with(c, &d);
}

/* --- array_agg ----------------------------------------------------------------------------- */

struct aggregate {
    struct buf out;
    bool has_rows;
    bool has_failed;
};

/* array_agg(type, element) */
static void array_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct call k;
    must(count == 2);
    struct aggregate *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return;
    }
    if (s->has_failed || !begin(&k, c, count, args, false)) return;
    if (!s->has_rows) buf_init(&s->out, mem_system(), SQL_VALUE_MAX);
    s->has_rows = true;
    const struct sql_value v = element_arg(&k, args[1]);
    array_put(&s->out, &v);
    if (buf_status(&s->out) != ST_OK) {
        s->has_failed = true;
        function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
    }
    end(&k);
}

static void array_value(sqlite3_context *c)
{
    struct aggregate *s = sqlite3_aggregate_context(c, 0);
    if (s == NULL || !s->has_rows || s->has_failed) return;
    const size_t size = s->out.size;
    array_end(&s->out);
    if (buf_status(&s->out) == ST_OK) function_return_bytea(c, buf_span(&s->out));
    s->out.size = size;
}

static void array_finish(sqlite3_context *c)
{
    struct aggregate *s = sqlite3_aggregate_context(c, 0);
    array_value(c);
    if (s != NULL && s->has_rows) buf_fini(&s->out);
}

const struct native function_arrays[] = {
    {.name = "array_of", .args = -1, .call = array_of},
    {.name = "array_part", .args = 2, .call = array_part},
    {.name = "array_cmp", .args = 3, .call = call_cmp},
    {.name = "array_get", .args = 3, .call = array_get},
    {.name = "array_slice", .args = 4, .call = array_slice},
    {.name = "array_cat", .args = 3, .call = array_cat},
    {.name = "array_append", .args = 3, .call = array_append},
    {.name = "array_prepend", .args = 3, .call = array_prepend},
    {.name = "array_replace", .args = 4, .call = array_replace},
    {.name = "array_remove", .args = 3, .call = array_replace},
    {.name = "array_position", .args = 3, .call = array_position},
    {.name = "array_position", .args = 4, .call = array_position},
    {.name = "array_positions", .args = 3, .call = array_positions},
    {.name = "array_length", .args = 3, .call = array_length},
    {.name = "array_lower", .args = 3, .call = array_lower},
    {.name = "array_ndims", .args = 2, .call = array_ndims},
    {.name = "array_dims", .args = 2, .call = array_dims},
    {.name = "cardinality", .args = 2, .call = cardinality},
    {.name = "array_contains", .args = 3, .call = array_contains},
    {.name = "array_overlaps", .args = 3, .call = array_overlaps},
    {.name = "array_to_string", .args = 3, .call = array_to_string},
    {.name = "array_to_string", .args = 4, .call = array_to_string},
    {.name = "string_to_array", .args = 3, .call = string_to_array},
    {.name = "string_to_array", .args = 4, .call = string_to_array},
    {.name = "trim_array", .args = 3, .call = trim_array},
    {.name = "array_cast", .args = 3, .call = array_cast},
    {.name = "array_rows", .args = 3, .call = array_rows},
    {.name = "row_bytes", .args = 1, .call = row_bytes},
    {.name = "array_agg", .args = 2, .step = array_step, .finish = array_finish},
    {.name = NULL},
};
