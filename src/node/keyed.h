/* keyed.h - What this node knows of transactions under idempotency keys that may still come into a
 * block: for trustsql.tx_status.
 *
 * A transaction is noted before it can leave this node, and forgotten when there is no room: then,
 * as after a restart, nothing is certain until the time up to which the forgotten ones are valid.
 * For those that this node signs itself that time stands in a file (DIR/keyed) before the first of
 * them is signed. Any thread. */
#ifndef TRUSTSQL_NODE_KEYED_H
#define TRUSTSQL_NODE_KEYED_H

#include "crypto/account_id.h"
#include "crypto/hash.h"
#include "os/os.h"

#define KEYED_MAX        65536u
#define KEYED_VALID_MS   UINT64_C(60000) /* Of one that this node signs. */
#define KEYED_PROMISE_MS UINT64_C(60000) /* So seldom the file is written. */

struct keyed;

NODISCARD enum status keyed_open(struct keyed **out,
                                 struct os *os,
                                 struct mem *mem,
                                 const char *dir);
void keyed_free(struct keyed *k); /* Null allowed. */

struct hash keyed_name(const struct account_id *account, struct span key);

struct keyed_tx {
    struct hash txid; /* Zero: somebody asked; one may have been signed before. */
    uint64_t until_ms;
    uint64_t until_height;
};

/* This node is going to sign transactions valid until until_ms. One thread. */
NODISCARD enum status keyed_promise(struct keyed *k, uint64_t until_ms);
/* Known already: nothing changes. */
void keyed_note(struct keyed *k, const struct hash *name, const struct keyed_tx *tx);

/* Those of a name, the newest first, up to max; how many there are in out. */
uint32_t keyed_find(struct keyed *k, const struct hash *name, struct keyed_tx *out, uint32_t max);
/* Until then (block time) one may come that is not among them. own: this node alone signs for the
 * account. */
uint64_t keyed_floor(struct keyed *k, bool is_own);

#endif
