/* select.c - consensus.md 1.6, step by step.
 *
 *   base   highest final block among the claims
 *   chains what each claim says above the base; nothing, if it is on a fork of the base
 *   hq     highest certificate by (view, height) on base or above
 *   F      blocks above base that T claims support; lvl = T-th largest voted view among them
 *   G      of F: lvl > hq.view, or lvl == hq.view and compatible with hq's block
 *   g      deepest of G, or base
 *   X      hq's block when it descends from g, else g
 *
 * Claims on different tips count together for a common ancestor, also claims of different views.
 * In bft F is empty: what is committed there is locked, and hq shows it. In raft X is the tip of
 * the chain of the latest view, the longest of several. */
#include "consensus/select.h"

#include "base/must.h"

struct block_id {
    uint64_t height;
    struct hash hash;
};

struct chain { /* What one claim says above the base. */
    uint32_t count;
    const struct hash *blocks; /* base.height + 1 … */
    uint64_t voted_view;
};

struct selection {
    struct block_id base;
    const struct select_claim *claims;
    uint32_t count;
    enum consensus_fault fault;
    struct chain chains[NODES_MAX];
    const struct select_claim *hq; /* Whose certificate is the highest; null: none. */
};

static struct block_id find_base(const struct select_claim *claims, uint32_t count);
static struct chain chain_above(const struct select_claim *claim, const struct block_id *base);
static struct block_id find_longest(const struct selection *s);
static bool is_later(const struct select_claim *claim,
                     const struct block_id *tip,
                     const struct select_claim *best,
                     const struct block_id *best_tip);
static const struct select_claim *find_hq(const struct selection *s);
static bool is_on_base(const struct selection *s, const struct select_claim *claim);
static const struct hash *hq_path_at(const struct select_claim *claim, uint64_t height);
static struct block_id find_supported(const struct selection *s, uint32_t support);
static bool find_level(const struct selection *s,
                       const struct block_id *block,
                       uint32_t support,
                       uint64_t *level);
static bool is_candidate(const struct selection *s,
                         const struct chain *chain,
                         const struct block_id *block,
                         uint64_t level);
static bool is_in_chain(const struct selection *s,
                        const struct chain *chain,
                        const struct block_id *block);
static bool is_below_hq(const struct selection *s, const struct block_id *block);
static bool is_above_hq(const struct selection *s, const struct chain *chain);
static struct block_id hq_block(const struct select_claim *claim);

void select_anchor(struct select_result *out,
                   const struct validators *v,
                   const struct select_claim *claims,
                   uint32_t count)
{
    select_anchor_faulty(out, v, claims, count, FAULT_NONE);
}

void select_anchor_faulty(struct select_result *out,
                          const struct validators *v,
                          const struct select_claim *claims,
                          uint32_t count,
                          enum consensus_fault fault)
{
    must(v->mode != MODE_STRICT);
    must(count >= quorum_view_change(v) && count <= v->count);
    if (v->mode != MODE_RAFT) must(count == quorum_view_change(v));
    struct selection s = {
        .base = find_base(claims, count), .claims = claims, .count = count, .fault = fault};
    for (uint32_t i = 0; i < count; i++)
        s.chains[i] = chain_above(&claims[i], &s.base);
    if (v->mode != MODE_RAFT) s.hq = find_hq(&s);
    struct block_id x = s.base;
    if (v->mode == MODE_RAFT) x = find_longest(&s);
    if (v->mode == MODE_FAST) x = find_supported(&s, quorum_fast_support(v));
    if (s.hq != NULL && is_below_hq(&s, &x)) x = hq_block(s.hq);
    must(x.height >= s.base.height);
    *out = (struct select_result){
        .base_height = s.base.height, .base_hash = s.base.hash, .height = x.height, .hash = x.hash};
}

