/* interval.c - Text, stored form and arithmetic of intervals, with PostgreSQL's rules for what is
 * left over: a part of a month goes on as days, a part of a day as time. */
#include "sql/interval.h"

#include <math.h>
#include <stdlib.h>

#include "base/must.h"

__extension__ typedef __int128 wide;

#define DAY_US     INT64_C(86400000000)
#define HOUR_US    INT64_C(3600000000)
#define MINUTE_US  INT64_C(60000000)
#define SECOND_US  INT64_C(1000000)
#define MONTH_DAYS 30
#define TEXT_MAX   512u
#define DIGITS_MAX 40u

enum unit {
    UNIT_US,
    UNIT_MS,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM,
    UNIT_NONE
};

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    struct span text;
    struct diag *diag;
    uint32_t range;
    int64_t months;
    int64_t days;
    int64_t us;
    bool has_any;
};

struct amount { /* A number of the text: whole part and fraction, both with the sign. */
    int64_t whole;
    double fraction;
    bool is_negative;
};

static wide total(const struct interval *v);
static void put_hex(uint8_t *out, wide value, size_t letters);
static bool get_hex(wide *out, struct span text);
static enum status read_field(struct reader *r);
static enum status read_iso(struct reader *r);
static bool read_amount(struct reader *r, struct amount *out);
static enum status read_clock(struct reader *r, const struct amount *first);
static enum status apply(struct reader *r, const struct amount *n, enum unit unit);
static enum unit read_unit(struct reader *r);
static enum unit implied_unit(uint32_t range);
static void add_days_part(struct reader *r, double fraction, int scale);
static void add_us_part(struct reader *r, double fraction, int64_t scale);
static bool to_fields(struct interval *out, double months, double days, double us);
static void skip(struct reader *r);
static enum status bad_syntax(const struct reader *r);
static enum status bad_range(const struct reader *r);
static double rounded(double value);

void interval_pack(uint8_t out[static INTERVAL_SIZE], const struct interval *v)
{
    put_hex(out, total(v) + ((wide)1 << 79), 20);
    put_hex(out + 20, (wide)v->months + ((wide)1 << 31), 8);
    put_hex(out + 28, (wide)v->days + ((wide)1 << 31), 8);
}

bool interval_unpack(struct interval *out, struct span stored)
{
    wide key = 0;
    wide months = 0;
    wide days = 0;
    if (stored.size != INTERVAL_SIZE) return false;
    if (!get_hex(&key, span_of(stored.data, 20)) || !get_hex(&months, span_of(stored.data + 20, 8)))
        return false;
    if (!get_hex(&days, span_of(stored.data + 28, 8))) return false;
    months -= (wide)1 << 31;
    days -= (wide)1 << 31;
    const wide us = key - ((wide)1 << 79) - (months * MONTH_DAYS + days) * DAY_US;
    if (us < INT64_MIN || us > INT64_MAX) return false;
    *out = (struct interval){(int32_t)months, (int32_t)days, (int64_t)us};
    return true;
}

enum status interval_from_text(struct interval *out,
                               struct span text,
                               int32_t typmod,
                               struct diag *d)
{
    struct reader r = {.at = text.data, .end = text.data + text.size, .text = text, .diag = d};
    r.range = typmod < 0 ? INTERVAL_ALL : ((uint32_t)typmod >> 16) & INTERVAL_ALL;
    if (text.size > TEXT_MAX) return bad_syntax(&r);
    skip(&r);
    if (r.at < r.end && *r.at == 'P') {
        TRY(read_iso(&r));
    } else {
        if (r.at < r.end && *r.at == '@') r.at++;
        skip(&r);
        while (r.at < r.end) {
            TRY(read_field(&r));
            skip(&r);
        }
    }
    if (!r.has_any) return bad_syntax(&r);
    if (r.months < INT32_MIN || r.months > INT32_MAX || r.days < INT32_MIN || r.days > INT32_MAX)
        return bad_range(&r);
    *out = (struct interval){(int32_t)r.months, (int32_t)r.days, r.us};
    interval_fit(out, typmod);
    return ST_OK;
}

