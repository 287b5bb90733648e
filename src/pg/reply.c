/* reply.c - Every message is begun with room for its size, which is filled in at its end. */
#include "pg/reply.h"

#include "base/endian.h"
#include "base/must.h"

#define AUTH_OK       0u
#define AUTH_CLEAR    3u
#define AUTH_SASL     10u
#define AUTH_CONTINUE 11u
#define AUTH_FINAL    12u
#define SIZE_NULL     UINT32_MAX

static size_t begin(struct buf *to, uint8_t type);
static void end(struct buf *to, size_t at);
static void put_string(struct buf *to, struct span text);
static void put_auth(struct buf *to, uint32_t code, struct span data);
static void put_field(struct buf *to, uint8_t code, const char *text);
static void put_diag(struct buf *to, uint8_t type, const char *severity, const struct diag *d);
static void put_value(struct buf *to, const struct sql_value *v, int32_t typmod, uint16_t format);

void reply_signal(struct buf *to, enum reply_signal signal)
{
    end(to, begin(to, (uint8_t)signal));
}

void reply_ready(struct buf *to, enum backend_block block)
{
    size_t at = begin(to, 'Z');
    buf_put_u8(to, (uint8_t)block);
    end(to, at);
}

void reply_auth_ok(struct buf *to)
{
    put_auth(to, AUTH_OK, span_of(NULL, 0));
}

void reply_auth_clear(struct buf *to)
{
    put_auth(to, AUTH_CLEAR, span_of(NULL, 0));
}

void reply_auth_sasl(struct buf *to)
{
    static const char mechanisms[] = "SCRAM-SHA-256\0"; /* And the 0 that ends the list. */
    put_auth(to, AUTH_SASL, span_of(mechanisms, sizeof mechanisms));
}

void reply_auth_continue(struct buf *to, struct span data)
{
    put_auth(to, AUTH_CONTINUE, data);
}

void reply_auth_final(struct buf *to, struct span data)
{
    put_auth(to, AUTH_FINAL, data);
}

void reply_negotiate(struct buf *to, struct span parameters)
{
    size_t at = begin(to, 'v');
    buf_put_u32_be(to, 0); /* Newest minor version. */
    size_t count_at = to->size;
    buf_put_u32_be(to, 0);
    uint32_t count = 0;
    struct span name;
    struct span value;
    while (wire_next_parameter(&parameters, &name, &value)) {
        if (name.size < 5 || memcmp(name.data, "_pq_.", 5) != 0) continue;
        put_string(to, name);
        count++;
    }
    if (buf_status(to) == ST_OK) put_u32_be(to->data + count_at, count);
    end(to, at);
}

void reply_parameter(struct buf *to, const char *name, struct span value)
{
    size_t at = begin(to, 'S');
    put_string(to, span_text(name));
    put_string(to, value);
    end(to, at);
}

void reply_key(struct buf *to, uint32_t process, uint32_t secret)
{
    size_t at = begin(to, 'K');
    buf_put_u32_be(to, process);
    buf_put_u32_be(to, secret);
    end(to, at);
}

void reply_error(struct buf *to, const char *severity, const struct diag *d)
{
    put_diag(to, 'E', severity, d);
}

/* Class 01, and PostgreSQL's warnings about transaction blocks. */
static bool is_warning(const char *state)
{
    return memcmp(state, "01", 2) == 0 || memcmp(state, "25", 2) == 0;
}

void reply_notice(struct buf *to, const struct diag *d)
{
    put_diag(to, 'N', is_warning(d->sqlstate) ? "WARNING" : "NOTICE", d);
}

void reply_param_types(struct buf *to, const struct reply_params *params)
{
    must(params->count <= UINT16_MAX);
    size_t at = begin(to, 't');
    buf_put_u16_be(to, (uint16_t)params->count);
    for (uint32_t i = 0; i < params->count; i++) {
        uint32_t oid = i < params->declared_count ? params->declared[i] : 0;
        if (oid == 0 || oid == (uint32_t)SQL_UNKNOWN) oid = (uint32_t)params->types[i];
        buf_put_u32_be(to, oid);
    }
    end(to, at);
}

void reply_columns(struct buf *to,
                   const struct sql_column *columns,
                   uint32_t count,
                   const struct wire_formats *formats)
{
    must(count <= SQL_COLUMNS_MAX);
    size_t at = begin(to, 'T');
    buf_put_u16_be(to, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        put_string(to, columns[i].name);
        buf_put_u32_be(to, 0); /* Table and column number: not told. */
        buf_put_u16_be(to, 0);
        bool is_varchar = columns[i].type == SQL_TEXT && columns[i].typmod >= 0;
        buf_put_u32_be(to, is_varchar ? REPLY_TYPE_VARCHAR : (uint32_t)columns[i].type);
        buf_put_u16_be(to, (uint16_t)sql_type_size(columns[i].type));
        buf_put_u32_be(to, (uint32_t)columns[i].typmod);
        buf_put_u16_be(to, wire_format(formats, (uint16_t)i));
    }
    end(to, at);
}

