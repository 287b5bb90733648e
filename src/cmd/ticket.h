/* ticket.h - Making login tokens (ledger/token.h) with an account's key. */
#ifndef TRUSTSQL_CMD_TICKET_H
#define TRUSTSQL_CMD_TICKET_H

#include "ledger/token.h"
#include "trustsql.h"

struct ticket_request {
    const struct trustsql_key *key; /* The account's. */
    const struct hash *chain_id;
    const struct public_key *node; /* Who is to let it in. */
    uint64_t now_ms;
    uint64_t life_ms; /* At most TOKEN_LIFE_MS_MAX. */
};

/* Appends the text of the token. */
NODISCARD enum status ticket_make(struct buf *out,
                                  const struct signer *signer,
                                  const struct ticket_request *request);

#endif
