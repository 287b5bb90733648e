/* row_key.c - Records of text to keys. */
#include "node/row_key.h"

#include "base/must.h"
#include "codec/cbor.h"

struct record { /* "(1,abc,"a, b")", field by field. */
    struct span rest;
    bool is_ended;
};

static enum status malformed(struct diag *d)
{
    diag_set(d, "22P02", "malformed key");
    diag_hint(d, "A key of several columns is written as a record: (1,abc,\"a, b\").");
    return ST_INVALID;
}

/* The next field into *out (in a), without its quotes; NULL cannot stand in a key. */
static enum status next_field(struct record *r, struct span *out, struct arena *a, struct diag *d)
{
    uint8_t *text = arena_alloc(a, r->rest.size + 1);
    if (text == NULL) return ST_NO_MEMORY;
    size_t size = 0;
    bool is_quoted = false;
    size_t at = 0;
    for (; at < r->rest.size; at++) {
        const uint8_t c = r->rest.data[at];
        const bool has_next = at + 1 < r->rest.size;
        if (c == '"') {
            const bool is_doubled = is_quoted && has_next && r->rest.data[at + 1] == '"';
            if (!is_doubled) {
                is_quoted = !is_quoted;
                continue;
            }
            at++;
        } else if (c == '\\' && has_next) {
            at++;
        } else if (!is_quoted && (c == ',' || c == ')')) {
            break;
        }
        text[size++] = r->rest.data[at];
    }
    if (at == r->rest.size || is_quoted) return malformed(d);
    r->is_ended = r->rest.data[at] == ')';
    r->rest = span_of(r->rest.data + at + 1, r->rest.size - at - 1);
    *out = span_of(text, size);
    return ST_OK;
}

/* As SQLite stores it and a write set shows it. */
static void put_value(struct buf *out, const struct sql_value *v)
{
    switch (sql_type_storage(v->type)) {
    case SQL_STORE_TEXT: cbor_put_text(out, v->bytes); return;
    case SQL_STORE_BLOB: cbor_put_bytes(out, v->bytes); return;
    case SQL_STORE_INTEGER: cbor_put_int(out, v->integer); return;
    case SQL_STORE_NONE: break;
    }
    must(false); /* No column has such a type. */
}

enum status row_key_encode(struct buf *out,
                           const struct catalog_table *table,
                           struct span text,
                           struct arena *a,
                           struct diag *d)
{
    struct record r = {.rest = text};
    if (table->key_count == 0) {
        diag_set(d, "0A000", "table %.*s has no primary key", (int)table->name.size,
                 (const char *)table->name.data);
        diag_hint(d, "A proof names its row by the primary key.");
        return ST_UNSUPPORTED;
    }
    const bool is_record = table->key_count > 1;
    if (is_record) {
        if (text.size == 0 || text.data[0] != '(') return malformed(d);
        r.rest = span_of(text.data + 1, text.size - 1);
    }
    cbor_put_array(out, table->key_count);
    for (uint32_t i = 0; i < table->key_count; i++) {
        const struct catalog_column *column = &table->columns[table->key_columns[i]];
        struct span field = text;
        struct sql_value value;
        if (is_record && r.is_ended) return malformed(d);
        if (is_record) TRY(next_field(&r, &field, a, d));
        TRY(sql_value_parse(&value, a, column->type, column->typmod, field, d));
        put_value(out, &value);
    }
    if (is_record && (!r.is_ended || r.rest.size > 0)) return malformed(d);
    return buf_status(out);
}
