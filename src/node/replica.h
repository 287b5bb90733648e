/* replica.h - Loop A: the core with threads, store and network behind its ports.
 *
 * Its thread alone touches the core. Transactions of clients enter through replica_submit;
 * certified blocks and refused transactions leave on the outbox given, towards the doors. */
#ifndef TRUSTSQL_NODE_REPLICA_H
#define TRUSTSQL_NODE_REPLICA_H

#include "ledger/reply.h"
#include "node/config.h"
#include "node/consensus_view.h"
#include "node/flow.h"
#include "node/heal.h"
#include "node/keys.h"
#include "node/queue.h"
#include "store/store.h"

#define REPLICA_WHAT_MAX    160u
#define REPLICA_READS_MAX   4096u  /* Linearizable reads that ask for their height. */
#define REPLICA_TICKETS_MAX 65536u /* Waiting clients of a node, all doors together. */

struct replica;

struct replica_config {
    struct os *os;
    struct mem *mem;
    const char *dir;                    /* The node's: evidence/ lives in it. */
    const struct node_config *settings; /* These four outlive the replica. */
    struct node_keys *keys;             /* Its own while it runs: next.key may join them. */
    const struct genesis *genesis;
    const struct signer *signer;
    const struct release *release; /* Of this program; null: others are told nothing. */
    struct hash chain_id;
    struct span genesis_bytes; /* Encoded; outlives the replica. */
    struct exec *exec;
    struct store *store;
    bool was_made_again; /* The state, by this start (heal.h). */
    struct keyed *keyed;
    bool may_join; /* Far behind the others: ask for a start that joins by snapshot (ST_BUSY). */
    struct queue *outbox; /* Holds at least REPLICA_TICKETS_MAX + REPLICA_READS_MAX. */
    /* The node must stop; any thread. */
    void (*failed)(void *context, enum status status, const char *what);
    void (*executed)(void *context); /* A result was stored; the execution thread. May be null. */
    /* The configuration names another of the keys; the replica's thread. May be null. */
    void (*rekeyed)(void *context, const struct public_key *key, const struct secret_key *secret);
    void (*warn)(const char *text); /* What an operator must hear of. Any thread. May be null. */
    struct alarm *alarm;            /* The same, to the webhook; null: there is none. */
    void *context;
};

/* What status shows; consistent in itself. */
struct replica_view {
    uint64_t height;       /* Newest block voted for. */
    uint64_t final_height; /* Ordered irrevocably. */
    uint64_t executed_height;
    struct hash digest;     /* D of executed_height. */
    struct hash block_hash; /* Of height. */
    uint64_t view;
    uint32_t leader;
    uint64_t time_ms; /* Of block height. */
    uint32_t waiting; /* Transactions in the pool. */
};

/* Replays what the state lacks from the store, then stands ready. progress may be null.
 * what[REPLICA_WHAT_MAX]: why not, where there is something to say; else left alone. */
NODISCARD enum status replica_new(struct replica **out,
                                  const struct replica_config *config,
                                  void (*progress)(uint64_t height, uint64_t target),
                                  char *what);
void replica_free(struct replica *r); /* After replica_stop. Null allowed. */

NODISCARD enum status replica_start(struct replica *r);

/* A client's transaction, not decoded. Any thread. Takes t; ST_BUSY: full, t stays the caller's. */
NODISCARD enum status replica_submit(struct replica *r, struct flow_tx *t);

/* Which height must a linearizable read see? Any thread. r comes back on the outbox (FLOW_HEIGHT);
 * ST_BUSY, ST_CLOSED: it stays the caller's. */
NODISCARD enum status replica_read(struct replica *r, struct flow_read *read);

/* The answer to a guest's card, which came from the outbox. Any thread. ST_BUSY, ST_CLOSED: it
 * stays the caller's. */
struct flow_guest;
NODISCARD enum status replica_guest(struct replica *r, struct flow_guest *guest);

/* Refuse what waits, finish what is in flight, make all durable, end the threads. */
void replica_stop(struct replica *r);

void replica_view(struct replica *r, struct replica_view *out);        /* Any thread. */
void replica_consensus(struct replica *r, struct consensus_view *out); /* Any thread. */
/* A quorum's certificate refutes what this node computed: nothing is to be read here. Any thread.
 */
bool replica_is_quarantined(const struct replica *r);
const char *replica_why_silent(const struct replica *r); /* It follows only; null: it votes. */

/* The newest certificate of a result that this node found too, and what it has executed. False:
 * none since the start. Any thread. */
bool replica_certified(struct replica *r, struct certificate *out, uint64_t *executed_height);

/* Any thread: a certificate that commits the block at replica_certified's height or a little above.
 * False: none is known. */
bool replica_committed(struct replica *r, struct certificate *out);

/* Sign reply, whose epoch, txid, height, index, receipt and digest the caller has filled in from
 * what this node found. ST_NOT_FOUND: the height is not certified, the epoch is not the present
 * one, or this node is no validator in it. Any thread. */
NODISCARD enum status replica_sign_reply(struct replica *r, struct reply *reply);

/* The chain of epochs up to epoch out of the stored blocks, appended; nothing for epoch 0. Any
 * thread. */
NODISCARD enum status replica_epochs(struct replica *r, uint64_t epoch, struct buf *out);

/* Encoded evidence (at most FLOW_PROOF_SIZE_MAX) of a client: kept and told to all when it proves
 * something. ST_BUSY, ST_CLOSED, ST_NO_MEMORY. Any thread. */
#define REPLICA_PROOFS_MAX 64u
NODISCARD enum status replica_proof(struct replica *r, struct span bytes);

/* As evidence_store_get. Any thread. */
NODISCARD enum status replica_evidence(struct replica *r,
                                       uint32_t index,
                                       struct evidence_view *out,
                                       struct buf *bytes);

/* The state file as of the newest height, now: its height. A round of looking at all files, as
 * heal_scrub. Any thread of readers. */
NODISCARD enum status replica_flush(struct replica *r, uint64_t *height);
NODISCARD enum status replica_scrub(struct replica *r,
                                    struct buf *report,
                                    bool *was_clean,
                                    const atomic_bool *is_cancelled);
/* Damage that was met before there was a replica. Any thread. */
void replica_note_find(struct replica *r, const struct heal_find *find);
void replica_heal_view(struct replica *r, struct heal_view *out);
/* Whoever waits for a round goes on: before the readers are stopped. */
void replica_stop_heal(struct replica *r);

/* Client signatures found good so far, local and foreign; any thread. */
uint64_t replica_signatures(const struct replica *r);

/* CPU time so far by stage, nanoseconds; any thread. */
struct replica_cpu {
    uint64_t verify;
    uint64_t net;       /* The replica's loop but for the core: TLS, frames, sockets, waking. */
    uint64_t consensus; /* The engine: votes, proposals, certificates, their signatures. */
    uint64_t pool;      /* The rest of the core: pool, bodies, gossip, catch-up. */
    uint64_t store;
    uint64_t exec;
    uint64_t checkpoint;
    uint64_t heal;
    uint64_t tidy; /* Compressing and moving segments, putting blocks back. */
    uint64_t rows; /* The tree of rows, on its own thread. */
};
void replica_cpu(const struct replica *r, struct replica_cpu *out);

/* Sealed segments are to be compressed or moved. Any thread. */
bool replica_is_tidying(const struct replica *r);

#endif
