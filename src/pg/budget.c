/* budget.c - Each block has a head that remembers its size. */
#include "pg/budget.h"

#include <stdint.h>

#include "base/must.h"

struct head {
    _Alignas(16) size_t size; /* With the head; keeps what follows aligned for any type. */
};

static void *budget_resize(struct mem *mem, void *block, size_t size);

void budget_init(struct budget *b, struct mem *below, size_t used_max)
{
    must(used_max > 0);
    *b = (struct budget){.mem = {.resize = budget_resize}, .below = below, .used_max = used_max};
}

static void *budget_resize(struct mem *mem, void *block, size_t size)
{
    struct budget *b = (struct budget *)(void *)mem;
    struct head *head = block == NULL ? NULL : (struct head *)block - 1;
    size_t old = head == NULL ? 0 : head->size;
    must(b->used >= old);
    if (size == 0) {
        b->used -= old;
        mem_free(b->below, head);
        return NULL;
    }
    size_t others = b->used - old;
    if (size > SIZE_MAX - sizeof *head) return NULL;
    size += sizeof *head;
    if (others > b->used_max || size > b->used_max - others) return NULL;
    struct head *grown = mem_resize(b->below, head, size);
    if (grown == NULL) return NULL;
    grown->size = size;
    b->used = others + size;
    return grown + 1;
}
