/* tcp.c - Listeners and streams of loop.h, over libuv.
 *
 * Writing. tcp_write appends to `gather` and puts the stream on the loop's dirty list. The flush,
 * twice a turn, offers all of it to the kernel at once. What the kernel does not take moves to
 * `flight` (the two buffers change places) and libuv writes it when the socket is ready; meanwhile
 * `gather` collects, and is offered when the flight has landed.
 *
 * Life of a stream:
 *   accepted -> open            tcp_start: events set, reading unless paused
 *   connecting -> open          the dial succeeded (dial.c)
 *   open -> closing             tcp_close, or the other side's end of stream: tcp_write is refused,
 *                               received bytes are dropped, what is queued goes out
 *   closing -> lingering        all written: our end of stream is sent. Closing at once would, with
 *                               unread bytes in the kernel, destroy the last answer on its way
 *   any -> finished             error, both ends of stream seen, a time limit, loop_free
 *   finished -> gone            libuv gave back both handles: closed is called, memory freed
 *
 * closed is thus never called from within a call into the stream. */
#include "tcp_int.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/must.h"

#define BACKLOG           512
#define CLOSE_MS          5000u /* From tcp_close until what is queued must be written. */
#define LINGER_MS         500u  /* From our end of stream until the other side's. */
#define ACCEPT_RETRY_MS   100u  /* After an accept without memory. */
#define KEEPALIVE_SECONDS 60u
#define BUFFER_KEEP       ((size_t)64 << 10) /* An empty buffer larger than this is given back. */
#define HANDLES           2u

struct tcp_listener {
    struct loop_item item;
    struct loop *loop;
    uv_tcp_t uv;
    uv_timer_t retry;
    void (*accepted)(void *context, struct tcp_stream *stream);
    void *context;
    uint32_t handles;
    uint16_t port;
    bool is_closed;
};

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
               "address_port reads both");

static enum status listener_open(struct tcp_listener *listener, const struct sockaddr *address);
static uint16_t address_port(const struct sockaddr_storage *address);
static void listener_connection(uv_stream_t *server, int result);
static void listener_retry(uv_timer_t *timer);
static void listener_accept(struct tcp_listener *listener);
static void listener_release(struct loop_item *item);
static void listener_gone(uv_handle_t *handle);
static void stream_release(struct loop_item *item);
static void stream_gone(uv_handle_t *handle);
static void stream_tune(struct tcp_stream *s);
static void reading_adjust(struct tcp_stream *s);
static void read_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out);
static void read_done(uv_stream_t *handle, ssize_t size, const uv_buf_t *bytes);
static void dirty_add(struct tcp_stream *s);
static void dirty_remove(struct tcp_stream *s);
static void stream_flush(struct tcp_stream *s);
static void stream_launch(struct tcp_stream *s, size_t written);
static void write_done(uv_write_t *request, int result);
static void stream_drained(struct tcp_stream *s);
static void buffer_empty(struct buf *b);
static void stream_shut(struct tcp_stream *s);
static void shutdown_done(uv_shutdown_t *request, int result);
static void limit_reached(uv_timer_t *timer);

/* --- listeners ----------------------------------------------------------------------------- */

/* The sixth parameter is the callback's context. */
// NOLINTNEXTLINE(readability-function-size)
enum status tcp_listen(struct tcp_listener **out,
                       struct loop *l,
                       const char *host,
                       uint16_t port,
                       void (*accepted)(void *context, struct tcp_stream *stream),
                       void *context)
{
    struct sockaddr_storage address;
    TRY(tcp_address_parse(&address, host, port));
    struct tcp_listener *listener = mem_alloc_zero(l->mem, 1, sizeof(*listener));
    if (listener == NULL) return ST_NO_MEMORY;
    listener->loop = l;
    listener->accepted = accepted;
    listener->context = context;
    must(uv_tcp_init(&l->uv, &listener->uv) == 0);
    must(uv_timer_init(&l->uv, &listener->retry) == 0);
    listener->uv.data = listener;
    listener->retry.data = listener;
    listener->handles = HANDLES;
    loop_item_add(l, &listener->item, listener_release);
    enum status st = listener_open(listener, (const struct sockaddr *)&address);
    if (st != ST_OK) {
        listener_release(&listener->item);
        return st;
    }
    must(listener->port != 0);
    *out = listener;
    return ST_OK;
}

uint16_t tcp_listener_port(const struct tcp_listener *l)
{
    return l->port;
}

void tcp_listener_close(struct tcp_listener *l)
{
    if (l != NULL) listener_release(&l->item);
}

