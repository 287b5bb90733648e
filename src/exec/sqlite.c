#include "exec/sqlite.h"

#include "base/must.h"

enum status sqlite_status(int code)
{
    int primary = code & 0xff;
    if (primary == SQLITE_OK || primary == SQLITE_ROW || primary == SQLITE_DONE) return ST_OK;
    if (primary == SQLITE_NOMEM) return ST_NO_MEMORY;
    if (primary == SQLITE_FULL) return ST_NO_SPACE;
    if (code == SQLITE_IOERR_DATA) return ST_CORRUPT; /* The page store says so. */
    if (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) return ST_IO;
    must(primary != SQLITE_MISUSE);
    return ST_CORRUPT;
}

enum status sqlite_step_status(int code)
{
    return code == SQLITE_DONE ? ST_NOT_FOUND : sqlite_status(code);
}

enum status sqlite_done_status(int code)
{
    return code == SQLITE_ROW ? ST_CORRUPT : sqlite_status(code);
}
