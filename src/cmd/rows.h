/* rows.h - Rows of a query for people and for machines. */
#ifndef TRUSTSQL_CMD_ROWS_H
#define TRUSTSQL_CMD_ROWS_H

#include <libpq-fe.h>

#include "cmd/cmd.h"

/* "[{column: value, …}, …]": integers, true and false as such, null, all else as text. */
void rows_put_json(struct buf *out, PGresult *result);

/* A table with a heading on standard output. */
void rows_print(PGresult *result);

/* The rows of a SELECT; null when it failed: complained. PQclear. */
PGresult *rows_query(const struct command *self, PGconn *link, const char *query);

/* Column of a row by name; "" for null. The column exists. */
const char *rows_get(PGresult *result, int row, const char *column);
bool rows_is_null(PGresult *result, int row, const char *column);
bool rows_is_true(PGresult *result, int row, const char *column);
uint64_t rows_number(PGresult *result, int row, const char *column); /* 0 for null. */

#endif
