/* Goal: evidence of each kind proves its fault, and nothing in it can be changed, left out, or
 * taken from an honest validator, without it proving nothing. */
#include "consensus/evidence.h"

#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/fail_mem.h"
#include "support/golden.h"
#include "support/sample_consensus.h"

static struct sample_history history;
static struct new_view *nv;
static struct buf items; /* Of the evidence made last. */
static struct evidence made;

static int set_up(void **state)
{
    (void)state;
    history = sample_history();
    buf_init(&items, mem_system(), 0);
    nv = mem_alloc_zero(mem_system(), 1, sizeof *nv);
    return nv == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&items);
    mem_free(mem_system(), nv);
    return 0;
}

/* --- verdicts -------------------------------------------------------------------------------- */

static enum status verdict_in(const struct evidence *e, struct mem *mem)
{
    struct validators v = sample_validators();
    struct hash chain_id = sample_chain_id();
    return evidence_verify(e, &v, sample_signer(), &chain_id, mem);
}

static enum status verdict(const struct evidence *e)
{
    return verdict_in(e, mem_system());
}

static enum status made_verdict(void)
{
    assert_int_equal(buf_status(&items), ST_OK);
    evidence_attach(&made, &items);
    return verdict(&made);
}

static enum status evidence_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct evidence e;
    TRY(evidence_decode(&e, bytes));
    evidence_encode(out, &e);
    return buf_status(out);
}

static enum status verdict_of_bytes(struct span bytes)
{
    struct evidence e;
    TRY(evidence_decode(&e, bytes));
    return verdict(&e);
}

/* Who it accuses, of what, where: none of it can be moved. */
static void assert_bound(void)
{
    struct evidence e = made;
    for (int kind = EVIDENCE_E1; kind <= EVIDENCE_KIND_MAX; kind++) {
        e.kind = (enum evidence_kind)kind;
        if (e.kind != made.kind) assert_int_not_equal(verdict(&e), ST_OK);
    }
    e = made;
    for (e.offender = 0; e.offender <= SAMPLE_NODES; e.offender++)
        if (e.offender != made.offender) assert_int_not_equal(verdict(&e), ST_OK);
    e = made;
    e.epoch++;
    assert_int_not_equal(verdict(&e), ST_OK);
    e = made;
    e.view++;
    assert_int_not_equal(verdict(&e), ST_OK);
    e = made;
    e.height++;
    assert_int_not_equal(verdict(&e), ST_OK);
    struct validators v = sample_validators();
    struct hash chain_id = hash_of("other", span_of(NULL, 0));
    assert_int_not_equal(evidence_verify(&made, &v, sample_signer(), &chain_id, mem_system()),
                         ST_OK);
    chain_id = sample_chain_id();
    v.keys[made.offender] = v.keys[(made.offender + 1) % SAMPLE_NODES];
    assert_int_equal(evidence_verify(&made, &v, sample_signer(), &chain_id, mem_system()),
                     ST_SIGNATURE);
}

/* The evidence in made and items holds; changed in any bit (of each byte, every bit where it is
 * small) it does not. */
static void assert_proof(const char *golden)
{
    assert_int_equal(made_verdict(), ST_OK);
    assert_bound();
    struct buf out;
    buf_init(&out, mem_system(), 0);
    evidence_encode(&out, &made);
    assert_int_equal(buf_status(&out), ST_OK);
    if (golden != NULL) golden_check(golden, buf_span(&out));
    assert_int_equal(verdict_of_bytes(buf_span(&out)), ST_OK);
    for (size_t i = 0; i < out.size; i++) {
        uint8_t bit = (uint8_t)(1u << i % 8);
        out.data[i] ^= bit;
        assert_int_not_equal(verdict_of_bytes(buf_span(&out)), ST_OK);
        out.data[i] ^= bit;
    }
    for (size_t size = 0; size < out.size; size += out.size < 1000 ? 1 : 97)
        assert_int_not_equal(verdict_of_bytes(span_of(out.data, size)), ST_OK);
    buf_fini(&out);
}

/* --- E1 -------------------------------------------------------------------------------------- */

