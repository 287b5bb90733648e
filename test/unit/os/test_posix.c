/* The table of the operating system keeps its contract in a temporary directory, and answers each
 * kind of refusal of the kernel with its status. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/os.h"
#include "support/cmocka_all.h"

#define NOBODY 65534

static char dir[64];

/* dir/name, in one of four places that are used in turn. */
static const char *path_of(const char *name)
{
    static char paths[4][OS_PATH_MAX];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    assert_int_equal(os_path_join(path, dir, name), ST_OK);
    return path;
}

static struct os_file *must_open(const char *path, uint32_t flags)
{
    struct os *os = os_posix();
    struct os_file *file = NULL;
    assert_int_equal(os->file_open(os, &file, path, flags), ST_OK);
    assert_non_null(file);
    return file;
}

static enum status open_status(const char *path, uint32_t flags)
{
    struct os *os = os_posix();
    struct os_file *file = NULL;
    enum status st = os->file_open(os, &file, path, flags);
    if (st == ST_OK) {
        os->file_close(os, file);
    } else {
        assert_null(file); /* Outputs are untouched on failure. */
    }
    return st;
}

/* Run check in a child of its own; its exit code. */
static int in_child(int (*check)(void))
{
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(check());
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    return WEXITSTATUS(result);
}

static void test_open_flags(void **state)
{
    (void)state;
    assert_int_equal(open_status(path_of("f"), OS_READ), ST_NOT_FOUND);
    assert_int_equal(open_status(path_of("f"), OS_WRITE), ST_NOT_FOUND);
    assert_int_equal(open_status(path_of("f"), OS_WRITE | OS_CREATE | OS_EXCLUSIVE), ST_OK);
    assert_int_equal(open_status(path_of("f"), OS_WRITE | OS_CREATE | OS_EXCLUSIVE), ST_EXISTS);
    assert_int_equal(open_status(path_of("f"), OS_WRITE | OS_CREATE), ST_OK);
    assert_int_equal(open_status(path_of("f/g"), OS_READ), ST_NOT_FOUND);
    assert_int_equal(open_status(path_of("."), OS_WRITE), ST_IO);
    struct stat about;
    assert_int_equal(stat(path_of("f"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    char name[OS_NAME_MAX + 2];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    assert_int_equal(open_status(path_of(name), OS_WRITE | OS_CREATE), ST_LIMIT);
    os_posix()->file_close(os_posix(), NULL);
}

static void test_read_and_write(void **state)
{
    (void)state;
    struct os *os = os_posix();
    struct os_file *file = must_open(path_of("rw"), OS_WRITE | OS_CREATE);
    assert_int_equal(os->file_write(os, file, span_text("hello"), 3), ST_OK);
    assert_int_equal(os->file_write(os, file, span_of(NULL, 0), 100), ST_OK);
    uint64_t size = 0;
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    assert_int_equal(size, 8);
    char bytes[16] = {0};
    size_t got = 99;
    assert_int_equal(os->file_read(os, file, bytes, sizeof(bytes), 0, &got), ST_OK);
    assert_int_equal(got, 8);
    assert_memory_equal(bytes, "\0\0\0hello", 8);
    assert_int_equal(os->file_read(os, file, bytes, 2, 4, &got), ST_OK);
    assert_int_equal(got, 2);
    assert_memory_equal(bytes, "el", 2);
    assert_int_equal(os->file_read(os, file, bytes, 2, 8, &got), ST_OK);
    assert_int_equal(got, 0);
    assert_int_equal(os->file_read(os, file, bytes, 2, UINT64_MAX, &got), ST_LIMIT);
    assert_int_equal(os->file_write(os, file, span_text("x"), INT64_MAX), ST_LIMIT);
    assert_int_equal(os->file_truncate(os, file, UINT64_MAX), ST_LIMIT);
    assert_int_equal(os->file_allocate(os, file, UINT64_MAX), ST_LIMIT);
    assert_int_equal(os->file_sync(os, file), ST_OK);
    os->file_close(os, file);

    file = must_open(path_of("rw"), OS_READ);
    assert_int_equal(os->file_write(os, file, span_text("x"), 0), ST_IO); /* EBADF. */
    os->file_close(os, file);
}

static void test_truncate_and_allocate(void **state)
{
    (void)state;
    struct os *os = os_posix();
    struct os_file *file = must_open(path_of("t"), OS_WRITE | OS_CREATE);
    assert_int_equal(os->file_allocate(os, file, 0), ST_OK);
    assert_int_equal(os->file_allocate(os, file, 1u << 20), ST_OK);
    struct stat about;
    assert_int_equal(stat(path_of("t"), &about), 0);
    assert_int_equal(about.st_size, 1 << 20);
    assert_true(about.st_blocks * 512 >= 1 << 20);
    assert_int_equal(os->file_allocate(os, file, 10), ST_OK); /* Never shrinks. */
    uint64_t size = 0;
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    assert_int_equal(size, 1u << 20);
    assert_int_equal(os->file_truncate(os, file, 5), ST_OK);
    assert_int_equal(os->file_size(os, file, &size), ST_OK);
    assert_int_equal(size, 5);
    os->file_close(os, file);
}

/* What cannot be written, synced, cut or allocated says so. */
static void test_devices_refuse(void **state)
{
    (void)state;
    struct os *os = os_posix();
    struct os_file *file = must_open("/dev/full", OS_WRITE);
    assert_int_equal(os->file_write(os, file, span_text("x"), 0), ST_NO_SPACE);
    assert_int_equal(os->file_sync(os, file), ST_IO);
    assert_int_equal(os->file_truncate(os, file, 0), ST_IO);
    assert_int_equal(os->file_allocate(os, file, 1), ST_IO);
    os->file_close(os, file);
    char byte;
    size_t got = 7;
    file = must_open(dir, OS_READ);
    assert_int_equal(os->file_read(os, file, &byte, 1, 0, &got), ST_IO);
    assert_int_equal(got, 7);
    os->file_close(os, file);
}

/* A write the kernel takes only in part is continued, and ends in the reason. */
static int partial_write(void)
{
    struct rlimit limit = {.rlim_cur = 10000, .rlim_max = 10000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return 1;
    struct os *os = os_posix();
    struct os_file *file = must_open(path_of("partial"), OS_WRITE | OS_CREATE);
    static const uint8_t bytes[20000] = {1};
    if (os->file_write(os, file, span_of(bytes, sizeof(bytes)), 0) != ST_NO_SPACE) return 2;
    uint64_t size = 0;
    if (os->file_size(os, file, &size) != ST_OK || size != 10000) return 3;
    if (os->file_allocate(os, file, 20000) != ST_NO_SPACE) return 4;
    if (os->file_truncate(os, file, 20000) != ST_NO_SPACE) return 5;
    os->file_close(os, file);
    return 0;
}

static void test_partial_write(void **state)
{
    (void)state;
    assert_int_equal(in_child(partial_write), 0);
}

static int too_many_files(void)
{
    struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
    return open_status(path_of("many"), OS_WRITE | OS_CREATE) == ST_LIMIT ? 0 : 2;
}

static void test_too_many_files(void **state)
{
    (void)state;
    assert_int_equal(in_child(too_many_files), 0);
}

/* With standard input, output and error closed, a file gets none of their numbers. */
static int standard_closed(void)
{
    (void)close(0);
    (void)close(1);
    (void)close(2);
    struct os_file *file = must_open(path_of("standard"), OS_WRITE | OS_CREATE);
    bool is_free = fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
    os_posix()->file_close(os_posix(), file);
    return is_free ? 0 : 1;
}

static void test_standard_descriptors_are_left_alone(void **state)
{
    (void)state;
    assert_int_equal(in_child(standard_closed), 0);
}

static int denied(void)
{
    struct os *os = os_posix();
    if (getuid() == 0 && setuid(NOBODY) != 0) return 1;
    if (open_status(path_of("closed/f"), OS_WRITE | OS_CREATE) != ST_DENIED) return 2;
    if (os->make_dir(os, path_of("closed/d")) != ST_DENIED) return 3;
    if (os->rename(os, path_of("closed/a"), path_of("closed/b")) != ST_DENIED) return 4;
    if (os->remove(os, path_of("closed/a")) != ST_DENIED) return 5;
    if (os->sync_dir(os, path_of("closed")) != ST_DENIED) return 6;
    return 0;
}

static void test_denied(void **state)
{
    (void)state;
    struct os *os = os_posix();
    assert_int_equal(os->make_dir(os, path_of("closed")), ST_OK);
    assert_int_equal(chmod(path_of("closed"), 0), 0);
    assert_int_equal(in_child(denied), 0);
    assert_int_equal(chmod(path_of("closed"), 0700), 0);
}

static int lock_other(void)
{
    struct os *os = os_posix();
    struct os_file *file = must_open(path_of("lock"), OS_WRITE);
    if (os->file_lock(os, file, OS_LOCK_EXCLUSIVE, 10, 1) != ST_LOCKED) return 1;
    if (os->file_lock(os, file, OS_LOCK_SHARED, 10, 1) != ST_LOCKED) return 2;
    if (os->file_lock(os, file, OS_LOCK_EXCLUSIVE, 11, 1) != ST_OK) return 3;
    if (os->file_lock(os, file, OS_LOCK_SHARED, 20, 5) != ST_OK) return 4;
    if (os->file_lock(os, file, OS_LOCK_EXCLUSIVE, 24, 1) != ST_LOCKED) return 5;
    if (os->file_lock(os, file, OS_LOCK_EXCLUSIVE, 30, 1) != ST_OK) return 6;
    return 0;
}

static void test_locks_between_processes(void **state)
{
    (void)state;
    struct os *os = os_posix();
    struct os_file *file = must_open(path_of("lock"), OS_WRITE | OS_CREATE);
    assert_int_equal(os->file_lock(os, file, OS_LOCK_EXCLUSIVE, 10, 1), ST_OK);
    assert_int_equal(os->file_lock(os, file, OS_LOCK_SHARED, 20, 5), ST_OK);
    assert_int_equal(os->file_lock(os, file, OS_LOCK_EXCLUSIVE, 30, 1), ST_OK);
    assert_int_equal(os->file_lock(os, file, OS_UNLOCK, 30, 1), ST_OK);
    assert_int_equal(in_child(lock_other), 0);
    os->file_close(os, file);
    file = must_open(path_of("lock"), OS_READ);
    assert_int_equal(os->file_lock(os, file, OS_LOCK_EXCLUSIVE, 0, 1), ST_IO); /* EBADF. */
    os->file_close(os, file);
}

static enum status note_name(void *context, const char *name)
{
    struct buf *names = context;
    buf_put_text(names, name);
    buf_put_text(names, " ");
    return buf_status(names);
}

static enum status stop_at_once(void *context, const char *name)
{
    (void)name;
    ++*(int *)context;
    return ST_BUSY;
}

static void test_directories(void **state)
{
    (void)state;
    struct os *os = os_posix();
    struct buf names;
    buf_init(&names, mem_system(), 0);
    assert_int_equal(os->make_dir(os, path_of("d")), ST_OK);
    struct stat about;
    assert_int_equal(stat(path_of("d"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(os->make_dir(os, path_of("d")), ST_EXISTS);
    assert_int_equal(os->list_dir(os, path_of("d"), note_name, &names), ST_OK);
    assert_int_equal(names.size, 0);
    static const char *const made[] = {"d/b", "d/\xc3\xa4", "d/a10", "d/B", "d/a9", "d/.x"};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(open_status(path_of(made[i]), OS_WRITE | OS_CREATE), ST_OK);
    assert_int_equal(os->list_dir(os, path_of("d"), note_name, &names), ST_OK);
    assert_true(span_equal(buf_span(&names), span_text(".x B a10 a9 b \xc3\xa4 ")));
    buf_fini(&names);
    int count = 0;
    assert_int_equal(os->list_dir(os, path_of("d"), stop_at_once, &count), ST_BUSY);
    assert_int_equal(count, 1);
    assert_int_equal(os->list_dir(os, path_of("none"), note_name, NULL), ST_NOT_FOUND);
    assert_int_equal(os->remove(os, path_of("d")), ST_EXISTS);
    assert_int_equal(os->rename(os, path_of("d/b"), path_of("d/B")), ST_OK);
    assert_int_equal(os->rename(os, path_of("d/b"), path_of("d/B")), ST_NOT_FOUND);
    assert_int_equal(os->remove(os, path_of("d/b")), ST_NOT_FOUND);
    assert_int_equal(os->remove(os, path_of("d/B")), ST_OK);
    assert_int_equal(os->sync_dir(os, path_of("d")), ST_OK);
    assert_int_equal(os->sync_dir(os, path_of("none")), ST_NOT_FOUND);
    assert_int_equal(os->sync_dir(os, path_of("d/a9")), ST_NOT_FOUND);
    uint64_t left = 0;
    assert_int_equal(os->free_bytes(os, dir, &left), ST_OK);
    assert_true(left > 0);
    assert_int_equal(os->free_bytes(os, path_of("none"), &left), ST_NOT_FOUND);
}

static void test_whole_files(void **state)
{
    (void)state;
    struct os *os = os_posix();
    struct buf content;
    buf_init(&content, mem_system(), 0);
    assert_int_equal(os_replace_file(os, path_of("w"), span_text("a longer text")), ST_OK);
    /* A longer temporary file that a crash has left does not shine through. */
    assert_int_equal(os_replace_file(os, path_of("w.tmp"), span_text("a longer rest")), ST_OK);
    assert_int_equal(os_replace_file(os, path_of("w"), span_text("short")), ST_OK);
    buf_put_text(&content, "<");
    assert_int_equal(os_read_file(os, path_of("w"), 5, &content), ST_OK);
    assert_true(span_equal(buf_span(&content), span_text("<short")));
    assert_int_equal(os_read_file(os, path_of("w"), 4, &content), ST_LIMIT);
    assert_int_equal(os_replace_file(os, path_of("w"), span_of(NULL, 0)), ST_OK);
    assert_int_equal(os_read_file(os, path_of("w"), 0, &content), ST_OK);
    assert_int_equal(content.size, 6);
    assert_int_equal(open_status(path_of("w.tmp"), OS_READ), ST_NOT_FOUND);
    assert_int_equal(os_replace_file(os, path_of("none/w"), span_text("x")), ST_NOT_FOUND);
    buf_fini(&content);
}

static void test_path_join(void **state)
{
    (void)state;
    static char name[OS_PATH_MAX + 1];
    static char out[OS_PATH_MAX];
    assert_int_equal(os_path_join(out, "a", "b"), ST_OK);
    assert_string_equal(out, "a/b");
    assert_int_equal(os_path_join(out, out, "c"), ST_OK);
    assert_string_equal(out, "a/b/c");
    assert_int_equal(os_path_join(out, "/", "b"), ST_OK);
    assert_string_equal(out, "/b");
    assert_int_equal(os_path_join(out, "", "b"), ST_OK);
    assert_string_equal(out, "b");
    memset(name, 'n', OS_PATH_MAX - 3);
    assert_int_equal(os_path_join(out, "d", name), ST_OK);
    assert_int_equal(strlen(out), OS_PATH_MAX - 1);
    memset(name, 'n', OS_PATH_MAX - 2);
    assert_int_equal(os_path_join(out, "d", name), ST_LIMIT);
    memset(name, 'n', OS_PATH_MAX);
    assert_int_equal(os_path_join(out, "d", name), ST_LIMIT);
    assert_int_equal(os_path_join(out, name, "d"), ST_LIMIT);
    assert_int_equal(os_replace_file(os_posix(), name, span_text("x")), ST_LIMIT);
}

static void test_clocks_and_entropy(void **state)
{
    (void)state;
    struct os *os = os_posix();
    uint64_t before = os->monotonic_ns(os);
    assert_true(os->wall_ms(os) > UINT64_C(1577836800000)); /* 2020. */
    assert_true(os->monotonic_ns(os) >= before);
    uint64_t cpu = os->process_cpu_ns(os);
    while (os->process_cpu_ns(os) == cpu)
        continue;
    assert_true(os->process_memory(os) > 100000);
    uint8_t bytes[2][1000] = {{0}};
    os->entropy(os, bytes[0], 1000);
    os->entropy(os, bytes[1], 1000);
    assert_memory_not_equal(bytes[0], bytes[1], 1000);
    static const uint8_t zeroes[16] = {0};
    for (size_t i = 0; i + 16 <= 1000; i += 8)
        assert_memory_not_equal(bytes[0] + i, zeroes, 16); /* Every part was filled. */
    os->entropy(os, bytes[0], 0);
}

static enum status remove_named(void *context, const char *name)
{
    struct os *os = os_posix();
    char path[OS_PATH_MAX];
    TRY(os_path_join(path, context, name));
    if (os->remove(os, path) == ST_EXISTS) {
        char inner[OS_PATH_MAX];
        memcpy(inner, path, sizeof(inner));
        TRY(os->list_dir(os, path, remove_named, inner));
        return os->remove(os, inner);
    }
    return ST_OK;
}

static int make_temporary(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/trustsql-test-os-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_temporary(void **state)
{
    (void)state;
    struct os *os = os_posix();
    if (os->list_dir(os, dir, remove_named, dir) != ST_OK) return -1;
    return os->remove(os, dir) == ST_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_flags),
        cmocka_unit_test(test_read_and_write),
        cmocka_unit_test(test_truncate_and_allocate),
        cmocka_unit_test(test_devices_refuse),
        cmocka_unit_test(test_partial_write),
        cmocka_unit_test(test_too_many_files),
        cmocka_unit_test(test_standard_descriptors_are_left_alone),
        cmocka_unit_test(test_denied),
        cmocka_unit_test(test_locks_between_processes),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_whole_files),
        cmocka_unit_test(test_path_join),
        cmocka_unit_test(test_clocks_and_entropy),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
