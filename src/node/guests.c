#include "node/guests.h"

#include "base/must.h"

void flow_guest_free(struct flow_guest *g)
{
    if (g == NULL) return;
    buf_fini(&g->card);
    buf_fini(&g->answer);
    mem_free(g->mem, g);
}

static struct guest *find(struct guests *g, const struct public_key *key)
{
    for (uint32_t i = 0; i < P2P_GUESTS_MAX; i++)
        if (g->known[i].is_known && public_key_equal(&g->known[i].key, key)) return &g->known[i];
    return NULL;
}

bool guests_admit(struct guests *g, const struct public_key *key, struct span secret)
{
    const struct invitations *in = &g->invitations;
    if (!invitations_admit(in, secret, key, in->os->wall_ms(in->os))) return false;
    struct guest *known = find(g, key);
    if (known == NULL) {
        known = &g->known[g->next];
        g->next = (g->next + 1) % P2P_GUESTS_MAX;
        *known = (struct guest){.is_known = true, .key = *key};
    }
    known->invitation = invitation_hash(secret);
    return true;
}

static struct flow_guest *flow_of(struct guests *g, const struct guest *known, struct span card)
{
    struct flow_guest *flow = mem_alloc_zero(g->mem, 1, sizeof *flow);
    if (flow == NULL) return NULL;
    flow->flow.kind = FLOW_GUEST;
    flow->mem = g->mem;
    flow->key = known->key;
    flow->invitation = known->invitation;
    buf_init(&flow->card, g->mem, 0);
    buf_init(&flow->answer, g->mem, 0);
    buf_put(&flow->card, card);
    return flow;
}

void guests_message(struct guests *g, struct p2p *p, uint32_t peer, struct span bytes)
{
    const struct public_key *key = p2p_key_of(p, peer);
    struct guest *known = key == NULL ? NULL : find(g, key);
    if (known == NULL || known->is_asking) return;
    if (wire_decode(&g->wire, bytes) != ST_OK || g->wire.kind != WIRE_JOIN) {
        p2p_ban(p, peer, "a guest says nothing but join");
        return;
    }
    struct flow_guest *flow = flow_of(g, known, g->wire.card);
    if (flow == NULL) return; /* It asks again. */
    if (buf_status(&flow->card) == ST_OK && queue_push(g->outbox, flow) == ST_OK)
        known->is_asking = true;
    else
        flow_guest_free(flow);
}

void guests_answer(struct guests *g, struct p2p *p, struct flow_guest *flow)
{
    struct guest *known = find(g, &flow->key);
    if (known != NULL) known->is_asking = false;
    const uint32_t peer = p == NULL ? P2P_NOBODY : p2p_place_of(p, &flow->key);
    if (peer != P2P_NOBODY && buf_status(&flow->answer) == ST_OK) {
        enum status st = p2p_send(p, peer, P2P_BULK, buf_span(&flow->answer));
        must(st != ST_INVALID); /* Never empty, never to ourselves; else the guest asks again. */
    }
    flow_guest_free(flow);
}
