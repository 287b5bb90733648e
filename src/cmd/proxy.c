/* proxy.c - `trustsql proxy`: the PostgreSQL door on the user's own machine.
 *
 * The key stays here. Nodes are asked, compared and believed only as far as their answers are
 * proven; see proxy_int.h for the parts and docs/proxy.md for users. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/layout.h"
#include "cmd/passphrase.h"
#include "cmd/proxy_int.h"
#include "pg/door.h"

#define PROXY_LISTEN     "127.0.0.1:5433"
#define PROXY_REQUEST_MS 2000u
#define GENESIS_FILE_MAX (16u << 20)

struct proxy_options {
    const char *key;
    const char *genesis;
    const char *dir;
    const char *listen;
    const char *password_file;
    uint64_t sample;
    uint64_t request_ms;
    const char *items[PROXY_NODES_MAX]; /* HOST:PORT of nodes. */
    uint32_t node_count;
};

struct proxy_house {
    struct proxy proxy;
    struct pg_door *door;
    struct loop_signal *interrupt;
    struct loop_signal *terminate;
};

void proxy_log(struct proxy *p, const char *format, ...)
{
    char text[2 * DIAG_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    mutex_lock(p->log_mutex);
    fprintf(stderr, "%llu %s\n", (unsigned long long)p->os->wall_ms(p->os), text);
    mutex_unlock(p->log_mutex);
}

struct public_key proxy_node_key(struct proxy *p, const struct proxy_node *n)
{
    mutex_lock(p->mutex);
    const struct public_key key = n->key;
    mutex_unlock(p->mutex);
    return key;
}

/* --- options -----------------------------------------------------------------------------------
 */

/* "host:port", "[v6]:port" into two texts. */
static bool split_address(const char *text, char *host, size_t host_size, char *port, size_t size)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || colon[1] == 0 || strlen(colon + 1) >= size) return false;
    size_t length = (size_t)(colon - text);
    if (text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= host_size) return false;
    for (const char *at = colon + 1; *at != 0; at++)
        if (*at < '0' || *at > '9') return false;
    memcpy(host, text, length);
    host[length] = 0;
    (void)snprintf(port, size, "%s", colon + 1);
    return true;
}

static bool add_node(struct proxy *p, const char *address)
{
    if (p->node_count == PROXY_NODES_MAX) return false;
    struct proxy_node *n = &p->nodes[p->node_count];
    if (!split_address(address, n->host, sizeof n->host, n->port, sizeof n->port)) return false;
    p->node_count++;
    return true;
}

/* The nodes of a chain on this machine. */
static int add_layout(struct proxy *p, const struct proxy_options *o)
{
    char what[160] = "";
    char address[64];
    struct layout layout = {.os = os_posix(), .dir = o->dir};
    if (layout_open(&layout, what) != ST_OK) {
        complain(p->self, NULL, "there is no chain in %s: %s", o->dir, what);
        return EXIT_USAGE;
    }
    for (uint32_t i = 0; i < layout.node_count; i++) {
        (void)snprintf(address, sizeof address, "127.0.0.1:%u",
                       (unsigned)layout_port(&layout, i, PORT_SQL));
        if (!add_node(p, address)) return EXIT_USAGE;
    }
    return EXIT_FINE;
}

static int add_nodes(struct proxy *p, const struct proxy_options *o)
{
    if (o->dir != NULL) {
        int exit_code = add_layout(p, o);
        if (exit_code != EXIT_FINE) return exit_code;
    }
    for (uint32_t i = 0; i < o->node_count; i++) {
        if (add_node(p, o->items[i])) continue;
        complain(p->self, NULL, "\"%s\" is no HOST:PORT of a node's PostgreSQL port", o->items[i]);
        return EXIT_USAGE;
    }
    uint32_t needed = proxy_trust_answers(&p->trust);
    if (p->node_count >= needed) return EXIT_FINE;
    complain(p->self, "Name more of them with --node.",
             "%u nodes are named, but of the %u of this chain %u must answer", p->node_count,
             proxy_trust_newest(&p->trust)->validators.count, needed);
    return EXIT_USAGE;
}

static int open_trust(struct proxy *p, const struct proxy_options *o)
{
    char path[OS_PATH_MAX];
    char what[PROXY_WHAT_MAX] = "";
    const char *file = o->genesis;
    struct buf bytes;
    if (file == NULL) {
        if (o->dir == NULL || os_path_join(path, o->dir, "node0/genesis") != ST_OK) {
            complain(p->self, "Try --help.", "which chain? Name its genesis file with --genesis");
            return EXIT_USAGE;
        }
        file = path;
    }
    buf_init(&bytes, p->mem, 0);
    enum status st = os_read_file(p->os, file, GENESIS_FILE_MAX, &bytes);
    if (st == ST_OK) st = proxy_trust_open(&p->trust, buf_span(&bytes), what);
    buf_fini(&bytes);
    if (st == ST_OK) return EXIT_FINE;
    complain(p->self, NULL, "%s: %s", file, what[0] != 0 ? what : status_text(st));
    return EXIT_USAGE;
}

