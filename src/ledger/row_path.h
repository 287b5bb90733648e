/* row_path.h - The tree over all rows of the chain: positions, hashes, and paths to one position.
 *
 * Format: docs/format/rows.md. The tree depends on the set of rows alone, never on the order in
 * which they came. Every row has a fixed position; up to 64 rows are a bucket, more are a branch at
 * the first bit in which their positions differ. A path shows one bucket whole and a sibling for
 * each branch above it: enough to tell that a row is there, or that none is. Pure; thread-safe. */
#ifndef TRUSTSQL_LEDGER_ROW_PATH_H
#define TRUSTSQL_LEDGER_ROW_PATH_H

#include "base/buf.h"
#include "base/endian.h"
#include "base/status.h"
#include "crypto/hash.h"

#define ROW_POSITION_SIZE 40u
#define ROW_POSITION_BITS (8u * ROW_POSITION_SIZE)
#define ROW_BUCKET_MAX    32u /* More rows are a branch. */

struct row_position {
    uint8_t bytes[ROW_POSITION_SIZE];
};

struct row_place { /* One row in the tree. */
    struct row_position position;
    struct hash leaf; /* RFC 9162 leaf over its entry [table id, key, row] (writeset.md). */
};

/* Position of a key (CBOR array, as in a write set) in a table. ST_INVALID: key is no array. */
NODISCARD enum status row_position_of(struct row_position *out, uint64_t table, struct span key);

/* First position of a table: those of its rows lie in [first of id, first of id + 1). */
struct row_position row_position_first(uint64_t table);
uint64_t row_position_table(const struct row_position *p);

/* The key is written in the position: one integer. */
bool row_position_has_key(const struct row_position *p);
/* row_position_has_key: append the key's bytes, as in a write set. */
void row_position_key(const struct row_position *p, struct buf *out);

/* Eight bytes at a time: trees of millions of rows compare all the time. */
static inline int row_position_compare(const struct row_position *a, const struct row_position *b)
{
    for (uint32_t i = 0; i < ROW_POSITION_SIZE; i += 8) {
        const uint64_t x = get_u64_be(a->bytes + i);
        const uint64_t y = get_u64_be(b->bytes + i);
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

bool row_position_bit(const struct row_position *p, uint32_t bit); /* 0: the first byte's upper. */
/* ROW_POSITION_BITS when they are equal. */
uint32_t row_position_differ(const struct row_position *a, const struct row_position *b);

/* One entry of a write set, split. */
struct row_change {
    uint64_t table;
    struct span key; /* Borrowed from the entry. */
    bool is_gone;    /* The row is null: leaf means nothing. */
    struct row_place place;
};
NODISCARD enum status row_change_of(struct row_change *out, struct span entry);

/* Hash of a bucket: places[count] ascending by position, 0 < count <= ROW_BUCKET_MAX. */
struct hash row_bucket_hash(const struct row_place *places, uint32_t count);
struct hash row_branch_hash(uint32_t bit, const struct hash *left, const struct hash *right);

struct row_step { /* A branch above the bucket: which bit it looks at, and its other side. */
    uint16_t bit;
    struct hash sibling;
};

struct row_path {
    const struct row_step *steps; /* From the root down: bits ascend. */
    uint32_t step_count;
    const struct row_place *places; /* The bucket; none: the tree is empty. */
    uint32_t place_count;
};

/* ST_OK: path is the one that leads to position under root; *found is the row's place in the
 * bucket, null when the tree has no row there. ST_INVALID: it is not. */
NODISCARD enum status row_path_check(const struct row_path *path,
                                     const struct hash *root,
                                     const struct row_position *position,
                                     const struct row_place **found);

#endif
