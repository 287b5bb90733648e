/* func_to_char.c - to_char of dates, times and intervals.
 *
 * The patterns are PostgreSQL's (manual 9.8): the longest keyword that fits counts, in the order of
 * the table; text in double quotes and what is no keyword is copied. The names are English (the
 * locale is "C"), the zone is UTC. Numbers: func_to_char_number.c. */
#include <inttypes.h>

#include "base/must.h"
#include "sql/datetime.h"
#include "sql/format.h"
#include "sql/function_int.h"
#include "sql/interval.h"
#include "sql/value_int.h"

struct moment { /* A timestamp or an interval taken apart. */
    int64_t year;
    int32_t month;
    int32_t day;
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t us;
    int32_t weekday; /* 0 is Sunday. */
    int64_t yearday;
    int64_t julian;
    bool is_interval;
    bool has_zone;
};

struct printer {
    struct buf out;
    struct moment m;
    struct diag *diag;
    struct format_node node; /* The one that is printed. */
};

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char *const romans[] = {"I",   "II",   "III", "IV", "V",  "VI",
                                     "VII", "VIII", "IX",  "X",  "XI", "XII"};

/* --- parts --------------------------------------------------------------------------------- */

static bool is_filled(const struct printer *p)
{
    return (p->node.flags & FORMAT_FILL) != 0;
}

static void put_ordinal(struct printer *p, size_t from)
{
    const unsigned flags = p->node.flags;
    if ((flags & (FORMAT_TH_UPPER | FORMAT_TH_LOWER)) == 0) return;
    const struct span number = span_of(p->out.data + from, p->out.size - from);
    buf_put_text(&p->out, format_ordinal(number, (flags & FORMAT_TH_UPPER) != 0));
}

/* A number with zeros before it: one place more for a negative one, none with FM. */
static void put_number(struct printer *p, int64_t value, int width)
{
    const size_t from = p->out.size;
    const int room = is_filled(p) ? 0 : value >= 0 ? width : width + 1;
    buf_printf(&p->out, "%0*" PRId64, room, value);
    put_ordinal(p, from);
}

static void put_fixed(struct printer *p, int64_t value, int width)
{
    const size_t from = p->out.size;
    buf_printf(&p->out, "%0*" PRId64, width, value);
    put_ordinal(p, from);
}

enum letters { LETTERS_UPPER, LETTERS_TITLE, LETTERS_LOWER };

static void put_letters(struct printer *p, const char *text, size_t size, enum letters how)
{
    for (size_t i = 0; i < size; i++) {
        const uint8_t b = (uint8_t)text[i];
        const bool is_small = b >= 'a' && b <= 'z';
        const bool is_big = b >= 'A' && b <= 'Z';
        uint8_t out = b;
        if (how == LETTERS_UPPER && is_small) out = (uint8_t)(b - 32);
        if (how == LETTERS_LOWER && is_big) out = (uint8_t)(b + 32);
        buf_put_u8(&p->out, out);
    }
}

/* Padded on the right to a width, but with FM and TM. */
static void put_name(struct printer *p, const char *name, size_t width, enum letters how)
{
    const size_t size = strlen(name);
    put_letters(p, name, size, how);
    if ((p->node.flags & (FORMAT_FILL | FORMAT_LOCAL)) != 0) return;
    for (size_t i = size; i < width; i++)
        buf_put_u8(&p->out, ' ');
}

static enum letters letters_of(const char *keyword)
{
    const bool is_upper = keyword[0] >= 'A' && keyword[0] <= 'Z';
    if (!is_upper) return LETTERS_LOWER;
    return keyword[1] >= 'A' && keyword[1] <= 'Z' ? LETTERS_UPPER : LETTERS_TITLE;
}

/* --- the calendar -------------------------------------------------------------------------- */

