#include "cmd/supervise.h"

#include <signal.h>
#include <stdio.h>

#include "base/must.h"
#include "cmd/layout.h"
#include "os/loop.h"
#include "os/process.h"

#define SIGNAL_COUNT 4u

struct supervisor {
    const struct command *self;
    struct loop *loop;
    int64_t pids[LAYOUT_NODES_MAX]; /* 0: has ended. */
    uint32_t count;
    uint32_t running;
    int exit_code;
    bool is_stopping;
};

/* Signals of several children may come as one. */
static void on_child(void *context)
{
    struct supervisor *s = context;
    for (uint32_t i = 0; i < s->count; i++) {
        int exit_code = EXIT_CHECK_FAILED;
        if (s->pids[i] == 0 || process_poll(s->pids[i], &exit_code) == ST_BUSY) continue;
        s->pids[i] = 0;
        must(s->running > 0);
        s->running--;
        if (exit_code != EXIT_FINE) s->exit_code = exit_code;
        if (!s->is_stopping)
            complain(s->self, "The others go on; Ctrl-C stops them.",
                     "node%u has ended with exit code %d", i, exit_code);
    }
    if (s->running == 0) loop_stop(s->loop);
}

static void on_stop(void *context)
{
    struct supervisor *s = context;
    s->is_stopping = true;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->pids[i] != 0) (void)!process_send(s->pids[i], PROCESS_TERMINATE);
}

int supervise_children(const struct command *self, const int64_t *pids, uint32_t count)
{
    static const int numbers[SIGNAL_COUNT] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    struct loop_signal *signals[SIGNAL_COUNT] = {NULL};
    struct supervisor s = {.self = self, .count = count, .running = count};
    must(count > 0 && count <= LAYOUT_NODES_MAX);
    memcpy(s.pids, pids, count * sizeof *pids);
    enum status st = loop_new(&s.loop, mem_system());
    for (uint32_t i = 0; i < SIGNAL_COUNT && st == ST_OK; i++)
        st = loop_signal_new(&signals[i], s.loop, numbers[i],
                             numbers[i] == SIGCHLD ? on_child : on_stop, &s);
    if (st == ST_OK) {
        on_child(&s); /* Those that ended before anybody listened. */
        if (s.running > 0) loop_run(s.loop);
    } else {
        on_stop(&s);
    }
    for (uint32_t i = 0; i < SIGNAL_COUNT; i++)
        if (signals[i] != NULL) loop_signal_free(signals[i]);
    if (s.loop != NULL) loop_free(s.loop);
    return st == ST_OK ? s.exit_code : exit_code_of(st);
}
