/* pages.c - The page store beside SQLite's own WAL: the same statements, one machine, one run.
 *
 * An operation is savepoint, insert of a 200-byte row, update of an account, release. Prints the
 * time of an operation in blocks of 500, of a block with one operation, and of reads at older
 * heights. Exit code 1 when the page store is slower than WAL or the retained heights need too much
 * memory. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "state/db.h"
#include "support/test_rng.h"

#define BLOCK_OPS   500u
#define BIG_BLOCKS  1000u
#define ONE_BLOCKS  20000u
#define VIEW_READS  20000u
#define VIEW_MB_MAX 40.0

struct target {    /* Either of the two. */
    struct db *db; /* Null: stock SQLite. */
    sqlite3 *c;
    sqlite3_stmt *savepoint;
    sqlite3_stmt *insert;
    sqlite3_stmt *update;
    sqlite3_stmt *release;
    uint64_t height;
    uint64_t worst_ns;
};

static uint64_t now_ns(void)
{
    return os_posix()->monotonic_ns(os_posix());
}

static void run(sqlite3 *c, const char *sql)
{
    must(sqlite3_exec(c, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static sqlite3_stmt *statement(sqlite3 *c, const char *sql)
{
    sqlite3_stmt *s = NULL;
    must(sqlite3_prepare_v3(c, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) == SQLITE_OK);
    return s;
}

static void step(sqlite3_stmt *s)
{
    must(sqlite3_step(s) == SQLITE_DONE);
    must(sqlite3_reset(s) == SQLITE_OK);
}

static void begin(struct target *t)
{
    if (t->db == NULL)
        run(t->c, "BEGIN IMMEDIATE");
    else
        must(db_begin(t->db, t->height) == ST_OK);
}

static void commit(struct target *t)
{
    if (t->db == NULL)
        run(t->c, "COMMIT");
    else
        must(db_commit(t->db) == ST_OK);
    t->height++;
}

static void fill(struct target *t, uint32_t accounts)
{
    begin(t);
    run(t->c, "CREATE TABLE account(id INTEGER PRIMARY KEY, money INTEGER, filler BLOB)");
    run(t->c, "CREATE TABLE entry(id INTEGER PRIMARY KEY, account INTEGER, body BLOB)");
    sqlite3_stmt *s = statement(t->c, "INSERT INTO account VALUES(?1, 1000, zeroblob(100))");
    for (uint32_t i = 1; i <= accounts; i++) {
        (void)sqlite3_bind_int64(s, 1, i);
        step(s);
    }
    sqlite3_finalize(s);
    commit(t);
    t->savepoint = statement(t->c, "SAVEPOINT s");
    t->insert = statement(t->c, "INSERT INTO entry(account, body) VALUES(?1, ?2)");
    t->update = statement(t->c, "UPDATE account SET money = money + 1 WHERE id = ?1");
    t->release = statement(t->c, "RELEASE s");
}

/* Mean time of an operation in ns; the checkpoint is not in it, WAL's own is. */
static double blocks(struct target *t, uint32_t accounts, uint32_t count, uint32_t ops)
{
    struct test_rng rng = {.state = 5};
    uint8_t body[200];
    memset(body, 'x', sizeof body);
    uint64_t total = 0;
    for (uint32_t b = 0; b < count; b++) {
        uint64_t start = now_ns();
        begin(t);
        for (uint32_t i = 0; i < ops; i++) {
            int64_t account = 1 + (int64_t)test_rng_below(&rng, accounts);
            (void)sqlite3_bind_int64(t->insert, 1, account);
            (void)sqlite3_bind_blob(t->insert, 2, body, sizeof body, SQLITE_STATIC);
            (void)sqlite3_bind_int64(t->update, 1, account);
            step(t->savepoint);
            step(t->insert);
            step(t->update);
            step(t->release);
        }
        commit(t);
        uint64_t took = now_ns() - start;
        total += took;
        if (took > t->worst_ns) t->worst_ns = took;
        if (t->db != NULL && db_checkpoint_due(t->db)) {
            uint64_t height = 0;
            must(db_checkpoint(t->db, &height) == ST_OK);
        }
    }
    return (double)total / count / ops;
}

/* Mean time of a point read on a connection that is moved to height each time, in ns. */
static double view_reads(struct target *t, uint32_t accounts, uint64_t height)
{
    sqlite3 *r = NULL;
    must(db_reader_open(t->db, &r) == ST_OK);
    sqlite3_stmt *s = statement(r, "SELECT money FROM account WHERE id = ?1");
    struct test_rng rng = {.state = 6};
    uint64_t start = now_ns();
    for (uint32_t i = 0; i < VIEW_READS; i++) {
        must(db_view(t->db, r, height - (i & 1)) == ST_OK);
        (void)sqlite3_bind_int64(s, 1, 1 + (int64_t)test_rng_below(&rng, accounts));
        must(sqlite3_step(s) == SQLITE_ROW);
        must(sqlite3_reset(s) == SQLITE_OK);
    }
    double mean = (double)(now_ns() - start) / VIEW_READS;
    sqlite3_finalize(s);
    db_reader_close(t->db, r);
    return mean;
}

static void finish(struct target *t)
{
    sqlite3_finalize(t->savepoint);
    sqlite3_finalize(t->insert);
    sqlite3_finalize(t->update);
    sqlite3_finalize(t->release);
    if (t->db == NULL)
        must(sqlite3_close(t->c) == SQLITE_OK);
    else
        db_close(t->db);
}

static void open_targets(struct target *ours, struct target *stock, const char *dir)
{
    char path[256];
    char what[DB_WHAT_MAX];
    (void)snprintf(path, sizeof path, "%s/main.db", dir);
    const struct db_config config = {.os = os_posix(), .mem = mem_system(), .path = path};
    must(db_open(&ours->db, &config, what) == ST_OK);
    ours->c = db_writer(ours->db);
    (void)snprintf(path, sizeof path, "%s/wal.db", dir);
    must(sqlite3_open(path, &stock->c) == SQLITE_OK);
    run(stock->c, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384;"
                  "PRAGMA temp_store=MEMORY");
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/bench-pages-XXXXXX";
    uint32_t accounts = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
    must(accounts > 0);
    must(mkdtemp(dir) != NULL);
    struct target ours = {0};
    struct target stock = {0};
    open_targets(&ours, &stock, dir);
    fill(&ours, accounts);
    fill(&stock, accounts);
    double big_ours = blocks(&ours, accounts, BIG_BLOCKS, BLOCK_OPS);
    double big_stock = blocks(&stock, accounts, BIG_BLOCKS, BLOCK_OPS);
    (void)printf("accounts %u, ns per operation in blocks of %u: page store %.0f, WAL %.0f; worst "
                 "block %.1f ms, WAL %.1f ms\n",
                 accounts, BLOCK_OPS, big_ours, big_stock, (double)ours.worst_ns / 1e6,
                 (double)stock.worst_ns / 1e6);
    double mb = (double)db_window_bytes(ours.db) / 1e6;
    (void)printf("differences of %llu heights: %.1f MB\n",
                 (unsigned long long)(db_height(ours.db) - db_height_min(ours.db)), mb);
    double young = view_reads(&ours, accounts, db_height(ours.db) - 1);
    double old = view_reads(&ours, accounts, db_height_min(ours.db) + 2);
    (void)printf("ns per point read on a moved connection: newest %.0f, oldest %.0f\n", young, old);
    double one_ours = blocks(&ours, accounts, ONE_BLOCKS, 1);
    double one_stock = blocks(&stock, accounts, ONE_BLOCKS, 1);
    (void)printf("ns per block of one operation: page store %.0f, WAL %.0f\n", one_ours, one_stock);
    finish(&ours);
    finish(&stock);
    static const char *const files[] = {"main.db", "main.db-journal", "wal.db", "wal.db-wal",
                                        "wal.db-shm"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)remove(path);
    }
    (void)remove(dir);
    return big_ours <= big_stock && one_ours <= one_stock && mb <= VIEW_MB_MAX ? 0 : 1;
}
