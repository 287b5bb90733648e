/* Goal: the writer gives the encodings of RFC 8949 appendix A, the reader takes exactly those and
 * refuses every other form of the same value. */
#include "codec/cbor.h"

#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/hex.h"

struct written {
    uint8_t bytes[64];
    struct buf buf;
};

static struct buf *fresh(struct written *w)
{
    buf_init_fixed(&w->buf, w->bytes, sizeof w->bytes);
    return &w->buf;
}

static struct cbor read_hex(uint8_t bytes[64], const char *hex)
{
    return cbor_of(span_of(bytes, hex_bytes(bytes, 64, hex)));
}

static void integers_of_the_appendix(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *hex;
    } cases[] = {{0, "00"},
                 {1, "01"},
                 {10, "0a"},
                 {23, "17"},
                 {24, "1818"},
                 {25, "1819"},
                 {100, "1864"},
                 {255, "18ff"},
                 {256, "190100"},
                 {1000, "1903e8"},
                 {65535, "19ffff"},
                 {65536, "1a00010000"},
                 {1000000, "1a000f4240"},
                 {4294967295u, "1affffffff"},
                 {4294967296u, "1b0000000100000000"},
                 {1000000000000u, "1b000000e8d4a51000"},
                 {18446744073709551615u, "1bffffffffffffffff"}};
    struct written w;
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cbor_put_uint(fresh(&w), cases[i].value);
        hex_assert_equal(buf_span(&w.buf), cases[i].hex);
        struct cbor in = read_hex(bytes, cases[i].hex);
        assert_true(cbor_get_uint(&in) == cases[i].value);
        assert_int_equal(cbor_end(&in), ST_OK);
    }
}

static void negative_integers_of_the_appendix(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *hex;
    } cases[] = {{-1, "20"},
                 {-10, "29"},
                 {-100, "3863"},
                 {-1000, "3903e7"},
                 {7, "07"},
                 {INT64_MAX, "1b7fffffffffffffff"},
                 {INT64_MIN, "3b7fffffffffffffff"}};
    struct written w;
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cbor_put_int(fresh(&w), cases[i].value);
        hex_assert_equal(buf_span(&w.buf), cases[i].hex);
        struct cbor in = read_hex(bytes, cases[i].hex);
        assert_true(cbor_get_int(&in) == cases[i].value);
        assert_int_equal(cbor_end(&in), ST_OK);
    }
    struct cbor beyond = read_hex(bytes, "1b8000000000000000");
    (void)cbor_get_int(&beyond);
    assert_int_equal(cbor_end(&beyond), ST_INVALID);
    beyond = read_hex(bytes, "3b8000000000000000");
    (void)cbor_get_int(&beyond);
    assert_int_equal(cbor_end(&beyond), ST_INVALID);
}

static void strings_arrays_and_simple_values(void **state)
{
    (void)state;
    struct written w;
    struct buf *b = fresh(&w);
    cbor_put_array(b, 6);
    cbor_put_bytes(b, span_of("\1\2\3\4", 4));
    cbor_put_text(b, span_text("\xe6\xb0\xb4"));
    cbor_put_bool(b, false);
    cbor_put_bool(b, true);
    cbor_put_null(b);
    cbor_put_float(b, 1.1);
    hex_assert_equal(buf_span(b), "86 4401020304 63e6b0b4 f4 f5 f6 fb3ff199999999999a");
    struct cbor in = cbor_of(buf_span(b));
    assert_int_equal(cbor_get_array(&in), 6);
    assert_int_equal(cbor_get_bytes(&in).size, 4);
    assert_true(span_equal(cbor_get_text(&in), span_text("\xe6\xb0\xb4")));
    assert_false(cbor_get_null(&in));
    assert_false(cbor_get_bool(&in));
    assert_true(cbor_get_bool(&in));
    assert_true(cbor_get_null(&in));
    double value = cbor_get_float(&in);
    assert_true(value > 1.0999);
    assert_true(value < 1.1001);
    assert_int_equal(cbor_end(&in), ST_OK);
    (void)cbor_get_float(&in);
    assert_int_equal(cbor_end(&in), ST_TRUNCATED);
}

static void fixed_strings_want_their_size(void **state)
{
    (void)state;
    uint8_t bytes[64];
    uint8_t to[4] = {9, 9, 9, 9};
    struct cbor in = read_hex(bytes, "4401020304");
    cbor_get_fixed(&in, to, 4);
    assert_int_equal(cbor_end(&in), ST_OK);
    assert_memory_equal(to, "\1\2\3\4", 4);
    in = read_hex(bytes, "43010203");
    cbor_get_fixed(&in, to, 4);
    assert_int_equal(cbor_end(&in), ST_INVALID);
    assert_memory_equal(to, "\0\0\0\0", 4);
}

/* Each is one item in a form that is not the one form. */
static void other_forms_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"1800",
                                      "1817",
                                      "190017",
                                      "1900ff",
                                      "1a0000ffff",
                                      "1b00000000ffffffff",
                                      "3800",
                                      "3817",
                                      "5800",
                                      "5817",
                                      "7800",
                                      "9800",
                                      "9817",
                                      "1c",
                                      "1d",
                                      "1e",
                                      "1f",
                                      "5f4100ff",
                                      "7f6161ff",
                                      "9f01ff",
                                      "9fff",
                                      "a0",
                                      "a10102",
                                      "bf0102ff",
                                      "c000",
                                      "c249010000000000000000",
                                      "d818456449455446",
                                      "f0",
                                      "f7",
                                      "f800",
                                      "f818",
                                      "f820",
                                      "f8ff",
                                      "f93c00",
                                      "fa3f800000",
                                      "fc",
                                      "fe",
                                      "ff",
                                      "fb7ff8000000000001",
                                      "fbfff8000000000000",
                                      "fb7ff4000000000000",
                                      "61ff",
                                      "62c080",
                                      "63eda080",
                                      "64f4908080",
                                      "62c3"};
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cbor in = read_hex(bytes, bad[i]);
        (void)cbor_get_item(&in, 4);
        if (cbor_end(&in) == ST_OK) fail_msg("%s was taken", bad[i]);
    }
}

