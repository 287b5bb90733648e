/* time.c - Calendar, text input and text output of timestamp with time zone.
 *
 * Days are counted with the era method: a year that begins in March makes the leap day the last
 * day, and 400 years are one era of 146,097 days. */
#include "sql/time.h"

#include "base/must.h"

#define ERA_DAYS          146097
#define DAYS_TO_2000      730425 /* From 0000-03-01 to 2000-01-01. */
#define YEAR_MAX          294277
#define YEAR_MIN          (-4713)
#define ZONE_HOUR_MAX     15
#define NUMBER_DIGITS_MAX 9u

struct scanner {
    const uint8_t *at;
    const uint8_t *end;
    struct span text; /* All of it, for messages. */
    struct diag *diag;
};

struct clock {
    uint32_t hour;
    uint32_t minute;
    uint32_t second;
    uint32_t us;
};

static enum status scan_special(struct scanner *s, int64_t *out, bool *is_found);
static enum status scan_date(struct scanner *s, int64_t *year, uint32_t *month, uint32_t *day);
static enum status scan_clock(struct scanner *s, struct clock *out);
static uint32_t scan_fraction(struct scanner *s);
static enum status scan_zone(struct scanner *s, int64_t *offset_s);
static bool scan_number(struct scanner *s, uint32_t digits_max, uint32_t *value, uint32_t *digits);
static bool scan_char(struct scanner *s, char c);
static bool scan_word(struct scanner *s, const char *word);
static void skip_blanks(struct scanner *s);
static int shown(const struct scanner *s);
static enum status bad_syntax(const struct scanner *s);
static enum status bad_field(const struct scanner *s);
static enum status bad_range(const struct scanner *s);
static enum status assemble(
    struct scanner *s, int64_t days, const struct clock *c, int64_t zone_s, int64_t *out);
static int64_t floor_div(int64_t a, int64_t b);

bool time_is_valid(int64_t time)
{
    return time == TIME_INFINITY || time == TIME_MINUS_INFINITY ||
           (time >= TIME_MIN && time < TIME_END);
}

enum status time_from_text(int64_t *out, struct span text, struct diag *d)
{
    struct scanner s = {text.data, text.data + text.size, text, d};
    bool is_special = false;
    skip_blanks(&s);
    TRY(scan_special(&s, out, &is_special));
    if (is_special) return ST_OK;
    int64_t year = 0;
    uint32_t month = 0;
    uint32_t day = 0;
    struct clock clock = {0, 0, 0, 0};
    int64_t zone_s = 0;
    TRY(scan_date(&s, &year, &month, &day));
    const bool has_t = scan_char(&s, 'T') || scan_char(&s, 't');
    skip_blanks(&s);
    if (has_t || (s.at < s.end && *s.at >= '0' && *s.at <= '9')) TRY(scan_clock(&s, &clock));
    TRY(scan_zone(&s, &zone_s));
    skip_blanks(&s);
    const bool is_before = scan_word(&s, "bc");
    if (!is_before) (void)scan_word(&s, "ad");
    skip_blanks(&s);
    if (s.at != s.end) return bad_syntax(&s);
    if (year == 0) return bad_field(&s);
    if (is_before) year = 1 - year;
    if (month < 1 || month > 12 || day < 1 || day > 31) return bad_field(&s);
    if (year > YEAR_MAX || year < YEAR_MIN) return bad_range(&s);
    if (day > time_month_days(year, month)) return bad_field(&s);
    return assemble(&s, time_days(year, month, day), &clock, zone_s, out);
}

