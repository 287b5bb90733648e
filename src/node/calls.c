/* A call: its query string compiled, then its statements one after the other (reads), or all of
 * them as one transaction (when any writes). */
#include <strings.h>

#include "base/must.h"
#include "node/local_int.h"
#include "sql/lex.h"

static enum status compile_all(struct local_call *c, struct sql_catalog *catalog);
static void begin_part(struct local_call *c);
static void continue_parts(struct local_call *c);
static enum status submit_read(struct local_call *c);
static enum status travel(struct local_call *c);
static void run_reads(struct local_call *c);

void call_empty(struct local_call *c)
{
    must(!c->is_asking);
    compiling_forget(c);
    for (uint32_t i = 0; i < c->statement_count; i++)
        compiled_unref(c->statements[i]);
    c->statement_count = 0;
    if (sql_may_have_password(c->text)) passwords_wipe(c->text);
    arena_fini(&c->arena);
}

void call_free(struct local_call *c)
{
    struct mem *mem = c->session->local->config.mem;
    call_empty(c);
    mem_free(mem, c);
}

/* As client_min_messages wants it. */
void call_notice(const struct local_call *c, const struct diag *d)
{
    if (settings_says(&c->session->settings, d->sqlstate)) c->reply.notice(c->reply.context, d);
}

static void out_of_memory(struct local_call *c)
{
    diag_set(&c->diag, "53200", "out of memory");
}

static bool is_ddl(enum sql_kind kind)
{
    return kind == SQL_KIND_CREATE_TABLE || kind == SQL_KIND_DROP_TABLE ||
           kind == SQL_KIND_CREATE_INDEX || kind == SQL_KIND_DROP_INDEX || kind == SQL_KIND_DDL;
}

/* What stands for an EXECUTE has no place in the query string. */
#define NO_POSITION UINT32_MAX

/* Positions count from the start of the whole query string. */
void call_shift_position(struct diag *d, const struct sql_text *text)
{
    if (text->position == NO_POSITION) d->position = 0;
    if (d->position > 0) d->position += text->position;
}

enum status call_expand(struct local_call *c, struct sql_text *text)
{
    if (!prepared_is_execute(text->text)) return ST_OK;
    const struct span before = text->text;
    enum status st = prepared_expand(&c->session->names, &c->arena, before, &text->text, &c->diag);
    if (st != ST_OK)
        call_shift_position(&c->diag, text);
    else
        text->position = NO_POSITION;
    return st;
}

/* A simple query brings no values. */
enum status call_no_parameter(struct diag *d, const struct sql_text *text)
{
    struct lex_token token = lex_next(text->text, 0);
    while (token.kind != LEX_PARAM && token.kind != LEX_END)
        token = lex_next(text->text, token.start + token.size);
    diag_set(d, "42P02", "there is no parameter %.*s", (int)token.size,
             (const char *)text->text.data + token.start);
    for (size_t i = 0; i <= token.start && i < text->text.size; i++) /* In characters. */
        d->position += (text->text.data[i] & 0xC0u) != 0x80u;
    call_shift_position(d, text);
    return ST_INVALID;
}

/* Statements behind it see other tables, or other names. */
static bool changes_names(const struct compiled *statement)
{
    const struct sql_statement *s = &statement->statement;
    if (s->kind == SQL_KIND_FORGET) return true;
    return s->kind == SQL_KIND_SET &&
           (settings_is_height(s->name) || guc_name_is(s->name, "search_path"));
}

static bool has_ddl_before(const struct local_call *c)
{
    for (uint32_t i = 0; i < c->statement_count; i++)
        if (is_ddl(c->statements[i]->statement.kind)) return true;
    return false;
}

