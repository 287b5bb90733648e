/* test_undo.c - The undo journal's head has one encoding, damage anywhere in it is found, and
 * repair puts the old pages back, as often as one likes. */
#include <string.h>

#include "base/endian.h"
#include "base/must.h"
#include "os/fake/fake_os.h"
#include "state/undo.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/hex.h"

#define OLD_PAGES 80u
#define CHANGED   70u /* More than a batch. */

static const struct undo_head example = {.record_count = 3,
                                         .seed = 0x01020304,
                                         .page_count = 9,
                                         .height = 0x1122334455667788,
                                         .digest = {1, 2, 3, 4, 5, 6, 7, 8}};

/* A database of OLD_PAGES pages, its journal, and the file changed as a checkpoint would. */
struct rig {
    struct fake_os *disk;
    struct undo_files f;
    uint32_t numbers[CHANGED];
};

static void old_page(uint8_t *page, uint32_t number)
{
    for (uint32_t i = 0; i < PAGE_BYTES; i++)
        page[i] = (uint8_t)(number * 7 + i / 16);
}

static void rig_make(struct rig *r, struct mem *mem)
{
    r->disk = fake_os_new(1);
    struct os *os = fake_os_table(r->disk);
    r->f = (struct undo_files){.os = os, .mem = mem};
    must(os->file_open(os, &r->f.file, "main.db", OS_WRITE | OS_CREATE) == ST_OK);
    must(os->file_open(os, &r->f.journal, "main.db-journal", OS_WRITE | OS_CREATE) == ST_OK);
    uint8_t page[PAGE_BYTES];
    for (uint32_t n = 1; n <= OLD_PAGES; n++) {
        old_page(page, n);
        struct span bytes = span_of(page, PAGE_BYTES);
        must(os->file_write(os, r->f.file, bytes, (uint64_t)(n - 1) * PAGE_BYTES) == ST_OK);
    }
    for (uint32_t i = 0; i < CHANGED; i++)
        r->numbers[i] = i + 5;
}

static void rig_drop(struct rig *r)
{
    r->f.os->file_close(r->f.os, r->f.file);
    r->f.os->file_close(r->f.os, r->f.journal);
    fake_os_free(r->disk);
}

static enum status write_journal(struct rig *r)
{
    struct undo_head head = {.seed = 77, .page_count = OLD_PAGES, .height = 5};
    TRY(undo_write_records(&r->f, &head, r->numbers, CHANGED));
    uint8_t bytes[UNDO_HEAD_BYTES];
    undo_head_encode(bytes, &head);
    return r->f.os->file_write(r->f.os, r->f.journal, span_of(bytes, sizeof bytes), 0);
}

/* New bytes in all journalled pages, and a longer file. */
static void mix_file(struct rig *r)
{
    uint8_t page[PAGE_BYTES];
    memset(page, 0xee, sizeof page);
    struct os *os = r->f.os;
    struct span bytes = span_of(page, PAGE_BYTES);
    for (uint32_t i = 0; i < CHANGED; i++)
        must(os->file_write(os, r->f.file, bytes, (uint64_t)(r->numbers[i] - 1) * PAGE_BYTES) ==
             ST_OK);
    must(os->file_write(os, r->f.file, bytes, (uint64_t)OLD_PAGES * PAGE_BYTES) == ST_OK);
}

static bool is_old(struct rig *r)
{
    uint64_t size = 0;
    must(r->f.os->file_size(r->f.os, r->f.file, &size) == ST_OK);
    bool is_right = size == (uint64_t)OLD_PAGES * PAGE_BYTES;
    for (uint32_t n = 1; is_right && n <= OLD_PAGES; n++) {
        uint8_t page[PAGE_BYTES];
        uint8_t wanted[PAGE_BYTES];
        size_t got = 0;
        uint64_t at = (uint64_t)(n - 1) * PAGE_BYTES;
        must(r->f.os->file_read(r->f.os, r->f.file, page, PAGE_BYTES, at, &got) == ST_OK);
        old_page(wanted, n);
        is_right = memcmp(page, wanted, PAGE_BYTES) == 0;
    }
    return is_right;
}

/* Golden bytes: what is on disk never changes by accident. */
static void head_is_as_documented(void **state)
{
    (void)state;
    uint8_t bytes[UNDO_HEAD_BYTES];
    undo_head_encode(bytes, &example);
    hex_assert_equal(span_of(bytes, 56),
                     "d9d505f920a163d7 00000003 01020304 00000009 00001000 00001000 00000000"
                     "5453514c554e444f 1122334455667788 0102030405060708");
    struct undo_head back;
    assert_int_equal(undo_head_decode(&back, span_of(bytes, sizeof bytes)), ST_OK);
    assert_int_equal(back.record_count, example.record_count);
    assert_int_equal(back.seed, example.seed);
    assert_int_equal(back.page_count, example.page_count);
    assert_int_equal(back.height, example.height);
    assert_memory_equal(back.digest, example.digest, sizeof example.digest);
}