static void two_proposals(const struct proposal *a, const struct proposal *b)
{
    buf_reset(&items);
    evidence_of_proposals(&made, &items, a, b);
}

static void e1_two_headers_of_one_leader(void **state)
{
    (void)state;
    struct header one = sample_child(&history.blocks[2], 6, 0);
    struct header two = sample_child(&history.blocks[2], 6, 1);
    struct proposal a = sample_proposal(&one);
    struct proposal b = sample_proposal(&two);
    two_proposals(&b, &a);
    two_proposals(&a, &b);
    assert_int_equal(made.offender, 2);
    assert_int_equal(made.view, 6);
    assert_int_equal(made.height, 4);
    assert_proof("evidence-e1");
}

static void e1_needs_one_view_and_height(void **state)
{
    (void)state;
    struct header one = sample_child(&history.blocks[2], 6, 0);
    struct proposal a = sample_proposal(&one);
    struct header others[] = {
        sample_child(&history.blocks[2], 10, 0), /* Its next view. */
        sample_child(&history.blocks[1], 6, 0),  /* Another height. */
        sample_child(&history.blocks[2], 7, 0),  /* Another leader. */
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct proposal b = sample_proposal(&others[i]);
        two_proposals(&a, &b);
        assert_int_equal(made_verdict(), ST_INVALID);
        two_proposals(&b, &a);
        assert_int_equal(made_verdict(), ST_INVALID);
    }
    struct header two = sample_child(&history.blocks[2], 6, 1);
    struct proposal b = sample_proposal(&two);
    sample_sign_proposal(&b, 3); /* Made up by another. */
    two_proposals(&a, &b);
    assert_int_equal(made_verdict(), ST_SIGNATURE);
    b = sample_proposal(&two);
    sample_sign_proposal(&a, 3);
    two_proposals(&a, &b);
    assert_int_equal(made_verdict(), ST_SIGNATURE);
}

/* --- E2 -------------------------------------------------------------------------------------- */

static void two_votes(const struct vote *a,
                      const struct vote *b,
                      const struct header *headers,
                      uint32_t header_count)
{
    buf_reset(&items);
    struct evidence_fork fork = {.headers = headers, .count = header_count};
    evidence_of_votes(&made, &items, a, b, header_count == 0 ? NULL : &fork);
}

static void e2_two_blocks_of_one_height(void **state)
{
    (void)state;
    struct header fork = sample_child(&history.blocks[1], 0, 1);
    struct vote a = sample_p1(3, 0, &history.blocks[2]);
    struct vote b = sample_p1(3, 0, &fork);
    two_votes(&b, &a, NULL, 0);
    two_votes(&a, &b, NULL, 0);
    assert_int_equal(made.height, 3);
    assert_proof("evidence-e2");
    struct vote later = sample_p1(3, 1, &fork); /* Another view: it may have changed sides. */
    two_votes(&a, &later, NULL, 0);
    assert_int_equal(made_verdict(), ST_INVALID);
    struct vote other = sample_p1(2, 0, &fork);
    two_votes(&a, &other, NULL, 0);
    assert_int_equal(made_verdict(), ST_INVALID);
    two_votes(&a, &a, NULL, 0);
    assert_int_equal(made_verdict(), ST_INVALID);
    struct vote epoch = b;
    epoch.parts[VOTE_P1].epoch = 1;
    sample_sign_vote(&epoch);
    two_votes(&a, &epoch, NULL, 0);
    assert_int_equal(made_verdict(), ST_INVALID);
    two_votes(&a, &b, &fork, 1);
    assert_int_equal(made_verdict(), ST_INVALID);
}

