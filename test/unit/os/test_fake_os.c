/* The fake os does what it promises to the tests of store and state: what was synced survives every
 * crash, what was not is really lost, faults strike where they were set. */

#include "base/buf.h"
#include "os/fake/fake_os.h"
#include "support/cmocka_all.h"

#define SEEDS 64u
#define PAGE  ((size_t)4096)

static struct os_file *must_open(struct os *os, const char *path, uint32_t flags)
{
    struct os_file *file = NULL;
    assert_int_equal(os->file_open(os, &file, path, flags), ST_OK);
    return file;
}

static void must_write(struct os *os, struct os_file *file, const char *text, uint64_t offset)
{
    assert_int_equal(os->file_write(os, file, span_text(text), offset), ST_OK);
}

static void assert_content(struct os *os, const char *path, const char *text)
{
    struct buf content;
    buf_init(&content, mem_system(), 0);
    assert_int_equal(os_read_file(os, path, 1u << 20, &content), ST_OK);
    assert_true(span_equal(buf_span(&content), span_text(text)));
    buf_fini(&content);
}

static bool exists(struct os *os, const char *path)
{
    struct os_file *file = NULL;
    enum status st = os->file_open(os, &file, path, OS_READ);
    assert_true(st == ST_OK || st == ST_NOT_FOUND);
    os->file_close(os, file);
    return st == ST_OK;
}

/* A file with durable "old" and, un-synced, "new" in its place. */
static struct fake_os *old_and_new(uint64_t seed)
{
    struct fake_os *f = fake_os_new(seed);
    struct os *os = fake_os_table(f);
    struct os_file *file = must_open(os, "a", OS_WRITE | OS_CREATE);
    must_write(os, file, "old", 0);
    assert_int_equal(os->file_sync(os, file), ST_OK);
    assert_int_equal(os->sync_dir(os, "."), ST_OK);
    must_write(os, file, "new", 0);
    os->file_close(os, file);
    return f;
}

/* The planted loss: without sync the new bytes are gone after a crash, with it they stay. */
static void test_unsynced_bytes_are_lost(void **state)
{
    (void)state;
    struct fake_os *f = old_and_new(1);
    struct os *os = fake_os_table(f);
    assert_content(os, "a", "new");
    fake_os_crash(f, FAKE_OS_LOSE_ALL);
    assert_content(os, "a", "old");

    struct os_file *file = must_open(os, "a", OS_WRITE);
    must_write(os, file, "new", 0);
    assert_int_equal(os->file_sync(os, file), ST_OK);
    os->file_close(os, file);
    fake_os_crash(f, FAKE_OS_LOSE_ALL);
    assert_content(os, "a", "new");
    fake_os_free(f);
}

static void test_kill_keeps_everything(void **state)
{
    (void)state;
    struct fake_os *f = old_and_new(1);
    fake_os_crash(f, FAKE_OS_KEEP_ALL);
    assert_content(fake_os_table(f), "a", "new");
    fake_os_free(f);
}

/* Of two un-synced sectors every combination survives for some seed, and never half a sector. */
static void test_sectors_are_lost_one_by_one(void **state)
{
    (void)state;
    uint32_t seen = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct fake_os *f = fake_os_new(seed);
        struct os *os = fake_os_table(f);
        struct os_file *file = must_open(os, "a", OS_WRITE | OS_CREATE);
        uint8_t bytes[1024];
        memset(bytes, 1, sizeof(bytes));
        assert_int_equal(os->file_write(os, file, span_of(bytes, 1024), 0), ST_OK);
        assert_int_equal(os->file_sync(os, file), ST_OK);
        assert_int_equal(os->sync_dir(os, "/"), ST_OK);
        memset(bytes, 2, sizeof(bytes));
        assert_int_equal(os->file_write(os, file, span_of(bytes, 1024), 0), ST_OK);
        os->file_close(os, file);
        fake_os_crash(f, FAKE_OS_LOSE_SOME);

        file = must_open(os, "a", OS_READ);
        size_t got = 0;
        assert_int_equal(os->file_read(os, file, bytes, 1024, 0, &got), ST_OK);
        assert_int_equal(got, 1024);
        for (size_t i = 0; i < 1024; i++)
            assert_int_equal(bytes[i], bytes[i / 512 * 512]);
        seen |= 1u << ((bytes[0] - 1) * 2 + (bytes[512] - 1));
        os->file_close(os, file);
        fake_os_free(f);
    }
    assert_int_equal(seen, 15);
}

