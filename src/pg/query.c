/* query.c - What each message after login does.
 *
 * Which messages wait until nothing is queued: Query, Parse of what is not already there, Close of
 * a statement, Execute of what may not overlap with what runs. All others only add to what is sent.
 */
#include "base/must.h"
#include "codec/cbor.h"
#include "pg/session_int.h"

#define TYPE_NONE 0u
#define TYPE_NAME 19u

static bool on_query(struct pg_session *s, const struct wire_message *m);
static bool on_parse(struct pg_session *s, const struct wire_message *m);
static void on_bind(struct pg_session *s, const struct wire_message *m);
static void on_describe(struct pg_session *s, const struct wire_message *m);
static bool on_execute(struct pg_session *s, const struct wire_message *m);
static bool on_close(struct pg_session *s, const struct wire_message *m);
static bool on_sync(struct pg_session *s);
static bool text_is_good(struct pg_session *s, struct span text);
static void fail(struct pg_session *s, const char *sqlstate, const char *message);
static void fail_name(struct pg_session *s,
                      const char *sqlstate,
                      const char *what,
                      struct span name,
                      const char *why);

bool session_message(struct pg_session *s, const struct wire_message *m)
{
    must(s->phase == PG_READY);
    if (s->is_skipping && m->kind != WIRE_SYNC && m->kind != WIRE_TERMINATE) return true; /* S4 */
    if (s->copy.reader != NULL && m->kind != WIRE_TERMINATE) return copy_message(s, m);
    switch (m->kind) {
    case WIRE_QUERY: return on_query(s, m);
    case WIRE_PARSE: return on_parse(s, m);
    case WIRE_BIND: on_bind(s, m); return true;
    case WIRE_DESCRIBE: on_describe(s, m); return true;
    case WIRE_EXECUTE: return on_execute(s, m);
    case WIRE_CLOSE: return on_close(s, m);
    case WIRE_FLUSH: return true; /* Everything is sent at once anyway. */
    case WIRE_SYNC: return on_sync(s);
    case WIRE_TERMINATE:
        session_flush(s);
        session_abort(s);
        return true;
    case WIRE_COPY_DATA:
    case WIRE_COPY_DONE:
    case WIRE_COPY_FAIL: return copy_message(s, m);
    case WIRE_FUNCTION:
        if (s->first != NULL) return false;
        fail(s, "0A000", "function calls of the protocol are not supported");
        return on_sync(s); /* It answers with ReadyForQuery by itself. */
    case WIRE_PASSWORD: session_fatal(s, "08P01", "unexpected password message"); return true;
    }
    return true;
}

/* --- simple query
 * --------------------------------------------------------------------------------*/

static bool on_query(struct pg_session *s, const struct wire_message *m)
{
    if (s->first != NULL) return false;
    s->is_overlapping = false;
    statement_remove(s, span_of(NULL, 0));
    portal_remove(s, span_of(NULL, 0));
    if (!text_is_good(s, m->text)) return on_sync(s);
    const struct backend_call call = {.text = m->text};
    pipeline_call(s, ITEM_QUERY, &call, NULL, 0);
    return true;
}

/* --- Parse
 * ---------------------------------------------------------------------------------------*/

static bool declared_equal(const struct statement *st, const struct wire_message *m);
static enum status fill_statement(struct pg_session *s,
                                  struct statement *st,
                                  const struct wire_message *m,
                                  struct diag *d);

static bool on_parse(struct pg_session *s, const struct wire_message *m)
{
    const struct statement *old = statement_find(s, m->name);
    if (old != NULL && m->name.size == 0 && old->description.may_overlap &&
        span_equal(old->text, m->text) && declared_equal(old, m)) {
        /* The same again, and nothing that runs can change its meaning. */
        reply_signal(pipeline_out(s), REPLY_PARSE_COMPLETE);
        return true;
    }
    if (s->first != NULL) return false;
    if (m->name.size == 0) {
        statement_remove(s, m->name);
    } else if (old != NULL) {
        fail_name(s, "42P05", "prepared statement", m->name, "already exists");
        return true;
    }
    if (!text_is_good(s, m->text)) return true;
    if (!utf8_valid(m->name)) {
        fail(s, "22021", "invalid byte sequence for encoding \"UTF8\"");
        return true;
    }
    struct statement *st = statement_new(s, m->name);
    struct diag d = {.sqlstate = ""};
    enum status status = st == NULL ? ST_NO_MEMORY : fill_statement(s, st, m, &d);
    if (status == ST_OK) status = statement_add(s, st);
    if (status == ST_OK) {
        reply_signal(pipeline_out(s), REPLY_PARSE_COMPLETE);
        return true;
    }
    if (st != NULL) statement_unref(s, st);
    if (status == ST_BUSY) { /* Looked at again when it was prepared, which may be now. */
        if (s->first != NULL) return false;
        return s->is_skipping || s->phase == PG_OVER || on_parse(s, m);
    }
    if (d.sqlstate[0] == 0) diag_status(&d, status);
    session_error(s, &d);
    return true;
}

