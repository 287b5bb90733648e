/* exec_int.h - What the files of this folder share.
 *
 * Invariants
 * E1  The pre-update hook is set before any statement is prepared on the writer.
 * E2  height, digest, history and published change only after db_commit has returned ST_OK.
 * E3  catalog is what the writer sees; capture knows exactly its tables that are not virtual.
 * E4  A cached statement was compiled against catalog and the present exec_version; a change of
 *     either empties the cache.
 * E5  Nothing in a receipt depends on what a cache held, on memory, time or the machine: a failure
 *     that such things cause is a status and stops the node.
 * E6  epoch is what the rows of height say of the present epoch and of the pending one; mode is the
 *     state after the step of height. */
#ifndef TRUSTSQL_EXEC_EXEC_INT_H
#define TRUSTSQL_EXEC_EXEC_INT_H

#include "crypto/merkle.h"
#include "exec/exec.h"
#include "exec/module.h"
#include "exec/modules/system/chain.h"
#include "exec/statements.h"
#include "ledger/checkpoint.h"
#include "ledger/mode.h"
#include "os/thread.h"
#include "rows/rows.h"
#include "state/capture.h"

#define EXEC_EPOCH_2000_MS  UINT64_C(946684800000) /* PostgreSQL's epoch in Unix time. */
#define EXEC_FUEL_STEP      1000u                  /* SQLite steps between two looks at the fuel. */
#define EXEC_BLOCK_FUEL_TXS 16u        /* Transactions with full fuel that fit into one block. */
#define EXEC_BLOCK_FUEL_MIN (1u << 26) /* About a thousand steps for each of a full block. */
#define EXEC_ROWS_MAX       (1u << 20) /* Rows one operation returns. */
#define EXEC_ROWS_BYTES_MAX (16u << 20)
/* How far a now() that a transaction fixed may be ahead of the block's time: clocks of nodes
 * differ.
 */
#define EXEC_NOW_AHEAD_MS_MAX UINT64_C(10000)
#define EXEC_NOW_AGE_MS_MAX                                                                        \
    ((uint64_t)10u * 60u * 1000u) /* Oldest now() a transaction may fix.                           \
                                   */

enum savepoint { SAVEPOINT_SET, SAVEPOINT_RELEASE, SAVEPOINT_ROLLBACK, SAVEPOINT_COUNT };

/* The present epoch, and the one that is decided; exchanged as a whole. */
struct epoch {
    struct mem *mem;
    struct arena arena; /* Has what follows. */
    struct chain_config config;
    struct chain_epoch now;
    struct chain_epoch next; /* config.size 0: none is pending. */
    struct hash next_hash;   /* Of its configuration; zero: none. */
};

struct open_checkpoint { /* Its hash is due in the result of height + CHECKPOINT_LAG. */
    uint64_t height;
    uint64_t before;
    uint64_t time_ms;
};

/* Which blocks were checkpoints, as far as later blocks need to know; part of the note. */
struct checkpoints {
    uint64_t last;    /* Height of the newest, else that below the first block that could be one. */
    uint64_t last_ms; /* Its time, else that of the first block that could be one. */
    bool has_begun;   /* A block of CHECKPOINT_EXEC_VERSION was applied. */
    bool has_changed; /* Transactions changed rows since the newest. */
    uint32_t open_count;
    struct open_checkpoint open[CHECKPOINT_LAG]; /* Ascending. */
};

#define KEYS_NAMED_MAX 256u

enum keys_mode { KEYS_AS_DECLARED, KEYS_DEFERRED, KEYS_IMMEDIATE }; /* SET CONSTRAINTS ALL */

struct key_mode { /* SET CONSTRAINTS name */
    uint64_t id;
    bool is_deferred;
};

struct keys {            /* keys.c */
    struct buf notes;    /* Of the statement that runs. */
    struct buf taken;    /* Those that are looked at now. */
    struct buf deferred; /* For the end of the transaction. */
    enum keys_mode mode;
    uint32_t named_count;
    struct key_mode named[KEYS_NAMED_MAX];
};

