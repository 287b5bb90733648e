/* Goal: spans, integers, hex, statuses and diagnostics do what their headers say at their edges. */
#include "base/diag.h"
#include "base/endian.h"
#include "base/hex.h"
#include "base/span.h"
#include "base/status.h"

#include "support/cmocka_all.h"

static void spans_order_like_memcmp(void **state)
{
    (void)state;
    assert_int_equal(span_compare(span_text("a"), span_text("a")), 0);
    assert_true(span_compare(span_text("a"), span_text("b")) < 0);
    assert_true(span_compare(span_text("b"), span_text("a")) > 0);
    assert_true(span_compare(span_text("a"), span_text("aa")) < 0);
    assert_true(span_compare(span_text("b"), span_text("aa")) > 0);
    assert_true(span_compare(span_of("\xff", 1), span_text("a")) > 0);
    assert_int_equal(span_compare((struct span){0}, span_text("")), 0);
    assert_true(span_equal((struct span){0}, span_text("")));
    assert_false(span_equal(span_text("a"), span_text("aa")));
    assert_false(span_equal(span_text("ab"), span_text("aa")));
}

static void integers_have_fixed_byte_order(void **state)
{
    (void)state;
    uint8_t bytes[8];
    put_u64_le(bytes, 0x0102030405060708u);
    assert_memory_equal(bytes, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    assert_true(get_u64_le(bytes) == 0x0102030405060708u);
    put_u64_be(bytes, 0x0102030405060708u);
    assert_memory_equal(bytes, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    assert_true(get_u64_be(bytes) == 0x0102030405060708u);
    put_u32_le(bytes, 0xfffefdfcu);
    assert_memory_equal(bytes, "\xfc\xfd\xfe\xff", 4);
    assert_true(get_u32_le(bytes) == 0xfffefdfcu);
    put_u32_be(bytes, 0xfffefdfcu);
    assert_memory_equal(bytes, "\xff\xfe\xfd\xfc", 4);
    assert_true(get_u32_be(bytes) == 0xfffefdfcu);
    put_u16_be(bytes, 0x8001u);
    assert_memory_equal(bytes, "\x80\x01", 2);
    assert_int_equal(get_u16_be(bytes), 0x8001);
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    char text[9];
    uint8_t bytes[4];
    hex_encode(text, span_of("\x00\x9a\xff\x10", 4));
    assert_string_equal(text, "009aff10");
    assert_int_equal(hex_decode(bytes, 4, span_text("009AFF10")), ST_OK);
    assert_memory_equal(bytes, "\x00\x9a\xff\x10", 4);
    static const char *const bad[] = {"009aff1", "009aff100", "009aff1g",
                                      "",        "009aff1/",  "009aff1:"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(hex_decode(bytes, 4, span_text(bad[i])), ST_INVALID);
    hex_encode(text, (struct span){0});
    assert_string_equal(text, "");
}

static void statuses_have_names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(status_name(ST_OK), "ST_OK");
    assert_string_equal(status_name(ST_UNREACHABLE), "ST_UNREACHABLE");
    assert_string_equal(status_text(ST_LIMIT), "a limit was reached");
    assert_string_equal(status_name((enum status)999), "ST_UNKNOWN");
    assert_non_null(status_text((enum status)999));
}

static void diagnostics_replace_the_one_before(void **state)
{
    (void)state;
    struct diag d;
    memset(&d, 0xff, sizeof d);
    diag_set(&d, "42601", "syntax error at \"%s\"", "x");
    assert_string_equal(d.sqlstate, "42601");
    assert_string_equal(d.message, "syntax error at \"x\"");
    assert_string_equal(d.detail, "");
    assert_string_equal(d.hint, "");
    assert_int_equal(d.position, 0);
    diag_detail(&d, "%d", 5);
    diag_hint(&d, "none");
    diag_set(&d, "22012", "division by zero");
    assert_string_equal(d.detail, "");
    assert_string_equal(d.hint, "");
}

/* A character of 2 to 4 bytes at each place around the limit: kept whole or dropped whole. */
static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x99\x82"};
    for (size_t c = 0; c < 3; c++) {
        size_t size = strlen(characters[c]);
        for (size_t before = DIAG_TEXT_MAX - 8; before < DIAG_TEXT_MAX; before++) {
            char text[DIAG_TEXT_MAX + 8];
            struct diag d;
            memset(text, 'x', sizeof text);
            memcpy(text + before, characters[c], size + 1);
            diag_set(&d, "22000", "%s", text);
            bool fits = before + size < DIAG_TEXT_MAX;
            assert_int_equal(strlen(d.message), fits ? before + size : before);
            assert_memory_equal(d.message, text, strlen(d.message));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_order_like_memcmp),
        cmocka_unit_test(integers_have_fixed_byte_order),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(statuses_have_names_and_texts),
        cmocka_unit_test(diagnostics_replace_the_one_before),
        cmocka_unit_test(texts_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