void select_claim_of(struct select_claim *out, const struct view_change *vc)
{
    must(vc->header_count <= CONSENSUS_WINDOW);
    must(vc->branch_count <= CONSENSUS_WINDOW);
    *out = (struct select_claim){.final_height = vc->final_height,
                                 .final_hash = vc->final_hash,
                                 .voted_view = vc->voted_view,
                                 .block_count = vc->header_count,
                                 .has_hq = vc->has_hq && !select_is_superseded(vc),
                                 .branch_count = vc->branch_count};
    for (uint32_t i = 0; i < vc->header_count; i++)
        out->blocks[i] = header_hash(&vc->headers[i]);
    if (!out->has_hq) return;
    out->hq_view = vc->hq.statement.view;
    out->hq_height = vc->hq.statement.height;
    out->hq_hash = vc->hq.statement.hash;
    for (uint32_t i = 0; i < vc->branch_count; i++)
        out->branch[i] = header_hash(&vc->branch[i]);
}

bool select_is_superseded(const struct view_change *vc)
{
    const struct statement *final =
        &vc->final_cert.statement; /* Views of two epochs do not compare. */
    return vc->has_hq && vc->has_final_cert && final->epoch == vc->hq.statement.epoch &&
           final->view > vc->hq.statement.view;
}

static struct block_id find_base(const struct select_claim *claims, uint32_t count)
{
    must(count > 0);
    struct block_id base = {.height = claims[0].final_height, .hash = claims[0].final_hash};
    for (uint32_t i = 1; i < count; i++) {
        const struct select_claim *c = &claims[i];
        bool is_higher = c->final_height > base.height;
        bool is_greater = c->final_height == base.height &&
                          memcmp(c->final_hash.bytes, base.hash.bytes, HASH_SIZE) > 0;
        if (is_higher || is_greater)
            base = (struct block_id){.height = c->final_height, .hash = c->final_hash};
    }
    return base;
}

static struct chain chain_above(const struct select_claim *claim, const struct block_id *base)
{
    must(claim->block_count <= CONSENSUS_WINDOW);
    must(claim->final_height <= base->height);
    uint64_t below = base->height - claim->final_height; /* Its blocks up to the base. */
    struct chain none = {.voted_view = claim->voted_view};
    if (below > claim->block_count) return none;
    const struct hash *own = below == 0 ? &claim->final_hash : &claim->blocks[below - 1];
    if (!hash_equal(own, &base->hash)) return none;
    return (struct chain){.count = claim->block_count - (uint32_t)below,
                          .blocks = claim->blocks + below,
                          .voted_view = claim->voted_view};
}

/* raft. What a majority committed in a view above the base is in the chain of one of the claims,
 * with that view or a later one, which holds it too. A claim of nothing above the base says
 * nothing. */
static struct block_id find_longest(const struct selection *s)
{
    const struct select_claim *best = NULL;
    struct block_id tip = s->base;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct chain *chain = &s->chains[i];
        if (chain->count == 0) continue;
        struct block_id own = {.height = s->base.height + chain->count,
                               .hash = chain->blocks[chain->count - 1]};
        bool is_better = best == NULL || is_later(&s->claims[i], &own, best, &tip);
        if (s->fault == FAULT_RAFT_LENGTH) is_better = own.height > tip.height;
        if (!is_better) continue;
        best = &s->claims[i];
        tip = own;
    }
    return tip;
}

static bool is_later(const struct select_claim *claim,
                     const struct block_id *tip,
                     const struct select_claim *best,
                     const struct block_id *best_tip)
{
    if (claim->voted_view != best->voted_view) return claim->voted_view > best->voted_view;
    if (tip->height != best_tip->height) return tip->height > best_tip->height;
    return memcmp(tip->hash.bytes, best_tip->hash.bytes, HASH_SIZE) > 0;
}

static const struct select_claim *find_hq(const struct selection *s)
{
    const struct select_claim *best = NULL;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct select_claim *c = &s->claims[i];
        if (!c->has_hq || !is_on_base(s, c)) continue;
        if (best != NULL) {
            if (c->hq_view < best->hq_view) continue;
            if (c->hq_view == best->hq_view && c->hq_height < best->hq_height) continue;
            if (c->hq_view == best->hq_view && c->hq_height == best->hq_height &&
                memcmp(c->hq_hash.bytes, best->hq_hash.bytes, HASH_SIZE) <= 0)
                continue;
        }
        best = c;
    }
    return best;
}

