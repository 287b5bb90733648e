/* Goal: whatever a block does to the schema, its write set is what changed in the rows of all
 * tables, a restart goes on from it, and a transaction that fails leaves nothing of it. */
#include "exec/exec.h"

#include "support/cmocka_all.h"
#include "support/exec_rig.h"

static const struct chain_options v4 = {.exec_version = 4};

/* Each in a block of its own. */
static const char *const script[] = {
    "CREATE TABLE t (id integer PRIMARY KEY, n integer, s text UNIQUE)",
    "INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c')",
    "CREATE TABLE h (a integer, b text)",
    "INSERT INTO h VALUES (1, 'x'), (1, 'x'), (2, 'y')",
    "CREATE INDEX ON t (lower(s)) WHERE n > 10",
    "ALTER TABLE t ADD COLUMN d text NOT NULL DEFAULT 'dd'",
    "INSERT INTO t VALUES (4, 40, 'd')",
    "ALTER TABLE t DROP COLUMN n",
    "UPDATE t SET d = s WHERE id > 2",
    "ALTER TABLE t RENAME COLUMN s TO \"S\"",
    "ALTER TABLE t RENAME TO \"T\"",
    "CREATE TABLE t (a integer)",
    "INSERT INTO t VALUES (1)",
    "DROP TABLE t",
    "ALTER TABLE \"T\" ALTER COLUMN id TYPE text",
    "UPDATE \"T\" SET id = 'k' || id",
    "ALTER TABLE h ADD COLUMN c integer",
    "DELETE FROM h WHERE a = 2",
    "CREATE SEQUENCE n START 5",
    "CREATE TABLE i (id serial PRIMARY KEY, k bigint GENERATED ALWAYS AS IDENTITY, v text)",
    "INSERT INTO i (v) VALUES ('a'), ('b')",
    "SELECT nextval('n'), currval('n')",
    "ALTER TABLE i ADD COLUMN m serial",
    "INSERT INTO i (v) VALUES ('c')",
    "ALTER SEQUENCE n RESTART WITH 2 INCREMENT 3",
    "SELECT setval('n', 40)",
    "ALTER TABLE i DROP COLUMN m",
    "COMMENT ON COLUMN i.v IS 'what it is worth'",
    "ALTER TABLE i ADD COLUMN w text",
    "TRUNCATE i RESTART IDENTITY",
    "INSERT INTO i (v) VALUES ('d')",
    "CREATE VIEW w AS SELECT v, count(*) AS n FROM i GROUP BY v",
    "CREATE TABLE j (v text, n bigint)",
    "INSERT INTO j SELECT v, n FROM w",
    "CREATE OR REPLACE VIEW w AS SELECT v, count(*) AS n, 1 AS more FROM i GROUP BY v",
    "DROP TABLE j",
    "DROP VIEW w",
    "DROP SEQUENCE n",
    "DROP TABLE i",
    "CREATE SCHEMA q",
    "ALTER TABLE h SET SCHEMA q",
    "INSERT INTO q.h VALUES (5, 'z', 7)",
    "DROP SCHEMA q CASCADE",
};
#define SCRIPT_COUNT (sizeof script / sizeof script[0])

static void write_sets_tell_what_changed(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &v4);
    exec_rig_do(&rig, 0, "CREATE TABLE z (a integer)"); /* Height 0 as a view is the newest. */
    for (size_t i = 0; i < SCRIPT_COUNT; i++) {
        const uint64_t before = exec_height(rig.exec);
        struct exec_record record;
        struct buf compared;
        exec_rig_do(&rig, 0, script[i]);
        buf_init(&compared, mem_system(), 0);
        exec_rig_compare(&rig, before, before + 1, &compared);
        assert_int_equal(exec_record_decode(&record, &rig.arena, rig.outcome.record), ST_OK);
        if (!span_equal(record.rows.write_set, buf_span(&compared))) print_error("%s\n", script[i]);
        assert_true(span_equal(record.rows.write_set, buf_span(&compared)));
        buf_fini(&compared);
    }
    exec_rig_fini(&rig);
}

