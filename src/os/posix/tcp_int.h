/* tcp_int.h - What tcp.c and dial.c share: a stream's insides. Its life is told in tcp.c. */
#ifndef TRUSTSQL_OS_POSIX_TCP_INT_H
#define TRUSTSQL_OS_POSIX_TCP_INT_H

#include "base/buf.h"
#include "os/posix/loop_int.h"

struct tcp_dial; /* dial.c */

struct tcp_stream {
    struct loop_item item;
    struct loop *loop;
    uv_tcp_t uv;
    uv_timer_t limit; /* Bounds closing. */
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct tcp_events events;
    struct buf gather; /* Written to us, not yet offered to the kernel. */
    struct buf flight; /* libuv is writing these. Empty: nothing is on its way. */
    struct tcp_stream *dirty_previous;
    struct tcp_stream *dirty_next;
    uint32_t handles; /* And requests of the dial: not yet given back by libuv. */
    bool is_dirty;
    struct tcp_dial *dial; /* Of tcp_connect; null: accepted. */
    bool is_connecting;
    bool is_started;
    bool is_paused;
    bool is_reading;
    bool is_closing;
    bool is_ended; /* The other side's end of stream was seen. */
    bool is_shut;  /* Ours was sent. */
    bool is_finished;
};

/* dial.c: the stream is at its end. */
void tcp_dial_cancel(struct tcp_dial *dial);

/* tcp.c: a new stream that is in the loop's list. Null: no memory. */
struct tcp_stream *tcp_stream_new(struct loop *l);
/* The end: whatever is still queued is lost. */
void tcp_stream_finish(struct tcp_stream *s);
/* The connection stands: make it fit for small messages, begin to read. */
void tcp_stream_open(struct tcp_stream *s);
/* libuv gave back one handle or request; with the last one the stream is gone. */
void tcp_stream_let_go(struct tcp_stream *s);

/* 127.0.0.1 or ::1, no names. ST_INVALID. */
enum status tcp_address_parse(struct sockaddr_storage *out, const char *host, uint16_t port);

#endif
