/* link.h - A libpq connection from a subcommand to a node, and single values from it. */
#ifndef TRUSTSQL_CMD_LINK_H
#define TRUSTSQL_CMD_LINK_H

#include <libpq-fe.h>

#include "base/status.h"
#include "cmd/layout.h"

/* As admin@node<index> of a chain on this machine. ST_UNREACHABLE: nobody answers. */
NODISCARD enum status link_open_admin(PGconn **out, const struct layout *l, uint32_t index);

/* The options --host, --port, --user, PGPASSWORD and a password file, as psql takes them. */
struct link_options {
    const char *host;
    uint64_t port;
    const char *user;
    const char *password_file; /* Null: PGPASSWORD, or asked for on the terminal. */
};
NODISCARD enum status link_open(PGconn **out, const struct link_options *options);

#endif
