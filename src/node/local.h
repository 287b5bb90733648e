/* local.h - The backend of this very node: what the doors of its process talk to.
 *
 * Lives on the doors' loop. Parses and binds statements against the newest catalog, sends reads to
 * the read pool, makes one signed transaction of each query string that writes (with the key that
 * custody holds for the session's account), and answers when its result is certified. */
#ifndef TRUSTSQL_NODE_LOCAL_H
#define TRUSTSQL_NODE_LOCAL_H

#include "custody/custody.h"
#include "node/backend.h"
#include "node/invitations.h"
#include "node/readers.h"
#include "node/replica.h"
#include "os/loop.h"

#define LOCAL_SESSIONS_MAX 4096u
#define LOCAL_CALLS_MAX    1024u /* Queued on one session. */

struct local;

struct local_config {
    struct os *os;
    struct mem *mem;
    struct loop *loop; /* The doors'. */
    struct custody *custody;
    struct exec *exec;
    struct store *store;
    struct keyed *keyed;
    struct replica *replica;
    struct hash chain_id;
    struct public_key node_key; /* Of this node: tokens name it. */
    const struct signer *signer;
    struct settings_choice session; /* What a session begins with. */
    struct invitations invitations; /* This node's. */
    struct queue *outbox;           /* Drained by local_drain. */
};

NODISCARD enum status local_new(struct local **out, const struct local_config *config);
void local_free(struct local *l); /* All sessions closed. Null allowed. */

/* The part that needs the outbox, made after it. */
void local_attach(struct local *l, struct readers *readers);

struct backend *local_backend(struct local *l);

/* Tokens name this key from now on. On the doors' loop. */
void local_set_node_key(struct local *l, const struct public_key *key);

/* Deliver what waits on the outbox to sessions. On the doors' loop. */
void local_drain(struct local *l);

/* Nothing of any session is under way any more. */
bool local_is_idle(const struct local *l);

#endif