struct exec {
    struct mem *mem;
    struct db *db;
    sqlite3 *writer; /* Of db. */
    struct capture *capture;
    struct signer *signer;
    struct accounts *accounts;
    struct statements *statements;
    sqlite3_stmt *savepoints[SAVEPOINT_COUNT];
    struct sql_catalog *catalog; /* E3 */

    struct mutex *lock;            /* Over the next two alone. */
    struct sql_catalog *published; /* Catalog of height. */
    struct exec_terms terms;       /* Of the block after height. */

    struct hash chain_id;
    uint64_t height; /* E2, as the next. */
    struct hash digest;
    struct epoch *epoch;            /* E6 */
    struct mode_state mode;         /* E6 */
    struct merkle_tree history;     /* Hashes of blocks 1…height; E2. */
    struct checkpoints checkpoints; /* E2 */
    struct rows *row_tree;          /* Null: none attached. Fed up to height. */
    struct buf write_set;           /* Of the newest block, or of the genesis just made. */
    bool has_genesis_rows;          /* write_set is that of height 0. */

    struct keys keys;
    struct sql_context context; /* What functions see. */
    struct diag function_diag;
    bool is_metered;       /* A user's statement runs: steps cost fuel. */
    bool is_epoch_touched; /* Rows of epochs may have changed in this block. */

    struct arena arena; /* Reset for each transaction. */
    struct buf rows;    /* Result rows of the running operation. */
    struct buf bytes;   /* A receipt, a note. */
};

/* One transaction while it is applied. */
struct job {
    struct exec *exec;
    const struct exec_block *block;
    const struct tx *tx;
    uint32_t index;
    struct arena *out;      /* Null, or where rows for a waiting door go. */
    struct account account; /* id 0: unknown. */
    struct diag diag;       /* Why it is rejected. */
    uint32_t op;            /* The operation that runs. */
    struct op_result *ops;  /* tx->op_count. */
    struct exec_rows *rows; /* tx->op_count, when out is set. */
    struct span events;
    bool is_short;              /* The block had less fuel left than a transaction may use. */
    char notice[DIAG_TEXT_MAX]; /* Of the operation that runs. */
    bool wants_checkpoint;      /* CALL trustsql.checkpoint(). */
    const uint64_t *signers;    /* Row ids; null: the account alone. */
    uint32_t signer_count;
    bool is_inner;      /* It waited, and an approval runs it. */
    bool is_waiting;    /* It needs more signatures (approval.c). */
    uint32_t missing;   /* So many. */
    uint32_t hours;     /* How long it may wait. */
    bool is_block_lost; /* SQLite rolled back the block: begin again without this transaction. */
};

/* transaction.c: check and run; ST_REJECTED: the transaction fails with job->diag. The caller owns
 * the savepoint. */
NODISCARD enum status transaction_run(struct job *j);

/* operation.c: one operation, into j->ops[j->op] and j->rows[j->op]. */
NODISCARD enum status operation_run(struct job *j, const struct tx_op *op);

/* The same up to where rows come: compiled, allowed, its values bound; who opens steps and resets
 * out->stmt. A SELECT. */
NODISCARD enum status operation_open(struct job *j, const struct tx_op *op, struct prepared **out);

/* operation.c, for keys.c: a step of a user's statement, its fuel, what its failure means; a step
 * of DDL; and what is looked at when it has run. */
int operation_step(struct job *j, sqlite3_stmt *s);
void operation_charge(struct job *j, uint64_t fuel);
NODISCARD enum status operation_failed(struct job *j, int code);
NODISCARD enum status operation_run_step(struct job *j, const char *text);
NODISCARD enum status operation_check(struct job *j);

/* keys.c: foreign keys. Between init and fini e->context points into e->keys. */
void keys_init(struct exec *e);
void keys_fini(struct exec *e);
void keys_begin(struct exec *e); /* A transaction. */
/* A statement has ended; the transaction has. */
NODISCARD enum status keys_settle(struct job *j);
NODISCARD enum status keys_settle_deferred(struct job *j);
/* Steps of DDL. */
NODISCARD enum status keys_check(struct job *j, uint64_t table, uint64_t id);
NODISCARD enum status keys_make_triggers(struct job *j, uint64_t table);
/* 55006: DDL on tables of which deferred notes speak. */
NODISCARD enum status keys_check_pending(struct job *j, const struct sql_statement *s);
/* SET CONSTRAINTS: id 0 is ALL; then what waited is looked at again. */
NODISCARD enum status keys_set_mode(struct job *j, uint64_t id, bool is_deferred);
NODISCARD enum status keys_recheck(struct job *j);

