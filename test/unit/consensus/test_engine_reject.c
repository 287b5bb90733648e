/* Goal: for each reason of refusal there is something that is refused for that reason, and the
 * engine goes on afterwards; a new reason without such a case fails here. */
#include "support/cmocka_all.h"
#include "support/engine_forge.h"

#define NODE 2u /* Who refuses: leads neither view 0 nor view 1. */

static struct new_view new_view;

typedef void refused_case(struct engine_rig *r);

static struct vote some_vote(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    struct statement s = forge_statement(0, &h);
    return forge_vote(r, 3, VOTE_P1, &s);
}

static void tell_header(struct engine_rig *r, const struct header *h)
{
    struct proposal p = forge_proposal(r, h);
    assert_int_equal(forge_tell_proposal(r, NODE, &p), ST_REJECTED);
}

static void epoch(struct engine_rig *r)
{
    struct vote v = some_vote(r);
    v.parts[VOTE_P1].epoch = 1;
    forge_sign_vote(r, &v);
    assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
    struct header h = forge_first(r, 0, 1);
    h.epoch = 1;
    tell_header(r, &h);
    struct view_change vc = forge_view_change(r, 3, 1);
    vc.epoch = 1;
    assert_int_equal(forge_tell_view_change(r, NODE, &vc), ST_REJECTED);
    forge_new_view(r, &new_view, 1);
    new_view.epoch = 1;
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_REJECTED);
    assert_int_equal(forge_refused(r, NODE, REJECT_EPOCH), 4);
}

static void chain(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.chain_id.bytes[0] ^= 1;
    tell_header(r, &h);
}

static void sender(struct engine_rig *r)
{
    struct vote v = some_vote(r);
    v.voter = 4;
    assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
    struct header h = forge_first(r, 0, 1);
    h.proposer = 4;
    tell_header(r, &h);
    struct view_change vc = forge_view_change(r, 3, 1);
    vc.sender = 4;
    assert_int_equal(forge_tell_view_change(r, NODE, &vc), ST_REJECTED);
    forge_new_view(r, &new_view, 1);
    new_view.sender = 4;
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_REJECTED);
    assert_int_equal(forge_refused(r, NODE, REJECT_SENDER), 4);
}

static void signature(struct engine_rig *r)
{
    struct vote v = some_vote(r);
    v.sig.bytes[5] ^= 1;
    assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
    struct header h = forge_first(r, 0, 1);
    struct proposal p = forge_proposal(r, &h);
    p.sig.bytes[0] ^= 1;
    assert_int_equal(forge_tell_proposal(r, NODE, &p), ST_REJECTED);
    struct view_change vc = forge_view_change(r, 3, 1);
    assert_int_equal(forge_tell_view_change(r, NODE, &vc), ST_OK);
    vc.voted_view = 0;
    vc.has_hq = false;
    vc.to_view = 1;
    vc.epoch = 0;
    vc.final_hash.bytes[0] ^= 1; /* Another one for the same view: only a signature makes it E4. */
    assert_int_equal(forge_tell_view_change(r, NODE, &vc), ST_REJECTED);
    forge_new_view(r, &new_view, 1);
    new_view.sig.bytes[0] ^= 1;
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_REJECTED);
    assert_int_equal(forge_refused(r, NODE, REJECT_SIGNATURE), 4);
}

static void old_view(struct engine_rig *r)
{
    forge_new_view(r, &new_view, 1);
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_OK);
    struct header h = forge_first(r, 0, 1);
    tell_header(r, &h);
    struct view_change vc = forge_view_change(r, 3, 0);
    assert_int_equal(forge_tell_view_change(r, NODE, &vc), ST_REJECTED);
    forge_new_view(r, &new_view, 0);
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_REJECTED);
    for (uint64_t view = 9; view >= 7; view--) { /* Two newer ones are kept. */
        struct statement s = forge_statement(view, &h);
        struct vote v = forge_vote(r, 3, VOTE_P1, &s);
        assert_int_equal(forge_tell_vote(r, NODE, &v), view == 7 ? ST_REJECTED : ST_OK);
    }
    for (uint64_t view = 9; view >= 7; view--) {
        vc = forge_view_change(r, 3, view);
        assert_int_equal(forge_tell_view_change(r, NODE, &vc), view == 7 ? ST_REJECTED : ST_OK);
    }
    assert_int_equal(forge_refused(r, NODE, REJECT_OLD_VIEW), 5);
}

