#include "node/peers.h"

#include <stdio.h>

#include "base/must.h"

struct listed { /* A node as p2p wants it. */
    struct public_key key;
    char name[P2P_NAME_MAX];
    char address[P2P_ADDRESS_MAX];
};

struct peers {
    struct peers_config config;
    struct p2p *p2p; /* Null: there is nobody else. */
    struct listed listed[PEERS_PLACES];
    uint32_t count;
    uint32_t key;        /* Of our keys, that p2p has. */
    uint32_t wanted_key; /* That the list names. */
    bool has_changed;
    bool is_awaiting;         /* Somebody, although there is nobody else. */
    bool is_up[PEERS_PLACES]; /* As was told. */
};

static void on_up(void *context, uint32_t peer);
static void on_down(void *context, uint32_t peer);
static void on_message(void *context, uint32_t peer, enum p2p_channel channel, struct span bytes);
static bool on_admit(void *context, const struct public_key *key, struct span token);

/* --- the list ------------------------------------------------------------------------------- */

enum status peers_new(struct peers **out, const struct peers_config *config)
{
    struct peers *n = mem_alloc_zero(config->mem, 1, sizeof *n);
    if (n == NULL) return ST_NO_MEMORY;
    n->config = *config;
    *out = n;
    return ST_OK;
}

void peers_free(struct peers *n)
{
    if (n == NULL) return;
    p2p_free(n->p2p);
    mem_free(n->config.mem, n);
}

static void list_node(struct peers *n, const struct chain_node *node)
{
    struct listed *to = &n->listed[n->count++];
    struct span address = node_config_address(n->config.settings, node->node_name, node->address);
    to->key = node->node_key;
    (void)snprintf(to->name, sizeof to->name, "%.*s", (int)node->node_name.size,
                   (const char *)node->node_name.data);
    (void)snprintf(to->address, sizeof to->address, "%.*s", (int)address.size,
                   (const char *)address.data);
}

void peers_nodes(struct peers *n,
                 const struct chain_config *config,
                 const struct public_key *former,
                 uint32_t former_count)
{
    must(config->node_count + former_count <= PEERS_PLACES);
    bool was_up[PEERS_PLACES] = {false};
    n->count = 0;
    for (uint32_t i = 0; i < config->node_count; i++)
        list_node(n, &config->nodes[i]);
    for (uint32_t i = 0; i < former_count; i++) {
        struct listed *to = &n->listed[n->count++];
        *to = (struct listed){.key = former[i], .name = "former node"};
    }
    /* The core takes with it whom it knows as connected. */
    for (uint32_t i = 0; i < n->count && n->p2p != NULL; i++) {
        uint32_t peer = p2p_place_of(n->p2p, &n->listed[i].key);
        was_up[i] = p2p_is_up(n->p2p, peer) && !p2p_is_guest(n->p2p, peer);
    }
    memcpy(n->is_up, was_up, sizeof was_up);
    uint32_t key = node_keys_find(n->config.keys, config);
    n->wanted_key = key < n->config.keys->count ? key : n->key;
    n->has_changed = true;
}

/* --- p2p ------------------------------------------------------------------------------------ */

static void describe_peers(const struct peers *n, struct p2p_peer_config *out)
{
    for (uint32_t i = 0; i < n->count; i++)
        out[i] = (struct p2p_peer_config){
            .key = n->listed[i].key, .name = n->listed[i].name, .address = n->listed[i].address};
}

static enum status open_p2p(struct peers *n, const struct p2p_peer_config *peers)
{
    const struct node_config *settings = n->config.settings;
    struct p2p_config config = {
        .os = n->config.os,
        .mem = n->config.mem,
        .loop = n->config.loop,
        .chain_id = n->config.chain_id,
        .node_key = n->config.keys->secrets[n->wanted_key],
        .peers = peers,
        .peer_count = n->count,
        .listen_host = settings->p2p_is_outbound_only ? "" : settings->p2p_host,
        .listen_port = settings->p2p_port,
        .proxy = settings->p2p_proxy,
        .events = {.up = on_up, .down = on_down, .message = on_message, .context = n}};
    if (n->config.events.admit != NULL) config.events.admit = on_admit;
    enum status st = p2p_new(&n->p2p, &config);
    mem_wipe(&config.node_key, sizeof config.node_key);
    if (st == ST_OK) n->key = n->wanted_key;
    return st;
}

