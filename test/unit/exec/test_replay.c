/* Goal: the same blocks give the same digests, whatever happens between them: restarts, crashes,
 * failing reads and allocations; and the recorded write set is what really changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/change.h"
#include "support/cmocka_all.h"
#include "support/exec_rig.h"
#include "support/fail_mem.h"

#define BLOCKS 12u

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static void add_statement(struct chain_builder *b, struct tx *tx, uint32_t *seed)
{
    char sql[200];
    uint32_t id = draw(seed, 60);
    uint32_t n = draw(seed, 1000);
    switch (draw(seed, 7)) {
    case 0: snprintf(sql, sizeof sql, "DELETE FROM t WHERE id = %u", id); break;
    case 1: snprintf(sql, sizeof sql, "UPDATE t SET n = %u WHERE id > %u", n, id); break;
    case 2: snprintf(sql, sizeof sql, "UPDATE t SET id = id + 100 WHERE id = %u", id); break;
    case 3: snprintf(sql, sizeof sql, "INSERT INTO h VALUES (%u, 'heap')", n); break;
    case 4: snprintf(sql, sizeof sql, "DELETE FROM h WHERE a < %u", n / 8); break;
    default: snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%u, %u, 'text')", id, n);
    }
    (void)chain_op(b, tx, sql);
}

/* Block height of the script: the same statements for the same height. */
static void add_block(struct chain_builder *b, uint64_t height)
{
    uint32_t seed = (uint32_t)height * 77u;
    char sql[200];
    if (height == 1) {
        chain_tx(b, 0, "CREATE TABLE t (id integer PRIMARY KEY, n integer, s text)");
        chain_tx(b, 0, "CREATE INDEX t_n ON t (n)");
        chain_tx(b, 0, "CREATE TABLE h (a integer, b text)");
    }
    if (height % 4 == 0) {
        snprintf(sql, sizeof sql, "CREATE TABLE x%u (id integer PRIMARY KEY)", (unsigned)height);
        chain_tx(b, 0, sql);
        snprintf(sql, sizeof sql, "INSERT INTO x%u VALUES (1)", (unsigned)height);
        chain_tx(b, 0, sql);
    }
    if (height == 10) chain_tx(b, 0, "DROP TABLE x8");
    for (int i = 0; i < 8; i++) {
        struct tx *tx = chain_tx_begin(b, draw(&seed, 10) == 0 ? 1 : 0);
        for (uint32_t k = draw(&seed, 3) + 1; k > 0; k--)
            add_statement(b, tx, &seed);
        (void)chain_tx_end(b, tx);
    }
}

/* A chain whose mode and configuration change while it runs. */
static const struct chain_options changing = {.mode = MODE_FAST, .validators = 4, .f = 1};

/* Hash of the configuration of an epoch of the script. */
static struct hash config_of(struct chain_builder *b, uint32_t epoch)
{
    static const char *const changes[][2] = {{"consensus.view_ms", "250"}, {"consensus.f", "0"}};
    struct genesis g;
    struct arena a;
    struct buf bytes;
    struct diag diag;
    struct chain_config c;
    arena_init(&a, mem_system(), 0);
    buf_init(&bytes, mem_system(), 0);
    assert_int_equal(genesis_decode(&g, &a, chain_genesis(b)), ST_OK);
    chain_config_of_genesis(&c, &g);
    for (uint32_t i = 0; i < epoch; i++) {
        struct change change = {.kind = CHANGE_SET,
                                .subject = span_text(changes[i][0]),
                                .value = span_text(changes[i][1])};
        struct chain_config before = c;
        assert_int_equal(change_apply(&c, &before, &change, &a, &diag), ST_OK);
    }
    chain_config_encode(&bytes, &c);
    struct hash hash = chain_config_hash(buf_span(&bytes));
    buf_fini(&bytes);
    arena_fini(&a);
    return hash;
}

static void close_epoch(struct chain_builder *b, uint32_t epoch)
{
    struct hash hash = config_of(b, epoch);
    chain_epoch_close(b, &hash, 1);
}

/* Votes in blocks 1 and 6, closes of the epoch in blocks 2 and 9, and votes that are rolled back.
 */