/* Of ISO 8601: weeks begin on Monday, the first one holds January 4. */
static void iso_week(const struct moment *m, int64_t *year, int64_t *week, int64_t *day)
{
    const int64_t days = m->julian;
    *year = m->year + 1;
    for (int i = 0; i < 3; i++, --*year) {
        const int64_t fourth = time_days(*year, 1, 4) + FORMAT_JULIAN_2000;
        const int64_t start = fourth - fourth % 7; /* Julian day 0 is a Monday. */
        if (days < start) continue;
        *week = (days - start) / 7 + 1;
        *day = days - start + 1;
        return;
    }
    must(false); /* A day is in the ISO year before, of or after its own. */
}

static int64_t shown_year(const struct printer *p, int64_t year)
{
    if (p->m.is_interval) return year;
    return year <= 0 ? -(year - 1) : year;
}

static void put_year(struct printer *p, enum format_key key)
{
    int64_t year = p->m.year;
    int64_t week = 0;
    int64_t day = 0;
    if (key >= FORMAT_IYYY && key <= FORMAT_I) {
        iso_week(&p->m, &year, &week, &day);
        key = (enum format_key)(FORMAT_YYYY + (key - FORMAT_IYYY));
    }
    year = shown_year(p, year);
    if (key == FORMAT_YYYY) put_number(p, year, 4);
    const int room = is_filled(p) ? 0 : year >= 0 ? 0 : 1;
    const int filled = is_filled(p) ? 0 : 1;
    if (key == FORMAT_YYY) put_fixed(p, year % 1000, filled * 3 + room);
    if (key == FORMAT_YY) put_fixed(p, year % 100, filled * 2 + room);
    if (key == FORMAT_Y) put_fixed(p, year % 10, 1);
}

static void put_century(struct printer *p)
{
    const int64_t year = p->m.year;
    int64_t century = year / 100;
    if (!p->m.is_interval) century = year > 0 ? (year - 1) / 100 + 1 : year / 100 - 1;
    if (century <= 99 && century >= -99)
        put_number(p, century, 2);
    else
        put_fixed(p, century, 0);
}

static void put_roman_month(struct printer *p, enum letters how)
{
    int32_t month = p->m.month;
    if (month == 0 && p->m.year == 0) return;
    int32_t at = month - 1;
    if (month == 0) at = p->m.year >= 0 ? 11 : 0;
    if (month < 0) at = 12 + month;
    must(at >= 0 && at < 12);
    const char *name = romans[at];
    put_letters(p, name, strlen(name), how);
    for (size_t i = strlen(name); i < 4 && !is_filled(p); i++)
        buf_put_u8(&p->out, ' ');
}

/* --- keywords ------------------------------------------------------------------------------ */

static bool is_calendar(enum format_key key)
{
    return key == FORMAT_AD || key == FORMAT_A_D || key == FORMAT_MONTH || key == FORMAT_MON ||
           key == FORMAT_DAY || key == FORMAT_DY || key == FORMAT_D || key == FORMAT_ID ||
           key == FORMAT_TZ || key == FORMAT_TZH || key == FORMAT_TZM || key == FORMAT_OF;
}

/* PostgreSQL counts them of a day that no interval has. */
static bool is_of_iso_year(enum format_key key)
{
    return key == FORMAT_IDDD || key == FORMAT_IW || key == FORMAT_J ||
           (key >= FORMAT_IYYY && key <= FORMAT_I);
}

static void put_either(struct printer *p, const char *plain, const char *dotted)
{
    const char *keyword = p->node.text;
    const char *text = keyword[1] == '.' ? dotted : plain;
    put_letters(p, text, strlen(text),
                letters_of(keyword) == LETTERS_LOWER ? LETTERS_LOWER : LETTERS_UPPER);
}

