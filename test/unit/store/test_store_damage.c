/* Whatever happens to the files of a stopped store is found and named: each byte flipped, each
 * length cut, files deleted, exchanged, replaced by those of another chain. */
#include <stdio.h>

#include "base/must.h"
#include "support/cmocka_all.h"
#include "support/share.h"
#include "support/store_rig.h"

#define BLOCKS 13u

struct original { /* A file and its bytes. */
    const char *name;
    struct buf bytes;
};

static void make_chain(struct store_rig *r)
{
    assert_int_equal(store_rig_open(r), ST_OK);
    for (uint32_t i = 1; i <= BLOCKS; i++) {
        assert_int_equal(store_rig_add(r), ST_OK);
        assert_int_equal(store_rig_result(r, i), ST_OK);
    }
    assert_int_equal(store_results_sync(r->store), ST_OK);
    assert_int_equal(store_settle(r->store), ST_OK);
    store_rig_close(r);
    struct store_rig_scan scan;
    assert_int_equal(store_rig_scan(r, &scan), ST_OK);
    assert_int_equal(scan.blocks, BLOCKS);
}

static void original_init(struct original *o, struct store_rig *r, const char *name)
{
    o->name = name;
    buf_init(&o->bytes, mem_system(), 0);
    store_rig_file(r, name, &o->bytes);
    assert_true(o->bytes.size > 0);
}

static void put_back(struct original *o, struct store_rig *r)
{
    store_rig_set_file(r, o->name, buf_span(&o->bytes));
}

/* The same disk, another machine: opening there changes nothing here. */
static struct store_rig copy_of(const struct store_rig *r)
{
    struct store_rig copy = *r;
    copy.fake = fake_os_copy(r->fake, 1);
    copy.config.os = fake_os_table(copy.fake);
    copy.store = NULL;
    return copy;
}

/* Opening fails with damage named, or every block that is answered is right. */
static enum status open_copy(const struct store_rig *r, struct damage *damage, bool *is_whole)
{
    struct store_rig copy = copy_of(r);
    enum status st = store_rig_open(&copy);
    *damage = copy.damage;
    *is_whole = false;
    if (st == ST_OK) *is_whole = store_height(copy.store) == BLOCKS && store_rig_is_whole(&copy);
    for (uint64_t h = 1; st == ST_OK && h <= store_height(copy.store); h++) {
        struct buf want;
        struct buf got;
        buf_init(&want, mem_system(), 0);
        buf_init(&got, mem_system(), 0);
        store_rig_block(&want, h, copy.salt);
        enum status read = store_read_block(copy.store, h, &got, damage);
        assert_true(read == ST_CORRUPT || span_equal(buf_span(&want), buf_span(&got)));
        buf_fini(&want);
        buf_fini(&got);
    }
    store_rig_fini(&copy);
    return st;
}

static void expect_found(struct store_rig *r, const char *name, uint64_t offset)
{
    struct store_rig_scan scan;
    if (store_rig_scan(r, &scan) != ST_CORRUPT || strcmp(scan.first.file, name) != 0 ||
        scan.first.offset > offset + 4096)
        fail_msg("%s at %llu: %u found, first in %s at %llu: %s", name, (unsigned long long)offset,
                 scan.found, scan.first.file, (unsigned long long)scan.first.offset,
                 scan.first.what);
}

/* One flipped bit at every offset of a segment: the scan names file and block; what the store still
 * answers is right. */
static void finds_flips_in_segments(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 20);
    make_chain(&r);
    static const char *const names[] = {"blocks/00000001.seg", "blocks/00000002.seg",
                                        "blocks/00000003.seg"};
    for (size_t f = 0; f < 3; f++) {
        struct original o;
        original_init(&o, &r, names[f]);
        for (size_t at = share_from(5); at < o.bytes.size; at += share_step(5)) {
            o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
            put_back(&o, &r);
            struct store_rig_scan scan;
            expect_found(&r, names[f], at);
            assert_int_equal(store_rig_scan(&r, &scan), ST_CORRUPT);
            assert_true(scan.first.offset <= at);
            assert_true(scan.first.height > 0 || at < 92); /* Behind the header. */
            if (at % 7 == 0) {
                struct damage damage;
                bool is_whole = false;
                (void)open_copy(&r, &damage, &is_whole);
            }
            o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
        }
        put_back(&o, &r);
        buf_fini(&o.bytes);
    }
    store_rig_fini(&r);
}

