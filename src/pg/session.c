/* session.c - Life of a session: bytes to messages, login, dispatch, end.
 *
 *   PG_FIRST          SSL: 'S', then TLS, again; or 'N', again    GSS: 'N', again
 *                     cancel: done, PG_OVER
 *                     start-up: offer SCRAM            -> PG_SASL_INITIAL
 *                     start-up of a user without a password here, inside TLS: ask for a token
 *                                                      -> PG_TOKEN
 *                     start-up at a free door          -> PG_READY
 *   PG_TOKEN          'p' token: right                 -> PG_READY
 *   PG_SASL_INITIAL   'p' mechanism, client-first      -> PG_SASL_RESPONSE
 *   PG_SASL_RESPONSE  'p' client-final: right          -> PG_READY
 *   PG_READY          messages (query.c)
 *   any               failure of framing or login, Terminate -> PG_OVER */
#include "pg/session.h"

#include "base/endian.h"
#include "base/must.h"
#include "codec/cbor.h"
#include "pg/session_int.h"

#define SERVER_VERSION "15.8 (TrustSQL)"

static void on_first(struct pg_session *s, struct span packet);
static void on_tls(struct pg_session *s);
static void on_startup(struct pg_session *s, const struct wire_first *f);
static void on_token(struct pg_session *s, struct span body);
static void refuse_password(struct pg_session *s, const struct diag *why);
static bool read_parameters(struct pg_session *s, struct span parameters);
static bool encoding_is_known(struct pg_session *s, struct span name);
static void on_login(struct pg_session *s, const struct wire_message *m);
static void scram_begin(struct pg_session *s);
static void log_in(struct pg_session *s);
static void send_parameters(struct pg_session *s);
static enum status next_size(struct pg_session *s, struct span left, size_t *size);
static bool process_one(struct pg_session *s, struct span *left);
static void keep_input(struct pg_session *s, struct span left);
static void close_gap(struct pg_session *s);
static void close_link(struct pg_session *s);