/* A new file is lost when its directory was not synced, though its bytes were. */
static void test_unsynced_names_are_lost(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(1);
    struct os *os = fake_os_table(f);
    assert_int_equal(os->make_dir(os, "d"), ST_OK);
    assert_int_equal(os->sync_dir(os, "."), ST_OK);
    struct os_file *file = must_open(os, "d/a", OS_WRITE | OS_CREATE);
    must_write(os, file, "x", 0);
    assert_int_equal(os->file_sync(os, file), ST_OK);
    os->file_close(os, file);
    struct fake_os *synced = fake_os_copy(f, 1);
    assert_int_equal(fake_os_table(synced)->sync_dir(fake_os_table(synced), "d"), ST_OK);
    fake_os_crash(f, FAKE_OS_LOSE_ALL);
    fake_os_crash(synced, FAKE_OS_LOSE_ALL);
    assert_false(exists(os, "d/a"));
    assert_content(fake_os_table(synced), "d/a", "x");
    fake_os_free(f);
    fake_os_free(synced);
}

/* After an un-synced rename either name stands, never both and never none; the removed file may
 * come back. */
static void test_rename_is_kept_or_lost_as_one(void **state)
{
    (void)state;
    uint32_t seen = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct fake_os *f = old_and_new(seed);
        struct os *os = fake_os_table(f);
        assert_int_equal(os->rename(os, "a", "b"), ST_OK);
        assert_false(exists(os, "a"));
        fake_os_crash(f, FAKE_OS_LOSE_SOME);
        bool is_renamed = exists(os, "b");
        assert_true(is_renamed != exists(os, "a"));
        seen |= 1u << is_renamed;
        fake_os_free(f);
    }
    assert_int_equal(seen, 3);
}

/* os_replace_file leaves old or new bytes wherever the power goes, and the new ones once it
 * returned. */
static void test_replace_file_at_every_power_cut(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct fake_os *f = fake_os_new(seed);
            struct os *os = fake_os_table(f);
            assert_int_equal(os_replace_file(os, "a", span_text("old")), ST_OK);
            fake_os_cut_power(f, n);
            enum status st = os_replace_file(os, "a", span_text("new"));
            assert_true(st == ST_IO || st == ST_OK);
            is_done = !fake_os_has_failed(f);
            assert_true(is_done == (st == ST_OK));
            fake_os_crash(f, FAKE_OS_LOSE_SOME);
            struct buf content;
            buf_init(&content, mem_system(), 0);
            assert_int_equal(os_read_file(os, "a", 16, &content), ST_OK);
            bool is_new = span_equal(buf_span(&content), span_text("new"));
            assert_true(is_new || span_equal(buf_span(&content), span_text("old")));
            if (is_done) assert_true(is_new);
            buf_fini(&content);
            fake_os_free(f);
        }
        assert_true(n < 100);
    }
}

/* os_replace_file reports each failing call, keeps the old bytes and leaves no temporary file that
 * could not be removed. */
static void test_replace_file_fails_nth(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fake_os *f = old_and_new(n);
        struct os *os = fake_os_table(f);
        fake_os_fail(f, FAKE_OS_ALL & ~(uint32_t)FAKE_OS_SYNC_DIR, n, ST_NO_SPACE);
        enum status st = os_replace_file(os, "a", span_text("newer"));
        bool is_done = !fake_os_has_failed(f);
        fake_os_heal(f);
        assert_int_equal(st, is_done ? ST_OK : ST_NO_SPACE);
        assert_content(os, "a", is_done ? "newer" : "new");
        assert_false(exists(os, "a.tmp"));
        fake_os_free(f);
        if (is_done) break;
    }
}

