/* Goal: a state that came as a snapshot goes on exactly as the one that executed all blocks: the
 * same results, the same rows under the same row ids, the same answers of SQLite without an order.
 */
#include <stdio.h>
#include <stdlib.h>

#include "node/snapshot_install.h"
#include "node/snapshot_write.h"
#include "rows/rows.h"
#include "support/cmocka_all.h"
#include "support/exec_rig.h"
#include "support/fail_mem.h"

#define CHUNKS   "snapshot.chunks"
#define MANIFEST "snapshot.manifest"
#define STATE    "joined.db"
#define ROWS     "joined-rows"

static const struct chain_options options = {.exec_version = 3};
static const struct chain_options version_4 = {.exec_version = 4};

struct joined {
    struct exec *exec;
    struct rows *rows;
    struct arena arena;
    struct buf manifest;
    struct snapshot snapshot;
};

static void do_sql(struct exec_rig *rig, const char *sql)
{
    exec_rig_do(rig, 0, sql);
}

/* Tables with every kind of key, indexes in an order that is not that of their tables, rows that
 * came and went, so that row ids have holes. */
static void fill(struct exec_rig *rig, uint32_t count)
{
    do_sql(rig, "CREATE TABLE t (a integer PRIMARY KEY, b text, c numeric(9,2))");
    do_sql(rig, "CREATE TABLE words (w text PRIMARY KEY, n bigint UNIQUE, d bytea)");
    do_sql(rig, "CREATE TABLE \"odd name\" (\"rowid\" text, b boolean NOT NULL DEFAULT true)");
    do_sql(rig, "CREATE INDEX second ON t (c, b)");
    do_sql(rig, "CREATE TABLE pairs (x integer, y text, PRIMARY KEY (y, x), CHECK (x > 0))");
    do_sql(rig, "CREATE INDEX first ON t (b)");
    for (uint32_t i = 1; i <= count; i++) {
        char sql[160];
        (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%u, 'row %u', %u.25)", i * 7, i % 5,
                       i);
        chain_tx(rig->chain, 0, sql);
        (void)snprintf(sql, sizeof sql, "INSERT INTO words VALUES ('w%u', %u, '\\x00%02x')",
                       i * 7919 % 10007, i, i % 256);
        chain_tx(rig->chain, 1, "SELECT 1");
        chain_tx(rig->chain, 0, sql);
        (void)snprintf(sql, sizeof sql, "INSERT INTO pairs VALUES (%u, 'p%u')", i, i % 3);
        chain_tx(rig->chain, 0, sql);
        chain_tx(rig->chain, 0, "INSERT INTO \"odd name\" VALUES ('x')");
        if (i % 4 == 0) chain_tx(rig->chain, 0, "DELETE FROM words WHERE n % 7 = 3");
        if (i % 9 == 0) chain_tx(rig->chain, 0, "DELETE FROM \"odd name\" WHERE b");
        (void)exec_rig_apply(rig);
    }
    do_sql(rig, "CREATE TABLE gone (a integer PRIMARY KEY)");
    do_sql(rig, "INSERT INTO gone VALUES (1)");
    do_sql(rig, "DROP TABLE gone");
}

static void more(struct exec_rig *rig, uint32_t i)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql, "INSERT INTO words VALUES ('m%u', NULL, NULL)", i);
    chain_tx(rig->chain, 0, sql);
    chain_tx(rig->chain, 0, "UPDATE t SET b = b || '.' WHERE a % 3 = 0");
    chain_tx(rig->chain, 0, "INSERT INTO words SELECT 'new', n, d FROM words");
    chain_tx(rig->chain, 0, "DELETE FROM pairs WHERE x % 11 = 4");
    if (i % 5 == 0) chain_tx(rig->chain, 0, "CALL trustsql.checkpoint()");
}

