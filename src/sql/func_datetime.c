/* func_datetime.c - Arithmetic, casts and functions of date, time, timestamp and interval.
 *
 * The time zone is UTC, so what is said of timestamp holds for timestamptz, too. Infinite dates and
 * timestamps stay what they are under sums. */
#include <math.h>

#include "base/must.h"
#include "sql/datetime.h"
#include "sql/float.h"
#include "sql/function_int.h"
#include "sql/interval.h"
#include "sql/time_unit.h"

#define HOUR_US   INT64_C(3600000000)
#define MINUTE_US INT64_C(60000000)

static bool is_far(int64_t time)
{
    return time == TIME_INFINITY || time == TIME_MINUS_INFINITY;
}

static bool is_far_date(int64_t days)
{
    return days == DATE_INFINITY || days == DATE_MINUS_INFINITY;
}

static void return_stamp(sqlite3_context *c, bool is_right, int64_t time)
{
    if (is_right && !is_far(time) && time_is_valid(time))
        sqlite3_result_int64(c, time);
    else
        function_fail(c, "22008", "timestamp out of range");
}

static void return_date(sqlite3_context *c, int64_t days)
{
    if (days >= DATE_MIN && days < DATE_END)
        sqlite3_result_int64(c, days);
    else
        function_fail(c, "22008", "date out of range");
}

static void return_span(sqlite3_context *c, bool is_right, const struct interval *v)
{
    if (is_right)
        function_return_interval(c, v);
    else
        function_fail(c, "22008", "interval out of range");
}

static int64_t floor_div(int64_t a, int64_t b)
{
    must(b > 0);
    return a >= 0 ? a / b : -((-(a + 1)) / b) - 1;
}

/* --- casts --------------------------------------------------------------------------------- */

static bool stamp_of_date(int64_t days, int64_t *time)
{
    if (is_far_date(days)) {
        *time = days == DATE_INFINITY ? TIME_INFINITY : TIME_MINUS_INFINITY;
        return true;
    }
    if (days >= TIME_END / TIME_DAY_US) return false;
    *time = days * TIME_DAY_US;
    return true;
}

static void date_to_timestamp(sqlite3_context *c, int count, sqlite3_value **args)
{
    int64_t time = 0;
    if (!function_begin(c, count, args)) return;
    if (stamp_of_date(sqlite3_value_int64(args[0]), &time))
        sqlite3_result_int64(c, time);
    else
        function_fail(c, "22008", "date out of range for timestamp");
}

static void timestamp_to_date(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const int64_t time = sqlite3_value_int64(args[0]);
    if (is_far(time))
        sqlite3_result_int64(c, time == TIME_INFINITY ? DATE_INFINITY : DATE_MINUS_INFINITY);
    else
        sqlite3_result_int64(c, floor_div(time, TIME_DAY_US));
}

static void timestamp_to_time(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const int64_t time = sqlite3_value_int64(args[0]);
    if (!is_far(time)) sqlite3_result_int64(c, time - floor_div(time, TIME_DAY_US) * TIME_DAY_US);
}

static void time_to_interval(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct interval v = {0, 0, sqlite3_value_int64(args[0])};
    function_return_interval(c, &v);
}

static void interval_to_time(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    sqlite3_result_int64(c, v.us - floor_div(v.us, TIME_DAY_US) * TIME_DAY_US);
}

/* --- sums ---------------------------------------------------------------------------------- */

static void add_days(sqlite3_context *c, int count, sqlite3_value **args, int sign)
{
    if (!function_begin(c, count, args)) return;
    const int64_t days = sqlite3_value_int64(args[0]);
    if (is_far_date(days))
        sqlite3_result_int64(c, days);
    else
        return_date(c, days + sign * sqlite3_value_int64(args[1]));
}

static void date_add(sqlite3_context *c, int count, sqlite3_value **args)
{
    add_days(c, count, args, 1);
}

static void date_sub(sqlite3_context *c, int count, sqlite3_value **args)
{
    add_days(c, count, args, -1);
}

