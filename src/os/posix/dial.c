/* dial.c - tcp_connect: from a name to an open stream.
 *
 * A numeric address is dialled at once; a name is looked up first, on a thread of libuv's pool. The
 * look-up cannot always be called back: it counts as one of the stream's handles, so that the
 * stream outlives it (L2). */
#include "tcp_int.h"

#include <netdb.h>
#include <string.h>

#include "base/must.h"

struct tcp_dial {
    uv_getaddrinfo_t look_up;
    uv_connect_t connect;
    uint16_t port;
    uint32_t attempt;
    bool is_looking_up;
    enum status failure; /* Of a start that failed at once: told from the loop. */
};

static enum status dial_begin(struct tcp_stream *s, const struct tcp_target *target);
static void dial_to(struct tcp_stream *s, const struct sockaddr *address);
static void look_up_done(uv_getaddrinfo_t *request, int result, struct addrinfo *found);
static void look_up_take(struct tcp_stream *s, int result, const struct addrinfo *found);
static bool address_pick(struct sockaddr_storage *out,
                         const struct addrinfo *found,
                         const struct tcp_dial *dial);
static void connect_done(uv_connect_t *request, int result);
static void dial_fail(struct tcp_stream *s, enum status st);
static void failure_tell(uv_timer_t *timer);
static enum status dial_status(int result);

enum status tcp_connect(struct tcp_stream **out,
                        struct loop *l,
                        const struct tcp_target *target,
                        const struct tcp_events *events)
{
    must(events->data != NULL && events->closed != NULL);
    must(events->connected != NULL);
    struct tcp_dial *dial = mem_alloc_zero(l->mem, 1, sizeof(*dial));
    if (dial == NULL) return ST_NO_MEMORY;
    struct tcp_stream *s = tcp_stream_new(l);
    if (s == NULL) {
        mem_free(l->mem, dial);
        return ST_NO_MEMORY;
    }
    dial->port = target->port;
    dial->attempt = target->attempt;
    dial->look_up.data = s;
    dial->connect.data = s;
    s->dial = dial;
    s->is_connecting = true;
    enum status st = dial_begin(s, target);
    if (st != ST_OK) {
        tcp_stream_finish(s); /* Not started: nothing is called. */
        return st;
    }
    s->events = *events;
    s->is_started = true;
    *out = s;
    return ST_OK;
}

static enum status dial_begin(struct tcp_stream *s, const struct tcp_target *target)
{
    struct sockaddr_storage address;
    if (tcp_address_parse(&address, target->host, target->port) == ST_OK) {
        dial_to(s, (const struct sockaddr *)&address);
        return ST_OK;
    }
    struct addrinfo hints;
    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    int result =
        uv_getaddrinfo(&s->loop->uv, &s->dial->look_up, look_up_done, target->host, NULL, &hints);
    if (result < 0) return result == UV_ENOMEM ? ST_NO_MEMORY : ST_INVALID;
    s->dial->is_looking_up = true;
    s->handles++;
    return ST_OK;
}

/* One that has not begun is taken back, so that look-ups nobody waits for do not queue up. */
void tcp_dial_cancel(struct tcp_dial *dial)
{
    if (dial->is_looking_up) (void)uv_cancel((uv_req_t *)&dial->look_up);
}

/* connected never comes from within a call: a failure at once is told by the stream's timer. */
static void dial_to(struct tcp_stream *s, const struct sockaddr *address)
{
    int result = uv_tcp_connect(&s->dial->connect, &s->uv, address, connect_done);
    if (result == 0) return;
    s->dial->failure = dial_status(result);
    must(uv_timer_start(&s->limit, failure_tell, 0, 0) == 0);
}

static void look_up_done(uv_getaddrinfo_t *request, int result, struct addrinfo *found)
{
    struct tcp_stream *s = request->data;
    s->dial->is_looking_up = false;
    if (!s->is_finished) look_up_take(s, result, found);
    uv_freeaddrinfo(found);
    tcp_stream_let_go(s);
}

static void look_up_take(struct tcp_stream *s, int result, const struct addrinfo *found)
{
    struct sockaddr_storage address;
    if (result < 0) {
        dial_fail(s, result == UV_EAI_MEMORY ? ST_NO_MEMORY : ST_NOT_FOUND);
    } else if (!address_pick(&address, found, s->dial)) {
        dial_fail(s, ST_NOT_FOUND);
    } else {
        dial_to(s, (const struct sockaddr *)&address);
    }
}

static bool address_pick(struct sockaddr_storage *out,
                         const struct addrinfo *found,
                         const struct tcp_dial *dial)
{
    uint32_t count = 0;
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next)
        count++;
    if (count == 0) return false;
    const struct addrinfo *chosen = found;
    for (uint32_t i = dial->attempt % count; i > 0; i--)
        chosen = chosen->ai_next;
    must(chosen->ai_addrlen <= sizeof(*out));
    memset(out, 0, sizeof(*out));
    memcpy(out, chosen->ai_addr, chosen->ai_addrlen);
    if (chosen->ai_family == AF_INET) {
        ((struct sockaddr_in *)out)->sin_port = htons(dial->port);
    } else {
        ((struct sockaddr_in6 *)out)->sin6_port = htons(dial->port);
    }
    return true;
}

static void connect_done(uv_connect_t *request, int result)
{
    struct tcp_stream *s = request->data;
    if (s->is_finished) return;
    if (result < 0) {
        dial_fail(s, dial_status(result));
        return;
    }
    tcp_stream_open(s);
    s->events.connected(s->events.context, ST_OK);
}

static void dial_fail(struct tcp_stream *s, enum status st)
{
    must(s->is_connecting && st != ST_OK);
    s->events.connected(s->events.context, st);
    tcp_stream_finish(s);
}

static void failure_tell(uv_timer_t *timer)
{
    struct tcp_stream *s = timer->data;
    dial_fail(s, s->dial->failure);
}

static enum status dial_status(int result)
{
    switch (result) {
    case UV_ECONNREFUSED: return ST_CLOSED;
    case UV_ETIMEDOUT: return ST_TIMEOUT;
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH:
    case UV_ENETDOWN:
    case UV_EADDRNOTAVAIL: return ST_UNREACHABLE;
    default: return loop_status(result);
    }
}
