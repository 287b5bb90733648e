/* idtable.h - Open-addressing index from 32-byte ids to the caller's own numbering.
 *
 * Holds only numbers; the ids stay where the caller keeps them and are fetched through id_of. The
 * ids must be uniformly distributed (hashes), but clients choose among the hashes they can make: a
 * key that they do not know decides where an id stands, so none can be made to crowd one place.
 * Nothing that leaves the table depends on the key. Pure but for mem; one thread. */
#ifndef TRUSTSQL_BASE_IDTABLE_H
#define TRUSTSQL_BASE_IDTABLE_H

#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"

#define IDTABLE_ID_SIZE 32u
#define IDTABLE_NONE    UINT32_MAX

struct idtable {
    struct mem *mem;
    const uint8_t *(*id_of)(const void *context, uint32_t number);
    const void *context;
    uint64_t key;    /* Odd. */
    uint32_t *slots; /* number + 1; 0: empty. At most half full. */
    uint32_t slot_count;
    uint32_t count;
};

/* Allocates nothing yet. key: random and secret, made once a process; a constant in tests. */
void idtable_init(struct idtable *t,
                  struct mem *mem,
                  const uint8_t *(*id_of)(const void *context, uint32_t number),
                  const void *context,
                  uint64_t key);
void idtable_fini(struct idtable *t); /* Accepts a zeroed table. */

/* Room for count numbers, so that idtable_add cannot fail. ST_NO_MEMORY, ST_LIMIT. */
NODISCARD enum status idtable_reserve(struct idtable *t, uint32_t count);

/* Number of an id, or IDTABLE_NONE. */
uint32_t idtable_find(const struct idtable *t, const uint8_t *id);

/* number's id must not be in the table, and room must have been reserved. */
void idtable_add(struct idtable *t, uint32_t number);

/* The id must be in the table; id_of still answers for its number. */
void idtable_remove(struct idtable *t, const uint8_t *id);

#endif
