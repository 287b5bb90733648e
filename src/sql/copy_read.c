/* copy_read.c - What a client sends in COPY FROM, in portions of any size, to rows.
 *
 * Records are found first, then taken apart (copy_fields.c). Where a record ends is decided by the
 * rules of PostgreSQL's CopyReadLineText: the first end of line decides which all must be.
 *
 * Invariants
 * R1  pending holds the beginning of one record that is not whole; of it scan.at bytes were looked
 *     at and need not be again.
 * R2  rows grows by whole rows only. */
#include "base/endian.h"
#include "base/must.h"
#include "sql/copy_int.h"
#include "sql/lex.h"

#define SHOWN_MAX      100u /* Bytes of data shown in a context, as PostgreSQL. */
#define SIGNATURE_SIZE 11u
#define HEAD_SIZE      (SIGNATURE_SIZE + 8u) /* Signature, flags, size of what follows them. */
#define BINARY_OIDS    (1u << 16)            /* A flag of long ago. */
#define BINARY_END     UINT16_MAX

enum end_of_line { EOL_UNKNOWN, EOL_NL, EOL_CR, EOL_CRNL };
enum found { FOUND_PART, FOUND_RECORD, FOUND_END, FOUND_FAULT };

struct scan { /* Of one record. */
    size_t at;
    size_t end;  /* FOUND_RECORD, FOUND_END: where its bytes end, */
    size_t next; /* and where the next begins. */
    bool is_quoted;
    bool is_escaped; /* The byte before was the escape, inside of quotes. */
};

struct sql_copy_reader {
    struct mem *mem;
    const struct sql_copy *copy;
    struct buf pending; /* R1 */
    struct scan scan;
    enum end_of_line eol;
    bool is_over; /* The mark of the end came; what follows it is dropped. */
    bool has_head;
    bool is_uneven; /* Some record had several lines. */
    size_t needed;  /* Binary: bytes of pending before it is worth a look. */
    uint64_t line;  /* Of the newest record, its last. */
    uint64_t row_count;
    struct copy_fields fields;
    struct arena arena;
};

static enum status read_lines(
    struct sql_copy_reader *r, struct span *left, bool is_end, struct buf *rows, struct diag *d);
static enum found find_record(struct sql_copy_reader *r,
                              struct span bytes,
                              bool is_end,
                              struct diag *d);
static enum status take_record(struct sql_copy_reader *r,
                               struct span record,
                               struct buf *rows,
                               struct diag *d);
static enum status check_header(struct sql_copy_reader *r, struct span record, struct diag *d);
static enum status read_binary(struct sql_copy_reader *r,
                               struct span *left,
                               struct buf *rows,
                               struct diag *d);

