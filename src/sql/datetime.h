/* datetime.h - Text of date, time and timestamp, as PostgreSQL reads (DateStyle ISO, MDY) and shows
 * them.
 *
 * date: days since 2000-01-01, INT32_MIN and INT32_MAX are the infinities. time: microseconds of
 * the day, 24:00:00 included. timestamp: microseconds since 2000-01-01, as timestamptz (time.h); a
 * zone in its text is read and passed over. Pure; thread-safe. */
#ifndef TRUSTSQL_SQL_DATETIME_H
#define TRUSTSQL_SQL_DATETIME_H

#include "sql/time.h"
#include "sql/type.h"

#define DATE_INFINITY       INT32_MAX
#define DATE_MINUS_INFINITY INT32_MIN
#define DATE_MIN            (-2451545)  /* 4714-11-24 BC, Julian day 0. */
#define DATE_END            2145031949  /* 5874898-01-01, not included. */
#define TIME_OF_DAY_MAX     TIME_DAY_US /* 24:00:00 */

bool date_is_valid(int64_t days);
bool time_of_day_is_valid(int64_t us);

/* type: SQL_DATE, SQL_TIME or SQL_TIMESTAMP. 22007 malformed, 22008 out of range, 22009 zone, 0A000
 * for now, today, tomorrow and yesterday, which every node must read alike. */
NODISCARD enum status datetime_from_text(int64_t *out,
                                         enum sql_type type,
                                         struct span text,
                                         struct diag *d);
void date_to_text(struct buf *out, int64_t days);
void time_of_day_to_text(struct buf *out, int64_t us);
void timestamp_to_text(struct buf *out, int64_t time);

/* Rounded to so many digits after the point, 0 to 6, half away from zero. */
int64_t time_round(int64_t us, int32_t digits);

/* Calendar of any day, not only of those of timestamps. */
void date_split(struct time_fields *out, int64_t days);

/* Month (1 …) or day of the week (0 is Sunday) of a name or its first three letters; −1: none. */
int datetime_month(struct span word);
int datetime_weekday(struct span word);

#endif