static void e2_two_branches_of_one_view(void **state)
{
    (void)state;
    struct header fork = sample_child(NULL, 0, 1);
    struct vote low = sample_p1(1, 0, &fork);
    struct vote high = sample_p1(1, 0, &history.blocks[2]);
    two_votes(&high, &low, history.blocks + 1, 2);
    assert_int_equal(made.height, 1);
    assert_proof("evidence-e2-branches");
    two_votes(&high, &low, history.blocks + 2, 1); /* Not down to the fork. */
    assert_int_equal(made_verdict(), ST_INVALID);
    two_votes(&high, &low, history.blocks, 3);
    assert_int_equal(made_verdict(), ST_INVALID);
    two_votes(&high, &low, NULL, 0);
    assert_int_equal(made_verdict(), ST_INVALID);
    struct header twisted[2] = {history.blocks[1], history.blocks[1]};
    two_votes(&high, &low, twisted, 2);
    assert_int_equal(made_verdict(), ST_INVALID);
    struct header strange[2] = {sample_child(&fork, 0, 3), history.blocks[2]};
    two_votes(&high, &low, strange, 2); /* Not linked. */
    assert_int_equal(made_verdict(), ST_INVALID);
    struct vote honest = sample_p1(1, 0, &history.blocks[0]);
    two_votes(&high, &honest, history.blocks + 1, 2);
    assert_int_equal(made_verdict(), ST_INVALID);
    struct vote no_p1 = sample_p2(1, 0, &history.blocks[2]);
    buf_reset(&items);
    cbor_put_array(&items, 3);
    vote_encode(&items, &no_p1);
    vote_encode(&items, &high);
    cbor_put_array(&items, 0);
    assert_int_equal(made_verdict(), ST_INVALID);
}

/* --- E3 -------------------------------------------------------------------------------------- */

/* A view change of validator 2 to view 9: final 1, headers 2 and 3 voted for in view 4, hq (0, 2).
 */
static struct view_change change_to_9(void)
{
    struct view_change vc;
    sample_view_change(&vc, &history, 2);
    vc.to_view = 9;
    vc.voted_view = 4;
    sample_sign_view_change(&vc);
    return vc;
}

static bool is_lie(const struct vote *vote, const struct view_change *vc)
{
    uint64_t height;
    if (!evidence_is_contradiction(vote, vc, &height)) return false;
    buf_reset(&items);
    evidence_of_false_view_change(&made, &items, vote, vc);
    assert_int_equal(made.height, height);
    assert_int_equal(made.view, vc->to_view);
    assert_int_equal(made_verdict(), ST_OK);
    return true;
}

static void e3_denied_votes(void **state)
{
    (void)state;
    struct view_change vc = change_to_9();
    struct header fork = sample_child(&history.blocks[1], 4, 7);
    struct header above = sample_child(&history.blocks[2], 4, 0);
    struct vote vote = sample_p1(2, 5, &history.blocks[2]); /* After the voted view. */
    assert_true(is_lie(&vote, &vc));
    assert_proof("evidence-e3");
    vote = sample_p1(2, 8, &history.blocks[1]);
    assert_true(is_lie(&vote, &vc));
    vote = sample_p1(2, 9, &history.blocks[2]); /* In the new view itself. */
    assert_false(is_lie(&vote, &vc));
    vote = sample_p1(2, 4, &fork);
    assert_true(is_lie(&vote, &vc));
    assert_proof(NULL);
    vote = sample_p1(2, 4, &above); /* Beyond what it shows. */
    assert_true(is_lie(&vote, &vc));
    vote = sample_p1(2, 4, &history.blocks[2]);
    assert_false(is_lie(&vote, &vc));
    vote = sample_p1(2, 3, &fork); /* It moved to another branch in view 4. */
    assert_false(is_lie(&vote, &vc));
    struct header other = sample_child(NULL, 4, 7);
    vote = sample_p1(2, 4, &other); /* Not above final. */
    assert_false(is_lie(&vote, &vc));
    vote = sample_p1(1, 5, &history.blocks[2]); /* Another's. */
    assert_false(is_lie(&vote, &vc));
    vote = sample_p1(2, 5, &history.blocks[2]);
    vote.parts[VOTE_P1].epoch = 1;
    assert_false(is_lie(&vote, &vc));
}

/* The final block may be one of a later view, which this validator was not part of: then what it
 * voted for in its last view may be on a dead branch, and it drops it. */
