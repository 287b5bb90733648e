/* config.h - node.conf: what one node is told by its operator. Unknown keys are errors.
 *
 * Chain-wide values are chain state and not here. Format: docs/configuration.md. */
#ifndef TRUSTSQL_NODE_CONFIG_H
#define TRUSTSQL_NODE_CONFIG_H

#include "base/buf.h"
#include "os/os.h"

#define NODE_HOST_MAX 64u

struct node_config {
    char pg_host[NODE_HOST_MAX]; /* Numeric address. */
    uint16_t pg_port;
    uint32_t pg_connections_max;
    uint32_t verify_threads;
    uint32_t read_threads;
    uint64_t segment_size; /* Bytes of a block segment. */
};

void node_config_defaults(struct node_config *config);

/* DIR/node.conf over the defaults. what[160] says which line is wrong. */
NODISCARD enum status node_config_read(struct node_config *config,
                                       struct os *os,
                                       const char *dir,
                                       char *what);

void node_config_write(const struct node_config *config, struct buf *out);

#endif
