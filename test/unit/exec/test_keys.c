/* Goal: foreign keys hold on the chain - at the end of a statement or of a transaction - and what
 * they cause is in write sets, needs no right of the sender, and no signature less than it would.
 */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "exec/desk.h"
#include "sql/keys.h"
#include "support/cmocka_all.h"
#include "support/exec_rig.h"

static int setup(void **state)
{
    static struct exec_rig rig;
    const struct chain_options options = {.exec_version = 4, .account_count = 4};
    exec_rig_init(&rig, &options);
    exec_rig_do(&rig, 0, "CREATE TABLE p (id integer PRIMARY KEY, n text)");
    exec_rig_do(&rig, 0,
                "CREATE TABLE c (id integer PRIMARY KEY, p integer REFERENCES p ON DELETE CASCADE "
                "ON UPDATE CASCADE)");
    exec_rig_do(&rig, 0,
                "CREATE TABLE d (id integer PRIMARY KEY, p integer REFERENCES p DEFERRABLE "
                "INITIALLY DEFERRED)");
    exec_rig_do(&rig, 0, "INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c')");
    exec_rig_do(&rig, 0, "INSERT INTO c VALUES (10, 1), (11, 1), (12, 2)");
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    exec_rig_fini(*state);
    return 0;
}

static void write_set_is_complete(struct exec_rig *rig)
{
    struct buf compared;
    struct exec_record record;
    const uint64_t height = exec_height(rig->exec);
    buf_init(&compared, mem_system(), 0);
    exec_rig_compare(rig, height - 1, height, &compared);
    assert_int_equal(exec_record_decode(&record, &rig->arena, rig->outcome.record), ST_OK);
    assert_true(span_equal(record.rows.write_set, buf_span(&compared)));
    buf_fini(&compared);
}

static void what_they_cause_is_in_the_write_set(void **state)
{
    struct exec_rig *rig = *state;
    exec_rig_do(rig, 0, "UPDATE p SET id = id + 100 WHERE id = 1");
    write_set_is_complete(rig);
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM c WHERE p = 101"), 2);
    exec_rig_do(rig, 0, "DELETE FROM p WHERE id = 101");
    write_set_is_complete(rig);
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM c"), 1);
    assert_int_equal(exec_rig_receipt(rig, 0).ops[0].row_count, 1);
    const struct hash before = exec_rig_contents(rig);
    exec_rig_reopen(rig, true);
    const struct hash after = exec_rig_contents(rig);
    assert_true(hash_equal(&before, &after));
    (void)exec_rig_sql(rig, 0, "INSERT INTO c VALUES (20, 1)"); /* The triggers are still there. */
    exec_rig_expect(rig, 0, "23503");
    exec_rig_do(rig, 0, "ALTER TABLE p ADD COLUMN m integer DEFAULT 5");
    write_set_is_complete(rig);
    exec_rig_do(rig, 0, "DELETE FROM p WHERE id = 2");
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM c"), 0);
}

static void rights_are_those_of_who_made_the_key(void **state)
{
    struct exec_rig *rig = *state;
    (void)exec_rig_sql(rig, 1, "CREATE TABLE spy (a integer REFERENCES p)");
    exec_rig_expect(rig, 0, "42501");
    exec_rig_do(rig, 0, "GRANT SELECT, DELETE ON p TO user1");
    (void)exec_rig_sql(rig, 1, "CREATE TABLE spy (a integer REFERENCES p)");
    exec_rig_expect(rig, 0, "42501");
    (void)exec_rig_sql(rig, 1, "DELETE FROM c");
    exec_rig_expect(rig, 0, "42501");
    exec_rig_do(rig, 1, "DELETE FROM p WHERE id = 1");
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM c"), 1);
    exec_rig_do(rig, 0, "GRANT INSERT ON c TO user2"); /* p need not be readable. */
    exec_rig_do(rig, 2, "INSERT INTO c VALUES (30, 2)");
    (void)exec_rig_sql(rig, 2, "INSERT INTO c VALUES (31, 9)");
    exec_rig_expect(rig, 0, "23503");
}