static void e3_spares_who_was_left_behind(void **state)
{
    (void)state;
    struct header dead = sample_child(NULL, 4, 7);
    dead = sample_child(&dead, 4, 0);
    struct vote vote = sample_p1(2, 4, &dead);
    struct view_change vc = change_to_9();
    vc.header_count = 0;
    vc.final_cert = sample_quorum(VOTE_P2, 6, &history.blocks[0], 0, 3);
    sample_sign_view_change(&vc);
    assert_false(is_lie(&vote, &vc));
    vc.final_cert = sample_quorum(VOTE_P2, 4, &history.blocks[0], 0, 3);
    sample_sign_view_change(&vc);
    assert_true(is_lie(&vote, &vc));
}

static void e3_denied_locks(void **state)
{
    (void)state;
    struct view_change vc = change_to_9();
    struct vote vote = sample_p2(2, 0, &history.blocks[2]); /* Higher than hq. */
    assert_true(is_lie(&vote, &vc));
    assert_proof("evidence-e3-lock");
    vote = sample_p2(2, 1, &history.blocks[1]); /* Later than hq. */
    assert_true(is_lie(&vote, &vc));
    vote = sample_p2(2, 0, &history.blocks[1]);
    assert_false(is_lie(&vote, &vc));
    vc.has_hq = false;
    sample_sign_view_change(&vc);
    assert_true(is_lie(&vote, &vc));
    vote = sample_p2(2, 0, &history.blocks[0]); /* Final. */
    assert_false(is_lie(&vote, &vc));
    vote = sample_p2(2, 9, &history.blocks[1]);
    assert_false(is_lie(&vote, &vc));
    vote = sample_p2(1, 0, &history.blocks[1]);
    assert_false(is_lie(&vote, &vc));
    vote = sample_p2(2, 0, &history.blocks[1]);
    vote.parts[VOTE_P2].epoch = 1;
    assert_false(is_lie(&vote, &vc));
}

static void e3_needs_both_signatures(void **state)
{
    (void)state;
    struct view_change vc = change_to_9();
    struct vote vote = sample_p1(2, 5, &history.blocks[2]);
    vote.sig.bytes[9] ^= 1;
    buf_reset(&items);
    evidence_of_false_view_change(&made, &items, &vote, &vc);
    assert_int_equal(made_verdict(), ST_SIGNATURE);
    vote = sample_p1(2, 5, &history.blocks[2]);
    vc.sig.bytes[9] ^= 1;
    buf_reset(&items);
    evidence_of_false_view_change(&made, &items, &vote, &vc);
    assert_int_equal(made_verdict(), ST_SIGNATURE);
}

/* --- E4 -------------------------------------------------------------------------------------- */

static void two_changes(const struct view_change *a, const struct view_change *b)
{
    buf_reset(&items);
    evidence_of_view_changes(&made, &items, a, b);
}

static void e4_two_view_changes(void **state)
{
    (void)state;
    struct view_change a = change_to_9();
    struct view_change b = change_to_9();
    b.header_count = 1;
    sample_sign_view_change(&b);
    two_changes(&b, &a);
    two_changes(&a, &b);
    assert_proof("evidence-e4");
    b.to_view = 10;
    sample_sign_view_change(&b);
    two_changes(&a, &b);
    assert_int_equal(made_verdict(), ST_INVALID);
    b = a;
    b.sender = 3;
    sample_sign_view_change(&b);
    two_changes(&a, &b);
    assert_int_equal(made_verdict(), ST_INVALID);
    b = a;
    b.epoch = 1;
    sample_sign_view_change(&b);
    two_changes(&a, &b);
    assert_int_equal(made_verdict(), ST_INVALID);
    buf_reset(&items); /* One, twice. */
    cbor_put_array(&items, 2);
    view_change_encode(&items, &a);
    view_change_encode(&items, &a);
    assert_int_equal(made_verdict(), ST_INVALID);
    b = a;
    b.voted_view--;
    two_changes(&a, &b); /* With the signature of a. */
    assert_int_equal(made_verdict(), ST_SIGNATURE);
}

/* --- E5 -------------------------------------------------------------------------------------- */

static enum status new_view_verdict(void)
{
    sample_sign_new_view(nv);
    buf_reset(&items);
    evidence_of_new_view(&made, &items, nv);
    return made_verdict();
}

