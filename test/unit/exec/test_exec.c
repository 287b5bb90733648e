/* Goal: a block changes exactly what its successful transactions say; each way of failing leaves
 * its own receipt and no other trace. */
#include <stdio.h>
#include <string.h>

#include "codec/cbor.h"
#include "support/cmocka_all.h"
#include "support/exec_rig.h"

static const char table_sql[] = "CREATE TABLE t (id integer PRIMARY KEY, n integer, s text)";

static int setup(void **state)
{
    static struct exec_rig rig;
    exec_rig_init(&rig, NULL);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    exec_rig_fini(*state);
    return 0;
}

static void test_genesis(void **state)
{
    struct exec_rig *rig = *state;
    assert_int_equal(exec_height(rig->exec), 0);
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM \"trustsql.accounts\""), 4);
    struct hash first = exec_digest(rig->exec);
    assert_false(hash_is_zero(&first));
    struct exec_rig other;
    exec_rig_init(&other, NULL);
    struct hash second = exec_digest(other.exec);
    assert_true(hash_equal(&first, &second));
    exec_rig_fini(&other);
    struct chain_options options = {.account_count = 5};
    exec_rig_init(&other, &options);
    second = exec_digest(other.exec);
    assert_false(hash_equal(&first, &second));
    exec_rig_fini(&other);
    exec_rig_reopen(rig, false);
    second = exec_digest(rig->exec);
    assert_true(hash_equal(&first, &second));
}

static void test_account_by_name(void **state)
{
    struct exec_rig *rig = *state;
    sqlite3 *reader;
    assert_int_equal(db_reader_open(exec_db(rig->exec), &reader), ST_OK);
    struct exec_account account;
    assert_int_equal(exec_account_by_name(reader, span_text("admin"), &account), ST_OK);
    assert_true(account.is_admin);
    assert_int_equal(account.id, 1);
    assert_true(public_key_equal(&account.key, chain_key(rig->chain, 0)));
    assert_int_equal(exec_account_by_name(reader, span_text("user3"), &account), ST_OK);
    assert_false(account.is_admin);
    assert_int_equal(exec_account_by_name(reader, span_text("nobody"), &account), ST_NOT_FOUND);
    assert_int_equal(exec_account_by_name(reader, span_text(""), &account), ST_NOT_FOUND);
    db_reader_close(exec_db(rig->exec), reader);
}

static void test_rows_for_the_door(void **state)
{
    struct exec_rig *rig = *state;
    exec_rig_do(rig, 0, table_sql);
    struct tx *tx = chain_tx_begin(rig->chain, 0);
    (void)chain_op(rig->chain, tx, "INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b')");
    struct tx_op *op = chain_op(rig->chain, tx, "UPDATE t SET n = n + $1 WHERE id > $2");
    chain_param_int(rig->chain, op, SQL_INT4, 5);
    chain_param_int(rig->chain, op, SQL_INT4, 0);
    (void)chain_op(rig->chain, tx, "SELECT n FROM t WHERE id = 2");
    (void)chain_op(rig->chain, tx, "DELETE FROM t WHERE id = 1 RETURNING n");
    (void)chain_tx_end(rig->chain, tx);
    const struct exec_outcome *o = exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "");
    const struct exec_rows *rows = o->txs[0].ops;
    assert_int_equal(o->txs[0].op_count, 4);
    assert_string_equal(rows[0].tag, "INSERT 0");
    assert_int_equal(rows[0].row_count, 2);
    assert_int_equal(rows[0].column_count, 0);
    assert_int_equal(rows[1].row_count, 2);
    struct sql_value v;
    for (int i = 2; i < 4; i++) {
        assert_int_equal(rows[i].column_count, 1);
        assert_int_equal(rows[i].returned_count, 1);
        assert_int_equal(rows[i].row_count, 1);
        struct span at = rows[i].rows;
        assert_true(sql_rowset_next(&at, SQL_INT4, &v));
        assert_int_equal(v.integer, i == 2 ? 25 : 15);
        assert_int_equal(at.size, 0);
    }
    struct receipt r = exec_rig_receipt(rig, 0);
    assert_int_equal(r.op_count, 4);
    assert_int_equal(r.ops[1].row_count, 2);
    assert_true(hash_is_zero(&r.ops[1].result_hash));
    struct hash expected = hash_of("rows", rows[2].rows);
    assert_true(hash_equal(&r.ops[2].result_hash, &expected));
    assert_int_equal(r.holder, 0);
    assert_false(hash_is_zero(&r.write_root));
    assert_int_equal(r.events.size, 1);
}

