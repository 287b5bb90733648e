/* Streams carry bytes whole and in order under back-pressure, gather small writes, and end exactly
 * once however a connection ends. The other side is a plain socket in a thread of its own. */
#include <stdatomic.h>
#include <string.h>

#include "os/loop.h"
#include "os/os.h"
#include "os/thread.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/os_client.h"
#include "support/test_rng.h"

#define MESSAGES    10000u
#define MESSAGE_MAX 4096u
#define HIGH_WATER  (64u << 10)
#define READ_MAX    (64u << 10) /* What one data callback brings at most. */

struct server;

/* One connection of the server under test. */
struct session {
    struct server *server;
    struct tcp_stream *stream;
    uint64_t received;
    uint32_t pauses;
    uint32_t drains;
    size_t queued_max;
    uint32_t closed_count;
    enum status status; /* Of what the test tried. */
};

struct server {
    struct loop *loop;
    struct loop_wake *wake; /* The client has finished. */
    struct tcp_listener *listener;
    void (*accepted)(void *context, struct tcp_stream *stream); /* Null: on_accepted. */
    void (*data)(void *context, struct span bytes);
    void (*closed)(void *context); /* Null: on_closed. */
    void (*drained)(void *context);
    struct session sessions[4];
    uint32_t session_count;
    uint32_t open_count;
    bool client_is_done;
    /* What clients wait for: pauses, or ends, of all sessions. */
    struct mutex *mutex;
    struct cond *happened;
    uint32_t happenings;
    /* The client: runs in its thread; its number of sessions; whether all went well. */
    bool (*client)(struct server *server, uint32_t number);
    _Atomic uint32_t clients_left;
    _Atomic uint32_t client_failures;
    _Atomic uint32_t client_next;
};

static void happen(struct server *s)
{
    mutex_lock(s->mutex);
    s->happenings++;
    cond_broadcast(s->happened);
    mutex_unlock(s->mutex);
}

static void await(struct server *s, uint32_t happenings)
{
    mutex_lock(s->mutex);
    while (s->happenings < happenings)
        cond_wait(s->happened, s->mutex);
    mutex_unlock(s->mutex);
}

static void stop_when_done(struct server *s)
{
    if (s->client_is_done && s->open_count == 0) loop_stop(s->loop);
}

static void on_closed(void *context)
{
    struct session *session = context;
    session->closed_count++;
    session->server->open_count--;
    stop_when_done(session->server);
}

static void on_accepted(void *context, struct tcp_stream *stream)
{
    struct server *s = context;
    assert_true(s->session_count < 4);
    struct session *session = &s->sessions[s->session_count++];
    s->open_count++;
    session->server = s;
    session->stream = stream;
    struct tcp_events events = {
        .data = s->data, .closed = s->closed, .drained = s->drained, .context = session};
    tcp_start(stream, &events);
}

static void on_client_done(void *context)
{
    struct server *s = context;
    s->client_is_done = atomic_load(&s->clients_left) == 0;
    stop_when_done(s);
}

static void client_main(void *context)
{
    struct server *s = context;
    uint32_t number = atomic_fetch_add(&s->client_next, 1);
    if (!s->client(s, number)) atomic_fetch_add(&s->client_failures, 1);
    atomic_fetch_sub(&s->clients_left, 1);
    loop_wake_send(s->wake);
}

/* Start the server on the loop's mem, run clients against it until all have ended and all streams
 * are gone. */
static void serve(struct server *s, struct mem *mem, uint32_t clients)
{
    struct thread *threads[4];
    assert_true(clients <= 4);
    if (s->accepted == NULL) s->accepted = on_accepted;
    if (s->closed == NULL) s->closed = on_closed;
    assert_int_equal(mutex_new(&s->mutex, mem_system()), ST_OK);
    assert_int_equal(cond_new(&s->happened, mem_system()), ST_OK);
    assert_int_equal(loop_new(&s->loop, mem), ST_OK);
    assert_int_equal(loop_wake_new(&s->wake, s->loop, on_client_done, s), ST_OK);
    assert_int_equal(tcp_listen(&s->listener, s->loop, "127.0.0.1", 0, s->accepted, s), ST_OK);
    assert_true(tcp_listener_port(s->listener) != 0);
    atomic_store(&s->clients_left, clients);
    for (uint32_t i = 0; i < clients; i++)
        assert_int_equal(thread_start(&threads[i], mem_system(), "client", client_main, s), ST_OK);
    loop_run(s->loop);
    for (uint32_t i = 0; i < clients; i++)
        thread_join(threads[i]);
    assert_int_equal(atomic_load(&s->client_failures), 0);
    for (uint32_t i = 0; i < s->session_count; i++)
        assert_int_equal(s->sessions[i].closed_count, 1);
    tcp_listener_close(s->listener);
    loop_free(s->loop);
    cond_free(s->happened);
    mutex_free(s->mutex);
}

