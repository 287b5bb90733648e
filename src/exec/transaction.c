/* transaction.c - Whether a transaction may run, and its operations in order. */
#include "exec/exec_int.h"

#include "base/must.h"
#include "codec/cbor.h"
#include "exec/modules/system/idempotency.h"

#define LEDGER "main" /* The one name space of exec_version 1. */

static enum status check_signer(struct job *j);
static enum status check_envelope(struct job *j);
static enum status set_context(struct job *j);
static enum status run_operations(struct job *j);
static enum status find_first(struct job *j, bool *is_repeated);
static enum status tell_first(struct job *j, const struct hash *txid, uint64_t height);
static enum status describe(struct job *j);

enum status transaction_run(struct job *j)
{
    TRY(check_signer(j));
    TRY(check_envelope(j));
    TRY(set_context(j));
    struct exec *e = j->exec;
    j->ops = arena_alloc_zero(&e->arena, j->tx->op_count, sizeof *j->ops);
    if (j->ops == NULL) return ST_NO_MEMORY;
    if (j->out != NULL) {
        j->rows = arena_alloc_zero(j->out, j->tx->op_count, sizeof *j->rows);
        if (j->rows == NULL) return ST_NO_MEMORY;
    }
    bool is_repeated = false;
    TRY(find_first(j, &is_repeated));
    if (is_repeated) return describe(j);
    keys_begin(e);
    enum status st = run_operations(j);
    if (st == ST_REJECTED && !j->is_block_lost && expect_is_made(j)) expect_explain(j);
    TRY(st);
    j->op = 0;
    TRY(keys_settle_deferred(j));
    return transaction_add_key(j);
}

/* The first signer must hold the account's present key. */
static enum status check_signer(struct job *j)
{
    const struct account *account;
    must(j->tx->signer_count > 0);
    enum status st = accounts_find(j->exec->accounts, &j->tx->account, &account);
    if (st == ST_NOT_FOUND) {
        char text[ACCOUNT_TEXT_MAX];
        account_id_text(text, &j->tx->account);
        diag_set(&j->diag, "28000", "account %s does not exist", text);
        return ST_REJECTED;
    }
    TRY(st);
    j->account = *account;
    must(j->account.id > 0);
    if (j->account.is_closed) {
        diag_set(&j->diag, "28000", "account \"%s\" is closed", j->account.name);
        return ST_REJECTED;
    }
    if (public_key_equal(&j->account.key, &j->tx->signers[0])) return ST_OK;
    diag_set(&j->diag, "28000", "the signing key is not the key of account \"%s\"",
             j->account.name);
    return ST_REJECTED;
}

static enum status check_envelope(struct job *j)
{
    const struct tx *tx = j->tx;
    if (!hash_equal(&tx->chain_id, &j->exec->chain_id)) return ST_WRONG_CHAIN; /* No valid block. */
    if (!span_equal(tx->ledger, span_text(LEDGER))) {
        diag_set(&j->diag, "3D000", "database \"%.*s\" does not exist", (int)tx->ledger.size,
                 (const char *)tx->ledger.data);
        return ST_REJECTED;
    }
    if (tx->reserved_count > 0) {
        diag_set(&j->diag, "0A000", "reserved sequence values are not supported");
        return ST_REJECTED;
    }
    if (tx->is_redacted) {
        diag_set(&j->diag, "0A000", "a redacted transaction cannot be executed");
        return ST_REJECTED;
    }
    uint64_t block_ms = j->block->header->time_ms;
    const bool is_interactive = j->block->header->exec_version >= EXEC_EXPECT_SINCE;
    const uint64_t latest_ms = block_ms + (is_interactive ? EXEC_NOW_AHEAD_MS_MAX : 0);
    bool is_fixed = tx->now_ms != 0;
    bool is_old = tx->now_ms < block_ms && block_ms - tx->now_ms > EXEC_NOW_AGE_MS_MAX;
    if (is_fixed && (tx->now_ms > latest_ms || is_old)) {
        diag_set(&j->diag, "22008", "the transaction's time is too far from the block's time");
        return ST_REJECTED;
    }
    return ST_OK;
}

static enum status set_context(struct job *j)
{
    struct sql_context *c = &j->exec->context;
    uint64_t now_ms = j->tx->now_ms != 0 ? j->tx->now_ms : j->block->header->time_ms;
    if (now_ms > INT64_MAX / 1000) return ST_INVALID; /* No valid block. */
    c->now_us = ((int64_t)now_ms - (int64_t)EXEC_EPOCH_2000_MS) * 1000;
    c->user = span_text(j->account.name);
    c->ledger = j->tx->ledger;
    c->drawn_count = 0;
    return ST_OK;
}

static enum status run_operations(struct job *j)
{
    for (j->op = 0; j->op < j->tx->op_count; j->op++)
        TRY(operation_run(j, &j->tx->ops[j->op]));
    return ST_OK;
}

/* The rule of keys: the first that succeeds counts, a repetition changes nothing. */
static enum status find_first(struct job *j, bool *is_repeated)
{
    if (j->tx->idempotency_key.size == 0) return ST_OK;
    struct idempotency_row first;
    enum status st =
        idempotency_find(j->exec->writer, j->account.id, j->tx->idempotency_key, &first);
    if (st == ST_NOT_FOUND) return ST_OK;
    TRY(st);
    struct hash operations = idempotency_operations(j->tx);
    if (!hash_equal(&operations, &first.operations)) {
        diag_set(&j->diag, "23505", "the idempotency key was used for other operations");
        return ST_REJECTED;
    }
    *is_repeated = true;
    return tell_first(j, &first.txid, first.height);
}

/* events = [["first", txid, height]] */
static enum status tell_first(struct job *j, const struct hash *txid, uint64_t height)
{
    struct buf *out = &j->exec->bytes;
    buf_reset(out);
    cbor_put_array(out, 1);
    cbor_put_array(out, 3);
    cbor_put_text(out, span_text("first"));
    cbor_put_bytes(out, hash_span(txid));
    cbor_put_uint(out, height);
    TRY(buf_status(out));
    j->events = arena_copy(&j->exec->arena, buf_span(out));
    return j->events.data == NULL ? ST_NO_MEMORY : ST_OK;
}

/* A door that waits for a repetition gets empty results. */
static enum status describe(struct job *j)
{
    for (uint32_t i = 0; j->out != NULL && i < j->tx->op_count; i++) {
        j->rows[i].tag = "OK";
        j->rows[i].notice = "this idempotency key was used before: nothing was changed";
    }
    return ST_OK;
}

enum status transaction_add_key(struct job *j)
{
    if (j->tx->idempotency_key.size == 0) return ST_OK;
    const struct idempotency_row row = {.txid = j->tx->txid,
                                        .height = j->block->header->height,
                                        .operations = idempotency_operations(j->tx)};
    return idempotency_add(j->exec->writer, j->account.id, j->tx->idempotency_key, &row);
}
