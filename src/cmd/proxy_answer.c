/* proxy_answer.c - What nodes answer: compared by a hash over all that a user could see of it, and
 * turned into what the door is told. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "cmd/proxy_int.h"

#define TYPE_VARCHAR 1043u

static struct proxy_item *add(struct proxy_call *c, enum proxy_item_kind kind);
static struct span text_of(const char *text);

/* --- what a call says --------------------------------------------------------------------------
 */

static struct proxy_item *add(struct proxy_call *c, enum proxy_item_kind kind)
{
    struct proxy_item *item = arena_alloc_zero(&c->arena, 1, sizeof *item);
    if (item == NULL) { /* It ends without its last words; the loop says that. */
        c->has_failed = true;
        return NULL;
    }
    item->kind = kind;
    if (c->last == NULL)
        c->first = item;
    else
        c->last->next = item;
    c->last = item;
    return item;
}

void proxy_say_notice(struct proxy_call *c, const struct diag *d)
{
    struct proxy_item *item = add(c, ITEM_NOTICE);
    if (item != NULL) item->diag = *d;
}

void proxy_say_failure(struct proxy_call *c, const struct diag *d)
{
    must(d->sqlstate[0] != 0);
    struct proxy_item *item = add(c, ITEM_FAILED);
    if (item != NULL) item->diag = *d;
    c->has_failed = true;
}

void proxy_say_rows(struct proxy_call *c, const struct exec_rows *rows)
{
    struct proxy_item *item = add(c, ITEM_ROWS);
    if (item == NULL) return;
    item->columns = rows->columns;
    item->column_count = rows->column_count;
    item->rows = rows->rows;
    item->row_count = rows->returned_count;
}

void proxy_say_complete(struct proxy_call *c, const char *tag, bool has_count, uint64_t count)
{
    struct proxy_item *item = add(c, ITEM_COMPLETE);
    if (item == NULL) return;
    item->tag = tag;
    item->has_count = has_count;
    item->count = count;
}

/* One lie of one node is told once in a call. */
static bool was_said(const struct proxy_call *c, const struct diag *d)
{
    for (const struct proxy_item *i = c->first; i != NULL; i = i->next)
        if (i->kind == ITEM_NOTICE && strcmp(i->diag.message, d->message) == 0) return true;
    return false;
}

void proxy_say_lie(struct proxy_call *c, const struct proxy_node *node, const char *format, ...)
{
    char what[PROXY_WHAT_MAX];
    const char *name = "an unknown node";
    struct proxy *p = c->session->proxy;
    struct diag d;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const struct proxy_epoch *e = proxy_trust_newest(&p->trust);
    const struct public_key key = proxy_node_key(p, node);
    uint32_t index = proxy_epoch_find(e, &key);
    if (index < NODES_MAX) name = e->names[index];
    diag_set(&d, "01000", "%s at %s:%s lies or is damaged: %s", name, node->host, node->port, what);
    diag_detail(&d, "What it said was not used.");
    if (was_said(c, &d)) return;
    proxy_say_notice(c, &d);
    proxy_log(p, "%s", d.message);
}

/* --- comparison --------------------------------------------------------------------------------
 */

static struct span text_of(const char *text)
{
    return span_text(text != NULL ? text : "");
}

static void add_text(struct hasher *h, struct span text)
{
    hash_add_u64(h, text.size);
    hash_add(h, text);
}

/* States in which a node cannot answer now: they are about the node, not about the chain. */
static bool is_excuse(const char *state)
{
    static const char *const classes[] = {"53", "57", "58", "72", "08", "28", "XX"};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strncmp(state, classes[i], 2) == 0) return true;
    return strcmp(state, "TQ008") == 0 || strcmp(state, "TQ007") == 0;
}

static void add_rows(struct hasher *h, const PGresult *r)
{
    int columns = PQnfields(r);
    int rows = PQntuples(r);
    hash_add_u64(h, (uint64_t)columns);
    for (int k = 0; k < columns; k++) {
        add_text(h, text_of(PQfname(r, k)));
        hash_add_u64(h, PQftype(r, k));
        hash_add_u64(h, (uint64_t)(int64_t)PQfmod(r, k));
    }
    hash_add_u64(h, (uint64_t)rows);
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < columns; k++) {
            bool is_null = PQgetisnull(r, i, k) == 1;
            hash_add_u64(h, is_null ? 1 : 0);
            add_text(h, span_of(PQgetvalue(r, i, k), (size_t)PQgetlength(r, i, k)));
        }
}

bool proxy_answer_hash(const PGresult *r, struct hash *out)
{
    static const int fields[] = {PG_DIAG_SQLSTATE, PG_DIAG_MESSAGE_PRIMARY, PG_DIAG_MESSAGE_DETAIL,
                                 PG_DIAG_MESSAGE_HINT, PG_DIAG_STATEMENT_POSITION};
    struct hasher h;
    ExecStatusType status = PQresultStatus(r);
    hash_init(&h, "answer");
    hash_add_u64(&h, (uint64_t)status);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        add_rows(&h, r);
        for (int i = 0; i < PQnparams(r); i++) /* Of a description. */
            hash_add_u64(&h, PQparamtype(r, i));
    } else if (status == PGRES_FATAL_ERROR) {
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        if (state == NULL || is_excuse(state)) return false;
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            add_text(&h, text_of(PQresultErrorField(r, fields[i])));
    } else if (status != PGRES_EMPTY_QUERY) {
        return false;
    }
    *out = hash_final(&h);
    return true;
}

