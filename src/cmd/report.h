/* report.h - What the nodes of a chain on this machine say of themselves, fetched over SQL. */
#ifndef TRUSTSQL_CMD_REPORT_H
#define TRUSTSQL_CMD_REPORT_H

#include "cmd/link.h"

#define REPORT_TEXT_MAX 65u

struct node_report {
    uint64_t height; /* Executed. */
    uint64_t view;
    uint64_t leader; /* Node index. */
    uint64_t lag;    /* Blocks ordered and not executed. */
    char mode[16];
    char digest[REPORT_TEXT_MAX]; /* D_height, hex. */
    char chain_id[REPORT_TEXT_MAX];
};

NODISCARD enum status node_report_fetch(struct node_report *out,
                                        const struct layout *l,
                                        uint32_t index);

struct chain_report {
    uint32_t count;
    struct chain_report_node {
        int64_t pid;   /* 0: no process. */
        bool is_known; /* It has answered. */
        struct node_report report;
    } nodes[LAYOUT_NODES_MAX];
};

/* Process of node index; 0: none. */
int64_t node_pid(const struct layout *l, uint32_t index);

/* All nodes; lag counts what any of them has executed. */
void chain_report_fetch(struct chain_report *out, const struct layout *l);

/* "nodes":[{index, pid, ports, height, view, leader, mode, digest, lag}…], without braces. */
void chain_report_put_json(struct buf *out, const struct chain_report *r, const struct layout *l);
/* A line a node. */
void chain_report_put_text(struct buf *out, const struct chain_report *r);

#endif