static void test_holder(void **state)
{
    struct exec_rig *rig = *state;
    exec_rig_do(rig, 2, table_sql);
    struct receipt r = exec_rig_receipt(rig, 0);
    assert_int_equal(r.holder, 1);
    assert_true(span_equal(r.holder_name, span_text("org0")));
}

/* --- failures ------------------------------------------------------------------------------- */

struct failure {
    const char *sqlstate;
    const char *sql[4]; /* The operations; the last one given fails. */
    uint32_t account;
    void (*change)(struct exec_rig *rig, struct tx *tx);
};

static void wrong_ledger(struct exec_rig *rig, struct tx *tx)
{
    (void)rig;
    tx->ledger = span_text("other");
}

static void future_now(struct exec_rig *rig, struct tx *tx)
{
    (void)rig;
    tx->now_ms = CHAIN_TIME_MS + 86400000u;
}

static void old_now(struct exec_rig *rig, struct tx *tx)
{
    (void)rig;
    tx->now_ms = CHAIN_TIME_MS - 86400000u;
}

static void reserve(struct exec_rig *rig, struct tx *tx)
{
    (void)rig;
    static struct tx_reserved reserved = {.sequence_id = 1, .first = 5, .count = 1};
    tx->reserved = &reserved;
    tx->reserved_count = 1;
}

static void call_contract(struct exec_rig *rig, struct tx *tx)
{
    (void)rig;
    tx->ops[0].kind = TX_OP_CONTRACT;
}

static void other_account(struct exec_rig *rig, struct tx *tx)
{
    tx->account = account_id_of(chain_key(rig->chain, 3));
}

static void unknown_type(struct exec_rig *rig, struct tx *tx)
{
    chain_param_int(rig->chain, &tx->ops[0], SQL_INT4, 1);
    tx->ops[0].params[0].type = 600;
}

static void value_of_other_type(struct exec_rig *rig, struct tx *tx)
{
    chain_param_text(rig->chain, &tx->ops[0], "x");
    tx->ops[0].params[0].type = SQL_INT4;
}

static void value_out_of_range(struct exec_rig *rig, struct tx *tx)
{
    chain_param_int(rig->chain, &tx->ops[0], SQL_INT8, INT64_MAX);
    tx->ops[0].params[0].type = SQL_INT4;
}

static void used_key(struct exec_rig *rig, struct tx *tx)
{
    (void)rig;
    tx->idempotency_key = span_text("used");
}

#define INSERT9 "INSERT INTO t VALUES (9, 9, 'nine')"

