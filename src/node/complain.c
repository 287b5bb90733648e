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
#include "node/local_int.h"

static enum status take_timeout(struct local_call *c, struct span bytes);
static struct complaint complaint_of(uint64_t account,
                                     const struct sql_value *kind,
                                     const struct sql_value *bytes);
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
    const struct complaint complaint = complaint_of(c->session->account.id, kind, bytes);
    const char *why = NULL;
    enum status st =
        complaints_judge(&l->complaints, &complaint, os->monotonic_ns(os) / 1000000u, &why);
    if (st != ST_OK) {
        diag_set(&c->diag, st == ST_BUSY ? "53400" : "22023", "%s", why);
        if (st == ST_BUSY) diag_hint(&c->diag, "Try again in a minute.");
        return st;
    }
    if (complaint.kind == COMPLAINT_TIMEOUT)
        st = take_timeout(c, complaint.bytes);
    else
        st = replica_proof(l->config.replica, complaint.bytes);
    if (st == ST_OK) return answer(c, statement);
    if (st == ST_BUSY) diag_set(&c->diag, "53400", "too many complaints are waiting");
    if (st == ST_CLOSED) diag_set(&c->diag, "57P01", "the node is shutting down");
    return st;
}

static struct complaint complaint_of(uint64_t account,
                                     const struct sql_value *kind,
                                     const struct sql_value *bytes)
{
    struct complaint complaint = {.account = account, .kind = COMPLAINT_OTHER};
    if (kind->is_null || bytes->is_null) return complaint;
    complaint.bytes = bytes->bytes;
    if (span_equal(kind->bytes, span_text("TIMEOUT"))) complaint.kind = COMPLAINT_TIMEOUT;
    if (span_equal(kind->bytes, span_text("CONFLICT"))) complaint.kind = COMPLAINT_CONFLICT;
    return complaint;
}

/* Nobody waits for it here: whether it is valid and known, the pool decides. */
static enum status take_timeout(struct local_call *c, struct span bytes)
{
    struct local *l = c->session->local;
    struct flow_tx *t = flow_tx_new(l->config.mem, bytes);
    if (t == NULL) return ST_NO_MEMORY;
    enum status st = replica_submit(l->config.replica, t);
    if (st != ST_OK) flow_tx_free(t);
    return st;
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
