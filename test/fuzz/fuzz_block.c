/* Goal: no bytes make a decoder of blocks, certificates, receipts, proofs or the genesis misbehave,
 * and what one takes it encodes to the same bytes. The first byte chooses the decoder. */
#include <stdlib.h>

#include "base/must.h"
#include "ledger/block.h"
#include "ledger/genesis.h"
#include "ledger/proof.h"
#include "ledger/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status header_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct header h;
    struct cbor in = cbor_of(bytes);
    header_decode(&h, &in);
    TRY(cbor_end(&in));
    header_encode(out, &h);
    return ST_OK;
}

static enum status body_again(struct span bytes, struct arena *a, struct buf *out)
{
    struct body b;
    TRY(body_decode(&b, a, bytes));
    body_encode(out, &b);
    return ST_OK;
}

static enum status block_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct span header;
    struct span body;
    TRY(block_split(bytes, &header, &body));
    block_encode(out, header, body);
    return ST_OK;
}

static enum status certificate_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct certificate c;
    struct cbor in = cbor_of(bytes);
    certificate_decode(&c, &in);
    TRY(cbor_end(&in));
    certificate_encode(out, &c);
    return ST_OK;
}

static enum status vote_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct vote v;
    struct cbor in = cbor_of(bytes);
    vote_decode(&v, &in);
    TRY(cbor_end(&in));
    vote_encode(out, &v);
    return ST_OK;
}

static enum status receipt_again(struct span bytes, struct arena *a, struct buf *out)
{
    struct receipt r;
    TRY(receipt_decode(&r, a, bytes));
    receipt_encode(out, &r);
    return ST_OK;
}

static enum status proof_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct receipt_proof p;
    TRY(receipt_proof_decode(&p, bytes));
    receipt_proof_encode(out, &p);
    return ST_OK;
}

static enum status genesis_again(struct span bytes, struct arena *a, struct buf *out)
{
    struct genesis g;
    TRY(genesis_decode(&g, a, bytes));
    genesis_encode(out, &g);
    return ST_OK;
}

typedef enum status decoder(struct span bytes, struct arena *a, struct buf *out);

static decoder *const decoders[] = {header_again, body_again,    block_again, certificate_again,
                                    vote_again,   receipt_again, proof_again, genesis_again};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct arena a;
    struct buf out;
    arena_init(&a, mem_system(), 64u << 20);
    buf_init(&out, mem_system(), 0);
    struct span bytes = span_of(data + 1, size - 1);
    decoder *again = decoders[data[0] % (sizeof decoders / sizeof decoders[0])];
    if (again(bytes, &a, &out) == ST_OK) {
        must(buf_status(&out) == ST_OK);
        must(span_equal(buf_span(&out), bytes));
    }
    buf_fini(&out);
    arena_fini(&a);
    return 0;
}
