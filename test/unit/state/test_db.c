/* test_db.c - Blocks, views, settings, limits, locks and failures of the state database, each trap
 * of the README among them, over a fake disk. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "os/fake/fake_os.h"
#include "state/checkpoint.h"
#include "state/db.h"
#include "support/cmocka_all.h"
#include "support/fail_mem.h"

struct place {
    struct fake_os *disk;
    struct os *os;
    struct db *db;
    struct db_config config;
    char what[DB_WHAT_MAX];
};

static int place_make(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    must(p != NULL);
    p->disk = fake_os_new(1);
    p->os = fake_os_table(p->disk);
    p->config = (struct db_config){.os = p->os, .mem = mem_system(), .path = "main.db"};
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

static void open_db(struct place *p)
{
    enum status st = db_open(&p->db, &p->config, p->what);
    if (st != ST_OK) print_error("%s: %s\n", status_name(st), p->what);
    assert_int_equal(st, ST_OK);
}

static void close_db(struct place *p)
{
    db_close(p->db);
    p->db = NULL;
}

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
    if (sqlite3_prepare_v2(c, sql, -1, &s, NULL) != SQLITE_OK)
        print_error("%s: %s\n", sql, sqlite3_errmsg(c));
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

static void checkpoint(struct place *p, uint64_t height)
{
    uint64_t got = 0;
    assert_int_equal(db_checkpoint(p->db, &got), ST_OK);
    assert_int_equal(got, height);
    assert_int_equal(db_file_height(p->db), height);
}

static sqlite3 *reader(struct place *p)
{
    sqlite3 *r = NULL;
    assert_int_equal(db_reader_open(p->db, &r), ST_OK);
    return r;
}

static const char make_table[] = "CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB)";
static const char add_row[] = "INSERT INTO t(b) VALUES(randomblob(500))";

/* A block becomes visible as a whole, and older heights stay as they were. */
static void heights_are_seen_as_they_were(void **state)
{
    struct place *p = *state;
    open_db(p);
    assert_true(db_is_new(p->db));
    block(p, 0, make_table);
    assert_false(db_is_new(p->db));
    for (uint64_t h = 1; h <= 200; h++)
        block(p, h, "INSERT INTO t(b) VALUES('row'); UPDATE t SET b = b || a WHERE a % 7 = 3");
    sqlite3 *r = reader(p);
    for (uint64_t h = 200; h > 0; h--) {
        assert_int_equal(db_view(p->db, r, h), ST_OK);
        assert_int_equal(number(r, "SELECT count(*) FROM t"), h);
    }
    assert_int_equal(db_view(p->db, r, 201), ST_NOT_FOUND);
    assert_int_equal(db_view(p->db, r, 0), ST_OK);
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 200);
    db_reader_close(p->db, r);
}

/* A checkpoint up to a height leaves newer ones out; a restart stands at that height. */
static void a_checkpoint_stops_at_the_height_given(void **state)
{
    struct place *p = *state;
    uint64_t got = 0;
    open_db(p);
    block(p, 0, make_table);
    for (uint64_t h = 1; h <= 9; h++)
        block(p, h, add_row);
    assert_int_equal(db_checkpoint_to(p->db, 6, &got), ST_OK);
    assert_int_equal(got, 6);
    assert_int_equal(db_checkpoint_to(p->db, 4, &got), ST_OK); /* The file is newer. */
    assert_int_equal(got, 6);
    assert_int_equal(db_file_height(p->db), 6);
    close_db(p);
    open_db(p);
    assert_int_equal(db_height(p->db), 6);
    assert_int_equal(number(db_writer(p->db), "SELECT count(*) FROM t"), 6);
    block(p, 7, add_row);
    assert_int_equal(db_checkpoint_to(p->db, 100, &got), ST_OK);
    assert_int_equal(got, 7);
}

