/* link.c - The life of one connection.
 *
 *   dialled:   CONNECT -> (PROXY ->) TLS -> HELLO -> (WAIT ->) UP
 *   accepted:                        TLS -> HELLO -> (WAIT ->) UP
 *   any -> DEAD   link_end. The stream closes when its bytes are written, then the memory goes
 * (P3).
 *
 * Until the other side has shown a member's key it is a stranger: it may use few bytes, little
 * time, and steps of the handshake only as the bucket of all strangers allows. What comes when the
 * bucket is empty is held, and the stream paused, until the next tick. */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/must.h"
#include "p2p/p2p_int.h"

static struct link *link_new(struct p2p *p);
static void link_free(struct link *l);
static bool stranger_admit(struct p2p *p);
static void stranger_gone(struct link *l);
static void stranger_failed(struct p2p *p, const struct link *l, const char *failure);
static void on_connected(void *context, enum status st);
static void connect_failed(struct link *l, enum status st);
static void on_data(void *context, struct span bytes);
static void on_closed(void *context);
static void on_drained(void *context);
static void proxy_data(struct link *l, struct span bytes);
static void stranger_data(struct link *l, struct span bytes);
static void secure_begin(struct link *l);
static void secure_data(struct link *l, struct span bytes);
static void secure_done(struct link *l);
static void secure_read(struct link *l);
static void hello_send(struct link *l);
static bool on_output(void *context, struct span bytes);
static bool on_key(void *context, const struct public_key *key);
static enum status on_message(void *context, enum p2p_channel channel, struct span bytes);
static enum status on_control(void *context, const struct frame *frame);
static enum status hello_take(struct link *l, struct span payload);
static void hello_judge(struct link *l, const struct hello *hello);
static void hello_settle(struct link *l, const struct hello *hello);
static enum status adopt_take(struct link *l, struct span payload);
static enum status ping_take(struct link *l, struct span payload);
static enum status pong_take(struct link *l, struct span payload);
static enum status bye_take(struct link *l, struct span payload);
static void control_send(struct link *l, const struct buf *frame);
static const char *phase_text(enum link_state state);

/* --- beginning ----------------------------------------------------------------------------- */

void link_dial(struct p2p *p, uint32_t peer)
{
    struct peer *who = &p->peers[peer];
    must(who->dialling == NULL && who->has_address); /* P2. */
    who->attempts++;
    const struct endpoint *to = p->proxy.kind == PROXY_NONE ? &who->endpoint : &p->proxy.at;
    struct link *l = link_new(p);
    enum status st = ST_NO_MEMORY;
    if (l != NULL) {
        struct tcp_target target = {
            .host = to->host, .port = to->port, .attempt = (uint32_t)who->attempts};
        struct tcp_events events = {.data = on_data,
                                    .closed = on_closed,
                                    .drained = on_drained,
                                    .connected = on_connected,
                                    .context = l};
        l->peer = peer;
        l->is_dialled = true;
        l->state = LINK_CONNECT;
        l->deadline_ms = l->opened_ms + CONNECT_MS;
        st = tcp_connect(&l->stream, p->loop, &target, &events);
    }
    if (st != ST_OK) {
        if (l != NULL) link_free(l);
        peer_failed(p, peer, status_text(st));
        peer_retry(p, peer);
        return;
    }
    who->dialling = l;
}

void link_accepted(struct p2p *p, struct tcp_stream *stream)
{
    p->strangers.accepted++;
    struct link *l = stranger_admit(p) ? link_new(p) : NULL;
    if (l == NULL) {
        p->strangers.refused++;
        tcp_close(stream);
        return;
    }
    struct tcp_events events = {
        .data = on_data, .closed = on_closed, .drained = on_drained, .context = l};
    l->stream = stream;
    l->is_stranger = true;
    p->strangers_now++;
    must(p->strangers_now <= STRANGERS_MAX); /* P4. */
    tcp_peer(stream, l->address);
    tcp_start(stream, &events);
    secure_begin(l);
}

static struct link *link_new(struct p2p *p)
{
    struct link *l = mem_alloc_zero(p->mem, 1, sizeof(*l));
    if (l == NULL) return NULL;
    l->p = p;
    l->mem = p->mem;
    l->peer = NOBODY;
    l->opened_ms = loop_now_ms(p->loop);
    inbox_init(&l->inbox, p->mem);
    buf_init(&l->held, p->mem, 0);
    l->next = p->links;
    if (l->next != NULL) l->next->previous = l;
    p->links = l;
    return l;
}

