/* testnet.c - A real chain on this machine: one process per node, started, watched and stopped
 * here. */
#include <stdio.h>

#include "base/must.h"
#include "cmd/layout.h"
#include "cmd/link.h"
#include "cmd/report.h"
#include "os/process.h"

#define TESTNET_READY_MS 60000u
#define TESTNET_STOP_MS  60000u
#define TESTNET_POLL_MS  20u

struct testnet {
    const struct command *self;
    struct layout layout;
    bool is_quiet;
};

static int start_all(struct testnet *t, bool is_detached);
static int start_one(struct testnet *t, uint32_t index);
static int stop_all(struct testnet *t);

static int64_t node_pid(const struct testnet *t, uint32_t index)
{
    char dir[OS_PATH_MAX];
    char path[OS_PATH_MAX];
    if (layout_node_dir(&t->layout, index, dir) != ST_OK) return 0;
    if (os_path_join(path, dir, "lock") != ST_OK) return 0;
    return process_lock_holder(path);
}

static enum status spawn(const struct testnet *t, uint32_t index, bool is_detached, int64_t *pid)
{
    char dir[OS_PATH_MAX];
    char log[OS_PATH_MAX];
    TRY(layout_node_dir(&t->layout, index, dir));
    TRY(os_path_join(log, dir, "log"));
    const char *const argv[] = {"trustsql", "node", dir, NULL};
    return process_spawn_self(pid, argv, is_detached ? log : NULL);
}

/* Serves SQL: an administrator can log in and read. */
static bool is_serving(const struct testnet *t, uint32_t index)
{
    PGconn *link = NULL;
    enum status st = link_open_admin(&link, &t->layout, index);
    PQfinish(link);
    return st == ST_OK;
}

/* A process that was just killed may hold its lock for a moment: it serves, or it lets go. */
static bool is_running(const struct testnet *t, uint32_t index)
{
    const int64_t pid = node_pid(t, index);
    for (uint32_t waited = 0; pid != 0 && waited < TESTNET_READY_MS; waited += TESTNET_POLL_MS) {
        if (is_serving(t, index)) return true;
        if (node_pid(t, index) != pid) return false;
        process_sleep_ms(TESTNET_POLL_MS);
    }
    return pid != 0;
}

static enum status await_serving(const struct testnet *t, uint32_t index, int64_t pid)
{
    for (uint32_t waited = 0; waited < TESTNET_READY_MS; waited += TESTNET_POLL_MS) {
        if (is_serving(t, index)) return ST_OK;
        if (process_is_gone(pid)) return ST_CLOSED;
        process_sleep_ms(TESTNET_POLL_MS);
    }
    return ST_TIMEOUT;
}

/* A transaction that changes nothing, answered when final. */
static enum status await_final_write(const struct testnet *t)
{
    PGconn *link = NULL;
    enum status st = link_open_admin(&link, &t->layout, 0);
    if (st == ST_OK) {
        PGresult *result = PQexec(link, "CALL trustsql.ping()");
        if (PQresultStatus(result) != PGRES_COMMAND_OK) st = ST_UNREACHABLE;
        PQclear(result);
    }
    PQfinish(link);
    return st;
}

static void print_lines(const struct testnet *t)
{
    for (uint32_t i = 0; i < t->layout.node_count; i++)
        printf("node%u: PGPASSWORD=$(cat %s/admin.password) psql -h 127.0.0.1 -p %u "
               "-U admin@node%u main\n",
               i, t->layout.dir, (unsigned)layout_port(&t->layout, i, PORT_SQL), i);
    (void)fflush(stdout);
}

static int fail_start(const struct testnet *t, uint32_t index, enum status st, bool is_detached)
{
    char hint[OS_PATH_MAX + 64];
    (void)snprintf(hint, sizeof hint, "See %s/node%u/log.", t->layout.dir, index);
    complain(t->self, is_detached ? hint : NULL, "node%u does not serve: %s", index,
             st == ST_CLOSED ? "its process has ended" : status_text(st));
    return EXIT_CHECK_FAILED;
}

