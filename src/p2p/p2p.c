/* p2p.c - Beginning and end of the network, sending, time, and what others see. */
#include "p2p/p2p.h"

#include <stdio.h>

#include "base/must.h"
#include "p2p/p2p_int.h"

#define LATEST_S             2500000000u /* In 2049: certificates' dates end here. */
#define CERTIFICATE_MARGIN_S 3600u       /* Clocks of those who look at dates may differ. */

static enum status configure(struct p2p *p, const struct p2p_config *config);
static enum status start(struct p2p *p, const struct p2p_config *config);
static uint64_t seconds(const struct p2p *p);
static struct identity_span certificate_span(const struct p2p *p);
static void certificate_tick(struct p2p *p);
static enum status peer_put(struct p2p *p,
                            uint32_t peer,
                            enum p2p_channel channel,
                            struct span bytes,
                            struct letter *letter);
static void on_accepted(void *context, struct tcp_stream *stream);
static void on_tick(void *context);
static void on_turn(void *context);
static void strangers_publish(struct p2p *p);

enum status p2p_new(struct p2p **out, const struct p2p_config *config)
{
    must(config->peer_count <= P2P_PEERS_MAX);
    struct p2p *p = mem_alloc_zero(config->mem, 1, sizeof(*p));
    if (p == NULL) return ST_NO_MEMORY;
    p->mem = config->mem;
    enum status st = configure(p, config);
    if (st == ST_OK) p->self = p2p_place_of(p, &p->key);
    if (st == ST_OK) st = mutex_new(&p->mutex, p->mem);
    if (st == ST_OK) st = start(p, config);
    if (st != ST_OK) {
        p2p_free(p);
        return st;
    }
    for (uint32_t i = 0; i < P2P_PEERS_MAX; i++)
        peer_publish(p, i);
    strangers_publish(p);
    *out = p;
    return ST_OK;
}

void p2p_free(struct p2p *p)
{
    if (p == NULL) return;
    tcp_listener_close(p->listener);
    loop_timer_free(p->timer);
    loop_turn_free(p->turn);
    for (struct link *l = p->links; l != NULL; l = l->next)
        link_forget(l);
    for (uint32_t i = 0; i < P2P_PEERS_MAX; i++) {
        outbox_clear(&p->peers[i].outbox);
        buf_fini(&p->peers[i].token);
    }
    tls_context_free(p->tls);
    mutex_free(p->mutex);
    mem_wipe(&p->proxy, sizeof(p->proxy));
    mem_free(p->mem, p);
}

uint16_t p2p_port(const struct p2p *p)
{
    return p->listener == NULL ? 0 : tcp_listener_port(p->listener);
}

enum status p2p_address_check(const char *address)
{
    struct endpoint unused;
    return address[0] == '\0' ? ST_OK : endpoint_parse(&unused, address);
}

enum status p2p_proxy_check(const char *proxy)
{
    struct proxy parsed;
    enum status st = proxy_parse(&parsed, proxy);
    mem_wipe(&parsed, sizeof(parsed));
    return st;
}

static enum status configure(struct p2p *p, const struct p2p_config *config)
{
    p->os = config->os;
    p->loop = config->loop;
    p->chain_id = config->chain_id;
    p->self = NOBODY;
    p->events = config->events;
    for (uint32_t i = 0; i < P2P_PEERS_MAX; i++) {
        outbox_init(&p->peers[i].outbox, p->mem);
        buf_init(&p->peers[i].token, p->mem, P2P_TOKEN_MAX);
    }
    TRY(certificate_make(p, &config->node_key));
    for (uint32_t i = 0; i < config->peer_count; i++)
        TRY(peer_configure(&p->peers[i], &config->peers[i]));
    TRY(proxy_parse(&p->proxy, config->proxy));
    p->os->entropy(p->os, &p->incarnation, sizeof(p->incarnation));
    p->next_link = p->incarnation;
    p->ticked_ms = loop_now_ms(p->loop);
    p->steps = (struct bucket){.per_second = STEPS_PER_SECOND,
                               .most = STEPS_MOST,
                               .milli = STEPS_MOST * (uint64_t)1000,
                               .at_ms = p->ticked_ms};
    p->asks = (struct bucket){.per_second = GUESTS_PER_SECOND,
                              .most = GUESTS_MOST,
                              .milli = GUESTS_MOST * (uint64_t)1000,
                              .at_ms = p->ticked_ms};
    return ST_OK;
}

static enum status start(struct p2p *p, const struct p2p_config *config)
{
    TRY(loop_timer_new(&p->timer, p->loop, on_tick, p));
    TRY(loop_turn_new(&p->turn, p->loop, on_turn, p));
    if (config->listen_host[0] != '\0') {
        TRY(tcp_listen(&p->listener, p->loop, config->listen_host, config->listen_port, on_accepted,
                       p));
    }
    loop_timer_start(p->timer, 0, TICK_MS);
    return ST_OK;
}

/* --- our certificate ----------------------------------------------------------------------- */

enum status certificate_make(struct p2p *p, const struct secret_key *key)
{
    uint8_t bytes[IDENTITY_CERTIFICATE_MAX];
    struct public_key ours;
    struct buf der;
    struct tls_context *tls = NULL;
    struct identity_span span = certificate_span(p);
    buf_init_fixed(&der, bytes, sizeof(bytes));
    TRY(identity_certificate_make(&der, key, &span));
    TRY(identity_certificate_key(&ours, buf_span(&der)));
    must(ours.size == HELLO_KEY_SIZE);
    TRY(tls_context_new(&tls, p->mem, key, &span));
    tls_context_free(p->tls); /* Connections keep theirs. */
    p->tls = tls;
    p->certificate = span;
    p->key = ours;
    p->strangers.certificates++;
    return ST_OK;
}

