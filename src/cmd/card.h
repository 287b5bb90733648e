/* card.h - Cards in files, and the genesis that the cards of all make.
 *
 * The same cards give the same genesis to every organisation, in whatever order they come. Format
 * and rules: docs/format/card.md. */
#ifndef TRUSTSQL_CMD_CARD_H
#define TRUSTSQL_CMD_CARD_H

#include "cmd/layout.h"
#include "cmd/shape.h"
#include "ledger/card.h"
#include "node/config.h"

NODISCARD enum status card_read(struct card *out, struct os *os, const char *path, char *what);

struct card_set {       /* What a genesis is made of. */
    struct card *cards; /* Get sorted. */
    uint32_t count;
    const char *chain_name;
    struct shape_choice shape;
};

/* The genesis of these cards, appended to out. ST_INVALID: what[CARD_WHAT_MAX] says why they make
 * no chain. */
NODISCARD enum status card_make_genesis(struct buf *out, const struct card_set *set, char *what);

#endif