/* ST_BUSY: it goes on with the next that is not compiled yet. */
static enum status compile_all(struct local_call *c, struct sql_catalog *catalog)
{
    struct local *l = c->session->local;
    TRY(call_split(c));
    struct sql_text *texts = c->texts + c->text_at;
    const uint32_t count = c->text_count - c->text_at;
    bool has_ddl = has_ddl_before(c);
    bool is_end = false;
    for (uint32_t i = c->statement_count; i < count && !is_end; i++) {
        TRY(call_expand(c, &texts[i]));
        struct compiled_request request = {.catalog = catalog,
                                           .account = c->session->account.id,
                                           .text = texts[i].text,
                                           .search_path =
                                               search_path_of(c->session, catalog, &c->arena),
                                           .declared = c->declared,
                                           .declared_count = c->param_count};
        enum status st = call_compiled(c, &request, &c->statements[i]);
        if (st == ST_BUSY) return st;
        if (st != ST_OK && has_ddl && !sql_sets_password(texts[i].text))
            st = compiled_defer(&c->statements[i], &l->cache, &request);
        if (st != ST_OK) {
            call_shift_position(&c->diag, &texts[i]);
            return st;
        }
        c->statement_count = i + 1;
        const struct compiled *statement = c->statements[i];
        if (!c->is_single && statement->statement.param_count > c->param_count)
            return call_no_parameter(&c->diag, &texts[i]);
        has_ddl = has_ddl || is_ddl(statement->statement.kind);
        c->is_write = c->is_write || statement->statement.is_write;
        c->is_submit = statement->statement.kind == SQL_KIND_SUBMIT;
        is_end = changes_names(statement);
    }
    c->text_at += c->statement_count;
    c->diag = (struct diag){0}; /* What a deferred statement left. */
    return ST_OK;
}

static enum status refuse_node_call(struct local_call *c)
{
    diag_set(&c->diag, "0A000",
             "functions of schema trustsql cannot be called in a transaction that writes");
    diag_hint(&c->diag, "Call it in a query of its own, and give the value.");
    return ST_UNSUPPORTED;
}

static enum status check_mixture(struct local_call *c)
{
    if (c->is_submit && (c->text_count > 1)) {
        diag_set(&c->diag, "0A000", "trustsql.submit stands alone in its query");
        return ST_UNSUPPORTED;
    }
    while (c->is_write && c->at + 1 < c->statement_count &&
           c->statements[c->at]->statement.kind == SQL_KIND_SET)
        c->at++;
    for (uint32_t i = c->at; i < c->statement_count && c->is_write; i++) {
        enum sql_kind kind = c->statements[i]->statement.kind;
        if (c->statements[i]->statement.calls_node) return refuse_node_call(c);
        if (kind != SQL_KIND_SET && kind != SQL_KIND_SHOW && kind != SQL_KIND_SUBMIT &&
            kind != SQL_KIND_COMPLAIN)
            continue;
        diag_set(&c->diag, "0A000", "SET and SHOW cannot be part of a transaction that writes");
        diag_hint(&c->diag, "Send it as a query of its own, or SET before all that writes.");
        return ST_UNSUPPORTED;
    }
    return ST_OK;
}

/* What cannot be compiled may well be right at the height to read at, which is to come. */
static void excuse_height(struct local_call *c)
{
    const uint64_t height = c->session->settings.read_height;
    if (height <= db_height(exec_db(c->session->local->config.exec))) return;
    diag_set(&c->diag, "TQ008", "height %llu is not executed here yet", (unsigned long long)height);
    diag_hint(&c->diag, "Try again in a moment.");
}

struct sql_catalog *call_catalog(const struct backend_session *s)
{
    if (s->block.catalog != NULL) return sql_catalog_ref(s->block.catalog);
    if (s->settings.height > 0 && s->past != NULL && s->past_height == s->settings.height)
        return sql_catalog_ref(s->past);
    return exec_catalog(s->local->config.exec);
}

static enum status compile(struct local_call *c)
{
    if (c->diag.sqlstate[0] != 0) return ST_INVALID; /* Cancelled. */
    if (c->is_prepare) return compiling_prepare(c);
    struct sql_catalog *catalog = call_catalog(c->session);
    enum status st = compile_all(c, catalog);
    sql_catalog_unref(catalog); /* Compiled statements hold their own references. */
    if (st == ST_OK) st = check_mixture(c);
    return st;
}

bool call_compile(struct local_call *c)
{
    if (c->is_compiled) return true;
    if (c->compiling != NULL) return false;
    c->is_block = !c->is_prepare && block_wants(c);
    enum status st = c->is_block ? ST_OK : compile(c);
    if (st == ST_BUSY) return false;
    c->is_compiled = true;
    if (st != ST_OK) excuse_height(c);
    if (st != ST_OK && c->diag.sqlstate[0] == 0) out_of_memory(c);
    return true;
}

void call_go_on(struct local_call *c)
{
    if (c->state == CALL_RUNNING) { /* Behind a part that has run. */
        begin_part(c);
        continue_parts(c);
    }
    session_advance(c->session);
}

/* What is SET before a transaction, in its query string, counts for it; and goes back when it
 * fails, as in PostgreSQL. */
