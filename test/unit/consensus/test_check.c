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
    vc.has_final_cert = false;
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
        cmocka_unit_test(new_views_hold_in_every_part),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
