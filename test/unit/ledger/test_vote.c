/* Goal: one signature covers three independent statements, a certificate cut from votes verifies
 * for exactly the statement, chain and validators it was made for, and quorum sizes are those of
 * the protocol. */
#include "ledger/notes.h"

#include "ledger/quorum.h"
#include "support/cmocka_all.h"
#include "support/codec_sweep.h"
#include "support/golden.h"
#include "support/sample_ledger.h"

static enum status vote_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct vote v;
    struct cbor in = cbor_of(bytes);
    vote_decode(&v, &in);
    TRY(cbor_end(&in));
    vote_encode(out, &v);
    return buf_status(out);
}

static enum status certificate_again(struct span bytes, struct arena *a, struct buf *out)
{
    (void)a;
    struct certificate c;
    struct cbor in = cbor_of(bytes);
    certificate_decode(&c, &in);
    TRY(cbor_end(&in));
    certificate_encode(out, &c);
    return buf_status(out);
}

static struct hash block_hash(void)
{
    return hash_of("sample", span_text("block"));
}

static struct validators validators(void)
{
    struct genesis g = sample_genesis();
    return genesis_validators(&g);
}

static enum status check(const struct certificate *c, uint32_t quorum)
{
    struct validators v = validators();
    struct hash chain_id = sample_chain_id();
    return certificate_verify(c, sample_signer(), &chain_id, &v, quorum);
}

static void votes_are_encoded_one_way(void **state)
{
    (void)state;
    struct hash block = block_hash();
    struct vote v = sample_vote(3, 9, &block, &block);
    struct buf out;
    buf_init(&out, mem_system(), 0);
    vote_encode(&out, &v);
    golden_check("vote", buf_span(&out));
    codec_sweep(buf_span(&out), vote_again);
    buf_reset(&out);
    for (int i = 0; i < VOTE_PARTS; i++)
        v.parts[i] = (struct statement){.is_null = true};
    vote_encode(&out, &v);
    codec_sweep(buf_span(&out), vote_again);
    buf_fini(&out);
}

static void certificates_are_encoded_one_way(void **state)
{
    (void)state;
    static const char *const names[VOTE_PARTS] = {"certificate-p1", "certificate-p2",
                                                  "certificate-p3"};
    struct hash block = block_hash();
    for (int part = 0; part < VOTE_PARTS; part++) {
        struct certificate c = sample_certificate((enum vote_part)part, 9, &block, 3);
        struct buf out;
        buf_init(&out, mem_system(), 0);
        certificate_encode(&out, &c);
        golden_check(names[part], buf_span(&out));
        codec_sweep(buf_span(&out), certificate_again);
        struct hash direct = hash_of("cert", buf_span(&out));
        struct hash hash = certificate_hash(&c);
        assert_true(hash_equal(&hash, &direct));
        buf_fini(&out);
    }
}

static void each_part_verifies_by_itself(void **state)
{
    (void)state;
    struct hash block = block_hash();
    for (int part = 0; part < VOTE_PARTS; part++) {
        struct certificate c = sample_certificate((enum vote_part)part, 9, &block, 3);
        assert_int_equal(check(&c, 3), ST_OK);
        assert_int_equal(check(&c, 4), ST_INVALID);
        c.statement.height++;
        assert_int_equal(check(&c, 3), ST_SIGNATURE);
        c.statement.height--;
        c.statement.epoch++;
        assert_int_equal(check(&c, 3), ST_SIGNATURE);
        c.statement.epoch--;
        c.statement.view++; /* No part of P3. */
        assert_int_equal(check(&c, 3), part == VOTE_P3 ? ST_OK : ST_SIGNATURE);
        c.statement.view--;
        c.statement.hash.bytes[0] ^= 1;
        assert_int_equal(check(&c, 3), ST_SIGNATURE);
    }
}

