/* sign.c - One call per task over libsecp256k1 and libsodium, chosen by the key's scheme.
 *
 * What the libraries already refuse, and this file therefore does not repeat: libsecp256k1 a high S
 * and r or s outside the order; libsodium 1.0.18 a non-canonical S or key and a small-order R or
 * key. test_sign.c pins each of these. */
#include "crypto/sign.h"

#include <secp256k1.h>
#include <secp256k1_preallocated.h>
#include <sodium.h>

#include "base/endian.h"
#include "base/mem.h"
#include "base/must.h"

#define SECP256K1_PUBLIC_SIZE 33u

_Static_assert(SIGN_PUBLIC_MAX >= crypto_sign_PUBLICKEYBYTES, "an Ed25519 key fits");
_Static_assert(SIGN_SIGNATURE_SIZE == crypto_sign_BYTES, "an Ed25519 signature fits exactly");
_Static_assert(SIGN_SECRET_SIZE == crypto_sign_SEEDBYTES, "an Ed25519 seed fits exactly");

#define KEY_CACHE_PLACES 4096u

struct key_place {
    secp256k1_pubkey point;
    uint8_t bytes[SECP256K1_PUBLIC_SIZE];
    bool is_used;
};

struct key_cache {
    struct mem *mem;
    struct key_place places[KEY_CACHE_PLACES];
};

struct signer {
    struct mem *mem;
    bool is_hooked;
    struct signer_hooks hooks;  /* If so; then nothing below is used. */
    secp256k1_context *context; /* Inside bytes. */
    size_t size;                /* Of bytes. */
    _Alignas(16) uint8_t bytes[];
};

static enum status parse_key(const struct signer *s,
                             secp256k1_pubkey *point,
                             const struct public_key *key);
static enum status secp256k1_public(const struct signer *s,
                                    struct public_key *out,
                                    const uint8_t secret[SIGN_SECRET_SIZE]);
static enum status secp256k1_sign(const struct signer *s,
                                  struct signature *out,
                                  const uint8_t secret[SIGN_SECRET_SIZE],
                                  const struct hash *hash);
static enum status secp256k1_verify(const struct signer *s,
                                    const secp256k1_pubkey *point,
                                    const struct hash *hash,
                                    const struct signature *sig);
static enum status find_point(const struct signer *s,
                              struct key_cache *cache,
                              secp256k1_pubkey *point,
                              const struct public_key *key);
static enum status ed25519_public(struct public_key *out, const uint8_t seed[SIGN_SECRET_SIZE]);
static enum status ed25519_sign(struct signature *out,
                                const uint8_t seed[SIGN_SECRET_SIZE],
                                const struct hash *hash);
static enum status ed25519_verify(const struct public_key *key,
                                  const struct hash *hash,
                                  const struct signature *sig);

enum status signer_new(struct signer **out, const uint8_t seed[32])
{
    if (sodium_init() < 0) return ST_UNSUPPORTED;
    size_t size = secp256k1_context_preallocated_size(SECP256K1_CONTEXT_NONE);
    struct signer *s = mem_alloc(mem_system(), sizeof *s + size);
    if (s == NULL) return ST_NO_MEMORY;
    *s = (struct signer){.mem = mem_system(), .size = size};
    s->context = secp256k1_context_preallocated_create(s->bytes, SECP256K1_CONTEXT_NONE);
    must(secp256k1_context_randomize(s->context, seed) == 1);
    *out = s;
    return ST_OK;
}

void signer_free(struct signer *s)
{
    if (s == NULL) return;
    if (!s->is_hooked) secp256k1_context_preallocated_destroy(s->context);
    mem_wipe(s->bytes, s->size);
    mem_free(s->mem, s);
}

enum status signer_new_hooked(struct signer **out,
                              struct mem *mem,
                              const struct signer_hooks *hooks)
{
    must(hooks->public != NULL && hooks->sign != NULL && hooks->verify != NULL);
    struct signer *s = mem_alloc_zero(mem, 1, sizeof *s);
    if (s == NULL) return ST_NO_MEMORY;
    s->mem = mem;
    s->is_hooked = true;
    s->hooks = *hooks;
    *out = s;
    return ST_OK;
}

enum status sign_public(const struct signer *s,
                        struct public_key *out,
                        const struct secret_key *secret)
{
    if (s->is_hooked) return s->hooks.public(s->hooks.context, out, secret);
    if (secret->scheme == SIGN_SECP256K1) return secp256k1_public(s, out, secret->bytes);
    if (secret->scheme == SIGN_ED25519) return ed25519_public(out, secret->bytes);
    return ST_INVALID;
}

enum status sign_hash(const struct signer *s,
                      struct signature *out,
                      const struct secret_key *secret,
                      const struct hash *hash)
{
    if (s->is_hooked) return s->hooks.sign(s->hooks.context, out, secret, hash);
    if (secret->scheme == SIGN_SECP256K1) return secp256k1_sign(s, out, secret->bytes, hash);
    if (secret->scheme == SIGN_ED25519) return ed25519_sign(out, secret->bytes, hash);
    return ST_INVALID;
}

enum status sign_verify(const struct signer *s,
                        const struct public_key *key,
                        const struct hash *hash,
                        const struct signature *sig)
{
    return sign_verify_cached(s, NULL, key, hash, sig);
}