static int open_key(struct proxy *p, const struct proxy_options *o)
{
    struct trustsql *lib = NULL;
    if (o->key == NULL) {
        complain(p->self, "Try --help.", "whose transactions? Name a key file with --key");
        return EXIT_USAGE;
    }
    if (trustsql_new(&lib) != TRUSTSQL_OK) return EXIT_CHECK_FAILED;
    bool is_read = key_file_read(p->self, lib, &p->key, o->key);
    trustsql_free(lib);
    if (!is_read) return EXIT_USAGE;
    p->account_key = (struct public_key){.scheme = p->key.scheme, .size = p->key.public_size};
    memcpy(p->account_key.bytes, p->key.public_key, p->key.public_size);
    p->account = account_id_of(&p->account_key);
    return EXIT_FINE;
}

static int open_password(struct proxy *p, const struct proxy_options *o, const char *host)
{
    char password[PASSPHRASE_MAX];
    uint8_t salt[SCRAM_SALT_SIZE];
    if (o->password_file == NULL) {
        if (strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0) return EXIT_FINE;
        complain(p->self, "Name a file with --password-file.",
                 "whoever reaches %s could act with the key: it needs a password", host);
        return EXIT_USAGE;
    }
    enum status st = password_read(o->password_file, "", password);
    p->os->entropy(p->os, salt, sizeof salt);
    if (st == ST_OK) st = scram_verifier_make(&p->verifier, span_text(password), salt);
    mem_wipe(password, sizeof password);
    p->has_password = st == ST_OK;
    if (st == ST_OK) return EXIT_FINE;
    complain(p->self, NULL, "%s: %s", o->password_file, status_text(st));
    return EXIT_USAGE;
}

/* --- life --------------------------------------------------------------------------------------
 */

static void on_wake(void *context)
{
    struct proxy_house *h = context;
    proxy_backend_drain(&h->proxy);
}

static void wake(void *context)
{
    struct proxy *p = context;
    loop_wake_send(p->wake);
}

static void on_signal(void *context)
{
    struct proxy_house *h = context;
    if (h->proxy.is_ending) return;
    h->proxy.is_ending = true;
    pg_door_close(h->door);
    h->door = NULL;
    if (h->proxy.session_count == 0) loop_stop(h->proxy.loop);
}

static enum status open_loop(struct proxy_house *h)
{
    struct proxy *p = &h->proxy;
    TRY(mutex_new(&p->log_mutex, p->mem));
    TRY(mutex_new(&p->mutex, p->mem));
    TRY(loop_new(&p->loop, p->mem));
    TRY(loop_wake_new(&p->wake, p->loop, on_wake, h));
    TRY(queue_new(&p->arrivals, p->mem, 2 * PROXY_SESSIONS_MAX, wake, p));
    TRY(loop_signal_new(&h->interrupt, p->loop, SIGINT, on_signal, h));
    return loop_signal_new(&h->terminate, p->loop, SIGTERM, on_signal, h);
}

static int open_door(struct proxy_house *h, const char *host, uint16_t port)
{
    struct proxy *p = &h->proxy;
    struct pg_door_config config = pg_door_config_default(p->mem, p->os);
    config.host = host;
    config.port = port;
    config.connections_max = PROXY_SESSIONS_MAX;
    config.login = p->has_password ? PG_LOGIN_CHECKED : PG_LOGIN_FREE;
    enum status st = pg_door_open(&h->door, p->loop, &p->backend, &config);
    if (st == ST_OK) return EXIT_FINE;
    complain(p->self, NULL, "cannot listen on %s port %u: %s", host, (unsigned)port,
             st == ST_EXISTS ? "another program does" : status_text(st));
    return EXIT_UNREACHABLE;
}

static void announce(const struct proxy_house *h, const char *host)
{
    const struct proxy *p = &h->proxy;
    printf("psql -h %s -p %u -U %s main\n", host, (unsigned)pg_door_port(h->door), p->key.address);
    printf("%u nodes are asked; %u must answer, %u must agree\n", p->node_count,
           proxy_trust_answers(&p->trust), proxy_trust_equal(&p->trust));
    (void)fflush(stdout);
}

static int serve(struct proxy_house *h, const struct proxy_options *o)
{
    char host[128];
    char port[8];
    struct proxy *p = &h->proxy;
    if (!split_address(o->listen, host, sizeof host, port, sizeof port) ||
        strtoul(port, NULL, 10) > UINT16_MAX) {
        complain(p->self, NULL, "\"%s\" is no HOST:PORT to listen on", o->listen);
        return EXIT_USAGE;
    }
    int exit_code = open_password(p, o, host);
    if (exit_code != EXIT_FINE) return exit_code;
    if (open_loop(h) != ST_OK) return EXIT_CHECK_FAILED;
    exit_code = open_door(h, host, (uint16_t)strtoul(port, NULL, 10));
    if (exit_code != EXIT_FINE) return exit_code;
    announce(h, host);
    loop_run(p->loop);
    return EXIT_FINE;
}

