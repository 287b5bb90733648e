/* numeric_power.c - Roots, powers, logarithms in fixed point: integers C that stand for C / 10^S,
 * with GUARD digits more than the result has. */
#include "sql/numeric_power.h"

#include "base/must.h"
#include "sql/numeric_int.h"

#define SIGNIFICANT 16    /* Digits that a result has at least. */
#define GUARD       24u   /* Digits beyond those of the result. */
#define DIGITS_MAX  1900u /* Of fixed point: a product has twice as many. */
#define WEIGHT_MAX  2000  /* Digits before the point. */
#define HALVINGS    10u   /* exp(x) = exp(x / 2^10)^(2^10) */

static void set_one(struct decimal *out, uint32_t scale)
{
    *out = (struct decimal){.count = 1, .limbs = {1}};
    decimal_shift_up(out, scale);
    out->scale = scale;
}

static void trim(struct decimal *n)
{
    while (n->count > 0 && n->limbs[n->count - 1] == 0)
        n->count--;
    if (n->count == 0) n->is_negative = false;
}

/* To exactly this scale, cutting what is beyond it. */
static void to_scale(struct decimal *n, uint32_t scale)
{
    if (n->scale < scale) decimal_shift_up(n, scale - n->scale);
    if (n->scale > scale) (void)decimal_shift_down(n, n->scale - scale);
    n->scale = scale;
    trim(n);
}

static void multiply(struct decimal *out, const struct decimal *a, const struct decimal *b)
{
    const struct decimal *x = a->count >= b->count ? a : b;
    const struct decimal *y = x == a ? b : a;
    struct decimal product = {.is_negative = a->is_negative != b->is_negative, .scale = a->scale};
    must(a->scale == b->scale);
    if (y->count > 0) {
        must(x->count + y->count <= DECIMAL_LIMBS_MAX);
        (void)mpn_mul(product.limbs, x->limbs, x->count, y->limbs, y->count);
        product.count = x->count + y->count;
        trim(&product);
        (void)decimal_shift_down(&product, a->scale);
    }
    trim(&product);
    *out = product;
}

static void divide(struct decimal *out, const struct decimal *a, const struct decimal *b)
{
    struct decimal up = *a;
    struct decimal result = {.is_negative = a->is_negative != b->is_negative, .scale = a->scale};
    mp_limb_t rest[DECIMAL_LIMBS_MAX];
    must(b->count > 0);
    decimal_shift_up(&up, a->scale);
    if (up.count >= b->count) {
        mpn_tdiv_qr(result.limbs, rest, 0, up.limbs, up.count, b->limbs, b->count);
        result.count = up.count - b->count + 1;
    }
    trim(&result);
    *out = result;
}

static void divide_small(struct decimal *n, mp_limb_t by)
{
    if (n->count > 0) (void)mpn_divrem_1(n->limbs, 0, n->limbs, n->count, by);
    trim(n);
}

static void subtract(struct decimal *to, const struct decimal *n)
{
    struct decimal other = *n;
    other.is_negative = n->count > 0 && !n->is_negative;
    decimal_add(to, &other);
    trim(to);
}

static void root(struct decimal *n)
{
    struct decimal out = {.scale = n->scale};
    decimal_shift_up(n, n->scale);
    if (n->count > 0) {
        (void)mpn_sqrtrem(out.limbs, NULL, n->limbs, n->count);
        out.count = (n->count + 1) / 2;
    }
    trim(&out);
    *n = out;
}

static enum status finish(struct numeric *out, struct decimal *n, uint32_t scale, struct diag *d)
{
    struct numeric wide;
    to_scale(n, scale + 8 < NUMERIC_SCALE_MAX ? scale + 8 : NUMERIC_SCALE_MAX);
    TRY(decimal_encode(&wide, n, d));
    return numeric_round(out, numeric_span(&wide), (int32_t)scale, NUMERIC_HALF_AWAY, d);
}

static uint32_t bounded(int64_t scale, uint32_t least)
{
    if (scale < (int64_t)least) scale = least;
    if (scale < 0) scale = 0;
    return scale > (int64_t)NUMERIC_POWER_SCALE_MAX ? NUMERIC_POWER_SCALE_MAX : (uint32_t)scale;
}

static enum status too_long(struct diag *d)
{
    diag_set(d, "54000", "a result with so many digits is not computed");
    return ST_LIMIT;
}

/* --- square root --------------------------------------------------------------------------- */

