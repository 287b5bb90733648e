#include "cmd/report.h"

#include <stdio.h>
#include <stdlib.h>

static void take_line(struct node_report *r, const char *name, const char *value)
{
    const struct {
        const char *name;
        uint64_t *number;
        char *text;
        size_t text_size;
    } fields[] = {
        {"height", &r->height, NULL, 0},
        {"view", &r->view, NULL, 0},
        {"leader", &r->leader, NULL, 0},
        {"lag", &r->lag, NULL, 0},
        {"mode", NULL, r->mode, sizeof r->mode},
        {"digest", NULL, r->digest, sizeof r->digest},
        {"chain_id", NULL, r->chain_id, sizeof r->chain_id},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].name, name) != 0) continue;
        if (fields[i].number != NULL)
            *fields[i].number = strtoull(value, NULL, 10);
        else
            (void)snprintf(fields[i].text, fields[i].text_size, "%s", value);
    }
}

enum status node_report_fetch(struct node_report *out, const struct layout *l, uint32_t index)
{
    PGconn *link = NULL;
    *out = (struct node_report){0};
    enum status st = link_open_admin(&link, l, index);
    if (st == ST_OK) {
        PGresult *result = PQexec(link, "SELECT name, value FROM trustsql.status");
        if (PQresultStatus(result) != PGRES_TUPLES_OK) st = ST_UNREACHABLE;
        for (int i = 0; st == ST_OK && i < PQntuples(result); i++)
            take_line(out, PQgetvalue(result, i, 0), PQgetvalue(result, i, 1));
        PQclear(result);
    }
    PQfinish(link);
    return st;
}
