/* datetime.c - Input of date, time and timestamp: the text is cut into fields, and what each field
 * means follows from its form and from what is known already, as in PostgreSQL. */
#include "sql/datetime.h"

#include "base/must.h"

#define FIELDS_MAX 25u
#define TEXT_MAX   512u
#define YEAR_PIVOT 70 /* Years of two digits: 1970 to 2069. */
#define HOUR_US    (INT64_C(3600) * TIME_SECOND_US)
#define MINUTE_US  (INT64_C(60) * TIME_SECOND_US)
#define YEAR_MAX   5874897
#define YEAR_MIN   (-4713)
#define ZONE_HOURS 15
#define NUMBER_MAX 9u

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    struct span text;
    enum sql_type type;
    struct diag *diag;
    bool has_year, has_month, has_day, has_time, has_zone, is_bc, is_pm, is_am, has_t;
    int64_t year;
    uint32_t month, day;
    uint32_t year_digits;
    int64_t clock_us;
    int64_t zone_s;
};

struct number {
    uint32_t value;
    uint32_t digits;
};

static enum status read_field(struct reader *r);
static enum status read_clock(struct reader *r, uint32_t hour);
static uint32_t read_fraction(struct reader *r);
static enum status read_date(struct reader *r, const struct number *first);
static enum status read_plain(struct reader *r, const struct number *n);
static enum status read_word(struct reader *r);
static enum status read_zone(struct reader *r);
static enum status finish(struct reader *r, int64_t *out);
static enum status finish_date(struct reader *r, int64_t *days);
static enum status special(struct reader *r, int64_t *out, bool *is_found);
static bool number(struct reader *r, struct number *out);
static bool is_digit(const struct reader *r, size_t ahead);
static struct span take_word(struct reader *r);
static bool is_word(struct span word, const char *wanted);
static void skip(struct reader *r);
static enum status bad_syntax(const struct reader *r);
static enum status bad_field(const struct reader *r);
static enum status bad_range(const struct reader *r);
static int named(struct span word, const char *const *names, int count);

bool date_is_valid(int64_t days)
{
    return days == DATE_INFINITY || days == DATE_MINUS_INFINITY ||
           (days >= DATE_MIN && days < DATE_END);
}

bool time_of_day_is_valid(int64_t us)
{
    return us >= 0 && us <= TIME_OF_DAY_MAX;
}

enum status datetime_from_text(int64_t *out, enum sql_type type, struct span text, struct diag *d)
{
    struct reader r = {
        .at = text.data, .end = text.data + text.size, .text = text, .type = type, .diag = d};
    bool is_found = false;
    if (text.size > TEXT_MAX) return bad_syntax(&r);
    skip(&r);
    TRY(special(&r, out, &is_found));
    if (is_found) return ST_OK;
    for (uint32_t i = 0; r.at < r.end; i++) {
        if (i == FIELDS_MAX) return bad_syntax(&r);
        TRY(read_field(&r));
        skip(&r);
    }
    return finish(&r, out);
}

void date_to_text(struct buf *out, int64_t days)
{
    must(date_is_valid(days));
    if (days == DATE_INFINITY || days == DATE_MINUS_INFINITY) {
        buf_put_text(out, days == DATE_INFINITY ? "infinity" : "-infinity");
        return;
    }
    struct time_fields f;
    date_split(&f, days);
    const bool is_before = f.year <= 0;
    buf_printf(out, "%04lld-%02u-%02u%s", (long long)(is_before ? 1 - f.year : f.year), f.month,
               f.day, is_before ? " BC" : "");
}

void time_of_day_to_text(struct buf *out, int64_t us)
{
    must(time_of_day_is_valid(us));
    const int64_t second = us / TIME_SECOND_US;
    uint32_t fraction = (uint32_t)(us % TIME_SECOND_US);
    buf_printf(out, "%02u:%02u:%02u", (uint32_t)(second / 3600), (uint32_t)(second / 60 % 60),
               (uint32_t)(second % 60));
    if (fraction == 0) return;
    int digits = 6;
    for (; fraction % 10 == 0; fraction /= 10)
        digits--;
    buf_printf(out, ".%0*u", digits, fraction);
}

void timestamp_to_text(struct buf *out, int64_t time)
{
    must(time_is_valid(time));
    if (time == TIME_INFINITY || time == TIME_MINUS_INFINITY) {
        buf_put_text(out, time == TIME_INFINITY ? "infinity" : "-infinity");
        return;
    }
    struct time_fields f;
    time_split(&f, time);
    const bool is_before = f.year <= 0;
    buf_printf(out, "%04lld-%02u-%02u ", (long long)(is_before ? 1 - f.year : f.year), f.month,
               f.day);
    time_of_day_to_text(out, f.us);
    if (is_before) buf_put_text(out, " BC");
}

