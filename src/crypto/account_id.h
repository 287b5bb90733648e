/* account_id.h - The chain address of an account: 20 bytes, shown in Base58Check.
 *
 * id = RIPEMD-160(SHA-256(public key bytes)); text = Base58Check with version byte 0 for a
 * secp256k1 key (the original TrustSQL address form) and 33 for an Ed25519 key. The id of an
 * account stays when its key is replaced. Pure; thread-safe. */
#ifndef TRUSTSQL_CRYPTO_ACCOUNT_ID_H
#define TRUSTSQL_CRYPTO_ACCOUNT_ID_H

#include "base/status.h"
#include "crypto/sign.h"

#define ACCOUNT_ID_SIZE  20u
#define ACCOUNT_TEXT_MAX 48u /* With the terminating 0. */

struct account_id {
    uint8_t version; /* Base58Check version byte. */
    uint8_t bytes[ACCOUNT_ID_SIZE];
};

struct account_id account_id_of(const struct public_key *key);
void account_id_text(char out[ACCOUNT_TEXT_MAX], const struct account_id *id);
NODISCARD enum status account_id_parse(struct account_id *out, const char *text);

/* A version byte some scheme has. */
bool account_version_is_known(uint8_t version);

static inline bool account_id_equal(const struct account_id *a, const struct account_id *b)
{
    return a->version == b->version && memcmp(a->bytes, b->bytes, ACCOUNT_ID_SIZE) == 0;
}

#endif
