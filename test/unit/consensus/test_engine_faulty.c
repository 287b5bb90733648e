/* Goal: what a faulty validator does is survived and, where it can be, proven: two blocks, two
 * votes, a false or a second view change, floods; and a follower that was led astray votes for
 * nothing until the next view. */
#include "support/cmocka_all.h"
#include "support/engine_forge.h"

static struct engine_rig *begin(uint32_t byzantine)
{
    struct engine_rig *r =
        engine_rig_new(&(struct engine_rig_options){.count = 4, .disk_ms = 1, .delay_ms_max = 1});
    engine_rig_set_byzantine(r, byzantine);
    engine_rig_run(r, 100);
    return r;
}

static struct consensus_stand stand_of(struct engine_rig *r, uint32_t node)
{
    struct consensus_stand stand;
    engine_rig_stand(r, node, &stand);
    return stand;
}

static void two_blocks_of_a_leader(void **state)
{
    (void)state;
    struct engine_rig *r = begin(0);
    struct header a = forge_first(r, 0, 1);
    struct header b = forge_first(r, 0, 2);
    struct proposal pa = forge_proposal(r, &a);
    struct proposal pb = forge_proposal(r, &b);
    assert_int_equal(forge_tell_proposal(r, 1, &pa), ST_OK);
    assert_int_equal(forge_tell_proposal(r, 1, &pb), ST_REJECTED);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E1), 1);
    struct consensus_stand stand = stand_of(r, 1);
    assert_true(stand.peers[0].is_convicted);
    assert_int_equal(stand.view, 1); /* At once. */
    (void)forge_tell_proposal(r, 1, &pb);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E1), 1); /* Once. */
    engine_rig_free(r);
}

static void give_block(struct engine_rig *r, uint32_t node, const struct header *h)
{
    struct consensus_event event = {
        .kind = CONSENSUS_ON_BODY_OK, .header = h, .hash = header_hash(h)};
    engine_rig_add_body(r, h, false);
    (void)engine_rig_step(r, node, &event);
}

static void votes_on_two_forks(void **state)
{
    (void)state;
    struct engine_rig *r = begin(3);
    struct header a1 = forge_first(r, 0, 1);
    struct header b1 = forge_first(r, 0, 2);
    struct header b2 = forge_child(r, &b1, 0, 2);
    give_block(r, 2, &b2);
    struct statement s = forge_statement(0, &a1);
    struct vote low = forge_vote(r, 3, VOTE_P1, &s);
    s = forge_statement(0, &b2);
    struct vote high = forge_vote(r, 3, VOTE_P1, &s);
    assert_int_equal(forge_tell_vote(r, 2, &low), ST_OK);
    assert_int_equal(forge_tell_vote(r, 2, &high), ST_OK);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E2), 1);
    engine_rig_free(r);
}

static void a_view_change_against_votes(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++)
        for (int part = VOTE_P1; part <= VOTE_P2; part++) {
            struct engine_rig *r = begin(3);
            struct header a = forge_first(r, 0, 1);
            struct statement s = forge_statement(0, &a);
            struct vote v = forge_vote(r, 3, (enum vote_part)part, &s);
            struct view_change vc = forge_view_change(r, 3, 1);
            if (order == 0) assert_int_equal(forge_tell_vote(r, 2, &v), ST_OK);
            assert_int_equal(forge_tell_view_change(r, 2, &vc), ST_OK);
            if (order == 1) assert_int_equal(forge_tell_vote(r, 2, &v), ST_OK);
            assert_int_equal(engine_rig_evidence(r, EVIDENCE_E3), 1);
            engine_rig_free(r);
        }
}

