/* numeric_power.h - Square root, exponential, logarithm and power of numeric, with the scales that
 * PostgreSQL gives the results, rounded to the last digit. Integer arithmetic only, so the same on
 * every node. Pure; no heap. */
#ifndef TRUSTSQL_SQL_NUMERIC_POWER_H
#define TRUSTSQL_SQL_NUMERIC_POWER_H

#include "sql/numeric.h"

#define NUMERIC_POWER_SCALE_MAX 1000u

/* 2201F of a negative number. */
NODISCARD enum status numeric_square_root(struct numeric *out, struct span x, struct diag *d);
/* The same with a scale of the caller's. */
NODISCARD enum status numeric_root_to(struct numeric *out,
                                      struct span x,
                                      uint32_t scale,
                                      struct diag *d);
/* 22003 */
NODISCARD enum status numeric_exponential(struct numeric *out, struct span x, struct diag *d);
/* 2201E */
NODISCARD enum status numeric_logarithm(struct numeric *out, struct span x, struct diag *d);
NODISCARD enum status numeric_logarithm_to(struct numeric *out,
                                           struct span base,
                                           struct span x,
                                           struct diag *d);
/* 2201F, 22003 */
NODISCARD enum status numeric_raise(struct numeric *out,
                                    struct span x,
                                    struct span y,
                                    struct diag *d);

#endif
