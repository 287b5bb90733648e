/* Goal: every type is read and printed in PostgreSQL's text and binary forms, with its error codes,
 * and comes back unchanged through CBOR, SQLite and rowsets; damaged bytes are refused. */
#include "sql/value.h"

#include <stdio.h>

#include "sql/numeric.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/hex.h"

struct sample {
    enum sql_type type;
    const char *in;
    const char *out;    /* Null: refused. */
    const char *binary; /* Hexadecimal; of a refused one the SQLSTATE. */
    const char *cbor;
};

static const struct sample samples[] = {
    {SQL_BOOL, " TRUE ", "t", "01", "f5"},
    {SQL_BOOL, "of", "f", "00", "f4"},
    {SQL_BOOL, "o", NULL, "22P02", NULL},
    {SQL_INT2, "-32768", "-32768", "8000", "397fff"},
    {SQL_INT2, "32768", NULL, "22003", NULL},
    {SQL_INT4, " +7 ", "7", "00000007", "07"},
    {SQL_INT4, "-2147483648", "-2147483648", "80000000", "3a7fffffff"},
    {SQL_INT4, "2147483648", NULL, "22003", NULL},
    {SQL_INT4, "abc", NULL, "22P02", NULL},
    {SQL_INT4, "", NULL, "22P02", NULL},
    {SQL_INT8, "-9223372036854775808", "-9223372036854775808", "8000000000000000",
     "3b7fffffffffffffff"},
    {SQL_INT8, "9223372036854775808", NULL, "22003", NULL},
    {SQL_OID, "4294967295", "4294967295", "ffffffff", "1affffffff"},
    {SQL_OID, "-1", "4294967295", "ffffffff", "1affffffff"},
    {SQL_OID, "4294967296", NULL, "22003", NULL},
    {SQL_OID, "one", NULL, "22P02", NULL},
    {SQL_NAME, "a b", "a b", "612062", "63612062"},
    {SQL_REGCLASS, "1", NULL, "0A000", NULL},
    {SQL_TEXT, "", "", "", "60"},
    {SQL_TEXT, "h\xc3\xa9", "h\xc3\xa9", "68c3a9", "6368c3a9"},
    {SQL_TEXT, "\xc3(", NULL, "22021", NULL},
    {SQL_TEXT, "a\xff", NULL, "22021", NULL},
    {SQL_BYTEA, "\\x 0aFf", "\\x0aff", "0aff", "420aff"},
    {SQL_BYTEA, "a\\\\\\001", "\\x615c01", "615c01", "43615c01"},
    {SQL_BYTEA, "\\xabc", NULL, "22023", NULL},
    {SQL_BYTEA, "\\9", NULL, "22P02", NULL},
    {SQL_NUMERIC, "-1.50", "-1.50",
     "0002000040000002"
     "00011388",
     "463ffefc9b0002"},
    {SQL_NUMERIC, "x", NULL, "22P02", NULL},
    {SQL_TIMESTAMPTZ, "2000-01-01 00:00:00.000001", "2000-01-01 00:00:00.000001+00",
     "0000000000000001", "01"},
    {SQL_TIMESTAMPTZ, "2026-01-02T03:04:05.6+05:30", "2026-01-01 21:34:05.6+00", "0002ea591ef23500",
     "1b0002ea591ef23500"},
    {SQL_TIMESTAMPTZ, "infinity", "infinity", "7fffffffffffffff", "1b7fffffffffffffff"},
    {SQL_TIMESTAMPTZ, "0044-03-15 BC", "0044-03-15 00:00:00+00 BC", "ff1af9deec5b2000",
     "3b00e5062113a4dfff"},
    {SQL_TIMESTAMPTZ, "2026-02-29", NULL, "22008", NULL},
    {SQL_TIMESTAMPTZ, "294277-01-01", NULL, "22008", NULL},
    {SQL_TIMESTAMPTZ, "tuesday", NULL, "22007", NULL},
    {SQL_TIMESTAMPTZ, "now", NULL, "0A000", NULL},
    {SQL_FLOAT8, "1.5", "1.5", "3ff8000000000000", "1b3ff8000000000000"},
    {SQL_FLOAT8, "-2", "-2", "c000000000000000", "3b4000000000000000"},
    {SQL_FLOAT8, "1e+300", "1e+300", "7e37e43c8800759c", "1b7e37e43c8800759c"},
    {SQL_FLOAT8, "0.1", "0.1", "3fb999999999999a", "1b3fb999999999999a"},
    {SQL_FLOAT8, "nan", "NaN", "7ff8000000000000", "1b7ff8000000000000"},
    {SQL_FLOAT8, "-0", "-0", "8000000000000000", "20"},
    {SQL_FLOAT8, "5.684341886080802e-14", "5.684341886080802e-14", "3d30000000000000",
     "1b3d30000000000000"},
    {SQL_FLOAT4, "0.1", "0.1", "3dcccccd", "1a3dcccccd"},
    {SQL_FLOAT4, "-1234567", "-1.234567e+06", "c996b438", "3a4996b438"},
    {SQL_FLOAT8, "1e400", NULL, "22003", NULL},
    {SQL_FLOAT8, "1e-400", NULL, "22003", NULL},
    {SQL_FLOAT4, "x", NULL, "22P02", NULL},
    {SQL_DATE, "2000-01-02", "2000-01-02", "00000001", "01"},
    {SQL_DATE, "31 December 1999", "1999-12-31", "ffffffff", "20"},
    {SQL_DATE, "infinity", "infinity", "7fffffff", "1a7fffffff"},
    {SQL_DATE, "2026-02-29", NULL, "22008", NULL},
    {SQL_DATE, "x", NULL, "22007", NULL},
    {SQL_DATE, "today", NULL, "0A000", NULL},
    {SQL_TIME, "24:00", "24:00:00", "000000141dd76000", "1b000000141dd76000"},
    {SQL_TIME, "04:05:06.5 PM", "16:05:06.5", "0000000d7b7f11a0", "1b0000000d7b7f11a0"},
    {SQL_TIME, "25:00", NULL, "22008", NULL},
    {SQL_TIMESTAMP, "2000-01-01T00:00:01", "2000-01-01 00:00:01", "00000000000f4240", "1a000f4240"},
    {SQL_TIMESTAMP, "2000-01-01 25:00", NULL, "22008", NULL},
    {SQL_INTERVAL, "1 month 2 days 3 s", "1 mon 2 days 00:00:03",
     "00000000002dc6c00000000200000001",
     "7824383030303030303030323833626231396336633038303030303030313830303030303032"},
    {SQL_INTERVAL, "-1 day", "-1 days", "0000000000000000ffffffff00000000",
     "7824376666666666666666666562653232386130303038303030303030303766666666666666"},
    {SQL_INTERVAL, "1 foo", NULL, "22007", NULL},
    {SQL_INTERVAL, "9999999999 years", NULL, "22015", NULL},
    {SQL_UUID, "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
     "a0eebc999c0b4ef8bb6d6bb9bd380a11", "50a0eebc999c0b4ef8bb6d6bb9bd380a11"},
    {SQL_UUID, "a0eebc99", NULL, "22P02", NULL},
    {SQL_BPCHAR, "a ", "a ", "6120", "626120"},
    {SQL_INT4_ARRAY, "{1,NULL}", "{1,NULL}",
     "00000001000000010000001700000002000000010000000400000001ffffffff",
     "4b0180000000000000010200"},
    {SQL_TEXT_ARRAY, "{\"a,\",\"\"}", "{\"a,\",\"\"}",
     "000000010000000000000019000000020000000100000002612c00000000", "4901612c000101000100"},
    {SQL_INT4_ARRAY, "{}", "{}", "000000000000000000000017", "4100"},
    {SQL_INT4_ARRAY, "{1", NULL, "22P02", NULL},
    {SQL_INT4_ARRAY, "{{1}}", NULL, "0A000", NULL},
    {SQL_JSON, " [1 ,2] ", " [1 ,2] ", "205b31202c325d20", "68205b31202c325d20"},
    {SQL_JSONB, "{\"bb\":[null,\"\\u00e9\"],\"a\":1,\"a\":2.0}",
     "{\"a\": 2.0, \"bb\": [null, \"\xc3"
     "\xa9"
     "\"]}",
     "017b2261223a20322e302c20226262223a205b6e756c6c2c2022c3a9225d7d",
     "781e7b2261223a20322e302c20226262223a205b6e756c6c2c2022c3a9225d7d"},
    {SQL_JSONB, "{\"a\"}", NULL, "22P02", NULL},
    {SQL_JSON, "\"\\u0000\"", NULL, "22P05", NULL},
};
#define SAMPLES (sizeof samples / sizeof samples[0])

