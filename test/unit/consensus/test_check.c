/* Goal: a view change or a new view is valid only when each of its parts is, and the reason of a
 * refusal is the one that its reader acts on. */
#include "consensus/check.h"

#include "support/cmocka_all.h"
#include "support/sample_consensus.h"

static struct sample_history history;
static struct view_change vc;
static struct new_view *nv;

static int set_up(void **state)
{
    (void)state;
    history = sample_history();
    nv = mem_alloc_zero(mem_system(), 1, sizeof *nv);
    return nv == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_free(mem_system(), nv);
    return 0;
}

/* Signed again, so that the signature is not what is refused. */
static void assert_change(enum consensus_reject want)
{
    struct check_context context = sample_check_context();
    sample_sign_view_change(&vc);
    assert_string_equal(consensus_reject_name(view_change_check(&vc, &context)),
                        consensus_reject_name(want));
    sample_view_change(&vc, &history, 2);
}

static void view_changes_hold_in_every_part(void **state)
{
    (void)state;
    sample_view_change(&vc, &history, 2);
    assert_change(REJECT_NONE);
    vc.epoch = 1;
    assert_change(REJECT_EPOCH);
    struct check_context context = sample_check_context();
    vc.sender = SAMPLE_NODES;
    assert_int_equal(view_change_check(&vc, &context), REJECT_SENDER);
    vc.sender = 1; /* Another's word. */
    assert_int_equal(view_change_check(&vc, &context), REJECT_SIGNATURE);
    sample_view_change(&vc, &history, 2);
    vc.sig.bytes[7] ^= 1;
    assert_int_equal(view_change_check(&vc, &context), REJECT_SIGNATURE);
    sample_view_change(&vc, &history, 2);
    vc.voted_view = 1;
    assert_change(REJECT_VC_VOTED_VIEW);
    vc.to_view = 0;
    assert_change(REJECT_VC_VOTED_VIEW);
}

static void headers_are_a_chain_on_the_final_block(void **state)
{
    (void)state;
    sample_view_change(&vc, &history, 2);
    vc.headers[1].parent.bytes[0] ^= 1;
    assert_change(REJECT_VC_CHAIN);
    vc.headers[0].time_ms++; /* The second names another parent. */
    assert_change(REJECT_VC_CHAIN);
    vc.headers[1].height++;
    assert_change(REJECT_VC_CHAIN);
    vc.headers[1].epoch++;
    assert_change(REJECT_VC_CHAIN);
    vc.headers[1].view = 1; /* Above the voted view. */
    assert_change(REJECT_VC_CHAIN);
    vc.headers[1].chain_id.bytes[0] ^= 1;
    assert_change(REJECT_VC_CHAIN);
    vc.headers[0] = vc.headers[1];
    vc.header_count = 1;
    assert_change(REJECT_VC_CHAIN);
    vc.header_count = 0;
    vc.has_hq = false;
    assert_change(REJECT_NONE);
}

static void the_final_block_is_certified(void **state)
{
    (void)state;
    sample_view_change(&vc, &history, 2);
    vc.has_final_cert = false;
    assert_change(REJECT_VC_FINAL);
    vc.final_cert.entry_count = 2;
    assert_change(REJECT_VC_FINAL);
    vc.final_cert.entries[1].sig.bytes[0] ^= 1;
    assert_change(REJECT_VC_FINAL);
    vc.final_cert = sample_quorum(VOTE_P1, 0, &history.blocks[0], 0, 3); /* Commits nothing. */
    assert_change(REJECT_VC_FINAL);
    vc.final_cert = sample_quorum(VOTE_P2, 0, &history.blocks[1], 0, 3); /* Another block. */
    assert_change(REJECT_VC_FINAL);
    vc.final_cert.statement.epoch = 1;
    assert_change(REJECT_VC_FINAL);
    struct header other = sample_child(NULL, 0, 1);
    vc.final_cert = sample_quorum(VOTE_P2, 0, &other, 0, 3);
    assert_change(REJECT_VC_FINAL);
    vc.header_count = 0;
    vc.final_height = 0;
    vc.final_hash = sample_chain_id();
    assert_change(REJECT_VC_FINAL); /* The genesis has no certificate. */
    vc.header_count = 0;
    vc.final_height = 0;
    vc.final_hash = sample_chain_id();
    vc.has_final_cert = vc.has_hq = false;
    assert_change(REJECT_NONE);
    vc.header_count = 0;
    vc.final_height = 0;
    vc.has_final_cert = false;
    assert_change(REJECT_VC_FINAL);
}

