/* Goal: a reply has one encoding and survives it, its signature covers every field, and exactly
 * those pairs contradict each other of which one must be false. */
#include "ledger/reply.h"

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

static struct reply sample(void)
{
    struct reply r = {.chain_id = sample_chain_id(),
                      .epoch = 3,
                      .node = 2,
                      .txid = hash_of("test", span_text("txid")),
                      .height = 70000,
                      .index = 17,
                      .receipt = hash_of("test", span_text("receipt")),
                      .digest = hash_of("test", span_text("digest"))};
    struct secret_key secret = sample_node_secret(2);
    struct hash hash = reply_hash(&r);
    assert_int_equal(sign_hash(sample_signer(), &r.sig, &secret, &hash), ST_OK);
    return r;
}

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct reply r;
    TRY(reply_decode(&r, bytes));
    reply_encode(out, &r);
    return buf_status(out);
}

static void encodings(void **state)
{
    (void)state;
    uint8_t bytes[REPLY_SIZE_MAX];
    struct buf out;
    struct reply r = sample();
    struct reply got;
    buf_init_fixed(&out, bytes, sizeof bytes);
    reply_encode(&out, &r);
    golden_check("reply", buf_span(&out));
    codec_sweep(buf_span(&out), again);
    assert_int_equal(reply_decode(&got, buf_span(&out)), ST_OK);
    assert_memory_equal(&got, &r, sizeof r);
}

/* The longest numbers still fit. */
static void the_largest_fits(void **state)
{
    (void)state;
    uint8_t bytes[REPLY_SIZE_MAX];
    struct buf out;
    struct reply r = sample();
    r.epoch = r.height = UINT64_MAX;
    r.node = NODES_MAX - 1;
    r.index = BLOCK_TXS_MAX - 1;
    buf_init_fixed(&out, bytes, sizeof bytes);
    reply_encode(&out, &r);
    assert_int_equal(buf_status(&out), ST_OK);
}

static void the_signature_covers_every_field(void **state)
{
    (void)state;
    struct secret_key secret = sample_node_secret(2);
    struct public_key key = sample_public(&secret);
    struct reply r = sample();
    assert_int_equal(reply_verify(&r, sample_signer(), &key), ST_OK);
    struct reply changed[8];
    for (int i = 0; i < 8; i++)
        changed[i] = r;
    changed[0].chain_id.bytes[0] ^= 1;
    changed[1].epoch++;
    changed[2].node++;
    changed[3].txid.bytes[31] ^= 1;
    changed[4].height++;
    changed[5].index++;
    changed[6].receipt.bytes[5] ^= 1;
    changed[7].digest.bytes[9] ^= 1;
    for (int i = 0; i < 8; i++)
        assert_int_equal(reply_verify(&changed[i], sample_signer(), &key), ST_SIGNATURE);
    struct secret_key other = sample_node_secret(1);
    key = sample_public(&other);
    assert_int_equal(reply_verify(&r, sample_signer(), &key), ST_SIGNATURE);
}

static void contradictions(void **state)
{
    (void)state;
    const struct reply r = sample();
    struct reply other = r;
    assert_false(reply_contradicts(&r, &other));
    other.height++;
    assert_true(reply_contradicts(&r, &other)); /* One transaction at two places. */
    other = r;
    other.receipt.bytes[0] ^= 1;
    assert_true(reply_contradicts(&r, &other));
    other = r;
    other.digest.bytes[0] ^= 1;
    assert_true(reply_contradicts(&r, &other));
    other = r;
    other.txid.bytes[0] ^= 1;
    assert_true(reply_contradicts(&r, &other)); /* Two transactions at one place. */
    other.index++;
    other.receipt.bytes[0] ^= 1;
    assert_false(reply_contradicts(&r, &other)); /* Neighbours in one block. */
    other.digest.bytes[0] ^= 1;
    assert_true(reply_contradicts(&r, &other));
    other.height++;
    assert_false(reply_contradicts(&r, &other)); /* They have nothing in common. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings),
        cmocka_unit_test(the_largest_fits),
        cmocka_unit_test(the_signature_covers_every_field),
        cmocka_unit_test(contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
