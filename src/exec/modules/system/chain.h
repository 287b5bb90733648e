/* chain.h - Rows of the chain's configuration: trustsql.epochs, validators, parameters,
 * convictions.
 *
 * trustsql.epochs is what counts; validators and parameters show the present epoch to people. An
 * epoch that is decided and has not begun has no first height. */
#ifndef TRUSTSQL_EXEC_MODULES_SYSTEM_CHAIN_H
#define TRUSTSQL_EXEC_MODULES_SYSTEM_CHAIN_H

#include <sqlite3.h>

#include "ledger/config.h"

struct chain_epoch {
    uint64_t epoch;
    uint64_t first_height; /* 0: it has not begun. */
    uint64_t decided_height;
    struct span config; /* Encoded; in the caller's arena. */
};

/* Any connection. ST_NOT_FOUND. */
NODISCARD enum status chain_epoch_at(sqlite3 *connection,
                                     struct arena *a,
                                     uint64_t epoch,
                                     struct chain_epoch *out);
/* The newest that has begun. ST_NOT_FOUND: the file is no state of a chain. */
NODISCARD enum status chain_epoch_newest(sqlite3 *connection,
                                         struct arena *a,
                                         struct chain_epoch *out);

/* A decided change: the epoch of config is pending. cause: what people are shown. */
NODISCARD enum status chain_epoch_decide(sqlite3 *writer,
                                         const struct chain_config *config,
                                         struct span cause,
                                         uint64_t height);

/* The pending epoch of config begins with first_height. */
NODISCARD enum status chain_epoch_begin(sqlite3 *writer,
                                        const struct chain_config *config,
                                        uint64_t first_height);

/* A proof against a key stands in a block. */
NODISCARD enum status chain_convict(sqlite3 *writer,
                                    const struct chain_node *node,
                                    uint64_t height);
/* The validators of c whose conviction is open and who are not barred: bits by index. */
NODISCARD enum status chain_convicted(sqlite3 *writer,
                                      const struct chain_config *c,
                                      uint32_t *mask);
NODISCARD enum status chain_pardon(sqlite3 *writer, const struct chain_node *node);

#endif
