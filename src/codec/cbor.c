/* cbor.c - Heads, strings and the strict reader.
 *
 * An item starts with one byte: major type in the upper 3 bits, additional information in the lower
 * 5. Information 0…23 is the argument itself; 24, 25, 26, 27 say that 1, 2, 4, 8 big-endian bytes
 * follow. An argument that would fit a shorter form is refused, so each value has one encoding.
 *
 *   0x00 + n  unsigned integer n          0x60 + n  text string of n bytes (UTF-8)
 *   0x20 + n  negative integer -1 - n     0x80 + n  array of n items
 *   0x40 + n  byte string of n bytes      0xf4 false   0xf5 true   0xf6 null   0xfb float64
 */
#include "codec/cbor.h"

#include "base/endian.h"
#include "base/must.h"

#define MAJOR_UINT     0u
#define MAJOR_NEGATIVE 1u
#define MAJOR_BYTES    2u
#define MAJOR_TEXT     3u
#define MAJOR_ARRAY    4u

#define BYTE_FALSE     0xf4u
#define BYTE_TRUE      0xf5u
#define BYTE_NULL      0xf6u
#define BYTE_FLOAT     0xfbu

#define NAN_BITS       0x7ff8000000000000u
#define HEAD_SIZE      9u

static void put_head(struct buf *b, uint8_t major, uint64_t argument);
static bool get_head(struct cbor *c, uint8_t *major, uint64_t *argument);
static uint64_t get_major(struct cbor *c, uint8_t major);
static struct span get_string(struct cbor *c, uint8_t major);
static uint8_t next_byte(struct cbor *c);
static bool take_one(struct cbor *c, uint64_t *inside);
static void take_scalar(struct cbor *c, enum cbor_kind kind);

void cbor_put_uint(struct buf *b, uint64_t value)
{
    put_head(b, MAJOR_UINT, value);
}

void cbor_put_int(struct buf *b, int64_t value)
{
    if (value >= 0) {
        put_head(b, MAJOR_UINT, (uint64_t)value);
    } else {
        put_head(b, MAJOR_NEGATIVE, (uint64_t)(-1 - value));
    }
}

void cbor_put_bytes(struct buf *b, struct span bytes)
{
    put_head(b, MAJOR_BYTES, bytes.size);
    buf_put(b, bytes);
}

void cbor_put_bytes_head(struct buf *b, uint64_t size)
{
    put_head(b, MAJOR_BYTES, size);
}

void cbor_put_text(struct buf *b, struct span text)
{
    put_head(b, MAJOR_TEXT, text.size);
    buf_put(b, text);
}

void cbor_put_array(struct buf *b, uint64_t count)
{
    put_head(b, MAJOR_ARRAY, count);
}

void cbor_put_bool(struct buf *b, bool value)
{
    buf_put_u8(b, value ? BYTE_TRUE : BYTE_FALSE);
}

void cbor_put_null(struct buf *b)
{
    buf_put_u8(b, BYTE_NULL);
}

void cbor_put_float(struct buf *b, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bool is_nan = (bits << 1) > 0xffe0000000000000u;
    buf_put_u8(b, BYTE_FLOAT);
    buf_put_u64_be(b, is_nan ? NAN_BITS : bits);
}

struct cbor cbor_of(struct span bytes)
{
    static const uint8_t nothing = 0;
    const uint8_t *data = bytes.size == 0 ? &nothing : bytes.data;
    return (struct cbor){.at = data, .end = data + bytes.size, .status = ST_OK};
}

bool cbor_peek(struct cbor *c, enum cbor_kind *kind)
{
    if (c->status != ST_OK || c->at == c->end) return false;
    switch (*c->at) {
    case BYTE_FALSE: *kind = CBOR_FALSE; return true;
    case BYTE_TRUE: *kind = CBOR_TRUE; return true;
    case BYTE_NULL: *kind = CBOR_NULL; return true;
    case BYTE_FLOAT: *kind = CBOR_FLOAT; return true;
    }
    uint8_t major = *c->at >> 5;
    if (major > MAJOR_ARRAY) {
        cbor_fail_with(c, ST_INVALID);
        return false;
    }
    static const enum cbor_kind kinds[] = {CBOR_UINT, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT,
                                           CBOR_ARRAY};
    *kind = kinds[major];
    return true;
}

