/* incidents.h - Rows of trustsql.incidents: damage that nodes found in their own files. */
#ifndef TRUSTSQL_EXEC_MODULES_SYSTEM_INCIDENTS_H
#define TRUSTSQL_EXEC_MODULES_SYSTEM_INCIDENTS_H

#include <sqlite3.h>

#include "ledger/config.h"
#include "ledger/incident.h"

/* What the notes of block height say: a new row, or a later state of a row that is there; a node
 * that the configuration does not know, and what is known already, change nothing. */
NODISCARD enum status incidents_note(sqlite3 *writer,
                                     const struct chain_config *config,
                                     uint64_t height,
                                     const struct incident *i);

#endif
