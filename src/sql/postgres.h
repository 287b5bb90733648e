/* postgres.h - Which functions PostgreSQL 15 has: to tell "not supported here" from "not there". */
#ifndef TRUSTSQL_SQL_POSTGRES_H
#define TRUSTSQL_SQL_POSTGRES_H

#include <stdbool.h>

#include "base/span.h"

/* pg_catalog of PostgreSQL 15 has a function, an aggregate or a window function of the name. */
bool postgres_has_function(struct span name);

/* A name that PostgreSQL quotes, because it is a word of its grammar. */
bool postgres_is_keyword(struct span name);

#endif
