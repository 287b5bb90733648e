/* wire.c - Bounds live in the cursor: every read is checked there, and the first failure sticks.
 *
 * A decoder reads all fields of its message through the cursor, then asks once: cursor_end is true
 * only when nothing failed and nothing is left over. */
#include "pg/wire.h"

#include "base/endian.h"
#include "base/must.h"

#define CODE_CANCEL   80877102u
#define CODE_SSL      80877103u
#define CODE_GSS      80877104u
#define FIRST_MIN     8u
#define MAJOR_CURRENT 3u
#define SIZE_NULL     UINT32_MAX

struct cursor {
    struct span left;
    bool is_bad;
};

static struct span take(struct cursor *c, size_t size);
static uint8_t take_u8(struct cursor *c);
static uint16_t take_u16(struct cursor *c);
static uint32_t take_u32(struct cursor *c);
static struct span take_string(struct cursor *c);
static struct wire_formats take_formats(struct cursor *c);
static bool cursor_end(const struct cursor *c);
static void decode_parse(struct wire_message *m, struct cursor *c);
static void decode_bind(struct wire_message *m, struct cursor *c);
static void decode_target(struct wire_message *m, struct cursor *c);
static bool type_is_known(uint8_t type);

enum status wire_first_size(struct span bytes, size_t *size)
{
    if (bytes.size < 4) return ST_TRUNCATED;
    uint32_t stated = get_u32_be(bytes.data);
    if (stated < FIRST_MIN) return ST_INVALID;
    if (stated > WIRE_STARTUP_MAX) return ST_LIMIT;
    *size = stated;
    return ST_OK;
}

enum status wire_message_size(struct span bytes, size_t size_max, size_t *size)
{
    must(size_max >= WIRE_HEAD_SIZE);
    if (bytes.size == 0) return ST_TRUNCATED;
    if (!type_is_known(bytes.data[0])) return ST_INVALID;
    if (bytes.size < WIRE_HEAD_SIZE) return ST_TRUNCATED;
    uint32_t stated = get_u32_be(bytes.data + 1);
    if (stated < 4) return ST_INVALID;
    if (stated > size_max - 1) return ST_LIMIT;
    *size = (size_t)stated + 1;
    return ST_OK;
}

enum status wire_first_decode(struct wire_first *out, struct span bytes)
{
    size_t size = 0;
    TRY(wire_first_size(bytes, &size));
    if (size != bytes.size) return ST_INVALID;
    struct cursor c = {.left = span_of(bytes.data + 4, bytes.size - 4)};
    uint32_t code = take_u32(&c);
    struct wire_first f = {.kind = WIRE_STARTUP};
    if (code == CODE_SSL || code == CODE_GSS) {
        f.kind = code == CODE_SSL ? WIRE_SSL : WIRE_GSS;
    } else if (code == CODE_CANCEL) {
        f.kind = WIRE_CANCEL;
        f.process = take_u32(&c);
        f.secret = take_u32(&c);
    } else {
        f.major = (uint16_t)(code >> 16);
        f.minor = (uint16_t)(code & UINT16_MAX);
        f.parameters = c.left;
        if (f.major != MAJOR_CURRENT) { /* Another protocol: its rest is not ours to judge. */
            f.parameters = span_of(NULL, 0);
            *out = f;
            return ST_OK;
        }
        while (take_string(&c).size > 0)
            (void)take_string(&c);
        /* The empty name that ends the list is no pair. */
        if (!c.is_bad) f.parameters.size -= 1;
    }
    if (!cursor_end(&c)) return ST_INVALID;
    *out = f;
    return ST_OK;
}

enum status wire_message_decode(struct wire_message *out, struct span bytes)
{
    size_t size = 0;
    TRY(wire_message_size(bytes, WIRE_MESSAGE_MAX, &size));
    if (size != bytes.size) return ST_INVALID;
    struct cursor c = {.left = span_of(bytes.data + WIRE_HEAD_SIZE, bytes.size - WIRE_HEAD_SIZE)};
    struct wire_message m = {.kind = (enum wire_kind)bytes.data[0]};
    switch (m.kind) {
    case WIRE_QUERY:
    case WIRE_COPY_FAIL: m.text = take_string(&c); break;
    case WIRE_PARSE: decode_parse(&m, &c); break;
    case WIRE_BIND: decode_bind(&m, &c); break;
    case WIRE_DESCRIBE:
    case WIRE_CLOSE: decode_target(&m, &c); break;
    case WIRE_EXECUTE:
        m.name = take_string(&c);
        m.row_max = take_u32(&c);
        if (m.row_max > INT32_MAX) m.row_max = 0; /* Negative: no limit, as in PostgreSQL. */
        break;
    case WIRE_PASSWORD:
    case WIRE_COPY_DATA:
    case WIRE_FUNCTION: m.text = take(&c, c.left.size); break;
    case WIRE_FLUSH:
    case WIRE_SYNC:
    case WIRE_TERMINATE:
    case WIRE_COPY_DONE: break;
    }
    if (!cursor_end(&c)) return ST_INVALID;
    *out = m;
    return ST_OK;
}

