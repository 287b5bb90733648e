/* memory.h - The heap of one simulated process: counted, and gone when the process dies.
 *
 * A crash takes all blocks at once, as the operating system would; nothing of the process runs any
 * more. The count is what invariant I14 bounds. One thread. */
#ifndef TRUSTSQL_SIM_MEMORY_H
#define TRUSTSQL_SIM_MEMORY_H

#include <stdint.h>

#include "base/mem.h"

struct memory_block;

struct memory {
    struct mem mem; /* First: resize is given its address. */
    struct memory_block *blocks;
    uint64_t live_bytes;
    uint64_t peak_bytes;
};

void memory_init(struct memory *m);
void memory_drop(struct memory *m); /* Every block of it. */

#endif