static void far_view(struct engine_rig *r)
{
    struct header h = forge_first(r, 4, 1);
    tell_header(r, &h);
    struct statement s = forge_statement(1ull << 63, &h);
    struct vote v = forge_vote(r, 3, VOTE_P1, &s);
    assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
    struct view_change vc = forge_view_change(r, 3, UINT64_MAX);
    assert_int_equal(forge_tell_view_change(r, NODE, &vc), ST_REJECTED);
    forge_new_view(r, &new_view, (1ull << 63) + 1);
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_REJECTED);
    assert_int_equal(forge_refused(r, NODE, REJECT_FAR_VIEW), 4);
}

static void not_leader(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.proposer = 1;
    tell_header(r, &h);
    forge_new_view(r, &new_view, 1);
    new_view.sender = 3;
    forge_sign_new_view(r, &new_view);
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_REJECTED);
    assert_int_equal(forge_refused(r, NODE, REJECT_NOT_LEADER), 2);
}

static void height(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.height = 2 * CONSENSUS_WINDOW + 1;
    tell_header(r, &h);
    struct statement s = forge_statement(0, &h);
    for (int part = VOTE_P1; part < VOTE_PARTS; part++) {
        if (part == VOTE_P3) s.height = 2 * CONSENSUS_LAG_MAX + 1;
        struct vote v = forge_vote(r, 3, (enum vote_part)part, &s);
        assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
    }
    assert_int_equal(forge_refused(r, NODE, REJECT_HEIGHT), 4);
}

static void parent(struct engine_rig *r)
{
    struct header first = forge_first(r, 0, 1);
    struct proposal p = forge_proposal(r, &first);
    assert_int_equal(forge_tell_proposal(r, NODE, &p), ST_OK);
    struct header other = forge_first(r, 0, 2);
    struct header h = forge_child(r, &other, 0, 1);
    tell_header(r, &h);
}

static void header_time(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.time_ms += CONSENSUS_PREC_MS + 1;
    tell_header(r, &h);
    assert_int_equal(forge_refused(r, NODE, REJECT_TIME), 1);
}

static void too_old(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.time_ms -= CONSENSUS_DELAY_MS + CONSENSUS_PREC_MS + 1;
    tell_header(r, &h);
    assert_int_equal(forge_refused(r, NODE, REJECT_TIME), 1);
}

static void mode(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.mode = MODE_FAST;
    tell_header(r, &h);
}

static void version(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.exec_version = 2;
    tell_header(r, &h);
}

static void history(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.history_root.bytes[0] ^= 1;
    tell_header(r, &h);
}

static void flags(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.flags = BLOCK_CHECKPOINT;
    tell_header(r, &h);
}

static void counts(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.tx_count = engine_rig_config(r, NODE)->block_txs_max + 1;
    tell_header(r, &h);
}

static void equivocation(struct engine_rig *r)
{
    struct header a = forge_first(r, 0, 1);
    struct header b = forge_first(r, 0, 2);
    for (int part = VOTE_P1; part < VOTE_PARTS; part++) {
        struct statement s = forge_statement(0, &a);
        struct vote v = forge_vote(r, 3, (enum vote_part)part, &s);
        assert_int_equal(forge_tell_vote(r, NODE, &v), ST_OK);
        s = forge_statement(0, &b);
        v = forge_vote(r, 3, (enum vote_part)part, &s);
        assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
    }
    assert_int_equal(forge_refused(r, NODE, REJECT_EQUIVOCATION), 3);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E2), 1);
}

static void duplicate(struct engine_rig *r)
{
    struct vote v = some_vote(r);
    assert_int_equal(forge_tell_vote(r, NODE, &v), ST_OK);
    assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
    struct header h = forge_first(r, 0, 1);
    struct statement s = forge_statement(0, &h);
    v = forge_vote(r, 3, VOTE_P3, &s);
    assert_int_equal(forge_tell_vote(r, NODE, &v), ST_OK);
    assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
    struct proposal p = forge_proposal(r, &h);
    assert_int_equal(forge_tell_proposal(r, NODE, &p), ST_OK);
    assert_int_equal(forge_tell_proposal(r, NODE, &p), ST_REJECTED);
    struct view_change vc = forge_view_change(r, 3, 1);
    assert_int_equal(forge_tell_view_change(r, NODE, &vc), ST_OK);
    assert_int_equal(forge_tell_view_change(r, NODE, &vc), ST_REJECTED);
    forge_new_view(r, &new_view, 1);
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_OK);
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_REJECTED);
    assert_int_equal(forge_refused(r, NODE, REJECT_DUPLICATE), 5);
}

