/* token.h - A short-lived proof that its bearer holds an account's key, good for one node.
 *
 * A client without a password shows it as its password, over TLS. Format: docs/format/token.md. It
 * names chain, node and time: elsewhere and later it is worth nothing. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_TOKEN_H
#define TRUSTSQL_LEDGER_TOKEN_H

#include "base/buf.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define TOKEN_TEXT_MAX    512u    /* Characters. */
#define TOKEN_LIFE_MS_MAX 600000u /* From its making to its end. */
#define TOKEN_SKEW_MS     30000u  /* How far the clocks of client and node may be apart. */

struct token {
    struct hash chain_id;
    struct public_key node; /* Ed25519: who it is for. */
    struct public_key account;
    uint64_t from_ms;
    uint64_t until_ms;
    struct signature sig;
};

/* What the account's key signs. */
struct hash token_hash(const struct token *t);

/* As text: the encoding in hexadecimal digits. */
NODISCARD enum status token_print(struct buf *out, const struct token *t);
/* ST_INVALID, ST_TRUNCATED, ST_LIMIT. */
NODISCARD enum status token_parse(struct token *t, struct span text);

struct token_check {
    const struct hash *chain_id;
    const struct public_key *node;
    uint64_t now_ms;
    const struct signer *signer;
};

/* Whether it lets the holder of t->account in here and now. ST_WRONG_CHAIN, ST_DENIED (made for
 * another node), ST_EXPIRED (or not valid yet, or for too long), ST_SIGNATURE. */
NODISCARD enum status token_check(const struct token *t, const struct token_check *against);

#endif
