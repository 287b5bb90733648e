/* Goal: blocks are executed before they are appended; whenever the power goes, the saved state is
 * behind no result and ahead of no block of the store, and tables of the chain end with what stands
 * there. */
#include "node/chain_tables.h"
#include "node/executor.h"
#include "support/cmocka_all.h"
#include "support/exec_rig.h"

#define HEIGHTS 8u

struct rig {
    struct exec_rig exec;
    struct store *store;
    const struct chain_block *blocks[HEIGHTS + 1];
};

static struct store *open_store(struct rig *r, struct fake_os *os)
{
    struct store *store = NULL;
    struct damage damage;
    struct store_config config = {.os = fake_os_table(os),
                                  .mem = mem_system(),
                                  .dir = "node",
                                  .chain_id = *chain_id(r->exec.chain)};
    assert_int_equal(store_open(&store, &config, &damage), ST_OK);
    return store;
}

static void rig_init(struct rig *r)
{
    *r = (struct rig){.store = NULL};
    exec_rig_init(&r->exec, NULL);
    assert_int_equal(fake_os_table(r->exec.os)->make_dir(fake_os_table(r->exec.os), "node"), ST_OK);
    r->store = open_store(r, r->exec.os);
}

static void rig_fini(struct rig *r)
{
    store_close(r->store);
    exec_rig_fini(&r->exec);
}

static void execute(struct rig *r, uint32_t height)
{
    chain_tx(r->exec.chain, 0,
             height == 1 ? "CREATE TABLE t (id integer PRIMARY KEY)"
                         : "INSERT INTO t VALUES ((SELECT count(*) FROM t)::integer)");
    const struct exec_outcome *outcome = exec_rig_apply(&r->exec);
    r->blocks[height] = r->exec.block;
    assert_int_equal(store_append_result(r->store, height, outcome->record), ST_OK);
}

static void append(struct rig *r, uint32_t height)
{
    struct store_block block = {
        .height = height, .hash = r->blocks[height]->hash, .bytes = r->blocks[height]->bytes};
    assert_int_equal(store_append(r->store, &block), ST_OK);
}

/* What a machine finds whose power went now. */
static void check_crash(struct rig *r, uint64_t state_expected)
{
    char what[DB_WHAT_MAX];
    struct exec *exec = NULL;
    struct fake_os *os = fake_os_copy(r->exec.os, 1);
    fake_os_crash(os, FAKE_OS_LOSE_ALL);
    struct store *store = open_store(r, os);
    const struct exec_config config = {.os = fake_os_table(os),
                                       .mem = mem_system(),
                                       .path = "main.db",
                                       .genesis = chain_genesis(r->exec.chain)};
    assert_int_equal(exec_open(&exec, &config, what), ST_OK);
    assert_int_equal(exec_height(exec), state_expected);
    assert_true(exec_height(exec) <= store_height(store));
    assert_true(exec_height(exec) <= store_result_height(store));
    exec_close(exec);
    store_close(store);
    fake_os_free(os);
}

static void the_saved_state_is_never_ahead_of_the_blocks(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    for (uint32_t h = 1; h <= HEIGHTS; h++) {
        execute(&r, h);
        if (h > 2) append(&r, h - 2); /* The store's thread is late. */
        assert_int_equal(executor_save(r.exec.exec, r.store, h), ST_OK);
        check_crash(&r, h > 2 ? h - 2 : 0);
    }
    rig_fini(&r);
}

/* A block is published a moment before its result stands in the store. */
static void the_saved_state_is_never_ahead_of_the_results(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    for (uint32_t h = 1; h <= 3; h++) {
        execute(&r, h);
        append(&r, h);
    }
    assert_int_equal(executor_save(r.exec.exec, r.store, 2), ST_OK);
    check_crash(&r, 2);
    rig_fini(&r);
}

static int64_t number(sqlite3 *reader, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(reader, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return value;
}

static void tables_end_with_what_is_stored(void **state)
{
    (void)state;
    struct rig r;
    sqlite3 *reader = NULL;
    rig_init(&r);
    struct db *db = exec_db(r.exec.exec);
    const struct chain_tables_source source = {
        .mem = mem_system(), .store = r.store, .exec = r.exec.exec};
    assert_int_equal(db_reader_open(db, &reader), ST_OK);
    assert_int_equal(chain_tables_register(reader, &source), ST_OK);
    for (uint32_t h = 1; h <= HEIGHTS; h++) {
        execute(&r, h);
        if (h > 2) append(&r, h - 2);
        assert_int_equal(number(reader, "SELECT count(*) FROM \"trustsql.blocks\""),
                         h > 2 ? h - 2 : 0);
    }
    db_reader_close(db, reader);
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_saved_state_is_never_ahead_of_the_blocks),
        cmocka_unit_test(the_saved_state_is_never_ahead_of_the_results),
        cmocka_unit_test(tables_end_with_what_is_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