static void date_diff(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const int64_t a = sqlite3_value_int64(args[0]);
    const int64_t b = sqlite3_value_int64(args[1]);
    if (is_far_date(a) || is_far_date(b))
        function_fail(c, "22008", "cannot subtract infinite dates");
    else
        sqlite3_result_int64(c, (int32_t)(uint32_t)(uint64_t)(a - b));
}

/* date + time */
static void date_add_time(sqlite3_context *c, int count, sqlite3_value **args)
{
    int64_t time = 0;
    if (!function_begin(c, count, args)) return;
    if (!stamp_of_date(sqlite3_value_int64(args[0]), &time))
        function_fail(c, "22008", "date out of range for timestamp");
    else if (is_far(time))
        sqlite3_result_int64(c, time);
    else
        return_stamp(c, true, time + sqlite3_value_int64(args[1]));
}

/* Months first, the day cut to the month's length; then days; then time. */
static bool add_interval(int64_t time, const struct interval *v, int64_t *out)
{
    if (v->months != 0) {
        struct time_fields f;
        time_split(&f, time);
        const int64_t month = f.year * 12 + f.month - 1 + v->months;
        const int64_t year = floor_div(month, 12);
        const uint32_t of_year = (uint32_t)(month - year * 12) + 1;
        const uint32_t last = time_month_days(year, of_year);
        const int64_t days = time_days(year, of_year, f.day > last ? last : f.day);
        if (days >= TIME_END / TIME_DAY_US || days < TIME_MIN / TIME_DAY_US) return false;
        time = days * TIME_DAY_US + f.us;
    }
    if (v->days != 0) {
        int64_t us = 0;
        if (__builtin_mul_overflow((int64_t)v->days, TIME_DAY_US, &us) ||
            __builtin_add_overflow(time, us, &time))
            return false;
        if (time < TIME_MIN || time >= TIME_END) return false;
    }
    return !__builtin_add_overflow(time, v->us, out);
}

static void add_to_stamp(sqlite3_context *c, int count, sqlite3_value **args, bool is_minus)
{
    struct interval v;
    int64_t out = 0;
    if (!function_begin(c, count, args) || !function_interval(c, args[1], &v)) return;
    const int64_t time = sqlite3_value_int64(args[0]);
    if (is_far(time)) {
        sqlite3_result_int64(c, time);
        return;
    }
    const struct interval given = v;
    const bool is_right = !is_minus || interval_negate(&v, &given);
    const bool is_in = is_right && add_interval(time, &v, &out);
    return_stamp(c, is_in, out);
}

static void timestamp_add(sqlite3_context *c, int count, sqlite3_value **args)
{
    add_to_stamp(c, count, args, false);
}

static void timestamp_sub(sqlite3_context *c, int count, sqlite3_value **args)
{
    add_to_stamp(c, count, args, true);
}

/* Days and time, of one sign. */
static void justify_hours_of(struct interval *v)
{
    const int64_t days = v->us / TIME_DAY_US;
    v->us -= days * TIME_DAY_US;
    v->days += (int32_t)days;
    if (v->days > 0 && v->us < 0) {
        v->us += TIME_DAY_US;
        v->days--;
    } else if (v->days < 0 && v->us > 0) {
        v->us -= TIME_DAY_US;
        v->days++;
    }
}

static void timestamp_diff(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v = {0, 0, 0};
    if (!function_begin(c, count, args)) return;
    const int64_t a = sqlite3_value_int64(args[0]);
    const int64_t b = sqlite3_value_int64(args[1]);
    if (is_far(a) || is_far(b)) {
        function_fail(c, "22008", "cannot subtract infinite timestamps");
        return;
    }
    if (__builtin_sub_overflow(a, b, &v.us)) {
        function_fail(c, "22008", "interval out of range");
        return;
    }
    justify_hours_of(&v);
    function_return_interval(c, &v);
}

static void time_shift(sqlite3_context *c, int count, sqlite3_value **args, int sign)
{
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[1], &v)) return;
    const int64_t us = sqlite3_value_int64(args[0]) + sign * (v.us % TIME_DAY_US);
    sqlite3_result_int64(c, us - floor_div(us, TIME_DAY_US) * TIME_DAY_US);
}

