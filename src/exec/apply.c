/* apply.c - One block: see exec.c for what a lost block is. */
#include "exec/apply.h"

#include "base/must.h"
#include "codec/cbor.h"
#include "exec/modules/system/incidents.h"
#include "exec/sqlite.h"

/* What a failed transaction goes back to. */
struct moment {
    uint64_t mark; /* Of capture. */
    uint64_t accounts_version;
    struct sql_catalog *catalog;
};

static enum status apply_once(struct apply *a);
static enum status roll_back(struct apply *a);
static enum status apply_transaction(struct apply *a, uint32_t index);
static enum status run_in_savepoint(struct apply *a, struct job *j);
static enum status undo(struct apply *a, struct job *j, const struct moment *before);
static enum status wait(struct apply *a, struct job *j, const struct moment *before);
static enum status fail_doomed(struct apply *a, struct job *j);
static enum status savepoint(struct exec *e, enum savepoint which);
static enum status write_receipt(struct apply *a,
                                 const struct job *j,
                                 const struct hash *write_root);
static enum status finish(struct apply *a);
static enum status make_record(struct apply *a, const struct exec_rows_changed *rows);
static enum status note_incidents(struct apply *a);

enum status apply_block(struct apply *a)
{
    struct exec *e = a->exec;
    const struct exec_block *in = a->in;
    struct exec_outcome *out = a->out;
    out->tx_count = in->tx_count;
    out->txs = arena_alloc_zero(&out->arena, in->tx_count, sizeof *out->txs);
    out->receipt_leaves = arena_alloc_zero(&out->arena, in->tx_count, sizeof *out->receipt_leaves);
    if (out->txs == NULL || out->receipt_leaves == NULL) return ST_NO_MEMORY;
    a->before = sql_catalog_ref(e->catalog);
    a->epoch = e->epoch;
    enum status st = apply_once(a);
    while (st == ST_BUSY)
        st = apply_once(a);
    sql_catalog_unref(a->before);
    return st;
}

/* ST_BUSY: the block was lost, one more transaction is doomed. */
static enum status apply_once(struct apply *a)
{
    struct exec *e = a->exec;
    TRY(db_begin(e->db, a->in->header->height));
    capture_begin(e->capture);
    e->is_epoch_touched = false;
    a->checkpoints = e->checkpoints;
    a->is_called = false;
    const uint64_t fuel_tx = e->epoch->config.fuel_tx;
    uint64_t fuel =
        fuel_tx > UINT64_MAX / EXEC_BLOCK_FUEL_TXS ? UINT64_MAX : fuel_tx * EXEC_BLOCK_FUEL_TXS;
    a->fuel_left = fuel > EXEC_BLOCK_FUEL_MIN ? fuel : EXEC_BLOCK_FUEL_MIN;
    enum status st = ST_OK;
    for (uint32_t i = 0; st == ST_OK && i < a->in->tx_count; i++)
        st = apply_transaction(a, i);
    if (st == ST_OK) st = finish(a);
    if (st == ST_OK)
        st = db_commit(e->db); /* Rolls back when it fails. */
    else
        db_rollback(e->db);
    if (st == ST_OK) return ST_OK;
    TRY(roll_back(a));
    return st;
}

/* Memory follows the database back to the height before. */
static enum status roll_back(struct apply *a)
{
    struct exec *e = a->exec;
    accounts_forget(e->accounts);
    statements_clear(e->statements);
    if (a->epoch != e->epoch) epoch_free(a->epoch);
    a->epoch = e->epoch;
    if (e->catalog == a->before) return ST_OK;
    return schema_take(e, sql_catalog_ref(a->before));
}

static enum status apply_transaction(struct apply *a, uint32_t index)
{
    struct exec *e = a->exec;
    arena_reset(&e->arena);
    bool wants_rows = a->in->wants_rows != NULL && a->in->wants_rows[index];
    struct job j = {.exec = e,
                    .block = a->in,
                    .tx = &a->in->txs[index],
                    .index = index,
                    .out = wants_rows ? &a->out->arena : NULL};
    const uint64_t fuel_tx = e->epoch->config.fuel_tx;
    uint64_t fuel = a->fuel_left < fuel_tx ? a->fuel_left : fuel_tx;
    e->context.fuel = fuel;
    j.is_short = fuel < fuel_tx;
    bool is_doomed = a->doomed != NULL && a->doomed[index] != 0;
    capture_origin(e->capture, index);
    enum status st = is_doomed ? fail_doomed(a, &j) : run_in_savepoint(a, &j);
    must(e->context.fuel <= fuel);
    a->fuel_left -= fuel - e->context.fuel;
    if (!j.is_block_lost) return st;
    must(st == ST_REJECTED);
    must(!is_doomed);
    if (a->doomed == NULL)
        a->doomed = arena_alloc_zero(&a->out->arena, a->in->tx_count, sizeof *a->doomed);
    if (a->doomed == NULL) return ST_NO_MEMORY;
    a->doomed[index] = 1 + j.op;
    return ST_BUSY;
}

