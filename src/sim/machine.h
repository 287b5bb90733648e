/* machine.h - What the simulated nodes execute: a small state machine in place of SQL.
 *
 * Its digest chain covers the hash of each block and the ids of its transactions in order, so nodes
 * that executed anything else have another digest. It remembers every id it executed and so sees a
 * second execution (I9). It holds the configurations of the epochs; a transaction whose operation
 * is of sim/decision.h decides the next one. One thread. */
#ifndef TRUSTSQL_SIM_MACHINE_H
#define TRUSTSQL_SIM_MACHINE_H

#include "base/idtable.h"
#include "consensus/consensus.h"
#include "ledger/mode.h"
#include "node/flow.h"
#include "sim/decision.h"

#define MACHINE_EPOCHS_MAX 32u

struct machine_tx {
    struct hash txid;
    uint64_t height;
};

struct machine_epoch {
    struct buf bytes;
    uint64_t base;    /* Height of the last block before it. */
    uint64_t decided; /* Height that decided it. */
};

struct machine_keys { /* Of nodes, by number. */
    const struct public_key *keys;
    uint32_t count;
};

struct machine {
    struct mem *mem;
    struct machine_keys keys;
    struct arena arena;
    struct machine_epoch epochs[MACHINE_EPOCHS_MAX];
    uint32_t epoch_count;
    uint32_t convicted;    /* Validators of this epoch, as bits. */
    struct buf pending;    /* Configuration of the next epoch; empty: none is decided. */
    uint64_t pending_from; /* Height that decided it. */
    uint64_t height;
    struct mode_state mode;                 /* As of height. */
    struct hash digests[CONSENSUS_LAG_MAX]; /* [h mod MAX]: D of the newest heights. */
    struct merkle_tree history;
    uint64_t last_txs_height;
    uint64_t false_from; /* Wrong results at this height and above; 0: never. */
    struct machine_tx *txs;
    uint32_t tx_count;
    uint32_t tx_room;
    struct idtable index;
    bool has_repeated; /* A transaction was executed twice: I9. */
};

void machine_init(struct machine *m,
                  struct mem *mem,
                  const struct genesis *genesis,
                  const struct machine_keys *keys);
void machine_fini(struct machine *m); /* Accepts a zeroed one. */

/* Execute block m->height + 1: fills b->outcome. */
NODISCARD enum status machine_apply(struct machine *m, struct flow_block *b);

/* ST_NOT_FOUND: that epoch has not begun here. */
NODISCARD enum status machine_config(const struct machine *m,
                                     uint64_t epoch,
                                     struct buf *out,
                                     uint64_t *base);

/* The configuration after that of epoch, decided or begun, and the height that decided it; empty:
 * there is none. */
struct span machine_next_config(const struct machine *m, uint64_t epoch, uint64_t *decided);

struct hash machine_digest(const struct machine *m); /* D of m->height; D_0 at the genesis. */

/* Height at which a transaction was executed; 0: it was not. */
uint64_t machine_find(const struct machine *m, const struct hash *txid);

#endif
