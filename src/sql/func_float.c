/* func_float.c - real and double precision: operators, casts, functions, aggregates.
 *
 * + − × ÷, square root and rounding to whole numbers are exact by IEEE 754, so every node gives the
 * same bits. exp, ln, power, the trigonometric functions and sums are not: the compiler lets them
 * stand in plain reads only (SQL_INEXACT). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "sql/float.h"
#include "sql/function_int.h"

#define RADIAN 0.017453292519943295

static bool is_zero(double value)
{
    return fpclassify(value) == FP_ZERO;
}

static double wide_of(sqlite3_value *value)
{
    return float8_unpack(sqlite3_value_int64(value));
}

static void return_wide(sqlite3_context *c, double value)
{
    sqlite3_result_int64(c, float8_pack(value));
}

static void return_narrow(sqlite3_context *c, float value)
{
    sqlite3_result_int64(c, float4_pack(value));
}

static void overflow(sqlite3_context *c)
{
    function_fail(c, "22003", "value out of range: overflow");
}

static void underflow(sqlite3_context *c)
{
    function_fail(c, "22003", "value out of range: underflow");
}

/* The result of a and b (of one argument: twice the same), with PostgreSQL's checks. */
static void checked(sqlite3_context *c, double result, double a, double b, bool may_vanish)
{
    if (isinf(result) && !isinf(a) && !isinf(b))
        overflow(c);
    else if (!may_vanish && is_zero(result) && !is_zero(a) && !is_zero(b))
        underflow(c);
    else
        return_wide(c, result);
}

static void calculate(sqlite3_context *c, int count, sqlite3_value **args, char op)
{
    if (!function_begin(c, count, args)) return;
    const double a = wide_of(args[0]);
    const double b = wide_of(args[1]);
    if (op == '/' && is_zero(b) && !isnan(a)) {
        function_fail(c, "22012", "division by zero");
        return;
    }
    const double result = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
    if (op == '/') {
        const bool is_small = is_zero(result) && !is_zero(a) && !isinf(b);
        if (isinf(result) && !isinf(a))
            overflow(c);
        else if (is_small)
            underflow(c);
        else
            return_wide(c, result);
        return;
    }
    checked(c, result, a, b, op != '*');
}

static void calculate_narrow(sqlite3_context *c, int count, sqlite3_value **args, char op)
{
    if (!function_begin(c, count, args)) return;
    const float a = float4_unpack(sqlite3_value_int64(args[0]));
    const float b = float4_unpack(sqlite3_value_int64(args[1]));
    const bool is_b_zero = fpclassify(b) == FP_ZERO;
    if (op == '/' && is_b_zero && !isnan(a)) {
        function_fail(c, "22012", "division by zero");
        return;
    }
    const float result = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b;
    const bool is_lost = fpclassify(result) == FP_ZERO && fpclassify(a) != FP_ZERO;
    if (isinf(result) && !isinf(a) && (op == '/' || !isinf(b)))
        overflow(c);
    else if ((op == '*' && is_lost && !is_b_zero) || (op == '/' && is_lost && !isinf(b)))
        underflow(c);
    else
        return_narrow(c, result);
}

#define OPERATION(name, op)                                                                        \
    static void float8_##name(sqlite3_context *c, int count, sqlite3_value **args)                 \
    {                                                                                              \
        calculate(c, count, args, op);                                                             \
    }                                                                                              \
    static void float4_##name(sqlite3_context *c, int count, sqlite3_value **args)                 \
    {                                                                                              \
        calculate_narrow(c, count, args, op);                                                      \
    }
OPERATION(add, '+')
OPERATION(sub, '-')
OPERATION(mul, '*')
OPERATION(div, '/')

static void float8_neg(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args)) return_wide(c, -wide_of(args[0]));
}

static void float4_neg(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args))
        return_narrow(c, -float4_unpack(sqlite3_value_int64(args[0])));
}

static void float8_abs(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args)) return_wide(c, fabs(wide_of(args[0])));
}

static void float4_abs(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args))
        return_narrow(c, fabsf(float4_unpack(sqlite3_value_int64(args[0]))));
}

static void float_no_minus_zero(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const int64_t stored = sqlite3_value_int64(args[0]);
    sqlite3_result_int64(c, stored == FLOAT_MINUS_ZERO ? 0 : stored);
}

/* --- casts --------------------------------------------------------------------------------- */

static void int_to_float8(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args)) return_wide(c, (double)sqlite3_value_int64(args[0]));
}