static const struct failure failures[] = {
    {"42601", {"INSERT INTO t VALUES (1, 1"}, 0, NULL},
    {"42601", {INSERT9, "SELECT 1; SELECT 2"}, 0, NULL},
    {"42P01", {INSERT9, "INSERT INTO missing VALUES (1)"}, 0, NULL},
    {"23505", {INSERT9, "INSERT INTO t VALUES (10, 1, 'a'), (1, 1, 'taken')"}, 0, NULL},
    {"23505", {"INSERT INTO t VALUES (11, 1, 'a')", "UPDATE t SET id = 1 WHERE id = 2"}, 0, NULL},
    {"42P07", {INSERT9, "CREATE TABLE u (id integer PRIMARY KEY)", table_sql}, 0, NULL},
    {"42P01",
     {"DROP TABLE t", "CREATE TABLE u (id integer PRIMARY KEY)", "SELECT id FROM t"},
     0,
     NULL},
    {"0A000", {INSERT9, "SET work_mem = 1"}, 0, NULL},
    {"0A000", {INSERT9, "SELECT height FROM trustsql.blocks"}, 0, NULL},
    {"0A000", {INSERT9}, 0, call_contract},
    {"0A000", {INSERT9}, 0, reserve},
    {"42501", {"INSERT INTO t VALUES (9, 9, 'nine')"}, 1, NULL},
    {"42501", {"SELECT id FROM t"}, 1, NULL},
    {"42501", {"DROP TABLE t"}, 1, NULL},
    {"42501", {INSERT9, "DELETE FROM trustsql.accounts"}, 0, NULL},
    {"42501", {"CALL trustsql.create_account('x', $1)"}, 1, NULL},
    {"42501", {"CALL trustsql.close_account('admin')"}, 1, NULL},
    {"42704", {INSERT9, "CALL trustsql.close_account('nobody')"}, 0, NULL},
    {"42883", {INSERT9, "CALL trustsql.no_such_thing()"}, 0, NULL},
    {"42883", {INSERT9, "CALL trustsql.close_account()"}, 0, NULL},
    {"55006", {INSERT9, "CALL trustsql.close_account('admin')"}, 0, NULL},
    {"42P01", {"CALL trustsql.close_account('user1')", "SELECT id FROM missing"}, 0, NULL},
    {"28000", {INSERT9}, 0, other_account},
    {"28000", {INSERT9}, 5000, NULL},
    {"3D000", {INSERT9}, 0, wrong_ledger},
    {"22008", {INSERT9}, 0, future_now},
    {"22008", {INSERT9}, 0, old_now},
    {"42704", {"INSERT INTO t VALUES (9, $1, 'nine')"}, 0, unknown_type},
    {"22P03", {"INSERT INTO t VALUES (9, $1, 'nine')"}, 0, value_of_other_type},
    {"22P03", {"INSERT INTO t VALUES (9, $1, 'nine')"}, 0, value_out_of_range},
    {"23505", {INSERT9}, 0, used_key},
};

static void add_failure(struct exec_rig *rig, const struct failure *f)
{
    struct tx *tx = chain_tx_begin(rig->chain, f->account);
    for (size_t i = 0; i < 4 && f->sql[i] != NULL; i++)
        (void)chain_op(rig->chain, tx, f->sql[i]);
    if (f->sql[0] != NULL && strstr(f->sql[0], "create_account") != NULL) {
        struct public_key key = chain_new_key(rig->chain, 77);
        chain_param_bytes(rig->chain, &tx->ops[0], span_of(key.bytes, key.size));
    }
    if (f->change != NULL) f->change(rig, tx);
    (void)chain_tx_end(rig->chain, tx);
}

/* Until the third block: a good transaction, f when not null, another good one. */
static struct hash run_with(const struct failure *f, struct exec_rig *rig)
{
    exec_rig_init(rig, NULL);
    exec_rig_do(rig, 0, table_sql);
    struct tx *tx = chain_tx_begin(rig->chain, 0);
    (void)chain_op(rig->chain, tx, "INSERT INTO t VALUES (1, 1, 'one'), (2, 2, 'two')");
    tx->idempotency_key = span_text("used");
    (void)chain_tx_end(rig->chain, tx);
    (void)exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "");
    chain_tx(rig->chain, 0, "INSERT INTO t VALUES (3, 3, 'three')");
    if (f != NULL) add_failure(rig, f);
    chain_tx(rig->chain, 0, "UPDATE t SET n = n + 1");
    (void)exec_rig_apply(rig);
    return rig->outcome.result.writeset_root;
}

static void test_failures_leave_no_trace(void **state)
{
    (void)state;
    struct exec_rig without;
    struct hash root = run_with(NULL, &without);
    struct hash contents = exec_rig_contents(&without);
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        struct exec_rig with;
        struct hash found = run_with(&failures[i], &with);
        exec_rig_expect(&with, 0, "");
        exec_rig_expect(&with, 1, failures[i].sqlstate);
        exec_rig_expect(&with, 2, "");
        assert_true(hash_equal(&found, &root));
        struct hash after = exec_rig_contents(&with);
        assert_true(hash_equal(&after, &contents));
        struct receipt r = exec_rig_receipt(&with, 1);
        uint32_t last = 0;
        while (last + 1 < 4 && failures[i].sql[last + 1] != NULL)
            last++;
        bool is_refused_at_once = failures[i].change != NULL || failures[i].account == 5000;
        assert_int_equal(r.failed_op, is_refused_at_once ? 0 : last);
        assert_int_equal(r.op_count, 0);
        assert_true(hash_is_zero(&r.write_root));
        assert_null(with.outcome.txs[1].ops);
        /* The next block works on, and makes what the failed one had made. */
        exec_rig_do(&with, 0, "CREATE TABLE u (id integer PRIMARY KEY)");
        exec_rig_fini(&with);
    }
    exec_rig_fini(&without);
}

