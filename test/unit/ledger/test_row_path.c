/* Goal: positions and hashes of the row tree are those of the format; a path tells presence and
 * absence, and no bit of it can be changed. */
#include "ledger/row_path.h"

#include "base/buf.h"
#include "codec/cbor.h"
#include "crypto/merkle.h"
#include "ledger/checkpoint.h"
#include "support/cmocka_all.h"
#include "support/golden.h"
#include "support/slow_rows.h"
#include "support/test_rng.h"

static struct row_position position_of(uint64_t table, const char *key, size_t size)
{
    struct row_position p;
    assert_int_equal(row_position_of(&p, table, span_of(key, size)), ST_OK);
    return p;
}

static void positions(void **state)
{
    (void)state;
    struct row_position p = position_of(20, "\x81\x01", 2);
    static const uint8_t one[ROW_POSITION_SIZE] = {[7] = 20, [9] = 0x80, [16] = 1};
    assert_memory_equal(p.bytes, one, sizeof one);
    assert_true(row_position_has_key(&p));
    assert_int_equal(row_position_table(&p), 20);
    p = position_of(20, "\x81\x21", 2); /* -2 */
    static const uint8_t minus[ROW_POSITION_SIZE] = {
        [7] = 20,    [9] = 0x7f,  [10] = 0xff, [11] = 0xff, [12] = 0xff,
        [13] = 0xff, [14] = 0xff, [15] = 0xff, [16] = 0xfe};
    assert_memory_equal(p.bytes, minus, sizeof minus);
    p = position_of(1, "\x82\x01\x02", 3);
    struct hash h = hash_of("rowkey", span_of("\x82\x01\x02", 3));
    assert_int_equal(p.bytes[8], 1);
    assert_memory_equal(p.bytes + 9, h.bytes, 31);
    assert_false(row_position_has_key(&p));
    p = position_of(1, "\x81\x61\x61", 3);
    assert_int_equal(p.bytes[8], 1);
    assert_int_equal(row_position_of(&p, 1, span_of("\x01", 1)), ST_INVALID);
    assert_int_equal(row_position_of(&p, 1, (struct span){0}), ST_INVALID);
}

static void order_and_bits(void **state)
{
    (void)state;
    struct row_position a = position_of(20, "\x81\x21", 2);
    struct row_position b = position_of(20, "\x81\x01", 2);
    struct row_position first = row_position_first(20);
    struct row_position next = row_position_first(21);
    assert_true(row_position_compare(&a, &b) < 0);
    assert_true(row_position_compare(&first, &a) < 0);
    assert_true(row_position_compare(&b, &next) < 0);
    assert_int_equal(row_position_differ(&a, &b), 72);
    assert_false(row_position_bit(&a, 72));
    assert_true(row_position_bit(&b, 72));
    assert_int_equal(row_position_differ(&a, &a), ROW_POSITION_BITS);
}

static void changes(void **state)
{
    (void)state;
    static const uint8_t entry[] = {0x83, 0x14, 0x81, 0x01, 0x83, 0x01, 0x61, 0x61, 0x42, 0, 0xff};
    static const uint8_t gone[] = {0x83, 0x14, 0x81, 0x01, 0xf6};
    struct row_change c;
    assert_int_equal(row_change_of(&c, span_of(entry, sizeof entry)), ST_OK);
    assert_int_equal(c.table, 20);
    assert_int_equal(c.key.size, 2);
    assert_false(c.is_gone);
    struct hash leaf = merkle_leaf(span_of(entry, sizeof entry));
    assert_true(hash_equal(&leaf, &c.place.leaf));
    assert_int_equal(row_change_of(&c, span_of(gone, sizeof gone)), ST_OK);
    assert_true(c.is_gone);
    for (size_t n = 0; n < sizeof entry; n++)
        assert_int_not_equal(row_change_of(&c, span_of(entry, n)), ST_OK);
}

static struct row_place place_of(uint64_t table, uint64_t value)
{
    uint8_t bytes[32];
    struct buf b;
    buf_init_fixed(&b, bytes, sizeof bytes);
    cbor_put_array(&b, 1);
    cbor_put_uint(&b, value);
    struct row_place p;
    assert_int_equal(row_position_of(&p.position, table, buf_span(&b)), ST_OK);
    p.leaf = merkle_leaf(buf_span(&b));
    return p;
}