static void link_free(struct link *l)
{
    if (l->previous != NULL) l->previous->next = l->next;
    if (l->next != NULL) l->next->previous = l->previous;
    if (l->p != NULL && l->p->links == l) l->p->links = l->next;
    tls_free(l->tls);
    inbox_fini(&l->inbox);
    buf_fini(&l->held);
    if (l->talk != NULL) mem_free(l->mem, l->talk);
    mem_free(l->mem, l);
}

/* Room for one more. When all places are taken, the oldest stranger that had its time makes way. */
static bool stranger_admit(struct p2p *p)
{
    if (p->strangers_now < STRANGERS_MAX) return true;
    struct link *oldest = NULL;
    for (struct link *l = p->links; l != NULL; l = l->next)
        if (l->is_stranger && (oldest == NULL || l->opened_ms <= oldest->opened_ms)) oldest = l;
    must(oldest != NULL);
    if (loop_now_ms(p->loop) < oldest->opened_ms + STRANGER_SAFE_MS) return false;
    p->strangers.displaced++;
    link_end(oldest, BYE_NONE, NULL);
    return true;
}

static void stranger_gone(struct link *l)
{
    if (!l->is_stranger) return;
    must(l->p->strangers_now > 0);
    l->is_stranger = false;
    l->p->strangers_now--;
}

static void stranger_failed(struct p2p *p, const struct link *l, const char *failure)
{
    (void)snprintf(p->strangers.last_failure, sizeof(p->strangers.last_failure), "%s: %s",
                   l->address, failure);
}

static void on_connected(void *context, enum status st)
{
    struct link *l = context;
    if (l->state == LINK_DEAD) return;
    if (st != ST_OK) {
        connect_failed(l, st);
        return;
    }
    struct p2p *p = l->p;
    tcp_peer(l->stream, l->address);
    l->deadline_ms = loop_now_ms(p->loop) + HANDSHAKE_MS;
    if (p->proxy.kind == PROXY_NONE) {
        secure_begin(l);
        return;
    }
    struct buf say;
    l->talk = mem_alloc(l->mem, sizeof(*l->talk));
    if (l->talk == NULL) {
        link_end(l, BYE_NONE, status_text(ST_NO_MEMORY));
        return;
    }
    l->state = LINK_PROXY;
    buf_init(&say, l->mem, 0);
    proxy_begin(l->talk, &p->proxy, &p->peers[l->peer].endpoint, &say);
    st = buf_status(&say);
    if (st == ST_OK) st = tcp_write(l->stream, buf_span(&say));
    buf_fini(&say);
    if (st != ST_OK) link_end(l, BYE_NONE, status_text(st));
}

static void connect_failed(struct link *l, enum status st)
{
    const struct p2p *p = l->p;
    bool has_proxy = p->proxy.kind != PROXY_NONE;
    const struct endpoint *to = has_proxy ? &p->proxy.at : &p->peers[l->peer].endpoint;
    const char *what = status_text(st);
    char text[P2P_FAILURE_MAX];
    if (st == ST_NOT_FOUND) what = "no address found for the name";
    if (st == ST_CLOSED) what = "connection refused";
    if (st == ST_UNREACHABLE) what = "no route";
    if (st == ST_TIMEOUT) what = "no answer";
    (void)snprintf(text, sizeof(text), "%s%.100s:%u: %s", has_proxy ? "proxy " : "", to->host,
                   to->port, what);
    link_end(l, BYE_NONE, text);
}

/* --- end ----------------------------------------------------------------------------------- */

void link_end(struct link *l, enum bye reason, const char *failure)
{
    struct p2p *p = l->p;
    if (l->state == LINK_DEAD) return;
    bool was_up = l->state == LINK_UP;
    /* Anybody can show a member's certificate: before the proof it is nobody. */
    uint32_t peer = l->is_stranger ? NOBODY : l->peer;
    if (reason != BYE_NONE && l->state >= LINK_HELLO) {
        uint8_t bytes[FRAME_MAX];
        struct buf frame;
        buf_init_fixed(&frame, bytes, sizeof(bytes));
        bye_encode(&frame, reason);
        control_send(l, &frame);
    }
    l->state = LINK_DEAD;
    if (l->tls != NULL) tls_end(l->tls);
    tcp_close(l->stream);
    stranger_gone(l);
    if (peer == NOBODY) {
        if (failure != NULL) stranger_failed(p, l, failure);
        return;
    }
    if (failure != NULL) peer_failed(p, peer, failure);
    if (p->peers[peer].dialling == l) {
        p->peers[peer].dialling = NULL;
        peer_retry(p, peer);
    }
    if (was_up) peer_down(p, peer);
}

