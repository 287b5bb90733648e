/* Goal: the decoder of the PostgreSQL protocol takes every message a client may send, whole, and
 * refuses whatever is cut, overlong or out of form. */
#include "pg/wire.h"

#include <string.h>

#include "base/endian.h"
#include "support/cmocka_all.h"

#define SPAN(text) span_of((text), sizeof(text) - 1)

/* One valid message of each kind; is_free: any body is valid. */
static const struct golden {
    const char *bytes;
    size_t size;
    bool is_free;
} goldens[] = {
#define GOLDEN(text, is_free)                                                                      \
    {                                                                                              \
        (text), sizeof(text) - 1, (is_free)                                                        \
    }
    GOLDEN("Q\0\0\0\x0dSELECT 1\0", false),
    GOLDEN("P\0\0\0\x18s1\0SELECT\0\0\2\0\0\0\x17\0\0\0\x11", false),
    GOLDEN("P\0\0\0\x08\0\0\0\0", false),
    GOLDEN("B\0\0\0\x22p\0s1\0\0\2\0\0\0\1\0\2\0\0\0\3abc\xff\xff\xff\xff\0\2\0\1\0\0", false),
    GOLDEN("B\0\0\0\x0c\0\0\0\0\0\0\0\0", false),
    GOLDEN("D\0\0\0\x08Ss1\0", false),
    GOLDEN("D\0\0\0\x06P\0", false),
    GOLDEN("C\0\0\0\x07Pp\0", false),
    GOLDEN("E\0\0\0\x0ap\0\0\0\0\5", false),
    GOLDEN("H\0\0\0\x04", false),
    GOLDEN("S\0\0\0\x04", false),
    GOLDEN("X\0\0\0\x04", false),
    GOLDEN("c\0\0\0\x04", false),
    GOLDEN("f\0\0\0\x08why\0", false),
    GOLDEN("p\0\0\0\x08pass", true),
    GOLDEN("d\0\0\0\x08pass", true),
    GOLDEN("F\0\0\0\x08pass", true),
#undef GOLDEN
};

#define GOLDEN_COUNT (sizeof goldens / sizeof *goldens)
#define SCRATCH_SIZE 128u

static void assert_text(struct span got, const char *expected)
{
    assert_int_equal(got.size, strlen(expected));
    if (got.size > 0) assert_memory_equal(got.data, expected, got.size);
}

static struct wire_message decode(const struct golden *g)
{
    struct wire_message m;
    size_t size = 0;
    assert_int_equal(wire_message_size(span_of(g->bytes, g->size), WIRE_MESSAGE_MAX, &size), ST_OK);
    assert_int_equal(size, g->size);
    assert_int_equal(wire_message_decode(&m, span_of(g->bytes, g->size)), ST_OK);
    assert_int_equal(m.kind, g->bytes[0]);
    return m;
}

static void test_golden_simple(void **state)
{
    (void)state;
    assert_text(decode(&goldens[0]).text, "SELECT 1");
    struct wire_message m = decode(&goldens[1]);
    assert_text(m.name, "s1");
    assert_text(m.text, "SELECT");
    assert_int_equal(m.type_count, 2);
    assert_int_equal(wire_type(&m, 0), 23);
    assert_int_equal(wire_type(&m, 1), 17);
    m = decode(&goldens[5]);
    assert_false(m.is_portal);
    assert_text(m.name, "s1");
    m = decode(&goldens[7]);
    assert_true(m.is_portal);
    assert_text(m.name, "p");
    m = decode(&goldens[8]);
    assert_text(m.name, "p");
    assert_int_equal(m.row_max, 5);
    assert_text(decode(&goldens[13]).text, "why");
    assert_text(decode(&goldens[14]).text, "pass");
    for (size_t i = 0; i < GOLDEN_COUNT; i++)
        (void)decode(&goldens[i]);
}

static void test_golden_bind(void **state)
{
    (void)state;
    struct wire_message m = decode(&goldens[3]);
    assert_text(m.portal, "p");
    assert_text(m.name, "s1");
    assert_int_equal(m.value_count, 2);
    assert_int_equal(wire_format(&m.formats, 0), WIRE_FORMAT_TEXT);
    assert_int_equal(wire_format(&m.formats, 1), WIRE_FORMAT_BINARY);
    struct span at = m.values;
    struct span value;
    bool is_null = true;
    wire_next_value(&at, &value, &is_null);
    assert_false(is_null);
    assert_text(value, "abc");
    wire_next_value(&at, &value, &is_null);
    assert_true(is_null);
    assert_int_equal(at.size, 0);
    assert_int_equal(wire_format(&m.result_formats, 0), WIRE_FORMAT_BINARY);
    assert_int_equal(wire_format(&m.result_formats, 1), WIRE_FORMAT_TEXT);
    m = decode(&goldens[4]);
    assert_int_equal(m.value_count, 0);
    assert_int_equal(wire_format(&m.formats, 7), WIRE_FORMAT_TEXT);
    assert_int_equal(wire_format(&m.result_formats, 7), WIRE_FORMAT_TEXT);
}

