#include "support/fail_mem.h"

#include <stdlib.h>

static void *fail_resize(struct mem *mem, void *block, size_t size)
{
    struct fail_mem *f = (struct fail_mem *)(void *)mem;
    if (size == 0) {
        f->live--;
        free(block);
        return NULL;
    }
    f->calls++;
    if (f->calls == f->fail_at) return NULL;
    void *grown = realloc(block, size);
    if (grown != NULL && block == NULL) f->live++;
    return grown;
}

void fail_mem_init(struct fail_mem *f, uint64_t fail_at)
{
    *f = (struct fail_mem){.mem = {.resize = fail_resize}, .fail_at = fail_at};
}