/* Readers see nothing of a block under way; the schema of a height is that of the height. */
static void a_block_is_invisible_until_commit(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    sqlite3 *r = reader(p);
    assert_int_equal(db_begin(p->db, 1), ST_OK);
    run(db_writer(p->db), add_row);
    run(db_writer(p->db), "CREATE TABLE u(x)");
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 0);
    assert_int_equal(number(r, "SELECT count(*) FROM sqlite_schema"), 2);
    assert_int_equal(db_commit(p->db), ST_OK);
    assert_int_equal(number(r, "SELECT count(*) FROM sqlite_schema"), 3);
    block(p, 2, "DROP TABLE u");
    assert_int_equal(db_view(p->db, r, 1), ST_OK);
    assert_int_equal(number(r, "SELECT count(*) FROM u"), 0);
    assert_int_equal(db_view(p->db, r, 2), ST_OK);
    assert_int_equal(try_run(r, "SELECT count(*) FROM u"), SQLITE_ERROR);
    db_reader_close(p->db, r);
}

/* After a checkpoint the file holds the height; without one it is as it was. */
static void checkpoint_makes_it_last(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    close_db(p);
    open_db(p);
    assert_true(db_is_new(p->db));
    block(p, 0, make_table);
    block(p, 1, add_row);
    checkpoint(p, 1);
    checkpoint(p, 1);
    block(p, 2, add_row);
    close_db(p);
    fake_os_crash(p->disk, FAKE_OS_LOSE_ALL);
    open_db(p);
    assert_false(db_is_new(p->db));
    assert_int_equal(db_height(p->db), 1);
    assert_int_equal(db_height_min(p->db), 1);
    assert_int_equal(number(db_writer(p->db), "SELECT count(*) FROM t"), 1);
    block(p, 2, add_row);
    assert_int_equal(db_begin(p->db, 4), ST_INVALID); /* I7 */
    assert_int_equal(db_begin(p->db, 2), ST_INVALID);
}

/* The note stays with its height: kept without a call, forgotten with its block. */
static void note_is_committed_with_the_block(void **state)
{
    struct place *p = *state;
    struct buf note;
    buf_init(&note, mem_system(), 0);
    open_db(p);
    assert_int_equal(db_note_read(p->db, &note), ST_OK);
    assert_int_equal(note.size, 0);
    block(p, 0, make_table);
    db_note(p->db, span_text("one"));
    block(p, 1, add_row);
    block(p, 2, add_row);
    assert_int_equal(db_begin(p->db, 3), ST_OK);
    db_note(p->db, span_text("lost"));
    db_rollback(p->db);
    block(p, 3, add_row);
    assert_int_equal(db_note_read(p->db, &note), ST_OK);
    assert_true(span_equal(buf_span(&note), span_text("one")));
    uint8_t big[DB_NOTE_MAX];
    memset(big, 9, sizeof big);
    db_note(p->db, span_of(big, sizeof big));
    block(p, 4, add_row);
    checkpoint(p, 4);
    close_db(p);
    open_db(p);
    buf_reset(&note);
    assert_int_equal(db_note_read(p->db, &note), ST_OK);
    assert_true(span_equal(buf_span(&note), span_of(big, sizeof big)));
    buf_fini(&note);
}

/* Trap: with journal_mode=OFF ROLLBACK TO would keep the change without a word. */
static void savepoints_roll_back(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    block(
        p, 1,
        "INSERT INTO t VALUES(1, 'a'); SAVEPOINT s; UPDATE t SET b = 'b'; INSERT INTO t VALUES(2, "
        "'c'); ROLLBACK TO s; RELEASE s");
    assert_int_equal(number(db_writer(p->db), "SELECT count(*) FROM t WHERE b = 'a'"), 1);
    assert_int_equal(number(db_writer(p->db), "SELECT count(*) FROM t"), 1);
}

/* A block larger than SQLite's cache spills; rolled back nothing stays, committed all does. */
static void big_blocks_spill(void **state)
{
    struct place *p = *state;
    static const char many_rows[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
        "i < 6000) INSERT INTO t(b) SELECT zeroblob(3500) FROM n";
    open_db(p);
    block(p, 0, make_table);
    block(p, 1, add_row);
    sqlite3 *r = reader(p);
    assert_int_equal(db_begin(p->db, 2), ST_OK);
    run(db_writer(p->db), many_rows);
    run(db_writer(p->db), "UPDATE t SET b = zeroblob(3400)");
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 1);
    db_rollback(p->db);
    assert_int_equal(number(db_writer(p->db), "SELECT count(*) FROM t"), 1);
    block(p, 2, many_rows);
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 6001);
    block(p, 3, "UPDATE t SET b = randomblob(1000)"); /* Differences of megabytes. */
    assert_true(db_window_bytes(p->db) > 1 << 20);
    assert_int_equal(db_view(p->db, r, 2), ST_OK);
    assert_int_equal(number(r, "SELECT count(*) FROM t WHERE b = zeroblob(3500)"), 6000);
    assert_int_equal(db_view(p->db, r, 1), ST_OK);
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 1);
    assert_true(db_checkpoint_due(p->db) == false);
    db_reader_close(p->db, r);
}

