/* ledger_int.h - Small writers and readers that the codecs of this folder share. */
#ifndef TRUSTSQL_LEDGER_LEDGER_INT_H
#define TRUSTSQL_LEDGER_LEDGER_INT_H

#include "base/arena.h"
#include "codec/cbor.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "ledger/vote.h"

static inline void put_hash(struct buf *out, const struct hash *h)
{
    cbor_put_bytes(out, hash_span(h));
}

static inline struct hash get_hash(struct cbor *in)
{
    struct hash h = {0};
    cbor_get_fixed(in, h.bytes, HASH_SIZE);
    return h;
}

/* A zero hash is written as null, and only so. */
void put_hash_or_null(struct buf *out, const struct hash *h);
struct hash get_hash_or_null(struct cbor *in);

static inline uint32_t get_u32_max(struct cbor *in, uint32_t max)
{
    return (uint32_t)cbor_get_uint_max(in, max);
}

/* Two items: scheme, key. The reader refuses a key that is not public_key_is_formed. */
void put_key(struct buf *out, const struct public_key *key);
struct public_key get_key(struct cbor *in);

/* Pieces of votes and certificates: byte table in vote.c. */
void put_statement(struct buf *out, const struct statement *s, enum vote_part part);
void get_statement(struct statement *s, struct cbor *in, enum vote_part part);
void put_entry(struct buf *out, const struct certificate_entry *entry);
void get_entry(struct certificate_entry *entry, struct cbor *in);

/* Head of an array of at most count_max items and room for them in *items (null when there are
 * none). The number of items; after ST_LIMIT or ST_NO_MEMORY, which stick in the reader, 0. */
uint32_t get_items(
    struct cbor *in, struct arena *a, void **items, size_t item_size, uint32_t count_max);

/* Text of 0…size_max bytes; longer: ST_LIMIT. */
struct span get_text_max(struct cbor *in, size_t size_max);

/* As get_text_max, but at least 1 byte and no control character. */
struct span get_name(struct cbor *in, size_t size_max);
bool name_is_formed(struct span name, size_t size_max);

#endif
