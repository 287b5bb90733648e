/* tree.c - Building the row tree from sorted rows, and changing a part of it.
 *
 * A bucket whose rows change is built again from the rows in its range, like a whole tree: one
 * piece of code makes both, so a tree cannot depend on its past.
 *
 * Building keeps a stack of neighbouring parts and, for each, the bit in which its first row
 * differs from the last row before it. A row that differs earlier than the part below the top ends
 * that part: the two on top are joined. (The Cartesian tree of the differing bits.) Parts of few
 * rows stay plain rows, whose places lie at the end of one array.
 *
 * Invariants
 * T1  A node of more than ROW_BUCKET_MAX rows is a branch at the first bit in which its rows
 *     differ, any other is a bucket.
 * T2  Bits grow on every way down, so no way is longer than ROW_POSITION_BITS. */
#include "rows/tree.h"

#include <stdatomic.h>

#include "base/must.h"

#define PARTS_MAX (ROW_POSITION_BITS + 2u) /* Bits ascend strictly up the stack. */

struct tree {
    atomic_uint references;
    uint16_t bit; /* BUCKET: a bucket. */
    uint64_t count;
    struct hash hash;
    struct row_position first; /* Of its rows. */
    struct tree *sides[2];     /* Of a branch. */
};
#define BUCKET 0xffffu

struct part {
    struct tree *node; /* Null: plain rows. */
    uint32_t bit;
    uint32_t first; /* Plain: its places. */
    uint32_t count;
};

struct builder {
    struct slots *nodes;
    uint32_t part_count;
    uint32_t place_count;
    struct row_position last;
    struct part parts[PARTS_MAX];
    struct row_place places[PARTS_MAX * ROW_BUCKET_MAX];
};

struct update {
    struct slots *nodes;
    struct merge *merge;
    struct builder *builder; /* Large, so made once. */
};

static struct tree *node_new(struct slots *nodes);
static enum status join(
    struct tree **out, struct slots *nodes, uint32_t bit, struct tree *left, struct tree *right);
static enum status add_place(struct builder *b, const struct row_place *place);
static enum status finish_part(struct builder *b, struct part *p);
static enum status join_top(struct builder *b);
static enum status build(struct tree **out, const struct update *u, const struct prefix *prefix);
static enum status build_bucket(struct tree **out, struct builder *b, uint32_t count);
static enum status take_all(struct builder *b, struct merge *m);
static enum status update_node(struct tree **out,
                               const struct update *u,
                               struct tree *t,
                               const struct prefix *prefix,
                               const struct tree_changes *c);
static enum status cut_table(struct tree **out,
                             const struct update *u,
                             struct tree *t,
                             const struct prefix *prefix,
                             const struct prefix *table);
static enum status join_sides(struct tree **out,
                              const struct update *u,
                              const struct prefix *prefix,
                              struct tree *const sides[2]);

/* --- nodes ----------------------------------------------------------------------------------- */

enum status tree_slots(struct slots **out, struct mem *mem)
{
    return slots_new(out, mem, sizeof(struct tree));
}

static struct tree *node_new(struct slots *nodes)
{
    struct tree *t = slots_take(nodes);
    if (t != NULL) atomic_init(&t->references, 1u);
    return t;
}

struct tree *tree_ref(struct tree *t)
{
    if (t == NULL) return NULL;
    unsigned before = atomic_fetch_add(&t->references, 1u);
    must(before > 0);
    return t;
}

void tree_unref(struct slots *nodes, struct tree *t)
{
    while (t != NULL) { /* As deep as T2 allows. */
        unsigned before = atomic_fetch_sub(&t->references, 1u);
        must(before > 0);
        if (before > 1) return;
        struct tree *right = NULL;
        if (t->bit != BUCKET) {
            tree_unref(nodes, t->sides[0]);
            right = t->sides[1];
        }
        slots_give(nodes, t);
        t = right;
    }
}

struct hash tree_root(const struct tree *t)
{
    static const struct hash none = {{0}};
    return t == NULL ? none : t->hash;
}

uint64_t tree_count(const struct tree *t)
{
    return t == NULL ? 0 : t->count;
}

void tree_look(const struct tree *t, struct tree_look *out)
{
    must(t != NULL);
    *out = (struct tree_look){
        .is_bucket = t->bit == BUCKET, .count = t->count, .hash = t->hash, .first = t->first};
    if (out->is_bucket) return;
    out->bit = t->bit;
    out->sides[0] = t->sides[0];
    out->sides[1] = t->sides[1];
}

