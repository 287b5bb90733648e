/* inbox.h - From the bytes of one connection to messages: cuts frames, puts pieces together.
 *
 * Memory: one frame that is not whole yet, and per channel one message that is not whole yet, which
 * grows as its pieces come, so that a peer which announces much and sends little costs little.
 * Whole messages in one frame are handed on where they lie. Pure; one thread.
 *
 * Invariants:
 *   I1  At most one message per channel is open; it never exceeds the channel's limit.
 *   I2  carry holds less than one whole frame. */
#ifndef TRUSTSQL_P2P_INBOX_H
#define TRUSTSQL_P2P_INBOX_H

#include "p2p/frame.h"
#include "p2p/p2p.h"

struct inbox {
    struct mem *mem;
    struct {
        struct buf bytes;
        uint32_t total; /* 0: no message is open. */
    } open[P2P_CHANNELS];
    size_t carry_size;
    uint8_t carry[FRAME_MAX];
};

/* What came. Bytes are valid during the call. Anything but ST_OK ends inbox_feed with it. */
struct inbox_events {
    enum status (*message)(void *context, enum p2p_channel channel, struct span bytes);
    enum status (*control)(void *context, const struct frame *frame);
    void *context;
};

void inbox_init(struct inbox *in, struct mem *mem);
void inbox_fini(struct inbox *in); /* Accepts a zeroed one. */

/* ST_INVALID: no frame, or pieces that do not fit together. ST_LIMIT: larger than the channel
 * allows. ST_NO_MEMORY. After a failure the inbox takes nothing more. */
NODISCARD enum status inbox_feed(struct inbox *in,
                                 struct span bytes,
                                 const struct inbox_events *events);

#endif
