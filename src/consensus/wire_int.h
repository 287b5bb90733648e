/* wire_int.h - Small writers and readers that the codecs of this folder share. */
#ifndef TRUSTSQL_CONSENSUS_WIRE_INT_H
#define TRUSTSQL_CONSENSUS_WIRE_INT_H

#include "codec/cbor.h"
#include "consensus/message.h"

static inline void wire_put_hash(struct buf *out, const struct hash *h)
{
    cbor_put_bytes(out, hash_span(h));
}

static inline struct hash wire_get_hash(struct cbor *in)
{
    struct hash h = {0};
    cbor_get_fixed(in, h.bytes, HASH_SIZE);
    return h;
}

static inline void wire_put_signature(struct buf *out, const struct signature *sig)
{
    cbor_put_bytes(out, span_of(sig->bytes, sizeof sig->bytes));
}

static inline void wire_get_signature(struct signature *sig, struct cbor *in)
{
    cbor_get_fixed(in, sig->bytes, sizeof sig->bytes);
}

static inline uint32_t wire_get_u32_max(struct cbor *in, uint32_t max)
{
    return (uint32_t)cbor_get_uint_max(in, max);
}

void proposal_encode(struct buf *out, const struct proposal *p);
void proposal_decode(struct proposal *p, struct cbor *in); /* Failure sticks, here and below. */
void new_view_encode(struct buf *out, const struct new_view *nv);
void new_view_decode(struct new_view *nv, struct cbor *in);

/* The certificate, or null when has is false. */
void wire_put_certificate(struct buf *out, bool has, const struct certificate *c);

/* False, and *c zero: null stood there. */
bool wire_get_certificate(struct cbor *in, struct certificate *c);

/* A signature, or null; likewise. */
void wire_put_word(struct buf *out, bool has, const struct signature *sig);
bool wire_get_word(struct cbor *in, struct signature *sig);

/* Head of an array of at most max items; the reader refuses more with ST_LIMIT. 0 after a failure.
 */
uint32_t wire_get_count(struct cbor *in, uint32_t max);

#endif
