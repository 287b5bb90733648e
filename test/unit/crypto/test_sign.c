/* Goal: both schemes give the signatures that independent implementations give, and every signature
 * or key in a second form (high S, non-canonical, small order, wrong length) is refused. */
#include "crypto/sign.h"

#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/hex.h"

static struct signer *signer;

static int set_up(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {7};
    return signer_new(&signer, seed) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    signer_free(signer);
    signer_free(NULL);
    return 0;
}

static struct secret_key secret_of(uint8_t scheme, const char *hex)
{
    struct secret_key out = {.scheme = scheme};
    assert_int_equal(hex_bytes(out.bytes, sizeof out.bytes, hex), sizeof out.bytes);
    return out;
}

static struct public_key public_of(const struct secret_key *secret)
{
    struct public_key out;
    assert_int_equal(sign_public(signer, &out, secret), ST_OK);
    assert_true(public_key_is_formed(&out));
    assert_int_equal(public_key_check(signer, &out), ST_OK);
    return out;
}

static const char one[] = "0000000000000000000000000000000000000000000000000000000000000001";

static void secp256k1_known_answers(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *signature;
    } cases[] = {
        {"Satoshi Nakamoto", "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
                             "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"},
        {"All those moments will be lost in time, like tears in rain. Time to die...",
         "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b"
         "547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21"},
    };
    struct secret_key secret = secret_of(SIGN_SECP256K1, one);
    struct public_key key = public_of(&secret);
    hex_assert_equal(span_of(key.bytes, key.size),
                     "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hash hash = hash_of("", span_text(cases[i].message));
        struct signature sig;
        assert_int_equal(sign_hash(signer, &sig, &secret, &hash), ST_OK);
        hex_assert_equal(span_of(sig.bytes, sizeof sig.bytes), cases[i].signature);
        assert_int_equal(sign_verify(signer, &key, &hash, &sig), ST_OK);
    }
}

/* Seed and key: RFC 8032 section 7.1, test 1. The signature over 32 bytes of SHA-256("abc") was
 * made with OpenSSL. */
