/* Goal: a table that asks for m of n signatures is changed when m have signed, by nobody else, and
 * not before; and who could change the rule alone cannot. */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "exec/desk.h"
#include "exec/modules/system/signatures.h"
#include "support/cmocka_all.h"
#include "support/exec_rig.h"

#define HOUR_MS UINT64_C(3600000)

static int setup(void **state)
{
    static struct exec_rig rig;
    const struct chain_options options = {.exec_version = 4, .account_count = 6};
    exec_rig_init(&rig, &options);
    exec_rig_do(&rig, 0, "CREATE TABLE t (id integer PRIMARY KEY, who text DEFAULT current_user)");
    exec_rig_do(&rig, 0, "GRANT ALL ON t TO PUBLIC");
    exec_rig_do(&rig, 0, "CALL trustsql.require_signatures('t', 2, 'user1, user2,user3')");
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    exec_rig_fini(*state);
    return 0;
}

static struct hash send(struct exec_rig *rig, uint32_t account, const char *sql)
{
    (void)exec_rig_sql(rig, account, sql);
    return rig->block->txs[0].txid;
}

static void approve(struct exec_rig *rig, uint32_t account, const struct hash *txid)
{
    char text[120];
    char hex[2 * HASH_SIZE + 1];
    hex_encode(hex, hash_span(txid));
    (void)snprintf(text, sizeof text, "CALL trustsql.approve('%s')", hex);
    (void)exec_rig_sql(rig, account, text);
}

/* In rows of the table t, by the chain's own SELECT. */
static int64_t value(struct exec_rig *rig, const char *sql)
{
    (void)exec_rig_sql(rig, 0, sql);
    exec_rig_expect(rig, 0, "");
    const struct exec_rows *rows = &rig->outcome.txs[0].ops[0];
    struct span at = rows->rows;
    struct sql_value v;
    assert_true(sql_rowset_next(&at, rows->columns[0].type, &v));
    return v.integer;
}

static int64_t count(struct exec_rig *rig)
{
    return value(rig, "SELECT count(*) FROM t");
}

static void state_is(struct exec_rig *rig, const char *state)
{
    char text[120];
    (void)snprintf(text, sizeof text,
                   "SELECT count(*) FROM \"trustsql.pending_transactions\" WHERE state = '%s'",
                   state);
    assert_int_equal(exec_rig_int(rig, text), 1);
}

static void the_last_signature_executes(void **state)
{
    struct exec_rig *rig = *state;
    const struct hash txid = send(rig, 4, "INSERT INTO t(id) VALUES (1) RETURNING id");
    exec_rig_expect(rig, 0, "");
    assert_non_null(strstr(rig->outcome.txs[0].ops[0].notice, "waits for 2 more signatures"));
    assert_int_equal(rig->outcome.txs[0].ops[0].row_count, 0);
    assert_int_equal(rig->outcome.txs[0].ops[0].column_count, 0);
    assert_int_equal(exec_rig_receipt(rig, 0).ops[0].row_count, 0);
    assert_int_equal(count(rig), 0);
    state_is(rig, "waiting");
    approve(rig, 1, &txid);
    exec_rig_expect(rig, 0, "");
    assert_int_equal(count(rig), 0);
    approve(rig, 1, &txid);
    exec_rig_expect(rig, 0, "23505"); /* Twice does not count. */
    approve(rig, 5, &txid);           /* Not named: it may, and does not count. */
    exec_rig_expect(rig, 0, "");
    assert_int_equal(count(rig), 0);
    approve(rig, 3, &txid);
    exec_rig_expect(rig, 0, "");
    assert_non_null(strstr(rig->outcome.txs[0].ops[0].notice, "is executed"));
    assert_int_equal(value(rig, "SELECT count(*) FROM t WHERE who = 'user4'"), 1);
    state_is(rig, "executed");
    approve(rig, 2, &txid);
    exec_rig_expect(rig, 0, "55000");
    assert_int_equal(count(rig), 1);
}

