/* reply.c - Encoding, signature and comparison of replies.
 *
 *   reply  = [version, chain id, epoch, node, txid, height, index, receipt leaf, D_height,
 * signature] signed = H("reply" ‖ chain id ‖ u64 epoch ‖ u64 node ‖ txid ‖ u64 height ‖ u64 index ‖
 *              receipt leaf ‖ D_height)                              integers little-endian */
#include "ledger/reply.h"

#include "base/must.h"
#include "ledger/block.h"
#include "ledger/ledger_int.h"

#define REPLY_VERSION 1u
#define REPLY_ITEMS   10u
/* Chain heads and numbers are a few bytes; four hashes and a signature make the rest. */
_Static_assert(4u * (HASH_SIZE + 2u) + SIGN_SIGNATURE_SIZE + 2u + 32u <= REPLY_SIZE_MAX,
               "a reply fits");

struct hash reply_hash(const struct reply *r)
{
    struct hasher h;
    hash_init(&h, "reply");
    hash_add_hash(&h, &r->chain_id);
    hash_add_u64(&h, r->epoch);
    hash_add_u64(&h, r->node);
    hash_add_hash(&h, &r->txid);
    hash_add_u64(&h, r->height);
    hash_add_u64(&h, r->index);
    hash_add_hash(&h, &r->receipt);
    hash_add_hash(&h, &r->digest);
    return hash_final(&h);
}

void reply_encode(struct buf *out, const struct reply *r)
{
    must(r->node < NODES_MAX); /* Validators alone sign. */
    must(r->index < BLOCK_TXS_MAX);
    cbor_put_array(out, REPLY_ITEMS);
    cbor_put_uint(out, REPLY_VERSION);
    put_hash(out, &r->chain_id);
    cbor_put_uint(out, r->epoch);
    cbor_put_uint(out, r->node);
    put_hash(out, &r->txid);
    cbor_put_uint(out, r->height);
    cbor_put_uint(out, r->index);
    put_hash(out, &r->receipt);
    put_hash(out, &r->digest);
    cbor_put_bytes(out, span_of(r->sig.bytes, sizeof r->sig.bytes));
}

void reply_read(struct reply *r, struct cbor *in)
{
    *r = (struct reply){0};
    cbor_expect_array(in, REPLY_ITEMS);
    if (cbor_get_uint(in) != REPLY_VERSION) cbor_fail(in);
    r->chain_id = get_hash(in);
    r->epoch = cbor_get_uint(in);
    r->node = get_u32_max(in, NODES_MAX - 1);
    r->txid = get_hash(in);
    r->height = cbor_get_uint(in);
    r->index = get_u32_max(in, BLOCK_TXS_MAX - 1);
    r->receipt = get_hash(in);
    r->digest = get_hash(in);
    cbor_get_fixed(in, r->sig.bytes, sizeof r->sig.bytes);
}

enum status reply_decode(struct reply *r, struct span bytes)
{
    struct reply made;
    struct cbor in = cbor_of(bytes);
    reply_read(&made, &in);
    TRY(cbor_end(&in));
    *r = made;
    return ST_OK;
}

enum status reply_verify(const struct reply *r,
                         const struct signer *signer,
                         const struct public_key *key)
{
    struct hash hash = reply_hash(r);
    return sign_verify(signer, key, &hash, &r->sig);
}

bool reply_contradicts(const struct reply *a, const struct reply *b)
{
    bool is_same_tx = hash_equal(&a->txid, &b->txid);
    bool is_same_place = a->height == b->height && a->index == b->index;
    if (is_same_tx && (!is_same_place || !hash_equal(&a->receipt, &b->receipt))) return true;
    if (is_same_place && !is_same_tx) return true;
    return a->height == b->height && !hash_equal(&a->digest, &b->digest);
}