void time_to_text(struct buf *out, int64_t time)
{
    must(time_is_valid(time));
    if (time == TIME_INFINITY || time == TIME_MINUS_INFINITY) {
        buf_put_text(out, time == TIME_INFINITY ? "infinity" : "-infinity");
        return;
    }
    struct time_fields f;
    time_split(&f, time);
    const bool is_before = f.year <= 0;
    const int64_t second = f.us / TIME_SECOND_US;
    uint32_t us = (uint32_t)(f.us % TIME_SECOND_US);
    buf_printf(out, "%04lld-%02u-%02u %02u:%02u:%02u", (long long)(is_before ? 1 - f.year : f.year),
               f.month, f.day, (uint32_t)(second / 3600), (uint32_t)(second / 60 % 60),
               (uint32_t)(second % 60));
    if (us != 0) {
        int digits = 6;
        for (; us % 10 == 0; us /= 10)
            digits--;
        buf_printf(out, ".%0*u", digits, us);
    }
    buf_put_text(out, is_before ? "+00 BC" : "+00");
}

void time_split(struct time_fields *out, int64_t time)
{
    must(time != TIME_INFINITY);
    must(time != TIME_MINUS_INFINITY);
    out->days = floor_div(time, TIME_DAY_US);
    out->us = time - out->days * TIME_DAY_US;
    const int64_t days = out->days + DAYS_TO_2000;
    const int64_t era = floor_div(days, ERA_DAYS);
    const int64_t day_of_era = days - era * ERA_DAYS;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month = (5 * day_of_year + 2) / 153; /* March is 0. */
    out->day = (uint32_t)(day_of_year - (153 * month + 2) / 5 + 1);
    out->month = (uint32_t)(month < 10 ? month + 3 : month - 9);
    out->year = year_of_era + era * 400 + (out->month <= 2 ? 1 : 0);
}

int64_t time_days(int64_t year, uint32_t month, uint32_t day)
{
    must(month >= 1);
    must(month <= 12);
    const int64_t y = year - (month <= 2 ? 1 : 0);
    const int64_t era = floor_div(y, 400);
    const int64_t year_of_era = y - era * 400;
    const int64_t from_march = month > 2 ? month - 3 : month + 9;
    const int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - DAYS_TO_2000;
}

