/* outbox.h - What waits to be sent to one peer: a queue per channel, drained by urgency in frames.
 *
 * Small messages are encoded at once, side by side, into packs of a TLS record's size. Large ones
 * stay whole, shared by the peers they go to, and are cut when their turn comes, so that a vote
 * waits for one frame of a body at most. The transactions give way to bulk once in
 * OUTBOX_TX_RUN records, so that a node that lags can catch up under full load. Pure; one thread.
 *
 * Invariants:
 *   O1  queued[c] = bytes of frames and large messages in channel c that outbox_fill has not taken.
 *   O2  A channel's queue exceeds OUTBOX_MAX(c) only by a message that met it empty.
 *   O3  Frames leave whole; frames of one channel leave in order. */
#ifndef TRUSTSQL_P2P_OUTBOX_H
#define TRUSTSQL_P2P_OUTBOX_H

#include "p2p/frame.h"
#include "p2p/p2p.h"

#define OUTBOX_TX_RUN 8u

/* Bytes that may wait in a channel's queue. */
static inline size_t outbox_max(enum p2p_channel channel)
{
    return 2 * (size_t)p2p_message_max(channel);
}

/* A large message, shared by queues. The holder's reference is given back with letter_release. */
struct letter;
struct letter *letter_new(struct mem *mem, struct span bytes); /* Copies. Null: no memory. */
void letter_release(struct letter *letter);                    /* Null allowed. */
static inline bool letter_is_needed(size_t size)
{
    return size > FRAME_PAYLOAD_MAX;
}

struct parcel; /* A pack, or a letter on its way. */

struct outbox {
    struct mem *mem;
    struct {
        struct parcel *first;
        struct parcel *last;
    } queue[P2P_CHANNELS];
    size_t queued[P2P_CHANNELS]; /* O1. */
    struct parcel *spare;        /* One empty pack, kept. */
    uint32_t tx_run;             /* Records with transactions since bulk had its turn. */
};

void outbox_init(struct outbox *o, struct mem *mem);
void outbox_clear(struct outbox *o); /* Empty it; accepts a zeroed one. Also the end of its life. */

/* A message that fits a frame. ST_BUSY: full. ST_NO_MEMORY. */
NODISCARD enum status outbox_put(struct outbox *o, enum p2p_channel channel, struct span bytes);
/* A large one; takes a reference of its own. */
NODISCARD enum status outbox_put_letter(struct outbox *o,
                                        enum p2p_channel channel,
                                        struct letter *letter);

/* The next frames, at most FRAME_MAX bytes, into to[FRAME_MAX]; returns how many bytes, 0: empty.
 */
size_t outbox_fill(struct outbox *o, uint8_t *to);
bool outbox_is_empty(const struct outbox *o);

#endif
