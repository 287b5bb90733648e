/* func_zone.c - AT TIME ZONE for zones that never change, and OVERLAPS.
 *
 * A zone is UTC, an abbreviation whose offset PostgreSQL's default set fixes, or an offset as POSIX
 * writes it: hours west of Greenwich. Zones with a history need a database of them, whose version
 * would decide results: refused. */
#include "base/must.h"
#include "sql/datetime.h"
#include "sql/function_int.h"
#include "sql/interval.h"

#define MINUTE_US INT64_C(60000000)

struct zone {
    const char *name;
    int32_t minutes; /* East of Greenwich. */
};

static const struct zone zones[] = {
    {"utc", 0},       {"gmt", 0},       {"z", 0},       {"zulu", 0},    {"uct", 0},
    {"ut", 0},        {"est", -300},    {"edt", -240},  {"cst", -360},  {"cdt", -300},
    {"mst", -420},    {"mdt", -360},    {"pst", -480},  {"pdt", -420},  {"cet", 60},
    {"cest", 120},    {"eet", 120},     {"eest", 180},  {"wet", 0},     {"west", 60},
    {"bst", 60},      {"jst", 540},     {"kst", 540},   {"etc/utc", 0}, {"etc/gmt", 0},
    {"universal", 0}, {"greenwich", 0}, {"etc/uct", 0}, {"etc/zulu", 0}};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool take_number(struct span text, size_t *at, int32_t *out)
{
    const size_t start = *at;
    *out = 0;
    for (; *at < text.size && is_digit(text.data[*at]) && *at < start + 3; ++*at)
        *out = *out * 10 + (text.data[*at] - '0');
    return *at > start && (*at == text.size || !is_digit(text.data[*at]));
}

/* [letters]±h[h][:mm]: west is positive. */
static bool parse_offset(struct span text, int32_t *minutes)
{
    size_t at = 0;
    int32_t hours = 0;
    int32_t rest = 0;
    if (text.size >= 3 && (function_has_name(span_of(text.data, 3), "utc") ||
                           function_has_name(span_of(text.data, 3), "gmt")))
        at = 3;
    bool is_east = false;
    if (at < text.size && (text.data[at] == '+' || text.data[at] == '-'))
        is_east = text.data[at++] == '-';
    else if (at > 0 || at == text.size)
        return false;
    if (!take_number(text, &at, &hours) || hours > 24) return false;
    if (at < text.size && text.data[at] == ':') {
        at++;
        if (!take_number(text, &at, &rest) || rest > 59) return false;
    }
    *minutes = (is_east ? 1 : -1) * (hours * 60 + rest);
    return at == text.size;
}

static bool find_zone(sqlite3_context *c, struct span name, int32_t *minutes)
{
    struct diag d;
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        if (!function_has_name(name, zones[i].name)) continue;
        *minutes = zones[i].minutes;
        return true;
    }
    if (parse_offset(name, minutes)) return true;
    diag_set(&d, "0A000", "time zone \"%.*s\" is not supported", (int)name.size,
             (const char *)name.data);
    diag_hint(&d, "Give UTC or an offset: '+02' is two hours west of it, interval '2 hours' east.");
    function_fail_with(c, &d);
    return false;
}

static void return_shifted(sqlite3_context *c, int64_t time, int64_t by)
{
    if (time == TIME_INFINITY || time == TIME_MINUS_INFINITY) {
        sqlite3_result_int64(c, time);
        return;
    }
    if (!time_is_valid(time + by))
        function_fail(c, "22008", "timestamp out of range");
    else
        sqlite3_result_int64(c, time + by);
}

/* zone_shift(zone, time, sign): 1 to the zone's local time, -1 from it. */
static void zone_shift(sqlite3_context *c, int count, sqlite3_value **args)
{
    int32_t minutes = 0;
    if (!function_begin(c, count, args)) return;
    if (!find_zone(c, function_bytes(args[0]), &minutes)) return;
    return_shifted(c, sqlite3_value_int64(args[1]),
                   minutes * MINUTE_US * sqlite3_value_int(args[2]));
}

/* zone_interval(interval, time, sign) */
static void zone_interval(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct interval v;
    if (!function_begin(c, count, args) || !function_interval(c, args[0], &v)) return;
    if (v.months != 0 || v.days != 0) {
        struct buf text;
        buf_init(&text, mem_system(), 256);
        interval_to_text(&text, &v);
        function_fail(c, "22023", "interval time zone \"%.*s\" must not include months or days",
                      (int)text.size, (const char *)text.data);
        buf_fini(&text);
        return;
    }
    const int64_t whole = v.us / TIME_SECOND_US * TIME_SECOND_US;
    if (whole > 1000 * TIME_DAY_US || whole < -1000 * TIME_DAY_US)
        function_fail(c, "22008", "timestamp out of range");
    else
        return_shifted(c, sqlite3_value_int64(args[1]), whole * sqlite3_value_int(args[2]));
}

/* --- OVERLAPS ------------------------------------------------------------------------------ */

struct period { /* An end may be NULL, and then the other is its start. */
    int64_t start;
    int64_t end;
    bool is_open; /* The end is NULL. */
};

static bool read_period(struct period *out, sqlite3_value *start, sqlite3_value *end)
{
    const bool has_start = sqlite3_value_type(start) != SQLITE_NULL;
    const bool has_end = sqlite3_value_type(end) != SQLITE_NULL;
    const int64_t a = sqlite3_value_int64(start);
    const int64_t b = sqlite3_value_int64(end);
    *out = (struct period){.start = has_start ? a : b, .end = b, .is_open = !has_start || !has_end};
    if (!out->is_open && a > b) *out = (struct period){.start = b, .end = a};
    return has_start || has_end;
}

/* overlaps(start, end, start, end): a period holds its start, and not its end. */
static void overlaps(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct period a;
    struct period b;
    must(count == 4);
    if (!read_period(&a, args[0], args[1]) || !read_period(&b, args[2], args[3])) return;
    if (a.start == b.start) {
        if (!a.is_open && !b.is_open) function_return_bool(c, true);
        return;
    }
    const struct period first = a.start < b.start ? a : b;
    const struct period second = a.start < b.start ? b : a;
    if (first.is_open) return;
    if (second.start < first.end)
        function_return_bool(c, true);
    else if (!second.is_open)
        function_return_bool(c, false);
}

const struct native function_zones[] = {
    {.name = "zone_shift", .args = 3, .call = zone_shift},
    {.name = "zone_interval", .args = 3, .call = zone_interval},
    {.name = "sql_overlaps", .args = 4, .call = overlaps},
    {.name = NULL},
};
