/* retention.c - Rows of "trustsql.retention" (docs/format/catalog.md): table, blocks. A table
 * without a row keeps everything. */
#include "exec/modules/system/retention.h"

#include "base/must.h"
#include "exec/modules/system/cursor.h"

const enum sql_type retention_types[2] = {SQL_TEXT, SQL_INT8};
const char *const retention_names[2] = {"name", "blocks"};

/* The id of a table that the caller owns. */
static enum status find_table(struct module_call *call, struct span name, uint64_t *id)
{
    struct cursor r;
    const struct field f = field_text(name);
    uint64_t owner = 0;
    enum status st = cursor_begin(&r, call->writer,
                                  "SELECT id, owner FROM \"trustsql.tables\" "
                                  "WHERE schema = 'public' AND name = ?1",
                                  &f, 1);
    if (st == ST_OK) st = cursor_next(&r);
    if (st == ST_OK) {
        *id = cursor_int(&r, 0);
        owner = cursor_int(&r, 1);
    }
    cursor_end(&r);
    if (st == ST_NOT_FOUND) {
        diag_set(call->diag, "42P01", "relation \"%.*s\" does not exist", (int)name.size,
                 (const char *)name.data);
        return ST_REJECTED;
    }
    TRY(st);
    if (owner == call->caller->id) return ST_OK;
    diag_set(call->diag, "42501", "must be owner of table %.*s", (int)name.size,
             (const char *)name.data);
    return ST_REJECTED;
}

enum status retention_set(struct module_call *call)
{
    must(call->argument_count == 2);
    const struct sql_value *name = &call->arguments[0];
    const struct sql_value *blocks = &call->arguments[1];
    uint64_t id = 0;
    if (name->is_null ||
        (!blocks->is_null && (blocks->integer < 1 || blocks->integer > RETENTION_BLOCKS_MAX))) {
        diag_set(call->diag, "22023",
                 "trustsql.set_retention takes a table and a number of blocks");
        diag_hint(call->diag, "NULL instead of the number: all versions are kept.");
        return ST_REJECTED;
    }
    TRY(find_table(call, name->bytes, &id));
    const struct field f[2] = {field_int(id), field_int((uint64_t)blocks->integer)};
    if (blocks->is_null)
        return cursor_run(call->writer, "DELETE FROM \"trustsql.retention\" WHERE table_id = ?1", f,
                          1);
    return cursor_run(call->writer,
                      "INSERT INTO \"trustsql.retention\"(table_id, blocks) VALUES(?1, ?2) "
                      "ON CONFLICT(table_id) DO UPDATE SET blocks = ?2",
                      f, 2);
}
