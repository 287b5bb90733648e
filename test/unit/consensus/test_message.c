/* Goal: each message has one encoding that survives the sweep, its largest form fits the bounds,
 * and every field but the signature is covered by what is signed. */
#include "consensus/message.h"

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"
#include "support/sample_consensus.h"

static struct consensus_message *message; /* Half a megabyte. */
static struct sample_history history;

static int set_up(void **state)
{
    (void)state;
    message = mem_alloc_zero(mem_system(), 1, sizeof *message);
    history = sample_history();
    return message == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_free(mem_system(), message);
    return 0;
}

static enum status message_again(struct span bytes, struct arena *a, struct buf *out)
{
    static struct consensus_message m;
    (void)a;
    TRY(consensus_message_decode(&m, bytes));
    consensus_message_encode(out, &m);
    return buf_status(out);
}

static void check_message(const char *name)
{
    struct buf out;
    buf_init(&out, mem_system(), CONSENSUS_MESSAGE_SIZE_MAX);
    consensus_message_encode(&out, message);
    assert_int_equal(buf_status(&out), ST_OK);
    if (name != NULL) golden_check(name, buf_span(&out));
    codec_sweep(buf_span(&out), message_again);
    buf_fini(&out);
}

static void proposals_are_encoded_one_way(void **state)
{
    (void)state;
    message->kind = CONSENSUS_PROPOSAL;
    message->proposal = sample_proposal(&history.blocks[2]);
    check_message("message-proposal");
}

static void votes_are_encoded_one_way(void **state)
{
    (void)state;
    message->kind = CONSENSUS_VOTE;
    message->vote = sample_p1(3, 7, &history.blocks[1]);
    check_message("message-vote");
}

static void view_changes_are_encoded_one_way(void **state)
{
    (void)state;
    message->kind = CONSENSUS_VIEW_CHANGE;
    sample_view_change(&message->view_change, &history, 2);
    check_message("message-view-change");
    message->view_change = (struct view_change){.to_view = 9, .sender = 3}; /* Nothing known. */
    check_message(NULL);
}

static void new_views_are_encoded_one_way(void **state)
{
    (void)state;
    message->kind = CONSENSUS_NEW_VIEW;
    sample_new_view(&message->new_view, &history);
    check_message("message-new-view");
    message->new_view.vc_count = 0;
    check_message(NULL);
}

static void reports_are_encoded_one_way(void **state)
{
    (void)state;
    message->kind = CONSENSUS_STATUS;
    message->status = sample_status();
    check_message("message-status");
}

static struct certificate widest_certificate(void)
{
    struct certificate c = {.part = VOTE_P2, .entry_count = NODES_MAX};
    c.statement = (struct statement){.epoch = UINT64_MAX, .view = UINT64_MAX, .height = UINT64_MAX};
    for (uint32_t i = 0; i < NODES_MAX; i++)
        c.entries[i].voter = i;
    return c;
}

static void widest_view_change(struct view_change *vc)
{
    *vc = (struct view_change){.epoch = UINT64_MAX,
                               .to_view = UINT64_MAX,
                               .sender = NODES_MAX - 1,
                               .final_height = UINT64_MAX,
                               .has_final_cert = true,
                               .final_cert = widest_certificate(),
                               .voted_view = UINT64_MAX,
                               .header_count = CONSENSUS_WINDOW,
                               .has_hq = true,
                               .hq = widest_certificate(),
                               .branch_count = CONSENSUS_WINDOW,
                               .has_tip_sig = true};
    for (uint32_t i = 0; i < 2 * CONSENSUS_WINDOW; i++) {
        struct header *h =
            i < CONSENSUS_WINDOW ? &vc->headers[i] : &vc->branch[i - CONSENSUS_WINDOW];
        *h = sample_child(NULL, UINT64_MAX, 0);
        h->epoch = h->height = h->time_ms = UINT64_MAX;
        h->final_height = h->res_height = UINT64_MAX - 1;
        h->final_cert_hash = h->res_digest = h->res_cert_hash = h->next_config_hash = h->tx_root;
        h->exec_version = UINT32_MAX;
        h->tx_count = BLOCK_TXS_MAX;
        h->body_size = BLOCK_BYTES_MAX;
        h->proposer = NODES_MAX - 1;
        h->flags = BLOCK_EPOCH_CLOSE;
    }
}

