/* numeric.c - The encoded form of numeric: head, digits, text and wire forms. The byte table is in
 * numeric.h.
 *
 * Invariants of an encoded value:
 * N1 the digits begin and end with a non-zero digit, so a value has one key;
 * N2 a digit byte says whether another follows, so no key is a prefix of another;
 * N3 no digit stands after the display scale;
 * N4 at most NUMERIC_WHOLE_MAX digits before and NUMERIC_SCALE_MAX after the point. */
#include "sql/numeric.h"

#include "base/endian.h"
#include "base/must.h"
#include "sql/numeric_int.h"

#define HEAD_ZERO         0x8000u
#define HEAD_POSITIVE     0xC000 /* Exponent 0. */
#define FRAME_SIZE        4u     /* Head and scale. */
#define EXPONENT_MAX      ((int32_t)NUMERIC_WHOLE_MAX / 2)
#define EXPONENT_MIN      (-(int32_t)NUMERIC_SCALE_MAX / 2)
#define DIGITS_MAX        (NUMERIC_WHOLE_MAX + NUMERIC_SCALE_MAX) /* Decimal. */
#define TEXT_EXPONENT_MAX 1000000

#define WIRE_NEGATIVE     0x4000u
#define WIRE_SPECIAL      0xC000u /* NaN; with other bits the infinities. */
#define WIRE_BASE         10000u

_Static_assert(NUMERIC_BYTES_MAX >= FRAME_SIZE + DIGITS_MAX / 2 + 2, "room for N4");

/* Decimal digits as text and wire forms give them, before packing. */
struct digits {
    bool is_negative;
    uint32_t count; /* Digits seen from the first non-zero on; only DIGITS_MAX are kept. */
    int64_t whole;  /* Digits before the point; may be negative or beyond count. */
    int64_t scale;
    uint8_t digit[DIGITS_MAX]; /* 0 … 9 */
};

struct scanner {
    const uint8_t *at;
    const uint8_t *end;
};

static enum status digits_pack(struct numeric *out, const struct digits *in, struct diag *d);
static void digits_push(struct digits *n, uint32_t digit);
static bool scan_number(struct digits *n, struct scanner *s);
static bool scan_exponent(int64_t *exponent, struct scanner *s);
static bool scan_word(struct scanner *s, const char *word);
static bool is_blank(uint8_t c);
static void skip_blanks(struct scanner *s);
static enum status bad_text(struct span text, struct diag *d);
static enum status bad_wire(struct diag *d, const char *what);
static uint32_t head_min_scale(const struct numeric_head *h);
static void put_digit(struct numeric *out, bool is_negative, uint32_t digit, bool is_last);

bool numeric_is_valid(struct span bytes)
{
    if (bytes.size < FRAME_SIZE || bytes.size > NUMERIC_BYTES_MAX) return false;
    const struct numeric_head h = numeric_head_of(bytes);
    if (h.scale > NUMERIC_SCALE_MAX) return false;
    if (h.count == 0) return get_u16_be(bytes.data) == HEAD_ZERO;
    if (h.exponent < EXPONENT_MIN || h.exponent > EXPONENT_MAX) return false;
    if (numeric_digit(&h, 0) == 0 || numeric_digit(&h, h.count - 1) == 0) return false; /* N1 */
    for (uint32_t i = 0; i < h.count; i++) {
        const uint32_t byte = h.is_negative ? 255u - h.digits[i] : h.digits[i];
        if (byte > 199 || (byte & 1) != (i + 1 < h.count)) return false; /* N2 */
    }
    return head_min_scale(&h) <= h.scale; /* N3 */
}

struct span numeric_key(struct span bytes)
{
    must(bytes.size >= FRAME_SIZE);
    return span_of(bytes.data, bytes.size - 2);
}

uint32_t numeric_scale(struct span bytes)
{
    must(bytes.size >= FRAME_SIZE);
    return get_u16_be(bytes.data + bytes.size - 2);
}

int numeric_compare(struct span a, struct span b)
{
    const int order = span_compare(numeric_key(a), numeric_key(b)); /* N1, N2 */
    return (order > 0) - (order < 0);
}

int numeric_sign(struct span bytes)
{
    must(bytes.size >= FRAME_SIZE);
    const uint16_t head = get_u16_be(bytes.data);
    return (head > HEAD_ZERO) - (head < HEAD_ZERO);
}

uint32_t numeric_min_scale(struct span bytes)
{
    const struct numeric_head h = numeric_head_of(bytes);
    return head_min_scale(&h);
}

