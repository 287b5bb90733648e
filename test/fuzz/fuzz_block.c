/* Goal: no bytes make a decoder of blocks, certificates, receipts, proofs, replies, tokens,
 * configurations, cards or the genesis misbehave, and what one takes it encodes to the same bytes
 * and can be checked as a receiver checks it: the block against its parent, the proof and the
 * certificate against the genesis of the samples. The first byte chooses the decoder. */
#include <stdlib.h>

#include "base/hex.h"
#include "base/must.h"
#include "ledger/block.h"
#include "ledger/card.h"
#include "ledger/config.h"
#include "ledger/genesis.h"
#include "ledger/invitation.h"
#include "ledger/mode.h"
#include "ledger/proof.h"
#include "ledger/receipt.h"
#include "ledger/reply.h"
#include "ledger/token.h"
#include "support/sample_ledger.h"

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

/* Against the parent of the samples: sound blocks pass, whatever else is refused. */
static void check_block(struct span header_bytes, struct span body_bytes)
{
    static struct sample_block sample;
    struct arena a;
    struct header h;
    struct body b;
    struct cbor in = cbor_of(header_bytes);
    const char *what = NULL;
    arena_init(&a, mem_system(), 64u << 20);
    sample_block(&sample, &a, 3);
    header_decode(&h, &in);
    struct tx *txs = NULL;
    enum status st = cbor_end(&in);
    if (st == ST_OK) st = body_decode(&b, &a, body_bytes);
    if (st == ST_OK) txs = arena_alloc_zero(&a, b.tx_count + 1u, sizeof *txs);
    for (uint32_t i = 0; st == ST_OK && txs != NULL && i < b.tx_count; i++)
        st = tx_decode(&txs[i], &a, b.txs[i]);
    if (st == ST_OK && txs != NULL) {
        struct block_parts parts = {.header = &h, .body = &b, .txs = txs};
        st = block_check(&parts, &sample.parent, &sample.parent_hash, &a, &what);
        must(st == ST_OK || what != NULL);
    }
    arena_fini(&a);
}

static void check_certificate(const struct certificate *c)
{
    struct genesis g = sample_genesis();
    struct validators v = genesis_validators(&g);
    struct hash chain_id = sample_chain_id();
    enum status commits = quorum_check_commit(&v, c, sample_signer(), &chain_id);
    enum status certifies = quorum_check_result(&v, c, sample_signer(), &chain_id);
    must(commits != ST_OK || certifies != ST_OK); /* Of one part only. */
}

static void check_proof(const struct proof *p, struct arena *a)
{
    struct genesis g = sample_genesis();
    struct validators v = genesis_validators(&g);
    struct hash chain_id = sample_chain_id();
    struct proof_trust trust = {.validators = &v, .chain_id = &chain_id, .signer = sample_signer()};
    struct proof_facts facts;
    const char *what = NULL;
    must(proof_verify(p, &trust, &facts, a, &what) == ST_OK || what != NULL);
}

static enum status block_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct span header;
    struct span body;
    TRY(block_split(bytes, &header, &body));
    check_block(header, body);
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
    check_certificate(&c);
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
    struct hash chain_id = sample_chain_id();
    (void)vote_hash(&v, &chain_id);
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
    struct proof p;
    TRY(proof_decode(&p, a, bytes));
    check_proof(&p, a);
    proof_encode(out, &p);
    return ST_OK;
}

static enum status genesis_again(struct span bytes, struct arena *a, struct buf *out)
{
    struct genesis g;
    TRY(genesis_decode(&g, a, bytes));
    genesis_encode(out, &g);
    return ST_OK;
}

/* What is taken is a configuration that an epoch can begin with. */
static enum status config_again(struct span bytes, struct arena *a, struct buf *out)
{
    struct chain_config c;
    TRY(chain_config_decode(&c, a, bytes));
    struct validators v = chain_config_validators(&c);
    must(quorum_leader(&v, c.epoch) < v.count);
    must(quorum_stopped_max(&v) < v.count);
    chain_config_encode(out, &c);
    return ST_OK;
}

static enum status reply_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct reply r;
    struct secret_key secret = sample_node_secret(0);
    struct public_key key = sample_public(&secret);
    TRY(reply_decode(&r, bytes));
    must(reply_verify(&r, sample_signer(), &key) != ST_INVALID);
    must(!reply_contradicts(&r, &r));
    reply_encode(out, &r);
    return ST_OK;
}

/* Text: digits may be of either case, so what comes out is compared by parsing it again. */
static enum status token_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct token t;
    struct token back;
    struct buf text;
    struct hash chain_id = sample_chain_id();
    TRY(token_parse(&t, bytes));
    struct token_check check = {&chain_id, &t.node, t.from_ms, sample_signer()};
    must(token_check(&t, &check) != ST_OK || hash_equal(&t.chain_id, &chain_id));
    buf_init(&text, mem_system(), 0);
    must(token_print(&text, &t) == ST_OK);
    must(token_parse(&back, buf_span(&text)) == ST_OK);
    buf_fini(&text);
    buf_put(out, bytes);
    return ST_OK;
}

/* A card that is taken is printed in one way, and taken again. Its text may have been another. */
static enum status card_again(struct span bytes, struct arena *a, struct buf *out)
{
    char what[CARD_WHAT_MAX];
    struct card card;
    struct buf again;
    (void)a;
    TRY(card_parse(&card, bytes, what));
    card_print(&card, out);
    must(card_parse(&card, buf_span(out), what) == ST_OK);
    buf_init(&again, mem_system(), 0);
    card_print(&card, &again);
    must(span_equal(buf_span(out), buf_span(&again)));
    buf_fini(&again);
    return ST_INVALID;
}

/* Steps rely on what the decoder has checked. */
static enum status mode_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    static struct mode_state s;
    TRY(mode_decode(&s, bytes));
    mode_encode(out, &s);
    for (int i = 0; i < 4; i++) {
        struct mode_facts f = {
            .height = s.height + 1, .final_height = s.height, .view = UINT64_MAX};
        (void)mode_step(&s, &f, NULL);
        (void)mode_at(&s, s.height + MODE_DELAY);
    }
    return ST_OK;
}

typedef enum status decoder(struct span bytes, struct arena *a, struct buf *out);

/* With the checksum that no fuzzer would find. */
static enum status invitation_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    char text[INVITATION_TEXT_MAX + 1];
    uint8_t whole[INVITATION_TEXT_MAX / 2];
    struct buf in;
    struct buf back;
    struct invitation i;
    const struct hash checksum = hash_of("invited", bytes);
    buf_init_fixed(&in, whole, sizeof whole);
    buf_put(&in, bytes);
    buf_put(&in, span_of(checksum.bytes, 4));
    TRY(buf_status(&in));
    hex_encode(text, buf_span(&in));
    TRY(invitation_parse(&i, span_text(text)));
    buf_init(&back, mem_system(), 0);
    must(invitation_print(&back, &i) == ST_OK);
    must(span_equal(buf_span(&back), span_text(text)));
    buf_fini(&back);
    buf_put(out, bytes);
    return ST_OK;
}

static decoder *const decoders[] = {header_again,     body_again,    block_again, certificate_again,
                                    vote_again,       receipt_again, proof_again, genesis_again,
                                    config_again,     card_again,    reply_again, token_again,
                                    invitation_again, mode_again};

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
