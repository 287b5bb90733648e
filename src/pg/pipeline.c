/* pipeline.c - Calls that run, and the order of what is sent. Invariants: session_int.h. */
#include "base/endian.h"
#include "base/must.h"
#include "pg/session_int.h"

static struct item *item_add(struct pg_session *s, enum item_kind kind);
static void item_remove_first(struct pg_session *s);
static void item_free(struct pg_session *s, struct item *i);
static void advance(struct pg_session *s);
static void say_ready(struct pg_session *s);
static void send_bytes(struct pg_session *s, struct span bytes);
static void on_columns(void *context, const struct sql_column *columns, uint32_t count);
static void on_rows(void *context,
                    const struct sql_column *columns,
                    uint32_t count,
                    struct span rows,
                    uint64_t row_count);
static void on_copy(void *context, const struct backend_copy_begin *begin);
static void on_copy_more(void *context);
static bool on_forget(void *context, struct span name);
static void on_parameter(void *context, const char *name, struct span value);
static enum status put_row(struct pg_session *s,
                           struct item *i,
                           const struct sql_column *columns,
                           uint32_t count,
                           struct span *rows);
static void on_complete(void *context, const char *tag, bool has_count, uint64_t count);
static void on_notice(void *context, const struct diag *d);
static void on_failed(void *context, const struct diag *d);
static void on_done(void *context);
static void keep_row(struct pg_session *s, struct portal *p, size_t size_before);
static void fail_call(struct pg_session *s,
                      struct item *i,
                      const char *sqlstate,
                      const char *message);

static const struct wire_formats all_text = {.count = 0};

struct buf *pipeline_out(struct pg_session *s)
{
    return s->last == NULL ? &s->out : &s->last->tail;
}

bool pipeline_has_room(const struct pg_session *s)
{
    return s->item_count < PG_ITEMS_MAX && !s->is_congested &&
           s->tail_bytes + (s->last == NULL ? 0 : s->last->tail.size) < PG_TAILS_MAX;
}

static struct backend_reply reply_to(struct pg_session *s)
{
    return (struct backend_reply){.columns = on_columns,
                                  .rows = on_rows,
                                  .copy = on_copy,
                                  .forget = on_forget,
                                  .parameter = on_parameter,
                                  .copy_more = on_copy_more,
                                  .complete = on_complete,
                                  .notice = on_notice,
                                  .failed = on_failed,
                                  .done = on_done,
                                  .context = s};
}

void pipeline_call(struct pg_session *s,
                   enum item_kind kind,
                   const struct backend_call *call,
                   struct portal *portal,
                   uint32_t row_max)
{
    must(s->call_count < BACKEND_CALLS_MAX);
    must(kind != ITEM_SYNC);
    struct item *i = item_add(s, kind);
    if (i == NULL) {
        session_abort(s);
        return;
    }
    s->call_count++;
    i->portal = portal;
    i->row_max = row_max;
    if (portal != NULL) portal->references++;
    const struct backend_reply reply = reply_to(s);
    struct backend *b = s->config.backend;
    b->table->execute(b, s->backend_session, call, &reply);
}

void pipeline_commit(struct pg_session *s)
{
    must(s->first == NULL);
    struct backend *b = s->config.backend;
    must(b->table->sync != NULL);
    if (item_add(s, ITEM_COMMIT) == NULL) {
        session_abort(s);
        return;
    }
    s->call_count++;
    s->is_overlapping = false;
    const struct backend_reply reply = reply_to(s);
    b->table->sync(b, s->backend_session, &reply);
}

void pipeline_prepare(struct pg_session *s, const struct backend_call *call)
{
    must(s->first == NULL);
    struct backend *b = s->config.backend;
    must(b->table->prepare != NULL);
    if (item_add(s, ITEM_PREPARE) == NULL) {
        session_abort(s);
        return;
    }
    s->call_count++;
    s->is_overlapping = false;
    const struct backend_reply reply = reply_to(s);
    b->table->prepare(b, s->backend_session, call, &reply);
}

