/* Goal: whatever an honest validator lives through, no two things that it signed are evidence.
 *
 * Random histories: a leader a view, blocks on the anchor, commits that all later anchors keep, and
 * a validator that takes part in some views, falls behind, catches up, learns certificates on
 * blocks it never had, and says a view change now and then. By the rules of consensus.md 1.3
 * to 1.5, and no more. Nothing is signed: ST_INVALID must come before a signature is looked at. */
#include "consensus/evidence.h"

#include "support/cmocka_all.h"
#include "support/sample_consensus.h"
#include "support/test_rng.h"

#define VIEWS       8u
#define BLOCKS_MAX  (VIEWS * 4u + 1u)
#define VOTES_MAX   (VIEWS * 10u)
#define COMMITS_MAX (VIEWS * 5u)
#define HISTORIES   3000u
#define NOBODY      UINT32_MAX

struct block {
    struct header header;
    struct hash hash;
    uint32_t parent; /* NOBODY: the genesis. */
};

struct world {
    struct test_rng rng;
    uint32_t block_count;
    struct block blocks[BLOCKS_MAX];
    uint32_t committed; /* Deepest so far; NOBODY: none. */
    uint32_t commit_count;
    struct {
        uint32_t block;
        uint64_t view;
    } commits[COMMITS_MAX];

    uint64_t voted_view; /* Of the validator, as of here. */
    uint32_t chain_count;
    uint32_t chain[CONSENSUS_WINDOW];
    uint32_t final; /* Block; NOBODY: the genesis. */
    uint64_t final_view;
    bool has_hq;
    uint64_t hq_view;
    uint32_t hq_block;

    uint32_t vote_count;
    struct vote votes[VOTES_MAX];
    uint32_t vc_count;
    struct view_change vcs[VIEWS];
};

static uint64_t height_of(const struct world *w, uint32_t block)
{
    return block == NOBODY ? 0 : w->blocks[block].header.height;
}

static bool is_ancestor(const struct world *w, uint32_t ancestor, uint32_t block)
{
    while (block != ancestor && block != NOBODY)
        block = w->blocks[block].parent;
    return block == ancestor;
}

static uint32_t add_block(struct world *w, uint32_t parent, uint64_t view)
{
    const struct header *above = parent == NOBODY ? NULL : &w->blocks[parent].header;
    uint32_t at = w->block_count++;
    must(at < BLOCKS_MAX);
    w->blocks[at].header = sample_child(above, view, (uint8_t)test_rng_below(&w->rng, 200));
    w->blocks[at].hash = header_hash(&w->blocks[at].header);
    w->blocks[at].parent = parent;
    return at;
}

static struct statement statement_of(const struct world *w, uint64_t view, uint32_t block)
{
    return (struct statement){
        .view = view, .height = height_of(w, block), .hash = w->blocks[block].hash};
}

static void say(struct world *w, enum vote_part part, uint64_t view, uint32_t block)
{
    must(w->vote_count < VOTES_MAX);
    struct vote *v = &w->votes[w->vote_count++];
    *v = (struct vote){.voter = 2};
    for (int i = 0; i < VOTE_PARTS; i++)
        v->parts[i].is_null = true;
    v->parts[part] = statement_of(w, view, block);
}

/* The part of the chain above final; nothing when final went to another branch. */
static void cut_chain(struct world *w)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w->chain_count; i++)
        if (w->chain[i] != w->final && is_ancestor(w, w->final, w->chain[i]))
            w->chain[kept++] = w->chain[i];
    w->chain_count = kept;
}

static void learn_commit(struct world *w)
{
    if (w->commit_count == 0) return;
    uint64_t i = test_rng_below(&w->rng, w->commit_count);
    if (height_of(w, w->commits[i].block) <= height_of(w, w->final)) return;
    w->final = w->commits[i].block;
    w->final_view = w->commits[i].view;
    cut_chain(w);
}

static void learn_certificate(struct world *w, uint64_t view, uint32_t block)
{
    if (w->has_hq && w->hq_view > view) return;
    if (w->has_hq && w->hq_view == view && height_of(w, w->hq_block) >= height_of(w, block)) return;
    w->has_hq = true;
    w->hq_view = view;
    w->hq_block = block;
}

static void change_view(struct world *w, uint64_t to_view)
{
    struct view_change *vc = &w->vcs[w->vc_count++];
    *vc = (struct view_change){.to_view = to_view,
                               .sender = 2,
                               .final_height = height_of(w, w->final),
                               .voted_view = w->voted_view,
                               .header_count = w->chain_count,
                               .has_hq = w->has_hq};
    for (uint32_t i = 0; i < w->chain_count; i++)
        vc->headers[i] = w->blocks[w->chain[i]].header;
    if (w->final != NOBODY) {
        vc->has_final_cert = true;
        vc->final_hash = w->blocks[w->final].hash;
        vc->final_cert = (struct certificate){
            .part = VOTE_P2, .statement = statement_of(w, w->final_view, w->final)};
    }
    if (w->has_hq)
        vc->hq = (struct certificate){.part = VOTE_P1,
                                      .statement = statement_of(w, w->hq_view, w->hq_block)};
}