static enum status write_now(struct exec_rig *rig, struct mem *mem, struct snapshot_written *out)
{
    static const atomic_bool never = false;
    const struct snapshot_write w = {.os = fake_os_table(rig->os),
                                     .mem = mem,
                                     .exec = rig->exec,
                                     .chain_id = *chain_id(rig->chain),
                                     .chunks = CHUNKS,
                                     .manifest = MANIFEST,
                                     .height = exec_height(rig->exec),
                                     .is_cancelled = &never};
    return snapshot_write(&w, out);
}

static void read_manifest(struct exec_rig *rig, struct joined *j)
{
    arena_init(&j->arena, mem_system(), 0);
    buf_init(&j->manifest, mem_system(), 0);
    assert_int_equal(os_read_file(fake_os_table(rig->os), MANIFEST, 1u << 24, &j->manifest), ST_OK);
    assert_int_equal(snapshot_decode(&j->snapshot, &j->arena, buf_span(&j->manifest)), ST_OK);
}

static enum status install(struct exec_rig *rig, const struct joined *j, struct mem *mem)
{
    const struct snapshot_install i = {.os = fake_os_table(rig->os),
                                       .mem = mem,
                                       .snapshot = &j->snapshot,
                                       .chunks = CHUNKS,
                                       .state = STATE,
                                       .rows = ROWS};
    return snapshot_install(&i);
}

/* None is needed: the tree stands at the state's height. */
static enum status no_result(void *context, uint64_t height, struct buf *out)
{
    (void)context;
    (void)height;
    (void)out;
    return ST_NOT_FOUND;
}

static void open_joined(struct exec_rig *rig, struct joined *j)
{
    char what[DB_WHAT_MAX];
    const struct exec_config config = {.os = fake_os_table(rig->os),
                                       .mem = mem_system(),
                                       .path = STATE,
                                       .genesis = chain_genesis(rig->chain)};
    enum status st = exec_open(&j->exec, &config, what);
    if (st != ST_OK) fail_msg("exec_open: %s, %s", status_name(st), what);
    const struct rows_config rows = {.os = config.os, .mem = mem_system(), .dir = ROWS};
    assert_int_equal(rows_open(&j->rows, &rows), ST_OK);
    const struct exec_results results = {.read = no_result};
    assert_int_equal(exec_attach_rows(j->exec, j->rows, &config, &results), ST_OK);
}

static void close_joined(struct joined *j)
{
    exec_close(j->exec);
    rows_close(j->rows);
    buf_fini(&j->manifest);
    arena_fini(&j->arena);
}

/* The block that the rig applied last. */
static void follow(struct exec_rig *rig, struct joined *j)
{
    struct exec_outcome outcome;
    exec_outcome_init(&outcome, mem_system());
    assert_int_equal(exec_apply(j->exec, &rig->block->in, &outcome), ST_OK);
    assert_true(hash_equal(&outcome.digest, &rig->outcome.digest));
    assert_true(span_equal(outcome.record, rig->outcome.record));
    exec_outcome_fini(&outcome);
}

/* Everything a statement without an order could see. */
static void dump(struct exec *e, struct buf *out)
{
    static const char *const queries[] = {
        "SELECT type, name, tbl_name, sql FROM sqlite_schema",
        "SELECT rowid, * FROM words",
        "SELECT * FROM words",
        "SELECT _rowid_, * FROM \"odd name\"",
        "SELECT rowid, * FROM pairs",
        "SELECT * FROM t",
        "SELECT rowid, * FROM \"trustsql.columns\"",
        "SELECT rowid, * FROM \"trustsql.indexes\"",
        "SELECT rowid, * FROM \"trustsql.accounts\"",
    };
    sqlite3 *reader = NULL;
    assert_int_equal(db_reader_open(exec_db(e), &reader), ST_OK);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        sqlite3_stmt *s = NULL;
        assert_int_equal(sqlite3_prepare_v2(reader, queries[i], -1, &s, NULL), SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW)
            for (int k = 0; k < sqlite3_column_count(s); k++) {
                buf_printf(out, "%d:", sqlite3_column_type(s, k));
                const void *bytes = sqlite3_column_blob(s, k);
                const size_t size = (size_t)sqlite3_column_bytes(s, k);
                if (size > 0) buf_put(out, span_of(bytes, size));
            }
        (void)sqlite3_finalize(s);
    }
    db_reader_close(exec_db(e), reader);
    assert_int_equal(buf_status(out), ST_OK);
}

