/* One record of text or csv taken apart into fields, as PostgreSQL's CopyReadAttributes does it.
 *
 * Fields that stand in the record as they are meant are borrowed from it; the others are made in
 * f->bytes, which has room for all of them before the first is made and so does not move. */
#include "base/must.h"
#include "sql/copy_int.h"

static enum status split_text(struct copy_fields *f, const struct sql_copy *copy, struct span r);
static enum status split_csv(struct copy_fields *f,
                             const struct sql_copy *copy,
                             struct span r,
                             struct diag *d);

enum status copy_fields_split(struct copy_fields *f,
                              const struct sql_copy *copy,
                              struct span record,
                              struct diag *d)
{
    f->count = 0;
    buf_reset(&f->bytes);
    if (buf_extend(&f->bytes, record.size + 1) == NULL) return ST_NO_MEMORY;
    f->bytes.size = 0;
    if (copy->format == SQL_COPY_CSV) return split_csv(f, copy, record, d);
    return split_text(f, copy, record);
}

/* False: there is one too many already. */
static bool add(struct copy_fields *f, struct span bytes, bool is_null)
{
    if (f->count > f->max) return false;
    f->items[f->count++] = (struct copy_field){.bytes = bytes, .is_null = is_null};
    return true;
}

static void put(struct copy_fields *f, uint8_t byte)
{
    must(f->bytes.size < f->bytes.capacity);
    f->bytes.data[f->bytes.size++] = byte;
}

/* --- text ------------------------------------------------------------------------------------- */

static bool is_octal(uint8_t c)
{
    return c >= '0' && c <= '7';
}

/* 16: none. */
static uint8_t hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return (uint8_t)(c - '0');
    if (c >= 'a' && c <= 'f') return (uint8_t)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return (uint8_t)(c - 'A' + 10);
    return 16;
}

/* What stands behind a backslash at *at, which goes behind it. */
static uint8_t unescape(struct span r, size_t *at)
{
    static const char letters[] = "bfnrtv";
    static const uint8_t meant[] = "\b\f\n\r\t\v";
    const uint8_t c = r.data[(*at)++];
    const char *letter = c == 0 ? NULL : strchr(letters, c);
    if (letter != NULL) return meant[letter - letters];
    uint32_t value = 0;
    if (is_octal(c)) {
        value = (uint32_t)(c - '0');
        for (uint32_t i = 0; i < 2 && *at < r.size && is_octal(r.data[*at]); i++)
            value = value << 3 | (uint32_t)(r.data[(*at)++] - '0');
        return (uint8_t)(value & 0xFFu);
    }
    if (c != 'x' || *at >= r.size || hex_digit(r.data[*at]) > 15) return c;
    for (uint32_t i = 0; i < 2 && *at < r.size && hex_digit(r.data[*at]) < 16; i++)
        value = value << 4 | hex_digit(r.data[(*at)++]);
    return (uint8_t)value;
}

/* A field with backslashes from start; *at goes to what ends it. */
static struct span unescape_field(struct copy_fields *f,
                                  const struct sql_copy *copy,
                                  struct span r,
                                  size_t *at)
{
    const size_t first = f->bytes.size;
    while (*at < r.size && r.data[*at] != copy->delimiter) {
        const uint8_t c = r.data[(*at)++];
        if (c != '\\')
            put(f, c);
        else if (*at < r.size) /* One at the very end means nothing. */
            put(f, unescape(r, at));
    }
    return span_of(f->bytes.data + first, f->bytes.size - first);
}

/* Where the field that begins at start ends as it stands; escaped delimiters do not end it. */
static size_t raw_end(struct span r, size_t start, uint8_t delimiter, bool *has_backslash)
{
    size_t at = start;
    while (at < r.size && r.data[at] != delimiter) {
        if (r.data[at] == '\\') {
            *has_backslash = true;
            at++;
        }
        at++;
    }
    return at < r.size ? at : r.size;
}

static enum status split_text(struct copy_fields *f, const struct sql_copy *copy, struct span r)
{
    size_t start = 0;
    for (;;) {
        bool has_backslash = false;
        const size_t end = raw_end(r, start, copy->delimiter, &has_backslash);
        struct span raw = span_of(r.data + start, end - start);
        const bool is_null = span_equal(raw, copy->null);
        size_t at = start;
        if (has_backslash && !is_null) raw = unescape_field(f, copy, r, &at);
        if (!add(f, raw, is_null) || end == r.size) return ST_OK;
        start = end + 1;
    }
}

/* --- csv -------------------------------------------------------------------------------------- */

struct csv { /* Where a field is being read. */
    const struct sql_copy *copy;
    struct span r;
    size_t at;
    bool saw_quote;
};

/* From behind an opening quote to behind the closing one. False: there is none. */
static bool read_quoted(struct copy_fields *f, struct csv *c)
{
    const uint8_t quote = c->copy->quote;
    const uint8_t escape = c->copy->escape;
    while (c->at < c->r.size) {
        const uint8_t byte = c->r.data[c->at++];
        const bool has_next = c->at < c->r.size;
        const bool is_escaped =
            byte == escape && has_next && (c->r.data[c->at] == escape || c->r.data[c->at] == quote);
        if (is_escaped)
            put(f, c->r.data[c->at++]);
        else if (byte == quote)
            return true;
        else
            put(f, byte);
    }
    return false;
}

/* Quotes may open and close anywhere in a field. */
static bool read_field(struct copy_fields *f, struct csv *c)
{
    c->saw_quote = false;
    while (c->at < c->r.size && c->r.data[c->at] != c->copy->delimiter) {
        const uint8_t byte = c->r.data[c->at++];
        if (byte != c->copy->quote) {
            put(f, byte);
            continue;
        }
        c->saw_quote = true;
        if (!read_quoted(f, c)) return false;
    }
    return true;
}

static bool is_forced(const bool *marks, uint32_t column, const struct copy_fields *f)
{
    return marks != NULL && column < f->max && marks[column];
}

static enum status split_csv(struct copy_fields *f,
                             const struct sql_copy *copy,
                             struct span r,
                             struct diag *d)
{
    struct csv c = {.copy = copy, .r = r};
    for (;;) {
        const size_t first = f->bytes.size;
        if (!read_field(f, &c)) {
            diag_set(d, "22P04", "unterminated CSV quoted field");
            return ST_INVALID;
        }
        struct span bytes = span_of(f->bytes.data + first, f->bytes.size - first);
        const bool is_like_null = span_equal(bytes, copy->null);
        bool is_null = is_like_null && !c.saw_quote;
        if (is_null && is_forced(copy->force_not_null, f->count, f)) is_null = false;
        if (is_like_null && is_forced(copy->force_null, f->count, f)) is_null = true;
        if (!add(f, bytes, is_null) || c.at >= r.size) return ST_OK;
        c.at++;               /* The delimiter. */
        if (c.at == r.size) { /* Behind a last one there is an empty field. */
            bytes.size = 0;
            is_null = copy->null.size == 0 && !is_forced(copy->force_not_null, f->count, f);
            (void)add(f, bytes, is_null);
            return ST_OK;
        }
    }
}