static void e5_wrong_new_views(void **state)
{
    (void)state;
    sample_new_view(nv, &history);
    assert_int_equal(new_view_verdict(), ST_INVALID); /* As it should be. */
    nv->height = 1;
    nv->hash = nv->vcs[0].final_hash;
    assert_int_equal(new_view_verdict(), ST_OK);
    assert_proof("evidence-e5");
    sample_new_view(nv, &history);
    nv->vcs[1].sig.bytes[0] ^= 1;
    assert_int_equal(new_view_verdict(), ST_OK);
    sample_new_view(nv, &history);
    nv->vcs[1] = nv->vcs[0];
    assert_int_equal(new_view_verdict(), ST_OK);
    sample_new_view(nv, &history);
    nv->vc_count = 0;
    assert_int_equal(new_view_verdict(), ST_OK);
    nv->vc_count = 2;
    assert_int_equal(new_view_verdict(), ST_OK);
    sample_view_change(&nv->vcs[3], &history, 3);
    nv->vc_count = 4;
    assert_int_equal(new_view_verdict(), ST_OK);
    sample_new_view(nv, &history);
    nv->view = 5;
    assert_int_equal(new_view_verdict(), ST_OK);
    nv->epoch = 1; /* Whose view changes are then of another epoch: invalid inside. */
    assert_int_equal(new_view_verdict(), ST_OK);
    sample_new_view(nv, &history);
    nv->height = 1;
    assert_int_equal(new_view_verdict(), ST_OK);
    nv->sig.bytes[5] ^= 1;
    buf_reset(&items);
    evidence_of_new_view(&made, &items, nv);
    assert_int_equal(made_verdict(), ST_SIGNATURE);
}

/* --- E6 -------------------------------------------------------------------------------------- */

#define BLOCK_TXS  5u
#define LEVELS_MAX ((size_t)16)
struct bad_block {
    struct arena arena;
    struct tx txs[BLOCK_TXS];
    struct span encoded[BLOCK_TXS];
    struct proposal proposal;
};

/* With a parameter, without which nothing would depend on the secret. */
static struct tx small_tx(uint64_t number)
{
    static struct tx_param params[1];
    static const uint8_t seven = 7; /* CBOR. */
    struct tx t = sample_small_tx(number);
    params[0] = (struct tx_param){.type = 20, .value = span_of(&seven, 1)};
    t.ops[0].params = params;
    t.ops[0].param_count = 1;
    struct secret_key secret = sample_account_secret(0);
    assert_int_equal(tx_hash(&t), ST_OK);
    assert_int_equal(sign_hash(sample_signer(), &t.signatures[0], &secret, &t.txid), ST_OK);
    return t;
}

static void encode_tx(struct bad_block *b, uint32_t index, const struct tx *t)
{
    struct buf out;
    buf_init(&out, mem_system(), 0);
    tx_encode(t, &out);
    b->encoded[index] = arena_copy(&b->arena, buf_span(&out));
    assert_int_equal(tx_decode(&b->txs[index], &b->arena, b->encoded[index]), ST_OK);
    buf_fini(&out);
}

/* Proposed by 3 in view 3 on block 3, at a height and time that suit the sample transactions. */
static void propose(struct bad_block *b)
{
    struct hash leaves[BLOCK_TXS];
    for (uint32_t i = 0; i < BLOCK_TXS; i++)
        leaves[i] = b->txs[i].leaf;
    struct header h = sample_child(&history.blocks[2], 3, 0);
    h.tx_count = BLOCK_TXS;
    h.tx_root = merkle_root(leaves, BLOCK_TXS);
    b->proposal = sample_proposal(&h);
}

static void begin_block(struct bad_block *b)
{
    arena_init(&b->arena, mem_system(), 0);
    for (uint32_t i = 0; i < BLOCK_TXS; i++) {
        struct tx t = small_tx(i);
        encode_tx(b, i, &t);
    }
    propose(b);
}

static struct content_item item_of(const struct bad_block *b, uint32_t index)
{
    struct hash leaves[BLOCK_TXS];
    struct hash levels[LEVELS_MAX];
    assert_true(merkle_levels_size(BLOCK_TXS) <= LEVELS_MAX);
    for (uint32_t i = 0; i < BLOCK_TXS; i++)
        leaves[i] = b->txs[i].leaf;
    merkle_levels_build(levels, leaves, BLOCK_TXS);
    struct content_item item = {.index = index, .tx = b->encoded[index]};
    merkle_levels_path(&item.path, levels, BLOCK_TXS, index);
    return item;
}