static void assert_same_state(struct exec_rig *rig, struct joined *j)
{
    struct buf ours;
    struct buf theirs;
    buf_init(&ours, mem_system(), 0);
    buf_init(&theirs, mem_system(), 0);
    dump(rig->exec, &ours);
    dump(j->exec, &theirs);
    assert_true(ours.size > 1000);
    assert_true(span_equal(buf_span(&ours), buf_span(&theirs)));
    buf_fini(&theirs);
    buf_fini(&ours);
}

static void to_checkpoint(struct exec_rig *rig)
{
    do_sql(rig, "CALL trustsql.checkpoint()");
}

static void a_joined_state_goes_on(void **state)
{
    (void)state;
    struct exec_rig rig;
    struct joined j = {0};
    struct snapshot_written written;
    exec_rig_init(&rig, &options);
    fill(&rig, 150);
    to_checkpoint(&rig);
    to_checkpoint(&rig); /* Two of them are open. */
    assert_int_equal(write_now(&rig, mem_system(), &written), ST_OK);
    assert_int_equal(written.height, exec_height(rig.exec));
    read_manifest(&rig, &j);
    const struct hash hash = snapshot_hash(buf_span(&j.manifest));
    assert_true(hash_equal(&hash, &written.hash));
    assert_int_equal(j.snapshot.checkpoint_count, 2);
    assert_int_equal(install(&rig, &j, mem_system()), ST_OK);
    open_joined(&rig, &j);
    assert_int_equal(exec_height(j.exec), written.height);
    const struct hash own = exec_digest(rig.exec);
    const struct hash digest = exec_digest(j.exec);
    assert_true(hash_equal(&digest, &own));
    for (uint32_t i = 0; i < 150; i++) {
        more(&rig, i);
        (void)exec_rig_apply(&rig);
        follow(&rig, &j);
    }
    assert_same_state(&rig, &j);
    close_joined(&j);
    exec_rig_fini(&rig);
}

/* Written again from the joined state, the snapshot is the same bytes: nodes that joined hand on
 * what nodes that executed do. */
static void snapshots_are_canonical(void **state)
{
    (void)state;
    struct exec_rig rig;
    struct joined j = {0};
    struct snapshot_written first;
    struct snapshot_written second;
    exec_rig_init(&rig, &options);
    fill(&rig, 40);
    to_checkpoint(&rig);
    assert_int_equal(write_now(&rig, mem_system(), &first), ST_OK);
    read_manifest(&rig, &j);
    assert_int_equal(install(&rig, &j, mem_system()), ST_OK);
    open_joined(&rig, &j);
    struct exec *before = rig.exec;
    rig.exec = j.exec;
    assert_int_equal(write_now(&rig, mem_system(), &second), ST_OK);
    rig.exec = before;
    assert_true(hash_equal(&first.hash, &second.hash));
    close_joined(&j);
    exec_rig_fini(&rig);
}

/* Schemas, every type, indexes over expressions and of a part, tables that were altered: made again
 * in their order, with the rows as they are, and used by what comes. */
