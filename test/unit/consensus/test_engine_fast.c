/* Goal: in adaptive n - p equal first votes commit in one round trip, a quorum of locks commits
 * too, a lock waits for the fast quorum only as long as that pays, and both kinds of certificates
 * are taken wherever one is shown. */
#include "support/cmocka_all.h"
#include "support/engine_forge.h"

static struct engine_rig *begin(uint32_t count, uint32_t p)
{
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){
        .mode = MODE_FAST, .count = count, .p = p, .disk_ms = 1, .delay_ms_max = 1});
    engine_rig_run(r, 100);
    return r;
}

static struct consensus_stand stand_of(struct engine_rig *r, uint32_t node)
{
    struct consensus_stand stand;
    engine_rig_stand(r, node, &stand);
    return stand;
}

static const struct certificate *commit_of(struct engine_rig *r, uint32_t node)
{
    const struct certificate *cert = consensus_commit_certificate(engine_rig_engine(r, node));
    assert_non_null(cert);
    return cert;
}

/* What passes: the votes of these parts are counted, and some links are slow to lose. */
struct tap {
    uint32_t locks;     /* Votes with a P2. */
    uint32_t both;      /* … with a P1 too. */
    uint32_t mute;      /* Bit i: first votes of node i are lost. */
    uint32_t mute_lock; /* Bit i: locks of node i are lost. */
};

static bool count_votes(void *context,
                        uint32_t from,
                        uint32_t to,
                        const struct consensus_message *m)
{
    struct tap *tap = context;
    (void)to;
    if (m->kind != CONSENSUS_VOTE) return true;
    bool has_p1 = !m->vote.parts[VOTE_P1].is_null;
    bool has_p2 = !m->vote.parts[VOTE_P2].is_null;
    if (has_p2) tap->locks++;
    if (has_p2 && has_p1) tap->both++;
    if (has_p1 && (tap->mute >> from & 1u) != 0) return false;
    return !has_p2 || (tap->mute_lock >> from & 1u) == 0;
}

static void all_votes_commit_at_once(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{4, 0}, {5, 0}, {6, 1}, {7, 0}, {9, 1}, {16, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct engine_rig *r = begin(sizes[i][0], sizes[i][1]);
        struct tap tap = {.mute_lock = UINT32_MAX >> 1};
        engine_rig_filter(r, count_votes, &tap);
        engine_rig_submit(r, 300);
        assert_true(engine_rig_settle(r, 1000));
        const struct certificate *cert = commit_of(r, 0);
        assert_int_equal(cert->part, VOTE_P1);
        assert_true(cert->entry_count >= sizes[i][0] - sizes[i][1]);
        engine_rig_free(r);
    }
}

static void locks_commit_when_one_is_silent(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 0);
    struct tap tap = {0};
    engine_rig_filter(r, count_votes, &tap);
    engine_rig_crash(r, 3, false);
    engine_rig_submit(r, 300);
    assert_true(engine_rig_settle(r, 1000));
    assert_int_equal(commit_of(r, 0)->part, VOTE_P2);
    assert_true(tap.locks > 0);
    assert_int_equal(stand_of(r, 0).view, 0);
    engine_rig_restart(r, 3);
    engine_rig_run(r, 1000);
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 1000));
    engine_rig_run(r, 100);
    assert_int_equal(engine_rig_final_height(r, 3), engine_rig_final_height(r, 0));
    engine_rig_free(r);
}

/* n = 6, p = 1: one silent validator slows nobody. */
static void slack_of_the_fast_path(void **state)
{
    (void)state;
    struct engine_rig *r = begin(6, 1);
    struct tap tap = {.mute_lock = 63};
    engine_rig_filter(r, count_votes, &tap);
    engine_rig_crash(r, 5, false);
    engine_rig_submit(r, 300);
    assert_true(engine_rig_settle(r, 1000));
    assert_int_equal(commit_of(r, 0)->part, VOTE_P1);
    assert_int_equal(commit_of(r, 0)->entry_count, 5);
    engine_rig_free(r);
}

/* Votes that come together make no locks; one validator that comes a little late is waited for,
 * one that does not come costs at most the longest wait. */
static void a_lock_waits(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 0);
    assert_int_equal(consensus_due_ms(engine_rig_engine(r, 0)), 0);
    struct tap tap = {.mute = 8, .mute_lock = 15};
    engine_rig_filter(r, count_votes, &tap);
    engine_rig_submit(r, 1);
    uint64_t due = 0;
    for (int i = 0; i < 50 && due == 0; i++) {
        engine_rig_run(r, 1);
        due = consensus_due_ms(engine_rig_engine(r, 1));
    }
    assert_in_range(due, engine_rig_now(r), engine_rig_now(r) + 20);
    assert_int_equal(tap.locks, 0);
    engine_rig_run(r, 40);
    assert_true(tap.locks >= 9); /* Three nodes, three others each. */
    assert_int_equal(consensus_due_ms(engine_rig_engine(r, 1)), 0);
    tap.mute_lock = tap.mute = 0;
    assert_true(engine_rig_settle(r, 1000));
    for (int i = 0; i < 100; i++) { /* The mean of the gaps grows up to its bound. */
        tap.mute = 8;
        engine_rig_submit(r, 1);
        assert_true(engine_rig_settle(r, 3000));
    }
    assert_int_equal(stand_of(r, 0).view, 0);
    engine_rig_free(r);
}

