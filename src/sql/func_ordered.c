/* func_ordered.c - Aggregates whose rows are put in order first: string_agg(x, ',' ORDER BY y).
 *
 * sql_sort_key('an', y, z) makes one string of bytes whose order is that of ORDER BY y, z; the
 * aggregate keeps key, value and separator of each row, sorts them at the end and joins them. Rows
 * with equal keys stand in the order of their values, so that the result depends on the set of rows
 * alone and may be written. Per value of a key:
 *
 *     00 | FF            NULL, before or behind the values (NULLS FIRST, NULLS LAST)
 *     01 | 8 bytes       integer: big-endian, 2^63 added
 *     02 | 8 bytes       floating point: the bits, all inverted when negative, else the first one
 *     03 | bytes | 00 00 text and bytes: 00 as 00 FF
 *
 * and all but the mark of NULL inverted for DESC. */
#include <stdlib.h>

#include "base/must.h"
#include "sql/function_int.h"

#define ROWS_MIN 16u

struct ordered_row {
    uint8_t *bytes; /* sqlite3_malloc's: what the spans are in. */
    struct span key;
    struct span value;
    struct span separator;
    bool has_separator;
};

struct ordered { /* Of one group; rows and their bytes are sqlite3_malloc's. */
    struct ordered_row *rows;
    size_t count;
    size_t capacity;
    size_t bytes;
    bool is_distinct;
    bool has_failed;
};

static size_t key_room(int count, sqlite3_value **args);
static uint8_t *put_value(uint8_t *to, sqlite3_value *value, char order);
static bool keep_row(sqlite3_context *c, struct ordered *o, sqlite3_value **args);
static int compare_rows(const void *a, const void *b);
enum joined { JOINED_TEXT, JOINED_BYTES, JOINED_ARRAY, JOINED_JSON };
static void return_joined(sqlite3_context *c, struct ordered *o, enum joined kind);

/* --- sql_sort_key(orders, value, …): for each value a letter ------------------------------------
 * a, d: ASC, DESC with NULL last, first; A, D: ASC with NULL first, DESC with NULL last. */

static void key_call(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count >= 1);
    const struct span orders = function_bytes(args[0]);
    must(orders.size == (size_t)count - 1);
    uint8_t *key = function_alloc(c, key_room(count, args));
    if (key == NULL) return;
    uint8_t *end = key;
    for (int i = 1; i < count; i++)
        end = put_value(end, args[i], (char)orders.data[i - 1]);
    function_take_bytea(c, key, (size_t)(end - key));
}

static size_t key_room(int count, sqlite3_value **args)
{
    size_t room = 1;
    for (int i = 1; i < count; i++) {
        const int type = sqlite3_value_type(args[i]);
        const bool is_bytes = type == SQLITE_TEXT || type == SQLITE_BLOB;
        room += is_bytes ? 2 * (size_t)sqlite3_value_bytes(args[i]) + 3 : 9;
    }
    return room;
}

static uint8_t *put_word(uint8_t *to, uint8_t mark, uint64_t word)
{
    *to++ = mark;
    for (int shift = 56; shift >= 0; shift -= 8)
        *to++ = (uint8_t)(word >> (unsigned)shift);
    return to;
}

static uint64_t float_order(double value)
{
    const double plain = value + 0.0; /* -0.0 is 0.0. */
    uint64_t bits;
    memcpy(&bits, &plain, sizeof bits);
    return (bits >> 63u) != 0 ? ~bits : bits | (uint64_t)1 << 63u;
}

static uint8_t *put_bytes(uint8_t *to, struct span bytes)
{
    *to++ = 3;
    for (size_t i = 0; i < bytes.size; i++) {
        *to++ = bytes.data[i];
        if (bytes.data[i] == 0) *to++ = 0xff;
    }
    *to++ = 0;
    *to++ = 0;
    return to;
}

static uint8_t *put_value(uint8_t *to, sqlite3_value *value, char order)
{
    const bool is_desc = order == 'd' || order == 'D';
    const bool is_null_first = order == 'd' || order == 'A';
    uint8_t *const start = to;
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
        to = put_word(to, 1, (uint64_t)sqlite3_value_int64(value) + ((uint64_t)1 << 63u));
        break;
    case SQLITE_FLOAT: to = put_word(to, 2, float_order(sqlite3_value_double(value))); break;
    case SQLITE_NULL: *to = is_null_first ? 0 : 0xff; return to + 1;
    default: to = put_bytes(to, function_bytes(value)); break;
    }
    for (uint8_t *at = start; is_desc && at < to; at++)
        *at = (uint8_t) ~*at;
    return to;
}

/* --- string_agg ---------------------------------------------------------------------------- */

/* (value, separator, key, is_distinct) */
static void step(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 4);
    if (sqlite3_value_type(args[0]) == SQLITE_NULL) return;
    struct ordered *o = sqlite3_aggregate_context(c, sizeof *o);
    if (o == NULL) {
        function_no_memory(c);
        return;
    }
    o->is_distinct = sqlite3_value_int(args[3]) != 0;
    if (!o->has_failed && !keep_row(c, o, args)) o->has_failed = true;
}

static struct span copy_to(uint8_t **to, struct span bytes)
{
    const struct span copy = span_of(*to, bytes.size);
    if (bytes.size > 0) memcpy(*to, bytes.data, bytes.size);
    *to += bytes.size;
    return copy;
}

