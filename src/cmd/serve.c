#include "cmd/serve.h"

#include <signal.h>
#include <stdio.h>

#include "node/node.h"
#include "os/process.h"
#include "pg/door.h"

struct serving {
    struct node *node;
    struct pg_door *door;
};

static void on_signal(void *context)
{
    struct serving *s = context;
    node_stop(s->node);
}

static void on_stopped(void *context)
{
    struct serving *s = context;
    pg_door_close(s->door);
    s->door = NULL;
}

/* Recovery that lasts shows itself every thousand blocks. */
static void on_progress(uint64_t height, uint64_t target)
{
    if (height % 1000 != 0 && height != target) return;
    if (target < 1000 || !terminal_is(2)) return;
    fprintf(stderr, "\rreplaying blocks: %llu of %llu%s", (unsigned long long)height,
            (unsigned long long)target, height == target ? "\n" : "");
}

static void on_warning(const char *text)
{
    fprintf(stderr, "warning: %s\n", text);
}

static enum status open_door(struct serving *s, char *what)
{
    const struct node_config *settings = node_settings(s->node);
    struct pg_door_config config = {.os = os_posix(),
                                    .mem = mem_system(),
                                    .host = settings->pg_host,
                                    .port = settings->pg_port,
                                    .connections_max = settings->pg_connections_max};
    enum status st = pg_door_open(&s->door, node_loop(s->node), node_backend(s->node), &config);
    if (st == ST_EXISTS)
        (void)snprintf(what, NODE_WHAT_MAX, "port %u of %s is taken by another program",
                       (unsigned)config.port, config.host);
    else if (st != ST_OK)
        (void)snprintf(what, NODE_WHAT_MAX, "cannot listen on %s port %u: %s", config.host,
                       (unsigned)config.port, status_text(st));
    return st;
}

static enum status run(const struct serve *serve, struct serving *s, char *what)
{
    struct loop_signal *interrupt = NULL;
    struct loop_signal *terminate = NULL;
    struct loop *loop = node_loop(s->node);
    TRY(open_door(s, what));
    enum status st = loop_signal_new(&interrupt, loop, SIGINT, on_signal, s);
    if (st == ST_OK) st = loop_signal_new(&terminate, loop, SIGTERM, on_signal, s);
    if (st == ST_OK) {
        if (serve->ready != NULL) serve->ready(serve->context, pg_door_port(s->door));
        st = node_run(s->node, on_stopped, s, what);
    }
    if (s->door != NULL) pg_door_close(s->door);
    if (interrupt != NULL) loop_signal_free(interrupt);
    if (terminate != NULL) loop_signal_free(terminate);
    return st;
}

static const char *hint_of(enum status st)
{
    switch (st) {
    case ST_CORRUPT:
        return "Run `trustsql verify node DIR` to see all the damage; the node changes nothing.";
    case ST_LOCKED: return "Stop the other process first.";
    case ST_NO_SPACE: return "Make room on the disk and start the node again; nothing is lost.";
    case ST_NOT_FOUND: return "Make a chain with `trustsql dev`, `testnet` or `init`.";
    case ST_OK:
    case ST_INVALID:
    case ST_TRUNCATED:
    case ST_LIMIT:
    case ST_NO_MEMORY:
    case ST_EXISTS:
    case ST_DENIED:
    case ST_IO:
    case ST_BUSY:
    case ST_TIMEOUT:
    case ST_CLOSED:
    case ST_UNSUPPORTED:
    case ST_SIGNATURE:
    case ST_WRONG_CHAIN:
    case ST_EXPIRED:
    case ST_DUPLICATE:
    case ST_REJECTED:
    case ST_UNREACHABLE: break;
    }
    return NULL;
}

int serve_node(const struct serve *serve)
{
    char what[NODE_WHAT_MAX] = "";
    struct serving s = {0};
    struct node_open open = {.os = os_posix(),
                             .mem = mem_system(),
                             .dir = serve->dir,
                             .progress = on_progress,
                             .warn = on_warning};
    enum status st = node_open(&s.node, &open, what);
    if (st == ST_OK) st = run(serve, &s, what);
    node_close(s.node);
    if (st == ST_OK) return EXIT_FINE;
    complain(serve->self, hint_of(st), "%s", what[0] != 0 ? what : status_text(st));
    return exit_code_of(st);
}