static void test_refused_blocks(void **state)
{
    struct exec_rig *rig = *state;
    exec_rig_do(rig, 0, table_sql);
    struct chain_block block = *chain_block_end(rig->chain);
    struct hash digest = exec_digest(rig->exec);
    struct exec_outcome o;
    exec_outcome_init(&o, mem_system());
    struct header header = block.header;
    struct exec_block in = block.in;
    in.header = &header;
    header.height++;
    assert_int_equal(exec_apply(rig->exec, &in, &o), ST_INVALID);
    header = block.header;
    header.exec_version = EXEC_VERSION_MAX + 1;
    assert_int_equal(exec_apply(rig->exec, &in, &o), ST_UNSUPPORTED);
    struct hash same = exec_digest(rig->exec);
    assert_true(hash_equal(&digest, &same));
    assert_int_equal(exec_apply(rig->exec, &block.in, &o), ST_OK);
    assert_int_equal(o.tx_count, 0);
    exec_outcome_fini(&o);
}

/* --- catalog -------------------------------------------------------------------------------- */

static void check_write_set(struct exec_rig *rig, uint64_t before, uint64_t after)
{
    struct buf compared;
    buf_init(&compared, mem_system(), 0);
    exec_rig_compare(rig, before, after, &compared);
    struct exec_record record;
    assert_int_equal(exec_record_decode(&record, &rig->arena, rig->outcome.record), ST_OK);
    assert_true(span_equal(record.rows.write_set, buf_span(&compared)));
    buf_fini(&compared);
}

static void test_catalog_follows(void **state)
{
    struct exec_rig *rig = *state;
    struct sql_catalog *before = exec_catalog(rig->exec);
    exec_rig_do(rig, 0, table_sql);
    struct sql_catalog *after = exec_catalog(rig->exec);
    assert_null(sql_catalog_find(before, (struct span){0}, span_text("t")));
    assert_non_null(sql_catalog_find(after, (struct span){0}, span_text("t")));
    assert_true(sql_catalog_version(after) > sql_catalog_version(before));
    sql_catalog_unref(before);
    sql_catalog_unref(after);
    /* Made, filled and dropped in one block; the name is free again. */
    struct tx *tx = chain_tx_begin(rig->chain, 0);
    (void)chain_op(rig->chain, tx, "CREATE TABLE u (id integer PRIMARY KEY)");
    (void)chain_op(rig->chain, tx, "INSERT INTO u VALUES (1)");
    (void)chain_op(rig->chain, tx, "DROP TABLE u");
    (void)chain_op(rig->chain, tx, "CREATE TABLE u (id integer PRIMARY KEY, x text)");
    (void)chain_op(rig->chain, tx, "INSERT INTO u VALUES (1, 'x')");
    (void)chain_tx_end(rig->chain, tx);
    (void)exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "");
    check_write_set(rig, 1, 2);
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM u"), 1);
}

static void test_grant(void **state)
{
    struct exec_rig *rig = *state;
    exec_rig_do(rig, 0, table_sql);
    (void)exec_rig_sql(rig, 1, "INSERT INTO t VALUES (1, 1, 'a')");
    exec_rig_expect(rig, 0, "42501");
    exec_rig_do(rig, 0, "GRANT INSERT ON t TO user1");
    exec_rig_do(rig, 1, "INSERT INTO t VALUES (1, 1, 'a')");
    (void)exec_rig_sql(rig, 1, "DELETE FROM t");
    exec_rig_expect(rig, 0, "42501");
}

/* --- accounts and keys ---------------------------------------------------------------------- */

static void create(struct exec_rig *rig, const char *sql, uint32_t number)
{
    struct public_key key = chain_new_key(rig->chain, number);
    struct tx *tx = chain_tx_begin(rig->chain, 0);
    struct tx_op *op = chain_op(rig->chain, tx, sql);
    chain_param_bytes(rig->chain, op, span_of(key.bytes, key.size));
    (void)chain_tx_end(rig->chain, tx);
}

