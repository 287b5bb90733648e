/* consensus_tables.h - trustsql.nodes, trustsql.consensus and trustsql.evidence as SQL tables.
 *
 * A part of chain_tables.h, which registers them. Each shows one moment: what the replica knew when
 * the reading began (docs/sql/system-tables.md). */
#ifndef TRUSTSQL_NODE_CONSENSUS_TABLES_H
#define TRUSTSQL_NODE_CONSENSUS_TABLES_H

#include "node/chain_tables.h"

NODISCARD enum status consensus_tables_register(sqlite3 *connection,
                                                const struct chain_tables_source *source);

#endif