static void time_add(sqlite3_context *c, int count, sqlite3_value **args)
{
    time_shift(c, count, args, 1);
}

static void time_sub(sqlite3_context *c, int count, sqlite3_value **args)
{
    time_shift(c, count, args, -1);
}

static void time_diff(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const struct interval v = {0, 0, sqlite3_value_int64(args[0]) - sqlite3_value_int64(args[1])};
    function_return_interval(c, &v);
}

static void call_interval_add(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval a;
    struct interval b;
    struct interval out;
    if (!function_begin(c, count, args)) return;
    if (!function_interval(c, args[0], &a) || !function_interval(c, args[1], &b)) return;
    return_span(c, interval_add(&out, &a, &b), &out);
}

static void call_interval_sub(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval a;
    struct interval b;
    struct interval out;
    if (!function_begin(c, count, args)) return;
    if (!function_interval(c, args[0], &a) || !function_interval(c, args[1], &b)) return;
    const bool is_right = !__builtin_sub_overflow(a.months, b.months, &out.months) &&
                          !__builtin_sub_overflow(a.days, b.days, &out.days) &&
                          !__builtin_sub_overflow(a.us, b.us, &out.us);
    return_span(c, is_right, &out);
}

static void interval_neg(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    struct interval out;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    return_span(c, interval_negate(&out, &v), &out);
}

static void interval_mul(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    struct interval out;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    const double factor = float8_unpack(sqlite3_value_int64(args[1]));
    return_span(c, interval_multiply(&out, &v, factor), &out);
}

static void interval_div(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    struct interval out;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    const double divisor = float8_unpack(sqlite3_value_int64(args[1]));
    if (fpclassify(divisor) == FP_ZERO)
        function_fail(c, "22012", "division by zero");
    else
        return_span(c, interval_divide(&out, &v, divisor), &out);
}

/* --- functions ----------------------------------------------------------------------------- */

static void justify_hours(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    justify_hours_of(&v);
    function_return_interval(c, &v);
}

static void justify_days(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    const int32_t months = v.days / 30;
    v.days -= months * 30;
    v.months += months;
    if (v.months > 0 && v.days < 0) {
        v.days += 30;
        v.months--;
    } else if (v.months < 0 && v.days > 0) {
        v.days -= 30;
        v.months++;
    }
    function_return_interval(c, &v);
}

static void justify_interval(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    const int64_t days = v.us / TIME_DAY_US;
    v.us -= days * TIME_DAY_US;
    v.days += (int32_t)days;
    const int32_t months = v.days / 30;
    v.days -= months * 30;
    v.months += months;
    if (v.months > 0 && (v.days < 0 || (v.days == 0 && v.us < 0))) {
        v.days += 30;
        v.months--;
    } else if (v.months < 0 && (v.days > 0 || (v.days == 0 && v.us > 0))) {
        v.days -= 30;
        v.months++;
    }
    if (v.days > 0 && v.us < 0) {
        v.us += TIME_DAY_US;
        v.days--;
    } else if (v.days < 0 && v.us > 0) {
        v.us -= TIME_DAY_US;
        v.days++;
    }
    function_return_interval(c, &v);
}

/* Years, months, days and time between two timestamps, borrowing from the month of the earlier. */
static void timestamp_age(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const int64_t first = sqlite3_value_int64(args[0]);
    const int64_t second = sqlite3_value_int64(args[1]);
    if (is_far(first) || is_far(second)) {
        function_fail(c, "22008", "timestamp out of range");
        return;
    }
    struct time_fields a;
    struct time_fields b;
    time_split(&a, first);
    time_split(&b, second);
    const int sign = first < second ? -1 : 1;
    int64_t us = sign * (a.us - b.us);
    int64_t days = sign * ((int64_t)a.day - (int64_t)b.day);
    int64_t months = sign * ((a.year - b.year) * 12 + (int64_t)a.month - (int64_t)b.month);
    const struct time_fields *from = first < second ? &a : &b;
    if (us < 0) {
        us += TIME_DAY_US;
        days--;
    }
    while (days < 0) {
        days += time_month_days(from->year, from->month);
        months--;
    }
    const struct interval out = {(int32_t)(sign * months), (int32_t)(sign * days), sign * us};
    function_return_interval(c, &out);
}

