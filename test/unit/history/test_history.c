/* Goal: the index tells of every row version where it stands, as a list that remembers everything
 * does, through runs, merges, restarts, crashes at every change of the disk and damage. */
#include "base/must.h"
#include "codec/cbor.h"
#include "history/history.h"
#include "os/fake/fake_os.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/test_rng.h"

#define TABLES    5u
#define HEIGHTS   400u
#define PER_BLOCK 6u
#define VERSIONS  (HEIGHTS * PER_BLOCK)
#define FIRST_ID  20u

struct version { /* What the model remembers. */
    uint64_t height;
    uint64_t table;
    uint64_t row;
    uint32_t index;
    uint32_t offset;
    bool is_gone;
};

struct model {
    struct version versions[VERSIONS];
    uint32_t count;
};

static void make_node_dir(struct os *os)
{
    assert_int_equal(os->make_dir(os, "node"), ST_OK);
    assert_int_equal(os->sync_dir(os, "."), ST_OK);
}

static struct span key_of(struct buf *b, uint64_t row)
{
    buf_reset(b);
    cbor_put_array(b, 1);
    cbor_put_uint(b, row);
    return buf_span(b);
}

/* The block of a height: the same whenever it is made again. */
static void make_set(struct buf *out, struct model *m, uint64_t height, bool is_gone)
{
    struct test_rng rng = {height * 2 + is_gone};
    const uint32_t count = (uint32_t)test_rng_below(&rng, is_gone ? 2 : PER_BLOCK);
    if (is_gone && count == 0) return;
    const uint32_t before = m->count;
    uint32_t same = 0;
    while (same < before && m->versions[before - 1 - same].height == height)
        same++;
    cbor_put_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        struct version *v = &m->versions[m->count++];
        *v = (struct version){.height = height,
                              .table = FIRST_ID + test_rng_below(&rng, TABLES),
                              .row = test_rng_below(&rng, 8) * 1000,
                              .index = same + i,
                              .offset = (uint32_t)out->size,
                              .is_gone = is_gone};
        cbor_put_array(out, 3);
        cbor_put_uint(out, v->table);
        cbor_put_array(out, 1);
        cbor_put_uint(out, v->row);
        cbor_put_array(out, 2);
        cbor_put_uint(out, v->row);
        cbor_put_text(out, span_text("some value"));
    }
}

static enum status add(struct history *h, struct model *m, uint64_t height)
{
    struct buf set;
    struct buf gone;
    buf_init(&set, mem_system(), 0);
    buf_init(&gone, mem_system(), 0);
    const uint32_t count = m->count;
    make_set(&set, m, height, false);
    make_set(&gone, m, height, true);
    struct history_block block = {
        .height = height, .write_set = buf_span(&set), .has_gone = true, .gone = buf_span(&gone)};
    block.digest.bytes[0] = (uint8_t)height;
    const enum status st = history_add(h, &block);
    if (st != ST_OK && history_height(h) < height) m->count = count;
    buf_fini(&set);
    buf_fini(&gone);
    return st;
}

static void check_range(struct history *h, const struct model *m, const struct history_range *range)
{
    struct history_cursor *c = NULL;
    struct history_entry e;
    struct buf key;
    buf_init(&key, mem_system(), 0);
    assert_int_equal(history_cursor_open(&c, h, range), ST_OK);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct version *v = &m->versions[i];
        const uint64_t hash = history_key_hash(key_of(&key, v->row));
        if (v->table != range->table || v->height < range->first || v->height > range->last)
            continue;
        if (range->has_key && hash != range->key) continue;
        assert_int_equal(history_cursor_next(c, &e), ST_OK);
        assert_int_equal(e.height, v->height);
        assert_int_equal(e.key, hash);
        assert_int_equal(e.index, v->index);
        assert_int_equal(e.offset, v->offset);
        assert_int_equal(e.is_gone, v->is_gone);
    }
    assert_int_equal(history_cursor_next(c, &e), ST_NOT_FOUND);
    history_cursor_close(c);
    buf_fini(&key);
}

static void check_all(struct history *h, const struct model *m, struct test_rng *rng)
{
    struct buf key;
    buf_init(&key, mem_system(), 0);
    for (uint64_t t = 0; t <= TABLES; t++) {
        const uint64_t table = FIRST_ID + t;
        check_range(h, m, &(struct history_range){.table = table, .last = UINT64_MAX});
        const uint64_t first = test_rng_below(rng, HEIGHTS);
        const uint64_t last = first + test_rng_below(rng, HEIGHTS / 2);
        check_range(h, m, &(struct history_range){.table = table, .first = first, .last = last});
        check_range(h, m,
                    &(struct history_range){.table = table,
                                            .first = first,
                                            .last = UINT64_MAX,
                                            .has_key = true,
                                            .key = history_key_hash(key_of(&key, 3000))});
    }
    buf_fini(&key);
}

