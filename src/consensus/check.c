/* check.c - The checks of consensus.md 1.5, cheapest first. */
#include "consensus/check.h"

#include "base/must.h"

static enum consensus_reject check_chain(const struct view_change *vc,
                                         const struct check_context *context);
static bool is_linked(const struct header *headers,
                      uint32_t count,
                      const struct statement *tip,
                      const struct hash *parent,
                      const struct check_context *context);
static bool is_branch_whole(const struct view_change *vc, const struct check_context *context);
static enum consensus_reject check_tip(const struct view_change *vc,
                                       const struct check_context *context);
static bool is_final_named(const struct view_change *vc, const struct check_context *context);
static bool is_final_certified(const struct view_change *vc, const struct check_context *context);
static bool is_hq_named(const struct view_change *vc, const struct check_context *context);
static bool is_signed_by(const struct check_context *context,
                         uint32_t sender,
                         const struct hash *hash,
                         const struct signature *sig);
static enum consensus_reject check_senders(const struct new_view *nv,
                                           const struct check_context *context);
static bool is_word_given(const struct new_view *nv, const struct check_context *context);
static void select_of(struct select_result *out,
                      const struct new_view *nv,
                      const struct check_context *context);

enum consensus_reject view_change_check(const struct view_change *vc,
                                        const struct check_context *context)
{
    const struct validators *v = context->validators;
    if (vc->epoch != context->epoch) return REJECT_EPOCH;
    if (vc->sender >= v->count) return REJECT_SENDER;
    if (vc->voted_view >= vc->to_view) return REJECT_VC_VOTED_VIEW;
    enum consensus_reject wrong = check_chain(vc, context);
    if (wrong != REJECT_NONE) return wrong;
    if (!is_final_named(vc, context)) return REJECT_VC_FINAL;
    if (!is_hq_named(vc, context) || !is_branch_whole(vc, context)) return REJECT_VC_HQ;
    struct hash hash = view_change_hash(vc, context->chain_id);
    if (!is_signed_by(context, vc->sender, &hash, &vc->sig)) return REJECT_SIGNATURE;
    wrong = check_tip(vc, context);
    if (wrong != REJECT_NONE) return wrong;
    if (vc->has_final_cert && !is_final_certified(vc, context)) return REJECT_VC_FINAL;
    if (vc->has_hq &&
        certificate_verify(&vc->hq, context->signer, context->chain_id, v, quorum_size(v)) != ST_OK)
        return REJECT_VC_HQ;
    return REJECT_NONE;
}

enum consensus_reject new_view_check(const struct new_view *nv,
                                     const struct check_context *context,
                                     struct select_result *selected)
{
    if (nv->epoch != context->epoch) return REJECT_EPOCH;
    if (nv->sender >= context->validators->count) return REJECT_SENDER;
    struct hash hash = new_view_hash(nv, context->chain_id);
    if (!is_signed_by(context, nv->sender, &hash, &nv->sig)) return REJECT_SIGNATURE;
    enum consensus_reject wrong = check_senders(nv, context);
    if (wrong != REJECT_NONE) return wrong;
    for (uint32_t i = 0; i < nv->vc_count; i++)
        if (view_change_check(&nv->vcs[i], context) != REJECT_NONE) return REJECT_NV_VC;
    if (!is_word_given(nv, context)) return REJECT_NV_WORD;
    struct select_result x;
    select_of(&x, nv, context);
    if (x.height != nv->height || !hash_equal(&x.hash, &nv->hash)) return REJECT_NV_ANCHOR;
    if (selected != NULL) *selected = x;
    return REJECT_NONE;
}

/* Headers final + 1 … of this chain and epoch, linked, none proposed after the view of the vote. */
static enum consensus_reject check_chain(const struct view_change *vc,
                                         const struct check_context *context)
{
    must(vc->header_count <= CONSENSUS_WINDOW);
    struct statement tip = {.view = vc->voted_view, .height = vc->final_height + vc->header_count};
    bool is_chain = is_linked(vc->headers, vc->header_count, &tip, &vc->final_hash, context);
    return is_chain ? REJECT_NONE : REJECT_VC_CHAIN;
}

/* Up to the height of tip, none proposed after its view, the first a child of parent. */
static bool is_linked(const struct header *headers,
                      uint32_t count,
                      const struct statement *tip,
                      const struct hash *parent,
                      const struct check_context *context)
{
    struct hash below = *parent;
    for (uint32_t i = 0; i < count; i++) {
        const struct header *h = &headers[i];
        if (h->height != tip->height - count + 1 + i) return false;
        if (h->epoch != context->epoch || h->view > tip->view) return false;
        if (!hash_equal(&h->chain_id, context->chain_id)) return false;
        if (!hash_equal(&h->parent, &below)) return false;
        below = header_hash(h);
    }
    return true;
}

/* The block of hq is a header, or the branch leads to it, in one way only. What the final block
 * makes worthless (select.h) is shown without. */