/* The buffers on the stack of the hashes, and the limit of the decoder, hold the greatest. */
static void the_widest_values_fit(void **state)
{
    (void)state;
    message->kind = CONSENSUS_NEW_VIEW;
    struct new_view *nv = &message->new_view;
    nv->epoch = nv->view = nv->height = UINT64_MAX;
    nv->sender = NODES_MAX - 1;
    nv->vc_count = NODES_MAX;
    nv->has_word = true;
    for (uint32_t i = 0; i < NODES_MAX; i++)
        widest_view_change(&nv->vcs[i]);
    struct hash chain_id = sample_chain_id();
    (void)new_view_hash(nv, &chain_id);
    (void)view_change_hash(&nv->vcs[0], &chain_id);
    struct buf out;
    buf_init(&out, mem_system(), CONSENSUS_MESSAGE_SIZE_MAX);
    view_change_encode(&out, &nv->vcs[0]);
    assert_true(out.size <= VIEW_CHANGE_SIZE_MAX);
    buf_reset(&out);
    consensus_message_encode(&out, message);
    assert_int_equal(buf_status(&out), ST_OK);
    memset(message, 0, sizeof *message);
    assert_int_equal(consensus_message_decode(message, buf_span(&out)), ST_OK);
    assert_int_equal(message->new_view.vc_count, NODES_MAX);
    buf_fini(&out);
    struct status_report s = {.epoch = UINT64_MAX,
                              .sender = NODES_MAX - 1,
                              .view = UINT64_MAX,
                              .tip_height = UINT64_MAX,
                              .final_height = UINT64_MAX,
                              .executed_height = UINT64_MAX,
                              .result_height = UINT64_MAX,
                              .suspects = (1u << NODES_MAX) - 1u,
                              .nonce = UINT64_MAX};
    (void)status_report_hash(&s, &chain_id);
}

static enum status decode_array(uint64_t kind, struct span rest)
{
    uint8_t bytes[64];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    cbor_put_array(&out, 2);
    cbor_put_uint(&out, kind);
    buf_put(&out, rest);
    return consensus_message_decode(message, buf_span(&out));
}

static void what_is_out_of_bounds_is_refused(void **state)
{
    (void)state;
    static const uint8_t null_item = 0xf6;
    assert_int_equal(decode_array(0, span_of(&null_item, 1)), ST_INVALID);
    assert_int_equal(decode_array(6, span_of(&null_item, 1)), ST_INVALID);
    uint8_t *long_input = mem_alloc_zero(mem_system(), CONSENSUS_MESSAGE_SIZE_MAX + 1, 1);
    assert_non_null(long_input);
    assert_int_equal(
        consensus_message_decode(message, span_of(long_input, CONSENSUS_MESSAGE_SIZE_MAX + 1)),
        ST_LIMIT);
    mem_free(mem_system(), long_input);
    struct buf out;
    buf_init(&out, mem_system(), 0);
    cbor_put_array(&out, 2);
    cbor_put_uint(&out, CONSENSUS_NEW_VIEW);
    cbor_put_array(&out, 8);
    for (int i = 0; i < 3; i++)
        cbor_put_uint(&out, 0);
    cbor_put_array(&out, NODES_MAX + 1);
    for (uint32_t i = 0; i <= NODES_MAX; i++)
        cbor_put_null(&out);
    assert_int_equal(consensus_message_decode(message, buf_span(&out)), ST_LIMIT);
    buf_fini(&out);
}

/* Each field changes what is signed, so nobody can change it on the way; and a signature is for one
 * chain and one kind of message. */
#define ASSERT_COVERED(hash_of_value, value, field)                                                \
    do {                                                                                           \
        struct hash before = hash_of_value(&(value), &chain_id);                                   \
        (value).field++;                                                                           \
        struct hash after = hash_of_value(&(value), &chain_id);                                    \
        (value).field--;                                                                           \
        assert_false(hash_equal(&before, &after));                                                 \
    } while (0)

static void everything_but_the_signature_is_signed(void **state)
{
    (void)state;
    struct hash chain_id = sample_chain_id();
    struct hash other_chain = hash_of("other", span_of(NULL, 0));
    struct status_report s = sample_status();
    ASSERT_COVERED(status_report_hash, s, epoch);
    ASSERT_COVERED(status_report_hash, s, sender);
    ASSERT_COVERED(status_report_hash, s, view);
    ASSERT_COVERED(status_report_hash, s, tip_height);
    ASSERT_COVERED(status_report_hash, s, final_height);
    ASSERT_COVERED(status_report_hash, s, executed_height);
    ASSERT_COVERED(status_report_hash, s, executed_digest.bytes[31]);
    ASSERT_COVERED(status_report_hash, s, result_height);
    ASSERT_COVERED(status_report_hash, s, suspects);
    ASSERT_COVERED(status_report_hash, s, nonce);
    struct hash before = status_report_hash(&s, &chain_id);
    s.is_open = !s.is_open;
    struct hash after = status_report_hash(&s, &chain_id);
    assert_false(hash_equal(&before, &after));
    s.is_answer = !s.is_answer;
    before = status_report_hash(&s, &chain_id);
    assert_false(hash_equal(&before, &after));
    s.is_fresh = !s.is_fresh;
    after = status_report_hash(&s, &chain_id);
    assert_false(hash_equal(&before, &after));
    s.sig.bytes[0] ^= 1;
    before = status_report_hash(&s, &chain_id);
    assert_true(hash_equal(&before, &after));
    after = status_report_hash(&s, &other_chain);
    assert_false(hash_equal(&before, &after));
}

