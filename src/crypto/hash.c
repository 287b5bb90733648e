/* hash.c - SHA-256 by the low-level interface of OpenSSL.
 *
 * The EVP interface of OpenSSL 3 allocates for every hash; the low-level one works in the caller's
 * memory and uses the same assembly (SHA-NI where there is one). It is marked deprecated since 3.0,
 * so this file asks for the interface of 1.1. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "crypto/hash.h"

#include <openssl/sha.h>

#include "base/endian.h"
#include "base/must.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct hasher), "hasher holds OpenSSL's state");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct hasher), "hasher is aligned for it");
_Static_assert(HASH_SIZE == SHA256_DIGEST_LENGTH, "SHA-256 gives 32 bytes");

static SHA256_CTX *state_of(struct hasher *h)
{
    return (SHA256_CTX *)(void *)h->state;
}

void hash_init(struct hasher *h, const char *tag)
{
    must(SHA256_Init(state_of(h)) == 1);
    if (tag[0] != 0) must(SHA256_Update(state_of(h), tag, strlen(tag) + 1) == 1);
}

void hash_add(struct hasher *h, struct span bytes)
{
    if (bytes.size > 0) must(SHA256_Update(state_of(h), bytes.data, bytes.size) == 1);
}

void hash_add_hash(struct hasher *h, const struct hash *value)
{
    must(SHA256_Update(state_of(h), value->bytes, HASH_SIZE) == 1);
}

void hash_add_u64(struct hasher *h, uint64_t value)
{
    uint8_t bytes[8];
    put_u64_le(bytes, value);
    must(SHA256_Update(state_of(h), bytes, sizeof bytes) == 1);
}

struct hash hash_final(struct hasher *h)
{
    struct hash out;
    must(SHA256_Final(out.bytes, state_of(h)) == 1);
    return out;
}

struct hash hash_of(const char *tag, struct span bytes)
{
    struct hasher h;
    hash_init(&h, tag);
    hash_add(&h, bytes);
    return hash_final(&h);
}