static void int_to_float4(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args)) return_narrow(c, (float)sqlite3_value_int64(args[0]));
}

static void float4_to_float8(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args))
        return_wide(c, (double)float4_unpack(sqlite3_value_int64(args[0])));
}

static void float8_to_float4(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const double value = wide_of(args[0]);
    const float narrow = (float)value;
    if (isinf(narrow) && !isinf(value))
        overflow(c);
    else if (fpclassify(narrow) == FP_ZERO && !is_zero(value))
        underflow(c);
    else
        return_narrow(c, narrow);
}

/* float_to_int(x, type of x, type of the result): rounded half to even. */
static void float_to_int(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const bool is_wide = sqlite3_value_int(args[1]) == SQL_FLOAT8;
    const int to = sqlite3_value_int(args[2]);
    const double value =
        is_wide ? wide_of(args[0]) : (double)float4_unpack(sqlite3_value_int64(args[0]));
    const double whole = rint(value);
    const double limit = to == SQL_INT2   ? 32768.0
                         : to == SQL_INT4 ? 2147483648.0
                                          : 9223372036854775808.0;
    if (whole >= -limit && whole < limit) {
        sqlite3_result_int64(c, (int64_t)whole);
        return;
    }
    function_fail(c, "22003", "%s out of range",
                  to == SQL_INT2   ? "smallint"
                  : to == SQL_INT4 ? "integer"
                                   : "bigint");
}

static void float_to_numeric(sqlite3_context *c, int count, sqlite3_value **args)
{
    char text[512];
    struct numeric out;
    struct diag d;
    if (!function_begin(c, count, args)) return;
    const bool is_wide = sqlite3_value_int(args[1]) == SQL_FLOAT8;
    const double value =
        is_wide ? wide_of(args[0]) : (double)float4_unpack(sqlite3_value_int64(args[0]));
    if (isnan(value) || isinf(value)) {
        diag_set(&d, "0A000", "numeric NaN and infinity are not supported");
        diag_hint(&d, "Keep it in double precision.");
        function_fail_with(c, &d);
        return;
    }
    (void)snprintf(text, sizeof text, "%.*g", is_wide ? DBL_DIG : FLT_DIG, value);
    if (numeric_from_text(&out, span_text(text), &d) == ST_OK)
        function_return_numeric(c, &out);
    else
        function_fail_with(c, &d);
}

static void numeric_to_float(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    struct buf text;
    struct diag d;
    int64_t stored = 0;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    const enum sql_type type = sqlite3_value_int(args[1]) == SQL_FLOAT8 ? SQL_FLOAT8 : SQL_FLOAT4;
    buf_init(&text, mem_system(), SQL_VALUE_MAX);
    numeric_to_text(&text, n);
    if (buf_status(&text) != ST_OK)
        function_no_memory(c);
    else if (float_from_text(&stored, type, buf_span(&text), &d) == ST_OK)
        sqlite3_result_int64(c, stored);
    else
        function_fail_with(c, &d);
    buf_fini(&text);
}

/* --- functions ----------------------------------------------------------------------------- */

#define EXACT(name, expression)                                                                    \
    static void float8_##name(sqlite3_context *c, int count, sqlite3_value **args)                 \
    {                                                                                              \
        if (!function_begin(c, count, args)) return;                                               \
        const double x = wide_of(args[0]);                                                         \
        return_wide(c, expression);                                                                \
    }
EXACT(ceil, ceil(x))
EXACT(floor, floor(x))
EXACT(round, rint(x))
EXACT(trunc, x >= 0 ? floor(x) : -floor(-x))
EXACT(sign, x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0)

static void float8_sqrt(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const double x = wide_of(args[0]);
    if (x < 0)
        function_fail(c, "2201F", "cannot take square root of a negative number");
    else
        return_wide(c, sqrt(x));
}

static void float8_degrees(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const double x = wide_of(args[0]);
    checked(c, x / RADIAN, x, x, true);
}

static void float8_radians(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const double x = wide_of(args[0]);
    checked(c, x * RADIAN, x, x, true);
}

static void float8_pi(sqlite3_context *c, int count, sqlite3_value **args)
{
    (void)args;
    must(count == 0);
    return_wide(c, 3.14159265358979323846);
}

#define PLAIN(name)                                                                                \
    static void float8_##name(sqlite3_context *c, int count, sqlite3_value **args)                 \
    {                                                                                              \
        if (!function_begin(c, count, args)) return;                                               \
        const double x = wide_of(args[0]);                                                         \
        checked(c, name(x), x, x, true);                                                           \
    }