static enum status listener_open(struct tcp_listener *listener, const struct sockaddr *address)
{
    int result = uv_tcp_bind(&listener->uv, address, 0);
    if (result == 0) {
        result = uv_listen((uv_stream_t *)&listener->uv, BACKLOG, listener_connection);
    }
    struct sockaddr_storage bound = {0};
    int size = sizeof(bound);
    if (result == 0) {
        result = uv_tcp_getsockname(&listener->uv, (struct sockaddr *)&bound, &size);
    }
    if (result < 0) return loop_status(result);
    listener->port = address_port(&bound);
    return ST_OK;
}

enum status tcp_address_parse(struct sockaddr_storage *out, const char *host, uint16_t port)
{
    memset(out, 0, sizeof(*out));
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)out) == 0) return ST_OK;
    return uv_ip6_addr(host, port, (struct sockaddr_in6 *)out) == 0 ? ST_OK : ST_INVALID;
}

static uint16_t address_port(const struct sockaddr_storage *address)
{
    uint16_t port = 0; /* At the same place in both families. */
    memcpy(&port, (const uint8_t *)address + offsetof(struct sockaddr_in, sin_port), sizeof(port));
    return ntohs(port);
}

static void listener_connection(uv_stream_t *server, int result)
{
    /* A connection that broke before it was accepted is nobody's concern. */
    if (result == 0) listener_accept(server->data);
}

static void listener_retry(uv_timer_t *timer)
{
    listener_accept(timer->data);
}

/* Without memory the connection stays with libuv, which accepts no other until we come back. */
static void listener_accept(struct tcp_listener *listener)
{
    must(!listener->is_closed);
    struct tcp_stream *s = tcp_stream_new(listener->loop);
    if (s == NULL) {
        must(uv_timer_start(&listener->retry, listener_retry, ACCEPT_RETRY_MS, 0) == 0);
        return;
    }
    int result = uv_accept((uv_stream_t *)&listener->uv, (uv_stream_t *)&s->uv);
    if (result < 0) {
        tcp_stream_finish(s);
        return;
    }
    stream_tune(s);
    listener->accepted(listener->context, s);
}

static void listener_release(struct loop_item *item)
{
    struct tcp_listener *listener = (struct tcp_listener *)item;
    must(!listener->is_closed);
    listener->is_closed = true;
    loop_item_remove(item);
    uv_close((uv_handle_t *)&listener->uv, listener_gone);
    uv_close((uv_handle_t *)&listener->retry, listener_gone);
}

static void listener_gone(uv_handle_t *handle)
{
    struct tcp_listener *listener = handle->data;
    must(listener->handles > 0);
    if (--listener->handles == 0) mem_free(listener->loop->mem, listener);
}

/* --- streams ------------------------------------------------------------------------------- */

void tcp_start(struct tcp_stream *s, const struct tcp_events *events)
{
    must(!s->is_started);
    must(events->data != NULL && events->closed != NULL);
    s->events = *events;
    s->is_started = true;
    reading_adjust(s);
}

enum status tcp_write(struct tcp_stream *s, struct span bytes)
{
    if (s->is_connecting || s->is_closing || s->is_finished) return ST_CLOSED;
    if (bytes.size > TCP_QUEUE_MAX - tcp_queued(s)) return ST_LIMIT;
    if (bytes.size == 0) return ST_OK;
    uint8_t *room = buf_extend(&s->gather, bytes.size);
    if (room == NULL) {
        /* Nothing was appended: what is queued stays whole and can be sent before closing. */
        enum status st = buf_status(&s->gather);
        s->gather.status = ST_OK;
        return st;
    }
    memcpy(room, bytes.data, bytes.size);
    if (s->flight.size == 0) dirty_add(s);
    return ST_OK;
}

size_t tcp_queued(const struct tcp_stream *s)
{
    size_t queued = s->gather.size + s->flight.size;
    must(queued <= TCP_QUEUE_MAX);
    return queued;
}

void tcp_limit_unsent(struct tcp_stream *s, uint32_t bytes)
{
    uv_os_fd_t descriptor = -1;
    int most = (int)bytes;
    must(bytes <= INT32_MAX);
    if (uv_fileno((const uv_handle_t *)&s->uv, &descriptor) < 0) return;
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof(most));
}

void tcp_pause(struct tcp_stream *s)
{
    s->is_paused = true;
    reading_adjust(s);
}

void tcp_resume(struct tcp_stream *s)
{
    s->is_paused = false;
    reading_adjust(s);
}

