/* Goal: the chain of closing blocks leads from the genesis to the validators of a later epoch, and
 * to nothing else: whatever is changed in it is refused. */
#include "ledger/epochs.h"

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/sample_ledger.h"

#define LINKS  2u
#define VOTERS 4u

static struct mem *mem(void)
{
    return mem_system();
}

/* Keys of epoch e: one of four is another in each. */
static uint32_t key_of(uint32_t epoch, uint32_t voter)
{
    return voter == 3 ? 10 + epoch : voter;
}

static struct chain_config config_of(uint32_t epoch)
{
    static const char *const names[VOTERS] = {"n0", "n1", "n2", "n3"};
    struct chain_config c = {.epoch = epoch,
                             .mode = MODE_BFT,
                             .f = 1,
                             .exec_version = 1,
                             .block_txs_max = 10,
                             .batch_age_ms = 10,
                             .fuel_tx = 1000000,
                             .params = consensus_params_default(),
                             .validator_count = VOTERS,
                             .node_count = VOTERS};
    for (uint32_t i = 0; i < VOTERS; i++) {
        struct secret_key secret = sample_node_secret(key_of(epoch, i));
        c.nodes[i] = (struct chain_node){.organisation = span_text("Bank"),
                                         .node_name = span_text(names[i]),
                                         .node_key = sample_public(&secret)};
    }
    return c;
}

static struct certificate commit_of(const struct header *h)
{
    struct certificate c = {.part = VOTE_P2, .entry_count = 3};
    struct hash hash = header_hash(h);
    struct hash chain_id = sample_chain_id();
    c.statement =
        (struct statement){.epoch = h->epoch, .view = h->view, .height = h->height, .hash = hash};
    for (uint32_t k = 0; k < 3; k++) {
        uint32_t voter = k + 1; /* With the one whose key changes. */
        struct vote v = {.voter = voter};
        v.parts[VOTE_P1].is_null = v.parts[VOTE_P3].is_null = true;
        v.parts[VOTE_P2] = c.statement;
        struct hash signed_hash = vote_hash(&v, &chain_id);
        struct secret_key secret = sample_node_secret(key_of((uint32_t)h->epoch, voter));
        assert_int_equal(sign_hash(sample_signer(), &v.sig, &secret, &signed_hash), ST_OK);
        c.entries[k] = certificate_cut(&v, VOTE_P2);
    }
    return c;
}

struct link_parts {
    struct buf header;
    struct buf config;
    struct header value;
};

static void make_link(struct link_parts *p, uint32_t epoch)
{
    struct chain_config next = config_of(epoch + 1);
    buf_init(&p->header, mem(), 0);
    buf_init(&p->config, mem(), 0);
    chain_config_encode(&p->config, &next);
    p->value = (struct header){.chain_id = sample_chain_id(),
                               .epoch = epoch,
                               .height = UINT64_C(10) * (epoch + 1),
                               .exec_version = 1,
                               .mode = MODE_BFT,
                               .flags = BLOCK_EPOCH_CLOSE,
                               .next_config_hash = chain_config_hash(buf_span(&p->config))};
}

static void put_link(struct buf *links, struct link_parts *p)
{
    buf_reset(&p->header);
    header_encode(&p->header, &p->value);
    struct epoch_link l = {.header = buf_span(&p->header),
                           .cert = commit_of(&p->value),
                           .config = buf_span(&p->config)};
    epoch_link_encode(links, &l);
}

struct chain_parts {
    struct link_parts links[LINKS];
    struct buf bytes;
};

static void encode_chain(struct chain_parts *c)
{
    struct buf links;
    buf_init(&links, mem(), 0);
    for (uint32_t i = 0; i < LINKS; i++)
        put_link(&links, &c->links[i]);
    buf_reset(&c->bytes);
    epoch_chain_encode(&c->bytes, LINKS, buf_span(&links));
    assert_int_equal(buf_status(&c->bytes), ST_OK);
    buf_fini(&links);
}

static void chain_init(struct chain_parts *c)
{
    buf_init(&c->bytes, mem(), 0);
    for (uint32_t i = 0; i < LINKS; i++)
        make_link(&c->links[i], i);
}

static void chain_fini(struct chain_parts *c)
{
    for (uint32_t i = 0; i < LINKS; i++) {
        buf_fini(&c->links[i].header);
        buf_fini(&c->links[i].config);
    }
    buf_fini(&c->bytes);
}

