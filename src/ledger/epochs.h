/* epochs.h - From the genesis to the validators of a later epoch: a chain of closing blocks.
 *
 * Each link is the last block of an epoch: its header, which names the next configuration by hash,
 * the certificate that commits it, and that configuration. Whoever holds the genesis verifies link
 * after link and then knows the validators of the epoch behind the last one. Proofs, evidence files
 * and clients carry it. Format: docs/format/proof.md. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_EPOCHS_H
#define TRUSTSQL_LEDGER_EPOCHS_H

#include "ledger/block.h"
#include "ledger/config.h"

#define EPOCH_LINKS_MAX 1024u
#define EPOCH_BYTES_MAX (16u << 20)

struct epoch_link {
    struct span header;      /* Encoded. */
    struct certificate cert; /* Commits exactly this block. */
    struct span config;      /* Encoded; of the next epoch. */
};

struct epoch_chain { /* links[i] closes epoch i. */
    uint32_t count;
    struct epoch_link *links;
};

void epoch_link_encode(struct buf *out, const struct epoch_link *l);
/* The first count links of those encoded one after the other in links. */
void epoch_chain_encode(struct buf *out, uint32_t count, struct span links);

/* Borrows bytes; the array is in a. ST_INVALID, ST_TRUNCATED, ST_LIMIT, ST_NO_MEMORY. */
NODISCARD enum status epoch_chain_decode(struct epoch_chain *out,
                                         struct arena *a,
                                         struct span bytes);

struct epoch_trust {
    const struct validators *validators; /* Of epoch 0. */
    const struct hash *chain_id;
    const struct signer *signer;
};

struct epoch_end {
    uint64_t epoch;          /* Behind the last link. */
    uint64_t base;           /* Height of the last link's block. */
    struct hash config_hash; /* Zero: there is no link. */
    struct validators validators;
    struct chain_config *config; /* In the arena; null: there is no link. */
};

/* Check every link. ST_OK; ST_REJECTED, ST_INVALID or ST_SIGNATURE with *what naming the first
 * failure (static text); ST_NO_MEMORY. */
NODISCARD enum status epoch_chain_verify(const struct epoch_chain *c,
                                         const struct epoch_trust *trust,
                                         struct arena *a,
                                         struct epoch_end *out,
                                         const char **what);

/* What is handed to somebody with nothing but the genesis: a value of a later epoch beside the
 * chain that leads there. chain empty: the value alone, which is no array of two. */
void epoch_case_encode(struct buf *out, struct span value, struct span chain);
/* Borrow bytes. ST_INVALID, ST_TRUNCATED. */
NODISCARD enum status epoch_case_decode(struct span *value, struct span *chain, struct span bytes);

#endif
