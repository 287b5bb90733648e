/* door.c - Connections of the PostgreSQL door.
 *
 * A connection is made when a stream is accepted and goes away in the stream's closed callback,
 * which comes exactly once. Above connections_max a client is still listened to, so that it can be
 * told why it is refused and can cancel; above DOOR_EXTRA more it is not.
 *
 * Invariants
 *   D1  `door->connections` holds every connection whose stream is not closed.
 *   D2  A connection has a session until the stream is closed or the door is.
 *   D3  The timer runs exactly while there are connections and the door is open.
 *   D4  The door is freed with its last connection after pg_door_close.
 *   D5  A connection with tls: all bytes of its stream but those before the handshake are TLS. */
#include "pg/door.h"

#include "base/must.h"
#include "p2p/tls.h"
#include "pg/budget.h"
#include "pg/session.h"

#define DOOR_EXTRA       64u
#define DOOR_TIMEOUT_MS  60000u
#define DOOR_TICK_MS_MAX 1000u
#define DOOR_TICK_MS_MIN 10u
#define DOOR_RECORD_SIZE 16384u /* Bytes of a TLS record. */

/* For ever: who pins the certificate pins the key. */
static const struct identity_span certificate_span = {.from_s = 0, .until_s = 2524607999u};

struct connection {
    struct connection *previous;
    struct connection *next;
    struct pg_door *door;
    struct tcp_stream *stream;
    struct pg_session *session; /* D2. */
    struct tls *tls;            /* D5. */
    bool is_shaken;             /* The handshake is done. */
    uint32_t process;
    bool is_admitted;
    uint64_t accepted_ms;
    uint64_t heard_ms;   /* Last bytes from the client, or last time something ran for it. */
    uint64_t written_ms; /* Last time the queue was empty or shorter. */
    size_t queued;       /* At that time. */
};

struct pg_door {
    struct pg_door_config config;
    struct budget budget; /* Of all sessions. */
    struct loop *loop;
    struct backend *backend;
    struct tcp_listener *listener;
    struct tls_context *tls; /* Null: none. */
    struct loop_timer *timer;
    struct connection *connections; /* D1. */
    uint32_t connection_count;
    uint32_t admitted_count;
    uint32_t process_last;
    uint32_t period_ms; /* Of the timer. */
    bool is_closing;
};

static void on_accepted(void *context, struct tcp_stream *stream);
static void on_data(void *context, struct span bytes);
static void on_closed(void *context);
static void on_drained(void *context);
static void on_tick(void *context);
static void check_times(struct connection *c, uint64_t now);
static struct connection *connection_new(struct pg_door *d, struct tcp_stream *stream);
static void connection_end(struct connection *c, const char *sqlstate, const char *message);
static void door_free(struct pg_door *d);
static uint32_t tick_ms(const struct pg_door_config *config);
static enum status link_write(void *context, struct span bytes);
static size_t link_queued(void *context);
static void link_pause(void *context, bool is_paused);
static void link_close(void *context);
static bool house_admit(void *context);
static void house_secure(void *context);
static void take_tls(struct connection *c, struct span bytes);
static bool tls_output(void *context, struct span bytes);
static enum status open_tls(struct pg_door *d);
static void house_cancel(void *context, uint32_t process, uint32_t secret);

struct pg_door_config pg_door_config_default(struct mem *mem, struct os *os)
{
    return (struct pg_door_config){
        .mem = mem, .os = os, .host = "127.0.0.1", .connections_max = 1000};
}

