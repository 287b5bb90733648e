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
    assert_int_equal(rig->proof_count, wanted);
    core_rig_free(rig);
}

/* One sync of the disk ends several waits, so votes for several heights are given together. */
static struct core_rig *run_a_pipeline(uint32_t n, uint32_t loss_percent)
{
    struct core_rig *rig = core_rig_new(n, 14);
    wanted = 3000;
    rig->sync_ms = 8;
    rig->loss_percent = loss_percent;
    for (uint64_t i = 1; i <= wanted; i++) {
        core_rig_submit(rig, (uint32_t)(i % n), i);
        if (i % 50 == 0) core_rig_run(rig, 1);
    }
    assert_true(core_rig_until(rig, 10000, all_done));
    assert_int_equal(rig->proof_count, wanted);
    return rig;
}

static void test_every_answer_of_a_pipeline_has_a_proof(void **state)
{
    (void)state;
    core_rig_free(run_a_pipeline(1, 0));
    core_rig_free(run_a_pipeline(4, 0));
    /* Votes are lost: some blocks are final through a descendant only. */
    struct core_rig *rig = run_a_pipeline(4, 2);
    assert_true(rig->by_descendant > 0);
    assert_true(rig->by_descendant < wanted);
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

static bool all_are_settled(struct core_rig *rig)
{
    for (uint32_t i = 0; i < rig->n; i++)
        if (rig->nodes[i].settled_count < rig->nodes[i].block_count) return false;
    return true;
}

/* A pause, and what was appended is settled; nothing more is asked of the disk then. */
static void test_a_pause_settles_what_was_appended(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 4; n += 3) {
        struct core_rig *rig = core_rig_new(n, 11);
        core_rig_run(rig, 5000);
        for (uint64_t i = 1; i <= 20; i++) {
            core_rig_submit(rig, 0, i);
            core_rig_run(rig, 20);
        }
        assert_false(all_are_settled(rig));
        core_rig_run(rig, 2000);
        assert_true(all_are_settled(rig));
        assert_true(core_rig_final(rig, 0) > 0);
        core_rig_free(rig);
    }
}

/* When forks crowd the disk, what flies and what is promised stays, the rest goes; blocks go on. */
static void test_crowded_disks_release_forks(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 12);
    for (uint32_t i = 0; i < rig->n; i++)
        rig->nodes[i].is_crowded = true;
    for (uint64_t i = 1; i <= 1000; i++) {
        core_rig_submit(rig, (uint32_t)(i % 4), i);
        core_rig_run(rig, 30);
    }
    for (uint32_t i = 0; i < rig->n; i++) {
        const struct core_rig_node *node = &rig->nodes[i];
        assert_in_range(node->release_count, 2, 4); /* In half a minute. */
        assert_true(node->held_count < node->block_count / 2);
    }
    core_rig_check_equal(rig);
    for (uint64_t i = 1; i <= 1000; i++)
        assert_int_equal(rig->clients[i].outcome, RIG_DONE);
    core_rig_free(rig);
}

static void submit_many(struct core_rig *rig, uint64_t first, uint64_t last, uint32_t pause_ms)
{
    for (uint64_t i = first; i <= last; i++) {
        uint32_t node = (uint32_t)(i % rig->n);
        while (rig->nodes[node].is_down)
            node = (node + 1) % rig->n;
        core_rig_submit(rig, node, i);
        if (pause_ms > 0) core_rig_run(rig, pause_ms);
    }
}

static uint8_t kind_of(const struct core_rig_message *m)
{
    return m->bytes.data[0];
}

static bool lose_gossip_to_3(struct core_rig *rig, const struct core_rig_message *m)
{
    (void)rig;
    return !(m->to == 3 && kind_of(m) == WIRE_TXS);
}

static void test_lost_transactions_are_fetched_by_leaf(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 3);
    rig->filter = lose_gossip_to_3;
    wanted = 60;
    submit_many(rig, 1, wanted, 3);
    assert_true(core_rig_until(rig, 4000, all_done));
    core_rig_run(rig, 300);
    struct consensus_view view;
    core_view(rig->nodes[3].core, &view);
    assert_int_equal(view.view, 0);
    assert_int_equal(core_rig_final(rig, 3), core_rig_final(rig, 0));
    core_rig_check_equal(rig);
    core_rig_free(rig);
}

