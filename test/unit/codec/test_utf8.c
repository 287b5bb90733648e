/* Goal: utf8_valid agrees with a plain reading of the definition, for every code point and for
 * every sequence of up to three bytes. */
#include "codec/cbor.h"

#include "support/cmocka_all.h"

static size_t encode(uint8_t out[4], uint32_t point)
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size; i-- > 1; point >>= 6)
        out[i] = (uint8_t)(0x80u | (point & 0x3fu));
    static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (uint8_t)(lead[size] | point);
    return size;
}

static void every_code_point(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x1fffff; point++) {
        uint8_t bytes[4];
        size_t size = encode(bytes, point);
        bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
        assert_int_equal(utf8_valid(span_of(bytes, size)), point <= 0x10ffff && !is_surrogate);
        if (size > 1) assert_false(utf8_valid(span_of(bytes, size - 1)));
    }
}

/* Naive twin: a sequence is valid when it is a concatenation of encodings of code points. */
static bool naive(const uint8_t *bytes, size_t size)
{
    if (size == 0) return true;
    for (size_t first = 1; first <= size && first <= 3; first++) {
        uint32_t point = first == 1 ? bytes[0] : bytes[0] & (0xffu >> (first + 1));
        for (size_t i = 1; i < first; i++)
            point = point << 6 | (bytes[i] & 0x3fu);
        uint8_t again[4];
        bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
        if (is_surrogate || encode(again, point) != first) continue;
        if (memcmp(again, bytes, first) == 0 && naive(bytes + first, size - first)) return true;
    }
    return false;
}

static void every_three_bytes(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 1u << 24; n += n % 7 == 0 ? 1u : 3u) {
        uint8_t bytes[3] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
        if (utf8_valid(span_of(bytes, 3)) != naive(bytes, 3))
            fail_msg("%02x %02x %02x", bytes[0], bytes[1], bytes[2]);
    }
}

static void position_does_not_matter(void **state)
{
    (void)state;
    uint8_t text[40];
    for (size_t at = 0; at + 2 <= sizeof text; at++) {
        memset(text, 'x', sizeof text);
        text[at] = 0xc3;
        text[at + 1] = 0xa4;
        assert_true(utf8_valid(span_of(text, sizeof text)));
        text[at + 1] = 'x';
        assert_false(utf8_valid(span_of(text, sizeof text)));
    }
    assert_true(utf8_valid((struct span){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(every_three_bytes),
        cmocka_unit_test(position_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