uint64_t cbor_get_uint(struct cbor *c)
{
    return get_major(c, MAJOR_UINT);
}

uint64_t cbor_get_uint_max(struct cbor *c, uint64_t max)
{
    uint64_t value = get_major(c, MAJOR_UINT);
    if (value <= max) return value;
    cbor_fail_with(c, ST_INVALID);
    return 0;
}

int64_t cbor_get_int(struct cbor *c)
{
    uint8_t major;
    uint64_t argument;
    if (!get_head(c, &major, &argument)) return 0;
    if (major > MAJOR_NEGATIVE || argument > INT64_MAX) {
        cbor_fail_with(c, ST_INVALID);
        return 0;
    }
    return major == MAJOR_UINT ? (int64_t)argument : -1 - (int64_t)argument;
}

struct span cbor_get_bytes(struct cbor *c)
{
    return get_string(c, MAJOR_BYTES);
}

void cbor_get_fixed(struct cbor *c, void *to, size_t size)
{
    struct span bytes = get_string(c, MAJOR_BYTES);
    if (c->status == ST_OK && bytes.size != size) cbor_fail_with(c, ST_INVALID);
    if (c->status == ST_OK) {
        memcpy(to, bytes.data, size);
    } else {
        memset(to, 0, size);
    }
}

struct span cbor_get_text(struct cbor *c)
{
    struct span text = get_string(c, MAJOR_TEXT);
    if (utf8_valid(text)) return text;
    cbor_fail_with(c, ST_INVALID);
    return (struct span){0};
}

uint64_t cbor_get_array(struct cbor *c)
{
    uint64_t count = get_major(c, MAJOR_ARRAY);
    if (count <= (uint64_t)(c->end - c->at)) return count;
    cbor_fail_with(c, ST_TRUNCATED);
    return 0;
}

void cbor_expect_array(struct cbor *c, uint64_t count)
{
    if (get_major(c, MAJOR_ARRAY) != count) cbor_fail_with(c, ST_INVALID);
}

bool cbor_get_bool(struct cbor *c)
{
    uint8_t byte = next_byte(c);
    if (byte != BYTE_TRUE && byte != BYTE_FALSE) cbor_fail_with(c, ST_INVALID);
    return c->status == ST_OK && byte == BYTE_TRUE;
}

bool cbor_get_null(struct cbor *c)
{
    if (c->status != ST_OK || c->at == c->end || *c->at != BYTE_NULL) return false;
    c->at++;
    return true;
}