static bool spoil_leaves_to_2(struct core_rig *rig, const struct core_rig_message *m)
{
    (void)rig;
    if (m->to == 2 && kind_of(m) == WIRE_PROPOSAL && m->bytes.size > 1000) {
        m->own[m->bytes.size - 5] ^= 1;
    }
    return true;
}

static void test_wrong_leaves_cost_their_sender_not_the_block(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 4);
    rig->filter = spoil_leaves_to_2;
    wanted = 90;
    submit_many(rig, 1, wanted, 2);
    assert_true(core_rig_until(rig, 4000, all_done));
    core_rig_run(rig, 1500);
    assert_true(core_lies(rig->nodes[2].core, 0) > 0);
    assert_int_equal(core_lies(rig->nodes[3].core, 0), 0);
    assert_int_equal(core_rig_final(rig, 2), core_rig_final(rig, 0));
    core_rig_check_equal(rig);
    core_rig_free(rig);
}

static uint64_t wanted_height;
static uint32_t watched;

static bool has_height(struct core_rig *rig)
{
    return core_rig_executed(rig, watched) >= wanted_height;
}

static void test_who_was_away_catches_up(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 5);
    core_rig_cut(rig, 3, true);
    wanted = 600;
    for (uint64_t i = 1; i <= wanted; i++) {
        core_rig_submit(rig, (uint32_t)(i % 3), i);
        core_rig_run(rig, 3);
    }
    assert_true(core_rig_until(rig, 4000, all_done));
    wanted_height = core_rig_final(rig, 0);
    watched = 3;
    print_message("%llu blocks to catch up\n", (unsigned long long)wanted_height);
    assert_true(wanted_height > 100);
    assert_int_equal(core_rig_final(rig, 3), 0);
    core_rig_cut(rig, 3, false);
    assert_true(core_rig_until(rig, 3000, has_height));
    core_rig_submit(rig, 3, wanted + 1);
    wanted++;
    assert_true(core_rig_until(rig, 3000, all_done));
    core_rig_check_equal(rig);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(core_lies(rig->nodes[3].core, i), 0);
    core_rig_free(rig);
}

/* Its first votes of the newest blocks reach node 0. */
static bool is_heard(struct core_rig *rig, uint32_t node)
{
    uint32_t signers[VOTE_PARTS];
    uint64_t height = core_rig_final(rig, 0);
    for (uint32_t i = 0; i < 4; i++)
        if (!consensus_signers(core_engine(rig->nodes[0].core), height - i, signers) ||
            (signers[VOTE_P1] >> node & 1u) == 0)
            return false;
    return true;
}

/* Blocks come faster than a round of catch-up takes: it must end among those being voted for. */
static void test_who_returns_votes_while_blocks_come_fast(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 25);
    uint64_t number = 0;
    rig->delay_ms = 1;
    core_rig_cut(rig, 3, true);
    for (uint32_t i = 0; i < 600; i++) {
        core_rig_submit(rig, i % 3, ++number);
        core_rig_run(rig, 2);
    }
    core_rig_cut(rig, 3, false);
    uint32_t heard = 0;
    for (uint32_t i = 0; i < 1200; i++) {
        core_rig_submit(rig, i % 3, ++number);
        core_rig_run(rig, 2);
        if (i >= 600 && is_heard(rig, 3)) heard++;
    }
    print_message("%llu blocks, heard after %u of 600 steps\n",
                  (unsigned long long)core_rig_final(rig, 0), heard);
    assert_true(core_rig_final(rig, 0) > 500);
    assert_true(heard > 540);
    core_rig_free(rig);
}

static bool spoil_chain_of_0(struct core_rig *rig, const struct core_rig_message *m)
{
    (void)rig;
    bool has_blocks = kind_of(m) == WIRE_CHAIN || kind_of(m) == WIRE_BLOCK_PART;
    if (m->from == 0 && has_blocks && m->bytes.size > 700) {
        m->own[m->bytes.size - 100] ^= 1; /* In the last transaction of the last block. */
    }
    return true;
}

/* Its clients' transactions are in the first of hundreds of blocks that it gets by catch-up, proven
 * by few certificates far above. */