static void what_version_4_brings(void **state)
{
    static const char *const before[] = {
        "CREATE SCHEMA other",
        "CREATE TABLE other.t (u uuid PRIMARY KEY, d date, x double precision, i interval)",
        "CREATE TABLE a (k text PRIMARY KEY, n bigint)",
        "CREATE INDEX by_lower ON a (lower(k)) WHERE n > 3",
        "INSERT INTO a SELECT 'K' || n, n FROM (VALUES (1), (5), (9), (3)) v (n)",
        "ALTER TABLE a ADD COLUMN late text DEFAULT 'some'",
        "ALTER TABLE a ADD COLUMN gone integer",
        "INSERT INTO a VALUES ('Kz', 77, 'own', 1)",
        "ALTER TABLE a DROP COLUMN gone",
        "ALTER TABLE a RENAME COLUMN n TO number",
        "ALTER TABLE a RENAME TO \"b c\"",
        "CREATE UNIQUE INDEX ON \"b c\" (number, late)",
        "INSERT INTO other.t VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', NULL, 0.1, '1 day')",
        "CREATE TABLE r (x real, y timestamp)",
        "INSERT INTO r VALUES (1.5, '2026-01-02 03:04:05'), (NULL, NULL)",
    };
    static const char *const after[] = {
        "UPDATE \"b c\" SET number = number + 1 WHERE lower(k) > 'k1' AND number > 3",
        "INSERT INTO \"b c\" (k, number) VALUES ('new', 5)",
        "ALTER TABLE \"b c\" ALTER COLUMN late SET DEFAULT 'other'",
        "UPDATE other.t SET d = '2026-01-02', x = x * 3, i = i + i",
        "ALTER TABLE r ADD PRIMARY KEY (y)",
        "DELETE FROM r WHERE x IS NULL",
        "DROP SCHEMA other CASCADE",
    };
    (void)state;
    struct exec_rig rig;
    struct joined j = {0};
    struct snapshot_written first;
    struct snapshot_written second;
    exec_rig_init(&rig, &version_4);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        do_sql(&rig, before[i]);
    to_checkpoint(&rig);
    assert_int_equal(write_now(&rig, mem_system(), &first), ST_OK);
    read_manifest(&rig, &j);
    assert_int_equal(install(&rig, &j, mem_system()), ST_OK);
    open_joined(&rig, &j);
    struct exec *own = rig.exec;
    rig.exec = j.exec;
    assert_int_equal(write_now(&rig, mem_system(), &second), ST_OK);
    rig.exec = own;
    assert_true(hash_equal(&first.hash, &second.hash));
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        chain_tx(rig.chain, 0, after[i]);
        (void)exec_rig_apply(&rig);
        follow(&rig, &j);
    }
    close_joined(&j);
    exec_rig_fini(&rig);
}

/* Large rows divide what is small by count: several chunks, all of them a state again. */
static void many_chunks(void **state)
{
    (void)state;
    struct exec_rig rig;
    struct joined j = {0};
    struct snapshot_written written;
    exec_rig_init(&rig, &options);
    fill(&rig, 10);
    do_sql(&rig, "CREATE TABLE large (a integer PRIMARY KEY, b text)");
    for (uint32_t i = 0; i < 90; i++) {
        char sql[96];
        (void)snprintf(sql, sizeof sql, "INSERT INTO large VALUES (%u, repeat('x%u', 20000))",
                       i * 1000003u % 997u, i);
        do_sql(&rig, sql);
    }
    to_checkpoint(&rig);
    assert_int_equal(write_now(&rig, mem_system(), &written), ST_OK);
    read_manifest(&rig, &j);
    assert_true(j.snapshot.part_count > 3);
    assert_int_equal(install(&rig, &j, mem_system()), ST_OK);
    open_joined(&rig, &j);
    for (uint32_t i = 0; i < 10; i++) {
        more(&rig, i);
        (void)exec_rig_apply(&rig);
        follow(&rig, &j);
    }
    assert_same_state(&rig, &j);
    close_joined(&j);
    exec_rig_fini(&rig);
}

static void without_memory(void **state)
{
    (void)state;
    struct exec_rig rig;
    struct joined j = {0};
    struct snapshot_written written;
    exec_rig_init(&rig, &options);
    fill(&rig, 12);
    to_checkpoint(&rig);
    uint64_t n = 1;
    for (enum status st = ST_NO_MEMORY; st != ST_OK; n++) {
        struct fail_mem f;
        fail_mem_init(&f, n);
        st = write_now(&rig, &f.mem, &written);
        assert_int_equal(f.live, 0);
        if (st != ST_OK) assert_int_equal(st, ST_NO_MEMORY);
    }
    assert_true(n > 20);
    read_manifest(&rig, &j);
    n = 1;
    for (enum status st = ST_NO_MEMORY; st != ST_OK; n++) {
        struct fail_mem f;
        fail_mem_init(&f, n);
        st = install(&rig, &j, &f.mem);
        assert_int_equal(f.live, 0);
        if (st != ST_OK) assert_int_equal(st, ST_NO_MEMORY);
    }
    assert_true(n > 20);
    open_joined(&rig, &j);
    assert_same_state(&rig, &j);
    close_joined(&j);
    exec_rig_fini(&rig);
}

