/* vtable.h - Read-only SQLite tables made by functions: one module of SQLite serves all of them.
 *
 * A table is a constant of its declaration and the functions that stand a cursor on a row and give
 * its columns; what all of them need of SQLite (connecting, cursors, errors) is here. A table's
 * cursor begins with struct vtable_cursor. One thread per connection. */
#ifndef TRUSTSQL_NODE_VTABLE_H
#define TRUSTSQL_NODE_VTABLE_H

#include <sqlite3.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/span.h"
#include "base/status.h"
#include "crypto/hash.h"

#define VTABLE_SUBJECT_MAX 64u

struct vtable;

struct vtable_cursor {
    sqlite3_vtab_cursor base;
    const struct vtable *table;
    const void *source; /* As registered. */
    sqlite3 *connection;
    struct mem *mem;
    bool is_at_end;
    int64_t rowid;
};

struct vtable {
    const char *name;        /* "trustsql.blocks" */
    const char *declaration; /* "CREATE TABLE x(…)"; null: declare says it. */
    void (*declare)(struct buf *out);
    size_t cursor_size;
    /* The cursor is zeroed but for its head. close frees what open and the rows have taken. */
    void (*open)(struct vtable_cursor *c);
    void (*close)(struct vtable_cursor *c);
    /* Null: every reading is a scan of a few rows. */
    void (*plan)(sqlite3_index_info *info);
    /* A reading begins: which rows, by the plan chosen. */
    void (*range)(struct vtable_cursor *c, int plan, sqlite3_value **argv);
    /* Instead of range, for plans that need idxStr, too. */
    void (*range_by)(struct vtable_cursor *c, const char *plan, int argc, sqlite3_value **argv);
    /* To its first row, or to the next: sets is_at_end and rowid. */
    enum status (*step)(struct vtable_cursor *c, bool is_first);
    enum status (*column)(struct vtable_cursor *c, sqlite3_context *to, int column);
    /* What cannot be read when one of these fails. Null: the table's name. */
    void (*subject)(const struct vtable_cursor *c, char out[VTABLE_SUBJECT_MAX]);
};

/* source is handed to every cursor; it, t and mem outlive the connection. */
NODISCARD enum status vtable_register(sqlite3 *connection,
                                      const struct vtable *t,
                                      const void *source,
                                      struct mem *mem);

/* --- results of columns ----------------------------------------------------------------------- */

void vtable_put_u64(sqlite3_context *to, uint64_t value); /* At most INT64_MAX. */
void vtable_put_text(sqlite3_context *to, struct span text);
void vtable_put_text_or_null(sqlite3_context *to, const char *text); /* "": null. */
void vtable_put_hash(sqlite3_context *to, const struct hash *hash);
void vtable_put_time(sqlite3_context *to, uint64_t time_ms); /* Since 1970. */

#endif