static bool keep_row(sqlite3_context *c, struct ordered *o, sqlite3_value **args)
{
    const struct span key = function_bytes(args[2]);
    const struct span value = function_bytes(args[0]);
    const bool has_separator = sqlite3_value_type(args[1]) != SQLITE_NULL;
    const struct span separator = has_separator ? function_bytes(args[1]) : (struct span){0};
    const size_t size = key.size + value.size + separator.size;
    o->bytes += value.size + separator.size;
    if (o->bytes > SQL_VALUE_MAX && !o->is_distinct) {
        function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
        return false;
    }
    if (!function_charge(c, size + sizeof(struct ordered_row))) return false;
    if (o->count == o->capacity) {
        const size_t capacity = o->capacity == 0 ? ROWS_MIN : 2 * o->capacity;
        struct ordered_row *rows = sqlite3_realloc64(o->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            function_no_memory(c);
            return false;
        }
        o->rows = rows;
        o->capacity = capacity;
    }
    uint8_t *bytes = sqlite3_malloc64(size + 1);
    if (bytes == NULL) {
        function_no_memory(c);
        return false;
    }
    struct ordered_row *row = &o->rows[o->count++];
    row->bytes = bytes;
    row->key = copy_to(&bytes, key);
    row->value = copy_to(&bytes, value);
    row->separator = copy_to(&bytes, separator);
    row->has_separator = has_separator;
    return true;
}

static void text_finish(sqlite3_context *c)
{
    struct ordered *o = sqlite3_aggregate_context(c, 0);
    if (o != NULL) return_joined(c, o, JOINED_TEXT);
}

static void bytea_finish(sqlite3_context *c)
{
    struct ordered *o = sqlite3_aggregate_context(c, 0);
    if (o != NULL) return_joined(c, o, JOINED_BYTES);
}

static void array_finish(sqlite3_context *c)
{
    struct ordered *o = sqlite3_aggregate_context(c, 0);
    if (o != NULL) return_joined(c, o, JOINED_ARRAY);
}

static void json_finish(sqlite3_context *c)
{
    struct ordered *o = sqlite3_aggregate_context(c, 0);
    if (o != NULL) return_joined(c, o, JOINED_JSON);
}

const struct native function_ordered[] = {
    {.name = "json_list_agg_by", .args = 4, .step = step, .finish = json_finish},
    {.name = "array_agg_by", .args = 4, .step = step, .finish = array_finish},
    {.name = "sql_sort_key", .args = -1, .call = key_call},
    {.name = "text_string_agg_by", .args = 4, .step = step, .finish = text_finish},
    {.name = "bytea_string_agg_by", .args = 4, .step = step, .finish = bytea_finish},
    {.name = NULL},
};

static int compare_spans(struct span a, struct span b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    const int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    if (order != 0) return order;
    return (a.size > b.size) - (a.size < b.size);
}

static int compare_rows(const void *a, const void *b)
{
    const struct ordered_row *left = a;
    const struct ordered_row *right = b;
    int order = compare_spans(left->key, right->key);
    if (order == 0) order = compare_spans(left->value, right->value);
    if (order == 0) order = left->has_separator - right->has_separator;
    return order != 0 ? order : compare_spans(left->separator, right->separator);
}

static bool is_again(const struct ordered *o, size_t i)
{
    if (!o->is_distinct || i == 0) return false;
    const struct ordered_row *row = &o->rows[i];
    const struct ordered_row *before = &o->rows[i - 1];
    return row->has_separator == before->has_separator && span_equal(row->value, before->value) &&
           span_equal(row->separator, before->separator);
}

static size_t joined_size(const struct ordered *o)
{
    size_t size = 0;
    for (size_t i = 0; i < o->count; i++)
        if (!is_again(o, i))
            size += o->rows[i].value.size + (i > 0 ? o->rows[i].separator.size : 0);
    return size;
}

static void free_rows(struct ordered *o)
{
    for (size_t i = 0; i < o->count; i++)
        sqlite3_free(o->rows[i].bytes);
    sqlite3_free(o->rows);
    o->rows = NULL;
    o->count = 0;
}

static void return_joined(sqlite3_context *c, struct ordered *o, enum joined kind)
{
    if (o->has_failed || o->count == 0) {
        free_rows(o);
        return;
    }
    qsort(o->rows, o->count, sizeof *o->rows, compare_rows);
    const size_t size = joined_size(o) + (kind == JOINED_ARRAY ? 1 : kind == JOINED_JSON ? 2 : 0);
    uint8_t *joined = function_alloc(c, size);
    uint8_t *end = joined;
    if (joined != NULL && kind == JOINED_JSON) *end++ = '[';
    for (size_t i = 0; joined != NULL && i < o->count; i++) {
        if (is_again(o, i)) continue;
        if (i > 0) (void)copy_to(&end, o->rows[i].separator);
        (void)copy_to(&end, o->rows[i].value);
    }
    if (joined != NULL && kind == JOINED_ARRAY) *end++ = 0; /* The end of an array (array.h). */
    if (joined != NULL && kind == JOINED_JSON) *end++ = ']';
    must(joined == NULL || (size_t)(end - joined) == size);
    free_rows(o);
    if (joined == NULL) return;
    if (kind == JOINED_TEXT || kind == JOINED_JSON)
        function_take_text(c, joined, size);
    else
        function_take_bytea(c, joined, size);
}