static void a_sender_who_is_named_has_signed(void **state)
{
    struct exec_rig *rig = *state;
    const struct hash txid = send(rig, 1, "INSERT INTO t(id) VALUES (1)");
    approve(rig, 2, &txid);
    exec_rig_expect(rig, 0, "");
    assert_int_equal(count(rig), 1);
    exec_rig_do(rig, 0, "CREATE TABLE free (a integer)");
    exec_rig_do(rig, 4, "SELECT count(*) FROM t"); /* Reading needs nobody. */
}

static void errors_are_told_at_once_and_at_the_end(void **state)
{
    struct exec_rig *rig = *state;
    (void)exec_rig_sql(rig, 1, "INSERT INTO t(id) VALUES (1), (1)");
    exec_rig_expect(rig, 0, "23505");
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM \"trustsql.pending_transactions\""),
                     0);
    const struct hash first = send(rig, 1, "INSERT INTO t(id) VALUES (1)");
    const struct hash second = send(rig, 2, "INSERT INTO t(id) VALUES (1)");
    approve(rig, 3, &first);
    exec_rig_expect(rig, 0, "");
    approve(rig, 3, &second);
    exec_rig_expect(rig, 0, "23505"); /* And the approval with it. */
    state_is(rig, "waiting");
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM \"trustsql.approvals\""), 3);
    assert_int_equal(count(rig), 1);
}

static void it_expires(void **state)
{
    struct exec_rig *rig = *state;
    const struct hash txid = send(rig, 1, "INSERT INTO t(id) VALUES (1)");
    chain_time_skip(rig->chain, 73 * HOUR_MS);
    approve(rig, 2, &txid);
    exec_rig_expect(rig, 0, "55000");
    (void)send(rig, 1, "INSERT INTO t(id) VALUES (2)");
    state_is(rig, "expired");
    state_is(rig, "waiting");
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM \"trustsql.pending_transactions\" "
                                       "WHERE body IS NULL"),
                     1);
    const struct hash nobody = {{1}};
    approve(rig, 2, &nobody);
    exec_rig_expect(rig, 0, "42704");
}

/* The owner alone can neither lift the rule nor get round it. */
static void the_rule_guards_itself(void **state)
{
    static const char *const texts[] = {
        "CALL trustsql.require_signatures('t', 0, NULL)",
        "CALL trustsql.require_signatures('t', 1, 'admin')",
        "DROP TABLE t",
        "CREATE INDEX ON t (who)",
        "UPDATE t SET id = 5",
        "DELETE FROM t",
        "WITH x AS (SELECT 1 AS a) INSERT INTO t(id) SELECT a FROM x",
    };
    struct exec_rig *rig = *state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        (void)exec_rig_sql(rig, 0, texts[i]);
        exec_rig_expect(rig, 0, "");
        assert_non_null(strstr(rig->outcome.txs[0].ops[0].notice, "waits for 2 more"));
    }
    const struct hash lifted = send(rig, 0, "CALL trustsql.require_signatures('t', 0, NULL)");
    approve(rig, 1, &lifted);
    (void)exec_rig_sql(rig, 4, "INSERT INTO t(id) VALUES (1)");
    assert_int_equal(count(rig), 0);
    approve(rig, 2, &lifted);
    exec_rig_expect(rig, 0, "");
    exec_rig_do(rig, 4, "INSERT INTO t(id) VALUES (1)");
    assert_int_equal(count(rig), 1);
}

