/* audit_int.h - State of one audit, for the files that implement it. */
#ifndef TRUSTSQL_NODE_AUDIT_INT_H
#define TRUSTSQL_NODE_AUDIT_INT_H

#include <stdatomic.h>

#include "consensus/record.h"
#include "ledger/genesis.h"
#include "node/audit.h"
#include "node/config.h"
#include "node/flow.h"
#include "node/txset.h"

struct audit_signatures; /* audit_signatures.c */

struct audit {
    const struct audit_config *config;
    struct node_config settings; /* Of the node: where its files lie. */
    struct audit_report *report;
    struct mutex *mutex; /* Of report's findings. */
    struct signer *signer;
    struct buf genesis_bytes;
    struct arena arena; /* Of the genesis. */
    struct genesis genesis;
    struct validators validators; /* Of the epoch of the block that is next. */
    struct validators previous;   /* Of the epoch before. */
    uint64_t epoch;
    uint32_t exec_version;
    struct hash chain_id;
    uint64_t setup_height;
    struct store *store; /* Read only; null when it cannot be opened. */
    struct exec *exec;   /* The replay. */
    struct rows *rows;   /* Its rows. */
    struct audit_rows *stored_rows;
    struct txset *span;
    struct header parent; /* Of the newest checked block; height 0: none. */
    struct hash parent_hash;
    struct merkle_tree history;
    struct hash digests[CONSENSUS_LAG_MAX]; /* D of recent heights, by height mod size. */
    struct hash hashes[CONSENSUS_LAG_MAX];  /* Block hashes, likewise. */
    uint64_t certified_height;              /* By certificates in bodies. */
    uint64_t result_height;
    struct audit_signatures *signatures;
    struct audit_state *state;
    bool is_broken; /* A block is missing or wrong: what follows cannot be replayed. */
};

/* Note damage; place gives file and offset. */
void audit_found(struct audit *a,
                 const struct damage *place,
                 uint64_t height,
                 const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* audit_block.c: everything about one block but its client signatures. */
NODISCARD enum status audit_block(struct audit *a,
                                  uint64_t height,
                                  struct span block,
                                  const struct damage *place);

/* audit_epoch.c: validators and rules of the epoch that the replay has come to. */
NODISCARD enum status audit_epoch_take(struct audit *a);
/* Null: whose epoch this is, is not known any more. */
const struct validators *audit_epoch_validators(const struct audit *a, uint64_t epoch);
/* Null, or what of the block is not as its epoch and mode want it (static text). */
const char *audit_epoch_why(struct audit *a, const struct header *h, const struct body *body);

/* audit_signatures.c: client signatures, on threads. A block is taken over. */
NODISCARD enum status audit_signatures_new(struct audit_signatures **out, struct audit *a);
void audit_signatures_add(struct audit_signatures *s,
                          struct flow_block *b,
                          const struct damage *place);
/* Wait for all, count, report findings. */
void audit_signatures_finish(struct audit_signatures *s);

/* audit_rows.c: the node's tree of rows against that of the replay at the same height. */
struct audit_rows;
NODISCARD enum status audit_rows_new(struct audit_rows **out, struct audit *a);
void audit_rows_free(struct audit_rows *s); /* Null allowed. */
/* Call after each height of the replay, 0 included. */
NODISCARD enum status audit_rows_compare(struct audit_rows *s, uint64_t height);

/* audit_state.c: the node's state file against the replay at the same height. */
struct audit_state;
NODISCARD enum status audit_state_new(struct audit_state **out, struct audit *a);
void audit_state_free(struct audit_state *s); /* Null allowed. */
/* Call after each height of the replay, 0 included. */
NODISCARD enum status audit_state_compare(struct audit_state *s, uint64_t height);
/* At the end: a file whose height was never reached. */
void audit_state_finish(struct audit_state *s);

#endif