static void date_is_finite(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args))
        function_return_bool(c, !is_far_date(sqlite3_value_int64(args[0])));
}

static void timestamp_is_finite(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (function_begin(c, count, args))
        function_return_bool(c, !is_far(sqlite3_value_int64(args[0])));
}

static bool days_of(int64_t year, int64_t month, int64_t day, int64_t *days)
{
    if (year == 0 || month < 1 || month > 12 || day < 1 || day > 31) return false;
    const int64_t astronomical = year < 0 ? year + 1 : year;
    if (astronomical > 5874897 || astronomical < -4713) return false;
    if (day > time_month_days(astronomical, (uint32_t)month)) return false;
    *days = time_days(astronomical, (uint32_t)month, (uint32_t)day);
    return *days >= DATE_MIN && *days < DATE_END;
}

static void make_date(sqlite3_context *c, int count, sqlite3_value **args)
{
    int64_t days = 0;
    if (!function_begin(c, count, args)) return;
    const int64_t year = sqlite3_value_int64(args[0]);
    const int64_t month = sqlite3_value_int64(args[1]);
    const int64_t day = sqlite3_value_int64(args[2]);
    if (days_of(year, month, day, &days))
        sqlite3_result_int64(c, days);
    else
        function_fail(c, "22008", "date field value out of range: %lld-%02lld-%02lld",
                      (long long)year, (long long)month, (long long)day);
}

static bool clock_of(int64_t hour, int64_t minute, double second, int64_t *us)
{
    if (hour < 0 || minute < 0 || minute > 59 || hour > 24 || !(second >= 0 && second <= 60))
        return false;
    const bool is_midnight = minute == 0 && !(second > 0);
    if (hour == 24 && !is_midnight) return false;
    *us = hour * HOUR_US + minute * MINUTE_US + (int64_t)rint(second * 1000000.0);
    return true;
}

static void make_time(sqlite3_context *c, int count, sqlite3_value **args)
{
    int64_t us = 0;
    if (!function_begin(c, count, args)) return;
    const int64_t hour = sqlite3_value_int64(args[0]);
    const int64_t minute = sqlite3_value_int64(args[1]);
    const double second = float8_unpack(sqlite3_value_int64(args[2]));
    if (clock_of(hour, minute, second, &us) && time_of_day_is_valid(us))
        sqlite3_result_int64(c, us);
    else
        function_fail(c, "22008", "time field value out of range: %lld:%02lld:%02g",
                      (long long)hour, (long long)minute, second);
}

static void make_timestamp(sqlite3_context *c, int count, sqlite3_value **args)
{
    int64_t days = 0;
    int64_t us = 0;
    if (!function_begin(c, count, args)) return;
    const int64_t year = sqlite3_value_int64(args[0]);
    const int64_t month = sqlite3_value_int64(args[1]);
    const int64_t day = sqlite3_value_int64(args[2]);
    const int64_t hour = sqlite3_value_int64(args[3]);
    const int64_t minute = sqlite3_value_int64(args[4]);
    const double second = float8_unpack(sqlite3_value_int64(args[5]));
    if (!days_of(year, month, day, &days)) {
        function_fail(c, "22008", "date field value out of range: %lld-%02lld-%02lld",
                      (long long)year, (long long)month, (long long)day);
        return;
    }
    if (!clock_of(hour, minute, second, &us)) {
        function_fail(c, "22008", "time field value out of range: %lld:%02lld:%02g",
                      (long long)hour, (long long)minute, second);
        return;
    }
    const bool is_near = days < TIME_END / TIME_DAY_US;
    return_stamp(c, is_near, is_near ? days * TIME_DAY_US + us : 0);
}

