/* facts.h - What a final block says about the mode of the chain.
 *
 * The engine, the executor and an auditor step the mode (ledger/mode.h) with the same facts. Pure;
 * thread-safe. */
#ifndef TRUSTSQL_CONSENSUS_FACTS_H
#define TRUSTSQL_CONSENSUS_FACTS_H

#include "ledger/mode.h"

struct block_content { /* Beside transactions; null: none. */
    const struct certificate *final_cert;
    const struct certificate *res_cert;
    const struct body_notes *notes;
};

/* The block is valid: its evidence is verified. */
void facts_of_block(struct mode_facts *f,
                    const struct header *header,
                    const struct block_content *content);

#endif
