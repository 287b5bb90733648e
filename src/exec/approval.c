/* approval.c - Four eyes: tables whose changes need the signatures of m of n accounts.
 *
 * A transaction that changes such a table is run like any other, so that its errors are told at
 * once; then all is taken back but a row that says that it waits, with its bytes. Each approval is
 * a transaction of its own; the one that makes the signatures enough runs the first again, as its
 * sender and at this place of the chain, and both succeed or fail together. Rules are those of the
 * moment: whoever could change one alone could do without it, so a change of a rule needs the
 * signatures of the old one. */
#include "exec/exec_int.h"

#include <stdio.h>

#include "base/hex.h"
#include "base/must.h"
#include "codec/cbor.h"
#include "exec/modules/system/signatures.h"
#include "exec/sqlite.h"

static enum status refuse(struct job *j, const char *sqlstate, const char *text)
{
    diag_set(&j->diag, sqlstate, "%s", text);
    return ST_REJECTED;
}

static uint64_t now_us(const struct job *j)
{
    return (j->block->header->time_ms - EXEC_EPOCH_2000_MS) * 1000;
}

enum status approval_check(struct job *j, uint64_t table, struct span text)
{
    struct signature_rule rule;
    if (text.size == 0) return ST_OK;
    TRY(signature_rule_read(&rule, text));
    const uint64_t own[1] = {j->account.id};
    const uint64_t *signers = j->signers != NULL ? j->signers : own;
    const uint32_t count = j->signers != NULL ? j->signer_count : 1;
    const uint32_t found = signature_rule_count(&rule, signers, count);
    if (found >= rule.needed) return ST_OK;
    const struct catalog_table *t = sql_catalog_by_id(j->exec->catalog, table);
    const struct span name = t == NULL ? span_text("?") : t->name;
    if (j->exec->capture == NULL || expect_is_made(j)) {
        diag_set(&j->diag, "42501", "changes of table \"%.*s\" need %u signatures", (int)name.size,
                 (const char *)name.data, rule.needed);
        diag_hint(&j->diag, "Send the statements in one query string: the transaction then waits "
                            "for the others.");
        return ST_REJECTED;
    }
    j->is_waiting = true;
    if (rule.needed - found > j->missing) j->missing = rule.needed - found;
    if (j->hours == 0 || rule.hours < j->hours) j->hours = rule.hours;
    return ST_OK;
}

enum status approval_check_access(struct job *j, const struct sql_statement *s)
{
    const uint32_t changes = SQL_RIGHT_INSERT | SQL_RIGHT_UPDATE | SQL_RIGHT_DELETE |
                             SQL_RIGHT_OWNER | SQL_RIGHT_TRUNCATE | SQL_RIGHT_NEXT | SQL_RIGHT_RULE;
    for (uint32_t i = 0; i < s->access_count; i++) {
        if ((s->access[i].rights & changes) == 0) continue;
        const uint64_t table = s->access[i].table_id;
        TRY(approval_check(j, table,
                           sql_catalog_property(j->exec->catalog, table, 0, SIGNATURES_KIND)));
    }
    return ST_OK;
}

/* --- it waits --------------------------------------------------------------------------------- */

/* events = [["waits", txid, signatures missing]] */
static enum status tell(struct job *j, const char *what, const struct hash *txid, uint64_t number)
{
    struct buf *out = &j->exec->bytes;
    buf_reset(out);
    cbor_put_array(out, 1);
    cbor_put_array(out, 3);
    cbor_put_text(out, span_text(what));
    cbor_put_bytes(out, hash_span(txid));
    cbor_put_uint(out, number);
    TRY(buf_status(out));
    j->events = arena_copy(&j->exec->arena, buf_span(out));
    return j->events.data == NULL ? ST_NO_MEMORY : ST_OK;
}

static enum status describe(struct job *j)
{
    char txid[2 * HASH_SIZE + 1];
    char text[DIAG_TEXT_MAX];
    hex_encode(txid, hash_span(&j->tx->txid));
    (void)snprintf(text, sizeof text, "the transaction waits for %u more signature%s: %s",
                   j->missing, j->missing == 1 ? "" : "s", txid);
    for (uint32_t i = 0; j->out != NULL && i < j->tx->op_count; i++) {
        const char *tag = j->rows[i].tag;
        j->rows[i] = (struct exec_rows){.tag = tag, .tag_has_count = j->rows[i].tag_has_count};
        if (i > 0) continue;
        j->rows[i].notice = arena_text(j->out, text);
        if (j->rows[i].notice == NULL) return ST_NO_MEMORY;
    }
    return ST_OK;
}

enum status approval_wait(struct job *j)
{
    must(j->is_waiting);
    if (j->tx->bytes.size > SIGNATURES_BODY_MAX) {
        diag_set(&j->diag, "54000", "a transaction that waits may have %u bytes",
                 SIGNATURES_BODY_MAX);
        return ST_REJECTED;
    }
    const struct waiting_new p = {.tx = j->tx,
                                  .account = j->account.id,
                                  .height = j->block->header->height,
                                  .now_us = now_us(j),
                                  .expires_us = now_us(j) + j->hours * UINT64_C(3600000000)};
    memset(j->ops, 0, j->tx->op_count * sizeof *j->ops);
    TRY(waiting_add(j->exec->writer, &p));
    TRY(approval_add(j->exec->writer, &j->tx->txid, j->account.id, p.height));
    TRY(tell(j, "waits", &j->tx->txid, j->missing));
    return describe(j);
}