static void test_read_file_fails_nth(void **state)
{
    (void)state;
    struct fake_os *f = old_and_new(1);
    struct os *os = fake_os_table(f);
    struct buf content;
    buf_init(&content, mem_system(), 0);
    enum status st = ST_IO;
    for (uint64_t n = 1; st != ST_OK; n++) {
        fake_os_fail(f, FAKE_OS_ALL, n, ST_IO);
        st = os_read_file(os, "a", 16, &content);
        assert_int_equal(st, fake_os_has_failed(f) ? ST_IO : ST_OK);
        assert_int_equal(content.size, st == ST_OK ? 3 : 0);
    }
    fake_os_heal(f);
    assert_int_equal(os_read_file(os, "a", 2, &content), ST_LIMIT);
    assert_int_equal(os_read_file(os, "none", 2, &content), ST_NOT_FOUND);
    buf_fini(&content);
    fake_os_free(f);
}

/* After a failed sync the bytes are read as written, a second sync succeeds, and yet they may be
 * lost. */
static void test_failed_sync_loses(void **state)
{
    (void)state;
    uint32_t seen = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct fake_os *f = old_and_new(seed);
        struct os *os = fake_os_table(f);
        struct os_file *file = must_open(os, "a", OS_WRITE);
        fake_os_fail(f, FAKE_OS_SYNC, 1, ST_IO);
        assert_int_equal(os->file_sync(os, file), ST_IO);
        assert_content(os, "a", "new");
        assert_int_equal(os->file_sync(os, file), ST_OK);
        fake_os_crash(f, FAKE_OS_LOSE_ALL);
        os->file_close(os, file);
        struct buf content;
        buf_init(&content, mem_system(), 0);
        assert_int_equal(os_read_file(os, "a", 16, &content), ST_OK);
        seen |= span_equal(buf_span(&content), span_text("new")) ? 2u : 1u;
        buf_fini(&content);
        fake_os_free(f);
    }
    assert_int_equal(seen, 3);
}

/* A failing write leaves a prefix, of different lengths for different seeds. */
static void test_failed_write_is_short(void **state)
{
    (void)state;
    uint64_t sizes = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct fake_os *f = fake_os_new(seed);
        struct os *os = fake_os_table(f);
        struct os_file *file = must_open(os, "a", OS_WRITE | OS_CREATE);
        fake_os_fail(f, FAKE_OS_WRITE, 1, ST_NO_SPACE);
        assert_int_equal(os->file_write(os, file, span_text("0123456789"), 0), ST_NO_SPACE);
        uint64_t size = 0;
        assert_int_equal(os->file_size(os, file, &size), ST_OK);
        assert_true(size <= 10);
        sizes |= UINT64_C(1) << size;
        must_write(os, file, "0123456789", 0); /* The fault struck once. */
        os->file_close(os, file);
        assert_content(os, "a", "0123456789");
        fake_os_free(f);
    }
    assert_int_equal(sizes, 2047);
}

static void test_nth_and_lasting_faults(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(1);
    struct os *os = fake_os_table(f);
    struct os_file *file = must_open(os, "a", OS_WRITE | OS_CREATE);
    uint64_t size = 0;
    fake_os_fail_from(f, FAKE_OS_SIZE, 3, ST_DENIED);
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    assert_int_equal(os->file_sync(os, file), ST_OK);
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    assert_false(fake_os_has_failed(f));
    assert_int_equal(os->file_size(os, file, &size), ST_DENIED);
    assert_int_equal(os->file_size(os, file, &size), ST_DENIED);
    assert_true(fake_os_has_failed(f));
    fake_os_heal(f);
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    assert_int_equal(fake_os_calls(f, FAKE_OS_SIZE), 5);
    assert_int_equal(fake_os_calls(f, (uint32_t)FAKE_OS_SIZE | FAKE_OS_SYNC), 6);
    os->file_close(os, file);
    fake_os_free(f);
}