/* P1 of anchor and blocks as far as it got, P2 of some with a certificate. */
static void take_part(
    struct world *w, uint64_t view, uint32_t anchor, uint32_t first, uint32_t count)
{
    w->chain_count = 0;
    for (uint32_t b = anchor; b != w->final; b = w->blocks[b].parent)
        w->chain_count++;
    must(w->chain_count <= CONSENSUS_WINDOW);
    uint32_t at = w->chain_count;
    for (uint32_t b = anchor; b != w->final; b = w->blocks[b].parent)
        w->chain[--at] = b;
    w->voted_view = view;
    if (anchor != NOBODY) say(w, VOTE_P1, view, anchor);
    uint64_t got = test_rng_below(&w->rng, count + 1u);
    for (uint32_t i = 0; i < got && w->chain_count < CONSENSUS_WINDOW; i++) {
        if (test_rng_below(&w->rng, 4) == 0) learn_commit(w);
        if (!is_ancestor(w, w->final, first + i)) break;
        if (w->final != first + i) w->chain[w->chain_count++] = first + i;
        say(w, VOTE_P1, view, first + i);
        if (test_rng_coin(&w->rng)) learn_certificate(w, view, first + i);
        if (w->has_hq && w->hq_view == view && test_rng_coin(&w->rng))
            say(w, VOTE_P2, view, w->hq_block);
    }
}

static void commit_some(
    struct world *w, uint64_t view, uint32_t anchor, uint32_t first, uint32_t count)
{
    if (test_rng_coin(&w->rng)) return;
    uint64_t depth = test_rng_below(&w->rng, count + 1u); /* 0: the anchor. */
    uint32_t block = depth == 0 ? anchor : first + (uint32_t)depth - 1;
    if (block == NOBODY) return;
    w->commits[w->commit_count].block = block;
    w->commits[w->commit_count++].view = view;
    w->committed = block;
}

static uint32_t next_anchor(struct world *w)
{
    for (uint32_t tries = 0; tries < 20; tries++) {
        uint32_t block = (uint32_t)test_rng_below(&w->rng, w->block_count + 1u);
        if (block == w->block_count) block = NOBODY;
        uint64_t above = height_of(w, block) - height_of(w, w->final);
        if (is_ancestor(w, w->committed, block) && above <= CONSENSUS_WINDOW) return block;
    }
    return w->committed;
}

static void live(struct world *w)
{
    for (uint64_t view = 0; view < VIEWS; view++) {
        uint32_t anchor = view == 0 ? NOBODY : next_anchor(w);
        uint32_t first = w->block_count;
        uint32_t count = (uint32_t)test_rng_below(&w->rng, 5);
        for (uint32_t i = 0; i < count; i++)
            (void)add_block(w, i == 0 ? anchor : first + i - 1, view);
        if (view > 0 && test_rng_coin(&w->rng)) change_view(w, view);
        if (test_rng_below(&w->rng, 3) > 0) take_part(w, view, anchor, first, count);
        if (count > 0 && test_rng_coin(&w->rng))
            learn_certificate(w, view, first + (uint32_t)test_rng_below(&w->rng, count));
        commit_some(w, view, anchor, first, count);
        if (test_rng_coin(&w->rng)) learn_commit(w);
    }
}

static void check_contradictions(const struct world *w)
{
    uint64_t height;
    for (uint32_t i = 0; i < w->vote_count; i++)
        for (uint32_t j = 0; j < w->vc_count; j++)
            assert_false(evidence_is_contradiction(&w->votes[i], &w->vcs[j], &height));
}

/* Headers above low up to tip, ascending; their count. */
static uint32_t path_above(const struct world *w,
                           struct header headers[BLOCKS_MAX],
                           uint64_t low,
                           uint32_t tip)
{
    uint64_t top = height_of(w, tip);
    for (uint32_t b = tip; height_of(w, b) > low; b = w->blocks[b].parent)
        headers[height_of(w, b) - low - 1] = w->blocks[b].header;
    return top > low ? (uint32_t)(top - low) : 0;
}

/* Two votes, with the chain to any block as what is said to show a fork. */
static void check_pair(const struct world *w, uint32_t i, uint32_t j, struct buf *out)
{
    const struct statement *p = &w->votes[i].parts[VOTE_P1];
    const struct statement *q = &w->votes[j].parts[VOTE_P1];
    if (p->is_null || q->is_null) return;
    struct validators v = sample_validators();
    struct hash chain_id = sample_chain_id();
    uint64_t low = p->height < q->height ? p->height : q->height;
    for (uint32_t tip = 0; tip < w->block_count; tip++) {
        struct header headers[BLOCKS_MAX];
        uint32_t count = path_above(w, headers, low, tip);
        if (count > EVIDENCE_HEADERS_MAX) continue;
        struct evidence e;
        buf_reset(out);
        struct evidence_fork fork = {.headers = headers, .count = count};
        evidence_of_votes(&e, out, &w->votes[i], &w->votes[j], &fork);
        evidence_attach(&e, out);
        assert_int_equal(evidence_verify(&e, &v, sample_signer(), &chain_id, mem_system()),
                         ST_INVALID);
    }
}

static void check_votes(const struct world *w, struct buf *out)
{
    for (uint32_t i = 0; i < w->vote_count; i++)
        for (uint32_t j = 0; j < i; j++)
            check_pair(w, i, j, out);
}

static void honest_histories_prove_nothing(void **state)
{
    (void)state;
    struct world *w = mem_alloc(mem_system(), sizeof *w);
    assert_non_null(w);
    struct buf out;
    buf_init(&out, mem_system(), 0);
    uint64_t votes = 0;
    uint64_t changes = 0;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        memset(w, 0, sizeof *w);
        w->rng.state = seed;
        w->committed = w->final = NOBODY;
        live(w);
        check_contradictions(w);
        if (seed % 30 == 0) check_votes(w, &out);
        votes += w->vote_count;
        changes += w->vc_count;
    }
    assert_true(votes / 10 > HISTORIES);
    assert_true(changes / 2 > HISTORIES);
    buf_fini(&out);
    mem_free(mem_system(), w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(honest_histories_prove_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