void link_ban(struct link *l, const char *failure)
{
    if (l->state == LINK_DEAD) return;
    must(l->peer != NOBODY);
    contact_ban(&l->p->peers[l->peer].contact, loop_now_ms(l->p->loop));
    link_end(l, BYE_GARBAGE, failure);
}

void link_forget(struct link *l)
{
    uint8_t bytes[FRAME_MAX];
    struct buf frame;
    buf_init_fixed(&frame, bytes, sizeof(bytes));
    bye_encode(&frame, BYE_STOPPING);
    if (l->state >= LINK_HELLO && l->state < LINK_DEAD) control_send(l, &frame);
    if (l->state != LINK_DEAD) {
        if (l->tls != NULL) tls_end(l->tls);
        tcp_close(l->stream);
    }
    l->state = LINK_DEAD;
    tls_free(l->tls); /* Before its context. */
    l->tls = NULL;
    l->p = NULL;
}

static void on_closed(void *context)
{
    struct link *l = context;
    if (l->state != LINK_DEAD) {
        char text[P2P_FAILURE_MAX];
        (void)snprintf(text, sizeof(text), "the connection broke %s", phase_text(l->state));
        if (l->is_stranger) l->p->strangers.failed++;
        link_end(l, BYE_NONE, text);
    }
    link_free(l);
}

static const char *phase_text(enum link_state state)
{
    switch (state) {
    case LINK_CONNECT: return "while connecting";
    case LINK_PROXY: return "in the talk with the proxy";
    case LINK_TLS: return "in the TLS handshake";
    case LINK_HELLO: return "before HELLO";
    case LINK_WAIT: return "before it was adopted";
    case LINK_UP: return "while in use";
    case LINK_DEAD: return "after its end";
    }
    return "";
}

void link_tick(struct link *l, uint64_t now_ms)
{
    if (l->state >= LINK_UP) return;
    if (now_ms >= l->deadline_ms) {
        char text[P2P_FAILURE_MAX];
        (void)snprintf(text, sizeof(text), "timed out %s", phase_text(l->state));
        if (l->is_stranger) l->p->strangers.timed_out++;
        link_end(l, BYE_NONE, text);
        return;
    }
    if (!l->is_held || !bucket_take(&l->p->steps, now_ms)) return;
    struct buf held = l->held;
    l->is_held = false;
    buf_init(&l->held, l->mem, 0);
    tcp_resume(l->stream);
    secure_data(l, buf_span(&held));
    buf_fini(&held);
}

/* --- bytes --------------------------------------------------------------------------------- */

static void on_data(void *context, struct span bytes)
{
    struct link *l = context;
    if (l->state == LINK_DEAD) return;
    if (l->state == LINK_PROXY) {
        proxy_data(l, bytes);
    } else if (l->is_stranger) {
        stranger_data(l, bytes);
    } else {
        secure_data(l, bytes);
    }
}

static void on_drained(void *context)
{
    struct link *l = context;
    if (l->state == LINK_UP) link_pump(l);
}

static void proxy_data(struct link *l, struct span bytes)
{
    size_t used = 0;
    struct buf say;
    buf_init(&say, l->mem, 0);
    enum status st = proxy_input(l->talk, bytes, &used, &say);
    if (st == ST_REJECTED) {
        link_end(l, BYE_NONE, l->talk->failure);
    } else if (buf_status(&say) != ST_OK || tcp_write(l->stream, buf_span(&say)) != ST_OK) {
        link_end(l, BYE_NONE, "the connection to the proxy broke");
    } else if (st == ST_OK) {
        mem_free(l->mem, l->talk);
        l->talk = NULL;
        secure_begin(l);
        if (used < bytes.size) secure_data(l, span_of(bytes.data + used, bytes.size - used));
    }
    buf_fini(&say);
}

static void stranger_data(struct link *l, struct span bytes)
{
    struct p2p *p = l->p;
    l->stranger_bytes += bytes.size;
    if (l->stranger_bytes > STRANGER_BYTES) {
        p->strangers.failed++;
        link_end(l, BYE_NONE, "too many bytes in the TLS handshake");
        return;
    }
    if (!l->is_held && bucket_take(&p->steps, loop_now_ms(p->loop))) {
        secure_data(l, bytes);
        return;
    }
    l->is_held = true;
    tcp_pause(l->stream);
    buf_put(&l->held, bytes);
    if (buf_status(&l->held) != ST_OK) link_end(l, BYE_NONE, status_text(ST_NO_MEMORY));
}

