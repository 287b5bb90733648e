/* copy.c - COPY of the protocol: CopyData to rows for the backend, and rows to CopyData.
 *
 * Rows of a COPY FROM are gathered until CopyDone, or until there are enough for one transaction
 * where the client has asked for several. A message that brings more than there is room for stays
 * in the input, as far as it was not read. What comes after a failure is dropped by query.c, up to
 * the next Sync or Query, as PostgreSQL does. */
#include "sql/copy.h"
#include "base/must.h"
#include "codec/cbor.h"
#include "pg/session_int.h"

#define COPY_SLICE (64u << 10) /* Bytes read between two looks at the room. */

static void begin_in(struct pg_session *s, struct item *i, const struct backend_copy_begin *begin);
static bool take_data(struct pg_session *s, struct copy_in *c, struct span bytes);
static void hand_over(struct pg_session *s, struct copy_in *c, bool is_last);
static void fail_in(struct pg_session *s, const struct diag *d);
static bool is_full(const struct copy_in *c);

void copy_begin(struct pg_session *s, struct item *i, const struct backend_copy_begin *begin)
{
    const struct sql_copy *copy = begin->copy;
    i->copy = copy;
    i->has_result = true;
    reply_copy(&s->out, copy);
    if (copy->is_from) {
        begin_in(s, i, begin);
        return;
    }
    const size_t at = reply_copy_data_begin(&s->out);
    sql_copy_write_head(&s->out, copy);
    reply_copy_data_end(&s->out, at);
}

enum status copy_put_row(struct pg_session *s, const struct item *i, struct span *rows)
{
    const size_t at = reply_copy_data_begin(&s->out);
    const enum status st = sql_copy_write_row(&s->out, i->copy, rows);
    reply_copy_data_end(&s->out, at);
    return st;
}

void copy_complete(struct pg_session *s, const struct item *i, const char *tag, uint64_t count)
{
    if (i->copy->is_from) {
        if (s->copy.reader != NULL) count = sql_copy_row_count(s->copy.reader);
    } else {
        const size_t at = reply_copy_data_begin(&s->out);
        sql_copy_write_end(&s->out, i->copy);
        reply_copy_data_end(&s->out, at);
        reply_signal(&s->out, REPLY_COPY_DONE);
    }
    reply_complete(&s->out, tag, true, count);
}

/* A row that the chain refused: of which line it was. */
void copy_explain(const struct pg_session *s, const struct item *i, struct diag *d)
{
    const struct copy_in *c = &s->copy;
    if (d->row == 0 || d->context[0] != 0 || c->reader == NULL) return;
    const struct span name = i->copy->table;
    diag_context(d, "COPY %.*s, line %llu", (int)name.size, (const char *)name.data,
                 (unsigned long long)sql_copy_line(c->reader, c->rows_before + d->row));
}

void copy_end(struct pg_session *s)
{
    sql_copy_reader_free(s->copy.reader);
    buf_fini(&s->copy.rows);
    s->copy = (struct copy_in){.reader = NULL};
}

/* --- FROM ------------------------------------------------------------------------------------- */

static void begin_in(struct pg_session *s, struct item *i, const struct backend_copy_begin *begin)
{
    struct copy_in *c = &s->copy;
    must(c->reader == NULL);
    c->bytes_max = begin->bytes_max;
    c->is_split = begin->is_split;
    buf_init(&c->rows, s->config.mem, begin->bytes_max);
    if (sql_copy_reader_new(&c->reader, s->config.mem, i->copy) != ST_OK) {
        session_abort(s);
        return;
    }
}

void copy_more(struct pg_session *s)
{
    struct copy_in *c = &s->copy;
    if (c->reader == NULL) return; /* The session is over. */
    buf_reset(&c->rows);
    c->rows_before = sql_copy_row_count(c->reader);
    c->is_waiting = true;
    session_process(s);
}

bool copy_message(struct pg_session *s, const struct wire_message *m)
{
    struct copy_in *c = &s->copy;
    struct diag d = {.sqlstate = ""};
    if (s->call_count == 0) return true; /* Left over from a COPY that has failed. */
    if (!c->is_waiting) return false;
    if (m->kind == WIRE_COPY_DATA) return take_data(s, c, m->text);
    if (m->kind == WIRE_COPY_DONE) {
        if (sql_copy_read_end(c->reader, &c->rows, &d) == ST_OK)
            hand_over(s, c, true);
        else
            fail_in(s, &d);
        return true;
    }
    if (m->kind == WIRE_COPY_FAIL) {
        const struct span why = utf8_valid(m->text) ? m->text : span_text("?");
        diag_set(&d, "57014", "COPY from stdin failed: %.*s", (int)why.size,
                 (const char *)why.data);
        fail_in(s, &d);
        return true;
    }
    if (m->kind == WIRE_FLUSH || m->kind == WIRE_SYNC) return true; /* As PostgreSQL. */
    diag_set(&d, "08P01", "unexpected message type 0x%02X during COPY from stdin",
             (unsigned)m->kind);
    fail_in(s, &d);
    return true;
}

/* False: the rest of the message waits until a transaction is final. */
static bool take_data(struct pg_session *s, struct copy_in *c, struct span bytes)
{
    struct diag d = {.sqlstate = ""};
    must(c->at <= bytes.size);
    while (c->at < bytes.size) {
        const size_t left = bytes.size - c->at;
        const struct span slice =
            span_of(bytes.data + c->at, left < COPY_SLICE ? left : COPY_SLICE);
        const enum status st = sql_copy_read(c->reader, slice, &c->rows, &d);
        c->at += slice.size;
        if (st != ST_OK) {
            c->at = 0;
            if (st == ST_LIMIT && buf_status(&c->rows) == ST_LIMIT)
                diag_hint(&d, "SET trustsql.copy_split = on makes several transactions of one "
                              "COPY; each is final by itself.");
            fail_in(s, &d);
            return true;
        }
        if (!is_full(c)) continue;
        const bool is_done = c->at == bytes.size;
        if (is_done) c->at = 0;
        hand_over(s, c, false);
        if (is_done || c->reader == NULL) return true; /* Null: it has failed. */
        if (!c->is_waiting) return false;
    }
    c->at = 0;
    return true;
}

/* Half of what a transaction takes: the next slice fits for certain, or says why not. */
static bool is_full(const struct copy_in *c)
{
    if (!c->is_split) return false;
    const uint64_t rows = sql_copy_row_count(c->reader) - c->rows_before;
    return c->rows.size >= c->bytes_max / 8 || rows >= BACKEND_COPY_ROWS;
}

static void hand_over(struct pg_session *s, struct copy_in *c, bool is_last)
{
    struct backend *b = s->config.backend;
    const struct backend_copy in = {.rows = buf_span(&c->rows), .is_last = is_last};
    c->is_waiting = false;
    b->table->copy(b, s->backend_session, &in);
}

static void fail_in(struct pg_session *s, const struct diag *d)
{
    struct backend *b = s->config.backend;
    const struct backend_copy in = {.failed = d};
    s->copy.is_waiting = false;
    b->table->copy(b, s->backend_session, &in);
}

void copy_cancel(struct pg_session *s)
{
    struct diag d;
    diag_set(&d, "57014", "canceling statement due to user request");
    fail_in(s, &d);
}