enum status sql_copy_reader_new(struct sql_copy_reader **out,
                                struct mem *mem,
                                const struct sql_copy *copy)
{
    struct sql_copy_reader *r = mem_alloc_zero(mem, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    r->mem = mem;
    r->copy = copy;
    buf_init(&r->pending, mem, 0);
    buf_init(&r->fields.bytes, mem, 0);
    arena_init(&r->arena, mem, (size_t)2 * SQL_COPY_RECORD_MAX);
    r->fields.max = copy->column_count;
    r->fields.items = mem_alloc_zero(mem, copy->column_count + 1u, sizeof *r->fields.items);
    if (r->fields.items == NULL) {
        sql_copy_reader_free(r);
        return ST_NO_MEMORY;
    }
    *out = r;
    return ST_OK;
}

void sql_copy_reader_free(struct sql_copy_reader *r)
{
    if (r == NULL) return;
    struct mem *mem = r->mem;
    buf_fini(&r->pending);
    buf_fini(&r->fields.bytes);
    arena_fini(&r->arena);
    mem_free(mem, r->fields.items);
    mem_free(mem, r);
}

uint64_t sql_copy_row_count(const struct sql_copy_reader *r)
{
    return r->row_count;
}

uint64_t sql_copy_line(const struct sql_copy_reader *r, uint64_t row)
{
    const uint64_t head = r->copy->header == SQL_COPY_NO_HEADER ? 0 : 1;
    if (row >= r->row_count && r->is_uneven) return r->line;
    return head + row;
}

/* Keep what is no whole record. */
static enum status keep(struct sql_copy_reader *r, struct span left, struct diag *d)
{
    if (left.size > SQL_COPY_RECORD_MAX) {
        diag_set(d, "54000", "a row of COPY is larger than %u bytes", SQL_COPY_RECORD_MAX);
        return ST_LIMIT;
    }
    if (left.size == 0) {
        buf_reset(&r->pending);
        return ST_OK;
    }
    if (r->pending.size > 0) { /* left is its end. */
        must(left.size <= r->pending.size);
        memmove(r->pending.data, left.data, left.size);
        r->pending.size = left.size;
        return ST_OK;
    }
    buf_put(&r->pending, left);
    return buf_status(&r->pending);
}

static enum status read_all(
    struct sql_copy_reader *r, struct span bytes, bool is_end, struct buf *rows, struct diag *d)
{
    struct span left = bytes;
    if (r->is_over && r->copy->format != SQL_COPY_BINARY) return ST_OK;
    if (r->pending.size > 0) {
        buf_put(&r->pending, bytes);
        TRY(buf_status(&r->pending));
        left = buf_span(&r->pending);
    }
    if (r->copy->format == SQL_COPY_BINARY)
        TRY(read_binary(r, &left, rows, d));
    else
        TRY(read_lines(r, &left, is_end, rows, d));
    TRY(buf_status(rows));
    return keep(r, left, d);
}

/* Every failure has a state and a context. */
static enum status explain(const struct sql_copy_reader *r, enum status st, struct diag *d)
{
    if (st == ST_OK) return ST_OK;
    if (d->sqlstate[0] == 0 && st == ST_LIMIT)
        diag_set(d, "54000", "the rows of one COPY are too many bytes");
    else if (d->sqlstate[0] == 0)
        diag_set(d, "53200", "out of memory");
    const struct span name = r->copy->table;
    const bool is_in_head = r->copy->format == SQL_COPY_BINARY && !r->has_head;
    if (d->context[0] == 0 && !is_in_head)
        diag_context(d, "COPY %.*s, line %llu", (int)name.size, (const char *)name.data,
                     (unsigned long long)r->line);
    return st;
}

enum status sql_copy_read(struct sql_copy_reader *r,
                          struct span bytes,
                          struct buf *rows,
                          struct diag *d)
{
    d->sqlstate[0] = 0;
    if (bytes.size == 0) return ST_OK;
    return explain(r, read_all(r, bytes, false, rows, d), d);
}

enum status sql_copy_read_end(struct sql_copy_reader *r, struct buf *rows, struct diag *d)
{
    d->sqlstate[0] = 0;
    if (r->copy->format == SQL_COPY_BINARY) {
        if (r->has_head && r->pending.size == 0) return ST_OK; /* With or without its last word. */
        if (!r->has_head)
            diag_set(d, "22P04", "COPY file signature not recognized");
        else
            diag_set(d, "22P04", "unexpected EOF in COPY data");
        return explain(r, ST_INVALID, d);
    }
    struct span nothing = span_of("", 0);
    return explain(r, read_all(r, nothing, true, rows, d), d);
}

/* --- records of lines ------------------------------------------------------------------------- */

static enum status read_lines(
    struct sql_copy_reader *r, struct span *left, bool is_end, struct buf *rows, struct diag *d)
{
    for (;;) {
        const enum found found = find_record(r, *left, is_end, d);
        if (found == FOUND_FAULT) return ST_INVALID;
        if (found == FOUND_PART) return ST_OK;
        const struct scan scan = r->scan;
        must(scan.end <= scan.next);
        must(scan.next <= left->size);
        r->scan = (struct scan){0};
        r->is_over = found == FOUND_END;
        if (!r->is_over || scan.end > 0)
            TRY(take_record(r, span_of(left->data, scan.end), rows, d));
        *left =
            r->is_over ? span_of(NULL, 0) : span_of(left->data + scan.next, left->size - scan.next);
        if (r->is_over) return ST_OK;
    }
}

static enum found fault(struct sql_copy_reader *r, struct diag *d, bool is_newline)
{
    const bool is_csv = r->copy->format == SQL_COPY_CSV;
    r->line++;
    diag_set(d, "22P04", "%s %s found in data", is_csv ? "unquoted" : "literal",
             is_newline ? "newline" : "carriage return");
    diag_hint(d,
              is_csv       ? "Use quoted CSV field to represent %s."
              : is_newline ? "Use \"\\n\" to represent %s."
                           : "Use \"\\r\" to represent %s.",
              is_newline ? "newline" : "carriage return");
    return FOUND_FAULT;
}

static enum found record_ends(struct scan *s, size_t size)
{
    s->end = s->at;
    s->next = s->at + size;
    return FOUND_RECORD;
}

static enum found at_return(struct sql_copy_reader *r,
                            struct span bytes,
                            bool is_end,
                            struct diag *d)
{
    struct scan *s = &r->scan;
    if (r->eol == EOL_NL) return fault(r, d, false);
    if (r->eol == EOL_CR) return record_ends(s, 1);
    if (s->at + 1 == bytes.size && !is_end) return FOUND_PART;
    if (s->at + 1 < bytes.size && bytes.data[s->at + 1] == '\n') {
        r->eol = EOL_CRNL;
        return record_ends(s, 2);
    }
    if (r->eol == EOL_CRNL) return fault(r, d, false);
    r->eol = EOL_CR;
    return record_ends(s, 1);
}

static enum found at_newline(struct sql_copy_reader *r, struct diag *d)
{
    if (r->eol == EOL_CR || r->eol == EOL_CRNL) return fault(r, d, true);
    r->eol = EOL_NL;
    return record_ends(&r->scan, 1);
}

/* A backslash that may begin the mark of the end. FOUND_RECORD: it does not. */
static enum found at_backslash(struct sql_copy_reader *r,
                               struct span bytes,
                               bool is_end,
                               struct diag *d)
{
    struct scan *s = &r->scan;
    const size_t left = bytes.size - s->at;
    if (left == 1) return is_end ? FOUND_RECORD : FOUND_PART;
    if (bytes.data[s->at + 1] != '.') return FOUND_RECORD;
    if (left == 2 && !is_end) return FOUND_PART;
    const uint8_t behind = left == 2 ? 0 : bytes.data[s->at + 2];
    const bool is_csv = r->copy->format == SQL_COPY_CSV;
    const bool is_end_of_line = behind == '\n' || behind == '\r';
    const bool is_other = (r->eol == EOL_NL && behind == '\r') ||
                          (r->eol != EOL_NL && r->eol != EOL_UNKNOWN && behind == '\n');
    if (is_csv && (!is_end_of_line || (is_other && r->eol == EOL_CRNL))) return FOUND_RECORD;
    if (!is_end_of_line || is_other) {
        r->line++;
        diag_set(d, "22P04",
                 is_other ? "end-of-copy marker does not match previous newline style"
                          : "end-of-copy marker corrupt");
        return FOUND_FAULT;
    }
    s->end = s->at;
    s->next = s->at + 2;
    return FOUND_END;
}

/* Quotes are followed byte by byte. */
static void follow_quotes(struct sql_copy_reader *r, uint8_t c)
{
    struct scan *s = &r->scan;
    const bool has_escape = r->copy->escape != r->copy->quote;
    if (has_escape && s->is_quoted && c == r->copy->escape) s->is_escaped = !s->is_escaped;
    if (c == r->copy->quote && !s->is_escaped) s->is_quoted = !s->is_quoted;
    if (!has_escape || c != r->copy->escape) s->is_escaped = false;
    if (!s->is_quoted || c != (r->eol == EOL_NL ? '\n' : '\r')) return;
    r->line++;
    r->is_uneven = true;
}

static bool is_plain(uint8_t c)
{
    return c != '\n' && c != '\r' && c != '\\';
}

static enum found find_record(struct sql_copy_reader *r,
                              struct span bytes,
                              bool is_end,
                              struct diag *d)
{
    struct scan *s = &r->scan;
    const bool is_csv = r->copy->format == SQL_COPY_CSV;
    for (; s->at < bytes.size; s->at++) {
        const uint8_t c = bytes.data[s->at];
        if (!is_csv && is_plain(c)) continue;
        if (c == '\r' && !s->is_quoted) return at_return(r, bytes, is_end, d);
        if (c == '\n' && !s->is_quoted) return at_newline(r, d);
        if (c == '\\' && (!is_csv || s->at == 0)) {
            const enum found found = at_backslash(r, bytes, is_end, d);
            if (found != FOUND_RECORD) return found;
            if (!is_csv && s->at + 1 < bytes.size) s->at++; /* What it escapes ends nothing. */
        }
        if (is_csv) follow_quotes(r, c);
    }
    if (!is_end) return FOUND_PART;
    if (bytes.size > 0) return record_ends(s, 0);
    s->end = s->next = 0;
    return FOUND_END;
}

/* --- one record ------------------------------------------------------------------------------- */

/* Whole characters, at most SHOWN_MAX bytes. */
static int clip(struct span text)
{
    if (text.size <= SHOWN_MAX) return (int)text.size;
    size_t size = SHOWN_MAX;
    while (size > 0 && (text.data[size] & 0xC0u) == 0x80u)
        size--;
    return (int)size;
}

static void show_record(const struct sql_copy_reader *r, struct span record, struct diag *d)
{
    const struct span name = r->copy->table;
    diag_context(d, "COPY %.*s, line %llu: \"%.*s%s\"", (int)name.size, (const char *)name.data,
                 (unsigned long long)r->line, clip(record), (const char *)record.data,
                 record.size > SHOWN_MAX ? "..." : "");
}

static void show_field(const struct sql_copy_reader *r,
                       const struct sql_column *column,
                       const struct copy_field *field,
                       struct diag *d)
{
    const struct span name = r->copy->table;
    char where[DIAG_TEXT_MAX];
    struct diag scratch;
    diag_context(&scratch, "COPY %.*s, line %llu, column %.*s", (int)name.size,
                 (const char *)name.data, (unsigned long long)r->line, (int)column->name.size,
                 (const char *)column->name.data);
    memcpy(where, scratch.context, sizeof where);
    if (field->is_null || r->copy->format == SQL_COPY_BINARY || !utf8_valid(field->bytes))
        diag_context(d, field->is_null ? "%s: null input" : "%s", where);
    else
        diag_context(d, "%s: \"%.*s%s\"", where, clip(field->bytes),
                     (const char *)field->bytes.data, field->bytes.size > SHOWN_MAX ? "..." : "");
}

/* Columns are read in order: what is missing is found when the ones before were good. */
static enum status read_field(struct sql_copy_reader *r,
                              uint32_t i,
                              struct sql_value *v,
                              struct diag *d)
{
    const struct sql_column *column = &r->copy->columns[i];
    const struct copy_field *field = &r->fields.items[i];
    *v = (struct sql_value){.type = column->type, .is_null = true};
    if (i >= r->fields.count) {
        diag_set(d, "22P04", "missing data for column \"%.*s\"", (int)column->name.size,
                 (const char *)column->name.data);
        return ST_INVALID;
    }
    if (field->is_null) return ST_OK;
    const enum status st =
        sql_value_parse(v, &r->arena, column->type, column->typmod, field->bytes, d);
    const bool is_of_field = d->sqlstate[0] != 0 && strcmp(d->sqlstate, "22021") != 0;
    if (st != ST_OK && is_of_field) show_field(r, column, field, d);
    return st;
}

static enum status take_record(struct sql_copy_reader *r,
                               struct span record,
                               struct buf *rows,
                               struct diag *d)
{
    r->line++;
    const size_t bad = lex_invalid_at(record);
    if (bad < record.size) {
        diag_set(d, "22021", "invalid byte sequence for encoding \"UTF8\": 0x%02x",
                 record.data[bad]);
        return ST_INVALID;
    }
    const bool is_head = r->copy->header != SQL_COPY_NO_HEADER && !r->has_head;
    r->has_head = true;
    if (is_head && r->copy->header == SQL_COPY_HEADER) return ST_OK;
    enum status st = copy_fields_split(&r->fields, r->copy, record, d);
    if (st == ST_INVALID) show_record(r, record, d);
    TRY(st);
    if (is_head) return check_header(r, record, d);
    const size_t size_before = rows->size;
    arena_reset(&r->arena);
    if (r->fields.count > r->fields.max) {
        diag_set(d, "22P04", "extra data after last expected column");
        st = ST_INVALID;
    }
    for (uint32_t i = 0; i < r->copy->column_count && st == ST_OK; i++) {
        struct sql_value v;
        st = read_field(r, i, &v, d);
        if (st == ST_OK) sql_value_to_cbor(rows, &v);
    }
    if (st == ST_OK) {
        r->row_count++;
        return ST_OK;
    }
    rows->size = size_before; /* R2 */
    if (d->sqlstate[0] != 0 && d->context[0] == 0) show_record(r, record, d);
    return st;
}

static enum status check_header(struct sql_copy_reader *r, struct span record, struct diag *d)
{
    const struct copy_fields *f = &r->fields;
    if (f->count != f->max)
        diag_set(d, "22P04", "wrong number of fields in header line: got %u, expected %u", f->count,
                 f->max);
    for (uint32_t i = 0; i < f->max && d->sqlstate[0] == 0; i++) {
        const struct span name = r->copy->columns[i].name;
        const struct copy_field *field = &f->items[i];
        if (!field->is_null && span_equal(field->bytes, name)) continue;
        if (field->is_null)
            diag_set(d, "22P04",
                     "column name mismatch in header line field %u: got null value (\"%.*s\"), "
                     "expected \"%.*s\"",
                     i + 1, (int)r->copy->null.size, (const char *)r->copy->null.data,
                     (int)name.size, (const char *)name.data);
        else
            diag_set(d, "22P04",
                     "column name mismatch in header line field %u: got \"%.*s\", expected "
                     "\"%.*s\"",
                     i + 1, clip(field->bytes), (const char *)field->bytes.data, (int)name.size,
                     (const char *)name.data);
    }
    if (d->sqlstate[0] == 0) return ST_OK;
    show_record(r, record, d);
    return ST_INVALID;
}

/* --- binary ----------------------------------------------------------------------------------- */

static enum status bad_binary(struct diag *d, const char *what)
{
    diag_set(d, "22P04", "%s", what);
    return ST_INVALID;
}

/* ST_TRUNCATED: more is needed. */
static enum status read_head(struct sql_copy_reader *r, struct span *left, struct diag *d)
{
    static const char signature[] = "PGCOPY\n\377\r\n";
    const size_t size = left->size < SIGNATURE_SIZE ? left->size : SIGNATURE_SIZE;
    if (memcmp(left->data, signature, size) != 0)
        return bad_binary(d, "COPY file signature not recognized");
    if (left->size < HEAD_SIZE) return ST_TRUNCATED;
    const uint32_t flags = get_u32_be(left->data + SIGNATURE_SIZE);
    const uint32_t extension = get_u32_be(left->data + SIGNATURE_SIZE + 4);
    if ((flags & BINARY_OIDS) != 0) return bad_binary(d, "invalid COPY file header (WITH OIDS)");
    if (flags >> 16 != 0) return bad_binary(d, "unrecognized critical flags in COPY file header");
    if (extension > SQL_COPY_RECORD_MAX)
        return bad_binary(d, "invalid COPY file header (wrong length)");
    r->needed = HEAD_SIZE + extension;
    if (left->size < r->needed) return ST_TRUNCATED;
    *left = span_of(left->data + r->needed, left->size - r->needed);
    r->has_head = true;
    r->needed = 0;
    return ST_OK;
}

/* Take the fields of a tuple; ST_TRUNCATED: it is not whole, r->needed says how much is. */
static enum status split_tuple(struct sql_copy_reader *r, struct span *left, struct diag *d)
{
    struct copy_fields *f = &r->fields;
    size_t at = 2;
    for (f->count = 0; f->count < f->max; f->count++) {
        r->needed = at + 4;
        if (left->size < r->needed) return ST_TRUNCATED;
        const uint32_t size = get_u32_be(left->data + at);
        struct copy_field *field = &f->items[f->count];
        at += 4;
        *field = (struct copy_field){.is_null = size == UINT32_MAX};
        if (field->is_null) continue;
        if (size > SQL_COPY_RECORD_MAX) return bad_binary(d, "invalid field size");
        r->needed = at + size;
        if (left->size < r->needed) return ST_TRUNCATED;
        field->bytes = span_of(left->data + at, size);
        at += size;
    }
    *left = span_of(left->data + at, left->size - at);
    r->needed = 0;
    return ST_OK;
}

static enum status take_tuple(struct sql_copy_reader *r, struct buf *rows, struct diag *d)
{
    const size_t size_before = rows->size;
    arena_reset(&r->arena);
    for (uint32_t i = 0; i < r->copy->column_count; i++) {
        const struct sql_column *column = &r->copy->columns[i];
        const struct copy_field *field = &r->fields.items[i];
        struct sql_value v = {.type = column->type, .is_null = true};
        enum status st = ST_OK;
        if (!field->is_null) st = sql_value_receive(&v, &r->arena, column->type, field->bytes, d);
        if (st != ST_OK) {
            rows->size = size_before; /* R2 */
            if (d->sqlstate[0] != 0) show_field(r, column, field, d);
            return st;
        }
        sql_value_to_cbor(rows, &v);
    }
    r->row_count++;
    return ST_OK;
}

static enum status read_tuple(struct sql_copy_reader *r,
                              struct span *left,
                              struct buf *rows,
                              struct diag *d)
{
    if (left->size < 2) return ST_TRUNCATED;
    const uint16_t count = get_u16_be(left->data);
    if (count == BINARY_END) {
        *left = span_of(left->data + 2, left->size - 2);
        r->is_over = true;
        return ST_OK;
    }
    if (count != r->fields.max) {
        r->line++;
        diag_set(d, "22P04", "row field count is %d, expected %u", (int)(int16_t)count,
                 r->fields.max);
        return ST_INVALID;
    }
    TRY(split_tuple(r, left, d));
    r->line++;
    return take_tuple(r, rows, d);
}

static enum status read_binary(struct sql_copy_reader *r,
                               struct span *left,
                               struct buf *rows,
                               struct diag *d)
{
    enum status st = ST_OK;
    while (st == ST_OK && left->size > 0 && left->size >= r->needed) {
        if (r->is_over) return bad_binary(d, "received copy data after EOF marker");
        st = r->has_head ? read_tuple(r, left, rows, d) : read_head(r, left, d);
    }
    return st == ST_TRUNCATED ? ST_OK : st;
}

/* --- rows of an operation --------------------------------------------------------------------- */

enum status sql_copy_row(struct cbor *in, const struct sql_copy *copy, struct sql_value *values)
{
    for (uint32_t i = 0; i < copy->column_count; i++) {
        const struct span item = cbor_get_item(in, 0);
        if (in->status != ST_OK) return ST_INVALID;
        TRY(sql_value_from_cbor(&values[i], copy->columns[i].type, item));
    }
    return ST_OK;
}