enum status pg_session_new(struct pg_session **out,
                           const struct pg_session_config *config,
                           const struct pg_link *link,
                           uint32_t process)
{
    struct pg_session *s = mem_alloc_zero(config->mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->config = *config;
    s->link = *link;
    s->process = process;
    uint8_t secret[4];
    config->os->entropy(config->os, secret, sizeof secret);
    s->secret = get_u32_be(secret);
    s->client_encoding = "UTF8";
    buf_init(&s->in, config->mem, 0);
    buf_init(&s->out, config->mem, 0);
    arena_init(&s->arena, config->mem, (size_t)4 * WIRE_STARTUP_MAX);
    *out = s;
    return ST_OK;
}

void pg_session_free(struct pg_session *s)
{
    if (s == NULL) return;
    s->phase = PG_OVER;
    struct backend *b = s->config.backend;
    if (s->backend_session != NULL) b->table->session_close(b, s->backend_session);
    copy_end(s);
    pipeline_fini(s);
    prepared_fini(s);
    scram_free(s->scram);
    buf_fini(&s->in);
    buf_fini(&s->out);
    arena_fini(&s->arena);
    struct mem *mem = s->config.mem;
    mem_wipe(s, sizeof *s);
    mem_free(mem, s);
}

void pg_session_data(struct pg_session *s, struct span bytes)
{
    must(!s->is_processing);
    if (s->phase == PG_OVER) return;
    if (s->in.size > s->in_at) { /* S6: it goes behind what is waiting. */
        keep_input(s, bytes);
        session_process(s);
        return;
    }
    s->is_processing = true;
    struct span left = bytes;
    while (process_one(s, &left)) {
    }
    s->is_processing = false;
    keep_input(s, left);
    session_flush(s);
}

void pg_session_drained(struct pg_session *s)
{
    if (s->phase == PG_OVER || !s->is_congested) return;
    s->is_congested = false;
    struct backend *b = s->config.backend;
    if (s->backend_session != NULL && b->table->flow != NULL)
        b->table->flow(b, s->backend_session, true);
    session_process(s);
}

void pg_session_end(struct pg_session *s, const struct diag *why)
{
    if (s->phase == PG_OVER) return;
    reply_error(&s->out, "FATAL", why);
    close_link(s);
}

void pg_session_cancel(struct pg_session *s, uint32_t secret)
{
    uint32_t difference = s->secret ^ secret;
    if (difference != 0 || s->call_count == 0) return;
    struct backend *b = s->config.backend;
    if (s->copy.is_waiting)
        copy_cancel(s);
    else
        b->table->cancel(b, s->backend_session);
}

enum pg_session_state pg_session_state(const struct pg_session *s)
{
    switch (s->phase) {
    case PG_FIRST:
    case PG_SASL_INITIAL:
    case PG_SASL_RESPONSE:
    case PG_TOKEN: return PG_SESSION_LOGIN;
    case PG_READY: return s->call_count > 0 ? PG_SESSION_BUSY : PG_SESSION_IDLE;
    case PG_OVER: return PG_SESSION_OVER;
    }
    return PG_SESSION_OVER;
}

uint32_t pg_session_idle_ms(const struct pg_session *s)
{
    struct backend *b = s->config.backend;
    if (s->backend_session == NULL || b->table->idle_ms == NULL) return 0;
    return b->table->idle_ms(b, s->backend_session);
}

void pg_session_end_idle(struct pg_session *s)
{
    struct diag d;
    if (session_block(s) == BACKEND_BLOCK_NONE)
        diag_set(&d, "57P05", "terminating connection due to idle-session timeout");
    else
        diag_set(&d, "25P03", "terminating connection due to idle-in-transaction timeout");
    pg_session_end(s, &d);
}

/* --- input
 * ---------------------------------------------------------------------------------------*/

static struct span input(const struct pg_session *s)
{
    must(s->in_at <= s->in.size);
    if (s->in.size == 0) return span_of(NULL, 0);
    return span_of(s->in.data + s->in_at, s->in.size - s->in_at);
}

void session_process(struct pg_session *s)
{
    if (s->is_processing || s->phase == PG_OVER) return;
    s->is_processing = true;
    struct span left = input(s);
    while (process_one(s, &left)) {
    }
    s->is_processing = false;
    s->in_at = s->in.size - left.size;
    keep_input(s, span_of(NULL, 0));
    session_flush(s);
}

/* Process what *left begins with and take it away; false: it is incomplete or has to wait. */
static bool process_one(struct pg_session *s, struct span *left)
{
    s->is_peeking = false;
    if (s->phase == PG_OVER || !pipeline_has_room(s)) return false;
    size_t size = 0;
    enum status st = next_size(s, *left, &size);
    if (st == ST_TRUNCATED || (st == ST_OK && size > left->size)) return false;
    if (st != ST_OK) {
        session_fatal(s, "08P01",
                      st == ST_LIMIT ? "message is too long" : "invalid frontend message");
        return false;
    }
    struct span packet = span_of(left->data, size);
    if (s->phase == PG_FIRST) {
        on_first(s, packet);
    } else {
        struct wire_message m;
        if (wire_message_decode(&m, packet) != ST_OK) {
            session_fatal(s, "08P01", "invalid message format");
            return false;
        }
        s->behind = span_of(left->data + size, left->size - size);
        if (s->phase != PG_READY) {
            on_login(s, &m);
        } else if (!session_message(s, &m)) {
            return false;
        }
    }
    *left = span_of(left->data + size, left->size - size);
    if (s->is_securing) { /* What follows in the clear was put there by somebody else. */
        s->is_securing = false;
        if (left->size > 0) session_abort(s);
        return false;
    }
    if (s->out.size >= PG_OUT_CHUNK) session_flush(s);
    return true;
}

static enum status next_size(struct pg_session *s, struct span left, size_t *size)
{
    if (s->phase == PG_FIRST) return wire_first_size(left, size);
    return wire_message_size(left, s->phase == PG_READY ? WIRE_MESSAGE_MAX : WIRE_EARLY_MAX, size);
}

/* Keep what could not be processed, and let the link bring more only when that would help. */
static void keep_input(struct pg_session *s, struct span left)
{
    if (s->phase == PG_OVER) return;
    close_gap(s);
    buf_put(&s->in, left);
    if (buf_status(&s->in) != ST_OK) {
        session_fatal(s, "53200", "out of memory");
        return;
    }
    /* A whole message is there: it waits for running calls or for the client to read. */
    struct span all = input(s);
    size_t size = 0;
    bool is_waiting =
        !s->is_peeking && next_size(s, all, &size) != ST_TRUNCATED && size <= all.size;
    if (is_waiting == s->is_link_paused) return;
    s->is_link_paused = is_waiting;
    s->link.pause(s->link.context, is_waiting);
}

/* What was processed leaves the buffer when that costs less than it saves. */
static void close_gap(struct pg_session *s)
{
    size_t kept = s->in.size - s->in_at;
    if (kept > 0 && s->in_at < kept) return;
    if (kept > 0) memmove(s->in.data, s->in.data + s->in_at, kept);
    s->in.size = kept;
    s->in_at = 0;
    if (kept == 0 && s->in.capacity > PG_KEEP_MAX) buf_fini(&s->in);
}

/* --- output
 * --------------------------------------------------------------------------------------*/

void session_flush(struct pg_session *s)
{
    if (s->out.size == 0 && buf_status(&s->out) == ST_OK) return;
    if (s->phase == PG_OVER) return;
    if (buf_status(&s->out) != ST_OK ||
        s->link.write(s->link.context, buf_span(&s->out)) != ST_OK) {
        session_abort(s);
        return;
    }
    buf_reset(&s->out);
    if (s->out.capacity > (size_t)2 * PG_OUT_CHUNK) buf_fini(&s->out);
    if (s->is_congested || s->link.queued(s->link.context) < PG_QUEUED_HIGH) return;
    s->is_congested = true;
    struct backend *b = s->config.backend;
    if (s->backend_session != NULL && b->table->flow != NULL)
        b->table->flow(b, s->backend_session, false);
}

void session_error(struct pg_session *s, const struct diag *d)
{
    struct backend *b = s->config.backend;
    reply_error(pipeline_out(s), "ERROR", d);
    s->is_skipping = true; /* S4 */
    if (b->table->spoil != NULL) b->table->spoil(b, s->backend_session);
}

enum backend_block session_block(const struct pg_session *s)
{
    struct backend *b = s->config.backend;
    if (b->table->block == NULL) return BACKEND_BLOCK_NONE;
    return b->table->block(b, s->backend_session);
}

void session_fatal(struct pg_session *s, const char *sqlstate, const char *message)
{
    struct diag d;
    diag_set(&d, sqlstate, "%s", message);
    pg_session_end(s, &d);
}

void session_abort(struct pg_session *s)
{
    if (s->phase == PG_OVER) return;
    s->phase = PG_OVER;
    s->link.close(s->link.context);
}

/* What was said is sent first. */
static void close_link(struct pg_session *s)
{
    session_flush(s);
    session_abort(s);
}

int text_clip(struct span text)
{
    if (text.size <= PG_NAME_SHOWN_MAX) return (int)text.size;
    size_t size = PG_NAME_SHOWN_MAX;
    while (size > 0 && (text.data[size] & 0xC0u) == 0x80u)
        size--;
    return (int)size;
}

void diag_status(struct diag *d, enum status st)
{
    diag_set(d,
             st == ST_NO_MEMORY ? "53200"
             : st == ST_LIMIT   ? "54000"
                                : "XX000",
             "%s", status_text(st));
}

/* --- login
 * ---------------------------------------------------------------------------------------*/

static void on_first(struct pg_session *s, struct span packet)
{
    struct wire_first f;
    if (wire_first_decode(&f, packet) != ST_OK) {
        session_fatal(s, "08P01", "invalid startup packet layout");
        return;
    }
    switch (f.kind) {
    case WIRE_SSL: on_tls(s); return;
    case WIRE_GSS: buf_put_u8(&s->out, 'N'); return;
    case WIRE_CANCEL:
        s->config.house.cancel(s->config.house.context, f.process, f.secret);
        session_abort(s); /* PostgreSQL does not answer either. */
        return;
    case WIRE_STARTUP: on_startup(s, &f); return;
    }
}

static void on_tls(struct pg_session *s)
{
    if (s->config.house.secure == NULL || s->is_secure) {
        buf_put_u8(&s->out, 'N');
        return;
    }
    buf_put_u8(&s->out, 'S');
    session_flush(s);
    if (s->phase == PG_OVER) return;
    s->is_secure = true;
    s->is_securing = true;
    s->config.house.secure(s->config.house.context);
}

static void on_startup(struct pg_session *s, const struct wire_first *f)
{
    if (f->major != 3) {
        struct diag d;
        diag_set(&d, "0A000", "unsupported frontend protocol %u.%u: server supports 3.0", f->major,
                 f->minor);
        pg_session_end(s, &d);
        return;
    }
    if (!read_parameters(s, f->parameters)) return;
    if (s->config.needs_tls && !s->is_secure) {
        session_fatal(s, "28000", "this node takes clients over TLS only: use sslmode=require");
        return;
    }
    if (!s->config.house.admit(s->config.house.context)) {
        session_fatal(s, "53300", "sorry, too many clients already");
        return;
    }
    if (f->minor > 0) reply_negotiate(&s->out, f->parameters);
    if (s->config.login == PG_LOGIN_FREE)
        log_in(s);
    else
        scram_begin(s);
}

static bool name_is(struct span name, const char *text)
{
    return span_equal(name, span_text(text));
}

/* False: the session is over. */
static bool read_parameters(struct pg_session *s, struct span parameters)
{
    struct span at = parameters;
    struct span name;
    struct span value;
    while (wire_next_parameter(&at, &name, &value)) {
        struct span copy = arena_copy(&s->arena, value);
        if (copy.data == NULL) {
            session_fatal(s, "53200", "out of memory");
            return false;
        }
        if (!utf8_valid(name) || !utf8_valid(value)) {
            session_fatal(s, "22021", "invalid byte sequence for encoding \"UTF8\"");
            return false;
        }
        if (name_is(name, "user")) s->user = copy;
        if (name_is(name, "database")) s->database = copy;
        if (name_is(name, "application_name")) s->application_name = copy;
        if (name_is(name, "options") && value.size > 0) s->has_options = true;
        if (name_is(name, "replication") && !name_is(value, "false")) {
            session_fatal(s, "0A000", "replication connections are not supported");
            return false;
        }
        if (name_is(name, "client_encoding") && !encoding_is_known(s, value)) return false;
    }
    if (s->user.size == 0) {
        session_fatal(s, "28000", "no PostgreSQL user name specified in startup packet");
        return false;
    }
    if (s->database.size == 0) s->database = s->user;
    return true;
}

/* As PostgreSQL compares names of encodings: letters and digits only, in any case. SQL_ASCII means
 * that the client wants no conversion, which is what it gets. */
static bool encoding_is_known(struct pg_session *s, struct span name)
{
    char plain[16] = "";
    size_t size = 0;
    for (size_t i = 0; i < name.size && size < sizeof plain - 1; i++) {
        uint8_t c = name.data[i];
        if (c >= 'A' && c <= 'Z') c = (uint8_t)(c + ('a' - 'A'));
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) plain[size++] = (char)c;
    }
    plain[size] = 0;
    if (strcmp(plain, "utf8") == 0 || strcmp(plain, "unicode") == 0) return true;
    if (strcmp(plain, "sqlascii") == 0) {
        s->client_encoding = "SQL_ASCII";
        return true;
    }
    struct diag d;
    diag_set(&d, "22023", "invalid value for parameter \"client_encoding\": \"%.*s\"",
             text_clip(name), (const char *)name.data);
    diag_hint(&d, "This server speaks UTF8 only; set client_encoding to UTF8.");
    pg_session_end(s, &d);
    return false;
}