static void forget_above(struct model *m, uint64_t height)
{
    while (m->count > 0 && m->versions[m->count - 1].height > height)
        m->count--;
}

static void test_against_a_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct test_rng rng = {seed};
        struct fake_os *f = fake_os_new(seed);
        struct os *os = fake_os_table(f);
        struct history *h = NULL;
        static struct model m;
        m.count = 0;
        make_node_dir(os);
        assert_int_equal(history_open(&h, os, mem_system(), "node"), ST_OK);
        while (history_height(h) < HEIGHTS) {
            assert_int_equal(add(h, &m, history_height(h) + 1), ST_OK);
            if (test_rng_below(&rng, 8) == 0) assert_int_equal(history_flush(h), ST_OK);
            if (test_rng_below(&rng, 20) == 0) check_all(h, &m, &rng);
            if (test_rng_below(&rng, 40) != 0) continue;
            history_close(h);
            if (test_rng_coin(&rng)) fake_os_crash(f, FAKE_OS_LOSE_SOME);
            assert_int_equal(history_open(&h, os, mem_system(), "node"), ST_OK);
            forget_above(&m, history_height(h));
            struct hash digest;
            const uint64_t saved = history_saved(h, &digest);
            assert_int_equal(saved, history_height(h));
            if (saved > 0) assert_int_equal(digest.bytes[0], (uint8_t)saved);
        }
        check_all(h, &m, &rng);
        assert_int_equal(history_clear(h), ST_OK);
        m.count = 0;
        check_all(h, &m, &rng);
        assert_int_equal(add(h, &m, 1), ST_OK);
        history_close(h);
        fake_os_free(f);
    }
}

/* A cursor goes on with what was, while runs are merged under it and all is forgotten. */
static void test_cursor_beside_changes(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(7);
    struct os *os = fake_os_table(f);
    struct history *h = NULL;
    struct history_cursor *c = NULL;
    struct history_entry e;
    static struct model m;
    m.count = 0;
    make_node_dir(os);
    assert_int_equal(history_open(&h, os, mem_system(), "node"), ST_OK);
    for (uint64_t height = 1; height <= 100; height++) {
        assert_int_equal(add(h, &m, height), ST_OK);
        if (height % 50 == 0) assert_int_equal(history_flush(h), ST_OK);
    }
    const struct history_range range = {.table = FIRST_ID, .last = UINT64_MAX};
    uint32_t expected = 0;
    for (uint32_t i = 0; i < m.count; i++)
        expected += m.versions[i].table == FIRST_ID;
    assert_int_equal(history_cursor_open(&c, h, &range), ST_OK);
    for (uint64_t height = 101; height <= 200; height++) {
        assert_int_equal(add(h, &m, height), ST_OK);
        assert_int_equal(history_flush(h), ST_OK);
    }
    assert_int_equal(history_clear(h), ST_OK);
    uint32_t found = 0;
    while (history_cursor_next(c, &e) == ST_OK)
        found++;
    assert_int_equal(found, expected);
    history_cursor_close(c);
    history_close(h);
    fake_os_free(f);
}