/* Cut at every length, flipped at every bit: "never finished", and nothing is written to out. */
static void damaged_heads_are_found(void **state)
{
    (void)state;
    uint8_t bytes[UNDO_HEAD_BYTES];
    undo_head_encode(bytes, &example);
    struct undo_head out = {.height = 42};
    for (size_t size = 0; size < UNDO_HEAD_BYTES; size++)
        assert_int_equal(undo_head_decode(&out, span_of(bytes, size)), ST_TRUNCATED);
    for (size_t bit = 0; bit < (size_t)8 * UNDO_HEAD_BYTES; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(undo_head_decode(&out, span_of(bytes, sizeof bytes)), ST_TRUNCATED);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(out.height, 42);
    struct undo_head more = example; /* More records than pages: right digest, impossible. */
    more.record_count = 10;
    undo_head_encode(bytes, &more);
    assert_int_equal(undo_head_decode(&out, span_of(bytes, sizeof bytes)), ST_CORRUPT);
}

/* SQLite's own sum, by hand: bytes 3896, 3696 … 96 and the seed. */
static void checksum_is_that_of_sqlite(void **state)
{
    (void)state;
    uint8_t page[PAGE_BYTES] = {0};
    page[3896] = 1;
    page[96] = 2;
    page[0] = 4;    /* Not counted. */
    page[3895] = 8; /* Not counted. */
    assert_int_equal(undo_checksum(100, page), 103);
    memset(page, 1, sizeof page);
    assert_int_equal(undo_checksum(0, page), 20);
}

static void repair_puts_the_old_pages_back(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, mem_system());
    assert_int_equal(write_journal(&r), ST_OK);
    mix_file(&r);
    assert_false(is_old(&r));
    bool did_repair = false;
    assert_int_equal(undo_repair(&r.f, &did_repair), ST_OK);
    assert_true(did_repair);
    assert_true(is_old(&r));
    assert_int_equal(undo_repair(&r.f, &did_repair), ST_OK);
    assert_false(did_repair);
    rig_drop(&r);
}

/* Each call fails in turn, the repair is started again: the same end. */
static void repair_is_idempotent(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct rig r;
        rig_make(&r, mem_system());
        must(write_journal(&r) == ST_OK);
        mix_file(&r);
        fake_os_fail(r.disk, FAKE_OS_ALL & ~(uint32_t)FAKE_OS_SYNC, n, ST_IO);
        bool did_repair = false;
        enum status st = undo_repair(&r.f, &did_repair);
        is_done = !fake_os_has_failed(r.disk);
        if (is_done) assert_int_equal(st, ST_OK);
        fake_os_heal(r.disk);
        assert_int_equal(undo_repair(&r.f, &did_repair), ST_OK);
        assert_true(is_old(&r));
        rig_drop(&r);
    }
}

/* One flipped bit at sampled places of the records, and a journal cut short, are found before
 * anything is written. */
static void damaged_records_are_refused(void **state)
{
    (void)state;
    struct rig r;
    rig_make(&r, mem_system());
    must(write_journal(&r) == ST_OK);
    mix_file(&r);
    struct os *os = r.f.os;
    uint64_t size = UNDO_SECTOR + (uint64_t)CHANGED * UNDO_RECORD_BYTES;
    bool did_repair = false;
    for (uint64_t at = UNDO_SECTOR; at < size; at += 1021) {
        uint8_t byte = 0;
        size_t got = 0;
        must(os->file_read(os, r.f.journal, &byte, 1, at, &got) == ST_OK);
        byte ^= 16;
        must(os->file_write(os, r.f.journal, span_of(&byte, 1), at) == ST_OK);
        assert_int_equal(undo_repair(&r.f, &did_repair), ST_CORRUPT);
        assert_false(did_repair);
        byte ^= 16;
        must(os->file_write(os, r.f.journal, span_of(&byte, 1), at) == ST_OK);
    }
    must(os->file_truncate(os, r.f.journal, size - 1) == ST_OK);
    assert_int_equal(undo_repair(&r.f, &did_repair), ST_CORRUPT);
    assert_false(is_old(&r));
    rig_drop(&r);
}

static void no_memory_is_told(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct fail_mem mem;
        fail_mem_init(&mem, n);
        struct rig r;
        rig_make(&r, &mem.mem);
        bool did_repair = false;
        enum status st = write_journal(&r);
        if (st == ST_OK) st = undo_repair(&r.f, &did_repair);
        assert_int_equal(mem.live, 0);
        is_done = st == ST_OK;
        if (!is_done) assert_int_equal(st, ST_NO_MEMORY);
        rig_drop(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_is_as_documented),
        cmocka_unit_test(damaged_heads_are_found),
        cmocka_unit_test(checksum_is_that_of_sqlite),
        cmocka_unit_test(repair_puts_the_old_pages_back),
        cmocka_unit_test(repair_is_idempotent),
        cmocka_unit_test(damaged_records_are_refused),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
