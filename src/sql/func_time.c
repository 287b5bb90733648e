/* func_time.c - extract and date_trunc of timestamptz, in UTC, of timestamp and of date. */
#include "base/must.h"
#include "sql/datetime.h"
#include "sql/function_int.h"
#include "sql/time.h"
#include "sql/time_unit.h"

#define HOUR_US   3600000000
#define MINUTE_US 60000000

static void extract_infinite(sqlite3_context *c, enum field field, struct span name);
static void extract_seconds(sqlite3_context *c,
                            enum field field,
                            int64_t time,
                            const struct time_fields *f);
static void extract_epoch(struct numeric *out, int64_t time);
static int64_t extract_whole(enum field field, const struct time_fields *f);
static int64_t truncated(enum field field, const struct time_fields *f);
static int64_t truncated_year(enum field field, int64_t year);
static int64_t span_of_years(int64_t year, int64_t years);
static uint32_t iso_weekday(int64_t days);
static int64_t iso_week_start(int64_t year);
static int64_t iso_year(const struct time_fields *f);
static int64_t floor_div(int64_t a, int64_t b);
static void extract_julian(struct numeric *out, const struct time_fields *f, bool is_date);
static void not_recognized(sqlite3_context *c, struct span name, enum sql_type type);
static void not_supported(sqlite3_context *c, struct span name, enum sql_type type);

/* Fields that a type does not have. */
static bool is_foreign(enum sql_type type, enum field field)
{
    const bool is_zone =
        field == FIELD_ZONE || field == FIELD_ZONE_HOUR || field == FIELD_ZONE_MINUTE;
    if (type == SQL_DATE) return is_zone || field <= FIELD_HOUR;
    return type == SQL_TIMESTAMP && is_zone;
}

static void extract(sqlite3_context *c, int count, sqlite3_value **args, enum sql_type type)
{
    if (!function_begin(c, count, args)) return;
    const struct span name = function_bytes(args[0]);
    const int64_t time = sqlite3_value_int64(args[1]);
    const enum field field = time_field_of(name);
    /* The Julian day came with exec_version 4; extract of timestamptz was there before. */
    if (field == FIELD_UNKNOWN || (field == FIELD_JULIAN && type == SQL_TIMESTAMPTZ)) {
        not_recognized(c, name, type);
        return;
    }
    if (is_foreign(type, field)) {
        not_supported(c, name, type);
        return;
    }
    const bool is_date = type == SQL_DATE;
    const bool is_infinite = is_date ? time == DATE_INFINITY || time == DATE_MINUS_INFINITY
                                     : time == TIME_INFINITY || time == TIME_MINUS_INFINITY;
    if (is_infinite) {
        extract_infinite(c, field, name);
        return;
    }
    struct time_fields f;
    if (is_date)
        date_split(&f, time);
    else
        time_split(&f, time);
    struct numeric out;
    if (is_date && field == FIELD_EPOCH) {
        numeric_from_int(&out, time * 86400 + TIME_EPOCH_S);
        function_return_numeric(c, &out);
        return;
    }
    if (field == FIELD_JULIAN) {
        extract_julian(&out, &f, is_date);
        function_return_numeric(c, &out);
        return;
    }
    if (field <= FIELD_SECOND || field == FIELD_EPOCH) {
        extract_seconds(c, field, time, &f);
        return;
    }
    numeric_from_int(&out, extract_whole(field, &f));
    function_return_numeric(c, &out);
}

static void time_extract(sqlite3_context *c, int count, sqlite3_value **args)
{
    extract(c, count, args, SQL_TIMESTAMPTZ);
}

static void timestamp_extract(sqlite3_context *c, int count, sqlite3_value **args)
{
    extract(c, count, args, SQL_TIMESTAMP);
}

static void date_extract(sqlite3_context *c, int count, sqlite3_value **args)
{
    extract(c, count, args, SQL_DATE);
}

