/* Goal: SHA-256 gives the digests of FIPS 180-4 for any split of the input, and the domain tag is
 * the text with its terminating zero. */
#include "crypto/hash.h"

#include "support/cmocka_all.h"
#include "support/hex.h"

static void known_answers(void **state)
{
    (void)state;
    struct hash empty = hash_of("", (struct span){0});
    hex_assert_equal(hash_span(&empty),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    struct hash abc = hash_of("", span_text("abc"));
    hex_assert_equal(hash_span(&abc),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct hash two_blocks =
        hash_of("", span_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"));
    hex_assert_equal(hash_span(&two_blocks),
                     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void a_million_letters_in_uneven_parts(void **state)
{
    (void)state;
    uint8_t part[997];
    memset(part, 'a', sizeof part);
    struct hasher h;
    hash_init(&h, "");
    for (size_t left = 1000000; left > 0;) {
        size_t size = left < sizeof part ? left : sizeof part;
        hash_add(&h, span_of(part, size));
        left -= size;
    }
    struct hash got = hash_final(&h);
    hex_assert_equal(hash_span(&got),
                     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void tag_is_text_and_zero_byte(void **state)
{
    (void)state;
    struct hash tagged = hash_of("hdr", span_text("body"));
    struct hash plain = hash_of("", span_of("hdr\0body", 8));
    assert_true(hash_equal(&tagged, &plain));
    struct hash other = hash_of("hdrb", span_text("ody"));
    assert_false(hash_equal(&tagged, &other));
}

static void integers_are_little_endian(void **state)
{
    (void)state;
    struct hasher h;
    hash_init(&h, "");
    hash_add_u64(&h, 0x0807060504030201u);
    struct hash got = hash_final(&h);
    struct hash want = hash_of("", span_of("\1\2\3\4\5\6\7\10", 8));
    assert_true(hash_equal(&got, &want));
    hash_init(&h, "");
    hash_add_hash(&h, &want);
    got = hash_final(&h);
    want = hash_of("", hash_span(&want));
    assert_true(hash_equal(&got, &want));
}

static void zero_is_told(void **state)
{
    (void)state;
    struct hash h = {{0}};
    assert_true(hash_is_zero(&h));
    h.bytes[31] = 1;
    assert_false(hash_is_zero(&h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(a_million_letters_in_uneven_parts),
        cmocka_unit_test(tag_is_text_and_zero_byte),
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(zero_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
