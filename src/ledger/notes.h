/* notes.h - What nodes signed and a body shows beside its certificates.
 *
 * Late votes are parts of votes that the certificates of earlier bodies left out: they show who was
 * there, which the mode of the chain follows. Evidence convicts. Incidents tell of damage that a
 * node found in its own files. Format: docs/format/block.md. Decoded evidence and incidents borrow
 * the encoded bytes. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_NOTES_H
#define TRUSTSQL_LEDGER_NOTES_H

#include "base/mem.h"
#include "ledger/incident.h"
#include "ledger/vote.h"

#define LATE_VOTES_MAX           (2u * NODES_MAX)
#define BLOCK_EVIDENCE_MAX       2u
#define BLOCK_EVIDENCE_BYTES_MAX (64u << 10)
#define BLOCK_INCIDENTS_MAX      8u

struct late_vote {
    enum vote_part part;
    struct statement statement; /* Not null. */
    struct certificate_entry entry;
};

/* Strictly ascending by part, height, voter. */
struct body_notes {
    uint32_t late_count;
    struct late_vote late[LATE_VOTES_MAX];
    uint32_t evidence_count;
    struct span evidence[BLOCK_EVIDENCE_MAX]; /* Encoded: docs/format/evidence.md. */
    uint32_t incident_count;
    struct span incidents[BLOCK_INCIDENTS_MAX]; /* Encoded: docs/format/incident.md. */
};

/* None at all: such notes have no encoding and no hash. Null counts as empty. */
bool notes_are_empty(const struct body_notes *n);

/* One item: null when there are none. */
void notes_encode(struct buf *out, const struct body_notes *n);
void notes_decode(struct body_notes *n, struct cbor *in);

/* What header.notes_hash names: H("notes" ‖ encoding), zero when there are none. */
struct hash notes_hash(const struct body_notes *n);

/* One piece of memory with its evidence and incidents, to be freed by mem_free; null of what is
 * empty. ST_NO_MEMORY. */
NODISCARD enum status notes_copy(struct body_notes **out,
                                 struct mem *mem,
                                 const struct body_notes *n);

/* Negative, 0, positive: the order of late votes in notes. */
int late_vote_compare(const struct late_vote *a, const struct late_vote *b);

/* ST_OK: the validator it names signed it. ST_INVALID, ST_SIGNATURE. */
NODISCARD enum status late_vote_verify(const struct late_vote *late,
                                       const struct signer *signer,
                                       const struct hash *chain_id,
                                       const struct validators *v);

#endif