/* Under load a lock rides on the next first vote. */
static void a_lock_rides(void **state)
{
    (void)state;
    struct engine_rig *r = engine_rig_new(&(struct engine_rig_options){
        .mode = MODE_FAST, .count = 4, .disk_ms = 1, .delay_ms_max = 3, .block_txs_max = 5});
    engine_rig_run(r, 100);
    struct tap tap = {.mute = 8};
    engine_rig_filter(r, count_votes, &tap);
    for (int i = 0; i < 50; i++) {
        engine_rig_submit(r, 5);
        engine_rig_run(r, 1);
    }
    tap.mute = 0;
    assert_true(engine_rig_settle(r, 3000));
    assert_true(tap.both > 0);
    engine_rig_free(r);
}

/* A node that missed it all takes the certificates that bodies carry, of either kind. */
static void certificates_of_both_kinds_in_bodies(void **state)
{
    (void)state;
    for (int is_slow = 0; is_slow < 2; is_slow++) {
        struct engine_rig *r = begin(4, 0);
        struct tap tap = {.mute = is_slow != 0 ? 8u : 0u};
        engine_rig_filter(r, count_votes, &tap);
        for (int i = 0; i < 5; i++) {
            engine_rig_submit(r, 1);
            assert_true(engine_rig_settle(r, 2000));
        }
        assert_int_equal(commit_of(r, 0)->part, is_slow != 0 ? VOTE_P2 : VOTE_P1);
        engine_rig_free(r);
    }
}

/* Without anybody who passes votes and proposals on (node/core_relay.c): two validators that cannot
 * reach one another, leader or not, hear of what the others agree on, and the chain goes on with
 * their votes. */
static void two_that_do_not_hear_one_another(void **state)
{
    (void)state;
    for (uint32_t one = 0; one < 2; one++) { /* The leader is one of them, then it is not. */
        struct engine_rig *r = begin(4, 0);
        engine_rig_cut(r, one, one + 1, true);
        engine_rig_cut(r, one + 1, one, true);
        for (int i = 0; i < 20; i++) {
            engine_rig_submit(r, 3);
            assert_true(engine_rig_settle(r, 8000));
        }
        uint64_t lowest = engine_rig_final_height(r, 0);
        for (uint32_t i = 1; i < 4; i++)
            if (engine_rig_final_height(r, i) < lowest) lowest = engine_rig_final_height(r, i);
        assert_true(lowest >= 20);
        engine_rig_free(r);
    }
}

/* n - p - 1 first votes, or a quorum of them, commit nothing, wherever they are shown. */
static void too_few_first_votes(void **state)
{
    (void)state;
    struct engine_rig *r = begin(4, 0);
    struct header a = forge_first(r, 0, 1);
    struct statement s = forge_statement(0, &a);
    for (uint32_t count = 3; count <= 4; count++) {
        struct certificate cert = forge_certificate(r, VOTE_P1, &s, 0, count);
        enum status st =
            quorum_check_commit(&engine_rig_config(r, 0)->validators, &cert, engine_rig_signer(r),
                                &engine_rig_config(r, 0)->chain_id);
        assert_int_equal(st, count == 4 ? ST_OK : ST_INVALID);
    }
    struct header b = forge_child(r, &a, 0, 2);
    struct certificate cert = forge_certificate(r, VOTE_P1, &s, 0, 3);
    b.final_height = 1;
    b.final_cert_hash = certificate_hash(&cert);
    struct proposal pa = forge_proposal(r, &a);
    struct proposal pb = forge_proposal(r, &b);
    engine_rig_add_body(r, &a, false);
    assert_int_equal(forge_tell_proposal(r, 1, &pa), ST_OK);
    assert_int_equal(forge_tell_proposal(r, 1, &pb), ST_OK);
    struct hash hash = header_hash(&b);
    struct consensus_event event = {
        .kind = CONSENSUS_ON_BODY_OK, .header = &b, .hash = hash, .final_cert = &cert};
    assert_int_equal(engine_rig_step(r, 1, &event), ST_REJECTED);
    assert_int_equal(forge_refused(r, 1, REJECT_FINAL_CERT), 1);
    assert_int_equal(engine_rig_final_height(r, 1), 0);
    engine_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_votes_commit_at_once),
        cmocka_unit_test(locks_commit_when_one_is_silent),
        cmocka_unit_test(slack_of_the_fast_path),
        cmocka_unit_test(a_lock_waits),
        cmocka_unit_test(a_lock_rides),
        cmocka_unit_test(certificates_of_both_kinds_in_bodies),
        cmocka_unit_test(two_that_do_not_hear_one_another),
        cmocka_unit_test(too_few_first_votes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