/* expect.c: the operation that says what all before it gave (docs/format/transaction.md). */
bool expect_is_operation(const struct tx_op *op, uint32_t exec_version);
bool expect_is_made(const struct job *j); /* The transaction has one. */
NODISCARD enum status expect_check(struct job *j, const struct tx_op *op);
/* An operation failed that had succeeded for the client: job->diag says so. */
void expect_explain(struct job *j);

/* approval.c: what a statement changes may need signatures: j->is_waiting. */
NODISCARD enum status approval_check_access(struct job *j, const struct sql_statement *s);
/* rule: of the table, as its property says; size 0: none. */
NODISCARD enum status approval_check(struct job *j, uint64_t table, struct span rule);
/* All it did was taken back: now it waits. */
NODISCARD enum status approval_wait(struct job *j);
/* CALL trustsql.approve(txid). */
NODISCARD enum status approval_run(struct job *j, const struct hash *txid);

/* transaction.c: the row of its idempotency key, if it has one. */
NODISCARD enum status transaction_add_key(struct job *j);

/* ST_REJECTED with diag saying that a limit was reached (54000). what: static text. */
NODISCARD enum status job_limit(struct job *j, const char *what);

/* The same, of fuel. */
NODISCARD enum status job_fuel_limit(struct job *j);

/* procedure.c: CALL. */
NODISCARD enum status procedure_run(struct job *j,
                                    const struct tx_op *op,
                                    const struct sql_statement *s);

struct apply;

/* epoch.c */
/* What the rows say that the writer sees. */
NODISCARD enum status epoch_load(struct epoch **out, struct exec *e);
void epoch_free(struct epoch *epoch); /* Null allowed. */

/* Height 0: epoch 0 and the first row of the mode's history. */
NODISCARD enum status epoch_genesis(struct exec *e, const struct genesis *genesis);

/* The end of a block: the step of the mode, convictions, the next epoch. a->epoch is the new one.
 */
NODISCARD enum status epoch_finish(struct apply *a);

/* The mode's state at a restart. */
NODISCARD enum status epoch_mode_read(struct exec *e);

/* schema.c */
/* Make catalog (taken over, also on failure) the one of the writer. */
NODISCARD enum status schema_take(struct exec *e, struct sql_catalog *catalog);
NODISCARD enum status schema_reload(struct exec *e);
/* The same between the steps of one statement of DDL, whose own text must stay: cached statements
 * are not used before schema_reload ends it. */
NODISCARD enum status schema_renew(struct exec *e);
void schema_publish(struct exec *e);

/* What comes with the versions from … to: tables, then, when capture knows them, their rows. */
enum schema_part { SCHEMA_TABLES, SCHEMA_ROWS };
NODISCARD enum status schema_make(struct exec *e,
                                  uint32_t from,
                                  uint32_t to,
                                  enum schema_part part);

/* checkpoints.c */
/* Before the write set ends: the hash of the checkpoint whose turn it is, and its row. */
NODISCARD enum status checkpoints_settle(struct apply *a);
/* After it: is this block one? */
void checkpoints_decide(struct apply *a, bool has_changed);
/* After the commit: the tree of rows learns of the block. */
NODISCARD enum status checkpoints_feed(struct apply *a);

/* genesis.c: make height 0. genesis: decoded from the bytes that chain_id names. */
NODISCARD enum status genesis_apply(struct exec *e, const struct genesis *genesis);

/* note.c: height's digest and history, in the block's commit. */
struct note {
    struct hash digest;
    struct merkle_tree history;
    struct checkpoints checkpoints;
};
NODISCARD enum status note_write(struct exec *e, const struct note *note);
NODISCARD enum status note_read(struct exec *e);

/* record.c */
void exec_record_encode(struct buf *out,
                        const struct exec_outcome *o,
                        const struct exec_rows_changed *rows);

#endif