/* make_interval(years, months, weeks, days, hours, mins, secs), each may be left out. */
static void make_interval(sqlite3_context *c, int count, sqlite3_value **args)
{
    int64_t n[6] = {0, 0, 0, 0, 0, 0};
    double second = 0;
    if (!function_begin(c, count, args)) return;
    for (int i = 0; i < count && i < 6; i++)
        n[i] = sqlite3_value_int64(args[i]);
    if (count == 7) second = float8_unpack(sqlite3_value_int64(args[6]));
    const int64_t months = n[0] * 12 + n[1];
    const int64_t days = n[2] * 7 + n[3];
    const double us = rint(second * 1000000.0);
    struct interval v = {(int32_t)months, (int32_t)days, 0};
    const bool is_right =
        months == v.months && days == v.days && us >= -9.2e18 && us <= 9.2e18 &&
        !__builtin_add_overflow(n[4] * HOUR_US + n[5] * MINUTE_US, (int64_t)us, &v.us);
    return_span(c, is_right, &v);
}

/* to_timestamp(seconds since 1970) */
static void epoch_to_timestamp(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const double seconds = float8_unpack(sqlite3_value_int64(args[0]));
    if (isinf(seconds)) {
        sqlite3_result_int64(c, seconds > 0 ? TIME_INFINITY : TIME_MINUS_INFINITY);
        return;
    }
    if (isnan(seconds)) {
        function_fail(c, "22008", "timestamp cannot be NaN");
        return;
    }
    const double us = rint((seconds - TIME_EPOCH_S) * 1000000.0);
    const bool is_right = us >= -9.2e18 && us <= 9.223e18;
    if (is_right && time_is_valid((int64_t)us))
        sqlite3_result_int64(c, (int64_t)us);
    else
        function_fail(c, "22008", "timestamp out of range: \"%g\"", seconds);
}

/* --- fields of intervals and of the time of the day ------------------------------------------- */

static void not_recognized(sqlite3_context *c, struct span name, enum sql_type type)
{
    function_fail(c, "22023", "unit \"%.*s\" not recognized for type %s", (int)name.size,
                  (const char *)name.data, sql_type_info(type)->title);
}

static void not_supported(sqlite3_context *c, struct span name, enum sql_type type)
{
    function_fail(c, "0A000", "unit \"%.*s\" not supported for type %s", (int)name.size,
                  (const char *)name.data, sql_type_info(type)->title);
}

/* Fields up to the hour, of any number of hours. False: another one. */
static bool clock_field(struct numeric *out, enum field field, int64_t us)
{
    switch ((int)field) {
    case FIELD_MICROSECOND: numeric_from_int(out, us % MINUTE_US); return true;
    case FIELD_MILLISECOND: numeric_from_scaled(out, us % MINUTE_US, 3); return true;
    case FIELD_SECOND: numeric_from_scaled(out, us % MINUTE_US, 6); return true;
    case FIELD_MINUTE: numeric_from_int(out, us / MINUTE_US % 60); return true;
    case FIELD_HOUR: numeric_from_int(out, us / HOUR_US); return true;
    default: return false;
    }
}

static void time_of_day_extract(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct numeric out;
    if (!function_begin(c, count, args)) return;
    const struct span name = function_bytes(args[0]);
    const int64_t us = sqlite3_value_int64(args[1]);
    const enum field field = time_field_of(name);
    if (field == FIELD_UNKNOWN) {
        not_recognized(c, name, SQL_TIME);
        return;
    }
    if (field == FIELD_EPOCH)
        numeric_from_scaled(&out, us, 6);
    else if (!clock_field(&out, field, us)) {
        not_supported(c, name, SQL_TIME);
        return;
    }
    function_return_numeric(c, &out);
}

