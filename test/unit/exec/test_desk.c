/* Goal: what a client does at a desk is seen by nobody until the chain repeats it with the same
 * results; with any others it fails with 40001 and leaves nothing. */
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "codec/cbor.h"
#include "exec/desk.h"
#include "support/cmocka_all.h"
#include "support/exec_rig.h"
#include "support/fail_mem.h"

#define OPS_MAX 16u

struct client { /* A session's side of one transaction. */
    struct exec_rig *rig;
    struct desk *desk;
    struct arena arena;
    struct exec_account account;
    const char *texts[OPS_MAX];
    struct op_result results[OPS_MAX];
    uint32_t count;
    uint64_t now_ms;
    struct desk_result last;
    struct diag diag;
};

static int setup(void **state)
{
    static struct exec_rig rig;
    const struct chain_options options = {.exec_version = 4};
    exec_rig_init(&rig, &options);
    exec_rig_do(&rig, 0, "CREATE TABLE t (id integer PRIMARY KEY, n integer NOT NULL)");
    exec_rig_do(&rig, 0, "INSERT INTO t VALUES (1, 10), (2, 20)");
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    exec_rig_fini(*state);
    return 0;
}

static void client_init(struct client *c, struct exec_rig *rig)
{
    *c = (struct client){.rig = rig};
    arena_init(&c->arena, mem_system(), 0);
    sqlite3 *reader;
    assert_int_equal(db_reader_open(exec_db(rig->exec), &reader), ST_OK);
    assert_int_equal(exec_account_by_name(reader, span_text("admin"), &c->account), ST_OK);
    db_reader_close(exec_db(rig->exec), reader);
    assert_int_equal(desk_open(&c->desk, mem_system(), rig->exec), ST_OK);
}

static void client_fini(struct client *c)
{
    desk_close(c->desk);
    arena_fini(&c->arena);
}

static void begin(struct client *c)
{
    c->count = 0;
    c->now_ms = CHAIN_TIME_MS + (exec_height(c->rig->exec) + 1) * CHAIN_BLOCK_MS;
    const struct desk_begin begin = {.account = &c->account, .now_ms = c->now_ms};
    assert_int_equal(desk_begin(c->desk, &begin), ST_OK);
}

static struct tx_op op_of(const char *text)
{
    return (struct tx_op){.kind = TX_OP_SQL, .text = span_text(text)};
}

static enum status attempt(struct client *c, const char *text)
{
    const struct tx_op op = op_of(text);
    return desk_run(c->desk, &op, &c->arena, &c->last, &c->diag);
}

static void run(struct client *c, const char *text)
{
    enum status st = attempt(c, text);
    if (st != ST_OK) print_error("%s: %s %s\n", text, c->diag.sqlstate, c->diag.message);
    assert_int_equal(st, ST_OK);
    assert_true(c->count < OPS_MAX);
    c->texts[c->count] = text;
    c->results[c->count++] = c->last.result;
}

static void refused(struct client *c, const char *text, const char *sqlstate)
{
    assert_int_equal(attempt(c, text), ST_REJECTED);
    assert_string_equal(c->diag.sqlstate, sqlstate);
}

static int64_t first_number(const struct client *c)
{
    struct span at = c->last.rows.rows;
    struct sql_value v;
    assert_true(sql_rowset_next(&at, c->last.rows.columns[0].type, &v));
    return v.integer;
}

static int64_t number(struct client *c, const char *text)
{
    assert_int_equal(attempt(c, text), ST_OK);
    return first_number(c);
}

/* What everybody sees. */
static int64_t executed(struct exec_rig *rig, const char *text)
{
    struct client c;
    client_init(&c, rig);
    begin(&c);
    const int64_t value = number(&c, text);
    client_fini(&c);
    return value;
}

static void put_expectation(struct chain_builder *b, struct tx *tx, const struct hash *hash)
{
    struct tx_op *op = chain_op(b, tx, "");
    op->kind = TX_OP_MODULE;
    op->text = span_text(EXEC_EXPECT);
    if (hash != NULL) chain_param_bytes(b, op, hash_span(hash));
}

/* Into the open block. */
static void send(struct client *c)
{
    struct chain_builder *b = c->rig->chain;
    struct tx *tx = chain_tx_begin(b, 0);
    for (uint32_t i = 0; i < c->count; i++)
        (void)chain_op(b, tx, c->texts[i]);
    const struct hash hash = op_results_hash(c->results, c->count);
    put_expectation(b, tx, &hash);
    tx->now_ms = c->now_ms;
    (void)chain_tx_end(b, tx);
    desk_end(c->desk);
}

