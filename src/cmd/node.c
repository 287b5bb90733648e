/* node.c - `trustsql node`: one node in this process, for service managers and for testnet. */
#include <stdio.h>

#include "cmd/serve.h"

static void on_ready(void *context, uint16_t port)
{
    (void)context;
    printf("serving PostgreSQL clients on port %u\n", (unsigned)port);
    (void)fflush(stdout);
}

static int run(const struct command *self, int argc, char **argv)
{
    const char *items[1];
    struct words words = {.items = items, .max = 1};
    int exit_code;
    if (!options_parse(self, &(struct arguments){argc, argv, NULL, 0, &words}, &exit_code))
        return exit_code;
    if (words.count == 0) {
        complain(self, "Try --help.", "the directory of the node is missing");
        return EXIT_USAGE;
    }
    struct serve serve = {.self = self, .dir = items[0], .ready = on_ready};
    return serve_node(&serve);
}

const struct command command_node = {
    "node", "run the node of a directory",
    "Usage: trustsql node DIR\n\n"
    "Run the node whose files are in DIR until SIGINT or SIGTERM. DIR is made by\n"
    "`trustsql testnet`, `trustsql dev` or `trustsql init`; its settings are in DIR/node.conf.\n",
    run};
