/* sqlite.h - SQLite's result codes as statuses, for statements of our own.
 *
 * Our own statements never fail for a reason that a user gives: whatever they return but success
 * means that the machine or the file failed, and the node must stop. */
#ifndef TRUSTSQL_EXEC_SQLITE_H
#define TRUSTSQL_EXEC_SQLITE_H

#include <sqlite3.h>

#include "base/status.h"

/* SQLITE_OK, SQLITE_ROW and SQLITE_DONE are ST_OK. */
NODISCARD enum status sqlite_status(int code);
/* A row: ST_OK; none: ST_NOT_FOUND. */
NODISCARD enum status sqlite_step_status(int code);
/* Done: ST_OK. */
NODISCARD enum status sqlite_done_status(int code);

#endif