static void the_certificate_is_one(void **state)
{
    (void)state;
    sample_view_change(&vc, &history, 2);
    vc.has_hq = false;
    assert_change(REJECT_NONE);
    vc.hq.entry_count = 2;
    assert_change(REJECT_VC_HQ);
    vc.hq.entries[0].voter = SAMPLE_NODES;
    assert_change(REJECT_VC_HQ);
    vc.hq.statement.height++;
    assert_change(REJECT_VC_HQ);
    vc.hq = history.final_cert; /* Locks. */
    assert_change(REJECT_VC_HQ);
    vc.hq = sample_quorum(VOTE_P1, 1, &history.blocks[1], 0, 3); /* Of the new view itself. */
    assert_change(REJECT_VC_HQ);
    vc.hq.statement.epoch = 1;
    assert_change(REJECT_VC_HQ);
    struct header genesis = {.chain_id = sample_chain_id(), .mode = MODE_BFT};
    vc.hq = sample_quorum(VOTE_P1, 0, &genesis, 0, 3);
    assert_change(REJECT_VC_HQ);
}

/* hq stands on another branch than the chain: what leads to it is there, whole and once. */
static void the_branch_leads_to_the_certificate(void **state)
{
    (void)state;
    struct header b2 = sample_child(&history.blocks[0], 0, 1);
    struct header b3 = sample_child(&b2, 0, 1);
    struct header c3 = sample_child(&history.blocks[1], 0, 2);
    sample_view_change(&vc, &history, 2);
    vc.branch_count = 1; /* It stands on the chain already. */
    vc.branch[0] = history.blocks[1];
    assert_change(REJECT_VC_HQ);
    struct view_change low;
    sample_view_change(&low, &history, 2); /* On a fork from the final block. */
    low.hq = sample_quorum(VOTE_P1, 0, &b3, 0, 3);
    low.branch_count = 2;
    low.branch[0] = b2;
    low.branch[1] = b3;
    struct view_change high = low; /* On a fork from a header. */
    high.hq = sample_quorum(VOTE_P1, 0, &c3, 0, 3);
    high.branch_count = 1;
    high.branch[0] = c3;
    struct view_change above = high; /* Above the last header. */
    above.header_count = 1;
    vc = low;
    assert_change(REJECT_NONE);
    vc = high;
    assert_change(REJECT_NONE);
    vc = above;
    assert_change(REJECT_NONE);
    vc = low;
    vc.branch_count = 0; /* Not shown. */
    assert_change(REJECT_VC_HQ);
    vc = low;
    vc.branch_count = 1; /* Only its first part. */
    assert_change(REJECT_VC_HQ);
    vc = low;
    vc.branch_count = 3; /* Below the final block. */
    vc.branch[2] = b3;
    assert_change(REJECT_VC_HQ);
    vc = low;
    vc.branch[1].time_ms++; /* Leads elsewhere. */
    assert_change(REJECT_VC_HQ);
    vc = low;
    vc.branch[0].time_ms++; /* Not linked. */
    assert_change(REJECT_VC_HQ);
    vc = high;
    vc.branch[0].view = 1; /* Proposed after the certificate's view. */
    assert_change(REJECT_VC_HQ);
    vc = high;
    vc.branch_count = 2; /* Says a header of the chain again. */
    vc.branch[0] = history.blocks[1];
    vc.branch[1] = c3;
    assert_change(REJECT_VC_HQ);
    vc = above;
    vc.header_count = 0; /* Its fork is not shown. */
    assert_change(REJECT_VC_HQ);
    vc = low;
    vc.has_hq = false;
    assert_change(REJECT_VC_HQ);
}

