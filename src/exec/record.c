/* record.c - The result of a block as the store keeps it: docs/format/result.md.
 *
 *   record = [version = 1, height, block hash, write-set root, receipts root, checkpoint,
 *             digest before, digest, [receipt, …], write set]
 * Hashes, receipts and the write set are byte strings; the last two hold their own encodings. */
#include "exec/exec_int.h"

#include "base/must.h"
#include "codec/cbor.h"

#define RECORD_VERSION 1u
#define RECORD_FIELDS  10u

static void get_hash(struct cbor *in, struct hash *out)
{
    cbor_get_fixed(in, out->bytes, HASH_SIZE);
}

void exec_record_encode(struct buf *out, const struct exec_outcome *o, struct span write_set)
{
    must(write_set.size > 0);
    cbor_put_array(out, RECORD_FIELDS);
    cbor_put_uint(out, RECORD_VERSION);
    cbor_put_uint(out, o->result.height);
    cbor_put_bytes(out, hash_span(&o->result.block_hash));
    cbor_put_bytes(out, hash_span(&o->result.writeset_root));
    cbor_put_bytes(out, hash_span(&o->result.receipts_root));
    cbor_put_bytes(out, hash_span(&o->result.checkpoint));
    cbor_put_bytes(out, hash_span(&o->digest_before));
    cbor_put_bytes(out, hash_span(&o->digest));
    cbor_put_array(out, o->tx_count);
    for (uint32_t i = 0; i < o->tx_count; i++)
        cbor_put_bytes(out, o->txs[i].receipt);
    cbor_put_bytes(out, write_set);
}

enum status exec_record_decode(struct exec_record *out, struct arena *a, struct span record)
{
    struct exec_record r = {0};
    struct cbor in = cbor_of(record);
    cbor_expect_array(&in, RECORD_FIELDS);
    if (cbor_get_uint(&in) != RECORD_VERSION) cbor_fail(&in);
    r.result.height = cbor_get_uint(&in);
    get_hash(&in, &r.result.block_hash);
    get_hash(&in, &r.result.writeset_root);
    get_hash(&in, &r.result.receipts_root);
    get_hash(&in, &r.result.checkpoint);
    get_hash(&in, &r.digest_before);
    get_hash(&in, &r.digest);
    uint64_t count = cbor_get_array(&in);
    if (in.status == ST_OK && count > BLOCK_TXS_MAX) return ST_INVALID;
    r.receipts = arena_alloc(a, count * sizeof *r.receipts);
    if (r.receipts == NULL) return ST_NO_MEMORY;
    r.receipt_count = (uint32_t)count;
    for (uint32_t i = 0; i < r.receipt_count; i++)
        r.receipts[i] = cbor_get_bytes(&in);
    r.write_set = cbor_get_bytes(&in);
    TRY(cbor_end(&in));
    struct hash own = block_result_digest(&r.result);
    struct hash digest = digest_fold(&r.digest_before, &own);
    if (!hash_equal(&digest, &r.digest)) return ST_INVALID;
    *out = r;
    return ST_OK;
}
