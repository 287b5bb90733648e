/* loop.h - One event loop: TCP streams, timers, wake-ups, over libuv.
 *
 * A loop and all that lives on it belong to the thread that runs it; only loop_wake may be called
 * from another thread. Names of errors never pass: failures are statuses. */
#ifndef TRUSTSQL_OS_LOOP_H
#define TRUSTSQL_OS_LOOP_H

#include "base/mem.h"
#include "base/span.h"
#include "base/status.h"

struct loop;
struct loop_timer;
struct loop_wake;
struct loop_signal;
struct loop_turn;
struct tcp_listener;
struct tcp_stream;

NODISCARD enum status loop_new(struct loop **out, struct mem *mem);
/* After loop_run returned. Streams still open are closed at once and their closed is called;
 * timers, wakes, signals and listeners that are left are freed. Null allowed. */
void loop_free(struct loop *l);
void loop_run(struct loop *l); /* Until loop_stop. */
void loop_stop(struct loop *l);
uint64_t loop_now_ms(struct loop *l); /* Monotonic, cached per turn. */

typedef void loop_callback(void *context);

NODISCARD enum status loop_timer_new(struct loop_timer **out,
                                     struct loop *l,
                                     loop_callback *fire,
                                     void *context);
void loop_timer_start(struct loop_timer *t, uint64_t delay_ms, uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* Wake-up from any thread; several before the callback ran count as one. */
NODISCARD enum status loop_wake_new(struct loop_wake **out,
                                    struct loop *l,
                                    loop_callback *fire,
                                    void *context);
void loop_wake_send(struct loop_wake *w);
void loop_wake_free(struct loop_wake *w);

/* SIGINT, SIGTERM. */
NODISCARD enum status loop_signal_new(
    struct loop_signal **out, struct loop *l, int number, loop_callback *fire, void *context);
void loop_signal_free(struct loop_signal *s);

/* Work put together once per turn: fire runs once after loop_turn_want, in the same turn, before
 * what streams gathered is written. For who turns many small calls into few large writes. */
NODISCARD enum status loop_turn_new(struct loop_turn **out,
                                    struct loop *l,
                                    loop_callback *fire,
                                    void *context);
void loop_turn_want(struct loop_turn *t);
void loop_turn_free(struct loop_turn *t);

struct tcp_events {
    void (*data)(void *context, struct span bytes);
    /* Exactly once, from the loop and never from within a call; the stream is gone after it. */
    void (*closed)(void *context);
    void (*drained)(void *context); /* All queued bytes were written. May be null. */
    /* For tcp_connect: how it went, once, from the loop. ST_NOT_FOUND: nobody knows the name.
     * ST_CLOSED: refused. ST_UNREACHABLE: no way there. ST_TIMEOUT, ST_LIMIT, ST_IO. After a
     * failure closed follows. */
    void (*connected)(void *context, enum status st);
    void *context;
};

/* host: numeric address. port 0: any free one; tcp_listener_port tells. accepted gets a stream
 * whose events it sets with tcp_start, or refuses with tcp_close (then nothing is called).
 * ST_EXISTS: the port is taken. */
NODISCARD enum status tcp_listen(struct tcp_listener **out,
                                 struct loop *l,
                                 const char *host,
                                 uint16_t port,
                                 void (*accepted)(void *context, struct tcp_stream *stream),
                                 void *context);
uint16_t tcp_listener_port(const struct tcp_listener *l);
void tcp_listener_close(struct tcp_listener *l);

/* Where to: host is a numeric address or a name. Of a name's addresses, attempt picks one (modulo
 * their number), so that who dials again with the next number tries all. */
struct tcp_target {
    const char *host;
    uint16_t port;
    uint32_t attempt;
};

/* The stream is started at once, its events are those given; before connected said ST_OK tcp_write
 * is refused with ST_CLOSED, and tcp_close gives up without a call of connected. */
NODISCARD enum status tcp_connect(struct tcp_stream **out,
                                  struct loop *l,
                                  const struct tcp_target *target,
                                  const struct tcp_events *events);

void tcp_start(struct tcp_stream *s, const struct tcp_events *events);
/* Copies bytes, which leave together with all else written in this turn of the loop. ST_LIMIT
 * beyond TCP_QUEUE_MAX queued: close it. ST_CLOSED: it is closing, by us or by the other side. */
#define TCP_QUEUE_MAX (64u << 20)
NODISCARD enum status tcp_write(struct tcp_stream *s, struct span bytes);
size_t tcp_queued(const struct tcp_stream *s);
/* From now on the kernel takes only about so many bytes that it has not yet sent, so that what is
 * written later and is more urgent waits behind few. A wish: not every system can. */
void tcp_limit_unsent(struct tcp_stream *s, uint32_t bytes);
void tcp_pause(struct tcp_stream *s); /* Stop reading: back-pressure. */
void tcp_resume(struct tcp_stream *s);
/* Write what is queued (at most 5 s), then close; no data arrives any more. The other side's end of
 * stream does the same by itself. May be called again. */
void tcp_close(struct tcp_stream *s);
/* "127.0.0.1:5432" of the other side into out[64]. */
void tcp_peer(const struct tcp_stream *s, char out[64]);

#endif