static void trunc_to(sqlite3_context *c, int count, sqlite3_value **args, enum sql_type type)
{
    if (!function_begin(c, count, args)) return;
    const struct span name = function_bytes(args[0]);
    const int64_t time = sqlite3_value_int64(args[1]);
    const enum field field = time_field_of(name);
    if (time == TIME_INFINITY ||
        time == TIME_MINUS_INFINITY) { /* Before the unit is looked at, as PostgreSQL. */
        sqlite3_result_int64(c, time);
        return;
    }
    if (field == FIELD_UNKNOWN || (field == FIELD_JULIAN && type == SQL_TIMESTAMPTZ)) {
        not_recognized(c, name, type);
        return;
    }
    if (field > FIELD_MILLENNIUM) {
        not_supported(c, name, type);
        return;
    }
    struct time_fields f;
    time_split(&f, time);
    const int64_t result = truncated(field, &f);
    if (time_is_valid(result))
        sqlite3_result_int64(c, result);
    else
        function_fail(c, "22008", "timestamp out of range");
}

static void time_trunc(sqlite3_context *c, int count, sqlite3_value **args)
{
    trunc_to(c, count, args, SQL_TIMESTAMPTZ);
}

static void timestamp_trunc(sqlite3_context *c, int count, sqlite3_value **args)
{
    trunc_to(c, count, args, SQL_TIMESTAMP);
}

const struct native function_times[] = {
    {.name = "time_extract", .args = 2, .call = time_extract},
    {.name = "time_trunc", .args = 2, .call = time_trunc},
    {.name = "timestamp_extract", .args = 2, .call = timestamp_extract},
    {.name = "date_extract", .args = 2, .call = date_extract},
    {.name = "timestamp_trunc", .args = 2, .call = timestamp_trunc},
    {.name = NULL},
};

enum field time_field_of(struct span name)
{
    static const struct {
        const char *name;
        enum field field;
    } names[] = {
        {"microseconds", FIELD_MICROSECOND},
        {"microsecond", FIELD_MICROSECOND},
        {"us", FIELD_MICROSECOND},
        {"usec", FIELD_MICROSECOND},
        {"milliseconds", FIELD_MILLISECOND},
        {"millisecond", FIELD_MILLISECOND},
        {"ms", FIELD_MILLISECOND},
        {"msec", FIELD_MILLISECOND},
        {"second", FIELD_SECOND},
        {"seconds", FIELD_SECOND},
        {"sec", FIELD_SECOND},
        {"s", FIELD_SECOND},
        {"minute", FIELD_MINUTE},
        {"minutes", FIELD_MINUTE},
        {"min", FIELD_MINUTE},
        {"m", FIELD_MINUTE},
        {"hour", FIELD_HOUR},
        {"hours", FIELD_HOUR},
        {"h", FIELD_HOUR},
        {"day", FIELD_DAY},
        {"days", FIELD_DAY},
        {"d", FIELD_DAY},
        {"week", FIELD_WEEK},
        {"weeks", FIELD_WEEK},
        {"w", FIELD_WEEK},
        {"month", FIELD_MONTH},
        {"months", FIELD_MONTH},
        {"mon", FIELD_MONTH},
        {"quarter", FIELD_QUARTER},
        {"qtr", FIELD_QUARTER},
        {"year", FIELD_YEAR},
        {"years", FIELD_YEAR},
        {"y", FIELD_YEAR},
        {"decade", FIELD_DECADE},
        {"decades", FIELD_DECADE},
        {"century", FIELD_CENTURY},
        {"centuries", FIELD_CENTURY},
        {"millennium", FIELD_MILLENNIUM},
        {"millennia", FIELD_MILLENNIUM},
        {"dow", FIELD_DOW},
        {"isodow", FIELD_ISODOW},
        {"doy", FIELD_DOY},
        {"isoyear", FIELD_ISOYEAR},
        {"julian", FIELD_JULIAN},
        {"jd", FIELD_JULIAN},
        {"epoch", FIELD_EPOCH},
        {"timezone", FIELD_ZONE},
        {"timezone_hour", FIELD_ZONE_HOUR},
        {"timezone_minute", FIELD_ZONE_MINUTE},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (function_has_name(name, names[i].name)) return names[i].field;
    }
    return FIELD_UNKNOWN;
}

