/* func_integer.c - smallint, integer and bigint arithmetic with PostgreSQL's range errors.
 *
 * Values are computed in 64 bits and checked against the range of the type; only bigint can
 * overflow the computation itself, which the compiler's checked operations report. */
#include <stdio.h>

#include "base/must.h"
#include "sql/function_int.h"

struct width {
    const char *name;
    int64_t min;
    int64_t max;
    uint32_t shift_mask;
};

static const struct width width_int2 = {"smallint", INT16_MIN, INT16_MAX, 31};
static const struct width width_int4 = {"integer", INT32_MIN, INT32_MAX, 31};
static const struct width width_int8 = {"bigint", INT64_MIN, INT64_MAX, 63};

enum operation { ADD, SUB, MUL, DIV, MOD, NEG, ABS, SHL, SHR };

static void calculate(
    sqlite3_context *c, int count, sqlite3_value **args, enum operation op, const struct width *w);
static bool overflows(enum operation op, int64_t a, int64_t b, int64_t *out);
static int64_t shift(enum operation op, int64_t a, int64_t b, const struct width *w);
static void extreme(sqlite3_context *c, int count, sqlite3_value **args, bool is_greatest);
static void to_width(sqlite3_context *c, int count, sqlite3_value **args, const struct width *w);

#define OPERATION(type, low, upper)                                                                \
    static void type##_##low(sqlite3_context *c, int count, sqlite3_value **args)                  \
    {                                                                                              \
        calculate(c, count, args, upper, &width_##type);                                           \
    }
#define OPERATIONS(type)                                                                           \
    OPERATION(type, add, ADD)                                                                      \
    OPERATION(type, sub, SUB)                                                                      \
    OPERATION(type, mul, MUL)                                                                      \
    OPERATION(type, div, DIV)                                                                      \
    OPERATION(type, mod, MOD)                                                                      \
    OPERATION(type, neg, NEG)                                                                      \
    OPERATION(type, abs, ABS)                                                                      \
    OPERATION(type, shl, SHL)                                                                      \
    OPERATION(type, shr, SHR)

OPERATIONS(int2)
OPERATIONS(int4)
OPERATIONS(int8)

static void int_to_int2(sqlite3_context *c, int count, sqlite3_value **args)
{
    to_width(c, count, args, &width_int2);
}

static void int_to_int4(sqlite3_context *c, int count, sqlite3_value **args)
{
    to_width(c, count, args, &width_int4);
}

static void int_xor(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const uint64_t a = (uint64_t)sqlite3_value_int64(args[0]);
    const uint64_t b = (uint64_t)sqlite3_value_int64(args[1]);
    sqlite3_result_int64(c, (int64_t)(a ^ b));
}

static void int_greatest(sqlite3_context *c, int count, sqlite3_value **args)
{
    extreme(c, count, args, true);
}

static void int_least(sqlite3_context *c, int count, sqlite3_value **args)
{
    extreme(c, count, args, false);
}

static void to_hex(sqlite3_context *c, uint64_t value)
{
    char text[17];
    const int size = snprintf(text, sizeof text, "%llx", (unsigned long long)value);
    must(size > 0);
    function_return_text(c, span_of(text, (size_t)size));
}

static void int4_to_hex(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args)) to_hex(c, (uint32_t)sqlite3_value_int64(args[0]));
}

static void int8_to_hex(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args)) to_hex(c, (uint64_t)sqlite3_value_int64(args[0]));
}

