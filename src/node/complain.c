/* complain.c - trustsql.complain(kind, bytes): what a client holds against a node
 * (consensus.md 1.7).
 *
 *   TIMEOUT   bytes: a signed transaction that no block takes. This node takes it over: it goes to
 *             all others and the node's own request timer runs. f + 1 such timers change the
 *             leader; a client never does.
 *   CONFLICT  bytes: evidence (docs/format/evidence.md) that a node signed contradictory replies.
 *             It is verified, kept and told to all like any other evidence.
 *
 * The answer says that the complaint was taken, not what came of it. */
#include "base/must.h"
#include "consensus/evidence.h"
#include "node/local_int.h"

static enum status take_timeout(struct local_call *c, struct span bytes);
static enum status take_conflict(struct local_call *c, struct span bytes);
static enum status answer(struct local_call *c, const struct sql_statement *statement);

enum status complain_run(struct local_call *c, const struct sql_statement *statement)
{
    struct local *l = c->session->local;
    struct os *os = l->config.os;
    const struct sql_value *kind;
    const struct sql_value *bytes;
    must(statement->argument_count == 2);
    TRY(call_argument(c, &statement->arguments[0], &kind));
    TRY(call_argument(c, &statement->arguments[1], &bytes));
    uint64_t account = c->session->account.id;
    if (!complaints_take(&l->complaints, account, os->monotonic_ns(os) / 1000000u)) {
        diag_set(&c->diag, "53400", "too many complaints");
        diag_hint(&c->diag, "Try again in a minute.");
        return ST_BUSY;
    }
    enum status st = ST_INVALID;
    bool is_given = !kind->is_null && !bytes->is_null;
    if (is_given && span_equal(kind->bytes, span_text("TIMEOUT")))
        st = take_timeout(c, bytes->bytes);
    else if (is_given && span_equal(kind->bytes, span_text("CONFLICT")))
        st = take_conflict(c, bytes->bytes);
    else
        diag_set(&c->diag, "22023", "a complaint is TIMEOUT or CONFLICT, with bytes");
    if (st == ST_OK) return answer(c, statement);
    if (st == ST_INVALID) complaints_note_baseless(&l->complaints, account);
    if (st == ST_BUSY) diag_set(&c->diag, "53400", "too many complaints are waiting");
    if (st == ST_CLOSED) diag_set(&c->diag, "57P01", "the node is shutting down");
    return st;
}

/* Nobody waits for it here: whether it is valid and known, the pool decides. */
static enum status take_timeout(struct local_call *c, struct span bytes)
{
    struct local *l = c->session->local;
    if (bytes.size == 0 || bytes.size > TX_BYTES_MAX) {
        diag_set(&c->diag, "22023", "TIMEOUT goes with the bytes of a transaction");
        return ST_INVALID;
    }
    struct flow_tx *t = flow_tx_new(l->config.mem, bytes);
    if (t == NULL) return ST_NO_MEMORY;
    enum status st = replica_submit(l->config.replica, t);
    if (st != ST_OK) flow_tx_free(t);
    return st;
}

static enum status take_conflict(struct local_call *c, struct span bytes)
{
    struct evidence e;
    bool is_formed = bytes.size <= FLOW_PROOF_SIZE_MAX && evidence_decode(&e, bytes) == ST_OK;
    if (!is_formed || e.kind != EVIDENCE_E10) {
        diag_set(&c->diag, "22023", "CONFLICT goes with evidence of kind E10");
        return ST_INVALID;
    }
    return replica_proof(c->session->local->config.replica, bytes);
}

static enum status answer(struct local_call *c, const struct sql_statement *statement)
{
    struct buf row;
    buf_init(&row, c->session->local->config.mem, 0);
    sql_rowset_put_bytes(&row, span_text("taken"));
    enum status st = buf_status(&row);
    if (st == ST_OK) {
        c->reply.columns(c->reply.context, statement->columns, statement->column_count);
        c->reply.rows(c->reply.context, statement->columns, statement->column_count, buf_span(&row),
                      1);
        c->reply.complete(c->reply.context, "SELECT", true, 1);
    }
    buf_fini(&row);
    return st;
}
