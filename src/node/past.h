/* past.h - A ledger as it was at a height that the page store does not keep any more: its tables
 * made again in memory from the versions of their rows, those that a statement reads and no others.
 *
 * A connection of its own, without a file, that speaks as a reader's. One thread at a time. */
#ifndef TRUSTSQL_NODE_PAST_H
#define TRUSTSQL_NODE_PAST_H

#include "node/chain_tables.h"
#include "node/functions.h"

#define PAST_PAGES_MAX 65536u /* Of 4 KiB: one statement's tables. */
#define PAST_PAGES_KEPT                                                                            \
    2048u /* A connection that is larger is not kept for the next statement.                       \
           */

struct past;

struct past_config {
    struct os *os;
    const struct chain_tables_source *source;
    const struct node_functions *reader; /* Copied at past_begin. */
    uint64_t height;                     /* At least 1; executed. */
};

/* Nothing is in it but the chain's virtual tables. Everything borrowed outlives it. */
NODISCARD enum status past_open(struct past **out, const struct past_config *config);
void past_close(struct past *p); /* Null allowed. */

uint64_t past_height(const struct past *p);
bool past_is_small(const struct past *p);
sqlite3 *past_connection(struct past *p);

/* A statement begins: who asks. */
void past_begin(struct past *p, const struct node_functions *reader);
/* The tables a statement reads, made if they are not there yet. ST_LIMIT: too much for memory;
 * ST_CLOSED: cancelled. */
NODISCARD enum status past_load(struct past *p,
                                const struct sql_catalog *catalog,
                                const struct sql_statement *statement);

/* The catalog as of the height. */
NODISCARD enum status past_catalog(const struct past_config *config, struct sql_catalog **out);

#endif
