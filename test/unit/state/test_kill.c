/* test_kill.c - A process that dies by kill -9 at any call of a checkpoint leaves a file that we,
 * or the stock sqlite3 tool alone, bring back to a committed height. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "state/db.h"
#include "support/cmocka_all.h"
#include "support/os_hook.h"

#define ROUNDS     28u
#define CUT_ROUNDS 22u /* Those that die inside a checkpoint: two at each of its first calls. */
#define BLOCKS     6u

/* Kills the process at the nth change of a file. */
struct killer {
    uint64_t left;
};

static bool killer_before(void *context, enum fake_os_call kind)
{
    struct killer *k = context;
    (void)kind;
    if (k->left > 0 && --k->left == 0) (void)kill(getpid(), SIGKILL);
    return true;
}

static struct db *open_db(struct os *os, const char *path)
{
    struct db *db = NULL;
    char what[DB_WHAT_MAX];
    const struct db_config config = {.os = os, .mem = mem_system(), .path = path};
    enum status st = db_open(&db, &config, what);
    if (st != ST_OK) print_error("%s: %s\n", status_name(st), what);
    return st == ST_OK ? db : NULL;
}

static void run(sqlite3 *c, const char *sql)
{
    must(sqlite3_exec(c, sql, NULL, NULL, NULL) == SQLITE_OK);
}

/* A few blocks on top; each has as many rows as its height says. */
static void add_blocks(struct db *db)
{
    for (uint32_t i = 0; i < BLOCKS; i++) {
        uint64_t height = db_is_new(db) ? 0 : db_height(db) + 1;
        must(db_begin(db, height) == ST_OK);
        sqlite3 *w = db_writer(db);
        if (height == 0) run(w, "CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB)");
        if (height > 0) run(w, "INSERT INTO t(b) VALUES(zeroblob(3000))");
        if (height > 0) run(w, "UPDATE t SET b = randomblob(3000) WHERE a % 3 = 0");
        must(db_commit(db) == ST_OK);
    }
}

/* In the child: blocks, then a checkpoint in which it dies at the nth change, or after it. */
static _Noreturn void live_and_die(const char *path, uint64_t nth)
{
    struct os_hook hook;
    struct killer killer = {0};
    os_hook_init(&hook, os_posix());
    hook.before = killer_before;
    hook.context = &killer;
    struct db *db = open_db(&hook.os, path);
    must(db != NULL);
    add_blocks(db);
    killer.left = nth;
    uint64_t height = 0;
    must(db_checkpoint(db, &height) == ST_OK);
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

static void die(const char *path, uint64_t nth)
{
    pid_t child = fork();
    must(child >= 0);
    if (child == 0) live_and_die(path, nth);
    int how = 0;
    must(waitpid(child, &how, 0) == child);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGKILL);
}

