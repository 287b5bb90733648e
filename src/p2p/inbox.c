/* inbox.c - See inbox.h. */
#include "p2p/inbox.h"

#include "base/endian.h"
#include "base/must.h"

static enum status carry_feed(struct inbox *in,
                              struct span *bytes,
                              const struct inbox_events *events);
static enum status frame_take(struct inbox *in,
                              const struct frame *frame,
                              const struct inbox_events *events);
static enum status message_begin(struct inbox *in, const struct frame *frame);
static enum status piece_add(struct inbox *in,
                             const struct frame *frame,
                             const struct inbox_events *events);

void inbox_init(struct inbox *in, struct mem *mem)
{
    in->mem = mem;
    in->carry_size = 0;
    for (uint32_t i = 0; i < P2P_CHANNELS; i++) {
        buf_init(&in->open[i].bytes, mem, p2p_message_max((enum p2p_channel)i));
        in->open[i].total = 0;
    }
}

void inbox_fini(struct inbox *in)
{
    for (uint32_t i = 0; i < P2P_CHANNELS; i++)
        buf_fini(&in->open[i].bytes);
}

enum status inbox_feed(struct inbox *in, struct span bytes, const struct inbox_events *events)
{
    while (in->carry_size > 0 && bytes.size > 0)
        TRY(carry_feed(in, &bytes, events));
    while (bytes.size > 0) {
        struct frame frame;
        size_t used = 0;
        enum status st = frame_decode(&frame, &used, bytes);
        if (st == ST_TRUNCATED) {
            must(bytes.size < FRAME_MAX); /* I2. */
            memcpy(in->carry, bytes.data, bytes.size);
            in->carry_size = bytes.size;
            return ST_OK;
        }
        TRY(st);
        TRY(frame_take(in, &frame, events));
        bytes = span_of(bytes.data + used, bytes.size - used);
    }
    return ST_OK;
}

/* Complete the carried frame: first its header, then the rest, never more. */
static enum status carry_feed(struct inbox *in,
                              struct span *bytes,
                              const struct inbox_events *events)
{
    size_t wanted = FRAME_HEADER;
    if (in->carry_size >= FRAME_HEADER) {
        wanted += (size_t)in->carry[2] | (size_t)in->carry[3] << 8;
    }
    must(wanted <= FRAME_MAX && in->carry_size < wanted); /* I2: the header was checked. */
    size_t part = wanted - in->carry_size;
    if (part > bytes->size) part = bytes->size;
    memcpy(in->carry + in->carry_size, bytes->data, part);
    in->carry_size += part;
    *bytes = span_of(bytes->data + part, bytes->size - part);
    struct frame frame;
    size_t used = 0;
    enum status st = frame_decode(&frame, &used, span_of(in->carry, in->carry_size));
    if (st == ST_TRUNCATED) return ST_OK;
    TRY(st);
    must(used == in->carry_size);
    in->carry_size = 0;
    return frame_take(in, &frame, events);
}

static enum status frame_take(struct inbox *in,
                              const struct frame *frame,
                              const struct inbox_events *events)
{
    if (frame_is_control(frame)) return events->control(events->context, frame);
    if (frame->payload.size == 0) return ST_INVALID;
    enum p2p_channel channel = (enum p2p_channel)frame->type;
    bool is_open = in->open[channel].total > 0;
    if (frame->flags == FRAME_WHOLE) {
        if (is_open) return ST_INVALID;
        return events->message(events->context, channel, frame->payload);
    }
    if (((frame->flags & FRAME_FIRST) != 0) == is_open) return ST_INVALID;
    if (!is_open) return message_begin(in, frame);
    return piece_add(in, frame, events);
}

static enum status message_begin(struct inbox *in, const struct frame *frame)
{
    enum p2p_channel channel = (enum p2p_channel)frame->type;
    if (frame->payload.size <= FRAME_TOTAL) return ST_INVALID;
    uint32_t total = get_u32_le(frame->payload.data);
    if (total > p2p_message_max(channel)) return ST_LIMIT;
    size_t size = frame->payload.size - FRAME_TOTAL;
    if (size >= total) return ST_INVALID; /* It would have been whole. */
    struct buf *to = &in->open[channel].bytes;
    must(to->size == 0);
    buf_put(to, span_of(frame->payload.data + FRAME_TOTAL, size));
    TRY(buf_status(to));
    in->open[channel].total = total;
    return ST_OK;
}

static enum status piece_add(struct inbox *in,
                             const struct frame *frame,
                             const struct inbox_events *events)
{
    enum p2p_channel channel = (enum p2p_channel)frame->type;
    struct buf *to = &in->open[channel].bytes;
    uint32_t total = in->open[channel].total;
    must(to->size < total); /* I1. */
    if (frame->payload.size > total - to->size) return ST_INVALID;
    buf_put(to, frame->payload);
    TRY(buf_status(to));
    if (((frame->flags & FRAME_LAST) != 0) != (to->size == total)) return ST_INVALID;
    if (to->size < total) return ST_OK;
    in->open[channel].total = 0;
    enum status st = events->message(events->context, channel, buf_span(to));
    buf_fini(to); /* Large messages are rare: their memory is not kept. */
    buf_init(to, in->mem, p2p_message_max(channel));
    return st;
}
