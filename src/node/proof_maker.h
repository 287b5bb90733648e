/* proof_maker.h - Proofs from what stands in the store, long after the answer was given.
 *
 * The certificates of a block stand in bodies of later ones. The nearest of each kind is taken: the
 * first later body whose commit certificate is of the block or one after it, and the first whose
 * execution certificate is; of the newest blocks, those the node itself knows. One thread per
 * maker; reads the disk. */
#ifndef TRUSTSQL_NODE_PROOF_MAKER_H
#define TRUSTSQL_NODE_PROOF_MAKER_H

#include <stdatomic.h>

#include "ledger/proof.h"
#include "node/chain_tables.h"

struct proof_maker {
    const struct chain_tables_source *source;
    struct arena arena; /* All that a proof borrows. */
    struct buf bytes;   /* Scratch. */
    struct exec_record record;
    struct proof proof; /* What is being made; the genesis stands in it. */
};

/* Null: no memory. source outlives the maker. */
struct proof_maker *proof_maker_new(const struct chain_tables_source *source);
void proof_maker_free(struct proof_maker *m); /* Null allowed. */

/* m->record: the result of a stored block, in the arena. */
NODISCARD enum status proof_maker_read(struct proof_maker *m, uint64_t height);

/* Fill the block part for a stored block; m->record is of it afterwards. ST_NOT_FOUND: later blocks
 * do not show its certificates (yet). */
NODISCARD enum status proof_maker_block(struct proof_maker *m,
                                        uint64_t height,
                                        struct proof_block *out);

/* The body of a stored block; what it borrows stands in m->bytes. */
NODISCARD enum status proof_maker_body(struct proof_maker *m, uint64_t height, struct body *out);

/* Levels of the tree over leaves[count], in the arena; null: no memory. */
struct hash *proof_maker_levels(struct proof_maker *m, const struct hash *leaves, size_t count);

/* --- proofs, appended to out. ST_NOT_FOUND: it cannot be proved (yet) ------------------------- */

struct proof_shown { /* A parameter of a transaction that is to be shown. */
    uint32_t op;
    uint32_t param;
};

struct proof_tx_request {
    uint64_t height;
    uint32_t index;
    bool has_genesis; /* The file is to verify by the hash of the genesis alone. */
    bool shows;       /* The transaction too, with these values and no other. */
    const struct proof_shown *shown;
    uint32_t shown_count;
};

/* ST_INVALID: there is no such parameter. */
NODISCARD enum status proof_make_tx(const struct chain_tables_source *source,
                                    const struct proof_tx_request *request,
                                    struct buf *out);

struct proof_row_request {
    sqlite3 *connection; /* At the height of the reading. */
    const struct catalog_table *table;
    struct span key;  /* As in the write set. */
    uint64_t height;  /* At which it is asked for. */
    uint32_t look_at; /* Blocks at most, downwards, for the one that changed the row last. */
    const atomic_bool *is_cancelled; /* Null: never. */
};

/* The version of a row that stands after a height: of the newest block up to it that changed it. */
NODISCARD enum status proof_make_row_version(const struct chain_tables_source *source,
                                             const struct proof_row_request *request,
                                             struct buf *out);

/* Whether one of these blocks changed the row: ST_OK or ST_NOT_FOUND; and the entry of the newest
 * that did, appended to out. */
NODISCARD enum status proof_find_row(const struct chain_tables_source *source,
                                     const struct proof_row_request *request);
NODISCARD enum status proof_find_entry(const struct chain_tables_source *source,
                                       const struct proof_row_request *request,
                                       struct buf *out);

/* The row as it stands after a height, or that there is none: its version when it changed since the
 * newest checkpoint that can be proved, else the row or its absence at that checkpoint. */
NODISCARD enum status proof_make_row(const struct chain_tables_source *source,
                                     const struct proof_row_request *request,
                                     struct buf *out);

struct proof_no_tx_request {
    sqlite3 *connection;
    struct hash txid;
    uint64_t from; /* The proof covers at least these heights. */
    uint64_t to;
    uint32_t interval_max;           /* At most PROOF_INTERVALS_MAX. */
    const atomic_bool *is_cancelled; /* Null: never. */
};

/* ST_EXISTS: the transaction is there. ST_LIMIT: more checkpoints than interval_max. */
NODISCARD enum status proof_make_no_tx(const struct chain_tables_source *source,
                                       const struct proof_no_tx_request *request,
                                       struct buf *out);

#endif
