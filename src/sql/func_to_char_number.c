/* func_to_char_number.c - to_char of numbers, as PostgreSQL's NUM_processor prints them.
 *
 * A pattern is read twice: first what it asks for (struct picture), then place by place beside the
 * number's digits. The locale is "C": a point, commas for groups, a space for the currency. Where
 * the number does not fit, its digits are #. A number computed as double precision is shown with
 * at most 15 digits. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "sql/float.h"
#include "sql/format.h"
#include "sql/function_int.h"
#include "sql/value_int.h"

#define FORMAT_MAX       1024u /* Bytes of a pattern. */
#define PLACES_MAX       (FORMAT_MAX + 64u)
#define ROMAN_ROOM       15
#define FLOAT_DIGITS     15 /* DBL_DIG */
#define FLOAT_DIGITS_MAX 400u

enum part {
    PART_TEXT,
    PART_COMMA,
    PART_POINT,
    PART_0,
    PART_9,
    PART_B,
    PART_SCIENTIFIC,
    PART_FM,
    PART_GROUP,
    PART_CURRENCY,
    PART_MI,
    PART_PL,
    PART_PR,
    PART_ROMAN,
    PART_SG,
    PART_SPELL,
    PART_SIGN,
    PART_TH,
    PART_V
};

struct word {
    const char *text; /* Lower case; the capitals are listed by is_same(). */
    enum part part;
    bool is_comma; /* D is a point as "." is. */
};

static const struct word words[] = {{",", PART_COMMA, false},    {".", PART_POINT, false},
                                    {"0", PART_0, false},        {"9", PART_9, false},
                                    {"b", PART_B, false},        {"c", PART_SPELL, false},
                                    {"d", PART_POINT, false},    {"eeee", PART_SCIENTIFIC, false},
                                    {"fm", PART_FM, false},      {"g", PART_GROUP, false},
                                    {"l", PART_CURRENCY, false}, {"mi", PART_MI, false},
                                    {"pl", PART_PL, false},      {"pr", PART_PR, false},
                                    {"rn", PART_ROMAN, false},   {"sg", PART_SG, false},
                                    {"sp", PART_SPELL, false},   {"s", PART_SIGN, false},
                                    {"th", PART_TH, false},      {"v", PART_V, false}};

enum sign_place { SIGN_NONE, SIGN_BEFORE, SIGN_BEHIND };

struct picture {    /* What a pattern asks for. */
    int32_t before; /* Places before the point, and behind it. */
    int32_t behind;
    int32_t multiply; /* Places behind V. */
    int32_t zero_start;
    int32_t zero_end;
    int32_t sign_at; /* Places before S. */
    enum sign_place sign;
    bool has_point;
    bool has_sign;
    bool has_minus;
    bool has_plus;
    bool has_bracket;
    bool has_zero;
    bool has_v;
    bool is_filled;
    bool is_roman;
    bool is_scientific;
};

struct item {
    enum part part;
    bool is_upper;
    struct span literal;
};

struct printer {
    struct buf out;
    struct picture p;
    const char *number; /* Digits without sign. */
    const char *at;
    const char *last; /* FM: the last digit behind the point that counts, or the point; or null. */
    char sign;
    bool is_sign_written;
    bool is_inside; /* A digit stands before: groups are parted. */
    int32_t spaces;
    int32_t count;
    int32_t place;
};

/* --- the pattern --------------------------------------------------------------------------- */

static bool is_same(struct span text, size_t at, const char *word, bool is_upper)
{
    const size_t size = strlen(word);
    if (text.size - at < size) return false;
    for (size_t i = 0; i < size; i++) {
        const bool is_letter = word[i] >= 'a' && word[i] <= 'z';
        const uint8_t wanted = (uint8_t)(is_upper && is_letter ? word[i] - 32 : word[i]);
        if (text.data[at + i] != wanted) return false;
    }
    return true;
}

static bool next_word(struct span text, size_t *at, struct item *out)
{
    for (size_t i = 0; i < 2 * sizeof words / sizeof words[0]; i++) {
        const bool is_upper = i % 2 == 0;
        const struct word *w = &words[i / 2];
        if (!is_same(text, *at, w->text, is_upper)) continue;
        *out = (struct item){.part = w->part, .is_upper = is_upper};
        *at += strlen(w->text);
        return true;
    }
    return false;
}