static enum status begin_write(struct local_call *c)
{
    for (uint32_t i = 0; i < c->at; i++) {
        TRY(call_set(c, &c->statements[i]->statement));
        must(!c->is_travelling); /* What is behind a change of height is compiled after it. */
    }
    return write_begin(c);
}

void call_forget_settings(struct local_call *c)
{
    if (c->settings_before != NULL) c->session->settings = *c->settings_before;
    c->settings_before = NULL;
}

/* Before the first SET of the call. Travelling is not taken back. */
static enum status keep_settings(struct local_call *c, struct span name)
{
    if (c->is_block || c->settings_before != NULL || settings_is_height(name)) return ST_OK;
    c->settings_before = arena_alloc(&c->arena, sizeof *c->settings_before);
    if (c->settings_before == NULL) return ST_NO_MEMORY;
    *c->settings_before = c->session->settings;
    return ST_OK;
}

void call_begin(struct local_call *c)
{
    must(c->state == CALL_QUEUED);
    begin_part(c);
    continue_parts(c);
}

/* What was compiled is done, and it was not all. */
static void next_part(struct local_call *c)
{
    for (uint32_t i = 0; i < c->statement_count; i++)
        compiled_unref(c->statements[i]);
    c->statement_count = 0;
    c->at = 0;
    c->is_compiled = false;
    c->is_write = false;
    c->state = CALL_RUNNING;
}

static bool is_copy(const struct local_call *c)
{
    return c->statements[c->at]->statement.kind == SQL_KIND_COPY_IN;
}

static void begin_part(struct local_call *c)
{
    if (!call_compile(c)) return;
    if (c->is_block) {
        block_run(c);
        return;
    }
    enum status st = c->diag.sqlstate[0] == 0 ? ST_OK : ST_INVALID;
    c->state = CALL_RUNNING;
    if (st == ST_OK && c->is_prepare)
        c->state = CALL_DONE;
    else if (st == ST_OK && c->is_submit)
        st = submit_begin(c);
    else if (st == ST_OK && c->is_write && is_copy(c))
        st = call_copy_begin(c);
    else if (st == ST_OK && c->is_write)
        st = begin_write(c);
    else if (st == ST_OK)
        run_reads(c);
    if (st == ST_OK) return;
    if (c->diag.sqlstate[0] == 0) out_of_memory(c);
    if (c->is_write) passwords_settle(c->session, true);
    call_forget_settings(c);
    c->state = CALL_DONE;
}

/* After a part that has nothing to wait for, the next. */
static void continue_parts(struct local_call *c)
{
    while (c->state == CALL_DONE && c->diag.sqlstate[0] == 0 && c->text_at < c->text_count &&
           !c->session->is_closed && !c->is_block) {
        next_part(c);
        begin_part(c);
    }
}

/* --- reads ----------------------------------------------------------------------------------- */

static enum status check_schema_now(struct local_call *c,
                                    const struct sql_catalog *now,
                                    uint64_t table_id)
{
    const struct catalog_table *t = sql_catalog_by_id(now, table_id);
    const struct catalog_schema *s = sql_catalog_schema(now, t->schema);
    if (s == NULL) return ST_OK; /* One of the chain. */
    const struct sql_schema_access use = {.id = s->id, .rights = SQL_RIGHT_USAGE};
    return sql_check_schemas(now, &use, 1, c->session->account.id, &c->diag);
}

/* Who may not read a table now may not read what was in it; one that is gone goes by the rights
 * that there were. */
static enum status check_past_access(struct local_call *c, const struct compiled *statement)
{
    enum status st = ST_OK;
    struct sql_catalog *now = exec_catalog(c->session->local->config.exec);
    for (uint32_t i = 0; i < statement->statement.access_count && st == ST_OK; i++) {
        struct sql_statement one = {.access = &statement->statement.access[i], .access_count = 1};
        const bool is_here = sql_catalog_by_id(now, one.access->table_id) != NULL;
        st = exec_check_access(is_here ? now : statement->catalog, &one, &c->session->account,
                               &c->diag);
        if (st == ST_OK && is_here) st = check_schema_now(c, now, one.access->table_id);
    }
    sql_catalog_unref(now);
    return st;
}

static enum status check_access(struct local_call *c, const struct compiled *statement)
{
    const struct sql_statement *st = &statement->statement;
    if (c->session->settings.height > 0) return check_past_access(c, statement);
    return exec_check_access(statement->catalog, st, &c->session->account, &c->diag);
}

/* What a node says of itself is not a matter of others. Blocks and transactions are tables of
 * everybody, though made by the node. */
