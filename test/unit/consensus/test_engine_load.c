/* Goal: under load a block comes no faster than agreement on one, unless enough transactions wait;
 * then results and locks ride on the next first vote; and nothing of that touches a chain that has
 * little to do, or whose load ends. */
#include "support/cmocka_all.h"
#include "support/engine_forge.h"

struct tap {               /* Votes that passed, each once for every receiver. */
    bool is_one_silent;    /* Nobody hears a vote of node 3: only locks commit. */
    bool is_leader_silent; /* … nor a proposal. */
    uint32_t results;
    uint32_t lone_results;
    uint32_t lone_locks; /* Without a first vote. */
};

static bool count_votes(void *context,
                        uint32_t from,
                        uint32_t to,
                        const struct consensus_message *m)
{
    struct tap *tap = context;
    (void)to;
    if (m->kind == CONSENSUS_PROPOSAL) return !tap->is_leader_silent;
    if (m->kind != CONSENSUS_VOTE) return true;
    if (tap->is_one_silent && from == 3) return false;
    const struct statement *parts = m->vote.parts;
    bool is_alone = parts[VOTE_P1].is_null;
    if (!parts[VOTE_P3].is_null) tap->results++;
    if (!parts[VOTE_P3].is_null && is_alone && parts[VOTE_P2].is_null) tap->lone_results++;
    if (!parts[VOTE_P2].is_null && is_alone) tap->lone_locks++;
    return true;
}

static struct engine_rig *begin(uint32_t delay_ms, uint32_t execute_ms)
{
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){.mode = MODE_FAST,
                                                                       .count = 4,
                                                                       .disk_ms = 1,
                                                                       .delay_ms_max = delay_ms,
                                                                       .execute_ms = execute_ms,
                                                                       .block_txs_max = 5000});
    engine_rig_run(r, 300);
    return r;
}

/* Blocks that became final while so many transactions came every millisecond. */
static uint64_t load(struct engine_rig *r, uint32_t txs_a_ms, uint32_t ms)
{
    uint64_t before = engine_rig_final_height(r, 0);
    for (uint32_t i = 0; i < ms; i++) {
        engine_rig_submit(r, txs_a_ms);
        engine_rig_run(r, 1);
    }
    return engine_rig_final_height(r, 0) - before;
}

static void results_and_locks_ride(void **state)
{
    (void)state;
    struct engine_rig *r = begin(20, 15);
    (void)load(r, 3, 500);
    struct tap tap = {0};
    engine_rig_filter(r, count_votes, &tap);
    uint64_t blocks = load(r, 3, 1000); /* A vote whose P1 makes the quorum takes none along. */
    assert_true(tap.results >= UINT64_C(12) * (blocks - 4));
    assert_true(4 * tap.lone_results <= 3 * tap.results);
    assert_true(tap.lone_locks <= tap.results / 5);
    assert_true(engine_rig_settle(r, 200));
    engine_rig_free(r);
}

/* A transaction now and then: its result is told as soon as there is one. */
static void little_waits_for_nothing(void **state)
{
    (void)state;
    struct engine_rig *r = begin(2, 1);
    for (int i = 0; i < 20; i++) {
        engine_rig_submit(r, 5);
        assert_true(engine_rig_settle(r, 30));
    }
    engine_rig_free(r);
}

/* The last blocks are full, and no other comes: nobody waits for one. */
static void the_end_of_a_load(void **state)
{
    (void)state;
    struct engine_rig *r = begin(2, 1);
    for (int i = 0; i < 20; i++) {
        engine_rig_submit(r, 100);
        assert_true(engine_rig_settle(r, 60));
    }
    engine_rig_free(r);
}

static void blocks_follow_agreement(void **state)
{
    (void)state;
    struct engine_rig *near = begin(1, 1);
    struct engine_rig *far = begin(80, 1);
    (void)load(near, 5, 500);
    (void)load(far, 5, 500);
    uint64_t near_blocks = load(near, 5, 1000);
    uint64_t far_blocks = load(far, 5, 1000);
    uint64_t enough_blocks = load(far, 60, 1000); /* 240 wait after four milliseconds. */
    assert_in_range(near_blocks, 40, 60);
    assert_in_range(far_blocks, 7, 25); /* Not less: a quarter of T_view is the most. */
    assert_true(enough_blocks >= 2 * far_blocks);
    assert_true(engine_rig_settle(near, 300));
    assert_true(engine_rig_settle(far, 1000));
    engine_rig_free(near);
    engine_rig_free(far);
}