/* False: the end. */
static bool next_item(struct span text, size_t *at, bool *is_quoted, struct item *out)
{
    while (*at < text.size) {
        if (!*is_quoted && next_word(text, at, out)) return true;
        if (text.data[*at] == '"') {
            *is_quoted = !*is_quoted;
            ++*at;
            continue;
        }
        const bool is_escape = text.data[*at] == '\\' && *at + 1 < text.size &&
                               (*is_quoted || text.data[*at + 1] == '"');
        *at += is_escape;
        const size_t size = sql_char_size(text.data[*at]);
        *out = (struct item){.part = PART_TEXT, .literal = span_of(text.data + *at, size)};
        *at += size;
        return true;
    }
    return false;
}

static const char *check_sign(struct picture *p, enum part part)
{
    switch ((int)part) {
    case PART_SIGN:
        if (p->has_sign) return "cannot use \"S\" twice";
        if (p->has_plus || p->has_minus || p->has_bracket)
            return "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together";
        p->sign = p->has_point ? SIGN_BEHIND : SIGN_BEFORE;
        p->sign_at = p->before;
        p->has_sign = true;
        return NULL;
    case PART_MI:
        if (p->has_sign) return "cannot use \"S\" and \"MI\" together";
        p->has_minus = true;
        return NULL;
    case PART_PL:
        if (p->has_sign) return "cannot use \"S\" and \"PL\" together";
        p->has_plus = true;
        return NULL;
    case PART_SG:
        if (p->has_sign) return "cannot use \"S\" and \"SG\" together";
        p->has_minus = p->has_plus = true;
        return NULL;
    default: break;
    }
    if (p->has_sign || p->has_plus || p->has_minus)
        return "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together";
    p->has_bracket = true;
    return NULL;
}

static const char *check_digit(struct picture *p, bool is_zero)
{
    if (p->has_bracket)
        return is_zero ? "\"0\" must be ahead of \"PR\"" : "\"9\" must be ahead of \"PR\"";
    if (is_zero) {
        if (!p->has_zero && !p->has_point) {
            p->has_zero = true;
            p->zero_start = p->before + 1;
        }
        p->before += !p->has_point;
        p->behind += p->has_point;
        p->zero_end = p->before + p->behind;
        return NULL;
    }
    if (p->has_v) {
        p->multiply++;
        return NULL;
    }
    p->before += !p->has_point;
    p->behind += p->has_point;
    return NULL;
}

static const char *check_scientific(struct picture *p)
{
    if (p->is_filled || p->has_sign || p->has_bracket || p->has_minus || p->has_plus ||
        p->is_roman || p->has_v)
        return "\"EEEE\" is incompatible with other formats";
    p->is_scientific = true;
    return NULL;
}

static const char *add_item(struct picture *p, enum part part)
{
    if (p->is_scientific)
        return part == PART_SCIENTIFIC ? "cannot use \"EEEE\" twice"
                                       : "\"EEEE\" must be the last pattern used";
    switch (part) {
    case PART_0:
    case PART_9: return check_digit(p, part == PART_0);
    case PART_POINT:
        if (p->has_point) return "multiple decimal points";
        if (p->has_v) return "cannot use \"V\" and decimal point together";
        p->has_point = true;
        return NULL;
    case PART_FM: p->is_filled = true; return NULL;
    case PART_SIGN:
    case PART_MI:
    case PART_PL:
    case PART_SG:
    case PART_PR: return check_sign(p, part);
    case PART_ROMAN: p->is_roman = true; return NULL;
    case PART_V:
        if (p->has_point) return "cannot use \"V\" and decimal point together";
        p->has_v = true;
        return NULL;
    case PART_SCIENTIFIC: return check_scientific(p);
    case PART_TEXT:
    case PART_COMMA:
    case PART_B:
    case PART_GROUP:
    case PART_CURRENCY:
    case PART_SPELL:
    case PART_TH: break;
    }
    return NULL;
}

static bool read_picture(sqlite3_context *c, struct picture *out, struct span format)
{
    struct item item;
    size_t at = 0;
    bool is_quoted = false;
    struct diag d;
    *out = (struct picture){0};
    while (next_item(format, &at, &is_quoted, &item)) {
        const char *why = item.part == PART_TEXT ? NULL : add_item(out, item.part);
        if (why == NULL) continue;
        diag_set(&d, "42601", "%s", why);
        if (strstr(why, "incompatible") != NULL)
            diag_detail(&d, "\"EEEE\" may only be used together with digit and decimal point "
                            "patterns.");
        function_fail_with(c, &d);
        return false;
    }
    return true;
}