#define NATIVES(type)                                                                              \
    {.name = #type "_add", .args = 2, .call = type##_add},                                         \
        {.name = #type "_sub", .args = 2, .call = type##_sub},                                     \
        {.name = #type "_mul", .args = 2, .call = type##_mul},                                     \
        {.name = #type "_div", .args = 2, .call = type##_div},                                     \
        {.name = #type "_mod", .args = 2, .call = type##_mod},                                     \
        {.name = #type "_neg", .args = 1, .call = type##_neg},                                     \
        {.name = #type "_abs", .args = 1, .call = type##_abs},                                     \
        {.name = #type "_shl", .args = 2, .call = type##_shl},                                     \
    {                                                                                              \
        .name = #type "_shr", .args = 2, .call = type##_shr                                        \
    }

/* Of absolute values, so the smallest integer has none. */
static uint64_t divisor_of(int64_t a, int64_t b)
{
    uint64_t x = a < 0 ? 0u - (uint64_t)a : (uint64_t)a;
    uint64_t y = b < 0 ? 0u - (uint64_t)b : (uint64_t)b;
    while (y != 0) {
        const uint64_t rest = x % y;
        x = y;
        y = rest;
    }
    return x;
}

/* int_gcd(a, b, largest), int_lcm(a, b, largest) */
static void common(sqlite3_context *c, int count, sqlite3_value **args, bool is_multiple)
{
    if (!function_begin(c, count, args)) return;
    const int64_t a = sqlite3_value_int64(args[0]);
    const int64_t b = sqlite3_value_int64(args[1]);
    const uint64_t max = (uint64_t)sqlite3_value_int64(args[2]);
    uint64_t result = divisor_of(a, b);
    bool is_over = false;
    if (is_multiple && result != 0) {
        const uint64_t x = a < 0 ? 0u - (uint64_t)a : (uint64_t)a;
        const uint64_t y = b < 0 ? 0u - (uint64_t)b : (uint64_t)b;
        is_over = __builtin_mul_overflow(x / result, y, &result);
    }
    if (is_over || result > max)
        function_fail(c, "22003", "%s out of range", max == INT32_MAX ? "integer" : "bigint");
    else
        sqlite3_result_int64(c, (int64_t)result);
}

static void int_gcd(sqlite3_context *c, int count, sqlite3_value **args)
{
    common(c, count, args, false);
}

static void int_lcm(sqlite3_context *c, int count, sqlite3_value **args)
{
    common(c, count, args, true);
}

/* sql_count_nulls(is null, value, …) */
static void count_nulls(sqlite3_context *c, int count, sqlite3_value **args)
{
    const bool is_null = sqlite3_value_int(args[0]) != 0;
    int found = 0;
    for (int i = 1; i < count; i++)
        found += (sqlite3_value_type(args[i]) == SQLITE_NULL) == is_null;
    sqlite3_result_int(c, found);
}

struct bits {
    bool has_rows;
    int64_t value;
};

static void bits_step(sqlite3_context *c, sqlite3_value *value, char op)
{
    if (sqlite3_value_type(value) == SQLITE_NULL) return;
    struct bits *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return;
    }
    const int64_t n = sqlite3_value_int64(value);
    if (!s->has_rows)
        s->value = n;
    else
        s->value = op == '&' ? s->value & n : op == '|' ? s->value | n : s->value ^ n;
    s->has_rows = true;
}

static void and_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    bits_step(c, args[0], '&');
}

static void or_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    bits_step(c, args[0], '|');
}

static void xor_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    must(count == 1);
    bits_step(c, args[0], '^');
}

static void bits_finish(sqlite3_context *c)
{
    const struct bits *s = sqlite3_aggregate_context(c, 0);
    if (s != NULL && s->has_rows) sqlite3_result_int64(c, s->value);
}

const struct native function_integers[] = {
    {.name = "int_gcd", .args = 3, .call = int_gcd},
    {.name = "int_lcm", .args = 3, .call = int_lcm},
    {.name = "sql_count_nulls", .args = -1, .call = count_nulls},
    {.name = "int_bit_and", .args = 1, .step = and_step, .finish = bits_finish},
    {.name = "int_bit_or", .args = 1, .step = or_step, .finish = bits_finish},
    {.name = "int_bit_xor", .args = 1, .step = xor_step, .finish = bits_finish},
    NATIVES(int2),
    NATIVES(int4),
    NATIVES(int8),
    {.name = "int_xor", .args = 2, .call = int_xor},
    {.name = "int_to_int2", .args = 1, .call = int_to_int2},
    {.name = "int_to_int4", .args = 1, .call = int_to_int4},
    {.name = "int_greatest", .args = -1, .call = int_greatest},
    {.name = "int_least", .args = -1, .call = int_least},
    {.name = "int4_to_hex", .args = 1, .call = int4_to_hex},
    {.name = "int8_to_hex", .args = 1, .call = int8_to_hex},
    {.name = NULL},
};

static void calculate(
    sqlite3_context *c, int count, sqlite3_value **args, enum operation op, const struct width *w)
{
    if (!function_begin(c, count, args)) return;
    const int64_t a = sqlite3_value_int64(args[0]);
    const int64_t b = count > 1 ? sqlite3_value_int64(args[1]) : 0;
    if ((op == DIV || op == MOD) && b == 0) {
        function_fail(c, "22012", "division by zero");
        return;
    }
    int64_t result = 0;
    if (op == SHL || op == SHR) {
        result = shift(op, a, b, w);
    } else if (overflows(op, a, b, &result) || result < w->min || result > w->max) {
        function_fail(c, "22003", "%s out of range", w->name);
        return;
    }
    sqlite3_result_int64(c, result);
}

static bool overflows(enum operation op, int64_t a, int64_t b, int64_t *out)
{
    switch (op) {
    case ADD: return __builtin_add_overflow(a, b, out);
    case SUB: return __builtin_sub_overflow(a, b, out);
    case MUL: return __builtin_mul_overflow(a, b, out);
    case NEG: return __builtin_sub_overflow(0, a, out);
    case ABS: *out = a; return a < 0 && __builtin_sub_overflow(0, a, out);
    case DIV:
        if (b == -1) return __builtin_sub_overflow(0, a, out);
        *out = a / b;
        return false;
    case MOD: *out = b == -1 ? 0 : a % b; return false;
    case SHL:
    case SHR: break;
    }
    must(op == SHL);
    return true;
}

/* As PostgreSQL's C code does on the machines it runs on: the count is taken modulo the width of
 * the computation, and the result cut to the type. */
static int64_t shift(enum operation op, int64_t a, int64_t b, const struct width *w)
{
    const uint32_t places = (uint32_t)b & w->shift_mask;
    if (op == SHR) return a >= 0 ? a >> places : ~(~a >> places);
    const uint64_t wide = (uint64_t)a << places;
    if (w->max == INT16_MAX) return (int16_t)wide;
    return w->max == INT32_MAX ? (int32_t)wide : (int64_t)wide;
}

/* NULLs are ignored; all NULL gives NULL. */
static void extreme(sqlite3_context *c, int count, sqlite3_value **args, bool is_greatest)
{
    bool has_best = false;
    int64_t best = 0;
    for (int i = 0; i < count; i++) {
        if (sqlite3_value_type(args[i]) == SQLITE_NULL) continue;
        const int64_t value = sqlite3_value_int64(args[i]);
        if (!has_best || (is_greatest ? value > best : value < best)) best = value;
        has_best = true;
    }
    if (has_best) sqlite3_result_int64(c, best);
}

static void to_width(sqlite3_context *c, int count, sqlite3_value **args, const struct width *w)
{
    if (!function_begin(c, count, args)) return;
    const int64_t value = sqlite3_value_int64(args[0]);
    if (value < w->min || value > w->max)
        function_fail(c, "22003", "%s out of range", w->name);
    else
        sqlite3_result_int64(c, value);
}