/* A branch; takes both references, also when it fails. */
static enum status join(
    struct tree **out, struct slots *nodes, uint32_t bit, struct tree *left, struct tree *right)
{
    must(left != NULL);
    must(right != NULL);
    must(left->count + right->count > ROW_BUCKET_MAX); /* T1 */
    if (left->bit != BUCKET) must(left->bit > bit);    /* T2 */
    if (right->bit != BUCKET) must(right->bit > bit);
    struct tree *t = node_new(nodes);
    if (t == NULL) {
        tree_unref(nodes, left);
        tree_unref(nodes, right);
        return ST_NO_MEMORY;
    }
    t->bit = (uint16_t)bit;
    t->count = left->count + right->count;
    t->first = left->first;
    t->hash = row_branch_hash(bit, &left->hash, &right->hash);
    t->sides[0] = left;
    t->sides[1] = right;
    *out = t;
    return ST_OK;
}

struct prefix prefix_of(const struct row_position *p, uint32_t bits)
{
    must(bits <= ROW_POSITION_BITS);
    struct prefix out = {.bits = bits};
    memcpy(out.at.bytes, p->bytes, bits / 8);
    if (bits % 8 != 0)
        out.at.bytes[bits / 8] = (uint8_t)(p->bytes[bits / 8] & (0xff00u >> bits % 8));
    return out;
}

bool prefix_has(const struct prefix *prefix, const struct row_position *p)
{
    return row_position_differ(&prefix->at, p) >= prefix->bits;
}

static struct row_position last_of(const struct prefix *prefix)
{
    struct row_position out = prefix->at;
    if (prefix->bits == ROW_POSITION_BITS) return out;
    const uint32_t byte = prefix->bits / 8;
    out.bytes[byte] |= (uint8_t)(0xffu >> prefix->bits % 8);
    memset(out.bytes + byte + 1, UINT8_MAX, ROW_POSITION_SIZE - byte - 1);
    return out;
}

/* The longer prefix that goes to one side at bit. */
static struct prefix side_of(const struct row_position *p, uint32_t bit, bool is_right)
{
    struct prefix out = prefix_of(p, bit);
    if (is_right) out.at.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    out.bits = bit + 1;
    return out;
}

/* --- building -------------------------------------------------------------------------------- */

enum status tree_build(struct tree **out,
                       struct slots *nodes,
                       struct merge *m,
                       const struct prefix *prefix)
{
    struct update u = {
        .nodes = nodes, .merge = m, .builder = mem_alloc(slots_mem(nodes), sizeof *u.builder)};
    if (u.builder == NULL) return ST_NO_MEMORY;
    enum status st = build(out, &u, prefix);
    mem_free(slots_mem(nodes), u.builder);
    return st;
}

static enum status build(struct tree **out, const struct update *u, const struct prefix *prefix)
{
    struct builder *b = u->builder;
    b->nodes = u->nodes;
    b->part_count = 0;
    b->place_count = 0;
    const struct row_position last = last_of(prefix);
    uint32_t count = 0;
    enum status st = merge_seek(u->merge, &prefix->at, &last);
    if (st == ST_OK) st = merge_take(u->merge, b->places, ROW_BUCKET_MAX, &count);
    if (st == ST_OK && !u->merge->has) return build_bucket(out, b, count);
    for (uint32_t i = 0; i < count && st == ST_OK; i++)
        st = add_place(b, &b->places[i]); /* Never behind where it stands. */
    if (st == ST_OK) st = take_all(b, u->merge);
    while (st == ST_OK && b->part_count > 1)
        st = join_top(b);
    if (st == ST_OK && b->part_count == 1) st = finish_part(b, &b->parts[0]);
    if (st == ST_OK) *out = b->part_count == 0 ? NULL : b->parts[0].node;
    for (uint32_t i = 0; st != ST_OK && i < b->part_count; i++)
        tree_unref(u->nodes, b->parts[i].node);
    return st;
}

/* T1: so few rows are one bucket, wherever they differ. */
static enum status build_bucket(struct tree **out, struct builder *b, uint32_t count)
{
    struct part all = {.count = count};
    *out = NULL;
    if (count == 0) return ST_OK;
    b->place_count = count;
    TRY(finish_part(b, &all));
    *out = all.node;
    return ST_OK;
}

static enum status take_all(struct builder *b, struct merge *m)
{
    while (m->has) {
        TRY(add_place(b, &m->record->place));
        TRY(merge_next(m));
    }
    return ST_OK;
}

static enum status add_place(struct builder *b, const struct row_place *place)
{
    uint32_t bit = 0;
    if (b->part_count > 0) {
        bit = row_position_differ(&b->last, &place->position);
        must(bit < ROW_POSITION_BITS && row_position_bit(&place->position, bit)); /* R1 */
    }
    while (b->part_count > 1 && b->parts[b->part_count - 1].bit > bit)
        TRY(join_top(b));
    must(b->part_count < PARTS_MAX);
    must(b->place_count < PARTS_MAX * ROW_BUCKET_MAX);
    b->parts[b->part_count++] = (struct part){.bit = bit, .first = b->place_count, .count = 1};
    b->places[b->place_count++] = *place;
    b->last = place->position;
    return ST_OK;
}

