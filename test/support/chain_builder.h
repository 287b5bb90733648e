/* chain_builder.h - Makes a chain for tests: genesis, accounts, signed transactions, blocks.
 *
 *     struct chain_builder *b = chain_builder_new(NULL);
 *     chain_tx(b, 0, "CREATE TABLE t (id integer PRIMARY KEY)");
 *     struct tx *tx = chain_tx_begin(b, 1);            // Account 1 signs.
 *     struct tx_op *op = chain_op(b, tx, "INSERT INTO t VALUES ($1)");
 *     chain_param_int(b, op, SQL_INT4, 7);
 *     tx->idempotency_key = span_text("k");            // Anything may be changed …
 *     chain_tx_end(b, tx);                             // … until here: hashed, signed, encoded.
 *     const struct chain_block *block = chain_block_end(b);
 *     … exec_apply(e, &block->in, &outcome) …
 *     chain_builder_free(b);
 *
 * Blocks carry no certificates. The same calls give the same bytes. Account 0
 * is an administrator; account 2 is held by a custodian; the others hold their own keys. Memory is
 * the process heap; whatever fails aborts the test. */
#ifndef TRUSTSQL_TEST_SUPPORT_CHAIN_BUILDER_H
#define TRUSTSQL_TEST_SUPPORT_CHAIN_BUILDER_H

#include "exec/exec.h"

#define CHAIN_ACCOUNTS_MAX 1024u
#define CHAIN_TIME_MS      1767225600000u /* Of the genesis: 2026-01-01 00:00:00 UTC. */
#define CHAIN_BLOCK_MS     1000u          /* Between blocks. */

struct chain_builder;

struct chain_options {
    uint32_t account_count; /* 0: 4. Names: "admin", "user1", "user2", … */
    uint64_t fuel_tx;       /* 0: 10 million. */
    enum block_mode mode;   /* 0: bft. */
    uint32_t validators;    /* 0: 1. Account i < validators administers organisation "org<i>". */
    uint32_t f;
    uint32_t exec_version; /* 0: 1. */
};

struct chain_block { /* Lives as long as the builder. */
    struct header header;
    struct hash hash;
    struct tx *txs;
    uint32_t tx_count;
    struct span bytes; /* Encoded, as the store keeps it. */
    struct exec_block in;
};

/* options null: defaults. */
struct chain_builder *chain_builder_new(const struct chain_options *options);
void chain_builder_free(struct chain_builder *b);

struct span chain_genesis(const struct chain_builder *b);
const struct hash *chain_id(const struct chain_builder *b);
const struct signer *chain_signer(const struct chain_builder *b);
const struct public_key *chain_key(const struct chain_builder *b, uint32_t account);
/* A key pair that is no account of the genesis; the same number, the same key. */
struct public_key chain_new_key(struct chain_builder *b, uint32_t number);

/* A transaction of one operation without parameters. */
void chain_tx(struct chain_builder *b, uint32_t account, const char *sql);

/* account ≥ CHAIN_ACCOUNTS_MAX: signed with chain_new_key(account), for an account made later. */
struct tx *chain_tx_begin(struct chain_builder *b, uint32_t account);
/* Valid until the next chain_op of the same transaction. */
struct tx_op *chain_op(struct chain_builder *b, struct tx *tx, const char *sql);
void chain_param_int(struct chain_builder *b, struct tx_op *op, enum sql_type type, int64_t value);
void chain_param_text(struct chain_builder *b, struct tx_op *op, const char *text);
void chain_param_bytes(struct chain_builder *b, struct tx_op *op, struct span bytes);
void chain_param_null(struct chain_builder *b, struct tx_op *op, enum sql_type type);
/* Sign, encode, decode again, add to the open block. Returns the decoded one, of the open block:
 * valid until the next. */
const struct tx *chain_tx_end(struct chain_builder *b, struct tx *tx);

/* The open block and all after it are that much later. */
void chain_time_skip(struct chain_builder *b, uint64_t ms);

/* The open block is the last of its epoch; the blocks after it are of the next. exec_version: of
 * the next. */
void chain_epoch_close(struct chain_builder *b,
                       const struct hash *next_config,
                       uint32_t exec_version);

/* Close the open block. */
const struct chain_block *chain_block_end(struct chain_builder *b);

#endif
