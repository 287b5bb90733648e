/* numeric_math.c - Arithmetic on numeric with PostgreSQL's result scales, over GMP's mpn layer.
 *
 * Values are unpacked to ±C × 10^−scale (numeric_int.h), so the exact operations are integer
 * operations; only the rules for scales and rounding are PostgreSQL's (numeric.c there):
 *   + − %   the larger scale          ×      the sum of scales
 *   /       at least 16 significant digits and neither scale less (select_div_scale), at most 1000
 * Sizes: operands have at most 4,000 digits, so products and scaled dividends stay within
 * DECIMAL_DIGITS_MAX. */
#include "base/must.h"
#include "sql/numeric_int.h"

#define SIGNIFICANT_DIGITS_MIN 16
#define DIVISION_SCALE_MAX     1000
#define LIMB_PLACES            19u /* 10^19 fits a limb. */

static const mp_limb_t powers_of_ten[LIMB_PLACES + 1] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    10000000000000000000u,
};

static void decimal_from_u64(struct decimal *out, uint64_t value, bool is_negative);
static void decimal_copy(struct decimal *out, const struct decimal *in);
static void decimal_multiply(struct decimal *out, const struct decimal *a, const struct decimal *b);
static void decimal_divide(struct decimal *quotient,
                           struct decimal *rest,
                           const struct decimal *a,
                           const struct decimal *b);
static int decimal_compare_size(const struct decimal *a, const struct decimal *b);
static void decimal_subtract_size(struct decimal *from, const struct decimal *n);
static void decimal_add_one(struct decimal *n, mp_limb_t one);
static void decimal_trim(struct decimal *n);
static void decimal_align(struct decimal *a, struct decimal *b);
static void decimal_round(struct decimal *n, int32_t places, enum numeric_round how);
static bool must_step_away(const struct decimal *n, enum numeric_round how, bool is_inexact);
static int32_t division_scale(struct span a, struct span b);
static void quotient(struct decimal *out, struct decimal *a, struct decimal *b, int32_t scale);

enum status numeric_calculate(
    struct numeric *out, enum numeric_op op, struct span a, struct span b, struct diag *d)
{
    struct decimal x;
    struct decimal y;
    struct decimal result;
    struct decimal rest;
    decimal_decode(&x, a);
    decimal_decode(&y, b);
    const bool is_division = op == NUMERIC_DIV || op == NUMERIC_MOD || op == NUMERIC_DIV_TRUNC;
    if (is_division && y.count == 0) {
        diag_set(d, "22012", "division by zero");
        return ST_INVALID;
    }
    switch (op) {
    case NUMERIC_SUB:
        y.is_negative = y.count > 0 && !y.is_negative;
        decimal_add(&x, &y);
        return decimal_encode(out, &x, d);
    case NUMERIC_ADD: decimal_add(&x, &y); return decimal_encode(out, &x, d);
    case NUMERIC_MUL: decimal_multiply(&result, &x, &y); break;
    case NUMERIC_DIV: quotient(&result, &x, &y, division_scale(a, b)); break;
    case NUMERIC_MOD:
        decimal_align(&x, &y);
        decimal_divide(&result, &rest, &x, &y);
        return decimal_encode(out, &rest, d);
    case NUMERIC_DIV_TRUNC:
        decimal_align(&x, &y);
        decimal_divide(&result, &rest, &x, &y);
        result.scale = 0;
        break;
    }
    return decimal_encode(out, &result, d);
}

enum status numeric_round(
    struct numeric *out, struct span bytes, int32_t places, enum numeric_round how, struct diag *d)
{
    struct decimal n;
    const int32_t limit = (int32_t)NUMERIC_SCALE_MAX;
    if (places > limit) return numeric_too_fine(d);
    if (places < -limit - 1) places = -limit - 1; /* Nothing is left there. */
    decimal_decode(&n, bytes);
    decimal_round(&n, places, how);
    return decimal_encode(out, &n, d);
}