static void put_part(struct buf *out, bool *is_first, bool *is_after, int64_t value, const char *u)
{
    if (value == 0) return;
    buf_printf(out, "%s%s%lld %s%s", *is_first ? "" : " ", *is_after && value > 0 ? "+" : "",
               (long long)value, u, value != 1 ? "s" : "");
    *is_after = value < 0;
    *is_first = false;
}

void interval_to_text(struct buf *out, const struct interval *v)
{
    bool is_first = true;
    bool is_after = false; /* A negative part stands before. */
    put_part(out, &is_first, &is_after, v->months / 12, "year");
    put_part(out, &is_first, &is_after, v->months % 12, "mon");
    put_part(out, &is_first, &is_after, v->days, "day");
    if (!is_first && v->us == 0) return;
    const uint64_t us = v->us < 0 ? 0u - (uint64_t)v->us : (uint64_t)v->us;
    buf_printf(out, "%s%s%02llu:%02u:%02u", is_first ? "" : " ",
               v->us < 0  ? "-"
               : is_after ? "+"
                          : "",
               (unsigned long long)(us / HOUR_US), (unsigned)(us / MINUTE_US % 60),
               (unsigned)(us / SECOND_US % 60));
    uint32_t fraction = (uint32_t)(us % SECOND_US);
    if (fraction == 0) return;
    int digits = 6;
    for (; fraction % 10 == 0; fraction /= 10)
        digits--;
    buf_printf(out, ".%0*u", digits, fraction);
}

/* PostgreSQL cuts only what is smaller than the smallest field, but for years and months. */
void interval_fit(struct interval *v, int32_t typmod)
{
    static const int64_t scales[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    if (typmod < 0) return;
    const uint32_t range = ((uint32_t)typmod >> 16) & INTERVAL_ALL;
    const uint32_t digits = (uint32_t)typmod & 0xFFFFu;
    if (range == INTERVAL_YEAR) {
        v->months = v->months / 12 * 12;
        v->days = 0;
        v->us = 0;
    } else if (range == INTERVAL_MONTH || range == (INTERVAL_YEAR | INTERVAL_MONTH)) {
        v->days = 0;
        v->us = 0;
    } else if (range == INTERVAL_DAY) {
        v->us = 0;
    } else if (range != INTERVAL_ALL && (range & (INTERVAL_MINUTE | INTERVAL_SECOND)) == 0) {
        v->us = v->us / HOUR_US * HOUR_US;
    } else if (range != INTERVAL_ALL && (range & INTERVAL_SECOND) == 0) {
        v->us = v->us / MINUTE_US * MINUTE_US;
    }
    if (digits > 6) return;
    const int64_t scale = scales[digits];
    const int64_t half = scale / 2;
    v->us = v->us >= 0 ? (v->us + half) / scale * scale : -((-v->us + half) / scale * scale);
}

bool interval_add(struct interval *out, const struct interval *a, const struct interval *b)
{
    return !__builtin_add_overflow(a->months, b->months, &out->months) &&
           !__builtin_add_overflow(a->days, b->days, &out->days) &&
           !__builtin_add_overflow(a->us, b->us, &out->us);
}

bool interval_negate(struct interval *out, const struct interval *v)
{
    const struct interval zero = {0, 0, 0};
    return !__builtin_sub_overflow(zero.months, v->months, &out->months) &&
           !__builtin_sub_overflow(zero.days, v->days, &out->days) &&
           !__builtin_sub_overflow(zero.us, v->us, &out->us);
}

bool interval_multiply(struct interval *out, const struct interval *v, double factor)
{
    return to_fields(out, v->months * factor, v->days * factor, (double)v->us * factor);
}

bool interval_divide(struct interval *out, const struct interval *v, double divisor)
{
    return to_fields(out, v->months / divisor, v->days / divisor, (double)v->us / divisor);
}

int interval_compare(const struct interval *a, const struct interval *b)
{
    const wide left = total(a);
    const wide right = total(b);
    return (left > right) - (left < right);
}

static bool to_fields(struct interval *out, double months, double days, double us)
{
    if (!(fabs(months) < 2147483648.0) || !(fabs(days) < 2147483648.0)) return false;
    out->months = (int32_t)months;
    out->days = (int32_t)days;
    double left_days = rounded((months - out->months) * MONTH_DAYS);
    double left_s = (days - out->days + left_days - (int32_t)left_days) * 86400.0;
    left_s = rounded(left_s);
    int64_t whole_days = out->days;
    if (fabs(left_s) >= 86400.0) {
        whole_days += (int32_t)(left_s / 86400.0);
        left_s -= (int32_t)(left_s / 86400.0) * 86400.0;
    }
    whole_days += (int32_t)left_days;
    const double time = rint(us + left_s * 1000000.0);
    if (whole_days < INT32_MIN || whole_days > INT32_MAX) return false;
    if (!(time >= -9223372036854775808.0 && time < 9223372036854775808.0)) return false;
    out->days = (int32_t)whole_days;
    out->us = (int64_t)time;
    return true;
}

static double rounded(double value)
{
    return rint(value * 1000000.0) / 1000000.0;
}

static wide total(const struct interval *v)
{
    return (wide)v->us + ((wide)v->months * MONTH_DAYS + v->days) * DAY_US;
}

static void put_hex(uint8_t *out, wide value, size_t letters)
{
    static const char digits[] = "0123456789abcdef";
    must(value >= 0);
    for (size_t i = letters; i > 0; i--, value >>= 4)
        out[i - 1] = (uint8_t)digits[value & 15];
    must(value == 0);
}

static bool get_hex(wide *out, struct span text)
{
    *out = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !(c >= 'a' && c <= 'f')) return false;
        *out = *out * 16 + (is_digit ? c - '0' : c - 'a' + 10);
    }
    return true;
}

