/* memory.c - See memory.h. Each block stands behind a head that links it into its process. */
#include "sim/memory.h"

#include <stdalign.h>
#include <stdlib.h>

#include "base/must.h"

struct memory_block {
    alignas(max_align_t) struct memory_block *next;
    struct memory_block *before;
    uint64_t size;
};

static void link_block(struct memory *m, struct memory_block *b)
{
    b->before = NULL;
    b->next = m->blocks;
    if (m->blocks != NULL) m->blocks->before = b;
    m->blocks = b;
    m->live_bytes += b->size;
    if (m->live_bytes > m->peak_bytes) m->peak_bytes = m->live_bytes;
}

static void unlink_block(struct memory *m, const struct memory_block *b)
{
    must(m->live_bytes >= b->size);
    m->live_bytes -= b->size;
    if (b->next != NULL) b->next->before = b->before;
    if (b->before != NULL)
        b->before->next = b->next;
    else
        m->blocks = b->next;
}

static void *resize(struct mem *mem, void *block, size_t size)
{
    struct memory *m = (struct memory *)(void *)mem;
    struct memory_block *b = block == NULL ? NULL : (struct memory_block *)block - 1;
    if (b != NULL) unlink_block(m, b);
    if (size == 0) {
        mem_free(mem_system(), b);
        return NULL;
    }
    b = mem_resize(mem_system(), b, sizeof *b + size);
    must(b != NULL);
    b->size = size;
    link_block(m, b);
    return b + 1;
}

void memory_init(struct memory *m)
{
    *m = (struct memory){.mem = {.resize = resize}};
}

void memory_drop(struct memory *m)
{
    while (m->blocks != NULL) {
        struct memory_block *b = m->blocks;
        unlink_block(m, b);
        mem_free(mem_system(), b);
    }
    must(m->live_bytes == 0);
}
