/* sql.c - One query string from the command line; for more there is psql. */
#include <stdio.h>

#include "cmd/link.h"
#include "cmd/rows.h"

static void put_json(struct buf *out, PGresult *result)
{
    buf_put_text(out, "{\"tag\":");
    json_put_text(out, span_text(PQcmdStatus(result)));
    buf_put_text(out, ",\"rows\":");
    rows_put_json(out, result);
    buf_put_text(out, "}\n");
}

static void print_text(PGresult *result)
{
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        rows_print(result);
    } else {
        printf("%s\n", PQcmdStatus(result));
        (void)fflush(stdout);
    }
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
