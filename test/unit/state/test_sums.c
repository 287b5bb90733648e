/* test_sums.c - Goal: no byte of the state file that this program did not write is ever a row. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "os/fake/fake_os.h"
#include "state/db.h"
#include "state/sums.h"
#include "support/cmocka_all.h"
#include "support/test_rng.h"

#define ROWS 1500

struct place {
    struct fake_os *disk;
    struct os *os;
    struct db *db;
    sqlite3 *reader;
};

static void run(sqlite3 *c, const char *sql)
{
    must(sqlite3_exec(c, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static enum status open_place(struct place *p)
{
    char what[DB_WHAT_MAX];
    const struct db_config config = {
        .os = p->os, .mem = mem_system(), .path = "main.db", .clean_bytes = PAGE_BYTES};
    TRY(db_open(&p->db, &config, what));
    enum status st = db_reader_open(p->db, &p->reader);
    if (st == ST_OK) return ST_OK;
    db_close(p->db);
    p->db = NULL;
    return st;
}

static void close_place(struct place *p)
{
    if (p->db == NULL) return;
    db_reader_close(p->db, p->reader);
    db_close(p->db);
    p->db = NULL;
}

/* Heights 0 and 1, a row's value is seven times its key; both are in the file in turn. */
static void fill(struct place *p)
{
    uint64_t height;
    assert_int_equal(open_place(p), ST_OK);
    assert_int_equal(db_begin(p->db, 0), ST_OK);
    run(db_writer(p->db), "CREATE TABLE t(k INTEGER PRIMARY KEY, v INT, f BLOB)");
    assert_int_equal(db_commit(p->db), ST_OK);
    assert_int_equal(db_begin(p->db, 1), ST_OK);
    for (int i = 1; i <= ROWS; i++) {
        char sql[96];
        (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES(%d, %d, zeroblob(100))", i, 7 * i);
        run(db_writer(p->db), sql);
    }
    assert_int_equal(db_commit(p->db), ST_OK);
    assert_int_equal(db_checkpoint(p->db, &height), ST_OK);
}

static void next_block(struct place *p, uint64_t height)
{
    assert_int_equal(db_begin(p->db, height), ST_OK);
    run(db_writer(p->db), "UPDATE t SET f = zeroblob(101) WHERE k % 100 = 0");
    assert_int_equal(db_commit(p->db), ST_OK);
    assert_int_equal(db_checkpoint(p->db, &height), ST_OK);
}

/* Rows read, all of them true; the first error ends the reading. */
static int true_rows(struct place *p)
{
    sqlite3_stmt *s = NULL;
    int count = 0;
    if (sqlite3_prepare_v2(p->reader, "SELECT k, v FROM t", -1, &s, NULL) != SQLITE_OK) return 0;
    while (sqlite3_step(s) == SQLITE_ROW) {
        assert_int_equal(sqlite3_column_int(s, 1), 7 * sqlite3_column_int(s, 0));
        count++;
    }
    sqlite3_finalize(s);
    return count;
}

/* The whole file, until the first damage. */
static enum status check(struct place *p, struct db_damage *damage)
{
    enum status st = ST_OK;
    uint32_t page = 1;
    while (st == ST_OK && page != 0)
        st = db_check(p->db, &page, 7, damage);
    return st;
}

static void flip(struct os *os, const char *path, uint64_t offset, uint32_t bit)
{
    struct os_file *f = NULL;
    uint8_t byte;
    size_t got = 0;
    must(os->file_open(os, &f, path, OS_WRITE) == ST_OK);
    must(os->file_read(os, f, &byte, 1, offset, &got) == ST_OK && got == 1);
    byte = (uint8_t)(byte ^ (1u << bit));
    must(os->file_write(os, f, span_of(&byte, 1), offset) == ST_OK);
    os->file_close(os, f);
}

static uint64_t size_of(struct os *os, const char *path)
{
    struct os_file *f = NULL;
    uint64_t size = 0;
    must(os->file_open(os, &f, path, OS_READ) == ST_OK);
    must(os->file_size(os, f, &size) == ST_OK);
    os->file_close(os, f);
    return size;
}

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    must(p != NULL);
    p->disk = fake_os_new(1);
    p->os = fake_os_table(p->disk);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    close_place(p);
    fake_os_free(p->disk);
    free(p);
    return 0;
}

