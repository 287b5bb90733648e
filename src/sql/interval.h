/* interval.h - Months, days and microseconds, as PostgreSQL's interval.
 *
 * Stored form, 36 hexadecimal letters: the length with months of 30 days and days of 24 hours, in
 * microseconds, + 2^79, 20 letters; months + 2^31, 8 letters; days + 2^31, 8 letters. '1 day' and
 * '24 hours' are equal and look different: their first 20 letters are the same, and SQLite's
 * collation TRUSTSQL_INTERVAL compares those. Pure; thread-safe. */
#ifndef TRUSTSQL_SQL_INTERVAL_H
#define TRUSTSQL_SQL_INTERVAL_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/span.h"
#include "base/status.h"

#define INTERVAL_SIZE     36u /* Of the stored form. */
#define INTERVAL_KEY_SIZE 20u

struct interval {
    int32_t months;
    int32_t days;
    int64_t us;
};

/* Bits of a typmod's fields: interval year to month. */
#define INTERVAL_MONTH  (1u << 1)
#define INTERVAL_YEAR   (1u << 2)
#define INTERVAL_DAY    (1u << 3)
#define INTERVAL_HOUR   (1u << 10)
#define INTERVAL_MINUTE (1u << 11)
#define INTERVAL_SECOND (1u << 12)
#define INTERVAL_ALL    0x7FFFu

void interval_pack(uint8_t out[static INTERVAL_SIZE], const struct interval *v);
/* False: no stored form of an interval. */
bool interval_unpack(struct interval *out, struct span stored);

/* typmod −1: none; it says what a number without unit counts. 22007, 22015. */
NODISCARD enum status interval_from_text(struct interval *out,
                                         struct span text,
                                         int32_t typmod,
                                         struct diag *d);
void interval_to_text(struct buf *out, const struct interval *v);

/* Fields beyond the typmod cut, the fraction of the second rounded. */
void interval_fit(struct interval *v, int32_t typmod);

/* False: out of range. */
bool interval_add(struct interval *out, const struct interval *a, const struct interval *b);
bool interval_negate(struct interval *out, const struct interval *v);
bool interval_multiply(struct interval *out, const struct interval *v, double factor);
bool interval_divide(struct interval *out, const struct interval *v, double divisor);

/* −1, 0 or 1, by length. */
int interval_compare(const struct interval *a, const struct interval *b);

#endif