enum status numeric_root_to(struct numeric *out, struct span x, uint32_t scale, struct diag *d)
{
    struct decimal n;
    decimal_decode(&n, x);
    if (n.is_negative) {
        diag_set(d, "2201F", "cannot take square root of a negative number");
        return ST_INVALID;
    }
    to_scale(&n, scale + 1 > n.scale ? scale + 1 : n.scale);
    root(&n);
    struct numeric wide;
    TRY(decimal_encode(&wide, &n, d));
    return numeric_round(out, numeric_span(&wide), (int32_t)scale, NUMERIC_HALF_AWAY, d);
}

enum status numeric_square_root(struct numeric *out, struct span x, struct diag *d)
{
    const struct numeric_head h = numeric_head_of(x);
    int32_t weight = 0;
    uint32_t first = 0;
    numeric_weight(&h, &weight, &first);
    const int64_t before = (int64_t)(weight + 1) * 4 / 2 - 1;
    return numeric_root_to(out, x, bounded(SIGNIFICANT - before, numeric_scale(x)), d);
}

/* --- exponential and logarithm in fixed point ----------------------------------------------------
 */

static void exponential(struct decimal *out, const struct decimal *x)
{
    struct decimal small = *x;
    struct decimal term;
    struct decimal sum;
    divide_small(&small, (mp_limb_t)1 << HALVINGS);
    set_one(&sum, x->scale);
    term = sum;
    for (mp_limb_t i = 1; term.count > 0; i++) {
        multiply(&term, &term, &small);
        divide_small(&term, i);
        decimal_add(&sum, &term);
    }
    for (uint32_t i = 0; i < HALVINGS; i++)
        multiply(&sum, &sum, &sum);
    *out = sum;
}

/* ln x = 2^n · 2 · (z + z³/3 + z⁵/5 …), z = (r − 1) / (r + 1), r = x^(1/2^n) near 1. */
static void logarithm(struct decimal *out, const struct decimal *x)
{
    struct decimal one;
    struct decimal r = *x;
    struct decimal far;
    struct decimal z;
    uint32_t doublings = 1;
    set_one(&one, x->scale);
    for (uint32_t i = 0; i < 24; i++) {
        far = r;
        subtract(&far, &one);
        (void)decimal_shift_down(&far, x->scale > 3 ? x->scale - 3 : 0); /* In thousandths. */
        if (far.count == 0 || (far.count == 1 && far.limbs[0] < 10)) break;
        root(&r);
        doublings++;
    }
    struct decimal above = r;
    struct decimal below = r;
    subtract(&above, &one);
    decimal_add(&below, &one);
    divide(&z, &above, &below);
    struct decimal square;
    struct decimal power = z;
    struct decimal sum = z;
    multiply(&square, &z, &z);
    for (mp_limb_t i = 3; power.count > 0; i += 2) {
        multiply(&power, &power, &square);
        struct decimal term = power;
        divide_small(&term, i);
        decimal_add(&sum, &term);
    }
    *out = sum;
    if (out->count > 0) {
        const mp_limb_t carry = mpn_lshift(out->limbs, out->limbs, out->count, doublings);
        if (carry != 0) out->limbs[out->count++] = carry;
    }
}

/* log10 of a number, cut toward zero: where its first digit stands. */
static int32_t weight_of(const struct decimal *n)
{
    struct numeric packed;
    struct diag unused;
    struct decimal cut = *n;
    to_scale(&cut, cut.scale < 1000 ? cut.scale : 1000);
    if (cut.count == 0 || decimal_encode(&packed, &cut, &unused) != ST_OK) return 0;
    const struct numeric_head h = numeric_head_of(numeric_span(&packed));
    const int32_t whole = numeric_whole_digits(&h);
    return whole > 0 ? whole - 1 : whole;
}

/* PostgreSQL's estimate_ln_dweight, which decides how many digits a logarithm shows: between 0.9
 * and 1.1 it looks at how far x is from one, and cuts downward. */
static int32_t weight_of_logarithm(struct span x, const struct decimal *logarithm_of_x)
{
    struct numeric one;
    struct numeric ten;
    struct numeric distance;
    struct numeric tenfold;
    struct diag unused;
    numeric_from_int(&one, 1);
    numeric_from_int(&ten, 10);
    const struct span unit = numeric_span(&one);
    const bool is_less = numeric_compare(x, unit) < 0;
    if (numeric_calculate(&distance, NUMERIC_SUB, is_less ? unit : x, is_less ? x : unit,
                          &unused) != ST_OK ||
        numeric_calculate(&tenfold, NUMERIC_MUL, numeric_span(&distance), numeric_span(&ten),
                          &unused) != ST_OK)
        return weight_of(logarithm_of_x);
    if (numeric_compare(numeric_span(&tenfold), unit) > 0) return weight_of(logarithm_of_x);
    if (numeric_sign(numeric_span(&distance)) == 0) return 0;
    const struct numeric_head h = numeric_head_of(numeric_span(&distance));
    return numeric_whole_digits(&h) - 1;
}