static void test_one_format_for_all(void **state)
{
    (void)state;
    struct wire_message m;
    assert_int_equal(wire_message_decode(&m, SPAN("B\0\0\0\x16\0\0\0\1\0\1\0\2\xff\xff\xff\xff\xff"
                                                  "\xff\xff\xff\0\0")),
                     ST_OK);
    assert_int_equal(wire_format(&m.formats, 0), WIRE_FORMAT_BINARY);
    assert_int_equal(wire_format(&m.formats, 1), WIRE_FORMAT_BINARY);
}

static void test_negative_row_limit_means_all(void **state)
{
    (void)state;
    struct wire_message m;
    assert_int_equal(wire_message_decode(&m, SPAN("E\0\0\0\x09\0\xff\xff\xff\xff")), ST_OK);
    assert_int_equal(m.row_max, 0);
}

static void test_truncation_at_every_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        const struct golden *g = &goldens[i];
        for (size_t size = 0; size < g->size; size++) {
            struct wire_message m;
            size_t whole = 0;
            uint8_t cut[SCRATCH_SIZE];
            memcpy(cut, g->bytes, size);
            enum status st = wire_message_size(span_of(cut, size), WIRE_MESSAGE_MAX, &whole);
            assert_int_equal(st, size < WIRE_HEAD_SIZE ? ST_TRUNCATED : ST_OK);
            assert_int_not_equal(wire_message_decode(&m, span_of(cut, size)), ST_OK);
            if (size < WIRE_HEAD_SIZE) continue;
            put_u32_be(cut + 1, (uint32_t)size - 1); /* A shorter message that says so. */
            st = wire_message_decode(&m, span_of(cut, size));
            assert_int_equal(st, g->is_free ? ST_OK : ST_INVALID);
        }
    }
}

static void test_bytes_left_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        const struct golden *g = &goldens[i];
        struct wire_message m;
        uint8_t more[SCRATCH_SIZE] = {0};
        memcpy(more, g->bytes, g->size);
        assert_int_equal(wire_message_decode(&m, span_of(more, g->size + 1)), ST_INVALID);
        put_u32_be(more + 1, (uint32_t)g->size);
        enum status st = wire_message_decode(&m, span_of(more, g->size + 1));
        assert_int_equal(st, g->is_free ? ST_OK : ST_INVALID);
    }
}

/* Whatever is accepted must be readable to its end (the sanitizers look on). */
static void read_all(const struct wire_message *m)
{
    for (uint16_t i = 0; i < m->type_count; i++)
        (void)wire_type(m, i);
    struct span at = m->values;
    for (uint16_t i = 0; i < m->value_count; i++) {
        struct span value;
        bool is_null = false;
        wire_next_value(&at, &value, &is_null);
        assert_true(wire_format(&m->formats, i) <= WIRE_FORMAT_BINARY);
    }
    assert_int_equal(at.size, 0);
}

static void test_one_flipped_bit_at_every_position(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        for (size_t bit = 0; bit < 8 * goldens[i].size; bit++) {
            uint8_t bytes[SCRATCH_SIZE];
            memcpy(bytes, goldens[i].bytes, goldens[i].size);
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            struct wire_message m = {.kind = WIRE_SYNC};
            if (wire_message_decode(&m, span_of(bytes, goldens[i].size)) == ST_OK) read_all(&m);
        }
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct span bad[] = {
        {(const uint8_t *)"Q\0\0\0\x08"
                          "a\0b\0",
         9}, /* A 0 inside the text. */
        {(const uint8_t *)"D\0\0\0\x06X\0", 7},
        {(const uint8_t *)"B\0\0\0\x0e\0\0\0\1\0\2\0\0\0\0", 15},     /* Format 2. */
        {(const uint8_t *)"B\0\0\0\x10\0\0\0\2\0\1\0\1\0\0\0\0", 17}, /* 2 formats, 0 values. */
        {(const uint8_t *)"B\0\0\0\x10\0\0\0\0\0\1\xff\xff\xff\xfe\0\0", 17}, /* Size −2. */
        {(const uint8_t *)"P\0\0\0\x08\0\0\xff\xff", 9},                      /* 65,535 types. */
        {(const uint8_t *)"Z\0\0\0\x04", 5},
        {(const uint8_t *)"\0\0\0\0\x04", 5},
        {(const uint8_t *)"S\0\0\0\x03", 5},
        {(const uint8_t *)"S\0\0\0\x00", 5},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wire_message m;
        assert_int_equal(wire_message_decode(&m, bad[i]), ST_INVALID);
    }
}

