/* float.h - real and double precision: as integers that are ordered as the numbers, and as text.
 *
 * A stored value is the IEEE 754 pattern as a signed integer, of a negative number with all bits
 * but the sign turned over. So integers are ordered as PostgreSQL orders the numbers: -Infinity,
 * …, -0 (−1), 0 (0), …, Infinity, NaN. NaN has one pattern. A column holds no −0: equal numbers
 * there are equal integers (float_canonical). Arithmetic is that of IEEE 754, the same everywhere;
 * text is the shortest that reads back as the number. Pure; thread-safe. */
#ifndef TRUSTSQL_SQL_FLOAT_H
#define TRUSTSQL_SQL_FLOAT_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/span.h"
#include "base/status.h"
#include "sql/type.h"

#define FLOAT_MINUS_ZERO (-1) /* Stored form of −0. */

int64_t float8_pack(double value);
double float8_unpack(int64_t stored);
int64_t float4_pack(float value);
float float4_unpack(int64_t stored);
/* The one stored form of a number. type: SQL_FLOAT4 or SQL_FLOAT8. */
bool float_is_valid(enum sql_type type, int64_t stored);

/* Text as PostgreSQL reads and shows it. 22P02, 22003. */
NODISCARD enum status float_from_text(int64_t *stored,
                                      enum sql_type type,
                                      struct span text,
                                      struct diag *d);
void float_to_text(struct buf *out, enum sql_type type, int64_t stored);

/* IEEE 754 patterns, as the wire has them. */
uint64_t float_to_bits(enum sql_type type, int64_t stored);
int64_t float_from_bits(enum sql_type type, uint64_t bits);

#endif