/* The last segment is read wholly at the start: no flip in it survives an open. */
static void refuses_flips_in_last_segment(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 21);
    make_chain(&r);
    char name[32];
    uint32_t number = 1;
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    for (;; number++) {
        (void)snprintf(name, sizeof name, "node/blocks/%08u.seg", number + 1);
        buf_reset(&bytes);
        if (os_read_file(r.config.os, name, 1u << 20, &bytes) != ST_OK) break;
    }
    buf_fini(&bytes);
    (void)snprintf(name, sizeof name, "blocks/%08u.seg", number);
    struct original o;
    original_init(&o, &r, name);
    for (size_t at = share_from(5); at < o.bytes.size; at += share_step(5)) {
        o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
        put_back(&o, &r);
        struct damage damage;
        bool is_whole = false;
        assert_int_equal(open_copy(&r, &damage, &is_whole), ST_CORRUPT);
        assert_string_equal(damage.file, name);
        assert_true(damage.offset <= at);
        o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
    }
    for (size_t size = share_from(5); size < o.bytes.size;
         size += share_step(5)) { /* Nor does a cut, at any length. */
        store_rig_set_file(&r, name, span_of(o.bytes.data, size));
        struct damage damage;
        bool is_whole = false;
        assert_int_equal(open_copy(&r, &damage, &is_whole), ST_CORRUPT);
        assert_string_equal(damage.file, name);
        expect_found(&r, name, size);
    }
    buf_fini(&o.bytes);
    store_rig_fini(&r);
}

/* Blocks that are not whole any more are among the held ones; settled ones may be damage. */
static void expect_held_beyond(const struct store_rig *r, uint64_t settled)
{
    struct store_rig copy = copy_of(r);
    enum status st = store_rig_open(&copy);
    assert_true(st == ST_OK || (settled > 0 && st == ST_CORRUPT));
    if (st == ST_OK)
        for (uint64_t h = store_height(copy.store) + 1; h <= BLOCKS; h++)
            assert_true(store_rig_holds(&copy, h, copy.salt));
    store_rig_fini(&copy);
}

static void flip_in_tail(struct store_rig *r, const char *name, uint64_t settled)
{
    struct original o;
    original_init(&o, r, name);
    for (size_t at = share_from(5); at < o.bytes.size; at += share_step(5)) {
        o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
        put_back(&o, r);
        expect_found(r, name, at);
        o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
        if (at % 5 == 0) expect_held_beyond(r, settled);
    }
    put_back(&o, r);
    buf_fini(&o.bytes);
}

/* After kill -9 the newest blocks are not settled: a flip in them is named all the same, and a
 * start goes on with what is whole. */
static void finds_flips_in_tail(void **state)
{
    (void)state;
    for (uint64_t settled = 0; settled <= 6; settled += 6) {
        struct store_rig r;
        store_rig_init(&r, 30);
        assert_int_equal(store_rig_open(&r), ST_OK);
        for (uint64_t height = 1; height <= BLOCKS; height++) {
            assert_int_equal(store_rig_add(&r), ST_OK);
            if (height == settled) assert_int_equal(store_settle(r.store), ST_OK);
        }
        store_rig_close(&r);
        struct store_rig_scan scan;
        assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
        assert_int_equal(scan.blocks, BLOCKS);
        flip_in_tail(&r, "blocks/00000001.seg", settled);
        flip_in_tail(&r, "blocks/00000002.seg", settled);
        flip_in_tail(&r, "blocks/00000003.seg", settled);
        store_rig_fini(&r);
    }
}

/* A sealed segment cut to any length is found by the scan and by the start. */
static void finds_cut_segments(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 22);
    make_chain(&r);
    struct original o;
    original_init(&o, &r, "blocks/00000002.seg");
    for (size_t size = 0; size < o.bytes.size; size++) {
        store_rig_set_file(&r, o.name, span_of(o.bytes.data, size));
        expect_found(&r, o.name, size);
        struct damage damage;
        bool is_whole = false;
        assert_int_equal(open_copy(&r, &damage, &is_whole), ST_CORRUPT);
        assert_string_equal(damage.file, o.name);
    }
    buf_fini(&o.bytes);
    store_rig_fini(&r);
}

/* Appended, not settled: cut inside a block, or below what the owner knew as final. A crash ends a
 * file at whole sectors. */
static void finds_cuts_before_settling(void **state)
{
    (void)state;
    struct store_rig r;
    struct store_rig_scan scan;
    struct original o;
    store_rig_init(&r, 23);
    r.config.segment_size = 1 << 20;
    assert_int_equal(store_rig_open(&r), ST_OK);
    for (uint32_t i = 1; i <= BLOCKS; i++)
        assert_int_equal(store_rig_add(&r), ST_OK);
    store_rig_close(&r);
    r.final_height = BLOCKS - 1;
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    assert_int_equal(scan.blocks, BLOCKS);
    original_init(&o, &r, "blocks/00000001.seg");
    const size_t size = o.bytes.size;
    uint32_t silent = 0;
    for (size_t left = 92; left < size; left++) {
        o.bytes.size = left;
        put_back(&o, &r);
        enum status st = store_rig_scan(&r, &scan);
        if (st == ST_CORRUPT) {
            assert_string_equal(scan.first.file, o.name);
            assert_int_equal(scan.first.height, scan.blocks + 1);
            assert_true(scan.first.offset <= left);
        } else { /* The newest is gone as a whole, or a crash tore it. */
            assert_int_equal(scan.blocks, BLOCKS - 1);
            silent++;
        }
    }
    assert_in_range(silent, 1, 3);
    store_rig_remove(&r, o.name);
    assert_int_equal(store_rig_scan(&r, &scan), ST_CORRUPT);
    assert_string_equal(scan.first.file, o.name);
    assert_int_equal(scan.first.height, 1);
    o.bytes.size = size;
    put_back(&o, &r);
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    buf_fini(&o.bytes);
    store_rig_fini(&r);
}