/* It comes inside the NEWVIEW alone, before or behind the vote that it hides. */
static void a_view_change_in_a_new_view(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        static struct new_view nv;
        struct engine_rig *r = begin(3);
        struct header a = forge_first(r, 0, 1);
        struct statement s = forge_statement(0, &a);
        struct vote v = forge_vote(r, 3, VOTE_P1, &s);
        forge_new_view(r, &nv, 1);
        nv.vcs[2] = forge_view_change(r, 3, 1); /* Claims nothing. */
        forge_sign_new_view(r, &nv);
        if (order == 0) assert_int_equal(forge_tell_vote(r, 2, &v), ST_OK);
        assert_int_equal(engine_rig_evidence(r, EVIDENCE_E3), 0);
        assert_int_equal(forge_tell_new_view(r, 2, &nv), ST_OK);
        if (order == 1) assert_int_not_equal(forge_tell_vote(r, 2, &v), ST_INVALID);
        assert_int_equal(engine_rig_evidence(r, EVIDENCE_E3), 1);
        engine_rig_free(r);
    }
}

/* The second is inside a NEWVIEW. */
static void two_view_changes_one_in_a_new_view(void **state)
{
    (void)state;
    static struct new_view nv;
    struct engine_rig *r = begin(3);
    struct view_change vc = forge_view_change(r, 3, 1);
    forge_new_view(r, &nv, 1);
    nv.vcs[2] = vc;
    forge_sign_new_view(r, &nv);
    vc.header_count = 1;
    vc.headers[0] = forge_first(r, 0, 1);
    forge_sign_view_change(r, &vc);
    assert_int_equal(forge_tell_view_change(r, 2, &vc), ST_OK);
    assert_int_equal(forge_tell_new_view(r, 2, &nv), ST_OK);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E4), 1);
    engine_rig_free(r);
}

static void two_view_changes(void **state)
{
    (void)state;
    struct engine_rig *r = begin(3);
    struct view_change vc = forge_view_change(r, 3, 1);
    assert_int_equal(forge_tell_view_change(r, 2, &vc), ST_OK);
    vc.header_count = 1;
    vc.headers[0] = forge_first(r, 0, 1);
    forge_sign_view_change(r, &vc);
    assert_int_equal(forge_tell_view_change(r, 2, &vc), ST_REJECTED);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E4), 1);
    assert_int_equal(stand_of(r, 2).view, 0); /* Nobody follows one liar. */
    engine_rig_free(r);
}

/* Of each kind a few proofs are made against one peer, whatever it does. */
static void proofs_are_bounded(void **state)
{
    (void)state;
    struct engine_rig *r = begin(3);
    for (uint64_t view = 1; view < 40; view++)
        for (uint8_t variant = 0; variant < 2; variant++) {
            struct header h = forge_first(r, view, variant);
            struct statement s = forge_statement(view, &h);
            struct vote v = forge_vote(r, 3, VOTE_P1, &s);
            (void)forge_tell_vote(r, 2, &v);
        }
    assert_in_range(engine_rig_evidence(r, EVIDENCE_E2), 1, 8);
    engine_rig_free(r);
}

static bool passes_only_votes(void *context,
                              uint32_t from,
                              uint32_t to,
                              const struct consensus_message *m)
{
    (void)from;
    (void)to;
    const bool *is_on = context;
    return !*is_on || m->kind == CONSENSUS_VOTE || m->kind == CONSENSUS_STATUS;
}