/* Whatever call of the disk fails, the next attempt makes it whole. */
static void with_a_failing_disk(void **state)
{
    (void)state;
    struct exec_rig rig;
    struct joined j = {0};
    struct snapshot_written written;
    exec_rig_init(&rig, &options);
    fill(&rig, 12);
    to_checkpoint(&rig);
    assert_int_equal(write_now(&rig, mem_system(), &written), ST_OK);
    read_manifest(&rig, &j);
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        fake_os_fail(rig.os, FAKE_OS_ALL, n, ST_IO);
        enum status st = install(&rig, &j, mem_system());
        has_failed = fake_os_has_failed(rig.os);
        fake_os_heal(rig.os);
        if (has_failed && st == ST_OK) continue; /* A lock given back, or the like. */
        if (has_failed) assert_int_equal(st, ST_IO);
    }
    assert_int_equal(install(&rig, &j, mem_system()), ST_OK);
    open_joined(&rig, &j);
    assert_same_state(&rig, &j);
    close_joined(&j);
    exec_rig_fini(&rig);
}

/* A flipped bit anywhere in the chunks or the manifest is found. */
static void every_byte_counts(void **state)
{
    (void)state;
    struct exec_rig rig;
    struct joined j = {0};
    struct snapshot_written written;
    exec_rig_init(&rig, &options);
    fill(&rig, 3);
    to_checkpoint(&rig);
    assert_int_equal(write_now(&rig, mem_system(), &written), ST_OK);
    read_manifest(&rig, &j);
    struct os *os = fake_os_table(rig.os);
    struct os_file *file = NULL;
    struct buf chunk;
    buf_init(&chunk, mem_system(), 0);
    assert_int_equal(j.snapshot.part_count, 1);
    const struct snapshot_part *part = &j.snapshot.parts[0];
    assert_int_equal(os->file_open(os, &file, CHUNKS, OS_WRITE), ST_OK);
    for (uint64_t at = 0; at < written.size; at++) {
        uint8_t byte = 0;
        size_t got = 0;
        assert_int_equal(os->file_read(os, file, &byte, 1, at, &got), ST_OK);
        byte ^= 0x10;
        assert_int_equal(os->file_write(os, file, span_of(&byte, 1), at), ST_OK);
        assert_int_equal(snapshot_read_chunk(os, file, 0, part, &chunk), ST_CORRUPT);
        struct arena scratch;
        arena_init(&scratch, mem_system(), 0);
        /* Also by the tree alone, but for row ids, which the hash of the chunk vouches for. */
        if (chunk.data[at] != byte) fail_msg("not read");
        (void)!snapshot_chunk_check(buf_span(&chunk), part, &scratch);
        arena_fini(&scratch);
        byte ^= 0x10;
        assert_int_equal(os->file_write(os, file, span_of(&byte, 1), at), ST_OK);
    }
    assert_int_equal(snapshot_read_chunk(os, file, 0, part, &chunk), ST_OK);
    os->file_close(os, file);
    buf_fini(&chunk);
    buf_fini(&j.manifest);
    arena_fini(&j.arena);
    exec_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_joined_state_goes_on), cmocka_unit_test(snapshots_are_canonical),
        cmocka_unit_test(what_version_4_brings),  cmocka_unit_test(many_chunks),
        cmocka_unit_test(without_memory),         cmocka_unit_test(with_a_failing_disk),
        cmocka_unit_test(every_byte_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