void tcp_close(struct tcp_stream *s)
{
    if (s->is_closing || s->is_finished) return;
    if (s->is_connecting) {
        tcp_stream_finish(s);
        return;
    }
    s->is_closing = true;
    must(uv_timer_start(&s->limit, limit_reached, CLOSE_MS, 0) == 0);
    reading_adjust(s); /* Also when paused: the other side's end of stream must be seen. */
    if (tcp_queued(s) == 0) stream_shut(s);
}

void tcp_peer(const struct tcp_stream *s, char out[64])
{
    struct sockaddr_storage address;
    int size = sizeof(address);
    char host[INET6_ADDRSTRLEN] = "";
    memset(&address, 0, sizeof(address));
    if (uv_tcp_getpeername(&s->uv, (struct sockaddr *)&address, &size) < 0) {
        (void)snprintf(out, 64, "unknown");
        return;
    }
    bool is_ip6 = address.ss_family == AF_INET6;
    int result = is_ip6 ? uv_ip6_name((const struct sockaddr_in6 *)&address, host, sizeof(host))
                        : uv_ip4_name((const struct sockaddr_in *)&address, host, sizeof(host));
    must(result == 0);
    (void)snprintf(out, 64, is_ip6 ? "[%s]:%u" : "%s:%u", host, address_port(&address));
}

struct tcp_stream *tcp_stream_new(struct loop *l)
{
    struct tcp_stream *s = mem_alloc_zero(l->mem, 1, sizeof(*s));
    if (s == NULL) return NULL;
    s->loop = l;
    must(uv_tcp_init(&l->uv, &s->uv) == 0);
    must(uv_timer_init(&l->uv, &s->limit) == 0);
    s->uv.data = s;
    s->limit.data = s;
    s->write.data = s;
    s->shutdown.data = s;
    s->handles = HANDLES;
    buf_init(&s->gather, l->mem, TCP_QUEUE_MAX);
    buf_init(&s->flight, l->mem, TCP_QUEUE_MAX);
    loop_item_add(l, &s->item, stream_release);
    return s;
}

static void stream_release(struct loop_item *item)
{
    tcp_stream_finish((struct tcp_stream *)item);
}

static void stream_tune(struct tcp_stream *s)
{
    /* Both only make the connection better; it works without. */
    (void)uv_tcp_nodelay(&s->uv, 1);
    (void)uv_tcp_keepalive(&s->uv, 1, KEEPALIVE_SECONDS);
}

void tcp_stream_open(struct tcp_stream *s)
{
    must(s->is_started && s->is_connecting);
    s->is_connecting = false;
    stream_tune(s);
    reading_adjust(s);
}

static void stream_gone(uv_handle_t *handle)
{
    tcp_stream_let_go(handle->data);
}

void tcp_stream_let_go(struct tcp_stream *s)
{
    must(s->handles > 0);
    if (--s->handles > 0) return;
    must(!s->is_dirty);
    if (s->is_started) s->events.closed(s->events.context);
    buf_fini(&s->gather);
    buf_fini(&s->flight);
    mem_free(s->loop->mem, s->dial);
    mem_free(s->loop->mem, s); /* L2. */
}

void tcp_stream_finish(struct tcp_stream *s)
{
    if (s->is_finished) return;
    s->is_finished = true;
    if (s->dial != NULL) tcp_dial_cancel(s->dial);
    if (s->is_dirty) dirty_remove(s);
    loop_item_remove(&s->item);
    uv_close((uv_handle_t *)&s->uv, stream_gone); /* Ends a flight with UV_ECANCELED. */
    uv_close((uv_handle_t *)&s->limit, stream_gone);
}

/* --- reading ------------------------------------------------------------------------------- */

static void reading_adjust(struct tcp_stream *s)
{
    if (s->is_connecting || s->is_finished || s->is_ended) return;
    bool want = s->is_closing || (s->is_started && !s->is_paused);
    if (want == s->is_reading) return;
    s->is_reading = want;
    uv_stream_t *handle = (uv_stream_t *)&s->uv;
    int result = want ? uv_read_start(handle, read_room, read_done) : uv_read_stop(handle);
    if (result < 0) tcp_stream_finish(s);
}

static void read_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct tcp_stream *s = handle->data;
    *out = uv_buf_init(s->loop->read_bytes, LOOP_READ_BYTES);
}

static void read_done(uv_stream_t *handle, ssize_t size, const uv_buf_t *bytes)
{
    struct tcp_stream *s = handle->data;
    must(!s->is_finished);
    if (size == 0) return; /* libuv's way to say: not now. */
    if (size > 0) {
        must((size_t)size <= LOOP_READ_BYTES);
        if (!s->is_closing) s->events.data(s->events.context, span_of(bytes->base, (size_t)size));
        return;
    }
    if (size != UV_EOF) {
        tcp_stream_finish(s);
        return;
    }
    s->is_ended = true;
    s->is_reading = false;
    (void)uv_read_stop(handle);
    if (s->is_shut) {
        tcp_stream_finish(s);
    } else {
        tcp_close(s);
    }
}