PLAIN(cbrt)
PLAIN(atan)
PLAIN(sinh)
PLAIN(cosh)
PLAIN(tanh)
PLAIN(asinh)

static void float8_exp(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const double x = wide_of(args[0]);
    const double result = exp(x);
    if (isinf(result) && !isinf(x))
        overflow(c);
    else if (is_zero(result) && !isinf(x))
        underflow(c);
    else
        return_wide(c, result);
}

/* Functions over a part of the numbers: 2201E for logarithms, 22003 for the others. */
#define LOGARITHM(name)                                                                            \
    static void float8_##name(sqlite3_context *c, int count, sqlite3_value **args)                 \
    {                                                                                              \
        if (!function_begin(c, count, args)) return;                                               \
        const double x = wide_of(args[0]);                                                         \
        if (is_zero(x))                                                                            \
            function_fail(c, "2201E", "cannot take logarithm of zero");                            \
        else if (x < 0)                                                                            \
            function_fail(c, "2201E", "cannot take logarithm of a negative number");               \
        else                                                                                       \
            return_wide(c, name(x));                                                               \
    }
LOGARITHM(log)
LOGARITHM(log10)

#define LIMITED(name, is_outside)                                                                  \
    static void float8_##name(sqlite3_context *c, int count, sqlite3_value **args)                 \
    {                                                                                              \
        if (!function_begin(c, count, args)) return;                                               \
        const double x = wide_of(args[0]);                                                         \
        if (is_outside)                                                                            \
            function_fail(c, "22003", "input is out of range");                                    \
        else                                                                                       \
            return_wide(c, name(x));                                                               \
    }
LIMITED(sin, isinf(x))
LIMITED(cos, isinf(x))
LIMITED(tan, isinf(x))
LIMITED(asin, x<-1 || x> 1)
LIMITED(acos, x<-1 || x> 1)
LIMITED(acosh, x < 1)
LIMITED(atanh, x<-1 || x> 1)

static void float8_cot(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const double x = wide_of(args[0]);
    if (isinf(x))
        function_fail(c, "22003", "input is out of range");
    else
        return_wide(c, 1.0 / tan(x));
}

static void float8_atan2(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args)) return_wide(c, atan2(wide_of(args[0]), wide_of(args[1])));
}

static void float8_power(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const double a = wide_of(args[0]);
    const double b = wide_of(args[1]);
    if (is_zero(a) && b < 0) {
        function_fail(c, "2201F", "zero raised to a negative power is undefined");
        return;
    }
    if (a < 0 && !isinf(b) && !isnan(b) && floor(b) < b) {
        function_fail(c, "2201F",
                      "a negative number raised to a non-integer power yields a complex result");
        return;
    }
    const double result = pow(a, b);
    if (isinf(result) && !isinf(a) && !isinf(b))
        overflow(c);
    else if (is_zero(result) && !is_zero(a) && !isinf(a) && !isinf(b))
        underflow(c);
    else
        return_wide(c, result);
}

/* --- aggregates: Youngs and Cramer, as PostgreSQL ------------------------------------------ */

struct float_sum {
    int64_t rows;
    double n;
    double x;
    double xx;
    double y;
    double yy;
    double xy;
};

static void accumulate(struct float_sum *s, double x)
{
    const double old_n = s->n;
    const double old_x = s->x;
    s->rows++;
    s->n += 1;
    s->x += x;
    if (old_n > 0) {
        const double t = x * s->n - s->x;
        s->xx += t * t / (s->n * old_n);
        if ((isinf(s->x) || isinf(s->xx)) && (isinf(old_x) || isinf(x))) s->xx = (double)NAN;
    } else if (isnan(x) || isinf(x)) {
        s->xx = (double)NAN;
    }
}

static void float8_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    struct float_sum *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL)
        function_no_memory(c);
    else
        accumulate(s, wide_of(args[0]));
}

/* sum of real is real: added in single precision. */
static void float4_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    struct float_sum *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return;
    }
    s->rows++;
    s->x = (double)(float)((float)s->x + float4_unpack(sqlite3_value_int64(args[0])));
}

static void float8_sum_finish(sqlite3_context *c)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    if (s != NULL && s->rows > 0) return_wide(c, s->x);
}

static void float4_sum_finish(sqlite3_context *c)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    if (s != NULL && s->rows > 0) return_narrow(c, (float)s->x);
}

static void float8_avg_finish(sqlite3_context *c)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    if (s != NULL && s->rows > 0) return_wide(c, s->x / s->n);
}