int64_t time_round(int64_t us, int32_t digits)
{
    static const int64_t scales[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    must(digits >= 0);
    must(digits <= 6);
    const int64_t scale = scales[digits];
    const int64_t half = scale / 2;
    if (us >= 0) return (us + half) / scale * scale;
    return -((-us + half) / scale * scale);
}

void date_split(struct time_fields *out, int64_t days)
{
    /* The calendar repeats after 400 years: a day of the range of timestamps stands for it. */
    const int64_t era = 146097;
    const int64_t eras = days / era;
    time_split(out, (days - eras * era) * TIME_DAY_US);
    out->year += eras * 400;
    out->days = days;
}

int datetime_month(struct span word)
{
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    if (is_word(word, "sept")) return 9;
    const int found = named(word, names, 12);
    return found < 0 ? -1 : found + 1;
}

int datetime_weekday(struct span word)
{
    static const char *const names[] = {"sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday"};
    if (is_word(word, "tues")) return 2;
    if (is_word(word, "weds")) return 3;
    if (is_word(word, "thur") || is_word(word, "thurs")) return 4;
    return named(word, names, 7);
}

static int named(struct span word, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        const bool is_whole = is_word(word, names[i]);
        const char short_name[] = {names[i][0], names[i][1], names[i][2], 0};
        if (is_whole || is_word(word, short_name)) return i;
    }
    return -1;
}

/* Words for the moment of reading are refused. */
static enum status refuse_moving(const struct reader *r, struct span word)
{
    static const char *const moving[] = {"now", "today", "tomorrow", "yesterday"};
    for (size_t i = 0; i < sizeof moving / sizeof moving[0]; i++) {
        if (!is_word(word, moving[i])) continue;
        diag_set(r->diag, "0A000", "the %s \"%s\" is not supported",
                 r->type == SQL_DATE ? "date" : "timestamp", moving[i]);
        diag_hint(r->diag, "Use now() or current_date: every node must read the same value.");
        return ST_UNSUPPORTED;
    }
    return ST_OK;
}

static int64_t infinity_of(enum sql_type type, bool is_minus)
{
    if (type == SQL_DATE) return is_minus ? DATE_MINUS_INFINITY : DATE_INFINITY;
    return is_minus ? TIME_MINUS_INFINITY : TIME_INFINITY;
}

static int64_t epoch_of(enum sql_type type)
{
    return type == SQL_DATE ? -(int64_t)TIME_EPOCH_S / 86400
                            : -(int64_t)TIME_EPOCH_S * TIME_SECOND_US;
}

static enum status special(struct reader *r, int64_t *out, bool *is_found)
{
    const uint8_t *start = r->at;
    const bool has_sign = r->at < r->end && (*r->at == '-' || *r->at == '+');
    const bool is_minus = has_sign && *r->at == '-';
    if (has_sign) r->at++;
    const struct span word = take_word(r);
    skip(r);
    const bool is_alone = r->at == r->end;
    if (is_alone && !has_sign) TRY(refuse_moving(r, word));
    const bool is_infinity = is_word(word, "infinity") && r->type != SQL_TIME;
    const bool is_epoch = is_word(word, "epoch") && !has_sign && r->type != SQL_TIME;
    const bool is_allballs = is_word(word, "allballs") && !has_sign && r->type == SQL_TIME;
    *is_found = is_alone && (is_infinity || is_epoch || is_allballs);
    if (!*is_found) {
        r->at = start;
        return ST_OK;
    }
    *out = 0;
    if (is_infinity) *out = infinity_of(r->type, is_minus);
    if (is_epoch) *out = epoch_of(r->type);
    return ST_OK;
}

static enum status read_field(struct reader *r)
{
    const uint8_t c = *r->at;
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') return read_word(r);
    if (c == '+' || c == '-') {
        const bool is_date_part = c == '-' && !r->has_time && r->has_month;
        if (!is_date_part) return read_zone(r);
        r->at++;
        return ST_OK;
    }
    if (c == ',' || c == '/' || c == '.') {
        r->at++;
        return ST_OK;
    }
    struct number n;
    if (!number(r, &n)) return bad_syntax(r);
    if (r->at < r->end && *r->at == ':') return read_clock(r, n.value);
    const bool has_delimiter = r->at < r->end && (*r->at == '-' || *r->at == '/' || *r->at == '.');
    const bool is_date = has_delimiter && !(r->has_year && r->has_month && r->has_day) &&
                         !(*r->at == '-' && r->has_month && r->has_day && !is_digit(r, 1)) &&
                         !r->has_month;
    if (is_date) return read_date(r, &n);
    return read_plain(r, &n);
}