static int start_all(struct testnet *t, bool is_detached)
{
    int64_t pids[LAYOUT_NODES_MAX];
    for (uint32_t i = 0; i < t->layout.node_count; i++) {
        if (is_running(t, i)) {
            complain(t->self, "Stop it with --stop.", "node%u of %s is running already", i,
                     t->layout.dir);
            return EXIT_USAGE;
        }
    }
    for (uint32_t i = 0; i < t->layout.node_count; i++)
        if (spawn(t, i, is_detached, &pids[i]) != ST_OK)
            return fail_start(t, i, ST_NO_MEMORY, is_detached);
    enum status st = ST_OK;
    uint32_t index = 0;
    for (; index < t->layout.node_count && st == ST_OK; index++)
        st = await_serving(t, index, pids[index]);
    if (st == ST_OK) st = await_final_write(t);
    if (st != ST_OK) return fail_start(t, index > 0 ? index - 1 : 0, st, is_detached);
    if (!t->is_quiet) print_lines(t);
    if (is_detached) return EXIT_FINE;
    int worst = EXIT_FINE; /* Ctrl-C reaches the nodes by itself: same terminal. */
    for (uint32_t i = 0; i < t->layout.node_count; i++) {
        int exit_code = EXIT_CHECK_FAILED;
        if (process_wait(pids[i], &exit_code) != ST_OK || exit_code != EXIT_FINE) worst = exit_code;
    }
    return worst;
}

static int start_one(struct testnet *t, uint32_t index)
{
    int64_t pid = 0;
    if (index >= t->layout.node_count) {
        complain(t->self, NULL, "there is no node%u in %s", index, t->layout.dir);
        return EXIT_USAGE;
    }
    if (is_running(t, index)) return EXIT_FINE;
    enum status st = spawn(t, index, true, &pid);
    if (st == ST_OK) st = await_serving(t, index, pid);
    return st == ST_OK ? EXIT_FINE : fail_start(t, index, st, true);
}

static int stop_all(struct testnet *t)
{
    int64_t pids[LAYOUT_NODES_MAX];
    for (uint32_t i = 0; i < t->layout.node_count; i++) {
        pids[i] = node_pid(t, i);
        if (pids[i] != 0) (void)!process_send(pids[i], PROCESS_TERMINATE);
    }
    for (uint32_t i = 0; i < t->layout.node_count; i++) {
        uint32_t waited = 0;
        while (pids[i] != 0 && !process_is_gone(pids[i]) && node_pid(t, i) == pids[i]) {
            if (waited >= TESTNET_STOP_MS) {
                complain(t->self, NULL, "node%u (process %lld) does not stop", i,
                         (long long)pids[i]);
                return EXIT_CHECK_FAILED;
            }
            process_sleep_ms(TESTNET_POLL_MS);
            waited += TESTNET_POLL_MS;
        }
    }
    return EXIT_FINE;
}

/* --- status ---------------------------------------------------------------------------------- */

static void put_json_node(struct testnet *t, uint32_t index, struct buf *out)
{
    struct node_report report;
    int64_t pid = node_pid(t, index);
    bool is_known = pid != 0 && node_report_fetch(&report, &t->layout, index) == ST_OK;
    buf_printf(out, "%s{\"index\":%u,\"pid\":", index > 0 ? "," : "", index);
    if (pid != 0)
        buf_printf(out, "%lld", (long long)pid);
    else
        buf_put_text(out, "null");
    buf_printf(out, ",\"ports\":{\"p2p\":%u,\"http\":%u,\"sql\":%u}",
               (unsigned)layout_port(&t->layout, index, PORT_P2P),
               (unsigned)layout_port(&t->layout, index, PORT_HTTP),
               (unsigned)layout_port(&t->layout, index, PORT_SQL));
    if (is_known)
        buf_printf(out,
                   ",\"height\":%llu,\"view\":%llu,\"leader\":%llu,\"mode\":\"%s\","
                   "\"digest\":\"%s\",\"lag\":%llu}",
                   (unsigned long long)report.height, (unsigned long long)report.view,
                   (unsigned long long)report.leader, report.mode, report.digest,
                   (unsigned long long)report.lag);
    else
        buf_put_text(out, ",\"height\":null,\"view\":null,\"leader\":null,\"mode\":null,"
                          "\"digest\":null,\"lag\":null}");
}

static void put_text_node(struct testnet *t, uint32_t index, struct buf *out)
{
    struct node_report report;
    int64_t pid = node_pid(t, index);
    if (pid == 0) {
        buf_printf(out, "node%u  dead\n", index);
    } else if (node_report_fetch(&report, &t->layout, index) != ST_OK) {
        buf_printf(out, "node%u  process %lld does not answer\n", index, (long long)pid);
    } else {
        buf_printf(out,
                   "node%u  process %lld  height %llu  view %llu  leader node%llu  %s  lag %llu"
                   "  digest %.16s…\n",
                   index, (long long)pid, (unsigned long long)report.height,
                   (unsigned long long)report.view, (unsigned long long)report.leader, report.mode,
                   (unsigned long long)report.lag, report.digest);
    }
}