/* A checkpoint is due after 1,000 heights, or when 64 MB wait for the file. */
static void checkpoint_is_due_by_heights_and_bytes(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    checkpoint(p, 0);
    for (uint64_t h = 1; h <= 1000; h++) {
        assert_false(db_checkpoint_due(p->db));
        block(p, h, h == 1 ? add_row : "UPDATE t SET b = b");
    }
    assert_true(db_checkpoint_due(p->db));
    checkpoint(p, 1000);
    assert_false(db_checkpoint_due(p->db));
    block(p, 1001,
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 17000) INSERT "
          "INTO t(b) SELECT zeroblob(3900) FROM n");
    assert_true(db_checkpoint_due(p->db));
    checkpoint(p, 1001);
    assert_false(db_checkpoint_due(p->db));
}

/* What users compile cannot change the settings the store relies on, nor reach other files. */
static void dangerous_statements_are_refused(void **state)
{
    struct place *p = *state;
    static const char *const refused[] = {
        "ATTACH 'x' AS x",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'copy.db'",
        "PRAGMA journal_mode=OFF",
        "PRAGMA journal_mode=WAL",
        "PRAGMA locking_mode=EXCLUSIVE",
        "PRAGMA writable_schema=ON",
        "PRAGMA table_info(t)",
        "SELECT * FROM pragma_table_info('t')",
        "ANALYZE",
        "CREATE TEMP TABLE x(a)",
        "CREATE TEMP VIEW x AS SELECT 1",
        "CREATE VIRTUAL TABLE x USING fts5(a)",
        "SELECT load_extension('x')",
        "SELECT \"no such column\"",
    };
    open_db(p);
    block(p, 0, make_table);
    sqlite3 *r = reader(p);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_not_equal(try_run(r, refused[i]), SQLITE_OK);
        assert_int_not_equal(try_run(db_writer(p->db), refused[i]), SQLITE_OK);
    }
    db_reader_close(p->db, r);
    block(p, 1, add_row);
    checkpoint(p, 1);
}

/* Nothing but a block commits: not a reader (I6), not the writer between blocks (I7). */
static void only_blocks_write(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    sqlite3 *r = reader(p);
    assert_int_equal(try_run(r, add_row) & 0xff, SQLITE_READONLY);
    assert_int_not_equal(try_run(r, "BEGIN IMMEDIATE; INSERT INTO t(b) VALUES(1); COMMIT"), 0);
    assert_int_not_equal(try_run(db_writer(p->db), add_row), SQLITE_OK);
    assert_int_equal(db_height(p->db), 0);
    assert_int_equal(number(db_writer(p->db), "SELECT count(*) FROM t"), 0);
    /* The transaction of a block that ended under it is not taken for a commit. */
    assert_int_equal(db_begin(p->db, 1), ST_OK);
    run(db_writer(p->db), "ROLLBACK");
    assert_int_not_equal(try_run(db_writer(p->db), add_row), SQLITE_OK);
    assert_int_not_equal(db_commit(p->db), ST_OK);
    block(p, 1, add_row);
    db_reader_close(p->db, r);
}

/* Trap: with locking_mode=EXCLUSIVE the change counter stands still and pooled readers keep stale
 * pages. Planted here to see that the check of the other tests would notice. */
static void exclusive_locking_is_found(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, "CREATE TABLE t(a); INSERT INTO t VALUES(11)");
    sqlite3 *w = db_writer(p->db);
    (void)sqlite3_set_authorizer(w, NULL, NULL);
    run(w, "PRAGMA locking_mode=EXCLUSIVE");
    block(p, 1, "UPDATE t SET a = 12");
    sqlite3 *r = reader(p);
    assert_int_equal(number(r, "SELECT a FROM t"), 12);
    block(p, 2, "UPDATE t SET a = 13");
    assert_int_equal(number(r, "SELECT a FROM t"), 12); /* Stale: that is the trap. */
    db_reader_close(p->db, r);
}