/* PostgreSQL: infinite for fields that only grow, NULL for those that go round. */
static void extract_infinite(sqlite3_context *c, enum field field, struct span name)
{
    const bool grows = field == FIELD_YEAR || field == FIELD_DECADE || field == FIELD_CENTURY ||
                       field == FIELD_MILLENNIUM || field == FIELD_ISOYEAR || field == FIELD_EPOCH;
    if (grows)
        function_fail(c, "0A000", "extract(%.*s) of an infinite timestamp is not supported",
                      (int)name.size, (const char *)name.data);
}

static void extract_seconds(sqlite3_context *c,
                            enum field field,
                            int64_t time,
                            const struct time_fields *f)
{
    struct numeric out;
    const int64_t us = f->us % MINUTE_US;
    if (field == FIELD_MICROSECOND) {
        numeric_from_int(&out, us);
    } else if (field == FIELD_MILLISECOND) {
        numeric_from_scaled(&out, us, 3);
    } else if (field == FIELD_SECOND) {
        numeric_from_scaled(&out, us, 6);
    } else {
        extract_epoch(&out, time);
    }
    function_return_numeric(c, &out);
}

/* Far in the future PostgreSQL divides with fewer digits and rounds twice; so do we. */
static void extract_epoch(struct numeric *out, int64_t time)
{
    struct numeric from_2000;
    struct numeric epoch;
    struct numeric sum;
    struct diag unused;
    const bool is_far = time >= INT64_MAX - (int64_t)TIME_EPOCH_S * TIME_SECOND_US;
    numeric_from_scaled(&from_2000, time, is_far ? 0 : 6);
    numeric_from_int(&epoch, is_far ? (int64_t)TIME_EPOCH_S * TIME_SECOND_US : TIME_EPOCH_S);
    enum status st = numeric_calculate(is_far ? &sum : out, NUMERIC_ADD, numeric_span(&from_2000),
                                       numeric_span(&epoch), &unused);
    must(st == ST_OK);
    if (!is_far) return;
    numeric_from_int(&epoch, TIME_SECOND_US);
    st = numeric_calculate(out, NUMERIC_DIV, numeric_span(&sum), numeric_span(&epoch), &unused);
    must(st == ST_OK);
    sum = *out;
    st = numeric_round(out, numeric_span(&sum), 6, NUMERIC_HALF_AWAY, &unused);
    must(st == ST_OK);
}

static int64_t extract_whole(enum field field, const struct time_fields *f)
{
    switch (field) {
    case FIELD_MINUTE: return f->us / MINUTE_US % 60;
    case FIELD_HOUR: return f->us / HOUR_US;
    case FIELD_DAY: return f->day;
    case FIELD_WEEK: return (f->days - iso_week_start(iso_year(f))) / 7 + 1;
    case FIELD_MONTH: return f->month;
    case FIELD_QUARTER: return (f->month - 1) / 3 + 1;
    case FIELD_YEAR: return f->year > 0 ? f->year : f->year - 1; /* There is no year 0. */
    case FIELD_DECADE: return floor_div(f->year, 10);
    case FIELD_CENTURY: return span_of_years(f->year, 100);
    case FIELD_MILLENNIUM: return span_of_years(f->year, 1000);
    case FIELD_DOW: return iso_weekday(f->days) % 7;
    case FIELD_ISODOW: return iso_weekday(f->days);
    case FIELD_DOY: return f->days - time_days(f->year, 1, 1) + 1;
    case FIELD_ISOYEAR: return iso_year(f) > 0 ? iso_year(f) : iso_year(f) - 1;
    case FIELD_ZONE:
    case FIELD_ZONE_HOUR:
    case FIELD_ZONE_MINUTE: return 0;
    case FIELD_MICROSECOND:
    case FIELD_MILLISECOND:
    case FIELD_SECOND:
    case FIELD_JULIAN:
    case FIELD_EPOCH:
    case FIELD_UNKNOWN: break;
    }
    must(field == FIELD_EPOCH);
    return 0;
}