static int connect_to(struct server *s)
{
    return os_client_connect(tcp_listener_port(s->listener), 0);
}

/* --- echo ---------------------------------------------------------------------------------- */

static void echo(void *context, struct span bytes)
{
    struct session *session = context;
    session->received += bytes.size;
    assert_int_equal(tcp_write(session->stream, bytes), ST_OK);
    size_t queued = tcp_queued(session->stream);
    if (queued > session->queued_max) session->queued_max = queued;
    if (queued > HIGH_WATER) {
        tcp_pause(session->stream);
        session->pauses++;
        happen(session->server);
    }
}

static void echo_drained(void *context)
{
    struct session *session = context;
    assert_int_equal(tcp_queued(session->stream), 0);
    session->drains++;
    tcp_resume(session->stream);
}

static size_t message_make(struct test_rng *rng, uint8_t *to)
{
    size_t size = 1 + (size_t)test_rng_below(rng, MESSAGE_MAX);
    uint64_t fill = test_rng_u64(rng);
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(fill >> (i % 8 * 8)) ^ (uint8_t)i;
    return size;
}

struct reader {
    int descriptor;
    uint64_t seed;
    bool is_right;
    struct server *server;
};

/* Begins only when the server has felt the pressure of not being read. */
static void read_echoes(void *context)
{
    struct reader *r = context;
    struct test_rng rng = {.state = r->seed};
    static _Thread_local uint8_t want[MESSAGE_MAX];
    static _Thread_local uint8_t got[MESSAGE_MAX];
    await(r->server, 2);
    r->is_right = true;
    for (uint32_t i = 0; i < MESSAGES && r->is_right; i++) {
        size_t size = message_make(&rng, want);
        r->is_right = os_client_receive(r->descriptor, got, size) && memcmp(want, got, size) == 0;
    }
    r->is_right = r->is_right && os_client_at_end(r->descriptor);
}

static bool echo_client(struct server *s, uint32_t number)
{
    int descriptor = os_client_connect(tcp_listener_port(s->listener), 16384);
    if (descriptor < 0) return false;
    struct reader r = {.descriptor = descriptor, .seed = number + 1, .server = s};
    struct test_rng rng = {.state = number + 1};
    struct thread *thread = NULL;
    if (thread_start(&thread, mem_system(), "reader", read_echoes, &r) != ST_OK) return false;
    static _Thread_local uint8_t message[MESSAGE_MAX];
    bool is_sent = true;
    for (uint32_t i = 0; i < MESSAGES && is_sent; i++) {
        size_t size = message_make(&rng, message);
        is_sent = os_client_send(descriptor, message, size);
    }
    os_client_end(descriptor);
    thread_join(thread);
    os_client_close(descriptor);
    return is_sent && r.is_right;
}

static void test_echo_under_back_pressure(void **state)
{
    (void)state;
    struct server s = {.data = echo, .drained = echo_drained, .client = echo_client};
    serve(&s, mem_system(), 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(s.sessions[i].received > MESSAGES);
        assert_true(s.sessions[i].drains > 0);
        assert_true(s.sessions[i].queued_max <= HIGH_WATER + READ_MAX);
    }
    assert_true(s.sessions[0].pauses + s.sessions[1].pauses >= 2);
}

/* --- gathering ----------------------------------------------------------------------------- */

