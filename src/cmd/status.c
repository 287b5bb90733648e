/* status.c - `trustsql status`: the rows of trustsql.status as lines or as one JSON object. */
#include <stdio.h>

#include "cmd/link.h"

static void put_rows(struct buf *out, PGresult *result, bool is_json)
{
    int count = PQntuples(result);
    if (is_json) buf_put_u8(out, '{');
    for (int i = 0; i < count; i++) {
        const char *name = PQgetvalue(result, i, 0);
        const char *value = PQgetvalue(result, i, 1);
        if (is_json) {
            if (i > 0) buf_put_u8(out, ',');
            json_put_text(out, span_text(name));
            buf_put_u8(out, ':');
            bool is_number =
                value[0] != 0 && strspn(value, "0123456789") == strlen(value) && strlen(value) < 20;
            if (is_number)
                buf_put_text(out, value);
            else
                json_put_text(out, span_text(value));
        } else {
            buf_printf(out, "%-20s %s\n", name, value);
        }
    }
    if (is_json) buf_put_text(out, "}\n");
}

static int show(const struct command *self, PGconn *link, bool is_json)
{
    struct buf out;
    PGresult *result = PQexec(link, "SELECT name, value FROM trustsql.status");
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        complain(self, NULL, "%s", PQerrorMessage(link));
        PQclear(result);
        return EXIT_CHECK_FAILED;
    }
    buf_init(&out, mem_system(), 0);
    put_rows(&out, result, is_json);
    PQclear(result);
    return print_and_free(&out);
}

static int run(const struct command *self, int argc, char **argv)
{
    struct link_arguments arguments;
    bool is_json = false;
    int exit_code;
    struct option_spec specs[LINK_SPECS_MAX + 1];
    uint32_t count = link_specs(&arguments, specs);
    specs[count++] = (struct option_spec){"json", OPTION_FLAG, &is_json, 0, 0};
    if (!options_parse(self, &(struct arguments){argc, argv, specs, count, NULL}, &exit_code))
        return exit_code;
    PGconn *link = NULL;
    exit_code = link_connect(&link, self, &arguments);
    if (exit_code == EXIT_FINE) exit_code = show(self, link, is_json);
    PQfinish(link);
    return exit_code;
}

const struct command command_status = {
    "status", "show what a running node is doing",
    "Usage: trustsql status [--json] " LINK_USAGE "\n\n"
    "Show height, view, leader, mode, digest, lag and CPU time by stage of a running node.\n\n"
    "  --json             for machines\n" LINK_HELP,
    run};