static int64_t number(sqlite3 *c, const char *sql)
{
    sqlite3_stmt *s = NULL;
    must(sqlite3_prepare_v2(c, sql, -1, &s, NULL) == SQLITE_OK);
    must(sqlite3_step(s) == SQLITE_ROW);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

/* First line the stock tool says to a statement; its exit code. */
static int ask_tool(const char *path, const char *sql, char line[128])
{
    char command[512];
    (void)snprintf(command, sizeof command, "sqlite3 -bail '%s' '%s' 2>&1", path, sql);
    FILE *tool = popen(command, "r"); /* NOLINT(cert-env33-c): the tool is what is tested. */
    must(tool != NULL);
    line[0] = 0;
    if (fgets(line, 128, tool) == NULL) line[0] = 0;
    char rest[128];
    while (fgets(rest, sizeof rest, tool) != NULL)
        must(rest[0] != 0);
    return pclose(tool);
}

/* What the stock tool, alone with the file, says of it: sound, the height, the rows. */
static void stock_repairs(const char *path, int64_t *height)
{
    char line[128];
    assert_int_equal(ask_tool(path, "PRAGMA integrity_check", line), 0);
    assert_string_equal(line, "ok\n");
    static const char sql[] =
        "SELECT height, (SELECT count(*) FROM t) FROM \"" DB_APPLIED_TABLE "\"";
    assert_int_equal(ask_tool(path, sql, line), 0);
    char *end = NULL;
    *height = strtoll(line, &end, 10);
    assert_int_equal(*end, '|');
    assert_int_equal(strtoll(end + 1, NULL, 10), *height);
}

static bool is_hot(const char *path)
{
    char journal[128];
    (void)snprintf(journal, sizeof journal, "%s-journal", path);
    FILE *f = fopen(journal, "rb");
    int first = f == NULL ? 0 : fgetc(f);
    if (f != NULL) (void)fclose(f);
    return first == 0xd9;
}

static void killed_checkpoints_are_repaired(void **state)
{
    (void)state;
    char dir[] = "/tmp/state-kill-XXXXXX";
    must(mkdtemp(dir) != NULL);
    char path[96];
    (void)snprintf(path, sizeof path, "%s/main.db", dir);
    struct db *db = open_db(os_posix(), path);
    must(db != NULL);
    add_blocks(db);
    uint64_t done = 0;
    assert_int_equal(db_checkpoint(db, &done), ST_OK);
    db_close(db);
    uint32_t hot = 0;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        die(path, round <= CUT_ROUNDS ? (round + 1) / 2 : 1000);
        hot += is_hot(path);
        int64_t stock = -1;
        if (round % 2 == 0) stock_repairs(path, &stock);
        db = open_db(os_posix(), path);
        assert_non_null(db);
        uint64_t height = db_height(db);
        assert_true(height == done || height == done + BLOCKS);
        if (stock >= 0) assert_int_equal(stock, height);
        assert_int_equal(number(db_writer(db), "SELECT count(*) FROM t"), height);
        (void)sqlite3_set_authorizer(db_writer(db), NULL, NULL);
        assert_int_equal(number(db_writer(db), "SELECT count(*) FROM pragma_integrity_check"), 1);
        if (round > CUT_ROUNDS) assert_int_equal(height, done + BLOCKS); /* It had said so. */
        done = height;
        db_close(db);
    }
    assert_true(hot >= 4); /* Or the rounds show nothing. */
    char journal[128];
    (void)snprintf(journal, sizeof journal, "%s-journal", path);
    (void)remove(journal);
    char sums[128];
    (void)snprintf(sums, sizeof sums, "%s.sums", path);
    (void)remove(sums);
    (void)remove(path);
    (void)rmdir(dir);
}

struct witness {
    const char *path;
    uint32_t answers;
    uint32_t refusals;
};

/* The tool comes at each change of a checkpoint: it sees the old height whole, waits, then the
 * new one. */
static bool witness_before(void *context, enum fake_os_call kind)
{
    struct witness *w = context;
    char line[128];
    static const char sql[] = "SELECT count(*) FROM t WHERE length(b) = 3000";
    (void)kind;
    int rc = ask_tool(w->path, sql, line);
    if (rc == 0) {
        assert_string_equal(line, w->refusals == 0 ? "5\n" : "11\n");
        w->answers++;
    } else {
        assert_non_null(strstr(line, "locked"));
        w->refusals++;
    }
    return true;
}

/* The stock tool beside a living node: it reads the file's height, and can neither write nor take
 * the checkpoint's journal for a hot one. */
static void tool_beside_a_living_node(void **state)
{
    (void)state;
    char dir[] = "/tmp/state-tool-XXXXXX";
    must(mkdtemp(dir) != NULL);
    char path[96];
    (void)snprintf(path, sizeof path, "%s/main.db", dir);
    struct os_hook hook;
    struct witness witness = {.path = path};
    os_hook_init(&hook, os_posix());
    hook.context = &witness;
    struct db *db = open_db(&hook.os, path);
    must(db != NULL);
    add_blocks(db);
    uint64_t height = 0;
    assert_int_equal(db_checkpoint(db, &height), ST_OK);
    add_blocks(db);
    char line[128];
    assert_int_not_equal(ask_tool(path, "DELETE FROM t", line), 0);
    assert_non_null(strstr(line, "locked"));
    hook.before = witness_before;
    assert_int_equal(db_checkpoint(db, &height), ST_OK);
    hook.before = NULL;
    assert_true(witness.answers >= 3);  /* While the journal is written. */
    assert_true(witness.refusals >= 1); /* While the file is mixed. */
    assert_int_equal(ask_tool(path, "SELECT count(*) FROM t", line), 0);
    assert_string_equal(line, "11\n");
    db_close(db);
    assert_int_equal(ask_tool(path, "PRAGMA integrity_check", line), 0);
    assert_string_equal(line, "ok\n");
    char journal[128];
    (void)snprintf(journal, sizeof journal, "%s-journal", path);
    (void)remove(journal);
    char sums[128];
    (void)snprintf(sums, sizeof sums, "%s.sums", path);
    (void)remove(sums);
    (void)remove(path);
    (void)rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_checkpoints_are_repaired),
        cmocka_unit_test(tool_beside_a_living_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