/* A thousand small answers to one byte are queued until the turn ends, then leave as one. */
static void answer_in_pieces(void *context, struct span bytes)
{
    struct session *session = context;
    session->received += bytes.size;
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(tcp_write(session->stream, span_text("0123456789")), ST_OK);
    assert_int_equal(tcp_queued(session->stream), 10000);
    assert_int_equal(tcp_write(session->stream, span_of(NULL, 0)), ST_OK);
}

static void count_drained(void *context)
{
    ((struct session *)context)->drains++;
}

static bool pieces_client(struct server *s, uint32_t number)
{
    (void)number;
    uint8_t bytes[20000];
    int descriptor = connect_to(s);
    bool is_right = os_client_send(descriptor, "?", 1) &&
                    os_client_receive_some(descriptor, bytes, sizeof(bytes)) == 10000 &&
                    memcmp(bytes + 9990, "0123456789", 10) == 0;
    os_client_close(descriptor);
    return is_right;
}

static void test_small_writes_leave_together(void **state)
{
    (void)state;
    struct server s = {.data = answer_in_pieces, .drained = count_drained, .client = pieces_client};
    serve(&s, mem_system(), 1);
    assert_int_equal(s.sessions[0].drains, 1);
}

/* A stream whose drained callback always writes again does not keep timers from firing. */
static void write_again(void *context)
{
    struct session *session = context;
    session->drains++;
    enum status st = tcp_write(session->stream, span_text("again"));
    assert_true(st == ST_OK || st == ST_CLOSED);
}

static void begin_writing(void *context, struct span bytes)
{
    (void)bytes;
    write_again(context);
}

static void close_first_session(void *context)
{
    tcp_close(((struct server *)context)->sessions[0].stream);
}

static bool endless_client(struct server *s, uint32_t number)
{
    (void)number;
    int descriptor = connect_to(s);
    bool is_right = os_client_send(descriptor, "?", 1);
    uint8_t bytes[4096];
    while (os_client_receive_some(descriptor, bytes, sizeof(bytes)) > 0)
        continue;
    os_client_close(descriptor);
    return is_right;
}

static void arm_close(void *context, struct span bytes)
{
    struct session *session = context;
    struct loop_timer *timer = NULL;
    struct server *s = session->server;
    assert_int_equal(loop_timer_new(&timer, s->loop, close_first_session, s), ST_OK);
    loop_timer_start(timer, 20, 0);
    begin_writing(context, bytes);
}

/* Nor does it sleep: what drained writes leaves without anything else happening. */
static void write_thousand_times(void *context)
{
    struct session *session = context;
    if (session->drains < 1000) {
        write_again(context);
    } else {
        tcp_close(session->stream);
    }
}

static void test_drained_may_write(void **state)
{
    (void)state;
    struct server s = {
        .data = begin_writing, .drained = write_thousand_times, .client = endless_client};
    serve(&s, mem_system(), 1);
    assert_int_equal(s.sessions[0].drains, 1000);
}

static void test_endless_writer_does_not_hold_the_loop(void **state)
{
    (void)state;
    struct server s = {.data = arm_close, .drained = write_again, .client = endless_client};
    serve(&s, mem_system(), 1);
    assert_true(s.sessions[0].drains > 2);
}

/* Bytes written while earlier ones are on their way follow them without any further call. */
#define LONG_ANSWER ((size_t)8 << 20)

static void answer_twice(void *context, struct span bytes)
{
    struct session *session = context;
    static const uint8_t answer[LONG_ANSWER] = {7};
    for (size_t i = 0; i < bytes.size; i++) {
        struct span part = bytes.data[i] == '1' ? span_of(answer, LONG_ANSWER) : span_text("tail");
        assert_int_equal(tcp_write(session->stream, part), ST_OK);
        happen(session->server);
    }
}

static bool twice_client(struct server *s, uint32_t number)
{
    (void)number;
    static uint8_t answer[LONG_ANSWER + 4];
    int descriptor = os_client_connect(tcp_listener_port(s->listener), 4096);
    bool is_right = os_client_send(descriptor, "1", 1);
    await(s, 1);
    is_right = is_right && os_client_send(descriptor, "2", 1);
    await(s, 2);
    is_right = is_right && os_client_receive(descriptor, answer, sizeof(answer)) &&
               answer[0] == 7 && memcmp(answer + LONG_ANSWER, "tail", 4) == 0;
    os_client_close(descriptor);
    return is_right;
}

