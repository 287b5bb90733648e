/* readers.h - The read pool: SELECTs on their own threads, at a known height, never in a write's
 * way.
 *
 * A job runs one compiled statement on a pooled read-only connection. Its rows come back in chunks
 * on the outbox of the doors; a job whose door is slow waits, with at most READERS_CHUNKS_OUT
 * chunks under way. Every job ends with exactly one chunk that is_last.
 *
 * Only config.thread_count jobs compute at once, but more may be under way: one that waits for its
 * client, and a few that last long, give their slot to others, and one that goes on for a while
 * lets those pass that have only come. When all connections are taken, the job that has waited
 * longest for its client ends with 53400, else the one that has computed for longest, so that
 * nobody keeps others from reading. */
#ifndef TRUSTSQL_NODE_READERS_H
#define TRUSTSQL_NODE_READERS_H

#include <stdatomic.h>

#include "exec/exec.h"
#include "node/flow.h"
#include "node/queue.h"
#include "store/store.h"

#define READERS_THREADS_MAX 16u /* That compute at once. */
#define READERS_JOBS_MAX    32u /* Under way at once; each has a connection. */
#define READERS_LONG_MAX    8u  /* Of them, that compute without a slot. */
#define READERS_LONG_STEPS  10000000u
#define READERS_YIELD_STEPS 100000u /* After so many a job lets others pass. */
#define READERS_PATIENCE_MS 1000u   /* With a slow client, when others wait. */
#define READERS_QUEUE_MAX   4096u
#define READERS_CHUNKS_OUT  4u
#define READERS_CHUNK_SIZE  (64u << 10)
#define READERS_FUEL        UINT64_C(3000000000) /* SQLite steps and charged bytes. */

struct readers;
struct chain_tables_source; /* chain_tables.h */
struct desk_task;           /* desks.h */

struct read_job { /* Memory of the one who asks; lives until its last chunk was delivered. */
    const struct sql_statement *statement;
    const struct sql_value *params;
    uint32_t param_count;
    struct span user;
    const struct exec_account *account; /* Who asks; for node functions. */
    struct sql_catalog *catalog;        /* For error texts; borrowed. */
    uint64_t height;                    /* To read at; 0: the newest executed. */
    atomic_bool is_cancelled;
    bool is_fixed; /* The client chose the height: now() is the time of its block. */
    bool is_past;  /* Any height: what is not kept any more is made again (past.h). */
    /* Null statement: the catalog of the height is wanted, and comes back here, a reference. */
    struct sql_catalog *made;
    struct desk_task *task; /* Null, or what is to be done at a session's desk instead. */
    void *owner;
    uint32_t chunks_out; /* Under the readers' mutex. */
};

struct read_chunk { /* On the outbox as FLOW_READ; the doors return it with readers_release. */
    struct flow flow;
    struct mem *mem;
    struct read_chunk *next; /* For a list of whoever holds it. */
    struct read_job *job;
    struct buf rows; /* Rowset encoding. */
    uint64_t row_count;
    bool is_last;
    struct diag diag; /* is_last: sqlstate empty when the read went well. */
};

struct readers_config {
    struct os *os;
    struct mem *mem;
    struct exec *exec;
    const struct chain_tables_source *tables;
    struct queue *outbox;
    uint32_t thread_count;
};

NODISCARD enum status readers_new(struct readers **out, const struct readers_config *config);
/* Cancels what runs and ends the threads; every job still ends with its last chunk. */
void readers_stop(struct readers *r);
void readers_free(struct readers *r); /* Stops first; no chunk may be out. Null allowed. */

/* ST_BUSY: too many reads are waiting. */
NODISCARD enum status readers_submit(struct readers *r, struct read_job *job);

/* A running or waiting job ends soon with 57014. */
void readers_cancel(struct readers *r, struct read_job *job);

/* The doors have used the chunk: free it, let its job go on. */
void readers_release(struct readers *r, struct read_chunk *chunk);

uint64_t readers_cpu_ns(const struct readers *r);

/* What the connections of the pool were made from. */
const struct readers_config *readers_config_of(const struct readers *r);

#endif
