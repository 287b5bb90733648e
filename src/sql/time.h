/* time.h - timestamp with time zone: microseconds since 2000-01-01 00:00:00 UTC, as PostgreSQL.
 *
 * The session time zone is always UTC. Proleptic Gregorian calendar. INT64_MIN and INT64_MAX are
 * -infinity and infinity. Pure; thread-safe. */
#ifndef TRUSTSQL_SQL_TIME_H
#define TRUSTSQL_SQL_TIME_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/span.h"
#include "base/status.h"

#define TIME_INFINITY       INT64_MAX
#define TIME_MINUS_INFINITY INT64_MIN
#define TIME_MIN            (-211813488000000000) /* 4714-11-24 BC, Julian day 0. */
#define TIME_END            9223371331200000000   /* 294277-01-01, not included. */
#define TIME_DAY_US         86400000000
#define TIME_SECOND_US      1000000
#define TIME_EPOCH_S        946684800 /* 2000-01-01 in Unix seconds. */

struct time_fields {
    int64_t year; /* Astronomical: 0 is 1 BC. */
    uint32_t month;
    uint32_t day;
    int64_t days; /* Since 2000-01-01. */
    int64_t us;   /* Of the day. */
};

/* Within the range, or an infinity. */
bool time_is_valid(int64_t time);

/* ISO 8601 as PostgreSQL reads it: date, optional time, zone (Z, UTC, GMT, ±hh[:mm[:ss]]), BC;
 * infinity, -infinity, epoch. 22007 malformed, 22008 out of range, 22009 zone out of range, 0A000
 * for now, today, tomorrow, yesterday. Fractions beyond microseconds are rounded half to even. */
NODISCARD enum status time_from_text(int64_t *out, struct span text, struct diag *d);
void time_to_text(struct buf *out, int64_t time);

/* Not for infinities. */
void time_split(struct time_fields *out, int64_t time);
int64_t time_days(int64_t year, uint32_t month, uint32_t day); /* Since 2000-01-01. */
uint32_t time_month_days(int64_t year, uint32_t month);

#endif
