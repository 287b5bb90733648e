/* Whatever happens to the pending files of a stopped store is found and named: each byte flipped,
 * each length cut, files deleted, exchanged or of another chain. The store opens, gives every held
 * block that is left, holds the lost ones again, and goes on. */
#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/store_rig.h"

#define HEIGHTS 9u
#define FORKS   2u
#define SETTLED 3u

struct original {
    char name[32];
    struct buf bytes;
};

struct seen {
    uint32_t count;
    uint32_t found;
    struct damage first;
};

static enum status on_held(void *context,
                           uint64_t height,
                           const struct hash *hash,
                           struct span bytes)
{
    struct seen *seen = context;
    bool is_known = false;
    for (uint64_t fork = 1; fork <= FORKS; fork++) {
        struct hash want = store_rig_hash(height, fork);
        struct buf body;
        if (!hash_equal(hash, &want)) continue;
        buf_init(&body, mem_system(), 0);
        store_rig_block(&body, height, fork);
        is_known = span_equal(buf_span(&body), bytes);
        buf_fini(&body);
    }
    assert_true(is_known);
    seen->count++;
    return ST_OK;
}

static enum status on_found(void *context, const struct damage *damage)
{
    struct seen *seen = context;
    if (seen->found++ == 0) seen->first = *damage;
    return ST_OK;
}

static enum status refuse(void *context, const struct damage *damage)
{
    (void)context;
    (void)damage;
    return ST_CORRUPT;
}

/* Heights 1…SETTLED are in the segment, though their file may still be there. */
static uint32_t make_held(struct store_rig *r)
{
    r->salt = 1;
    assert_int_equal(store_rig_open(r), ST_OK);
    for (uint64_t height = 1; height <= HEIGHTS; height++) {
        for (uint64_t fork = 1; fork <= FORKS; fork++)
            assert_int_equal(store_rig_hold(r, height, fork), ST_OK);
        assert_int_equal(store_sync(r->store), ST_OK);
    }
    for (uint64_t height = 1; height <= SETTLED; height++)
        assert_int_equal(store_rig_append(r), ST_OK);
    assert_int_equal(store_settle(r->store), ST_OK);
    store_rig_close(r);
    struct store_rig_scan scan;
    assert_int_equal(store_rig_scan(r, &scan), ST_OK);
    return (HEIGHTS - SETTLED) * FORKS;
}

static void original_init(struct original *o, struct store_rig *r, uint32_t number)
{
    (void)snprintf(o->name, sizeof o->name, "pending/%08u.blk", number);
    buf_init(&o->bytes, mem_system(), 0);
    store_rig_file(r, o->name, &o->bytes);
    assert_true(o->bytes.size > 0);
}

static bool has_file(struct store_rig *r, uint32_t number)
{
    char path[64];
    struct os_file *file = NULL;
    (void)snprintf(path, sizeof path, "node/pending/%08u.blk", number);
    enum status st = r->config.os->file_open(r->config.os, &file, path, OS_READ);
    r->config.os->file_close(r->config.os, file);
    return st == ST_OK;
}

static void expect_found(struct store_rig *r, const char *name, uint64_t offset)
{
    struct store_rig_scan scan;
    if (store_rig_scan(r, &scan) != ST_CORRUPT || strcmp(scan.first.file, name) != 0 ||
        scan.first.offset > offset)
        fail_msg("%s at %llu: %u found, first in %s at %llu: %s", name, (unsigned long long)offset,
                 scan.found, scan.first.file, (unsigned long long)scan.first.offset,
                 scan.first.what);
}

/* The store of r on a copy of its disk: opens, tells, gives what is left, takes the rest again. */
static void expect_repair(const struct store_rig *r, const char *name, uint32_t expected)
{
    struct store_rig copy = *r;
    struct seen seen = {0};
    struct store_held_visitor v = {.visit = on_held, .found = on_found, .context = &seen};
    copy.fake = fake_os_copy(r->fake, 1);
    copy.config.os = fake_os_table(copy.fake);
    copy.store = NULL;
    assert_int_equal(store_rig_open(&copy), ST_OK);
    assert_int_equal(store_height(copy.store), SETTLED);
    assert_int_equal(store_held_each(copy.store, &v), ST_OK);
    assert_true(seen.count <= expected);
    if (seen.count < expected) {
        assert_true(seen.found > 0);
        assert_string_equal(seen.first.file, name);
    }
    if (seen.found > 0) {
        v.found = refuse;
        assert_int_equal(store_held_each(copy.store, &v), ST_CORRUPT);
        v.found = on_found;
    }
    for (int i = 0; i < 2; i++) {
        for (uint64_t height = SETTLED + 1; height <= HEIGHTS; height++)
            for (uint64_t fork = 1; fork <= FORKS; fork++) {
                assert_int_equal(store_rig_hold(&copy, height, fork), ST_OK);
                assert_true(store_rig_holds(&copy, height, fork));
            }
        assert_int_equal(store_sync(copy.store), ST_OK);
        store_rig_close(&copy);
        fake_os_crash(copy.fake, FAKE_OS_LOSE_ALL);
        assert_int_equal(store_rig_open(&copy), ST_OK);
        seen = (struct seen){0};
        assert_int_equal(store_held_each(copy.store, &v), ST_OK);
        assert_int_equal(seen.count, expected);
    }
    for (uint64_t height = SETTLED + 1; height <= HEIGHTS; height++)
        assert_int_equal(store_rig_append(&copy), ST_OK);
    assert_int_equal(store_settle(copy.store), ST_OK);
    store_rig_close(&copy);
    struct store_rig_scan scan; /* With its heights the damage is gone. */
    assert_int_equal(store_rig_scan(&copy, &scan), ST_OK);
    store_rig_fini(&copy);
}