enum status numeric_fit(struct numeric *out, struct span bytes, int32_t typmod, struct diag *d)
{
    const int32_t scale = typmod < 0 ? 0 : numeric_typmod_scale(typmod);
    if (typmod < 0 || (scale >= 0 && numeric_scale(bytes) == (uint32_t)scale)) {
        memcpy(out->bytes, bytes.data, bytes.size);
        out->size = (uint16_t)bytes.size;
    } else {
        TRY(numeric_round(out, bytes, scale, NUMERIC_HALF_AWAY, d));
    }
    const struct numeric_head h = numeric_head_of(numeric_span(out));
    if (typmod < 0 || h.count == 0) return ST_OK;
    const int32_t precision = (int32_t)numeric_typmod_precision(typmod);
    const int32_t whole_max = precision - scale;
    if (numeric_whole_digits(&h) <= whole_max) return ST_OK;
    diag_set(d, "22003", "numeric field overflow");
    diag_detail(d,
                "A field with precision %d, scale %d must round to an absolute value less than "
                "%s%d.",
                (int)precision, (int)scale, whole_max != 0 ? "10^" : "",
                whole_max != 0 ? (int)whole_max : 1);
    return ST_INVALID;
}

int32_t numeric_typmod(uint32_t precision, int32_t scale)
{
    must(precision >= 1);
    must(precision <= NUMERIC_PRECISION_MAX);
    return (int32_t)(precision << 16 | ((uint32_t)scale & 0x7FFu)) + 4;
}

uint32_t numeric_typmod_precision(int32_t typmod)
{
    return (uint32_t)(typmod - 4) >> 16 & 0xFFFFu;
}

int32_t numeric_typmod_scale(int32_t typmod)
{
    return (int32_t)(((uint32_t)(typmod - 4) & 0x7FFu) ^ 1024u) - 1024;
}

bool numeric_rescale(struct numeric *out, struct span bytes, uint32_t scale)
{
    if (scale > NUMERIC_SCALE_MAX || numeric_min_scale(bytes) > scale) return false;
    memcpy(out->bytes, bytes.data, bytes.size - 2);
    out->size = (uint16_t)bytes.size;
    out->bytes[bytes.size - 2] = (uint8_t)(scale >> 8);
    out->bytes[bytes.size - 1] = (uint8_t)scale;
    must(numeric_is_valid(numeric_span(out)));
    return true;
}

void numeric_from_int(struct numeric *out, int64_t value)
{
    numeric_from_scaled(out, value, 0);
}

void numeric_from_scaled(struct numeric *out, int64_t value, uint32_t scale)
{
    must(scale <= NUMERIC_SCALE_MAX);
    struct decimal n;
    const bool is_negative = value < 0;
    struct diag unused;
    decimal_from_u64(&n, is_negative ? 0u - (uint64_t)value : (uint64_t)value, is_negative);
    n.scale = scale;
    const enum status st = decimal_encode(out, &n, &unused);
    must(st == ST_OK);
}

bool numeric_to_int(struct span bytes, int64_t *value)
{
    struct decimal n;
    decimal_decode(&n, bytes);
    decimal_round(&n, 0, NUMERIC_HALF_AWAY);
    const uint64_t max = (uint64_t)INT64_MAX + (n.is_negative ? 1u : 0u);
    if (n.count > 1 || (n.count == 1 && n.limbs[0] > max)) return false;
    const uint64_t size = n.count == 0 ? 0 : n.limbs[0];
    *value = n.is_negative ? -(int64_t)(size - 1) - 1 : (int64_t)size;
    return true;
}

void numeric_negate(struct numeric *out, struct span bytes)
{
    must(bytes.size <= NUMERIC_BYTES_MAX);
    out->size = (uint16_t)bytes.size;
    memcpy(out->bytes, bytes.data, bytes.size);
    if (numeric_sign(bytes) == 0) return;
    for (size_t i = 0; i + 2 < bytes.size; i++)
        out->bytes[i] = (uint8_t)~bytes.data[i];
}

void numeric_absolute(struct numeric *out, struct span bytes)
{
    if (numeric_sign(bytes) < 0) {
        numeric_negate(out, bytes);
        return;
    }
    out->size = (uint16_t)bytes.size;
    memcpy(out->bytes, bytes.data, bytes.size);
}

