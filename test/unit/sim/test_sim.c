/* Goal: the simulator is a judge that can be believed: one order of events, one run from one seed,
 * planted faults found, repaired clusters live. */
#include "sim/chaos.h"
#include "sim/memory.h"
#include "sim/schedule.h"
#include "sim/twins.h"
#include "support/cmocka_all.h"

/* Time first, then the order in which things were planned. */
static void events_have_one_order(void **state)
{
    (void)state;
    struct schedule s;
    struct rng r = {7};
    schedule_init(&s);
    for (uint64_t i = 0; i < 1000; i++) {
        struct event e = {.at_us = rng_below(&r, 50), .number = i};
        schedule_add(&s, &e);
    }
    struct event before = {0};
    struct event e;
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(schedule_next_us(&s), schedule_next_us(&s));
        assert_true(schedule_take(&s, &e));
        assert_true(e.at_us >= before.at_us);
        if (i > 0 && e.at_us == before.at_us) assert_true(e.number > before.number);
        before = e;
    }
    assert_false(schedule_take(&s, &e));
    assert_int_equal(schedule_next_us(&s), UINT64_MAX);
    schedule_fini(&s);
}

/* What a process had is counted, and gone when it dies. */
static void memory_dies_with_its_process(void **state)
{
    (void)state;
    struct memory m;
    memory_init(&m);
    void *a = mem_alloc(&m.mem, 100);
    void *b = mem_alloc(&m.mem, 50);
    assert_int_equal(m.live_bytes, 150);
    a = mem_resize(&m.mem, a, 200);
    assert_non_null(a);
    assert_int_equal(m.live_bytes, 250);
    mem_free(&m.mem, b);
    assert_int_equal(m.live_bytes, 200);
    memory_drop(&m);
    assert_int_equal(m.live_bytes, 0);
    assert_int_equal(m.peak_bytes, 250);
}

static void same_seed_same_run(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct chaos_options options = {
            .seed = seed, .f = UINT32_MAX, .phases = CHAOS_ALL_PHASES, .has_step_digests = true};
        struct chaos_result a;
        struct chaos_result b;
        chaos_run(&options, &a);
        chaos_run(&options, &b);
        assert_false(a.violation.is_set);
        assert_int_equal(a.trace, b.trace);
        assert_int_equal(a.events, b.events);
        assert_true(a.blocks > 0);
        options.seed = seed + 100;
        chaos_run(&options, &b);
        assert_int_not_equal(a.trace, b.trace);
    }
}

/* The rule that a planted fault takes out is missed at once. Those of select and what comes behind
 * them are for the scenarios that name them. */
static void planted_faults_are_found(void **state)
{
    (void)state;
    for (int fault = FAULT_Q_MINUS_1; fault < FAULT_SELECT_TIE; fault++) {
        bool is_found = false;
        for (uint64_t seed = 1; seed <= 400 && !is_found; seed++) {
            struct chaos_options options = {.seed = seed,
                                            .nodes = 4,
                                            .f = UINT32_MAX,
                                            .modes = 1u << MODE_BFT | 1u << MODE_FAST,
                                            .phases = CHAOS_ALL_PHASES,
                                            .fault = (enum consensus_fault)fault};
            struct chaos_result result;
            chaos_run(&options, &result);
            is_found = result.violation.is_set && strcmp(result.violation.rule, "live") != 0;
        }
        if (!is_found) print_error("fault %s\n", consensus_fault_name((enum consensus_fault)fault));
        assert_true(is_found);
    }
}

/* A shrunk run breaks the same rule. */
static void runs_shrink(void **state)
{
    (void)state;
    struct chaos_options options = {.seed = 3,
                                    .nodes = 4,
                                    .f = UINT32_MAX,
                                    .phases = CHAOS_ALL_PHASES,
                                    .fault = FAULT_JOURNAL_NOSYNC};
    struct chaos_result result;
    chaos_run(&options, &result);
    assert_true(result.violation.is_set);
    options.phases = chaos_shrink(&options, &result.violation);
    assert_int_equal(options.phases, 0); /* It needs no trouble at all. */
    struct chaos_result again;
    chaos_run(&options, &again);
    assert_string_equal(again.violation.rule, result.violation.rule);
}

static void twins_are_harmless(void **state)
{
    (void)state;
    assert_int_equal(twins_schedules(4), (uint64_t)1 << 18);
    for (uint64_t number = 1; number <= 10; number++) {
        struct twins_options options = {.number = number, .nodes = 4};
        struct twins_result result;
        twins_run(&options, &result);
        assert_false(result.violation.is_set);
    }
    bool is_found = false;
    for (uint64_t number = 1; number <= 50 && !is_found; number++) {
        struct twins_options options = {.number = number, .nodes = 4, .fault = FAULT_Q_MINUS_1};
        struct twins_result result;
        twins_run(&options, &result);
        is_found = result.violation.is_set;
    }
    assert_true(is_found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_have_one_order), cmocka_unit_test(memory_dies_with_its_process),
        cmocka_unit_test(same_seed_same_run),    cmocka_unit_test(planted_faults_are_found),
        cmocka_unit_test(runs_shrink),           cmocka_unit_test(twins_are_harmless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