/* Leader 0 gives block A to node 2 and block B to the others, and votes for both. */
static void led_astray(void **state)
{
    (void)state;
    struct engine_rig *r = begin(0);
    engine_rig_crash(r, 0, false); /* Its voice is ours. */
    struct header a = forge_first(r, 0, 1);
    struct header b = forge_first(r, 0, 2);
    engine_rig_add_body(r, &a, false);
    engine_rig_add_body(r, &b, false);
    struct proposal pa = forge_proposal(r, &a);
    struct proposal pb = forge_proposal(r, &b);
    engine_rig_cut(r, 1, 2, true); /* Node 2 hears of the other block too late. */
    engine_rig_cut(r, 3, 2, true);
    assert_int_equal(forge_tell_proposal(r, 2, &pa), ST_OK);
    assert_int_equal(forge_tell_proposal(r, 1, &pb), ST_OK);
    assert_int_equal(forge_tell_proposal(r, 3, &pb), ST_OK);
    for (int part = VOTE_P1; part <= VOTE_P2; part++) {
        struct statement s = forge_statement(0, &b);
        struct vote v = forge_vote(r, 0, (enum vote_part)part, &s);
        assert_int_equal(forge_tell_vote(r, 1, &v), ST_OK);
        assert_int_equal(forge_tell_vote(r, 3, &v), ST_OK);
        if (part == VOTE_P2) assert_int_equal(forge_tell_vote(r, 2, &v), ST_OK);
    }
    engine_rig_run(r, 10);
    assert_int_equal(engine_rig_final_height(r, 1), 1);
    assert_int_equal(engine_rig_final_height(r, 2), 0);
    assert_true(stand_of(r, 2).is_voting);
    engine_rig_cut(r, 1, 2, false);
    engine_rig_cut(r, 3, 2, false);
    bool is_on = true; /* The leader's two words do not meet, which would end its view at once. */
    engine_rig_filter(r, passes_only_votes, &is_on);
    engine_rig_run(r, 450);
    assert_int_equal(engine_rig_final_height(r, 2), 1);
    assert_false(stand_of(r, 2).is_voting);
    engine_rig_crash(r, 2, false); /* It stays so when it restarts. */
    engine_rig_restart(r, 2);
    engine_rig_run(r, 200);
    struct consensus_stand stand = stand_of(r, 2);
    assert_false(stand.view == 0 && stand.is_voting);
    is_on = false;
    engine_rig_submit(r, 3);
    assert_true(engine_rig_settle(r, 20000));
    assert_true(stand_of(r, 2).is_voting);
    engine_rig_free(r);
}

/* What one peer says of far views and heights takes that peer's place alone. */
static void floods(void **state)
{
    (void)state;
    struct engine_rig *r = begin(3);
    engine_rig_crash(r, 3, false);
    struct header h = forge_first(r, 0, 1);
    for (uint64_t i = 0; i < 3000; i++) {
        h.tx_root.bytes[1] = (uint8_t)i;
        h.tx_root.bytes[2] = (uint8_t)(i >> 8);
        struct statement s = forge_statement((i * 7919) << 40, &h);
        s.height = 1 + i % (2ull * CONSENSUS_WINDOW);
        struct vote v = forge_vote(r, 3, (enum vote_part)(i % 2), &s);
        (void)forge_tell_vote(r, (uint32_t)(i % 3), &v);
        struct view_change vc = forge_view_change(r, 3, (i * 104729) << 30);
        (void)forge_tell_view_change(r, (uint32_t)(i % 3), &vc);
        h.view = 3 + 4 * (i % 1000);
        h.proposer = 3;
        h.height = 1 + i % (2ull * CONSENSUS_WINDOW);
        struct proposal p = forge_proposal(r, &h);
        (void)forge_tell_proposal(r, (uint32_t)(i % 3), &p);
    }
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(stand_of(r, i).view, 0);
    engine_rig_submit(r, 300);
    assert_true(engine_rig_settle(r, 1000));
    assert_int_equal(stand_of(r, 1).view, 0);
    engine_rig_free(r);
}

static bool drops_votes_to_3(void *context,
                             uint32_t from,
                             uint32_t to,
                             const struct consensus_message *m)
{
    (void)from;
    const bool *is_on = context;
    return !*is_on || to != 3 || m->kind == CONSENSUS_STATUS;
}

/* A node that missed many blocks catches up and votes again in the same view. */
static void a_node_left_behind(void **state)
{
    (void)state;
    struct engine_rig *r = begin(0);
    bool is_on = true;
    engine_rig_filter(r, drops_votes_to_3, &is_on);
    for (int i = 0; i < 60; i++) {
        engine_rig_submit(r, 1);
        engine_rig_run(r, 10);
    }
    is_on = false;
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 3000));
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 3000));
    struct consensus_stand stand = stand_of(r, 1);
    assert_int_equal(stand.view, 0);
    assert_true(stand_of(r, 3).is_voting);
    uint32_t signers[VOTE_PARTS];
    engine_rig_run(r, 50);
    assert_true(consensus_signers(engine_rig_engine(r, 1), stand.final_height, signers));
    assert_int_equal(signers[VOTE_P1] >> 3 & 1u, 1);
    assert_false(consensus_signers(engine_rig_engine(r, 1), stand.final_height + 9, signers));
    engine_rig_free(r);
}

