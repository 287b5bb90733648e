/* epoch_links.h - The chain of epochs (ledger/epochs.h) out of a node's own blocks.
 *
 * The certificate that commits the last block of an epoch stands in the body of the block above it:
 * the first of the next epoch shows it. Thread-safe as what the source gives. */
#ifndef TRUSTSQL_NODE_EPOCH_LINKS_H
#define TRUSTSQL_NODE_EPOCH_LINKS_H

#include "base/mem.h"
#include "ledger/epochs.h"

struct epoch_source { /* As the ports of the core. */
    struct mem *mem;
    enum status (*read_block)(void *context, uint64_t height, struct buf *out);
    enum status (*read_config)(void *context, uint64_t epoch, struct buf *out, uint64_t *base);
    void *context;
};

/* Append the encoded link that leads into epoch (at least 1). cert: commits the block before it;
 * null: it is looked for in the block above. ST_NOT_FOUND: something of it is not here. */
NODISCARD enum status epoch_link_read(const struct epoch_source *s,
                                      uint64_t epoch,
                                      const struct certificate *cert,
                                      struct buf *out);

/* The whole chain up to epoch, encoded; nothing for epoch 0. */
NODISCARD enum status epoch_chain_read(const struct epoch_source *s,
                                       uint64_t epoch,
                                       struct buf *out);

#endif
