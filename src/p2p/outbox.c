/* outbox.c - See outbox.h. */
#include "p2p/outbox.h"

#include "base/endian.h"
#include "base/must.h"

#define PIECE_MIN 1024u /* A piece of a letter is not begun in less room. */

struct letter {
    struct mem *mem;
    uint32_t references;
    uint32_t size;
    uint8_t bytes[];
};

struct parcel {
    struct parcel *next;
    struct letter *letter; /* Null: a pack of frames. */
    uint32_t size;         /* Of the frames in the pack, or of the letter. */
    uint32_t at;           /* Sent so far. */
    uint8_t frames[];      /* FRAME_MAX bytes in a pack, none otherwise. */
};

static struct parcel *pack_for(struct outbox *o, enum p2p_channel channel, size_t size);
static void queue_add(struct outbox *o, enum p2p_channel channel, struct parcel *parcel);
static void queue_drop_first(struct outbox *o, enum p2p_channel channel);
static void parcel_free(struct outbox *o, struct parcel *parcel);
static size_t channel_fill(struct outbox *o, enum p2p_channel channel, uint8_t *to, size_t room);
static size_t pack_fill(struct parcel *pack, uint8_t *to, size_t room);
static size_t letter_fill(struct parcel *parcel, uint8_t type, uint8_t *to, size_t room);

struct letter *letter_new(struct mem *mem, struct span bytes)
{
    must(bytes.size > 0 && bytes.size <= P2P_BULK_MAX);
    struct letter *letter = mem_alloc(mem, sizeof(*letter) + bytes.size);
    if (letter == NULL) return NULL;
    letter->mem = mem;
    letter->references = 1;
    letter->size = (uint32_t)bytes.size;
    memcpy(letter->bytes, bytes.data, bytes.size);
    return letter;
}

void letter_release(struct letter *letter)
{
    if (letter == NULL) return;
    must(letter->references > 0);
    if (--letter->references == 0) mem_free(letter->mem, letter);
}

void outbox_init(struct outbox *o, struct mem *mem)
{
    *o = (struct outbox){.mem = mem};
}

void outbox_clear(struct outbox *o)
{
    for (uint32_t c = 0; c < P2P_CHANNELS; c++) {
        while (o->queue[c].first != NULL)
            queue_drop_first(o, (enum p2p_channel)c);
        o->queued[c] = 0;
    }
    if (o->spare != NULL) mem_free(o->mem, o->spare);
    o->spare = NULL;
    o->tx_run = 0;
}

enum status outbox_put(struct outbox *o, enum p2p_channel channel, struct span bytes)
{
    must(bytes.size > 0 && !letter_is_needed(bytes.size));
    size_t size = FRAME_HEADER + bytes.size;
    if (o->queued[channel] > 0 && o->queued[channel] + size > outbox_max(channel)) return ST_BUSY;
    struct parcel *pack = pack_for(o, channel, size);
    if (pack == NULL) return ST_NO_MEMORY;
    frame_header_put(pack->frames + pack->size, (uint8_t)channel, FRAME_WHOLE, bytes.size);
    memcpy(pack->frames + pack->size + FRAME_HEADER, bytes.data, bytes.size);
    pack->size += (uint32_t)size;
    must(pack->size <= FRAME_MAX);
    o->queued[channel] += size;
    return ST_OK;
}

enum status outbox_put_letter(struct outbox *o, enum p2p_channel channel, struct letter *letter)
{
    must(letter_is_needed(letter->size) && letter->size <= p2p_message_max(channel));
    if (o->queued[channel] > 0 && o->queued[channel] + letter->size > outbox_max(channel)) {
        return ST_BUSY; /* O2. */
    }
    struct parcel *parcel = mem_alloc_zero(o->mem, 1, sizeof(*parcel));
    if (parcel == NULL) return ST_NO_MEMORY;
    parcel->letter = letter;
    parcel->size = letter->size;
    letter->references++;
    queue_add(o, channel, parcel);
    o->queued[channel] += letter->size;
    return ST_OK;
}

