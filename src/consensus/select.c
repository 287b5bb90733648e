/* select.c - consensus.md 1.6, step by step.
 *
 *   base   highest final block among the claims
 *   chains what each claim says above the base; nothing, if it is on a fork of the base
 *   hq     highest certificate by (view, height) on base or above, not on a known fork
 *   F      blocks above base that T claims support; lvl = T-th largest voted view among them
 *   G      of F: lvl > hq.view, or lvl == hq.view and compatible with hq's block
 *   g      deepest of G, or base
 *   X      hq's block when it descends from g, else g
 *
 * Claims on different tips count together for a common ancestor, also claims of different views.
 * In bft F is empty: what is committed there is locked, and hq shows it. */
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
    struct chain chains[NODES_MAX];
    const struct select_claim *hq; /* Whose certificate is the highest; null: none. */
};

static struct block_id find_base(const struct select_claim *claims, uint32_t count);
static struct chain chain_above(const struct select_claim *claim, const struct block_id *base);
static const struct select_claim *find_hq(const struct selection *s);
static bool is_on_base(const struct selection *s, const struct block_id *block);
static struct block_id find_supported(const struct selection *s, uint32_t support);
static bool find_level(const struct selection *s,
                       const struct block_id *block,
                       uint32_t support,
                       uint64_t *level);
static bool is_candidate(const struct selection *s, const struct block_id *block, uint64_t level);
static bool is_in_chain(const struct selection *s,
                        const struct chain *chain,
                        const struct block_id *block);
static bool is_ancestor(const struct selection *s,
                        const struct block_id *ancestor,
                        const struct block_id *block);
static struct block_id hq_block(const struct select_claim *claim);
static bool block_equal(const struct block_id *a, const struct block_id *b);

void select_anchor(struct select_result *out,
                   const struct validators *v,
                   const struct select_claim *claims,
                   uint32_t count)
{
    must(v->mode == MODE_BFT || v->mode == MODE_FAST);
    must(count == quorum_view_change(v));
    struct selection s = {.base = find_base(claims, count), .claims = claims, .count = count};
    for (uint32_t i = 0; i < count; i++)
        s.chains[i] = chain_above(&claims[i], &s.base);
    s.hq = find_hq(&s);
    struct block_id x = s.base;
    if (v->mode == MODE_FAST) x = find_supported(&s, quorum_fast_support(v));
    if (s.hq != NULL) {
        struct block_id certified = hq_block(s.hq);
        if (is_ancestor(&s, &x, &certified)) x = certified;
    }
    must(x.height >= s.base.height);
    *out = (struct select_result){
        .base_height = s.base.height, .base_hash = s.base.hash, .height = x.height, .hash = x.hash};
}

void select_claim_of(struct select_claim *out, const struct view_change *vc)
{
    must(vc->header_count <= CONSENSUS_WINDOW);
    *out = (struct select_claim){.final_height = vc->final_height,
                                 .final_hash = vc->final_hash,
                                 .voted_view = vc->voted_view,
                                 .block_count = vc->header_count,
                                 .has_hq = vc->has_hq};
    for (uint32_t i = 0; i < vc->header_count; i++)
        out->blocks[i] = header_hash(&vc->headers[i]);
    if (!vc->has_hq) return;
    out->hq_view = vc->hq.statement.view;
    out->hq_height = vc->hq.statement.height;
    out->hq_hash = vc->hq.statement.hash;
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

static const struct select_claim *find_hq(const struct selection *s)
{
    const struct select_claim *best = NULL;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct select_claim *c = &s->claims[i];
        struct block_id block = hq_block(c);
        if (!c->has_hq || !is_on_base(s, &block)) continue;
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

/* Base, a descendant, or above it and in no chain at all. */
static bool is_on_base(const struct selection *s, const struct block_id *block)
{
    if (block->height <= s->base.height) return block_equal(block, &s->base);
    bool is_known = false;
    for (uint32_t i = 0; i < s->count; i++) {
        if (is_in_chain(s, &s->chains[i], block)) return true;
        const struct select_claim *c = &s->claims[i];
        uint64_t at = block->height - c->final_height - 1; /* Above every final height. */
        if (at < c->block_count && hash_equal(&c->blocks[at], &block->hash)) is_known = true;
    }
    return !is_known;
}

/* g: the deepest candidate with support, or the base. */
static struct block_id find_supported(const struct selection *s, uint32_t support)
{
    must(2 * support > s->count); /* So F is a chain: no two blocks of a height. */
    struct block_id deepest = s->base;
    for (uint32_t i = 0; i < s->count; i++) {
        for (uint32_t at = 0; at < s->chains[i].count; at++) {
            struct block_id block = {.height = s->base.height + 1 + at,
                                     .hash = s->chains[i].blocks[at]};
            uint64_t level;
            if (block.height <= deepest.height) continue;
            if (!find_level(s, &block, support, &level)) continue;
            if (is_candidate(s, &block, level)) deepest = block;
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

static bool is_candidate(const struct selection *s, const struct block_id *block, uint64_t level)
{
    if (s->hq == NULL || level > s->hq->hq_view) return true;
    if (level < s->hq->hq_view) return false;
    struct block_id certified = hq_block(s->hq);
    return is_ancestor(s, &certified, block) || is_ancestor(s, block, &certified);
}

static bool is_in_chain(const struct selection *s,
                        const struct chain *chain,
                        const struct block_id *block)
{
    must(block->height > s->base.height);
    uint64_t at = block->height - s->base.height - 1;
    return at < chain->count && hash_equal(&chain->blocks[at], &block->hash);
}

/* Or equal. block stands on the base; false when no chain shows both. */
static bool is_ancestor(const struct selection *s,
                        const struct block_id *ancestor,
                        const struct block_id *block)
{
    if (block_equal(ancestor, &s->base)) return true;
    if (block->height < ancestor->height) return false;
    for (uint32_t i = 0; i < s->count; i++)
        if (is_in_chain(s, &s->chains[i], block) && is_in_chain(s, &s->chains[i], ancestor))
            return true;
    return false;
}

static struct block_id hq_block(const struct select_claim *claim)
{
    return (struct block_id){.height = claim->hq_height, .hash = claim->hq_hash};
}

static bool block_equal(const struct block_id *a, const struct block_id *b)
{
    return a->height == b->height && hash_equal(&a->hash, &b->hash);
}
