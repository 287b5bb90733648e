/* relay.c - See relay.h. */
#include "support/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

#define ASKED_MAX 4096u

static void pair_end(struct relay_pair *p)
{
    if (p->in != NULL) tcp_close(p->in);
    if (p->out != NULL) tcp_close(p->out);
}

static void forward(struct relay_pair *p, struct tcp_stream *to, struct span bytes)
{
    struct relay *r = p->relay;
    if (r->is_silent || to == NULL) return;
    r->bytes += bytes.size;
    (void)!tcp_write(to, bytes);
    if (r->cut_after > 0 && r->bytes >= r->cut_after) {
        r->cut_after = 0;
        pair_end(p);
    }
}

static void out_data(void *context, struct span bytes)
{
    struct relay_pair *p = context;
    forward(p, p->in, bytes);
}

static void out_closed(void *context)
{
    struct relay_pair *p = context;
    p->out = NULL;
    if (p->in != NULL && !p->relay->is_silent) tcp_close(p->in);
}

static void say(struct relay_pair *p, const void *bytes, size_t size)
{
    if (p->in != NULL) (void)!tcp_write(p->in, span_of(bytes, size));
}

static void out_connected(void *context, enum status st)
{
    struct relay_pair *p = context;
    struct relay *r = p->relay;
    if (st != ST_OK) return;
    p->is_open = true;
    r->opened++;
    if (r->kind == RELAY_HTTP) say(p, "HTTP/1.1 200 Connection established\r\n\r\n", 39);
    if (r->kind == RELAY_SOCKS5) say(p, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10);
    forward(p, p->out, buf_span(&p->asked));
    buf_reset(&p->asked);
}

static void dial(struct relay_pair *p, uint16_t port)
{
    struct tcp_events events = {
        .data = out_data, .closed = out_closed, .connected = out_connected, .context = p};
    struct tcp_target target = {.host = p->relay->host, .port = port};
    if (tcp_connect(&p->out, p->relay->loop, &target, &events) != ST_OK) pair_end(p);
}

static void http_asked(struct relay_pair *p)
{
    struct relay *r = p->relay;
    buf_put_u8(&p->asked, 0);
    p->asked.size--;
    const char *asked = (const char *)p->asked.data;
    const char *colon = strchr(asked, ':');
    if (strstr(asked, "\r\n\r\n") == NULL) return;
    if (strncmp(asked, "CONNECT ", 8) != 0 || colon == NULL) {
        pair_end(p);
    } else if (r->user != NULL && strstr(asked, r->user) == NULL) {
        r->refused++;
        say(p, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 46);
        pair_end(p);
    } else {
        uint16_t port = (uint16_t)strtoul(colon + 1, NULL, 10);
        buf_reset(&p->asked);
        dial(p, port);
    }
}

static void asked_drop(struct relay_pair *p, size_t size)
{
    p->asked.size -= size;
    memmove(p->asked.data, p->asked.data + size, p->asked.size);
}

static void socks_asked(struct relay_pair *p)
{
    struct relay *r = p->relay;
    const uint8_t *a = p->asked.data;
    if (p->step == 0 && p->asked.size >= 2 && p->asked.size >= 2u + a[1]) {
        uint8_t method = r->user == NULL ? 0 : 2;
        uint8_t answer[2] = {5, memchr(a + 2, method, a[1]) != NULL ? method : 255};
        say(p, answer, 2);
        p->step = r->user == NULL ? 2 : 1;
        asked_drop(p, 2u + a[1]);
        if (answer[1] == 255) pair_end(p);
    }
    if (p->step == 1 && p->asked.size >= 2 && p->asked.size >= 3u + a[1] + a[2 + a[1]]) {
        bool is_right = a[1] == strlen(r->user) && memcmp(a + 2, r->user, a[1]) == 0 &&
                        a[2 + a[1]] == 6 && memcmp(a + 3 + a[1], "secret", 6) == 0;
        uint8_t answer[2] = {1, is_right ? 0 : 1};
        say(p, answer, 2);
        p->step = 2;
        asked_drop(p, 3u + a[1] + a[2 + a[1]]);
        if (!is_right) {
            r->refused++;
            pair_end(p);
        }
    }
    if (p->step == 2 && p->asked.size >= 5 && p->asked.size >= 7u + a[4]) {
        uint16_t port = (uint16_t)(a[5 + a[4]] << 8 | a[6 + a[4]]);
        p->step = 3;
        asked_drop(p, 7u + a[4]);
        dial(p, port);
    }
}

static void in_data(void *context, struct span bytes)
{
    struct relay_pair *p = context;
    if (p->is_open) {
        forward(p, p->out, bytes);
        return;
    }
    assert_true(p->asked.size + bytes.size <= ASKED_MAX);
    buf_put(&p->asked, bytes);
    if (p->out != NULL) return;
    if (p->relay->kind == RELAY_HTTP) http_asked(p);
    if (p->relay->kind == RELAY_SOCKS5) socks_asked(p);
}

static void in_closed(void *context)
{
    struct relay_pair *p = context;
    p->in = NULL;
    if (p->out != NULL && !p->relay->is_silent) tcp_close(p->out);
}

static void on_accepted(void *context, struct tcp_stream *stream)
{
    struct relay *r = context;
    assert_true(r->pair_count < RELAY_PAIRS_MAX);
    struct relay_pair *p = &r->pairs[r->pair_count++];
    struct tcp_events events = {.data = in_data, .closed = in_closed, .context = p};
    p->relay = r;
    p->in = stream;
    buf_init(&p->asked, mem_system(), 0);
    tcp_start(stream, &events);
    if (r->kind == RELAY_PLAIN) dial(p, r->target);
}

void relay_init(struct relay *r, enum relay_kind kind, struct loop *loop, const char *host)
{
    memset(r, 0, sizeof(*r));
    r->kind = kind;
    r->loop = loop;
    r->host = host;
    assert_int_equal(tcp_listen(&r->listener, loop, "127.0.0.1", 0, on_accepted, r), ST_OK);
    r->port = tcp_listener_port(r->listener);
}

void relay_fini(struct relay *r)
{
    for (uint32_t i = 0; i < r->pair_count; i++)
        buf_fini(&r->pairs[i].asked);
}

void relay_close_in(struct relay *r)
{
    for (uint32_t i = 0; i < r->pair_count; i++)
        if (r->pairs[i].in != NULL) tcp_close(r->pairs[i].in);
}

void relay_close_out(struct relay *r)
{
    for (uint32_t i = 0; i < r->pair_count; i++)
        if (r->pairs[i].out != NULL) tcp_close(r->pairs[i].out);
}
