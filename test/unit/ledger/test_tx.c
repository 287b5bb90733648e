/* Goal: a transaction has one encoding; its txid binds every signed field; a single value can be
 * purged or shown while txid and signatures stay as they are. */
#include "ledger/tx.h"

#include "codec/cbor.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/fail_mem.h"
#include "support/golden.h"
#include "support/hex.h"
#include "support/sample_ledger.h"

struct fixture {
    struct arena arena;
    struct buf out;
};

static int set_up(void **state)
{
    static struct fixture f;
    arena_init(&f.arena, mem_system(), 0);
    buf_init(&f.out, mem_system(), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_fini(&f->arena);
    buf_fini(&f->out);
    return 0;
}

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    struct tx t;
    TRY(tx_decode(&t, a, bytes));
    tx_encode(&t, out);
    return buf_status(out);
}

static struct tx decoded(struct fixture *f, const struct tx *t)
{
    struct tx out;
    tx_encode(t, &f->out);
    assert_int_equal(buf_status(&f->out), ST_OK);
    assert_int_equal(tx_decode(&out, &f->arena, buf_span(&f->out)), ST_OK);
    return out;
}

static void golden_bytes_and_hashes(void **state)
{
    struct fixture *f = *state;
    struct tx t = sample_tx();
    struct tx got = decoded(f, &t);
    golden_check("tx", buf_span(&f->out));
    golden_check("tx-txid", hash_span(&got.txid));
    golden_check("tx-leaf", hash_span(&got.leaf));
    golden_check("tx-full", hash_span(&got.full));
    assert_true(hash_equal(&got.txid, &t.txid));
    assert_int_equal(tx_verify(&got, sample_signer()), ST_OK);
}

static void fields_survive(void **state)
{
    struct fixture *f = *state;
    struct tx t = sample_tx();
    struct tx got = decoded(f, &t);
    assert_true(hash_equal(&got.chain_id, &t.chain_id));
    assert_true(span_equal(got.ledger, t.ledger));
    assert_true(account_id_equal(&got.account, &t.account));
    assert_int_equal(got.nonce, t.nonce);
    assert_int_equal(got.valid_until_ms, t.valid_until_ms);
    assert_int_equal(got.valid_until_height, t.valid_until_height);
    assert_int_equal(got.now_ms, t.now_ms);
    assert_int_equal(got.reserved_count, 2);
    assert_int_equal(got.reserved[1].sequence_id, 9);
    assert_true(span_equal(got.idempotency_key, t.idempotency_key));
    assert_int_equal(got.op_count, 2);
    assert_int_equal(got.ops[0].param_count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(got.ops[0].params[i].type, t.ops[0].params[i].type);
        assert_true(span_equal(got.ops[0].params[i].value, t.ops[0].params[i].value));
    }
    assert_int_equal(got.ops[1].kind, TX_OP_MODULE);
    assert_true(span_equal(got.ops[1].auths[0].signed_bytes, t.ops[1].auths[0].signed_bytes));
    assert_int_equal(got.signer_count, 2);
}

static void one_value_one_encoding(void **state)
{
    struct fixture *f = *state;
    struct tx t = sample_tx();
    tx_encode(&t, &f->out);
    codec_sweep(buf_span(&f->out), again);
    struct tx got;
    assert_int_equal(tx_decode(&got, &f->arena, buf_span(&f->out)), ST_OK);
    struct buf redacted;
    buf_init(&redacted, mem_system(), 0);
    got.is_redacted = true;
    got.ops[0].params[2].is_purged = true;
    tx_encode(&got, &redacted);
    codec_sweep(buf_span(&redacted), again);
    buf_fini(&redacted);
}

/* Whatever is flipped in the signed part gives another txid; flipped signatures another leaf. */
static void every_bit_is_bound(void **state)
{
    struct fixture *f = *state;
    struct tx t = sample_tx();
    struct tx whole = decoded(f, &t);
    size_t signed_size = f->out.size - 1 - 2 * (size_t)(2 + SIGN_SIGNATURE_SIZE);
    for (size_t bit = 0; bit < 8 * f->out.size; bit++) {
        struct tx got;
        f->out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (tx_decode(&got, &f->arena, buf_span(&f->out)) == ST_OK) {
            bool is_signed = bit / 8 < signed_size;
            assert_int_equal(!hash_equal(&got.txid, &whole.txid), is_signed);
            assert_false(hash_equal(&got.leaf, &whole.leaf));
            assert_false(hash_equal(&got.full, &whole.full));
            if (bit % 41 == 0) /* A sample: signatures are slow. */
                assert_int_not_equal(tx_verify(&got, sample_signer()), ST_OK);
        }
        f->out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        arena_reset(&f->arena);
    }
}

