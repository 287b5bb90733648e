/* Goal: of several nodes, f of which may lie, a reader believes a height that n - f have reached
 * and rows that f + 1 give equally, and nothing less. */
#include "ledger/reading.h"
#include "support/cmocka_all.h"

static struct hash rows_of(uint8_t kind)
{
    struct hash h = {{kind}};
    return h;
}

static void heights_of_enough_nodes(void **state)
{
    (void)state;
    struct reading_heights h = {0};
    reading_on_height(&h, 0, 10, 10);
    reading_on_height(&h, 3, 7, 7);
    assert_false(reading_has_height(&h, 3));
    /* It had executed 12: its certificate of 9 does not reach that. */
    reading_on_height(&h, 1, 9, 12);
    assert_false(reading_has_height(&h, 3));
    reading_on_height(&h, 1, 11, 13); /* What it executes meanwhile does not matter. */
    assert_false(reading_has_height(&h, 3));
    reading_on_height(&h, 1, 12, 14);
    assert_true(reading_has_height(&h, 3));
    assert_int_equal(h.height, 12);
    assert_false(reading_has_height(&h, 4));
    assert_int_equal(h.proven, 0x0b);
}

/* Who does not say what it has executed counts with its certificate. */
static void a_node_that_does_not_say(void **state)
{
    (void)state;
    struct reading_heights h = {0};
    reading_on_height(&h, 2, 5, 0);
    assert_true(reading_has_height(&h, 1));
    assert_int_equal(h.executed[2], 5);
    /* And one whose certificate is beyond what is asked for still raises the height. */
    reading_on_height(&h, 1, 8, 20);
    assert_int_equal(h.height, 8);
    assert_int_equal(h.proven, 0x04);
    /* Nobody knows what it has signed. */
    reading_on_height(&h, 3, 8, UINT64_MAX);
    assert_int_equal(h.proven, 0x04);
}

static void rows_of_equal_nodes(void **state)
{
    (void)state;
    struct reading_rows r = {.needed = 2};
    struct hash truth = rows_of(1);
    struct hash lie = rows_of(2);
    reading_on_rows(&r, 0, &lie);
    assert_false(reading_is_settled(&r, true));
    reading_on_rows(&r, 4, &truth);
    assert_false(reading_is_settled(&r, true));
    reading_on_rows(&r, 5, &truth);
    assert_int_equal(r.winner, 0x30);
    assert_int_equal(r.counted, 0x31);
    assert_false(reading_is_settled(&r, false)); /* They differ: once more. */
    assert_true(reading_is_settled(&r, true));
    struct reading_rows same = {.needed = 2};
    reading_on_rows(&same, 1, &truth);
    reading_on_rows(&same, 30, &truth);
    assert_true(reading_is_settled(&same, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(heights_of_enough_nodes),
                                       cmocka_unit_test(a_node_that_does_not_say),
                                       cmocka_unit_test(rows_of_equal_nodes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