/* A copy of the disk on which something is changed. */
static void copy_of(struct place *out, const struct place *p, uint64_t seed)
{
    *out = (struct place){.disk = fake_os_copy(p->disk, seed)};
    out->os = fake_os_table(out->disk);
}

/* A bit is flipped while nobody runs: the open refuses, or the check names the page; rows stay
 * true.
 */
static void a_flip_at_rest_is_found(void **state)
{
    struct place *p = *state;
    struct test_rng rng = {.state = 7};
    fill(p);
    close_place(p);
    const uint64_t size = size_of(p->os, "main.db");
    for (uint32_t i = 0; i < 300; i++) {
        struct place copy;
        struct db_damage damage = {.page = 0};
        const uint64_t at = i < 110 ? i : test_rng_below(&rng, size);
        copy_of(&copy, p, i);
        flip(copy.os, "main.db", at, i % 8);
        if (open_place(&copy) == ST_OK) {
            assert_true(true_rows(&copy) <= ROWS);
            assert_int_equal(check(&copy, &damage), ST_CORRUPT);
            assert_int_equal(damage.page, at / PAGE_BYTES + 1);
            assert_false(damage.is_mended);
            assert_memory_not_equal(damage.expected, damage.found, sizeof damage.found);
        }
        close_place(&copy);
        fake_os_free(copy.disk);
    }
}

/* The same under a running node: a read that meets it fails, what is in memory mends the file. */
static void a_flip_while_running_is_found(void **state)
{
    struct place *p = *state;
    struct test_rng rng = {.state = 9};
    fill(p);
    const uint64_t size = size_of(p->os, "main.db");
    uint32_t mended = 0;
    for (uint32_t i = 0; i < 200; i++) {
        struct db_damage damage = {.page = 0};
        const uint64_t at = test_rng_below(&rng, size);
        if (i == 100) { /* No image is in memory from here on. */
            close_place(p);
            assert_int_equal(open_place(p), ST_OK);
        }
        flip(p->os, "main.db", at, i % 8);
        int rows = true_rows(p);
        assert_true(rows == ROWS || db_damaged_page(p->db) == at / PAGE_BYTES + 1);
        assert_int_equal(check(p, &damage), ST_CORRUPT);
        assert_int_equal(damage.page, at / PAGE_BYTES + 1);
        mended += damage.is_mended;
        if (!damage.is_mended) flip(p->os, "main.db", at, i % 8);
        db_forget_damage(p->db);
        assert_int_equal(check(p, &damage), ST_OK);
        assert_int_equal(true_rows(p), ROWS);
    }
    assert_true(mended > 10);
    assert_true(mended < 101);
}

/* The writer meets the damage: its block fails, nothing of it is published. */
static void a_write_upon_damage_fails(void **state)
{
    struct place *p = *state;
    fill(p);
    close_place(p);
    assert_int_equal(open_place(p), ST_OK);
    const uint64_t middle = size_of(p->os, "main.db") / PAGE_BYTES / 2 * PAGE_BYTES + 2000;
    flip(p->os, "main.db", middle, 3);
    assert_int_equal(db_begin(p->db, 2), ST_OK);
    int rc = sqlite3_exec(db_writer(p->db), "UPDATE t SET v = 0", NULL, NULL, NULL);
    assert_int_equal(rc, SQLITE_IOERR_DATA);
    db_rollback(p->db);
    assert_int_equal(db_damaged_page(p->db), middle / PAGE_BYTES + 1);
    assert_int_equal(db_height(p->db), 1);
    flip(p->os, "main.db", middle, 3);
    db_forget_damage(p->db);
    assert_int_equal(true_rows(p), ROWS);
    next_block(p, 2);
}

