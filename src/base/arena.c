#include "base/arena.h"

#include <string.h>

#include "base/must.h"

#define ARENA_CHUNK_MIN 1024u
#define ARENA_ALIGN     16u

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    _Alignas(ARENA_ALIGN) uint8_t bytes[];
};

void arena_init(struct arena *a, struct mem *mem, size_t total_max)
{
    *a = (struct arena){.mem = mem, .total_max = total_max};
}

void arena_fini(struct arena *a)
{
    while (a->chunk != NULL) {
        struct arena_chunk *older = a->chunk->older;
        mem_free(a->mem, a->chunk);
        a->chunk = older;
    }
    a->used = 0;
    a->total = 0;
    a->is_full = false;
}

void arena_reset(struct arena *a)
{
    if (a->chunk == NULL) return;
    while (a->chunk->older != NULL) {
        struct arena_chunk *older = a->chunk->older;
        a->chunk->older = older->older;
        must(a->total >= older->size);
        a->total -= older->size;
        mem_free(a->mem, older);
    }
    a->used = 0;
}

static bool add_chunk(struct arena *a, size_t need)
{
    size_t size = a->chunk == NULL ? ARENA_CHUNK_MIN : a->chunk->size * 2;
    if (size < need) size = need;
    if (a->total_max > 0 && size > a->total_max - a->total) size = a->total_max - a->total;
    if (size < need) {
        a->is_full = true;
        return false;
    }
    struct arena_chunk *chunk = mem_alloc(a->mem, sizeof *chunk + size);
    if (chunk == NULL) return false;
    chunk->older = a->chunk;
    chunk->size = size;
    a->chunk = chunk;
    a->used = 0;
    a->total += size;
    return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 4) return NULL;
    size_t need = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (a->chunk == NULL || a->chunk->size - a->used < need)
        if (!add_chunk(a, need)) return NULL;
    void *block = a->chunk->bytes + a->used;
    a->used += need;
    must(a->used <= a->chunk->size);
    return block;
}

void *arena_alloc_zero(struct arena *a, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) return NULL;
    void *block = arena_alloc(a, count * size);
    if (block != NULL) memset(block, 0, count * size);
    return block;
}

struct span arena_copy(struct arena *a, struct span bytes)
{
    uint8_t *copy = arena_alloc(a, bytes.size + 1);
    if (copy == NULL) return (struct span){0};
    if (bytes.size > 0) memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = 0;
    return span_of(copy, bytes.size);
}

char *arena_text(struct arena *a, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = arena_alloc(a, size);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}
