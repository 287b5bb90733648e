/* Goal: rules of consensus.md 1.4 to 1.16 that are easily lost between two parts of the engine:
 * what was refused can still become the anchor, a certificate survives a new view, lost blocks do
 * not undo a promise, proof is taken also when it comes late. */
#include "consensus/consensus.h"

#include "support/cmocka_all.h"
#include "support/engine_rig.h"
#include "support/sample_consensus.h"

/* --- with a small world ---------------------------------------------------------------------- */

static bool drops_lone_locks(void *context,
                             uint32_t from,
                             uint32_t to,
                             const struct consensus_message *m)
{
    (void)from;
    (void)to;
    const bool *is_on = context;
    if (!*is_on || m->kind != CONSENSUS_VOTE) return true;
    return m->vote.parts[VOTE_P2].is_null || !m->vote.parts[VOTE_P1].is_null;
}

/* Node 3 refuses a block because of its time, the others have a certificate for it. One of them is
 * lost: now node 3 must take that block as the anchor, and needs its body. */
static void what_was_refused_can_be_the_anchor(void **state)
{
    (void)state;
    bool is_on = false;
    struct engine_rig *r = engine_rig_new(
        &(struct engine_rig_options){.count = 4, .disk_ms = 1, .delay_ms_max = 2, .seed = 3});
    engine_rig_filter(r, drops_lone_locks, &is_on);
    engine_rig_submit(r, 10);
    assert_true(engine_rig_settle(r, 1000));
    engine_rig_run(r, 200);
    engine_rig_skew(r, 3, 3000);
    is_on = true;
    engine_rig_submit(r, 1);
    engine_rig_run(r, 100);
    engine_rig_crash(r, 2, true);
    engine_rig_skew(r, 3, 0);
    is_on = false;
    assert_true(engine_rig_settle(r, 60000));
    engine_rig_free(r);
}

/* --- one engine by itself -------------------------------------------------------------------- */

struct bench {
    struct sample_history history;
    struct consensus_start start;
    struct consensus_record record;
    struct consensus *engine;
    struct consensus_effects effects;
    struct consensus_message *message;
    struct header held[SAMPLE_CHAIN];
    uint64_t now_ms;
    uint32_t changes; /* View changes written. */
    uint32_t votes;   /* Sent, with P1. */
    uint32_t proofs;
    uint32_t shown;        /* Proposals sent on to others. */
    uint64_t written_view; /* Of the view change written last. */
    uint64_t durable_view;
    struct vote vote; /* The last of them. */
    uint64_t lsn;
};

static struct bench bench;

static void begin(void)
{
    struct consensus_message *message = bench.message;
    memset(&bench, 0, sizeof bench);
    bench.message = message != NULL ? message : mem_alloc(mem_system(), sizeof *message);
    assert_non_null(bench.message);
    bench.history = sample_history();
    bench.now_ms = 1000;
    bench.start.hash = sample_chain_id();
    bench.start.digest_count = 1;
    bench.start.digests[0] = bench.start.hash;
    bench.start.nonce = 77;
}

/* Blocks 1 … height are stored and final. */
static void store_blocks(uint64_t height)
{
    for (uint64_t h = 1; h <= height; h++) {
        struct hash hash = header_hash(&bench.history.blocks[h - 1]);
        struct hash leaf = merkle_leaf(hash_span(&hash));
        merkle_tree_add(&bench.start.history, &leaf);
        bench.start.height = bench.start.executed_height = h;
        bench.start.hash = hash;
        bench.start.time_ms = bench.history.blocks[h - 1].time_ms;
        bench.start.digests[0] = hash;
    }
}