static void body(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    engine_rig_add_body(r, &h, true);
    struct proposal p = forge_proposal(r, &h);
    assert_int_equal(forge_tell_proposal(r, NODE, &p), ST_OK);
    engine_rig_run(r, 2);
    struct consensus_stand stand;
    engine_rig_stand(r, NODE, &stand);
    assert_true(stand.peers[0].is_convicted);
    assert_int_equal(stand.view, 1); /* The leader's fault is proven: its view is over. */
    assert_int_equal(forge_refused(r, NODE, REJECT_BODY), 1);
}

static enum status tell_body(struct engine_rig *r,
                             const struct header *h,
                             const struct certificate *final_cert,
                             const struct certificate *res_cert)
{
    struct consensus_event event = {.kind = CONSENSUS_ON_BODY_OK,
                                    .header = h,
                                    .hash = header_hash(h),
                                    .final_cert = final_cert,
                                    .res_cert = res_cert};
    return engine_rig_step(r, NODE, &event);
}

static void final_cert(struct engine_rig *r)
{
    struct header first = forge_first(r, 0, 1);
    struct header h = forge_child(r, &first, 0, 1);
    struct statement s = forge_statement(0, &first);
    struct certificate cert = forge_certificate(r, VOTE_P2, &s, 0, 3);
    h.final_height = 1;
    h.final_cert_hash = certificate_hash(&cert);
    assert_int_equal(tell_body(r, &h, NULL, NULL), ST_REJECTED);
    h.tx_root.bytes[1] = 1;
    cert.entries[1].sig.bytes[0] ^= 1;
    assert_int_equal(tell_body(r, &h, &cert, NULL), ST_REJECTED);
    struct header bad = forge_first(r, 0, 3);
    bad.final_height = 1;
    tell_header(r, &bad);
    assert_int_equal(forge_refused(r, NODE, REJECT_FINAL_CERT), 3);
}

static void result_cert(struct engine_rig *r)
{
    struct header first = forge_first(r, 0, 1);
    struct header h = forge_child(r, &first, 0, 1);
    struct statement s = forge_statement(0, &first);
    struct certificate cert = forge_certificate(r, VOTE_P3, &s, 0, 2); /* One too few. */
    h.res_height = 1;
    h.res_digest = s.hash;
    h.res_cert_hash = certificate_hash(&cert);
    assert_int_equal(tell_body(r, &h, NULL, &cert), ST_REJECTED);
    h.tx_root.bytes[1] = 1;
    assert_int_equal(tell_body(r, &h, NULL, NULL), ST_REJECTED);
    struct header bad = forge_first(r, 0, 3);
    bad.res_height = 1;
    tell_header(r, &bad);
    assert_int_equal(forge_refused(r, NODE, REJECT_RESULT_CERT), 3);
}

static void result(struct engine_rig *r)
{
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 1000));
    struct header first = forge_first(r, 0, 1);
    struct header h = forge_child(r, &first, 0, 1);
    h.height = 3;
    struct statement s = {.height = 1};
    s.hash.bytes[0] = 7;
    struct certificate cert = forge_certificate(r, VOTE_P3, &s, 0, 3);
    h.res_height = 1;
    h.res_digest = s.hash;
    h.res_cert_hash = certificate_hash(&cert);
    assert_int_equal(tell_body(r, &h, NULL, &cert), ST_REJECTED);
}

/* A header that names notes, and a body without them. */
static void notes(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.notes_hash.bytes[0] = 1;
    assert_int_equal(tell_body(r, &h, NULL, NULL), ST_REJECTED);
}