static void secure_begin(struct link *l)
{
    struct tls_events events = {.output = on_output, .key = on_key, .context = l};
    l->state = LINK_TLS;
    l->deadline_ms = loop_now_ms(l->p->loop) + HANDSHAKE_MS;
    enum status st = tls_new(&l->tls, l->p->tls, &events, l->is_dialled);
    if (st == ST_OK && l->is_dialled) {
        st = tls_handshake(l->tls);
        if (st == ST_BUSY) st = ST_OK;
    }
    if (st != ST_OK) link_end(l, BYE_NONE, status_text(st));
}

static void secure_data(struct link *l, struct span bytes)
{
    if (l->state == LINK_DEAD) return;
    if (l->state == LINK_UP) {
        struct peer *who = &l->p->peers[l->peer];
        who->wire_in += bytes.size;
        contact_heard(&who->contact, loop_now_ms(l->p->loop));
    }
    tls_input(l->tls, bytes);
    if (l->state == LINK_TLS) {
        enum status st = tls_handshake(l->tls);
        if (st == ST_BUSY) return;
        if (st != ST_OK) {
            if (l->is_stranger) l->p->strangers.failed++;
            link_end(l, BYE_NONE, l->refused[0] != '\0' ? l->refused : tls_failure(l->tls));
            return;
        }
        secure_done(l);
    }
    secure_read(l);
}

/* The other side is a member. What it opened before and did not bring to adoption makes way, so
 * that a member has few connections however often it comes. */
static void secure_done(struct link *l)
{
    if (l->is_asking) { /* It stays a stranger until it is let in. */
        l->state = LINK_HELLO;
        hello_send(l);
        return;
    }
    must(l->peer != NOBODY); /* on_key admitted it. */
    stranger_gone(l);
    for (struct link *other = l->p->links; other != NULL; other = other->next) {
        bool is_waiting = other->state == LINK_HELLO || other->state == LINK_WAIT;
        if (is_waiting && other->peer == l->peer && !other->is_dialled && !l->is_dialled) {
            link_end(other, BYE_DUPLICATE, NULL);
        }
    }
    l->state = LINK_HELLO;
    hello_send(l);
}

static void secure_read(struct link *l)
{
    struct inbox_events events = {.message = on_message, .control = on_control, .context = l};
    while (l->state != LINK_DEAD) {
        size_t got = 0;
        enum status st = tls_read(l->tls, l->p->plain, sizeof(l->p->plain), &got);
        if (st == ST_BUSY) return;
        if (st != ST_OK) {
            link_end(l, BYE_NONE, tls_failure(l->tls));
            return;
        }
        st = inbox_feed(&l->inbox, span_of(l->p->plain, got), &events);
        if (st == ST_NO_MEMORY) {
            link_end(l, BYE_NONE, status_text(st));
        } else if (st != ST_OK && l->peer == NOBODY) {
            l->p->strangers.failed++;
            link_end(l, BYE_GARBAGE, "it sent what is no frame");
        } else if (st != ST_OK) {
            link_ban(l, st == ST_LIMIT ? "it sent a message larger than its channel allows"
                                       : "it sent what is no frame");
        }
    }
}

void link_pump(struct link *l)
{
    struct p2p *p = l->p;
    struct peer *who = &p->peers[l->peer];
    must(l->state == LINK_UP && who->link == l); /* P1. */
    while (tcp_queued(l->stream) < WRITE_AHEAD) {
        size_t size = outbox_fill(&who->outbox, p->record);
        if (size == 0) return;
        if (tls_write(l->tls, span_of(p->record, size)) != ST_OK) {
            link_end(l, BYE_NONE, "the connection broke while sending");
            return;
        }
    }
}

static bool on_output(void *context, struct span bytes)
{
    struct link *l = context;
    if (l->state == LINK_UP) l->p->peers[l->peer].wire_out += bytes.size;
    return tcp_write(l->stream, bytes) == ST_OK;
}

/* An unknown key that dialled us may go on as far as HELLO, where it can show a token. */
static bool may_ask(struct link *l, const struct public_key *key)
{
    struct p2p *p = l->p;
    if (l->is_dialled || p->events.admit == NULL || public_key_equal(key, &p->key)) return false;
    return bucket_take(&p->asks, loop_now_ms(p->loop));
}