/* A changed byte in any run is found, and never gives another entry. */
static void test_damage(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(8);
    struct os *os = fake_os_table(f);
    struct history *h = NULL;
    struct os_file *file = NULL;
    static struct model m;
    static const char name[] = "node/history/0000000000000001-0000000000000032.run";
    uint64_t size = 0;
    m.count = 0;
    make_node_dir(os);
    assert_int_equal(history_open(&h, os, mem_system(), "node"), ST_OK);
    for (uint64_t height = 1; height <= 50; height++)
        assert_int_equal(add(h, &m, height), ST_OK);
    assert_int_equal(history_flush(h), ST_OK);
    history_close(h);
    assert_int_equal(os->file_open(os, &file, name, OS_WRITE), ST_OK);
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    for (uint64_t at = 0; at < size; at += 61) {
        uint8_t byte = 0;
        size_t got = 0;
        struct history_cursor *c = NULL;
        struct history_entry e;
        enum status st = ST_OK;
        assert_int_equal(os->file_read(os, file, &byte, 1, at, &got), ST_OK);
        byte ^= 0x10;
        assert_int_equal(os->file_write(os, file, span_of(&byte, 1), at), ST_OK);
        assert_int_equal(history_open(&h, os, mem_system(), "node"), ST_OK);
        if (history_height(h) == 0) { /* Found at once, and removed. */
            history_close(h);
            os->file_close(os, file);
            assert_int_equal(history_open(&h, os, mem_system(), "node"), ST_OK);
            m.count = 0;
            for (uint64_t height = 1; height <= 50; height++)
                assert_int_equal(add(h, &m, height), ST_OK);
            assert_int_equal(history_flush(h), ST_OK);
            history_close(h);
            assert_int_equal(os->file_open(os, &file, name, OS_WRITE), ST_OK);
            continue;
        }
        const struct history_range range = {.table = FIRST_ID + 1, .last = UINT64_MAX};
        st = history_cursor_open(&c, h, &range);
        while (st == ST_OK)
            st = history_cursor_next(c, &e);
        assert_int_equal(st, ST_CORRUPT);
        history_cursor_close(c);
        history_close(h);
        byte ^= 0x10;
        assert_int_equal(os->file_write(os, file, span_of(&byte, 1), at), ST_OK);
    }
    os->file_close(os, file);
    fake_os_free(f);
}

/* What is no write set is refused, and changes nothing. */
static void test_bad_sets(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(9);
    struct os *os = fake_os_table(f);
    struct history *h = NULL;
    static struct model m;
    struct buf set;
    m.count = 0;
    buf_init(&set, mem_system(), 0);
    make_node_dir(os);
    assert_int_equal(history_open(&h, os, mem_system(), "node"), ST_OK);
    make_set(&set, &m, 3, false);
    assert_true(set.size > 20);
    for (size_t size = 0; size < set.size; size++) {
        struct history_block block = {.height = 1, .write_set = span_of(set.data, size)};
        assert_int_not_equal(history_add(h, &block), ST_OK);
        assert_int_equal(history_height(h), 0);
    }
    m.count = 0;
    check_range(h, &m, &(struct history_range){.table = FIRST_ID, .last = 9});
    buf_fini(&set);
    history_close(h);
    fake_os_free(f);
}

/* Everything, with call n of the disk or the heap failing. */
static enum status all_of_it(struct os *os, struct mem *mem)
{
    struct history *h = NULL;
    struct history_cursor *c = NULL;
    struct history_entry e;
    static struct model m;
    m.count = 0;
    enum status st = history_open(&h, os, mem, "node");
    for (uint64_t height = 1; height <= 12 && st == ST_OK; height++) {
        if (height <= history_height(h)) continue;
        st = add(h, &m, height);
        if (st == ST_OK && height % 3 == 0) st = history_flush(h);
    }
    const struct history_range range = {.table = FIRST_ID, .last = UINT64_MAX};
    if (st == ST_OK) st = history_cursor_open(&c, h, &range);
    while (st == ST_OK)
        st = history_cursor_next(c, &e);
    history_cursor_close(c);
    history_close(h);
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fail_mem mem;
        struct fake_os *f = fake_os_new(n);
        struct os *os = fake_os_table(f);
        make_node_dir(os);
        fail_mem_init(&mem, n);
        const enum status st = all_of_it(os, &mem.mem);
        assert_int_equal(mem.live, 0);
        fake_os_free(f);
        if (st == ST_OK) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
}

static void test_failing_disk(void **state)
{
    (void)state;
    for (uint32_t n = 1;; n++) {
        struct fake_os *f = fake_os_new(n);
        struct os *os = fake_os_table(f);
        make_node_dir(os);
        fake_os_fail(f, FAKE_OS_ALL & ~(uint32_t)FAKE_OS_REMOVE, n, ST_IO);
        const enum status st = all_of_it(os, mem_system());
        const bool has_failed = fake_os_has_failed(f);
        assert_true(st == ST_OK || (has_failed && st == ST_IO));
        fake_os_crash(f, FAKE_OS_LOSE_SOME); /* Whatever is there, the next start goes on. */
        assert_int_equal(all_of_it(os, mem_system()), ST_OK);
        fake_os_free(f);
        if (!has_failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_list), cmocka_unit_test(test_cursor_beside_changes),
        cmocka_unit_test(test_damage),         cmocka_unit_test(test_bad_sets),
        cmocka_unit_test(test_no_memory),      cmocka_unit_test(test_failing_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
