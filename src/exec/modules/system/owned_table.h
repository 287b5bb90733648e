/* owned_table.h - The table that a procedure of its owner is called for. */
#ifndef TRUSTSQL_EXEC_MODULES_SYSTEM_OWNED_TABLE_H
#define TRUSTSQL_EXEC_MODULES_SYSTEM_OWNED_TABLE_H

#include <stdint.h>

#include "base/span.h"
#include "base/status.h"
#include "exec/module.h"

/* The id of table NAME of schema public, which the caller owns. ST_REJECTED with 42P01 or 42501. */
NODISCARD enum status owned_table(struct module_call *call, struct span name, uint64_t *id);

#endif
