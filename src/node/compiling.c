/* compiling.c - Where a statement is compiled: here when it is short and the doors' loop has time
 * for it, else on a thread of its own (compilers.h), while its session waits.
 *
 * The loop serves everybody, so what it spends on compiling is metered: a bucket of LEVEL_MAX_NS
 * that fills with what was spent and leaks half of the time that passes. While it is full, short
 * statements go to the threads, too. What is found among the compiled ones costs nothing.
 *
 * A call waits for one job at a time (M1), and takes what has come of it before it asks for
 * anything else: a result counts for the text it was asked for, whatever the catalog has become. */
#include "base/must.h"
#include "node/local_int.h"

#define HERE_MAX     (4u << 10) /* Bytes of a text that may be compiled on the loop. */
#define SPLIT_MAX    512u       /* Bytes of a text that is split without looking at the clock. */
#define LEVEL_MAX_NS UINT64_C(5000000)

static uint64_t now_ns(const struct local *l)
{
    return l->config.os->monotonic_ns(l->config.os);
}

/* --- the meter -------------------------------------------------------------------------------- */

static bool may_be_here(struct local *l, size_t size, uint64_t now)
{
    struct compile_meter *m = &l->meter;
    const uint64_t leaked = (now - m->at_ns) / 2;
    m->level_ns = leaked < m->level_ns ? m->level_ns - leaked : 0;
    m->at_ns = now;
    return size <= HERE_MAX && m->level_ns < LEVEL_MAX_NS;
}

static void note_spent(struct local *l, uint64_t from)
{
    const uint64_t now = now_ns(l);
    l->meter.level_ns += now - from;
    l->meter.at_ns = now;
}

/* --- a call ----------------------------------------------------------------------------------- */

/* ST_BUSY: it is under way. */
static enum status send(struct local_call *c, const struct compiled_request *request, bool is_split)
{
    must(c->compiling == NULL); /* M1 */
    struct local *l = c->session->local;
    enum status st = compilers_submit(l->compilers, &c->compiling, request, is_split, c);
    if (st == ST_OK) {
        c->compiling_text = request->text;
        if (c->is_block) c->wait = WAIT_COMPILE;
        return ST_BUSY;
    }
    if (st != ST_BUSY) return st;
    diag_set(&c->diag, "53400", "too many statements wait to be compiled");
    diag_hint(&c->diag, "Try again in a moment.");
    return ST_LIMIT;
}

/* Has a job for this very text come back? */
static bool is_made(struct local_call *c, struct span text, bool is_split)
{
    const struct compile_job *job = c->made;
    return job != NULL && job->is_split == is_split && c->compiling_text.data == text.data &&
           c->compiling_text.size == text.size;
}

static enum status use_made(struct local_call *c, struct compiled **out)
{
    struct local *l = c->session->local;
    struct compile_job *job = c->made;
    enum status st = job->status;
    c->made = NULL;
    if (st == ST_OK) {
        compiled_keep(&l->cache, job->entry);
        job->entry->refs++;
        *out = job->entry;
    } else {
        c->diag = job->diag;
        if (st == ST_BUSY) st = ST_INVALID;
    }
    compile_job_free(l->compilers, job);
    return st;
}

static enum status make_here(struct local_call *c,
                             const struct compiled_request *request,
                             struct compiled **out,
                             uint64_t from)
{
    struct local *l = c->session->local;
    enum status st = compiled_get(out, &l->cache, request, &c->diag);
    note_spent(l, from);
    return st;
}

enum status call_compiled(struct local_call *c,
                          const struct compiled_request *request,
                          struct compiled **out)
{
    struct local *l = c->session->local;
    if (is_made(c, request->text, false)) return use_made(c, out);
    *out = compiled_find(&l->cache, request);
    if (*out != NULL) return ST_OK;
    const uint64_t now = now_ns(l);
    if (may_be_here(l, request->text.size, now)) return make_here(c, request, out, now);
    return send(c, request, false);
}

/* --- splitting -------------------------------------------------------------------------------- */

static enum status split_here(struct local_call *c, uint64_t from)
{
    enum status st = sql_split(&c->arena, c->text, &c->texts, &c->text_count, &c->diag);
    note_spent(c->session->local, from);
    return st;
}

