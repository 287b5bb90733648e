/* replica.h - Loop A: the engine, the pool, and the performing of effects in order.
 *
 * Its thread alone touches engine and pool. Transactions arrive verified on replica_inbox;
 * certified blocks and refused transactions leave on the outbox given, towards the doors. */
#ifndef TRUSTSQL_NODE_REPLICA_H
#define TRUSTSQL_NODE_REPLICA_H

#include "node/flow.h"
#include "node/queue.h"
#include "node/solo.h"
#include "store/store.h"

#define REPLICA_TICKETS_MAX 65536u /* Waiting clients of a node, all doors together. */

struct replica;

struct replica_config {
    struct os *os;
    struct mem *mem;
    struct solo_config engine;
    struct exec *exec;
    struct store *store;
    struct queue *outbox; /* Holds at least REPLICA_TICKETS_MAX. */
    /* The node must stop; any thread. */
    void (*failed)(void *context, enum status status, const char *what);
    void *context;
};

/* What status shows; consistent in itself. */
struct replica_view {
    uint64_t height;       /* Newest block proposed. */
    uint64_t final_height; /* Ordered irrevocably. */
    uint64_t executed_height;
    struct hash digest;     /* D of executed_height. */
    struct hash block_hash; /* Of height. */
    uint64_t view;
    uint64_t time_ms; /* Of block height. */
    uint32_t waiting; /* Transactions in the pool. */
};

/* Replays what the state lacks from the store, then stands ready. progress may be null. */
NODISCARD enum status replica_new(struct replica **out,
                                  const struct replica_config *config,
                                  void (*progress)(uint64_t height, uint64_t target));
void replica_free(struct replica *r); /* After replica_stop. Null allowed. */

struct queue *replica_inbox(struct replica *r);
NODISCARD enum status replica_start(struct replica *r);

/* Refuse what waits, finish what is in flight, make all durable, end the threads. */
void replica_stop(struct replica *r);

void replica_view(struct replica *r, struct replica_view *out); /* Any thread. */

/* CPU time so far by stage, nanoseconds; any thread. */
struct replica_cpu {
    uint64_t consensus;
    uint64_t store;
    uint64_t exec;
    uint64_t checkpoint;
};
void replica_cpu(const struct replica *r, struct replica_cpu *out);

#endif
