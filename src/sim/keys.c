/* keys.c - A keyed hash in place of signatures: see keys.h. */
#include "sim/keys.h"

#include "base/endian.h"
#include "base/must.h"

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) + 0x9e3779b97f4a7c15u;
}

/* Not a cryptographic hash: nobody here looks for collisions, and this is called most of all. */
static struct hash mark_of(const struct public_key *key, const struct hash *hash)
{
    uint8_t bytes[sizeof key->bytes + HASH_SIZE + 7] = {0};
    struct hash mark = {{0}};
    uint64_t z = key->size;
    memcpy(bytes, hash->bytes, HASH_SIZE);
    memcpy(bytes + HASH_SIZE, key->bytes, key->size);
    for (size_t at = 0; at + 8 <= sizeof bytes; at += 8)
        z = mix(z ^ get_u64_le(bytes + at));
    for (size_t at = 0; at < HASH_SIZE; at += 8) {
        z = mix(z);
        put_u64_le(mark.bytes + at, z);
    }
    return mark;
}

/* The key is a hash of the secret: nobody learns the secret from it. */
static enum status stub_public(void *context,
                               struct public_key *out,
                               const struct secret_key *secret)
{
    (void)context;
    struct hash h = hash_of("sim-key", span_of(secret->bytes, sizeof secret->bytes));
    *out = (struct public_key){.scheme = secret->scheme};
    bool is_ed25519 = secret->scheme == SIGN_ED25519;
    out->size = is_ed25519 ? 32 : 33;
    out->bytes[0] = 2; /* The first byte of a compressed point. */
    memcpy(out->bytes + (is_ed25519 ? 0 : 1), h.bytes, sizeof h.bytes);
    return ST_OK;
}

static enum status stub_sign(void *context,
                             struct signature *out,
                             const struct secret_key *secret,
                             const struct hash *hash)
{
    struct public_key key;
    TRY(stub_public(context, &key, secret));
    struct hash mark = mark_of(&key, hash);
    memcpy(out->bytes, mark.bytes, HASH_SIZE);
    memset(out->bytes + HASH_SIZE, 0x5a, SIGN_SIGNATURE_SIZE - HASH_SIZE);
    return ST_OK;
}

static enum status stub_verify(void *context,
                               const struct public_key *key,
                               const struct hash *hash,
                               const struct signature *sig)
{
    (void)context;
    if (!public_key_is_formed(key)) return ST_INVALID;
    struct hash mark = mark_of(key, hash);
    if (memcmp(sig->bytes, mark.bytes, HASH_SIZE) != 0) return ST_SIGNATURE;
    for (size_t i = HASH_SIZE; i < SIGN_SIGNATURE_SIZE; i++)
        if (sig->bytes[i] != 0x5a) return ST_SIGNATURE;
    return ST_OK;
}

struct signer *keys_signer(bool is_real)
{
    static const uint8_t seed[32] = {7};
    static const struct signer_hooks hooks = {
        .public = stub_public, .sign = stub_sign, .verify = stub_verify};
    struct signer *s = NULL;
    enum status st = is_real ? signer_new(&s, seed) : signer_new_hooked(&s, mem_system(), &hooks);
    must(st == ST_OK);
    return s;
}

struct secret_key keys_secret(const struct signer *s, enum keys_role role, uint32_t number)
{
    struct secret_key key = {.scheme = role == KEYS_NODE ? SIGN_ED25519 : SIGN_SECP256K1};
    for (uint64_t draw = 0;; draw++) {
        struct hasher h;
        hash_init(&h, "sim-secret");
        hash_add_u64(&h, (uint64_t)role);
        hash_add_u64(&h, number);
        hash_add_u64(&h, draw);
        struct hash drawn = hash_final(&h);
        memcpy(key.bytes, drawn.bytes, sizeof key.bytes);
        struct public_key public;
        if (sign_public(s, &public, &key) == ST_OK) return key;
        must(draw < 64); /* Almost every draw is a key. */
    }
}