static void wrong_rules_are_refused(void **state)
{
    static const char *const texts[][2] = {
        {"CALL trustsql.require_signatures('free', 3, 'user1,user2')", "22023"},
        {"CALL trustsql.require_signatures('free', 2, 'user1,user1')", "22023"},
        {"CALL trustsql.require_signatures('free', 1, 'user1,,user2')", "22023"},
        {"CALL trustsql.require_signatures('free', -1, 'user1')", "22023"},
        {"CALL trustsql.require_signatures('free', 1, 'nobody')", "42704"},
        {"CALL trustsql.require_signatures('free', 1, NULL)", "22023"},
        {"CALL trustsql.require_signatures('free', 1, 'user1', 0)", "22023"},
        {"CALL trustsql.require_signatures('nothing', 1, 'user1')", "42P01"},
        {"CALL trustsql.approve('abc')", "22023"},
        {"CALL trustsql.approve(NULL)", "22023"},
    };
    struct exec_rig *rig = *state;
    exec_rig_do(rig, 0, "CREATE TABLE free (a integer)");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        (void)exec_rig_sql(rig, 0, texts[i][0]);
        exec_rig_expect(rig, 0, texts[i][1]);
    }
    (void)exec_rig_sql(rig, 1, "CALL trustsql.require_signatures('free', 1, 'user1')");
    exec_rig_expect(rig, 0, "42501"); /* Not the owner. */
}

/* An approval inside what waits would run something inside itself. */
static void approvals_do_not_nest(void **state)
{
    struct exec_rig *rig = *state;
    char text[200];
    char hex[2 * HASH_SIZE + 1];
    const struct hash inner = send(rig, 4, "INSERT INTO t(id) VALUES (1)");
    hex_encode(hex, hash_span(&inner));
    (void)snprintf(text, sizeof text, "INSERT INTO t(id) VALUES (2)");
    struct tx *tx = chain_tx_begin(rig->chain, 1);
    (void)chain_op(rig->chain, tx, text);
    (void)snprintf(text, sizeof text, "CALL trustsql.approve('%s')", hex);
    (void)chain_op(rig->chain, tx, text);
    const struct hash outer = chain_tx_end(rig->chain, tx)->txid;
    (void)exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "");
    approve(rig, 2, &outer);
    exec_rig_expect(rig, 0, "25001");
    assert_int_equal(count(rig), 0);
}

static void tables_made_inside_go_back(void **state)
{
    struct exec_rig *rig = *state;
    struct tx *tx = chain_tx_begin(rig->chain, 1);
    (void)chain_op(rig->chain, tx, "CREATE TABLE made (a integer)");
    (void)chain_op(rig->chain, tx, "INSERT INTO made SELECT id FROM t");
    (void)chain_op(rig->chain, tx, "INSERT INTO t(id) VALUES (1)");
    const struct hash txid = chain_tx_end(rig->chain, tx)->txid;
    (void)exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "");
    (void)exec_rig_sql(rig, 1, "SELECT * FROM made");
    exec_rig_expect(rig, 0, "42P01");
    approve(rig, 4, &txid); /* Tried, and taken back. */
    (void)exec_rig_sql(rig, 1, "SELECT * FROM made");
    exec_rig_expect(rig, 0, "42P01");
    approve(rig, 2, &txid);
    exec_rig_expect(rig, 0, "");
    exec_rig_do(rig, 1, "SELECT * FROM made");
    exec_rig_reopen(rig, true);
    assert_int_equal(count(rig), 1);
}

static void the_rule_has_one_form(void **state)
{
    (void)state;
    static const char *const good[] = {"1:72:5", "2:1:1,2", "3:8760:1,2,9223372036854775807"};
    static const char *const bad[] = {
        "0:1:1",   "2:1:1",  "1:0:1",    "1:1", "1:1:", "1:1:1,", "1:1:,1",
        "1:1:1;2", "33:1:1", "1:9999:1", "x",   "1",    "1:1:a"};
    struct signature_rule rule;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(signature_rule_read(&rule, span_text(good[i])), ST_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(signature_rule_read(&rule, span_text(bad[i])), ST_CORRUPT);
    assert_int_equal(signature_rule_read(&rule, span_of(NULL, 0)), ST_OK);
    assert_int_equal(rule.needed, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_last_signature_executes),
        CASE(a_sender_who_is_named_has_signed),
        CASE(errors_are_told_at_once_and_at_the_end),
        CASE(it_expires),
        CASE(the_rule_guards_itself),
        CASE(wrong_rules_are_refused),
        CASE(approvals_do_not_nest),
        CASE(tables_made_inside_go_back),
        cmocka_unit_test(the_rule_has_one_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
