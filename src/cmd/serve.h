/* serve.h - Run the node of one directory in this process, doors included, until SIGINT or SIGTERM.
 */
#ifndef TRUSTSQL_CMD_SERVE_H
#define TRUSTSQL_CMD_SERVE_H

#include "cmd/cmd.h"

struct serve {
    const struct command *self; /* For messages. */
    const char *dir;
    /* Called once the node serves; may be null. */
    void (*ready)(void *context, uint16_t pg_port);
    void *context;
};

/* Returns the exit code. */
int serve_node(const struct serve *serve);

#endif
