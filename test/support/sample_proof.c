#include "support/sample_proof.h"

#include "base/must.h"
#include "support/sample_ledger.h"

#define ENTRIES 5u

struct span sample_genesis_bytes(void)
{
    static uint8_t bytes[4096];
    struct buf out;
    struct genesis g = sample_genesis();
    buf_init_fixed(&out, bytes, sizeof bytes);
    genesis_encode(&out, &g);
    must(buf_status(&out) == ST_OK);
    return buf_span(&out);
}

static struct header header_of(const struct proof *p)
{
    struct header h;
    struct cbor in = cbor_of(p->block.header);
    header_decode(&h, &in);
    must(cbor_end(&in) == ST_OK);
    return h;
}

static struct span encoded(struct arena *a, const struct buf *out)
{
    must(buf_status(out) == ST_OK);
    struct span copy = arena_copy(a, buf_span(out));
    must(copy.data != NULL);
    return copy;
}

/* The validators sign the block part as it is now. */
static void sign(struct proof *p, struct arena *a, struct header *header)
{
    uint8_t bytes[1024];
    struct buf out;
    struct proof_block *b = &p->block;
    buf_init_fixed(&out, bytes, sizeof bytes);
    header_encode(&out, header);
    b->header = encoded(a, &out);
    b->result.block_hash = header_hash(header);
    struct hash digest = proof_block_digest(b);
    for (size_t at = 0; at < b->later.size; at += HASH_SIZE) {
        struct hash d;
        memcpy(d.bytes, b->later.data + at, HASH_SIZE);
        digest = digest_fold(&digest, &d);
    }
    b->res_cert =
        sample_certificate(VOTE_P3, header->height + b->later.size / HASH_SIZE, &digest, 3);
    sample_successors(p, a, 1);
}

/* Of a block of five transactions, the one with all kinds of values third. */
static void show(struct proof *p, struct arena *a)
{
    struct header header = header_of(p);
    struct hash leaves[SAMPLE_TXS_MAX];
    struct hash levels[3 * SAMPLE_TXS_MAX];
    uint8_t bytes[8192];
    struct buf out;
    struct tx t = sample_tx();
    struct receipt receipt = sample_receipt_ok();
    struct proof_tx *tx = &p->of.tx;
    receipt.txid = t.txid;
    buf_init_fixed(&out, bytes, sizeof bytes);
    receipt_encode(&out, &receipt);
    tx->receipt = encoded(a, &out);
    t.is_redacted = true;
    for (uint32_t i = 0; i < t.op_count; i++) {
        for (uint32_t k = 0; k < t.ops[i].param_count; k++)
            t.ops[i].params[k].is_purged = i + k > 0;
        for (uint32_t k = 0; k < t.ops[i].auth_count; k++)
            t.ops[i].auths[k].is_purged = true;
    }
    buf_reset(&out);
    tx_encode(&t, &out);
    tx->shown = encoded(a, &out);
    tx->has_shown = true;
    struct tx again;
    must(tx_decode(&again, a, tx->shown) == ST_OK);
    for (uint32_t i = 0; i < SAMPLE_TXS_MAX; i++)
        leaves[i] = merkle_leaf(span_of(&i, 1));
    leaves[receipt.index] = again.leaf;
    merkle_levels_build(levels, leaves, SAMPLE_TXS_MAX);
    merkle_levels_path(&tx->shown_path, levels, SAMPLE_TXS_MAX, receipt.index);
    header.tx_root = levels[merkle_levels_size(SAMPLE_TXS_MAX) - 1];
    leaves[receipt.index] = receipt_leaf(tx->receipt);
    merkle_levels_build(levels, leaves, SAMPLE_TXS_MAX);
    merkle_levels_path(&tx->path, levels, SAMPLE_TXS_MAX, receipt.index);
    p->block.result.receipts_root = levels[merkle_levels_size(SAMPLE_TXS_MAX) - 1];
    sign(p, a, &header);
}

static void put_entry(struct buf *out, uint32_t key, bool is_gone)
{
    cbor_put_array(out, 3);
    cbor_put_uint(out, 1000);
    cbor_put_array(out, 1);
    cbor_put_uint(out, key);
    if (is_gone) {
        cbor_put_null(out);
        return;
    }
    cbor_put_array(out, 2);
    cbor_put_uint(out, key);
    cbor_put_text(out, span_text("value"));
}

/* The fourth of five entries. */
static void version(struct proof *p, struct arena *a, bool is_gone)
{
    struct header header = header_of(p);
    struct hash leaves[ENTRIES];
    struct hash levels[3 * ENTRIES];
    p->kind = PROOF_ROW_VERSION;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint8_t bytes[128];
        struct buf out;
        buf_init_fixed(&out, bytes, sizeof bytes);
        put_entry(&out, i, is_gone);
        leaves[i] = merkle_leaf(buf_span(&out));
        if (i == 3) p->of.version.entry = encoded(a, &out);
    }
    merkle_levels_build(levels, leaves, ENTRIES);
    side_path_make(&p->of.version.path, levels, ENTRIES, 3);
    p->block.result.writeset_root = levels[merkle_levels_size(ENTRIES) - 1];
    sign(p, a, &header);
}

void sample_proof_of(struct proof *p, struct arena *a, enum sample_subject subject)
{
    sample_proof(p, a, 2);
    sample_successors(p, a, 1);
    p->genesis = sample_genesis_bytes();
    switch (subject) {
    case SAMPLE_TX: break;
    case SAMPLE_TX_SHOWN: show(p, a); break;
    case SAMPLE_VERSION: version(p, a, false); break;
    case SAMPLE_VERSION_GONE: version(p, a, true); break;
    case SAMPLE_SUBJECTS: must(false);
    }
}