static enum status check_logarithm(struct span x, struct diag *d)
{
    const int sign = numeric_sign(x);
    if (sign > 0) return ST_OK;
    diag_set(d, "2201E",
             sign == 0 ? "cannot take logarithm of zero"
                       : "cannot take logarithm of a negative number");
    return ST_INVALID;
}

/* ln x in fixed point with so many digits. */
static enum status take_logarithm(struct decimal *out,
                                  struct span x,
                                  uint32_t digits,
                                  struct diag *d)
{
    struct decimal n;
    decimal_decode(&n, x);
    if (digits < n.scale) digits = n.scale;
    const struct numeric_head h = numeric_head_of(x);
    const int32_t whole = numeric_whole_digits(&h);
    /* A number near zero needs the digits that stand before its first. */
    digits += whole < 0 ? (uint32_t)-whole : (uint32_t)whole;
    if (digits > DIGITS_MAX) return too_long(d);
    to_scale(&n, digits);
    logarithm(out, &n);
    return ST_OK;
}

enum status numeric_logarithm(struct numeric *out, struct span x, struct diag *d)
{
    struct decimal n;
    TRY(check_logarithm(x, d));
    TRY(take_logarithm(&n, x, 40, d));
    const uint32_t scale = bounded(SIGNIFICANT - weight_of_logarithm(x, &n), numeric_scale(x));
    TRY(take_logarithm(&n, x, scale + GUARD, d));
    return finish(out, &n, scale, d);
}

enum status numeric_logarithm_to(struct numeric *out,
                                 struct span base,
                                 struct span x,
                                 struct diag *d)
{
    struct decimal of_base;
    struct decimal n;
    TRY(check_logarithm(base, d));
    TRY(check_logarithm(x, d));
    TRY(take_logarithm(&of_base, base, 40, d));
    TRY(take_logarithm(&n, x, 40, d));
    if (of_base.count == 0) {
        diag_set(d, "22012", "division by zero");
        return ST_INVALID;
    }
    const uint32_t least =
        numeric_scale(base) > numeric_scale(x) ? numeric_scale(base) : numeric_scale(x);
    const uint32_t scale = bounded(
        SIGNIFICANT - (weight_of_logarithm(x, &n) - weight_of_logarithm(base, &of_base)), least);
    TRY(take_logarithm(&of_base, base, scale + 2 * GUARD, d));
    TRY(take_logarithm(&n, x, scale + 2 * GUARD, d));
    const uint32_t digits = n.scale < of_base.scale ? n.scale : of_base.scale;
    to_scale(&n, digits);
    to_scale(&of_base, digits);
    divide(&n, &n, &of_base);
    return finish(out, &n, scale, d);
}

/* Digits before the point of e^x, from x in fixed point: x · log10(e), cut toward zero. */
static bool weight_of_power(const struct decimal *x, int64_t *weight)
{
    struct decimal n = *x;
    to_scale(&n, 0);
    if (n.count > 1 || (n.count == 1 && n.limbs[0] > 20000)) return false;
    struct decimal fine = *x;
    to_scale(&fine, 9);
    struct decimal factor = {.count = 1, .scale = 9, .limbs = {434294482}};
    multiply(&fine, &fine, &factor);
    to_scale(&fine, 0);
    *weight = fine.count == 0 ? 0 : (int64_t)fine.limbs[0];
    if (fine.is_negative) *weight = -*weight;
    return true;
}

static enum status overflow(struct diag *d)
{
    diag_set(d, "22003", "value overflows numeric format");
    return ST_INVALID;
}

/* e^x of x in fixed point, with this scale. */
static enum status raise_to(
    struct numeric *out, const struct decimal *x, uint32_t scale, int64_t weight, struct diag *d)
{
    struct decimal n = *x;
    struct decimal result;
    if (weight > WEIGHT_MAX) return overflow(d);
    const uint32_t digits = scale + GUARD + (weight > 0 ? (uint32_t)weight : 0);
    if (digits > DIGITS_MAX) return too_long(d);
    to_scale(&n, digits);
    if (n.is_negative) { /* 1 / e^-x keeps the digits. */
        struct decimal one;
        n.is_negative = false;
        const int64_t up = -weight + 4;
        if (up + (int64_t)digits > (int64_t)DIGITS_MAX) return too_long(d);
        to_scale(&n, digits);
        exponential(&result, &n);
        set_one(&one, digits);
        divide(&result, &one, &result);
    } else {
        exponential(&result, &n);
    }
    return finish(out, &result, scale, d);
}