/* Or a token, for a name that has no password here: that a name has none is no secret, for all
 * accounts and who keeps their keys stand in the chain. */
static void scram_begin(struct pg_session *s)
{
    struct backend *b = s->config.backend;
    struct scram_verifier verifier;
    bool is_mock = true;
    b->table->verifier(b, s->user, &verifier, &is_mock);
    if (is_mock && s->is_secure && b->table->token != NULL) {
        reply_auth_clear(&s->out);
        s->phase = PG_TOKEN;
        return;
    }
    uint8_t random[SCRAM_NONCE_SIZE];
    char nonce[SCRAM_NONCE_TEXT];
    s->config.os->entropy(s->config.os, random, sizeof random);
    scram_nonce_text(nonce, random);
    enum status st = scram_new(&s->scram, s->config.mem, &verifier, is_mock, span_text(nonce));
    mem_wipe(&verifier, sizeof verifier);
    if (st != ST_OK) {
        session_fatal(s, "53200", "out of memory");
        return;
    }
    reply_auth_sasl(&s->out);
    s->phase = PG_SASL_INITIAL;
}

static void on_login(struct pg_session *s, const struct wire_message *m)
{
    if (m->kind == WIRE_TERMINATE) {
        close_link(s);
        return;
    }
    if (m->kind != WIRE_PASSWORD) {
        session_fatal(s, "08P01", "expected a SASL response");
        return;
    }
    if (s->phase == PG_TOKEN) {
        on_token(s, m->text);
        return;
    }
    struct span data = m->text;
    struct span mechanism = span_text("SCRAM-SHA-256");
    if (s->phase == PG_SASL_INITIAL && wire_sasl_initial(m->text, &mechanism, &data) != ST_OK) {
        session_fatal(s, "08P01", "malformed SASL response");
        return;
    }
    if (!name_is(mechanism, "SCRAM-SHA-256")) {
        session_fatal(s, "08P01", "client selected an invalid SASL authentication mechanism");
        return;
    }
    struct buf reply;
    bool is_done = false;
    buf_init(&reply, s->config.mem, (size_t)2 * SCRAM_MESSAGE_MAX);
    enum status st = scram_step(s->scram, data, &reply, &is_done);
    if (st == ST_DENIED) {
        refuse_password(s, NULL);
    } else if (st != ST_OK) {
        session_fatal(s, st == ST_INVALID ? "08P01" : "53200",
                      st == ST_INVALID ? "malformed SCRAM message" : "out of memory");
    } else if (is_done) {
        reply_auth_final(&s->out, buf_span(&reply));
        log_in(s);
    } else {
        reply_auth_continue(&s->out, buf_span(&reply));
        s->phase = PG_SASL_RESPONSE;
    }
    buf_fini(&reply);
}

