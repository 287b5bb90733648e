/* copy_write.c - Rows to the formats of COPY TO, as PostgreSQL's CopyOneRowTo does it. */
#include "base/endian.h"
#include "base/must.h"
#include "sql/copy.h"

#define SIZE_NULL UINT32_MAX

static void put_text(struct buf *out, const struct sql_copy *copy, struct span text);
static void put_csv(struct buf *out, const struct sql_copy *copy, struct span text, bool is_forced);
static void put_binary(struct buf *out, const struct sql_value *v, int32_t typmod);
static void put_value(struct buf *out,
                      const struct sql_copy *copy,
                      uint32_t column,
                      const struct sql_value *v);

void sql_copy_write_head(struct buf *out, const struct sql_copy *copy)
{
    static const char signature[] = "PGCOPY\n\377\r\n";
    if (copy->format == SQL_COPY_BINARY) {
        buf_put(out, span_of(signature, sizeof signature)); /* With its 0. */
        buf_put_u32_be(out, 0);
        buf_put_u32_be(out, 0);
        return;
    }
    if (copy->header == SQL_COPY_NO_HEADER) return;
    for (uint32_t i = 0; i < copy->column_count; i++) {
        if (i > 0) buf_put_u8(out, copy->delimiter);
        if (copy->format == SQL_COPY_CSV)
            put_csv(out, copy, copy->columns[i].name, false);
        else
            put_text(out, copy, copy->columns[i].name);
    }
    buf_put_u8(out, '\n');
}

void sql_copy_write_end(struct buf *out, const struct sql_copy *copy)
{
    if (copy->format == SQL_COPY_BINARY) buf_put_u16_be(out, UINT16_MAX);
}

enum status sql_copy_write_row(struct buf *out, const struct sql_copy *copy, struct span *rows)
{
    const size_t size_before = out->size;
    if (copy->format == SQL_COPY_BINARY) buf_put_u16_be(out, (uint16_t)copy->column_count);
    for (uint32_t i = 0; i < copy->column_count; i++) {
        struct sql_value v;
        if (!sql_rowset_next(rows, copy->columns[i].type, &v)) {
            out->size = size_before;
            return ST_INVALID;
        }
        if (copy->format == SQL_COPY_BINARY) {
            put_binary(out, &v, copy->columns[i].typmod);
            continue;
        }
        if (i > 0) buf_put_u8(out, copy->delimiter);
        put_value(out, copy, i, &v);
    }
    if (copy->format != SQL_COPY_BINARY) buf_put_u8(out, '\n');
    return ST_OK;
}

static void put_binary(struct buf *out, const struct sql_value *v, int32_t typmod)
{
    if (v->is_null) {
        buf_put_u32_be(out, SIZE_NULL);
        return;
    }
    const size_t at = out->size;
    buf_put_u32_be(out, 0);
    sql_value_send(out, v, typmod);
    if (buf_status(out) == ST_OK) put_u32_be(out->data + at, (uint32_t)(out->size - at - 4));
}

/* Printed behind what is there, then read from there: a value is rarely long. */
static void put_value(struct buf *out,
                      const struct sql_copy *copy,
                      uint32_t column,
                      const struct sql_value *v)
{
    if (v->is_null) {
        buf_put(out, copy->null);
        return;
    }
    const bool is_forced = copy->force_quote != NULL && copy->force_quote[column];
    if (v->type == SQL_TEXT) {
        if (copy->format == SQL_COPY_CSV)
            put_csv(out, copy, v->bytes, is_forced);
        else
            put_text(out, copy, v->bytes);
        return;
    }
    struct buf text;
    buf_init(&text, out->mem, 0);
    sql_value_print(&text, v, copy->columns[column].typmod);
    if (buf_status(&text) != ST_OK)
        out->status = buf_status(&text);
    else if (copy->format == SQL_COPY_CSV)
        put_csv(out, copy, buf_span(&text), is_forced);
    else
        put_text(out, copy, buf_span(&text));
    buf_fini(&text);
}

/* The letter behind the backslash; 0: it is written as it is. */
static uint8_t escape_of(const struct sql_copy *copy, uint8_t c)
{
    static const uint8_t letters[] = {
        [8] = 'b', [9] = 't', [10] = 'n', [11] = 'v', [12] = 'f', [13] = 'r'};
    if (c < sizeof letters && letters[c] != 0) return letters[c];
    return c == '\\' || c == copy->delimiter ? c : 0;
}

static void put_text(struct buf *out, const struct sql_copy *copy, struct span text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t escape = escape_of(copy, text.data[i]);
        if (escape == 0) continue;
        buf_put(out, span_of(text.data + from, i - from));
        buf_put_u8(out, '\\');
        buf_put_u8(out, escape);
        from = i + 1;
    }
    if (text.size > from) buf_put(out, span_of(text.data + from, text.size - from));
}

static bool needs_quotes(const struct sql_copy *copy, struct span text)
{
    if (span_equal(text, copy->null)) return true;
    if (copy->column_count == 1 && span_equal(text, span_text("\\."))) return true;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        if (c == copy->delimiter || c == copy->quote || c == '\n' || c == '\r') return true;
    }
    return false;
}

static void put_csv(struct buf *out, const struct sql_copy *copy, struct span text, bool is_forced)
{
    if (!is_forced && !needs_quotes(copy, text)) {
        buf_put(out, text);
        return;
    }
    buf_put_u8(out, copy->quote);
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        if (c == copy->quote || c == copy->escape) buf_put_u8(out, copy->escape);
        buf_put_u8(out, c);
    }
    buf_put_u8(out, copy->quote);
}
