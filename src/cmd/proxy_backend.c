/* proxy_backend.c - Sessions of the proxy: the loop's side, and the thread that waits for nodes.
 *
 *   loop: execute ──job──▶ thread: rounds with nodes ──arrivals──▶ loop: says the answer, done
 *
 * A session's thread lives as long as the session and works on one call at a time. A session that
 * is closed while it works is freed when the thread has come to its end; the loop never waits for
 * nodes but in describe, which libpq's users see as the time that Parse takes. */
#include <stdio.h>

#include "base/must.h"
#include "cmd/proxy_int.h"

static void work(void *context);
static void run_call(struct proxy_call *c);

static struct proxy *proxy_of(struct backend *b)
{
    return (struct proxy *)b;
}

/* --- sessions ----------------------------------------------------------------------------------
 */

static void table_verifier(struct backend *b,
                           struct span user,
                           struct scram_verifier *out,
                           bool *is_mock)
{
    (void)user; /* One password for the one user of the proxy, under any name. */
    *out = proxy_of(b)->verifier;
    *is_mock = false;
}

static void free_session(struct backend_session *s)
{
    struct proxy *p = s->proxy;
    thread_join(s->thread);
    cond_free(s->asked);
    mutex_free(s->mutex);
    for (uint32_t i = 0; i < p->node_count; i++)
        proxy_link_close(&s->links[i]);
    if (s->previous != NULL)
        s->previous->next = s->next;
    else if (p->sessions == s)
        p->sessions = s->next;
    if (s->next != NULL) s->next->previous = s->previous;
    p->session_count--;
    mem_free(p->mem, s);
    if (p->is_ending && p->session_count == 0) loop_stop(p->loop);
}

static enum status start_session(struct proxy *p, struct backend_session *s)
{
    const struct settings_choice defaults = {.read = SETTINGS_READ_LINEARIZABLE};
    s->proxy = p;
    settings_init(&s->settings, &defaults);
    for (uint32_t i = 0; i < p->node_count; i++)
        s->links[i] = (struct proxy_link){.proxy = p, .node = &p->nodes[i]};
    TRY(mutex_new(&s->mutex, p->mem));
    TRY(cond_new(&s->asked, p->mem));
    return thread_start(&s->thread, p->mem, "session", work, s);
}

static enum status table_session_open(struct backend *b,
                                      struct backend_session **out,
                                      struct span user,
                                      struct span ledger,
                                      struct diag *d)
{
    struct proxy *p = proxy_of(b);
    (void)user; /* Who can reach the proxy acts with its key. */
    if (!span_equal(ledger, span_text("main"))) {
        diag_set(d, "3D000", "database \"%.*s\" does not exist",
                 (int)(ledger.size < 63 ? ledger.size : 63), (const char *)ledger.data);
        diag_hint(d, "The ledger of this chain is \"main\".");
        return ST_NOT_FOUND;
    }
    if (p->session_count == PROXY_SESSIONS_MAX || p->is_ending) {
        diag_set(d, "53300", "too many sessions are open");
        return ST_LIMIT;
    }
    struct backend_session *s = mem_alloc_zero(p->mem, 1, sizeof *s);
    enum status st = s == NULL ? ST_NO_MEMORY : start_session(p, s);
    if (st != ST_OK) {
        if (s != NULL) {
            cond_free(s->asked);
            mutex_free(s->mutex);
            mem_free(p->mem, s);
        }
        diag_set(d, "53200", "out of memory");
        return st;
    }
    s->next = p->sessions;
    if (s->next != NULL) s->next->previous = s;
    p->sessions = s;
    p->session_count++;
    *out = s;
    return ST_OK;
}

static void table_session_close(struct backend *b, struct backend_session *s)
{
    (void)b;
    struct proxy_call *c = s->current;
    s->current = NULL;
    atomic_store(&s->is_cancelled, true);
    if (c != NULL) {
        c->is_heard = false;
        c->reply.done(c->reply.context);
    }
    mutex_lock(s->mutex);
    s->is_stopping = true;
    cond_signal(s->asked);
    mutex_unlock(s->mutex);
}

/* --- calls -------------------------------------------------------------------------------------
 */

static void free_call(struct proxy_call *c)
{
    struct mem *mem = c->session->proxy->mem;
    arena_fini(&c->arena);
    mem_free(mem, c);
}

static enum status copy_call(struct proxy_call *c, const struct backend_call *in)
{
    c->text = arena_copy(&c->arena, in->text);
    c->params = arena_alloc_zero(&c->arena, in->param_count + 1u, sizeof *c->params);
    c->types = arena_alloc_zero(&c->arena, in->param_count + 1u, sizeof *c->types);
    if (c->text.data == NULL || c->params == NULL || c->types == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < in->param_count; i++) {
        c->params[i] = in->params[i];
        c->types[i] = in->params[i].type;
        c->params[i].bytes = arena_copy(&c->arena, in->params[i].bytes);
        if (c->params[i].bytes.data == NULL) return ST_NO_MEMORY;
    }
    c->param_count = in->param_count;
    c->is_single = in->is_single;
    return ST_OK;
}