static bool type_of(uint32_t oid, enum sql_type *type)
{
    if (sql_type_is_known(oid, UINT32_MAX)) {
        *type = sql_type_find(oid)->type;
        return true;
    }
    if (oid == SQL_UNKNOWN) oid = TYPE_NONE;
    if (oid == TYPE_NONE) *type = SQL_UNKNOWN;
    if (oid == REPLY_TYPE_VARCHAR || oid == TYPE_NAME) *type = SQL_TEXT;
    return oid == TYPE_NONE || oid == REPLY_TYPE_VARCHAR || oid == TYPE_NAME;
}

static bool declared_equal(const struct statement *st, const struct wire_message *m)
{
    if (st->declared_count != m->type_count) return false;
    for (uint16_t i = 0; i < m->type_count; i++) {
        enum sql_type type = SQL_UNKNOWN;
        if (!type_of(wire_type(m, i), &type) || type != st->declared[i]) return false;
    }
    return true;
}

static enum status fill_statement(struct pg_session *s,
                                  struct statement *st,
                                  const struct wire_message *m,
                                  struct diag *d)
{
    enum sql_type *types = arena_alloc_zero(&st->arena, m->type_count + 1u, sizeof *types);
    st->text = arena_copy(&st->arena, m->text);
    if (types == NULL || st->text.data == NULL) return ST_NO_MEMORY;
    for (uint16_t i = 0; i < m->type_count; i++) {
        if (type_of(wire_type(m, i), &types[i])) continue;
        diag_set(d, "0A000", "parameter $%u: type with OID %u is not supported", i + 1u,
                 wire_type(m, i));
        return ST_UNSUPPORTED;
    }
    uint32_t *oids = arena_alloc_zero(&st->arena, m->type_count + 1u, sizeof *oids);
    if (oids == NULL) return ST_NO_MEMORY;
    for (uint16_t i = 0; i < m->type_count; i++)
        oids[i] = wire_type(m, i);
    st->declared_oids = oids;
    st->declared = types;
    st->declared_count = m->type_count;
    const struct backend_call call = {
        .text = st->text, .param_types = types, .param_count = m->type_count, .is_single = true};
    struct backend *b = s->config.backend;
    struct backend_description *out = &st->description;
    enum status described = b->table->describe(b, s->backend_session, &st->arena, &call, out, d);
    if (described == ST_BUSY) pipeline_prepare(s, &call);
    TRY(described);
    if (out->statement_count > 1) {
        diag_set(d, "42601", "cannot insert multiple commands into a prepared statement");
        return ST_INVALID;
    }
    if (out->param_count > UINT16_MAX || out->column_count > SQL_COLUMNS_MAX) return ST_LIMIT;
    return ST_OK;
}

/* --- Bind
 * ----------------------------------------------------------------------------------------*/

static bool bind_counts_are_right(struct pg_session *s,
                                  const struct wire_message *m,
                                  const struct statement *st);
static enum status fill_portal(struct portal *p, const struct wire_message *m, struct diag *d);
static enum status read_value(
    struct sql_value *v, struct arena *a, uint16_t format, struct span bytes, struct diag *d);

static void on_bind(struct pg_session *s, const struct wire_message *m)
{
    struct statement *st = statement_find(s, m->name);
    if (st == NULL) {
        if (m->name.size == 0) {
            fail(s, "26000", "unnamed prepared statement does not exist");
        } else {
            fail_name(s, "26000", "prepared statement", m->name, "does not exist");
        }
        return;
    }
    if (!bind_counts_are_right(s, m, st)) return;
    if (m->portal.size == 0) {
        portal_remove(s, m->portal);
    } else if (portal_find(s, m->portal) != NULL) {
        fail_name(s, "42P03", "cursor", m->portal, "already exists");
        return;
    }
    struct diag d = {.sqlstate = ""};
    struct portal *p = portal_new(s, m->portal, st);
    enum status status = p == NULL ? ST_NO_MEMORY : fill_portal(p, m, &d);
    if (status == ST_OK) status = portal_add(s, p);
    if (status == ST_OK) {
        reply_signal(pipeline_out(s), REPLY_BIND_COMPLETE);
        return;
    }
    if (p != NULL) portal_unref(s, p);
    if (d.sqlstate[0] == 0) diag_status(&d, status);
    session_error(s, &d);
}