static enum status verify(struct span bytes, struct epoch_end *end, const char **what)
{
    struct arena a;
    struct epoch_chain chain;
    struct chain_config first = config_of(0);
    struct validators v = chain_config_validators(&first);
    struct hash chain_id = sample_chain_id();
    struct epoch_trust trust = {.validators = &v, .chain_id = &chain_id, .signer = sample_signer()};
    arena_init(&a, mem(), 0);
    *what = "";
    enum status st = epoch_chain_decode(&chain, &a, bytes);
    if (st == ST_OK) st = epoch_chain_verify(&chain, &trust, &a, end, what);
    arena_fini(&a);
    return st;
}

static void leads_to_the_next_validators(void **state)
{
    (void)state;
    struct chain_parts c;
    struct epoch_end end = {0};
    const char *what = NULL;
    chain_init(&c);
    encode_chain(&c);
    assert_int_equal(verify(buf_span(&c.bytes), &end, &what), ST_OK);
    assert_int_equal(end.epoch, LINKS);
    assert_int_equal(end.base, 20);
    struct chain_config last = config_of(LINKS);
    assert_true(public_key_equal(&end.validators.keys[3], &last.nodes[3].node_key));
    struct hash hash = chain_config_hash(buf_span(&c.links[1].config));
    assert_true(hash_equal(&end.config_hash, &hash));
    chain_fini(&c);
}

static void expect(struct chain_parts *c, const char *part_of_what)
{
    struct epoch_end end;
    const char *what = NULL;
    encode_chain(c);
    assert_int_not_equal(verify(buf_span(&c->bytes), &end, &what), ST_OK);
    if (strstr(what, part_of_what) == NULL) fail_msg("said: %s", what);
    chain_fini(c);
    chain_init(c);
}

/* Signed by the right quorum, and yet it leads nowhere. */
static void wrong_links_are_refused(void **state)
{
    (void)state;
    struct chain_parts c;
    chain_init(&c);
    c.links[1].value.flags = 0;
    c.links[1].value.next_config_hash = (struct hash){{0}};
    expect(&c, "does not close its epoch");
    c.links[1].value.height = 10;
    expect(&c, "not above the one before");
    c.links[1].value.next_config_hash.bytes[0] ^= 1;
    expect(&c, "not the one that the closing block names");
    c.links[0].value.epoch = 1;
    expect(&c, "of another epoch");
    c.links[0].value.chain_id.bytes[0] ^= 1;
    expect(&c, "of another chain");
    struct link_parts first = c.links[0]; /* Twice the first: its keys are no more. */
    c.links[0] = c.links[1];
    c.links[1] = first;
    expect(&c, "of another epoch");
    chain_fini(&c);
}

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct epoch_chain chain;
    struct buf links;
    buf_init(&links, mem(), 0);
    enum status st = epoch_chain_decode(&chain, a, bytes);
    for (uint32_t i = 0; st == ST_OK && i < chain.count; i++)
        epoch_link_encode(&links, &chain.links[i]);
    if (st == ST_OK) epoch_chain_encode(out, chain.count, buf_span(&links));
    buf_fini(&links);
    return st;
}

static void one_encoding(void **state)
{
    (void)state;
    struct chain_parts c;
    chain_init(&c);
    encode_chain(&c);
    codec_sweep(buf_span(&c.bytes), again);
    chain_fini(&c);
}

/* Every bit counts: signed, or named by what is. */
static void every_bit_counts(void **state)
{
    (void)state;
    struct chain_parts c;
    struct epoch_end end;
    const char *what = NULL;
    chain_init(&c);
    encode_chain(&c);
    for (size_t i = 0; i < c.bytes.size; i++) {
        c.bytes.data[i] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(verify(buf_span(&c.bytes), &end, &what), ST_OK);
        c.bytes.data[i] ^= (uint8_t)(1u << i % 8);
    }
    chain_fini(&c);
}

/* A value alone is itself; with a chain both come back. */
static void cases(void **state)
{
    (void)state;
    struct buf out;
    struct span value;
    struct span chain;
    buf_init(&out, mem(), 0);
    epoch_case_encode(&out, span_of("\x86\x01", 2), span_of(NULL, 0));
    assert_int_equal(epoch_case_decode(&value, &chain, buf_span(&out)), ST_OK);
    assert_true(span_equal(value, span_of("\x86\x01", 2)));
    assert_int_equal(chain.size, 0);
    buf_reset(&out);
    epoch_case_encode(&out, span_text("value"), span_text("chain"));
    assert_int_equal(epoch_case_decode(&value, &chain, buf_span(&out)), ST_OK);
    assert_true(span_equal(value, span_text("value")));
    assert_true(span_equal(chain, span_text("chain")));
    for (size_t size = 1; size < out.size; size++)
        assert_int_not_equal(epoch_case_decode(&value, &chain, span_of(out.data, size)), ST_OK);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_to_the_next_validators),
        cmocka_unit_test(wrong_links_are_refused),
        cmocka_unit_test(one_encoding),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
