/* lag.h - Is a node so far behind that fetching a snapshot is quicker than executing blocks?
 *
 * Pure. */
#ifndef TRUSTSQL_NODE_LAG_H
#define TRUSTSQL_NODE_LAG_H

#include "node/consensus_view.h"

/* More validators than can lie are at least blocks_most ahead (0: it never is). */
bool lag_is_large(const struct consensus_view *v, uint32_t blocks_most);

#endif