/* --- text ---------------------------------------------------------------------------------- */

/* "ago" at the end turns the sign of all that stands before. */
static enum status read_ago(struct reader *r)
{
    const size_t left = (size_t)(r->end - r->at);
    const bool is_ago = left >= 3 && (r->at[0] | 0x20) == 'a' && (r->at[1] | 0x20) == 'g' &&
                        (r->at[2] | 0x20) == 'o';
    if (!is_ago || !r->has_any) return bad_syntax(r);
    r->at += 3;
    skip(r);
    if (r->at != r->end) return bad_syntax(r);
    if (r->us == INT64_MIN) return bad_range(r);
    r->months = -r->months;
    r->days = -r->days;
    r->us = -r->us;
    return ST_OK;
}

/* 1-2: years and months; the years are read. */
static enum status read_year_month(struct reader *r, const struct amount *years)
{
    struct amount months;
    must(*r->at == '-');
    r->at++;
    if (!read_amount(r, &months) || months.whole > 11) return bad_range(r);
    TRY(apply(r, years, UNIT_YEAR));
    if (years->is_negative) months.whole = -months.whole;
    return apply(r, &months, UNIT_MONTH);
}

/* Whether a time comes, as after the days of "1 02:03:04" and "1 2 hours". It is not read. */
static bool is_before_time(struct reader *r)
{
    const uint8_t *at = r->at;
    struct amount next;
    bool is_time = read_amount(r, &next);
    if (is_time && !(r->at < r->end && *r->at == ':')) {
        skip(r);
        const enum unit unit = read_unit(r);
        is_time = unit == UNIT_HOUR ||
                  (unit == UNIT_NONE && r->at == r->end && implied_unit(r->range) == UNIT_HOUR);
    }
    r->at = at;
    return is_time;
}

