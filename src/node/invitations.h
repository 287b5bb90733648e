/* invitations.h - The invitations that a node has given out, as files of its directory.
 *
 * DIR/invitations/<hash of the secret>: until when, in whose name, used by which key. `trustsql
 * invite` makes them while the node runs; the node reads one when a guest shows its secret. Format:
 * docs/format/invitation.md. One thread at a time for a directory's use; files are replaced whole.
 */
#ifndef TRUSTSQL_NODE_INVITATIONS_H
#define TRUSTSQL_NODE_INVITATIONS_H

#include "crypto/sign.h"
#include "ledger/genesis.h"
#include "ledger/invitation.h"
#include "os/os.h"

#define INVITATIONS_MAX 1000u /* Files looked at. */

struct invitations { /* Where they are. */
    struct os *os;
    struct mem *mem;
    const char *dir; /* The node's. */
};

struct invitation_kept {
    uint64_t expires_ms;
    char account[GENESIS_NAME_MAX + 1]; /* In whose name the card is proposed. */
    bool is_used;
    struct public_key node_key; /* is_used: by whom. */
};

NODISCARD enum status invitations_put(const struct invitations *in,
                                      const struct hash *hash,
                                      const struct invitation_kept *kept);
/* ST_NOT_FOUND; ST_CORRUPT: it is none. */
NODISCARD enum status invitations_get(const struct invitations *in,
                                      const struct hash *hash,
                                      struct invitation_kept *out);

/* May this key come with this secret now? */
bool invitations_admit(const struct invitations *in,
                       struct span secret,
                       const struct public_key *key,
                       uint64_t now_ms);

/* Not used and not expired; *last_ms: when the last of them expires. */
uint32_t invitations_open(const struct invitations *in, uint64_t now_ms, uint64_t *last_ms);

#endif
