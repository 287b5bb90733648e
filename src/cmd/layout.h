/* layout.h - The directories of a chain on this machine: D/node<i>, D/admin.password, ports. */
#ifndef TRUSTSQL_CMD_LAYOUT_H
#define TRUSTSQL_CMD_LAYOUT_H

#include "cmd/shape.h"
#include "ledger/genesis.h"
#include "os/os.h"

#define LAYOUT_NODES_MAX     NODES_MAX
#define LAYOUT_PASSWORD_SIZE 24u
#define LAYOUT_PORT_STEP     10u
#define LAYOUT_DIR           "chain"
#define LAYOUT_BASE_PORT     5440u

struct layout {
    struct os *os;
    const char *dir; /* D */
    uint32_t node_count;
    uint16_t base_port;
    struct shape shape;
};

enum layout_port { PORT_P2P = 0, PORT_HTTP = 1, PORT_SQL = 2 };

uint16_t layout_port(const struct layout *l, uint32_t index, enum layout_port which);

/* "D/node<i>" into out[OS_PATH_MAX]. */
NODISCARD enum status layout_node_dir(const struct layout *l, uint32_t index, char *out);

/* Make keys, genesis, custody and settings of every node, and the password, where there is no chain
 * yet; ST_EXISTS when there is one (its node count, base port and shape are then in *l).
 * what[160]. */
NODISCARD enum status layout_make(struct layout *l, char *what);

/* Node count, base port and shape of a chain that exists. ST_NOT_FOUND. */
NODISCARD enum status layout_open(struct layout *l, char *what);

/* D/admin.password into out[LAYOUT_PASSWORD_SIZE + 1]. Wipe after use. */
NODISCARD enum status layout_password(const struct layout *l, char *out);

/* --- pieces, also for `trustsql init` -------------------------------------------------------- */

#define LAYOUT_BLOCK_TXS    2000u
#define LAYOUT_BATCH_AGE_MS 10u
#define LAYOUT_FUEL         UINT64_C(50000000)

/* Draw a secret key of the scheme. */
NODISCARD enum status layout_draw_key(struct os *os,
                                      const struct signer *signer,
                                      enum sign_scheme scheme,
                                      struct secret_key *out);

/* Parameters of a new chain, all but members and accounts. */
struct genesis layout_genesis(struct span chain_name, uint64_t time_ms, const struct shape *shape);

#endif