double cbor_get_float(struct cbor *c)
{
    if (next_byte(c) != BYTE_FLOAT) cbor_fail_with(c, ST_INVALID);
    if (c->status == ST_OK && c->end - c->at < 8) cbor_fail_with(c, ST_TRUNCATED);
    if (c->status != ST_OK) return 0;
    uint64_t bits = get_u64_be(c->at);
    c->at += 8;
    if ((bits << 1) > 0xffe0000000000000u && bits != NAN_BITS) {
        cbor_fail_with(c, ST_INVALID);
        return 0;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct span cbor_get_item(struct cbor *c, uint32_t depth_max)
{
    must(depth_max <= CBOR_DEPTH_MAX);
    must(c->at <= c->end);
    const uint8_t *start = c->at;
    uint64_t open[CBOR_DEPTH_MAX + 1] = {1}; /* Items still to come at each level. */
    uint32_t depth = 0;
    while (open[0] > 0 || depth > 0) {
        if (open[depth] == 0) {
            depth--;
            continue;
        }
        open[depth]--;
        uint64_t inside = 0;
        bool is_array = take_one(c, &inside);
        if (is_array && depth == depth_max) cbor_fail(c);
        if (c->status != ST_OK) return (struct span){0};
        if (is_array) open[++depth] = inside;
        must(depth <= depth_max);
    }
    return span_of(start, (size_t)(c->at - start));
}

void cbor_fail(struct cbor *c)
{
    cbor_fail_with(c, ST_INVALID);
}

void cbor_fail_with(struct cbor *c, enum status st)
{
    must(st != ST_OK);
    if (c->status == ST_OK) c->status = st;
}

enum status cbor_end(const struct cbor *c)
{
    if (c->status != ST_OK) return c->status;
    return c->at == c->end ? ST_OK : ST_INVALID;
}

static void put_head(struct buf *b, uint8_t major, uint64_t argument)
{
    uint8_t head[HEAD_SIZE];
    size_t size = 1;
    uint8_t info = 27;
    if (argument < 24) {
        info = (uint8_t)argument;
    } else if (argument <= UINT8_MAX) {
        info = 24;
        head[1] = (uint8_t)argument;
        size = 2;
    } else if (argument <= UINT16_MAX) {
        info = 25;
        put_u16_be(head + 1, (uint16_t)argument);
        size = 3;
    } else if (argument <= UINT32_MAX) {
        info = 26;
        put_u32_be(head + 1, (uint32_t)argument);
        size = 5;
    } else {
        put_u64_be(head + 1, argument);
        size = 9;
    }
    must(size <= sizeof head);
    must(major <= MAJOR_ARRAY);
    head[0] = (uint8_t)(major << 5 | info);
    buf_put(b, span_of(head, size));
}

/* False after a failure, which sticks. Consumes nothing then. */
static bool get_head(struct cbor *c, uint8_t *major, uint64_t *argument)
{
    if (c->status != ST_OK) return false;
    must(c->at <= c->end);
    if (c->at == c->end) {
        c->status = ST_TRUNCATED;
        return false;
    }
    uint8_t first = *c->at;
    uint8_t info = first & 0x1fu;
    *major = first >> 5;
    if (info < 24) {
        *argument = info;
        c->at++;
        return true;
    }
    if (info > 27) {
        c->status = ST_INVALID;
        return false;
    }
    uint32_t size = 1u << (info - 24u);
    if ((size_t)(c->end - c->at) <= size) {
        c->status = ST_TRUNCATED;
        return false;
    }
    uint64_t value = 0;
    for (uint32_t i = 1; i <= size; i++)
        value = value << 8 | c->at[i];
    uint64_t least = size == 1 ? 24u : 1ull << (4u * size);
    if (value < least) {
        c->status = ST_INVALID; /* It would have fitted a shorter head. */
        return false;
    }
    *argument = value;
    c->at += 1 + size;
    must(c->at <= c->end);
    return true;
}

static uint64_t get_major(struct cbor *c, uint8_t major)
{
    uint8_t found;
    uint64_t argument;
    if (!get_head(c, &found, &argument)) return 0;
    if (found == major) return argument;
    c->status = ST_INVALID;
    return 0;
}

static struct span get_string(struct cbor *c, uint8_t major)
{
    uint64_t size = get_major(c, major);
    if (size > (uint64_t)(c->end - c->at)) cbor_fail_with(c, ST_TRUNCATED);
    if (c->status != ST_OK) return (struct span){0};
    struct span out = span_of(c->at, (size_t)size);
    c->at += size;
    must(c->at <= c->end);
    return out;
}

/* 0, the byte of no simple value, after a failure. */
static uint8_t next_byte(struct cbor *c)
{
    if (c->at == c->end) cbor_fail_with(c, ST_TRUNCATED);
    if (c->status != ST_OK) return 0;
    return *c->at++;
}

/* Take a scalar whole, or the head of an array: then true and the count of its items. */
static bool take_one(struct cbor *c, uint64_t *inside)
{
    enum cbor_kind kind;
    if (!cbor_peek(c, &kind)) {
        cbor_fail_with(c, ST_TRUNCATED);
        return false;
    }
    if (kind != CBOR_ARRAY) {
        take_scalar(c, kind);
        return false;
    }
    *inside = cbor_get_array(c);
    return true;
}

static void take_scalar(struct cbor *c, enum cbor_kind kind)
{
    switch (kind) {
    case CBOR_UINT: (void)cbor_get_uint(c); return;
    case CBOR_NEGATIVE: (void)cbor_get_int(c); return;
    case CBOR_BYTES: (void)cbor_get_bytes(c); return;
    case CBOR_TEXT: (void)cbor_get_text(c); return;
    case CBOR_FALSE:
    case CBOR_TRUE:
    case CBOR_NULL: (void)next_byte(c); return;
    case CBOR_FLOAT: (void)cbor_get_float(c); return;
    case CBOR_ARRAY: break;
    }
    must(kind != CBOR_ARRAY);
}