/* Alone it hears nobody: it blames nobody, and goes on in the same view afterwards. */
static void one_cut_off(void **state)
{
    (void)state;
    struct engine_rig *r = begin(0);
    for (uint32_t i = 0; i < 3; i++) {
        engine_rig_cut(r, i, 3, true);
        engine_rig_cut(r, 3, i, true);
    }
    engine_rig_submit(r, 10);
    engine_rig_run(r, 20000);
    assert_int_equal(stand_of(r, 3).view, 0);
    assert_int_equal(stand_of(r, 3).timer_left_ms, 0);
    for (uint32_t i = 0; i < 3; i++) {
        engine_rig_cut(r, i, 3, false);
        engine_rig_cut(r, 3, i, false);
    }
    assert_true(engine_rig_settle(r, 3000));
    assert_true(stand_of(r, 3).is_voting);
    engine_rig_free(r);
}

static void an_observer(void **state)
{
    (void)state;
    struct engine_rig *r =
        engine_rig_new(&(struct engine_rig_options){.count = 4, .disk_ms = 1, .observers = 8});
    engine_rig_submit(r, 200);
    assert_true(engine_rig_settle(r, 1000));
    assert_int_equal(stand_of(r, 0).peers[3].vote_heights[VOTE_P1], 0);
    engine_rig_crash(r, 0, false); /* Two voters are no quorum; the observer does not help. */
    engine_rig_submit(r, 1);
    assert_false(engine_rig_settle(r, 5000));
    engine_rig_restart(r, 0);
    assert_true(engine_rig_settle(r, 20000));
    engine_rig_free(r);
}

/* A leader that works, but leaves out what others have. */
static void a_leader_that_leaves_out(void **state)
{
    (void)state;
    struct engine_rig *r = begin(0);
    for (uint32_t i = 1; i < 4; i++) /* Its blocks reach nobody, its votes do. */
        engine_rig_cut(r, 0, i, i != 1);
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 10000));
    assert_true(stand_of(r, 1).view > 0);
    engine_rig_free(r);
}

/* A value changed on one disk: its result differs from the certified one. */
static void a_result_that_differs(void **state)
{
    (void)state;
    struct engine_rig *r = begin(3);
    struct consensus_stand stand;
    engine_rig_spoil(r, 3, true);
    engine_rig_submit(r, 1);
    engine_rig_run(r, 300);
    assert_int_equal(engine_rig_alarms(r, ALARM_DIVERGED), 1);
    assert_int_equal(stand_of(r, 3).alarm, ALARM_DIVERGED);
    assert_int_equal(stand_of(r, 3).result_height, 0);
    assert_true(engine_rig_evidence(r, EVIDENCE_E8) > 0);
    stand = stand_of(r, 0);
    assert_true(stand.peers[3].is_divergent);
    assert_false(stand.peers[3].is_convicted); /* Its disk may be broken. */
    engine_rig_submit(r, 1);
    engine_rig_run(r, 300);
    assert_true(engine_rig_final_height(r, 3) >= 2);
    engine_rig_free(r);
}

static struct vote result_of(struct engine_rig *r, uint32_t voter, uint64_t height, uint8_t digest)
{
    struct statement s = {.height = height, .hash = {{digest}}};
    return forge_vote(r, voter, VOTE_P3, &s);
}