/* Seconds of a length with years of 365.25 days and months of 30. */
static bool interval_epoch(struct numeric *out, const struct interval *v)
{
    struct numeric s;
    struct numeric us;
    struct diag unused;
    const int64_t quarters =
        (int64_t)1461 * (v->months / 12) + (int64_t)120 * (v->months % 12) + (int64_t)4 * v->days;
    numeric_from_int(&s, quarters * 21600);
    numeric_from_scaled(&us, v->us, 6);
    return numeric_calculate(out, NUMERIC_ADD, numeric_span(&s), numeric_span(&us), &unused) ==
           ST_OK;
}

static void interval_extract(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    struct numeric out;
    if (!function_begin(c, count, args) || !function_interval(c, args[1], &v)) return;
    const struct span name = function_bytes(args[0]);
    const enum field field = time_field_of(name);
    const int32_t years = v.months / 12;
    switch ((int)field) {
    case FIELD_UNKNOWN: not_recognized(c, name, SQL_INTERVAL); return;
    case FIELD_DAY: numeric_from_int(&out, v.days); break;
    case FIELD_MONTH: numeric_from_int(&out, v.months % 12); break;
    case FIELD_QUARTER: numeric_from_int(&out, v.months % 12 / 3 + 1); break;
    case FIELD_YEAR: numeric_from_int(&out, years); break;
    case FIELD_DECADE: numeric_from_int(&out, years / 10); break;
    case FIELD_CENTURY: numeric_from_int(&out, years / 100); break;
    case FIELD_MILLENNIUM: numeric_from_int(&out, years / 1000); break;
    case FIELD_EPOCH:
        if (!interval_epoch(&out, &v)) return;
        break;
    default:
        if (clock_field(&out, field, v.us)) break;
        not_supported(c, name, SQL_INTERVAL);
        return;
    }
    function_return_numeric(c, &out);
}

static int32_t months_of(enum field field)
{
    if (field == FIELD_QUARTER) return 3;
    if (field == FIELD_YEAR) return 12;
    if (field == FIELD_DECADE) return 120;
    if (field == FIELD_CENTURY) return 1200;
    return field == FIELD_MILLENNIUM ? 12000 : 1;
}

/* Takes away what is smaller than the field. */
static void cut_interval(struct interval *v, enum field field)
{
    static const int64_t units[] = {1, 1000, TIME_SECOND_US, MINUTE_US, HOUR_US};
    must(field <= FIELD_MILLENNIUM);
    if (field <= FIELD_HOUR) {
        v->us -= v->us % units[field];
        return;
    }
    v->us = 0;
    if (field > FIELD_DAY) v->days = 0;
    v->months -= v->months % months_of(field);
}

static void interval_trunc(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[1], &v)) return;
    const struct span name = function_bytes(args[0]);
    const enum field field = time_field_of(name);
    if (field == FIELD_UNKNOWN) {
        not_recognized(c, name, SQL_INTERVAL);
        return;
    }
    if (field == FIELD_WEEK || field > FIELD_MILLENNIUM) {
        not_supported(c, name, SQL_INTERVAL);
        return;
    }
    cut_interval(&v, field);
    function_return_interval(c, &v);
}

/* --- sums of intervals ------------------------------------------------------------------------ */

struct interval_sum {
    int64_t rows;
    int64_t months;
    int64_t days;
    int64_t us;
    bool is_over;
};

static void interval_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    struct interval_sum *s = sqlite3_aggregate_context(c, sizeof *s);
    if (s == NULL) {
        function_no_memory(c);
        return;
    }
    s->rows++;
    s->months += v.months;
    s->days += v.days;
    s->is_over = s->is_over || __builtin_add_overflow(s->us, v.us, &s->us) ||
                 s->months != (int32_t)s->months || s->days != (int32_t)s->days;
}

static void interval_sum_finish(sqlite3_context *c)
{
    const struct interval_sum *s = sqlite3_aggregate_context(c, 0);
    if (s == NULL || s->rows == 0) return;
    const struct interval v = {(int32_t)s->months, (int32_t)s->days, s->us};
    return_span(c, !s->is_over, &v);
}

