/* Goal: a path with directions gives the root of its own leaf only, no bit of it can change, and
 * two paths are neighbours exactly when no leaf lies between theirs. */
#include "ledger/side_path.h"

#include "support/cmocka_all.h"

#define LEAVES_MAX 21u

struct tree {
    struct hash levels[3 * LEAVES_MAX];
    struct hash root;
    struct side_path paths[LEAVES_MAX];
    uint32_t count;
};

static void tree_make(struct tree *t, uint32_t count)
{
    struct hash leaves[LEAVES_MAX];
    for (uint32_t i = 0; i < count; i++)
        leaves[i] = merkle_leaf(span_of(&i, sizeof i));
    merkle_levels_build(t->levels, leaves, count);
    t->root = t->levels[merkle_levels_size(count) - 1];
    t->count = count;
    for (uint32_t i = 0; i < count; i++)
        side_path_make(&t->paths[i], t->levels, count, i);
}

static void each_leaf_has_its_path(void **state)
{
    (void)state;
    struct tree t;
    for (uint32_t count = 1; count <= LEAVES_MAX; count++) {
        tree_make(&t, count);
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t k = 0; k < count; k++)
                assert_int_equal(side_path_check(&t.paths[i], &t.levels[k], &t.root),
                                 i == k ? ST_OK : ST_INVALID);
    }
}

static void ends_and_neighbours_are_told(void **state)
{
    (void)state;
    struct tree t;
    for (uint32_t count = 1; count <= LEAVES_MAX; count++) {
        tree_make(&t, count);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(side_path_is_first(&t.paths[i]), i == 0);
            assert_int_equal(side_path_is_last(&t.paths[i]), i + 1 == count);
            for (uint32_t k = 0; k < count; k++)
                assert_int_equal(side_path_are_neighbours(&t.paths[i], &t.paths[k]), k == i + 1);
        }
    }
}

static enum status decode(struct side_path *p, struct span bytes)
{
    struct cbor in = cbor_of(bytes);
    side_path_read(p, &in);
    return cbor_end(&in);
}

static void no_bit_can_change(void **state)
{
    (void)state;
    struct tree t;
    for (uint32_t count = 1; count <= LEAVES_MAX; count += 5) {
        tree_make(&t, count);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t bytes[64 * 40];
            struct buf out;
            struct side_path p;
            buf_init_fixed(&out, bytes, sizeof bytes);
            side_path_write(&out, &t.paths[i]);
            assert_int_equal(decode(&p, buf_span(&out)), ST_OK);
            assert_int_equal(side_path_check(&p, &t.levels[i], &t.root), ST_OK);
            for (size_t bit = 0; bit < 8 * out.size; bit++) {
                bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
                if (decode(&p, buf_span(&out)) == ST_OK)
                    assert_int_not_equal(side_path_check(&p, &t.levels[i], &t.root), ST_OK);
                bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_leaf_has_its_path),
        cmocka_unit_test(ends_and_neighbours_are_told),
        cmocka_unit_test(no_bit_can_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
