#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/endian.h"
#include "base/must.h"

#define BUF_CAPACITY_MIN 256u

void buf_init(struct buf *b, struct mem *mem, size_t size_max)
{
    *b = (struct buf){.mem = mem, .size_max = size_max, .status = ST_OK};
}

void buf_fini(struct buf *b)
{
    if (b->mem != NULL) mem_free(b->mem, b->data);
    *b = (struct buf){.mem = b->mem, .size_max = b->size_max};
}

void buf_reset(struct buf *b)
{
    b->size = 0;
    b->status = ST_OK;
}

static bool reserve(struct buf *b, size_t more)
{
    if (b->status != ST_OK) return false;
    if (more > SIZE_MAX / 4 - b->size || (b->size_max > 0 && more > b->size_max - b->size)) {
        b->status = ST_LIMIT;
        return false;
    }
    size_t need = b->size + more;
    if (need <= b->capacity) return true;
    size_t capacity = b->capacity < BUF_CAPACITY_MIN ? BUF_CAPACITY_MIN : b->capacity;
    while (capacity < need)
        capacity *= 2;
    uint8_t *data = mem_resize(b->mem, b->data, capacity);
    if (data == NULL) {
        b->status = ST_NO_MEMORY;
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

uint8_t *buf_extend(struct buf *b, size_t size)
{
    if (!reserve(b, size)) return NULL;
    uint8_t *room = b->data + b->size;
    b->size += size;
    must(b->size <= b->capacity);
    return room;
}

void buf_put(struct buf *b, struct span bytes)
{
    if (bytes.size == 0) return;
    uint8_t *room = buf_extend(b, bytes.size);
    if (room != NULL) memcpy(room, bytes.data, bytes.size);
}

void buf_put_u8(struct buf *b, uint8_t value)
{
    buf_put(b, span_of(&value, 1));
}

void buf_put_text(struct buf *b, const char *text)
{
    buf_put(b, span_text(text));
}

void buf_put_u32_le(struct buf *b, uint32_t value)
{
    uint8_t *room = buf_extend(b, 4);
    if (room != NULL) put_u32_le(room, value);
}

void buf_put_u64_le(struct buf *b, uint64_t value)
{
    uint8_t *room = buf_extend(b, 8);
    if (room != NULL) put_u64_le(room, value);
}

void buf_put_u16_be(struct buf *b, uint16_t value)
{
    uint8_t *room = buf_extend(b, 2);
    if (room != NULL) put_u16_be(room, value);
}

void buf_put_u32_be(struct buf *b, uint32_t value)
{
    uint8_t *room = buf_extend(b, 4);
    if (room != NULL) put_u32_be(room, value);
}

void buf_put_u64_be(struct buf *b, uint64_t value)
{
    uint8_t *room = buf_extend(b, 8);
    if (room != NULL) put_u64_be(room, value);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    must(size >= 0);
    if (reserve(b, (size_t)size + 1)) {
        (void)vsnprintf((char *)b->data + b->size, (size_t)size + 1, format, again);
        b->size += (size_t)size;
    }
    va_end(again);
}

enum status buf_status(const struct buf *b)
{
    return b->status;
}
