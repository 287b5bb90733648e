/* block_control.c - BEGIN, COMMIT, savepoints, modes, LOCK and cursors: what they do to a session,
 * in PostgreSQL's words. */
#include "base/must.h"
#include "node/block_int.h"

#define SAVEPOINTS_FIRST 8u

static enum status begin(struct local_call *c, const struct sql_control *control);
static enum status end(struct local_call *c, const struct sql_control *control);
static enum status savepoint(struct local_call *c, const struct sql_control *control);
static enum status back(struct local_call *c, const struct sql_control *control);
static enum status set_modes(struct local_call *c, const struct sql_control *control);
static enum status lock(struct local_call *c, const struct compiled *statement);
static enum status declare(struct local_call *c, const struct sql_control *control);
static enum status fetch(struct local_call *c, const struct sql_control *control);
static enum status close_cursor(struct local_call *c, const struct sql_control *control);

void block_warn(struct local_call *c, const char *sqlstate, const char *text)
{
    struct diag d;
    diag_set(&d, sqlstate, "%s", text);
    call_notice(c, &d);
}

static enum status complete(struct local_call *c)
{
    const char *tag = c->statements[0]->statement.tag;
    c->text_at++;
    c->reply.complete(c->reply.context, tag, false, 0);
    return ST_OK;
}

static enum status only_in_blocks(struct local_call *c, const char *what)
{
    diag_set(&c->diag, "25P01", "%s can only be used in transaction blocks", what);
    return ST_INVALID;
}

static bool is_in_block(const struct local_call *c)
{
    const struct block *b = &c->session->block;
    return b->state != BLOCK_NONE && !b->is_implicit;
}

/* LOCK and DECLARE are right in an implicit transaction of several statements, too. */
static bool is_in_any(const struct local_call *c)
{
    return is_in_block(c) || c->is_open || c->text_count > 1;
}

enum status block_control(struct local_call *c, const struct compiled *statement)
{
    const struct sql_control *control = statement->statement.control;
    must(control != NULL);
    switch (control->verb) {
    case SQL_VERB_BEGIN: return begin(c, control);
    case SQL_VERB_COMMIT:
    case SQL_VERB_ROLLBACK: return end(c, control);
    case SQL_VERB_SAVEPOINT: return savepoint(c, control);
    case SQL_VERB_RELEASE:
    case SQL_VERB_ROLLBACK_TO: return back(c, control);
    case SQL_VERB_SET_TRANSACTION:
    case SQL_VERB_SET_SESSION: return set_modes(c, control);
    case SQL_VERB_LOCK: return lock(c, statement);
    case SQL_VERB_DECLARE: return declare(c, control);
    case SQL_VERB_FETCH:
    case SQL_VERB_MOVE: return fetch(c, control);
    case SQL_VERB_CLOSE: return close_cursor(c, control);
    }
    must(false);
    return ST_INVALID;
}

/* --- modes ------------------------------------------------------------------------------------ */

static void apply(struct settings_modes *modes, const struct sql_control *control)
{
    if (control->isolation != SQL_ISOLATION_UNSET) modes->isolation = control->isolation;
    if (control->read_only != SQL_CHOICE_UNSET)
        modes->is_read_only = control->read_only == SQL_CHOICE_ON;
    if (control->deferrable != SQL_CHOICE_UNSET)
        modes->is_deferrable = control->deferrable == SQL_CHOICE_ON;
}

static enum status set_modes(struct local_call *c, const struct sql_control *control)
{
    struct backend_session *s = c->session;
    const struct settings_modes *now = &s->settings.modes;
    if (control->verb == SQL_VERB_SET_SESSION) {
        apply(&s->settings.default_modes, control);
        apply(&s->block.after.default_modes, control);
        return complete(c);
    }
    if (!is_in_block(c)) {
        block_warn(c, "25P01", "SET TRANSACTION can only be used in transaction blocks");
        return complete(c);
    }
    if (s->block.has_run && control->isolation != SQL_ISOLATION_UNSET &&
        control->isolation != now->isolation) {
        diag_set(&c->diag, "25001",
                 "SET TRANSACTION ISOLATION LEVEL must be called before any query");
        return ST_INVALID;
    }
    if (s->block.has_run && control->read_only == SQL_CHOICE_OFF && now->is_read_only) {
        diag_set(&c->diag, "25001", "transaction read-write mode must be set before any query");
        return ST_INVALID;
    }
    apply(&s->settings.modes, control);
    return complete(c);
}

/* --- begin and end ---------------------------------------------------------------------------- */