static void copy_file(struct os *to, struct os *from, const char *path)
{
    struct os_file *in = NULL;
    struct os_file *out = NULL;
    uint8_t page[PAGE_BYTES];
    size_t got = 0;
    must(from->file_open(from, &in, path, OS_READ) == ST_OK);
    must(to->file_open(to, &out, path, OS_WRITE) == ST_OK);
    must(to->file_truncate(to, out, 0) == ST_OK);
    for (uint64_t at = 0;; at += got) {
        must(from->file_read(from, in, page, sizeof page, at, &got) == ST_OK);
        if (got == 0) break;
        must(to->file_write(to, out, span_of(page, got), at) == ST_OK);
    }
    from->file_close(from, in);
    to->file_close(to, out);
}

/* An older copy, of one or of two checkpoints ago, in the place of a stopped or running node's. */
static void an_older_copy_is_found(void **state)
{
    struct place *p = *state;
    fill(p);
    struct place old;
    copy_of(&old, p, 5);
    for (uint64_t height = 2; height < 4; height++) {
        struct place now;
        struct db_damage damage;
        next_block(p, height);
        copy_of(&now, p, 6);
        copy_file(now.os, old.os, "main.db");
        assert_int_equal(open_place(&now), ST_CORRUPT);
        copy_file(now.os, p->os, "main.db");
        assert_int_equal(open_place(&now), ST_OK);
        copy_file(now.os, old.os, "main.db");
        assert_true(true_rows(&now) <= ROWS);
        assert_int_equal(check(&now, &damage), ST_CORRUPT);
        close_place(&now);
        fake_os_free(now.disk);
    }
    fake_os_free(old.disk);
}

/* Under a running node each file is removed, exchanged, cut or lengthened: it is put back, and what
 * the next open finds is the state. */
static void exchanged_files_are_put_back(void **state)
{
    static const char *const names[] = {"main.db", "main.db.sums", "main.db-journal"};
    struct place *p = *state;
    fill(p);
    uint64_t height = 2;
    for (uint32_t i = 0; i < 9; i++) {
        const char *name = names[i % 3];
        struct db_damage damage;
        struct os_file *f = NULL;
        must(p->os->remove(p->os, name) == ST_OK);
        if (i >= 3) must(p->os->file_open(p->os, &f, name, OS_WRITE | OS_CREATE) == ST_OK);
        if (i >= 6) must(p->os->file_write(p->os, f, span_of("forged", 6), 5000) == ST_OK);
        p->os->file_close(p->os, f);
        enum status st = db_check_files(p->db, &damage);
        assert_int_equal(st, i % 3 == 2 ? ST_OK : ST_CORRUPT);
        assert_int_equal(damage.is_mended, i % 3 != 2);
        assert_int_equal(db_check_files(p->db, &damage), ST_OK);
        assert_int_equal(check(p, &damage), ST_OK);
        next_block(p, height++);
        close_place(p);
        assert_int_equal(open_place(p), ST_OK);
        assert_int_equal(db_height(p->db), height - 1);
        assert_int_equal(true_rows(p), ROWS);
    }
    struct os_file *f = NULL;
    struct db_damage damage;
    const uint64_t size = size_of(p->os, "main.db");
    must(p->os->file_open(p->os, &f, "main.db", OS_WRITE) == ST_OK);
    must(p->os->file_write(p->os, f, span_of("forged", 6), size) == ST_OK);
    p->os->file_close(p->os, f);
    assert_int_equal(db_check_files(p->db, &damage), ST_CORRUPT);
    assert_true(damage.is_mended);
    assert_int_equal(size_of(p->os, "main.db"), size);
}

/* A damaged page gets its bytes back from another database that holds the same; others do not do.
 */
