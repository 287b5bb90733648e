/* flow.h - What travels through a node: transactions, blocks, and who waits for them.
 *
 *   doors ─flow_tx→ verification ─flow_tx→ replica ─flow_block→ storage
 *     ↑                                      │  ↑───────lsn────────┘
 *     └────────flow_block, refused flow_tx───┘  └─flow_block─ executor
 *
 * An object has one owner at a time: pushing it on the next queue passes it on. */
#ifndef TRUSTSQL_NODE_FLOW_H
#define TRUSTSQL_NODE_FLOW_H

#include "base/diag.h"
#include "crypto/merkle.h"
#include "exec/exec.h"
#include "ledger/proof.h"
#include "node/engine.h"

enum flow_kind {
    FLOW_TX,        /* A transaction, verified. */
    FLOW_REFUSED,   /* A transaction on its way back to the door that waits. */
    FLOW_PERSISTED, /* A storage job, done. */
    FLOW_BLOCK,     /* A block, executed; then, certified, on its way to the doors. */
    FLOW_READ       /* A chunk of rows for a door. */
};

struct flow { /* First member of everything on a queue. */
    enum flow_kind kind;
};

struct flow_block;

/* One who waits on the doors' loop. Memory of the one who waits; settled is called exactly once. */
struct ticket {
    void (*settled)(struct ticket *t);
    void *owner;              /* Whose it is; for settled. */
    enum status status;       /* ST_OK: executed and certified; else refused, diag says why. */
    struct diag diag;         /* Refused. */
    struct flow_block *block; /* ST_OK: borrowed during settled. */
    uint32_t index;           /* Of the transaction in block. */
};

struct flow_tx {
    struct flow flow;
    struct mem *mem;
    struct arena arena; /* Arrays of tx. */
    struct tx tx;
    struct ticket *ticket; /* Null: nobody here waits. */
    bool wants_rows;       /* The ticket wants result rows, not only a receipt. */
    size_t size;
    uint8_t bytes[]; /* The encoding; tx borrows it. */
};

/* A copy of bytes, not decoded yet. Null: no memory. */
struct flow_tx *flow_tx_new(struct mem *mem, struct span bytes);
void flow_tx_free(struct flow_tx *t); /* Null allowed. */

struct flow_block {
    struct flow flow;
    struct mem *mem;
    struct header header;
    struct hash hash;
    struct buf header_bytes;
    struct buf body_bytes;
    struct buf bytes; /* [header, body] as stored. */
    struct flow_tx **txs;
    struct tx *views; /* The same transactions as one array, for the executor. */
    bool *wants_rows;
    struct hash *txids;
    uint32_t tx_count;
    struct exec_outcome outcome;
    struct hash *receipt_tree; /* Levels of the receipts' Merkle tree, for paths. */
    struct certificate final_cert;
    struct certificate res_cert;
};

/* Takes txs[count]: their array is copied, the transactions belong to the block. */
NODISCARD enum status flow_block_new(struct flow_block **out,
                                     struct mem *mem,
                                     struct flow_tx *const *txs,
                                     uint32_t count);
void flow_block_free(struct flow_block *b); /* With its transactions. Null allowed. */

/* Append the proof of transaction index of a certified block. */
NODISCARD enum status flow_block_proof(struct flow_block *b, uint32_t index, struct buf *out);

#endif
