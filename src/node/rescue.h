/* rescue.h - A start with damaged blocks: they come from the other nodes before anything else.
 *
 * The doors are closed and the core does not exist yet: this node votes on nothing, serves nothing,
 * and only asks. Where nobody gives for RESCUE_PATIENCE_MS what is missing, the start fails with
 * the place; nothing was changed, and the next start tries again. */
#ifndef TRUSTSQL_NODE_RESCUE_H
#define TRUSTSQL_NODE_RESCUE_H

#include "ledger/config.h"
#include "node/config.h"
#include "node/keys.h"
#include "node/repair.h"

#define RESCUE_PATIENCE_MS 20000u
#define RESCUE_WHAT_MAX    512u /* As NODE_WHAT_MAX. */

struct rescue_config {
    struct os *os;
    struct mem *mem;
    struct store *store;
    struct hash chain_id;
    const struct node_config *settings;
    const struct node_keys *keys;
    const struct chain_config *nodes; /* Of the newest epoch that is known here. */
    void (*warn)(const char *text);   /* May be null. */
};

/* ST_OK: no gap is left (store_is_broken: open the store anew). ST_CORRUPT and others: what says
 * why. */
NODISCARD enum status rescue_run(const struct rescue_config *config, char what[RESCUE_WHAT_MAX]);

#endif
