/* lag.c - One liar must not make a node close its doors: f + 1 have to say it. */
#include "node/lag.h"

#include "node/config.h"

bool lag_is_large(const struct consensus_view *v, uint32_t blocks_most)
{
    uint32_t ahead = 0;
    if (blocks_most == 0) return false;
    if (blocks_most < NODE_SNAPSHOT_BLOCKS_MIN) blocks_most = NODE_SNAPSHOT_BLOCKS_MIN;
    for (uint32_t i = 0; i < v->node_count; i++) {
        const struct consensus_view_member *m = &v->members[i];
        if (m->is_validator && m->is_connected && i != v->self)
            ahead += m->said_final >= v->executed_height + blocks_most;
    }
    return ahead >= (v->mode == MODE_RAFT ? 1u : v->f + 1u);
}