/* --- approvals -------------------------------------------------------------------------------- */

static enum status find(struct job *j, const struct hash *txid, struct waiting_tx *out)
{
    enum status st = waiting_find(j->exec->writer, &j->exec->arena, txid, out);
    if (st == ST_NOT_FOUND) return refuse(j, "42704", "no transaction of this txid waits");
    TRY(st);
    if (!out->is_waiting) return refuse(j, "55000", "the transaction does not wait any more");
    if (out->expires_us < now_us(j)) return refuse(j, "55000", "the transaction has expired");
    return ST_OK;
}

static enum status find_sender(struct job *j, const struct tx *tx, struct account *out)
{
    const struct account *account;
    enum status st = accounts_find(j->exec->accounts, &tx->account, &account);
    if (st == ST_NOT_FOUND || (st == ST_OK && account->is_closed))
        return refuse(j, "28000", "the account that sent the transaction is closed");
    TRY(st);
    *out = *account;
    return ST_OK;
}

static enum status run_inside(struct job *inner)
{
    struct sql_context *c = &inner->exec->context;
    const struct span user = c->user;
    enum status st = ST_OK;
    c->user = span_text(inner->account.name);
    for (inner->op = 0; st == ST_OK && inner->op < inner->tx->op_count; inner->op++)
        st = operation_run(inner, &inner->tx->ops[inner->op]);
    if (st == ST_OK) st = keys_settle_deferred(inner);
    c->user = user;
    return st;
}

static enum status run_text(struct exec *e, const char *text)
{
    return sqlite_status(sqlite3_exec(e->writer, text, NULL, NULL, NULL));
}

/* The signatures are not enough yet: nothing has happened. */
static enum status take_back(struct exec *e, uint64_t mark, struct sql_catalog *catalog)
{
    TRY(run_text(e, "ROLLBACK TO approved"));
    TRY(run_text(e, "RELEASE approved"));
    capture_rollback(e->capture, mark);
    accounts_forget(e->accounts);
    return e->catalog == catalog ? ST_OK : schema_take(e, sql_catalog_ref(catalog));
}

static enum status run_approved(struct job *j, struct job *inner, const struct hash *txid)
{
    struct exec *e = j->exec;
    const uint64_t mark = capture_mark(e->capture);
    struct sql_catalog *catalog = sql_catalog_ref(e->catalog);
    enum status st = run_text(e, "SAVEPOINT approved");
    if (st == ST_OK) st = run_inside(inner);
    if (st == ST_OK && inner->is_waiting) {
        st = take_back(e, mark, catalog);
    } else if (st == ST_OK) {
        st = run_text(e, "RELEASE approved");
        if (st == ST_OK) st = waiting_executed(e->writer, txid, j->block->header->height);
    } else {
        j->diag = inner->diag;
        j->is_block_lost = inner->is_block_lost;
    }
    sql_catalog_unref(catalog);
    return st;
}

enum status approval_run(struct job *j, const struct hash *txid)
{
    struct exec *e = j->exec;
    struct waiting_tx pending;
    struct tx tx;
    uint64_t signers[SIGNATURES_ACCOUNTS_MAX];
    if (j->is_inner || e->capture == NULL)
        return refuse(j, "25001", "an approval is a transaction of its own");
    const struct hash name = *txid;
    TRY(find(j, &name, &pending));
    enum status st = approval_add(e->writer, &name, j->account.id, j->block->header->height);
    if (st == ST_EXISTS) return refuse(j, "23505", "this account has signed it already");
    if (st == ST_LIMIT) return refuse(j, "54000", "too many accounts have signed it");
    TRY(st);
    st = tx_decode(&tx, &e->arena, pending.body);
    if (st != ST_OK) return st == ST_NO_MEMORY ? st : ST_CORRUPT;
    struct job inner = {.exec = e,
                        .block = j->block,
                        .tx = &tx,
                        .index = j->index,
                        .signers = signers,
                        .is_inner = true,
                        .is_short = j->is_short};
    TRY(approvals_read(e->writer, &name, signers, &inner.signer_count));
    TRY(find_sender(j, &tx, &inner.account));
    inner.ops = arena_alloc_zero(&e->arena, tx.op_count, sizeof *inner.ops);
    if (inner.ops == NULL) return ST_NO_MEMORY;
    TRY(run_approved(j, &inner, &name));
    if (inner.is_waiting) {
        (void)snprintf(j->notice, sizeof j->notice, "the transaction waits for %u more signature%s",
                       inner.missing, inner.missing == 1 ? "" : "s");
        return tell(j, "approved", &name, inner.missing);
    }
    (void)snprintf(j->notice, sizeof j->notice, "the transaction is executed");
    return tell(j, "executed", &name, tx.op_count);
}