static int show_status(struct testnet *t, bool is_json)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    if (is_json) buf_put_text(&out, "{\"nodes\":[");
    for (uint32_t i = 0; i < t->layout.node_count; i++) {
        if (is_json)
            put_json_node(t, i, &out);
        else
            put_text_node(t, i, &out);
    }
    if (is_json) buf_put_text(&out, "]}\n");
    return print_and_free(&out);
}

/* --- the command ----------------------------------------------------------------------------- */

struct testnet_options {
    const char *dir;
    uint64_t nodes;
    uint64_t base_port;
    uint64_t start;
    bool is_detached;
    bool is_stop;
    bool is_status;
    bool is_json;
    bool is_quiet;
};

static int make_and_start(struct testnet *t, const struct testnet_options *o)
{
    char what[160] = "";
    if (o->nodes != 1) {
        complain(t->self, NULL,
                 "chains of %llu nodes are not supported by this version: use --nodes 1",
                 (unsigned long long)o->nodes);
        return EXIT_USAGE;
    }
    t->is_quiet = o->is_quiet;
    t->layout.node_count = (uint32_t)o->nodes;
    t->layout.base_port = (uint16_t)o->base_port;
    enum status st = layout_make(&t->layout, what);
    if (st != ST_OK && st != ST_EXISTS) {
        complain(t->self, NULL, "cannot make a chain in %s: %s", o->dir, what);
        return exit_code_of(st);
    }
    return start_all(t, o->is_detached);
}

static int run(const struct command *self, int argc, char **argv)
{
    struct testnet_options o = {
        .dir = LAYOUT_DIR, .nodes = 1, .base_port = LAYOUT_BASE_PORT, .start = UINT64_MAX};
    const struct option_spec specs[] = {
        {"dir", OPTION_TEXT, &o.dir, 0, 0},
        {"nodes", OPTION_NUMBER, &o.nodes, 1, LAYOUT_NODES_MAX},
        {"base-port", OPTION_NUMBER, &o.base_port, 1, 65000},
        {"detach", OPTION_FLAG, &o.is_detached, 0, 0},
        {"status", OPTION_FLAG, &o.is_status, 0, 0},
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
        {"quiet", OPTION_FLAG, &o.is_quiet, 0, 0},
        {"start", OPTION_NUMBER, &o.start, 0, LAYOUT_NODES_MAX - 1},
        {"stop", OPTION_FLAG, &o.is_stop, 0, 0},
    };
    int exit_code;
    if (!options_parse(self,
                       &(struct arguments){argc, argv, specs, sizeof specs / sizeof specs[0], NULL},
                       &exit_code))
        return exit_code;
    struct testnet t = {.self = self, .layout = {.os = os_posix(), .dir = o.dir}};
    if (!o.is_status && !o.is_stop && o.start == UINT64_MAX) return make_and_start(&t, &o);

    char what[160] = "";
    enum status st = layout_open(&t.layout, what);
    if (st != ST_OK) {
        complain(self, NULL, "there is no chain in %s: %s", o.dir, what);
        return st == ST_NOT_FOUND ? EXIT_USAGE : exit_code_of(st);
    }
    if (o.is_stop) return stop_all(&t);
    if (o.start != UINT64_MAX) return start_one(&t, (uint32_t)o.start);
    return show_status(&t, o.is_json);
}

const struct command command_testnet = {
    "testnet", "run a real chain on this machine, one process per node",
    "Usage: trustsql testnet [--dir D] [--nodes N] [--base-port P] [--detach]\n"
    "       trustsql testnet --dir D --status [--json] | --start I | --stop\n\n"
    "Make a chain in D when there is none, and run its nodes. Node i lives in D/node<i> and\n"
    "serves PostgreSQL clients on port P+10i+2; account admin@node<i>, password in\n"
    "D/admin.password.\n\n"
    "  --dir D        directory of the chain (default: chain)\n"
    "  --nodes N      number of nodes (default: 1)\n"
    "  --base-port P  first port (default: 5440)\n"
    "  --detach       return once every node serves SQL and one write was final\n"
    "  --quiet        print no psql lines\n"
    "  --status       show each node: process, ports, height, view, leader, mode, digest, lag\n"
    "  --json         with --status: for machines\n"
    "  --start I      start node I again\n"
    "  --stop         stop all nodes\n",
    run};
