/* frame.c - Codec of frame.h. */
#include "p2p/frame.h"

#include "base/endian.h"
#include "base/must.h"
#include "p2p/p2p.h"

#define HELLO_MAGIC 0x32505354u /* "TSP2" */
#define HELLO_SIZE  88u         /* Without a token. */
#define ADOPT_SIZE  8u
#define PING_SIZE   8u
#define PONG_SIZE   16u
#define BYE_SIZE    1u

_Static_assert((int)P2P_CHANNELS <= (int)FRAME_HELLO, "channels and control types share one byte");

static bool type_is_known(uint8_t type, uint8_t flags);
static void control_put(struct buf *out, enum frame_type type, struct span payload);
static enum status number_decode(uint64_t *out, struct span payload);

enum status frame_decode(struct frame *out, size_t *used, struct span in)
{
    if (in.size < FRAME_HEADER) return ST_TRUNCATED;
    size_t size = (size_t)in.data[2] | (size_t)in.data[3] << 8;
    if (size > FRAME_PAYLOAD_MAX || !type_is_known(in.data[0], in.data[1])) return ST_INVALID;
    if (in.size - FRAME_HEADER < size) return ST_TRUNCATED;
    *out = (struct frame){
        .type = in.data[0], .flags = in.data[1], .payload = span_of(in.data + FRAME_HEADER, size)};
    *used = FRAME_HEADER + size;
    must(*used <= FRAME_MAX);
    return ST_OK;
}

void frame_encode(struct buf *out, const struct frame *frame)
{
    uint8_t header[FRAME_HEADER];
    must(type_is_known(frame->type, frame->flags));
    frame_header_put(header, frame->type, frame->flags, frame->payload.size);
    buf_put(out, span_of(header, sizeof(header)));
    buf_put(out, frame->payload);
}

bool frame_is_control(const struct frame *frame)
{
    return frame->type >= FRAME_HELLO;
}

void frame_header_put(uint8_t *to, uint8_t type, uint8_t flags, size_t payload_size)
{
    must(payload_size <= FRAME_PAYLOAD_MAX);
    to[0] = type;
    to[1] = flags;
    to[2] = (uint8_t)payload_size;
    to[3] = (uint8_t)(payload_size >> 8);
}

static bool type_is_known(uint8_t type, uint8_t flags)
{
    if (type < P2P_CHANNELS) return flags <= FRAME_WHOLE;
    return flags == 0 && type >= FRAME_HELLO && type <= FRAME_BYE;
}

static void control_put(struct buf *out, enum frame_type type, struct span payload)
{
    struct frame frame = {.type = (uint8_t)type, .payload = payload};
    frame_encode(out, &frame);
}

/* --- hello --------------------------------------------------------------------------------- */

void hello_encode(struct buf *out, const struct hello *hello)
{
    uint8_t bytes[HELLO_SIZE + HELLO_TOKEN_MAX];
    must(hello->token.size <= HELLO_TOKEN_MAX);
    put_u32_le(bytes, HELLO_MAGIC);
    put_u32_le(bytes + 4, hello->version);
    memcpy(bytes + 8, hello->chain_id.bytes, 32);
    memcpy(bytes + 40, hello->key, HELLO_KEY_SIZE);
    put_u64_le(bytes + 72, hello->incarnation);
    put_u64_le(bytes + 80, hello->lost_link);
    if (hello->token.size > 0) memcpy(bytes + HELLO_SIZE, hello->token.data, hello->token.size);
    control_put(out, FRAME_HELLO, span_of(bytes, HELLO_SIZE + hello->token.size));
}

/* Magic and version stand at their place in every version; what follows is the version's own. */
enum status hello_decode(struct hello *out, struct span payload)
{
    if (payload.size < 8 || get_u32_le(payload.data) != HELLO_MAGIC) return ST_INVALID;
    uint32_t version = get_u32_le(payload.data + 4);
    if (version != PROTOCOL_VERSION) {
        *out = (struct hello){.version = version};
        return ST_UNSUPPORTED;
    }
    if (payload.size < HELLO_SIZE || payload.size > HELLO_SIZE + HELLO_TOKEN_MAX) return ST_INVALID;
    out->version = version;
    memcpy(out->chain_id.bytes, payload.data + 8, 32);
    memcpy(out->key, payload.data + 40, HELLO_KEY_SIZE);
    out->incarnation = get_u64_le(payload.data + 72);
    out->lost_link = get_u64_le(payload.data + 80);
    out->token = span_of(payload.data + HELLO_SIZE, payload.size - HELLO_SIZE);
    return ST_OK;
}

/* --- the small ones ------------------------------------------------------------------------ */

void adopt_encode(struct buf *out, uint64_t link_number)
{
    uint8_t bytes[ADOPT_SIZE];
    put_u64_le(bytes, link_number);
    control_put(out, FRAME_ADOPT, span_of(bytes, sizeof(bytes)));
}

enum status adopt_decode(uint64_t *link_number, struct span payload)
{
    return number_decode(link_number, payload);
}

void ping_encode(struct buf *out, uint64_t token)
{
    uint8_t bytes[PING_SIZE];
    put_u64_le(bytes, token);
    control_put(out, FRAME_PING, span_of(bytes, sizeof(bytes)));
}

enum status ping_decode(uint64_t *token, struct span payload)
{
    return number_decode(token, payload);
}

void pong_encode(struct buf *out, const struct pong *pong)
{
    uint8_t bytes[PONG_SIZE];
    put_u64_le(bytes, pong->token);
    put_u64_le(bytes + 8, pong->wall_ms);
    control_put(out, FRAME_PONG, span_of(bytes, sizeof(bytes)));
}

enum status pong_decode(struct pong *out, struct span payload)
{
    if (payload.size != PONG_SIZE) return ST_INVALID;
    out->token = get_u64_le(payload.data);
    out->wall_ms = get_u64_le(payload.data + 8);
    return ST_OK;
}

void bye_encode(struct buf *out, enum bye reason)
{
    uint8_t code = (uint8_t)reason;
    control_put(out, FRAME_BYE, span_of(&code, BYE_SIZE));
}

enum status bye_decode(enum bye *out, struct span payload)
{
    if (payload.size != BYE_SIZE) return ST_INVALID;
    switch (payload.data[0]) {
#define BYE_CASE(name, code, text)                                                                 \
    case code: *out = name; return ST_OK;
        BYE_LIST(BYE_CASE)
#undef BYE_CASE
    default: return ST_INVALID;
    }
}

const char *bye_text(enum bye reason)
{
    switch (reason) {
    case BYE_NONE: return "";
#define BYE_TEXT(name, code, text)                                                                 \
    case name: return text;
        BYE_LIST(BYE_TEXT)
#undef BYE_TEXT
    }
    return "";
}

static enum status number_decode(uint64_t *out, struct span payload)
{
    if (payload.size != 8) return ST_INVALID;
    *out = get_u64_le(payload.data);
    return ST_OK;
}
