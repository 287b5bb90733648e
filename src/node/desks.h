/* desks.h - The desks of interactive transactions: made when they are needed, kept for the next.
 *
 * A session takes one for the time of a transaction. What is done there runs on the threads of the
 * read pool, as jobs (readers.h) that carry a desk_task; the doors' loop waits for their last
 * chunk. All functions but desks_note are of the doors' loop.
 *
 * Invariant D1: a desk is used by one thread: that of the job under way, else the doors' loop. */
#ifndef TRUSTSQL_NODE_DESKS_H
#define TRUSTSQL_NODE_DESKS_H

#include "exec/desk.h"
#include "node/chain_tables.h"
#include "node/functions.h"
#include "node/readers.h"

#define DESKS_MAX 256u

/* Results that execution gives again: more is refused there, too. */
#define DESK_ROWS_MAX  (1u << 20)
#define DESK_BYTES_MAX (16u << 20)

enum desk_step {
    DESK_BEGIN,
    DESK_RUN,       /* A statement that writes. */
    DESK_READ,      /* A SELECT that is part of the transaction. */
    DESK_READ_HERE, /* One that is not: only this node can answer it. */
    DESK_SAVEPOINT,
    DESK_RELEASE,
    DESK_ROLLBACK_TO,
    DESK_END
};

struct desk_place;

struct desk_task { /* Memory of the one who asks, with its read_job. */
    struct desk_place *place;
    enum desk_step step;
    struct desk_begin begin;
    const struct tx_op *op;
    struct arena *arena; /* For the result of DESK_RUN. */
    uint32_t number;     /* Of a savepoint. */
    /* Out. */
    struct desk_result result;
    struct sql_catalog *catalog; /* That statements see now: a reference for who asked. */
    uint64_t height;
    bool is_large; /* A SELECT with more than could be repeated. */
    bool is_lost;  /* As desk_is_lost. */
};

struct desk_place {
    struct desk_place *next; /* Of those that are free. */
    struct desk *desk;
    struct chain_tables_source tables;
    struct node_functions functions;
    uint64_t height;
    struct read_job end; /* To be done with, behind a transaction. */
    struct desk_task task;
};

struct desks {
    struct mem *mem;
    struct readers *readers;
    struct desk_place *free;
    uint32_t count;  /* All there are. */
    uint32_t ending; /* Whose end is under way. */
};

/* ST_BUSY: all are taken. */
NODISCARD enum status desks_take(struct desks *desks, struct desk_place **out);
/* Nothing is under way at it. It is swept on a thread of the pool, then free. */
void desks_give(struct desks *desks, struct desk_place *place);
/* The last chunk of the sweeping. */
void desks_ended(struct desks *desks, struct read_chunk *chunk);
bool desks_is_end(const struct read_chunk *chunk);
void desks_fini(struct desks *desks); /* All are free. */

/* On the job's thread: what became of the desk. */
void desks_note(struct desk_task *task);

#endif