/* Trap: WAL needs shared memory; the pragma stays "memory", a file marked WAL is refused at open.
 */
static void wal_is_impossible(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    checkpoint(p, 0);
    (void)sqlite3_set_authorizer(db_writer(p->db), NULL, NULL);
    sqlite3_stmt *s = NULL;
    must(sqlite3_prepare_v2(db_writer(p->db), "PRAGMA journal_mode=WAL", -1, &s, NULL) ==
         SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    const void *mode = sqlite3_column_text(s, 0);
    assert_string_equal(mode, "memory");
    sqlite3_finalize(s);
    close_db(p);
    struct os_file *f = NULL;
    must(p->os->file_open(p->os, &f, "main.db", OS_WRITE) == ST_OK);
    must(p->os->file_write(p->os, f, span_of("\2\2", 2), 18) == ST_OK);
    p->os->file_close(p->os, f);
    assert_int_equal(db_open(&p->db, &p->config, p->what), ST_CORRUPT);
    assert_non_null(strstr(p->what, "journal mode"));
}

/* Trap: a connection must not take the checkpoint's journal for its own hot journal. */
static void journal_beside_the_file_is_not_hot(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    checkpoint(p, 0);
    struct undo_head head = {.page_count = 1};
    uint8_t bytes[UNDO_HEAD_BYTES];
    undo_head_encode(bytes, &head);
    struct os_file *f = NULL;
    must(p->os->file_open(p->os, &f, "main.db-journal", OS_WRITE) == ST_OK);
    must(p->os->file_write(p->os, f, span_of(bytes, sizeof bytes), 0) == ST_OK);
    p->os->file_close(p->os, f);
    sqlite3 *r = reader(p);
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 0);
    block(p, 1, add_row);
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 1);
    db_reader_close(p->db, r);
    checkpoint(p, 1);
}

/* A running statement keeps its height whatever is committed; killed, it says so. */
static void running_statement_keeps_its_height(void **state)
{
    struct place *p = *state;
    p->config.view_heights = 4;
    open_db(p);
    block(p, 0, make_table);
    for (uint64_t h = 1; h <= 40; h++)
        block(p, h, "INSERT INTO t(b) VALUES(zeroblob(3000))");
    sqlite3 *r = reader(p);
    sqlite3_stmt *s = NULL;
    must(sqlite3_prepare_v2(r, "SELECT a FROM t", -1, &s, NULL) == SQLITE_OK);
    for (int i = 1; i <= 10; i++)
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    for (uint64_t h = 41; h <= 90; h++)
        block(p, h, "DELETE FROM t WHERE a = (SELECT max(a) FROM t)");
    assert_int_equal(db_height_min(p->db), 40);
    for (int i = 11; i <= 20; i++) {
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int64(s, 0), i);
    }
    for (uint64_t h = 91; h <= 140; h++) /* The ring of 64 is full: the view is killed. */
        block(p, h, add_row);
    int rc = SQLITE_ROW;
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(s);
    assert_int_equal(rc, SQLITE_BUSY_SNAPSHOT);
    sqlite3_finalize(s);
    assert_int_equal(number(r, "SELECT max(a) FROM t"), 50);
    assert_int_equal(db_height_min(p->db), 136);
    db_reader_close(p->db, r);
}

/* A view asked for and retired before the statement begins. */
static void retired_view_is_told(void **state)
{
    struct place *p = *state;
    p->config.view_heights = 2;
    open_db(p);
    block(p, 0, make_table);
    block(p, 1, add_row);
    sqlite3 *r = reader(p);
    assert_int_equal(db_view(p->db, r, 1), ST_OK);
    for (uint64_t h = 2; h <= 6; h++)
        block(p, h, add_row);
    assert_int_equal(try_run(r, "SELECT count(*) FROM t"), SQLITE_BUSY_SNAPSHOT);
    assert_int_equal(db_view(p->db, r, 1), ST_NOT_FOUND);
    assert_int_equal(db_view(p->db, r, 5), ST_OK);
    assert_int_equal(number(r, "SELECT count(*) FROM t"), 5);
    db_reader_close(p->db, r);
}