static void close_house(struct proxy_house *h)
{
    struct proxy *p = &h->proxy;
    if (h->interrupt != NULL) loop_signal_free(h->interrupt);
    if (h->terminate != NULL) loop_signal_free(h->terminate);
    if (p->wake != NULL) loop_wake_free(p->wake);
    if (p->loop != NULL) loop_free(p->loop);
    queue_free(p->arrivals);
    mutex_free(p->log_mutex);
    mutex_free(p->mutex);
    proxy_trust_close(&p->trust);
    trustsql_key_wipe(&p->key);
}

/* --node may be given many times: taken out of argv before the rest is parsed. */
static int take_nodes(struct proxy_options *o, int argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        const char *value = NULL;
        if (strncmp(argv[i], "--node=", 7) == 0)
            value = argv[i] + 7;
        else if (strcmp(argv[i], "--node") == 0 && i + 1 < argc)
            value = argv[++i];
        if (value == NULL)
            argv[kept++] = argv[i];
        else if (o->node_count < PROXY_NODES_MAX)
            o->items[o->node_count++] = value;
    }
    argv[kept] = NULL;
    return kept;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct proxy_options o = {
        .listen = PROXY_LISTEN, .sample = 100, .request_ms = PROXY_REQUEST_MS};
    const struct option_spec specs[] = {
        {"key", OPTION_TEXT, &o.key, 0, 0},
        {"genesis", OPTION_TEXT, &o.genesis, 0, 0},
        {"dir", OPTION_TEXT, &o.dir, 0, 0},
        {"listen", OPTION_TEXT, &o.listen, 0, 0},
        {"password-file", OPTION_TEXT, &o.password_file, 0, 0},
        {"sample", OPTION_NUMBER, &o.sample, 0, 100},
        {"request-ms", OPTION_NUMBER, &o.request_ms, 50, 60000},
    };
    int exit_code;
    argc = take_nodes(&o, argc, argv);
    const struct arguments given = {argc, argv, specs, sizeof specs / sizeof specs[0], NULL};
    if (!options_parse(self, &given, &exit_code)) return exit_code;
    struct proxy_house *h = mem_alloc_zero(mem_system(), 1, sizeof *h);
    if (h == NULL) return EXIT_CHECK_FAILED;
    struct proxy *p = &h->proxy;
    p->self = self;
    p->os = os_posix();
    p->mem = mem_system();
    p->sample_percent = (uint32_t)o.sample;
    p->request_ms = (uint32_t)o.request_ms;
    proxy_backend_init(p);
    exit_code = open_key(p, &o);
    if (exit_code == EXIT_FINE) exit_code = open_trust(p, &o);
    if (exit_code == EXIT_FINE) exit_code = add_nodes(p, &o);
    if (exit_code == EXIT_FINE) exit_code = serve(h, &o);
    close_house(h);
    mem_free(mem_system(), h);
    return exit_code;
}

const struct command command_proxy = {
    "proxy", "psql and drivers on your own machine, with your own key, nodes checked",
    "Usage: trustsql proxy --key F --genesis G --node HOST:PORT [--node HOST:PORT …]\n"
    "                      [--listen HOST:PORT] [--password-file P] [--sample N]\n"
    "       trustsql proxy --key F --dir D [--listen HOST:PORT]\n\n"
    "Serves PostgreSQL clients here and asks the nodes of a chain for them. The key never leaves\n"
    "this process: transactions are signed here. A write is answered when a proof shows what\n"
    "became of it; a SELECT with rows that f + 1 nodes gave equally at one certified height that\n"
    "is not behind anything final. A node that lies is named in a warning to the client and on\n"
    "standard error, and nothing it said is shown; a lie that it signed goes to all nodes as\n"
    "evidence.\n\n"
    "  --key F            key file of the account, made by `trustsql key new`\n"
    "  --genesis G        the genesis file: the only thing that is trusted\n"
    "  --node HOST:PORT   PostgreSQL port of a node; once for each, at least n - f of them. Who it "
    "is\n"
    "                     its TLS certificate shows, whose key must stand in the genesis\n"
    "  --dir D            all nodes and the genesis of a chain on this machine\n"
    "  --listen HOST:PORT where clients connect (default: 127.0.0.1:5433; port 0: any free one)\n"
    "  --password-file P  clients need the password in its first line. Without it everybody on\n"
    "                     this machine who connects acts with the key; other addresses than those\n"
    "                     of this machine need one\n"
    "  --sample N         of 100 transactions, how many are compared at all nodes (default: 100)\n"
    "  --request-ms T     after so long without an answer, f + 1 other nodes are asked, too\n"
    "                     (default: 2000)\n",
    run};