static void test_accounts(void **state)
{
    struct exec_rig *rig = *state;
    exec_rig_do(rig, 0, table_sql);
    chain_tx(rig->chain, 5000, table_sql);
    create(rig, "CALL trustsql.create_account('bank', $1, 'org7')", 5000);
    chain_tx(rig->chain, 5000, "CREATE TABLE u (id integer PRIMARY KEY)");
    create(rig, "CALL trustsql.create_account('bank', $1)", 5001);
    create(rig, "CALL trustsql.create_account('bank2', $1)", 5000);
    create(rig, "CALL trustsql.create_account('', $1)", 5002);
    create(rig, "CALL trustsql.create_account('a\tb', $1)", 5002);
    create(rig, "CALL trustsql.create_account('boss', $1, '', 'org7', true)", 5003);
    chain_tx(rig->chain, 5003, "CALL trustsql.close_account('bank')");
    chain_tx(rig->chain, 5000, "INSERT INTO u VALUES (1)");
    chain_tx(rig->chain, 1, "CALL trustsql.close_account('user1')");
    chain_tx(rig->chain, 1, "CREATE TABLE w (id integer PRIMARY KEY)");
    (void)exec_rig_apply(rig);
    static const char *const expected[] = {"28000", "", "", "42710", "42710", "22023",
                                           "22023", "", "", "28000", "",      "28000"};
    for (uint32_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        exec_rig_expect(rig, i, expected[i]);
    assert_int_equal(exec_rig_receipt(rig, 2).holder, 1);
    check_write_set(rig, 1, 2);
    sqlite3 *reader;
    struct exec_account account;
    assert_int_equal(db_reader_open(exec_db(rig->exec), &reader), ST_OK);
    assert_int_equal(exec_account_by_name(reader, span_text("bank"), &account), ST_NOT_FOUND);
    assert_int_equal(exec_account_by_name(reader, span_text("boss"), &account), ST_OK);
    assert_true(account.is_admin);
    db_reader_close(exec_db(rig->exec), reader);
}

static void test_key_must_be_one(void **state)
{
    struct exec_rig *rig = *state;
    static const char *const keys[] = {"123456789012345678901234567890123", "short", ""};
    for (int i = 0; i < 3; i++) {
        struct tx *tx = chain_tx_begin(rig->chain, 0);
        struct tx_op *op = chain_op(rig->chain, tx, "CALL trustsql.create_account('x', $1)");
        chain_param_bytes(rig->chain, op, span_text(keys[i]));
        (void)chain_tx_end(rig->chain, tx);
    }
    (void)exec_rig_apply(rig);
    for (uint32_t i = 0; i < 3; i++)
        exec_rig_expect(rig, i, "22023");
}

static void insert_with_key(struct exec_rig *rig, uint32_t account, const char *key, int64_t n)
{
    struct tx *tx = chain_tx_begin(rig->chain, account);
    struct tx_op *op = chain_op(rig->chain, tx, "INSERT INTO t (id, n) VALUES ($1, $2)");
    chain_param_int(rig->chain, op, SQL_INT4, n);
    chain_param_int(rig->chain, op, SQL_INT4, n);
    tx->idempotency_key = span_text(key);
    (void)chain_tx_end(rig->chain, tx);
}

static void test_idempotency(void **state)
{
    struct exec_rig *rig = *state;
    exec_rig_do(rig, 0, table_sql);
    insert_with_key(rig, 0, "k", 1);
    (void)exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "");
    struct hash first = rig->block->txs[0].txid;
    insert_with_key(rig, 0, "k", 1); /* The same again: nothing happens. */
    insert_with_key(rig, 0, "k", 2); /* Something else. */
    insert_with_key(rig, 0, "j", 1); /* Fails, so the key stays free … */
    insert_with_key(rig, 0, "j", 3); /* … for this. */
    insert_with_key(rig, 0, "j", 3); /* In one block, too. */
    (void)exec_rig_apply(rig);
    static const char *const expected[] = {"", "23505", "23505", "", ""};
    for (uint32_t i = 0; i < 5; i++)
        exec_rig_expect(rig, i, expected[i]);
    struct receipt r = exec_rig_receipt(rig, 0);
    assert_true(hash_is_zero(&r.write_root));
    assert_int_equal(r.ops[0].row_count, 0);
    struct cbor in = cbor_of(r.events);
    cbor_expect_array(&in, 1);
    cbor_expect_array(&in, 3);
    assert_true(span_equal(cbor_get_text(&in), span_text("first")));
    assert_true(span_equal(cbor_get_bytes(&in), hash_span(&first)));
    assert_int_equal(cbor_get_uint(&in), 2);
    assert_int_equal(cbor_end(&in), ST_OK);
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM t"), 2);
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM \"trustsql.idempotency\""), 2);
}

