#include "support/pg_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "base/endian.h"
#include "base/must.h"

#define USER     "alice"
#define PASSWORD "pencil"
#define LEDGER   "main"

static const uint8_t fake_salt[SCRAM_SALT_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};

struct backend_session {
    struct pg_fake *fake;
    bool is_held;
    enum backend_block block;
    bool is_prepared;             /* The describe that comes next is not too long. */
    struct pg_fake_call *copying; /* A COPY FROM that waits; in no list. */
};

struct pg_fake_call {
    struct pg_fake_call *next;
    struct backend_session *session;
    struct backend_reply reply;
    struct arena arena;
    struct span text;
    struct sql_value *params;
    uint32_t param_count;
    bool is_cancelled;
    bool is_prepare;
};

struct known {
    enum sql_type params[16];
    uint32_t param_count;
    struct sql_column columns[16];
    uint32_t column_count;
};

static struct span text_of(const char *text)
{
    return span_text(text);
}

static bool begins(struct span text, const char *word)
{
    size_t size = strlen(word);
    return text.size >= size && memcmp(text.data, word, size) == 0 &&
           (text.size == size || text.data[size] == ' ');
}

static void add_column(struct known *k, const char *name, enum sql_type type)
{
    k->columns[k->column_count++] =
        (struct sql_column){.name = text_of(name), .type = type, .typmod = -1};
}

static void know_echo(struct known *k, struct span text)
{
    static const struct {
        const char *name;
        enum sql_type type;
    } types[] = {{"bool", SQL_BOOL},       {"bytea", SQL_BYTEA},
                 {"int2", SQL_INT2},       {"int4", SQL_INT4},
                 {"int8", SQL_INT8},       {"text", SQL_TEXT},
                 {"numeric", SQL_NUMERIC}, {"timestamptz", SQL_TIMESTAMPTZ}};
    struct span at = span_of(text.data + 4, text.size - 4);
    while (at.size > 1 && k->param_count < 16) {
        at = span_of(at.data + 1, at.size - 1);
        enum sql_type type = SQL_TEXT;
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (begins(at, types[i].name)) type = types[i].type;
        k->params[k->param_count++] = type;
        add_column(k, "value", type);
        while (at.size > 0 && at.data[0] != ' ')
            at = span_of(at.data + 1, at.size - 1);
    }
}

/* False: 42P01. */
static bool know(struct known *k, struct span text)
{
    memset(k, 0, sizeof *k);
    if (begins(text, "one") || begins(text, "two") || begins(text, "change") ||
        begins(text, "long") || begins(text, "longfail") || begins(text, "broken") ||
        begins(text, "wait")) {
        add_column(k, "?column?", SQL_INT4);
    } else if (begins(text, "rows")) {
        add_column(k, "n", SQL_INT4);
        add_column(k, "t", SQL_TEXT);
    } else if (begins(text, "echo")) {
        know_echo(k, text);
    } else if (begins(text, "submit")) {
        k->params[k->param_count++] = SQL_BYTEA;
        add_column(k, "status", SQL_TEXT);
        add_column(k, "size", SQL_INT8);
    } else {
        return text.size == 0 || begins(text, "insert") || begins(text, "fail") ||
               begins(text, "notice") || begins(text, "copyin") || begins(text, "copysplit") ||
               begins(text, "copyout") || begins(text, "begin") || begins(text, "commit") ||
               begins(text, "deallocate") || begins(text, "sync");
    }
    return true;
}

/* --- the table
 * -----------------------------------------------------------------------------------*/

static void fake_verifier(struct backend *b,
                          struct span user,
                          struct scram_verifier *out,
                          bool *is_mock)
{
    const struct pg_fake *f = (struct pg_fake *)(void *)b;
    *is_mock = !span_equal(user, text_of(USER));
    if (*is_mock)
        scram_verifier_mock(out, f->mock_secret, user);
    else
        *out = f->alice;
}

static enum status fake_token(struct backend *b,
                              struct span user,
                              struct span token,
                              struct diag *d)
{
    (void)b;
    if (span_equal(user, text_of("carol")) && span_equal(token, text_of("a token"))) return ST_OK;
    diag_set(d, "28P01", "that is no token of carol");
    return ST_DENIED;
}

