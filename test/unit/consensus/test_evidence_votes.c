/* Goal: two results of one validator, a result against the certified one, and two commits of one
 * view prove what they say, and nothing in them can be changed or turned against another; commits
 * of different views name nobody. */
#include "consensus/evidence.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"
#include "support/sample_consensus.h"

static struct sample_history history;
static struct buf items;
static struct evidence made;

static int set_up(void **state)
{
    (void)state;
    history = sample_history();
    buf_init(&items, mem_system(), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&items);
    return 0;
}

static enum status verdict(const struct evidence *e)
{
    struct validators v = sample_validators();
    struct hash chain_id = sample_chain_id();
    return evidence_verify(e, &v, sample_signer(), &chain_id, mem_system());
}

static enum status made_verdict(void)
{
    assert_int_equal(buf_status(&items), ST_OK);
    evidence_attach(&made, &items);
    return verdict(&made);
}

static enum status again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct evidence e;
    TRY(evidence_decode(&e, bytes));
    evidence_encode(out, &e);
    return buf_status(out);
}

/* It holds; moved to another kind, offender, epoch, view or height, or changed in a bit, not. */
static void assert_proof(const char *golden)
{
    assert_int_equal(made_verdict(), ST_OK);
    struct buf out;
    buf_init(&out, mem_system(), 0);
    evidence_encode(&out, &made);
    golden_check(golden, buf_span(&out));
    codec_sweep(buf_span(&out), again);
    buf_fini(&out);
    struct evidence e = made;
    for (int kind = EVIDENCE_E1; kind <= EVIDENCE_KIND_MAX; kind++) {
        e.kind = (enum evidence_kind)kind;
        if (e.kind != made.kind) assert_int_not_equal(verdict(&e), ST_OK);
    }
    struct evidence moved[] = {made, made, made};
    moved[0].epoch++;
    moved[1].view++;
    moved[2].height++;
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(verdict(&moved[i]), ST_OK);
    e = made;
    for (size_t bit = 0; bit < items.size * 8; bit += 3) {
        items.data[bit / 8] = (uint8_t)(items.data[bit / 8] ^ 1u << bit % 8);
        assert_int_not_equal(verdict(&made), ST_OK);
        items.data[bit / 8] = (uint8_t)(items.data[bit / 8] ^ 1u << bit % 8);
    }
    buf_reset(&items);
}

static struct vote p3(uint32_t voter, uint64_t height, char digest)
{
    struct vote v = {.voter = voter, .parts = {{.is_null = true}, {.is_null = true}}};
    v.parts[VOTE_P3] =
        (struct statement){.height = height, .hash = hash_of("digest", span_of(&digest, 1))};
    sample_sign_vote(&v);
    return v;
}

static struct certificate result(uint64_t height, char digest, uint32_t first, uint32_t count)
{
    struct certificate c = {.part = VOTE_P3, .entry_count = count};
    for (uint32_t i = 0; i < count; i++) {
        struct vote v = p3(first + i, height, digest);
        c.entries[i] = certificate_cut(&v, VOTE_P3);
        c.statement = v.parts[VOTE_P3];
    }
    return c;
}

static void two_results(void **state)
{
    (void)state;
    struct vote a = p3(2, 5, 'a');
    struct vote b = p3(2, 5, 'b');
    evidence_of_results(&made, &items, &b, &a);
    assert_true(evidence_is_divergence(made.kind));
    assert_string_equal(evidence_name(made.kind), "E7");
    assert_proof("evidence-e7");
    evidence_of_results(&made, &items, &a, &b);
    assert_proof("evidence-e7"); /* In any order. */
    made.offender = 1;
    cbor_put_array(&items, 2); /* One said twice, others', of two heights. */
    vote_encode(&items, &a);
    vote_encode(&items, &a);
    made.offender = 2;
    assert_int_equal(made_verdict(), ST_INVALID);
    struct vote high = p3(2, 6, 'b');
    struct vote other = p3(1, 5, 'b');
    const struct vote *wrong[] = {&high, &other};
    for (int i = 0; i < 2; i++)
        for (int order = 0; order < 2; order++) {
            buf_reset(&items);
            cbor_put_array(&items, 2);
            vote_encode(&items, order == 0 ? &a : wrong[i]);
            vote_encode(&items, order == 0 ? wrong[i] : &a);
            assert_int_not_equal(made_verdict(), ST_OK);
        }
    buf_reset(&items);
}