static struct arena arena;

static void print_is(const struct sql_value *v, const char *expected)
{
    struct buf b;
    buf_init(&b, mem_system(), 0);
    sql_value_print(&b, v, -1);
    assert_true(span_equal(buf_span(&b), span_text(expected)));
    buf_fini(&b);
}

static void text_and_binary(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        struct sql_value v;
        struct sql_value back;
        struct diag d = {.sqlstate = ""};
        const enum status st = sql_value_parse(&v, &arena, s->type, -1, span_text(s->in), &d);
        if (s->out == NULL) {
            assert_int_not_equal(st, ST_OK);
            assert_string_equal(d.sqlstate, s->binary);
            continue;
        }
        assert_int_equal(st, ST_OK);
        print_is(&v, s->out);
        struct buf wire;
        buf_init(&wire, mem_system(), 0);
        sql_value_send(&wire, &v, -1);
        hex_assert_equal(buf_span(&wire), s->binary);
        assert_int_equal(sql_value_receive(&back, &arena, s->type, buf_span(&wire), &d), ST_OK);
        print_is(&back, s->out);
        buf_fini(&wire);
    }
}

static void cbor_is_golden_and_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        struct sql_value v;
        struct diag d;
        struct buf item;
        if (s->out == NULL) continue;
        assert_int_equal(sql_value_parse(&v, &arena, s->type, -1, span_text(s->in), &d), ST_OK);
        buf_init(&item, mem_system(), 0);
        sql_value_to_cbor(&item, &v);
        hex_assert_equal(buf_span(&item), s->cbor);
        struct sql_value back;
        assert_int_equal(sql_value_from_cbor(&back, s->type, buf_span(&item)), ST_OK);
        print_is(&back, s->out);
        for (size_t size = 0; size < item.size; size++)
            assert_int_not_equal(sql_value_from_cbor(&back, s->type, span_of(item.data, size)),
                                 ST_OK);
        for (size_t bit = 0; bit < 8 * item.size; bit++) {
            item.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (sql_value_from_cbor(&back, s->type, buf_span(&item)) == ST_OK) {
                struct buf again;
                buf_init(&again, mem_system(), 0);
                sql_value_to_cbor(&again, &back);
                assert_true(span_equal(buf_span(&again), buf_span(&item)));
                buf_fini(&again);
            }
            item.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        buf_fini(&item);
    }
}

