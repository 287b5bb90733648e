/* Timers fire in order, wakes from other threads are never lost, signals arrive, and whatever is
 * left on a loop is released with it. */
#include <signal.h>
#include <stdatomic.h>

#include "os/loop.h"
#include "os/thread.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

#define SENDERS 4u
#define SENDS   20000u

struct notes {
    struct loop *loop;
    struct loop_timer *timer;
    char text[16];
    size_t len;
    size_t stop_at; /* Stop the loop after so many. */
};

static void note(struct notes *notes, char what)
{
    assert_true(notes->len < sizeof(notes->text) - 1);
    notes->text[notes->len++] = what;
    if (notes->len == notes->stop_at) loop_stop(notes->loop);
}

static void note_a(void *context)
{
    note(context, 'a');
}

static void note_b(void *context)
{
    note(context, 'b');
}

static void note_and_free(void *context)
{
    struct notes *notes = context;
    note(notes, 'x');
    loop_timer_free(notes->timer);
}

static void test_timers(void **state)
{
    (void)state;
    struct notes notes = {.stop_at = 5};
    struct loop_timer *a = NULL;
    struct loop_timer *b = NULL;
    struct loop_timer *never = NULL;
    assert_int_equal(loop_new(&notes.loop, mem_system()), ST_OK);
    assert_int_equal(loop_timer_new(&a, notes.loop, note_a, &notes), ST_OK);
    assert_int_equal(loop_timer_new(&b, notes.loop, note_b, &notes), ST_OK);
    assert_int_equal(loop_timer_new(&never, notes.loop, note_b, &notes), ST_OK);
    assert_int_equal(loop_timer_new(&notes.timer, notes.loop, note_and_free, &notes), ST_OK);
    uint64_t start = loop_now_ms(notes.loop);
    loop_timer_start(a, 20, 10); /* At 20, 30, 40. */
    loop_timer_start(b, 1, 0);
    loop_timer_start(never, 0, 1);
    loop_timer_stop(never);
    loop_timer_start(notes.timer, 0, 1); /* Frees itself at its first. */
    loop_run(notes.loop);
    assert_string_equal(notes.text, "xbaaa");
    assert_true(loop_now_ms(notes.loop) >= start + 40);
    loop_timer_free(a);
    loop_timer_free(NULL);
    loop_free(notes.loop); /* With b and never. */
}

static void test_stop_before_run(void **state)
{
    (void)state;
    struct notes notes = {.stop_at = 1};
    struct loop_timer *timer = NULL;
    assert_int_equal(loop_new(&notes.loop, mem_system()), ST_OK);
    loop_stop(notes.loop);
    loop_run(notes.loop);
    assert_int_equal(loop_timer_new(&timer, notes.loop, note_a, &notes), ST_OK);
    loop_timer_start(timer, 0, 0);
    loop_run(notes.loop); /* Runs again, until the next stop. */
    assert_string_equal(notes.text, "a");
    loop_free(notes.loop);
    loop_free(NULL);
}

/* The callback runs at least once after the last send of each thread. */
struct waking {
    struct loop *loop;
    struct loop_wake *wake;
    _Atomic uint32_t sent;
    uint32_t seen;
    uint32_t calls;
};

static void send_wakes(void *context)
{
    struct waking *w = context;
    for (uint32_t i = 0; i < SENDS; i++) {
        atomic_fetch_add(&w->sent, 1);
        loop_wake_send(w->wake);
    }
}

static void on_wake(void *context)
{
    struct waking *w = context;
    w->calls++;
    w->seen = atomic_load(&w->sent);
    if (w->seen == SENDERS * SENDS) loop_stop(w->loop);
}

static void test_wakes_are_not_lost(void **state)
{
    (void)state;
    struct waking w = {.seen = 0};
    struct thread *threads[SENDERS];
    assert_int_equal(loop_new(&w.loop, mem_system()), ST_OK);
    assert_int_equal(loop_wake_new(&w.wake, w.loop, on_wake, &w), ST_OK);
    for (uint32_t i = 0; i < SENDERS; i++)
        assert_int_equal(thread_start(&threads[i], mem_system(), "sender", send_wakes, &w), ST_OK);
    loop_run(w.loop);
    for (uint32_t i = 0; i < SENDERS; i++)
        thread_join(threads[i]);
    assert_int_equal(w.seen, SENDERS * SENDS);
    assert_in_range(w.calls, 1, SENDERS * SENDS);
    loop_wake_free(w.wake);
    loop_wake_free(NULL);
    loop_free(w.loop);
}

static void test_signals(void **state)
{
    (void)state;
    struct notes notes = {.stop_at = 1};
    struct loop_signal *signal_watch = NULL;
    assert_int_equal(loop_new(&notes.loop, mem_system()), ST_OK);
    assert_int_equal(loop_signal_new(&signal_watch, notes.loop, SIGTERM, note_a, &notes), ST_OK);
    assert_int_equal(raise(SIGTERM), 0);
    loop_run(notes.loop);
    assert_string_equal(notes.text, "a");
    loop_signal_free(signal_watch);
    loop_signal_free(NULL);
    assert_int_equal(loop_signal_new(&signal_watch, notes.loop, SIGKILL, note_a, &notes),
                     ST_INVALID);
    loop_free(notes.loop);
}

static enum status make_everything(struct mem *mem)
{
    struct notes notes = {.stop_at = 1};
    struct loop_timer *timer = NULL;
    struct loop_wake *wake = NULL;
    struct loop_signal *signal_watch = NULL;
    TRY(loop_new(&notes.loop, mem));
    enum status st = loop_timer_new(&timer, notes.loop, note_a, &notes);
    if (st == ST_OK) st = loop_wake_new(&wake, notes.loop, note_a, &notes);
    if (st == ST_OK) st = loop_signal_new(&signal_watch, notes.loop, SIGINT, note_a, &notes);
    if (st == ST_OK) {
        loop_wake_send(wake);
        loop_run(notes.loop);
    }
    loop_free(notes.loop);
    return st;
}

static void test_without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem f;
        fail_mem_init(&f, n);
        enum status st = make_everything(&f.mem);
        assert_int_equal(f.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_stop_before_run),
        cmocka_unit_test(test_wakes_are_not_lost),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