static void put_clock(struct printer *p, enum format_key key)
{
    const struct moment *m = &p->m;
    const int64_t half = m->hour % 12;
    switch ((int)key) {
    case FORMAT_AM:
    case FORMAT_A_M:
        if (m->hour % 24 >= 12)
            put_either(p, "PM", "P.M.");
        else
            put_either(p, "AM", "A.M.");
        break;
    case FORMAT_HH12:
        put_fixed(p, half == 0 ? 12 : half, is_filled(p) ? 0 : m->hour >= 0 ? 2 : 3);
        break;
    case FORMAT_HH24: put_number(p, m->hour, 2); break;
    case FORMAT_MI: put_number(p, m->minute, 2); break;
    case FORMAT_SS: put_number(p, m->second, 2); break;
    case FORMAT_SSSS: put_fixed(p, m->hour * 3600 + m->minute * 60 + m->second, 0); break;
    case FORMAT_FF1: put_fixed(p, m->us / 100000, 1); break;
    case FORMAT_FF2: put_fixed(p, m->us / 10000, 2); break;
    case FORMAT_FF3:
    case FORMAT_MS: put_fixed(p, m->us / 1000, 3); break;
    case FORMAT_FF4: put_fixed(p, m->us / 100, 4); break;
    case FORMAT_FF5: put_fixed(p, m->us / 10, 5); break;
    case FORMAT_FF6:
    case FORMAT_US: put_fixed(p, m->us, 6); break;
    case FORMAT_TZ:
        if (m->has_zone) put_either(p, "UTC", "UTC");
        break;
    case FORMAT_TZH: buf_put_text(&p->out, "+00"); break;
    case FORMAT_TZM: buf_put_text(&p->out, "00"); break;
    case FORMAT_OF: buf_put_text(&p->out, is_filled(p) ? "+0" : "+00"); break;
    default: must(false);
    }
}

static void put_day(struct printer *p, enum format_key key)
{
    const struct moment *m = &p->m;
    const enum letters how = letters_of(p->node.text);
    int64_t year = 0;
    int64_t week = 0;
    int64_t day = 0;
    if (key == FORMAT_IDDD || key == FORMAT_IW) iso_week(m, &year, &week, &day);
    switch ((int)key) {
    case FORMAT_DAY: put_name(p, weekdays[m->weekday], 9, how); break;
    case FORMAT_DY: put_letters(p, weekdays[m->weekday], 3, how); break;
    case FORMAT_DDD: put_fixed(p, m->yearday, is_filled(p) ? 0 : 3); break;
    case FORMAT_IDDD: put_fixed(p, day, is_filled(p) ? 0 : 3); break;
    case FORMAT_DD: put_fixed(p, m->day, is_filled(p) ? 0 : 2); break;
    case FORMAT_D: put_fixed(p, m->weekday + 1, 1); break;
    case FORMAT_ID: put_fixed(p, m->weekday == 0 ? 7 : m->weekday, 1); break;
    case FORMAT_WW: put_fixed(p, (m->yearday - 1) / 7 + 1, is_filled(p) ? 0 : 2); break;
    case FORMAT_IW: put_fixed(p, week, is_filled(p) ? 0 : 2); break;
    case FORMAT_W: put_fixed(p, (m->day - 1) / 7 + 1, 1); break;
    case FORMAT_J: put_fixed(p, m->julian, 1); break;
    default: must(false);
    }
}

static void put_month(struct printer *p, enum format_key key)
{
    const struct moment *m = &p->m;
    const enum letters how = letters_of(p->node.text);
    switch ((int)key) {
    case FORMAT_MM: put_number(p, m->month, 2); break;
    case FORMAT_RM: put_roman_month(p, how == LETTERS_LOWER ? how : LETTERS_UPPER); break;
    case FORMAT_Q:
        if (m->month != 0) put_fixed(p, (m->month - 1) / 3 + 1, 1);
        break;
    case FORMAT_MONTH:
        if (m->month != 0) put_name(p, months[m->month - 1], 9, how);
        break;
    case FORMAT_MON:
        if (m->month != 0) put_letters(p, months[m->month - 1], 3, how);
        break;
    default: must(false);
    }
}

static void put_thousands(struct printer *p)
{
    const int64_t year = shown_year(p, p->m.year);
    const size_t from = p->out.size;
    buf_printf(&p->out, "%" PRId64 ",%03" PRId64, year / 1000, year - year / 1000 * 1000);
    put_ordinal(p, from);
}