static enum status begin(struct local_call *c, const struct sql_control *control)
{
    struct block *b = &c->session->block;
    if (is_in_block(c)) {
        block_warn(c, "25001", "there is already a transaction in progress");
        return complete(c);
    }
    if (b->state == BLOCK_NONE) block_start(c, BLOCK_OPEN);
    b->state = BLOCK_OPEN; /* What the query string did before is part of it. */
    b->is_implicit = false;
    apply(&c->session->settings.modes, control);
    return complete(c);
}

static enum status end(struct local_call *c, const struct sql_control *control)
{
    struct block *b = &c->session->block;
    const bool is_commit = control->verb == SQL_VERB_COMMIT && b->state != BLOCK_FAILED;
    if (!is_in_block(c)) {
        if (control->is_chain)
            return only_in_blocks(c, control->verb == SQL_VERB_COMMIT ? "COMMIT AND CHAIN"
                                                                      : "ROLLBACK AND CHAIN");
        block_warn(c, "25P01", "there is no transaction in progress");
    }
    c->text_at++;
    c->is_chain = control->is_chain;
    c->tag = is_commit ? "COMMIT" : "ROLLBACK";
    if (control->verb == SQL_VERB_COMMIT && b->state == BLOCK_NONE) c->tag = "COMMIT";
    if (b->state == BLOCK_NONE || !is_commit || b->write_count == 0) {
        block_finish(c, is_commit);
        return ST_OK;
    }
    return block_commit(c); /* Goes on in block_settled. */
}

/* --- savepoints ------------------------------------------------------------------------------- */

static enum status grow_savepoints(struct block *b)
{
    if (b->savepoint_count < b->savepoint_room) return ST_OK;
    const uint32_t room = b->savepoint_room == 0 ? SAVEPOINTS_FIRST : 2 * b->savepoint_room;
    struct block_savepoint *more = arena_alloc(&b->arena, room * sizeof *more);
    if (more == NULL) return ST_NO_MEMORY;
    if (b->savepoint_count > 0) memcpy(more, b->savepoints, b->savepoint_count * sizeof *more);
    b->savepoints = more;
    b->savepoint_room = room;
    return ST_OK;
}

static enum status savepoint(struct local_call *c, const struct sql_control *control)
{
    struct block *b = &c->session->block;
    if (!is_in_block(c)) return only_in_blocks(c, "SAVEPOINT");
    if (b->savepoint_count == DESK_SAVEPOINTS_MAX) {
        diag_set(&c->diag, "54000", "more than %u savepoints", DESK_SAVEPOINTS_MAX);
        return ST_LIMIT;
    }
    if (block_needs_desk(c)) return block_begin_desk(c);
    TRY(grow_savepoints(b));
    c->text_at++;
    struct block_savepoint *p = &b->savepoints[b->savepoint_count];
    *p = (struct block_savepoint){.name = arena_copy(&b->arena, control->name),
                                  .op_count = b->op_count,
                                  .write_count = b->write_count,
                                  .bytes = b->bytes};
    if (p->name.data == NULL) return ST_NO_MEMORY;
    c->task.number = b->savepoint_count;
    return block_task(c, DESK_SAVEPOINT, WAIT_SAVEPOINT);
}

static enum status back(struct local_call *c, const struct sql_control *control)
{
    struct block *b = &c->session->block;
    const bool is_release = control->verb == SQL_VERB_RELEASE;
    if (!is_in_block(c))
        return only_in_blocks(c, is_release ? "RELEASE SAVEPOINT" : "ROLLBACK TO SAVEPOINT");
    uint32_t i = b->savepoint_count;
    while (i > 0 && !span_equal(b->savepoints[i - 1].name, control->name))
        i--;
    if (i == 0) {
        diag_set(&c->diag, "3B001", "savepoint \"%.*s\" does not exist", (int)control->name.size,
                 (const char *)control->name.data);
        return ST_NOT_FOUND;
    }
    if (b->is_lost) {
        diag_set(&c->diag, "40001", "the transaction was undone as a whole");
        diag_hint(&c->diag,
                  "The statement that failed took everything along. ROLLBACK, and retry.");
        return ST_INVALID;
    }
    c->text_at++;
    c->task.number = i - 1;
    if (is_release) return block_task(c, DESK_RELEASE, WAIT_RELEASE);
    return block_task(c, DESK_ROLLBACK_TO, WAIT_ROLLBACK_TO);
}