static void variance(sqlite3_context *c, bool is_sample, bool is_root)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    if (s == NULL || s->rows < (is_sample ? 2 : 1)) return;
    const double value = s->xx / (is_sample ? s->n - 1.0 : s->n);
    return_wide(c, is_root ? sqrt(value) : value);
}

static void var_samp_finish(sqlite3_context *c)
{
    variance(c, true, false);
}

static void var_pop_finish(sqlite3_context *c)
{
    variance(c, false, false);
}

static void stddev_samp_finish(sqlite3_context *c)
{
    variance(c, true, true);
}

static void stddev_pop_finish(sqlite3_context *c)
{
    variance(c, false, true);
}

/* f(Y, X) of statistics: the first argument is Y. */
static void pair_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    struct float_sum *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return;
    }
    const double y = wide_of(args[0]);
    const double x = wide_of(args[1]);
    const double old_n = s->n;
    s->rows++;
    s->n += 1;
    s->x += x;
    s->y += y;
    if (old_n > 0) {
        const double tx = x * s->n - s->x;
        const double ty = y * s->n - s->y;
        const double scale = 1.0 / (s->n * old_n);
        s->xx += tx * tx * scale;
        s->yy += ty * ty * scale;
        s->xy += tx * ty * scale;
    } else {
        if (isnan(x) || isinf(x)) s->xx = s->xy = (double)NAN;
        if (isnan(y) || isinf(y)) s->yy = s->xy = (double)NAN;
    }
}

static void corr_finish(sqlite3_context *c)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    if (s == NULL || s->rows < 1 || is_zero(s->xx) || is_zero(s->yy)) return;
    return_wide(c, s->xy / sqrt(s->xx * s->yy));
}

static void covar_pop_finish(sqlite3_context *c)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    if (s != NULL && s->rows > 0) return_wide(c, s->xy / s->n);
}

static void covar_samp_finish(sqlite3_context *c)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    if (s != NULL && s->rows > 1) return_wide(c, s->xy / (s->n - 1.0));
}

static void slope_finish(sqlite3_context *c)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    if (s != NULL && s->rows > 0 && !is_zero(s->xx)) return_wide(c, s->xy / s->xx);
}

static void intercept_finish(sqlite3_context *c)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    if (s != NULL && s->rows > 0 && !is_zero(s->xx))
        return_wide(c, (s->y - s->x * s->xy / s->xx) / s->n);
}

#define PAIR_SUM(name, rows_min, expression)                                                       \
    static void name(sqlite3_context *c)                                                           \
    {                                                                                              \
        const struct float_sum *s = sqlite3_aggregate_context(c, 0);                               \
        if (s != NULL && s->rows >= (rows_min)) return_wide(c, expression);                        \
    }
PAIR_SUM(avgx_finish, 1, s->x / s->n)
PAIR_SUM(avgy_finish, 1, s->y / s->n)
PAIR_SUM(sxx_finish, 1, s->xx)
PAIR_SUM(syy_finish, 1, s->yy)
PAIR_SUM(sxy_finish, 1, s->xy)

static void r2_finish(sqlite3_context *c)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    if (s == NULL || s->rows < 1 || is_zero(s->xx)) return;
    return_wide(c, is_zero(s->yy) ? 1.0 : (s->xy * s->xy) / (s->xx * s->yy));
}

static void count_finish(sqlite3_context *c)
{
    const struct float_sum *s = sqlite3_aggregate_context(c, 0);
    sqlite3_result_int64(c, s == NULL ? 0 : s->rows);
}

