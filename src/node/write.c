/* From a query string to a signed transaction and back: one operation per statement, literals as
 * parameters, signed with the key that custody holds for the session's account. */
#include "base/hex.h"
#include "base/must.h"
#include "node/keyed.h"
#include "node/local_int.h"
#include "node/repeat.h"
#include "node/results.h"

#define WRITE_VALID_MS     UINT64_C(300000) /* Five minutes. */
#define WRITE_VALID_BLOCKS 60000u
#define SUBMIT_COLUMNS     5u /* Of trustsql.submit, without results and reply. */

static enum status sign(struct local_call *c, struct tx *tx, struct buf *out);
static void note_key(struct local_call *c, const struct tx *tx);
static enum status submit_bytes(struct local_call *c, struct span bytes, bool wants_rows);
static void on_settled(struct ticket *t);

_Static_assert(SETTINGS_KEY_MAX == TX_IDEMPOTENCY_MAX, "what can be set can be signed");

static enum status put_param(struct local_call *c,
                             struct arena *a,
                             struct tx_param *to,
                             const struct sql_value *v)
{
    struct buf item;
    buf_init(&item, c->session->local->config.mem, TX_BYTES_MAX);
    sql_value_to_cbor(&item, v);
    enum status st = buf_status(&item);
    if (st == ST_OK) {
        to->type = (uint32_t)v->type;
        to->value = arena_copy(a, buf_span(&item));
        if (to->value.data == NULL) st = ST_NO_MEMORY;
    }
    buf_fini(&item);
    return st;
}

/* What names mean is part of what is signed, where it is not what they mean by themselves. */
static enum status put_text(struct local_call *c,
                            struct arena *a,
                            const struct compiled *statement,
                            struct span *out)
{
    const struct span path = statement->search_path;
    if (path.size == 0) {
        *out = arena_copy(a, statement->lifted.text);
        return out->data == NULL ? ST_NO_MEMORY : ST_OK;
    }
    struct exec_terms terms;
    exec_terms(c->local->config.exec, &terms);
    if (terms.exec_version < SQL_PATH_SINCE) {
        diag_set(&c->diag, "0A000", "transactions know no search_path before exec_version %u",
                 SQL_PATH_SINCE);
        diag_hint(&c->diag, "Write schema.name, and SET search_path = public.");
        return ST_UNSUPPORTED;
    }
    struct buf text;
    buf_init(&text, c->local->config.mem, 0);
    buf_put_text(&text, "SET LOCAL search_path = ");
    buf_put(&text, path.size == 2 ? span_text("''") : path); /* A name cannot be empty. */
    buf_put_text(&text, "; ");
    buf_put(&text, statement->lifted.text);
    enum status st = buf_status(&text);
    if (st == ST_OK) *out = arena_copy(a, buf_span(&text));
    if (st == ST_OK && out->data == NULL) st = ST_NO_MEMORY;
    buf_fini(&text);
    return st;
}

enum status write_op(struct local_call *c,
                     struct arena *a,
                     const struct compiled *statement,
                     struct tx_op *op)
{
    if (statement->statement.password != NULL) return passwords_op(c, a, statement, op);
    uint32_t given = statement->is_deferred ? 0 : statement->statement.param_count;
    if (statement->statement.kind == SQL_KIND_COPY_IN) given = c->param_count; /* Rows. */
    if (given > c->param_count) {
        diag_set(&c->diag, "08P01", "the statement needs %u parameters, %u were given", given,
                 c->param_count);
        return ST_INVALID;
    }
    op->kind = TX_OP_SQL;
    TRY(put_text(c, a, statement, &op->text));
    op->param_count = given + statement->lifted.count;
    op->params = arena_alloc_zero(a, op->param_count + 1u, sizeof *op->params);
    if (op->params == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < op->param_count; i++) {
        const struct sql_value *v =
            i < given ? &c->params[i] : &statement->lifted.values[i - given];
        TRY(put_param(c, a, &op->params[i], v));
    }
    return ST_OK;
}