/* Deleted and exchanged segments, and those of another history or chain, are named. */
static void finds_wrong_files(void **state)
{
    (void)state;
    struct store_rig r;
    struct store_rig other;
    store_rig_init(&r, 23);
    make_chain(&r);
    struct damage damage;
    bool is_whole = false;
    for (int kind = 0; kind < 3; kind++) {
        store_rig_init(&other, 24);
        if (kind == 1) other.salt = 2;
        if (kind == 2) other.config.chain_id = hash_of("test", span_text("other"));
        make_chain(&other);
        for (uint32_t n = 1; n <= 3; n++) {
            char name[32];
            char from[32];
            (void)snprintf(name, sizeof name, "blocks/%08u.seg", n);
            (void)snprintf(from, sizeof from, "blocks/%08u.seg", kind == 0 ? n % 3 + 1 : n);
            struct original o;
            struct original wrong;
            original_init(&o, &r, name);
            original_init(&wrong, &other, from);
            store_rig_remove(&r, name);
            expect_found(&r, name, 0);
            assert_int_equal(open_copy(&r, &damage, &is_whole), ST_CORRUPT);
            assert_string_equal(damage.file, name);
            store_rig_set_file(&r, name, buf_span(&wrong.bytes));
            struct store_rig_scan scan;
            assert_int_equal(store_rig_scan(&r, &scan), ST_CORRUPT);
            assert_int_equal(open_copy(&r, &damage, &is_whole), ST_CORRUPT);
            put_back(&o, &r);
            buf_fini(&o.bytes);
            buf_fini(&wrong.bytes);
        }
        store_rig_fini(&other);
    }
    assert_int_equal(open_copy(&r, &damage, &is_whole), ST_OK);
    assert_true(is_whole);
    store_rig_fini(&r);
}

/* Every flipped byte of an index is found by the scan; answers stay right, and a start or a look-up
 * makes it again. */
static void repairs_indexes(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 25);
    make_chain(&r);
    struct original o;
    original_init(&o, &r, "blocks/00000002.idx");
    struct damage damage;
    bool is_whole = false;
    for (size_t at = share_from(5); at < o.bytes.size; at += share_step(5)) {
        o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
        put_back(&o, &r);
        expect_found(&r, o.name, at);
        if (at % 61 == 0) {
            assert_int_equal(open_copy(&r, &damage, &is_whole), ST_OK);
            assert_true(is_whole);
        }
        o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
    }
    for (size_t size = 0; size < o.bytes.size; size += 97) {
        store_rig_set_file(&r, o.name, span_of(o.bytes.data, size));
        expect_found(&r, o.name, size);
        assert_int_equal(open_copy(&r, &damage, &is_whole), ST_OK);
        assert_true(is_whole);
    }
    store_rig_remove(&r, o.name);
    assert_int_equal(store_rig_open(&r), ST_OK);
    store_rig_close(&r);
    struct buf again;
    buf_init(&again, mem_system(), 0);
    store_rig_file(&r, o.name, &again);
    assert_true(span_equal(buf_span(&again), buf_span(&o.bytes)));
    buf_fini(&again);
    buf_fini(&o.bytes);
    store_rig_fini(&r);
}

/* Every flipped byte of the journal is found by the scan. One copy is enough to go on with all that
 * was promised; the start repairs the other. */