static enum status read_field(struct reader *r)
{
    struct amount n;
    const uint8_t *start = r->at;
    if (!read_amount(r, &n)) {
        r->at = start;
        return read_ago(r);
    }
    r->has_any = true;
    if (r->at < r->end && *r->at == ':') return read_clock(r, &n);
    const bool is_year_month =
        (size_t)(r->end - r->at) > 1 && *r->at == '-' && r->at[1] >= '0' && r->at[1] <= '9';
    if (is_year_month) return read_year_month(r, &n);
    skip(r);
    const uint8_t *before = r->at;
    const enum unit unit = read_unit(r);
    if (unit != UNIT_NONE) return apply(r, &n, unit);
    if (r->at != before) return bad_syntax(r);
    if (r->at == r->end) return apply(r, &n, implied_unit(r->range));
    return is_before_time(r) ? apply(r, &n, UNIT_DAY) : bad_syntax(r);
}

static bool read_amount(struct reader *r, struct amount *out)
{
    char digits[DIGITS_MAX + 1];
    *out = (struct amount){0, 0, false};
    if (r->at < r->end && (*r->at == '-' || *r->at == '+')) out->is_negative = *r->at++ == '-';
    bool has_digit = false;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        has_digit = true;
        if (__builtin_mul_overflow(out->whole, 10, &out->whole) ||
            __builtin_add_overflow(out->whole, *r->at - '0', &out->whole))
            return false;
    }
    if (r->at < r->end && *r->at == '.') {
        size_t size = 0;
        digits[size++] = '.';
        for (r->at++; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
            has_digit = true;
            if (size < DIGITS_MAX) digits[size++] = (char)*r->at;
        }
        digits[size] = 0;
        if (size > 1) out->fraction = strtod(digits, NULL);
    }
    if (out->is_negative) {
        out->whole = -out->whole;
        out->fraction = -out->fraction;
    }
    return has_digit;
}

/* [-]h:m[:s[.f]]; with a typmod of minutes to seconds the two parts are minutes and seconds. */
static enum status read_clock(struct reader *r, const struct amount *first)
{
    struct amount second;
    struct amount third = {0, 0, false};
    bool has_third = false;
    r->at++;
    if (!read_amount(r, &second) || second.is_negative) return bad_syntax(r);
    if (r->at < r->end && *r->at == ':') {
        r->at++;
        has_third = true;
        if (!read_amount(r, &third) || third.is_negative) return bad_syntax(r);
    }
    const bool is_minutes =
        !has_third && (second.fraction > 0 || r->range == (INTERVAL_MINUTE | INTERVAL_SECOND));
    wide us = 0;
    const wide head = first->is_negative ? -(wide)first->whole : first->whole;
    if (is_minutes)
        us = head * MINUTE_US + second.whole * (wide)SECOND_US +
             (wide)rint(second.fraction * 1000000.0);
    else
        us = head * HOUR_US + second.whole * (wide)MINUTE_US + third.whole * (wide)SECOND_US +
             (wide)rint(third.fraction * 1000000.0);
    if (second.whole > 59 || third.whole > 60) return bad_range(r);
    if (first->is_negative) us = -us;
    us += r->us;
    if (us < INT64_MIN || us > INT64_MAX) return bad_range(r);
    r->us = (int64_t)us;
    return ST_OK;
}

static enum status add_scaled(struct reader *r, int64_t *to, int64_t value, int64_t scale)
{
    int64_t product = 0;
    if (__builtin_mul_overflow(value, scale, &product) || __builtin_add_overflow(*to, product, to))
        return bad_range(r);
    return ST_OK;
}

