/* Transactions between replicas. Each goes once from where its client is to every peer; a peer does
 * not send it on, unless another one cannot be reached from there (core_relay.c) or a client
 * complains to it that no block takes it. What is lost on the way
 * is asked for when a block names it (core_fetch.c). What waits too long is brought to the leader
 * by everybody who has it, once in a view; what seems forgotten altogether, a little of it, to
 * everybody now and then. */
#include "node/core_int.h"

static struct pool_tip next_tip(struct core *c);
static void drain_backlog(struct core *c, struct core_peer *p);

/* --- to peers --------------------------------------------------------------------------------- */

static void encode_gossip(struct core *c)
{
    struct wire_message *m = c->answer;
    m->kind = WIRE_TXS;
    m->txs = (struct wire_items){.bytes = buf_span(&c->gossip), .count = c->gossip_count};
    buf_reset(&c->out);
    if (buf_status(&c->gossip) == ST_OK) wire_encode(&c->out, m);
    buf_reset(&c->gossip);
    c->gossip_count = 0;
}

void core_gossip_flush(struct core *c)
{
    if (c->gossip_count == 0) return;
    encode_gossip(c);
    core_send_all(c, CORE_TXS);
}

void core_gossip_add(struct core *c, const struct flow_tx *t)
{
    if (c->node_count == 1) return;
    if (c->gossip_count > 0 && c->gossip.size + t->size > CORE_GOSSIP_BYTES) core_gossip_flush(c);
    wire_put(&c->gossip, span_of(t->bytes, t->size));
    c->gossip_count++;
    if (c->gossip.size >= CORE_GOSSIP_BYTES) core_gossip_flush(c);
}

struct tour { /* Through what waits, for one peer. */
    struct core *core;
    uint32_t peer;
    size_t left; /* Bytes. */
};

static void send_tour(struct tour *tour)
{
    if (tour->core->gossip_count == 0) return;
    encode_gossip(tour->core);
    core_send(tour->core, tour->peer, CORE_TXS);
}

static bool tell(struct tour *tour, const struct flow_tx *t)
{
    struct core *c = tour->core;
    if (t->size > tour->left) return false;
    tour->left -= t->size;
    if (c->gossip_count > 0 && c->gossip.size + t->size > CORE_GOSSIP_BYTES) send_tour(tour);
    wire_put(&c->gossip, span_of(t->bytes, t->size));
    c->gossip_count++;
    return true;
}

static bool tell_local(void *context, struct flow_tx *t)
{
    return t->source == FLOW_LOCAL ? tell(context, t) : true;
}

static bool tell_any(void *context, struct flow_tx *t)
{
    return tell(context, t);
}

void core_gossip_to(struct core *c, uint32_t peer)
{
    core_gossip_flush(c);
    struct tour tour = {.core = c, .peer = peer, .left = (size_t)64 * CORE_GOSSIP_BYTES};
    struct pool_visit v = {.visit = tell_local, .context = &tour};
    pool_visit(c->pool, &v);
    send_tour(&tour);
}

static void to_leader(struct core *c, uint32_t patience)
{
    struct consensus_stand stand;
    consensus_stand_of(c->engine, &stand, c->mono_ms);
    if (!stand.is_open || !core_is_usable(c, stand.leader)) return;
    struct tour tour = {.core = c, .peer = stand.leader, .left = (size_t)16 * CORE_GOSSIP_BYTES};
    struct pool_visit v = {
        .is_late = true, .late_ms = c->mono_ms - patience, .visit = tell_any, .context = &tour};
    pool_visit(c->pool, &v);
    send_tour(&tour);
}

static bool tell_oldest(void *context, struct flow_tx *t)
{
    struct tour *tour = context;
    struct core *c = tour->core;
    if (t->size > tour->left && c->gossip_count > 0) return false;
    tour->left -= t->size < tour->left ? t->size : tour->left;
    wire_put(&c->gossip, span_of(t->bytes, t->size));
    c->gossip_count++;
    return tour->left > 0;
}

/* What was lost on the way to everybody, or brought to a leader that is no more. */
static void to_all(struct core *c)
{
    struct tour tour = {.core = c, .left = CORE_GOSSIP_BYTES};
    struct pool_visit v = {.visit = tell_oldest, .context = &tour};
    pool_visit(c->pool, &v);
    core_gossip_flush(c);
}

void core_gossip_forward(struct core *c)
{
    uint32_t view_ms = c->config.engine.view_ms;
    uint32_t patience = view_ms == 0 ? CONSENSUS_VIEW_MS : view_ms;
    uint64_t age = c->mono_ms - pool_oldest_ms(c->pool);
    if (pool_waiting(c->pool) == 0 || age < patience) return;
    core_gossip_flush(c);
    to_leader(c, patience);
    if (age < (uint64_t)CORE_FORGOTTEN * patience || c->mono_ms < c->forward_ms) return;
    c->forward_ms = c->mono_ms + patience;
    to_all(c);
}

/* --- from peers ------------------------------------------------------------------------------- */

/* False: it stays the caller's. */
static bool verify(struct core *c, struct core_peer *p, struct flow_tx *t)
{
    if (p->verifying >= CORE_VERIFYING_MAX) return false;
    if (c->ports->verify(c->ports->context, t) != ST_OK) return false;
    p->verifying++;
    c->verify_out++;
    c->gossip_in++;
    return true;
}

