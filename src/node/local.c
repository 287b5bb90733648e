/* I1 only the first call of a session answers; callbacks run only inside session_advance, execute
 * or the delivery of something that arrived. I2 a closed session says nothing any more and is freed
 * with its last call. I3 a call is freed only when no read and no ticket of it is under way. */
#include "node/local.h"

#include "base/must.h"
#include "node/local_int.h"
#include "node/login.h"

static void table_verifier(struct backend *b,
                           struct span user,
                           struct scram_verifier *out,
                           bool *is_mock);
static enum status table_token(struct backend *b,
                               struct span user,
                               struct span token,
                               struct diag *d);
static enum status table_session_open(struct backend *b,
                                      struct backend_session **out,
                                      struct span user,
                                      struct span ledger,
                                      struct diag *d);
static void table_session_close(struct backend *b, struct backend_session *s);
static void table_execute(struct backend *b,
                          struct backend_session *s,
                          const struct backend_call *call,
                          const struct backend_reply *reply);
static enum status table_describe(struct backend *b,
                                  struct backend_session *s,
                                  struct arena *a,
                                  const struct backend_call *call,
                                  struct backend_description *out,
                                  struct diag *d);
static void table_prepare(struct backend *b,
                          struct backend_session *s,
                          const struct backend_call *call,
                          const struct backend_reply *reply);
static void table_cancel(struct backend *b, struct backend_session *s);
static void table_flow(struct backend *b, struct backend_session *s, bool is_open);
static enum backend_block table_block(struct backend *b, const struct backend_session *s);
static void table_sync(struct backend *b,
                       struct backend_session *s,
                       const struct backend_reply *reply);
static void table_spoil(struct backend *b, struct backend_session *s);
static void table_set(struct backend *b,
                      struct backend_session *s,
                      struct span name,
                      struct span value);
static const struct sql_column *table_cursor(struct backend *b,
                                             const struct backend_session *s,
                                             struct span name,
                                             uint32_t *count);
static void table_copy(struct backend *b, struct backend_session *s, const struct backend_copy *in);
static uint32_t table_idle_ms(struct backend *b, const struct backend_session *s);

static const struct backend_table local_table = {.verifier = table_verifier,
                                                 .token = table_token,
                                                 .session_open = table_session_open,
                                                 .session_close = table_session_close,
                                                 .execute = table_execute,
                                                 .describe = table_describe,
                                                 .prepare = table_prepare,
                                                 .cancel = table_cancel,
                                                 .flow = table_flow,
                                                 .block = table_block,
                                                 .sync = table_sync,
                                                 .spoil = table_spoil,
                                                 .set = table_set,
                                                 .cursor = table_cursor,
                                                 .copy = table_copy,
                                                 .idle_ms = table_idle_ms};

static struct local *local_of(struct backend *b)
{
    return (struct local *)b;
}

/* --- life ------------------------------------------------------------------------------------ */

enum status local_new(struct local **out, const struct local_config *config)
{
    struct local *l = mem_alloc_zero(config->mem, 1, sizeof *l);
    if (l == NULL) return ST_NO_MEMORY;
    l->backend.table = &local_table;
    l->config = *config;
    l->cache.mem = config->mem;
    buf_init(&l->proof, config->mem, 0);
    buf_init(&l->row, config->mem, 0);
    enum status st = db_reader_open(exec_db(config->exec), &l->lookup);
    if (st == ST_OK) st = loop_timer_new(&l->timer, config->loop, timeouts_fire, l);
    if (st == ST_OK) st = compilers_new(&l->compilers, config->mem, config->outbox);
    if (st != ST_OK) {
        local_free(l);
        return st;
    }
    *out = l;
    return ST_OK;
}

void local_attach(struct local *l, struct readers *readers)
{
    l->readers = readers;
    l->desks = (struct desks){.mem = l->config.mem, .readers = readers};
}

void local_free(struct local *l)
{
    if (l == NULL) return;
    must(l->sessions == NULL);
    must(l->joins == NULL);
    desks_fini(&l->desks);
    if (l->timer != NULL) loop_timer_free(l->timer);
    compilers_free(l->compilers);
    compiled_cache_fini(&l->cache);
    buf_fini(&l->proof);
    buf_fini(&l->row);
    if (l->lookup != NULL) db_reader_close(exec_db(l->config.exec), l->lookup);
    mem_free(l->config.mem, l);
}