/* After a restart this node must know until when what it signed may still come. */
static enum status promise(struct local_call *c, uint64_t until_ms)
{
    enum status st = keyed_promise(c->session->local->config.keyed, until_ms);
    if (st != ST_OK)
        diag_set(&c->diag, "58030", "the file keyed cannot be written: %s", status_text(st));
    return st;
}

/* All but its operations. */
static enum status begin_tx(struct local_call *c, struct tx *tx, uint32_t op_count)
{
    const struct local_config *config = &c->session->local->config;
    struct os *os = config->os;
    const bool is_keyed = c->session->settings.key_size > 0;
    struct replica_view view;
    replica_view(config->replica, &view);
    uint64_t now_ms = os->wall_ms(os);
    if (now_ms < view.time_ms) now_ms = view.time_ms;
    *tx = (struct tx){.chain_id = config->chain_id,
                      .ledger = span_text("main"),
                      .account = c->session->account.address,
                      .idempotency_key = settings_key(&c->session->settings),
                      .valid_until_ms = now_ms + (is_keyed ? KEYED_VALID_MS : WRITE_VALID_MS),
                      .valid_until_height = view.height + WRITE_VALID_BLOCKS};
    if (is_keyed) TRY(promise(c, tx->valid_until_ms));
    os->entropy(os, &tx->nonce, sizeof tx->nonce);
    os->entropy(os, tx->secret, sizeof tx->secret);
    tx->ops = arena_alloc_zero(&c->arena, op_count, sizeof *tx->ops);
    tx->signers = arena_alloc_zero(&c->arena, 1, sizeof *tx->signers);
    tx->signatures = arena_alloc_zero(&c->arena, 1, sizeof *tx->signatures);
    if (tx->ops == NULL || tx->signers == NULL || tx->signatures == NULL) return ST_NO_MEMORY;
    tx->op_count = op_count;
    tx->signer_count = 1;
    return ST_OK;
}

static enum status build_tx(struct local_call *c, struct tx *tx)
{
    TRY(begin_tx(c, tx, c->statement_count - c->at));
    for (uint32_t i = 0; i < tx->op_count; i++)
        TRY(write_op(c, &c->arena, c->statements[c->at + i], &tx->ops[i]));
    return ST_OK;
}

/* The last operation: what the others gave. */
static enum status put_expectation(struct local_call *c, const struct block *b, struct tx_op *op)
{
    const struct hash hash = op_results_hash(b->results, b->op_count);
    const struct sql_value value = {.type = SQL_BYTEA, .bytes = hash_span(&hash)};
    *op = (struct tx_op){.kind = TX_OP_MODULE, .text = span_text(EXEC_EXPECT), .param_count = 1};
    op->params = arena_alloc_zero(&c->arena, 1, sizeof *op->params);
    return op->params == NULL ? ST_NO_MEMORY : put_param(c, &c->arena, op->params, &value);
}

static enum status send_tx(struct local_call *c, struct tx *tx, bool wants_rows)
{
    struct buf bytes;
    buf_init(&bytes, c->session->local->config.mem, TX_BYTES_MAX);
    enum status st = sign(c, tx, &bytes);
    c->txid = tx->txid;
    if (st == ST_OK && tx->idempotency_key.size > 0) note_key(c, tx);
    if (st == ST_OK) st = submit_bytes(c, buf_span(&bytes), wants_rows);
    mem_wipe(tx->secret, sizeof tx->secret);
    buf_fini(&bytes);
    return st;
}

enum status write_block(struct local_call *c)
{
    const struct block *b = &c->session->block;
    struct tx tx;
    must(b->op_count > 0);
    TRY(begin_tx(c, &tx, b->op_count + 1));
    memcpy(tx.ops, b->ops, b->op_count * sizeof *b->ops);
    tx.now_ms = b->now_ms;
    enum status st = put_expectation(c, b, &tx.ops[b->op_count]);
    if (st == ST_OK) st = send_tx(c, &tx, false);
    return st;
}

