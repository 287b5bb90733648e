/* card.h - The public card of an organisation, and the genesis that the cards of all make.
 *
 * A card has nothing secret. The same cards give the same genesis to every organisation, in
 * whatever order they come. Format and rules: docs/format/card.md. */
#ifndef TRUSTSQL_CMD_CARD_H
#define TRUSTSQL_CMD_CARD_H

#include "cmd/layout.h"
#include "cmd/shape.h"
#include "node/config.h"

#define CARD_ACCOUNTS_MAX 32u
#define CARD_WHAT_MAX     320u

struct card_account {
    char name[GENESIS_NAME_MAX + 1];
    struct public_key key;
    bool is_admin;
    bool is_kept; /* The organisation's node keeps its key. */
};

struct card {
    char organisation[GENESIS_NAME_MAX + 1];
    char node[NODE_PEER_NAME_MAX + 1];
    struct public_key node_key;            /* Ed25519. */
    char address[GENESIS_ADDRESS_MAX + 1]; /* "": others cannot dial it. */
    uint64_t made_ms;
    uint32_t account_count;
    struct card_account accounts[CARD_ACCOUNTS_MAX];
};

void card_print(const struct card *card, struct buf *out);

/* what[CARD_WHAT_MAX] says which line is wrong. ST_INVALID. */
NODISCARD enum status card_parse(struct card *out, const char *text, char *what);
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