static void drain_backlog(struct core *c, struct core_peer *p)
{
    while (p->backlog_count > 0 && verify(c, p, p->backlog[p->backlog_first])) {
        p->backlog_first = (p->backlog_first + 1) % CORE_BACKLOG_MAX;
        p->backlog_count--;
    }
}

void core_on_txs(struct core *c, uint32_t peer, struct wire_items *txs)
{
    struct core_peer *p = &c->peers[peer];
    struct span bytes;
    if (c->is_stopping || peer >= c->node_count) return;
    if (p->backlog == NULL)
        p->backlog = mem_alloc_zero(c->mem, CORE_BACKLOG_MAX, sizeof(struct flow_tx *));
    if (p->backlog == NULL) return;
    while (wire_next(txs, &bytes)) {
        if (p->backlog_count == CORE_BACKLOG_MAX) return; /* They can be fetched later. */
        struct flow_tx *t = flow_tx_new(c->mem, bytes);
        if (t == NULL) return;
        t->source = FLOW_PEER;
        t->peer = core_peer_tag(c, peer);
        if (p->backlog_count == 0 && verify(c, p, t)) continue;
        p->backlog[(p->backlog_first + p->backlog_count) % CORE_BACKLOG_MAX] = t;
        p->backlog_count++;
    }
}

/* --- verified --------------------------------------------------------------------------------- */

/* What the next block will be measured against, as far as is known here. */
static struct pool_tip next_tip(struct core *c)
{
    if (!c->has_tip) {
        struct consensus_stand stand;
        consensus_stand_of(c->engine, &stand, c->mono_ms);
        c->tip =
            (struct pool_tip){.height = stand.tip_height + 1, .time_ms = stand.tip_time_ms + 1};
        c->has_tip = true;
    }
    struct pool_tip tip = c->tip;
    if (c->wall_ms > tip.time_ms) tip.time_ms = c->wall_ms;
    tip.mono_ms = c->mono_ms;
    return tip;
}

/* A block of this transaction may be on its way to the doors; who only wants the receipt may join
 * it. */
static bool join_final(struct core *c, struct flow_tx *t)
{
    uint64_t height = pool_final_height_of(c->pool, &t->tx.txid);
    if (t->ticket == NULL || t->wants_rows || height <= c->answered_height) return false;
    const struct core_block *b = c->chain[height % CORE_CHAIN_MAX];
    if (b == NULL || b->flow->header.height != height) return false;
    for (uint32_t i = 0; i < b->flow->tx_count; i++) {
        struct flow_tx *known = b->flow->txs[i];
        if (!hash_equal(&known->tx.txid, &t->tx.txid) || known->ticket != NULL) continue;
        known->wants_rows = false;
        known->ticket = t->ticket;
        t->ticket = NULL;
        return true;
    }
    return false;
}

static void add(struct core *c, struct flow_tx *t)
{
    struct diag d = {0};
    enum status st = ST_CLOSED;
    const bool is_complaint = t->source == FLOW_LOCAL && t->ticket == NULL;
    if (c->is_stopping || c->has_failed) {
        diag_set(&d, "57P01", "the node is shutting down");
        diag_hint(&d, "Send the transaction to another node, or again when this one is back.");
    } else {
        struct pool_tip tip = next_tip(c);
        st = pool_add(c->pool, t, &tip, &d);
    }
    if (st == ST_OK) {
        if (t->source == FLOW_LOCAL) core_gossip_add(c, t);
        if (t->source == FLOW_PEER) core_relay_tx(c, t);
        return;
    }
    const bool is_waiting = is_complaint && pool_find_leaf(c->pool, &t->tx.leaf) != NULL;
    if (is_waiting) core_gossip_add(c, t); /* The leader may lack it (1.7). */
    if (st == ST_EXISTS || (st == ST_DUPLICATE && join_final(c, t))) {
        flow_tx_free(t);
        return;
    }
    core_refuse(c, t, st, &d);
}

void core_on_client_tx(struct core *c, struct flow_tx *t)
{
    if (t->source == FLOW_PEER) {
        uint32_t peer = core_peer_of_tag(c, t->peer);
        if (peer < CORE_NOBODY) {
            must(c->peers[peer].verifying > 0);
            c->peers[peer].verifying--;
        }
        c->gossip_back++;
    }
    if (t->flow.kind != FLOW_TX) {
        flow_tx_free(t);
        return;
    }
    add(c, t);
}

static void refuse_expired(void *context, struct flow_tx *t)
{
    struct diag d = {0};
    diag_set(&d, "TQ002", "the transaction expired before a block could take it");
    diag_hint(&d, "Sign it again.");
    core_refuse(context, t, ST_EXPIRED, &d);
}

/* Judged by the final tip: a block that lost its view may still come back below a later time. */
void core_sweep(struct core *c)
{
    if (c->has_failed || c->mono_ms - c->swept_ms < CORE_SWEEP_MS) return;
    c->swept_ms = c->mono_ms;
    struct pool_tip tip = {.height = c->final_height + 1,
                           .time_ms = c->final_height == 0 ? 0 : c->final_header.time_ms + 1};
    pool_sweep(c->pool, &tip, refuse_expired, c);
}

void core_gossip_tick(struct core *c)
{
    for (uint32_t i = 0; i < c->node_count; i++)
        drain_backlog(c, &c->peers[i]);
    core_gossip_flush(c);
    if (!c->is_stopping && c->node_count > 1) core_gossip_forward(c);
}
