/* Goal: a token lets the holder of the key into one node of one chain for a short time, and into
 * nothing else; its text has one form and survives it. */
#include "ledger/token.h"

#include "base/hex.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

#define NOW UINT64_C(1700000000000)

static struct token sample(void)
{
    struct secret_key node = sample_node_secret(1);
    struct secret_key account = sample_account_secret(0);
    struct token t = {.chain_id = sample_chain_id(),
                      .node = sample_public(&node),
                      .account = sample_public(&account),
                      .from_ms = NOW,
                      .until_ms = NOW + 60000};
    struct hash hash = token_hash(&t);
    assert_int_equal(sign_hash(sample_signer(), &t.sig, &account, &hash), ST_OK);
    return t;
}

static enum status checked(const struct token *t, uint32_t node, uint64_t now_ms)
{
    struct secret_key secret = sample_node_secret(node);
    struct public_key key = sample_public(&secret);
    struct hash chain_id = sample_chain_id();
    return token_check(t, &(struct token_check){&chain_id, &key, now_ms, sample_signer()});
}

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    char text[TOKEN_TEXT_MAX + 1];
    struct token t;
    struct buf printed;
    if (bytes.size > TOKEN_TEXT_MAX / 2) return ST_LIMIT;
    hex_encode(text, bytes);
    TRY(token_parse(&t, span_text(text)));
    buf_init(&printed, mem_system(), 0);
    assert_int_equal(token_print(&printed, &t), ST_OK);
    uint8_t back[TOKEN_TEXT_MAX / 2];
    assert_int_equal(hex_decode(back, printed.size / 2, buf_span(&printed)), ST_OK);
    buf_put(out, span_of(back, printed.size / 2));
    buf_fini(&printed);
    return buf_status(out);
}

static void encodings(void **state)
{
    (void)state;
    struct token t = sample();
    struct buf text;
    uint8_t bytes[TOKEN_TEXT_MAX / 2];
    buf_init(&text, mem_system(), 0);
    assert_int_equal(token_print(&text, &t), ST_OK);
    assert_int_equal(hex_decode(bytes, text.size / 2, buf_span(&text)), ST_OK);
    golden_check("token", span_of(bytes, text.size / 2));
    codec_sweep(span_of(bytes, text.size / 2), again);
    struct token got;
    assert_int_equal(token_parse(&got, span_of(text.data, text.size - 1)), ST_INVALID);
    buf_fini(&text);
}

static void only_here_and_now(void **state)
{
    (void)state;
    struct token t = sample();
    assert_int_equal(checked(&t, 1, NOW + 1), ST_OK);
    assert_int_equal(checked(&t, 2, NOW + 1), ST_DENIED);
    assert_int_equal(checked(&t, 1, NOW - TOKEN_SKEW_MS), ST_OK);
    assert_int_equal(checked(&t, 1, NOW - TOKEN_SKEW_MS - 1), ST_EXPIRED);
    assert_int_equal(checked(&t, 1, t.until_ms + TOKEN_SKEW_MS), ST_OK);
    assert_int_equal(checked(&t, 1, t.until_ms + TOKEN_SKEW_MS + 1), ST_EXPIRED);
    struct token other = t;
    other.chain_id.bytes[0] ^= 1;
    assert_int_equal(checked(&other, 1, NOW), ST_WRONG_CHAIN);
    other = t;
    other.until_ms = NOW + TOKEN_LIFE_MS_MAX + 1;
    assert_int_equal(checked(&other, 1, NOW), ST_EXPIRED);
    other = t;
    other.until_ms = NOW - 1;
    assert_int_equal(checked(&other, 1, NOW), ST_EXPIRED);
}

static void the_signature_covers_every_field(void **state)
{
    (void)state;
    struct token t = sample();
    struct token other = t;
    other.until_ms++;
    assert_int_equal(checked(&other, 1, NOW), ST_SIGNATURE);
    other = t;
    other.from_ms++;
    assert_int_equal(checked(&other, 1, NOW), ST_SIGNATURE);
    other = t;
    struct secret_key thief = sample_account_secret(1);
    other.account = sample_public(&thief);
    assert_int_equal(checked(&other, 1, NOW), ST_SIGNATURE);
    other = t;
    struct secret_key node = sample_node_secret(2);
    other.node = sample_public(&node); /* Made for node 1, shown to node 2 as if made for it. */
    assert_int_equal(checked(&other, 2, NOW), ST_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings),
        cmocka_unit_test(only_here_and_now),
        cmocka_unit_test(the_signature_covers_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