/* The block of its certificate is the base or descends from it. */
static bool is_on_base(const struct selection *s, const struct select_claim *claim)
{
    must(claim->final_height <= s->base.height);
    if (claim->hq_height < s->base.height) return false;
    const struct hash *at = &claim->final_hash;
    if (claim->hq_height == s->base.height)
        at = &claim->hq_hash;
    else if (claim->final_height < s->base.height)
        at = hq_path_at(claim, s->base.height);
    return hash_equal(at, &s->base.hash);
}

/* Of the blocks from its final one to that of its certificate. */
static const struct hash *hq_path_at(const struct select_claim *claim, uint64_t height)
{
    must(height > claim->final_height && height <= claim->hq_height);
    uint64_t fork = claim->hq_height - claim->branch_count; /* Height of the block below branch. */
    if (height > fork) return &claim->branch[height - fork - 1];
    must(height - claim->final_height <= claim->block_count);
    return &claim->blocks[height - claim->final_height - 1];
}

/* g: the deepest candidate with support, or the base. */
static struct block_id find_supported(const struct selection *s, uint32_t support)
{
    must(2 * support > s->count); /* So F is a chain: no two blocks of a height. */
    struct block_id deepest = s->base;
    if (s->fault == FAULT_SELECT_T) support++;
    if (s->fault == FAULT_SELECT_LOCKS) return deepest;
    for (uint32_t i = 0; i < s->count; i++) {
        for (uint32_t at = 0; at < s->chains[i].count; at++) {
            struct block_id block = {.height = s->base.height + 1 + at,
                                     .hash = s->chains[i].blocks[at]};
            uint64_t level;
            if (block.height <= deepest.height) continue;
            if (!find_level(s, &block, support, &level)) continue;
            if (is_candidate(s, &s->chains[i], &block, level)) deepest = block;
        }
    }
    return deepest;
}

/* False: fewer than support claims. */
static bool find_level(const struct selection *s,
                       const struct block_id *block,
                       uint32_t support,
                       uint64_t *level)
{
    uint64_t views[NODES_MAX]; /* Largest first. */
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (!is_in_chain(s, &s->chains[i], block)) continue;
        uint32_t place = count++;
        for (; place > 0 && views[place - 1] < s->chains[i].voted_view; place--)
            views[place] = views[place - 1];
        views[place] = s->chains[i].voted_view;
    }
    if (count < support) return false;
    *level = views[support - 1];
    return true;
}

/* chain shows block. */
static bool is_candidate(const struct selection *s,
                         const struct chain *chain,
                         const struct block_id *block,
                         uint64_t level)
{
    if (s->hq == NULL || level > s->hq->hq_view) return true;
    if (level < s->hq->hq_view || s->fault == FAULT_SELECT_TIE) return false;
    if (block->height <= s->hq->hq_height) return is_below_hq(s, block);
    return is_above_hq(s, chain);
}

static bool is_in_chain(const struct selection *s,
                        const struct chain *chain,
                        const struct block_id *block)
{
    must(block->height > s->base.height);
    uint64_t at = block->height - s->base.height - 1;
    return at < chain->count && hash_equal(&chain->blocks[at], &block->hash);
}

/* hq's block is block, or descends from it. */
static bool is_below_hq(const struct selection *s, const struct block_id *block)
{
    if (block->height == s->base.height) return true;
    if (block->height > s->hq->hq_height) return false;
    return hash_equal(hq_path_at(s->hq, block->height), &block->hash);
}

/* The chain holds hq's block. */
static bool is_above_hq(const struct selection *s, const struct chain *chain)
{
    struct block_id certified = hq_block(s->hq);
    return certified.height == s->base.height || is_in_chain(s, chain, &certified);
}

static struct block_id hq_block(const struct select_claim *claim)
{
    return (struct block_id){.height = claim->hq_height, .hash = claim->hq_hash};
}
