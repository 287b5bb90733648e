/* Goal: cores agree, execute and answer in the normal case, alone and in four; every client hears
 * once; bodies, catch-up and evidence find their way when messages do not. */
#include "node/core.h"
#include "node/wire.h"
#include "support/cmocka_all.h"
#include "support/core_rig.h"
#include "support/sample_ledger.h"

static uint64_t wanted; /* For the conditions below: clients 1 … wanted. */

static bool all_done(struct core_rig *rig)
{
    for (uint64_t i = 1; i <= wanted; i++)
        if (rig->clients[i].outcome != RIG_DONE) return false;
    return true;
}

static void test_one_alone(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(1, 1);
    wanted = 250;
    for (uint64_t i = 1; i <= wanted; i++)
        core_rig_submit(rig, 0, i);
    assert_true(core_rig_until(rig, 2000, all_done));
    assert_true(core_rig_final(rig, 0) >= 3); /* A hundred in a block. */
    for (uint64_t i = 1; i <= wanted; i++)
        assert_true(rig->clients[i].has_proof);
    core_rig_free(rig);
}

static void test_four_in_the_normal_case(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 2);
    wanted = 400;
    for (uint64_t i = 1; i <= wanted; i++) {
        core_rig_submit(rig, (uint32_t)(i % 4), i);
        if (i % 20 == 0) core_rig_run(rig, 5);
    }
    assert_true(core_rig_until(rig, 3000, all_done));
    core_rig_run(rig, 500);
    core_rig_check_equal(rig);
    for (uint32_t i = 0; i < 4; i++) {
        struct consensus_view view;
        core_view(rig->nodes[i].core, &view);
        assert_int_equal(view.view, 0);
        assert_int_equal(view.waiting_txs, 0);
        assert_int_equal(view.executed_height, view.final_height);
        assert_true(rig->nodes[i].verified == wanted); /* Each signature once on each node. */
    }
    core_rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_alone),
        cmocka_unit_test(test_four_in_the_normal_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
