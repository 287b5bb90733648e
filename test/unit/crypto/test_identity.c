/* Goal: a certificate gives back the key it was made of whatever its dates say, and no damaged or
 * foreign one passes for an Ed25519 identity of another shape. */
#include "crypto/identity.h"

#include <sodium.h>
#include <stdlib.h>

#include "support/cmocka_all.h"

static const struct secret_key secret = {.scheme = SIGN_ED25519, .bytes = {1, 2, 3}};
static const struct identity_span day = {.from_s = 1700000000, .until_s = 1700086400};

static struct public_key expected(void)
{
    struct public_key key = {.scheme = SIGN_ED25519, .size = 32};
    uint8_t both[64];
    assert_int_equal(crypto_sign_seed_keypair(key.bytes, both, secret.bytes), 0);
    return key;
}

static struct buf made(const struct identity_span *valid)
{
    struct buf der;
    buf_init(&der, mem_system(), IDENTITY_CERTIFICATE_MAX);
    assert_int_equal(identity_certificate_make(&der, &secret, valid), ST_OK);
    return der;
}

/* The key is libsodium's for the same seed; the same span, the same bytes; dates do not matter. */
static void key_comes_back(void **state)
{
    (void)state;
    struct buf one = made(&day);
    struct buf two = made(&day);
    struct buf old = made(&(struct identity_span){0, 1});
    struct public_key key;
    struct public_key want = expected();
    assert_true(span_equal(buf_span(&one), buf_span(&two)));
    assert_false(span_equal(buf_span(&one), buf_span(&old)));
    assert_true(one.size < IDENTITY_CERTIFICATE_MAX / 2);
    assert_int_equal(identity_certificate_key(&key, buf_span(&one)), ST_OK);
    assert_true(public_key_equal(&key, &want));
    assert_int_equal(identity_certificate_key(&key, buf_span(&old)), ST_OK);
    assert_true(public_key_equal(&key, &want));
    buf_fini(&one);
    buf_fini(&two);
    buf_fini(&old);
}

static void refused(void **state)
{
    (void)state;
    struct buf der;
    struct secret_key other = {.scheme = SIGN_SECP256K1, .bytes = {1}};
    buf_init(&der, mem_system(), 0);
    assert_int_equal(identity_certificate_make(&der, &other, &day), ST_INVALID);
    assert_int_equal(identity_certificate_make(&der, &secret, &(struct identity_span){2, 1}),
                     ST_INVALID);
    assert_int_equal(
        identity_certificate_make(&der, &secret, &(struct identity_span){1, 2524608000u}),
        ST_INVALID);
    assert_int_equal(der.size, 0);
    buf_fini(&der);
    uint8_t small[100];
    buf_init_fixed(&der, small, sizeof small);
    assert_int_equal(identity_certificate_make(&der, &secret, &day), ST_LIMIT);
}

/* Cut at each length, longer by a byte, each bit flipped: refused, or a well-formed key. */
static void damaged(void **state)
{
    (void)state;
    struct buf der = made(&day);
    struct public_key key;
    for (size_t size = 0; size < der.size; size++) {
        uint8_t *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy + 1, der.data, size);
        assert_int_equal(identity_certificate_key(&key, span_of(copy + 1, size)), ST_INVALID);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * der.size; bit++) {
        der.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (identity_certificate_key(&key, buf_span(&der)) == ST_OK) {
            assert_true(public_key_is_formed(&key));
        }
        der.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_put_u8(&der, 0);
    assert_int_equal(identity_certificate_key(&key, buf_span(&der)), ST_INVALID);
    buf_fini(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_comes_back),
        cmocka_unit_test(refused),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