static void test_write_during_a_flight(void **state)
{
    (void)state;
    struct server s = {.data = answer_twice, .drained = count_drained, .client = twice_client};
    serve(&s, mem_system(), 1);
    assert_int_equal(s.sessions[0].drains, 1);
}

/* --- ending -------------------------------------------------------------------------------- */

static void answer_and_close(void *context, struct span bytes)
{
    struct session *session = context;
    (void)bytes;
    static const uint8_t answer[LONG_ANSWER] = {7};
    assert_int_equal(tcp_write(session->stream, span_of(answer, LONG_ANSWER)), ST_OK);
    tcp_close(session->stream);
    tcp_close(session->stream);
    session->status = tcp_write(session->stream, span_text("late"));
}

/* Sends more than it should, and still gets the whole answer and an orderly end. */
static bool answered_client(struct server *s, uint32_t number)
{
    (void)number;
    static const uint8_t question[1u << 20];
    static uint8_t answer[LONG_ANSWER];
    int descriptor = connect_to(s);
    bool is_right = os_client_send(descriptor, question, sizeof(question)) &&
                    os_client_receive(descriptor, answer, LONG_ANSWER) && answer[0] == 7 &&
                    os_client_at_end(descriptor);
    os_client_close(descriptor);
    return is_right;
}

static void test_close_delivers_what_is_queued(void **state)
{
    (void)state;
    struct server s = {.data = answer_and_close, .client = answered_client};
    serve(&s, mem_system(), 1);
    assert_int_equal(s.sessions[0].status, ST_CLOSED);
}

/* What a client still sends after our end of stream is taken and dropped, not answered by a reset.
 */
static void say_goodbye(void *context, struct span bytes)
{
    struct session *session = context;
    (void)bytes;
    assert_int_equal(tcp_write(session->stream, span_text("bye")), ST_OK);
    tcp_close(session->stream);
}

static bool late_client(struct server *s, uint32_t number)
{
    (void)number;
    char text[3];
    int descriptor = connect_to(s);
    bool is_right = os_client_send(descriptor, "?", 1) && os_client_receive(descriptor, text, 3) &&
                    memcmp(text, "bye", 3) == 0 && os_client_at_end(descriptor);
    for (uint32_t i = 0; i < 8; i++)
        is_right = is_right && os_client_send(descriptor, "late", 4);
    os_client_close(descriptor);
    return is_right;
}

static void test_closing_is_not_a_reset(void **state)
{
    (void)state;
    struct server s = {.data = say_goodbye, .client = late_client};
    serve(&s, mem_system(), 1);
}

/* Neither a client that never reads nor one that never ends its side holds a closing stream for
 * ever. */
static bool stubborn_client(struct server *s, uint32_t number)
{
    int descriptor = os_client_connect(tcp_listener_port(s->listener), 4096);
    bool is_right = os_client_send(descriptor, number == 0 ? "long" : "short", 4);
    await(s, 2); /* Until the server has given up on both. */
    os_client_close(descriptor);
    return is_right;
}

static void stubborn_closed(void *context)
{
    on_closed(context);
    happen(((struct session *)context)->server);
}

static void stubborn_data(void *context, struct span bytes)
{
    struct session *session = context;
    if (bytes.data[0] == 'l') {
        answer_and_close(context, bytes);
    } else {
        tcp_close(session->stream);
    }
}

static void test_closing_has_a_limit(void **state)
{
    (void)state;
    struct server s = {.data = stubborn_data, .closed = stubborn_closed, .client = stubborn_client};
    uint64_t start = os_posix()->monotonic_ns(os_posix());
    serve(&s, mem_system(), 2);
    uint64_t took_ms = (os_posix()->monotonic_ns(os_posix()) - start) / 1000000;
    assert_in_range(took_ms, 4900, 9000);
}

/* A reset while the server writes: no signal ends the process, closed comes once. */
static void write_much(void *context, struct span bytes)
{
    struct session *session = context;
    (void)bytes;
    static const uint8_t answer[LONG_ANSWER] = {7};
    enum status st = tcp_write(session->stream, span_of(answer, LONG_ANSWER));
    assert_true(st == ST_OK || st == ST_LIMIT);
}