/* Another session may have given the account another key. */
static enum status find_entry(struct local_call *c, char out[CUSTODY_NAME_MAX + 1])
{
    struct backend_session *s = c->session;
    struct local *l = s->local;
    enum status st = passwords_entry(l->config.custody, &s->account, out);
    if (st != ST_NOT_FOUND) return st;
    TRY(db_view(exec_db(l->config.exec), l->lookup, 0));
    TRY(exec_account_by_address(l->lookup, &s->account.address, &s->account));
    return passwords_entry(l->config.custody, &s->account, out);
}

static enum status sign(struct local_call *c, struct tx *tx, struct buf *out)
{
    const struct local_config *config = &c->session->local->config;
    char entry[CUSTODY_NAME_MAX + 1];
    enum status st = find_entry(c, entry);
    if (st == ST_OK) st = custody_public(config->custody, span_text(entry), &tx->signers[0]);
    if (st == ST_OK) st = tx_hash(tx);
    if (st == ST_OK)
        st = custody_sign(config->custody, span_text(entry), &tx->txid, &tx->signatures[0]);
    if (st == ST_NOT_FOUND) {
        diag_set(&c->diag, "28000", "this node does not keep the key of \"%s\"", c->session->user);
        diag_hint(&c->diag, "Sign the transaction yourself: trustsql tx sign, trustsql tx send.");
    } else if (st == ST_LIMIT) {
        diag_set(&c->diag, "54000", "the transaction is too large");
        diag_detail(&c->diag, "At most %u bytes and %u parameters.", TX_BYTES_MAX, TX_ITEMS_MAX);
    }
    TRY(st);
    tx_encode(tx, out);
    st = buf_status(out);
    if (st == ST_LIMIT) {
        diag_set(&c->diag, "54000", "the transaction is larger than %u bytes", TX_BYTES_MAX);
        diag_hint(&c->diag, "Split it into several.");
    }
    return st;
}

/* Before it can come to anybody: the threads that verify may take their time. */
static void note_key(struct local_call *c, const struct tx *tx)
{
    const struct hash name = keyed_name(&tx->account, tx->idempotency_key);
    const struct keyed_tx noted = {
        .txid = tx->txid, .until_ms = tx->valid_until_ms, .until_height = tx->valid_until_height};
    keyed_note(c->session->local->config.keyed, &name, &noted);
}

/* A session that looks at the past only looks. */
static enum status check_present(struct local_call *c)
{
    if (c->session->settings.height == 0) return ST_OK;
    diag_set(&c->diag, "25006", "cannot write while trustsql.height is set");
    diag_hint(&c->diag, "RESET trustsql.height.");
    return ST_INVALID;
}

enum status write_begin(struct local_call *c)
{
    TRY(check_present(c));
    if (c->session->settings.read_height > 0) {
        diag_set(&c->diag, "25006", "cannot write while trustsql.read_height is set");
        diag_hint(&c->diag, "RESET trustsql.read_height.");
        return ST_INVALID;
    }
    for (uint32_t i = c->at; i < c->statement_count; i++) {
        const struct compiled *statement = c->statements[i];
        if (c->session->settings.default_modes.is_read_only && statement->statement.is_write)
            return block_refuse_write(c, &statement->statement);
        if (statement->is_deferred) continue; /* Checked when it is executed. */
        TRY(exec_check_access(statement->catalog, &statement->statement, &c->session->account,
                              &c->diag));
        TRY(preflight_check(c, &statement->statement));
    }
    struct tx tx;
    TRY(build_tx(c, &tx));
    return send_tx(c, &tx, true);
}

static enum status submit_bytes(struct local_call *c, struct span bytes, bool wants_rows)
{
    struct local *l = c->session->local;
    enum status st = ST_BUSY;
    if (l->ticket_count < REPLICA_TICKETS_MAX) {
        struct flow_tx *t = flow_tx_new(l->config.mem, bytes);
        if (t == NULL) return ST_NO_MEMORY;
        const bool is_early = c->session->settings.chosen.wait == SETTINGS_WAIT_EXECUTED;
        c->ticket = (struct ticket){.settled = on_settled, .owner = c, .is_early = is_early};
        t->ticket = &c->ticket;
        t->wants_rows = wants_rows;
        st = replica_submit(l->config.replica, t);
        if (st != ST_OK) flow_tx_free(t);
    }
    if (st == ST_OK) l->ticket_count++;
    c->is_submitted = st == ST_OK;
    if (st == ST_BUSY) {
        diag_set(&c->diag, "53400", "too many transactions are waiting");
        diag_hint(&c->diag, "Try again in a moment.");
    } else if (st == ST_CLOSED) {
        diag_set(&c->diag, "57P01", "the node is shutting down");
    }
    return st;
}

