/* sign.h - Signatures of accounts and nodes, by scheme.
 *
 * secp256k1: ECDSA over a 32-byte hash, compact 64-byte signature, low S only (a high S is
 * refused), compressed 33-byte key (libsecp256k1). Ed25519: RFC 8032 over the 32 bytes of the hash,
 * canonical encodings only, no small-order keys (libsodium's rule). Signing is deterministic (RFC
 * 6979, RFC 8032). A signer context is read-only after init and may be shared by threads. */
#ifndef TRUSTSQL_CRYPTO_SIGN_H
#define TRUSTSQL_CRYPTO_SIGN_H

#include "base/mem.h"
#include "base/status.h"
#include "crypto/hash.h"

#define SIGN_PUBLIC_MAX     33u
#define SIGN_SECRET_SIZE    32u
#define SIGN_SIGNATURE_SIZE 64u

enum sign_scheme { SIGN_SECP256K1 = 1, SIGN_ED25519 = 2 };

struct public_key {
    uint8_t scheme; /* enum sign_scheme; 0: none. */
    uint8_t size;
    uint8_t bytes[SIGN_PUBLIC_MAX];
};

struct secret_key {
    uint8_t scheme;
    uint8_t bytes[SIGN_SECRET_SIZE]; /* Ed25519: the seed. Wipe after use. */
};

struct signature {
    uint8_t bytes[SIGN_SIGNATURE_SIZE];
};

struct signer; /* Precomputed tables; randomised against side channels. */

NODISCARD enum status signer_new(struct signer **out, const uint8_t seed[32]);
void signer_free(struct signer *s); /* Null allowed. */

/* Other algorithms in place of all of the above, for simulators and tests: a keyed hash costs a
 * hundredth of a signature. A node never makes such a signer. Keys keep their schemes and sizes, so
 * that encodings do not change; public_key_check tests nothing more, and key caches are not used.
 * Functions return what those of their name below do, context first; they must be as deterministic
 * and thread-safe as their callers need. */
struct signer_hooks {
    void *context;
    enum status (*public)(void *context, struct public_key *out, const struct secret_key *secret);
    enum status (*sign)(void *context,
                        struct signature *out,
                        const struct secret_key *secret,
                        const struct hash *hash);
    enum status (*verify)(void *context,
                          const struct public_key *key,
                          const struct hash *hash,
                          const struct signature *sig);
};
NODISCARD enum status signer_new_hooked(struct signer **out,
                                        struct mem *mem,
                                        const struct signer_hooks *hooks); /* Copied. */

/* ST_INVALID: the 32 bytes are no secret key of the scheme (draw again). */
NODISCARD enum status sign_public(const struct signer *s,
                                  struct public_key *out,
                                  const struct secret_key *secret);
NODISCARD enum status sign_hash(const struct signer *s,
                                struct signature *out,
                                const struct secret_key *secret,
                                const struct hash *hash);

/* ST_OK, ST_SIGNATURE, or ST_INVALID for a malformed key. */
NODISCARD enum status sign_verify(const struct signer *s,
                                  const struct public_key *key,
                                  const struct hash *hash,
                                  const struct signature *sig);

/* Points of public keys seen lately: finding the point of a compressed secp256k1 key costs a
 * seventh of a verification, and accounts come back. Memory only; belongs to one thread. */
struct key_cache;
NODISCARD enum status key_cache_new(struct key_cache **out, struct mem *mem);
void key_cache_free(struct key_cache *c); /* Null allowed. */

/* As sign_verify; cache may be null. */
NODISCARD enum status sign_verify_cached(const struct signer *s,
                                         struct key_cache *cache,
                                         const struct public_key *key,
                                         const struct hash *hash,
                                         const struct signature *sig);

/* Scheme and length right and the point valid. */
NODISCARD enum status public_key_check(const struct signer *s, const struct public_key *key);

/* Scheme known and length right; the point may still be invalid. For decoders. */
static inline bool public_key_is_formed(const struct public_key *key)
{
    return (key->scheme == SIGN_SECP256K1 && key->size == 33u) ||
           (key->scheme == SIGN_ED25519 && key->size == 32u);
}

static inline bool public_key_equal(const struct public_key *a, const struct public_key *b)
{
    return a->scheme == b->scheme && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

#endif
