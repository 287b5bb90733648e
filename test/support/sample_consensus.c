#include "support/sample_consensus.h"

#include "base/must.h"

static const struct statement null_statement = {.is_null = true};

static void sign(struct signature *sig, uint32_t signer, const struct hash *hash)
{
    struct secret_key secret = sample_node_secret(signer);
    must(sign_hash(sample_signer(), sig, &secret, hash) == ST_OK);
}

struct validators sample_validators(void)
{
    static struct validators v;
    if (v.count == 0) {
        struct genesis g = sample_genesis();
        v = genesis_validators(&g);
        v.mode = MODE_BFT;
    }
    return v;
}

struct check_context sample_check_context(void)
{
    static struct validators v;
    static struct hash chain_id;
    v = sample_validators();
    chain_id = sample_chain_id();
    return (struct check_context){
        .validators = &v, .signer = sample_signer(), .chain_id = &chain_id};
}

struct header sample_child(const struct header *parent, uint64_t view, uint8_t variant)
{
    uint64_t height = parent == NULL ? 1 : parent->height + 1;
    struct hash chain_id = sample_chain_id();
    return (struct header){.chain_id = chain_id,
                           .height = height,
                           .view = view,
                           .parent = parent == NULL ? chain_id : header_hash(parent),
                           .exec_version = 1,
                           .time_ms = SAMPLE_TIME_MS + 10 * height + variant,
                           .tx_root = hash_of("", span_of(NULL, 0)),
                           .proposer = (uint32_t)(view % SAMPLE_NODES),
                           .mode = MODE_BFT};
}

struct proposal sample_proposal(const struct header *h)
{
    struct proposal p = {.header = *h};
    sample_sign_proposal(&p, h->proposer);
    return p;
}

static struct vote vote_of(uint32_t voter,
                           enum vote_part part,
                           uint64_t view,
                           const struct header *h)
{
    struct vote v = {.voter = voter, .parts = {null_statement, null_statement, null_statement}};
    v.parts[part] = (struct statement){.view = view, .height = h->height, .hash = header_hash(h)};
    sample_sign_vote(&v);
    return v;
}

struct vote sample_p1(uint32_t voter, uint64_t view, const struct header *h)
{
    return vote_of(voter, VOTE_P1, view, h);
}

struct vote sample_p2(uint32_t voter, uint64_t view, const struct header *h)
{
    return vote_of(voter, VOTE_P2, view, h);
}

struct certificate sample_quorum(
    enum vote_part part, uint64_t view, const struct header *h, uint32_t first, uint32_t count)
{
    struct certificate c = {.part = part, .entry_count = count};
    for (uint32_t i = 0; i < count; i++) {
        struct vote v = vote_of(first + i, part, view, h);
        c.entries[i] = certificate_cut(&v, part);
        c.statement = v.parts[part];
    }
    return c;
}

struct signature sample_anchor_word(const struct statement *s, uint32_t signer)
{
    struct hash chain_id = sample_chain_id();
    struct hash hash = anchor_hash(s, &chain_id);
    struct signature sig;
    sign(&sig, signer, &hash);
    return sig;
}

void sample_sign_proposal(struct proposal *p, uint32_t signer)
{
    struct hash block = header_hash(&p->header);
    struct hash hash = proposal_hash(&block);
    sign(&p->sig, signer, &hash);
}

void sample_sign_vote(struct vote *v)
{
    struct hash chain_id = sample_chain_id();
    struct hash hash = vote_hash(v, &chain_id);
    sign(&v->sig, v->voter, &hash);
}

void sample_sign_view_change(struct view_change *vc)
{
    struct hash chain_id = sample_chain_id();
    struct hash hash = view_change_hash(vc, &chain_id);
    sign(&vc->sig, vc->sender, &hash);
}

void sample_sign_new_view(struct new_view *nv)
{
    struct hash chain_id = sample_chain_id();
    struct hash hash = new_view_hash(nv, &chain_id);
    sign(&nv->sig, nv->sender, &hash);
}

void sample_sign_status(struct status_report *s)
{
    struct hash chain_id = sample_chain_id();
    struct hash hash = status_report_hash(s, &chain_id);
    sign(&s->sig, s->sender, &hash);
}

struct sample_history sample_history(void)
{
    struct sample_history h;
    h.blocks[0] = sample_child(NULL, 0, 0);
    h.blocks[1] = sample_child(&h.blocks[0], 0, 0);
    h.blocks[2] = sample_child(&h.blocks[1], 0, 0);
    h.final_cert = sample_quorum(VOTE_P2, 0, &h.blocks[0], 0, 3);
    h.hq = sample_quorum(VOTE_P1, 0, &h.blocks[1], 1, 3);
    return h;
}

void sample_view_change(struct view_change *vc, const struct sample_history *h, uint32_t sender)
{
    *vc = (struct view_change){.to_view = 1,
                               .sender = sender,
                               .final_height = 1,
                               .final_hash = header_hash(&h->blocks[0]),
                               .has_final_cert = true,
                               .final_cert = h->final_cert,
                               .header_count = 2,
                               .headers = {h->blocks[1], h->blocks[2]},
                               .has_hq = true,
                               .hq = h->hq};
    sample_sign_view_change(vc);
}

void sample_new_view(struct new_view *nv, const struct sample_history *h)
{
    nv->epoch = 0;
    nv->view = 1;
    nv->sender = 1;
    nv->vc_count = 3;
    for (uint32_t i = 0; i < nv->vc_count; i++)
        sample_view_change(&nv->vcs[i], h, i);
    nv->height = 2;
    nv->hash = header_hash(&h->blocks[1]);
    nv->has_word = false;
    sample_sign_new_view(nv);
}

struct status_report sample_status(void)
{
    struct status_report s = {.sender = 2,
                              .view = 5,
                              .is_open = true,
                              .tip_height = 300,
                              .final_height = 299,
                              .executed_height = 298,
                              .executed_digest = hash_of("sample", span_text("digest")),
                              .result_height = 297,
                              .suspects = 1u << 3,
                              .is_fresh = true,
                              .nonce = 0x0123456789abcdefu};
    sample_sign_status(&s);
    return s;
}
