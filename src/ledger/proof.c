/* proof.c - Proofs: their bytes.
 *
 *   proof       = [version, genesis as bytes, kind, subject, block]       block: proof_block.c
 *   tx          = [receipt as bytes, [path node…], null / [transaction as bytes, [path node…]]]
 *   row version = [entry as bytes, sides, [path node…]]                   sides: side_path.c */
#include "ledger/proof.h"

#include "base/must.h"
#include "ledger/ledger_int.h"

#define PROOF_ITEMS      5u
#define GENESIS_SIZE_MAX (1u << 20)

static void put_head(struct buf *out, struct span genesis, enum proof_kind kind);
static void put_tx(struct buf *out, const struct proof_tx *p);
static void get_tx(struct proof_tx *p, struct cbor *in);
static void put_version(struct buf *out, const struct proof_version *p);
static void get_version(struct proof_version *p, struct cbor *in);

const char *proof_kind_text(enum proof_kind kind)
{
    switch (kind) {
    case PROOF_TX: return "tx";
    case PROOF_ROW_VERSION: return "row version";
    }
    must(false);
    return "";
}

void proof_encode(struct buf *out, const struct proof *p)
{
    put_head(out, p->genesis, p->kind);
    switch (p->kind) {
    case PROOF_TX: put_tx(out, &p->of.tx); break;
    case PROOF_ROW_VERSION: put_version(out, &p->of.version); break;
    }
    proof_block_write(out, &p->block);
}

void proof_encode_tx(struct buf *out, const struct proof_tx *tx, struct span block)
{
    must(block.size > 0);
    put_head(out, (struct span){0}, PROOF_TX);
    put_tx(out, tx);
    buf_put(out, block);
}

enum status proof_decode(struct proof *p, struct span bytes)
{
    if (bytes.size > PROOF_BYTES_MAX) return ST_LIMIT;
    struct cbor in = cbor_of(bytes);
    cbor_expect_array(&in, PROOF_ITEMS);
    if (cbor_get_uint(&in) != PROOF_VERSION) cbor_fail(&in);
    p->genesis = cbor_get_bytes(&in);
    if (p->genesis.size > GENESIS_SIZE_MAX) cbor_fail_with(&in, ST_LIMIT);
    const uint64_t kind = cbor_get_uint(&in);
    if (kind == PROOF_TX) {
        p->kind = PROOF_TX;
        get_tx(&p->of.tx, &in);
    } else if (kind == PROOF_ROW_VERSION) {
        p->kind = PROOF_ROW_VERSION;
        get_version(&p->of.version, &in);
    } else {
        cbor_fail(&in);
    }
    proof_block_read(&p->block, &in);
    return cbor_end(&in);
}

static void put_head(struct buf *out, struct span genesis, enum proof_kind kind)
{
    cbor_put_array(out, PROOF_ITEMS);
    cbor_put_uint(out, PROOF_VERSION);
    cbor_put_bytes(out, genesis);
    cbor_put_uint(out, (uint64_t)kind);
}

static void put_tx(struct buf *out, const struct proof_tx *p)
{
    cbor_put_array(out, 3);
    cbor_put_bytes(out, p->receipt);
    merkle_path_write(out, &p->path);
    if (!p->has_shown) {
        cbor_put_null(out);
        return;
    }
    cbor_put_array(out, 2);
    cbor_put_bytes(out, p->shown);
    merkle_path_write(out, &p->shown_path);
}

static void get_tx(struct proof_tx *p, struct cbor *in)
{
    cbor_expect_array(in, 3);
    p->receipt = cbor_get_bytes(in);
    merkle_path_read(&p->path, in);
    p->has_shown = !cbor_get_null(in);
    if (!p->has_shown) return;
    cbor_expect_array(in, 2);
    p->shown = cbor_get_bytes(in);
    merkle_path_read(&p->shown_path, in);
}

static void put_version(struct buf *out, const struct proof_version *p)
{
    cbor_put_array(out, 3);
    cbor_put_bytes(out, p->entry);
    side_path_write(out, &p->path);
}

static void get_version(struct proof_version *p, struct cbor *in)
{
    cbor_expect_array(in, 3);
    p->entry = cbor_get_bytes(in);
    side_path_read(&p->path, in);
}