/* Golden: the root over rows (1, 3i) for i below each count. test/golden/check.py makes it, too. */
static void roots(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 32, 33, 1000};
    uint8_t all[6][HASH_SIZE];
    struct slow_rows t = {0};
    for (size_t k = 0; k < 6; k++) {
        for (size_t i = t.count; i < counts[k]; i++) {
            struct row_place p = place_of(i % 7 == 0 ? 1000 : 1, 3 * i);
            slow_rows_put(&t, &p);
        }
        struct hash root = slow_rows_root(&t);
        memcpy(all[k], root.bytes, HASH_SIZE);
    }
    golden_check("row-roots", span_of(all, sizeof all));
    slow_rows_fini(&t);
}

static void flip_all(struct slow_path *p, const struct hash *root, const struct row_position *at)
{
    const struct row_place *found;
    uint8_t *const parts[] = {(uint8_t *)p->steps, (uint8_t *)p->places};
    const size_t sizes[] = {p->path.step_count * sizeof p->steps[0],
                            p->path.place_count * sizeof p->places[0]};
    for (size_t k = 0; k < 2; k++) {
        for (size_t bit = 0; bit < 8 * sizes[k]; bit++) {
            parts[k][bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(row_path_check(&p->path, root, at, &found), ST_INVALID);
            parts[k][bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void paths(void **state)
{
    (void)state;
    struct slow_rows t = {0};
    struct slow_path p;
    const struct row_place *found;
    struct hash zero = {{0}};
    struct row_place absent = place_of(5, 1);
    slow_rows_path(&p, &t, &absent.position);
    assert_int_equal(row_path_check(&p.path, &zero, &absent.position, &found), ST_OK);
    assert_null(found);
    for (uint64_t i = 0; i < 700; i++) {
        struct row_place r = place_of(1 + i % 3, i * i);
        slow_rows_put(&t, &r);
    }
    struct hash root = slow_rows_root(&t);
    assert_int_equal(row_path_check(&p.path, &root, &absent.position, &found), ST_INVALID);
    for (uint64_t i = 0; i < 800; i++) {
        struct row_place r = place_of(1 + i % 3, i * i);
        slow_rows_path(&p, &t, &r.position);
        assert_int_equal(row_path_check(&p.path, &root, &r.position, &found), ST_OK);
        assert_int_equal(found != NULL, i < 700);
        if (found != NULL) assert_memory_equal(found, &r, sizeof r);
        if (i % 97 == 0) flip_all(&p, &root, &r.position);
    }
    /* A path to another place says nothing of this one. */
    struct row_place one = place_of(1, 0);
    slow_rows_path(&p, &t, &one.position);
    struct row_place other = place_of(2, 1);
    assert_int_equal(row_path_check(&p.path, &root, &other.position, &found), ST_INVALID);
    p.path.place_count--;
    assert_int_equal(row_path_check(&p.path, &root, &one.position, &found), ST_INVALID);
    slow_rows_fini(&t);
}

static void due(void **state)
{
    (void)state;
    struct checkpoint_cause c = {.height = 127, .time_ms = 1000000, .last_ms = 400001};
    c.has_changed = true;
    assert_false(checkpoint_is_due(&c));
    c.last_ms = 400000;
    assert_true(checkpoint_is_due(&c));
    c.has_changed = false;
    assert_false(checkpoint_is_due(&c));
    c.is_called = true;
    assert_true(checkpoint_is_due(&c));
    c.is_called = false;
    c.height = 128;
    assert_true(checkpoint_is_due(&c));
}

static void checkpoints(void **state)
{
    (void)state;
    struct hash txids[3];
    for (uint8_t i = 0; i < 3; i++)
        memset(txids[i].bytes, i, HASH_SIZE);
    struct checkpoint c = {.height = 300, .before = 256, .row_count = 9};
    memset(c.row_root.bytes, 7, HASH_SIZE);
    c.txid_root = checkpoint_txid_root(txids, 3);
    struct hash h = checkpoint_hash(&c);
    golden_check("checkpoint", hash_span(&h));
    struct hash none = checkpoint_txid_root(NULL, 0);
    struct hash empty = hash_of("", (struct span){0});
    assert_true(hash_equal(&none, &empty));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions),   cmocka_unit_test(order_and_bits), cmocka_unit_test(changes),
        cmocka_unit_test(roots),       cmocka_unit_test(paths),          cmocka_unit_test(due),
        cmocka_unit_test(checkpoints),
    };
    return cmocka_run_group_tests_name("row_path", tests, NULL, NULL);
}