/* What the first try left: the same receipt as if SQLite could have stopped it alone. */
static enum status fail_doomed(struct apply *a, struct job *j)
{
    struct exec *e = a->exec;
    const struct account *account;
    enum status st = accounts_find(e->accounts, &j->tx->account, &account);
    if (st == ST_OK) j->account = *account;
    if (st != ST_OK && st != ST_NOT_FOUND) return st;
    j->op = a->doomed[j->index] - 1;
    e->context.fuel = 0;
    st = job_fuel_limit(j);
    must(st == ST_REJECTED);
    return write_receipt(a, j, NULL);
}

static enum status run_in_savepoint(struct apply *a, struct job *j)
{
    struct exec *e = a->exec;
    TRY(savepoint(e, SAVEPOINT_SET));
    const struct moment before = {.mark = capture_mark(e->capture),
                                  .accounts_version = accounts_version(e->accounts),
                                  .catalog = sql_catalog_ref(e->catalog)};
    enum status st = transaction_run(j);
    if (st == ST_OK && j->is_waiting) st = wait(a, j, &before);
    if (st == ST_OK) st = capture_status(e->capture);
    if (st == ST_LIMIT) st = job_limit(j, "the block changes too many rows");
    struct hash write_root;
    if (st == ST_OK) st = capture_root(e->capture, before.mark, &write_root);
    if (st == ST_OK) st = savepoint(e, SAVEPOINT_RELEASE);
    if (st == ST_OK) {
        if (j->wants_checkpoint) a->is_called = true;
        st = write_receipt(a, j, &write_root);
    } else if (st == ST_REJECTED && !j->is_block_lost) {
        st = undo(a, j, &before);
    }
    sql_catalog_unref(before.catalog);
    return st;
}

static enum status go_back(struct exec *e, const struct moment *before)
{
    TRY(savepoint(e, SAVEPOINT_ROLLBACK));
    capture_rollback(e->capture, before->mark);
    if (accounts_version(e->accounts) != before->accounts_version) accounts_forget(e->accounts);
    if (e->catalog == before->catalog) return ST_OK;
    return schema_take(e, sql_catalog_ref(before->catalog));
}

static enum status undo(struct apply *a, struct job *j, const struct moment *before)
{
    TRY(go_back(a->exec, before));
    TRY(savepoint(a->exec, SAVEPOINT_RELEASE));
    return write_receipt(a, j, NULL);
}

/* It needs more signatures: nothing of it happens but that it waits. */
static enum status wait(struct apply *a, struct job *j, const struct moment *before)
{
    j->wants_checkpoint = false;
    TRY(go_back(a->exec, before));
    TRY(approval_wait(j));
    return transaction_add_key(j);
}

static enum status savepoint(struct exec *e, enum savepoint which)
{
    enum status st = sqlite_done_status(sqlite3_step(e->savepoints[which]));
    (void)sqlite3_reset(e->savepoints[which]); /* Repeats the code of the step. */
    return st;
}