/* Trap: sorts go to memory, for the VFS refuses every file but the database. */
static void big_sort_needs_no_file(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    sqlite3 *r = reader(p);
    static const char big_sort[] =
        "SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE "
        "i < 20000) SELECT zeroblob(300) || (i * 7919 % 20000) AS x FROM n ORDER BY x LIMIT 19999)";
    assert_int_equal(number(r, big_sort), 19999);
    db_reader_close(p->db, r);
}

/* No clock reaches a statement: "now" is the epoch, on every node and at every time. */
static void time_stands_still(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    sqlite3 *r = reader(p);
    static const char sql[] = "SELECT strftime('%s', 'now') = '0' AND "
                              "CURRENT_TIMESTAMP = '1970-01-01 00:00:00'";
    assert_int_equal(number(r, sql), 1);
    assert_int_equal(number(db_writer(p->db), sql), 1);
    db_reader_close(p->db, r);
}

/* Two databases in one process do not know each other. */
static void two_databases_in_one_process(void **state)
{
    struct place *p = *state;
    open_db(p);
    struct db_config config = p->config;
    config.path = "second.db";
    struct db *second = NULL;
    assert_int_equal(db_open(&second, &config, p->what), ST_OK);
    block(p, 0, make_table);
    assert_true(db_is_new(second));
    assert_int_equal(db_begin(second, 0), ST_OK);
    run(db_writer(second), "CREATE TABLE other(x)");
    assert_int_equal(db_commit(second), ST_OK);
    assert_int_equal(try_run(db_writer(p->db), "SELECT * FROM other"), SQLITE_ERROR);
    db_close(second);
    block(p, 1, add_row);
}

/* Other processes: a second writer is refused; a reader delays a checkpoint for a minute at most.
 */
static void other_processes_are_respected(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    checkpoint(p, 0);
    block(p, 1, add_row);
    struct os *foreign = fake_os_other_process(p->disk);
    struct db_config config = p->config;
    config.os = foreign;
    struct db *second = NULL;
    assert_int_equal(db_open(&second, &config, p->what), ST_LOCKED);
    struct os_file *f = NULL;
    must(foreign->file_open(foreign, &f, "main.db", OS_READ) == ST_OK);
    must(foreign->file_lock(foreign, f, OS_LOCK_SHARED, LOCK_SHARED, LOCK_SHARED_BYTES) == ST_OK);
    uint64_t height = 0;
    assert_int_equal(db_checkpoint(p->db, &height), ST_BUSY);
    assert_false(db_has_failed(p->db));
    /* No new reader comes in while the old one leaves. */
    assert_int_equal(foreign->file_lock(foreign, f, OS_LOCK_SHARED, LOCK_PENDING, 1), ST_LOCKED);
    fake_os_advance_ms(p->disk, 59000);
    assert_int_equal(db_checkpoint(p->db, &height), ST_BUSY);
    fake_os_advance_ms(p->disk, 2000);
    checkpoint(p, 1);
    assert_int_equal(foreign->file_lock(foreign, f, OS_LOCK_SHARED, LOCK_PENDING, 1), ST_OK);
    foreign->file_close(foreign, f);
    block(p, 2, add_row);
    checkpoint(p, 2);
}

/* A journal that cannot be voided must not be written over: it is final. */
static void standing_journal_is_final(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    checkpoint(p, 0);
    block(p, 1, add_row);
    struct os *foreign = fake_os_other_process(p->disk);
    struct os_file *f = NULL;
    must(foreign->file_open(foreign, &f, "main.db", OS_READ) == ST_OK);
    must(foreign->file_lock(foreign, f, OS_LOCK_SHARED, LOCK_SHARED, LOCK_SHARED_BYTES) == ST_OK);
    fake_os_fail(p->disk, FAKE_OS_WRITE, 5, ST_IO); /* Sums, their head, records, head, voiding. */
    uint64_t height = 0;
    assert_int_equal(db_checkpoint(p->db, &height), ST_BUSY);
    assert_true(db_has_failed(p->db));
    foreign->file_close(foreign, f);
    assert_int_equal(db_checkpoint(p->db, &height), ST_CLOSED);
    block(p, 2, add_row); /* Blocks do not need the file; it is the node that stops. */
    close_db(p);
    open_db(p);
    assert_int_equal(db_height(p->db), 0);
}