static bool is_shared(const struct sql_catalog *catalog, uint64_t table_id)
{
    const struct catalog_table *t = sql_catalog_by_id(catalog, table_id);
    if (t == NULL || !t->is_virtual) return true;
    return span_equal(t->name, span_text("blocks")) ||
           span_equal(t->name, span_text("transactions"));
}

static bool needs_height(const struct local_call *c, const struct compiled *statement)
{
    const struct sql_statement *st = &statement->statement;
    if (c->session->settings.chosen.read != SETTINGS_READ_LINEARIZABLE) return false;
    for (uint32_t i = 0; i < st->access_count; i++)
        if (is_shared(statement->catalog, st->access[i].table_id)) return true;
    return false;
}

/* At least what this node has executed: a session never goes back, and the catalog that the
 * statement was compiled against is there. */
enum status call_ask_height(struct local_call *c)
{
    const struct local_config *config = &c->session->local->config;
    c->height = (struct flow_read){.height_min = db_height(exec_db(config->exec)), .owner = c};
    enum status st = replica_read(config->replica, &c->height);
    c->is_asking = st == ST_OK;
    if (st == ST_BUSY) {
        diag_set(&c->diag, "53400", "too many queries are waiting");
        diag_hint(&c->diag, "Try again in a moment.");
    } else if (st == ST_CLOSED) {
        diag_set(&c->diag, "57P01", "the node is shutting down");
    }
    return st;
}

/* What a node says of itself it may still say. */
enum status call_check_quarantine(struct local_call *c, const struct compiled *statement)
{
    const struct sql_statement *st = &statement->statement;
    bool is_asked_for = false;
    for (uint32_t i = 0; i < st->access_count; i++)
        if (is_shared(statement->catalog, st->access[i].table_id)) is_asked_for = true;
    if (!is_asked_for || !replica_is_quarantined(c->session->local->config.replica)) return ST_OK;
    diag_set(&c->diag, "TQ009", "the state of this node is not what a quorum certified");
    diag_hint(&c->diag, "Ask another node. This one makes its state again from the blocks; "
                        "`trustsql doctor` tells its operator more.");
    return ST_CORRUPT;
}

enum status call_read(struct local_call *c, const struct compiled *statement)
{
    TRY(check_access(c, statement));
    TRY(call_check_quarantine(c, statement));
    if (statement->statement.param_count > c->param_count) {
        diag_set(&c->diag, "42P02", "there is no parameter $%u", c->param_count + 1);
        return ST_INVALID;
    }
    c->read = (struct read_job){.statement = &statement->statement,
                                .params = c->params,
                                .param_count = c->param_count,
                                .user = span_text(c->session->user),
                                .account = &c->session->account,
                                .catalog = statement->catalog,
                                .owner = c};
    c->has_columns_sent = false;
    c->row_count = 0;
    c->read.height = c->session->settings.read_height;
    if (c->session->settings.height > 0) {
        c->read.height = c->session->settings.height;
        c->read.is_past = true;
    }
    if (c->read.height > 0) {
        c->read.is_fixed = true;
        return submit_read(c);
    }
    if (needs_height(c, statement)) return call_ask_height(c);
    return submit_read(c);
}

static enum status submit_read(struct local_call *c)
{
    enum status st = readers_submit(c->session->local->readers, &c->read);
    if (st == ST_BUSY) {
        diag_set(&c->diag, "53400", "too many queries are waiting");
        diag_hint(&c->diag, "Try again in a moment.");
    }
    return st;
}

void call_explain_height(struct local_call *c)
{
    if (atomic_load(&c->height.is_cancelled)) {
        diag_set(&c->diag, "57014", "canceling statement due to user request");
    } else if (c->height.status == ST_TIMEOUT) {
        diag_set(&c->diag, "TQ007",
                 "a linearizable read has not learned in time what is newest in the chain");
        diag_hint(&c->diag,
                  "Too few validators answer, or this node is far behind: see "
                  "trustsql.nodes. SET trustsql.read = 'local' reads what this node has.");
    } else {
        diag_set(&c->diag, "57P01", "the node is shutting down");
    }
}

void call_read_height(struct local_call *c)
{
    must(c->is_asking);
    c->is_asking = false;
    if (c->is_block) {
        block_read_height(c);
        return;
    }
    if (c->height.status == ST_OK && !atomic_load(&c->height.is_cancelled)) {
        c->read.height = c->height.height;
        if (submit_read(c) == ST_OK) return;
    } else {
        call_explain_height(c);
    }
    if (c->diag.sqlstate[0] == 0) out_of_memory(c);
    c->state = CALL_DONE;
    session_advance(c->session);
}

