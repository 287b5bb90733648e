/* vote.h - The three-part vote, and the certificates cut out of votes.
 *
 * consensus.md 1.2; format: docs/format/certificate.md. One signature covers three independent
 * statements: P1 "first-phase vote", P2 "lock", P3 "execution result". Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_VOTE_H
#define TRUSTSQL_LEDGER_VOTE_H

#include "base/buf.h"
#include "codec/cbor.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define NODES_MAX 31u

enum vote_part { VOTE_P1 = 0, VOTE_P2 = 1, VOTE_P3 = 2, VOTE_PARTS = 3 };

struct statement { /* P1, P2: view is used; P3: view is 0 and hash is D_height. */
    bool is_null;
    uint64_t epoch;
    uint64_t view;
    uint64_t height;
    struct hash hash;
};

struct vote {
    struct statement parts[VOTE_PARTS];
    uint32_t voter;       /* Index in the epoch's member list. */
    struct signature sig; /* By the node's Ed25519 key over vote_hash. */
};

struct hash statement_hash(const struct statement *s, enum vote_part part);
bool statement_equal(const struct statement *a, const struct statement *b, enum vote_part part);
struct hash vote_hash(const struct vote *v, const struct hash *chain_id);
/* The same in two steps, for who needs the hashes of the parts again: to cut entries. */
void vote_part_hashes(const struct vote *v, struct hash parts[VOTE_PARTS]);
struct hash vote_hash_of_parts(const struct hash parts[VOTE_PARTS], const struct hash *chain_id);
void vote_encode(struct buf *out, const struct vote *v);
void vote_decode(struct vote *v, struct cbor *in); /* Failure sticks in the reader. */

struct certificate_entry {
    uint32_t voter;
    struct hash siblings[2]; /* Hashes of the two parts not shown, in order of parts. */
    struct signature sig;
};

/* entry_count distinct voters' signatures on one and the same statement. */
struct certificate {
    enum vote_part part;
    struct statement statement;
    uint32_t entry_count;
    struct certificate_entry entries[NODES_MAX]; /* Ascending by voter. */
};

/* Cut the entry for part out of a vote. */
struct certificate_entry certificate_cut(const struct vote *v, enum vote_part part);
/* parts: of vote_part_hashes. */
struct certificate_entry certificate_cut_of(const struct vote *v,
                                            enum vote_part part,
                                            const struct hash parts[VOTE_PARTS]);
void certificate_encode(struct buf *out, const struct certificate *c);
void certificate_decode(struct certificate *c, struct cbor *in);
struct hash certificate_hash(const struct certificate *c); /* H("cert" ‖ encoding). */

/* The voters of an epoch: quorum.h. */
struct validators;

/* ST_OK when at least quorum distinct validators, and nobody else, signed the statement.
 * ST_INVALID, ST_SIGNATURE: one bad entry spoils the certificate. */
NODISCARD enum status certificate_verify(const struct certificate *c,
                                         const struct signer *signer,
                                         const struct hash *chain_id,
                                         const struct validators *v,
                                         uint32_t quorum);

#endif