/* --- fuel ----------------------------------------------------------------------------------- */

#define HEAVY_READ "SELECT count(*) FROM t a, t b, t c, t d"
#define HEAVY_WRITE                                                                                \
    "INSERT INTO t SELECT 100000 + a.id, 0, '' FROM t a, t b, t c, t d WHERE a.n = b.n"

static void fill(struct exec_rig *rig, const struct chain_options *options)
{
    exec_rig_init(rig, options);
    exec_rig_do(rig, 0, table_sql);
    for (int i = 0; i < 100; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%d, %d, 'row')", i, i);
        chain_tx(rig->chain, 0, sql);
    }
    (void)exec_rig_apply(rig);
}

static void test_fuel(void **state)
{
    (void)state;
    const struct chain_options options = {.fuel_tx = 100000};
    struct exec_rig rig;
    struct exec_rig without;
    fill(&rig, &options);
    fill(&without, &options);
    chain_tx(rig.chain, 0, "UPDATE t SET n = n + 1 WHERE id < 10");
    chain_tx(rig.chain, 0, HEAVY_READ);
    chain_tx(rig.chain, 0, "CREATE TABLE u (id integer PRIMARY KEY)");
    struct tx *tx = chain_tx_begin(rig.chain, 0);
    (void)chain_op(rig.chain, tx, "INSERT INTO u VALUES (1)");
    (void)chain_op(rig.chain, tx, "CREATE TABLE w (id integer PRIMARY KEY)");
    (void)chain_op(rig.chain, tx, HEAVY_WRITE);
    (void)chain_tx_end(rig.chain, tx);
    chain_tx(rig.chain, 2, HEAVY_WRITE);
    chain_tx(rig.chain, 0, HEAVY_WRITE);
    chain_tx(rig.chain, 0, "INSERT INTO u VALUES (2)");
    (void)exec_rig_apply(&rig);
    static const char *const expected[] = {"", "54000", "", "54000", "42501", "54000", ""};
    for (uint32_t i = 0; i < 7; i++)
        exec_rig_expect(&rig, i, expected[i]);
    assert_int_equal(exec_rig_receipt(&rig, 3).failed_op, 2);
    chain_tx(without.chain, 0, "UPDATE t SET n = n + 1 WHERE id < 10");
    chain_tx(without.chain, 0, "CREATE TABLE u (id integer PRIMARY KEY)");
    chain_tx(without.chain, 0, "INSERT INTO u VALUES (2)");
    (void)exec_rig_apply(&without);
    assert_true(
        hash_equal(&rig.outcome.result.writeset_root, &without.outcome.result.writeset_root));
    exec_rig_do(&rig, 0, "CREATE TABLE w (id integer PRIMARY KEY)");
    exec_rig_fini(&rig);
    exec_rig_fini(&without);
}

/* Nine doublings of a table, with or without a new executor between. */
static struct hash run_doublings(uint64_t fuel, bool with_reopen, uint32_t *failed_count)
{
    const struct chain_options options = {.fuel_tx = fuel};
    struct exec_rig rig;
    exec_rig_init(&rig, &options);
    exec_rig_do(&rig, 0, "CREATE TABLE t (id integer PRIMARY KEY)");
    exec_rig_do(&rig, 0, "INSERT INTO t VALUES (0)");
    for (int i = 0; i < 9; i++) {
        struct tx *tx = chain_tx_begin(rig.chain, 0);
        struct tx_op *op = chain_op(rig.chain, tx, "INSERT INTO t SELECT $1 + id FROM t");
        chain_param_int(rig.chain, op, SQL_INT4, 1 << i);
        (void)chain_tx_end(rig.chain, tx);
        (void)exec_rig_apply(&rig);
        if (!rig.outcome.txs[0].is_ok) (*failed_count)++;
        if (with_reopen) exec_rig_reopen(&rig, true);
    }
    struct hash digest = exec_digest(rig.exec);
    exec_rig_fini(&rig);
    return digest;
}