static void cbor_checks_the_type(void **state)
{
    (void)state;
    static const struct {
        enum sql_type type;
        const char *bytes;
        size_t size;
    } wrong[] = {
        {SQL_INT2, "\x19\x80\x00", 3},   /* 32768 */
        {SQL_INT4, "\x1a\x80\0\0\0", 5}, /* 2147483648 */
        {SQL_INT4,
         "\x61"
         "1",
         2}, /* Text. */
        {SQL_TEXT,
         "\x41"
         "a",
         2},                       /* Bytes. */
        {SQL_TEXT, "\x61\0", 2},   /* The character 0. */
        {SQL_TEXT, "\x61\xff", 2}, /* Not UTF-8. */
        {SQL_BOOL, "\x01", 1},     /* An integer. */
        {SQL_NUMERIC,
         "\x41"
         "1",
         2},                                                          /* Not a numeric. */
        {SQL_TIMESTAMPTZ, "\x1b\x7f\xff\xff\xff\xff\xff\xff\xfe", 9}, /* Beyond the range. */
        {SQL_BYTEA, "\xf6\xf6", 2},                                   /* Two items. */
        {SQL_INT8, "\x18\x01", 2},                                    /* Longer than needed. */
    };
    struct sql_value v;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_not_equal(
            sql_value_from_cbor(&v, wrong[i].type, span_of(wrong[i].bytes, wrong[i].size)), ST_OK);
    assert_int_equal(sql_value_from_cbor(&v, SQL_INT4, span_of("\xf6", 1)), ST_OK);
    assert_true(v.is_null);
}

