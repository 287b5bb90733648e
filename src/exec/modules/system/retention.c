/* retention.c - Rows of "trustsql.retention" (docs/format/catalog.md): table, blocks. A table
 * without a row keeps everything. */
#include "exec/modules/system/retention.h"

#include "base/must.h"
#include "exec/modules/system/cursor.h"
#include "exec/modules/system/owned_table.h"

const enum sql_type retention_types[2] = {SQL_TEXT, SQL_INT8};
const char *const retention_names[2] = {"name", "blocks"};

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
    TRY(owned_table(call, name->bytes, &id));
    const struct field f[2] = {field_int(id), field_int((uint64_t)blocks->integer)};
    if (blocks->is_null)
        return cursor_run(call->writer, "DELETE FROM \"trustsql.retention\" WHERE table_id = ?1", f,
                          1);
    return cursor_run(call->writer,
                      "INSERT INTO \"trustsql.retention\"(table_id, blocks) VALUES(?1, ?2) "
                      "ON CONFLICT(table_id) DO UPDATE SET blocks = ?2",
                      f, 2);
}