size_t outbox_fill(struct outbox *o, uint8_t *to)
{
    bool is_bulk_turn = o->tx_run >= OUTBOX_TX_RUN && o->queued[P2P_BULK] > 0;
    enum p2p_channel second = is_bulk_turn ? P2P_BULK : P2P_TX;
    enum p2p_channel third = is_bulk_turn ? P2P_TX : P2P_BULK;
    size_t size = channel_fill(o, P2P_CONSENSUS, to, FRAME_MAX);
    if (o->queued[P2P_CONSENSUS] > 0) return size;
    size_t part = channel_fill(o, second, to + size, FRAME_MAX - size);
    size += part;
    if (second == P2P_BULK) {
        if (part > 0) o->tx_run = 0;
    } else if (part > 0 && o->queued[P2P_BULK] > 0) {
        o->tx_run++;
    }
    if (o->queued[second] == 0) size += channel_fill(o, third, to + size, FRAME_MAX - size);
    must(size <= FRAME_MAX);
    must(size > 0 || outbox_is_empty(o));
    return size;
}

bool outbox_is_empty(const struct outbox *o)
{
    for (uint32_t c = 0; c < P2P_CHANNELS; c++)
        if (o->queued[c] > 0) return false;
    return true;
}

/* The channel's last pack if size bytes still fit, else a new one. */
static struct parcel *pack_for(struct outbox *o, enum p2p_channel channel, size_t size)
{
    struct parcel *last = o->queue[channel].last;
    if (last != NULL && last->letter == NULL && FRAME_MAX - last->size >= size) return last;
    struct parcel *pack = o->spare;
    o->spare = NULL;
    if (pack == NULL) pack = mem_alloc(o->mem, sizeof(*pack) + FRAME_MAX);
    if (pack == NULL) return NULL;
    *pack = (struct parcel){.size = 0};
    queue_add(o, channel, pack);
    return pack;
}

static void queue_add(struct outbox *o, enum p2p_channel channel, struct parcel *parcel)
{
    if (o->queue[channel].last != NULL)
        o->queue[channel].last->next = parcel;
    else
        o->queue[channel].first = parcel;
    o->queue[channel].last = parcel;
}

static void queue_drop_first(struct outbox *o, enum p2p_channel channel)
{
    struct parcel *parcel = o->queue[channel].first;
    o->queue[channel].first = parcel->next;
    if (parcel->next == NULL) o->queue[channel].last = NULL;
    parcel_free(o, parcel);
}

static void parcel_free(struct outbox *o, struct parcel *parcel)
{
    letter_release(parcel->letter);
    if (parcel->letter == NULL && o->spare == NULL)
        o->spare = parcel;
    else
        mem_free(o->mem, parcel);
}

/* Whole frames of one channel, as many as fit into room. */
static size_t channel_fill(struct outbox *o, enum p2p_channel channel, uint8_t *to, size_t room)
{
    size_t filled = 0;
    while (o->queue[channel].first != NULL) {
        struct parcel *parcel = o->queue[channel].first;
        uint32_t before = parcel->at;
        size_t part = parcel->letter == NULL
                          ? pack_fill(parcel, to + filled, room - filled)
                          : letter_fill(parcel, (uint8_t)channel, to + filled, room - filled);
        filled += part;
        must(o->queued[channel] >= parcel->at - before);
        o->queued[channel] -= parcel->at - before; /* O1. */
        if (parcel->at < parcel->size) break;
        queue_drop_first(o, channel);
    }
    return filled;
}

static size_t pack_fill(struct parcel *pack, uint8_t *to, size_t room)
{
    size_t part = pack->size - pack->at;
    if (part > room) { /* O3: up to the end of the last frame that fits. */
        part = 0;
        for (;;) {
            const uint8_t *header = pack->frames + pack->at + part;
            size_t frame = FRAME_HEADER + ((size_t)header[2] | (size_t)header[3] << 8);
            if (part + frame > room) break;
            part += frame;
        }
    }
    memcpy(to, pack->frames + pack->at, part);
    pack->at += (uint32_t)part;
    return part;
}

static size_t letter_fill(struct parcel *parcel, uint8_t type, uint8_t *to, size_t room)
{
    size_t left = parcel->size - parcel->at;
    size_t head = FRAME_HEADER + (parcel->at == 0 ? FRAME_TOTAL : 0);
    if (room < PIECE_MIN) return 0;
    size_t piece = left < room - head ? left : room - head;
    uint8_t flags = parcel->at == 0 ? FRAME_FIRST : 0;
    if (piece == left) flags |= FRAME_LAST;
    must(flags != FRAME_WHOLE);
    frame_header_put(to, type, flags, head - FRAME_HEADER + piece);
    if (parcel->at == 0) put_u32_le(to + FRAME_HEADER, parcel->size);
    memcpy(to + head, parcel->letter->bytes + parcel->at, piece);
    parcel->at += (uint32_t)piece;
    return head + piece;
}
