/* func_aggregate.c - sum, avg, min and max where SQLite's own differ, and string_agg;
 * all of them also as window functions.
 *
 * Sums are exact at any size: integers in 128 bits, which 2^63 rows of bigint cannot overflow,
 * numeric unpacked (numeric_int.h). The state lives in SQLite's aggregate context, one for the
 * group at hand; SQLite frees the context itself, finish frees what hangs on it. */
#include "base/must.h"
#include "sql/function_int.h"
#include "sql/numeric_int.h"
#include "sql/numeric_power.h"

__extension__ typedef __int128 wide;

_Static_assert(sizeof(wide) == 16, "two words");

#define WIDE_PART 1000000000000000000 /* 10^18: a 128-bit sum is printed in such parts. */

struct int_sum {
    uint64_t rows;
    uint64_t sum[2]; /* A wide; SQLite aligns its memory to 8 bytes only. */
};

struct numeric_sum {
    uint64_t rows;
    struct decimal sum;
};

struct numeric_best {
    bool has_value;
    struct numeric value;
};

struct text_sum {
    uint64_t rows;
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool has_failed;
};

static wide sum_of(const struct int_sum *s);
static void best_step(sqlite3_context *c, sqlite3_value *value, int wanted);
static void return_quotient(sqlite3_context *c, const struct numeric *sum, uint64_t rows);
static void numeric_from_wide(struct numeric *out, wide value);
static bool text_append(sqlite3_context *c, struct text_sum *s, struct span bytes);
static void text_finish(sqlite3_context *c, bool is_text);

static void int_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    if (sqlite3_value_type(args[0]) == SQLITE_NULL) return;
    struct int_sum *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return;
    }
    const wide sum = sum_of(s) + sqlite3_value_int64(args[0]);
    memcpy(s->sum, &sum, sizeof sum);
    s->rows++;
}

static void int_inverse(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    if (sqlite3_value_type(args[0]) == SQLITE_NULL) return;
    struct int_sum *s = sqlite3_aggregate_context(c, 0);
    must(s != NULL && s->rows > 0); /* It was added before. */
    const wide sum = sum_of(s) - sqlite3_value_int64(args[0]);
    memcpy(s->sum, &sum, sizeof sum);
    s->rows--;
}

/* sum of smallint or integer: bigint. */
static void int_sum_finish(sqlite3_context *c)
{
    const struct int_sum *s = sqlite3_aggregate_context(c, 0);
    if (s == NULL || s->rows == 0) return;
    const wide sum = sum_of(s);
    if (sum > INT64_MAX || sum < INT64_MIN)
        function_fail(c, "22003", "bigint out of range");
    else
        sqlite3_result_int64(c, (int64_t)sum);
}

/* sum of bigint: numeric. */
static void int8_sum_finish(sqlite3_context *c)
{
    const struct int_sum *s = sqlite3_aggregate_context(c, 0);
    struct numeric out;
    if (s == NULL || s->rows == 0) return;
    numeric_from_wide(&out, sum_of(s));
    function_return_numeric(c, &out);
}

static void int_avg_finish(sqlite3_context *c)
{
    const struct int_sum *s = sqlite3_aggregate_context(c, 0);
    struct numeric sum;
    if (s == NULL || s->rows == 0) return;
    numeric_from_wide(&sum, sum_of(s));
    return_quotient(c, &sum, s->rows);
}

static void numeric_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    struct decimal value;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    struct numeric_sum *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return;
    }
    decimal_decode(&value, n);
    decimal_add(&s->sum, &value);
    s->rows++;
}

/* The scale stays that of all rows seen: the compiler lets only values of one scale come here. */
static void numeric_inverse(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    struct decimal value;
    must(count == 1);
    if (sqlite3_value_type(args[0]) == SQLITE_NULL || !function_numeric(c, args[0], &n)) return;
    struct numeric_sum *s = sqlite3_aggregate_context(c, 0);
    if (s == NULL || s->rows == 0) return; /* Its step failed. */
    decimal_decode(&value, n);
    if (value.count > 0) value.is_negative = !value.is_negative;
    decimal_add(&s->sum, &value);
    s->rows--;
}

