/* keys.h - The keys of a node: node.key, and beside it the next and the former one.
 *
 * An operator who wants another key puts it beside the old one as next.key, also while the node
 * runs, and has its card voted for (CALL trustsql.rotate_key). From the epoch on that names it the
 * node signs with it, and its door shows it. At the next start after that node.key becomes
 * former.key, and next.key becomes node.key. While a replica runs the keys belong to its thread. */
#ifndef TRUSTSQL_NODE_KEYS_H
#define TRUSTSQL_NODE_KEYS_H

#include "crypto/sign.h"
#include "ledger/config.h"
#include "os/os.h"

#define NODE_KEYS_MAX 3u

struct node_keys {
    uint32_t count; /* The first is node.key. */
    struct secret_key secrets[NODE_KEYS_MAX];
    struct public_key publics[NODE_KEYS_MAX];
};

/* ST_NOT_FOUND, ST_CORRUPT, ST_IO: node.key, or a file beside it that is no key. */
NODISCARD enum status node_keys_read(struct node_keys *out,
                                     struct os *os,
                                     const char *dir,
                                     const struct signer *signer);
void node_keys_wipe(struct node_keys *k);

/* While the node runs: next.key as it is now, one that was put there or exchanged since. Not there
 * or no key: what is known stays. */
void node_keys_look_again(struct node_keys *k,
                          struct os *os,
                          const char *dir,
                          const struct signer *signer);

/* Index of the key that config names; count: none of them. */
uint32_t node_keys_find(const struct node_keys *k, const struct chain_config *config);
/* False: it is none of them. */
bool node_keys_secret(const struct node_keys *k,
                      const struct public_key *key,
                      struct secret_key *out);

/* The node goes by next.key in config: node.key becomes former.key, next.key node.key. ST_OK too
 * when there is nothing to do; after ST_IO the keys are as before. */
NODISCARD enum status node_keys_settle(struct node_keys *k,
                                       struct os *os,
                                       const char *dir,
                                       const struct chain_config *config);

#endif