static enum status read_clock(struct reader *r, uint32_t hour)
{
    struct number minute;
    struct number second = {0, 0};
    uint32_t us = 0;
    r->at++;
    if (r->has_time || !number(r, &minute)) return bad_syntax(r);
    if (r->at < r->end && *r->at == ':') {
        r->at++;
        if (!number(r, &second)) return bad_syntax(r);
        if (r->at < r->end && *r->at == '.') us = read_fraction(r);
    }
    if (minute.digits > 2 || second.digits > 2) return bad_syntax(r);
    const bool is_midnight = minute.value == 0 && second.value == 0 && us == 0;
    if (hour > 24 || (hour == 24 && !is_midnight) || minute.value > 59) return bad_field(r);
    if (second.value > 60 || (second.value == 60 && us > 0)) return bad_field(r);
    r->clock_us =
        hour * HOUR_US + minute.value * MINUTE_US + (int64_t)second.value * TIME_SECOND_US + us;
    r->has_time = true;
    return ST_OK;
}

/* Microseconds, rounded half to even. */
static uint32_t read_fraction(struct reader *r)
{
    uint32_t us = 0;
    uint32_t count = 0;
    uint32_t next = 0;
    bool has_more = false;
    for (r->at++; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, count++) {
        const uint32_t digit = (uint32_t)(*r->at - '0');
        if (count < 6) us = 10 * us + digit;
        if (count == 6) next = digit;
        if (count > 6 && digit != 0) has_more = true;
    }
    for (; count < 6; count++)
        us *= 10;
    if (next > 5 || (next == 5 && (has_more || us % 2 == 1))) us++;
    return us;
}

static void set_year(struct reader *r, const struct number *n)
{
    r->year = n->value;
    r->year_digits = n->digits;
    r->has_year = true;
}

static void set_day(struct reader *r, const struct number *n)
{
    r->day = n->value;
    r->has_day = true;
}

static void set_month(struct reader *r, uint32_t month)
{
    r->month = month;
    r->has_month = true;
}

/* 8-Jan, 8-Jan-1999, 1999-Jan-08: the first number and the delimiter are read. */
static enum status read_named_date(struct reader *r, const struct number *first, uint8_t delimiter)
{
    struct number last;
    const int month = datetime_month(take_word(r));
    if (month < 0) return bad_syntax(r);
    set_month(r, (uint32_t)month);
    const bool is_year_first = first->digits > 2;
    if (is_year_first)
        set_year(r, first);
    else
        set_day(r, first);
    if (r->at == r->end || *r->at != delimiter) return ST_OK;
    r->at++;
    if (!number(r, &last)) return bad_syntax(r);
    if (is_year_first)
        set_day(r, &last);
    else
        set_year(r, &last);
    return ST_OK;
}

/* 1999-01-08, 1/8/1999, 8-Jan-1999, 1999-Jan-08: the first number is read. */
static enum status read_date(struct reader *r, const struct number *first)
{
    const uint8_t delimiter = *r->at++;
    struct number second;
    struct number third;
    if (r->has_year || r->has_day) return bad_syntax(r);
    if (r->at < r->end && !is_digit(r, 0)) return read_named_date(r, first, delimiter);
    if (!number(r, &second)) return bad_syntax(r);
    if (r->at == r->end || *r->at != delimiter) return bad_syntax(r);
    r->at++;
    if (!number(r, &third)) return bad_syntax(r);
    const bool is_year_first = first->digits > 2;
    set_year(r, is_year_first ? first : &third);
    set_month(r, is_year_first ? second.value : first->value);
    set_day(r, is_year_first ? &third : &second);
    return second.digits > 2 || (is_year_first && third.digits > 2) ? bad_field(r) : ST_OK;
}

/* 040506, 0405, and after T 04, too. */
static enum status read_plain_clock(struct reader *r, const struct number *n)
{
    const uint32_t value = n->digits == 2   ? n->value * 10000
                           : n->digits == 4 ? n->value * 100
                                            : n->value;
    if (value / 10000 > 24 || value / 100 % 100 > 59 || value % 100 > 60) return bad_field(r);
    r->clock_us = value / 10000 * HOUR_US + value / 100 % 100 * MINUTE_US +
                  (int64_t)(value % 100) * TIME_SECOND_US;
    if (r->at < r->end && *r->at == '.') r->clock_us += read_fraction(r);
    r->has_time = true;
    return ST_OK;
}

