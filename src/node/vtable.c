#include "node/vtable.h"

#include <stdio.h>

#include "base/must.h"

struct registration { /* What SQLite hands back on connecting; freed with the connection. */
    const struct vtable *table;
    const void *source;
    struct mem *mem;
};

struct connected {
    sqlite3_vtab base;
    sqlite3 *connection;
    const struct registration *registration;
};

/* --- SQLite's module ------------------------------------------------------------------------- */

static int declare(sqlite3 *connection, const struct registration *r)
{
    if (r->table->declaration != NULL)
        return sqlite3_declare_vtab(connection, r->table->declaration);
    struct buf text;
    buf_init(&text, r->mem, 0);
    r->table->declare(&text);
    buf_put_u8(&text, 0);
    int code = SQLITE_NOMEM;
    if (buf_status(&text) == ST_OK)
        code = sqlite3_declare_vtab(connection, (const char *)text.data);
    buf_fini(&text);
    return code;
}

/* NOLINTNEXTLINE(readability-function-size): the signature is SQLite's. */
static int on_connect(sqlite3 *connection,
                      void *aux,
                      int argc,
                      const char *const *argv,
                      sqlite3_vtab **out,
                      char **error)
{
    (void)argc;
    (void)argv;
    (void)error;
    const struct registration *r = aux;
    int code = declare(connection, r);
    if (code != SQLITE_OK) return code;
    struct connected *t = mem_alloc_zero(r->mem, 1, sizeof *t);
    if (t == NULL) return SQLITE_NOMEM;
    t->registration = r;
    t->connection = connection;
    *out = &t->base;
    return SQLITE_OK;
}

static int on_disconnect(sqlite3_vtab *base)
{
    struct connected *t = (struct connected *)base;
    mem_free(t->registration->mem, t);
    return SQLITE_OK;
}

static int on_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct vtable *table = ((const struct connected *)base)->registration->table;
    info->estimatedCost = 100;
    info->estimatedRows = 32;
    if (table->plan != NULL) table->plan(info);
    return SQLITE_OK;
}

static int on_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    const struct registration *r = ((const struct connected *)base)->registration;
    must(r->table->cursor_size >= sizeof(struct vtable_cursor));
    struct vtable_cursor *c = mem_alloc_zero(r->mem, 1, r->table->cursor_size);
    if (c == NULL) return SQLITE_NOMEM;
    c->table = r->table;
    c->source = r->source;
    c->connection = ((const struct connected *)base)->connection;
    c->mem = r->mem;
    r->table->open(c);
    *out = &c->base;
    return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *base)
{
    struct vtable_cursor *c = (struct vtable_cursor *)base;
    c->table->close(c);
    mem_free(c->mem, c);
    return SQLITE_OK;
}

static int report(struct vtable_cursor *c, enum status st)
{
    char subject[VTABLE_SUBJECT_MAX];
    if (st == ST_OK) return SQLITE_OK;
    if (st == ST_NO_MEMORY) return SQLITE_NOMEM;
    (void)snprintf(subject, sizeof subject, "%s", c->table->name);
    if (c->table->subject != NULL) c->table->subject(c, subject);
    sqlite3_free(c->base.pVtab->zErrMsg);
    c->base.pVtab->zErrMsg = sqlite3_mprintf("%s cannot be read: %s", subject, status_text(st));
    return SQLITE_ERROR;
}

static int on_filter(
    sqlite3_vtab_cursor *base, int plan, const char *text, int argc, sqlite3_value **argv)
{
    struct vtable_cursor *c = (struct vtable_cursor *)base;
    c->is_at_end = false;
    c->rowid = 0;
    if (c->table->range_by != NULL)
        c->table->range_by(c, text == NULL ? "" : text, argc, argv);
    else
        c->table->range(c, plan, argv);
    return report(c, c->table->step(c, true));
}

static int on_next(sqlite3_vtab_cursor *base)
{
    struct vtable_cursor *c = (struct vtable_cursor *)base;
    return report(c, c->table->step(c, false));
}

static int on_end(sqlite3_vtab_cursor *base)
{
    return ((const struct vtable_cursor *)base)->is_at_end;
}

static int on_column(sqlite3_vtab_cursor *base, sqlite3_context *to, int column)
{
    struct vtable_cursor *c = (struct vtable_cursor *)base;
    return report(c, c->table->column(c, to, column));
}

static int on_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ((const struct vtable_cursor *)base)->rowid;
    return SQLITE_OK;
}

static void on_destroy(void *aux)
{
    struct registration *r = aux;
    mem_free(r->mem, r);
}

static const sqlite3_module module = {
    .iVersion = 1,
    .xConnect = on_connect,
    .xBestIndex = on_best_index,
    .xDisconnect = on_disconnect,
    .xOpen = on_open,
    .xClose = on_close,
    .xFilter = on_filter,
    .xNext = on_next,
    .xEof = on_end,
    .xColumn = on_column,
    .xRowid = on_rowid,
};

enum status vtable_register(sqlite3 *connection,
                            const struct vtable *t,
                            const void *source,
                            struct mem *mem)
{
    struct registration *r = mem_alloc_zero(mem, 1, sizeof *r);
    if (r == NULL) return ST_NO_MEMORY;
    *r = (struct registration){.table = t, .source = source, .mem = mem};
    /* A failure frees r, too: SQLite calls on_destroy then. */
    int code = sqlite3_create_module_v2(connection, t->name, &module, r, on_destroy);
    return code == SQLITE_OK ? ST_OK : ST_NO_MEMORY;
}

/* --- results of columns ----------------------------------------------------------------------- */

void vtable_put_u64(sqlite3_context *to, uint64_t value)
{
    sqlite3_result_int64(to, value > INT64_MAX ? INT64_MAX : (sqlite3_int64)value);
}

void vtable_put_text(sqlite3_context *to, struct span text)
{
    must(text.size <= INT32_MAX);
    const char *data = text.size == 0 ? "" : (const char *)text.data;
    sqlite3_result_text(to, data, (int)text.size, SQLITE_TRANSIENT);
}

void vtable_put_text_or_null(sqlite3_context *to, const char *text)
{
    if (text[0] == 0)
        sqlite3_result_null(to);
    else
        vtable_put_text(to, span_text(text));
}

void vtable_put_hash(sqlite3_context *to, const struct hash *hash)
{
    sqlite3_result_blob(to, hash->bytes, HASH_SIZE, SQLITE_TRANSIENT);
}

void vtable_put_time(sqlite3_context *to, uint64_t time_ms)
{
    /* timestamptz counts microseconds from 2000-01-01. */
    sqlite3_result_int64(to, ((int64_t)time_ms - 946684800000) * 1000);
}
