/* slots.h - Pieces of memory of one size, taken and given back by the hundred thousand.
 *
 * Every update of the row tree makes new nodes and lets old ones go, in any order: the heap would
 * search and merge for each. Slots come in slabs, which are freed with the whole. Any thread. */
#ifndef TRUSTSQL_ROWS_SLOTS_H
#define TRUSTSQL_ROWS_SLOTS_H

#include "base/mem.h"
#include "base/status.h"

struct slots;

NODISCARD enum status slots_new(struct slots **out, struct mem *mem, size_t size);
void slots_free(struct slots *s); /* Null allowed. All have been given back. */
struct mem *slots_mem(const struct slots *s);

void *slots_take(struct slots *s); /* Contents undefined; null: no memory. */
void slots_give(struct slots *s, void *slot);

#endif