static void table_execute(struct backend *b,
                          struct backend_session *s,
                          const struct backend_call *call,
                          const struct backend_reply *reply)
{
    struct proxy *p = proxy_of(b);
    struct diag d;
    must(s->current == NULL); /* One at a time: nothing here may overlap. */
    struct proxy_call *c = mem_alloc_zero(p->mem, 1, sizeof *c);
    if (c != NULL) {
        c->session = s;
        c->reply = *reply;
        c->is_heard = true;
        arena_init(&c->arena, p->mem, PROXY_ANSWER_MAX);
    }
    if (c == NULL || copy_call(c, call) != ST_OK) {
        if (c != NULL) free_call(c);
        diag_set(&d, "53200", "out of memory");
        reply->failed(reply->context, &d);
        reply->done(reply->context);
        return;
    }
    s->current = c;
    atomic_store(&s->is_cancelled, false);
    mutex_lock(s->mutex);
    must(s->job == NULL);
    s->job = c;
    cond_signal(s->asked);
    mutex_unlock(s->mutex);
}

static void table_cancel(struct backend *b, struct backend_session *s)
{
    (void)b;
    atomic_store(&s->is_cancelled, true);
}

static enum status describe_columns(struct arena *a,
                                    const PGresult *r,
                                    struct backend_description *out,
                                    struct diag *d)
{
    out->param_count = (uint32_t)PQnparams(r);
    out->column_count = (uint32_t)PQnfields(r);
    out->param_types = arena_alloc_zero(a, out->param_count + 1u, sizeof *out->param_types);
    out->columns = arena_alloc_zero(a, out->column_count + 1u, sizeof *out->columns);
    if (out->param_types == NULL || out->columns == NULL) return ST_NO_MEMORY;
    for (uint32_t i = 0; i < out->param_count; i++)
        if (!proxy_type_of(PQparamtype(r, (int)i), &out->param_types[i])) return ST_UNSUPPORTED;
    for (uint32_t i = 0; i < out->column_count; i++) {
        struct sql_column *column = &out->columns[i];
        if (!proxy_type_of(PQftype(r, (int)i), &column->type)) {
            diag_set(d, "0A000", "a column has a type that the proxy does not know");
            return ST_UNSUPPORTED;
        }
        column->name = arena_copy(a, span_text(PQfname(r, (int)i)));
        column->typmod = PQfmod(r, (int)i);
        if (column->name.data == NULL) return ST_NO_MEMORY;
    }
    return ST_OK;
}

static enum status describe_setting(struct arena *a,
                                    const struct proxy_statement *s,
                                    struct backend_description *out)
{
    out->columns = arena_alloc_zero(a, 1, sizeof *out->columns);
    out->param_types = arena_alloc_zero(a, 1, sizeof *out->param_types);
    if (out->columns == NULL || out->param_types == NULL) return ST_NO_MEMORY;
    if (strcmp(s->word, "SHOW") != 0) return ST_OK;
    *out->columns =
        (struct sql_column){.name = proxy_setting_name(s), .type = SQL_TEXT, .typmod = -1};
    out->column_count = 1;
    return ST_OK;
}

/* Declared types as libpq wants them; null: no memory. */
static Oid *types_of(struct arena *a, const struct backend_call *call)
{
    Oid *types = arena_alloc_zero(a, call->param_count + 1u, sizeof *types);
    for (uint32_t i = 0; types != NULL && i < call->param_count; i++)
        types[i] = call->param_types[i] == SQL_UNKNOWN ? 0 : (Oid)call->param_types[i];
    return types;
}

static enum status describe_at_nodes(struct backend_session *s,
                                     struct arena *a,
                                     const struct proxy_ask *ask,
                                     struct backend_description *out,
                                     struct diag *d)
{
    if (ask->types == NULL) return ST_NO_MEMORY;
    PGresult *r = proxy_describe(s, ask, NULL, d);
    if (r == NULL) return ST_INVALID;
    enum status st = describe_columns(a, r, out, d);
    PQclear(r);
    return st;
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
    must(s->current == NULL); /* X3 */
    struct proxy_statement *statements;
    *out = (struct backend_description){0};
    TRY(proxy_split(a, call->text, &statements, &out->statement_count, d));
    if (out->statement_count == 0) return ST_OK;
    if (out->statement_count > 1) {
        diag_set(d, "42601", "cannot insert multiple commands into a prepared statement");
        return ST_INVALID;
    }
    out->statements = arena_alloc_zero(a, 1, sizeof *out->statements);
    if (out->statements == NULL) return ST_NO_MEMORY;
    *out->statements = (struct sql_text){.text = statements->text};
    if (statements->kind == STATEMENT_SETTING) return describe_setting(a, statements, out);
    atomic_store(&s->is_cancelled, false);
    const struct proxy_ask ask = {.text = (const char *)statements->text.data,
                                  .value_count = (int)call->param_count,
                                  .types = types_of(a, call),
                                  .is_describe = true};
    return describe_at_nodes(s, a, &ask, out, d);
}

