/* Goal: what is known of transactions under a key is found again, and what was forgotten is never
 * taken for what never was. */
#include <stdio.h>

#include "node/keyed.h"
#include "os/fake/fake_os.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

static struct hash name_of(uint32_t number)
{
    struct account_id account = {.version = 1};
    char key[32];
    (void)snprintf(key, sizeof key, "key %u", number);
    return keyed_name(&account, span_text(key));
}

static struct keyed_tx tx_of(uint32_t number)
{
    struct keyed_tx tx = {.until_ms = 1000 + number, .until_height = number};
    memcpy(tx.txid.bytes, &number, sizeof number);
    return tx;
}

static void note(struct keyed *k, uint32_t name, uint32_t number)
{
    const struct hash hash = name_of(name);
    const struct keyed_tx tx = tx_of(number);
    keyed_note(k, &hash, &tx);
}

static struct keyed *open_keyed(struct fake_os *f)
{
    struct keyed *k = NULL;
    assert_int_equal(keyed_open(&k, fake_os_table(f), mem_system(), "."), ST_OK);
    return k;
}

static void test_names(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(1);
    struct keyed *k = open_keyed(f);
    struct keyed_tx found[4];
    struct hash name = name_of(7);
    assert_int_equal(keyed_find(k, &name, found, 4), 0);
    note(k, 7, 1);
    note(k, 8, 2);
    note(k, 7, 3);
    note(k, 7, 1); /* Known. */
    assert_int_equal(keyed_find(k, &name, found, 4), 2);
    assert_int_equal(found[0].until_height, 3);
    assert_int_equal(found[1].until_height, 1);
    assert_int_equal(keyed_find(k, &name, found, 1), 1);
    assert_int_equal(keyed_floor(k, true), 0);
    keyed_free(k);
    fake_os_free(f);
}

/* More than there is room for: each is either found, or valid no longer than the floor. */
static void test_forgotten(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(2);
    struct keyed *k = open_keyed(f);
    const uint32_t count = 2 * KEYED_MAX + 1000;
    for (uint32_t i = 0; i < count; i++)
        note(k, i / 3, i);
    uint32_t found_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct keyed_tx found[4];
        const struct hash name = name_of(i / 3);
        const uint32_t n = keyed_find(k, &name, found, 4);
        bool is_found = false;
        for (uint32_t j = 0; j < n; j++)
            is_found = is_found || found[j].until_height == i;
        assert_true(is_found || tx_of(i).until_ms <= keyed_floor(k, false));
        found_count += is_found;
    }
    assert_int_equal(found_count, KEYED_MAX);
    keyed_free(k);
    fake_os_free(f);
}

/* What is promised outlives the power, before anything is signed; and a file that was spoilt makes
 * the node careful, not sure. */
static void test_promise(void **state)
{
    (void)state;
    static const char *const spoilt[] = {"", "12x4\n", "99999999999999999999999999999999999999\n"};
    struct fake_os *f = fake_os_new(3);
    struct os *os = fake_os_table(f);
    const uint64_t now = os->wall_ms(os);
    struct keyed *k = open_keyed(f);
    assert_int_equal(keyed_promise(k, now + KEYED_VALID_MS), ST_OK);
    const uint64_t syncs = fake_os_calls(f, FAKE_OS_SYNC);
    assert_int_equal(keyed_promise(k, now + KEYED_VALID_MS + 1000), ST_OK);
    assert_int_equal(fake_os_calls(f, FAKE_OS_SYNC), syncs); /* Seldom. */
    keyed_free(k);
    fake_os_crash(f, FAKE_OS_LOSE_ALL);
    k = open_keyed(f);
    assert_true(keyed_floor(k, true) >= now + KEYED_VALID_MS + 1000);
    assert_int_equal(keyed_floor(k, false), 0);
    keyed_free(k);
    for (size_t i = 1; i < sizeof spoilt / sizeof spoilt[0]; i++) {
        assert_int_equal(os_replace_file(os, "keyed", span_text(spoilt[i])), ST_OK);
        k = open_keyed(f);
        assert_true(keyed_floor(k, true) >= now + KEYED_VALID_MS);
        keyed_free(k);
    }
    fake_os_free(f);
}

static void test_failures(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem mem;
        struct fake_os *f = fake_os_new(n);
        struct keyed *k = NULL;
        fail_mem_init(&mem, n);
        const enum status st = keyed_open(&k, fake_os_table(f), &mem.mem, ".");
        if (st == ST_OK) {
            struct keyed_tx found[1];
            const struct hash name = name_of(1);
            note(k, 1, 5);
            const bool is_found = keyed_find(k, &name, found, 1) == 1;
            assert_true(is_found || keyed_floor(k, false) >= tx_of(5).until_ms);
            keyed_free(k);
            if (is_found) n = UINT64_MAX - 1;
        } else {
            assert_int_equal(st, ST_NO_MEMORY);
        }
        assert_int_equal(mem.live, 0);
        fake_os_free(f);
        if (n == UINT64_MAX - 1) break;
    }
    for (uint64_t n = 1;; n++) {
        struct fake_os *f = fake_os_new(n);
        struct os *os = fake_os_table(f);
        struct keyed *k = open_keyed(f);
        fake_os_fail(f, FAKE_OS_CHANGES, n, ST_IO);
        const enum status st = keyed_promise(k, os->wall_ms(os) + 1);
        const bool has_failed = fake_os_has_failed(f);
        assert_int_equal(st == ST_OK, !has_failed);
        keyed_free(k);
        fake_os_free(f);
        if (!has_failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_promise),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
