/* Goal: the histories that broke simpler rules of the fast path end well in the engine itself: what
 * a fast quorum or a quorum of locks may have committed stands at or below the next view's anchor,
 * whatever one liar shows, and any other anchor is refused with proof (S2, S3, S4, S5, S23). */
#include "support/cmocka_all.h"
#include "support/engine_forge.h"

static struct new_view nv;

static struct engine_rig *begin(uint32_t count, uint32_t p)
{
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){
        .mode = MODE_FAST, .count = count, .p = p, .disk_ms = 1, .delay_ms_max = 1});
    engine_rig_run(r, 100);
    return r;
}

struct tap {
    uint32_t hears; /* Bit i: node i hears votes. */
    bool is_on;
    bool is_deaf_to_locks;
};

static bool drop_votes(void *context, uint32_t from, uint32_t to, const struct consensus_message *m)
{
    const struct tap *tap = context;
    (void)from;
    if (!tap->is_on || m->kind != CONSENSUS_VOTE) return true;
    if (tap->is_deaf_to_locks && !m->vote.parts[VOTE_P2].is_null) return false;
    return (tap->hears >> to & 1u) != 0;
}

/* S2: all vote for A, node 1 alone hears it and commits, then is gone; the next view is made of the
 * others, of whom one denies A. */
static void one_node_knows_of_the_commit(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 0);
    engine_rig_set_byzantine(r, 0);
    struct tap tap = {.hears = 2, .is_on = true};
    engine_rig_filter(r, drop_votes, &tap);
    engine_rig_submit(r, 1);
    engine_rig_run(r, 50);
    assert_int_equal(engine_rig_final_height(r, 1), 1);
    assert_int_equal(engine_rig_final_height(r, 2), 0);
    engine_rig_crash(r, 1, true);
    engine_rig_crash(r, 0, true); /* Its voice is ours. */
    tap.is_on = false;
    for (uint64_t view = 1; view < 4; view++)
        for (uint32_t to = 2; to < 4; to++) {
            struct view_change lie = forge_view_change(r, 0, view);
            (void)forge_tell_view_change(r, to, &lie);
        }
    engine_rig_run(r, 3000);
    engine_rig_restart(r, 1);
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 20000)); /* On one chain with node 1: the rig compares. */
    engine_rig_free(r);
}

/* S5: three blocks in flight; the highest certificate anyone holds is of the first, the third is
 * committed at one node that is gone. */
static void votes_above_the_certificate(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){
        .mode = MODE_FAST, .count = 4, .disk_ms = 1, .delay_ms_max = 1, .block_txs_max = 1});
    engine_rig_run(r, 100);
    struct tap tap = {.hears = 2, .is_on = true, .is_deaf_to_locks = true};
    engine_rig_filter(r, drop_votes, &tap);
    engine_rig_submit(r, 3);
    engine_rig_run(r, 60);
    uint64_t height = engine_rig_final_height(r, 1);
    assert_true(height >= 3);
    engine_rig_crash(r, 1, true);
    tap.is_on = false;
    engine_rig_crash(r, 0, true); /* The leader too, for a while. */
    engine_rig_run(r, 200);
    engine_rig_restart(r, 0);
    engine_rig_submit(r, 1);
    engine_rig_run(r, 5000);
    assert_true(engine_rig_final_height(r, 2) > height);
    engine_rig_restart(r, 1);
    assert_true(engine_rig_settle(r, 20000));
    engine_rig_free(r);
}

/* S23: n = 6, f = 1, p = 1: four claims of A in the view changes are not needed, three are. */
static void slack_counts_in_the_threshold(void **state)
{
    (void)state;
    struct engine_rig *r = begin(6, 1);
    engine_rig_set_byzantine(r, 0);
    engine_rig_crash(r, 5, true); /* Slow: never heard of A. */
    struct tap tap = {.hears = 2, .is_on = true};
    engine_rig_filter(r, drop_votes, &tap);
    engine_rig_submit(r, 1);
    engine_rig_run(r, 50);
    assert_int_equal(engine_rig_final_height(r, 1), 1); /* With five votes. */
    engine_rig_crash(r, 1, true);
    engine_rig_crash(r, 0, true); /* The liar: its voice is ours. */
    tap.is_on = false;
    engine_rig_restart(r, 5);
    for (uint64_t view = 1; view < 6; view++)
        for (uint32_t to = 2; to < 6; to++) {
            struct view_change lie = forge_view_change(r, 0, view);
            (void)forge_tell_view_change(r, to, &lie);
        }
    engine_rig_run(r, 5000);
    engine_rig_restart(r, 1);
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 20000));
    engine_rig_free(r);
}

static void claim(uint32_t i, uint64_t voted_view, const struct header *h)
{
    nv.vcs[i].voted_view = voted_view;
    nv.vcs[i].header_count = 1;
    nv.vcs[i].headers[0] = *h;
}

static void certify(struct engine_rig *r, uint32_t i, uint64_t view, const struct header *h)
{
    struct statement s = forge_statement(view, h);
    nv.vcs[i].has_hq = true;
    nv.vcs[i].hq = forge_certificate(r, VOTE_P1, &s, 0, 3);
}

