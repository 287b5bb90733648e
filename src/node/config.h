/* config.h - node.conf: what one node is told by its operator. Unknown keys are errors.
 *
 * Chain-wide values are chain state and not here. Format: docs/configuration.md. */
#ifndef TRUSTSQL_NODE_CONFIG_H
#define TRUSTSQL_NODE_CONFIG_H

#include "base/buf.h"
#include "ledger/genesis.h"
#include "node/settings.h"
#include "os/os.h"
#include "store/store.h"

#define NODE_HOST_MAX            64u
#define NODE_PROXY_MAX           256u
#define NODE_WEBHOOK_MAX         512u
#define NODE_SNAPSHOT_BLOCKS     4096u
#define NODE_SNAPSHOT_BLOCKS_MIN 128u
#define NODE_PEER_NAME_MAX       40u /* So that a section "[peer.NAME]" can name it. */

struct node_config_peer { /* [peer.NAME] */
    char name[GENESIS_NAME_MAX + 1];
    char address[GENESIS_ADDRESS_MAX + 1]; /* "host:port"; "": it is not dialled. */
};

struct node_config {
    char p2p_host[NODE_HOST_MAX]; /* Numeric address on which other nodes are served. */
    uint16_t p2p_port;
    bool p2p_is_outbound_only;      /* Nothing listens; this node dials. */
    char p2p_proxy[NODE_PROXY_MAX]; /* "", "http://[user:password@]host:port", "socks5://…". */
    uint32_t peer_count;
    struct node_config_peer peers[NODES_MAX];
    char pg_host[NODE_HOST_MAX]; /* Numeric address. */
    uint16_t pg_port;
    uint32_t pg_connections_max;
    bool pg_is_tls_only; /* Clients in the clear are refused. */
    uint32_t verify_threads;
    uint32_t read_threads;
    uint64_t segment_size;               /* Bytes of a block segment. */
    char store_cold[STORE_COLD_MAX + 1]; /* Directory of old segments; "": below the hot ones. */
    uint32_t store_hot_segments;         /* Sealed segments of a kind that stay where they are. */
    uint32_t state_cache_mb;             /* Of pages that were changed, in memory. */
    uint32_t scrub_cpu_percent; /* Of a processor, for looking at the node's own files; 0: never. */
    uint32_t scrub_mb_per_second;
    uint32_t scrub_pause_seconds;
    uint32_t scrub_start_rows; /* Compared with the tree of rows before anybody reads. */
    uint32_t snapshot_blocks;  /* So far behind the others a node joins by snapshot; 0: never. */
    char webhook[NODE_WEBHOOK_MAX]; /* Where alarms are sent; "": nowhere. */
    struct settings_choice session; /* What a client's session begins with. */
};

void node_config_defaults(struct node_config *config);

/* DIR/node.conf over the defaults. what[160] says which line is wrong. */
NODISCARD enum status node_config_read(struct node_config *config,
                                       struct os *os,
                                       const char *dir,
                                       char *what);

/* Every [peer.NAME] names another member of the genesis. self: own index; member_count: it is none.
 * ST_INVALID: one names the node itself; ST_NOT_FOUND: one names no member, which a later epoch may
 * have. what[160]. */
NODISCARD enum status node_config_check(const struct node_config *config,
                                        const struct genesis *genesis,
                                        uint32_t self,
                                        char *what);

/* What node.conf says of a node; null: nothing. */
const struct node_config_peer *node_config_peer_of(const struct node_config *config,
                                                   struct span node_name);

/* Where to look for a node: as [peer.NAME] says, else as the chain does (address). Empty: it dials.
 */
struct span node_config_address(const struct node_config *config,
                                struct span node_name,
                                struct span address);

void node_config_write(const struct node_config *config, struct buf *out);

#endif