static int64_t truncated(enum field field, const struct time_fields *f)
{
    const int64_t day = f->days * TIME_DAY_US;
    switch (field) {
    case FIELD_MICROSECOND: return day + f->us;
    case FIELD_MILLISECOND: return day + f->us - f->us % 1000;
    case FIELD_SECOND: return day + f->us - f->us % TIME_SECOND_US;
    case FIELD_MINUTE: return day + f->us - f->us % MINUTE_US;
    case FIELD_HOUR: return day + f->us - f->us % HOUR_US;
    case FIELD_DAY: return day;
    case FIELD_WEEK: return (f->days - (int64_t)iso_weekday(f->days) + 1) * TIME_DAY_US;
    case FIELD_MONTH: return time_days(f->year, f->month, 1) * TIME_DAY_US;
    case FIELD_QUARTER: return time_days(f->year, (f->month - 1) / 3 * 3 + 1, 1) * TIME_DAY_US;
    case FIELD_YEAR:
    case FIELD_DECADE:
    case FIELD_CENTURY:
    case FIELD_MILLENNIUM: return time_days(truncated_year(field, f->year), 1, 1) * TIME_DAY_US;
    case FIELD_DOW:
    case FIELD_ISODOW:
    case FIELD_DOY:
    case FIELD_ISOYEAR:
    case FIELD_JULIAN:
    case FIELD_EPOCH:
    case FIELD_ZONE:
    case FIELD_ZONE_HOUR:
    case FIELD_ZONE_MINUTE:
    case FIELD_UNKNOWN: break;
    }
    must(field <= FIELD_MILLENNIUM);
    return 0;
}

/* Decades begin with the years ending in 0; centuries and millennia with those ending in 1. */
static int64_t truncated_year(enum field field, int64_t year)
{
    if (field == FIELD_DECADE) return floor_div(year, 10) * 10;
    if (field == FIELD_CENTURY) return floor_div(year - 1, 100) * 100 + 1;
    if (field == FIELD_MILLENNIUM) return floor_div(year - 1, 1000) * 1000 + 1;
    return year;
}

/* The number of the century or millennium; there is no number 0. */
static int64_t span_of_years(int64_t year, int64_t years)
{
    return year > 0 ? (year + years - 1) / years : -((years - 1 - (year - 1)) / years);
}

/* Monday 1 … Sunday 7. 2000-01-01 was a Saturday. */
static uint32_t iso_weekday(int64_t days)
{
    const int64_t from_monday = days + 5;
    return (uint32_t)(from_monday - floor_div(from_monday, 7) * 7) + 1;
}

/* Monday of the week that has 4 January. */
static int64_t iso_week_start(int64_t year)
{
    const int64_t fourth = time_days(year, 1, 4);
    return fourth - (int64_t)iso_weekday(fourth) + 1;
}

static int64_t iso_year(const struct time_fields *f)
{
    if (f->days < iso_week_start(f->year)) return f->year - 1;
    return f->days >= iso_week_start(f->year + 1) ? f->year + 1 : f->year;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    must(b > 0);
    return a >= 0 ? a / b : -((-(a + 1)) / b) - 1;
}

/* Days since 4714-11-24 BC, with the part of the day. */
static void extract_julian(struct numeric *out, const struct time_fields *f, bool is_date)
{
    struct numeric whole;
    struct numeric part;
    struct numeric day;
    struct numeric quotient;
    struct diag unused;
    numeric_from_int(&whole, f->days - DATE_MIN);
    *out = whole;
    if (is_date) return;
    numeric_from_int(&part, f->us);
    numeric_from_int(&day, TIME_DAY_US);
    enum status st =
        numeric_calculate(&quotient, NUMERIC_DIV, numeric_span(&part), numeric_span(&day), &unused);
    must(st == ST_OK);
    st =
        numeric_calculate(out, NUMERIC_ADD, numeric_span(&whole), numeric_span(&quotient), &unused);
    must(st == ST_OK);
}

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