static enum status content_verdict(const struct bad_block *b,
                                   enum evidence_content fault,
                                   const struct content_item *content,
                                   uint32_t count)
{
    buf_reset(&items);
    struct content_proof proof = {.fault = fault, .items = content, .item_count = count};
    evidence_of_content(&made, &items, &b->proposal, &proof);
    return made_verdict();
}

/* No fault can be shown in a good block, whichever item is claimed to be which. */
static void e6_good_blocks_are_safe(void **state)
{
    (void)state;
    struct bad_block b;
    begin_block(&b);
    for (int fault = CONTENT_SIGNATURE; fault <= CONTENT_MODE; fault++) {
        for (uint32_t i = 0; i < BLOCK_TXS; i++) {
            struct content_item content[2] = {item_of(&b, i), item_of(&b, (i + 1) % BLOCK_TXS)};
            for (uint32_t count = 0; count <= 2; count++)
                assert_int_equal(content_verdict(&b, (enum evidence_content)fault, content, count),
                                 ST_INVALID);
            content[1] = content[0];
            assert_int_equal(content_verdict(&b, (enum evidence_content)fault, content, 2),
                             ST_INVALID);
            content[1].index = (i + 1) % BLOCK_TXS;
            assert_int_equal(content_verdict(&b, (enum evidence_content)fault, content, 2),
                             ST_INVALID);
        }
    }
    arena_fini(&b.arena);
}

static void e6_a_bad_client_signature(void **state)
{
    (void)state;
    struct bad_block b;
    begin_block(&b);
    struct tx t = small_tx(2);
    t.signatures[0].bytes[40] ^= 1;
    encode_tx(&b, 2, &t);
    propose(&b);
    struct content_item item = item_of(&b, 2);
    assert_int_equal(content_verdict(&b, CONTENT_SIGNATURE, &item, 1), ST_OK);
    assert_proof("evidence-e6");
    assert_int_equal(content_verdict(&b, CONTENT_SPAN, &item, 1), ST_INVALID);
    item.index = 3;
    assert_int_equal(content_verdict(&b, CONTENT_SIGNATURE, &item, 1), ST_INVALID);
    item = item_of(&b, 1); /* A good one. */
    assert_int_equal(content_verdict(&b, CONTENT_SIGNATURE, &item, 1), ST_INVALID);
    item = item_of(&b, 2);
    struct tx good = small_tx(2); /* The leaf is not this one's. */
    encode_tx(&b, 2, &good);
    item.tx = b.encoded[2];
    assert_int_equal(content_verdict(&b, CONTENT_SIGNATURE, &item, 1), ST_INVALID);
    sample_sign_proposal(&b.proposal, 1); /* Made up by another. */
    assert_int_equal(content_verdict(&b, CONTENT_SIGNATURE, &item, 1), ST_SIGNATURE);
    arena_fini(&b.arena);
}

/* The redacted form has the same leaf, but is not what stood in the block. */
static void e6_redacted_forms_prove_nothing(void **state)
{
    (void)state;
    struct bad_block b;
    begin_block(&b);
    struct tx t = small_tx(2);
    t.signatures[0].bytes[40] ^= 1;
    encode_tx(&b, 2, &t);
    propose(&b);
    struct hash leaf = b.txs[2].leaf;
    t = b.txs[2];
    t.is_redacted = true;
    encode_tx(&b, 2, &t);
    assert_true(hash_equal(&leaf, &b.txs[2].leaf));
    struct content_item item = item_of(&b, 2);
    assert_int_equal(content_verdict(&b, CONTENT_SIGNATURE, &item, 1), ST_INVALID);
    arena_fini(&b.arena);
}

static void e6_a_transaction_of_another_chain(void **state)
{
    (void)state;
    struct bad_block b;
    begin_block(&b);
    struct tx t = small_tx(0);
    t.chain_id.bytes[0] ^= 1;
    assert_int_equal(tx_hash(&t), ST_OK);
    encode_tx(&b, 0, &t);
    propose(&b);
    struct content_item item = item_of(&b, 0);
    assert_int_equal(content_verdict(&b, CONTENT_MALFORMED, &item, 1), ST_OK);
    assert_proof(NULL);
    arena_fini(&b.arena);
}