/* Only frames whose start does not move come to these: functions.h, SQL_WINDOW_GROWING. */
static void no_inverse(sqlite3_context *c, int count, sqlite3_value **args)
{
    (void)args;
    must(count > 0);
    function_fail(c, "XX000", "an aggregate cannot take a row back");
}

static void numeric_sum_finish(sqlite3_context *c)
{
    const struct numeric_sum *s = sqlite3_aggregate_context(c, 0);
    struct numeric out;
    struct diag d;
    if (s == NULL || s->rows == 0) return;
    if (decimal_encode(&out, &s->sum, &d) == ST_OK)
        function_return_numeric(c, &out);
    else
        function_fail_with(c, &d);
}

static void numeric_avg_finish(sqlite3_context *c)
{
    const struct numeric_sum *s = sqlite3_aggregate_context(c, 0);
    struct numeric sum;
    struct diag d;
    if (s == NULL || s->rows == 0) return;
    if (decimal_encode(&sum, &s->sum, &d) == ST_OK)
        return_quotient(c, &sum, s->rows);
    else
        function_fail_with(c, &d);
}

/* --- variance: exact sums of the values and of their squares --------------------------------- */

struct numeric_squares {
    uint64_t rows;
    bool has_failed;
    struct numeric sum;
    struct numeric squares;
};

static bool add_to(struct numeric *sum, struct span n, struct diag *d)
{
    struct numeric next;
    if (numeric_calculate(&next, NUMERIC_ADD, numeric_span(sum), n, d) != ST_OK) return false;
    *sum = next;
    return true;
}

static void squares_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    struct numeric square;
    struct diag d;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    struct numeric_squares *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return;
    }
    if (s->rows == 0) {
        numeric_from_int(&s->sum, 0);
        numeric_from_int(&s->squares, 0);
    }
    s->rows++;
    const bool is_right = numeric_calculate(&square, NUMERIC_MUL, n, n, &d) == ST_OK &&
                          add_to(&s->sum, n, &d) && add_to(&s->squares, numeric_span(&square), &d);
    if (is_right || s->has_failed) return;
    s->has_failed = true;
    function_fail_with(c, &d);
}

/* (N · Σx² − (Σx)²) / (N · (N − 1)), or by N² */
static enum status variance_of(struct numeric *out,
                               const struct numeric_squares *s,
                               bool is_sample,
                               struct diag *d)
{
    struct numeric rows;
    struct numeric other;
    struct numeric above;
    struct numeric below;
    struct numeric square;
    numeric_from_int(&rows, (int64_t)s->rows);
    numeric_from_int(&other, (int64_t)s->rows - (is_sample ? 1 : 0));
    const struct span n = numeric_span(&rows);
    TRY(numeric_calculate(&above, NUMERIC_MUL, n, numeric_span(&s->squares), d));
    TRY(numeric_calculate(&square, NUMERIC_MUL, numeric_span(&s->sum), numeric_span(&s->sum), d));
    TRY(numeric_calculate(out, NUMERIC_SUB, numeric_span(&above), numeric_span(&square), d));
    if (numeric_sign(numeric_span(out)) <= 0) {
        numeric_from_int(out, 0);
        return ST_OK;
    }
    above = *out;
    TRY(numeric_calculate(&below, NUMERIC_MUL, n, numeric_span(&other), d));
    return numeric_calculate(out, NUMERIC_DIV, numeric_span(&above), numeric_span(&below), d);
}

static void squares_finish(sqlite3_context *c, bool is_sample, bool is_root)
{
    const struct numeric_squares *s = sqlite3_aggregate_context(c, 0);
    struct numeric out;
    struct numeric variance;
    struct diag d;
    if (s == NULL || s->has_failed || s->rows < (is_sample ? 2u : 1u)) return;
    enum status st = variance_of(&variance, s, is_sample, &d);
    out = variance;
    if (st == ST_OK && is_root && numeric_sign(numeric_span(&variance)) > 0)
        st = numeric_root_to(&out, numeric_span(&variance), numeric_scale(numeric_span(&variance)),
                             &d);
    if (st == ST_OK)
        function_return_numeric(c, &out);
    else
        function_fail_with(c, &d);
}

