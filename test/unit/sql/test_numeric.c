/* Goal: the bytes of a numeric are fixed, their order is the order of values, each value has one
 * key, and arithmetic is exact up to the limits and refuses beyond them. (That results equal
 * PostgreSQL's is the goal of test/model/test_sql_functions.c.) */
#include "sql/numeric.h"

#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/hex.h"
#include "support/test_rng.h"

__extension__ typedef __int128 wide;

static struct numeric number(const char *text)
{
    struct numeric n;
    struct diag d = {.sqlstate = ""};
    if (numeric_from_text(&n, span_text(text), &d) != ST_OK) fail_msg("%s: %s", text, d.message);
    assert_true(numeric_is_valid(numeric_span(&n)));
    return n;
}

static void assert_text(const struct numeric *n, const char *expected)
{
    struct buf b;
    buf_init(&b, mem_system(), 0);
    numeric_to_text(&b, numeric_span(n));
    buf_put_u8(&b, 0);
    assert_string_equal((const char *)b.data, expected);
    buf_fini(&b);
}

static void bytes_are_golden(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *bytes;
    } cases[] = {
        {"0", "80000000"},
        {"0.00", "80000002"},
        {"1", "c001020000"},
        {"-1", "3ffefd0000"},
        {"1.5", "c00103640001"},
        {"1.50", "c00103640002"},
        {"-1.50", "3ffefc9b0002"},
        {"100", "c002020000"},
        {"12345.67", "c003032f5b860002"},
        {"0.01", "c000020002"},
        {"0.001", "bfff140003"},
        {"99999999999999999999", "c00ac7c7c7c7c7c7c7c7c7c60000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct numeric n = number(cases[i].text);
        hex_assert_equal(numeric_span(&n), cases[i].bytes);
        assert_text(&n, cases[i].text);
    }
}

static void text_forms(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out; /* Null: refused with state. */
        const char *state;
    } cases[] = {
        {" +0012.340 ", "12.340", ""},
        {".5", "0.5", ""},
        {"5.", "5", ""},
        {"1e3", "1000", ""},
        {"1.50E1", "15.0", ""},
        {"15e-3", "0.015", ""},
        {"-0.00", "0.00", ""},
        {"1e 2", "100", ""},
        {"0e2001", "0", ""},
        {"", NULL, "22P02"},
        {".", NULL, "22P02"},
        {"1e", NULL, "22P02"},
        {"1 2", NULL, "22P02"},
        {"--1", NULL, "22P02"},
        {"1.2.3", NULL, "22P02"},
        {"NaN", NULL, "0A000"},
        {"-inf", NULL, "0A000"},
        {"Infinity", NULL, "0A000"},
        {"1e2000", NULL, "22003"},
        {"1e-2001", NULL, "54000"},
        {"1e999999999999999999999", NULL, "22003"},
        {"1e-999999999999999999999", NULL, "54000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct numeric n;
        struct diag d = {.sqlstate = ""};
        const enum status st = numeric_from_text(&n, span_text(cases[i].in), &d);
        assert_string_equal(d.sqlstate, cases[i].state);
        assert_int_equal(st == ST_OK, cases[i].out != NULL);
        if (st == ST_OK) assert_text(&n, cases[i].out);
    }
}

static struct numeric random_number(struct test_rng *r, wide *scaled)
{
    char text[64];
    const uint64_t size = test_rng_below(r, 1000000) >> test_rng_below(r, 20);
    const uint64_t scale = test_rng_below(r, 7);
    const bool is_negative = test_rng_coin(r);
    *scaled = is_negative ? -(wide)size : (wide)size;
    for (uint64_t i = scale; i < 7; i++)
        *scaled *= 10;
    (void)snprintf(text, sizeof text, "%s%llue-%llu", is_negative ? "-" : "",
                   (unsigned long long)size, (unsigned long long)scale);
    return number(text);
}