/* --- places -------------------------------------------------------------------------------- */

/* 9.9 of 0.1 is " .1": the zero before the point is a space. */
static bool is_space_before_point(const struct printer *n)
{
    return !n->p.has_zero && n->at == n->number && *n->number == '0' && n->p.behind != 0;
}

static bool is_bare_point(const struct printer *n)
{
    return n->last != NULL && *n->last == '.';
}

static void put_sign(struct printer *n)
{
    const bool is_here = n->place >= n->spaces || (n->p.has_zero && n->p.zero_start == n->place);
    if (n->is_sign_written || !is_here) return;
    if (is_space_before_point(n) && !is_bare_point(n)) return;
    if (n->p.has_sign) {
        if (n->p.sign != SIGN_BEFORE) return;
        buf_put_u8(&n->out, n->sign == '-' ? '-' : '+');
    } else if (n->p.has_bracket) {
        buf_put_u8(&n->out, n->sign == '+' ? ' ' : '<');
    } else if (n->sign == '-') {
        buf_put_u8(&n->out, '-');
    } else if (!n->p.is_filled) {
        buf_put_u8(&n->out, ' ');
    }
    n->is_sign_written = true;
}

static void put_digit(struct printer *n, bool is_zero)
{
    if (*n->at == '.') {
        if (!is_bare_point(n) || n->p.is_filled) buf_put_u8(&n->out, '.');
    } else if (n->last != NULL && n->at > n->last && !is_zero) {
        /* A zero at the end that FM leaves out. */
    } else if (is_space_before_point(n)) {
        if (!n->p.is_filled)
            buf_put_u8(&n->out, ' ');
        else if (is_bare_point(n))
            buf_put_u8(&n->out, '0');
    } else if (*n->at != 0) {
        buf_put_u8(&n->out, (uint8_t)*n->at);
        n->is_inside = true;
    } else {
        n->is_inside = true;
    }
    if (*n->at != 0) n->at++;
}

static void put_place(struct printer *n, bool is_zero)
{
    if (n->p.is_roman) return;
    n->is_inside = false;
    put_sign(n);
    if (n->place < n->spaces && (n->p.zero_start > n->place || !n->p.has_zero)) {
        if (!n->p.is_filled) buf_put_u8(&n->out, ' ');
    } else if (n->p.has_zero && n->place < n->spaces && n->p.zero_start <= n->place) {
        buf_put_u8(&n->out, '0');
        n->is_inside = true;
    } else {
        put_digit(n, is_zero);
    }
    int32_t end = n->count + (n->spaces > 0) + n->p.has_point;
    if (n->last != NULL && n->last == n->at) end = n->place;
    if (n->place + 1 == end) {
        if (n->is_sign_written && n->p.has_bracket)
            buf_put_u8(&n->out, n->sign == '+' ? ' ' : '>');
        else if (n->p.has_sign && n->p.sign == SIGN_BEHIND)
            buf_put_u8(&n->out, n->sign == '-' ? '-' : '+');
    }
    n->place++;
}

static void put_mark(struct printer *n, char sign, char mark)
{
    if (n->sign == sign)
        buf_put_u8(&n->out, (uint8_t)mark);
    else if (!n->p.is_filled)
        buf_put_u8(&n->out, ' ');
}

static void put_group(struct printer *n)
{
    if (n->is_inside)
        buf_put_u8(&n->out, ',');
    else if (!n->p.is_filled)
        buf_put_u8(&n->out, ' ');
}

static void put_roman(struct printer *n, bool is_upper)
{
    const size_t size = strlen(n->number);
    for (size_t i = size; i < ROMAN_ROOM && !n->p.is_filled; i++)
        buf_put_u8(&n->out, ' ');
    for (size_t i = 0; i < size; i++) {
        const uint8_t b = (uint8_t)n->number[i];
        buf_put_u8(&n->out, !is_upper && b >= 'A' && b <= 'Z' ? (uint8_t)(b + 32) : b);
    }
}

