/* buf.h - Bytes that grow up to a limit: the target of every encoder.
 *
 * The first failure sticks: later appends do nothing and buf_status() tells at the end, so an
 * encoder checks once. Not thread-safe. Owns its bytes until buf_fini or buf_take. */
#ifndef TRUSTSQL_BASE_BUF_H
#define TRUSTSQL_BASE_BUF_H

#include "base/mem.h"
#include "base/span.h"
#include "base/status.h"

struct buf {
    struct mem *mem;
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t size_max; /* 0: no limit. */
    enum status status;
};

void buf_init(struct buf *b, struct mem *mem, size_t size_max);

/* Over the caller's bytes: never grows beyond them (ST_LIMIT), needs no buf_fini. */
static inline void buf_init_fixed(struct buf *b, void *bytes, size_t size)
{
    *b = (struct buf){.data = bytes, .capacity = size, .size_max = size};
}

/* Accepts a zeroed buf. */
void buf_fini(struct buf *b);

/* Empty it and forget a failure; keep the memory. */
void buf_reset(struct buf *b);

void buf_put(struct buf *b, struct span bytes);
void buf_put_u8(struct buf *b, uint8_t value);
void buf_put_text(struct buf *b, const char *text);

/* Little-endian for our own formats (le), big-endian for the protocols of others (be). */
void buf_put_u32_le(struct buf *b, uint32_t value);
void buf_put_u64_le(struct buf *b, uint64_t value);
void buf_put_u16_be(struct buf *b, uint16_t value);
void buf_put_u32_be(struct buf *b, uint32_t value);
void buf_put_u64_be(struct buf *b, uint64_t value);

/* printf into the buffer, without the terminating 0. */
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for size more bytes at the end, counted at once; null after a failure. */
uint8_t *buf_extend(struct buf *b, size_t size);

/* ST_OK, ST_LIMIT or ST_NO_MEMORY: the first failure since init or reset. */
NODISCARD enum status buf_status(const struct buf *b);

static inline struct span buf_span(const struct buf *b)
{
    return span_of(b->data, b->size);
}

#endif
