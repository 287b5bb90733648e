/* block.h - The transaction of a session that lasts longer than a call: BEGIN to COMMIT, or the
 * calls up to a Sync, or a query string with BEGIN or COMMIT in it.
 *
 * Its statements run at a desk (exec/desk.h), over the height that was newest when the first of
 * them came. COMMIT submits one signed transaction: the statements whose results count, in order,
 * the time of BEGIN, and the hash of the results that the client was given.
 *
 * Invariants
 * B1  place, catalog and operations belong to the transaction that is open: none is left when state
 *     is BLOCK_NONE.
 * B2  The desk is given back only when no task of it is under way.
 * B3  results[i] is what the client saw of ops[i]; all of them were seen, in this order.
 * B4  What ROLLBACK TO takes back is no operation any more; what the client saw of it does not
 * count.
 */
#ifndef TRUSTSQL_NODE_BLOCK_H
#define TRUSTSQL_NODE_BLOCK_H

#include "node/cursors.h"
#include "node/desks.h"
#include "node/settings.h"

/* The chain takes no now() that is older than ten minutes. */
#define BLOCK_MS_MAX UINT64_C(540000)

struct local_call;
struct compiled;

enum block_state {
    BLOCK_NONE,
    BLOCK_IMPLICIT, /* Ends with its query string or Sync. */
    BLOCK_OPEN,     /* After BEGIN. */
    BLOCK_FAILED
};

struct block_savepoint {
    struct span name;
    uint32_t op_count;
    uint32_t write_count;
    size_t bytes;
};

struct block {
    enum block_state state;
    bool is_implicit; /* BLOCK_IMPLICIT, or BLOCK_FAILED out of that. */
    bool is_large;    /* A SELECT gave more than a transaction can say. */
    bool is_lost;     /* The desk has forgotten everything. */
    bool is_evicted;  /* It had to give its desk to others, and its client was not told yet. */
    bool has_run;     /* A statement has run: modes are fixed. */
    uint64_t now_ms;
    uint64_t used_ms; /* When it was last heard of. */
    struct desk_place *place;
    struct sql_catalog *catalog; /* That its statements see. */
    struct arena arena;          /* Operations. */
    struct tx_op *ops;
    struct op_result *results; /* B3 */
    uint32_t op_count;
    uint32_t op_room;
    uint32_t write_count;
    size_t bytes; /* Of texts and values. */
    struct block_savepoint *savepoints;
    uint32_t savepoint_count;
    uint32_t savepoint_room;
    struct settings before; /* ROLLBACK goes back to them. */
    struct settings after;  /* In force after COMMIT: without SET LOCAL. */
    struct cursors cursors;
};

/* Does this call, of which nothing has begun, belong to a block or make one? */
bool block_wants(struct local_call *c);
/* Go on with its statements until one has to wait; then the call is done. */
void block_run(struct local_call *c);
/* What its task gave. */
void block_read_chunk(struct local_call *c, struct read_chunk *chunk);
void block_read_height(struct local_call *c); /* c->height has come back. */
void block_compiled(struct local_call *c);    /* c->made has come, or c->diag says why not. */
/* Its transaction is settled: c->diag, or it is committed. */
void block_settled(struct local_call *c);
/* Its transaction is under way, and nobody waits for it any more. */
void block_abandon(struct local_call *c);
/* The running statement of a call that is_block, if it can be. */
void block_cancel(struct local_call *c);

struct sql_statement;
/* 25006: the transaction is read-only. */
NODISCARD enum status block_refuse_write(struct local_call *c, const struct sql_statement *s);

/* A statement that writes, with c->params; answered like any (COPY). */
NODISCARD enum status block_write(struct local_call *c, const struct compiled *statement);

/* The rows that a COPY FROM waited for, or c->diag says why there are none. */
void block_copy(struct local_call *c, struct span rows);

struct backend_session;
/* A failed block lets nothing be parsed or run but what ends it. */
bool block_refuses(const struct backend_session *s, struct span text, struct diag *d);
/* The door found an error. */
void block_spoil(struct backend_session *s);
void block_fini(struct backend_session *s); /* The session ends; nothing is under way. */

#endif
