/* proof_tables.h - trustsql.certified and trustsql.receipts: what a client compares and proves.
 *
 * certified is one row: the newest height whose result a quorum signed and this node found too,
 * with the certificate, and what is executed here. receipts finds one transaction by its txid: its
 * receipt, the proof made of what stands in later blocks, and a reply signed by this node. See
 * docs/sql/system-tables.md and docs/format/{proof,reply}.md. */
#ifndef TRUSTSQL_NODE_PROOF_TABLES_H
#define TRUSTSQL_NODE_PROOF_TABLES_H

#include "node/chain_tables.h"

/* source outlives the connection. */
NODISCARD enum status proof_tables_register(sqlite3 *connection,
                                            const struct chain_tables_source *source);

#endif
