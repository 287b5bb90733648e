/* exec.h - The replicated state machine: apply one ordered block, give receipts and digests.
 *
 * Everything here gives the same bytes on every node. One thread calls exec_apply; readers use
 * connections of exec_db. Recovery = reopen, then apply the blocks above exec_height again. */
#ifndef TRUSTSQL_EXEC_EXEC_H
#define TRUSTSQL_EXEC_EXEC_H

#include "crypto/merkle.h"
#include "ledger/block.h"
#include "ledger/config.h"
#include "ledger/genesis.h"
#include "ledger/mode.h"
#include "ledger/receipt.h"
#include "os/os.h"
#include "sql/sql.h"
#include "state/db.h"

#define EXEC_VERSION_MIN 1u
#define EXEC_VERSION_MAX 4u

/* From this exec_version on the notes of blocks may have incidents. */
#define EXEC_INCIDENTS_SINCE 3u

struct exec;

struct exec_config {
    struct os *os;
    struct mem *mem;
    const char *path;    /* State database file. */
    struct span genesis; /* Encoded. */
    size_t cache_bytes;  /* Of the state's pages in memory; 0: 64 MB. */
};

/* Open the state; a new file gets the genesis rows as height 0. what[160]: why it failed. */
NODISCARD enum status exec_open(struct exec **out, const struct exec_config *config, char *what);
void exec_close(struct exec *e); /* Null allowed. */

/* Any thread: exec_db, exec_catalog. The thread that applies blocks: all else of a struct exec. */
struct db *exec_db(struct exec *e);
uint64_t exec_height(const struct exec *e);
struct hash exec_digest(const struct exec *e); /* D of exec_height; D_0 from genesis. */

/* History tree over the hashes of blocks 1…exec_height (leaf = merkle_leaf of the hash); kept in
 * the state's note beside height and digest, so that a restart need not read all blocks. */
void exec_history(const struct exec *e, struct merkle_tree *out);

/* Catalog of the newest height; a reference the caller returns with sql_catalog_unref. Any thread.
 */
struct sql_catalog *exec_catalog(struct exec *e);

/* What holds for a transaction of the block after exec_height. Any thread. */
struct exec_terms {
    uint32_t exec_version;
    uint64_t fuel_tx;
};
void exec_terms(struct exec *e, struct exec_terms *out);

/* The operation with which an interactive transaction ends: what the results of those before it
 * were (docs/format/transaction.md). */
#define EXEC_EXPECT       "expect"
#define EXEC_EXPECT_SINCE 4u

/* The epoch of the block after exec_height. */
struct exec_epoch {
    uint64_t epoch;
    uint64_t first_height;   /* 0: it has not begun. */
    struct span config;      /* Encoded: docs/format/config.md. */
    struct span next_config; /* Of the epoch that is decided; empty: none. */
    uint64_t next_from;      /* Height of the block that decided it. */
};

/* Borrowed until the next exec_apply, as what exec_mode gives. */
void exec_epoch(const struct exec *e, struct exec_epoch *out);
const struct mode_state *exec_mode(const struct exec *e);

/* Any connection: an epoch by its number, its bytes in a, next_config empty. ST_NOT_FOUND. */
NODISCARD enum status exec_config_of(sqlite3 *connection,
                                     struct arena *a,
                                     uint64_t epoch,
                                     struct exec_epoch *out);

/* The tree of all rows (rows/rows.h), which blocks from version 3 on need: brought to exec_height
 * from stored results, and fed by exec_apply from then on. ST_EXISTS: it is ahead of the state;
 * remove it and attach an empty one. config: that of exec_open; results: null when the state is
 * new.
 */
struct rows;
struct exec_results {
    enum status (*read)(void *context, uint64_t height, struct buf *out); /* A record. */
    void *context;
};
NODISCARD enum status exec_attach_rows(struct exec *e,
                                       struct rows *rows,
                                       const struct exec_config *config,
                                       const struct exec_results *results);
/* The height whose result will carry the last checkpoint that is decided; 0: none waits. An idle
 * chain makes empty blocks up to there. */
uint64_t exec_wanted_height(const struct exec *e);
struct rows *exec_row_tree(const struct exec *e); /* Null: none is attached. */