static bool bind_counts_are_right(struct pg_session *s,
                                  const struct wire_message *m,
                                  const struct statement *st)
{
    const struct backend_description *described = &st->description;
    struct diag d;
    if (m->value_count != described->param_count) {
        diag_set(&d, "08P01",
                 "bind message supplies %u parameters, but prepared statement \"%.*s\" requires %u",
                 m->value_count, text_clip(st->name), (const char *)st->name.data,
                 described->param_count);
        session_error(s, &d);
        return false;
    }
    if (m->result_formats.count > 1 && m->result_formats.count != described->column_count) {
        diag_set(&d, "08P01", "bind message has %u result formats but query has %u columns",
                 m->result_formats.count, described->column_count);
        session_error(s, &d);
        return false;
    }
    return true;
}

static enum status fill_portal(struct portal *p, const struct wire_message *m, struct diag *d)
{
    p->result_formats.count = m->result_formats.count;
    p->result_formats.codes = arena_copy(&p->arena, m->result_formats.codes);
    p->params = arena_alloc_zero(&p->arena, m->value_count + 1u, sizeof *p->params);
    if (p->result_formats.codes.data == NULL || p->params == NULL) return ST_NO_MEMORY;
    const struct backend_description *described = &p->statement->description;
    struct span at = m->values;
    for (uint16_t i = 0; i < m->value_count; i++) {
        struct span bytes;
        struct sql_value *v = &p->params[i];
        v->type = described->param_types[i];
        wire_next_value(&at, &bytes, &v->is_null);
        if (v->is_null) continue;
        TRY(read_value(v, &p->arena, wire_format(&m->formats, i), bytes, d));
    }
    return ST_OK;
}

static enum status read_value(
    struct sql_value *v, struct arena *a, uint16_t format, struct span bytes, struct diag *d)
{
    bool is_text = format == WIRE_FORMAT_TEXT || v->type == SQL_TEXT;
    if (is_text &&
        (!utf8_valid(bytes) || (bytes.size > 0 && memchr(bytes.data, 0, bytes.size) != NULL))) {
        diag_set(d, "22021", "invalid byte sequence for encoding \"UTF8\"");
        return ST_INVALID;
    }
    struct span copy = arena_copy(a, bytes); /* The message is gone when the portal is used. */
    if (copy.data == NULL) return ST_NO_MEMORY;
    if (v->type == SQL_BYTEA && format == WIRE_FORMAT_BINARY) {
        v->bytes = copy; /* Any bytes; a signed transaction may exceed what a column may hold. */
        return ST_OK;
    }
    enum sql_type type = v->type;
    enum status st = format == WIRE_FORMAT_BINARY ? sql_value_receive(v, a, type, copy, d)
                                                  : sql_value_parse(v, a, type, -1, copy, d);
    if (st == ST_OK) must(v->type == type);
    return st;
}

/* --- Describe, Execute, Close, Sync
 * --------------------------------------------------------------*/

static void describe_columns(struct pg_session *s,
                             const struct statement *st,
                             const struct wire_formats *formats)
{
    const struct backend_description *d = &st->description;
    if (d->column_count == 0) {
        reply_signal(pipeline_out(s), REPLY_NO_DATA);
    } else {
        reply_columns(pipeline_out(s), d->columns, d->column_count, formats);
    }
}

/* A cursor of SQL is a portal, too. */
static void describe_cursor(struct pg_session *s, struct span name)
{
    struct backend *b = s->config.backend;
    const struct wire_formats all_text = {.count = 0};
    uint32_t count = 0;
    const struct sql_column *columns = NULL;
    if (b->table->cursor != NULL && s->first == NULL)
        columns = b->table->cursor(b, s->backend_session, name, &count);
    if (columns == NULL)
        fail_name(s, "34000", "portal", name, "does not exist");
    else
        reply_columns(pipeline_out(s), columns, count, &all_text);
}

static void on_describe(struct pg_session *s, const struct wire_message *m)
{
    if (m->is_portal) {
        const struct portal *p = portal_find(s, m->name);
        if (p == NULL) {
            describe_cursor(s, m->name);
        } else {
            describe_columns(s, p->statement, &p->result_formats);
        }
        return;
    }
    const struct statement *st = statement_find(s, m->name);
    if (st == NULL) {
        fail_name(s, "26000", "prepared statement", m->name, "does not exist");
        return;
    }
    const struct wire_formats all_text = {.count = 0};
    const struct reply_params params = {.types = st->description.param_types,
                                        .count = st->description.param_count,
                                        .declared = st->declared_oids,
                                        .declared_count = st->declared_count};
    reply_param_types(pipeline_out(s), &params);
    describe_columns(s, st, &all_text);
}