/* Names change places in one block, with rows before and after. */
static void names_change_places_in_a_block(void **state)
{
    (void)state;
    static const char *const swap[] = {
        "INSERT INTO a VALUES (1)",    "ALTER TABLE a RENAME TO c",
        "ALTER TABLE b RENAME TO a",   "INSERT INTO a VALUES (2)",
        "ALTER TABLE c RENAME TO b",   "INSERT INTO b VALUES (3)",
        "CREATE TABLE c (x integer)",  "INSERT INTO c VALUES (4)",
        "ALTER TABLE c ADD y integer", "INSERT INTO nowhere VALUES (1)",
    };
    struct exec_rig rig;
    exec_rig_init(&rig, &v4);
    exec_rig_do(&rig, 0, "CREATE TABLE a (x integer)");
    exec_rig_do(&rig, 0, "CREATE TABLE b (x integer)");
    for (size_t count = sizeof swap / sizeof swap[0]; count >= 9; count--) { /* First it fails. */
        const uint64_t before = exec_height(rig.exec);
        struct exec_record record;
        struct buf compared;
        struct tx *tx = chain_tx_begin(rig.chain, 0);
        for (size_t i = 0; i < count; i++)
            (void)chain_op(rig.chain, tx, swap[i]);
        (void)chain_tx_end(rig.chain, tx);
        chain_tx(rig.chain, 0, "INSERT INTO a VALUES (5)");
        (void)exec_rig_apply(&rig);
        exec_rig_expect(&rig, 0, count == 9 ? "" : "42P01");
        exec_rig_expect(&rig, 1, "");
        buf_init(&compared, mem_system(), 0);
        exec_rig_compare(&rig, before, before + 1, &compared);
        assert_int_equal(exec_record_decode(&record, &rig.arena, rig.outcome.record), ST_OK);
        assert_true(span_equal(record.rows.write_set, buf_span(&compared)));
        buf_fini(&compared);
    }
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM \"a\""), 2);
    exec_rig_fini(&rig);
}

static void restarts_change_nothing(void **state)
{
    (void)state;
    struct hash contents[3];
    for (uint32_t round = 0; round < 3; round++) {
        struct exec_rig rig;
        exec_rig_init(&rig, &v4);
        for (size_t i = 0; i < SCRIPT_COUNT; i++) {
            exec_rig_do(&rig, 0, script[i]);
            if (round == 1) exec_rig_reopen(&rig, true);
        }
        contents[round] = exec_rig_contents(&rig);
        exec_rig_fini(&rig);
    }
    assert_true(hash_equal(&contents[0], &contents[1]));
    assert_true(hash_equal(&contents[0], &contents[2]));
}

/* Two operations: the first changes the schema, the second fails. */
static void a_failure_takes_the_schema_back(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &v4);
    exec_rig_do(&rig, 0, script[0]);
    exec_rig_do(&rig, 0, script[1]);
    for (size_t i = 2; i < SCRIPT_COUNT; i++) {
        const struct hash before = exec_rig_contents(&rig);
        struct tx *tx = chain_tx_begin(rig.chain, 0);
        (void)chain_op(rig.chain, tx, script[i]);
        (void)chain_op(rig.chain, tx, "INSERT INTO nowhere VALUES (1)");
        (void)chain_tx_end(rig.chain, tx);
        (void)exec_rig_apply(&rig);
        exec_rig_expect(&rig, 0, "42P01");
        const struct hash after = exec_rig_contents(&rig);
        assert_true(hash_equal(&before, &after));
        exec_rig_do(&rig, 0, script[i]);
    }
    exec_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_sets_tell_what_changed),
        cmocka_unit_test(names_change_places_in_a_block),
        cmocka_unit_test(restarts_change_nothing),
        cmocka_unit_test(a_failure_takes_the_schema_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