static enum status fake_session_open(struct backend *b,
                                     struct backend_session **out,
                                     struct span user,
                                     struct span ledger,
                                     struct diag *d)
{
    struct pg_fake *f = (struct pg_fake *)(void *)b;
    must(span_equal(user, text_of(USER)) || span_equal(user, text_of("carol")) || f->is_free);
    if (!span_equal(ledger, text_of(LEDGER))) {
        diag_set(d, "3D000", "database \"%.*s\" does not exist", (int)ledger.size,
                 (const char *)ledger.data);
        return ST_NOT_FOUND;
    }
    struct backend_session *s = mem_alloc_zero(f->mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->fake = f;
    s->block = BACKEND_BLOCK_NONE;
    f->sessions++;
    *out = s;
    return ST_OK;
}

static void call_free(struct pg_fake *f, struct pg_fake_call *c)
{
    arena_fini(&c->arena);
    mem_free(f->mem, c);
}

static void call_end(struct pg_fake *f, struct pg_fake_call *c)
{
    struct backend_reply reply = c->reply;
    f->running--;
    call_free(f, c);
    reply.done(reply.context);
}

static struct pg_fake_call *take_call(struct pg_fake *f, const struct backend_session *s)
{
    struct pg_fake_call *previous = NULL;
    for (struct pg_fake_call *c = f->first; c != NULL; previous = c, c = c->next) {
        if (s != NULL && c->session != s) continue;
        if (s == NULL && begins(c->text, "wait") && !c->is_cancelled) continue;
        if (s == NULL && c->session->is_held) continue;
        if (previous == NULL)
            f->first = c->next;
        else
            previous->next = c->next;
        if (f->last == c) f->last = previous;
        return c;
    }
    return NULL;
}

static void fake_session_close(struct backend *b, struct backend_session *s)
{
    struct pg_fake *f = (struct pg_fake *)(void *)b;
    if (s->copying != NULL) call_end(f, s->copying);
    for (struct pg_fake_call *c = take_call(f, s); c != NULL; c = take_call(f, s))
        call_end(f, c);
    f->sessions--;
    mem_free(f->mem, s);
}

static void refuse(const struct backend_reply *reply)
{
    struct diag d;
    diag_set(&d, "53200", "out of memory");
    reply->failed(reply->context, &d);
    reply->done(reply->context);
}

static void fake_execute(struct backend *b,
                         struct backend_session *s,
                         const struct backend_call *call,
                         const struct backend_reply *reply)
{
    struct pg_fake *f = (struct pg_fake *)(void *)b;
    struct pg_fake_call *c = mem_alloc_zero(f->mem, 1, sizeof *c);
    if (c == NULL) {
        must(f->running == 0 || begins(call->text, "submit"));
        refuse(reply);
        return;
    }
    arena_init(&c->arena, mem_system(), 0);
    c->session = s;
    c->reply = *reply;
    c->text = arena_copy(&c->arena, call->text);
    c->param_count = call->param_count;
    c->params = arena_alloc_zero(&c->arena, call->param_count + 1u, sizeof *c->params);
    must(c->params != NULL);
    for (uint32_t i = 0; i < call->param_count; i++) {
        c->params[i] = call->params[i];
        c->params[i].bytes = arena_copy(&c->arena, call->params[i].bytes);
    }
    if (f->last != NULL)
        f->last->next = c;
    else
        f->first = c;
    f->last = c;
    if (call->is_open) f->open_count++;
    f->executed++;
    if (++f->running > f->running_max) f->running_max = f->running;
    if (!f->is_deferred) pg_fake_run(f);
}

/* NOLINTNEXTLINE(readability-function-size): the signature is the table's. */
static enum status fake_describe(struct backend *b,
                                 struct backend_session *s,
                                 struct arena *a,
                                 const struct backend_call *call,
                                 struct backend_description *out,
                                 struct diag *d)
{
    (void)b;
    struct known k;
    const bool was_prepared = s->is_prepared;
    s->is_prepared = false;
    if ((begins(call->text, "long") || begins(call->text, "longfail")) && !was_prepared)
        return ST_BUSY;
    if (!know(&k, call->text)) {
        diag_set(d, "42P01", "relation does not exist");
        d->position = 1;
        return ST_INVALID;
    }
    *out = (struct backend_description){.param_count = k.param_count,
                                        .column_count = k.column_count,
                                        .statement_count = call->text.size == 0        ? 0
                                                           : begins(call->text, "two") ? 2
                                                                                       : 1,
                                        .may_overlap = begins(call->text, "submit")};
    out->param_types = arena_alloc(a, sizeof k.params);
    out->columns = arena_alloc(a, sizeof k.columns);
    if (out->param_types == NULL || out->columns == NULL) return ST_NO_MEMORY;
    memcpy(out->param_types, k.params, sizeof k.params);
    memcpy(out->columns, k.columns, sizeof k.columns);
    return ST_OK;
}

static void fake_prepare(struct backend *b,
                         struct backend_session *s,
                         const struct backend_call *call,
                         const struct backend_reply *reply)
{
    struct pg_fake *f = (struct pg_fake *)(void *)b;
    const bool was_deferred = f->is_deferred;
    const struct backend_call text = {.text = call->text};
    f->is_deferred = true;
    const uint32_t before = f->executed;
    fake_execute(b, s, &text, reply);
    f->is_deferred = was_deferred;
    if (f->executed == before) return; /* No memory. */
    f->executed = before;
    f->last->is_prepare = true;
    f->prepared++;
    if (!f->is_deferred) pg_fake_run(f);
}

static void fake_cancel(struct backend *b, struct backend_session *s)
{
    struct pg_fake *f = (struct pg_fake *)(void *)b;
    for (struct pg_fake_call *c = f->first; c != NULL; c = c->next)
        if (c->session == s) c->is_cancelled = true;
    if (!f->is_deferred) pg_fake_run(f);
}

static void fake_flow(struct backend *b, struct backend_session *s, bool is_open)
{
    struct pg_fake *f = (struct pg_fake *)(void *)b;
    if (!is_open) f->flow_closed++;
    s->is_held = !is_open;
}

static enum backend_block fake_block(struct backend *b, const struct backend_session *s)
{
    (void)b;
    return s->block;
}

static void fake_sync(struct backend *b,
                      struct backend_session *s,
                      const struct backend_reply *reply)
{
    struct pg_fake *f = (struct pg_fake *)(void *)b;
    const struct backend_call call = {.text = text_of("sync")};
    f->sync_count++;
    fake_execute(b, s, &call, reply);
}

static void fake_spoil(struct backend *b, struct backend_session *s)
{
    (void)b;
    if (s->block == BACKEND_BLOCK_OPEN) s->block = BACKEND_BLOCK_FAILED;
}

/* Rows "2" are refused, as a duplicate of the second row would be. */
static void fake_copy(struct backend *b, struct backend_session *s, const struct backend_copy *in)
{
    struct pg_fake *f = (struct pg_fake *)(void *)b;
    struct pg_fake_call *c = s->copying;
    must(c != NULL);
    f->copied += in->rows.size;
    f->copy_parts += in->rows.size > 0;
    if (in->failed == NULL && !in->is_last) {
        c->reply.copy_more(c->reply.context);
        return;
    }
    s->copying = NULL;
    struct diag d;
    diag_set(&d, "23505", "refused");
    d.row = 2;
    const bool is_bad = in->rows.size > 0 && in->rows.data[in->rows.size - 1] == 2;
    if (in->failed != NULL)
        c->reply.failed(c->reply.context, in->failed);
    else if (is_bad)
        c->reply.failed(c->reply.context, &d);
    else
        c->reply.complete(c->reply.context, "COPY", true, 0);
    call_end(f, c);
}

static const struct backend_table fake_table = {.verifier = fake_verifier,
                                                .token = fake_token,
                                                .session_open = fake_session_open,
                                                .session_close = fake_session_close,
                                                .execute = fake_execute,
                                                .describe = fake_describe,
                                                .prepare = fake_prepare,
                                                .cancel = fake_cancel,
                                                .flow = fake_flow,
                                                .block = fake_block,
                                                .sync = fake_sync,
                                                .spoil = fake_spoil,
                                                .copy = fake_copy};

/* --- answers
 * -------------------------------------------------------------------------------------*/

static void put_value(struct buf *rows, const struct sql_value *v)
{
    if (v->is_null)
        buf_put_u8(rows, 0);
    else if (sql_type_storage(v->type) != SQL_STORE_INTEGER)
        sql_rowset_put_bytes(rows, v->bytes);
    else
        sql_rowset_put_integer(rows, v->integer);
}

static void answer_rows(const struct pg_fake_call *c, const struct known *k, uint32_t count)
{
    struct buf rows;
    buf_init(&rows, mem_system(), 0);
    c->reply.columns(c->reply.context, k->columns, k->column_count);
    for (uint32_t n = 1; n <= count; n++) {
        char text[32];
        (void)snprintf(text, sizeof text, "row %u", n);
        sql_rowset_put_integer(&rows, n);
        if (k->column_count > 1) sql_rowset_put_bytes(&rows, text_of(text));
        if (n % 100 != 0 && n != count) continue;
        c->reply.rows(c->reply.context, k->columns, k->column_count, buf_span(&rows),
                      n % 100 == 0 ? 100 : n % 100);
        buf_reset(&rows);
    }
    buf_fini(&rows);
    c->reply.complete(c->reply.context, "SELECT", true, count);
}

static void answer_params(const struct pg_fake_call *c, const struct known *k)
{
    struct buf rows;
    buf_init(&rows, mem_system(), 0);
    c->reply.columns(c->reply.context, k->columns, k->column_count);
    for (uint32_t i = 0; i < c->param_count; i++)
        put_value(&rows, &c->params[i]);
    c->reply.rows(c->reply.context, k->columns, k->column_count, buf_span(&rows), 1);
    buf_fini(&rows);
    c->reply.complete(c->reply.context, "SELECT", true, 1);
}

static void answer_submit(const struct pg_fake_call *c, const struct known *k)
{
    struct span bytes = c->params[0].bytes;
    if (bytes.size >= 3 && memcmp(bytes.data, "bad", 3) == 0) {
        struct diag d;
        diag_set(&d, "23505", "refused");
        c->reply.failed(c->reply.context, &d);
        return;
    }
    struct buf rows;
    buf_init(&rows, mem_system(), 0);
    c->reply.columns(c->reply.context, k->columns, k->column_count);
    sql_rowset_put_bytes(&rows, text_of("final"));
    sql_rowset_put_integer(&rows, (int64_t)bytes.size);
    c->reply.rows(c->reply.context, k->columns, k->column_count, buf_span(&rows), 1);
    buf_fini(&rows);
    c->reply.complete(c->reply.context, "SELECT", true, 1);
}

static void answer_failure(const struct pg_fake_call *c)
{
    struct diag d;
    if (begins(c->text, "wait")) {
        diag_set(&d, "57014", "canceling statement due to user request");
    } else if (begins(c->text, "fail")) {
        diag_set(&d, "42601", "syntax error");
        diag_detail(&d, "The detail.");
        diag_hint(&d, "The hint.");
        d.position = 3;
    } else {
        diag_set(&d, "42P01", "relation does not exist");
    }
    c->reply.failed(c->reply.context, &d);
}

static const struct sql_column copy_columns[] = {
    {.name = {(const uint8_t *)"a", 1}, .type = SQL_INT4, .typmod = -1}};
static const struct sql_copy copy_from = {.is_from = true,
                                          .delimiter = '\t',
                                          .quote = '"',
                                          .escape = '"',
                                          .null = {(const uint8_t *)"\\N", 2},
                                          .table = {(const uint8_t *)"t", 1},
                                          .columns = copy_columns,
                                          .column_count = 1};

static void answer_copy_out(const struct pg_fake_call *c)
{
    struct sql_copy copy = copy_from;
    struct buf rows;
    copy.is_from = false;
    copy.header = SQL_COPY_HEADER;
    const struct backend_copy_begin begin = {.copy = &copy};
    buf_init(&rows, mem_system(), 0);
    sql_rowset_put_integer(&rows, 7);
    sql_rowset_put_null(&rows);
    c->reply.copy(c->reply.context, &begin);
    c->reply.rows(c->reply.context, copy_columns, 1, buf_span(&rows), 2);
    c->reply.complete(c->reply.context, "COPY", true, 2);
    buf_fini(&rows);
}

static void answer_prepare(const struct pg_fake_call *c)
{
    struct diag d;
    diag_set(&d, c->is_cancelled ? "57014" : "42601", "no");
    c->session->is_prepared = begins(c->text, "long") && !c->is_cancelled;
    if (!c->session->is_prepared) c->reply.failed(c->reply.context, &d);
}

static bool answer_session(const struct pg_fake_call *c)
{
    struct backend_session *s = c->session;
    if (c->is_prepare) {
        answer_prepare(c);
        return true;
    }
    if (begins(c->text, "begin")) s->block = BACKEND_BLOCK_OPEN;
    if (begins(c->text, "commit")) s->block = BACKEND_BLOCK_NONE;
    if (begins(c->text, "deallocate")) (void)c->reply.forget(c->reply.context, span_of(NULL, 0));
    if (begins(c->text, "copyout")) answer_copy_out(c);
    return begins(c->text, "copyout") || begins(c->text, "sync");
}

static void answer_odd(const struct pg_fake_call *c, struct known *k)
{
    if (begins(c->text, "notice")) {
        struct diag d;
        diag_set(&d, "00000", "look");
        c->reply.notice(c->reply.context, &d);
        c->reply.complete(c->reply.context, "SELECT", true, 0);
    } else if (begins(c->text, "change")) {
        k->columns[0].type = SQL_TEXT;
        c->reply.columns(c->reply.context, k->columns, 1);
    } else if (begins(c->text, "broken")) {
        c->reply.columns(c->reply.context, k->columns, 1);
        c->reply.rows(c->reply.context, k->columns, 1, text_of("\1\2\3"), 1);
    } else if (c->text.size > 0) {
        c->reply.complete(c->reply.context, "INSERT 0", true, 1);
    }
}

static void answer(const struct pg_fake_call *c)
{
    struct known k;
    if (answer_session(c)) return;
    if (!know(&k, c->text) || begins(c->text, "wait") || begins(c->text, "fail")) {
        answer_failure(c);
    } else if (begins(c->text, "rows")) {
        char number[16] = "";
        (void)snprintf(number, sizeof number, "%.*s", (int)c->text.size - 5,
                       (const char *)c->text.data + 5);
        uint64_t count = strtoull(number, NULL, 10);
        uint32_t most = c->session->fake->rows_max;
        answer_rows(c, &k, count < most ? (uint32_t)count : most);
    } else if (begins(c->text, "one") || begins(c->text, "two") || begins(c->text, "long")) {
        answer_rows(c, &k, 1);
        if (begins(c->text, "two")) answer_rows(c, &k, 1);
    } else if (begins(c->text, "submit") && c->param_count == 1) {
        answer_submit(c, &k);
    } else if (k.param_count > 0 && c->param_count == k.param_count) {
        answer_params(c, &k);
    } else {
        answer_odd(c, &k);
    }
}

bool pg_fake_run_one(struct pg_fake *f)
{
    struct pg_fake_call *c = take_call(f, NULL);
    if (c == NULL) return false;
    if (begins(c->text, "copyin") || begins(c->text, "copysplit")) {
        const struct backend_copy_begin begin = {
            .copy = &copy_from, .bytes_max = 64, .is_split = begins(c->text, "copysplit")};
        c->session->copying = c;
        c->reply.copy(c->reply.context, &begin);
        c->reply.copy_more(c->reply.context);
        return true;
    }
    answer(c);
    call_end(f, c);
    return true;
}

void pg_fake_run(struct pg_fake *f)
{
    while (pg_fake_run_one(f)) {
    }
}

void pg_fake_init(struct pg_fake *f, struct mem *mem)
{
    static struct scram_verifier alice; /* Made once: it takes milliseconds. */
    if (alice.iterations == 0)
        must(scram_verifier_make(&alice, text_of(PASSWORD), fake_salt) == ST_OK);
    *f = (struct pg_fake){.backend = {.table = &fake_table},
                          .mem = mem,
                          .rows_max = 1000000,
                          .mock_secret = {9},
                          .alice = alice};
}

/* --- os and link
 * ---------------------------------------------------------------------------------*/

static void same_entropy(struct os *os, void *to, size_t size)
{
    (void)os;
    memset(to, 0x5a, size);
}

struct os *pg_fake_os(void)
{
    static struct os os = {.entropy = same_entropy};
    return &os;
}

static enum status fake_write(void *context, struct span bytes)
{
    struct pg_fake_link *l = context;
    if (l->is_closed) return ST_CLOSED;
    buf_put(&l->out, bytes);
    return buf_status(&l->out);
}

static size_t fake_queued(void *context)
{
    const struct pg_fake_link *l = context;
    return l->queued;
}

static void fake_pause(void *context, bool is_paused)
{
    struct pg_fake_link *l = context;
    must(l->is_paused != is_paused);
    l->is_paused = is_paused;
}

static void fake_close(void *context)
{
    struct pg_fake_link *l = context;
    must(!l->is_closed);
    l->is_closed = true;
}

void pg_fake_link_init(struct pg_fake_link *l)
{
    *l = (struct pg_fake_link){0};
    buf_init(&l->out, mem_system(), 0);
}

void pg_fake_link_fini(struct pg_fake_link *l)
{
    buf_fini(&l->out);
}

struct pg_link pg_fake_link_of(struct pg_fake_link *l)
{
    return (struct pg_link){.write = fake_write,
                            .queued = fake_queued,
                            .pause = fake_pause,
                            .close = fake_close,
                            .context = l};
}

/* --- the client's login
 * --------------------------------------------------------------------------*/

static void put_message(struct buf *out, struct span head, struct span body)
{
    buf_put_u8(out, 'p');
    buf_put_u32_be(out, (uint32_t)(4 + head.size + body.size));
    buf_put(out, head);
    buf_put(out, body);
}

static void hmac(uint8_t out[32], const uint8_t key[32], const char *text)
{
    must(HMAC(EVP_sha256(), key, 32, (const uint8_t *)text, strlen(text), out, NULL) != NULL);
}

/* Base64 of the proof that the password is known. */
static void prove(char out[64], const char *auth_message)
{
    uint8_t salted[32];
    uint8_t client_key[32];
    uint8_t stored_key[32];
    uint8_t proof[32];
    must(PKCS5_PBKDF2_HMAC(PASSWORD, (int)strlen(PASSWORD), fake_salt, sizeof fake_salt,
                           (int)SCRAM_ITERATIONS, EVP_sha256(), 32, salted) == 1);
    hmac(client_key, salted, "Client Key");
    (void)SHA256(client_key, 32, stored_key);
    hmac(proof, stored_key, auth_message);
    for (size_t i = 0; i < 32; i++)
        proof[i] ^= client_key[i];
    (void)sodium_bin2base64(out, 64, proof, 32, sodium_base64_VARIANT_ORIGINAL);
}

void pg_fake_login(struct buf *out, const char *database)
{
    uint8_t random[SCRAM_NONCE_SIZE];
    char nonce[SCRAM_NONCE_TEXT];
    char salt[32];
    char auth[512];
    char final[256];
    char proof[64];
    size_t at = out->size;
    buf_put_u32_be(out, 0);
    buf_put_u32_be(out, 3u << 16);
    buf_printf(out, "user%c" USER "%cdatabase%c%s%c%c", 0, 0, 0, database, 0, 0);
    put_u32_be(out->data + at, (uint32_t)(out->size - at));
    put_message(out, span_of("SCRAM-SHA-256\0\0\0\0\x0d", 18), text_of("n,,n=*,r=abcd"));
    same_entropy(NULL, random, sizeof random);
    scram_nonce_text(nonce, random);
    (void)sodium_bin2base64(salt, sizeof salt, fake_salt, sizeof fake_salt,
                            sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(auth, sizeof auth, "n=*,r=abcd,r=abcd%s,s=%s,i=%u,c=biws,r=abcd%s", nonce, salt,
                   SCRAM_ITERATIONS, nonce);
    prove(proof, auth);
    (void)snprintf(final, sizeof final, "c=biws,r=abcd%s,p=%s", nonce, proof);
    put_message(out, text_of(""), text_of(final));
}
