/* Goal: a node that crashes at any write or sync, with or without what was not synced, comes back
 * from its record: chains agree, nobody honest is convicted (the rig checks both), all goes on. */
#include "support/cmocka_all.h"
#include "support/engine_rig.h"

static void run_and_restart(struct engine_rig *r, uint32_t node, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 10) {
        engine_rig_run(r, 10);
        if (!engine_rig_is_up(r, node)) {
            engine_rig_run(r, 30);
            engine_rig_restart(r, node);
        }
    }
}

static void silence(struct engine_rig *r, uint32_t node, bool is_cut)
{
    for (uint32_t i = 0; i < 4; i++)
        if (i != node) engine_rig_cut(r, node, i, is_cut);
}

/* Three blocks and a view change; false: the node did not come to its crash. */
static bool crash_once(uint32_t node, uint32_t count, bool keeps)
{
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){
        .count = 4, .seed = count, .disk_ms = 2, .delay_ms_max = 3, .execute_ms = 1});
    engine_rig_crash_at(r, node, count, keeps);
    for (int i = 0; i < 3; i++) {
        engine_rig_submit(r, 1);
        run_and_restart(r, node, 60);
    }
    silence(r, 0, true);
    engine_rig_submit(r, 1);
    run_and_restart(r, node, 1500);
    silence(r, 0, false);
    engine_rig_submit(r, 1);
    run_and_restart(r, node, 200);
    bool is_crashed = engine_rig_writes_left(r, node) == 0;
    engine_rig_crash_at(r, node, 0, false);
    if (!engine_rig_settle(r, 60000)) fail_msg("node %u, write %u, %d", node, count, keeps);
    engine_rig_free(r);
    return is_crashed;
}

static void at_each_write(void **state)
{
    (void)state;
    for (uint32_t node = 0; node < 4; node++)
        for (int keeps = 0; keeps < 2; keeps++)
            for (uint32_t count = 1; crash_once(node, count, keeps != 0); count++)
                continue;
}

static void one_validator_at_each_write(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 20; count++) {
        struct engine_rig *r =
            engine_rig_new(&(struct engine_rig_options){.count = 1, .disk_ms = 1});
        engine_rig_crash_at(r, 0, count, count % 2 == 0);
        for (int i = 0; i < 5; i++) {
            engine_rig_submit(r, 1);
            run_and_restart(r, 0, 20);
        }
        assert_true(engine_rig_settle(r, 500)); /* Without waiting for a timer. */
        engine_rig_free(r);
    }
}

static void all_at_once(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){
        .count = 4, .disk_ms = 2, .delay_ms_max = 3, .execute_ms = 1, .block_txs_max = 5});
    for (int round = 0; round < 20; round++) {
        engine_rig_submit(r, 30);
        engine_rig_run(r, 7 + 13 * (uint64_t)round);
        for (uint32_t i = 0; i < 4; i++)
            engine_rig_crash(r, i, round % 3 == 0);
        for (uint32_t i = 0; i < 4; i++)
            engine_rig_restart(r, i);
        if (round % 4 == 3) assert_true(engine_rig_settle(r, 60000));
    }
    assert_true(engine_rig_settle(r, 60000));
    engine_rig_free(r);
}

/* The journal of an earlier time comes back, as from a snapshot of the machine. */
static void a_journal_rolled_back(void **state)
{
    (void)state;
    struct engine_rig *r =
        engine_rig_new(&(struct engine_rig_options){.count = 4, .disk_ms = 1, .delay_ms_max = 2});
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 1000));
    engine_rig_keep_journal(r, 1);
    engine_rig_submit(r, 1);
    engine_rig_run(r, 10);
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 1000));
    engine_rig_submit(r, 1);
    engine_rig_run(r, 6); /* Voted for, not final yet. */
    engine_rig_crash(r, 1, false);
    engine_rig_restart(r, 1);
    engine_rig_run(r, 300);
    assert_int_equal(engine_rig_alarms(r, ALARM_JOURNAL_ROLLED_BACK), 1);
    struct consensus_stand stand;
    engine_rig_stand(r, 1, &stand);
    assert_false(stand.is_voting);
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 5000)); /* The others go on, it follows. */
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_each_write),
        cmocka_unit_test(one_validator_at_each_write),
        cmocka_unit_test(all_at_once),
        cmocka_unit_test(a_journal_rolled_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
