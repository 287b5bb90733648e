/* finds.h - Damage that was found, on its way to the loop, which signs it and tells the others.
 *
 * Any thread adds. Beyond FINDS_MAX finds are in the log alone. */
#ifndef TRUSTSQL_NODE_FINDS_H
#define TRUSTSQL_NODE_FINDS_H

#include "node/heal.h"
#include "os/thread.h"

#define FINDS_MAX 32u

struct finds {
    struct mutex *mutex; /* Of all below. */
    struct heal_find items[FINDS_MAX];
    uint32_t count;
};

NODISCARD enum status finds_init(struct finds *f, struct mem *mem);
void finds_fini(struct finds *f); /* Accepts a zeroed one. */
void finds_add(struct finds *f, const struct heal_find *find);
/* The next, as an incident that borrows its place from *find; false: there is none. */
bool finds_take(struct finds *f, struct heal_find *find, struct incident *out);

#endif