static void whole_view_changes_are_signed(void **state)
{
    (void)state;
    struct hash chain_id = sample_chain_id();
    struct hash other_chain = hash_of("other", span_of(NULL, 0));
    struct new_view *nv = &message->new_view;
    sample_new_view(nv, &history);
    struct view_change *vc = &nv->vcs[1];
    ASSERT_COVERED(view_change_hash, *vc, epoch);
    ASSERT_COVERED(view_change_hash, *vc, to_view);
    ASSERT_COVERED(view_change_hash, *vc, sender);
    ASSERT_COVERED(view_change_hash, *vc, final_height);
    ASSERT_COVERED(view_change_hash, *vc, final_hash.bytes[0]);
    ASSERT_COVERED(view_change_hash, *vc, final_cert.entries[2].sig.bytes[63]);
    ASSERT_COVERED(view_change_hash, *vc, voted_view);
    ASSERT_COVERED(view_change_hash, *vc, headers[1].time_ms);
    ASSERT_COVERED(view_change_hash, *vc, hq.statement.view);
    vc->branch_count = 1;
    vc->branch[0] = history.blocks[1];
    ASSERT_COVERED(view_change_hash, *vc, branch[0].time_ms);
    vc->has_tip_sig = true;
    ASSERT_COVERED(view_change_hash, *vc, tip_sig.bytes[63]);
    ASSERT_COVERED(new_view_hash, *nv, epoch);
    ASSERT_COVERED(new_view_hash, *nv, view);
    ASSERT_COVERED(new_view_hash, *nv, sender);
    ASSERT_COVERED(new_view_hash, *nv, height);
    ASSERT_COVERED(new_view_hash, *nv, hash.bytes[0]);
    ASSERT_COVERED(new_view_hash, *nv, vcs[0].voted_view);
    ASSERT_COVERED(new_view_hash, *nv, vcs[2].sig.bytes[0]);
    struct hash here = view_change_hash(vc, &chain_id);
    struct hash there = view_change_hash(vc, &other_chain);
    assert_false(hash_equal(&here, &there));
    here = new_view_hash(nv, &chain_id);
    there = new_view_hash(nv, &other_chain);
    assert_false(hash_equal(&here, &there));
    here = header_hash(&history.blocks[0]);
    there = proposal_hash(&here);
    assert_false(hash_equal(&here, &there));
}

/* The hash of a new view, made piece by piece, is that of its encoding without the signature. */
static void new_views_are_hashed_as_encoded(void **state)
{
    (void)state;
    struct hash chain_id = sample_chain_id();
    message->kind = CONSENSUS_NEW_VIEW;
    sample_new_view(&message->new_view, &history);
    struct buf out;
    buf_init(&out, mem_system(), 0);
    consensus_message_encode(&out, message);
    assert_int_equal(buf_status(&out), ST_OK);
    struct hasher h;
    hash_init(&h, "new-view");
    hash_add_hash(&h, &chain_id);
    hash_add(&h, span_of(out.data + 2, out.size - 2 - 66)); /* Kind before, signature behind. */
    struct hash direct = hash_final(&h);
    struct hash made = new_view_hash(&message->new_view, &chain_id);
    assert_true(hash_equal(&direct, &made));
    buf_fini(&out);
}

/* What the signatures of the golden messages cover; test/golden/check.py computes it again. */
static void signed_hashes_never_change(void **state)
{
    (void)state;
    struct hash chain_id = sample_chain_id();
    struct hash block = header_hash(&history.blocks[2]);
    struct view_change vc;
    sample_view_change(&vc, &history, 2);
    sample_new_view(&message->new_view, &history);
    struct status_report s = sample_status();
    struct hash hashes[] = {proposal_hash(&block), view_change_hash(&vc, &chain_id),
                            new_view_hash(&message->new_view, &chain_id),
                            status_report_hash(&s, &chain_id)};
    golden_check("message-hashes", span_of(hashes, sizeof hashes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proposals_are_encoded_one_way),
        cmocka_unit_test(votes_are_encoded_one_way),
        cmocka_unit_test(view_changes_are_encoded_one_way),
        cmocka_unit_test(new_views_are_encoded_one_way),
        cmocka_unit_test(reports_are_encoded_one_way),
        cmocka_unit_test(the_widest_values_fit),
        cmocka_unit_test(what_is_out_of_bounds_is_refused),
        cmocka_unit_test(everything_but_the_signature_is_signed),
        cmocka_unit_test(whole_view_changes_are_signed),
        cmocka_unit_test(new_views_are_hashed_as_encoded),
        cmocka_unit_test(signed_hashes_never_change),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