void pipeline_sync(struct pg_session *s)
{
    if (s->first == NULL) {
        s->is_failed = false;
        say_ready(s);
        return;
    }
    struct item *i = item_add(s, ITEM_SYNC);
    if (i == NULL) {
        session_abort(s);
        return;
    }
    s->sync_count++;
}

void pipeline_fini(struct pg_session *s)
{
    must(s->call_count == 0); /* The backend has ended them. */
    while (s->first != NULL)
        item_remove_first(s);
    while (s->spare_items != NULL) {
        struct item *i = s->spare_items;
        s->spare_items = i->next;
        buf_fini(&i->tail);
        mem_free(s->config.mem, i);
    }
}

/* --- queue
 * ---------------------------------------------------------------------------------------*/

static struct item *item_add(struct pg_session *s, enum item_kind kind)
{
    must(s->item_count < PG_ITEMS_MAX);
    struct item *i = s->spare_items;
    if (i != NULL) {
        s->spare_items = i->next;
        s->spare_item_count--;
        struct buf tail = i->tail;
        *i = (struct item){.kind = kind, .tail = tail};
    } else {
        i = mem_alloc_zero(s->config.mem, 1, sizeof *i);
        if (i == NULL) return NULL;
        i->kind = kind;
        buf_init(&i->tail, s->config.mem, 0);
    }
    if (s->last != NULL) {
        s->tail_bytes += s->last->tail.size; /* It grows no more. */
        s->last->next = i;
    } else {
        s->first = i;
    }
    s->last = i;
    s->item_count++;
    return i;
}

static void item_remove_first(struct pg_session *s)
{
    struct item *i = s->first;
    must(i != NULL);
    must(s->item_count > 0);
    s->first = i->next;
    s->item_count--;
    if (s->first == NULL) {
        s->last = NULL;
    } else {
        must(s->tail_bytes >= i->tail.size);
        s->tail_bytes -= i->tail.size;
    }
    item_free(s, i);
}

static void item_free(struct pg_session *s, struct item *i)
{
    if (i->portal != NULL) portal_unref(s, i->portal);
    i->portal = NULL;
    if (s->spare_item_count < PG_SPARES_MAX && i->tail.capacity <= PG_OUT_CHUNK) {
        buf_reset(&i->tail);
        i->next = s->spare_items;
        s->spare_items = i;
        s->spare_item_count++;
        return;
    }
    buf_fini(&i->tail);
    mem_free(s->config.mem, i);
}

/* The first item is answered: send what was waiting for it, and the Syncs that follow. */
static void advance(struct pg_session *s)
{
    for (;;) {
        struct item *i = s->first;
        must(i != NULL);
        if (buf_status(&i->tail) != ST_OK) session_abort(s);
        if (!s->is_failed) send_bytes(s, buf_span(&i->tail)); /* S3 */
        item_remove_first(s);
        if (s->first == NULL || s->first->kind != ITEM_SYNC) return;
        must(s->sync_count > 0);
        s->sync_count--;
        s->is_failed = false;
        say_ready(s);
    }
}

/* Portals end with their transaction; while calls overlap there is none, and those that are there
 * belong to what comes behind. */
static void say_ready(struct pg_session *s)
{
    const enum backend_block block = session_block(s);
    if (block == BACKEND_BLOCK_NONE && !s->is_overlapping) portal_remove_all(s);
    reply_ready(&s->out, block);
}

static void send_bytes(struct pg_session *s, struct span bytes)
{
    buf_put(&s->out, bytes);
    if (s->out.size >= PG_OUT_CHUNK) session_flush(s);
}

/* --- callbacks of the backend
 * --------------------------------------------------------------------*/

/* The call they are about (S1); null when nobody listens any more. */
static struct item *current(struct pg_session *s)
{
    must(s->first != NULL);
    must(s->first->kind != ITEM_SYNC);
    must(s->call_count > 0);
    bool is_heard = s->phase == PG_READY && !s->is_failed && !s->first->has_failed;
    return is_heard ? s->first : NULL;
}

