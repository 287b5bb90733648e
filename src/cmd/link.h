/* link.h - A libpq connection from a subcommand to a node. */
#ifndef TRUSTSQL_CMD_LINK_H
#define TRUSTSQL_CMD_LINK_H

#include <libpq-fe.h>

#include "cmd/cmd.h"
#include "cmd/layout.h"
#include "node/config.h"

/* As admin@node<index> of a chain on this machine. On failure *out may be set: its error message
 * says why; PQfinish it in any case. ST_UNREACHABLE: nobody answers. */
NODISCARD enum status link_open_admin(PGconn **out, const struct layout *l, uint32_t index);

/* Which node, and who one is there: the options that all client commands take. */
struct link_arguments {
    /* Of a chain on this machine: gives port, user and password of node index. Or of one node, as
     * `trustsql init org` makes it: gives port and user. */
    const char *dir;
    uint64_t index; /* LINK_NODE_ANY: not given; the first. */
    const char *host;
    uint64_t port;
    const char *user;
    const char *password_file; /* Null: PGPASSWORD, or asked for on the terminal. */
};

#define LINK_NODE_ANY  UINT64_MAX
#define LINK_SPECS_MAX 6u
#define LINK_USAGE     "[--dir D [--node I] | --host H --port P --user U]"
#define LINK_HELP                                                                                  \
    "  --dir D            a chain on this machine, made by dev or testnet (default: chain),\n"     \
    "                     or one node, made by init org\n"                                         \
    "  --node I           which of its nodes (default: 0)\n"                                       \
    "  --host H --port P  any other node\n"                                                        \
    "  --user U           account to log in with; the password is taken from\n"                    \
    "  --password-file F  or from PGPASSWORD, or asked for\n"

/* Defaults into *arguments; the options for them into specs[LINK_SPECS_MAX]. Returns their count.
 */
uint32_t link_specs(struct link_arguments *arguments, struct option_spec *specs);

#define LINK_PATIENCE_MS 15000u

/* As PQexec for one statement, but null when no answer came in time: only PQfinish may follow. */
PGresult *link_query(PGconn *link, const char *text, uint32_t timeout_ms);

/* How to reach the node of a directory that `trustsql init org` made. */
struct link_node_dir {
    char host[NODE_HOST_MAX];
    uint16_t port;
    char user[GENESIS_NAME_MAX + 1]; /* From its card; "" when that names none. */
};

/* what[CARD_WHAT_MAX]. ST_NOT_FOUND: there is no node.conf. */
NODISCARD enum status link_node_dir(struct link_node_dir *out, const char *dir, char *what);

/* Connect, or complain; an exit code. */
int link_connect(PGconn **out, const struct command *self, const struct link_arguments *arguments);

#endif