static void order_of_keys_is_order_of_values(void **state)
{
    (void)state;
    struct test_rng r = {.state = 7};
    for (int i = 0; i < 100000; i++) {
        wide x = 0;
        wide y = 0;
        const struct numeric a = random_number(&r, &x);
        const struct numeric b = random_number(&r, &y);
        const int expected = (x > y) - (x < y);
        assert_int_equal(numeric_compare(numeric_span(&a), numeric_span(&b)), expected);
        if (numeric_scale(numeric_span(&a)) == numeric_scale(numeric_span(&b)))
            assert_int_equal(span_equal(numeric_span(&a), numeric_span(&b)), expected == 0);
        assert_int_equal(numeric_sign(numeric_span(&a)), (x > 0) - (x < 0));
    }
}

/* Bytes that are accepted are the one encoding of their value. */
static void assert_canonical(struct span bytes)
{
    struct buf text;
    struct numeric again;
    struct diag d;
    if (!numeric_is_valid(bytes)) return;
    buf_init(&text, mem_system(), 0);
    numeric_to_text(&text, bytes);
    assert_int_equal(numeric_from_text(&again, buf_span(&text), &d), ST_OK);
    assert_true(span_equal(numeric_span(&again), bytes));
    buf_fini(&text);
}

static void damaged_bytes_are_refused_or_canonical(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.00", "1.5", "-12345.6789", "1e-20", "1e30", "-0.05"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct numeric n = number(texts[i]);
        for (uint16_t size = 0; size < n.size; size++)
            assert_canonical(span_of(n.bytes, size));
        assert_false(numeric_is_valid(span_of(n.bytes, 3)));
        for (uint32_t bit = 0; bit < 8u * n.size; bit++) {
            n.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_canonical(numeric_span(&n));
            n.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    assert_false(numeric_is_valid(span_of("\x80\x01\x00\x00", 4))); /* A zero with an exponent. */
    assert_false(numeric_is_valid(span_of("\xc0\x01\x00\x00\x00", 5))); /* A leading zero. */
    assert_false(numeric_is_valid(span_of("\xc0\x01\x03\x00\x00", 5))); /* Announces one more. */
    assert_false(numeric_is_valid(span_of("\xc0\x01\xc8\x00\x00", 5))); /* Digit 100. */
    assert_false(numeric_is_valid(span_of("\xc0\x00\x02\x00\x01", 5))); /* 0.01 with scale 1. */
}

static void wire_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *wire;
    } cases[] = {
        {"0.0", "0000000000000001"},
        {"1.5", "000200000000000100011388"},
        {"-12345678.9", "0003000140000001"
                        "04d2162e2328"},
        {"0.00001", "0001fffe000000050"
                    "3e8"},
        {"10000", "00010001000000000001"},
        {"100", "00010000000000000064"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct numeric n = number(cases[i].text);
        struct buf wire;
        struct numeric back;
        struct diag d;
        buf_init(&wire, mem_system(), 0);
        numeric_to_wire(&wire, numeric_span(&n));
        hex_assert_equal(buf_span(&wire), cases[i].wire);
        assert_int_equal(numeric_from_wire(&back, buf_span(&wire), &d), ST_OK);
        assert_true(span_equal(numeric_span(&back), numeric_span(&n)));
        for (size_t size = 0; size < wire.size; size++)
            assert_int_not_equal(numeric_from_wire(&back, span_of(wire.data, size), &d), ST_OK);
        for (size_t bit = 0; bit < 8 * wire.size; bit++) {
            wire.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (numeric_from_wire(&back, buf_span(&wire), &d) == ST_OK)
                assert_true(numeric_is_valid(numeric_span(&back)));
            wire.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        buf_fini(&wire);
    }
    struct numeric n;
    struct diag d;
    assert_int_equal(numeric_from_wire(&n, span_of("\0\0\0\0\xc0\0\0\0", 8), &d), ST_UNSUPPORTED);
    /* Zero groups around the digits, and digits behind the scale, are taken off. */
    assert_int_equal(numeric_from_wire(&n, span_of("\0\4\0\1\0\0\0\1\0\0\0\1\x13\x89\0\0", 16), &d),
                     ST_OK);
    assert_text(&n, "1.5");
}

static struct numeric calculate(enum numeric_op op,
                                const struct numeric *a,
                                const struct numeric *b)
{
    struct numeric out;
    struct diag d = {.sqlstate = ""};
    if (numeric_calculate(&out, op, numeric_span(a), numeric_span(b), &d) != ST_OK)
        fail_msg("%s", d.message);
    assert_true(numeric_is_valid(numeric_span(&out)));
    return out;
}

static struct numeric long_number(struct test_rng *r, uint32_t whole_max, uint32_t scale_max)
{
    char text[NUMERIC_WHOLE_MAX + NUMERIC_SCALE_MAX + 4];
    size_t n = 0;
    const uint64_t whole = 1 + test_rng_below(r, whole_max);
    const uint64_t scale = test_rng_below(r, scale_max + 1);
    if (test_rng_coin(r)) text[n++] = '-';
    for (uint64_t i = 0; i < whole; i++)
        text[n++] = (char)('0' + test_rng_below(r, 10));
    text[n++] = '.';
    for (uint64_t i = 0; i < scale; i++)
        text[n++] = (char)('0' + (test_rng_below(r, 8) == 0 ? test_rng_below(r, 10) : 0));
    text[n] = 0;
    return number(text);
}

static void laws_of_arithmetic_at_all_sizes(void **state)
{
    (void)state;
    struct test_rng r = {.state = 11};
    for (int i = 0; i < 3000; i++) {
        const uint32_t size = i % 3 == 0 ? 990 : 30;
        const struct numeric a = long_number(&r, size, size);
        const struct numeric b = long_number(&r, size, size);
        const struct numeric sum = calculate(NUMERIC_ADD, &a, &b);
        const struct numeric back = calculate(NUMERIC_SUB, &sum, &b);
        assert_int_equal(numeric_compare(numeric_span(&back), numeric_span(&a)), 0);
        const struct numeric other = calculate(NUMERIC_ADD, &b, &a);
        assert_true(span_equal(numeric_span(&sum), numeric_span(&other)));
        if (numeric_sign(numeric_span(&b)) == 0) continue;
        const struct numeric product = calculate(NUMERIC_MUL, &a, &b);
        const struct numeric exact = calculate(NUMERIC_DIV_TRUNC, &product, &b);
        struct numeric whole;
        struct diag d;
        assert_int_equal(numeric_round(&whole, numeric_span(&a), 0, NUMERIC_TRUNCATE, &d), ST_OK);
        assert_true(span_equal(numeric_span(&exact), numeric_span(&whole)));
        /* a = trunc(a / b) × b + a % b */
        const struct numeric quotient = calculate(NUMERIC_DIV_TRUNC, &a, &b);
        const struct numeric rest = calculate(NUMERIC_MOD, &a, &b);
        const struct numeric part = calculate(NUMERIC_MUL, &quotient, &b);
        const struct numeric all = calculate(NUMERIC_ADD, &part, &rest);
        assert_int_equal(numeric_compare(numeric_span(&all), numeric_span(&a)), 0);
    }
}

static void limits_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum numeric_op op;
        const char *a;
        const char *b;
        const char *state;
    } cases[] = {
        {NUMERIC_MUL, "1e1000", "1e999", ""},
        {NUMERIC_MUL, "1e1000", "1e1000", "22003"},
        {NUMERIC_MUL, "1e-1000", "1e-1000", ""},
        {NUMERIC_MUL, "1e-1000", "1e-1001", "54000"},
        {NUMERIC_ADD, "9e1999", "9e1999", "22003"},
        {NUMERIC_DIV, "1", "0.00", "22012"},
        {NUMERIC_MOD, "1", "0", "22012"},
        {NUMERIC_DIV_TRUNC, "1", "0", "22012"},
        {NUMERIC_DIV, "1e1999", "1e-2000", "22003"},
        {NUMERIC_DIV, "1e-2000", "1e1999", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct numeric a = number(cases[i].a);
        const struct numeric b = number(cases[i].b);
        struct numeric out;
        struct diag d = {.sqlstate = ""};
        const enum status st =
            numeric_calculate(&out, cases[i].op, numeric_span(&a), numeric_span(&b), &d);
        assert_string_equal(d.sqlstate, cases[i].state);
        assert_int_equal(st == ST_OK, cases[i].state[0] == 0);
    }
    const struct numeric n = number("1.5");
    struct numeric out;
    struct diag d;
    assert_int_equal(numeric_round(&out, numeric_span(&n), 2001, NUMERIC_TRUNCATE, &d), ST_LIMIT);
    assert_int_equal(numeric_round(&out, numeric_span(&n), INT32_MIN, NUMERIC_TRUNCATE, &d), ST_OK);
}