static void add_changes(struct chain_builder *b, uint64_t height)
{
    for (uint32_t account = 0; account < 3; account++) {
        if (height == 1)
            chain_tx(b, account, "CALL trustsql.chain_set('consensus.view_ms', '250')");
        if (height == 6)
            chain_tx(b, account, "CALL trustsql.chain_set('consensus.f', '0', force => true)");
    }
    if (height == 4) {
        struct tx *tx = chain_tx_begin(b, 0);
        (void)chain_op(b, tx, "CALL trustsql.chain_set('fuel_tx', '7')");
        (void)chain_op(b, tx, "INSERT INTO nowhere VALUES (1)");
        (void)chain_tx_end(b, tx);
    }
    if (height == 2) close_epoch(b, 1);
    if (height == 9) close_epoch(b, 2);
}

static void run_block(struct exec_rig *rig)
{
    add_block(rig->chain, exec_height(rig->exec) + 1);
    add_changes(rig->chain, exec_height(rig->exec) + 1);
    (void)exec_rig_apply(rig);
}

/* Digests of heights 0…BLOCKS of an undisturbed run. */
static void reference(struct hash digests[BLOCKS + 1])
{
    struct exec_rig rig;
    exec_rig_init(&rig, &changing);
    digests[0] = exec_digest(rig.exec);
    uint32_t ok_count = 0;
    for (uint32_t h = 1; h <= BLOCKS; h++) {
        run_block(&rig);
        digests[h] = exec_digest(rig.exec);
        assert_true(hash_equal(&digests[h], &rig.outcome.digest));
        assert_true(hash_equal(&digests[h - 1], &rig.outcome.digest_before));
        for (uint32_t i = 0; i < rig.outcome.tx_count; i++)
            ok_count += rig.outcome.txs[i].is_ok;
    }
    assert_in_range(ok_count, 4 * BLOCKS, 8 * BLOCKS); /* Both kinds are there. */
    exec_rig_fini(&rig);
}

static void test_restart_at_every_height(void **state)
{
    (void)state;
    struct hash digests[BLOCKS + 1];
    reference(digests);
    struct exec_rig rig;
    exec_rig_init(&rig, &changing);
    for (uint32_t h = 1; h <= BLOCKS; h++) {
        run_block(&rig);
        exec_rig_reopen(&rig, true);
        assert_int_equal(exec_height(rig.exec), h);
        struct hash digest = exec_digest(rig.exec);
        assert_true(hash_equal(&digest, &digests[h]));
        struct merkle_tree history;
        exec_history(rig.exec, &history);
        assert_int_equal(history.count, h);
    }
    exec_rig_fini(&rig);
}

/* The power goes without a checkpoint: the blocks since the last one are applied again. */
static void test_replay_after_a_crash(void **state)
{
    (void)state;
    struct hash digests[BLOCKS + 1];
    reference(digests);
    struct exec_rig rig;
    exec_rig_init(&rig, &changing);
    const struct chain_block *blocks[BLOCKS + 1];
    struct hash history = {{0}};
    for (uint32_t h = 1; h <= BLOCKS; h++) {
        run_block(&rig);
        blocks[h] = rig.block;
        uint64_t height;
        if (h == 5) assert_int_equal(db_checkpoint(exec_db(rig.exec), &height), ST_OK);
    }
    struct merkle_tree tree;
    exec_history(rig.exec, &tree);
    history = merkle_tree_root(&tree);
    exec_rig_reopen(&rig, false);
    assert_int_equal(exec_height(rig.exec), 5);
    for (uint32_t h = 6; h <= BLOCKS; h++) {
        assert_int_equal(exec_apply(rig.exec, &blocks[h]->in, &rig.outcome), ST_OK);
        struct hash digest = exec_digest(rig.exec);
        assert_true(hash_equal(&digest, &digests[h]));
    }
    exec_history(rig.exec, &tree);
    struct hash again = merkle_tree_root(&tree);
    assert_true(hash_equal(&again, &history));
    exec_rig_fini(&rig);
}

static void test_write_set_is_what_changed(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &changing);
    for (uint32_t h = 1; h <= BLOCKS; h++) {
        run_block(&rig);
        if (h == 1) continue; /* Height 0 as a view is the newest. */
        struct buf compared;
        buf_init(&compared, mem_system(), 0);
        exec_rig_compare(&rig, h - 1, h, &compared);
        struct exec_record record;
        assert_int_equal(exec_record_decode(&record, &rig.arena, rig.outcome.record), ST_OK);
        assert_true(span_equal(record.rows.write_set, buf_span(&compared)));
        buf_fini(&compared);
    }
    exec_rig_fini(&rig);
}