/* The receipt is the same whether a statement comes from the cache or not. */
static void test_fuel_does_not_depend_on_the_cache(void **state)
{
    (void)state;
    uint32_t failed_count = 0;
    uint32_t runs = 0;
    for (uint64_t fuel = 2000; fuel < 5000; fuel += 173, runs++) {
        struct hash a = run_doublings(fuel, false, &failed_count);
        struct hash b = run_doublings(fuel, true, &failed_count);
        assert_true(hash_equal(&a, &b));
    }
    assert_true(failed_count > 4);
    assert_true(failed_count < 18 * runs - 4);
}

/* A block full of greedy transactions ends: only so much fuel is in it. */
static void test_block_fuel(void **state)
{
    (void)state;
    const struct chain_options options = {.fuel_tx = 5000000};
    struct exec_rig rig;
    fill(&rig, &options);
    for (int i = 0; i < 30; i++)
        chain_tx(rig.chain, 0, HEAVY_READ);
    chain_tx(rig.chain, 0, "INSERT INTO t VALUES (1000, 1, '')");
    (void)exec_rig_apply(&rig);
    for (uint32_t i = 0; i < 31; i++)
        exec_rig_expect(&rig, i, "54000");
    struct receipt first = exec_rig_receipt(&rig, 0);
    struct receipt last = exec_rig_receipt(&rig, 30);
    assert_string_equal(first.diag.hint, "");
    assert_string_equal(last.diag.hint, "Send it again."); /* Its own fuel was not the matter. */
    exec_rig_do(&rig, 0, "INSERT INTO t VALUES (1000, 1, '')");
    exec_rig_fini(&rig);
}

/* --- limits --------------------------------------------------------------------------------- */

static void test_many_statements(void **state)
{
    struct exec_rig *rig = *state;
    exec_rig_do(rig, 0, table_sql);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 700; i++) { /* More texts than the cache holds. */
            char sql[128];
            snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%d, %d, 'x')", round * 700 + i, i);
            chain_tx(rig->chain, 0, sql);
        }
        (void)exec_rig_apply(rig);
        for (uint32_t i = 0; i < 700; i++)
            exec_rig_expect(rig, i, "");
    }
    assert_int_equal(exec_rig_int(rig, "SELECT count(*) FROM t"), 1400);
}

static void test_too_many_result_rows(void **state)
{
    (void)state;
    const struct chain_options options = {.fuel_tx = 1u << 30};
    struct exec_rig rig;
    fill(&rig, &options);
    chain_tx(rig.chain, 0, "SELECT a.id FROM t a, t b, t c, t d");
    chain_tx(rig.chain, 0, "SELECT a.s, b.s, c.s FROM t a, t b, t c, t d");
    chain_tx(rig.chain, 0, "INSERT INTO t VALUES (1000, 1, '')");
    (void)exec_rig_apply(&rig);
    exec_rig_expect(&rig, 0, "54000");
    exec_rig_expect(&rig, 1, "54000");
    exec_rig_expect(&rig, 2, "");
    exec_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_genesis, setup, teardown),
        cmocka_unit_test_setup_teardown(test_account_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_for_the_door, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holder, setup, teardown),
        cmocka_unit_test(test_failures_leave_no_trace),
        cmocka_unit_test_setup_teardown(test_refused_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_catalog_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grant, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accounts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_must_be_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idempotency, setup, teardown),
        cmocka_unit_test(test_fuel),
        cmocka_unit_test(test_fuel_does_not_depend_on_the_cache),
        cmocka_unit_test(test_block_fuel),
        cmocka_unit_test_setup_teardown(test_many_statements, setup, teardown),
        cmocka_unit_test(test_too_many_result_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