void local_set_node_key(struct local *l, const struct public_key *key)
{
    l->config.node_key = *key;
}

struct backend *local_backend(struct local *l)
{
    return &l->backend;
}

bool local_is_idle(const struct local *l)
{
    return l->sessions == NULL && l->joins == NULL && l->desks.ending == 0 &&
           l->orphan_count == 0 && compilers_are_idle(l->compilers);
}

/* --- sessions -------------------------------------------------------------------------------- */

static struct login login_of(const struct local *l)
{
    return (struct login){.os = l->config.os,
                          .exec = l->config.exec,
                          .lookup = l->lookup,
                          .chain_id = &l->config.chain_id,
                          .node_key = &l->config.node_key,
                          .signer = l->config.signer};
}

static void table_verifier(struct backend *b,
                           struct span user,
                           struct scram_verifier *out,
                           bool *is_mock)
{
    struct local *l = local_of(b);
    struct exec_account account;
    char entry[CUSTODY_NAME_MAX + 1];
    const struct login login = login_of(l);
    struct custody *custody = l->config.custody;
    *is_mock = true;
    if (login_account(&login, user, &account) != ST_OK)
        custody_verifier_or_mock(custody, user, out, is_mock); /* session_open finds nobody. */
    else if (passwords_entry(custody, &account, entry) == ST_OK)
        custody_verifier_or_mock(custody, span_text(entry), out, is_mock);
    else
        custody_mock(custody, user, out);
}

static enum status table_token(struct backend *b,
                               struct span user,
                               struct span token,
                               struct diag *d)
{
    const struct login login = login_of(local_of(b));
    return login_token(&login, user, token, d);
}

static enum status table_session_open(struct backend *b,
                                      struct backend_session **out,
                                      struct span user,
                                      struct span ledger,
                                      struct diag *d)
{
    struct local *l = local_of(b);
    if (l->session_count == LOCAL_SESSIONS_MAX || user.size > CUSTODY_NAME_MAX) {
        diag_set(d, "53300", "too many sessions are open");
        return ST_LIMIT;
    }
    struct exec_account account;
    const struct login login = login_of(l);
    TRY(login_find(&login, user, &account, d));
    TRY(login_enter(&login, &account, ledger, d));
    struct backend_session *s = mem_alloc_zero(l->config.mem, 1, sizeof *s);
    if (s == NULL) {
        diag_set(d, "53200", "out of memory");
        return ST_NO_MEMORY;
    }
    s->local = l;
    s->account = account;
    settings_init(&s->settings, &l->config.session);
    s->block.cursors.mem = l->config.mem;
    s->names.mem = l->config.mem;
    memcpy(s->user, account.name, sizeof s->user);
    s->next = l->sessions;
    if (l->sessions != NULL) l->sessions->previous = s;
    l->sessions = s;
    l->session_count++;
    *out = s;
    return ST_OK;
}

static void free_session(struct backend_session *s)
{
    must(s->first == NULL); /* I3 */
    must(s->held_first == NULL);
    struct local *l = s->local;
    timeouts_forget(s);
    block_fini(s);
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        l->sessions = s->next;
    if (s->next != NULL) s->next->previous = s->previous;
    l->session_count--;
    sql_catalog_unref(s->past);
    compiled_unref(s->prepared);
    (void)prepared_remove(&s->names, span_of(NULL, 0));
    mem_free(l->config.mem, s);
}

/* The door's side of a call ends here; what is under way goes on unheard (I2). */
static void ignore_columns(void *context, const struct sql_column *columns, uint32_t count)
{
    (void)context;
    (void)columns;
    (void)count;
}

static void ignore_rows(void *context,
                        const struct sql_column *columns,
                        uint32_t count,
                        struct span rows,
                        uint64_t row_count)
{
    (void)context;
    (void)columns;
    (void)count;
    (void)rows;
    (void)row_count;
}

static void ignore_complete(void *context, const char *tag, bool has_count, uint64_t count)
{
    (void)context;
    (void)tag;
    (void)has_count;
    (void)count;
}

static void ignore_diag(void *context, const struct diag *d)
{
    (void)context;
    (void)d;
}

static void ignore_done(void *context)
{
    (void)context;
}

