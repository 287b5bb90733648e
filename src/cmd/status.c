/* status.c - `trustsql status`: what a node, or every node of a chain on this machine, is doing. */
#include <stdio.h>

#include "cmd/link.h"
#include "cmd/report.h"
#include "cmd/rows.h"

#define NODES_QUERY                                                                                \
    "SELECT \"index\", name, role, is_connected, is_late, view, height, lag, voted, locked, "      \
    "certified, digest, rtt_us, clock_offset_ms, version, is_same_program, last_failure FROM "     \
    "trustsql.nodes"
#define CONSENSUS_QUERY                                                                            \
    "SELECT height, view, proposer, tx_count, voted, locked, certified, missing, is_final, "       \
    "is_certified FROM trustsql.consensus ORDER BY height DESC"
#define CONSENSUS_LINES " LIMIT 5"

static bool is_number(const char *value)
{
    return value[0] != 0 && strspn(value, "0123456789") == strlen(value) && strlen(value) < 20;
}

/* Names and values, without braces. */
static void put_json_values(struct buf *out, PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        const char *value = rows_get(result, i, "value");
        if (i > 0) buf_put_u8(out, ',');
        json_put_text(out, span_text(rows_get(result, i, "name")));
        buf_put_u8(out, ':');
        if (is_number(value))
            buf_put_text(out, value);
        else
            json_put_text(out, span_text(value));
    }
}

static int put_json_rows(
    const struct command *self, PGconn *link, struct buf *out, const char *name, const char *query)
{
    PGresult *result = rows_query(self, link, query);
    if (result == NULL) return EXIT_CHECK_FAILED;
    buf_printf(out, ",\"%s\":", name);
    rows_put_json(out, result);
    PQclear(result);
    return EXIT_FINE;
}

static int show_json(const struct command *self, PGconn *link)
{
    struct buf out;
    PGresult *result = rows_query(self, link, "SELECT name, value FROM trustsql.status");
    if (result == NULL) return EXIT_CHECK_FAILED;
    buf_init(&out, mem_system(), 0);
    buf_put_u8(&out, '{');
    put_json_values(&out, result);
    PQclear(result);
    int exit_code = put_json_rows(self, link, &out, "nodes", NODES_QUERY);
    if (exit_code == EXIT_FINE)
        exit_code = put_json_rows(self, link, &out, "consensus", CONSENSUS_QUERY);
    buf_put_text(&out, "}\n");
    if (exit_code == EXIT_FINE) return print_and_free(&out);
    buf_fini(&out);
    return exit_code;
}

static int print_rows(const struct command *self,
                      PGconn *link,
                      const char *title,
                      const char *query)
{
    PGresult *result = rows_query(self, link, query);
    if (result == NULL) return EXIT_CHECK_FAILED;
    printf("\n%s\n", title);
    rows_print(result);
    PQclear(result);
    return EXIT_FINE;
}

/* What this node sees of the others, and the newest votes. */
static int show_agreement(const struct command *self, PGconn *link)
{
    int exit_code = print_rows(self, link, "Nodes, as this one sees them:", NODES_QUERY);
    if (exit_code == EXIT_FINE)
        exit_code = print_rows(self, link, "Votes of the newest heights, as this node holds them:",
                               CONSENSUS_QUERY CONSENSUS_LINES);
    return exit_code;
}

static int show_text(const struct command *self, PGconn *link)
{
    PGresult *result = rows_query(self, link, "SELECT name, value FROM trustsql.status");
    if (result == NULL) return EXIT_CHECK_FAILED;
    for (int i = 0; i < PQntuples(result); i++)
        printf("%-20s %s\n", rows_get(result, i, "name"), rows_get(result, i, "value"));
    PQclear(result);
    return show_agreement(self, link);
}

/* --- a chain on this machine ----------------------------------------------------------------- */

/* The one that has executed most; node_count when none answers. */
static uint32_t newest_node(const struct chain_report *r)
{
    uint32_t best = r->count;
    for (uint32_t i = 0; i < r->count; i++)
        if (r->nodes[i].is_known &&
            (best == r->count || r->nodes[i].report.height > r->nodes[best].report.height))
            best = i;
    return best;
}

static int show_chain_json(const struct command *self,
                           const struct layout *l,
                           const struct chain_report *r,
                           PGconn *link)
{
    struct buf out;
    int exit_code = EXIT_FINE;
    buf_init(&out, mem_system(), 0);
    buf_put_u8(&out, '{');
    chain_report_put_json(&out, r, l);
    if (link != NULL) exit_code = put_json_rows(self, link, &out, "consensus", CONSENSUS_QUERY);
    buf_put_text(&out, "}\n");
    if (exit_code == EXIT_FINE) return print_and_free(&out);
    buf_fini(&out);
    return exit_code;
}

static int show_chain_text(const struct command *self,
                           const struct chain_report *r,
                           uint32_t asked,
                           PGconn *link)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    chain_report_put_text(&out, r);
    if (link != NULL) buf_printf(&out, "\nnode%u knows most and is asked for the rest.\n", asked);
    int exit_code = print_and_free(&out);
    return exit_code == EXIT_FINE && link != NULL ? show_agreement(self, link) : exit_code;
}

static int show_chain(const struct command *self, const struct layout *l, bool is_json)
{
    struct chain_report report;
    PGconn *link = NULL;
    chain_report_fetch(&report, l);
    const uint32_t asked = newest_node(&report);
    if (asked < report.count && link_open_admin(&link, l, asked) != ST_OK) {
        PQfinish(link);
        link = NULL;
    }
    int exit_code = is_json ? show_chain_json(self, l, &report, link)
                            : show_chain_text(self, &report, asked, link);
    PQfinish(link);
    if (exit_code == EXIT_FINE && asked == report.count) return EXIT_UNREACHABLE;
    return exit_code;
}

/* --- the command ----------------------------------------------------------------------------- */

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
    char what[160];
    struct layout layout = {.os = os_posix(), .dir = arguments.dir};
    bool is_any = arguments.index == LINK_NODE_ANY && arguments.port == 0;
    if (is_any && layout_open(&layout, what) == ST_OK && layout.node_count > 1)
        return show_chain(self, &layout, is_json);
    PGconn *link = NULL;
    exit_code = link_connect(&link, self, &arguments);
    if (exit_code == EXIT_FINE) exit_code = is_json ? show_json(self, link) : show_text(self, link);
    PQfinish(link);
    return exit_code;
}

const struct command command_status = {
    "status", "show what the nodes of a chain are doing",
    "Usage: trustsql status [--json] " LINK_USAGE "\n\n"
    "Of one node: height, view, leader, mode, digest, lag and CPU time by stage; the other nodes\n"
    "as it sees them; who signed the newest heights and who is missing. Of a chain of several\n"
    "nodes on this machine, unless --node names one: a line for each, then the same from the node\n"
    "that knows most.\n\n"
    "  --json             for machines\n" LINK_HELP,
    run};
