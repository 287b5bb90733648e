/* invitation.h - What a node hands to a new organisation so that its node can come: once, for a
 * while.
 *
 * `trustsql invite` makes it, `trustsql join` uses it. Whoever has the secret may show one card to
 * the inviting node; what the chain does with the card is for its administrators. Format:
 * docs/format/invitation.md. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_INVITATION_H
#define TRUSTSQL_LEDGER_INVITATION_H

#include "base/buf.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define INVITATION_SECRET_SIZE 16u
#define INVITATION_ADDRESS_MAX 127u
#define INVITATION_TEXT_MAX    512u /* Characters. */

struct invitation {
    struct hash chain_id;
    struct public_key inviter;                /* Node key, Ed25519: whom the new node dials. */
    char address[INVITATION_ADDRESS_MAX + 1]; /* "host:port" of the inviter. */
    uint64_t expires_ms;
    uint8_t secret[INVITATION_SECRET_SIZE];
};

/* What the inviter keeps: H("invitation" ‖ secret). */
struct hash invitation_hash(struct span secret);

/* As text: the encoding and its checksum in hexadecimal digits. */
NODISCARD enum status invitation_print(struct buf *out, const struct invitation *i);
/* ST_INVALID, ST_TRUNCATED, ST_LIMIT. */
NODISCARD enum status invitation_parse(struct invitation *out, struct span text);

#endif