static void put_item(struct printer *n, const struct item *item)
{
    switch (item->part) {
    case PART_TEXT: buf_put(&n->out, item->literal); break;
    case PART_0:
    case PART_9:
    case PART_POINT: put_place(n, item->part == PART_0); break;
    case PART_COMMA:
    case PART_GROUP: put_group(n); break;
    case PART_CURRENCY: buf_put_u8(&n->out, ' '); break;
    case PART_ROMAN: put_roman(n, item->is_upper); break;
    case PART_MI: put_mark(n, '-', '-'); break;
    case PART_PL: put_mark(n, '+', '+'); break;
    case PART_SG: buf_put_u8(&n->out, (uint8_t)n->sign); break;
    case PART_TH:
        if (n->p.is_roman || *n->number == '#' || n->sign == '-' || n->p.has_point) break;
        buf_put_text(&n->out, format_ordinal(span_text(n->number), item->is_upper));
        break;
    case PART_B:
    case PART_SCIENTIFIC:
    case PART_FM:
    case PART_PR:
    case PART_SPELL:
    case PART_SIGN:
    case PART_V: break;
    }
}

/* FM: zeros at the end go, but not those where the pattern has 0. */
static void find_last(struct printer *n)
{
    const char *at = strchr(n->number, '.');
    if (at == NULL) return;
    n->last = at;
    while (*++at != 0)
        if (*at != '0') n->last = at;
    if (n->p.zero_end <= n->spaces) return;
    int32_t place = (int32_t)strlen(n->number) - 1;
    if (place > n->p.zero_end - n->spaces) place = n->p.zero_end - n->spaces;
    if (n->last < n->number + place) n->last = n->number + place;
}

static void prepare(struct printer *n)
{
    struct picture *p = &n->p;
    if (p->zero_start > 0) p->zero_start--;
    if (p->is_roman) {
        const bool is_filled = p->is_filled;
        *p = (struct picture){.is_roman = true, .is_filled = is_filled};
        n->spaces = 0;
        n->sign = 0;
    }
    if (p->has_plus || p->has_minus) {
        n->is_sign_written = !(p->has_plus && !p->has_minus);
    } else {
        if (n->sign != '-' && p->has_bracket && p->is_filled) p->has_bracket = false;
        n->is_sign_written = n->sign == '+' && p->is_filled && !p->has_sign;
        if (p->sign == SIGN_BEFORE && p->before == p->sign_at) p->sign = SIGN_BEHIND;
    }
    n->count = p->behind + p->before - 1;
    n->place = 0;
    if (p->is_filled && p->has_point) find_last(n);
    if (!n->is_sign_written && n->spaces == 0) n->count++;
}

static void print(sqlite3_context *c, struct printer *n, struct span format)
{
    struct item item;
    size_t at = 0;
    bool is_quoted = false;
    prepare(n);
    n->at = n->number;
    buf_init(&n->out, mem_system(), SQL_VALUE_MAX);
    while (next_item(format, &at, &is_quoted, &item))
        put_item(n, &item);
    function_return_buf(c, &n->out);
}

/* --- numbers ------------------------------------------------------------------------------- */

static void roman_of(char out[static ROMAN_ROOM + 1], int64_t value)
{
    static const struct {
        int64_t value;
        const char *text;
    } steps[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
                 {90, "XC"},  {50, "L"},   {40, "XL"}, {10, "X"},   {9, "IX"},
                 {5, "V"},    {4, "IV"},   {1, "I"}};
    size_t used = 0;
    if (value > 3999 || value < 1) {
        memset(out, '#', ROMAN_ROOM);
        out[ROMAN_ROOM] = 0;
        return;
    }
    for (size_t i = 0; value > 0; i++)
        for (; value >= steps[i].value; value -= steps[i].value) {
            memcpy(out + used, steps[i].text, strlen(steps[i].text));
            used += strlen(steps[i].text);
        }
    out[used] = 0;
}

/* text: the number with its sign, rounded to p->behind digits. */
static void print_plain(sqlite3_context *c, struct printer *n, const char *text, struct span format)
{
    char filled[PLACES_MAX];
    n->sign = text[0] == '-' ? '-' : '+';
    n->number = text + (text[0] == '-');
    const char *point = strchr(n->number, '.');
    const size_t size = point == NULL ? strlen(n->number) : (size_t)(point - n->number);
    const size_t room = (size_t)n->p.before;
    must(room + (size_t)n->p.behind + 2 < sizeof filled);
    if (size < room) {
        n->spaces = (int32_t)(room - size);
    } else if (size > room) {
        memset(filled, '#', room + (size_t)n->p.behind + 1);
        filled[room] = '.';
        filled[room + (size_t)n->p.behind + 1] = 0;
        n->number = filled;
    }
    print(c, n, format);
}