static void a_result_against_the_certified_one(void **state)
{
    (void)state;
    struct vote lie = p3(3, 5, 'b');
    struct certificate right = result(5, 'a', 0, 3);
    evidence_of_false_result(&made, &items, &lie, &right);
    assert_true(evidence_is_divergence(made.kind));
    assert_string_equal(evidence_name(made.kind), "E8");
    assert_proof("evidence-e8");
    struct vote truth = p3(3, 5, 'a');
    evidence_of_false_result(&made, &items, &truth, &right);
    assert_int_equal(made_verdict(), ST_INVALID);
    buf_reset(&items);
    struct certificate few = result(5, 'a', 0, 2);
    evidence_of_false_result(&made, &items, &lie, &few);
    assert_int_equal(made_verdict(), ST_INVALID);
    buf_reset(&items);
    struct certificate commit = history.final_cert;
    cbor_put_array(&items, 2);
    vote_encode(&items, &lie);
    certificate_encode(&items, &commit);
    assert_int_equal(made_verdict(), ST_INVALID);
    buf_reset(&items);
}

static void two_commits_of_one_view(void **state)
{
    (void)state;
    struct header fork = sample_child(NULL, 0, 1);
    struct certificate other = sample_quorum(VOTE_P2, 0, &fork, 1, 3);
    struct evidence_commits commits = {.a = &history.final_cert, .b = &other};
    assert_int_equal(evidence_commit_signers(commits.a, commits.b), 2u | 4u);
    evidence_of_commits(&made, &items, &commits, 1);
    assert_false(evidence_is_divergence(made.kind));
    assert_string_equal(evidence_name(made.kind), "E9");
    assert_proof("evidence-e9");
    evidence_of_commits(&made, &items, &commits, 2);
    for (made.offender = 0; made.offender < SAMPLE_NODES; made.offender++) /* Who signed one. */
        assert_int_equal(made_verdict() == ST_OK, made.offender == 1 || made.offender == 2);
    buf_reset(&items);
}

static void two_commits_on_branches(void **state)
{
    (void)state;
    struct header fork = sample_child(NULL, 0, 1);
    struct header above[] = {sample_child(&fork, 0, 1), history.blocks[1]};
    struct certificate high = sample_quorum(VOTE_P2, 0, &above[0], 1, 3);
    struct evidence_fork path = {.headers = &above[0], .count = 1};
    struct evidence_commits commits = {.a = &high, .b = &history.final_cert, .fork = &path};
    evidence_of_commits(&made, &items, &commits, 2);
    assert_proof("evidence-e9-branches");
    high = sample_quorum(VOTE_P2, 0, &above[1], 1, 3); /* A descendant: no conflict. */
    path.headers = &above[1];
    evidence_of_commits(&made, &items, &commits, 2);
    assert_int_equal(made_verdict(), ST_INVALID);
    buf_reset(&items);
}

/* A new view on lying view changes leads the honest from one to the other. */
static void commits_of_two_views_name_nobody(void **state)
{
    (void)state;
    struct header fork = sample_child(NULL, 1, 1);
    struct certificate other = sample_quorum(VOTE_P2, 1, &fork, 0, 3);
    assert_int_equal(evidence_commit_signers(&history.final_cert, &other), 0);
    made = (struct evidence){.kind = EVIDENCE_E9, .offender = 1, .height = 1};
    cbor_put_array(&items, 3);
    certificate_encode(&items, &history.final_cert);
    certificate_encode(&items, &other);
    cbor_put_array(&items, 0);
    assert_int_equal(made_verdict(), ST_INVALID);
    buf_reset(&items);
    other = sample_quorum(VOTE_P1, 0, &fork, 0, 3); /* In bft first votes commit nothing. */
    struct evidence_commits commits = {.a = &history.final_cert, .b = &other};
    evidence_of_commits(&made, &items, &commits, 1);
    assert_int_equal(made_verdict(), ST_INVALID);
    buf_reset(&items);
}

static void garbage_proves_nothing(void **state)
{
    (void)state;
    for (int kind = EVIDENCE_E7; kind <= EVIDENCE_E9; kind++) {
        made = (struct evidence){.kind = (enum evidence_kind)kind};
        cbor_put_null(&items);
        assert_int_equal(made_verdict(), ST_INVALID);
        buf_reset(&items);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_results),
        cmocka_unit_test(a_result_against_the_certified_one),
        cmocka_unit_test(two_commits_of_one_view),
        cmocka_unit_test(two_commits_on_branches),
        cmocka_unit_test(commits_of_two_views_name_nobody),
        cmocka_unit_test(garbage_proves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