/* Before and after the height is certified; what is too far above or long past is not looked at. */
static void two_results_of_one(void **state)
{
    (void)state;
    struct engine_rig *r = begin(3);
    engine_rig_crash(r, 3, false); /* Its voice is ours. */
    struct vote a = result_of(r, 3, 1, 1);
    struct vote b = result_of(r, 3, 1, 2);
    assert_int_equal(forge_tell_vote(r, 1, &a), ST_OK);
    assert_int_equal(forge_tell_vote(r, 1, &b), ST_REJECTED);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E7), 1);
    assert_true(stand_of(r, 1).peers[3].is_divergent);
    assert_false(stand_of(r, 1).peers[3].is_convicted);
    (void)forge_tell_vote(r, 1, &b);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E7), 1); /* Once. */
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 1000));
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E8), 1); /* Against what came before it … */
    uint64_t height = stand_of(r, 2).result_height;
    struct vote late = result_of(r, 3, height, 7);
    (void)forge_tell_vote(r, 2, &late);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E8), 2); /* … and after it. */
    engine_rig_free(r);
}

/* A view change shows another final block of the same view: f + 1 signed both, and it is over. */
static void two_commits_of_one_view(void **state)
{
    (void)state;
    for (uint32_t txs = 1; txs <= 201; txs += 200) { /* The final block is that, or above it. */
        struct engine_rig *r = begin(3);
        engine_rig_submit(r, txs);
        assert_true(engine_rig_settle(r, 1000));
        for (uint32_t i = 0; i < 4; i++)
            if (i != 2) engine_rig_set_byzantine(r, i);
        struct header other = forge_first(r, 0, 9);
        struct view_change vc = forge_view_change(r, 3, 1);
        vc.final_height = 1;
        vc.final_hash = header_hash(&other);
        vc.has_final_cert = true;
        struct statement s = forge_statement(0, &other);
        vc.final_cert = forge_certificate(r, VOTE_P2, &s, 0, 2);
        struct vote last = forge_vote(r, 3, VOTE_P2, &s);
        vc.final_cert.entries[vc.final_cert.entry_count++] = certificate_cut(&last, VOTE_P2);
        forge_sign_view_change(r, &vc);
        (void)forge_tell_view_change(r, 2, &vc);
        bool is_here = stand_of(r, 2).final_height == 1;
        assert_int_equal(engine_rig_alarms(r, ALARM_CONFLICT), is_here);
        if (is_here) assert_true(engine_rig_evidence(r, EVIDENCE_E9) >= 2);
        engine_rig_free(r);
    }
}

static void planted_faults_work_in_fair_weather(void **state)
{
    (void)state;
    for (int fault = FAULT_NONE + 1; fault < FAULT_COUNT; fault++) {
        bool is_raft = fault == FAULT_RAFT_LENGTH;
        bool is_fast = fault >= FAULT_FAST_MINUS_1 && !is_raft;
        struct engine_rig *r =
            engine_rig_new(&(struct engine_rig_options){.mode = is_raft   ? MODE_RAFT
                                                                : is_fast ? MODE_FAST
                                                                          : MODE_BFT,
                                                        .count = 4,
                                                        .disk_ms = 1,
                                                        .fault = (enum consensus_fault)fault});
        engine_rig_submit(r, 100);
        engine_rig_run(r, 500);
        assert_true(engine_rig_final_height(r, 2) >= 1);
        engine_rig_crash(r, 0, false);
        engine_rig_submit(r, 100);
        engine_rig_run(r, 5000);
        assert_true(engine_rig_final_height(r, 2) >= 2);
        engine_rig_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_blocks_of_a_leader),
        cmocka_unit_test(votes_on_two_forks),
        cmocka_unit_test(a_view_change_against_votes),
        cmocka_unit_test(a_view_change_in_a_new_view),
        cmocka_unit_test(two_view_changes_one_in_a_new_view),
        cmocka_unit_test(two_view_changes),
        cmocka_unit_test(proofs_are_bounded),
        cmocka_unit_test(led_astray),
        cmocka_unit_test(floods),
        cmocka_unit_test(a_node_left_behind),
        cmocka_unit_test(one_cut_off),
        cmocka_unit_test(an_observer),
        cmocka_unit_test(a_leader_that_leaves_out),
        cmocka_unit_test(a_result_that_differs),
        cmocka_unit_test(two_results_of_one),
        cmocka_unit_test(two_commits_of_one_view),
        cmocka_unit_test(planted_faults_work_in_fair_weather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
