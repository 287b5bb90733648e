/* Goal: a leader that does much less than the ones before it loses its view, a first one and a slow
 * world do not make views change for ever. */
#include "support/cmocka_all.h"
#include "support/engine_rig.h"

static struct engine_rig *begin(void)
{
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){
        .count = 4, .disk_ms = 1, .delay_ms_max = 1, .pressed_ms = 200, .block_txs_max = 40});
    for (uint32_t i = 0; i < 4; i++)
        engine_rig_throttle(r, i, 39); /* Not a full block: some four thousand a second. */
    engine_rig_run(r, 100);
    return r;
}

static uint64_t view_of(struct engine_rig *r, uint32_t node)
{
    struct consensus_stand stand;
    engine_rig_stand(r, node, &stand);
    return stand.view;
}

/* More waits than anybody can do, all the time. */
static void load(struct engine_rig *r, uint64_t ms)
{
    engine_rig_submit(r, (uint32_t)ms * 10);
    engine_rig_run(r, ms);
}

static void a_slow_leader_is_replaced(void **state)
{
    (void)state;
    struct engine_rig *r = begin();
    load(r, 2000);
    assert_int_equal(view_of(r, 2), 0);
    engine_rig_throttle(r, 1, 1);
    engine_rig_crash(r, 0, true);
    engine_rig_run(r, 1500);
    engine_rig_restart(r, 0);
    assert_int_equal(view_of(r, 2), 1);
    uint64_t before = engine_rig_final_height(r, 2);
    load(r, 5000);
    assert_true(engine_rig_final_height(r, 2) > before + 10);
    assert_true(view_of(r, 2) >= 2); /* It did something, but not enough. */
    uint64_t view = view_of(r, 2);
    load(r, 4000);
    assert_int_equal(view_of(r, 2), view); /* The next one does. */
    engine_rig_free(r);
}

static void the_first_leader_has_no_floor(void **state)
{
    (void)state;
    struct engine_rig *r = begin();
    engine_rig_throttle(r, 0, 1);
    load(r, 4000);
    assert_int_equal(view_of(r, 2), 0);
    engine_rig_free(r);
}

static void a_slow_world_is_accepted(void **state)
{
    (void)state;
    struct engine_rig *r = begin();
    load(r, 2000);
    for (uint32_t i = 0; i < 4; i++)
        engine_rig_throttle(r, i, 1);
    engine_rig_crash(r, 0, true);
    engine_rig_run(r, 1500);
    engine_rig_restart(r, 0);
    for (uint64_t view = 0; view < 8 && view_of(r, 2) > view; view = view_of(r, 2))
        load(r, 4000);
    uint64_t view = view_of(r, 2);
    assert_true(view > 1); /* Somebody was suspected at first. */
    load(r, 4000);
    assert_int_equal(view_of(r, 2), view);
    engine_rig_free(r);
}

static void idle_leaders_are_not_measured(void **state)
{
    (void)state;
    struct engine_rig *r = begin();
    engine_rig_submit(r, 8000);
    engine_rig_run(r, 2000);
    engine_rig_submit(r, 1);
    engine_rig_crash(r, 0, true);
    engine_rig_run(r, 1500);
    engine_rig_restart(r, 0);
    assert_true(engine_rig_settle(r, 20000));
    uint64_t view = view_of(r, 2);
    for (int i = 0; i < 60; i++) { /* A transaction now and then. */
        engine_rig_submit(r, 1);
        engine_rig_run(r, 100);
    }
    assert_int_equal(view_of(r, 2), view);
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_slow_leader_is_replaced),
                                       cmocka_unit_test(the_first_leader_has_no_floor),
                                       cmocka_unit_test(a_slow_world_is_accepted),
                                       cmocka_unit_test(idle_leaders_are_not_measured)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