/* --- what the user is told ---------------------------------------------------------------------
 */

void proxy_answer_diag(const PGresult *r, struct diag *out)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *position = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION);
    const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    bool is_state = state != NULL && strlen(state) == 5;
    diag_set(out, is_state ? state : "XX000", "%s", text != NULL ? text : "no reason was given");
    if (detail != NULL) diag_detail(out, "%s", detail);
    if (hint != NULL) diag_hint(out, "%s", hint);
    if (position != NULL) out->position = (uint32_t)strtoul(position, NULL, 10);
}

bool proxy_type_of(Oid oid, enum sql_type *out)
{
    if (sql_type_is_known(oid, UINT32_MAX)) {
        *out = sql_type_find(oid)->type;
        return true;
    }
    *out = SQL_TEXT;
    return oid == TYPE_VARCHAR;
}

static enum status fill_columns(struct proxy_call *c, const PGresult *r, struct exec_rows *out)
{
    int count = PQnfields(r);
    out->columns = arena_alloc_zero(&c->arena, (size_t)count + 1, sizeof *out->columns);
    if (out->columns == NULL) return ST_NO_MEMORY;
    for (int k = 0; k < count; k++) {
        struct sql_column *column = &out->columns[k];
        if (!proxy_type_of(PQftype(r, k), &column->type)) return ST_UNSUPPORTED;
        column->name = arena_copy(&c->arena, text_of(PQfname(r, k)));
        column->typmod = PQfmod(r, k);
        if (column->name.data == NULL) return ST_NO_MEMORY;
    }
    out->column_count = (uint32_t)count;
    return ST_OK;
}

static void put_value(struct buf *to, const struct sql_value *v)
{
    if (v->is_null)
        sql_rowset_put_null(to);
    else if (sql_type_storage(v->type) != SQL_STORE_INTEGER)
        sql_rowset_put_bytes(to, v->bytes);
    else
        sql_rowset_put_integer(to, v->integer);
}

static enum status fill_rows(struct proxy_call *c,
                             const PGresult *r,
                             const struct exec_rows *shape,
                             struct buf *to)
{
    struct diag ignored;
    struct arena scratch;
    arena_init(&scratch, c->session->proxy->mem, 0);
    enum status st = ST_OK;
    for (int i = 0; i < PQntuples(r) && st == ST_OK; i++) {
        arena_reset(&scratch);
        for (uint32_t k = 0; k < shape->column_count && st == ST_OK; k++) {
            int at = (int)k;
            struct sql_value v = {.type = shape->columns[k].type,
                                  .is_null = PQgetisnull(r, i, at) == 1};
            struct span text = span_of(PQgetvalue(r, i, at), (size_t)PQgetlength(r, i, at));
            if (!v.is_null) st = sql_value_parse(&v, &scratch, v.type, -1, text, &ignored);
            if (st == ST_OK) put_value(to, &v);
        }
        if (st == ST_OK) st = buf_status(to);
    }
    arena_fini(&scratch);
    return st;
}

static void say_rows(struct proxy_call *c, const PGresult *r)
{
    struct exec_rows rows = {0};
    struct buf bytes;
    struct diag d;
    buf_init(&bytes, c->session->proxy->mem, PROXY_ANSWER_MAX);
    enum status st = fill_columns(c, r, &rows);
    if (st == ST_OK) st = fill_rows(c, r, &rows, &bytes);
    if (st == ST_OK) {
        rows.rows = arena_copy(&c->arena, buf_span(&bytes));
        rows.returned_count = (uint64_t)PQntuples(r);
        if (rows.rows.data == NULL) st = ST_NO_MEMORY;
    }
    buf_fini(&bytes);
    if (st == ST_OK) {
        proxy_say_rows(c, &rows);
        return;
    }
    diag_set(&d,
             st == ST_NO_MEMORY ? "53200"
             : st == ST_LIMIT   ? "54000"
                                : "0A000",
             "the answer of the nodes cannot be passed on: %s", status_text(st));
    proxy_say_failure(c, &d);
}

/* "SELECT 5" is SELECT with a count. */
static void say_tag(struct proxy_call *c, PGresult *r)
{
    const char *status = PQcmdStatus(r);
    const char *space = strrchr(status, ' ');
    bool has_count = space != NULL && space[1] >= '0' && space[1] <= '9';
    size_t size = has_count ? (size_t)(space - status) : strlen(status);
    struct span tag = arena_copy(&c->arena, span_of(status, size)); /* Ends with 0. */
    if (tag.data == NULL) {
        c->has_failed = true;
        return;
    }
    proxy_say_complete(c, (const char *)tag.data, has_count,
                       has_count ? strtoull(space + 1, NULL, 10) : 0);
}

void proxy_answer_say(struct proxy_call *c, PGresult *r, uint32_t position)
{
    struct diag d;
    ExecStatusType status = PQresultStatus(r);
    if (status == PGRES_EMPTY_QUERY) return;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        proxy_answer_diag(r, &d);
        if (d.position > 0) d.position += position;
        proxy_say_failure(c, &d);
        return;
    }
    if (status == PGRES_TUPLES_OK) say_rows(c, r);
    if (!c->has_failed) say_tag(c, r);
}