static void a_page_is_mended_from_elsewhere(void **state)
{
    struct place *p = *state;
    uint8_t page[PAGE_BYTES];
    struct db_damage damage;
    fill(p);
    struct place copy;
    copy_of(&copy, p, 2);
    assert_int_equal(open_place(&copy), ST_OK);
    close_place(p);
    assert_int_equal(open_place(p), ST_OK);
    flip(p->os, "main.db", 7 * PAGE_BYTES + 100, 1);
    assert_int_equal(check(p, &damage), ST_CORRUPT);
    assert_int_equal(damage.page, 8);
    assert_int_equal(db_page(copy.db, 7, page), ST_OK);
    assert_int_equal(db_mend(p->db, 8, page), ST_INVALID);
    assert_int_equal(db_page(copy.db, 8, page), ST_OK);
    assert_int_equal(db_mend(p->db, 8, page), ST_OK);
    assert_int_equal(check(p, &damage), ST_OK);
    assert_int_equal(db_page(copy.db, 1 << 20, page), ST_NOT_FOUND);
    close_place(&copy);
    fake_os_free(copy.disk);
}

/* Both files as they were: a true state of an older height, which the blocks above it continue. */
static void both_files_of_an_older_height_are_a_state(void **state)
{
    struct place *p = *state;
    fill(p);
    struct place old;
    copy_of(&old, p, 5);
    next_block(p, 2);
    close_place(p);
    copy_file(p->os, old.os, "main.db");
    copy_file(p->os, old.os, "main.db.sums");
    fake_os_free(old.disk);
    assert_int_equal(open_place(p), ST_OK);
    assert_int_equal(db_height(p->db), 1);
    next_block(p, 2);
    assert_int_equal(true_rows(p), ROWS);
}

/* The sums themselves: whatever bit is wrong, the state is refused or true. */
static void a_flip_in_the_sums_is_found_or_harmless(void **state)
{
    struct place *p = *state;
    struct test_rng rng = {.state = 3};
    fill(p);
    next_block(p, 2);
    close_place(p);
    const uint64_t size = size_of(p->os, "main.db.sums");
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 400; i++) {
        struct place copy;
        struct db_damage damage;
        const uint64_t at = i < 64       ? i
                            : i < 128    ? PAGE_BYTES + i - 64
                            : i % 2 == 0 ? 2u * PAGE_BYTES + i % 16
                                         : test_rng_below(&rng, size);
        copy_of(&copy, p, i);
        flip(copy.os, "main.db.sums", at, i % 8);
        enum status st = open_place(&copy);
        if (st != ST_OK) refused++;
        if (st != ST_OK) assert_int_equal(st, ST_CORRUPT);
        if (st == ST_OK) {
            assert_int_equal(check(&copy, &damage), ST_OK);
            assert_int_equal(true_rows(&copy), ROWS);
            assert_int_equal(db_height(copy.db), 2);
        }
        close_place(&copy);
        fake_os_free(copy.disk);
    }
    assert_true(refused > 64);
    must(p->os->remove(p->os, "main.db.sums") == ST_OK);
    assert_int_equal(open_place(p), ST_CORRUPT);
}

/* The hash of a page depends on its place; a page of zeros has the zero sum. */
static void sums_know_their_place(void **state)
{
    static const struct sum zero = {{0}};
    uint8_t page[PAGE_BYTES] = {0};
    (void)state;
    struct sum a = sum_of_page(1, page);
    assert_memory_equal(&a, &zero, sizeof zero);
    page[PAGE_BYTES - 1] = 1;
    a = sum_of_page(1, page);
    struct sum b = sum_of_page(2, page);
    assert_memory_not_equal(&a, &b, sizeof a);
    /* SHA-256("page" 0 || 1 as u64 LE || page). */
    static const uint8_t golden[4] = {0x36, 0x15, 0x34, 0x12};
    assert_memory_equal(a.bytes, golden, sizeof golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_know_their_place),
        cmocka_unit_test_setup_teardown(a_flip_at_rest_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flip_while_running_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_upon_damage_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_copy_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(exchanged_files_are_put_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_is_mended_from_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_files_of_an_older_height_are_a_state, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_flip_in_the_sums_is_found_or_harmless, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