static void var_samp_finish(sqlite3_context *c)
{
    squares_finish(c, true, false);
}

static void var_pop_finish(sqlite3_context *c)
{
    squares_finish(c, false, false);
}

static void stddev_samp_finish(sqlite3_context *c)
{
    squares_finish(c, true, true);
}

static void stddev_pop_finish(sqlite3_context *c)
{
    squares_finish(c, false, true);
}

static void min_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args)) best_step(c, args[0], -1);
}

static void max_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args)) best_step(c, args[0], 1);
}

static void best_finish(sqlite3_context *c)
{
    const struct numeric_best *b = sqlite3_aggregate_context(c, 0);
    if (b != NULL && b->has_value) function_return_numeric(c, &b->value);
}

/* A NULL text is skipped with its separator; a NULL separator is empty. */
static void text_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 2);
    if (sqlite3_value_type(args[0]) == SQLITE_NULL) return;
    struct text_sum *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return;
    }
    const bool has_separator = s->rows > 0 && sqlite3_value_type(args[1]) != SQLITE_NULL;
    if (has_separator && !text_append(c, s, function_bytes(args[1]))) return;
    if (text_append(c, s, function_bytes(args[0]))) s->rows++;
}

static void text_agg_finish(sqlite3_context *c)
{
    text_finish(c, true);
}

static void bytea_agg_finish(sqlite3_context *c)
{
    text_finish(c, false);
}

static void text_agg_value(sqlite3_context *c)
{
    const struct text_sum *s = sqlite3_aggregate_context(c, 0);
    if (s != NULL && !s->has_failed && s->rows > 0)
        function_return_text(c, span_of(s->data, s->size));
}

static void bytea_agg_value(sqlite3_context *c)
{
    const struct text_sum *s = sqlite3_aggregate_context(c, 0);
    if (s != NULL && !s->has_failed && s->rows > 0)
        function_return_bytea(c, span_of(s->data, s->size));
}

const struct native function_aggregates[] = {
    {.name = "numeric_var_samp", .args = 1, .step = squares_step, .finish = var_samp_finish},
    {.name = "numeric_var_pop", .args = 1, .step = squares_step, .finish = var_pop_finish},
    {.name = "numeric_stddev_samp", .args = 1, .step = squares_step, .finish = stddev_samp_finish},
    {.name = "numeric_stddev_pop", .args = 1, .step = squares_step, .finish = stddev_pop_finish},
    {.name = "int_sum",
     .args = 1,
     .step = int_step,
     .finish = int_sum_finish,
     .value = int_sum_finish,
     .inverse = int_inverse},
    {.name = "int8_sum",
     .args = 1,
     .step = int_step,
     .finish = int8_sum_finish,
     .value = int8_sum_finish,
     .inverse = int_inverse},
    {.name = "int_avg",
     .args = 1,
     .step = int_step,
     .finish = int_avg_finish,
     .value = int_avg_finish,
     .inverse = int_inverse},
    {.name = "numeric_sum",
     .args = 1,
     .step = numeric_step,
     .finish = numeric_sum_finish,
     .value = numeric_sum_finish,
     .inverse = numeric_inverse},
    {.name = "numeric_avg",
     .args = 1,
     .step = numeric_step,
     .finish = numeric_avg_finish,
     .value = numeric_avg_finish,
     .inverse = numeric_inverse},
    {.name = "numeric_min",
     .args = 1,
     .step = min_step,
     .finish = best_finish,
     .value = best_finish,
     .inverse = no_inverse},
    {.name = "numeric_max",
     .args = 1,
     .step = max_step,
     .finish = best_finish,
     .value = best_finish,
     .inverse = no_inverse},
    {.name = "text_string_agg",
     .args = 2,
     .step = text_step,
     .finish = text_agg_finish,
     .value = text_agg_value,
     .inverse = no_inverse},
    {.name = "bytea_string_agg",
     .args = 2,
     .step = text_step,
     .finish = bytea_agg_finish,
     .value = bytea_agg_value,
     .inverse = no_inverse},
    {.name = NULL},
};

