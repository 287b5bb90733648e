/* Goal: what custody is given it keeps, sealed, through restarts and failures; damage is named. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "custody/custody.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

/* The real files, but the nth call fails. */
struct broken_os {
    struct os os;
    struct os *real;
    uint32_t left;
};

static struct signer *signer;
static char dir[64];

static void path_of(char *out, const char *name)
{
    assert_int_equal(os_path_join(out, dir, name), ST_OK);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/trustsql-custody-XXXXXX");
    assert_non_null(mkdtemp(dir));
    const uint8_t seed[32] = {7};
    return signer_new(&signer, seed) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"custody", "custody.key"};
    for (size_t i = 0; i < 2; i++) {
        char path[OS_PATH_MAX];
        path_of(path, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(dir), 0); /* Nothing else was left behind. */
    signer_free(signer);
    return 0;
}

static struct secret_key secret_of(uint8_t number)
{
    struct secret_key secret = {.scheme = number % 2 == 0 ? SIGN_SECP256K1 : SIGN_ED25519};
    memset(secret.bytes, number, sizeof secret.bytes);
    return secret;
}

static struct custody *open_here(void)
{
    struct custody *c = NULL;
    assert_int_equal(custody_open(&c, os_posix(), mem_system(), dir, signer), ST_OK);
    return c;
}

static void assert_holds(struct custody *c, const char *name, uint8_t number)
{
    struct secret_key secret = secret_of(number);
    struct public_key expected;
    struct public_key public;
    assert_int_equal(sign_public(signer, &expected, &secret), ST_OK);
    assert_int_equal(custody_public(c, span_text(name), &public), ST_OK);
    assert_true(public_key_equal(&public, &expected));
    struct hash hash = hash_of("test", span_text(name));
    struct signature sig;
    assert_int_equal(custody_sign(c, span_text(name), &hash, &sig), ST_OK);
    assert_int_equal(sign_verify(signer, &public, &hash, &sig), ST_OK);
}

static void read_whole(const char *name, struct buf *out)
{
    char path[OS_PATH_MAX];
    path_of(path, name);
    buf_init(out, mem_system(), 0);
    assert_int_equal(os_read_file(os_posix(), path, 1u << 20, out), ST_OK);
}

static void write_whole(const char *name, struct span bytes)
{
    char path[OS_PATH_MAX];
    path_of(path, name);
    assert_int_equal(os_replace_file(os_posix(), path, bytes), ST_OK);
}

static void test_put_survives_a_restart(void **state)
{
    (void)state;
    static const char *const names[] = {"carol", "alice", "bob", "al"};
    struct custody *c = open_here();
    for (uint8_t i = 0; i < 4; i++) {
        struct secret_key secret = secret_of((uint8_t)(i + 1));
        assert_int_equal(custody_put(c, span_text(names[i]), &secret, span_text("pw")), ST_OK);
    }
    for (int turn = 0; turn < 2; turn++) {
        for (uint8_t i = 0; i < 4; i++)
            assert_holds(c, names[i], (uint8_t)(i + 1));
        struct public_key public;
        assert_int_equal(custody_public(c, span_text("dave"), &public), ST_NOT_FOUND);
        custody_close(c);
        c = open_here();
    }
    struct secret_key secret = secret_of(9);
    assert_int_equal(custody_put(c, span_text("bob"), &secret, span_text("new")), ST_OK);
    assert_holds(c, "bob", 9);
    assert_int_equal(custody_remove(c, span_text("alice")), ST_OK);
    assert_int_equal(custody_remove(c, span_text("alice")), ST_NOT_FOUND);
    custody_close(c);
    c = open_here();
    struct hash hash = {{0}};
    struct signature sig;
    assert_int_equal(custody_sign(c, span_text("alice"), &hash, &sig), ST_NOT_FOUND);
    assert_holds(c, "bob", 9);
    assert_holds(c, "carol", 1);
    custody_close(c);
}

static void test_verifier_is_of_the_password(void **state)
{
    (void)state;
    struct custody *c = open_here();
    struct secret_key secret = secret_of(2);
    assert_int_equal(custody_put(c, span_text("u"), &secret, span_text("pencil")), ST_OK);
    struct scram_verifier v;
    struct scram_verifier again;
    bool is_mock = true;
    assert_int_equal(custody_verifier(c, span_text("u"), &v), ST_OK);
    assert_int_equal(scram_verifier_make(&again, span_text("pencil"), v.salt), ST_OK);
    assert_memory_equal(v.stored_key, again.stored_key, SCRAM_KEY_SIZE);
    assert_memory_equal(v.server_key, again.server_key, SCRAM_KEY_SIZE);
    custody_verifier_or_mock(c, span_text("u"), &again, &is_mock);
    assert_false(is_mock);
    assert_memory_equal(v.stored_key, again.stored_key, SCRAM_KEY_SIZE);
    struct scram_verifier mock;
    assert_int_equal(custody_verifier(c, span_text("x"), &mock), ST_NOT_FOUND);
    custody_verifier_or_mock(c, span_text("x"), &mock, &is_mock);
    assert_true(is_mock);
    custody_close(c);
    c = open_here(); /* The mock must not change at a restart either: that would tell. */
    custody_verifier_or_mock(c, span_text("x"), &again, &is_mock);
    assert_memory_equal(mock.salt, again.salt, SCRAM_SALT_SIZE);
    custody_close(c);
}

