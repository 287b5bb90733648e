/* row_path.c - Positions and hashes of the row tree.
 *
 *   position  u64 BE table id ‖ 00 ‖ u64 BE (v + 2^63) ‖ 23 zero bytes   key is [v], one integer
 *             u64 BE table id ‖ 01 ‖ first 31 bytes of H("rowkey" ‖ key) any other key
 *   bucket    H("bucket" ‖ u32 count ‖ (position ‖ leaf)…)               up to 64 rows, ascending
 *   branch    H("branch" ‖ u16 bit ‖ left ‖ right)                       at the first bit that
 * differs no rows   32 zero bytes
 *
 * u16 and u32 are little-endian. A bucket is hashed flat: a path shows it whole, because only so
 * can it tell that a row is missing, and one long hash costs a fourth of a tree of short ones. */
#include "ledger/row_path.h"

#include "base/endian.h"
#include "base/must.h"
#include "codec/cbor.h"
#include "crypto/merkle.h"

#define KIND_AT      8u
#define KEY_AT       9u
#define KIND_INTEGER 0u
#define KIND_HASHED  1u
#define HASHED_SIZE  (ROW_POSITION_SIZE - KEY_AT)
#define SIGN_BIT     ((uint64_t)1 << 63)
#define KEY_DEPTH    1u
#define ENTRY_FIELDS 3u

_Static_assert(sizeof(struct row_position) == ROW_POSITION_SIZE, "a position is its bytes");
_Static_assert(ROW_POSITION_SIZE % 8 == 0, "positions are compared by eight bytes");
_Static_assert(sizeof(struct row_place) == ROW_POSITION_SIZE + HASH_SIZE, "no padding to hash");

static bool key_is_integer(struct span key, int64_t *value);
static bool is_on_path(const struct row_path *path, const struct row_position *position);
static bool is_ascending(const struct row_path *path);

enum status row_position_of(struct row_position *out, uint64_t table, struct span key)
{
    struct row_position p = {{0}};
    int64_t value;
    struct cbor in = cbor_of(key);
    enum cbor_kind kind;
    if (!cbor_peek(&in, &kind) || kind != CBOR_ARRAY) return ST_INVALID;
    put_u64_be(p.bytes, table);
    if (key_is_integer(key, &value)) {
        p.bytes[KIND_AT] = KIND_INTEGER;
        put_u64_be(p.bytes + KEY_AT, (uint64_t)value ^ SIGN_BIT);
    } else {
        struct hash h = hash_of("rowkey", key);
        p.bytes[KIND_AT] = KIND_HASHED;
        memcpy(p.bytes + KEY_AT, h.bytes, HASHED_SIZE);
    }
    *out = p;
    return ST_OK;
}

struct row_position row_position_first(uint64_t table)
{
    struct row_position p = {{0}};
    put_u64_be(p.bytes, table);
    return p;
}

uint64_t row_position_table(const struct row_position *p)
{
    return get_u64_be(p->bytes);
}

bool row_position_has_key(const struct row_position *p)
{
    return p->bytes[KIND_AT] == KIND_INTEGER;
}

void row_position_key(const struct row_position *p, struct buf *out)
{
    must(row_position_has_key(p));
    cbor_put_array(out, 1);
    cbor_put_int(out, (int64_t)(get_u64_be(p->bytes + KEY_AT) ^ SIGN_BIT));
}

