/* core_relay.c - Words of a validator for those that have no connection with it.
 *
 * Two validators that only dial cannot meet, and a line between two may be down while both reach
 * the others. So that such a pair counts as two and not as one, whoever reaches both passes on what
 * it hears from one: what the agreement says, its blocks as soon as they are found valid, its
 * clients' transactions. What the agreement says is signed by its author, so nobody who passes it
 * on can change it, and it goes one step only: from its author to a validator that says that it
 * has no connection with the author. Who is connected with everybody never says so, and then
 * nothing of this happens.
 *
 * R1 nothing is passed on twice: only what came from its author itself, or is about the receiver
 *    and came from who cannot reach it.
 * R2 what a validator says of its connections decides about what it is sent, and nothing else. */
#include "node/core_int.h"

#define LINKS_MS 2000u /* A full queue loses what was said: it is said again. */
#define GRACE_MS 300u  /* A connection that is missing may only be late. */

static uint32_t bit(uint32_t place)
{
    return 1u << place;
}

static uint32_t all_voters(const struct core *c)
{
    must(c->n <= NODES_MAX);
    return bit(c->n) - 1u;
}

static uint32_t own_links(const struct core *c)
{
    uint32_t links = c->self < c->n ? bit(c->self) : 0;
    for (uint32_t i = 0; i < c->n; i++)
        if (core_is_usable(c, i)) links |= bit(i);
    return links;
}

/* As peer says; who says nothing has connections with all. */
static uint32_t links_of(const struct core *c, uint32_t peer)
{
    return c->peers[peer].has_links ? c->peers[peer].links : all_voters(c);
}

/* One of the two, of all that could, brings transactions: they are long, and come once. */
static bool is_bearer(const struct core *c, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < c->self; i++) {
        bool reaches_both = (links_of(c, i) & bit(from)) != 0 && (links_of(c, i) & bit(to)) != 0;
        if (i != from && i != to && core_is_usable(c, i) && reaches_both) return false;
    }
    return true;
}

/* For each voter those that it cannot speak to and we can. */
static void plan(struct core *c)
{
    struct core_relay *r = &c->relay;
    core_relay_flush(c);
    r->is_needed = false;
    memset(r->cut, 0, sizeof r->cut);
    memset(r->bears, 0, sizeof r->bears);
    if (c->self >= c->n) return;
    for (uint32_t from = 0; from < c->n; from++)
        for (uint32_t to = 0; to < c->n; to++) {
            if (from == to || !core_is_usable(c, from) || !core_is_usable(c, to)) continue;
            if ((links_of(c, to) & bit(from)) != 0) continue;
            r->cut[from] |= bit(to);
            if (is_bearer(c, from, to)) r->bears[from] |= bit(to);
            r->is_needed = true;
        }
}

/* --- who is connected with whom --------------------------------------------------------------- */

static void tell(struct core *c, uint32_t peer)
{
    struct wire_message *m = c->answer;
    m->kind = WIRE_LINKS;
    m->links = (struct wire_links){.epoch = c->config.engine.epoch, .links = c->relay.told};
    buf_reset(&c->out);
    wire_encode(&c->out, m);
    core_send(c, peer, CORE_URGENT);
}

static void tell_voters(struct core *c)
{
    c->relay.told = c->relay.links;
    c->relay.told_ms = c->mono_ms;
    for (uint32_t i = 0; i < c->n; i++)
        tell(c, i);
}

void core_relay_on_peer(struct core *c, uint32_t peer)
{
    if (peer >= c->n) return;
    c->peers[peer].has_links = false;
    plan(c);
}

void core_relay_restart(struct core *c)
{
    c->relay.tx_count = 0; /* Their sender may have another place now. */
    buf_reset(&c->relay.txs);
    for (uint32_t i = 0; i < CORE_PEERS_MAX; i++)
        c->peers[i].has_links = false;
    c->relay.links = c->relay.told = all_voters(c);
    c->relay.links_ms = c->relay.told_ms = c->mono_ms;
    plan(c);
}

