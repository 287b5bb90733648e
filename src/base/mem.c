#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

static void *system_resize(struct mem *mem, void *block, size_t size)
{
    (void)mem;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

struct mem *mem_system(void)
{
    static struct mem system = {.resize = system_resize};
    return &system;
}

void *mem_alloc(struct mem *mem, size_t size)
{
    must(size > 0);
    return mem->resize(mem, NULL, size);
}

void *mem_alloc_zero(struct mem *mem, size_t count, size_t size)
{
    must(count > 0);
    must(size > 0);
    if (count > SIZE_MAX / size) return NULL;
    void *block = mem->resize(mem, NULL, count * size);
    if (block != NULL) memset(block, 0, count * size);
    return block;
}

void *mem_resize(struct mem *mem, void *block, size_t size)
{
    must(size > 0);
    return mem->resize(mem, block, size);
}

void mem_free(struct mem *mem, void *block)
{
    if (block != NULL) (void)mem->resize(mem, block, 0);
}

void mem_wipe(void *block, size_t size)
{
    volatile uint8_t *bytes = block;
    for (size_t i = 0; i < size; i++)
        bytes[i] = 0;
}
