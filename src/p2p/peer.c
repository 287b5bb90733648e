/* peer.c - What happens to a peer when its connections come and go. Decisions are in contact.c. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "p2p/p2p_int.h"

static enum p2p_state peer_state(const struct p2p *p, uint32_t peer);

uint32_t peer_of_key(const struct p2p *p, const struct public_key *key)
{
    uint32_t place = p2p_place_of(p, key);
    return place == p->self ? NOBODY : place;
}

void peer_failed(struct p2p *p, uint32_t peer, const char *failure)
{
    must(peer < P2P_PEERS_MAX);
    struct peer *who = &p->peers[peer];
    (void)snprintf(who->last_failure, sizeof(who->last_failure), "%s", failure);
    who->last_failure_ms = p->os->wall_ms(p->os);
}

void peer_retry(struct p2p *p, uint32_t peer)
{
    uint32_t chance = 0;
    p->os->entropy(p->os, &chance, sizeof(chance));
    contact_failed(&p->peers[peer].contact, loop_now_ms(p->loop), chance);
}

bool peer_is_chosen_by_us(const struct p2p *p, uint32_t peer)
{
    must(peer != p->self);
    const struct public_key *theirs = &p->peers[peer].key;
    return memcmp(p->key.bytes, theirs->bytes, HELLO_KEY_SIZE) < 0;
}

void peer_up(struct p2p *p, struct link *l, uint64_t link_number)
{
    struct peer *who = &p->peers[l->peer];
    struct contact_link link = {.number = link_number, .peer_incarnation = l->hello.incarnation};
    if (who->link != NULL) link_end(who->link, BYE_DUPLICATE, "a newer connection replaced it");
    must(who->link == NULL && !who->contact.is_up);
    if (who->dialling == l) who->dialling = NULL;
    if (who->dialling != NULL) link_end(who->dialling, BYE_DUPLICATE, NULL);
    must(who->dialling == NULL);
    contact_up(&who->contact, &link, loop_now_ms(p->loop));
    who->link = l; /* P1. */
    l->state = LINK_UP;
    if (who->is_guest) who->guest_until_ms = loop_now_ms(p->loop) + P2P_GUEST_MS;
    who->connects++;
    who->connected_since_ms = p->os->wall_ms(p->os);
    tcp_limit_unsent(l->stream, UNSENT_MAX);
    peer_publish(p, l->peer);
    p->events.up(p->events.context, l->peer);
}

void peer_down(struct p2p *p, uint32_t peer)
{
    struct peer *who = &p->peers[peer];
    must(who->link != NULL); /* P1. */
    who->link = NULL;
    who->connected_since_ms = 0;
    contact_down(&who->contact);
    outbox_clear(&who->outbox);
    if (who->is_guest) who->guest_until_ms = 0; /* It may show its token again. */
    peer_retry(p, peer);
    peer_publish(p, peer);
    p->events.down(p->events.context, peer);
}

void peer_tick(struct p2p *p, uint32_t peer, uint64_t now_ms)
{
    struct peer *who = &p->peers[peer];
    uint64_t token = 0;
    if (who->is_guest && now_ms >= who->guest_until_ms) {
        peer_remove(p, peer, BYE_NO_MEMBER, "the time of a guest is over");
    } else if (contact_is_silent(&who->contact, now_ms)) {
        link_end(who->link, BYE_SILENT, "nothing was heard for 4 s: the connection is half open");
    } else if (contact_ping(&who->contact, now_ms, p->os->monotonic_ns(p->os), &token)) {
        link_ping(who->link, token);
    } else if (who->has_address && who->dialling == NULL && contact_is_due(&who->contact, now_ms)) {
        link_dial(p, peer);
    }
}

void peer_publish(struct p2p *p, uint32_t peer)
{
    const struct peer *who = &p->peers[peer];
    struct p2p_peer_view view = {.state = peer_state(p, peer),
                                 .connected_since_ms = who->connected_since_ms,
                                 .rtt_us = who->contact.rtt_us,
                                 .clock_offset_ms = who->contact.clock_offset_ms,
                                 .wire_in = who->wire_in,
                                 .wire_out = who->wire_out,
                                 .connects = who->connects,
                                 .attempts = who->attempts,
                                 .last_failure_ms = who->last_failure_ms};
    for (uint32_t c = 0; c < P2P_CHANNELS; c++) {
        view.traffic[c] = who->traffic[c];
        view.queued[c] = who->outbox.queued[c];
    }
    memcpy(view.name, who->name, sizeof(view.name));
    memcpy(view.address, who->address, sizeof(view.address));
    if (who->link != NULL) {
        view.is_dialled_by_us = who->link->is_dialled;
        (void)snprintf(view.address, sizeof(view.address), "%s", who->link->address);
    }
    memcpy(view.last_failure, who->last_failure, sizeof(view.last_failure));
    mutex_lock(p->mutex);
    p->views[peer] = view;
    mutex_unlock(p->mutex);
}

static enum p2p_state peer_state(const struct p2p *p, uint32_t peer)
{
    const struct peer *who = &p->peers[peer];
    if (!who->is_used) return P2P_NONE;
    if (peer == p->self) return P2P_SELF;
    if (who->link != NULL) return P2P_UP;
    if (who->dialling == NULL) return P2P_WAITING;
    return who->dialling->state <= LINK_PROXY ? P2P_DIALLING : P2P_HANDSHAKE;
}