uint32_t time_month_days(int64_t year, uint32_t month)
{
    must(month >= 1);
    must(month <= 12);
    if (month == 2) return (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static enum status scan_special(struct scanner *s, int64_t *out, bool *is_found)
{
    static const char *const moving[] = {"now", "today", "tomorrow", "yesterday"};
    for (size_t i = 0; i < sizeof moving / sizeof moving[0]; i++) {
        if (!scan_word(s, moving[i])) continue;
        diag_set(s->diag, "0A000", "the timestamp \"%s\" is not supported", moving[i]);
        diag_hint(s->diag, "Use now(): every node must read the same value.");
        return ST_UNSUPPORTED;
    }
    *is_found = true;
    if (scan_word(s, "epoch")) {
        *out = -(int64_t)TIME_EPOCH_S * TIME_SECOND_US;
    } else if (scan_word(s, "infinity") || scan_word(s, "+infinity")) {
        *out = TIME_INFINITY;
    } else if (scan_word(s, "-infinity")) {
        *out = TIME_MINUS_INFINITY;
    } else {
        *is_found = false;
        return ST_OK;
    }
    skip_blanks(s);
    return s->at == s->end ? ST_OK : bad_syntax(s);
}

/* year-month-day, year/month/day or yyyymmdd. */
static enum status scan_date(struct scanner *s, int64_t *year, uint32_t *month, uint32_t *day)
{
    uint32_t number = 0;
    uint32_t digits = 0;
    if (!scan_number(s, NUMBER_DIGITS_MAX, &number, &digits)) return bad_syntax(s);
    if (digits == 8) {
        *year = number / 10000;
        *month = number / 100 % 100;
        *day = number % 100;
        return ST_OK;
    }
    if (digits < 3) return bad_syntax(s); /* Two-digit years depend on a setting. */
    *year = number;
    const char separator = s->at < s->end && *s->at == '/' ? '/' : '-';
    if (!scan_char(s, separator) || !scan_number(s, 2, month, &digits)) return bad_syntax(s);
    if (!scan_char(s, separator) || !scan_number(s, 2, day, &digits)) return bad_syntax(s);
    return ST_OK;
}

static enum status scan_clock(struct scanner *s, struct clock *out)
{
    uint32_t digits = 0;
    if (!scan_number(s, 2, &out->hour, &digits)) return bad_syntax(s);
    if (!scan_char(s, ':') || !scan_number(s, 2, &out->minute, &digits)) return bad_syntax(s);
    if (scan_char(s, ':')) {
        if (!scan_number(s, 2, &out->second, &digits)) return bad_syntax(s);
        if (scan_char(s, '.')) out->us = scan_fraction(s);
    }
    const bool is_midnight = out->minute == 0 && out->second == 0 && out->us == 0;
    if (out->hour > 24 || (out->hour == 24 && !is_midnight)) return bad_field(s);
    if (out->minute > 59 || out->second > 60) return bad_field(s);
    if (out->second == 60 && out->us > 0) return bad_field(s);
    return ST_OK;
}

/* Microseconds; up to 1,000,000 by rounding, half to even. */
static uint32_t scan_fraction(struct scanner *s)
{
    uint32_t us = 0;
    uint32_t count = 0;
    uint32_t next = 0;
    bool has_more = false;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++, count++) {
        const uint32_t digit = (uint32_t)(*s->at - '0');
        if (count < 6) us = 10 * us + digit;
        if (count == 6) next = digit;
        if (count > 6 && digit != 0) has_more = true;
    }
    for (; count < 6; count++)
        us *= 10;
    if (next > 5 || (next == 5 && (has_more || us % 2 == 1))) us++;
    return us;
}

static enum status scan_zone(struct scanner *s, int64_t *offset_s)
{
    skip_blanks(s);
    if (scan_word(s, "z") || scan_word(s, "utc") || scan_word(s, "gmt")) return ST_OK;
    if (s->at == s->end || (*s->at != '+' && *s->at != '-')) return ST_OK;
    const bool is_west = *s->at++ == '-';
    uint32_t hour = 0;
    uint32_t minute = 0;
    uint32_t second = 0;
    uint32_t digits = 0;
    if (!scan_number(s, 4, &hour, &digits)) return bad_syntax(s);
    if (digits > 2) {
        minute = hour % 100;
        hour /= 100;
    } else if (scan_char(s, ':')) {
        if (!scan_number(s, 2, &minute, &digits)) return bad_syntax(s);
        if (scan_char(s, ':') && !scan_number(s, 2, &second, &digits)) return bad_syntax(s);
    }
    if (hour > ZONE_HOUR_MAX || minute > 59 || second > 59) {
        diag_set(s->diag, "22009", "time zone displacement out of range: \"%.*s\"", shown(s),
                 (const char *)s->text.data);
        return ST_INVALID;
    }
    *offset_s = (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    if (is_west) *offset_s = -*offset_s;
    return ST_OK;
}

static enum status assemble(
    struct scanner *s, int64_t days, const struct clock *c, int64_t zone_s, int64_t *out)
{
    const int64_t second =
        (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 + (int64_t)c->second - zone_s;
    const int64_t in_day = second * TIME_SECOND_US + c->us;
    const int64_t days_max = TIME_END / TIME_DAY_US; /* Two days of room below int64. */
    if (days > days_max) return bad_range(s);
    if (days == days_max && in_day >= 0) return bad_range(s);
    const int64_t time = days * TIME_DAY_US + in_day;
    if (time < TIME_MIN || time >= TIME_END) return bad_range(s);
    *out = time;
    return ST_OK;
}

static bool scan_number(struct scanner *s, uint32_t digits_max, uint32_t *value, uint32_t *digits)
{
    *value = 0;
    *digits = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        if (*digits == digits_max) return false;
        *value = 10 * *value + (uint32_t)(*s->at - '0');
        ++*digits;
    }
    return *digits > 0;
}

static bool scan_char(struct scanner *s, char c)
{
    if (s->at == s->end || *s->at != (uint8_t)c) return false;
    s->at++;
    return true;
}

/* Lower-case word, not followed by another letter. */
static bool scan_word(struct scanner *s, const char *word)
{
    const size_t size = strlen(word);
    if ((size_t)(s->end - s->at) < size) return false;
    for (size_t i = 0; i < size; i++) {
        const bool is_letter = word[i] >= 'a' && word[i] <= 'z';
        if ((is_letter ? (s->at[i] | 0x20) : s->at[i]) != (uint8_t)word[i]) return false;
    }
    const uint8_t *after = s->at + size;
    if (after < s->end && (*after | 0x20) >= 'a' && (*after | 0x20) <= 'z') return false;
    s->at = after;
    return true;
}

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || (*s->at >= '\t' && *s->at <= '\r')))
        s->at++;
}