/* A clock that is wrong by decades must not keep a node from its network. */
static uint64_t seconds(const struct p2p *p)
{
    uint64_t now_s = p->os->wall_ms(p->os) / 1000u;
    return now_s < LATEST_S ? now_s : LATEST_S;
}

static struct identity_span certificate_span(const struct p2p *p)
{
    uint64_t now_s = seconds(p);
    uint64_t from_s = now_s > CERTIFICATE_MARGIN_S ? now_s - CERTIFICATE_MARGIN_S : 0;
    return (struct identity_span){.from_s = from_s, .until_s = now_s + CERTIFICATE_S};
}

/* Renew in the middle of its life, or when the clock was put back. A failure is tried again with
 * the next tick: nobody relies on the dates. */
static void certificate_tick(struct p2p *p)
{
    uint64_t now_s = seconds(p);
    if (now_s >= p->certificate.from_s && now_s + CERTIFICATE_S / 2 < p->certificate.until_s)
        return;
    struct identity_span span = certificate_span(p);
    if (tls_context_renew(p->tls, &span) != ST_OK) return;
    p->certificate = span;
    p->strangers.certificates++;
}

/* --- sending ------------------------------------------------------------------------------- */

enum status p2p_send(struct p2p *p, uint32_t peer, enum p2p_channel channel, struct span bytes)
{
    if (peer >= P2P_PEERS_MAX || peer == p->self || bytes.size == 0) return ST_INVALID;
    if (!p->peers[peer].is_used) return ST_INVALID;
    if (bytes.size > p2p_message_max(channel)) return ST_LIMIT;
    if (!p2p_is_up(p, peer)) return ST_CLOSED;
    struct letter *letter = NULL;
    if (letter_is_needed(bytes.size)) {
        letter = letter_new(p->mem, bytes);
        if (letter == NULL) return ST_NO_MEMORY;
    }
    enum status st = peer_put(p, peer, channel, bytes, letter);
    letter_release(letter);
    return st;
}

uint32_t p2p_broadcast(struct p2p *p, enum p2p_channel channel, struct span bytes)
{
    uint32_t taken = 0;
    struct letter *letter = NULL;
    if (bytes.size == 0 || bytes.size > p2p_message_max(channel)) return 0;
    if (letter_is_needed(bytes.size)) {
        letter = letter_new(p->mem, bytes);
        if (letter == NULL) return 0;
    }
    for (uint32_t i = 0; i < P2P_PEERS_MAX; i++)
        if (!p->peers[i].is_guest && p2p_is_up(p, i) &&
            peer_put(p, i, channel, bytes, letter) == ST_OK)
            taken++;
    letter_release(letter);
    return taken;
}

bool p2p_is_up(const struct p2p *p, uint32_t peer)
{
    return peer < P2P_PEERS_MAX && p->peers[peer].link != NULL;
}

void p2p_ban(struct p2p *p, uint32_t peer, const char *reason)
{
    must(peer < P2P_PEERS_MAX);
    if (p->peers[peer].link != NULL) link_ban(p->peers[peer].link, reason);
}

static enum status peer_put(struct p2p *p,
                            uint32_t peer,
                            enum p2p_channel channel,
                            struct span bytes,
                            struct letter *letter)
{
    struct peer *who = &p->peers[peer];
    TRY(letter != NULL ? outbox_put_letter(&who->outbox, channel, letter)
                       : outbox_put(&who->outbox, channel, bytes));
    who->traffic[channel].messages_out++;
    who->traffic[channel].bytes_out += bytes.size;
    p->dirty |= (uint64_t)1 << peer;
    loop_turn_want(p->turn);
    return ST_OK;
}

/* Everything that was said in this turn of the loop, in as few records as hold it. */
static void on_turn(void *context)
{
    struct p2p *p = context;
    uint64_t dirty = p->dirty;
    p->dirty = 0;
    for (uint32_t i = 0; i < P2P_PEERS_MAX && dirty >> i != 0; i++)
        if ((dirty >> i & 1u) != 0 && p->peers[i].link != NULL) link_pump(p->peers[i].link);
}

/* --- time and strangers -------------------------------------------------------------------- */

static void on_accepted(void *context, struct tcp_stream *stream)
{
    link_accepted(context, stream);
}

static void on_tick(void *context)
{
    struct p2p *p = context;
    uint64_t now_ms = loop_now_ms(p->loop);
    uint64_t late_ms = now_ms - p->ticked_ms;
    p->ticked_ms = now_ms;
    certificate_tick(p);
    for (struct link *l = p->links; l != NULL; l = l->next)
        link_tick(l, now_ms);
    for (uint32_t i = 0; i < P2P_PEERS_MAX; i++) {
        if (!p->peers[i].is_used) continue;
        if (i != p->self) {
            if (late_ms > CONTACT_PING_MS) contact_forgive(&p->peers[i].contact, late_ms);
            peer_tick(p, i, now_ms);
        }
        peer_publish(p, i);
    }
    strangers_publish(p);
}

static void strangers_publish(struct p2p *p)
{
    p->strangers.now = p->strangers_now;
    mutex_lock(p->mutex);
    p->strangers_seen = p->strangers;
    mutex_unlock(p->mutex);
}

void p2p_view(struct p2p *p, uint32_t peer, struct p2p_peer_view *out)
{
    must(peer < P2P_PEERS_MAX);
    mutex_lock(p->mutex);
    *out = p->views[peer];
    mutex_unlock(p->mutex);
}

void p2p_strangers(struct p2p *p, struct p2p_stranger_view *out)
{
    mutex_lock(p->mutex);
    *out = p->strangers_seen;
    mutex_unlock(p->mutex);
}
