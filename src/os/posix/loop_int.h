/* loop_int.h - What loop.c and tcp.c share: the loop's insides.
 *
 * Invariants:
 *   L1  Everything living on a loop is in its list of items from its making until its release
 *       begins, so loop_free finds what is left.
 *   L2  An object's memory is freed only after libuv gave back its last handle.
 *   L3  A stream is in the list of dirty streams exactly while it has gathered bytes, none on the
 *       way, and is not finished. */
#ifndef TRUSTSQL_OS_POSIX_LOOP_INT_H
#define TRUSTSQL_OS_POSIX_LOOP_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/mem.h"
#include "base/status.h"
#include "os/loop.h"

#define LOOP_READ_BYTES ((size_t)64 << 10)

/* Head of every object on a loop. */
struct loop_item {
    struct loop_item *previous;
    struct loop_item *next;
    void (*release)(struct loop_item *item); /* As the object's own free or abrupt close. */
};

struct loop {
    uv_loop_t uv;
    uv_prepare_t before_poll; /* Flush what timers and wake-ups have written. */
    uv_check_t after_poll;    /* Flush what the answers to received bytes are. */
    uv_idle_t no_wait;        /* Active while dirty streams are left: poll must not sleep. */
    struct mem *mem;
    struct loop_item items;         /* L1. Ring; this is its anchor. */
    struct tcp_stream *dirty_first; /* L3. In order of the first write. */
    struct tcp_stream *dirty_last;
    uint32_t dirty_count;
    struct loop_turn *turns; /* All of them; few. */
    uint32_t turns_wanted;
    bool is_stopped;
    bool has_no_wait;
    char read_bytes[LOOP_READ_BYTES]; /* Shared: a read is handed on before the next begins. */
};

void loop_item_add(struct loop *l, struct loop_item *item, void (*release)(struct loop_item *item));
void loop_item_remove(struct loop_item *item);

/* tcp.c: write what each stream gathered since the last call. */
void tcp_flush_dirty(struct loop *l);

/* Status of a libuv error; result < 0. */
enum status loop_status(int result);

#endif
