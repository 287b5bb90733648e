/* p2p.h - The network between the nodes of one chain.
 *
 * One connection for each pair of nodes, whoever dialled: TCP, mutual TLS 1.3, frames. A node is
 * its key: a peer is accepted exactly if its certificate holds the key of a node on the list, which
 * changes while the network runs (p2p_set_peers). A peer has a place, a small number that stays its
 * own as long as its key is on the list. Messages of three channels share the connection; what is
 * more urgent passes what is large.
 *
 * A guest is a key that is not on the list and showed a token which events.admit accepts. It has a
 * place, too, for P2P_GUEST_MS at most; few guests at a time, few questions a second.
 *
 * Delivery: messages of one channel to one peer arrive whole, once and in order while the
 * connection stands. When it breaks, what was queued or on its way is lost, down is called, and up
 * when it stands again: the callers ask for what they miss.
 *
 * All belongs to the loop's thread, events come from there; p2p_view and p2p_strangers may be
 * called from any thread. Nothing here is trusted above: bytes of a message are what a member sent.
 */
#ifndef TRUSTSQL_P2P_P2P_H
#define TRUSTSQL_P2P_P2P_H

#include "base/mem.h"
#include "base/span.h"
#include "base/status.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "os/loop.h"
#include "os/os.h"

#define P2P_PEERS_MAX   64u /* Places: the nodes of a chain, former ones, guests. */
#define P2P_NOBODY      P2P_PEERS_MAX
#define P2P_GUESTS_MAX  4u
#define P2P_GUEST_MS    600000u
#define P2P_TOKEN_MAX   256u
#define P2P_NAME_MAX    64u  /* With the terminating 0, as the next ones. */
#define P2P_ADDRESS_MAX 264u /* "host:port"; a host's name has at most 253 characters. */
#define P2P_FAILURE_MAX 160u

/* From the most urgent to the least. */
enum p2p_channel { P2P_CONSENSUS, P2P_TX, P2P_BULK, P2P_CHANNELS };

/* Largest message of a channel. */
#define P2P_CONSENSUS_MAX (8u << 20)
#define P2P_TX_MAX        (17u << 20) /* A transaction and what surrounds it. */
#define P2P_BULK_MAX      (66u << 20) /* A block and what surrounds it. */
static inline uint32_t p2p_message_max(enum p2p_channel channel)
{
    static const uint32_t most[P2P_CHANNELS] = {P2P_CONSENSUS_MAX, P2P_TX_MAX, P2P_BULK_MAX};
    return most[channel];
}

struct p2p;

struct p2p_peer_config {
    struct public_key key;
    const char *name;    /* For people. */
    const char *address; /* "host:port", "[::1]:port"; "": it dials us. */
    struct span token;   /* To be shown to it, where we are no member; most often empty. */
};

struct p2p_events {
    void (*up)(void *context, uint32_t peer);
    void (*down)(void *context, uint32_t peer);
    /* bytes: valid during the call. */
    void (*message)(void *context, uint32_t peer, enum p2p_channel channel, struct span bytes);
    /* An unknown key, proved by TLS, shows a token (at most P2P_TOKEN_MAX bytes; hostile): may it
     * be our guest for a while? Null: nobody may. Asked a few times a second at most. */
    bool (*admit)(void *context, const struct public_key *key, struct span token);
    void *context;
};

/* Read during p2p_new only. */
struct p2p_config {
    struct os *os;
    struct mem *mem;
    struct loop *loop;
    struct hash chain_id;
    struct secret_key node_key;
    const struct p2p_peer_config *peers; /* Peer i gets place i. This node may be among them. */
    uint32_t peer_count;
    const char *listen_host; /* Numeric; "": no listener, this node only dials. */
    uint16_t listen_port;    /* 0: any free one. */
    const char *proxy; /* "", "http://[user:password@]host:port", "socks5://…": how to dial. */
    struct p2p_events events;
};

/* ST_INVALID: the node's key is no key, or an address or the proxy is malformed
 * (p2p_address_check, p2p_proxy_check tell which). ST_EXISTS: the port is taken. */
NODISCARD enum status p2p_new(struct p2p **out, const struct p2p_config *config);
/* On the loop's thread, not from within an event, or when the loop does not run; before loop_free.
 * No event comes any more. Null allowed. */
void p2p_free(struct p2p *p);
uint16_t p2p_port(const struct p2p *p); /* 0: no listener. */

