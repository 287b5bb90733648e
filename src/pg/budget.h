/* budget.h - An allocator with a limit on all that was taken through it.
 *
 * A session's own limits bound one client; many clients together could still take the whole
 * machine. The door gives its sessions memory from one budget: when it is used up, the next
 * allocation fails, and that client is told so (53200) or closed, while the node lives on. Not
 * thread-safe: one loop, one budget. */
#ifndef TRUSTSQL_PG_BUDGET_H
#define TRUSTSQL_PG_BUDGET_H

#include "base/mem.h"

struct budget {
    struct mem mem; /* First: what users are given. */
    struct mem *below;
    size_t used; /* Bytes of all blocks, with their heads. */
    size_t used_max;
};

void budget_init(struct budget *b, struct mem *below, size_t used_max);

#endif