/* The two parts on top become one. */
static enum status join_top(struct builder *b)
{
    must(b->part_count > 1);
    struct part *left = &b->parts[b->part_count - 2];
    struct part *right = &b->parts[b->part_count - 1];
    const bool is_plain = left->node == NULL && right->node == NULL;
    if (is_plain && left->count + right->count <= ROW_BUCKET_MAX) {
        must(left->first + left->count == right->first);
        left->count += right->count;
        b->part_count--;
        return ST_OK;
    }
    TRY(finish_part(b, right)); /* Its places lie behind those of left. */
    TRY(finish_part(b, left));
    struct tree *l = left->node;
    left->node = NULL;
    b->part_count--; /* join takes both, also when it fails. */
    return join(&left->node, b->nodes, right->bit, l, right->node);
}

static enum status finish_part(struct builder *b, struct part *p)
{
    if (p->node != NULL) return ST_OK;
    must(p->first + p->count == b->place_count);
    struct tree *t = node_new(b->nodes);
    if (t == NULL) return ST_NO_MEMORY;
    t->bit = BUCKET;
    t->count = p->count;
    t->first = b->places[p->first].position;
    t->hash = row_bucket_hash(&b->places[p->first], p->count);
    b->place_count = p->first;
    p->node = t;
    return ST_OK;
}

/* --- changing -------------------------------------------------------------------------------- */

enum status tree_update(struct tree **out,
                        struct slots *nodes,
                        struct tree *before,
                        struct merge *m,
                        const struct tree_changes *changes)
{
    const struct update u = {
        .nodes = nodes, .merge = m, .builder = mem_alloc(slots_mem(nodes), sizeof *u.builder)};
    if (u.builder == NULL) return ST_NO_MEMORY;
    const struct prefix all = {.bits = 0};
    struct tree *t = tree_ref(before);
    enum status st = ST_OK;
    for (size_t i = 0; i < changes->dropped_count && st == ST_OK; i++) {
        const struct row_position first = row_position_first(changes->dropped[i]);
        const struct prefix table = prefix_of(&first, 64);
        struct tree *cut = NULL;
        st = cut_table(&cut, &u, t, &all, &table);
        tree_unref(nodes, t);
        t = cut;
    }
    struct tree *after = NULL;
    if (st == ST_OK) st = update_node(&after, &u, t, &all, changes);
    tree_unref(nodes, t);
    mem_free(slots_mem(nodes), u.builder);
    if (st == ST_OK) *out = after;
    return st;
}

static struct tree_changes slice(const struct tree_changes *c, size_t from, size_t to)
{
    return (struct tree_changes){.positions = c->positions + from, .count = to - from};
}

