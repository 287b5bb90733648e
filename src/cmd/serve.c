#include "cmd/serve.h"

#include <signal.h>
#include <stdio.h>

#include "crypto/identity.h"
#include "node/heal.h"
#include "node/joining.h"
#include "node/node.h"
#include "node/quarantine.h"
#include "node/release.h"
#include "os/process.h"
#include "pg/door.h"

struct serving {
    struct node *node;
    struct pg_door *door;
    const char *dir;
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

/* DIR/sql.crt: what clients may pin. */
static enum status write_certificate(const char *dir, const struct secret_key *key)
{
    struct buf der;
    struct buf pem;
    struct buf old;
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, dir, "sql.crt"));
    buf_init(&der, mem_system(), 0);
    buf_init(&pem, mem_system(), 0);
    buf_init(&old, mem_system(), 0);
    enum status st = pg_door_certificate(&der, key);
    if (st == ST_OK) st = identity_certificate_pem(&pem, buf_span(&der));
    bool is_there = st == ST_OK && os_read_file(os_posix(), path, pem.size, &old) == ST_OK &&
                    span_equal(buf_span(&old), buf_span(&pem));
    if (st == ST_OK && !is_there) st = os_replace_file(os_posix(), path, buf_span(&pem));
    buf_fini(&der);
    buf_fini(&pem);
    buf_fini(&old);
    return st;
}

/* The chain knows this node by another key. */
static void on_key(void *context, const struct secret_key *key)
{
    struct serving *s = context;
    if (s->door == NULL) return;
    enum status st = pg_door_set_key(s->door, key);
    if (st == ST_OK) st = write_certificate(s->dir, key);
    on_warning(st == ST_OK ? "clients are shown the certificate of the new key; sql.crt holds it"
                           : "the certificate of the new key cannot be shown before a restart");
}

static enum status open_door(struct serving *s, char *what)
{
    const struct node_config *settings = node_settings(s->node);
    struct pg_door_config config = {.os = os_posix(),
                                    .mem = mem_system(),
                                    .host = settings->pg_host,
                                    .port = settings->pg_port,
                                    .connections_max = settings->pg_connections_max};
    struct secret_key key;
    enum status st = node_key_read(os_posix(), s->dir, &key);
    if (st == ST_OK) {
        config.tls_key = &key;
        config.needs_tls = settings->pg_is_tls_only;
        st = write_certificate(s->dir, &key);
    }
    if (st != ST_OK) {
        (void)snprintf(what, NODE_WHAT_MAX, "the certificate for clients cannot be made: %s",
                       status_text(st));
        return st;
    }
    st = pg_door_open(&s->door, node_loop(s->node), node_backend(s->node), &config);
    mem_wipe(&key, sizeof key);
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
    node_on_key(s->node, on_key, s);
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

static bool is_rebuild_due(const char *dir)
{
    struct quarantine q;
    if (heal_is_due(os_posix(), dir)) return true;
    return quarantine_read(&q, os_posix(), dir) == ST_OK && q.is_due;
}

static enum status serve_once(const struct serve *serve,
                              struct serving *s,
                              const struct node_open *open,
                              char *what)
{
    *s = (struct serving){.dir = serve->dir};
    what[0] = 0;
    enum status st = node_open(&s->node, open, what);
    if (st == ST_OK) st = run(serve, s, what);
    node_close(s->node);
    return st;
}

int serve_node(const struct serve *serve)
{
    char what[NODE_WHAT_MAX] = "";
    struct serving s = {.dir = serve->dir};
    struct release release;
    release_of_program(&release, os_posix(), mem_system(), process_self_path());
    struct node_open open = {.os = os_posix(),
                             .mem = mem_system(),
                             .dir = serve->dir,
                             .progress = on_progress,
                             .warn = on_warning,
                             .release = &release};
    enum status st = serve_once(serve, &s, &open, what);
    /* A refuted state is made again by a start, at most QUARANTINE_REBUILDS_MAX times; a node that
     * is far behind joins by snapshot. */
    while ((st == ST_CORRUPT && is_rebuild_due(serve->dir)) ||
           (st == ST_BUSY && joining_is_due(os_posix(), serve->dir))) {
        on_warning(what);
        st = serve_once(serve, &s, &open, what);
    }
    if (st == ST_OK) return EXIT_FINE;
    complain(serve->self, hint_of(st), "%s", what[0] != 0 ? what : status_text(st));
    return exit_code_of(st);
}
