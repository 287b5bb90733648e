/* delta.h - What blocks changed since the tree was last brought up to date. */
#ifndef TRUSTSQL_ROWS_DELTA_H
#define TRUSTSQL_ROWS_DELTA_H

#include "base/buf.h"
#include "rows/run.h"

struct delta_change {
    struct row_place place;
    uint64_t key_at; /* In keys. */
    uint32_t key_size;
    bool is_gone;
};

struct delta_order { /* One change in the order of positions. */
    struct row_position position;
    uint32_t index;
};

struct delta {
    struct mem *mem;
    struct buf changes; /* struct delta_change, in order of coming. */
    struct buf keys;
    struct buf orders;
    struct buf positions;
    struct buf dropped;      /* uint64_t: tables that went. */
    struct buf txids;        /* struct hash. */
    struct buf txid_heights; /* uint64_t, one for each. */
};

void delta_init(struct delta *p, struct mem *mem);
void delta_fini(struct delta *p);

/* Add the entries of a write set. ST_INVALID: it is none. */
NODISCARD enum status delta_add(struct delta *p, struct span write_set);
NODISCARD enum status delta_add_txids(struct delta *p,
                                      uint64_t height,
                                      const struct hash *txids,
                                      uint32_t count);

/* Of each position the last change, ascending, into a run being written; *positions[*count]: those
 * positions, borrowed. */
NODISCARD enum status delta_sort(struct delta *p);
NODISCARD enum status delta_write(struct delta *p, struct run_writer *w);
/* delta_write has been called. */
const struct row_position *delta_positions(const struct delta *p, size_t *count);
const uint64_t *delta_dropped(const struct delta *p, size_t *count);
size_t delta_count(const struct delta *p);

/* Root over the ids of blocks above height. */
NODISCARD enum status delta_txid_root(struct delta *p, uint64_t above, struct hash *root);

/* After delta_sort: changes in order of position, and the last one of a position; null: none. */
const struct delta_order *delta_orders(const struct delta *p, size_t *count);
const struct delta_change *delta_find(const struct delta *p, const struct row_position *position);

void delta_clear(struct delta *p); /* The changes. */
void delta_clear_txids(struct delta *p);

#endif
