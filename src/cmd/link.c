#include "cmd/link.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/card.h"
#include "cmd/passphrase.h"
#include "os/process.h"

#define LINK_TIMEOUT_S "5"
#define LINK_POLL_MS   2u

static enum status find_password(const struct link_arguments *arguments, char *out);

static enum status open_link(
    PGconn **out, const char *host, uint64_t port, const char *user, const char *password)
{
    char port_text[24];
    /* On this machine in the clear, unless the node wants TLS. */
    const char *mode = strncmp(host, "127.", 4) == 0 ? "allow" : "prefer";
    (void)snprintf(port_text, sizeof port_text, "%llu", (unsigned long long)port);
    const char *const keys[] = {"host",
                                "port",
                                "user",
                                "password",
                                "dbname",
                                "sslmode",
                                "connect_timeout",
                                "application_name",
                                NULL};
    const char *const values[] = {host, port_text,      user,       password, "main",
                                  mode, LINK_TIMEOUT_S, "trustsql", NULL};
    *out = PQconnectdbParams(keys, values, 0);
    if (*out == NULL) return ST_NO_MEMORY;
    if (PQstatus(*out) == CONNECTION_OK) return ST_OK;
    return PQconnectionUsedPassword(*out) == 1 ? ST_DENIED : ST_UNREACHABLE;
}

enum status link_open_admin(PGconn **out, const struct layout *l, uint32_t index)
{
    char password[LAYOUT_PASSWORD_SIZE + 1];
    char user[32];
    *out = NULL;
    TRY(layout_password(l, password));
    (void)snprintf(user, sizeof user, "admin@node%u", index);
    enum status st = open_link(out, "127.0.0.1", layout_port(l, index, PORT_SQL), user, password);
    mem_wipe(password, sizeof password);
    return st;
}

PGresult *link_query(PGconn *link, const char *text, uint32_t timeout_ms)
{
    if (PQsendQuery(link, text) != 1) return PQmakeEmptyPGresult(link, PGRES_FATAL_ERROR);
    uint32_t waited = 0;
    while (PQconsumeInput(link) == 1 && PQisBusy(link) == 1) {
        if (waited >= timeout_ms) return NULL;
        process_sleep_ms(LINK_POLL_MS);
        waited += LINK_POLL_MS;
    }
    PGresult *first = PQgetResult(link); /* Has all arrived, or the connection has broken. */
    for (PGresult *more = PQgetResult(link); more != NULL; more = PQgetResult(link))
        PQclear(more);
    return first != NULL ? first : PQmakeEmptyPGresult(link, PGRES_FATAL_ERROR);
}

uint32_t link_specs(struct link_arguments *arguments, struct option_spec *specs)
{
    *arguments =
        (struct link_arguments){.dir = LAYOUT_DIR, .index = LINK_NODE_ANY, .host = "127.0.0.1"};
    specs[0] = (struct option_spec){"dir", OPTION_TEXT, &arguments->dir, 0, 0};
    specs[1] =
        (struct option_spec){"node", OPTION_NUMBER, &arguments->index, 0, LAYOUT_NODES_MAX - 1};
    specs[2] = (struct option_spec){"host", OPTION_TEXT, &arguments->host, 0, 0};
    specs[3] = (struct option_spec){"port", OPTION_NUMBER, &arguments->port, 1, 65535};
    specs[4] = (struct option_spec){"user", OPTION_TEXT, &arguments->user, 0, 0};
    specs[5] = (struct option_spec){"password-file", OPTION_TEXT, &arguments->password_file, 0, 0};
    return LINK_SPECS_MAX;
}

static enum status find_password(const struct link_arguments *arguments, char *out)
{
    const char *given = getenv("PGPASSWORD");
    if (arguments->password_file != NULL || given == NULL)
        return password_read(arguments->password_file, "Password: ", out);
    (void)snprintf(out, PASSPHRASE_MAX, "%s", given);
    return ST_OK;
}