static const struct backend_reply unheard = {.columns = ignore_columns,
                                             .rows = ignore_rows,
                                             .complete = ignore_complete,
                                             .notice = ignore_diag,
                                             .failed = ignore_diag,
                                             .done = ignore_done};

/* Nobody waits for it; one that has not begun is found so in its turn. */
static void stop_compiling(struct local_call *c)
{
    if (c->compiling == NULL) return;
    compiling_forget(c);
    c->wait = WAIT_NOTHING;
    if (c->state == CALL_RUNNING) c->state = CALL_DONE;
}

static void table_session_close(struct backend *b, struct backend_session *s)
{
    must(!s->is_closed);
    must(!s->is_advancing); /* Never from within a callback. */
    if (s->first == NULL || s->first->compiling == NULL) table_cancel(b, s);
    for (struct local_call *c = s->first; c != NULL; c = c->next) {
        struct backend_reply reply = c->reply;
        c->reply = unheard;
        reply.done(reply.context);
        for (; c->refusal.count > 0; c->refusal.count--)
            c->refusal.reply.done(c->refusal.reply.context);
    }
    s->is_closed = true;
    if (s->first != NULL && s->first->is_copying) { /* Its rows will not come. */
        s->first->is_copying = false;
        s->first->wait = WAIT_NOTHING;
        s->first->state = CALL_DONE;
    }
    for (struct local_call *c = s->first; c != NULL; c = c->next)
        stop_compiling(c);
    s->is_advancing = true; /* What was held back is used up first; then the end is decided once. */
    table_flow(b, s, true);
    s->is_advancing = false;
    session_advance(s);
}

/* --- calls ----------------------------------------------------------------------------------- */

static void say_refusals(const struct refusal *r)
{
    struct diag d;
    for (uint32_t i = 0; i < r->count; i++) {
        diag_set(&d, r->sqlstate, "%s", r->text);
        r->reply.failed(r->reply.context, &d);
        r->reply.done(r->reply.context);
    }
}

static void drop_first(struct backend_session *s)
{
    struct local_call *c = s->first;
    const struct refusal refusal = c->refusal;
    s->first = c->next;
    if (s->first == NULL) s->last = NULL;
    s->call_count--;
    struct backend_reply reply = c->reply;
    bool has_failed = c->diag.sqlstate[0] != 0;
    struct diag diag = c->diag;
    timeouts_explain(c, &diag);
    if (has_failed) call_forget_settings(c);
    if (c->is_spoiled || (c->is_prepare && has_failed)) block_spoil(s);
    call_free(c);
    if (has_failed) reply.failed(reply.context, &diag);
    reply.done(reply.context);
    say_refusals(&refusal);
}

void session_drop(struct backend_session *s, const struct diag *d)
{
    struct local_call *c = s->first;
    const struct refusal refusal = c->refusal;
    const struct backend_reply reply = c->reply;
    must(s->waiting != c);
    s->first = c->next;
    if (s->first == NULL) s->last = NULL;
    s->call_count--;
    c->session->timed_call = NULL;
    if (c->is_spoiled) block_spoil(s);
    passwords_settle(s, false); /* Its transaction goes on. */
    call_empty(c);
    c->session = NULL;
    if (s->is_closed) return;
    reply.failed(reply.context, d);
    reply.done(reply.context);
    say_refusals(&refusal);
}

/* Begin what may begin: the first call, and submits behind nothing but submits. A call of another
 * kind begins only as the first, so all before s->waiting are submits when the first is one. */
static void begin_overlapping(struct backend_session *s)
{
    while (s->waiting != NULL) {
        struct local_call *c = s->waiting;
        must(c->state == CALL_QUEUED);
        if (s->is_closed) {
            c->state = CALL_DONE;
        } else {
            if (c != s->first && !s->first->is_submit) return;
            if (!call_compile(c)) return;
            if (c != s->first && !c->is_submit) return;
            call_begin(c);
        }
        s->waiting = c->next;
    }
}

void session_advance(struct backend_session *s)
{
    if (s->is_advancing) return; /* The one that runs sees what changed. */
    s->is_advancing = true;
    begin_overlapping(s);
    if (s->first != NULL) call_copy_tell(s->first);
    while (s->first != NULL && (s->first->state == CALL_DONE || s->first->state == CALL_SETTLED)) {
        if (s->first->state == CALL_SETTLED) submit_answer(s->first);
        drop_first(s);
        begin_overlapping(s);
        if (s->first != NULL) call_copy_tell(s->first);
    }
    s->is_advancing = false;
    timeouts_note(s);
    if (s->is_closed && s->first == NULL) free_session(s);
}