enum status numeric_from_text(struct numeric *out, struct span text, struct diag *d)
{
    struct scanner s = {.at = text.data, .end = text.data + text.size};
    struct digits n = {.is_negative = false};
    skip_blanks(&s);
    if (s.at < s.end && (*s.at == '+' || *s.at == '-')) n.is_negative = *s.at++ == '-';
    if (scan_word(&s, "nan") || scan_word(&s, "infinity") || scan_word(&s, "inf")) {
        diag_set(d, "0A000", "numeric NaN and infinity are not supported");
        return ST_UNSUPPORTED;
    }
    int64_t exponent = 0;
    if (!scan_number(&n, &s) || !scan_exponent(&exponent, &s)) return bad_text(text, d);
    skip_blanks(&s);
    if (s.at != s.end) return bad_text(text, d);
    n.whole += exponent;
    n.scale = n.scale > exponent ? n.scale - exponent : 0;
    return digits_pack(out, &n, d);
}

void numeric_to_text(struct buf *out, struct span bytes)
{
    const struct numeric_head h = numeric_head_of(bytes);
    const int32_t whole_pairs = h.exponent > 0 ? h.exponent : 0;
    uint8_t text[DIGITS_MAX + 8];
    uint32_t size = 0;
    if (h.is_negative) text[size++] = '-';
    const uint32_t whole_at = size;
    if (whole_pairs == 0) text[size++] = '0';
    const int32_t fraction_pairs = (int32_t)(h.scale + 1) / 2;
    for (int32_t i = -whole_pairs; i < fraction_pairs; i++) {
        if (i == 0) text[size++] = '.';
        const int32_t index = i + h.exponent;
        const bool is_digit = index >= 0 && index < (int32_t)h.count;
        const uint32_t pair = is_digit ? numeric_digit(&h, (uint32_t)index) : 0;
        if (i != -whole_pairs || i >= 0 || pair >= 10) text[size++] = (uint8_t)('0' + pair / 10);
        text[size++] = (uint8_t)('0' + pair % 10);
    }
    must(size > whole_at);
    must(size <= sizeof text);
    if (h.scale % 2 == 1) size--; /* N3: the digit dropped is 0. */
    buf_put(out, span_of(text, size));
}

enum status numeric_from_wire(struct numeric *out, struct span wire, struct diag *d)
{
    if (wire.size < 8) return bad_wire(d, "insufficient data left in message");
    const uint32_t count = get_u16_be(wire.data);
    const int32_t weight = (int16_t)get_u16_be(wire.data + 2);
    const uint32_t sign = get_u16_be(wire.data + 4);
    const uint32_t scale = get_u16_be(wire.data + 6);
    if ((sign & WIRE_SPECIAL) == WIRE_SPECIAL) {
        diag_set(d, "0A000", "numeric NaN and infinity are not supported");
        return ST_UNSUPPORTED;
    }
    if (sign != 0 && sign != WIRE_NEGATIVE)
        return bad_wire(d, "invalid sign in external \"numeric\" value");
    if ((scale & 0xC000u) != 0) return bad_wire(d, "invalid scale in external \"numeric\" value");
    if (wire.size != 8 + 2 * (size_t)count)
        return bad_wire(d, "incorrect binary data format in numeric value");
    struct digits n = {.is_negative = sign != 0, .scale = scale};
    n.whole = 4 * ((int64_t)weight + 1);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t group = get_u16_be(wire.data + 8 + 2 * (size_t)i);
        if (group >= WIRE_BASE) return bad_wire(d, "invalid digit in external \"numeric\" value");
        for (uint32_t unit = WIRE_BASE / 10; unit > 0; unit /= 10) {
            if (n.count == 0 && group / unit == 0) n.whole--;
            digits_push(&n, group / unit);
            group %= unit;
        }
    }
    return digits_pack(out, &n, d);
}

void numeric_to_wire(struct buf *out, struct span bytes)
{
    const struct numeric_head h = numeric_head_of(bytes);
    const uint32_t pad = (uint32_t)h.exponent & 1u;
    int32_t weight = 0;
    uint32_t first = 0;
    numeric_weight(&h, &weight, &first);
    const uint32_t count = (h.count + pad + 1) / 2;
    buf_put_u16_be(out, (uint16_t)(h.count == 0 ? 0 : count));
    buf_put_u16_be(out, (uint16_t)weight);
    buf_put_u16_be(out, h.is_negative ? WIRE_NEGATIVE : 0);
    buf_put_u16_be(out, (uint16_t)h.scale);
    for (uint32_t i = 0; h.count > 0 && i < count; i++) {
        const uint32_t high = 2 * i < pad ? 0 : numeric_digit(&h, 2 * i - pad);
        const uint32_t at = 2 * i + 1 - pad;
        const uint32_t low = at < h.count ? numeric_digit(&h, at) : 0;
        buf_put_u16_be(out, (uint16_t)(100 * high + low));
    }
}