void decimal_shift_up(struct decimal *n, uint32_t places)
{
    while (n->count > 0 && places > 0) {
        const uint32_t step = places < LIMB_PLACES ? places : LIMB_PLACES;
        const mp_limb_t carry = mpn_mul_1(n->limbs, n->limbs, n->count, powers_of_ten[step]);
        if (carry != 0) {
            must(n->count < DECIMAL_LIMBS_MAX);
            n->limbs[n->count++] = carry;
        }
        places -= step;
    }
}

bool decimal_shift_down(struct decimal *n, uint32_t places)
{
    bool is_inexact = false;
    while (n->count > 0 && places > 0) {
        const uint32_t step = places < LIMB_PLACES ? places : LIMB_PLACES;
        const mp_limb_t rest = mpn_divrem_1(n->limbs, 0, n->limbs, n->count, powers_of_ten[step]);
        if (rest != 0) is_inexact = true;
        decimal_trim(n);
        places -= step;
    }
    return is_inexact;
}

void decimal_add(struct decimal *to, const struct decimal *n)
{
    struct decimal other;
    decimal_copy(&other, n);
    decimal_align(to, &other);
    if (to->is_negative != other.is_negative && to->count > 0 && other.count > 0) {
        if (decimal_compare_size(to, &other) >= 0) {
            decimal_subtract_size(to, &other);
        } else {
            decimal_subtract_size(&other, to);
            decimal_copy(to, &other);
        }
        return;
    }
    if (to->count < other.count) {
        struct decimal larger;
        decimal_copy(&larger, &other);
        decimal_copy(&other, to);
        decimal_copy(to, &larger);
    }
    if (other.count == 0) return;
    decimal_add_one(to, mpn_add(to->limbs, to->limbs, to->count, other.limbs, other.count));
}

static void decimal_from_u64(struct decimal *out, uint64_t value, bool is_negative)
{
    out->is_negative = is_negative;
    out->scale = 0;
    out->count = value == 0 ? 0 : 1;
    out->limbs[0] = value;
}

static void decimal_copy(struct decimal *out, const struct decimal *in)
{
    out->is_negative = in->is_negative;
    out->scale = in->scale;
    out->count = in->count;
    if (in->count > 0) mpn_copyi(out->limbs, in->limbs, in->count);
}

/* Carry out of the highest limb. */
static void decimal_add_one(struct decimal *n, mp_limb_t one)
{
    if (one == 0) return;
    must(n->count < DECIMAL_LIMBS_MAX);
    n->limbs[n->count++] = one;
}

static void decimal_trim(struct decimal *n)
{
    while (n->count > 0 && n->limbs[n->count - 1] == 0)
        n->count--;
    if (n->count == 0) n->is_negative = false;
}

static void decimal_align(struct decimal *a, struct decimal *b)
{
    if (a->scale < b->scale) {
        decimal_shift_up(a, b->scale - a->scale);
        a->scale = b->scale;
    } else if (b->scale < a->scale) {
        decimal_shift_up(b, a->scale - b->scale);
        b->scale = a->scale;
    }
}

static int decimal_compare_size(const struct decimal *a, const struct decimal *b)
{
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    return a->count == 0 ? 0 : mpn_cmp(a->limbs, b->limbs, a->count);
}

/* |from| ≥ |n|, both not zero. */
static void decimal_subtract_size(struct decimal *from, const struct decimal *n)
{
    must(decimal_compare_size(from, n) >= 0);
    const mp_limb_t borrow = mpn_sub(from->limbs, from->limbs, from->count, n->limbs, n->count);
    must(borrow == 0);
    decimal_trim(from);
}

static void decimal_multiply(struct decimal *out, const struct decimal *a, const struct decimal *b)
{
    const struct decimal *large = a->count >= b->count ? a : b;
    const struct decimal *small = large == a ? b : a;
    out->scale = a->scale + b->scale;
    out->is_negative = a->is_negative != b->is_negative;
    out->count = 0;
    if (small->count > 0) {
        must(large->count + small->count <= DECIMAL_LIMBS_MAX);
        (void)mpn_mul(out->limbs, large->limbs, large->count, small->limbs, small->count);
        out->count = large->count + small->count;
    }
    decimal_trim(out);
}