static void late_votes_verify_alone(void **state)
{
    (void)state;
    struct validators v = validators();
    struct hash chain_id = sample_chain_id();
    struct hash block = block_hash();
    struct certificate c = sample_certificate(VOTE_P3, 9, &block, 3);
    struct late_vote late = {.part = c.part, .statement = c.statement, .entry = c.entries[2]};
    assert_int_equal(late_vote_verify(&late, sample_signer(), &chain_id, &v), ST_OK);
    late.entry.voter = 0;
    assert_int_equal(late_vote_verify(&late, sample_signer(), &chain_id, &v), ST_SIGNATURE);
    late.entry.voter = v.count;
    assert_int_equal(late_vote_verify(&late, sample_signer(), &chain_id, &v), ST_INVALID);
    late.entry = c.entries[2];
    late.part = VOTE_P1;
    assert_int_equal(late_vote_verify(&late, sample_signer(), &chain_id, &v), ST_SIGNATURE);
}

static void parts_cannot_stand_for_one_another(void **state)
{
    (void)state;
    struct hash block = block_hash();
    struct certificate c = sample_certificate(VOTE_P1, 9, &block, 3);
    c.part = VOTE_P2; /* The vote's P1 and P2 are the same statement. */
    assert_int_equal(check(&c, 3), ST_SIGNATURE);
    struct hash p1 = statement_hash(&c.statement, VOTE_P1);
    struct hash p2 = statement_hash(&c.statement, VOTE_P2);
    assert_false(hash_equal(&p1, &p2));
    struct statement null = {.is_null = true};
    struct statement zero = {0};
    p1 = statement_hash(&null, VOTE_P1);
    p2 = statement_hash(&zero, VOTE_P1);
    assert_false(hash_equal(&p1, &p2));
}

static void signers_must_be_distinct_members(void **state)
{
    (void)state;
    struct hash block = block_hash();
    struct certificate good = sample_certificate(VOTE_P2, 9, &block, 3);
    struct certificate bad = good;
    bad.entries[1] = bad.entries[0];
    assert_int_equal(check(&bad, 3), ST_INVALID);
    bad = good;
    bad.entries[0] = good.entries[1];
    bad.entries[1] = good.entries[0];
    assert_int_equal(check(&bad, 3), ST_INVALID);
    bad = good;
    bad.entries[2].voter = SAMPLE_NODES;
    assert_int_equal(check(&bad, 3), ST_INVALID);
    bad = good;
    bad.entries[2].voter = 3; /* A member, but another one signed. */
    assert_int_equal(check(&bad, 3), ST_SIGNATURE);
    bad = sample_certificate(VOTE_P2, 9, &block, 4);
    bad.entries[3].sig.bytes[5] ^= 1; /* Above the quorum, but bad. */
    assert_int_equal(check(&bad, 3), ST_SIGNATURE);
    bad = good;
    bad.statement.is_null = true;
    assert_int_equal(check(&bad, 3), ST_INVALID);
    bad = good;
    bad.entries[0].siblings[1].bytes[0] ^= 1;
    assert_int_equal(check(&bad, 3), ST_SIGNATURE);
}

static void another_chain_is_another_vote(void **state)
{
    (void)state;
    struct hash block = block_hash();
    struct certificate c = sample_certificate(VOTE_P3, 9, &block, 3);
    struct validators v = validators();
    assert_int_equal(certificate_verify(&c, sample_signer(), &block, &v, 3), ST_SIGNATURE);
}