/* Above the block that closes an epoch nothing comes: its result is told at once. */
static void nothing_rides_above_the_close(void **state)
{
    (void)state;
    struct engine_rig *r = begin(2, 15);
    (void)load(r, 60, 300);
    engine_rig_change(r, 4, 0);
    uint64_t closed_at = 0;
    for (int i = 0; i < 2000 && engine_rig_epoch(r, 1) == 0; i++) {
        engine_rig_submit(r, 60);
        engine_rig_run(r, 1);
        const struct header *h = engine_rig_header(r, 1, engine_rig_final_height(r, 1));
        if (closed_at == 0 && (h->flags & BLOCK_EPOCH_CLOSE) != 0) closed_at = engine_rig_now(r);
    }
    assert_int_equal(engine_rig_epoch(r, 1), 1);
    assert_true(engine_rig_header(r, 1, engine_rig_base(r, 1))->tx_count > 48);
    assert_true(closed_at != 0 && engine_rig_now(r) - closed_at < 40);
    assert_true(engine_rig_settle(r, 1000));
    engine_rig_free(r);
}

static void locks_ride_where_they_commit(void **state)
{
    (void)state;
    struct engine_rig *r = begin(2, 1);
    struct tap tap = {.is_one_silent = true};
    engine_rig_filter(r, count_votes, &tap);
    uint64_t blocks = load(r, 5, 300); /* Too few of them for STRICT, where no lock waits. */
    assert_in_range(blocks, 5, 16);
    assert_true(tap.lone_locks <= 4 * blocks); /* Of nine that would leave alone. */
    tap.is_one_silent = false;
    assert_true(engine_rig_settle(r, 1000));
    engine_rig_free(r);
}

/* Many wait, and the leader proposes nothing: locks and results go alone long before its view
 * ends. */
static void nothing_waits_for_a_silent_leader(void **state)
{
    (void)state;
    struct engine_rig *r = begin(2, 1);
    struct tap tap = {.is_one_silent = true};
    engine_rig_filter(r, count_votes, &tap);
    (void)load(r, 5, 200);
    struct consensus_stand stand;
    engine_rig_stand(r, 1, &stand);
    uint64_t tip = stand.tip_height;
    tap.is_leader_silent = true;
    engine_rig_submit(r, 50);
    engine_rig_run(r, 320); /* A quarter of T_view for the lock, another for the result. */
    engine_rig_stand(r, 1, &stand);
    assert_int_equal(stand.view, 0);
    assert_true(stand.final_height >= tip);
    assert_true(stand.result_height >= tip);
    tap = (struct tap){0};
    assert_true(engine_rig_settle(r, 5000));
    engine_rig_free(r);
}

/* The leader of the next block is gone: what rode with it goes alone. */
static void a_ride_that_does_not_come(void **state)
{
    (void)state;
    struct engine_rig *r = begin(2, 1);
    (void)load(r, 5, 300);
    struct consensus_stand stand;
    engine_rig_stand(r, 0, &stand);
    uint32_t other = (stand.leader + 1) % 4;
    uint64_t tip = engine_rig_final_height(r, other);
    engine_rig_crash(r, stand.leader, true);
    engine_rig_submit(r, 50);
    engine_rig_run(r, 300); /* Less than a view change takes. */
    engine_rig_stand(r, other, &stand);
    assert_true(stand.result_height >= tip);
    assert_true(engine_rig_settle(r, 5000));
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_and_locks_ride),
        cmocka_unit_test(little_waits_for_nothing),
        cmocka_unit_test(the_end_of_a_load),
        cmocka_unit_test(blocks_follow_agreement),
        cmocka_unit_test(nothing_rides_above_the_close),
        cmocka_unit_test(locks_ride_where_they_commit),
        cmocka_unit_test(nothing_waits_for_a_silent_leader),
        cmocka_unit_test(a_ride_that_does_not_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
