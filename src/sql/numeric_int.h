/* numeric_int.h - A numeric unpacked for arithmetic: ±C × 10^−scale with C in GMP limbs.
 *
 * Fixed size, so arithmetic needs no heap and GMP's low-level functions cannot fail. For numeric*.c
 * and the aggregates only. */
#ifndef TRUSTSQL_SQL_NUMERIC_INT_H
#define TRUSTSQL_SQL_NUMERIC_INT_H

#include <gmp.h>

#include "sql/numeric.h"

/* 2 × (NUMERIC_WHOLE_MAX + NUMERIC_SCALE_MAX) digits, as a product or a scaled dividend has, are
 * 26,576 bits; with room for aligning and carries. */
#define DECIMAL_LIMBS_MAX  424u
#define DECIMAL_DIGITS_MAX (2u * (NUMERIC_WHOLE_MAX + NUMERIC_SCALE_MAX) + 40u)

_Static_assert(GMP_LIMB_BITS == 64 && GMP_NAIL_BITS == 0, "limbs are 64 bit");

struct decimal {
    bool is_negative; /* False for zero. */
    uint32_t scale;
    uint32_t count; /* Limbs used; the highest is not zero. 0: the value zero. */
    mp_limb_t limbs[DECIMAL_LIMBS_MAX];
};

/* Head of the encoded form, taken apart. */
struct numeric_head {
    bool is_negative;
    int32_t exponent; /* Base-100 digits before the point; 0 for zero. */
    uint32_t count;   /* Base-100 digits; 0 for zero. */
    uint32_t scale;
    const uint8_t *digits; /* count encoded bytes, complemented if negative. */
};

struct numeric_head numeric_head_of(struct span bytes);
uint32_t numeric_digit(const struct numeric_head *h, uint32_t index); /* 0 … 99 */
/* Base-10000 weight and first digit as PostgreSQL has them; both 0 for zero. */
void numeric_weight(const struct numeric_head *h, int32_t *weight, uint32_t *first_digit);
/* Decimal digits before the point, negative when zeros follow it; of a non-zero value. */
int32_t numeric_whole_digits(const struct numeric_head *h);

void decimal_decode(struct decimal *out, struct span bytes);
NODISCARD enum status decimal_encode(struct numeric *out, const struct decimal *in, struct diag *d);

/* C × 10^places; the caller bounds the size by DECIMAL_DIGITS_MAX. The scale is left alone. */
void decimal_shift_up(struct decimal *n, uint32_t places);
/* C / 10^places, toward zero; true when something was cut off. The scale is left alone. */
bool decimal_shift_down(struct decimal *n, uint32_t places);
/* to += n. Scales become the larger one. */
void decimal_add(struct decimal *to, const struct decimal *n);

NODISCARD enum status numeric_too_large(struct diag *d);
NODISCARD enum status numeric_too_fine(struct diag *d);

#endif