/* A dialled peer must be the one we dialled; an inbound one any member but us. */
static bool on_key(void *context, const struct public_key *key)
{
    struct link *l = context;
    uint32_t found = peer_of_key(l->p, key);
    l->key = *key;
    if (found != NOBODY && (!l->is_dialled || found == l->peer)) {
        l->peer = found;
        return true;
    }
    l->is_asking = found == NOBODY && may_ask(l, key);
    if (l->is_asking) return true;
    char hex[2 * SIGN_PUBLIC_MAX + 1];
    hex_encode(hex, span_of(key->bytes, key->size));
    (void)snprintf(l->refused, sizeof(l->refused), "%s key %s at %s",
                   found == NOBODY ? "unknown" : "another member's", hex, l->address);
    return false; /* OpenSSL says so to the other side, then secure_data closes. */
}

static void control_send(struct link *l, const struct buf *frame)
{
    must(buf_status(frame) == ST_OK);
    /* The end is seen when the stream is gone. */
    if (tls_write(l->tls, buf_span(frame)) != ST_OK) tcp_close(l->stream);
}

/* --- what the peer says -------------------------------------------------------------------- */

static void hello_send(struct link *l)
{
    const struct p2p *p = l->p;
    uint8_t bytes[FRAME_MAX];
    struct buf frame;
    struct hello hello = {
        .version = PROTOCOL_VERSION, .chain_id = p->chain_id, .incarnation = p->incarnation};
    memcpy(hello.key, p->key.bytes, HELLO_KEY_SIZE);
    if (l->peer != NOBODY) {
        hello.lost_link = p->peers[l->peer].contact.lost_link;
        if (l->is_dialled) hello.token = buf_span(&p->peers[l->peer].token);
    }
    buf_init_fixed(&frame, bytes, sizeof(bytes));
    hello_encode(&frame, &hello);
    control_send(l, &frame);
}

static enum status on_message(void *context, enum p2p_channel channel, struct span bytes)
{
    struct link *l = context;
    if (l->state != LINK_UP) return ST_INVALID;
    struct p2p *p = l->p;
    struct p2p_traffic *traffic = &p->peers[l->peer].traffic[channel];
    traffic->messages_in++;
    traffic->bytes_in += bytes.size;
    p->events.message(p->events.context, l->peer, channel, bytes);
    return l->state == LINK_DEAD ? ST_CLOSED : ST_OK;
}

static enum status on_control(void *context, const struct frame *frame)
{
    struct link *l = context;
    switch ((enum frame_type)frame->type) {
    case FRAME_HELLO: return hello_take(l, frame->payload);
    case FRAME_ADOPT: return adopt_take(l, frame->payload);
    case FRAME_PING: return ping_take(l, frame->payload);
    case FRAME_PONG: return pong_take(l, frame->payload);
    case FRAME_BYE: return bye_take(l, frame->payload);
    }
    return ST_INVALID;
}

static enum status hello_take(struct link *l, struct span payload)
{
    struct hello hello;
    char text[P2P_FAILURE_MAX];
    if (l->state != LINK_HELLO) return ST_INVALID;
    enum status st = hello_decode(&hello, payload);
    if (st == ST_UNSUPPORTED) {
        (void)snprintf(text, sizeof(text),
                       "other version: it speaks version %u of the protocol, we speak %u",
                       hello.version, PROTOCOL_VERSION);
        link_end(l, BYE_OTHER_VERSION, text);
        return ST_CLOSED;
    }
    TRY(st);
    hello_judge(l, &hello);
    return l->state == LINK_DEAD ? ST_CLOSED : ST_OK;
}

/* The last word on a link that is ready but for our consent. */
static void hello_settle(struct link *l, const struct hello *hello)
{
    struct p2p *p = l->p;
    must(l->peer != NOBODY);
    struct contact *contact = &p->peers[l->peer].contact;
    l->hello = *hello;
    l->hello.token = span_of(NULL, 0);
    if (contact_is_banned(contact, loop_now_ms(p->loop))) {
        link_end(l, BYE_BANNED, NULL); /* The failure that led to it stays. */
    } else if (!peer_is_chosen_by_us(p, l->peer)) {
        l->state = LINK_WAIT;
    } else if (contact_choose(contact, hello) == CONTACT_REFUSE) {
        link_end(l, BYE_DUPLICATE, NULL);
    } else {
        uint8_t bytes[FRAME_MAX];
        struct buf frame;
        uint64_t number = ++p->next_link;
        buf_init_fixed(&frame, bytes, sizeof(bytes));
        adopt_encode(&frame, number);
        control_send(l, &frame);
        peer_up(p, l, number);
    }
}