static void quorum_sizes(void **state)
{
    (void)state;
    static const struct {
        enum block_mode mode;
        uint32_t n, f, p, size, fast;
    } cases[] = {
        {MODE_BFT, 1, 0, 0, 1, 0},     {MODE_FAST, 4, 1, 0, 3, 4},     {MODE_FAST, 5, 1, 0, 4, 5},
        {MODE_FAST, 6, 1, 1, 4, 5},    {MODE_FAST, 7, 2, 0, 5, 7},     {MODE_FAST, 9, 2, 1, 6, 8},
        {MODE_FAST, 16, 4, 1, 11, 15}, {MODE_FAST, 31, 10, 0, 21, 31}, {MODE_BFT, 4, 1, 0, 3, 0},
        {MODE_BFT, 31, 10, 0, 21, 0},  {MODE_RAFT, 3, 0, 0, 2, 0},     {MODE_RAFT, 4, 0, 0, 3, 0},
        {MODE_RAFT, 5, 0, 0, 3, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct validators v = {
            .mode = cases[i].mode, .f = cases[i].f, .p = cases[i].p, .count = cases[i].n};
        assert_true(quorum_bounds_hold(v.mode, v.count, v.f, v.p));
        assert_int_equal(quorum_size(&v), cases[i].size);
        if (v.mode == MODE_FAST) assert_int_equal(quorum_fast_size(&v), cases[i].fast);
    }
}

/* Facts of consensus 1.1, for every configuration that is allowed. */
static void two_quorums_share_an_honest_node(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= NODES_MAX; n++)
        for (uint32_t f = 0; f <= n; f++)
            for (uint32_t p = 0; p <= n; p++) {
                struct validators v = {.mode = MODE_FAST, .f = f, .p = p, .count = n};
                if (!quorum_bounds_hold(MODE_FAST, n, f, p)) continue;
                uint32_t q = quorum_size(&v);
                assert_true(2 * q - n >= f + 1);
                assert_true(q <= n - f);
                assert_true(q + quorum_fast_size(&v) - n >= f + 1);
            }
}

/* What the proofs of consensus.md 1.1 and 1.6 need of n - f and T, for every allowed n, f and p. */
static void view_changes_meet_every_quorum(void **state)
{
    (void)state;
    struct validators v = {.mode = MODE_FAST};
    for (v.count = 1; v.count <= NODES_MAX; v.count++) {
        for (v.f = 0; v.f <= v.count; v.f++) {
            for (v.p = 0; v.p <= v.count; v.p++) {
                if (!quorum_bounds_hold(MODE_FAST, v.count, v.f, v.p)) continue;
                uint32_t changes = quorum_view_change(&v);
                uint32_t support = quorum_fast_support(&v);
                assert_int_equal(changes, v.count - v.f);
                assert_true(quorum_size(&v) + changes - v.count >= v.f + 1);
                assert_int_equal(support, quorum_fast_size(&v) + changes - v.count - v.f);
                assert_true(support > v.f + v.p);
                assert_true(2 * support > changes);
            }
        }
    }
    v = (struct validators){.mode = MODE_RAFT, .count = 5};
    assert_int_equal(quorum_view_change(&v), 3);
    v = (struct validators){.mode = MODE_BFT, .count = 4, .f = 1};
    assert_int_equal(quorum_view_change(&v), 3);
}

static void bounds_are_kept(void **state)
{
    (void)state;
    assert_false(quorum_bounds_hold(MODE_FAST, 0, 0, 0));
    assert_false(quorum_bounds_hold(MODE_FAST, 2, 0, 0));
    assert_false(quorum_bounds_hold(MODE_RAFT, 2, 0, 0));
    assert_false(quorum_bounds_hold(MODE_RAFT, 1, 0, 0));
    assert_false(quorum_bounds_hold(MODE_FAST, 1, 0, 0));
    assert_true(quorum_bounds_hold(MODE_BFT, 1, 0, 0));
    assert_false(quorum_bounds_hold(MODE_FAST, 3, 0, 0));
    assert_false(quorum_bounds_hold(MODE_FAST, 4, 1, 1));
    assert_false(quorum_bounds_hold(MODE_FAST, 4, 2, 0));
    assert_false(quorum_bounds_hold(MODE_FAST, 32, 1, 0));
    assert_false(quorum_bounds_hold(MODE_FAST, 4, 0xffffffffu, 2));
    assert_false(quorum_bounds_hold(MODE_BFT, 3, 0, 0));
    assert_false(quorum_bounds_hold(MODE_BFT, 4, 1, 1));
    assert_false(quorum_bounds_hold(MODE_RAFT, 3, 1, 0));
    assert_false(quorum_bounds_hold(MODE_STRICT, 4, 1, 0));
}

