/* Goal: roots equal the published Certificate Transparency vectors, every path verifies, and
 * nothing but the right leaf, index, count, path and root does. */
#include "crypto/merkle.h"

#include "support/cmocka_all.h"
#include "support/hex.h"

#define SWEEP_MAX 70u

static void load_published_leaves(struct hash leaves[8])
{
    static const char *const data[8] = {"",
                                        "00",
                                        "10",
                                        "2021",
                                        "3031",
                                        "40414243",
                                        "5051525354555657",
                                        "606162636465666768696a6b6c6d6e6f"};
    for (int i = 0; i < 8; i++) {
        uint8_t bytes[16];
        leaves[i] = merkle_leaf(span_of(bytes, hex_bytes(bytes, sizeof bytes, data[i])));
    }
}

static void published_roots(void **state)
{
    (void)state;
    static const char *const roots[9] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
    struct hash leaves[8];
    struct merkle_tree tree = {0};
    for (size_t count = 0; count <= 8; count++) {
        struct hash grown = merkle_tree_root(&tree);
        hex_assert_equal(hash_span(&grown), roots[count]);
        load_published_leaves(leaves);
        if (count < 8) merkle_tree_add(&tree, &leaves[count]);
        struct hash root = merkle_root(leaves, count);
        hex_assert_equal(hash_span(&root), roots[count]);
    }
}

static void make_leaves(struct hash *leaves, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = (uint8_t)i;
        leaves[i] = merkle_leaf(span_of(&byte, 1));
    }
}

static void every_path_verifies_and_only_there(void **state)
{
    (void)state;
    struct hash leaves[SWEEP_MAX];
    struct hash levels[3 * SWEEP_MAX];
    for (size_t count = 1; count <= SWEEP_MAX; count++) {
        make_leaves(leaves, count);
        merkle_levels_build(levels, leaves, count);
        struct hash root = levels[merkle_levels_size(count) - 1];
        for (size_t index = 0; index < count; index++) {
            struct merkle_path path;
            merkle_levels_path(&path, levels, count, index);
            for (size_t at = 0; at <= count; at++) {
                enum status st = merkle_check(&path, &leaves[index], at, count, &root);
                assert_int_equal(st, at == index ? ST_OK : ST_INVALID);
            }
        }
    }
}

/* The root stands last and nothing is written behind it. */
static void levels_fill_their_size(void **state)
{
    (void)state;
    struct hash leaves[SWEEP_MAX];
    struct hash levels[3 * SWEEP_MAX];
    struct hash beyond;
    memset(&beyond, 0xee, sizeof beyond);
    for (size_t count = 1; count <= SWEEP_MAX; count++) {
        make_leaves(leaves, count);
        size_t size = merkle_levels_size(count);
        assert_true(size < sizeof levels / sizeof levels[0]);
        memset(levels, 0xee, sizeof levels);
        merkle_levels_build(levels, leaves, count);
        assert_true(hash_equal(&levels[size], &beyond));
        struct hash root = merkle_root(leaves, count);
        assert_true(hash_equal(&levels[size - 1], &root));
    }
}

static void damaged_paths_are_refused(void **state)
{
    (void)state;
    struct hash leaves[13];
    struct hash levels[3 * 13];
    make_leaves(leaves, 13);
    merkle_levels_build(levels, leaves, 13);
    struct hash root = levels[merkle_levels_size(13) - 1];
    struct merkle_path path;
    merkle_levels_path(&path, levels, 13, 6);
    assert_int_equal(path.count, 4);
    for (uint32_t i = 0; i < path.count; i++) {
        path.nodes[i].bytes[5] ^= 1;
        assert_int_equal(merkle_check(&path, &leaves[6], 6, 13, &root), ST_INVALID);
        path.nodes[i].bytes[5] ^= 1;
    }
    assert_int_equal(merkle_check(&path, &leaves[5], 6, 13, &root), ST_INVALID);
    path.count--;
    assert_int_equal(merkle_check(&path, &leaves[6], 6, 13, &root), ST_INVALID);
    path.count += 2;
    path.nodes[4] = leaves[0];
    assert_int_equal(merkle_check(&path, &leaves[6], 6, 13, &root), ST_INVALID);
    path.count = MERKLE_PATH_MAX + 1;
    assert_int_equal(merkle_check(&path, &leaves[6], 6, 13, &root), ST_INVALID);
    assert_int_equal(merkle_check(&path, &leaves[6], 0, 0, &root), ST_INVALID);
}

/* The path hashes to the root, but it is longer than a tree of that count can have. */
static void paths_have_the_length_of_the_tree(void **state)
{
    (void)state;
    struct hash leaves[2];
    make_leaves(leaves, 2);
    struct merkle_path path = {.count = 1};
    path.nodes[0] = leaves[0];
    struct hash root = merkle_node(&leaves[0], &leaves[1]);
    assert_int_equal(merkle_check(&path, &leaves[1], 1, 2, &root), ST_OK);
    assert_int_equal(merkle_check(&path, &leaves[1], 0, 1, &root), ST_INVALID);
}

static void growing_tree_equals_the_whole(void **state)
{
    (void)state;
    struct hash leaves[SWEEP_MAX];
    struct merkle_tree tree = {0};
    for (size_t count = 1; count <= SWEEP_MAX; count++) {
        make_leaves(leaves, count);
        merkle_tree_add(&tree, &leaves[count - 1]);
        struct hash grown = merkle_tree_root(&tree);
        struct hash whole = merkle_root(leaves, count);
        assert_true(hash_equal(&grown, &whole));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_roots),
        cmocka_unit_test(every_path_verifies_and_only_there),
        cmocka_unit_test(levels_fill_their_size),
        cmocka_unit_test(damaged_paths_are_refused),
        cmocka_unit_test(paths_have_the_length_of_the_tree),
        cmocka_unit_test(growing_tree_equals_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