static int complain_unless_open(const struct command *self, enum status st, const PGconn *link)
{
    if (st == ST_OK) return EXIT_FINE;
    complain(self, NULL, "%s", link != NULL ? PQerrorMessage(link) : status_text(st));
    return st == ST_DENIED ? EXIT_CHECK_FAILED : EXIT_UNREACHABLE;
}

static int open_named(PGconn **out,
                      const struct command *self,
                      const struct link_arguments *arguments)
{
    char password[PASSPHRASE_MAX];
    enum status st = find_password(arguments, password);
    if (st != ST_OK) {
        complain(self, "Name a file with --password-file, or set PGPASSWORD.",
                 "there is no password: %s", status_text(st));
        return EXIT_USAGE;
    }
    st = open_link(out, arguments->host, arguments->port, arguments->user, password);
    mem_wipe(password, sizeof password);
    return complain_unless_open(self, st, *out);
}

static int open_of_chain(PGconn **out,
                         const struct command *self,
                         const struct link_arguments *arguments,
                         const struct layout *l)
{
    const uint32_t index = arguments->index == LINK_NODE_ANY ? 0 : (uint32_t)arguments->index;
    if (arguments->user != NULL) {
        complain(self, NULL, "--port and --user belong together");
        return EXIT_USAGE;
    }
    if (index >= l->node_count) {
        complain(self, NULL, "there is no node%u in %s", index, l->dir);
        return EXIT_USAGE;
    }
    return complain_unless_open(self, link_open_admin(out, l, index), *out);
}

/* Where a node that listens everywhere is reached from its own machine. */
static const char *own_host(const char *listens_on)
{
    if (strcmp(listens_on, "0.0.0.0") == 0) return "127.0.0.1";
    return strcmp(listens_on, "::") == 0 ? "::1" : listens_on;
}

enum status link_node_dir(struct link_node_dir *out, const char *dir, char *what)
{
    char path[OS_PATH_MAX];
    struct node_config config;
    struct card card;
    TRY(node_config_read(&config, os_posix(), dir, what));
    *out = (struct link_node_dir){.port = config.pg_port};
    (void)snprintf(out->host, sizeof out->host, "%s", own_host(config.pg_host));
    TRY(os_path_join(path, dir, "card"));
    if (card_read(&card, os_posix(), path, what) != ST_OK) return ST_OK;
    for (uint32_t i = 0; i < card.account_count && out->user[0] == 0; i++)
        if (card.accounts[i].is_kept)
            (void)snprintf(out->user, sizeof out->user, "%s", card.accounts[i].name);
    return ST_OK;
}

static int open_of_node(PGconn **out,
                        const struct command *self,
                        const struct link_arguments *arguments)
{
    char what[CARD_WHAT_MAX] = "";
    struct link_node_dir found;
    struct link_arguments named = *arguments;
    enum status st = link_node_dir(&found, arguments->dir, what);
    if (st != ST_OK) {
        complain(self, "Name one with --dir, or a node with --host, --port and --user.",
                 "there is no chain and no node in %s: %s", arguments->dir, what);
        return EXIT_USAGE;
    }
    if (arguments->user == NULL && found.user[0] == 0) {
        complain(self, NULL, "%s/card names no account to log in with: use --user", arguments->dir);
        return EXIT_USAGE;
    }
    named.host = found.host;
    named.port = found.port;
    if (named.user == NULL) named.user = found.user;
    return open_named(out, self, &named);
}

int link_connect(PGconn **out, const struct command *self, const struct link_arguments *arguments)
{
    char what[160] = "";
    *out = NULL;
    if (arguments->port != 0 && arguments->user != NULL) return open_named(out, self, arguments);
    if (arguments->port != 0) {
        complain(self, NULL, "--port and --user belong together");
        return EXIT_USAGE;
    }
    struct layout layout = {.os = os_posix(), .dir = arguments->dir};
    enum status st = layout_open(&layout, what);
    if (st == ST_OK) return open_of_chain(out, self, arguments, &layout);
    if (st == ST_NOT_FOUND) return open_of_node(out, self, arguments);
    complain(self, NULL, "there is no chain in %s: %s", arguments->dir, what);
    return EXIT_USAGE;
}
