/* Goal: an invitation survives its text, and a text with any change is none. */
#include "ledger/invitation.h"

#include "support/cmocka_all.h"
#include "support/sample_ledger.h"

static struct invitation sample(void)
{
    struct invitation i = {.chain_id = sample_chain_id(),
                           .inviter = {.scheme = SIGN_ED25519, .size = 32},
                           .address = "bank-a.example:5440",
                           .expires_ms = 1700000000000};
    memset(i.inviter.bytes, 5, 32);
    memset(i.secret, 9, sizeof i.secret);
    return i;
}

static void put(struct buf *out, const struct invitation *i)
{
    buf_init(out, mem_system(), 0);
    assert_int_equal(invitation_print(out, i), ST_OK);
    assert_true(out->size <= INVITATION_TEXT_MAX);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct buf text;
    struct invitation i = sample();
    struct invitation got;
    put(&text, &i);
    assert_int_equal(invitation_parse(&got, buf_span(&text)), ST_OK);
    assert_memory_equal(&got.chain_id, &i.chain_id, HASH_SIZE);
    assert_true(public_key_equal(&got.inviter, &i.inviter));
    assert_string_equal(got.address, i.address);
    assert_int_equal(got.expires_ms, i.expires_ms);
    assert_memory_equal(got.secret, i.secret, INVITATION_SECRET_SIZE);
    buf_fini(&text);
}

static void test_the_longest_fits(void **state)
{
    (void)state;
    struct buf text;
    struct invitation i = sample();
    memset(i.address, 'a', INVITATION_ADDRESS_MAX);
    memcpy(i.address + INVITATION_ADDRESS_MAX - 6, ":65535", 6);
    i.expires_ms = UINT64_MAX;
    put(&text, &i);
    struct invitation got;
    assert_int_equal(invitation_parse(&got, buf_span(&text)), ST_OK);
    assert_string_equal(got.address, i.address);
    buf_fini(&text);
}

static void test_any_change_is_seen(void **state)
{
    (void)state;
    struct buf text;
    struct invitation i = sample();
    struct invitation got;
    put(&text, &i);
    for (size_t size = 0; size < text.size; size++)
        assert_int_not_equal(invitation_parse(&got, span_of(text.data, size)), ST_OK);
    for (size_t at = 0; at < text.size; at++) {
        for (uint8_t bit = 1; bit != 0; bit = (uint8_t)(bit << 1)) {
            text.data[at] ^= bit;
            /* Digits may be written in capitals. */
            enum status st = invitation_parse(&got, buf_span(&text));
            assert_true(st != ST_OK || bit == 0x20);
            text.data[at] ^= bit;
        }
    }
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_the_longest_fits),
        cmocka_unit_test(test_any_change_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
