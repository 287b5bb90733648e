/* sql.c - One query string from the command line; for more there is psql. */
#include <stdio.h>

#include "cmd/link.h"

static bool is_number_type(Oid type)
{
    return type == 20 || type == 21 || type == 23; /* int8, int2, int4 */
}

static void put_json_value(struct buf *out, PGresult *result, int row, int column)
{
    const char *value = PQgetvalue(result, row, column);
    if (PQgetisnull(result, row, column))
        buf_put_text(out, "null");
    else if (is_number_type(PQftype(result, column)))
        buf_put_text(out, value);
    else if (PQftype(result, column) == 16)
        buf_put_text(out, value[0] == 't' ? "true" : "false");
    else
        json_put_text(out, span_text(value));
}

static void put_json(struct buf *out, PGresult *result)
{
    buf_put_text(out, "{\"tag\":");
    json_put_text(out, span_text(PQcmdStatus(result)));
    buf_put_text(out, ",\"rows\":[");
    for (int row = 0; row < PQntuples(result); row++) {
        buf_put_text(out, row > 0 ? ",{" : "{");
        for (int column = 0; column < PQnfields(result); column++) {
            if (column > 0) buf_put_u8(out, ',');
            json_put_text(out, span_text(PQfname(result, column)));
            buf_put_u8(out, ':');
            put_json_value(out, result, row, column);
        }
        buf_put_u8(out, '}');
    }
    buf_put_text(out, "]}\n");
}

static void print_text(PGresult *result)
{
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        char separator[] = "|";
        const PQprintOpt options = {.header = 1, .align = 1, .fieldSep = separator};
        PQprint(stdout, result, &options);
    } else {
        printf("%s\n", PQcmdStatus(result));
    }
    (void)fflush(stdout);
}

static int run_query(const struct command *self, PGconn *link, const char *query, bool is_json)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    int exit_code = EXIT_FINE;
    if (PQsendQuery(link, query) != 1) {
        complain(self, NULL, "%s", PQerrorMessage(link));
        return EXIT_UNREACHABLE;
    }
    for (PGresult *result = PQgetResult(link); result != NULL; result = PQgetResult(link)) {
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK &&
            status != PGRES_EMPTY_QUERY) {
            fputs(PQresultErrorMessage(result), stderr);
            exit_code = EXIT_CHECK_FAILED;
        } else if (is_json) {
            put_json(&out, result);
        } else {
            print_text(result);
        }
        PQclear(result);
    }
    int printed = print_and_free(&out);
    return exit_code == EXIT_FINE ? printed : exit_code;
}

static int run(const struct command *self, int argc, char **argv)
{
    struct link_arguments arguments;
    bool is_json = false;
    int exit_code;
    const char *items[1];
    struct words words = {.items = items, .max = 1};
    struct option_spec specs[LINK_SPECS_MAX + 1];
    uint32_t count = link_specs(&arguments, specs);
    specs[count++] = (struct option_spec){"json", OPTION_FLAG, &is_json, 0, 0};
    if (!options_parse(self, &(struct arguments){argc, argv, specs, count, &words}, &exit_code))
        return exit_code;
    if (words.count == 0) {
        complain(self, "Try --help.", "the statement is missing");
        return EXIT_USAGE;
    }
    PGconn *link = NULL;
    exit_code = link_connect(&link, self, &arguments);
    if (exit_code == EXIT_FINE) exit_code = run_query(self, link, items[0], is_json);
    PQfinish(link);
    return exit_code;
}

const struct command command_sql = {
    "sql", "run one query string on a node",
    "Usage: trustsql sql 'STATEMENT; …' [--json] " LINK_USAGE "\n\n"
    "Run the statements of one query string; several that write are one transaction.\n\n"
    "  --json             one JSON object a statement: {\"tag\", \"rows\"}\n" LINK_HELP,
    run};
