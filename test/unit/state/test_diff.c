/* test_diff.c - Applying a difference to the newer image gives the older one back, whatever they
 * are. */
#include <string.h>

#include "state/diff.h"
#include "support/cmocka_all.h"
#include "support/test_rng.h"

#define ROUNDS 3000

static void fill(struct test_rng *rng, uint8_t *page)
{
    for (size_t i = 0; i < PAGE_BYTES; i++)
        page[i] = (uint8_t)test_rng_u64(rng);
}

static void assert_turns_back(const uint8_t *older, const uint8_t *newer)
{
    uint8_t runs[DIFF_SIZE_MAX];
    uint8_t page[PAGE_BYTES];
    size_t size = diff_encode(runs, older, newer);
    assert_true(size <= DIFF_SIZE_MAX);
    memcpy(page, newer, PAGE_BYTES);
    diff_apply(page, runs, size);
    assert_memory_equal(page, older, PAGE_BYTES);
}

/* Random changes, from one byte to the whole page, at random places. */
static void random_changes_turn_back(void **state)
{
    (void)state;
    struct test_rng rng = {.state = 7};
    uint8_t older[PAGE_BYTES];
    uint8_t newer[PAGE_BYTES];
    for (int round = 0; round < ROUNDS; round++) {
        fill(&rng, older);
        memcpy(newer, older, PAGE_BYTES);
        uint64_t changes = test_rng_below(&rng, round % 5 == 0 ? 2000 : 20);
        for (uint64_t i = 0; i < changes; i++)
            newer[test_rng_below(&rng, PAGE_BYTES)] = (uint8_t)test_rng_u64(&rng);
        if (memcmp(older, newer, PAGE_BYTES) == 0) newer[PAGE_BYTES - 1] ^= 1u;
        assert_turns_back(older, newer);
    }
}

/* One changed byte at each position of the page. */
static void each_position_turns_back(void **state)
{
    (void)state;
    uint8_t older[PAGE_BYTES] = {0};
    uint8_t newer[PAGE_BYTES] = {0};
    for (size_t i = 0; i < PAGE_BYTES; i++) {
        newer[i] = 1;
        uint8_t runs[DIFF_SIZE_MAX];
        assert_int_equal(diff_encode(runs, older, newer), DIFF_RUN_HEAD + 1);
        assert_turns_back(older, newer);
        newer[i] = 0;
    }
}

/* Changes at every distance: runs are joined below 8 equal bytes, and the worst case fits. */
static void every_distance_fits(void **state)
{
    (void)state;
    for (size_t distance = 1; distance < 64; distance++) {
        uint8_t older[PAGE_BYTES] = {0};
        uint8_t newer[PAGE_BYTES] = {0};
        for (size_t i = 0; i < PAGE_BYTES; i += distance)
            newer[i] = 1;
        assert_turns_back(older, newer);
    }
    uint8_t older[PAGE_BYTES] = {0};
    uint8_t newer[PAGE_BYTES] = {0};
    uint8_t runs[DIFF_SIZE_MAX];
    newer[100] = 1;
    newer[108] = 1; /* Seven equal bytes between. */
    assert_int_equal(diff_encode(runs, older, newer), DIFF_RUN_HEAD + 9);
    newer[108] = 0;
    newer[109] = 1; /* Eight. */
    assert_int_equal(diff_encode(runs, older, newer), 2 * (DIFF_RUN_HEAD + 1));
}

/* Equal images have an empty difference; a whole one rebuilds the page from anything. */
static void equal_and_whole(void **state)
{
    (void)state;
    struct test_rng rng = {.state = 9};
    uint8_t older[PAGE_BYTES];
    uint8_t page[PAGE_BYTES];
    uint8_t runs[DIFF_SIZE_MAX];
    fill(&rng, older);
    memcpy(page, older, PAGE_BYTES);
    assert_int_equal(diff_encode(runs, older, page), 0);
    assert_int_equal(diff_encode_whole(runs, older), DIFF_SIZE_MAX);
    fill(&rng, page);
    diff_apply(page, runs, DIFF_SIZE_MAX);
    assert_memory_equal(page, older, PAGE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_turn_back),
        cmocka_unit_test(each_position_turns_back),
        cmocka_unit_test(every_distance_fits),
        cmocka_unit_test(equal_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
