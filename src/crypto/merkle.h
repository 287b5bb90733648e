/* merkle.h - Merkle tree hash and inclusion proofs of RFC 9162 (section 2.1).
 *
 * Leaf = H(0x00 ‖ data), node = H(0x01 ‖ left ‖ right), empty tree = H(""). The functions take leaf
 * hashes. Pure; thread-safe. */
#ifndef TRUSTSQL_CRYPTO_MERKLE_H
#define TRUSTSQL_CRYPTO_MERKLE_H

#include "base/status.h"
#include "crypto/hash.h"

#define MERKLE_PATH_MAX 64u /* Nodes in a path of a tree with up to 2^64 leaves. */

struct merkle_path {
    uint32_t count;
    struct hash nodes[MERKLE_PATH_MAX]; /* Leaf to root. */
};

/* Right edge of a growing tree (the "compact range"): enough to append and to tell the root. */
struct merkle_tree {
    uint64_t count; /* Leaves so far. */
    struct hash
        peaks[MERKLE_PATH_MAX]; /* peaks[i]: full subtree of 2^i leaves if bit i of count. */
};

struct hash merkle_leaf(struct span data);
struct hash merkle_node(const struct hash *left, const struct hash *right);

/* Root over leaves[count]; overwrites leaves as scratch. */
struct hash merkle_root(struct hash *leaves, size_t count);

/* All levels of a tree in one array, for the paths of its leaves: merkle_levels_size(count) hashes,
 * made once, the root last; then each path is a walk. index < count, count > 0. */
size_t merkle_levels_size(size_t count);
void merkle_levels_build(struct hash *levels, const struct hash *leaves, size_t count);
void merkle_levels_path(struct merkle_path *out,
                        const struct hash *levels,
                        size_t count,
                        size_t index);

/* ST_OK when leaf at index of a tree of count leaves gives root, else ST_INVALID. */
NODISCARD enum status merkle_check(const struct merkle_path *path,
                                   const struct hash *leaf,
                                   uint64_t index,
                                   uint64_t count,
                                   const struct hash *root);

/* Growing tree (history tree over block hashes). A zeroed struct is the empty tree. */
void merkle_tree_add(struct merkle_tree *t, const struct hash *leaf);
struct hash merkle_tree_root(const struct merkle_tree *t);

#endif
