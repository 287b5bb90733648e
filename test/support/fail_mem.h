/* fail_mem.h - An allocator whose Nth call fails, for the loop "fail call n until it succeeds".
 *
 *     for (uint64_t n = 1; ; n++) {
 *         struct fail_mem f;
 *         fail_mem_init(&f, n);
 *         enum status st = subject(&f.mem);
 *         assert_int_equal(f.live, 0);
 *         if (st == ST_OK) break;
 *         assert_int_equal(st, ST_NO_MEMORY);
 *     } */
#ifndef TRUSTSQL_TEST_FAIL_MEM_H
#define TRUSTSQL_TEST_FAIL_MEM_H

#include <stdint.h>

#include "base/mem.h"

struct fail_mem {
    struct mem mem;   /* First: resize is given its address. */
    uint64_t fail_at; /* The call that fails, counted from 1; 0: none. */
    uint64_t calls;   /* Allocations and growths so far. */
    uint64_t live;    /* Blocks not yet freed. */
};

void fail_mem_init(struct fail_mem *f, uint64_t fail_at);

#endif