static void far_and_old_certificates_need_no_branch(void **state)
{
    (void)state;
    sample_view_change(&vc, &history, 2);
    struct header far = history.blocks[2];
    far.height = vc.final_height + CONSENSUS_WINDOW + 1;
    vc.hq = sample_quorum(VOTE_P1, 0, &far, 0, 3);
    vc.branch_count = CONSENSUS_WINDOW;
    for (uint32_t i = 0; i < CONSENSUS_WINDOW; i++)
        vc.branch[i] = far;
    assert_change(REJECT_VC_HQ); /* Nobody could vote so far above. */
    vc.hq = sample_quorum(VOTE_P1, 0, &history.blocks[0], 0, 3);
    assert_change(REJECT_NONE); /* Final. */
    vc.hq = sample_quorum(VOTE_P1, 0, &history.blocks[0], 0, 3);
    vc.branch_count = 1;
    vc.branch[0] = history.blocks[0];
    assert_change(REJECT_VC_HQ);
    struct header fork = sample_child(&history.blocks[0], 0, 7);
    vc.to_view = 3; /* The final block is of a later view: what hq stood for is settled. */
    vc.final_cert = sample_quorum(VOTE_P2, 2, &history.blocks[0], 0, 3);
    vc.hq = sample_quorum(VOTE_P1, 1, &fork, 0, 3);
    assert_change(REJECT_NONE);
}

static void assert_view(enum consensus_reject want)
{
    struct check_context context = sample_check_context();
    struct select_result selected;
    sample_sign_new_view(nv);
    assert_string_equal(consensus_reject_name(new_view_check(nv, &context, &selected)),
                        consensus_reject_name(want));
    assert_int_equal(new_view_check(nv, &context, NULL), want);
    if (want == REJECT_NONE) assert_int_equal(selected.height, nv->height);
    sample_new_view(nv, &history);
}

static struct check_context raft_context(void)
{
    static struct validators raft;
    struct check_context context = sample_check_context();
    raft = *context.validators;
    raft.mode = MODE_RAFT;
    raft.f = 0;
    context.validators = &raft;
    return context;
}

static struct view_change raft_view_change(uint32_t sender)
{
    struct proposal word = sample_proposal(&history.blocks[2]);
    struct view_change right;
    sample_view_change(&right, &history, sender);
    right.has_hq = false;
    right.final_cert = sample_quorum(VOTE_P1, 0, &history.blocks[0], 0, 3);
    right.has_tip_sig = true;
    right.tip_sig = word.sig;
    sample_sign_view_change(&right);
    return right;
}

/* vc is signed again, and starts as a right one next time. */
static void assert_raft_change(enum consensus_reject want)
{
    struct check_context context = raft_context();
    sample_sign_view_change(&vc);
    assert_int_equal(view_change_check(&vc, &context), want);
    vc = raft_view_change(2);
}

/* raft: no certificate, and the leader's word for the last header. */
static void raft_shows_what_a_leader_gave(void **state)
{
    (void)state;
    sample_view_change(&vc, &history, 2);
    assert_raft_change(REJECT_VC_HQ);
    assert_raft_change(REJECT_NONE);
    vc.has_tip_sig = false;
    assert_raft_change(REJECT_VC_TIP);
    vc.tip_sig.bytes[5] ^= 1;
    assert_raft_change(REJECT_VC_TIP);
    vc.header_count = 0; /* Nothing to show a word for. */
    assert_raft_change(REJECT_VC_TIP);
    struct statement anchor = {.view = 2, .height = 3, .hash = header_hash(&history.blocks[2])};
    for (uint32_t signer = 0; signer < 3; signer++) {
        vc.voted_view = 2; /* Its leader took the block as anchor: that is another word. */
        vc.to_view = 3;
        if (signer > 0) vc.tip_sig = sample_anchor_word(&anchor, signer);
        assert_raft_change(signer == 2 ? REJECT_NONE : REJECT_VC_TIP);
    }
    sample_view_change(&vc, &history, 2);
    vc.has_tip_sig = true;
    assert_change(REJECT_VC_TIP); /* In bft it says nothing. */
}