static void step(struct consensus_event *event)
{
    event->mono_ms = bench.now_ms;
    event->wall_ms = SAMPLE_TIME_MS + 100 + bench.now_ms - 1000;
    enum status st = consensus_step(bench.engine, event, &bench.effects);
    assert_true(st == ST_OK || st == ST_REJECTED);
    uint64_t lsn = 0;
    for (uint32_t i = 0; i < bench.effects.count; i++) {
        const struct consensus_effect *e = &bench.effects.items[i];
        if (e->kind == CONSENSUS_WRITE && e->slot == CONSENSUS_SLOT_VIEW_CHANGE) {
            bench.changes++;
            bench.written_view = e->view_change->to_view;
        }
        if (e->kind == CONSENSUS_EVIDENCE) bench.proofs++;
        if (e->kind == CONSENSUS_SYNC) lsn = e->lsn;
        if (e->kind != CONSENSUS_SEND) continue;
        if (e->message->kind == CONSENSUS_VIEW_CHANGE)
            assert_true(e->message->view_change.to_view <= bench.durable_view);
        if (e->message->kind == CONSENSUS_PROPOSAL) bench.shown++;
        if (e->message->kind != CONSENSUS_VOTE) continue;
        if (e->message->vote.parts[VOTE_P1].is_null) continue;
        bench.votes++;
        bench.vote = e->message->vote;
    }
    if (lsn != 0) bench.lsn = lsn;
}

static void settle(void)
{
    while (bench.lsn != 0) {
        struct consensus_event event = {.kind = CONSENSUS_ON_PERSISTED, .lsn = bench.lsn};
        bench.lsn = 0;
        bench.durable_view = bench.written_view;
        step(&event);
    }
}

static void tell(uint32_t from)
{
    struct consensus_event event = {
        .kind = CONSENSUS_ON_MESSAGE, .from = from, .message = bench.message};
    step(&event);
    settle();
}

static void tell_status(uint32_t from, bool is_answer)
{
    bench.message->kind = CONSENSUS_STATUS;
    bench.message->status = (struct status_report){
        .sender = from, .is_answer = is_answer, .nonce = is_answer ? bench.start.nonce : 0};
    sample_sign_status(&bench.message->status);
    tell(from);
}

static void tell_proposal(const struct header *h, uint32_t from)
{
    bench.message->kind = CONSENSUS_PROPOSAL;
    bench.message->proposal = sample_proposal(h);
    tell(from);
}

static void give_body(const struct header *h)
{
    struct consensus_event event = {
        .kind = CONSENSUS_ON_BODY_OK, .header = h, .hash = header_hash(h)};
    step(&event);
    settle();
}

static void tick(uint64_t ms, uint32_t waiting)
{
    bench.now_ms += ms;
    struct consensus_event event = {.kind = CONSENSUS_ON_TICK, .waiting = waiting};
    step(&event);
    settle();
}

/* Validator 3, which asks the others what it has said. */
static void start(void)
{
    struct consensus_config config = {.chain_id = sample_chain_id(),
                                      .validators = sample_validators(),
                                      .self = 3,
                                      .signer = sample_signer(),
                                      .node_key = sample_node_secret(3),
                                      .exec_version = 1,
                                      .block_txs_max = 100,
                                      .batch_age_ms = 10,
                                      .is_voter = true};
    assert_int_equal(consensus_new(&bench.engine, mem_system(), &config, &bench.start), ST_OK);
    tick(10, 0);
}

/* It heard enough answers to vote. */
static void run(void)
{
    start();
    tell_status(0, true);
    tell_status(1, true);
}

static void end(void)
{
    consensus_free(bench.engine);
    bench.engine = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    mem_free(mem_system(), bench.message);
    return 0;
}

/* A restarted node has the certificate of its final block in its record alone. It adopts an anchor
 * that others chose from lower final blocks, and must still be able to change views. */