enum status numeric_exponential(struct numeric *out, struct span x, struct diag *d)
{
    struct decimal n;
    int64_t weight = 0;
    decimal_decode(&n, x);
    if (n.scale < 9) to_scale(&n, 9);
    if (!weight_of_power(&n, &weight)) {
        if (!n.is_negative) return overflow(d);
        weight = -WEIGHT_MAX;
    }
    const uint32_t scale = bounded(SIGNIFICANT - weight, numeric_scale(x));
    if (weight < -(int64_t)scale - 4) {
        numeric_from_scaled(out, 0, scale);
        return ST_OK;
    }
    return raise_to(out, &n, scale, weight, d);
}

static bool is_whole(struct span y)
{
    return numeric_min_scale(y) == 0;
}

static bool is_odd(struct span y)
{
    struct decimal n;
    decimal_decode(&n, y);
    to_scale(&n, 0);
    return n.count > 0 && (n.limbs[0] & 1) == 1;
}

static enum status check_raise(struct span x, struct span y, struct diag *d)
{
    const char *text = NULL;
    if (numeric_sign(x) == 0 && numeric_sign(y) < 0)
        text = "zero raised to a negative power is undefined";
    if (numeric_sign(x) < 0 && !is_whole(y))
        text = "a negative number raised to a non-integer power yields a complex result";
    if (text == NULL) return ST_OK;
    diag_set(d, "2201F", "%s", text);
    return ST_INVALID;
}

/* 0^y and x^0. */
static enum status raise_zero(struct numeric *out, struct span y, uint32_t scale, struct diag *d)
{
    struct numeric plain;
    numeric_from_int(&plain, numeric_sign(y) == 0 ? 1 : 0);
    return numeric_round(out, numeric_span(&plain), (int32_t)scale, NUMERIC_HALF_AWAY, d);
}

/* y · ln x in fixed point, the logarithm with so many digits. */
static enum status take_exponent(
    struct decimal *out, struct span x, struct span y, uint32_t digits, struct diag *d)
{
    struct decimal factor;
    TRY(take_logarithm(out, x, digits, d));
    decimal_decode(&factor, y);
    if (factor.scale > out->scale) to_scale(out, factor.scale);
    to_scale(&factor, out->scale);
    multiply(out, out, &factor);
    return ST_OK;
}

/* x^y = e^(y · ln |x|), with the sign of an odd power. */
enum status numeric_raise(struct numeric *out, struct span x, struct span y, struct diag *d)
{
    struct numeric size;
    struct decimal n;
    int64_t weight = 0;
    TRY(check_raise(x, y, d));
    const uint32_t least =
        numeric_scale(x) > numeric_scale(y) ? numeric_scale(x) : numeric_scale(y);
    if (numeric_sign(x) == 0 || numeric_sign(y) == 0)
        return raise_zero(out, y, bounded(SIGNIFICANT, least), d);
    numeric_absolute(&size, x);
    const struct numeric_head h = numeric_head_of(y);
    const int32_t whole = numeric_whole_digits(&h);
    const uint32_t more = whole > 0 ? (uint32_t)whole : 0;
    if (more > 12) return is_whole(y) || numeric_sign(y) > 0 ? overflow(d) : too_long(d);
    uint32_t digits = 40 + more + numeric_scale(y);
    uint32_t scale = 0;
    for (int pass = 0; pass < 2; pass++) {
        TRY(take_exponent(&n, numeric_span(&size), y, digits, d));
        if (!weight_of_power(&n, &weight)) {
            if (!n.is_negative) return overflow(d);
            weight = -WEIGHT_MAX;
        }
        scale = bounded(is_whole(y) ? SIGNIFICANT : SIGNIFICANT - weight, least);
        digits = scale + 2 * GUARD + more + (weight > 0 ? (uint32_t)weight : 0);
    }
    if (weight < -(int64_t)scale - 4) {
        numeric_from_scaled(out, 0, scale);
        return ST_OK;
    }
    TRY(raise_to(&size, &n, scale, weight, d));
    if (numeric_sign(x) < 0 && is_odd(y))
        numeric_negate(out, numeric_span(&size));
    else
        *out = size;
    return ST_OK;
}
