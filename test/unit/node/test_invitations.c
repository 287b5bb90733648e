/* Goal: an invitation lets one key in, until it expires or is withdrawn, and nobody else. */
#include "node/invitations.h"

#include <stdio.h>

#include "os/fake/fake_os.h"
#include "support/cmocka_all.h"

static const uint8_t secret_bytes[INVITATION_SECRET_SIZE] = {1, 2, 3};

static struct public_key key_of(uint8_t seed)
{
    struct public_key key = {.scheme = SIGN_ED25519, .size = 32};
    memset(key.bytes, seed, 32);
    return key;
}

static struct fake_os *begin(struct invitations *in)
{
    struct fake_os *f = fake_os_new(1);
    *in = (struct invitations){.os = fake_os_table(f), .mem = mem_system(), .dir = "d"};
    assert_int_equal(in->os->make_dir(in->os, "d"), ST_OK);
    return f;
}

static void test_one_key_until_it_expires(void **state)
{
    (void)state;
    struct invitations in;
    struct fake_os *f = begin(&in);
    const struct span secret = span_of(secret_bytes, sizeof secret_bytes);
    const struct hash hash = invitation_hash(secret);
    const struct public_key a = key_of(7);
    const struct public_key b = key_of(8);
    struct invitation_kept kept = {.expires_ms = 1000, .account = "admin@bank-a"};
    struct invitation_kept got;
    uint64_t last_ms;
    assert_int_equal(invitations_open(&in, 1, &last_ms), 0); /* There is no folder. */
    assert_false(invitations_admit(&in, secret, &a, 1));
    assert_int_equal(invitations_put(&in, &hash, &kept), ST_OK);
    assert_int_equal(invitations_open(&in, 1, &last_ms), 1);
    assert_int_equal(last_ms, 1000);
    assert_true(invitations_admit(&in, secret, &a, 999));
    assert_true(invitations_admit(&in, secret, &b, 999));
    assert_false(invitations_admit(&in, secret, &a, 1000));
    assert_false(invitations_admit(&in, span_of(secret_bytes, 15), &a, 1));
    kept.is_used = true;
    kept.node_key = a;
    assert_int_equal(invitations_put(&in, &hash, &kept), ST_OK);
    assert_int_equal(invitations_get(&in, &hash, &got), ST_OK);
    assert_string_equal(got.account, "admin@bank-a");
    assert_true(got.is_used && public_key_equal(&got.node_key, &a));
    assert_true(invitations_admit(&in, secret, &a, 999));
    assert_false(invitations_admit(&in, secret, &b, 999));
    assert_int_equal(invitations_open(&in, 1, &last_ms), 0);
    fake_os_free(f);
}

static void test_what_is_no_invitation_admits_nobody(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "account = a\n",
                                        "expires_ms = 5\n",
                                        "expires_ms = x\naccount = a\n",
                                        "expires_ms = 99\naccount = a\nnode_key = 00\n",
                                        "expires_ms = 99\naccount = a\nother = 1\n",
                                        "[s]\nexpires_ms = 99\naccount = a\n"};
    struct invitations in;
    struct fake_os *f = begin(&in);
    const struct span secret = span_of(secret_bytes, sizeof secret_bytes);
    const struct hash hash = invitation_hash(secret);
    const struct public_key key = key_of(1);
    const struct invitation_kept kept = {.expires_ms = 99, .account = "a"};
    assert_int_equal(invitations_put(&in, &hash, &kept), ST_OK); /* Makes the folder. */
    char path[128] = "d/invitations/";
    for (uint32_t i = 0; i < HASH_SIZE; i++)
        (void)snprintf(path + 14 + 2 * (size_t)i, 3, "%02x", hash.bytes[i]);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct invitation_kept got;
        assert_int_equal(os_replace_file(in.os, path, span_text(texts[i])), ST_OK);
        assert_int_equal(invitations_get(&in, &hash, &got), ST_CORRUPT);
        assert_false(invitations_admit(&in, secret, &key, 1));
    }
    fake_os_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_key_until_it_expires),
        cmocka_unit_test(test_what_is_no_invitation_admits_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