/* SELECTs stepped by the caller have the result that execution finds. */
static void rows_can_be_stepped(void **state)
{
    struct exec_rig *rig = *state;
    struct client c;
    client_init(&c, rig);
    begin(&c);
    const struct tx_op op = op_of("SELECT id, n FROM t ORDER BY id");
    sqlite3_stmt *stmt = NULL;
    struct buf rows;
    buf_init(&rows, mem_system(), 0);
    for (int round = 0; round < 2; round++) {
        uint64_t count = 0;
        buf_reset(&rows);
        assert_int_equal(desk_read_begin(c.desk, &op, &stmt, &c.diag), ST_OK);
        for (; sqlite3_step(stmt) == SQLITE_ROW; count++)
            for (int i = 0; i < 2; i++)
                sql_rowset_put_column(&rows, stmt, i);
        assert_true(desk_read_end(c.desk, stmt));
        run(&c, "SELECT id, n FROM t ORDER BY id");
        const struct hash hash = hash_of("rows", buf_span(&rows));
        assert_true(hash_equal(&hash, &c.last.result.result_hash));
        assert_int_equal(count, c.last.result.row_count);
    }
    buf_fini(&rows);
    client_fini(&c);
}

static void what_is_the_same_is_executed(void **state)
{
    struct exec_rig *rig = *state;
    struct client c;
    client_init(&c, rig);
    begin(&c);
    run(&c, "UPDATE t SET n = n + 1 WHERE id = 1 RETURNING n");
    assert_int_equal(first_number(&c), 11);
    run(&c, "CREATE TABLE u (a integer PRIMARY KEY, at timestamptz DEFAULT now())");
    run(&c, "INSERT INTO u(a) SELECT n FROM t RETURNING a, at");
    run(&c, "SELECT count(*) FROM u, t");
    assert_int_equal(first_number(&c), 4);
    assert_int_equal(executed(rig, "SELECT n FROM t WHERE id = 1"), 10);
    send(&c);
    exec_rig_sql(rig, 1, "SELECT 1"); /* In the same block, behind it. */
    exec_rig_expect(rig, 0, "");
    assert_int_equal(executed(rig, "SELECT n FROM t WHERE id = 1"), 11);
    assert_int_equal(executed(rig, "SELECT count(*) FROM u"), 2);
    const struct exec_tx_outcome *o = &rig->outcome.txs[0];
    assert_int_equal(o->op_count, 5);
    assert_string_equal(o->ops[4].tag, "COMMIT");
    begin(&c); /* The desk sees it now. */
    assert_int_equal(number(&c, "SELECT count(*) FROM u"), 2);
    client_fini(&c);
}

static void what_is_not_the_same_is_undone(void **state)
{
    struct exec_rig *rig = *state;
    struct client c;
    client_init(&c, rig);
    begin(&c);
    run(&c, "SELECT n FROM t WHERE id = 1");
    run(&c, "UPDATE t SET n = 99 WHERE id = 2");
    exec_rig_do(rig, 0, "UPDATE t SET n = 11 WHERE id = 1");
    assert_int_equal(number(&c, "SELECT n FROM t WHERE id = 1"), 10); /* Its height. */
    send(&c);
    (void)exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "40001");
    assert_int_equal(executed(rig, "SELECT n FROM t WHERE id = 2"), 20);
    begin(&c);
    run(&c, "INSERT INTO t VALUES (3, 30)");
    exec_rig_do(rig, 0, "INSERT INTO t VALUES (3, 31)");
    send(&c);
    (void)exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "40001");
    const struct receipt r = exec_rig_receipt(rig, 0);
    assert_string_equal(r.diag.detail, "Statement 1 fails now: duplicate key value violates unique "
                                       "constraint \"t_pkey\" (23505)");
    assert_int_equal(r.failed_op, 0);
    assert_int_equal(executed(rig, "SELECT n FROM t WHERE id = 3"), 31);
    client_fini(&c);
}

/* Nobody looked: no conflict. */
static void what_nobody_saw_does_not_count(void **state)
{
    struct exec_rig *rig = *state;
    struct client a;
    struct client b;
    client_init(&a, rig);
    client_init(&b, rig);
    begin(&a);
    begin(&b);
    run(&a, "UPDATE t SET n = n + 1 WHERE id = 1");
    run(&b, "UPDATE t SET n = n + 1 WHERE id = 1");
    send(&a);
    send(&b);
    (void)exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "");
    exec_rig_expect(rig, 1, "");
    assert_int_equal(executed(rig, "SELECT n FROM t WHERE id = 1"), 12);
    client_fini(&a);
    client_fini(&b);
}