/* The same texts, in the call's own memory. */
static enum status use_split(struct local_call *c)
{
    struct compile_job *job = c->made;
    enum status st = job->status;
    if (st != ST_OK) c->diag = job->diag;
    struct sql_text *texts = arena_alloc(&c->arena, (job->text_count + 1u) * sizeof *texts);
    if (st == ST_OK && texts == NULL) st = ST_NO_MEMORY;
    for (uint32_t i = 0; i < job->text_count && st == ST_OK; i++) {
        const struct sql_text *from = &job->texts[i];
        const size_t at = (size_t)(from->text.data - job->entry->text.data);
        texts[i] = (struct sql_text){.text = span_of(c->text.data + at, from->text.size),
                                     .position = from->position};
    }
    if (st == ST_OK) {
        c->texts = texts;
        c->text_count = job->text_count;
    }
    c->made = NULL;
    compile_job_free(c->session->local->compilers, job);
    return st == ST_BUSY ? ST_INVALID : st;
}

static enum status split(struct local_call *c)
{
    struct local *l = c->session->local;
    if (is_made(c, c->text, true)) return use_split(c);
    if (c->text.size <= SPLIT_MAX)
        return sql_split(&c->arena, c->text, &c->texts, &c->text_count, &c->diag);
    const uint64_t now = now_ns(l);
    if (may_be_here(l, c->text.size, now)) return split_here(c, now);
    const struct compiled_request request = {.text = c->text};
    return send(c, &request, true);
}

/* Once for all statements of the query string. */
enum status call_split(struct local_call *c)
{
    if (c->statements != NULL) return ST_OK;
    TRY(split(c));
    if (c->is_single && c->text_count > 1) {
        diag_set(&c->diag, "42601", "cannot insert multiple commands into a prepared statement");
        return ST_INVALID;
    }
    c->statements = arena_alloc_zero(&c->arena, c->text_count + 1u, sizeof(struct compiled *));
    return c->statements == NULL ? ST_NO_MEMORY : ST_OK;
}

/* --- what comes back -------------------------------------------------------------------------- */

static void go_on(struct local_call *c)
{
    if (c->is_block)
        block_compiled(c);
    else
        call_go_on(c);
}

void compiling_arrived(struct local *l, struct compile_job *job)
{
    struct local_call *c = job->owner;
    if (c == NULL) {
        compile_job_free(l->compilers, job);
        return;
    }
    must(c->compiling == job); /* M1 */
    must(c->made == NULL);
    c->compiling = NULL;
    c->made = job;
    go_on(c);
}

void compiling_forget(struct local_call *c)
{
    struct compilers *compilers = c->session->local->compilers;
    if (c->compiling != NULL) compilers_forget(compilers, c->compiling);
    if (c->made != NULL) compile_job_free(compilers, c->made);
    c->compiling = NULL;
    c->made = NULL;
}

bool compiling_cancel(struct local_call *c)
{
    if (c->compiling == NULL) return false;
    compiling_forget(c);
    diag_set(&c->diag, "57014", "canceling statement due to user request");
    go_on(c);
    return true;
}

/* --- prepared statements ---------------------------------------------------------------------- */

enum status compiling_prepare(struct local_call *c)
{
    struct backend_session *s = c->session;
    TRY(call_split(c));
    s->is_prepared = true;
    if (c->text_count == 0) return ST_OK;
    TRY(call_expand(c, &c->texts[0]));
    struct sql_catalog *catalog = call_catalog(s);
    struct compiled_request request = {.catalog = catalog,
                                       .account = s->account.id,
                                       .text = c->texts[0].text,
                                       .search_path = search_path_of(s, catalog, &c->arena),
                                       .declared = c->declared,
                                       .declared_count = c->param_count};
    struct compiled *statement = NULL;
    enum status st = call_compiled(c, &request, &statement);
    sql_catalog_unref(catalog);
    if (st == ST_OK) {
        compiled_unref(s->prepared);
        s->prepared = statement;
        c->text_at = c->text_count; /* Nothing of it is run. */
    }
    return st;
}

bool compiling_is_long(struct span text)
{
    return text.size > HERE_MAX;
}

/* The one that was prepared for this Parse, else one that is kept or can be made here. */
enum status compiling_describe(struct backend_session *s,
                               const struct compiled_request *request,
                               struct compiled **out,
                               struct diag *d)
{
    struct local *l = s->local;
    struct compiled *made = s->prepared;
    s->prepared = NULL;
    if (made != NULL && compiled_is_text(made, request)) {
        *out = made;
        return ST_OK;
    }
    compiled_unref(made);
    *out = compiled_find(&l->cache, request);
    if (*out != NULL) return ST_OK;
    const uint64_t now = now_ns(l);
    if (!may_be_here(l, request->text.size, now)) return ST_BUSY;
    enum status st = compiled_get(out, &l->cache, request, d);
    note_spent(l, now);
    return st;
}
