/* parse.h - Text to libpg_query's tree, bounded and in the caller's arena. Thread-safe. */
#ifndef TRUSTSQL_SQL_PARSE_H
#define TRUSTSQL_SQL_PARSE_H

#include <pg_query/pg_query.pb-c.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/status.h"

/* Failures: 42601 syntax, 22021 not UTF-8, 54000 too long, 54001 too deep, 53200; position is a
 * character of text. The tree lives in a. */
NODISCARD enum status parse_tree(PgQuery__ParseResult **out,
                                 struct arena *a,
                                 struct span text,
                                 struct diag *d);

/* Set position from a byte offset of text; negative: unknown. */
void parse_position(struct diag *d, struct span text, int32_t offset);

#endif