/* body: the token, then 0. */
static void on_token(struct pg_session *s, struct span body)
{
    struct backend *b = s->config.backend;
    struct diag why = {.sqlstate = ""};
    const uint8_t *end = body.size > 0 ? memchr(body.data, 0, body.size) : NULL;
    if (end == NULL || end != body.data + body.size - 1) {
        session_fatal(s, "08P01", "invalid password packet size");
        return;
    }
    struct span token = span_of(body.data, body.size - 1);
    if (b->table->token(b, s->user, token, &why) == ST_OK)
        log_in(s);
    else
        refuse_password(s, &why);
}

/* why (may be null): what was wrong with a token; its hint is passed on. */
static void refuse_password(struct pg_session *s, const struct diag *why)
{
    struct diag d;
    diag_set(&d, "28P01", "password authentication failed for user \"%.*s\"", text_clip(s->user),
             (const char *)s->user.data);
    if (why != NULL && why->message[0] != 0) diag_detail(&d, "%s", why->message);
    if (why != NULL && why->hint[0] != 0) diag_hint(&d, "%s", why->hint);
    pg_session_end(s, &d);
}

static void log_in(struct pg_session *s)
{
    scram_free(s->scram);
    s->scram = NULL;
    reply_auth_ok(&s->out);
    struct backend *b = s->config.backend;
    struct diag d = {.sqlstate = ""};
    enum status st = b->table->session_open(b, &s->backend_session, s->user, s->database, &d);
    if (st != ST_OK) {
        s->backend_session = NULL;
        if (d.sqlstate[0] == 0) diag_status(&d, st);
        pg_session_end(s, &d);
        return;
    }
    if (b->table->set != NULL)
        b->table->set(b, s->backend_session, span_text("application_name"), s->application_name);
    send_parameters(s);
    if (s->has_options) {
        diag_set(&d, "01000", "the start-up parameter \"options\" has no effect here");
        reply_notice(&s->out, &d);
    }
    reply_key(&s->out, s->process, s->secret);
    reply_ready(&s->out, session_block(s));
    s->phase = PG_READY;
}

static void send_parameters(struct pg_session *s)
{
    static const char *const fixed[][2] = {{"server_version", SERVER_VERSION},
                                           {"server_encoding", "UTF8"},
                                           {"DateStyle", "ISO, MDY"},
                                           {"IntervalStyle", "postgres"},
                                           {"TimeZone", "UTC"},
                                           {"integer_datetimes", "on"},
                                           {"standard_conforming_strings", "on"},
                                           {"is_superuser", "off"},
                                           {"in_hot_standby", "off"},
                                           {"default_transaction_read_only", "off"}};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        reply_parameter(&s->out, fixed[i][0], span_text(fixed[i][1]));
    reply_parameter(&s->out, "client_encoding", span_text(s->client_encoding));
    reply_parameter(&s->out, "session_authorization", s->user);
    reply_parameter(&s->out, "application_name", s->application_name);
}
