/* connection.h - A SQLite connection with every setting the page store and determinism ask for.
 *
 * One place for pragmas, limits, defensive switches and the authorizer; each answer of SQLite is
 * checked. One thread at a time per connection. */
#ifndef TRUSTSQL_STATE_CONNECTION_H
#define TRUSTSQL_STATE_CONNECTION_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/status.h"

enum connection_role { CONNECTION_READER, CONNECTION_SESSION, CONNECTION_WRITER };

struct connection_config {
    const char *vfs;
    enum connection_role role;
    int cache_kb;
};

NODISCARD enum status connection_open(sqlite3 **out, const struct connection_config *config);
void connection_close(sqlite3 *connection); /* Null allowed. No statement is left. */

/* Persistent statement. ST_INVALID: SQLite does not take the text. */
NODISCARD enum status connection_prepare(sqlite3_stmt **out, sqlite3 *connection, const char *sql);

/* Step a statement that gives no rows, and reset it. */
NODISCARD enum status connection_run(sqlite3_stmt *statement);

/* Our status for a result code of SQLite. */
enum status connection_status(int code);

#endif
