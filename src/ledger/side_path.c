/* side_path.c - Paths with directions.
 *
 *   sides, [node…]         node i is hashed on the left when bit i of sides is set
 *
 * Why neighbours can be told: interior nodes and leaves have different prefixes, so a path that
 * gives the root walks down the one real tree, whatever its shape. From the root both paths go the
 * same way up to one node; there the left one goes left and the right one right. If the left one
 * then goes right at each step, its leaf is the last of that subtree; if the right one goes left at
 * each step, its leaf is the first of the other. */
#include "ledger/side_path.h"

#include "base/must.h"
#include "ledger/ledger_int.h"

static bool is_left(const struct side_path *p, uint32_t step)
{
    must(step < p->path.count);
    return (p->sides >> step & 1u) != 0;
}

void side_path_make(struct side_path *out, const struct hash *levels, size_t count, size_t index)
{
    must(index < count);
    out->sides = 0;
    out->path.count = 0;
    for (; count > 1; count = (count + 1) / 2, index /= 2) {
        if ((index ^ 1u) < count) {
            must(out->path.count < MERKLE_PATH_MAX);
            out->sides |= (uint64_t)(index & 1u) << out->path.count;
            out->path.nodes[out->path.count++] = levels[index ^ 1u];
        }
        levels += count;
    }
}

enum status side_path_check(const struct side_path *p,
                            const struct hash *leaf,
                            const struct hash *root)
{
    struct hash node = *leaf;
    for (uint32_t i = 0; i < p->path.count; i++)
        node = is_left(p, i) ? merkle_node(&p->path.nodes[i], &node)
                             : merkle_node(&node, &p->path.nodes[i]);
    return hash_equal(&node, root) ? ST_OK : ST_INVALID;
}

bool side_path_is_first(const struct side_path *p)
{
    return p->sides == 0;
}

bool side_path_is_last(const struct side_path *p)
{
    for (uint32_t i = 0; i < p->path.count; i++)
        if (!is_left(p, i)) return false;
    return true;
}

bool side_path_are_neighbours(const struct side_path *left, const struct side_path *right)
{
    uint32_t l = left->path.count;
    uint32_t r = right->path.count;
    while (l > 0 && r > 0 && is_left(left, l - 1) == is_left(right, r - 1)) {
        l--;
        r--;
    }
    if (l == 0 || r == 0) return false; /* One leaf cannot lie above another. */
    if (is_left(left, --l)) return false;
    must(is_left(right, --r));
    for (uint32_t i = 0; i < l; i++)
        if (!is_left(left, i)) return false;
    for (uint32_t i = 0; i < r; i++)
        if (is_left(right, i)) return false;
    return true;
}

void side_path_write(struct buf *out, const struct side_path *p)
{
    cbor_put_uint(out, p->sides);
    merkle_path_write(out, &p->path);
}

void side_path_read(struct side_path *p, struct cbor *in)
{
    p->sides = cbor_get_uint(in);
    merkle_path_read(&p->path, in);
    if (p->path.count < 64 && p->sides >> p->path.count != 0) cbor_fail(in);
}

void merkle_path_write(struct buf *out, const struct merkle_path *path)
{
    must(path->count <= MERKLE_PATH_MAX);
    cbor_put_array(out, path->count);
    for (uint32_t i = 0; i < path->count; i++)
        put_hash(out, &path->nodes[i]);
}

void merkle_path_read(struct merkle_path *path, struct cbor *in)
{
    uint64_t count = cbor_get_array(in);
    if (count > MERKLE_PATH_MAX) {
        cbor_fail_with(in, ST_LIMIT);
        count = 0;
    }
    path->count = (uint32_t)count;
    for (uint32_t i = 0; i < path->count; i++)
        path->nodes[i] = get_hash(in);
}
