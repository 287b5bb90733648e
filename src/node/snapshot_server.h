/* snapshot_server.h - What a node gives to those that join: its history, and a snapshot.
 *
 *   loop ──question──▶ thread: blocks, results, pieces of files ──answer──▶ loop ──▶ peer
 *                      thread: makes a snapshot when one is asked for, one at a time
 *
 * One question of each kind is open for a peer; the last one counts. snapshot_server_on_message and
 * snapshot_server_tick belong to the loop's thread. Reading never delays the loop, and nothing here
 * needs the core. */
#ifndef TRUSTSQL_NODE_SNAPSHOT_SERVER_H
#define TRUSTSQL_NODE_SNAPSHOT_SERVER_H

#include "consensus/message.h"
#include "exec/exec.h"
#include "store/store.h"

#define SNAPSHOT_DIR          "snapshot"
#define SNAPSHOT_SERVER_PEERS 64u

struct snapshot_server;

struct snapshot_server_config {
    struct os *os;
    struct mem *mem;
    const char *dir; /* The node's. */
    struct hash chain_id;
    struct exec *exec;
    struct store *store;
    /* Loop's thread. ST_BUSY: again at the next tick. */
    enum status (*send)(void *context, uint32_t peer, struct span message);
    /* The newest certificates; entry_count 0: none. Loop's thread. */
    void (*certificates)(void *context, struct certificate *commit, struct certificate *result);
    void (*warn)(void *context, const char *text); /* Any thread. */
    void *context;
};

NODISCARD enum status snapshot_server_new(struct snapshot_server **out,
                                          const struct snapshot_server_config *config);
void snapshot_server_free(struct snapshot_server *s); /* Ends the threads. Null allowed. */

/* True: it was a question for this server. is_member: else it gets nothing. */
bool snapshot_server_on_message(struct snapshot_server *s,
                                uint32_t peer,
                                bool is_member,
                                struct span bytes);
void snapshot_server_tick(struct snapshot_server *s, uint64_t mono_ms);

#endif
