#include "cmd/link.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/passphrase.h"

#define LINK_TIMEOUT_S "5"

static enum status find_password(const struct link_arguments *arguments, char *out);

static enum status open_link(
    PGconn **out, const char *host, uint64_t port, const char *user, const char *password)
{
    char port_text[24];
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
    const char *const values[] = {host,      port_text,      user,       password, "main",
                                  "disable", LINK_TIMEOUT_S, "trustsql", NULL};
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

uint32_t link_specs(struct link_arguments *arguments, struct option_spec *specs)
{
    *arguments = (struct link_arguments){.dir = LAYOUT_DIR, .host = "127.0.0.1"};
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

static enum status open_by_arguments(PGconn **out,
                                     const struct link_arguments *arguments,
                                     bool *has_password)
{
    char password[PASSPHRASE_MAX];
    enum status st = find_password(arguments, password);
    *has_password = st == ST_OK;
    TRY(st);
    st = open_link(out, arguments->host, arguments->port, arguments->user, password);
    mem_wipe(password, sizeof password);
    return st;
}

int link_connect(PGconn **out, const struct command *self, const struct link_arguments *arguments)
{
    char what[160] = "";
    enum status st;
    *out = NULL;
    if (arguments->user != NULL && arguments->port != 0) {
        bool has_password = false;
        st = open_by_arguments(out, arguments, &has_password);
        if (!has_password) {
            complain(self, "Name a file with --password-file, or set PGPASSWORD.",
                     "there is no password: %s", status_text(st));
            return EXIT_USAGE;
        }
    } else if (arguments->user != NULL || arguments->port != 0) {
        complain(self, NULL, "--port and --user belong together");
        return EXIT_USAGE;
    } else {
        struct layout layout = {.os = os_posix(), .dir = arguments->dir};
        st = layout_open(&layout, what);
        if (st != ST_OK) {
            complain(self, "Name one with --dir, or a node with --host, --port and --user.",
                     "there is no chain in %s: %s", arguments->dir, what);
            return EXIT_USAGE;
        }
        st = link_open_admin(out, &layout, (uint32_t)arguments->index);
    }
    if (st == ST_OK) return EXIT_FINE;
    complain(self, NULL, "%s", *out != NULL ? PQerrorMessage(*out) : status_text(st));
    return st == ST_DENIED ? EXIT_CHECK_FAILED : EXIT_UNREACHABLE;
}
