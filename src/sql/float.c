/* float.c - Stored form and text of binary floating point.
 *
 * The shortest text: 15 digits (6 of a real) read back as themselves, so a number that they name is
 * named by them without the zeros at their end; else 16 or 17 (7 to 9) are tried. Below a power of
 * two the gap is half as wide as above, so the shortest digits may be the next ones up and not the
 * nearest; those are tried, too. printf and strtod of the C library round exactly. */
#include "sql/float.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"

#define TEXT_MAX     64u /* Of a printed number. */
#define INPUT_MAX    4096u
#define FIXED_LOW    (-4) /* Exponents that are printed without "e". */
#define FIXED_HIGH_8 15
#define FIXED_HIGH_4 6
#define MANTISSA_8   0x000FFFFFFFFFFFFFu
#define MANTISSA_4   0x007FFFFFu
#define NAN_8        0x7FF8000000000000
#define NAN_4        0x7FC00000

struct digits { /* d.ddd × 10^exponent */
    char text[24];
    size_t count;
    int exponent;
};

static bool is_blank(uint8_t c);
static enum status bad(enum sql_type type, struct span text, bool is_range, struct diag *d);
static bool reads_back(enum sql_type type, const struct digits *n, double value);
static void round_to(struct digits *n, double value, size_t count);
static void next_up(struct digits *n);
static void shortest(struct digits *n, enum sql_type type, double value, bool is_power);
static void put_digits(struct buf *out, const struct digits *n, int fixed_high);
static bool has_word(struct span text, const char *word);

int64_t float8_pack(double value)
{
    int64_t bits = 0;
    if (isnan(value)) return NAN_8;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits;
}

double float8_unpack(int64_t stored)
{
    double value = 0;
    const int64_t bits = stored < 0 ? stored ^ INT64_MAX : stored;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int64_t float4_pack(float value)
{
    int32_t bits = 0;
    if (isnan(value)) return NAN_4;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? bits ^ INT32_MAX : bits;
}

float float4_unpack(int64_t stored)
{
    float value = 0;
    const int32_t bits = (int32_t)(stored < 0 ? stored ^ INT32_MAX : stored);
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool float_is_valid(enum sql_type type, int64_t stored)
{
    if (type == SQL_FLOAT8) return float8_pack(float8_unpack(stored)) == stored;
    if (stored < INT32_MIN || stored > INT32_MAX) return false;
    return float4_pack(float4_unpack(stored)) == stored;
}

uint64_t float_to_bits(enum sql_type type, int64_t stored)
{
    if (type == SQL_FLOAT8) return (uint64_t)(stored < 0 ? stored ^ INT64_MAX : stored);
    return (uint32_t)(stored < 0 ? stored ^ INT32_MAX : stored);
}

int64_t float_from_bits(enum sql_type type, uint64_t bits)
{
    if (type == SQL_FLOAT8) {
        double value = 0;
        memcpy(&value, &bits, sizeof value);
        return float8_pack(value);
    }
    float value = 0;
    const uint32_t narrow = (uint32_t)bits;
    memcpy(&value, &narrow, sizeof value);
    return float4_pack(value);
}

enum status float_from_text(int64_t *stored, enum sql_type type, struct span text, struct diag *d)
{
    char copy[INPUT_MAX];
    struct span t = text;
    while (t.size > 0 && is_blank(t.data[0]))
        t = span_of(t.data + 1, t.size - 1);
    while (t.size > 0 && is_blank(t.data[t.size - 1]))
        t.size--;
    if (t.size == 0 || t.size >= sizeof copy) return bad(type, text, false, d);
    memcpy(copy, t.data, t.size);
    copy[t.size] = 0;
    const bool has_brace = memchr(copy, '(', t.size) != NULL; /* nan(…) is no number here. */
    char *end = NULL;
    double value = 0;
    if (type == SQL_FLOAT8) {
        value = strtod(copy, &end);
    } else {
        const float narrow = strtof(copy, &end);
        value = (double)narrow;
        *stored = float4_pack(narrow);
    }
    if (end != copy + t.size || has_brace) return bad(type, text, false, d);
    const bool is_named = has_word(t, "inf") || has_word(t, "infinity");
    if (isinf(value) && !is_named) return bad(type, text, true, d);
    const size_t mantissa = strcspn(copy, "eEpP");
    const bool has_digit = strcspn(copy, "123456789") < mantissa && !isnan(value);
    if (fpclassify(value) == FP_ZERO && has_digit) {
        const bool is_hex_zero = (copy[1] | 0x20) == 'x' || (copy[2] | 0x20) == 'x';
        if (!is_hex_zero) return bad(type, text, true, d);
    }
    if (type == SQL_FLOAT8) *stored = float8_pack(value);
    return ST_OK;
}

void float_to_text(struct buf *out, enum sql_type type, int64_t stored)
{
    const bool is_wide = type == SQL_FLOAT8;
    const double value = is_wide ? float8_unpack(stored) : (double)float4_unpack(stored);
    if (isnan(value)) {
        buf_put_text(out, "NaN");
        return;
    }
    if (signbit(value)) buf_put_u8(out, '-');
    if (isinf(value)) {
        buf_put_text(out, "Infinity");
        return;
    }
    if (fpclassify(value) == FP_ZERO) {
        buf_put_u8(out, '0');
        return;
    }
    const uint64_t bits = float_to_bits(type, stored);
    struct digits n = {.count = 0};
    shortest(&n, type, fabs(value), (bits & (is_wide ? MANTISSA_8 : MANTISSA_4)) == 0);
    put_digits(out, &n, is_wide ? FIXED_HIGH_8 : FIXED_HIGH_4);
}

static void shortest(struct digits *n, enum sql_type type, double value, bool is_power)
{
    const bool is_wide = type == SQL_FLOAT8;
    const bool is_normal = value >= (is_wide ? DBL_MIN : (double)FLT_MIN);
    const size_t sure = is_wide ? DBL_DIG : FLT_DIG;
    const size_t all = is_wide ? DBL_DECIMAL_DIG : FLT_DECIMAL_DIG;
    for (size_t count = is_normal ? sure : 1; count <= all; count++) {
        round_to(n, value, count);
        if (reads_back(type, n, value)) break;
        if (!is_power) continue;
        next_up(n);
        if (reads_back(type, n, value)) break;
    }
    while (n->count > 1 && n->text[n->count - 1] == '0')
        n->count--;
}

/* count digits, rounded to the nearest. */
static void round_to(struct digits *n, double value, size_t count)
{
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof text, "%.*e", (int)count - 1, value);
    n->count = 0;
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at != '.') n->text[n->count++] = *at;
    must(n->count == count);
    n->exponent = (int)strtol(at + 1, NULL, 10);
}

