/* Goal: no bytes make a chain of epochs, or a case that carries one, misbehave; what is taken is
 * encoded to the same bytes; a chain that leads somewhere leads to the epoch of its length.
 *
 * First byte: bit 0 a case and not a chain alone; bit 1 the headers name the configurations that
 * follow them, and the validators sign what the links say, so that a receiver looks behind it. */
#include <stdlib.h>

#include "base/must.h"
#include "ledger/epochs.h"
#include "support/sample_ledger.h"

#define SIGNERS    3u /* Of four, and their keys are the same in every epoch of the seeds. */
#define SIGNED_MAX 4u
#define MEMORY_MAX (64u << 20)
#define IS_CASE    1u
#define IS_SIGNED  2u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void certify(struct certificate *c, const struct header *h)
{
    struct hash hash = header_hash(h);
    struct hash chain_id = sample_chain_id();
    *c = (struct certificate){.part = VOTE_P2, .entry_count = SIGNERS};
    c->statement =
        (struct statement){.epoch = h->epoch, .view = h->view, .height = h->height, .hash = hash};
    for (uint32_t i = 0; i < SIGNERS; i++) {
        struct vote v = {.voter = i};
        v.parts[VOTE_P1].is_null = v.parts[VOTE_P3].is_null = true;
        v.parts[VOTE_P2] = c->statement;
        struct hash signed_hash = vote_hash(&v, &chain_id);
        struct secret_key secret = sample_node_secret(i);
        must(sign_hash(sample_signer(), &v.sig, &secret, &signed_hash) == ST_OK);
        c->entries[i] = certificate_cut(&v, VOTE_P2);
    }
}

/* What only the validators can make. */
static void make_right(struct epoch_link *l, struct arena *a)
{
    struct header h;
    struct buf again;
    struct cbor in = cbor_of(l->header);
    header_decode(&h, &in);
    if (cbor_end(&in) != ST_OK) return;
    h.chain_id = sample_chain_id();
    h.next_config_hash = chain_config_hash(l->config);
    buf_init(&again, mem_system(), 0);
    header_encode(&again, &h);
    must(buf_status(&again) == ST_OK);
    l->header = arena_copy(a, buf_span(&again));
    buf_fini(&again);
    certify(&l->cert, &h);
}

static void verify(const struct epoch_chain *c, struct arena *a)
{
    struct genesis g = sample_genesis();
    struct validators v = genesis_validators(&g);
    struct hash chain_id = sample_chain_id();
    const struct epoch_trust trust = {
        .validators = &v, .chain_id = &chain_id, .signer = sample_signer()};
    struct epoch_end end;
    const char *what = NULL;
    enum status st = epoch_chain_verify(c, &trust, a, &end, &what);
    must(st == ST_NO_MEMORY || (st == ST_OK) == (what == NULL));
    if (st != ST_OK) return;
    must(end.epoch == c->count);
    must((end.config == NULL) == (c->count == 0));
    must(quorum_leader(&end.validators, end.epoch) < end.validators.count);
}

static void take_chain(struct span bytes, bool is_signed)
{
    struct arena a;
    struct buf links;
    struct buf out;
    struct epoch_chain chain;
    arena_init(&a, mem_system(), MEMORY_MAX);
    buf_init(&links, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    if (epoch_chain_decode(&chain, &a, bytes) == ST_OK) {
        bool is_whole = true; /* A link without header or configuration is taken, never made. */
        for (uint32_t i = 0; i < chain.count; i++)
            is_whole = is_whole && chain.links[i].header.size > 0 && chain.links[i].config.size > 0;
        for (uint32_t i = 0; is_whole && i < chain.count; i++)
            epoch_link_encode(&links, &chain.links[i]);
        epoch_chain_encode(&out, chain.count, buf_span(&links));
        must(!is_whole || span_equal(buf_span(&out), bytes));
        for (uint32_t i = 0; is_signed && i < chain.count && i < SIGNED_MAX; i++)
            make_right(&chain.links[i], &a);
        verify(&chain, &a);
    }
    buf_fini(&out);
    buf_fini(&links);
    arena_fini(&a);
}

static void take_case(struct span bytes, bool is_signed)
{
    struct span value;
    struct span chain;
    struct buf out;
    if (epoch_case_decode(&value, &chain, bytes) != ST_OK) return;
    buf_init(&out, mem_system(), 0);
    if (value.size > 0 && chain.size > 0) {
        epoch_case_encode(&out, value, chain);
        must(span_equal(buf_span(&out), bytes));
    }
    buf_fini(&out);
    take_chain(chain, is_signed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct span bytes = span_of(data + 1, size - 1);
    bool is_signed = (data[0] & IS_SIGNED) != 0;
    if ((data[0] & IS_CASE) != 0)
        take_case(bytes, is_signed);
    else
        take_chain(bytes, is_signed);
    return 0;
}
