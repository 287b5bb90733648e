/* Goal: the proxy believes what follows from its genesis, and nothing else: no proof of another
 * transaction, no certificate of too few, no epoch that its chain of closing blocks does not
 * prove. */
#include "cmd/proxy_int.h"

#include "support/cmocka_all.h"
#include "support/sample_ledger.h"
#include "support/sample_proof.h"

struct world {
    struct proxy_trust trust;
    struct arena a;
    struct buf bytes;
};

static int set_up(void **state)
{
    static struct world w;
    char what[PROXY_WHAT_MAX];
    arena_init(&w.a, mem_system(), 0);
    buf_init(&w.bytes, mem_system(), 0);
    assert_int_equal(proxy_trust_open(&w.trust, sample_genesis_bytes(), what), ST_OK);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    proxy_trust_close(&w->trust);
    buf_fini(&w->bytes);
    arena_fini(&w->a);
    return 0;
}

/* Encoded, without the genesis; its transaction. */
static struct hash prove(struct world *w, enum sample_subject subject)
{
    struct proof p;
    struct receipt receipt = {0};
    sample_proof_of(&p, &w->a, subject);
    p.genesis = span_of(NULL, 0);
    buf_reset(&w->bytes);
    proof_encode(&w->bytes, &p);
    if (p.kind == PROOF_TX)
        assert_int_equal(receipt_decode(&receipt, &w->a, p.of.tx.receipt), ST_OK);
    return receipt.txid;
}

static void a_genesis(void **state)
{
    struct world *w = *state;
    struct proxy_trust none;
    char what[PROXY_WHAT_MAX] = "";
    assert_int_equal(proxy_trust_answers(&w->trust), 3); /* n - f of four */
    assert_int_equal(proxy_trust_equal(&w->trust), 2);   /* f + 1 */
    assert_null(proxy_trust_epoch(&w->trust, 1));
    assert_int_not_equal(proxy_trust_open(&none, span_text("no genesis"), what), ST_OK);
    assert_non_null(strstr(what, "genesis"));
    proxy_trust_close(&none);
    const struct proxy_epoch *e = proxy_trust_newest(&w->trust);
    struct secret_key secret = sample_node_secret(2);
    struct public_key key = sample_public(&secret);
    assert_int_equal(proxy_epoch_find(e, &key), 2);
    secret = sample_node_secret(9);
    key = sample_public(&secret);
    assert_int_equal(proxy_epoch_find(e, &key), NODES_MAX);
}

static void a_proof(void **state)
{
    struct world *w = *state;
    struct proxy_proof out;
    struct hash txid = prove(w, SAMPLE_TX);
    assert_int_equal(proxy_trust_proof(&w->trust, &w->a, buf_span(&w->bytes), &txid, &out), ST_OK);
    assert_null(out.what);
    assert_true(hash_equal(&out.truth.txid, &txid));
    assert_int_equal(out.truth.height, out.receipt.height);
    assert_int_equal(out.truth.index, out.receipt.index);
    struct hash leaf = receipt_leaf(out.proof->of.tx.receipt);
    assert_true(hash_equal(&out.truth.receipt, &leaf));
    txid.bytes[0] ^= 1;
    assert_int_equal(proxy_trust_proof(&w->trust, &w->a, buf_span(&w->bytes), &txid, &out),
                     ST_REJECTED);
    assert_string_equal(out.what, "its proof is of another transaction");
}

/* The receipt says another thing, a signature another, the header: none of it passes. */
static void a_changed_proof(void **state)
{
    struct world *w = *state;
    struct proxy_proof out;
    struct hash txid = prove(w, SAMPLE_TX);
    for (size_t i = 0; i < w->bytes.size; i++) {
        w->bytes.data[i] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(proxy_trust_proof(&w->trust, &w->a, buf_span(&w->bytes), &txid, &out),
                             ST_OK);
        assert_non_null(out.what);
        w->bytes.data[i] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t size = 0; size < w->bytes.size; size++)
        assert_int_not_equal(
            proxy_trust_proof(&w->trust, &w->a, span_of(w->bytes.data, size), &txid, &out), ST_OK);
}

/* It is true, and says nothing of the transaction. */
static void a_proof_of_something_else(void **state)
{
    struct world *w = *state;
    struct proxy_proof out;
    struct hash txid = prove(w, SAMPLE_TX);
    (void)prove(w, SAMPLE_ROW);
    assert_int_not_equal(proxy_trust_proof(&w->trust, &w->a, buf_span(&w->bytes), &txid, &out),
                         ST_OK);
}

static enum status check(struct world *w, const struct certificate *c, uint64_t *height)
{
    uint64_t epoch = 0;
    buf_reset(&w->bytes);
    certificate_encode(&w->bytes, c);
    return proxy_trust_certificate(&w->trust, buf_span(&w->bytes), height, &epoch);
}

static void a_certificate(void **state)
{
    struct world *w = *state;
    uint64_t height = 0;
    const struct hash digest = hash_of("test", span_text("a result"));
    struct certificate c = sample_certificate(VOTE_P3, 9, &digest, 3);
    assert_int_equal(check(w, &c, &height), ST_OK);
    assert_int_equal(height, 9);
    struct certificate few = sample_certificate(VOTE_P3, 9, &digest, 2);
    assert_int_not_equal(check(w, &few, &height), ST_OK);
    struct certificate votes = sample_certificate(VOTE_P1, 9, &digest, 4);
    assert_int_not_equal(check(w, &votes, &height), ST_OK); /* Order alone is no result. */
    c.statement.height++;
    assert_int_not_equal(check(w, &c, &height), ST_OK);
    c.statement.height--;
    c.statement.epoch = 1;
    assert_int_equal(check(w, &c, &height), ST_NOT_FOUND);
    assert_int_equal(height, 9);
}

/* Proven by the chain in the proof; then known by itself, with its own validators. */
static void a_later_epoch(void **state)
{
    struct world *w = *state;
    struct proxy_proof out;
    struct proof p;
    struct hash txid = prove(w, SAMPLE_TX_LATER);
    assert_int_equal(proxy_trust_proof(&w->trust, &w->a, buf_span(&w->bytes), &txid, &out), ST_OK);
    sample_proof_of(&p, &w->a, SAMPLE_TX_LATER);
    struct buf chain;
    buf_init(&chain, mem_system(), 0);
    buf_put(&chain, p.block.epochs);
    for (size_t i = 0; i < chain.size; i += 3) {
        chain.data[i] ^= 4;
        assert_int_not_equal(proxy_trust_follow(&w->trust, buf_span(&chain)), ST_OK);
        chain.data[i] ^= 4;
    }
    assert_int_equal(proxy_trust_newest(&w->trust)->epoch, 0);
    assert_int_equal(proxy_trust_follow(&w->trust, buf_span(&chain)), ST_OK);
    buf_fini(&chain);
    const struct proxy_epoch *e = proxy_trust_newest(&w->trust);
    assert_int_equal(e->epoch, out.truth.epoch);
    struct secret_key old = sample_node_secret(3);
    struct public_key key = sample_public(&old);
    assert_int_equal(proxy_epoch_find(e, &key), NODES_MAX);
    assert_int_equal(proxy_epoch_find(proxy_trust_epoch(&w->trust, 0), &key), 3);
    assert_int_equal(proxy_trust_follow(&w->trust, p.block.epochs), ST_OK);
    assert_ptr_equal(proxy_trust_newest(&w->trust), e); /* Once. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_genesis, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_proof, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_proof, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_proof_of_something_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_certificate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_later_epoch, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
