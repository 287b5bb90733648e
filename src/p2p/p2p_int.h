/* p2p_int.h - What p2p.c, peer.c and link.c share.
 *
 * Invariants:
 *   P1  peer.link is the one adopted connection, exactly while peer.contact.is_up and the link's
 *       state is LINK_UP.
 *   P2  peer.dialling is the one connection that we began and that is neither adopted nor dead.
 *   P3  A link's memory lives until its stream's closed: a dead link may still be on the stack.
 *   P4  strangers_now = links that are alive, inbound and without a member's key. At most
 *       STRANGERS_MAX.
 *   P5  The keys of places in use are distinct; a link that is alive and has a peer has one in use.
 */
#ifndef TRUSTSQL_P2P_P2P_INT_H
#define TRUSTSQL_P2P_P2P_INT_H

#include "os/thread.h"
#include "p2p/contact.h"
#include "p2p/inbox.h"
#include "p2p/outbox.h"
#include "p2p/p2p.h"
#include "p2p/proxy.h"
#include "p2p/tls.h"

#define TICK_MS           100u
#define CONNECT_MS        4000u /* Until TCP stands, or the proxy answers. */
#define HANDSHAKE_MS      5000u /* From there until the connection is adopted. */
#define STRANGERS_MAX     32u
#define STRANGER_SAFE_MS  1000u  /* So long no newer one displaces it. */
#define STRANGER_BYTES    16384u /* What a handshake may need. */
#define STEPS_PER_SECOND  100u   /* Steps of inbound handshakes: about a third of a ms each. */
#define STEPS_MOST        64u
#define WRITE_AHEAD       (64u << 10) /* Sealed bytes that wait for the kernel. */
#define UNSENT_MAX        (32u << 10) /* And in the kernel for the wire. */
#define GUESTS_PER_SECOND 2u          /* Tokens looked at. */
#define GUESTS_MOST       8u
#define PONG_QUEUE_MAX    (1u << 20) /* Who does not read gets no more answers. */
#define CERTIFICATE_S     86400u     /* A day; renewed after half of it. */
#define NOBODY            P2P_NOBODY

enum link_state {
    LINK_CONNECT, /* We dial. */
    LINK_PROXY,   /* We talk to our proxy. */
    LINK_TLS,
    LINK_HELLO, /* The key is a member's; its HELLO has not come. */
    LINK_WAIT,  /* For ADOPT: the other side chooses. */
    LINK_UP,
    LINK_DEAD,
};

struct link {
    struct p2p *p; /* Null: p2p_free was called. */
    struct mem *mem;
    struct link *previous;
    struct link *next;
    struct tcp_stream *stream;
    struct tls *tls;
    struct proxy_talk *talk; /* While LINK_PROXY. */
    enum link_state state;
    uint32_t peer; /* NOBODY: unknown yet. */
    bool is_dialled;
    bool is_stranger;      /* P4. */
    bool is_held;          /* Paused until the bucket has tokens. */
    bool is_asking;        /* Of an unknown key, which may show a token. */
    struct public_key key; /* Of the other side; since TLS has it. */
    uint64_t opened_ms;
    uint64_t deadline_ms;
    size_t stranger_bytes;
    struct hello hello; /* The peer's. */
    struct buf held;
    struct inbox inbox;
    char address[64];
    char refused[P2P_FAILURE_MAX]; /* Why on_key did not admit the other side. */
};

struct peer {
    bool is_used; /* Somebody has this place. */
    bool is_guest;
    uint64_t guest_until_ms;
    struct public_key key;
    struct buf token; /* We show it. */
    char name[P2P_NAME_MAX];
    char address[P2P_ADDRESS_MAX];
    struct endpoint endpoint;
    bool has_address;
    struct contact contact;
    struct outbox outbox;
    struct link *link;     /* P1. */
    struct link *dialling; /* P2. */
    uint64_t connected_since_ms;
    uint64_t connects;
    uint64_t attempts;
    uint64_t wire_in;
    uint64_t wire_out;
    struct p2p_traffic traffic[P2P_CHANNELS];
    char last_failure[P2P_FAILURE_MAX];
    uint64_t last_failure_ms;
};

struct p2p {
    struct os *os;
    struct mem *mem;
    struct loop *loop;
    struct hash chain_id;
    struct public_key key;
    uint32_t self; /* Our own place; NOBODY: we are on no list. */
    struct peer peers[P2P_PEERS_MAX];
    struct proxy proxy;
    struct p2p_events events;
    struct tls_context *tls;
    struct identity_span certificate;
    struct tcp_listener *listener;
    struct loop_timer *timer;
    struct loop_turn *turn;
    uint64_t dirty; /* Bit i: peer i has something to send. */
    uint64_t incarnation;
    uint64_t next_link;
    uint64_t ticked_ms;
    struct link *links; /* Alive and dead. */
    uint32_t strangers_now;
    struct bucket steps;
    struct bucket asks; /* Tokens of strangers. */
    struct p2p_stranger_view strangers;
    struct mutex *mutex; /* Guards the two below. */
    struct p2p_peer_view views[P2P_PEERS_MAX];
    struct p2p_stranger_view strangers_seen;
    uint8_t plain[FRAME_MAX];  /* What tls_read gave; handed on before the next. */
    uint8_t record[FRAME_MAX]; /* What outbox_fill gave. */
};

/* link.c */

/* Dial peers[peer]; P2. Failure is noted. */
void link_dial(struct p2p *p, uint32_t peer);
void link_accepted(struct p2p *p, struct tcp_stream *stream);
/* Say why, close, note failure for whom it concerns (null: none). */
void link_end(struct link *l, enum bye reason, const char *failure);
/* As link_end after the peer broke the protocol; it is kept away for a while. */
void link_ban(struct link *l, const char *failure);
void link_forget(struct link *l); /* p2p_free: close; the memory goes with the stream. */
/* Seal and write what waits, as far as the stream takes it. */
void link_pump(struct link *l);
void link_ping(struct link *l, uint64_t token);
/* Time passes: deadlines, tokens for the held. */
void link_tick(struct link *l, uint64_t now_ms);

/* members.c */

enum status peer_configure(struct peer *who, const struct p2p_peer_config *config);
/* The key of a link that shows this token gets a place as a guest. NOBODY: it is not let in. */
uint32_t guest_admit(struct p2p *p, const struct public_key *key, struct span token);
void peer_remove(struct p2p *p, uint32_t peer, enum bye reason, const char *failure);

/* p2p.c */

enum status certificate_make(struct p2p *p, const struct secret_key *key);

/* peer.c */

/* The member with this key; NOBODY: none, or ourselves. */
uint32_t peer_of_key(const struct p2p *p, const struct public_key *key);
void peer_failed(struct p2p *p, uint32_t peer, const char *failure);
void peer_retry(struct p2p *p, uint32_t peer); /* An attempt ended: back off. */
void peer_up(struct p2p *p, struct link *l, uint64_t link_number);
void peer_down(struct p2p *p, uint32_t peer);
/* We are the one that chooses between connections. */
bool peer_is_chosen_by_us(const struct p2p *p, uint32_t peer);
void peer_tick(struct p2p *p, uint32_t peer, uint64_t now_ms);
void peer_publish(struct p2p *p, uint32_t peer);

#endif