static bool begin(
    sqlite3_context *c, int count, sqlite3_value **args, struct printer *n, struct span *format)
{
    *n = (struct printer){0};
    if (!function_begin(c, count, args)) return false;
    *format = function_bytes(args[1]);
    if (format->size == 0) {
        sqlite3_result_text(c, "", 0, SQLITE_STATIC);
        return false;
    }
    if (format->size > FORMAT_MAX) {
        function_fail(c, "54000", "a pattern of to_char is limited to %u bytes", FORMAT_MAX);
        return false;
    }
    return read_picture(c, &n->p, *format);
}

/* -1.2e+03: one digit, a point, behind digits, the exponent with at least two. Rounding may give
 * 10.0e+00, as in PostgreSQL. */
static void print_scientific(sqlite3_context *c, struct span digits, bool is_minus, int32_t behind)
{
    struct buf out;
    char text[PLACES_MAX];
    struct numeric mantissa;
    struct numeric rounded;
    struct diag d;
    size_t first = 0;
    size_t point = digits.size;
    int32_t exponent = 0;
    for (size_t i = 0; i < digits.size; i++)
        if (digits.data[i] == '.') point = i;
    while (first < digits.size && (digits.data[first] == '0' || digits.data[first] == '.'))
        first++;
    buf_init(&out, mem_system(), SQL_VALUE_MAX);
    if (first < digits.size)
        exponent = first < point ? (int32_t)(point - first) - 1 : -(int32_t)(first - point);
    else
        first = digits.size - 1;
    /* The digits with the point behind the first, rounded. */
    buf_put_u8(&out, digits.data[first]);
    buf_put_u8(&out, '.');
    for (size_t i = first + 1; i < digits.size; i++)
        if (digits.data[i] != '.') buf_put_u8(&out, digits.data[i]);
    buf_put_u8(&out, '0');
    bool is_right =
        buf_status(&out) == ST_OK && numeric_from_text(&mantissa, buf_span(&out), &d) == ST_OK &&
        numeric_round(&rounded, numeric_span(&mantissa), behind, NUMERIC_HALF_AWAY, &d) == ST_OK;
    buf_fini(&out);
    if (!is_right) {
        function_fail(c, "54000", "a number is too long to show");
        return;
    }
    buf_init(&out, mem_system(), SQL_VALUE_MAX);
    numeric_to_text(&out, numeric_span(&rounded));
    const struct span shown = buf_span(&out);
    must(shown.size < sizeof text);
    memcpy(text, shown.data, shown.size);
    text[shown.size] = 0;
    buf_fini(&out);
    buf_init(&out, mem_system(), SQL_VALUE_MAX);
    buf_printf(&out, "%c%se%c%02d", is_minus ? '-' : ' ', text, exponent < 0 ? '-' : '+',
               abs(exponent));
    function_return_buf(c, &out);
}

static bool scale_by(struct numeric *v, int32_t power, struct diag *d)
{
    struct numeric ten;
    char text[PLACES_MAX];
    must(power >= 0 && (size_t)power + 2 < sizeof text);
    memset(text, '0', (size_t)power + 1);
    text[0] = '1';
    text[power + 1] = 0;
    struct numeric product;
    if (numeric_from_text(&ten, span_text(text), d) != ST_OK) return false;
    if (numeric_calculate(&product, NUMERIC_MUL, numeric_span(v), numeric_span(&ten), d) != ST_OK)
        return false;
    *v = product;
    return true;
}

static void return_exponent(sqlite3_context *c, double value, int32_t behind)
{
    char text[FLOAT_DIGITS_MAX];
    const int used = snprintf(text, sizeof text, "%+.*e", behind > 300 ? 300 : (int)behind, value);
    must(used > 0 && (size_t)used < sizeof text);
    if (text[0] == '+') text[0] = ' ';
    function_return_text(c, span_text(text));
}