static void test_clients_of_who_was_away_get_proofs(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 15);
    const uint64_t own = 20;
    for (uint64_t i = 1; i <= own; i++)
        core_rig_submit(rig, 3, i);
    core_rig_run(rig, 4); /* The others have them, no block does. */
    core_rig_cut(rig, 3, true);
    wanted = 1600;
    for (uint64_t i = own + 1; i <= wanted; i++) {
        core_rig_submit(rig, (uint32_t)(i % 3), i);
        core_rig_run(rig, 3);
    }
    assert_int_equal(rig->clients[1].outcome, RIG_WAITING);
    assert_true(core_rig_final(rig, 0) > core_rig_final(rig, 3) + PROOF_LATER_MAX);
    core_rig_cut(rig, 3, false);
    assert_true(core_rig_until(rig, 20000, all_done));
    assert_true(rig->later_max <= CONSENSUS_LAG_MAX);
    core_rig_free(rig);
}

static void test_lies_in_catch_up_are_named_and_passed_by(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 6);
    core_rig_cut(rig, 3, true);
    wanted = 100;
    for (uint64_t i = 1; i <= wanted; i++) {
        core_rig_submit(rig, (uint32_t)(i % 3), i);
        core_rig_run(rig, 4);
    }
    assert_true(core_rig_until(rig, 4000, all_done));
    rig->filter = spoil_chain_of_0;
    core_rig_cut(rig, 3, false);
    for (uint32_t i = 1; i < 3; i++) {
        rig->is_cut[i][3] = true; /* Only the liar is heard. */
        core_on_peer(rig->nodes[3].core, i, false);
    }
    wanted_height = core_rig_final(rig, 0);
    watched = 3;
    core_rig_run(rig, 3000);
    assert_true(core_lies(rig->nodes[3].core, 0) > 0);
    assert_true(core_rig_final(rig, 3) < wanted_height); /* What came before is proven. */
    for (uint32_t i = 1; i < 3; i++) {
        rig->is_cut[i][3] = false;
        core_on_peer(rig->nodes[3].core, i, true);
    }
    assert_true(core_rig_until(rig, 9000, has_height));
    assert_int_equal(core_lies(rig->nodes[3].core, 1), 0);
    assert_int_equal(core_lies(rig->nodes[3].core, 2), 0);
    core_rig_check_equal(rig);
    core_rig_free(rig);
}

static void test_a_lost_leader_is_replaced_and_nothing_is_forgotten(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 7);
    wanted = 30;
    submit_many(rig, 1, 10, 2);
    core_rig_run(rig, 30);
    core_rig_cut(rig, 0, true);
    for (uint64_t i = 11; i <= wanted; i++) {
        core_rig_submit(rig, 1 + (uint32_t)(i % 3), i);
        core_rig_run(rig, 5);
    }
    assert_true(core_rig_until(rig, 10000, all_done));
    struct consensus_view view;
    core_view(rig->nodes[1].core, &view);
    assert_true(view.view >= 1);
    core_rig_cut(rig, 0, false);
    core_rig_submit(rig, 0, 31);
    wanted = 31;
    assert_true(core_rig_until(rig, 10000, all_done));
    core_rig_check_equal(rig);
    core_rig_free(rig);
}

static void test_a_tenth_of_all_messages_is_lost(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 8);
    rig->loss_percent = 10;
    rig->delay_ms = 10;
    wanted = 120;
    submit_many(rig, 1, wanted, 7);
    assert_true(core_rig_until(rig, 30000, all_done));
    core_rig_check_equal(rig);
    core_rig_free(rig);
}

static void test_one_transaction_at_two_doors(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 9);
    core_rig_submit(rig, 1, 1);
    core_rig_run(rig, 3);
    /* The same one, by a client of another node, while it is on its way. */
    struct core_rig_client first = rig->clients[1];
    assert_int_equal(first.outcome, RIG_WAITING);
    struct buf bytes;
    buf_init(&bytes, mem_system(), 0);
    core_rig_tx(1, &bytes);
    struct flow_tx *t = flow_tx_new(mem_system(), buf_span(&bytes));
    assert_int_equal(tx_decode(&t->tx, &t->arena, span_of(t->bytes, t->size)), ST_OK);
    rig->clients[2].ticket.owner = &rig->clients[2];
    t->ticket = &rig->clients[2].ticket;
    t->wants_rows = true;
    core_on_tx(rig->nodes[2].core, t);
    buf_fini(&bytes);
    wanted = 2;
    assert_true(core_rig_until(rig, 2000, all_done));
    assert_int_equal(rig->clients[1].height, rig->clients[2].height);
    assert_true(rig->clients[2].has_rows);
    assert_false(rig->clients[1].has_rows);
    core_rig_free(rig);
}

