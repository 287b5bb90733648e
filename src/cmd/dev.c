/* dev.c - The embedded default: one node in this process, ready in a second. */
#include <stdio.h>

#include "cmd/layout.h"
#include "cmd/serve.h"

struct dev {
    struct layout layout;
    bool is_fresh;
};

static void on_ready(void *context, uint16_t port)
{
    const struct dev *d = context;
    printf("TrustSQL is running: one node, data in %s/node0. Ctrl-C stops it.\n\n"
           "  PGPASSWORD=$(cat %s/admin.password) psql -h 127.0.0.1 -p %u -U admin@node0 main\n\n",
           d->layout.dir, d->layout.dir, (unsigned)port);
    printf(
        "Three statements to try:\n\n"
        "  CREATE TABLE bills (id bigint PRIMARY KEY, owner text NOT NULL, amount "
        "numeric(12,2));\n"
        "  INSERT INTO bills VALUES (1, 'alice', 120.50), (2, 'bob', 80) RETURNING id, amount;\n"
        "  SELECT height, tx_count, time FROM trustsql.blocks ORDER BY height DESC LIMIT 3;\n\n");
    (void)fflush(stdout);
}

static int run(const struct command *self, int argc, char **argv)
{
    const char *dir = LAYOUT_DIR;
    uint64_t base_port = LAYOUT_BASE_PORT;
    int exit_code;
    struct shape_choice choice = {.f = SHAPE_AUTO, .p = SHAPE_AUTO};
    const struct option_spec specs[] = {
        {"dir", OPTION_TEXT, &dir, 0, 0},
        {"base-port", OPTION_NUMBER, &base_port, 1, 65000},
        {"mode", OPTION_TEXT, &choice.mode, 0, 0},
    };
    if (!options_parse(self, &(struct arguments){argc, argv, specs, 3, NULL}, &exit_code))
        return exit_code;
    char what[SHAPE_WHAT_MAX] = "";
    char node_dir[OS_PATH_MAX];
    struct dev d = {
        .layout = {
            .os = os_posix(), .dir = dir, .node_count = 1, .base_port = (uint16_t)base_port}};
    if (shape_choose(&d.layout.shape, &choice, 1, what) != ST_OK) {
        complain(self, "trustsql testnet runs several validators.", "%s", what);
        return EXIT_USAGE;
    }
    enum status st = layout_make(&d.layout, what);
    if (st != ST_OK && st != ST_EXISTS) {
        complain(self, NULL, "cannot make a chain in %s: %s", dir, what);
        return exit_code_of(st);
    }
    if (d.layout.node_count != 1) {
        complain(self, "Use `trustsql testnet`, or another --dir.", "the chain in %s has %u nodes",
                 dir, d.layout.node_count);
        return EXIT_USAGE;
    }
    if (layout_node_dir(&d.layout, 0, node_dir) != ST_OK) return EXIT_USAGE;
    struct serve serve = {.self = self, .dir = node_dir, .ready = on_ready, .context = &d};
    return serve_node(&serve);
}

const struct command command_dev = {
    "dev", "start one node for development, in this terminal",
    "Usage: trustsql dev [--dir D] [--base-port P] [--mode MODE]\n\n"
    "Start a chain of one node in this process; make it first when D has none.\n\n"
    "  --dir D        directory of the chain (default: chain); the node is in D/node0,\n"
    "                 the password of admin@node0 in D/admin.password\n"
    "  --base-port P  PostgreSQL clients connect to port P+2 (default: 5440)\n"
    "  --mode MODE    bft: one validator bears no failure, so it has no other mode\n",
    run};