static void fitting_to_a_column(void **state)
{
    (void)state;
    const int32_t typmod = numeric_typmod(5, 2);
    assert_int_equal(typmod, (5 << 16 | 2) + 4);
    assert_int_equal(numeric_typmod_precision(typmod), 5);
    assert_int_equal(numeric_typmod_scale(typmod), 2);
    assert_int_equal(numeric_typmod_scale(numeric_typmod(5, -3)), -3);
    struct numeric n = number("999.994");
    struct numeric out;
    struct diag d = {.sqlstate = ""};
    assert_int_equal(numeric_fit(&out, numeric_span(&n), typmod, &d), ST_OK);
    assert_text(&out, "999.99");
    n = number("999.995");
    assert_int_equal(numeric_fit(&out, numeric_span(&n), typmod, &d), ST_INVALID);
    assert_string_equal(d.sqlstate, "22003");
    assert_string_equal(d.message, "numeric field overflow");
    assert_string_equal(d.detail, "A field with precision 5, scale 2 must round to an absolute "
                                  "value less than 10^3.");
    n = number("1.5");
    assert_true(numeric_rescale(&out, numeric_span(&n), 4));
    assert_text(&out, "1.5000");
    assert_false(numeric_rescale(&out, numeric_span(&n), 0));
    n = number("2.0");
    assert_true(numeric_rescale(&out, numeric_span(&n), 0));
    assert_text(&out, "2");
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_in;
        int64_t value;
    } cases[] = {
        {"9223372036854775807.4", true, INT64_MAX},
        {"9223372036854775807.5", false, 0},
        {"-9223372036854775808.4", true, INT64_MIN},
        {"-9223372036854775808.5", false, 0},
        {"0.5", true, 1},
        {"-0.5", true, -1},
        {"0.49", true, 0},
        {"1e1999", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct numeric n = number(cases[i].text);
        int64_t value = 0;
        assert_int_equal(numeric_to_int(numeric_span(&n), &value), cases[i].is_in);
        assert_true(value == cases[i].value);
    }
    static const int64_t values[] = {0, 1, -1, 99, 100, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct numeric n;
        int64_t back = 7;
        numeric_from_int(&n, values[i]);
        assert_true(numeric_to_int(numeric_span(&n), &back));
        assert_true(back == values[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_golden),
        cmocka_unit_test(text_forms),
        cmocka_unit_test(order_of_keys_is_order_of_values),
        cmocka_unit_test(damaged_bytes_are_refused_or_canonical),
        cmocka_unit_test(wire_form),
        cmocka_unit_test(laws_of_arithmetic_at_all_sizes),
        cmocka_unit_test(limits_are_refused),
        cmocka_unit_test(fitting_to_a_column),
        cmocka_unit_test(integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
