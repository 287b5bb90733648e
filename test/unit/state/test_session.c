/* test_session.c - A session changes a private copy of one height: it sees what it wrote, nobody
 * else ever does, and nothing of it is left when it ends, however it ends. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "os/fake/fake_os.h"
#include "state/db.h"
#include "state/overlay.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

#define PAGE 4096u

struct place {
    struct fake_os *disk;
    struct db *db;
    struct db_config config;
    char what[DB_WHAT_MAX];
};

static int try_run(sqlite3 *c, const char *sql)
{
    return sqlite3_exec(c, sql, NULL, NULL, NULL);
}

static void run(sqlite3 *c, const char *sql)
{
    int rc = try_run(c, sql);
    if (rc != SQLITE_OK) print_error("%s: %s\n", sql, sqlite3_errmsg(c));
    assert_int_equal(rc, SQLITE_OK);
}

static int64_t number(sqlite3 *c, const char *sql)
{
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(c, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

static void block(struct place *p, uint64_t height, const char *sql)
{
    assert_int_equal(db_begin(p->db, height), ST_OK);
    run(db_writer(p->db), sql);
    assert_int_equal(db_commit(p->db), ST_OK);
}

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    must(p != NULL);
    p->disk = fake_os_new(1);
    p->config = (struct db_config){.os = fake_os_table(p->disk),
                                   .mem = mem_system(),
                                   .path = "main.db",
                                   .overlay_pages = 600,
                                   .overlay_pages_all = 1000};
    assert_int_equal(db_open(&p->db, &p->config, p->what), ST_OK);
    block(p, 0, "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, 10), (2, 20)");
    *state = p;
    return 0;
}

static int place_remove(void **state)
{
    struct place *p = *state;
    db_close(p->db);
    fake_os_free(p->disk);
    free(p);
    return 0;
}

static sqlite3 *session(struct place *p)
{
    sqlite3 *s = NULL;
    assert_int_equal(db_session_open(p->db, &s), ST_OK);
    return s;
}

static void sees_its_own_writes_and_nobody_else_does(void **state)
{
    struct place *p = *state;
    sqlite3 *a = session(p);
    sqlite3 *b = session(p);
    sqlite3 *reader = NULL;
    assert_int_equal(db_reader_open(p->db, &reader), ST_OK);
    run(a, "BEGIN IMMEDIATE; UPDATE t SET b = 11 WHERE a = 1; CREATE TABLE u(x)");
    run(b, "BEGIN IMMEDIATE; INSERT INTO t VALUES(3, 30)");
    assert_int_equal(db_session_height(a), 0);
    block(p, 1, "UPDATE t SET b = b + 100"); /* The writer is not held up. */
    assert_int_equal(number(a, "SELECT sum(b) FROM t"), 31);
    assert_int_equal(number(a, "SELECT count(*) FROM u"), 0);
    assert_int_equal(number(b, "SELECT sum(b) FROM t"), 60);
    assert_int_equal(number(reader, "SELECT sum(b) FROM t"), 230);
    assert_int_not_equal(try_run(b, "SELECT * FROM u"), SQLITE_OK);
    run(a, "ROLLBACK");
    run(a, "BEGIN IMMEDIATE");
    assert_int_equal(db_session_height(a), 1);
    assert_int_equal(number(a, "SELECT sum(b) FROM t"), 230);
    assert_int_not_equal(try_run(a, "SELECT * FROM u"), SQLITE_OK);
    assert_int_equal(number(db_writer(p->db), "SELECT sum(b) FROM t"), 230);
    db_reader_close(p->db, reader);
    db_session_close(p->db, a); /* Inside a transaction. */
    db_session_close(p->db, b);
    assert_int_equal(number(db_writer(p->db), "SELECT sum(b) FROM t"), 230);
}

static void a_commit_is_refused(void **state)
{
    struct place *p = *state;
    sqlite3 *s = session(p);
    run(s, "BEGIN IMMEDIATE; DELETE FROM t");
    assert_int_not_equal(try_run(s, "COMMIT"), SQLITE_OK);
    (void)try_run(s, "ROLLBACK");
    assert_int_not_equal(try_run(s, "DELETE FROM t"), SQLITE_OK); /* A commit of its own. */
    assert_int_equal(number(s, "SELECT count(*) FROM t"), 2);
    db_session_close(p->db, s);
    assert_int_equal(number(db_writer(p->db), "SELECT count(*) FROM t"), 2);
}

static void savepoints_hold_beyond_the_cache(void **state)
{
    struct place *p = *state;
    sqlite3 *s = session(p);
    run(s, "BEGIN IMMEDIATE; SAVEPOINT one");
    run(s, "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 509)"
           " INSERT INTO t SELECT i, zeroblob(3500) FROM n");
    run(s, "SAVEPOINT two; UPDATE t SET b = zeroblob(3600) WHERE a >= 10; DELETE FROM t WHERE a > "
           "100");
    assert_int_equal(number(s, "SELECT count(*) FROM t"), 93);
    run(s, "ROLLBACK TO two");
    assert_int_equal(number(s, "SELECT count(*) FROM t"), 502);
    assert_int_equal(number(s, "SELECT sum(length(b)) FROM t WHERE a >= 10"), 500 * 3500);
    run(s, "ROLLBACK TO one");
    assert_int_equal(number(s, "SELECT sum(b) FROM t"), 30);
    run(s, "ROLLBACK");
    assert_int_equal(number(s, "SELECT count(*) FROM t"), 2);
    db_session_close(p->db, s);
}

