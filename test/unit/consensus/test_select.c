/* Goal: the anchor of a new view is the one that consensus.md 1.6 gives, shown on the histories
 * that broke simpler rules; test/model/select_compare.py compares with a reference on random ones.
 */
#include "consensus/select.h"

#include "support/cmocka_all.h"
#include "support/sample_consensus.h"

/* Blocks are named by letters: the same letter is the same hash. */
static struct hash block(char name)
{
    return hash_of("block", span_of(&name, 1));
}

/* Final at the genesis, a chain of letters from height 1. */
static struct select_claim claim(uint64_t voted_view, const char *chain)
{
    struct select_claim c = {.final_hash = block('.'), .voted_view = voted_view};
    for (; *chain != 0; chain++)
        c.blocks[c.block_count++] = block(*chain);
    return c;
}

static struct select_claim certified(struct select_claim c,
                                     uint64_t view,
                                     uint64_t height,
                                     char name)
{
    c.has_hq = true;
    c.hq_view = view;
    c.hq_height = height;
    c.hq_hash = block(name);
    return c;
}

/* The certificate's block stands on another branch than the chain: letters that lead to it. */
static struct select_claim branched(struct select_claim c,
                                    uint64_t view,
                                    uint64_t height,
                                    const char *branch)
{
    for (; *branch != 0; branch++) {
        c.branch[c.branch_count++] = block(*branch);
        c = certified(c, view, height, *branch);
    }
    return c;
}

/* n = 4, f = 1: three claims. */
static void assert_anchor(enum block_mode mode,
                          const struct select_claim claims[3],
                          uint64_t height,
                          char name)
{
    struct validators v = {.mode = mode, .f = 1, .count = 4};
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct hash hash = block(name);
    for (int i = 0; i < 6; i++) {
        struct select_claim order[3];
        for (int j = 0; j < 3; j++)
            order[j] = claims[orders[i][j]];
        struct select_result x;
        select_anchor(&x, &v, order, 3);
        assert_int_equal(x.height, height);
        assert_true(hash_equal(&x.hash, &hash));
    }
}

/* S2: all four voted A; the liar denies it. */
static void a_fast_commit_survives_a_denial(void **state)
{
    (void)state;
    struct select_claim claims[] = {claim(0, "A"), claim(0, "A"), claim(0, "")};
    assert_anchor(MODE_FAST, claims, 1, 'A');
    assert_anchor(MODE_BFT, claims, 0, '.');
}

/* S3: an old certificate shown late does not beat votes of a later view. */
static void later_votes_beat_an_old_certificate(void **state)
{
    (void)state;
    struct select_claim claims[] = {claim(1, "B"), claim(1, "B"),
                                    certified(claim(0, "A"), 0, 1, 'A')};
    assert_anchor(MODE_FAST, claims, 1, 'B');
    assert_anchor(MODE_BFT, claims, 1, 'A');
}

/* S4: in the same view the certificate wins over votes in conflict with it. */
static void a_tie_in_conflict_goes_to_the_certificate(void **state)
{
    (void)state;
    struct select_claim claims[] = {certified(claim(0, "A"), 0, 1, 'A'), claim(0, "B"),
                                    claim(0, "B")};
    assert_anchor(MODE_FAST, claims, 1, 'A');
}

/* S5: in the same view on one chain votes reach above the highest certificate. */
static void votes_above_the_certificate_count(void **state)
{
    (void)state;
    struct select_claim claims[] = {certified(claim(0, "ABCDEFG"), 0, 5, 'E'),
                                    certified(claim(0, "ABCDEFG"), 0, 5, 'E'), claim(0, "")};
    assert_anchor(MODE_FAST, claims, 7, 'G');
    assert_anchor(MODE_BFT, claims, 5, 'E');
}

static void claims_on_tips_count_for_ancestors_across_views(void **state)
{
    (void)state;
    struct select_claim claims[] = {claim(1, "AB"), claim(2, "AC"), claim(0, "")};
    assert_anchor(MODE_FAST, claims, 1, 'A');
}

