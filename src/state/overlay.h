/* overlay.h - The pages that one session has changed, over the height that it sees.
 *
 * SQLite keeps changed pages in its own cache and writes here only what does not fit there, or what
 * a rollback puts back. Everything goes when the transaction ends. Bounded for each session, and by
 * a budget that all sessions share (I9). One thread at a time; the budget is for any thread. */
#ifndef TRUSTSQL_STATE_OVERLAY_H
#define TRUSTSQL_STATE_OVERLAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"

struct overlay {
    struct mem *mem;
    _Atomic uint32_t *budget; /* Pages that all overlays may still take. */
    uint32_t page_max;
    struct overlay_slot *slots; /* Open addressing, at most half full; null: none yet. */
    uint32_t slot_count;        /* A power of two. */
    uint32_t count;
};

void overlay_init(struct overlay *o, struct mem *mem, _Atomic uint32_t *budget, uint32_t page_max);
void overlay_clear(struct overlay *o); /* Forget all pages. Accepts a zeroed overlay. */

/* Image of a page, or null: it was not changed. */
const uint8_t *overlay_find(const struct overlay *o, uint32_t number);

/* ST_LIMIT: one session's or all sessions' pages are used up. */
NODISCARD enum status overlay_put(struct overlay *o, uint32_t number, const uint8_t *image);

/* Forget pages above count: the database became shorter. */
void overlay_truncate(struct overlay *o, uint32_t count);

#endif
