/* card.h - The public card of an organisation and its node: text that people hand on.
 *
 * A card has nothing secret. Chains are made of cards, and procedures that admit a node take one.
 * Format and rules: docs/format/card.md. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_CARD_H
#define TRUSTSQL_LEDGER_CARD_H

#include "ledger/genesis.h"

#define CARD_ACCOUNTS_MAX  32u
#define CARD_NODE_NAME_MAX 40u /* So that a section "[peer.NAME]" of node.conf can name it. */
#define CARD_SIZE_MAX      (16u << 10)
#define CARD_WHAT_MAX      320u

struct card_account {
    char name[GENESIS_NAME_MAX + 1];
    struct public_key key;
    bool is_admin;
    bool is_kept; /* The organisation's node keeps its key. */
};

struct card {
    char organisation[GENESIS_NAME_MAX + 1];
    char node[CARD_NODE_NAME_MAX + 1];
    struct public_key node_key;            /* Ed25519. */
    char address[GENESIS_ADDRESS_MAX + 1]; /* "": others cannot dial it. */
    uint64_t made_ms;
    uint32_t account_count;
    struct card_account accounts[CARD_ACCOUNTS_MAX];
};

/* The same card is always printed alike. */
void card_print(const struct card *card, struct buf *out);

/* what[CARD_WHAT_MAX] says which line is wrong; empty when ST_OK. ST_INVALID, ST_LIMIT. */
NODISCARD enum status card_parse(struct card *out, struct span text, char *what);

#endif