static void the_roots_certificate_survives_a_new_view(void **state)
{
    (void)state;
    begin();
    store_blocks(1);
    bench.record = (struct consensus_record){.is_open = true,
                                             .anchor_hash = sample_chain_id(),
                                             .final_height = 1,
                                             .final_hash = bench.start.hash,
                                             .has_final_cert = true,
                                             .final_cert = bench.history.final_cert,
                                             .has_hq = true};
    bench.record.hq = sample_quorum(VOTE_P1, 0, &bench.history.blocks[0], 1, 3);
    bench.start.record = &bench.record;
    run();
    struct new_view *nv = &bench.message->new_view;
    bench.message->kind = CONSENSUS_NEW_VIEW;
    sample_new_view(nv, &bench.history);
    for (uint32_t i = 0; i < nv->vc_count; i++) {
        struct view_change *vc = &nv->vcs[i];
        vc->final_height = 0;
        vc->final_hash = sample_chain_id();
        vc->has_final_cert = false;
        vc->header_count = 1;
        vc->headers[0] = bench.history.blocks[0];
        vc->hq = bench.record.hq;
        sample_sign_view_change(vc);
    }
    nv->height = 1;
    nv->hash = bench.start.hash;
    sample_sign_new_view(nv);
    tell(1);
    struct consensus_stand stand;
    consensus_stand_of(bench.engine, &stand, bench.now_ms);
    assert_int_equal(stand.view, 1);
    assert_true(stand.is_open);
    for (int i = 0; i < 400 && bench.changes == 0; i++) {
        tick(10, 1);
        tell_status(0, false);
        tell_status(2, false);
    }
    assert_true(bench.changes > 0);
    end();
}

static struct header first_block(uint8_t variant)
{
    struct header h = sample_child(NULL, 0, variant);
    h.history_root = hash_of("", span_of(NULL, 0));
    return h;
}

static void tell_vote(const struct vote *v)
{
    bench.message->kind = CONSENSUS_VOTE;
    bench.message->vote = *v;
    tell(v->voter);
}

static void make_final(const struct header *h)
{
    tell_proposal(h, 0);
    give_body(h);
    for (uint32_t i = 0; i < 3; i++) {
        struct vote v = sample_p1(i, 0, h);
        tell_vote(&v);
    }
    for (uint32_t i = 0; i < 3; i++) {
        struct vote v = sample_p2(i, 0, h);
        tell_vote(&v);
    }
    struct consensus_stand stand;
    consensus_stand_of(bench.engine, &stand, bench.now_ms);
    assert_int_equal(stand.final_height, 1);
}

/* The second header of a leader convicts it also when the first one is final already. */
static void a_second_proposal_convicts_after_finality(void **state)
{
    (void)state;
    begin();
    run();
    struct header one = first_block(0);
    struct header two = first_block(1);
    make_final(&one);
    tell_proposal(&two, 1);
    assert_int_equal(bench.proofs, 1);
    end();
}

static void a_second_proposal_convicts_after_the_view(void **state)
{
    (void)state;
    begin();
    run();
    struct header one = first_block(0);
    struct header two = first_block(1);
    tell_proposal(&one, 0);
    bench.message->kind = CONSENSUS_NEW_VIEW;
    struct new_view *nv = &bench.message->new_view;
    sample_new_view(nv, &bench.history);
    nv->height = 0;
    nv->hash = sample_chain_id();
    for (uint32_t i = 0; i < 3; i++) {
        nv->vcs[i] = (struct view_change){
            .to_view = 1, .sender = i, .final_hash = sample_chain_id(), .voted_view = 0};
        sample_sign_view_change(&nv->vcs[i]);
    }
    sample_sign_new_view(nv);
    tell(1);
    tell_proposal(&two, 1);
    assert_int_equal(bench.proofs, 1);
    end();
}

/* So does a second vote of a voter. */
static void a_second_vote_convicts_after_finality(void **state)
{
    (void)state;
    begin();
    run();
    struct header one = first_block(0);
    struct header two = first_block(1);
    make_final(&one);
    struct vote v = sample_p1(2, 0, &two);
    tell_vote(&v);
    assert_int_equal(bench.proofs, 1);
    end();
}

static struct vote vote_result(uint32_t voter, uint64_t height, const struct hash *digest)
{
    struct vote v = {.voter = voter, .parts = {{.is_null = true}, {.is_null = true}, {.epoch = 0}}};
    v.parts[VOTE_P3].height = height;
    v.parts[VOTE_P3].hash = *digest;
    sample_sign_vote(&v);
    return v;
}

/* A vote that comes after its block is final changes nothing, but its voter is known to vote. A
 * forged one says nothing. */
