/* evidence_verify.c - Does evidence prove what it says? E1 to E5.
 *
 * Cheap comparisons first, signatures last; what is signed by others than the offender
 * (certificates and view changes inside a new view) is judged by check.h, as its sender had to. */
#include "base/must.h"
#include "consensus/evidence_int.h"
#include "consensus/wire_int.h"

static enum status verify_proposals(const struct evidence *e, const struct check_context *context);
static enum status verify_votes(const struct evidence *e, const struct check_context *context);
static enum status verify_false_view_change(const struct evidence *e,
                                            const struct check_context *context);
static enum status verify_view_changes(const struct evidence *e,
                                       const struct check_context *context);
static enum status verify_new_view(const struct evidence *e,
                                   const struct check_context *context,
                                   struct mem *mem);
static enum status check_view_change(const struct evidence *e,
                                     const struct view_change *vc,
                                     const struct check_context *context);

enum status evidence_verify(const struct evidence *e,
                            const struct validators *v,
                            const struct signer *signer,
                            const struct hash *chain_id,
                            struct mem *mem)
{
    if (e->offender >= v->count || e->bytes.size > EVIDENCE_SIZE_MAX) return ST_INVALID;
    struct check_context context = {
        .validators = v, .signer = signer, .chain_id = chain_id, .epoch = e->epoch};
    switch (e->kind) {
    case EVIDENCE_E1: return verify_proposals(e, &context);
    case EVIDENCE_E2: return verify_votes(e, &context);
    case EVIDENCE_E3: return verify_false_view_change(e, &context);
    case EVIDENCE_E4: return verify_view_changes(e, &context);
    case EVIDENCE_E5: return verify_new_view(e, &context, mem);
    case EVIDENCE_E6: return evidence_verify_content(e, &context, mem);
    case EVIDENCE_E7: return evidence_verify_results(e, &context);
    case EVIDENCE_E8: return evidence_verify_false_result(e, &context);
    case EVIDENCE_E9: return evidence_verify_commits(e, &context);
    case EVIDENCE_E10: return evidence_verify_reply(e, &context, mem);
    }
    return ST_INVALID;
}

enum status evidence_check_proposal(const struct evidence *e,
                                    const struct proposal *p,
                                    const struct check_context *context)
{
    const struct header *h = &p->header;
    if (!hash_equal(&h->chain_id, context->chain_id) || h->epoch != e->epoch) return ST_INVALID;
    if (h->view != e->view || h->height != e->height || h->proposer != e->offender)
        return ST_INVALID;
    struct hash block = header_hash(h);
    struct hash hash = proposal_hash(&block);
    must(e->offender < context->validators->count);
    return sign_verify(context->signer, &context->validators->keys[e->offender], &hash, &p->sig);
}

static enum status verify_proposals(const struct evidence *e, const struct check_context *context)
{
    struct proposal a;
    struct proposal b;
    struct cbor in = cbor_of(e->bytes);
    cbor_expect_array(&in, 2);
    proposal_decode(&a, &in);
    proposal_decode(&b, &in);
    if (cbor_end(&in) != ST_OK) return ST_INVALID;
    struct hash hash_a = header_hash(&a.header);
    struct hash hash_b = header_hash(&b.header);
    if (memcmp(hash_a.bytes, hash_b.bytes, HASH_SIZE) >= 0) return ST_INVALID;
    TRY(evidence_check_proposal(e, &a, context));
    return evidence_check_proposal(e, &b, context);
}

static enum status verify_votes(const struct evidence *e, const struct check_context *context)
{
    struct vote a;
    struct vote b;
    struct cbor in = cbor_of(e->bytes);
    cbor_expect_array(&in, 3);
    vote_decode(&a, &in);
    vote_decode(&b, &in);
    const struct statement *p = &a.parts[VOTE_P1];
    const struct statement *q = &b.parts[VOTE_P1];
    evidence_check_fork(&in, p, q);
    if (cbor_end(&in) != ST_OK || p->is_null || q->is_null) return ST_INVALID;
    if (p->epoch != e->epoch || q->epoch != e->epoch) return ST_INVALID;
    if (p->view != e->view || q->view != e->view || p->height != e->height) return ST_INVALID;
    TRY(evidence_check_vote(e, &a, context));
    return evidence_check_vote(e, &b, context);
}

