/* peers.h - The peers of a replica: places of the core on one side, keys of p2p on the other.
 *
 * The core numbers its peers by the configuration of the epoch, p2p by keys in places of its own.
 * When the configuration changes the numbers change at once (peers_nodes, from within the core),
 * the connections a moment later (peers_follow, from the loop, outside of p2p's events).
 *
 * A node may have several keys: that in use, the next one, an old one. The one in the list of nodes
 * is who it is. All of it belongs to the loop's thread. */
#ifndef TRUSTSQL_NODE_PEERS_H
#define TRUSTSQL_NODE_PEERS_H

#include "ledger/config.h"
#include "node/config.h"
#include "node/keys.h"
#include "p2p/p2p.h"

#define PEERS_PLACES P2P_PEERS_MAX

struct peers;

struct peers_events { /* place: of the core. */
    void (*up)(void *context, uint32_t place, bool is_up);
    void (*message)(void *context, uint32_t place, enum p2p_channel channel, struct span bytes);
    /* As p2p_events.admit; and what a guest says. Both may be null. */
    bool (*admit)(void *context, const struct public_key *key, struct span token);
    void (*guest)(void *context, uint32_t peer, enum p2p_channel channel, struct span bytes);
    void *context;
};

struct peers_config {
    struct os *os;
    struct mem *mem;
    struct loop *loop;
    struct hash chain_id;
    const struct node_config *settings; /* Outlives the network. */
    const struct node_keys *keys;       /* The same. */
    struct peers_events events;
};

NODISCARD enum status peers_new(struct peers **out, const struct peers_config *config);
void peers_free(struct peers *n); /* Before loop_free. Null allowed. */

/* From now on place i is nodes[i] of config, then former[…]. No event comes from within. */
void peers_nodes(struct peers *n,
                 const struct chain_config *config,
                 const struct public_key *former,
                 uint32_t former_count);
/* Make the connections follow; events tell of each place. Opens the network when there is somebody
 * else. As p2p_new; ST_OK at once when nothing changed. */
NODISCARD enum status peers_follow(struct peers *n);

/* Open the network although there is nobody else: somebody is invited. */
void peers_await(struct peers *n);

/* As p2p_send. */
NODISCARD enum status peers_send(struct peers *n,
                                 uint32_t place,
                                 enum p2p_channel channel,
                                 struct span bytes);
void peers_ban(struct peers *n, uint32_t place, const char *reason);
bool peers_is_up(const struct peers *n, uint32_t place);
/* False: nothing is known of it. address: as configured or overridden by node.conf; "": none. */
bool peers_view(struct peers *n, uint32_t place, struct p2p_peer_view *out);
struct p2p *peers_p2p(struct peers *n); /* Null: not open. For guests. */

#endif
