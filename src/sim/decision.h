/* decision.h - Configuration transactions of the simulated machine: what a text does to an epoch's
 * configuration.
 *
 * In place of proposals and votes of administrators: one transaction decides. Its operation is
 * "config" and words, as "config add 4 f 1"; nodes are named by the number of their key. What makes
 * no configuration that holds does nothing. Pure. */
#ifndef TRUSTSQL_SIM_DECISION_H
#define TRUSTSQL_SIM_DECISION_H

#include "ledger/config.h"

#define DECISION_TEXT_MAX 256u

bool decision_is_one(struct span text);
/* Null: the words are right. Else static text: what is expected. */
const char *decision_check(struct span text);
/* The configuration of the next epoch. False: it would not hold. Names are in a. */
bool decision_apply(struct chain_config *config,
                    struct arena *a,
                    struct span text,
                    const struct public_key *keys,
                    uint32_t key_count);

#endif
