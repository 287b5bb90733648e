/* Goal: while clients write, a validator is added, dropped, gets another key, an observer follows,
 * and a node that lags goes through two epochs: nothing acknowledged is lost, all have the same
 * blocks, and who belongs to the new epoch is needed in it. */
#include "node/core.h"
#include "support/cmocka_all.h"
#include "support/core_rig.h"
#include "support/sample_ledger.h"

#define DECISION 4000u /* Numbers of transactions that decide; all others are load. */
#define DOORS    3u    /* Clients are at the first three machines: these stay. */
#define NEW_KEY  20u

static uint32_t sent;
static uint32_t decisions;
static uint64_t wanted_epoch;

/* A transaction at one of the doors every ten milliseconds. */
static void load(struct core_rig *rig)
{
    if (rig->ms % 10 == 0 && sent + 1 < DECISION) {
        sent++;
        core_rig_submit(rig, sent % DOORS, sent);
    }
    core_rig_run(rig, 1);
}

static bool are_in_epoch(const struct core_rig *rig)
{
    for (uint32_t i = 0; i < rig->n; i++) {
        bool is_cut = rig->is_cut[i][(i + 1) % rig->n];
        if (!is_cut && core_rig_epoch(rig, i) < wanted_epoch) return false;
    }
    return true;
}

static void load_until_epoch(struct core_rig *rig, uint64_t epoch)
{
    wanted_epoch = epoch;
    for (uint32_t i = 0; i < 8000 && !are_in_epoch(rig); i++)
        load(rig);
    for (uint32_t i = 0; i < rig->n && !are_in_epoch(rig); i++)
        print_message("machine %u: epoch %llu, final %llu, executed %llu\n", i,
                      (unsigned long long)core_rig_epoch(rig, i),
                      (unsigned long long)core_rig_final(rig, i),
                      (unsigned long long)core_rig_executed(rig, i));
    assert_true(are_in_epoch(rig));
}

static bool all_answered(struct core_rig *rig)
{
    for (uint32_t i = 1; i <= sent; i++)
        if (rig->clients[i].outcome != RIG_DONE) return false;
    for (uint32_t i = 0; i < decisions; i++)
        if (rig->clients[DECISION + i].outcome != RIG_DONE) return false;
    return true;
}

static void begin(struct core_rig *rig)
{
    sent = decisions = 0;
    for (uint32_t i = 0; i < 300; i++)
        load(rig);
}

static void decide(struct core_rig *rig, void (*change)(struct chain_config *config))
{
    uint32_t number = DECISION + decisions++;
    core_rig_decide(rig, number, 0, change);
    core_rig_submit(rig, 1, number);
}

/* Everything that clients sent is final; all blocks are the same. */
static void end(struct core_rig *rig)
{
    for (uint32_t i = 0; i < 500; i++)
        load(rig);
    assert_true(core_rig_until(rig, 8000, all_answered));
    core_rig_check_equal(rig);
    for (uint32_t i = 0; i < rig->n; i++)
        assert_int_equal(rig->nodes[i].failed, ST_OK);
    core_rig_free(rig);
}

/* With this machine cut off for a while the others are just a quorum, or just none. */
static void load_without(struct core_rig *rig, uint32_t machine, bool is_enough)
{
    uint64_t before = core_rig_final(rig, 0);
    core_rig_cut(rig, machine, true);
    for (uint32_t i = 0; i < 4000; i++)
        load(rig);
    if (is_enough)
        assert_true(core_rig_final(rig, 0) > before + 20);
    else
        assert_true(core_rig_final(rig, 0) <= before + 20);
    core_rig_cut(rig, machine, false);
}

/* --- who comes and goes ------------------------------------------------------------------------
 */

static void add_fifth(struct chain_config *config)
{
    struct secret_key secret = sample_node_secret(4);
    config->nodes[4] = (struct chain_node){.organisation = span_text("Bank E"),
                                           .node_name = span_text("n4"),
                                           .node_key = sample_public(&secret)};
    config->validator_count = config->node_count = 5;
}

static void test_a_fifth_is_added(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 51);
    begin(rig);
    uint32_t fifth = core_rig_join(rig, 4);
    decide(rig, add_fifth);
    load_until_epoch(rig, 1);
    for (uint32_t i = 0; i < 500; i++)
        load(rig);
    assert_true(core_rig_final(rig, fifth) + 5 > core_rig_final(rig, 0));
    load_without(rig, 3, true); /* Four of five: the new one is needed. */
    end(rig);
}

static void drop_last(struct chain_config *config)
{
    config->validator_count = --config->node_count;
}

static void test_the_fifth_is_dropped(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(5, 52);
    begin(rig);
    decide(rig, drop_last);
    load_until_epoch(rig, 1);
    uint64_t last = core_rig_final(rig, 4);
    for (uint32_t i = 0; i < 500; i++)
        load(rig);
    /* Who is out has all of its last epoch and nothing more. */
    assert_int_equal(core_rig_final(rig, 4), last);
    assert_true(core_rig_final(rig, 0) > last + 20);
    load_without(rig, 3, true); /* Three of four. */
    end(rig);
}