static void any_value_can_be_purged(void **state)
{
    struct fixture *f = *state;
    struct tx t = sample_tx();
    for (uint32_t purged = 0; purged <= 7; purged++) {
        buf_reset(&f->out);
        struct tx whole = decoded(f, &t);
        struct hash txid = whole.txid;
        struct hash leaf = whole.leaf;
        whole.is_redacted = true;
        if (purged < 7) {
            whole.ops[0].params[purged].is_purged = true;
        } else {
            whole.ops[1].auths[0].is_purged = true;
        }
        struct buf redacted;
        buf_init(&redacted, mem_system(), 0);
        tx_encode(&whole, &redacted);
        if (purged == 2) golden_check("tx-redacted", buf_span(&redacted));
        struct tx got;
        assert_int_equal(tx_decode(&got, &f->arena, buf_span(&redacted)), ST_OK);
        assert_true(got.is_redacted);
        assert_true(hash_equal(&got.txid, &txid));
        assert_true(hash_equal(&got.leaf, &leaf));
        assert_int_equal(tx_verify(&got, sample_signer()), ST_OK);
        if (purged < 7) assert_int_equal(got.ops[0].params[purged].type, 0);
        buf_fini(&redacted);
    }
}

static void salts_differ_by_place_and_kind(void **state)
{
    struct fixture *f = *state;
    struct tx t = sample_tx();
    struct tx got = decoded(f, &t);
    struct hash seen[8];
    for (uint32_t i = 0; i < 7; i++)
        seen[i] = got.ops[0].params[i].salt;
    seen[7] = got.ops[1].auths[0].salt;
    for (uint32_t i = 0; i < 8; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_false(hash_equal(&seen[i], &seen[j]));
}

static void wrong_signatures_are_refused(void **state)
{
    struct fixture *f = *state;
    struct tx t = sample_tx();
    struct tx got = decoded(f, &t);
    got.signatures[1].bytes[3] ^= 1;
    assert_int_equal(tx_verify(&got, sample_signer()), ST_SIGNATURE);
    got.signatures[1].bytes[3] ^= 1;
    got.signatures[0].bytes[40] ^= 1;
    assert_int_equal(tx_verify(&got, sample_signer()), ST_SIGNATURE);
}

static void span_of_validity(void **state)
{
    (void)state;
    struct tx t = {.valid_until_ms = 10000000, .valid_until_height = 500000};
    uint64_t first_ms = t.valid_until_ms - TX_SPAN_MS_MAX;
    uint64_t first_height = t.valid_until_height - TX_SPAN_BLOCKS_MAX;
    assert_int_equal(tx_check_span(&t, t.valid_until_ms, t.valid_until_height), ST_OK);
    assert_int_equal(tx_check_span(&t, first_ms, first_height), ST_OK);
    assert_int_equal(tx_check_span(&t, t.valid_until_ms + 1, t.valid_until_height), ST_EXPIRED);
    assert_int_equal(tx_check_span(&t, t.valid_until_ms, t.valid_until_height + 1), ST_EXPIRED);
    assert_int_equal(tx_check_span(&t, first_ms - 1, t.valid_until_height), ST_EXPIRED);
    assert_int_equal(tx_check_span(&t, t.valid_until_ms, first_height - 1), ST_EXPIRED);
}

static void limits_and_forms(void **state)
{
    (void)state;
    static uint8_t long_text[TX_IDEMPOTENCY_MAX + 1];
    memset(long_text, 'a', sizeof long_text);
    struct tx t = sample_small_tx(1);
    struct tx bad = t;
    bad.ledger = span_of(long_text, TX_LEDGER_MAX + 1);
    assert_int_equal(tx_hash(&bad), ST_LIMIT);
    bad = t;
    bad.ledger = (struct span){0};
    assert_int_equal(tx_hash(&bad), ST_INVALID);
    bad = t;
    bad.idempotency_key = span_of(long_text, TX_IDEMPOTENCY_MAX + 1);
    assert_int_equal(tx_hash(&bad), ST_LIMIT);
    bad = t;
    bad.op_count = 0;
    assert_int_equal(tx_hash(&bad), ST_INVALID);
    bad.op_count = TX_OPS_MAX + 1;
    assert_int_equal(tx_hash(&bad), ST_LIMIT);
    bad = t;
    bad.account.version = 7;
    assert_int_equal(tx_hash(&bad), ST_INVALID);
    struct public_key twice[2] = {t.signers[0], t.signers[0]};
    bad = t;
    bad.signers = twice;
    bad.signer_count = 2;
    assert_int_equal(tx_hash(&bad), ST_INVALID);
    static const char *const values[] = {"", "8100", "1817", "f7", "0000", "61ff", "ff"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t bytes[8];
        struct tx_param param = {
            .type = 20, .value = span_of(bytes, hex_bytes(bytes, sizeof bytes, values[i]))};
        struct tx_op op = {
            .kind = TX_OP_SQL, .text = span_text("x"), .params = &param, .param_count = 1};
        bad = t;
        bad.ops = &op;
        assert_int_not_equal(tx_hash(&bad), ST_OK);
    }
}

/* Nothing but salts binds the secret: without items each bit of it must be zero. */
static void a_secret_that_salts_nothing_is_zero(void **state)
{
    static const uint8_t zero[32] = {0};
    struct fixture *f = *state;
    struct tx t = sample_small_tx(1);
    struct tx got;
    memset(t.secret, 7, sizeof t.secret);
    assert_int_equal(tx_hash(&t), ST_OK); /* Clears it. */
    assert_memory_equal(t.secret, zero, sizeof zero);
    got = decoded(f, &t);
    assert_true(hash_equal(&got.txid, &t.txid));
    for (uint32_t bit = 0; bit < 8 * sizeof zero; bit++) {
        struct tx other = t;
        other.secret[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        buf_reset(&f->out);
        tx_encode(&other, &f->out);
        assert_int_equal(tx_decode(&got, &f->arena, buf_span(&f->out)), ST_INVALID);
    }
    struct tx_auth auth = {.signed_bytes = span_text("x")};
    t.ops[0].auths = &auth;
    t.ops[0].auth_count = 1;
    memset(t.secret, 7, sizeof t.secret);
    assert_int_equal(tx_hash(&t), ST_OK); /* It salts something. */
    assert_int_equal(t.secret[31], 7);
}

static void oversized_input_is_refused_unread(void **state)
{
    struct fixture *f = *state;
    struct tx got;
    uint8_t byte = 0;
    assert_int_equal(tx_decode(&got, &f->arena, span_of(&byte, TX_BYTES_MAX + 1u)), ST_LIMIT);
}

/* An array head that promises more items than the limit must cost no memory. */
static void many_params_are_refused_before_memory_is_taken(void **state)
{
    struct fixture *f = *state;
    struct tx t = sample_small_tx(1);
    static struct tx_param params[TX_PARAMS_MAX];
    static struct tx_op ops[5];
    for (uint32_t i = 0; i < TX_PARAMS_MAX; i++)
        params[i] = (struct tx_param){.type = 20, .value = span_of("\xf6", 1)};
    for (uint32_t i = 0; i < 5; i++)
        ops[i] = (struct tx_op){.kind = TX_OP_SQL,
                                .text = span_text("x"),
                                .params = params,
                                .param_count = TX_PARAMS_MAX};
    t.ops = ops;
    t.op_count = 5;
    assert_int_equal(tx_hash(&t), ST_LIMIT);
    tx_encode(&t, &f->out);
    assert_int_equal(buf_status(&f->out), ST_OK);
    struct tx got;
    assert_int_equal(tx_decode(&got, &f->arena, buf_span(&f->out)), ST_LIMIT);
    assert_true(f->arena.total < TX_ITEMS_MAX * (2 * sizeof *params));
}

static void memory_may_fail_at_any_call(void **state)
{
    struct fixture *f = *state;
    struct tx t = sample_tx();
    tx_encode(&t, &f->out);
    for (uint64_t n = 1;; n++) {
        struct fail_mem memory;
        struct arena a;
        struct tx got;
        fail_mem_init(&memory, n);
        arena_init(&a, &memory.mem, 0);
        enum status st = tx_decode(&got, &a, buf_span(&f->out));
        arena_fini(&a);
        assert_int_equal(memory.live, 0);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
    for (size_t limit = 1; limit < 3000; limit += 16) {
        struct arena a;
        struct tx got;
        arena_init(&a, mem_system(), limit);
        enum status st = tx_decode(&got, &a, buf_span(&f->out));
        assert_true(st == ST_OK || st == ST_NO_MEMORY);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(golden_bytes_and_hashes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_survive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_value_one_encoding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_bit_is_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_value_can_be_purged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(salts_differ_by_place_and_kind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_signatures_are_refused, set_up, tear_down),
        cmocka_unit_test(span_of_validity),
        cmocka_unit_test(limits_and_forms),
        cmocka_unit_test_setup_teardown(a_secret_that_salts_nothing_is_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(oversized_input_is_refused_unread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_params_are_refused_before_memory_is_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(memory_may_fail_at_any_call, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
