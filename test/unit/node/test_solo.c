/* Goal: the engine of one validator makes a block final only after its vote is durable, in order,
 * and certifies results; a restart goes on from the newest block. */
#include "ledger/quorum.h"
#include "node/solo.h"
#include "support/cmocka_all.h"

struct rig {
    struct signer *signer;
    struct public_key key;
    struct solo engine;
    struct engine_effects effects;
    uint64_t now_ms;
};

static struct solo_config config_of(const struct rig *r)
{
    struct solo_config config = {.signer = r->signer,
                                 .node_key = {.scheme = SIGN_ED25519, .bytes = {7}},
                                 .exec_version = 1,
                                 .block_txs_max = 10,
                                 .batch_age_ms = 10};
    memset(config.chain_id.bytes, 0xc1, HASH_SIZE);
    return config;
}

static int setup(void **state)
{
    static struct rig r;
    const uint8_t seed[32] = {1};
    r = (struct rig){.now_ms = 1000000};
    assert_int_equal(signer_new(&r.signer, seed), ST_OK);
    struct solo_config config = config_of(&r);
    assert_int_equal(sign_public(r.signer, &r.key, &config.node_key), ST_OK);
    struct solo_tip tip = {.hash = config.chain_id};
    assert_int_equal(solo_init(&r.engine, &config, &tip), ST_OK);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    solo_fini(&r->engine);
    signer_free(r->signer);
    return 0;
}

static void tick(struct rig *r, uint32_t waiting)
{
    struct engine_event event = {
        .kind = ENGINE_TICK, .wall_ms = r->now_ms, .mono_ms = r->now_ms, .waiting = waiting};
    assert_int_equal(solo_step(&r->engine, &event, &r->effects), ST_OK);
}

/* Asks for a batch and gives it; returns the lsn to make durable. */
static uint64_t propose(struct rig *r, uint32_t tx_count)
{
    assert_int_equal(r->effects.count, 1);
    assert_int_equal(r->effects.items[0].kind, ENGINE_NEED_BATCH);
    struct engine_event event = {.kind = ENGINE_BATCH,
                                 .wall_ms = r->now_ms,
                                 .mono_ms = r->now_ms,
                                 .batch = {.tx_count = tx_count, .body_size = 100}};
    assert_int_equal(solo_step(&r->engine, &event, &r->effects), ST_OK);
    assert_int_equal(r->effects.count, 3);
    assert_int_equal(r->effects.items[0].kind, ENGINE_PROPOSE);
    assert_int_equal(r->effects.items[1].kind, ENGINE_WRITE);
    assert_int_equal(r->effects.items[1].height, r->effects.items[0].height);
    assert_int_equal(r->effects.items[2].kind, ENGINE_SYNC);
    return r->effects.items[2].lsn;
}

static enum status persist(struct rig *r, uint64_t lsn)
{
    struct engine_event event = {.kind = ENGINE_PERSISTED, .lsn = lsn};
    return solo_step(&r->engine, &event, &r->effects);
}

static enum status execute(struct rig *r, uint64_t height)
{
    struct engine_event event = {.kind = ENGINE_EXECUTED, .height = height};
    memset(event.digest.bytes, (int)height, HASH_SIZE);
    return solo_step(&r->engine, &event, &r->effects);
}

static void test_block_is_final_only_when_durable(void **state)
{
    struct rig *r = *state;
    tick(r, 1);
    uint64_t lsn = propose(r, 1);
    tick(r, 0);
    assert_int_equal(r->effects.count, 0);
    assert_int_equal(r->engine.final_height, 0);
    assert_int_equal(persist(r, lsn), ST_OK);
    assert_int_equal(r->effects.count, 1);
    assert_int_equal(r->effects.items[0].kind, ENGINE_FINAL);
    assert_int_equal(r->effects.items[0].height, 1);
    struct solo_config config = config_of(r);
    struct validators validators = {.mode = MODE_BFT, .count = 1, .keys = {r->key}};
    assert_int_equal(quorum_check_commit(&validators, r->effects.items[0].final_cert, r->signer,
                                         &config.chain_id),
                     ST_OK);
}

