/* delta.c - Changes of many blocks, sorted once: the tree and the runs want them by position. */
#include "rows/delta.h"

#include <stdlib.h>

#include "base/must.h"
#include "codec/cbor.h"
#include "ledger/checkpoint.h"

#define TABLE_OF_TABLES 1u /* Id of trustsql.tables: docs/format/catalog.md. */
#define ENTRY_DEPTH     2u

static enum status add_entry(struct delta *p, struct span entry);
static enum status note_drop(struct delta *p, const struct row_change *c);
static int compare_orders(const void *a, const void *b);
static int compare_hashes(const void *a, const void *b);

void delta_init(struct delta *p, struct mem *mem)
{
    p->mem = mem;
    struct buf *const all[] = {&p->changes, &p->keys,  &p->orders,      &p->positions,
                               &p->dropped, &p->txids, &p->txid_heights};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_init(all[i], mem, 0);
}

void delta_fini(struct delta *p)
{
    struct buf *const all[] = {&p->changes, &p->keys,  &p->orders,      &p->positions,
                               &p->dropped, &p->txids, &p->txid_heights};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_fini(all[i]);
}

enum status delta_add(struct delta *p, struct span write_set)
{
    struct cbor in = cbor_of(write_set);
    uint64_t count = cbor_get_array(&in);
    for (uint64_t i = 0; i < count && in.status == ST_OK; i++) {
        struct span entry = cbor_get_item(&in, ENTRY_DEPTH);
        if (in.status == ST_OK) TRY(add_entry(p, entry));
    }
    return cbor_end(&in);
}

static enum status add_entry(struct delta *p, struct span entry)
{
    struct row_change c;
    TRY(row_change_of(&c, entry));
    struct delta_change change = {.place = c.place, .is_gone = c.is_gone, .key_at = p->keys.size};
    if (!c.is_gone && !row_position_has_key(&c.place.position)) {
        if (c.key.size > UINT32_MAX) return ST_LIMIT;
        change.key_size = (uint32_t)c.key.size;
        buf_put(&p->keys, c.key);
    }
    buf_put(&p->changes, span_of(&change, sizeof change));
    if (c.table == TABLE_OF_TABLES && c.is_gone) TRY(note_drop(p, &c));
    TRY(buf_status(&p->keys));
    return buf_status(&p->changes);
}

/* The row of a table went: rows of tables that are gone have no entries of their own. */
static enum status note_drop(struct delta *p, const struct row_change *c)
{
    struct cbor in = cbor_of(c->key);
    cbor_expect_array(&in, 1);
    uint64_t table = cbor_get_uint(&in);
    TRY(cbor_end(&in));
    buf_put(&p->dropped, span_of(&table, sizeof table));
    return buf_status(&p->dropped);
}

enum status delta_add_txids(struct delta *p,
                            uint64_t height,
                            const struct hash *txids,
                            uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buf_put(&p->txids, hash_span(&txids[i]));
        buf_put(&p->txid_heights, span_of(&height, sizeof height));
    }
    TRY(buf_status(&p->txids));
    return buf_status(&p->txid_heights);
}

size_t delta_count(const struct delta *p)
{
    return p->changes.size / sizeof(struct delta_change);
}

static const struct delta_change *change_at(const struct delta *p, size_t index)
{
    return &((const struct delta_change *)(const void *)p->changes.data)[index];
}

enum status delta_sort(struct delta *p)
{
    const size_t count = delta_count(p);
    if (count > UINT32_MAX) return ST_LIMIT;
    buf_reset(&p->orders);
    bool is_sorted = true;
    for (size_t i = 0; i < count; i++) {
        const struct delta_order o = {.position = change_at(p, i)->place.position,
                                      .index = (uint32_t)i};
        if (i > 0)
            is_sorted = is_sorted &&
                        row_position_compare(&change_at(p, i - 1)->place.position, &o.position) < 0;
        buf_put(&p->orders, span_of(&o, sizeof o));
    }
    TRY(buf_status(&p->orders));
    if (!is_sorted) qsort(p->orders.data, count, sizeof(struct delta_order), compare_orders);
    return ST_OK;
}

const struct delta_order *delta_orders(const struct delta *p, size_t *count)
{
    *count = p->orders.size / sizeof(struct delta_order);
    return (const void *)p->orders.data;
}

const struct delta_change *delta_find(const struct delta *p, const struct row_position *position)
{
    size_t count = 0;
    const struct delta_order *orders = delta_orders(p, &count);
    size_t low = 0;
    size_t high = count; /* Behind the last one of position. */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (row_position_compare(&orders[middle].position, position) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (high == 0 || row_position_compare(&orders[high - 1].position, position) != 0) return NULL;
    return change_at(p, orders[high - 1].index);
}

enum status delta_write(struct delta *p, struct run_writer *w)
{
    const size_t count = delta_count(p);
    const struct delta_order *orders = (const void *)p->orders.data;
    must(p->orders.size == count * sizeof *orders); /* delta_sort has been called. */
    buf_reset(&p->positions);
    for (size_t i = 0; i < count; i++) {
        const bool is_last = i + 1 == count || row_position_compare(&orders[i].position,
                                                                    &orders[i + 1].position) != 0;
        if (!is_last) continue;
        const struct delta_change *c = change_at(p, orders[i].index);
        struct row_record r = {.place = c->place, .is_gone = c->is_gone};
        if (c->key_size > 0) r.key = span_of(p->keys.data + c->key_at, c->key_size);
        TRY(row_run_writer_put(w, &r));
        buf_put(&p->positions, span_of(&orders[i].position, sizeof orders[i].position));
    }
    return buf_status(&p->positions);
}

const struct row_position *delta_positions(const struct delta *p, size_t *count)
{
    *count = p->positions.size / sizeof(struct row_position);
    return (const void *)p->positions.data;
}

const uint64_t *delta_dropped(const struct delta *p, size_t *count)
{
    *count = p->dropped.size / sizeof(uint64_t);
    return (const void *)p->dropped.data;
}

enum status delta_txid_root(struct delta *p, uint64_t above, struct hash *root)
{
    size_t count = p->txids.size / sizeof(struct hash);
    struct hash *txids = (void *)p->txids.data;
    const uint64_t *heights = (const void *)p->txid_heights.data;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (heights[i] > above) txids[kept++] = txids[i];
    if (kept > 0) qsort(txids, kept, sizeof *txids, compare_hashes);
    for (size_t i = 1; i < kept; i++)
        if (hash_equal(&txids[i - 1], &txids[i])) return ST_INVALID;
    *root = checkpoint_txid_root(txids, kept);
    return ST_OK;
}

void delta_clear(struct delta *p)
{
    struct buf *const all[] = {&p->changes, &p->keys, &p->orders, &p->positions, &p->dropped};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_reset(all[i]);
}

void delta_clear_txids(struct delta *p)
{
    buf_reset(&p->txids);
    buf_reset(&p->txid_heights);
}

/* Of one position in order of coming: a total order. */
static int compare_orders(const void *a, const void *b)
{
    const struct delta_order *x = a;
    const struct delta_order *y = b;
    int order = row_position_compare(&x->position, &y->position);
    if (order != 0) return order;
    return x->index < y->index ? -1 : 1;
}

static int compare_hashes(const void *a, const void *b)
{
    const struct hash *x = a;
    const struct hash *y = b;
    return memcmp(x->bytes, y->bytes, HASH_SIZE);
}