/* Integer division of the coefficients toward zero; rest has the sign and scale of a. */
static void decimal_divide(struct decimal *quotient,
                           struct decimal *rest,
                           const struct decimal *a,
                           const struct decimal *b)
{
    must(b->count > 0);
    if (a->count < b->count) {
        decimal_from_u64(quotient, 0, false);
        decimal_copy(rest, a);
        return;
    }
    quotient->is_negative = a->is_negative != b->is_negative;
    quotient->scale = 0;
    quotient->count = a->count - b->count + 1;
    rest->is_negative = a->is_negative;
    rest->scale = a->scale;
    rest->count = b->count;
    mpn_tdiv_qr(quotient->limbs, rest->limbs, 0, a->limbs, a->count, b->limbs, b->count);
    decimal_trim(quotient);
    decimal_trim(rest);
}

static void decimal_round(struct decimal *n, int32_t places, enum numeric_round how)
{
    const int32_t cut = (int32_t)n->scale - places;
    if (cut <= 0) {
        decimal_shift_up(n, (uint32_t)-cut);
        n->scale = (uint32_t)places;
        return;
    }
    /* Keep one digit more to see the half. */
    const bool is_negative = n->is_negative;
    bool is_inexact = decimal_shift_down(n, (uint32_t)cut - 1);
    struct decimal half;
    decimal_copy(&half, n);
    if (decimal_shift_down(n, 1)) is_inexact = true;
    n->is_negative = is_negative;
    bool is_away = must_step_away(n, how, is_inexact);
    if (how == NUMERIC_HALF_AWAY && half.count > 0)
        is_away = mpn_mod_1(half.limbs, half.count, 10) >= 5;
    if (is_away) {
        struct decimal one;
        decimal_from_u64(&one, 1, is_negative);
        one.scale = n->scale;
        decimal_add(n, &one);
    }
    if (places < 0) decimal_shift_up(n, (uint32_t)-places);
    n->scale = places > 0 ? (uint32_t)places : 0;
    if (n->count == 0) n->is_negative = false;
}

static bool must_step_away(const struct decimal *n, enum numeric_round how, bool is_inexact)
{
    switch (how) {
    case NUMERIC_UP: return is_inexact && !n->is_negative;
    case NUMERIC_DOWN: return is_inexact && n->is_negative;
    case NUMERIC_HALF_AWAY:
    case NUMERIC_TRUNCATE: return false;
    }
    return false;
}

/* PostgreSQL's select_div_scale: from the weights and first digits in base 10000. */
static int32_t division_scale(struct span a, struct span b)
{
    const struct numeric_head x = numeric_head_of(a);
    const struct numeric_head y = numeric_head_of(b);
    int32_t weight_x = 0;
    int32_t weight_y = 0;
    uint32_t first_x = 0;
    uint32_t first_y = 0;
    numeric_weight(&x, &weight_x, &first_x);
    numeric_weight(&y, &weight_y, &first_y);
    const int32_t weight = weight_x - weight_y - (first_x <= first_y ? 1 : 0);
    int32_t scale = SIGNIFICANT_DIGITS_MIN - 4 * weight;
    if (scale < (int32_t)x.scale) scale = (int32_t)x.scale;
    if (scale < (int32_t)y.scale) scale = (int32_t)y.scale;
    if (scale < 0) scale = 0;
    return scale < DIVISION_SCALE_MAX ? scale : DIVISION_SCALE_MAX;
}

/* a / b rounded half away from zero at scale. Changes a and b. */
static void quotient(struct decimal *out, struct decimal *a, struct decimal *b, int32_t scale)
{
    const int32_t places = scale - (int32_t)a->scale + (int32_t)b->scale;
    if (places >= 0)
        decimal_shift_up(a, (uint32_t)places);
    else
        decimal_shift_up(b, (uint32_t)-places);
    struct decimal rest;
    const bool is_negative = a->count > 0 && a->is_negative != b->is_negative;
    decimal_divide(out, &rest, a, b);
    struct decimal twice;
    decimal_copy(&twice, &rest);
    if (rest.count > 0) decimal_add_one(&twice, mpn_lshift(twice.limbs, rest.limbs, rest.count, 1));
    out->is_negative = is_negative && out->count > 0;
    if (twice.count > 0 && decimal_compare_size(&twice, b) >= 0) {
        struct decimal one;
        decimal_from_u64(&one, 1, is_negative);
        decimal_add(out, &one);
    }
    out->scale = (uint32_t)scale;
}
