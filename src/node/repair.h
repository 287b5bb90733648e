/* repair.h - Closing gaps of the store's blocks with those of other nodes.
 *
 *   store ──gap──▶ thread ──question──▶ loop ──▶ a peer
 *   store ◀─block── thread ◀──answer─── loop ◀── a peer
 *
 * Its thread looks for gaps, asks for their blocks in ascending order, proves each (form, roots,
 * link to the one before; the last is the parent that the next own block names, or the one that the
 * journal names), and gives it to the store. What cannot be proved makes its giver a liar: all it
 * gave for this gap is forgotten, the next peer is asked. Peers answer as they do to anybody who
 * catches up, so nothing here needs an agreement, and a node that repairs votes on.
 *
 * Where there is nothing to repair the thread compresses sealed segments and moves old ones, a
 * little at a time.
 *
 * repair_tick and repair_on_message belong to the loop's thread; the rest is said where it is. */
#ifndef TRUSTSQL_NODE_REPAIR_H
#define TRUSTSQL_NODE_REPAIR_H

#include "store/store.h"

#define REPAIR_PEERS_MAX 64u
#define REPAIR_WHAT_MAX  640u

struct repair;

struct repair_report { /* A gap that is closed. */
    struct damage place;
    uint64_t first;
    uint64_t last;
    struct hash hash; /* Of block last. */
};

struct repair_config {
    struct os *os;
    struct mem *mem;
    struct store *store;
    struct hash chain_id;
    uint32_t peer_count; /* Places that are asked: 0 … below it. */
    /* Loop's thread: ST_CLOSED, ST_BUSY: another peer is asked. is_urgent: a small question. */
    enum status (*send)(void *context, uint32_t peer, struct span message, bool is_urgent);
    void (*lied)(void *context, uint32_t peer); /* Loop's thread. May be null. */
    /* On the repairing thread; may be null. */
    void (*closed)(void *context, const struct repair_report *report);
    void (*failed)(void *context, enum status st, const char *what);
    void *context;
};

NODISCARD enum status repair_new(struct repair **out, const struct repair_config *config);
void repair_free(struct repair *r); /* Ends the thread. Before the store is closed. Null allowed. */

/* At least every 100 ms: sends what is to be asked, wakes the thread when there is a gap. */
void repair_tick(struct repair *r, uint64_t mono_ms);
/* True: it was an answer to a question of this repair. */
bool repair_on_message(struct repair *r, uint32_t peer, struct span bytes);

/* "file … offset … height …: …; blocks … came from others" */
void repair_describe(char out[REPAIR_WHAT_MAX], const struct repair_report *report);

/* Blocks that were put back so far; any thread. */
uint64_t repair_count(const struct repair *r);

uint64_t repair_cpu_ns(const struct repair *r); /* Any thread. */

#endif
