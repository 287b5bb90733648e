/* Goal: engines that hear one another make blocks final in order, certify results, and go on after
 * the loss of a leader. */
#include "support/cmocka_all.h"
#include "support/engine_rig.h"

static void test_one_validator(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.count = 1, .disk_ms = 1});
    engine_rig_submit(r, 250);
    assert_true(engine_rig_settle(r, 200));
    assert_in_range(engine_rig_final_height(r, 0), 3, 10);
    engine_rig_free(r);
}

static void test_four_validators(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(
        &(struct engine_rig_options){.count = 4, .disk_ms = 1, .delay_ms_max = 2, .seed = 1});
    engine_rig_run(r, 50);
    engine_rig_submit(r, 1000);
    assert_true(engine_rig_settle(r, 500));
    struct consensus_stand stand;
    engine_rig_stand(r, 2, &stand);
    assert_int_equal(stand.view, 0);
    engine_rig_free(r);
}

static void test_leader_lost(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(
        &(struct engine_rig_options){.count = 4, .disk_ms = 1, .delay_ms_max = 2, .seed = 2});
    engine_rig_submit(r, 300);
    assert_true(engine_rig_settle(r, 500));
    engine_rig_crash(r, 0, false);
    engine_rig_submit(r, 300);
    assert_true(engine_rig_settle(r, 2000));
    engine_rig_restart(r, 0);
    engine_rig_submit(r, 300);
    assert_true(engine_rig_settle(r, 3000));
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_validator),
        cmocka_unit_test(test_four_validators),
        cmocka_unit_test(test_leader_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
