/* Goal: no bytes of a COPY harm its reader; the portions they come in change nothing; and rows that
 * it has made are rows of the table, which are written and read again as they were.
 *
 * Byte 0: format (bits 0 and 1), header (2, 3), portions (4, 5), NULL and columns (6, 7). */
#include "base/must.h"
#include "sql/copy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const struct sql_column columns[] = {
    {NAME("a"), SQL_INT4, -1},
    {NAME("b"), SQL_TEXT, -1},
    {NAME("c"), SQL_BYTEA, -1},
    {NAME("d"), SQL_NUMERIC, -1},
};

static struct sql_copy copy_of(uint8_t flags)
{
    static const enum sql_copy_format formats[] = {SQL_COPY_TEXT, SQL_COPY_CSV, SQL_COPY_BINARY,
                                                   SQL_COPY_CSV};
    const enum sql_copy_format format = formats[flags & 3u];
    struct sql_copy copy = {.format = format,
                            .is_from = true,
                            .delimiter = format == SQL_COPY_CSV ? ',' : '\t',
                            .quote = '"',
                            .escape = (flags & 3u) == 3 ? '\\' : '"',
                            .null = span_text(format == SQL_COPY_CSV ? "" : "\\N"),
                            .table = span_text("t"),
                            .columns = columns,
                            .column_count = (flags & 128u) != 0 ? 4 : 1};
    /* In text a value that looks like another null than \\N cannot be told from it. */
    if (format == SQL_COPY_CSV && (flags & 64u) != 0) copy.null = span_text("x");
    if (format != SQL_COPY_BINARY && (flags & 4u) != 0)
        copy.header = (flags & 8u) != 0 ? SQL_COPY_HEADER_MATCH : SQL_COPY_HEADER;
    return copy;
}

static enum status read_all(
    const struct sql_copy *copy, struct span bytes, size_t step, struct buf *rows, struct diag *d)
{
    struct sql_copy_reader *r = NULL;
    enum status st = sql_copy_reader_new(&r, mem_system(), copy);
    must(st == ST_OK);
    for (size_t at = 0; at < bytes.size && st == ST_OK; at += step) {
        const size_t left = bytes.size - at;
        st = sql_copy_read(r, span_of(bytes.data + at, left < step ? left : step), rows, d);
    }
    if (st == ST_OK) st = sql_copy_read_end(r, rows, d);
    if (st != ST_OK) must(d->sqlstate[0] != 0);
    sql_copy_reader_free(r);
    return st;
}

/* Rows of an operation to what a COPY TO sends of them. */
static void write_rows(const struct sql_copy *copy, struct span rows, struct buf *out)
{
    struct cbor in = cbor_of(rows);
    struct buf set;
    buf_init(&set, mem_system(), 0);
    sql_copy_write_head(out, copy);
    while (cbor_end(&in) != ST_OK) {
        struct sql_value values[4];
        must(sql_copy_row(&in, copy, values) == ST_OK);
        buf_reset(&set);
        for (uint32_t i = 0; i < copy->column_count; i++) {
            if (values[i].is_null)
                sql_rowset_put_null(&set);
            else if (values[i].type == SQL_INT4)
                sql_rowset_put_integer(&set, values[i].integer);
            else
                sql_rowset_put_bytes(&set, values[i].bytes);
        }
        struct span at = buf_span(&set);
        must(sql_copy_write_row(out, copy, &at) == ST_OK);
    }
    sql_copy_write_end(out, copy);
    buf_fini(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 7, 100};
    if (size == 0) return 0;
    const struct sql_copy copy = copy_of(data[0]);
    const struct span input = span_of(data + 1, size - 1);
    struct buf rows;
    struct buf parts;
    struct buf written;
    struct diag d = {.sqlstate = ""};
    struct diag e = {.sqlstate = ""};
    buf_init(&rows, mem_system(), 0);
    buf_init(&parts, mem_system(), 0);
    buf_init(&written, mem_system(), 0);
    const enum status st = read_all(&copy, input, size, &rows, &d);
    must(read_all(&copy, input, steps[data[0] >> 4 & 3u], &parts, &e) == st);
    must(span_equal(buf_span(&rows), buf_span(&parts)));
    must(strcmp(d.sqlstate, e.sqlstate) == 0);
    must(strcmp(d.context, e.context) == 0);
    write_rows(&copy, buf_span(&rows), &written);
    buf_reset(&parts);
    must(read_all(&copy, buf_span(&written), SQL_COPY_RECORD_MAX, &parts, &d) == ST_OK);
    must(span_equal(buf_span(&rows), buf_span(&parts)));
    buf_fini(&rows);
    buf_fini(&parts);
    buf_fini(&written);
    return 0;
}