/* Changes the file's bytes at offset and tells what opening says. */
static enum status open_damaged(struct place *p, uint64_t offset, struct span bytes)
{
    struct fake_os *copy = fake_os_copy(p->disk, 2);
    struct os *os = fake_os_table(copy);
    struct os_file *f = NULL;
    must(os->file_open(os, &f, "main.db", OS_WRITE) == ST_OK);
    if (bytes.size > 0) must(os->file_write(os, f, bytes, offset) == ST_OK);
    if (bytes.size == 0) must(os->file_truncate(os, f, offset) == ST_OK);
    os->file_close(os, f);
    struct db_config config = p->config;
    config.os = os;
    struct db *db = NULL;
    enum status st = db_open(&db, &config, p->what);
    if (st == ST_OK) db_close(db);
    fake_os_free(copy);
    return st;
}

/* A file that is not what a checkpoint wrote is refused with a reason. */
static void damaged_files_are_refused(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    for (uint64_t h = 1; h < 40; h++)
        block(p, h, add_row);
    checkpoint(p, 39);
    uint64_t size = 0;
    struct os_file *f = NULL;
    close_db(p);
    must(p->os->file_open(p->os, &f, "main.db", OS_READ) == ST_OK);
    must(p->os->file_size(p->os, f, &size) == ST_OK);
    p->os->file_close(p->os, f);
    uint8_t page[PAGE_BYTES];
    memset(page, 0x5a, sizeof page);
    assert_int_equal(open_damaged(p, size - PAGE_BYTES, span_of(NULL, 0)), ST_CORRUPT);
    assert_int_equal(open_damaged(p, size - 1, span_of(NULL, 0)), ST_CORRUPT);
    assert_int_equal(open_damaged(p, 50, span_of(NULL, 0)), ST_CORRUPT);
    assert_int_equal(open_damaged(p, size, span_of(page, PAGE_BYTES)), ST_CORRUPT);
    assert_int_equal(open_damaged(p, 0, span_of(page, 1)), ST_CORRUPT);
    assert_int_equal(open_damaged(p, 0, span_of(page, PAGE_BYTES)), ST_CORRUPT);
    assert_int_equal(open_damaged(p, 16, span_of(page, 2)), ST_CORRUPT);
    assert_int_equal(open_damaged(p, 20, span_of(page, 1)), ST_CORRUPT);
    assert_int_equal(open_damaged(p, 100, span_of(page, PAGE_BYTES - 100)), ST_CORRUPT);
    assert_true(p->what[0] != 0);
    assert_int_equal(open_damaged(p, 0, span_of("S", 1)), ST_OK); /* As it was. */
}

/* An SQLite file that is not ours does not say which height it holds. */
static void foreign_database_is_refused(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    block(p, 1, "DROP TABLE t");
    (void)sqlite3_set_authorizer(db_writer(p->db), NULL, NULL);
    assert_int_equal(db_begin(p->db, 2), ST_OK);
    run(db_writer(p->db), "UPDATE \"" DB_APPLIED_TABLE "\" SET note = zeroblob(5000)");
    assert_int_equal(db_commit(p->db), ST_OK);
    checkpoint(p, 2);
    close_db(p);
    assert_int_equal(db_open(&p->db, &p->config, p->what), ST_CORRUPT);
    assert_non_null(strstr(p->what, "height"));
    p->db = NULL;
}

/* Open, block, reader, checkpoint: each call of the disk fails in turn, and the next try succeeds.
 */
static void each_failing_call_is_survived(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct fake_os *disk = fake_os_new(n);
        struct db_config config = {
            .os = fake_os_table(disk), .mem = mem_system(), .path = "main.db"};
        char what[DB_WHAT_MAX];
        for (int round = 0; round < 2; round++) {
            if (round == 0) fake_os_fail(disk, FAKE_OS_ALL, n, ST_IO);
            struct db *db = NULL;
            enum status st = db_open(&db, &config, what);
            if (st == ST_OK && db_is_new(db)) {
                assert_int_equal(db_begin(db, 0), ST_OK);
                run(db_writer(db), make_table);
                assert_int_equal(db_commit(db), ST_OK);
            }
            uint64_t height = 0;
            if (st == ST_OK) st = db_checkpoint(db, &height);
            db_close(db);
            if (round == 0) is_done = !fake_os_has_failed(disk);
            if (round == 1) assert_int_equal(st, ST_OK);
            fake_os_heal(disk);
        }
        fake_os_free(disk);
    }
}