/* Objects of before a crash answer ST_IO and change nothing. */
static void test_objects_end_with_the_power(void **state)
{
    (void)state;
    struct fake_os *f = old_and_new(1);
    struct os *os = fake_os_table(f);
    struct os_file *file = must_open(os, "a", OS_WRITE);
    fake_os_cut_power(f, 1);
    assert_int_equal(os->file_sync(os, file), ST_IO);
    uint64_t size = 0;
    assert_int_equal(os->file_size(os, file, &size), ST_IO);
    fake_os_crash(f, FAKE_OS_KEEP_ALL);
    assert_int_equal(os->file_write(os, file, span_text("zzz"), 0), ST_IO);
    assert_int_equal(os->file_sync(os, file), ST_IO);
    os->file_close(os, file);
    assert_content(os, "a", "new");
    fake_os_free(f);
}

static void test_capacity(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(1);
    struct os *os = fake_os_table(f);
    fake_os_set_capacity(f, 4 * PAGE);
    struct os_file *file = must_open(os, "a", OS_WRITE | OS_CREATE);
    uint64_t left = 0;
    assert_int_equal(os->file_allocate(os, file, 2 * PAGE), ST_OK);
    assert_int_equal(os->free_bytes(os, ".", &left), ST_OK);
    assert_int_equal(left, 2 * PAGE);
    assert_int_equal(os->file_allocate(os, file, 5 * PAGE), ST_NO_SPACE);

    /* Reserved room needs no new space, the fifth page has none; what fitted is there. */
    static const uint8_t bytes[5 * PAGE] = {1};
    assert_int_equal(os->file_write(os, file, span_of(bytes, 2 * PAGE), 0), ST_OK);
    assert_int_equal(os->file_write(os, file, span_of(bytes, 5 * PAGE), 0), ST_NO_SPACE);
    uint64_t size = 0;
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    assert_int_equal(size, 4 * PAGE);

    /* Space returns when the file is cut, and when the last user of a removed file closes it. */
    assert_int_equal(os->file_truncate(os, file, 4096), ST_OK);
    assert_int_equal(os->free_bytes(os, ".", &left), ST_OK);
    assert_int_equal(left, 3 * PAGE);
    assert_int_equal(os->remove(os, "a"), ST_OK);
    assert_int_equal(os->free_bytes(os, ".", &left), ST_OK);
    assert_int_equal(left, 3 * PAGE);
    os->file_close(os, file);
    assert_int_equal(os->free_bytes(os, ".", &left), ST_OK);
    assert_int_equal(left, 4 * PAGE);
    fake_os_free(f);
}

/* Synced reservations survive a crash: later writes into them need no space. */
static void test_allocation_is_durable(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(1);
    struct os *os = fake_os_table(f);
    struct os_file *file = must_open(os, "a", OS_WRITE | OS_CREATE);
    assert_int_equal(os->file_allocate(os, file, 8 * PAGE), ST_OK);
    assert_int_equal(os->file_sync(os, file), ST_OK);
    assert_int_equal(os->sync_dir(os, "."), ST_OK);
    os->file_close(os, file);
    fake_os_crash(f, FAKE_OS_LOSE_ALL);
    fake_os_set_capacity(f, 0);
    file = must_open(os, "a", OS_WRITE);
    uint64_t size = 0;
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    assert_int_equal(size, 8 * PAGE);
    must_write(os, file, "x", 7 * PAGE);
    assert_int_equal(os->file_write(os, file, span_text("x"), 8 * PAGE), ST_NO_SPACE);
    os->file_close(os, file);
    fake_os_free(f);
}

static void test_truncate_and_holes(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(1);
    struct os *os = fake_os_table(f);
    struct os_file *file = must_open(os, "a", OS_WRITE | OS_CREATE);
    must_write(os, file, "abcdef", 0);
    assert_int_equal(os->file_truncate(os, file, 2), ST_OK);
    assert_int_equal(os->file_truncate(os, file, 4), ST_OK);
    uint8_t bytes[8] = {9, 9, 9, 9, 9, 9, 9, 9};
    size_t got = 0;
    assert_int_equal(os->file_read(os, file, bytes, 8, 0, &got), ST_OK);
    assert_int_equal(got, 4);
    assert_memory_equal(bytes, "ab\0\0", 4);
    must_write(os, file, "z", 100000);
    assert_int_equal(os->file_read(os, file, bytes, 8, 50000, &got), ST_OK);
    assert_int_equal(got, 8);
    assert_memory_equal(bytes, "\0\0\0\0\0\0\0\0", 8);
    assert_int_equal(os->file_read(os, file, bytes, 8, 100001, &got), ST_OK);
    assert_int_equal(got, 0);
    os->file_close(os, file);
    fake_os_free(f);
}

