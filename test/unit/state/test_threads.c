/* test_threads.c - Readers at random heights, a committing writer and a checkpoint at the same
 * time: each view's sums are those of its height. Meant for the thread sanitizer. */
#include <stdatomic.h>
#include <stdio.h>

#include "base/must.h"
#include "os/fake/fake_os.h"
#include "os/thread.h"
#include "state/db.h"
#include "support/cmocka_all.h"
#include "support/test_rng.h"

#define READERS  4u
#define BLOCKS   1200u
#define ACCOUNTS 300u
#define TOTAL    (ACCOUNTS * (int64_t)1000)

struct shared {
    struct fake_os *disk;
    struct db *db;
    atomic_bool is_over;
    atomic_uint wrong;   /* Views that were not what they must be. */
    atomic_uint expired; /* Reads of views that a limit had retired. */
    atomic_uint reads;
    atomic_uint checkpoints;
};

struct reader {
    struct shared *shared;
    uint64_t seed;
};

/* Sum of the money and number of the newest transfer; false: the view is gone. */
static bool read_view(struct shared *s, sqlite3 *c, int64_t *sum, int64_t *height)
{
    sqlite3_stmt *q = NULL;
    int rc =
        sqlite3_prepare_v2(c, "SELECT sum(money), (SELECT h FROM mark) FROM account", -1, &q, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        *sum = sqlite3_column_int64(q, 0);
        *height = sqlite3_column_int64(q, 1);
        rc = sqlite3_step(q);
    }
    sqlite3_finalize(q);
    if (rc == SQLITE_DONE) return true;
    if (rc == SQLITE_BUSY_SNAPSHOT)
        atomic_fetch_add(&s->expired, 1);
    else
        atomic_fetch_add(&s->wrong, 1);
    return false;
}

/* A view retired under the check is told as a damaged page: that is not one. */
static void check_integrity(struct shared *s, sqlite3 *c, uint64_t height)
{
    sqlite3_stmt *q = NULL;
    (void)sqlite3_set_authorizer(c, NULL, NULL);
    int rc = sqlite3_prepare_v2(c, "PRAGMA integrity_check", -1, &q, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(q);
    const void *text = rc == SQLITE_ROW ? sqlite3_column_text(q, 0) : NULL;
    bool is_ok = text != NULL && strcmp(text, "ok") == 0;
    bool is_retired = db_height_min(s->db) > height;
    if (!is_ok && !is_retired) atomic_fetch_add(&s->wrong, 1);
    sqlite3_finalize(q);
}

static void read_all_the_time(void *context)
{
    struct reader *r = context;
    struct shared *s = r->shared;
    struct test_rng rng = {.state = r->seed};
    sqlite3 *c = NULL;
    must(db_reader_open(s->db, &c) == ST_OK);
    for (uint32_t i = 0; !atomic_load(&s->is_over); i++) {
        uint64_t low = db_height_min(s->db);
        uint64_t height = low + test_rng_below(&rng, db_height(s->db) - low + 1);
        if (height == 0 || db_view(s->db, c, height) != ST_OK) continue;
        int64_t sum = 0;
        int64_t mark = 0;
        if (read_view(s, c, &sum, &mark) && (sum != TOTAL || mark != (int64_t)height))
            atomic_fetch_add(&s->wrong, 1);
        if (i % 64 == 63) check_integrity(s, c, height);
        atomic_fetch_add(&s->reads, 1);
    }
    db_reader_close(s->db, c);
}

static void checkpoint_all_the_time(void *context)
{
    struct shared *s = context;
    while (!atomic_load(&s->is_over)) {
        uint64_t height = 0;
        enum status st = db_checkpoint(s->db, &height);
        if (st == ST_OK) atomic_fetch_add(&s->checkpoints, 1);
        if (st != ST_OK && st != ST_BUSY) atomic_fetch_add(&s->wrong, 1);
    }
}

static void run(sqlite3 *c, const char *sql)
{
    must(sqlite3_exec(c, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static void make_accounts(struct shared *s)
{
    must(db_begin(s->db, 0) == ST_OK);
    sqlite3 *w = db_writer(s->db);
    run(w, "CREATE TABLE account(id INTEGER PRIMARY KEY, money INTEGER, filler BLOB)");
    run(w, "CREATE TABLE mark(h INTEGER)");
    run(w, "INSERT INTO mark VALUES(0)");
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        run(w, "INSERT INTO account(money, filler) VALUES(1000, zeroblob(200))");
    must(db_commit(s->db) == ST_OK);
}

static void transfer(struct shared *s, struct test_rng *rng, uint64_t height)
{
    must(db_begin(s->db, height) == ST_OK);
    for (int i = 0; i < 5; i++) {
        char sql[256];
        (void)snprintf(sql, sizeof sql,
                       "UPDATE account SET money = money - 7 WHERE id = %u;"
                       "UPDATE account SET money = money + 7 WHERE id = %u;"
                       "UPDATE mark SET h = %u",
                       (unsigned)(1 + test_rng_below(rng, ACCOUNTS)),
                       (unsigned)(1 + test_rng_below(rng, ACCOUNTS)), (unsigned)height);
        run(db_writer(s->db), sql);
    }
    must(db_commit(s->db) == ST_OK);
}

static void views_hold_while_others_write(void **state)
{
    (void)state;
    static struct shared s; /* Zeroed; one run. */
    s.disk = fake_os_new(3);
    char what[DB_WHAT_MAX];
    /* Small limits: heights are retired and killed, images dropped, under the readers' hands. */
    const struct db_config config = {.os = fake_os_table(s.disk),
                                     .mem = mem_system(),
                                     .path = "main.db",
                                     .view_heights = 30,
                                     .view_bytes = 25000,
                                     .clean_bytes = 4096};
    assert_int_equal(db_open(&s.db, &config, what), ST_OK);
    make_accounts(&s);
    struct thread *threads[READERS + 1] = {0};
    struct reader readers[READERS];
    for (uint32_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.shared = &s, .seed = i + 1};
        must(thread_start(&threads[i], mem_system(), "reader", read_all_the_time, &readers[i]) ==
             ST_OK);
    }
    must(thread_start(&threads[READERS], mem_system(), "checkpoint", checkpoint_all_the_time, &s) ==
         ST_OK);
    struct test_rng rng = {.state = 99};
    for (uint64_t h = 1; h <= BLOCKS; h++)
        transfer(&s, &rng, h);
    atomic_store(&s.is_over, true);
    for (uint32_t i = 0; i <= READERS; i++)
        thread_join(threads[i]);
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_true(atomic_load(&s.reads) > 0);
    assert_true(atomic_load(&s.checkpoints) > 0);
    print_message("reads %u, retired under them %u, checkpoints %u\n", atomic_load(&s.reads),
                  atomic_load(&s.expired), atomic_load(&s.checkpoints));
    db_close(s.db);
    fake_os_free(s.disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_hold_while_others_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