static bool columns_are_as_described(const struct portal *p,
                                     const struct sql_column *columns,
                                     uint32_t count)
{
    const struct backend_description *d = &p->statement->description;
    if (count != d->column_count) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (columns[i].type != d->columns[i].type) return false;
    }
    return true;
}

static void on_columns(void *context, const struct sql_column *columns, uint32_t count)
{
    struct pg_session *s = context;
    struct item *i = current(s);
    if (i == NULL) return;
    i->has_result = true;
    if (i->kind == ITEM_QUERY) {
        reply_columns(&s->out, columns, count, &all_text);
    } else if (!columns_are_as_described(i->portal, columns, count)) {
        fail_call(s, i, "0A000", "cached plan must not change result type");
    }
}

static const struct wire_formats *formats_of(const struct item *i)
{
    return i->kind == ITEM_QUERY || i->copy != NULL ? &all_text : &i->portal->result_formats;
}

static enum status put_row(struct pg_session *s,
                           struct item *i,
                           const struct sql_column *columns,
                           uint32_t count,
                           struct span *rows)
{
    if (i->copy != NULL) return copy_put_row(s, i, rows);
    struct buf *to = i->kind == ITEM_LIMITED ? &i->portal->rows : &s->out;
    return reply_row(to, columns, count, formats_of(i), rows);
}

static void on_copy(void *context, const struct backend_copy_begin *begin)
{
    struct pg_session *s = context;
    struct item *i = current(s);
    if (i != NULL) copy_begin(s, i, begin);
}

static bool on_forget(void *context, struct span name)
{
    struct pg_session *s = context;
    if (current(s) == NULL) return true;
    if (name.size == 0) {
        statement_remove_all(s);
        return true;
    }
    const bool is_there = statement_find(s, name) != NULL;
    statement_remove(s, name);
    return is_there;
}

static void on_parameter(void *context, const char *name, struct span value)
{
    struct pg_session *s = context;
    if (current(s) != NULL) reply_parameter(&s->out, name, value);
}

static void on_copy_more(void *context)
{
    struct pg_session *s = context;
    if (current(s) != NULL) copy_more(s);
}

static void on_rows(void *context,
                    const struct sql_column *columns,
                    uint32_t count,
                    struct span rows,
                    uint64_t row_count)
{
    struct pg_session *s = context;
    struct item *i = current(s);
    if (i == NULL) return;
    i->has_result = true;
    const struct wire_formats *formats = formats_of(i);
    if (formats->count > 1 && formats->count != count) {
        fail_call(s, i, "0A000", "cached plan must not change result type");
        return;
    }
    struct buf *to = i->kind == ITEM_LIMITED ? &i->portal->rows : &s->out;
    for (uint64_t n = 0; n < row_count && s->phase == PG_READY; n++) {
        size_t size_before = to->size;
        if (put_row(s, i, columns, count, &rows) != ST_OK) {
            fail_call(s, i, "XX000", "the backend gave rows that are not well formed");
            return;
        }
        if (i->kind == ITEM_LIMITED) {
            keep_row(s, i->portal, size_before);
        } else if (to->size >= PG_OUT_CHUNK) {
            session_flush(s);
        }
    }
}

/* A suspended portal keeps the rows that fit; later ones are dropped, and who asks for them is told
 * so. */
static void keep_row(struct pg_session *s, struct portal *p, size_t size_before)
{
    size_t left = PG_PREPARED_MAX - s->prepared_bytes;
    size_t size_max = left < PG_PORTAL_ROWS_MAX ? left : PG_PORTAL_ROWS_MAX;
    if (buf_status(&p->rows) != ST_OK) {
        session_abort(s);
    } else if (p->is_cut || p->rows.size > size_max) {
        p->is_cut = true;
        p->rows.size = size_before;
    }
}