/* A refusal says what to do instead, and what is allowed but unwise is said too. */
static void refusals_and_warnings_have_words(void **state)
{
    (void)state;
    assert_non_null(strstr(quorum_why(MODE_RAFT, 2, 0, 0), "one validator and one observer"));
    assert_non_null(strstr(quorum_why(MODE_FAST, 3, 0, 0), "raft"));
    assert_null(quorum_why(MODE_RAFT, 4, 0, 0));
    assert_non_null(quorum_warning(MODE_RAFT, 4, 0));
    assert_non_null(quorum_warning(MODE_FAST, 5, 0));
    assert_null(quorum_warning(MODE_RAFT, 3, 0));
    assert_null(quorum_warning(MODE_BFT, 4, 1));
    assert_null(quorum_warning(MODE_BFT, 1, 0));
    struct validators v = {.mode = MODE_BFT, .f = 1, .count = 4};
    assert_int_equal(quorum_stopped_max(&v), 1);
    v = (struct validators){.mode = MODE_RAFT, .count = 5};
    assert_int_equal(quorum_stopped_max(&v), 2);
    v = (struct validators){.mode = MODE_FAST, .f = 1, .p = 1, .count = 6};
    assert_int_equal(quorum_stopped_max(&v), 1);
}

static void barred_validators_never_lead(void **state)
{
    (void)state;
    struct validators v = {.mode = MODE_BFT, .f = 1, .count = 4};
    static const uint32_t free[] = {0, 1, 2, 3, 0};
    static const uint32_t one_barred[] = {0, 2, 3, 0, 2};
    for (uint64_t view = 0; view < 5; view++) {
        v.barred = 0;
        assert_int_equal(quorum_leader(&v, view), free[view]);
        v.barred = 1u << 1;
        assert_int_equal(quorum_leader(&v, view), one_barred[view]);
        v.barred = 0xf; /* Somebody has to lead. */
        assert_int_equal(quorum_leader(&v, view), free[view]);
    }
    assert_int_equal(quorum_leader(&v, UINT64_MAX), 3);
}

static void commit_needs_the_right_part(void **state)
{
    (void)state;
    struct hash block = block_hash();
    struct hash chain_id = sample_chain_id();
    struct validators v = validators();
    static const struct {
        enum block_mode mode;
        enum vote_part part;
        uint32_t count;
        enum status st;
    } cases[] = {{MODE_FAST, VOTE_P1, 3, ST_INVALID}, {MODE_FAST, VOTE_P1, 4, ST_OK},
                 {MODE_FAST, VOTE_P2, 2, ST_INVALID}, {MODE_FAST, VOTE_P2, 3, ST_OK},
                 {MODE_FAST, VOTE_P3, 4, ST_INVALID}, {MODE_BFT, VOTE_P1, 4, ST_INVALID},
                 {MODE_BFT, VOTE_P2, 3, ST_OK},       {MODE_RAFT, VOTE_P1, 3, ST_OK},
                 {MODE_RAFT, VOTE_P1, 2, ST_INVALID}, {MODE_RAFT, VOTE_P2, 4, ST_INVALID}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct certificate c = sample_certificate(cases[i].part, 9, &block, cases[i].count);
        v.mode = cases[i].mode;
        v.f = v.mode == MODE_RAFT ? 0 : 1;
        assert_int_equal(quorum_check_commit(&v, &c, sample_signer(), &chain_id), cases[i].st);
        enum status result = quorum_check_result(&v, &c, sample_signer(), &chain_id);
        assert_int_equal(result, cases[i].part == VOTE_P3 ? ST_OK : ST_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(votes_are_encoded_one_way),
        cmocka_unit_test(certificates_are_encoded_one_way),
        cmocka_unit_test(each_part_verifies_by_itself),
        cmocka_unit_test(late_votes_verify_alone),
        cmocka_unit_test(parts_cannot_stand_for_one_another),
        cmocka_unit_test(signers_must_be_distinct_members),
        cmocka_unit_test(another_chain_is_another_vote),
        cmocka_unit_test(quorum_sizes),
        cmocka_unit_test(two_quorums_share_an_honest_node),
        cmocka_unit_test(view_changes_meet_every_quorum),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(refusals_and_warnings_have_words),
        cmocka_unit_test(barred_validators_never_lead),
        cmocka_unit_test(commit_needs_the_right_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