static enum status apply(struct reader *r, const struct amount *n, enum unit unit)
{
    static const int64_t us[] = {1, 1000, SECOND_US, MINUTE_US, HOUR_US};
    switch (unit) {
    case UNIT_US:
        TRY(add_scaled(r, &r->us, n->whole, 1));
        r->us += (int64_t)rint(n->fraction);
        return ST_OK;
    case UNIT_MS:
    case UNIT_SECOND:
    case UNIT_MINUTE:
    case UNIT_HOUR:
        TRY(add_scaled(r, &r->us, n->whole, us[unit]));
        add_us_part(r, n->fraction, us[unit]);
        return ST_OK;
    case UNIT_DAY:
        TRY(add_scaled(r, &r->days, n->whole, 1));
        add_us_part(r, n->fraction, DAY_US);
        return ST_OK;
    case UNIT_WEEK:
        TRY(add_scaled(r, &r->days, n->whole, 7));
        add_days_part(r, n->fraction, 7);
        return ST_OK;
    case UNIT_MONTH:
        TRY(add_scaled(r, &r->months, n->whole, 1));
        add_days_part(r, n->fraction, MONTH_DAYS);
        return ST_OK;
    case UNIT_YEAR:
    case UNIT_DECADE:
    case UNIT_CENTURY:
    case UNIT_MILLENNIUM: {
        const int years = unit == UNIT_YEAR      ? 1
                          : unit == UNIT_DECADE  ? 10
                          : unit == UNIT_CENTURY ? 100
                                                 : 1000;
        TRY(add_scaled(r, &r->months, n->whole, (int64_t)years * 12));
        r->months += (int64_t)rint(n->fraction * years * 12);
        return ST_OK;
    }
    case UNIT_NONE: break;
    }
    return bad_syntax(r);
}

static void add_days_part(struct reader *r, double fraction, int scale)
{
    const double days = fraction * scale;
    const int32_t whole = (int32_t)days;
    r->days += whole;
    add_us_part(r, days - whole, DAY_US);
}

static void add_us_part(struct reader *r, double fraction, int64_t scale)
{
    const double us = fraction * (double)scale;
    const int64_t whole = (int64_t)us;
    const double left = us - (double)whole;
    r->us += whole;
    if (left > 0.5) r->us++;
    if (left < -0.5) r->us--;
}

static enum unit iso_unit(uint8_t letter, bool is_time)
{
    switch (letter) {
    case 'Y': return is_time ? UNIT_NONE : UNIT_YEAR;
    case 'M': return is_time ? UNIT_MINUTE : UNIT_MONTH;
    case 'W': return is_time ? UNIT_NONE : UNIT_WEEK;
    case 'D': return is_time ? UNIT_NONE : UNIT_DAY;
    case 'H': return is_time ? UNIT_HOUR : UNIT_NONE;
    case 'S': return is_time ? UNIT_SECOND : UNIT_NONE;
    default: return UNIT_NONE;
    }
}

/* P1Y2M3W4DT5H6M7.8S */
static enum status read_iso(struct reader *r)
{
    bool is_time = false;
    r->at++;
    while (r->at < r->end) {
        struct amount n;
        if (*r->at == 'T' && !is_time) {
            is_time = true;
            r->at++;
            continue;
        }
        if (!read_amount(r, &n) || r->at == r->end) return bad_syntax(r);
        const uint8_t letter = *r->at++;
        TRY(apply(r, &n, iso_unit(letter, is_time)));
        r->has_any = true;
    }
    return ST_OK;
}