void core_relay_tick(struct core *c)
{
    if (c->self >= c->n || c->n < 3) return;
    core_relay_flush(c);
    uint32_t links = own_links(c);
    if (links != c->relay.links) {
        c->relay.links = links;
        c->relay.links_ms = c->mono_ms;
    }
    if (links == all_voters(c)) {
        if (links != c->relay.told) tell_voters(c);
        return;
    }
    bool is_news = links != c->relay.told && c->mono_ms - c->relay.links_ms >= GRACE_MS;
    if (is_news || c->mono_ms - c->relay.told_ms >= LINKS_MS) tell_voters(c);
}

void core_on_links(struct core *c, uint32_t peer, const struct wire_links *links)
{
    if (peer >= c->n || links->epoch != c->config.engine.epoch) return;
    struct core_peer *p = &c->peers[peer];
    if (p->has_links && p->links == links->links) return;
    p->has_links = true;
    p->links = links->links;
    plan(c);
}

/* --- what the agreement says ------------------------------------------------------------------ */

static uint32_t author_of(const struct consensus_message *m)
{
    switch (m->kind) {
    case CONSENSUS_PROPOSAL: return m->proposal.header.proposer;
    case CONSENSUS_VOTE: return m->vote.voter;
    case CONSENSUS_VIEW_CHANGE: return m->view_change.sender;
    case CONSENSUS_NEW_VIEW: return m->new_view.sender;
    case CONSENSUS_STATUS: return m->status.sender;
    }
    return NODES_MAX;
}

/* R1. A vote of the receiver is shown to it by those whom it asks what it said (1.14). */
void core_relay_message(struct core *c, uint32_t peer, struct span bytes)
{
    if (!c->relay.is_needed || peer >= c->n) return;
    const struct consensus_message *m = c->message;
    uint32_t author = author_of(m);
    bool is_of_epoch = m->kind != CONSENSUS_STATUS || m->status.epoch == c->config.engine.epoch;
    if (!is_of_epoch || c->relay.cut[peer] == 0) return;
    buf_reset(&c->out);
    wire_begin(&c->out, WIRE_CONSENSUS);
    buf_put(&c->out, bytes);
    for (uint32_t i = 0; i < c->n; i++) {
        bool is_for = author == peer || (m->kind == CONSENSUS_VOTE && author == i);
        if (is_for && (c->relay.cut[peer] & bit(i)) != 0) core_send(c, i, CORE_URGENT);
    }
}

/* c->out to a voter without a connection: to all that may have one. */
void core_relay_send(struct core *c, uint32_t to)
{
    must(to < c->n);
    for (uint32_t i = 0; i < c->n; i++)
        if (i != to && (links_of(c, i) & bit(to)) != 0 && c->peers[i].has_links)
            core_send(c, i, CORE_URGENT);
}

void core_relay_block(struct core *c, const struct core_block *b)
{
    uint32_t leader = b->flow->header.proposer;
    if (!c->relay.is_needed || !b->has_sig || leader >= c->n || leader == c->self) return;
    if (b->flow->header.epoch != c->config.engine.epoch) return;
    for (uint32_t i = 0; i < c->n; i++)
        if ((c->relay.cut[leader] & bit(i)) != 0) core_block_send(c, b, i);
}

/* --- transactions ----------------------------------------------------------------------------- */

void core_relay_flush(struct core *c)
{
    struct core_relay *r = &c->relay;
    if (r->tx_count == 0) return;
    must(r->txs_from < c->n);
    struct wire_message *m = c->answer;
    m->kind = WIRE_TXS;
    m->txs = (struct wire_items){.bytes = buf_span(&r->txs), .count = r->tx_count};
    buf_reset(&c->out);
    if (buf_status(&r->txs) == ST_OK) wire_encode(&c->out, m);
    for (uint32_t i = 0; i < c->n; i++)
        if ((r->bears[r->txs_from] & bit(i)) != 0) core_send(c, i, CORE_TXS);
    buf_reset(&r->txs);
    r->tx_count = 0;
}

void core_relay_tx(struct core *c, const struct flow_tx *t)
{
    struct core_relay *r = &c->relay;
    uint32_t from = core_peer_of_tag(c, t->peer);
    if (!r->is_needed || from >= c->n || r->bears[from] == 0) return;
    bool is_full = r->txs.size + t->size > CORE_GOSSIP_BYTES;
    if (r->tx_count > 0 && (is_full || r->txs_from != from)) core_relay_flush(c);
    r->txs_from = from;
    wire_put(&r->txs, span_of(t->bytes, t->size));
    r->tx_count++;
}