const struct native function_floats[] = {
    {.name = "float8_regr_count", .args = 2, .step = pair_step, .finish = count_finish},
    {.name = "float8_regr_avgx", .args = 2, .step = pair_step, .finish = avgx_finish},
    {.name = "float8_regr_avgy", .args = 2, .step = pair_step, .finish = avgy_finish},
    {.name = "float8_regr_sxx", .args = 2, .step = pair_step, .finish = sxx_finish},
    {.name = "float8_regr_syy", .args = 2, .step = pair_step, .finish = syy_finish},
    {.name = "float8_regr_sxy", .args = 2, .step = pair_step, .finish = sxy_finish},
    {.name = "float8_regr_r2", .args = 2, .step = pair_step, .finish = r2_finish},
    {.name = "float8_add", .args = 2, .call = float8_add},
    {.name = "float8_sub", .args = 2, .call = float8_sub},
    {.name = "float8_mul", .args = 2, .call = float8_mul},
    {.name = "float8_div", .args = 2, .call = float8_div},
    {.name = "float4_add", .args = 2, .call = float4_add},
    {.name = "float4_sub", .args = 2, .call = float4_sub},
    {.name = "float4_mul", .args = 2, .call = float4_mul},
    {.name = "float4_div", .args = 2, .call = float4_div},
    {.name = "float8_neg", .args = 1, .call = float8_neg},
    {.name = "float4_neg", .args = 1, .call = float4_neg},
    {.name = "float8_abs", .args = 1, .call = float8_abs},
    {.name = "float4_abs", .args = 1, .call = float4_abs},
    {.name = "float_no_minus_zero", .args = 1, .call = float_no_minus_zero},
    {.name = "int_to_float8", .args = 1, .call = int_to_float8},
    {.name = "int_to_float4", .args = 1, .call = int_to_float4},
    {.name = "float4_to_float8", .args = 1, .call = float4_to_float8},
    {.name = "float8_to_float4", .args = 1, .call = float8_to_float4},
    {.name = "float_to_int", .args = 3, .call = float_to_int},
    {.name = "float_to_numeric", .args = 2, .call = float_to_numeric},
    {.name = "numeric_to_float", .args = 2, .call = numeric_to_float},
    {.name = "float8_ceil", .args = 1, .call = float8_ceil},
    {.name = "float8_floor", .args = 1, .call = float8_floor},
    {.name = "float8_round", .args = 1, .call = float8_round},
    {.name = "float8_trunc", .args = 1, .call = float8_trunc},
    {.name = "float8_sign", .args = 1, .call = float8_sign},
    {.name = "float8_sqrt", .args = 1, .call = float8_sqrt},
    {.name = "float8_degrees", .args = 1, .call = float8_degrees},
    {.name = "float8_radians", .args = 1, .call = float8_radians},
    {.name = "float8_pi", .args = 0, .call = float8_pi},
    {.name = "float8_cbrt", .args = 1, .call = float8_cbrt},
    {.name = "float8_exp", .args = 1, .call = float8_exp},
    {.name = "float8_ln", .args = 1, .call = float8_log},
    {.name = "float8_log10", .args = 1, .call = float8_log10},
    {.name = "float8_power", .args = 2, .call = float8_power},
    {.name = "float8_sin", .args = 1, .call = float8_sin},
    {.name = "float8_cos", .args = 1, .call = float8_cos},
    {.name = "float8_tan", .args = 1, .call = float8_tan},
    {.name = "float8_cot", .args = 1, .call = float8_cot},
    {.name = "float8_asin", .args = 1, .call = float8_asin},
    {.name = "float8_acos", .args = 1, .call = float8_acos},
    {.name = "float8_atan", .args = 1, .call = float8_atan},
    {.name = "float8_atan2", .args = 2, .call = float8_atan2},
    {.name = "float8_sinh", .args = 1, .call = float8_sinh},
    {.name = "float8_cosh", .args = 1, .call = float8_cosh},
    {.name = "float8_tanh", .args = 1, .call = float8_tanh},
    {.name = "float8_asinh", .args = 1, .call = float8_asinh},
    {.name = "float8_acosh", .args = 1, .call = float8_acosh},
    {.name = "float8_atanh", .args = 1, .call = float8_atanh},
    {.name = "float8_sum", .args = 1, .step = float8_step, .finish = float8_sum_finish},
    {.name = "float4_sum", .args = 1, .step = float4_step, .finish = float4_sum_finish},
    {.name = "float8_avg", .args = 1, .step = float8_step, .finish = float8_avg_finish},
    {.name = "float8_var_samp", .args = 1, .step = float8_step, .finish = var_samp_finish},
    {.name = "float8_var_pop", .args = 1, .step = float8_step, .finish = var_pop_finish},
    {.name = "float8_stddev_samp", .args = 1, .step = float8_step, .finish = stddev_samp_finish},
    {.name = "float8_stddev_pop", .args = 1, .step = float8_step, .finish = stddev_pop_finish},
    {.name = "float8_corr", .args = 2, .step = pair_step, .finish = corr_finish},
    {.name = "float8_covar_pop", .args = 2, .step = pair_step, .finish = covar_pop_finish},
    {.name = "float8_covar_samp", .args = 2, .step = pair_step, .finish = covar_samp_finish},
    {.name = "float8_regr_slope", .args = 2, .step = pair_step, .finish = slope_finish},
    {.name = "float8_regr_intercept", .args = 2, .step = pair_step, .finish = intercept_finish},
    {.name = NULL},
};