void call_cancel(struct local_call *c)
{
    if (c->is_asking)
        atomic_store(&c->height.is_cancelled, true);
    else
        readers_cancel(c->session->local->readers, &c->read);
}

static enum status put_shown(struct local_call *c, struct span name, struct buf *row)
{
    struct buf value;
    buf_init(&value, c->session->local->config.mem, 0);
    enum status st = settings_show(&c->session->settings, name, &value, &c->diag);
    if (st == ST_OK) sql_rowset_put_bytes(row, buf_span(&value));
    buf_fini(&value);
    return st == ST_OK ? buf_status(row) : st;
}

static enum status put_all(struct local_call *c, struct buf *rows, uint64_t *count)
{
    const char *name = NULL;
    const char *what = NULL;
    enum status st = ST_OK;
    for (uint32_t i = 0; st == ST_OK && settings_at(i, &name, &what); i++) {
        sql_rowset_put_bytes(rows, span_text(name));
        st = put_shown(c, span_text(name), rows);
        sql_rowset_put_bytes(rows, span_text(what));
        (*count)++;
    }
    return st == ST_OK ? buf_status(rows) : st;
}

enum status call_show(struct local_call *c, const struct sql_statement *statement)
{
    const struct backend_reply *reply = &c->reply;
    const bool is_all = statement->column_count > 1;
    struct buf rows;
    uint64_t count = 0;
    buf_init(&rows, c->session->local->config.mem, 0);
    enum status st = is_all ? put_all(c, &rows, &count) : put_shown(c, statement->name, &rows);
    if (st == ST_OK) {
        if (!is_all) count = 1;
        reply->columns(reply->context, statement->columns, statement->column_count);
        reply->rows(reply->context, statement->columns, statement->column_count, buf_span(&rows),
                    count);
        reply->complete(reply->context, statement->tag, statement->tag_has_count, count);
    }
    buf_fini(&rows);
    return st;
}

/* The only setting that changes and that PostgreSQL's clients are told of. */
static void tell_parameter(const struct local_call *c, struct span name)
{
    struct buf value;
    struct diag d;
    uint8_t bytes[SETTINGS_VALUE_MAX];
    const struct span own = span_text("application_name");
    const bool is_own = name.size == own.size &&
                        strncasecmp((const char *)name.data, (const char *)own.data, own.size) == 0;
    if (c->reply.parameter == NULL || (!is_own && !span_equal(name, span_text("all")))) return;
    buf_init_fixed(&value, bytes, sizeof bytes);
    if (settings_show(&c->session->settings, own, &value, &d) == ST_OK)
        c->reply.parameter(c->reply.context, "application_name", buf_span(&value));
}

enum status call_set(struct local_call *c, const struct sql_statement *statement)
{
    struct span value = {0};
    if (statement->argument_count > 0) value = statement->arguments[0].value.bytes;
    c->height_before = c->session->settings.height;
    TRY(keep_settings(c, statement->name));
    TRY(settings_set(&c->session->settings, statement->name, value, &c->diag));
    if (c->session->settings.height != c->height_before) {
        TRY(travel(c));
        if (c->is_travelling) return ST_OK; /* Goes on in arrive. */
    }
    tell_parameter(c, statement->name);
    if (statement->column_count > 0) return call_show(c, statement); /* set_config(…) */
    c->reply.complete(c->reply.context, statement->tag, false, 0);
    return ST_OK;
}

enum status call_forget(struct local_call *c, const struct sql_statement *statement)
{
    const struct span name = statement->name;
    const bool is_discard = strcmp(statement->tag, "DISCARD ALL") == 0;
    bool is_found = statement->is_no_op || prepared_remove(&c->session->names, name);
    if (!statement->is_no_op && c->reply.forget != NULL)
        is_found = c->reply.forget(c->reply.context, name) || is_found;
    if (!is_found && name.size > 0) {
        diag_set(&c->diag, "26000", "prepared statement \"%.*s\" does not exist", (int)name.size,
                 (const char *)name.data);
        return ST_NOT_FOUND;
    }
    if (is_discard) {
        must(settings_set(&c->session->settings, span_text("all"), span_of(NULL, 0), &c->diag) ==
             ST_OK);
        tell_parameter(c, span_text("all"));
    }
    c->reply.complete(c->reply.context, statement->tag, false, 0);
    return ST_OK;
}

