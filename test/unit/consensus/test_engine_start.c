/* Goal: an engine begins only with a key and a record that fit, gives its memory back when any
 * allocation fails, refuses events that cannot come, and the same events give the same state. */
#include "support/cmocka_all.h"
#include "support/engine_forge.h"
#include "support/fail_mem.h"

static struct consensus_start start;
static struct consensus_record record;
static struct consensus_effects effects;

static void begin(struct engine_rig *r)
{
    memset(&start, 0, sizeof start);
    start.hash = engine_rig_config(r, 0)->chain_id;
    start.digest_count = 1;
}

static void every_allocation_fails(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.count = 4});
    begin(r);
    for (uint64_t n = 1;; n++) {
        struct fail_mem f;
        fail_mem_init(&f, n);
        struct consensus *c = NULL;
        enum status st = consensus_new(&c, &f.mem, engine_rig_config(r, 0), &start);
        if (st == ST_OK) {
            consensus_free(c);
            assert_int_equal(f.live, 0);
            break;
        }
        assert_int_equal(st, ST_NO_MEMORY);
        assert_int_equal(f.live, 0);
    }
    consensus_free(NULL);
    engine_rig_free(r);
}

static void what_does_not_fit(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.count = 4});
    begin(r);
    struct consensus_config config = *engine_rig_config(r, 0);
    config.self = 1;
    struct consensus *c = NULL;
    assert_int_equal(consensus_new(&c, mem_system(), &config, &start), ST_INVALID);
    record = (struct consensus_record){.epoch = 1};
    start.record = &record;
    assert_int_equal(consensus_new(&c, mem_system(), engine_rig_config(r, 0), &start), ST_INVALID);
    engine_rig_free(r);
}

static enum status step(struct engine_rig *r, struct consensus_event event)
{
    event.mono_ms = engine_rig_now(r);
    event.wall_ms = RIG_TIME_MS + engine_rig_now(r);
    return consensus_step(engine_rig_engine(r, 1), &event, &effects);
}

static void events_that_cannot_come(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.count = 4, .disk_ms = 1});
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 1000));
    assert_int_equal(step(r, (struct consensus_event){.kind = CONSENSUS_ON_BATCH}), ST_INVALID);
    assert_int_equal(step(r, (struct consensus_event){.kind = CONSENSUS_ON_PERSISTED, .lsn = 999}),
                     ST_INVALID);
    assert_int_equal(step(r, (struct consensus_event){.kind = CONSENSUS_ON_PERSISTED}), ST_INVALID);
    assert_int_equal(step(r, (struct consensus_event){.kind = CONSENSUS_ON_EXECUTED, .height = 99}),
                     ST_INVALID);
    assert_int_equal(step(r, (struct consensus_event){.kind = CONSENSUS_ON_EXECUTED, .height = 1}),
                     ST_INVALID);
    assert_int_equal(step(r, (struct consensus_event){.kind = (enum consensus_event_kind)99}),
                     ST_INVALID);
    engine_rig_free(r);
}

static void peers_come_and_go(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.count = 4});
    struct consensus_event event = {.kind = CONSENSUS_ON_PEER, .from = 2, .is_up = true};
    assert_int_equal(step(r, event), ST_OK);
    assert_int_equal(effects.count, 1); /* Tells where it stands, at once. */
    assert_int_equal(effects.items[0].kind, CONSENSUS_SEND);
    assert_int_equal(effects.items[0].peer, 2);
    assert_int_equal(effects.items[0].message->kind, CONSENSUS_STATUS);
    event.is_up = false;
    assert_int_equal(step(r, event), ST_OK);
    assert_int_equal(effects.count, 0);
    event.from = 1; /* Itself, and nobody. */
    event.is_up = true;
    assert_int_equal(step(r, event), ST_OK);
    event.from = 9;
    assert_int_equal(step(r, event), ST_OK);
    assert_int_equal(effects.count, 0);
    engine_rig_free(r);
}

static struct hash trace_of(uint64_t seed)
{
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.count = 4,
                                                                       .seed = seed,
                                                                       .loss_permille = 50,
                                                                       .delay_ms_max = 20,
                                                                       .disk_ms = 3,
                                                                       .is_traced = true});
    engine_rig_submit(r, 500);
    engine_rig_run(r, 500);
    engine_rig_crash(r, 0, false);
    engine_rig_run(r, 3000);
    struct hash trace = engine_rig_trace(r);
    engine_rig_free(r);
    return trace;
}

static void the_same_run_twice(void **state)
{
    (void)state;
    struct hash a = trace_of(5);
    struct hash b = trace_of(5);
    struct hash c = trace_of(6);
    assert_true(hash_equal(&a, &b));
    assert_false(hash_equal(&a, &c));
}

/* Load of one validator: a block costs one sync. */
static void one_sync_a_block(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.count = 1, .disk_ms = 1});
    engine_rig_run(r, 50);
    uint32_t before = engine_rig_syncs(r, 0);
    uint64_t height = engine_rig_final_height(r, 0);
    for (int i = 0; i < 50; i++) {
        engine_rig_submit(r, 100);
        engine_rig_run(r, 10);
    }
    uint64_t blocks = engine_rig_final_height(r, 0) - height;
    assert_true(blocks >= 45);
    assert_true(engine_rig_syncs(r, 0) - before <= blocks + 2);
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails),  cmocka_unit_test(what_does_not_fit),
        cmocka_unit_test(events_that_cannot_come), cmocka_unit_test(peers_come_and_go),
        cmocka_unit_test(the_same_run_twice),      cmocka_unit_test(one_sync_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
