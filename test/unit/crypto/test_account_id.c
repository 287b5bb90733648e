/* Goal: addresses are those that Bitcoin tools make of the same keys, and a text that is not
 * exactly the one form of an address is refused. */
#include "crypto/account_id.h"

#include "support/cmocka_all.h"
#include "support/hex.h"

static struct public_key key_of(uint8_t scheme, const char *hex)
{
    struct public_key key = {.scheme = scheme};
    key.size = (uint8_t)hex_bytes(key.bytes, sizeof key.bytes, hex);
    return key;
}

static void known_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *text;
    } cases[] = {
        {"0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
         "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH"},
        {"02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
         "1cMh228HTCiwS8ZsaakH8A8wze1JR5ZsP"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct public_key key = key_of(SIGN_SECP256K1, cases[i].key);
        struct account_id id = account_id_of(&key);
        char text[ACCOUNT_TEXT_MAX];
        account_id_text(text, &id);
        assert_string_equal(text, cases[i].text);
        struct account_id again;
        assert_int_equal(account_id_parse(&again, text), ST_OK);
        assert_true(account_id_equal(&id, &again));
    }
}

static void ed25519_has_its_own_version(void **state)
{
    (void)state;
    struct public_key key =
        key_of(SIGN_ED25519, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    struct account_id id = account_id_of(&key);
    assert_int_equal(id.version, 33);
    char text[ACCOUNT_TEXT_MAX];
    account_id_text(text, &id);
    assert_int_equal(text[0], 'E');
    struct account_id again;
    assert_int_equal(account_id_parse(&again, text), ST_OK);
    assert_true(account_id_equal(&id, &again));
}

static void extreme_ids_round_trip(void **state)
{
    (void)state;
    for (int fill = 0; fill <= 0xff; fill += 0xff) {
        struct account_id id = {.version = 0};
        memset(id.bytes, fill, sizeof id.bytes);
        char text[ACCOUNT_TEXT_MAX];
        account_id_text(text, &id);
        struct account_id again;
        assert_int_equal(account_id_parse(&again, text), ST_OK);
        assert_true(account_id_equal(&id, &again));
        if (fill == 0) assert_string_equal(text, "1111111111111111111114oLvT2");
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "1",
        "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAM",
        "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMHH",
        "11BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH",
        "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMI",
        " 1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH",
        "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH ",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", /* Version 5 belongs to another system. */
        "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        "11111111111111111111111111111111111111111111111111111111111111111"};
    struct account_id id;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(account_id_parse(&id, bad[i]), ST_INVALID);
    char text[] = "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH";
    for (size_t i = 0; text[i] != 0; i++) {
        char kept = text[i];
        for (int c = 1; c < 256; c++) {
            text[i] = (char)c;
            if (text[i] != kept) assert_int_equal(account_id_parse(&id, text), ST_INVALID);
        }
        text[i] = kept;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_addresses),
        cmocka_unit_test(ed25519_has_its_own_version),
        cmocka_unit_test(extreme_ids_round_trip),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