bool row_position_bit(const struct row_position *p, uint32_t bit)
{
    must(bit < ROW_POSITION_BITS);
    return (p->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

uint32_t row_position_differ(const struct row_position *a, const struct row_position *b)
{
    for (uint32_t i = 0; i < ROW_POSITION_SIZE; i += 8) {
        uint64_t x = get_u64_be(a->bytes + i) ^ get_u64_be(b->bytes + i);
        if (x == 0) continue;
        return 8 * i + (uint32_t)__builtin_clzll(x);
    }
    return ROW_POSITION_BITS;
}

enum status row_change_of(struct row_change *out, struct span entry)
{
    struct row_change c = {0};
    struct cbor in = cbor_of(entry);
    cbor_expect_array(&in, ENTRY_FIELDS);
    c.table = cbor_get_uint(&in);
    c.key = cbor_get_item(&in, KEY_DEPTH);
    c.is_gone = cbor_get_null(&in);
    if (!c.is_gone) (void)cbor_get_item(&in, KEY_DEPTH);
    TRY(cbor_end(&in));
    TRY(row_position_of(&c.place.position, c.table, c.key));
    if (!c.is_gone) c.place.leaf = merkle_leaf(entry);
    *out = c;
    return ST_OK;
}

struct hash row_bucket_hash(const struct row_place *places, uint32_t count)
{
    must(count > 0);
    must(count <= ROW_BUCKET_MAX);
    struct hasher h;
    uint8_t size[4];
    put_u32_le(size, count);
    hash_init(&h, "bucket");
    hash_add(&h, span_of(size, sizeof size));
    hash_add(&h, span_of(places, count * sizeof *places));
    return hash_final(&h);
}

struct hash row_branch_hash(uint32_t bit, const struct hash *left, const struct hash *right)
{
    must(bit < ROW_POSITION_BITS);
    uint8_t bytes[2 + 2 * HASH_SIZE];
    bytes[0] = (uint8_t)bit;
    bytes[1] = (uint8_t)(bit >> 8);
    memcpy(bytes + 2, left->bytes, HASH_SIZE);
    memcpy(bytes + 2 + HASH_SIZE, right->bytes, HASH_SIZE);
    return hash_of("branch", span_of(bytes, sizeof bytes));
}

/* A branch sends a position to one side by one bit alone, so a row that is in the tree is in the
 * bucket where the bits of its position lead: the bucket decides, whatever bits the path skips. */
enum status row_path_check(const struct row_path *path,
                           const struct hash *root,
                           const struct row_position *position,
                           const struct row_place **found)
{
    *found = NULL;
    if (path->place_count == 0)
        return path->step_count == 0 && hash_is_zero(root) ? ST_OK : ST_INVALID;
    if (path->place_count > ROW_BUCKET_MAX || path->step_count > ROW_POSITION_BITS)
        return ST_INVALID;
    if (!is_ascending(path) || !is_on_path(path, position)) return ST_INVALID;
    struct hash node = row_bucket_hash(path->places, path->place_count);
    for (uint32_t i = path->step_count; i-- > 0;) {
        const struct row_step *s = &path->steps[i];
        const bool is_right = row_position_bit(position, s->bit);
        node =
            row_branch_hash(s->bit, is_right ? &s->sibling : &node, is_right ? &node : &s->sibling);
    }
    if (!hash_equal(&node, root)) return ST_INVALID;
    for (uint32_t i = 0; i < path->place_count; i++)
        if (row_position_compare(&path->places[i].position, position) == 0)
            *found = &path->places[i];
    return ST_OK;
}

static bool key_is_integer(struct span key, int64_t *value)
{
    struct cbor in = cbor_of(key);
    cbor_expect_array(&in, 1);
    *value = cbor_get_int(&in);
    return cbor_end(&in) == ST_OK;
}

/* The rows of the bucket went the way the position goes. */
static bool is_on_path(const struct row_path *path, const struct row_position *position)
{
    for (uint32_t i = 0; i < path->step_count; i++) {
        const bool side = row_position_bit(position, path->steps[i].bit);
        for (uint32_t k = 0; k < path->place_count; k++)
            if (row_position_bit(&path->places[k].position, path->steps[i].bit) != side)
                return false;
    }
    return true;
}

static bool is_ascending(const struct row_path *path)
{
    uint32_t from = 0;
    for (uint32_t i = 0; i < path->step_count; i++) {
        if (path->steps[i].bit < from || path->steps[i].bit >= ROW_POSITION_BITS) return false;
        from = path->steps[i].bit + 1u;
    }
    for (uint32_t i = 1; i < path->place_count; i++)
        if (row_position_compare(&path->places[i - 1].position, &path->places[i].position) >= 0)
            return false;
    return true;
}
