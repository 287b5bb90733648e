/* retention.h - trustsql.set_retention(table, blocks): for how many blocks the old versions of a
 * table's rows are answered. */
#ifndef TRUSTSQL_EXEC_MODULES_SYSTEM_RETENTION_H
#define TRUSTSQL_EXEC_MODULES_SYSTEM_RETENTION_H

#include "exec/module.h"

#define RETENTION_EXEC_VERSION 3u
#define RETENTION_BLOCKS_MAX   INT64_C(1000000000000)

extern const enum sql_type retention_types[2];
extern const char *const retention_names[2];

module_run retention_set;

#endif
