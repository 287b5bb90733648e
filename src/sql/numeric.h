/* numeric.h - Exact decimals as bytes that memcmp orders; PostgreSQL's arithmetic and scales.
 *
 * A numeric is `key ‖ scale`. The key alone says the value, and memcmp of keys is the order of
 * values:
 *
 *   bytes    what
 *   2        head, big-endian: 0x8000 for zero; 0xC000 + e for a positive value
 *            0.d1d2d3… × 100^e with d1 ≠ 0
 *   n        digits d1 … dn in base 100, dn ≠ 0: 2 × d, plus 1 when another digit follows;
 *            none for zero
 *   2        display scale, big-endian: decimal digits printed after the point (1.50 has 2)
 *
 * A negative value has head and digits complemented. All values of a column numeric(p,s) have scale
 * s, so equal values have equal bytes there and SQLite's own comparison, DISTINCT, GROUP BY and
 * indexes are right. Values of different scales are compared with numeric_compare, or by their
 * keys. NaN and infinity do not exist. Pure; thread-safe; no heap. */
#ifndef TRUSTSQL_SQL_NUMERIC_H
#define TRUSTSQL_SQL_NUMERIC_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/span.h"
#include "base/status.h"

#define NUMERIC_PRECISION_MAX 1000u /* Of numeric(p,s). */
#define NUMERIC_WHOLE_MAX     2000u /* Decimal digits before the point of any value. */
#define NUMERIC_SCALE_MAX     2000u /* Decimal digits after it. */
#define NUMERIC_BYTES_MAX     2008u /* Of the encoded form. */

/* A value in memory: its encoded form, bounded. */
struct numeric {
    uint16_t size;
    uint8_t bytes[NUMERIC_BYTES_MAX];
};

static inline struct span numeric_span(const struct numeric *n)
{
    return span_of(n->bytes, n->size);
}

/* True when bytes is the one encoding of a value within the limits. */
bool numeric_is_valid(struct span bytes);

/* The part that says the value: without the scale. bytes must be valid. */
struct span numeric_key(struct span bytes);
uint32_t numeric_scale(struct span bytes);
int numeric_compare(struct span a, struct span b); /* By value: −1, 0 or 1. */

/* PostgreSQL's text form; blanks around it are allowed. 22P02, 22003, 0A000 (NaN, Infinity), 54000.
 */
NODISCARD enum status numeric_from_text(struct numeric *out, struct span text, struct diag *d);
void numeric_to_text(struct buf *out, struct span bytes);

/* PostgreSQL's binary form (base 10000 digits). 22P03 and as above. */
NODISCARD enum status numeric_from_wire(struct numeric *out, struct span wire, struct diag *d);
void numeric_to_wire(struct buf *out, struct span bytes);

void numeric_from_int(struct numeric *out, int64_t value);
/* value × 10^−scale, printed with scale digits. */
void numeric_from_scaled(struct numeric *out, int64_t value, uint32_t scale);
/* Rounded half away from zero. False: outside int64. */
bool numeric_to_int(struct span bytes, int64_t *value);

/* Round to the precision and scale of a typmod (−1: unchanged). 22003 with PostgreSQL's detail. */
NODISCARD enum status numeric_fit(struct numeric *out,
                                  struct span bytes,
                                  int32_t typmod,
                                  struct diag *d);
/* typmod of numeric(p,s), and back. */
int32_t numeric_typmod(uint32_t precision, int32_t scale);
uint32_t numeric_typmod_precision(int32_t typmod);
int32_t numeric_typmod_scale(int32_t typmod);

/* The same value with exactly this scale; false when digits would be lost. For constants that are
 * compared with a column numeric(p,s). */
bool numeric_rescale(struct numeric *out, struct span bytes, uint32_t scale);

enum numeric_op {
    NUMERIC_ADD,
    NUMERIC_SUB,
    NUMERIC_MUL,
    NUMERIC_DIV,
    NUMERIC_MOD,
    NUMERIC_DIV_TRUNC
};
/* 22012 for a zero divisor, 22003 and 54000 beyond the limits. */
NODISCARD enum status numeric_calculate(
    struct numeric *out, enum numeric_op op, struct span a, struct span b, struct diag *d);

enum numeric_round { NUMERIC_HALF_AWAY, NUMERIC_TRUNCATE, NUMERIC_UP, NUMERIC_DOWN };
/* Round at places after the point (negative: before it); result scale max(places, 0). */
NODISCARD enum status numeric_round(
    struct numeric *out, struct span bytes, int32_t places, enum numeric_round how, struct diag *d);

void numeric_negate(struct numeric *out, struct span bytes);
void numeric_absolute(struct numeric *out, struct span bytes);
int numeric_sign(struct span bytes);           /* −1, 0 or 1. */
uint32_t numeric_min_scale(struct span bytes); /* Digits after the point that are needed. */

#endif