static const struct backend_table proxy_table = {.verifier = table_verifier,
                                                 .session_open = table_session_open,
                                                 .session_close = table_session_close,
                                                 .execute = table_execute,
                                                 .describe = table_describe,
                                                 .cancel = table_cancel};

void proxy_backend_init(struct proxy *p)
{
    p->backend.table = &proxy_table;
}

/* --- the session's thread ----------------------------------------------------------------------
 */

static void work(void *context)
{
    struct backend_session *s = context;
    for (;;) {
        mutex_lock(s->mutex);
        while (s->job == NULL && !s->is_stopping)
            cond_wait(s->asked, s->mutex);
        struct proxy_call *c = s->job;
        mutex_unlock(s->mutex);
        if (c == NULL) break;
        run_call(c);
        mutex_lock(s->mutex);
        s->job = NULL;
        mutex_unlock(s->mutex);
        enum status st = queue_push(s->proxy->arrivals, c);
        must(st == ST_OK); /* It holds two for each session. */
    }
    s->farewell = (struct proxy_call){.session = s, .is_farewell = true};
    enum status st = queue_push(s->proxy->arrivals, &s->farewell);
    must(st == ST_OK);
}

static bool is_mixed(struct proxy_call *c, const struct proxy_statement *all, uint32_t count)
{
    struct diag d;
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].kind != STATEMENT_SETTING) continue;
        diag_set(&d, "0A000", "SET and SHOW cannot be part of a transaction that writes");
        diag_hint(&d, "Send it as a query of its own.");
        proxy_say_failure(c, &d);
        return true;
    }
    return false;
}

static bool has_copy(struct proxy_call *c, const struct proxy_statement *all, uint32_t count)
{
    struct diag d;
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(all[i].word, "COPY") != 0) continue;
        diag_set(&d, "0A000", "the proxy has no COPY");
        diag_hint(&d, "Connect to a node, or use INSERT with several rows.");
        proxy_say_failure(c, &d);
        return true;
    }
    return false;
}

static void run_call(struct proxy_call *c)
{
    struct diag d = {.sqlstate = ""};
    struct proxy_statement *all;
    uint32_t count = 0;
    bool has_write = false;
    if (proxy_split(&c->arena, c->text, &all, &count, &d) != ST_OK) {
        if (d.sqlstate[0] == 0) diag_set(&d, "53200", "out of memory");
        proxy_say_failure(c, &d);
        return;
    }
    if (has_copy(c, all, count)) return;
    for (uint32_t i = 0; i < count; i++)
        has_write = has_write || all[i].kind == STATEMENT_WRITE;
    if (has_write) {
        if (!is_mixed(c, all, count)) proxy_write(c, all, count);
        return;
    }
    for (uint32_t i = 0; i < count && !c->has_failed; i++) {
        if (all[i].kind == STATEMENT_SETTING)
            proxy_setting(c, &all[i]);
        else
            proxy_read(c, &all[i]);
    }
}

/* --- what arrives ------------------------------------------------------------------------------
 */

static void say(const struct proxy_call *c)
{
    const struct backend_reply *r = &c->reply;
    bool has_failed = false;
    for (const struct proxy_item *i = c->first; i != NULL; i = i->next) {
        switch (i->kind) {
        case ITEM_NOTICE: r->notice(r->context, &i->diag); break;
        case ITEM_ROWS:
            r->columns(r->context, i->columns, i->column_count);
            if (i->row_count > 0)
                r->rows(r->context, i->columns, i->column_count, i->rows, i->row_count);
            break;
        case ITEM_COMPLETE: r->complete(r->context, i->tag, i->has_count, i->count); break;
        case ITEM_FAILED:
            r->failed(r->context, &i->diag);
            has_failed = true;
            break;
        }
    }
    if (!c->has_failed || has_failed) return;
    struct diag d;
    diag_set(&d, "53200", "out of memory");
    r->failed(r->context, &d);
}

static void deliver(struct proxy_call *c)
{
    struct backend_session *s = c->session;
    if (c->is_farewell) {
        free_session(s);
        return;
    }
    bool is_heard = c->is_heard;
    const struct backend_reply reply = c->reply;
    if (is_heard) {
        must(s->current == c);
        say(c);
        s->current = NULL;
    }
    free_call(c);
    if (is_heard) reply.done(reply.context); /* The next call may begin in here. */
}

void proxy_backend_drain(struct proxy *p)
{
    void *items[64];
    for (;;) {
        uint32_t count = queue_take(p->arrivals, items, 64);
        for (uint32_t i = 0; i < count; i++)
            deliver(items[i]);
        if (count < 64) return;
    }
}