/* Of changes that share their bits before bit: how many are on its left side. */
static size_t left_count(const struct tree_changes *c, uint32_t bit)
{
    size_t low = 0;
    size_t high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (row_position_bit(&c->positions[middle], bit))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Changes lie in prefix, as the rows of t do. A change that leaves the ways of t before its own
 * branch makes a new branch above it: its other side has no rows yet. */
static enum status update_node(struct tree **out,
                               const struct update *u,
                               struct tree *t,
                               const struct prefix *prefix,
                               const struct tree_changes *c)
{
    if (c->count == 0) {
        *out = tree_ref(t);
        return ST_OK;
    }
    if (t == NULL || t->bit == BUCKET) return build(out, u, prefix);
    const struct row_position *own = &t->first;
    uint32_t bit = row_position_differ(own, &c->positions[0]);
    uint32_t last = row_position_differ(own, &c->positions[c->count - 1]);
    if (last < bit) bit = last;
    if (bit > t->bit) bit = t->bit;
    must(bit >= prefix->bits);
    const size_t left = left_count(c, bit);
    const bool is_own_right = row_position_bit(own, bit);
    struct tree *sides[2] = {NULL, NULL};
    enum status st = ST_OK;
    for (uint32_t i = 0; i < 2 && st == ST_OK; i++) {
        const struct prefix side = side_of(own, bit, i == 1);
        const struct tree_changes part = i == 0 ? slice(c, 0, left) : slice(c, left, c->count);
        struct tree *below = bit < t->bit ? ((i == 1) == is_own_right ? t : NULL) : t->sides[i];
        st = update_node(&sides[i], u, below, &side, &part);
    }
    const struct prefix at = prefix_of(own, bit);
    if (st == ST_OK) return join_sides(out, u, &at, sides);
    tree_unref(u->nodes, sides[0]);
    tree_unref(u->nodes, sides[1]);
    return st;
}

/* Two sides that part at bit prefix->bits, either may be empty: takes both. */
static enum status join_sides(struct tree **out,
                              const struct update *u,
                              const struct prefix *prefix,
                              struct tree *const sides[2])
{
    if (sides[0] == NULL || sides[1] == NULL) {
        *out = sides[0] == NULL ? sides[1] : sides[0];
        return ST_OK;
    }
    if (sides[0]->count + sides[1]->count > ROW_BUCKET_MAX)
        return join(out, u->nodes, prefix->bits, sides[0], sides[1]);
    tree_unref(u->nodes, sides[0]);
    tree_unref(u->nodes, sides[1]);
    return build(out, u, prefix);
}

/* Without the rows of a table, which the runs do not show any more. */
static enum status cut_table(struct tree **out,
                             const struct update *u,
                             struct tree *t,
                             const struct prefix *prefix,
                             const struct prefix *table)
{
    *out = NULL;
    if (t == NULL) return ST_OK;
    if (t->bit == BUCKET) return build(out, u, prefix);
    const struct row_position *own = &t->first;
    const uint32_t differ = row_position_differ(own, &table->at);
    if (t->bit >= table->bits && differ >= table->bits) return ST_OK; /* All of t goes. */
    if (differ < t->bit) {
        *out = tree_ref(t); /* Nothing of t does. */
        return ST_OK;
    }
    const uint32_t side = row_position_bit(&table->at, t->bit) ? 1 : 0;
    const struct prefix below = side_of(own, t->bit, side == 1);
    const struct prefix at = prefix_of(own, t->bit);
    struct tree *sides[2] = {t->sides[0], t->sides[1]};
    TRY(cut_table(&sides[side], u, t->sides[side], &below, table));
    (void)tree_ref(sides[1 - side]);
    return join_sides(out, u, &at, sides);
}

/* --- reading --------------------------------------------------------------------------------- */

void tree_find(const struct tree *t, const struct row_position *position, struct tree_way *out)
{
    out->step_count = 0;
    out->place_count = 0;
    if (t == NULL) return;
    while (t->bit != BUCKET) {
        must(out->step_count < ROW_POSITION_BITS);
        const bool is_right = row_position_bit(position, t->bit);
        struct row_step *s = &out->steps[out->step_count++];
        s->bit = t->bit;
        s->sibling = t->sides[is_right ? 0 : 1]->hash;
        t = t->sides[is_right ? 1 : 0];
    }
    out->place_count = (uint32_t)t->count;
    out->first = t->first;
    out->bucket = t->hash;
}

void tree_buckets_begin(struct tree_buckets *b, const struct tree *t)
{
    b->depth = 0;
    if (t != NULL) b->above[b->depth++] = t;
}

/* Where position parts from the rows that its bits lead to, all of that part lie on one side of it:
 * behind it, and then they come, or before it. */
void tree_buckets_seek(struct tree_buckets *b,
                       const struct tree *t,
                       const struct row_position *position)
{
    b->depth = 0;
    if (t == NULL) return;
    const struct tree *near = t;
    while (near->bit != BUCKET)
        near = near->sides[row_position_bit(position, near->bit) ? 1 : 0];
    const uint32_t parts = row_position_differ(&near->first, position);
    while (t->bit != BUCKET && t->bit < parts) {
        const bool is_right = row_position_bit(position, t->bit);
        if (!is_right) b->above[b->depth++] = t->sides[1];
        t = t->sides[is_right ? 1 : 0];
    }
    const bool is_before = t->bit != BUCKET && row_position_bit(position, parts);
    if (!is_before) b->above[b->depth++] = t;
}

bool tree_buckets_next(struct tree_buckets *b, struct tree_bucket *out)
{
    if (b->depth == 0) return false;
    const struct tree *t = b->above[--b->depth];
    while (t->bit != BUCKET) {
        must(b->depth < sizeof b->above / sizeof b->above[0]); /* T2 */
        b->above[b->depth++] = t->sides[1];
        t = t->sides[0];
    }
    *out = (struct tree_bucket){.first = &t->first, .hash = &t->hash, .count = (uint32_t)t->count};
    return true;
}

uint64_t tree_count_in(const struct tree *t, const struct prefix *prefix, struct tree_bucket *mixed)
{
    mixed->count = 0;
    while (t != NULL && t->bit != BUCKET && t->bit < prefix->bits) {
        if (row_position_differ(&t->first, &prefix->at) < t->bit) return 0;
        t = t->sides[row_position_bit(&prefix->at, t->bit) ? 1 : 0];
    }
    if (t == NULL) return 0;
    if (t->bit != BUCKET) return prefix_has(prefix, &t->first) ? t->count : 0;
    *mixed =
        (struct tree_bucket){.first = &t->first, .hash = &t->hash, .count = (uint32_t)t->count};
    return 0;
}