/* The hour of "8 PM", whose word comes. */
static enum status read_plain_hour(struct reader *r, const struct number *n)
{
    if (r->has_time || n->digits > 2 || n->value > 12) return bad_syntax(r);
    r->clock_us = n->value * HOUR_US;
    r->has_time = true;
    skip(r);
    const uint8_t *start = r->at;
    const struct span word = take_word(r);
    r->at = start;
    return is_word(word, "am") || is_word(word, "pm") ? ST_OK : bad_syntax(r);
}

/* 19990108, 990108, 040506 after a date or T, or a part of "January 8, 1999". */
static enum status read_plain(struct reader *r, const struct number *n)
{
    const bool has_date = r->has_year && r->has_month && r->has_day;
    const bool is_clock = !r->has_time && (has_date || r->type == SQL_TIME || r->has_t) &&
                          (n->digits == 6 || n->digits == 4 || (r->has_t && n->digits == 2));
    if (is_clock) return read_plain_clock(r, n);
    if (has_date) return read_plain_hour(r, n);
    if (!r->has_month && (n->digits == 8 || n->digits == 6)) {
        const struct number year = {n->value / 10000, n->digits - 4};
        const struct number day = {n->value % 100, 2};
        set_year(r, &year);
        set_month(r, n->value / 100 % 100);
        set_day(r, &day);
        return ST_OK;
    }
    if (n->digits <= 2 && !r->has_day) {
        set_day(r, n);
        return ST_OK;
    }
    if (r->has_year) return bad_syntax(r);
    set_year(r, n);
    return ST_OK;
}

static enum status read_word(struct reader *r)
{
    const struct span word = take_word(r);
    if (is_word(word, "t") && r->at < r->end && is_digit(r, 0)) {
        r->has_t = true;
        return ST_OK;
    }
    if (is_word(word, "bc") || is_word(word, "ad")) {
        if (!r->has_year) return bad_syntax(r);
        r->is_bc = is_word(word, "bc");
        return ST_OK;
    }
    if (is_word(word, "am") || is_word(word, "pm")) {
        if (!r->has_time || r->is_am || r->is_pm) return bad_syntax(r);
        r->is_am = is_word(word, "am");
        r->is_pm = !r->is_am;
        return ST_OK;
    }
    if (is_word(word, "z") || is_word(word, "utc") || is_word(word, "gmt") ||
        is_word(word, "zulu")) {
        r->has_zone = true;
        return ST_OK;
    }
    const int month = datetime_month(word);
    if (month > 0) {
        if (r->has_month) return bad_syntax(r);
        r->month = (uint32_t)month;
        r->has_month = true;
        return ST_OK;
    }
    if (datetime_weekday(word) >= 0 || is_word(word, "at")) return ST_OK;
    return bad_syntax(r);
}

static enum status read_zone(struct reader *r)
{
    const bool is_west = *r->at++ == '-';
    struct number hour;
    struct number minute = {0, 0};
    struct number second = {0, 0};
    if (!r->has_time && r->type != SQL_DATE) return bad_syntax(r);
    if (!number(r, &hour) || hour.digits > 4) return bad_syntax(r);
    if (hour.digits > 2) {
        minute.value = hour.value % 100;
        hour.value /= 100;
    } else if (r->at < r->end && *r->at == ':') {
        r->at++;
        if (!number(r, &minute)) return bad_syntax(r);
        if (r->at < r->end && *r->at == ':') {
            r->at++;
            if (!number(r, &second)) return bad_syntax(r);
        }
    }
    if (hour.value > ZONE_HOURS || minute.value > 59 || second.value > 59) {
        diag_set(r->diag, "22009", "time zone displacement out of range: \"%.*s\"",
                 (int)r->text.size, (const char *)r->text.data);
        return ST_INVALID;
    }
    r->zone_s = (int64_t)hour.value * 3600 + (int64_t)minute.value * 60 + second.value;
    if (is_west) r->zone_s = -r->zone_s;
    r->has_zone = true;
    return ST_OK;
}