/* The same transactions in blocks of another size end in the same rows. */
static void test_other_block_boundaries(void **state)
{
    (void)state;
    struct hash contents[3];
    for (uint32_t size = 0; size < 3; size++) {
        struct exec_rig rig;
        exec_rig_init(&rig, NULL);
        for (uint64_t script = 1; script <= BLOCKS; script++) {
            add_block(rig.chain, script);
            if (script % (size + 1) == 0) (void)exec_rig_apply(&rig);
        }
        (void)exec_rig_apply(&rig);
        contents[size] = exec_rig_contents(&rig);
        assert_true(hash_equal(&contents[size], &contents[0]));
        exec_rig_fini(&rig);
    }
}

/* --- the record ----------------------------------------------------------------------------- */

static void test_record(void **state)
{
    (void)state;
    struct exec_rig rig;
    exec_rig_init(&rig, &changing);
    run_block(&rig);
    struct span bytes = rig.outcome.record;
    struct exec_record record;
    assert_int_equal(exec_record_decode(&record, &rig.arena, bytes), ST_OK);
    assert_int_equal(record.result.height, 1);
    assert_true(hash_equal(&record.digest, &rig.outcome.digest));
    assert_int_equal(record.receipt_count, rig.outcome.tx_count);
    for (uint32_t i = 0; i < record.receipt_count; i++)
        assert_true(span_equal(record.receipts[i], rig.outcome.txs[i].receipt));
    uint8_t *copy = malloc(bytes.size + 1);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = 0;
    assert_int_not_equal(exec_record_decode(&record, &rig.arena, span_of(copy, bytes.size + 1)),
                         ST_OK);
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_not_equal(exec_record_decode(&record, &rig.arena, span_of(copy, size)), ST_OK);
    size_t fixed = 3 + 6 * (HASH_SIZE + 2); /* Version to digest. */
    for (size_t at = 0; at < fixed; at++) {
        copy[at] ^= 1;
        enum status st = exec_record_decode(&record, &rig.arena, span_of(copy, bytes.size));
        assert_int_not_equal(st, ST_OK);
        copy[at] ^= 1;
    }
    free(copy);
    exec_rig_fini(&rig);
}

/* --- faults --------------------------------------------------------------------------------- */

static struct exec *try_open(struct exec_rig *rig, struct mem *mem, enum status *st)
{
    char what[DB_WHAT_MAX];
    struct exec *e = NULL;
    const struct exec_config config = {.os = fake_os_table(rig->os),
                                       .mem = mem,
                                       .path = "main.db",
                                       .genesis = chain_genesis(rig->chain)};
    *st = exec_open(&e, &config, what);
    if (*st != ST_OK) assert_true(what[0] != 0);
    return e;
}

/* Fail allocation n, n = 1, 2, …, while a new chain opens and applies two blocks. */
static void test_failing_memory(void **state)
{
    (void)state;
    struct hash digests[BLOCKS + 1];
    reference(digests);
    uint32_t step = 1;
    for (uint64_t n = 1;; n += step) {
        struct exec_rig rig = {.os = fake_os_new(1), .chain = chain_builder_new(&changing)};
        add_block(rig.chain, 1);
        add_changes(rig.chain, 1);
        const struct chain_block *one = chain_block_end(rig.chain);
        add_block(rig.chain, 2);
        add_changes(rig.chain, 2);
        const struct chain_block *two = chain_block_end(rig.chain);
        struct fail_mem mem;
        fail_mem_init(&mem, n);
        enum status st;
        struct exec_outcome o;
        exec_outcome_init(&o, &mem.mem);
        struct exec *e = try_open(&rig, &mem.mem, &st);
        if (st == ST_OK) st = exec_apply(e, &one->in, &o);
        if (st == ST_OK) st = exec_apply(e, &two->in, &o);
        if (e != NULL) {
            struct hash digest = exec_digest(e);
            assert_true(hash_equal(&digest, &digests[exec_height(e)]));
        }
        /* A failure stops nothing but the node: the same executor could go on. */
        if (e != NULL && st != ST_OK && exec_height(e) == 0)
            assert_int_equal(exec_apply(e, &one->in, &o), ST_OK);
        if (e != NULL && st != ST_OK) {
            struct hash digest = exec_digest(e);
            assert_true(hash_equal(&digest, &digests[exec_height(e)]));
        }
        exec_outcome_fini(&o);
        exec_close(e);
        chain_builder_free(rig.chain);
        fake_os_free(rig.os);
        assert_int_equal(mem.live, 0);
        if (st == ST_OK && mem.calls < n) break;
        assert_int_equal(st, ST_NO_MEMORY);
        if (n > 200) step = 7; /* Later calls repeat the earlier ones' places. */
    }
}