static enum status note_name(void *context, const char *name)
{
    struct buf *names = context;
    buf_put_text(names, name);
    buf_put_text(names, " ");
    return buf_status(names);
}

static void test_directories(void **state)
{
    (void)state;
    struct fake_os *f = fake_os_new(1);
    struct os *os = fake_os_table(f);
    struct os_file *file = NULL;
    assert_int_equal(os->make_dir(os, "d"), ST_OK);
    assert_int_equal(os->make_dir(os, "d"), ST_EXISTS);
    assert_int_equal(os->make_dir(os, "x/y"), ST_NOT_FOUND);
    os->file_close(os, must_open(os, "d/b", OS_WRITE | OS_CREATE | OS_EXCLUSIVE));
    os->file_close(os, must_open(os, "/d/./a", OS_WRITE | OS_CREATE));
    assert_int_equal(os->file_open(os, &file, "d/b", OS_WRITE | OS_CREATE | OS_EXCLUSIVE),
                     ST_EXISTS);
    assert_int_equal(os->file_open(os, &file, "d/b/c", OS_WRITE | OS_CREATE), ST_NOT_FOUND);
    assert_int_equal(os->file_open(os, &file, "d", OS_READ), ST_IO);
    struct buf names;
    buf_init(&names, mem_system(), 0);
    assert_int_equal(os->list_dir(os, "d", note_name, &names), ST_OK);
    assert_true(span_equal(buf_span(&names), span_text("a b ")));
    assert_int_equal(os->remove(os, "d"), ST_EXISTS);
    assert_int_equal(os->rename(os, "d", "e"), ST_OK);
    assert_true(exists(os, "e/a"));
    assert_int_equal(os->rename(os, "e/a", "e/b"), ST_OK);
    assert_int_equal(os->remove(os, "e/b"), ST_OK);
    assert_int_equal(os->remove(os, "e/b"), ST_NOT_FOUND);
    assert_int_equal(os->remove(os, "e"), ST_OK);
    assert_int_equal(os->list_dir(os, "e", note_name, &names), ST_NOT_FOUND);
    buf_fini(&names);
    fake_os_free(f);
}

static void test_locks_between_processes(void **state)
{
    (void)state;
    struct fake_os *f = old_and_new(1);
    struct os *os = fake_os_table(f);
    struct os *other = fake_os_other_process(f);
    struct os_file *mine = must_open(os, "a", OS_WRITE);
    struct os_file *theirs = must_open(other, "a", OS_WRITE);
    assert_int_equal(os->file_lock(os, mine, OS_LOCK_EXCLUSIVE, 0, 10), ST_OK);
    assert_int_equal(other->file_lock(other, theirs, OS_LOCK_SHARED, 9, 1), ST_LOCKED);
    assert_int_equal(other->file_lock(other, theirs, OS_LOCK_EXCLUSIVE, 10, 1), ST_OK);
    /* Giving back the middle keeps both ends. */
    assert_int_equal(os->file_lock(os, mine, OS_UNLOCK, 4, 2), ST_OK);
    assert_int_equal(other->file_lock(other, theirs, OS_LOCK_EXCLUSIVE, 4, 2), ST_OK);
    assert_int_equal(other->file_lock(other, theirs, OS_LOCK_SHARED, 3, 1), ST_LOCKED);
    assert_int_equal(other->file_lock(other, theirs, OS_LOCK_SHARED, 6, 1), ST_LOCKED);
    /* Shared with shared; and the trap: closing any object of the file drops all. */
    assert_int_equal(os->file_lock(os, mine, OS_LOCK_SHARED, 0, 4), ST_OK);
    assert_int_equal(other->file_lock(other, theirs, OS_LOCK_SHARED, 0, 4), ST_OK);
    assert_int_equal(other->file_lock(other, theirs, OS_LOCK_EXCLUSIVE, 0, 1), ST_LOCKED);
    os->file_close(os, must_open(os, "a", OS_READ));
    assert_int_equal(other->file_lock(other, theirs, OS_LOCK_EXCLUSIVE, 0, 10), ST_OK);
    other->file_close(other, theirs);
    os->file_close(os, mine);
    fake_os_free(f);
}