static enum status finish(struct reader *r, int64_t *out)
{
    if (r->is_am || r->is_pm) {
        const int64_t hour = r->clock_us / HOUR_US;
        if (hour > 12) return bad_field(r);
        if (r->is_am && hour == 12) r->clock_us -= 12 * HOUR_US;
        if (r->is_pm && hour != 12) r->clock_us += 12 * HOUR_US;
    }
    if (r->type == SQL_TIME) {
        if (!r->has_time) return bad_syntax(r);
        if (r->clock_us > TIME_OF_DAY_MAX) return bad_field(r);
        int64_t ignored = 0;
        const bool has_some = r->has_year || r->has_month || r->has_day;
        if (has_some) TRY(finish_date(r, &ignored));
        *out = r->clock_us;
        return ST_OK;
    }
    int64_t days = 0;
    TRY(finish_date(r, &days));
    if (r->type == SQL_DATE) {
        *out = days;
        return ST_OK;
    }
    const int64_t days_max = TIME_END / TIME_DAY_US;
    if (days > days_max || days < TIME_MIN / TIME_DAY_US - 1) return bad_range(r);
    if (days == days_max) return bad_range(r);
    const int64_t time = days * TIME_DAY_US + r->clock_us;
    if (time < TIME_MIN || time >= TIME_END) return bad_range(r);
    *out = time;
    return ST_OK;
}

static enum status finish_date(struct reader *r, int64_t *days)
{
    if (!r->has_year || !r->has_month || !r->has_day) return bad_syntax(r);
    int64_t year = r->year;
    if (r->is_bc) {
        if (year == 0) return bad_field(r);
        year = 1 - year;
    } else if (r->year_digits <= 2) {
        year += year < YEAR_PIVOT ? 2000 : 1900;
    } else if (year == 0) {
        return bad_field(r);
    }
    if (r->month < 1 || r->month > 12 || r->day < 1 || r->day > 31) return bad_field(r);
    if (year > YEAR_MAX || year < YEAR_MIN) return bad_range(r);
    if (r->day > time_month_days(year, r->month)) return bad_field(r);
    *days = time_days(year, r->month, r->day);
    return *days < DATE_MIN ? bad_range(r) : ST_OK;
}

static bool number(struct reader *r, struct number *out)
{
    *out = (struct number){0, 0};
    for (; is_digit(r, 0); r->at++) {
        if (out->digits == NUMBER_MAX) return false;
        out->value = 10 * out->value + (uint32_t)(*r->at - '0');
        out->digits++;
    }
    return out->digits > 0;
}

static bool is_digit(const struct reader *r, size_t ahead)
{
    return (size_t)(r->end - r->at) > ahead && r->at[ahead] >= '0' && r->at[ahead] <= '9';
}

static struct span take_word(struct reader *r)
{
    const uint8_t *start = r->at;
    while (r->at < r->end && (*r->at | 0x20) >= 'a' && (*r->at | 0x20) <= 'z')
        r->at++;
    return span_of(start, (size_t)(r->at - start));
}

static bool is_word(struct span word, const char *wanted)
{
    if (word.size != strlen(wanted)) return false;
    for (size_t i = 0; i < word.size; i++)
        if ((word.data[i] | 0x20) != (uint8_t)wanted[i]) return false;
    return true;
}

static void skip(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || (*r->at >= '\t' && *r->at <= '\r')))
        r->at++;
}

static enum status bad_syntax(const struct reader *r)
{
    const int size = (int)(r->text.size < DIAG_TEXT_MAX ? r->text.size : DIAG_TEXT_MAX);
    diag_set(r->diag, "22007", "invalid input syntax for type %s: \"%.*s\"",
             r->type == SQL_DATE   ? "date"
             : r->type == SQL_TIME ? "time"
                                   : "timestamp",
             size, (const char *)r->text.data);
    return ST_INVALID;
}

static enum status bad_field(const struct reader *r)
{
    const int size = (int)(r->text.size < DIAG_TEXT_MAX ? r->text.size : DIAG_TEXT_MAX);
    diag_set(r->diag, "22008", "date/time field value out of range: \"%.*s\"", size,
             (const char *)r->text.data);
    if (r->month > 12) diag_hint(r->diag, "Perhaps you need a different \"datestyle\" setting.");
    return ST_INVALID;
}

static enum status bad_range(const struct reader *r)
{
    const int size = (int)(r->text.size < DIAG_TEXT_MAX ? r->text.size : DIAG_TEXT_MAX);
    diag_set(r->diag, "22008", "%s out of range: \"%.*s\"",
             r->type == SQL_DATE ? "date" : "timestamp", size, (const char *)r->text.data);
    return ST_INVALID;
}
