/* testnet.c - A real chain on this machine: one process per node, started, watched and stopped
 * here. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/layout.h"
#include "cmd/link.h"
#include "cmd/report.h"
#include "cmd/supervise.h"
#include "os/process.h"

#define TESTNET_READY_MS 60000u
#define TESTNET_STOP_MS  60000u
#define TESTNET_POLL_MS  20u

struct testnet {
    const struct command *self;
    struct layout layout;
    enum process_life life; /* Of the nodes. */
    bool is_quiet;
};

static int start_all(struct testnet *t, bool is_detached);
static int start_one(struct testnet *t, uint32_t index);
static int stop_range(struct testnet *t, uint32_t first, uint32_t end);

/* --- starting -------------------------------------------------------------------------------- */

static enum status spawn(const struct testnet *t, uint32_t index, bool is_detached, int64_t *pid)
{
    char dir[OS_PATH_MAX];
    char log[OS_PATH_MAX];
    TRY(layout_node_dir(&t->layout, index, dir));
    TRY(os_path_join(log, dir, "log"));
    const char *const argv[] = {"trustsql", "node", dir, NULL};
    return process_spawn_self(pid, argv, is_detached ? log : NULL, t->life);
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
    const int64_t pid = node_pid(&t->layout, index);
    for (uint32_t waited = 0; pid != 0 && waited < TESTNET_READY_MS; waited += TESTNET_POLL_MS) {
        if (is_serving(t, index)) return true;
        if (node_pid(&t->layout, index) != pid) return false;
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

/* A transaction that changes nothing, answered when final. Several nodes must find one another
 * first: until they have, it is refused or waits. */
static enum status await_final_write(const struct testnet *t)
{
    PGconn *link = NULL;
    enum status st = link_open_admin(&link, &t->layout, 0);
    bool is_final = false;
    for (uint32_t waited = 0; st == ST_OK && !is_final; waited += TESTNET_POLL_MS) {
        PGresult *result = link_query(link, "CALL trustsql.ping()", TESTNET_READY_MS);
        is_final = PQresultStatus(result) == PGRES_COMMAND_OK;
        bool is_over = result == NULL || PQstatus(link) != CONNECTION_OK;
        if (!is_final && (is_over || waited >= TESTNET_READY_MS)) {
            complain(t->self, NULL, "the first write: %s",
                     result == NULL ? "not final in time" : PQresultErrorMessage(result));
            st = ST_TIMEOUT;
        } else if (!is_final) {
            process_sleep_ms(TESTNET_POLL_MS);
        }
        PQclear(result);
    }
    PQfinish(link);
    return st;
}

static void print_lines(const struct testnet *t)
{
    char says[SHAPE_SAYS_SIZE];
    shape_says(&t->layout.shape, t->layout.node_count, says);
    printf("%s\n", says);
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

static bool is_any_running(const struct testnet *t)
{
    for (uint32_t i = 0; i < t->layout.node_count; i++) {
        if (!is_running(t, i)) continue;
        complain(t->self, "Stop it with --stop.", "node%u of %s is running already", i,
                 t->layout.dir);
        return true;
    }
    return false;
}

/* All are started before the first is waited for: they need one another. */
static int await_all(const struct testnet *t, const int64_t *pids, bool is_detached)
{
    for (uint32_t i = 0; i < t->layout.node_count; i++) {
        enum status st = await_serving(t, i, pids[i]);
        if (st != ST_OK) return fail_start(t, i, st, is_detached);
    }
    enum status st = await_final_write(t);
    return st == ST_OK ? EXIT_FINE : fail_start(t, 0, st, is_detached);
}

static int start_all(struct testnet *t, bool is_detached)
{
    int64_t pids[LAYOUT_NODES_MAX] = {0};
    int exit_code = EXIT_FINE;
    if (is_any_running(t)) return EXIT_USAGE;
    for (uint32_t i = 0; i < t->layout.node_count && exit_code == EXIT_FINE; i++)
        if (spawn(t, i, is_detached, &pids[i]) != ST_OK)
            exit_code = fail_start(t, i, ST_NO_MEMORY, is_detached);
    if (exit_code == EXIT_FINE) exit_code = await_all(t, pids, is_detached);
    if (exit_code != EXIT_FINE) {
        (void)stop_range(t, 0, t->layout.node_count);
        return exit_code;
    }
    if (!t->is_quiet) print_lines(t);
    return is_detached ? EXIT_FINE : supervise_children(t->self, pids, t->layout.node_count);
}

static bool has_node(const struct testnet *t, uint32_t index)
{
    if (index < t->layout.node_count) return true;
    complain(t->self, NULL, "there is no node%u in %s", index, t->layout.dir);
    return false;
}

static int start_one(struct testnet *t, uint32_t index)
{
    int64_t pid = 0;
    if (!has_node(t, index)) return EXIT_USAGE;
    if (is_running(t, index)) return EXIT_FINE;
    enum status st = spawn(t, index, true, &pid);
    if (st == ST_OK) st = await_serving(t, index, pid);
    return st == ST_OK ? EXIT_FINE : fail_start(t, index, st, true);
}

/* --- stopping -------------------------------------------------------------------------------- */

static int stop_range(struct testnet *t, uint32_t first, uint32_t end)
{
    int64_t pids[LAYOUT_NODES_MAX];
    must(end <= LAYOUT_NODES_MAX);
    for (uint32_t i = first; i < end; i++) {
        pids[i] = node_pid(&t->layout, i);
        if (pids[i] != 0) (void)!process_send(pids[i], PROCESS_TERMINATE);
    }
    for (uint32_t i = first; i < end; i++) {
        uint32_t waited = 0;
        while (pids[i] != 0 && !process_is_gone(pids[i]) && node_pid(&t->layout, i) == pids[i]) {
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

static int stop(struct testnet *t, const struct words *which)
{
    char *end;
    if (which->count == 0) return stop_range(t, 0, t->layout.node_count);
    unsigned long index = strtoul(which->items[0], &end, 10);
    bool is_number = which->items[0][0] >= '0' && which->items[0][0] <= '9' && *end == 0;
    if (!is_number || index >= LAYOUT_NODES_MAX) {
        complain(t->self, NULL, "--stop takes no argument, or the number of a node");
        return EXIT_USAGE;
    }
    if (!has_node(t, (uint32_t)index)) return EXIT_USAGE;
    return stop_range(t, (uint32_t)index, (uint32_t)index + 1);
}

/* --- status ---------------------------------------------------------------------------------- */

static int show_status(struct testnet *t, bool is_json)
{
    struct buf out;
    struct chain_report report;
    chain_report_fetch(&report, &t->layout);
    buf_init(&out, mem_system(), 0);
    if (is_json) {
        buf_put_u8(&out, '{');
        chain_report_put_json(&out, &report, &t->layout);
        buf_put_text(&out, "}\n");
    } else {
        chain_report_put_text(&out, &report);
    }
    return print_and_free(&out);
}

/* --- the command ----------------------------------------------------------------------------- */

struct testnet_options {
    const char *dir;
    uint64_t nodes; /* 0: not given. */
    uint64_t base_port;
    uint64_t start;
    struct shape_choice shape;
    bool is_detached;
    bool is_stop;
    bool is_status;
    bool is_json;
    bool is_quiet;
};

static bool is_shape_told(const struct testnet_options *o)
{
    return o->shape.mode != NULL || o->shape.f != SHAPE_AUTO || o->shape.p != SHAPE_AUTO ||
           o->shape.exec_version != 0;
}

/* A chain that exists has the shape it was made with. */
static bool is_as_told(const struct testnet *t, const struct testnet_options *o)
{
    struct shape told;
    char says[SHAPE_SAYS_SIZE];
    char what[SHAPE_WHAT_MAX];
    const struct shape *is = &t->layout.shape;
    if (!is_shape_told(o)) return true;
    if (shape_choose(&told, &o->shape, t->layout.node_count, what) == ST_OK &&
        told.mode == is->mode && told.f == is->f && told.p == is->p &&
        (o->shape.exec_version == 0 || told.exec_version == is->exec_version))
        return true;
    shape_says(is, t->layout.node_count, says);
    complain(t->self, "Leave --mode, --f, --p and --exec-version out, or choose another --dir.",
             "the chain in %s has %s", o->dir, says);
    return false;
}

static int make_and_start(struct testnet *t, const struct testnet_options *o)
{
    char what[SHAPE_WHAT_MAX] = "";
    t->is_quiet = o->is_quiet;
    t->layout.node_count = o->nodes == 0 ? 1 : (uint32_t)o->nodes;
    t->layout.base_port = (uint16_t)o->base_port;
    if (o->base_port + (uint64_t)LAYOUT_PORT_STEP * t->layout.node_count > UINT16_MAX) {
        complain(t->self, NULL, "--base-port %llu leaves no ports for %u nodes",
                 (unsigned long long)o->base_port, t->layout.node_count);
        return EXIT_USAGE;
    }
    if (shape_choose(&t->layout.shape, &o->shape, t->layout.node_count, what) != ST_OK) {
        complain(t->self, NULL, "%s", what);
        return EXIT_USAGE;
    }
    enum status st = layout_make(&t->layout, what);
    if (st != ST_OK && st != ST_EXISTS) {
        complain(t->self, NULL, "cannot make a chain in %s: %s", o->dir, what);
        return exit_code_of(st);
    }
    if (o->nodes != 0 && o->nodes != t->layout.node_count) {
        complain(t->self, "Leave --nodes out, or choose another --dir.",
                 "the chain in %s has %u node%s", o->dir, t->layout.node_count,
                 t->layout.node_count == 1 ? "" : "s");
        return EXIT_USAGE;
    }
    if (st == ST_EXISTS && !is_as_told(t, o)) return EXIT_USAGE;
    return start_all(t, o->is_detached);
}

static int run_for(const struct command *self, int argc, char **argv, bool is_bound)
{
    struct testnet_options o = {.dir = LAYOUT_DIR,
                                .base_port = LAYOUT_BASE_PORT,
                                .start = UINT64_MAX,
                                .shape = {.f = SHAPE_AUTO, .p = SHAPE_AUTO}};
    const char *items[1];
    struct words words = {.items = items, .max = 1};
    const struct option_spec specs[] = {
        {"dir", OPTION_TEXT, &o.dir, 0, 0},
        {"nodes", OPTION_NUMBER, &o.nodes, 1, LAYOUT_NODES_MAX},
        {"base-port", OPTION_NUMBER, &o.base_port, 1, 65000},
        {"mode", OPTION_TEXT, &o.shape.mode, 0, 0},
        {"f", OPTION_NUMBER, &o.shape.f, 0, NODES_MAX},
        {"p", OPTION_NUMBER, &o.shape.p, 0, NODES_MAX},
        {"exec-version", OPTION_NUMBER, &o.shape.exec_version, EXEC_VERSION_MIN, EXEC_VERSION_MAX},
        {"detach", OPTION_FLAG, &o.is_detached, 0, 0},
        {"status", OPTION_FLAG, &o.is_status, 0, 0},
        {"json", OPTION_FLAG, &o.is_json, 0, 0},
        {"quiet", OPTION_FLAG, &o.is_quiet, 0, 0},
        {"start", OPTION_NUMBER, &o.start, 0, LAYOUT_NODES_MAX - 1},
        {"stop", OPTION_FLAG, &o.is_stop, 0, 0},
    };
    int exit_code;
    if (!options_parse(
            self, &(struct arguments){argc, argv, specs, sizeof specs / sizeof specs[0], &words},
            &exit_code))
        return exit_code;
    if (words.count > 0 && !o.is_stop) {
        complain(self, NULL, "unexpected argument \"%s\"", items[0]);
        return EXIT_USAGE;
    }
    struct testnet t = {.self = self, .layout = {.os = os_posix(), .dir = o.dir}};
    t.life = o.is_detached && !is_bound ? PROCESS_FREE : PROCESS_BOUND;
    if (o.start != UINT64_MAX) t.life = PROCESS_FREE;
    if (!o.is_status && !o.is_stop && o.start == UINT64_MAX) return make_and_start(&t, &o);

    char what[160] = "";
    enum status st = layout_open(&t.layout, what);
    if (st != ST_OK) {
        complain(self, NULL, "there is no chain in %s: %s", o.dir, what);
        return st == ST_NOT_FOUND ? EXIT_USAGE : exit_code_of(st);
    }
    if (o.is_stop) return stop(&t, &words);
    if (o.start != UINT64_MAX) return start_one(&t, (uint32_t)o.start);
    return show_status(&t, o.is_json);
}

static int run(const struct command *self, int argc, char **argv)
{
    return run_for(self, argc, argv, false);
}

int testnet_run_bound(int argc, char **argv)
{
    return run_for(&command_testnet, argc, argv, true);
}

const struct command command_testnet = {
    "testnet", "run a real chain on this machine, one process per node",
    "Usage: trustsql testnet [--dir D] [--nodes N] [--base-port P] " SHAPE_USAGE "\n"
    "                        [--detach]\n"
    "       trustsql testnet --dir D --status [--json] | --start I | --stop [I]\n\n"
    "Make a chain in D when there is none, and run its nodes: 1, or 3 to 31. Node i lives in\n"
    "D/node<i>; other nodes reach it on port P+10i, PostgreSQL clients on P+10i+2; account\n"
    "admin@node<i>, password in D/admin.password. Ctrl-C stops all of them.\n\n"
    "  --dir D        directory of the chain (default: chain)\n"
    "  --nodes N      number of nodes of a new chain (default: 1)\n"
    "  --base-port P  first port (default: 5440)\n" SHAPE_HELP
    "  --detach       return once every node serves SQL and one write was final\n"
    "  --quiet        print no psql lines\n"
    "  --status       show each node: process, ports, height, view, leader, mode, digest, lag\n"
    "  --json         with --status: for machines\n"
    "  --start I      start node I again\n"
    "  --stop [I]     stop all nodes, or node I\n",
    run};