static bool resetting_client(struct server *s, uint32_t number)
{
    uint8_t byte;
    int descriptor = connect_to(s);
    bool is_right = os_client_send(descriptor, "?", 1) && os_client_receive(descriptor, &byte, 1);
    /* After an orderly end a reset makes writing a broken pipe. */
    if (number % 2 == 1) os_client_end(descriptor);
    os_client_reset(descriptor);
    return is_right;
}

static void test_reset_by_the_other_side(void **state)
{
    (void)state;
    struct server s = {.data = write_much, .client = resetting_client};
    serve(&s, mem_system(), 4);
}

/* Beyond the limit a write is refused as a whole; what was queued before stays. */
static void exceed_limit(void *context, struct span bytes)
{
    struct session *session = context;
    static const uint8_t much[TCP_QUEUE_MAX];
    (void)bytes;
    assert_int_equal(tcp_write(session->stream, span_text("first")), ST_OK);
    session->status = tcp_write(session->stream, span_of(much, TCP_QUEUE_MAX - 4));
    assert_int_equal(tcp_queued(session->stream), 5);
    tcp_close(session->stream);
}

static bool limit_client(struct server *s, uint32_t number)
{
    (void)number;
    char text[5];
    int descriptor = connect_to(s);
    bool is_right = os_client_send(descriptor, "?", 1) && os_client_receive(descriptor, text, 5) &&
                    memcmp(text, "first", 5) == 0 && os_client_at_end(descriptor);
    os_client_close(descriptor);
    return is_right;
}

static void test_queue_limit(void **state)
{
    (void)state;
    struct server s = {.data = exceed_limit, .client = limit_client};
    serve(&s, mem_system(), 1);
    assert_int_equal(s.sessions[0].status, ST_LIMIT);
}

/* Streams that are open when the loop is freed are told. */
static void stop_the_loop(void *context, struct span bytes)
{
    struct session *session = context;
    assert_int_equal(tcp_write(session->stream, bytes), ST_OK);
    loop_stop(session->server->loop);
}

static void count_closed(void *context)
{
    ((struct session *)context)->closed_count++;
}

static void note_peer(void *context, struct tcp_stream *stream)
{
    struct session *session = context;
    char peer[64];
    tcp_peer(stream, peer);
    assert_memory_equal(peer, "127.0.0.1:", 10);
    session->stream = stream;
    struct tcp_events events = {.data = stop_the_loop, .closed = count_closed, .context = session};
    tcp_start(stream, &events);
}

static void test_loop_free_closes_streams(void **state)
{
    (void)state;
    struct server s = {.data = NULL};
    struct session session = {.server = &s};
    assert_int_equal(loop_new(&s.loop, mem_system()), ST_OK);
    assert_int_equal(tcp_listen(&s.listener, s.loop, "127.0.0.1", 0, note_peer, &session), ST_OK);
    int descriptor = connect_to(&s);
    assert_true(os_client_send(descriptor, "?", 1));
    loop_run(s.loop);
    assert_int_equal(session.closed_count, 0);
    loop_free(s.loop); /* With the listener, and bytes of this very turn still queued. */
    assert_int_equal(session.closed_count, 1);
    os_client_close(descriptor);
}

/* --- accepting ----------------------------------------------------------------------------- */

static void refuse(void *context, struct tcp_stream *stream)
{
    (void)context;
    tcp_close(stream);
}

static bool refused_client(struct server *s, uint32_t number)
{
    (void)number;
    int descriptor = connect_to(s);
    bool is_right = os_client_at_end(descriptor);
    os_client_close(descriptor);
    return is_right;
}

static void test_refused_connection(void **state)
{
    (void)state;
    struct server s = {.accepted = refuse, .client = refused_client};
    serve(&s, mem_system(), 1);
}