/* The NEWVIEW of these view changes with h as anchor, to node 3. */
static enum status open_with(struct engine_rig *r, const struct header *h)
{
    for (uint32_t i = 0; i < nv.vc_count; i++)
        forge_sign_view_change(r, &nv.vcs[i]);
    nv.height = h->height;
    nv.hash = header_hash(h);
    forge_sign_new_view(r, &nv);
    return forge_tell_new_view(r, 3, &nv);
}

static struct engine_rig *audience(void)
{
    struct engine_rig *r = begin(4, 0);
    for (uint32_t i = 0; i < 3; i++) {
        engine_rig_set_byzantine(r, i); /* We speak for them. */
        engine_rig_crash(r, i, false);
    }
    return r;
}

/* S3: B is claimed in view 1, the liar shows an old certificate of A. */
static void later_votes_beat_an_old_certificate(void **state)
{
    (void)state;
    for (int is_right = 0; is_right < 2; is_right++) {
        struct engine_rig *r = audience();
        struct header a = forge_first(r, 0, 1);
        struct header b = forge_first(r, 1, 2);
        forge_new_view(r, &nv, 2);
        claim(0, 1, &b);
        claim(1, 1, &b);
        claim(2, 0, &a);
        certify(r, 2, 0, &a);
        assert_int_equal(open_with(r, is_right != 0 ? &b : &a),
                         is_right != 0 ? ST_OK : ST_REJECTED);
        assert_int_equal(engine_rig_evidence(r, EVIDENCE_E5), is_right == 0);
        engine_rig_free(r);
    }
}

/* S4: A was locked in view 0; node 1 and the liar claim B of the same view. */
static void a_tie_in_conflict_goes_to_the_certificate(void **state)
{
    (void)state;
    for (int is_right = 0; is_right < 2; is_right++) {
        struct engine_rig *r = audience();
        struct header a = forge_first(r, 0, 1);
        struct header b = forge_first(r, 0, 2);
        forge_new_view(r, &nv, 1);
        claim(0, 0, &a);
        claim(1, 0, &b);
        claim(2, 0, &b);
        certify(r, 0, 0, &a);
        assert_int_equal(open_with(r, is_right != 0 ? &a : &b),
                         is_right != 0 ? ST_OK : ST_REJECTED);
        assert_int_equal(engine_rig_evidence(r, EVIDENCE_E5), is_right == 0);
        engine_rig_free(r);
    }
}

/* The certificate's block stands beside its sender's chain and is no claim of anybody: what leads
 * there shows that it is above the claimed block, not in conflict with it. */
static void a_branch_to_the_certificate(void **state)
{
    (void)state;
    for (int is_right = 0; is_right < 2; is_right++) {
        struct engine_rig *r = audience();
        struct header a1 = forge_first(r, 0, 1);
        struct header a2 = forge_child(r, &a1, 0, 1);
        forge_new_view(r, &nv, 2);
        for (uint32_t i = 0; i < 3; i++)
            claim(i, 1, &a1); /* The anchor of view 1. */
        certify(r, 0, 0, &a2);
        nv.vcs[0].branch_count = 1;
        nv.vcs[0].branch[0] = a2;
        assert_int_equal(open_with(r, is_right != 0 ? &a2 : &a1),
                         is_right != 0 ? ST_OK : ST_REJECTED);
        engine_rig_free(r);
    }
}

struct lone_lock { /* Node 3 alone hears first votes, nobody locks; its first view changes are lost.
                    */
    bool is_on;
    uint32_t branches;
};

static bool keep_for_3(void *context, uint32_t from, uint32_t to, const struct consensus_message *m)
{
    struct lone_lock *lone = context;
    if (m->kind == CONSENSUS_VIEW_CHANGE && from == 3) {
        if (m->view_change.to_view == 1) return false;
        if (m->view_change.branch_count > 0) lone->branches++;
    }
    if (!lone->is_on || m->kind != CONSENSUS_VOTE) return true;
    return to == 3 && m->vote.parts[VOTE_P2].is_null && m->vote.parts[VOTE_P1].view == 0;
}

/* A node whose highest certificate the next view left aside shows the way to its block. */
static void a_node_shows_its_branch(void **state)
{
    (void)state;
    struct engine_rig *r =
        engine_rig_new(&(struct engine_rig_options){.count = 4, .disk_ms = 1, .delay_ms_max = 1});
    engine_rig_run(r, 100);
    struct lone_lock lone = {.is_on = true};
    engine_rig_filter(r, keep_for_3, &lone);
    engine_rig_submit(r, 1);
    for (int i = 0; i < 1000 && lone.branches == 0; i++)
        engine_rig_run(r, 10);
    assert_true(lone.branches > 0);
    lone.is_on = false;
    assert_true(engine_rig_settle(r, 20000));
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_node_knows_of_the_commit),
        cmocka_unit_test(votes_above_the_certificate),
        cmocka_unit_test(slack_counts_in_the_threshold),
        cmocka_unit_test(later_votes_beat_an_old_certificate),
        cmocka_unit_test(a_tie_in_conflict_goes_to_the_certificate),
        cmocka_unit_test(a_branch_to_the_certificate),
        cmocka_unit_test(a_node_shows_its_branch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