static void floats_keep_their_bits(void **state)
{
    (void)state;
    static const char *const good[] = {"fb0000000000000000", "fb8000000000000000",
                                       "fb7ff0000000000000", "fbfff0000000000000",
                                       "fb7ff8000000000000", "fb0000000000000001"};
    uint8_t bytes[64];
    struct written w;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct cbor in = read_hex(bytes, good[i]);
        double value = cbor_get_float(&in);
        assert_int_equal(cbor_end(&in), ST_OK);
        cbor_put_float(fresh(&w), value);
        hex_assert_equal(buf_span(&w.buf), good[i]);
    }
    cbor_put_float(fresh(&w), -__builtin_nan(""));
    hex_assert_equal(buf_span(&w.buf), "fb7ff8000000000000");
}

static void items_are_skipped_to_a_depth(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct cbor in = read_hex(bytes, "83 01 82 02 80 8103 05");
    struct span item = cbor_get_item(&in, 3);
    assert_int_equal(item.size, 7);
    assert_int_equal(cbor_get_uint(&in), 5);
    assert_int_equal(cbor_end(&in), ST_OK);
    in = read_hex(bytes, "8101");
    (void)cbor_get_item(&in, 0);
    assert_int_equal(cbor_end(&in), ST_INVALID);
    in = read_hex(bytes, "818101");
    (void)cbor_get_item(&in, 1);
    assert_int_equal(cbor_end(&in), ST_INVALID);
    in = read_hex(bytes, "818101");
    (void)cbor_get_item(&in, 2);
    assert_int_equal(cbor_end(&in), ST_OK);
    in = read_hex(bytes, "");
    assert_int_equal(cbor_get_item(&in, 2).size, 0);
    assert_int_equal(cbor_end(&in), ST_TRUNCATED);
}

static void counts_are_bounded_by_the_input(void **state)
{
    (void)state;
    uint8_t bytes[64];
    static const char *const huge[] = {"9bffffffffffffffff",
                                       "9affffffff00",
                                       "5bffffffffffffffff",
                                       "7bffffffffffffffff",
                                       "8200",
                                       "4201",
                                       "6261"};
    for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
        struct cbor in = read_hex(bytes, huge[i]);
        (void)cbor_get_item(&in, 4);
        assert_int_equal(cbor_end(&in), ST_TRUNCATED);
    }
}

static void first_failure_sticks(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct cbor in = read_hex(bytes, "01 02");
    assert_int_equal(cbor_get_bytes(&in).size, 0);
    assert_int_equal(in.status, ST_INVALID);
    cbor_fail_with(&in, ST_LIMIT);
    enum cbor_kind kind;
    assert_false(cbor_peek(&in, &kind));
    assert_int_equal(cbor_get_uint(&in), 0);
    assert_int_equal(cbor_get_int(&in), 0);
    assert_int_equal(cbor_get_array(&in), 0);
    assert_false(cbor_get_null(&in));
    assert_false(cbor_get_bool(&in));
    assert_int_equal(cbor_end(&in), ST_INVALID);
    in = read_hex(bytes, "01 02");
    assert_int_equal(cbor_get_uint_max(&in, 1), 1);
    assert_int_equal(cbor_end(&in), ST_INVALID); /* One item is left over. */
    assert_int_equal(cbor_get_uint_max(&in, 1), 0);
    assert_int_equal(in.status, ST_INVALID);
    in = read_hex(bytes, "83 01 02 03");
    cbor_expect_array(&in, 2);
    assert_int_equal(in.status, ST_INVALID);
    struct cbor empty = cbor_of((struct span){0});
    assert_int_equal(cbor_end(&empty), ST_OK);
}

static void kinds_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum cbor_kind kind;
    } cases[] = {{"01", CBOR_UINT}, {"20", CBOR_NEGATIVE}, {"40", CBOR_BYTES},
                 {"60", CBOR_TEXT}, {"80", CBOR_ARRAY},    {"f4", CBOR_FALSE},
                 {"f5", CBOR_TRUE}, {"f6", CBOR_NULL},     {"fb0000000000000000", CBOR_FLOAT}};
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cbor in = read_hex(bytes, cases[i].hex);
        enum cbor_kind kind;
        assert_true(cbor_peek(&in, &kind));
        assert_int_equal(kind, cases[i].kind);
    }
}

static void memory_may_fail(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct buf b;
        fail_mem_init(&memory, n);
        buf_init(&b, &memory.mem, 0);
        for (uint64_t i = 0; i < 500; i++)
            cbor_put_uint(&b, i);
        enum status st = buf_status(&b);
        buf_fini(&b);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_the_appendix),
        cmocka_unit_test(negative_integers_of_the_appendix),
        cmocka_unit_test(strings_arrays_and_simple_values),
        cmocka_unit_test(fixed_strings_want_their_size),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(floats_keep_their_bits),
        cmocka_unit_test(items_are_skipped_to_a_depth),
        cmocka_unit_test(counts_are_bounded_by_the_input),
        cmocka_unit_test(first_failure_sticks),
        cmocka_unit_test(kinds_are_told),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
