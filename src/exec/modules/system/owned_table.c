/* owned_table.c - What the procedures about one table ask of "trustsql.tables"
 * (docs/format/catalog.md). */
#include "exec/modules/system/owned_table.h"

#include "exec/modules/system/cursor.h"

enum status owned_table(struct module_call *call, struct span name, uint64_t *id)
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
