/* record.c - The result of a block as the store keeps it: docs/format/result.md.
 *
 *   record = [version = 1, height, block hash, write-set root, receipts root, checkpoint,
 *             digest before, digest, [receipt, …], write set]
 *   record = [version = 2, …, write set, gone, origins]      when any row changed
 * Hashes, receipts, write set, gone and origins are byte strings; receipts, write set and gone hold
 * their own encodings. */
#include "exec/exec_int.h"

#include "base/must.h"
#include "codec/cbor.h"

#define RECORD_VERSION       1u /* Nothing changed; or made before origins were told. */
#define RECORD_FIELDS        10u
#define RECORD_ASIDE_VERSION 2u
#define RECORD_ASIDE_FIELDS  12u

static void get_hash(struct cbor *in, struct hash *out)
{
    cbor_get_fixed(in, out->bytes, HASH_SIZE);
}

void exec_record_encode(struct buf *out,
                        const struct exec_outcome *o,
                        const struct exec_rows_changed *rows)
{
    const bool has_aside = rows->origins.size > 0;
    must(rows->write_set.size > 0);
    must(has_aside || rows->gone.size == 0);
    cbor_put_array(out, has_aside ? RECORD_ASIDE_FIELDS : RECORD_FIELDS);
    cbor_put_uint(out, has_aside ? RECORD_ASIDE_VERSION : RECORD_VERSION);
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
    cbor_put_bytes(out, rows->write_set);
    if (!has_aside) return;
    cbor_put_bytes(out, rows->gone);
    cbor_put_bytes(out, rows->origins);
}

void exec_record_strip(struct buf *out, const struct exec_record *r)
{
    cbor_put_array(out, RECORD_FIELDS);
    cbor_put_uint(out, RECORD_VERSION);
    cbor_put_uint(out, r->result.height);
    cbor_put_bytes(out, hash_span(&r->result.block_hash));
    cbor_put_bytes(out, hash_span(&r->result.writeset_root));
    cbor_put_bytes(out, hash_span(&r->result.receipts_root));
    cbor_put_bytes(out, hash_span(&r->result.checkpoint));
    cbor_put_bytes(out, hash_span(&r->digest_before));
    cbor_put_bytes(out, hash_span(&r->digest));
    cbor_put_array(out, r->receipt_count);
    for (uint32_t i = 0; i < r->receipt_count; i++)
        cbor_put_bytes(out, r->receipts[i]);
    cbor_put_bytes(out, r->rows.write_set);
}

enum status exec_record_decode(struct exec_record *out, struct arena *a, struct span record)
{
    struct exec_record r = {0};
    struct cbor in = cbor_of(record);
    const bool has_aside = cbor_get_array(&in) == RECORD_ASIDE_FIELDS;
    if (!has_aside) { /* Again, with the count that is right then. */
        in = cbor_of(record);
        cbor_expect_array(&in, RECORD_FIELDS);
    }
    if (cbor_get_uint(&in) != (has_aside ? RECORD_ASIDE_VERSION : RECORD_VERSION)) cbor_fail(&in);
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
    r.rows.write_set = cbor_get_bytes(&in);
    if (has_aside) {
        r.rows.gone = cbor_get_bytes(&in);
        r.rows.origins = cbor_get_bytes(&in);
        if (r.rows.origins.size == 0 || r.rows.origins.size % EXEC_ORIGIN_SIZE != 0) cbor_fail(&in);
    }
    TRY(cbor_end(&in));
    struct hash own = block_result_digest(&r.result);
    struct hash digest = digest_fold(&r.digest_before, &own);
    if (!hash_equal(&digest, &r.digest)) return ST_INVALID;
    *out = r;
    return ST_OK;
}
