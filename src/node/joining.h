/* joining.h - Joining by snapshot: history and state come from other nodes, nothing is executed.
 *
 * docs/join.md, docs/format/snapshot.md. Runs at a start, before the core exists: the doors are
 * closed, this node votes on nothing. First the blocks that are missing with their results, each
 * proved by certificates; then, from all peers at once, the state at a certified checkpoint. What
 * came is durable or found again by its hash: a start after a crash goes on. Where it cannot be
 * done (one peer that cannot be asked, f + 1 that do not agree, nobody there) the node executes the
 * blocks instead. */
#ifndef TRUSTSQL_NODE_JOINING_H
#define TRUSTSQL_NODE_JOINING_H

#include "exec/exec.h"
#include "node/config.h"
#include "node/keys.h"
#include "store/store.h"

#define JOINING_DIR      "joining"
#define JOINING_WHAT_MAX 512u /* As NODE_WHAT_MAX. */

struct joining_config {
    struct os *os;
    struct mem *mem;
    const char *dir; /* The node's. */
    struct store *store;
    const struct signer *signer;
    struct hash chain_id;
    const struct node_config *settings;
    const struct node_keys *keys;
    const struct genesis *genesis;
    struct hash genesis_digest;     /* D of height 0. */
    struct span config;             /* Encoded: of the epoch after the own state. */
    void (*warn)(const char *text); /* May be null. */
};

/* ST_OK: a state is ready, joining_settle puts it in its place. ST_NOT_FOUND: it cannot be joined
 * this way, what says why; what came of the history is kept. Others: the disk, memory. */
NODISCARD enum status joining_run(const struct joining_config *config, char *what);

/* Before state, rows and results are opened: puts a state that is ready in the place of the own.
 * *is_done tells. */
NODISCARD enum status joining_settle(struct os *os, const char *dir, bool *is_done);

/* A start is to join: asked for by joining_ask, or begun and not ended. */
NODISCARD enum status joining_ask(struct os *os, const char *dir);
bool joining_is_due(struct os *os, const char *dir);
NODISCARD enum status joining_forget(struct os *os, const char *dir); /* Give up. */

#endif
