/* Goal: a dialled stream connects, to a number or a name, says why when it does not, and can be
 * given up at any moment; work wanted in a turn runs once in that turn. */
#include <stdio.h>
#include <string.h>

#include "os/loop.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

struct dial {
    struct loop *loop;
    struct tcp_listener *listener;
    struct tcp_stream *stream;
    struct tcp_stream *accepted;
    uint32_t connected_count;
    uint32_t closed_count;
    enum status connected;
    char heard[32];
    bool give_up; /* Close in connected. */
};

static void on_data(void *context, struct span bytes)
{
    struct dial *d = context;
    assert_true(strlen(d->heard) + bytes.size < sizeof d->heard);
    memcpy(d->heard + strlen(d->heard), bytes.data, bytes.size);
    if (strcmp(d->heard, "hello") == 0) tcp_close(d->stream);
}

static void on_closed(void *context)
{
    struct dial *d = context;
    d->closed_count++;
    loop_stop(d->loop);
}

static void on_connected(void *context, enum status st)
{
    struct dial *d = context;
    assert_int_equal(d->closed_count, 0);
    d->connected_count++;
    d->connected = st;
    if (d->give_up) tcp_close(d->stream);
}

static void server_data(void *context, struct span bytes)
{
    struct dial *d = context;
    assert_int_equal(tcp_write(d->accepted, bytes), ST_OK);
}

static void server_closed(void *context)
{
    (void)context;
}

static void on_accepted(void *context, struct tcp_stream *stream)
{
    struct dial *d = context;
    struct tcp_events events = {.data = server_data, .closed = server_closed, .context = d};
    d->accepted = stream;
    tcp_start(stream, &events);
    assert_int_equal(tcp_write(stream, span_text("hello")), ST_OK);
}

static struct tcp_events events_of(struct dial *d)
{
    return (struct tcp_events){
        .data = on_data, .closed = on_closed, .connected = on_connected, .context = d};
}

/* Dial host on a port where somebody listens (port 0) or on port; run until it has ended. */
static void dial(struct dial *d, const char *host, uint16_t port)
{
    assert_int_equal(loop_new(&d->loop, mem_system()), ST_OK);
    assert_int_equal(tcp_listen(&d->listener, d->loop, "127.0.0.1", 0, on_accepted, d), ST_OK);
    struct tcp_events events = events_of(d);
    struct tcp_target target = {.host = host,
                                .port = port != 0 ? port : tcp_listener_port(d->listener)};
    if (port == 1) { /* Nobody is there: the listener's own, closed. */
        target.port = tcp_listener_port(d->listener);
        tcp_listener_close(d->listener);
        d->listener = NULL;
    }
    assert_int_equal(tcp_connect(&d->stream, d->loop, &target, &events), ST_OK);
    assert_int_equal(tcp_write(d->stream, span_text("early")), ST_CLOSED);
    assert_int_equal(d->connected_count, 0); /* Never from within the call. */
    loop_run(d->loop);
    tcp_listener_close(d->listener);
    loop_free(d->loop);
    assert_int_equal(d->closed_count, 1);
}

static void connects(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < 2; i++) {
        struct dial d = {0};
        dial(&d, hosts[i], 0);
        if (d.connected != ST_OK && i == 1) continue; /* This machine's localhost is ::1 alone. */
        assert_int_equal(d.connected_count, 1);
        assert_int_equal(d.connected, ST_OK);
        assert_string_equal(d.heard, "hello");
    }
}

static void refused(void **state)
{
    (void)state;
    struct dial d = {0};
    dial(&d, "127.0.0.1", 1);
    assert_int_equal(d.connected_count, 1);
    assert_int_equal(d.connected, ST_CLOSED);
}

static void unknown_name(void **state)
{
    (void)state;
    struct dial d = {0};
    dial(&d, "no-such-host.invalid", 5);
    assert_int_equal(d.connected_count, 1);
    assert_int_equal(d.connected, ST_NOT_FOUND);
}

static void given_up(void **state)
{
    (void)state;
    struct dial in_event = {.give_up = true};
    dial(&in_event, "127.0.0.1", 0);
    assert_int_equal(in_event.connected_count, 1);
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < 4; i++) { /* Closed by us, or by the end of the loop. */
        struct dial d = {0};
        struct tcp_events events = events_of(&d);
        struct tcp_target target = {.host = hosts[i % 2], .port = 9};
        assert_int_equal(loop_new(&d.loop, mem_system()), ST_OK);
        assert_int_equal(tcp_connect(&d.stream, d.loop, &target, &events), ST_OK);
        if (i < 2) tcp_close(d.stream);
        loop_free(d.loop);
        assert_int_equal(d.connected_count, 0);
        assert_int_equal(d.closed_count, 1);
    }
}

static enum status dial_once(struct mem *mem)
{
    struct dial d = {.give_up = true};
    TRY(loop_new(&d.loop, mem));
    struct tcp_events events = events_of(&d);
    enum status st = tcp_listen(&d.listener, d.loop, "127.0.0.1", 0, on_accepted, &d);
    if (st == ST_OK) {
        struct tcp_target target = {"127.0.0.1", tcp_listener_port(d.listener), 0};
        st = tcp_connect(&d.stream, d.loop, &target, &events);
    }
    loop_free(d.loop);
    if (st == ST_OK) assert_int_equal(d.closed_count, 1);
    return st;
}

static void memory_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem f;
        fail_mem_init(&f, n);
        enum status st = dial_once(&f.mem);
        assert_int_equal(f.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
}

/* --- loop_turn ----------------------------------------------------------------------------- */

struct turns {
    struct loop *loop;
    struct loop_turn *turn;
    struct loop_timer *timer;
    uint32_t fired;
};

static void on_turn(void *context)
{
    struct turns *t = context;
    t->fired++;
    if (t->fired == 1) {
        loop_turn_want(t->turn); /* Again: in the next turn, without sleeping. */
    } else {
        loop_stop(t->loop);
    }
}

static void on_timer(void *context)
{
    struct turns *t = context;
    assert_int_equal(t->fired, 0);
    loop_turn_want(t->turn);
    loop_turn_want(t->turn);
}

static void turn_runs_once(void **state)
{
    (void)state;
    struct turns t = {0};
    assert_int_equal(loop_new(&t.loop, mem_system()), ST_OK);
    assert_int_equal(loop_turn_new(&t.turn, t.loop, on_turn, &t), ST_OK);
    assert_int_equal(loop_timer_new(&t.timer, t.loop, on_timer, &t), ST_OK);
    loop_timer_start(t.timer, 1, 0);
    loop_run(t.loop);
    assert_int_equal(t.fired, 2);
    loop_turn_want(t.turn);
    loop_turn_free(t.turn); /* Wanted or not. */
    loop_turn_free(NULL);
    loop_free(t.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects),     cmocka_unit_test(refused),
        cmocka_unit_test(unknown_name), cmocka_unit_test(given_up),
        cmocka_unit_test(memory_fails), cmocka_unit_test(turn_runs_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
