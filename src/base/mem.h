/* mem.h - The one door to the heap.
 *
 * Code that allocates takes a struct mem *, so a test can make the Nth call fail and a limit can be
 * put on a part of the process. An allocator made with mem_system() is safe from any thread. */
#ifndef TRUSTSQL_BASE_MEM_H
#define TRUSTSQL_BASE_MEM_H

#include <stddef.h>

struct mem {
    /* Resize block (null: allocate) to size bytes (0: free, returns null). Null when it fails; then
     * the old block is untouched. */
    void *(*resize)(struct mem *mem, void *block, size_t size);
};

/* The process heap. */
struct mem *mem_system(void);

/* size > 0. Null when there is no memory. Contents undefined. */
void *mem_alloc(struct mem *mem, size_t size);

/* count × size bytes of zeroes; null when there is no memory or the product overflows. */
void *mem_alloc_zero(struct mem *mem, size_t count, size_t size);

/* As realloc with size > 0; null leaves block valid. */
void *mem_resize(struct mem *mem, void *block, size_t size);

/* block may be null. */
void mem_free(struct mem *mem, void *block);

/* Overwrite secrets in a way the compiler cannot remove. */
void mem_wipe(void *block, size_t size);

#endif
