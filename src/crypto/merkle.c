/* merkle.c - RFC 9162 section 2.1.
 *
 * The recursive definition splits n leaves at the largest power of two below n. Level by level that
 * is: pair neighbours, carry an odd last one up unchanged. Both give the same tree; the second
 * needs no recursion. */
#include "crypto/merkle.h"

#include "base/must.h"

static const uint8_t leaf_prefix = 0;
static const uint8_t node_prefix = 1;

static size_t next_level(struct hash *nodes, size_t count);

struct hash merkle_leaf(struct span data)
{
    struct hasher h;
    hash_init(&h, "");
    hash_add(&h, span_of(&leaf_prefix, 1));
    hash_add(&h, data);
    return hash_final(&h);
}

struct hash merkle_node(const struct hash *left, const struct hash *right)
{
    uint8_t bytes[1 + 2 * HASH_SIZE];
    bytes[0] = node_prefix;
    memcpy(bytes + 1, left->bytes, HASH_SIZE);
    memcpy(bytes + 1 + HASH_SIZE, right->bytes, HASH_SIZE);
    return hash_of("", span_of(bytes, sizeof bytes));
}

struct hash merkle_root(struct hash *leaves, size_t count)
{
    if (count == 0) return hash_of("", (struct span){0});
    while (count > 1)
        count = next_level(leaves, count);
    return leaves[0];
}

size_t merkle_levels_size(size_t count)
{
    must(count > 0);
    size_t total = count;
    while (count > 1) {
        count = (count + 1) / 2;
        total += count;
    }
    return total;
}

void merkle_levels_build(struct hash *levels, const struct hash *leaves, size_t count)
{
    memcpy(levels, leaves, count * sizeof *leaves);
    while (count > 1) {
        struct hash *above = levels + count;
        for (size_t i = 0; i + 1 < count; i += 2)
            above[i / 2] = merkle_node(&levels[i], &levels[i + 1]);
        if (count % 2 == 1) above[count / 2] = levels[count - 1];
        levels = above;
        count = (count + 1) / 2;
    }
}

void merkle_levels_path(struct merkle_path *out,
                        const struct hash *levels,
                        size_t count,
                        size_t index)
{
    must(index < count);
    out->count = 0;
    for (; count > 1; count = (count + 1) / 2, index /= 2) {
        if ((index ^ 1u) < count) out->nodes[out->count++] = levels[index ^ 1u];
        levels += count;
    }
    must(out->count <= MERKLE_PATH_MAX);
}

/* RFC 9162 section 2.1.3.2; fn and sn are its names. */
enum status merkle_check(const struct merkle_path *path,
                         const struct hash *leaf,
                         uint64_t index,
                         uint64_t count,
                         const struct hash *root)
{
    if (index >= count || path->count > MERKLE_PATH_MAX) return ST_INVALID;
    uint64_t fn = index;
    uint64_t sn = count - 1;
    struct hash node = *leaf;
    for (uint32_t i = 0; i < path->count; i++) {
        if (sn == 0) return ST_INVALID;
        if ((fn & 1u) != 0 || fn == sn) {
            node = merkle_node(&path->nodes[i], &node);
            while ((fn & 1u) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            node = merkle_node(&node, &path->nodes[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && hash_equal(&node, root) ? ST_OK : ST_INVALID;
}

void merkle_tree_add(struct merkle_tree *t, const struct hash *leaf)
{
    must(t->count < UINT64_MAX);
    struct hash node = *leaf;
    uint32_t level = 0;
    for (; (t->count >> level & 1u) != 0; level++)
        node = merkle_node(&t->peaks[level], &node);
    must(level < MERKLE_PATH_MAX);
    t->peaks[level] = node;
    t->count++;
}

struct hash merkle_tree_root(const struct merkle_tree *t)
{
    if (t->count == 0) return hash_of("", (struct span){0});
    uint32_t level = 0;
    while ((t->count >> level & 1u) == 0)
        level++;
    struct hash root = t->peaks[level];
    for (level++; level < MERKLE_PATH_MAX; level++)
        if ((t->count >> level & 1u) != 0) root = merkle_node(&t->peaks[level], &root);
    return root;
}

/* Replace count > 1 nodes by their parents; how many there are now. */
static size_t next_level(struct hash *nodes, size_t count)
{
    must(count > 1);
    size_t half = count / 2;
    for (size_t i = 0; i < half; i++)
        nodes[i] = merkle_node(&nodes[2 * i], &nodes[2 * i + 1]);
    if (count % 2 != 0) nodes[half] = nodes[count - 1];
    return half + count % 2;
}