static void repairs_one_copy_of_journal(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 26);
    make_chain(&r);
    struct original o;
    original_init(&o, &r, "journal");
    assert_int_equal(o.bytes.size, 4 * 4096);
    for (size_t at = share_from(5); at < o.bytes.size; at += share_step(5)) {
        o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
        put_back(&o, &r);
        expect_found(&r, "journal", at);
        bool is_used = o.bytes.data[at] != (uint8_t)(1u << (at % 8));
        o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
        if (!is_used && at % 16 != 0) continue;
        struct store_rig copy = copy_of(&r);
        enum status st = store_rig_open(&copy);
        if (st != ST_OK) {
            /* Only where the journal ends: that is no record's byte, and no crash leaves it. */
            assert_false(is_used);
            assert_string_equal(copy.damage.file, "journal");
        } else {
            assert_int_equal(store_height(copy.store), BLOCKS);
            struct hash want = store_rig_hash(BLOCKS, copy.salt + 1);
            struct buf got;
            buf_init(&got, mem_system(), 0);
            assert_int_equal(store_journal_read(copy.store, 0, &got), ST_OK);
            assert_true(span_equal(buf_span(&got), hash_span(&want)));
            buf_fini(&got);
            store_rig_close(&copy);
            struct store_rig_scan scan;
            assert_int_equal(store_rig_scan(&copy, &scan), ST_OK);
        }
        store_rig_fini(&copy);
    }
    buf_fini(&o.bytes);
    store_rig_fini(&r);
}

/* The same record wrong in both copies, a cut or a missing journal: promises are lost, the node
 * must not go on. */
static void refuses_damaged_journal(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 27);
    make_chain(&r);
    struct original o;
    original_init(&o, &r, "journal");
    struct damage damage;
    bool is_whole = false;
    for (size_t at = 0; at < o.bytes.size / 2; at++) {
        size_t twin = at + o.bytes.size / 2;
        assert_int_equal(o.bytes.data[at], o.bytes.data[twin]);
        if (o.bytes.data[at] == 0 && (at == 0 || o.bytes.data[at - 1] == 0)) continue;
        o.bytes.data[at] ^= 1;
        o.bytes.data[twin] ^= 2;
        put_back(&o, &r);
        expect_found(&r, "journal", at);
        assert_int_equal(open_copy(&r, &damage, &is_whole), ST_CORRUPT);
        assert_string_equal(damage.file, "journal");
        assert_non_null(strstr(damage.what, "rejoin with a new key"));
        o.bytes.data[at] ^= 1;
        o.bytes.data[twin] ^= 2;
    }
    for (size_t size = 0; size < o.bytes.size; size += 101) {
        store_rig_set_file(&r, "journal", span_of(o.bytes.data, size));
        assert_int_equal(open_copy(&r, &damage, &is_whole), ST_CORRUPT);
        expect_found(&r, "journal", size);
    }
    store_rig_remove(&r, "journal");
    assert_int_equal(open_copy(&r, &damage, &is_whole), ST_CORRUPT);
    assert_string_equal(damage.file, "journal");
    expect_found(&r, "journal", 0);
    buf_fini(&o.bytes);
    store_rig_fini(&r);
}

/* Results are derived: the scan names every flip, reads never answer wrongly, a cut end is dropped.
 */
static void finds_damaged_results(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 28);
    make_chain(&r);
    static const char *const names[] = {"results/00000001.res", "results/00000002.res"};
    for (size_t f = 0; f < 2; f++) {
        struct original o;
        original_init(&o, &r, names[f]);
        for (size_t at = share_from(5); at < o.bytes.size; at += share_step(5)) {
            o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
            put_back(&o, &r);
            expect_found(&r, names[f], at);
            o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
        }
        put_back(&o, &r);
        buf_fini(&o.bytes);
    }
    store_rig_fini(&r);
}

/* Bytes behind what the journal names: told when they are no whole blocks, and cut by a start. */
static void cuts_garbage(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 29);
    r.config.segment_size = 1u << 20;
    make_chain(&r);
    struct original o;
    original_init(&o, &r, "blocks/00000001.seg");
    size_t size = o.bytes.size;
    for (uint32_t i = 0; i < 200; i++) {
        buf_put_u8(&o.bytes, (uint8_t)(i + 1));
        put_back(&o, &r);
        expect_found(&r, o.name, size);
        struct damage damage;
        bool is_whole = false;
        assert_int_equal(open_copy(&r, &damage, &is_whole), ST_OK);
        assert_true(is_whole);
    }
    assert_int_equal(store_rig_open(&r), ST_OK);
    store_rig_close(&r);
    struct store_rig_scan scan;
    assert_int_equal(store_rig_scan(&r, &scan), ST_OK);
    buf_fini(&o.bytes);
    store_rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_flips_in_segments),
        cmocka_unit_test(refuses_flips_in_last_segment),
        cmocka_unit_test(finds_flips_in_tail),
        cmocka_unit_test(finds_cut_segments),
        cmocka_unit_test(finds_cuts_before_settling),
        cmocka_unit_test(finds_wrong_files),
        cmocka_unit_test(repairs_indexes),
        cmocka_unit_test(repairs_one_copy_of_journal),
        cmocka_unit_test(refuses_damaged_journal),
        cmocka_unit_test(finds_damaged_results),
        cmocka_unit_test(cuts_garbage),
    };
    return cmocka_run_group_tests_name("store damage", tests, NULL, NULL);
}
