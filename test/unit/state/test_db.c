/* test_db.c - Blocks, views of older heights, checkpoints and restarts through db.h. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "state/db.h"
#include "support/cmocka_all.h"

struct place {
    char dir[64];
    char path[96];
    struct db *db;
};

static int place_make(void **state);
static int place_remove(void **state);
static void open_db(struct place *p);
static void run(sqlite3 *c, const char *sql);
static int64_t number(sqlite3 *c, const char *sql);
static void block(struct place *p, uint64_t height, const char *sql);

/* A block becomes visible as a whole, and older heights stay as they were. */
static void heights_are_seen_as_they_were(void **state)
{
    struct place *p = *state;
    open_db(p);
    assert_true(db_is_new(p->db));
    block(p, 0, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)");
    for (uint64_t h = 1; h <= 200; h++)
        block(
            p, h,
            "INSERT INTO t(b) VALUES('row of the block'); UPDATE t SET b = b || a WHERE a % 7 = 3");
    sqlite3 *r = NULL;
    assert_int_equal(db_reader_open(p->db, &r), ST_OK);
    for (uint64_t h = 200; h > 0; h--) {
        assert_int_equal(db_view(p->db, r, h), ST_OK);
        assert_int_equal(number(r, "SELECT count(*) FROM t"), h);
    }
    assert_int_equal(db_view(p->db, r, 0), ST_OK);
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 200);
    db_reader_close(p->db, r);
    assert_int_equal(db_height(p->db), 200);
}

/* After a checkpoint the file holds the height; without one it is as new. */
static void checkpoint_makes_it_last(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)");
    block(p, 1, "INSERT INTO t(b) VALUES('x')");
    db_close(p->db);
    open_db(p);
    assert_true(db_is_new(p->db));
    block(p, 0, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)");
    block(p, 1, "INSERT INTO t(b) VALUES('x')");
    uint64_t height = 0;
    assert_int_equal(db_checkpoint(p->db, &height), ST_OK);
    assert_int_equal(height, 1);
    block(p, 2, "INSERT INTO t(b) VALUES('y')");
    db_close(p->db);
    open_db(p);
    assert_false(db_is_new(p->db));
    assert_int_equal(db_height(p->db), 1);
    assert_int_equal(number(db_writer(p->db), "SELECT count(*) FROM t"), 1);
}

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    must(p != NULL);
    (void)snprintf(p->dir, sizeof p->dir, "/tmp/state-db-XXXXXX");
    must(mkdtemp(p->dir) != NULL);
    (void)snprintf(p->path, sizeof p->path, "%s/main.db", p->dir);
    *state = p;
    return 0;
}

static int place_remove(void **state)
{
    struct place *p = *state;
    db_close(p->db);
    char journal[128];
    (void)snprintf(journal, sizeof journal, "%s-journal", p->path);
    struct os *os = os_posix();
    (void)os->remove(os, journal);
    (void)os->remove(os, p->path);
    (void)remove(p->dir);
    free(p);
    return 0;
}

static void open_db(struct place *p)
{
    char what[DB_WHAT_MAX];
    const struct db_config config = {.os = os_posix(), .mem = mem_system(), .path = p->path};
    enum status st = db_open(&p->db, &config, what);
    if (st != ST_OK) print_error("%s: %s\n", status_name(st), what);
    assert_int_equal(st, ST_OK);
}

static void run(sqlite3 *c, const char *sql)
{
    char *error = NULL;
    int rc = sqlite3_exec(c, sql, NULL, NULL, &error);
    if (rc != SQLITE_OK) print_error("%s: %s\n", sql, error);
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
    assert_int_equal(db_height(p->db), height);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(heights_are_seen_as_they_were, place_make, place_remove),
        cmocka_unit_test_setup_teardown(checkpoint_makes_it_last, place_make, place_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