enum status block_savepoint_done(struct local_call *c)
{
    struct block *b = &c->session->block;
    const uint32_t number = c->task.number;
    if (c->wait == WAIT_SAVEPOINT) {
        b->savepoint_count = number + 1;
    } else if (c->wait == WAIT_RELEASE) {
        b->savepoint_count = number;
    } else {
        const struct block_savepoint *p = &b->savepoints[number];
        b->savepoint_count = number + 1;
        b->op_count = p->op_count; /* B4 */
        b->write_count = p->write_count;
        b->bytes = p->bytes;
        b->state = BLOCK_OPEN;
        cursors_close_from(&b->cursors, number + 1);
    }
    c->reply.complete(c->reply.context, c->statements[0]->statement.tag, false, 0);
    return ST_OK;
}

/* --- LOCK ------------------------------------------------------------------------------------- */

/* No lock is held: COMMIT fails when what was read has changed, which is what a lock is for. */
static enum status lock(struct local_call *c, const struct compiled *statement)
{
    if (!is_in_any(c)) return only_in_blocks(c, "LOCK TABLE");
    TRY(exec_check_access(statement->catalog, &statement->statement, &c->session->account,
                          &c->diag));
    return complete(c);
}

/* --- cursors ---------------------------------------------------------------------------------- */

void block_forget_select(struct local_call *c)
{
    compiled_unref(c->cursor_select);
    c->cursor_select = NULL;
}

static enum status compile_select(struct local_call *c, struct span text)
{
    struct sql_catalog *catalog = call_catalog(c->session);
    struct compiled_request request = {.catalog = catalog,
                                       .account = c->session->account.id,
                                       .text = text,
                                       .search_path =
                                           search_path_of(c->session, catalog, &c->arena),
                                       .declared = c->declared,
                                       .declared_count = c->param_count};
    enum status st = call_compiled(c, &request, &c->cursor_select);
    sql_catalog_unref(catalog);
    if (st != ST_OK && st != ST_BUSY && c->diag.position > 0)
        c->diag.position += (uint32_t)(text.data - c->statements[0]->text.data);
    return st;
}

static enum status declare(struct local_call *c, const struct sql_control *control)
{
    struct block *b = &c->session->block;
    if (!is_in_any(c)) return only_in_blocks(c, "DECLARE CURSOR");
    if (block_needs_desk(c)) return block_begin_desk(c);
    TRY(compile_select(c, control->query));
    const struct sql_statement *select = &c->cursor_select->statement;
    enum status st = select->kind == SQL_KIND_SELECT && !select->is_write ? ST_OK : ST_UNSUPPORTED;
    if (st != ST_OK)
        diag_set(&c->diag, "0A000", "DECLARE CURSOR takes a SELECT that changes nothing");
    if (st == ST_OK && select->param_count > c->param_count) {
        diag_set(&c->diag, "42P02", "there is no parameter $%u", c->param_count + 1);
        st = ST_INVALID;
    }
    if (st == ST_OK) st = cursors_declare(&b->cursors, &c->cursor, control, select, &c->diag);
    if (st == ST_OK) {
        c->cursor->depth = b->savepoint_count;
        c->text_at++;
        st = block_select(c, c->cursor_select, WAIT_CURSOR);
        if (st != ST_OK) (void)cursors_close(&b->cursors, control->name);
    }
    if (st != ST_OK) block_forget_select(c);
    return st;
}

static enum status no_cursor(struct local_call *c, struct span name)
{
    diag_set(&c->diag, "34000", "cursor \"%.*s\" does not exist", (int)name.size,
             (const char *)name.data);
    return ST_NOT_FOUND;
}

static enum status fetch(struct local_call *c, const struct sql_control *control)
{
    struct cursor_rows *cursor = cursors_find(&c->session->block.cursors, control->name);
    if (cursor == NULL) return no_cursor(c, control->name);
    struct cursor_move move;
    TRY(cursor_move(cursor, &move, control, &c->diag));
    c->text_at++;
    const bool is_fetch = control->verb == SQL_VERB_FETCH;
    const struct backend_reply *reply = &c->reply;
    if (is_fetch) reply->columns(reply->context, cursor->columns, cursor->column_count);
    if (is_fetch && move.count > 0 && !move.is_backward)
        reply->rows(reply->context, cursor->columns, cursor->column_count,
                    cursor_span(cursor, move.first, move.count), move.count);
    for (uint64_t i = move.count; i > 0 && is_fetch && move.is_backward; i--)
        reply->rows(reply->context, cursor->columns, cursor->column_count,
                    cursor_span(cursor, move.first + i - 1, 1), 1);
    reply->complete(reply->context, is_fetch ? "FETCH" : "MOVE", true, move.count);
    return ST_OK;
}

static enum status close_cursor(struct local_call *c, const struct sql_control *control)
{
    if (!cursors_close(&c->session->block.cursors, control->name))
        return no_cursor(c, control->name);
    return complete(c);
}
