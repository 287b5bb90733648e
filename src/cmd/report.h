/* report.h - What a running node says of itself (trustsql.status), fetched over SQL. */
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

#endif
