/* Goal: two replies of one validator that contradict each other convict it, and so does a reply
 * that a receipt proof refutes; whatever an honest validator signs proves nothing, and neither does
 * anything in which a bit was changed. */
#include "consensus/evidence.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/fail_mem.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

#define LIAR 2u

static struct proof the_proof;
static struct arena arena;

static void sign(struct reply *r)
{
    struct secret_key secret = sample_node_secret(r->node);
    struct hash hash = reply_hash(r);
    assert_int_equal(sign_hash(sample_signer(), &r->sig, &secret, &hash), ST_OK);
}

/* What an honest node says of the transaction that the_proof proves. */
static struct reply truth(void)
{
    struct receipt receipt;
    assert_int_equal(receipt_decode(&receipt, &arena, the_proof.of.tx.receipt), ST_OK);
    struct reply r = {.chain_id = sample_chain_id(),
                      .node = LIAR,
                      .txid = receipt.txid,
                      .height = receipt.height,
                      .index = receipt.index,
                      .receipt = receipt_leaf(the_proof.of.tx.receipt),
                      .digest = proof_block_digest(&the_proof.block)};
    sign(&r);
    return r;
}

static struct reply lie(void)
{
    struct reply r = truth();
    r.receipt.bytes[0] ^= 1;
    sign(&r);
    return r;
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, mem_system(), 0);
    sample_proof(&the_proof, &arena, 3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static enum status verify(const struct evidence *e, struct mem *mem)
{
    struct genesis g = sample_genesis();
    struct validators v = genesis_validators(&g);
    struct hash chain_id = sample_chain_id();
    return evidence_verify(e, &v, sample_signer(), &chain_id, mem);
}

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct evidence e;
    TRY(evidence_decode(&e, bytes));
    evidence_encode(out, &e);
    return buf_status(out);
}

static void check_bytes(const char *name, const struct evidence *e)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    evidence_encode(&out, e);
    golden_check(name, buf_span(&out));
    codec_sweep(buf_span(&out), again);
    for (size_t bit = 0; bit < e->bytes.size * 8; bit += 3) {
        struct evidence changed = *e;
        uint8_t *copy = test_malloc(e->bytes.size);
        memcpy(copy, e->bytes.data, e->bytes.size);
        copy[bit / 8] = (uint8_t)(copy[bit / 8] ^ 1u << bit % 8);
        changed.bytes = span_of(copy, e->bytes.size);
        assert_int_not_equal(verify(&changed, mem_system()), ST_OK);
        test_free(copy);
    }
    buf_fini(&out);
}

static void two_replies(void **state)
{
    (void)state;
    struct evidence e;
    struct evidence same;
    struct buf out;
    struct buf other;
    struct reply a = truth();
    struct reply b = lie();
    buf_init(&out, mem_system(), 0);
    buf_init(&other, mem_system(), 0);
    evidence_of_replies(&e, &out, &a, &b);
    evidence_attach(&e, &out);
    assert_int_equal(e.kind, EVIDENCE_E10);
    assert_int_equal(e.offender, LIAR);
    assert_int_equal(verify(&e, mem_system()), ST_OK);
    evidence_of_replies(&same, &other, &b, &a);
    assert_true(span_equal(buf_span(&out), buf_span(&other)));
    check_bytes("evidence-e10-replies", &e);
    e.offender = 1; /* Another cannot be blamed. */
    assert_int_not_equal(verify(&e, mem_system()), ST_OK);
    e.offender = LIAR;
    e.height++;
    assert_int_equal(verify(&e, mem_system()), ST_INVALID);
    buf_fini(&out);
    buf_fini(&other);
}

static void a_refuted_reply(void **state)
{
    (void)state;
    struct evidence e;
    struct buf proof;
    struct buf out;
    struct reply r = lie();
    buf_init(&proof, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    proof_encode(&proof, &the_proof);
    evidence_of_refuted_reply(&e, &out, &r, buf_span(&proof));
    evidence_attach(&e, &out);
    assert_int_equal(verify(&e, mem_system()), ST_OK);
    check_bytes("evidence-e10-refuted", &e);
    buf_reset(&out);
    r = truth();
    evidence_of_refuted_reply(&e, &out, &r, buf_span(&proof));
    evidence_attach(&e, &out);
    assert_int_equal(verify(&e, mem_system()), ST_INVALID);
    buf_fini(&out);
    buf_fini(&proof);
}

static void the_honest_are_safe(void **state)
{
    (void)state;
    struct evidence e;
    struct buf out;
    struct reply pair[2] = {truth(), truth()};
    pair[1].node = 1; /* Another node's, even if it says something else. */
    pair[1].receipt.bytes[0] ^= 1;
    sign(&pair[1]);
    buf_init(&out, mem_system(), 0);
    cbor_put_array(&out, 3);
    cbor_put_uint(&out, 1);
    reply_encode(&out, &pair[0]);
    reply_encode(&out, &pair[1]);
    e = (struct evidence){
        .kind = EVIDENCE_E10, .offender = LIAR, .height = pair[0].height, .bytes = buf_span(&out)};
    assert_int_equal(verify(&e, mem_system()), ST_INVALID);
    buf_fini(&out);
}

/* Each failing allocation is no verdict. */
static void without_memory(void **state)
{
    (void)state;
    struct evidence e;
    struct buf proof;
    struct buf out;
    struct reply r = lie();
    buf_init(&proof, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    proof_encode(&proof, &the_proof);
    evidence_of_refuted_reply(&e, &out, &r, buf_span(&proof));
    evidence_attach(&e, &out);
    enum status st = ST_NO_MEMORY;
    for (uint64_t n = 1; st != ST_OK; n++) {
        struct fail_mem fail;
        fail_mem_init(&fail, n);
        st = verify(&e, &fail.mem);
        assert_true(st == ST_OK || st == ST_NO_MEMORY);
        assert_int_equal(fail.live, 0);
    }
    buf_fini(&out);
    buf_fini(&proof);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_replies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refuted_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_honest_are_safe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