static void e6_a_transaction_outside_its_span(void **state)
{
    (void)state;
    struct bad_block b;
    begin_block(&b);
    struct tx t = small_tx(4);
    t.valid_until_height = 3; /* The block is at 4. */
    assert_int_equal(tx_hash(&t), ST_OK);
    encode_tx(&b, 4, &t);
    propose(&b);
    struct content_item item = item_of(&b, 4);
    assert_int_equal(content_verdict(&b, CONTENT_SPAN, &item, 1), ST_OK);
    assert_proof(NULL);
    arena_fini(&b.arena);
}

static void e6_a_transaction_twice(void **state)
{
    (void)state;
    struct bad_block b;
    begin_block(&b);
    struct tx t = small_tx(1);
    t.signatures[0].bytes[7] ^= 1; /* Other signatures, the same txid. */
    encode_tx(&b, 3, &t);
    propose(&b);
    struct content_item content[2] = {item_of(&b, 1), item_of(&b, 3)};
    assert_int_equal(content_verdict(&b, CONTENT_DUPLICATE, content, 2), ST_OK);
    assert_proof("evidence-e6-duplicate");
    struct content_item swapped[2] = {content[1], content[0]};
    assert_int_equal(content_verdict(&b, CONTENT_DUPLICATE, swapped, 2), ST_INVALID);
    swapped[1] = content[1];
    assert_int_equal(content_verdict(&b, CONTENT_DUPLICATE, swapped, 2), ST_INVALID);
    assert_int_equal(content_verdict(&b, CONTENT_DUPLICATE, content, 1), ST_INVALID);
    arena_fini(&b.arena);
}

static void e6_a_time_not_after_the_parents(void **state)
{
    (void)state;
    struct bad_block b = {.proposal.header = sample_child(&history.blocks[2], 3, 0)};
    uint8_t bytes[512];
    struct buf out;
    buf_init_fixed(&out, bytes, sizeof bytes);
    header_encode(&out, &history.blocks[2]);
    struct content_item item = {.tx = buf_span(&out)};
    sample_sign_proposal(&b.proposal, 3);
    assert_int_equal(content_verdict(&b, CONTENT_TIME, &item, 1), ST_INVALID);
    b.proposal.header.time_ms = history.blocks[2].time_ms;
    sample_sign_proposal(&b.proposal, 3);
    assert_int_equal(content_verdict(&b, CONTENT_TIME, &item, 1), ST_OK);
    assert_proof("evidence-e6-time");
    struct header later = sample_child(&history.blocks[1], 0, 9); /* No parent of it. */
    buf_init_fixed(&out, bytes, sizeof bytes);
    header_encode(&out, &later);
    item.tx = buf_span(&out);
    assert_int_equal(content_verdict(&b, CONTENT_TIME, &item, 1), ST_INVALID);
    item.tx.size--;
    assert_int_equal(content_verdict(&b, CONTENT_TIME, &item, 1), ST_INVALID);
}

static void e6_a_mode_that_cannot_be(void **state)
{
    (void)state;
    struct bad_block b = {.proposal.header = sample_child(&history.blocks[2], 3, 0)};
    struct validators v = sample_validators();
    struct hash chain_id = sample_chain_id();
    static const bool possible[5][5] = {[MODE_FAST] = {[MODE_FAST] = true, [MODE_STRICT] = true},
                                        [MODE_BFT] = {[MODE_BFT] = true},
                                        [MODE_RAFT] = {[MODE_RAFT] = true}};
    for (int chain = MODE_FAST; chain <= MODE_RAFT; chain++) {
        if (chain == MODE_STRICT) continue;
        v.mode = (enum block_mode)chain;
        for (int mode = MODE_FAST; mode <= MODE_RAFT; mode++) {
            b.proposal.header.mode = (enum block_mode)mode;
            sample_sign_proposal(&b.proposal, 3);
            (void)content_verdict(&b, CONTENT_MODE, NULL, 0);
            assert_int_equal(evidence_verify(&made, &v, sample_signer(), &chain_id, mem_system()),
                             possible[chain][mode] ? ST_INVALID : ST_OK);
        }
    }
    b.proposal.header.mode = MODE_FAST;
    sample_sign_proposal(&b.proposal, 3);
    assert_int_equal(content_verdict(&b, CONTENT_MODE, NULL, 0), ST_OK);
    assert_proof(NULL);
}