struct numeric_head numeric_head_of(struct span bytes)
{
    must(bytes.size >= FRAME_SIZE);
    must(bytes.size <= NUMERIC_BYTES_MAX);
    const uint16_t head = get_u16_be(bytes.data);
    struct numeric_head h = {
        .is_negative = head < HEAD_ZERO,
        .count = (uint32_t)bytes.size - FRAME_SIZE,
        .scale = get_u16_be(bytes.data + bytes.size - 2),
        .digits = bytes.data + 2,
    };
    if (h.count > 0) h.exponent = (h.is_negative ? 0xFFFF - head : head) - HEAD_POSITIVE;
    return h;
}

uint32_t numeric_digit(const struct numeric_head *h, uint32_t index)
{
    must(index < h->count);
    const uint32_t byte = h->is_negative ? 255u - h->digits[index] : h->digits[index];
    return byte / 2;
}

void numeric_weight(const struct numeric_head *h, int32_t *weight, uint32_t *first_digit)
{
    *weight = 0;
    *first_digit = 0;
    if (h->count == 0) return;
    const bool is_half = (h->exponent & 1) != 0; /* The first digit stands alone in its group. */
    const uint32_t second = h->count > 1 ? numeric_digit(h, 1) : 0;
    *weight = (h->exponent + (is_half ? 1 : 0)) / 2 - 1;
    *first_digit = is_half ? numeric_digit(h, 0) : 100 * numeric_digit(h, 0) + second;
}

int32_t numeric_whole_digits(const struct numeric_head *h)
{
    must(h->count > 0);
    return 2 * h->exponent - (numeric_digit(h, 0) < 10 ? 1 : 0);
}

enum status numeric_too_large(struct diag *d)
{
    diag_set(d, "22003", "value overflows numeric format");
    return ST_LIMIT;
}

enum status numeric_too_fine(struct diag *d)
{
    diag_set(d, "54000", "numeric values have at most %u digits after the decimal point",
             NUMERIC_SCALE_MAX);
    return ST_LIMIT;
}

void decimal_decode(struct decimal *out, struct span bytes)
{
    const struct numeric_head h = numeric_head_of(bytes);
    out->is_negative = h.is_negative;
    out->scale = h.scale;
    out->count = 0;
    if (h.count == 0) return;
    if (h.count <= 9) { /* 100^9 fits a limb. */
        mp_limb_t value = 0;
        for (uint32_t i = 0; i < h.count; i++)
            value = value * 100 + numeric_digit(&h, i);
        out->limbs[0] = value;
        out->count = 1;
    } else {
        uint8_t digits[NUMERIC_BYTES_MAX];
        for (uint32_t i = 0; i < h.count; i++)
            digits[i] = (uint8_t)numeric_digit(&h, i);
        out->count = (uint32_t)mpn_set_str(out->limbs, digits, h.count, 100);
    }
    const int32_t places = 2 * (h.exponent - (int32_t)h.count) + (int32_t)h.scale;
    must(places >= -1); /* N3 */
    if (places >= 0)
        decimal_shift_up(out, (uint32_t)places);
    else
        must(!decimal_shift_down(out, 1));
}

enum status decimal_encode(struct numeric *out, const struct decimal *in, struct diag *d)
{
    must(in->count < DECIMAL_LIMBS_MAX);
    if (in->scale > NUMERIC_SCALE_MAX) return numeric_too_fine(d);
    if (in->count == 0) {
        put_u16_be(out->bytes, HEAD_ZERO);
        put_u16_be(out->bytes + 2, (uint16_t)in->scale);
        out->size = FRAME_SIZE;
        return ST_OK;
    }
    struct decimal n;
    n.count = in->count;
    mpn_copyi(n.limbs, in->limbs, in->count);
    if (in->scale % 2 == 1) decimal_shift_up(&n, 1);
    uint8_t digits[DECIMAL_LIMBS_MAX * 10 + 1]; /* A limb has less than 10 digits of base 100. */
    uint32_t count = (uint32_t)mpn_get_str(digits, 100, n.limbs, n.count);
    uint32_t first = 0;
    while (digits[first] == 0)
        first++;
    const int32_t exponent = (int32_t)(count - first) - (int32_t)(in->scale + 1) / 2;
    while (digits[count - 1] == 0)
        count--;
    must(first < count);
    if (exponent > EXPONENT_MAX) return numeric_too_large(d);
    const uint16_t head = (uint16_t)(HEAD_POSITIVE + exponent);
    put_u16_be(out->bytes, in->is_negative ? (uint16_t)~head : head);
    out->size = 2;
    for (uint32_t i = first; i < count; i++)
        put_digit(out, in->is_negative, digits[i], i + 1 == count);
    put_u16_be(out->bytes + out->size, (uint16_t)in->scale);
    out->size = (uint16_t)(out->size + 2);
    return ST_OK;
}