void evidence_check_fork(struct cbor *in, const struct statement *low, const struct statement *high)
{
    uint64_t count = cbor_get_array(in);
    if (count > EVIDENCE_HEADERS_MAX || low->height > high->height) cbor_fail(in);
    if (in->status != ST_OK || high->height - low->height != count) {
        cbor_fail(in);
        return;
    }
    if (count == 0) {
        if (memcmp(low->hash.bytes, high->hash.bytes, HASH_SIZE) >= 0) cbor_fail(in);
        return;
    }
    struct hash parent = low->hash;
    for (uint64_t i = 0; i < count; i++) {
        struct header h;
        header_decode(&h, in);
        if (in->status != ST_OK) return;
        bool is_linked = hash_equal(&h.parent, &parent);
        if (h.height != low->height + 1 + i || is_linked != (i > 0)) cbor_fail(in);
        parent = header_hash(&h);
    }
    if (!hash_equal(&parent, &high->hash)) cbor_fail(in);
}

enum status evidence_check_vote(const struct evidence *e,
                                const struct vote *v,
                                const struct check_context *context)
{
    if (v->voter != e->offender) return ST_INVALID;
    struct hash hash = vote_hash(v, context->chain_id);
    return sign_verify(context->signer, &context->validators->keys[v->voter], &hash, &v->sig);
}

static enum status verify_false_view_change(const struct evidence *e,
                                            const struct check_context *context)
{
    struct vote vote;
    struct view_change vc;
    struct cbor in = cbor_of(e->bytes);
    cbor_expect_array(&in, 2);
    vote_decode(&vote, &in);
    view_change_decode(&vc, &in);
    if (cbor_end(&in) != ST_OK) return ST_INVALID;
    uint64_t height;
    if (!evidence_is_contradiction(&vote, &vc, &height) || height != e->height) return ST_INVALID;
    TRY(evidence_check_vote(e, &vote, context));
    return check_view_change(e, &vc, context);
}

static enum status verify_view_changes(const struct evidence *e,
                                       const struct check_context *context)
{
    static const struct hash no_chain = {{0}}; /* As in evidence_of_view_changes. */
    struct view_change a;
    struct view_change b;
    struct cbor in = cbor_of(e->bytes);
    cbor_expect_array(&in, 2);
    view_change_decode(&a, &in);
    view_change_decode(&b, &in);
    if (cbor_end(&in) != ST_OK || e->height != 0) return ST_INVALID;
    struct hash hash_a = view_change_hash(&a, &no_chain);
    struct hash hash_b = view_change_hash(&b, &no_chain);
    if (memcmp(hash_a.bytes, hash_b.bytes, HASH_SIZE) >= 0) return ST_INVALID;
    TRY(check_view_change(e, &a, context));
    return check_view_change(e, &b, context);
}

static enum status check_view_change(const struct evidence *e,
                                     const struct view_change *vc,
                                     const struct check_context *context)
{
    if (vc->epoch != e->epoch || vc->sender != e->offender || vc->to_view != e->view)
        return ST_INVALID;
    struct hash hash = view_change_hash(vc, context->chain_id);
    return sign_verify(context->signer, &context->validators->keys[vc->sender], &hash, &vc->sig);
}

static enum status verify_new_view(const struct evidence *e,
                                   const struct check_context *context,
                                   struct mem *mem)
{
    struct new_view *nv = mem_alloc(mem, sizeof *nv);
    if (nv == NULL) return ST_NO_MEMORY;
    enum status st = ST_INVALID;
    struct cbor in = cbor_of(e->bytes);
    new_view_decode(nv, &in);
    if (cbor_end(&in) != ST_OK || e->height != 0) goto out;
    if (nv->sender != e->offender || nv->epoch != e->epoch || nv->view != e->view) goto out;
    enum consensus_reject wrong = new_view_check(nv, context, NULL);
    must(wrong != REJECT_EPOCH && wrong != REJECT_SENDER);
    if (wrong == REJECT_SIGNATURE)
        st = ST_SIGNATURE;
    else if (wrong != REJECT_NONE)
        st = ST_OK;
out:
    mem_free(mem, nv);
    return st;
}