static void interval_avg_finish(sqlite3_context *c)
{
    const struct interval_sum *s = sqlite3_aggregate_context(c, 0);
    struct interval out;
    if (s == NULL || s->rows == 0) return;
    const struct interval v = {(int32_t)s->months, (int32_t)s->days, s->us};
    return_span(c, !s->is_over && interval_divide(&out, &v, (double)s->rows), &out);
}

/* --- steps of series ---------------------------------------------------------------------------
 */

static void return_step(sqlite3_context *c, int sign)
{
    if (sign == 0)
        function_fail(c, "22023", "step size cannot equal zero");
    else
        sqlite3_result_int(c, sign);
}

static void series_step(sqlite3_context *c, int count, sqlite3_value **args)
{
    if (!function_begin(c, count, args)) return;
    const int64_t step = sqlite3_value_int64(args[0]);
    return_step(c, (step > 0) - (step < 0));
}

static void series_interval(sqlite3_context *c, int count, sqlite3_value **args)
{
    static const struct interval zero = {0, 0, 0};
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    return_step(c, interval_compare(&v, &zero));
}

static void series_numeric(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct span n;
    if (!function_begin(c, count, args) || !function_numeric(c, args[0], &n)) return;
    return_step(c, numeric_sign(n));
}

const struct native function_datetimes[] = {
    {.name = "series_step", .args = 1, .call = series_step},
    {.name = "series_interval", .args = 1, .call = series_interval},
    {.name = "series_numeric", .args = 1, .call = series_numeric},
    {.name = "date_to_timestamp", .args = 1, .call = date_to_timestamp},
    {.name = "timestamp_to_date", .args = 1, .call = timestamp_to_date},
    {.name = "timestamp_to_time", .args = 1, .call = timestamp_to_time},
    {.name = "time_to_interval", .args = 1, .call = time_to_interval},
    {.name = "interval_to_time", .args = 1, .call = interval_to_time},
    {.name = "date_add", .args = 2, .call = date_add},
    {.name = "date_sub", .args = 2, .call = date_sub},
    {.name = "date_diff", .args = 2, .call = date_diff},
    {.name = "date_add_time", .args = 2, .call = date_add_time},
    {.name = "timestamp_add", .args = 2, .call = timestamp_add},
    {.name = "timestamp_sub", .args = 2, .call = timestamp_sub},
    {.name = "timestamp_diff", .args = 2, .call = timestamp_diff},
    {.name = "time_add", .args = 2, .call = time_add},
    {.name = "time_sub", .args = 2, .call = time_sub},
    {.name = "time_diff", .args = 2, .call = time_diff},
    {.name = "interval_add", .args = 2, .call = call_interval_add},
    {.name = "interval_sub", .args = 2, .call = call_interval_sub},
    {.name = "interval_neg", .args = 1, .call = interval_neg},
    {.name = "interval_mul", .args = 2, .call = interval_mul},
    {.name = "interval_div", .args = 2, .call = interval_div},
    {.name = "justify_hours", .args = 1, .call = justify_hours},
    {.name = "justify_days", .args = 1, .call = justify_days},
    {.name = "justify_interval", .args = 1, .call = justify_interval},
    {.name = "timestamp_age", .args = 2, .call = timestamp_age},
    {.name = "date_is_finite", .args = 1, .call = date_is_finite},
    {.name = "timestamp_is_finite", .args = 1, .call = timestamp_is_finite},
    {.name = "make_date", .args = 3, .call = make_date},
    {.name = "make_time", .args = 3, .call = make_time},
    {.name = "make_timestamp", .args = 6, .call = make_timestamp},
    {.name = "make_interval", .args = -1, .call = make_interval},
    {.name = "epoch_to_timestamp", .args = 1, .call = epoch_to_timestamp},
    {.name = "time_of_day_extract", .args = 2, .call = time_of_day_extract},
    {.name = "interval_extract", .args = 2, .call = interval_extract},
    {.name = "interval_trunc", .args = 2, .call = interval_trunc},
    {.name = "interval_sum", .args = 1, .step = interval_step, .finish = interval_sum_finish},
    {.name = "interval_avg", .args = 1, .step = interval_step, .finish = interval_avg_finish},
    {.name = NULL},
};
