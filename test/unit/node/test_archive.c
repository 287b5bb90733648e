/* Goal: what comes out of an archive is what was put in, whole and in order; an archive that was
 * changed anywhere, cut or lengthened, or is opened with another passphrase, never ends well. */
#include "node/archive.h"

#include "os/fake/fake_os.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"
#include "support/test_rng.h"

#define ITEMS 7u

static const struct span passphrase = {(const uint8_t *)"correct horse", 13};

static uint8_t big[3 * ARCHIVE_PIECE + 5];

static struct archive_item item_of(uint32_t i)
{
    static const size_t sizes[ITEMS] = {0, 1, ARCHIVE_PIECE - 20, 3, sizeof big, ARCHIVE_PIECE, 40};
    struct archive_item item = {.kind = i == 0 ? ARCHIVE_ABOUT : ARCHIVE_FILE,
                                .bytes = span_of(big, sizes[i])};
    memcpy(item.name, "name", i % 5);
    return item;
}

static enum status write_all(struct os *os, struct mem *mem)
{
    struct archive_writer w;
    struct hash digest;
    uint64_t size = 0;
    TRY(archive_create(&w, os, mem, "b", passphrase));
    enum status st = ST_OK;
    for (uint32_t i = 0; i < ITEMS && st == ST_OK; i++) {
        const struct archive_item item = item_of(i);
        st = archive_put(&w, &item);
    }
    if (st == ST_OK) st = archive_finish(&w, &digest, &size);
    archive_abandon(&w);
    return st;
}

/* How many items came out right; *st: how it ended. */
static uint32_t read_all(struct os *os, struct mem *mem, struct span secret, enum status *st)
{
    struct archive_reader r;
    uint32_t count = 0;
    *st = archive_open(&r, os, mem, "b", secret);
    if (*st != ST_OK) return 0;
    for (;; count++) {
        struct archive_item item;
        *st = archive_next(&r, &item);
        if (*st != ST_OK) break;
        assert_true(count < ITEMS);
        const struct archive_item expected = item_of(count);
        assert_int_equal(item.kind, expected.kind);
        assert_string_equal(item.name, expected.name);
        assert_true(span_equal(item.bytes, expected.bytes));
    }
    archive_close(&r);
    return count;
}

static void fill(void)
{
    struct test_rng rng = {5};
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)test_rng_u64(&rng);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(1);
    struct os *os = fake_os_table(f);
    struct hash before;
    struct hash after;
    uint64_t size = 0;
    enum status st = ST_OK;
    fill();
    assert_int_equal(write_all(os, mem_system()), ST_OK);
    assert_int_equal(read_all(os, mem_system(), passphrase, &st), ITEMS);
    assert_int_equal(st, ST_NOT_FOUND);
    assert_int_equal(read_all(os, mem_system(), span_text("other"), &st), 0);
    assert_int_equal(st, ST_DENIED);
    assert_int_equal(archive_digest(os, "b", &before, &size), ST_OK);
    assert_int_equal(write_all(os, mem_system()), ST_EXISTS); /* Nothing is overwritten. */
    assert_int_equal(archive_digest(os, "b", &after, &size), ST_OK);
    assert_true(hash_equal(&before, &after));
    fake_os_free(f);
}

/* In every part of the file: head, sizes, sealed bytes, pieces in other order, the end. */
static void test_changes(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(2);
    struct os *os = fake_os_table(f);
    struct os_file *file = NULL;
    struct test_rng rng = {3};
    uint64_t size = 0;
    fill();
    assert_int_equal(write_all(os, mem_system()), ST_OK);
    assert_int_equal(os->file_open(os, &file, "b", OS_WRITE), ST_OK);
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    static const uint64_t fixed[] = {0, 7, 8, 11, 16, 31, 32, 55, 56, 59, 60};
    for (uint32_t i = 0; i < 24; i++) {
        const bool is_fixed = i < sizeof fixed / sizeof fixed[0];
        const uint64_t at = is_fixed ? fixed[i] : 60 + test_rng_below(&rng, size - 60);
        uint8_t byte = 0;
        size_t got = 0;
        enum status st = ST_OK;
        assert_int_equal(os->file_read(os, file, &byte, 1, at, &got), ST_OK);
        byte ^= (uint8_t)(1u << test_rng_below(&rng, 8));
        const uint8_t changed = byte;
        assert_int_equal(os->file_write(os, file, span_of(&changed, 1), at), ST_OK);
        assert_true(read_all(os, mem_system(), passphrase, &st) < ITEMS);
        assert_int_not_equal(st, ST_NOT_FOUND);
        os->file_close(os, file);
        assert_int_equal(os->remove(os, "b"), ST_OK);
        assert_int_equal(write_all(os, mem_system()), ST_OK);
        assert_int_equal(os->file_open(os, &file, "b", OS_WRITE), ST_OK);
    }
    static const uint64_t cuts[] = {0, 7, 55, 56, 58, 61, 60 + ARCHIVE_PIECE + SEALED_OVERHEAD};
    for (uint32_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        enum status st = ST_OK;
        const uint64_t left = cuts[sizeof cuts / sizeof cuts[0] - 1 - i];
        assert_int_equal(os->file_truncate(os, file, left), ST_OK);
        (void)read_all(os, mem_system(), passphrase, &st);
        assert_int_not_equal(st, ST_NOT_FOUND);
    }
    os->file_close(os, file);
    fake_os_free(f);
}

static void test_lengthened(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(4);
    struct os *os = fake_os_table(f);
    struct os_file *file = NULL;
    uint64_t size = 0;
    enum status st = ST_OK;
    fill();
    assert_int_equal(write_all(os, mem_system()), ST_OK);
    assert_int_equal(os->file_open(os, &file, "b", OS_WRITE), ST_OK);
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    assert_int_equal(os->file_write(os, file, span_text("x"), size), ST_OK);
    assert_int_equal(read_all(os, mem_system(), passphrase, &st), ITEMS);
    assert_int_equal(st, ST_DENIED);
    assert_int_equal(os->file_truncate(os, file, size - 1), ST_OK);
    assert_true(read_all(os, mem_system(), passphrase, &st) < ITEMS);
    assert_int_equal(st, ST_TRUNCATED);
    os->file_close(os, file);
    fake_os_free(f);
}

static void test_failures(void **state)
{
    (void)state;
    fill();
    for (uint64_t n = 1;; n++) {
        struct fail_mem mem;
        struct fake_os *f = fake_os_new(n);
        enum status st = ST_OK;
        fail_mem_init(&mem, n);
        st = write_all(fake_os_table(f), &mem.mem);
        if (st == ST_OK) (void)read_all(fake_os_table(f), &mem.mem, passphrase, &st);
        assert_int_equal(mem.live, 0);
        fake_os_free(f);
        if (st == ST_NOT_FOUND) break;
        assert_int_equal(st, ST_NO_MEMORY);
    }
    for (uint64_t n = 1;; n += 3) {
        struct fake_os *f = fake_os_new(n);
        struct os *os = fake_os_table(f);
        enum status st = ST_OK;
        fake_os_fail(f, FAKE_OS_ALL, n, ST_IO);
        st = write_all(os, mem_system());
        if (st == ST_OK) (void)read_all(os, mem_system(), passphrase, &st);
        const bool has_failed = fake_os_has_failed(f);
        assert_int_equal(st, has_failed ? ST_IO : ST_NOT_FOUND);
        fake_os_free(f);
        if (!has_failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_lengthened),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