/* The same seed and calls give the same crash and the same entropy; the clocks move when told. */
static void test_same_seed_same_world(void **state)
{
    (void)state;
    uint8_t bytes[2][4096];
    for (int i = 0; i < 2; i++) {
        struct fake_os *f = fake_os_new(7);
        struct os *os = fake_os_table(f);
        os->entropy(os, bytes[i], 4096);
        struct os_file *file = must_open(os, "a", OS_WRITE | OS_CREATE);
        assert_int_equal(os->sync_dir(os, "."), ST_OK);
        assert_int_equal(os->file_allocate(os, file, 4096), ST_OK);
        assert_int_equal(os->file_sync(os, file), ST_OK);
        assert_int_equal(os->file_write(os, file, span_of(bytes[i], 4096), 0), ST_OK);
        os->file_close(os, file);
        fake_os_crash(f, FAKE_OS_LOSE_SOME);
        size_t got = 0;
        file = must_open(os, "a", OS_READ);
        assert_int_equal(os->file_read(os, file, bytes[i], 4096, 0, &got), ST_OK);
        os->file_close(os, file);
        uint64_t wall = os->wall_ms(os);
        uint64_t monotonic = os->monotonic_ns(os);
        fake_os_advance_ms(f, 5);
        assert_int_equal(os->wall_ms(os), wall + 5);
        assert_int_equal(os->monotonic_ns(os), monotonic + 5000000);
        fake_os_set_wall_ms(f, 1);
        assert_int_equal(os->wall_ms(os), 1);
        fake_os_free(f);
    }
    assert_memory_equal(bytes[0], bytes[1], 4096);
}

/* What is_durable says of a file and its directory is what a crash then does. */
static void test_is_durable(void **state)
{
    (void)state;
    struct fake_os *f = old_and_new(3);
    struct os *os = fake_os_table(f);
    assert_false(fake_os_is_durable(f, "a"));
    assert_false(fake_os_is_durable(f, "."));
    assert_false(fake_os_is_durable(f, "missing"));
    struct os_file *file = must_open(os, "a", OS_WRITE);
    assert_int_equal(os->file_sync(os, file), ST_OK);
    assert_true(fake_os_is_durable(f, "a"));
    assert_true(fake_os_is_durable(f, "."));
    os->file_close(os, file);
    assert_int_equal(os->rename(os, "a", "b"), ST_OK);
    assert_true(fake_os_is_durable(f, "b")); /* Its bytes; its name is the directory's. */
    assert_false(fake_os_is_durable(f, "."));
    fake_os_crash(f, FAKE_OS_LOSE_ALL);
    assert_true(fake_os_is_durable(f, "."));
    assert_content(os, "a", "new");
    fake_os_ignore_sync(f, "a");
    file = must_open(os, "a", OS_WRITE);
    must_write(os, file, "lie", 0);
    assert_int_equal(os->file_sync(os, file), ST_OK);
    assert_false(fake_os_is_durable(f, "a"));
    os->file_close(os, file);
    fake_os_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unsynced_bytes_are_lost),
        cmocka_unit_test(test_kill_keeps_everything),
        cmocka_unit_test(test_sectors_are_lost_one_by_one),
        cmocka_unit_test(test_unsynced_names_are_lost),
        cmocka_unit_test(test_rename_is_kept_or_lost_as_one),
        cmocka_unit_test(test_replace_file_at_every_power_cut),
        cmocka_unit_test(test_replace_file_fails_nth),
        cmocka_unit_test(test_read_file_fails_nth),
        cmocka_unit_test(test_failed_sync_loses),
        cmocka_unit_test(test_failed_write_is_short),
        cmocka_unit_test(test_nth_and_lasting_faults),
        cmocka_unit_test(test_objects_end_with_the_power),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_allocation_is_durable),
        cmocka_unit_test(test_truncate_and_holes),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_locks_between_processes),
        cmocka_unit_test(test_same_seed_same_world),
        cmocka_unit_test(test_is_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
