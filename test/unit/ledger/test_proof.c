/* Goal: a receipt proof verifies from the genesis alone, and no bit of it can change without being
 * noticed. */
#include "ledger/proof.h"

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/fail_mem.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct receipt_proof p;
    TRY(receipt_proof_decode(&p, bytes));
    receipt_proof_encode(out, &p);
    return buf_status(out);
}

static enum status verify(const struct receipt_proof *p, struct arena *a, const char **what)
{
    struct genesis g = sample_genesis();
    struct validators v = genesis_validators(&g);
    struct hash chain_id = sample_chain_id();
    struct proof_trust trust = {.validators = &v, .chain_id = &chain_id, .signer = sample_signer()};
    struct receipt receipt;
    return receipt_proof_verify(p, &trust, &receipt, a, what);
}

static void encoding(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct receipt_proof p;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    sample_proof(&p, &a, 2);
    receipt_proof_encode(&out, &p);
    golden_check("proof", buf_span(&out));
    codec_sweep(buf_span(&out), again);
    buf_fini(&out);
    arena_fini(&a);
}

static void good_proofs_verify(void **state)
{
    (void)state;
    struct arena a;
    struct receipt_proof p;
    const char *what;
    arena_init(&a, mem_system(), 0);
    for (uint32_t later = 0; later <= 8; later += 4) {
        sample_proof(&p, &a, later);
        assert_int_equal(verify(&p, &a, &what), ST_OK);
        assert_null(what);
    }
    arena_fini(&a);
}

/* Every bit of every field: the proof must stop verifying. Bits of a certificate's view in P3 do
 * not exist on the wire, so the sweep is over the encoding. */
static void no_bit_can_change(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    struct receipt_proof p;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    sample_proof(&p, &a, 2);
    receipt_proof_encode(&out, &p);
    for (size_t bit = 0; bit < 8 * out.size; bit += 3) {
        const char *what = NULL;
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        arena_reset(&a);
        if (receipt_proof_decode(&p, buf_span(&out)) == ST_OK) {
            assert_int_not_equal(verify(&p, &a, &what), ST_OK);
            assert_non_null(what);
        }
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_fini(&out);
    arena_fini(&a);
}

static void pieces_of_two_proofs_do_not_mix(void **state)
{
    (void)state;
    struct arena a;
    struct receipt_proof p;
    struct receipt_proof other;
    const char *what;
    arena_init(&a, mem_system(), 0);
    sample_proof(&p, &a, 2);
    sample_proof(&other, &a, 4);
    p.res_cert = other.res_cert;
    assert_int_equal(verify(&p, &a, &what), ST_REJECTED);
    assert_non_null(strstr(what, "another height"));
    p.later = other.later;
    assert_int_equal(verify(&p, &a, &what), ST_OK);
    struct hash block = p.result.block_hash;
    p.final_cert = sample_certificate(VOTE_P2, SAMPLE_HEIGHT, &block, 2);
    assert_int_equal(verify(&p, &a, &what), ST_INVALID);
    assert_non_null(strstr(what, "commit certificate"));
    p.final_cert = sample_certificate(VOTE_P1, SAMPLE_HEIGHT, &block, 4);
    assert_int_equal(verify(&p, &a, &what), ST_OK);
    p.final_cert = sample_certificate(VOTE_P1, SAMPLE_HEIGHT, &block, 3);
    assert_int_equal(verify(&p, &a, &what), ST_INVALID);
    arena_fini(&a);
}

static void the_receipt_comes_out(void **state)
{
    (void)state;
    struct arena a;
    struct receipt_proof p;
    arena_init(&a, mem_system(), 0);
    sample_proof(&p, &a, 0);
    struct genesis g = sample_genesis();
    struct validators v = genesis_validators(&g);
    struct hash chain_id = sample_chain_id();
    struct proof_trust trust = {.validators = &v, .chain_id = &chain_id, .signer = sample_signer()};
    struct receipt receipt;
    const char *what;
    assert_int_equal(receipt_proof_verify(&p, &trust, &receipt, &a, &what), ST_OK);
    assert_int_equal(receipt.height, SAMPLE_HEIGHT);
    assert_int_equal(receipt.index, 2);
    chain_id.bytes[0] ^= 1;
    assert_int_equal(receipt_proof_verify(&p, &trust, &receipt, &a, &what), ST_REJECTED);
    assert_non_null(strstr(what, "another chain"));
    arena_fini(&a);
}

static void memory_may_fail_at_any_call(void **state)
{
    (void)state;
    struct arena good;
    struct receipt_proof p;
    const char *what;
    arena_init(&good, mem_system(), 0);
    sample_proof(&p, &good, 1);
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct arena a;
        fail_mem_init(&memory, n);
        arena_init(&a, &memory.mem, 0);
        enum status st = verify(&p, &a, &what);
        arena_fini(&a);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
    arena_fini(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding),
        cmocka_unit_test(good_proofs_verify),
        cmocka_unit_test(no_bit_can_change),
        cmocka_unit_test(pieces_of_two_proofs_do_not_mix),
        cmocka_unit_test(the_receipt_comes_out),
        cmocka_unit_test(memory_may_fail_at_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