static bool is_branch_whole(const struct view_change *vc, const struct check_context *context)
{
    const struct statement *s = &vc->hq.statement;
    bool is_needed = vc->has_hq && s->height > vc->final_height && !select_is_superseded(vc);
    if (!is_needed) return vc->branch_count == 0;
    uint64_t above = s->height - vc->final_height;
    if (above > CONSENSUS_WINDOW || vc->branch_count > above) return false;
    uint64_t fork = above - vc->branch_count; /* So many headers below the branch. */
    if (fork > vc->header_count) return false;
    struct hash parent = fork == 0 ? vc->final_hash : header_hash(&vc->headers[fork - 1]);
    if (vc->branch_count == 0) return hash_equal(&parent, &s->hash);
    if (!is_linked(vc->branch, vc->branch_count, s, &parent, context)) return false;
    struct hash first = header_hash(&vc->branch[0]);
    struct hash last = header_hash(&vc->branch[vc->branch_count - 1]);
    if (!hash_equal(&last, &s->hash)) return false;
    if (fork == vc->header_count) return true;
    struct hash other = header_hash(&vc->headers[fork]);
    return !hash_equal(&first, &other);
}

/* raft: a claim counts by its voted view, in which a leader proposed its last header, or took it as
 * the view's anchor; either way it signed for it. */
static enum consensus_reject check_tip(const struct view_change *vc,
                                       const struct check_context *context)
{
    bool is_needed = context->validators->mode == MODE_RAFT && vc->header_count > 0;
    if (vc->has_tip_sig != is_needed) return REJECT_VC_TIP;
    if (!is_needed) return REJECT_NONE;
    const struct header *tip = &vc->headers[vc->header_count - 1];
    struct statement anchor = {.epoch = vc->epoch,
                               .view = vc->voted_view,
                               .height = tip->height,
                               .hash = header_hash(tip)};
    struct hash hash = tip->view == vc->voted_view ? proposal_hash(&anchor.hash)
                                                   : anchor_hash(&anchor, context->chain_id);
    uint32_t leader = quorum_leader(context->validators, vc->voted_view);
    return is_signed_by(context, leader, &hash, &vc->tip_sig) ? REJECT_NONE : REJECT_VC_TIP;
}

/* The certificate is of the block called final; the genesis needs none. */
static bool is_final_named(const struct view_change *vc, const struct check_context *context)
{
    if (vc->final_height == 0)
        return !vc->has_final_cert && hash_equal(&vc->final_hash, context->chain_id);
    const struct statement *s = &vc->final_cert.statement;
    bool is_epoch = s->epoch == vc->epoch || s->epoch + 1 == vc->epoch;
    return vc->has_final_cert && is_epoch && s->height == vc->final_height &&
           hash_equal(&s->hash, &vc->final_hash);
}

/* Before the first block of an epoch is final, the last one of the epoch before is. */
static bool is_final_certified(const struct view_change *vc, const struct check_context *context)
{
    bool is_old = vc->final_cert.statement.epoch != vc->epoch;
    const struct validators *v = is_old ? context->previous : context->validators;
    if (v == NULL) return true;
    if (v->count == 0) return false;
    return quorum_check_commit(v, &vc->final_cert, context->signer, context->chain_id) == ST_OK;
}

static bool is_hq_named(const struct view_change *vc, const struct check_context *context)
{
    must(vc->epoch == context->epoch);
    if (!vc->has_hq) return true;
    if (context->validators->mode == MODE_RAFT) return false;
    const struct statement *s = &vc->hq.statement;
    return vc->hq.part == VOTE_P1 && s->epoch == vc->epoch && s->view < vc->to_view &&
           s->height > 0;
}

static bool is_signed_by(const struct check_context *context,
                         uint32_t sender,
                         const struct hash *hash,
                         const struct signature *sig)
{
    must(sender < context->validators->count);
    const struct public_key *key = &context->validators->keys[sender];
    return sign_verify(context->signer, key, hash, sig) == ST_OK;
}

static bool is_word_given(const struct new_view *nv, const struct check_context *context)
{
    if (context->validators->mode != MODE_RAFT) return !nv->has_word;
    struct statement x = {
        .epoch = nv->epoch, .view = nv->view, .height = nv->height, .hash = nv->hash};
    struct hash hash = anchor_hash(&x, context->chain_id);
    return nv->has_word && is_signed_by(context, nv->sender, &hash, &nv->word);
}

static enum consensus_reject check_senders(const struct new_view *nv,
                                           const struct check_context *context)
{
    uint32_t count = quorum_view_change(context->validators);
    bool is_raft = context->validators->mode == MODE_RAFT;
    if (nv->vc_count < count || (nv->vc_count > count && !is_raft)) return REJECT_NV_COUNT;
    if (nv->vc_count > context->validators->count) return REJECT_NV_COUNT;
    for (uint32_t i = 0; i < nv->vc_count; i++) {
        uint32_t sender = nv->vcs[i].sender;
        if (sender >= context->validators->count) return REJECT_NV_SENDERS;
        if (i > 0 && sender <= nv->vcs[i - 1].sender) return REJECT_NV_SENDERS;
        if (nv->vcs[i].to_view != nv->view) return REJECT_NV_VIEW;
    }
    return REJECT_NONE;
}

static void select_of(struct select_result *out,
                      const struct new_view *nv,
                      const struct check_context *context)
{
    struct select_claim claims[NODES_MAX];
    must(nv->vc_count <= NODES_MAX);
    for (uint32_t i = 0; i < nv->vc_count; i++)
        select_claim_of(&claims[i], &nv->vcs[i]);
    select_anchor_faulty(out, context->validators, claims, nv->vc_count, context->fault);
}
