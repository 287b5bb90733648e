/* COPY FROM STDIN: the door reads what its client sends and gives rows; each portion becomes one
 * transaction, of one operation whose parameter holds the rows. There is one portion, unless the
 * client has asked for several (trustsql.copy_split). */
#include "base/must.h"
#include "node/local_int.h"

#define ENVELOPE_MAX (64u << 10) /* Bytes of a transaction beside the rows, with room to spare. */

static enum status check_split(struct local_call *c);
static enum status take_rows(struct local_call *c, struct span rows);

enum status call_copy_begin(struct local_call *c)
{
    const struct compiled *statement = c->statements[c->is_block ? 0 : c->at];
    must(statement->statement.kind == SQL_KIND_COPY_IN);
    if (c->text_count > 1 && !c->is_block) {
        diag_set(&c->diag, "0A000", "COPY FROM STDIN stands alone in its query");
        diag_hint(&c->diag, "Send it as a query of its own.");
        return ST_UNSUPPORTED;
    }
    if (c->param_count > 0 || c->reply.copy == NULL) {
        diag_set(&c->diag, "0A000", "COPY FROM STDIN takes no parameters");
        return ST_UNSUPPORTED;
    }
    TRY(exec_check_access(statement->catalog, &statement->statement, &c->session->account,
                          &c->diag));
    if (!c->is_block) TRY(check_split(c));
    c->is_copying = true;
    c->is_told = false;
    const struct backend_copy_begin begin = {.copy = statement->statement.copy,
                                             .bytes_max = TX_BYTES_MAX - ENVELOPE_MAX,
                                             .is_split = c->session->settings.is_copy_split &&
                                                         !c->is_block};
    c->reply.copy(c->reply.context, &begin);
    return ST_OK;
}

void call_say_columns(const struct local_call *c, const struct sql_statement *statement)
{
    const struct backend_copy_begin begin = {.copy = statement->copy};
    if (statement->copy != NULL)
        c->reply.copy(c->reply.context, &begin);
    else
        c->reply.columns(c->reply.context, statement->columns, statement->column_count);
}

void call_copy_tell(struct local_call *c)
{
    if (!c->is_copying || c->is_told) return;
    c->is_told = true;
    c->reply.copy_more(c->reply.context);
}

/* A key names one transaction. */
static enum status check_split(struct local_call *c)
{
    const struct settings *settings = &c->session->settings;
    if (!settings->is_copy_split || settings->key_size == 0) return ST_OK;
    diag_set(&c->diag, "0A000",
             "a COPY in several transactions cannot have one trustsql.idempotency_key");
    diag_hint(&c->diag, "RESET trustsql.copy_split, or trustsql.idempotency_key.");
    return ST_UNSUPPORTED;
}

/* The call is over, well or not. */
static void finish(struct local_call *c)
{
    if (c->diag.sqlstate[0] != 0) call_forget_settings(c);
    c->state = CALL_DONE;
    session_advance(c->session);
}

void call_copy_take(struct local_call *c, const struct backend_copy *in)
{
    must(c->is_copying);
    must(c->state == CALL_RUNNING);
    c->is_copying = false;
    c->has_more = !in->is_last;
    if (in->failed != NULL) c->diag = *in->failed;
    if (c->is_block) {
        block_copy(c, in->rows);
        return;
    }
    if (in->failed != NULL) {
        finish(c);
        return;
    }
    if (in->is_last && in->rows.size == 0) { /* Nothing, or nothing after the last portion. */
        c->reply.complete(c->reply.context, "COPY", true, 0);
        finish(c);
        return;
    }
    if (take_rows(c, in->rows) == ST_OK) return; /* Goes on when the ticket settles. */
    if (c->diag.sqlstate[0] == 0) diag_set(&c->diag, "53200", "out of memory");
    finish(c);
}

static enum status take_rows(struct local_call *c, struct span rows)
{
    c->params = arena_alloc_zero(&c->arena, 1, sizeof *c->params);
    if (c->params == NULL) return ST_NO_MEMORY;
    *c->params = (struct sql_value){.type = SQL_BYTEA, .bytes = rows};
    c->param_count = 1;
    return write_begin(c);
}

bool call_copy_goes_on(struct local_call *c)
{
    if (!c->has_more) return false;
    c->has_more = false;
    c->is_copying = !c->session->is_closed;
    c->is_told = false;
    c->state = c->is_copying ? CALL_RUNNING : CALL_DONE;
    return true;
}
