/* quote.h - Names and texts inside the text of a statement.
 *
 * Quoted with a quote doubled, as the SQL standard has it: PostgreSQL and SQLite read it alike. */
#ifndef TRUSTSQL_SQL_QUOTE_H
#define TRUSTSQL_SQL_QUOTE_H

#include "base/buf.h"

/* "name"; whatever bytes it has. */
void sql_put_name(struct buf *out, struct span name);
/* 'text'. */
void sql_put_text(struct buf *out, struct span text);

#endif