enum status call_argument(struct local_call *c,
                          const struct sql_argument *argument,
                          const struct sql_value **out)
{
    *out = &argument->value;
    if (!argument->is_param) return ST_OK;
    if (argument->param > c->param_count) {
        diag_set(&c->diag, "08P01", "parameter $%u is missing", argument->param);
        return ST_INVALID;
    }
    *out = &c->params[argument->param - 1];
    return ST_OK;
}

/* trustsql.submit(…, true). */
static bool wants_all(const struct local_call *c)
{
    return c->statements[0]->statement.column_count > SUBMIT_COLUMNS;
}

enum status submit_begin(struct local_call *c)
{
    const struct sql_statement *statement = &c->statements[0]->statement;
    must(statement->argument_count > 0);
    const struct sql_value *value;
    TRY(check_present(c));
    TRY(call_argument(c, &statement->arguments[0], &value));
    if (value->is_null || value->type != SQL_BYTEA) {
        diag_set(&c->diag, "22004", "trustsql.submit needs the bytes of a transaction");
        return ST_INVALID;
    }
    if (value->bytes.size > TX_BYTES_MAX) {
        diag_set(&c->diag, "54000", "the transaction is larger than %u bytes", TX_BYTES_MAX);
        return ST_LIMIT;
    }
    return submit_bytes(c, value->bytes, wants_all(c));
}

/* --- answers --------------------------------------------------------------------------------- */

/* Tags and counts of the transaction that was first under this key. Rows that it returned are not
 * kept: there are none now. */
static void answer_repeat(struct local_call *c, const struct receipt *first)
{
    const struct backend_reply *reply = &c->reply;
    struct diag d;
    diag_set(&d, "00000", "this idempotency key was used before: nothing was changed");
    call_notice(c, &d);
    for (uint32_t i = 0; i < first->op_count && c->at + i < c->statement_count; i++) {
        const struct sql_statement *s = &c->statements[c->at + i]->statement;
        if (s->column_count > 0) reply->columns(reply->context, s->columns, s->column_count);
        reply->complete(reply->context, s->tag == NULL ? "OK" : s->tag, s->tag_has_count,
                        first->ops[i].row_count);
    }
}

static void answer_write(struct local_call *c, const struct exec_tx_outcome *outcome)
{
    const struct backend_reply *reply = &c->reply;
    struct receipt first;
    if (c->session->settings.key_size > 0 &&
        repeat_first(c->session->local->config.store, &c->arena, outcome->receipt, &first) ==
            ST_OK) {
        answer_repeat(c, &first);
        return;
    }
    for (uint32_t i = 0; i < outcome->op_count; i++) {
        const struct exec_rows *op = &outcome->ops[i];
        if (op->notice != NULL) {
            struct diag d;
            diag_set(&d, "00000", "%s", op->notice);
            call_notice(c, &d);
        }
        if (op->column_count > 0) {
            reply->columns(reply->context, op->columns, op->column_count);
            if (op->rows.size > 0)
                reply->rows(reply->context, op->columns, op->column_count, op->rows,
                            op->returned_count);
        }
        reply->complete(reply->context, op->tag, op->tag_has_count, op->row_count);
    }
}

