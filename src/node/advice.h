/* advice.h - The preflight of a change of the configuration, told at the door before anything is
 * submitted: what the chain bears before and after, who is not reachable now, what would stall,
 * what expires; and whether it is refused.
 *
 * The numbers are those of ledger/preflight.h, which the chain applies as well; what only a running
 * node sees (connections, the programs of others) is added here. Pure. */
#ifndef TRUSTSQL_NODE_ADVICE_H
#define TRUSTSQL_NODE_ADVICE_H

#include "base/diag.h"
#include "ledger/preflight.h"
#include "node/consensus_view.h"

#define ADVICE_NOTICES_MAX 20u

struct advice_case {
    const struct chain_config *before; /* Of this epoch. */
    const struct chain_config *after;
    const struct consensus_view *view;
    bool is_forced;        /* force => true. */
    uint32_t invitations;  /* Open ones of this node… */
    uint32_t invited_days; /* … until the last of them has expired. */
};

struct advice {
    uint32_t notice_count;
    struct diag notices[ADVICE_NOTICES_MAX];
    struct diag refusal; /* sqlstate "": the change may be submitted. */
};

void advice_make(struct advice *out, const struct advice_case *c);

#endif