static enum status copy_params(struct local_call *c, const struct backend_call *in)
{
    c->params = arena_alloc_zero(&c->arena, in->param_count + 1u, sizeof *c->params);
    c->declared = arena_alloc_zero(&c->arena, in->param_count + 1u, sizeof *c->declared);
    if (c->params == NULL || c->declared == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < in->param_count; i++) {
        c->params[i] = in->params[i];
        c->declared[i] = in->params[i].type;
        c->params[i].bytes = arena_copy(&c->arena, in->params[i].bytes);
        if (c->params[i].bytes.data == NULL) return ST_NO_MEMORY;
    }
    c->param_count = in->param_count;
    return ST_OK;
}

/* Without memory of its own, and in its turn (I1). */
static void refuse_call(struct backend_session *s,
                        const struct backend_reply *reply,
                        const char *sqlstate,
                        const char *text)
{
    struct refusal refusal = {.count = 1, .sqlstate = sqlstate, .text = text, .reply = *reply};
    if (s->last == NULL) {
        say_refusals(&refusal);
        return;
    }
    must(s->last->refusal.count == 0 || s->last->refusal.reply.context == reply->context);
    refusal.count += s->last->refusal.count;
    s->last->refusal = refusal;
}

/* Null: it was refused. */
static struct local_call *new_call(struct backend_session *s, const struct backend_reply *reply)
{
    struct local *l = s->local;
    must(!s->is_closed);
    if (s->call_count >= LOCAL_CALLS_MAX) {
        refuse_call(s, reply, "53400", "too many calls are queued on this session");
        return NULL;
    }
    struct local_call *c = mem_alloc_zero(l->config.mem, 1, sizeof *c);
    if (c == NULL) {
        refuse_call(s, reply, "53200", "out of memory");
        return NULL;
    }
    arena_init(&c->arena, l->config.mem, 0);
    c->local = l;
    c->session = s;
    c->reply = *reply;
    return c;
}

static void add_call(struct backend_session *s, struct local_call *c)
{
    if (s->last == NULL)
        s->first = c;
    else
        s->last->next = c;
    s->last = c;
    if (s->waiting == NULL) s->waiting = c;
    s->call_count++;
    session_advance(s);
}

static void table_execute(struct backend *b,
                          struct backend_session *s,
                          const struct backend_call *call,
                          const struct backend_reply *reply)
{
    (void)b;
    struct local_call *c = new_call(s, reply);
    if (c == NULL) return;
    c->is_single = call->is_single;
    c->is_open = call->is_open;
    c->text = arena_copy(&c->arena, call->text);
    if (c->text.data == NULL || copy_params(c, call) != ST_OK) {
        call_free(c);
        refuse_call(s, reply, "53200", "out of memory");
        return;
    }
    add_call(s, c);
}

static void table_prepare(struct backend *b,
                          struct backend_session *s,
                          const struct backend_call *call,
                          const struct backend_reply *reply)
{
    (void)b;
    struct local_call *c = new_call(s, reply);
    if (c == NULL) return;
    c->is_single = true;
    c->is_prepare = true;
    c->text = arena_copy(&c->arena, call->text);
    c->declared = arena_alloc_zero(&c->arena, call->param_count + 1u, sizeof *c->declared);
    if (c->text.data == NULL || c->declared == NULL) {
        call_free(c);
        refuse_call(s, reply, "53200", "out of memory");
        return;
    }
    if (call->param_count > 0)
        memcpy(c->declared, call->param_types, call->param_count * sizeof *c->declared);
    c->param_count = call->param_count;
    add_call(s, c);
}

static void table_sync(struct backend *b,
                       struct backend_session *s,
                       const struct backend_reply *reply)
{
    (void)b;
    struct local_call *c = new_call(s, reply);
    if (c == NULL) return;
    c->is_sync = true;
    add_call(s, c);
}

static void table_spoil(struct backend *b, struct backend_session *s)
{
    (void)b;
    if (s->last == NULL)
        block_spoil(s);
    else
        s->last->is_spoiled = true; /* Counts behind it. */
}