static void put_key(struct printer *p, enum format_key key)
{
    if (key == FORMAT_FX) return;
    if (key <= FORMAT_OF)
        put_clock(p, key);
    else if (key <= FORMAT_J)
        put_day(p, key);
    else if (key <= FORMAT_MON)
        put_month(p, key);
    else if (key <= FORMAT_I)
        put_year(p, key);
    else if (key == FORMAT_CC)
        put_century(p);
    else if (key == FORMAT_Y_YYY)
        put_thousands(p);
    else if (p->m.year <= 0)
        put_either(p, "BC", "B.C.");
    else
        put_either(p, "AD", "A.D.");
}

static bool print(struct printer *p, struct format_reader *r)
{
    while (format_next(r, &p->node)) {
        const struct format_node node = p->node;
        if (node.key == FORMAT_TEXT) {
            buf_put(&p->out, node.literal);
            continue;
        }
        if (p->m.is_interval && is_calendar(node.key)) {
            diag_set(p->diag, "22007", "invalid format specification for an interval value");
            diag_hint(p->diag, "Intervals are not tied to specific calendar dates.");
            return false;
        }
        if (p->m.is_interval && is_of_iso_year(node.key)) {
            diag_set(p->diag, "0A000", "to_char of an interval does not take %s", node.text);
            diag_hint(p->diag, "See docs/sql/functions.md.");
            return false;
        }
        put_key(p, node.key);
    }
    return true;
}

/* --- functions ----------------------------------------------------------------------------- */

static void to_char(sqlite3_context *c, const struct moment *m, struct span format)
{
    struct diag d;
    struct printer p = {.m = *m, .diag = &d};
    struct format_reader r = {.text = format};
    buf_init(&p.out, mem_system(), SQL_VALUE_MAX);
    if (print(&p, &r)) {
        function_return_buf(c, &p.out);
        return;
    }
    buf_fini(&p.out);
    function_fail_with(c, &d);
}

/* stamp_to_char(time, format, has zone) */
static void stamp_to_char(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct time_fields f;
    if (!function_begin(c, count, args)) return;
    const int64_t time = sqlite3_value_int64(args[0]);
    const struct span format = function_bytes(args[1]);
    if (format.size == 0 || time == TIME_INFINITY || time == TIME_MINUS_INFINITY) return;
    time_split(&f, time);
    const int64_t julian = f.days + FORMAT_JULIAN_2000;
    const int64_t seconds = f.us / TIME_SECOND_US;
    const struct moment m = {.year = f.year,
                             .month = (int32_t)f.month,
                             .day = (int32_t)f.day,
                             .hour = seconds / 3600,
                             .minute = seconds / 60 % 60,
                             .second = seconds % 60,
                             .us = f.us % TIME_SECOND_US,
                             .weekday = (int32_t)((julian + 1) % 7),
                             .yearday = f.days - time_days(f.year, 1, 1) + 1,
                             .julian = julian,
                             .has_zone = sqlite3_value_int(args[2]) != 0};
    to_char(c, &m, format);
}

/* interval_to_char(interval, format) */
static void interval_to_char(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    const struct span format = function_bytes(args[1]);
    if (format.size == 0) return;
    struct moment m = {.year = v.months / 12,
                       .month = v.months % 12,
                       .day = v.days,
                       .hour = v.us / INT64_C(3600000000),
                       .minute = v.us / INT64_C(60000000) % 60,
                       .second = v.us / TIME_SECOND_US % 60,
                       .us = v.us % TIME_SECOND_US,
                       .is_interval = true};
    m.yearday = (m.year * 12 + m.month) * 30 + m.day;
    to_char(c, &m, format);
}

const struct native function_to_chars[] = {
    {.name = "stamp_to_char", .args = 3, .call = stamp_to_char},
    {.name = "interval_to_char", .args = 2, .call = interval_to_char},
    {.name = NULL},
};