static void finds_flips(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 40);
    uint32_t expected = make_held(&r);
    uint32_t files = 0;
    for (uint32_t number = 1; number < 20; number++) {
        struct original o;
        if (!has_file(&r, number)) continue;
        files++;
        original_init(&o, &r, number);
        for (size_t at = 0; at < o.bytes.size; at++) {
            o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
            store_rig_set_file(&r, o.name, buf_span(&o.bytes));
            expect_found(&r, o.name, at);
            if (at % 5 == 0) expect_repair(&r, o.name, expected);
            o.bytes.data[at] ^= (uint8_t)(1u << (at % 8));
        }
        store_rig_set_file(&r, o.name, buf_span(&o.bytes));
        buf_fini(&o.bytes);
    }
    assert_true(files >= 3);
    store_rig_fini(&r);
}

static void finds_cuts(void **state)
{
    (void)state;
    struct store_rig r;
    store_rig_init(&r, 41);
    uint32_t expected = make_held(&r);
    for (uint32_t number = 1; number < 20; number++) {
        struct original o;
        if (!has_file(&r, number)) continue;
        original_init(&o, &r, number);
        for (size_t size = 0; size < o.bytes.size; size++) {
            store_rig_set_file(&r, o.name, span_of(o.bytes.data, size));
            expect_found(&r, o.name, size);
            if (size % 5 == 0) expect_repair(&r, o.name, expected);
        }
        store_rig_remove(&r, o.name);
        expect_found(&r, o.name, 0);
        expect_repair(&r, o.name, expected);
        store_rig_set_file(&r, o.name, buf_span(&o.bytes));
        buf_fini(&o.bytes);
    }
    store_rig_fini(&r);
}

static void finds_wrong_files(void **state)
{
    (void)state;
    struct store_rig r;
    struct store_rig other;
    store_rig_init(&r, 42);
    store_rig_init(&other, 42);
    other.config.chain_id = hash_of("test", span_text("other"));
    uint32_t expected = make_held(&r);
    (void)make_held(&other);
    for (uint32_t number = 1; number < 20; number++) {
        struct original o;
        struct original wrong;
        if (!has_file(&r, number)) continue;
        uint32_t next = has_file(&r, number + 1) ? number + 1 : number - 1;
        original_init(&o, &r, number);
        for (int kind = 0; kind < 2; kind++) {
            original_init(&wrong, kind == 0 ? &r : &other, kind == 0 ? next : number);
            store_rig_set_file(&r, o.name, buf_span(&wrong.bytes));
            expect_found(&r, o.name, 0);
            expect_repair(&r, o.name, expected);
            buf_fini(&wrong.bytes);
        }
        store_rig_set_file(&r, o.name, buf_span(&o.bytes));
        buf_fini(&o.bytes);
    }
    store_rig_fini(&other);
    store_rig_fini(&r);
}

/* Behind what the journal names: whole blocks are passed over, other bytes are told; all are cut.
 */
static void cuts_what_is_behind(void **state)
{
    (void)state;
    struct store_rig r;
    struct original o;
    store_rig_init(&r, 43);
    uint32_t expected = make_held(&r);
    uint32_t number = 20;
    while (!has_file(&r, number))
        number--;
    original_init(&o, &r, number);
    size_t size = o.bytes.size;
    for (uint32_t i = 0; i < 100; i++) {
        buf_put_u8(&o.bytes, (uint8_t)(i + 1));
        store_rig_set_file(&r, o.name, buf_span(&o.bytes));
        struct store_rig_scan scan;
        enum status st = store_rig_scan(&r, &scan);
        assert_int_equal(st, i + 1 < 60 ? ST_OK : ST_CORRUPT); /* As a torn write, or not. */
        expect_repair(&r, o.name, expected);
    }
    store_rig_set_file(&r, "pending/00000050.blk", span_text("stray"));
    o.bytes.size = size;
    store_rig_set_file(&r, o.name, buf_span(&o.bytes));
    expect_repair(&r, o.name, expected);
    assert_int_equal(store_rig_open(&r), ST_OK);
    store_rig_close(&r);
    assert_false(has_file(&r, 50));
    buf_fini(&o.bytes);
    store_rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_flips),
        cmocka_unit_test(finds_cuts),
        cmocka_unit_test(finds_wrong_files),
        cmocka_unit_test(cuts_what_is_behind),
    };
    return cmocka_run_group_tests_name("store pending damage", tests, NULL, NULL);
}