static void lag(struct engine_rig *r)
{
    for (int i = 0; i < 200; i++) {
        engine_rig_submit(r, 1);
        engine_rig_run(r, 20);
    }
    struct consensus_stand stand;
    engine_rig_stand(r, NODE, &stand);
    assert_int_equal(stand.view, 0);
    assert_int_equal(stand.final_height, CONSENSUS_LAG_MAX); /* The leader stopped. */
    struct header h = forge_first(r, 0, 1);
    h.height = stand.tip_height + 1;
    h.parent = stand.tip_hash;
    h.final_height = stand.tip_height - 1;
    h.final_cert_hash = stand.tip_hash;
    tell_header(r, &h);
}

static void vote_empty(struct engine_rig *r)
{
    struct vote v = some_vote(r);
    v.parts[VOTE_P1].is_null = true;
    forge_sign_vote(r, &v);
    assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
}

static void tell_change(struct engine_rig *r, struct view_change *vc)
{
    forge_sign_view_change(r, vc);
    assert_int_equal(forge_tell_view_change(r, NODE, vc), ST_REJECTED);
}

static void vc_final(struct engine_rig *r)
{
    struct view_change vc = forge_view_change(r, 3, 1);
    vc.final_height = 5;
    tell_change(r, &vc);
}

static void vc_chain(struct engine_rig *r)
{
    struct view_change vc = forge_view_change(r, 3, 1);
    vc.header_count = 1;
    vc.headers[0] = forge_first(r, 0, 1);
    vc.headers[0].height = 2;
    tell_change(r, &vc);
}

static void vc_voted_view(struct engine_rig *r)
{
    struct view_change vc = forge_view_change(r, 3, 1);
    vc.voted_view = 1;
    tell_change(r, &vc);
}

static void vc_hq(struct engine_rig *r)
{
    struct view_change vc = forge_view_change(r, 3, 1);
    struct header h = forge_first(r, 0, 1);
    struct statement s = forge_statement(0, &h);
    vc.has_hq = true;
    vc.hq = forge_certificate(r, VOTE_P1, &s, 0, 2);
    tell_change(r, &vc);
}

static void tell_new_view(struct engine_rig *r)
{
    engine_rig_set_byzantine(r, 1);
    forge_sign_new_view(r, &new_view);
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_REJECTED);
    assert_int_equal(engine_rig_evidence(r, EVIDENCE_E5), 1);
}

static void vc_tip(struct engine_rig *r)
{
    struct view_change vc = forge_view_change(r, 3, 1);
    vc.has_tip_sig = true; /* Only raft's have one. */
    tell_change(r, &vc);
}

static void nv_count(struct engine_rig *r)
{
    forge_new_view(r, &new_view, 1);
    new_view.vcs[new_view.vc_count++] = forge_view_change(r, 3, 1);
    tell_new_view(r);
}

static void nv_senders(struct engine_rig *r)
{
    forge_new_view(r, &new_view, 1);
    new_view.vcs[1] = new_view.vcs[0];
    tell_new_view(r);
}

static void nv_view(struct engine_rig *r)
{
    forge_new_view(r, &new_view, 1);
    new_view.vcs[1] = forge_view_change(r, 1, 2);
    tell_new_view(r);
}

static void nv_vc(struct engine_rig *r)
{
    forge_new_view(r, &new_view, 1);
    new_view.vcs[1].voted_view = 1;
    forge_sign_view_change(r, &new_view.vcs[1]);
    tell_new_view(r);
}

static void nv_word(struct engine_rig *r)
{
    forge_new_view(r, &new_view, 1);
    new_view.has_word = true; /* Only raft's has one. */
    tell_new_view(r);
}

static void nv_anchor(struct engine_rig *r)
{
    forge_new_view(r, &new_view, 1);
    struct header h = forge_first(r, 0, 1);
    new_view.height = 1;
    new_view.hash = header_hash(&h);
    tell_new_view(r);
}

static void stale(struct engine_rig *r)
{
    struct header h = forge_first(r, 0, 1);
    h.height = 0;
    struct statement s = forge_statement(0, &h);
    for (int part = VOTE_P1; part < VOTE_PARTS; part++) {
        struct vote v = forge_vote(r, 3, (enum vote_part)part, &s);
        assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
    }
    struct header own = forge_first(r, NODE, 1);
    tell_header(r, &own);
    forge_new_view(r, &new_view, NODE);
    assert_int_equal(forge_tell_new_view(r, NODE, &new_view), ST_REJECTED);
    assert_int_equal(forge_refused(r, NODE, REJECT_STALE), 5);
}

