/* cursor.c - Statements of the modules' own with bound values. */
#include "exec/modules/system/cursor.h"

#include "base/must.h"
#include "exec/sqlite.h"

static enum status bind(sqlite3_stmt *s, int index, const struct field *f)
{
    static const char nothing[1] = "";
    const char *data = f->bytes.size > 0 ? (const char *)f->bytes.data : nothing;
    int size = (int)f->bytes.size;
    switch (f->kind) {
    case FIELD_NULL: return sqlite_status(sqlite3_bind_null(s, index));
    case FIELD_INT: return sqlite_status(sqlite3_bind_int64(s, index, (sqlite3_int64)f->integer));
    case FIELD_TEXT: return sqlite_status(sqlite3_bind_text(s, index, data, size, SQLITE_STATIC));
    case FIELD_BLOB: return sqlite_status(sqlite3_bind_blob(s, index, data, size, SQLITE_STATIC));
    }
    must(false);
    return ST_INVALID;
}

enum status cursor_begin(struct cursor *r,
                         sqlite3 *connection,
                         const char *text,
                         const struct field *fields,
                         uint32_t count)
{
    *r = (struct cursor){0};
    enum status st = sqlite_status(sqlite3_prepare_v2(connection, text, -1, &r->statement, NULL));
    for (uint32_t i = 0; i < count && st == ST_OK; i++)
        st = bind(r->statement, (int)i + 1, &fields[i]);
    return st;
}

enum status cursor_next(struct cursor *r)
{
    return sqlite_step_status(sqlite3_step(r->statement));
}

void cursor_end(struct cursor *r)
{
    (void)sqlite3_finalize(r->statement); /* Repeats the code of the step. */
    *r = (struct cursor){0};
}

uint64_t cursor_int(const struct cursor *r, int column)
{
    return (uint64_t)sqlite3_column_int64(r->statement, column);
}

struct span cursor_bytes(const struct cursor *r, int column)
{
    const void *data = sqlite3_column_blob(r->statement, column); /* Of a text too. */
    int size = sqlite3_column_bytes(r->statement, column);
    return span_of(data, data == NULL ? 0 : (size_t)size);
}

bool cursor_is_null(const struct cursor *r, int column)
{
    return sqlite3_column_type(r->statement, column) == SQLITE_NULL;
}

enum status cursor_run(sqlite3 *connection,
                       const char *text,
                       const struct field *fields,
                       uint32_t count)
{
    struct cursor r;
    enum status st = cursor_begin(&r, connection, text, fields, count);
    if (st == ST_OK) st = sqlite_done_status(sqlite3_step(r.statement));
    cursor_end(&r);
    return st;
}
