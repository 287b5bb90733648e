#include "cmd/link.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/process.h"

#define LINK_PASSWORD_MAX 1024u
#define LINK_TIMEOUT_S    "5"

static enum status connect_with(PGconn **out, const char *host, const char *port, const char *user,
                                const char *password)
{
    const char *const keys[] = {"host",   "port",   "user",            "password",
                                "dbname", "sslmode", "connect_timeout", "application_name", NULL};
    const char *const values[] = {host,   port,      user,           password,
                                  "main", "disable", LINK_TIMEOUT_S, "trustsql", NULL};
    PGconn *connection = PQconnectdbParams(keys, values, 0);
    if (connection == NULL) return ST_NO_MEMORY;
    if (PQstatus(connection) == CONNECTION_OK) {
        *out = connection;
        return ST_OK;
    }
    bool is_refused = PQconnectionNeedsPassword(connection) == 1 ||
                      PQconnectionUsedPassword(connection) == 1;
    *out = connection; /* Its error message says why. */
    return is_refused ? ST_DENIED : ST_UNREACHABLE;
}

enum status link_open_admin(PGconn **out, const struct layout *l, uint32_t index)
{
    char password[LAYOUT_PASSWORD_SIZE + 1];
    char port[16];
    char user[32];
    *out = NULL;
    TRY(layout_password(l, password));
    (void)snprintf(port, sizeof port, "%u", (unsigned)layout_port(l, index, PORT_SQL));
    (void)snprintf(user, sizeof user, "admin@node%u", index);
    enum status st = connect_with(out, "127.0.0.1", port, user, password);
    mem_wipe(password, sizeof password);
    return st;
}

static enum status find_password(const struct link_options *options, char *out)
{
    const char *given = getenv("PGPASSWORD");
    if (options->password_file != NULL) {
        struct buf text;
        buf_init(&text, mem_system(), 0);
        enum status st =
            os_read_file(os_posix(), options->password_file, LINK_PASSWORD_MAX - 1, &text);
        size_t size = text.size;
        while (size > 0 && (text.data[size - 1] == '\n' || text.data[size - 1] == '\r'))
            size--;
        if (st == ST_OK && size > 0) memcpy(out, text.data, size);
        out[size] = 0;
        buf_fini(&text);
        return st;
    }
    if (given != NULL) {
        (void)snprintf(out, LINK_PASSWORD_MAX, "%s", given);
        return ST_OK;
    }
    return terminal_ask_secret("Password: ", out, LINK_PASSWORD_MAX);
}

enum status link_open(PGconn **out, const struct link_options *options)
{
    char password[LINK_PASSWORD_MAX];
    char port[32];
    *out = NULL;
    TRY(find_password(options, password));
    (void)snprintf(port, sizeof port, "%llu", (unsigned long long)options->port);
    enum status st = connect_with(out, options->host, port, options->user, password);
    mem_wipe(password, sizeof password);
    return st;
}