static void signatures_are_asked_for_rows_that_follow(void **state)
{
    struct exec_rig *rig = *state;
    char text[120];
    char hex[2 * HASH_SIZE + 1];
    exec_rig_do(rig, 0, "CALL trustsql.require_signatures('c', 1, 'user1')");
    exec_rig_do(rig, 0, "DELETE FROM p WHERE id = 3"); /* Nothing follows. */
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM p"), 2);
    (void)exec_rig_sql(rig, 0, "DELETE FROM p WHERE id = 1");
    exec_rig_expect(rig, 0, "");
    assert_non_null(strstr(rig->outcome.txs[0].ops[0].notice, "waits for 1 more signature"));
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM p"), 2);
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM c"), 3);
    hex_encode(hex, hash_span(&rig->block->txs[0].txid));
    (void)snprintf(text, sizeof text, "CALL trustsql.approve('%s')", hex);
    (void)exec_rig_sql(rig, 1, text);
    exec_rig_expect(rig, 0, "");
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM p"), 1);
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM c"), 1);
}

static void deferred_keys_are_looked_at_last(void **state)
{
    struct exec_rig *rig = *state;
    struct tx *tx = chain_tx_begin(rig->chain, 0);
    (void)chain_op(rig->chain, tx, "INSERT INTO d VALUES (1, 9)");
    (void)chain_op(rig->chain, tx, "INSERT INTO p VALUES (9, 'late')");
    (void)chain_tx_end(rig->chain, tx);
    tx = chain_tx_begin(rig->chain, 0);
    (void)chain_op(rig->chain, tx, "INSERT INTO d VALUES (2, 8)");
    (void)chain_op(rig->chain, tx, "INSERT INTO p VALUES (7, 'other')");
    (void)chain_tx_end(rig->chain, tx);
    chain_tx(rig->chain, 0, "INSERT INTO p VALUES (6, 'after')"); /* Nothing is left over. */
    tx = chain_tx_begin(rig->chain, 0);
    (void)chain_op(rig->chain, tx, "INSERT INTO d VALUES (3, 5)");
    (void)chain_op(rig->chain, tx, "SET CONSTRAINTS ALL IMMEDIATE");
    (void)chain_op(rig->chain, tx, "INSERT INTO p VALUES (5, 'too late')");
    (void)chain_tx_end(rig->chain, tx);
    (void)exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "");
    exec_rig_expect(rig, 1, "23503");
    exec_rig_expect(rig, 2, "");
    exec_rig_expect(rig, 3, "23503");
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM d"), 1);
    write_set_is_complete(rig);
}

static void fuel_is_spent_on_what_follows(void **state)
{
    struct exec_rig *rig = *state;
    (void)state;
    exec_rig_do(rig, 0, "INSERT INTO c SELECT g, 3 FROM generate_series(100, 3999) g");
    exec_rig_do(rig, 0, "CREATE TABLE e (id integer PRIMARY KEY REFERENCES c ON DELETE CASCADE)");
    exec_rig_do(rig, 0, "CREATE TABLE f (id integer, e integer REFERENCES e ON DELETE CASCADE)");
    exec_rig_do(rig, 0, "INSERT INTO e SELECT g FROM generate_series(100, 3999) g");
    exec_rig_do(rig, 0, "INSERT INTO f SELECT g, g FROM generate_series(100, 3999) g");
    (void)exec_rig_sql(rig, 0, "DELETE FROM p WHERE id = 3"); /* f has no index: 3900 times 3900. */
    exec_rig_expect(rig, 0, "54000");
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM f"), 3900);
    exec_rig_do(rig, 0, "CREATE INDEX ON f (e)");
    exec_rig_do(rig, 0, "DELETE FROM p WHERE id = 3");
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM f"), 0);
}

static void damaged_notes_are_told(void **state)
{
    static const uint8_t good[] = {
        41, 0,   0,   0, 1, 2, 0, 0, 0, 0, 0, 0,   9, 0, 0, 0, 0,   0,   0,   0,   'i',
        3,  'n', 'i', 7, 0, 0, 0, 0, 0, 0, 0, 't', 4, 0, 0, 0, 'a', 'b', 'c', 'd',
    };
    struct sql_key_note note;
    struct span rest = span_of(good, sizeof good);
    (void)state;
    assert_int_equal(sql_key_note_next(&rest, &note), ST_OK);
    assert_int_equal(note.table, 0x0201);
    assert_int_equal(note.key, 9);
    assert_int_equal(note.count, 3);
    assert_true(note.has_null);
    for (size_t size = 0; size < sizeof good; size++) {
        rest = span_of(good, size);
        assert_int_equal(sql_key_note_next(&rest, &note), ST_CORRUPT);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_they_cause_is_in_the_write_set),
        CASE(rights_are_those_of_who_made_the_key),
        CASE(signatures_are_asked_for_rows_that_follow),
        CASE(deferred_keys_are_looked_at_last),
        CASE(fuel_is_spent_on_what_follows),
        cmocka_unit_test(damaged_notes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
