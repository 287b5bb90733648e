/* Goal: receipts have one encoding and survive it, also with texts of users that are not UTF-8; the
 * digests are those of the format. */
#include "ledger/receipt.h"

#include "crypto/merkle.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/fail_mem.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct receipt r;
    TRY(receipt_decode(&r, a, bytes));
    receipt_encode(out, &r);
    return buf_status(out);
}

static void encodings(void **state)
{
    (void)state;
    struct receipt samples[2] = {sample_receipt_ok(), sample_receipt_failed()};
    static const char *const names[2] = {"receipt-ok", "receipt-failed"};
    for (int i = 0; i < 2; i++) {
        struct buf out;
        buf_init(&out, mem_system(), 0);
        receipt_encode(&out, &samples[i]);
        golden_check(names[i], buf_span(&out));
        codec_sweep(buf_span(&out), again);
        struct hash leaf = receipt_leaf(buf_span(&out));
        struct hash direct = merkle_leaf(buf_span(&out));
        assert_true(hash_equal(&leaf, &direct));
        buf_fini(&out);
    }
}

static struct receipt decoded(struct arena *a, struct buf *out, const struct receipt *r)
{
    struct receipt got;
    receipt_encode(out, r);
    assert_int_equal(buf_status(out), ST_OK);
    assert_int_equal(receipt_decode(&got, a, buf_span(out)), ST_OK);
    return got;
}

static void fields_survive(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    struct receipt ok = sample_receipt_ok();
    struct receipt got = decoded(&a, &out, &ok);
    assert_int_equal(got.status, RECEIPT_OK);
    assert_int_equal(got.op_count, 2);
    assert_int_equal(got.ops[0].row_count, 3);
    assert_true(hash_is_zero(&got.ops[0].result_hash));
    assert_true(hash_equal(&got.ops[1].result_hash, &ok.ops[1].result_hash));
    assert_true(hash_equal(&got.write_root, &ok.write_root));
    assert_true(span_equal(got.holder_name, ok.holder_name));
    assert_true(span_equal(got.events, ok.events));
    buf_reset(&out);
    struct receipt failed = sample_receipt_failed();
    got = decoded(&a, &out, &failed);
    assert_int_equal(got.status, RECEIPT_FAILED);
    assert_int_equal(got.failed_op, 1);
    assert_memory_equal(&got.diag, &failed.diag, sizeof got.diag);
    assert_true(hash_is_zero(&got.write_root));
    buf_fini(&out);
    arena_fini(&a);
}

static void texts_that_are_not_utf8_are_made_ascii(void **state)
{
    (void)state;
    struct arena a;
    struct buf out;
    arena_init(&a, mem_system(), 0);
    buf_init(&out, mem_system(), 0);
    struct receipt r = sample_receipt_failed();
    diag_set(&r.diag, "22P02", "bad \xff\xfe value");
    diag_detail(&r.diag, "good \xc3\xa4 text");
    struct receipt got = decoded(&a, &out, &r);
    assert_string_equal(got.diag.message, "bad ?? value");
    assert_string_equal(got.diag.detail, "good \xc3\xa4 text");
    buf_fini(&out);
    arena_fini(&a);
}

static void digests(void **state)
{
    (void)state;
    struct block_result r = {.height = 0x0102};
    r.block_hash.bytes[0] = 1;
    r.writeset_root.bytes[0] = 2;
    r.receipts_root.bytes[0] = 3;
    r.checkpoint.bytes[0] = 4;
    uint8_t bytes[8 + 4 * HASH_SIZE] = {0x02, 0x01};
    for (uint8_t i = 0; i < 4; i++)
        bytes[8 + i * HASH_SIZE] = (uint8_t)(i + 1);
    struct hash want = hash_of("exec", span_of(bytes, sizeof bytes));
    struct hash got = block_result_digest(&r);
    assert_true(hash_equal(&got, &want));
    uint8_t pair[2 * HASH_SIZE] = {1};
    pair[HASH_SIZE] = 2;
    got = digest_fold(&r.block_hash, &r.writeset_root);
    want = hash_of("chain", span_of(pair, sizeof pair));
    assert_true(hash_equal(&got, &want));
}

static void memory_may_fail_at_any_call(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, mem_system(), 0);
    struct receipt r = sample_receipt_ok();
    receipt_encode(&out, &r);
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct arena a;
        fail_mem_init(&memory, n);
        arena_init(&a, &memory.mem, 0);
        enum status st = receipt_decode(&r, &a, buf_span(&out));
        arena_fini(&a);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings),
        cmocka_unit_test(fields_survive),
        cmocka_unit_test(texts_that_are_not_utf8_are_made_ascii),
        cmocka_unit_test(digests),
        cmocka_unit_test(memory_may_fail_at_any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