static void put_digit(struct numeric *out, bool is_negative, uint32_t digit, bool is_last)
{
    must(digit < 100);
    must(out->size < NUMERIC_BYTES_MAX - 2);
    const uint32_t byte = 2 * digit + (is_last ? 0 : 1);
    out->bytes[out->size++] = (uint8_t)(is_negative ? 255u - byte : byte);
}

/* Digits after the scale are dropped, as PostgreSQL does with a wire value's hidden digits. */
static enum status digits_pack(struct numeric *out, const struct digits *in, struct diag *d)
{
    if (in->scale > NUMERIC_SCALE_MAX) return numeric_too_fine(d);
    if (in->count > 0 && in->whole > NUMERIC_WHOLE_MAX) return numeric_too_large(d);
    int64_t count = in->whole + in->scale; /* Digits up to the scale. */
    if (count > in->count) count = in->count;
    while (count > 0 && in->digit[count - 1] == 0)
        count--;
    out->size = 2;
    put_u16_be(out->bytes, HEAD_ZERO);
    if (count > 0) {
        must(in->digit[0] != 0);
        const int64_t pad = in->whole & 1; /* The point must fall between two base-100 digits. */
        const int64_t pairs = (count + pad + 1) / 2;
        const int64_t exponent = (in->whole + pad) / 2;
        const uint16_t head = (uint16_t)(HEAD_POSITIVE + exponent);
        put_u16_be(out->bytes, in->is_negative ? (uint16_t)~head : head);
        for (int64_t i = 0; i < pairs; i++) {
            const int64_t at = 2 * i - pad;
            const uint32_t high = at < 0 ? 0 : in->digit[at];
            const uint32_t low = at + 1 < count ? in->digit[at + 1] : 0;
            put_digit(out, in->is_negative, 10 * high + low, i + 1 == pairs);
        }
    }
    put_u16_be(out->bytes + out->size, (uint16_t)in->scale);
    out->size = (uint16_t)(out->size + 2);
    must(numeric_is_valid(numeric_span(out)));
    return ST_OK;
}

static void digits_push(struct digits *n, uint32_t digit)
{
    if (n->count == 0 && digit == 0) return;
    if (n->count < DIGITS_MAX) n->digit[n->count] = (uint8_t)digit;
    n->count++;
}

/* Digits with at most one point, at least one digit. */
static bool scan_number(struct digits *n, struct scanner *s)
{
    bool has_point = false;
    bool has_digit = false;
    for (; s->at < s->end; s->at++) {
        if (*s->at == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (*s->at < '0' || *s->at > '9') break;
        const uint32_t digit = (uint32_t)(*s->at - '0');
        has_digit = true;
        if (has_point) n->scale++;
        if (!has_point && (n->count > 0 || digit != 0)) n->whole++;
        if (has_point && n->count == 0 && digit == 0) n->whole--;
        digits_push(n, digit);
    }
    return has_digit;
}

/* Nothing, or e with a number; blanks before the number are PostgreSQL's habit. Far values
 * saturate: they are beyond every limit anyway. */
static bool scan_exponent(int64_t *exponent, struct scanner *s)
{
    if (s->at == s->end || (*s->at != 'e' && *s->at != 'E')) return true;
    s->at++;
    skip_blanks(s);
    bool is_negative = false;
    if (s->at < s->end && (*s->at == '+' || *s->at == '-')) is_negative = *s->at++ == '-';
    bool has_digit = false;
    int64_t value = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        has_digit = true;
        if (value < TEXT_EXPONENT_MAX) value = 10 * value + (*s->at - '0');
    }
    *exponent = is_negative ? -value : value;
    return has_digit;
}

static bool scan_word(struct scanner *s, const char *word)
{
    const size_t size = strlen(word);
    if ((size_t)(s->end - s->at) < size) return false;
    for (size_t i = 0; i < size; i++) {
        if ((s->at[i] | 0x20) != word[i]) return false;
    }
    s->at += size;
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->end && is_blank(*s->at))
        s->at++;
}

static enum status bad_text(struct span text, struct diag *d)
{
    const int size = text.size < DIAG_TEXT_MAX ? (int)text.size : DIAG_TEXT_MAX;
    diag_set(d, "22P02", "invalid input syntax for type numeric: \"%.*s\"", size,
             (const char *)text.data);
    return ST_INVALID;
}

static enum status bad_wire(struct diag *d, const char *what)
{
    diag_set(d, "22P03", "%s", what);
    return ST_INVALID;
}

static uint32_t head_min_scale(const struct numeric_head *h)
{
    if (h->count == 0) return 0;
    const int32_t after = 2 * ((int32_t)h->count - h->exponent);
    const bool is_even = numeric_digit(h, h->count - 1) % 10 == 0;
    const int32_t scale = after - (is_even ? 1 : 0);
    return scale > 0 ? (uint32_t)scale : 0;
}