/* Is this Execute a part of a transaction of several, or is there nothing but a Sync behind it?
 * What closes names or flushes changes nothing. False: what comes next is not here yet. */
static bool peek(struct pg_session *s, bool *is_open)
{
    struct span at = s->behind;
    *is_open = true;
    if (s->has_open) return true;
    for (bool has_flush = false;;) {
        if (at.size == 0 && has_flush) return true; /* The client waits for the answer. */
        size_t size = 0;
        if (at.size > 0 && at.data[0] == WIRE_SYNC) {
            *is_open = false;
            return true;
        }
        const bool is_part = at.size > 0 && (at.data[0] == WIRE_FLUSH || at.data[0] == WIRE_CLOSE);
        if (at.size > 0 && !is_part) return true;
        if (is_part) has_flush = has_flush || at.data[0] == WIRE_FLUSH;
        const enum status st = wire_message_size(at, WIRE_MESSAGE_MAX, &size);
        if (st == ST_TRUNCATED || (st == ST_OK && size > at.size)) break;
        if (st != ST_OK) return true; /* It ends the session when its turn comes. */
        at = span_of(at.data + size, at.size - size);
    }
    s->is_peeking = true;
    return false;
}

static bool on_execute(struct pg_session *s, const struct wire_message *m)
{
    struct portal *p = portal_find(s, m->name);
    if (p == NULL) {
        fail_name(s, "34000", "portal", m->name, "does not exist");
        return true;
    }
    const struct statement *st = p->statement;
    bool is_limited = m->row_max > 0 && st->description.column_count > 0;
    bool may_overlap = st->description.may_overlap && !is_limited;
    if (s->call_count > 0) { /* S2 */
        if (!may_overlap || !s->is_overlapping || s->call_count == BACKEND_CALLS_MAX) return false;
    } else {
        must(s->first == NULL); /* S1: Syncs do not outlive the calls before them. */
    }
    if (p->state == PORTAL_SUSPENDED) {
        portal_send(s, pipeline_out(s), p, m->row_max > 0 ? m->row_max : UINT32_MAX);
        return true;
    }
    if (p->state != PORTAL_NEW) {
        fail_name(s, "55000", "portal", m->name, "cannot be run");
        return true;
    }
    bool is_open = false;
    if (!may_overlap && !peek(s, &is_open)) return false;
    p->state = PORTAL_RUNNING;
    s->is_overlapping = may_overlap;
    s->has_open = s->has_open || is_open;
    const struct backend_call call = {.text = st->text,
                                      .param_types = st->description.param_types,
                                      .params = p->params,
                                      .param_count = st->description.param_count,
                                      .is_single = true,
                                      .is_open = is_open};
    pipeline_call(s, is_limited ? ITEM_LIMITED : ITEM_EXECUTE, &call, p, m->row_max);
    return true;
}

static bool on_close(struct pg_session *s, const struct wire_message *m)
{
    if (m->is_portal) {
        portal_remove(s, m->name);
    } else {
        if (s->first != NULL) return false;
        statement_remove(s, m->name);
    }
    reply_signal(pipeline_out(s), REPLY_CLOSE_COMPLETE);
    return true;
}

/* The implicit transaction ends. Nothing is read ahead of it but when calls overlap, which belong
 * to none. */
static bool on_sync(struct pg_session *s)
{
    struct backend *b = s->config.backend;
    if (s->first != NULL && (!s->is_overlapping || s->has_open)) return false;
    s->is_skipping = false;
    if (s->is_overlapping) portal_remove_all(s);
    const bool has_open = s->has_open;
    s->has_open = false;
    if (has_open && b->table->sync != NULL) pipeline_commit(s);
    pipeline_sync(s);
    return true;
}

/* --- failures
 * ------------------------------------------------------------------------------------*/

static bool text_is_good(struct pg_session *s, struct span text)
{
    if (!utf8_valid(text)) {
        fail(s, "22021", "invalid byte sequence for encoding \"UTF8\"");
        return false;
    }
    if (text.size > SQL_TEXT_MAX) {
        fail(s, "54000", "the query string is too long");
        return false;
    }
    return true;
}

static void fail(struct pg_session *s, const char *sqlstate, const char *message)
{
    struct diag d;
    diag_set(&d, sqlstate, "%s", message);
    session_error(s, &d);
}

static void fail_name(
    struct pg_session *s, const char *sqlstate, const char *what, struct span name, const char *why)
{
    struct diag d;
    struct span shown = utf8_valid(name) ? name : span_text("?");
    diag_set(&d, sqlstate, "%s \"%.*s\" %s", what, text_clip(shown), (const char *)shown.data, why);
    session_error(s, &d);
}