static void replace_key(struct chain_config *config)
{
    struct secret_key secret = sample_node_secret(NEW_KEY);
    config->nodes[2].node_key = sample_public(&secret);
}

static void test_a_key_is_rotated(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 53);
    begin(rig);
    rig->nodes[2].next_key = NEW_KEY;
    decide(rig, replace_key);
    load_until_epoch(rig, 1);
    load_without(rig, 3, true); /* Three of four: the one with the new key votes. */
    end(rig);
}

static void add_observer(struct chain_config *config)
{
    add_fifth(config);
    config->validator_count = 4;
}

static void promote(struct chain_config *config)
{
    config->validator_count = 5;
}

static void test_an_observer_follows_and_becomes_a_validator(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 55);
    begin(rig);
    uint32_t fifth = core_rig_join(rig, 4);
    decide(rig, add_observer);
    load_until_epoch(rig, 1);
    for (uint32_t i = 0; i < 500; i++)
        load(rig);
    assert_true(core_rig_final(rig, fifth) + 5 > core_rig_final(rig, 0));
    core_rig_submit(rig, fifth, ++sent); /* Its clients are served. */
    assert_true(core_rig_until(rig, 2000, all_answered));
    load_without(rig, fifth, true);
    decide(rig, promote);
    load_until_epoch(rig, 2);
    load_without(rig, 3, true);
    end(rig);
}

/* --- who lags ----------------------------------------------------------------------------------
 */

static void slower(struct chain_config *config)
{
    config->batch_age_ms++;
}

static bool third_is_there(struct core_rig *rig)
{
    return core_rig_epoch(rig, 3) == 2 && core_rig_executed(rig, 3) + 5 > core_rig_executed(rig, 0);
}

static void test_a_node_lags_over_two_epochs(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 56);
    begin(rig);
    core_rig_cut(rig, 3, true);
    decide(rig, slower);
    load_until_epoch(rig, 1);
    uint64_t first = core_rig_final(rig, 0);
    while (core_rig_final(rig, 0) <
           first + UINT64_C(2) * WIRE_CHAIN_BLOCKS) /* More than one answer holds. */
        load(rig);
    decide(rig, slower);
    load_until_epoch(rig, 2);
    assert_int_equal(core_rig_epoch(rig, 3), 0);
    core_rig_cut(rig, 3, false);
    assert_true(core_rig_until(rig, 8000, third_is_there));
    load_without(rig, 2, true); /* It votes again. */
    end(rig);
}

static void replace_last_key(struct chain_config *config)
{
    struct secret_key secret = sample_node_secret(NEW_KEY);
    config->nodes[3].node_key = sample_public(&secret);
}

/* It knows the chain by the old key, and so the others know it: nodes of two epochs meet. */
static void test_a_key_is_rotated_while_its_owner_is_away(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 58);
    begin(rig);
    core_rig_cut(rig, 3, true);
    rig->nodes[3].next_key = NEW_KEY;
    decide(rig, replace_last_key);
    load_until_epoch(rig, 1);
    for (uint32_t i = 0; i < 500; i++)
        load(rig);
    decide(rig, slower);
    load_until_epoch(rig, 2);
    assert_int_equal(core_rig_epoch(rig, 3), 0);
    core_rig_cut(rig, 3, false);
    assert_true(core_rig_until(rig, 8000, third_is_there));
    load_without(rig, 2, true); /* It votes, with the new key. */
    end(rig);
}

/* An idle chain closes its epoch by itself. */
static bool all_in_epoch(struct core_rig *rig)
{
    return are_in_epoch(rig);
}

static void test_an_idle_chain_goes_on_too(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 57);
    begin(rig);
    assert_true(core_rig_until(rig, 4000, all_answered));
    decide(rig, slower);
    wanted_epoch = 1;
    assert_true(core_rig_until(rig, 3000, all_in_epoch));
    end(rig);
}

static void test_one_node_alone_changes_epochs(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(1, 58);
    sent = decisions = 0;
    core_rig_run(rig, 50);
    core_rig_decide(rig, DECISION, 0, slower);
    core_rig_submit(rig, 0, DECISION);
    decisions = 1;
    wanted_epoch = 1;
    assert_true(core_rig_until(rig, 3000, all_in_epoch));
    core_rig_submit(rig, 0, ++sent);
    assert_true(core_rig_until(rig, 2000, all_answered));
    core_rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fifth_is_added),
        cmocka_unit_test(test_the_fifth_is_dropped),
        cmocka_unit_test(test_a_key_is_rotated),
        cmocka_unit_test(test_an_observer_follows_and_becomes_a_validator),
        cmocka_unit_test(test_a_node_lags_over_two_epochs),
        cmocka_unit_test(test_a_key_is_rotated_while_its_owner_is_away),
        cmocka_unit_test(test_an_idle_chain_goes_on_too),
        cmocka_unit_test(test_one_node_alone_changes_epochs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
