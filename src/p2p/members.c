/* members.c - Who belongs to the network: places, the list that changes, guests.
 *
 *   on the list ──────────────▶ a place, until it is off the list
 *   guest (a token, admit) ───▶ a place, until its connection or its time ends; on the list then,
 *                               it keeps the place
 *
 * A place is freed only when its connections are ended (P5); the dead ones do not look at it. */
#include <stdio.h>

#include "base/must.h"
#include "p2p/p2p_int.h"

static bool is_listed(const struct p2p_peer_config *peers,
                      uint32_t count,
                      const struct public_key *key);
static uint32_t place_new(struct p2p *p);
static void place_update(struct peer *who, const struct p2p_peer_config *config);
static uint32_t guest_count(const struct p2p *p);

uint32_t p2p_place_of(const struct p2p *p, const struct public_key *key)
{
    for (uint32_t i = 0; i < P2P_PEERS_MAX; i++)
        if (p->peers[i].is_used && public_key_equal(&p->peers[i].key, key)) return i;
    return NOBODY;
}

const struct public_key *p2p_key_of(const struct p2p *p, uint32_t peer)
{
    return peer < P2P_PEERS_MAX && p->peers[peer].is_used ? &p->peers[peer].key : NULL;
}

bool p2p_is_guest(const struct p2p *p, uint32_t peer)
{
    return peer < P2P_PEERS_MAX && p->peers[peer].is_guest;
}

/* --- the list ------------------------------------------------------------------------------ */

enum status peer_configure(struct peer *who, const struct p2p_peer_config *config)
{
    struct endpoint endpoint = {.port = 0};
    bool has_address = config->address[0] != '\0';
    if (has_address) TRY(endpoint_parse(&endpoint, config->address));
    if (config->token.size > P2P_TOKEN_MAX) return ST_INVALID;
    who->is_used = true;
    who->is_guest = false;
    who->key = config->key;
    who->has_address = has_address;
    who->endpoint = endpoint;
    (void)snprintf(who->name, sizeof(who->name), "%s", config->name);
    (void)snprintf(who->address, sizeof(who->address), "%s", config->address);
    buf_reset(&who->token);
    buf_put(&who->token, config->token);
    return buf_status(&who->token);
}

/* What a chain says of addresses is not checked by anybody: a bad one is none. */
static void place_update(struct peer *who, const struct p2p_peer_config *config)
{
    struct p2p_peer_config without = *config;
    if (peer_configure(who, config) == ST_OK) return;
    without.address = "";
    without.token = span_of(NULL, 0);
    enum status st = peer_configure(who, &without);
    must(st == ST_OK);
}

static bool is_listed(const struct p2p_peer_config *peers,
                      uint32_t count,
                      const struct public_key *key)
{
    for (uint32_t i = 0; i < count; i++)
        if (public_key_equal(&peers[i].key, key)) return true;
    return false;
}

void p2p_set_peers(struct p2p *p,
                   const struct p2p_peer_config *peers,
                   uint32_t count,
                   uint32_t *places)
{
    must(count <= P2P_PEERS_MAX);
    for (uint32_t i = 0; i < P2P_PEERS_MAX; i++) {
        const struct peer *who = &p->peers[i];
        if (!who->is_used || who->is_guest || is_listed(peers, count, &who->key)) continue;
        peer_remove(p, i, BYE_NO_MEMBER, "it is no node of the chain any more");
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = p2p_place_of(p, &peers[i].key);
        if (place == NOBODY) place = place_new(p);
        place_update(&p->peers[place], &peers[i]);
        if (places != NULL) places[i] = place;
        peer_publish(p, place);
    }
    p->self = p2p_place_of(p, &p->key);
}

void peer_remove(struct p2p *p, uint32_t peer, enum bye reason, const char *failure)
{
    struct peer *who = &p->peers[peer];
    must(who->is_used);
    for (struct link *l = p->links; l != NULL; l = l->next)
        if (l->peer == peer) link_end(l, reason, failure);
    must(who->link == NULL && who->dialling == NULL);
    outbox_clear(&who->outbox);
    buf_fini(&who->token);
    *who = (struct peer){.is_used = false};
    outbox_init(&who->outbox, p->mem);
    buf_init(&who->token, p->mem, P2P_TOKEN_MAX);
    p->dirty &= ~((uint64_t)1 << peer);
    if (p->self == peer) p->self = NOBODY;
    peer_publish(p, peer);
}

/* A free one; guests make way for those on the list. */
static uint32_t place_new(struct p2p *p)
{
    uint32_t guest = NOBODY;
    for (uint32_t i = 0; i < P2P_PEERS_MAX; i++) {
        if (!p->peers[i].is_used) return i;
        if (p->peers[i].is_guest) guest = i;
    }
    must(guest != NOBODY); /* No more are listed than there are places. */
    peer_remove(p, guest, BYE_NO_MEMBER, "a node of the chain took its place");
    return guest;
}

/* --- our own key --------------------------------------------------------------------------- */

enum status p2p_set_key(struct p2p *p, const struct secret_key *key)
{
    TRY(certificate_make(p, key));
    for (struct link *l = p->links; l != NULL; l = l->next)
        link_end(l, BYE_STOPPING, "our key has changed: the connection is made anew");
    p->self = p2p_place_of(p, &p->key);
    return ST_OK;
}

/* --- guests -------------------------------------------------------------------------------- */

static uint32_t guest_count(const struct p2p *p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < P2P_PEERS_MAX; i++)
        count += p->peers[i].is_guest ? 1 : 0;
    return count;
}

uint32_t guest_admit(struct p2p *p, const struct public_key *key, struct span token)
{
    uint32_t place = 0;
    if (p->events.admit == NULL || guest_count(p) >= P2P_GUESTS_MAX) return NOBODY;
    while (place < P2P_PEERS_MAX && p->peers[place].is_used)
        place++;
    if (place == P2P_PEERS_MAX || !p->events.admit(p->events.context, key, token)) return NOBODY;
    struct p2p_peer_config config = {.key = *key, .name = "guest", .address = ""};
    enum status st = peer_configure(&p->peers[place], &config);
    must(st == ST_OK);
    p->peers[place].is_guest = true;
    p->peers[place].guest_until_ms = loop_now_ms(p->loop) + HANDSHAKE_MS;
    p->strangers.admitted++;
    return place;
}