/* Results and reply. An early answer carries no reply: its result is not certified. */
static void put_extras(struct local_call *c, const struct exec_tx_outcome *outcome)
{
    struct local *l = c->session->local;
    struct flow_block *b = c->ticket.block;
    struct reply reply = {.epoch = b->header.epoch,
                          .txid = b->txids[c->ticket.index],
                          .height = b->header.height,
                          .index = c->ticket.index,
                          .receipt = receipt_leaf(outcome->receipt),
                          .digest = b->outcome.digest};
    buf_reset(&l->proof);
    results_encode(&l->proof, outcome->ops, outcome->op_count);
    /* None are kept when the transaction was known already: its rows went to whoever waited. */
    if (!outcome->is_ok || outcome->op_count == 0)
        sql_rowset_put_null(&l->row);
    else
        sql_rowset_put_bytes(&l->row, buf_span(&l->proof));
    buf_reset(&l->proof);
    if (c->ticket.is_early || replica_sign_reply(l->config.replica, &reply) != ST_OK) {
        sql_rowset_put_null(&l->row);
        return;
    }
    reply_encode(&l->proof, &reply);
    sql_rowset_put_bytes(&l->row, buf_span(&l->proof));
}

/* Made in the backend's own buffers, which have grown to size, and copied once. */
static void put_submit_row(struct local_call *c, const struct exec_tx_outcome *outcome)
{
    struct local *l = c->session->local;
    struct flow_block *b = c->ticket.block;
    char txid[2 * HASH_SIZE + 1];
    hex_encode(txid, hash_span(&b->txids[c->ticket.index]));
    buf_reset(&l->proof);
    buf_reset(&l->row);
    enum status st = ST_NOT_FOUND; /* Executed is not certified yet. */
    if (!c->ticket.is_early) st = flow_block_proof(b, c->ticket.index, &l->proof);
    sql_rowset_put_bytes(&l->row, span_text(txid));
    sql_rowset_put_integer(&l->row, (int64_t)b->header.height);
    sql_rowset_put_bytes(&l->row, span_text(outcome->is_ok ? "ok" : "failed"));
    sql_rowset_put_bytes(&l->row, outcome->receipt);
    /* Final is true all the same; trustsql.transactions gives the receipt. */
    if (st == ST_NOT_FOUND)
        sql_rowset_put_null(&l->row);
    else
        sql_rowset_put_bytes(&l->row, buf_span(&l->proof));
    if (wants_all(c)) put_extras(c, outcome);
    if (st == ST_OK || st == ST_NOT_FOUND) st = buf_status(&l->row);
    if (st == ST_OK) c->answer = arena_copy(&c->arena, buf_span(&l->row));
    if (st != ST_OK || c->answer.data == NULL) diag_set(&c->diag, "53200", "out of memory");
}

/* Not when the node was about to end. */
static bool is_end_known(const struct local_call *c)
{
    return memcmp(c->diag.sqlstate, "57", 2) != 0;
}

static void on_settled(struct ticket *t)
{
    struct local_call *c = t->owner;
    struct local *l = c->local;
    must(l->ticket_count > 0);
    l->ticket_count--;
    if (c->session == NULL) {
        timeouts_settled(l, c);
        return;
    }
    c->is_submitted = false;
    c->state = CALL_DONE;
    if (t->status != ST_OK) {
        c->diag = t->diag;
    } else {
        const struct exec_tx_outcome *outcome = &t->block->outcome.txs[t->index];
        if (c->is_block) {
            if (!outcome->is_ok) c->diag = outcome->diag;
        } else if (c->is_submit) {
            put_submit_row(c, outcome);
            if (c->diag.sqlstate[0] == 0) c->state = CALL_SETTLED;
        } else if (outcome->is_ok && call_copy_goes_on(c)) {
            c->diag = (struct diag){0}; /* The next rows, when the door knows. */
        } else if (outcome->is_ok) {
            answer_write(c, outcome);
        } else {
            c->diag = outcome->diag;
        }
    }
    if (c->is_block) {
        passwords_settle(c->session, is_end_known(c));
        block_settled(c); /* It may be gone then. */
        return;
    }
    if (!c->is_submit) passwords_settle(c->session, is_end_known(c));
    if (c->diag.sqlstate[0] != 0) call_forget_settings(c);
    session_advance(c->session);
}

void submit_answer(struct local_call *c)
{
    const struct sql_statement *statement = &c->statements[0]->statement;
    c->reply.columns(c->reply.context, statement->columns, statement->column_count);
    c->reply.rows(c->reply.context, statement->columns, statement->column_count, c->answer, 1);
    c->reply.complete(c->reply.context, "SELECT", true, 1);
}
