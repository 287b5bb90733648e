/* window.h - The ring of heights that can be read: their page counts, pins and differences.
 *
 * A version is a height plus one, so that 0 names the empty file before genesis. One thread (the
 * execution thread) publishes and retires; any thread pins. Invariants (README): I1, I3. */
#ifndef TRUSTSQL_STATE_WINDOW_H
#define TRUSTSQL_STATE_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/status.h"
#include "os/thread.h"

#define WINDOW_HEIGHTS_MAX (1u << 20)
#define WINDOW_NEWEST      UINT64_MAX

struct window_slot {
    void *block; /* Differences made by this version's block: one allocation, or null. */
    size_t block_bytes;
    uint32_t page_count; /* Of the database at this version. */
    uint32_t pins;
};

struct window {
    struct mem *mem;
    struct mutex *mutex; /* Guards slots, bytes, held. */
    struct window_slot *slots;
    uint64_t slot_count; /* A power of two. */
    uint64_t view_heights;
    size_t view_bytes;
    size_t bytes;            /* Of all blocks of differences. */
    uint64_t held;           /* Version the checkpoint reads, or WINDOW_NEWEST: none. */
    _Atomic uint64_t oldest; /* A view below is dead (killed): its reads fail. */
    _Atomic uint64_t newest;
};

struct window_view {
    uint64_t version;
    uint32_t page_count;
};

struct window_limits {
    uint32_t view_heights; /* 1 … WINDOW_HEIGHTS_MAX. */
    size_t view_bytes;
};

/* The window holds one version. Accepts a zeroed window in fini. */
NODISCARD enum status window_init(struct window *w,
                                  struct mem *mem,
                                  const struct window_limits *limits,
                                  const struct window_view *first);
void window_fini(struct window *w);

uint64_t window_oldest(const struct window *w);
uint64_t window_newest(const struct window *w);

/* Version, or WINDOW_NEWEST. ST_NOT_FOUND: not retained. */
NODISCARD enum status window_pin(struct window *w, uint64_t version, struct window_view *out);
void window_unpin(struct window *w, const struct window_view *view);

/* Pin version, or the newest when that is older, for the checkpoint: retired only at twice the
 * limits. ST_NOT_FOUND: not retained. */
NODISCARD enum status window_hold(struct window *w, uint64_t version, struct window_view *out);
void window_release(struct window *w, const struct window_view *view);

/* The next version, whose block made the differences in block (taken; may be null). There is room:
 * window_retire_one was called until it said so. */
void window_publish(struct window *w, uint32_t page_count, void *take_block, size_t block_bytes);

/* Retire the oldest version when a limit asks for it and give its successor's block, which nobody
 * may read any more except views that *was_pinned says are dead now: before the block is freed each
 * shard must be locked once. False: nothing to retire. */
struct window_retired {
    void *block; /* May be null. */
    bool was_pinned;
};
bool window_retire_one(struct window *w, struct window_retired *out);

#endif
