/* Goal: jobs of the disk are done in their order: whatever the power leaves of them, a record is
 * never there without the blocks that a job before it made durable. */
#include "node/storage.h"

#include "support/cmocka_all.h"
#include "support/store_rig.h"

#define SLOT  0u
#define SEEDS 8u

/* Catch-up's block, which is settled, and the record of an engine that finalised it by votes. */
static enum status catch_up_and_promise(struct store_rig *r)
{
    struct flow_block block = {.header = {.height = 1}, .hash = store_rig_hash(1, r->salt)};
    buf_init(&block.bytes, mem_system(), 0);
    store_rig_block(&block.bytes, 1, r->salt);
    struct storage_job *append = storage_job_new(mem_system(), SLOT, span_of(NULL, 0));
    struct storage_job *promise = storage_job_new(mem_system(), SLOT, span_text("final 1"));
    assert_non_null(append);
    assert_non_null(promise);
    append->append = &block;
    append->needs_settle = true;
    promise->needs_sync = true;
    struct storage_job *jobs[] = {append, promise};
    enum status st = storage_perform(r->store, jobs, 2);
    assert_int_equal(append->status, st);
    assert_int_equal(promise->status, st);
    storage_job_free(mem_system(), append);
    storage_job_free(mem_system(), promise);
    buf_fini(&block.bytes);
    return st;
}

/* True: there is a record, and so there must be the block. */
static bool look(struct store_rig *r)
{
    struct buf record;
    buf_init(&record, mem_system(), 0);
    assert_int_equal(store_rig_open(r), ST_OK);
    enum status st = store_journal_read(r->store, SLOT, &record);
    assert_true(st == ST_OK || st == ST_NOT_FOUND);
    if (st == ST_OK) assert_int_equal(store_height(r->store), 1);
    buf_fini(&record);
    return st == ST_OK;
}

static void init(struct store_rig *r, uint64_t seed)
{
    store_rig_init(r, seed);
    struct os *os = fake_os_table(r->fake);
    assert_int_equal(os->make_dir(os, "node"), ST_OK);
    assert_int_equal(os->sync_dir(os, "."), ST_OK);
    assert_int_equal(store_rig_open(r), ST_OK);
}

static void record_comes_after_what_is_settled(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        for (uint64_t n = 1;; n++) {
            struct store_rig r;
            init(&r, seed * 1000 + n);
            fake_os_cut_power(r.fake, n);
            enum status st = catch_up_and_promise(&r);
            bool is_done = !fake_os_has_failed(r.fake);
            assert_true(is_done == (st == ST_OK));
            store_rig_close(&r);
            fake_os_crash(r.fake, seed % 2 == 0 ? FAKE_OS_LOSE_ALL : FAKE_OS_LOSE_SOME);
            bool is_promised = look(&r);
            if (is_done) assert_true(is_promised);
            store_rig_fini(&r);
            if (is_done) break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_comes_after_what_is_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