static void test_addresses(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    struct tcp_listener *first = NULL;
    struct tcp_listener *second = NULL;
    assert_int_equal(loop_new(&loop, mem_system()), ST_OK);
    assert_int_equal(tcp_listen(&second, loop, "localhost", 0, refuse, NULL), ST_INVALID);
    assert_int_equal(tcp_listen(&second, loop, "", 0, refuse, NULL), ST_INVALID);
    assert_int_equal(tcp_listen(&second, loop, "203.0.113.1", 0, refuse, NULL), ST_NOT_FOUND);
    assert_int_equal(tcp_listen(&first, loop, "127.0.0.1", 0, refuse, NULL), ST_OK);
    uint16_t port = tcp_listener_port(first);
    assert_int_equal(tcp_listen(&second, loop, "127.0.0.1", port, refuse, NULL), ST_EXISTS);
    assert_null(second);
    enum status st = tcp_listen(&second, loop, "::1", 0, refuse, NULL);
    assert_true(st == ST_OK || st == ST_NOT_FOUND || st == ST_IO); /* A machine without IPv6. */
    if (st == ST_OK) assert_true(tcp_listener_port(second) != 0);
    tcp_listener_close(first);
    tcp_listener_close(NULL);
    loop_free(loop);
}

/* Whichever allocation fails, nothing leaks and the server lives: a connection is accepted a little
 * later, or ended when its answer has no room. */
static bool one_byte_client(struct server *s, uint32_t number)
{
    (void)number;
    char byte;
    int descriptor = connect_to(s);
    bool is_answered =
        os_client_send(descriptor, "?", 1) && os_client_receive(descriptor, &byte, 1);
    os_client_close(descriptor);
    return is_answered;
}

static void echo_or_close(void *context, struct span bytes)
{
    struct session *session = context;
    session->status = tcp_write(session->stream, bytes);
    if (session->status != ST_OK) tcp_close(session->stream);
}

static void test_accept_without_memory(void **state)
{
    (void)state;
    struct fail_mem f;
    fail_mem_init(&f, 0);
    struct server s = {.data = echo_or_close, .client = one_byte_client};
    serve(&s, &f.mem, 1);
    assert_int_equal(f.live, 0);
    assert_int_equal(f.calls, 5); /* Loop, wake, listener, stream, its first bytes. */

    struct loop *loop = NULL;
    fail_mem_init(&f, 2);
    assert_int_equal(loop_new(&loop, &f.mem), ST_OK);
    assert_int_equal(tcp_listen(&s.listener, loop, "127.0.0.1", 0, refuse, NULL), ST_NO_MEMORY);
    loop_free(loop);
    assert_int_equal(f.live, 0);

    fail_mem_init(&f, 4); /* The stream: accepted at the next try. */
    s = (struct server){.data = echo_or_close, .client = one_byte_client};
    serve(&s, &f.mem, 1);
    assert_int_equal(f.live, 0);
    assert_int_equal(f.calls, 6);
}

/* A write that found no memory has queued nothing and does not spoil the next. */
static void echo_at_second_try(void *context, struct span bytes)
{
    struct session *session = context;
    session->status = tcp_write(session->stream, bytes);
    assert_int_equal(tcp_queued(session->stream), 0);
    assert_int_equal(tcp_write(session->stream, bytes), ST_OK);
}

static void test_write_without_memory(void **state)
{
    (void)state;
    struct fail_mem f;
    fail_mem_init(&f, 5);
    struct server s = {.data = echo_at_second_try, .client = one_byte_client};
    serve(&s, &f.mem, 1);
    assert_int_equal(f.live, 0);
    assert_int_equal(s.sessions[0].status, ST_NO_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_under_back_pressure),
        cmocka_unit_test(test_small_writes_leave_together),
        cmocka_unit_test(test_endless_writer_does_not_hold_the_loop),
        cmocka_unit_test(test_drained_may_write),
        cmocka_unit_test(test_write_during_a_flight),
        cmocka_unit_test(test_close_delivers_what_is_queued),
        cmocka_unit_test(test_closing_is_not_a_reset),
        cmocka_unit_test(test_closing_has_a_limit),
        cmocka_unit_test(test_reset_by_the_other_side),
        cmocka_unit_test(test_queue_limit),
        cmocka_unit_test(test_loop_free_closes_streams),
        cmocka_unit_test(test_refused_connection),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_accept_without_memory),
        cmocka_unit_test(test_write_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
