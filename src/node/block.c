/* block.c - See block.h. A call's statements run one after the other; whatever is slow is a task at
 * the session's desk, and the call goes on when it has come back. */
#include "node/block.h"

#include "base/must.h"
#include "node/block_int.h"
#include "sql/lex.h"

#define OPS_FIRST 16u

static enum status run_one(struct local_call *c);
static enum status run_statement(struct local_call *c, struct compiled *statement);
static enum status read(struct local_call *c, const struct compiled *statement);
static enum status take_desk(struct local_call *c);
static enum status begin_desk(struct local_call *c);
static void finish_call(struct local_call *c);
static void go_on(struct local_call *c);

/* --- which calls ------------------------------------------------------------------------------ */

static struct lex_token second(struct span text, struct lex_token first)
{
    return lex_next(text, first.start + first.size);
}

/* Does a statement begin here that makes, ends or needs a block? */
static bool is_control(struct span text, struct lex_token t)
{
    static const char *const words[] = {"begin",     "start",   "commit",  "end",    "rollback",
                                        "abort",     "lock",    "declare", "move",   "fetch",
                                        "savepoint", "release", "close",   "prepare"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (lex_is(text, t, words[i])) return true;
    if (!lex_is(text, t, "set")) return false;
    const struct lex_token next = second(text, t);
    return lex_is(text, next, "transaction") || lex_is(text, next, "session") ||
           lex_is(text, next, "local");
}

static bool has_control(struct span text)
{
    struct lex_token t = lex_next(text, 0);
    bool is_first = true;
    uint32_t depth = 0;
    if (text.size == 0 || memchr(text.data, ';', text.size) == NULL) return is_control(text, t);
    for (; t.kind != LEX_END; t = lex_next(text, t.start + t.size)) {
        if (is_first && is_control(text, t)) return true;
        is_first = t.kind == LEX_SEMICOLON && depth == 0;
        depth += t.kind == LEX_OPEN;
        depth -= t.kind == LEX_CLOSE && depth > 0;
    }
    return false;
}

bool block_wants(struct local_call *c)
{
    const struct block *b = &c->session->block;
    return c->is_sync || c->is_open || b->state != BLOCK_NONE || has_control(c->text);
}

/* COMMIT, END, ROLLBACK [TO], ABORT. */
static bool is_exit(struct span text)
{
    const struct lex_token t = lex_next(text, 0);
    return lex_is(text, t, "commit") || lex_is(text, t, "end") || lex_is(text, t, "rollback") ||
           lex_is(text, t, "abort");
}

bool block_refuses(const struct backend_session *s, struct span text, struct diag *d)
{
    if (s->block.state != BLOCK_FAILED || is_exit(text)) return false;
    diag_set(d, "25P02",
             "current transaction is aborted, commands ignored until end of transaction block");
    return true;
}

/* --- life ------------------------------------------------------------------------------------- */

void block_start(struct local_call *c, enum block_state state)
{
    struct backend_session *s = c->session;
    struct block *b = &s->block;
    must(b->state == BLOCK_NONE);
    must(b->place == NULL); /* B1 */
    struct os *os = s->local->config.os;
    struct replica_view view;
    replica_view(s->local->config.replica, &view);
    b->now_ms = os->wall_ms(os);
    if (b->now_ms < view.time_ms) b->now_ms = view.time_ms;
    arena_init(&b->arena, s->local->config.mem, 0);
    b->state = state;
    b->is_implicit = state == BLOCK_IMPLICIT;
    b->before = s->settings;
    b->after = s->settings;
    s->settings.modes = s->settings.default_modes;
}

/* B2: no task is under way. */
static void give_desk(struct backend_session *s)
{
    struct block *b = &s->block;
    if (b->place != NULL) desks_give(&s->local->desks, b->place);
    b->place = NULL;
    sql_catalog_unref(b->catalog);
    b->catalog = NULL;
}

void block_end(struct backend_session *s, bool is_committed)
{
    struct block *b = &s->block;
    if (b->state == BLOCK_NONE) return;
    passwords_settle(s, true); /* Of a COMMIT they are settled before. */
    give_desk(s);
    (void)cursors_close(&b->cursors, span_of(NULL, 0));
    arena_fini(&b->arena);
    s->settings = is_committed ? b->after : b->before;
    s->settings.modes = s->settings.default_modes;
    const struct cursors cursors = b->cursors;
    *b = (struct block){.cursors = cursors};
}

void block_fini(struct backend_session *s)
{
    block_end(s, false);
}

static void fail(struct block *b)
{
    if (b->state == BLOCK_IMPLICIT || b->state == BLOCK_OPEN) b->state = BLOCK_FAILED;
}

void block_spoil(struct backend_session *s)
{
    fail(&s->block);
}

/* --- a call ----------------------------------------------------------------------------------- */

static bool has_failed(const struct local_call *c)
{
    return c->diag.sqlstate[0] != 0;
}

static void explain(struct local_call *c, enum status st)
{
    if (c->wait == WAIT_COMPILE) return;
    if (st != ST_OK && !has_failed(c)) diag_set(&c->diag, "53200", "out of memory");
}

void block_run(struct local_call *c)
{
    struct os *os = c->session->local->config.os;
    c->state = CALL_RUNNING;
    c->session->block.used_ms = os->monotonic_ns(os) / 1000000u;
    if (c->is_sync && c->wait == WAIT_NOTHING) {
        finish_call(c);
        return;
    }
    if (!has_failed(c)) explain(c, call_split(c));
    while (c->wait == WAIT_NOTHING && !has_failed(c) && c->text_at < c->text_count &&
           !c->session->is_closed)
        explain(c, run_one(c));
    if (c->wait == WAIT_NOTHING) finish_call(c);
}

/* All its statements have run, or one has failed: an implicit transaction ends where its query
 * string or its Sync does. */
static void finish_call(struct local_call *c)
{
    struct backend_session *s = c->session;
    struct block *b = &s->block;
    if (has_failed(c)) fail(b);
    if (b->is_implicit && (c->is_sync || !c->is_open)) {
        c->tag = NULL;
        if (b->state == BLOCK_FAILED || s->is_closed)
            block_end(s, false);
        else
            explain(c, block_commit(c));
        if (c->wait != WAIT_NOTHING) return;
    }
    c->state = CALL_DONE;
}

static void go_on(struct local_call *c)
{
    struct backend_session *s = c->session;
    c->wait = WAIT_NOTHING;
    if (c->is_sync)
        c->state = CALL_DONE; /* Its commit has come back. */
    else
        block_run(c);
    session_advance(s);
}

/* An error inside what the desk could not survive. */
static void tell_eviction(struct local_call *c)
{
    diag_set(&c->diag, "25P03", "the transaction was ended, for others waited for its place");
    diag_hint(&c->diag, "It did nothing for more than a second while all places were taken.");
    c->session->block.is_evicted = false;
}

/* What steers the session is the same whatever there is in the catalog: a DECLARE whose SELECT was
 * compiled is not compiled again. */
static bool is_kept(const struct local_call *c)
{
    return c->statement_count == 1 && c->kept_at == c->text_at &&
           c->statements[0]->statement.kind == SQL_KIND_CONTROL;
}

static enum status compile_one(struct local_call *c, struct compiled **out)
{
    struct sql_text *text = &c->texts[c->text_at];
    TRY(call_expand(c, text));
    if (is_kept(c)) {
        *out = c->statements[0];
        (*out)->refs++;
        return ST_OK;
    }
    struct sql_catalog *catalog = call_catalog(c->session);
    struct compiled_request request = {.catalog = catalog,
                                       .account = c->session->account.id,
                                       .text = text->text,
                                       .search_path =
                                           search_path_of(c->session, catalog, &c->arena),
                                       .declared = c->declared,
                                       .declared_count = c->param_count};
    enum status st = call_compiled(c, &request, out);
    sql_catalog_unref(catalog); /* The compiled statement holds a reference of its own. */
    if (st == ST_OK && !c->is_single && (*out)->statement.param_count > c->param_count) {
        compiled_unref(*out);
        return call_no_parameter(&c->diag, text);
    }
    if (st != ST_OK && st != ST_BUSY) call_shift_position(&c->diag, text);
    return st;
}

/* The statement that runs, kept for its columns and its answer. */
static void keep_statement(struct local_call *c, struct compiled *statement)
{
    for (uint32_t i = 0; i < c->statement_count; i++)
        compiled_unref(c->statements[i]);
    c->statements[0] = statement;
    c->statement_count = 1;
    c->kept_at = c->text_at;
}

/* Compiled once, for its types; what is kept is its text. */
static enum status prepare(struct local_call *c)
{
    const struct sql_text *text = &c->texts[c->text_at];
    if (c->preparing == NULL) {
        struct prepared_text *made = arena_alloc_zero(&c->arena, 1, sizeof *made);
        if (made == NULL) return ST_NO_MEMORY;
        enum status st = prepared_parse(made, &c->arena, text->text, &c->diag);
        if (st != ST_OK) call_shift_position(&c->diag, text);
        TRY(st);
        c->preparing = made;
    }
    struct compiled *statement = NULL;
    struct sql_catalog *catalog = call_catalog(c->session);
    const struct compiled_request request = {.catalog = catalog,
                                             .account = c->session->account.id,
                                             .text = c->preparing->typed,
                                             .search_path =
                                                 search_path_of(c->session, catalog, &c->arena),
                                             .declared = c->declared};
    enum status st = call_compiled(c, &request, &statement);
    sql_catalog_unref(catalog);
    if (st == ST_OK)
        st = prepared_add(&c->session->names, c->preparing, &statement->statement, &c->diag);
    compiled_unref(statement);
    if (st == ST_BUSY) return st;
    c->diag.position = 0; /* It was of the text with its types. */
    c->preparing = NULL;
    c->text_at++;
    if (st == ST_OK) c->reply.complete(c->reply.context, "PREPARE", false, 0);
    return st;
}

static enum status run_one(struct local_call *c)
{
    const struct sql_text *text = &c->texts[c->text_at];
    if (c->session->block.is_evicted) {
        tell_eviction(c);
        if (is_exit(text->text)) block_end(c->session, false);
        return ST_INVALID;
    }
    if (block_refuses(c->session, text->text, &c->diag)) return ST_INVALID;
    if (prepared_is_prepare(text->text)) return prepare(c);
    struct compiled *statement = NULL;
    TRY(compile_one(c, &statement));
    keep_statement(c, statement);
    enum status st = run_statement(c, statement);
    if (st != ST_OK) call_shift_position(&c->diag, text);
    return st;
}

/* --- statements ------------------------------------------------------------------------------- */

/* Statement text of an error: "INSERT", "CREATE TABLE". */
static int tag_size(const char *tag)
{
    size_t size = strlen(tag);
    if (size > 2 && memcmp(tag + size - 2, " 0", 2) == 0) size -= 2;
    return (int)size;
}

static enum status refuse_inside(struct local_call *c, const struct sql_statement *s)
{
    diag_set(&c->diag, "25001", "%.*s cannot run inside a transaction block", tag_size(s->tag),
             s->tag);
    diag_hint(&c->diag, "It is a transaction of its own: COMMIT before.");
    return ST_INVALID;
}

enum status block_refuse_write(struct local_call *c, const struct sql_statement *s)
{
    diag_set(&c->diag, "25006", "cannot execute %.*s%s%s in a read-only transaction",
             tag_size(s->tag), s->tag, s->locks != NULL ? " " : "",
             s->locks != NULL ? s->locks : "");
    return ST_INVALID;
}

static enum status check_modes(struct local_call *c, const struct sql_statement *s)
{
    const struct settings *settings = &c->session->settings;
    const bool writes = s->is_write || s->locks != NULL;
    if (!writes) return ST_OK;
    if (settings->modes.is_read_only) return block_refuse_write(c, s);
    if (settings->height == 0 && settings->read_height == 0) return ST_OK;
    diag_set(&c->diag, "25006",
             "cannot write while trustsql.height or trustsql.read_height is set");
    diag_hint(&c->diag, "RESET it.");
    return ST_INVALID;
}

static enum status set(struct local_call *c, const struct sql_statement *s)
{
    struct backend_session *session = c->session;
    struct block *b = &session->block;
    c->text_at++;
    const bool is_all = span_equal(s->name, span_text("all"));
    const bool moves = settings_is_height(s->name) && (!is_all || session->settings.height != 0);
    if (moves && b->state != BLOCK_NONE) return refuse_inside(c, s);
    if (settings_is_mode(s->name) && b->has_run) {
        diag_set(&c->diag, "25001", "%.*s must be set before any query", (int)s->name.size,
                 (const char *)s->name.data);
        return ST_INVALID;
    }
    if (s->is_local && (b->state == BLOCK_NONE || b->is_implicit)) {
        block_warn(c, "25P01", "SET LOCAL can only be used in transaction blocks");
        const struct settings before = session->settings;
        enum status st = call_set(c, s);
        session->settings = before;
        return st;
    }
    if (!s->is_local && b->state != BLOCK_NONE && !settings_is_mode(s->name)) {
        const struct settings local = session->settings;
        struct span value = {0};
        if (s->argument_count > 0) value = s->arguments[0].value.bytes;
        session->settings = b->after;
        TRY(settings_set(&session->settings, s->name, value, &c->diag));
        b->after = session->settings;
        session->settings = local;
    }
    return call_set(c, s);
}

/* The desk first: the client sends what nobody can send again. */
static enum status copy_in(struct local_call *c)
{
    if (block_needs_desk(c)) return begin_desk(c);
    c->wait = WAIT_COPY;
    const enum status st = call_copy_begin(c);
    if (st != ST_OK) c->wait = WAIT_NOTHING;
    return st;
}

void block_copy(struct local_call *c, struct span rows)
{
    must(c->wait == WAIT_COPY);
    c->wait = WAIT_NOTHING;
    if (!has_failed(c) && rows.size == 0) {
        c->text_at++;
        c->reply.complete(c->reply.context, "COPY", true, 0);
    } else if (!has_failed(c)) {
        struct sql_value value = {.type = SQL_BYTEA, .bytes = rows};
        struct sql_value *before = c->params;
        c->params = &value;
        c->param_count = 1;
        explain(c, block_write(c, c->statements[0]));
        c->params = before;
        c->param_count = 0;
    }
    if (c->wait == WAIT_NOTHING) go_on(c);
}

static enum status run_statement(struct local_call *c, struct compiled *statement)
{
    const struct sql_statement *s = &statement->statement;
    TRY(check_modes(c, s));
    switch (s->kind) {
    case SQL_KIND_EMPTY: c->text_at++; return ST_OK;
    case SQL_KIND_SET: return set(c, s);
    case SQL_KIND_SHOW: c->text_at++; return call_show(c, s);
    case SQL_KIND_FORGET:
        if (strcmp(s->tag, "DISCARD ALL") == 0 && c->session->block.state != BLOCK_NONE)
            return refuse_inside(c, s);
        c->text_at++;
        return call_forget(c, s);
    case SQL_KIND_CONTROL: return block_control(c, statement);
    case SQL_KIND_CALL:
    case SQL_KIND_SUBMIT:
    case SQL_KIND_COMPLAIN: return refuse_inside(c, s);
    case SQL_KIND_COPY_OUT: return read(c, statement);
    case SQL_KIND_SELECT:
        if (!s->is_write) return read(c, statement);
        break;
    case SQL_KIND_COPY_IN: return copy_in(c);
    case SQL_KIND_INSERT:
    case SQL_KIND_UPDATE:
    case SQL_KIND_DELETE:
    case SQL_KIND_CREATE_TABLE:
    case SQL_KIND_DROP_TABLE:
    case SQL_KIND_CREATE_INDEX:
    case SQL_KIND_DROP_INDEX:
    case SQL_KIND_GRANT:
    case SQL_KIND_REVOKE:
    case SQL_KIND_DDL: break;
    }
    return block_write(c, statement);
}

/* Blocks, transactions and what a node says of itself are no part of the state. */
static bool is_of_chain(const struct compiled *statement)
{
    const struct sql_statement *s = &statement->statement;
    if (s->calls_node || s->is_inexact || s->kind == SQL_KIND_COPY_OUT)
        return false; /* Neither is an operation. */
    for (uint32_t i = 0; i < s->access_count; i++) {
        const struct catalog_table *t =
            sql_catalog_by_id(statement->catalog, s->access[i].table_id);
        if (t == NULL || t->is_virtual) return false;
    }
    return true;
}

/* What a transaction cannot change, or does not answer for, does not make it fail. */
static bool counts(const struct local_call *c, const struct sql_statement *s)
{
    const struct settings_modes *modes = &c->session->settings.modes;
    if (modes->is_read_only || s->access_count == 0) return false;
    return s->locks != NULL || modes->isolation > SQL_READ_COMMITTED;
}

enum status block_select(struct local_call *c,
                         const struct compiled *statement,
                         enum call_wait wait)
{
    const struct settings *settings = &c->session->settings;
    struct block *b = &c->session->block;
    const bool is_of_state = is_of_chain(statement);
    TRY(call_check_quarantine(c, statement));
    c->has_columns_sent = false;
    c->row_count = 0;
    c->is_counted = is_of_state && counts(c, &statement->statement);
    b->has_run = true;
    if (settings->height > 0 || settings->read_height > 0) {
        c->is_counted = false;
        c->wait = wait;
        enum status st = call_read(c, statement);
        if (st != ST_OK) c->wait = WAIT_NOTHING;
        return st;
    }
    if (is_of_state) {
        TRY(block_put_op(c, statement));
        return block_task(c, DESK_READ, wait);
    }
    TRY(exec_check_access(statement->catalog, &statement->statement, &c->session->account,
                          &c->diag));
    return block_task(c, DESK_READ_HERE, wait);
}

static enum status read(struct local_call *c, const struct compiled *statement)
{
    if (block_needs_desk(c)) return begin_desk(c);
    c->text_at++;
    return block_select(c, statement, WAIT_ROWS);
}

enum status block_write(struct local_call *c, const struct compiled *statement)
{
    if (block_needs_desk(c)) return begin_desk(c);
    if (c->text_at < c->text_count) c->text_at++;
    c->session->block.has_run = true;
    if (desk_exec_version(c->session->block.place->desk) < EXEC_EXPECT_SINCE) {
        diag_set(&c->diag, "0A000", "a transaction block cannot write before exec_version %u",
                 EXEC_EXPECT_SINCE);
        diag_hint(&c->diag, "Send the statements in one query string, separated by semicolons.");
        return ST_UNSUPPORTED;
    }
    TRY(call_check_quarantine(c, statement));
    TRY(block_put_op(c, statement));
    c->is_counted = true;
    return block_task(c, DESK_RUN, WAIT_WRITE);
}

/* --- operations ------------------------------------------------------------------------------- */

static size_t size_of(const struct tx_op *op)
{
    size_t size = op->text.size + 16;
    for (uint32_t i = 0; i < op->param_count; i++)
        size += op->params[i].value.size + 8;
    return size;
}

/* Of a statement: c->op, in the memory of the block when it will be kept. */
enum status block_put_op(struct local_call *c, const struct compiled *statement)
{
    struct block *b = &c->session->block;
    struct arena *a = c->is_counted || statement->statement.is_write ? &b->arena : &c->arena;
    TRY(write_op(c, a, statement, &c->op));
    if (b->op_count + 1 < TX_OPS_MAX && b->bytes + size_of(&c->op) < TX_BYTES_MAX) return ST_OK;
    diag_set(&c->diag, "54000", "the transaction is larger than %u operations or %u bytes",
             TX_OPS_MAX, TX_BYTES_MAX);
    diag_hint(&c->diag, "Split it into several.");
    return ST_LIMIT;
}

static void *grow(struct arena *a, const void *items, uint32_t count, uint32_t room, size_t size)
{
    void *more = arena_alloc(a, room * size);
    if (more != NULL && count > 0) memcpy(more, items, count * size);
    return more;
}

static enum status keep_op(struct local_call *c)
{
    struct block *b = &c->session->block;
    if (b->op_count == b->op_room) {
        const uint32_t room = b->op_room == 0 ? OPS_FIRST : 2 * b->op_room;
        struct tx_op *ops = grow(&b->arena, b->ops, b->op_count, room, sizeof *ops);
        struct op_result *results = grow(&b->arena, b->results, b->op_count, room, sizeof *results);
        if (ops == NULL || results == NULL) return ST_NO_MEMORY;
        b->ops = ops;
        b->results = results;
        b->op_room = room;
    }
    b->ops[b->op_count] = c->op;
    b->results[b->op_count++] = c->task.result.result; /* B3 */
    b->bytes += size_of(&c->op);
    return ST_OK;
}

/* --- the desk --------------------------------------------------------------------------------- */

bool block_needs_desk(const struct local_call *c)
{
    const struct block *b = &c->session->block;
    const struct settings *s = &c->session->settings;
    return b->place == NULL && s->height == 0 && s->read_height == 0;
}

/* Who does nothing while others wait gives way. */
static bool evict(struct local *l, struct desk_place **out)
{
    const uint64_t now = l->config.os->monotonic_ns(l->config.os) / 1000000u;
    struct backend_session *idlest = NULL;
    for (struct backend_session *s = l->sessions; s != NULL; s = s->next) {
        const bool is_idle = s->block.place != NULL && s->first == NULL &&
                             now - s->block.used_ms >= READERS_PATIENCE_MS;
        if (is_idle && (idlest == NULL || s->block.used_ms <= idlest->block.used_ms)) idlest = s;
    }
    if (idlest == NULL) return false;
    struct block *b = &idlest->block;
    *out = b->place;
    desk_end(b->place->desk);
    b->place = NULL;
    b->is_evicted = true;
    b->is_lost = true;
    fail(b);
    return true;
}

static enum status take_desk(struct local_call *c)
{
    struct local *l = c->session->local;
    struct block *b = &c->session->block;
    enum status st = desks_take(&l->desks, &b->place);
    if (st == ST_BUSY && evict(l, &b->place)) return ST_OK;
    if (st == ST_BUSY) {
        diag_set(&c->diag, "53400", "too many transactions are open");
        diag_hint(&c->diag, "Try again in a moment.");
    }
    return st;
}

/* The statement that wanted it is looked at again when it has come. */
static enum status begin_desk(struct local_call *c)
{
    struct block *b = &c->session->block;
    if (b->state == BLOCK_NONE) block_start(c, BLOCK_IMPLICIT);
    if (c->session->settings.chosen.read == SETTINGS_READ_LINEARIZABLE && !c->has_height) {
        c->wait = WAIT_HEIGHT;
        enum status st = call_ask_height(c);
        if (st != ST_OK) c->wait = WAIT_NOTHING;
        return st;
    }
    TRY(take_desk(c));
    c->task.begin = (struct desk_begin){.account = &c->session->account, .now_ms = b->now_ms};
    return block_task(c, DESK_BEGIN, WAIT_BEGIN);
}

enum status block_begin_desk(struct local_call *c)
{
    return begin_desk(c);
}

void block_read_height(struct local_call *c)
{
    if (c->height.status == ST_OK && !atomic_load(&c->height.is_cancelled))
        c->has_height = true; /* What this node has executed is not older. */
    else
        call_explain_height(c);
    go_on(c);
}

void block_compiled(struct local_call *c)
{
    must(c->wait == WAIT_COMPILE);
    go_on(c);
}

enum status block_task(struct local_call *c, enum desk_step step, enum call_wait wait)
{
    struct backend_session *s = c->session;
    const struct compiled *statement = c->statements[0];
    struct desk_task *task = &c->task;
    task->place = s->block.place;
    task->step = step;
    task->op = &c->op;
    task->arena = &c->arena;
    task->result = (struct desk_result){0};
    task->catalog = NULL;
    task->is_large = false;
    task->is_lost = false;
    const struct compiled *shown = c->cursor_select != NULL ? c->cursor_select : statement;
    c->read = (struct read_job){.statement = &shown->statement,
                                .params = c->params,
                                .param_count = shown->statement.param_count,
                                .user = span_text(s->user),
                                .account = &s->account,
                                .catalog = shown->catalog,
                                .task = task,
                                .owner = c};
    must(task->place != NULL);
    enum status st = readers_submit(s->local->readers, &c->read);
    if (st == ST_OK) c->wait = wait;
    if (st == ST_BUSY) {
        diag_set(&c->diag, "53400", "too many queries are waiting");
        diag_hint(&c->diag, "Try again in a moment.");
    } else if (st == ST_CLOSED) {
        diag_set(&c->diag, "57P01", "the node is shutting down");
    }
    return st;
}

void block_cancel(struct local_call *c)
{
    if (c->is_asking)
        atomic_store(&c->height.is_cancelled, true);
    else if (c->wait != WAIT_NOTHING && c->wait != WAIT_COMPILE && c->wait != WAIT_COMMIT &&
             c->wait != WAIT_COPY)
        readers_cancel(c->session->local->readers, &c->read);
}

/* --- what comes back -------------------------------------------------------------------------- */

static void say_columns(struct local_call *c)
{
    const struct sql_statement *s = c->read.statement;
    if (!c->has_columns_sent) call_say_columns(c, s);
    c->has_columns_sent = true;
}

static void take_rows(struct local_call *c, const struct read_chunk *chunk)
{
    const struct sql_statement *s = c->read.statement;
    if (c->wait == WAIT_CURSOR) {
        struct diag d;
        struct cursors *cursors = &c->session->block.cursors;
        if (!has_failed(c) && chunk->row_count > 0 &&
            cursors_add(cursors, c->cursor, buf_span(&chunk->rows), chunk->row_count, &d) != ST_OK)
            c->diag = d;
    } else if (c->wait == WAIT_ROWS) {
        say_columns(c);
        if (chunk->row_count > 0)
            c->reply.rows(c->reply.context, s->columns, s->column_count, buf_span(&chunk->rows),
                          chunk->row_count);
    }
    c->row_count += chunk->row_count;
}

static void answer_write(struct local_call *c)
{
    const struct exec_rows *op = &c->task.result.rows;
    if (op->notice != NULL) {
        struct diag d;
        diag_set(&d, "00000", "%s", op->notice);
        call_notice(c, &d);
    }
    if (op->column_count > 0) {
        c->reply.columns(c->reply.context, op->columns, op->column_count);
        if (op->rows.size > 0)
            c->reply.rows(c->reply.context, op->columns, op->column_count, op->rows,
                          op->returned_count);
    }
    c->reply.complete(c->reply.context, op->tag, op->tag_has_count, op->row_count);
}

/* A task went well: what it was for. */
static enum status take_result(struct local_call *c)
{
    struct block *b = &c->session->block;
    const struct sql_statement *s = c->read.statement;
    switch (c->wait) {
    case WAIT_ROWS:
        if (c->task.is_large && c->is_counted) b->is_large = true;
        if (c->is_counted && !b->is_large) TRY(keep_op(c));
        c->reply.complete(c->reply.context, s->tag, s->tag_has_count, c->row_count);
        return ST_OK;
    case WAIT_CURSOR:
        if (c->task.is_large && c->is_counted) b->is_large = true;
        if (c->is_counted && !b->is_large) TRY(keep_op(c));
        c->reply.complete(c->reply.context, "DECLARE CURSOR", false, 0);
        return ST_OK;
    case WAIT_WRITE:
        TRY(keep_op(c));
        b->write_count++;
        answer_write(c);
        return ST_OK;
    case WAIT_SAVEPOINT:
    case WAIT_RELEASE:
    case WAIT_ROLLBACK_TO: return block_savepoint_done(c);
    case WAIT_NOTHING:
    case WAIT_COMPILE:
    case WAIT_HEIGHT:
    case WAIT_BEGIN:
    case WAIT_COPY:
    case WAIT_COMMIT: break;
    }
    return ST_OK;
}

static void note_desk(struct local_call *c)
{
    struct block *b = &c->session->block;
    if (c->read.task == NULL) return; /* A read of the pool. */
    if (c->task.is_lost) b->is_lost = true;
    if (c->task.catalog == NULL) return;
    sql_catalog_unref(b->catalog);
    b->catalog = c->task.catalog;
    c->task.catalog = NULL;
}

void block_read_chunk(struct local_call *c, struct read_chunk *chunk)
{
    const bool is_last = chunk->is_last;
    const struct diag diag = is_last ? chunk->diag : (struct diag){0};
    if (diag.sqlstate[0] == 0) take_rows(c, chunk);
    readers_release(c->session->local->readers, chunk);
    if (!is_last) return;
    note_desk(c);
    if (diag.sqlstate[0] != 0) c->diag = diag;
    if (!has_failed(c)) explain(c, take_result(c));
    if (has_failed(c) && c->wait == WAIT_BEGIN) give_desk(c->session);
    if (has_failed(c) && c->wait == WAIT_CURSOR)
        (void)cursors_close(&c->session->block.cursors, c->cursor->name);
    if (has_failed(c) && c->text_at > 0) call_shift_position(&c->diag, &c->texts[c->text_at - 1]);
    block_forget_select(c);
    go_on(c);
}

/* --- the end ---------------------------------------------------------------------------------- */

static enum status refuse_commit(struct local_call *c)
{
    const struct block *b = &c->session->block;
    struct os *os = c->session->local->config.os;
    if (b->is_large) {
        diag_set(&c->diag, "54000", "a transaction that writes cannot read so much");
        diag_hint(&c->diag, "Its reads are repeated when it is executed. Read in another "
                            "transaction, or BEGIN ISOLATION LEVEL READ COMMITTED.");
        return ST_LIMIT;
    }
    if (os->wall_ms(os) <= b->now_ms || os->wall_ms(os) - b->now_ms <= BLOCK_MS_MAX) return ST_OK;
    diag_set(&c->diag, "40001", "the transaction has lasted too long");
    diag_hint(&c->diag, "It may last nine minutes.");
    return ST_EXPIRED;
}

enum status block_commit(struct local_call *c)
{
    struct backend_session *s = c->session;
    struct block *b = &s->block;
    must(b->state == BLOCK_OPEN || b->state == BLOCK_IMPLICIT);
    if (b->write_count == 0) {
        block_end(s, true);
        return ST_OK;
    }
    enum status st = refuse_commit(c);
    if (st == ST_OK) st = write_block(c);
    if (st != ST_OK) {
        explain(c, st);
        block_end(s, false);
        return st;
    }
    c->wait = WAIT_COMMIT;
    c->is_write = true;
    give_desk(s);
    return ST_OK;
}

/* Modes last from one to the next; the next begins now. */
static void chain(struct local_call *c, const struct settings_modes *modes)
{
    block_start(c, BLOCK_OPEN);
    c->session->settings.modes = *modes;
}

void block_finish(struct local_call *c, bool is_committed)
{
    const struct settings_modes modes = c->session->settings.modes;
    block_end(c->session, is_committed);
    if (c->is_chain) chain(c, &modes);
    c->is_chain = false;
    if (!has_failed(c) && c->tag != NULL) c->reply.complete(c->reply.context, c->tag, false, 0);
}

void block_abandon(struct local_call *c)
{
    must(c->wait == WAIT_COMMIT);
    c->wait = WAIT_NOTHING;
    block_end(c->session, false);
}

void block_settled(struct local_call *c)
{
    must(c->wait == WAIT_COMMIT);
    c->is_write = false;
    if (has_failed(c)) c->is_chain = false;
    block_finish(c, !has_failed(c));
    go_on(c);
}
