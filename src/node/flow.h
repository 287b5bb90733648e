/* flow.h - What travels through a node: transactions, blocks, and who waits for them.
 *
 *   doors ─flow_tx→ verification ─flow_tx→ replica ─flow_block→ storage
 *     ↑                                      │  ↑───────lsn────────┘
 *     └────────flow_block, refused flow_tx───┘  └─flow_block─ executor
 *
 * An object has one owner at a time: pushing it on the next queue passes it on. */
#ifndef TRUSTSQL_NODE_FLOW_H
#define TRUSTSQL_NODE_FLOW_H

#include <stdatomic.h>

#include "base/diag.h"
#include "consensus/facts.h"
#include "consensus/message.h"
#include "crypto/merkle.h"
#include "exec/exec.h"
#include "ledger/proof.h"

enum flow_kind {
    FLOW_TX,        /* A transaction, verified. */
    FLOW_REFUSED,   /* A transaction on its way back to the door that waits. */
    FLOW_PERSISTED, /* A storage job, done. */
    FLOW_BLOCK,     /* A block, executed; then, certified, on its way to the doors. */
    FLOW_READ,      /* A chunk of rows for a door. */
    FLOW_EXECUTED,  /* Answers of a block that is executed, not yet certified. */
    FLOW_PROOF,     /* Proof of misbehaviour that a client brought. */
    FLOW_HEIGHT,    /* A linearizable read: which height? Goes to the replica and back. */
    FLOW_GUEST,     /* The card of a guest, to the doors, and what came of it, back. */
    FLOW_COMPILED   /* A statement for a door, compiled (compilers.h). */
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
    bool is_early; /* Wants to be settled when the block is executed here: without proof. */
};

/* A read that must see all that was final before it began. Memory of the one who asks. */
struct flow_read {
    struct flow flow; /* FLOW_HEIGHT */
    struct flow_read *next;
    uint64_t height_min;      /* The asker has seen this height. */
    uint64_t until_ms;        /* The replica's. */
    atomic_bool is_cancelled; /* The asker wants it back soon. Any thread. */
    enum status status;       /* ST_OK, ST_TIMEOUT, ST_CLOSED. */
    uint64_t height;          /* ST_OK: executed and certified here; to be read at. */
    void *owner;
};

#define FLOW_PROOF_SIZE_MAX (64u << 10)

struct flow_proof {
    struct flow flow; /* FLOW_PROOF */
    struct mem *mem;
    size_t size;
    uint8_t bytes[]; /* Encoded evidence. */
};

/* A copy. Null: no memory. */
struct flow_proof *flow_proof_new(struct mem *mem, struct span bytes);
void flow_proof_free(struct flow_proof *p);

enum flow_source {
    FLOW_LOCAL, /* A client of this node. Admission may refuse it. */
    FLOW_PEER,  /* Sent on by a peer. The same. */
    FLOW_BODY   /* Of a block: its signatures alone decide, and a refused one comes back, too. */
};

#define FLOW_PLACES 65u /* flow_tx.peer modulo this: whose share of the pool it takes. */

/* Shared once it is verified: the pool and every block that holds it have a reference each. What
 * is not marked so does not change any more then. */
struct flow_tx {
    struct flow flow;
    struct mem *mem;
    atomic_uint refs;
    enum flow_source source;
    enum status status; /* FLOW_REFUSED: why. */
    uint32_t peer;      /* FLOW_PEER: who sent it, as the core names peers across epochs. */
    uint32_t position;  /* FLOW_BODY: in the block; with job, the core's. */
    uint64_t job;
    struct arena arena; /* Arrays of tx. */
    struct tx tx;
    struct ticket *ticket; /* Null: nobody here waits. May change until the block is executed. */
    bool wants_rows;       /* The ticket wants result rows, not only a receipt. */
    size_t size;
    uint8_t bytes[]; /* The encoding; tx borrows it. */
};

/* A copy of bytes, not decoded yet, with one reference. Null: no memory. */
struct flow_tx *flow_tx_new(struct mem *mem, struct span bytes);
struct flow_tx *flow_tx_ref(struct flow_tx *t); /* One more. */
void flow_tx_free(struct flow_tx *t);           /* One less. Null allowed. */

/* Shared from its execution on while early answers of it are on their way. */
struct flow_block {
    struct flow flow;
    struct mem *mem;
    atomic_uint refs;
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
    struct span *incidents; /* Encoded, of its notes; one piece of memory with their bytes. */
    uint32_t incident_count;
    struct mode_facts facts; /* What it says of the chain's mode; since it is final. */
    struct exec_outcome outcome;
    struct hash *receipt_tree;   /* Levels of the receipts' Merkle tree, for paths. */
    struct certificate res_cert; /* Of this height or a later one. */
    bool has_proof;              /* What follows is filled in. */
    struct certificate final_cert;
    struct buf successors; /* Encoded headers after this one up to final_cert's. */
    uint32_t successor_count;
    struct buf later;        /* d of the heights after this one up to res_cert's. */
    struct buf epochs;       /* Encoded epoch_chain up to the block's epoch; size 0: epoch 0. */
    struct buf proof_shared; /* What the block's proofs have in common; made with the first. */
};

/* Takes txs[count], one reference each: their array is copied. */
NODISCARD enum status flow_block_new(struct flow_block **out,
                                     struct mem *mem,
                                     struct flow_tx *const *txs,
                                     uint32_t count);
/* Copies the incidents of its notes, which may be null. ST_NO_MEMORY. */
NODISCARD enum status flow_block_note_incidents(struct flow_block *b,
                                                const struct body_notes *notes);
void flow_block_free(struct flow_block *b); /* One reference less. Null allowed. */

/* Rows are wanted for those transactions whose ticket says so: just before it is executed. */
void flow_block_note_wishes(struct flow_block *b);

struct flow_executed { /* Early answers: tickets taken off a block, which is borrowed. */
    struct flow flow;
    struct flow_block *block;
    uint32_t count;
    struct ticket *tickets[]; /* Their index is filled in. */
};

/* Takes the early tickets off b, with a reference to it. Null: there are none, or no memory: they
 * are settled with the others. */
struct flow_executed *flow_executed_new(struct flow_block *b);
void flow_executed_free(struct flow_executed *e);

/* Append the proof of transaction index of a certified block. ST_NOT_FOUND: this node does not know
 * certificates near enough to the block, which can happen when it is far behind. */
NODISCARD enum status flow_block_proof(struct flow_block *b, uint32_t index, struct buf *out);

#endif