bool wire_next_parameter(struct span *at, struct span *name, struct span *value)
{
    if (at->size == 0) return false;
    struct cursor c = {.left = *at};
    *name = take_string(&c);
    *value = take_string(&c);
    must(!c.is_bad); /* wire_first_decode has checked them all. */
    *at = c.left;
    return true;
}

uint32_t wire_type(const struct wire_message *m, uint16_t index)
{
    must(index < m->type_count);
    return get_u32_be(m->types.data + (size_t)4 * index);
}

void wire_next_value(struct span *at, struct span *value, bool *is_null)
{
    struct cursor c = {.left = *at};
    uint32_t size = take_u32(&c);
    *is_null = size == SIZE_NULL;
    *value = *is_null ? span_of(NULL, 0) : take(&c, size);
    must(!c.is_bad); /* decode_bind has checked them all. */
    *at = c.left;
}

uint16_t wire_format(const struct wire_formats *f, uint16_t index)
{
    if (f->count == 0) return WIRE_FORMAT_TEXT;
    size_t at = f->count == 1 ? 0 : index;
    must(at < f->count);
    return get_u16_be(f->codes.data + 2 * at);
}

enum status wire_sasl_initial(struct span body, struct span *mechanism, struct span *data)
{
    struct cursor c = {.left = body};
    struct span name = take_string(&c);
    uint32_t size = take_u32(&c);
    struct span rest = size == SIZE_NULL ? span_of(NULL, 0) : take(&c, size);
    if (!cursor_end(&c)) return ST_INVALID;
    *mechanism = name;
    *data = rest;
    return ST_OK;
}

static void decode_parse(struct wire_message *m, struct cursor *c)
{
    m->name = take_string(c);
    m->text = take_string(c);
    m->type_count = take_u16(c);
    m->types = take(c, (size_t)4 * m->type_count);
}

static void decode_bind(struct wire_message *m, struct cursor *c)
{
    m->portal = take_string(c);
    m->name = take_string(c);
    m->formats = take_formats(c);
    m->value_count = take_u16(c);
    m->values = c->left;
    for (uint16_t i = 0; i < m->value_count && !c->is_bad; i++) {
        uint32_t size = take_u32(c);
        if (size != SIZE_NULL) (void)take(c, size);
    }
    m->values.size -= c->left.size;
    if (m->formats.count > 1 && m->formats.count != m->value_count) c->is_bad = true;
    m->result_formats = take_formats(c);
}

static void decode_target(struct wire_message *m, struct cursor *c)
{
    uint8_t target = take_u8(c);
    if (target != 'S' && target != 'P') c->is_bad = true;
    m->is_portal = target == 'P';
    m->name = take_string(c);
}

static bool type_is_known(uint8_t type)
{
    static const uint8_t known[] = {'B', 'C', 'D', 'E', 'F', 'H', 'P',
                                    'Q', 'S', 'X', 'c', 'd', 'f', 'p'};
    return memchr(known, type, sizeof known) != NULL;
}

/* --- cursor
 * --------------------------------------------------------------------------------------*/

static struct span take(struct cursor *c, size_t size)
{
    if (c->is_bad || size > c->left.size) {
        c->is_bad = true;
        return span_of(NULL, 0);
    }
    struct span taken = span_of(c->left.data, size);
    c->left = span_of(c->left.data + size, c->left.size - size);
    return taken;
}

static uint8_t take_u8(struct cursor *c)
{
    struct span bytes = take(c, 1);
    return bytes.size == 1 ? bytes.data[0] : 0;
}

static uint16_t take_u16(struct cursor *c)
{
    struct span bytes = take(c, 2);
    return bytes.size == 2 ? get_u16_be(bytes.data) : 0;
}

static uint32_t take_u32(struct cursor *c)
{
    struct span bytes = take(c, 4);
    return bytes.size == 4 ? get_u32_be(bytes.data) : 0;
}

/* Without its 0. */
static struct span take_string(struct cursor *c)
{
    const uint8_t *end =
        c->is_bad || c->left.size == 0 ? NULL : memchr(c->left.data, 0, c->left.size);
    if (end == NULL) {
        c->is_bad = true;
        return span_of(NULL, 0);
    }
    struct span text = take(c, (size_t)(end - c->left.data));
    (void)take(c, 1);
    return text;
}

static struct wire_formats take_formats(struct cursor *c)
{
    struct wire_formats f = {.count = take_u16(c)};
    f.codes = take(c, (size_t)2 * f.count);
    for (uint16_t i = 0; i < f.count && !c->is_bad; i++) {
        if (get_u16_be(f.codes.data + (size_t)2 * i) > WIRE_FORMAT_BINARY) c->is_bad = true;
    }
    return f;
}

static bool cursor_end(const struct cursor *c)
{
    return !c->is_bad && c->left.size == 0;
}