/* --- who belongs to the network; not from within an event ------------------------------------ */

/* From now on exactly these. Who was on the list keeps place, connection and what is queued; a
 * guest on the new list becomes a peer like others; who is not on it goes down for good. places
 * (may be null) gets the place of each. An address that is none counts as "". At most
 * P2P_PEERS_MAX, keys are distinct. */
void p2p_set_peers(struct p2p *p,
                   const struct p2p_peer_config *peers,
                   uint32_t count,
                   uint32_t *places);
/* This node has another key from now on: all connections end, and are made anew with it.
 * ST_INVALID: no Ed25519 key; ST_NO_MEMORY; then nothing has changed. */
NODISCARD enum status p2p_set_key(struct p2p *p, const struct secret_key *key);
/* The place of this key, our own included; P2P_NOBODY: none. */
uint32_t p2p_place_of(const struct p2p *p, const struct public_key *key);
/* Null: nobody has this place. */
const struct public_key *p2p_key_of(const struct p2p *p, uint32_t peer);
bool p2p_is_guest(const struct p2p *p, uint32_t peer);

/* Forms alone; nothing is looked up. ST_INVALID. */
NODISCARD enum status p2p_address_check(const char *address);
NODISCARD enum status p2p_proxy_check(const char *proxy);

/* Copies. ST_CLOSED: not connected. ST_BUSY: the channel's queue is full, come again later.
 * ST_LIMIT: larger than the channel allows. ST_INVALID: empty, or to ourselves. */
NODISCARD enum status p2p_send(struct p2p *p,
                               uint32_t peer,
                               enum p2p_channel channel,
                               struct span bytes);
/* To every peer that is connected and no guest; a large message is copied once for all. Returns how
 * many took it.
 */
uint32_t p2p_broadcast(struct p2p *p, enum p2p_channel channel, struct span bytes);
bool p2p_is_up(const struct p2p *p, uint32_t peer);

/* End the connection and keep the peer away for some seconds: for callers that find nonsense in a
 * message. reason: for last_failure. */
void p2p_ban(struct p2p *p, uint32_t peer, const char *reason);

/* --- what people and tables see; a tenth of a second old at most ----------------------------- */

enum p2p_state {
    P2P_NONE,      /* Nobody has this place. */
    P2P_SELF,      /* This node. */
    P2P_WAITING,   /* For the next attempt, or for the peer to dial. */
    P2P_DIALLING,  /* Name, TCP, proxy. */
    P2P_HANDSHAKE, /* TLS, HELLO. */
    P2P_UP,
};

struct p2p_traffic {
    uint64_t messages_in;
    uint64_t messages_out;
    uint64_t bytes_in; /* Of messages. */
    uint64_t bytes_out;
};

struct p2p_peer_view {
    enum p2p_state state;
    bool is_dialled_by_us;
    uint64_t connected_since_ms; /* Wall clock; 0: not connected. */
    uint32_t rtt_us;             /* 0: not measured. */
    int64_t clock_offset_ms;     /* Its clock minus ours. */
    struct p2p_traffic traffic[P2P_CHANNELS];
    uint64_t queued[P2P_CHANNELS]; /* Bytes that wait to be sent. */
    uint64_t wire_in;              /* Bytes of TCP, of all connections that carried messages. */
    uint64_t wire_out;
    uint64_t connects; /* How often it came up. */
    uint64_t attempts; /* How often we dialled. */
    char name[P2P_NAME_MAX];
    char address[P2P_ADDRESS_MAX];      /* Connected: of the other end; else as configured. */
    char last_failure[P2P_FAILURE_MAX]; /* "": none yet. */
    uint64_t last_failure_ms;           /* Wall clock. */
};
void p2p_view(struct p2p *p, uint32_t peer, struct p2p_peer_view *out);

/* Inbound connections that did not show the key of a member. */
struct p2p_stranger_view {
    uint64_t accepted;  /* Members come through here too. */
    uint64_t refused;   /* At accept: too many at a time. */
    uint64_t displaced; /* Made way for a newer one. */
    uint64_t timed_out;
    uint64_t failed;       /* TLS failed, or an unknown key. */
    uint64_t admitted;     /* Became guests. */
    uint32_t now;          /* Open at this moment. */
    uint64_t certificates; /* Made by us so far. */
    char last_failure[P2P_FAILURE_MAX];
};
void p2p_strangers(struct p2p *p, struct p2p_stranger_view *out);

#endif