enum status pg_door_open(struct pg_door **out,
                         struct loop *l,
                         struct backend *b,
                         const struct pg_door_config *config)
{
    must(config->connections_max > 0);
    must(config->connections_max <= PG_DOOR_CONNECTIONS_MAX);
    struct pg_door *d = mem_alloc_zero(config->mem, 1, sizeof *d);
    if (d == NULL) return ST_NO_MEMORY;
    d->config = *config;
    d->config.host = NULL; /* The caller's; not needed any more. */
    if (d->config.auth_timeout_ms == 0) d->config.auth_timeout_ms = DOOR_TIMEOUT_MS;
    if (d->config.write_timeout_ms == 0) d->config.write_timeout_ms = DOOR_TIMEOUT_MS;
    budget_init(&d->budget, config->mem,
                config->memory_max > 0 ? config->memory_max : PG_DOOR_MEMORY_MAX);
    d->loop = l;
    d->backend = b;
    enum status st = open_tls(d);
    if (st == ST_OK) st = loop_timer_new(&d->timer, l, on_tick, d);
    if (st != ST_OK) goto out;
    st = tcp_listen(&d->listener, l, config->host, config->port, on_accepted, d);
    if (st != ST_OK) goto out;
    *out = d;
    return ST_OK;
out:
    if (d->timer != NULL) loop_timer_free(d->timer);
    tls_context_free(d->tls);
    mem_free(config->mem, d);
    return st;
}

static enum status open_tls(struct pg_door *d)
{
    const struct secret_key *key = d->config.tls_key;
    d->config.tls_key = NULL; /* The caller's. */
    if (key == NULL) return ST_OK;
    return tls_context_new_door(&d->tls, d->config.mem, key, &certificate_span);
}

enum status pg_door_set_key(struct pg_door *d, const struct secret_key *key)
{
    struct tls_context *fresh = NULL;
    must(d->tls != NULL);
    TRY(tls_context_new_door(&fresh, d->config.mem, key, &certificate_span));
    tls_context_free(d->tls);
    d->tls = fresh;
    return ST_OK;
}

enum status pg_door_certificate(struct buf *out, const struct secret_key *key)
{
    return identity_certificate_make(out, key, &certificate_span);
}

uint16_t pg_door_port(const struct pg_door *d)
{
    return tcp_listener_port(d->listener);
}

uint32_t pg_door_count(const struct pg_door *d)
{
    return d->connection_count;
}

void pg_door_close(struct pg_door *d)
{
    if (d == NULL) return;
    must(!d->is_closing);
    d->is_closing = true;
    tcp_listener_close(d->listener);
    d->listener = NULL;
    loop_timer_free(d->timer); /* The loop itself may end before the last stream is closed. */
    d->timer = NULL;
    for (struct connection *c = d->connections; c != NULL; c = c->next) {
        connection_end(c, "57P01", "terminating connection: the node is shutting down");
        pg_session_free(c->session); /* D2 */
        c->session = NULL;
    }
    if (d->connections == NULL) door_free(d);
}

/* --- events
 * --------------------------------------------------------------------------------------*/

static void on_accepted(void *context, struct tcp_stream *stream)
{
    struct pg_door *d = context;
    must(!d->is_closing);
    struct connection *c = NULL;
    if (d->connection_count < d->config.connections_max + DOOR_EXTRA) c = connection_new(d, stream);
    if (c == NULL) {
        tcp_close(stream);
        return;
    }
    const struct tcp_events events = {
        .data = on_data, .closed = on_closed, .drained = on_drained, .context = c};
    tcp_start(stream, &events);
}

static void on_data(void *context, struct span bytes)
{
    struct connection *c = context;
    c->heard_ms = loop_now_ms(c->door->loop);
    if (c->session == NULL) return;
    if (c->tls != NULL)
        take_tls(c, bytes);
    else
        pg_session_data(c->session, bytes);
}

/* D5. All of bytes is used up before it returns, or the connection is broken. */
static void take_tls(struct connection *c, struct span bytes)
{
    uint8_t plain[DOOR_RECORD_SIZE];
    size_t size = 0;
    enum status st = ST_OK;
    tls_input(c->tls, bytes);
    if (!c->is_shaken) {
        st = tls_handshake(c->tls);
        c->is_shaken = st == ST_OK;
    }
    while (st == ST_OK && c->session != NULL && pg_session_state(c->session) != PG_SESSION_OVER) {
        st = tls_read(c->tls, plain, sizeof plain, &size);
        if (st == ST_OK) pg_session_data(c->session, span_of(plain, size));
    }
    mem_wipe(plain, sizeof plain); /* A token may have stood there. */
    if (st != ST_BUSY) tcp_close(c->stream);
}

