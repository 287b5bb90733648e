/* node.h - One replica: opens what is in its directory, runs its threads, offers a backend to
 * doors.
 *
 * Directory (docs/format/directory.md): node.conf, genesis, node.key, custody, custody.key, lock,
 * journal, blocks/, results/, state/main.db. The caller's thread runs the doors' loop. */
#ifndef TRUSTSQL_NODE_NODE_H
#define TRUSTSQL_NODE_NODE_H

#include "ledger/genesis.h"
#include "node/backend.h"
#include "node/config.h"
#include "node/replica.h"
#include "os/loop.h"

#define NODE_WHAT_MAX 512u

struct node;

struct node_open {
    struct os *os;
    struct mem *mem;
    const char *dir;
    /* Recovery shows itself when it lasts; may be null. */
    void (*progress)(uint64_t height, uint64_t target);
    /* What the operator must hear of although the node opens or runs: repaired, or it does not
     * vote, misbehaviour of others, another mode. Any thread. May be null. */
    void (*warn)(const char *text);
    const struct release *release; /* Of this program, told to others; copied. May be null. */
};

/* what[NODE_WHAT_MAX]: why it failed and what to do. ST_LOCKED: another process has the directory;
 * ST_CORRUPT: stored data are damaged. */
NODISCARD enum status node_open(struct node **out, const struct node_open *open, char *what);
void node_close(struct node *n); /* After node_run. Null allowed. */

const struct node_config *node_settings(const struct node *n);
struct loop *node_loop(struct node *n); /* For doors. */
struct backend *node_backend(struct node *n);
void node_view(struct node *n, struct replica_view *out); /* Any thread. */

/* Another key of this node is in use, the replica has seen an epoch that names it: doors show it
 * from now on. Called on the doors' loop while node_run runs; key is wiped afterwards. */
void node_on_key(struct node *n,
                 void (*rekeyed)(void *context, const struct secret_key *key),
                 void *context);

/* Serve until node_stop or a failure. ST_OK after a stop: all is durable, the state is in its file.
 * Otherwise what[NODE_WHAT_MAX] says what happened. stopped (may be null) is called on the doors'
 * loop once clients must go: doors close there. */
NODISCARD enum status node_run(struct node *n,
                               void (*stopped)(void *context),
                               void *context,
                               char *what);

/* Ask node_run to end; any thread. */
void node_stop(struct node *n);

/* --- files of a node's directory ------------------------------------------------------------- */

#define NODE_GENESIS_SIZE_MAX (16u << 20)

/* The node's Ed25519 key from DIR/node.key. */
NODISCARD enum status node_key_read(struct os *os, const char *dir, struct secret_key *out);
/* The same of another file: next.key, former.key (node/keys.h). */
NODISCARD enum status node_key_read_file(struct os *os,
                                         const char *dir,
                                         const char *name,
                                         struct secret_key *out);
NODISCARD enum status node_key_write(struct os *os, const char *dir, const struct secret_key *key);
NODISCARD enum status node_genesis_read(struct os *os, const char *dir, struct buf *out);

#endif
