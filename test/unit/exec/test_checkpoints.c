/* Goal: from exec_version 3 on, results carry the roots of checkpoints over all rows and all
 * transactions, whatever restarts there were; below it nothing changes. */
#include "exec/exec.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/cbor.h"
#include "ledger/checkpoint.h"
#include "ledger/row_path.h"
#include "rows/rows.h"
#include "support/cmocka_all.h"
#include "support/exec_rig.h"
#include "support/slow_rows.h"

static const struct chain_options v3 = {.exec_version = 3};
static const struct chain_options v2 = {.exec_version = 2};

/* The rows of the chain from SQLite alone: the write set between nothing and now. */
static struct hash root_of_state(struct exec_rig *rig)
{
    struct slow_rows t = {0};
    struct buf all;
    buf_init(&all, mem_system(), 0);
    exec_rig_rows(rig, &all);
    struct cbor in = cbor_of(buf_span(&all));
    uint64_t count = cbor_get_array(&in);
    for (uint64_t i = 0; i < count; i++) {
        struct row_change c;
        assert_int_equal(row_change_of(&c, cbor_get_item(&in, 2)), ST_OK);
        slow_rows_put(&t, &c.place);
    }
    assert_int_equal(cbor_end(&in), ST_OK);
    struct hash root = slow_rows_root(&t);
    slow_rows_fini(&t);
    buf_fini(&all);
    return root;
}

static void some_block(struct exec_rig *rig, uint32_t number)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%u, 'row %u')", number, number);
    chain_tx(rig->chain, 0, sql);
    if (number % 3 == 0) {
        (void)snprintf(sql, sizeof sql, "DELETE FROM t WHERE a = %u", number / 2);
        chain_tx(rig->chain, 0, sql);
    }
    (void)exec_rig_apply(rig);
}

static void empty_blocks(struct exec_rig *rig, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        (void)exec_rig_apply(rig);
}

static void the_call(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &v3);
    exec_rig_do(&rig, 0, "CREATE TABLE t (a integer PRIMARY KEY, b text)");
    for (uint32_t i = 1; i <= 100; i++)
        some_block(&rig, i);
    assert_int_equal(rig.outcome.wanted_height, 0);
    exec_rig_do(&rig, 0, "CALL trustsql.checkpoint()");
    assert_true(rig.outcome.wanted_height > 0);
    const uint64_t height = exec_height(rig.exec);
    const struct hash root = root_of_state(&rig);
    some_block(&rig, 101); /* The root is of the height, not of now. */
    empty_blocks(&rig, 6);
    assert_true(hash_is_zero(&rig.outcome.result.checkpoint));
    assert_true(rig.outcome.wanted_height > 0);
    empty_blocks(&rig, 1);
    assert_int_equal(rig.outcome.wanted_height, 0);
    struct checkpoint c;
    assert_int_equal(rows_checkpoint(rig.rows, height, &c), ST_OK);
    assert_true(hash_equal(&c.row_root, &root));
    assert_int_equal(c.before, 0);
    struct hash expected = checkpoint_hash(&c);
    assert_true(hash_equal(&expected, &rig.outcome.result.checkpoint));
    assert_int_equal(exec_rig_int(&rig, "SELECT count(*) FROM \"trustsql.checkpoints\""), 1);
    assert_int_equal(exec_rig_int(&rig, "SELECT height FROM \"trustsql.checkpoints\""), height);
    assert_int_equal(exec_rig_int(&rig, "SELECT row_count FROM \"trustsql.checkpoints\""),
                     c.row_count);
    empty_blocks(&rig, 1);
    assert_true(hash_is_zero(&rig.outcome.result.checkpoint));
    exec_rig_fini(&rig);
}

/* One that fails leaves none, nor does one in a transaction that fails later. */
static void failing_calls(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &v3);
    exec_rig_sql(&rig, 0, "CALL trustsql.checkpoint(1)");
    exec_rig_expect(&rig, 0, "42883");
    struct tx *tx = chain_tx_begin(rig.chain, 0);
    (void)chain_op(rig.chain, tx, "CALL trustsql.checkpoint()");
    (void)chain_op(rig.chain, tx, "SELECT 1/0");
    (void)chain_tx_end(rig.chain, tx);
    (void)exec_rig_apply(&rig);
    exec_rig_expect(&rig, 0, "22012");
    assert_int_equal(rig.outcome.wanted_height, 0);
    exec_rig_fini(&rig);
}

static void heights_and_times(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &v3);
    exec_rig_do(&rig, 0, "CREATE TABLE t (a integer PRIMARY KEY, b text)");
    empty_blocks(&rig, 126);
    assert_int_equal(rig.outcome.wanted_height, 0);
    empty_blocks(&rig, 1);
    assert_int_equal(exec_height(rig.exec), 128);
    assert_true(rig.outcome.wanted_height > 0);
    empty_blocks(&rig, 8);
    assert_false(hash_is_zero(&rig.outcome.result.checkpoint));
    chain_time_skip(rig.chain, 600000);
    empty_blocks(&rig, 1); /* The row of the checkpoint itself does not count. */
    assert_int_equal(rig.outcome.wanted_height, 0);
    exec_rig_do(&rig, 0, "INSERT INTO t VALUES (1, 'late')");
    assert_true(rig.outcome.wanted_height > 0);
    exec_rig_do(&rig, 0, "INSERT INTO t VALUES (2, 'early')");
    empty_blocks(&rig, 7);
    assert_int_equal(rig.outcome.wanted_height, 0);
    assert_int_equal(exec_rig_int(&rig, "SELECT max(height) FROM \"trustsql.checkpoints\""), 138);
    exec_rig_fini(&rig);
}

/* Restarts anywhere, also between a checkpoint and its result, change no digest. */
static void restarts(void **state)
{
    (void)state;
    struct hash digests[160] = {{{0}}};
    for (int round = 0; round < 2; round++) {
        struct exec_rig rig;
        exec_rig_init(&rig, &v3);
        exec_rig_do(&rig, 0, "CREATE TABLE t (a integer PRIMARY KEY, b text)");
        for (uint32_t i = 1; i < 150; i++) {
            if (i % 20 < 3) chain_tx(rig.chain, 0, "CALL trustsql.checkpoint()");
            some_block(&rig, i);
            if (round == 0) digests[i] = exec_digest(rig.exec);
            if (round == 1 && i % 7 == 0) exec_rig_reopen(&rig, true);
            struct hash digest = exec_digest(rig.exec);
            assert_true(hash_equal(&digest, &digests[i]));
        }
        exec_rig_fini(&rig);
    }
}

static void older_chains(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &v2);
    exec_rig_sql(&rig, 0, "CALL trustsql.checkpoint()");
    exec_rig_expect(&rig, 0, "42883");
    exec_rig_sql(&rig, 0, "SELECT * FROM trustsql.checkpoints");
    exec_rig_expect(&rig, 0, "42P01");
    empty_blocks(&rig, 130);
    assert_int_equal(rig.outcome.wanted_height, 0);
    assert_true(hash_is_zero(&rig.outcome.result.checkpoint));
    exec_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_call),          cmocka_unit_test(failing_calls),
        cmocka_unit_test(heights_and_times), cmocka_unit_test(restarts),
        cmocka_unit_test(older_chains),
    };
    return cmocka_run_group_tests_name("checkpoints", tests, NULL, NULL);
}
