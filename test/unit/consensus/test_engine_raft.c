/* Goal: in raft a majority of equal first votes commits and nothing is locked, a new view waits a
 * little for everybody and builds on the latest chain that a leader signed for, so that one liar by
 * omission takes nothing while the others are heard; and evidence ends FINAL. */
#include "support/cmocka_all.h"
#include "support/engine_forge.h"

static struct engine_rig *begin(uint32_t count)
{
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){
        .mode = MODE_RAFT, .count = count, .disk_ms = 1, .delay_ms_max = 1});
    engine_rig_run(r, 100);
    return r;
}

static struct consensus_stand stand_of(struct engine_rig *r, uint32_t node)
{
    struct consensus_stand stand;
    engine_rig_stand(r, node, &stand);
    return stand;
}

struct tap {
    uint32_t locks;
    bool is_mute;         /* No vote passes. */
    uint64_t new_view_ms; /* When the first NEWVIEW was said; 0: none. */
    struct engine_rig *rig;
    uint32_t changes_from; /* Bit i: view changes of node i are lost. */
};

static bool watch(void *context, uint32_t from, uint32_t to, const struct consensus_message *m)
{
    struct tap *tap = context;
    (void)to;
    if (m->kind == CONSENSUS_NEW_VIEW && tap->new_view_ms == 0)
        tap->new_view_ms = engine_rig_now(tap->rig);
    if (m->kind == CONSENSUS_VIEW_CHANGE && (tap->changes_from >> from & 1u) != 0) return false;
    if (m->kind != CONSENSUS_VOTE) return true;
    if (!m->vote.parts[VOTE_P2].is_null) tap->locks++;
    return !tap->is_mute;
}

static void a_majority_commits(void **state)
{
    (void)state;
    for (uint32_t count = 3; count <= 5; count += 2) {
        struct engine_rig *r = begin(count);
        struct tap tap = {.rig = r};
        engine_rig_filter(r, watch, &tap);
        engine_rig_submit(r, 300);
        assert_true(engine_rig_settle(r, 1000));
        for (uint32_t i = 0; i < count / 2; i++)
            engine_rig_crash(r, count - 1 - i, false);
        engine_rig_submit(r, 300);
        assert_true(engine_rig_settle(r, 1000));
        const struct certificate *cert = consensus_commit_certificate(engine_rig_engine(r, 0));
        assert_int_equal(cert->part, VOTE_P1);
        assert_int_equal(cert->entry_count, count / 2 + 1);
        assert_int_equal(tap.locks, 0);
        assert_int_equal(stand_of(r, 0).view, 0);
        engine_rig_crash(r, 0, false); /* Too few are left. */
        engine_rig_submit(r, 1);
        assert_false(engine_rig_settle(r, 3000));
        for (uint32_t i = 0; i < count; i++)
            if (!engine_rig_is_up(r, i)) engine_rig_restart(r, i);
        assert_true(engine_rig_settle(r, 20000));
        engine_rig_free(r);
    }
}

/* With all of them it opens at once, with a majority after 2 Δ = 0.4 of the view timer. */
static void a_new_view_waits_for_the_rest(void **state)
{
    (void)state;
    uint64_t took[2];
    for (int is_one_lost = 0; is_one_lost < 2; is_one_lost++) {
        struct engine_rig *r = begin(3);
        struct tap tap = {.rig = r, .is_mute = true, .changes_from = is_one_lost != 0 ? 1u : 0u};
        engine_rig_filter(r, watch, &tap);
        engine_rig_submit(r, 1);
        uint64_t from = engine_rig_now(r);
        while (tap.new_view_ms == 0 && engine_rig_now(r) < from + 5000)
            engine_rig_run(r, 1);
        took[is_one_lost] = tap.new_view_ms - from;
        engine_rig_free(r);
    }
    assert_in_range(took[0], 500, 560);
    assert_in_range(took[1], took[0] + 180, took[0] + 260);
}

/* Nothing is committed for two views, everybody restarts: what was taken over as an anchor is shown
 * with its leader's word out of the record. */
static void words_of_leaders_survive(void **state)
{
    (void)state;
    for (int views = 1; views < 4; views++) {
        struct engine_rig *r = begin(3);
        struct tap tap = {.rig = r, .is_mute = true};
        engine_rig_filter(r, watch, &tap);
        engine_rig_submit(r, 3);
        for (int i = 0; i < 2000 && stand_of(r, 0).view < (uint64_t)views; i++)
            engine_rig_run(r, 10);
        engine_rig_run(r, 400);
        assert_int_equal(engine_rig_final_height(r, 0), 0);
        assert_true(stand_of(r, 0).tip_height > 0);
        for (uint32_t i = 0; i < 3; i++)
            engine_rig_crash(r, i, false);
        for (uint32_t i = 0; i < 3; i++)
            engine_rig_restart(r, i);
        engine_rig_run(r, 3000);
        tap.is_mute = false;
        assert_true(engine_rig_settle(r, 30000));
        assert_int_equal(engine_rig_alarms(r, ALARM_EVIDENCE), 0);
        engine_rig_free(r);
    }
}

/* S27: the leader and node 2 commit A; node 2 then denies it. The leader is heard within 2 Δ: A
 * stays, and the denial is proven against the vote. */