static void on_complete(void *context, const char *tag, bool has_count, uint64_t count)
{
    struct pg_session *s = context;
    struct item *i = current(s);
    if (i == NULL) return;
    i->has_result = true;
    if (i->copy != NULL) {
        copy_complete(s, i, tag, count);
        return;
    }
    if (i->kind != ITEM_LIMITED) {
        reply_complete(&s->out, tag, has_count, count);
        return;
    }
    struct portal *p = i->portal;
    size_t size = strlen(tag);
    must(size < PG_TAG_MAX);
    memcpy(p->tag, tag, size + 1);
    p->tag_has_count = has_count;
    p->tag_count = count;
}

static void on_notice(void *context, const struct diag *d)
{
    struct pg_session *s = context;
    if (current(s) != NULL) reply_notice(&s->out, d);
}

static void on_failed(void *context, const struct diag *d)
{
    struct pg_session *s = context;
    struct item *i = current(s);
    if (i == NULL) return;
    i->has_failed = true;
    struct diag explained = *d;
    if (i->copy != NULL) copy_explain(s, i, &explained);
    reply_error(&s->out, "ERROR", &explained);
    if (i->kind == ITEM_QUERY) return;
    s->is_failed = true;                           /* S3 */
    if (i->kind == ITEM_COMMIT) return;            /* Its Sync was read. */
    if (s->sync_count == 0) s->is_skipping = true; /* S4: the Sync was not read yet. */
}

static void fail_call(struct pg_session *s,
                      struct item *i,
                      const char *sqlstate,
                      const char *message)
{
    must(i == s->first);
    struct diag d;
    diag_set(&d, sqlstate, "%s", message);
    on_failed(s, &d);
}

static void on_done(void *context)
{
    struct pg_session *s = context;
    struct item *i = current(s);
    s->call_count--;
    struct item *first = s->first;
    if (i != NULL && i->kind == ITEM_LIMITED) {
        struct portal *p = i->portal;
        p->counted += p->rows.size;
        s->prepared_bytes += p->rows.size;
        portal_send(s, &s->out, p, i->row_max);
    } else if (i != NULL && !i->has_result && i->kind != ITEM_COMMIT && i->kind != ITEM_PREPARE) {
        reply_signal(&s->out, REPLY_EMPTY_QUERY);
    }
    if (first->copy != NULL) copy_end(s);
    if (first->portal != NULL && first->portal->state == PORTAL_RUNNING)
        first->portal->state = PORTAL_DONE;
    if (first->kind == ITEM_QUERY) say_ready(s);
    advance(s);
    session_process(s);
}

/* --- portals with a row limit
 * --------------------------------------------------------------------*/

void portal_send(struct pg_session *s, struct buf *to, struct portal *p, uint32_t row_max)
{
    must(row_max > 0);
    uint32_t sent = 0;
    size_t end = p->rows_at;
    while (sent < row_max && end < p->rows.size) {
        end += 1 + get_u32_be(p->rows.data + end + 1);
        sent++;
    }
    must(end <= p->rows.size);
    if (sent < row_max && p->is_cut) {
        struct diag d;
        diag_set(&d, "54000", "the result of a suspended portal is too large");
        diag_hint(&d, "Fetch it without a row limit, or use LIMIT and OFFSET.");
        p->state = PORTAL_DONE;
        session_error(s, &d);
        return;
    }
    if (sent > 0) buf_put(to, span_of(p->rows.data + p->rows_at, end - p->rows_at));
    p->rows_at = end;
    if (sent == row_max) {
        p->state = PORTAL_SUSPENDED;
        reply_signal(to, REPLY_SUSPENDED);
        return;
    }
    p->state = PORTAL_DONE;
    if (p->tag[0] == 0) {
        reply_signal(to, REPLY_EMPTY_QUERY);
        return;
    }
    bool is_select = strcmp(p->tag, "SELECT") == 0; /* Counts what this Execute sent. */
    reply_complete(to, p->tag, p->tag_has_count, is_select ? sent : p->tag_count);
}