static enum status change_p2p(struct peers *n, const struct p2p_peer_config *peers)
{
    if (n->key != n->wanted_key) TRY(p2p_set_key(n->p2p, &n->config.keys->secrets[n->wanted_key]));
    n->key = n->wanted_key;
    p2p_set_peers(n->p2p, peers, n->count, NULL);
    return ST_OK;
}

static void tell(struct peers *n, uint32_t place, bool is_up)
{
    if (place >= n->count || n->is_up[place] == is_up) return;
    n->is_up[place] = is_up;
    n->config.events.up(n->config.events.context, place, is_up);
}

static uint32_t place_of_key(const struct peers *n, const struct public_key *key)
{
    for (uint32_t i = 0; i < n->count; i++)
        if (public_key_equal(&n->listed[i].key, key)) return i;
    return PEERS_PLACES;
}

static uint32_t place_of(const struct peers *n, uint32_t peer)
{
    const struct public_key *key = n->p2p == NULL ? NULL : p2p_key_of(n->p2p, peer);
    return key == NULL ? PEERS_PLACES : place_of_key(n, key);
}

static uint32_t peer_of(const struct peers *n, uint32_t place)
{
    if (place >= n->count || n->p2p == NULL) return P2P_NOBODY;
    return p2p_place_of(n->p2p, &n->listed[place].key);
}

/* Nobody else is on the list: a node that is not on it yet has somebody to dial. */
static bool is_alone(const struct peers *n)
{
    struct secret_key unused;
    bool is_own = n->count == 1 && node_keys_secret(n->config.keys, &n->listed[0].key, &unused);
    mem_wipe(&unused, sizeof unused);
    return n->count == 0 || is_own;
}

enum status peers_follow(struct peers *n)
{
    struct p2p_peer_config peers[PEERS_PLACES];
    if (!n->has_changed) return ST_OK;
    if (n->p2p == NULL && !n->is_awaiting && is_alone(n)) return ST_OK;
    describe_peers(n, peers);
    TRY(n->p2p == NULL ? open_p2p(n, peers) : change_p2p(n, peers));
    n->has_changed = false;
    for (uint32_t i = 0; i < n->count; i++)
        tell(n, i, peers_is_up(n, i));
    return ST_OK;
}

void peers_await(struct peers *n)
{
    if (n->is_awaiting || n->p2p != NULL) return;
    n->is_awaiting = true;
    n->has_changed = true;
}

static void on_up(void *context, uint32_t peer)
{
    struct peers *n = context;
    tell(n, place_of(n, peer), true);
}

static void on_down(void *context, uint32_t peer)
{
    struct peers *n = context;
    tell(n, place_of(n, peer), false);
}

static void on_message(void *context, uint32_t peer, enum p2p_channel channel, struct span bytes)
{
    struct peers *n = context;
    const struct peers_events *events = &n->config.events;
    if (p2p_is_guest(n->p2p, peer)) {
        if (events->guest != NULL) events->guest(events->context, peer, channel, bytes);
        return;
    }
    uint32_t place = place_of(n, peer);
    if (place < n->count && n->is_up[place])
        events->message(events->context, place, channel, bytes);
}

static bool on_admit(void *context, const struct public_key *key, struct span token)
{
    const struct peers *n = context;
    return n->config.events.admit(n->config.events.context, key, token);
}

/* --- for the replica -------------------------------------------------------------------------- */

enum status peers_send(struct peers *n, uint32_t place, enum p2p_channel channel, struct span bytes)
{
    uint32_t peer = peer_of(n, place);
    if (peer == P2P_NOBODY) return ST_CLOSED;
    enum status st = p2p_send(n->p2p, peer, channel, bytes);
    return st == ST_INVALID ? ST_CLOSED : st; /* It is ourselves, under another key. */
}

void peers_ban(struct peers *n, uint32_t place, const char *reason)
{
    uint32_t peer = peer_of(n, place);
    if (peer != P2P_NOBODY) p2p_ban(n->p2p, peer, reason);
}

bool peers_is_up(const struct peers *n, uint32_t place)
{
    uint32_t peer = peer_of(n, place);
    return peer != P2P_NOBODY && p2p_is_up(n->p2p, peer) && !p2p_is_guest(n->p2p, peer);
}

bool peers_view(struct peers *n, uint32_t place, struct p2p_peer_view *out)
{
    uint32_t peer = peer_of(n, place);
    if (peer == P2P_NOBODY) return false;
    p2p_view(n->p2p, peer, out);
    (void)snprintf(out->address, sizeof out->address, "%s", n->listed[place].address);
    return true;
}

struct p2p *peers_p2p(struct peers *n)
{
    return n->p2p;
}