static void a_liar_by_omission(void **state)
{
    (void)state;
    for (int is_alarm_only = 0; is_alarm_only < 2; is_alarm_only++) {
        struct engine_rig *r =
            engine_rig_new(&(struct engine_rig_options){.mode = MODE_RAFT,
                                                        .count = 3,
                                                        .disk_ms = 1,
                                                        .delay_ms_max = 1,
                                                        .evidence_alarms = is_alarm_only != 0});
        engine_rig_set_byzantine(r, 2);
        engine_rig_run(r, 100);
        engine_rig_crash(r, 2, false); /* Its voice is ours. */
        engine_rig_cut(r, 0, 1, true);
        engine_rig_submit(r, 1);
        engine_rig_run(r, 20);
        struct consensus_stand stand = stand_of(r, 0);
        assert_int_equal(stand.tip_height, 1);
        struct statement a = {.height = 1, .hash = stand.tip_hash};
        struct vote v = forge_vote(r, 2, VOTE_P1, &a);
        assert_int_equal(forge_tell_vote(r, 0, &v), ST_OK);
        assert_int_equal(engine_rig_final_height(r, 0), 1);
        engine_rig_cut(r, 0, 1, false);
        struct tap tap = {.rig = r};
        engine_rig_filter(r, watch, &tap);
        struct view_change lie = forge_view_change(r, 2, 1);
        (void)forge_tell_view_change(r, 1, &lie); /* Node 1 follows it, and leads view 1. */
        (void)forge_tell_view_change(r, 0, &lie);
        engine_rig_run(r, 300);
        assert_int_equal(engine_rig_evidence(r, EVIDENCE_E3), 1);
        assert_int_equal(engine_rig_alarms(r, ALARM_EVIDENCE), 1);
        engine_rig_submit(r, 1);
        engine_rig_run(r, 2000);
        assert_true(engine_rig_final_height(r, 1) >= 2); /* On A: the rig compares the chains. */
        stand = stand_of(r, 0);
        assert_int_equal(stand.alarm, ALARM_EVIDENCE);
        assert_int_equal(stand.is_final_halted, is_alarm_only == 0);
        engine_rig_free(r);
    }
}

/* A longer chain of an older view loses against a shorter one of a later view. */
static void the_later_view_wins(void **state)
{
    (void)state;
    static struct new_view nv;
    struct engine_rig *r = begin(3);
    struct header a1 = forge_first(r, 0, 1);
    struct header a2 = forge_child(r, &a1, 0, 1);
    struct header b1 = forge_first(r, 1, 2);
    for (int is_right = 0; is_right < 2; is_right++) {
        forge_new_view(r, &nv, 5);
        nv.vc_count = 2;
        struct proposal of_a = forge_proposal(r, &a2);
        struct proposal of_b = forge_proposal(r, &b1);
        nv.vcs[0].header_count = 2;
        nv.vcs[0].headers[0] = a1;
        nv.vcs[0].headers[1] = a2;
        nv.vcs[0].has_tip_sig = nv.vcs[1].has_tip_sig = true;
        nv.vcs[0].tip_sig = of_a.sig;
        nv.vcs[1].voted_view = 1;
        nv.vcs[1].header_count = 1;
        nv.vcs[1].headers[0] = b1;
        nv.vcs[1].tip_sig = of_b.sig;
        for (int i = 0; i < 2; i++)
            forge_sign_view_change(r, &nv.vcs[i]);
        nv.height = is_right != 0 ? 1 : 2;
        nv.hash = header_hash(is_right != 0 ? &b1 : &a2);
        struct statement x = {.view = 5, .height = nv.height, .hash = nv.hash};
        struct hash word = anchor_hash(&x, &engine_rig_config(r, 0)->chain_id);
        nv.has_word = true;
        engine_rig_sign(r, 2, &word, &nv.word);
        forge_sign_new_view(r, &nv);
        engine_rig_set_byzantine(r, 2);
        enum status st = forge_tell_new_view(r, 0, &nv);
        assert_int_equal(st, is_right != 0 ? ST_OK : ST_REJECTED);
    }
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E5), 1);
    assert_int_equal(forge_refused(r, 0, REJECT_NV_ANCHOR), 1);
    engine_rig_free(r);
}

/* The runtime has verified evidence of another kind, or read it in the chain. */
static void a_conviction_from_outside(void **state)
{
    (void)state;
    struct engine_rig *r = begin(3);
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 1000));
    for (uint32_t i = 0; i < 3; i++)
        for (int again = 0; again < 2; again++) {
            struct consensus_event event = {.kind = CONSENSUS_ON_CONVICTED, .from = 2};
            assert_int_equal(engine_rig_step(r, i, &event), ST_OK);
        }
    assert_int_equal(engine_rig_alarms(r, ALARM_EVIDENCE), 3);
    assert_true(stand_of(r, 0).peers[2].is_convicted);
    uint64_t height = engine_rig_final_height(r, 0);
    engine_rig_submit(r, 1);
    assert_false(engine_rig_settle(r, 1000)); /* Blocks go on, results are not confirmed. */
    assert_true(engine_rig_final_height(r, 0) > height);
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_majority_commits),       cmocka_unit_test(a_new_view_waits_for_the_rest),
        cmocka_unit_test(words_of_leaders_survive), cmocka_unit_test(a_liar_by_omission),
        cmocka_unit_test(the_later_view_wins),      cmocka_unit_test(a_conviction_from_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