static void savepoints_and_tables_go_back(void **state)
{
    struct exec_rig *rig = *state;
    struct client c;
    client_init(&c, rig);
    begin(&c);
    run(&c, "UPDATE t SET n = 0 WHERE id = 1");
    assert_int_equal(desk_savepoint(c.desk, 0, &c.diag), ST_OK);
    assert_int_equal(attempt(&c, "CREATE TABLE u (a integer)"), ST_OK);
    assert_int_equal(attempt(&c, "INSERT INTO u VALUES (1)"), ST_OK);
    refused(&c, "INSERT INTO t VALUES (1, 1)", "23505");
    assert_int_equal(desk_rollback_to(c.desk, 0, &c.diag), ST_OK);
    refused(&c, "SELECT * FROM u", "42P01");
    assert_int_equal(attempt(&c, "CREATE TABLE u (b text, a integer)"), ST_OK);
    assert_int_equal(number(&c, "SELECT count(*) FROM u WHERE b = 'x'"), 0);
    assert_int_equal(desk_rollback_to(c.desk, 0, &c.diag), ST_OK);
    assert_int_equal(desk_release(c.desk, 0, &c.diag), ST_OK);
    assert_int_equal(number(&c, "SELECT n FROM t WHERE id = 1"), 0);
    assert_false(desk_is_lost(c.desk));
    send(&c);
    (void)exec_rig_apply(rig);
    exec_rig_expect(rig, 0, "");
    client_fini(&c);
}

static bool stop_at_once(void *context)
{
    return *(bool *)context;
}

static const char endless[] =
    "SELECT count(*) FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j,"
    " t k, t l, t m, t n, t o";

static void stopped_and_exhausted(void **state)
{
    struct exec_rig *rig = *state;
    struct client c;
    bool is_stopped = true;
    client_init(&c, rig);
    begin(&c);
    run(&c, "UPDATE t SET n = 5");
    desk_watch(c.desk, stop_at_once, &is_stopped);
    refused(&c, endless, "57014");
    is_stopped = false;
    assert_int_equal(number(&c, "SELECT count(*) FROM t"), 2);
    if (!desk_is_lost(c.desk)) assert_int_equal(number(&c, "SELECT sum(n) FROM t"), 10);
    desk_end(c.desk);
    begin(&c);
    for (int i = 0; i < 10; i++) {
        char text[120];
        (void)snprintf(text, sizeof text,
                       "INSERT INTO t SELECT max(id) + x.id, 1 FROM t, t x "
                       "GROUP BY x.id");
        enum status st = attempt(&c, text);
        if (st != ST_OK) break;
    }
    assert_int_equal(executed(rig, "SELECT count(*) FROM t"), 2);
    client_fini(&c);
}

static void expectations_have_one_form(void **state)
{
    struct exec_rig *rig = *state;
    struct chain_builder *b = rig->chain;
    const struct hash hash = {{1}};
    struct tx *tx = chain_tx_begin(b, 0);
    (void)chain_op(b, tx, "UPDATE t SET n = 1");
    put_expectation(b, tx, NULL); /* Without a hash. */
    (void)chain_tx_end(b, tx);
    tx = chain_tx_begin(b, 0);
    put_expectation(b, tx, &hash);
    (void)chain_op(b, tx, "UPDATE t SET n = 1"); /* Not the last. */
    (void)chain_tx_end(b, tx);
    tx = chain_tx_begin(b, 0);
    struct tx_op *op = chain_op(b, tx, "");
    op->kind = TX_OP_MODULE;
    op->text = span_text(EXEC_EXPECT);
    chain_param_text(b, op, "no hash");
    (void)chain_tx_end(b, tx);
    tx = chain_tx_begin(b, 0);
    op = chain_op(b, tx, "");
    op->kind = TX_OP_MODULE;
    op->text = span_text("expected");
    (void)chain_tx_end(b, tx);
    (void)exec_rig_apply(rig);
    for (uint32_t i = 0; i < 3; i++)
        exec_rig_expect(rig, i, "22023");
    exec_rig_expect(rig, 3, "0A000");
    assert_int_equal(executed(rig, "SELECT sum(n) FROM t"), 30);
}

static void older_versions_know_nothing_of_it(void **state)
{
    (void)state;
    struct exec_rig rig;
    const struct chain_options options = {.exec_version = 3};
    exec_rig_init(&rig, &options);
    const struct hash hash = {{1}};
    struct tx *tx = chain_tx_begin(rig.chain, 0);
    put_expectation(rig.chain, tx, &hash);
    (void)chain_tx_end(rig.chain, tx);
    (void)exec_rig_apply(&rig);
    exec_rig_expect(&rig, 0, "0A000");
    assert_string_equal(exec_rig_receipt(&rig, 0).diag.message,
                        "this chain runs no operations of kind 3");
    exec_rig_fini(&rig);
}

