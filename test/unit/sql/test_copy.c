/* Goal: what a client sends in COPY becomes the same rows whatever portions it comes in, rows come
 * back as they were in every format, and each allocation may fail. Answers are compared with
 * PostgreSQL in test/conform/copy. */
#include "sql/copy.h"

#include "support/cmocka_all.h"
#include "support/fail_mem.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const struct sql_column columns[] = {{NAME("a"), SQL_INT4, -1}, {NAME("b"), SQL_TEXT, -1}};

static struct sql_copy copy_of(enum sql_copy_format format)
{
    const bool is_csv = format == SQL_COPY_CSV;
    return (struct sql_copy){.format = format,
                             .delimiter = is_csv ? ',' : '\t',
                             .quote = '"',
                             .escape = '"',
                             .null = span_text(is_csv ? "" : "\\N"),
                             .table = span_text("t"),
                             .is_from = true,
                             .columns = columns,
                             .column_count = 2};
}

static enum status read_all(
    struct mem *mem, const struct sql_copy *copy, struct span bytes, size_t step, struct buf *rows)
{
    struct sql_copy_reader *r = NULL;
    struct diag d = {.sqlstate = ""};
    enum status st = sql_copy_reader_new(&r, mem, copy);
    for (size_t at = 0; at < bytes.size && st == ST_OK; at += step) {
        const size_t left = bytes.size - at;
        st = sql_copy_read(r, span_of(bytes.data + at, left < step ? left : step), rows, &d);
    }
    if (st == ST_OK) st = sql_copy_read_end(r, rows, &d);
    sql_copy_reader_free(r);
    return st;
}

static void test_portions(void **state)
{
    (void)state;
    static const char text[] = "1\tone\r\n2\t\\N\r\n3\tt\\\r\\two\\x41\r\n4\t\r\n\\.\r\n5\tfive";
    static const char csv[] = "1,one\n2,\n3,\"t\r\"\"two\nA\"\n4,\"\"";
    const struct sql_copy formats[] = {copy_of(SQL_COPY_TEXT), copy_of(SQL_COPY_CSV)};
    const struct span inputs[] = {span_text(text), span_text(csv)};
    for (size_t f = 0; f < 2; f++) {
        struct buf whole;
        struct buf parts;
        buf_init(&whole, mem_system(), 0);
        buf_init(&parts, mem_system(), 0);
        assert_int_equal(read_all(mem_system(), &formats[f], inputs[f], SIZE_MAX / 2, &whole), 0);
        for (size_t step = 1; step < inputs[f].size; step++) {
            buf_reset(&parts);
            assert_int_equal(read_all(mem_system(), &formats[f], inputs[f], step, &parts), ST_OK);
            assert_true(span_equal(buf_span(&whole), buf_span(&parts)));
        }
        struct cbor in = cbor_of(buf_span(&whole));
        struct sql_value values[2];
        for (int64_t i = 1; i <= 4; i++) {
            assert_int_equal(sql_copy_row(&in, &formats[f], values), ST_OK);
            assert_int_equal(values[0].integer, i);
            assert_int_equal(values[1].is_null, i == 2);
        }
        assert_int_equal(cbor_end(&in), ST_OK);
        buf_fini(&whole);
        buf_fini(&parts);
    }
}

static void test_there_and_back(void **state)
{
    (void)state;
    static const enum sql_copy_format formats[] = {SQL_COPY_TEXT, SQL_COPY_CSV, SQL_COPY_BINARY};
    static const char *const texts[] = {"", "\\.", "\\N", "a,\"b\"\n\r\t\\", "h\xc3\xa9", NULL};
    for (size_t f = 0; f < 3; f++) {
        const struct sql_copy copy = copy_of(formats[f]);
        struct buf out;
        struct buf set;
        struct buf rows;
        buf_init(&out, mem_system(), 0);
        buf_init(&set, mem_system(), 0);
        buf_init(&rows, mem_system(), 0);
        sql_copy_write_head(&out, &copy);
        for (size_t i = 0; i < 6; i++) {
            buf_reset(&set);
            sql_rowset_put_integer(&set, (int64_t)i);
            if (texts[i] == NULL)
                sql_rowset_put_null(&set);
            else
                sql_rowset_put_bytes(&set, span_text(texts[i]));
            struct span at = buf_span(&set);
            assert_int_equal(sql_copy_write_row(&out, &copy, &at), ST_OK);
        }
        sql_copy_write_end(&out, &copy);
        assert_int_equal(read_all(mem_system(), &copy, buf_span(&out), 3, &rows), ST_OK);
        struct cbor in = cbor_of(buf_span(&rows));
        for (size_t i = 0; i < 6; i++) {
            struct sql_value values[2];
            assert_int_equal(sql_copy_row(&in, &copy, values), ST_OK);
            assert_int_equal(values[1].is_null, texts[i] == NULL);
            if (texts[i] != NULL) assert_true(span_equal(values[1].bytes, span_text(texts[i])));
        }
        assert_int_equal(cbor_end(&in), ST_OK);
        buf_fini(&out);
        buf_fini(&set);
        buf_fini(&rows);
    }
}

static void test_limits(void **state)
{
    (void)state;
    const struct sql_copy copy = copy_of(SQL_COPY_TEXT);
    struct sql_copy_reader *r = NULL;
    struct diag d;
    struct buf rows;
    static uint8_t long_text[1u << 20];
    memset(long_text, 'x', sizeof long_text);
    buf_init(&rows, mem_system(), 8);
    assert_int_equal(sql_copy_reader_new(&r, mem_system(), &copy), ST_OK);
    assert_int_equal(sql_copy_read(r, span_text("1\taaaaaaaaaaaa\n"), &rows, &d), ST_LIMIT);
    assert_string_equal(d.sqlstate, "54000");
    sql_copy_reader_free(r);
    assert_int_equal(sql_copy_reader_new(&r, mem_system(), &copy), ST_OK);
    enum status st = ST_OK;
    for (uint32_t i = 0; i < 18 && st == ST_OK; i++)
        st = sql_copy_read(r, span_of(long_text, sizeof long_text), &rows, &d);
    assert_int_equal(st, ST_LIMIT);
    assert_string_equal(d.sqlstate, "54000");
    sql_copy_reader_free(r);
    buf_fini(&rows);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const struct sql_copy copy = copy_of(SQL_COPY_CSV);
    for (uint64_t n = 1;; n++) {
        struct fail_mem f;
        struct buf rows;
        fail_mem_init(&f, n);
        buf_init(&rows, &f.mem, 0);
        const enum status st = read_all(&f.mem, &copy, span_text("1,one\n2,\"t\nwo\"\n"), 4, &rows);
        buf_fini(&rows);
        assert_int_equal(f.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_portions),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
