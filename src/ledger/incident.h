/* incident.h - What a node says of its own damage: stored bytes were not what they must be.
 *
 * Signed by the node's key, told to the others, put on the chain in the notes of a block and shown
 * by trustsql.incidents. It is a node's word about itself: it convicts nobody and decides nothing.
 * Format: docs/format/incident.md. A decoded incident borrows its place from the bytes. Pure;
 * thread-safe. */
#ifndef TRUSTSQL_LEDGER_INCIDENT_H
#define TRUSTSQL_LEDGER_INCIDENT_H

#include "base/buf.h"
#include "codec/cbor.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define INCIDENT_PLACE_MAX 300u
#define INCIDENT_SIZE_MAX  1024u /* Bytes of an encoded incident. */

/* What was damaged. Codes are stable: they are on the chain. */
enum incident_kind {
    INCIDENT_STATE = 1, /* The state database: a page, the file, a row. */
    INCIDENT_BLOCK,     /* A segment of blocks. */
    INCIDENT_INDEX,     /* What is made from blocks: an index. */
    INCIDENT_RESULT,    /* Stored results. */
    INCIDENT_JOURNAL,   /* The journal of promises: cut, lost, rolled back. */
    INCIDENT_HELD,      /* A body that was voted for. */
    INCIDENT_ROW        /* A row against the row tree. */
};
#define INCIDENT_KINDS 7u

/* A later word on the same incident has a higher state. */
enum incident_state {
    INCIDENT_FOUND,    /* Not used any more, not put right yet. */
    INCIDENT_REPAIRED, /* Proved to be right again. */
    INCIDENT_LOST      /* It cannot be put right: this node does without. */
};
#define INCIDENT_STATES 3u

struct incident {
    struct hash chain_id;
    struct public_key node;
    enum incident_kind kind;
    enum incident_state state;
    struct span place;    /* File and place in it, for people: name_is_formed. */
    uint64_t height;      /* It concerns; 0: none. */
    struct hash old_hash; /* What it had to be; zero: unknown. */
    struct hash new_hash; /* What was found; zero: nothing was there. */
    uint64_t time_ms;     /* When it was found, by the node's clock. */
    struct signature sig;
};

/* "state", "block", …; null: there is no such kind or state. */
const char *incident_kind_text(enum incident_kind kind);
const char *incident_state_text(enum incident_state state);

/* What the node signs. */
struct hash incident_hash(const struct incident *i);

void incident_encode(struct buf *out, const struct incident *i);
NODISCARD enum status incident_decode(struct incident *i, struct span bytes);

/* ST_OK: of this chain, and signed by the key it names. ST_WRONG_CHAIN, ST_SIGNATURE, ST_INVALID.
 */
NODISCARD enum status incident_verify(const struct incident *i,
                                      const struct signer *signer,
                                      const struct hash *chain_id);

/* Both speak of the same find. */
bool incident_is_same(const struct incident *a, const struct incident *b);

#endif