/* No memory at each call in turn: nothing leaks, and a block is there or not. */
static void no_memory_at_every_call(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct fail_mem f;
        fail_mem_init(&f, n);
        struct fake_os *disk = fake_os_new(n);
        const struct db_config config = {
            .os = fake_os_table(disk), .mem = &f.mem, .path = "main.db", .view_heights = 4};
        char what[DB_WHAT_MAX];
        struct db *db = NULL;
        enum status st = db_open(&db, &config, what);
        if (st == ST_OK) {
            st = db_begin(db, 0);
            bool has_begun = st == ST_OK;
            if (st == ST_OK && try_run(db_writer(db), make_table) != SQLITE_OK) st = ST_NO_MEMORY;
            if (st == ST_OK)
                st = db_commit(db);
            else if (has_begun)
                db_rollback(db);
            assert_int_equal(db_is_new(db), st != ST_OK);
            uint64_t height = 0;
            if (st == ST_OK) st = db_checkpoint(db, &height);
        }
        is_done = st == ST_OK;
        if (!is_done) assert_int_equal(st, ST_NO_MEMORY);
        db_close(db);
        assert_int_equal(f.live, 0);
        fake_os_free(disk);
    }
}

/* The disk is full under a checkpoint: the file is put right, views stay, and later it succeeds. */
static void full_disk_is_survived(void **state)
{
    struct place *p = *state;
    open_db(p);
    block(p, 0, make_table);
    checkpoint(p, 0);
    for (uint64_t h = 1; h <= 30; h++)
        block(p, h, "INSERT INTO t(b) VALUES(zeroblob(9000))");
    fake_os_set_capacity(p->disk, (uint64_t)30 * 4096);
    uint64_t height = 0;
    assert_int_equal(db_checkpoint(p->db, &height), ST_NO_SPACE);
    assert_false(db_has_failed(p->db));
    assert_int_equal(db_file_height(p->db), 0);
    assert_int_equal(number(db_writer(p->db), "SELECT count(*) FROM t"), 30);
    block(p, 31, add_row);
    struct fake_os *copy = fake_os_copy(p->disk, 3);
    fake_os_crash(copy, FAKE_OS_LOSE_SOME);
    struct db_config config = p->config;
    config.os = fake_os_table(copy);
    struct db *db = NULL;
    assert_int_equal(db_open(&db, &config, p->what), ST_OK);
    assert_int_equal(db_height(db), 0);
    db_close(db);
    fake_os_free(copy);
    fake_os_set_capacity(p->disk, 1 << 20);
    checkpoint(p, 31);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, place_make, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(heights_are_seen_as_they_were),
        CASE(a_checkpoint_stops_at_the_height_given),
        CASE(a_block_is_invisible_until_commit),
        CASE(checkpoint_makes_it_last),
        CASE(note_is_committed_with_the_block),
        CASE(savepoints_roll_back),
        CASE(big_blocks_spill),
        CASE(dangerous_statements_are_refused),
        CASE(only_blocks_write),
        CASE(exclusive_locking_is_found),
        CASE(wal_is_impossible),
        CASE(journal_beside_the_file_is_not_hot),
        CASE(running_statement_keeps_its_height),
        CASE(retired_view_is_told),
        CASE(big_sort_needs_no_file),
        CASE(checkpoint_is_due_by_heights_and_bytes),
        CASE(time_stands_still),
        CASE(two_databases_in_one_process),
        CASE(other_processes_are_respected),
        CASE(standing_journal_is_final),
        CASE(damaged_files_are_refused),
        CASE(foreign_database_is_refused),
        CASE(full_disk_is_survived),
        cmocka_unit_test(each_failing_call_is_survived),
        cmocka_unit_test(no_memory_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