/* Votes of a later view for an ancestor of the certificate's block take nothing back. */
static void a_certificate_above_the_votes_wins(void **state)
{
    (void)state;
    struct select_claim claims[] = {certified(claim(0, "AB"), 0, 2, 'B'), claim(3, "A"),
                                    claim(3, "A")};
    assert_anchor(MODE_FAST, claims, 2, 'B');
}

static void what_is_not_above_the_base_is_dropped(void **state)
{
    (void)state;
    struct select_claim base = claim(2, "");
    base.final_height = 2;
    base.final_hash = block('B');
    struct select_claim fork = certified(claim(3, "AXY"), 4, 3, 'Y');
    struct select_claim below = certified(claim(3, "AB"), 5, 1, 'A');
    struct select_claim claims[] = {base, fork, below};
    assert_anchor(MODE_BFT, claims, 2, 'B');
    assert_anchor(MODE_FAST, claims, 2, 'B');
    claims[2] = certified(claim(3, "ABC"), 1, 3, 'C');
    assert_anchor(MODE_BFT, claims, 3, 'C');
}

/* B was committed in view 0 by locks of 1, 2 and the liar. Node 1 alone knows QC(0, C) of its child
 * and left C for B, the anchor of view 1. The lockers' certificate of B is not among these three:
 * if C were dropped because nobody claims it, B would be lost. */
static void a_certificate_on_a_branch_wins(void **state)
{
    (void)state;
    struct select_claim claims[] = {claim(1, "B"), branched(claim(1, "B"), 0, 2, "C"),
                                    claim(0, "")};
    assert_anchor(MODE_BFT, claims, 2, 'C');
    assert_anchor(MODE_FAST, claims, 2, 'C');
}

/* A certificate on a branch is compared with what is claimed: B1 of view 1 is above the old C0, but
 * below D0 of its own view. */
static void a_branch_is_known(void **state)
{
    (void)state;
    struct select_claim claims[] = {claim(1, "AB"), claim(1, "AB"),
                                    branched(claim(1, "A"), 0, 2, "C")};
    assert_anchor(MODE_FAST, claims, 2, 'B');
    claims[2] = branched(claim(1, "A"), 1, 3, "BD");
    assert_anchor(MODE_FAST, claims, 3, 'D');
    claims[2] = branched(claim(1, "A"), 1, 2, "C");
    assert_anchor(MODE_FAST, claims, 2, 'C');
}

/* The sender's final block lies below the base; its certificate is on a fork of the base. */
static void a_branch_beside_the_base_is_dropped(void **state)
{
    (void)state;
    struct select_claim base = claim(2, "");
    base.final_height = 2;
    base.final_hash = block('B');
    struct select_claim claims[] = {base, branched(claim(1, "A"), 5, 3, "XY"),
                                    branched(claim(1, "A"), 1, 3, "BC")};
    assert_anchor(MODE_BFT, claims, 3, 'C');
    claims[2] = branched(claim(1, "A"), 5, 2, "X");
    assert_anchor(MODE_BFT, claims, 2, 'B');
}

/* n = 3: the latest voted view wins, then length; claims below or beside the base do
 * not count, and more than a majority may speak. */
static void raft_takes_the_latest_chain(void **state)
{
    (void)state;
    struct validators v = {.mode = MODE_RAFT, .count = 3};
    struct select_claim claims[] = {claim(2, "AB"), claim(1, "AC"), claim(1, "ACD")};
    struct select_result x;
    select_anchor(&x, &v, claims, 3);
    struct hash want = block('B');
    assert_true(hash_equal(&x.hash, &want));
    select_anchor(&x, &v, claims + 1, 2);
    want = block('D');
    assert_true(hash_equal(&x.hash, &want));
    assert_int_equal(x.height, 3);
    struct select_claim low[] = {claim(1, ""), claim(9, "AX")};
    low[0].final_height = 1;
    low[0].final_hash = block('B');
    select_anchor(&x, &v, low, 2);
    want = block('B');
    assert_true(hash_equal(&x.hash, &want));
    select_anchor_faulty(&x, &v, claims, 3, FAULT_RAFT_LENGTH);
    assert_int_equal(x.height, 3);
}