/* write_root null: the transaction failed. */
static enum status write_receipt(struct apply *a,
                                 const struct job *j,
                                 const struct hash *write_root)
{
    const bool is_ok = write_root != NULL;
    static const uint8_t no_events = 0x80; /* The empty CBOR array. */
    struct exec *e = a->exec;
    struct exec_tx_outcome *outcome = &a->out->txs[j->index];
    const char *holder = j->account.custodian;
    struct receipt r = {.txid = j->tx->txid,
                        .height = a->in->header->height,
                        .index = j->index,
                        .status = is_ok ? RECEIPT_OK : RECEIPT_FAILED,
                        .holder = holder[0] == 0 ? 0 : 1,
                        .holder_name = span_text(holder),
                        .events = span_of(&no_events, 1)};
    if (write_root != NULL) {
        r.ops = j->ops;
        r.op_count = j->tx->op_count;
        r.write_root = *write_root;
        if (j->events.size > 0) r.events = j->events;
    } else {
        must(j->diag.sqlstate[0] != 0);
        r.diag = j->diag;
        r.failed_op = j->op;
    }
    buf_reset(&e->bytes);
    receipt_encode(&e->bytes, &r);
    TRY(buf_status(&e->bytes));
    outcome->is_ok = is_ok;
    outcome->diag.sqlstate[0] = 0;
    if (!is_ok) outcome->diag = r.diag;
    outcome->receipt = arena_copy(&a->out->arena, buf_span(&e->bytes));
    if (outcome->receipt.data == NULL) return ST_NO_MEMORY;
    a->out->receipt_leaves[j->index] = receipt_leaf(outcome->receipt);
    outcome->ops = is_ok ? j->rows : NULL;
    outcome->op_count = outcome->ops != NULL ? j->tx->op_count : 0;
    return ST_OK;
}

/* Below that version no block has any: its rule says so. */
static enum status note_incidents(struct apply *a)
{
    const struct header *h = a->in->header;
    for (uint32_t i = 0; i < a->in->incident_count; i++) {
        struct incident incident;
        if (h->exec_version < EXEC_INCIDENTS_SINCE) return ST_INVALID;
        TRY(incident_decode(&incident, a->in->incidents[i]));
        TRY(incidents_note(a->exec->writer, &a->exec->epoch->config, h->height, &incident));
    }
    return ST_OK;
}

/* Roots, digest, note and record: all that can fail, before the commit. */
static enum status finish(struct apply *a)
{
    struct exec *e = a->exec;
    struct exec_outcome *out = a->out;
    out->result = (struct block_result){.height = a->in->header->height, .block_hash = a->in->hash};
    capture_origin(e->capture, CAPTURE_NOBODY);
    TRY(note_incidents(a));
    TRY(epoch_finish(a));
    TRY(checkpoints_settle(a));
    struct buf *write_set = &e->write_set;
    struct buf gone;
    struct buf origins;
    buf_reset(write_set);
    e->has_genesis_rows = false;
    buf_init(&gone, e->mem, 0);
    buf_init(&origins, e->mem, 0);
    uint32_t entry_count = 0;
    enum status st =
        capture_finish(e->capture, &out->result.writeset_root, &entry_count, write_set);
    if (st == ST_OK) st = capture_aside(e->capture, &gone, &origins);
    struct hash *leaves = arena_alloc(&e->arena, out->tx_count * sizeof *leaves);
    if (st == ST_OK && leaves == NULL) st = ST_NO_MEMORY;
    if (st == ST_OK) {
        if (out->tx_count > 0) memcpy(leaves, out->receipt_leaves, out->tx_count * sizeof *leaves);
        out->result.receipts_root = merkle_root(leaves, out->tx_count);
        struct hash own = block_result_digest(&out->result);
        out->digest_before = e->digest;
        out->digest = digest_fold(&e->digest, &own);
        st = make_record(a, &(struct exec_rows_changed){.write_set = buf_span(write_set),
                                                        .gone = buf_span(&gone),
                                                        .origins = buf_span(&origins)});
    }
    buf_fini(&gone);
    buf_fini(&origins);
    TRY(st);
    struct hash leaf = merkle_leaf(hash_span(&a->in->hash));
    a->history = e->history;
    merkle_tree_add(&a->history, &leaf);
    must(a->history.count == a->in->header->height);
    checkpoints_decide(a, entry_count > 0 && a->in->tx_count > 0);
    const struct note note = {
        .digest = out->digest, .history = a->history, .checkpoints = a->checkpoints};
    return note_write(e, &note);
}

_Static_assert(CAPTURE_NOBODY == EXEC_ORIGIN_NOBODY, "origins are told as they are captured");

static enum status make_record(struct apply *a, const struct exec_rows_changed *rows)
{
    struct buf *bytes = &a->exec->bytes;
    buf_reset(bytes);
    exec_record_encode(bytes, a->out, rows);
    TRY(buf_status(bytes));
    a->out->record = arena_copy(&a->out->arena, buf_span(bytes));
    return a->out->record.data == NULL ? ST_NO_MEMORY : ST_OK;
}
