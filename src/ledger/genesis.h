/* genesis.h - The file that makes a chain: members, parameters, first accounts.
 *
 * Format: docs/format/genesis.md. chain_id = H("genesis" ‖ bytes). Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_GENESIS_H
#define TRUSTSQL_LEDGER_GENESIS_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/account_id.h"
#include "crypto/sign.h"
#include "ledger/block.h"
#include "ledger/params.h"
#include "ledger/quorum.h"

#define GENESIS_NAME_MAX         63u
#define GENESIS_ADDRESS_MAX      127u
#define GENESIS_BATCH_AGE_MS_MAX 60000u
#define GENESIS_ACCOUNTS_MAX     1024u
#define GENESIS_SUITE_INTL       1u

struct genesis_member { /* A node that votes, in order of its index. */
    struct span organisation;
    struct span node_name;      /* "node0". */
    struct public_key node_key; /* Ed25519. */
    struct span address;        /* Where others first look for it; "": it dials, nobody else can. */
};

struct genesis_account {
    struct span name; /* "admin@node0": what a client logs in with. */
    struct public_key key;
    struct span custodian; /* Organisation that holds the key; "" when the owner does. */
    bool is_admin;         /* May create accounts and vote for its organisation. */
    struct span organisation;
};

struct genesis {
    struct span chain_name;
    uint64_t time_ms;
    uint32_t suite;
    uint32_t exec_version;
    enum block_mode mode;
    uint32_t f;
    uint32_t p;
    uint32_t block_txs_max; /* Transactions in one block. */
    uint32_t batch_age_ms;  /* A waiting transaction is proposed at the latest after this. */
    uint64_t fuel_tx;       /* SQLite steps and charged bytes one transaction may use. */
    struct consensus_params params;
    struct genesis_member *members;
    struct genesis_account *accounts;
    uint32_t member_count;
    uint32_t account_count;
};

void genesis_encode(struct buf *out, const struct genesis *g);
/* Also checks every limit and the bounds of n, f, p (consensus.md 1.1). */
NODISCARD enum status genesis_decode(struct genesis *g, struct arena *a, struct span bytes);
struct hash genesis_chain_id(struct span bytes);

/* True for "host:port" with a name, an IPv4 address or "[IPv6]", and a port from 1 to 65535. */
bool genesis_address_is_formed(struct span address);

/* The validators of the first epoch. */
struct validators genesis_validators(const struct genesis *g);

#endif