static void on_drained(void *context)
{
    struct connection *c = context;
    c->written_ms = loop_now_ms(c->door->loop);
    c->queued = 0;
    if (c->session != NULL) pg_session_drained(c->session);
}

static void on_closed(void *context)
{
    struct connection *c = context;
    struct pg_door *d = c->door;
    pg_session_free(c->session);
    tls_free(c->tls);
    if (c->next != NULL) c->next->previous = c->previous;
    if (c->previous != NULL) {
        c->previous->next = c->next;
    } else {
        must(d->connections == c); /* D1 */
        d->connections = c->next;
    }
    must(d->connection_count > 0);
    d->connection_count--;
    if (c->is_admitted) d->admitted_count--;
    mem_free(d->config.mem, c);
    if (d->connections != NULL) return;
    if (d->is_closing) {
        door_free(d); /* D4 */
    } else {
        loop_timer_stop(d->timer); /* D3 */
    }
}

/* What clients have set may need another look sooner. */
static void set_period(struct pg_door *d, uint32_t shortest_ms)
{
    uint32_t period = tick_ms(&d->config);
    const uint32_t wanted = shortest_ms / 4 > DOOR_TICK_MS_MIN ? shortest_ms / 4 : DOOR_TICK_MS_MIN;
    if (shortest_ms > 0 && wanted < period) period = wanted;
    if (period == d->period_ms) return;
    d->period_ms = period;
    loop_timer_start(d->timer, period, period);
}

static void on_tick(void *context)
{
    struct pg_door *d = context;
    uint64_t now = loop_now_ms(d->loop);
    uint32_t shortest = 0;
    for (struct connection *c = d->connections; c != NULL; c = c->next) {
        if (c->session == NULL) continue;
        check_times(c, now);
        const uint32_t idle_ms = pg_session_idle_ms(c->session);
        if (idle_ms > 0 && (shortest == 0 || idle_ms < shortest)) shortest = idle_ms;
    }
    set_period(d, shortest);
}

static void check_silence(struct connection *c, uint64_t now)
{
    const uint32_t own_ms = pg_session_idle_ms(c->session);
    const uint32_t idle_ms = c->door->config.idle_timeout_ms;
    if (own_ms > 0 && now - c->heard_ms >= own_ms)
        pg_session_end_idle(c->session);
    else if (idle_ms > 0 && now - c->heard_ms >= idle_ms)
        connection_end(c, "57P05", "terminating connection due to idle-session timeout");
}

static void check_times(struct connection *c, uint64_t now)
{
    const struct pg_door_config *config = &c->door->config;
    size_t queued = tcp_queued(c->stream);
    if (queued == 0 || queued < c->queued) c->written_ms = now;
    c->queued = queued;
    if (now - c->written_ms >= config->write_timeout_ms) {
        connection_end(c, "57P05", "terminating connection: the client does not read");
        return;
    }
    switch (pg_session_state(c->session)) {
    case PG_SESSION_LOGIN:
        if (now - c->accepted_ms >= config->auth_timeout_ms)
            connection_end(c, "57014", "canceling authentication due to timeout");
        return;
    case PG_SESSION_IDLE: check_silence(c, now); return;
    case PG_SESSION_BUSY: c->heard_ms = now; return;
    case PG_SESSION_OVER: return;
    }
}

/* --- connections
 * ---------------------------------------------------------------------------------*/

static struct connection *connection_new(struct pg_door *d, struct tcp_stream *stream)
{
    struct connection *c = mem_alloc_zero(d->config.mem, 1, sizeof *c);
    if (c == NULL) return NULL;
    d->process_last++; /* Comes round after 2^32 connections: long after its first user has gone. */
    const struct pg_session_config config = {
        .mem = &d->budget.mem,
        .os = d->config.os,
        .backend = d->backend,
        .login = d->config.login,
        .needs_tls = d->config.needs_tls,
        .house = {.admit = house_admit,
                  .cancel = house_cancel,
                  .secure = d->tls != NULL ? house_secure : NULL,
                  .context = c}};
    const struct pg_link link = {.write = link_write,
                                 .queued = link_queued,
                                 .pause = link_pause,
                                 .close = link_close,
                                 .context = c};
    if (pg_session_new(&c->session, &config, &link, d->process_last) != ST_OK) {
        mem_free(d->config.mem, c);
        return NULL;
    }
    c->door = d;
    c->stream = stream;
    c->process = d->process_last;
    c->accepted_ms = c->heard_ms = c->written_ms = loop_now_ms(d->loop);
    c->next = d->connections;
    if (c->next != NULL) c->next->previous = c;
    d->connections = c;
    if (d->connection_count++ == 0) { /* D3 */
        d->period_ms = tick_ms(&d->config);
        loop_timer_start(d->timer, d->period_ms, d->period_ms);
    }
    return c;
}