static wide sum_of(const struct int_sum *s)
{
    wide sum;
    memcpy(&sum, s->sum, sizeof sum);
    return sum;
}

/* Of equal values the last is kept, as PostgreSQL's numeric_smaller and numeric_larger do. */
static void best_step(sqlite3_context *c, sqlite3_value *value, int wanted)
{
    struct span n;
    if (!function_numeric(c, value, &n)) return;
    struct numeric_best *b = sqlite3_aggregate_context(c, sizeof *b);
    if (b == NULL) {
        function_no_memory(c);
        return;
    }
    if (b->has_value && numeric_compare(n, numeric_span(&b->value)) == -wanted) return;
    must(n.size <= sizeof b->value.bytes);
    memcpy(b->value.bytes, n.data, n.size);
    b->value.size = (uint16_t)n.size;
    b->has_value = true;
}

static void return_quotient(sqlite3_context *c, const struct numeric *sum, uint64_t rows)
{
    struct numeric divisor;
    struct numeric out;
    struct diag d;
    must(rows > 0);
    must(rows <= INT64_MAX);
    numeric_from_int(&divisor, (int64_t)rows);
    if (numeric_calculate(&out, NUMERIC_DIV, numeric_span(sum), numeric_span(&divisor), &d) ==
        ST_OK)
        function_return_numeric(c, &out);
    else
        function_fail_with(c, &d);
}

static void numeric_from_wide(struct numeric *out, wide value)
{
    struct numeric high;
    struct numeric low;
    struct numeric unit;
    struct numeric product;
    struct diag d;
    numeric_from_int(&high, (int64_t)(value / WIDE_PART)); /* Below 2^67: 2^63 rows of 2^63. */
    numeric_from_int(&low, (int64_t)(value % WIDE_PART));
    numeric_from_int(&unit, WIDE_PART);
    enum status st =
        numeric_calculate(&product, NUMERIC_MUL, numeric_span(&high), numeric_span(&unit), &d);
    must(st == ST_OK);
    st = numeric_calculate(out, NUMERIC_ADD, numeric_span(&product), numeric_span(&low), &d);
    must(st == ST_OK);
}

/* Grows by doubling; a failure is reported once and the memory given back. */
static bool text_append(sqlite3_context *c, struct text_sum *s, struct span bytes)
{
    if (s->has_failed) return false;
    must(s->size <= s->capacity);
    if (s->size + bytes.size > SQL_VALUE_MAX) {
        function_fail(c, "54000", "a value is limited to %u bytes", SQL_VALUE_MAX);
        s->has_failed = true;
    } else if (!function_charge(c, bytes.size)) {
        s->has_failed = true;
    } else if (s->size + bytes.size >= s->capacity) {
        const size_t capacity = 2 * (s->size + bytes.size) + 64;
        uint8_t *data = sqlite3_realloc64(s->data, capacity);
        if (data == NULL) {
            function_no_memory(c);
            s->has_failed = true;
        } else {
            s->data = data;
            s->capacity = capacity;
        }
    }
    if (s->has_failed) return false;
    memcpy(s->data + s->size, bytes.data, bytes.size);
    s->size += bytes.size;
    return true;
}

static void text_finish(sqlite3_context *c, bool is_text)
{
    struct text_sum *s = sqlite3_aggregate_context(c, 0);
    if (s == NULL) return;
    if (s->has_failed || s->rows == 0)
        sqlite3_free(s->data);
    else if (is_text)
        function_take_text(c, s->data, s->size);
    else
        function_take_bytea(c, s->data, s->size);
    s->data = NULL;
}