/* --- writing ------------------------------------------------------------------------------- */

void tcp_flush_dirty(struct loop *l)
{
    /* Only those dirty now: a drained callback that writes again waits for its next turn. */
    for (uint32_t left = l->dirty_count; left > 0 && l->dirty_first != NULL; left--) {
        struct tcp_stream *s = l->dirty_first;
        dirty_remove(s);
        stream_flush(s);
    }
}

static void dirty_add(struct tcp_stream *s)
{
    if (s->is_dirty) return;
    struct loop *l = s->loop;
    s->is_dirty = true;
    s->dirty_previous = l->dirty_last;
    s->dirty_next = NULL;
    if (l->dirty_last != NULL) l->dirty_last->dirty_next = s;
    if (l->dirty_first == NULL) l->dirty_first = s;
    l->dirty_last = s;
    l->dirty_count++;
}

static void dirty_remove(struct tcp_stream *s)
{
    struct loop *l = s->loop;
    must(s->is_dirty && l->dirty_count > 0);
    if (s->dirty_previous != NULL) s->dirty_previous->dirty_next = s->dirty_next;
    if (s->dirty_next != NULL) s->dirty_next->dirty_previous = s->dirty_previous;
    if (l->dirty_first == s) l->dirty_first = s->dirty_next;
    if (l->dirty_last == s) l->dirty_last = s->dirty_previous;
    s->is_dirty = false;
    l->dirty_count--;
}

static void stream_flush(struct tcp_stream *s)
{
    must(!s->is_finished);
    must(s->gather.size > 0 && s->flight.size == 0); /* L3. */
    uv_buf_t bytes = uv_buf_init((char *)s->gather.data, (unsigned)s->gather.size);
    int written = uv_try_write((uv_stream_t *)&s->uv, &bytes, 1);
    if (written == UV_EAGAIN) written = 0;
    if (written < 0) {
        tcp_stream_finish(s);
        return;
    }
    must((size_t)written <= s->gather.size);
    if ((size_t)written == s->gather.size) {
        buffer_empty(&s->gather);
        stream_drained(s);
    } else {
        stream_launch(s, (size_t)written);
    }
}

static void stream_launch(struct tcp_stream *s, size_t written)
{
    struct buf landed = s->flight;
    s->flight = s->gather;
    s->gather = landed;
    uv_buf_t bytes =
        uv_buf_init((char *)s->flight.data + written, (unsigned)(s->flight.size - written));
    int result = uv_write(&s->write, (uv_stream_t *)&s->uv, &bytes, 1, write_done);
    if (result < 0) tcp_stream_finish(s);
}

static void write_done(uv_write_t *request, int result)
{
    struct tcp_stream *s = request->data;
    buffer_empty(&s->flight);
    if (s->is_finished) return;
    if (result < 0) {
        tcp_stream_finish(s);
    } else if (s->gather.size > 0) {
        dirty_add(s); /* Flushed in the prepare of this very turn. */
    } else {
        stream_drained(s);
    }
}

static void stream_drained(struct tcp_stream *s)
{
    must(tcp_queued(s) == 0);
    if (s->is_closing) {
        stream_shut(s);
    } else if (s->is_started && s->events.drained != NULL) {
        s->events.drained(s->events.context);
    }
}

static void buffer_empty(struct buf *b)
{
    buf_reset(b);
    if (b->capacity > BUFFER_KEEP) buf_fini(b);
}

/* --- closing ------------------------------------------------------------------------------- */

static void stream_shut(struct tcp_stream *s)
{
    must(s->is_closing && !s->is_shut && tcp_queued(s) == 0);
    if (s->is_ended) {
        tcp_stream_finish(s);
        return;
    }
    s->is_shut = true;
    must(uv_timer_start(&s->limit, limit_reached, LINGER_MS, 0) == 0);
    if (uv_shutdown(&s->shutdown, (uv_stream_t *)&s->uv, shutdown_done) < 0) tcp_stream_finish(s);
}

static void shutdown_done(uv_shutdown_t *request, int result)
{
    struct tcp_stream *s = request->data;
    if (result < 0) tcp_stream_finish(s);
}

static void limit_reached(uv_timer_t *timer)
{
    tcp_stream_finish(timer->data);
}