static int shown(const struct scanner *s)
{
    return (int)(s->text.size < DIAG_TEXT_MAX ? s->text.size : DIAG_TEXT_MAX);
}

/* The word, or a longer one that begins with its three letters: "jan", "January". */
static bool is_word_of(struct span given, const char *word)
{
    const size_t size = strlen(word);
    if (given.size < size || (given.size > size && size != 3)) return false;
    for (size_t i = 0; i < size; i++)
        if ((given.data[i] | 0x20) != (uint8_t)word[i]) return false;
    return true;
}

static bool is_time_word(struct span given)
{
    static const char *const words[] = {
        "jan", "feb", "mar", "apr", "may", "jun",  "jul", "aug",      "sep",       "oct",   "nov",
        "dec", "mon", "tue", "wed", "thu", "fri",  "sat", "sun",      "am",        "pm",    "est",
        "edt", "cst", "cdt", "mst", "mdt", "pst",  "pdt", "cet",      "cest",      "eet",   "eest",
        "msk", "bst", "jst", "ad",  "gmt", "zulu", "now", "tomorrow", "yesterday", "today", "at"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (is_word_of(given, words[i])) return true;
    return false;
}

/* Forms that PostgreSQL reads besides ISO: names of months, days and time zones, AM and PM,
 * slashes. Other words are wrong there too. */
static bool is_other_form(struct span text)
{
    bool has_digit = false;
    bool has_form = false;
    for (size_t i = 0; i < text.size; i++) {
        size_t end = i;
        while (end < text.size && (text.data[end] | 0x20) >= 'a' && (text.data[end] | 0x20) <= 'z')
            end++;
        has_digit = has_digit || (text.data[i] >= '0' && text.data[i] <= '9');
        has_form =
            has_form || text.data[i] == '/' || is_time_word((struct span){text.data + i, end - i});
        if (end > i) i = end - 1;
    }
    return has_digit && has_form;
}

static enum status bad_syntax(const struct scanner *s)
{
    if (is_other_form(s->text)) {
        diag_set(s->diag, "0A000", "this form of a time is not supported: \"%.*s\"", shown(s),
                 (const char *)s->text.data);
        diag_hint(s->diag, "Write it as 2026-01-02 03:04:05.678+00.");
        return ST_INVALID;
    }
    diag_set(s->diag, "22007", "invalid input syntax for type timestamp with time zone: \"%.*s\"",
             shown(s), (const char *)s->text.data);
    return ST_INVALID;
}

static enum status bad_field(const struct scanner *s)
{
    diag_set(s->diag, "22008", "date/time field value out of range: \"%.*s\"", shown(s),
             (const char *)s->text.data);
    return ST_INVALID;
}

static enum status bad_range(const struct scanner *s)
{
    diag_set(s->diag, "22008", "timestamp out of range: \"%.*s\"", shown(s),
             (const char *)s->text.data);
    return ST_INVALID;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    must(b > 0);
    return a >= 0 ? a / b : -((-(a + 1)) / b) - 1;
}
