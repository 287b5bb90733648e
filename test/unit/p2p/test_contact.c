/* Goal: when to dial, which of two connections lives, and whether the peer is there, decided the
 * same way whatever the clock and chance say. */
#include "p2p/contact.h"

#include "support/cmocka_all.h"
#include "support/test_rng.h"

static uint64_t wait_after(uint32_t failures, uint32_t chance)
{
    struct contact c = {0};
    for (uint32_t i = 0; i <= failures; i++)
        contact_failed(&c, 1000, chance);
    assert_false(contact_is_due(&c, c.dial_at_ms - 1));
    assert_true(contact_is_due(&c, c.dial_at_ms));
    return c.dial_at_ms - 1000;
}

/* Doubles from the minimum to the maximum; chance decides over half of it, and no more. */
static void back_off(void **state)
{
    (void)state;
    struct test_rng rng = {1};
    uint64_t wait = CONTACT_BACKOFF_MIN_MS;
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(wait_after(i, 0), wait / 2);
        for (uint32_t j = 0; j < 100; j++) {
            uint64_t got = wait_after(i, (uint32_t)test_rng_u64(&rng));
            assert_in_range(got, wait / 2, wait);
        }
        if (wait < CONTACT_BACKOFF_MAX_MS) wait *= 2;
    }
    assert_int_equal(wait, CONTACT_BACKOFF_MAX_MS);
}

/* A connection that breaks at once does not shorten the wait; one that stood does. */
static void stable_resets(void **state)
{
    (void)state;
    struct contact c = {0};
    struct contact_link link = {1, 1};
    for (uint32_t i = 0; i < 10; i++)
        contact_failed(&c, 0, 0);
    contact_up(&c, &link, 1000);
    contact_heard(&c, 1000 + CONTACT_STABLE_MS - 1);
    assert_int_equal(c.failures, 10);
    contact_heard(&c, 1000 + CONTACT_STABLE_MS);
    assert_int_equal(c.failures, 0);
    assert_false(contact_is_due(&c, UINT32_MAX)); /* Up. */
    contact_down(&c);
    assert_true(contact_is_due(&c, UINT32_MAX));
}

static void bans(void **state)
{
    (void)state;
    struct contact c = {0};
    uint64_t wait = CONTACT_BAN_MIN_MS;
    for (uint32_t i = 0; i < 40; i++) {
        contact_ban(&c, 500);
        assert_true(contact_is_banned(&c, 500 + wait - 1));
        assert_false(contact_is_due(&c, 500 + wait - 1));
        assert_false(contact_is_banned(&c, 500 + wait));
        assert_true(contact_is_due(&c, 500 + wait));
        if (wait < CONTACT_BAN_MAX_MS) wait *= 2;
    }
}

static void choices(void **state)
{
    (void)state;
    struct contact c = {0};
    struct contact_link link = {.number = 77, .peer_incarnation = 5};
    struct hello hello = {.incarnation = 5};
    assert_int_equal(contact_choose(&c, &hello), CONTACT_ADOPT);
    contact_up(&c, &link, 1);
    assert_int_equal(contact_choose(&c, &hello), CONTACT_REFUSE); /* Both dialled. */
    hello.lost_link = 76;
    assert_int_equal(contact_choose(&c, &hello), CONTACT_REFUSE); /* An older one. */
    hello.lost_link = 77;
    assert_int_equal(contact_choose(&c, &hello), CONTACT_REPLACE); /* Half open. */
    hello = (struct hello){.incarnation = 6};
    assert_int_equal(contact_choose(&c, &hello), CONTACT_REPLACE); /* Restarted. */
    contact_down(&c);
    assert_int_equal(c.lost_link, 77);
    assert_int_equal(contact_choose(&c, &hello), CONTACT_ADOPT);
}

static void silence(void **state)
{
    (void)state;
    struct contact c = {0};
    struct contact_link link = {1, 1};
    assert_false(contact_is_silent(&c, UINT32_MAX)); /* Not up. */
    contact_up(&c, &link, 100);
    assert_false(contact_is_silent(&c, 100 + CONTACT_SILENT_MS - 1));
    assert_true(contact_is_silent(&c, 100 + CONTACT_SILENT_MS));
    contact_heard(&c, 200);
    assert_false(contact_is_silent(&c, 200 + CONTACT_SILENT_MS - 1));
    assert_true(contact_is_silent(&c, 200 + CONTACT_SILENT_MS));
    contact_forgive(&c, 7000); /* It was us who slept. */
    assert_false(contact_is_silent(&c, 200 + CONTACT_SILENT_MS));
}

static void pings(void **state)
{
    (void)state;
    struct contact c = {0};
    struct contact_link link = {1, 1};
    uint64_t token = 0;
    assert_false(contact_ping(&c, 5000, 1, &token));
    contact_up(&c, &link, 5000);
    assert_true(contact_ping(&c, 5000, 1000000, &token));
    assert_false(contact_ping(&c, 5000 + CONTACT_PING_MS - 1, 2, &token));
    struct contact_clock clock = {.now_ns = 1000000 + 3000000, .wall_ms = 100000};
    contact_pong(&c, &(struct pong){token + 1, 5}, &clock); /* Invented. */
    assert_int_equal(c.rtt_us, 0);
    contact_pong(&c, &(struct pong){token, 100500}, &clock);
    assert_int_equal(c.rtt_us, 3000);
    assert_int_equal(c.clock_offset_ms, 501);           /* It was 100,500 there 1.5 ms ago. */
    contact_pong(&c, &(struct pong){token, 1}, &clock); /* Again. */
    assert_int_equal(c.clock_offset_ms, 501);
    uint64_t late = token;
    assert_true(contact_ping(&c, 6000, 2000000, &token));
    contact_pong(&c, &(struct pong){late, 1}, &clock); /* Late. */
    assert_int_equal(c.clock_offset_ms, 501);
    contact_pong(&c, &(struct pong){token, UINT64_MAX}, &clock); /* Nonsense harms nothing. */
    assert_true(c.clock_offset_ms > 0);
}

/* Never more than the burst and the rate allow, never less when somebody waits. */
static void buckets(void **state)
{
    (void)state;
    struct bucket b = {.per_second = 10, .most = 5, .milli = 5000, .at_ms = 1000};
    uint32_t taken = 0;
    for (uint64_t now = 1000; now < 11000; now++)
        taken += bucket_take(&b, now) ? 1 : 0;
    assert_in_range(taken, 104, 105);
    assert_true(bucket_take(&b, UINT64_MAX / 2)); /* After an age: the burst, no overflow. */
    taken = 1;
    while (bucket_take(&b, UINT64_MAX / 2))
        taken++;
    assert_int_equal(taken, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_off), cmocka_unit_test(stable_resets), cmocka_unit_test(bans),
        cmocka_unit_test(choices),  cmocka_unit_test(silence),       cmocka_unit_test(pings),
        cmocka_unit_test(buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