static enum backend_block table_block(struct backend *b, const struct backend_session *s)
{
    (void)b;
    switch (s->block.state) {
    case BLOCK_NONE:
    case BLOCK_IMPLICIT: return BACKEND_BLOCK_NONE;
    case BLOCK_OPEN: return BACKEND_BLOCK_OPEN;
    case BLOCK_FAILED: return s->block.is_implicit ? BACKEND_BLOCK_NONE : BACKEND_BLOCK_FAILED;
    }
    must(false);
    return BACKEND_BLOCK_NONE;
}

static uint32_t table_idle_ms(struct backend *b, const struct backend_session *s)
{
    const bool is_in_block = table_block(b, s) != BACKEND_BLOCK_NONE;
    return s->settings
        .timeout_ms[is_in_block ? SETTINGS_IDLE_BLOCK_TIMEOUT : SETTINGS_IDLE_TIMEOUT];
}

/* FETCH gives what its cursor has. */
static const struct sql_column *columns_of(const struct backend_session *s,
                                           const struct sql_statement *st,
                                           uint32_t *count)
{
    *count = st->column_count;
    if (st->kind != SQL_KIND_CONTROL || st->control->verb != SQL_VERB_FETCH) return st->columns;
    const struct cursor_rows *cursor = cursors_find(&s->block.cursors, st->control->name);
    if (cursor == NULL) return NULL;
    *count = cursor->column_count;
    return cursor->columns;
}

static enum status describe_one(struct backend_session *s,
                                struct arena *a,
                                const struct compiled *statement,
                                struct backend_description *out)
{
    const struct sql_statement *st = &statement->statement;
    const struct sql_column *columns = columns_of(s, st, &out->column_count);
    out->param_count = st->param_count;
    out->param_types = arena_alloc(a, (st->param_count + 1u) * sizeof *out->param_types);
    out->columns = arena_alloc_zero(a, out->column_count + 1u, sizeof *out->columns);
    if (out->param_types == NULL || out->columns == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < st->param_count; i++)
        out->param_types[i] = st->param_types[i];
    for (uint32_t i = 0; i < out->column_count; i++) {
        out->columns[i] = columns[i];
        out->columns[i].name = arena_copy(a, columns[i].name);
        if (out->columns[i].name.data == NULL) return ST_NO_MEMORY;
    }
    out->may_overlap = st->kind == SQL_KIND_SUBMIT;
    if (st->kind == SQL_KIND_COPY_OUT) out->column_count = 0; /* It returns no rows. */
    return ST_OK;
}

static enum status describe_nothing(struct arena *a, struct backend_description *out)
{
    out->param_types = arena_alloc(a, sizeof *out->param_types);
    out->columns = arena_alloc(a, sizeof *out->columns);
    return out->param_types == NULL || out->columns == NULL ? ST_NO_MEMORY : ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): the signature is the table's. */
static enum status table_describe(struct backend *b,
                                  struct backend_session *s,
                                  struct arena *a,
                                  const struct backend_call *call,
                                  struct backend_description *out,
                                  struct diag *d)
{
    (void)b;
    *out = (struct backend_description){0};
    if (block_refuses(s, call->text, d)) return ST_INVALID;
    if (compiling_is_long(call->text) && !s->is_prepared) return ST_BUSY;
    s->is_prepared = false;
    TRY(sql_split(a, call->text, &out->statements, &out->statement_count, d));
    if (out->statement_count == 0) return ST_OK;
    if (out->statement_count > 1) {
        diag_set(d, "42601", "cannot insert multiple commands into a prepared statement");
        return ST_INVALID;
    }
    struct span text = out->statements[0].text;
    if (prepared_is_prepare(text)) return describe_nothing(a, out);
    if (prepared_is_execute(text)) TRY(prepared_expand(&s->names, a, text, &text, d));
    struct sql_catalog *catalog = call_catalog(s);
    struct compiled_request request = {.catalog = catalog,
                                       .account = s->account.id,
                                       .text = text,
                                       .search_path = search_path_of(s, catalog, a),
                                       .declared = call->param_types,
                                       .declared_count = call->param_count};
    struct compiled *statement = NULL;
    enum status st = compiling_describe(s, &request, &statement, d);
    if (st == ST_OK) st = describe_one(s, a, statement, out);
    compiled_unref(statement);
    sql_catalog_unref(catalog);
    if (st != ST_OK && st != ST_BUSY && d->sqlstate[0] == 0) diag_set(d, "53200", "out of memory");
    return st;
}

