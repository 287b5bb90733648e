/* loop.h - One event loop: TCP streams, timers, wake-ups, over libuv.
 *
 * A loop and all that lives on it belong to the thread that runs it; only loop_wake may be called from
 * another thread. Names of errors never pass: failures are statuses. */
#ifndef TRUSTSQL_OS_LOOP_H
#define TRUSTSQL_OS_LOOP_H

#include "base/mem.h"
#include "base/span.h"
#include "base/status.h"

struct loop;
struct loop_timer;
struct loop_wake;
struct loop_signal;
struct tcp_listener;
struct tcp_stream;

NODISCARD enum status loop_new(struct loop **out, struct mem *mem);
void loop_free(struct loop *l); /* After loop_run returned; closes what is left. */
void loop_run(struct loop *l);  /* Until loop_stop. */
void loop_stop(struct loop *l);
uint64_t loop_now_ms(struct loop *l); /* Monotonic, cached per turn. */

typedef void loop_callback(void *context);

NODISCARD enum status loop_timer_new(struct loop_timer **out, struct loop *l, loop_callback *fire,
                                     void *context);
void loop_timer_start(struct loop_timer *t, uint64_t delay_ms, uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* Wake-up from any thread; several before the callback ran count as one. */
NODISCARD enum status loop_wake_new(struct loop_wake **out, struct loop *l, loop_callback *fire,
                                    void *context);
void loop_wake_send(struct loop_wake *w);
void loop_wake_free(struct loop_wake *w);

/* SIGINT, SIGTERM. */
NODISCARD enum status loop_signal_new(struct loop_signal **out, struct loop *l, int number,
                                      loop_callback *fire, void *context);
void loop_signal_free(struct loop_signal *s);

struct tcp_events {
    void (*data)(void *context, struct span bytes);
    void (*closed)(void *context); /* Exactly once; the stream is gone after it returns. */
    void (*drained)(void *context); /* All queued bytes were written. May be null. */
    void *context;
};

/* host: numeric address. port 0: any free one; tcp_listener_port tells. accepted gets a stream whose
 * events it sets with tcp_start. ST_EXISTS: the port is taken. */
NODISCARD enum status tcp_listen(struct tcp_listener **out, struct loop *l, const char *host,
                                 uint16_t port,
                                 void (*accepted)(void *context, struct tcp_stream *stream),
                                 void *context);
uint16_t tcp_listener_port(const struct tcp_listener *l);
void tcp_listener_close(struct tcp_listener *l);

void tcp_start(struct tcp_stream *s, const struct tcp_events *events);
/* Copies bytes. ST_LIMIT beyond TCP_QUEUE_MAX queued: close it. */
#define TCP_QUEUE_MAX (64u << 20)
NODISCARD enum status tcp_write(struct tcp_stream *s, struct span bytes);
size_t tcp_queued(const struct tcp_stream *s);
void tcp_pause(struct tcp_stream *s);  /* Stop reading: back-pressure. */
void tcp_resume(struct tcp_stream *s);
void tcp_close(struct tcp_stream *s); /* After what is queued was written (at most 5 s). */
/* "127.0.0.1:5432" of the other side into out[64]. */
void tcp_peer(const struct tcp_stream *s, char out[64]);

#endif
