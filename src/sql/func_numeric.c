/* func_numeric.c - Operators and functions of numeric, over numeric.h. */
#include "base/must.h"
#include "sql/function_int.h"
#include "sql/numeric_power.h"

static void calculate(sqlite3_context *c, int count, sqlite3_value **args, enum numeric_op op);
static void round_to(sqlite3_context *c, int count, sqlite3_value **args, enum numeric_round how);
static void to_int(sqlite3_context *c, int count, sqlite3_value **args, enum sql_type type);
static void extreme(sqlite3_context *c, int count, sqlite3_value **args, int wanted);

#define OPERATION(low, upper)                                                                      \
    static void numeric_##low(sqlite3_context *c, int count, sqlite3_value **args)                 \
    {                                                                                              \
        calculate(c, count, args, upper);                                                          \
    }
#define ROUNDING(low, upper)                                                                       \
    static void low(sqlite3_context *c, int count, sqlite3_value **args)                           \
    {                                                                                              \
        round_to(c, count, args, upper);                                                           \
    }
#define TO_INT(low, upper)                                                                         \
    static void low(sqlite3_context *c, int count, sqlite3_value **args)                           \
    {                                                                                              \
        to_int(c, count, args, upper);                                                             \
    }

OPERATION(add, NUMERIC_ADD)
OPERATION(sub, NUMERIC_SUB)
OPERATION(mul, NUMERIC_MUL)
OPERATION(div, NUMERIC_DIV)
OPERATION(mod, NUMERIC_MOD)
OPERATION(div_trunc, NUMERIC_DIV_TRUNC)
ROUNDING(call_round, NUMERIC_HALF_AWAY)
ROUNDING(call_trunc, NUMERIC_TRUNCATE)
ROUNDING(call_ceil, NUMERIC_UP)
ROUNDING(call_floor, NUMERIC_DOWN)
TO_INT(to_int2, SQL_INT2)
TO_INT(to_int4, SQL_INT4)
TO_INT(to_int8, SQL_INT8)

static void call_cmp(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span a;
    struct span b;
    if (!function_begin(c, count, args)) return;
    if (!function_numeric(c, args[0], &a) || !function_numeric(c, args[1], &b)) return;
    sqlite3_result_int(c, numeric_compare(a, b));
}

static void call_key(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    function_return_bytea(c, numeric_key(n));
}

static void call_neg(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    struct numeric out;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    numeric_negate(&out, n);
    function_return_numeric(c, &out);
}

static void call_abs(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    struct numeric out;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    numeric_absolute(&out, n);
    function_return_numeric(c, &out);
}

static void call_sign(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    struct numeric out;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    numeric_from_int(&out, numeric_sign(n));
    function_return_numeric(c, &out);
}

static void call_scale(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    sqlite3_result_int64(c, numeric_scale(n));
}

static void call_min_scale(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    sqlite3_result_int64(c, numeric_min_scale(n));
}

static void call_trim_scale(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    struct numeric out;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    const bool is_exact = numeric_rescale(&out, n, numeric_min_scale(n));
    must(is_exact);
    function_return_numeric(c, &out);
}

static void call_from_int(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct numeric out;
    if (!function_begin(c, count, args)) return;
    numeric_from_int(&out, sqlite3_value_int64(args[0]));
    function_return_numeric(c, &out);
}

static void call_fit(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    struct numeric out;
    struct diag d;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    if (numeric_fit(&out, n, function_int4(args[1]), &d) == ST_OK)
        function_return_numeric(c, &out);
    else
        function_fail_with(c, &d);
}

static void call_greatest(sqlite3_context *c, int count, sqlite3_value **args)
{
    extreme(c, count, args, 1);
}

static void call_least(sqlite3_context *c, int count, sqlite3_value **args)
{
    extreme(c, count, args, -1);
}

typedef enum status math_fn(struct numeric *out, struct span x, struct diag *d);

/* Costs about the square of the digits. */
static void compute(sqlite3_context *c, int count, sqlite3_value **args, math_fn *fn)
{
    struct span n;
    struct numeric out;
    struct diag d;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    if (!function_charge(c, 200 + n.size * n.size)) return;
    if (fn(&out, n, &d) == ST_OK)
        function_return_numeric(c, &out);
    else
        function_fail_with(c, &d);
}

static void call_sqrt(sqlite3_context *c, int count, sqlite3_value **args)
{
    compute(c, count, args, numeric_square_root);
}

static void call_exp(sqlite3_context *c, int count, sqlite3_value **args)
{
    compute(c, count, args, numeric_exponential);
}

static void call_ln(sqlite3_context *c, int count, sqlite3_value **args)
{
    compute(c, count, args, numeric_logarithm);
}

static void call_two(sqlite3_context *c, int count, sqlite3_value **args, bool is_log)
{
    struct span a;
    struct span b;
    struct numeric out;
    struct diag d;
    if (!function_begin(c, count, args)) return;
    if (!function_numeric(c, args[0], &a) || !function_numeric(c, args[1], &b)) return;
    if (!function_charge(c, 1000 + (a.size + b.size) * (a.size + b.size))) return;
    const enum status st =
        is_log ? numeric_logarithm_to(&out, a, b, &d) : numeric_raise(&out, a, b, &d);
    if (st == ST_OK)
        function_return_numeric(c, &out);
    else
        function_fail_with(c, &d);
}

static void call_log(sqlite3_context *c, int count, sqlite3_value **args)
{
    call_two(c, count, args, true);
}