/* --- all kinds ------------------------------------------------------------------------------- */

static void bytes_are_encoded_one_way(void **state)
{
    (void)state;
    static const uint8_t some[] = {1, 2, 3};
    struct evidence e = {.kind = EVIDENCE_E6,
                         .epoch = 1,
                         .offender = 30,
                         .view = UINT64_MAX,
                         .height = 70000,
                         .bytes = span_of(some, sizeof some)};
    struct evidence other = e;
    struct buf out;
    buf_init(&out, mem_system(), 0);
    evidence_encode(&out, &e);
    codec_sweep(buf_span(&out), evidence_again);
    buf_fini(&out);
    assert_true(evidence_is_same(&e, &other));
    other.bytes.size = 1; /* Proved another way. */
    assert_true(evidence_is_same(&e, &other));
    other.height++;
    assert_false(evidence_is_same(&e, &other));
    other = e;
    other.kind = EVIDENCE_E1;
    assert_false(evidence_is_same(&e, &other));
    assert_int_equal(evidence_decode(&e, span_of(some, EVIDENCE_SIZE_MAX + 1)), ST_LIMIT);
    for (int kind = EVIDENCE_E1; kind <= EVIDENCE_E6; kind++) {
        char name[3] = {'E', (char)('0' + kind), 0};
        assert_string_equal(evidence_name((enum evidence_kind)kind), name);
    }
}

static void failing_memory_is_told(void **state)
{
    (void)state;
    struct bad_block b;
    begin_block(&b);
    struct tx t = small_tx(2);
    t.signatures[0].bytes[40] ^= 1;
    encode_tx(&b, 2, &t);
    propose(&b);
    struct content_item item = item_of(&b, 2);
    for (int kind = EVIDENCE_E5; kind <= EVIDENCE_E6; kind++) {
        if (kind == EVIDENCE_E5) {
            sample_new_view(nv, &history);
            nv->height = 3;
            assert_int_equal(new_view_verdict(), ST_OK);
        } else {
            assert_int_equal(content_verdict(&b, CONTENT_SIGNATURE, &item, 1), ST_OK);
        }
        for (uint64_t n = 1;; n++) {
            struct fail_mem f;
            fail_mem_init(&f, n);
            enum status st = verdict_in(&made, &f.mem);
            assert_int_equal(f.live, 0);
            if (st == ST_OK) break;
            assert_int_equal(st, ST_NO_MEMORY);
        }
    }
    arena_fini(&b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e1_two_headers_of_one_leader),
        cmocka_unit_test(e1_needs_one_view_and_height),
        cmocka_unit_test(e2_two_blocks_of_one_height),
        cmocka_unit_test(e2_two_branches_of_one_view),
        cmocka_unit_test(e3_denied_votes),
        cmocka_unit_test(e3_spares_who_was_left_behind),
        cmocka_unit_test(e3_denied_locks),
        cmocka_unit_test(e3_needs_both_signatures),
        cmocka_unit_test(e4_two_view_changes),
        cmocka_unit_test(e5_wrong_new_views),
        cmocka_unit_test(e6_good_blocks_are_safe),
        cmocka_unit_test(e6_a_bad_client_signature),
        cmocka_unit_test(e6_redacted_forms_prove_nothing),
        cmocka_unit_test(e6_a_transaction_of_another_chain),
        cmocka_unit_test(e6_a_transaction_outside_its_span),
        cmocka_unit_test(e6_a_transaction_twice),
        cmocka_unit_test(e6_a_time_not_after_the_parents),
        cmocka_unit_test(e6_a_mode_that_cannot_be),
        cmocka_unit_test(bytes_are_encoded_one_way),
        cmocka_unit_test(failing_memory_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