static void clocks_may_differ_a_little(void **state)
{
    struct exec_rig *rig = *state;
    struct chain_builder *b = rig->chain;
    const uint64_t block_ms = CHAIN_TIME_MS + (exec_height(rig->exec) + 1) * CHAIN_BLOCK_MS;
    static const int64_t offsets[] = {10000, 10001, -600000, -600001};
    for (size_t i = 0; i < 4; i++) {
        struct tx *tx = chain_tx_begin(b, 0);
        (void)chain_op(b, tx, "SELECT 1");
        tx->now_ms = (uint64_t)((int64_t)block_ms + offsets[i]);
        (void)chain_tx_end(b, tx);
    }
    (void)exec_rig_apply(rig);
    for (uint32_t i = 0; i < 4; i++)
        exec_rig_expect(rig, i, i % 2 == 0 ? "" : "22008");
}

/* Clients move amounts between rows by values they have read: no interleaving loses any. */
static void no_update_is_lost(void **state)
{
    struct exec_rig *rig = *state;
    enum { CLIENTS = 4 };
    struct client c[CLIENTS];
    char texts[CLIENTS][2][80];
    struct rng rng = {.state = 7};
    uint32_t count_ok = 0;
    for (int i = 0; i < CLIENTS; i++)
        client_init(&c[i], rig);
    exec_rig_do(rig, 0, "INSERT INTO t VALUES (3, 30), (4, 40)");
    for (int round = 0; round < 60; round++) {
        const uint32_t count = 1 + (uint32_t)rng_below(&rng, CLIENTS);
        for (uint32_t i = 0; i < count; i++) {
            static const char *const reads[] = {
                "", "SELECT n FROM t WHERE id = 1", "SELECT n FROM t WHERE id = 2",
                "SELECT n FROM t WHERE id = 3", "SELECT n FROM t WHERE id = 4"};
            const uint32_t from = 1 + (uint32_t)rng_below(&rng, 4);
            const uint32_t to = 1 + from % 4;
            begin(&c[i]);
            run(&c[i], reads[from]);
            const int64_t a = first_number(&c[i]);
            run(&c[i], reads[to]);
            const int64_t b = first_number(&c[i]);
            (void)snprintf(texts[i][0], 80, "UPDATE t SET n = %lld WHERE id = %u", (long long)a - 1,
                           from);
            (void)snprintf(texts[i][1], 80, "UPDATE t SET n = %lld WHERE id = %u", (long long)b + 1,
                           to);
            run(&c[i], texts[i][0]);
            run(&c[i], texts[i][1]);
        }
        for (uint32_t i = 0; i < count; i++)
            send(&c[i]);
        (void)exec_rig_apply(rig);
        for (uint32_t i = 0; i < count; i++)
            count_ok += exec_rig_receipt(rig, i).status == RECEIPT_OK;
        assert_int_equal(executed(rig, "SELECT sum(n) FROM t"), 100);
        exec_rig_expect(rig, 0, ""); /* The first always wins. */
    }
    assert_true(count_ok > 60);
    for (int i = 0; i < CLIENTS; i++)
        client_fini(&c[i]);
}

static void no_memory_at_every_call(void **state)
{
    struct exec_rig *rig = *state;
    struct client c;
    client_init(&c, rig);
    for (uint64_t n = 1;; n++) {
        struct fail_mem mem;
        struct desk *desk = NULL;
        fail_mem_init(&mem, n);
        const struct desk_begin begin = {.account = &c.account, .now_ms = CHAIN_TIME_MS};
        enum status st = desk_open(&desk, &mem.mem, rig->exec);
        if (st == ST_OK) st = desk_begin(desk, &begin);
        const struct tx_op ops[] = {op_of("CREATE TABLE u (a integer PRIMARY KEY)"),
                                    op_of("INSERT INTO u SELECT id FROM t"),
                                    op_of("SELECT * FROM u ORDER BY a")};
        for (size_t i = 0; i < 3 && st == ST_OK; i++)
            st = desk_run(desk, &ops[i], &c.arena, &c.last, &c.diag);
        desk_close(desk);
        assert_int_equal(mem.live, 0);
        if (st == ST_OK) {
            assert_true(n > 10);
            break;
        }
        assert_true(st == ST_NO_MEMORY || (st == ST_REJECTED && c.diag.sqlstate[0] == '5'));
    }
    client_fini(&c);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rows_can_be_stepped),
        CASE(what_is_the_same_is_executed),
        CASE(what_is_not_the_same_is_undone),
        CASE(what_nobody_saw_does_not_count),
        CASE(savepoints_and_tables_go_back),
        CASE(stopped_and_exhausted),
        CASE(expectations_have_one_form),
        cmocka_unit_test(older_versions_know_nothing_of_it),
        CASE(clocks_may_differ_a_little),
        CASE(no_update_is_lost),
        CASE(no_memory_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