static void through_sqlite_and_rowset(void **state)
{
    (void)state;
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT ?1, NULL", -1, &stmt, NULL), SQLITE_OK);
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        struct sql_value v;
        struct diag d;
        struct buf row;
        if (s->out == NULL) continue;
        assert_int_equal(sql_value_parse(&v, &arena, s->type, -1, span_text(s->in), &d), ST_OK);
        assert_int_equal(sql_value_bind(stmt, 1, &v), ST_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        buf_init(&row, mem_system(), 0);
        sql_rowset_put_column(&row, stmt, 0);
        sql_rowset_put_column(&row, stmt, 1);
        struct span at = buf_span(&row);
        struct sql_value back;
        assert_true(sql_rowset_next(&at, s->type, &back));
        print_is(&back, s->out);
        assert_true(sql_rowset_next(&at, s->type, &back));
        assert_true(back.is_null);
        assert_false(sql_rowset_next(&at, s->type, &back));
        for (size_t size = 0; size < row.size - 1; size++) {
            at = span_of(row.data, size);
            assert_false(sql_rowset_next(&at, s->type, &back));
        }
        buf_fini(&row);
        assert_int_equal(sqlite3_reset(stmt), SQLITE_OK);
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void rowset_is_golden(void **state)
{
    (void)state;
    struct sql_value v;
    static const uint8_t bytes[] = {0, 1, 5, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0, 0, 0, 'h', 'i'};
    struct span at = span_of(bytes, sizeof bytes);
    assert_true(sql_rowset_next(&at, SQL_TEXT, &v));
    assert_true(v.is_null);
    assert_true(sql_rowset_next(&at, SQL_INT4, &v));
    assert_true(v.integer == 5);
    assert_true(sql_rowset_next(&at, SQL_TEXT, &v));
    assert_true(span_equal(v.bytes, span_text("hi")));
    at = span_of(bytes + 1, 9);
    assert_false(sql_rowset_next(&at, SQL_TEXT, &v)); /* An integer is no text. */
    assert_false(sql_rowset_next(&at, SQL_BOOL, &v)); /* Nor is 5 a bool. */
}

static void lengths_of_columns(void **state)
{
    (void)state;
    struct sql_value v;
    struct diag d = {.sqlstate = ""};
    assert_int_equal(sql_value_parse(&v, &arena, SQL_TEXT, 4 + 3, span_text("h\xc3\xa9y  "), &d),
                     ST_OK);
    print_is(&v, "h\xc3\xa9y");
    assert_int_equal(sql_value_parse(&v, &arena, SQL_TEXT, 4 + 3, span_text("hey!"), &d),
                     ST_INVALID);
    assert_string_equal(d.sqlstate, "22001");
    assert_string_equal(d.message, "value too long for type character varying(3)");
    assert_int_equal(
        sql_value_parse(&v, &arena, SQL_NUMERIC, numeric_typmod(4, 1), span_text("12.25"), &d),
        ST_OK);
    print_is(&v, "12.3");
    uint8_t *large = arena_alloc(&arena, SQL_VALUE_MAX + 1);
    assert_non_null(large);
    memset(large, 'a', SQL_VALUE_MAX + 1);
    assert_int_equal(
        sql_value_parse(&v, &arena, SQL_TEXT, -1, span_of(large, SQL_VALUE_MAX + 1), &d), ST_LIMIT);
    assert_int_equal(sql_value_parse(&v, &arena, SQL_TEXT, -1, span_of(large, SQL_VALUE_MAX), &d),
                     ST_OK);
}

static void names_of_types(void **state)
{
    (void)state;
    char name[64];
    sql_type_name(name, SQL_NUMERIC, numeric_typmod(10, 2));
    assert_string_equal(name, "numeric(10,2)");
    sql_type_name(name, SQL_TEXT, 4 + 20);
    assert_string_equal(name, "character varying(20)");
    sql_type_name(name, SQL_TIMESTAMPTZ, -1);
    assert_string_equal(name, "timestamp with time zone");
    assert_int_equal(sql_type_size(SQL_INT2), 2);
    assert_int_equal(sql_type_size(SQL_TEXT), -1);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        for (uint64_t n = 1; s->out != NULL; n++) {
            struct fail_mem f;
            struct arena a;
            struct sql_value v;
            struct diag d;
            fail_mem_init(&f, n);
            arena_init(&a, &f.mem, 0);
            const enum status st = sql_value_parse(&v, &a, s->type, -1, span_text(s->in), &d);
            arena_fini(&a);
            assert_int_equal(f.live, 0);
            if (st == ST_OK) break;
            assert_int_equal(st, ST_NO_MEMORY);
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, mem_system(), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_binary),      cmocka_unit_test(cbor_is_golden_and_strict),
        cmocka_unit_test(cbor_checks_the_type), cmocka_unit_test(through_sqlite_and_rowset),
        cmocka_unit_test(rowset_is_golden),     cmocka_unit_test(lengths_of_columns),
        cmocka_unit_test(names_of_types),       cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