static const char fill[] = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE "
                           "i < 3000) INSERT INTO t SELECT i, zeroblob(3500) FROM n";

static void too_much_ends_the_transaction_alone(void **state)
{
    struct place *p = *state;
    sqlite3 *a = session(p);
    sqlite3 *b = session(p);
    run(b, "BEGIN IMMEDIATE; INSERT INTO t VALUES(5, 50)");
    run(a, "BEGIN IMMEDIATE");
    assert_int_equal(try_run(a, fill) & 0xff, SQLITE_FULL);
    assert_int_equal(sqlite3_get_autocommit(a), 1);
    assert_int_equal(number(a, "SELECT count(*) FROM t"), 2);
    assert_int_equal(number(b, "SELECT count(*) FROM t"), 3);
    run(a, "BEGIN IMMEDIATE; INSERT INTO t VALUES(7, 70)"); /* It is as good as new. */
    assert_int_equal(number(a, "SELECT count(*) FROM t"), 3);
    db_session_close(p->db, a);
    db_session_close(p->db, b);
}

static void a_retired_height_is_told(void **state)
{
    struct place *p = *state;
    db_close(p->db);
    p->config.view_heights = 4;
    p->config.view_bytes = 1;
    p->config.path = "other.db";
    assert_int_equal(db_open(&p->db, &p->config, p->what), ST_OK);
    block(p, 0, "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, 10)");
    sqlite3 *s = session(p);
    run(s, "BEGIN IMMEDIATE; INSERT INTO t VALUES(2, 20)");
    for (uint64_t h = 1; h < 20; h++)
        block(p, h, "UPDATE t SET b = randomblob(2000)");
    run(s, "ROLLBACK");
    run(s, "BEGIN IMMEDIATE");
    for (uint64_t h = 20; h < 40; h++)
        block(p, h, "CREATE TABLE x(a); DROP TABLE x; UPDATE t SET b = randomblob(2000)");
    sqlite3_db_release_memory(s);
    assert_int_equal(try_run(s, "SELECT * FROM t"), SQLITE_BUSY_SNAPSHOT);
    (void)try_run(s, "ROLLBACK");
    assert_int_equal(number(s, "SELECT count(*) FROM t"), 1);
    db_session_close(p->db, s);
}

static void no_memory_at_every_call(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct fake_os *disk = fake_os_new(1);
        struct fail_mem mem;
        fail_mem_init(&mem, 0);
        struct db_config config = {
            .os = fake_os_table(disk), .mem = &mem.mem, .path = "main.db", .overlay_pages = 4000};
        struct db *db = NULL;
        char what[DB_WHAT_MAX];
        assert_int_equal(db_open(&db, &config, what), ST_OK);
        assert_int_equal(db_begin(db, 0), ST_OK);
        run(db_writer(db), "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
        assert_int_equal(db_commit(db), ST_OK);
        sqlite3 *s = NULL;
        assert_int_equal(db_session_open(db, &s), ST_OK);
        run(s, "BEGIN IMMEDIATE");
        mem.fail_at = mem.calls + n;
        int rc =
            try_run(s, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i "
                       "< 400) INSERT INTO t SELECT i, zeroblob(3500) FROM n");
        mem.fail_at = 0;
        if (rc != SQLITE_OK) assert_int_equal(sqlite3_get_autocommit(s), 1);
        db_session_close(db, s);
        db_close(db);
        assert_int_equal(mem.live, 0);
        fake_os_free(disk);
        if (rc == SQLITE_OK) {
            assert_true(n > 5);
            return;
        }
    }
}

/* Against a plain array. */
static void overlay_finds_what_was_put(void **state)
{
    (void)state;
    enum { PAGES = 300 };
    static uint8_t plain[PAGES];
    _Atomic uint32_t budget = 200;
    struct overlay o;
    uint8_t image[PAGE];
    uint32_t seed = 1;
    overlay_init(&o, mem_system(), &budget, 150);
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1664525u + 1013904223u;
        const uint32_t number = 1 + (seed >> 16) % (PAGES - 1);
        memset(image, (int)(1 + step % 250), sizeof image);
        const uint32_t before = o.count;
        if (step % 97 == 96) {
            overlay_truncate(&o, number);
            for (uint32_t i = number + 1; i < PAGES; i++)
                plain[i] = 0;
        } else if (overlay_put(&o, number, image) == ST_OK) {
            plain[number] = image[0];
        } else {
            assert_int_equal(before, 150);
        }
        assert_int_equal(o.count + budget, 200);
        for (uint32_t i = 1; i < PAGES; i += 7) {
            const uint8_t *found = overlay_find(&o, i);
            assert_int_equal(found == NULL ? 0 : found[PAGE - 1], plain[i]);
        }
    }
    overlay_clear(&o);
    assert_int_equal(budget, 200);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sees_its_own_writes_and_nobody_else_does),
        CASE(a_commit_is_refused),
        CASE(savepoints_hold_beyond_the_cache),
        CASE(too_much_ends_the_transaction_alone),
        CASE(a_retired_height_is_told),
        cmocka_unit_test(no_memory_at_every_call),
        cmocka_unit_test(overlay_finds_what_was_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