static void test_blocks_in_flight_become_final_in_order(void **state)
{
    struct rig *r = *state;
    uint64_t lsn = 0;
    for (int i = 0; i < 3; i++) {
        r->now_ms += 20; /* Older than the batch age, so the window is used. */
        tick(r, 1);
        if (r->effects.count == 0) {
            r->now_ms += 20;
            tick(r, 1);
        }
        lsn = propose(r, 1);
    }
    assert_int_equal(persist(r, lsn), ST_OK);
    assert_int_equal(r->effects.count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(r->effects.items[i].height, i + 1);
    assert_int_equal(execute(r, 2), ST_INVALID); /* Out of order. */
    assert_int_equal(execute(r, 1), ST_OK);
    assert_int_equal(r->effects.items[1].kind, ENGINE_RESULT);
}

static void test_window_bounds_what_is_in_flight(void **state)
{
    struct rig *r = *state;
    uint32_t proposed = 0;
    for (int i = 0; i < 100; i++) {
        r->now_ms += 20;
        tick(r, 1);
        if (r->effects.count == 0) continue;
        (void)propose(r, 1);
        proposed++;
    }
    assert_int_equal(proposed, ENGINE_WINDOW);
}

static void test_waiting_transactions_batch_while_one_is_in_flight(void **state)
{
    struct rig *r = *state;
    tick(r, 1);
    (void)propose(r, 1);
    tick(r, 1);
    assert_int_equal(r->effects.count, 0); /* Young and few. */
    tick(r, 10);
    assert_int_equal(r->effects.count, 1); /* A full batch. */
}

static void test_result_of_transactions_gets_into_a_header(void **state)
{
    struct rig *r = *state;
    tick(r, 1);
    assert_int_equal(persist(r, propose(r, 1)), ST_OK);
    assert_int_equal(execute(r, 1), ST_OK);
    r->now_ms += SOLO_CERTIFY_MS - 1;
    tick(r, 0);
    assert_int_equal(r->effects.count, 0);
    r->now_ms += 1;
    tick(r, 0);
    uint64_t lsn = propose(r, 0);
    assert_int_equal(r->effects.items[0].header.res_height, 1);
    assert_int_equal(r->effects.items[0].header.final_height, 1);
    assert_int_equal(persist(r, lsn), ST_OK);
    assert_int_equal(execute(r, 2), ST_OK);
    r->now_ms += UINT64_C(2) * SOLO_CERTIFY_MS;
    tick(r, 0);
    assert_int_equal(r->effects.count, 0); /* An empty block needs no other. */
    r->now_ms += SOLO_HEARTBEAT_MS;
    tick(r, 0);
    assert_int_equal(r->effects.count, 1);
}

static void test_time_ascends_when_the_clock_does_not(void **state)
{
    struct rig *r = *state;
    tick(r, 1);
    uint64_t first = r->effects.items[0].time_ms;
    assert_int_equal(persist(r, propose(r, 1)), ST_OK);
    r->now_ms -= 100;
    tick(r, 1);
    assert_int_equal(r->effects.items[0].time_ms, first + 1);
    assert_int_equal(persist(r, propose(r, 1)), ST_OK);
    r->now_ms -= SOLO_AHEAD_MS_MAX;
    tick(r, 1);
    assert_int_equal(r->effects.count, 0); /* Too far ahead of the clock: wait. */
}

static void test_restart_continues_from_the_tip(void **state)
{
    struct rig *r = *state;
    tick(r, 1);
    assert_int_equal(persist(r, propose(r, 1)), ST_OK);
    assert_int_equal(execute(r, 1), ST_OK);
    struct solo_tip tip = r->engine.tip;
    tip.digest = r->engine.executed_digest;
    tip.has_txs = true;
    struct certificate before = r->engine.final_cert;
    struct solo_config config = config_of(r);
    struct solo again;
    assert_int_equal(solo_init(&again, &config, &tip), ST_OK);
    assert_int_equal(again.final_height, 1);
    assert_memory_equal(&again.final_cert.statement, &before.statement, sizeof before.statement);
    r->engine = again;
    r->now_ms += SOLO_CERTIFY_MS;
    tick(r, 0); /* Starts the silence. */
    r->now_ms += SOLO_CERTIFY_MS;
    tick(r, 0);
    (void)propose(r, 0);
    assert_int_equal(r->effects.items[0].height, 2);
    assert_memory_equal(&r->effects.items[0].header.parent, &tip.hash, HASH_SIZE);
}

static void test_events_that_cannot_come_are_refused(void **state)
{
    struct rig *r = *state;
    struct engine_event batch = {.kind = ENGINE_BATCH};
    assert_int_equal(solo_step(&r->engine, &batch, &r->effects), ST_INVALID);
    assert_int_equal(persist(r, 99), ST_INVALID);
    assert_int_equal(execute(r, 1), ST_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_block_is_final_only_when_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks_in_flight_become_final_in_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_window_bounds_what_is_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_transactions_batch_while_one_is_in_flight,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_result_of_transactions_gets_into_a_header, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_time_ascends_when_the_clock_does_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart_continues_from_the_tip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_that_cannot_come_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
