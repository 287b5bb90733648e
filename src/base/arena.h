/* arena.h - Memory that is released all at once: per statement, request or block.
 *
 * Not thread-safe: one arena, one thread. Blocks stay valid until arena_reset or arena_fini. */
#ifndef TRUSTSQL_BASE_ARENA_H
#define TRUSTSQL_BASE_ARENA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/span.h"

struct arena_chunk;

struct arena {
    struct mem *mem;
    struct arena_chunk *chunk; /* Newest first. */
    size_t used;               /* Bytes of the newest chunk handed out. */
    size_t total;              /* Bytes of all chunks. */
    size_t total_max;          /* No chunk is added beyond; 0: no limit. */
    bool is_full;              /* That has refused a block. */
};

/* total_max in bytes bounds the whole arena; 0: unbounded. Allocates nothing yet. */
void arena_init(struct arena *a, struct mem *mem, size_t total_max);

/* Accepts a zeroed arena. */
void arena_fini(struct arena *a);

/* Release all blocks, keep one chunk for reuse. */
void arena_reset(struct arena *a);

/* size bytes aligned for any type, contents undefined; null: limit or no memory. size may be 0. */
void *arena_alloc(struct arena *a, size_t size);

/* As arena_alloc, zeroed, count × size; null also on overflow. */
void *arena_alloc_zero(struct arena *a, size_t count, size_t size);

/* A copy with a terminating 0 byte after it (not counted). data null: no memory. */
struct span arena_copy(struct arena *a, struct span bytes);

/* A copy of a C string; null: no memory. */
char *arena_text(struct arena *a, const char *text);

#endif
