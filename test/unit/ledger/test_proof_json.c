/* Goal: a proof is the same in CBOR and in JSON, and no bit of the JSON can change. */
#include "ledger/proof_json.h"

#include "ledger/proof.h"
#include "support/cmocka_all.h"
#include "support/sample_ledger.h"
#include "support/sample_proof.h"
#include "support/share.h"

static void make(struct buf *out, struct arena *a, enum sample_subject subject)
{
    struct proof p;
    sample_proof_of(&p, a, subject);
    buf_reset(out);
    proof_encode(out, &p);
    assert_int_equal(buf_status(out), ST_OK);
}

struct three {
    struct arena arena;
    struct buf bytes;
    struct buf text;
    struct buf back;
};

static void init(struct three *t)
{
    arena_init(&t->arena, mem_system(), 0);
    buf_init(&t->bytes, mem_system(), 0);
    buf_init(&t->text, mem_system(), 0);
    buf_init(&t->back, mem_system(), 0);
}

static void fini(struct three *t)
{
    buf_fini(&t->bytes);
    buf_fini(&t->text);
    buf_fini(&t->back);
    arena_fini(&t->arena);
}

static void both_ways(void **state)
{
    (void)state;
    struct three t;
    init(&t);
    for (int i = 0; i < SAMPLE_SUBJECTS; i++) {
        make(&t.bytes, &t.arena, (enum sample_subject)i);
        buf_reset(&t.text);
        buf_reset(&t.back);
        assert_int_equal(proof_to_json(&t.text, buf_span(&t.bytes)), ST_OK);
        assert_int_equal(proof_from_json(&t.back, buf_span(&t.text)), ST_OK);
        assert_true(span_equal(buf_span(&t.back), buf_span(&t.bytes)));
    }
    fini(&t);
}

static void white_space_is_free(void **state)
{
    (void)state;
    struct three t;
    struct buf tight;
    init(&t);
    buf_init(&tight, mem_system(), 0);
    make(&t.bytes, &t.arena, SAMPLE_TX_SHOWN);
    assert_int_equal(proof_to_json(&t.text, buf_span(&t.bytes)), ST_OK);
    for (size_t i = 0; i < t.text.size; i++)
        if (t.text.data[i] != ' ' && t.text.data[i] != '\n') buf_put_u8(&tight, t.text.data[i]);
    assert_int_equal(proof_from_json(&t.back, buf_span(&tight)), ST_OK);
    assert_true(span_equal(buf_span(&t.back), buf_span(&t.bytes)));
    buf_put_text(&tight, " x");
    assert_int_equal(proof_from_json(&t.back, buf_span(&tight)), ST_INVALID);
    buf_fini(&tight);
    fini(&t);
}

/* Refused, or other bytes: then the check of proofs refuses them. */
static void no_bit_can_change(void **state)
{
    (void)state;
    static const enum sample_subject subjects[] = {SAMPLE_TX_SHOWN, SAMPLE_VERSION_GONE,
                                                   SAMPLE_NO_TX_OF_NONE};
    struct three t;
    init(&t);
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        make(&t.bytes, &t.arena, subjects[i]);
        buf_reset(&t.text);
        assert_int_equal(proof_to_json(&t.text, buf_span(&t.bytes)), ST_OK);
        for (size_t bit = share_from(9); bit < 8 * t.text.size; bit += share_step(9)) {
            t.text.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            buf_reset(&t.back);
            if (proof_from_json(&t.back, buf_span(&t.text)) == ST_OK)
                assert_false(span_equal(buf_span(&t.back), buf_span(&t.bytes)));
            t.text.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    fini(&t);
}

static void what_is_cut_is_refused(void **state)
{
    (void)state;
    struct three t;
    init(&t);
    make(&t.bytes, &t.arena, SAMPLE_NO_ROW);
    assert_int_equal(proof_to_json(&t.text, buf_span(&t.bytes)), ST_OK);
    for (size_t size = 0; size + 1 < t.text.size; size++) {
        buf_reset(&t.back);
        assert_int_not_equal(proof_from_json(&t.back, span_of(t.text.data, size)), ST_OK);
    }
    for (size_t size = 0; size < t.bytes.size; size += 7) {
        buf_reset(&t.back);
        assert_int_not_equal(proof_to_json(&t.back, span_of(t.bytes.data, size)), ST_OK);
    }
    fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(white_space_is_free),
        cmocka_unit_test(no_bit_can_change),
        cmocka_unit_test(what_is_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