/* raft: a majority of view changes or more, and the leader's word for the anchor. */
static void raft_opens_with_a_majority(void **state)
{
    (void)state;
    struct check_context context = raft_context();
    struct statement anchor = {.view = 1, .height = 3, .hash = header_hash(&history.blocks[2])};
    nv->epoch = 0;
    nv->view = nv->sender = 1;
    nv->height = anchor.height;
    nv->hash = anchor.hash;
    nv->has_word = true;
    nv->word = sample_anchor_word(&anchor, 1);
    for (nv->vc_count = 1; nv->vc_count <= SAMPLE_NODES + 1; nv->vc_count++) {
        for (uint32_t i = 0; i < nv->vc_count; i++)
            nv->vcs[i] = raft_view_change(i % SAMPLE_NODES);
        sample_sign_new_view(nv);
        bool is_right = nv->vc_count >= 3 && nv->vc_count <= SAMPLE_NODES;
        assert_int_equal(new_view_check(nv, &context, NULL),
                         is_right ? REJECT_NONE : REJECT_NV_COUNT);
    }
    nv->vc_count = SAMPLE_NODES;
    nv->word = sample_anchor_word(&anchor, 2); /* Not its own. */
    sample_sign_new_view(nv);
    assert_int_equal(new_view_check(nv, &context, NULL), REJECT_NV_WORD);
    nv->has_word = false;
    sample_sign_new_view(nv);
    assert_int_equal(new_view_check(nv, &context, NULL), REJECT_NV_WORD);
    sample_new_view(nv, &history);
    nv->has_word = true; /* In bft it says nothing. */
    assert_view(REJECT_NV_WORD);
}

static void new_views_hold_in_every_part(void **state)
{
    (void)state;
    struct check_context context = sample_check_context();
    sample_new_view(nv, &history);
    assert_view(REJECT_NONE);
    nv->epoch = 1;
    assert_view(REJECT_EPOCH);
    nv->sender = SAMPLE_NODES;
    assert_int_equal(new_view_check(nv, &context, NULL), REJECT_SENDER);
    nv->sender = 2;
    assert_int_equal(new_view_check(nv, &context, NULL), REJECT_SIGNATURE);
    sample_new_view(nv, &history);
    nv->vc_count = 2;
    assert_view(REJECT_NV_COUNT);
    sample_view_change(&nv->vcs[3], &history, 3);
    nv->vc_count = 4;
    assert_view(REJECT_NV_COUNT);
    nv->vcs[1] = nv->vcs[0];
    assert_view(REJECT_NV_SENDERS);
    sample_view_change(&nv->vcs[0], &history, 3);
    assert_view(REJECT_NV_SENDERS);
    nv->vcs[2].sender = SAMPLE_NODES;
    assert_view(REJECT_NV_SENDERS);
    nv->vcs[2].to_view = 2;
    sample_sign_view_change(&nv->vcs[2]);
    assert_view(REJECT_NV_VIEW);
    nv->view = 5;
    assert_view(REJECT_NV_VIEW);
    nv->vcs[2].sig.bytes[0] ^= 1;
    assert_view(REJECT_NV_VC);
    nv->vcs[0].hq.entry_count = 2;
    sample_sign_view_change(&nv->vcs[0]);
    assert_view(REJECT_NV_VC);
    nv->height = 1;
    nv->hash = nv->vcs[0].final_hash;
    assert_view(REJECT_NV_ANCHOR);
    nv->hash.bytes[0] ^= 1;
    assert_view(REJECT_NV_ANCHOR);
    nv->height++;
    assert_view(REJECT_NV_ANCHOR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view_changes_hold_in_every_part),
        cmocka_unit_test(headers_are_a_chain_on_the_final_block),
        cmocka_unit_test(the_final_block_is_certified),
        cmocka_unit_test(the_certificate_is_one),
        cmocka_unit_test(the_branch_leads_to_the_certificate),
        cmocka_unit_test(far_and_old_certificates_need_no_branch),
        cmocka_unit_test(raft_shows_what_a_leader_gave),
        cmocka_unit_test(raft_opens_with_a_majority),
        cmocka_unit_test(new_views_hold_in_every_part),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
