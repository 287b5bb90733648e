#include "cmd/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/process.h"

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
        PGresult *result =
            link_query(link, "SELECT name, value FROM trustsql.status", LINK_PATIENCE_MS);
        if (PQresultStatus(result) != PGRES_TUPLES_OK) st = ST_UNREACHABLE;
        for (int i = 0; st == ST_OK && i < PQntuples(result); i++)
            take_line(out, PQgetvalue(result, i, 0), PQgetvalue(result, i, 1));
        PQclear(result);
    }
    PQfinish(link);
    return st;
}

int64_t node_pid(const struct layout *l, uint32_t index)
{
    char dir[OS_PATH_MAX];
    char path[OS_PATH_MAX];
    if (layout_node_dir(l, index, dir) != ST_OK) return 0;
    if (os_path_join(path, dir, "lock") != ST_OK) return 0;
    return process_lock_holder(path);
}

void chain_report_fetch(struct chain_report *out, const struct layout *l)
{
    uint64_t newest = 0;
    *out = (struct chain_report){.count = l->node_count};
    for (uint32_t i = 0; i < out->count; i++) {
        struct chain_report_node *node = &out->nodes[i];
        node->pid = node_pid(l, i);
        node->is_known = node->pid != 0 && node_report_fetch(&node->report, l, i) == ST_OK;
        if (node->is_known && node->report.height > newest) newest = node->report.height;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        struct node_report *r = &out->nodes[i].report;
        if (out->nodes[i].is_known && newest - r->height > r->lag) r->lag = newest - r->height;
    }
}

static void put_json_node(struct buf *out,
                          const struct chain_report_node *node,
                          const struct layout *l,
                          uint32_t index)
{
    const struct node_report *r = &node->report;
    buf_printf(out, "{\"index\":%u,\"pid\":", index);
    if (node->pid != 0)
        buf_printf(out, "%lld", (long long)node->pid);
    else
        buf_put_text(out, "null");
    buf_printf(out, ",\"ports\":{\"p2p\":%u,\"http\":%u,\"sql\":%u}",
               (unsigned)layout_port(l, index, PORT_P2P),
               (unsigned)layout_port(l, index, PORT_HTTP),
               (unsigned)layout_port(l, index, PORT_SQL));
    if (node->is_known)
        buf_printf(out,
                   ",\"height\":%llu,\"view\":%llu,\"leader\":%llu,\"mode\":\"%s\","
                   "\"digest\":\"%s\",\"lag\":%llu}",
                   (unsigned long long)r->height, (unsigned long long)r->view,
                   (unsigned long long)r->leader, r->mode, r->digest, (unsigned long long)r->lag);
    else
        buf_put_text(out, ",\"height\":null,\"view\":null,\"leader\":null,\"mode\":null,"
                          "\"digest\":null,\"lag\":null}");
}

void chain_report_put_json(struct buf *out, const struct chain_report *r, const struct layout *l)
{
    buf_put_text(out, "\"nodes\":[");
    for (uint32_t i = 0; i < r->count; i++) {
        if (i > 0) buf_put_u8(out, ',');
        put_json_node(out, &r->nodes[i], l, i);
    }
    buf_put_u8(out, ']');
}

void chain_report_put_text(struct buf *out, const struct chain_report *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        const struct chain_report_node *node = &r->nodes[i];
        const struct node_report *report = &node->report;
        if (node->pid == 0)
            buf_printf(out, "node%u  dead\n", i);
        else if (!node->is_known)
            buf_printf(out, "node%u  process %lld does not answer\n", i, (long long)node->pid);
        else
            buf_printf(out,
                       "node%u  process %lld  height %llu  view %llu  leader node%llu  %s  lag "
                       "%llu  digest %.16s…\n",
                       i, (long long)node->pid, (unsigned long long)report->height,
                       (unsigned long long)report->view, (unsigned long long)report->leader,
                       report->mode, (unsigned long long)report->lag, report->digest);
    }
}
