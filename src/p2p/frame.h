/* frame.h - Frames, the unit of everything that two nodes say inside TLS, and the control messages.
 *
 *   frame   0  u8  type: 0…2 a channel's message or a piece of one, 16… control
 *           1  u8  flags: FRAME_FIRST, FRAME_LAST; 0 in control frames
 *           2  u16 size of the payload, 0…16,380
 *           4  payload. The first of several pieces begins with u32, the whole message's size.
 *   HELLO   "TSP2", u32 version, chain id (32), key (32), u64 incarnation, u64 lost link,
 *           token (0…256, the rest)
 *   ADOPT   u64 link number
 *   PING    u64 token
 *   PONG    u64 token, u64 wall clock in milliseconds
 *   BYE     u8 reason
 *
 * Little-endian. docs/format/p2p.md tells the whole protocol. Pure; safe from any thread. */
#ifndef TRUSTSQL_P2P_FRAME_H
#define TRUSTSQL_P2P_FRAME_H

#include "base/buf.h"
#include "crypto/hash.h"

#define FRAME_HEADER      4u
#define FRAME_MAX         16384u /* One TLS record. */
#define FRAME_PAYLOAD_MAX (FRAME_MAX - FRAME_HEADER)
#define FRAME_TOTAL       4u /* The u32 in front of the first of several pieces. */

#define FRAME_FIRST       1u
#define FRAME_LAST        2u
#define FRAME_WHOLE       (FRAME_FIRST | FRAME_LAST)

#define PROTOCOL_VERSION  2u
#define HELLO_KEY_SIZE    32u /* Ed25519. */
#define HELLO_TOKEN_MAX   256u

enum frame_type { /* Below FRAME_HELLO: enum p2p_channel. */
                  FRAME_HELLO = 16,
                  FRAME_ADOPT = 17,
                  FRAME_PING = 18,
                  FRAME_PONG = 19,
                  FRAME_BYE = 20,
};

struct frame {
    uint8_t type;
    uint8_t flags;
    struct span payload;
};

/* The frame at the beginning of in; *used: its size. ST_TRUNCATED: more bytes are needed (at most
 * FRAME_MAX in all). ST_INVALID: no such frame. */
NODISCARD enum status frame_decode(struct frame *out, size_t *used, struct span in);
void frame_encode(struct buf *out, const struct frame *frame);
bool frame_is_control(const struct frame *frame);

/* Header alone, into FRAME_HEADER bytes. */
void frame_header_put(uint8_t *to, uint8_t type, uint8_t flags, size_t payload_size);

struct hello {
    uint32_t version;
    struct hash chain_id;
    uint8_t key[HELLO_KEY_SIZE]; /* Of the sender: that of its certificate. */
    uint64_t incarnation;        /* Drawn when the sender's process started. */
    uint64_t lost_link; /* Number of the link that the sender had and lost last; 0: none. */
    struct span token;  /* Of one that is no member and asks to be let in; borrowed. */
};

/* Appends a whole frame. */
void hello_encode(struct buf *out, const struct hello *hello);
/* From a frame's payload. ST_UNSUPPORTED: another version, *out has it and nothing else. */
NODISCARD enum status hello_decode(struct hello *out, struct span payload);

struct pong {
    uint64_t token;
    uint64_t wall_ms;
};

void adopt_encode(struct buf *out, uint64_t link_number);
NODISCARD enum status adopt_decode(uint64_t *link_number, struct span payload);
void ping_encode(struct buf *out, uint64_t token);
NODISCARD enum status ping_decode(uint64_t *token, struct span payload);
void pong_encode(struct buf *out, const struct pong *pong);
NODISCARD enum status pong_decode(struct pong *out, struct span payload);

/* Why a node ends a connection: name, code, text as the other side shows it after "it said: ". */
#define BYE_LIST(X)                                                                                \
    X(BYE_STOPPING, 1, "it stops")                                                                 \
    X(BYE_DUPLICATE, 2, "another connection is in use")                                            \
    X(BYE_OTHER_VERSION, 3, "it speaks another version of the protocol")                           \
    X(BYE_OTHER_CHAIN, 4, "it belongs to another chain")                                           \
    X(BYE_WRONG_SENDER, 5, "our HELLO names another key than our certificate")                     \
    X(BYE_GARBAGE, 6, "we sent what is no frame or breaks the protocol")                           \
    X(BYE_SILENT, 7, "it heard nothing from us")                                                   \
    X(BYE_BANNED, 8, "it keeps us away for a while after garbage")                                 \
    X(BYE_NO_MEMBER, 9, "it does not count us among the nodes of the chain")

enum bye {
    BYE_NONE = 0, /* Nothing is said. */
#define BYE_ENUM(name, code, text) name = (code),
    BYE_LIST(BYE_ENUM)
#undef BYE_ENUM
};

void bye_encode(struct buf *out, enum bye reason);
/* ST_INVALID: no reason of ours. */
NODISCARD enum status bye_decode(enum bye *out, struct span payload);
const char *bye_text(enum bye reason);

#endif