static const struct {
    const char *name;
    enum unit unit;
} unit_names[] = {{"us", UNIT_US},
                  {"usec", UNIT_US},
                  {"usecs", UNIT_US},
                  {"usecond", UNIT_US},
                  {"microsecon", UNIT_US},
                  {"microsecond", UNIT_US},
                  {"microseconds", UNIT_US},
                  {"ms", UNIT_MS},
                  {"msec", UNIT_MS},
                  {"msecs", UNIT_MS},
                  {"millisecon", UNIT_MS},
                  {"millisecond", UNIT_MS},
                  {"milliseconds", UNIT_MS},
                  {"s", UNIT_SECOND},
                  {"sec", UNIT_SECOND},
                  {"secs", UNIT_SECOND},
                  {"second", UNIT_SECOND},
                  {"seconds", UNIT_SECOND},
                  {"m", UNIT_MINUTE},
                  {"min", UNIT_MINUTE},
                  {"mins", UNIT_MINUTE},
                  {"minute", UNIT_MINUTE},
                  {"minutes", UNIT_MINUTE},
                  {"h", UNIT_HOUR},
                  {"hr", UNIT_HOUR},
                  {"hrs", UNIT_HOUR},
                  {"hour", UNIT_HOUR},
                  {"hours", UNIT_HOUR},
                  {"d", UNIT_DAY},
                  {"day", UNIT_DAY},
                  {"days", UNIT_DAY},
                  {"w", UNIT_WEEK},
                  {"week", UNIT_WEEK},
                  {"weeks", UNIT_WEEK},
                  {"mon", UNIT_MONTH},
                  {"mons", UNIT_MONTH},
                  {"month", UNIT_MONTH},
                  {"months", UNIT_MONTH},
                  {"y", UNIT_YEAR},
                  {"yr", UNIT_YEAR},
                  {"yrs", UNIT_YEAR},
                  {"year", UNIT_YEAR},
                  {"years", UNIT_YEAR},
                  {"dec", UNIT_DECADE},
                  {"decs", UNIT_DECADE},
                  {"decade", UNIT_DECADE},
                  {"decades", UNIT_DECADE},
                  {"c", UNIT_CENTURY},
                  {"cent", UNIT_CENTURY},
                  {"century", UNIT_CENTURY},
                  {"centuries", UNIT_CENTURY},
                  {"mil", UNIT_MILLENNIUM},
                  {"mils", UNIT_MILLENNIUM},
                  {"millennium", UNIT_MILLENNIUM},
                  {"millennia", UNIT_MILLENNIUM}};

static enum unit read_unit(struct reader *r)
{
    const uint8_t *start = r->at;
    while (r->at < r->end && (*r->at | 0x20) >= 'a' && (*r->at | 0x20) <= 'z')
        r->at++;
    const size_t size = (size_t)(r->at - start);
    for (size_t i = 0; i < sizeof unit_names / sizeof unit_names[0]; i++) {
        if (strlen(unit_names[i].name) != size) continue;
        bool is_equal = true;
        for (size_t k = 0; k < size; k++)
            is_equal = is_equal && (start[k] | 0x20) == (uint8_t)unit_names[i].name[k];
        if (is_equal) return unit_names[i].unit;
    }
    return UNIT_NONE;
}

/* What the number of interval '1' day is: the smallest field of the typmod. */
static enum unit implied_unit(uint32_t range)
{
    if (range == INTERVAL_ALL || (range & INTERVAL_SECOND) != 0) return UNIT_SECOND;
    if ((range & INTERVAL_MINUTE) != 0) return UNIT_MINUTE;
    if ((range & INTERVAL_HOUR) != 0) return UNIT_HOUR;
    if ((range & INTERVAL_DAY) != 0) return UNIT_DAY;
    if ((range & INTERVAL_MONTH) != 0) return UNIT_MONTH;
    return (range & INTERVAL_YEAR) != 0 ? UNIT_YEAR : UNIT_SECOND;
}

static void skip(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == ',' || (*r->at >= '\t' && *r->at <= '\r')))
        r->at++;
}

static enum status bad_syntax(const struct reader *r)
{
    diag_set(r->diag, "22007", "invalid input syntax for type interval: \"%.*s\"",
             (int)(r->text.size < DIAG_TEXT_MAX ? r->text.size : DIAG_TEXT_MAX),
             (const char *)r->text.data);
    return ST_INVALID;
}

static enum status bad_range(const struct reader *r)
{
    diag_set(r->diag, "22015", "interval field value out of range: \"%.*s\"",
             (int)(r->text.size < DIAG_TEXT_MAX ? r->text.size : DIAG_TEXT_MAX),
             (const char *)r->text.data);
    return ST_INVALID;
}
