/* clients.h - Those who want something: they sign transactions, hand them to nodes, and hand them
 * in again elsewhere until some node has executed them.
 *
 * Transactions are real: encoded, signed, verified by every node. One thread. */
#ifndef TRUSTSQL_SIM_CLIENTS_H
#define TRUSTSQL_SIM_CLIENTS_H

#include "sim/world.h"

#define CLIENT_NAME_MAX 32u

struct client_tx {
    char name[CLIENT_NAME_MAX]; /* "" for those of a load. */
    struct hash txid;
    struct hash leaf;
    struct span bytes;
    bool is_good;    /* Rightly signed, and inside its span at first. */
    bool is_tracked; /* Some honest client waits for it: it must become final (liveness). */
};

struct tx_wish {
    const char *name;
    uint32_t client;
    bool has_bad_signature; /* One bit flipped. */
    uint64_t valid_ms;      /* From now; 0: ten minutes. */
    uint64_t valid_blocks;  /* Above height 0; 0: 65,000. */
    bool is_other_chain;
    const char *operation; /* Null: an insert. */
};

struct clients *clients_new(struct world *w);
void clients_free(struct clients *c); /* Null allowed. */

struct client_tx *clients_make(struct world *w, const struct tx_wish *wish);
struct client_tx *clients_find(struct world *w, const char *name); /* Null: none. */
struct client_tx *clients_by_id(struct world *w, const struct hash *txid);

/* To host now; and, while tracked and not executed anywhere, to others every retry_us (0: never).
 */
void clients_submit(struct world *w, const struct client_tx *t, uint32_t host, uint64_t retry_us);
void clients_on_event(struct world *w, const struct event *e);

/* A stream: count transactions, one each period_us, to hosts of the mask by turns. */
void clients_load(struct world *w, uint64_t hosts, uint32_t count, uint64_t period_us);

bool clients_are_busy(const struct world *w); /* A stream has not ended. */
uint32_t clients_count(const struct world *w);
struct client_tx *clients_at(struct world *w, uint32_t number);

/* Height at which somebody who is up has executed it; 0: nobody has. */
uint64_t clients_executed_at(const struct world *w, const struct client_tx *t);

/* Executed on host, the result is certified there, and host says so: in raft it does not when it
 * has proof of a lie. */
bool clients_is_final(const struct client_tx *t, const struct host *h);

#endif
