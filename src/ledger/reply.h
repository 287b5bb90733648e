/* reply.h - What a node says of one transaction, signed by the node's key.
 *
 * Format: docs/format/reply.md. A reply is a hint for the client and a promise of the node: two
 * replies of one node that cannot both be true, or one that a receipt proof refutes, convict it
 * (evidence E10). A node signs a reply only for a height whose result a quorum has certified with
 * the digest that it found itself, so an honest one never contradicts itself. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_REPLY_H
#define TRUSTSQL_LEDGER_REPLY_H

#include "base/buf.h"
#include "codec/cbor.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define REPLY_SIZE_MAX 256u /* Bytes of an encoded reply. */

struct reply {
    struct hash chain_id;
    uint64_t epoch;
    uint32_t node; /* Index among the nodes of the epoch's configuration. */
    struct hash txid;
    uint64_t height;
    uint32_t index;      /* In the block. */
    struct hash receipt; /* receipt_leaf of the encoded receipt. */
    struct hash digest;  /* D_height. */
    struct signature sig;
};

/* What the node signs. */
struct hash reply_hash(const struct reply *r);

void reply_encode(struct buf *out, const struct reply *r);
void reply_read(struct reply *r, struct cbor *in); /* Failure sticks in the reader. */
NODISCARD enum status reply_decode(struct reply *r, struct span bytes);

/* ST_OK: signed with key. ST_SIGNATURE, ST_INVALID (a malformed key). */
NODISCARD enum status reply_verify(const struct reply *r,
                                   const struct signer *signer,
                                   const struct public_key *key);

/* One of them is false: the same transaction at another place or with another receipt, or another
 * result of the same height, or another transaction at the same place. */
bool reply_contradicts(const struct reply *a, const struct reply *b);

#endif
