/* watch.h - What an operator must hear of while a node runs: said once each, when it becomes so.
 *
 * Compares what the replica knows now with what it knew: proofs of misbehaviour, the loss of the
 * own vote, a change of mode or epoch, a node that runs another program. Pure; one thread. */
#ifndef TRUSTSQL_NODE_WATCH_H
#define TRUSTSQL_NODE_WATCH_H

#include "node/consensus_view.h"

#define WATCH_TEXT_SIZE 512u
#define WATCH_SILENT_LOOKS                                                                         \
    100u /* After a start and in a change of view it is silent for a moment. */

struct watch {
    bool has_begun;
    uint64_t epoch;
    enum block_mode mode;
    uint32_t evidence_count;
    uint32_t silent_looks; /* In a row, that this node did not vote although its view is open. */
    struct hash programs[CONFIG_NODES_MAX]; /* Said to differ, of this epoch's nodes. */
};

/* Calls say for each line. */
void watch_look(struct watch *w,
                const struct consensus_view *now,
                void (*say)(void *context, const char *text),
                void *context);

#endif