/* --- trustsql.height ---------------------------------------------------------------------------
 */

static void settle_past(struct backend_session *s, struct sql_catalog *catalog)
{
    sql_catalog_unref(s->past);
    s->past = catalog;
    s->past_height = catalog == NULL ? 0 : s->settings.height;
}

/* The height was set: its catalog is fetched, or the session is in the present again. */
static enum status travel(struct local_call *c)
{
    struct backend_session *s = c->session;
    const struct local_config *config = &s->local->config;
    const uint64_t height = s->settings.height;
    if (height == 0) {
        settle_past(s, NULL);
        return ST_OK;
    }
    enum status st = ST_INVALID;
    if (height > db_height(exec_db(config->exec))) {
        diag_set(&c->diag, "TQ008", "height %llu is not executed here yet",
                 (unsigned long long)height);
        diag_hint(&c->diag, "Try again in a moment.");
    } else {
        c->base = exec_catalog(config->exec);
        c->read = (struct read_job){.user = span_text(s->user),
                                    .account = &s->account,
                                    .catalog = c->base,
                                    .height = height,
                                    .is_past = true,
                                    .owner = c};
        st = submit_read(c);
        c->is_travelling = st == ST_OK;
    }
    if (st == ST_OK) return ST_OK;
    sql_catalog_unref(c->base);
    c->base = NULL;
    s->settings.height = c->height_before;
    return st;
}

static void arrive(struct local_call *c, struct read_chunk *chunk)
{
    const struct diag diag = chunk->diag;
    must(chunk->is_last);
    readers_release(c->session->local->readers, chunk);
    sql_catalog_unref(c->base);
    c->base = NULL;
    c->is_travelling = false;
    if (diag.sqlstate[0] != 0) {
        sql_catalog_unref(c->read.made);
        c->session->settings.height = c->height_before;
        c->diag = diag;
        c->state = CALL_DONE;
    } else {
        settle_past(c->session, c->read.made);
        c->reply.complete(c->reply.context, c->statements[c->at - 1]->statement.tag, false, 0);
        run_reads(c);
        continue_parts(c);
    }
    session_advance(c->session);
}

/* Run statements until one has to wait. */
static void run_reads(struct local_call *c)
{
    enum status st = ST_OK;
    const bool is_heard = !c->session->is_closed; /* Else nobody wants the rest. */
    while (is_heard && st == ST_OK && c->at < c->statement_count) {
        const struct compiled *statement = c->statements[c->at++];
        enum sql_kind kind = statement->statement.kind;
        if (kind == SQL_KIND_SET) {
            st = call_set(c, &statement->statement);
            if (c->is_travelling) return;
        } else if (kind == SQL_KIND_SHOW) {
            st = call_show(c, &statement->statement);
        } else if (kind == SQL_KIND_FORGET) {
            st = call_forget(c, &statement->statement);
        } else if (kind == SQL_KIND_COMPLAIN) {
            st = complain_run(c, &statement->statement);
        } else if (kind != SQL_KIND_EMPTY) {
            st = call_read(c, statement);
            if (st == ST_OK) return; /* Goes on in call_read_chunk. */
        }
    }
    if (st != ST_OK && c->diag.sqlstate[0] == 0) out_of_memory(c);
    c->state = CALL_DONE;
}

void call_read_chunk(struct local_call *c, struct read_chunk *chunk)
{
    if (c->is_block) {
        block_read_chunk(c, chunk);
        return;
    }
    if (c->is_travelling) {
        arrive(c, chunk);
        return;
    }
    const struct sql_statement *statement = c->read.statement;
    bool is_last = chunk->is_last;
    bool has_failed = is_last && chunk->diag.sqlstate[0] != 0;
    if (has_failed) c->diag = chunk->diag;
    if (!has_failed && !c->has_columns_sent) {
        call_say_columns(c, statement);
        c->has_columns_sent = true;
    }
    if (!has_failed && chunk->row_count > 0)
        c->reply.rows(c->reply.context, statement->columns, statement->column_count,
                      buf_span(&chunk->rows), chunk->row_count);
    c->row_count += chunk->row_count;
    readers_release(c->session->local->readers, chunk);
    if (!is_last) return;
    if (has_failed) {
        c->state = CALL_DONE;
    } else {
        c->reply.complete(c->reply.context, statement->tag, statement->tag_has_count, c->row_count);
        run_reads(c);
        continue_parts(c);
    }
    session_advance(c->session);
}