static void call_power(sqlite3_context *c, int count, sqlite3_value **args)
{
    call_two(c, count, args, false);
}

static void call_factorial(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct numeric out;
    struct numeric factor;
    struct numeric product;
    struct diag d;
    if (!function_begin(c, count, args)) return;
    const int64_t n = sqlite3_value_int64(args[0]);
    if (n < 0) {
        function_fail(c, "22003", "factorial of a negative number is undefined");
        return;
    }
    numeric_from_int(&out, 1);
    for (int64_t i = 2; i <= n; i++) {
        numeric_from_int(&factor, i);
        if (!function_charge(c, out.size)) return;
        if (numeric_calculate(&product, NUMERIC_MUL, numeric_span(&out), numeric_span(&factor),
                              &d) != ST_OK) {
            function_fail_with(c, &d);
            return;
        }
        out = product;
    }
    function_return_numeric(c, &out);
}

const struct native function_numerics[] = {
    {.name = "numeric_factorial", .args = 1, .call = call_factorial},
    {.name = "numeric_sqrt", .args = 1, .call = call_sqrt},
    {.name = "numeric_exp", .args = 1, .call = call_exp},
    {.name = "numeric_ln", .args = 1, .call = call_ln},
    {.name = "numeric_log", .args = 2, .call = call_log},
    {.name = "numeric_power", .args = 2, .call = call_power},
    {.name = "numeric_add", .args = 2, .call = numeric_add},
    {.name = "numeric_sub", .args = 2, .call = numeric_sub},
    {.name = "numeric_mul", .args = 2, .call = numeric_mul},
    {.name = "numeric_div", .args = 2, .call = numeric_div},
    {.name = "numeric_mod", .args = 2, .call = numeric_mod},
    {.name = "numeric_div_trunc", .args = 2, .call = numeric_div_trunc},
    {.name = "numeric_round", .args = 2, .call = call_round},
    {.name = "numeric_trunc", .args = 2, .call = call_trunc},
    {.name = "numeric_ceil", .args = 1, .call = call_ceil},
    {.name = "numeric_floor", .args = 1, .call = call_floor},
    {.name = "numeric_to_int2", .args = 1, .call = to_int2},
    {.name = "numeric_to_int4", .args = 1, .call = to_int4},
    {.name = "numeric_to_int8", .args = 1, .call = to_int8},
    {.name = "numeric_cmp", .args = 2, .call = call_cmp},
    {.name = "numeric_key", .args = 1, .call = call_key},
    {.name = "numeric_neg", .args = 1, .call = call_neg},
    {.name = "numeric_abs", .args = 1, .call = call_abs},
    {.name = "numeric_sign", .args = 1, .call = call_sign},
    {.name = "numeric_scale", .args = 1, .call = call_scale},
    {.name = "numeric_min_scale", .args = 1, .call = call_min_scale},
    {.name = "numeric_trim_scale", .args = 1, .call = call_trim_scale},
    {.name = "int_to_numeric", .args = 1, .call = call_from_int},
    {.name = "numeric_fit", .args = 2, .call = call_fit},
    {.name = "numeric_greatest", .args = -1, .call = call_greatest},
    {.name = "numeric_least", .args = -1, .call = call_least},
    {.name = NULL},
};

static void calculate(sqlite3_context *c, int count, sqlite3_value **args, enum numeric_op op)
{
    struct span a;
    struct span b;
    struct numeric out;
    struct diag d;
    if (!function_begin(c, count, args)) return;
    if (!function_numeric(c, args[0], &a) || !function_numeric(c, args[1], &b)) return;
    /* Long operands cost their product. */
    if (a.size > 16 && b.size > 16 && !function_charge(c, a.size * b.size / 16)) return;
    if (numeric_calculate(&out, op, a, b, &d) == ST_OK)
        function_return_numeric(c, &out);
    else
        function_fail_with(c, &d);
}

static void round_to(sqlite3_context *c, int count, sqlite3_value **args, enum numeric_round how)
{
    struct span n;
    struct numeric out;
    struct diag d;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    const int32_t places = count > 1 ? function_int4(args[1]) : 0;
    if (numeric_round(&out, n, places, how, &d) == ST_OK)
        function_return_numeric(c, &out);
    else
        function_fail_with(c, &d);
}

static void to_int(sqlite3_context *c, int count, sqlite3_value **args, enum sql_type type)
{
    struct span n;
    int64_t value = 0;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    bool is_in = numeric_to_int(n, &value);
    if (type == SQL_INT2) is_in = is_in && value >= INT16_MIN && value <= INT16_MAX;
    if (type == SQL_INT4) is_in = is_in && value >= INT32_MIN && value <= INT32_MAX;
    if (is_in) {
        sqlite3_result_int64(c, value);
        return;
    }
    char name[64];
    sql_type_name(name, type, -1);
    function_fail(c, "22003", "%s out of range", name);
}

/* NULLs are ignored; of equal values the first is taken, as PostgreSQL does. */
static void extreme(sqlite3_context *c, int count, sqlite3_value **args, int wanted)
{
    int best = -1;
    struct span best_bytes = span_of("", 0);
    for (int i = 0; i < count; i++) {
        struct span n;
        if (sqlite3_value_type(args[i]) == SQLITE_NULL) continue;
        if (!function_numeric(c, args[i], &n) || !function_charge(c, n.size)) return;
        if (best >= 0 && numeric_compare(n, best_bytes) != wanted) continue;
        best = i;
        best_bytes = n;
    }
    if (best >= 0) sqlite3_result_value(c, args[best]);
}