enum status sign_verify_cached(const struct signer *s,
                               struct key_cache *cache,
                               const struct public_key *key,
                               const struct hash *hash,
                               const struct signature *sig)
{
    if (s->is_hooked) return s->hooks.verify(s->hooks.context, key, hash, sig);
    if (key->scheme == SIGN_ED25519) return ed25519_verify(key, hash, sig);
    if (key->scheme != SIGN_SECP256K1) return ST_INVALID;
    secp256k1_pubkey point;
    TRY(find_point(s, cache, &point, key));
    return secp256k1_verify(s, &point, hash, sig);
}

enum status key_cache_new(struct key_cache **out, struct mem *mem)
{
    struct key_cache *c = mem_alloc_zero(mem, 1, sizeof *c);
    if (c == NULL) return ST_NO_MEMORY;
    c->mem = mem;
    *out = c;
    return ST_OK;
}

void key_cache_free(struct key_cache *c)
{
    if (c != NULL) mem_free(c->mem, c);
}

/* Direct-mapped by bytes of the x coordinate, which are as good as random. Only valid keys are
 * kept. */
static enum status find_point(const struct signer *s,
                              struct key_cache *cache,
                              secp256k1_pubkey *point,
                              const struct public_key *key)
{
    if (cache == NULL || key->size != SECP256K1_PUBLIC_SIZE) return parse_key(s, point, key);
    struct key_place *place = &cache->places[get_u32_le(key->bytes + 1) % KEY_CACHE_PLACES];
    if (!place->is_used || memcmp(place->bytes, key->bytes, SECP256K1_PUBLIC_SIZE) != 0) {
        TRY(parse_key(s, point, key)); /* Not into the place: a wrong key must leave it whole. */
        place->point = *point;
        memcpy(place->bytes, key->bytes, SECP256K1_PUBLIC_SIZE);
        place->is_used = true;
    }
    *point = place->point;
    return ST_OK;
}

enum status public_key_check(const struct signer *s, const struct public_key *key)
{
    if (!public_key_is_formed(key)) return ST_INVALID;
    if (s->is_hooked) return ST_OK;
    if (key->scheme == SIGN_ED25519)
        return crypto_core_ed25519_is_valid_point(key->bytes) == 1 ? ST_OK : ST_INVALID;
    secp256k1_pubkey point;
    return parse_key(s, &point, key);
}

static enum status parse_key(const struct signer *s,
                             secp256k1_pubkey *point,
                             const struct public_key *key)
{
    if (key->size != SECP256K1_PUBLIC_SIZE) return ST_INVALID;
    if (secp256k1_ec_pubkey_parse(s->context, point, key->bytes, key->size) != 1) return ST_INVALID;
    return ST_OK;
}

static enum status secp256k1_public(const struct signer *s,
                                    struct public_key *out,
                                    const uint8_t secret[SIGN_SECRET_SIZE])
{
    secp256k1_pubkey point;
    if (secp256k1_ec_pubkey_create(s->context, &point, secret) != 1) return ST_INVALID;
    *out = (struct public_key){.scheme = SIGN_SECP256K1, .size = SECP256K1_PUBLIC_SIZE};
    size_t size = SECP256K1_PUBLIC_SIZE;
    must(secp256k1_ec_pubkey_serialize(s->context, out->bytes, &size, &point,
                                       SECP256K1_EC_COMPRESSED) == 1);
    must(size == SECP256K1_PUBLIC_SIZE);
    return ST_OK;
}

static enum status secp256k1_sign(const struct signer *s,
                                  struct signature *out,
                                  const uint8_t secret[SIGN_SECRET_SIZE],
                                  const struct hash *hash)
{
    secp256k1_ecdsa_signature made; /* Low S by the library's contract. */
    int is_made = secp256k1_ecdsa_sign(s->context, &made, hash->bytes, secret,
                                       secp256k1_nonce_function_rfc6979, NULL);
    if (is_made != 1) return ST_INVALID;
    must(secp256k1_ecdsa_signature_serialize_compact(s->context, out->bytes, &made) == 1);
    return ST_OK;
}

static enum status secp256k1_verify(const struct signer *s,
                                    const secp256k1_pubkey *point,
                                    const struct hash *hash,
                                    const struct signature *sig)
{
    secp256k1_ecdsa_signature parsed;
    if (secp256k1_ecdsa_signature_parse_compact(s->context, &parsed, sig->bytes) != 1)
        return ST_SIGNATURE;
    int is_good = secp256k1_ecdsa_verify(s->context, &parsed, hash->bytes, point);
    return is_good == 1 ? ST_OK : ST_SIGNATURE;
}

static enum status ed25519_public(struct public_key *out, const uint8_t seed[SIGN_SECRET_SIZE])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    *out = (struct public_key){.scheme = SIGN_ED25519, .size = crypto_sign_PUBLICKEYBYTES};
    must(crypto_sign_seed_keypair(out->bytes, secret, seed) == 0);
    mem_wipe(secret, sizeof secret);
    return ST_OK;
}

static enum status ed25519_sign(struct signature *out,
                                const uint8_t seed[SIGN_SECRET_SIZE],
                                const struct hash *hash)
{
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    must(crypto_sign_seed_keypair(public, secret, seed) == 0);
    must(crypto_sign_detached(out->bytes, NULL, hash->bytes, HASH_SIZE, secret) == 0);
    mem_wipe(secret, sizeof secret);
    return ST_OK;
}

static enum status ed25519_verify(const struct public_key *key,
                                  const struct hash *hash,
                                  const struct signature *sig)
{
    if (key->size != crypto_sign_PUBLICKEYBYTES) return ST_INVALID;
    int failed = crypto_sign_verify_detached(sig->bytes, hash->bytes, HASH_SIZE, key->bytes);
    return failed == 0 ? ST_OK : ST_SIGNATURE;
}