/* A quorum locks a block that does not descend from what is final: more than f are lying. */
static void halted(struct engine_rig *r)
{
    engine_rig_submit(r, 1);
    assert_true(engine_rig_settle(r, 1000));
    struct consensus_stand stand;
    engine_rig_stand(r, NODE, &stand);
    struct header h = forge_first(r, 0, 1);
    h.height = stand.final_height + 1;
    struct proposal p = forge_proposal(r, &h);
    (void)forge_tell_proposal(r, NODE, &p);
    struct statement s = forge_statement(0, &h);
    for (uint32_t i = 0; i < 4; i++) {
        if (i != NODE) engine_rig_set_byzantine(r, i);
        struct vote v = forge_vote(r, i, VOTE_P2, &s);
        if (i != NODE) (void)forge_tell_vote(r, NODE, &v);
    }
    assert_int_equal(engine_rig_alarms(r, ALARM_CONFLICT), 1);
    assert_true(engine_rig_evidence(r, EVIDENCE_E9) >= 2); /* Who signed both certificates. */
    struct vote v = some_vote(r);
    assert_int_equal(forge_tell_vote(r, NODE, &v), ST_REJECTED);
}

static refused_case *const cases[REJECT_COUNT] = {
    [REJECT_EPOCH] = epoch,
    [REJECT_CHAIN] = chain,
    [REJECT_SENDER] = sender,
    [REJECT_SIGNATURE] = signature,
    [REJECT_OLD_VIEW] = old_view,
    [REJECT_FAR_VIEW] = far_view,
    [REJECT_NOT_LEADER] = not_leader,
    [REJECT_HEIGHT] = height,
    [REJECT_PARENT] = parent,
    [REJECT_TIME] = header_time,
    [REJECT_MODE] = mode,
    [REJECT_VERSION] = version,
    [REJECT_HISTORY] = history,
    [REJECT_FLAGS] = flags,
    [REJECT_COUNTS] = counts,
    [REJECT_EQUIVOCATION] = equivocation,
    [REJECT_DUPLICATE] = duplicate,
    [REJECT_BODY] = body,
    [REJECT_FINAL_CERT] = final_cert,
    [REJECT_RESULT_CERT] = result_cert,
    [REJECT_RESULT] = result,
    [REJECT_NOTES] = notes,
    [REJECT_LAG] = lag,
    [REJECT_VOTE_EMPTY] = vote_empty,
    [REJECT_VC_FINAL] = vc_final,
    [REJECT_VC_CHAIN] = vc_chain,
    [REJECT_VC_VOTED_VIEW] = vc_voted_view,
    [REJECT_VC_HQ] = vc_hq,
    [REJECT_VC_TIP] = vc_tip,
    [REJECT_NV_COUNT] = nv_count,
    [REJECT_NV_SENDERS] = nv_senders,
    [REJECT_NV_VIEW] = nv_view,
    [REJECT_NV_VC] = nv_vc,
    [REJECT_NV_WORD] = nv_word,
    [REJECT_NV_ANCHOR] = nv_anchor,
    [REJECT_STALE] = stale,
    [REJECT_HALTED] = halted,
};

static void run_case(refused_case *one, enum consensus_reject reason)
{
    bool is_slow = reason == REJECT_LAG; /* Blocks pile up that nobody has executed. */
    struct engine_rig *r =
        engine_rig_new(&(struct engine_rig_options){.count = 4, .execute_ms = is_slow ? 60000 : 0});
    engine_rig_set_byzantine(r, 3); /* In whose name most of it is said. */
    engine_rig_run(r, 100);
    assert_int_equal(forge_refused(r, NODE, reason), 0);
    one(r);
    if (forge_refused(r, NODE, reason) == 0)
        fail_msg("nothing was refused as %s", consensus_reject_name(reason));
    engine_rig_free(r);
}

static void each_reason_is_reached(void **state)
{
    (void)state;
    for (int i = REJECT_NONE + 1; i < REJECT_COUNT; i++) {
        enum consensus_reject reason = (enum consensus_reject)i;
        if (cases[i] == NULL) fail_msg("no case for %s", consensus_reject_name(reason));
        run_case(cases[i], reason);
    }
    run_case(too_old, REJECT_TIME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_reason_is_reached)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