static void next_up(struct digits *n)
{
    size_t at = n->count;
    while (at > 0 && n->text[at - 1] == '9')
        n->text[--at] = '0';
    if (at > 0) {
        n->text[at - 1]++;
        return;
    }
    n->text[0] = '1';
    n->exponent++;
}

static bool reads_back(enum sql_type type, const struct digits *n, double value)
{
    char text[TEXT_MAX];
    (void)snprintf(text, sizeof text, "%c.%.*se%d", n->text[0], (int)n->count - 1, n->text + 1,
                   n->exponent);
    const double again = type == SQL_FLOAT8 ? strtod(text, NULL) : (double)strtof(text, NULL);
    return !(again < value) && !(again > value);
}

static void put_digits(struct buf *out, const struct digits *n, int fixed_high)
{
    const int count = (int)n->count;
    if (n->exponent < FIXED_LOW || n->exponent >= fixed_high) {
        buf_put_u8(out, (uint8_t)n->text[0]);
        if (count > 1) buf_printf(out, ".%.*s", count - 1, n->text + 1);
        buf_printf(out, "e%c%02d", n->exponent < 0 ? '-' : '+', abs(n->exponent));
        return;
    }
    if (n->exponent < 0) {
        buf_printf(out, "0.%.*s%.*s", -n->exponent - 1, "000000", count, n->text);
        return;
    }
    for (int i = 0; i <= n->exponent; i++)
        buf_put_u8(out, i < count ? (uint8_t)n->text[i] : '0');
    if (count > n->exponent + 1)
        buf_printf(out, ".%.*s", count - n->exponent - 1, n->text + n->exponent + 1);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* With a sign or without, in any case. */
static bool has_word(struct span text, const char *word)
{
    if (text.size > 0 && (text.data[0] == '-' || text.data[0] == '+'))
        text = span_of(text.data + 1, text.size - 1);
    if (text.size != strlen(word)) return false;
    for (size_t i = 0; i < text.size; i++)
        if ((text.data[i] | 0x20) != (uint8_t)word[i]) return false;
    return true;
}

static enum status bad(enum sql_type type, struct span text, bool is_range, struct diag *d)
{
    const int size = (int)(text.size < DIAG_TEXT_MAX ? text.size : DIAG_TEXT_MAX);
    if (is_range)
        diag_set(d, "22003", "\"%.*s\" is out of range for type %s", size, (const char *)text.data,
                 sql_type_info(type)->title);
    else
        diag_set(d, "22P02", "invalid input syntax for type %s: \"%.*s\"",
                 sql_type_info(type)->title, size, (const char *)text.data);
    return ST_INVALID;
}