static void test_size_limits(void **state)
{
    (void)state;
    size_t size = 0;
    struct span exact = SPAN("Q\0\0\x0f\xff");
    assert_int_equal(wire_message_size(exact, WIRE_EARLY_MAX, &size), ST_OK);
    assert_int_equal(size, WIRE_EARLY_MAX);
    struct span more = SPAN("Q\0\0\x10\x00");
    assert_int_equal(wire_message_size(more, WIRE_EARLY_MAX, &size), ST_LIMIT);
    struct span huge = SPAN("Q\xff\xff\xff\xff");
    assert_int_equal(wire_message_size(huge, WIRE_MESSAGE_MAX, &size), ST_LIMIT);
    assert_int_equal(wire_first_size(SPAN("\0\0\x27\x10"), &size), ST_OK);
    assert_int_equal(size, WIRE_STARTUP_MAX);
    assert_int_equal(wire_first_size(SPAN("\0\0\x27\x11"), &size), ST_LIMIT);
    assert_int_equal(wire_first_size(SPAN("\xff\xff\xff\xff"), &size), ST_LIMIT);
    assert_int_equal(wire_first_size(SPAN("\0\0\0\7"), &size), ST_INVALID);
    assert_int_equal(wire_first_size(SPAN("\0\0\0"), &size), ST_TRUNCATED);
}

static void test_startup(void **state)
{
    (void)state;
    static const char startup[] = "\0\0\0\x14\0\3\0\2user\0me\0a\0\0";
    struct span whole = span_of(startup, 20);
    struct wire_first f;
    assert_int_equal(wire_first_decode(&f, whole), ST_OK);
    assert_int_equal(f.kind, WIRE_STARTUP);
    assert_int_equal(f.major, 3);
    assert_int_equal(f.minor, 2);
    struct span at = f.parameters;
    struct span name;
    struct span value;
    assert_true(wire_next_parameter(&at, &name, &value));
    assert_text(name, "user");
    assert_text(value, "me");
    assert_true(wire_next_parameter(&at, &name, &value));
    assert_text(name, "a");
    assert_text(value, "");
    assert_false(wire_next_parameter(&at, &name, &value));
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t cut[20];
        memcpy(cut, startup, size);
        assert_int_not_equal(wire_first_decode(&f, span_of(cut, size)), ST_OK);
        if (size < 8) continue;
        put_u32_be(cut, (uint32_t)size); /* Cut after a whole pair's name it would be the end. */
        assert_int_equal(wire_first_decode(&f, span_of(cut, size)), ST_INVALID);
    }
    for (size_t bit = 0; bit < 8 * whole.size; bit++) {
        uint8_t flipped[20];
        memcpy(flipped, startup, sizeof flipped);
        flipped[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (wire_first_decode(&f, span_of(flipped, sizeof flipped)) != ST_OK) continue;
        at = f.parameters;
        while (wire_next_parameter(&at, &name, &value))
            assert_true(name.size > 0);
    }
}

static void test_other_first_packets(void **state)
{
    (void)state;
    struct wire_first f;
    assert_int_equal(wire_first_decode(&f, SPAN("\0\0\0\x08\x04\xd2\x16\x2f")), ST_OK);
    assert_int_equal(f.kind, WIRE_SSL);
    assert_int_equal(wire_first_decode(&f, SPAN("\0\0\0\x08\x04\xd2\x16\x30")), ST_OK);
    assert_int_equal(f.kind, WIRE_GSS);
    assert_int_equal(wire_first_decode(&f, SPAN("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\7\x80\0\0\1")),
                     ST_OK);
    assert_int_equal(f.kind, WIRE_CANCEL);
    assert_int_equal(f.process, 7);
    assert_int_equal(f.secret, 0x80000001u);
    assert_int_equal(wire_first_decode(&f, SPAN("\0\0\0\x0c\x04\xd2\x16\x2e\0\0\0\7")), ST_INVALID);
    assert_int_equal(wire_first_decode(&f, SPAN("\0\0\0\x09\x04\xd2\x16\x2f\0")), ST_INVALID);
    assert_int_equal(wire_first_decode(&f, SPAN("\0\0\0\x0a\0\2\0\0zz")), ST_OK);
    assert_int_equal(f.major, 2);
    assert_int_equal(f.parameters.size, 0);
}

static void test_sasl_initial(void **state)
{
    (void)state;
    struct span mechanism;
    struct span data;
    static const char body[] = "SCRAM-SHA-256\0\0\0\0\3n,,";
    struct span whole = SPAN(body);
    assert_int_equal(wire_sasl_initial(whole, &mechanism, &data), ST_OK);
    assert_text(mechanism, "SCRAM-SHA-256");
    assert_text(data, "n,,");
    for (size_t size = 0; size < whole.size; size++)
        assert_int_equal(wire_sasl_initial(span_of(body, size), &mechanism, &data), ST_INVALID);
    assert_int_equal(wire_sasl_initial(SPAN("X\0\xff\xff\xff\xff"), &mechanism, &data), ST_OK);
    assert_int_equal(data.size, 0);
    assert_int_equal(wire_sasl_initial(SPAN("X\0\0\0\0\0x"), &mechanism, &data), ST_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_simple),
        cmocka_unit_test(test_golden_bind),
        cmocka_unit_test(test_one_format_for_all),
        cmocka_unit_test(test_negative_row_limit_means_all),
        cmocka_unit_test(test_truncation_at_every_length),
        cmocka_unit_test(test_bytes_left_over),
        cmocka_unit_test(test_one_flipped_bit_at_every_position),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_size_limits),
        cmocka_unit_test(test_startup),
        cmocka_unit_test(test_other_first_packets),
        cmocka_unit_test(test_sasl_initial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