/* One whose key is on no list shows why it should be let in. */
static void stranger_ask(struct link *l, const struct hello *hello)
{
    struct p2p *p = l->p;
    uint32_t place = peer_of_key(p, &l->key); /* It may be on the list since a moment ago. */
    if (place == NOBODY) place = guest_admit(p, &l->key, hello->token);
    if (place == NOBODY) {
        char hex[2 * SIGN_PUBLIC_MAX + 1];
        char text[P2P_FAILURE_MAX];
        hex_encode(hex, span_of(l->key.bytes, l->key.size));
        (void)snprintf(text, sizeof(text), "unknown key %s at %s", hex, l->address);
        p->strangers.failed++;
        link_end(l, BYE_NO_MEMBER, text);
        return;
    }
    l->is_asking = false;
    l->peer = place;
    stranger_gone(l);
    hello_settle(l, hello);
}

static void hello_judge(struct link *l, const struct hello *hello)
{
    struct p2p *p = l->p;
    char text[P2P_FAILURE_MAX];
    if (!hash_equal(&hello->chain_id, &p->chain_id)) {
        char theirs[2 * 32 + 1];
        char ours[2 * 32 + 1];
        hex_encode(theirs, span_of(hello->chain_id.bytes, 32));
        hex_encode(ours, span_of(p->chain_id.bytes, 32));
        (void)snprintf(text, sizeof(text), "other chain: its chain is %.16s, ours is %.16s", theirs,
                       ours);
        link_end(l, BYE_OTHER_CHAIN, text);
    } else if (memcmp(hello->key, l->key.bytes, HELLO_KEY_SIZE) != 0) {
        link_end(l, BYE_WRONG_SENDER,
                 "wrong sender: its HELLO names another key than its "
                 "certificate");
    } else if (l->is_asking) {
        stranger_ask(l, hello);
    } else {
        hello_settle(l, hello);
    }
}

static enum status adopt_take(struct link *l, struct span payload)
{
    uint64_t number = 0;
    if (l->state != LINK_WAIT) return ST_INVALID;
    TRY(adopt_decode(&number, payload));
    peer_up(l->p, l, number);
    return l->state == LINK_DEAD ? ST_CLOSED : ST_OK;
}

void link_ping(struct link *l, uint64_t token)
{
    uint8_t bytes[FRAME_MAX];
    struct buf frame;
    buf_init_fixed(&frame, bytes, sizeof(bytes));
    ping_encode(&frame, token);
    control_send(l, &frame);
}

static enum status ping_take(struct link *l, struct span payload)
{
    struct p2p *p = l->p;
    struct pong pong;
    uint8_t bytes[FRAME_MAX];
    struct buf frame;
    if (l->state != LINK_UP) return ST_INVALID;
    TRY(ping_decode(&pong.token, payload));
    if (tcp_queued(l->stream) > PONG_QUEUE_MAX) return ST_OK;
    pong.wall_ms = p->os->wall_ms(p->os);
    buf_init_fixed(&frame, bytes, sizeof(bytes));
    pong_encode(&frame, &pong);
    control_send(l, &frame);
    return ST_OK;
}

static enum status pong_take(struct link *l, struct span payload)
{
    struct p2p *p = l->p;
    struct pong pong;
    if (l->state != LINK_UP) return ST_INVALID;
    TRY(pong_decode(&pong, payload));
    struct contact_clock clock = {.now_ns = p->os->monotonic_ns(p->os),
                                  .wall_ms = p->os->wall_ms(p->os)};
    contact_pong(&p->peers[l->peer].contact, &pong, &clock);
    return ST_OK;
}

/* That another connection is in use is no failure: it is how two dials end. */
static enum status bye_take(struct link *l, struct span payload)
{
    enum bye reason = BYE_STOPPING;
    char text[P2P_FAILURE_MAX];
    TRY(bye_decode(&reason, payload));
    (void)snprintf(text, sizeof(text), "it said: %s", bye_text(reason));
    link_end(l, BYE_NONE, reason == BYE_DUPLICATE ? NULL : text);
    return ST_CLOSED;
}