static void connection_end(struct connection *c, const char *sqlstate, const char *message)
{
    struct diag d;
    diag_set(&d, sqlstate, "%s", message);
    if (c->session != NULL) pg_session_end(c->session, &d);
}

static void door_free(struct pg_door *d)
{
    must(d->connection_count == 0);
    must(d->admitted_count == 0);
    must(d->is_closing);
    must(d->budget.used == 0);
    tls_context_free(d->tls);
    mem_free(d->config.mem, d);
}

/* A quarter of the shortest wait, within reason. */
static uint32_t tick_ms(const struct pg_door_config *config)
{
    uint32_t shortest = config->auth_timeout_ms;
    if (config->write_timeout_ms < shortest) shortest = config->write_timeout_ms;
    if (config->idle_timeout_ms > 0 && config->idle_timeout_ms < shortest)
        shortest = config->idle_timeout_ms;
    shortest /= 4;
    if (shortest < DOOR_TICK_MS_MIN) return DOOR_TICK_MS_MIN;
    return shortest > DOOR_TICK_MS_MAX ? DOOR_TICK_MS_MAX : shortest;
}

/* --- what a session asks for
 * ---------------------------------------------------------------------*/

static enum status link_write(void *context, struct span bytes)
{
    struct connection *c = context;
    c->heard_ms = loop_now_ms(c->door->loop); /* Silence begins behind the answer. */
    if (c->tls == NULL) return tcp_write(c->stream, bytes);
    for (size_t at = 0; at < bytes.size; at += DOOR_RECORD_SIZE) {
        size_t left = bytes.size - at;
        size_t size = left < DOOR_RECORD_SIZE ? left : DOOR_RECORD_SIZE;
        if (tls_write(c->tls, span_of(bytes.data + at, size)) != ST_OK) return ST_CLOSED;
    }
    return ST_OK;
}

static bool tls_output(void *context, struct span bytes)
{
    struct connection *c = context;
    return tcp_write(c->stream, bytes) == ST_OK;
}

static void house_secure(void *context)
{
    struct connection *c = context;
    const struct tls_events events = {.output = tls_output, .context = c};
    must(c->tls == NULL);
    if (tls_new(&c->tls, c->door->tls, &events, false) == ST_OK) return;
    c->tls = NULL;
    tcp_close(c->stream); /* No memory; the handshake is never answered. */
}

static size_t link_queued(void *context)
{
    struct connection *c = context;
    return tcp_queued(c->stream);
}

static void link_pause(void *context, bool is_paused)
{
    struct connection *c = context;
    if (is_paused) {
        tcp_pause(c->stream);
    } else {
        tcp_resume(c->stream);
    }
}

static void link_close(void *context)
{
    struct connection *c = context;
    if (c->tls != NULL && c->is_shaken) tls_end(c->tls);
    tcp_close(c->stream);
}

static bool house_admit(void *context)
{
    struct connection *c = context;
    struct pg_door *d = c->door;
    must(!c->is_admitted);
    if (d->admitted_count >= d->config.connections_max) return false;
    d->admitted_count++;
    c->is_admitted = true;
    return true;
}

static void house_cancel(void *context, uint32_t process, uint32_t secret)
{
    const struct connection *asking = context;
    for (struct connection *c = asking->door->connections; c != NULL; c = c->next)
        if (c->process == process && c->session != NULL) pg_session_cancel(c->session, secret);
}