/* numeric_to_char(value, format [, 1 of a whole number, whose exponent is that of a double]) */
static void numeric_to_char(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct printer n;
    struct span format;
    struct span stored;
    struct numeric value;
    struct numeric rounded;
    struct diag d;
    struct buf text;
    char roman[ROMAN_ROOM + 1];
    int64_t whole = 0;
    if (!begin(c, count, args, &n, &format) || !function_numeric(c, args[0], &stored)) return;
    const int32_t behind = n.p.is_roman ? 0 : n.p.behind;
    if (n.p.is_scientific && count == 3) {
        int64_t whole_value = 0;
        must(numeric_to_int(stored, &whole_value));
        return_exponent(c, (double)whole_value, n.p.behind);
        return;
    }
    must(stored.size <= sizeof value.bytes);
    memcpy(value.bytes, stored.data, stored.size);
    value.size = (uint16_t)stored.size;
    if (n.p.is_scientific) {
        numeric_absolute(&rounded, stored);
        buf_init(&text, mem_system(), SQL_VALUE_MAX);
        numeric_to_text(&text, numeric_span(&rounded));
        print_scientific(c, buf_span(&text), numeric_sign(stored) < 0, n.p.behind);
        buf_fini(&text);
        return;
    }
    if (n.p.has_v && !scale_by(&value, n.p.multiply, &d)) {
        function_fail_with(c, &d);
        return;
    }
    if (n.p.has_v) n.p.before += n.p.multiply;
    if (numeric_round(&rounded, numeric_span(&value), behind, NUMERIC_HALF_AWAY, &d) != ST_OK) {
        function_fail_with(c, &d);
        return;
    }
    if (n.p.is_roman) {
        if (!numeric_to_int(numeric_span(&rounded), &whole) || whole > INT32_MAX ||
            whole < INT32_MIN) {
            function_fail(c, "22003", "integer out of range");
            return;
        }
        roman_of(roman, whole);
        n.number = roman;
        print(c, &n, format);
        return;
    }
    buf_init(&text, mem_system(), SQL_VALUE_MAX);
    numeric_to_text(&text, numeric_span(&rounded));
    buf_put_u8(&text, 0);
    if (buf_status(&text) == ST_OK)
        print_plain(c, &n, (const char *)text.data, format);
    else
        function_no_memory(c);
    buf_fini(&text);
}

/* At most 15 digits are shown: what a double precision holds for sure. */
static void float_text(char *out, size_t room, double value, int32_t *behind)
{
    char whole[FLOAT_DIGITS_MAX];
    const int size = snprintf(whole, sizeof whole, "%.0f", fabs(value));
    must(size > 0 && (size_t)size < sizeof whole);
    if (size >= FLOAT_DIGITS)
        *behind = 0;
    else if (size + *behind > FLOAT_DIGITS)
        *behind = FLOAT_DIGITS - size;
    const int used = snprintf(out, room, "%.*f", (int)*behind, value);
    must(used > 0 && (size_t)used < room);
}

/* float_to_char(value, format) */
static void float_to_char(sqlite3_context *c, int count, sqlite3_value **args)
{
    struct printer n;
    struct span format;
    char text[FLOAT_DIGITS_MAX];
    char roman[ROMAN_ROOM + 1];
    if (!begin(c, count, args, &n, &format)) return;
    double value = float8_unpack(sqlite3_value_int64(args[0]));
    if (!isfinite(value)) {
        struct diag d;
        diag_set(&d, "0A000", "to_char of NaN and infinity is not supported");
        diag_hint(&d, "Cast the value to text.");
        function_fail_with(c, &d);
        return;
    }
    if (n.p.is_scientific) {
        return_exponent(c, value, n.p.behind);
    } else if (n.p.is_roman) {
        roman_of(roman, fabs(value) < 10000 ? (int64_t)rint(value) : 0);
        n.number = roman;
        print(c, &n, format);
    } else {
        if (n.p.has_v) {
            double power = 1; /* Exact up to 10^22. */
            for (int32_t i = 0; i < n.p.multiply; i++)
                power *= 10;
            value *= power;
            n.p.before += n.p.multiply;
        }
        float_text(text, sizeof text, value, &n.p.behind);
        print_plain(c, &n, text, format);
    }
}

const struct native function_number_to_chars[] = {
    {.name = "float_to_char", .args = 2, .call = float_to_char},
    {.name = "numeric_to_char", .args = 2, .call = numeric_to_char},
    {.name = "numeric_to_char", .args = 3, .call = numeric_to_char},
    {.name = NULL},
};