struct exec_block {
    const struct header *header;
    const struct mode_facts *facts; /* Null: nothing but what the header says. */
    struct hash hash;
    const struct span *incidents; /* Encoded, of its notes; checked. */
    uint32_t incident_count;
    const struct tx *txs;   /* Decoded, signatures verified. */
    const bool *wants_rows; /* Null, or per transaction: a door here waits for result rows. */
    uint32_t tx_count;
};

struct exec_rows { /* Rows of one operation, for the door that waits. */
    struct sql_column *columns;
    uint32_t column_count;
    struct span rows;        /* Rowset encoding. */
    uint64_t returned_count; /* Rows in rows. */
    uint64_t row_count;      /* For the command tag: rows changed, or returned by a SELECT. */
    const char *tag;
    bool tag_has_count;
    const char *notice; /* Null, or a notice for the client (struct sql_statement). */
};

struct exec_tx_outcome {
    struct span receipt; /* Encoded. */
    bool is_ok;
    struct diag diag;
    struct exec_rows *ops; /* When wanted and ok: one for each operation. */
    uint32_t op_count;
};

struct exec_outcome { /* Lives in arena until the caller resets it. */
    struct arena arena;
    struct block_result result;
    struct hash digest_before;
    struct hash digest; /* D_h. */
    struct exec_tx_outcome *txs;
    uint32_t tx_count;
    struct hash *receipt_leaves; /* For paths. */
    struct span record;          /* For store_append_result: docs/format/result.md. */
    struct span next_config;     /* Encoded: decided, waits for the next epoch; empty: none. */
    uint64_t wanted_height;      /* As exec_wanted_height. */
    struct span begun_config;    /* The block closed its epoch: the one that is present now. */
};

void exec_outcome_init(struct exec_outcome *o, struct mem *mem);
void exec_outcome_fini(struct exec_outcome *o);

/* Apply block exec_height + 1 and publish its height. A failing transaction leaves a receipt and no
 * other change. Any status but ST_OK stops the node (nothing was published). */
NODISCARD enum status exec_apply(struct exec *e,
                                 const struct exec_block *in,
                                 struct exec_outcome *out);

/* Account of a name or address at a reader's height. ST_NOT_FOUND. */
struct exec_account {
    uint64_t id;
    struct account_id address;
    struct public_key key;
    bool is_admin;
    char name[GENESIS_NAME_MAX + 1];
};
NODISCARD enum status exec_account_by_name(sqlite3 *connection,
                                           struct span name,
                                           struct exec_account *out);

NODISCARD enum status exec_account_by_address(sqlite3 *connection,
                                              const struct account_id *address,
                                              struct exec_account *out);

/* May it log in: is its role LOGIN? */
NODISCARD enum status exec_account_may_login(sqlite3 *connection, uint64_t id, bool *may);

/* May this account run the statement? 42501 in d. The rule of execution, also used before reading.
 */
NODISCARD enum status exec_check_access(const struct sql_catalog *catalog,
                                        const struct sql_statement *statement,
                                        const struct exec_account *account,
                                        struct diag *d);

/* Decode a stored result record: D_h and receipts (spans into record, arrays in a). */
struct exec_rows_changed {
    struct span write_set; /* Encoded: docs/format/writeset.md. */
    struct span gone;      /* The same of rows that ended, as they were before; empty: none. */
    /* EXEC_ORIGIN_SIZE bytes for each entry of both; empty: none, or not told (result.md). */
    struct span origins;
};
#define EXEC_ORIGIN_SIZE   4u
#define EXEC_ORIGIN_NOBODY 0x7FFFFFFFu /* No transaction: the chain itself. */

struct exec_record {
    struct block_result result;
    struct hash digest_before;
    struct hash digest;
    struct span *receipts;
    uint32_t receipt_count;
    struct exec_rows_changed rows;
};
NODISCARD enum status exec_record_decode(struct exec_record *out,
                                         struct arena *a,
                                         struct span record);
/* The same without gone and origins, which no digest binds: for who has it from others. */
void exec_record_strip(struct buf *out, const struct exec_record *r);

/* What the note of a state says (docs/format/result.md). ST_INVALID, ST_TRUNCATED: it is none. */
NODISCARD enum status exec_note_read(struct span note,
                                     struct hash *digest,
                                     struct merkle_tree *history);

#endif