static void test_limits(void **state)
{
    (void)state;
    static uint8_t text[CUSTODY_PASSWORD_MAX + 1];
    memset(text, 'x', sizeof text);
    struct custody *c = open_here();
    struct secret_key secret = secret_of(2);
    struct span pw = span_text("pw");
    assert_int_equal(custody_put(c, span_of(text, 0), &secret, pw), ST_LIMIT);
    assert_int_equal(custody_put(c, span_of(text, CUSTODY_NAME_MAX + 1), &secret, pw), ST_LIMIT);
    assert_int_equal(custody_put(c, span_of(text, CUSTODY_NAME_MAX), &secret, pw), ST_OK);
    assert_int_equal(custody_put(c, span_text("a"), &secret, span_of(text, 0)), ST_LIMIT);
    assert_int_equal(custody_put(c, span_text("a"), &secret, span_of(text, sizeof text)), ST_LIMIT);
    assert_int_equal(custody_put(c, span_text("\xff"), &secret, pw), ST_INVALID);
    memset(secret.bytes, 0, sizeof secret.bytes);
    assert_int_equal(custody_put(c, span_text("zero"), &secret, pw), ST_INVALID);
    custody_close(c);
}

static void test_files_are_private_and_sealed(void **state)
{
    (void)state;
    struct custody *c = open_here();
    struct secret_key secret = secret_of(0x42);
    assert_int_equal(custody_put(c, span_text("someone"), &secret, span_text("secret")), ST_OK);
    custody_close(c);
    static const char *const names[] = {"custody", "custody.key"};
    for (size_t i = 0; i < 2; i++) {
        char path[OS_PATH_MAX];
        struct stat info;
        path_of(path, names[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
    struct buf file;
    read_whole("custody", &file);
    for (size_t i = 0; i + 8 <= file.size; i++) {
        assert_memory_not_equal(file.data + i, "someone", 7);
        assert_memory_not_equal(file.data + i, secret.bytes, 8);
    }
    assert_memory_equal(file.data, "TSQLCST1", 8);
    buf_fini(&file);
}

static enum status try_open(void)
{
    struct custody *c = NULL;
    enum status st = custody_open(&c, os_posix(), mem_system(), dir, signer);
    custody_close(c);
    return st;
}

static void test_damage_is_named(void **state)
{
    (void)state;
    struct custody *c = open_here();
    struct secret_key secret = secret_of(2);
    assert_int_equal(custody_put(c, span_text("u"), &secret, span_text("pw")), ST_OK);
    custody_close(c);
    struct buf file;
    read_whole("custody", &file);
    for (size_t at = 0; at < file.size; at++) {
        file.data[at] ^= 0x10;
        write_whole("custody", buf_span(&file));
        assert_int_equal(try_open(), ST_CORRUPT);
        file.data[at] ^= 0x10;
    }
    for (size_t size = 0; size < file.size; size++) {
        write_whole("custody", span_of(file.data, size));
        assert_int_equal(try_open(), ST_CORRUPT);
    }
    write_whole("custody", buf_span(&file));
    assert_int_equal(try_open(), ST_OK);
    buf_fini(&file);

    read_whole("custody.key", &file);
    assert_int_equal(file.size, 32);
    write_whole("custody.key", span_of(file.data, 31));
    assert_int_equal(try_open(), ST_CORRUPT);
    file.data[0] ^= 1;
    write_whole("custody.key", buf_span(&file));
    assert_int_equal(try_open(), ST_CORRUPT);
    buf_put_u8(&file, 0);
    write_whole("custody.key", buf_span(&file));
    assert_int_equal(try_open(), ST_CORRUPT);
    buf_fini(&file);
    char path[OS_PATH_MAX];
    path_of(path, "custody.key");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(try_open(), ST_NOT_FOUND);
}

static bool fails_now(struct os *os)
{
    struct broken_os *b = (struct broken_os *)os;
    if (b->left == 0) return true;
    b->left--;
    return false;
}

static struct os *real_of(struct os *os)
{
    return ((struct broken_os *)os)->real;
}

static enum status broken_open(struct os *os,
                               struct os_file **out,
                               const char *path,
                               uint32_t flags)
{
    if (fails_now(os)) return ST_IO;
    return real_of(os)->file_open(real_of(os), out, path, flags);
}

static void broken_close(struct os *os, struct os_file *file)
{
    real_of(os)->file_close(real_of(os), file);
}

/* NOLINTNEXTLINE(readability-function-size): the signature is the table's. */
static enum status broken_read(
    struct os *os, struct os_file *file, void *to, size_t size, uint64_t offset, size_t *got)
{
    if (fails_now(os)) return ST_IO;
    return real_of(os)->file_read(real_of(os), file, to, size, offset, got);
}

static enum status broken_size(struct os *os, struct os_file *file, uint64_t *size)
{
    if (fails_now(os)) return ST_IO;
    return real_of(os)->file_size(real_of(os), file, size);
}

static enum status broken_write(struct os *os,
                                struct os_file *file,
                                struct span bytes,
                                uint64_t offset)
{
    if (fails_now(os)) return ST_NO_SPACE;
    return real_of(os)->file_write(real_of(os), file, bytes, offset);
}

static enum status broken_sync(struct os *os, struct os_file *file)
{
    if (fails_now(os)) return ST_IO;
    return real_of(os)->file_sync(real_of(os), file);
}

static enum status broken_truncate(struct os *os, struct os_file *file, uint64_t size)
{
    if (fails_now(os)) return ST_IO;
    return real_of(os)->file_truncate(real_of(os), file, size);
}

static enum status broken_rename(struct os *os, const char *from, const char *to)
{
    if (fails_now(os)) return ST_IO;
    return real_of(os)->rename(real_of(os), from, to);
}

static enum status broken_sync_dir(struct os *os, const char *path)
{
    if (fails_now(os)) return ST_IO;
    return real_of(os)->sync_dir(real_of(os), path);
}

static enum status broken_remove(struct os *os, const char *path)
{
    return real_of(os)->remove(real_of(os), path);
}

static void broken_entropy(struct os *os, void *to, size_t size)
{
    real_of(os)->entropy(real_of(os), to, size);
}

static struct broken_os broken_after(uint32_t calls)
{
    struct broken_os b = {.real = os_posix(), .left = calls};
    b.os = *b.real;
    b.os.file_open = broken_open;
    b.os.file_close = broken_close;
    b.os.file_read = broken_read;
    b.os.file_size = broken_size;
    b.os.file_write = broken_write;
    b.os.file_sync = broken_sync;
    b.os.file_truncate = broken_truncate;
    b.os.rename = broken_rename;
    b.os.sync_dir = broken_sync_dir;
    b.os.remove = broken_remove;
    b.os.entropy = broken_entropy;
    return b;
}

static void test_every_file_call_may_fail(void **state)
{
    (void)state;
    struct custody *c = open_here();
    struct secret_key first = secret_of(2);
    assert_int_equal(custody_put(c, span_text("u"), &first, span_text("pw")), ST_OK);
    custody_close(c);
    struct secret_key second = secret_of(4);
    enum status st = ST_IO;
    for (uint32_t n = 0; st != ST_OK; n++) {
        assert_true(n < 100);
        struct broken_os b = broken_after(n);
        c = NULL;
        st = custody_open(&c, &b.os, mem_system(), dir, signer);
        if (st == ST_OK) {
            st = custody_put(c, span_text("u"), &second, span_text("pw"));
            assert_holds(c, "u", st == ST_OK ? 4 : 2);
        }
        custody_close(c);
        c = open_here(); /* Old or new, never damaged. */
        struct public_key public;
        struct public_key expected;
        assert_int_equal(custody_public(c, span_text("u"), &public), ST_OK);
        assert_int_equal(sign_public(signer, &expected, st == ST_OK ? &second : &first), ST_OK);
        if (st == ST_OK) assert_true(public_key_equal(&public, &expected));
        assert_int_equal(custody_put(c, span_text("u"), &first, span_text("pw")), ST_OK);
        custody_close(c);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    enum status st = ST_NO_MEMORY;
    for (uint32_t n = 1; st != ST_OK; n++) {
        assert_true(n < 100);
        struct fail_mem heap;
        fail_mem_init(&heap, n);
        struct custody *c = NULL;
        struct secret_key secret = secret_of(2);
        st = custody_open(&c, os_posix(), &heap.mem, dir, signer);
        if (st == ST_OK) st = custody_put(c, span_text("u"), &secret, span_text("pw"));
        if (st == ST_OK) st = custody_remove(c, span_text("u"));
        assert_true(st == ST_OK || st == ST_NO_MEMORY);
        custody_close(c);
        assert_int_equal(heap.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_survives_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_verifier_is_of_the_password, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_are_private_and_sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_file_call_may_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