static void who_votes_late_is_seen_voting(void **state)
{
    (void)state;
    begin();
    run();
    struct header one = first_block(0);
    make_final(&one);
    struct hash digest = header_hash(&one);
    struct consensus_event event = {.kind = CONSENSUS_ON_EXECUTED, .height = 1, .digest = digest};
    step(&event);
    settle();
    struct vote v = vote_result(0, 1, &digest);
    tell_vote(&v);
    v = vote_result(1, 1, &digest);
    tell_vote(&v);
    struct consensus_stand stand;
    consensus_stand_of(bench.engine, &stand, bench.now_ms);
    assert_int_equal(stand.result_height, 1);
    assert_int_equal(stand.peers[2].vote_heights[VOTE_P3], 0);
    v = vote_result(2, 1, &digest);
    v.sig.bytes[5] ^= 1;
    tell_vote(&v);
    consensus_stand_of(bench.engine, &stand, bench.now_ms);
    assert_int_equal(stand.peers[2].vote_heights[VOTE_P3], 0);
    v.sig.bytes[5] ^= 1;
    tell_vote(&v);
    consensus_stand_of(bench.engine, &stand, bench.now_ms);
    assert_int_equal(stand.peers[2].vote_heights[VOTE_P3], 1);
    end();
}

/* Who is shown a vote for another block than the leader gave it shows its voter the leader's word.
 */
static void two_words_of_a_leader_meet(void **state)
{
    (void)state;
    begin();
    run();
    struct header one = first_block(0);
    struct header two = first_block(1);
    tell_proposal(&one, 0);
    struct vote v = sample_p1(1, 0, &one);
    tell_vote(&v);
    assert_int_equal(bench.shown, 0);
    v = sample_p1(2, 0, &two);
    tell_vote(&v);
    assert_int_equal(bench.shown, 1);
    tell_vote(&v); /* Once. */
    assert_int_equal(bench.shown, 1);
    end();
}

static void tell_change(uint32_t from, uint64_t view)
{
    bench.message->kind = CONSENSUS_VIEW_CHANGE;
    bench.message->view_change =
        (struct view_change){.to_view = view, .sender = from, .final_hash = sample_chain_id()};
    sample_sign_view_change(&bench.message->view_change);
    tell(from);
}

/* When a view change is due to be said again and its view has failed, too, the new one must not
 * leave in the place of the old one: it is not durable yet. */
static void a_view_change_waits_for_its_record(void **state)
{
    (void)state;
    begin();
    run();
    tell_change(0, 1);
    tell_change(1, 1);
    assert_int_equal(bench.durable_view, 1);
    tick(10, 1);
    bench.now_ms += 1200;
    tell_status(0, false);
    tell_status(2, false);
    tick(10, 1);
    assert_int_equal(bench.durable_view, 2);
    end();
}

/* A leader that restarts may not propose in its view again and leaves it: so do all that are
 * connected, also when nothing waits. Another's word alone moves nobody. */
static void a_view_that_its_leader_left_is_over(void **state)
{
    (void)state;
    begin();
    run();
    struct consensus_stand stand;
    tell_change(2, 1);
    tick(10, 0);
    consensus_stand_of(bench.engine, &stand, bench.now_ms);
    assert_int_equal(stand.view, 0);
    end();
    begin();
    run();
    tell_change(0, 3);
    tick(10, 0);
    consensus_stand_of(bench.engine, &stand, bench.now_ms);
    assert_int_equal(stand.view, 1);
    assert_int_equal(stand.failed_views, 0);
    assert_int_equal(bench.changes, 1);
    end();
}

/* Who hears too few to open another view stays, whatever the leader does. */
static void nobody_follows_a_leader_into_silence(void **state)
{
    (void)state;
    begin();
    run();
    bench.now_ms += 60000;
    tell_change(0, 1);
    tick(10, 0);
    struct consensus_stand stand;
    consensus_stand_of(bench.engine, &stand, bench.now_ms);
    assert_int_equal(stand.view, 0);
    end();
}

static void connect(uint32_t peer, bool is_up)
{
    struct consensus_event event = {.kind = CONSENSUS_ON_PEER, .from = peer, .is_up = is_up};
    step(&event);
}

