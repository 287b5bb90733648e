/* reads.h - Linearizable reads (consensus.md 1.19), and whether they are.
 *
 * At a node: its core asks the others, as for a session with trustsql.read = 'linearizable'. By a
 * client: it asks several nodes itself and believes f + 1 equal answers, as `trustsql proxy` does
 * (ledger/reading.h judges for both); without them it has the read ordered as a transaction. What
 * is read is the digest of a height: it covers every transaction below it.
 *
 *   R1 (oracle) no read ends below a result that was certified before it began, nor below what an
 *      earlier read saw; and what a client believes is the right digest of its height. One
 * thread. */
#ifndef TRUSTSQL_SIM_READS_H
#define TRUSTSQL_SIM_READS_H

#include "sim/clients.h"

struct reads;

enum read_state {
    READ_WAITS,
    READ_DONE,    /* At a height, without ordering. */
    READ_ORDERED, /* As a transaction. */
    READ_FAILED   /* Nobody, or too few, answered in time. */
};

struct read_outcome {
    enum read_state state;
    uint32_t tries; /* Of a client's. */
    uint64_t height;
};

struct reads *reads_new(void);
void reads_free(struct reads *r); /* Null allowed. */

/* Both return the number of the read. */
uint32_t reads_begin_at(struct world *w, uint32_t host);
uint32_t reads_begin_from(struct world *w, uint64_t hosts); /* Nodes that the client reaches. */
struct read_outcome reads_outcome(const struct world *w, uint32_t number);

void reads_on_event(struct world *w, const struct event *e);
void reads_on_answer(struct world *w, const struct flow_read *read);

#endif