/* Every read of the file fails in turn: a status, never a receipt. */
static void test_failing_reads(void **state)
{
    (void)state;
    struct hash digests[BLOCKS + 1];
    reference(digests);
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        struct exec_rig rig;
        exec_rig_init(&rig, &changing);
        for (uint32_t h = 1; h <= 5; h++)
            run_block(&rig);
        exec_rig_reopen(&rig, true); /* Nothing is cached now. */
        add_block(rig.chain, 6);
        add_changes(rig.chain, 6);
        const struct chain_block *block = chain_block_end(rig.chain);
        fake_os_fail(rig.os, FAKE_OS_READ, n, ST_IO);
        enum status st = exec_apply(rig.exec, &block->in, &rig.outcome);
        has_failed = fake_os_has_failed(rig.os);
        assert_int_equal(st, has_failed ? ST_IO : ST_OK);
        fake_os_heal(rig.os);
        if (has_failed) {
            assert_int_equal(exec_height(rig.exec), 5);
            exec_rig_reopen(&rig, false);
            assert_int_equal(exec_apply(rig.exec, &block->in, &rig.outcome), ST_OK);
        }
        struct hash digest = exec_digest(rig.exec);
        assert_true(hash_equal(&digest, &digests[6]));
        exec_rig_fini(&rig);
    }
}

/* --- cost: only when asked, BENCH=1 --------------------------------------------------------- */

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void test_cost(void **state)
{
    (void)state;
    if (getenv("BENCH") == NULL) skip();
    enum { ROWS = 100000, BLOCK = 500 };
    const struct chain_options options = {.account_count = 1000};
    struct exec_rig rig;
    exec_rig_init(&rig, &options);
    exec_rig_do(&rig, 0, "CREATE TABLE t (id bigint PRIMARY KEY, n integer, s text)");
    exec_rig_do(&rig, 0, "CREATE INDEX t_n ON t (n)");
    for (int i = 1; i < 1000; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "GRANT INSERT ON t TO user%d", i);
        chain_tx(rig.chain, 0, sql);
    }
    (void)exec_rig_apply(&rig);
    char text[201];
    memset(text, 'x', 200);
    text[200] = 0;
    static const struct chain_block *blocks[ROWS / BLOCK];
    for (uint32_t i = 0; i < ROWS; i += BLOCK) {
        for (uint32_t k = i; k < i + BLOCK; k++) {
            struct tx *tx = chain_tx_begin(rig.chain, k % 1000);
            struct tx_op *op = chain_op(rig.chain, tx, "INSERT INTO t VALUES ($1, $2, $3)");
            chain_param_int(rig.chain, op, SQL_INT8, (int64_t)k * 7919 % 1000003);
            chain_param_int(rig.chain, op, SQL_INT4, (int64_t)k * 104729 % 1000003);
            chain_param_text(rig.chain, op, text);
            (void)chain_tx_end(rig.chain, tx);
        }
        blocks[i / BLOCK] = chain_block_end(rig.chain);
    }
    printf("applying\n");
    double used = 0;
    double last = 0;
    for (uint32_t i = 0; i < ROWS / BLOCK; i++) {
        double start = cpu_us();
        assert_int_equal(exec_apply(rig.exec, &blocks[i]->in, &rig.outcome), ST_OK);
        last = cpu_us() - start;
        used += last;
        assert_true(rig.outcome.txs[0].is_ok);
    }
    printf("%.2f us a transaction, %.2f in the last block\n", used / ROWS, last / BLOCK);
    exec_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restart_at_every_height),
        cmocka_unit_test(test_replay_after_a_crash),
        cmocka_unit_test(test_write_set_is_what_changed),
        cmocka_unit_test(test_other_block_boundaries),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_failing_memory),
        cmocka_unit_test(test_failing_reads),
        cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