/* What node 1 says that node 2 has said. */
static void pass_on(uint64_t final_height, bool is_spoilt)
{
    bench.now_ms += 1000;
    bench.message->kind = CONSENSUS_STATUS;
    bench.message->status = (struct status_report){.sender = 2, .final_height = final_height};
    sample_sign_status(&bench.message->status);
    if (is_spoilt) bench.message->status.sig.bytes[9] ^= 1;
    tell(1);
}

static void assert_known(uint64_t final_height, enum consensus_reject refused)
{
    struct consensus_stand stand;
    consensus_stand_of(bench.engine, &stand, bench.now_ms);
    assert_int_equal(stand.peers[2].final_height, final_height);
    assert_int_equal(stand.peers[2].heard_mono_ms == bench.now_ms, refused == REJECT_NONE);
    if (refused != REJECT_NONE) assert_int_equal(stand.rejects[refused], 1);
}

/* Who is connected speaks for itself; what another one passes on counts when it is signed and not
 * older than what is known. */
static void old_words_of_others_do_not_count(void **state)
{
    (void)state;
    begin();
    run();
    connect(2, true);
    pass_on(9, false);
    assert_known(0, REJECT_SENDER);
    connect(2, false);
    pass_on(9, true);
    assert_known(0, REJECT_SIGNATURE);
    pass_on(9, false);
    assert_known(9, REJECT_NONE);
    pass_on(8, false);
    assert_known(9, REJECT_STALE);
    pass_on(9, false); /* An idle node says the same again and again. */
    assert_known(9, REJECT_NONE);
    tell(3);
    assert_known(9, REJECT_NONE);
    struct consensus_stand stand;
    consensus_stand_of(bench.engine, &stand, bench.now_ms);
    assert_int_equal(stand.rejects[REJECT_DUPLICATE], 1); /* Through two others at once. */
    end();
}

/* Not yet sure of its own past, it adopts an anchor; sure of it, it votes for that anchor. */
static void the_anchor_is_voted_for_after_admission(void **state)
{
    (void)state;
    begin();
    start();
    struct header one = first_block(0);
    bench.message->kind = CONSENSUS_NEW_VIEW;
    struct new_view *nv = &bench.message->new_view;
    sample_new_view(nv, &bench.history);
    nv->height = 1;
    nv->hash = header_hash(&one);
    for (uint32_t i = 0; i < 3; i++) {
        nv->vcs[i] = (struct view_change){.to_view = 1,
                                          .sender = i,
                                          .final_hash = sample_chain_id(),
                                          .header_count = 1,
                                          .headers = {one},
                                          .has_hq = true};
        nv->vcs[i].hq = sample_quorum(VOTE_P1, 0, &one, 0, 3);
        sample_sign_view_change(&nv->vcs[i]);
    }
    sample_sign_new_view(nv);
    tell(1);
    give_body(&one);
    assert_int_equal(bench.votes, 0);
    tell_status(0, true);
    tell_status(1, true);
    assert_int_equal(bench.votes, 1);
    assert_int_equal(bench.vote.parts[VOTE_P1].view, 1);
    assert_int_equal(bench.vote.parts[VOTE_P1].height, 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_refused_can_be_the_anchor),
        cmocka_unit_test(the_roots_certificate_survives_a_new_view),
        cmocka_unit_test(a_second_proposal_convicts_after_finality),
        cmocka_unit_test(a_second_proposal_convicts_after_the_view),
        cmocka_unit_test(a_second_vote_convicts_after_finality),
        cmocka_unit_test(who_votes_late_is_seen_voting),
        cmocka_unit_test(two_words_of_a_leader_meet),
        cmocka_unit_test(a_view_change_waits_for_its_record),
        cmocka_unit_test(a_view_that_its_leader_left_is_over),
        cmocka_unit_test(nobody_follows_a_leader_into_silence),
        cmocka_unit_test(old_words_of_others_do_not_count),
        cmocka_unit_test(the_anchor_is_voted_for_after_admission),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
