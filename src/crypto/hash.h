/* hash.h - The chain's hash function: SHA-256 (FIPS 180-4) in the international suite.
 *
 * Every use inside the product starts with a domain tag, so that no value of one kind can be taken
 * for another: hash_init(&h, "hdr"). Merkle trees use RFC 9162's own prefixes. Pure; thread-safe.
 */
#ifndef TRUSTSQL_CRYPTO_HASH_H
#define TRUSTSQL_CRYPTO_HASH_H

#include <stdint.h>

#include "base/span.h"

#define HASH_SIZE 32u

struct hash {
    uint8_t bytes[HASH_SIZE];
};

struct hasher { /* Caller's memory; no cleanup needed. */
    _Alignas(16) uint8_t state[128];
};

/* tag may be "": plain hash of what is added. Otherwise its bytes and a 0 byte go first. */
void hash_init(struct hasher *h, const char *tag);
void hash_add(struct hasher *h, struct span bytes);
void hash_add_hash(struct hasher *h, const struct hash *value);
void hash_add_u64(struct hasher *h, uint64_t value); /* 8 bytes, little-endian. */
struct hash hash_final(struct hasher *h);

/* One call: tag, bytes. */
struct hash hash_of(const char *tag, struct span bytes);

static inline bool hash_equal(const struct hash *a, const struct hash *b)
{
    return memcmp(a->bytes, b->bytes, HASH_SIZE) == 0;
}

static inline bool hash_is_zero(const struct hash *a)
{
    static const struct hash zero = {{0}};
    return hash_equal(a, &zero);
}

static inline struct span hash_span(const struct hash *h)
{
    return span_of(h->bytes, HASH_SIZE);
}

#endif