static void table_set(struct backend *b,
                      struct backend_session *s,
                      struct span name,
                      struct span value)
{
    (void)b;
    struct diag d;
    if (settings_is_height(name) || value.size == 0) return;
    const enum status st = settings_set(&s->settings, name, value, &d);
    if (st != ST_OK) return; /* What holds is told. */
}

static const struct sql_column *table_cursor(struct backend *b,
                                             const struct backend_session *s,
                                             struct span name,
                                             uint32_t *count)
{
    (void)b;
    const struct cursor_rows *cursor = cursors_find(&s->block.cursors, name);
    if (cursor == NULL) return NULL;
    *count = cursor->column_count;
    return cursor->columns;
}

static void table_copy(struct backend *b, struct backend_session *s, const struct backend_copy *in)
{
    (void)b;
    must(s->first != NULL);
    call_copy_take(s->first, in);
}

static void table_cancel(struct backend *b, struct backend_session *s)
{
    (void)b;
    session_cancel(s);
}

void session_cancel(struct backend_session *s)
{
    struct local_call *c = s->first;
    if (c != NULL && compiling_cancel(c)) return;
    if (c == NULL || c->state != CALL_RUNNING || c->is_write || c->is_submit) return;
    if (c->is_block)
        block_cancel(c);
    else
        call_cancel(c);
}

/* --- what arrives ---------------------------------------------------------------------------- */

static void table_flow(struct backend *b, struct backend_session *s, bool is_open)
{
    (void)b;
    s->is_held = !is_open;
    while (!s->is_held && s->held_first != NULL) {
        struct read_chunk *chunk = s->held_first;
        s->held_first = chunk->next;
        if (s->held_first == NULL) s->held_last = NULL;
        call_read_chunk(chunk->job->owner, chunk);
    }
}

static void on_read(struct local *l, struct read_chunk *chunk)
{
    if (desks_is_end(chunk)) {
        desks_ended(&l->desks, chunk);
        return;
    }
    struct local_call *c = chunk->job->owner;
    struct backend_session *s = c->session;
    if (!s->is_held) {
        call_read_chunk(c, chunk);
        return;
    }
    chunk->next = NULL;
    if (s->held_last == NULL)
        s->held_first = chunk;
    else
        s->held_last->next = chunk;
    s->held_last = chunk;
}

static void on_block(struct flow_block *b)
{
    for (uint32_t i = 0; i < b->tx_count; i++) {
        struct ticket *t = b->txs[i]->ticket;
        if (t == NULL) continue;
        t->status = ST_OK;
        t->block = b;
        t->index = i;
        t->settled(t);
    }
    flow_block_free(b);
}

static void on_executed(struct flow_executed *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        struct ticket *t = e->tickets[i];
        t->status = ST_OK;
        t->block = e->block;
        t->settled(t);
    }
    flow_executed_free(e);
}

static void on_height(const struct flow_read *r)
{
    call_read_height(r->owner);
}

static void on_refused(struct flow_tx *t)
{
    struct ticket *ticket = t->ticket;
    flow_tx_free(t);
    must(ticket->status != ST_OK);
    ticket->settled(ticket);
}

void local_drain(struct local *l)
{
    void *items[256];
    uint32_t count = queue_take(l->config.outbox, items, 256);
    for (uint32_t i = 0; i < count; i++) {
        const struct flow *flow = items[i];
        switch (flow->kind) {
        case FLOW_BLOCK: on_block(items[i]); break;
        case FLOW_REFUSED: on_refused(items[i]); break;
        case FLOW_READ: on_read(l, items[i]); break;
        case FLOW_EXECUTED: on_executed(items[i]); break;
        case FLOW_HEIGHT: on_height(items[i]); break;
        case FLOW_GUEST: join_begin(l, items[i]); break;
        case FLOW_COMPILED: compiling_arrived(l, items[i]); break;
        case FLOW_PROOF:
        case FLOW_TX:
        case FLOW_PERSISTED: must(false); break; /* They go to the replica. */
        }
    }
    joins_sweep(l);
}