static void ed25519_known_answers(void **state)
{
    (void)state;
    struct secret_key secret =
        secret_of(SIGN_ED25519, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    struct public_key key = public_of(&secret);
    hex_assert_equal(span_of(key.bytes, key.size),
                     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    struct hash hash = hash_of("", span_text("abc"));
    struct signature sig;
    assert_int_equal(sign_hash(signer, &sig, &secret, &hash), ST_OK);
    hex_assert_equal(span_of(sig.bytes, sizeof sig.bytes),
                     "096f5569d807ee8ac7b1913da70cf0aab335c258f4b94c8f210dd141e9743927"
                     "c8d1a6b378872a72c9446c1f75e6dc7b2def98bd0c214be6706d48791f57680a");
    assert_int_equal(sign_verify(signer, &key, &hash, &sig), ST_OK);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    for (int scheme = SIGN_SECP256K1; scheme <= SIGN_ED25519; scheme++) {
        struct secret_key secret = secret_of((uint8_t)scheme, one);
        struct public_key key = public_of(&secret);
        struct hash hash = hash_of("test", span_text("x"));
        struct signature sig;
        assert_int_equal(sign_hash(signer, &sig, &secret, &hash), ST_OK);
        for (uint32_t bit = 0; bit < 8 * SIGN_SIGNATURE_SIZE; bit++) {
            struct signature bad = sig;
            bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(sign_verify(signer, &key, &hash, &bad), ST_SIGNATURE);
        }
        for (uint32_t bit = 0; bit < 8 * HASH_SIZE; bit++) {
            struct hash other = hash;
            other.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(sign_verify(signer, &key, &other, &sig), ST_SIGNATURE);
        }
        for (uint32_t bit = 0; bit < 8u * key.size; bit++) {
            struct public_key other = key;
            other.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_not_equal(sign_verify(signer, &other, &hash, &sig), ST_OK);
        }
    }
}

static void high_s_is_refused(void **state)
{
    (void)state;
    /* The signature of "Satoshi Nakamoto" above with S replaced by order - S. */
    struct signature high;
    hex_bytes(high.bytes, sizeof high.bytes,
              "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
              "dbbd3162d46e9f9bef7feb87c16dc13b4f6568a87f4e83f728e2443ba586675c");
    struct secret_key secret = secret_of(SIGN_SECP256K1, one);
    struct public_key key = public_of(&secret);
    struct hash hash = hash_of("", span_text("Satoshi Nakamoto"));
    assert_int_equal(sign_verify(signer, &key, &hash, &high), ST_SIGNATURE);
}

static void ed25519_second_forms_are_refused(void **state)
{
    (void)state;
    struct secret_key secret = secret_of(SIGN_ED25519, one);
    struct public_key key = public_of(&secret);
    struct hash hash = hash_of("", span_text("abc"));
    struct signature sig;
    assert_int_equal(sign_hash(signer, &sig, &secret, &hash), ST_OK);
    /* S + order: equal modulo the order, but a second encoding. */
    uint8_t order[32];
    hex_bytes(order, 32, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    uint32_t carry = 0;
    struct signature twice = sig;
    for (int i = 0; i < 32; i++) {
        carry += (uint32_t)twice.bytes[32 + i] + order[i];
        twice.bytes[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(sign_verify(signer, &key, &hash, &twice), ST_SIGNATURE);
    /* Keys of small order: with R = that key and S = 0 a lax verifier accepts anything. */
    static const char *const small[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
        struct public_key weak = {.scheme = SIGN_ED25519, .size = 32};
        hex_bytes(weak.bytes, 32, small[i]);
        struct signature forged = {{0}};
        memcpy(forged.bytes, weak.bytes, 32);
        assert_int_equal(sign_verify(signer, &weak, &hash, &forged), ST_SIGNATURE);
        assert_int_equal(public_key_check(signer, &weak), ST_INVALID);
    }
}

static void malformed_keys_are_refused(void **state)
{
    (void)state;
    struct hash hash = hash_of("", span_text("abc"));
    struct signature sig = {{1}};
    struct public_key off_curve = {.scheme = SIGN_SECP256K1, .size = 33};
    hex_bytes(off_curve.bytes, 33,
              "02ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
    assert_int_equal(public_key_check(signer, &off_curve), ST_INVALID);
    assert_int_equal(sign_verify(signer, &off_curve, &hash, &sig), ST_INVALID);
    struct public_key bad_length = {.scheme = SIGN_SECP256K1, .size = 32};
    assert_false(public_key_is_formed(&bad_length));
    assert_int_equal(sign_verify(signer, &bad_length, &hash, &sig), ST_INVALID);
    bad_length = (struct public_key){.scheme = SIGN_ED25519, .size = 33};
    assert_int_equal(public_key_check(signer, &bad_length), ST_INVALID);
    assert_int_equal(sign_verify(signer, &bad_length, &hash, &sig), ST_INVALID);
    struct public_key none = {0};
    assert_int_equal(sign_verify(signer, &none, &hash, &sig), ST_INVALID);
    assert_int_equal(public_key_check(signer, &none), ST_INVALID);
}

static void impossible_secrets_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"};
    struct hash hash = hash_of("", span_text("abc"));
    struct public_key key;
    struct signature sig;
    for (size_t i = 0; i < 2; i++) {
        struct secret_key secret = secret_of(SIGN_SECP256K1, bad[i]);
        assert_int_equal(sign_public(signer, &key, &secret), ST_INVALID);
        assert_int_equal(sign_hash(signer, &sig, &secret, &hash), ST_INVALID);
    }
    struct secret_key unknown = secret_of(9, one);
    assert_int_equal(sign_public(signer, &key, &unknown), ST_INVALID);
    assert_int_equal(sign_hash(signer, &sig, &unknown, &hash), ST_INVALID);
}

/* A cache must never change an answer: good, forged and malformed signatures, keys that share a
 * place, a malformed key between uses of a good one. */
static void test_cache_changes_no_answer(void **state)
{
    (void)state;
    struct key_cache *cache = NULL;
    assert_int_equal(key_cache_new(&cache, mem_system()), ST_OK);
    for (uint32_t round = 0; round < 300; round++) {
        struct secret_key secret = {.scheme = SIGN_SECP256K1, .bytes = {1, (uint8_t)(round % 7)}};
        struct hash hash = hash_of("cache", span_of(&round, sizeof round));
        struct public_key key;
        struct signature sig;
        assert_int_equal(sign_public(signer, &key, &secret), ST_OK);
        assert_int_equal(sign_hash(signer, &sig, &secret, &hash), ST_OK);
        if (round % 5 == 1) sig.bytes[round % 64] ^= 1u;
        if (round % 5 == 2) hash.bytes[0] ^= 1u;
        if (round % 5 == 3) key.bytes[32] ^= 1u; /* Same place, another point or none. */
        assert_int_equal(sign_verify_cached(signer, cache, &key, &hash, &sig),
                         sign_verify(signer, &key, &hash, &sig));
    }
    key_cache_free(cache);
}

/* --- other algorithms ------------------------------------------------------------------------ */

static enum status toy_public(void *context,
                              struct public_key *out,
                              const struct secret_key *secret)
{
    (*(uint32_t *)context)++;
    *out = (struct public_key){.scheme = secret->scheme,
                               .size = secret->scheme == SIGN_ED25519 ? 32 : 33};
    memcpy(out->bytes, secret->bytes, SIGN_SECRET_SIZE);
    return ST_OK;
}

static enum status toy_sign(void *context,
                            struct signature *out,
                            const struct secret_key *secret,
                            const struct hash *hash)
{
    (*(uint32_t *)context)++;
    memcpy(out->bytes, secret->bytes, SIGN_SECRET_SIZE);
    memcpy(out->bytes + SIGN_SECRET_SIZE, hash->bytes, HASH_SIZE);
    return ST_OK;
}

static enum status toy_verify(void *context,
                              const struct public_key *key,
                              const struct hash *hash,
                              const struct signature *sig)
{
    (*(uint32_t *)context)++;
    bool is_good = memcmp(sig->bytes, key->bytes, SIGN_SECRET_SIZE) == 0 &&
                   memcmp(sig->bytes + SIGN_SECRET_SIZE, hash->bytes, HASH_SIZE) == 0;
    return is_good ? ST_OK : ST_SIGNATURE;
}

/* Every call of a hooked signer goes to its table, with or without a cache of keys. */
static void hooks_replace_the_algorithms(void **state)
{
    (void)state;
    uint32_t calls = 0;
    struct signer_hooks hooks = {
        .context = &calls, .public = toy_public, .sign = toy_sign, .verify = toy_verify};
    struct signer *toy = NULL;
    struct key_cache *cache = NULL;
    assert_int_equal(signer_new_hooked(&toy, mem_system(), &hooks), ST_OK);
    assert_int_equal(key_cache_new(&cache, mem_system()), ST_OK);
    for (int scheme = SIGN_SECP256K1; scheme <= SIGN_ED25519; scheme++) {
        struct secret_key secret = {.scheme = (uint8_t)scheme, .bytes = {7, 8, 9}};
        struct hash hash = hash_of("toy", span_text("x"));
        struct public_key key;
        struct signature sig;
        calls = 0;
        assert_int_equal(sign_public(toy, &key, &secret), ST_OK);
        assert_int_equal(public_key_check(toy, &key), ST_OK);
        assert_int_equal(sign_hash(toy, &sig, &secret, &hash), ST_OK);
        assert_int_equal(sign_verify(toy, &key, &hash, &sig), ST_OK);
        assert_int_equal(sign_verify_cached(toy, cache, &key, &hash, &sig), ST_OK);
        sig.bytes[0] ^= 1;
        assert_int_equal(sign_verify_cached(toy, cache, &key, &hash, &sig), ST_SIGNATURE);
        assert_int_equal(calls, 5);
        key.size++;
        assert_int_equal(public_key_check(toy, &key), ST_INVALID);
    }
    key_cache_free(cache);
    signer_free(toy);
    struct fail_mem f;
    fail_mem_init(&f, 1);
    assert_int_equal(signer_new_hooked(&toy, &f.mem, &hooks), ST_NO_MEMORY);
    fail_mem_init(&f, 0);
    assert_int_equal(signer_new_hooked(&toy, &f.mem, &hooks), ST_OK);
    signer_free(toy);
    assert_int_equal(f.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secp256k1_known_answers),
        cmocka_unit_test(ed25519_known_answers),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(high_s_is_refused),
        cmocka_unit_test(ed25519_second_forms_are_refused),
        cmocka_unit_test(malformed_keys_are_refused),
        cmocka_unit_test(impossible_secrets_are_refused),
        cmocka_unit_test(test_cache_changes_no_answer),
        cmocka_unit_test(hooks_replace_the_algorithms),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