void reply_copy(struct buf *to, const struct sql_copy *copy)
{
    must(copy->column_count <= SQL_COLUMNS_MAX);
    const uint8_t format = copy->format == SQL_COPY_BINARY ? 1 : 0;
    size_t at = begin(to, copy->is_from ? 'G' : 'H');
    buf_put_u8(to, format);
    buf_put_u16_be(to, (uint16_t)copy->column_count);
    for (uint32_t i = 0; i < copy->column_count; i++)
        buf_put_u16_be(to, format);
    end(to, at);
}

size_t reply_copy_data_begin(struct buf *to)
{
    return begin(to, 'd');
}

void reply_copy_data_end(struct buf *to, size_t at)
{
    if (buf_status(to) == ST_OK && to->size == at + WIRE_HEAD_SIZE)
        to->size = at;
    else
        end(to, at);
}

enum status reply_row(struct buf *to,
                      const struct sql_column *columns,
                      uint32_t count,
                      const struct wire_formats *formats,
                      struct span *rows)
{
    must(count <= SQL_COLUMNS_MAX);
    size_t at = begin(to, 'D');
    buf_put_u16_be(to, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        struct sql_value v;
        if (!sql_rowset_next(rows, columns[i].type, &v)) {
            to->size = at; /* Nothing of it is sent. */
            return ST_INVALID;
        }
        put_value(to, &v, columns[i].typmod, wire_format(formats, (uint16_t)i));
    }
    end(to, at);
    return ST_OK;
}

void reply_complete(struct buf *to, const char *tag, bool has_count, uint64_t count)
{
    size_t at = begin(to, 'C');
    buf_put_text(to, tag);
    if (has_count) buf_printf(to, " %llu", (unsigned long long)count);
    buf_put_u8(to, 0);
    end(to, at);
}

/* --- parts
 * ---------------------------------------------------------------------------------------*/

static size_t begin(struct buf *to, uint8_t type)
{
    size_t at = to->size;
    buf_put_u8(to, type);
    buf_put_u32_be(to, 0);
    return at;
}

static void end(struct buf *to, size_t at)
{
    if (buf_status(to) != ST_OK) return;
    must(to->size >= at + WIRE_HEAD_SIZE);
    size_t size = to->size - at - 1;
    must(size <= INT32_MAX);
    put_u32_be(to->data + at + 1, (uint32_t)size);
}

static void put_string(struct buf *to, struct span text)
{
    buf_put(to, text);
    buf_put_u8(to, 0);
}

static void put_auth(struct buf *to, uint32_t code, struct span data)
{
    size_t at = begin(to, 'R');
    buf_put_u32_be(to, code);
    buf_put(to, data);
    end(to, at);
}

static void put_field(struct buf *to, uint8_t code, const char *text)
{
    if (*text == 0) return;
    buf_put_u8(to, code);
    put_string(to, span_text(text));
}

static void put_diag(struct buf *to, uint8_t type, const char *severity, const struct diag *d)
{
    must(strlen(d->sqlstate) == 5);
    size_t at = begin(to, type);
    put_field(to, 'S', severity);
    put_field(to, 'V', severity);
    put_field(to, 'C', d->sqlstate);
    buf_put_u8(to, 'M'); /* Must be there even when empty. */
    put_string(to, span_text(d->message));
    put_field(to, 'D', d->detail);
    put_field(to, 'H', d->hint);
    if (d->position > 0) {
        buf_put_u8(to, 'P');
        buf_printf(to, "%u", d->position);
        buf_put_u8(to, 0);
    }
    put_field(to, 'W', d->context);
    buf_put_u8(to, 0);
    end(to, at);
}

static void put_value(struct buf *to, const struct sql_value *v, int32_t typmod, uint16_t format)
{
    if (v->is_null) {
        buf_put_u32_be(to, SIZE_NULL);
        return;
    }
    size_t at = to->size;
    buf_put_u32_be(to, 0);
    if (format == WIRE_FORMAT_BINARY) {
        sql_value_send(to, v, typmod);
    } else {
        sql_value_print(to, v, typmod);
    }
    if (buf_status(to) != ST_OK) return;
    must(to->size - at - 4 <= INT32_MAX);
    put_u32_be(to->data + at, (uint32_t)(to->size - at - 4));
}