/* Each planted fault changes the answer to the history that its rule is for. */
static void planted_faults_choose_wrongly(void **state)
{
    (void)state;
    struct validators v = {.mode = MODE_FAST, .f = 1, .count = 4};
    struct select_claim claims[] = {certified(claim(0, "ABC"), 0, 1, 'A'), claim(0, "ABC"),
                                    claim(0, "")};
    static const struct {
        enum consensus_fault fault;
        uint64_t height;
    } cases[] = {
        {FAULT_NONE, 3}, {FAULT_SELECT_TIE, 1}, {FAULT_SELECT_T, 1}, {FAULT_SELECT_LOCKS, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct select_result x;
        select_anchor_faulty(&x, &v, claims, 3, cases[i].fault);
        assert_int_equal(x.height, cases[i].height);
    }
}

/* The final block's certificate is of a later view than hq: what hq stood for is final or lost. */
static void a_superseded_certificate_is_not_read(void **state)
{
    (void)state;
    struct sample_history h = sample_history();
    struct view_change vc;
    struct select_claim c;
    sample_view_change(&vc, &h, 2);
    assert_false(select_is_superseded(&vc));
    vc.final_cert.statement.view = vc.hq.statement.view + 1;
    assert_true(select_is_superseded(&vc));
    select_claim_of(&c, &vc);
    assert_false(c.has_hq);
    vc.hq.statement.epoch++; /* The final block is the base of an epoch: views do not compare. */
    assert_false(select_is_superseded(&vc));
    vc.has_hq = false;
    assert_false(select_is_superseded(&vc));
}

static void one_validator_selects_for_itself(void **state)
{
    (void)state;
    struct validators v = {.mode = MODE_BFT, .count = 1};
    struct select_claim c = certified(claim(4, "ABC"), 4, 2, 'B');
    struct select_result x;
    struct hash b = block('B');
    select_anchor(&x, &v, &c, 1);
    assert_int_equal(x.height, 2);
    assert_true(hash_equal(&x.hash, &b));
    assert_int_equal(x.base_height, 0);
}

static void claims_are_read_from_view_changes(void **state)
{
    (void)state;
    struct sample_history h = sample_history();
    struct view_change vc;
    struct select_claim c;
    sample_view_change(&vc, &h, 2);
    select_claim_of(&c, &vc);
    struct hash hashes[SAMPLE_CHAIN];
    for (int i = 0; i < 3; i++)
        hashes[i] = header_hash(&h.blocks[i]);
    assert_int_equal(c.final_height, 1);
    assert_true(hash_equal(&c.final_hash, &hashes[0]));
    assert_int_equal(c.voted_view, 0);
    assert_int_equal(c.block_count, 2);
    assert_true(hash_equal(&c.blocks[0], &hashes[1]));
    assert_true(hash_equal(&c.blocks[1], &hashes[2]));
    assert_true(c.has_hq);
    assert_int_equal(c.hq_view, 0);
    assert_int_equal(c.hq_height, 2);
    assert_true(hash_equal(&c.hq_hash, &hashes[1]));
    vc.has_hq = false;
    vc.header_count = 0;
    select_claim_of(&c, &vc);
    assert_false(c.has_hq);
    assert_int_equal(c.block_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fast_commit_survives_a_denial),
        cmocka_unit_test(later_votes_beat_an_old_certificate),
        cmocka_unit_test(a_tie_in_conflict_goes_to_the_certificate),
        cmocka_unit_test(votes_above_the_certificate_count),
        cmocka_unit_test(claims_on_tips_count_for_ancestors_across_views),
        cmocka_unit_test(a_certificate_above_the_votes_wins),
        cmocka_unit_test(what_is_not_above_the_base_is_dropped),
        cmocka_unit_test(a_certificate_on_a_branch_wins),
        cmocka_unit_test(a_branch_is_known),
        cmocka_unit_test(a_branch_beside_the_base_is_dropped),
        cmocka_unit_test(raft_takes_the_latest_chain),
        cmocka_unit_test(planted_faults_choose_wrongly),
        cmocka_unit_test(a_superseded_certificate_is_not_read),
        cmocka_unit_test(one_validator_selects_for_itself),
        cmocka_unit_test(claims_are_read_from_view_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