static void test_a_slow_executor_reads_blocks_again(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 10);
    rig->nodes[3].is_slow_to_execute = true;
    core_rig_submit(rig, 3, 1); /* Its client waits all the time. */
    wanted = 700;
    for (uint64_t i = 2; i <= wanted; i++) {
        core_rig_submit(rig, (uint32_t)(i % 3), i);
        core_rig_run(rig, 3);
    }
    core_rig_run(rig, 200);
    assert_true(core_rig_final(rig, 3) > 200);
    assert_int_equal(rig->clients[1].outcome, RIG_WAITING);
    rig->nodes[3].is_slow_to_execute = false;
    assert_true(core_rig_until(rig, 5000, all_done));
    wanted_height = core_rig_final(rig, 0);
    watched = 3;
    assert_true(core_rig_until(rig, 5000, has_height));
    core_rig_check_equal(rig);
    core_rig_free(rig);
}

static void test_garbage_is_the_peers_fault(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 11);
    const uint8_t kinds[] = {0, WIRE_PROPOSAL, WIRE_EVIDENCE, WIRE_CONSENSUS, 200};
    for (uint32_t i = 0; i < sizeof kinds; i++) {
        uint8_t bytes[3] = {kinds[i], 0xff, 0xff};
        assert_int_equal(core_rig_inject(rig, 2, 1, CORE_URGENT, span_of(bytes, 3)), ST_INVALID);
    }
    uint8_t question[] = {WIRE_GET_CHAIN, 0x82, 1, 1};
    assert_int_equal(core_rig_inject(rig, 2, 1, CORE_URGENT, span_of(question, 4)), ST_INVALID);
    /* A flood of questions is answered in part. */
    uint64_t sent = rig->bytes_sent;
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(core_rig_inject(rig, 2, 1, CORE_BULK, span_of(question, 4)), ST_OK);
    core_rig_run(rig, 20);
    assert_true(rig->bytes_sent - sent < 100000);
    wanted = 8;
    submit_many(rig, 1, wanted, 1);
    assert_true(core_rig_until(rig, 2000, all_done));
    core_rig_free(rig);
}

static void test_stopping_answers_everybody(void **state)
{
    (void)state;
    struct core_rig *rig = core_rig_new(4, 12);
    core_rig_cut(rig, 1, true);
    core_rig_cut(rig, 2, true); /* Nothing can be agreed. */
    for (uint64_t i = 1; i <= 40; i++)
        core_rig_submit(rig, (uint32_t)(i % 4), i);
    core_rig_run(rig, 100);
    core_rig_free(rig); /* Checks that each client was answered once. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_alone),
        cmocka_unit_test(test_four_in_the_normal_case),
        cmocka_unit_test(test_a_pause_settles_what_was_appended),
        cmocka_unit_test(test_crowded_disks_release_forks),
        cmocka_unit_test(test_lost_transactions_are_fetched_by_leaf),
        cmocka_unit_test(test_every_answer_of_a_pipeline_has_a_proof),
        cmocka_unit_test(test_wrong_leaves_cost_their_sender_not_the_block),
        cmocka_unit_test(test_who_was_away_catches_up),
        cmocka_unit_test(test_who_returns_votes_while_blocks_come_fast),
        cmocka_unit_test(test_clients_of_who_was_away_get_proofs),
        cmocka_unit_test(test_lies_in_catch_up_are_named_and_passed_by),
        cmocka_unit_test(test_a_lost_leader_is_replaced_and_nothing_is_forgotten),
        cmocka_unit_test(test_a_tenth_of_all_messages_is_lost),
        cmocka_unit_test(test_one_transaction_at_two_doors),
        cmocka_unit_test(test_a_slow_executor_reads_blocks_again),
        cmocka_unit_test(test_garbage_is_the_peers_fault),
        cmocka_unit_test(test_stopping_answers_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
