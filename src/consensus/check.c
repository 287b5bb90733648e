/* check.c - The checks of consensus.md 1.5, cheapest first. */
#include "consensus/check.h"

#include "base/must.h"

static enum consensus_reject check_chain(const struct view_change *vc,
                                         const struct check_context *context);
static bool is_final_named(const struct view_change *vc, const struct check_context *context);
static bool is_hq_named(const struct view_change *vc, const struct check_context *context);
static bool is_signed_by(const struct check_context *context,
                         uint32_t sender,
                         const struct hash *hash,
                         const struct signature *sig);
static enum consensus_reject check_senders(const struct new_view *nv,
                                           const struct check_context *context);
static void select_of(struct select_result *out,
                      const struct new_view *nv,
                      const struct validators *v);

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
    if (!is_hq_named(vc, context)) return REJECT_VC_HQ;
    struct hash hash = view_change_hash(vc, context->chain_id);
    if (!is_signed_by(context, vc->sender, &hash, &vc->sig)) return REJECT_SIGNATURE;
    if (vc->has_final_cert &&
        quorum_check_commit(v, &vc->final_cert, context->signer, context->chain_id) != ST_OK)
        return REJECT_VC_FINAL;
    if (vc->has_hq &&
        certificate_verify(&vc->hq, context->signer, context->chain_id, v, quorum_size(v)) != ST_OK)
        return REJECT_VC_HQ;
    return REJECT_NONE;
}

enum consensus_reject new_view_check(const struct new_view *nv,
                                     const struct check_context *context,
                                     struct select_result *selected)
{
    const struct validators *v = context->validators;
    if (nv->epoch != context->epoch) return REJECT_EPOCH;
    if (nv->sender >= v->count) return REJECT_SENDER;
    struct hash hash = new_view_hash(nv, context->chain_id);
    if (!is_signed_by(context, nv->sender, &hash, &nv->sig)) return REJECT_SIGNATURE;
    enum consensus_reject wrong = check_senders(nv, context);
    if (wrong != REJECT_NONE) return wrong;
    for (uint32_t i = 0; i < nv->vc_count; i++)
        if (view_change_check(&nv->vcs[i], context) != REJECT_NONE) return REJECT_NV_VC;
    struct select_result x;
    select_of(&x, nv, v);
    if (x.height != nv->height || !hash_equal(&x.hash, &nv->hash)) return REJECT_NV_ANCHOR;
    if (selected != NULL) *selected = x;
    return REJECT_NONE;
}

/* Headers final + 1 … of this chain and epoch, linked, none proposed after the view of the vote. */
static enum consensus_reject check_chain(const struct view_change *vc,
                                         const struct check_context *context)
{
    must(vc->header_count <= CONSENSUS_WINDOW);
    struct hash parent = vc->final_hash;
    for (uint32_t i = 0; i < vc->header_count; i++) {
        const struct header *h = &vc->headers[i];
        if (h->height != vc->final_height + 1 + i) return REJECT_VC_CHAIN;
        if (h->epoch != vc->epoch || h->view > vc->voted_view) return REJECT_VC_CHAIN;
        if (!hash_equal(&h->chain_id, context->chain_id)) return REJECT_VC_CHAIN;
        if (!hash_equal(&h->parent, &parent)) return REJECT_VC_CHAIN;
        parent = header_hash(h);
    }
    return REJECT_NONE;
}

/* The certificate is of the block called final; the genesis needs none. */
static bool is_final_named(const struct view_change *vc, const struct check_context *context)
{
    if (vc->final_height == 0)
        return !vc->has_final_cert && hash_equal(&vc->final_hash, context->chain_id);
    const struct statement *s = &vc->final_cert.statement;
    return vc->has_final_cert && s->epoch == vc->epoch && s->height == vc->final_height &&
           hash_equal(&s->hash, &vc->final_hash);
}

static bool is_hq_named(const struct view_change *vc, const struct check_context *context)
{
    must(vc->epoch == context->epoch);
    if (!vc->has_hq) return true;
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

static enum consensus_reject check_senders(const struct new_view *nv,
                                           const struct check_context *context)
{
    if (nv->vc_count != quorum_view_change(context->validators)) return REJECT_NV_COUNT;
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
                      const struct validators *v)
{
    struct select_claim claims[NODES_MAX];
    must(nv->vc_count <= NODES_MAX);
    for (uint32_t i = 0; i < nv->vc_count; i++)
        select_claim_of(&claims[i], &nv->vcs[i]);
    select_anchor(out, v, claims, nv->vc_count);
}
